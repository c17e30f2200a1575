//! A list of another account, or one that is older than what was done, settles nothing; a true one holds nothing up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::confirmed::{ONE, STAFF, liar, staff};
use super::liar::{Account, Asked, Liar, Row, user_with_id};
use crate::target::script::{Reply, json as reply};

/// The list as it was at first.
fn old_list() -> Reply {
    reply(200, json!({"data": staff(), "meta": {"total": 3}, "links": {"next": null}}).to_string())
}

/// A server that carries creates out and does not say so, and whose lists are then as they were before; until it is honest.
async fn forgetful(rows: &[Row]) -> (Liar, Arc<AtomicBool>) {
    let is_honest = Arc::new(AtomicBool::new(false));
    let honest = Arc::clone(&is_honest);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        if honest.load(Ordering::Relaxed) {
            return None;
        }
        if asked.method == "POST" {
            account.store_new(&asked.body);
            return Some(reply(500, ""));
        }
        let is_old = account.came.contains_key("POST") && asked.method == "GET" && asked.path == "/users";
        is_old.then(old_list)
    };
    (liar(rows, lie).await, is_honest)
}

/// After a write that was not answered, the address leads to an account in which nobody is.
#[tokio::test]
async fn the_list_of_another_account_proves_nothing() {
    for (rows, method) in [(&STAFF[..2], "DELETE"), (&ONE[..], "POST")] {
        for is_carried_out in [false, true] {
            let lie = move |account: &mut Account, asked: &Asked<'_>| {
                if !account.came.contains_key(method) {
                    return None;
                }
                if asked.method == "POST" && is_carried_out {
                    account.store_new(&asked.body);
                } else if asked.method == "DELETE" && is_carried_out {
                    account.users.remove("id3");
                }
                Some(match (asked.method, asked.path) {
                    ("GET", "/users") => {
                        reply(200, json!({"data": [], "meta": {"total": 0}, "links": {"next": null}}).to_string())
                    }
                    ("GET", _) => reply(404, json!({"errors": [{"title": "not found"}]}).to_string()),
                    _ => reply(500, ""),
                })
            };
            let liar = liar(rows, lie).await;
            let ended = liar.apply().await;
            assert_eq!(ended.code, Some(9), "{method} {is_carried_out}: {ended:?}");
            assert!(ended.stderr.contains("with whom this run began"), "{method} {is_carried_out}: {ended:?}");
            assert_eq!(liar.account().came[method], 1, "{method} {is_carried_out}: {ended:?}");
        }
    }
}

/// A list that is as old as the run, from a cache, does not say whether a create was carried out; nor does it when the apply is
/// resumed, and begins with it.
#[tokio::test]
async fn an_old_list_settles_nothing() {
    let rows = [STAFF[0], STAFF[1], STAFF[2], (9, None), (10, None), (11, None)];
    let is_honest = Arc::new(AtomicBool::new(false));
    let honest = Arc::clone(&is_honest);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        if honest.load(Ordering::Relaxed) {
            return None;
        }
        if asked.method == "POST" && asked.nth == 2 {
            account.store_new(&asked.body);
            return Some(reply(500, ""));
        }
        let is_old = account.came.get("POST") == Some(&3) && asked.method == "GET" && asked.path == "/users";
        is_old.then(|| {
            let old: Vec<_> =
                account.users.iter().filter(|(id, _)| !id.starts_with("new")).map(|(_, user)| user).collect();
            reply(200, json!({"data": old, "meta": {"total": old.len()}, "links": {"next": null}}).to_string())
        })
    };
    let liar = liar(&rows, lie).await;
    for told in ["the list lacks 2 users whom this run has created", "otherwise than Skovik does when asked"] {
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{ended:?}");
        assert!(ended.stderr.contains(told), "{ended:?}");
        assert_eq!(liar.account().came["POST"], 3, "it is not sent again");
    }
    is_honest.store(true, Ordering::Relaxed);
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(liar.account().came["POST"], 3, "it is not sent again");
}

/// An old list shows not only newcomers as missing, but what was changed and removed as it was before. One such user is enough.
#[tokio::test]
async fn a_list_that_shows_what_is_done_undone_settles_nothing() {
    // One is created, and one loses the manager, or one is removed, or both.
    for rows in [
        [(1, None), (2, None), (3, None), (9, None)].as_slice(),
        &[(1, None), (2, Some(1)), (9, None)],
        &[(1, None), (2, None), (9, None)],
    ] {
        let (liar, is_honest) = forgetful(rows).await;
        for _ in 0..2 {
            let ended = liar.apply().await;
            assert_eq!(ended.code, Some(9), "{ended:?}");
            assert!(ended.stderr.contains("otherwise than Skovik does when asked"), "{ended:?}");
            assert_eq!(liar.account().came["POST"], 1, "it is not sent again");
        }
        is_honest.store(true, Ordering::Relaxed);
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(liar.account().came["POST"], 1, "it is not sent again");
    }
}

