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
use super::{Dialect, Listed, Progress, Provider, Shape, ShareRepeated};
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
        /// The URL in the configuration, which must be that of the snapshot.
        url: BaseUrl,
        /// The dialect of the service whose account it is.
        dialect: Arc<dyn Dialect>,
    },
}

impl Account {
    /// Reads the branches and the definitions of the custom fields.
    ///
    /// # Errors
    /// Exit code 4 if they cannot be read completely, 3 if a snapshot is of another URL.
    pub async fn shape(&self) -> Result<Shape> {
        match self {
            Self::Live(provider) => provider.shape().await.or_refuse(ExitStatus::Untrusted),
            Self::Snapshot { path, url, dialect } => {
                let (path, url, dialect) = (path.clone(), url.clone(), Arc::clone(dialect));
                tokio::task::spawn_blocking(move || shape_from_snapshot(&path, &url, &*dialect)).await?
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
            Self::Snapshot { path, url, dialect } => {
                let (path, url, dialect, managed) = (path.clone(), url.clone(), Arc::clone(dialect), managed.clone());
                let read = move || users_from_snapshot(&path, &url, &*dialect, &managed);
                let listed = tokio::task::spawn_blocking(read).await??;
                let read = (listed.users.len() + listed.inactive.len()) as u64;
                progress(read, Some(read));
                Ok(listed)
            }
        }
    }
}

/// Reads the branches and the definitions of the custom fields from a snapshot of the account at `url`.
///
/// # Errors
/// As [`Account::shape`].
pub(super) fn shape_from_snapshot(path: &Path, url: &BaseUrl, dialect: &dyn Dialect) -> Result<Shape> {
    let mut shape = Shape::default();
    read(path, url, |file| {
        snapshot::read_shape(file, |item| {
            match item {
                Item::Branch(json) => shape.branches.push(dialect.branch(json)?),
                Item::CustomField(json) => shape.custom_fields.push(dialect.custom_field(json)?),
                Item::User(_) => {}
            }
            Ok(())
        })
    })?;
    sort_by_id(path, &mut shape.branches, |branch| branch.id.as_str())?;
    sort_by_id(path, &mut shape.custom_fields, |field| field.id.as_str())?;
    Ok(shape)
}

/// Reads the users from a snapshot of the account at `url`, sorted by id.
///
/// # Errors
/// As [`Account::shape`].
pub(super) fn users_from_snapshot(
    path: &Path,
    url: &BaseUrl,
    dialect: &dyn Dialect,
    managed: &Managed,
) -> Result<Listed> {
    let mut listed = Listed::default();
    let mut branches = ShareRepeated::default();
    read(path, url, |file| {
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
        snapshot::read(file, parse, take).map(|(of, _)| of)
    })?;
    sort_by_id(path, &mut listed.users, |user| user.id.as_str())?;
    sort_by_id(path, &mut listed.inactive, |user| user.id.as_str())?;
    Ok(listed)
}

/// Opens a snapshot for `read`, which returns the URL of its account, and compares that with the configuration.
fn read(
    path: &Path,
    url: &BaseUrl,
    read: impl FnOnce(BufReader<File>) -> Result<String, snapshot::SnapshotError>,
) -> Result<()> {
    let file =
        open_regular(path, Links::Follow).with_context(|| format!("cannot open the snapshot {}", path.display()));
    let file = BufReader::new(file.or_refuse(ExitStatus::Untrusted)?);
    let of = read(file).with_context(|| format!("the snapshot {}", path.display())).or_refuse(ExitStatus::Untrusted)?;
    if of.parse::<BaseUrl>().is_ok_and(|of| of == *url) {
        return Ok(());
    }
    let message = format!("the snapshot {} is of {of:?}, but the configuration names {url}", path.display());
    Err(refused(ExitStatus::Usage, message))
}

fn sort_by_id<T>(path: &Path, items: &mut [T], id: impl Fn(&T) -> &str) -> Result<()> {
    // The ids are sorted instead of the large items, each of which is moved once then.
    items.sort_by_cached_key(|item| Text::from(id(item)));
    match items.windows(2).find(|pair| id(&pair[0]) == id(&pair[1])) {
        None => Ok(()),
        Some(pair) => {
            let problem = anyhow!("the snapshot {} holds the id {:?} twice", path.display(), id(&pair[0]));
            Err(problem).or_refuse(ExitStatus::Untrusted)
        }
    }
}

#[cfg(test)]
mod tests;
