//! The simulator's account: its branches, custom fields and users, and the operations on them.
//!
//! It knows nothing of HTTP, and never changes anything where it returns a [`Refusal`].

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::value::RawValue;

use super::json::{Resource, raw, text_of};
use super::problem::Problem;
use super::users::{Slot, Users};

/// The type of users in JSON:API.
pub(super) const USERS: &str = "users";
/// The type of branches in JSON:API.
pub(super) const BRANCHES: &str = "branches";

/// An account of Skovik: all that the sandbox holds.
///
/// [`Account::default`] is a new one: the branch `br_1` with the identifier `SE01`, no custom field, no user.
#[derive(Debug)]
pub struct Account {
    pub(super) branches: Vec<Definition>,
    pub(super) branch_ids: FxHashSet<Box<str>>,
    pub(super) custom_fields: Vec<Definition>,
    /// The custom fields without their options.
    pub(super) bare_custom_fields: Vec<Definition>,
    /// The options of all custom fields.
    pub(super) options: Vec<Definition>,
    pub(super) custom_field_kinds: FxHashMap<Box<str>, Kind>,
    pub(super) users: Users,
    pub(super) ids: Ids,
}

/// A branch or a custom field.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) id: Box<str>,
    pub(super) raw: Box<str>,
}

/// What a custom field can hold.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Boolean,
    /// The values of the options, sorted.
    Choice(Vec<Box<str>>),
    /// A type that the sandbox does not know, which takes everything.
    Unknown,
}

/// Makes the ids of users: eight digits derived from the seed's content, and sixteen that count up. So a run can be
/// repeated exactly, and an account that was changed, saved and loaded again never reuses the id of a deleted user.
#[derive(Debug)]
pub(super) struct Ids {
    pub(super) prefix: u32,
    pub(super) last: u64,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) enum Refusal {
    NotFound,
    Invalid(Vec<Problem>),
}

/// The three lists of the account, from which pages are cut.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    Users(&'a Users),
    Definitions(&'a [Definition]),
}

impl Account {
    /// How many users there are, archived ones included.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users.all().len()
    }

    /// The JSON of each user in order of creation, archived ones included.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(|user| &*user.raw)
    }

    /// The JSON of the user with this id.
    #[must_use]
    pub fn user(&self, id: &str) -> Option<&str> {
        self.users.find(id).and_then(|slot| self.users.get(slot)).map(|user| &*user.raw)
    }

    /// The id of the user with this id, external identifier or e-mail.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.slot_of(name).and_then(|slot| self.users.get(slot)).map(|user| &*user.id)
    }

    /// The id of a user's manager.
    #[must_use]
    pub fn manager_of(&self, id: &str) -> Option<&str> {
        let user = self.users.get(self.users.find(id)?)?;
        self.users.get(user.keys.manager?).map(|manager| &*manager.id)
    }

    pub(super) fn set_manager_to_none(&mut self, slot: Slot) {
        let (Some(mut user), Some(stored)) = (self.resource(slot), self.users.get(slot)) else { return };
        let mut keys = stored.keys.clone();
        keys.manager = None;
        user.relate("manager", USERS, None);
        self.users.update(slot, user.write(), keys);
    }

    /// The user as a resource. What is stored can always be read.
    pub(super) fn resource(&self, slot: Slot) -> Option<Resource> {
        Resource::parse(&self.users.get(slot)?.raw).ok()
    }

    pub(super) fn slot_of(&self, name: &str) -> Option<Slot> {
        let holder = || self.users.holder_of_identifier(name);
        let owner = || self.users.holder_of_email(&crate::employee::email_key(name));
        let slot = self.users.find(name).or_else(holder).or_else(owner)?;
        self.users.get(slot).map(|_| slot)
    }

    /// The only branch, if there is exactly one.
    pub(super) fn only_branch(&self) -> Option<&str> {
        match &*self.branches {
            [only] => Some(&only.id),
            _ => None,
        }
    }
}

impl Default for Account {
    fn default() -> Self {
        let branch =
            r#"{"type":"branches","id":"br_1","attributes":{"name":"Example AB","external_identifier":"SE01"}}"#;
        Self {
            branches: vec![Definition { id: "br_1".into(), raw: branch.into() }],
            branch_ids: FxHashSet::from_iter(["br_1".into()]),
            custom_fields: Vec::new(),
            bare_custom_fields: Vec::new(),
            options: Vec::new(),
            custom_field_kinds: FxHashMap::default(),
            users: Users::default(),
            ids: Ids { prefix: 0x5c0b_0001, last: 0 },
        }
    }
}

impl Ids {
    pub(super) fn next(&mut self, users: &Users) -> Box<str> {
        loop {
            self.last += 1;
            let id = format!("{:08x}{:016x}", self.prefix, self.last);
            if users.find(&id).is_none() {
                return id.into();
            }
        }
    }
}

impl Kind {
    /// Whether the field can hold this value. Callers do not ask about null, which empties the field.
    pub(super) fn check(&self, value: &RawValue) -> Result<(), (&'static str, &'static str)> {
        let text = || text_of(value);
        match self {
            Self::Unknown => Ok(()),
            Self::Boolean if matches!(value.get(), "true" | "false") => Ok(()),
            Self::Boolean => Err(("wrong_type", "must be true, false or null")),
            Self::Text if text().is_some() => Ok(()),
            Self::Text => Err(("wrong_type", "must be a text or null")),
            Self::Choice(options) => match text() {
                Some(text) if options.binary_search_by(|option| (**option).cmp(&text)).is_ok() => Ok(()),
                Some(_) => Err(("invalid_choice", "is not the value of one of the field's options")),
                None => Err(("wrong_type", "must be the value of an option, or null")),
            },
        }
    }

    /// A value other than this one, as another client might set it.
    pub(super) fn other_value(&self, value: Option<&RawValue>) -> Option<Box<RawValue>> {
        match self {
            Self::Boolean => Some(raw(&value.is_none_or(|value| value.get() != "true"))),
            Self::Choice(options) => {
                let now = value.and_then(text_of);
                options.iter().find(|option| now.as_deref() != Some(option)).map(|option| raw(&**option))
            }
            Self::Text | Self::Unknown => None,
        }
    }
}

impl<'a> Rows<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Users(users) => users.len(),
            Self::Definitions(definitions) => definitions.len(),
        }
    }

    /// The JSON of the row at a position, and the mark by which a cursor finds it again.
    pub(super) fn at(self, position: usize) -> Option<(usize, &'a str)> {
        match self {
            Self::Users(users) => users.at(position).map(|(slot, user)| (slot.0, &*user.raw)),
            Self::Definitions(definitions) => definitions.get(position).map(|definition| (position, &*definition.raw)),
        }
    }

    /// The position of a row by its mark, or of the first behind it if it is gone.
    pub(super) fn position_of(self, mark: usize) -> usize {
        match self {
            Self::Users(users) => users.position_of(Slot(mark)),
            Self::Definitions(_) => mark,
        }
    }

    /// The position of the first row behind a mark.
    pub(super) fn position_after(self, mark: usize) -> usize {
        match self {
            Self::Users(users) => users.position_after(Slot(mark)),
            Self::Definitions(_) => mark.saturating_add(1),
        }
    }
}
