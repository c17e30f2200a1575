//! The way to the service, on which anything may go wrong.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::{BoxFuture, pending};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use skovik_sync::employee::{Managed, UserId};
use skovik_sync::provider::{
    ApiError, Collection, Deleted, Dialect, EachRow, ListError, LiveUser, MayWrite, Progress, Proven, Provider,
    Refusal, Request, Shape, StoredUser,
};
use tokio::sync::Notify;

use super::dialect::{Plain, object};
use super::service::{EXTRAS, Person, Problem, Service, UNITS};

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not get there, and that is known.
    Refused,
    /// It does not get there, and nobody knows.
    LostBefore,
    /// It is carried out, and the answer is lost.
    LostAfter,
    /// The process ends before the request is sent.
    CrashBefore,
    /// The process ends before the answer is there.
    CrashAfter,
    /// Another client changes somebody's family name first.
    Overtaken,
    /// It is carried out, but the answer to a create has somebody else's id.
    Misnamed,
}

/// What is told of each request that wrote something, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) what: &'static str,
    /// The user that it names; `None` for a create.
    pub(super) id: Option<String>,
    pub(super) outcome: &'static str,
}

/// The service, and the faults that are still to come.
pub(super) struct Memory {
    pub(super) service: Arc<Mutex<Service>>,
    faults: Mutex<Faults>,
    pub(super) writes: Mutex<Vec<Write>>,
    /// The users that the other client changed.
    pub(super) overtaken: Mutex<Vec<String>>,
    crash: Notify,
    has_ended: AtomicBool,
    /// The answer that is given now names somebody else.
    is_misnamed: AtomicBool,
    retries: u32,
}

/// Strikes by chance, a limited number of times.
pub(super) struct Faults {
    pub(super) rng: fastrand::Rng,
    pub(super) left: u32,
    pub(super) one_in: u32,
    pub(super) kinds: Vec<Fault>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self { rng: fastrand::Rng::with_seed(0), left: 0, one_in: 1, kinds: Vec::new() }
    }

    fn draw(&mut self) -> Option<Fault> {
        if self.left == 0 || self.rng.u32(0..self.one_in) != 0 {
            return None;
        }
        self.left -= 1;
        self.rng.choice(&self.kinds).copied()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked with it")
}

impl Memory {
    pub(super) fn new(service: Arc<Mutex<Service>>, faults: Faults, retries: u32) -> Self {
        Self {
            service,
            faults: Mutex::new(faults),
            writes: Mutex::default(),
            overtaken: Mutex::default(),
            crash: Notify::new(),
            has_ended: AtomicBool::new(false),
            is_misnamed: AtomicBool::new(false),
            retries,
        }
    }

    /// The faults that are left, for the next process.
    pub(super) fn into_faults(self) -> Faults {
        self.faults.into_inner().expect("nobody panicked with it")
    }

    /// Ends when the process is to end.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    async fn process_ends<T>(&self) -> T {
        self.crash.notify_one();
        pending().await
    }

    /// Sends a request: `act` is what the service does with it.
    async fn send<T>(&self, act: impl FnOnce(&mut Service) -> T) -> Result<T, ApiError> {
        // Answers come in any order.
        tokio::task::yield_now().await;
        let fault = lock(&self.faults).draw();
        let again = Some(Duration::ZERO);
        match fault {
            None => Ok(act(&mut lock(&self.service))),
            Some(Fault::Overtaken) => {
                self.overtake();
                Ok(act(&mut lock(&self.service)))
            }
            Some(Fault::Misnamed) => {
                self.is_misnamed.store(true, Ordering::Relaxed);
                Ok(act(&mut lock(&self.service)))
            }
            Some(Fault::Refused) => Err(ApiError::NotSent { problem: "busy".to_owned(), again }),
            Some(Fault::LostBefore) => Err(ApiError::Unclear { problem: "no answer".to_owned(), again }),
            Some(Fault::LostAfter) => {
                act(&mut lock(&self.service));
                Err(ApiError::Unclear { problem: "no answer".to_owned(), again })
            }
            Some(Fault::CrashBefore) => self.process_ends().await,
            Some(Fault::CrashAfter) => {
                act(&mut lock(&self.service));
                self.process_ends().await
            }
        }
    }

    fn overtake(&self) {
        let mut service = lock(&self.service);
        let at = lock(&self.faults).rng.usize(0..service.people.len());
        let Some((id, person)) = service.people.iter_mut().nth(at) else { return };
        person.insert("family".to_owned(), json!("Overtaken"));
        lock(&self.overtaken).push(id.clone());
    }

    /// Sends one that writes, and notes what became of it.
    async fn write(
        &self,
        what: &'static str,
        id: Option<&UserId>,
        act: impl FnOnce(&mut Service) -> Result<Person, Problem>,
    ) -> Result<Result<Person, Problem>, ApiError> {
        let noted = |outcome: &Result<Person, Problem>| {
            let outcome = match outcome {
                Ok(_) => "done",
                Err(Problem::Taken(_)) => "taken",
                Err(Problem::Unknown | Problem::Wrong(_)) => "refused",
            };
            lock(&self.writes).push(Write { what, id: id.map(ToString::to_string), outcome });
        };
        self.send(|service| {
            let outcome = act(service);
            noted(&outcome);
            outcome
        })
        .await
    }

    fn rows_of(&self, what: Collection) -> Vec<Value> {
        let named = |id: &&str| json!({"id": id});
        match what {
            Collection::Users => lock(&self.service).people.values().cloned().map(Value::Object).collect(),
            Collection::Branches => UNITS.iter().map(named).collect(),
            Collection::CustomFields => EXTRAS.iter().map(named).collect(),
        }
    }

    /// A list as it is now, or none.
    async fn list(&self, what: Collection) -> Result<Vec<Box<RawValue>>, ListError> {
        let rows = self.send(|_| ()).await.map(|()| self.rows_of(what));
        let rows =
            rows.map_err(|error| ListError::Incomplete { collection: what, page: 1, problem: error.to_string() })?;
        Ok(rows.iter().map(|row| to_raw_value(row).expect("JSON")).collect())
    }
}

