//! Reads the sources and Skovik, side by side.

use std::future::pending;
use std::panic::resume_unwind;
use std::path::Path;

use tokio::sync::oneshot;

use crate::commands::common::{dialect, now, provider};
use crate::commands::signals::{EndedBySignals, unless_interrupted};
use crate::config::{Settings, SourceSettings};
use crate::employee::{Desired, Directory, Managed};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::mapping::{Mapper, ResolvedMapper};
use crate::provider::{Account, Shape};
use crate::setting::Calendar;
use crate::source::{Records, read_all};
use crate::ui::{Progress, Ui};

/// Both sides, as a plan needs them.
pub(in crate::commands) struct BothSides {
    pub(in crate::commands) records: Records,
    pub(in crate::commands) desired: Desired,
    pub(in crate::commands) directory: Directory,
    pub(in crate::commands) resolved: ResolvedMapper,
}

impl BothSides {
    /// Applies the settings to what was read.
    pub(in crate::commands) fn new(
        records: Records,
        resolved: ResolvedMapper,
        directory: Directory,
    ) -> anyhow::Result<Self> {
        let (records, desired) = employees(&records, &resolved)?;
        Ok(Self { records, desired, directory, resolved })
    }
}

/// Who should be in Skovik, and the records after it was decided which of several with one key counts.
fn employees(records: &Records, resolved: &ResolvedMapper) -> anyhow::Result<(Records, Desired)> {
    let records = resolved.settle(records).or_refuse(ExitStatus::Usage)?;
    let desired = resolved.employees(&records).map_err(|error| refused(error.status(), error))?;
    Ok((records, desired))
}

/// Reads the sources and Skovik, side by side.
pub(super) async fn read_both_sides(
    settings: &Settings,
    account: &Account,
    calendar: &Calendar,
    ui: &Ui,
) -> anyhow::Result<(BothSides, EndedBySignals)> {
    let lines = SourceProgress::new(settings, ui);
    let to_read = settings.to_read(now().into(), calendar);
    // The employees need the branches and custom fields of the account, but not its users.
    let (fitted, fits) = oneshot::channel();
    let skovik = async {
        let (resolved, shape) = read_shape(account, settings).await?;
        // Nobody waits for them if the sources could not be read.
        let _ = fitted.send(resolved.clone());
        let directory = read_users(account, shape, resolved.managed(), ui).await?;
        Ok((resolved, directory))
    };
    let company = async {
        let records = read_all(&to_read, &|place, so_far, total| lines.told(place, so_far, total)).await;
        let records = records.map_err(|error| refused(error.status(), format!("no plan was made: {error}")))?;
        match fits.await {
            Ok(resolved) => blocking(move || employees(&records, &resolved)).await,
            // The account could not be read, and that is the error.
            Err(_) => pending().await,
        }
    };
    let reading = async { tokio::try_join!(skovik, company) };
    let (((resolved, directory), (records, desired)), signals) = unless_interrupted(reading).await?;
    Ok((BothSides { records, desired, directory, resolved }, signals))
}

/// Does something that takes long on a thread of its own.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(cancelled) => unreachable!("nobody cancels it: {cancelled}"),
    })
}

/// Opens Skovik or a snapshot of it. Checks the settings and the key, and sends nothing yet.
pub(in crate::commands) async fn open_account(settings: &Settings, snapshot: Option<&Path>) -> anyhow::Result<Account> {
    Ok(match snapshot {
        Some(path) => {
            Account::Snapshot { path: path.to_owned(), account: settings.target.account(), dialect: dialect(settings) }
        }
        None => Account::Live(provider(settings).await?),
    })
}

/// Reads Skovik.
pub(in crate::commands) async fn read_account(
    account: Account,
    settings: &Settings,
    ui: &Ui,
) -> anyhow::Result<(ResolvedMapper, Directory)> {
    let (resolved, shape) = read_shape(&account, settings).await?;
    let directory = read_users(&account, shape, resolved.managed(), ui).await?;
    Ok((resolved, directory))
}

/// Reads the branches and custom fields of the account, and fits the settings to them.
async fn read_shape(account: &Account, settings: &Settings) -> anyhow::Result<(ResolvedMapper, Shape)> {
    let shape = account.shape().await?;
    let mapper = Mapper::new(settings);
    let resolved = mapper.resolve(&shape.branches, &shape.custom_fields).or_refuse(ExitStatus::Usage)?;
    Ok((resolved, shape))
}

/// Reads the users of the account.
async fn read_users(account: &Account, shape: Shape, managed: &Managed, ui: &Ui) -> anyhow::Result<Directory> {
    let progress = ui.progress("reading Skovik's users");
    let told = |read: u64, total: Option<u64>| {
        if let Some(total) = total {
            progress.set_total(total);
        }
        progress.set(read);
    };
    let users = account.users(managed, &told).await?;
    progress.finish();
    Ok(shape.with_users(users))
}

/// A progress line for each source.
pub(in crate::commands) struct SourceProgress(Vec<Progress>);

impl SourceProgress {
    pub(in crate::commands) fn new(settings: &Settings, ui: &Ui) -> Self {
        let line = |source: &SourceSettings| ui.progress(format!("reading source {}", source.name));
        Self(settings.sources.iter().chain(&settings.tables).map(line).collect())
    }

    /// Shows how much of a source was read; clears the line when the source is complete.
    pub(in crate::commands) fn told(&self, place: usize, so_far: u64, total: Option<u64>) {
        let line = &self.0[place];
        if total == Some(so_far) {
            return line.finish();
        }
        if let Some(total) = total {
            line.set_total(total);
        }
        line.set(so_far);
    }
}
