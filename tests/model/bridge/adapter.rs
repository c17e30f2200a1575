//! Everything of the program that the bridge touches, in one place.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use skovik_sync::apply::engine::{self, Options, Stop};
use skovik_sync::apply::expected_state::hash_of;
use skovik_sync::apply::journal::{BegunBy, Head, Journal, Progress, Replay};
use skovik_sync::apply::lock::{self, Holder};
use skovik_sync::apply::operation::Worker;
use skovik_sync::apply::precheck::{self, Live};
use skovik_sync::apply::{self, Ended, Observer, Report};
use skovik_sync::config::{Access, Names};
use skovik_sync::diff::Protect;
use skovik_sync::employee::{Branch, Directory, Managed, User as Parsed};
use skovik_sync::plan::{
    self, Action, Anchors, BranchRef, Change, Content, CreateRef, Digest, Field, ManagerRef, Operation, OperationId,
    Summary, Target, UserRef, Value,
};
use skovik_sync::provider::skovik::{Client, Skovik};
use skovik_sync::provider::{ClientError, Dialect as _, StoredUser};
use skovik_sync::state::State;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::wire::{LAST_NAME, branch_id, email, first_name, resource, user, user_id};
use crate::apply::{Outcome, RETRIES};
use crate::journal::{self, Doubt};
use crate::plan::{self as model, OPERATIONS};
use crate::server::{Id, SLOTS, Server, User};

/// The account's address in plans. The real server has another port each time.
const ACCOUNT: &str = "https://model.example/v1";
/// Nothing times out, because the test decides what is lost.
const LONG: Duration = Duration::from_secs(300);

/// A plan, and everything that its processes share.
pub(super) struct Program {
    plan: Arc<plan::Plan>,
}

/// A process.
pub(super) struct Process {
    task: JoinHandle<Result<Report, String>>,
    watch: Watch,
}

/// Notes the operations that have ended, by their index.
#[derive(Debug, Clone, Default)]
struct Watch(Rc<RefCell<BTreeSet<usize>>>);

impl Observer for Watch {
    fn started(&mut self, _: &Operation, _: u32) {}
    fn ended(&mut self, ended: Ended<'_>) {
        self.0.borrow_mut().insert(ended.operation.id.0 as usize - 1);
    }
    fn settling(&mut self, _: usize, _: Duration) {}
    fn confirming(&mut self, _: usize) {}
}

fn managed() -> Managed {
    Managed { branch: true, manager: true, custom_fields: Vec::new() }
}

fn protect() -> Protect {
    Protect::new(&["role:admin"])
}

pub(super) fn open_state(folder: &Path) -> State {
    State::open(folder, None).expect("a state folder")
}

impl Program {
    pub(super) fn new(plan: &model::Plan) -> Self {
        let server = Server::new(plan.users);
        let operations: Vec<Operation> =
            (0..plan.operations.len()).map(|index| operation(plan, &server, index)).collect();
        let count =
            |is_it: fn(&Action) -> bool| operations.iter().filter(|operation| is_it(&operation.action)).count() as u64;
        let content = Content {
            generator: "model".to_owned(),
            config_hash: Digest::of(b""),
            as_of: None,
            only: Vec::new(),
            target: Target {
                kind: "skovik".to_owned(),
                url: ACCOUNT.to_owned(),
                users: plan.users.len() as u64,
                managed: plan.users.len() as u64,
                fingerprint: Digest::of(b""),
                anchors: Anchors::default(),
                custom_fields: std::collections::BTreeMap::new(),
                removal: Default::default(),
            },
            sources: Vec::new(),
            summary: Summary {
                create: count(|action| matches!(action, Action::Create { .. })),
                update: count(|action| matches!(action, Action::Update { .. })),
                delete: count(|action| matches!(action, Action::Delete { .. })),
                ..Summary::default()
            },
            guards: Vec::new(),
            diagnostics: Vec::new(),
            waiting: None,
            operations,
        };
        Self { plan: Arc::new(plan::Plan::seal(content).expect("a plan")) }
    }

