//! The budget of a day, by what a server held before and after each run. The program's own ledger has no say here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The window of the settings.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// What may be removed, and what may be changed or removed, within it: percent of those who were there.
const LIMIT: usize = 20;

/// What one run did.
#[derive(Debug)]
pub(crate) struct Wrote {
    pub(crate) at: Timestamp,
    /// Nobody has approved it.
    pub(crate) by_policy: bool,
    /// Ids of users.
    pub(crate) created: BTreeSet<String>,
    pub(crate) changed: BTreeSet<String>,
    pub(crate) removed: BTreeSet<String>,
    /// How many could be changed before.
    pub(crate) managed: usize,
}

impl Wrote {
    /// What became of the users of an account, by id, of whom so many are protected.
    pub(crate) fn between(
        before: &BTreeMap<String, Value>,
        after: &BTreeMap<String, Value>,
        protected: usize,
        at: Timestamp,
        by_policy: bool,
    ) -> Self {
        let only_in = |users: &BTreeMap<String, Value>, others: &BTreeMap<String, Value>| {
            users.keys().filter(|id| !others.contains_key(*id)).cloned().collect()
        };
        let is_changed = |(id, user): &(&String, &Value)| after.get(*id).is_some_and(|now| now != *user);
        Self {
            at,
            by_policy,
            created: only_in(after, before),
            changed: before.iter().filter(is_changed).map(|(id, _)| id.clone()).collect(),
            removed: only_in(before, after),
            managed: before.len() - protected,
        }
    }
}

/// Whether the last run was within the budget, together with whatever was done before it. What people have approved
/// counts: it leaves the policy nothing.
pub(crate) fn keeps(wrote: &[Wrote]) -> Result<(), String> {
    let Some((last, before)) = wrote.split_last() else { return Ok(()) };
    if !last.by_policy {
        return Ok(());
    }
    let recent: Vec<&Wrote> = before.iter().filter(|run| run.at > last.at - WINDOW).collect();
    let removed_before: BTreeSet<&String> = recent.iter().flat_map(|run| &run.removed).collect();
    let there = last.managed + removed_before.len();
    let runs = || recent.iter().copied().chain([last]);
    let removed: BTreeSet<&String> = runs().flat_map(|run| &run.removed).collect();
    if !last.removed.is_empty() && removed.len() * 100 > LIMIT * there {
        return Err(format!("{}: {} of {there} are removed within a day", last.at, removed.len()));
    }
    // Who has just been hired gets a manager, which is no change of theirs.
    let hired: BTreeSet<&String> = runs().flat_map(|run| &run.created).collect();
    let touched: BTreeSet<&String> = runs().flat_map(|run| run.changed.iter().chain(&run.removed)).collect();
    let touched = touched.difference(&hired).count();
    let is_any = last.removed.iter().chain(&last.changed).any(|id| !hired.contains(id));
    if is_any && touched * 100 > LIMIT * there {
        return Err(format!("{}: {touched} of {there} are changed or removed within a day", last.at));
    }
    Ok(())
}

#[test]
fn a_day_that_is_over_counts_no_more_and_what_was_approved_does() {
    let ids = |ids: std::ops::Range<usize>| ids.map(|id| id.to_string()).collect::<BTreeSet<String>>();
    let hour = |hour: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour);
    let run = |at, by_policy, removed: std::ops::Range<usize>, managed| {
        let (created, changed) = (BTreeSet::new(), BTreeSet::new());
        Wrote { at: hour(at), by_policy, created, changed, removed: ids(removed), managed }
    };
    assert_eq!(keeps(&[run(0, true, 0..20, 100)]), Ok(()));
    assert!(keeps(&[run(0, true, 0..21, 100)]).is_err());
    assert_eq!(keeps(&[run(0, false, 0..90, 100)]), Ok(()));
    assert!(keeps(&[run(0, false, 0..20, 100), run(23, true, 20..21, 80)]).is_err());
    assert_eq!(keeps(&[run(0, false, 0..20, 100), run(23, true, 20..20, 80)]), Ok(()));
    assert_eq!(keeps(&[run(0, true, 0..20, 100), run(25, true, 20..36, 80)]), Ok(()));
    let mut changes = run(23, true, 20..20, 80);
    changes.changed = ids(30..31);
    assert!(keeps(&[run(0, true, 0..20, 100), changes]).is_err());
}
