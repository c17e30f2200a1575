//! `undo` where whoever is removed becomes inactive: what cannot be taken back, and that all else is.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::Company;
use crate::servers::scim::{Scim, TOKEN};
use crate::servers::web::{Reply, Request, Web, status};

use super::people::{ENTERPRISE, LIMITS, People, company, csv};
use super::{PAGE, fill, settings, undo};

const BY: &str = "reactivate = true\nretries = 0\ntimeout = \"3s\"";

/// A company whose account is at this address.
fn company_of(url: &str, people: &People) -> Company {
    let mut company = Company::empty();
    company.write("skovik-sync.toml", settings(url, BY).replacen("retries = 1\n", "", 1) + LIMITS);
    company.write("employees.csv", csv(people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company
}

fn five() -> People {
    company().into_iter().take(5).collect()
}

fn held(scim: &Scim, id: &str) -> Value {
    scim.users().into_iter().find(|user| user["id"] == *id).expect("the user")
}

fn diagnostics(company: &Company) -> String {
    company.json("undo.json")["diagnostics"].to_string()
}

/// The newcomer becomes inactive and keeps the e-mail, so that it is not given back, and so is the one that its former owner keeps.
#[test]
fn nobody_gets_back_what_somebody_keeps_who_becomes_inactive() {
    let scim = Scim::start(PAGE);
    let mut people = five();
    let ids = fill(&scim, &people);
    let numbers: Vec<u32> = people.keys().copied().collect();
    let [first, second] = [numbers[3], numbers[4]];
    let [of_first, of_second] = [first, second].map(|number| people[&number].email.clone());
    let mut newcomer = people[&second].clone();
    newcomer.email.clone_from(&of_first);
    newcomer.first = "Ny".to_owned();
    people.insert(10_900, newcomer);
    people.get_mut(&first).expect("somebody").email.clone_from(&of_second);
    let moved = of_second.replace("@", "@new.");
    people.get_mut(&second).expect("somebody").email.clone_from(&moved);
    people.get_mut(&second).expect("somebody").last = "Åkesson".to_owned();
    let company = company_of(&scim.url(), &people);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    undo(&company);
    let said = diagnostics(&company);
    assert!(said.contains(&format!("keeps the e-mail {of_second}: the user who has {of_first} keeps it")), "{said}");
    assert!(said.contains(&format!("keeps the e-mail {moved}: the user who has {of_second}")), "{said}");
    assert_eq!(held(&scim, &ids[&first])["userName"], json!(of_second));
    assert_eq!(held(&scim, &ids[&second])["userName"], json!(moved));
    assert_eq!(held(&scim, &ids[&second])["name"]["familyName"], json!("Öberg"), "all else is taken back");
}

/// A manager who was inactive before the plan cannot be given back, also if the plan made them active; the rest is taken back.
#[test]
fn nobody_gets_back_a_manager_who_was_inactive() {
    for comes_back in [true, false] {
        let scim = Scim::start(PAGE);
        let mut people = five();
        let numbers: Vec<u32> = people.keys().copied().collect();
        let [manager, report] = [numbers[3], numbers[4]];
        people.get_mut(&report).expect("somebody").manager = Some(manager);
        let ids = fill(&scim, &people);
        people.get_mut(&report).expect("somebody").manager = Some(numbers[0]);
        scim.patch(&ids[&manager], &json!({"op": "replace", "path": "active", "value": false}));
        if !comes_back {
            people.remove(&manager);
        }
        people.get_mut(&numbers[2]).expect("somebody").last = "Åkesson".to_owned();
        let company = company_of(&scim.url(), &people);
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        company.run(&["apply", "plan.json"]).ends(0);
        undo(&company);
        let said = diagnostics(&company);
        assert!(said.contains("gets no manager: Skovik did not list the former one"), "{comes_back}: {said}");
        assert_eq!(held(&scim, &ids[&numbers[2]])["name"]["familyName"], json!("Öberg"), "{comes_back}");
        assert_eq!(held(&scim, &ids[&manager])["active"], json!(false), "{comes_back}");
    }
}

/// Somebody reported to an inactive user whom the plan made active: that user stays active, and the rest is taken back.
#[test]
fn whoever_is_somebodys_manager_stays_active_and_the_rest_is_taken_back() {
    let scim = Scim::start(PAGE);
    let mut people = five();
    let numbers: Vec<u32> = people.keys().copied().collect();
    let [manager, report] = [numbers[3], numbers[4]];
    people.get_mut(&report).expect("somebody").manager = Some(manager);
    let ids = fill(&scim, &people);
    scim.patch(&ids[&manager], &json!({"op": "replace", "path": "active", "value": false}));
    people.get_mut(&numbers[2]).expect("somebody").last = "Åkesson".to_owned();
    let company = company_of(&scim.url(), &people);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    company.run(&["approve", "undo.json", "--yes"]).ends(0);
    for _ in 0..2 {
        company.run(&["apply", "undo.json"]).ends(9).prints(&["reports to them now"]);
        assert_eq!(held(&scim, &ids[&numbers[2]])["name"]["familyName"], json!("Öberg"));
        assert_eq!(held(&scim, &ids[&manager])["active"], json!(true));
    }
}

/// Where branches are only those that users have, a plan that moves the last user out of one can still be resumed and undone.
#[test]
fn a_branch_that_the_plan_emptied_is_known_when_it_goes_on_and_when_it_is_undone() {
    let by_branch = "[guard.per_branch]\nmax_delete_percent = 100\n";
    let some_branches = "[scope]\nbranches = [\"SE01\", \"NO01\", \"DK01\"]\n";
    for (more, is_cut) in [("", false), (by_branch, false), (by_branch, true), (some_branches, true)] {
        let scim = Arc::new(Scim::start(PAGE));
        let mut people = five();
        let numbers: Vec<u32> = people.keys().copied().collect();
        let [mover, other] = [numbers[2], numbers[4]];
        let ids = fill(&scim, &people);
        let (server, kept) = (Arc::clone(&scim), ids[&other].clone());
        let is_over = std::sync::atomic::AtomicBool::new(!is_cut);
        let web = Web::start(move |_, request: &Request| {
            let is_refused = request.method == "PATCH" && request.target.ends_with(&kept);
            if is_refused && !is_over.swap(true, std::sync::atomic::Ordering::SeqCst) {
                return status(400, "");
            }
            Reply::Raw(server.pass_on(request))
        });
        people.get_mut(&mover).expect("somebody").branch = "SE01".to_owned();
        people.get_mut(&other).expect("somebody").last = "Åkesson".to_owned();
        let company = company_of(&format!("{}/v2", web.url), &people);
        company.write("skovik-sync.toml", company.read("skovik-sync.toml") + more);
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        if is_cut {
            company.run(&["apply", "plan.json"]).ends(9);
        }
        company.run(&["apply", "plan.json"]).ends(0);
        assert_eq!(held(&scim, &ids[&mover])[ENTERPRISE]["division"], json!("SE01"), "{more}");
        undo(&company);
        assert_eq!(held(&scim, &ids[&mover])[ENTERPRISE]["division"], json!("DK01"), "{more}");
        assert_eq!(held(&scim, &ids[&other])["name"]["familyName"], json!("Öberg"), "{more}");
    }
}

/// A manager whose delete was refused is there all the time, and is given back.
#[test]
fn whoever_was_not_removed_is_somebodys_manager_again() {
    let scim = Arc::new(Scim::start(PAGE));
    let mut people = five();
    let numbers: Vec<u32> = people.keys().copied().collect();
    let [manager, report] = [numbers[3], numbers[4]];
    people.get_mut(&report).expect("somebody").manager = Some(manager);
    let ids = fill(&scim, &people);
    let (server, kept) = (Arc::clone(&scim), ids[&manager].clone());
    let web = Web::start(move |_, request: &Request| match request.method.as_str() {
        "PUT" | "PATCH" | "DELETE" if request.target.ends_with(&kept) => status(400, ""),
        _ => Reply::Raw(server.pass_on(request)),
    });
    people.remove(&manager);
    people.get_mut(&report).expect("somebody").manager = Some(numbers[0]);
    let company = company_of(&format!("{}/v2", web.url), &people);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(9);
    undo(&company);
    assert!(!diagnostics(&company).contains("gets no manager"), "{}", diagnostics(&company));
    let now = held(&scim, &ids[&report]).to_string();
    assert!(now.contains(&format!("\"value\":\"{}\"", ids[&manager])), "{now}");
}
