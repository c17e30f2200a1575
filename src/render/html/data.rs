//! The data for the page's script: the people, most important first, and the remarks. Every text is ready to be shown.
//! The script only composes, filters and counts.

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;

use super::Plain;
use crate::employee::UserId;
use crate::plan::{
    Action, BranchRef, Change, Diagnostic, Field, Fields, ManagerRef, Operation, OperationId, Severity, Value,
};
use crate::render::shown::Shown;
use crate::render::text::kind::Kind;
use crate::render::text::person::{Heading, Labels, consequence_text, values_below};
use crate::render::text::remarks::sentence;
use crate::render::text::value::{Ids, Piece, pieces, shown_branch, shown_manager, shown_pair, shown_text};
use crate::side_by_side::some_side_by_side;
use crate::text::{escape, printable};

/// What the page's data are made of.
pub(super) struct Data<'a> {
    /// Deletes first, as they matter most; within a group in the order of the plan.
    operations: Vec<&'a Operation>,
    labels: Labels<'a>,
    /// The remarks of each person.
    remarks: HashMap<OperationId, Vec<&'a Diagnostic>>,
    /// The remarks that belong to nobody in the plan.
    left: Vec<Remark>,
}

/// Some people, as JSON, and the fields and branches that they refer to by their places in these lists.
struct Part<'a> {
    people: String,
    fields: Vec<(Field, String)>,
    branches: Vec<(&'a str, String)>,
}

/// One operation.
#[derive(Debug, Serialize)]
struct Person {
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
    /// The manager before and after, if the plan tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<Manager>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<Manager>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Remark>,
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

/// A value as text or in pieces; pieces that the other side lacks are marked.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Side {
    Whole(String),
    Pieces(Vec<(String, bool)>),
}

#[derive(Debug, Clone, Serialize)]
struct Manager {
    key: String,
    label: String,
}

#[derive(Debug, Serialize)]
struct Remark {
    severity: Severity,
    #[serde(skip_serializing_if = "String::is_empty")]
    code: String,
    text: String,
}

/// Collects what several people of a part share.
struct Gatherer<'a, 'r> {
    data: &'r Data<'a>,
    fields: List<Field>,
    /// By id.
    branches: List<&'a str>,
}

/// A list of different items, with what tells them apart.
struct List<K> {
    items: Vec<(K, String)>,
    places: HashMap<K, usize>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> List<K> {
    /// The place of an item, which is added if it is new.
    fn place(&mut self, key: K, item: impl FnOnce(&K) -> String) -> usize {
        let items = &mut self.items;
        *self.places.entry(key).or_insert_with_key(|key| {
            items.push((key.clone(), item(key)));
            items.len() - 1
        })
    }
}

impl<'a> Data<'a> {
    pub(super) fn of(shown: Shown<'a>) -> Self {
        let content = shown.content();
        let of_kind = |kind| content.operations.iter().filter(move |operation| Kind::of(operation) == kind);
        let kinds = [Kind::Delete, Kind::Update, Kind::Reactivate, Kind::Create, Kind::Link];
        let operations: Vec<&Operation> = kinds.into_iter().flat_map(of_kind).collect();
        let (remarks, left) = assigned(&content.diagnostics, &operations);
        Self { operations, labels: Labels::of(&content.target, Ids::Shown), remarks, left }
    }

    /// The first people as lines of text, at most so many; and how many more there are.
    pub(super) fn plain(&self, most: usize) -> (Vec<Plain>, usize) {
        let shown = self.operations.len().min(most);
        let mut gatherer = Gatherer::of(self);
        let plain = self.operations[..shown].iter().map(|operation| {
            let Person { kind, name, identifier, user, roles, rows, .. } = gatherer.person(operation);
            let fields: Vec<&str> = rows.iter().map(|row| gatherer.fields.items[row.field].1.as_str()).collect();
            let (user, roles, fields) = (user.unwrap_or_default(), roles.unwrap_or_default(), fields.join(", "));
            Plain { kind, name, identifier, user, roles, fields }
        });
        (plain.collect(), self.operations.len() - shown)
    }

