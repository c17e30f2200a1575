//! Answers are claims: an id must be new, doubtful ends are confirmed by one list, what was sent is compared with what is
//! held, and a wait says how long it is.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::company::every_step;
use crate::harness::Output;
use crate::world::{Pace, World, signal};

const PACE: Pace = Pace { max_in_flight: 1, retries: 1, timeout_ms: 500 };
const LEAVER: &str = "aaaaaaaa0000000000000002";

async fn applied(rules: &[&str]) -> (World, Output) {
    let world = World::faulty(&every_step(), PACE, rules).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    (world, ended)
}

/// Whoever would report to the newcomer would report to a stranger.
#[tokio::test]
async fn the_id_of_somebody_else_is_no_new_one() {
    for rule in
        ["POST /users nth=1 answer=1006", "POST /users nth=2 answer=1020", "POST /users nth=1 answer=admin@example.com"]
    {
        let (world, ended) = applied(&[rule]).await;
        assert_eq!(ended.code, Some(0), "{rule}: {ended:?}");
        assert!(ended.stderr.contains("unknown outcomes: 1"), "{rule}: {ended:?}");
        let users = world.people();
        assert_eq!(users["1007"]["relationships"]["manager"], json!("1020"), "{rule}");
        assert_eq!(users["1022"]["relationships"]["manager"], json!("1020"), "{rule}");
    }
    let (world, ended) = applied(&["POST /users answer=1006"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(world.users().values().all(|user| user["relationships"]["manager"]["data"]["id"] != json!("1006")));
}

/// "Not found" and "later" are confirmed by the list at the end.
#[tokio::test]
async fn somebody_who_is_still_listed_is_not_removed_yet() {
    for (rule, code) in [
        ("DELETE /users/* status=404", 9),
        ("DELETE /users/* status=202", 9),
        ("DELETE /users/* status=200 body=json", 9),
        ("DELETE /users/* nth=1 status=404", 0),
        ("DELETE /users/* nth=1 status=202 executed", 0),
        ("GET /users/aaaaaaaa0000000000000002 status=404", 9),
    ] {
        let (world, ended) = applied(&[rule]).await;
        assert_eq!(ended.code, Some(code), "{rule}: {ended:?}");
        let is_there = world.users().contains_key(LEAVER);
        assert_eq!(is_there, code == 9, "{rule}");
        if code == 9 {
            assert!(ended.stdout.contains("Outcome unknown, carried out or not (1)"), "{rule}: {ended:?}");
        }
    }
}

/// Somebody else removed the leaver between the list and the write: that is what the plan wants.
#[tokio::test]
async fn somebody_who_is_gone_already_is_gone() {
    let (world, ended) = applied(&["DELETE /users/* nth=1 status=404 executed"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!world.users().contains_key(LEAVER));
}

/// Neither managed nor known: custom fields, attributes and relationships that a PUT carries along.
#[tokio::test]
async fn a_loss_is_seen_whatever_was_lost() {
    for field in ["custom_fields.cf_note", "locale", "odd", "external_metadata"] {
        let (_, ended) = applied(&[&format!("PUT /users/* lose-field={field}")]).await;
        assert_eq!(ended.code, Some(9), "{field}: {ended:?}");
        let lines = ended.stdout.lines().filter(|line| line.contains(&format!("{field} is gone"))).count();
        assert_eq!(lines, 4, "each update, {field}: {ended:?}");
    }
}

/// A server that asks for 31 years, and an administrator who does not wait for it.
#[tokio::test]
async fn a_wait_is_said_and_can_be_ended() {
    // What waited is not begun.
    ended_wait("aaaaaaaa0000000000000004", "not_attempted").await;
    // But a change of branch may have emptied custom fields, although it was refused.
    ended_wait("aaaaaaaa0000000000000003", "in_doubt").await;
}

async fn ended_wait(user: &str, outcome: &str) {
    let fault = format!("PUT /users/{user} nth=1 status=429 retry-after=1000000000");
    let world = World::faulty(&every_step(), PACE, &[&fault]).await;
    world.approved_plan().await;
    let mut child = world.spawn_apply();
    let mut errors = child.stderr.take().expect("kept");
    let mut said = String::new();
    while !said.contains("waiting 300 s") {
        let mut part = [0; 1024];
        let length = tokio::time::timeout(Duration::from_secs(30), errors.read(&mut part)).await;
        let length = length.unwrap_or_else(|_| panic!("not a word: {said}")).expect("read");
        assert_ne!(length, 0, "it ended: {said}");
        said.push_str(&String::from_utf8_lossy(&part[..length]));
    }
    assert!(said.contains("429") && said.contains("Ctrl-C"), "{said}");
    let since = Instant::now();
    signal(&child, "-INT").await;
    let ended = child.wait_with_output().await.expect("it ends");
    assert_eq!(ended.status.code(), Some(130));
    assert!(since.elapsed() < Duration::from_secs(20), "it waited for {:?}", since.elapsed());
    let of_the_request = world.outcomes().into_values().find(|outcome| outcome != "done");
    assert_eq!(of_the_request.as_deref(), Some(outcome), "{:?}", world.outcomes());
    // The same apply goes on.
    assert_eq!(world.apply().await.code, Some(0));
}
