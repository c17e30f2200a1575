//! What is only carried along: the list at the end shows the whole user, and all of it is compared. What a list contradicts
//! is no ground for an undo, or for a repetition.

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, Row, made, user, user_with_id};
use crate::target::script::{Reply, json as reply};

const MOVED: [Row; 3] = [(1, None), (2, Some(3)), (3, None)];
const ONE: [Row; 4] = [(1, None), (2, Some(1)), (3, None), (9, None)];

fn staff() -> Vec<Value> {
    let mut staff = vec![user(1, None), user(2, Some(1)), user(3, None)];
    staff[1]["attributes"]["phone"] = json!("0701");
    staff[1]["attributes"]["custom_fields"] = json!({"cf_own": "kept"});
    staff[1]["relationships"]["cost_unit"] = json!({"data": {"type": "units", "id": "u1"}});
    staff
}

/// A PUT that is answered whole, and stored otherwise.
#[tokio::test]
async fn what_was_lost_in_storage_is_named() {
    type Spoil = fn(&mut Value);
    let spoilt: [(&str, Spoil); 8] = [
        ("phone is gone", |user| drop(user["attributes"].as_object_mut().expect("an object").remove("phone"))),
        ("custom_fields.cf_own is \"other\"", |user| user["attributes"]["custom_fields"]["cf_own"] = json!("other")),
        ("cost_unit is", |user| user["relationships"]["cost_unit"]["data"]["id"] = json!("u2")),
        ("roles are", |user| user["attributes"]["roles"] = json!(["admin", "employee"])),
        ("roles are missing now", |user| user["attributes"]["roles"] = json!(null)),
        ("roles are missing now", |user| {
            drop(user["attributes"].as_object_mut().expect("an object").remove("roles"));
        }),
        ("branch is", |user| user["relationships"]["branch"]["data"] = json!(null)),
        ("last_name is", |user| user["attributes"]["last_name"] = json!("Other")),
    ];
    for (named, spoil) in spoilt {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "PUT").then(|| {
                let answer = account.honest(asked);
                spoil(account.users.get_mut("id2").expect("the user"));
                answer
            })
        };
        let liar = Liar::new(&staff(), &MOVED, "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{named}: {ended:?}");
        assert!(ended.stdout.contains(named), "{named}: {ended:?}");
        // Another run has what was sent from the journal.
        let again = liar.apply().await;
        assert_eq!(again.code, Some(9), "{named}: {again:?}");
        assert!(again.stdout.contains(named), "{named}: {again:?}");
        assert_eq!(liar.account().came["PUT"], 1, "{named}");
    }
    let liar = Liar::new(&staff(), &MOVED, "max_in_flight = 1", |_, _| None).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A newcomer with more rights than a create gives, whoever made them.
#[tokio::test]
async fn a_newcomer_has_no_special_roles() {
    for answer in ["made", "lost"] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "POST").then(|| {
                let id = account.store_new(&asked.body);
                let said = made(&account.users[&id]);
                account.users.get_mut(&id).expect("made")["attributes"]["roles"] = json!(["employee", "admin"]);
                if answer == "made" { said } else { Reply::Raw(String::new()) }
            })
        };
        let liar = Liar::new(&staff(), &ONE, "max_in_flight = 1", lie).await;
        for _ in 0..2 {
            let ended = liar.apply().await;
            assert_eq!(ended.code, Some(9), "{answer}: {ended:?}");
            assert!(
                ended.stdout.contains("roles are [\"admin\"], which a create does not give"),
                "{answer}: {ended:?}"
            );
        }
        assert_eq!(liar.account().came["POST"], 1, "{answer}");
    }
    // An equal stranger is not what the plan made, where nothing was begun.
    let liar = Liar::new(&staff(), &ONE, "", |_, _| None).await;
    let mut stranger = user_with_id("stranger", 9, None);
    stranger["attributes"]["roles"] = json!(["admin"]);
    liar.account().users.insert("stranger".to_owned(), stranger);
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(7), "{ended:?}");
}

/// An undo leaves out what was called done and is not.
#[tokio::test]
async fn an_undo_leaves_out_what_is_contradicted() {
    let ghost = |account: &mut Account, asked: &Asked<'_>| match asked.method {
        "DELETE" => Some(reply(204, "")),
        "POST" => {
            let id = account.store_new(&asked.body);
            let said = made(&account.users[&id]);
            account.users.remove(&id);
            Some(said)
        }
        _ => None,
    };
    let rows = [(1, None), (2, Some(1)), (9, None)];
    let liar = Liar::new(&staff(), &rows, "max_in_flight = 1", ghost).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
    let undo: Value = serde_json::from_str(&liar.read("undo.json")).expect("JSON");
    assert_eq!(undo["operations"], json!([]), "{undo}");
    let codes: Vec<_> = undo["diagnostics"].as_array().expect("a list").iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["undo_contradicted", "undo_contradicted"], "{undo}");
}

