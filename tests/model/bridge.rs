//! The real engine takes the same steps as the model.
//!
//! Each step is chosen at random among those that the model allows, and then carried out with the real engine too. Real
//! processes send real HTTP requests to a server that answers when and how the step says. After each step the account,
//! the journals and the unanswered requests must be the same as in the model. After a run the outcomes must be the same.

mod adapter;
mod http;
mod reality;
mod wants;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::checks::{CALM, world};
use crate::plan::{Action, HIRE, LEAVE, MOVE, PLANS, Plan, REPLACE};
use crate::steps::{Foreign, Step};
use crate::world::{Budget, Mutation, World};
use reality::{Reality, bare};

/// Known differences between the program and the model. There are none.
const PROGRAM: &[Mutation] = &[];
/// How many paths are followed at once. They mostly wait.
const AT_ONCE: usize = 24;
/// The most steps of one path.
const STEPS: usize = 60;
/// The most starts of processes on one path.
const STARTS: usize = 5;
/// How long to wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often each kind of step was taken.
type StepCounts = BTreeMap<String, u64>;

/// Follows one path: the given steps first, then random ones.
async fn follow_path(world: World, seed: u64, first: &[Step], patience: Duration) -> Result<StepCounts, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut reality = Reality::new(&world, patience).await;
    let (mut state, mut path, mut counts) = (world.first(), Vec::new(), StepCounts::new());
    while path.len() < STEPS {
        let starts = path.iter().filter(|step| matches!(step, Step::Start(_))).count();
        let mut steps = world.steps(&state);
        steps.retain(|step| starts < STARTS || !matches!(step, Step::Start(_)));
        steps.retain(|step| world.next(&state, *step).is_some());
        let is_rare = |step: &Step| matches!(step, Step::Crash(..) | Step::Other(_) | Step::Forge(..));
        if rng.u8(..4) > 0 && steps.iter().any(|step| !is_rare(step)) {
            steps.retain(|step| !is_rare(step));
        }
        if steps.is_empty() {
            break;
        }
        let step = first.get(path.len()).copied().unwrap_or_else(|| steps[rng.usize(..steps.len())]);
        let next = world.next(&state, step).ok_or("the model does not allow this step")?;
        path.push(step);
        *counts.entry(format!("{step:?}").split('(').next().unwrap_or_default().to_owned()).or_default() += 1;
        let at = |problem: String| format!("{}, seed {seed}, {path:#?}\n{problem}", world.plan.name);
        reality.follow(&state, step, &next, &mut rng).await.map_err(at)?;
        let last = std::mem::replace(&mut state, next);
        // A real create begins as soon as it can.
        let is_create = |operation: usize| matches!(world.operation(operation).action, Action::Create { .. });
        let is_ahead = |step: &Step| matches!(step, Step::Begin(_, operation) if is_create(*operation));
        if !world.steps(&state).iter().any(is_ahead) {
            reality.settle_down(&last, &state).await.map_err(at)?;
        }
        if reality.server != bare(&state.server) {
            return Err(at(format!("the account is\n{:?}, not\n{:?}", reality.server, bare(&state.server))));
        }
        reality.refuses(&state).map_err(at)?;
    }
    Ok(counts)
}

/// Follows many paths at once.
fn follow_paths(paths: impl Iterator<Item = (World, u64)>, patience: Duration) -> Vec<Result<StepCounts, String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let followed = paths.map(|(world, seed)| follow_path(world, seed, &[], patience));
    let followed = futures_util::stream::iter(followed).buffer_unordered(AT_ONCE);
    tokio::task::LocalSet::new().block_on(&runtime, followed.collect())
}

/// Follows a path that begins with these steps.
fn follow_steps(world: World, steps: &[Step]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let followed = follow_path(world, 0, steps, PATIENCE);
    if let Err(problem) = tokio::task::LocalSet::new().block_on(&runtime, followed) {
        panic!("{problem}");
    }
}

