//! What nothing proves of an account: lists without a total, and choices whose options nobody can read.

use super::Comparison;
use crate::diagnostic::Severity;
use crate::employee::CustomFieldKind;

impl Comparison<'_> {
    /// Says once what of the account is not certain. It changes nothing else.
    pub(super) fn tell_unchecked(&mut self) {
        let directory = self.directory;
        if !directory.unproven.is_empty() {
            let message = format!(
                "Skovik gives no total of its {}: read to the last page, and nothing proves that this was all",
                directory.unproven.join(", ")
            );
            self.diagnose(Severity::Warning, "list_not_proven", None, message);
        }
        let managed = &self.policy.managed.custom_fields;
        let is_unchecked = |kind: &CustomFieldKind| *kind == CustomFieldKind::UncheckedChoice;
        let fields = directory.custom_fields.iter();
        for field in fields.filter(|field| is_unchecked(&field.kind) && managed.contains(&field.id)) {
            let message = format!(
                "{}: Skovik does not tell the options of this choice, so its values are sent as the templates give them, \
                 unchecked; give values, not labels",
                field.name
            );
            self.diagnose(Severity::Warning, "choices_unchecked", None, message);
        }
    }
}
