//! The small plans that the model applies. Together they have every kind of operation and dependency.

use crate::server::{Fields, Id, User};

/// How many operations a plan can have.
pub(crate) const OPERATIONS: usize = 3;

/// A manager in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ManagerRef {
    Nobody,
    User(Id),
    /// The person that this operation creates.
    Create(usize),
}

/// The user that a create makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) identifier: u8,
    pub(crate) email: u8,
    pub(crate) name: u8,
    pub(crate) branch: u8,
    pub(crate) manager: ManagerRef,
}

/// What an update changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    Name(u8),
    Branch(u8),
    Manager(ManagerRef),
}

/// What an operation does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Create { after: Person },
    Update { user: Id, before: Fields, edit: Edit },
    Link { create: usize, manager: ManagerRef },
    Delete { user: Id, before: Fields },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) action: Action,
    pub(crate) depends_on: &'static [usize],
}

/// An approved plan, and the account that it was made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) users: &'static [User],
    pub(crate) operations: &'static [Operation],
}

impl Operation {
    /// The manager that it gives somebody.
    pub(crate) fn manager(&self) -> ManagerRef {
        match self.action {
            Action::Create { after } => after.manager,
            Action::Update { edit: Edit::Manager(manager), .. } | Action::Link { manager, .. } => manager,
            Action::Update { .. } | Action::Delete { .. } => ManagerRef::Nobody,
        }
    }
}

impl Plan {
    /// How the plan shows a user.
    pub(crate) fn label(&self, id: Id) -> Option<(u8, u8)> {
        self.users.get(usize::from(id)).map(|user| user.fields.label())
    }

    /// The name that an operation gives a user.
    pub(crate) fn new_name(&self, operation: usize, id: Id) -> Option<u8> {
        match self.operations[operation].action {
            Action::Update { user, edit: Edit::Name(name), .. } if user == id => Some(name),
            _ => None,
        }
    }
}

const fn user(number: u8, manager: Option<Id>, custom: u8) -> User {
    User { fields: fields(number, manager), custom, is_admin: false, made_by: None }
}

const fn fields(number: u8, manager: Option<Id>) -> Fields {
    Fields { identifier: number, email: number, name: 0, branch: 1, manager }
}

const fn person(number: u8, manager: ManagerRef) -> Person {
    Person { identifier: number, email: number, name: 0, branch: 1, manager }
}

const fn operation(action: Action, depends_on: &'static [usize]) -> Operation {
    Operation { action, depends_on }
}

/// Two new people, one reports to the other. No operation changes the only user of the account.
pub(crate) const HIRE: Plan = Plan {
    name: "hire",
    users: &[user(1, None, 1)],
    operations: &[
        operation(Action::Create { after: person(11, ManagerRef::Nobody) }, &[]),
        operation(Action::Create { after: person(12, ManagerRef::Create(0)) }, &[0]),
    ],
};

/// Two new people who report to each other. So one gets the manager by a second operation.
pub(crate) const LINK: Plan = Plan {
    name: "link",
    users: &[user(1, None, 1)],
    operations: &[
        operation(Action::Create { after: person(11, ManagerRef::Nobody) }, &[]),
        operation(Action::Create { after: person(12, ManagerRef::Create(0)) }, &[0]),
        operation(Action::Link { create: 0, manager: ManagerRef::Create(1) }, &[0, 1]),
    ],
};

/// A manager is deleted. First the direct report gets another manager.
pub(crate) const LEAVE: Plan = Plan {
    name: "leave",
    users: &[user(1, None, 1), user(2, Some(0), 1), user(3, None, 1)],
    operations: &[
        operation(
            Action::Update { user: 1, before: fields(2, Some(0)), edit: Edit::Manager(ManagerRef::User(2)) },
            &[],
        ),
        operation(Action::Delete { user: 0, before: fields(1, None) }, &[0]),
    ],
};

/// A user is deleted, and a new person gets the e-mail.
pub(crate) const REPLACE: Plan = Plan {
    name: "replace",
    users: &[user(1, None, 1), user(2, None, 1)],
    operations: &[
        operation(Action::Delete { user: 0, before: fields(1, None) }, &[]),
        operation(Action::Create { after: Person { email: 1, ..person(11, ManagerRef::User(1)) } }, &[0]),
    ],
};

/// A user gets another branch, which empties their custom fields.
pub(crate) const MOVE: Plan = Plan {
    name: "move",
    users: &[user(1, None, 1)],
    operations: &[operation(Action::Update { user: 0, before: fields(1, None), edit: Edit::Branch(2) }, &[])],
};

/// Two independent operations, which run at the same time.
pub(crate) const PAIR: Plan = Plan {
    name: "pair",
    users: &[user(1, None, 1)],
    operations: &[
        operation(Action::Update { user: 0, before: fields(1, None), edit: Edit::Name(7) }, &[]),
        operation(Action::Create { after: person(11, ManagerRef::User(0)) }, &[]),
    ],
};

/// Two independent new people. No operation depends on them, so neither is read back.
pub(crate) const TWINS: Plan = Plan {
    name: "twins",
    users: &[user(1, None, 1)],
    operations: &[
        operation(Action::Create { after: person(11, ManagerRef::User(0)) }, &[]),
        operation(Action::Create { after: person(12, ManagerRef::User(0)) }, &[]),
    ],
};

pub(crate) const PLANS: [Plan; 7] = [HIRE, LINK, LEAVE, REPLACE, MOVE, PAIR, TWINS];

/// The ids of the users whom the creates have made so far.
pub(crate) type Made = [Option<Id>; OPERATIONS];

/// The id of a manager; `Err` while that person is not created.
pub(crate) fn resolve(manager: ManagerRef, made: &Made) -> Result<Option<Id>, ()> {
    match manager {
        ManagerRef::Nobody => Ok(None),
        ManagerRef::User(id) => Ok(Some(id)),
        ManagerRef::Create(create) => made[create].map(Some).ok_or(()),
    }
}

/// The fields of the user that a create makes.
pub(crate) fn created(after: &Person, made: &Made) -> Result<Fields, ()> {
    let Person { identifier, email, name, branch, manager } = *after;
    Ok(Fields { identifier, email, name, branch, manager: resolve(manager, made)? })
}

/// The fields after an update.
pub(crate) fn updated(before: Fields, edit: Edit, made: &Made) -> Result<Fields, ()> {
    Ok(match edit {
        Edit::Name(name) => Fields { name, ..before },
        Edit::Branch(branch) => Fields { branch, ..before },
        Edit::Manager(manager) => Fields { manager: resolve(manager, made)?, ..before },
    })
}
