//! Tells by single users whether a list of the account is an old one, such as one of a cache.

use super::expected_state::differences;
use super::ledger::Witnesses;
use crate::employee::{Directory, Managed, User, UserId};
use crate::provider::{ApiError, Provider};

/// How many users of a kind are read singly. An old list is wrong about all whom something was done to since.
pub const READ_SINGLY: usize = 10;

/// Whether a list shows a user otherwise than Skovik does when asked for that user alone. If somebody else has changed or
/// removed them, both show the same. Whoever is inactive is in no list of active users, and counts as gone. A refusal, such as
/// 410 or 403, shows nothing.
///
/// # Errors
/// If Skovik gives no usable answer. The error names the user.
pub async fn shows_otherwise(
    listed: Option<&User>,
    id: &UserId,
    provider: &dyn Provider,
    managed: &Managed,
) -> Result<bool, String> {
    const FORBIDDEN: u16 = 403;
    Ok(match (listed, provider.user(id, managed).await) {
        (None, Ok(None)) | (_, Err(ApiError::Refused(_) | ApiError::Credentials { status: FORBIDDEN, .. })) => false,
        (Some(listed), Ok(Some(read))) => !differences(listed, &read.user, managed).is_empty(),
        (None, Ok(Some(_))) | (Some(_), Ok(None)) => true,
        (_, Err(error)) => {
            return Err(format!("the list may be an old one, and Skovik does not tell of the user {id}: {error}"));
        }
    })
}

/// Why the list that a directory was made of is older than what was applied to the account lately: it lacks somebody whom an
/// apply has made and Skovik still has; or, while it is not known of somebody whether they were created, it shows somebody else
/// otherwise than Skovik does. Whoever it lacks would be created again.
///
/// # Errors
/// If Skovik gives no usable answer. The error names the user.
pub async fn is_older(
    directory: &Directory,
    witnesses: Witnesses<'_>,
    provider: &dyn Provider,
    managed: &Managed,
) -> Result<Option<String>, String> {
    let is_lacking = |id: &&UserId| find(&directory.users, id).is_none() && find(&directory.inactive, id).is_none();
    let Witnesses { made, unmade, others } = witnesses;
    let lacking = |users: Vec<_>| users.into_iter().filter(is_lacking).take(READ_SINGLY);
    for id in lacking(made).chain(lacking(unmade)).chain(others.into_iter().take(READ_SINGLY)) {
        let listed = find(&directory.users, id);
        if shows_otherwise(listed, id, provider, managed).await? {
            return Ok(Some(match listed {
                None => format!("lacks the user {id}, whom skovik-sync has created lately and Skovik still has"),
                Some(_) => {
                    format!(
                        "shows the user {id}, whom skovik-sync has changed or deleted lately, otherwise than Skovik does"
                    )
                }
            }));
        }
    }
    Ok(None)
}

/// A user of a list that is sorted by id.
fn find<'u>(users: &'u [User], id: &UserId) -> Option<&'u User> {
    users.binary_search_by(|user| user.id.cmp(id)).ok().map(|place| &users[place])
}