    /// Does what `apply` does under its lock: replays the journal, compares the plan with the list, and runs the
    /// operations that are left.
    ///
    /// # Errors
    /// The reason if the plan is refused. Then nothing was written.
    pub(super) fn start(&self, folder: &Path, url: &str, list: &Server) -> Result<Process, String> {
        let state = open_state(folder);
        let holder = Holder { pid: std::process::id(), since: Timestamp::UNIX_EPOCH, plan_hash: None };
        let lock = lock::take(&state, ACCOUNT, &holder, &|_| ()).map_err(|error| error.to_string())?;
        let replay = self.replay(&state)?;
        if replay.finished.is_some() {
            return Err("it is applied".to_owned());
        }
        let directory = directory(list);
        let (managed, protect, plan) = (managed(), protect(), Arc::clone(&self.plan));
        let live = Live {
            directory: &directory,
            managed: &managed,
            protect: &protect,
            branches: None,
            takes_back: false,
            reactivates: false,
        };
        let standing = precheck::standing(&plan, &replay, live).map_err(|error| error.to_string())?;
        if !standing.conflicts.is_empty() && !replay.has_written() {
            return Err(format!("it is stale: {:?}", standing.conflicts));
        }
        let client = client(url).map_err(|error| error.to_string())?;
        let watch = Watch::default();
        let mut observer = watch.clone();
        let task = tokio::task::spawn_local(async move {
            let _lock = lock;
            let head = Head::new(BegunBy::Apply, &plan.content().target.url, Timestamp::UNIX_EPOCH);
            let journal = Journal::open(&state, &replay, plan.hash(), head).await;
            let journal = journal.map_err(|error| error.to_string())?;
            let worker = Worker {
                provider: &client,
                managed: &managed,
                protect: &protect,
                branches: None,
                takes_back: false,
                listed: &HashMap::new(), // its users have no unmanaged values
                admins: &standing.admins,
                journal: &journal,
                now: &|| Timestamp::UNIX_EPOCH,
            };
            let (_never, stop) = watch::channel(Stop::No);
            let options = Options { max_in_flight: 8, operations_per_request: 2, settle_after: Duration::ZERO, stop };
            Ok(engine::run(&plan, &replay, &standing, &worker, options, &mut observer).await)
        });
        Ok(Process { task, watch })
    }

    fn replay(&self, state: &State) -> Result<Replay, String> {
        Replay::read(&state.journal(self.plan.hash()), state.key(), &self.plan).map_err(|error| error.to_string())
    }

    /// The journal of a folder as the model's.
    pub(super) fn journal(&self, folder: &Path) -> Result<journal::Journal, String> {
        let replay = self.replay(&open_state(folder))?;
        let mut operations = [None; OPERATIONS];
        for (id, progress) in &replay.operations {
            operations[id.0 as usize - 1] = Some(match progress {
                Progress::Done { user_id, differs } => journal::Progress::Done {
                    user: user_id.as_ref().and_then(|id| id.as_str().strip_prefix('u')?.parse().ok()),
                    differs: !differs.is_empty(),
                },
                Progress::InDoubt(doubt) => {
                    journal::Progress::InDoubt(Doubt { before: doubt.before.as_ref().and_then(read_user) })
                }
            });
        }
        let mut before = [None; OPERATIONS];
        for (id, user) in &replay.before {
            before[id.0 as usize - 1] = read_user(user);
        }
        Ok(journal::Journal {
            is_begun: replay.is_begun(),
            is_carried_out: replay.has_written(),
            known: (0..SLOTS as Id)
                .filter(|id| replay.was_there(&user_id(*id).as_str().into()))
                .fold(0, |all, id| all | 1 << id),
            operations,
            before,
            contradicted: replay.contradicted.iter().fold(0, |all, id| all | 1 << (id.0 - 1)),
            outdated: replay.outdated.iter().fold(0, |all, id| all | 1 << (id.0 - 1)),
            is_finished: replay.finished.is_some(),
            waiting: Vec::new(),
            is_forged: false,
        })
    }

