//! What stops an apply, and that it can be gone on with: a full disk, journals that are not its own, another apply,
//! interrupts, a refused key, a server that fails again and again.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use skovik_sync::apply::journal::Record;

use crate::company::{Company, every_step, row, user};
use crate::harness::Output;
use crate::world::{Pace, World, signal};

const ONE_BY_ONE: Pace = Pace { max_in_flight: 1, retries: 0, timeout_ms: 3000 };

fn assert_nothing_written(world: &World, ended: &Output) {
    assert!(world.writes().is_empty(), "{:?}, {ended:?}", world.writes());
}

/// An apply whose files cannot grow beyond so many blocks of 512 bytes.
async fn apply_with_a_full_disk(world: &World, blocks: u32) -> Output {
    let program = env!("CARGO_BIN_EXE_skovik-sync");
    // The limit sends SIGXFSZ, which would end the program; ignored, the write fails as it does on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} apply plan.json");
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(world.folder.path()).stdin(Stdio::null());
    shell.env("XDG_STATE_HOME", world.path("state")).env("NO_COLOR", "1");
    shell.output().await.expect("it runs").into()
}

/// Keeps the plan in the state as an earlier run did.
fn keep_plan(world: &World) {
    let hash = world.read_plan("plan.json").hash();
    std::fs::copy(world.path("plan.json"), world.state().plan(hash)).expect("copied");
}

/// The disk is full from the beginning.
#[tokio::test]
async fn a_full_disk_stops_before_any_write() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &[]).await;
    world.approved_plan().await;
    // The lock is taken and the plan kept, so that what cannot be written is the journal.
    keep_plan(&world);
    let ended = apply_with_a_full_disk(&world, 0).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_nothing_written(&world, &ended);
    let resumed = world.apply().await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
}

/// The disk fills up in the middle: every journalled request is done or in doubt, nothing else was sent, and the same
/// apply goes on when there is space again.
#[tokio::test]
async fn a_disk_that_fills_up_stops_and_can_be_gone_on_from() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &[]).await;
    world.approved_plan().await;
    keep_plan(&world);
    let ended = apply_with_a_full_disk(&world, 8).await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("the journal cannot be written"), "{ended:?}");
    let intents = world.journal().iter().filter(|record| matches!(record, Record::Intent { .. })).count();
    let writes = world.writes().len();
    assert!(writes > 0 && writes <= intents, "{writes} writes, {intents} intents");
    let resumed = world.apply().await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(world.requests().iter().all(|request| request.status != Some(422)));
}

#[tokio::test]
async fn a_journal_that_cannot_be_a_file_stops_before_any_write() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &[]).await;
    world.approved_plan().await;
    std::fs::create_dir(world.journal_path()).expect("a folder");
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains(".journal is not a regular file"), "{ended:?}");
    assert_nothing_written(&world, &ended);
}

#[tokio::test]
async fn a_damaged_journal_is_refused_with_its_line() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &["POST /users nth=2 status=422"]).await;
    world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(9));
    let writes = world.writes().len();
    let text = std::fs::read_to_string(world.journal_path()).expect("there").replacen("\"intent\"", "\"attempt\"", 1);
    std::fs::write(world.journal_path(), text).expect("written");
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(8), "{ended:?}");
    assert!(ended.stderr.contains(".journal line 4 is not authentic"), "{ended:?}");
    assert_eq!(world.writes().len(), writes);
}

#[tokio::test]
async fn a_finished_plan_is_not_applied_again_whether_or_not_its_journal_is_there() {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(0));
    let requests = world.requests().len();
    let again = world.apply().await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("nothing to do: this plan was applied completely at"), "{again:?}");
    assert!(world.requests()[requests..].iter().all(|request| request.method == "GET"), "nothing is written");

    std::fs::remove_file(world.journal_path()).expect("removed");
    let writes = world.writes().len();
    let again = world.apply().await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.contains("already matches this plan"), "{again:?}");
    assert_eq!(world.writes().len(), writes);
}

#[tokio::test]
async fn a_lost_journal_of_a_half_applied_plan_is_stale() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &["POST /users nth=2 status=422"]).await;
    world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(9));
    std::fs::remove_file(world.journal_path()).expect("removed");
    let writes = world.writes().len();
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert_eq!(world.writes().len(), writes);
}

