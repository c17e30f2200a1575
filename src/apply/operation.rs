//! Carrying out one operation: read, compare, note the intent, write, compare again.
//!
//! An update or delete reads its user just before the write and does nothing where that user is not the one of the plan,
//! or is protected. A repetition is a new decision: the user is read and judged again before each of them. No request
//! that writes leaves before its intent is on disk.

use std::time::Duration;

use jiff::Timestamp;

use super::Halt;
use super::expect::{differences, hash_of, updated};
use super::journal::{Doubt, Journal, Record, Step};
use crate::diff::Protect;
use crate::employee::{Managed, User, UserId};
use crate::plan::{Digest, Fields, Operation, OperationId};
use crate::target::client::{ApiError, Client, Deleted};
use crate::target::wire::{Body, Edit, UserResource, create_body};

/// What all operations of a run share.
pub struct Worker<'a> {
    /// The account.
    pub client: &'a Client,
    /// Which fields are managed.
    pub managed: &'a Managed,
    /// Who is never touched.
    pub protect: &'a Protect,
    /// Where intents and outcomes are noted.
    pub journal: &'a Journal,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

/// An operation with everything that it needs resolved to ids.
#[derive(Debug)]
pub enum Task<'a> {
    /// A POST.
    Create {
        /// The user to be.
        after: &'a Fields,
        /// The user to be, as they are compared.
        expected: User,
    },
    /// A PUT with edits laid over what is read.
    Update {
        /// The user.
        user_id: UserId,
        /// What the user must be before it.
        before: Before,
        /// What to change.
        edits: Vec<Edit>,
    },
    /// A DELETE.
    Delete {
        /// The user.
        user_id: &'a UserId,
        /// What the user must be before it.
        before_hash: Digest,
    },
}

/// What a user must be for an update to go ahead.
#[derive(Debug)]
pub enum Before {
    /// Exactly what the plan saw.
    Hash(Digest),
    /// Exactly what an operation of this plan made.
    Created(User),
}

/// How one attempt ended.
#[derive(Debug)]
pub struct Attempt {
    /// What became of it.
    pub end: End,
    /// Why the whole run must stop, if it must.
    pub halt: Option<Halt>,
    /// Whether a request that writes surely had an effect; where that is unclear, `end` says so.
    pub wrote: bool,
    /// The whole user as read before the write.
    pub before: Option<UserResource>,
    /// How long to wait before another attempt, if that may help.
    again: Option<Duration>,
}

/// What became of an attempt.
#[derive(Debug)]
pub enum End {
    /// It is done.
    Done {
        /// The user whom it made or changed.
        user_id: Option<UserId>,
        /// The whole user afterwards.
        after: Option<UserResource>,
        /// What Skovik holds otherwise than it was asked to.
        differs: Vec<String>,
    },
    /// Surely nothing was changed.
    NotDone(String),
    /// The user is not the one of the plan any more, and was left alone.
    Conflict(String),
    /// Something was changed, but not all.
    HalfDone(String),
    /// It may or may not have been carried out.
    Unclear(String),
    /// A create was refused because the identifier or e-mail is in use: perhaps by the very user whom it made before.
    Taken(String),
    /// Skovik says that the user who is to be removed is not there. Only the complete list can confirm that.
    SaidGone(String),
    /// The run was ended before anything was sent.
    Stopped,
}

impl Attempt {
    fn new(end: End) -> Self {
        Self { end, halt: None, wrote: false, before: None, again: None }
    }

    fn not_done(problem: impl Into<String>) -> Self {
        Self::new(End::NotDone(problem.into()))
    }

    fn having_written(self) -> Self {
        Self { wrote: true, ..self }
    }

    fn halting(mut self, halt: Halt) -> Self {
        self.halt = Some(halt);
        self
    }

    fn trying_again(self, again: Option<Duration>) -> Self {
        Self { again, ..self }
    }

