//! Reading: what the server says about itself, filters, order, pages, and which attributes are shown.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use skovik_sync::sandbox::Options;

use super::super::company;
use super::{Answer, CORE, ENTERPRISE, SKOVIK, Sandbox, ids};

#[tokio::test]
async fn a_user_is_shown_with_the_names_of_scim() {
    let sandbox = Sandbox::company().await;
    let user = sandbox.scim_user("u2").await;
    let url = sandbox.server.scim_url();
    let version = user["meta"]["version"].as_str().expect("a version").to_owned();
    assert_eq!(
        user,
        json!({"schemas": [CORE, ENTERPRISE, SKOVIK], "id": "u2", "externalId": "1002", "userName": "bo@example.com",
               "name": {"givenName": "Bo", "familyName": "Berg"}, "active": true,
               ENTERPRISE: {"division": "SE01", "manager": {"value": "u1", "$ref": format!("{url}/Users/u1")}},
               SKOVIK: {"custom_field1": "4100", "custom_field2": "hello"},
               "meta": {"resourceType": "User", "location": format!("{url}/Users/u2"), "version": version}})
    );
    let answer = sandbox.scim_get("/Users/u2").await;
    assert_eq!(answer.headers["etag"], version.as_str());
    assert_eq!(answer.headers["content-type"], "application/scim+json");
}

#[tokio::test]
async fn the_server_tells_what_it_can() {
    let sandbox = Sandbox::company().await;
    let config = sandbox.scim_get("/ServiceProviderConfig").await.json();
    for (member, supported) in
        [("patch", true), ("filter", true), ("sort", true), ("etag", true), ("bulk", false), ("changePassword", false)]
    {
        assert_eq!(config[member]["supported"], json!(supported), "{member}");
    }
    assert_eq!(config["filter"]["maxResults"], json!(100));
    let types = sandbox.scim_get("/ResourceTypes").await.json();
    assert_eq!(types["Resources"][0]["schema"], json!(CORE));
    assert_eq!(types["Resources"][0]["schemaExtensions"][0], json!({"schema": ENTERPRISE, "required": true}));
    assert_eq!(sandbox.scim_get("/ResourceTypes/User").await.json(), types["Resources"][0]);

    let schema = sandbox.scim_get(&format!("/Schemas/{SKOVIK}")).await.json();
    let attributes = schema["attributes"].as_array().expect("attributes");
    let shown: Vec<(&str, &Value)> = attributes
        .iter()
        .map(|attribute| (attribute["name"].as_str().expect("a name"), &attribute["canonicalValues"]))
        .collect();
    assert_eq!(
        shown,
        [
            ("custom_field1", &json!(["4100", "4200"])),
            ("custom_field2", &Value::Null),
            ("custom_field3", &json!(["true", "false"])),
        ]
    );
    for (path, status) in [
        ("/Schemas/urn:unknown", 404),
        ("/ResourceTypes/Group", 404),
        ("/Groups", 404),
        ("/Me", 501),
        ("/Bulk", 501),
        ("/Schemas?filter=id%20pr", 403),
        ("/Users/nobody", 404),
    ] {
        let answer = sandbox.scim_get(path).await;
        assert!(answer.scim_problem().starts_with(&status.to_string()), "{path}: {}", answer.text);
    }
    let answer = sandbox.scim("PUT", "/Schemas", json!({})).await;
    assert_eq!((answer.status, &answer.headers["allow"]), (405, &reqwest::header::HeaderValue::from_static("GET")));
}

