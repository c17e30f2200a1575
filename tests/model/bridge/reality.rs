//! The real side of the comparison: processes, a server, and the requests between them.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::adapter::{Process, Program};
use super::http::{self, Held};
use super::wants::{Want, ends, is_same, lacks_somebody_sent, read_back, wants, whom};
use super::wire::{self, answer_write};
use crate::apply::{Phase, RETRIES, Run};
use crate::journal::{Journal, Progress};
use crate::server::{Answer, Id, NOBODY, Request, Server, User};
use crate::steps::{ReadFailure, Rejection, Step};
use crate::world::{Message, State, World};

/// How often to look for something that must happen.
const OFTEN: Duration = Duration::from_millis(3);

/// The real side.
pub(super) struct Reality {
    world: World,
    /// How long to wait for something that must happen, before it counts as missing.
    patience: Duration,
    program: Program,
    folders: Vec<tempfile::TempDir>,
    urls: Vec<String>,
    incoming: mpsc::UnboundedReceiver<Held>,
    processes: Vec<Option<Process>>,
    pub(super) server: Server,
    held: Vec<(Want, Held)>,
    /// Requests whose processes no longer wait.
    orphans: Vec<(usize, Request)>,
}

impl Reality {
    pub(super) async fn new(world: &World, patience: Duration) -> Self {
        let (sender, incoming) = mpsc::unbounded_channel();
        let mut urls = Vec::new();
        for process in 0..world.folders.len() {
            urls.push(http::listen(process, sender.clone()).await.expect("it listens"));
        }
        Self {
            world: world.clone(),
            patience,
            program: Program::new(&world.plan),
            folders: world.folders.iter().map(|_| tempfile::tempdir().expect("a folder")).collect(),
            processes: urls.iter().map(|_| None).collect(),
            urls,
            incoming,
            server: Server::new(world.plan.users),
            held: Vec::new(),
            orphans: Vec::new(),
        }
    }

    fn folder(&self, process: usize) -> &Path {
        self.folders[self.world.folders[process]].path()
    }

    /// Waits until the unanswered requests, the noted outcomes and the ended runs are exactly those of the model.
    pub(super) async fn settle_down(&mut self, last: &State, state: &State) -> Result<(), String> {
        let mut expected = Vec::new();
        for process in 0..self.processes.len() {
            expected.extend(wants(&self.world, state, process).into_iter().map(|want| (process, want)));
        }
        let begun = Instant::now();
        loop {
            while let Ok(held) = self.incoming.try_recv() {
                self.hold(held)?;
            }
            let found: Vec<(usize, Want)> = self.held.iter().map(|(want, held)| (held.process, want.clone())).collect();
            let have_ended = (0..self.processes.len()).all(|process| {
                let should = ends(&self.world, state, process);
                self.processes[process].as_ref().is_none_or(|process| process.has_ended() == should)
            });
            if have_ended && is_same(&expected, &found) && self.is_noted(state) && self.have_concluded(last, state) {
                return Ok(());
            }
            if begun.elapsed() > self.patience {
                let noted = self.is_noted(state);
                return Err(format!(
                    "expected the requests {expected:?}, found {found:?}; ended: {have_ended}, noted: {noted}"
                ));
            }
            if let Ok(Some(held)) = tokio::time::timeout(OFTEN, self.incoming.recv()).await {
                self.hold(held)?;
            }
        }
    }

    /// Whether the journals of all runs have the lines of the model.
    fn is_noted(&self, state: &State) -> bool {
        (0..self.processes.len()).filter(|process| self.processes[*process].is_some()).all(|process| {
            let expected = self.expected_journal(process, state);
            self.program.journal(self.folder(process)).is_ok_and(|found| found.operations == expected.operations)
        })
    }

    /// Whether the operations that have just ended in the model have ended.
    fn have_concluded(&self, last: &State, state: &State) -> bool {
        let is_ended = |state: &State, process: usize, operation: usize| {
            state.runs[process].map(|run| matches!(run.entries[operation].phase, Phase::Ended(_)))
        };
        self.processes.iter().enumerate().filter_map(|(n, process)| Some((n, process.as_ref()?))).all(|(n, process)| {
            let just_now = |operation: &usize| {
                is_ended(last, n, *operation) == Some(false) && is_ended(state, n, *operation) == Some(true)
            };
            (0..self.world.operations()).filter(just_now).all(|operation| process.has_concluded(operation))
        })
    }