/// Somebody else removes the newcomers before the apply is resumed: the list is true, and holds nothing up.
#[tokio::test]
async fn newcomers_who_were_removed_hold_no_resumed_apply_up() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST" && asked.nth == 2 || account.came.get("POST") == Some(&3) && asked.path == "/users")
            .then(|| reply(500, ""))
            .filter(|_| !account.users.contains_key("later"))
    };
    let rows = [STAFF[0], STAFF[1], STAFF[2], (9, None), (10, None), (11, None)];
    let liar = liar(&rows, lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    {
        let mut account = liar.account();
        account.users.retain(|id, _| !id.starts_with("new"));
        account.users.insert("later".to_owned(), user_with_id("later", 77, None));
    }
    let ended = liar.apply().await;
    // Two of the three are not what the plan made them any more, and the third is sent again, as the list proves.
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(!ended.stderr.contains("old one") && !ended.stdout.contains("Outcome unknown"), "{ended:?}");
    assert_eq!(liar.account().came["POST"], 4, "{ended:?}");
    let again = liar.apply().await;
    assert!(!again.stderr.contains("old one") && !again.stdout.contains("Outcome unknown"), "{again:?}");
}

/// What runs before have created is known: whoever an old list lacks is not created again by the next one, nor by a plan that
/// was approved before. If somebody else has removed them, the list is true.
#[tokio::test]
async fn nobody_is_created_again_because_the_list_is_older_than_the_runs_before() {
    for made in [1, 2] {
        let is_honest = Arc::new(AtomicBool::new(true));
        let honest = Arc::clone(&is_honest);
        let lie = move |_: &mut Account, asked: &Asked<'_>| {
            let is_old = !honest.load(Ordering::Relaxed) && asked.method == "GET" && asked.path == "/users";
            is_old.then(old_list)
        };
        let rows: Vec<_> = STAFF.into_iter().chain((0..made).map(|place| (9 + place, None))).collect();
        let liar = liar(&rows, lie).await;
        // Another plan, with one more person.
        liar.list(&[&rows[..], &[(20, None)]].concat());
        let other = liar.run(&["plan", "-o", "other.json"]).await;
        assert!(matches!(other.code, Some(0 | 5)), "{other:?}");
        liar.approve("other.json").await;
        assert_eq!(liar.apply().await.code, Some(0));
        is_honest.store(false, Ordering::Relaxed);
        for command in [&["run"][..], &["plan"], &["apply", "other.json"]] {
            let ended = liar.run(command).await;
            assert_eq!(ended.code, Some(4), "{command:?}: {ended:?}");
            assert!(ended.stderr.contains("it is an old list"), "{command:?}: {ended:?}");
        }
        let created = usize::try_from(made).expect("few");
        assert_eq!(liar.account().came["POST"], created, "nobody is created again");
        // Somebody else removes them.
        liar.account().users.retain(|id, _| !id.starts_with("new"));
        let ended = liar.run(&["plan"]).await;
        assert!(matches!(ended.code, Some(0 | 5)), "{ended:?}");
    }
}

/// A create in doubt, and other writes that are done: neither does a new plan believe a list that shows these undone.
#[tokio::test]
async fn a_new_plan_believes_no_list_that_is_older_than_an_apply_in_doubt() {
    for rows in [[(1, None), (2, None), (3, None), (9, None)].as_slice(), &[(1, None), (2, Some(1)), (9, None)]] {
        let (liar, is_honest) = forgetful(rows).await;
        assert_eq!(liar.apply().await.code, Some(9));
        let planned = liar.run(&["plan", "-o", "next.json"]).await;
        assert_eq!(planned.code, Some(4), "{planned:?}");
        assert!(planned.stderr.contains("otherwise than Skovik does when asked"), "{planned:?}");
        // The list is true: nothing is left to do, and nobody was created twice.
        is_honest.store(true, Ordering::Relaxed);
        let planned = liar.run(&["plan", "-o", "next.json"]).await;
        assert!(planned.code == Some(0) && planned.stdout.contains("No changes."), "{planned:?}");
        assert_eq!(liar.account().came["POST"], 1);
    }
}

/// A delete that was only said to be done takes nobody's creation back.
#[tokio::test]
async fn whoever_was_not_deleted_is_not_created_again_by_an_old_list() {
    let is_old = Arc::new(AtomicBool::new(false));
    let old = Arc::clone(&is_old);
    let lie = move |_: &mut Account, asked: &Asked<'_>| match (asked.method, asked.path) {
        ("DELETE", _) => Some(reply(204, "")),
        ("GET", "/users") if old.load(Ordering::Relaxed) => Some(old_list()),
        _ => None,
    };
    let liar = liar(&ONE, lie).await;
    assert_eq!(liar.apply().await.code, Some(0));
    liar.list(&STAFF);
    assert!(matches!(liar.run(&["plan"]).await.code, Some(0 | 5)));
    liar.approve("plan.json").await;
    assert_eq!(liar.apply().await.code, Some(9), "the last list shows that nobody was deleted");
    liar.list(&ONE);
    is_old.store(true, Ordering::Relaxed);
    let planned = liar.run(&["plan", "-o", "next.json"]).await;
    assert_eq!(planned.code, Some(4), "{planned:?}");
}

