//! A trial of writes on one made-up person, who is removed again: whether the service does what its wire takes for
//! granted of creates, changes and deletes.
//!
//! Each change and delete is sent only to the made-up person: somebody who was not there before, and who had the
//! person's e-mail or identifier when read just before it. An answer alone is never enough for that. What is found is told without
//! values.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use crate::apply::expected_state::{created, differences, updated};
use crate::employee::{CustomFieldId, CustomValue, Managed, User, UserId};
use crate::plan::{Change, Field, Fields, Value};
use crate::provider::{ApiError, Deleted, Finding, LiveUser, Provider, Refusal, Request, Verdict};

/// Who is made, and by what means.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// The service, as the settings use it.
    pub provider: &'a dyn Provider,
    /// The same, but for removals: it deletes for good.
    pub remover: &'a dyn Provider,
    /// What is managed.
    pub managed: &'a Managed,
    /// Everybody who was there before.
    pub known: &'a HashSet<UserId>,
    /// The made-up person, without a manager and without custom fields.
    pub person: &'a Fields,
    /// A custom field to set, and a value that it can hold.
    pub custom_field: Option<&'a (CustomFieldId, CustomValue)>,
    /// How long a request without a usable answer may still be carried out.
    pub settle_after: Duration,
    /// Whether the user asks for the end: then the person is deleted, and nothing else is tried.
    pub is_ended: &'a (dyn Fn() -> bool + Sync),
}

/// What came of it.
#[derive(Debug)]
pub struct Tried {
    /// What holds.
    pub findings: Vec<Finding>,
    /// Users who were made and could not be removed, or may not have been.
    pub left: BTreeSet<UserId>,
    /// Why it is not certain who is left, if it is not.
    pub uncertain: Option<String>,
}

/// The findings so far, and the users who were made.
struct Running<'a> {
    trial: Trial<'a>,
    /// The person as a create should make them.
    expected: User,
    findings: Vec<Finding>,
    made: BTreeSet<UserId>,
    /// To whom a delete was sent.
    deleted: BTreeSet<UserId>,
    /// Whether a request may have made somebody who is not in `made`.
    is_unclear: bool,
    /// When a create ended without a usable answer: it may be carried out later.
    unanswered: Option<Instant>,
}

impl Trial<'_> {
    /// Makes the person, changes and removes them. Whatever fails, whoever was made is removed.
    ///
    /// # Errors
    /// If the person cannot be written down, before anything is sent.
    pub async fn run(self) -> Result<Tried, String> {
        let body = self.provider.dialect().create_request(self.person, None)?;
        let expected = created(self.person, self.managed, &Default::default())?;
        let (findings, made, deleted) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (is_unclear, unanswered) = (false, None);
        let mut running = Running { trial: self, expected, findings, made, deleted, is_unclear, unanswered };
        running.go(&body).await;
        Ok(running.clean().await)
    }
}

