//! A plan without a journal whose operations are all done: is it the plan that did them? Pure functions.

use super::{Live, in_words, labels};
use crate::apply::expected_state::{already_holds, before_update, hash_of, made_already};
use crate::apply::given::Given;
use crate::apply::list::List;
use crate::diff::Untrusted;
use crate::employee::{ExternalIdentifier, User, email_key};
use crate::plan::{Action, Operation, Plan};

/// If the account is already as the whole plan should leave it, how the people that the plan shows differ from those
/// that its ids name: if none does, the plan has nothing left to do, and only its journal was lost. `None` if something
/// is left to do.
///
/// # Errors
/// If the list contradicts itself.
pub fn all_done(plan: &Plan, live: Live<'_>) -> Result<Option<Vec<String>>, Untrusted> {
    let operations = &plan.content().operations;
    let made = made_already(operations, live.directory);
    if !operations.iter().all(|operation| already_holds(operation, live.directory, live.managed, &made)) {
        return Ok(None);
    }
    let altered = labels::Altered::by(operations, |_| true);
    let (list, given) = (List::new(&live.directory.users)?, Given::by(operations));
    let problems = operations.iter().flat_map(|operation| {
        let mut problems = of_operation(operation, live, &list, &given);
        problems.extend(labels::of_references(operation, live, &altered));
        problems.into_iter().map(|problem| in_words(operation, &problem)).collect::<Vec<_>>()
    });
    Ok(Some(problems.collect()))
}

fn of_operation(operation: &Operation, live: Live<'_>, list: &List<'_>, given: &Given<'_>) -> Vec<String> {
    match &operation.action {
        Action::Update { user_id, changes, before_hash, .. } => {
            let Some(user) = live.directory.user(user_id) else { return Vec::new() };
            // The user as the plan found them.
            let earlier = before_update(user, changes, live.managed);
            if hash_of(&earlier, live.managed) != *before_hash {
                return vec![format!("the user {user_id} is not as this plan would have left them")];
            }
            labels::of_user(operation, &earlier, live)
        }
        Action::Delete { user_id, before, .. } => {
            let identifier = before.external_identifier.as_ref().map(ExternalIdentifier::as_str);
            let user =
                identifier.and_then(|id| list.by_identifier(id)).or_else(|| list.by_email(&before.primary_email));
            let is_given = given.has(identifier, &email_key(&before.primary_email));
            let still = |user: &User| format!("this person is in Skovik as the user {}, not {user_id}", user.id);
            user.filter(|_| !is_given).map(still).into_iter().collect()
        }
        Action::Create { .. } | Action::Link { .. } => Vec::new(),
    }
}
