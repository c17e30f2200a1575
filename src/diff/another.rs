//! What becomes of a record that has a user's identifier or e-mail and is somebody else's, as [`super::strangers`] judges. The
//! number was given to somebody new, or it is a mistake. A person decides; nobody gets a stranger's account.

use super::index::describe;
use super::strangers::Described;
use super::{Claim, Comparison, Standing, describe_user};
use crate::diagnostic::Severity;
use crate::employee::{Email, Employee, ExternalIdentifier, User};
use crate::text::shell_option;

impl<'a> Comparison<'a> {
    /// Matches an employee with the user who has their identifier, or sets them aside.
    pub(super) fn claim_identified(&mut self, index: u32, user: u32) {
        let (employee, owner) = (self.employee(index), self.user(user));
        if !self.is_another(employee, owner) {
            return self.claim(index, user);
        }
        let is_changed = self.standings[user as usize] == Standing::Leaving;
        match self.reason_of_another(employee, owner, is_changed) {
            None => self.claim(index, user),
            Some(reason) => {
                self.refuse(user);
                self.set_aside_as(index, user, "identifier_reused", &reason);
            }
        }
    }

    /// Notes that the identifier of a user is that of a stranger by now.
    fn refuse(&mut self, user: u32) {
        self.refused.insert(user);
        self.note_displaced(self.user(user));
    }

    /// Notes a user whose identifier a stranger has.
    pub(super) fn note_displaced(&mut self, user: &User) {
        self.displaced.extend(user.name_key().map(|name| (name, describe_user(user))));
    }

    /// Notes the users whose identifier a record has that was set aside, or may be in scope, and is somebody else's. Such a user is
    /// not made a manager because of it.
    pub(super) fn refuse_unconfirmed(&mut self) {
        let desired = self.desired;
        for record in desired.set_aside.iter().chain(&desired.doubtful) {
            self.refuse_users_of(record, record.identifier.as_ref(), record.email.as_ref());
        }
        for index in 0..self.claims.len() as u32 {
            let employee = self.employee(index);
            if self.claims[index as usize] == Claim::Aside(None) {
                self.refuse_users_of(employee, Some(&employee.identifier), Some(&employee.email));
            }
        }
    }

