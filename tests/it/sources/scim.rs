//! Users of a SCIM server: of a real one, and of one that is scripted to be wrong.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::harness::{Company, FIXTURE_URL, Output, snapshot};
use crate::servers::scim::{Scim, TOKEN};
use crate::servers::web::{Reply, Request, Web, json, status};

/// How many users the real server has, and how many of them are managers.
const USERS: usize = 330;
const MANAGERS: usize = 30;
/// How many it gives in one page, whatever it is asked for.
const PAGE: usize = 50;
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// User n, counted from 0, with this manager.
fn user(n: usize, manager: Option<&str>) -> Value {
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": format!("p{n}"), "active": n % 11 != 10,
        "name": {"givenName": format!("Åsa{n}"), "familyName": "Öberg"},
        "emails": [{"value": format!("p{n}@home.example"), "type": "home"},
                   {"value": format!("P{n}@example.com"), "type": "work", "primary": true}],
        ENTERPRISE: {"employeeNumber": format!("{}", 10_000 + n), "division": "SE01"}
    });
    if let Some(manager) = manager {
        user[ENTERPRISE]["manager"] = json!({"value": manager});
    }
    user
}

fn filled() -> Scim {
    let scim = Scim::start(PAGE);
    let mut managers: Vec<String> = Vec::new();
    for n in 0..USERS {
        let manager = (n > 0).then(|| &*managers[n % managers.len()]);
        let id = scim.create(&user(n, manager));
        if n < MANAGERS {
            managers.push(id);
        }
    }
    scim
}

/// The real server, which no test changes.
fn scim() -> &'static Scim {
    static SCIM: OnceLock<Scim> = OnceLock::new();
    SCIM.get_or_init(filled)
}

fn settings(url: &str, source: &str) -> String {
    format!(
        "[target]\nkind = \"skovik\"\nurl = \"{FIXTURE_URL}\"\n\
         [[source]]\nname = \"dir\"\nkind = \"scim\"\nkey = \"id\"\nurl = \"{url}\"\nretries = 1\n{source}\n\
         [source.auth]\nkind = \"bearer\"\ntoken_env = \"SCIM_TOKEN\"\n\
         [employee]\nexternal_identifier = \"{{{{ dir.enterprise.employeeNumber }}}}\"\n\
         primary_email = \"{{{{ dir.primary_email | lower }}}}\"\n\
         first_name = \"{{{{ dir.name.givenName }}}}\"\nlast_name = \"{{{{ dir.name.familyName }}}}\"\n\
         branch = \"{{{{ dir.enterprise.division }}}}\"\n\
         manager = {{ value = \"{{{{ dir.manager_id }}}}\", refers_to = \"{{{{ dir.id }}}}\" }}\n\
         [scope]\ninclude = \"dir.active\"\n"
    )
}

fn company(url: &str, source: &str) -> Company {
    let branch = json!({"type": "branches", "id": "se01",
                        "attributes": {"name": "Example", "external_identifier": "SE01"}});
    let mut company = Company::of(&settings(url, source), "", &snapshot(&[branch], &[], &[]), |_| {});
    company.env("SCIM_TOKEN", TOKEN);
    company
}

/// There is no plan, for these reasons, and nothing shows the token.
#[track_caller]
fn refused(company: &Company, code: i32, parts: &[&str]) -> Output {
    let output = company.run(&["-v", "plan"]).ends(code).says(parts);
    assert!(!company.exists("plan.json"), "{output}");
    let shown = output.to_string();
    assert!(!shown.contains(TOKEN) && !shown.contains("0123456789"), "{shown}");
    output
}

