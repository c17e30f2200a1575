//! Tells people how runs end (`[[notify]]`): on which occasions, to whom, and in which form.
//!
//! A notification that fails does not change the outcome of a run. No message holds a secret, and none names a person
//! unless the receiver's settings ask for that.

mod message;
mod send;

use jiff::{SignedDuration, Timestamp};

pub use message::Message;
pub(crate) use send::send;

use crate::config::notify::{NotifySettings, Occasion};
use crate::runs::{Outcome, Ran, Runs};

/// Something to tell one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The receiver's place in the settings.
    pub receiver: usize,
    /// What.
    pub occasion: Occasion,
    /// The key under which it is recorded as told.
    pub key: String,
}

/// What is due to be told now. `ran` is the run that has just ended and is not among `runs` yet; without it, only
/// silence can be due.
#[must_use]
pub fn due(receivers: &[NotifySettings], runs: &Runs, ran: Option<&Ran>, now: Timestamp) -> Vec<Due> {
    let mut due = Vec::new();
    let ended = ran.and_then(|ran| occasion(ran).map(|occasion| (occasion, ran)));
    let failed_before = runs.last_counted().is_some_and(|last| last.outcome != Outcome::Succeeded);
    let succeeded = ran.is_some_and(|ran| ran.outcome == Outcome::Succeeded);
    for (receiver, settings) in receivers.iter().enumerate() {
        let key = |occasion: Occasion, subject: &str| format!("{receiver}:{}:{subject}", occasion.name());
        // Also somebody who was told of silence, or could not be told yet that an earlier run succeeded again.
        let recovers =
            failed_before || runs.owed.contains(&receiver) || runs.told.contains_key(&key(Occasion::Silent, ""));
        let mut tell = |occasion: Occasion, subject: &str| {
            let key = key(occasion, subject);
            let repeat = SignedDuration::try_from(settings.repeat).unwrap_or(SignedDuration::MAX);
            let is_new = runs.told.get(&key).is_none_or(|told| now.duration_since(*told) >= repeat);
            if settings.on.contains(&occasion) && is_new {
                due.push(Due { receiver, occasion, key });
            }
        };
        if let Some((occasion, ran)) = ended {
            let plan = ran.plan.as_ref().map(|plan| &*plan.hash);
            match occasion {
                Occasion::Blocked | Occasion::Waiting => tell(occasion, plan.unwrap_or_default()),
                Occasion::Recovered if !recovers => {}
                _ => tell(occasion, &ran.exit_code.to_string()),
            }
        }
        let silent_after = settings.silent_after.and_then(|after| SignedDuration::try_from(after).ok());
        let since = runs.last_success.or(runs.since).or(ran.map(|ran| ran.began));
        if let (Some(after), Some(since), false) = (silent_after, since, succeeded)
            && now.duration_since(since) >= after
        {
            tell(Occasion::Silent, "");
        }
    }
    due
}

/// Notes who has to be told that a run has succeeded again, until they have been. `due` are the notifications about `ran`.
pub fn owe(runs: &mut Runs, ran: &Ran, due: &[Due]) {
    if ran.outcome.counts() {
        let recovered = due.iter().filter(|due| due.occasion == Occasion::Recovered);
        runs.owed = recovered.map(|due| due.receiver).collect();
    }
}

/// Notes what a receiver has been told.
pub fn told(runs: &mut Runs, due: Due, now: Timestamp) {
    match due.occasion {
        Occasion::Recovered => drop(runs.owed.remove(&due.receiver)),
        _ => drop(runs.told.insert(due.key, now)),
    }
}

