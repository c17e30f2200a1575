//! A trial of writes on one made-up person, who is removed again: whether the service does what its wire takes for
//! granted of creates, changes and deletes.
//!
//! It touches nobody who was there before: a user whom it changes or removes was made by it, as a list from before says.

use std::collections::{BTreeSet, HashSet};

use crate::apply::expected_state::{created, differences, is_person, updated};
use crate::employee::{CustomFieldId, CustomValue, Managed, User, UserId};
use crate::plan::{Change, Field, Fields, Value};
use crate::provider::{ApiError, Deleted, Finding, LiveUser, Provider, Request, Verdict};

/// Who is made, and by what means.
#[derive(Debug, Clone, Copy)]
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
    findings: Vec<Finding>,
    made: BTreeSet<UserId>,
    /// Whether a request may have made somebody of whom nothing came back.
    is_unclear: bool,
}

impl Trial<'_> {
    /// Makes the person, changes and removes them. Whatever fails, whoever was made is removed.
    ///
    /// # Errors
    /// If the person cannot be written down, before anything is sent.
    pub async fn run(self) -> Result<Tried, String> {
        let body = self.provider.dialect().create_request(self.person, None)?;
        let expected = created(self.person, self.managed, &Default::default())?;
        let mut running = Running { trial: self, findings: Vec::new(), made: BTreeSet::new(), is_unclear: false };
        if let Some(user) = running.create(&body, &expected).await {
            running.create_again(&body).await;
            let user = running.change(user).await;
            running.remove(&user).await;
        }
        Ok(running.clean(&expected).await)
    }
}