    fn refuse_users_of<'r>(
        &mut self,
        record: impl Into<Described<'r>> + Copy,
        identifier: Option<&ExternalIdentifier>,
        email: Option<&Email>,
    ) {
        let is_another = |user: &u32| self.is_another(record, self.user(*user));
        let identified = identifier.and_then(|identifier| self.owner_of_identifier(identifier.as_str()));
        let identified = identified.filter(is_another);
        // Whoever has a record of their own has not lost anything.
        let employees = &self.desired.employees;
        let has_record = |user: &u32| {
            let held = self.user(*user).identifier.as_ref();
            held.is_some_and(|held| self.people.is_of_good_record(held.as_str(), employees))
        };
        let by_email = email.and_then(|email| self.owner_of_email(email.key()));
        let by_email = by_email.filter(|user| !has_record(user)).filter(is_another);
        identified.into_iter().for_each(|user| self.refuse(user));
        by_email.into_iter().for_each(|user| self.note_displaced(self.user(user)));
    }

    /// Whether the user with the identifier of a record of another configuration's branch is somebody else; then the record's
    /// own user, by e-mail or name, is kept.
    pub(super) fn has_stranger_elsewhere(&mut self, employee: &Employee, user: u32) -> bool {
        let owner = self.user(user);
        if !self.is_another(employee, owner) {
            return false;
        }
        let Some(reason) = self.reason_of_another(employee, owner, false) else { return false };
        let message = format!("{}: {reason}", describe(employee));
        self.diagnose(Severity::Error, "identifier_reused", Some(&employee.identifier), message);
        self.refuse(user);
        if self.standings[user as usize] == Standing::Leaving {
            self.hold(user);
        }
        true
    }

    /// Keeps the user with the e-mail of a record of another configuration's branch that is somebody else's.
    pub(super) fn keeps_for_another(&mut self, employee: &Employee, user: u32) -> bool {
        let owner = self.user(user);
        if self.standings[user as usize] != Standing::Leaving || !self.is_another(employee, owner) {
            return false;
        }
        self.note_displaced(owner);
        if self.policy.remove.may_remove(owner) {
            self.withhold(user, &format!("{} has the e-mail and another name", describe(employee)));
        }
        true
    }

    /// The records of another configuration's branches that have a stranger's identifier.
    pub(super) fn strangers_elsewhere(&self) -> impl Iterator<Item = &'a Employee> {
        let is_refused = |employee: &&Employee| {
            let user = self.owner_of_identifier(employee.identifier.as_str());
            user.is_some_and(|user| self.refused.contains(&user))
        };
        self.desired.elsewhere.iter().filter(is_refused)
    }

    /// The users whose identifier or e-mail a record has that is somebody else's, and who have no record of their own.
    pub(super) fn users_of_strangers(&self) -> impl Iterator<Item = u32> {
        let by_email = self.undecided.iter().filter_map(|&index| {
            let employee = self.employee(index);
            let user = self.owner_of_email(employee.email.key())?;
            self.is_another(employee, self.user(user)).then_some(user)
        });
        let users = self.refused.iter().copied().chain(by_email);
        users.filter(|&user| !matches!(self.standings[user as usize], Standing::Claimed(_) | Standing::Elsewhere))
    }

    /// Why a user does not become this person, unless somebody has decided that it is the same person.
    pub(super) fn reason_of_another(&mut self, employee: &Employee, owner: &User, is_changed: bool) -> Option<String> {
        let user = describe_user(owner);
        let own = self.namesake(employee, owner);
        // That user would be lost.
        let is_surely_own = own.is_some_and(|own| own.email.is(&employee.email));
        let can_be_decided = is_changed && !is_surely_own;
        if can_be_decided && self.policy.same_person.contains(&employee.identifier) {
            self.tell_renamed(employee, owner);
            return None;
        }
        let own = own.map_or_else(
            || "who is somebody else by the name or the e-mail".to_owned(),
            |own| format!("but they have the e-mail or the name of {}", describe_user(own)),
        );
        let decision = if can_be_decided {
            format!(
                "; if it was given to somebody new, change or remove that user in Skovik first; if it is the same person under \
                 a new name, plan with {}",
                shell_option("--same-person", employee.identifier.as_str())
            )
        } else {
            String::new()
        };
        let advice = format!("{own}: if it is wrong, correct it at the source, or in Skovik{decision}");
        let what = if owner.identifier.as_ref() == Some(&employee.identifier) { "identifier" } else { "e-mail" };
        Some(format!("their {what} is that of {user}, {advice}"))
    }

    /// Says that a user becomes this person, because somebody has decided that it is the same one.
    pub(super) fn tell_renamed(&mut self, employee: &Employee, owner: &User) {
        let (who, user) = (describe(employee), describe_user(owner));
        let message = format!("{who} is taken to be the same person as {user}, under a new name");
        self.diagnose(Severity::Warning, "renamed", Some(&employee.identifier), message);
    }

    /// Whether an employee whose user is not changed has the e-mail of another user, too, who does not have to give it up.
    pub(super) fn has_email_of_another(&self, index: u32) -> bool {
        let owner = || self.owner_of_email(self.employee(index).email.key());
        matches!(self.claims[index as usize], Claim::Kept(user) if owner().is_some_and(|owner| owner != user))
    }

    /// Another user with the e-mail or, if nobody has that, the name of an employee.
    fn namesake(&self, employee: &Employee, owner: &User) -> Option<&'a User> {
        let by_email = self.owner_of_email(employee.email.key()).map(|user| self.user(user));
        let by_name = || {
            let place = *self.names().of_lone_users.get(&employee.name_key()?)?;
            Some(self.user(place?))
        };
        by_email.or_else(by_name).filter(|user| user.id != owner.id)
    }

    /// Sets aside who would be created and has the name of a user whose identifier a stranger has: it may be that user, who
    /// has a new number.
    pub(super) fn set_displaced_aside(&mut self) {
        if self.displaced.is_empty() {
            return;
        }
        for index in 0..self.claims.len() as u32 {
            let employee = self.employee(index);
            if self.claims[index as usize] == Claim::New
                && let Some(user) = employee.name_key().and_then(|name| self.displaced.get(&name))
            {
                let reason = format!(
                    "they have the name of {user}, whose identifier or e-mail another record has: if this is one person, give that user \
                     the external identifier {} in Skovik; if not, change that user first",
                    employee.identifier
                );
                self.set_employee_aside(index, "renumbering_undecided", &reason);
            }
        }
    }
}
