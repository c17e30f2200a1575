//! Done is what Skovik holds: a newcomer is read before anybody reports to them, what others wait for is read back, and
//! one list at the end confirms the rest.

use serde_json::json;

use super::liar::{Account, Asked, Liar, Row, made, made_as, user, user_with_id};
use crate::target::script::{Reply, json as reply};

pub(super) const STAFF: [Row; 3] = [(1, None), (2, Some(1)), (3, None)];

/// Two newcomers, and one who reports to each.
const TWO_TEAMS: [Row; 7] = [STAFF[0], STAFF[1], STAFF[2], (9, None), (10, None), (11, Some(10)), (12, Some(9))];
/// Two newcomers to whom nobody reports.
const TWO: [Row; 5] = [STAFF[0], STAFF[1], STAFF[2], (9, None), (10, None)];
/// A newcomer who reports to another one.
const TEAM: [Row; 5] = [STAFF[0], STAFF[1], STAFF[2], (9, None), (10, Some(9))];
pub(super) const ONE: [Row; 4] = [STAFF[0], STAFF[1], STAFF[2], (9, None)];

pub(super) fn staff() -> Vec<serde_json::Value> {
    STAFF.iter().map(|(number, manager)| user(*number, *manager)).collect()
}

pub(super) async fn liar(
    rows: &[Row],
    lie: impl Fn(&mut Account, &Asked<'_>) -> Option<Reply> + Send + Sync + 'static,
) -> Liar {
    Liar::new(&staff(), rows, "max_in_flight = 1", lie).await
}

/// Both are stored, and the answers name one user: in either order, with and without reports, nobody gets a stranger as
/// their manager, and the program understands its own journal afterwards.
#[tokio::test]
async fn one_id_for_two_newcomers() {
    for rows in [&TWO_TEAMS[..], &TWO[..]] {
        for (nth, id) in [(1, "new1"), (0, "new2")] {
            for in_flight in [1, 4] {
                let lie = move |account: &mut Account, asked: &Asked<'_>| {
                    (asked.method == "POST" && asked.nth == nth).then(|| {
                        account.store_new(&asked.body);
                        made_as(id, &asked.body)
                    })
                };
                let target = format!("max_in_flight = {in_flight}");
                let liar = Liar::new(&staff(), rows, &target, lie).await;
                let ended = liar.apply().await;
                let context = format!("{nth} {id} {in_flight} {rows:?}: {ended:?}");
                assert!(ended.stderr.contains("unknown outcomes"), "{context}");
                if rows.len() > TWO.len() {
                    let managers = [11, 12].map(|number| liar.account().manager_of(number));
                    assert_eq!(managers, ["10", "9"].map(|number| Some(number.to_owned())), "{context}");
                }
                assert_eq!(ended.code, Some(0), "{context}");
                assert_eq!(liar.account().users.len(), rows.len(), "{context}");
                let again = liar.apply().await;
                assert_eq!(again.code, Some(0), "{again:?}");
                let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
                assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
            }
        }
    }
}

/// A proxy that repeats an answer, and a server that answers with somebody else.
#[tokio::test]
async fn an_answer_about_another_person_is_a_doubt() {
    let repeated = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST" && asked.nth == 1).then(|| {
            account.store_new(&asked.body);
            made(&account.users["new1"])
        })
    };
    let liar = liar(&TWO_TEAMS, repeated).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(liar.account().manager_of(11).as_deref(), Some("10"));
    assert_eq!(liar.account().manager_of(12).as_deref(), Some("9"));

    // Of somebody who came meanwhile: shown as they are, or under the newcomer's name.
    for is_open in [true, false] {
        let stranger = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "POST" && asked.identifier() == "9").then(|| {
                account.users.insert("stranger".to_owned(), user_with_id("stranger", 500, None));
                account.store_new(&asked.body);
                if is_open { made(&account.users["stranger"]) } else { made_as("stranger", &asked.body) }
            })
        };
        let liar = self::liar(&TEAM, stranger).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(0), "{is_open}: {ended:?}");
        assert_eq!(liar.account().manager_of(10).as_deref(), Some("9"), "{is_open}");
        // Where nobody reports to the newcomer, the list at the end tells.
        let liar = self::liar(&ONE, stranger).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(if is_open { 0 } else { 9 }), "{is_open}: {ended:?}");
        if !is_open {
            assert!(ended.stdout.contains("the user stranger who was made is not this person"), "{ended:?}");
            assert!(ended.stdout.contains("the user new1 has their identifier"), "{ended:?}");
        }
    }
}

