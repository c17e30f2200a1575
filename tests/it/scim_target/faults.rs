//! What can go wrong on the way to a SCIM server: answers that are lost before or after the server has done what was
//! asked, refusals that pass, lists that are cut. Nobody is created twice, and the same apply can finish.
//!
//! `SKOVIK_CHAOS_SEED=N` replays the run with that seed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::Company;
use crate::servers::scim::Scim;
use crate::servers::web::{Reply, Request, Web, json as answer, status};

use super::people::{LIMITS, People, a_year_later, company, csv, held, some};
use super::{PAGE, TOKEN, fill, settings};

/// How often `apply` may have to be run.
const PROCESSES: usize = 40;
/// A way to the server on which requests for users fail by chance, so many times.
fn faulty(scim: Arc<Scim>, seed: u64) -> (Web, Arc<Mutex<u32>>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let left = Arc::new(Mutex::new(rng.u32(3..15)));
    let (rng, budget) = (Mutex::new(rng), Arc::clone(&left));
    let web = Web::start(move |_, request: &Request| {
        let fault = {
            let (mut rng, mut left) = (rng.lock().expect("a generator"), budget.lock().expect("a number"));
            let strikes = *left > 0 && rng.u32(0..4) == 0 && request.target.contains("/Users");
            *left -= u32::from(strikes);
            strikes.then(|| rng.u32(0..6))
        };
        let refusal = |status: u16| Reply::Answer(status, vec![("retry-after", "0".to_owned())], String::new());
        match fault {
            None => Reply::Raw(scim.pass_on(request)),
            Some(0) => Reply::Raw(String::new()),
            Some(1) => refusal(429),
            Some(2) => refusal(500),
            Some(3) => {
                scim.pass_on(request);
                refusal(503)
            }
            // The answer is cut.
            Some(4) => {
                let answer = scim.pass_on(request);
                let end = answer.char_indices().nth(answer.chars().count() / 2).map_or(0, |(place, _)| place);
                Reply::Raw(answer[..end].to_owned())
            }
            Some(_) => {
                scim.pass_on(request);
                Reply::Raw(String::new())
            }
        }
    });
    (web, left)
}

