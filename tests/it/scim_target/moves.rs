//! A change of branch at a server that empties a field on it, and takes whole users only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::Company;
use crate::servers::scim::{Scim, TOKEN};
use crate::servers::web::{Reply, Request, Web};

use super::people::{ENTERPRISE, LIMITS, People, company, csv};
use super::{PAGE, fill, settings};

/// An answer of as many bytes that does not show the e-mails.
fn without_emails(answer: &str) -> String {
    let Some(begin) = answer.find("\"emails\"") else { return answer.to_owned() };
    let length = answer[begin..].find("],").expect("something follows") + 2;
    format!("{}{}{}", &answer[..begin], " ".repeat(length), &answer[begin + length..])
}

/// An answer of as many bytes that does not show the nickname.
pub(super) fn without_nick_name(answer: &str) -> String {
    let Some(begin) = answer.find("\"nickName\"") else { return answer.to_owned() };
    let length = answer[begin..].find(',').expect("something follows") + 1;
    format!("{}{}{}", &answer[..begin], " ".repeat(length), &answer[begin + length..])
}

fn without_department(request: &Request) -> Request {
    let mut user: Value = serde_json::from_str(&request.body).expect("a user");
    user[ENTERPRISE].as_object_mut().expect("the extension").remove("department");
    Request { body: user.to_string(), ..request.clone() }
}

#[test]
fn a_refill_empties_nothing_that_a_read_does_not_show() {
    let scim = Arc::new(Scim::that(PAGE, false, false));
    let mut people: People = company().into_iter().take(5).collect();
    let number = *people.keys().nth(4).expect("somebody");
    let id = fill(&scim, &people)[&number].clone();
    let (puts, hides) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let (theirs, came, hidden) = (Arc::clone(&scim), Arc::clone(&puts), Arc::clone(&hides));
    let web = Web::start(move |_, request: &Request| {
        let is_single = request.target.contains("/Users/");
        Reply::Raw(match request.method.as_str() {
            "PUT" if came.fetch_add(1, Ordering::SeqCst) == 0 => theirs.pass_on(&without_department(request)),
            "GET" if is_single && came.load(Ordering::SeqCst) > 0 && hidden.load(Ordering::SeqCst) => {
                without_emails(&theirs.pass_on(request))
            }
            _ => theirs.pass_on(request),
        })
    });
    people.get_mut(&number).expect("somebody").branch = "SE01".to_owned();
    let mut company = Company::empty();
    let target = "branches = [\"SE01\", \"NO01\", \"DK01\"]\ntimeout = \"2s\"";
    company.write("skovik-sync.toml", settings(&format!("{}/v2", web.url), target) + LIMITS);
    company.write("employees.csv", csv(&people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let held = || {
        let user = scim.users().into_iter().find(|user| user["id"] == *id).expect("the user");
        (user["emails"].clone(), user[ENTERPRISE]["department"].clone())
    };
    let emails = held().0;
    assert!(emails[0]["value"].is_string(), "{emails}");
    // Right after the move, and later, when the list shows them.
    for _ in 0..2 {
        company.run(&["apply", "plan.json"]).ends(9).prints(&["showed /emails", "left alone"]);
        assert_eq!((held(), puts.load(Ordering::SeqCst)), ((emails.clone(), Value::Null), 1));
    }
    hides.store(false, Ordering::SeqCst);
    company.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(held(), (emails, json!(people[&number].department)));
    company.is_in_line();
}

/// A PATCH of the branch sends nothing else, but the server may empty what only the list showed.
#[test]
fn nobody_is_moved_by_a_read_that_shows_less_than_the_list() {
    let scim = Arc::new(Scim::that(PAGE, true, false));
    let mut people: People = company().into_iter().take(5).collect();
    fill(&scim, &people);
    let (theirs, hides) = (Arc::clone(&scim), Arc::new(AtomicBool::new(true)));
    let hidden = Arc::clone(&hides);
    let web = Web::start(move |_, request: &Request| {
        let answer = theirs.pass_on(request);
        let is_single = request.method == "GET" && request.target.contains("/Users/");
        Reply::Raw(if is_single && hidden.load(Ordering::SeqCst) { without_nick_name(&answer) } else { answer })
    });
    people.last_entry().expect("somebody").get_mut().branch = "SE01".to_owned();
    let mut company = Company::empty();
    let target = "branches = [\"SE01\", \"NO01\", \"DK01\"]";
    company.write("skovik-sync.toml", settings(&format!("{}/v2", web.url), target) + LIMITS);
    company.write("employees.csv", csv(&people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let before = scim.users();
    company.run(&["apply", "plan.json"]).ends(9).prints(&["the list of users showed custom fields of the user"]);
    assert_eq!(scim.users(), before);
    hides.store(false, Ordering::SeqCst);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
}
