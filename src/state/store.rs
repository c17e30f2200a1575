//! An object store that holds the state: S3, Azure Blob Storage or Google Cloud Storage.
//!
//! Every call waits for its answer, whatever thread it comes from: the state is read before an apply begins, and the
//! journal has a thread of its own. What must not take the place of something else is written conditionally.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt as _;
use futures_util::stream::{self, StreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use secrecy::SecretString;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::http::Redactor;

/// How many objects are read at once.
const AT_ONCE: usize = 32;
/// The largest object that is read, in bytes: a plan of a million operations is smaller.
const LARGEST: u64 = 2 << 30;
/// How long a request is tried again while the store does not answer well.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is tried again.
const RETRIES: usize = 6;
/// The environment variables of the stores' credentials, whose values no message shows.
pub(crate) const SECRETS: [&str; 10] = [
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_SECRET",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
];

/// A folder of an object store.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<dyn ObjectStore>,
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
        let redactor = Redactor::default();
        for value in SECRETS.iter().filter_map(|name| std::env::var(name).ok()) {
            redactor.add(SecretString::from(value));
        }
        let shown = url.as_str().trim_end_matches('/').to_owned();
        let problem =
            |error: object_store::Error| io::Error::other(format!("{shown}: {}", redactor.clean(&error.to_string())));
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let inner: Arc<dyn ObjectStore> = match url.scheme() {
            "s3" => {
                Arc::new(AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry).build().map_err(problem)?)
            }
            "az" => Arc::new(
                MicrosoftAzureBuilder::from_env().with_url(url.as_str()).with_retry(retry).build().map_err(problem)?,
            ),
            "gs" => {
                let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry);
                Arc::new(builder.build().map_err(problem)?)
            }
            other => return Err(io::Error::other(format!("{shown}: {other} is no store that is known"))),
        };
        let root = Path::from_url_path(url.path()).map_err(|error| io::Error::other(format!("{shown}: {error}")))?;
        Ok(Self { inner, root, url: shown, redactor: Arc::new(redactor) })
    }

    /// The URL of an object, for messages.
    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    /// An object, if it is there, and its version.
    pub(super) fn get(&self, name: &str) -> io::Result<Option<(Vec<u8>, UpdateVersion)>> {
        let (inner, path) = (Arc::clone(&self.inner), self.path(name));
        match wait(async move { get(&*inner, &path).await })? {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.problem(name, &error)),
        }
    }

    /// Objects that are there, in this order.
    pub(super) fn get_all(&self, names: &[String]) -> io::Result<Vec<Vec<u8>>> {
        let paths: Vec<Path> = names.iter().map(|name| self.path(name)).collect();
        let inner = Arc::clone(&self.inner);
        let read = wait(async move {
            let read = stream::iter(paths).map(|path| {
                let inner = Arc::clone(&inner);
                async move { get(&*inner, &path).await.map(|(bytes, _)| bytes) }
            });
            read.buffered(AT_ONCE).try_collect::<Vec<_>>().await
        })?;
        read.map_err(|error| self.problem(names.first().map_or("", String::as_str), &error))
    }

    /// The names of the objects below a folder, sorted.
    pub(super) fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.objects(folder)?.into_iter().map(|object| object.name).collect())
    }

    /// The objects below a folder, sorted by name.
    pub(super) fn objects(&self, folder: &str) -> io::Result<Vec<Object>> {
        let (inner, path, root) = (Arc::clone(&self.inner), self.path(folder), self.root.clone());
        let listed = wait(async move { inner.list(Some(&path)).try_collect().await })?;
        let listed: Vec<ObjectMeta> = listed.map_err(|error| self.problem(folder, &error))?;
        let object = |meta: &ObjectMeta| {
            let parts: Vec<_> = meta.location.prefix_match(&root)?.map(|part| part.as_ref().to_owned()).collect();
            Some(Object { name: parts.join("/"), size: meta.size, modified: meta.last_modified.into() })
        };
        let mut objects: Vec<Object> = listed.iter().filter_map(object).collect();
        objects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(objects)
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
        match wait(async move { inner.delete(&path).await })? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.problem(name, &error)),
        }
    }

    /// Removes objects, as far as they are there.
    pub(super) fn delete_all(&self, names: &[String]) -> io::Result<()> {
        let paths: Vec<Path> = names.iter().map(|name| self.path(name)).collect();
        let inner = Arc::clone(&self.inner);
        let removed = wait(async move {
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
        let put = wait(async move {
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

    fn path(&self, name: &str) -> Path {
        name.split('/').filter(|part| !part.is_empty()).fold(self.root.clone(), |path, part| path.join(part))
    }

    fn problem(&self, name: &str, error: &object_store::Error) -> io::Error {
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

async fn get(inner: &dyn ObjectStore, path: &Path) -> object_store::Result<(Vec<u8>, UpdateVersion)> {
    let found = inner.get(path).await?;
    let meta = &found.meta;
    if meta.size > LARGEST {
        let source = format!("has {} bytes, more than the program writes", meta.size).into();
        return Err(object_store::Error::Generic { store: "state", source });
    }
    let version = UpdateVersion { e_tag: meta.e_tag.clone(), version: meta.version.clone() };
    Ok((found.bytes().await?.into(), version))
}

/// Runs a request in a runtime of its own, and waits for it.
fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let make = || Builder::new_multi_thread().worker_threads(1).thread_name("state").enable_all().build().ok();
    let runtime = RUNTIME.get_or_init(make).as_ref();
    let runtime = runtime.ok_or_else(|| io::Error::other("no thread can be started for the state's store"))?;
    let (answer, answered) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let answered = request.await;
        drop(answer.send(answered));
    });
    answered.recv().map_err(|_| io::Error::other("the request to the state's store has ended"))
}
