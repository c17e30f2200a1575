//! Carrying out one operation: read, compare, note the intent, write, compare again.
//!
//! An update or delete reads its user just before the write and does nothing where that user is not the one of the plan.
//! No request that writes leaves before its intent is on disk.

use jiff::Timestamp;

use super::Halt;
use super::expect::{differences, hash_of, updated};
use super::journal::{Doubt, Journal, Record, Step};
use crate::diff::Protect;
use crate::employee::{Managed, User, UserId};
use crate::plan::{Digest, Fields, Operation, OperationId};
use crate::target::client::{ApiError, Client};
use crate::target::wire::{Edit, UserResource, create_body};

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
}

impl Attempt {
    fn new(end: End) -> Self {
        Self { end, halt: None, wrote: false, before: None }
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
                let differs = self.compare(expected, &made);
                Attempt::new(End::Done { user_id: Some(made.id().clone()), after: Some(made), differs })
                    .having_written()
            }
            Err(ApiError::Refused(refusal)) if refusal.taken => Attempt::new(End::Taken(refusal.to_string())),
            Err(error) => end_of_write(&error),
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
            done(read, Vec::new())
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
                    let differs = self.compare(expected, &after);
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
        let mut read = match self.client.user(before.id()).await {
            Ok(Some(read)) => read,
            Ok(None) => return Attempt::new(half(&"the user is not in Skovik any more")),
            Err(error) => return self.ended_by(half(&error), &error),
        };
        let missing = match read.refill(&before, edits) {
            Ok(missing) => missing,
            Err(problem) => return Attempt::new(half(&problem)),
        };
        let mut wrote = false;
        if let Some(body) = missing {
            if let Err(mut attempt) = self.announce(id, Step::Refill, Some(&before)).await {
                attempt.end = half(&"the journal cannot be written");
                return attempt;
            }
            wrote = true;
            read = match self.client.replace_user(read.id(), &body).await {
                Ok(Some(after)) => {
                    if let Some(halt) = self.changed_roles(&read, &after) {
                        return Attempt::new(half(&halt)).halting(halt).having_written();
                    }
                    after
                }
                Ok(None) => return Attempt::new(half(&"the user vanished")),
                Err(error) => return self.ended_by(half(&error), &error),
            };
        }
        let mut differs = self.compare(expected, &read);
        if !matches!(read.refill(&before, edits), Ok(None)) {
            differs.push("custom fields that the change of branch emptied are still missing".to_owned());
        }
        let mut attempt = done(read, differs);
        attempt.wrote = wrote;
        attempt.before = Some(before);
        attempt
    }

    async fn delete(&self, id: OperationId, user_id: &UserId, before_hash: Digest, doubt: Option<&Doubt>) -> Attempt {
        let (read, user) = match self.read(user_id, doubt).await {
            Ok(Some(found)) => found,
            Ok(None) => return gone(),
            Err(attempt) => return attempt,
        };
        if hash_of(&user, self.managed) != before_hash {
            return Attempt::new(End::Conflict(changed_meanwhile(user_id)));
        }
        if let Err(attempt) = self.announce(id, Step::Delete, Some(&read)).await {
            return attempt;
        }
        let mut attempt = match self.client.delete_user(user_id).await {
            Ok(_) => gone().having_written(),
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
        ApiError::Refused(_) | ApiError::NotSent { .. } => Attempt::not_done(problem),
        ApiError::Unclear { .. } => Attempt::new(End::Unclear(problem)),
        ApiError::Credentials { unclear, .. } => {
            let end = if *unclear { End::Unclear(problem.clone()) } else { End::NotDone(problem.clone()) };
            Attempt::new(end).halting(Halt::Credentials(problem))
        }
    }
}

fn changed_meanwhile(user_id: &UserId) -> String {
    format!("conflict: the user {user_id} has changed in Skovik since the plan, and was left alone; plan again")
}
