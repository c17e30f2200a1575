//! Where a state is: in a folder, or in an object store.

use std::path::PathBuf;

use url::Url;

/// Where a state is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In an object store.
    Store(Url),
}

impl Place {
    /// The store that a URL names.
    ///
    /// # Errors
    /// If it is none of `s3:`, `az:` and `gs:`, or says more than where.
    pub fn store(url: &Url) -> Result<Self, String> {
        if !["s3", "az", "gs"].contains(&url.scheme()) {
            return Err("must begin with file:, s3:, az: or gs:".to_owned());
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
            ("https://bucket.s3.amazonaws.com/path", Some("must begin with file:, s3:, az: or gs:")),
            ("s3:///path", Some("names no bucket or container")),
            ("s3://key:secret@bucket/path", Some("credentials come from the environment")),
            ("az://container/path?sig=secret", Some("credentials come from the environment")),
            ("gs://bucket/path#part", Some("credentials come from the environment")),
        ] {
            let problem = Place::store(&url.parse().unwrap()).err();
            assert_eq!(problem.is_some(), expected.is_some(), "{url}: {problem:?}");
            let problem = problem.unwrap_or_default();
            assert!(problem.contains(expected.unwrap_or_default()) && !problem.contains("secret"), "{url}: {problem}");
        }
    }
}
