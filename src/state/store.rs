//! An object store that holds the state: S3, Azure Blob Storage or Google Cloud Storage.
//!
//! Every call waits for its answer, whatever thread it comes from: the state is read before an apply begins, and the
//! journal has a thread of its own. What must not take the place of something else is written conditionally.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use futures_util::stream::{self, StreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    BackoffConfig, GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, RetryConfig,
    UpdateVersion,
};
use secrecy::SecretString;
use url::Url;

use super::connector::{Connector, Counted, Fault};
use super::credentials::{like_keys, parts_of_address, store_secrets};
use super::listed::{BadList, Form, Listed};
use super::wait::wait;
use crate::http::Redactor;
use crate::plan::Digest;

/// How many objects are read at once.
const AT_ONCE: usize = 32;
/// How long a request is tried again while the store does not answer well.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How long all pages of a list, or the objects that are read at once, may take.
const LONGEST: Duration = Duration::from_secs(600);
/// How many pages a list may have: a journal of millions of parts has fewer.
const MOST_PAGES: usize = 5000;
/// How long all the names of a list may be together, in bytes.
const LONGEST_LIST: usize = 512 << 20;

/// What an object is, which bounds how large it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectKind {
    /// A lease, or a note.
    Note,
    /// A part of a journal.
    Part,
    /// A part of a ledger.
    LedgerPart,
    /// Who has been missing.
    Absences,
    /// A plan of up to a million operations.
    Plan,
}

impl ObjectKind {
    /// The largest object of its kind, in bytes.
    pub(super) const fn largest(self) -> u64 {
        match self {
            Self::Note => 64 << 10,
            // One batch of lines. The longest line has eight bytes of each user's id.
            Self::Part => 64 << 20,
            // It ends with the line that makes it longer than half of that.
            Self::LedgerPart => 8 << 20,
            Self::Absences => 256 << 20,
            Self::Plan => 2 << 30,
        }
    }
}

/// A folder of an object store.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<dyn ObjectStore>,
    /// The same store.
    lists: Arc<dyn PaginatedListStore>,
    form: Form,
    root: Path,
    url: String,
    redactor: Arc<Redactor>,
}

/// An object, as a list names it.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: String,
    /// In bytes.
    pub(super) size: u64,
    /// By the store's clock.
    pub(super) modified: SystemTime,
}

/// What became of a conditional write.
#[derive(Debug)]
pub(super) enum Written {
    /// It is there, as this version.
    Done(UpdateVersion),
    /// Something else was there, or another version.
    Refused,
}

impl Store {
    /// The store that a URL names, with the credentials that the environment holds under the names that the store's own
    /// tools use. No request is sent yet.
    pub(super) fn open(url: &Url) -> io::Result<Self> {
        // The process may have none yet; whoever was first had the same in mind.
        drop(rustls::crypto::ring::default_provider().install_default());
        // Whatever one of them has sent, another one may get quoted.
        static KNOWN: LazyLock<Arc<Redactor>> = LazyLock::new(Arc::default);
        let redactor = Arc::clone(&KNOWN);
        for value in store_secrets().iter().filter_map(|name| std::env::var(name).ok()) {
            parts_of_address(&value).into_iter().for_each(|part| redactor.add(SecretString::from(part)));
            redactor.add(SecretString::from(value));
        }
        like_keys().into_iter().for_each(|value| redactor.add(SecretString::from(value)));
        // Somebody may have written a secret into it.
        let shown = redactor.hide(url.as_str().trim_end_matches('/'));
        let problem =
            |error: object_store::Error| io::Error::other(format!("{shown}: {}", redactor.clean(&error.to_string())));
        // Only the time ends the tries: a pause may be short, so that no number of them lasts for a known time.
        let backoff = BackoffConfig { max_backoff: PAUSE, ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: usize::MAX, retry_timeout: PATIENCE };
        let (inner, lists) = match url.scheme() {
            "s3" => {
                let builder = AmazonS3Builder::from_env().with_http_connector(Connector(Arc::clone(&redactor)));
                both(builder.with_url(url.as_str()).with_retry(retry).build().map_err(problem)?)
            }
            "az" => {
                let builder = MicrosoftAzureBuilder::from_env().with_http_connector(Connector(Arc::clone(&redactor)));
                both(builder.with_url(url.as_str()).with_retry(retry).build().map_err(problem)?)
            }
            "gs" => {
                let builder =
                    GoogleCloudStorageBuilder::from_env().with_http_connector(Connector(Arc::clone(&redactor)));
                both(builder.with_url(url.as_str()).with_retry(retry).build().map_err(problem)?)
            }
            other => return Err(io::Error::other(format!("{shown}: {other} is no store that is known"))),
        };
        let root = Path::from_url_path(url.path()).map_err(|error| io::Error::other(format!("{shown}: {error}")))?;
        let form = if url.scheme() == "az" { Form::Container } else { Form::Bucket };
        Ok(Self { inner, lists, form, root, url: shown, redactor })
    }

