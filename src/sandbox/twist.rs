//! How a fault changes a request that is carried out all the same.

use super::account::Account;
use super::fault::{Effect, Lie};
use super::field::Field;
use super::users::Slot;

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Twist<'a> {
    pub(super) lie: Option<Lie>,
    pub(super) dropped: Option<&'a Field>,
    pub(super) lost: Option<&'a Field>,
    changed: Option<(&'a Field, Option<&'a str>)>,
    answered_as: Option<&'a str>,
}

impl<'a> Twist<'a> {
    pub(super) fn of(effect: Option<&'a Effect>) -> Self {
        match effect {
            Some(Effect::Lie(lie)) => Self { lie: Some(*lie), ..Self::default() },
            Some(Effect::Drop(field)) => Self { dropped: Some(field), ..Self::default() },
            Some(Effect::Change { field, user }) => Self { changed: Some((field, user.as_deref())), ..Self::default() },
            Some(Effect::Lose(field)) => Self { lost: Some(field), ..Self::default() },
            Some(Effect::AnswerAs(user)) => Self { answered_as: Some(user), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// Does what another client would, after the answer is decided: to the user that the rule names, or else to this
    /// one.
    pub(super) fn change(&self, account: &mut Account, slot: Option<Slot>) {
        let Some((field, name)) = self.changed else { return };
        if let Some(slot) = name.map_or(slot, |name| account.slot_of(name)) {
            account.change_from_outside(slot, field);
        }
    }

    /// Removes the field that an update loses.
    pub(super) fn lose(&self, account: &mut Account, slot: Slot) {
        if let Some(field) = self.lost {
            account.lose(slot, field);
        }
    }

    /// The user whom the answer shows instead of this one.
    pub(super) fn shown(&self, account: &Account, slot: Slot) -> Slot {
        self.answered_as.and_then(|name| account.slot_of(name)).unwrap_or(slot)
    }
}