/// Waits until so many requests that write have come.
async fn wait_for_writes(world: &World, count: usize) {
    while world.writes().len() < count {
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

#[tokio::test]
async fn two_applies_at_once_are_refused_and_the_lock_of_a_dead_one_is_not() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &["POST /users nth=1 slow=30s"]).await;
    let plan = world.approved_plan().await;
    let mut first = world.spawn_apply();
    wait_for_writes(&world, 1).await;
    let second = world.apply().await;
    assert_eq!(second.code, Some(10), "{second:?}");
    let holder = format!("process {}, since 20", first.id().expect("running"));
    assert!(second.stderr.contains(&holder), "{holder}: {second:?}");
    assert!(second.stderr.contains(&plan.hash().to_string()), "{second:?}");
    first.kill().await.expect("killed");
    let third = world.apply().await;
    assert_eq!(third.code, Some(0), "{third:?}");
}

#[tokio::test]
async fn the_first_interrupt_lets_what_is_under_way_finish() {
    for name in ["-INT", "-TERM"] {
        let world = World::faulty(&every_step(), ONE_BY_ONE, &["POST /users nth=2 slow=500ms"]).await;
        world.approved_plan().await;
        let child = world.spawn_apply();
        wait_for_writes(&world, 2).await;
        signal(&child, name).await;
        let ended: Output = child.wait_with_output().await.expect("it ends").into();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(
            ended.stdout.contains("2 created") && ended.stderr.contains("skovik-sync apply plan.json"),
            "{ended:?}"
        );
        assert_eq!(world.writes().len(), 2, "nothing was begun afterwards");
        let outcomes = world.outcomes();
        assert_eq!(outcomes.values().filter(|outcome| *outcome == "done").count(), 2, "{outcomes:?}");
        assert!(!outcomes.values().any(|outcome| outcome == "in_doubt"), "{outcomes:?}");
        let resumed = world.apply().await;
        assert_eq!(resumed.code, Some(0), "{resumed:?}");
    }
}

/// The journal announces more operations than requests are under way; what waits for its turn does not begin either.
#[tokio::test]
async fn what_was_announced_does_not_begin_after_a_stop() {
    let pace = Pace { max_in_flight: 2, ..ONE_BY_ONE };
    for (stop, code) in [("-TERM", 130), ("-HUP", 130), (".lock", 9), (".journal", 9)] {
        let world = World::faulty(&newcomers(12), pace, &["POST /users slow=800ms"]).await;
        world.approved_plan().await;
        let child = world.spawn_apply();
        wait_for_writes(&world, 2).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        if stop.starts_with('-') {
            signal(&child, stop).await;
        } else {
            let folder = world.state().folder().to_owned();
            let found = [folder.clone(), folder.join("journals")].map(|folder| fs::read_dir(folder).expect("a folder"));
            let paths: Vec<_> = found.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            let path = paths.iter().find(|path| path.to_string_lossy().ends_with(stop)).expect("it is there");
            fs::remove_file(path).expect("removed");
        }
        let ended: Output = child.wait_with_output().await.expect("it ends").into();
        assert_eq!(ended.code, Some(code), "{stop}: {ended:?}");
        assert_eq!(world.writes().len(), 2, "{stop}: {ended:?}");
        if stop.starts_with('-') {
            assert_eq!(world.apply().await.code, Some(0), "{stop}");
            assert_eq!(world.users().len(), 13, "{stop}");
        }
    }
    let rules = ["POST /users nth=1 status=401", "POST /users slow=800ms"];
    let world = World::faulty(&newcomers(12), pace, &rules).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    // The other request may have been sent before the refusal, and none after it.
    assert!(matches!((ended.code, world.writes().len()), (Some(4), 1) | (Some(9), 2)), "{ended:?}");
}

