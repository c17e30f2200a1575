//! What a plan shows of managers, branches and roles holds for as long as it is under way: a run that goes on looks at it
//! again, and so do the read before each write and the list at the end.

use serde_json::json;

use super::liar::{Account, Asked, Liar, Row, user};
use crate::target::script::json as reply;

/// 2 gets the manager 3, 9 is new under 3, and 4 leaves.
const LIST: [Row; 4] = [(1, None), (2, Some(3)), (3, None), (9, Some(3))];

fn staff() -> Vec<serde_json::Value> {
    vec![user(1, None), user(2, Some(1)), user(3, None), user(4, None)]
}

/// The manager whom the plan shows as 3 is another person.
fn swap(account: &mut Account) {
    let manager = account.users.get_mut("id3").expect("the manager");
    manager["attributes"]["external_identifier"] = json!("77");
    manager["attributes"]["last_name"] = json!("Somebody-Else");
}

/// Whether anybody reports to the user with the id `id3`.
fn leads_anybody(account: &Account) -> bool {
    account.users.values().any(|user| user["relationships"]["manager"]["data"]["id"] == json!("id3"))
}

/// The delete is done. Every other write is lost, so that it is in doubt, or refused, so that it is not begun.
#[tokio::test]
async fn a_run_that_goes_on_gives_nobody_a_manager_who_is_somebody_else_by_now() {
    for status in [503, 422] {
        let lie = move |_: &mut Account, asked: &Asked<'_>| {
            matches!(asked.method, "PUT" | "POST").then(|| reply(status, "{}"))
        };
        let liar = Liar::new(&staff(), &LIST, "max_in_flight = 1", lie).await;
        let first = liar.apply().await;
        assert_eq!(first.code, Some(9), "{status}: {first}");
        swap(&mut liar.account());
        let before = liar.account().writes();
        for _ in 0..2 {
            let ended = liar.apply().await;
            assert_eq!(ended.code, Some(9), "{status}: {ended}");
            assert!(ended.stdout.contains("the plan shows the manager id3"), "{status}: {ended}");
            assert_eq!(liar.account().writes(), before, "{status}: {ended}");
        }
        assert!(!leads_anybody(&liar.account()), "{status}");
    }
}

/// Within one run nothing is read again but the user who is written to; the list at the end tells.
#[tokio::test]
async fn a_manager_who_becomes_somebody_else_meanwhile_is_named_in_the_end() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        if asked.method != "GET" && asked.nth == 0 {
            swap(account);
        }
        None
    };
    let liar = Liar::new(&staff(), &LIST, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert!(ended.stdout.contains("the plan shows the manager id3 as \"3 First3 Last3\""), "{ended}");
}

#[tokio::test]
async fn roles_that_somebody_got_since_the_list_are_seen_before_the_write() {
    for (id, method) in [("id4", "DELETE"), ("id2", "PUT")] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            if asked.method == "GET" && asked.path == format!("/users/{id}") {
                let user = account.users.get_mut(id).expect("the user");
                user["attributes"]["roles"] = json!(["employee", "accountant"]);
            }
            None
        };
        let liar = Liar::new(&staff(), &LIST, "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{method}: {ended}");
        assert!(
            ended.stdout.contains(&format!("the user {id} has other roles than the plan shows")),
            "{method}: {ended}"
        );
        assert_eq!(liar.account().came.get(method), None, "{method}");
    }
}

/// 8 is made; whoever is to report to them is in doubt, as a create (9) and as an update (2). Then 8 is made somebody else:
/// nobody reports to them.
#[tokio::test]
async fn what_depends_on_a_person_who_is_somebody_else_by_now_is_not_sent_again() {
    let lists: [&[Row]; 2] = [
        &[(1, None), (2, Some(1)), (3, None), (4, None), (8, None), (9, Some(8))],
        &[(1, None), (2, Some(8)), (3, None), (4, None), (8, None)],
    ];
    for list in lists {
        let lie = |_: &mut Account, asked: &Asked<'_>| {
            let is_lost = asked.method == "PUT" || (asked.method == "POST" && asked.nth > 0);
            is_lost.then(|| reply(503, "{}"))
        };
        let liar = Liar::new(&staff(), list, "max_in_flight = 1", lie).await;
        let first = liar.apply().await;
        assert_eq!(first.code, Some(9), "{first}");
        let made = liar.account().by_number(8).expect("8 is made")["id"].as_str().expect("an id").to_owned();
        let attributes = &mut liar.account().users.get_mut(&made).expect("8")["attributes"].take();
        attributes["external_identifier"] = json!("77");
        attributes["last_name"] = json!("Somebody-Else");
        liar.account().users.get_mut(&made).expect("8")["attributes"] = attributes.clone();
        let before = liar.account().writes();
        // The list shows that nothing was done. So the next run does not begin it.
        for why in ["the plan shows the manager new1 as", "depends on operation 1, create"] {
            let ended = liar.apply().await;
            assert_eq!(ended.code, Some(9), "{ended}");
            assert!(ended.stdout.contains(why), "{ended}");
            assert_eq!(liar.account().writes(), before, "{ended}");
        }
    }
}

/// Two new people lead each other. The run ends before they are linked; then another client writes a field that nobody
/// manages, which the list shows and the reads of one user do not: nobody is linked by a write that would empty it.
#[tokio::test]
async fn who_was_made_by_an_earlier_run_is_not_linked_by_a_read_that_shows_less() {
    let list = [(1, None), (2, Some(1)), (3, None), (4, None), (8, Some(9)), (9, Some(8))];
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        let is_new = |path: &str| path.starts_with("/users/new");
        match asked.method {
            "PUT" if !account.users.contains_key("seen") => Some(reply(503, "{}")),
            "GET" if is_new(asked.path) && account.users.contains_key("seen") => {
                let mut shown = account.users[asked.path.trim_start_matches("/users/")].clone();
                shown["attributes"]["custom_fields"] = json!({});
                Some(reply(200, json!({ "data": shown }).to_string()))
            }
            _ => None,
        }
    };
    let liar = Liar::new(&staff(), &list, "max_in_flight = 1", lie).await;
    let first = liar.apply().await;
    assert_eq!(first.code, Some(9), "{first}");
    {
        let mut account = liar.account();
        let new: Vec<String> = account.users.keys().filter(|id| id.starts_with("new")).cloned().collect();
        for id in &new {
            account.users.get_mut(id).expect("somebody new")["attributes"]["custom_fields"]["cf_x"] = json!("by HR");
        }
        assert_eq!(new.len(), 2);
        // From now on the server carries out what it is asked.
        account.users.insert("seen".to_owned(), user(5, None));
    }
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert!(ended.stdout.contains("showed /data/attributes/custom_fields/cf_x of the user new"), "{ended}");
    let account = liar.account();
    let held = |number| account.by_number(number).expect("somebody")["attributes"]["custom_fields"]["cf_x"].clone();
    assert_eq!((held(8), held(9)), (json!("by HR"), json!("by HR")), "{ended}");
}
