//! How many users there are, and how many of them may be changed: in all, in each branch, and with a value of each field.

use std::collections::HashMap;

use crate::employee::{BranchId, Directory, Managed, User};
use crate::guard::UsersNow;
use crate::plan::{Field, Value};

/// These numbers, or by how much they have changed.
#[derive(Debug)]
pub(super) struct Headcount<'a> {
    managed_fields: &'a Managed,
    nobody: Directory,
    pub(super) users: i64,
    pub(super) managed: i64,
    pub(super) by_branch: HashMap<Option<BranchId>, i64>,
    pub(super) by_field: HashMap<Field, i64>,
}

impl<'a> Headcount<'a> {
    /// Nobody yet; the values of these fields are counted.
    pub(super) fn of(fields: impl Iterator<Item = Field>, managed_fields: &'a Managed) -> Self {
        Self {
            managed_fields,
            nobody: Directory::default(),
            users: 0,
            managed: 0,
            by_branch: HashMap::new(),
            by_field: fields.map(|field| (field, 0)).collect(),
        }
    }

    /// Adds a user `by` times.
    pub(super) fn add(&mut self, user: &User, may_be_changed: bool, by: i64) {
        self.users += by;
        if !may_be_changed {
            return;
        }
        self.managed += by;
        match self.by_branch.get_mut(&user.branch) {
            Some(count) => *count += by,
            None => drop(self.by_branch.insert(user.branch.clone(), by)),
        }
        for (field, count) in &mut self.by_field {
            if Value::of_user(user, field, self.managed_fields, &self.nobody).is_some() {
                *count += by;
            }
        }
    }
}

impl UsersNow for Headcount<'_> {
    fn users(&self) -> u64 {
        count(self.users)
    }
    fn managed(&self) -> u64 {
        count(self.managed)
    }
    fn managed_in(&self, branch: Option<&BranchId>) -> u64 {
        count(self.by_branch.get(&branch.cloned()).copied().unwrap_or(0))
    }
    fn with_value(&self, field: &Field) -> u64 {
        count(self.by_field.get(field).copied().unwrap_or(0))
    }
}

fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
