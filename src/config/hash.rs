//! The hash that binds a plan to its settings. It covers every setting that decides what a plan says, and none that
//! only decides how lists are fetched, or how a plan is approved or sent.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    EmployeeSettings, Key, Missing, Prefer, Removal, ScimSettings, ScopeSettings, Settings, SourceSettings, TargetKind,
    TargetSettings, Unresolved,
};
use crate::diff::{Remove, Renumber};
use crate::guard::Limits;
use crate::plan::{Digest, PlanError, canonical_digest};

#[derive(Serialize)]
struct Hashed<'a> {
    target: HashedTarget<'a>,
    sources: Vec<HashedSource<'a>>,
    tables: Vec<HashedSource<'a>>,
    employee: &'a EmployeeSettings,
    scope: HashedScope<'a>,
    manager: HashedManager,
    guard: &'a Limits,
}

#[derive(Serialize)]
struct HashedTarget<'a> {
    kind: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<BTreeMap<&'static str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scim: Option<HashedScim<'a>>,
}

#[derive(Serialize)]
struct HashedScim<'a> {
    identifier: String,
    branch: String,
    branches: Option<BTreeSet<&'a str>>,
    remove: Removal,
    reactivate: bool,
}

#[derive(Serialize)]
struct HashedSource<'a> {
    name: &'a str,
    kind: &'a str,
    key: Vec<&'a str>,
    key_is_template: bool,
    identity: BTreeMap<&'static str, String>,
    missing_is_error: bool,
    max_unmatched_percent: u64,
    prefer: Option<&'a str>,
    prefers_greatest: bool,
}

#[derive(Serialize)]
struct HashedScope<'a> {
    include: Option<&'a str>,
    branches: Option<BTreeSet<&'a str>>,
    #[serde(rename = "match")]
    matching: &'static [&'static str],
    renumber: Renumber,
    remove: Remove,
    protect: Option<BTreeSet<&'a str>>,
    invalid_is_error: bool,
    time_zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remove_after: Option<u64>,
}

#[derive(Serialize)]
struct HashedManager {
    unresolved_is_error: bool,
}

/// The hash of the settings. The destructuring makes you decide for each new setting whether it belongs.
pub(super) fn hash(settings: &Settings) -> Result<Digest, PlanError> {
    let Settings {
        target,
        sources,
        tables,
        employee,
        scope,
        manager,
        guard,
        approval: _,
        state: _,
        schedule: _,
        serve: _,
        webhooks: _,
        notify: _,
        hash: _,
        files: _,
        secrets: _,
    } = settings;
    let TargetSettings { kind: _, url, account, token: _, access: _ } = target;
    canonical_digest(&Hashed {
        target: HashedTarget {
            kind: target.kind(),
            url: url.as_str(),
            account: account.as_deref(),
            names: names(&target.kind),
            scim: scim(&target.kind),
        },
        sources: sources.iter().map(source).collect(),
        tables: tables.iter().map(source).collect(),
        employee,
        scope: scope_of(scope),
        manager: HashedManager { unresolved_is_error: manager.unresolved == Unresolved::Error },
        guard,
    })
}

/// All of them, so that a plan is also bound to the defaults of the program that made it.
fn names(kind: &TargetKind) -> Option<BTreeMap<&'static str, &str>> {
    let TargetKind::Skovik(names) = kind else { return None };
    Some(names.iter().map(|(row, name)| (row.key, name)).collect())
}

/// Paths in one case, as they count in SCIM.
fn scim(kind: &TargetKind) -> Option<HashedScim<'_>> {
    let TargetKind::Scim(ScimSettings { identifier, branch, branches, remove, reactivate, sort_by: _ }) = kind else {
        return None;
    };
    Some(HashedScim {
        identifier: identifier.to_string().to_ascii_lowercase(),
        branch: branch.to_string().to_ascii_lowercase(),
        branches: branches.as_ref().map(|branches| branches.iter().map(String::as_str).collect()),
        remove: *remove,
        reactivate: *reactivate,
    })
}

fn source(source: &SourceSettings) -> HashedSource<'_> {
    let SourceSettings {
        name,
        key,
        expect_records: _,
        max_rows: _,
        timeout: _,
        max_age: _,
        missing,
        max_unmatched_percent,
        prefer,
        kind,
    } = source;
    HashedSource {
        name,
        kind: kind.kind(),
        key: match key {
            Key::Columns(columns) => columns.iter().map(|column| &**column).collect(),
            Key::Template(template) => vec![&*template.text],
        },
        key_is_template: matches!(key, Key::Template(_)),
        identity: kind.identity(),
        missing_is_error: *missing == Missing::Error,
        max_unmatched_percent: *max_unmatched_percent,
        prefer: prefer.as_ref().map(|prefer| &*prefer.template().text),
        prefers_greatest: matches!(prefer, Some(Prefer::Greatest(_))),
    }
}

fn scope_of(scope: &ScopeSettings) -> HashedScope<'_> {
    let ScopeSettings { include, branches, match_email, renumber, remove, protect, invalid, remove_after, time_zone } =
        scope;
    HashedScope {
        include: include.as_ref().map(|expression| &*expression.text),
        branches: branches.as_ref().map(|branches| branches.iter().map(String::as_str).collect()),
        matching: if *match_email { &["external_identifier", "primary_email"] } else { &["external_identifier"] },
        renumber: *renumber,
        remove: *remove,
        protect: protect.as_ref().map(|protect| protect.iter().map(String::as_str).collect()),
        invalid_is_error: *invalid == super::Invalid::Error,
        time_zone: time_zone.iana_name(),
        remove_after: (*remove_after > 0).then_some(*remove_after),
    }
}
