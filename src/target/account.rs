//! The account that a plan is made against: the live service, or a snapshot of it.
//!
//! It is read in two steps, because which custom fields are managed is known only once their definitions are: first the
//! [`Shape`], then the users. A snapshot is read once for each, row by row, so that raw users are never held.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use url::Url;

use super::client::{Client, Progress};
use super::snapshot::{self, Item};
use super::wire::{self, ShareBranches};
use crate::employee::{Branch, CustomField, Directory, Managed, User};
use crate::exit::{ExitStatus, OrRefuse, refused};
use crate::files::{Links, open_regular};

/// Where Skovik's side comes from.
#[derive(Debug)]
pub enum Account {
    /// The service.
    Live(Box<Client>),
    /// A snapshot.
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The URL that the configuration names, and that the snapshot must be of.
        url: Url,
    },
}

/// All of an account but its users.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Sorted by id, no id twice.
    pub branches: Vec<Branch>,
    /// Sorted by id, no id twice.
    pub custom_fields: Vec<CustomField>,
}

impl Shape {
    /// The whole account.
    #[must_use]
    pub fn with_users(self, users: Vec<User>) -> Directory {
        let Self { branches, custom_fields } = self;
        Directory { users, branches, custom_fields }
    }
}

impl Account {
    /// Reads the branches and the definitions of the custom fields.
    ///
    /// # Errors
    /// Leads to exit 4 where they cannot be read whole, and to exit 3 where a snapshot is of another URL.
    pub async fn shape(&self) -> Result<Shape> {
        match self {
            Self::Live(client) => {
                let branches = client.branches().await.or_refuse(ExitStatus::Untrusted)?;
                let custom_fields = client.custom_fields().await.or_refuse(ExitStatus::Untrusted)?;
                Ok(Shape { branches, custom_fields })
            }
            Self::Snapshot { path, url } => {
                let (path, url) = (path.clone(), url.clone());
                tokio::task::spawn_blocking(move || shape_from_snapshot(&path, &url)).await?
            }
        }
    }

    /// Reads the users, sorted by id.
    ///
    /// # Errors
    /// As [`Account::shape`].
    pub async fn users(&self, managed: &Managed, progress: Progress<'_>) -> Result<Vec<User>> {
        match self {
            Self::Live(client) => client.users(managed, progress).await.or_refuse(ExitStatus::Untrusted),
            Self::Snapshot { path, url } => {
                let (path, url, managed) = (path.clone(), url.clone(), managed.clone());
                let users = tokio::task::spawn_blocking(move || users_from_snapshot(&path, &url, &managed)).await??;
                progress(users.len() as u64, Some(users.len() as u64));
                Ok(users)
            }
        }
    }
}

/// Reads the branches and the definitions of the custom fields from a snapshot of the account at `url`.
///
/// # Errors
/// As [`Account::shape`].
pub fn shape_from_snapshot(path: &Path, url: &Url) -> Result<Shape> {
    let mut shape = Shape::default();
    read(path, url, |file| {
        snapshot::read_shape(file, |item| {
            match item {
                Item::Branch(raw) => shape.branches.push(wire::branch(raw)?),
                Item::CustomField(raw) => shape.custom_fields.push(wire::custom_field(raw)?),
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
pub fn users_from_snapshot(path: &Path, url: &Url, managed: &Managed) -> Result<Vec<User>> {
    let mut users = Vec::new();
    let mut branches = ShareBranches::default();
    read(path, url, |file| {
        snapshot::read(file, |item| {
            if let Item::User(raw) = item {
                let mut user = wire::user_row(raw, managed)?;
                branches.share(&mut user);
                users.push(user);
            }
            Ok(())
        })
        .map(|(of, _)| of)
    })?;
    sort_by_id(path, &mut users, |user| user.id.as_str())?;
    Ok(users)
}

/// Opens a snapshot for `read`, which tells what account it is of, and holds that against the configuration.
fn read(
    path: &Path,
    url: &Url,
    read: impl FnOnce(BufReader<File>) -> Result<String, snapshot::SnapshotError>,
) -> Result<()> {
    let file =
        open_regular(path, Links::Follow).with_context(|| format!("cannot open the snapshot {}", path.display()));
    let file = BufReader::new(file.or_refuse(ExitStatus::Untrusted)?);
    let of = read(file).with_context(|| format!("the snapshot {}", path.display())).or_refuse(ExitStatus::Untrusted)?;
    if is_same(&of, url) {
        return Ok(());
    }
    let message = format!("the snapshot {} is of {of:?}, but the configuration names {url}", path.display());
    Err(refused(ExitStatus::Usage, message))
}

/// Whether both name one account; a slash at the end makes no difference.
fn is_same(of: &str, url: &Url) -> bool {
    Url::parse(of).is_ok_and(|of| of.as_str().trim_end_matches('/') == url.as_str().trim_end_matches('/'))
}

fn sort_by_id<T>(path: &Path, items: &mut [T], id: impl Fn(&T) -> &str) -> Result<()> {
    items.sort_unstable_by(|a, b| id(a).cmp(id(b)));
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
