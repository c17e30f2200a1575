//! The secrets of one settings file. It knows the environment variables that hold them, so that no started program
//! inherits them unless the settings say so. It knows the secrets that were read, so that they can be removed from the
//! words of others.

use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::SecretString;
use tokio::process::Command;

use crate::http::Redactor;
use crate::state;

/// The default variable of the key of Skovik's API. It may be set even if these settings use another one.
pub(crate) const TOKEN_VARIABLE: &str = "SKOVIK_TOKEN";

/// The variables that any settings of this process named. The environment belongs to the process: with many settings files
/// in one process, no program of one must get or show the secrets of another.
static OF_ALL: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

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

/// Records environment variables that hold secrets of this process, whatever its settings say.
pub(crate) fn protect_of_all(variables: impl IntoIterator<Item = String>) {
    OF_ALL.write().unwrap_or_else(PoisonError::into_inner).extend(variables);
}

impl Secrets {
    /// Records an environment variable that holds a secret.
    pub(crate) fn protect(&self, variable: &str) {
        for variables in [&self.variables, &OF_ALL] {
            variables.write().unwrap_or_else(PoisonError::into_inner).insert(variable.to_owned());
        }
    }

    /// Records a secret that was read.
    pub(super) fn remember(&self, secret: SecretString) {
        self.redactor.add(secret);
    }

    /// Learns every secret that others have read so far.
    pub(crate) fn learn(&self, others: &Self) {
        self.redactor.learn(&others.redactor);
    }

    /// The redactor, which removes every secret that was read so far, and any other that is added to it.
    pub(crate) fn redactor(&self) -> &Arc<Redactor> {
        &self.redactor
    }

    /// The same, with the values of all variables that hold a secret.
    pub(crate) fn of_all_variables(&self) -> &Arc<Redactor> {
        self.remember_variables();
        &self.redactor
    }

    /// What a program printed, on one short line and without secrets.
    pub(crate) fn clean(&self, output: &[u8]) -> String {
        self.remember_variables();
        self.redactor.clean_body(output)
    }

    /// A message of this program without the secrets that may be in its quotes. A secret that may be a common word,
    /// because it is short, stays.
    pub(crate) fn hide(&self, message: &str) -> String {
        self.remember_variables();
        self.redactor.hide(message)
    }

    /// A text that a service may have made up, without any secret, even one that may be a common word.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.remember_variables();
        self.redactor.without_secrets(text)
    }

    /// Removes the secrets from the environment of a program, except for the variables in `but`. Those of other settings
    /// are removed in any case.
    pub(crate) fn withhold(&self, command: &mut Command, but: &[String]) {
        let own = self.variables();
        let given = |variable: &String| own.contains(variable) && but.contains(variable);
        for variable in self.of_all().iter().filter(|variable| !given(variable)) {
            command.env_remove(variable);
        }
    }

    /// Learns the variables that were not read yet too: a program can see the environment of its parent, and print
    /// them.
    fn remember_variables(&self) {
        let set = self.of_all().into_iter().filter_map(|variable| env::var(variable).ok());
        set.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).for_each(|value| {
            self.redactor.add(value.into());
        });
    }

    /// Its own variables, and those of all other settings of this process.
    fn of_all(&self) -> BTreeSet<String> {
        let others = OF_ALL.read().unwrap_or_else(PoisonError::into_inner);
        self.variables().union(&others).cloned().collect()
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
        assert_eq!(secrets.clean("no \u{1b}[1mhunter2-and-more id".as_bytes()), "no [key] [key]");
        assert_eq!(secrets.hide("row 2 has hunter2-and-more as its id"), "row 2 has [key] as its id");
        let other = Secrets::default();
        other.protect("KEY_OF_ANOTHER");
        let withheld = |but: &[&str]| {
            let mut command = Command::new("true");
            secrets.withhold(&mut command, &but.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            let names = command.as_std().get_envs().filter(|(_, value)| value.is_none());
            let names = names.map(|(name, _)| name.to_string_lossy().into_owned());
            // Other tests of this process name others.
            let known = ["HR_PASSWORD", "KEY_OF_ANOTHER", "SKOVIK_SYNC_STATE_KEY", "SKOVIK_TOKEN"];
            names.filter(|name| known.contains(&&**name)).collect::<Vec<_>>()
        };
        let all_but_one = ["KEY_OF_ANOTHER", "SKOVIK_SYNC_STATE_KEY", "SKOVIK_TOKEN"];
        assert_eq!(withheld(&[]), [&["HR_PASSWORD"], &all_but_one[..]].concat());
        assert_eq!(withheld(&["HR_PASSWORD", "KEY_OF_ANOTHER"]), all_but_one);
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
