//! `check --contract --write` changes and deletes nobody but the person that it makes, whatever the server answers, and
//! shows no value of the account.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, Row, made, user};
use crate::harness::Output;
use crate::target::script::{Reply, json as reply};

const LIST: [Row; 2] = [(1, None), (2, Some(1))];
/// What nobody may see of a colleague.
const VALUES: [&str; 3] = ["u77@example.com", "First77", "Last77"];

async fn tried(lie: impl Fn(&mut Account, &Asked<'_>) -> Option<Reply> + Send + Sync + 'static) -> (Liar, Output) {
    let liar = Liar::new(&[user(1, None), user(2, Some(1))], &LIST, "max_in_flight = 1", lie).await;
    let ended = liar.run(&["check", "--contract", "--write", "--yes"]).await;
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!VALUES.iter().any(|value| said.contains(value)), "{ended}");
    assert!(ended.stdout.contains(" create: "), "it was tried: {ended}");
    (liar, ended)
}

/// Somebody whom another client makes after the trial has read the list.
fn colleague(account: &mut Account) -> serde_json::Value {
    account.users.entry("id77".to_owned()).or_insert_with(|| user(77, None)).clone()
}

/// Who is left of those who were made for the trial.
fn left(liar: &Liar) -> Vec<String> {
    liar.account().users.keys().filter(|id| id.starts_with("new")).cloned().collect()
}

#[tokio::test]
async fn a_colleague_who_is_named_as_the_one_who_was_made_is_left_alone() {
    for is_made in [false, true] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "POST" && asked.nth == 0).then(|| {
                if is_made {
                    account.store_new(&asked.body);
                }
                made(&colleague(account))
            })
        };
        let (liar, ended) = tried(lie).await;
        assert!(ended.stdout.contains("it answers with another user"), "{ended}");
        assert!(liar.account().users.contains_key("id77"), "{ended}");
        assert_eq!(left(&liar), Vec::<String>::new(), "{ended}");
        let deletes = liar.account().came.get("DELETE").copied().unwrap_or_default();
        // Without the person, only people can find out whether somebody was made.
        assert_eq!((ended.code, deletes), if is_made { (Some(4), 1) } else { (Some(9), 0) }, "{ended}");
    }
}

#[tokio::test]
async fn the_made_up_person_who_is_somebody_else_by_now_is_left_alone() {
    for after in ["POST", "PUT"] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            let is_first = asked.method == "GET" && asked.path == "/users/new1" && account.came.contains_key(after);
            if is_first && let Some(user) = account.users.get_mut("new1") {
                let attributes = &mut user["attributes"];
                attributes["external_identifier"] = json!("77");
                attributes["primary_email"] = json!("u77@example.com");
                attributes["last_name"] = json!("Last77");
            }
            None
        };
        let (liar, ended) = tried(lie).await;
        assert_eq!(ended.code, Some(9), "{after}: {ended}");
        assert!(liar.account().users.contains_key("new1"), "{after}: {ended}");
        // The second create, which this server does not refuse, made them again under the same e-mail.
        assert_eq!(left(&liar), ["new1"], "{after}: {ended}");
        assert!(ended.stderr.contains("the user new1"), "{after}: {ended}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_believed_and_its_words_are_not_shown() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST" && asked.nth == 0).then(|| {
            account.store_new(&asked.body);
            reply(422, json!({"errors": [{"title": "no", "detail": "First77 Last77 has u77@example.com"}]}).to_string())
        })
    };
    let (liar, ended) = tried(lie).await;
    assert_eq!(ended.code, Some(4), "{ended}");
    assert!(ended.stdout.contains("it is refused (422)"), "{ended}");
    assert_eq!(left(&liar), Vec::<String>::new(), "{ended}");
}

#[tokio::test]
async fn a_create_that_is_carried_out_late_leaves_nobody() {
    // Which create, and after which time it is carried out; the code, the deletes, and whether the e-mail is named.
    for (create, after, ended_with, removed) in [
        (0, Some(100), Some(4), 1),
        (1, Some(100), Some(4), 2),
        // It may be carried out still.
        (0, None, Some(9), 0),
        (1, None, Some(9), 1),
    ] {
        let late: Mutex<Option<(Instant, Value)>> = Mutex::default();
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            let mut late = late.lock().expect("nobody panicked with it");
            if asked.method == "POST" && asked.nth == create {
                *late = after.map(|after| (Instant::now() + Duration::from_millis(after), asked.body.clone()));
                return Some(reply(500, ""));
            }
            if let Some((_, body)) = late.take_if(|(at, _)| *at < Instant::now()) {
                account.store_new(&body);
            }
            None
        };
        let (liar, ended) = tried(lie).await;
        let deletes = liar.account().came.get("DELETE").copied().unwrap_or_default();
        assert_eq!((ended.code, deletes), (ended_with, removed), "{create}, {after:?}: {ended}");
        assert_eq!(left(&liar), Vec::<String>::new(), "{create}, {after:?}: {ended}");
        let is_named = ended.stderr.contains("may be left with the e-mail skovik-sync-trial-");
        assert_eq!(is_named, after.is_none(), "{create}, {after:?}: {ended}");
    }
}

#[tokio::test]
async fn a_person_who_was_made_and_is_not_shown_is_named() {
    let (liar, ended) =
        tried(|_, asked| (asked.method == "GET" && asked.path == "/users/new1").then(|| reply(404, "{}"))).await;
    assert_eq!((ended.code, left(&liar)), (Some(9), vec!["new1".to_owned()]), "{ended}");
    assert!(ended.stderr.contains("delete the user new1"), "{ended}");
}

#[tokio::test]
async fn a_person_who_was_left_by_an_earlier_trial_is_named() {
    let left = {
        let mut left = user(5, None);
        left["attributes"]["primary_email"] = json!("skovik-sync-trial-0123456789abcdef@example.com");
        left
    };
    let liar = Liar::new(&[user(1, None), user(2, Some(1)), left], &LIST, "", |_, _| None).await;
    let ended = liar.run(&["check", "--contract", "--write", "--yes"]).await;
    assert_eq!(ended.code, Some(9), "{ended}");
    assert!(ended.stderr.contains("delete the user id5"), "{ended}");
    assert_eq!(liar.account().writes(), 0, "{ended}");
}