/// A server may answer otherwise than with 404 for whoever is gone.
#[tokio::test]
async fn whoever_was_removed_holds_nothing_up_however_the_server_says_so() {
    for (status, expected) in [(404, &[0, 5][..]), (410, &[0, 5]), (403, &[0, 5]), (400, &[0, 5]), (500, &[4])] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            let id = asked.path.strip_prefix("/users/")?;
            (asked.method == "GET" && !account.users.contains_key(id)).then(|| reply(status, "{}"))
        };
        let liar = liar(&ONE, lie).await;
        assert_eq!(liar.apply().await.code, Some(0));
        liar.account().users.retain(|id, _| !id.starts_with("new"));
        let planned = liar.run(&["plan", "-o", "next.json"]).await;
        assert!(planned.code.is_some_and(|code| expected.contains(&code)), "{status}: {planned:?}");
        assert_eq!(planned.stderr.contains("Skovik does not tell of the user new1"), status == 500, "{planned:?}");
    }
}

/// Where Skovik refuses to show anybody alone, a refusal does not say that somebody is gone.
#[tokio::test]
async fn whom_skovik_refuses_to_show_is_not_gone_if_it_shows_nobody() {
    for status in [301, 400, 403, 405, 409, 422, 451] {
        let is_old = Arc::new(AtomicBool::new(false));
        let old = Arc::clone(&is_old);
        let lie = move |_: &mut Account, asked: &Asked<'_>| match (asked.method, asked.path) {
            _ if !old.load(Ordering::Relaxed) => None,
            ("GET", "/users") => Some(old_list()),
            ("GET", path) => path.starts_with("/users/").then(|| reply(status, "{}")),
            _ => None,
        };
        let liar = liar(&ONE, lie).await;
        assert_eq!(liar.apply().await.code, Some(0));
        is_old.store(true, Ordering::Relaxed);
        for command in [&["run"][..], &["plan", "-o", "next.json"]] {
            let ended = liar.run(command).await;
            assert_eq!(ended.code, Some(4), "{status} {command:?}: {ended:?}");
            assert!(ended.stderr.contains("and shows nobody else of the list alone either"), "{status}: {ended:?}");
        }
        assert_eq!(liar.account().came["POST"], 1, "{status}");
    }
}

/// A create was carried out, and somebody has edited the new user since, so that the apply is over: that user is known, too.
#[tokio::test]
async fn whoever_was_edited_before_the_create_was_settled_is_not_created_again_by_an_old_list() {
    let is_old = Arc::new(AtomicBool::new(false));
    let old = Arc::clone(&is_old);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        if asked.method == "POST" {
            account.store_new(&asked.body);
            for (id, user) in &mut account.users {
                if id.starts_with("new") {
                    user["attributes"]["first_name"] = json!("Edited");
                }
            }
            return Some(reply(500, ""));
        }
        (asked.method == "GET" && asked.path == "/users" && old.load(Ordering::Relaxed)).then(old_list)
    };
    let liar = liar(&ONE, lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("the next plan changes that user"), "{ended:?}");
    is_old.store(true, Ordering::Relaxed);
    for command in [&["run"][..], &["plan", "-o", "next.json"]] {
        let ended = liar.run(command).await;
        assert_eq!(ended.code, Some(4), "{command:?}: {ended:?}");
        assert!(ended.stderr.contains("it is an old list"), "{command:?}: {ended:?}");
    }
    assert_eq!(liar.account().came["POST"], 1);
    is_old.store(false, Ordering::Relaxed);
    let planned = liar.run(&["plan", "-o", "next.json"]).await;
    assert!(planned.stdout.contains("1 to update"), "{planned:?}");
}

/// Those whom an apply has removed since hide nobody of whom it has not.
#[tokio::test]
async fn twelve_who_were_removed_hide_nobody_who_was_created() {
    let is_old = Arc::new(AtomicBool::new(false));
    let old = Arc::clone(&is_old);
    // The deletes are carried out, and no list confirms them.
    let lie = move |account: &mut Account, asked: &Asked<'_>| match (asked.method, asked.path) {
        ("GET", "/users") if old.load(Ordering::Relaxed) => Some(old_list()),
        ("GET", "/users") if account.came.get("DELETE") == Some(&12) => Some(reply(500, "")),
        _ => None,
    };
    let others: Vec<Row> = (0..12).map(|place| (20 + place, None)).collect();
    let liar = liar(&[&ONE[..], &others[..]].concat(), lie).await;
    assert_eq!(liar.apply().await.code, Some(0));
    liar.list(&ONE);
    assert!(matches!(liar.run(&["plan"]).await.code, Some(0 | 5)));
    liar.approve("plan.json").await;
    assert_eq!(liar.apply().await.code, Some(9), "no list confirms it");
    is_old.store(true, Ordering::Relaxed);
    let planned = liar.run(&["plan", "-o", "next.json"]).await;
    assert_eq!(planned.code, Some(4), "{planned:?}");
    assert!(planned.stderr.contains("it is an old list"), "{planned:?}");
}
