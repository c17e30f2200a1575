//! A repetition is a new decision: the user is read and judged again before each one.

use serde_json::json;

use crate::company::every_step;
use crate::world::{Pace, World};

const PACE: Pace = Pace { max_in_flight: 1, retries: 3, timeout_ms: 1500 };
/// 1002, who is to be removed.
const LEAVER: &str = "aaaaaaaa0000000000000002";
/// 1004, who is to get another e-mail.
const MARRIED: &str = "aaaaaaaa0000000000000004";

/// The read just before the write is the last that is as planned; then the write is turned away.
async fn struck(user: &str, method: &str, fault: &str, field: &str) -> World {
    let change = format!("GET /users/{user} nth=1 change={field}");
    let fault = format!("{method} /users/{user} nth=1 {fault}");
    let world = World::faulty(&every_step(), PACE, &[&change, &fault]).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{fault}: {ended:?}");
    assert!(ended.stdout.contains("conflict: "), "{fault}: {ended:?}");
    world
}

const FAULTS: [&str; 6] = [
    "status=503 retry-after=0",
    "status=429 retry-after=0",
    "status=502",
    "status=500 body=html",
    "reset=before",
    "status=408",
];

#[tokio::test]
async fn somebody_who_becomes_protected_is_not_removed_by_a_repetition() {
    for fault in FAULTS {
        let world = struck(LEAVER, "DELETE", fault, "roles").await;
        assert!(world.users().contains_key(LEAVER), "{fault}");
        let deletes = world.writes().into_iter().filter(|request| request.method == "DELETE").count();
        assert_eq!(deletes, 1, "{fault}");
    }
}

#[tokio::test]
async fn what_another_client_changed_is_not_undone_by_a_repetition() {
    for fault in FAULTS {
        for field in ["first_name", "roles"] {
            let world = struck(MARRIED, "PUT", fault, field).await;
            let puts = world.writes().into_iter().filter(|request| request.path.ends_with(MARRIED)).count();
            assert_eq!(puts, 1, "{fault} {field}");
            assert_eq!(world.users()[MARRIED]["attributes"]["primary_email"], json!("p4@example.com"), "{fault}");
        }
    }
}

/// Where nobody meddles, a passing trouble costs nothing but time.
#[tokio::test]
async fn a_passing_trouble_is_no_failure() {
    for fault in FAULTS.iter().chain(&["reset=after", "status=504 executed", "cut"]) {
        for (method, user) in [("PUT", MARRIED), ("DELETE", LEAVER)] {
            let rule = format!("{method} /users/{user} times=2 {fault}");
            let world = World::faulty(&every_step(), PACE, &[&rule]).await;
            world.approved_plan().await;
            let ended = world.apply().await;
            assert_eq!(ended.code, Some(0), "{rule}: {ended:?}");
        }
    }
}

/// The refill of custom fields is a write like any other.
#[tokio::test]
async fn a_refill_is_not_repeated_blindly() {
    let moved = "aaaaaaaa0000000000000003";
    // PUT 1 moves, GET 3 reads before the second try of PUT 2, the refill.
    let rules = [
        format!("PUT /users/{moved} nth=2 status=503 retry-after=0"),
        format!("GET /users/{moved} nth=2 change=roles"),
    ];
    let world = World::faulty(&every_step(), PACE, &rules.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    let puts = world.writes().into_iter().filter(|request| request.path.ends_with(moved)).count();
    assert_eq!(puts, 2, "{ended:?}");
    assert!(ended.stdout.contains("is protected now"), "{ended:?}");
}

/// Another request's pause comes between the read of a user and the write: then the user is read again, and judged.
#[tokio::test]
async fn a_write_that_has_to_wait_is_decided_anew() {
    let pace = Pace { max_in_flight: 4, ..PACE };
    for (field, puts, code) in [("roles", 0, 9), ("custom_fields.cf_note", 1, 0)] {
        let read = format!("GET /users/{MARRIED} nth=1 slow=500ms change={field}");
        let world =
            World::faulty(&every_step(), pace, &[&read, "POST /users nth=1 status=429 retry-after=4 slow=200ms"]).await;
        world.approved_plan().await;
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(code), "{field}: {ended:?}");
        let sent = world.writes().into_iter().filter(|request| request.path.ends_with(MARRIED)).count();
        assert_eq!(sent, puts, "{field}: {ended:?}");
        let user = &world.users()[MARRIED]["attributes"];
        assert_eq!(user["primary_email"] == json!("p4@example.com"), puts == 0, "{field}");
    }
}
