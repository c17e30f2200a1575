//! `sandbox`: runs the stand-in until it is told to end, and then saves its account if that was asked for.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;

use super::places::Places;
use super::signals::ended;
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, refused};
use crate::files::write_private;
use crate::sandbox::{Options, Server};

/// Runs the sandbox. The first line on `out` is `listening on URL`, for scripts to wait for.
///
/// # Errors
/// Wrong arguments, a seed that cannot be trusted, an address that cannot be listened on, a file that cannot be written.
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
    let options = Options::try_from(args)?;
    let hint = hint(&options);
    let ended = ended()?;
    let server = Server::start(options).await?;
    let url = server.url();
    writeln!(out, "listening on {url}")?;
    out.flush()?;
    writeln!(err, "{hint}")?;
    ended.await;
    let account = server.stop().await?;
    if let Some(path) = &args.save {
        write_private(path, |file| account.save(file, &url))
            .with_context(|| format!("the account could not be saved to {}", path.display()))?;
        writeln!(err, "saved {} to {}", count(account.user_count(), "user"), path.display())?;
    }
    Ok(ExitStatus::Done)
}

/// The account may go back to where it came from: the seed is read whole before, and replaced whole at the end.
fn check_places(args: &cli::Sandbox, global: &Global) -> anyhow::Result<()> {
    let places = || Places::new(global).writes("--request-log", args.request_log.as_deref());
    places().may_read("--seed", args.seed.as_deref()).check()?;
    places().writes("--save", args.save.as_deref()).check()
}

/// Fails early: a folder that is not there would be found out only at the end.
fn check_folder(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    Err(refused(ExitStatus::Usage, format!("--save {}: {} is no folder", path.display(), folder.display())))
}

fn hint(options: &Options) -> String {
    use crate::cli::{BranchMove, Identifiers, ManagerDelete, Paging, PutMode};
    let cap = options.page_cap;
    let paging = match options.paging {
        Paging::Page => format!("pages of up to {cap}"),
        Paging::Cursor => format!("pages of up to {cap} by cursor"),
        Paging::Count => format!("pages of up to {cap} without links"),
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

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
