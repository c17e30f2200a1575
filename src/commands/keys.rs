//! The keys that this process has used, for each address. With `--all`, none of two customers may use the key of the other,
//! also if a program prints another one at a run than when the settings files were compared.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::TargetSettings;
use crate::exit::{ExitStatus, refused};
use crate::plan::Digest;
use crate::state::account_file;

/// How many are remembered of an address, those that were used last: a program may print a new one at each run.
const MOST: usize = 10_000;

/// The digests of the keys with their accounts, by address, the one that was used last at the end.
static USED: Mutex<BTreeMap<String, Vec<(Digest, String)>>> = Mutex::new(BTreeMap::new());

/// Remembers that an account uses a key.
///
/// # Errors
/// Exit code 3 if another account of the same address uses it: the list of the one customer would be compared with the
/// users of the other.
pub(super) fn own(target: &TargetSettings, key: &SecretString) -> anyhow::Result<()> {
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let used = used.entry(account_file(target.url.as_str())).or_default();
    let (key, account) = (Digest::of(key.expose_secret().as_bytes()), target.account());
    match used.iter().find(|(other, of)| *other == key && *of != account) {
        Some((_, other)) => {
            let problem = format!(
                "the key of {account} is one that this command has read as the key of {other}: the list of the one would be \
                 compared with the users of the other. Name the key of each in [target]"
            );
            Err(refused(ExitStatus::Usage, problem))
        }
        None => {
            used.retain(|(other, _)| *other != key);
            let too_many = (used.len() + 1).saturating_sub(MOST);
            used.drain(..too_many);
            used.push((key, account));
            Ok(())
        }
    }
}
