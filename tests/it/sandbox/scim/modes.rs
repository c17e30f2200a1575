//! What the modes change, ETags, and faults.

use serde_json::{Value, json};
use skovik_sync::sandbox::{
    Account, Archived, ExternalIds, Filters, ManagerDelete, Options, PatchMode, RowOrder, ScimModes, UserNames,
};

use super::super::company;
use super::{Answer, ENTERPRISE, Sandbox, ids, scim_newcomer};

fn archive() -> Value {
    json!([{"op": "replace", "path": "active", "value": false}])
}

#[tokio::test]
async fn etags_let_a_write_pass_only_if_nothing_has_changed() {
    let sandbox = Sandbox::company().await;
    let old = sandbox.scim_user("u2").await["meta"]["version"].as_str().expect("a version").to_owned();
    assert_eq!(sandbox.patch("u2", json!([{"op": "add", "path": "externalId", "value": "7"}])).await.status, 200);
    let new = sandbox.scim_user("u2").await["meta"]["version"].as_str().expect("a version").to_owned();
    let ask = async |method: &str, header: &str, tag: &str| {
        let request = sandbox.scim_request(method, "/Users/u2").header(header, tag);
        let request = request.header("content-type", "application/scim+json").body("{}");
        Answer::read(request).await.expect("an answer").status
    };
    for (method, header, tag, status) in [
        ("PUT", "if-match", &*old, 412),
        ("PATCH", "if-match", &old, 412),
        ("DELETE", "if-match", &old, 412),
        ("GET", "if-none-match", &new, 304),
        ("GET", "if-none-match", &old, 200),
        // The body is not read before the version is known to be right.
        ("PUT", "if-match", &new, 400),
        ("PATCH", "if-match", "*", 400),
        ("DELETE", "if-match", &format!("{old}, {new}"), 204),
    ] {
        assert_eq!(ask(method, header, tag).await, status, "{method} {header}: {tag}");
    }

    let plain = Sandbox::scim_modes(ScimModes { etags: false, ..ScimModes::default() }).await;
    let answer = plain.scim_get("/Users/u2").await;
    assert!(answer.json()["meta"].get("version").is_none() && !answer.headers.contains_key("etag"));
    let request = plain.scim_request("DELETE", "/Users/u2").header("if-match", "W/\"1\"");
    assert_eq!(Answer::read(request).await.expect("an answer").status, 204);
}

#[tokio::test]
async fn a_version_changes_with_a_write_on_the_other_door() {
    let sandbox = Sandbox::company().await;
    let before = sandbox.scim_user("u2").await["meta"]["version"].clone();
    let mut body = super::super::as_sent(&sandbox.user("u2").await);
    body["data"]["attributes"]["external_metadata"]["k"] = json!("w");
    assert_eq!(sandbox.ask("PUT", "/users/u2", body).await.status, 200);
    assert_ne!(sandbox.scim_user("u2").await["meta"]["version"], before);
}

#[tokio::test]
async fn an_archived_user_is_gone_from_v1_and_stays_archived() {
    for (archived, on_scim, on_v1, again) in [
        (Archived::Listed, 200, 404, "400 mutability"),
        (Archived::Hidden, 404, 404, "404"),
        (Archived::Reversible, 200, 200, ""),
    ] {
        let sandbox = Sandbox::scim_modes(ScimModes { archived, ..ScimModes::default() }).await;
        let answer = sandbox.patch("u1", archive()).await;
        assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(false)), "{archived:?}");
        assert_eq!(sandbox.scim_get("/Users/u1").await.status, on_scim, "{archived:?}");
        assert_eq!(sandbox.get("/users/u1").await.status, on_v1, "{archived:?}");
        let listed = |found: u16| if found == 200 { 3 } else { 2 };
        assert_eq!(sandbox.scim_get("/Users").await.json()["totalResults"], json!(listed(on_scim)), "{archived:?}");
        assert_eq!(sandbox.get("/users").await.json()["meta"]["total"], json!(listed(on_v1)), "{archived:?}");
        let filtered = sandbox.found("userName eq \"anna@example.com\"").await.expect("a list");
        assert_eq!(filtered.len(), usize::from(on_scim == 200), "{archived:?}");
        let manager = sandbox.scim_user("u2").await[ENTERPRISE].get("manager").cloned();
        assert_eq!(manager.is_some(), archived == Archived::Reversible, "{archived:?}");

        let answer = sandbox.patch("u1", json!([{"op": "replace", "path": "active", "value": true}])).await;
        if again.is_empty() {
            assert_eq!((answer.status, &answer.json()["active"]), (200, &json!(true)));
        } else {
            assert!(answer.scim_problem().starts_with(again), "{archived:?}: {}", answer.text);
        }
        let mut twin = scim_newcomer();
        twin["userName"] = json!("anna@example.com");
        twin[ENTERPRISE]["manager"] = Value::Null;
        let status = sandbox.scim("POST", "/Users", twin).await.status;
        assert_eq!(status, if archived == Archived::Hidden { 201 } else { 409 }, "{archived:?}");
    }
}

