//! What the page shows of each operation. Every text is ready to be shown; what many people share is written once.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use super::Plain;
use crate::employee::UserId;
use crate::plan::{
    Action, BranchRef, Change, Diagnostic, Field, Fields, ManagerRef, Operation, OperationId, Severity, Value,
};
use crate::render::text::person::{Heading, Labels, consequence_text, values_below};
use crate::render::text::value::{Ids, Piece, pieces, shown_branch, shown_manager, shown_pair, shown_text};
use crate::text::{escape, printable};

/// The remarks of each person.
pub(super) type Remarks<'a> = HashMap<OperationId, Vec<&'a Diagnostic>>;

/// Some people, and what they refer to by its place: what many of them share is written once.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    /// The lists of these two are joined with those of other parts.
    #[serde(skip)]
    pub(super) fields: IndexMap<Field, String>,
    #[serde(skip)]
    pub(super) branches: IndexMap<&'a str, String>,
    texts: IndexSet<String>,
    managers: IndexSet<Manager>,
    notes: IndexSet<Remark>,
    people: Vec<Person>,
}

/// One operation.
#[derive(Debug, Serialize)]
pub(super) struct Person {
    kind: &'static str,
    number: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after: Vec<u32>,
    /// Identifies the person for references; never shown.
    key: String,
    name: String,
    identifier: String,
    /// The id of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// The roles beyond those that everybody has, as text and as a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    role_names: Vec<String>,
    /// Why somebody is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    rows: Vec<Row>,
    /// Indexes in the list of branches of the part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    branches: Vec<usize>,
    /// The manager before and after, if the plan tells: indexes in the list of managers of the part.
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<usize>,
}

/// One field: its index in the list of fields of the part, and its values before and after; a create or delete has only one of
/// them.
#[derive(Debug, Serialize)]
struct Row {
    field: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Side>,
}

/// A value as the index of its text in the list of the part, or in pieces; pieces that the other side lacks are marked.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Side {
    Whole(usize),
    Pieces(Vec<(String, bool)>),
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
struct Manager {
    key: String,
    label: String,
}

#[derive(Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Remark {
    severity: Severity,
    #[serde(skip_serializing_if = "String::is_empty")]
    code: String,
    text: String,
}

/// Collects what several people of a part share.
pub(super) struct Gatherer<'a, 'r> {
    labels: &'r Labels<'a>,
    remarks: &'r Remarks<'a>,
    part: Part<'a>,
}

impl<'a, 'r> Gatherer<'a, 'r> {
    pub(super) fn new(labels: &'r Labels<'a>, remarks: &'r Remarks<'a>) -> Self {
        let part = Part {
            fields: IndexMap::new(),
            branches: IndexMap::new(),
            texts: IndexSet::new(),
            managers: IndexSet::new(),
            notes: IndexSet::new(),
            people: Vec::new(),
        };
        Self { labels, remarks, part }
    }

