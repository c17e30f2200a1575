//! Inactive users. With `[target] reactivate`, a person who matches one is made active again instead of created. Without
//! it, they only keep their e-mails from others.
//!
//! A person whose inactive user cannot be told for certain, or must not be touched, is set aside: creating them could make
//! a second user of one person.

use rustc_hash::FxHashMap;

use super::changes::Drafts;
use super::index::describe;
use super::{Claim, Comparison, Policy, Renumber, describe_user};
use crate::diagnostic::{Diagnostic, Severity};
use crate::employee::{Directory, ExternalIdentifier, User};
use crate::text::name_words::share_a_word;
use crate::text::shell_option;

/// Inactive users by one of their values; nothing in Skovik promises that no two have the same.
pub(super) type ByValue<'a> = FxHashMap<&'a str, Vec<u32>>;

/// The inactive user that an employee matches.
enum Match<'a> {
    None,
    /// This one, whose identifier is another one; a person has decided that this is the same person.
    Renumbered(u32, &'a ExternalIdentifier),
    One(u32),
    /// None for certain.
    Doubtful(String),
}

impl<'a> Comparison<'a> {
    /// Matches employees who have no user with inactive ones: by identifier, otherwise by e-mail.
    pub(super) fn claim_inactive(&mut self) {
        let directory = self.directory;
        if !self.policy.reactivate || directory.inactive.is_empty() {
            return;
        }
        let by_identifier = self.inactive_by_identifier();
        let by_email = by_value(directory, |user| Some(user.email.key()));
        for index in 0..self.claims.len() as u32 {
            if self.claims[index as usize] != Claim::New {
                continue;
            }
            let (user, other) = match self.inactive_match(index, &by_identifier, &by_email) {
                Match::None => continue,
                Match::One(user) => (user, None),
                Match::Renumbered(user, other) => (user, Some(other)),
                Match::Doubtful(reason) => {
                    self.set_employee_aside(index, "inactive_kept", &reason);
                    continue;
                }
            };
            let owner = self.inactive_user(user);
            let employee = self.employee(index);
            // Only the e-mail may tell who somebody without an identifier was.
            let shares = || share_a_word(&employee.full_name(), &owner.full_name()) != Some(false);
            if (self.is_another(employee, owner) || (owner.identifier.is_none() && !shares()))
                && let Some(reason) = self.reason_of_another(employee, owner, true)
            {
                self.note_displaced(owner);
                self.set_employee_aside(index, "identifier_reused", &reason);
                continue;
            }
            if let Some(other) = other {
                let message = format!(
                    "{} is taken to be the same person as {}, who is inactive: the external identifier changes from {other} to {}",
                    describe(employee),
                    describe_user(owner),
                    employee.identifier
                );
                self.diagnose(Severity::Warning, "renumbered", Some(&employee.identifier), message);
            }
            match self.why_not_reactivated(owner) {
                None => self.claims[index as usize] = Claim::Inactive(user),
                Some(why) => {
                    let reason = format!(
                        "the user {} is inactive in Skovik and not made active again: {why}; activate them in Skovik, if \
                         they are to come back",
                        describe_user(owner)
                    );
                    self.set_employee_aside(index, "inactive_kept", &reason);
                }
            }
        }
    }