    /// What an attempt comes to where one before it may have got through: being refused now does not undo that.
    fn after_unclear(mut self) -> Self {
        self.end = match self.end {
            End::NotDone(problem) => End::Unclear(format!("{problem}, after an attempt that may have got through")),
            End::Stopped => End::Unclear("the run was stopped after an attempt that may have got through".to_owned()),
            End::Conflict(problem) => {
                End::HalfDone(format!("{problem}; an attempt before it may have got through: run the same apply again"))
            }
            end => end,
        };
        self
    }
}

/// The attempts of one update or delete within one run.
struct Attempts {
    left: u32,
    /// What is known of an attempt whose outcome is not, of this run or an earlier one.
    doubt: Option<Doubt>,
    /// Whether that attempt was one of these.
    unclear: bool,
}

impl Attempts {
    fn new(left: u32, doubt: Option<&Doubt>) -> Self {
        Self { left, doubt: doubt.cloned(), unclear: false }
    }

    /// Whether to look at the user again after the given attempt; it is what all of them come to otherwise.
    async fn go_on(&mut self, attempt: Attempt, client: &Client) -> Result<(), Attempt> {
        let attempt = if self.unclear { attempt.after_unclear() } else { attempt };
        let Some(delay) = attempt.again.filter(|_| self.left > 0) else { return Err(attempt) };
        if let End::Unclear(_) = attempt.end {
            self.unclear = true;
            self.doubt.get_or_insert_with(|| Doubt { before: attempt.before.clone() });
        }
        self.left -= 1;
        match client.wait(delay).await {
            Ok(()) => Ok(()),
            Err(_) if self.doubt.is_some() => Err(attempt.after_unclear()),
            Err(_) => Err(Attempt::new(End::Stopped)),
        }
    }
}

