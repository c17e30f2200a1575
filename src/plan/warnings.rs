//! The warnings that certain operations require. Diagnostics are free text for the reader, but an edited plan must not
//! lack a warning that `plan` always gives with such an operation.

use std::collections::{BTreeSet, HashSet};

use super::{Action, Change, Content, Diagnostic, Field, Operation, Severity, Value};
use crate::employee::{Email, ExternalIdentifier, full_name};
use crate::text::name_words::share_a_word;

/// The code of the remark that a user without an external identifier gets one, because of the same e-mail.
const ADOPTED: &str = "adopted";
/// The code of the warning that a user gets another external identifier.
const RENUMBERED: &str = "renumbered";
/// The code of the warning that a user gets another name and another e-mail.
const RENAMED: &str = "renamed";
/// The code of the warning that an inactive user becomes active again and has roles.
const REGAINED: &str = "roles_regained";
/// The code of the warning that users lose the value of a field.
const VALUES_LOST: &str = "values_lost";
/// The code of the warning that an e-mail that is written has letters beyond ASCII.
const NOT_ASCII: &str = "email_not_ascii";
/// The code of the warning that managers report to one another in a cycle: only then is somebody linked.
const CYCLE: &str = "manager_cycle";

/// Says which warning is missing, or that they are not sorted.
pub(super) fn check(content: &Content) -> Result<(), String> {
    let Content { diagnostics, operations, target, .. } = content;
    if !diagnostics.windows(2).all(|pair| pair[0] < pair[1]) {
        return Err("its diagnostics are repeated or out of order".to_owned());
    }
    // An undo has its own warnings; `apply` makes the undo again and compares them.
    if content.undone().is_some() {
        return Ok(());
    }
    let of_people = |code: &str, severity: Severity| -> HashSet<&str> {
        let found = diagnostics.iter().filter(|found| found.code == code && found.severity == severity);
        found.filter_map(|found| found.employee.as_deref()).collect()
    };
    let regained = of_people(REGAINED, Severity::Warning);
    let renamed = of_people(RENAMED, Severity::Warning);
    let (renumbered, adopted) = (of_people(RENUMBERED, Severity::Warning), of_people(ADOPTED, Severity::Info));
    check_emails_and_links(content)?;
    let tells_roles = operations.iter().any(|operation| told_roles(operation).is_some());
    let mut emptied: BTreeSet<&Field> = BTreeSet::new();
    for operation in operations {
        let Action::Update { changes, .. } = &operation.action else { continue };
        if operation.reactivates() {
            let employee = operation.employee.as_ref().map_or("", |employee| employee.as_str());
            // If Skovik tells the roles of others only, this user may have any.
            let may_have_roles = told_roles(operation).map_or(tells_roles, |roles| !roles.is_empty());
            if may_have_roles && !regained.contains(employee) {
                let problem = format!("gives roles back, but no diagnostic {REGAINED} says so");
                return Err(format!("operation {} {problem}", operation.id));
            }
        } else {
            emptied.extend(changes.iter().filter(|change| change.empties()).map(|change| &change.field));
        }
        let employee = operation.employee.as_ref().map_or("", |employee| employee.as_str());
        if makes_another(changes) && !renamed.contains(employee) {
            let problem = format!("gives a user another e-mail and another name, but no diagnostic {RENAMED} says so");
            return Err(format!("operation {} {problem}", operation.id));
        }
        let identifier = changes.iter().find(|change| change.field == Field::ExternalIdentifier);
        let Some(Change { before, after: Some(Value::Text(after)), field: _ }) = identifier else { continue };
        let is_told = renumbered.contains(after.as_str()) || (before.is_none() && adopted.contains(after.as_str()));
        if !is_told {
            let code = if before.is_none() { ADOPTED } else { RENUMBERED };
            let problem = format!("changes an external identifier, but no diagnostic {code} says so");
            return Err(format!("operation {} {problem}", operation.id));
        }
    }
    let silent = emptied.into_iter().find(|field| {
        let start = format!("{}: ", field.label(&target.custom_fields));
        !diagnostics.iter().any(|Diagnostic { severity, code, employee, message }| {
            let is_such = *severity == Severity::Warning && code == VALUES_LOST && employee.is_none();
            is_such && message.starts_with(&start)
        })
    });
    match silent {
        Some(field) => Err(format!("it empties {field}, but no diagnostic {VALUES_LOST} says so")),
        None => Ok(()),
    }
}

/// Whether a user gets another e-mail and a name without a word of the one before. Only a person can say that this is nobody
/// else.
fn makes_another(changes: &[Change]) -> bool {
    let texts = |field: Field| {
        let change = changes.iter().find(|change| change.field == field)?;
        let text = |value: &Option<Value>| match value {
            Some(Value::Text(text)) => text.to_string(),
            _ => String::new(),
        };
        Some([text(&change.before), text(&change.after)])
    };
    let [Some(email), Some(first), Some(last)] = [Field::PrimaryEmail, Field::FirstName, Field::LastName].map(texts)
    else {
        return false;
    };
    let [then, now] = [0, 1].map(|place: usize| full_name(&first[place], &last[place]));
    let [before, after] = email.map(|email| Email::from(&*email));
    share_a_word(&then, &now) == Some(false) && before.local_part() != after.local_part()
}

/// The roles that an operation shows of its user, if Skovik tells them.
fn told_roles(operation: &Operation) -> Option<&[String]> {
    match &operation.action {
        Action::Update { roles, .. } | Action::Delete { roles, .. } => roles.as_deref(),
        Action::Create { .. } | Action::Link { .. } => None,
    }
}

/// One warning may be about several people, and `--only` leaves some of their operations out. If it names one person,
/// it is about nobody else.
fn check_emails_and_links(Content { diagnostics, operations, .. }: &Content) -> Result<(), String> {
    let warnings = diagnostics.iter().filter(|found| found.severity == Severity::Warning);
    let warned: HashSet<(&str, Option<&str>)> =
        warnings.map(|found| (found.code.as_str(), found.employee.as_deref())).collect();
    for operation in operations {
        let (what, code) = match &operation.action {
            Action::Link { .. } => ("links people who report to one another", CYCLE),
            action if !new_email(action).is_none_or(str::is_ascii) => ("writes an e-mail beyond ASCII", NOT_ASCII),
            _ => continue,
        };
        let employee = operation.employee.as_ref().map(ExternalIdentifier::as_str);
        if !warned.contains(&(code, None)) && !warned.contains(&(code, employee)) {
            return Err(format!("operation {} {what}, but no diagnostic {code} says so", operation.id));
        }
    }
    Ok(())
}

/// The e-mail that an operation writes.
fn new_email(action: &Action) -> Option<&str> {
    match action {
        Action::Create { after } => Some(&after.primary_email),
        Action::Update { changes, .. } => changes.iter().find_map(|change| match (&change.field, &change.after) {
            (Field::PrimaryEmail, Some(Value::Text(email))) => Some(&**email),
            _ => None,
        }),
        Action::Link { .. } | Action::Delete { .. } => None,
    }
}