    /// Inactive users by their identifiers, if they may be made active again.
    pub(super) fn inactive_by_identifier(&self) -> ByValue<'a> {
        if !self.policy.reactivate {
            return ByValue::default();
        }
        by_value(self.directory, |user| user.identifier.as_ref().map(ExternalIdentifier::as_str))
    }

    fn inactive_match(&self, index: u32, by_identifier: &ByValue<'_>, by_email: &ByValue<'_>) -> Match<'a> {
        let employee = self.employee(index);
        let several = |what: &str, users: &[u32]| {
            let ids: Vec<&str> = users.iter().take(5).map(|&user| self.inactive_user(user).id.as_str()).collect();
            Match::Doubtful(format!(
                "{} inactive users of Skovik have the {what} (users {}), and nothing tells which of them this person is; \
                 activate the right one in Skovik, or delete the others",
                users.len(),
                ids.join(", ")
            ))
        };
        match by_identifier.get(employee.identifier.as_str()).map_or(&[][..], Vec::as_slice) {
            [] => {}
            [user] => return Match::One(*user),
            users => return several(&format!("external identifier {}", employee.identifier), users),
        }
        if self.owner_of_email(employee.email.key()).is_some() {
            return Match::None;
        }
        let user = match by_email.get(employee.email.key()).map_or(&[][..], Vec::as_slice) {
            [] => return Match::None,
            [user] => *user,
            users => return several(&format!("e-mail {}", employee.email), users),
        };
        // Whoever is not matched here is set aside because of the e-mail.
        let Policy { adopt, renumber, same_person, .. } = self.policy;
        match &self.inactive_user(user).identifier {
            None if *adopt => Match::One(user),
            None => Match::None,
            Some(other) if self.person(other.as_str()).is_some() => Match::None,
            Some(other) if *renumber == Renumber::SamePerson || same_person.contains(&employee.identifier) => {
                Match::Renumbered(user, other)
            }
            Some(_) => Match::None,
        }
    }

    fn why_not_reactivated(&self, user: &User) -> Option<&'static str> {
        let Policy { protect, branches, .. } = self.policy;
        if protect.covers(user) {
            return Some("[scope] protect covers them");
        }
        if protect.is_default() && self.hides_roles(user) {
            return Some("Skovik does not tell their roles, so that they may be an admin");
        }
        let is_managed = branches
            .as_ref()
            .is_none_or(|branches| user.branch.as_ref().is_some_and(|branch| branches.contains(branch)));
        (!is_managed).then_some("they are in no branch that [scope] branches names")
    }

    /// Sets aside everybody who would get the e-mail of an inactive user, who keeps it. The e-mail of one who is made
    /// active again is not given to others in the same plan, either.
    pub(super) fn find_emails_of_the_inactive(&mut self) {
        let directory = self.directory;
        if directory.inactive.is_empty() {
            return;
        }
        let by_email = by_value(directory, |user| Some(user.email.key()));
        for index in 0..self.claims.len() as u32 {
            let (employee, claim) = (self.employee(index), self.claims[index as usize]);
            let key = employee.email.key();
            let others = by_email.get(key).map_or(&[][..], Vec::as_slice).iter();
            let is_theirs =
                matches!(claim, Claim::User(user) | Claim::Kept(user) if self.user(user).email.key() == key);
            if let Some(&other) = others.into_iter().find(|&&user| claim != Claim::Inactive(user))
                && !is_theirs
            {
                let user = self.inactive_user(other);
                let advice = match &user.identifier {
                    Some(held) if self.policy.reactivate && self.person(held.as_str()).is_none() => format!(
                        "if this is the same person under a new number, plan with {}; otherwise change that user's \
                         e-mail in Skovik",
                        shell_option("--same-person", employee.identifier.as_str())
                    ),
                    _ => "activate that user, or change their e-mail, in Skovik".to_owned(),
                };
                let reason = format!(
                    "the e-mail {} belongs to {}, who is inactive in Skovik and keeps it; {advice}",
                    user.email,
                    describe_user(user)
                );
                self.set_employee_aside(index, "email_of_inactive", &reason);
            }
        }
    }

    /// Warns of a person who is made active again and has roles, or may have: with the access, their rights come back.
    pub(super) fn remark_roles(&self, index: u32, user: u32, result: &mut Drafts) {
        let (employee, user) = (self.employee(index), self.inactive_user(user));
        let rights = match user.special_roles() {
            Some(roles) if roles.is_empty() => return,
            Some(roles) => format!("the rights of: {}", roles.join(", ")),
            None if self.hides_roles(user) => "any role that they had: Skovik does not tell their roles".to_owned(),
            None => return,
        };
        result.diagnostics.push(Diagnostic {
            severity: Severity::Warning,
            code: "roles_regained".to_owned(),
            employee: Some(employee.identifier.to_string()),
            message: format!("{} is made active again, and gets back {rights}", describe(employee)),
        });
    }

    /// Whether Skovik tells the roles of other users and not those of this one.
    fn hides_roles(&self, user: &User) -> bool {
        let mut everybody = self.directory.users.iter().chain(&self.directory.inactive);
        user.roles.is_none() && *self.tells_roles.get_or_init(|| everybody.any(|user| user.roles.is_some()))
    }

    /// The manager of an inactive user, if that is an active one.
    #[must_use]
    pub fn manager_of_inactive(&self, user: u32) -> Option<u32> {
        let manager = self.inactive_user(user).manager.as_ref()?;
        let place = self.directory.users.binary_search_by(|user| user.id.cmp(manager)).ok()?;
        u32::try_from(place).ok()
    }

    /// Where managers are not managed, keeps the managers of those who are made active again.
    pub(super) fn keep_managers_of_the_returning(&mut self) {
        if self.policy.managed.manager {
            return;
        }
        for index in 0..self.claims.len() as u32 {
            if let Claim::Inactive(user) = self.claims[index as usize]
                && let Some(manager) = self.manager_of_inactive(user)
            {
                let reason = format!(
                    "{}, who is made active again, reports to them and cannot be moved away",
                    describe(self.employee(index))
                );
                self.withhold(manager, &reason);
            }
        }
    }

    /// An inactive user by index.
    #[must_use]
    pub fn inactive_user(&self, index: u32) -> &'a User {
        &self.directory.inactive[index as usize]
    }
}

fn by_value<'a>(directory: &'a Directory, value: impl Fn(&'a User) -> Option<&'a str>) -> ByValue<'a> {
    let mut map = ByValue::default();
    for (place, user) in (0..).zip(&directory.inactive) {
        if let Some(value) = value(user) {
            map.entry(value).or_default().push(place);
        }
    }
    map
}