    fn expected_journal(&self, process: usize, state: &State) -> Journal {
        let mut expected = state.journals[self.world.folders[process]].clone();
        expected.flush();
        // A journal that was read shows only the result of its lines.
        expected.is_carried_out = expected.has_written();
        for progress in expected.operations.iter_mut().flatten() {
            if let Progress::InDoubt(doubt) = progress {
                doubt.before = doubt.before.map(bare_user);
            }
        }
        expected.before = expected.before.map(|before| before.map(bare_user));
        expected
    }

    fn hold(&mut self, held: Held) -> Result<(), String> {
        let want = match held.path.strip_prefix("/users/u") {
            Some(id) if held.method == "GET" => id.parse().map(Want::User).map_err(|_| held.path.clone())?,
            None if held.method == "GET" && held.path == "/users" => Want::List,
            _ => wire::request(&held.method, &held.path, &held.body)
                .map(Want::Write)
                .ok_or_else(|| format!("{} {} {}", held.method, held.path, held.body))?,
        };
        self.held.push((want, held));
        Ok(())
    }

    /// Takes out an unanswered request.
    fn take(&mut self, process: usize, want: &Want) -> Result<Held, String> {
        let place = self.held.iter().position(|(found, held)| held.process == process && found == want);
        Ok(self.held.swap_remove(place.ok_or_else(|| format!("{want:?} of process {process} does not wait"))?).1)
    }

    /// Takes out an unanswered request, or the next one that comes.
    async fn take_next(&mut self, process: usize, want: &Want) -> Result<Held, String> {
        loop {
            if let Ok(held) = self.take(process, want) {
                return Ok(held);
            }
            let next = tokio::time::timeout(self.patience, self.incoming.recv()).await;
            self.hold(next.ok().flatten().ok_or_else(|| format!("{want:?} of process {process} does not come"))?)?;
        }
    }

    /// Makes a read fail, with all its repetitions.
    async fn fail(&mut self, process: usize, want: &Want, rng: &mut fastrand::Rng) -> Result<(), String> {
        for _ in 0..=RETRIES {
            lose(self.take_next(process, want).await?, rng);
        }
        Ok(())
    }

    /// Answers the reads of the users who seem to have lost something by the list.
    async fn read_losers(&mut self, process: usize, last: &State, run: &Run) -> Result<(), String> {
        for operation in 0..self.world.operations() {
            let sent = run.entries[operation].sent;
            let lost = sent.and_then(|sent| self.world.has_lost(operation, &last.server, &run.made(), &sent));
            if let Some(id) = lost {
                let held = self.take_next(process, &Want::User(id)).await?;
                self.answer_read(held, id);
            }
        }
        Ok(())
    }

