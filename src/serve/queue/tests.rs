#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::SignedDuration;

/// What the default tolerance of a webhook leads to.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

use super::state::{MOST_BYTES, MOST_PENDING};
use super::*;

fn event(identity: Identity, ids: &[&str]) -> Event {
    let ids = (!ids.is_empty()).then(|| ids.iter().map(|&id| id.to_owned()).collect());
    Event { webhook: "hr".to_owned(), identity, ids, at: Timestamp::now() }
}

fn once(id: &str) -> Event {
    event(Identity::Once(id.to_owned()), &[id])
}

fn content(hash: &str) -> Event {
    event(Identity::Content(hash.to_owned()), &[])
}

#[tokio::test]
async fn the_lock_is_kept_until_nothing_writes_the_file_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (folder.path().join("events"), Arc::new(()));
    let queue = Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, Arc::clone(&lock)).unwrap();
    let handle = queue.handle();
    drop(queue);
    handle.add(once("1")).await.unwrap();
    assert_eq!(Arc::strong_count(&lock), 2);
    drop(handle);
    while Arc::strong_count(&lock) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    fs::write(&path, "x\n").unwrap();
    Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, Arc::clone(&lock)).unwrap_err();
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[tokio::test]
async fn an_event_is_there_after_the_program_has_ended_until_a_run_has_looked_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let open = || Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap();
    let queue = open();
    assert_eq!(queue.add(once("1")).await.unwrap(), Accepted::New);
    assert_eq!(queue.add(once("1")).await.unwrap(), Accepted::Repeated);
    assert_eq!(queue.add(once("2")).await.unwrap(), Accepted::New);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(queue);

    // A run takes them, and the program ends in the middle of it.
    let queue = open();
    let taken = queue.take();
    assert_eq!((taken.events, taken.ids.clone()), (2, Some(BTreeSet::from(["1".to_owned(), "2".to_owned()]))));
    assert_eq!((queue.len(), queue.oldest()), (2, None), "nothing more is due, but they are not done");
    drop(queue);

    let queue = open();
    let taken = queue.take();
    assert_eq!(taken.events, 2);
    assert_eq!(queue.add(once("3")).await.unwrap(), Accepted::New, "while the run is at work");
    queue.done(taken).await.unwrap();
    drop(queue);

    let queue = open();
    assert_eq!(queue.take().events, 1);
    assert_eq!(queue.add(once("2")).await.unwrap(), Accepted::Repeated, "it is remembered");
}

/// The clock was ahead when they came, and was corrected while the service did not run.
#[tokio::test]
async fn events_of_the_future_count_as_of_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    let hours = |hours| now + SignedDuration::from_hours(hours);
    let at = |id, at| Event { at, ..once(id) };
    let open = |now| Queue::open(&path, now, Timestamp::MIN, REMEMBERED, ()).unwrap();
    let queue = open(hours(30));
    for event in [at("1", hours(1)), at("2", hours(30)), at("3", hours(-1))] {
        queue.add(event).await.unwrap();
    }
    drop(queue);

    let queue = open(now);
    assert_eq!(queue.oldest(), Some(hours(-1)), "whichever was added first");
    assert_eq!(queue.none_after(now), Some(SignedDuration::from_hours(30)));
    assert_eq!((queue.none_after(now), queue.len()), (None, 3));
    // Also if a run takes them and gives them back.
    queue.put_back(queue.take());
    assert_eq!((queue.none_after(now), queue.oldest()), (None, Some(hours(-1))));
    drop(queue);

    // One of the future is remembered for no longer than others.
    let queue = open(now);
    assert!(queue.none_after(now).is_some());
    queue.done(queue.take()).await.unwrap();
    drop(queue);
    let queue = open(hours(1));
    assert_eq!(queue.add(at("2", hours(1))).await.unwrap(), Accepted::New);
}

#[tokio::test]
async fn what_a_failed_run_took_is_looked_at_again_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(&folder.path().join("events"), Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap();
    queue.add(once("1")).await.unwrap();
    let taken = queue.take();
    queue.add(once("2")).await.unwrap();
    queue.put_back(taken);
    let ids: Vec<_> = queue.take().lines.into_iter().map(|line| line.key).collect();
    assert_eq!(ids, ["hr:1", "hr:2"]);
}

#[tokio::test]
async fn the_same_body_counts_again_once_a_run_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::open(&folder.path().join("events"), Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap();
    assert_eq!(queue.add(content("x")).await.unwrap(), Accepted::New);
    assert_eq!(queue.add(content("x")).await.unwrap(), Accepted::Repeated);
    let taken = queue.take();
    assert_eq!(taken.ids, None, "everybody");
    assert_eq!(queue.add(content("x")).await.unwrap(), Accepted::New, "the run may have read the lists already");
    queue.done(taken).await.unwrap();
    assert_eq!(queue.len(), 1);
}

#[tokio::test]
async fn half_a_line_was_never_answered_and_a_damaged_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let queue = Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap();
    queue.add(once("1")).await.unwrap();
    drop(queue);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], &whole[..20]].concat()).unwrap();
    assert_eq!(Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap().len(), 1);
    fs::write(&path, [b"{}\n", &whole[..]].concat()).unwrap();
    let error = Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap_err().to_string();
    assert!(error.contains("line 1 is damaged"), "{error}");
}

