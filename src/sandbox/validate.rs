//! What the API requires of a user: every rule whose violation is answered with 422.

use email_address::{EmailAddress, Options};

use super::account::{Account, BRANCHES, USERS};
use super::field::NAMES;
use super::json::{Object, Resource, is_null, text_of};
use super::mode::UserNames;
use super::problem::Problem;
use super::users::{Keys, Slot};
use crate::employee::{email_key, normal_text};

/// The attribute that is false of a user who was made inactive by `/scim/v2`, and missing otherwise.
pub(super) const ACTIVE: &str = "active";

/// A user as they were before a PUT.
pub(super) type Before<'a> = (Slot, &'a Resource);

/// Problems with what a client must not change: the type, the id, the roles.
pub(super) fn read_only(sent: &Resource, id: Option<&str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if sent.kind != USERS {
        let detail = format!("the type must be \"users\", not {:?}", sent.kind);
        problems.push(Problem::at("wrong_type", detail, "/type"));
    }
    match (&sent.id, id) {
        (Some(_), None) => {
            problems.push(Problem::at("read_only", "the id of a new user is given by the server; leave it out", "/id"));
        }
        (Some(sent), Some(id)) if sent != id => {
            problems.push(Problem::at(
                "read_only",
                "the id differs from the one in the URL; an id never changes",
                "/id",
            ));
        }
        _ => {}
    }
    if sent.attributes.get("roles").is_some() {
        problems.push(Problem::attribute("roles", "read_only", "can only be changed by an admin; leave them out"));
    }
    problems
}

/// Checks a composed user, fills in the branch if the account has only one, and returns the keys to index. It also
/// refuses if there are problems already.
pub(super) fn user(
    account: &Account,
    user: &mut Resource,
    before: Option<Before<'_>>,
    emails: UserNames,
    mut problems: Vec<Problem>,
) -> Result<Keys, Vec<Problem>> {
    let slot = before.map(|(slot, _)| slot);
    let email = note(&mut problems, email(account, &user.attributes, slot, emails));
    let identifier = note(&mut problems, identifier(account, &user.attributes, slot));
    for (name, _) in NAMES {
        note(&mut problems, person_name(&user.attributes, name));
    }
    custom_fields(account, &user.attributes, before.map(|(_, before)| before), &mut problems);
    external_metadata(&user.attributes, &mut problems);
    let manager = note(&mut problems, manager(account, user, slot));
    let branch = note(&mut problems, branch(account, user, before.map(|(_, before)| before)));
    match (email, identifier, manager, branch) {
        (Some(email), Some(identifier), Some(manager), Some(branch)) if problems.is_empty() => {
            if let Some(branch) = &branch {
                user.relate("branch", BRANCHES, Some(branch));
            }
            Ok(Keys { email, identifier, manager, branch, active: is_active(user) })
        }
        _ => Err(problems),
    }
}

pub(super) fn is_active(user: &Resource) -> bool {
    user.attributes.get(ACTIVE).is_none_or(|active| active.get() != "false")
}

