//! The model: the account, sent requests, processes that apply the plan, and everything that disturbs them.
//!
//! A [`Step`] is one thing that can happen. The steps of an apply are in `apply`.

use stateright::{Model, Property};

use crate::apply::Run;
use crate::journal::{Doubt, Journal, Progress};
use crate::laws::{self, Law, Laws};
use crate::plan::{Action, Operation, Plan};
use crate::server::{Answer, Fields, NOBODY, RENUMBERED, Request, Server, User};
use crate::steps::{Foreign, Rejection, Step};

/// The most processes that there can be.
pub(crate) const PROCESSES: usize = 2;

/// A fault that is put into the model, for the laws to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// A POST without an answer is sent again.
    RepeatsPosts,
    /// A PUT or DELETE is repeated without reading the user again.
    RepeatsBlindly,
    /// Requests are sent without an intent.
    SkipsIntents,
    /// A journal that was forged is resumed.
    TrustsJournals,
    /// The id in the answer to a POST is believed to be new.
    BelievesIds,
    /// A 404 is believed to prove that the user was deleted.
    BelievesGone,
    /// The list that decides about unknown outcomes is read while requests may still be carried out.
    SettlesEarly,
    /// Protected users are changed.
    TouchesProtected,
    /// A stale plan is begun.
    BeginsStale,
    /// A process takes no lock.
    TakesNoLock,
    /// A conflict is noted as "nothing changed", although an earlier attempt may have been carried out.
    ForgetsAttempts,
    /// After a crash, an update or delete with unknown outcome is tried again while the server may still carry out the
    /// request of the dead process.
    ResumesAtOnce,
    /// After a crash, an operation with unknown outcome begins as if it had never been sent.
    ForgetsDoubts,
    /// Custom fields that a change of branch emptied are not sent again.
    SkipsRefill,
    /// They are sent again as they were before the first attempt.
    RefillsTheFirst,
    /// A user that other operations depend on is not read back after the write.
    ReadsNobodyBack,
    /// Finished operations are not confirmed by a list at the end.
    ConfirmsNothing,
    /// A refused change of branch is believed without another look at the user.
    BelievesRefusals,
    /// A user is written who has another identifier than the plan shows.
    WritesAnybody,
    /// The same for custom fields that are sent again.
    RefillsAnybody,
    /// Managers are not compared with their labels before a run begins.
    ComparesNoLabels,
    /// A create is sent again although its manager is another person by now.
    RepeatsUnderAnybody,
    /// A create is sent again although somebody has its e-mail.
    RepeatsOverEmails,
    /// No new plan waits for a create in doubt although nobody has its identifier.
    OutdatesByEmails,
}

/// The parameters of a model.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    /// The state folder of each process. Processes with the same folder share journal and lock.
    pub(crate) folders: Vec<usize>,
    /// Whether the server refuses an identifier or e-mail that is in use.
    pub(crate) is_unique: bool,
    /// How many disturbances there can be.
    pub(crate) budget: Budget,
    /// Whether creates begin before any other step. The real program begins them at once.
    pub(crate) is_eager: bool,
    /// The faults of the model.
    pub(crate) mutations: &'static [Mutation],
}

/// How many disturbances of each kind can still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Requests that fail.
    pub(crate) faults: u8,
    /// False answers, such as the id of another user to a POST, or 404 for a user who exists.
    pub(crate) lies: u8,
    /// Writes of another client.
    pub(crate) others: u8,
    pub(crate) crashes: u8,
    /// Changes to a journal by somebody without its key.
    pub(crate) forgeries: u8,
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sent {
    Create,
    Update,
    Refill,
    Delete,
}

/// A request that was sent and whose answer was not received yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) process: u8,
    pub(crate) operation: u8,
    pub(crate) step: Sent,
    pub(crate) request: Request,
    /// The user as the process read them.
    pub(crate) read: Option<User>,
    /// The server's answer, after it has looked at the request.
    pub(crate) answer: Option<Answer>,
    /// Whether no process waits for its answer any more.
    pub(crate) is_orphan: bool,
    /// Whether another client has changed the user since the process read them. The process cannot see that.
    pub(crate) is_overtaken: bool,
}

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) server: Server,
    pub(crate) network: Vec<Message>,
    pub(crate) runs: [Option<Run>; PROCESSES],
    /// By folder.
    pub(crate) journals: [Journal; PROCESSES],
    pub(crate) left: Budget,
    pub(crate) broken: Laws,
    /// Whether something happened that no apply can repair: another client wrote, the server lied or refused, or a
    /// journal was forged.
    pub(crate) is_disturbed: bool,
    /// Whether the server claimed to have done what it did not do, or answered with the id of another new user.
    pub(crate) is_deceived: bool,
    /// For each folder, a bit for each operation of which a request was carried out. Only the laws read it.
    pub(crate) had_effect: [u8; PROCESSES],
}

