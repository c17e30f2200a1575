//! What would be written: for each person that can be changed, the manager and the fields that differ.

use std::ops::Range;

use super::index::describe;
use super::references::{Consequence, Unresolved, Why};
use super::{Claim, Comparison, Person, Standing};
use crate::diagnostic::{Diagnostic, Severity};
use crate::employee::{DesiredManager, Employee, ExternalIdentifier, Text, User, UserId};
use crate::field::Field;
use crate::side_by_side::side_by_side;
use crate::text::near::Difference;

/// An operation before it has a number: people by their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    /// The employee is created.
    Create {
        /// The employee.
        employee: u32,
        /// Their manager.
        manager: Option<ManagerTarget>,
    },
    /// The user is changed.
    Update {
        /// The employee.
        employee: u32,
        /// The user that they match.
        user: u32,
        /// The new manager, if `changed` contains [`Changed::Manager`].
        manager: Option<ManagerTarget>,
        /// The fields that differ, in the order of [`crate::field::Field`]; never empty.
        changed: Vec<Changed>,
    },
    /// The inactive user is changed and made active again.
    Reactivate {
        /// The employee.
        employee: u32,
        /// The user that they match, by the index among the inactive.
        user: u32,
        /// The new manager, if `changed` contains [`Changed::Manager`].
        manager: Option<ManagerTarget>,
        /// [`Changed::Active`] and the fields that differ, in the order of [`crate::field::Field`].
        changed: Vec<Changed>,
    },
    /// The user is deleted.
    Delete {
        /// The user.
        user: u32,
    },
}

/// Somebody's manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManagerTarget {
    /// An existing user.
    User(u32),
    /// An employee whom the plan creates.
    Create(u32),
    /// An employee whose inactive user the plan makes active again.
    Inactive(u32),
}

/// A field that differs; a custom field by its index among the managed ones.
pub type Changed = Field<u32>;

/// Everything that would be written.
#[derive(Debug, Default)]
pub struct Drafts {
    /// The operations, in no order.
    pub drafts: Vec<Draft>,
    /// How many people are the same on both sides.
    pub unchanged: u64,
    /// The diagnostics found on the way.
    pub diagnostics: Vec<Diagnostic>,
    /// How many people's records name a manager.
    pub naming_managers: u64,
    /// How many of these managers could not be found.
    pub unresolved_managers: u64,
    /// These managers, each with the person who names them.
    pub unresolved: Vec<Unresolved>,
}

impl Drafts {
    fn append(&mut self, later: Self) {
        let Self { drafts, unchanged, diagnostics, naming_managers, unresolved_managers, unresolved } = later;
        self.drafts.extend(drafts);
        self.unchanged += unchanged;
        self.diagnostics.extend(diagnostics);
        self.naming_managers += naming_managers;
        self.unresolved_managers += unresolved_managers;
        self.unresolved.extend(unresolved);
    }
}

/// What happens to a person's manager.
#[derive(Debug, Clone, Copy)]
enum ManagerDecision {
    /// It stays as it is in Skovik.
    Keep,
    Set(Option<ManagerTarget>),
}

impl ManagerDecision {
    /// The manager that is set.
    fn target(self) -> Option<ManagerTarget> {
        match self {
            Self::Set(manager) => manager,
            Self::Keep => None,
        }
    }
}

/// The user that a person has before the plan.
#[derive(Debug, Clone, Copy)]
enum Present {
    Nobody,
    Active(u32),
    /// One who is made active again.
    Inactive(u32),
}

/// Where a person's manager comes from.
enum Resolved {
    To(Option<ManagerTarget>),
    Nowhere(Why, Box<str>),
}

