//! SCIM's JSON: a page of a list (RFC 7644, section 3.4.2), and a user (RFC 7643, section 4) as a record.

use serde_json::value::RawValue;

use super::super::http::{Columns, not_an_object};
use super::super::json::{Properties, Records};
use crate::employee::normal_text;

/// What the attributes of employees stand under (RFC 7643, section 4.3), and the column that they are in.
const ENTERPRISE: (&str, &str) = ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "enterprise");
/// The columns that are made of what lies deeper.
const PRIMARY_EMAIL: &str = "primary_email";
const MANAGER_ID: &str = "manager_id";

/// A page of a list.
pub(super) struct Page<'a> {
    pub(super) total: u64,
    /// The place of its first user in the list, where the server says it.
    pub(super) start: Option<u64>,
    pub(super) resources: Vec<&'a RawValue>,
}

impl<'a> Page<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, String> {
        let document: &RawValue = serde_json::from_slice(body).map_err(|error| format!("it is not JSON: {error}"))?;
        let properties = properties(document).map_err(|_| "it is no SCIM list; is url the base URL?".to_owned())?;
        let number = |name: &str| match attribute(&properties, name)? {
            None => Ok(None),
            Some(raw) => raw.get().parse().map(Some).map_err(|_| format!("{name} is no number: {}", raw.get())),
        };
        let total = number("totalResults")?
            .ok_or_else(|| "it has no totalResults, without which nothing proves that the list is whole".to_owned())?;
        let resources = match attribute(&properties, "Resources")? {
            // It may be left out where nothing was found.
            None => Vec::new(),
            Some(raw) => serde_json::from_str(raw.get()).map_err(|_| "Resources is no list".to_owned())?,
        };
        Ok(Self { total, start: number("startIndex")?, resources })
    }
}

/// The id of a user.
pub(super) fn id(resource: &RawValue) -> Result<String, String> {
    let id = attribute(&properties(resource)?, "id")?.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    id.filter(|id| !id.trim().is_empty()).ok_or_else(|| "it has no id".to_owned())
}

/// Puts a user into a table.
pub(super) fn record(records: &mut Records, number: u64, resource: &RawValue, columns: &Columns) -> Result<(), String> {
    let properties = properties(resource)?;
    let mut enterprise = None;
    for (name, value) in &properties {
        let name = if name.eq_ignore_ascii_case(ENTERPRISE.0) {
            enterprise = Some(*value);
            ENTERPRISE.1
        } else {
            name
        };
        let taken = [PRIMARY_EMAIL, MANAGER_ID].contains(&name) || columns.has(&normal_text(name));
        if !taken {
            let column = records.builder.column(name);
            records.set(column, value.get())?;
        }
    }
    let emails = attribute(&properties, "emails")?.map(primary_email).transpose()?.flatten();
    let manager = enterprise.map(manager_id).transpose()?.flatten();
    for (name, value) in [(PRIMARY_EMAIL, emails), (MANAGER_ID, manager)] {
        if !columns.has(name) {
            // Also where this user has none: so the column is there even if nobody has.
            let column = records.builder.column(name);
            records.set(column, value.map_or("null", RawValue::get))?;
        }
    }
    columns.deeper(records, resource)?;
    records.end(number)
}

/// The e-mail that is marked as the primary one, or the only one.
fn primary_email(emails: &RawValue) -> Result<Option<&RawValue>, String> {
    if is_null(emails) {
        return Ok(None);
    }
    let all: Vec<&RawValue> = serde_json::from_str(emails.get()).map_err(|_| "emails is no list".to_owned())?;
    let mut only = None;
    for email in &all {
        let properties = properties(email)?;
        let value = attribute(&properties, "value")?;
        let primary = attribute(&properties, "primary")?;
        // Some servers write it as a text.
        if primary.is_some_and(|raw| raw.get().trim_matches('"').eq_ignore_ascii_case("true")) {
            return Ok(value);
        }
        only = value;
    }
    Ok(only.filter(|_| all.len() == 1))
}

fn manager_id(enterprise: &RawValue) -> Result<Option<&RawValue>, String> {
    if is_null(enterprise) {
        return Ok(None);
    }
    let Some(manager) = attribute(&properties(enterprise)?, "manager")?.filter(|raw| !is_null(raw)) else {
        return Ok(None);
    };
    // Some servers give the id alone.
    if manager.get().starts_with('"') { Ok(Some(manager)) } else { attribute(&properties(manager)?, "value") }
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

fn properties(raw: &RawValue) -> Result<Vec<(String, &RawValue)>, String> {
    let Properties(properties) = serde_json::from_str(raw.get()).map_err(|error| not_an_object(&error))?;
    Ok(properties)
}

/// The value of an attribute, whose name may be in any case (RFC 7643, section 2.1).
fn attribute<'a>(properties: &[(String, &'a RawValue)], name: &str) -> Result<Option<&'a RawValue>, String> {
    let mut named = properties.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value);
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(format!("{name} stands twice")),
        (value, None) => Ok(value),
    }
}
