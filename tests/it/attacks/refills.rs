//! A move to another branch empties custom fields, which are sent again with the whole user. What another client took away
//! meanwhile stays away, and what a read does not show is not emptied.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::liar::{Account, Liar, user};
use crate::harness::Output;
use crate::target::script::{Reply, json as reply};

/// What may be written to the second user after the move.
type Write = fn(&mut Value);

fn no_phone(user: &mut Value) {
    user["attributes"]["phone"] = Value::Null;
}

fn no_manager(user: &mut Value) {
    user["relationships"]["manager"]["data"] = Value::Null;
}

fn nothing(_: &mut Value) {}

/// Who is moved: with a phone, which is not managed, a custom field, and a manager.
fn mover() -> Value {
    let mut mover = user(2, Some(1));
    mover["relationships"]["branch"]["data"]["id"] = json!("br_2");
    mover["attributes"]["custom_fields"] = json!({"cf_own": "kept"});
    mover["attributes"]["phone"] = json!("070");
    mover
}

/// What a server does to whoever is moved.
fn empty(account: &mut Account, and: Write) {
    let user = account.users.get_mut("id2").expect("the user");
    user["attributes"]["custom_fields"] = json!({"cf_own": null});
    and(user);
}

fn shown_without_phone(account: &Account) -> Reply {
    let mut user = account.users["id2"].clone();
    no_phone(&mut user);
    reply(200, json!({"data": user}).to_string())
}

fn held(liar: &Liar) -> [Value; 3] {
    let user = &liar.account().users["id2"];
    let attributes = &user["attributes"];
    let manager = &user["relationships"]["manager"]["data"]["id"];
    [&attributes["custom_fields"]["cf_own"], &attributes["phone"], manager].map(Clone::clone)
}

fn puts(liar: &Liar) -> usize {
    liar.account().came.get("PUT").copied().unwrap_or_default()
}

/// An apply that ends in the middle of a refill, since nobody is shown after the move; then another client's write, and the
/// same apply again, with single reads that may hide the phone.
async fn resumed(write: Write, hides: bool) -> (Liar, Output) {
    let is_later = Arc::new(AtomicBool::new(false));
    let later = Arc::clone(&is_later);
    let liar = Liar::new(&[user(1, None), mover()], &[(1, None), (2, Some(1))], "max_in_flight = 1", {
        move |account, asked| match (asked.method, asked.path, later.load(Ordering::SeqCst)) {
            ("PUT", _, false) => {
                account.honest(asked);
                empty(account, nothing);
                Some(reply(200, json!({"data": account.users["id2"]}).to_string()))
            }
            ("GET", "/users/id2", false) if account.came.contains_key("PUT") => Some(reply(500, "")),
            ("GET", "/users/id2", true) if hides => Some(shown_without_phone(account)),
            _ => None,
        }
    })
    .await;
    let first = liar.apply().await;
    assert!(first.code == Some(9) && puts(&liar) == 1, "{first}");
    write(liar.account().users.get_mut("id2").expect("the user"));
    is_later.store(true, Ordering::SeqCst);
    let ended = liar.apply().await;
    (liar, ended)
}

#[tokio::test]
async fn a_later_refill_gives_back_custom_fields_and_nothing_that_another_client_took_away() {
    let (kept, phone, manager) = (json!("kept"), json!("070"), json!("id1"));
    for (write, says, left) in [
        (no_phone as Write, "phone is gone, it was \"070\"", [&kept, &Value::Null, &manager]),
        (no_manager, "manager is (none)", [&kept, &phone, &Value::Null]),
    ] {
        let (liar, ended) = resumed(write, false).await;
        assert!(ended.code == Some(9) && ended.stdout.contains(says), "{says}: {ended}");
        assert_eq!(held(&liar).each_ref(), left, "{says}: {ended}");
    }
    let (liar, ended) = resumed(nothing, false).await;
    assert_eq!((ended.code, held(&liar)), (Some(0), [kept, phone, manager]), "{ended}");
}