/// Two newcomers who would report to each other, and are answered with one id.
#[tokio::test]
async fn nobody_is_made_their_own_manager() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST").then(|| {
            account.store_new(&asked.body);
            made_as("new1", &asked.body)
        })
    };
    let liar = liar(&[STAFF[0], STAFF[1], STAFF[2], (9, Some(10)), (10, Some(9))], lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(liar.account().manager_of(9).as_deref(), Some("10"));
    assert_eq!(liar.account().manager_of(10).as_deref(), Some("9"));
}

/// A server that writes the newcomer over somebody who was there: whatever it answers, that is no create.
#[tokio::test]
async fn somebody_who_was_there_is_no_newcomer() {
    for (rows, answers) in
        [(&TEAM[..], "id3"), (&TEAM[..], "drop"), (&TEAM[..], "fresh"), (&ONE[..], "id3"), (&ONE[..], "drop")]
    {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "POST" && asked.identifier() == "9").then(|| {
                account.store("id3", &asked.body);
                if answers == "drop" { Reply::Raw(String::new()) } else { made_as(answers, &asked.body) }
            })
        };
        let liar = liar(rows, lie).await;
        let ended = liar.apply().await;
        let context = format!("{answers}, {}: {ended:?}", rows.len());
        assert_eq!(ended.code, Some(9), "{context}");
        assert_eq!(liar.outcomes()["1"], "in_doubt", "{context}");
        assert!(ended.stdout.contains("the user id3"), "{context}");
        assert!(ended.stdout.contains("who was there before as the employee 3"), "{context}");
        assert!(liar.account().by_number(10).is_none(), "{context}");
        // Another run knows that id from the journal.
        let again = liar.apply().await;
        assert_eq!(again.code, Some(9), "{again:?}");
        assert!(again.stdout.contains("who was there before"), "{again:?}");
        assert_eq!(liar.outcomes()["1"], "in_doubt", "{again:?}");
    }
    // Where nobody waits for the newcomer, the answer is believed until the list at the end.
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "POST").then(|| {
            account.store("id3", &asked.body);
            made_as("fresh", &asked.body)
        })
    };
    let liar = liar(&ONE, lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("the user id3 has their identifier"), "{ended:?}");
}

/// An answer of "done" to what was not done.
#[tokio::test]
async fn what_was_only_said_is_not_done() {
    // Nobody is made; a report would have a ghost as their manager.
    for (rows, code) in [(&ONE[..], 9), (&TEAM[..], 9)] {
        let lie = |_: &mut Account, asked: &Asked<'_>| (asked.method == "POST").then(|| made_as("ghost", &asked.body));
        let liar = liar(rows, lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(
            liar.account().users.values().all(|user| user["relationships"]["manager"]["data"]["id"] != json!("ghost"))
        );
        assert!(ended.stdout.contains("ghost"), "{ended:?}");
    }
    // Nobody is removed.
    for (status, body) in [(204, ""), (200, "{}")] {
        let lie = move |_: &mut Account, asked: &Asked<'_>| (asked.method == "DELETE").then(|| reply(status, body));
        let liar = liar(&STAFF[..2], lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{ended:?}");
        assert!(ended.stdout.contains("the deleted user id3 is still in Skovik"), "{ended:?}");
        assert_eq!(liar.outcomes()["1"], "failed");
        // A journal is no better than an answer.
        let again = liar.apply().await;
        assert_eq!(again.code, Some(9), "{again:?}");
        assert_eq!(liar.account().came.get("DELETE"), Some(&1), "it is not repeated under this plan");
    }
    // Nothing is changed.
    let echo = |_: &mut Account, asked: &Asked<'_>| {
        (asked.method == "PUT").then(|| {
            let mut user = asked.body["data"].clone();
            user["attributes"]["roles"] = json!(["employee"]);
            reply(200, json!({"data": user}).to_string())
        })
    };
    let liar = liar(&[(1, None), (2, Some(3)), (3, None)], echo).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("manager is \"id1\", not \"id3\""), "{ended:?}");
}

