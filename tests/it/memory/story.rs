//! A company drawn from a seed, its plan, and one process that applies it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use skovik_sync::apply::engine::{self, Options, Stop};
use skovik_sync::apply::journal::{BegunBy, Head, Journal, Replay};
use skovik_sync::apply::operation::Worker;
use skovik_sync::apply::precheck::{self, Live};
use skovik_sync::apply::undo::{self, History};
use skovik_sync::apply::{Ended, Observer, Report};
use skovik_sync::diff::{Policy, Protect, Remove, Renumber};
use skovik_sync::employee::{CustomValue, Desired, DesiredManager, Directory, Employee, Managed, Origin, User, UserId};
use skovik_sync::guard::{self, Limits};
use skovik_sync::plan::{Digest, Input, Operation, Plan};
use skovik_sync::provider::{Provider, StoredUser, fingerprint};
use skovik_sync::state::State;
use tempfile::TempDir;
use tokio::sync::watch;

use super::dialect::Plain;
use super::provider::{Faults, Memory};
use super::service::{Manners, Person, Service, UNITS};

const COSTS: [&str; 3] = ["4100", "4200", "4300"];

/// One line of the company's list.
#[derive(Debug, Clone)]
pub(super) struct Row {
    number: String,
    login: String,
    given: String,
    family: String,
    unit: &'static str,
    boss: Option<String>,
    cost: &'static str,
}

/// What the service holds, and what the list says.
#[derive(Debug, Clone)]
pub(super) struct Company {
    pub(super) people: Vec<Person>,
    pub(super) rows: Vec<Row>,
}

fn row(number: usize, boss: Option<usize>) -> Row {
    Row {
        number: (1000 + number).to_string(),
        login: format!("p{number}@example.com"),
        given: format!("Given{number}"),
        family: format!("Family{number}"),
        unit: UNITS[0],
        boss: boss.map(|boss| (1000 + boss).to_string()),
        cost: COSTS[0],
    }
}

/// The person that a row describes, with additional fields that no plan manages.
fn person(at: usize, row: &Row, boss: Option<usize>) -> Person {
    let Row { number, login, given, family, unit, boss: _, cost } = row;
    let person = json!({
        "id": format!("p{at:06}"), "login": login, "number": number, "given": given, "family": family, "unit": unit,
        "boss": boss.map(|boss| format!("p{boss:06}")), "duties": [], "nickname": format!("nick {at}"),
        "extra": {"cost": cost, "note": format!("note {at}"), "car": at.is_multiple_of(2)},
    });
    person.as_object().expect("an object").clone()
}

impl Company {
    /// Leavers, newcomers, moves, new names, new managers, circles of new managers, e-mails that are handed on.
    pub(super) fn draw(rng: &mut fastrand::Rng) -> Self {
        let count = rng.usize(6..24);
        let boss: Vec<Option<usize>> = (0..count).map(|at| (at > 0).then(|| rng.usize(0..at))).collect();
        let mut before: Vec<Row> = (0..count).map(|at| row(at, boss[at])).collect();
        for row in &mut before {
            row.unit = UNITS[rng.usize(0..UNITS.len())];
            row.cost = COSTS[rng.usize(0..COSTS.len())];
        }
        let mut people: Vec<Person> = before.iter().enumerate().map(|(at, row)| person(at, row, boss[at])).collect();
        let mut admin = person(900, &row(900, None), None);
        admin.extend([("duties".to_owned(), json!(["admin"])), ("number".to_owned(), Value::Null)]);
        people.push(admin);
        let leavers: BTreeSet<usize> = (0..count / 4).map(|_| rng.usize(1..count)).collect();
        let stayers: Vec<usize> = (0..count).filter(|at| !leavers.contains(at)).collect();
        let mut rows = Vec::new();
        let mut free_logins = Vec::new();
        for &at in &stayers {
            let mut row = before[at].clone();
            if boss[at].is_some_and(|boss| leavers.contains(&boss)) || rng.u8(0..12) == 0 {
                let above: Vec<usize> = stayers.iter().copied().filter(|&other| other < at).collect();
                row.boss = rng.choice(above).map(|boss| (1000 + boss).to_string());
            }
            match rng.u8(0..12) {
                0 => row.family.push_str("-New"),
                1 => row.unit = UNITS[rng.usize(0..UNITS.len())],
                2 => row.cost = COSTS[rng.usize(0..COSTS.len())],
                3 => free_logins.push(std::mem::replace(&mut row.login, format!("p{at}.new@example.com"))),
                4 => drop(people[at].insert("number".to_owned(), Value::Null)),
                _ => {}
            }
            rows.push(row);
        }
        let newcomers = rng.usize(0..7);
        for new in 0..newcomers {
            let boss = match rng.u8(0..4) {
                // Perhaps one another, in a circle.
                0 if newcomers > 1 => Some(100 + (new + 1) % newcomers),
                1 if new > 0 => Some(100 + rng.usize(0..new)),
                2 => None,
                _ => rng.choice(stayers.iter().copied()),
            };
            let mut row = row(100 + new, boss);
            row.unit = UNITS[rng.usize(0..UNITS.len())];
            if rng.bool()
                && let Some(login) = free_logins.pop()
            {
                row.login = login;
            }
            rows.push(row);
        }
        rng.shuffle(&mut rows);
        Self { people, rows }
    }

