//! Turns one record into one person.

use std::borrow::Cow;

use super::compiled_template::{CompiledTemplate, Condition, Context};
use super::values::{Problem, check_email, check_seen, check_text};
use super::{ManagedField, ResolvedMapper, SCOPE_DOUBTFUL};
use crate::config::{EmployeeSettings, ManagerReference};
use crate::employee::possible::{is_too_long, without_deceptive};
use crate::employee::{
    BranchId, CustomValue, DesiredManager, Employee, ExternalIdentifier, KEY_CLAIMED_TWICE, Outside, SetAside, Text,
    normal_text,
};
use crate::setting::ConfigError;
use crate::setting::template::Engine;
use crate::source::Records;

/// The rules with compiled templates, and the records that they are applied to.
pub(super) struct Reader<'t> {
    rules: &'t ResolvedMapper,
    records: &'t Records,
    include: Option<Condition<'t>>,
    identifier: CompiledTemplate<'t>,
    email: CompiledTemplate<'t>,
    first_name: CompiledTemplate<'t>,
    last_name: CompiledTemplate<'t>,
    branch: Option<CompiledTemplate<'t>>,
    manager: Option<CompiledTemplate<'t>>,
    refers_to: Option<CompiledTemplate<'t>>,
    custom_fields: Vec<(CompiledTemplate<'t>, &'t ManagedField)>,
    /// The sources that say who people are and have records of which it is not known whose they are.
    undecided_sources: Vec<usize>,
    /// The sources that names and e-mails may come from.
    sources_of_people: Vec<usize>,
}

/// The result for a record.
pub(super) struct Person {
    pub(super) outcome: Outcome,
    /// The key by which other records name this person as manager, if it is not the identifier.
    pub(super) answers_to: Option<Box<str>>,
    /// The branch, also of a bad record, as far as it is known.
    pub(super) branch: Option<BranchId>,
}

/// Whether a record is out of scope, bad or good.
pub(super) enum Outcome {
    /// It is outside `[scope] include`.
    OutOfScope(Outside),
    /// `include` says that it is out of scope, but a row of a later source, of which it is not known whose it is, could
    /// say otherwise.
    Doubtful(SetAside),
    /// It is bad.
    Bad(SetAside),
    /// It is good. If managers are named by another key, the requested manager is that key for now.
    Good(Employee),
}

/// The first problem of a record.
#[derive(Default)]
struct FirstProblem(Option<Problem>);

impl FirstProblem {
    fn note(&mut self, problem: Problem) {
        self.0.get_or_insert(problem);
    }

    /// Notes invisible characters in a value that identifies people. The value is kept, so that its user is left alone.
    fn note_unseen(&mut self, template: &CompiledTemplate<'_>, value: Option<&str>) {
        self.keep(value.map_or(Ok(()), |value| check_seen(template.setting(), value)));
    }