#[test]
fn all_users_with_their_managers() {
    let company = company(&scim().url(), "page_size = 1000");
    let before = scim().pages();
    let plan = company.plan(0);
    let asked = scim().pages() - before;
    assert!(asked >= USERS.div_ceil(PAGE), "{asked} pages");
    let listed = &plan["sources"][0];
    assert_eq!(
        (&listed["kind"], &listed["records"], &listed["proof"]),
        (&json!("scim"), &json!(USERS), &json!("totalResults"))
    );
    assert_eq!(plan["summary"]["create"], USERS - USERS / 11, "those who are not active are not employed");
    assert_eq!(plan["summary"]["set_aside"], 0, "{:#}", plan["diagnostics"]);
    company.plan_and_apply();
    let user = company.user("10041").unwrap();
    assert_eq!(user["attributes"]["primary_email"], "p41@example.com");
    assert_eq!(user["attributes"]["first_name"], "Åsa41");
    let manager = company.user(&format!("{}", 10_000 + 41 % MANAGERS)).expect("a manager who is active");
    assert_eq!(user["relationships"]["manager"]["data"]["id"], manager["id"]);
    company.is_in_line();
    let again = company.json("again.json");
    assert_eq!(again["sources"][0]["fingerprint"], listed["fingerprint"], "whatever order the server has");
}

#[test]
fn a_filter_and_some_attributes() {
    let attributes = format!(
        "attributes = [\"userName\", \"name\", \"emails\", \"active\", \"{ENTERPRISE}:employeeNumber\", \
        \"{ENTERPRISE}:division\", \"{ENTERPRISE}:manager\"]"
    );
    let company = company(&scim().url(), &format!("filter = 'userName eq \"p7\"'\n{attributes}"));
    let plan = company.plan(0);
    assert_eq!(plan["sources"][0]["records"], 1);
    assert_eq!(plan["operations"][0]["employee"], "10007");
}

#[test]
fn a_wrong_token_and_a_server_that_is_gone() {
    let mut wrong = company(&scim().url(), "");
    wrong.env("SCIM_TOKEN", "wrong-0123456789");
    let says = ["source `dir`: http://127.0.0.1:", "/v2/Users refuses the credentials (401): Authorization failure."];
    refused(&wrong, 4, &says);
    let gone = Scim::start(PAGE);
    gone.create(&user(0, None));
    let company = company(&gone.url(), "");
    assert_eq!(company.plan(0)["summary"]["create"], 1);
    std::fs::remove_file(company.path("plan.json")).unwrap();
    gone.kill();
    // One that is just ending may still take the first connection, and reset it.
    refused(&company, 4, &["source `dir`: ", "/v2/Users: ", "Connection refused"]);
}

/// A scripted server with so many users, who come in pages of two unless the script has something else to say.
fn scripted(users: usize, script: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static) -> Web {
    Web::start(move |_, request: &Request| {
        let start = request.number("startIndex");
        script(start).unwrap_or_else(|| {
            let resources: Vec<Value> = (start..=users).take(2).map(numbered).collect();
            json(json!({"totalResults": users, "startIndex": start, "itemsPerPage": 100, "Resources": resources}))
        })
    })
}

fn numbered(n: usize) -> Value {
    let mut user = user(n, None);
    user["id"] = json!(format!("id-{n}"));
    user
}

fn page(total: usize, users: &[usize]) -> Reply {
    let resources: Vec<Value> = users.iter().map(|&n| numbered(n)).collect();
    json(json!({"totalResults": total, "Resources": resources}))
}

#[test]
fn lists_that_are_not_whole() {
    for (at_three, expected) in [
        (page(5, &[]), "from startIndex 3 on: the list ends after 2 users, but totalResults is 5"),
        (page(6, &[3, 4]), "from startIndex 3 on: totalResults was 5 and is 6 now"),
        (page(5, &[3, 2]), "from startIndex 3 on: the user with the id \"id-2\" comes twice"),
        (page(5, &[3, 4, 5, 6]), "6 users have come, but totalResults is 5"),
        (json(json!({"totalResults": 5, "startIndex": 1, "Resources": [numbered(3)]})), "begins at startIndex 1"),
        (json(json!({"Resources": []})), "it has no totalResults"),
        (json(json!({"totalResults": 5, "Resources": ["x"]})), "the user at 3: it is not an object"),
        (json("[]"), "it is not a SCIM list"),
        (json("{\"totalResults\": 5, \"Resources\": ["), "it is not JSON"),
        (
            status(400, json!({"detail": format!("not with {TOKEN}"), "status": "400"})),
            "/Users answers 400: not with [key]",
        ),
        (
            Reply::Raw("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"totalResults\": 5".to_owned()),
            "from startIndex 3 on: ",
        ),
    ] {
        let web = scripted(5, move |start| (start == 3).then(|| at_three.clone()));
        refused(&company(&format!("{}/scim", web.url), ""), 4, &["source `dir`: ", expected]);
    }
    let web = scripted(5, |_| None);
    let company = company(&format!("{}/scim/", web.url), "resource = \"Staff\"\npage_size = 2");
    assert_eq!(company.plan(0)["summary"]["create"], 5);
    let calls = [1, 3, 5, 6].map(|start| format!("GET /scim/Staff?startIndex={start}&count=2"));
    assert_eq!(web.calls(), calls);
}

