//! A redacted copy of a plan, for people who may know how many users are changed, and how, but not who.
//!
//! Names, e-mails, identifiers, branches and values become numbered masks, in the order of their first appearance in
//! the plan. The same value has the same mask everywhere in one plan, so that a reviewer sees what is equal. A mask
//! reveals nothing about its value; a hash would, to anybody with a list of names to try. Free text (the messages of
//! diagnostics) is left out, and so are the fingerprints that would confirm a guess. Counts, groups, guards, the names
//! of fields, the account's address, the sources and the plan's hash stay. `docs/plan-file.md` says what remains
//! visible.
//!
//! A redacted copy is not a plan: nothing here makes a file that could be approved or applied.

use std::collections::HashMap;

use crate::employee::ExternalIdentifier;
use crate::plan::{
    Action, Anchors, BranchRef, Change, Common, Content, CreateRef, Diagnostic, Digest, Field, Fields, GuardResult,
    ManagerRef, Operation, Part, Plan, SourceSummary, Subject, Target, UserRef, Value, Waiting, WaitingPerson,
};

/// The notice in every masked rendering.
pub const NOTICE: &str =
    "names, identifiers, e-mails, branches, values and messages are masked; the hash is that of the whole plan";
/// The text that replaces a message.
const NO_MESSAGE: &str = "the message is masked";
/// The reasons for a delete that this program gives; they name nobody.
const KNOWN_REASONS: [&str; 3] = ["in no source", "in a later source only", "outside the scope"];
/// The hash that replaces one that would confirm a guess. Renderings leave it out.
const NO_DIGEST: Digest = Digest::from_bytes([0; 32]);

/// A redacted copy of a plan, with the hash of the plan.
#[derive(Debug, Clone)]
pub struct Masked {
    hash: Digest,
    content: Content,
}

impl Masked {
    /// The hash of the plan itself.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The masked content.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }
}

/// Assigns masks. Plans that share one of these have the same masks for the same values.
#[derive(Debug, Default)]
pub struct Masks {
    given: HashMap<Kind, HashMap<String, usize>>,
}

/// The kinds of values that are masked; each kind is counted separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Person,
    NamePart,
    Email,
    Identifier,
    User,
    Branch,
    Boolean,
    Value,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::NamePart => "name",
            Self::Email => "mail",
            Self::Identifier => "id",
            Self::User => "user",
            Self::Branch => "branch",
            Self::Boolean => "boolean",
            Self::Value => "value",
        }
    }
}

/// Masks one plan.
#[must_use]
pub fn mask(plan: &Plan) -> Masked {
    Masks::default().mask(plan)
}

impl Masks {
    /// Masks a plan.
    #[must_use]
    pub fn mask(&mut self, plan: &Plan) -> Masked {
        let Content {
            generator,
            config_hash,
            as_of,
            only,
            target,
            sources,
            summary,
            guards,
            diagnostics,
            waiting,
            operations,
        } = plan.content();
        // The operations are masked first, so that the numbers rise in their order.
        let operations = operations.iter().map(|operation| self.operation(operation)).collect();
        let content = Content {
            generator: generator.clone(),
            config_hash: *config_hash,
            as_of: *as_of,
            only: only.iter().map(|person| self.text(Kind::Identifier, person.as_str()).into()).collect(),
            target: Target { fingerprint: NO_DIGEST, anchors: Anchors::default(), ..target.clone() },
            sources: sources.iter().map(|source| SourceSummary { fingerprint: NO_DIGEST, ..source.clone() }).collect(),
            summary: *summary,
            guards: guards.iter().map(|guard| self.guard(guard)).collect(),
            diagnostics: diagnostics.iter().map(|diagnostic| self.diagnostic(diagnostic)).collect(),
            waiting: waiting.as_ref().map(|waiting| self.waiting(waiting)),
            operations,
        };
        Masked { hash: plan.hash(), content }
    }

    fn number(&mut self, kind: Kind, value: &str) -> usize {
        let given = self.given.entry(kind).or_default();
        if let Some(number) = given.get(value) {
            return *number;
        }
        let number = given.len() + 1;
        given.insert(value.to_owned(), number);
        number
    }

    /// The mask of a value. An empty value is no secret and stays empty.
    fn text(&mut self, kind: Kind, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        format!("{}-{}", kind.word(), self.number(kind, value))
    }

    fn identifier(&mut self, identifier: Option<&ExternalIdentifier>) -> Option<ExternalIdentifier> {
        identifier.map(|identifier| self.text(Kind::Identifier, identifier.as_str()).into())
    }

    fn boolean(&mut self, value: bool) -> String {
        self.text(Kind::Boolean, if value { "true" } else { "false" })
    }

    fn operation(&mut self, operation: &Operation) -> Operation {
        let Operation { id, employee, name, depends_on, action } = operation;
        let employee = self.identifier(employee.as_ref());
        let name = self.text(Kind::Person, name).into();
        let action = match action {
            Action::Create { after } => Action::Create { after: Box::new(self.fields(after)) },
            Action::Update { user_id, before_hash: _, branch, roles, changes } => Action::Update {
                user_id: self.text(Kind::User, user_id.as_str()).into(),
                before_hash: NO_DIGEST,
                branch: branch.as_ref().map(|branch| branch.as_ref().map(|branch| self.branch(branch))),
                // Roles are Skovik's own words, and a reviewer must see them.
                roles: roles.clone(),
                changes: changes.iter().map(|change| self.change(change)).collect(),
            },
            Action::Link { create, manager } => Action::Link { create: *create, manager: self.manager(manager) },
            Action::Delete { user_id, before_hash: _, before, roles, missing_since, reason } => Action::Delete {
                user_id: self.text(Kind::User, user_id.as_str()).into(),
                before_hash: NO_DIGEST,
                before: Box::new(self.fields(before)),
                roles: roles.clone(),
                missing_since: *missing_since,
                reason: known_reason(reason),
            },
        };
        Operation { id: *id, employee, name, depends_on: depends_on.clone(), action }
    }

