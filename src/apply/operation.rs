//! Carrying out one operation: read, compare, note the intent, write, compare again.
//!
//! An update or delete reads its user just before the write, and does nothing if the user differs from the plan or is
//! protected; nor is the last admin deleted. Before each repetition the user is read and checked again, and so they are if
//! the write has to wait. No write is sent before its intent is on disk. If other operations depend on the
//! write, the user is read back after it. A refused change of branch is believed only after another look at the user: it
//! may have emptied custom fields all the same.

mod attempt;
mod delete;
mod fresh;
mod read_back;
mod refill;
mod task;

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use jiff::Timestamp;

use super::Halt;
use super::admins::Admins;
use super::expected_state::{
    differences, hash_of, is_elsewhere, is_person, roles_changed, roles_told_otherwise, updated,
};
use super::journal::{Doubt, Journal, Record, Step};
use crate::diff::Protect;
use crate::employee::{BranchId, Managed, User, UserId};
use crate::plan::{Change, Fields, Operation, OperationId, reactivates};
use crate::provider::{ApiError, Dialect, LiveUser, Provider, Rest, StoredUser};

pub use attempt::{Attempt, End};
pub use task::{Before, Planned, Task};

use attempt::{Attempts, done, end_of_write};
use read_back::another_person;

/// What all operations of a run share.
pub struct Worker<'a> {
    /// The service.
    pub provider: &'a dyn Provider,
    /// Which fields are managed.
    pub managed: &'a Managed,
    /// Who is never touched.
    pub protect: &'a Protect,
    /// The only branches that are managed; all, if `None`.
    pub branches: Option<&'a BTreeSet<BranchId>>,
    /// Whether the plan is the undo that the state folder makes: then it may touch users without a branch.
    pub takes_back: bool,
    /// The users whom the plan changes, as the complete list at the start showed them.
    pub listed: &'a HashMap<UserId, StoredUser>,
    /// Who administers the account.
    pub admins: &'a Admins,
    /// Where intents and outcomes are noted.
    pub journal: &'a Journal,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
}

