//! Matching: first by external identifier, then, for the people left over, by e-mail.

use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::index::{PeopleIndex, Rival, UserIndex, describe};
use super::protected::{protection_remarks, protects_untold};
use super::{Claim, Comparison, Person, Policy, Reading, Renumber, Standing, Untrusted, describe_user};
use crate::diagnostic::Severity;
use crate::employee::{Desired, Directory, ExternalIdentifier};
use crate::side_by_side::side_by_side;
use crate::text::shell_option;

impl<'a> Comparison<'a> {
    /// Matches everybody and gives every user a match status; conflicts are resolved later.
    pub(super) fn matched(
        mut people: PeopleIndex<'a>,
        users: UserIndex,
        desired: &'a Desired,
        directory: &'a Directory,
        policy: &'a Policy,
    ) -> Result<Self, Untrusted> {
        if policy.protect.needs_roles()
            && let Some(user) = directory.users.iter().find(|user| user.roles.is_none())
        {
            return Err(Untrusted::NoRoles { user: user.id.to_string() });
        }
        let rivals = std::mem::take(&mut people.rivals);
        let mut comparison = Self {
            desired,
            directory,
            policy,
            users,
            people,
            claims: vec![Claim::New; desired.employees.len()],
            standings: vec![Standing::Unmanaged; directory.users.len()],
            diagnostics: Vec::new(),
            queue: Vec::new(),
            reading: Reading::default(),
            set_aside: OnceLock::new(),
            tells_roles: OnceLock::new(),
            leaving_by_name: None,
            leaving_by_key: None,
            named_later: FxHashSet::default(),
            names: OnceLock::new(),
            refused: FxHashSet::default(),
            displaced: FxHashMap::default(),
            undecided: FxHashSet::default(),
        };
        comparison.set_standings();
        comparison.tell_unchecked();
        comparison.set_rivals_aside(rivals);
        comparison.claim_by_identifier();
        comparison.refuse_unconfirmed();
        comparison.set_rivals_of_doubtful_aside();
        comparison.claim_by_email();
        comparison.claim_by_decision();
        comparison.claim_inactive();
        comparison.leave_users_of_elsewhere();
        comparison.set_displaced_aside();
        comparison.find_leavers();
        comparison.find_named_later();
        comparison.withhold_parted();
        comparison.withhold_misnumbered();
        comparison.hold_users_of_other_records();
        comparison.set_unjoined_aside();
        Ok(comparison)
    }

    fn set_standings(&mut self) {
        let Policy { protect, branches, reactivate, .. } = self.policy;
        let users = &self.directory.users;
        let protects_untold = protects_untold(protect, users);
        for (standing, user) in self.standings.iter_mut().zip(users) {
            let managed = match (branches, &user.branch) {
                (None, _) => true,
                (Some(branches), Some(branch)) => branches.contains(branch),
                (Some(_), None) => false,
            };
            *standing = if protect.covers(user) || (protects_untold && user.roles.is_none()) {
                Standing::Protected
            } else if managed {
                Standing::Leaving
            } else {
                Standing::Unmanaged
            };
        }
        self.diagnostics.extend(protection_remarks(protect, *reactivate, self.directory));
    }

    /// Sets aside everybody whose identifier or e-mail another record in scope has, too.
    fn set_rivals_aside(&mut self, rivals: Vec<Rival>) {
        for Rival { employee, code, reason } in rivals {
            self.claims[employee as usize] = Claim::Aside(None);
            self.diagnose_aside(employee, code, &reason);
        }
    }

    fn claim_by_identifier(&mut self) {
        let known = &*self;
        let owners = side_by_side(known.claims.len() as u32, |range| {
            let new = range.filter(|&index| known.claims[index as usize] == Claim::New);
            let owner = |index| Some((index, known.owner_of_identifier(known.employee(index).identifier.as_str())?));
            new.filter_map(owner).collect::<Vec<_>>()
        });
        owners.into_iter().flatten().for_each(|(index, user)| self.claim_identified(index, user));
    }