    /// Carries out a step of the model on the real side.
    pub(super) async fn follow(
        &mut self,
        last: &State,
        step: Step,
        next: &State,
        rng: &mut fastrand::Rng,
    ) -> Result<(), String> {
        let message = |place: usize| last.network[place].clone();
        match step {
            Step::Start(process) => {
                let process_begun = self.program.start(self.folder(process), &self.urls[process], &self.server)?;
                self.processes[process] = Some(process_begun);
            }
            Step::Begin(process, operation) | Step::Again(process, operation) | Step::Refill(process, operation) => {
                if let Some(id) = whom(&self.world, last, process, operation) {
                    let held = self.take(process, &Want::User(id))?;
                    self.answer_read(held, id);
                    // Before the engine sends what another client has written, it reads the user twice. For the model, which
                    // knows no lies of a single read, both are one.
                    if matches!(step, Step::Refill(..)) && self.world.refills_anothers(last, next, process, operation) {
                        let held = self.take_next(process, &Want::User(id)).await?;
                        self.answer_read(held, id);
                    }
                }
            }
            Step::Unread(process, operation, how) => {
                let want = whom(&self.world, last, process, operation)
                    .map(Want::User)
                    .ok_or("this operation reads no user")?;
                match how {
                    ReadFailure::Failed => self.fail(process, &want, rng).await?,
                    ReadFailure::SaidGone => self.take(process, &want)?.answer(404, wire::errors("not_found")),
                }
            }
            Step::RefillUnread(process, operation) => {
                let want = whom(&self.world, last, process, operation)
                    .map(Want::User)
                    .ok_or("this operation reads no user")?;
                self.fail(process, &want, rng).await?;
            }
            Step::ReadBack(process, operation) => {
                let id = read_back(last, process, operation).ok_or("this operation reads no user back")?;
                let held = self.take(process, &Want::User(id))?;
                self.answer_read(held, id);
            }
            Step::ReadBackUnread(process, operation) => {
                let want =
                    read_back(last, process, operation).map(Want::User).ok_or("this operation reads no user back")?;
                self.fail(process, &want, rng).await?;
            }
            Step::CarryOut(place) => self.carry_out(&message(place))?,
            Step::Reject(place, turned) => {
                let Message { process, request, .. } = message(place);
                let (process, want) = (usize::from(process), Want::Write(request));
                match turned {
                    Rejection::Invalid => self.take(process, &want)?.answer(422, wire::errors("blank")),
                    Rejection::TooMany => {
                        self.take(process, &want)?.answer(429, wire::errors("later"));
                        // A POST that was certainly not carried out is sent again without another check.
                        if let Request::Post(_) = request {
                            for _ in 0..RETRIES {
                                self.take_next(process, &want).await?.answer(429, wire::errors("later"));
                            }
                        }
                    }
                }
            }
            Step::Receive(place) => {
                let Message { process, request, answer, .. } = message(place);
                let held = self.take(usize::from(process), &Want::Write(request))?;
                answer_write(held, request, answer.ok_or("it was not carried out")?);
            }
            Step::Lie(place, id) => {
                let Message { process, request, .. } = message(place);
                let held = self.take(usize::from(process), &Want::Write(request))?;
                answer_write(held, request, Answer::Created(id));
            }
            Step::LieGone(place) => {
                let Message { process, request, .. } = message(place);
                let held = self.take(usize::from(process), &Want::Write(request))?;
                answer_write(held, request, Answer::NotFound);
            }
            Step::LieRefused(place) => {
                let message = message(place);
                let held = self.take(usize::from(message.process), &Want::Write(message.request))?;
                self.server.carry_out(message.request, self.world.is_unique, message.operation);
                self.server = bare(&self.server);
                held.answer([400, 404, 409, 422][rng.usize(..4)], wire::errors("blank"));
            }
            Step::LieDone(place) => {
                let Message { process, request, read, .. } = message(place);
                let held = self.take(usize::from(process), &Want::Write(request))?;
                let answer = match (request, read) {
                    (Request::Put(_, fields, custom), Some(read)) => Answer::Stored(User { fields, custom, ..read }),
                    (Request::Delete(_), _) => Answer::Removed,
                    _ => Answer::Created(NOBODY),
                };
                answer_write(held, request, answer);
            }
            Step::Lose(place) | Step::GiveUp(place) => {
                let Message { process, request, .. } = message(place);
                let process = usize::from(process);
                lose(self.take(process, &Want::Write(request))?, rng);
                if let Step::GiveUp(_) = step {
                    self.orphans.push((process, request));
                }
            }
            Step::Vanish(place) => self.forget_orphan(&message(place))?,
            Step::Settle(process) | Step::Confirm(process) => {
                let list = wire::list(&self.server);
                self.take(process, &Want::List)?.answer(200, list);
                if let Step::Settle(_) = step {
                    // The engine reads another list before it believes that somebody is not there. For the model, whose lists have
                    // no pages, both are one.
                    if lacks_somebody_sent(&self.world, &self.server, last, process) {
                        let list = wire::list(&self.server);
                        self.take_next(process, &Want::List).await?.answer(200, list);
                    }
                    for id in self.world.contradicted(last, process) {
                        let held = self.take_next(process, &Want::User(id)).await?;
                        self.answer_read(held, id);
                        self.answer_control(process, id).await?;
                    }
                }
                if let (Step::Confirm(_), Some(run)) = (step, &last.runs[process]) {
                    self.read_losers(process, last, run).await?;
                }
            }
            Step::SettleUnread(process) | Step::ConfirmUnread(process) => self.fail(process, &Want::List, rng).await?,
            Step::Finish(process) => {
                let outcomes = self.processes[process].take().ok_or("this process does not run")?.outcomes().await?;
                let run = last.runs[process].as_ref().ok_or("this process does not run in the model")?;
                let expected: Vec<_> =
                    (0..self.world.operations()).map(|operation| World::outcome(run, operation)).collect();
                if outcomes != expected {
                    return Err(format!("the outcomes are {outcomes:?}, not {expected:?}"));
                }
                self.compare_journal(process, next)?;
            }
            Step::Crash(process, kept) => {
                self.processes[process].take().ok_or("this process does not run")?.kill().await;
                self.held.retain(|(_, held)| held.process != process);
                let of_it = |message: &&Message| usize::from(message.process) == process;
                let left = last.network.iter().filter(of_it).filter(|message| message.answer.is_none());
                self.orphans
                    .extend(left.filter(|message| !message.is_orphan).map(|message| (process, message.request)));
                let lost = last.journals[self.world.folders[process]].waiting.len() - kept;
                self.program.cut_journal(self.folder(process), lost);
                self.compare_journal(process, next)?;
            }
            Step::Other(_) => self.server = bare(&next.server),
            Step::Forge(process, id) => self.program.forge_journal(self.folder(process), id),
        }
        Ok(())
    }

