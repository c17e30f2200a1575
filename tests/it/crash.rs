//! The process is killed at every step of an apply, and the journal torn at every place where a crash could tear it.
//! The same apply then resumes under the same approval, and ends like an undisturbed one.

use std::collections::BTreeMap;

use serde_json::Value;
use skovik_sync::apply::journal::Record;
use skovik_sync::plan::{Action, Field, OperationId, Plan};
use skovik_sync::sandbox::Options;

use crate::company::every_step;
use crate::world::{Door, Pace, World, room, rules_of};

const ONE_BY_ONE: Pace = Pace { max_in_flight: 1, retries: 2, timeout_ms: 1500 };

/// The result of an undisturbed apply, and how many requests it takes.
struct Undisturbed {
    people: BTreeMap<String, Value>,
    requests: usize,
    lines: usize,
}

async fn undisturbed() -> (Undisturbed, World) {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &[]).await;
    world.approved_plan().await;
    let applied = world.apply().await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    let (people, requests, lines) = (world.people(), world.requests().len(), world.journal().len());
    (Undisturbed { people, requests, lines }, world)
}

/// What a crash leaves of the journal's last lines.
#[derive(Debug, Clone, Copy)]
enum Tear {
    Nothing,
    /// Outcomes are not waited for, so that those at the end may not have reached the disk.
    Outcomes,
    /// Half a line more.
    HalfALineMore,
    /// Blocks that were given to the file but not written.
    Zeros,
}

fn tear(world: &World, tear: Tear) {
    let path = world.journal_path();
    let Ok(mut text) = std::fs::read(&path) else { return };
    match tear {
        Tear::Nothing => return,
        Tear::HalfALineMore => text.extend_from_slice(br#"{"done":{"at":"2026-01-01T00:00:00Z","operat"#),
        Tear::Zeros => text.extend_from_slice(&[0; 300]),
        Tear::Outcomes => {
            let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
            while lines
                .last()
                .is_some_and(|line| line.starts_with(br#"{"done""#) || line.starts_with(br#"{"not_done""#))
            {
                lines.pop();
            }
            text = lines.concat();
        }
    }
    std::fs::write(path, text).expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_request_is_gone_on_from() {
    let (undisturbed, _) = undisturbed().await;
    let people = std::sync::Arc::new(undisturbed.people);
    let mut runs = tokio::task::JoinSet::new();
    for n in 1..=undisturbed.requests {
        // Killed before the request reached the server, and after it was carried out but not answered. Every tear comes after every
        // third request.
        for fault in ["status=503 slow=30s", "slow=30s"] {
            for torn in [Tear::Nothing, [Tear::Outcomes, Tear::HalfALineMore, Tear::Zeros][n % 3]] {
                let people = std::sync::Arc::clone(&people);
                runs.spawn(async move {
                    let _room = room().await;
                    let rule = format!("* * nth={n} {fault}");
                    let world = World::faulty(&every_step(), ONE_BY_ONE, &[&rule]).await;
                    world.approved_plan().await;
                    assert!(world.kill_apply_at(n).await, "{rule}");
                    tear(&world, torn);
                    let resumed = world.apply().await;
                    let context = format!("{rule}, {torn:?}: {resumed:?}");
                    assert_eq!(resumed.code, Some(0), "{context}");
                    assert_eq!(world.people(), *people, "{context}");
                    assert!(world.requests().iter().all(|request| request.status != Some(422)), "{context}");
                    let again = world.apply().await;
                    assert_eq!(again.code, Some(0), "{again:?}");
                    assert!(again.stdout.contains("applied completely"), "{again:?}");
                });
            }
        }
    }
    while let Some(run) = runs.join_next().await {
        run.expect("see above");
    }
}

/// The same by SCIM, at some of the requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_is_gone_on_from_by_scim_too() {
    let by_scim = |rules: Vec<String>| async move {
        let faults = rules_of(&rules.iter().map(String::as_str).collect::<Vec<_>>());
        let world = World::at(Door::Scim, &every_step(), ONE_BY_ONE, Options { faults, ..Options::default() }).await;
        world.approved_plan().await;
        world
    };
    let calm = by_scim(Vec::new()).await;
    let planning = calm.requests().len();
    assert_eq!(calm.apply().await.code, Some(0));
    let (people, requests) = (calm.people(), calm.requests().len());
    let mut runs = tokio::task::JoinSet::new();
    for n in (planning + 1..=requests).step_by(7) {
        for fault in ["status=503 slow=30s", "slow=30s"] {
            let people = people.clone();
            runs.spawn(async move {
                let _room = room().await;
                let rule = format!("* * nth={n} {fault}");
                let world = by_scim(vec![rule.clone()]).await;
                assert!(world.kill_apply_at(n).await, "{rule}");
                let resumed = world.apply().await;
                assert_eq!(resumed.code, Some(0), "{rule}: {resumed:?}");
                assert_eq!(world.people(), people, "{rule}: {resumed:?}");
                assert!(world.requests().iter().all(|request| request.status != Some(409)), "{rule}");
            });
        }
    }
    while let Some(run) = runs.join_next().await {
        run.expect("see above");
    }
}

/// Worse than any crash: lines that had been synced are gone. Whatever is left, nobody is made twice, nothing is sent
/// again that is done, and all that cannot be told is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_cut_anywhere_is_gone_on_from() {
    let (undisturbed, world) = undisturbed().await;
    let whole = std::fs::read(world.journal_path()).expect("a journal");
    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len(), undisturbed.lines);
    let plan = world.read_plan("plan.json");
    let writes = world.writes().len();
    for kept in (0..lines.len()).rev() {
        for middle in [0, [1, lines[kept].len() / 2, lines[kept].len() - 1][kept % 3]] {
            let cut = [&lines[..kept].concat()[..], &lines[kept][..middle]].concat();
            std::fs::write(world.journal_path(), cut).expect("written");
            let announced = world.journal().iter().any(|record| matches!(record, Record::Intent { .. }));
            let resumed = world.apply().await;
            let context = format!("{kept} lines and {middle} bytes: {resumed:?}");
            assert_eq!(world.people(), undisturbed.people, "{context}");
            match resumed.code {
                Some(0) => {}
                Some(9) => what_cannot_be_told_is_left(&world, &plan, &context),
                Some(7) => assert!(!announced, "{context}"),
                _ => panic!("{context}"),
            }
            assert_eq!(world.writes().len(), writes, "{context}");
        }
    }
}

/// Only the journal knows what custom fields a move may have emptied, and that somebody who has another manager than
/// they were made with was linked by this very plan.
fn what_cannot_be_told_is_left(world: &World, plan: &Plan, context: &str) {
    let operations = &plan.content().operations;
    let linked = |id: OperationId| {
        operations.iter().any(|other| matches!(other.action, Action::Link { create, .. } if create == id))
    };
    for (operation, outcome) in operations.iter().zip(world.outcomes().into_values()) {
        let cannot_be_told = match &operation.action {
            Action::Update { changes, .. } => changes.iter().any(|change| change.field == Field::Branch),
            Action::Create { .. } => linked(operation.id),
            Action::Link { .. } => true,
            Action::Delete { .. } => false,
        };
        assert!(outcome.starts_with("done") || cannot_be_told, "{outcome} {operation:?}, {context}");
    }
}
