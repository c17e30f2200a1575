//! PATCH: paths, values and refusals; a request is carried out completely or not at all.

use serde_json::{Value, json};

use super::{CORE, ENTERPRISE, PATCH_OP, SKOVIK, Sandbox};

#[tokio::test]
async fn operations_change_what_they_name() {
    for (operations, pointer, value) in [
        (json!([{"op": "replace", "path": "userName", "value": "b@example.com"}]), "/userName", json!("b@example.com")),
        (json!([{"op": "Add", "path": "NAME.familyname", "value": "Ek"}]), "/name/familyName", json!("Ek")),
        (
            json!([{"op": "replace", "path": "name", "value": {"familyName": "Ek"}}]),
            "/name",
            json!({"givenName": "Bo", "familyName": "Ek"}),
        ),
        (
            json!([{"op": "replace", "path": "name[givenName eq \"bo\"].familyName", "value": "Ek"}]),
            "/name",
            json!({"givenName": "Bo", "familyName": "Ek"}),
        ),
        (
            json!([{"op": "replace", "value": {"externalId": "7", "name": {"givenName": "Boel"}}}]),
            "/name/givenName",
            json!("Boel"),
        ),
        (json!([{"op": "remove", "path": "externalId"}]), "/externalId", Value::Null),
        (json!([{"op": "replace", "path": "externalId", "value": null}]), "/externalId", Value::Null),
        (
            json!([{"op": "replace", "path": format!("{CORE}:name.givenName"), "value": "Boel"}]),
            "/name/givenName",
            json!("Boel"),
        ),
        (
            json!([{"op": "add", "path": format!("{SKOVIK}:custom_field1"), "value": "4200"}]),
            &format!("/{SKOVIK}"),
            json!({"custom_field1": "4200", "custom_field2": "hello"}),
        ),
        (
            json!([{"op": "add", "path": SKOVIK, "value": {"schemas": [SKOVIK], "custom_field3": "false"}}]),
            &format!("/{SKOVIK}/custom_field3"),
            json!("false"),
        ),
        (
            json!([{"op": "add", "value": {SKOVIK: {"custom_field3": "true"}}}]),
            &format!("/{SKOVIK}/custom_field3"),
            json!("true"),
        ),
        (json!([{"op": "remove", "path": SKOVIK}]), &format!("/{SKOVIK}"), Value::Null),
        (
            json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"value": "u3"}}]),
            &format!("/{ENTERPRISE}/manager/value"),
            json!("u3"),
        ),
        (
            json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": "u3"}]),
            &format!("/{ENTERPRISE}/manager/value"),
            json!("u3"),
        ),
        (
            json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager.$ref"), "value": "https://h/Users/u3"}]),
            &format!("/{ENTERPRISE}/manager/value"),
            json!("u3"),
        ),
        (
            json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager")}]),
            &format!("/{ENTERPRISE}"),
            json!({"division": "SE01"}),
        ),
        (
            json!([{"op": "remove", "path": format!("{ENTERPRISE}:manager[value eq \"u1\"].value")}]),
            &format!("/{ENTERPRISE}"),
            json!({"division": "SE01"}),
        ),
        (
            json!([{"op": "add", "path": "externalId", "value": "1"}, {"op": "add", "path": "externalId", "value": "2"}]),
            "/externalId",
            json!("2"),
        ),
    ] {
        let sandbox = Sandbox::company().await;
        let before = sandbox.scim_user("u2").await;
        let answer = sandbox.patch("u2", operations.clone()).await;
        assert_eq!(answer.status, 200, "{operations}: {}", answer.text);
        let user = answer.json();
        assert_eq!(user.pointer(pointer).unwrap_or(&Value::Null), &value, "{operations}");
        assert_eq!(sandbox.scim_user("u2").await, user);
        assert_ne!(user["meta"]["version"], before["meta"]["version"], "{operations}");
    }
}

