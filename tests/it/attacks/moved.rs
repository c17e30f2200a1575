//! What another client writes to a user between two attempts to move or delete them is what they have after the move, and
//! what an undo of the delete gives back. A move that is refused, and carried out all the same, loses nothing.

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, user};
use crate::company::every_step;
use crate::harness::Output;
use crate::target::script::json as reply;
use crate::world::{Pace, World};

const PACE: Pace = Pace { max_in_flight: 1, retries: 2, timeout_ms: 1500 };
/// 1003, who is to be moved to another branch, which empties custom fields. They have the note "note 3".
const MOVED: &str = "aaaaaaaa0000000000000003";

/// 1002, who is to be removed.
const LEAVER: &str = "aaaaaaaa0000000000000002";

fn note(world: &World) -> Value {
    world.users()[MOVED]["attributes"]["custom_fields"]["cf_note"].clone()
}

/// The user is read, another client changes them, and the write fails: what is read next is what is sent and refilled.
#[tokio::test]
async fn a_repeated_move_keeps_what_another_client_wrote_meanwhile() {
    for fault in ["status=503 retry-after=0", "status=429 retry-after=0", "status=408", "reset=before"] {
        for field in ["custom_fields.cf_note", "locale"] {
            let change = format!("GET /users/{MOVED} nth=1 change={field}");
            let fault = format!("PUT /users/{MOVED} nth=1 {fault}");
            let world = World::faulty(&every_step(), PACE, &[&change, &fault]).await;
            world.approved_plan().await;
            let ended = world.apply().await;
            assert_eq!(ended.code, Some(0), "{fault} {field}: {ended:?}");
            let kept = if field == "locale" { "note 3" } else { "note 3 (changed)" };
            assert_eq!(note(&world), json!(kept), "{fault} {field}");
        }
    }
}

/// A run that ended in doubt, and the next one, which finds the user unmoved and changed.
async fn in_doubt_until(change: impl FnOnce(&mut Value)) -> (World, Option<i32>, String) {
    // A run tries three times.
    let fault = format!("PUT /users/{MOVED} times=3 status=503 retry-after=0");
    let world = World::faulty(&every_step(), Pace { retries: 0, ..PACE }, &[&fault]).await;
    world.approved_plan().await;
    let first = world.apply().await;
    assert_eq!(first.code, Some(9), "{first:?}");
    world.change(MOVED, change).await;
    let next = world.apply().await;
    (world, next.code, next.stdout + &next.stderr)
}

#[tokio::test]
async fn a_later_run_keeps_what_another_client_wrote_meanwhile() {
    let write = |user: &mut Value| user["attributes"]["custom_fields"]["cf_note"] = json!("another note");
    let (world, code, said) = in_doubt_until(write).await;
    assert_eq!((code, note(&world)), (Some(0), json!("another note")), "{said}");
}

/// Nobody can tell who emptied it: the attempt whose outcome is unknown, or somebody who wants it empty.
#[tokio::test]
async fn a_field_that_became_empty_since_a_doubtful_move_is_left_to_people() {
    let write = |user: &mut Value| user["attributes"]["custom_fields"]["cf_note"] = Value::Null;
    let (world, code, said) = in_doubt_until(write).await;
    assert_eq!((code, note(&world)), (Some(9), Value::Null), "{said}");
    assert!(said.contains("has lost custom fields since a request to move them"), "{said}");
    let moved = &world.users()[MOVED]["relationships"]["branch"]["data"]["id"];
    assert_eq!(*moved, json!("br_se"), "{said}");
}

#[tokio::test]
async fn an_undo_gives_back_what_the_last_attempt_of_a_delete_read() {
    for fault in ["status=503 retry-after=0", "status=429 retry-after=0", "reset=before"] {
        let change = format!("GET /users/{LEAVER} nth=1 change=custom_fields.cf_note");
        let fault = format!("DELETE /users/{LEAVER} nth=1 {fault}");
        let world = World::faulty(&every_step(), PACE, &[&change, &fault]).await;
        world.approved_plan().await;
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(0), "{fault}: {ended:?}");
        let undone = world.run(&["undo", "plan.json", "-o", "undo.json"]).await;
        assert!(matches!(undone.code, Some(0 | 5)), "{fault}: {undone:?}");
        let undo = std::fs::read_to_string(world.path("undo.json")).expect("a plan");
        assert!(undo.contains("note 2 (changed)") && !undo.contains("\"note 2\""), "{fault}: {undo}");
    }
}