    /// The person's mask replaces the last name, so that references to them show the same mask.
    fn fields(&mut self, fields: &Fields) -> Fields {
        let name = fields.full_name();
        Fields::of_values(fields.values().into_iter().map(|(field, value)| {
            let masked = match field {
                Field::FirstName => None,
                Field::LastName => Some(Value::Text(self.text(Kind::Person, &name).into())),
                _ => value.map(|value| self.value(&field, &value)),
            };
            (field, masked)
        }))
    }

    fn change(&mut self, change: &Change) -> Change {
        let Change { field, before, after } = change;
        if *field == Field::Active {
            // It says no more than the name of the action.
            return change.clone();
        }
        let mut side = |value: &Option<Value>| value.as_ref().map(|value| self.value(field, value));
        Change { field: field.clone(), before: side(before), after: side(after) }
    }

    fn value(&mut self, field: &Field, value: &Value) -> Value {
        match value {
            Value::Boolean(value) => Value::Text(self.boolean(*value).into()),
            Value::Text(text) => {
                let kind = match field {
                    Field::ExternalIdentifier => Kind::Identifier,
                    Field::PrimaryEmail => Kind::Email,
                    Field::FirstName | Field::LastName => Kind::NamePart,
                    Field::Active | Field::Branch | Field::Manager | Field::Custom(_) => Kind::Value,
                };
                Value::Text(self.text(kind, text).into())
            }
            Value::Branch(branch) => Value::Branch(self.branch(branch)),
            Value::Manager(manager) => Value::Manager(self.manager(manager)),
        }
    }

    /// A branch is masked by its id; the two other labels are dropped.
    fn branch(&mut self, branch: &BranchRef) -> BranchRef {
        let BranchRef { branch_id, external_identifier: _, name: _ } = branch;
        let branch_id = self.text(Kind::Branch, branch_id.as_str()).into();
        BranchRef { branch_id, external_identifier: None, name: "masked".into() }
    }

    fn manager(&mut self, manager: &ManagerRef) -> ManagerRef {
        match manager {
            ManagerRef::User(UserRef { user_id, employee, name }) => ManagerRef::User(UserRef {
                user_id: self.text(Kind::User, user_id.as_str()).into(),
                employee: self.identifier(employee.as_ref()),
                name: self.text(Kind::Person, name).into(),
            }),
            ManagerRef::Create(CreateRef { create, employee, name }) => ManagerRef::Create(CreateRef {
                create: *create,
                employee: self.text(Kind::Identifier, employee.as_str()).into(),
                name: self.text(Kind::Person, name).into(),
            }),
        }
    }

    /// A guard's name is a setting and stays. Its branch and the people that it counted are masked.
    fn guard(&mut self, guard: &GuardResult) -> GuardResult {
        let subject = guard.subject.as_ref().map(|subject| match subject {
            Subject::Branch(branch) => Subject::Branch(branch.as_ref().map(|branch| self.branch(branch))),
            Subject::Field(_) | Subject::Source(_) => subject.clone(),
        });
        let parts = guard.parts.iter().map(|part| self.part(part)).collect();
        GuardResult { subject, parts, ..guard.clone() }
    }

    fn part(&mut self, Part { common, name, id, count }: &Part) -> Part {
        let kinds = match common {
            // A branch has only one mask, by its id.
            Common::Branch => Some((Kind::Branch, Kind::Branch)),
            Common::Manager | Common::Person => Some((Kind::Person, Kind::User)),
            Common::Field | Common::Reason => None,
        };
        let (name, id) = match (kinds, id) {
            (None, _) => (name.clone(), id.clone()),
            (Some((Kind::Branch, kind)), Some(id)) => (self.text(kind, id), Some(self.text(kind, id))),
            (Some((kind, of_id)), id) => (self.text(kind, name), id.as_ref().map(|id| self.text(of_id, id))),
        };
        Part { common: *common, name, id, count: *count }
    }

    fn waiting(&mut self, waiting: &Waiting) -> Waiting {
        let person = |person: &WaitingPerson| {
            let WaitingPerson { user_id, employee, name, wait, reason } = person;
            WaitingPerson {
                user_id: self.text(Kind::User, user_id.as_str()).into(),
                employee: self.identifier(employee.as_ref()),
                name: self.text(Kind::Person, name).into(),
                wait: *wait,
                reason: known_reason(reason),
            }
        };
        Waiting { remove_after: waiting.remove_after, people: waiting.people.iter().map(person).collect() }
    }

    fn diagnostic(&mut self, diagnostic: &Diagnostic) -> Diagnostic {
        let Diagnostic { severity, code, employee, message: _ } = diagnostic;
        Diagnostic {
            severity: *severity,
            code: code.clone(),
            employee: employee.as_ref().map(|employee| self.text(Kind::Identifier, employee)),
            message: NO_MESSAGE.to_owned(),
        }
    }
}

/// A reason, if this program gave it.
fn known_reason(reason: &str) -> String {
    if KNOWN_REASONS.contains(&reason) { reason } else { NO_MESSAGE }.to_owned()
}

#[cfg(test)]
mod tests;