fn run(seed: u64, scim: Scim) {
    let scim = Arc::new(scim);
    let before = some(&company());
    fill(&scim, &before);
    let later = some(&a_year_later(&company(), false));
    let (web, left) = faulty(Arc::clone(&scim), seed);
    let mut company = Company::empty();
    let base = url::Url::parse(&scim.url()).expect("an address");
    let target = "remove = \"delete\"\ntimeout = \"5s\"";
    company.write("skovik-sync.toml", settings(&format!("{}{}", web.url, base.path()), target) + LIMITS);
    company.write("employees.csv", csv(&later));
    company.env("SKOVIK_TOKEN", TOKEN);
    let again = |args: &[&str]| {
        (0..PROCESSES)
            .map(|_| company.run(args))
            .find(|ended| ended.code == Some(0))
            .unwrap_or_else(|| panic!("seed {seed}: {args:?} fails"))
    };
    again(&["plan"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let mut codes = Vec::new();
    for _ in 0..PROCESSES {
        let ended = company.run(&["apply", "plan.json"]);
        codes.push(ended.code);
        if ended.code == Some(0) {
            break;
        }
        assert!(matches!(ended.code, Some(4 | 9)), "seed {seed}: {ended}");
    }
    assert_eq!(codes.last(), Some(&Some(0)), "seed {seed}: {codes:?}, {} faults left", left.lock().expect("a number"));
    let users = scim.users();
    let numbers: BTreeSet<Option<&str>> = users.iter().map(|user| user["externalId"].as_str()).collect();
    assert_eq!(numbers.len(), users.len(), "seed {seed}: somebody is there twice");
    assert_eq!(held(&users), later, "seed {seed}");
    let made = scim.requests().iter().filter(|line| line.starts_with("POST")).count();
    assert_eq!(made, before.len() + 4, "seed {seed}: nobody is sent a second time");
}

fn seeds() -> Vec<u64> {
    let chosen = std::env::var("SKOVIK_CHAOS_SEED").ok();
    chosen.map_or_else(|| (0..6).collect(), |seed| vec![seed.parse().expect("a number")])
}

#[test]
fn whatever_fails_on_the_way_the_same_apply_converges() {
    seeds().into_iter().for_each(|seed| run(seed, Scim::start(PAGE)));
}

#[test]
fn it_converges_without_versions_too() {
    seeds().into_iter().for_each(|seed| run(seed, Scim::scimmy()));
}

/// A server that drops an attribute of whatever it is sent, without a word.
fn dropping(scim: Arc<Scim>, attribute: &'static str) -> Web {
    Web::start(move |_, request: &Request| {
        let mut request = request.clone();
        if let Ok(mut user) = serde_json::from_str::<serde_json::Value>(&request.body) {
            let objects = user.as_object_mut().into_iter();
            for members in objects {
                members.remove(attribute);
                members.values_mut().filter_map(|value| value.as_object_mut()).for_each(|inner| {
                    inner.remove(attribute);
                });
            }
            request.body = user.to_string();
        }
        Reply::Raw(scim.pass_on(&request))
    })
}

#[test]
fn what_the_server_drops_is_reported() {
    for (attribute, says) in
        [("department", "is (none), not \"D"), ("externalId", "Skovik answers with another person")]
    {
        let scim = Arc::new(Scim::start(PAGE));
        let web = dropping(Arc::clone(&scim), attribute);
        let mut company = Company::empty();
        let newcomers: People = company_of_two();
        company.write(
            "skovik-sync.toml",
            settings(&format!("{}/v2", web.url), "branches = [\"SE01\", \"NO01\"]\ntimeout = \"3s\""),
        );
        company.write("employees.csv", csv(&newcomers));
        company.env("SKOVIK_TOKEN", TOKEN);
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        let applied = company.run(&["apply", "plan.json"]).ends(9);
        assert!(applied.stdout.contains(says), "{attribute}: {applied}");
        // Whatever is run again, nobody is made twice.
        company.run(&["apply", "plan.json"]).ends(9);
        assert!(scim.users().len() <= 2, "{attribute}");
    }
}

/// The first and the second of the company.
fn company_of_two() -> People {
    company().into_iter().take(2).collect()
}

/// A company of eleven whose twelfth has left, at a server.
fn company_that_one_has_left(scim: &Scim, web: &Web) -> Company {
    let before = super::people::company();
    fill(scim, &before.clone().into_iter().take(12).collect());
    let mut company = Company::empty();
    let more = "branches = [\"SE01\", \"NO01\", \"DK01\"]\ntimeout = \"3s\"";
    company.write("skovik-sync.toml", settings(&format!("{}/v2", web.url), more));
    company.write("employees.csv", csv(&before.into_iter().take(11).collect()));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company
}

/// A server that does something more to whoever is made inactive.
fn meddling(scim: Arc<Scim>, more: serde_json::Value, is_answered: bool) -> Web {
    Web::start(move |_, request: &Request| {
        let mut request = request.clone();
        if let Ok(mut patch) = serde_json::from_str::<serde_json::Value>(&request.body)
            && request.target.contains("/Users/")
        {
            patch["Operations"].as_array_mut().expect("operations").push(more.clone());
            request.body = patch.to_string();
            let answer = scim.pass_on(&request);
            return Reply::Raw(if is_answered { answer } else { String::new() });
        }
        Reply::Raw(scim.pass_on(&request))
    })
}

#[test]
fn what_somebody_loses_or_gets_in_becoming_inactive_is_reported() {
    for (more, says) in [
        (serde_json::json!({"op": "remove", "path": "nickName"}), "nickName is gone, it was \"n10011\""),
        (
            serde_json::json!({"op": "replace", "path": "name.familyName", "value": "Else"}),
            "last_name is \"Else\", not \"Öberg\"",
        ),
        (
            serde_json::json!({"op": "add", "path": "roles", "value": [{"value": "admin"}]}),
            "roles are [\"admin\"], and no roles were told before",
        ),
    ] {
        // The list that settles a lost answer shows it too.
        for is_answered in [true, false] {
            let scim = Arc::new(Scim::start(PAGE));
            let web = meddling(Arc::clone(&scim), more.clone(), is_answered);
            let company = company_that_one_has_left(&scim, &web);
            let applied = company.run(&["apply", "plan.json"]);
            assert!(applied.code == Some(9) && applied.stdout.contains(says), "{says} {is_answered}: {applied}");
            // An apply that goes on says it too.
            let again = company.run(&["apply", "plan.json"]).ends(9);
            assert!(again.stdout.contains(says), "{says} {is_answered}: {again}");
        }
    }
}

/// A key that is withdrawn between a write and the look after it: what was done is not forgotten.
#[test]
fn what_is_done_and_cannot_be_seen_is_in_doubt() {
    let scim = Arc::new(Scim::start(PAGE));
    let is_withdrawn = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (server, withdrawn) = (Arc::clone(&scim), Arc::clone(&is_withdrawn));
    let web = Web::start(move |_, request: &Request| {
        if withdrawn.load(std::sync::atomic::Ordering::SeqCst) {
            return status(403, "");
        }
        let answer = server.pass_on(request);
        if request.method == "PATCH" && request.target.contains("/Users/") {
            withdrawn.store(true, std::sync::atomic::Ordering::SeqCst);
            return status(204, "");
        }
        Reply::Raw(answer)
    });
    let company = company_that_one_has_left(&scim, &web);
    let applied = company.run(&["apply", "plan.json", "--report", "report.json"]);
    let report: serde_json::Value = serde_json::from_str(&company.read("report.json")).expect("JSON");
    assert!(applied.code != Some(0) && report["operations"][0]["outcome"] == "in_doubt", "{applied}{report}");
    is_withdrawn.store(false, std::sync::atomic::Ordering::SeqCst);
    let again = company.run(&["apply", "plan.json"]).ends(0);
    assert!(again.stdout.contains("1 deleted"), "{again}");
    let undone = company.run(&["undo", "plan.json"]).ends(0);
    // It knows of the delete. Without `reactivate` it cannot take it back.
    assert!(undone.stdout.contains("is inactive") && undone.stdout.contains("is not created again"), "{undone}");
}

/// What cannot be a custom field of a server that lists its attributes is none of one that does not.
#[test]
fn what_means_something_else_is_no_custom_field_without_schemas_either() {
    let scim = Arc::new(Scim::start(PAGE));
    fill(&scim, &company_of_two());
    let server = Arc::clone(&scim);
    let web = Web::start(move |_, request: &Request| match request.target.contains("/Schemas") {
        true => status(404, ""),
        false => Reply::Raw(server.pass_on(request)),
    });
    let mut company = Company::empty();
    company.write("employees.csv", csv(&company_of_two()));
    company.env("SKOVIK_TOKEN", TOKEN);
    let field = |path: &str| format!("\n[employee.custom_fields]\n{path}\n");
    for (path, says) in [
        ("active = \"{{ false }}\"", "active in [employee.custom_fields] means something else"),
        ("roles = \"admin\"", "roles in [employee.custom_fields] means something else"),
        ("title = \"a\"\nTITLE = \"b\"", "twice, in other letters"),
    ] {
        let settings = settings(&format!("{}/v2", web.url), "branches = [\"SE01\", \"NO01\", \"DK01\"]");
        let (before, after) = settings.split_once("[employee.custom_fields]").unwrap_or((&settings, ""));
        let rest = after.find("\n[").map_or("", |next| &after[next..]);
        company.write("skovik-sync.toml", format!("{before}{rest}{}", field(path)));
        company.run(&["plan"]).ends(4).says(&[says]);
    }
}

/// Whatever a server sends of each user, a list takes no more memory than its rows can need.
#[test]
fn a_list_has_a_size() {
    let padding = " ".repeat(30 << 20);
    let web = Web::start(move |_, request| match request.parameter("startIndex") {
        Some(start) => {
            let user = serde_json::json!({"id": start, "userName": start, "externalId": start}).to_string();
            answer(format!("{{\"totalResults\":6,\"startIndex\":{start},\"Resources\":[{user}]{padding}}}"))
        }
        None => status(404, ""),
    });
    let mut company = Company::empty();
    company.write("skovik-sync.toml", settings(&web.url, "max_rows = 6"));
    company.write("employees.csv", csv(&super::people::company()));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(4).says(&["page 3: the list is larger than 64 MiB, more than its rows can need"]);
}

/// A list that lacks whom the apply before created is an old one if they are still active, and none if somebody has made them
/// inactive: many servers list nobody who is inactive.
#[test]
fn a_newcomer_whom_the_list_lacks_is_asked_for_alone() {
    let scim = Arc::new(Scim::start(PAGE));
    let mut people: People = company().into_iter().take(8).collect();
    let newcomer = people.pop_last().expect("somebody");
    fill(&scim, &people);
    let (server, lacks) = (Arc::clone(&scim), Arc::new(AtomicBool::new(false)));
    let (is_lacking, new) = (Arc::clone(&lacks), newcomer.0.to_string());
    let web = Web::start(move |_, request: &Request| {
        let is_list = request.method == "GET" && request.target.contains("/Users?");
        if !(is_list && is_lacking.load(Ordering::SeqCst)) {
            return Reply::Raw(server.pass_on(request));
        }
        let users: Vec<Value> = server.users().into_iter().filter(|user| user["externalId"] != json!(new)).collect();
        let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
        let start = request.number("startIndex");
        let page: Vec<&Value> = users.iter().skip(start - 1).take(PAGE).collect();
        answer(json!({"schemas": [list], "totalResults": users.len(), "startIndex": start, "Resources": page}))
    });
    let mut company = Company::empty();
    company.write("skovik-sync.toml", settings(&format!("{}/v2", web.url), "") + LIMITS);
    people.insert(newcomer.0, newcomer.1);
    company.write("employees.csv", csv(&people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    lacks.store(true, Ordering::SeqCst);
    company.run(&["plan", "-o", "next.json"]).ends(4).says(&["it is an old list", "nothing was written"]);
    let id = scim
        .users()
        .iter()
        .find(|user| user["externalId"] == json!(newcomer.0.to_string()))
        .map(|user| user["id"].clone());
    scim.patch(
        id.as_ref().and_then(Value::as_str).expect("an id"),
        &json!({"op": "replace", "path": "active", "value": false}),
    );
    company.run(&["plan", "-o", "next.json"]).ends(0).prints(&["1 to create"]);
    // Where inactive users are made active again, a list has them.
    company.edit("skovik-sync.toml", "[target]\n", "[target]\nreactivate = true\n");
    company.run(&["plan", "-o", "next.json"]).ends(4).says(&["it is an old list", "nothing was written"]);
    lacks.store(false, Ordering::SeqCst);
    company.run(&["plan", "-o", "next.json"]).ends(0).prints(&["1 to reactivate"]);
}

/// Whom an apply has made inactive is in no list of a server that lists nobody inactive, and shows them alone.
#[test]
fn a_leaver_whom_the_list_lacks_holds_up_nothing_where_nobody_inactive_is_listed() {
    let scim = Arc::new(Scim::start(PAGE));
    let mut people: People = company().into_iter().take(8).collect();
    fill(&scim, &people);
    let server = Arc::clone(&scim);
    let web = Web::start(move |_, request: &Request| {
        if !(request.method == "GET" && request.target.contains("/Users?")) {
            return Reply::Raw(server.pass_on(request));
        }
        let users: Vec<Value> = server.users().into_iter().filter(|user| user["active"] != json!(false)).collect();
        let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
        let page: Vec<&Value> = users.iter().skip(request.number("startIndex") - 1).take(PAGE).collect();
        let start = request.number("startIndex");
        answer(json!({"schemas": [list], "totalResults": users.len(), "startIndex": start, "Resources": page}))
    });
    people.pop_last();
    let mut company = Company::empty();
    let settings = settings(&format!("{}/v2", web.url), "reactivate = true");
    company.write("skovik-sync.toml", settings + LIMITS);
    company.write("employees.csv", csv(&people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.plan_and_apply();
    assert!(scim.users().iter().any(|user| user["active"] == json!(false)), "made inactive");
    company.run(&["plan", "-o", "next.json"]).ends(0).prints(&["No changes."]);
}
