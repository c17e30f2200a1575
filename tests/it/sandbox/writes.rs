//! POST, PUT and DELETE: every rule of the API, and the modes.

use futures_util::future::join_all;
use serde_json::{Value, json};
use skovik_sync::sandbox::{Account, Options};
use skovik_sync::sandbox::{BranchMove, Identifiers, ManagerDelete, PutMode};

use super::{Answer, Sandbox, as_sent, branch, company, newcomer, seed_user, snapshot};

const EMAIL: &str = "/data/attributes/primary_email";
const IDENTIFIER: &str = "/data/attributes/external_identifier";
const FIELDS: &str = "/data/attributes/custom_fields";
const MANAGER: &str = "/data/relationships/manager";
const BRANCH: &str = "/data/relationships/branch";

/// Where the body is changed, to what (nothing: taken away), and the problem that it makes.
type Case = (&'static str, Option<Value>, (&'static str, &'static str));

/// What is refused of a new user and of a change alike.
fn refused_writes() -> Vec<Case> {
    let some = Some::<Value>;
    vec![
        (EMAIL, None, (EMAIL, "blank")),
        (EMAIL, some(Value::Null), (EMAIL, "blank")),
        (EMAIL, some(json!("  ")), (EMAIL, "blank")),
        (EMAIL, some(json!(7)), (EMAIL, "wrong_type")),
        (EMAIL, some(json!("no address")), (EMAIL, "invalid")),
        (EMAIL, some(json!("Dag <dag@example.com>")), (EMAIL, "invalid")),
        (EMAIL, some(json!("anna@example.com")), (EMAIL, "taken")),
        (EMAIL, some(json!(" ANNA@Example.com ")), (EMAIL, "taken")),
        (IDENTIFIER, some(json!("1001")), (IDENTIFIER, "taken")),
        (IDENTIFIER, some(json!("")), (IDENTIFIER, "blank")),
        (IDENTIFIER, some(json!(1004)), (IDENTIFIER, "wrong_type")),
        ("/data/attributes/first_name", None, ("/data/attributes/first_name", "blank")),
        ("/data/attributes/first_name", some(json!(" ")), ("/data/attributes/first_name", "blank")),
        ("/data/attributes/last_name", some(json!("")), ("/data/attributes/last_name", "blank")),
        ("/data/attributes/last_name", some(json!(["Ek"])), ("/data/attributes/last_name", "wrong_type")),
        (FIELDS, some(json!([])), (FIELDS, "wrong_type")),
        (FIELDS, some(json!({"a/b": "x"})), ("/data/attributes/custom_fields/a~1b", "unknown")),
        (FIELDS, some(json!({"cf_cost": "9999"})), ("/data/attributes/custom_fields/cf_cost", "invalid_choice")),
        (FIELDS, some(json!({"cf_cost": 4200})), ("/data/attributes/custom_fields/cf_cost", "wrong_type")),
        (FIELDS, some(json!({"cf_car": "true"})), ("/data/attributes/custom_fields/cf_car", "wrong_type")),
        (FIELDS, some(json!({"cf_note": 1})), ("/data/attributes/custom_fields/cf_note", "wrong_type")),
        (
            "/data/attributes/external_metadata",
            some(json!({"n": 1})),
            ("/data/attributes/external_metadata/n", "wrong_type"),
        ),
        ("/data/attributes/roles", some(json!(["employee"])), ("/data/attributes/roles", "read_only")),
        (MANAGER, some(json!({"data": {"type": "users", "id": "nobody"}})), (MANAGER, "unknown")),
        (MANAGER, some(json!({"data": {"type": "branches", "id": "u1"}})), (MANAGER, "wrong_type")),
        (MANAGER, some(json!({})), (MANAGER, "wrong_type")),
        (MANAGER, some(json!("u1")), (MANAGER, "wrong_type")),
        (BRANCH, None, (BRANCH, "blank")),
        (BRANCH, some(json!({"data": null})), (BRANCH, "blank")),
        (BRANCH, some(json!({"data": {"type": "branches", "id": "br_dk"}})), (BRANCH, "unknown")),
        ("/data/type", some(json!("people")), ("/data/type", "wrong_type")),
        ("/data/id", some(json!("u9")), ("/data/id", "read_only")),
    ]
}

fn changed(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("a parent");
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.remove(name)),
    }
    body
}