    /// These people as a part.
    pub(super) fn part(mut self, operations: &[&'a Operation]) -> Part<'a> {
        self.part.people = operations.iter().map(|operation| self.person(operation)).collect();
        self.part
    }

    /// One person as a line of text.
    pub(super) fn plain(&mut self, operation: &'a Operation) -> Plain {
        let Person { kind, name, identifier, user, roles, rows, .. } = self.person(operation);
        let fields: Vec<&str> = rows.iter().map(|row| self.part.fields[row.field].as_str()).collect();
        let (user, roles, fields) = (user.unwrap_or_default(), roles.unwrap_or_default(), fields.join(", "));
        Plain { kind, name, identifier, user, roles, fields }
    }

    fn person(&mut self, operation: &'a Operation) -> Person {
        let Heading { name, identifier, email, user, roles } = Heading::of(operation, Ids::Shown);
        let (mut rows, mut branches, mut was, mut is, mut why) = (Vec::new(), Vec::new(), None, None, None);
        let key = match &operation.action {
            Action::Create { after } => {
                rows = self.all_rows(after, |side| (None, Some(side)));
                branches.extend(self.branch(after.branch.as_ref()));
                is = after.manager.as_ref().and_then(Option::as_ref).map(|manager| self.manager(manager));
                created(operation.id)
            }
            Action::Update { user_id, before_hash: _, branch, roles: _, changes } => {
                branches.extend(self.branch(branch.as_ref()));
                for change in changes {
                    rows.push(self.change(change));
                    match change {
                        Change { field: Field::Branch, before: _, after: Some(Value::Branch(after)) } => {
                            branches.push(self.branch_place(after));
                        }
                        Change { field: Field::Manager, before, after } => {
                            (was, is) = (self.manager_in(before.as_ref()), self.manager_in(after.as_ref()));
                        }
                        _ => {}
                    }
                }
                user_key(user_id)
            }
            Action::Link { create, manager } => {
                let field = self.field(&Field::Manager);
                let [before, after] =
                    [None, Some(manager)].map(|manager| Some(self.whole(shown_manager(manager, Ids::Shown))));
                rows.push(Row { field, before, after });
                is = Some(self.manager(manager));
                created(*create)
            }
            Action::Delete { user_id, before_hash: _, before, roles: _, missing_since, reason } => {
                let missing = missing_since.map(|since| format!(", missing since {}", since.day()));
                why = Some(format!("{}{}", printable(reason), missing.unwrap_or_default()));
                rows = self.all_rows(before, |side| (Some(side), None));
                branches.extend(self.branch(before.branch.as_ref()));
                was = before.manager.as_ref().and_then(Option::as_ref).map(|manager| self.manager(manager));
                user_key(user_id)
            }
        };
        let consequence = consequence_text(operation, self.labels).map(|text| Remark {
            severity: Severity::Warning,
            code: String::new(),
            text: text.into_owned(),
        });
        let remarks = self.remarks.get(&operation.id).into_iter().flatten();
        let remarks = remarks.map(|found| Remark::of(found, printable(&found.message).into_owned()));
        let notes = consequence.into_iter().chain(remarks).map(|note| self.part.notes.insert_full(note).0).collect();
        Person {
            kind: operation.action.name(),
            number: operation.id.0,
            after: operation.depends_on.iter().map(|id| id.0).collect(),
            key,
            name,
            identifier,
            user,
            email,
            roles,
            role_names: operation.roles().iter().map(|role| shown_text(role)).collect(),
            reason: why,
            rows,
            branches,
            was,
            is,
            notes,
        }
    }

    /// The fields of a created or deleted user, except those in the heading.
    fn all_rows(&mut self, fields: &Fields, sides: fn(Side) -> (Option<Side>, Option<Side>)) -> Vec<Row> {
        let values = values_below(fields, Ids::Shown);
        let row = |(field, value)| {
            let (before, after) = sides(self.whole(value));
            Row { field: self.field(&field), before, after }
        };
        values.into_iter().map(row).collect()
    }

    fn change(&mut self, change: &Change) -> Row {
        let Change { field, before, after } = change;
        let (before, after) = shown_pair(before.as_ref(), after.as_ref(), Ids::Shown);
        let field = self.field(field);
        let pieces = pieces(&before, &after);
        if pieces.iter().all(|piece| !piece.differs) {
            return Row { field, before: Some(self.whole(before)), after: Some(self.whole(after)) };
        }
        let side = |of: fn(&Piece) -> &str| {
            let parts = pieces.iter().map(|piece| (of(piece).to_owned(), piece.differs));
            Some(Side::Pieces(parts.filter(|(text, _)| !text.is_empty()).collect()))
        };
        Row { field, before: side(|piece| &piece.old), after: side(|piece| &piece.new) }
    }

    /// The index of a field in the list.
    fn field(&mut self, field: &Field) -> usize {
        let entry = self.part.fields.entry(field.clone());
        let place = entry.index();
        entry.or_insert_with_key(|field| self.labels.field(field).into_owned());
        place
    }

    fn branch(&mut self, branch: Option<&'a Option<BranchRef>>) -> Option<usize> {
        branch.and_then(Option::as_ref).map(|branch| self.branch_place(branch))
    }

    /// The index of a branch in the list. Branches are shown with their ids, so that no two look the same.
    fn branch_place(&mut self, branch: &'a BranchRef) -> usize {
        let entry = self.part.branches.entry(branch.branch_id.as_str());
        let place = entry.index();
        entry.or_insert_with(|| shown_branch(Some(branch), Ids::Shown));
        place
    }

    /// The index of a manager in the list.
    fn manager(&mut self, manager: &ManagerRef) -> usize {
        self.part.managers.insert_full(Manager::of(manager)).0
    }

    fn manager_in(&mut self, value: Option<&Value>) -> Option<usize> {
        match value {
            Some(Value::Manager(manager)) => Some(self.manager(manager)),
            _ => None,
        }
    }

    /// A value that is shown in one piece.
    fn whole(&mut self, text: String) -> Side {
        Side::Whole(self.part.texts.insert_full(text).0)
    }
}

impl Manager {
    fn of(manager: &ManagerRef) -> Self {
        let key = match manager {
            ManagerRef::User(user) => user_key(&user.user_id),
            ManagerRef::Create(create) => created(create.create),
        };
        Self { key, label: shown_manager(Some(manager), Ids::Shown) }
    }
}

impl Remark {
    pub(super) fn of(diagnostic: &Diagnostic, text: String) -> Self {
        Self { severity: diagnostic.severity, code: escape(&diagnostic.code).into_owned(), text }
    }
}

/// The key of a user. It is not secret: the plan file contains the id.
fn user_key(id: &UserId) -> String {
    format!("u{}", escape(id.as_str()))
}

fn created(id: OperationId) -> String {
    format!("c{id}")
}