/// Who is moved, without another change of theirs.
fn mover() -> Value {
    let mut mover = user(2, Some(1));
    mover["relationships"]["branch"]["data"]["id"] = json!("br_2");
    mover["attributes"]["custom_fields"] = json!({"cf_own": "kept"});
    mover
}

/// An apply whose first PUT gets this status, `is_carried_out` or not. A move empties custom fields.
async fn refused(status: u16, is_carried_out: bool, target: &str) -> (Liar, Output) {
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        if (asked.method, asked.nth) != ("PUT", 0) {
            return None;
        }
        if is_carried_out {
            account.honest(asked);
            account.users.get_mut("id2").expect("the user")["attributes"]["custom_fields"] = json!({"cf_own": null});
        }
        Some(reply(status, "{}"))
    };
    let liar = Liar::new(&[user(1, None), mover()], &[(1, None), (2, Some(1))], target, lie).await;
    let ended = liar.apply().await;
    (liar, ended)
}

/// How many requests of this method came.
fn requests(liar: &Liar, method: &str) -> usize {
    liar.account().came.get(method).copied().unwrap_or_default()
}

#[tokio::test]
async fn a_refused_move_that_was_carried_out_loses_nothing() {
    for status in [400, 404, 409, 412, 422, 429] {
        let (liar, ended) = refused(status, true, "max_in_flight = 1").await;
        assert_eq!((ended.code, &*liar.outcomes()["1"]), (Some(0), "done"), "{status}: {ended}");
        assert_eq!(liar.account().users["id2"]["attributes"]["custom_fields"]["cf_own"], "kept", "{status}: {ended}");
        assert_eq!(requests(&liar, "PUT"), 2, "the move and the refill: {status}: {ended}");
        let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
        assert!(liar.read("undo.json").contains("id2"), "{status}: {undone}");
    }
    // With a repetition allowed, it is the repetition that finds the user moved.
    let (liar, ended) = refused(429, true, "max_in_flight = 1\nretries = 1").await;
    assert_eq!((ended.code, &*liar.outcomes()["1"]), (Some(0), "done"), "{ended}");
    assert_eq!(liar.account().users["id2"]["attributes"]["custom_fields"]["cf_own"], "kept", "{ended}");
}

/// A server that refuses the key shows nobody either: the next run looks.
#[tokio::test]
async fn a_move_that_was_refused_with_the_key_is_in_doubt() {
    for status in [401, 403] {
        let (liar, ended) = refused(status, true, "max_in_flight = 1").await;
        assert_eq!(liar.outcomes()["1"], "in_doubt", "{status}: {ended}");
        let next = liar.apply().await;
        assert_eq!((next.code, &*liar.outcomes()["1"]), (Some(0), "done"), "{status}: {next}");
        assert_eq!(liar.account().users["id2"]["attributes"]["custom_fields"]["cf_own"], "kept", "{status}: {next}");
    }
}

#[tokio::test]
async fn a_move_that_was_truly_refused_has_failed() {
    for status in [400, 404, 409, 412, 422, 429] {
        let (liar, ended) = refused(status, false, "max_in_flight = 1").await;
        assert_eq!(liar.outcomes()["1"], "failed", "{status}: {ended}");
        assert_eq!(requests(&liar, "PUT"), 1, "it is not sent again: {status}: {ended}");
        assert!(!ended.stdout.contains("may have been carried out"), "{status}: {ended}");
        assert_eq!(liar.account().users["id2"]["relationships"]["branch"]["data"]["id"], "br_2", "{status}: {ended}");
    }
}