#[test]
fn a_total_that_is_the_length_of_a_page_ends_nothing() {
    let pages = Web::start(|_, request| {
        let start = request.number("startIndex");
        let users: Vec<usize> = (start..=5).take(2).collect();
        page(users.len(), &users)
    });
    let says = "from startIndex 3 on: all 2 users of totalResults had come, and here is another one";
    refused(&company(&pages.url, ""), 4, &["source `dir`: ", says]);
    // It gives the same page whatever it is asked: it may have given all, or a page of them.
    let same = Web::always(page(2, &[1, 2]));
    let says =
        "from startIndex 2 on: all 2 users of totalResults had come, and the one with the id \"id-1\" comes again";
    refused(&company(&same.url, ""), 4, &["source `dir`: ", says]);
    let says_so = json!({"totalResults": 2, "startIndex": 1, "Resources": [numbered(1), numbered(2)]});
    refused(&company(&Web::always(json(says_so)).url, ""), 4, &[says]);
    for (at_three, expected) in [
        (status(404, "no such page"), "/Users answers 404: no such page"),
        (page(0, &[]), "totalResults was 2 and is 0 now"),
    ] {
        let web = scripted(2, move |start| (start == 3).then(|| at_three.clone()));
        refused(&company(&web.url, ""), 4, &["source `dir`: from startIndex 3 on: ", expected]);
    }
    let nobody = scripted(0, |_| None);
    assert_eq!(company(&nobody.url, "").plan(5)["sources"][0]["records"], 0);
    assert_eq!(nobody.calls().len(), 1, "an empty page is an end already");
}

#[test]
fn a_server_that_begins_anew_after_its_last_page() {
    let calls = |starts: &[usize]| -> Vec<String> {
        starts.iter().map(|start| format!("GET /scim/Users?startIndex={start}&count=100")).collect()
    };
    // Two pages with different users show that it obeys startIndex.
    for anew in [json!([numbered(1), numbered(2)]), json!([numbered(5)])] {
        let anew = json(json!({"totalResults": 5, "startIndex": 1, "Resources": anew}));
        let web = scripted(5, move |start| (start == 6).then(|| anew.clone()));
        let company = company(&format!("{}/scim", web.url), "");
        let plan = company.plan(0);
        assert_eq!(plan["summary"]["create"], 5);
        assert_eq!(plan["sources"][0]["proof"], "totalResults");
        assert_eq!(web.calls(), calls(&[1, 3, 5, 6]));
    }
    // One page does not; so it is asked from the second user on.
    let web = scripted(2, |start| (start == 3).then(|| page(2, &[1, 2])));
    assert_eq!(company(&format!("{}/scim", web.url), "").plan(0)["summary"]["create"], 2);
    assert_eq!(web.calls(), calls(&[1, 3, 2]));
    // Another user follows the last one.
    let web = scripted(5, |start| (start == 6).then(|| page(5, &[1, 6])));
    refused(
        &company(&web.url, ""),
        4,
        &["from startIndex 6 on: all 5 users of totalResults had come, and here is another"],
    );
}

