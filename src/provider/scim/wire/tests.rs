#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::*;
use crate::config::{Removal, ScimSettings};
use crate::employee::{CustomValue, Managed};
use crate::plan::{BranchRef, Change, Field, ManagerRef, UserRef, Value};
use crate::provider::scim::{Abilities, Scim};
use crate::provider::{Request, StoredUser};

const SKOVIK: &str = "urn:ietf:params:scim:schemas:extension:skovik:2.0:User";

fn scim() -> Scim {
    Scim::new(&ScimSettings {
        identifier: AttributePath::parse("externalId").unwrap(),
        branch: AttributePath::new(Some(ENTERPRISE), "division"),
        branches: None,
        remove: Removal::Deactivate,
        reactivate: false,
        sort_by: None,
    })
}

fn anna() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE], "id": "a", "externalId": "1001",
        "meta": {"version": "W/\"7\""}, "UserName": "anna@example.com", "active": true, "title": "Chief",
        "name": {"givenName": "Anna", "familyName": "Berg"},
        "emails": [{"value": "anna@home.example"}], "groups": [{"value": "g"}],
        ENTERPRISE: {"division": "SE01", "manager": {"value": "m", "displayName": "Max"}, "department": "D"},
        SKOVIK: {"custom_field1": "4100", "custom_field2": true}
    })
}

fn stored(json: &Json) -> StoredUser {
    StoredUser::new(&RawValue::from_string(json.to_string()).unwrap()).unwrap()
}

#[test]
fn ids_that_differ_in_white_space_do_not_become_one() {
    let user = |id: &str| {
        let mut anna = anna();
        anna["id"] = json!(id);
        user(&anna.to_string(), &scim(), &Managed::default())
    };
    assert_eq!(user("a").unwrap().id, "a".into());
    for id in [" a", "a\n", "a\u{a0}", "e\u{301}"] {
        let problem = user(id).unwrap_err();
        assert!(problem.contains("white space"), "{id:?}: {problem}");
    }
}

