//! An account as a snapshot: [`Account::load`] and [`Account::save`]. Loading and saving again gives the same bytes.
//!
//! A seed may hold what the API would refuse to a client (a user without a branch, an option that is gone). It must not
//! contradict itself, since no account could be in that state.

use std::io::{BufRead, Write};

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Digest as _;

use super::account::{Account, BRANCHES, Definition, Ids, Kind, USERS};
use super::json::{Object, Resource, is_null, text_of};
use super::users::{Keys, Slot, Stored, Users};
use super::validate::is_active;
use crate::employee::email_key;
use crate::provider::snapshot::{self, Counts, Item, SnapshotError};

/// What can only be checked when all users are known.
struct Pending {
    slot: Slot,
    line: u64,
    manager: Option<String>,
}

struct Loader {
    account: Account,
    pending: Vec<Pending>,
    hasher: sha2::Sha256,
    /// The line of the file, from 1; the header is the first.
    line: u64,
}

impl Account {
    /// Reads an account from a snapshot.
    ///
    /// # Errors
    /// If the snapshot is incomplete, holds something that is not a JSON:API resource, or contradicts itself: a
    /// repeated id, e-mail or identifier, or a manager or branch that it does not have. The error names the line and
    /// the user.
    pub fn load(from: impl BufRead) -> Result<Self, SnapshotError> {
        let account = Self {
            branches: Vec::new(),
            branch_ids: FxHashSet::default(),
            custom_fields: Vec::new(),
            bare_custom_fields: Vec::new(),
            options: Vec::new(),
            custom_field_kinds: FxHashMap::default(),
            users: Users::default(),
            ids: Ids { prefix: 0, last: 0 },
        };
        let mut loader = Loader { account, pending: Vec::new(), hasher: sha2::Sha256::new(), line: 1 };
        let checked = |json: &str| RawValue::from_string(json.to_owned()).map_err(|error| error.to_string());
        snapshot::read(from, |item| item.try_map(checked), |item| loader.item(&item))?;
        loader.finish()
    }

    /// Writes the account as a snapshot of the account at this URL, and says what it wrote.
    ///
    /// # Errors
    /// If `out` fails.
    pub fn save(&self, out: impl Write, url: &str) -> std::io::Result<Counts> {
        let mut writer = snapshot::Writer::new(out, url)?;
        for branch in &self.branches {
            writer.item(Item::Branch(stored(&branch.raw)?))?;
        }
        for field in &self.custom_fields {
            writer.item(Item::CustomField(stored(&field.raw)?))?;
        }
        for user in self.users.iter() {
            writer.item(Item::User(stored(&user.raw)?))?;
        }
        writer.finish().map(|(_, counts)| counts)
    }
}

fn stored(raw: &str) -> serde_json::Result<&RawValue> {
    serde_json::from_str(raw)
}

impl Loader {
    fn item(&mut self, item: &Item<Box<RawValue>>) -> Result<(), String> {
        self.line += 1;
        self.hasher.update(item.json().get());
        match item {
            Item::Branch(raw) => {
                let id = definition_id(raw)?;
                if !self.account.branch_ids.insert(id.clone()) {
                    return Err(format!("the branch {id} appears twice in the snapshot"));
                }
                self.account.branches.push(Definition { id, raw: raw.get().into() });
            }
            Item::CustomField(raw) => {
                let id = definition_id(raw)?;
                if self.account.custom_field_kinds.insert(id.clone(), kind(raw)?).is_some() {
                    return Err(format!("the custom field {id} appears twice in the snapshot"));
                }
                self.account.note_options(&id, raw);
                self.account.custom_fields.push(Definition { id, raw: raw.get().into() });
            }
            Item::User(raw) => self.user(raw)?,
        }
        Ok(())
    }

    fn user(&mut self, raw: &RawValue) -> Result<(), String> {
        let user =
            Resource::parse(raw.get()).map_err(|error| format!("the user {} {}", error.pointer, error.problem))?;
        let id = user.id.as_deref().ok_or("the user has no id")?;
        let named = |problem: String| format!("user {id}: {problem}");
        if user.kind != USERS {
            return Err(named(format!("its type is {:?}, not \"users\"", user.kind)));
        }
        if self.account.users.find(id).is_some() {
            return Err(named("this id appears twice in the snapshot".to_owned()));
        }
        let keys = self.keys(&user).map_err(named)?;
        let manager = user
            .related("manager", USERS)
            .map_err(|_| named("its manager is not a relationship to a user".to_owned()))?;
        let slot = self.account.users.add(Stored { id: id.into(), raw: raw.get().into(), keys });
        self.pending.push(Pending { slot, line: self.line, manager });
        Ok(())
    }

