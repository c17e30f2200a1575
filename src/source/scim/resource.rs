//! A user of SCIM (RFC 7643, section 4) as a record.

use serde_json::value::RawValue;

use super::super::http::{Columns, not_an_object};
use super::super::json::Records;
use crate::employee::normal_text;
use crate::scim::{self, ENTERPRISE, NotAnObject, Twice, attribute};
use crate::strict_json::Property;

/// The column with the attributes of the enterprise extension.
const ENTERPRISE_COLUMN: &str = "enterprise";
/// The columns that are computed from nested values.
const PRIMARY_EMAIL: &str = "primary_email";
const MANAGER_ID: &str = "manager_id";

/// Puts a user into a table. A value with an unexpected shape is an error only for the templates that use it. So it
/// affects this user alone, and only the fields that need it.
pub(super) fn record(records: &mut Records, number: u64, resource: &RawValue, columns: &Columns) -> Result<(), String> {
    let properties = properties(resource)?;
    for (name, value) in &properties {
        let name = if name.eq_ignore_ascii_case(ENTERPRISE) { ENTERPRISE_COLUMN } else { name };
        let taken = [PRIMARY_EMAIL, MANAGER_ID].contains(&name) || columns.has(&normal_text(name));
        if !taken {
            let column = records.builder.column(name);
            records.set(column, value.get())?;
        }
    }
    let emails = match attribute(&properties, "emails") {
        Ok(emails) => emails.map_or(Found::Nothing, primary_email),
        Err(Twice) => Found::Odd("`emails` appears twice in the user"),
    };
    let manager = match attribute(&properties, ENTERPRISE) {
        Ok(enterprise) => enterprise.map_or(Found::Nothing, manager_id),
        Err(Twice) => Found::Odd("the enterprise extension appears twice in the user, and so may its manager"),
    };
    for (name, value) in [(PRIMARY_EMAIL, emails), (MANAGER_ID, manager)] {
        if !columns.has(name) {
            // Added even if this user has no value, so that the column always exists.
            let column = records.builder.column(name);
            match value {
                Found::Nothing => records.set(column, "null")?,
                Found::One(value) => records.set(column, value.get())?,
                Found::Odd(problem) => records.set_unreadable(column, problem)?,
            }
        }
    }
    columns.deeper(records, resource)?;
    records.end(number)
}

/// The text of one value.
enum Found<'a> {
    /// There is no value.
    Nothing,
    One(&'a RawValue),
    /// There is something that cannot be read as one value; it must not look like no value.
    Odd(&'static str),
}

/// The e-mail that is marked as primary, or the only one.
fn primary_email(emails: &RawValue) -> Found<'_> {
    let odd = || Found::Odd("the e-mail has no `value` that can be read");
    let all = match items(emails) {
        Some(all) => all,
        None if is_null(emails) => return Found::Nothing,
        // A single e-mail that is not in a list.
        None => vec![emails],
    };
    let Ok(marks) = all.iter().map(|email| is_primary(email)).collect::<Result<Vec<bool>, Twice>>() else {
        return Found::Odd("`primary` appears twice in an e-mail");
    };
    let mut primary = all.iter().zip(marks).filter(|(_, is_primary)| *is_primary).map(|(email, _)| email);
    match (primary.next(), primary.next(), &all[..]) {
        (Some(email), None, _) | (None, None, [email]) => value_of(email).unwrap_or_else(odd),
        (Some(_), Some(_), _) => Found::Odd("several e-mails are marked as primary"),
        (None, ..) => Found::Nothing,
    }
}

fn is_primary(email: &RawValue) -> Result<bool, Twice> {
    let Ok(properties) = properties(email) else { return Ok(false) };
    // Some servers write it as a text.
    let primary = attribute(&properties, "primary")?;
    Ok(primary.is_some_and(|raw| raw.get().trim_matches('"').eq_ignore_ascii_case("true")))
}

/// The manager in the enterprise extension.
fn manager_id(enterprise: &RawValue) -> Found<'_> {
    if is_null(enterprise) {
        return Found::Nothing;
    }
    let Ok(extension) = properties(enterprise) else { return Found::Odd("the enterprise extension is not an object") };
    let manager = match attribute(&extension, "manager") {
        Ok(Some(manager)) => manager,
        Ok(None) => return Found::Nothing,
        Err(Twice) => return Found::Odd("`manager` appears twice in the user"),
    };
    let only = match items(manager).as_deref() {
        None => manager,
        Some([]) => return Found::Nothing,
        Some([only]) => only,
        Some(_) => return Found::Odd("the user has several managers"),
    };
    value_of(only).unwrap_or(Found::Odd("the manager has no `value` that can be read"))
}

/// The `value` of a complex attribute; some servers send it without the object. `None` if it cannot be read.
fn value_of(raw: &RawValue) -> Option<Found<'_>> {
    if is_null(raw) {
        return Some(Found::Nothing);
    }
    if !matches!(raw.get().as_bytes().first(), Some(b'{' | b'[')) {
        return Some(Found::One(raw));
    }
    let properties = properties(raw).ok()?;
    match attribute(&properties, "value").ok()? {
        Some(value) if is_null(value) => Some(Found::Nothing),
        Some(value) if matches!(value.get().as_bytes().first(), Some(b'{' | b'[')) => None,
        Some(value) => Some(Found::One(value)),
        // `{}`, or an object with only empty attributes, means "no value" (RFC 7643, section 2.5).
        None => properties.iter().all(|(_, value)| matches!(value.get(), "null" | "\"\"")).then_some(Found::Nothing),
    }
}

/// The elements of a list.
fn items(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

fn properties(raw: &RawValue) -> Result<Vec<Property<'_>>, String> {
    scim::properties(raw).map_err(|NotAnObject(error)| not_an_object(&error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::source::cell::CellKind;
    use crate::source::table::TableBuilder;

    /// Why the two computed columns of a user cannot be read.
    fn problems(user: &str) -> [Option<String>; 2] {
        let user: Box<RawValue> = serde_json::from_str(user).unwrap();
        let mut records = Records::new(TableBuilder::new(0));
        record(&mut records, 1, &user, &Columns::default()).unwrap();
        let table = records.builder.finish();
        [PRIMARY_EMAIL, MANAGER_ID].map(|name| {
            let cell = table.cell(0, table.column(name).unwrap());
            (cell.kind == CellKind::Unreadable).then(|| cell.text.to_owned())
        })
    }

    #[test]
    fn what_comes_twice_is_not_chosen_from() {
        let upper = ENTERPRISE.to_uppercase();
        for again in [ENTERPRISE, &upper] {
            for other in [r#"{"manager": {"value": "2"}}"#, r#"{"manager": {"value": "1"}}"#, "null", "{}"] {
                let user = format!(r#"{{"{ENTERPRISE}": {{"manager": {{"value": "1"}}}}, "{again}": {other}}}"#);
                let [email, manager] = problems(&user);
                assert!(email.is_none() && manager.unwrap().contains("appears twice"), "{user}");
            }
        }
        for other in ["true", "false"] {
            let user = format!(
                r#"{{"emails": [{{"value": "a", "primary": true, "Primary": true}}, {{"value": "b", "primary": {other}}}]}}"#
            );
            let [email, manager] = problems(&user);
            assert!(manager.is_none() && email.unwrap().contains("`primary` appears twice"), "{user}");
        }
        assert_eq!(problems(r#"{"emails": [{"value": "a", "PRIMARY": true}, {"value": "b"}]}"#), [None, None]);
    }
}