/// The occasion that the end of a run is, if any; `Recovered` only for those who do not know that all is well.
fn occasion(ran: &Ran) -> Option<Occasion> {
    match ran.outcome {
        Outcome::Blocked => Some(Occasion::Blocked),
        Outcome::Waiting => Some(Occasion::Waiting),
        Outcome::Partial => Some(Occasion::Partial),
        Outcome::Failed => Some(Occasion::Failed),
        Outcome::Succeeded => Some(Occasion::Recovered),
        Outcome::Skipped | Outcome::Interrupted => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::config::notify::Channel;
    use crate::runs::tests::ran;

    fn receiver(on: &[Occasion], silent_after: Option<u64>) -> NotifySettings {
        NotifySettings {
            on: on.to_vec(),
            channel: Channel::Command { argv: vec!["tell".to_owned()], folder: PathBuf::new() },
            personal: false,
            silent_after: silent_after.map(Duration::from_secs),
            repeat: Duration::from_secs(1000),
        }
    }

    fn told(
        receivers: &[NotifySettings],
        runs: &mut Runs,
        outcome: Outcome,
        second: i64,
    ) -> Vec<(usize, &'static str)> {
        let (ran, now) = (ran(outcome, second), Timestamp::from_second(second).unwrap());
        let due = tried(receivers, runs, ran, now);
        let names = due.iter().map(|due| (due.receiver, due.occasion.name())).collect();
        due.into_iter().for_each(|due| super::told(runs, due, now));
        names
    }

    /// The same, but nobody can be told.
    fn tried(receivers: &[NotifySettings], runs: &mut Runs, ran: Ran, now: Timestamp) -> Vec<Due> {
        let due = due(receivers, runs, Some(&ran), now);
        owe(runs, &ran, &due);
        runs.add(ran);
        due
    }

    #[test]
    fn what_is_new_is_told_once_and_again_after_a_while() {
        let all = Occasion::WORDS.map(|(_, occasion)| occasion);
        let receivers = [receiver(&all, Some(5000)), receiver(&[Occasion::Recovered], None)];
        let mut runs = Runs::default();
        for (outcome, second, expected) in [
            (Outcome::Succeeded, 0, &[][..]),
            (Outcome::Failed, 10, &[(0, "failed")]),
            (Outcome::Failed, 20, &[]),
            (Outcome::Partial, 30, &[(0, "partial")]),
            (Outcome::Failed, 1010, &[(0, "failed")]),
            (Outcome::Interrupted, 1020, &[]),
            (Outcome::Skipped, 1021, &[]),
            (Outcome::Blocked, 5000, &[(0, "blocked"), (0, "silent")]),
            (Outcome::Waiting, 5010, &[(0, "waiting")]),
            (Outcome::Succeeded, 5020, &[(0, "recovered"), (1, "recovered")]),
            (Outcome::Succeeded, 5030, &[]),
            (Outcome::Failed, 5040, &[(0, "failed")]),
        ] {
            assert_eq!(told(&receivers, &mut runs, outcome, second), expected, "{outcome:?} at {second}");
        }
    }

    #[test]
    fn each_receiver_is_told_that_all_is_well_until_they_know() {
        let receivers = [receiver(&[Occasion::Recovered], None), receiver(&[Occasion::Recovered], None)];
        let (mut runs, at) = (Runs::default(), |second| Timestamp::from_second(second).unwrap());
        assert_eq!(told(&receivers, &mut runs, Outcome::Failed, 0), []);
        let mut due = tried(&receivers, &mut runs, ran(Outcome::Succeeded, 1), at(1));
        assert_eq!(due.len(), 2);
        super::told(&mut runs, due.remove(1), at(1));
        assert_eq!(told(&receivers, &mut runs, Outcome::Skipped, 2), []);
        assert_eq!(told(&receivers, &mut runs, Outcome::Interrupted, 3), []);
        assert_eq!(tried(&receivers, &mut runs, ran(Outcome::Succeeded, 4), at(4)).len(), 1);
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 5), [(0, "recovered")]);
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 6), []);
        // It is not well any more.
        told(&receivers, &mut runs, Outcome::Failed, 7);
        tried(&receivers, &mut runs, ran(Outcome::Succeeded, 8), at(8));
        assert_eq!(told(&receivers, &mut runs, Outcome::Failed, 9), []);
        assert!(runs.owed.is_empty(), "{runs:?}");
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 10), [(0, "recovered"), (1, "recovered")]);
    }

    #[test]
    fn who_was_told_of_silence_is_told_that_it_is_over() {
        let both = receiver(&[Occasion::Silent, Occasion::Recovered], Some(60));
        let receivers = [both, receiver(&[Occasion::Recovered], None)];
        let (mut runs, at) = (Runs::default(), |second| Timestamp::from_second(second).unwrap());
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 0), []);
        let silent = due(&receivers, &runs, None, at(60)).remove(0);
        super::told(&mut runs, silent, at(60));
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 61), [(0, "recovered")]);
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 62), []);
    }

    /// What was told and what succeeded under a clock that was ahead.
    #[test]
    fn a_clock_that_goes_back_silences_nobody_for_longer_than_usual() {
        let receivers = [receiver(&[Occasion::Failed, Occasion::Silent], Some(60))];
        let (mut runs, failed) = (Runs::default(), ran(Outcome::Failed, 100));
        runs.add(ran(Outcome::Succeeded, 1_000_000));
        runs.told.insert(
            due(&receivers, &runs, Some(&failed), failed.ended)[0].key.clone(),
            failed.ended + SignedDuration::from_hours(99),
        );
        let due_at = |runs: &mut Runs, second| {
            let now = Timestamp::from_second(second).unwrap();
            runs.none_after(now);
            let due = due(&receivers, runs, Some(&failed), now);
            due.into_iter().map(|due| due.occasion).collect::<Vec<_>>()
        };
        assert_eq!(due_at(&mut runs, 100), []);
        assert_eq!(due_at(&mut runs, 159), []);
        assert_eq!(due_at(&mut runs, 160), [Occasion::Silent]);
        assert_eq!(due_at(&mut runs, 1100), [Occasion::Failed, Occasion::Silent]);
    }

    #[test]
    fn silence_is_told_without_a_run_too() {
        let receivers = [receiver(&[Occasion::Silent], Some(60))];
        let mut runs = Runs::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(due(&receivers, &runs, None, at(1000)), [], "nothing has begun yet");
        runs.add(ran(Outcome::Succeeded, 1000));
        assert_eq!(due(&receivers, &runs, None, at(1059)), []);
        assert_eq!(due(&receivers, &runs, None, at(1060)).len(), 1);
        assert_eq!(due(&receivers, &runs, Some(&ran(Outcome::Succeeded, 1060)), at(1060)), []);
    }
}
