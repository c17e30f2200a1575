//! Applies under everything that can go wrong, drawn from a seed: faults of the server, users who change meanwhile, and
//! the end of the process at any point; then the same apply again until there is nothing more to do.
//!
//! `SKOVIK_CHAOS_SEED=N` replays the run with that seed, `SKOVIK_CHAOS_RUNS=N` makes so many runs.

mod budgets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use skovik_sync::apply::journal::Record;
use skovik_sync::plan::{Action, Operation, Plan};
use skovik_sync::sandbox::Options;
use skovik_sync::sandbox::{BranchMove, Identifiers, ManagerDelete, Paging, PatchMode, PutMode, ScimModes};

use crate::company::{Company, drawn};
use crate::harness::{Output, Request};
use crate::world::{Door, Pace, World, room, rules_of, signal};

/// How many runs there are by default.
const RUNS: u64 = 100;
/// The same by SCIM.
const SCIM_RUNS: u64 = 16;
/// How many applies a run may need.
const APPLIES: usize = 40;
/// Marks a rule at which the process is ended.
const KILL: &str = "slow=30s";

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_the_same_apply_converges() {
    converge(Door::Json, RUNS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_converges_by_scim_too() {
    converge(Door::Scim, SCIM_RUNS).await;
}

async fn converge(door: Door, runs: u64) {
    let seeds: Vec<u64> = match from_environment("SKOVIK_CHAOS_SEED") {
        Some(seed) => vec![seed],
        None => (0..from_environment("SKOVIK_CHAOS_RUNS").unwrap_or(runs)).collect(),
    };
    let mut runs = tokio::task::JoinSet::new();
    for seed in seeds {
        runs.spawn(async move {
            let _room = room().await;
            (seed, tokio::spawn(run(door, seed)).await)
        });
    }
    let mut failed = Vec::new();
    while let Some(ended) = runs.join_next().await {
        let (seed, ended) = ended.expect("a run");
        if ended.is_err() {
            failed.push(seed);
        }
    }
    failed.sort_unstable();
    assert!(failed.is_empty(), "replay one with SKOVIK_CHAOS_SEED=N: {failed:?}");
}

/// What a run is made of.
struct Drawn {
    company: Company,
    pace: Pace,
    options: Options,
    rules: Vec<String>,
    /// The people whom another client changes meanwhile, by identifier.
    changed: BTreeSet<String>,
}

fn draw(door: Door, seed: u64) -> Drawn {
    let mut rng = fastrand::Rng::with_seed(seed);
    let company = match seed % 25 {
        _ if door == Door::Scim => drawn(&mut rng),
        0 => Company::group(),
        5 | 15 => Company::small(),
        _ => drawn(&mut rng),
    };
    let pace = Pace { max_in_flight: rng.usize(1..9), retries: rng.u32(0..3), timeout_ms: 400 };
    let (mut rules, mut changed) = (Vec::new(), BTreeSet::new());
    for _ in 0..rng.usize(0..4) {
        let what = if rng.bool() { KILL.to_owned() } else { format!("status=503 {KILL}") };
        rules.push(format!("* * nth={} {what}", rng.u32(1..60)));
    }
    for _ in 0..rng.usize(0..6) {
        rules.push(fault(door, &mut rng));
    }
    if rng.u8(0..4) == 0 {
        for _ in 0..rng.usize(1..4) {
            let who = (1000 + rng.usize(1..20)).to_string();
            let field = *rng
                .choice(&["first_name", "primary_email", "manager", "branch", "roles", "custom_fields.cf_cost"])
                .expect("one");
            rules.push(format!("{} nth={} change={field} user={who}", target(door, &mut rng), rng.u32(1..20)));
            changed.insert(who);
        }
    }
    let options = Options {
        put: *rng.choice(&[PutMode::Replace, PutMode::Merge]).expect("one"),
        branch_move: *rng.choice(&[BranchMove::Empties, BranchMove::Keeps]).expect("one"),
        manager_delete: *rng.choice(&[ManagerDelete::Nulls, ManagerDelete::Refuses]).expect("one"),
        identifiers: if rng.u8(0..4) == 0 { Identifiers::Reserved } else { Identifiers::Released },
        paging: *rng.choice(&[Paging::Page, Paging::Cursor, Paging::Count]).expect("one"),
        page_cap: std::num::NonZeroUsize::new(rng.usize(5..100)).expect("above zero"),
        faults: rules_of(&rules.iter().map(String::as_str).collect::<Vec<_>>()),
        fault_seed: seed,
        scim: scim_modes(&mut rng),
        ..Options::default()
    };
    Drawn { company, pace, options, rules, changed }
}

fn scim_modes(rng: &mut fastrand::Rng) -> ScimModes {
    ScimModes {
        patch: *rng.choice(&[PatchMode::Answers, PatchMode::Silent, PatchMode::Unsupported]).expect("one"),
        etags: rng.bool(),
        sort: rng.bool(),
        ..ScimModes::default()
    }
}

fn target(door: Door, rng: &mut fastrand::Rng) -> &'static str {
    let targets = match door {
        Door::Json => ["POST /users", "PUT /users/*", "DELETE /users/*", "GET /users/*", "* /users/*", "* *"],
        Door::Scim => ["POST /Users", "* /Users/*", "DELETE /Users/*", "GET /Users/*", "GET /Users", "* *"],
    };
    rng.choice(targets).expect("one")
}

/// A fault that strikes a few times and then no more.
fn fault(door: Door, rng: &mut fastrand::Rng) -> String {
    let which = match rng.u8(0..3) {
        0 => format!("nth={}", rng.u32(1..20)),
        1 => format!("every={} times={}", rng.u32(1..5), rng.u32(1..4)),
        _ => format!("chance=0.{} times={}", rng.u32(1..10), rng.u32(1..7)),
    };
    let what = match rng.u8(0..12) {
        0 => "status=500".to_owned(),
        1 => "status=503 retry-after=0 body=html".to_owned(),
        2 => "status=429 retry-after=0".to_owned(),
        3 => "status=504 executed body=html".to_owned(),
        4 => "status=502 body=empty".to_owned(),
        5 => "reset=before".to_owned(),
        6 | 7 => "reset=after".to_owned(),
        8 => "cut".to_owned(),
        9 => "slow=1s".to_owned(),
        10 => "slow=1s status=500 executed".to_owned(),
        _ => "status=401".to_owned(),
    };
    format!("{} {which} {what}", target(door, rng))
}

async fn run(door: Door, seed: u64) {
    let Drawn { company, pace, options, rules, changed } = draw(door, seed);
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let world = World::at(door, &company, pace, options).await;
    let mut story = vec![format!("{door:?}, seed {seed}, {pace:?}, {rules:#?}")];
    let plan = world.approved_plan().await;
    let before = world.users();
    let mut last: Option<(BTreeMap<u64, String>, usize)> = None;
    let mut ending = None;
    for _ in 0..APPLIES {
        let ended = apply(&world, &mut rng, &mut story).await;
        intents_precede_writes(&plan, &world, &before).unwrap_or_else(|problem| fail(&story, &problem));
        match ended {
            Some(Output { code: Some(0), .. }) => {
                ending = Some((0, BTreeMap::new()));
                break;
            }
            Some(Output { code: Some(9), .. }) => {
                let now = (world.outcomes(), struck(&world));
                if last.as_ref() == Some(&now) {
                    ending = Some((9, now.0));
                    break;
                }
                last = Some(now);
            }
            Some(Output { code: Some(7), .. }) => {
                if world.writes().iter().any(Request::was_done) {
                    fail(&story, "stale after the first write");
                }
                ending = Some((7, BTreeMap::new()));
                break;
            }
            Some(Output { code: Some(4 | 130), .. }) | None => {}
            Some(ended) => fail(&story, &format!("it ended with {ended:?}")),
        }
    }
    let Some((code, outcomes)) = ending else { fail(&story, "it did not converge") };
    let check = Check { plan: &plan, world: &world, before: &before, changed: &changed, outcomes: &outcomes };
    let checked = match code {
        7 => Ok(()),
        _ => check.all().await,
    };
    checked.unwrap_or_else(|problem| fail(&story, &problem));
}

fn struck(world: &World) -> usize {
    world.requests().iter().filter(|request| request.fault.is_some()).count()
}

fn fail(story: &[String], problem: &str) -> ! {
    panic!("{problem}\n{}", story.join("\n"))
}

/// One apply, which a rule may end with a signal; `None` if that was SIGKILL.
async fn apply(world: &World, rng: &mut fastrand::Rng, story: &mut Vec<String>) -> Option<Output> {
    let kills = || {
        let is_kill = |request: &&Request| request.fault.as_ref().is_some_and(|fault| fault.contains(KILL));
        world.requests().iter().filter(is_kill).count()
    };
    let before = kills();
    let mut child = world.spawn_apply();
    loop {
        if child.try_wait().expect("waited").is_some() {
            let ended: Output = child.wait_with_output().await.expect("it ends").into();
            story.push(format!("ended with {:?}\n{}{}", ended.code, ended.stdout, ended.stderr));
            return Some(ended);
        }
        if kills() > before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    match rng.u8(0..6) {
        0 => {
            signal(&child, "-INT").await;
            story.push("interrupted".to_owned());
        }
        1 => {
            signal(&child, "-TERM").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            signal(&child, "-INT").await;
            story.push("interrupted twice".to_owned());
        }
        _ => {
            tokio::time::sleep(Duration::from_millis(rng.u64(0..4))).await;
            let _ = child.kill().await;
            story.push("killed".to_owned());
            tear(world, rng, story);
            return None;
        }
    }
    let ended: Output = child.wait_with_output().await.expect("it ends").into();
    story.push(format!("ended with {:?}\n{}{}", ended.code, ended.stdout, ended.stderr));
    // Before it listens for signals, they end it.
    Some(Output { code: ended.code.or(Some(130)), ..ended })
}

/// Sometimes the crash leaves half a line behind.
fn tear(world: &World, rng: &mut fastrand::Rng, story: &mut Vec<String>) {
    use std::io::Write as _;
    if rng.u8(0..3) == 0
        && let Ok(mut file) = std::fs::File::options().append(true).open(world.journal_path())
    {
        let half: &[u8] = if rng.bool() { b"{\"intent\":{\"at\":\"2026-0" } else { &[0; 64] };
        file.write_all(half).expect("written");
        story.push("the last line is torn".to_owned());
    }
}

/// Every write that reached the server is in the journal.
fn intents_precede_writes(plan: &Plan, world: &World, before: &BTreeMap<String, Value>) -> Result<(), String> {
    let records = world.journal();
    let (mut announced, mut made) = (BTreeSet::new(), BTreeMap::new());
    for record in &records {
        match record {
            Record::Intent { operation, .. } => drop(announced.insert(*operation)),
            Record::Done { operation, user_id: Some(user_id), .. } => {
                drop(made.insert(*operation, user_id.to_string()))
            }
            _ => {}
        }
    }
    let user_of = |operation: &Operation| match &operation.action {
        Action::Update { user_id, .. } | Action::Delete { user_id, .. } => Some(user_id.to_string()),
        Action::Link { create, .. } => made.get(create).cloned(),
        Action::Create { .. } => None,
    };
    let operations = || plan.content().operations.iter().filter(|operation| announced.contains(&operation.id));
    let users: BTreeSet<String> = operations().filter_map(user_of).collect();
    for request in world.writes() {
        let user = request.path.rsplit('/').next().unwrap_or_default();
        if request.method != "POST" && !users.contains(user) {
            return Err(format!("{} {} without an intent", request.method, request.path));
        }
    }
    let creates: BTreeSet<&str> = operations()
        .filter_map(|operation| match &operation.action {
            Action::Create { after } => Some(after.external_identifier.as_ref()?.as_str()),
            _ => None,
        })
        .collect();
    for (id, user) in world.users() {
        let identifier = user["attributes"]["external_identifier"].as_str().unwrap_or_default();
        if !before.contains_key(&id) && !creates.contains(identifier) {
            return Err(format!("the user {identifier} was made without an intent"));
        }
    }
    Ok(())
}

/// What must hold in the end.
struct Check<'a> {
    plan: &'a Plan,
    world: &'a World,
    before: &'a BTreeMap<String, Value>,
    changed: &'a BTreeSet<String>,
    outcomes: &'a BTreeMap<u64, String>,
}

impl Check<'_> {
    async fn all(&self) -> Result<(), String> {
        self.nobody_twice()?;
        self.nobody_lost()?;
        self.nothing_else_changed()?;
        self.nothing_left().await
    }

    fn is_changed(&self, user: &Value) -> bool {
        let identifier = user["attributes"]["external_identifier"].as_str();
        identifier.is_none_or(|identifier| self.changed.contains(identifier))
    }

    /// The server refuses to create a person twice; the program must not even try.
    fn nobody_twice(&self) -> Result<(), String> {
        let is_twice = |request: &&Request| request.method == "POST" && matches!(request.status, Some(409 | 422));
        if !self.changed.is_empty() {
            return Ok(());
        }
        match self.world.requests().iter().find(is_twice) {
            Some(request) => Err(format!("a POST was refused, since it was made before: {request:?}")),
            None => Ok(()),
        }
    }

    /// Only the users whom the plan deletes are gone, and nobody lost a manager with them.
    fn nobody_lost(&self) -> Result<(), String> {
        let after = self.world.users();
        let removed =
            |id: &str| {
                self.plan.content().operations.iter().any(
                    |operation| matches!(&operation.action, Action::Delete { user_id, .. } if user_id.as_str() == id),
                )
            };
        match self.before.keys().find(|id| !after.contains_key(*id) && !removed(id)) {
            Some(id) => Err(format!("the user {id} is gone, whom the plan does not remove")),
            None => Ok(()),
        }
    }

    /// Fields that the tool does not manage are unchanged; users whom the plan does not name are unchanged completely.
    fn nothing_else_changed(&self) -> Result<(), String> {
        let named: BTreeSet<&str> = self
            .plan
            .content()
            .operations
            .iter()
            .filter_map(|operation| match &operation.action {
                Action::Update { user_id, .. } | Action::Delete { user_id, .. } => Some(user_id.as_str()),
                _ => None,
            })
            .collect();
        for (id, now) in self.world.users() {
            let Some(then) = self.before.get(&id) else { continue };
            let expected = if named.contains(id.as_str()) { unmanaged(then) } else { then.clone() };
            let found = if named.contains(id.as_str()) { unmanaged(&now) } else { now.clone() };
            if expected != found && !self.is_changed(then) && !self.is_changed(&now) {
                return Err(format!("the user {id} was\n{expected:#}\nand is\n{found:#}"));
            }
        }
        Ok(())
    }

    /// A new plan has only operations that were reported as left, or that another client's changes need.
    async fn nothing_left(&self) -> Result<(), String> {
        let fresh = self.world.plan("fresh.json").await;
        let left: BTreeSet<&str> = self
            .plan
            .content()
            .operations
            .iter()
            .filter(|operation| {
                let outcome = self.outcomes.get(&u64::from(operation.id.0)).map(String::as_str);
                !matches!(outcome, None | Some("done" | "done_before"))
            })
            .filter_map(|operation| operation.employee.as_ref().map(|employee| employee.as_str()))
            .collect();
        let surprise = fresh.content().operations.iter().find(|operation| {
            let employee = operation.employee.as_ref().map_or("", |employee| employee.as_str());
            !left.contains(employee) && !self.changed.contains(employee)
        });
        match surprise {
            Some(operation) => Err(format!("a fresh plan still has {operation:#?}")),
            None => Ok(()),
        }
    }
}

/// A user without the fields that the plan manages.
fn unmanaged(user: &Value) -> Value {
    let mut user = user.clone();
    user.as_object_mut().expect("an object").remove("relationships");
    let attributes = user["attributes"].as_object_mut().expect("attributes");
    for name in ["primary_email", "external_identifier", "first_name", "last_name"] {
        attributes.remove(name);
    }
    if let Some(fields) = attributes["custom_fields"].as_object_mut() {
        for managed in ["cf_cost", "cf_cost_center", "cf_employee_id", "cf_company_car"] {
            fields.remove(managed);
        }
    }
    user
}