#[track_caller]
fn assert_refused(answer: &Answer, expected: (&str, &str)) {
    assert_eq!(answer.status, 422, "{expected:?}: {}", answer.text);
    assert_eq!(answer.problems(), [(expected.0.to_owned(), expected.1.to_owned())]);
}

#[tokio::test]
async fn a_bad_user_is_refused_and_nothing_is_stored() {
    let sandbox = Sandbox::company().await;
    let before = sandbox.user("u2").await;
    for (pointer, value, problem) in refused_writes() {
        let answer = sandbox.ask("POST", "/users", changed(newcomer(), pointer, value.clone())).await;
        assert_refused(&answer, problem);
        let answer = sandbox.ask("PUT", "/users/u2", changed(as_sent(&before), pointer, value)).await;
        assert_refused(&answer, problem);
    }
    assert_eq!(sandbox.user("u2").await, before);
    assert_eq!(sandbox.server.inspect(|account| account.user_count()), 3);
}

#[tokio::test]
async fn every_problem_of_a_body_is_told() {
    let sandbox = Sandbox::company().await;
    let answer = sandbox.ask("POST", "/users", json!({"data": {"type": "users", "id": "x"}})).await;
    let pointers: Vec<String> = answer.problems().into_iter().map(|(pointer, _)| pointer).collect();
    let names = ["/data/attributes/first_name", "/data/attributes/last_name"];
    assert_eq!(pointers, ["/data/id", EMAIL, names[0], names[1], BRANCH]);
}

#[tokio::test]
async fn nobody_is_their_own_manager_but_a_longer_cycle_is_accepted() {
    let sandbox = Sandbox::company().await;
    let anna = as_sent(&sandbox.user("u1").await);
    let manager = |id: &str| Some(json!({"data": {"type": "users", "id": id}}));
    let answer = sandbox.ask("PUT", "/users/u1", changed(anna.clone(), MANAGER, manager("u1"))).await;
    assert_refused(&answer, (MANAGER, "own_manager"));
    assert_eq!(sandbox.ask("PUT", "/users/u1", changed(anna, MANAGER, manager("u2"))).await.status, 200);
    assert_eq!(sandbox.server.inspect(|account| account.manager_of("u1").map(ToOwned::to_owned)), Some("u2".into()));
}

