//! Finds people who would get the identifier or the e-mail of somebody else, written in another way. The other one may be
//! the same person, or the two may be mixed up. The data cannot tell, so a person looks at the plan.
//!
//! Linear: a key is kept with a few of its owners only, and no key is made if nobody gets an identifier or an e-mail.

use rustc_hash::{FxHashMap, FxHashSet};

use super::changes::{Changed, Draft, Drafts};
use super::index::describe;
use super::keys::{few_by_key, identifier_of, keys};
use super::look_alikes::warning;
use super::{Claim, Comparison, describe_user};
use crate::diagnostic::Diagnostic;
use crate::employee::{Desired, ExternalIdentifier, User};
use crate::side_by_side::side_by_side;

/// A user of Skovik, by the index among the active or the inactive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Active(u32),
    Inactive(u32),
}

/// Somebody with values that nobody else should get in another spelling.
#[derive(Debug, Clone, Copy)]
struct Holder {
    owner: Owner,
    /// Whether this user gets another value, or comes back with another one.
    moves: bool,
    /// Whether the identifier is one of these values.
    identifier: bool,
    /// Whether the e-mail is one.
    email: bool,
}

/// A person who would get an identifier or an e-mail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Getter {
    pub(super) employee: u32,
    /// The user whom the person has already.
    own: Option<Owner>,
    pub(super) what: &'static str,
    identifier: bool,
    email: bool,
}