    /// Returns the value, or notes its problem.
    fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.note(problem)).ok()
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(
        rules: &'t ResolvedMapper,
        records: &'t Records,
        engine: &'t Engine,
    ) -> Result<Self, ConfigError> {
        let compiled = |template| CompiledTemplate::new(template, records, engine);
        let EmployeeSettings {
            external_identifier,
            primary_email,
            first_name,
            last_name,
            branch,
            manager,
            custom_fields: _,
        } = &rules.employee;
        let (manager, refers_to) = match manager {
            Some(ManagerReference { value, refers_to }) => (Some(value), refers_to.as_ref()),
            None => (None, None),
        };
        let custom_fields = rules.custom_fields.iter().map(|field| Ok((compiled(&field.template)?, field)));
        let identity = [external_identifier, primary_email];
        let says_who = |source: &usize| identity.iter().any(|template| template.may_use(*source));
        let undecided_sources =
            (1..records.sources()).filter(says_who).filter(|&source| records.has_undecided_rows(source));
        Ok(Self {
            undecided_sources: undecided_sources.collect(),
            sources_of_people: (0..records.sources())
                .filter(|&source| {
                    [primary_email, first_name, last_name].iter().any(|template| template.may_use(source))
                })
                .collect(),
            rules,
            records,
            include: rules.include.as_ref().map(|include| Condition::new(include, records, engine)).transpose()?,
            identifier: compiled(external_identifier)?,
            email: compiled(primary_email)?,
            first_name: compiled(first_name)?,
            last_name: compiled(last_name)?,
            branch: branch.as_ref().map(compiled).transpose()?,
            manager: manager.map(compiled).transpose()?,
            refers_to: refers_to.map(compiled).transpose()?,
            custom_fields: custom_fields.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// The templates that identify a person: for the identifier and for the e-mail.
    pub(super) fn identity(&self) -> [&CompiledTemplate<'t>; 2] {
        [&self.identifier, &self.email]
    }

    /// Whether a source that says who people are has no record of this person, although one may be theirs.
    pub(super) fn may_be_unjoined(&self, record: usize) -> bool {
        self.undecided_sources.iter().any(|&source| !self.records.has_row(record, source))
    }

    /// The templates that name a person: for the identifier, the e-mail, the first and the last name.
    pub(super) fn names(&self) -> [&CompiledTemplate<'t>; 4] {
        [&self.identifier, &self.email, &self.first_name, &self.last_name]
    }

    /// The sources that names and e-mails may come from.
    pub(super) fn sources_of_people(&self) -> &[usize] {
        &self.sources_of_people
    }

    /// The condition that decides who is in scope.
    pub(super) fn include(&self) -> Option<&Condition<'t>> {
        self.include.as_ref()
    }

    /// All templates, in the order of the settings.
    pub(super) fn templates(&self) -> impl Iterator<Item = &CompiledTemplate<'t>> {
        let Self {
            rules: _,
            records: _,
            include: _,
            identifier,
            email,
            first_name,
            last_name,
            branch,
            manager,
            refers_to,
            custom_fields,
            undecided_sources: _,
            sources_of_people: _,
        } = self;
        let optional = [branch, manager, refers_to].into_iter().flatten();
        let custom_fields = custom_fields.iter().map(|(template, _)| template);
        [identifier, email, first_name, last_name].into_iter().chain(optional).chain(custom_fields)
    }

    /// The records.
    pub(super) fn records(&self) -> &Records {
        self.records
    }

    /// Reads a record. Only its first problem is reported. The other values are still read, to find the user that a bad
    /// record protects.
    pub(super) fn read(&self, record: usize) -> Person {
        let context = Context::new(self.records, record);
        let mut problem = FirstProblem::default();
        if let Some(reason) = self.records.undecided(record) {
            problem.note(Problem::new(KEY_CLAIMED_TWICE, &**reason));
        }
        match self.include.as_ref().map_or(Ok(true), |include| include.holds(&context)) {
            Ok(true) => {}
            Ok(false) => match self.doubt(record) {
                Some(doubt) => problem.note(doubt),
                None => {
                    // Nobody can have this person as manager; a person who names them gets this reason.
                    let answers_to = optional(self.refers_to.as_ref(), &context).ok().flatten().map(Into::into);
                    return Person {
                        outcome: Outcome::OutOfScope(self.outside(record, &context)),
                        answers_to,
                        branch: None,
                    };
                }
            },
            Err(reason) => problem.note(Problem::new("scope_failed", reason)),
        }
        self.key_problem(record).into_iter().for_each(|key| problem.note(key));
        let identifier = identity(&mut problem, &self.identifier, &context, "identifier_missing");
        problem.note_unseen(&self.identifier, identifier.as_deref());
        let email = identity(&mut problem, &self.email, &context, "email_missing");
        problem.note_unseen(&self.email, email.as_deref());
        if let Some(email) = &email {
            problem.keep(check_email(email));
        }
        let first_name: Option<Text> =
            problem.keep(required(&self.first_name, &context, "name_missing")).map(Into::into);
        problem.note_unseen(&self.first_name, first_name.as_deref());
        let last_name: Option<Text> = problem.keep(required(&self.last_name, &context, "name_missing")).map(Into::into);
        problem.note_unseen(&self.last_name, last_name.as_deref());
        let branch = problem.keep(self.branch(&context)).flatten();
        let manager = problem.keep(optional(self.manager.as_ref(), &context));
        let custom_fields = problem.keep(self.custom_values(&context));
        let answers_to = problem.keep(optional(self.refers_to.as_ref(), &context)).flatten();
        let identifier = identifier.map(|text| ExternalIdentifier::from(&*text));
        let origin = self.records.origin(record);
        let outcome = match (problem.0, identifier, email, first_name, last_name, manager, custom_fields) {
            (
                None,
                Some(identifier),
                Some(email),
                Some(first_name),
                Some(last_name),
                Some(manager),
                Some(custom_fields),
            ) => {
                let manager = manager.map_or(DesiredManager::Nobody, |key| DesiredManager::Employee((&*key).into()));
                Outcome::Good(Employee {
                    identifier,
                    email: (&*email).into(),
                    first_name,
                    last_name,
                    branch: branch.clone(),
                    manager,
                    custom_fields,
                    origin,
                })
            }
            (problem, identifier, email, first_name, last_name, ..) => {
                // A missing value was noted as a problem, so the fallback is never used.
                let Problem { code, reason } =
                    problem.unwrap_or_else(|| Problem::new("template_failed", "the record cannot be read"));
                let email = email.as_deref().map(Into::into);
                let set_aside = SetAside { identifier, email, first_name, last_name, origin, code, reason };
                if code == SCOPE_DOUBTFUL { Outcome::Doubtful(set_aside) } else { Outcome::Bad(set_aside) }
            }
        };
        Person { outcome, answers_to: answers_to.map(Into::into), branch }
    }

    /// Whether `include` leaves a record out.
    pub(super) fn leaves_out(&self, record: usize) -> bool {
        self.include.as_ref().is_some_and(|include| include.holds(&Context::new(self.records, record)) == Ok(false))
    }

    /// What is wrong with the key of a record.
    fn key_problem(&self, record: usize) -> Option<Problem> {
        let problem = || match self.records.key_problem(record) {
            Some(reason) => Problem::new("key_unreadable", reason),
            None => Problem::new("key_missing", "the record has no key, which joins it with others"),
        };
        self.records.lacks_key(record).then(problem)
    }

    /// Why a record that `include` leaves out may be in scope all the same: it asks a later source, and it is not known
    /// what that source says about the person.
    fn doubt(&self, record: usize) -> Option<Problem> {
        let records = self.records;
        if let Some(reason) = records.unsure(record) {
            return Some(Problem::new(KEY_CLAIMED_TWICE, &**reason));
        }
        let source = self.rules.doubtful_source(records, record)?;
        if self.include.as_ref()?.holds(&Context::in_doubt(records, record, None)) == Ok(false) {
            return None;
        }
        self.key_problem(record).or_else(|| {
            let (name, unusable) = (records.source_name(source), records.unusable_keys(source));
            let why = unusable
                .unwrap_or_else(|| "a key of several records, of which it is not clear which one counts".to_owned());
            let reason = format!("source `{name}`, which `include` uses, has no record with their key, and {why}");
            Some(Problem::new(SCOPE_DOUBTFUL, reason))
        })
    }

    /// Who a record outside the scope is, without checks.
    fn outside(&self, record: usize, context: &Context<'_>) -> Outside {
        let [identifier, email, first_name, last_name] =
            self.names().map(|template| template.render(context).unwrap_or_default());
        let records = self.records;
        let lacked: Vec<usize> = (1..records.sources())
            .filter(|&source| self.rules.is_scope_judged_by(source) && !records.has_row(record, source))
            .collect();
        let is_out = |context: &Context<'_>| self.include.as_ref().is_some_and(|one| one.holds(context) == Ok(false));
        // Otherwise the rest of `include` says so.
        let lacks_a_row = !lacked.is_empty() && !is_out(&Context::in_part(records, record));
        Outside {
            identifier: (!identifier.is_empty()).then(|| ExternalIdentifier::from(&*identifier)),
            email: (!email.is_empty()).then(|| (&*email).into()),
            first_name: first_name.into(),
            last_name: last_name.into(),
            origin: records.origin(record),
            is_so_by_itself: is_out(&Context::of_first_row(records, record)),
            lacks_a_row,
            may_have_half: lacks_a_row && lacked.iter().any(|&source| records.has_rows_without_person(source)),
        }
    }

    /// The key by which other records name the person of a record as manager, and the identifier that it has.
    pub(super) fn answers_of(&self, record: usize) -> Option<(Box<str>, Option<ExternalIdentifier>)> {
        let context = Context::new(self.records, record);
        let answers_to = optional(self.refers_to.as_ref(), &context).ok().flatten()?;
        let identifier = self.identifier.render(&context).ok().filter(|text| !text.is_empty());
        Some((answers_to.into(), identifier.map(|text| ExternalIdentifier::from(&*text))))
    }

    fn branch(&self, context: &Context<'_>) -> Result<Option<BranchId>, Problem> {
        let Some(template) = &self.branch else { return Ok(None) };
        let name = required(template, context, "branch_missing")?;
        self.rules.branches.of_record(&name).map(Some)
    }

    fn custom_values(&self, context: &Context<'_>) -> Result<Box<[Option<CustomValue>]>, Problem> {
        let value = |(template, field): &(CompiledTemplate<'_>, &ManagedField)| {
            let text = text(template, context)?;
            text.map(|text| field.values.value(template.setting(), &text)).transpose()
        };
        self.custom_fields.iter().map(value).collect()
    }
}