impl Worker<'_> {
    /// Carries an operation out. `doubt` describes an earlier attempt whose outcome is unknown. `bar` is the problem to
    /// report of an update that is in doubt and must not be sent again: then its user is only looked at. `is_needed` says
    /// whether other operations depend on this one.
    pub async fn carry_out(
        &self,
        operation: &Operation,
        task: &Task<'_>,
        doubt: Option<&Doubt>,
        bar: Option<&str>,
        is_needed: bool,
    ) -> Attempt {
        let id = operation.id;
        let attempt = match task {
            Task::Create { after, expected } => self.create(id, after, expected).await,
            Task::Update { user_id, before, changes } => self.update(id, user_id, before, changes, doubt, bar).await,
            Task::Delete { user_id, before } => self.delete(id, user_id, *before, doubt).await,
        };
        if is_needed && attempt.wrote { self.read_back(task, attempt).await } else { attempt }
    }

    async fn create(&self, id: OperationId, after: &Fields, expected: &User) -> Attempt {
        let body = match self.dialect().create_request(after, expected.manager.as_ref()) {
            Ok(body) => body,
            Err(problem) => return Attempt::not_done(problem),
        };
        if let Err(attempt) = self.announce(id, Step::Create, None).await {
            return attempt;
        }
        match self.provider.create(&body, self.managed).await {
            Ok(made) => {
                let is_it = |made: &LiveUser| is_person(expected, &made.user);
                let made = self.as_held(expected, made).await;
                let (after, differs) =
                    if is_it(&made) { self.as_stored(expected, &body, made).await } else { (made, Vec::new()) };
                let believed = if is_it(&after) {
                    done(after, differs)
                } else {
                    Attempt::new(End::Unclear(another_person(&after)))
                };
                believed.having_written()
            }
            Err(ApiError::Refused(refusal)) if refusal.taken => Attempt::new(End::Taken(refusal.to_string())),
            // A POST with an unknown outcome is never repeated here: the engine settles it by the complete list.
            Err(error) => end_of_write(&error).trying_again(None),
        }
    }

    /// The user that a create made, as Skovik holds them if the answer is of another person.
    async fn as_held(&self, expected: &User, answer: LiveUser) -> LiveUser {
        if is_person(expected, &answer.user) {
            return answer;
        }
        match self.provider.user(&answer.user.id, self.managed).await {
            Ok(Some(held)) if is_person(expected, &held.user) => held,
            _ => answer,
        }
    }

    async fn update(
        &self,
        id: OperationId,
        user_id: &UserId,
        before: &Before<'_>,
        changes: &[Change],
        doubt: Option<&Doubt>,
        bar: Option<&str>,
    ) -> Attempt {
        let mut attempts = Attempts::new(self.provider.retries(), doubt);
        let last = loop {
            let attempt = self.update_once(id, user_id, before, changes, attempts.doubt.as_ref(), bar).await;
            if let Err(last) = attempts.go_on(attempt, self.provider).await {
                break last;
            }
        };
        let Some(refusal) = attempts.refusal_to_check(&last) else { return last };
        // Only a look: a barred update is not sent.
        let looked = self.update_once(id, user_id, before, changes, attempts.doubt.as_ref(), Some(&refusal)).await;
        attempts.after_look(looked)
    }

    async fn update_once(
        &self,
        id: OperationId,
        user_id: &UserId,
        before: &Before<'_>,
        changes: &[Change],
        doubt: Option<&Doubt>,
        bar: Option<&str>,
    ) -> Attempt {
        // It holds the custom fields that a change of branch emptied, for the refill.
        if let (Before::Planned(planned), Some(unmoved)) = (before, doubt.and_then(|doubt| doubt.before.as_ref()))
            && self.parse(unmoved).is_none_or(|was| hash_of(&was, self.managed) != planned.hash)
        {
            let problem = format!("conflict: the journal and the plan differ about the user {user_id}; plan again");
            return Attempt::new(End::Conflict(problem));
        }
        let returns = reactivates(changes);
        let read = match self.look(user_id, doubt, returns).await {
            Ok(Some(read)) => read,
            Ok(None) => {
                let problem = format!("conflict: the user {user_id} is not in Skovik any more; plan again");
                return Attempt::new(End::Conflict(problem));
            }
            Err(attempt) => return attempt,
        };
        let read_at = Instant::now();
        let moves = self.dialect().may_empty_others(changes);
        // Once nothing of it is under way, a user who has lost nothing needs nothing more of it.
        let is_whole = |doubt: &Doubt| doubt.before.is_some() && self.emptied_since(Some(doubt), &read).is_none();
        let is_over = doubt.is_some_and(|doubt| !moves || is_whole(doubt));
        let conflict = |problem| match self.named_as_lost(doubt.filter(|_| moves), &read) {
            _ if is_over => Attempt::new(End::Outdated(problem)),
            Some(lost) => Attempt::new(End::Conflict(format!("{problem}. {lost}"))),
            None => Attempt::new(End::Conflict(problem)),
        };
        let user = &read.user;
        if let Some(problem) = self.off_limits(user, before.roles()) {
            return conflict(problem);
        }
        let is_inactive = match self.dialect().is_inactive(read.stored.raw().get()) {
            Ok(is_inactive) => is_inactive,
            Err(problem) => return Attempt::not_done(format!("the user cannot be judged: {problem}")),
        };
        let is_as_planned = match before {
            Before::Planned(planned) => hash_of(user, self.managed) == planned.hash && is_inactive == returns,
            Before::Created(expected) => differences(expected, user, self.managed).is_empty(),
        };
        if is_as_planned {
            if moves && let Some(problem) = self.emptied_since(doubt, &read) {
                return Attempt::new(End::Conflict(problem));
            }
            if let Some(why) = bar {
                return Attempt::new(End::NotAgain(why.to_owned()));
            }
            let expected = updated(user, changes, self.managed);
            let attempt = self.write(id, (read, read_at), &expected, changes, moves).await;
            return if is_over { attempt.outdated() } else { attempt };
        }
        if is_inactive {
            return conflict(changed_meanwhile(user_id));
        }
        // The user has changed. If an earlier attempt was carried out after all, that explains it.
        if let Before::Created(created) = before
            && differences(&updated(created, changes, self.managed), user, self.managed).is_empty()
        {
            // An earlier run set the link, and its journal lost the end.
            return done(read, Vec::new());
        }
        let earlier = doubt.and_then(|doubt| Some((doubt.before.as_ref()?, doubt.is_recent)));
        let parsed = earlier.and_then(|(unmoved, is_recent)| Some((unmoved, self.parse(unmoved)?, is_recent)));
        let Some((unmoved, was, is_recent)) = parsed else { return conflict(changed_meanwhile(user_id)) };
        let expected = updated(&was, changes, self.managed);
        // Custom fields that the change of branch emptied are restored even if somebody changed something else since.
        if moves && user.branch == expected.branch {
            let rest = if is_recent { Rest::Restored } else { Rest::AsHeld };
            self.refill(id, unmoved.clone(), &expected, changes, rest).await
        } else if differences(&expected, user, self.managed).is_empty() {
            let mut lost = self.losses(unmoved, changes, &read.stored);
            lost.extend(roles_told_otherwise(&was, user));
            done(read, lost)
        } else if bar.is_some() && moves && self.emptied_since(doubt, &read).is_none() {
            // Not moved, and nothing is lost.
            Attempt::new(End::NotAgain(changed_meanwhile(user_id)))
        } else {
            conflict(changed_meanwhile(user_id))
        }
    }

    async fn write(
        &self,
        id: OperationId,
        (read, read_at): (LiveUser, Instant),
        expected: &User,
        changes: &[Change],
        moves: bool,
    ) -> Attempt {
        let body = match self.dialect().update_request(&read.stored, changes) {
            Ok(body) => body,
            Err(problem) => return Attempt::not_done(format!("the user cannot be written back: {problem}")),
        };
        if let Some(problem) =
            self.shows_less(read.id(), &body, |listed| self.dialect().update_request(listed, changes))
        {
            return Attempt::new(End::Conflict(problem));
        }
        if let Some(problem) = self.unshown_before(changes, &read) {
            return Attempt::new(End::Conflict(problem));
        }
        if let Err(attempt) = self.announce(id, Step::Update, Some(&read.stored)).await {
            return attempt;
        }
        let (body, answer) = self.update_soon((&read.stored, read_at), body).await;
        let mut attempt = match answer {
            Ok(Some(after)) => {
                let attempt = if let Some(halt) = changed_roles(&read.user, &after.user) {
                    Attempt::new(End::HalfDone(halt.to_string())).halting(halt)
                } else if moves {
                    self.refill(id, read.stored.clone(), expected, changes, Rest::Restored).await
                } else {
                    let (after, differs) = self.as_stored(expected, &body.over(&read.stored), after).await;
                    done(after, differs)
                };
                attempt.having_written()
            }
            Ok(None) => Attempt::not_done("the user vanished from Skovik between the read and the write; plan again"),
            Err(error) => end_of_write(&error),
        };
        if moves {
            attempt = attempt.not_believing_a_refusal();
        }
        attempt = self.unless_roles_changed(&read.user, attempt);
        attempt.before = Some(read.stored);
        attempt
    }

    /// Why a user must not be touched who was read just before a write: they are protected or in no managed branch by now, or
    /// have other roles than the plan shows.
    fn off_limits(&self, user: &User, roles: Option<&[String]>) -> Option<String> {
        let id = &user.id;
        if self.protect.covers(user) {
            return Some(format!("conflict: the user {id} is protected now, and was left alone"));
        }
        let held = user.special_roles();
        if roles.is_some_and(|shown| held.as_deref() != Some(shown)) {
            let what = if held.is_some() { "has other roles than" } else { "is read without the roles that" };
            return Some(format!("conflict: the user {id} {what} the plan shows, and was left alone; plan again"));
        }
        is_elsewhere(user, self.branches, self.takes_back).then(|| {
            format!(
                "conflict: the user {id} is in no branch that [scope] branches names now, and was left alone; plan \
                again"
            )
        })
    }

    /// Reads a user; one who `returns` may be inactive.
    async fn look(&self, id: &UserId, doubt: Option<&Doubt>, returns: bool) -> Result<Option<LiveUser>, Attempt> {
        // If the user cannot be read, an outcome that was unknown stays unknown.
        let unread =
            |problem: String| Attempt::new(if doubt.is_some() { End::Unclear(problem) } else { End::NotDone(problem) });
        let read =
            if returns { self.provider.any_user(id, self.managed) } else { self.provider.user(id, self.managed) };
        match read.await {
            Ok(read) => Ok(read),
            Err(error @ ApiError::Credentials { .. }) => {
                Err(unread(error.to_string()).halting(Halt::Credentials(error.to_string())))
            }
            Err(ApiError::Stopped { .. }) if doubt.is_none() => Err(Attempt::new(End::Stopped)),
            Err(error) => Err(unread(format!("the user could not be read before the write: {error}"))),
        }
    }

    /// Writes the intent to the journal, and waits until it is on disk.
    async fn announce(&self, operation: OperationId, step: Step, before: Option<&StoredUser>) -> Result<(), Attempt> {
        let record = Record::Intent { at: (self.now)(), operation, step, before: before.cloned() };
        self.journal
            .write(&record)
            .done()
            .await
            .map_err(|error| Attempt::not_done(format!("nothing was sent: {error}")).halting(Halt::of_journal(&error)))
    }

    fn dialect(&self) -> &dyn Dialect {
        self.provider.dialect()
    }

    fn parse(&self, stored: &StoredUser) -> Option<User> {
        self.dialect().user(stored.raw().get(), self.managed).ok()
    }

    fn ended_by(&self, end: End, error: &ApiError) -> Attempt {
        let attempt = Attempt::new(end);
        if error.refuses_the_key() { attempt.halting(Halt::Credentials(error.to_string())) } else { attempt }
    }
}

fn changed_roles(before: &User, after: &User) -> Option<Halt> {
    roles_changed(before, after)?;
    let (was, is) = (before.roles.as_ref()?, after.roles.as_ref()?);
    Some(Halt::RolesChanged(format!(
        "the roles of the user {} changed from {was:?} to {is:?} in a write that should not change them; find out why \
        before anything else is written",
        before.id
    )))
}

fn changed_meanwhile(user_id: &UserId) -> String {
    format!("conflict: the user {user_id} has changed in Skovik since the plan, and was left alone; plan again")
}