impl Comparison<'_> {
    /// Remarks for everybody who would get the identifier or the e-mail of one of these, written in another way: a user
    /// without a record of their own, in whatever branch, an inactive user, or a user who would get another one.
    pub(super) fn remark_nearly_the_same(&self, drafts: &mut Drafts) {
        let getters: Vec<Getter> = drafts.drafts.iter().filter_map(getter).collect();
        if getters.is_empty() {
            return;
        }
        let holders = self.holders(&drafts.drafts);
        if holders.is_empty() {
            return;
        }
        let by_key = self.holders_by_key(&holders, &getters);
        if by_key.is_empty() {
            return;
        }
        let remarks = side_by_side(getters.len() as u32, |range| {
            let remark = |place: u32| self.remark_of_spelling(getters[place as usize], &holders, &by_key);
            range.filter_map(remark).collect::<Vec<Diagnostic>>()
        });
        drafts.diagnostics.extend(remarks.into_iter().flatten());
    }

    /// Everybody whose values are compared.
    fn holders(&self, drafts: &[Draft]) -> Vec<Holder> {
        // Whoever has a record of their own keeps what that says.
        let mut has_own = vec![false; self.directory.users.len()];
        for claim in &self.claims {
            if let Claim::User(user) | Claim::Kept(user) = claim {
                has_own[*user as usize] = true;
            }
        }
        let Desired { set_aside, doubtful, elsewhere, .. } = self.desired;
        let listed = set_aside.iter().chain(doubtful).filter_map(|record| record.identifier.as_ref());
        let listed: FxHashSet<&ExternalIdentifier> =
            listed.chain(elsewhere.iter().map(|other| &other.identifier)).collect();
        let others = (0..self.directory.users.len() as u32).filter(|user| !has_own[*user as usize]);
        let mut holders: Vec<Holder> = others
            .map(|user| {
                let held = self.user(user).identifier.as_ref();
                // Both numbers are in the list, so that they are two people.
                let is_free =
                    |held: &ExternalIdentifier| !listed.contains(held) && self.person(held.as_str()).is_none();
                Holder { owner: Owner::Active(user), moves: false, identifier: held.is_some_and(is_free), email: true }
            })
            .collect();
        holders.extend(drafts.iter().filter_map(|draft| {
            let Draft::Update { user, changed, .. } = draft else { return None };
            let gives_up = |field: Changed| changed.contains(&field);
            let (identifier, email) = (gives_up(Changed::ExternalIdentifier), gives_up(Changed::PrimaryEmail));
            (identifier || email).then_some(Holder { owner: Owner::Active(*user), moves: true, identifier, email })
        }));
        let back: FxHashMap<u32, u32> = (0..)
            .zip(&self.claims)
            .filter_map(|(index, claim)| if let Claim::Inactive(user) = claim { Some((*user, index)) } else { None })
            .collect();
        for (place, user) in (0..).zip(&self.directory.inactive) {
            let returns_as = back.get(&place).map(|&index| self.employee(index));
            let keeps_number =
                returns_as.is_some_and(|employee| user.identifier.as_ref() == Some(&employee.identifier));
            let holder = Holder {
                owner: Owner::Inactive(place),
                moves: returns_as.is_some(),
                identifier: self.policy.reactivate && !keeps_number,
                email: !returns_as.is_some_and(|employee| user.email.is(&employee.email)),
            };
            if holder.identifier || holder.email {
                holders.push(holder);
            }
        }
        holders
    }

    /// A few of the holders by each key of theirs. If fewer people get something, only by the keys that these have.
    fn holders_by_key(&self, holders: &[Holder], getters: &[Getter]) -> FxHashMap<String, Vec<u32>> {
        let wanted: Option<FxHashSet<String>> = (getters.len() < holders.len())
            .then(|| getters.iter().flat_map(|getter| self.keys_of_getter(getter)).collect());
        few_by_key(holders.len() as u32, wanted.as_ref(), |place| {
            let holder = holders[place as usize];
            let user = self.user_of(holder.owner);
            keys(identifier_of(user).filter(|_| holder.identifier), holder.email.then_some(&user.email))
        })
    }

    pub(super) fn keys_of_getter(&self, getter: &Getter) -> Vec<String> {
        let employee = self.employee(getter.employee);
        let identifier = getter.identifier.then_some(employee.identifier.as_str());
        keys(identifier, getter.email.then_some(&employee.email))
    }

    fn remark_of_spelling(
        &self,
        getter: Getter,
        holders: &[Holder],
        by_key: &FxHashMap<String, Vec<u32>>,
    ) -> Option<Diagnostic> {
        let employee = self.employee(getter.employee);
        let is_other = |holder: &Holder| match holder.owner {
            owner if Some(owner) == getter.own => false,
            // `remark_handed_over` tells of one and the same e-mail.
            Owner::Active(user) => !self.user(user).email.is(&employee.email),
            Owner::Inactive(_) => true,
        };
        let keys = self.keys_of_getter(&getter);
        let places = keys.iter().filter_map(|key| by_key.get(key)).flatten();
        let Holder { owner, moves, .. } = places.map(|place| holders[*place as usize]).find(is_other)?;
        let fate = match owner {
            Owner::Active(_) if moves => "would get another one",
            Owner::Active(user) => self.fate(user),
            Owner::Inactive(_) if moves => "would be made active again with another one",
            Owner::Inactive(_) => "is inactive",
        };
        let mistake = if moves {
            "the two are mixed up: correct them at the source"
        } else {
            "this is one person: write it in one way, at the source and in Skovik, and plan again"
        };
        let message = format!(
            "{} {} the identifier or the e-mail of {}, who {fate}, but for zeros, case, or characters that look the same or \
             that nobody sees. If {mistake}. If not: leave it and approve the plan",
            describe(employee),
            getter.what,
            describe_user(self.user_of(owner)),
        );
        Some(warning(Some(employee.identifier.to_string()), message))
    }

    fn user_of(&self, owner: Owner) -> &User {
        match owner {
            Owner::Active(user) => self.user(user),
            Owner::Inactive(user) => self.inactive_user(user),
        }
    }
}

/// Who gets an identifier or an e-mail by a draft.
pub(super) fn getter(draft: &Draft) -> Option<Getter> {
    let getter = match draft {
        Draft::Create { employee, .. } => {
            Getter { employee: *employee, own: None, what: "would be created and has", identifier: true, email: true }
        }
        Draft::Reactivate { employee, user, .. } => Getter {
            employee: *employee,
            own: Some(Owner::Inactive(*user)),
            what: "would be made active again and has",
            identifier: true,
            email: true,
        },
        Draft::Update { employee, user, changed, .. } => Getter {
            employee: *employee,
            own: Some(Owner::Active(*user)),
            what: "would get",
            identifier: changed.contains(&Changed::ExternalIdentifier),
            email: changed.contains(&Changed::PrimaryEmail),
        },
        Draft::Delete { .. } => return None,
    };
    (getter.identifier || getter.email).then_some(getter)
}