#[tokio::test]
async fn filters_are_obeyed_to_the_letter() {
    let sandbox = Sandbox::company().await;
    let division = format!("{ENTERPRISE}:division");
    let manager = format!("{}:MANAGER.value", ENTERPRISE.to_uppercase());
    let custom = format!("{SKOVIK}:custom_field1");
    for (filter, found) in [
        ("userName eq \"bo@example.com\"", &["u2"][..]),
        ("USERNAME EQ \"BO@Example.com\"", &["u2"]),
        ("externalId eq \"1003\"", &["u3"]),
        ("externalId eq \"nobody\"", &[]),
        ("id eq \"u1\"", &["u1"]),
        ("id eq \"U1\"", &[]),
        ("userName ne \"bo@example.com\"", &["u1", "u3"]),
        ("name.givenName sw \"a\" or name.givenName ew \"BO\"", &["u1", "u2"]),
        ("name[givenName co \"e\" and familyName pr]", &["u3"]),
        ("not (userName co \"a\")", &[]),
        ("active eq true and not (id eq \"u1\")", &["u2", "u3"]),
        // `and` binds closer than `or`.
        ("id eq \"u1\" or id eq \"u2\" and id eq \"u3\"", &["u1"]),
        ("(id eq \"u1\" or id eq \"u2\") and id ne \"u1\"", &["u2"]),
        (&format!("{division} eq \"SE01\""), &["u1", "u2", "u3"]),
        (&format!("{CORE}:userName sw \"cleo\""), &["u3"]),
        (&format!("{manager} eq \"u1\""), &["u2", "u3"]),
        (&format!("{manager} eq null"), &["u1"]),
        (&format!("{ENTERPRISE}:manager pr"), &["u2", "u3"]),
        (&format!("{custom} eq \"4100\" and id gt \"u2\""), &["u3"]),
        (&format!("schemas eq \"{SKOVIK}\""), &["u1", "u2", "u3"]),
        ("meta.resourceType eq \"User\" and id le \"u1\"", &["u1"]),
        ("name.familyName eq \"B\\u0065rg\" and id lt \"u2\"", &["u1"]),
    ] {
        assert_eq!(sandbox.found(filter).await, Ok(found.iter().map(ToString::to_string).collect()), "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_refused() {
    let sandbox = Sandbox::company().await;
    let deep = format!("{}id pr{}", "(".repeat(33), ")".repeat(33));
    for (filter, reason) in [
        ("", "character 1: the name of an attribute is missing"),
        ("userName", "an operator is missing"),
        ("userName eq", "a space and a value must follow"),
        ("userName eq bo@example.com", "write a text in quotes"),
        ("userName eq 'bo'", "write a text in quotes"),
        ("userName eq \"bo", "not closed"),
        ("userName is \"bo\"", "\"is\" is not an operator"),
        ("userName eq \"bo\" and", "the name of an attribute is missing"),
        ("userName eq \"bo\" xor id pr", "something follows the filter"),
        ("(id pr", "a ) is missing"),
        ("id pr)", "something follows the filter"),
        ("emails eq \"bo\"", "there is no \"emails\""),
        ("division eq \"SE01\"", "there is no \"division\""),
        ("urn:unknown:User:division eq \"SE01\"", "names no schema"),
        ("name eq \"Bo\"", "has parts"),
        ("name.middleName eq \"Bo\"", "there is no"),
        ("userName[value eq \"Bo\"]", "only an attribute with parts can have brackets"),
        ("name[userName eq \"Bo\"]", "name has no \"userName\""),
        ("active eq \"true\"", "cannot be compared"),
        ("active gt true", "cannot be compared"),
        ("userName eq 1", "cannot be compared"),
        ("userName gt null", "cannot be compared"),
        ("userName eq \"bo\"and id pr", "a space must follow the value"),
        (&deep, "brackets are nested too deeply"),
    ] {
        let problem = sandbox.found(filter).await.expect_err(filter);
        assert!(problem.starts_with("400 invalidFilter: ") && problem.contains(reason), "{filter}: {problem}");
    }
}

#[tokio::test]
async fn pages_begin_anywhere_and_are_never_larger_than_the_cap() {
    let page_cap = NonZeroUsize::new(2).expect("not zero");
    let sandbox = Sandbox::start(Options { account: company(), page_cap, ..Options::default() }).await;
    for (query, start, found) in [
        ("", 1, &["u1", "u2"][..]),
        ("?startIndex=3", 3, &["u3"]),
        ("?startIndex=2&count=1", 2, &["u2"]),
        ("?startIndex=0&count=100", 1, &["u1", "u2"]),
        ("?startIndex=-7", 1, &["u1", "u2"]),
        ("?count=0", 1, &[]),
        ("?count=-1", 1, &[]),
        ("?startIndex=9", 9, &[]),
        ("?sortBy=name.givenName&sortOrder=descending", 1, &["u3", "u2"]),
        ("?sortBy=externalId", 1, &["u1", "u2"]),
    ] {
        let page = sandbox.scim_get(&format!("/Users{query}")).await.json();
        assert_eq!(ids(&page), found, "{query}");
        assert_eq!(
            (&page["totalResults"], &page["startIndex"], &page["itemsPerPage"]),
            (&json!(3), &json!(start), &json!(found.len()))
        );
    }
    for query in [
        "startIndex=one",
        "count=1.5",
        "sortBy=name",
        "sortBy=nothing",
        "sortOrder=up",
        "page=1",
        "attributes=nothing",
        "attributes=userName&excludedAttributes=name",
    ] {
        let answer = sandbox.scim_get(&format!("/Users?{query}")).await;
        assert!(answer.scim_problem().starts_with("400 invalid"), "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_answer_shows_the_attributes_that_are_asked_for() {
    let sandbox = Sandbox::company().await;
    let names = |user: &Value| user.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    for (query, shown) in [
        ("attributes=USERNAME", &["id", "schemas", "userName"][..]),
        ("attributes=name.givenName,active", &["active", "id", "name", "schemas"]),
        (&format!("attributes={ENTERPRISE}:division"), &["id", "schemas", ENTERPRISE]),
        (&format!("attributes={SKOVIK}"), &["id", "schemas", SKOVIK]),
        (
            &format!("excludedAttributes=id,meta,name,{SKOVIK},{ENTERPRISE}:manager,{ENTERPRISE}:division"),
            &["active", "externalId", "id", "schemas", "userName"],
        ),
    ] {
        let one = sandbox.scim_get(&format!("/Users/u2?{query}")).await.json();
        assert_eq!(names(&one), shown, "{query}");
        let list = sandbox.scim_get(&format!("/Users?{query}")).await.json();
        assert_eq!(list["Resources"][1], one, "{query}");
    }
    let one = sandbox.scim_get("/Users/u2?attributes=name.givenName").await.json();
    assert_eq!(one["name"], json!({"givenName": "Bo"}));
}

#[tokio::test]
async fn a_search_is_a_list_by_post() {
    let sandbox = Sandbox::company().await;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                        "filter": "id ne \"u1\"", "sortBy": "id", "sortOrder": "descending", "count": 1,
                        "attributes": ["userName"]});
    for path in ["/Users/.search", "/.search"] {
        let list = sandbox.scim("POST", path, search.clone()).await.json();
        assert_eq!((ids(&list), &list["totalResults"]), (vec!["u3".to_owned()], &json!(2)), "{path}");
        assert_eq!(list["Resources"][0].get("active"), None);
    }
    for (member, value) in [("count", json!("1")), ("filter", json!(1)), ("attributes", json!([1])), ("page", json!(1))]
    {
        let mut wrong = search.clone();
        wrong[member] = value;
        let answer = sandbox.scim("POST", "/Users/.search", wrong).await;
        assert!(answer.scim_problem().starts_with("400 invalid"), "{member}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_key_is_needed_as_on_the_other_door() {
    let options = || Options {
        account: company(),
        key: Some("right".into()),
        read_key: Some("eyes".into()),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options()).await;
    for (method, path, key, status) in [
        ("GET", "/Users", "wrong", 401),
        ("GET", "/ServiceProviderConfig", "wrong", 401),
        ("GET", "/Users", "eyes", 200),
        ("POST", "/Users/.search", "eyes", 415),
        ("DELETE", "/Users/u3", "eyes", 403),
        ("DELETE", "/Users/u3", "right", 204),
    ] {
        let url = format!("{}{path}", sandbox.server.scim_url());
        let request = sandbox.client.request(method.parse().expect("a method"), url).bearer_auth(key);
        let answer = Answer::read(request).await.expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
        if status >= 400 {
            answer.scim_problem();
        }
    }
}