    /// That nobody is there is believed of a server that shows somebody else.
    async fn answer_control(&mut self, process: usize, id: Id) -> Result<(), String> {
        let other = self.server.iter().map(|(other, _)| other).find(|other| *other != id);
        if let (None, Some(other)) = (self.server.user(id), other) {
            let held = self.take_next(process, &Want::User(other)).await?;
            self.answer_read(held, other);
        }
        Ok(())
    }

    fn answer_read(&self, held: Held, id: Id) {
        match self.server.user(id) {
            Some(user) => held.answer(200, serde_json::json!({"data": wire::resource(id, user)}).to_string()),
            None => held.answer(404, wire::errors("not_found")),
        }
    }

    /// Carries out the request that the real process sent.
    fn carry_out(&mut self, message: &Message) -> Result<(), String> {
        if message.is_orphan {
            self.forget_orphan(message)?;
        } else {
            let process = usize::from(message.process);
            let found = |(want, held): &(Want, Held)| held.process == process && *want == Want::Write(message.request);
            self.held.iter().find(|held| found(held)).ok_or("it was not sent")?;
        }
        self.server.carry_out(message.request, self.world.is_unique, message.operation);
        self.server = bare(&self.server);
        Ok(())
    }

    fn forget_orphan(&mut self, message: &Message) -> Result<(), String> {
        let wanted = (usize::from(message.process), message.request);
        let place = self.orphans.iter().position(|orphan| *orphan == wanted);
        self.orphans.swap_remove(place.ok_or_else(|| format!("{wanted:?} was not sent"))?);
        Ok(())
    }

    fn compare_journal(&self, process: usize, state: &State) -> Result<(), String> {
        let expected = self.expected_journal(process, state);
        let found = self.program.journal(self.folder(process))?;
        if found == expected { Ok(()) } else { Err(format!("the journal is\n{found:?}, not\n{expected:?}")) }
    }

    /// A process that must not begin is refused.
    pub(super) fn refuses(&self, state: &State) -> Result<(), String> {
        let folders = &self.world.folders;
        // A run of the same folder may have ended and released the lock earlier than in the model.
        let is_free = |process: &usize| {
            state.runs[*process].is_none()
                && (0..folders.len())
                    .filter(|other| folders[*other] == folders[*process])
                    .all(|other| self.processes[other].as_ref().is_none_or(|other| !other.has_ended()))
        };
        for process in (0..self.processes.len()).filter(is_free) {
            if self.world.next(state, Step::Start(process)).is_none()
                && self.program.start(self.folder(process), &self.urls[process], &self.server).is_ok()
            {
                return Err(format!("process {process} begins, although it must not"));
            }
        }
        Ok(())
    }
}

/// Gives no usable answer: none at all, or a page of a proxy.
fn lose(held: Held, rng: &mut fastrand::Rng) {
    match rng.u8(..3) {
        0 => held.answer(503, "<html>busy</html>".to_owned()),
        // For a DELETE the status is enough.
        1 if held.method != "DELETE" => held.answer(200, "<html>hello</html>".to_owned()),
        _ => held.drop(),
    }
}

/// The account without the values that only the model knows.
pub(super) fn bare(server: &Server) -> Server {
    let mut server = *server;
    server.users.iter_mut().flatten().for_each(|user| *user = bare_user(*user));
    server
}

fn bare_user(user: User) -> User {
    User { made_by: None, ..user }
}