fn note<T>(problems: &mut Vec<Problem>, result: Result<T, Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn email(account: &Account, attributes: &Object, slot: Option<Slot>, emails: UserNames) -> Result<Box<str>, Problem> {
    let problem = |code, detail| Problem::attribute("primary_email", code, detail);
    let value = attributes.get("primary_email").filter(|value| !is_null(value));
    let value = value.ok_or_else(|| problem("blank", "is missing"))?;
    let email = text_of(value).ok_or_else(|| problem("wrong_type", "must be a text"))?;
    if email.trim().is_empty() {
        return Err(problem("blank", "is empty"));
    }
    let strict = Options::default().without_display_text();
    if emails == UserNames::Email && EmailAddress::parse_with_options(&normal_text(&email), strict).is_err() {
        return Err(problem("invalid", "is not an e-mail address"));
    }
    let key = email_key(&email);
    match account.users.holder_of_email(&key) {
        Some(holder) if Some(holder) != slot => Err(problem("taken", "is taken by another user")),
        _ => Ok(key.into()),
    }
}

fn identifier(account: &Account, attributes: &Object, slot: Option<Slot>) -> Result<Option<Box<str>>, Problem> {
    let problem = |code, detail| Problem::attribute("external_identifier", code, detail);
    let Some(value) = attributes.get("external_identifier").filter(|value| !is_null(value)) else { return Ok(None) };
    let identifier = text_of(value).ok_or_else(|| problem("wrong_type", "must be a text or null"))?;
    if identifier.trim().is_empty() {
        return Err(problem("blank", "is empty; send null for none"));
    }
    match account.users.holder_of_identifier(&identifier) {
        Some(holder) if Some(holder) != slot => Err(problem("taken", "is taken by another user")),
        _ => Ok(Some(identifier.into())),
    }
}

fn person_name(attributes: &Object, name: &str) -> Result<(), Problem> {
    let value = attributes.get(name).filter(|value| !is_null(value));
    let value = value.ok_or_else(|| Problem::attribute(name, "blank", "is missing"))?;
    match text_of(value) {
        None => Err(Problem::attribute(name, "wrong_type", "must be a text")),
        Some(text) if text.trim().is_empty() => Err(Problem::attribute(name, "blank", "is empty")),
        Some(_) => Ok(()),
    }
}

/// A value that the account holds already is not checked again: a seed may hold what a client could not set.
fn custom_fields(account: &Account, sent: &Object, before: Option<&Resource>, problems: &mut Vec<Problem>) {
    const NAME: &str = "custom_fields";
    let Some(fields) = map(sent, NAME, problems) else { return };
    let before = before.and_then(|before| before.attributes.get(NAME)).and_then(|map| Object::parse(map.get()).ok());
    let before = before.unwrap_or_default();
    for (id, value) in fields.iter() {
        if before.get(id).is_some_and(|before| before.get() == value.get()) {
            continue;
        }
        match account.custom_field_kinds.get(id).map(|kind| kind.check(value)) {
            Some(Ok(())) => {}
            Some(Err((code, detail))) => problems.push(Problem::entry(NAME, id, code, detail)),
            None => problems.push(Problem::entry(NAME, id, "unknown", "is not the id of a custom field")),
        }
    }
}

fn external_metadata(sent: &Object, problems: &mut Vec<Problem>) {
    const NAME: &str = "external_metadata";
    let Some(entries) = map(sent, NAME, problems) else { return };
    for (key, value) in entries.iter() {
        if text_of(value).is_none() {
            problems.push(Problem::entry(NAME, key, "wrong_type", "must be a text"));
        }
    }
}

fn map(attributes: &Object, name: &str, problems: &mut Vec<Problem>) -> Option<Object> {
    let map = Object::parse(attributes.get(name)?.get());
    map.map_err(|_| problems.push(Problem::attribute(name, "wrong_type", "must be an object"))).ok()
}

fn manager(account: &Account, user: &Resource, slot: Option<Slot>) -> Result<Option<Slot>, Problem> {
    let problem = |code, detail| Problem::relationship("manager", code, detail);
    let id =
        user.related("manager", USERS).map_err(|_| problem("wrong_type", "must be null or one of the type users"))?;
    let Some(id) = id else { return Ok(None) };
    let before = slot.and_then(|slot| account.users.get(slot)).and_then(|user| user.keys.manager);
    match account.users.find(&id).filter(|slot| Some(*slot) == before || account.users.is_listed(*slot)) {
        None => Err(problem("unknown", "is not the id of a user")),
        found if found == slot => Err(problem("own_manager", "must be somebody else")),
        found => Ok(found),
    }
}

fn branch(account: &Account, user: &Resource, before: Option<&Resource>) -> Result<Option<Box<str>>, Problem> {
    let problem = |code, detail| Problem::relationship("branch", code, detail);
    let id = user
        .related("branch", BRANCHES)
        .map_err(|_| problem("wrong_type", "must be null or one of the type branches"))?;
    match (id, account.only_branch()) {
        (Some(id), _) if account.branch_ids.contains(&*id) => Ok(Some(id.into())),
        (Some(_), _) => Err(problem("unknown", "is not the id of a branch")),
        // A user that the seed has without a branch may stay without one.
        (None, _) if account.branches.is_empty() || before.is_some_and(has_no_branch) => Ok(None),
        (None, Some(only)) => Ok(Some(only.into())),
        (None, None) => Err(problem("blank", "is missing, and the account has several")),
    }
}

fn has_no_branch(user: &Resource) -> bool {
    user.related("branch", BRANCHES) == Ok(None)
}
