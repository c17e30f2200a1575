//! The key of a state folder, which makes the codes of its journals, ledgers and other records.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;

use super::private::{is_exposed, open_as_it_is};
use super::{KEY_VARIABLE, StateError};
use crate::files::{sync_folder, temporary_in};
use crate::plan::Digest;
use crate::text::shell_path;

/// The fewest characters that a key in the environment may have.
const SHORTEST_KEY: usize = 32;
/// The file that holds the key.
const KEY_FILE: &str = "key";
/// The length of a key, in bytes.
const LENGTH: usize = 32;

/// The key that makes the codes of records.
pub struct Key(SecretBox<[u8; LENGTH]>);

impl Key {
    pub(super) fn from_text(text: &SecretString) -> Result<Self, StateError> {
        let text = text.expose_secret().trim();
        if text.len() < SHORTEST_KEY {
            let length = text.len();
            return Err(StateError::Key(format!(
                "{KEY_VARIABLE} has {length} characters; a key has at least {SHORTEST_KEY}, such as those that \
                 `openssl rand -hex 32` prints"
            )));
        }
        Ok(Self(SecretBox::new(Box::new(*Digest::of(text.as_bytes()).as_bytes()))))
    }

    /// The key of a folder, created at its first use.
    pub(super) fn of_folder(folder: &Path) -> Result<Self, StateError> {
        let path = folder.join(KEY_FILE);
        let io = |error| StateError::Io { path: path.clone(), error };
        match open_as_it_is(&path, false) {
            Ok(file) => return Self::read(&path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StateError::of_file(path, error)),
        }
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| io(io::Error::other(error)))?;
        // The file gets its name only when it is complete, and if two processes begin at once, only the first one's key
        // counts.
        let (_under_way, mut file) = temporary_in(folder).map_err(io)?;
        file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(io)?;
        match file.persist_noclobber(&path) {
            Ok(_) => {
                // No journal may outlive the key that makes it readable.
                sync_folder(folder).map_err(io)?;
                Ok(Self(SecretBox::new(Box::new(bytes))))
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(&path, open_as_it_is(&path, false).map_err(io)?)
            }
            Err(error) => Err(io(error.error)),
        }
    }

    fn read(path: &Path, file: File) -> Result<Self, StateError> {
        let io = |error| StateError::Io { path: path.to_owned(), error };
        if is_exposed(&file.metadata().map_err(io)?, 0o077) {
            return Err(StateError::Exposed {
                path: path.to_owned(),
                problem: "can be read by others",
                advice: format!("remove it once no apply is unfinished, or chmod 600 {}", shell_path(path)),
            });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
        file.take(LENGTH as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
        let key = <[u8; LENGTH]>::try_from(&bytes[..]).map_err(|_| {
            let more = if bytes.len() > LENGTH { "more than " } else { "" };
            StateError::Damaged {
                path: path.to_owned(),
                problem: format!("a key has {LENGTH} bytes, and it has {more}{}", bytes.len().min(LENGTH)),
                advice: "restore it from a copy. Without it no journal can be read: if there is no copy, look in Skovik what \
                         the last apply did, move the whole state folder away, and plan again",
            }
        })?;
        Ok(Self(SecretBox::new(Box::new(key))))
    }

    /// The code of a text that follows one with the code `before`.
    #[must_use]
    pub fn code(&self, before: &[u8; 32], text: &[u8]) -> [u8; 32] {
        self.mac(before, text).finalize().into_bytes().into()
    }

    /// Whether that code is the right one, compared in constant time.
    pub(super) fn is_right(&self, code: &[u8; 32], before: &[u8; 32], text: &[u8]) -> bool {
        self.mac(before, text).verify_slice(code).is_ok()
    }

    fn mac(&self, before: &[u8; 32], text: &[u8]) -> Hmac<Sha256> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(before);
        mac.update(text);
        mac
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
