//! The users of the account with their indexes, so that no request looks at more users than it is about.
//!
//! It checks no rule. The caller checks that e-mails and identifiers are free and that managers exist.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::mode::Identifiers;

/// Where a user is stored. Never reused, so that it also serves as the mark of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot(pub(super) usize);

/// A user as stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: Box<str>,
    /// The whole resource as JSON.
    pub(super) raw: Box<str>,
    pub(super) keys: Keys,
}

/// The indexed keys of a user.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// As [`crate::employee::email_key`] gives it.
    pub(super) email: Box<str>,
    pub(super) identifier: Option<Box<str>>,
    pub(super) manager: Option<Slot>,
    pub(super) branch: Option<Box<str>>,
    /// Whether the user can sign in; only `/scim/v2` knows the others.
    pub(super) active: bool,
}

#[derive(Debug, Default)]
pub(super) struct Users {
    /// In order of creation, with a gap for each removed user.
    slots: Vec<Option<Stored>>,
    /// The slots without the gaps, ascending.
    all: Vec<Slot>,
    /// As `all`, without archived users.
    order: Vec<Slot>,
    by_id: FxHashMap<Box<str>, Slot>,
    /// May point to a gap: the e-mail of a deleted user, in the mode in which those stay taken.
    by_email: FxHashMap<Box<str>, Slot>,
    /// As `by_email`.
    by_identifier: FxHashMap<Box<str>, Slot>,
    reports: FxHashMap<Slot, BTreeSet<Slot>>,
}

impl Users {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Stored> {
        self.slots.get(slot.0)?.as_ref()
    }

    /// The user at a position of the list.
    pub(super) fn at(&self, position: usize) -> Option<(Slot, &Stored)> {
        let slot = *self.order.get(position)?;
        Some((slot, self.get(slot)?))
    }

    /// The position of the first user behind this slot, whether or not the slot is a gap by now.
    pub(super) fn position_after(&self, slot: Slot) -> usize {
        self.order.partition_point(|&other| other <= slot)
    }

    /// The position of this slot, or of the first one behind it if it is a gap by now.
    pub(super) fn position_of(&self, slot: Slot) -> usize {
        self.order.partition_point(|&other| other < slot)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.slots.iter().flatten()
    }

    /// The slots of all users, archived ones included.
    pub(super) fn all(&self) -> &[Slot] {
        &self.all
    }

    /// The slots of the users who are not archived.
    pub(super) fn listed(&self) -> &[Slot] {
        &self.order
    }

    pub(super) fn find(&self, id: &str) -> Option<Slot> {
        self.by_id.get(id).copied()
    }

    /// As [`Users::find`], unless the user is archived.
    pub(super) fn find_listed(&self, id: &str) -> Option<Slot> {
        self.find(id).filter(|slot| self.is_listed(*slot))
    }

    pub(super) fn is_listed(&self, slot: Slot) -> bool {
        self.order.binary_search(&slot).is_ok()
    }

    /// Takes a user off the list but keeps them.
    pub(super) fn archive(&mut self, slot: Slot) {
        if let Ok(position) = self.order.binary_search(&slot) {
            self.order.remove(position);
        }
    }

    /// Archives everybody who is inactive.
    pub(super) fn archive_inactive(&mut self) {
        let slots = &self.slots;
        self.order.retain(|slot| slots.get(slot.0).and_then(Option::as_ref).is_some_and(|user| user.keys.active));
    }

    /// Who holds an e-mail, given as its key; the slot may be a gap.
    pub(super) fn holder_of_email(&self, key: &str) -> Option<Slot> {
        self.by_email.get(key).copied()
    }

    /// Who holds an external identifier; the slot may be a gap.
    pub(super) fn holder_of_identifier(&self, identifier: &str) -> Option<Slot> {
        self.by_identifier.get(identifier).copied()
    }

    pub(super) fn reports(&self, slot: Slot) -> Vec<Slot> {
        self.reports.get(&slot).map(|reports| reports.iter().copied().collect()).unwrap_or_default()
    }

    pub(super) fn add(&mut self, user: Stored) -> Slot {
        let slot = Slot(self.slots.len());
        self.by_id.insert(user.id.clone(), slot);
        self.index(slot, &user.keys);
        self.slots.push(Some(user));
        self.order.push(slot);
        self.all.push(slot);
        slot
    }

    pub(super) fn update(&mut self, slot: Slot, raw: Box<str>, keys: Keys) {
        let Some(old) = self.get(slot).map(|user| user.keys.clone()) else { return };
        self.forget_names(&old);
        self.forget_manager(slot, &old);
        self.index(slot, &keys);
        if let Some(Some(user)) = self.slots.get_mut(slot.0) {
            user.raw = raw;
            user.keys = keys;
        }
    }

    pub(super) fn remove(&mut self, slot: Slot, identifiers: Identifiers) {
        let Some(user) = self.slots.get_mut(slot.0).and_then(Option::take) else { return };
        self.by_id.remove(&user.id);
        if identifiers == Identifiers::Released {
            self.forget_names(&user.keys);
        }
        self.forget_manager(slot, &user.keys);
        self.reports.remove(&slot);
        self.archive(slot);
        if let Ok(position) = self.all.binary_search(&slot) {
            self.all.remove(position);
        }
    }

    fn index(&mut self, slot: Slot, keys: &Keys) {
        let Keys { email, identifier, manager, branch: _, active: _ } = keys;
        self.by_email.insert(email.clone(), slot);
        if let Some(identifier) = identifier {
            self.by_identifier.insert(identifier.clone(), slot);
        }
        if let Some(manager) = manager {
            self.reports.entry(*manager).or_default().insert(slot);
        }
    }

    fn forget_names(&mut self, keys: &Keys) {
        self.by_email.remove(&keys.email);
        if let Some(identifier) = &keys.identifier {
            self.by_identifier.remove(identifier);
        }
    }

    fn forget_manager(&mut self, slot: Slot, keys: &Keys) {
        let Some(manager) = keys.manager else { return };
        if let Some(reports) = self.reports.get_mut(&manager) {
            reports.remove(&slot);
            if reports.is_empty() {
                self.reports.remove(&manager);
            }
        }
    }
}
