//! Why somebody would be deleted.

use super::Comparison;

const IN_NO_SOURCE: &str = "in no source";
const IN_A_LATER_SOURCE: &str = "in a later source only";
const OUTSIDE_THE_SCOPE: &str = "outside the scope";
/// Why somebody would be deleted, for the reader.
pub const REASONS_TO_REMOVE: [&str; 3] = [IN_NO_SOURCE, IN_A_LATER_SOURCE, OUTSIDE_THE_SCOPE];

impl Comparison<'_> {
    /// Why a user would be deleted: one of [`REASONS_TO_REMOVE`].
    #[must_use]
    pub fn reason_to_remove(&self, user: u32) -> &'static str {
        match &self.user(user).identifier {
            Some(identifier) if self.desired.out_of_scope.contains(identifier) => OUTSIDE_THE_SCOPE,
            _ if self.named_later.contains(&user) => IN_A_LATER_SOURCE,
            _ => IN_NO_SOURCE,
        }
    }
}