#[tokio::test]
async fn an_archived_user_is_saved_and_loaded_as_one() {
    let sandbox = Sandbox::company().await;
    assert_eq!(sandbox.patch("u3", archive()).await.status, 200);
    let mut saved = Vec::new();
    sandbox.server.stop().await.expect("stopped").save(&mut saved, "http://127.0.0.1:1/v1").expect("saved");
    for (archived, on_scim, on_v1) in
        [(Archived::Listed, 200, 404), (Archived::Hidden, 404, 404), (Archived::Reversible, 200, 200)]
    {
        let account = Account::load(&*saved).expect("a good seed");
        let scim = ScimModes { archived, ..ScimModes::default() };
        let sandbox = Sandbox::start(Options { account, scim, ..Options::default() }).await;
        assert_eq!(sandbox.scim_get("/Users/u3").await.status, on_scim, "{archived:?}");
        assert_eq!(sandbox.get("/users/u3").await.status, on_v1, "{archived:?}");
    }
}

#[tokio::test]
async fn a_manager_with_reports_is_not_archived_where_that_is_refused() {
    for archived in [Archived::Listed, Archived::Hidden] {
        let scim = ScimModes { archived, ..ScimModes::default() };
        let manager_delete = ManagerDelete::Refuses;
        let sandbox = Sandbox::start(Options { account: company(), manager_delete, scim, ..Options::default() }).await;
        let operations = json!([{"op": "replace", "path": "name.givenName", "value": "X"}, archive()[0]]);
        assert!(sandbox.patch("u1", operations).await.scim_problem().contains("2 user(s) report to this one"));
        let user = sandbox.scim_user("u1").await;
        assert_eq!((&user["active"], &user["name"]["givenName"]), (&json!(true), &json!("Anna")));
        assert_eq!(sandbox.patch("u2", archive()).await.status, 200);
        let operations = json!([{"op": "add", "path": format!("{ENTERPRISE}:manager"), "value": {"value": "u2"}}]);
        assert!(sandbox.patch("u3", operations).await.scim_problem().starts_with("400 invalidValue: manager is not"));
    }
}

#[tokio::test]
async fn an_identifier_is_dropped_in_silence_where_that_is_the_mode() {
    let modes = ScimModes { external_ids: ExternalIds::Dropped, ..ScimModes::default() };
    let sandbox = Sandbox::scim_modes(modes).await;
    let answer = sandbox.scim("POST", "/Users", scim_newcomer()).await;
    let user = answer.json();
    assert_eq!((answer.status, user.get("externalId")), (201, None));
    let id = user["id"].as_str().expect("an id");
    assert_eq!(sandbox.user(id).await["attributes"]["external_identifier"], Value::Null);
    let answer = sandbox.patch("u2", json!([{"op": "replace", "path": "externalId", "value": "7"}])).await;
    assert_eq!((answer.status, answer.json().get("externalId")), (200, None));
    assert_eq!(sandbox.user("u2").await["attributes"]["external_identifier"], json!("1002"));
    assert_eq!(sandbox.found("externalId eq \"1002\"").await, Ok(vec![]));
}

#[tokio::test]
async fn patch_can_be_missing_or_silent() {
    let unsupported = ScimModes { patch: PatchMode::Unsupported, ..ScimModes::default() };
    let sandbox = Sandbox::scim_modes(unsupported).await;
    assert!(sandbox.patch("u2", archive()).await.scim_problem().starts_with("501: "));
    assert_eq!(sandbox.scim_get("/ServiceProviderConfig").await.json()["patch"], json!({"supported": false}));

    let sandbox = Sandbox::scim_modes(ScimModes { patch: PatchMode::Silent, ..ScimModes::default() }).await;
    let answer = sandbox.patch("u2", json!([{"op": "replace", "path": "externalId", "value": "7"}])).await;
    assert_eq!((answer.status, &*answer.text), (204, ""));
    let user = sandbox.scim_user("u2").await;
    assert_eq!(user["externalId"], json!("7"));
    assert_eq!(answer.headers["etag"], user["meta"]["version"].as_str().expect("a version"));
}