/// The create of an undo sends custom fields that the settings do not manage.
#[tokio::test]
async fn what_a_create_sent_and_nobody_stored_is_named() {
    for answer in ["lost", "claimed"] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "POST").then(|| {
                let id = account.store_new(&asked.body);
                let said = made(&account.users[&id]);
                account.users.get_mut(&id).expect("made")["attributes"]["custom_fields"] = json!({});
                if answer == "claimed" { said } else { Reply::Raw(String::new()) }
            })
        };
        let mut staff = staff();
        staff[2]["attributes"]["custom_fields"] = json!({"cf_own": "kept"});
        let liar = Liar::new(&staff, &[(1, None), (2, Some(1))], "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(0), "{answer}: {ended}");
        let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
        assert!(matches!(undone.code, Some(0 | 5)), "{answer}: {undone}");
        liar.approve("undo.json").await;
        for _ in 0..2 {
            let ended = liar.run(&["apply", "undo.json"]).await;
            assert_eq!(ended.code, Some(9), "{answer}: {ended}");
            assert!(ended.stdout.contains("custom_fields.cf_own is gone"), "{answer}: {ended}");
        }
        assert_eq!(liar.account().came["POST"], 1, "{answer}");
    }
}

/// The list that settles a delete shows who reports to that user now.
#[tokio::test]
async fn a_delete_is_not_repeated_over_a_new_report() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "DELETE").then(|| {
            let report = account.users.get_mut("id2").expect("the user");
            report["relationships"]["manager"]["data"] = json!({"type": "users", "id": "id3"});
            reply(503, "{}")
        })
    };
    let liar = Liar::new(&staff(), &[(1, None), (2, Some(1))], "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("the user id2 (First2 Last2) reports to them now"), "{ended:?}");
    assert_eq!(liar.account().came["DELETE"], 1, "{ended:?}");
    assert_eq!(liar.outcomes()["1"], "failed");
}

/// An output that is a folder is refused before anything is made.
#[tokio::test]
async fn a_folder_is_no_output() {
    let liar = Liar::new(&staff(), &ONE, "", |_, _| None).await;
    std::fs::create_dir(liar.path("folder")).expect("a folder");
    assert!(!liar.path("state").exists(), "plan and approve make none");
    for option in ["--report", "--events"] {
        let ended = liar.run(&["apply", "plan.json", option, "folder"]).await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
        assert!(ended.stderr.contains("that is a folder"), "{ended:?}");
        assert!(!liar.path("state").exists(), "{option}");
    }
}

/// Whose manager is not known is not removed, and neither is whoever may be the manager.
#[tokio::test]
async fn an_undo_leaves_out_whom_a_link_in_doubt_may_have_linked() {
    let is_later = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let later = std::sync::Arc::clone(&is_later);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        let is_linked = account.manager_of(9).is_some() || account.manager_of(10).is_some();
        let is_new = asked.path.starts_with("/users/new");
        match asked.method {
            _ if later.load(std::sync::atomic::Ordering::SeqCst) => None,
            "PUT" if is_new => {
                account.honest(asked);
                Some(Reply::Raw(String::new()))
            }
            "GET" if is_linked && (is_new || asked.path == "/users") => Some(reply(500, "")),
            _ => None,
        }
    };
    let rows = [(1, None), (2, Some(3)), (3, None), (9, Some(10)), (10, Some(9)), (11, Some(9)), (12, Some(1))];
    let liar = Liar::new(&staff(), &rows, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended}");
    is_later.store(true, std::sync::atomic::Ordering::SeqCst);
    let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone}");
    let undo: Value = serde_json::from_str(&liar.read("undo.json")).expect("JSON");
    let said = undo["diagnostics"].to_string();
    assert!(said.contains("undo_in_doubt") && said.contains("who their manager is, is not known"), "{said}");
    liar.approve("undo.json").await;
    let ended = liar.run(&["apply", "undo.json"]).await;
    assert_eq!(ended.code, Some(0), "{said} {ended}");
    let account = liar.account();
    assert_eq!([9, 10, 11, 12].map(|number| account.by_number(number).is_some()), [true, true, false, false], "{said}");
    assert_eq!(account.manager_of(2).as_deref(), Some("1"));
}