impl Running<'_> {
    async fn go(&mut self, body: &Request) {
        let is_ended = self.trial.is_ended;
        if is_ended() {
            return;
        }
        let Some(mut user) = self.create(body).await else { return };
        if is_ended() {
            return;
        }
        self.create_again(body).await;
        if self.unanswered.is_some() {
            // While the first person is there, another one of the same e-mail is refused, also late.
            return;
        }
        let text = |text: &str| Some(Value::Text(text.into()));
        let name = Change { field: Field::LastName, before: text(&user.user.last_name), after: text("Changed") };
        let mut changes = vec![("update", "a change of the last name changes nothing else", name)];
        if let Some((id, value)) = self.trial.custom_field {
            let field = Change { field: Field::Custom(id.clone()), before: None, after: Some(value.into()) };
            changes.push(("custom_field", "a custom field can be set", field));
        }
        for (id, what, change) in changes {
            if is_ended() {
                return;
            }
            let Some(changed) = self.update(id, what, user, change).await else { return };
            user = changed;
        }
        if !is_ended() {
            self.remove(&user).await;
        }
    }

    fn judge(&mut self, id: &str, expected: &str, holds: bool, seen: impl Into<String>) {
        self.add(id, expected, if holds { Verdict::Holds } else { Verdict::DoesNotHold }, seen);
    }

    fn add(&mut self, id: &str, expected: &str, verdict: Verdict, seen: impl Into<String>) {
        self.findings.push(Finding {
            id: id.to_owned(),
            expected: expected.to_owned(),
            verdict,
            seen: seen.into(),
            settings: Vec::new(),
            otherwise: None,
        });
    }

    /// Whether a user can only be the made-up person.
    fn is_ours(&self, user: &User) -> bool {
        let Self { trial, expected, .. } = self;
        let has_identifier = expected.identifier.is_some() && user.identifier == expected.identifier;
        !trial.known.contains(&user.id) && (has_identifier || user.email.is(&expected.email))
    }

    /// Takes in whom an answer says to have made.
    ///
    /// # Errors
    /// Says who it is if it is not the person.
    fn take(&mut self, user: &LiveUser) -> Result<(), &'static str> {
        if self.is_ours(&user.user) {
            self.made.insert(user.id().clone());
            return Ok(());
        }
        (self.is_unclear, self.unanswered) = (true, Some(Instant::now()));
        Err(if self.trial.known.contains(user.id()) { "a user who was there before" } else { "another user" })
    }

    /// Notes that a create failed.
    fn not_made(&mut self, error: &ApiError) {
        self.is_unclear |= may_be_done(error);
        if may_be_done(error) && !matches!(error, ApiError::Refused(_) | ApiError::Credentials { .. }) {
            self.unanswered = Some(Instant::now());
        }
    }

    async fn create(&mut self, body: &Request) -> Option<LiveUser> {
        const WHAT: &str = "a create answers with the user as sent, with an id of their own";
        let Trial { provider, managed, .. } = self.trial;
        let user = match provider.create(body, managed).await {
            Ok(user) => user,
            Err(error) => {
                self.not_made(&error);
                self.judge("create", WHAT, false, in_words(&error));
                return None;
            }
        };
        if let Err(who) = self.take(&user) {
            self.judge("create", WHAT, false, format!("it answers with {who}"));
            return None;
        }
        let mut lost = differences(&self.expected, &user.user, managed);
        lost.extend(provider.dialect().losses(body, &user.stored, managed));
        self.judge("create", WHAT, lost.is_empty(), seen(&lost));
        let expected = self.expected.clone();
        self.read("create_read", "a new user can be read at once, as they were made", user.id(), &expected).await
    }

    /// Reads the person who was made or changed, and compares them with what is expected. `None` if the user is somebody
    /// else.
    async fn read(&mut self, id: &str, what: &str, user: &UserId, expected: &User) -> Option<LiveUser> {
        let Trial { provider, managed, .. } = self.trial;
        match provider.user(user, managed).await {
            Ok(Some(read)) if self.is_ours(&read.user) => {
                let lost = differences(expected, &read.user, managed);
                self.judge(id, what, lost.is_empty(), seen(&lost));
                return Some(read);
            }
            Ok(Some(_)) => self.judge(id, what, false, "it answers with another user"),
            Ok(None) => self.judge(id, what, false, "there is no such user"),
            Err(error) => self.judge(id, what, false, in_words(&error)),
        }
        None
    }

    /// What keeps anybody from being made twice.
    async fn create_again(&mut self, body: &Request) {
        const WHAT: &str = "a second create of the same person is refused, because the e-mail or identifier is in use";
        let Trial { provider, managed, .. } = self.trial;
        match provider.create(body, managed).await {
            Ok(user) => {
                self.is_unclear = true;
                let who = self.take(&user).map_or_else(|who| who, |()| "another user of the same person");
                self.judge("unique", WHAT, false, format!("it answers with {who}"));
            }
            Err(error) => {
                self.not_made(&error);
                let is_taken = matches!(&error, ApiError::Refused(refusal) if refusal.taken);
                self.judge("unique", WHAT, is_taken, in_words(&error));
            }
        }
    }

    /// Changes the person, and gives them as read after it. `None` if that cannot be gone on with.
    async fn update(&mut self, id: &str, what: &str, user: LiveUser, change: Change) -> Option<LiveUser> {
        let Trial { provider, managed, .. } = self.trial;
        let is_custom = matches!(change.field, Field::Custom(_));
        let changes = [change];
        let user = match self.again(&user).await {
            Ok(user) => user,
            Err(problem) => {
                self.judge(id, what, false, problem);
                return None;
            }
        };
        let expected = updated(&user.user, &changes, managed);
        let Ok(body) = provider.dialect().update_request(&user.stored, &changes) else {
            self.judge(id, what, false, "the user cannot be written back");
            return Some(user);
        };
        match provider.update(user.id(), &body, managed).await {
            Ok(Some(after)) if self.is_ours(&after.user) => {
                let mut lost = differences(&expected, &after.user, managed);
                lost.extend(provider.dialect().losses(&body.over(&user.stored), &after.stored, managed));
                self.judge(id, what, lost.is_empty(), seen(&lost));
            }
            Ok(Some(_)) => self.judge(id, what, false, "it answers with another user"),
            // A text can be locked to a format, or be a choice whose options nobody can read.
            Err(error @ ApiError::Refused(_)) if is_custom => {
                self.add(id, what, Verdict::CannotTell, format!("the made-up value: {}", in_words(&error)));
                return Some(user);
            }
            Ok(None) => self.judge(id, what, false, "there is no such user"),
            Err(error) => self.judge(id, what, false, in_words(&error)),
        }
        let read = format!("{id}_read");
        self.read(&read, "what was changed is read so at once", user.id(), &expected).await
    }

    /// The person, read just before a write.
    ///
    /// # Errors
    /// Says why nothing may be sent.
    async fn again(&self, user: &LiveUser) -> Result<LiveUser, String> {
        match self.trial.provider.user(user.id(), self.trial.managed).await {
            Ok(Some(read)) if self.is_ours(&read.user) => Ok(read),
            Ok(Some(_)) => Err("the user is somebody else by now, and was left alone".to_owned()),
            Ok(None) => Err("there is no such user any more".to_owned()),
            Err(error) => Err(in_words(&error)),
        }
    }

    async fn remove(&mut self, user: &LiveUser) {
        const WHAT: &str = "a user who is removed is gone at once";
        let Trial { provider, managed, .. } = self.trial;
        let user = match self.again(user).await {
            Ok(user) => user,
            Err(problem) => return self.judge("delete", WHAT, false, problem),
        };
        let Ok(request) = provider.dialect().delete_request(&user.stored) else {
            return self.judge("delete", WHAT, false, "the user cannot be removed");
        };
        let deleted = provider.delete(user.id(), &request).await;
        if deleted.as_ref().map_or_else(may_be_done, |_| true) {
            self.deleted.insert(user.id().clone());
        }
        let read = provider.user(user.id(), managed).await;
        match (deleted, read) {
            (Ok(Deleted::Now { .. }), Ok(None)) => self.judge("delete", WHAT, true, "it is so"),
            (Ok(Deleted::AlreadyGone), _) => self.judge("delete", WHAT, false, "it says that they were gone before"),
            (Ok(_), Ok(Some(_))) => self.judge("delete", WHAT, false, "they can still be read"),
            (Err(error), _) | (_, Err(error)) => self.judge("delete", WHAT, false, in_words(&error)),
        }
    }

    /// Removes whoever was made, for good.
    async fn clean(mut self) -> Tried {
        let Trial { provider, remover, managed, settle_after, .. } = self.trial;
        let mut uncertain = None;
        if let Some(since) = self.unanswered {
            tokio::time::sleep(settle_after.saturating_sub(since.elapsed())).await;
        }
        if self.is_unclear {
            match provider.users(managed, &mut |_, _| Ok(()), &|_, _| ()).await {
                Ok(listed) => {
                    let everybody = listed.users.iter().chain(&listed.inactive);
                    let new = everybody.filter(|user| self.is_ours(user) && !self.made.contains(&user.id));
                    let found: Vec<UserId> = new.map(|user| user.id.clone()).collect();
                    if found.is_empty() && self.unanswered.is_some() {
                        let problem = "a create had no usable answer, and the list does not have them";
                        uncertain = Some(problem.to_owned());
                    }
                    self.made.extend(found);
                }
                Err(error) => uncertain = Some(error.to_string()),
            }
        }
        let mut left = BTreeSet::new();
        for id in &self.made {
            match remover.any_user(id, managed).await {
                Ok(Some(read)) if self.is_ours(&read.user) => {
                    // Its address says all.
                    let gone = remover.delete(id, &Request::new(String::new())).await;
                    if gone.is_err() || !matches!(remover.any_user(id, managed).await, Ok(None)) {
                        left.insert(id.clone());
                    }
                }
                Ok(Some(_)) => {
                    uncertain.get_or_insert(format!("the user {id} was made for them and is somebody else by now"));
                }
                Ok(None) if self.deleted.contains(id) => {}
                // A user who was made, and whom nobody deleted, may only not be shown yet.
                Ok(None) | Err(_) => drop(left.insert(id.clone())),
            }
        }
        Tried { findings: self.findings, left, uncertain }
    }
}

