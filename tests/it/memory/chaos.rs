//! Applies under everything that can go wrong on the way, until nothing is left to do.
//!
//! `SKOVIK_CHAOS_SEED=N` replays the run with that seed, `SKOVIK_CHAOS_RUNS=N` makes so many runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use skovik_sync::apply::journal::{Record, read_lines};
use skovik_sync::apply::{Outcome, Report};
use skovik_sync::plan::{Action, Plan};

use super::provider::{Fault, Faults, Memory, Write};
use super::service::{Manners, Person, Service};
use super::story::{Company, Process, apply, people, state, state_folder};

/// How many runs there are by default.
const RUNS: u64 = 200;
/// What goes wrong.
const KINDS: [Fault; 6] =
    [Fault::Refused, Fault::LostBefore, Fault::LostAfter, Fault::LostAfter, Fault::CrashBefore, Fault::CrashAfter];
/// How many processes a run may need.
const PROCESSES: usize = 60;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[tokio::test]
async fn whatever_happens_the_same_apply_converges() {
    let seeds: Vec<u64> = match from_environment("SKOVIK_CHAOS_SEED") {
        Some(seed) => vec![seed],
        None => (0..from_environment("SKOVIK_CHAOS_RUNS").unwrap_or(RUNS)).collect(),
    };
    let (mut complete, mut crashes, mut struck) = (0, 0, 0);
    for seed in seeds.iter().copied() {
        let told = run(seed, &KINDS).await.unwrap_or_else(|problem| panic!("SKOVIK_CHAOS_SEED={seed}: {problem}"));
        complete += u64::from(told.is_complete);
        crashes += told.crashes;
        struck += told.struck;
    }
    if seeds.len() as u64 >= RUNS {
        // The runs are about what goes wrong, and about coming to the end all the same.
        assert!(complete > RUNS / 3 && crashes > RUNS / 3 && struck > RUNS, "{complete} {crashes} {struck}");
    }
}

/// Answers to creates have the ids of other users, also of new ones: in the end each create is matched with its own
/// user.
#[tokio::test]
async fn whoever_an_answer_names_the_same_apply_converges() {
    let (mut complete, mut struck) = (0, 0);
    for seed in 0..RUNS {
        let kinds = [Fault::Misnamed, Fault::Misnamed, Fault::LostAfter, Fault::CrashAfter];
        let told = run(seed, &kinds).await.unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        complete += u64::from(told.is_complete);
        struck += told.struck;
    }
    assert!(complete > RUNS / 3 && struck > RUNS, "{complete} {struck}");
}

/// What a run was like.
struct Told {
    is_complete: bool,
    crashes: u64,
    struck: u64,
}

/// What must hold at the end, and what that is judged by.
struct Run<'a> {
    plan: &'a Plan,
    before: &'a BTreeMap<String, Person>,
    after: BTreeMap<String, Person>,
    writes: Vec<Write>,
    overtaken: BTreeSet<String>,
    folder: &'a Path,
}

async fn run(seed: u64, kinds: &[Fault]) -> Result<Told, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let company = Company::draw(&mut rng);
    let manners = Manners { a_move_empties_extra: rng.bool(), keeps_bosses: rng.bool() };
    let service = company.service(manners);
    let plan = company.plan(&service).await;
    let before = people(&service);
    let folder = state_folder();
    let mut kinds = kinds.to_vec();
    if rng.u8(0..4) == 0 {
        kinds.push(Fault::Overtaken);
    }
    let faults = rng.u32(0..12);
    let (in_flight, retries) = (rng.usize(1..9), rng.u32(0..3));
    let mut faults = Faults { rng: rng.fork(), left: faults, one_in: rng.u32(2..12), kinds };
    let drawn = faults.left;
    let (mut writes, mut overtaken, mut crashes) = (Vec::new(), BTreeSet::new(), 0);
    let mut last: Option<Report> = None;
    let mut is_stale = false;
    for process in 0.. {
        if process == PROCESSES {
            return Err(format!("it does not converge: {last:#?}"));
        }
        let is_calm = faults.left == 0;
        let memory = Memory::new(Arc::clone(&service), faults, retries);
        let ended = apply(&plan, &memory, folder.path(), in_flight).await;
        writes.append(&mut memory.writes.lock().expect("nobody panicked with it"));
        overtaken.extend(memory.overtaken.lock().expect("nobody panicked with it").drain(..));
        faults = memory.into_faults();
        match ended {
            Process::Crashed => crashes += 1,
            Process::Unread => {}
            Process::WasFinished => break,
            Process::Stale => {
                is_stale = true;
                break;
            }
            Process::Ended(report) => {
                let is_last = report.is_complete() || (is_calm && is_as(last.as_ref(), &report));
                last = Some(report);
                if is_last {
                    break;
                }
            }
        }
    }
    let run = Run { plan: &plan, before: &before, after: people(&service), writes, overtaken, folder: folder.path() };
    run.nothing_without_an_intent()?;
    if is_stale {
        return match (run.writes.is_empty(), run.overtaken.is_empty()) {
            (true, false) => Ok(Told { is_complete: false, crashes, struck: u64::from(drawn - faults.left) }),
            _ => Err("stale, though it wrote, or though nobody else did".to_owned()),
        };
    }
    run.nobody_twice()?;
    run.nobody_lost()?;
    run.nothing_else_changed()?;
    let is_complete = last.as_ref().is_none_or(Report::is_complete);
    if run.overtaken.is_empty() {
        let in_doubt =
            |report: &Report| report.outcomes.iter().any(|outcome| matches!(outcome, Outcome::InDoubt { .. }));
        let may_be_left = refusals(manners, last.as_ref()) > 0 && !last.as_ref().is_some_and(in_doubt);
        if !is_complete && !may_be_left {
            return Err(format!("it is not complete: {last:#?}"));
        }
        run.nothing_left(&company, &service, last.as_ref()).await?;
    }
    Ok(Told { is_complete, crashes, struck: u64::from(drawn - faults.left) })
}