    /// The URL of an object, for messages.
    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// An object, if it is there, and its version.
    pub(super) fn get(&self, name: &str, kind: ObjectKind) -> io::Result<Option<(Vec<u8>, UpdateVersion)>> {
        let (store, name) = (self.clone(), name.to_owned());
        self.wait(async move { store.read(&name, kind.largest()).await })?
    }

    /// Objects that are there, in this order, each with the most bytes that it may have.
    pub(super) fn get_all(&self, objects: &[(String, u64)]) -> io::Result<Vec<Vec<u8>>> {
        let (store, objects) = (self.clone(), objects.to_vec());
        self.wait(async move {
            let read = stream::iter(objects).map(|(name, most)| {
                let store = store.clone();
                async move {
                    let found = store.read(&name, most).await?.map(|(bytes, _)| bytes);
                    found.ok_or_else(|| io::Error::other(format!("{} is listed and not there", store.url(&name))))
                }
            });
            read.buffered(AT_ONCE).try_collect().await
        })?
    }

    async fn read(&self, name: &str, most: u64) -> io::Result<Option<(Vec<u8>, UpdateVersion)>> {
        match within(LONGEST, get(&*self.inner, &self.path(name), most)).await {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.problem(name, &error)),
        }
    }

    /// The names of the objects below a folder, sorted.
    pub(super) fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.objects(folder)?.into_iter().map(|object| object.name).collect())
    }

    /// The objects below a folder, sorted by name.
    pub(super) fn objects(&self, folder: &str) -> io::Result<Vec<Object>> {
        let (store, path) = (self.clone(), self.path(folder));
        let listed = self.wait(async move { within(LONGEST, store.every_page(&path)).await })?;
        let mut objects = listed.map_err(|error| self.problem(folder, &error))?;
        objects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(objects)
    }

    async fn every_page(&self, folder: &Path) -> object_store::Result<Vec<Object>> {
        let prefix = format!("{folder}/");
        let (mut objects, mut length, mut tokens, mut token) = (Vec::new(), 0, HashSet::new(), None);
        for _ in 0..MOST_PAGES {
            let mut options = PaginatedListOptions { page_token: token, ..PaginatedListOptions::default() };
            options.extensions.insert(Listed { prefix: prefix.clone(), form: self.form });
            let page = self.lists.list_paginated(Some(&prefix), options).await?;
            for meta in page.result.objects {
                let parts = meta.location.prefix_match(&self.root).filter(|_| meta.location.prefix_matches(folder));
                let parts = parts.ok_or_else(|| fault(Fault::from(BadList::Other)))?;
                let name = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
                length += name.len();
                objects.push(Object { name, size: meta.size, modified: meta.last_modified.into() });
            }
            if length > LONGEST_LIST {
                break;
            }
            match page.page_token.filter(|token| !token.is_empty()) {
                None => return Ok(objects),
                Some(next) if !tokens.insert(Digest::of(next.as_bytes())) => return Err(fault(Fault::RepeatedPage)),
                next => token = next,
            }
        }
        Err(fault(Fault::LongList))
    }

    /// Writes an object, whatever was there.
    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        match self.write(name, bytes, PutMode::Overwrite)? {
            Written::Done(_) => Ok(()),
            Written::Refused => Err(io::Error::other(format!("{} was refused", self.url(name)))),
        }
    }

    /// Writes an object that is not there yet.
    pub(super) fn create(&self, name: &str, bytes: Vec<u8>) -> io::Result<Written> {
        self.write(name, bytes, PutMode::Create)
    }

    /// Writes an object in the place of that version of it.
    pub(super) fn replace(&self, name: &str, bytes: Vec<u8>, version: UpdateVersion) -> io::Result<Written> {
        self.write(name, bytes, PutMode::Update(version))
    }

    /// Removes an object, if it is there.
    pub(super) fn delete(&self, name: &str) -> io::Result<()> {
        let (inner, path) = (Arc::clone(&self.inner), self.path(name));
        match self.wait(async move { inner.delete(&path).await })? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.problem(name, &error)),
        }
    }

    /// Removes objects, as far as they are there.
    pub(super) fn delete_all(&self, names: &[String]) -> io::Result<()> {
        let paths: Vec<Path> = names.iter().map(|name| self.path(name)).collect();
        let inner = Arc::clone(&self.inner);
        let removed = self.wait(async move {
            let removed = stream::iter(paths).map(Ok).try_for_each_concurrent(AT_ONCE, |path| {
                let inner = Arc::clone(&inner);
                async move {
                    match inner.delete(&path).await {
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                        Err(error) => Err(error),
                    }
                }
            });
            removed.await
        })?;
        removed.map_err(|error| self.problem(names.first().map_or("", String::as_str), &error))
    }

    fn write(&self, name: &str, bytes: Vec<u8>, mode: PutMode) -> io::Result<Written> {
        let (inner, path) = (Arc::clone(&self.inner), self.path(name));
        let put = self.wait(async move {
            inner.put_opts(&path, PutPayload::from(bytes), PutOptions { mode, ..PutOptions::default() }).await
        })?;
        match put {
            Ok(put) => Ok(Written::Done(UpdateVersion { e_tag: put.e_tag, version: put.version })),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Written::Refused)
            }
            Err(error) => Err(self.problem(name, &error)),
        }
    }

    fn wait<T: Send + 'static>(&self, request: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
        wait(&self.url, request).map_err(|error| io::Error::other(format!("{}: {error}", self.url)))
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.root.clone(), |path, part| path.join(part))
    }

    fn problem(&self, name: &str, error: &object_store::Error) -> io::Error {
        if let Some(fault) = Fault::of(error) {
            return io::Error::other(format!("{}: {fault}", self.url(name)));
        }
        let mut said = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.contains(&text) {
                said = format!("{said}: {text}");
            }
            cause = error.source();
        }
        io::Error::other(format!("{}: {}", self.url(name), self.redactor.clean(&said)))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.url).finish()
    }
}

