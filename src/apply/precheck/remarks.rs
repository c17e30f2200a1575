//! Warnings of a plan that the account and the settings give, without the lists: who is protected, and who is not. A plan that
//! was edited by hand must not lack one of them. Pure functions.

use super::Live;
use crate::diff::{ROLES_NOT_TOLD, protection_remarks};
use crate::plan::{Diagnostic, Plan};

fn without_counts(message: &str) -> impl Iterator<Item = char> {
    message.chars().filter(|c| !c.is_ascii_digit())
}

/// What a plan does not say of who is protected, although it is so now. An undo has warnings of its own.
pub(super) fn unsaid(plan: &Plan, live: Live<'_>) -> Vec<String> {
    if plan.content().undone().is_some() {
        return Vec::new();
    }
    let said = &plan.content().diagnostics;
    let is_said = |remark: &Diagnostic| {
        let Diagnostic { severity, code, employee, message } = remark;
        said.iter().any(|said| {
            let is_such = (&said.severity, &said.code, &said.employee) == (severity, code, employee);
            // Users come and go between a plan and its apply, and so do their roles.
            let is_said = match code == ROLES_NOT_TOLD {
                true => without_counts(&said.message).eq(without_counts(message)),
                false => said.message == *message,
            };
            is_such && is_said
        })
    };
    let remarks = protection_remarks(live.protect, live.reactivates, live.directory).into_iter();
    let unsaid = remarks.filter(|remark| !is_said(remark));
    unsaid.map(|remark| format!("the plan does not say so ({}): {}", remark.code, remark.message)).collect()
}