/// Follows this number of paths for each plan. Together they must contain these kinds of steps.
fn assert_program_is_like_model(paths: u64, world: impl Fn(Plan) -> World, kinds: &[&str]) {
    let paths = PLANS.iter().flat_map(|plan| (0..paths).map(|seed| (world(*plan), seed)));
    let mut counted = StepCounts::new();
    for counts in follow_paths(paths, PATIENCE) {
        match counts {
            Ok(counts) => counts.into_iter().for_each(|(kind, count)| *counted.entry(kind).or_default() += count),
            Err(problem) => panic!("{problem}"),
        }
    }
    println!("{counted:?}");
    let missing: Vec<_> = kinds.iter().filter(|kind| !counted.contains_key(**kind)).collect();
    assert!(missing.is_empty(), "no path has {missing:?}");
}

/// The world as the real program sees it.
fn real(plan: Plan, folders: &[usize], budget: Budget) -> World {
    World { folders: folders.to_vec(), is_eager: true, mutations: PROGRAM, ..world(plan, budget) }
}

#[test]
fn one_process_takes_the_steps_of_the_model() {
    let budget = Budget { faults: 2, lies: 1, others: 1, crashes: 2, forgeries: 0 };
    let kinds = [
        "Start",
        "Begin",
        "Again",
        "Unread",
        "Refill",
        "RefillUnread",
        "ReadBack",
        "ReadBackUnread",
        "Confirm",
        "ConfirmUnread",
        "LieDone",
        "CarryOut",
        "Reject",
        "Receive",
        "Lie",
        "LieGone",
        "LieRefused",
        "Lose",
        "GiveUp",
        "Vanish",
        "Settle",
        "SettleUnread",
        "Finish",
        "Crash",
        "Other",
    ];
    assert_program_is_like_model(40, |plan| real(plan, &[0], budget), &kinds);
}

#[test]
fn two_processes_and_a_forger_take_the_steps_of_the_model() {
    let budget = Budget { faults: 1, others: 1, crashes: 1, forgeries: 1, ..CALM };
    let kinds = ["Start", "CarryOut", "Lose", "Settle", "Finish", "Crash", "Other", "Forge"];
    assert_program_is_like_model(15, |plan| real(plan, &[0, 1], budget), &kinds);
    assert_program_is_like_model(10, |plan| real(plan, &[0, 0], budget), &kinds);
}

/// Steps that random paths seldom take.
#[test]
fn the_program_looks_again_and_repeats_nothing_under_another_manager() {
    let one_lie = real(MOVE, &[0], Budget { lies: 1, ..CALM });
    follow_steps(one_lie, &[Step::Start(0), Step::Begin(0, 0), Step::LieRefused(0), Step::Again(0, 0)]);
    let done = [Step::Start(0), Step::Begin(0, 0), Step::CarryOut(0), Step::Receive(0), Step::ReadBack(0, 0)];
    let in_doubt = Budget { faults: 2, others: 1, ..CALM };
    // A create whose manager is made by the plan, and one whose manager was there before.
    for plan in [HIRE, REPLACE] {
        let lost = [Step::Begin(0, 1), Step::Lose(0), Step::Other(Foreign::Renumber(1)), Step::Settle(0)];
        follow_steps(real(plan, &[0], in_doubt), &[&done[..], &lost].concat());
    }
    let lost = [Step::Start(0), Step::Begin(0, 0), Step::Lose(0), Step::Again(0, 0), Step::Lose(0)];
    let looked_at = [Step::Other(Foreign::Renumber(2)), Step::Settle(0), Step::Begin(0, 0)];
    follow_steps(real(LEAVE, &[0], in_doubt), &[&lost[..], &looked_at].concat());
}

/// A model that differs from the program is detected.
#[test]
fn a_different_model_is_detected() {
    let one_lie = Budget { lies: 1, ..CALM };
    let one_fault = Budget { faults: 1, ..CALM };
    for (plan, mutations, budget) in [
        (MOVE, &[Mutation::SkipsRefill] as &[_], CALM),
        (MOVE, &[Mutation::BelievesRefusals], one_fault),
        (HIRE, &[Mutation::BelievesIds], one_lie),
        (LEAVE, &[Mutation::BelievesGone], one_lie),
        (LEAVE, &[Mutation::RepeatsBlindly], one_fault),
        (HIRE, &[Mutation::ForgetsDoubts], Budget { crashes: 1, ..CALM }),
    ] {
        let paths = (0..12).map(|seed| (World { mutations, ..real(plan, &[0], budget) }, seed));
        let results = follow_paths(paths, Duration::from_secs(3));
        assert!(results.iter().any(Result::is_err), "{}: {mutations:?}", plan.name);
    }
}
