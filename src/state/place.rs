//! Where a state is: in a folder, or in an object store.

use std::path::{Path, PathBuf};

use url::Url;

/// Where a state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In an object store.
    Store(Url),
}

/// What an address of a place begins with.
const FILE: &str = "file";
pub(crate) const STORES: [&str; 3] = ["s3", "az", "gs"];
/// What only the credential of a store has in it, in small letters.
const CREDENTIALS: [&str; 4] = ["accountkey=", "sharedaccess", "sas=", "sig="];
/// What an address must be.
pub(crate) const NO_PLACE: &str = "must be file:, s3:, az: or gs:, such as \"s3://bucket/path\"";

impl Place {
    /// The place that an address names; `None` if the text is none, but may be a path. A path in an address is relative to a
    /// folder. What begins like an address is never taken for a path: the state would silently be in a new folder.
    ///
    /// # Errors
    /// If it names no place, a store and more than where it is, or what is no path as it stands.
    #[must_use]
    pub fn of_address(text: &str, folder: &Path) -> Option<Result<Self, String>> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let is = |known: &str| scheme.eq_ignore_ascii_case(known);
        let is_file = is(FILE);
        let path = if is_file { rest.strip_prefix("//").unwrap_or(rest) } else { text };
        if let Some(problem) = unfit(path) {
            return Some(Err(problem.to_owned()));
        }
        if is_file {
            return Some(Ok(Self::Folder(folder.join(path))));
        }
        let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if STORES.into_iter().any(is) || is_scheme && rest.starts_with("//") {
            return Some(Url::parse(text).map_err(|_| NO_PLACE.to_owned()).and_then(|url| Self::store(&url)));
        }
        let said = text.to_ascii_lowercase();
        CREDENTIALS.iter().any(|part| said.contains(part)).then(|| {
            Err("has a credential in it, which belongs into the environment; name a folder or a store".to_owned())
        })
    }

    /// The store that a URL names.
    fn store(url: &Url) -> Result<Self, String> {
        if !STORES.contains(&url.scheme()) {
            return Err(NO_PLACE.to_owned());
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no bucket or container".to_owned());
        }
        let is_more = !url.username().is_empty() || url.password().is_some();
        if is_more || url.query().is_some() || url.fragment().is_some() {
            return Err("must be a bucket or container and a path; credentials come from the environment".to_owned());
        }
        Ok(Self::Store(url.clone()))
    }
}

/// What is wrong with a path that a shell was to expand, or that still has what was around it somewhere.
fn unfit(path: &str) -> Option<&'static str> {
    Some(match path {
        "" => "names no folder",
        _ if path.trim() != path => "has white space or a line break around it",
        _ if path.starts_with('~') => "begins with ~, which stands for no folder here; write the whole path, or ./~",
        _ if path.starts_with(['$', '%']) => {
            "begins with a variable, which is not filled in here; write the whole path"
        }
        _ if path.starts_with(['"', '\'']) => "begins with a quote; leave the quotes out",
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_bucket_and_a_path_and_nothing_more() {
        for (url, expected) in [
            ("s3://bucket", None),
            ("az://container/some/path", None),
            ("gs://bucket/path", None),
            ("https://bucket.s3.amazonaws.com/path", Some("must be file:, s3:, az: or gs:")),
            ("s3:/bucket/path", Some("names no bucket or container")),
            ("s3:bucket/path", Some("names no bucket or container")),
            ("AZ:/container/path", Some("names no bucket or container")),
            ("file:", Some("names no folder")),
            ("file://", Some("names no folder")),
            ("~/state", Some("begins with ~")),
            ("file:~/state", Some("begins with ~")),
            ("$HOME/state", Some("begins with a variable")),
            ("\"state\"", Some("begins with a quote")),
            ("state\n", Some("line break")),
            ("file:state ", Some("white space")),
            (" s3://bucket", Some("white space")),
            ("Endpoint=x;AccountKey=secret", Some("has a credential in it")),
            ("", Some("names no folder")),
            ("ftp://host/path", Some("must be file:, s3:, az: or gs:")),
            ("s3:///path", Some("names no bucket or container")),
            ("s3://key:secret@bucket/path", Some("credentials come from the environment")),
            ("az://container/path?sig=secret", Some("credentials come from the environment")),
            ("gs://bucket/path#part", Some("credentials come from the environment")),
        ] {
            let problem = Place::of_address(url, Path::new("")).unwrap().err();
            assert_eq!(problem.is_some(), expected.is_some(), "{url}: {problem:?}");
            let problem = problem.unwrap_or_default();
            assert!(problem.contains(expected.unwrap_or_default()) && !problem.contains("secret"), "{url}: {problem}");
        }
    }

    #[test]
    fn an_address_is_no_path_and_a_path_is_no_address() {
        let place = |text: &str| Place::of_address(text, Path::new("/here"));
        for (text, path) in [("file:state", "/here/state"), ("file:///var/x", "/var/x"), ("FILE:/var/x", "/var/x")] {
            assert_eq!(place(text), Some(Ok(Place::Folder(path.into()))), "{text}");
        }
        for text in ["state", "/var/x", "./s3:/x", "a/s3://b", "c:x", "s3"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
