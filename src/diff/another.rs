//! Records that have a user's identifier and no word of that user's name, and another e-mail or somebody else's name. The number
//! was given to somebody new, or it is a mistake. A person decides; nobody gets a stranger's account.

use rustc_hash::FxHashSet;

use super::index::describe;
use super::resembling::words;
use super::{Comparison, Standing, describe_user};
use crate::diagnostic::Severity;
use crate::employee::{Desired, Email, Employee, SetAside, User};
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
                "their identifier is that of {user}, who has another name and another e-mail, or whose name others have: either \
                 the identifier is wrong, or it was given to somebody new (then change or remove that user in Skovik first), or it is the \
                 same person under a new name (then plan with {option})"
            ));
        }
        let message = format!("{} is taken to be the same person as {user}, under a new name", describe(employee));
        self.diagnose(Severity::Warning, "renamed", Some(&employee.identifier), message);
        None
    }

    /// Whether an employee has no word of the name of a user, and either another e-mail or a name that tells of a mix-up:
    /// that of another user, or another record has the user's. Who has no name could be anybody. A company that moves to
    /// another domain keeps what stands before the `@`.
    pub(super) fn is_another(&self, index: u32, owner: &User) -> bool {
        let employee = self.employee(index);
        if owner.last_name == employee.last_name {
            return false;
        }
        let (now, then) = (words(&employee.full_name()), words(&owner.full_name()));
        if now.is_empty() || then.is_empty() || now.iter().any(|word| then.contains(word)) {
            return false;
        }
        let has = |names: &FxHashSet<String>, name: Option<String>| name.is_some_and(|name| names.contains(&name));
        local_part(&owner.email) != local_part(&employee.email)
            || has(&self.names().of_users, employee.name_key())
            || has(&self.names().of_records, owner.name_key())
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

fn local_part(email: &Email) -> &str {
    email.key().rsplit_once('@').map_or(email.key(), |(local, _)| local)
}
