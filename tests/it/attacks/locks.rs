//! A lock file that somebody removes, as a cleaner of old files may do, does not let two applies write at once.

use std::time::Duration;

use skovik_sync::sandbox::Options;

use crate::company::every_step;
use crate::harness::Output;
use crate::world::{Pace, World};

const PACE: Pace = Pace { max_in_flight: 1, retries: 1, timeout_ms: 3000 };

/// A world whose apply takes a second or two.
async fn slow() -> World {
    let options = Options { latency: Duration::from_millis(60), ..Options::default() };
    World::new(&every_step(), PACE, options).await
}

/// Starts an apply, and takes the lock away behind its first write: removes what has this ending, or replaces it.
async fn bereft(world: &World, ending: &str, replaced: bool) -> tokio::process::Child {
    let child = world.spawn_apply();
    while world.writes().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let folder = world.state().folder().to_owned();
    let found = [folder.clone(), folder.join("journals")].map(|folder| std::fs::read_dir(folder).expect("a folder"));
    let paths: Vec<_> = found.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let path = paths.iter().find(|path| path.to_string_lossy().ends_with(ending)).expect("it is there");
    std::fs::remove_file(path).expect("removed");
    if replaced {
        std::fs::write(path, "").expect("written");
    }
    child
}

async fn ended(child: tokio::process::Child) -> Output {
    Output::of(&["apply"], child.wait_with_output().await.expect("it ends"))
}

/// How many people were created in all.
fn creates(world: &World) -> usize {
    world.writes().iter().filter(|request| request.method == "POST").count()
}

#[tokio::test]
async fn a_second_apply_of_the_plan_waits_for_the_first_one_although_the_lock_is_gone() {
    for replaced in [false, true] {
        let world = slow().await;
        world.approved_plan().await;
        // A copy, as the plan's own file is locked, too.
        for file in ["plan.json", "plan.json.test.approval"] {
            let copy = file.replace("plan.json", "copy.json");
            std::fs::copy(world.path(file), world.path(&copy)).expect("copied");
        }
        let first = bereft(&world, ".lock", replaced).await;
        let second = world.run(&["apply", "copy.json"]).await;
        let first = ended(first).await;
        assert_eq!(first.code, Some(9), "{first:?}");
        let said = first.stdout.clone() + &first.stderr;
        assert!(said.contains("was removed or replaced, so that another apply can begin"), "{said}");
        // It begins while the first one is there, or when that one has ended.
        assert!(matches!(second.code, Some(0 | 10)), "{second:?}");
        let last = world.apply().await;
        assert_eq!(last.code, Some(0), "{last:?}");
        assert_eq!(creates(&world), 4, "{:?}", world.writes());
    }
}

#[tokio::test]
async fn an_apply_ends_when_its_lock_or_its_journal_is_gone() {
    for (ending, code) in [(".lock", 0), (".journal", 7)] {
        let world = slow().await;
        world.approved_plan().await;
        let first = ended(bereft(&world, ending, false).await).await;
        assert_eq!(first.code, Some(9), "{first:?}");
        let writes = world.writes().len();
        assert!(writes <= 2, "{:?}", world.writes());
        // Without its journal the plan is one that Skovik has changed since.
        let again = world.apply().await;
        assert_eq!(again.code, Some(code), "{ending}: {again:?}");
    }
}
