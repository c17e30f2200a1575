//! Records that have a user's identifier and nothing else of that user: neither the e-mail nor a word of the name. The number
//! was given to somebody new, or it is a mistake. A person decides; nobody gets a stranger's account.

use super::index::describe;
use super::resembling::words;
use super::{Comparison, Standing, describe_user};
use crate::diagnostic::Severity;
use crate::employee::{Email, User};
use crate::text::shell_option;

impl Comparison<'_> {
    /// Matches an employee with the user who has their identifier, or sets them aside.
    pub(super) fn claim_identified(&mut self, index: u32, user: u32) {
        let owner = self.user(user);
        if self.standings[user as usize] != Standing::Leaving || !self.is_another(index, owner) {
            return self.claim(index, user);
        }
        match self.reason_of_another(index, owner) {
            None => self.claim(index, user),
            Some(reason) => self.set_aside_as(index, user, "identifier_reused", &reason),
        }
    }

    /// Why a user does not become this person, unless somebody has decided that it is the same person.
    pub(super) fn reason_of_another(&mut self, index: u32, owner: &User) -> Option<String> {
        let employee = self.employee(index);
        let user = describe_user(owner);
        if !self.policy.same_person.contains(&employee.identifier) {
            let option = shell_option("--same-person", employee.identifier.as_str());
            return Some(format!(
                "their identifier is that of {user}, who has another e-mail and no part of the name: either the identifier \
                 is wrong, or it was given to somebody new (then change or remove that user in Skovik first), or it is the \
                 same person under a new name (then plan with {option})"
            ));
        }
        let message = format!("{} is taken to be the same person as {user}, under a new name", describe(employee));
        self.diagnose(Severity::Warning, "renamed", Some(&employee.identifier), message);
        None
    }

    /// Whether an employee has neither the e-mail nor a word of the name of a user. Who has no name could be anybody. A
    /// company that moves to another domain keeps what stands before the `@`.
    pub(super) fn is_another(&self, index: u32, owner: &User) -> bool {
        let employee = self.employee(index);
        if local_part(&owner.email) == local_part(&employee.email) || owner.last_name == employee.last_name {
            return false;
        }
        let (now, then) = (words(&employee.full_name()), words(&owner.full_name()));
        !now.is_empty() && !then.is_empty() && now.iter().all(|word| !then.contains(word))
    }
}

fn local_part(email: &Email) -> &str {
    email.key().rsplit_once('@').map_or(email.key(), |(local, _)| local)
}