#[test]
fn a_key_of_users_on_two_pages() {
    let server = |odd: fn(usize, &mut Value)| {
        Web::start(move |_, request| {
            let start = request.number("startIndex");
            let places = (start..=5).take(2).map(|place| {
                // The third one is the second one again, with something else in it.
                let mut user = numbered(if place == 3 { 2 } else { place });
                odd(place, &mut user);
                user
            });
            json(json!({"totalResults": 5, "Resources": places.collect::<Vec<Value>>()}))
        })
    };
    let by_name = |web: &Web, more: &str| {
        let settings = settings(&web.url, more).replace("key = \"id\"", "key = \"userName\"");
        let mut company = company(&web.url, more);
        std::fs::write(company.path("skovik-sync.toml"), settings).unwrap();
        company.env("SCIM_TOKEN", TOKEN);
        company
    };
    let no_id = server(|place, user| {
        user.as_object_mut().unwrap().remove("id");
        user["displayName"] = json!(place);
    });
    let other_id = server(|place, user| user["id"] = json!(format!("id-{place}")));
    for web in [no_id, other_id] {
        refused(&by_name(&web, ""), 4, &["have the same userName", "and came on different pages", "set `prefer`"]);
    }
    let blank = server(|place, user| user["id"] = json!(format!("id-{place}{}", if place == 3 { " " } else { "" })));
    refused(&company(&blank.url, ""), 4, &["the user with the id \"id-3 \" has white space around it"]);
}

#[test]
fn a_server_that_takes_no_count_and_one_without_an_order() {
    let web = Web::start(|number, request| match request.parameter("count") {
        Some(_) => status(500, "an internal error occurred"),
        None if request.parameter("sortBy").as_deref() == Some("userName") => {
            let start = request.number("startIndex");
            page(4, &(start..=4).take(2).collect::<Vec<usize>>())
        }
        // Without an order, the same one comes again.
        None => page(4, &[1 + number % 2, 3]),
    });
    refused(&company(&web.url, ""), 4, &["an internal error occurred (tried 2 times)", "page_size = 0"]);
    let unsorted = company(&web.url, "page_size = 0");
    refused(&unsorted, 4, &["from startIndex 3 on: the user with the id \"id-3\" comes twice", "`sort_by`"]);
    let sorted = company(&format!("{}/scim", web.url), "page_size = 0\nsort_by = \"userName\"");
    assert_eq!(sorted.plan(0)["summary"]["create"], 4);
    let asked = "GET /scim/Users?startIndex=5&sortBy=userName&sortOrder=ascending";
    assert_eq!(web.calls().last().map(String::as_str), Some(asked));
}