/// Whether two processes ended alike.
fn is_as(before: Option<&Report>, now: &Report) -> bool {
    let names = |report: &Report| report.outcomes.iter().map(Outcome::name).collect::<Vec<_>>();
    before.is_some_and(|before| names(before) == names(now))
}

/// What this service may refuse for good: the removal of somebody who is a boss still.
fn refusals(manners: Manners, report: Option<&Report>) -> usize {
    let is_refused = |outcome: &&Outcome| matches!(outcome, Outcome::Failed { .. });
    let count = report.map_or(0, |report| report.outcomes.iter().filter(is_refused).count());
    if manners.keeps_bosses { count } else { 0 }
}

impl Run<'_> {
    fn removed(&self) -> BTreeSet<&str> {
        let operations = &self.plan.content().operations;
        operations
            .iter()
            .filter_map(|operation| match &operation.action {
                Action::Delete { user_id, .. } => Some(user_id.as_str()),
                _ => None,
            })
            .collect()
    }

    fn named(&self) -> BTreeSet<&str> {
        self.plan.content().operations.iter().filter_map(|operation| Some(operation.user_id()?.as_str())).collect()
    }

    /// Each write is of a user whom the plan names or made, and its intent is in the journal.
    fn nothing_without_an_intent(&self) -> Result<(), String> {
        let state = state(self.folder);
        let (mut announced, mut made) = (BTreeSet::new(), BTreeSet::new());
        let note = |_, record| {
            match record {
                Record::Intent { operation, .. } => drop(announced.insert(operation)),
                Record::Done { user_id: Some(id), .. } => drop(made.insert(id.to_string())),
                _ => {}
            }
            Ok(())
        };
        read_lines(&state.journal(self.plan.hash()), state.key(), self.plan.hash(), note)
            .map_err(|error| error.to_string())?;
        let users: BTreeSet<&str> = self
            .plan
            .content()
            .operations
            .iter()
            .filter(|operation| announced.contains(&operation.id))
            .filter_map(|operation| Some(operation.user_id()?.as_str()))
            .collect();
        for write in &self.writes {
            if let Some(id) = &write.id
                && !users.contains(id.as_str())
                && !made.contains(id)
            {
                return Err(format!("{write:?} without an intent"));
            }
        }
        Ok(())
    }

    /// The service refuses to create a person twice; the program must not even try.
    fn nobody_twice(&self) -> Result<(), String> {
        match self.writes.iter().find(|write| write.what == "create" && write.outcome == "taken") {
            Some(write) if self.overtaken.is_empty() => Err(format!("made a second time: {write:?}")),
            _ => Ok(()),
        }
    }

    fn nobody_lost(&self) -> Result<(), String> {
        let removed = self.removed();
        match self.before.keys().find(|id| !self.after.contains_key(*id) && !removed.contains(id.as_str())) {
            Some(id) => Err(format!("{id} is gone, whom the plan does not remove")),
            None => Ok(()),
        }
    }

    /// Fields that are not managed are unchanged; users whom the plan does not name are unchanged completely, except
    /// for a boss who left.
    fn nothing_else_changed(&self) -> Result<(), String> {
        let named = self.named();
        for (id, before) in self.before {
            let Some(after) = self.after.get(id) else { continue };
            if self.overtaken.contains(id) {
                continue;
            }
            let of = |person: &Person| if named.contains(id.as_str()) { unmanaged(person) } else { person.clone() };
            if of(before) != of(after) {
                return Err(format!("{id} was\n{:#?}\nand is\n{:#?}", of(before), of(after)));
            }
        }
        Ok(())
    }

    /// A new plan has only operations that were reported as left.
    async fn nothing_left(
        &self,
        company: &Company,
        service: &Arc<Mutex<Service>>,
        report: Option<&Report>,
    ) -> Result<(), String> {
        let fresh = company.plan(service).await;
        let operations = &self.plan.content().operations;
        let left: BTreeSet<_> = operations
            .iter()
            .filter(|operation| {
                report.and_then(|report| report.outcome(operation.id)).is_some_and(|outcome| !outcome.is_done())
            })
            .map(|operation| &operation.employee)
            .collect();
        match fresh.content().operations.iter().find(|operation| !left.contains(&operation.employee)) {
            Some(operation) => Err(format!("a fresh plan still has {operation:#?}")),
            None => Ok(()),
        }
    }
}

fn unmanaged(person: &Person) -> Person {
    let mut person = person.clone();
    for name in ["login", "number", "given", "family", "unit", "boss"] {
        person.remove(name);
    }
    if let Some(extra) = person.get_mut("extra").and_then(Value::as_object_mut) {
        extra.remove("cost");
    }
    person
}
