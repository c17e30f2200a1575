//! The data for the page's script: the people, most important first, and the remarks. Every text is ready to be shown.
//! The script only composes, filters and counts.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
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

#[derive(Debug)]
pub(super) struct Data {
    /// The names of the fields.
    fields: Vec<String>,
    branches: Vec<String>,
    /// Deletes first, as they matter most; within a group in the order of the plan.
    pub(super) people: Vec<Person>,
    /// The remarks that belong to nobody in the plan.
    remarks: Vec<Remark>,
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
    /// Indexes in the list of branches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    branches: Vec<usize>,
    /// The manager before and after, if the plan tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<Manager>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is: Option<Manager>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Remark>,
    #[serde(skip)]
    plain_fields: String,
}

/// One field: its index in the list of fields, and its values before and after; a create or delete has only one of
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
    labels: &'r Labels<'a>,
    /// The remarks of each person.
    remarks: &'r HashMap<OperationId, Vec<&'a Diagnostic>>,
    /// By label.
    fields: List<Cow<'static, str>>,
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

impl Data {
    pub(super) fn of<'a>(shown: Shown<'a>) -> Self {
        let content = shown.content();
        let of_kind = |kind| content.operations.iter().filter(move |operation| Kind::of(operation) == kind);
        let kinds = [Kind::Delete, Kind::Update, Kind::Reactivate, Kind::Create, Kind::Link];
        let operations: Vec<&Operation> = kinds.into_iter().flat_map(of_kind).collect();
        let (remarks, left) = assigned(&content.diagnostics, &operations);
        let labels = Labels::of(&content.target, Ids::Shown);
        let mut data = Self { fields: Vec::new(), branches: Vec::new(), people: Vec::new(), remarks: left };
        let mut places = (HashMap::new(), HashMap::new());
        let some = |operations: &[&'a Operation]| {
            let (fields, branches) = (List::default(), List::default());
            let mut gatherer = Gatherer { labels: &labels, remarks: &remarks, fields, branches };
            let people: Vec<Person> = operations.iter().map(|operation| gatherer.person(operation)).collect();
            (people, gatherer.fields.items, gatherer.branches.items)
        };
        let Ok(()) = some_side_by_side(&operations, some, |(mut people, fields, branches)| {
            let fields = joined(&mut data.fields, &mut places.0, fields);
            let branches = joined(&mut data.branches, &mut places.1, branches);
            for person in &mut people {
                person.rows.iter_mut().for_each(|row| row.field = fields[row.field]);
                person.branches.iter_mut().for_each(|branch| *branch = branches[*branch]);
            }
            data.people.append(&mut people);
            Ok::<_, Infallible>(())
        });
        data
    }

    /// Its JSON for a script element: nothing in it can end the element or begin a comment.
    pub(super) fn embedded(&self) -> serde_json::Result<String> {
        fn safe<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
            serde_json::to_string(value).map(|json| embeddable(&json))
        }
        let Self { fields, branches, people, remarks } = self;
        let mut json = format!("{{\"fields\":{},\"branches\":{},\"people\":[", safe(fields)?, safe(branches)?);
        let mut between = "";
        some_side_by_side(people, safe::<[Person]>, |part| {
            let part = part?;
            json.push_str(std::mem::replace(&mut between, ","));
            // Without the brackets of the part.
            json.push_str(&part[1..part.len() - 1]);
            Ok::<_, serde_json::Error>(())
        })?;
        json.push_str(&format!("],\"remarks\":{}}}", safe(remarks)?));
        Ok(json)
    }
}

/// JSON without the letters that mean something to a reader of HTML or of scripts. It has them inside texts only.
fn embeddable(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + json.len() / 16);
    let mut done = 0;
    for (at, _) in json.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'<' | b'>' | b'&' | 0xe2)) {
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

impl Person {
    /// The same as a line of text.
    pub(super) fn plain(&self) -> Plain<'_> {
        let user = self.user.as_deref().unwrap_or_default();
        let roles = self.roles.as_deref().unwrap_or_default();
        let Self { kind, name, identifier, plain_fields, .. } = self;
        Plain { kind, name, identifier, user, roles, fields: plain_fields.clone() }
    }
}

impl<'a> Gatherer<'a, '_> {
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
                let field = self.field(self.labels.field(&Field::Manager));
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
        let mut notes: Vec<Remark> = consequence_text(operation, self.labels)
            .map(|text| Remark { severity: Severity::Warning, code: String::new(), text: text.into_owned() })
            .into_iter()
            .collect();
        let remarks = self.remarks.get(&operation.id).into_iter().flatten();
        notes.extend(remarks.map(|found| Remark::of(found, printable(&found.message).into_owned())));
        let fields: Vec<&str> = rows.iter().map(|row| self.fields.items[row.field].1.as_str()).collect();
        let plain_fields = fields.join(", ");
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
            plain_fields,
        }
    }

    /// The fields of a created or deleted user, except those in the heading.
    fn all_rows(&mut self, fields: &Fields, sides: fn(Side) -> (Option<Side>, Option<Side>)) -> Vec<Row> {
        let values = values_below(fields, self.labels);
        let row = |(label, value)| {
            let (before, after) = sides(Side::Whole(value));
            Row { field: self.field(label), before, after }
        };
        values.into_iter().map(row).collect()
    }

    fn change(&mut self, change: &Change) -> Row {
        let Change { field, before, after } = change;
        let (before, after) = shown_pair(before.as_ref(), after.as_ref(), Ids::Shown);
        let field = self.field(self.labels.field(field));
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
    fn field(&mut self, label: Cow<'static, str>) -> usize {
        self.fields.place(label, |label| label.to_string())
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
