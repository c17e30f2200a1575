//! The result of each template of the settings for one record, to show a person where a value comes from.

use std::borrow::Cow;
use std::collections::HashSet;

use super::compiled_template::Context;
use super::person::Reader;
use super::{ResolvedMapper, too_slow};
use crate::employee::{ExternalIdentifier, email_key, normal_text};
use crate::setting::ConfigError;
use crate::setting::template::Engine;
use crate::source::Records;
use crate::template_cost::{Progress, in_time};

/// One setting and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The setting, such as `` `branch` in [employee] ``.
    pub setting: String,
    /// The text of its template.
    pub template: String,
    /// The result, trimmed and in NFC, or why it fails.
    pub outcome: Result<String, String>,
}

/// A record that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its index.
    pub record: usize,
    /// Its external identifier, if it can be read.
    pub identifier: Option<ExternalIdentifier>,
}

impl ResolvedMapper {
    /// The records with this key, external identifier or e-mail.
    ///
    /// # Errors
    /// As [`ResolvedMapper::employees`].
    pub fn records_of(&self, records: &Records, key: &str) -> Result<Vec<FoundRecord>, ConfigError> {
        let (mapper, records, key) = (self.clone(), records.clone(), key.to_owned());
        in_time(move |progress| mapper.find_records(&records, &key, progress)).map_err(too_slow)?
    }

    fn find_records(&self, records: &Records, key: &str, progress: &Progress) -> Result<Vec<FoundRecord>, ConfigError> {
        let engine = Engine::new(records.calendar());
        let reader = Reader::new(self, records, &engine)?;
        let [identifier, email] = reader.identity();
        let (wanted, key) = (email_key(key), &*normal_text(key));
        let named = |record: usize| {
            let context = Context::new(records, record);
            let identifier = identifier.render(&context).ok().filter(|identifier| !identifier.is_empty());
            let is_named = identifier.as_ref().is_some_and(|identifier| identifier == key)
                || email.render(&context).is_ok_and(|email| email_key(&email) == wanted);
            (identifier, is_named)
        };
        // A record that `prefer` skipped is shown with the one that counts instead.
        let skipped = (0..records.len()).filter(|&record| records.is_passed_over(record) && named(record).1);
        let keys: HashSet<&str> = skipped.map(|record| records.key(record)).chain([key]).collect();
        let mut repeated = HashSet::new();
        let mut found = |record: usize| {
            progress.step();
            if records.is_passed_over(record) {
                return None;
            }
            let (identifier, is_named) = named(record);
            let is_meant = is_named || keys.contains(records.key(record));
            let identifier = identifier.map(|identifier| ExternalIdentifier::from(identifier.into_owned()));
            // Records with the same key are shown together as one person.
            let is_new =
                records.undecided(record).is_none() || repeated.insert((records.key(record), identifier.clone()));
            (is_meant && is_new).then_some(FoundRecord { record, identifier })
        };
        Ok((0..records.len()).filter_map(&mut found).collect())
    }

    /// The external identifiers of the records that have one of these keys, with the key.
    ///
    /// # Errors
    /// As [`ResolvedMapper::employees`].
    pub fn identifiers_of(
        &self,
        records: &Records,
        keys: HashSet<String>,
    ) -> Result<Vec<(String, ExternalIdentifier)>, ConfigError> {
        let (mapper, records) = (self.clone(), records.clone());
        in_time(move |progress| {
            let engine = Engine::new(records.calendar());
            let reader = Reader::new(&mapper, &records, &engine)?;
            let [identifier, _] = reader.identity();
            let found = |record: usize| {
                progress.step();
                let key = records.key(record);
                let is_meant = keys.contains(key) && !records.is_passed_over(record);
                let identifier = is_meant.then(|| identifier.render(&Context::new(&records, record)).ok()).flatten()?;
                (!identifier.is_empty()).then(|| (key.to_string(), ExternalIdentifier::from(identifier.into_owned())))
            };
            Ok((0..records.len()).filter_map(found).collect())
        })
        .map_err(too_slow)?
    }

    /// The result of every setting for a record.
    ///
    /// # Errors
    /// As [`ResolvedMapper::employees`].
    pub fn steps(&self, records: &Records, record: usize) -> Result<Vec<Step>, ConfigError> {
        let (mapper, records) = (self.clone(), records.clone());
        in_time(move |_| mapper.take_steps(&records, record)).map_err(too_slow)?
    }

    fn take_steps(&self, records: &Records, record: usize) -> Result<Vec<Step>, ConfigError> {
        let engine = Engine::new(records.calendar());
        let reader = Reader::new(self, records, &engine)?;
        let context = Context::new(records, record);
        let include = reader.include().map(|include| Step {
            setting: include.setting().to_owned(),
            template: include.text().to_owned(),
            outcome: include
                .holds(&context)
                .map(|holds| holds.to_string())
                .map_err(|problem| without(&problem, include.setting())),
        });
        let templates = reader.templates().map(|template| Step {
            setting: template.setting().to_owned(),
            template: template.text().to_owned(),
            outcome: template
                .render(&context)
                .map(Cow::into_owned)
                .map_err(|problem| without(&problem, template.setting())),
        });
        Ok(include.into_iter().chain(templates).collect())
    }
}

/// A problem without the name of the setting, which is printed next to it.
fn without(problem: &str, setting: &str) -> String {
    problem.strip_prefix(setting).unwrap_or(problem).trim_start().to_owned()
}
