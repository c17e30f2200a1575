//! Which state a command works with.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::SecretString;
use url::Url;

use crate::cli::Global;
use crate::config::Settings;
use crate::exit::{ExitStatus, refused};
use crate::setting::protect_of_all;
use crate::state::{FOLDER_VARIABLE, KEY_VARIABLE, LEASE, Place, State, StateError, store_secrets};
use crate::text::shell_path;

/// Keeps the secrets of a store that the command line names from every program that is started, and out of messages. What
/// the settings name is known when they are read.
pub(super) fn protect_store(global: &Global) {
    if named(global).is_some_and(|place| !matches!(place, Ok(Place::Folder(_)))) {
        protect_of_all(store_secrets());
    }
}

/// The state that the command line or the environment names.
fn named(global: &Global) -> Option<Result<Place, String>> {
    let state = global.state.as_ref().filter(|state| !state.as_os_str().is_empty())?;
    let place = state.to_str().and_then(|text| Place::of_address(text, Path::new("")));
    Some(place.unwrap_or_else(|| Ok(Place::Folder(state.clone()))))
}

/// Where the state is: by the command line, else by the settings, else in the user's state folder.
fn state_place(global: &Global, settings: Option<&Settings>) -> anyhow::Result<Place> {
    if let Some(place) = named(global) {
        return place
            .map_err(|problem| refused(ExitStatus::Usage, format!("--state (or {FOLDER_VARIABLE}) {problem}")));
    }
    match settings.and_then(|settings| settings.state.place.clone()) {
        Some(place) => Ok(place),
        None => users_folder().map(Place::Folder),
    }
}

/// The folder with journals and locks, of this machine.
pub(super) fn state_folder(global: &Global, settings: Option<&Settings>) -> anyhow::Result<PathBuf> {
    match state_place(global, settings)? {
        Place::Folder(folder) => Ok(folder),
        Place::Store(_) => users_folder(),
    }
}

fn users_folder() -> anyhow::Result<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "skovik-sync")
        .context("there is no home folder to keep the state in; set HOME, or name one with --state")?;
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_local_dir());
    if folder.is_relative() {
        let problem = format!(
            "HOME is not a whole path, so that each working folder would have a state and a budget of its own in {}; set HOME to \
             a whole path, or name the folder with --state",
            shell_path(folder)
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    Ok(folder.to_owned())
}

fn state_key() -> Option<SecretString> {
    std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()).map(SecretString::from)
}

/// The state, made if there is none.
pub(super) fn open_state(global: &Global, settings: Option<&Settings>) -> anyhow::Result<State> {
    match state_place(global, settings)? {
        Place::Folder(folder) => State::open(&folder, state_key().as_ref()).map_err(unusable_state),
        Place::Store(url) => open_store(&url, settings),
    }
}

fn open_store(url: &Url, settings: Option<&Settings>) -> anyhow::Result<State> {
    let lease = settings.map_or(LEASE, |settings| settings.state.lease);
    State::open_store(url, &users_folder()?, lease, state_key().as_ref()).map_err(unusable_state)
}

/// The state, if there is any.
pub(super) fn existing_state(global: &Global, settings: Option<&Settings>) -> anyhow::Result<Option<State>> {
    match state_place(global, settings)? {
        Place::Folder(folder) => State::open_existing(&folder, state_key().as_ref()).map_err(unusable_state),
        Place::Store(url) => open_store(&url, settings).map(Some),
    }
}

pub(super) fn unusable_state(error: StateError) -> anyhow::Error {
    match error {
        StateError::Store(ref cause) if cause.kind() == ErrorKind::AlreadyExists => refused(ExitStatus::Locked, error),
        StateError::Io { .. } | StateError::Store(_) => error.into(),
        StateError::Exposed { .. } | StateError::Misplaced { .. } | StateError::Key(_) => {
            refused(ExitStatus::Usage, error)
        }
        StateError::Damaged { .. } => refused(ExitStatus::Damaged, error),
        StateError::Locked { .. } => refused(ExitStatus::Locked, error),
    }
}