impl World {
    pub(crate) fn has(&self, mutation: Mutation) -> bool {
        self.mutations.contains(&mutation)
    }

    pub(crate) fn operation(&self, operation: usize) -> &Operation {
        &self.plan.operations[operation]
    }

    pub(crate) fn operations(&self) -> usize {
        self.plan.operations.len()
    }

    pub(crate) fn first(&self) -> State {
        State {
            server: Server::new(self.plan.users),
            network: Vec::new(),
            runs: [None, None],
            journals: [Journal::default(), Journal::default()],
            left: self.budget,
            broken: Laws::default(),
            is_disturbed: false,
            is_deceived: false,
            had_effect: [0; PROCESSES],
        }
    }

    /// Whether the account is as planned, and a journal says so.
    pub(crate) fn is_complete(&self, state: &State) -> bool {
        state.journals.iter().any(|journal| journal.is_finished) && laws::is_as_planned(&self.plan, &state.server)
    }

    /// Whether no process runs and no request is unanswered.
    pub(crate) fn is_quiet(&self, state: &State) -> bool {
        state.network.is_empty() && state.runs.iter().all(Option::is_none)
    }

    /// Whether an apply may end for good in this state. Nothing runs, and either the plan is carried out, or something
    /// happened that needs another plan and nothing is left that only this plan can repair.
    pub(crate) fn is_end(&self, state: &State) -> bool {
        self.is_quiet(state) && (state.is_disturbed || self.is_complete(state))
    }

