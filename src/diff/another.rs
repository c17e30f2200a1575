//! Records that have a user's identifier and are somebody else's by the name: with another e-mail, or with the name of somebody
//! else. The number was given to somebody new, or it is a mistake. A person decides; nobody gets a stranger's account.

use rustc_hash::FxHashSet;

use super::index::describe;
use super::{Claim, Comparison, Standing, describe_user};
use crate::diagnostic::Severity;
use crate::employee::{Desired, Employee, SetAside, User};
use crate::text::name_words::share_a_word;
use crate::text::shell_option;

impl<'a> Comparison<'a> {
    /// Matches an employee with the user who has their identifier, or sets them aside.
    pub(super) fn claim_identified(&mut self, index: u32, user: u32) {
        let owner = self.user(user);
        if !self.is_another(index, owner) {
            return self.claim(index, user);
        }
        let is_changed = self.standings[user as usize] == Standing::Leaving;
        match self.reason_of_another(index, owner, is_changed) {
            None => self.claim(index, user),
            Some(reason) => {
                self.refused.insert(user);
                self.set_aside_as(index, user, "identifier_reused", &reason);
            }
        }
    }

    /// Why a user does not become this person, unless somebody has decided that it is the same person.
    pub(super) fn reason_of_another(&mut self, index: u32, owner: &User, is_changed: bool) -> Option<String> {
        let employee = self.employee(index);
        let user = describe_user(owner);
        if is_changed && self.policy.same_person.contains(&employee.identifier) {
            let message = format!("{} is taken to be the same person as {user}, under a new name", describe(employee));
            self.diagnose(Severity::Warning, "renamed", Some(&employee.identifier), message);
            return None;
        }
        let advice = match self.namesake(index, owner) {
            Some(own) => format!(
                "but they have the e-mail or the name of {}: correct the identifier at the source, or in Skovik",
                describe_user(own)
            ),
            None if !is_changed => {
                "who has another name, and is protected or in a branch that is not managed: correct the \
                                    identifier at the source, or in Skovik"
                    .to_owned()
            }
            None => format!(
                "who has another name: either the identifier is wrong, or it was given to somebody new (then change or \
                 remove that user in Skovik first), or it is the same person under a new name (then plan with {})",
                shell_option("--same-person", employee.identifier.as_str())
            ),
        };
        Some(format!("their identifier is that of {user}, {advice}"))
    }

    /// Whether an employee with the identifier of a user is somebody else: with another name, and either another e-mail or a
    /// name that tells of a mix-up, because another user or another record has it. Who has no name is told by the e-mail; and a
    /// company that moves to another domain keeps what stands before the `@`. Whoever has both the e-mail and the name of
    /// another user is that user.
    pub(super) fn is_another(&self, index: u32, owner: &User) -> bool {
        let employee = self.employee(index);
        if owner.email.is(&employee.email) && has_same_name(owner, employee) {
            return false;
        }
        let has_other_email = owner.email.local_part() != employee.email.local_part();
        let has = |names: &FxHashSet<String>, name: Option<String>| name.is_some_and(|name| names.contains(&name));
        match share_a_word(&employee.full_name(), &owner.full_name()) {
            None => has_other_email && !has_same_name(owner, employee),
            Some(false) => {
                has_other_email
                    || has(&self.names().of_users, employee.name_key())
                    || has(&self.names().of_records, owner.name_key())
            }
            Some(true) => {
                has_other_email
                    && employee.name_key() != owner.name_key()
                    && self
                        .owner_of_email(employee.email.key())
                        .is_some_and(|other| self.user(other).name_key() == employee.name_key())
            }
        }
    }

    /// Whether an employee whose user is not changed has the e-mail of another user, too, who does not have to give it up.
    pub(super) fn has_email_of_another(&self, index: u32) -> bool {
        let owner = || self.owner_of_email(self.employee(index).email.key());
        matches!(self.claims[index as usize], Claim::Kept(user) if owner().is_some_and(|owner| owner != user))
    }

    /// Another user with the e-mail or, if nobody has that, the name of an employee.
    fn namesake(&self, index: u32, owner: &User) -> Option<&'a User> {
        let employee = self.employee(index);
        let by_email = self.owner_of_email(employee.email.key()).map(|user| self.user(user));
        let name = employee.name_key();
        let has_name = |user: &&User| name.is_some() && user.name_key() == name;
        let by_name = || self.directory.users.iter().find(has_name);
        by_email.or_else(by_name).filter(|user| user.id != owner.id)
    }

    /// Sets aside who would be created and has the name of a user whose identifier a stranger has: it may be that user, who
    /// has a new number.
    pub(super) fn set_displaced_aside(&mut self) {
        if self.refused.is_empty() {
            return;
        }
        for index in 0..self.claims.len() as u32 {
            if self.claims[index as usize] != Claim::New {
                continue;
            }
            let Some(name) = self.employee(index).name_key() else { continue };
            let displaced = self.refused.iter().find(|user| self.user(**user).name_key().as_ref() == Some(&name));
            if let Some(&user) = displaced {
                let reason = format!(
                    "they have the name of {}, whose identifier another record has: if this is one person, give that user the \
                     external identifier {} in Skovik; if not, change that user first",
                    describe_user(self.user(user)),
                    self.employee(index).identifier
                );
                self.set_aside_as(index, user, "renumbering_undecided", &reason);
            }
        }
    }

    /// The names on both sides.
    fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let Desired { employees, elsewhere, set_aside, doubtful, .. } = self.desired;
            let users = self.directory.users.iter().chain(&self.directory.inactive);
            let good = employees.iter().chain(elsewhere).filter_map(Employee::name_key);
            let others = set_aside.iter().chain(doubtful).filter_map(SetAside::name_key);
            Names { of_users: users.filter_map(User::name_key).collect(), of_records: good.chain(others).collect() }
        })
    }
}

/// The names of all users and of all records, as they are compared.
#[derive(Debug)]
pub(super) struct Names {
    of_users: FxHashSet<String>,
    of_records: FxHashSet<String>,
}

fn has_same_name(user: &User, employee: &Employee) -> bool {
    user.first_name == employee.first_name && user.last_name == employee.last_name
}
