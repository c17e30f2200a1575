//! The whole of the model: the account, requests on their way, processes that apply the plan, and who disturbs them.
//!
//! A [`Step`] is what can happen next. The steps of an apply are in `apply`, by the names that they have in the code.

use stateright::{Model, Property};

use crate::apply::Run;
use crate::journal::{Doubt, Journal, Progress};
use crate::laws::{self, Law, Laws};
use crate::plan::{Action, Operation, Plan};
use crate::server::{Answer, Fields, NOBODY, Request, Server, User};
use crate::steps::{Foreign, Step, Turned};

/// How many processes there can be.
pub(crate) const PROCESSES: usize = 2;

/// What is different from the program as it is, so that the laws have something to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// A POST without an answer is sent once more.
    RepeatsPosts,
    /// A PUT or DELETE is repeated without looking at the user again.
    RepeatsBlindly,
    /// Requests leave without an intent.
    SkipsIntents,
    /// A journal that somebody else has changed is gone on with.
    TrustsJournals,
    /// An id that is answered to a POST is taken as new.
    BelievesIds,
    /// A 404 is taken for proof that a user is gone.
    BelievesGone,
    /// The list that settles is not waited for until nothing is on its way any more.
    SettlesEarly,
    /// Whoever is protected is written to.
    TouchesProtected,
    /// A stale plan is begun.
    BeginsStale,
    /// A process takes no lock.
    TakesNoLock,
    /// After an attempt that may have been carried out, a conflict is noted as if surely nothing had been changed.
    ForgetsAttempts,
    /// An update or delete that is in doubt after a crash is tried again before the request of the dead process must have
    /// come to its end.
    ResumesAtOnce,
    /// What is in doubt after a crash is begun as if it were not.
    ForgetsDoubts,
    /// Custom fields that a change of branch emptied are not sent again.
    SkipsRefill,
    /// What others wait for is not read back after its write.
    ReadsNobodyBack,
    /// What is called done is not held against a list at the end.
    ConfirmsNothing,
}

/// What is modelled.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    /// The state folder of each process. Those who share one share journal and lock.
    pub(crate) folders: Vec<usize>,
    /// Whether the server refuses identifiers and e-mails that are in use.
    pub(crate) is_unique: bool,
    /// How much can go wrong in all.
    pub(crate) budget: Budget,
    /// Whether creates begin before anything else happens, as they do in a program that no network slows down.
    pub(crate) is_eager: bool,
    /// In what it differs from the program as it should be.
    pub(crate) mutations: &'static [Mutation],
}

/// How often something can still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Requests without a good answer.
    pub(crate) faults: u8,
    /// Answers that are not true: another user's id to a POST, 404 for a user who is there.
    pub(crate) lies: u8,
    /// Writes of another client.
    pub(crate) others: u8,
    pub(crate) crashes: u8,
    /// Changes to a journal by somebody without its key.
    pub(crate) forgeries: u8,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sent {
    Create,
    Update,
    Refill,
    Delete,
}

/// A request on its way, until its answer is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    pub(crate) process: u8,
    pub(crate) operation: u8,
    pub(crate) step: Sent,
    pub(crate) request: Request,
    /// The user as the process read them.
    pub(crate) read: Option<User>,
    /// What the server did, once it has.
    pub(crate) answer: Option<Answer>,
    /// Nobody waits for its answer any more.
    pub(crate) is_orphan: bool,
    /// Somebody has written to the user since they were read, which no client can see before the request gets there.
    pub(crate) is_overtaken: bool,
}

/// A process that applies the plan, or did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) server: Server,
    pub(crate) network: Vec<Message>,
    pub(crate) runs: [Option<Run>; PROCESSES],
    /// By folder.
    pub(crate) journals: [Journal; PROCESSES],
    pub(crate) left: Budget,
    pub(crate) broken: Laws,
    /// Whether anything happened that no apply can mend: another client wrote, the server lied or refused, a journal was
    /// forged.
    pub(crate) is_disturbed: bool,
    /// Whether the server said that something was done which it did not do, or named somebody else's new user.
    pub(crate) is_deceived: bool,
    /// Of each folder and operation, whether a request of it was carried out; for the laws.
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

    /// Whether all that the plan wants is so, and some journal says so.
    pub(crate) fn is_complete(&self, state: &State) -> bool {
        state.journals.iter().any(|journal| journal.is_finished) && laws::is_as_planned(&self.plan, &state.server)
    }

    /// Nothing is under way.
    pub(crate) fn is_quiet(&self, state: &State) -> bool {
        state.network.is_empty() && state.runs.iter().all(Option::is_none)
    }

    /// A state in which an apply may end for good: nothing is under way, and the plan is carried out, or something
    /// happened that makes another plan necessary and nothing that only this plan could mend is open.
    pub(crate) fn is_end(&self, state: &State) -> bool {
        self.is_quiet(state) && (state.is_disturbed || self.is_complete(state))
    }

    /// What comes of a step.
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
            Step::TurnAway(place, turned) => {
                state.left.faults -= 1;
                state.is_disturbed |= turned == Turned::Refused;
                let message = state.network.remove(place);
                self.turned_away(&mut state, &message, turned);
            }
            Step::TakeIn(place) => {
                let message = state.network.remove(place);
                self.answered(&mut state, &message, message.answer?);
            }
            Step::Lie(place, id) => {
                state.left.lies -= 1;
                state.is_disturbed = true;
                // An id that nobody has seen cannot be told from a new one before somebody looks.
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
                // What is carried out and not answered is over.
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
        // Requests on their way have no order among each other.
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
        // What is taken back is not there any more, whoever brings it about again.
        for operation in (0..self.operations()).filter(|operation| !laws::has_effect(self, &state.server, *operation)) {
            state.had_effect.iter_mut().for_each(|had_effect| *had_effect &= !(1 << operation));
        }
        Some(())
    }
}

impl State {
    /// Marks the requests on their way about whom somebody else has written.
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
        // What is broken stays so: the shortest way there is wanted, not what comes after it.
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
