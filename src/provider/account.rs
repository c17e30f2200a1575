//! The account that a plan is made against: the live service, or a snapshot of it.
//!
//! It is read in two steps, because the settings can be matched with custom fields only when their definitions are
//! known: first the [`Shape`], then the users. A snapshot is read once for each step, row by row, so that raw users are
//! never held.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use super::snapshot::{self, Item};
use super::{Collection, Dialect, Listed, Progress, Provider, Shape, ShareRepeated};
use crate::employee::{Managed, Text, User};
use crate::exit::{ExitStatus, OrRefuse, refused};
use crate::files::{Links, open_regular};
use crate::setting::BaseUrl;

/// Where the users are read from.
#[derive(Debug)]
pub enum Account {
    /// The service.
    Live(Box<dyn Provider>),
    /// A snapshot.
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The account in the settings, which must be that of the snapshot: its URL, and `#` and its name if it has one.
        account: String,
        /// The dialect of the service whose account it is.
        dialect: Arc<dyn Dialect>,
    },
}

impl Account {
    /// The service, if it is no snapshot.
    #[must_use]
    pub fn live(&self) -> Option<&dyn Provider> {
        match self {
            Self::Live(provider) => Some(&**provider),
            Self::Snapshot { .. } => None,
        }
    }

    /// Reads the branches and the definitions of the custom fields.
    ///
    /// # Errors
    /// Exit code 4 if they cannot be read completely, 3 if a snapshot is of another URL.
    pub async fn shape(&self) -> Result<Shape> {
        match self {
            Self::Live(provider) => provider.shape().await.or_refuse(ExitStatus::Untrusted),
            Self::Snapshot { path, account, dialect } => {
                let (path, account, dialect) = (path.clone(), account.clone(), Arc::clone(dialect));
                tokio::task::spawn_blocking(move || shape_from_snapshot(&path, &account, &*dialect)).await?
            }
        }
    }

    /// Reads the users, sorted by id.
    ///
    /// # Errors
    /// As [`Account::shape`].
    pub async fn users(&self, managed: &Managed, progress: Progress<'_>) -> Result<Listed> {
        match self {
            Self::Live(provider) => {
                provider.users(managed, &mut |_, _| Ok(()), progress).await.or_refuse(ExitStatus::Untrusted)
            }
            Self::Snapshot { path, account, dialect } => {
                let (path, account, dialect, managed) =
                    (path.clone(), account.clone(), Arc::clone(dialect), managed.clone());
                let read = move || users_from_snapshot(&path, &account, &*dialect, &managed);
                let listed = tokio::task::spawn_blocking(read).await??;
                let read = (listed.users.len() + listed.inactive.len()) as u64;
                progress(read, Some(read));
                Ok(listed)
            }
        }
    }
}

/// Reads the branches and the definitions of the custom fields from a snapshot of an account.
///
/// # Errors
/// As [`Account::shape`].
pub(super) fn shape_from_snapshot(path: &Path, account: &str, dialect: &dyn Dialect) -> Result<Shape> {
    let mut shape = Shape::default();
    read(path, account, |file| {
        let of = snapshot::read_shape(file, |item| {
            match item {
                Item::Branch(json) => shape.branches.push(dialect.branch(json)?),
                Item::CustomField(json) => shape.custom_fields.push(dialect.custom_field(json)?),
                Item::User(_) => {}
            }
            Ok(())
        })?;
        Ok((of, ()))
    })?;
    sort_by_id(path, &mut shape.branches, |branch| branch.id.as_str())?;
    sort_by_id(path, &mut shape.custom_fields, |field| field.id.as_str())?;
    Ok(shape)
}

/// Reads the users from a snapshot of an account, sorted by id.
///
/// # Errors
/// As [`Account::shape`].
pub(super) fn users_from_snapshot(
    path: &Path,
    account: &str,
    dialect: &dyn Dialect,
    managed: &Managed,
) -> Result<Listed> {
    let mut listed = Listed::default();
    let mut branches = ShareRepeated::default();
    let unproven = read(path, account, |file| {
        let parse = |item: Item<&str>| match item {
            Item::User(json) => Ok(Some((dialect.user(json, managed)?, dialect.is_inactive(json)?))),
            Item::Branch(_) | Item::CustomField(_) => Ok(None),
        };
        let take = |read: Option<(User, bool)>| {
            if let Some((mut user, is_inactive)) = read {
                branches.share(&mut user);
                listed.push(user, is_inactive);
            }
            Ok(())
        };
        let snapshot::Whole { url, counts: _, unproven } = snapshot::read(file, parse, take)?;
        Ok((url, unproven))
    })?;
    listed.unproven = unproven.into_iter().map(Collection::name).collect();
    sort_by_id(path, &mut listed.users, |user| user.id.as_str())?;
    sort_by_id(path, &mut listed.inactive, |user| user.id.as_str())?;
    let is_active =
        |user: &User| listed.users.binary_search_by(|other| other.id.as_str().cmp(user.id.as_str())).is_ok();
    match listed.inactive.iter().find(|user| is_active(user)) {
        None => Ok(listed),
        Some(user) => Err(twice(path, user.id.as_str())).or_refuse(ExitStatus::Untrusted),
    }
}

/// Opens a snapshot for `read`, which returns its account first, and compares that with the settings.
fn read<T>(
    path: &Path,
    account: &str,
    read: impl FnOnce(BufReader<File>) -> Result<(String, T), snapshot::SnapshotError>,
) -> Result<T> {
    let file =
        open_regular(path, Links::Follow).with_context(|| format!("cannot open the snapshot {}", path.display()));
    let file = BufReader::new(file.or_refuse(ExitStatus::Untrusted)?);
    let (of, found) =
        read(file).with_context(|| format!("the snapshot {}", path.display())).or_refuse(ExitStatus::Untrusted)?;
    if is_same(&of, account) {
        return Ok(found);
    }
    let message = format!("the snapshot {} is of {of:?}, but the settings name {account}", path.display());
    Err(refused(ExitStatus::Usage, message))
}

/// Whether two texts name one account, however its URL is spelt.
fn is_same(one: &str, other: &str) -> bool {
    let parts = |account: &str| {
        let (url, name) = account.split_once('#').unwrap_or((account, ""));
        Some((url.parse::<BaseUrl>().ok()?, name.to_owned()))
    };
    parts(one).is_some() && parts(one) == parts(other)
}

fn sort_by_id<T>(path: &Path, items: &mut [T], id: impl Fn(&T) -> &str) -> Result<()> {
    // The ids are sorted instead of the large items, each of which is moved once then.
    items.sort_by_cached_key(|item| Text::from(id(item)));
    match items.windows(2).find(|pair| id(&pair[0]) == id(&pair[1])) {
        None => Ok(()),
        Some(pair) => Err(twice(path, id(&pair[0]))).or_refuse(ExitStatus::Untrusted),
    }
}

fn twice(path: &Path, id: &str) -> anyhow::Error {
    anyhow!("the snapshot {} holds the id {id:?} twice", path.display())
}

#[cfg(test)]
mod tests;
