//! Records of which it is not known whose they are.

use super::SetAside;

/// What a record of a later source says of which it is not known whose it is; or the name alone of a record of the first source
/// that is set aside because somebody else has its key, so that what later sources say under it may be said of the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Whom it names.
    pub record: SetAside,
    /// Whether several records have its key: then a former record of the same person may be outside the scope.
    pub is_repeated: bool,
}
