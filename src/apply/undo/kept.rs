//! Whoever becomes inactive keeps the e-mail and the identifier: nobody gets them back.

use std::collections::HashMap;

use super::draft::{Action, Draft};
use super::order::{Claim, Side, claims, value};
use crate::plan::{Change, Diagnostic, Field, Severity, Value};

/// Leaves out the e-mails and identifiers that would be taken from users whom the undo makes inactive, and those that are
/// kept for that reason.
pub(super) fn leave_out(drafts: &mut Vec<Draft>) -> Vec<Diagnostic> {
    let (mut kept, mut takers) = (Vec::new(), HashMap::new());
    for (index, draft) in drafts.iter().enumerate() {
        match &draft.action {
            Action::Delete { .. } => kept.extend(claims(&draft.action, Side::Before)),
            Action::Update { .. } => {
                takers.extend(claims(&draft.action, Side::After).into_iter().map(|claim| (claim, index)));
            }
            Action::Create { .. } => {}
        }
    }
    let mut diagnostics = Vec::new();
    while let Some(claim) = kept.pop() {
        let Some(draft) = takers.remove(&claim).and_then(|index| drafts.get_mut(index)) else { continue };
        let Action::Update { changes, .. } = &mut draft.action else { continue };
        let takes = |change: &Change| Claim::of(change, Side::After).as_ref() == Some(&claim);
        let Some(place) = changes.iter().position(takes) else { continue };
        let change = changes.remove(place);
        kept.extend(Claim::of(&change, Side::Before));
        diagnostics.push(incomplete(draft, &change));
    }
    drafts.retain(|draft| !matches!(&draft.action, Action::Update { changes, .. } if changes.is_empty()));
    diagnostics
}

fn incomplete(draft: &Draft, change: &Change) -> Diagnostic {
    let text = |side: Side| match value(change, side) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "(none)",
    };
    let field = match change.field {
        Field::PrimaryEmail => "e-mail",
        _ => "external identifier",
    };
    let message = format!(
        "{} keeps the {field} {}: the user who has {} keeps it, because somebody becomes inactive",
        draft.name,
        text(Side::Before),
        text(Side::After)
    );
    Diagnostic { severity: Severity::Warning, ..draft.diagnostic("undo_incomplete", message) }
}
