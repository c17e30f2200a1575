//! E-mails: normalised once, when they are read, and compared without case from then on.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::{Text, normal_text};

/// An e-mail as it is written (NFC, trimmed), with the form in which it is compared.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email {
    written: Box<str>,
    /// In lower case; `None` if it is written that way.
    key: Option<Box<str>>,
}

impl Email {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// As it is compared: two e-mails are the same if their keys are.
    #[must_use]
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.written)
    }

    /// What stands before the `@`, as it is compared.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.key().rsplit_once('@').map_or(self.key(), |(local, _)| local)
    }

    /// Whether it is the same e-mail, however either is written.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl From<&str> for Email {
    fn from(text: &str) -> Self {
        let written = normal_text(text);
        let key = email_key(&written);
        let key = (key != written).then(|| key.into());
        Self { key, written: written.into() }
    }
}

impl From<String> for Email {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Text> for Email {
    fn from(text: Text) -> Self {
        Self::from(&*text)
    }
}

impl From<Cow<'_, str>> for Email {
    fn from(text: Cow<'_, str>) -> Self {
        Self::from(&*text)
    }
}

/// The key of an e-mail that is a plain text, such as one in a plan file.
#[must_use]
pub fn email_key(email: &str) -> Cow<'_, str> {
    let email = normal_text(email);
    if email.is_ascii() && !email.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return email;
    }
    Cow::Owned(email.to_lowercase().nfc().collect())
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_composition_do_not_tell_emails_apart() {
        for (one, other, same) in [
            ("anna@example.com", " Anna@Example.COM ", true),
            ("\u{e5}sa@example.com", "A\u{30a}sa@example.com", true),
            ("anna@example.com", "ana@example.com", false),
            ("anna@example.com", "\u{e5}nna@example.com", false),
        ] {
            assert_eq!(Email::from(one).is(&Email::from(other)), same, "{one} {other}");
        }
        assert_eq!(Email::from(" Anna@Example.COM ").as_str(), "Anna@Example.COM");
        assert_eq!(Email::from("Anna@x").key(), "anna@x");
    }
}
