//! A request whose outcome is unknown, and a branch or manager who is called otherwise since: it is not sent again, and what it
//! did is found and finished all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, Row, user};
use crate::target::script::{Reply, json as reply};

/// 2 moves from another branch to the one of the list, and gets another manager.
const LIST: [Row; 3] = [(1, None), (2, Some(3)), (3, None)];

fn staff() -> Vec<Value> {
    let mut staff = vec![user(1, None), user(2, Some(1)), user(3, None)];
    staff[1]["relationships"]["branch"]["data"]["id"] = json!("br_2");
    staff[1]["attributes"]["custom_fields"] = json!({"cf_own": "kept"});
    staff
}

/// An apply that ended in doubt: its only request was carried out, or not, and then the server was away.
async fn in_doubt(is_carried_out: bool) -> Liar {
    let is_away = Arc::new(AtomicBool::new(true));
    let away = Arc::clone(&is_away);
    let lie = move |account: &mut Account, asked: &Asked<'_>| match asked.method {
        "PUT" if asked.nth == 0 => {
            if is_carried_out {
                account.honest(asked);
                // A move empties them.
                account.users.get_mut("id2").expect("the user")["attributes"]["custom_fields"] =
                    json!({"cf_own": null});
            }
            Some(Reply::Raw(String::new()))
        }
        "GET" if account.came.contains_key("PUT") && away.load(Ordering::SeqCst) => Some(reply(503, "{}")),
        _ => None,
    };
    let liar = Liar::new(&staff(), &LIST, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert_eq!(liar.outcomes()["1"], "in_doubt", "{ended}");
    is_away.store(false, Ordering::SeqCst);
    liar
}

fn journal(liar: &Liar) -> String {
    let folder = std::fs::read_dir(liar.path("state/skovik-sync/journals")).expect("a folder");
    let mut files = folder.map(|entry| entry.expect("an entry").path());
    let journal = files.find(|path| path.extension().is_some_and(|end| end == "journal")).expect("a journal");
    std::fs::read_to_string(journal).expect("a journal")
}

fn rename(liar: &Liar, what: &str) {
    let mut account = liar.account();
    match what {
        "branch" => account.branches[0] = "Example Ltd".to_owned(),
        _ => account.users.get_mut("id3").expect("there")["attributes"]["last_name"] = json!("Married"),
    }
}

#[tokio::test]
async fn what_was_carried_out_is_finished() {
    for what in ["branch", "manager"] {
        let liar = in_doubt(true).await;
        rename(&liar, what);
        let ended = liar.apply().await;
        assert_eq!(liar.outcomes()["1"], "done", "{what}: {ended}");
        assert_eq!(liar.account().users["id2"]["attributes"]["custom_fields"]["cf_own"], "kept", "{what}: {ended}");
        assert!(!journal(&liar).contains("not_done"), "{what}: {ended}");
        // An undo knows of it.
        let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
        assert!(liar.read("undo.json").contains("id2"), "{what}: {undone}");
    }
}

#[tokio::test]
async fn what_was_not_carried_out_is_not_sent_again() {
    for what in ["branch", "manager"] {
        let liar = in_doubt(false).await;
        rename(&liar, what);
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{what}: {ended}");
        assert_eq!(liar.outcomes()["1"], "failed", "{what}: {ended}");
        assert!(ended.stdout.contains(&format!("the plan shows the {what} ")), "{what}: {ended}");
        assert!(journal(&liar).contains("not_done"), "nothing is in doubt any more: {what}: {ended}");
        assert_eq!(liar.account().came["PUT"], 1, "{what}: {ended}");
    }
}

