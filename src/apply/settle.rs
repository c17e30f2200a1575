//! Settles unknown outcomes: one complete list, read late enough, shows what was carried out. Pure functions.

use super::expected_state::{Made, created, differences, roles_not_given};
use super::list::List;
use crate::employee::{Managed, UserId};
use crate::plan::{Action, Operation};

/// What the list says about an operation whose outcome was unknown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It created this user.
    Made(UserId),
    /// It created nobody: it may be sent again.
    Absent,
    /// A user has the identifier or the e-mail, but is not exactly the person that was sent.
    SomebodyElse(String),
    /// This user has the identifier or the e-mail, but the create cannot have made them.
    NotNew(UserId),
    /// The user is gone, by this delete or otherwise.
    Gone,
    /// The user has to be read again to find out.
    ReadAgain,
}

/// Judges one operation by a list that was read long enough after its request. `is_new` says whether a create can have
/// made a given user.
pub(super) fn judge(
    operation: &Operation,
    list: &List<'_>,
    managed: &Managed,
    made: &Made,
    is_new: impl FnOnce(&UserId) -> bool,
) -> Verdict {
    let after = match &operation.action {
        Action::Create { after } => after,
        Action::Delete { user_id, .. } if list.user(user_id).is_none() => return Verdict::Gone,
        Action::Delete { .. } | Action::Update { .. } | Action::Link { .. } => return Verdict::ReadAgain,
    };
    let by_identifier = after.external_identifier.as_ref().and_then(|id| list.by_identifier(id.as_str()));
    let Some(user) = by_identifier.or_else(|| list.by_email(&after.primary_email)) else { return Verdict::Absent };
    if !is_new(&user.id) {
        return Verdict::NotNew(user.id.clone());
    }
    let mut differs = match created(after, managed, made) {
        Ok(expected) => differences(&expected, user, managed),
        Err(problem) => return Verdict::SomebodyElse(problem),
    };
    differs.extend(roles_not_given(user));
    if differs.is_empty() {
        Verdict::Made(user.id.clone())
    } else {
        Verdict::SomebodyElse(format!(
            "Skovik has the user {} with this identifier or e-mail, but {}; look whether this is the same person, then plan \
             again",
            user.id,
            differs.join(", ")
        ))
    }
}
