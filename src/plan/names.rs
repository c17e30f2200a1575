//! The name of somebody, as a plan shows and compares it.

use super::Fields;
use crate::employee::{Text, full_name, name_key};

impl Fields {
    /// First and last name, for the reader.
    #[must_use]
    pub fn full_name(&self) -> Text {
        full_name(&self.first_name, &self.last_name)
    }

    /// The name, or the e-mail of somebody without one, as operations show it.
    #[must_use]
    pub fn display_name(&self) -> Text {
        let name = self.full_name();
        if name.is_empty() { self.primary_email.clone() } else { name }
    }

    /// The name as it is compared with others; `None` unless both first and last name are there.
    #[must_use]
    pub fn name_key(&self) -> Option<String> {
        name_key(&self.first_name, &self.last_name)
    }

    /// Whether the full name leaves open where the first name ends and the last name begins.
    #[must_use]
    pub fn has_spaced_name(&self) -> bool {
        self.first_name.contains(' ') || self.last_name.contains(' ')
    }
}
