//! How this service writes people down: one flat object, short names, and a change that names only what changes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use skovik_sync::employee::{
    Branch, CustomField, CustomFieldId, CustomFieldKind, CustomValue, Managed, User, UserId, normal_text,
};
use skovik_sync::plan::{self, Change, Field, Fields, ManagerRef};
use skovik_sync::provider::{Dialect, Request, Rest, StoredUser};

/// What a person has, as the service calls it, that a create can send.
const SENT: [&str; 7] = ["login", "number", "given", "family", "unit", "boss", "extra"];

#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

pub(super) fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn text(person: &Map<String, Value>, key: &str) -> Result<Option<Box<str>>, String> {
    match person.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(normal_text(text)).filter(|text| !text.is_empty()).map(Into::into)),
        Some(other) => Err(format!("{key} is {other}")),
    }
}

fn extra(person: &Map<String, Value>) -> Map<String, Value> {
    person.get("extra").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn custom_value(value: Option<&Value>) -> Result<Option<CustomValue>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(CustomValue::Boolean(*value))),
        Some(Value::String(text)) => Ok(Some(CustomValue::Text(normal_text(text).into()))),
        Some(other) => Err(format!("extra holds {other}")),
    }
}

fn json_of(value: &CustomValue) -> Value {
    match value {
        CustomValue::Boolean(value) => json!(value),
        CustomValue::Text(text) => json!(text),
    }
}

/// A request that names only what changes.
fn partial(body: Map<String, Value>) -> Request {
    Request::partial(Value::Object(body).to_string())
}

/// A change in the service's own words: a top-level name, or one within `extra`.
fn written(change: &Change) -> Result<(&'static str, Option<&CustomFieldId>, Value), String> {
    let value = match &change.after {
        None => Value::Null,
        Some(plan::Value::Boolean(value)) => json!(value),
        Some(plan::Value::Text(text)) => json!(text),
        Some(plan::Value::Branch(branch)) => json!(branch.branch_id),
        Some(plan::Value::Manager(ManagerRef::User(user))) => json!(user.user_id),
        Some(plan::Value::Manager(ManagerRef::Create(_))) => return Err("a manager who is not made yet".to_owned()),
    };
    let name = match &change.field {
        Field::Active => return Err("it has no inactive people".to_owned()),
        Field::ExternalIdentifier => "number",
        Field::PrimaryEmail => "login",
        Field::FirstName => "given",
        Field::LastName => "family",
        Field::Branch => "unit",
        Field::Manager => "boss",
        Field::Custom(id) => return Ok(("extra", Some(id), value)),
    };
    Ok((name, None, value))
}

