//! The plan for machines: the content of the file, and what the other renderings derive from it.
//!
//! A view is not a plan file: it has its own format, so that nobody can approve or apply it by mistake. It has the keys
//! of the plan file, so that one reader can handle both. `docs/plan-file.md` describes both;
//! `docs/schema/plan-view.schema.json` is exact.

use std::collections::BTreeMap;

use serde::Serialize;

use super::shown::{Shown, Verdict};
use super::text::person::{Consequence, consequence};
use crate::employee::{CustomFieldId, ExternalIdentifier, Join, UserId};
use crate::guard::Ceiling;
use crate::plan::{
    Action, Anchors, BranchRef, Change, Content, Day, Diagnostic, Digest, Fields, GuardResult, ManagerRef, Moment,
    Operation, OperationId, Removal, SourceSummary, Summary, Target, Waiting, in_lines,
};
use crate::text::printable_json;

/// The name of the format, as a view states it.
pub const FORMAT: &str = "skovik-sync/plan-view";
/// The version of the view's format.
pub const FORMAT_VERSION: u64 = 1;

/// The view as indented JSON with a line break at its end. Invisible characters in values are escaped.
///
/// # Errors
/// If a value has no JSON form; no plan has such a value.
pub fn render<'a>(shown: impl Into<Shown<'a>>) -> serde_json::Result<String> {
    let shown = shown.into();
    let whole = |digest: Digest| (!shown.is_masked()).then_some(digest);
    let mut text = String::new();
    let view = |operation: &'a Operation| OperationView::of(operation, whole);
    in_lines(&View::of(shown), &shown.content().operations, view, |piece| {
        text.push_str(&printable_json(piece));
        Ok::<_, serde_json::Error>(())
    })?;
    text.push('\n');
    Ok(text)
}

#[derive(Serialize)]
struct View<'a> {
    format: &'static str,
    format_version: u64,
    plan_hash: Digest,
    masked: bool,
    /// The guards that block.
    blocked_by: Vec<&'a str>,
    /// What an approval must allow; null if no approval helps.
    ceilings: Option<BTreeMap<Ceiling, u64>>,
    generator: &'a str,
    config_hash: Digest,
    as_of: Option<Day>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    only: &'a [ExternalIdentifier],
    target: TargetView<'a>,
    sources: Vec<SourceView<'a>>,
    summary: Summary,
    guards: &'a [GuardResult],
    diagnostics: &'a [Diagnostic],
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<&'a Waiting>,
    /// Written one by one; see [`in_lines`].
    operations: [OperationView<'a>; 0],
}

#[derive(Serialize)]
struct TargetView<'a> {
    kind: &'a str,
    url: &'a str,
    users: u64,
    managed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anchors: Option<&'a Anchors>,
    custom_fields: &'a BTreeMap<CustomFieldId, String>,
    #[serde(skip_serializing_if = "Removal::is_delete")]
    removal: Removal,
}

#[derive(Serialize)]
struct SourceView<'a> {
    name: &'a str,
    kind: &'a str,
    records: u64,
    proof: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join: Option<Join>,
}

#[derive(Serialize)]
struct OperationView<'a> {
    id: OperationId,
    action: &'static str,
    employee: Option<&'a ExternalIdentifier>,
    name: &'a str,
    depends_on: &'a [OperationId],
    #[serde(flatten)]
    action_view: ActionView<'a>,
    /// Consequences of the operation that it does not name itself.
    consequences: Vec<Consequence>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ActionView<'a> {
    Create {
        after: &'a Fields,
    },
    Update {
        user_id: &'a UserId,
        #[serde(skip_serializing_if = "Option::is_none")]
        before_hash: Option<Digest>,
        #[serde(skip_serializing_if = "Option::is_none")]
        branch: Option<&'a Option<BranchRef>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        roles: Option<&'a [String]>,
        changes: &'a [Change],
    },
    Link {
        create: OperationId,
        manager: &'a ManagerRef,
    },
    Delete {
        user_id: &'a UserId,
        #[serde(skip_serializing_if = "Option::is_none")]
        before_hash: Option<Digest>,
        before: &'a Fields,
        #[serde(skip_serializing_if = "Option::is_none")]
        roles: Option<&'a [String]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        missing_since: Option<Moment>,
        reason: &'a str,
    },
}

impl<'a> View<'a> {
    fn of(shown: Shown<'a>) -> Self {
        let Content {
            generator,
            config_hash,
            as_of,
            only,
            target,
            sources,
            summary,
            guards,
            diagnostics,
            waiting,
            operations: _,
        } = shown.content();
        let whole = |digest: Digest| (!shown.is_masked()).then_some(digest);
        let Verdict { fixed, liftable, ceilings } = Verdict::of(shown.content());
        let ceilings = fixed.is_empty().then_some(ceilings);
        let Target { kind, url, users, managed, fingerprint, anchors, custom_fields, removal } = target;
        let target = TargetView {
            kind,
            url,
            users: *users,
            managed: *managed,
            fingerprint: whole(*fingerprint),
            anchors: (!shown.is_masked()).then_some(anchors),
            custom_fields,
            removal: *removal,
        };
        let source = |source: &'a SourceSummary| {
            let SourceSummary { name, kind, records, proof, fingerprint, join } = source;
            SourceView { name, kind, records: *records, proof, fingerprint: whole(*fingerprint), join: *join }
        };
        Self {
            format: FORMAT,
            format_version: FORMAT_VERSION,
            plan_hash: shown.hash(),
            masked: shown.is_masked(),
            blocked_by: [fixed, liftable].concat(),
            ceilings,
            generator,
            config_hash: *config_hash,
            as_of: *as_of,
            only,
            target,
            sources: sources.iter().map(source).collect(),
            summary: *summary,
            guards,
            diagnostics,
            waiting: waiting.as_ref(),
            operations: [],
        }
    }
}

impl<'a> OperationView<'a> {
    fn of(operation: &'a Operation, whole: impl Fn(Digest) -> Option<Digest>) -> Self {
        let Operation { id, employee, name, depends_on, action } = operation;
        let action_view = match action {
            Action::Create { after } => ActionView::Create { after },
            Action::Update { user_id, before_hash, branch, roles, changes } => ActionView::Update {
                user_id,
                before_hash: whole(*before_hash),
                branch: branch.as_ref(),
                roles: roles.as_deref(),
                changes,
            },
            Action::Link { create, manager } => ActionView::Link { create: *create, manager },
            Action::Delete { user_id, before_hash, before, roles, missing_since, reason } => {
                let (before_hash, roles) = (whole(*before_hash), roles.as_deref());
                ActionView::Delete { user_id, before_hash, before, roles, missing_since: *missing_since, reason }
            }
        };
        Self {
            id: *id,
            action: action.name(),
            employee: employee.as_ref(),
            name,
            depends_on,
            action_view,
            consequences: consequence(operation).into_iter().collect(),
        }
    }
}
