//! A change of branch is half done: it emptied custom fields, and nothing gave them back. Whatever follows gives them back or
//! names them with what they held.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, Row, user};
use crate::target::script::json as reply;

const ROWS: [Row; 2] = [(1, None), (2, None)];
const LOST: &str = "custom_fields.cf_own is gone, it was \"kept\"";
/// Nobody can be created with this identifier.
const REFUSED: &str = "9";
const OTHER: &str = "Custom fields are empty since another apply in doubt moved their users (1)";

fn custom(liar: &Liar) -> Value {
    liar.account().users["id2"]["attributes"]["custom_fields"]["cf_own"].clone()
}

/// A plan that moves 2 was applied, and the server was out of reach after its only write.
async fn half_done() -> Liar {
    let mut mover = user(2, None);
    mover["relationships"]["branch"]["data"]["id"] = json!("br_2");
    mover["attributes"]["custom_fields"] = json!({"cf_own": "kept"});
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        if down.load(Ordering::Relaxed) && asked.path != "/users" {
            return Some(reply(503, "{}"));
        }
        if asked.method == "POST" && asked.identifier() == REFUSED {
            return Some(reply(422, "{}"));
        }
        if (asked.method, asked.nth) != ("PUT", 0) {
            return None;
        }
        account.honest(asked);
        account.users.get_mut("id2").expect("the user")["attributes"]["custom_fields"] = json!({"cf_own": null});
        down.store(true, Ordering::Relaxed);
        Some(reply(503, "{}"))
    };
    let liar = Liar::new(&[user(1, None), mover], &ROWS, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!((ended.code, custom(&liar)), (Some(9), Value::Null), "{ended:?}");
    // From now on it is there again, and honest.
    is_down.store(false, Ordering::Relaxed);
    liar
}

async fn later(liar: &Liar, file: &str) -> crate::harness::Output {
    let planned = liar.run(&["plan", "-o", file]).await;
    assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
    liar.approve(file).await;
    liar.run(&["apply", file, "--report", "report.json"]).await
}

#[tokio::test]
async fn the_same_apply_gives_them_back() {
    let liar = half_done().await;
    let ended = liar.apply().await;
    assert_eq!((ended.code, custom(&liar)), (Some(0), json!("kept")), "{ended:?}");
}

#[tokio::test]
async fn a_later_plan_that_moves_the_user_back_names_them_and_so_does_the_first_apply() {
    let liar = half_done().await;
    liar.list_in(&[(2, None)], "SE02");
    let list = liar.read("hr.csv") + "1,,SE01\n";
    liar.write("hr.csv", &list);
    let ended = later(&liar, "new.json").await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains(OTHER) && ended.stdout.contains(LOST), "{ended:?}");
    let report: Value = serde_json::from_str(&liar.read("report.json")).expect("JSON");
    assert!(report["summary"]["emptied"][0].as_str().is_some_and(|words| words.contains(LOST)), "{report}");
    assert_eq!(report["summary"]["done"], 1, "{report}");
    // What was applied completely is so.
    let again = liar.run(&["apply", "new.json"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let first = liar.apply().await;
    assert_eq!(first.code, Some(9), "{first:?}");
    assert!(first.stdout.contains(LOST), "{first:?}");
    assert_eq!(custom(&liar), Value::Null, "no plan may write it");
}

/// They are named once: whoever applies a later plan has decided about the earlier one.
#[tokio::test]
async fn a_later_plan_for_somebody_else_names_them_once() {
    let liar = half_done().await;
    for (count, code) in [(3_u32, 9), (4, 0)] {
        let rows: Vec<Row> = (1..=count).map(|number| (number, None)).collect();
        liar.list(&rows);
        let ended = later(&liar, &format!("new{count}.json")).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(ended.stdout.contains(LOST), code == 9, "{ended:?}");
    }
    let first = liar.apply().await;
    assert_eq!((first.code, custom(&liar)), (Some(0), json!("kept")), "{first:?}");
}

/// Nobody has been told anything by an apply that was killed at its end, when all of its operations were done or refused.
#[tokio::test]
async fn a_later_apply_that_was_killed_at_its_end_has_named_nobody() {
    let liar = half_done().await;
    for (count, is_killed) in [(3_u32, true), (4, true), (9, true), (5, false)] {
        let rows: Vec<Row> = (1..=count).map(|number| (number, None)).collect();
        liar.list(&rows);
        let file = format!("new{count}.json");
        let ended = later(&liar, &file).await;
        assert!(ended.code == Some(9) && ended.stdout.contains(LOST), "{ended:?}");
        if is_killed {
            let plan: Value = serde_json::from_str(&liar.read(&file)).expect("JSON");
            let hash = plan["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
            let journal = format!("state/skovik-sync/journals/{hash}.journal");
            let lines = liar.read(&journal);
            let end = lines.find("{\"finished\"").or_else(|| lines.find("{\"ended\""));
            let end = end.and_then(|end| lines[..end].rfind('\n')).expect("its last line");
            liar.write(&journal, &lines[..=end]);
        }
    }
    liar.list(&[(1, None), (2, None)]);
    let ended = later(&liar, "new.json").await;
    assert_eq!((ended.code, ended.stdout.contains(LOST)), (Some(0), false), "{ended:?}");
}

#[tokio::test]
async fn a_later_apply_that_ends_in_part_has_named_them() {
    let liar = half_done().await;
    liar.list(&[(1, None), (2, None), (9, None)]);
    let ended = later(&liar, "part.json").await;
    assert!(ended.code == Some(9) && ended.stdout.contains(LOST), "{ended:?}");
    assert!(liar.outcomes().values().all(|outcome| outcome == "failed"), "{ended:?}");
    liar.list(&[(1, None), (2, None), (3, None)]);
    let ended = later(&liar, "new.json").await;
    assert_eq!((ended.code, ended.stdout.contains(LOST)), (Some(0), false), "{ended:?}");
}

#[tokio::test]
async fn whom_a_later_plan_deletes_lacks_nothing() {
    let liar = half_done().await;
    liar.list(&[(1, None)]);
    let ended = later(&liar, "new.json").await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stdout.contains(LOST), "{ended:?}");
}
