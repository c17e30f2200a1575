//! What POST, PUT, PATCH and DELETE do to the account. Every rule about people is the account's own, as on `/v1`.

use super::Scim;
use super::body::without_nulls;
use super::error::{Kind as ErrorKind, Problem};
use super::path::Tree;
use super::resource::{blank, check_required, overlay, settable};
use crate::sandbox::account::Account;
use crate::sandbox::compose;
use crate::sandbox::field::Field;
use crate::sandbox::json::{Resource, raw};
use crate::sandbox::mode::{Archived, ExternalIds, PutMode};
use crate::sandbox::twist::Twist;
use crate::sandbox::users::Slot;
use crate::sandbox::validate::ACTIVE;

impl Scim {
    /// Makes a user.
    pub(super) fn create(&self, account: &mut Account, sent: Tree, dropped: Option<&Field>) -> Result<Slot, Problem> {
        let mut sent = without_nulls(sent);
        check_required(&self.schema, &sent)?;
        if self.behaviour.modes.external_ids == ExternalIds::Dropped {
            sent.remove("externalId");
        }
        let active = is_active(&sent);
        if !active && self.behaviour.modes.archived == Archived::Hidden {
            return Err(Problem::value("a new user must be active"));
        }
        let mut user = blank();
        overlay(&mut user, &self.schema, &Tree::new(), &sent)?;
        let mut user = compose::created(user, dropped);
        set_active(&mut user, active);
        let slot = account.add(user, self.behaviour.modes.user_names, Vec::new());
        let slot = slot.map_err(|refusal| Problem::of(refusal, &self.schema))?;
        if !active && self.behaviour.modes.archived == Archived::Listed {
            account.users.archive(slot);
        }
        Ok(slot)
    }

    /// Gives a user the attributes that a PUT names. The mode decides whether the others are emptied or kept.
    pub(super) fn put(
        &self,
        account: &mut Account,
        slot: Slot,
        sent: Tree,
        twist: Twist<'_>,
    ) -> Result<Update, Problem> {
        let before = self.before(account, slot)?;
        let sent = match self.behaviour.rules.put {
            PutMode::Replace => sent,
            PutMode::Merge => merged(before.clone(), sent),
        };
        let sent = without_nulls(sent);
        check_required(&self.schema, &sent)?;
        self.update(account, slot, &before, sent, twist)
    }

    /// The attributes of a user that a PATCH works on.
    pub(super) fn before(&self, account: &Account, slot: Slot) -> Result<Tree, Problem> {
        settable(account, &self.schema, slot).ok_or_else(Problem::no_user)
    }

    /// Stores a user with these attributes.
    pub(super) fn update(
        &self,
        account: &mut Account,
        slot: Slot,
        before: &Tree,
        mut sent: Tree,
        twist: Twist<'_>,
    ) -> Result<Update, Problem> {
        let refused = |refusal| Problem::of(refusal, &self.schema);
        let modes = &self.behaviour.modes;
        if modes.external_ids == ExternalIds::Dropped {
            match before.get("externalId") {
                Some(identifier) => drop(sent.insert("externalId".to_owned(), identifier.clone())),
                None => drop(sent.remove("externalId")),
            }
        }
        let (was_active, active) = (is_active(before), is_active(&sent));
        if active && !was_active && modes.archived != Archived::Reversible {
            let detail = "this user is archived for good and cannot become active again";
            return Err(Problem::bad(ErrorKind::Mutability, detail));
        }
        let leaves = was_active && !active && modes.archived != Archived::Reversible;
        if leaves {
            account.check_reports(slot, self.behaviour.rules.manager_delete).map_err(refused)?;
        }
        let stored = account.resource(slot).ok_or_else(Problem::no_user)?;
        let mut user = stored.clone();
        overlay(&mut user, &self.schema, before, &sent)?;
        let mut user = compose::updated(&stored, user, PutMode::Replace, twist.dropped);
        set_active(&mut user, active);
        let replaced =
            account.replace((slot, &stored), user, self.behaviour.rules.branch_move, modes.user_names, Vec::new());
        replaced.map_err(refused)?;
        twist.lose(account, slot);
        match (leaves, modes.archived) {
            (true, Archived::Hidden) => Ok(Update::Gone),
            (true, _) => {
                account.archive(slot, self.behaviour.rules.manager_delete).map_err(refused)?;
                Ok(Update::Stored)
            }
            (false, _) => Ok(Update::Stored),
        }
    }

    /// Removes a user.
    pub(super) fn delete(&self, account: &mut Account, slot: Slot) -> Result<(), Problem> {
        let deleted = account.delete(slot, self.behaviour.rules.manager_delete, self.behaviour.rules.identifiers);
        deleted.map_err(|refusal| Problem::of(refusal, &self.schema))
    }
}

/// What a write has made of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    Stored,
    /// Archived, and to be removed once the answer is written.
    Gone,
}

fn is_active(tree: &Tree) -> bool {
    tree.get("active").and_then(serde_json::Value::as_bool).unwrap_or(true)
}

fn set_active(user: &mut Resource, active: bool) {
    if active {
        user.attributes.remove(ACTIVE);
    } else {
        user.attributes.set(ACTIVE, raw(&false));
    }
}

fn merged(mut before: Tree, sent: Tree) -> Tree {
    for (name, value) in sent {
        match (before.get_mut(&name), value) {
            (Some(serde_json::Value::Object(old)), serde_json::Value::Object(new)) => old.extend(new),
            (_, value) => drop(before.insert(name, value)),
        }
    }
    before
}
