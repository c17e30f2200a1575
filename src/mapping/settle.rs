//! Repeated keys: tells `source` which of the records with the same key are in scope.

use std::collections::BTreeSet;

use super::compiled_template::{CompiledTemplate, Condition, Context};
use super::values::check_email;
use super::{ResolvedMapper, too_slow};
use crate::employee::{email_key, full_name};
use crate::setting::ConfigError;
use crate::setting::template::Engine;
use crate::source::{Records, Scope, Seen};
use crate::template_cost::{Progress, in_time};
use crate::text::likeness;
use crate::text::name_words::{may_be_one_first_name, share_a_word};

/// `[scope] include`, and the templates that name a person: identifier, e-mail, first and last name.
struct Include<'t> {
    rules: &'t ResolvedMapper,
    condition: Option<Condition<'t>>,
    names: [CompiledTemplate<'t>; 4],
    /// The later sources that each of these may use.
    later: [BTreeSet<usize>; 4],
}

fn context<'r>(records: &'r Records, (record, instead): Seen) -> Context<'r> {
    match instead {
        None => Context::new(records, record),
        Some((source, row)) => Context::with_row(records, record, source, row),
    }
}

impl Scope for Include<'_> {
    fn is_judged_by(&self, source: usize) -> bool {
        self.rules.is_scope_judged_by(source)
    }

    fn names_by(&self, source: usize) -> bool {
        self.later.iter().any(|later| later.contains(&source))
    }

    fn includes(&self, records: &Records, (record, instead): Seen) -> Option<bool> {
        let context = context(records, (record, instead));
        let Some(include) = &self.condition else { return Some(true) };
        let holds = include.holds(&context).ok()?;
        if !holds && self.rules.doubtful_source(records, record).is_some() {
            // Only what is false whatever the doubtful source says is out of scope.
            return (include.holds(&Context::in_doubt(records, record, instead)) == Ok(false)).then_some(false);
        }
        Some(holds)
    }

    fn are_different_people(&self, records: &Records, chosen: Seen, other: Seen) -> bool {
        let counts = match chosen.1 {
            Some((source, _)) => self.later.each_ref().map(|later| later.contains(&source)),
            None => self.later.each_ref().map(BTreeSet::is_empty),
        };
        let [is_id, is_email, is_first, is_last] = counts;
        let says_who = is_id || is_email || (is_first && is_last);
        if !says_who {
            return false;
        }
        let name = |seen: Seen| {
            let context = context(records, seen);
            let text = |template: &CompiledTemplate<'_>| template.render(&context).unwrap_or_default().into_owned();
            std::array::from_fn(|place| if counts[place] { text(&self.names[place]) } else { String::new() })
        };
        let ([id, email, first, last], [other_id, other_email, other_first, other_last]) = (name(chosen), name(other));
        let has_same_email = check_email(&email).is_ok() && email_key(&email) == email_key(&other_email);
        // Here the order counts: a decision for one of two people would lose the other.
        let has_same_name = [(&first, &other_first), (&last, &other_last)]
            .iter()
            .all(|(name, other)| !likeness(name).is_empty() && likeness(name) == likeness(other));
        let is_same = match (id.is_empty(), other_id.is_empty()) {
            // The chosen record would take the place of whoever has that identifier.
            (true, false) => false,
            (false, true) => has_same_email,
            (true, true) => has_same_email || has_same_name,
            // Two first names with two e-mails, or without a common word in the whole names, are two people, also under one
            // identifier: it may be the key that is wrong.
            (false, false) => {
                let has_other_email = !email.is_empty() && !other_email.is_empty();
                let names = [full_name(&first, &last), full_name(&other_first, &other_last)];
                let are_two = !may_be_one_first_name(&first, &other_first)
                    && (has_other_email || (is_first && is_last && share_a_word(&names[0], &names[1]) == Some(false)));
                has_same_email || has_same_name || (id == other_id && !are_two)
            }
        };
        !is_same
    }
}

impl ResolvedMapper {
    /// The same records, after deciding which of several records with one key counts. [`ResolvedMapper::employees`]
    /// does it if that was not done before.
    ///
    /// # Errors
    /// If `include` or `prefer` of a source uses a column that no record has, or does not finish.
    pub fn settle(&self, records: &Records) -> Result<Records, ConfigError> {
        if records.are_settled() {
            return Ok(records.clone());
        }
        self.include.as_ref().map_or(Ok(()), |include| records.check(include))?;
        let (mapper, records) = (self.clone(), records.clone());
        in_time(move |progress| mapper.settle_in_time(&records, &Engine::new(records.calendar()), progress))
            .map_err(too_slow)?
    }

    /// A source that `include` asks, and that has no row of a record, but may have one.
    pub(super) fn doubtful_source(&self, records: &Records, record: usize) -> Option<usize> {
        (1..records.sources()).find(|source| self.is_scope_judged_by(*source) && records.may_have_row(record, *source))
    }

    fn settle_in_time(&self, records: &Records, engine: &Engine, progress: &Progress) -> Result<Records, ConfigError> {
        let condition = self.include.as_ref().map(|include| Condition::new(include, records, engine)).transpose()?;
        let employee = &self.employee;
        let compiled = |template| CompiledTemplate::new(template, records, engine);
        let templates =
            [&employee.external_identifier, &employee.primary_email, &employee.first_name, &employee.last_name];
        let is_later = |source: &usize| (1..records.sources()).contains(source);
        let later = templates.map(|template| {
            let columns = template.columns.iter().map(|name| name.source);
            columns.chain(template.whole.iter().copied()).filter(is_later).collect::<BTreeSet<usize>>()
        });
        let [id, email, first, last] = templates.map(compiled);
        let names = [id?, email?, first?, last?];
        records.settle(&Include { rules: self, condition, names, later }, progress)
    }
}