impl Comparison<'_> {
    /// The operations that follow from the current match status of everybody.
    #[must_use]
    pub fn drafts(&self) -> Drafts {
        let parts = side_by_side(self.claims.len() as u32, |employees| self.drafts_of(employees));
        let mut result = Drafts::default();
        parts.into_iter().for_each(|part| result.append(part));
        self.tell_unresolved(&mut result);
        self.tell_cycles(&mut result.diagnostics);
        self.tell_foreign_emails(&mut result);
        for (user, standing) in (0..).zip(&self.standings) {
            if *standing == Standing::Leaving {
                result.drafts.push(Draft::Delete { user });
            }
        }
        self.remark_look_alikes(&mut result);
        self.remark_nearly_the_same(&mut result);
        self.remark_second_rows(&mut result);
        self.remark_twins(&mut result);
        self.remark_unjoined(&mut result);
        self.remark_handed_over(&mut result);
        self.remark_inactive_look_alikes(&mut result);
        result
    }

    /// The operations of some employees.
    fn drafts_of(&self, employees: Range<u32>) -> Drafts {
        let mut result = Drafts::default();
        for index in employees {
            match self.claims[index as usize] {
                Claim::New => {
                    let manager = self.manager_for(index, Present::Nobody, &mut result).target();
                    result.drafts.push(Draft::Create { employee: index, manager });
                }
                Claim::User(user) => {
                    let decision = self.manager_for(index, Present::Active(user), &mut result);
                    let differs = self.has_other_manager(user, decision);
                    let changed = self.changed(index, self.user(user), differs);
                    if changed.is_empty() {
                        result.unchanged += 1;
                    } else {
                        self.remark_adoption(index, self.user(user), &mut result);
                        let manager = decision.target();
                        result.drafts.push(Draft::Update { employee: index, user, manager, changed });
                    }
                }
                Claim::Inactive(user) => {
                    let decision = self.manager_for(index, Present::Inactive(user), &mut result);
                    let held = self.inactive_user(user);
                    let mut changed = vec![Changed::Active];
                    changed.extend(self.changed(index, held, self.returns_to_other_manager(user, decision)));
                    self.remark_adoption(index, held, &mut result);
                    self.remark_roles(index, user, &mut result);
                    let manager = decision.target();
                    result.drafts.push(Draft::Reactivate { employee: index, user, manager, changed });
                }
                Claim::Kept(_) | Claim::Aside(_) => {}
            }
        }
        result
    }

    /// Whether a user will be deleted.
    #[must_use]
    pub fn leaves(&self, user: u32) -> bool {
        self.standings[user as usize] == Standing::Leaving
    }

    fn remark_adoption(&self, index: u32, user: &User, result: &mut Drafts) {
        let employee = self.employee(index);
        if user.identifier.is_none() && user.email.is(&employee.email) {
            result.diagnostics.push(Diagnostic {
                severity: Severity::Info,
                code: "adopted".to_owned(),
                employee: Some(employee.identifier.to_string()),
                message: format!(
                    "{} adopts the user {} with the same e-mail, who has no external identifier",
                    describe(employee),
                    user.id
                ),
            });
        }
    }

    /// The manager that a person should have. If the record's manager cannot be found, the person keeps the present
    /// one, unless that one is deleted.
    fn manager_for(&self, index: u32, present: Present, result: &mut Drafts) -> ManagerDecision {
        if !self.policy.managed.manager {
            return ManagerDecision::Keep;
        }
        let employee = self.employee(index);
        result.naming_managers += u64::from(employee.manager != DesiredManager::Nobody);
        let user = if let Present::Active(user) = present { Some(user) } else { None };
        let (why, manager) = match self.resolve_manager(employee, user) {
            Resolved::To(target) => return ManagerDecision::Set(target),
            Resolved::Nowhere(why, manager) => (why, manager),
        };
        let held = match present {
            Present::Nobody => None,
            Present::Active(user) => self.manager_of(user),
            Present::Inactive(user) => self.manager_of_inactive(user),
        };
        let leaves = held.is_some_and(|manager| self.leaves(manager));
        let consequence = match (held, present) {
            (Some(manager), _) if leaves => Consequence::Loses(self.user(manager).full_name()),
            (Some(manager), _) => Consequence::Keeps(self.user(manager).full_name()),
            // The manager is not among the active users. Whoever comes back loses such a manager, and nobody else does.
            (None, Present::Active(user)) => {
                self.user(user).manager.as_ref().map_or(Consequence::None, |id| Consequence::Keeps(self.unlisted(id)))
            }
            (None, Present::Inactive(_) | Present::Nobody) => Consequence::None,
        };
        result.unresolved_managers += 1;
        result.unresolved.push(Unresolved { employee: index, manager, why, consequence });
        if leaves { ManagerDecision::Set(None) } else { ManagerDecision::Keep }
    }

    /// A manager who is no active user, in words.
    fn unlisted(&self, id: &UserId) -> Text {
        match self.directory.inactive_user(id) {
            Some(user) => format!("{}, who is inactive now", user.full_name()).into(),
            None => format!("the user {id}, whom Skovik does not list").into(),
        }
    }

    fn resolve_manager(&self, employee: &Employee, user: Option<u32>) -> Resolved {
        let identifier = match &employee.manager {
            DesiredManager::Nobody => return Resolved::To(None),
            DesiredManager::Unresolved { key, reason, near } => {
                let difference = near.as_ref().and_then(|meant| Some((Difference::between(key, meant)?, meant)));
                let why = match difference {
                    Some((difference, meant)) => Why::Near(difference, meant.clone()),
                    None => Why::Other(reason.clone()),
                };
                return Resolved::Nowhere(why, key.clone());
            }
            DesiredManager::Employee(identifier) => identifier,
        };
        let nowhere = |why| Resolved::Nowhere(why, identifier.as_str().into());
        if *identifier == employee.identifier {
            return nowhere(Why::Own);
        }
        match self.user_or_create(identifier) {
            Some(ManagerTarget::User(manager)) if Some(manager) == user => nowhere(Why::Own),
            Some(ManagerTarget::User(manager)) if self.leaves(manager) => nowhere(Why::Leaves),
            Some(target) => Resolved::To(Some(target)),
            None => nowhere(self.why_nobody(identifier.as_str())),
        }
    }

    fn user_or_create(&self, identifier: &ExternalIdentifier) -> Option<ManagerTarget> {
        match self.person(identifier.as_str()) {
            Some(Person::Employee(index)) => match self.claims[index as usize] {
                Claim::New => return Some(ManagerTarget::Create(index)),
                Claim::Inactive(_) => return Some(ManagerTarget::Inactive(index)),
                Claim::User(user) | Claim::Kept(user) => return Some(ManagerTarget::User(user)),
                // The doubt may be about who this is, so only the identifier counts, unless that is in doubt itself.
                Claim::Aside(user) => {
                    let owner = self.owner_of_email(self.employee(index).email.key());
                    if owner.is_some_and(|owner| user.is_some_and(|user| owner != user)) {
                        return None;
                    }
                }
            },
            Some(Person::Other) | None => {}
        }
        let user = self.owner_of_identifier(identifier.as_str()).filter(|user| !self.refused.contains(user));
        user.filter(|_| !self.people.is_claimed_twice(identifier.as_str())).map(ManagerTarget::User)
    }

    fn changed(&self, index: u32, user: &User, has_other_manager: bool) -> Vec<Changed> {
        let employee = self.employee(index);
        let custom_fields = (0..).zip(&employee.custom_fields).map(|(place, _)| place);
        let differs = |field: &Changed| match field {
            Changed::PrimaryEmail => !user.email.is(&employee.email),
            Changed::Manager => has_other_manager,
            Changed::Custom(place) => employee.custom_fields[*place as usize] != user.custom_fields[*place as usize],
            text => text.of_user(user) != text.of_employee(employee),
        };
        Field::managed_with(&self.policy.managed, custom_fields).filter(differs).collect()
    }

    fn has_other_manager(&self, user: u32, decision: ManagerDecision) -> bool {
        match decision {
            ManagerDecision::Keep => false,
            // A manager that Skovik names but does not list still counts as a manager.
            ManagerDecision::Set(None) => self.user(user).manager.is_some(),
            ManagerDecision::Set(Some(ManagerTarget::User(manager))) => self.manager_of(user) != Some(manager),
            // The reports of an inactive manager may still have that manager.
            ManagerDecision::Set(Some(ManagerTarget::Inactive(manager))) => {
                self.user(user).manager.as_ref() != self.inactive_user_of(manager)
            }
            ManagerDecision::Set(Some(ManagerTarget::Create(_))) => true,
        }
    }

    /// The inactive user that an employee matches.
    fn inactive_user_of(&self, employee: u32) -> Option<&UserId> {
        match self.claims[employee as usize] {
            Claim::Inactive(user) => Some(&self.inactive_user(user).id),
            _ => None,
        }
    }

    /// Whether a user who is made active again gets another manager, or loses one who is not there or is deleted.
    fn returns_to_other_manager(&self, user: u32, decision: ManagerDecision) -> bool {
        let Some(held) = &self.inactive_user(user).manager else { return decision.target().is_some() };
        let stays = self.manager_of_inactive(user).filter(|&manager| !self.leaves(manager));
        match decision {
            ManagerDecision::Keep => self.policy.managed.manager && stays.is_none(),
            ManagerDecision::Set(Some(ManagerTarget::User(manager))) => stays != Some(manager),
            ManagerDecision::Set(Some(ManagerTarget::Inactive(manager))) => {
                self.inactive_user_of(manager) != Some(held)
            }
            ManagerDecision::Set(Some(ManagerTarget::Create(_)) | None) => true,
        }
    }
}
