//! A plan without a journal whose operations are all done: is it the plan that did them? Pure functions.

use std::collections::{HashMap, HashSet};

use super::{Live, in_words, labels};
use crate::apply::expected_state::{already_holds, hash_of, made_already, updated};
use crate::apply::labels::renames;
use crate::employee::{User, UserId, email_key};
use crate::plan::{Action, Change, Field, Fields, Operation, Plan, Value};

/// If the account is already as the whole plan should leave it, how the people that the plan shows differ from those
/// that its ids name: if none does, the plan has nothing left to do, and only its journal was lost. `None` if something
/// is left to do.
#[must_use]
pub fn all_done(plan: &Plan, live: Live<'_>) -> Option<Vec<String>> {
    let operations = &plan.content().operations;
    let made = made_already(operations, live.directory);
    if !operations.iter().all(|operation| already_holds(operation, live.directory, live.managed, &made)) {
        return None;
    }
    let renamed: HashSet<&UserId> = operations.iter().filter_map(|operation| renames(&operation.action)).collect();
    let (people, given) = (People::of(&live.directory.users), Given::by(operations));
    let problems = operations.iter().flat_map(|operation| {
        let mut problems = of_operation(operation, live, &people, &given);
        problems.extend(labels::of_references(operation, live.directory, |user| renamed.contains(user)));
        problems.into_iter().map(|problem| in_words(operation, &problem)).collect::<Vec<_>>()
    });
    Some(problems.collect())
}

fn of_operation(operation: &Operation, live: Live<'_>, people: &People<'_>, given: &Given) -> Vec<String> {
    match &operation.action {
        Action::Update { user_id, changes, before_hash, .. } => {
            let Some(user) = live.directory.user(user_id) else { return Vec::new() };
            // The user as the plan found them.
            let back = |change: &Change| {
                let Change { field, before, after } = change.clone();
                Change { field, before: after, after: before }
            };
            let earlier = updated(user, &changes.iter().map(back).collect::<Vec<_>>(), live.managed);
            if hash_of(&earlier, live.managed) != *before_hash {
                return vec![format!("the user {user_id} is not as this plan would have left them")];
            }
            labels::of_user(operation, &earlier, live)
        }
        Action::Delete { user_id, before, .. } if !given.has(before) => {
            let still = |user: &User| format!("this person is in Skovik as the user {}, not {user_id}", user.id);
            people.described_by(before).map(still).into_iter().collect()
        }
        Action::Delete { .. } | Action::Create { .. } | Action::Link { .. } => Vec::new(),
    }
}

/// Users by their identifiers and by the keys of their e-mails.
struct People<'a> {
    by_identifier: HashMap<&'a str, &'a User>,
    by_email: HashMap<&'a str, &'a User>,
}

impl<'a> People<'a> {
    fn of(users: &'a [User]) -> Self {
        let identifier = |user: &'a User| Some((user.identifier.as_ref()?.as_str(), user));
        Self {
            by_identifier: users.iter().filter_map(identifier).collect(),
            by_email: users.iter().map(|user| (user.email.key(), user)).collect(),
        }
    }

    fn described_by(&self, fields: &Fields) -> Option<&'a User> {
        let by_identifier = fields.external_identifier.as_ref().and_then(|id| self.by_identifier.get(id.as_str()));
        by_identifier.or_else(|| self.by_email.get(&*email_key(&fields.primary_email))).copied()
    }
}

/// The identifiers and e-mails that a plan gives to people. Whoever has one of them need not be who had it before.
struct Given(HashSet<String>);

impl Given {
    fn by(operations: &[Operation]) -> Self {
        let mut given = HashSet::new();
        for operation in operations {
            match &operation.action {
                Action::Create { after } => given.extend(Self::of(after)),
                Action::Update { changes, .. } => {
                    given.extend(changes.iter().filter_map(|change| match (&change.field, &change.after) {
                        (Field::ExternalIdentifier, Some(Value::Text(identifier))) => Some(identifier.clone()),
                        (Field::PrimaryEmail, Some(Value::Text(email))) => Some(email_key(email).into_owned()),
                        _ => None,
                    }));
                }
                Action::Link { .. } | Action::Delete { .. } => {}
            }
        }
        Self(given)
    }

    fn of(fields: &Fields) -> impl Iterator<Item = String> {
        let identifier = fields.external_identifier.iter().map(|identifier| identifier.as_str().to_owned());
        identifier.chain([email_key(&fields.primary_email).into_owned()])
    }

    fn has(&self, fields: &Fields) -> bool {
        Self::of(fields).any(|value| self.0.contains(&value))
    }
}