    /// Sets aside everybody without a user of their own whose e-mail is also that of another person who may be in scope:
    /// they could get that person's user.
    fn set_rivals_of_doubtful_aside(&mut self) {
        let desired = self.desired;
        for record in &desired.doubtful {
            let is_good =
                |identifier: &ExternalIdentifier| matches!(self.person(identifier.as_str()), Some(Person::Employee(_)));
            if record.identifier.as_ref().is_some_and(is_good) {
                continue;
            }
            let rival = record.email.as_ref().and_then(|email| self.people.with_email(email.key(), &desired.employees));
            if let Some(index) = rival.filter(|&index| self.claims[index as usize] == Claim::New) {
                self.claims[index as usize] = Claim::Aside(None);
                let email = &self.employee(index).email;
                let reason = format!(
                    "the e-mail {email} also belongs to {}, which may be in scope: {}",
                    record.origin, record.reason
                );
                self.diagnose_aside(index, "email_claimed_twice", &reason);
            }
        }
    }

    /// Matches the employees who are left over by e-mail. A user without an identifier is adopted. A user whose
    /// identifier no record in scope has is either the same person or had the address before; a person decides.
    fn claim_by_email(&mut self) {
        let inactive = self.inactive_by_identifier();
        for (index, employee) in (0..).zip(&self.desired.employees) {
            if self.claims[index as usize] != Claim::New {
                continue;
            }
            let Some(user) = self.owner_of_email(employee.email.key()) else { continue };
            let owner = self.user(user);
            let is_of_another = owner.identifier.as_ref().is_some_and(|other| self.person(other.as_str()).is_some());
            if !is_of_another
                && let Some(twin) = inactive.get(employee.identifier.as_str()).and_then(|users| users.first())
            {
                let reason = format!(
                    "the e-mail belongs to {}, and {}, who is inactive, has the external identifier; take it from the one \
                     who is not this person, in Skovik",
                    describe_user(owner),
                    describe_user(self.inactive_user(*twin))
                );
                self.set_aside_as(index, user, "inactive_kept", &reason);
                continue;
            }
            match &owner.identifier {
                None if self.policy.adopt => {
                    let is_another = self.is_another(employee, owner);
                    if is_another && !self.policy.same_person.contains(&employee.identifier) {
                        let option = shell_option("--same-person", employee.identifier.as_str());
                        let reason = format!(
                            "the e-mail belongs to {}, who has another name and no external identifier, and that name or this \
                             one is somebody else's, too: correct the e-mail, or, if it is the same person, plan with {option}",
                            describe_user(owner)
                        );
                        self.note_displaced(owner);
                        self.set_aside_as(index, user, "email_taken", &reason);
                    } else if self.standings[user as usize] == Standing::Unmanaged {
                        let reason =
                            format!("the e-mail belongs to {}, whose branch is not managed", describe_user(owner));
                        self.set_employee_aside(index, "email_taken", &reason);
                    } else {
                        if is_another {
                            self.tell_renamed(employee, owner);
                        }
                        self.claim(index, user);
                    }
                }
                None => {
                    if self.is_another(employee, owner) {
                        self.note_displaced(owner);
                    }
                    let reason = format!(
                        "the e-mail belongs to {}, who has no external identifier; add \"primary_email\" to [scope] \
                        match to adopt them",
                        describe_user(owner)
                    );
                    self.set_aside_as(index, user, "email_taken", &reason);
                }
                // The owner may give the e-mail up in this plan; `find_obstacles` checks.
                Some(other) if self.person(other.as_str()).is_some() => {}
                Some(other) => self.decide_renumbering(index, user, other),
            }
        }
    }

