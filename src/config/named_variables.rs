//! The environment variables that settings may name which cannot be used. Their secrets are kept from the programs of other
//! settings, too.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use super::MOST_BYTES;
use crate::files::{Links, read_regular};
use crate::setting::protect_of_all;
use crate::state::{STORES, store_secrets};

/// Programs need these, and they hold no secret of ours.
const ORDINARY: [&str; 19] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "TZ",
    "PWD",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// Keeps every variable that is set and that a file names anywhere from the programs of all settings of this process. The file
/// may be no settings, or wrong in a way that hides which of its words are names of variables. If it names a store, the secrets
/// of stores are kept, too. Of a file that cannot be read nothing is known.
pub(crate) fn protect_variables_named_in(path: &Path) {
    let text = read_regular(path, MOST_BYTES, Links::Follow).unwrap_or_default();
    // In UTF-16, every other byte of such a name is 0.
    let text: Vec<u8> = text.into_iter().filter(|byte| *byte != 0).collect();
    protect_of_all(named_in(&text, |word| env::var_os(word).is_some()));
    if names_a_store(&text) {
        protect_of_all(store_secrets());
    }
}

fn names_a_store(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    STORES.iter().any(|store| text.contains(&format!("{store}://")))
}

fn named_in(text: &[u8], is_set: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let words = text.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
    let words = words.filter(|word| !word.is_empty()).map(String::from_utf8_lossy);
    words.filter(|word| !ORDINARY.contains(&&**word) && is_set(word)).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_is_found_that_broken_settings_name() {
        let is_set = |word: &str| ["TB", "HR_PASSWORD", "PATH", "K1"].contains(&word);
        let found = |text: &[u8]| named_in(text, is_set).into_iter().collect::<Vec<_>>();
        assert_eq!(found(b"[target\ntoken_env = \"TB\"\npassword_env='HR_PASSWORD'"), ["HR_PASSWORD", "TB"]);
        assert_eq!(found(b"token_evn = \"TB"), ["TB"]);
        assert_eq!(found(b"token_env = TB # \xff PATH"), ["TB"]);
        assert_eq!(found(b"TB_2 OTHER_TB xTB"), Vec::<String>::new());
        assert!(
            names_a_store(b"[state\nurl = \"S3://bucket/state\"") && !names_a_store(b"url = \"https://example.com\"")
        );
    }
}
