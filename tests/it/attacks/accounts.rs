//! An address is no account, and what two users share is locked.

use serde_json::json;
use skovik_sync::apply::lock::take_plan;
use skovik_sync::sandbox::Options;

use crate::company::{Company, every_step, row, user};
use crate::world::{Pace, World};

/// A plan of one account, applied with the key of another one at the same address.
#[tokio::test]
async fn a_plan_is_for_one_account() {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    // Account A, whose ids are others. Its snapshot says the address of B.
    let mut other: Vec<serde_json::Value> = every_step()
        .account()
        .users()
        .map(|user| serde_json::from_str(&user.replace("aaaaaaaa", "bbbbbbbb")).expect("JSON"))
        .collect();
    other.reverse();
    let rows: Vec<_> = (0..3).map(|number| row(number, None)).collect();
    let snapshot = Company::of(&other, &rows).snapshot_of(&world.url());
    std::fs::write(world.path("a.jsonl"), snapshot).expect("written");
    let planned = world.run(&["plan", "--users", "a.jsonl"]).await;
    assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
    world.approve("plan.json").await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.contains("is not the account that the plan was made for"), "{ended:?}");
    assert!(world.writes().is_empty());
}

/// A plan for an account in which nobody is yet fits no account that has people.
#[tokio::test]
async fn an_empty_account_is_one_too() {
    let people: Vec<_> = (0..6).map(|number| row(number, None)).collect();
    let users: Vec<_> = (0..6).map(|number| user(number + 50, &row(number + 50, None), None)).collect();
    let world = World::new(&Company::of(&users, &people), Pace::default(), Options::default()).await;
    let empty = Company::of(&[], &people).snapshot_of(&world.url());
    std::fs::write(world.path("empty.jsonl"), empty).expect("written");
    assert!(matches!(world.run(&["plan", "--users", "empty.jsonl"]).await.code, Some(0 | 5)));
    // The branches are the same here, so that only its being empty tells.
    world.approve("plan.json").await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(world.writes().is_empty());
}

/// Two state folders, one plan: the plan's own lock keeps them apart.
#[tokio::test]
async fn one_plan_is_applied_once_whatever_state_is_used() {
    let world = World::faulty(&every_step(), Pace::default(), &["* * slow=50ms"]).await;
    world.approved_plan().await;
    let held = take_plan(&world.path("plan.json"), "url").expect("free");
    let ended = world.run(&["--state", "other", "apply", "plan.json"]).await;
    assert_eq!(ended.code, Some(10), "{ended:?}");
    drop(held);
    let (one, other) =
        tokio::join!(world.run(&["apply", "plan.json"]), world.run(&["--state", "other", "apply", "plan.json"]));
    let mut codes = [one.code, other.code];
    codes.sort_unstable();
    // The second one is kept out, or comes when all is done.
    assert!(codes == [Some(0), Some(10)] || codes == [Some(0), Some(0)], "{one:?} {other:?}");
    assert!(world.requests().iter().all(|request| request.status != Some(422)));
    let identifiers: Vec<_> =
        world.users().into_values().map(|user| user["attributes"]["external_identifier"].clone()).collect();
    assert_eq!(identifiers.iter().filter(|identifier| **identifier == json!("1020")).count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn no_link_is_followed_to_a_journal_or_a_lock() {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    world.approved_plan().await;
    let state = world.state();
    std::fs::write(world.path("elsewhere"), "precious").expect("written");
    std::os::unix::fs::symlink(world.path("elsewhere"), world.journal_path()).expect("linked");
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    std::fs::remove_file(world.journal_path()).expect("removed");
    // A run first, so that the lock file is there to be replaced.
    assert_eq!(world.apply().await.code, Some(0));
    let lock = std::fs::read_dir(state.folder()).expect("a folder").flatten().map(|entry| entry.path());
    let lock = lock.into_iter().find(|path| path.extension().is_some_and(|end| end == "lock")).expect("a lock");
    std::fs::remove_file(&lock).expect("removed");
    std::os::unix::fs::symlink(world.path("elsewhere"), &lock).expect("linked");
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(std::fs::read_to_string(world.path("elsewhere")).expect("there"), "precious");
}