    fn decide_renumbering(&mut self, index: u32, user: u32, other: &ExternalIdentifier) {
        let employee = self.employee(index);
        let owner = describe_user(self.user(user));
        if self.standings[user as usize] != Standing::Leaving {
            let reason = format!("the e-mail belongs to {owner}, who is protected or in a branch that is not managed");
            self.set_employee_aside(index, "email_taken", &reason);
        } else if self.is_another(employee, self.user(user)) {
            let reason = format!(
                "the e-mail belongs to {owner}, who has another name, and that name or this one is somebody else's, too: correct the \
                 e-mail or the identifier at the source, or change that user first"
            );
            self.note_displaced(self.user(user));
            self.set_aside_as(index, user, "renumbering_undecided", &reason);
        } else if self.policy.renumber == Renumber::SamePerson || self.policy.same_person.contains(&employee.identifier)
        {
            let message = format!(
                "{} is taken to be the same person as {owner}: the external identifier changes from {other} to {}",
                describe(employee),
                employee.identifier
            );
            self.diagnose(Severity::Warning, "renumbered", Some(&employee.identifier), message);
            self.claim(index, user);
        } else {
            let option = shell_option("--same-person", employee.identifier.as_str());
            let reason = if self.desired.out_of_scope.contains(other) {
                format!(
                    "the e-mail belongs to {owner}, and {other} has a record of their own, which [scope] include leaves \
                    out. Look at both records: if they are of two people, remove or change that user first; if they are \
                    of the same person under a new number, plan with {option}"
                )
            } else {
                format!(
                    "the e-mail belongs to {owner}, whose identifier {other} is in no source: either the same person \
                    under a new number (then plan with {option}), or an address that was given to somebody new (then \
                    remove or change that user first)"
                )
            };
            self.set_aside_as(index, user, "renumbering_undecided", &reason);
        }
    }

    /// Sets an employee aside together with the user who may be the same person.
    pub(super) fn set_aside_as(&mut self, index: u32, user: u32, code: &'static str, reason: &str) {
        self.undecided.insert(index);
        self.claims[index as usize] = Claim::Kept(user);
        self.set_employee_aside(index, code, reason);
    }

    pub(super) fn claim(&mut self, employee: u32, user: u32) {
        let standing = &mut self.standings[user as usize];
        self.claims[employee as usize] = match *standing {
            Standing::Leaving => {
                *standing = Standing::Claimed(employee);
                Claim::User(user)
            }
            _ => Claim::Kept(user),
        };
        if *standing == Standing::Unmanaged {
            let (employee, user) = (self.employee(employee), self.user(user));
            let message =
                format!("{} is left unchanged: the user is in a branch that is not managed", describe_user(user));
            self.diagnose(Severity::Warning, "outside_branches", Some(&employee.identifier), message);
        }
    }

    fn leave_users_of_elsewhere(&mut self) {
        let desired = self.desired;
        for employee in &desired.elsewhere {
            let identified = self.owner_of_identifier(employee.identifier.as_str());
            let identified = identified.filter(|user| !self.has_stranger_elsewhere(employee, *user));
            let by_email = || self.owner_of_email(employee.email.key());
            let user = match identified {
                None => by_email().filter(|user| !self.keeps_for_another(employee, *user)),
                identified => identified,
            };
            if let Some(user) = user
                && self.standings[user as usize] == Standing::Leaving
            {
                self.standings[user as usize] = Standing::Elsewhere;
                let message = format!(
                    "{} is left unchanged: their record names a branch that is not managed here",
                    describe_user(self.user(user))
                );
                self.diagnose(Severity::Warning, "moves_out_of_branches", Some(&employee.identifier), message);
            }
        }
    }

    /// Until now `Leaving` meant "may be changed, and has no match". Not all of these users may be deleted.
    fn find_leavers(&mut self) {
        let remove = self.policy.remove;
        for (standing, user) in self.standings.iter_mut().zip(&self.directory.users) {
            if *standing == Standing::Leaving && !remove.may_remove(user) {
                *standing = Standing::Unmanaged;
            }
        }
    }
}