/// Whether a write with this error may have been carried out. A refusal is not believed: a list shows it.
fn may_be_done(error: &ApiError) -> bool {
    match error {
        ApiError::NotSent { .. } | ApiError::Late { .. } => false,
        ApiError::Stopped { unclear } => *unclear,
        ApiError::Credentials { .. }
        | ApiError::Refused(_)
        | ApiError::Overtaken { .. }
        | ApiError::Unclear { .. }
        | ApiError::Unseen(_) => true,
    }
}

/// What went wrong, without the server's words, which may hold values. The log has them.
fn in_words(error: &ApiError) -> String {
    tracing::info!("the trial: {error}");
    match error {
        ApiError::Credentials { status, .. } => format!("the key is refused ({status})"),
        ApiError::Refused(Refusal { status, taken: true, .. }) => format!("it is refused as in use ({status})"),
        ApiError::Refused(Refusal { status, .. }) => format!("it is refused ({status})"),
        ApiError::Overtaken { .. } => "it is refused, because the user has changed since it was read".to_owned(),
        ApiError::NotSent { .. } | ApiError::Late { .. } => "the server did not take the request".to_owned(),
        ApiError::Unclear { .. } => "there is no usable answer".to_owned(),
        ApiError::Unseen(_) => "it answers that it is done, and then the user cannot be read".to_owned(),
        ApiError::Stopped { .. } => "the run was stopped".to_owned(),
    }
}

/// Which fields differ, without their values.
fn seen(lost: &[String]) -> String {
    if lost.is_empty() {
        return "it is so".to_owned();
    }
    let name = |lost: &String| {
        let ends = [" is ", " are ", ": "].map(|word| lost.find(word));
        lost[..ends.into_iter().flatten().min().unwrap_or(lost.len())].to_owned()
    };
    let names: BTreeSet<String> = lost.iter().map(name).collect();
    format!("other than sent: {}", names.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_without_values() {
        let lost = [
            "last_name is \"Öberg\", not \"Changed\"",
            "custom field cf_1 is (none), not \"x\"",
            "nickName is gone, it was \"n1\"",
            "roles are [\"admin\"], not []",
            "it cannot be compared with what was sent: expected a value: Öberg",
        ];
        assert_eq!(
            seen(&lost.map(str::to_owned)),
            "other than sent: custom field cf_1, it cannot be compared with what was sent, last_name, nickName, roles"
        );
        assert_eq!(seen(&[]), "it is so");
    }
}