/// Whoever must not be given them back by now: they are named, with what they held.
#[tokio::test]
async fn a_refill_that_is_not_sent_names_what_is_lost() {
    let writes: [Write; 3] = [
        |user| user["attributes"]["external_identifier"] = json!("77"),
        |user| user["attributes"]["external_identifier"] = Value::Null,
        |user| user["attributes"]["roles"] = json!(["employee", "admin"]),
    ];
    for write in writes {
        let (liar, ended) = resumed(write, false).await;
        assert!(ended.code == Some(9) && puts(&liar) == 1, "{ended}");
        assert!(ended.stdout.contains("custom_fields.cf_own is gone, it was \"kept\""), "{ended}");
    }
}

#[tokio::test]
async fn what_the_list_shows_and_the_read_does_not_is_not_emptied() {
    let (liar, ended) = resumed(nothing, true).await;
    assert!(ended.code == Some(9) && ended.stdout.contains("showed /data/attributes/phone"), "{ended}");
    assert_eq!((puts(&liar), held(&liar)[1].clone()), (1, json!("070")), "{ended}");
}

/// A service that empties more than custom fields.
#[tokio::test]
async fn right_after_a_move_all_that_it_emptied_is_given_back() {
    let lie = |account: &mut Account, asked: &super::liar::Asked<'_>| {
        (asked.method == "PUT" && asked.nth == 0).then(|| {
            let answer = account.honest(asked);
            empty(account, no_phone);
            answer
        })
    };
    let liar = Liar::new(&[user(1, None), mover()], &[(1, None), (2, Some(1))], "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(held(&liar), [json!("kept"), json!("070"), json!("id1")]);
}

/// The move got no answer, and a list shows later that it was carried out: the list at the start is older than that.
#[tokio::test]
async fn a_move_that_got_no_answer_is_read_twice_before_anything_stays_empty() {
    for shows_again in [false, true] {
        let lie = move |account: &mut Account, asked: &super::liar::Asked<'_>| match (asked.method, asked.path) {
            ("PUT", _) if asked.nth == 0 => {
                account.honest(asked);
                empty(account, if shows_again { nothing } else { no_phone });
                Some(Reply::Late(Duration::from_millis(700), 200, String::new()))
            }
            ("GET", "/users/id2") if account.came.contains_key("PUT") && shows_again => {
                // Once it is shown, and once it is not.
                let reads = account.came.entry("reads".to_owned()).or_default();
                *reads += 1;
                (*reads).is_multiple_of(2).then(|| shown_without_phone(account))
            }
            _ => None,
        };
        let liar = Liar::new(&[user(1, None), mover()], &[(1, None), (2, Some(1))], "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        let left = [json!("kept"), if shows_again { json!("070") } else { Value::Null }, json!("id1")];
        assert_eq!((puts(&liar), held(&liar)), (2, left), "{ended}");
        let is_told = ended.stdout.contains("phone is gone, it was \"070\"");
        assert_eq!((ended.code, is_told), (Some(if shows_again { 0 } else { 9 }), !shows_again), "{ended}");
    }
}

/// Another client removes somebody whom the plan does not touch, so that its changes are too many of those who are left. What
/// is half done is completed all the same, and nothing else is begun.
#[tokio::test]
async fn a_guard_that_blocks_a_later_run_does_not_keep_a_refill_from_it() {
    let is_later = Arc::new(AtomicBool::new(false));
    let later = Arc::clone(&is_later);
    let users = [user(1, None), mover(), user(3, None), user(4, None), user(5, None)];
    let rows = [(1, None), (2, Some(1)), (3, Some(1)), (4, None), (5, None)];
    let settings = "max_in_flight = 1\n[guard]\nmin_employees = 1\nmax_change_percent = 40";
    let liar = Liar::new(&users, &rows, settings, move |account, asked| {
        match (asked.method, asked.path, later.load(Ordering::SeqCst)) {
            ("PUT", "/users/id2", false) => {
                account.honest(asked);
                empty(account, nothing);
                Some(reply(200, json!({"data": account.users["id2"]}).to_string()))
            }
            // The run ends in the middle of the move, before it begins the other operation.
            ("GET", "/users/id2", false) if account.came.contains_key("PUT") => Some(reply(401, "")),
            _ => None,
        }
    })
    .await;
    let approve = async |more: &[&str]| {
        std::fs::remove_file(liar.path("plan.json.test.approval")).expect("removed");
        let approved = liar.run(&[&["approve", "plan.json", "--yes", "--approver", "test"][..], more].concat()).await;
        assert_eq!(approved.code, Some(0), "{approved}");
    };
    approve(&[]).await;
    let first = liar.apply().await;
    assert!(first.code == Some(9) && puts(&liar) == 1, "{first}");
    assert_eq!(held(&liar)[0], Value::Null);
    liar.account().users.remove("id5");
    is_later.store(true, Ordering::SeqCst);
    let blocked = liar.apply().await;
    assert!(blocked.code == Some(5) && blocked.stderr.contains("blocked by max_change_percent"), "{blocked}");
    assert_eq!((puts(&liar), held(&liar)[0].clone()), (2, json!("kept")), "{blocked}");
    // By now nothing is in doubt, and a refusal writes nothing.
    let blocked = liar.apply().await;
    assert_eq!((blocked.code, puts(&liar)), (Some(5), 2), "{blocked}");
    approve(&["--allow", "changes=2"]).await;
    let ended = liar.apply().await;
    assert_eq!((ended.code, puts(&liar)), (Some(0), 3), "{ended}");
}