#[tokio::test]
async fn a_new_user_has_every_field_and_an_id_of_24_digits() {
    let sandbox = Sandbox::company().await;
    let answer = sandbox.ask("POST", "/users", newcomer()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = answer.json()["data"].clone();
    let id = user["id"].as_str().expect("an id");
    assert!(id.len() == 24 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
    let mut expected = newcomer()["data"].clone();
    expected["id"] = json!(id);
    expected["attributes"]["roles"] = json!(["employee"]);
    expected["attributes"]["external_metadata"] = json!({});
    assert_eq!(user, expected);
    assert_eq!(sandbox.user(id).await, user);
}

#[tokio::test]
async fn the_only_branch_is_filled_in() {
    let sandbox = Sandbox::start(Options::default()).await;
    let body = changed(changed(newcomer(), FIELDS, None), MANAGER, None);
    let answer = sandbox.ask("POST", "/users", changed(body, BRANCH, None)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let relationships = &answer.json()["data"]["relationships"];
    assert_eq!(
        *relationships,
        json!({"manager": {"data": null}, "branch": {"data": {"type": "branches", "id": "br_1"}}})
    );
}

#[tokio::test]
async fn what_the_sandbox_does_not_know_survives_to_the_letter() {
    let sandbox = Sandbox::company().await;
    let odd =
        r#""shoe_size":123456789012345678901234567890.10,"nested":{"b":[1.50,{"z":null,"a":"\u00e5"}],"a":1e400}"#;
    let put = |id: &str, email: &str| {
        let attributes = format!(r#"{{"primary_email":"{email}","first_name":"A","last_name":"B",{odd}}}"#);
        let branch =
            r#"{"branch":{"data":{"type":"branches","id":"br_se"}},"team":{"data":{"type":"teams","id":"7"}}}"#;
        let data =
            format!(r#"{{"type":"users"{id},"attributes":{attributes},"relationships":{branch},"meta":{{"x":1}}}}"#);
        format!(r#"{{"data":{data}}}"#)
    };
    for (method, path, body) in
        [("POST", "/users", put("", "dag@example.com")), ("PUT", "/users/u2", put(r#","id":"u2""#, "bo@example.com"))]
    {
        let request = sandbox.request(method, path).header("content-type", "application/vnd.api+json; x=y").body(body);
        let answer = Answer::read(request).await.expect("an answer");
        assert!(answer.status < 300, "{}", answer.text);
        for part in [odd, r#""team":{"data":{"type":"teams","id":"7"}}"#, r#""meta":{"x":1}"#] {
            assert!(answer.text.contains(part), "{part} is not in {}", answer.text);
        }
    }
    let list = sandbox.get("/users").await;
    assert_eq!(list.text.matches(odd).count(), 2);
}

#[tokio::test]
async fn a_replacing_put_forgets_what_it_does_not_name_and_a_merging_one_keeps_it() {
    let body = json!({"data": {"type": "users", "id": "u2",
        "attributes": {"primary_email": "bo@example.com", "first_name": "Bosse", "last_name": "Berg",
                       "custom_fields": {"cf_car": true, "cf_note": null}},
        "relationships": {"branch": {"data": {"type": "branches", "id": "br_se"}}}}});
    for (put, identifier, custom_fields, metadata, manager) in [
        (PutMode::Replace, Value::Null, json!({"cf_car": true}), json!({}), Value::Null),
        (
            PutMode::Merge,
            json!("1002"),
            json!({"cf_cost": "4100", "cf_car": true}),
            json!({"k": "v"}),
            json!({"type": "users", "id": "u1"}),
        ),
    ] {
        let sandbox = Sandbox::start(Options { account: company(), put, ..Options::default() }).await;
        let answer = sandbox.ask("PUT", "/users/u2", body.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let user = sandbox.user("u2").await;
        let attributes = json!({"primary_email": "bo@example.com", "external_identifier": identifier,
            "first_name": "Bosse", "last_name": "Berg", "roles": ["employee"],
            "custom_fields": custom_fields, "external_metadata": metadata});
        assert_eq!(user["attributes"], attributes, "{put:?}");
        assert_eq!(user["relationships"]["manager"]["data"], manager, "{put:?}");
        assert_eq!(answer.json()["data"], user);
    }
}

#[tokio::test]
async fn a_put_gives_names_up_and_takes_them() {
    let sandbox = Sandbox::company().await;
    let bo = as_sent(&sandbox.user("u2").await);
    let renamed = changed(changed(bo, EMAIL, Some(json!("bosse@example.com"))), IDENTIFIER, Some(Value::Null));
    assert_eq!(sandbox.ask("PUT", "/users/u2", renamed).await.status, 200);
    let body = changed(changed(newcomer(), EMAIL, Some(json!("bo@example.com"))), IDENTIFIER, Some(json!("1002")));
    assert_eq!(sandbox.ask("POST", "/users", body).await.status, 201);
    let body = changed(newcomer(), EMAIL, Some(json!("Bosse@example.com")));
    assert_refused(&sandbox.ask("POST", "/users", body).await, (EMAIL, "taken"));
}

#[tokio::test]
async fn a_branch_move_empties_custom_fields_or_keeps_them() {
    for (branch_move, custom_fields) in
        [(BranchMove::Empties, json!({})), (BranchMove::Keeps, json!({"cf_cost": "4200", "cf_note": "hello"}))]
    {
        let sandbox = Sandbox::start(Options { account: company(), branch_move, ..Options::default() }).await;
        let sent = as_sent(&sandbox.user("u2").await);
        let sent = changed(sent, "/data/attributes/custom_fields/cf_cost", Some(json!("4200")));
        let moved = changed(sent.clone(), "/data/relationships/branch/data/id", Some(json!("br_no")));
        let answer = sandbox.ask("PUT", "/users/u2", moved.clone()).await;
        assert_eq!(answer.json()["data"]["attributes"]["custom_fields"], custom_fields, "{branch_move:?}");
        // The second PUT moves nobody.
        sandbox.ask("PUT", "/users/u2", moved).await;
        let expected = json!({"cf_cost": "4200", "cf_note": "hello"});
        assert_eq!(sandbox.user("u2").await["attributes"]["custom_fields"], expected, "{branch_move:?}");
    }
}

#[tokio::test]
async fn a_removed_manager_is_taken_from_the_reports_or_is_not_removed() {
    let sandbox = Sandbox::company().await;
    assert_eq!(sandbox.ask("DELETE", "/users/u1", Value::Null).await.status, 204);
    assert_eq!(sandbox.user("u2").await["relationships"]["manager"], json!({"data": null}));
    assert_eq!(sandbox.ask("DELETE", "/users/u1", Value::Null).await.status, 404);

    let manager_delete = ManagerDelete::Refuses;
    let sandbox = Sandbox::start(Options { account: company(), manager_delete, ..Options::default() }).await;
    assert_refused(&sandbox.ask("DELETE", "/users/u1", Value::Null).await, ("/data", "has_reports"));
    for id in ["u2", "u3", "u1"] {
        assert_eq!(sandbox.ask("DELETE", &format!("/users/{id}"), Value::Null).await.status, 204, "{id}");
    }
}

#[tokio::test]
async fn identifiers_of_removed_users_are_released_or_reserved_and_ids_never_come_back() {
    let sandbox = Sandbox::company().await;
    let first = sandbox.ask("POST", "/users", newcomer()).await.json()["data"]["id"].clone();
    let path = format!("/users/{}", first.as_str().expect("an id"));
    assert_eq!(sandbox.ask("DELETE", &path, Value::Null).await.status, 204);
    let second = sandbox.ask("POST", "/users", newcomer()).await.json()["data"]["id"].clone();
    assert_ne!(first, second);

    let identifiers = Identifiers::Reserved;
    let sandbox = Sandbox::start(Options { account: company(), identifiers, ..Options::default() }).await;
    assert_eq!(sandbox.ask("DELETE", "/users/u2", Value::Null).await.status, 204);
    let answer = sandbox.ask("POST", "/users", changed(newcomer(), EMAIL, Some(json!("BO@example.com")))).await;
    assert_refused(&answer, (EMAIL, "taken"));
    let answer = sandbox.ask("POST", "/users", changed(newcomer(), IDENTIFIER, Some(json!("1002")))).await;
    assert_refused(&answer, (IDENTIFIER, "taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_e_mail_at_once_one_gets_it() {
    let sandbox = Sandbox::company().await;
    let answers = join_all((0..32).map(|_| sandbox.ask("POST", "/users", newcomer()))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[422; 31][..]));
}

#[tokio::test]
async fn ids_can_be_repeated_but_not_across_a_save() {
    let create = async |account: Account| {
        let sandbox = Sandbox::start(Options { account, ..Options::default() }).await;
        let id = sandbox.ask("POST", "/users", newcomer()).await.json()["data"]["id"].clone();
        sandbox.ask("DELETE", "/users/u3", Value::Null).await;
        sandbox.ask("DELETE", &format!("/users/{}", id.as_str().expect("an id")), Value::Null).await;
        (id, sandbox.server.stop().await.expect("it stops"))
    };
    let (first, account) = create(company()).await;
    assert_eq!(create(company()).await.0, first);
    let mut saved = Vec::new();
    account.save(&mut saved, "http://127.0.0.1:1/v1").expect("saved");
    let (second, _) = create(Account::load(&*saved).expect("a good seed")).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn what_a_seed_holds_may_be_sent_back() {
    let mut user = seed_user("u1", "1001", "Anna", None);
    user["relationships"] = json!({});
    user["attributes"]["custom_fields"] = json!({"cf_gone": 7});
    let seed = snapshot(&[branch("br_se", "SE01"), branch("br_no", "NO01")], &[], &[user]);
    let account = Account::load(&*seed).expect("a good seed");
    let sandbox = Sandbox::start(Options { account, ..Options::default() }).await;
    let body = as_sent(&sandbox.user("u1").await);
    let answer = sandbox.ask("PUT", "/users/u1", body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = sandbox.ask("PUT", "/users/u1", changed(body, FIELDS, Some(json!({"cf_gone": 8})))).await;
    assert_refused(&answer, ("/data/attributes/custom_fields/cf_gone", "unknown"));
}
