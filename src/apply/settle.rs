//! Settling what is unclear: one complete list, read late enough, shows what was carried out. Pure functions of it.

use super::expected_state::{Made, created, differences, roles_not_given};
use super::list::List;
use crate::employee::{Managed, UserId};
use crate::plan::{Action, Operation};

/// What the list says about an operation whose outcome was unclear.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It made this user.
    Made(UserId),
    /// It made nobody: it may be sent again.
    Absent,
    /// Somebody has the identifier or the e-mail who is not exactly the person that was sent.
    SomebodyElse(String),
    /// This user has the identifier or the e-mail, and is nobody whom it can have made.
    NotNew(UserId),
    /// It removed the user, or they are gone without it.
    Gone,
    /// Reading the user will tell.
    ReadAgain,
}

/// Judges one operation by a list which was read long enough after it was sent. `is_new` says whether a create can have
/// made a user.
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