/// A report who could not be moved, though the server says so, keeps their manager.
#[tokio::test]
async fn nobody_is_removed_whose_report_did_not_move() {
    let echo = |_: &mut Account, asked: &Asked<'_>| {
        (asked.method == "PUT").then(|| {
            let mut user = asked.body["data"].clone();
            user["attributes"]["roles"] = json!(["employee"]);
            reply(200, json!({"data": user}).to_string())
        })
    };
    let liar = liar(&[(2, Some(3)), (3, None)], echo).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(liar.account().users.contains_key("id1"), "{ended:?}");
    assert!(!liar.account().came.contains_key("DELETE"), "{ended:?}");
    assert_eq!(liar.account().manager_of(2).as_deref(), Some("1"));
}

/// The list that confirms is read as strictly as any other, and an apply whose list cannot be read is not finished.
#[tokio::test]
async fn without_the_list_nothing_is_finished() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        let is_last = asked.path == "/users" && asked.method == "GET" && account.came.contains_key("POST");
        (is_last && account.came["POST"] == 1 && !account.users.contains_key("read")).then(|| {
            account.users.insert("read".to_owned(), user_with_id("read", 77, None));
            reply(200, json!({"data": [], "errors": [{"detail": "half of it"}]}).to_string())
        })
    };
    let liar = liar(&ONE, lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("finished operations could not be confirmed"), "{ended:?}");
    assert!(ended.stderr.contains("half of it"), "{ended:?}");
    let again = liar.apply().await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(liar.account().came["POST"], 1);
    // In words of another kind, too.
    for said in [json!({"data": [], "error": "half"}), json!({"data": [], "errors": [], "error": {"code": 1}})] {
        let body = said.to_string();
        let lie = move |_: &mut Account, asked: &Asked<'_>| (asked.path == "/users").then(|| reply(200, body.clone()));
        let liar = self::liar(&ONE, lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert_eq!(liar.account().writes(), 0);
    }
}

/// A list that has somebody twice is not used, before the first write or to settle.
#[tokio::test]
async fn a_list_with_somebody_twice_is_not_used() {
    for twin in [3, 9] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "POST").then(|| {
                account.store_new(&asked.body);
                account.users.insert("twin".to_owned(), user_with_id("twin", twin, None));
                Reply::Raw(String::new())
            })
        };
        let liar = liar(&TEAM, lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{ended:?}");
        assert!(ended.stdout.contains("its list cannot be trusted"), "{ended:?}");
        assert_eq!(liar.account().came["POST"], 1, "{ended:?}");
        let again = liar.apply().await;
        assert_eq!(again.code, Some(4), "{again:?}");
        assert!(again.stderr.contains("its list cannot be trusted"), "{again:?}");
        assert_eq!(liar.account().came["POST"], 1, "{ended:?}");
    }
    let liar = liar(&ONE, |_, _| None).await;
    liar.account().users.insert("twin".to_owned(), user_with_id("twin", 3, None));
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(liar.account().writes(), 0);
}

/// Nothing was written, whatever was tried: then a change in Skovik makes the plan stale as a whole.
#[tokio::test]
async fn a_plan_is_stale_until_something_was_written() {
    for status in [400, 403, 422, 429] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method != "GET" && !account.users.contains_key("later")).then(|| reply(status, "{}"))
        };
        let liar = liar(&[(1, None), (2, Some(9)), (9, None)], lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(if status == 403 { 4 } else { 9 }), "{ended:?}");
        let writes = liar.account().writes();
        assert!(writes > 0);
        {
            let mut account = liar.account();
            account.users.insert("later".to_owned(), user_with_id("later", 77, None));
            account.users.get_mut("id3").expect("the leaver")["attributes"]["last_name"] = json!("Other");
        }
        let again = liar.apply().await;
        assert_eq!(again.code, Some(7), "{status}: {again:?}");
        assert!(again.stderr.contains("nothing was written"), "{again:?}");
        assert_eq!(liar.account().writes(), writes, "{status}: {again:?}");
    }
}

/// Somebody makes the removed person again while the apply runs: their id is another one, and the report says so.
#[tokio::test]
async fn a_removed_person_who_is_there_again_is_named() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "DELETE").then(|| {
            let removed = account.honest(asked);
            account.users.insert("other3".to_owned(), user_with_id("other3", 3, None));
            removed
        })
    };
    let liar = liar(&STAFF[..2], lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("the deleted employee 3 is in Skovik again, as the user other3"), "{ended:?}");
    assert_eq!(liar.account().came["DELETE"], 1);
}