    /// The state after a step.
    pub(crate) fn next(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Start(process) => self.start(&mut state, process)?,
            Step::Begin(process, operation) => self.begin(&mut state, process, operation),
            Step::Again(process, operation) => self.once(&mut state, process, operation),
            Step::Unread(process, operation, how) => self.unread(&mut state, process, operation, how),
            Step::Refill(process, operation) => self.refill(&mut state, process, operation),
            Step::RefillUnread(process, operation) => self.refill_unread(&mut state, process, operation),
            Step::ReadBack(process, operation) => self.read_back(&mut state, process, operation),
            Step::ReadBackUnread(process, operation) => self.read_back_unread(&mut state, process, operation),
            Step::CarryOut(place) => self.carry_out(&mut state, place),
            Step::Reject(place, turned) => {
                state.left.faults -= 1;
                state.is_disturbed |= turned == Rejection::Invalid;
                let message = state.network.remove(place);
                self.turned_away(&mut state, &message, turned);
            }
            Step::Receive(place) => {
                let message = state.network.remove(place);
                self.answered(&mut state, &message, message.answer?);
            }
            Step::Lie(place, id) => {
                state.left.lies -= 1;
                state.is_disturbed = true;
                // An unknown id looks like a new one until the user is read.
                state.is_deceived |= usize::from(id) >= self.plan.users.len();
                let message = state.network.remove(place);
                self.answered(&mut state, &message, Answer::Created(id));
            }
            Step::LieGone(place) => {
                state.left.lies -= 1;
                state.is_disturbed = true;
                let message = state.network.remove(place);
                self.answered(&mut state, &message, Answer::NotFound);
            }
            Step::LieDone(place) => {
                state.left.lies -= 1;
                state.is_disturbed = true;
                state.is_deceived = true;
                let message = state.network.remove(place);
                let answer = match (message.request, message.read) {
                    (Request::Post(_), _) => Answer::Created(NOBODY),
                    (Request::Put(_, fields, custom), Some(read)) => Answer::Stored(User { fields, custom, ..read }),
                    (Request::Put(..), None) => return None,
                    (Request::Delete(_), _) => Answer::Removed,
                };
                self.answered(&mut state, &message, answer);
            }
            Step::LieRefused(place) => {
                state.left.lies -= 1;
                state.is_disturbed = true;
                self.carry_out(&mut state, place);
                let message = state.network.remove(place);
                let Some(Answer::Stored(_)) = message.answer else { return None };
                self.answered(&mut state, &message, Answer::Refused);
            }
            Step::Lose(place) => {
                state.left.faults -= 1;
                let message = state.network.remove(place);
                self.unanswered(&mut state, &message);
            }
            Step::GiveUp(place) => {
                state.left.faults -= 1;
                state.network[place].is_orphan = true;
                let message = state.network[place].clone();
                self.unanswered(&mut state, &message);
            }
            Step::Vanish(place) => {
                state.network.remove(place);
            }
            Step::Settle(process) => self.settle(&mut state, process),
            Step::SettleUnread(process) => {
                state.left.faults -= 1;
                self.halt(&mut state, process);
            }
            Step::Confirm(process) => self.confirm(&mut state, process),
            Step::ConfirmUnread(process) => {
                state.left.faults -= 1;
                self.halt(&mut state, process);
            }
            Step::Finish(process) => self.finish(&mut state, process),
            Step::Crash(process, kept) => {
                state.left.crashes -= 1;
                state.runs[process] = None;
                state.journals[self.folders[process]].crash(kept);
                let of_it = |message: &Message| usize::from(message.process) == process;
                // A request that was carried out is over, even without an answer.
                state.network.retain(|message| !(of_it(message) && message.answer.is_some()));
                state.network.iter_mut().filter(|message| of_it(message)).for_each(|message| message.is_orphan = true);
            }
            Step::Other(write) => {
                state.left.others -= 1;
                state.is_disturbed = true;
                self.other(&mut state, write)?;
            }
            Step::Forge(process, id) => {
                state.left.forgeries -= 1;
                state.is_disturbed = true;
                let journal = &mut state.journals[self.folders[process]];
                journal.is_forged = true;
                journal.operations[0] = Some(match self.operation(0).action {
                    Action::Create { .. } => Progress::Done { user: Some(id), differs: false },
                    _ => {
                        let before = self.plan.users.get(usize::from(id)).map(|user| User { custom: 9, ..*user });
                        Progress::InDoubt(Doubt { before })
                    }
                });
            }
        }
        // Requests are unordered.
        state.network.sort_by_key(|message| (message.process, message.operation, message.step, message.is_orphan));
        Some(state)
    }

    fn carry_out(&self, state: &mut State, place: usize) {
        let Message { process, operation, request, is_orphan, .. } = state.network[place];
        laws::judge_execution(self, state, place);
        let before = state.server;
        let answer = state.server.carry_out(request, self.is_unique, operation);
        if before != state.server {
            state.had_effect[self.folders[usize::from(process)]] |= 1 << operation;
        }
        state.overtake(&before, place);
        if is_orphan {
            state.network.remove(place);
        } else {
            state.network[place].answer = Some(answer);
        }
        laws::judge_account(self, state);
    }

    fn other(&self, state: &mut State, write: Foreign) -> Option<()> {
        let before = state.server;
        let server = &mut state.server;
        let stranger = |fields| User { fields, custom: 1, is_admin: false, made_by: None };
        match write {
            Foreign::Promote(id) => server.user_mut(id)?.is_admin = true,
            Foreign::Rename(id) => server.user_mut(id)?.fields.name = 9,
            Foreign::Renumber(id) => server.user_mut(id)?.fields.identifier = RENUMBERED + id,
            Foreign::Fill(id) => server.user_mut(id)?.custom = 5,
            Foreign::Remove(id) => server.remove(id),
            Foreign::Twin(operation) | Foreign::Rival(operation) => {
                let fields = self.twin(state, operation)?;
                let name = if matches!(write, Foreign::Rival(_)) { 9 } else { fields.name };
                state.server.add(stranger(Fields { name, ..fields }));
            }
            Foreign::Stranger => {
                server.add(stranger(Fields { identifier: 20, email: 20, name: 8, branch: 1, manager: None }));
            }
        }
        if before == state.server {
            return None;
        }
        state.overtake(&before, usize::MAX);
        // An effect that another client has undone no longer counts, even if it happens again.
        for operation in (0..self.operations()).filter(|operation| !laws::has_effect(self, &state.server, *operation)) {
            state.had_effect.iter_mut().for_each(|had_effect| *had_effect &= !(1 << operation));
        }
        Some(())
    }
}

impl State {
    /// Marks the requests whose users were changed meanwhile.
    fn overtake(&mut self, before: &Server, by: usize) {
        let server = &self.server;
        for (place, message) in self.network.iter_mut().enumerate() {
            if place != by
                && message.answer.is_none()
                && let Some(id) = message.request.user()
            {
                message.is_overtaken |= before.user(id) != server.user(id);
            }
        }
    }

    /// Notes that a law is broken.
    pub(crate) fn breaks(&mut self, law: Law) {
        self.broken.insert(law);
    }
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.first()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        // Nothing follows a broken law, because only the shortest steps to it are of interest.
        if state.broken.is_empty() {
            actions.extend(self.steps(state));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        self.next(last, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        laws::properties()
    }
}