fn refused(problem: Problem) -> ApiError {
    let (status, taken, said) = match problem {
        Problem::Unknown => (404, false, "unknown".to_owned()),
        Problem::Taken(what) => (409, true, format!("{what} is taken")),
        Problem::Wrong(what) => (422, false, what),
    };
    ApiError::Refused(Refusal { status, errors: Vec::new(), taken, said })
}

fn live(person: Person, managed: &Managed) -> Result<LiveUser, ApiError> {
    let raw = to_raw_value(&Value::Object(person)).expect("JSON");
    let unreadable = |problem| ApiError::Unclear { problem, again: None };
    let user = Plain.user(raw.get(), managed).map_err(unreadable)?;
    Ok(LiveUser { user, stored: StoredUser::new(&raw).map_err(unreadable)? })
}

fn body(request: &Request) -> Person {
    object(request.as_json()).expect("an object")
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Provider for Memory {
    fn dialect(&self) -> &dyn Dialect {
        &Plain
    }

    fn shape(&self) -> BoxFuture<'_, Result<Shape, ListError>> {
        Box::pin(async {
            let unreadable = |problem| std::io::Error::other(problem);
            let branches = self.list(Collection::Branches).await?;
            let fields = self.list(Collection::CustomFields).await?;
            Ok(Shape {
                branches: branches
                    .iter()
                    .map(|row| Plain.branch(row.get()))
                    .collect::<Result<_, _>>()
                    .map_err(unreadable)?,
                custom_fields: fields
                    .iter()
                    .map(|row| Plain.custom_field(row.get()))
                    .collect::<Result<_, _>>()
                    .map_err(unreadable)?,
                ..Shape::default()
            })
        })
    }

    fn rows<'a>(
        &'a self,
        what: Collection,
        each: EachRow<'a>,
        _progress: Progress<'a>,
    ) -> BoxFuture<'a, Result<Proven, ListError>> {
        Box::pin(async move {
            for row in self.list(what).await? {
                each(&row).map_err(|error| error.in_list(what, 1))?;
            }
            Ok(Proven(true))
        })
    }

    fn user<'a>(&'a self, id: &'a UserId, managed: &'a Managed) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(async move {
            let person = self.send(|service| service.people.get(id.as_str()).cloned()).await?;
            person.map(|person| live(person, managed)).transpose()
        })
    }

    fn create<'a>(&'a self, request: &'a Request, managed: &'a Managed) -> BoxFuture<'a, Result<LiveUser, ApiError>> {
        Box::pin(async move {
            self.is_misnamed.store(false, Ordering::Relaxed);
            let made = self.write("create", None, |service| service.create(body(request))).await?;
            let mut made = made.map_err(refused)?;
            if self.is_misnamed.swap(false, Ordering::Relaxed) {
                let service = lock(&self.service);
                let others: Vec<&String> = service.people.keys().filter(|id| json!(id) != made["id"]).collect();
                let other = lock(&self.faults).rng.choice(others);
                made.insert("id".to_owned(), json!(other));
            }
            live(made, managed)
        })
    }

    fn update<'a>(
        &'a self,
        id: &'a UserId,
        request: &'a Request,
        managed: &'a Managed,
    ) -> BoxFuture<'a, Result<Option<LiveUser>, ApiError>> {
        Box::pin(async move {
            match self.write("update", Some(id), |service| service.change(id.as_str(), &body(request))).await? {
                Ok(person) => live(person, managed).map(Some),
                Err(Problem::Unknown) => Ok(None),
                Err(problem) => Err(refused(problem)),
            }
        })
    }

    fn delete<'a>(&'a self, id: &'a UserId, _request: &'a Request) -> BoxFuture<'a, Result<Deleted, ApiError>> {
        Box::pin(async move {
            let act = |service: &mut Service| service.remove(id.as_str()).map(|()| Person::new());
            match self.write("delete", Some(id), act).await? {
                Ok(_) => Ok(Deleted::Now { kept: None }),
                Err(Problem::Unknown) => Ok(Deleted::AlreadyGone),
                Err(problem) => Err(refused(problem)),
            }
        })
    }

    fn retries(&self) -> u32 {
        self.retries
    }

    fn wait(&self, _delay: Duration) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            if self.has_ended.load(Ordering::Relaxed) {
                return Err(ApiError::Stopped { unclear: false });
            }
            Ok(())
        })
    }

    fn end_waits(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    fn write_only_while(&self, _may_write: MayWrite) {}
}
