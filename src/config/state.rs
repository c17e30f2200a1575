//! `[state]`: where the state is.

use std::time::Duration;

use super::ConfigError;
use crate::setting::section::Section;
use crate::state::{LEASE, NO_PLACE, Place, store_secrets};

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
    let place = Place::of_address(url, section.folder()).unwrap_or_else(|| Err(NO_PLACE.to_owned()));
    if !matches!(place, Ok(Place::Folder(_))) {
        store_secrets().iter().for_each(|variable| section.secrets().protect(variable));
    }
    place.map_err(|said| section.problem("url", said))
}
