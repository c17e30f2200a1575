//! Tells by single users whether a list of the account is an old one, such as one of a cache.

use super::expected_state::differences;
use super::ledger::{Fate, Touched, Witnesses};
use crate::employee::{Directory, Managed, User, UserId};
use crate::provider::{ApiError, LiveUser, Provider};

/// How many users of a kind are read singly. An old list is wrong about all whom something was done to since.
pub const READ_SINGLY: usize = 10;
/// How many others are asked for, if Skovik refuses to show a user. Somebody else may have removed one of them.
const OTHERS: usize = 3;
/// Those whom a list may lack.
const FATES: [Fate; 3] = [Fate::There, Fate::SaidGone, Fate::Gone];

/// Whether a list shows a user otherwise than Skovik does when asked for that user alone. If somebody else has changed or
/// removed them, both show the same. Whoever is inactive is in no list of active users, and counts as gone. So does a user
/// whom Skovik does not show (404, 400, 403 and so on), as long as it shows somebody else of the list.
///
/// # Errors
/// If Skovik gives no usable answer. The error names the user.
pub async fn shows_otherwise(
    listed: Option<&User>,
    id: &UserId,
    list: &[User],
    provider: &dyn Provider,
    managed: &Managed,
) -> Result<bool, String> {
    let read = provider.user(id, managed).await;
    judge(listed, id, read, list, provider, managed).await
}

/// The same, of what was read of the user.
async fn judge(
    listed: Option<&User>,
    id: &UserId,
    read: Result<Option<LiveUser>, ApiError>,
    list: &[User],
    provider: &dyn Provider,
    managed: &Managed,
) -> Result<bool, String> {
    const FORBIDDEN: u16 = 403;
    let problem = match (listed, read) {
        (Some(listed), Ok(Some(read))) => return Ok(!differences(listed, &read.user, managed).is_empty()),
        (None, Ok(Some(_))) | (Some(_), Ok(None)) => return Ok(true),
        (None, Ok(None)) => {
            if list.is_empty() || shows_others(list, id, provider, managed).await {
                return Ok(false);
            }
            "it says that nobody is there, and shows nobody else of the list alone either".to_owned()
        }
        (_, Err(error @ (ApiError::Refused(_) | ApiError::Credentials { status: FORBIDDEN, .. }))) => {
            if shows_others(list, id, provider, managed).await {
                return Ok(listed.is_some());
            }
            format!("{error}, and shows nobody else of the list alone either")
        }
        (_, Err(error)) => error.to_string(),
    };
    Err(format!("the list may be an old one, and Skovik does not tell of the user {id}: {problem}"))
}

/// Whether Skovik shows one of the first users of the list when asked for that user alone.
async fn shows_others(list: &[User], id: &UserId, provider: &dyn Provider, managed: &Managed) -> bool {
    for user in list.iter().filter(|user| user.id != *id).take(OTHERS) {
        if matches!(provider.user(&user.id, managed).await, Ok(Some(_))) {
            return true;
        }
    }
    false
}

/// Why the list that a directory was made of is older than what was applied to the account lately: it lacks somebody whom an
/// apply has made or changed and Skovik still has; or, while it is not known of somebody whether they were created, it shows somebody
/// otherwise than Skovik does. Whoever it lacks would be created again. Where inactive users are made active again, a list has
/// these, too.
///
/// # Errors
/// If Skovik gives no usable answer. The error names the user.
pub async fn is_older(
    directory: &Directory,
    witnesses: &Witnesses<'_>,
    provider: &dyn Provider,
    managed: &Managed,
    reactivates: bool,
) -> Result<Option<String>, String> {
    let Directory { users, inactive, .. } = directory;
    let is_lacking = |id: &UserId| find(users, id).is_none() && find(inactive, id).is_none();
    // Where inactive users are told from others, somebody who is still there may have been made active again.
    let fates = if provider.dialect().tells_inactive() { &FATES[..] } else { &FATES[..2] };
    // Those of one fate hide none of another.
    let lacking = fates.iter().flat_map(|fate| {
        let of_fate = witnesses.touched.iter().filter(move |user| user.fate == *fate);
        of_fate.filter(|user| is_lacking(user.id)).take(READ_SINGLY)
    });
    for Touched { id, fate, .. } in lacking {
        let read = if reactivates { provider.any_user(id, managed) } else { provider.user(id, managed) }.await;
        // Some servers show an inactive user alone, and none in their lists: whom an apply has made inactive tells nothing then.
        let is_inactive = |user: &LiveUser| provider.dialect().is_inactive(user.stored.raw().get()) == Ok(true);
        if *fate != Fate::There && inactive.is_empty() && matches!(&read, Ok(Some(user)) if is_inactive(user)) {
            continue;
        }
        if judge(None, id, read, users, provider, managed).await? {
            return Ok(Some(format!(
                "lacks the user {id}, whom skovik-sync has written to lately and Skovik still has"
            )));
        }
    }
    if !witnesses.is_in_doubt {
        return Ok(None);
    }
    let shown = witnesses.touched.iter().filter_map(|user| find(users, user.id));
    for user in shown.take(READ_SINGLY) {
        if shows_otherwise(Some(user), &user.id, users, provider, managed).await? {
            let id = &user.id;
            return Ok(Some(format!(
                "shows the user {id}, whom skovik-sync has written to lately, otherwise than Skovik does"
            )));
        }
    }
    Ok(None)
}

/// A user of a list that is sorted by id.
fn find<'u>(users: &'u [User], id: &UserId) -> Option<&'u User> {
    users.binary_search_by(|user| user.id.cmp(id)).ok().map(|place| &users[place])
}
