//! The domain: the people of the company's lists, the users of Skovik, and the values of their fields.
//!
//! Everything here is plain data that is already normalised: two values are equal exactly if this tool treats them as
//! the same. It never reads a file, a clock or the network.

mod desired;
mod distinguished_name;
mod email;
mod name;
pub mod possible;

use std::borrow::{Borrow, Cow};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use desired::{Contradiction, Desired, Join, KEY_CLAIMED_TWICE, Named, Outside, SetAside, Stray};
pub(crate) use distinguished_name::normal_form;
pub use email::{Email, email_key};
pub use name::{full_name, name_key};

/// A text of a person. Most are short, and a short one needs no memory of its own on the heap.
pub type Text = CompactString;

/// The roles of a user. Most users share theirs with many others.
pub type Roles = Arc<[Box<str>]>;

/// Declares a separate string type, so that two kinds of string cannot be swapped.
macro_rules! string_type {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

string_type! {
    /// Skovik's own id of a user: opaque, unique, never changes.
    UserId(Text)
}
string_type! {
    /// The company's own key of a person (an employee number); compared exactly.
    ExternalIdentifier(Text)
}
string_type! {
    /// Skovik's id of a branch, which is a legal entity of the company.
    BranchId(Arc<str>)
}
string_type! {
    /// Skovik's id of a custom field.
    CustomFieldId(Arc<str>)
}

/// The value of a custom field. A multiple choice is the text of its machine-read value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum CustomValue {
    /// A yes or no.
    Boolean(bool),
    /// A text, or the value of a choice; never empty, NFC, trimmed.
    Text(Text),
}

// What serde derives would first keep a copy of each value.
impl<'de> Deserialize<'de> for CustomValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Custom;
        impl Visitor<'_> for Custom {
            type Value = CustomValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, true or false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<CustomValue, E> {
                Ok(CustomValue::Boolean(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<CustomValue, E> {
                Ok(CustomValue::Text(text.into()))
            }
        }
        deserializer.deserialize_any(Custom)
    }
}

impl fmt::Display for CustomValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// Which fields the configuration manages. The identifier, the e-mail and the names always are; what is not managed is
/// neither compared nor written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Managed {
    /// Whether `[employee] branch` is set.
    pub branch: bool,
    /// Whether `[employee] manager` is set.
    pub manager: bool,
    /// The managed custom fields, sorted by id. [`Employee::custom_fields`] and [`User::custom_fields`] are aligned
    /// with this list.
    pub custom_fields: Vec<CustomFieldId>,
}

/// A person as Skovik should hold them, by the company's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employee {
    /// The company's key.
    pub identifier: ExternalIdentifier,
    /// Their e-mail.
    pub email: Email,
    /// NFC, trimmed, not empty.
    pub first_name: Text,
    /// NFC, trimmed, not empty.
    pub last_name: Text,
    /// Always there when the branch is managed.
    pub branch: Option<BranchId>,
    /// Their manager; [`DesiredManager::Nobody`] if managers are not managed.
    pub manager: DesiredManager,
    /// One value for each of [`Managed::custom_fields`]; `None` for no value.
    pub custom_fields: Box<[Option<CustomValue>]>,
    /// The place of the person's record.
    pub origin: Origin,
}

/// The manager that a person's record asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DesiredManager {
    /// The record names no manager.
    Nobody,
    /// The person with this identifier, who may or may not exist.
    Employee(ExternalIdentifier),
    /// The record names a manager by another key (`refers_to`), and not exactly one record has that key.
    Unresolved {
        /// The key as the record has it.
        key: Box<str>,
        /// What is wrong with it, for the reader.
        reason: Box<str>,
        /// The only key that it probably means.
        near: Option<Box<str>>,
    },
}

/// The place of a record, for messages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The name of the source that lists the people.
    pub source: Arc<str>,
    /// The row, line or position, counted from 1.
    pub row: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} row {}", self.source, self.row)
    }
}