impl Worker<'_> {
    /// Carries an operation out. `doubt` is what is known of an earlier attempt whose outcome is not.
    pub async fn carry_out(&self, operation: &Operation, task: &Task<'_>, doubt: Option<&Doubt>) -> Attempt {
        let id = operation.id;
        match task {
            Task::Create { after, expected } => self.create(id, after, expected).await,
            Task::Update { user_id, before, edits } => self.update(id, user_id, before, edits, doubt).await,
            Task::Delete { user_id, before_hash } => self.delete(id, user_id, *before_hash, doubt).await,
        }
    }

    async fn create(&self, id: OperationId, after: &Fields, expected: &User) -> Attempt {
        let body = match create_body(after, expected.manager.as_ref()) {
            Ok(body) => body,
            Err(problem) => return Attempt::not_done(problem),
        };
        if let Err(attempt) = self.announce(id, Step::Create, None).await {
            return attempt;
        }
        match self.client.create_user(&body).await {
            Ok(made) => {
                let (after, differs) = self.as_stored(expected, &body, made).await;
                Attempt::new(End::Done { user_id: Some(after.id().clone()), after: Some(after), differs })
                    .having_written()
            }
            Err(ApiError::Refused(refusal)) if refusal.taken => Attempt::new(End::Taken(refusal.to_string())),
            // A POST is never repeated where its outcome is unclear: the engine settles that by the complete list.
            Err(error) => end_of_write(&error).trying_again(None),
        }
    }

    async fn update(
        &self,
        id: OperationId,
        user_id: &UserId,
        before: &Before,
        edits: &[Edit],
        doubt: Option<&Doubt>,
    ) -> Attempt {
        let mut attempts = Attempts::new(self.client.retries(), doubt);
        loop {
            let attempt = self.update_once(id, user_id, before, edits, attempts.doubt.as_ref()).await;
            if let Err(last) = attempts.go_on(attempt, self.client).await {
                return last;
            }
        }
    }

    async fn update_once(
        &self,
        id: OperationId,
        user_id: &UserId,
        before: &Before,
        edits: &[Edit],
        doubt: Option<&Doubt>,
    ) -> Attempt {
        let (read, user) = match self.read(user_id, doubt).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                let problem = format!("conflict: the user {user_id} is not in Skovik any more; plan again");
                return Attempt::new(End::Conflict(problem));
            }
            Err(attempt) => return attempt,
        };
        let moves = edits.iter().any(|edit| matches!(edit, Edit::Branch(_)));
        let is_as_planned = match before {
            Before::Hash(hash) => hash_of(&user, self.managed) == *hash,
            Before::Created(expected) => differences(expected, &user, self.managed).is_empty(),
        };
        if is_as_planned {
            let expected = updated(&user, edits, self.managed);
            let first = doubt.and_then(|doubt| doubt.before.clone()).unwrap_or_else(|| read.clone());
            return self.write(id, read, first, &expected, edits, moves).await;
        }
        // Not as before. If an earlier attempt was carried out after all, the user is as after it.
        if let Before::Created(created) = before
            && differences(&updated(created, edits, self.managed), &user, self.managed).is_empty()
        {
            // Linked already, by a run whose journal lost its end.
            return done(read, Vec::new());
        }
        let earlier = doubt.and_then(|doubt| doubt.before.as_ref());
        let Some((first, was)) = earlier.and_then(|first| Some((first, first.to_user(self.managed).ok()?))) else {
            return Attempt::new(End::Conflict(changed_meanwhile(user_id)));
        };
        let expected = updated(&was, edits, self.managed);
        // Custom fields that the move emptied come back even where somebody has changed something else since.
        if moves && user.branch == expected.branch {
            self.refill(id, first.clone(), &expected, edits).await
        } else if differences(&expected, &user, self.managed).is_empty() {
            let lost = self.losses(first, edits, &read);
            done(read, lost)
        } else {
            Attempt::new(End::Conflict(changed_meanwhile(user_id)))
        }
    }

    async fn write(
        &self,
        id: OperationId,
        read: UserResource,
        first: UserResource,
        expected: &User,
        edits: &[Edit],
        moves: bool,
    ) -> Attempt {
        let body = match read.overlay(edits) {
            Ok(body) => body,
            Err(problem) => return Attempt::not_done(format!("the user cannot be written back: {problem}")),
        };
        if let Err(attempt) = self.announce(id, Step::Update, Some(&first)).await {
            return attempt;
        }
        let mut attempt = match self.client.replace_user(read.id(), &body).await {
            Ok(Some(after)) => {
                let attempt = if let Some(halt) = self.changed_roles(&read, &after) {
                    Attempt::new(End::HalfDone(halt.to_string())).halting(halt)
                } else if moves {
                    self.refill(id, first.clone(), expected, edits).await
                } else {
                    let (after, differs) = self.as_stored(expected, &body, after).await;
                    done(after, differs)
                };
                attempt.having_written()
            }
            Ok(None) => Attempt::not_done("the user vanished from Skovik between the read and the write; plan again"),
            Err(error) => end_of_write(&error),
        };
        attempt.before = Some(first);
        attempt
    }

    /// After a change of branch: reads the user back, and sends the custom fields again that went missing.
    async fn refill(&self, id: OperationId, before: UserResource, expected: &User, edits: &[Edit]) -> Attempt {
        let half = |problem: &dyn std::fmt::Display| {
            End::HalfDone(format!(
                "the user was moved to another branch, but it could not be made sure that their custom fields are still \
                 there: {problem}; run the same apply again"
            ))
        };
        let mut left = self.client.retries();
        let mut wrote = false;
        let read = loop {
            let read = match self.client.user(before.id()).await {
                Ok(Some(read)) => read,
                Ok(None) => return Attempt::new(half(&"the user is not in Skovik any more")),
                Err(error) => return self.ended_by(half(&error), &error),
            };
            let body = match read.refill(&before, edits) {
                Ok(Some(body)) => body,
                Ok(None) => break read,
                Err(problem) => return Attempt::new(half(&problem)),
            };
            match read.to_user(self.managed) {
                Ok(user) if self.protect.covers(&user) => {
                    return Attempt::new(half(&"the user is protected now, and was left alone"));
                }
                Ok(_) => {}
                Err(problem) => return Attempt::new(half(&problem)),
            }
            if let Err(mut attempt) = self.announce(id, Step::Refill, Some(&before)).await {
                attempt.end = half(&"the journal cannot be written");
                return attempt;
            }
            wrote = true;
            match self.client.replace_user(read.id(), &body).await {
                Ok(Some(after)) => {
                    if let Some(halt) = self.changed_roles(&read, &after) {
                        return Attempt::new(half(&halt)).halting(halt).having_written();
                    }
                    break after;
                }
                Ok(None) => return Attempt::new(half(&"the user vanished")),
                Err(ApiError::NotSent { again: Some(delay), .. } | ApiError::Unclear { again: Some(delay), .. })
                    if left > 0 =>
                {
                    left -= 1;
                    if let Err(error) = self.client.wait(delay).await {
                        return Attempt::new(half(&error));
                    }
                }
                Err(error) => return self.ended_by(half(&error), &error),
            }
        };
        let mut differs = self.compare(expected, &read);
        differs.extend(self.losses(&before, edits, &read));
        let mut attempt = done(read, differs);
        attempt.wrote = wrote;
        attempt.before = Some(before);
        attempt
    }

    async fn delete(&self, id: OperationId, user_id: &UserId, before_hash: Digest, doubt: Option<&Doubt>) -> Attempt {
        let mut attempts = Attempts::new(self.client.retries(), doubt);
        loop {
            let attempt = self.delete_once(id, user_id, before_hash, attempts.doubt.as_ref()).await;
            if let Err(last) = attempts.go_on(attempt, self.client).await {
                return last;
            }
        }
    }

    async fn delete_once(
        &self,
        id: OperationId,
        user_id: &UserId,
        before_hash: Digest,
        doubt: Option<&Doubt>,
    ) -> Attempt {
        let said_gone = || End::SaidGone(format!("Skovik says that the user {user_id} is not there (404)"));
        let (read, user) = match self.read(user_id, doubt).await {
            Ok(Some(found)) => found,
            Ok(None) => return Attempt::new(said_gone()),
            Err(attempt) => return attempt,
        };
        if hash_of(&user, self.managed) != before_hash {
            return Attempt::new(End::Conflict(changed_meanwhile(user_id)));
        }
        if let Err(attempt) = self.announce(id, Step::Delete, Some(&read)).await {
            return attempt;
        }
        let mut attempt = match self.client.delete_user(user_id).await {
            Ok(Deleted::Now) => gone().having_written(),
            Ok(Deleted::AlreadyGone) => Attempt::new(said_gone()).having_written(),
            Err(error) => end_of_write(&error),
        };
        attempt.before = Some(read);
        attempt
    }

    /// Reads a user just before a write, and refuses protected ones.
    async fn read(&self, id: &UserId, doubt: Option<&Doubt>) -> Result<Option<(UserResource, User)>, Attempt> {
        // What was in doubt before stays so where it cannot be read.
        let unread =
            |problem: String| Attempt::new(if doubt.is_some() { End::Unclear(problem) } else { End::NotDone(problem) });
        let read = match self.client.user(id).await {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            Err(error @ ApiError::Credentials { .. }) => {
                return Err(unread(error.to_string()).halting(Halt::Credentials(error.to_string())));
            }
            Err(ApiError::Stopped { .. }) if doubt.is_none() => return Err(Attempt::new(End::Stopped)),
            Err(error) => return Err(unread(format!("the user could not be read before the write: {error}"))),
        };
        let user = read
            .to_user(self.managed)
            .map_err(|problem| unread(format!("the user cannot be understood: {problem}")))?;
        if self.protect.covers(&user) {
            let problem = format!("conflict: the user {id} is protected now, and was left alone");
            return Err(Attempt::new(End::Conflict(problem)));
        }
        Ok(Some((read, user)))
    }

    /// Notes on disk what is about to be sent.
    async fn announce(&self, operation: OperationId, step: Step, before: Option<&UserResource>) -> Result<(), Attempt> {
        let record = Record::Intent { at: (self.now)(), operation, step, before: before.cloned() };
        self.journal.write(&record).done().await.map_err(|error| {
            Attempt::not_done(format!("nothing was sent: {error}")).halting(Halt::Journal(error.to_string()))
        })
    }

    fn compare(&self, expected: &User, after: &UserResource) -> Vec<String> {
        match after.to_user(self.managed) {
            Ok(user) => differences(expected, &user, self.managed),
            Err(problem) => vec![format!("the answer cannot be understood: {problem}")],
        }
    }

    /// How what Skovik holds after a write differs from what it was sent, what this tool does not manage included. What
    /// the answer seems to have lost is looked at once more.
    async fn as_stored(&self, expected: &User, sent: &Body, answer: UserResource) -> (UserResource, Vec<String>) {
        let differs = |held: &UserResource| {
            let mut differs = self.compare(expected, held);
            differs.extend(sent.lost(held, self.managed));
            differs
        };
        let found = differs(&answer);
        if found.is_empty() {
            return (answer, found);
        }
        match self.client.user(answer.id()).await {
            Ok(Some(read)) => {
                let found = differs(&read);
                (read, found)
            }
            _ => (answer, found),
        }
    }

    /// What a user lost of what was carried along from `before`.
    fn losses(&self, before: &UserResource, edits: &[Edit], held: &UserResource) -> Vec<String> {
        before.overlay(edits).map_or_else(|problem| vec![problem], |sent| sent.lost(held, self.managed))
    }

    fn changed_roles(&self, before: &UserResource, after: &UserResource) -> Option<Halt> {
        let roles = |resource: &UserResource| resource.to_user(self.managed).ok()?.roles;
        let (was, is) = (roles(before)?, roles(after)?);
        let sorted = |roles: &[Box<str>]| {
            let mut roles = roles.to_vec();
            roles.sort_unstable();
            roles
        };
        (sorted(&was) != sorted(&is)).then(|| {
            Halt::RolesChanged(format!(
                "the roles of the user {} changed from {was:?} to {is:?} in a write that left them alone; look into that \
                 before anything else is written",
                before.id()
            ))
        })
    }

    fn ended_by(&self, end: End, error: &ApiError) -> Attempt {
        let attempt = Attempt::new(end);
        match error {
            ApiError::Credentials { .. } => attempt.halting(Halt::Credentials(error.to_string())),
            _ => attempt,
        }
    }
}

fn done(after: UserResource, differs: Vec<String>) -> Attempt {
    Attempt::new(End::Done { user_id: Some(after.id().clone()), after: Some(after), differs })
}

fn gone() -> Attempt {
    Attempt::new(End::Done { user_id: None, after: None, differs: Vec::new() })
}

fn end_of_write(error: &ApiError) -> Attempt {
    let problem = error.to_string();
    match error {
        ApiError::Refused(_) => Attempt::not_done(problem),
        ApiError::NotSent { again, .. } => Attempt::not_done(problem).trying_again(*again),
        ApiError::Unclear { again, .. } => Attempt::new(End::Unclear(problem)).trying_again(*again),
        ApiError::Credentials { .. } => Attempt::not_done(problem.clone()).halting(Halt::Credentials(problem)),
        ApiError::Stopped { unclear: true } => Attempt::new(End::Unclear(problem)),
        ApiError::Stopped { unclear: false } => Attempt::new(End::Stopped),
    }
}

fn changed_meanwhile(user_id: &UserId) -> String {
    format!("conflict: the user {user_id} has changed in Skovik since the plan, and was left alone; plan again")
}
