//! The admins of an account whom an apply leaves where they are: while it removes an admin, one of them must be there.

use std::collections::HashSet;

use tokio::sync::{Mutex, MutexGuard};

use crate::employee::{User, UserId};

/// The admins of the complete list.
#[derive(Debug, Default)]
pub struct Admins {
    /// Those whom the plan removes.
    leaving: HashSet<UserId>,
    leaves_none: bool,
    /// The others. Whoever was not an admin any more when this run looked is not there any more. An admin is removed by
    /// whoever holds this, so that no two removals rely on the same look.
    staying: Mutex<Vec<UserId>>,
}

impl Admins {
    /// By the complete list of active users.
    pub(super) fn of(users: &[User], is_removed: impl Fn(&UserId) -> bool) -> Self {
        let admins = users.iter().filter(|user| user.is_admin()).map(|user| user.id.clone());
        let (leaving, staying): (Vec<_>, Vec<_>) = admins.partition(is_removed);
        Self { leaving: leaving.into_iter().collect(), leaves_none: staying.is_empty(), staying: Mutex::new(staying) }
    }

    /// For the removal of a user who is an admin by the list: those who stay, once every other such removal has ended.
    pub(super) async fn for_removal(&self, id: &UserId) -> Option<MutexGuard<'_, Vec<UserId>>> {
        if self.leaving.contains(id) { Some(self.staying.lock().await) } else { None }
    }

    /// Whether the plan would leave no admin.
    pub(super) fn leaves_none(&self) -> bool {
        self.leaves_none
    }
}