/// Somebody whose roles are told no more after a move may be an admin by now: they are not written to again.
#[tokio::test]
async fn who_is_read_without_roles_is_not_refilled() {
    let lie = |account: &mut Account, asked: &Asked<'_>| match (asked.method, asked.path) {
        ("PUT", _) => {
            let answer = account.honest(asked);
            account.users.get_mut("id2").expect("the user")["attributes"]["custom_fields"] = json!({"cf_own": null});
            Some(answer)
        }
        ("GET", "/users/id2") if account.came.contains_key("PUT") => {
            let mut user = account.users["id2"].clone();
            user["attributes"].as_object_mut().expect("an object").remove("roles");
            Some(reply(200, json!({"data": user}).to_string()))
        }
        _ => None,
    };
    let liar = Liar::new(&staff(), &LIST, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert!(ended.stdout.contains("is read with other roles than before, or without them"), "{ended}");
    assert_eq!(liar.account().came["PUT"], 1, "{ended}");
}

/// Another client makes another person of whoever has this number.
fn become_another(account: &mut Account, number: u32) {
    let id = account.by_number(number).expect("there")["id"].as_str().expect("an id").to_owned();
    let attributes = &mut account.users.get_mut(&id).expect("there")["attributes"];
    attributes["external_identifier"] = json!("77");
    attributes["last_name"] = json!("Else");
}

/// The manager becomes another person after the only request for somebody, which is lost: the list that shows that nothing
/// was done shows that, too.
#[tokio::test]
async fn nobody_gets_a_manager_by_a_repetition_who_became_another_person() {
    // A create, a create under somebody who is created too, and an update.
    let cases: [(&[Row], u32, &str, usize); 3] = [
        (&[(1, None), (2, Some(1)), (3, None), (9, Some(3))], 3, "POST", 0),
        (&[(1, None), (2, Some(1)), (3, None), (8, Some(1)), (9, Some(8))], 8, "POST", 1),
        (&[(1, None), (2, Some(3)), (3, None)], 3, "PUT", 0),
    ];
    for (list, manager, method, lost) in cases {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            ((asked.method, asked.nth) == (method, lost)).then(|| {
                become_another(account, manager);
                Reply::Raw(String::new())
            })
        };
        let staff = [user(1, None), user(2, Some(1)), user(3, None)];
        let liar = Liar::new(&staff, list, "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        let last = liar.outcomes().into_values().next_back();
        assert_eq!((ended.code, last.as_deref()), (Some(9), Some("failed")), "{method} {manager}: {ended}");
        assert!(ended.stdout.contains("the plan shows the manager "), "{method} {manager}: {ended}");
        assert_eq!(liar.account().came[method], lost + 1, "{method} {manager}: {ended}");
        assert!(journal(&liar).contains("not_done"), "{method} {manager}: {ended}");
    }
}

/// Somebody else gets the e-mail or the identifier after the only request for a new person, which is lost.
#[tokio::test]
async fn nobody_is_created_by_a_repetition_over_somebody_else() {
    // Whoever has the identifier is found by it by the next plan.
    for (number, email, outcome) in [(50, "u9@example.com", "in_doubt"), (9, "other@example.com", "failed")] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            ((asked.method, asked.nth) == ("POST", 0)).then(|| {
                let mut other = user(number, None);
                other["attributes"]["primary_email"] = json!(email);
                account.users.insert(format!("id{number}"), other);
                Reply::Raw(String::new())
            })
        };
        let liar = Liar::new(&[user(1, None)], &[(1, None), (9, Some(1))], "max_in_flight = 1", lie).await;
        for _ in 0..2 {
            let ended = liar.apply().await;
            assert_eq!((ended.code, &*liar.outcomes()["1"]), (Some(9), outcome), "{email}: {ended}");
            assert!(ended.stdout.contains("Skovik has the user id"), "{email}: {ended}");
            assert_eq!(liar.account().came["POST"], 1, "{email}: {ended}");
        }
    }
}