    /// The keys of a user without the manager, who may follow later.
    fn keys(&self, user: &Resource) -> Result<Keys, String> {
        let email = user.attributes.get("primary_email").and_then(text_of).unwrap_or_default();
        let key = email_key(&email);
        if key.is_empty() {
            return Err("it has no primary_email".to_owned());
        }
        if let Some(other) = self.account.find_holder(self.account.users.holder_of_email(&key)) {
            return Err(format!("its e-mail {email} also belongs to user {other}"));
        }
        let identifier = match user.attributes.get("external_identifier").filter(|value| !is_null(value)) {
            None => None,
            Some(value) => Some(text_of(value).ok_or("its external_identifier is neither a text nor null")?),
        };
        let identifier = identifier.filter(|identifier| !identifier.is_empty());
        if let Some(identifier) = &identifier
            && let Some(other) = self.account.find_holder(self.account.users.holder_of_identifier(identifier))
        {
            return Err(format!("its external identifier {identifier} also belongs to user {other}"));
        }
        let branch = user.related("branch", BRANCHES).map_err(|_| "its branch is not a relationship to a branch")?;
        Ok(Keys {
            email: key.into(),
            identifier: identifier.map(Into::into),
            manager: None,
            branch: branch.map(Into::into),
            active: is_active(user),
        })
    }

    fn finish(mut self) -> Result<Account, SnapshotError> {
        for Pending { slot, line, manager } in self.pending {
            let Some(user) = self.account.users.get(slot) else { continue };
            let (id, raw, mut keys) = (user.id.clone(), user.raw.clone(), user.keys.clone());
            let problem = |problem: String| SnapshotError::Line { line, problem: format!("user {id}: {problem}") };
            if let Some(branch) = keys.branch.as_ref().filter(|branch| !self.account.branch_ids.contains(*branch)) {
                return Err(problem(format!("its branch {branch} is not in the snapshot")));
            }
            let Some(manager) = manager else { continue };
            match self.account.users.find(&manager) {
                None => return Err(problem(format!("its manager {manager} is not in the snapshot"))),
                Some(manager) if manager == slot => return Err(problem("it is its own manager".to_owned())),
                found => keys.manager = found,
            }
            self.account.users.update(slot, raw, keys);
        }
        let hash: [u8; 32] = self.hasher.finalize().into();
        self.account.ids.prefix = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        Ok(self.account)
    }
}

impl Account {
    /// Keeps a custom field and its options in the separate form in which the API can show them.
    fn note_options(&mut self, id: &str, raw: &RawValue) {
        let Ok(mut field) = Resource::parse(raw.get()) else { return };
        let options = field.attributes.remove("options");
        self.bare_custom_fields.push(Definition { id: id.into(), raw: field.write() });
        let options: Vec<Object> =
            options.and_then(|options| serde_json::from_str(options.get()).ok()).unwrap_or_default();
        for (number, attributes) in (1_usize..).zip(options) {
            let option_id = format!("{id}_option_{number}");
            let mut option = Resource {
                kind: "custom-field-options".to_owned(),
                id: Some(option_id.clone()),
                attributes,
                relationships: Object::default(),
                rest: Object::default(),
            };
            option.relate("custom_field", "custom-fields", Some(id));
            self.options.push(Definition { id: option_id.into(), raw: option.write() });
        }
    }

    fn find_holder(&self, slot: Option<Slot>) -> Option<&str> {
        self.users.get(slot?).map(|user| &*user.id)
    }
}

fn definition_id(raw: &RawValue) -> Result<Box<str>, String> {
    let resource = Resource::parse(raw.get()).map_err(|error| format!("{} {}", error.pointer, error.problem))?;
    resource.id.map(Into::into).ok_or_else(|| "it has no id".to_owned())
}

fn kind(raw: &RawValue) -> Result<Kind, String> {
    #[derive(Deserialize)]
    struct Definition {
        attributes: Attributes,
    }
    #[derive(Deserialize)]
    struct Attributes {
        field_type: String,
        #[serde(default)]
        options: Option<Vec<Choice>>,
    }
    #[derive(Deserialize)]
    struct Choice {
        value: Box<str>,
    }
    let Definition { attributes } =
        serde_json::from_str(raw.get()).map_err(|error| format!("the custom field: {error}"))?;
    Ok(match attributes.field_type.as_str() {
        "text" => Kind::Text,
        "boolean" => Kind::Boolean,
        "multiple_choice" => {
            let mut options: Vec<_> = attributes.options.unwrap_or_default().into_iter().map(|o| o.value).collect();
            options.sort_unstable();
            Kind::Choice(options)
        }
        _ => Kind::Unknown,
    })
}
