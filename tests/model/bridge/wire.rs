//! The model's users and requests as Skovik's JSON, and back.

use serde_json::{Value, json};

use super::http::Held;
use crate::server::{Answer, Fields, Id, Request, Server, User};

/// The last name of everybody; the model has one name.
pub(super) const LAST_NAME: &str = "L";

pub(super) fn user_id(id: Id) -> String {
    format!("u{id}")
}

pub(super) fn branch_id(branch: u8) -> String {
    format!("b{branch}")
}

pub(super) fn email(email: u8) -> String {
    format!("e{email}@model.example")
}

pub(super) fn first_name(name: u8) -> String {
    format!("N{name}")
}

/// A user as a resource of the API.
pub(super) fn resource(id: Id, user: &User) -> Value {
    let Fields { identifier, email: address, name, branch, manager } = user.fields;
    let manager = manager.map(|manager| json!({"type": "users", "id": user_id(manager)}));
    let custom = (user.custom != 0).then(|| format!("c{}", user.custom));
    json!({
        "type": "users",
        "id": user_id(id),
        "attributes": {
            "external_identifier": identifier.to_string(),
            "primary_email": email(address),
            "first_name": first_name(name),
            "last_name": LAST_NAME,
            "roles": if user.is_admin { ["admin"] } else { ["employee"] },
            "custom_fields": {"cf_unmanaged": custom},
        },
        "relationships": {
            "manager": {"data": manager},
            "branch": {"data": {"type": "branches", "id": branch_id(branch)}},
        },
    })
}

/// The only page of the list.
pub(super) fn list(server: &Server) -> String {
    let users: Vec<Value> = server.iter().map(|(id, user)| resource(id, user)).collect();
    json!({"meta": {"total": users.len()}, "data": users, "links": {"next": null}}).to_string()
}

/// A refusal.
pub(super) fn errors(code: &str) -> String {
    json!({"errors": [{"code": code, "title": code}]}).to_string()
}

/// The model's user from a resource in a request or in the journal.
pub(super) fn user(resource: &Value) -> Option<User> {
    let attributes = &resource["attributes"];
    let number = |value: &Value| value.as_str()?.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok();
    let related = |name: &str| &resource["relationships"][name]["data"]["id"];
    let address = attributes["primary_email"].as_str()?.split('@').next()?;
    let fields = Fields {
        identifier: number(&attributes["external_identifier"])?,
        email: number(&json!(address))?,
        name: number(&attributes["first_name"])?,
        branch: number(related("branch"))?,
        manager: number(related("manager")),
    };
    let custom = number(&attributes["custom_fields"]["cf_unmanaged"]).unwrap_or(0);
    let is_admin = attributes["roles"].as_array().is_some_and(|roles| roles.contains(&json!("admin")));
    Some(User { fields, custom, is_admin, made_by: None })
}

/// The model's request for a request that a process sent; `None` for a read.
pub(super) fn request(method: &str, path: &str, body: &str) -> Option<Request> {
    let sent = || user(&serde_json::from_str::<Value>(body).ok()?["data"]);
    let id = || path.strip_prefix("/users/u")?.parse().ok();
    match method {
        "POST" if path == "/users" => Some(Request::Post(sent()?.fields)),
        "PUT" => sent().and_then(|user| Some(Request::Put(id()?, user.fields, user.custom))),
        "DELETE" => Some(Request::Delete(id()?)),
        _ => None,
    }
}

/// Answers a write as the model does.
pub(super) fn answer_write(held: Held, request: Request, answer: Answer) {
    let data = |id, user: &User| serde_json::json!({"data": resource(id, user)}).to_string();
    match (answer, request) {
        (Answer::Created(id), Request::Post(fields)) => {
            held.answer(201, data(id, &User { fields, custom: 0, is_admin: false, made_by: None }));
        }
        (Answer::Stored(user), Request::Put(id, ..)) => held.answer(200, data(id, &user)),
        (Answer::Removed, _) => held.answer(204, String::new()),
        (Answer::NotFound, _) => held.answer(404, errors("not_found")),
        (Answer::Taken, _) => held.answer(422, errors("taken")),
        _ => held.answer(422, errors("unknown")),
    }
}
