//! What another client writes to a user between two attempts to move or delete them is what they have after the move, and
//! what an undo of the delete gives back.

use serde_json::{Value, json};

use crate::company::every_step;
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
