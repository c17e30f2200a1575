//! Tells people how runs end (`[[notify]]`): on which occasions, to whom, and in which form.
//!
//! A notification that fails does not change the outcome of a run. No message holds a secret, and none names a person
//! unless the receiver's settings ask for that.

mod message;
mod send;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

pub use message::Message;
pub(crate) use send::send;

use crate::config::notify::{NotifySettings, Occasion};
use crate::runs::{Outcome, Ran, Runs};

/// Something to tell one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The receiver's place in the settings.
    pub place: usize,
    /// The receiver, as it is recorded: the settings may change.
    pub receiver: String,
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
    let addresses: Vec<_> = receivers.iter().map(|settings| settings.address.hex()).collect();
    // Somebody was told of silence under an address that no receiver has now. It may have been changed.
    let somebody_waits = runs.told.keys().any(|key| {
        let silent = key.split_once(':').filter(|(_, told)| *told == format!("{}:", Occasion::Silent.name()));
        silent.is_some_and(|(receiver, _)| !addresses.iter().any(|address| address == receiver))
    });
    for (place, (settings, receiver)) in receivers.iter().zip(&addresses).enumerate() {
        let key = |occasion: Occasion, subject: &str| format!("{receiver}:{}:{subject}", occasion.name());
        // Also somebody who was told of silence, or could not be told yet that an earlier run succeeded again.
        let recovers = failed_before
            || somebody_waits
            || runs.told.contains_key(&key(Occasion::Silent, ""))
            || (!runs.recovered.is_empty() && runs.recovered.get(receiver) != Some(&true));
        let mut tell = |occasion: Occasion, subject: &str| {
            let key = key(occasion, subject);
            let repeat = SignedDuration::try_from(settings.repeat).unwrap_or(SignedDuration::MAX);
            let is_new = runs.told.get(&key).is_none_or(|told| now.duration_since(*told) >= repeat);
            if settings.on.contains(&occasion) && is_new {
                due.push(Due { place, receiver: receiver.clone(), occasion, key });
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
pub fn owe(receivers: &[NotifySettings], runs: &mut Runs, ran: &Ran, due: &[Due]) {
    if !ran.outcome.counts() {
        return;
    }
    let recovered = due.iter().filter(|due| due.occasion == Occasion::Recovered);
    let owed: BTreeSet<_> = recovered.map(|due| &*due.receiver).collect();
    runs.recovered.retain(|_, knows| *knows && !owed.is_empty());
    if !owed.is_empty() {
        let addresses = receivers.iter().map(|settings| settings.address.hex());
        runs.recovered.extend(addresses.map(|address| (address.clone(), !owed.contains(&*address))));
    }
}

/// Notes what a receiver has been told.
pub fn told(runs: &mut Runs, due: Due, now: Timestamp) {
    match due.occasion {
        Occasion::Recovered => {
            runs.recovered.insert(due.receiver, true);
            if runs.recovered.values().all(|knows| *knows) {
                runs.recovered.clear();
            }
        }
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
    use crate::plan::Digest;
    use crate::runs::tests::ran;

    fn receiver(name: &str, on: &[Occasion], silent_after: Option<u64>) -> NotifySettings {
        NotifySettings {
            on: on.to_vec(),
            address: Digest::of(name.as_bytes()),
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
        let names = due.iter().map(|due| (due.place, due.occasion.name())).collect();
        due.into_iter().for_each(|due| super::told(runs, due, now));
        names
    }

    /// The same, but nobody can be told.
    fn tried(receivers: &[NotifySettings], runs: &mut Runs, ran: Ran, now: Timestamp) -> Vec<Due> {
        let due = due(receivers, runs, Some(&ran), now);
        owe(receivers, runs, &ran, &due);
        runs.add(ran);
        due
    }

    #[test]
    fn what_is_new_is_told_once_and_again_after_a_while() {
        let all = Occasion::WORDS.map(|(_, occasion)| occasion);
        let receivers = [receiver("a", &all, Some(5000)), receiver("b", &[Occasion::Recovered], None)];
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
        let receivers = ["a", "b"].map(|name| receiver(name, &[Occasion::Recovered], None));
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
        assert!(runs.recovered.is_empty(), "{runs:?}");
        assert_eq!(told(&receivers, &mut runs, Outcome::Succeeded, 10), [(0, "recovered"), (1, "recovered")]);
    }

    /// Tells those that can be told, and returns their names.
    fn heard(names: &str, down: &str, runs: &mut Runs, outcome: Outcome, second: i64) -> Vec<String> {
        let on = [Occasion::Failed, Occasion::Recovered, Occasion::Silent];
        let receivers: Vec<_> = names.chars().map(|name| receiver(&name.to_string(), &on, Some(60))).collect();
        let now = Timestamp::from_second(second).unwrap();
        let mut due = tried(&receivers, runs, ran(outcome, second), now);
        let name = |due: &Due| names.chars().nth(due.place).unwrap();
        due.retain(|due| !down.contains(name(due)));
        let heard = due.iter().map(|due| format!("{} {}", name(due), due.occasion.name())).collect();
        due.into_iter().for_each(|due| super::told(runs, due, now));
        // What is recorded is all that the next run knows.
        *runs = serde_json::from_str(&serde_json::to_string(&runs).unwrap()).unwrap();
        heard
    }

    #[test]
    fn what_a_receiver_knows_stays_theirs_when_the_settings_change() {
        use Outcome::{Failed, Succeeded};
        for (steps, why) in [
            (
                &[("ab", "b", Failed, &["a failed"][..]), ("ba", "", Failed, &["b failed"]), ("ab", "", Failed, &[])][..],
                "swapped",
            ),
            (
                &[("ab", "b", Failed, &["a failed"]), ("b", "", Failed, &["b failed"]), ("ab", "", Failed, &[])],
                "the first removed, and back",
            ),
            (
                &[("ab", "", Failed, &["a failed", "b failed"]), ("cab", "", Failed, &["c failed"])],
                "a new one before them",
            ),
            (
                &[
                    ("ab", "", Failed, &["a failed", "b failed"]),
                    ("ab", "a", Succeeded, &["b recovered"]),
                    ("ba", "a", Succeeded, &[]),
                    ("ba", "", Succeeded, &["a recovered"]),
                    ("ab", "", Succeeded, &[]),
                ],
                "swapped before all know that it is over",
            ),
            (
                &[
                    ("ab", "", Failed, &["a failed", "b failed"]),
                    ("ab", "a", Succeeded, &["b recovered"]),
                    ("cb", "", Succeeded, &["c recovered"]),
                    ("acb", "", Succeeded, &[]),
                ],
                "another address, before all know that it is over",
            ),
            (
                &[
                    ("ab", "", Failed, &["a failed", "b failed"]),
                    ("ab", "a", Succeeded, &["b recovered"]),
                    ("b", "", Succeeded, &[]),
                    ("bc", "", Succeeded, &[]),
                ],
                "removed before they know that it is over",
            ),
            (
                &[
                    ("aa", "", Failed, &["a failed", "a failed"]),
                    ("a", "", Failed, &[]),
                    ("ba", "", Failed, &["b failed"]),
                ],
                "one address twice",
            ),
        ] {
            let mut runs = Runs::default();
            assert_eq!(heard("ab", "", &mut runs, Succeeded, 0), [""; 0]);
            for (second, (names, down, outcome, expected)) in (1..).zip(steps) {
                assert_eq!(heard(names, down, &mut runs, *outcome, second), *expected, "{why}, {second}: {runs:?}");
            }
        }
    }

    #[test]
    fn another_address_is_told_that_silence_is_over() {
        for (names, expected) in
            [("ab", &["a recovered"][..]), ("ba", &["a recovered"]), ("cb", &["c recovered", "b recovered"])]
        {
            let mut runs = Runs::default();
            assert_eq!(heard("ab", "", &mut runs, Outcome::Succeeded, 0), [""; 0]);
            assert_eq!(heard("ab", "b", &mut runs, Outcome::Skipped, 60), ["a silent"]);
            assert_eq!(heard(names, "", &mut runs, Outcome::Succeeded, 61), expected, "{names}");
            assert_eq!(heard(names, "", &mut runs, Outcome::Succeeded, 62), [""; 0], "{names}");
        }
    }

    /// They have places in the settings instead of addresses.
    #[test]
    fn files_of_earlier_versions_keep_nobody_from_being_told() {
        let earlier = |told: &str, owed: &str| {
            let recent = serde_json::to_string(&[ran(Outcome::Succeeded, 0)]).unwrap();
            let text =
                format!("{{\"since\":null,\"last_success\":null,\"recent\":{recent},\"told\":{{{told}}}{owed}}}");
            serde_json::from_str::<Runs>(&text).unwrap()
        };
        let told = "\"0:failed:0\":\"1970-01-01T00:00:00Z\"";
        assert_eq!(heard("ab", "", &mut earlier(told, ""), Outcome::Failed, 1), ["a failed", "b failed"]);
        assert_eq!(heard("ab", "", &mut earlier("", ""), Outcome::Succeeded, 1), [""; 0]);
        let silent = "\"1:silent:\":\"1970-01-01T00:00:00Z\"";
        for mut runs in [earlier("", ",\"owed\":[0]"), earlier(silent, "")] {
            assert_eq!(heard("ab", "", &mut runs, Outcome::Succeeded, 1), ["a recovered", "b recovered"]);
            assert_eq!(heard("ab", "", &mut runs, Outcome::Succeeded, 2), [""; 0]);
        }
    }

    #[test]
    fn who_was_told_of_silence_is_told_that_it_is_over() {
        let both = receiver("a", &[Occasion::Silent, Occasion::Recovered], Some(60));
        let receivers = [both, receiver("b", &[Occasion::Recovered], None)];
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
        let receivers = [receiver("a", &[Occasion::Failed, Occasion::Silent], Some(60))];
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
        let receivers = [receiver("a", &[Occasion::Silent], Some(60))];
        let mut runs = Runs::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(due(&receivers, &runs, None, at(1000)), [], "nothing has begun yet");
        runs.add(ran(Outcome::Succeeded, 1000));
        assert_eq!(due(&receivers, &runs, None, at(1059)), []);
        assert_eq!(due(&receivers, &runs, None, at(1060)).len(), 1);
        assert_eq!(due(&receivers, &runs, Some(&ran(Outcome::Succeeded, 1060)), at(1060)), []);
    }
}
