//! The company's side, as the records give it.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Email, Employee, ExternalIdentifier, Origin, Text};

/// The diagnostic code of a person whose key several records have.
pub const KEY_CLAIMED_TWICE: &str = "key_claimed_twice";

/// A person in scope whose record is bad, and who is therefore neither changed nor deleted. The readable parts of the
/// record are kept, to find the user that it protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The identifier, if the record has one.
    pub identifier: Option<ExternalIdentifier>,
    /// The e-mail, if the record has one, valid or not.
    pub email: Option<Email>,
    /// The first name, if the record has one.
    pub first_name: Option<Text>,
    /// The last name, if the record has one.
    pub last_name: Option<Text>,
    /// The place of the record.
    pub origin: Origin,
    /// A diagnostic code such as `email_impossible`.
    pub code: &'static str,
    /// What is wrong, for the reader, without the person's identity, which the diagnostic adds.
    pub reason: String,
}

/// The company's side: everybody who should be in Skovik.
#[derive(Debug, Default)]
pub struct Desired {
    /// The good records in scope, in the order of the source.
    pub employees: Vec<Employee>,
    /// The bad records in scope.
    pub set_aside: Vec<SetAside>,
    /// How many records were in scope: good, bad, and [`Desired::elsewhere`].
    pub in_scope: u64,
    /// Readable identifiers of records outside `[scope] include`. They match nobody; they only let a delete give its
    /// reason.
    pub out_of_scope: HashSet<ExternalIdentifier>,
    /// What these records say of who they are. Whose user has such a name or e-mail is not taken for somebody else.
    pub outside: Vec<Outside>,
    /// The records among these for which that is not certain, because a later source has records that cannot be joined.
    /// Their users are not deleted, and nobody else gets them.
    pub doubtful: Vec<SetAside>,
    /// Whom records name that are not counted, because it is not known whose they are: users who must not be deleted.
    pub strays: Vec<Stray>,
    /// Rows that have another name than the record that they are part of.
    pub contradictions: Vec<Contradiction>,
    /// Whom records of later sources name that belong to nobody in the first source. They match nobody; they only let a
    /// delete give its reason.
    pub of_nobody: Vec<Named>,
    /// The identifiers of good records of which a source that says who people are has no record, although one may be theirs:
    /// one whose key is repeated or cannot be used.
    pub unjoined: HashSet<ExternalIdentifier>,
    /// Whether identifiers or e-mails come from a later source that does not say the names: then a wrong key brings those of
    /// one other person, and that they agree with each other tells nothing.
    pub identity_comes_by_key: bool,
    /// Whether names come from a later source that does not give the e-mail: then a wrong key brings the name of somebody else.
    pub names_come_by_key: bool,
    /// Good records whose branch is outside `[scope] branches`: another configuration manages them.
    pub elsewhere: Vec<Employee>,
    /// Whether there are bad records of such branches, too.
    pub has_bad_elsewhere: bool,
    /// Where several rows of the first source have one key: the identifier of one that does not count, and the other identifier of
    /// the one that counts.
    pub same_key: Vec<[ExternalIdentifier; 2]>,
    /// How the people in scope were joined with each source but the first.
    pub joins: Vec<Join>,
}

/// How the people in scope were joined with a later source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The people in scope.
    pub people: u64,
    /// Those of them with a record in the source.
    pub with_row: u64,
    /// The source's records whose key matches nobody, in scope or out of it.
    pub rows_of_nobody: u64,
}

impl Join {
    /// How many people in scope the source has no record of.
    #[must_use]
    pub fn without_row(&self) -> u64 {
        self.people.saturating_sub(self.with_row)
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { people, with_row, rows_of_nobody } = self;
        write!(f, "{with_row} of {people} people in scope have a record")?;
        match rows_of_nobody {
            0 => Ok(()),
            1 => f.write_str(", 1 record belongs to nobody"),
            rows => write!(f, ", {rows} records belong to nobody"),
        }
    }
}

/// What a record outside the scope says of who it is, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The identifier, if the record has one.
    pub identifier: Option<ExternalIdentifier>,
    /// The e-mail, if the record has one, valid or not.
    pub email: Option<Email>,
    /// The first name; empty if the record has none.
    pub first_name: Text,
    /// The last name; empty if the record has none.
    pub last_name: Text,
    /// The place of the record.
    pub origin: Origin,
    /// Whether the first source alone says that it is outside. Otherwise a row that a wrong key joins may say so.
    pub is_so_by_itself: bool,
    /// Whether it is outside only because a source that decides about it has no record with its key.
    pub lacks_a_row: bool,
    /// Whether such a source has a record that belongs to nobody, too: either key may be wrong.
    pub may_have_half: bool,
}

/// What a row says by itself of who it is, whose record has another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The identifier of the record, if it has one.
    pub identifier: Option<ExternalIdentifier>,
    /// The e-mail that the row gives by itself, if it does, valid or not.
    pub email: Option<Email>,
    /// The first name that the row gives by itself; empty if it gives none.
    pub first_name: Text,
    /// The last name that the row gives by itself; empty if it gives none.
    pub last_name: Text,
    /// The place of the row.
    pub origin: Origin,
}

/// Whom a record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The identifier, if the record has one.
    pub identifier: Option<ExternalIdentifier>,
    /// The e-mail, if the record has one, valid or not.
    pub email: Option<Email>,
    /// The name, as names are compared, if the record has one.
    pub name: Option<String>,
}

/// What a record of a later source says of which it is not known whose it is; or the name alone of a record of the first source
/// that is set aside because somebody else has its key, so that what later sources say under it may be said of the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Whom it names.
    pub record: SetAside,
    /// Whether several records have its key: then a former record of the same person may be outside the scope.
    pub is_repeated: bool,
    /// Whether another record with its key counts instead. Then the name is left out if that one has it, too: whoever has
    /// two employments has one name.
    pub is_passed_over: bool,
}