/// A user as Skovik holds them, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Skovik's id.
    pub id: UserId,
    /// The company's key, if Skovik holds one.
    pub identifier: Option<ExternalIdentifier>,
    /// Their e-mail.
    pub email: Email,
    /// NFC, trimmed; empty if Skovik holds none.
    pub first_name: Text,
    /// NFC, trimmed; empty if Skovik holds none.
    pub last_name: Text,
    /// The branch, if any.
    pub branch: Option<BranchId>,
    /// The manager, if any.
    pub manager: Option<UserId>,
    /// One value for each of [`Managed::custom_fields`].
    pub custom_fields: Box<[Option<CustomValue>]>,
    /// The roles; `None` if the server does not say them, which does not mean "no role".
    pub roles: Option<Roles>,
}

/// The role whose users administer the account.
pub const ADMIN: &str = "admin";
/// The role that every user has.
pub(crate) const EVERYBODY: &str = "employee";

impl User {
    /// The roles other than that of everybody, sorted; `None` if they are not known.
    #[must_use]
    pub fn special_roles(&self) -> Option<Vec<String>> {
        let special = self.roles.as_ref()?.iter().filter(|role| ***role != *EVERYBODY);
        let sorted: BTreeSet<&str> = special.map(|role| &**role).collect();
        Some(sorted.into_iter().map(str::to_owned).collect())
    }

    /// Whether the server says that the user is an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.roles.as_ref().is_some_and(|roles| roles.iter().any(|role| role.eq_ignore_ascii_case(ADMIN)))
    }
}

/// A branch of the Skovik account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Skovik's id.
    pub id: BranchId,
    /// Its name.
    pub name: Box<str>,
    /// The company's key of it, if Skovik holds one.
    pub identifier: Option<Box<str>>,
}

/// The definition of a custom field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Skovik's id.
    pub id: CustomFieldId,
    /// Its name.
    pub name: Box<str>,
    /// What it can hold.
    pub kind: CustomFieldKind,
}

/// What a custom field can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomFieldKind {
    /// Any text. (Skovik may require a format, which it does not say.)
    Text,
    /// One of these.
    MultipleChoice(Vec<ChoiceOption>),
    /// One of several options that Skovik does not list; written without a check.
    UncheckedChoice,
    /// Yes or no.
    Boolean,
    /// A type that this version does not know; written as text.
    Unknown(Box<str>),
    /// Nothing that can be written and compared, for this reason, such as `read-only`.
    Unusable(Box<str>),
}

/// One option of a multiple choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceOption {
    /// What people read.
    pub label: Box<str>,
    /// What is written.
    pub value: Box<str>,
}

/// Skovik's side: everything that planning needs of the account, read completely.
#[derive(Debug, Default)]
pub struct Directory {
    /// Sorted by id, no id twice.
    pub users: Vec<User>,
    /// Users who count as deleted, although Skovik keeps them and their e-mails; sorted by id.
    pub inactive: Vec<User>,
    /// Sorted by id.
    pub branches: Vec<Branch>,
    /// Sorted by id.
    pub custom_fields: Vec<CustomField>,
    /// The lists that could not be verified as complete, such as `users`.
    pub unproven: Vec<&'static str>,
}

impl Directory {
    /// A user by id.
    #[must_use]
    pub fn user(&self, id: &UserId) -> Option<&User> {
        let place = self.users.binary_search_by(|user| user.id.cmp(id)).ok()?;
        self.users.get(place)
    }

    /// An inactive user by id.
    #[must_use]
    pub fn inactive_user(&self, id: &UserId) -> Option<&User> {
        let place = self.inactive.binary_search_by(|user| user.id.cmp(id)).ok()?;
        self.inactive.get(place)
    }

    /// A branch by id.
    #[must_use]
    pub fn branch(&self, id: &BranchId) -> Option<&Branch> {
        let place = self.branches.binary_search_by(|branch| branch.id.cmp(id)).ok()?;
        self.branches.get(place)
    }
}

/// Text as it is compared and written: Unicode NFC, without outer white space.
#[must_use]
pub fn normal_text(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    // ASCII has only one form, and most texts are ASCII.
    if trimmed.is_ascii() {
        return Cow::Borrowed(trimmed);
    }
    match is_nfc_quick(trimmed.chars()) {
        IsNormalized::Yes => Cow::Borrowed(trimmed),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(trimmed.nfc().collect()),
    }
}
