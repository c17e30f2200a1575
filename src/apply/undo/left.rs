//! Whom the plan left in Skovik, by its journal: how many more users or fewer, and who of them is protected now.

use std::collections::HashSet;

use super::Input;
use super::history::{Done, Entry};
use crate::apply::expected_state::{Made, created, user_of};
use crate::apply::headcount::Headcount;
use crate::employee::{EVERYBODY, Managed, User, UserId};
use crate::plan::{Action, Field, Operation};
use crate::provider::{Dialect, StoredUser};

/// What the operations that are done have left.
#[derive(Debug)]
pub(super) struct Left<'a> {
    /// How many more users there are than before the plan.
    pub(super) more: Headcount<'a>,
    /// The users of its operations whom `[scope] protect` protects now, as the plan made them or changed them.
    pub(super) protected: HashSet<UserId>,
}

impl<'a> Left<'a> {
    pub(super) fn by(input: &Input<'a>) -> Result<Self, String> {
        let Input { plan, history, managed, dialect, protect, limits: _ } = *input;
        let (mut more, mut protected) = (Headcount::of(Field::managed(managed), managed), HashSet::new());
        let made = super::made(plan, history);
        // A server that does not tell the roles in an answer tells them in its list, by which `apply` judges again.
        let is_protected = |user: &User| {
            let roles = user.roles.clone().or_else(|| Some([EVERYBODY.into()].into()));
            protect.covers(&User { roles, ..user.clone() })
        };
        for operation in plan.content().operations.iter().filter(|operation| history.is_done(operation.id)) {
            let Some(entry) = history.entry(operation.id) else { continue };
            let Some(done) = &entry.done else { continue };
            let users = Users { managed, dialect, made: &made };
            let [before, after] = users
                .of(operation, entry, done)
                .map_err(|problem| format!("operation {} in the journal: {problem}", operation.id))?;
            if let Some(user) = &before {
                more.add(user, !is_protected(user), -1);
            }
            if let Some(user) = &after {
                more.add(user, !is_protected(user), 1);
            }
            let Some(user_id) = user_of(operation, &made) else { continue };
            match after.is_some_and(|user| is_protected(&user)) {
                true => protected.insert(user_id.clone()),
                false => protected.remove(user_id),
            };
        }
        Ok(Self { more, protected })
    }
}

struct Users<'a> {
    managed: &'a Managed,
    dialect: &'a dyn Dialect,
    made: &'a Made,
}

impl Users<'_> {
    /// The user of an operation before it and after it, unless nobody was active then. Neither, if the journal has only one of
    /// both.
    fn of(&self, operation: &Operation, entry: &Entry, done: &Done) -> Result<[Option<User>; 2], String> {
        let after = self.stored(done.after.as_ref())?;
        Ok(match &operation.action {
            Action::Create { after: asked } => {
                let id = done.user_id.clone().unwrap_or_else(|| "".into());
                let asked = || Some(User { id, ..created(asked, self.managed, self.made).ok()? });
                [None, after.or_else(asked)]
            }
            Action::Update { .. } if operation.reactivates() => {
                let is_inactive = match &done.after {
                    Some(after) => self.dialect.is_inactive(after.raw().get())?,
                    None => true,
                };
                [None, after.filter(|_| !is_inactive)]
            }
            Action::Update { .. } | Action::Link { .. } => match (self.stored(entry.before.as_ref())?, after) {
                (Some(before), Some(after)) => [Some(before), Some(after)],
                _ => [None, None],
            },
            Action::Delete { before, .. } => {
                let before = || before.to_user(None, self.managed);
                [Some(self.stored(entry.before.as_ref())?.unwrap_or_else(before)), None]
            }
        })
    }

    fn stored(&self, user: Option<&StoredUser>) -> Result<Option<User>, String> {
        user.map(|user| self.dialect.user(user.raw().get(), self.managed)).transpose()
    }
}