    /// Removes the last lines, as if a crash had come before they were on disk.
    pub(super) fn cut_journal(&self, folder: &Path, lines: usize) {
        let path = open_state(folder).journal(self.plan.hash());
        let text = std::fs::read_to_string(&path).expect("a journal");
        // The line that a run ends with is lost too. The model does not have it.
        let is_end =
            |line: &&str| ["finished", "ended"].iter().any(|end| line.contains(&format!("\"record\":{{\"{end}\"")));
        let kept = text.lines().count() - lines - text.lines().last().filter(is_end).iter().count();
        let text: String = text.lines().take(kept).map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, text).expect("written");
    }

    /// Adds a line that was not made with the key.
    pub(super) fn forge_journal(&self, folder: &Path, user: Id) {
        let path = open_state(folder).journal(self.plan.hash());
        let mut text = std::fs::read_to_string(&path).expect("a journal");
        let mac = "0".repeat(64);
        let id = user_id(user);
        let done = format!(r#"{{"done":{{"at":"1970-01-01T00:00:00Z","operation":"1","user_id":"{id}"}}}}"#);
        text.push_str(&format!("{{\"mac\":\"{mac}\",\"record\":{done}}}\n"));
        std::fs::write(&path, text).expect("written");
    }
}

impl Process {
    /// Whether an operation that this run began or gave up has ended.
    pub(super) fn has_concluded(&self, operation: usize) -> bool {
        self.watch.0.borrow().contains(&operation)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Kills it. All lines that it wrote to the journal are on disk afterwards.
    pub(super) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The outcomes in its report.
    pub(super) async fn outcomes(self) -> Result<Vec<Outcome>, String> {
        let report = self.task.await.map_err(|error| error.to_string())??;
        let outcome = |outcome: &apply::Outcome| match outcome {
            apply::Outcome::Done { differs, .. } if differs.is_empty() => Outcome::Done,
            apply::Outcome::DoneBefore { differs } if differs.is_empty() => Outcome::DoneBefore,
            apply::Outcome::Done { .. } | apply::Outcome::DoneBefore { .. } => Outcome::DoneOtherwise,
            apply::Outcome::Failed { .. } => Outcome::Failed,
            apply::Outcome::InDoubt { .. } => Outcome::InDoubt,
            apply::Outcome::NotAttempted { .. } => Outcome::NotAttempted,
        };
        Ok(report.outcomes.iter().map(outcome).collect())
    }
}

fn client(url: &str) -> Result<Client, ClientError> {
    let access = Access {
        page_size: 100,
        max_rows: 100,
        list_timeout: LONG,
        timeout: LONG,
        retries: u32::from(RETRIES),
        ..Access::default()
    };
    Client::new(&url.parse().expect("a URL"), "key".into(), &access, &Names::default())
}

fn parsed(server: &Server, id: Id) -> Option<Parsed> {
    let raw = serde_json::value::to_raw_value(&resource(id, server.user(id)?)).ok()?;
    Skovik::default().user(raw.get(), &managed()).ok()
}

fn directory(server: &Server) -> Directory {
    let branch = |number| Branch { id: branch_id(number).as_str().into(), name: "".into(), identifier: None };
    Directory {
        users: server.iter().filter_map(|(id, _)| parsed(server, id)).collect(),
        inactive: Vec::new(),
        unproven: Vec::new(),
        branches: vec![branch(1), branch(2)],
        custom_fields: Vec::new(),
    }
}

fn operation(plan: &model::Plan, server: &Server, index: usize) -> Operation {
    let model::Operation { action, depends_on } = &plan.operations[index];
    let number = |index: &usize| OperationId(*index as u32 + 1);
    let after = |index: usize| match &plan.operations[index].action {
        model::Action::Create { after } => *after,
        _ => panic!("operation {index} creates nobody"),
    };
    let manager = |manager: model::ManagerRef| match manager {
        model::ManagerRef::Nobody => None,
        model::ManagerRef::User(id) => Some(manager_ref(plan, id)),
        model::ManagerRef::Create(create) => Some(ManagerRef::Create(CreateRef {
            create: number(&create),
            employee: after(create).identifier.to_string().as_str().into(),
            name: name(after(create).name).into(),
        })),
    };
    let hash = |id: Id| hash_of(&parsed(server, id).expect("a user"), &managed());
    let (of, action) = match action {
        model::Action::Create { after } => {
            let model::Person { identifier, email: address, name, branch, manager: boss } = *after;
            let fields = plan::Fields {
                external_identifier: Some(identifier.to_string().as_str().into()),
                primary_email: email(address).into(),
                first_name: first_name(name).into(),
                last_name: LAST_NAME.into(),
                branch: Some(Some(branch_ref(branch))),
                manager: Some(manager(boss)),
                custom_fields: std::collections::BTreeMap::new(),
            };
            ((identifier, name), Action::Create { after: Box::new(fields) })
        }
        model::Action::Update { user, before, edit } => {
            let text = |name| Some(Value::Text(first_name(name).into()));
            let boss = |manager: Option<ManagerRef>| manager.map(Value::Manager);
            let (field, was, is) = match *edit {
                model::Edit::Name(name) => (Field::FirstName, text(before.name), text(name)),
                model::Edit::Branch(branch) => {
                    let value = |branch| Some(Value::Branch(branch_ref(branch)));
                    (Field::Branch, value(before.branch), value(branch))
                }
                model::Edit::Manager(after) => {
                    (Field::Manager, boss(before.manager.map(|id| manager_ref(plan, id))), boss(manager(after)))
                }
            };
            let changes = vec![Change { field, before: was, after: is }];
            let held = parsed(server, *user).expect("a user");
            let action = Action::Update {
                user_id: held.id.clone(),
                before_hash: hash(*user),
                branch: Some(Some(branch_ref(before.branch))),
                roles: held.special_roles(),
                changes,
            };
            (before.label(), action)
        }
        model::Action::Link { create, manager: boss } => {
            let model::Person { identifier, name, .. } = after(*create);
            let manager = manager(*boss).expect("a manager");
            ((identifier, name), Action::Link { create: number(create), manager })
        }
        model::Action::Delete { user, before } => {
            let held = parsed(server, *user).expect("a user");
            let fields = plan::Fields::of_user(&held, &managed(), &Directory::default());
            let action = Action::Delete {
                user_id: held.id.clone(),
                before_hash: hash(*user),
                before: Box::new(fields),
                roles: held.special_roles(),
                missing_since: None,
                reason: "left".to_owned(),
            };
            (before.label(), action)
        }
    };
    let (identifier, shown) = of;
    Operation {
        id: number(&index),
        employee: Some(identifier.to_string().as_str().into()),
        name: name(shown).into(),
        depends_on: depends_on.iter().map(number).collect(),
        action,
    }
}

fn name(name: u8) -> String {
    format!("{} {LAST_NAME}", first_name(name))
}

fn branch_ref(branch: u8) -> BranchRef {
    BranchRef { branch_id: branch_id(branch).as_str().into(), external_identifier: None, name: "".into() }
}

fn manager_ref(plan: &model::Plan, id: Id) -> ManagerRef {
    let (identifier, shown) = plan.label(id).expect("a user of the plan");
    let employee = Some(identifier.to_string().as_str().into());
    ManagerRef::User(UserRef { user_id: user_id(id).as_str().into(), employee, name: name(shown).into() })
}

fn read_user(stored: &StoredUser) -> Option<User> {
    user(&serde_json::from_str(stored.raw().get()).ok()?)
}
