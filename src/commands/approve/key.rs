//! The private key that signs an approval: its file and its passphrase.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::super::common::shown;
use crate::approval::signature::SigningKey;
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::files::read_bounded_text;
use crate::ui::Ui;

/// How often a passphrase may be mistyped.
const TRIES: usize = 3;
/// The largest private key file, in bytes.
const MOST_KEY: u64 = 64 * 1024;

/// Reads a private key; it may still need a passphrase.
pub(super) fn read(path: &Path, ui: &Ui) -> anyhow::Result<SigningKey> {
    let named = || format!("--sign-key {}", shown(path));
    let text = read_bounded_text(path, MOST_KEY).with_context(named).or_refuse(ExitStatus::Usage)?;
    if others_can_read(path) {
        ui.warn(format!(
            "others can read the private key {path}; chmod 600 {typed}",
            path = shown(path),
            typed = crate::text::shell_path(path)
        ));
    }
    SigningKey::read(&text).map_err(|problem| refused(ExitStatus::Usage, format!("{} {problem}", named())))
}

/// Asks for the passphrase, if there is one.
pub(super) fn unlocked(key: SigningKey, path: &Path, ui: &Ui) -> anyhow::Result<SigningKey> {
    if !key.is_locked() {
        return Ok(key);
    }
    for _ in 0..TRIES {
        let question = format!("Passphrase of {}", shown(path));
        let instead = "where nobody can type it, let an agent hold the key, and use --statement";
        let passphrase = ui.passphrase(&question, instead)?;
        match key.unlock(&passphrase) {
            Ok(key) => return Ok(key),
            Err(problem) => ui.warn(problem),
        }
    }
    Err(refused(ExitStatus::NotApproved, format!("not approved: no right passphrase of {} was given", shown(path))))
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}