/// What the reads of whoever was moved show: after each read, something else about the second user.
async fn shown_as(shown: &'static [Option<Write>]) -> (Liar, Output) {
    let liar = Liar::new(
        &[user(1, None), mover(), user(3, None)],
        &[(1, None), (2, Some(1)), (3, None)],
        "max_in_flight = 1",
        {
            move |account, asked| match (asked.method, asked.path) {
                ("PUT", _) if asked.nth == 0 => {
                    let answer = account.honest(asked);
                    empty(account, nothing);
                    Some(answer)
                }
                ("GET", "/users/id2") if account.came.contains_key("PUT") => {
                    let reads = account.came.entry("reads".to_owned()).or_default();
                    *reads += 1;
                    let write = shown.get(*reads - 1).copied().flatten()?;
                    let mut user = account.users["id2"].clone();
                    write(&mut user);
                    Some(reply(200, json!({"data": user}).to_string()))
                }
                _ => None,
            }
        },
    )
    .await;
    let ended = liar.apply().await;
    (liar, ended)
}

fn another_name(user: &mut Value) {
    user["attributes"]["last_name"] = json!("Other");
}

fn a_third_name(user: &mut Value) {
    user["attributes"]["last_name"] = json!("Third");
}

fn another_manager(user: &mut Value) {
    user["relationships"]["manager"]["data"]["id"] = json!("id3");
}

fn name_and_manager(liar: &Liar) -> [Value; 2] {
    let user = &liar.account().users["id2"];
    [user["attributes"]["last_name"].clone(), user["relationships"]["manager"]["data"]["id"].clone()]
}

/// A refill sends the whole user: what one read alone shows must not become true by it.
#[tokio::test]
async fn what_one_read_shows_after_a_move_is_not_written() {
    for lie in [another_name as Write, another_manager] {
        let shown: &'static [Option<Write>] = Box::leak(Box::new([Some(lie)]));
        let (liar, ended) = shown_as(shown).await;
        assert_eq!((ended.code, puts(&liar), held(&liar)[0].clone()), (Some(0), 2, json!("kept")), "{ended}");
        assert_eq!(name_and_manager(&liar), [json!("Last2"), json!("id1")], "{ended}");
    }
    let (liar, ended) = shown_as(&[Some(another_name), Some(a_third_name)]).await;
    assert!(ended.code == Some(9) && ended.stdout.contains("two reads of the user differ"), "{ended}");
    assert_eq!((puts(&liar), name_and_manager(&liar)), (1, [json!("Last2"), json!("id1")]), "{ended}");
    // The same apply again gives back what the move emptied.
    let ended = liar.apply().await;
    assert_eq!((ended.code, puts(&liar), held(&liar)[0].clone()), (Some(0), 2, json!("kept")), "{ended}");
}

/// What another client has written since is kept, and so are the custom fields.
#[tokio::test]
async fn what_another_client_writes_after_a_move_is_kept() {
    let (liar, ended) = shown_as(&[Some(another_name), Some(another_name)]).await;
    assert!(ended.code == Some(9) && ended.stdout.contains("last_name is \"Other\", not \"Last2\""), "{ended}");
    assert_eq!((puts(&liar), held(&liar)[0].clone()), (2, json!("kept")), "{ended}");
    assert_eq!(name_and_manager(&liar), [json!("Other"), json!("id1")], "{ended}");
}
