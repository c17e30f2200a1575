//! Records of which it is not known whose they are.

use super::SetAside;

/// What a record of a later source says of which it is not known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Whom it names.
    pub record: SetAside,
    /// Whether several records have its key: then a former record of the same person may be outside the scope.
    pub is_repeated: bool,
}