impl Dialect for Plain {
    fn service(&self) -> &'static str {
        "Plain"
    }

    fn user(&self, json: &str, managed: &Managed) -> Result<User, String> {
        let person = object(json)?;
        let fields = extra(&person);
        let custom_fields: Result<Vec<_>, String> =
            managed.custom_fields.iter().map(|id| custom_value(fields.get(id.as_str()))).collect();
        let duties = person.get("duties").and_then(Value::as_array);
        Ok(User {
            id: text(&person, "id")?.ok_or("no id")?.as_ref().into(),
            identifier: text(&person, "number")?.map(|number| number.as_ref().into()),
            email: text(&person, "login")?.ok_or("no login")?.as_ref().into(),
            first_name: text(&person, "given")?.unwrap_or_default().into(),
            last_name: text(&person, "family")?.unwrap_or_default().into(),
            branch: text(&person, "unit")?.map(|unit| unit.as_ref().into()),
            manager: text(&person, "boss")?.map(|boss| boss.as_ref().into()),
            custom_fields: custom_fields?.into(),
            roles: duties.map(|duties| duties.iter().filter_map(Value::as_str).map(Box::from).collect()),
        })
    }

    fn is_inactive(&self, _json: &str) -> Result<bool, String> {
        Ok(false)
    }

    fn branch(&self, json: &str) -> Result<Branch, String> {
        let unit = object(json)?;
        let id = text(&unit, "id")?.ok_or("no id")?;
        Ok(Branch { id: id.as_ref().into(), name: id.clone(), identifier: Some(id) })
    }

    fn custom_field(&self, json: &str) -> Result<CustomField, String> {
        let field = object(json)?;
        let id = text(&field, "id")?.ok_or("no id")?;
        Ok(CustomField { id: id.as_ref().into(), name: id, kind: CustomFieldKind::Text })
    }

    fn create_request(&self, after: &Fields, manager: Option<&UserId>) -> Result<Request, String> {
        let Fields { external_identifier, primary_email, first_name, last_name, branch, manager: _, custom_fields } =
            after;
        let extra: Map<String, Value> =
            custom_fields.iter().filter_map(|(id, value)| Some((id.to_string(), json_of(value.as_ref()?)))).collect();
        let mut body = Map::from_iter([
            ("login".to_owned(), json!(primary_email)),
            ("number".to_owned(), json!(external_identifier)),
            ("given".to_owned(), json!(first_name)),
            ("family".to_owned(), json!(last_name)),
            ("extra".to_owned(), Value::Object(extra)),
        ]);
        if let Some(Some(branch)) = branch {
            body.insert("unit".to_owned(), json!(branch.branch_id));
        }
        if let Some(manager) = manager {
            body.insert("boss".to_owned(), json!(manager));
        }
        Ok(Request::new(Value::Object(body).to_string()))
    }

    /// Only what changes: this service leaves the rest as it is.
    fn update_request(&self, _held: &StoredUser, changes: &[Change]) -> Result<Request, String> {
        let (mut body, mut extra) = (Map::new(), Map::new());
        for change in changes {
            match written(change)? {
                (_, Some(id), value) => drop(extra.insert(id.to_string(), value)),
                (name, None, value) => drop(body.insert(name.to_owned(), value)),
            }
        }
        if !extra.is_empty() {
            body.insert("extra".to_owned(), Value::Object(extra));
        }
        Ok(partial(body))
    }

    fn may_empty_others(&self, changes: &[Change]) -> bool {
        changes.iter().any(|change| change.field == Field::Branch)
    }

    fn restore_request(
        &self,
        before: &StoredUser,
        held: &StoredUser,
        changes: &[Change],
        _: Rest,
    ) -> Result<Option<Request>, String> {
        let mut wanted = extra(&object(before.raw().get())?);
        for change in changes {
            if let (_, Some(id), value) = written(change)? {
                wanted.insert(id.to_string(), value);
            }
        }
        let now = extra(&object(held.raw().get())?);
        wanted.retain(|id, value| !value.is_null() && now.get(id).is_none_or(Value::is_null));
        if wanted.is_empty() {
            return Ok(None);
        }
        Ok(Some(partial(Map::from_iter([("extra".to_owned(), Value::Object(wanted))]))))
    }

    fn keeps_removed(&self) -> bool {
        false
    }

    fn tells_inactive(&self) -> bool {
        false
    }

    fn delete_request(&self, _held: &StoredUser) -> Result<Request, String> {
        Ok(Request::new(String::new()))
    }

    fn losses(&self, sent: &Request, held: &StoredUser, managed: &Managed) -> Vec<String> {
        let (Ok(sent), Ok(held)) = (object(sent.as_json()), object(held.raw().get())) else {
            return vec!["it cannot be read".to_owned()];
        };
        let (sent, held) = (extra(&sent), extra(&held));
        let is_managed = |id: &String| managed.custom_fields.iter().any(|managed| managed.as_str() == id);
        sent.iter()
            .filter(|(id, value)| !is_managed(id) && held.get(*id) != Some(value))
            .map(|(id, _)| format!("extra.{id} is not what was sent"))
            .collect()
    }

    fn custom_field_ids(&self, stored: &StoredUser) -> Result<Vec<CustomFieldId>, String> {
        let ids: BTreeSet<CustomFieldId> =
            extra(&object(stored.raw().get())?).keys().map(|id| id.as_str().into()).collect();
        Ok(ids.into_iter().collect())
    }

    fn unsent(&self, stored: &StoredUser) -> Result<Vec<String>, String> {
        let person = object(stored.raw().get())?;
        let is_sent = |name: &String| name == "id" || SENT.contains(&name.as_str());
        Ok(person.keys().filter(|name| !is_sent(name)).cloned().collect())
    }
}
