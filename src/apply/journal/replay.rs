//! What a journal says about an apply. Each line is checked against the plan.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::{BegunBy, End, FORMAT, FORMAT_VERSION, JournalError, Record, Step, damaged, read_lines};
use crate::apply::known::Known;
use crate::employee::UserId;
use crate::files::FileState;
use crate::plan::{Action, Field, Operation, OperationId, Plan};
use crate::provider::StoredUser;
use crate::state::Key;

/// What a journal says about one operation.
#[derive(Debug)]
pub enum Progress {
    /// It is done.
    Done {
        /// The user that it created or changed.
        user_id: Option<UserId>,
        /// Which values Skovik stored differently.
        differs: Vec<String>,
    },
    /// A request may or may not have been carried out.
    InDoubt(Doubt),
}

/// One or more requests for an operation that may or may not have been carried out.
#[derive(Debug, Clone, Default)]
pub struct Doubt {
    /// The whole user before the last of these requests; a refill is none of them. Each but the first is sent only if the
    /// user is still as planned. So it is the last that was seen of the user before the change, with all that other
    /// clients wrote until then.
    pub before: Option<StoredUser>,
    /// Whether this run sent the last of these requests a moment ago.
    pub is_recent: bool,
}

impl Doubt {
    /// Notes the user as read before another request.
    pub fn renew(&mut self, before: Option<StoredUser>) {
        self.before = before.or_else(|| self.before.take());
    }
}

/// What a journal says as a whole.
#[derive(Debug, Default)]
pub struct Replay {
    /// What is known of each operation that was begun.
    pub operations: HashMap<OperationId, Progress>,
    /// Operations that were tried and surely changed nothing.
    pub failed: HashSet<OperationId>,
    /// Who was in Skovik before anything was written, if the journal says it: it does if the plan creates somebody.
    pub known: Option<Known>,
    /// The whole user before the last request, as in [`Doubt`], of each operation that changes or deletes one.
    pub before: HashMap<OperationId, StoredUser>,
    /// Operations that were called done and that a later list contradicted.
    pub contradicted: HashSet<OperationId>,
    /// Operations whose outcome is unknown, and whose users have changed since: nothing waits for them.
    pub outdated: HashSet<OperationId>,
    /// Whether a request was carried out.
    is_carried_out: bool,
    /// When the last operation was done, if all are.
    pub finished: Option<Timestamp>,
    /// Whether the last run came to its end, and told what it found. A run that was killed did not.
    pub is_told: bool,
    /// Which command began it, if any did.
    pub begun_by: Option<BegunBy>,
    /// When it was begun, if it was.
    pub begun_at: Option<Timestamp>,
    /// The users that its creates made.
    made: HashMap<UserId, OperationId>,
    /// The users that the plan changes or deletes.
    touched: HashSet<UserId>,
    pub(super) end: End,
    /// The file as it was when its reading began; `None` if there was none.
    file: Option<FileState>,
}