fn change(field: Field, after: Option<Value>) -> Change {
    Change { field, before: None, after }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn custom(name: &str) -> Field {
    Field::Custom(format!("{SKOVIK}:{name}").into())
}

fn body(request: &crate::provider::Request) -> Json {
    serde_json::from_str(request.as_json()).unwrap()
}

fn changes() -> Vec<Change> {
    let max = UserRef { user_id: "x".into(), employee: None, name: "".into() };
    let branch = BranchRef { branch_id: "NO01".into(), external_identifier: None, name: "".into() };
    vec![
        change(Field::LastName, text("Lind")),
        change(Field::Branch, Some(Value::Branch(branch))),
        change(Field::Manager, Some(Value::Manager(ManagerRef::User(max)))),
        change(custom("custom_field1"), None),
    ]
}

#[test]
fn a_user_is_read() {
    let managed = Managed {
        branch: true,
        manager: true,
        custom_fields: vec![format!("{SKOVIK}:custom_field1").into(), format!("{SKOVIK}:custom_field2").into()],
    };
    let user = user(&anna().to_string(), &scim(), &managed).unwrap();
    assert_eq!(user.identifier.as_ref().map(|id| id.as_str()), Some("1001"));
    assert_eq!((user.email.as_str(), &*user.first_name, &*user.last_name), ("anna@example.com", "Anna", "Berg"));
    assert_eq!(user.branch.as_ref().map(|id| id.as_str()), Some("SE01"));
    assert_eq!(user.manager.as_ref().map(|id| id.as_str()), Some("m"));
    assert_eq!(*user.custom_fields, [Some(CustomValue::Text("4100".into())), Some(CustomValue::Boolean(true))]);
    assert_eq!(user.roles, None);
}

#[test]
fn an_admin_is_known_by_what_the_role_is_called_too() {
    let read = |roles: Json| {
        let mut anna = anna();
        anna["roles"] = roles;
        let user = user(&anna.to_string(), &scim(), &Managed::default()).unwrap();
        (user.is_admin(), user.special_roles().unwrap().join(","))
    };
    for (roles, is_admin, shown) in [
        (json!(["admin"]), true, "admin"),
        (json!([{"value": "Admin", "display": "Admin"}]), true, "Admin"),
        (json!([{"value": "r1", "display": "ADMIN"}]), true, "ADMIN,r1"),
        (json!([{"value": "r1", "type": "admin", "display": "May do all"}]), true, "admin,r1"),
        (json!([{"value": "employee", "display": "Employee", "type": "default"}]), false, ""),
        (json!([{"value": "r2", "display": null, "type": 7}]), false, "r2"),
    ] {
        assert_eq!(read(roles.clone()), (is_admin, shown.to_owned()), "{roles}");
    }
}

#[test]
fn odd_managers_are_never_taken_for_none() {
    let read = |manager: Json| {
        let mut anna = anna();
        anna[ENTERPRISE]["manager"] = manager;
        user(&anna.to_string(), &scim(), &Managed::default()).map(|user| user.manager.map(|id| id.to_string()))
    };
    for none in [json!(null), json!({}), json!([]), json!({"value": null}), json!({"value": ""}), json!("")] {
        assert_eq!(read(none.clone()), Ok(None), "{none}");
    }
    for max in [json!("m"), json!([{"value": "m"}]), json!({"VALUE": "m"})] {
        assert_eq!(read(max.clone()), Ok(Some("m".to_owned())), "{max}");
    }
    for odd in [json!({"displayName": "Max"}), json!(["a", "b"]), json!({"value": {}})] {
        assert!(read(odd.clone()).is_err(), "{odd}");
    }
}

#[test]
fn who_is_inactive() {
    for (active, expected) in [
        (json!(true), Ok(false)),
        (json!(false), Ok(true)),
        (json!("False"), Ok(true)),
        (json!(null), Ok(false)),
        (json!(0), Err("active is neither true nor false".to_owned())),
    ] {
        assert_eq!(is_inactive(&json!({ "id": "a", "active": active }).to_string()), expected, "{active}");
    }
    assert_eq!(is_inactive("{}"), Ok(false));
}

#[test]
fn a_patch_names_only_what_changes() {
    let request = patch(&changes(), &scim()).unwrap();
    assert!(request.is_partial());
    assert_eq!(
        body(&request)["Operations"],
        json!([
            {"op": "replace", "path": "name.familyName", "value": "Lind"},
            {"op": "replace", "path": format!("{ENTERPRISE}:division"), "value": "NO01"},
            {"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"value": "x"}},
            {"op": "remove", "path": format!("{SKOVIK}:custom_field1")}
        ])
    );
}

#[test]
fn a_put_gives_everything_back() {
    let request = replace(&stored(&anna()), &changes(), &scim()).unwrap();
    assert!(!request.is_partial());
    let mut expected = anna();
    let members = expected.as_object_mut().unwrap();
    members.remove("meta");
    members.remove("groups");
    expected["name"]["familyName"] = json!("Lind");
    expected[ENTERPRISE]["division"] = json!("NO01");
    expected[ENTERPRISE]["manager"] = json!({ "value": "x" });
    expected[SKOVIK]["custom_field1"] = json!(null);
    assert_eq!(body(&request), expected);
    // Unmanaged data that is missing afterwards is a loss.
    let mut held = body(&request);
    held["title"] = json!(null);
    held["id"] = json!("a");
    let managed =
        Managed { branch: true, manager: true, custom_fields: vec![format!("{SKOVIK}:custom_field1").into()] };
    assert_eq!(losses(&request, &stored(&held), &scim(), &managed), ["title is gone, it was \"Chief\""]);
}

#[test]
fn custom_fields_that_a_move_emptied_are_given_back() {
    let mut held = anna();
    held[SKOVIK] = json!({});
    let again = restore(&stored(&anna()), &stored(&held), &changes(), &scim(), true).unwrap().unwrap();
    assert_eq!(
        body(&again)["Operations"],
        json!([{"op": "replace", "path": format!("{SKOVIK}:custom_field2"), "value": true}])
    );
    assert_eq!(restore(&stored(&anna()), &stored(&anna()), &[], &scim(), true).unwrap(), None);
}

#[test]
fn the_identifier_and_the_email_may_be_one() {
    let mut scim = scim();
    scim.identifier = AttributePath::parse("username").unwrap();
    let both =
        [change(Field::ExternalIdentifier, text("b@example.com")), change(Field::PrimaryEmail, text("B@example.com"))];
    let request = patch(&both, &scim).unwrap();
    assert_eq!(body(&request)["Operations"], json!([{"op": "replace", "path": "userName", "value": "B@example.com"}]));
    let mut anna = anna();
    anna["UserName"] = json!("Anna@Example.com");
    let read = user(&anna.to_string(), &scim, &Managed::default()).unwrap();
    assert_eq!(read.identifier.as_ref().map(|id| id.as_str()), Some("anna@example.com"));
}

#[test]
fn what_a_create_can_send_and_what_it_cannot() {
    let ids: Vec<String> =
        custom_field_ids(&stored(&anna()), &scim()).unwrap().iter().map(ToString::to_string).collect();
    let expected = [
        "title".to_owned(),
        format!("{ENTERPRISE}:department"),
        format!("{SKOVIK}:custom_field1"),
        format!("{SKOVIK}:custom_field2"),
    ];
    assert_eq!(ids, expected);
    assert_eq!(unsent(&stored(&anna()), &scim()).unwrap(), ["emails", "groups"]);
}

#[test]
fn what_a_server_can_do() {
    let body = br#"{"patch":{"supported":true},"etag":{"supported":"False"},"sort":{}}"#;
    assert_eq!(abilities(body), Ok(Abilities { patch: true, etag: false, sort: false }));
    assert_eq!(abilities(b"{}"), Ok(Abilities::default()));
}

#[test]
fn schemas_tell_what_can_be_managed() {
    let attribute = |name: &str, mutability: &str| json!({"name": name, "type": "string", "mutability": mutability});
    let schemas = json!({"totalResults": 3, "Resources": [
        {"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [
            attribute("userName", "readWrite"), attribute("title", "readWrite"),
            {"name": "emails", "type": "complex", "multiValued": true},
            {"name": "name", "type": "complex", "subAttributes": [attribute("givenName", "readWrite"), attribute("middleName", "readWrite")]},
            {"name": "password", "type": "string", "returned": "never"}]},
        {"id": SKOVIK, "attributes": [attribute("custom_field1", "readWrite"), attribute("balance", "readOnly")]},
        {"id": "urn:ietf:params:scim:schemas:core:2.0:Group", "attributes": [attribute("displayName", "readWrite")]}
    ]});
    let schemas = Schemas::parse(schemas.to_string().as_bytes()).unwrap();
    let fields: Vec<_> =
        schemas.custom_fields(&scim()).iter().map(|row| custom_field(&row.to_string()).unwrap()).collect();
    let shown: Vec<String> = fields.iter().map(|field| format!("{} {:?}", field.id, field.kind)).collect();
    let expected = [
        "title Text".to_owned(),
        "name.middleName Text".to_owned(),
        format!("{SKOVIK}:custom_field1 Text"),
        format!("{SKOVIK}:balance Unusable(\"read-only\")"),
    ];
    assert_eq!(shown, expected);
    let check = |path: &str| schemas.check(&AttributePath::parse(path).unwrap());
    assert_eq!(check("externalId"), Ok(()));
    assert_eq!(check(&format!("{}:CUSTOM_FIELD1", SKOVIK.to_uppercase())), Ok(()));
    assert!(check(&format!("{SKOVIK}:custom_field9")).unwrap_err().contains("no user has"));
    assert!(check(&format!("{SKOVIK}:balance")).unwrap_err().contains("read-only"));
    let short = json!({"totalResults": 2, "Resources": [{"id": SKOVIK}]});
    assert!(Schemas::parse(short.to_string().as_bytes()).is_err());
}

#[test]
fn what_means_something_else_is_no_custom_field_with_or_without_schemas() {
    for path in [
        "active",
        "ACTIVE",
        "roles",
        "roles.value",
        "userName",
        "externalId",
        "id",
        "password",
        "meta.version",
        "groups",
        "name.givenName",
        "schemas",
        &format!("{ENTERPRISE}:manager"),
        &format!("{ENTERPRISE}:manager.value"),
    ] {
        assert!(!is_free(&AttributePath::parse(path).unwrap(), &scim()), "{path}");
    }
    for path in ["title", "nickName", "name.middleName", &format!("{ENTERPRISE}:division")] {
        let path = AttributePath::parse(path).unwrap();
        assert_eq!(is_free(&path, &scim()), ![scim().identifier, scim().branch].contains(&path), "{path}");
    }
}

#[test]
fn a_part_is_what_its_whole_is_and_nothing_is_said_in_two_ways() {
    let of = |attributes: serde_json::Value| {
        let schemas = json!({"totalResults": 1, "Resources": [
            {"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": attributes}]});
        Schemas::parse(schemas.to_string().as_bytes())
    };
    for (name, value) in [("mutability", "readOnly"), ("mutability", "writeOnly"), ("returned", "never")] {
        let badge = json!([{"name": "badge", "type": "complex", name: value,
            "subAttributes": [{"name": "number", "type": "string"}]}]);
        let problem = of(badge).unwrap().check(&AttributePath::parse("badge.number").unwrap()).unwrap_err();
        assert!(problem.contains("cannot be managed"), "{problem}");
    }
    let twice = |one: &str, other: &str| {
        of(
            json!([{"name": "a", "type": "string", "mutability": one}, {"name": "A", "type": "string", "mutability": other}]),
        )
    };
    assert!(twice("readWrite", "readWrite").is_ok() && twice("readWrite", "readOnly").is_err());
    assert!(Schemas::parse(br#"{"totalResults":"3","Resources":[]}"#).is_err());
    assert!(Schemas::parse(format!("[{}]", " ".repeat(2 << 20)).as_bytes()).is_err());
}

#[test]
fn a_user_with_many_attributes_is_compared_in_a_moment() {
    let many: String = (0..30_000).map(|number| format!(",\"a{number}\":{number}")).collect();
    let user = format!("{{\"id\":\"a\",\"userName\":\"a@x.se\"{many}}}");
    let stored = StoredUser::new(serde_json::from_str(&user).unwrap()).unwrap();
    let began = std::time::Instant::now();
    let lost =
        losses(&Request::new(user.replace("\"a29999\":29999", "\"a29999\":1")), &stored, &scim(), &Managed::default());
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn what_a_plan_removes_is_not_restored_under_other_letters() {
    let mut before = anna();
    before[SKOVIK] = json!({"CUSTOM_FIELD1": "4100", "custom_field2": true});
    let mut held = anna();
    held[SKOVIK] = json!({});
    for patches in [true, false] {
        let changes = [change(custom("custom_field1"), None)];
        let body = restore(&stored(&before), &stored(&held), &changes, &scim(), patches).unwrap().unwrap();
        let body = body.as_json().to_ascii_lowercase();
        assert!(body.contains("custom_field2") && !body.contains("custom_field1"), "{body}");
    }
}

#[test]
fn white_space_within_a_value_makes_no_difference() {
    let managed = Managed { custom_fields: vec![format!("{SKOVIK}:custom_field1").into()], ..Managed::default() };
    let read = |json: &str| user(json, &scim(), &managed).unwrap().custom_fields;
    let with = |list: &str| {
        format!(r#"{{"id":"a","userName":"a@example.com","name":{{}},"{SKOVIK}":{{"custom_field1":{list}}}}}"#)
    };
    assert_eq!(read(&with(r#"[ {"value": "a b"} ]"#)), read(&with(r#"[{"value":"a b"}]"#)));
}

/// The server drops `externalId`, so that the number is where a change of branch empties.
#[test]
fn an_identifier_in_a_custom_field_is_given_back() {
    let path = format!("{SKOVIK}:custom_field1");
    let scim = Scim::new(&ScimSettings {
        identifier: AttributePath::parse(&path).unwrap(),
        branch: AttributePath::new(Some(ENTERPRISE), "division"),
        branches: None,
        remove: Removal::Deactivate,
        reactivate: false,
        sort_by: None,
    });
    let mut held = anna();
    held[SKOVIK] = json!({"custom_field1": "", "custom_field2": true});
    let sent = |changes: &[Change], patches: bool| {
        restore(&stored(&anna()), &stored(&held), changes, &scim, patches)
            .unwrap()
            .map(|body| body.as_json().to_owned())
    };
    for patches in [true, false] {
        let body = sent(&[], patches).unwrap();
        assert!(body.contains("4100") && !body.contains("null"), "{body}");
        // A new number is what it gets.
        let body = sent(&[change(Field::ExternalIdentifier, text("4101"))], patches).unwrap();
        assert!(body.contains("4101") && !body.contains("4100"), "{body}");
    }
    assert_eq!(restore(&stored(&anna()), &stored(&anna()), &[], &scim, true).unwrap(), None);
}