impl Running<'_> {
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

    /// Takes in whom an answer says to have made; nobody who was there before.
    fn take(&mut self, user: &LiveUser) -> bool {
        let is_new = !self.trial.known.contains(user.id());
        if is_new {
            self.made.insert(user.id().clone());
        }
        is_new
    }

    async fn create(&mut self, body: &Request, expected: &User) -> Option<LiveUser> {
        const WHAT: &str = "a create answers with the user as sent, with an id of their own";
        let Trial { provider, managed, .. } = self.trial;
        let user = match provider.create(body, managed).await {
            Ok(user) => user,
            Err(error) => {
                self.is_unclear = !is_surely_not_done(&error);
                self.judge("create", WHAT, false, error.to_string());
                return None;
            }
        };
        if !self.take(&user) {
            self.is_unclear = true;
            self.judge("create", WHAT, false, "it answers with a user who was there before");
            return None;
        }
        let mut lost = differences(expected, &user.user, managed);
        lost.extend(provider.dialect().losses(body, &user.stored, managed));
        self.judge("create", WHAT, lost.is_empty(), seen(&lost));
        let read = self.read("create_read", "a new user can be read at once, as they were made", &user, expected).await;
        read.filter(|user| is_person(expected, &user.user))
    }

    /// Reads a user who was made, who should be as expected.
    async fn read(&mut self, id: &str, what: &str, user: &LiveUser, expected: &User) -> Option<LiveUser> {
        let Trial { provider, managed, .. } = self.trial;
        match provider.user(user.id(), managed).await {
            Ok(Some(read)) => {
                let lost = differences(expected, &read.user, managed);
                self.judge(id, what, lost.is_empty(), seen(&lost));
                Some(read)
            }
            Ok(None) => {
                self.judge(id, what, false, "there is no such user");
                None
            }
            Err(error) => {
                self.judge(id, what, false, error.to_string());
                None
            }
        }
    }

    /// What keeps anybody from being made twice.
    async fn create_again(&mut self, body: &Request) {
        const WHAT: &str = "a second create of the same person is refused, because the e-mail or identifier is in use";
        let Trial { provider, managed, .. } = self.trial;
        match provider.create(body, managed).await {
            Ok(user) => {
                self.take(&user);
                self.is_unclear = true;
                self.judge("unique", WHAT, false, "it makes another user");
            }
            Err(ApiError::Refused(refusal)) => self.judge("unique", WHAT, refusal.taken, refusal.to_string()),
            Err(error) => {
                self.is_unclear |= !is_surely_not_done(&error);
                self.judge("unique", WHAT, false, error.to_string());
            }
        }
    }

    /// Changes the last name, and then a custom field; gives the user as read after it.
    async fn change(&mut self, user: LiveUser) -> LiveUser {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let name = Change { field: Field::LastName, before: text(&user.user.last_name), after: text("Changed") };
        let user = self.update("update", "a change of the last name changes nothing else", user, name).await;
        let Some((id, value)) = self.trial.custom_field else { return user };
        let field = Change { field: Field::Custom(id.clone()), before: None, after: Some(value.into()) };
        self.update("custom_field", "a custom field can be set", user, field).await
    }

    async fn update(&mut self, id: &str, what: &str, user: LiveUser, change: Change) -> LiveUser {
        let Trial { provider, managed, .. } = self.trial;
        let is_custom = matches!(change.field, Field::Custom(_));
        let changes = [change];
        let expected = updated(&user.user, &changes, managed);
        let body = match provider.dialect().update_request(&user.stored, &changes) {
            Ok(body) => body,
            Err(problem) => {
                self.judge(id, what, false, problem);
                return user;
            }
        };
        match provider.update(user.id(), &body, managed).await {
            Ok(Some(after)) => {
                let mut lost = differences(&expected, &after.user, managed);
                lost.extend(provider.dialect().losses(&body.over(&user.stored), &after.stored, managed));
                self.judge(id, what, lost.is_empty(), seen(&lost));
            }
            // A text can be locked to a format, or be a choice whose options nobody can read.
            Err(ApiError::Refused(refusal)) if is_custom => {
                self.add(id, what, Verdict::CannotTell, format!("the made-up value is refused: {refusal}"));
                return user;
            }
            Ok(None) => self.judge(id, what, false, "there is no such user"),
            Err(error) => self.judge(id, what, false, error.to_string()),
        }
        let read = self.read(&format!("{id}_read"), "what was changed is read so at once", &user, &expected).await;
        read.unwrap_or(user)
    }

    async fn remove(&mut self, user: &LiveUser) {
        const WHAT: &str = "a user who is removed is gone at once";
        let Trial { provider, managed, .. } = self.trial;
        let request = match provider.dialect().delete_request(&user.stored) {
            Ok(request) => request,
            Err(problem) => return self.judge("delete", WHAT, false, problem),
        };
        let deleted = provider.delete(user.id(), &request).await;
        let read = provider.user(user.id(), managed).await;
        match (deleted, read) {
            (Ok(Deleted::Now { .. }), Ok(None)) => self.judge("delete", WHAT, true, "it is so"),
            (Ok(Deleted::AlreadyGone), _) => self.judge("delete", WHAT, false, "it says that they were gone before"),
            (Ok(_), Ok(Some(_))) => self.judge("delete", WHAT, false, "they can still be read"),
            (Err(error), _) | (_, Err(error)) => self.judge("delete", WHAT, false, error.to_string()),
        }
    }

    /// Removes whoever was made, for good.
    async fn clean(mut self, expected: &User) -> Tried {
        let Trial { provider, remover, managed, known, .. } = self.trial;
        let mut uncertain = None;
        if self.is_unclear {
            match provider.users(managed, &mut |_, _| Ok(()), &|_, _| ()).await {
                Ok(listed) => {
                    let is_ours = |user: &&User| {
                        !known.contains(&user.id)
                            && (user.identifier == expected.identifier || user.email.is(&expected.email))
                    };
                    self.made.extend(
                        listed.users.iter().chain(&listed.inactive).filter(is_ours).map(|user| user.id.clone()),
                    );
                }
                Err(error) => uncertain = Some(error.to_string()),
            }
        }
        let mut left = BTreeSet::new();
        for id in self.made {
            // Its address says all; whoever was made is nobody else's.
            let gone = remover.delete(&id, &Request::new(String::new())).await;
            let is_gone = match gone {
                Ok(_) => matches!(remover.user(&id, managed).await, Ok(None)),
                Err(_) => false,
            };
            if !is_gone {
                left.insert(id);
            }
        }
        Tried { findings: self.findings, left, uncertain }
    }
}

fn is_surely_not_done(error: &ApiError) -> bool {
    match error {
        ApiError::Credentials { .. } | ApiError::Refused(_) | ApiError::Overtaken { .. } | ApiError::NotSent { .. } => {
            true
        }
        ApiError::Unclear { .. } => false,
        ApiError::Stopped { unclear } => !unclear,
    }
}

fn seen(lost: &[String]) -> String {
    if lost.is_empty() { "it is so".to_owned() } else { lost.join("; ") }
}
