//! `sandbox`: runs the simulator until it is told to end, then saves its account if asked to.

use std::io::{BufReader, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::SecretString;

use super::common::{load_settings, shown};
use super::places::Places;
use super::signals::ended;
use crate::cli::{self, Global};
use crate::config::{Names, TargetKind};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::files::{Links, open_regular, write_private};
use crate::sandbox::{
    Account, Archived, BranchMove, ExternalIds, FieldOptions, Filters, Identifiers, ManagerDelete, Options, Paging,
    PatchMode, Paths, PutMode, RowOrder, Rule, RuleError, ScimModes, Server, UserNames, duration,
};

/// Runs the sandbox. The first line on `out` is `listening on URL`, for scripts to wait for.
///
/// # Errors
/// Wrong arguments, an invalid seed, an address that cannot be listened on, or a file that cannot be written.
pub async fn run(
    args: &cli::Sandbox,
    global: &Global,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> anyhow::Result<ExitStatus> {
    check_places(args, global)?;
    if let Some(path) = &args.save {
        check_folder(path)?;
    }
    let options = options(args)?;
    let (hint, scim) = (hint(&options), scim_hint(&options.scim));
    let ended = ended()?;
    let server = Server::start(options).await?;
    let url = server.url();
    writeln!(out, "listening on {url}")?;
    out.flush()?;
    writeln!(err, "{hint}")?;
    writeln!(err, "the same people by SCIM on {}{scim}", server.scim_url())?;
    ended.await;
    let account = server.stop().await?;
    if let Some(path) = &args.save {
        write_private(path, |file| account.save(file, &url))
            .with_context(|| format!("the account could not be saved to {}", shown(path)))?;
        writeln!(err, "saved {} to {}", count(account.user_count(), "user"), shown(path))?;
    }
    Ok(ExitStatus::Done)
}

/// Reads the arguments, and the seed that they name.
fn options(args: &cli::Sandbox) -> anyhow::Result<Options> {
    let cli::Sandbox {
        port,
        host,
        seed,
        save: _,
        key,
        read_key,
        paging,
        page_cap,
        no_total,
        put,
        branch_move,
        manager_delete,
        identifiers,
        paths,
        field_options,
        names,
        scim,
        latency,
        fail,
        fault_seed,
        request_log,
    } = args;
    let usage = |message: String| refused(ExitStatus::Usage, message);
    let page_cap = NonZeroUsize::new(*page_cap).ok_or_else(|| usage("--page-cap must be at least 1".to_owned()))?;
    let latency = latency.as_deref().map_or(Ok(Duration::ZERO), duration);
    let latency = latency.map_err(|problem| usage(format!("--latency {problem}")))?;
    let faults: Result<Vec<Rule>, RuleError> = fail.iter().map(|rule| rule.parse()).collect();
    let account = match seed {
        None => Account::default(),
        Some(path) => {
            let file = open_regular(path, Links::Follow)
                .map_err(|error| usage(format!("the seed {} cannot be read: {error}", shown(path))))?;
            Account::load(BufReader::new(file))
                .map_err(|error| anyhow::anyhow!("the seed {}: {error}", shown(path)))
                .or_refuse(ExitStatus::Untrusted)?
        }
    };
    Ok(Options {
        host: *host,
        port: *port,
        account,
        key: key.as_deref().map(SecretString::from),
        read_key: read_key.as_deref().map(SecretString::from),
        paging: *paging,
        page_cap,
        total: !no_total,
        put: *put,
        branch_move: *branch_move,
        manager_delete: *manager_delete,
        identifiers: *identifiers,
        paths: *paths,
        field_options: *field_options,
        names: names.as_deref().map(names_of).transpose()?.unwrap_or_default(),
        scim: scim_modes(scim),
        latency,
        faults: faults.or_refuse(ExitStatus::Usage)?,
        fault_seed: *fault_seed,
        request_log: request_log.clone(),
    })
}

/// The names of the API in a settings file.
fn names_of(path: &Path) -> anyhow::Result<Names> {
    match load_settings(path)?.target.kind {
        TargetKind::Skovik(names) => Ok(names),
        TargetKind::Scim(_) => {
            let problem = format!("--names {}: its [target] is SCIM, whose names are specified", shown(path));
            Err(refused(ExitStatus::Usage, problem))
        }
    }
}

fn scim_modes(args: &cli::SandboxScim) -> ScimModes {
    let &cli::SandboxScim { external_id, archived, patch, filter, order, user_name, no_etag, no_sort, no_scim_type } =
        args;
    ScimModes {
        external_ids: external_id,
        archived,
        patch,
        etags: !no_etag,
        filters: filter,
        sort: !no_sort,
        order,
        scim_types: !no_scim_type,
        user_names: user_name,
    }
}

/// The account may be saved to the seed file: the seed is read completely first, and replaced completely at the end.
fn check_places(args: &cli::Sandbox, global: &Global) -> anyhow::Result<()> {
    let places = || {
        let places = Places::new(global).settings_if_any(global).may_read("--names", args.names.as_deref());
        let places = args.names.iter().fold(places, |places, names| places.settings_at(names));
        places.writes_in_place("--request-log", args.request_log.as_deref())
    };
    places().may_read("--seed", args.seed.as_deref()).check()?;
    places().writes("--save", args.save.as_deref()).check()
}

/// Fails early: a missing folder would be noticed only at the end.
fn check_folder(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    Err(refused(ExitStatus::Usage, format!("--save {}: {} is not a folder", shown(path), shown(folder))))
}

fn hint(options: &Options) -> String {
    let cap = options.page_cap;
    let paging = match options.paging {
        Paging::Page => format!("pages of up to {cap}"),
        Paging::Cursor => format!("pages of up to {cap} by cursor"),
        Paging::Count => format!("pages of up to {cap} without links"),
        Paging::StrictCursor => format!("pages of up to {cap} by cursor only"),
        Paging::BareCursor => format!("pages of up to {cap} by cursor only, without links"),
    };
    let mut modes = vec![count(options.account.user_count(), "user"), paging];
    if !options.total {
        modes.push("no meta.total".to_owned());
    }
    modes.push(match options.put {
        PutMode::Replace => "PUT replaces".to_owned(),
        PutMode::Merge => "PUT merges".to_owned(),
    });
    modes.push(match options.branch_move {
        BranchMove::Empties => "a branch move empties custom fields".to_owned(),
        BranchMove::Keeps => "a branch move keeps custom fields".to_owned(),
    });
    modes.push(match options.manager_delete {
        ManagerDelete::Nulls => "a removed manager is taken from the reports".to_owned(),
        ManagerDelete::Refuses => "a manager with reports cannot be removed".to_owned(),
    });
    modes.push(match options.identifiers {
        Identifiers::Released => "identifiers of removed users are free".to_owned(),
        Identifiers::Reserved => "identifiers of removed users stay taken".to_owned(),
    });
    match options.paths {
        Paths::Underscored => {}
        Paths::Both => modes.push("paths with underscores or dashes".to_owned()),
        Paths::Dashed => modes.push("paths with dashes".to_owned()),
    }
    match options.field_options {
        FieldOptions::Separate => {}
        FieldOptions::Embedded => modes.push("options in their custom field".to_owned()),
        FieldOptions::Unreadable => modes.push("options cannot be read".to_owned()),
    }
    if options.names != Names::default() {
        modes.push("other names".to_owned());
    }
    if !options.latency.is_zero() {
        modes.push(format!("answers take {:?}", options.latency));
    }
    if !options.faults.is_empty() {
        modes.push(count(options.faults.len(), "fault rule"));
    }
    modes.push(if options.key.is_some() { "one key only".to_owned() } else { "any key will do".to_owned() });
    if options.read_key.is_some() {
        modes.push("one key that may only read".to_owned());
    }
    format!("{}; Ctrl-C ends it", modes.join(", "))
}

/// The modes of `/scim/v2` that differ from the defaults.
fn scim_hint(modes: &ScimModes) -> String {
    let &ScimModes { external_ids, archived, patch, etags, filters, sort, order, scim_types, user_names } = modes;
    [
        (external_ids == ExternalIds::Dropped, "externalId is dropped"),
        (archived == Archived::Hidden, "archived users are hidden"),
        (archived == Archived::Reversible, "archived users can become active again"),
        (patch == PatchMode::Silent, "PATCH answers without the user"),
        (patch == PatchMode::Unsupported, "no PATCH"),
        (!etags, "no ETags"),
        (filters == Filters::Refused, "filters are refused"),
        (filters == Filters::Ignored, "filters are ignored"),
        (!sort, "no sorting"),
        (order == RowOrder::Shuffled, "lists in no order"),
        (!scim_types, "errors without scimType"),
        (user_names == UserNames::Any, "any text is a userName"),
    ]
    .into_iter()
    .filter(|(is, _)| *is)
    .map(|(_, words)| format!(", {words}"))
    .collect()
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