#[tokio::test]
async fn filters_and_sorting_can_be_missing() {
    let refused = ScimModes { filters: Filters::Refused, sort: false, ..ScimModes::default() };
    let sandbox = Sandbox::scim_modes(refused).await;
    let problem = sandbox.found("id eq \"u2\"").await.expect_err("refused");
    assert!(problem.starts_with("400 invalidFilter: "), "{problem}");
    let list = sandbox.scim_get("/Users?sortBy=id&sortOrder=descending").await.json();
    assert_eq!(ids(&list), ["u1", "u2", "u3"]);
    let config = sandbox.scim_get("/ServiceProviderConfig").await.json();
    assert_eq!((&config["filter"]["supported"], &config["sort"]["supported"]), (&json!(false), &json!(false)));

    let sandbox = Sandbox::scim_modes(ScimModes { filters: Filters::Ignored, ..ScimModes::default() }).await;
    assert_eq!(sandbox.found("id eq \"u2\"").await, Ok(["u1", "u2", "u3"].map(ToOwned::to_owned).to_vec()));
}

#[tokio::test]
async fn a_list_without_order_differs_from_request_to_request_and_can_be_repeated() {
    let lists = async || {
        let sandbox = Sandbox::scim_modes(ScimModes { order: RowOrder::Shuffled, ..ScimModes::default() }).await;
        let mut lists = Vec::new();
        for _ in 0..12 {
            lists.push(ids(&sandbox.scim_get("/Users").await.json()));
        }
        let sorted = ids(&sandbox.scim_get("/Users?sortBy=id").await.json());
        assert_eq!(sorted, ["u1", "u2", "u3"]);
        lists
    };
    let first = lists().await;
    assert!(first.iter().any(|list| *list != first[0]), "{first:?}");
    assert_eq!(lists().await, first);
}

#[tokio::test]
async fn errors_can_be_without_a_type_and_names_without_an_address() {
    let modes = ScimModes { scim_types: false, user_names: UserNames::Any, ..ScimModes::default() };
    let sandbox = Sandbox::scim_modes(modes).await;
    let mut user = scim_newcomer();
    user["userName"] = json!("dag");
    assert_eq!(sandbox.scim("POST", "/Users", user.clone()).await.status, 201);
    assert!(sandbox.scim("POST", "/Users", user).await.scim_problem().starts_with("409: userName is taken"));
}

#[tokio::test]
async fn faults_strike_this_door_too() {
    let sandbox = Sandbox::faulty(&[
        "POST /Users nth=1 status=429 retry-after=3",
        "POST /Users nth=2 status=504 executed",
        "GET /Users nth=1 total=wrong",
        "GET /Users nth=2 row=missing",
        "GET /Users nth=3 row=twice",
        "GET /Users nth=4 loop",
        "PATCH /Users/u2 nth=1 drop-field=external_identifier",
        "PATCH /Users/u2 nth=2 lose-field=first_name",
        "GET /Users/u3 nth=1 answer=u1",
        "GET /Users/u3 nth=2 change=external_identifier",
        "DELETE /Users/u3 reset=after",
    ])
    .await;
    let answer = sandbox.scim("POST", "/Users", scim_newcomer()).await;
    assert!(answer.scim_problem().starts_with("429: "));
    assert_eq!(answer.headers["retry-after"], "3");
    assert_eq!(sandbox.scim("POST", "/Users", scim_newcomer()).await.status, 504);
    assert_eq!(sandbox.server.inspect(|account| account.user_count()), 4);
    assert_eq!(sandbox.scim_get("/Users").await.json()["totalResults"], json!(5));
    assert_eq!(ids(&sandbox.scim_get("/Users").await.json()).len(), 3);
    assert_eq!(ids(&sandbox.scim_get("/Users").await.json()).len(), 5);
    assert_eq!(ids(&sandbox.scim_get("/Users?startIndex=3&count=1").await.json()), ["u1"]);
    let operations = json!([{"op": "replace", "path": "externalId", "value": "7"}]);
    assert_eq!(sandbox.patch("u2", operations.clone()).await.json()["externalId"], json!("1002"));
    assert_eq!(sandbox.patch("u2", operations).await.json()["name"], json!({"familyName": "Berg"}));
    assert_eq!(sandbox.scim_get("/Users/u3").await.json()["id"], json!("u1"));
    assert_eq!(sandbox.scim_user("u3").await["externalId"], json!("1003"));
    assert_eq!(sandbox.scim_user("u3").await["externalId"], json!("1003-changed"));
    let dropped = sandbox.scim_request("DELETE", "/Users/u3").send().await;
    assert!(dropped.is_err());
    assert_eq!(sandbox.scim_get("/Users/u3").await.status, 404);
}
