//! Tells by single users whether a list of the account is an old one, such as one of a cache.

use super::expected_state::differences;
use crate::employee::{Managed, User, UserId};
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