fn both<T: ObjectStore + PaginatedListStore>(store: T) -> (Arc<dyn ObjectStore>, Arc<dyn PaginatedListStore>) {
    let store = Arc::new(store);
    (Arc::<T>::clone(&store), store)
}

/// Reads an object. Room is made as its bytes come, not for what the store announces.
async fn get(inner: &dyn ObjectStore, path: &Path, most: u64) -> object_store::Result<(Vec<u8>, UpdateVersion)> {
    let mut options = GetOptions::default();
    options.extensions.insert(Counted);
    let found = inner.get_opts(path, options).await?;
    let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
    if found.meta.size > most {
        return Err(fault(Fault::LongObject(most)));
    }
    let (mut bytes, mut stream) = (Vec::new(), found.into_stream());
    while let Some(part) = stream.try_next().await? {
        if (bytes.len() + part.len()) as u64 > most {
            return Err(fault(Fault::LongObject(most)));
        }
        bytes.extend_from_slice(&part);
    }
    Ok((bytes, version))
}

async fn within<T>(time: Duration, request: impl Future<Output = object_store::Result<T>>) -> object_store::Result<T> {
    tokio::time::timeout(time, request).await.unwrap_or_else(|_| Err(fault(Fault::Slow(time))))
}

fn fault(fault: Fault) -> object_store::Error {
    object_store::Error::Generic { store: "state", source: fault.into() }
}