impl Replay {
    /// Reads a plan's journal, if there is one.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn read(path: &Path, key: &Key, plan: &Plan) -> Result<Self, JournalError> {
        let touched = plan.content().operations.iter().filter_map(Operation::user_id).cloned().collect();
        let file = fs::symlink_metadata(path).ok().map(|file| FileState::of(&file));
        let mut replay = Self { touched, file, ..Self::default() };
        replay.end = read_lines(path, key, plan.hash(), |line, record| {
            replay.take(plan, line, record).map_err(|problem| damaged(path, line, problem))
        })?;
        Ok(replay)
    }

    /// Whether the journal at this path is still the file that this was read from, as it was then.
    #[must_use]
    pub fn is_up_to_date(&self, path: &Path) -> bool {
        self.file.as_ref().is_some_and(|file| fs::symlink_metadata(path).is_ok_and(|now| *file == FileState::of(&now)))
    }

    /// Whether the journal at this path, which was opened since to be written, has nothing that was not read.
    pub(super) fn is_as_read(&self, path: &Path) -> bool {
        match &self.file {
            Some(_) => self.is_up_to_date(path),
            None => fs::symlink_metadata(path).is_ok_and(|now| now.len() == 0),
        }
    }

    /// Whether the apply was begun.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.end.length > 0
    }

    /// Whether an operation was begun in an earlier run, and is not known to be done.
    #[must_use]
    pub fn has_tried(&self, operation: OperationId) -> bool {
        self.failed.contains(&operation) || matches!(self.operations.get(&operation), Some(Progress::InDoubt(_)))
    }

    /// Whether it is noted that this user was in Skovik before anything was written.
    #[must_use]
    pub fn was_there(&self, user: &UserId) -> bool {
        self.known.as_ref().is_some_and(|known| known.has(user))
    }

    /// Whether its creates made this user.
    #[must_use]
    pub fn has_made(&self, user: &UserId) -> bool {
        self.made.contains_key(user)
    }

    /// Whether anything was written, or may have been. Until then an apply changed nothing, whatever it tried.
    #[must_use]
    pub fn has_written(&self) -> bool {
        self.is_carried_out || self.doubts().next().is_some()
    }

    /// Whether of some request it is not known that it was, or was not, carried out, and the same apply may still find out.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.doubts().any(|id| !self.outdated.contains(id))
    }

    fn doubts(&self) -> impl Iterator<Item = &OperationId> {
        self.operations.iter().filter(|(_, progress)| matches!(progress, Progress::InDoubt(_))).map(|(id, _)| id)
    }

    /// Whether the apply ended in the middle: an operation is left that was neither done nor refused nor outdated, and waits
    /// for none that was.
    #[must_use]
    pub fn is_cut_short(&self, plan: &Plan) -> bool {
        let mut stuck: HashSet<OperationId> = self.failed.union(&self.outdated).copied().collect();
        plan.content().operations.iter().any(|operation| {
            if self.is_done(operation.id) || stuck.contains(&operation.id) {
                return false;
            }
            // Operations come after those that they wait for.
            let waits = operation.depends_on.iter().any(|needed| stuck.contains(needed));
            if waits {
                stuck.insert(operation.id);
            }
            !waits
        })
    }

    /// How many operations are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.operations.values().filter(|progress| matches!(progress, Progress::Done { .. })).count()
    }

    /// Adds one line, if an apply of this plan can have written it.
    fn take(&mut self, plan: &Plan, line: u64, record: Record) -> Result<(), String> {
        match record {
            Record::Journal { format, format_version, plan_hash, begun_by, account: _, at } => {
                if line > 1 {
                    return Err("a second header".to_owned());
                }
                if format != FORMAT || format_version != FORMAT_VERSION {
                    return Err(format!("not a {FORMAT:?} file of version {FORMAT_VERSION}"));
                }
                if plan_hash != plan.hash() {
                    return Err(format!("it is the journal of another plan, {plan_hash}"));
                }
                (self.begun_by, self.begun_at) = (Some(begun_by), Some(at));
            }
            _ if line == 1 => return Err("it names no plan".to_owned()),
            _ if self.finished.is_some() => return Err("it continues after its end".to_owned()),
            Record::Run { .. } => self.is_told = false,
            Record::Ended { .. } => self.is_told = true,
            Record::Known { at: _, users } => {
                if self.has_written() {
                    return Err("it lists the users before the first write only after that write".to_owned());
                }
                self.known = Some(users);
            }
            Record::Intent { at: _, operation, step, before } => {
                self.check_intent(plan, operation, step, before.as_ref())?;
                self.outdated.remove(&operation);
                if let (Some(before), Step::Update | Step::Delete) = (&before, step) {
                    self.before.insert(operation, before.clone());
                }
                match self.operations.entry(operation).or_insert_with(|| Progress::InDoubt(Doubt::default())) {
                    Progress::InDoubt(doubt) if step != Step::Refill || doubt.before.is_none() => doubt.renew(before),
                    Progress::InDoubt(_) | Progress::Done { .. } => {}
                }
            }
            Record::Done { at: _, operation, user_id, after, differs } => {
                self.check_done(plan, operation, user_id.as_ref(), after.as_ref())?;
                if let (Action::Create { .. }, Some(user_id)) = (&known(plan, operation)?.action, &user_id) {
                    self.made.insert(user_id.clone(), operation);
                }
                let before = self.operations.insert(operation, Progress::Done { user_id, differs });
                self.is_carried_out |= matches!(before, Some(Progress::InDoubt(_)));
                self.failed.remove(&operation);
                self.outdated.remove(&operation);
            }
            Record::Doubted { at: _, operation, problem: _ } => {
                let (Action::Create { .. }, Some(user_id)) = (&known(plan, operation)?.action, self.made_by(operation))
                else {
                    return Err(format!("operation {operation} is called doubtful, but created nobody"));
                };
                self.made.remove(&user_id.clone());
                self.operations.insert(operation, Progress::InDoubt(Doubt::default()));
            }
            Record::NotDone { at: _, operation, problem: _ } => {
                known(plan, operation)?;
                self.is_open(operation)?;
                self.operations.remove(&operation);
                self.before.remove(&operation);
                self.outdated.remove(&operation);
                self.failed.insert(operation);
            }
            Record::Contradicted { at: _, operation, problem: _, listed: _ } => {
                known(plan, operation)?;
                if !self.is_done(operation) {
                    return Err(format!("operation {operation} is contradicted, but was never done"));
                }
                self.contradicted.insert(operation);
            }
            Record::Outdated { at: _, operation, problem: _, user_id: _ } => {
                known(plan, operation)?;
                if !self.doubts().any(|id| *id == operation) {
                    return Err(format!("operation {operation} is outdated, but is not in doubt"));
                }
                self.outdated.insert(operation);
            }
            Record::Finished { at } => {
                let done = self.done();
                let operations = plan.content().operations.len();
                if done != operations {
                    return Err(format!("it ends with {done} of {operations} operations done"));
                }
                (self.finished, self.is_told) = (Some(at), true);
            }
        }
        Ok(())
    }

    fn check_intent(
        &self,
        plan: &Plan,
        id: OperationId,
        step: Step,
        before: Option<&StoredUser>,
    ) -> Result<(), String> {
        let operation = known(plan, id)?;
        self.is_open(id)?;
        if let Some(needed) = operation.depends_on.iter().find(|needed| !self.is_done(**needed)) {
            return Err(format!("operation {id} is begun before operation {needed}"));
        }
        let (fits, user) = match &operation.action {
            Action::Create { .. } => (step == Step::Create, None),
            Action::Delete { user_id, .. } => (step == Step::Delete, Some(user_id)),
            Action::Update { user_id, changes, .. } => {
                let moves = changes.iter().any(|change| change.field == Field::Branch);
                (step == Step::Update || moves && step == Step::Refill, Some(user_id))
            }
            Action::Link { create, .. } => (step == Step::Update, self.made_by(*create)),
        };
        if !fits {
            return Err(format!("operation {id} has no such step"));
        }
        if before.map(StoredUser::id) != user {
            return Err(format!("operation {id} is not about this user"));
        }
        Ok(())
    }

    fn check_done(
        &self,
        plan: &Plan,
        id: OperationId,
        user: Option<&UserId>,
        after: Option<&StoredUser>,
    ) -> Result<(), String> {
        let operation = known(plan, id)?;
        self.is_open(id)?;
        let fits = match &operation.action {
            Action::Update { user_id, .. } => user == Some(user_id),
            Action::Link { create, .. } => user == self.made_by(*create),
            Action::Delete { .. } => user.is_none(),
            Action::Create { .. } => {
                let is_others = |user: &UserId| self.made.contains_key(user) || self.touched.contains(user);
                user.is_some_and(|user| !is_others(user))
            }
        };
        let is_same = after.is_none_or(|after| user == Some(after.id()));
        if fits && is_same { Ok(()) } else { Err(format!("operation {id} is not about this user")) }
    }

    fn is_open(&self, id: OperationId) -> Result<(), String> {
        if self.is_done(id) { Err(format!("operation {id} is begun after it was done")) } else { Ok(()) }
    }

    fn is_done(&self, id: OperationId) -> bool {
        matches!(self.operations.get(&id), Some(Progress::Done { .. }))
    }

    fn made_by(&self, create: OperationId) -> Option<&UserId> {
        match self.operations.get(&create) {
            Some(Progress::Done { user_id, .. }) => user_id.as_ref(),
            _ => None,
        }
    }
}

fn known(plan: &Plan, id: OperationId) -> Result<&Operation, String> {
    plan.operation(id).ok_or_else(|| format!("the plan has no operation {id}"))
}