    /// Writes its JSON for a script element: nothing in it can end the element or begin a comment. The people come in
    /// parts, each with the places of its fields and branches in the lists of all.
    pub(super) fn write(&self, out: &mut String) -> serde_json::Result<()> {
        fn safe<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
            serde_json::to_string(value).map(embeddable)
        }
        let some = |operations: &[&'a Operation]| {
            let mut gatherer = Gatherer::of(self);
            let people: Vec<Person> = operations.iter().map(|operation| gatherer.person(operation)).collect();
            let Gatherer { data: _, fields, branches } = gatherer;
            Ok(Part { people: safe(&people)?, fields: fields.items, branches: branches.items })
        };
        let (mut fields, mut branches) = (Vec::new(), Vec::new());
        let mut places = (HashMap::new(), HashMap::new());
        let mut between = "{\"parts\":[";
        some_side_by_side(&self.operations, some, |part: serde_json::Result<Part<'_>>| {
            let part = part?;
            let of_fields = safe(&joined(&mut fields, &mut places.0, part.fields))?;
            let of_branches = safe(&joined(&mut branches, &mut places.1, part.branches))?;
            let pieces = [
                between,
                "{\"fields\":",
                &of_fields,
                ",\"branches\":",
                &of_branches,
                ",\"people\":",
                &part.people,
                "}",
            ];
            pieces.into_iter().for_each(|piece| out.push_str(piece));
            between = ",";
            Ok::<_, serde_json::Error>(())
        })?;
        if self.operations.is_empty() {
            out.push_str(between);
        }
        let (fields, branches, left) = (safe(&fields)?, safe(&branches)?, safe(&self.left)?);
        let pieces = ["],\"fields\":", &fields, ",\"branches\":", &branches, ",\"remarks\":", &left, "}"];
        pieces.into_iter().for_each(|piece| out.push_str(piece));
        Ok(())
    }
}

/// JSON without the letters that mean something to a reader of HTML or of scripts. It has them inside texts only.
fn embeddable(json: String) -> String {
    let is_special = |byte: u8| matches!(byte, b'<' | b'>' | b'&' | 0xe2);
    // Without a way out of the loop it is done for many bytes at a time.
    if !json.bytes().fold(false, |found, byte| found | is_special(byte)) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    let mut done = 0;
    for (at, _) in json.bytes().enumerate().filter(|(_, byte)| is_special(*byte)) {
        if let Some(c @ ('<' | '>' | '&' | '\u{2028}' | '\u{2029}')) = json[at..].chars().next() {
            safe.push_str(&json[done..at]);
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
            done = at + c.len_utf8();
        }
    }
    safe.push_str(&json[done..]);
    safe
}

/// The remarks of each person, by the first operation that is about them; and those that belong to nobody in the plan.
fn assigned<'a>(
    diagnostics: &'a [Diagnostic],
    operations: &[&Operation],
) -> (HashMap<OperationId, Vec<&'a Diagnostic>>, Vec<Remark>) {
    let mut first: HashMap<&str, OperationId> = HashMap::new();
    if !diagnostics.is_empty() {
        for operation in operations {
            if let Some(employee) = &operation.employee {
                first.entry(employee.as_str()).or_insert(operation.id);
            }
        }
    }
    let (mut remarks, mut left) = (HashMap::<_, Vec<_>>::new(), Vec::new());
    for diagnostic in diagnostics {
        match diagnostic.employee.as_deref().and_then(|employee| first.get(employee)) {
            Some(operation) => remarks.entry(*operation).or_default().push(diagnostic),
            None => left.push(Remark::of(diagnostic, sentence(diagnostic))),
        }
    }
    (remarks, left)
}

/// Adds the items of a part that are new to the list of all, and returns the place there of each item.
fn joined<K: Eq + Hash>(all: &mut Vec<String>, places: &mut HashMap<K, usize>, part: Vec<(K, String)>) -> Vec<usize> {
    let place = |(key, item)| {
        *places.entry(key).or_insert_with(|| {
            all.push(item);
            all.len() - 1
        })
    };
    part.into_iter().map(place).collect()
}

