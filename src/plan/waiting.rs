//! Who waits to be deleted: missing in the lists, but not for as long as `[scope] remove_after` says.

use serde::{Deserialize, Serialize};

use super::fields::display_name;
use super::{Action, Content, Operation};
use crate::diff::{Comparison, Moment, Wait};
use crate::employee::{ExternalIdentifier, Text, UserId};
use crate::strict_json::present;

/// The people who wait, of a plan with second thoughts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// For how long somebody must be missing before they are deleted, in seconds.
    pub remove_after: u64,
    /// Who waits: those who leave first come first, and those without a day come last.
    pub people: Vec<WaitingPerson>,
}

/// Somebody who is missing and stays for now. No operation touches them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingPerson {
    /// The user.
    pub user_id: UserId,
    /// The user's external identifier, if they have one.
    #[serde(deserialize_with = "present")]
    pub employee: Option<ExternalIdentifier>,
    /// The user's name, for the reader.
    pub name: Text,
    /// Since when they are missing, and until when they stay; none if no reading has noted it.
    #[serde(deserialize_with = "present")]
    pub wait: Option<Wait>,
    /// Why they would be deleted, for the reader.
    pub reason: String,
}

impl WaitingPerson {
    /// Since when they are missing and when they leave, for the reader.
    #[must_use]
    pub fn words(&self) -> String {
        self.wait.map_or_else(
            || "missing, which no reading has noted yet: the wait has not begun".to_owned(),
            |wait| wait.to_string(),
        )
    }

    /// What people are sorted by.
    pub(super) fn key(&self) -> (bool, i64, &UserId) {
        (self.wait.is_none(), self.wait.map_or(0, |wait| wait.leaves.seconds()), &self.user_id)
    }
}

impl Waiting {
    /// Who waits in a comparison; none without second thoughts.
    pub(super) fn of(comparison: &Comparison<'_>) -> Option<Self> {
        let remove_after = comparison.policy().absences.as_ref()?.remove_after;
        let person = |index: u32| {
            let user = comparison.user(index);
            WaitingPerson {
                user_id: user.id.clone(),
                employee: user.identifier.clone(),
                name: display_name(user),
                wait: comparison.wait_of(index),
                reason: comparison.reason_to_remove(index).to_owned(),
            }
        };
        let mut people: Vec<WaitingPerson> = comparison.waiting().map(person).collect();
        people.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        Some(Self { remove_after, people })
    }
}

impl Content {
    /// How many people wait to be deleted.
    #[must_use]
    pub fn waiting_people(&self) -> u64 {
        self.waiting.as_ref().map_or(0, |waiting| waiting.people.len() as u64)
    }

    /// The first delete whose wait is not over at this time, in seconds since 1970, and when it is. A plan has none when
    /// it is made.
    #[must_use]
    pub fn deletes_too_early(&self, now: i64) -> Option<(&Operation, Moment)> {
        let remove_after = i64::try_from(self.waiting.as_ref()?.remove_after).unwrap_or(i64::MAX);
        self.operations.iter().find_map(|operation| {
            let Action::Delete { missing_since: Some(since), .. } = operation.action else { return None };
            let over = since.seconds().saturating_add(remove_after);
            (over > now).then(|| (operation, since.at(over)))
        })
    }
}
