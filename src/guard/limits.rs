//! The `[guard]` settings: which guards are evaluated, and with which limits.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{GUARDS, Guard, IgnoreBelow, NamedField};
use crate::employee::normal_text;
use crate::field::Field;

/// How long what was done counts with a plan, in seconds, unless the settings say otherwise.
pub const WINDOW: u64 = 24 * 60 * 60;

/// The `[guard]` settings. By default, the default limit of every guard in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The limits, by the guard's id.
    common: BTreeMap<&'static str, u64>,
    /// The limits for certain fields, by the guard's id and the field's name in `[employee]`.
    fields: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// The counts below which a guard never blocks, by the guard's id, if they are set.
    ignore_below: BTreeMap<&'static str, u64>,
    /// The limits for the joined sources, by the guard's id and the source's name.
    sources: BTreeMap<&'static str, BTreeMap<String, u64>>,
    /// For how many seconds what was done counts with a plan; 0 for not at all.
    window: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let in_common = GUARDS.iter().filter(|guard| !guard.is_set_per_source());
        let defaults = in_common.filter_map(|guard| Some((guard.id, guard.setting.default?)));
        let (fields, ignore_below, sources) = Default::default();
        Self { common: defaults.collect(), fields, ignore_below, sources, window: WINDOW }
    }
}

impl Limits {
    /// Adds a limit for a guard.
    #[must_use]
    pub fn with(mut self, guard: &'static Guard, limit: u64) -> Self {
        self.common.insert(guard.id, limit);
        self
    }

    /// Adds a limit for one field, for a guard that looks at each field.
    #[must_use]
    pub fn with_field(mut self, guard: &'static Guard, field: impl Into<String>, limit: u64) -> Self {
        self.fields.entry(guard.id).or_default().insert(field.into(), limit);
        self
    }

    /// Adds a count below which a guard never blocks.
    #[must_use]
    pub fn with_ignore_below(mut self, guard: &'static Guard, count: u64) -> Self {
        self.ignore_below.insert(guard.id, count);
        self
    }

    /// Adds a limit for one joined source, for a guard that looks at each source.
    #[must_use]
    pub fn with_source(mut self, guard: &'static Guard, source: impl Into<String>, limit: u64) -> Self {
        self.sources.entry(guard.id).or_default().insert(source.into(), limit);
        self
    }

    /// Sets for how many seconds what was done counts with a plan; 0 for not at all.
    #[must_use]
    pub fn with_window(mut self, seconds: u64) -> Self {
        self.window = seconds;
        self
    }

    /// For how many seconds what was done counts with a plan; 0 for not at all.
    #[must_use]
    pub fn window(&self) -> u64 {
        self.window
    }

    /// Removes a guard's limits, so that it is not evaluated.
    #[must_use]
    pub fn without(mut self, guard: &Guard) -> Self {
        self.common.remove(guard.id);
        self.fields.remove(guard.id);
        self.sources.remove(guard.id);
        self
    }

    /// A guard's common limit.
    #[must_use]
    pub fn get(&self, guard: &Guard) -> Option<u64> {
        self.common.get(guard.id).copied()
    }

    /// A guard's limits for certain fields, by the field's name in `[employee]`.
    pub fn field_limits(&self, guard: &Guard) -> impl Iterator<Item = (&str, u64)> {
        self.fields.get(guard.id).into_iter().flatten().map(|(name, limit)| (name.as_str(), *limit))
    }

    /// A guard's limits for the joined sources, by name.
    pub fn source_limits(&self, guard: &Guard) -> impl Iterator<Item = (&str, u64)> {
        self.sources.get(guard.id).into_iter().flatten().map(|(name, limit)| (name.as_str(), *limit))
    }

    /// The fields that have a limit, their own or the common one, in the same order. A key of the settings means the
    /// same field as in `[employee]`: a custom field by its id, else by its name.
    #[must_use]
    pub fn for_fields<'f>(&self, guard: &Guard, fields: &'f [NamedField]) -> Vec<(&'f NamedField, u64)> {
        let find = |key: &str| {
            let by_id = |named: &&NamedField| match &named.field {
                Field::Custom(id) => id.as_str() == key,
                standard => standard.standard_name() == Some(key),
            };
            let by_name = |named: &&NamedField| normal_text(&named.name) == normal_text(key);
            fields.iter().find(by_id).or_else(|| fields.iter().find(by_name))
        };
        let own: BTreeMap<&Field, u64> =
            self.field_limits(guard).filter_map(|(key, limit)| Some((&find(key)?.field, limit))).collect();
        let limit = |field: &Field| own.get(field).copied().or(self.get(guard));
        fields.iter().filter_map(|named| Some((named, limit(&named.field)?))).collect()
    }

    /// The count below which a guard never blocks, if there is one.
    #[must_use]
    pub fn ignore_below(&self, guard: &Guard) -> Option<u64> {
        match guard.ignore_below {
            IgnoreBelow::Nothing => None,
            IgnoreBelow::Fixed(count) => Some(count),
            IgnoreBelow::Setting { key: _, default } => {
                Some(self.ignore_below.get(guard.id).copied().unwrap_or(default))
            }
        }
    }

    /// Whether a plan must have the guard.
    #[must_use]
    pub fn demand(&self, guard: &Guard) -> bool {
        self.get(guard).is_some()
            || self.field_limits(guard).next().is_some()
            || self.source_limits(guard).next().is_some()
    }
}

/// The settings with their defaults, as the hash of the settings covers them.
impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Entry<'a> {
            Limit(u64),
            Table(BTreeMap<&'a str, u64>),
        }
        let mut entries: BTreeMap<&str, Entry<'_>> = BTreeMap::new();
        let mut add = |table: Option<&'static str>, key: &'static str, value: u64| match table {
            None => drop(entries.insert(key, Entry::Limit(value))),
            Some(table) => {
                if let Entry::Table(table) = entries.entry(table).or_insert_with(|| Entry::Table(BTreeMap::new())) {
                    table.insert(key, value);
                }
            }
        };
        add(None, "window", self.window);
        for guard in GUARDS {
            let Some(limit) = self.get(guard) else { continue };
            add(guard.setting.table, guard.setting.key, limit);
            if let (IgnoreBelow::Setting { key, .. }, Some(count)) = (guard.ignore_below, self.ignore_below(guard)) {
                add(guard.setting.table, key, count);
            }
        }
        for guard in GUARDS {
            let own: BTreeMap<&str, u64> = self.field_limits(guard).collect();
            if let Some(key) = guard.setting.fields.filter(|_| !own.is_empty()) {
                entries.insert(key, Entry::Table(own));
            }
            let sources: BTreeMap<&str, u64> = self.source_limits(guard).collect();
            if !sources.is_empty() {
                entries.insert(guard.setting.key, Entry::Table(sources));
            }
        }
        entries.serialize(serializer)
    }
}
