//! `[state]`: where the state is.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::ConfigError;
use crate::setting::section::Section;
use crate::state::{LEASE, Place, store_secrets};

/// The shortest time that a lease can live: it is renewed three times in it, over a network.
const SHORTEST_LEASE: Duration = Duration::from_secs(3);
/// The longest lease: after a machine was lost, nobody can resume for this long.
const LONGEST_LEASE: Duration = Duration::from_secs(600);

/// How long personal data is kept, unless the settings say otherwise.
const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// `[state]`
#[derive(Debug, Clone)]
pub struct StateSettings {
    /// Where; `None`: the user's state folder.
    pub place: Option<Place>,
    /// How long journals, plans that were applied and the messages of runs are kept.
    pub keep: Duration,
    /// How long the lock of a store is valid without being renewed.
    pub lease: Duration,
}

pub(super) fn state(section: Section<'_>) -> Result<StateSettings, ConfigError> {
    let section = section.only(&["url", "keep", "lease"])?;
    let place = section.text("url")?.map(|url| place(&section, url)).transpose()?;
    let lease = section.duration("lease")?.unwrap_or(LEASE);
    if !(SHORTEST_LEASE..=LONGEST_LEASE).contains(&lease) {
        return Err(section.problem("lease", "must be between \"3s\" and \"10m\""));
    }
    let keep = section.period("keep")?.unwrap_or(KEEP);
    if keep.is_zero() {
        return Err(section
            .problem("keep", "must be more than nothing: a journal is needed for as long as its plan may be undone"));
    }
    Ok(StateSettings { place, keep, lease })
}

fn place(section: &Section<'_>, url: &str) -> Result<Place, ConfigError> {
    let problem = |problem: &str| section.problem("url", problem.to_owned());
    if let Some(path) = url.strip_prefix("file:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(problem("names no folder"));
        }
        return Ok(Place::Folder(section.folder().join(PathBuf::from(path))));
    }
    let url = Url::parse(url).map_err(|_| problem("must be file:, s3:, az: or gs:, such as \"s3://bucket/path\""))?;
    store_secrets().iter().for_each(|variable| section.secrets().protect(variable));
    Place::store(&url).map_err(|said| problem(&said))
}
