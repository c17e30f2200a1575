//! Finds new people who have the name of a user without a record. They may be that user with a new identifier and a new
//! e-mail. The data cannot tell. A person decides with `--same-person`, or leaves the plan as it is.
//!
//! Linear: each name is looked up once, and a remark names only a few of the people who share it.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::changes::{Changed, Draft, Drafts};
use super::index::describe;
use super::{Claim, Comparison, Standing, describe_user};
use crate::diagnostic::{Diagnostic, Severity};
use crate::employee::{Desired, Employee, ExternalIdentifier, User};
use crate::text::shell_option;

/// How many people with the same name a remark names.
const NAMED: usize = 3;

/// Somebody who would be created, and a user without a record who may be the same person.
pub(super) struct Pair {
    pub(super) newcomer: u32,
    pub(super) user: u32,
    /// What they have in common, such as `has the mailbox of`.
    pub(super) by: Cow<'static, str>,
}

impl Comparison<'_> {
    /// Matches each employee of `--same-person` that has no user yet with the only undescribed user of the same name.
    pub(super) fn claim_by_decision(&mut self) {
        let policy = self.policy;
        if policy.same_person.is_empty() {
            return;
        }
        let is_decided = |index: u32| policy.same_person.contains(&self.employee(index).identifier);
        let decided: Vec<u32> = (0..self.claims.len() as u32)
            .filter(|&index| self.claims[index as usize] == Claim::New && is_decided(index))
            .collect();
        if decided.is_empty() {
            return;
        }
        let held: FxHashSet<u32> = self.held_by_records().into_iter().collect();
        let mut by_name: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for (user, described) in (0..).zip(&self.directory.users) {
            if self.standings[user as usize] == Standing::Leaving
                && !held.contains(&user)
                && !self.is_described(described)
            {
                by_name.entry(described.name_key().unwrap_or_default()).or_default().push(user);
            }
        }
        for index in decided {
            let employee = self.employee(index);
            let Some(name) = employee.name_key() else { continue };
            let Some(&[user]) = by_name.get(&name).map(Vec::as_slice) else { continue };
            by_name.remove(&name);
            let message = format!(
                "{} is taken to be the same person as {}, who has the same name: the external identifier becomes {}",
                describe(employee),
                describe_user(self.user(user)),
                employee.identifier
            );
            self.diagnose(Severity::Warning, "renumbered", Some(&employee.identifier), message);
            self.claim(index, user);
        }
    }

    /// The decisions (`--same-person`) that had no effect: probably typing mistakes.
    #[must_use]
    pub fn idle_decisions(&self) -> Vec<&ExternalIdentifier> {
        let decided: FxHashSet<&str> = self
            .diagnostics
            .iter()
            .filter(|diagnostic| matches!(&*diagnostic.code, "renumbered" | "renamed"))
            .filter_map(|diagnostic| diagnostic.employee.as_deref())
            .collect();
        self.policy.same_person.iter().filter(|identifier| !decided.contains(identifier.as_str())).collect()
    }

    /// Remarks for everybody who would be created which users have the same name and no record; and for such a user who
    /// would be deleted, which new people have the name.
    pub(super) fn remark_look_alikes(&self, drafts: &mut Drafts) {
        let mut candidates = self.look_alike_users();
        candidates.extend(self.left_elsewhere());
        candidates.extend(self.users_of_strangers());
        candidates.sort_unstable();
        candidates.dedup();
        if candidates.is_empty() {
            return;
        }
        let mut told: FxHashSet<(u32, u32)> = FxHashSet::default();
        let pairs = self.told_by_own_rows(&candidates).into_iter().chain(self.nearly_named(&candidates));
        for pair in pairs.filter(|pair| told.insert((pair.newcomer, pair.user))).collect::<Vec<_>>() {
            self.remark_pair(&pair, drafts);
        }
        let mut by_name: FxHashMap<String, (Vec<u32>, Vec<u32>)> = FxHashMap::default();
        for user in candidates {
            if let Some(name) = self.user(user).name_key() {
                by_name.entry(name).or_default().0.push(user);
            }
        }
        // In the order of the list, so that the remarks are always the same.
        let mut found: Vec<(u32, String)> = Vec::new();
        for (index, claim) in (0..).zip(&self.claims) {
            let employee = self.employee(index);
            if matches!(claim, Claim::New | Claim::Inactive(_))
                && let Some(name) = employee.name_key()
                && let Some((_, newcomers)) = by_name.get_mut(&name)
            {
                newcomers.push(index);
                found.push((index, name));
            }
        }
        for (index, name) in &found {
            drafts.diagnostics.push(self.remark_of_newcomer(*index, &by_name[name].0));
        }
        for (users, newcomers) in by_name.values().filter(|(_, newcomers)| !newcomers.is_empty()) {
            let leaving = users.iter().filter(|&&user| self.leaves(user));
            drafts.diagnostics.extend(leaving.map(|&user| self.remark_of_leaver(user, newcomers)));
        }
        let is_new = |employee: &&Employee| self.owner_of_identifier(employee.identifier.as_str()).is_none();
        for employee in self.desired.elsewhere.iter().filter(is_new) {
            let namesakes = employee.name_key().and_then(|name| by_name.get(&name));
            let leaving = namesakes.into_iter().flat_map(|(users, _)| users).filter(|&&user| self.leaves(user));
            drafts.diagnostics.extend(leaving.map(|&user| self.remark_of_transfer(user, employee)));
        }
    }

    /// Users of other branches without a record, where the lists have people of these branches: whoever manages these may
    /// delete them, and they may be somebody who would be created here.
    fn left_elsewhere(&self) -> impl Iterator<Item = u32> {
        let Desired { elsewhere, has_bad_elsewhere, .. } = self.desired;
        let are_known = !elsewhere.is_empty() || *has_bad_elsewhere;
        let users = (0..).zip(&self.standings).filter(move |_| are_known);
        let is_left = |user: u32| {
            let described = self.user(user);
            described.identifier.is_some() && !self.is_in_branches(described) && !self.is_described(described)
        };
        let unmanaged = users.filter(|(_, standing)| **standing == Standing::Unmanaged).map(|(user, _)| user);
        unmanaged.filter(move |&user| is_left(user))
    }

    /// Remarks for everybody who would get the e-mail of somebody else, or would be created with the name: who would be deleted
    /// and may be that person, under the number of another one; or who would get another one, which may be a mix-up.
    pub(super) fn remark_handed_over(&self, drafts: &mut Drafts) {
        let mut given_up: FxHashMap<String, &User> = FxHashMap::default();
        for draft in &drafts.drafts {
            let (user, changed) = match draft {
                Draft::Update { user, changed, .. } => (self.user(*user), changed),
                Draft::Reactivate { user, changed, .. } => (self.inactive_user(*user), changed),
                Draft::Create { .. } | Draft::Delete { .. } => continue,
            };
            if changed.iter().any(|field| matches!(field, Changed::FirstName | Changed::LastName)) {
                given_up.extend(user.name_key().map(|name| (name, user)));
            }
        }
        let remark = |draft: &Draft| {
            let (employee, own) = match draft {
                Draft::Update { employee, user, changed, .. } if changed.contains(&Changed::PrimaryEmail) => {
                    (*employee, Some(self.user(*user)))
                }
                Draft::Create { employee, .. } => (*employee, None),
                // Not where it is theirs, and somebody active has it, too.
                Draft::Reactivate { employee, user, .. }
                    if !self.inactive_user(*user).email.is(&self.employee(*employee).email) =>
                {
                    (*employee, Some(self.inactive_user(*user)))
                }
                Draft::Update { .. } | Draft::Reactivate { .. } | Draft::Delete { .. } => return None,
            };
            let employee = self.employee(employee);
            let is_other = |owner: &&User| own.is_none_or(|own| own.id != owner.id);
            let by_email = self.owner_of_email(employee.email.key()).filter(|owner| is_other(&self.user(*owner)));
            // Of an active user, `matching` has compared the name.
            let may_be_namesake = !given_up.is_empty() && !matches!(draft, Draft::Update { .. });
            let by_name = || given_up.get(&employee.name_key().filter(|_| may_be_namesake)?).copied().filter(is_other);
            let owner = by_email.map(|owner| self.user(owner)).or_else(by_name)?;
            let what = if by_email.is_some() { "e-mail" } else { "name" };
            let (fate, mistake) = if by_email.is_some_and(|owner| self.leaves(owner)) {
                ("be deleted", "this is one person: correct the identifier")
            } else {
                ("get another one", "the two are mixed up: correct them")
            };
            let message = format!(
                "{} would get the {what} of {}, who would {fate}. If {mistake} at the source. If not: leave it and approve \
                 the plan",
                describe(employee),
                describe_user(owner)
            );
            Some(warning(Some(employee.identifier.to_string()), message))
        };
        let remarks: Vec<Diagnostic> = drafts.drafts.iter().filter_map(remark).collect();
        drafts.diagnostics.extend(remarks);
    }

    /// Where inactive users are made active again: remarks for everybody who would be created which inactive users have
    /// the same name and no record.
    pub(super) fn remark_inactive_look_alikes(&self, drafts: &mut Drafts) {
        if !self.policy.reactivate {
            return;
        }
        let mut by_name: FxHashMap<String, Vec<&User>> = FxHashMap::default();
        let back: FxHashSet<u32> = self
            .claims
            .iter()
            .filter_map(|claim| if let Claim::Inactive(user) = claim { Some(*user) } else { None })
            .collect();
        for (place, user) in (0..).zip(&self.directory.inactive) {
            // A user with an identifier in another branch belongs to another configuration.
            let may_be_ours = user.identifier.is_none() || self.is_in_branches(user);
            if may_be_ours
                && !back.contains(&place)
                && !self.is_described(user)
                && let Some(name) = user.name_key()
            {
                by_name.entry(name).or_default().push(user);
            }
        }
        if by_name.is_empty() {
            return;
        }
        for (index, claim) in (0..).zip(&self.claims) {
            let employee = self.employee(index);
            if *claim == Claim::New
                && let Some(name) = employee.name_key()
                && let Some(users) = by_name.get(&name)
            {
                let names = named(users.iter().map(|user| format!("{}, who is inactive", describe_user(user))));
                let identifier = &employee.identifier;
                let message = format!(
                    "{} would be created and has the same name as {names}. If this is one person: give that user the \
                     external identifier {identifier} in Skovik and plan again. If not: leave it and approve the plan",
                    describe(employee)
                );
                drafts.diagnostics.push(warning(Some(identifier.to_string()), message));
            }
        }
    }

    /// The users without a record that could be a person of this configuration.
    pub(super) fn look_alike_users(&self) -> Vec<u32> {
        let kept: FxHashSet<u32> = self
            .claims
            .iter()
            .filter_map(|claim| match claim {
                Claim::Kept(user) | Claim::Aside(Some(user)) => Some(*user),
                Claim::New | Claim::User(_) | Claim::Inactive(_) | Claim::Aside(None) => None,
            })
            .collect();
        let in_doubt: FxHashSet<u32> = self.users_in_doubt().collect();
        let is_candidate = |&user: &u32| match self.standings[user as usize] {
            // A record may be theirs.
            _ if in_doubt.contains(&user) => false,
            Standing::Leaving | Standing::Withheld | Standing::Waiting => true,
            // A user with an identifier in another branch belongs to another configuration.
            Standing::Unmanaged => {
                let described = self.user(user);
                !kept.contains(&user) && (described.identifier.is_none() || self.is_in_branches(described))
            }
            Standing::Protected => !kept.contains(&user),
            Standing::Claimed(_) | Standing::Held | Standing::Elsewhere => false,
        };
        (0..self.standings.len() as u32).filter(is_candidate).collect()
    }

    pub(super) fn is_in_branches(&self, user: &User) -> bool {
        self.policy
            .branches
            .as_ref()
            .is_none_or(|branches| user.branch.as_ref().is_some_and(|id| branches.contains(id)))
    }

    /// Whether any record has a user's identifier.
    fn is_described(&self, user: &User) -> bool {
        user.identifier.as_ref().is_some_and(|identifier| self.person(identifier.as_str()).is_some())
    }

    fn remark_of_newcomer(&self, index: u32, users: &[u32]) -> Diagnostic {
        let employee = self.employee(index);
        let names =
            named(users.iter().map(|&user| format!("{}, who {}", describe_user(self.user(user)), self.fate(user))));
        let identifier = &employee.identifier;
        let can_be_decided = |user: u32| {
            let described = self.user(user);
            !matches!(self.standings[user as usize], Standing::Protected | Standing::Held)
                && self.is_in_branches(described)
        };
        let same = match users {
            _ if matches!(self.claims[index as usize], Claim::Inactive(_)) => {
                "take the external identifier from the inactive user, give it to the active one in Skovik, and plan again".to_owned()
            }
            [user] if can_be_decided(*user) => {
                format!("plan with {}", shell_option("--same-person", identifier.as_str()))
            }
            [_] => format!("give that user the external identifier {identifier} in Skovik and plan again"),
            _ => format!("give the right user the external identifier {identifier} in Skovik and plan again"),
        };
        let message = format!(
            "{} would be {} and has the same name as {names}. If this is one person: {same}. If not: leave it and approve \
             the plan",
            describe(employee),
            self.coming(index)
        );
        warning(Some(identifier.to_string()), message)
    }

    /// What becomes of a user without a record of their own.
    pub(super) fn fate(&self, user: u32) -> &'static str {
        let described = self.user(user);
        match self.standings[user as usize] {
            Standing::Unmanaged if described.identifier.is_some() && !self.is_in_branches(described) => {
                "is in a branch that is not managed here"
            }
            Standing::Elsewhere => "is in a branch that is not managed here",
            Standing::Held => "stays as they are",
            Standing::Leaving => "would be deleted",
            Standing::Waiting => "is in no list and waits to be deleted",
            Standing::Protected => "is protected",
            _ => "is in no list",
        }
    }

    /// What becomes of somebody without an active user.
    pub(super) fn coming(&self, index: u32) -> &'static str {
        if matches!(self.claims[index as usize], Claim::Inactive(_)) { "made active again" } else { "created" }
    }

    /// Remarks for somebody who would be created and may be a user without a record by something else than the name; and for the
    /// user.
    fn remark_pair(&self, &Pair { newcomer, user, ref by }: &Pair, drafts: &mut Drafts) {
        let (employee, described) = (self.employee(newcomer), self.user(user));
        let (identifier, who, whom) = (&employee.identifier, describe(employee), describe_user(described));
        let (fate, coming) = (self.fate(user), self.coming(newcomer));
        let message = format!(
            "{who} would be {coming}, and {by} {whom}, who {fate}. If this is one person: give that user the external \
             identifier {identifier} in Skovik and plan again. If not: leave it and approve the plan"
        );
        drafts.diagnostics.push(warning(Some(identifier.to_string()), message));
        if self.leaves(user) {
            let message = format!(
                "{whom} would be deleted, and may be {identifier} {who}, who would be {coming}: see there what to do if this is \
                 one person"
            );
            drafts.diagnostics.push(warning(described.identifier.as_ref().map(ToString::to_string), message));
        }
    }

    fn remark_of_leaver(&self, user: u32, newcomers: &[u32]) -> Diagnostic {
        let described = self.user(user);
        let names = named(newcomers.iter().map(|&index| {
            let employee = self.employee(index);
            format!("{} {}, who would be {}", employee.identifier, describe(employee), self.coming(index))
        }));
        let message = format!(
            "{} would be deleted and has the same name as {names}: see there what to do if this is one person",
            describe_user(described)
        );
        warning(described.identifier.as_ref().map(ToString::to_string), message)
    }

    /// Of somebody who would be deleted, and may be somebody new in another branch, whom another configuration creates.
    fn remark_of_transfer(&self, user: u32, employee: &Employee) -> Diagnostic {
        let described = self.user(user);
        let identifier = &employee.identifier;
        let message = format!(
            "{} would be deleted and has the same name as {identifier} {}, who is in a branch that is not managed here and not \
             in Skovik. If this is one person: give that user the external identifier {identifier} in Skovik and plan again. If \
             not: leave it and approve the plan",
            describe_user(described),
            describe(employee)
        );
        warning(described.identifier.as_ref().map(ToString::to_string), message)
    }
}

pub(super) fn warning(employee: Option<String>, message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, code: "looks_like".to_owned(), employee, message }
}

/// The first few, and how many more there are.
fn named(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let shown = all.take(NAMED).collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}