    /// The same without what an undo leaves as it is: an identifier that was taken on, newcomers who report to newcomers.
    pub(super) fn that_can_be_taken_back(mut self) -> Self {
        for (at, person) in self.people.iter_mut().enumerate().filter(|(_, person)| person["duties"] == json!([])) {
            person.insert("number".to_owned(), json!((1000 + at).to_string()));
        }
        let newcomers: BTreeSet<String> = (100..200).map(|new| (1000 + new).to_string()).collect();
        for row in self.rows.iter_mut().filter(|row| newcomers.contains(&row.number)) {
            row.boss = row.boss.take().filter(|boss| !newcomers.contains(boss));
        }
        self
    }

    pub(super) fn service(&self, manners: Manners) -> Arc<Mutex<Service>> {
        Arc::new(Mutex::new(Service::new(self.people.clone(), manners)))
    }

    /// The plan that brings the service in line with the list.
    pub(super) async fn plan(&self, service: &Arc<Mutex<Service>>) -> Plan {
        let memory = Memory::new(Arc::clone(service), Faults::none(), 0);
        let (directory, _) = directory(&memory).await.expect("nothing goes wrong");
        let policy = policy();
        let input = Input {
            desired: &desired(&self.rows),
            directory: &directory,
            policy: &policy,
            limits: &Limits::default(),
            memory: &guard::RecentPast::none(),
            joins: &[],
            managers_must_resolve: false,
            records_must_be_valid: false,
            only: &BTreeSet::new(),
            kind: "plain",
            url: "https://plain.example",
            removal: Default::default(),
            fingerprint: fingerprint(&directory, &policy.managed),
            sources: Vec::new(),
            config_hash: Digest::of(b""),
            as_of: None,
        };
        Plan::make(input).expect("a plan")
    }
}

fn desired(rows: &[Row]) -> Desired {
    let employee = |(at, row): (u64, &Row)| Employee {
        identifier: row.number.as_str().into(),
        email: row.login.as_str().into(),
        first_name: row.given.as_str().into(),
        last_name: row.family.as_str().into(),
        branch: Some(row.unit.into()),
        manager: row.boss.as_deref().map_or(DesiredManager::Nobody, |boss| DesiredManager::Employee(boss.into())),
        custom_fields: [Some(CustomValue::Text(row.cost.into()))].into(),
        origin: Origin { source: "list".into(), row: at },
    };
    Desired { employees: (1..).zip(rows).map(employee).collect(), in_scope: rows.len() as u64, ..Desired::default() }
}

pub(super) fn managed() -> Managed {
    Managed { branch: true, manager: true, custom_fields: vec!["cost".into()] }
}

fn policy() -> Policy {
    Policy {
        managed: managed(),
        adopt: true,
        renumber: Renumber::Ask,
        same_person: BTreeSet::new(),
        remove: Remove::Identified,
        reactivate: false,
        leavers_keep_emails: false,
        protect: Protect::new(&["role:admin"]),
        branches: None,
        absences: None,
    }
}

