//! The diagnostics: under their person, if the person is shown; the others in a section of their own.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::TextOptions;
use super::group::Group;
use super::layout::{Palette, thousands, wrap};
use crate::plan::{Diagnostic, OperationId, Severity};
use crate::text::{escape, printable};

/// Where each diagnostic is shown.
pub(super) struct Remarks<'a> {
    beside: HashMap<OperationId, Vec<&'a Diagnostic>>,
    /// By severity and code.
    rest: BTreeMap<(Severity, &'a str), Vec<&'a Diagnostic>>,
}

impl<'a> Remarks<'a> {
    /// Divides the diagnostics. A person with several operations gets them at the first one that is shown. A diagnostic
    /// about a person that the limit hides goes to the section.
    pub(super) fn of(diagnostics: &'a [Diagnostic], groups: &[Group<'_>]) -> Self {
        let named = diagnostics.iter().filter_map(|diagnostic| diagnostic.employee.as_deref());
        let mut shown: HashMap<&str, Option<OperationId>> = named.map(|employee| (employee, None)).collect();
        if !shown.is_empty() {
            for operation in groups.iter().flat_map(|group| &group.shown) {
                if let Some(first) = operation.employee.as_ref().and_then(|employee| shown.get_mut(employee.as_str())) {
                    first.get_or_insert(operation.id);
                }
            }
        }
        let mut remarks = Self { beside: HashMap::new(), rest: BTreeMap::new() };
        for diagnostic in diagnostics {
            match diagnostic.employee.as_deref().and_then(|employee| shown[employee]) {
                Some(operation) => remarks.beside.entry(operation).or_default().push(diagnostic),
                None => {
                    let kind = (diagnostic.severity, diagnostic.code.as_str());
                    remarks.rest.entry(kind).or_default().push(diagnostic);
                }
            }
        }
        remarks
    }

    /// The diagnostics under an operation.
    pub(super) fn beside(&self, operation: OperationId) -> &[&'a Diagnostic] {
        self.beside.get(&operation).map_or(&[], Vec::as_slice)
    }

    /// Writes the section of the remarks that belong to no person shown.
    pub(super) fn write_rest(&self, f: &mut fmt::Formatter<'_>, options: &TextOptions) -> fmt::Result {
        if self.rest.is_empty() {
            return Ok(());
        }
        let palette = Palette::new(options.color);
        let count = self.rest.values().map(Vec::len).sum();
        writeln!(f, "\n{} ({})", palette.bold("Set aside and warnings"), thousands(count))?;
        for ((severity, code), diagnostics) in &self.rest {
            let code = escape(code);
            match severity {
                Severity::Error => write!(f, "  {}", palette.red(format_args!("! {code}")))?,
                Severity::Warning => write!(f, "  {}", palette.yellow(format_args!("! {code}")))?,
                Severity::Info => write!(f, "  {}", palette.dim(format_args!("i {code}")))?,
            }
            writeln!(f, " ({})", thousands(diagnostics.len()))?;
            let shown = options.shown(diagnostics.len());
            for diagnostic in &diagnostics[..shown] {
                for (index, line) in wrap(&sentence(diagnostic), options.width.saturating_sub(6)).iter().enumerate() {
                    writeln!(f, "{}{line}", if index == 0 { "    " } else { "      " })?;
                }
            }
            if shown < diagnostics.len() {
                let more = options.more(diagnostics.len() - shown, "");
                writeln!(f, "    {}", palette.dim(more))?;
            }
        }
        Ok(())
    }
}

/// The message, with the person in front if the message does not name them, as in `Anna Berg (100, hr row 12)`. The same letters
/// or digits elsewhere in it say nothing: they may be those of a row.
pub(in crate::render) fn sentence(diagnostic: &Diagnostic) -> String {
    let message = printable(&diagnostic.message);
    let is_named =
        |employee: &str| [",", ")"].iter().any(|end| diagnostic.message.contains(&format!("({employee}{end}")));
    match &diagnostic.employee {
        Some(employee) if !is_named(employee) => format!("{}: {message}", escape(employee)),
        _ => message.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_is_named_whatever_letters_the_message_has() {
        for (employee, message, expected) in [
            ("a", "nobody has this identifier", "a: nobody has this identifier"),
            ("1", "Anna Berg (hr row 12): no e-mail", "1: Anna Berg (hr row 12): no e-mail"),
            ("12", "Anna Berg (hr row 12): no e-mail", "12: Anna Berg (hr row 12): no e-mail"),
            ("100", "Anna Berg (100, hr row 12): no e-mail", "Anna Berg (100, hr row 12): no e-mail"),
            ("100", "Anna Berg (100): no e-mail", "Anna Berg (100): no e-mail"),
        ] {
            let diagnostic = Diagnostic {
                severity: Severity::Warning,
                code: String::new(),
                employee: Some(employee.to_owned()),
                message: message.to_owned(),
            };
            assert_eq!(sentence(&diagnostic), expected);
        }
    }
}
