//! The secrets of one settings file: which environment variables hold them, so that no program that is started gets
//! them unasked, and those that were read, so that nothing which others say is shown with one in it.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;
use tokio::process::Command;

use crate::http::Redactor;
use crate::state;

/// Holds the key of Skovik's API where the settings do not say otherwise. It may be set for another run, too.
pub(crate) const TOKEN_VARIABLE: &str = "SKOVIK_TOKEN";

/// The secrets of one settings file.
pub(crate) struct Secrets {
    variables: RwLock<BTreeSet<String>>,
    redactor: Arc<Redactor>,
}

impl Default for Secrets {
    fn default() -> Self {
        let variables = [TOKEN_VARIABLE, state::KEY_VARIABLE].map(str::to_owned).into();
        Self { variables: RwLock::new(variables), redactor: Arc::default() }
    }
}

impl Secrets {
    /// Takes note of an environment variable that holds a secret.
    pub(crate) fn protect(&self, variable: &str) {
        self.variables.write().unwrap_or_else(PoisonError::into_inner).insert(variable.to_owned());
    }

    /// Takes note of a secret that was read.
    pub(super) fn remember(&self, secret: SecretString) {
        self.redactor.add(secret);
    }

    /// Takes every secret that was read so far out of what is to be shown, and whatever else it is told of.
    pub(crate) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// What somebody else said, on one short line and without secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.remember_variables();
        self.redactor.clean(text)
    }

    /// A message of this program without the secrets that what it quotes may hold. A secret that is so short that it
    /// may be a common word stays.
    pub(crate) fn hide(&self, message: &str) -> String {
        self.remember_variables();
        self.redactor.hide(message)
    }

    /// Keeps a program from getting the secrets with the environment, but for the variables that are named.
    pub(crate) fn withhold(&self, command: &mut Command, but: &[String]) {
        for variable in self.variables().iter().filter(|variable| !but.contains(variable)) {
            command.env_remove(variable);
        }
    }

    /// A program may print a variable that was not read yet: it can see the environment of its parent.
    fn remember_variables(&self) {
        let set = self.variables().into_iter().filter_map(|variable| env::var(variable).ok());
        set.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).for_each(|value| {
            self.redactor.add(value.into());
        });
    }

    fn variables(&self) -> BTreeSet<String> {
        self.variables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Without the secrets.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("variables", &self.variables()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_taken_out_and_programs_do_not_get_it() {
        let secrets = Secrets::default();
        secrets.protect("HR_PASSWORD");
        secrets.remember("hunter2-and-more".into());
        secrets.remember("id".into());
        assert_eq!(secrets.clean("no \u{1b}[1mhunter2-and-more id"), "no [key] [key]");
        assert_eq!(secrets.hide("row 2 has hunter2-and-more as its id"), "row 2 has [key] as its id");
        let withheld = |but: &[String]| {
            let mut command = Command::new("true");
            secrets.withhold(&mut command, but);
            let names = command.as_std().get_envs().filter(|(_, value)| value.is_none());
            names.map(|(name, _)| name.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(withheld(&[]), ["HR_PASSWORD", "SKOVIK_SYNC_STATE_KEY", "SKOVIK_TOKEN"]);
        assert_eq!(withheld(&["HR_PASSWORD".to_owned()]), ["SKOVIK_SYNC_STATE_KEY", "SKOVIK_TOKEN"]);
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