/// The account, and its users as they came.
async fn directory(memory: &Memory) -> Result<(Directory, HashMap<UserId, StoredUser>), String> {
    let shape = memory.shape().await.map_err(|error| error.to_string())?;
    let mut listed = HashMap::new();
    let mut keep = |user: &User, row: &RawValue| {
        listed.insert(user.id.clone(), StoredUser::new(row)?);
        Ok(())
    };
    let users = memory.users(&managed(), &mut keep, &|_, _| ()).await.map_err(|error| error.to_string())?;
    Ok((shape.with_users(users), listed))
}

/// How a process that applies a plan ended.
#[derive(Debug)]
pub(super) enum Process {
    /// The journal says that all is done.
    WasFinished,
    /// Nothing was written, and nothing may be.
    Stale,
    /// A list could not be read; nothing was begun.
    Unread,
    /// Killed.
    Crashed,
    /// It came to its end.
    Ended(Report),
}

struct Nobody;

impl Observer for Nobody {
    fn started(&mut self, _: &Operation, _: u32) {}
    fn ended(&mut self, _: Ended<'_>) {}
    fn settling(&mut self, _: usize, _: Duration) {}
    fn confirming(&mut self, _: usize) {}
}

/// A folder for the state, in memory if possible: losing power does not matter here.
pub(super) fn state_folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

pub(super) fn state(folder: &Path) -> State {
    State::open(folder, None).expect("a state folder")
}

pub(super) fn replay(folder: &Path, plan: &Plan) -> Replay {
    let state = state(folder);
    Replay::read(&state.journal(plan.hash()), state.key(), plan).expect("its own journal")
}

/// What `apply` does once the plan is approved.
pub(super) async fn apply(plan: &Plan, memory: &Memory, folder: &Path, max_in_flight: usize) -> Process {
    tokio::select! {
        ended = apply_to_the_end(plan, memory, folder, max_in_flight) => ended,
        () = memory.crashed() => Process::Crashed,
    }
}

async fn apply_to_the_end(plan: &Plan, memory: &Memory, folder: &Path, max_in_flight: usize) -> Process {
    let (state, replay) = (state(folder), replay(folder, plan));
    if replay.finished.is_some() {
        return Process::WasFinished;
    }
    let Ok((directory, listed)) = directory(memory).await else { return Process::Unread };
    let policy = policy();
    let live = Live {
        directory: &directory,
        managed: &policy.managed,
        protect: &policy.protect,
        branches: None,
        takes_back: plan.content().undone().is_some(),
        reactivates: false,
    };
    if precheck::account(plan, &replay, live).is_err() {
        return Process::Stale;
    }
    let standing = precheck::standing(plan, &replay, live).expect("a list without contradictions");
    if !standing.conflicts.is_empty() && !replay.has_written() {
        return Process::Stale;
    }
    let head = Head::new(BegunBy::Apply, &plan.content().target.url, Timestamp::UNIX_EPOCH);
    let journal = Journal::open(&state, &replay, plan.hash(), head).await;
    let journal = journal.expect("it can be written");
    let worker = Worker {
        provider: memory,
        managed: &policy.managed,
        protect: &policy.protect,
        branches: policy.branches.as_ref(),
        takes_back: false,
        listed: &listed,
        admins: &standing.admins,
        journal: &journal,
        now: &|| Timestamp::UNIX_EPOCH,
    };
    let (_never, stop) = watch::channel(Stop::No);
    // What this service has not done by the time that it is asked again, it never does.
    let options = Options { max_in_flight, operations_per_request: 2, settle_after: Duration::ZERO, stop };
    Process::Ended(engine::run(plan, &replay, &standing, &worker, options, &mut Nobody).await)
}

/// The plan that takes an applied one back.
pub(super) fn undo(plan: &Plan, folder: &Path) -> Plan {
    let history = History::read(&state(folder), plan).expect("its own journal").expect("it was applied");
    let Policy { managed, protect, .. } = policy();
    let (managed, protect, limits) = (&managed, &protect, &Limits::default());
    undo::make(&undo::Input { plan, history: &history, managed, dialect: &Plain, protect, limits }).expect("an undo")
}

pub(super) fn people(service: &Arc<Mutex<Service>>) -> BTreeMap<String, Person> {
    service.lock().expect("nobody panicked with it").people.clone()
}
