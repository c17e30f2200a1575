//! Tells by single users whether a list of the account is an old one, such as one of a cache.

use super::expected_state::differences;
use crate::employee::{Managed, User, UserId};
use crate::provider::{ApiError, Provider};

/// How many users of a kind are read singly. An old list is wrong about all whom something was done to since.
pub const READ_SINGLY: usize = 10;

/// Whether a list shows a user otherwise than Skovik does when asked for that user alone. If somebody else has changed or
/// removed them, both show the same. Whoever is inactive is in no list of active users, and counts as gone.
///
/// # Errors
/// If Skovik cannot be asked.
pub async fn shows_otherwise(
    listed: Option<&User>,
    id: &UserId,
    provider: &dyn Provider,
    managed: &Managed,
) -> Result<bool, ApiError> {
    Ok(match (listed, provider.user(id, managed).await?) {
        (None, None) => false,
        (Some(listed), Some(read)) => !differences(listed, &read.user, managed).is_empty(),
        (None, Some(_)) | (Some(_), None) => true,
    })
}