impl<'a, 'r> Gatherer<'a, 'r> {
    fn of(data: &'r Data<'a>) -> Self {
        Self { data, fields: List::default(), branches: List::default() }
    }

    fn person(&mut self, operation: &'a Operation) -> Person {
        let Heading { name, identifier, email, user, roles } = Heading::of(operation, Ids::Shown);
        let (mut rows, mut branches, mut was, mut is, mut why) = (Vec::new(), Vec::new(), None, None, None);
        let key = match &operation.action {
            Action::Create { after } => {
                rows = self.all_rows(after, |side| (None, Some(side)));
                branches.extend(self.branch(after.branch.as_ref()));
                is = after.manager.as_ref().and_then(|manager| manager.as_ref().map(Manager::of));
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
                            (was, is) = (manager(before.as_ref()), manager(after.as_ref()));
                        }
                        _ => {}
                    }
                }
                user_key(user_id)
            }
            Action::Link { create, manager } => {
                let field = self.field(&Field::Manager);
                let sides = [None, Some(manager)]
                    .map(|manager| shown_manager(manager, Ids::Shown))
                    .map(|side| Some(Side::Whole(side)));
                let [before, after] = sides;
                rows.push(Row { field, before, after });
                is = Some(Manager::of(manager));
                created(*create)
            }
            Action::Delete { user_id, before_hash: _, before, roles: _, missing_since, reason } => {
                let missing = missing_since.map(|since| format!(", missing since {}", since.day()));
                why = Some(format!("{}{}", printable(reason), missing.unwrap_or_default()));
                rows = self.all_rows(before, |side| (Some(side), None));
                branches.extend(self.branch(before.branch.as_ref()));
                was = before.manager.as_ref().and_then(|manager| manager.as_ref().map(Manager::of));
                user_key(user_id)
            }
        };
        let mut notes: Vec<Remark> = consequence_text(operation, &self.data.labels)
            .map(|text| Remark { severity: Severity::Warning, code: String::new(), text: text.into_owned() })
            .into_iter()
            .collect();
        let remarks = self.data.remarks.get(&operation.id).into_iter().flatten();
        notes.extend(remarks.map(|found| Remark::of(found, printable(&found.message).into_owned())));
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
            let (before, after) = sides(Side::Whole(value));
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
            return Row { field, before: Some(Side::Whole(before)), after: Some(Side::Whole(after)) };
        }
        let side = |of: fn(&Piece) -> &str| {
            let parts = pieces.iter().map(|piece| (of(piece).to_owned(), piece.differs));
            Some(Side::Pieces(parts.filter(|(text, _)| !text.is_empty()).collect()))
        };
        Row { field, before: side(|piece| &piece.old), after: side(|piece| &piece.new) }
    }

    /// The index of a field in the list.
    fn field(&mut self, field: &Field) -> usize {
        self.fields.place(field.clone(), |field| self.data.labels.field(field).into_owned())
    }

    fn branch(&mut self, branch: Option<&'a Option<BranchRef>>) -> Option<usize> {
        branch.and_then(Option::as_ref).map(|branch| self.branch_place(branch))
    }

    /// The index of a branch in the list. Branches are shown with their ids, so that no two look the same.
    fn branch_place(&mut self, branch: &'a BranchRef) -> usize {
        self.branches.place(branch.branch_id.as_str(), |_| shown_branch(Some(branch), Ids::Shown))
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
    fn of(diagnostic: &Diagnostic, text: String) -> Self {
        Self { severity: diagnostic.severity, code: escape(&diagnostic.code).into_owned(), text }
    }
}

fn manager(value: Option<&Value>) -> Option<Manager> {
    match value {
        Some(Value::Manager(manager)) => Some(Manager::of(manager)),
        _ => None,
    }
}

/// The key of a user. It is not secret: the plan file contains the id.
fn user_key(id: &UserId) -> String {
    format!("u{}", escape(id.as_str()))
}

fn created(id: OperationId) -> String {
    format!("c{id}")
}