/// The result of a template; `None` if it is empty.
fn text<'r>(template: &CompiledTemplate<'_>, context: &Context<'r>) -> Result<Option<Cow<'r, str>>, Problem> {
    let text = template.render(context).map_err(|reason| Problem::new("template_failed", reason))?;
    check_text(template.setting(), &text)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A text that must not be empty.
fn required<'r>(
    template: &CompiledTemplate<'_>,
    context: &Context<'r>,
    code: &'static str,
) -> Result<Cow<'r, str>, Problem> {
    text(template, context)?.ok_or_else(|| Problem::new(code, format!("{} gives nothing", template.setting())))
}

/// A text that identifies people. If it has control characters, it is kept without them, so that its user is left alone.
fn identity<'r>(
    problem: &mut FirstProblem,
    template: &CompiledTemplate<'_>,
    context: &Context<'r>,
    code: &'static str,
) -> Option<Cow<'r, str>> {
    problem.keep(required(template, context, code)).or_else(|| {
        let text = without_deceptive(&template.render(context).ok()?);
        let text = normal_text(&text).into_owned();
        (!text.is_empty() && !is_too_long(&text)).then_some(Cow::Owned(text))
    })
}

/// The result of an optional template.
fn optional<'r>(
    template: Option<&CompiledTemplate<'_>>,
    context: &Context<'r>,
) -> Result<Option<Cow<'r, str>>, Problem> {
    template.map_or(Ok(None), |template| text(template, context))
}