#[test]
fn a_full_queue_takes_one_more_event_that_concerns_everybody() {
    let mut state = State::default();
    for number in 0..MOST_PENDING {
        let line = state.line(once(&number.to_string())).unwrap();
        state.remember(&line);
        state.push(line);
    }
    let line = state.line(once("one more")).unwrap();
    assert_eq!(line.ids, None);
    state.push(line);
    assert_eq!(state.line(once("yet another")), None, "the last one covers it");
}

/// An event that names as many people as one may.
fn large(number: usize) -> Event {
    let ids: Vec<String> = (0..80).map(|id| format!("{number:0>100}{id:0>100}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    event(Identity::Once(number.to_string()), &ids)
}

#[test]
fn large_events_fill_a_queue_sooner() {
    let mut state = State::default();
    let mut kept = 0;
    while let Some(line) = state.line(large(kept)).filter(|line| line.ids.is_some()) {
        state.push(line);
        kept += 1;
    }
    assert_eq!(kept, MOST_BYTES / 16_000 + 1, "{kept}");
    let line = state.line(large(kept)).unwrap();
    assert_eq!(line.ids, None);
    state.push(line);
    assert_eq!(state.line(large(kept + 1)), None, "the last one covers it");
    // Once a run has taken them, there is room again.
    assert_eq!(state.take_pending().len(), kept + 1);
    assert!(state.line(large(kept + 2)).unwrap().ids.is_some());
}

/// Each run fails, and while it was under way, the queue was filled again.
#[tokio::test]
async fn a_file_does_not_grow_with_every_run_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let queue = Arc::new(Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap());
    let length = || fs::metadata(&path).unwrap().len();
    let mut longest = 0;
    for round in 0..4 {
        let taken = queue.take();
        let events = (0..550).map(|number| round * 1000 + number);
        let adding: Vec<_> = events
            .map(|number| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move { queue.add(large(number)).await.unwrap() })
            })
            .collect();
        for added in adding {
            added.await.unwrap();
        }
        queue.put_back(taken);
        longest = longest.max(length());
    }
    let most = 28 << 20;
    assert!(longest > 16 << 20 && longest < most, "{longest}");
    drop(queue);
    assert_eq!(
        Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap().take().ids,
        None,
        "everybody"
    );
}

#[tokio::test]
async fn a_file_with_more_events_than_a_queue_has_is_read_as_a_full_queue() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let now = Timestamp::now();
    let line = |number: usize| {
        format!(
            "{{\"at\":\"{now}\",\"webhook\":\"hr\",\"key\":\"hr:{number}\",\"once\":true,\"ids\":[\"{number}\"]}}\n"
        )
    };
    fs::write(&path, (0..MOST_PENDING + 5).map(line).collect::<String>()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let queue = Queue::open(&path, now, Timestamp::MIN, REMEMBERED, ()).unwrap();
    assert_eq!(queue.len(), MOST_PENDING + 1);
    assert_eq!(queue.add(once("7")).await.unwrap(), Accepted::Repeated);
    let taken = queue.take();
    assert_eq!(taken.ids, None, "everybody");
    assert_eq!(queue.add(once("new")).await.unwrap(), Accepted::New);
    queue.put_back(taken);
    assert_eq!(queue.len(), MOST_PENDING + 1, "the run failed, and the queue is full again");
    assert_eq!(queue.take().ids, None);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), MOST_PENDING + 5 + 1, "the others are remembered");
}

#[test]
fn a_line_without_an_end_is_not_read_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    fs::write(&path, "\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(100 << 20).unwrap();
    let error = Queue::open(&path, Timestamp::now(), Timestamp::MIN, REMEMBERED, ()).unwrap_err().to_string();
    assert_eq!(error, "line 2 is damaged: it is too long");
}

#[test]
fn what_came_long_ago_is_forgotten_unless_it_waits() {
    let mut state = State { remembered: REMEMBERED, ..State::default() };
    let now = Timestamp::now();
    for (id, age) in [("old", 11), ("young", 9), ("waiting", 60)] {
        let mut event = once(id);
        event.at = now - SignedDuration::from_mins(age);
        let line = state.line(event).unwrap();
        state.remember(&line);
        if id == "waiting" {
            state.push(line);
        }
    }
    state.forget(now);
    assert_eq!(state.order, ["hr:young", "hr:waiting"]);
    assert_eq!(state.seen.len(), 2);
}

/// A signed time counts for as long as the tolerance of its webhook, before and after.
#[tokio::test]
async fn an_event_is_remembered_for_as_long_as_it_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events");
    let now = Timestamp::now();
    let minutes = |minutes| now + SignedDuration::from_mins(minutes);
    let open = |now| Queue::open(&path, now, Timestamp::MIN, SignedDuration::from_hours(4), ()).unwrap();
    let queue = open(now);
    queue.add(once("1")).await.unwrap();
    queue.done(queue.take()).await.unwrap();
    drop(queue);
    for (minute, expected) in [(11, Accepted::Repeated), (239, Accepted::Repeated), (242, Accepted::New)] {
        let event = Event { at: minutes(minute), ..once("1") };
        assert_eq!(open(minutes(minute)).add(event).await.unwrap(), expected, "{minute}");
    }
}