#[tokio::test]
async fn operations_that_cannot_be_meant_are_refused() {
    let sandbox = Sandbox::company().await;
    let manager = |rest: &str| format!("{ENTERPRISE}:manager{rest}");
    for (operation, problem) in [
        (json!({"op": "replace", "path": "id", "value": "u9"}), "400 mutability"),
        (json!({"op": "replace", "path": "meta.version", "value": "1"}), "400 mutability"),
        (json!({"op": "add", "path": "schemas", "value": ["urn:other"]}), "400 mutability"),
        (json!({"op": "replace", "value": {"id": "u9"}}), "400 mutability"),
        (json!({"op": "remove", "path": "userName"}), "400 mutability"),
        (json!({"op": "remove", "path": "name.givenName"}), "400 mutability"),
        (json!({"op": "replace", "path": "active", "value": null}), "400 mutability"),
        (json!({"op": "remove", "path": ENTERPRISE}), "400 mutability"),
        (json!({"op": "remove"}), "400 noTarget"),
        (json!({"op": "remove", "path": manager("[value eq \"u3\"]")}), "400 noTarget"),
        (json!({"op": "replace", "path": "name[givenName eq \"X\"].familyName", "value": "Y"}), "400 noTarget"),
        (json!({"op": "replace", "path": "emails", "value": []}), "400 invalidPath"),
        (json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x"}), "400 invalidPath"),
        (json!({"op": "replace", "path": "division", "value": "NO01"}), "400 invalidPath"),
        (json!({"op": "replace", "path": "urn:other:User:division", "value": "NO01"}), "400 invalidPath"),
        (json!({"op": "replace", "path": "name.middleName", "value": "X"}), "400 invalidPath"),
        (json!({"op": "replace", "path": "userName[value eq \"x\"]", "value": "X"}), "400 invalidPath"),
        (json!({"op": "replace", "path": manager("[value eq \"u1\""), "value": "X"}), "400 invalidPath"),
        (json!({"op": "replace", "path": manager("[value eq \"u1\"]value"), "value": "X"}), "400 invalidPath"),
        (json!({"op": "replace", "path": "", "value": "X"}), "400 invalidPath"),
        (json!({"op": "replace", "path": 7, "value": "X"}), "400 invalidPath"),
        (json!({"op": "replace", "path": CORE, "value": {}}), "400 invalidPath"),
        (json!({"op": "replace", "path": manager("[value is \"u1\"]"), "value": "X"}), "400 invalidFilter"),
        (json!({"op": "replace", "path": "active", "value": "False"}), "400 invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": {"value": "x"}}), "400 invalidValue"),
        (json!({"op": "replace", "path": manager(""), "value": "u1"}), "400 invalidValue"),
        (json!({"op": "replace", "path": manager(".value"), "value": "u2"}), "400 invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": "anna@example.com"}), "409 uniqueness"),
        (json!({"op": "replace", "value": {"name.givenName": "X"}}), "400 invalidSyntax"),
        (json!({"op": "replace", "value": {SKOVIK: {"custom_field9": "X"}}}), "400 invalidSyntax"),
        (json!({"op": "replace", "value": "X"}), "400 invalidSyntax"),
        (json!({"op": "replace", "path": "externalId"}), "400 invalidSyntax"),
        (json!({"op": "remove", "path": "externalId", "value": "1002"}), "400 invalidSyntax"),
        (json!({"op": "move", "path": "externalId", "value": "X"}), "400 invalidSyntax"),
        (json!({"path": "externalId", "value": "X"}), "400 invalidSyntax"),
        (json!({"op": "add", "path": "externalId", "value": "X", "more": 1}), "400 invalidSyntax"),
    ] {
        // Nothing is stored of an operation before one that fails.
        let operations = json!([{"op": "replace", "path": "name.givenName", "value": "Changed"}, operation]);
        let answer = sandbox.patch("u2", operations).await;
        let found = answer.scim_problem();
        assert!(found.starts_with(&format!("{problem}: ")), "{operation}: {found}");
    }
    assert_eq!(sandbox.scim_user("u2").await["name"]["givenName"], json!("Bo"));
    for body in [
        json!({"schemas": [PATCH_OP], "Operations": []}),
        json!({"schemas": [PATCH_OP], "Operations": [7]}),
        json!({"schemas": [PATCH_OP]}),
        json!({"schemas": [CORE], "Operations": [{"op": "remove", "path": "externalId"}]}),
        json!({"Operations": [{"op": "remove", "path": "externalId"}]}),
        json!({"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "externalId"}], "more": 1}),
    ] {
        let answer = sandbox.scim("PATCH", "/Users/u2", body.clone()).await;
        assert!(answer.scim_problem().starts_with("400 invalidSyntax: "), "{body}");
    }
}
