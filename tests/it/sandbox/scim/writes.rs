//! POST, PUT and DELETE: what is refused, and what the account holds afterwards.

use serde_json::{Value, json};
use skovik_sync::sandbox::{BranchMove, Options, PutMode};

use super::super::{company, seed_user};
use super::{CORE, ENTERPRISE, SKOVIK, Sandbox, scim_newcomer};

#[tokio::test]
async fn a_new_user_is_the_same_on_both_doors() {
    let sandbox = Sandbox::company().await;
    let answer = sandbox.scim("POST", "/Users", scim_newcomer()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = answer.json();
    let id = user["id"].as_str().expect("an id");
    assert_eq!(answer.headers["location"], user["meta"]["location"].as_str().expect("an address"));
    assert_eq!(sandbox.scim_user(id).await, user);
    let on_v1 = sandbox.user(id).await;
    assert_eq!(
        on_v1["attributes"],
        json!({"primary_email": "dag@example.com", "external_identifier": "1004", "first_name": "Dag",
               "last_name": "Ek", "roles": ["employee"], "custom_fields": {"cf_cost": "4200", "cf_car": true},
               "external_metadata": {}})
    );
    assert_eq!(on_v1["relationships"]["manager"]["data"]["id"], json!("u1"));
    assert_eq!(on_v1["relationships"]["branch"]["data"]["id"], json!("br_no"));
}

/// Changes one member of a user; a null takes it away.
fn with(mut user: Value, pointer: &str, value: Value) -> Value {
    let (owner, name) = pointer.rsplit_once('/').expect("a pointer");
    let owner = user.pointer_mut(owner).and_then(Value::as_object_mut).expect("an object");
    match value {
        Value::Null => drop(owner.remove(name)),
        value => drop(owner.insert(name.to_owned(), value)),
    }
    user
}

#[tokio::test]
async fn a_bad_user_is_refused_with_the_name_of_the_attribute() {
    let sandbox = Sandbox::company().await;
    let manager = format!("/{ENTERPRISE}/manager");
    let division = format!("/{ENTERPRISE}/division");
    let custom = |number: u8| format!("/{SKOVIK}/custom_field{number}");
    for (pointer, value, problem) in [
        ("/userName", Value::Null, "400 invalidValue: userName is missing"),
        ("/userName", json!(" "), "400 invalidValue: userName is empty"),
        ("/userName", json!("dag"), "400 invalidValue: userName is not an e-mail address"),
        ("/userName", json!(7), "400 invalidValue: userName must be a text"),
        ("/userName", json!("ANNA@example.com"), "409 uniqueness: userName is taken by another user"),
        ("/externalId", json!("1001"), "409 uniqueness: externalId is taken by another user"),
        ("/externalId", json!(""), "400 invalidValue: externalId is empty; send null for none"),
        ("/name", Value::Null, "400 invalidValue: name is missing"),
        ("/name", json!("Dag Ek"), "400 invalidValue: name must be an object with its parts"),
        ("/name/familyName", Value::Null, "400 invalidValue: name.familyName is missing"),
        ("/name/middleName", json!("X"), "400 invalidSyntax: name has no attribute \"middleName\"; see /Schemas"),
        ("/active", Value::Null, "400 invalidValue: active is missing"),
        ("/active", json!("True"), "400 invalidValue: active must be true or false, not in quotes"),
        (&division, Value::Null, "400 invalidValue: division is missing"),
        (&division, json!("XX"), "400 invalidValue: division: there is no branch \"XX\""),
        (&manager, json!("u1"), "must be an object with its parts"),
        (&manager, json!({"value": "u9"}), "400 invalidValue: manager is not the id of a user"),
        (&manager, json!({"value": "u1", "$ref": "http://h/Users/u2"}), "lead to two users"),
        (&custom(1), json!("4300"), "custom_field1 is not the value of one of the field's options"),
        (&custom(1), json!(4200), "custom_field1 must be a text"),
        (&custom(3), json!("yes"), "custom_field3 holds a yes or no"),
        (&custom(4), json!("x"), "has no attribute \"custom_field4\""),
        ("/emails", json!([]), "has no attribute \"emails\""),
        ("/USERNAME", json!("dag@example.com"), "appears twice in the body"),
        ("/schemas", Value::Null, "400 invalidSyntax: \"schemas\" must be a list of URNs"),
        ("/schemas", json!([ENTERPRISE, SKOVIK]), "400 invalidSyntax: \"schemas\" must name"),
        ("/schemas", json!([CORE, SKOVIK]), "which \"schemas\" does not name"),
        ("/schemas", json!([CORE, "urn:other"]), "which this server does not know"),
    ] {
        let answer = sandbox.scim("POST", "/Users", with(scim_newcomer(), pointer, value.clone())).await;
        let found = answer.scim_problem();
        assert!(found.contains(problem), "{pointer} {value}: {found}");
    }
    assert_eq!(sandbox.server.inspect(|account| account.user_count()), 3);
}

#[tokio::test]
async fn names_are_taken_in_any_case_and_read_only_ones_are_ignored() {
    let sandbox = Sandbox::company().await;
    let body = json!({"Schemas": [CORE.to_uppercase(), ENTERPRISE], "USERNAME": "dag@example.com", "Active": true,
                      "NAME": {"GIVENNAME": "Dag", "familyname": "Ek"}, "id": "mine", "meta": {"version": "1"},
                      ENTERPRISE.to_lowercase(): {"Division": "NO01", "manager": {"$REF": "https://h/x/Users/u2"}}});
    let answer = sandbox.scim("POST", "/Users", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = answer.json();
    assert_ne!(user["id"], json!("mine"));
    assert_eq!(user["name"], json!({"givenName": "Dag", "familyName": "Ek"}));
    assert_eq!(user[ENTERPRISE]["manager"]["value"], json!("u2"));
}

#[tokio::test]
async fn a_body_that_is_no_user_is_refused() {
    let sandbox = Sandbox::company().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, problem) in [
        ("", "the body is not JSON"),
        ("[]", "the body must be an object"),
        ("{\"userName\": 1, \"userName\": 2}", "appears twice"),
        ("{\"name\": {\"givenName\": 1, \"givenName\": 2}}", "appears twice"),
        (&deep, "the body is too deep"),
    ] {
        let request = sandbox.scim_request("POST", "/Users").header("content-type", "application/json");
        let answer = super::Answer::read(request.body(body.to_owned())).await.expect("an answer");
        let found = answer.scim_problem();
        assert!(found.starts_with("400 invalidSyntax: ") && found.contains(problem), "{found}");
    }
    let request = sandbox.scim_request("POST", "/Users").body("{}");
    assert_eq!(super::Answer::read(request).await.expect("an answer").status, 415);
    let request = sandbox.scim_request("GET", "/Users").header("accept", "text/html");
    assert_eq!(super::Answer::read(request).await.expect("an answer").status, 406);
}

#[tokio::test]
async fn a_put_replaces_or_merges_and_keeps_what_scim_does_not_show() {
    for (put, custom_fields, identifier) in [
        (PutMode::Replace, json!({}), Value::Null),
        (PutMode::Merge, json!({"cf_cost": "4100", "cf_note": "hello"}), json!("1002")),
    ] {
        let sandbox = Sandbox::start(Options { account: company(), put, ..Options::default() }).await;
        let body = json!({"schemas": [CORE, ENTERPRISE], "userName": "bo@example.com", "active": true,
                          "name": {"givenName": "Boel", "familyName": "Berg"}, ENTERPRISE: {"division": "SE01"}});
        let answer = sandbox.scim("PUT", "/Users/u2", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let attributes = sandbox.user("u2").await["attributes"].clone();
        assert_eq!(attributes["first_name"], json!("Boel"));
        assert_eq!((&attributes["custom_fields"], &attributes["external_identifier"]), (&custom_fields, &identifier));
        assert_eq!(
            (&attributes["roles"], &attributes["external_metadata"]),
            (&json!(["employee"]), &json!({"k": "v"}))
        );
    }
}

#[tokio::test]
async fn a_branch_move_empties_custom_fields_as_on_the_other_door() {
    for (branch_move, kept) in [(BranchMove::Empties, false), (BranchMove::Keeps, true)] {
        let sandbox = Sandbox::start(Options { account: company(), branch_move, ..Options::default() }).await;
        let path = format!("{ENTERPRISE}:division");
        let answer = sandbox.patch("u2", json!([{"op": "replace", "path": path, "value": "NO01"}])).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json().get(SKOVIK).is_some(), kept, "{branch_move:?}");
    }
}

#[tokio::test]
async fn what_a_client_could_not_set_stays_when_it_is_sent_back() {
    let mut odd = seed_user("u9", "1009", "Odd", None);
    odd["attributes"]["custom_fields"] = json!({"cf_cost": "gone", "cf_note": 12});
    let seed = super::super::snapshot(
        &[super::super::branch("br_se", "SE01"), super::super::branch("br_no", "NO01")],
        &[
            super::super::custom_field("cf_cost", "multiple_choice", &["4100"]),
            super::super::custom_field("cf_note", "text", &[]),
        ],
        &[odd.clone()],
    );
    let account = skovik_sync::sandbox::Account::load(&*seed).expect("a good seed");
    let sandbox = Sandbox::start(Options { account, ..Options::default() }).await;
    let user = sandbox.scim_user("u9").await;
    assert_eq!(user[SKOVIK], json!({"custom_field1": "gone", "custom_field2": "12"}));
    let answer = sandbox.scim("PUT", "/Users/u9", user.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for member in ["userName", "name", "active", "externalId", ENTERPRISE, SKOVIK] {
        assert_eq!(answer.json()[member], user[member]);
    }
    assert_eq!(sandbox.user("u9").await["attributes"], odd["attributes"]);
}

#[tokio::test]
async fn a_deleted_user_is_gone_on_both_doors() {
    let sandbox = Sandbox::company().await;
    assert_eq!(sandbox.scim("DELETE", "/Users/u1", Value::Null).await.status, 204);
    assert_eq!(sandbox.scim_get("/Users/u1").await.status, 404);
    assert_eq!(sandbox.get("/users/u1").await.status, 404);
    assert_eq!(sandbox.scim_user("u2").await[ENTERPRISE].get("manager"), None);
}
