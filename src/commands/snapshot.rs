//! `snapshot`: saves everything in Skovik that planning needs, as a backup before a change or as the input of a plan
//! that is made elsewhere.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::value::RawValue;

use super::common::{load_settings, provider, shown};
use super::places::Places;
use super::signals::done_unless_interrupted;
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse};
use crate::files::PrivateFile;
use crate::provider::snapshot::{Counts, Item, Writer};
use crate::provider::{Collection, ListError, Progress, Proven, Provider, RowError};
use crate::ui::Ui;

/// Runs `snapshot`.
///
/// # Errors
/// Exit codes 3 and 4; 130 on a signal, which leaves no file. One that comes once the file is there changes nothing.
pub async fn run(args: &cli::Snapshot, global: &Global, ui: &Ui) -> Result<ExitStatus> {
    let settings = load_settings(&global.config)?;
    Places::new(global).settings(&settings).writes("--out", Some(&args.out)).check()?;
    let progress = ui.progress("reading Skovik's users");
    let told = |read: u64, total: Option<u64>| {
        if let Some(total) = total {
            progress.set_total(total);
        }
        progress.set(read);
    };
    let writing =
        async { write_snapshot(&*provider(&settings).await?, &settings.target.account(), &args.out, &told).await };
    let (Counts { branches, custom_fields, users }, _signals) =
        done_unless_interrupted(writing, ExitStatus::Done).await?;
    progress.finish();
    ui.last(&[format!(
        "saved {}: users {users}, branches {branches}, custom fields {custom_fields}",
        shown(&args.out)
    )]);
    Ok(ExitStatus::Done)
}

/// Writes a snapshot of the account at `url`. If that fails, no new file is left and an older one stays as it is.
///
/// # Errors
/// Exit code 4 if Skovik cannot be read completely.
pub async fn write_snapshot(provider: &dyn Provider, url: &str, out: &Path, progress: Progress<'_>) -> Result<Counts> {
    let cannot_write = || format!("cannot write the snapshot {}", shown(out));
    let file = PrivateFile::create(out).with_context(cannot_write)?;
    let mut writer = Writer::new(file, url).with_context(cannot_write)?;
    let silent: Progress<'_> = &|_, _| ();
    for (what, progress) in
        [(Collection::Branches, silent), (Collection::CustomFields, silent), (Collection::Users, progress)]
    {
        let mut each = |raw: &RawValue| {
            let item = match what {
                Collection::Branches => Item::Branch(raw),
                Collection::CustomFields => Item::CustomField(raw),
                Collection::Users => Item::User(raw),
            };
            writer.item(item).map_err(RowError::Output)
        };
        match provider.rows(what, &mut each, progress).await {
            Err(ListError::Output(error)) => return Err(error).with_context(cannot_write),
            listed => {
                if listed.or_refuse(ExitStatus::Untrusted)? == Proven(false) {
                    writer.unproven(what);
                    tracing::warn!(
                        "the list of {what} is read to its last page; without a total, nothing proves it complete, and plans from \
                        this snapshot say so"
                    );
                }
            }
        }
    }
    let (file, counts) = writer.finish().with_context(cannot_write)?;
    file.keep().with_context(cannot_write)?;
    Ok(counts)
}
