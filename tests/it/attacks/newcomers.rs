//! A create that was refused or not answered, and carried out all the same under another identity, is not sent again.

use serde_json::json;

use super::liar::{Account, Asked, Liar, Row, user};
use crate::target::script::json as reply;

/// 9 is new.
const LIST: [Row; 3] = [(1, None), (2, Some(1)), (9, Some(1))];

/// Stores the person that a POST sends without the identifier, under another e-mail and perhaps another name.
fn store_as_another(account: &mut Account, asked: &Asked<'_>, name: Option<&str>) {
    let id = account.store_new(&asked.body);
    let attributes = &mut account.users.get_mut(&id).expect("somebody")["attributes"];
    attributes["external_identifier"] = json!(null);
    attributes["primary_email"] = json!("another@example.com");
    if let Some(name) = name {
        attributes["last_name"] = json!(name);
    }
}

#[tokio::test]
async fn whoever_may_be_the_person_of_a_create_is_not_made_a_second_time() {
    for status in [400, 422, 503] {
        for name in [None, Some("LAST9"), Some("Else")] {
            let lie = move |account: &mut Account, asked: &Asked<'_>| {
                (asked.method == "POST" && asked.nth == 0).then(|| {
                    store_as_another(account, asked, name);
                    reply(status, "{}")
                })
            };
            let liar = Liar::new(&[user(1, None), user(2, Some(1))], &LIST, "max_in_flight = 1", lie).await;
            let ended = liar.apply().await;
            assert_eq!(ended.code, Some(9), "{status} {name:?}: {ended}");
            for _ in 0..2 {
                let ended = liar.apply().await;
                assert!(matches!(ended.code, Some(7 | 9)), "{status} {name:?}: {ended}");
                let said = format!("{}{}", ended.stdout, ended.stderr);
                assert!(said.contains("may be this person"), "{status} {name:?}: {ended}");
                assert_eq!(liar.account().came["POST"], 1, "{status} {name:?}: {ended}");
            }
        }
    }
}

/// Nobody was there before: the run that goes on knows that whoever is there now came since.
#[tokio::test]
async fn nobody_is_made_twice_in_an_account_that_was_empty() {
    for name in [None, Some("Else")] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| match asked.method {
            "POST" => {
                if asked.nth == 0 {
                    store_as_another(account, asked, name);
                }
                Some(reply(503, "{}"))
            }
            // The list that would settle it fails.
            "GET" => (asked.path == "/users" && account.came.contains_key("POST") && account.came["POST"] == 1)
                .then(|| reply(500, "{}")),
            _ => None,
        };
        let liar = Liar::new(&[], &[(9, None)], "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{name:?}: {ended}");
        liar.account().came.insert("POST".to_owned(), 2);
        let ended = liar.apply().await;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert_eq!((ended.code, said.contains("may be this person")), (Some(9), true), "{name:?}: {ended}");
        assert_eq!(liar.account().users.len(), 1, "{name:?}: {ended}");
        assert_eq!(liar.account().came["POST"], 2, "{name:?}: {ended}");
    }
}

/// Somebody else who comes meanwhile, with an identifier and a name of their own, holds nothing up.
#[tokio::test]
async fn another_newcomer_does_not_hold_a_create_up() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST" && asked.nth == 0).then(|| {
            account.users.insert("id77".to_owned(), user(77, None));
            reply(503, "{}")
        })
    };
    let liar = Liar::new(&[user(1, None), user(2, Some(1))], &LIST, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(liar.account().by_number(9).is_some());
    assert_eq!(liar.account().came["POST"], 2);
}

/// Another client creates the same person just before the only request, which is refused: an undo must not delete them.
#[tokio::test]
async fn whom_another_client_created_is_not_called_made() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST").then(|| {
            let theirs = account.store_new(&asked.body);
            account.users.get_mut(&theirs).expect("somebody")["attributes"]["custom_fields"] = json!({"cf_own": "HR"});
            let taken = json!({"errors": [{"title": "Taken", "code": "taken", "detail": "has already been taken"}]});
            reply(422, taken.to_string())
        })
    };
    // 2 gets another manager.
    let liar = Liar::new(&[user(1, None), user(2, None)], &LIST, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert!(ended.stdout.contains("somebody else seems to have created this person, as the user new1"), "{ended}");
    for _ in 0..2 {
        let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
        assert!(matches!(undone.code, Some(0 | 5)), "{undone}");
        let undo: serde_json::Value = serde_json::from_str(&liar.read("undo.json")).expect("JSON");
        let actions: Vec<_> = undo["operations"].as_array().expect("a list").iter().map(|one| &one["action"]).collect();
        assert_eq!(actions, ["update"], "{undo}");
        // Another run finds that everything is as planned.
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(0), "{ended}");
        assert_eq!(liar.account().came["POST"], 1);
    }
}
