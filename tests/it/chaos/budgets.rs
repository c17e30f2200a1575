//! Many runs within a day, with faults and kills: together they remove and change no more than one of them may.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;

use super::{Drawn, draw, fail, fault};
use crate::company::{self, Company, Row, csv};
use crate::harness::Output;
use crate::month::budget::{Wrote, keeps};
use crate::world::{Door, Pace, World, room, rules_of};

const SEEDS: u64 = 5;
const RUNS: usize = 7;
const PEOPLE: usize = 40;
/// Faults make some runs slow to end, so that they can be killed.
const SLOW: [&str; 2] = ["PUT /users/* slow=10ms", "DELETE /users/* slow=10ms"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_runs_exceed_no_budget_whatever_happens() {
    let mut days = tokio::task::JoinSet::new();
    for seed in 0..SEEDS {
        days.spawn(async move {
            let _room = room().await;
            day(seed).await
        });
    }
    let (mut blocked, mut killed) = (0, 0);
    while let Some(ended) = days.join_next().await {
        let codes = ended.expect("a day");
        blocked += codes.iter().filter(|code| **code == Some(5)).count();
        killed += codes.iter().filter(|code| code.is_none()).count();
    }
    assert!(blocked > 5 && killed > 1, "{blocked} were blocked, and {killed} killed");
}

/// Each run finds that some more people have left or changed. How the runs ended.
async fn day(seed: u64) -> Vec<Option<i32>> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let Drawn { options, .. } = draw(Door::Json, seed);
    let mut rules: Vec<String> = (0..4).map(|_| fault(Door::Json, &mut rng)).collect();
    rules.extend(SLOW.map(str::to_owned));
    let mut rows: BTreeMap<usize, Row> = (0..PEOPLE).map(|number| (number, company::row(number, None))).collect();
    let mut users = vec![company::admin()];
    users.extend(rows.iter().map(|(number, row)| company::user(*number, row, None)));
    let all: Vec<Row> = rows.values().cloned().collect();
    let company = Company::of(&users, &all).with_settings("[approval]\nautomatic = true\n");
    let pace = Pace { max_in_flight: rng.usize(1..4), retries: 0, timeout_ms: 400 };
    let faults = rules_of(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    let world = World::new(&company, pace, skovik_sync::sandbox::Options { faults, ..options }).await;
    let mut story = vec![format!("seed {seed}, {pace:?}, {rules:#?}")];
    let (mut wrote, mut codes) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        for _ in 0..rng.usize(1..4) {
            let number = rng.choice(rows.keys().copied()).expect("somebody");
            match rng.bool() {
                true => drop(rows.remove(&number)),
                false => rows.get_mut(&number).expect("there").last_name.push_str("-New"),
            }
        }
        let all: Vec<Row> = rows.values().cloned().collect();
        std::fs::write(world.path("employees.csv"), csv(&all)).expect("written");
        let before = world.users();
        let kill_after = rng.bool().then(|| world.writes().len() + 1);
        let ended = run(&world, kill_after).await;
        story.push(format!("{ended}"));
        codes.push(ended.code);
        wrote.push(Wrote::between(&before, &world.users(), 1, Timestamp::now(), true));
        keeps(&wrote).unwrap_or_else(|problem| fail(&story, &problem));
        if !matches!(ended.code, None | Some(0 | 4 | 5 | 9)) {
            fail(&story, "it ended otherwise");
        }
    }
    codes
}

/// A run by the policy, which is killed once the server has so many writes.
async fn run(world: &World, kill_after: Option<usize>) -> Output {
    let mut command = world.command(&["run"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while let Some(count) = kill_after {
        if child.try_wait().expect("waited").is_some() {
            break;
        }
        if world.writes().len() >= count {
            let _ = child.start_kill();
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let ended: Output = child.wait_with_output().await.expect("it ends").into();
    if ended.code.is_none() {
        // What it has sent by then is carried out.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    ended
}
