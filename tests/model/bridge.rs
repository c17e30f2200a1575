//! The real engine, driven along ways through the model.
//!
//! A way is drawn by chance, step by step. Each step is carried out in the real world too: real processes run the real
//! engine over HTTP against a server that answers only when the step says so, and how. After each step the account, the
//! journals and the requests that wait for an answer must be those of the model, and after a run its outcomes.

mod adapter;
mod http;
mod reality;
mod wants;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;

use crate::checks::{CALM, world};
use crate::plan::{Action, HIRE, LEAVE, MOVE, PLANS, Plan};
use crate::steps::Step;
use crate::world::{Budget, Mutation, World};
use reality::{Reality, bare};

/// In what the program is not yet as the model says that it should be. Empty once it is.
const PROGRAM: &[Mutation] = &[];
/// How many ways are gone at once; most of the time they wait.
const AT_ONCE: usize = 24;
/// How long a way is at most.
const STEPS: usize = 60;
/// How often processes are started on a way at most.
const STARTS: usize = 5;
/// How long to wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often each kind of step was gone.
type Kinds = BTreeMap<String, u64>;

/// Goes one way.
async fn go(world: World, seed: u64, patience: Duration) -> Result<Kinds, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut reality = Reality::new(&world, patience).await;
    let (mut state, mut way, mut kinds) = (world.first(), Vec::new(), Kinds::new());
    while way.len() < STEPS {
        let starts = way.iter().filter(|step| matches!(step, Step::Start(_))).count();
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
        let step = steps[rng.usize(..steps.len())];
        let next = world.next(&state, step).ok_or("the step leads nowhere")?;
        way.push(step);
        *kinds.entry(format!("{step:?}").split('(').next().unwrap_or_default().to_owned()).or_default() += 1;
        let at = |problem: String| format!("{}, seed {seed}, {way:#?}\n{problem}", world.plan.name);
        reality.follow(&state, step, &next, &mut rng).await.map_err(at)?;
        let last = std::mem::replace(&mut state, next);
        // A create that can begin has begun in reality.
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
    Ok(kinds)
}

/// Goes ways, many at once.
fn go_all(ways: impl Iterator<Item = (World, u64)>, patience: Duration) -> Vec<Result<Kinds, String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let going = ways.map(|(world, seed)| go(world, seed, patience));
    let going = futures_util::stream::iter(going).buffer_unordered(AT_ONCE);
    tokio::task::LocalSet::new().block_on(&runtime, going.collect())
}

/// Goes so many ways for each plan, which together must have these kinds of steps.
fn agrees(ways: u64, world: impl Fn(Plan) -> World, kinds: &[&str]) {
    let ways = PLANS.iter().flat_map(|plan| (0..ways).map(|seed| (world(*plan), seed)));
    let mut counted = Kinds::new();
    for kinds in go_all(ways, PATIENCE) {
        match kinds {
            Ok(kinds) => kinds.into_iter().for_each(|(kind, count)| *counted.entry(kind).or_default() += count),
            Err(problem) => panic!("{problem}"),
        }
    }
    println!("{counted:?}");
    let missing: Vec<_> = kinds.iter().filter(|kind| !counted.contains_key(**kind)).collect();
    assert!(missing.is_empty(), "no way has {missing:?}");
}

/// The world as the real program goes through it.
fn real(plan: Plan, folders: &[usize], budget: Budget) -> World {
    World { folders: folders.to_vec(), is_eager: true, mutations: PROGRAM, ..world(plan, budget) }
}

#[test]
fn one_process_goes_the_ways_of_the_model() {
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
        "TurnAway",
        "TakeIn",
        "Lie",
        "LieGone",
        "Lose",
        "GiveUp",
        "Vanish",
        "Settle",
        "SettleUnread",
        "Finish",
        "Crash",
        "Other",
    ];
    agrees(40, |plan| real(plan, &[0], budget), &kinds);
}

#[test]
fn two_processes_and_a_forger_go_the_ways_of_the_model() {
    let budget = Budget { faults: 1, others: 1, crashes: 1, forgeries: 1, ..CALM };
    let kinds = ["Start", "CarryOut", "Lose", "Settle", "Finish", "Crash", "Other", "Forge"];
    agrees(15, |plan| real(plan, &[0, 1], budget), &kinds);
    agrees(10, |plan| real(plan, &[0, 0], budget), &kinds);
}

/// A model that is not the program's is found out.
#[test]
fn another_model_is_found_out() {
    let one_lie = Budget { lies: 1, ..CALM };
    let one_fault = Budget { faults: 1, ..CALM };
    for (plan, mutations, budget) in [
        (MOVE, &[Mutation::SkipsRefill] as &[_], CALM),
        (HIRE, &[Mutation::BelievesIds], one_lie),
        (LEAVE, &[Mutation::BelievesGone], one_lie),
        (LEAVE, &[Mutation::RepeatsBlindly], one_fault),
        (HIRE, &[Mutation::ForgetsDoubts], Budget { crashes: 1, ..CALM }),
    ] {
        let ways = (0..12).map(|seed| (World { mutations, ..real(plan, &[0], budget) }, seed));
        let found = go_all(ways, Duration::from_secs(3));
        assert!(found.iter().any(Result::is_err), "{}: {mutations:?}", plan.name);
    }
}