/// Somebody else gets the identifier or the e-mail that an update gives, after its only request, which is lost: within one
/// run, and before the next one.
#[tokio::test]
async fn no_update_is_sent_again_that_gives_what_another_user_has_by_now() {
    for (field, held) in [("external_identifier", json!(null)), ("primary_email", json!("old@example.com"))] {
        for is_next_run in [false, true] {
            let mut staff = vec![user(1, None), user(2, Some(1))];
            staff[1]["attributes"][field] = held.clone();
            let is_away = Arc::new(AtomicBool::new(is_next_run));
            let away = Arc::clone(&is_away);
            let take = move |account: &mut Account| {
                let mut other = user(60, None);
                let given = if field == "primary_email" { json!("u2@example.com") } else { json!("2") };
                other["attributes"][field] = given;
                account.users.insert("id60".to_owned(), other);
            };
            let lie = move |account: &mut Account, asked: &Asked<'_>| match asked.method {
                "PUT" if asked.nth == 0 => {
                    if !is_next_run {
                        take(account);
                    }
                    Some(Reply::Raw(String::new()))
                }
                "GET" if account.came.contains_key("PUT") && away.load(Ordering::SeqCst) => Some(reply(503, "{}")),
                _ => None,
            };
            let liar = Liar::new(&staff, &[(1, None), (2, Some(1))], "max_in_flight = 1", lie).await;
            let mut ended = liar.apply().await;
            if is_next_run {
                assert_eq!(liar.outcomes()["1"], "in_doubt", "{field}: {ended}");
                is_away.store(false, Ordering::SeqCst);
                take(&mut liar.account());
                ended = liar.apply().await;
            }
            let ends = (ended.code, &*liar.outcomes()["1"] == "failed");
            assert_eq!(ends, (Some(9), true), "{field} {is_next_run}: {ended}");
            assert!(ended.stdout.contains("now belongs to the user id60"), "{field} {is_next_run}: {ended}");
            assert_eq!(liar.account().came["PUT"], 1, "{field} {is_next_run}: {ended}");
        }
    }
}

/// The plan renames the manager, who may have the former name or the new one by now, and no third one; nor another
/// identifier.
#[tokio::test]
async fn whom_the_plan_renames_is_still_compared() {
    for becomes in [("77", "First1", "Else"), ("1", "First1", "Else"), ("1", "Third", "Last1")] {
        renamed_to(becomes).await;
    }
}

async fn renamed_to((identifier, first_name, last_name): (&str, &str, &str)) {
    let lie = |_: &mut Account, asked: &Asked<'_>| ((asked.method, asked.nth) == ("POST", 0)).then(|| reply(400, "{}"));
    let mut manager = user(1, None);
    manager["attributes"]["first_name"] = json!("Old");
    let liar = Liar::new(&[manager], &[(1, None), (9, Some(1))], "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert_eq!(liar.account().users["id1"]["attributes"]["first_name"], "First1", "{ended}");
    {
        let mut account = liar.account();
        let attributes = &mut account.users.get_mut("id1").expect("there")["attributes"];
        attributes["external_identifier"] = json!(identifier);
        attributes["first_name"] = json!(first_name);
        attributes["last_name"] = json!(last_name);
    }
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert!(ended.stdout.contains("the plan shows the manager id1"), "{last_name}: {ended}");
    assert_eq!(liar.account().came["POST"], 1, "{ended}");
}

/// The server stores a new manager under another name. The undo calls them so, and takes back what it can.
#[tokio::test]
async fn an_undo_shows_a_new_manager_as_stored() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        ((asked.method, asked.nth) == ("POST", 0)).then(|| {
            let answer = account.honest(asked);
            let id = account.by_number(9).expect("there")["id"].as_str().expect("an id").to_owned();
            account.users.get_mut(&id).expect("there")["attributes"]["first_name"] = json!("Stored");
            answer
        })
    };
    let staff = [user(1, None), user(2, Some(1))];
    let liar = Liar::new(&staff, &[(1, None), (2, Some(9)), (9, None)], "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert_eq!(undone.code, Some(0), "{undone}");
    assert!(liar.read("undo.json").contains("Stored Last9"), "{undone}");
    liar.approve("undo.json").await;
    let ended = liar.run(&["apply", "undo.json"]).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(liar.account().users["id2"]["relationships"]["manager"]["data"]["id"], json!("id1"), "{ended}");
}
