//! An older journal is authentic, and says what was so once: whoever can put it back, with the account or without it, has
//! nothing believed that Skovik does not show.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, user};
use crate::target::script::json as reply;

/// A newcomer with a report, a new manager for somebody, and a leaver; one request at a time.
async fn liar() -> (Liar, Arc<AtomicBool>) {
    let refuses = Arc::new(AtomicBool::new(false));
    let may_refuse = Arc::clone(&refuses);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        let refuses = asked.method != "GET" && may_refuse.load(Ordering::SeqCst) && account.writes() > 2;
        refuses.then(|| reply(403, "{}"))
    };
    let staff: Vec<Value> = [(1, None), (2, Some(1)), (3, None)].map(|(number, manager)| user(number, manager)).into();
    let rows = [(1, None), (2, Some(9)), (9, None), (10, Some(9))];
    (Liar::new(&staff, &rows, "max_in_flight = 1", lie).await, refuses)
}

fn journal(liar: &Liar) -> PathBuf {
    let folder = fs::read_dir(liar.path("state/skovik-sync/journals")).expect("a folder");
    let mut journals = folder.map(|entry| entry.expect("an entry").path());
    journals.find(|path| path.extension().is_some_and(|end| end == "journal")).expect("a journal")
}

#[tokio::test]
async fn a_complete_journal_of_the_same_plan_hides_no_unfinished_apply() {
    let (liar, refuses) = liar().await;
    let before = liar.account().users.clone();
    assert_eq!(liar.apply().await.code, Some(0));
    let complete = fs::read(journal(&liar)).expect("a journal");
    fs::remove_file(journal(&liar)).expect("removed");

    liar.account().users = before;
    liar.account().came.clear();
    refuses.store(true, Ordering::SeqCst);
    assert_eq!(liar.apply().await.code, Some(9));
    refuses.store(false, Ordering::SeqCst);
    fs::write(journal(&liar), complete).expect("written");
    let writes = liar.account().writes();
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.contains("applied completely at") && ended.stderr.contains("has changed since"), "{ended:?}");
    assert!(ended.stderr.contains("the deleted user id3 is still in Skovik"), "{ended:?}");
    assert_eq!(liar.account().writes(), writes);
}

#[tokio::test]
async fn what_a_journal_calls_done_is_done_only_if_skovik_shows_it() {
    let (liar, _) = liar().await;
    let before = liar.account().users.clone();
    assert_eq!(liar.apply().await.code, Some(0));
    let complete = fs::read_to_string(journal(&liar)).expect("a journal");
    let lines: Vec<&str> = complete.lines().collect();
    let after = std::mem::replace(&mut liar.account().users, before);
    for left in [1, 2, 3] {
        fs::write(journal(&liar), lines[..lines.len() - left].join("\n") + "\n").expect("written");
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{left}: {ended:?}");
        assert_eq!(liar.outcomes()["1"], "failed", "{ended:?}");
        assert!(
            ended.stdout.contains("an earlier run did this, but the user new1 who was made is not in"),
            "{ended:?}"
        );
        assert!(liar.account().by_number(9).is_none() && liar.account().by_number(10).is_none(), "{ended:?}");
        assert!(
            !liar.account().users.values().any(|user| user["relationships"]["manager"]["data"]["id"] == json!("new1"))
        );
    }
    // As the plan left it, all but what an update changed.
    liar.account().users = after;
    liar.account().users.get_mut("id2").expect("there")["relationships"]["manager"]["data"]["id"] = json!("id1");
    fs::write(journal(&liar), lines[..lines.len() - 1].join("\n") + "\n").expect("written");
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("manager is \"id1\", not \"new1\""), "{ended:?}");
}

/// The last lines are gone: `undo` cannot know what they said, and says so.
#[tokio::test]
async fn an_undo_says_what_its_journal_does_not_have() {
    let (liar, _) = liar().await;
    assert_eq!(liar.apply().await.code, Some(0));
    let complete = fs::read_to_string(journal(&liar)).expect("a journal");
    let lines: Vec<&str> = complete.lines().collect();
    let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
    assert!(!liar.read("undo.json").contains("undo_not_begun"));
    fs::write(journal(&liar), lines[..lines.len() - 3].join("\n") + "\n").expect("written");
    let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
    assert!(liar.read("undo.json").contains("undo_not_begun"), "{undone:?}");
}

/// The last lines are gone, and the next run finds that all of it is done. Who did it, and what was there before, it cannot know.
#[tokio::test]
async fn an_undo_says_what_was_found_done() {
    let (liar, _) = liar().await;
    assert_eq!(liar.apply().await.code, Some(0));
    let complete = fs::read_to_string(journal(&liar)).expect("a journal");
    // The first of four operations is left.
    let (kept, _) = complete.match_indices("\"intent\"").nth(1).map(|(at, _)| complete.split_at(at)).expect("two");
    let (kept, _) = kept.rsplit_once('\n').expect("a line");
    fs::write(journal(&liar), format!("{kept}\n")).expect("written");
    let again = liar.apply().await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert_eq!(undone.code, Some(0), "{undone:?}");
    let undo: Value = serde_json::from_str(&liar.read("undo.json")).expect("JSON");
    let codes = undo["diagnostics"].as_array().expect("a list").iter().map(|found| &found["code"]);
    let codes: Vec<_> = codes.collect();
    assert_eq!(codes.iter().filter(|code| ***code == "undo_not_known").count(), 3, "{undo}");
    // Whoever is known may have reports among those who are not.
    assert_eq!(codes.iter().filter(|code| ***code == "undo_left_out").count(), 1, "{undo}");
    assert_eq!(undo["operations"].as_array().map(Vec::len), Some(0), "{undo}");
}