#[tokio::test]
async fn the_second_interrupt_stops_at_once() {
    let world = World::faulty(&every_step(), ONE_BY_ONE, &["POST /users nth=2 slow=30s"]).await;
    world.approved_plan().await;
    let child = world.spawn_apply();
    wait_for_writes(&world, 2).await;
    signal(&child, "-INT").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    signal(&child, "-INT").await;
    let ended = tokio::time::timeout(Duration::from_secs(2), child.wait_with_output()).await;
    let ended: Output = ended.expect("long before the answer").expect("it ends").into();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(world.outcomes().values().filter(|outcome| *outcome == "in_doubt").count(), 1);
    let resumed = world.apply().await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(world.requests().iter().all(|request| request.status != Some(422)), "nobody was sent twice");
}

#[tokio::test]
async fn an_interrupt_is_heard_while_lists_are_read() {
    for (rules, writes) in [
        (&["GET /users nth=1 slow=30s"][..], 0),
        // The list that resolves the unknown outcomes.
        (&["POST /users nth=1 reset=after", "GET /users nth=2 slow=30s"], 1),
    ] {
        let world = World::faulty(&lonely_newcomer(), ONE_BY_ONE, rules).await;
        world.approved_plan().await;
        let mut child = world.spawn_apply();
        let slow = |world: &World| {
            world.requests().iter().any(|request| request.fault.as_ref().is_some_and(|fault| fault.contains("slow")))
        };
        while !slow(&world) {
            assert_eq!(child.try_wait().expect("asked"), None, "it ended before the slow list");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        signal(&child, "-INT").await;
        let ended = tokio::time::timeout(Duration::from_secs(2), child.wait_with_output()).await;
        let ended: Output = ended.expect("long before the answer").expect("it ends").into();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert_eq!(world.writes().len(), writes);
        assert_eq!(world.apply().await.code, Some(0));
    }
}

/// One to create, nothing else.
fn lonely_newcomer() -> Company {
    let rows = [row(0, None), row(1, Some(0)), row(20, Some(0))];
    Company::of(&[user(0, &rows[0], None), user(1, &rows[1], Some(0))], &rows)
}

/// This many to create, who need nobody.
fn newcomers(count: usize) -> Company {
    let rows: Vec<_> = (0..=count).map(|number| row(number, None)).collect();
    Company::of(&[user(0, &rows[0], None)], &rows)
}

#[tokio::test]
async fn five_failures_in_a_row_stop_and_the_next_run_begins_behind_them() {
    let world = World::faulty(&newcomers(8), ONE_BY_ONE, &["POST /users times=5 status=500"]).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("5 operations failed one after another"), "{ended:?}");
    assert_eq!(world.writes().len(), 5);
    assert_eq!(world.apply().await.code, Some(0));

    // People whom Skovik refuses for good do not block the others in later runs.
    let rules = ["POST /users times=5 status=422", "POST /users skip=8 times=5 status=422"];
    let world = World::faulty(&newcomers(8), ONE_BY_ONE, &rules).await;
    world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(9));
    assert_eq!(world.users().len(), 1);
    assert_eq!(world.apply().await.code, Some(9));
    assert_eq!(world.users().len(), 4, "the three who had not been tried");
}

#[tokio::test]
async fn a_failure_among_successes_does_not_stop() {
    let world = World::faulty(&newcomers(20), ONE_BY_ONE, &["POST /users every=3 status=422"]).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("Failed (6)") && !ended.stdout.contains("Not attempted"), "{ended:?}");
    assert_eq!(world.users().len(), 1 + 14);
}

#[tokio::test]
async fn a_refused_key_stops_at_once() {
    for (rule, code, writes) in [
        ("POST /users nth=1 status=401", 4, 1),
        ("POST /users nth=1 status=403", 4, 1),
        ("POST /users nth=2 status=401", 9, 2),
        ("GET /users status=401", 4, 0),
    ] {
        let world = World::faulty(&newcomers(8), ONE_BY_ONE, &[rule]).await;
        world.approved_plan().await;
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(code), "{rule}: {ended:?}");
        assert!(ended.stderr.contains("refuses the key"), "{rule}: {ended:?}");
        assert_eq!(world.writes().len(), writes, "{rule}");
    }
    // Before an update, the user is read; a refusal there wrote nothing either.
    let world = World::faulty(&Company::small(), ONE_BY_ONE, &["GET /users/* status=401"]).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "creates came first: {ended:?}");
    assert!(world.writes().iter().all(|request| request.method == "POST"));
}
