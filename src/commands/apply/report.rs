//! The messages at the end of an apply.

use crate::apply::{Halt, Outcome, Report};
use crate::plan::{Action, Operation, Plan};
use crate::ui::Ui;

/// How many people of each kind are listed; the report file has them all.
const SHOWN: usize = 50;

/// Prints with `say` what happened and what to do next. `resumes` is the plan's path, quoted for a shell, if the same `apply` is to
/// finish it. `emptied` names whom another apply may have moved, with the custom fields that they lack since.
pub(super) fn print(
    plan: &Plan,
    report: &Report,
    emptied: &[String],
    resumes: Option<&str>,
    say: &dyn Fn(&[String]),
    ui: &Ui,
) {
    let mut lines = summary(plan, report);
    if !emptied.is_empty() {
        lines.push(format!(
            "Custom fields are empty since another apply in doubt moved their users ({}):",
            emptied.len()
        ));
        lines.extend(emptied.iter().take(SHOWN).map(|words| format!("  {}", crate::text::printable(words))));
        if emptied.len() > SHOWN {
            lines.push(format!("  … and {} more; --report FILE lists them all", emptied.len() - SHOWN));
        }
    }
    say(&lines);
    if !emptied.is_empty() {
        ui.hint(
            "this plan does not give these custom fields back. The apply that moved their users does, if it is run again and they \
            are still in its branch; otherwise set them in Skovik",
        );
    }
    let Some(file) = resumes else { return };
    let is_left = report.outcomes.iter().any(|outcome| !outcome.is_done());
    match &report.halt {
        Some(Halt::Interrupted) => ui.hint(format!(
            "interrupted; to resume, with the same approval: skovik-sync apply \
        {file}"
        )),
        Some(halt) => ui.hint(format!("the run was stopped: {halt}; when that is fixed: skovik-sync apply {file}")),
        None if is_left => ui.hint(format!(
            "fix the failed operations in the source or in Skovik; then resume with skovik-sync apply {file}, or plan \
            again"
        )),
        None => {}
    }
}

/// What happened, in lines.
fn summary(plan: &Plan, report: &Report) -> Vec<String> {
    let operations = &plan.content().operations;
    let pairs = || operations.iter().zip(&report.outcomes);
    let done = pairs().filter(|(_, outcome)| outcome.is_done()).map(|(operation, _)| operation);
    let mut lines = vec![format!("Applied: {}.", counts(done))];
    let before = pairs().filter(|(_, outcome)| matches!(outcome, Outcome::DoneBefore { .. })).count();
    if before > 0 {
        lines.push(format!("  of these, {before} by an earlier run of this apply"));
    }
    let mut list = |title: &str, which: &dyn Fn(&Outcome) -> Option<String>| {
        let found: Vec<(&Operation, String)> =
            pairs().filter_map(|(operation, outcome)| Some((operation, which(outcome)?))).collect();
        if !found.is_empty() {
            lines.push(format!("{title} ({}):", found.len()));
        }
        for (operation, words) in found.iter().take(SHOWN) {
            lines.push(format!("  {}: {}", describe(operation), crate::text::printable(words)));
        }
        if found.len() > SHOWN {
            lines.push(format!("  … and {} more; --report FILE lists them all", found.len() - SHOWN));
        }
    };
    list("Done, but Skovik stored different values", &|outcome| match outcome {
        Outcome::Done { differs, .. } | Outcome::DoneBefore { differs } if !differs.is_empty() => {
            Some(differs.join(", "))
        }
        _ => None,
    });
    list("Failed", &|outcome| match outcome {
        Outcome::Failed { problem } => Some(problem.clone()),
        _ => None,
    });
    list("Outcome unknown, carried out or not", &|outcome| match outcome {
        Outcome::InDoubt { problem } => Some(problem.clone()),
        _ => None,
    });
    list("Not attempted", &|outcome| match outcome {
        Outcome::NotAttempted { because } => Some(because.clone()),
        _ => None,
    });
    lines
}

fn describe(operation: &Operation) -> String {
    let Operation { id, employee, name, depends_on: _, action } = operation;
    let employee = employee.as_ref().map(|employee| format!("{employee} ")).unwrap_or_default();
    crate::text::printable(&format!("operation {id}, {} {employee}{name}", action.name())).into_owned()
}

fn counts<'a>(operations: impl Iterator<Item = &'a Operation>) -> String {
    let (mut created, mut back, mut updated, mut deleted, mut linked) = (0, 0, 0, 0, 0);
    for operation in operations {
        match operation.action {
            Action::Create { .. } => created += 1,
            Action::Update { .. } if operation.reactivates() => back += 1,
            Action::Update { .. } => updated += 1,
            Action::Delete { .. } => deleted += 1,
            Action::Link { .. } => linked += 1,
        }
    }
    let linked = if linked > 0 { format!(", {linked} linked to their managers") } else { String::new() };
    let back = if back > 0 { format!("{back} reactivated, ") } else { String::new() };
    format!("{created} created, {back}{updated} updated, {deleted} deleted{linked}")
}