#[test]
fn an_odd_shape_concerns_one_user() {
    let anna = json!({"value": "id-1"});
    for (what, odd, outcome) in [
        ("manager", json!([anna]), "manager"),
        ("manager", json!("id-1"), "manager"),
        ("manager", json!({"VALUE": "id-1"}), "manager"),
        ("manager", json!([]), "nobody"),
        ("manager", json!({}), "nobody"),
        ("manager", json!({"value": null, "displayName": ""}), "nobody"),
        ("manager", json!([anna, {"value": "id-3"}]), "set aside"),
        ("manager", json!({"displayName": "Anna"}), "set aside"),
        ("manager", json!({"value": {"id": "id-1"}}), "set aside"),
        ("manager", json!({"value": true}), "unresolved"),
        ("manager", json!("id-99"), "unresolved"),
        ("emails", json!({"value": "p2@example.com"}), "nobody"),
        ("emails", json!(["p2@example.com"]), "nobody"),
        ("emails", json!([7, {"value": "p2@example.com", "primary": true}]), "nobody"),
        ("emails", json!([{"value": ["p2@example.com"], "primary": true}]), "set aside"),
        (
            "emails",
            json!([{"value": "a@example.com", "primary": true}, {"value": "b@example.com", "primary": true}]),
            "set aside",
        ),
        ("Emails", json!([{"value": "twice@example.com"}]), "set aside"),
        ("id", json!(null), "set aside"),
        (ENTERPRISE, json!([{"manager": anna}]), "set aside"),
    ] {
        let mut users: Vec<Value> = (1..=30).map(numbered).collect();
        let place = if what == "manager" { &mut users[1][ENTERPRISE]["manager"] } else { &mut users[1][what] };
        *place = odd.clone();
        let web = Web::start(move |number, _| {
            json(json!({"totalResults": 30, "Resources": if number == 0 { users.clone() } else { Vec::new() }}))
        });
        let company = company(&web.url, "");
        company.edit("skovik-sync.toml", "[scope]\ninclude = \"dir.active\"\n", "");
        let plan = company.plan(0);
        let set_aside = u64::from(outcome == "set aside");
        assert_eq!(plan["summary"]["set_aside"], set_aside, "{what}: {odd}: {:#}", plan["diagnostics"]);
        assert_eq!(plan["summary"]["create"], 30 - set_aside, "{what}: {odd}");
        let codes: Vec<&str> =
            plan["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
        let is_unresolved = codes.contains(&"manager_unresolved");
        assert_eq!(is_unresolved, outcome == "unresolved", "{what}: {odd}: {:#}", plan["diagnostics"]);
        if set_aside == 1 && what != "id" && what != ENTERPRISE {
            let message = plan["diagnostics"][0]["message"].as_str().unwrap();
            let told = ["manager", "e-mail", "`emails`"];
            assert!(told.iter().any(|word| message.contains(word)), "{what}: {odd}: {message}");
        }
        if outcome == "manager" {
            let operations = plan["operations"].as_array().unwrap();
            let bo = operations.iter().find(|one| one["employee"] == "10002").unwrap();
            assert!(bo.to_string().contains("10001"), "{bo:#}");
        }
    }
}

#[test]
fn columns_of_users_who_lack_something() {
    let users = json!([
        {"id": "b", "userName": "b", "emails": [{"value": "only@example.com"}], "x": {"y": 1}},
        {"id": "a", "userName": "a", "emails": [{"value": "1@example.com"}, {"value": "2@example.com"}]},
        {"id": "c", "userName": "c", "emails": [{"value": "1@example.com"}, {"VALUE": "two@example.com", "Primary": "True"}],
         ENTERPRISE.to_uppercase(): {"manager": "b"}},
        {"id": "d", "userName": "d", "emails": null, ENTERPRISE: null},
        {"id": "e", "userName": "e", ENTERPRISE: {"manager": null}},
    ]);
    let web = Web::start(move |number, _| {
        json(json!({"totalresults": 5, "resources": if number == 0 { users.clone() } else { json!([]) }}))
    });
    let company = company(&web.url, "");
    company.edit("skovik-sync.toml", "[source.auth]", "[source.columns]\ny = \"/x/y\"\n[source.auth]");
    company.edit("skovik-sync.toml", "[scope]\ninclude = \"dir.active\"\n", "");
    let told = "first_name = \"{{ dir.primary_email or '-' }} {{ dir.manager_id or '-' }} {{ dir.y or '-' }}\"";
    company.edit("skovik-sync.toml", "first_name = \"{{ dir.name.givenName }}\"", told);
    for (from, to) in [
        ("{{ dir.enterprise.employeeNumber }}", "{{ dir.id }}"),
        ("{{ dir.primary_email | lower }}", "{{ dir.id }}@example.com"),
        ("{{ dir.name.familyName }}", "x"),
        ("{{ dir.enterprise.division }}", "SE01"),
    ] {
        company.edit("skovik-sync.toml", from, to);
    }
    let plan = company.plan(0);
    let mut names: Vec<&str> =
        plan["operations"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["- - - x", "- - - x", "- - - x", "only@example.com - 1 x", "two@example.com b - x"]);
}

#[test]
fn settings_that_cannot_be_right() {
    for (source, expected) in [
        ("resource = \"Users/1\"", "must be the name of an endpoint"),
        ("page_size = 10001", "must be between 0 and 10000"),
        ("paging = \"page\"", "unknown key `paging`"),
        ("columns = { x = \"y\" }", "must begin with a slash"),
    ] {
        refused(&company("http://127.0.0.1:1/v2", source), 3, &[expected]);
    }
    refused(&company("http://127.0.0.1:1/v2?x=1", ""), 3, &["must end with its path, without ?"]);
}
