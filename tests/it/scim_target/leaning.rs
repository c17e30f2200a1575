//! `undo` where something is not taken back: what leans on that stays too and is named, and the rest is applied at once.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::Company;
use crate::servers::scim::{Scim, TOKEN};
use crate::servers::web::{Reply, Request, Web};

use super::people::{ENTERPRISE, LIMITS, People, company, csv};
use super::{PAGE, fill, settings, undo};

/// People to whom nobody reports.
const FIRST: u32 = 10_003;
const SECOND: u32 = 10_004;
const THIRD: u32 = 10_005;
const NEW: u32 = 10_900;
const NEWER: u32 = 10_901;

struct Account {
    scim: Arc<Scim>,
    company: Company,
    /// The ids of those who were there before.
    ids: std::collections::BTreeMap<u32, String>,
    _web: Web,
}

/// An account of six people of whom `inactive` is inactive, and the list as `edit` leaves it. The last name of one is always
/// changed. The server stores this newcomer under another first name.
fn account(target: &str, inactive: Option<u32>, spoilt: Option<u32>, edit: impl FnOnce(&mut People)) -> Account {
    let scim = Arc::new(Scim::start(PAGE));
    let mut people: People = company().into_iter().take(6).collect();
    let ids = fill(&scim, &people);
    if let Some(inactive) = inactive {
        scim.patch(&ids[&inactive], &json!({"op": "replace", "path": "active", "value": false}));
    }
    let server = Arc::clone(&scim);
    let web = Web::start(move |_, request: &Request| {
        let mut body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        if request.method == "POST" && spoilt.is_some_and(|number| body["externalId"] == json!(number.to_string())) {
            body["name"]["givenName"] = json!("Annan");
            return Reply::Raw(server.pass_on(&Request { body: body.to_string(), ..request.clone() }));
        }
        Reply::Raw(server.pass_on(request))
    });
    people.get_mut(&THIRD).expect("somebody").last = "Åkesson".to_owned();
    edit(&mut people);
    let mut company = Company::empty();
    let target = format!("retries = 0\ntimeout = \"3s\"\n{target}");
    let settings = settings(&format!("{}/v2", web.url), &target).replacen("retries = 1\n", "", 1);
    company.write("skovik-sync.toml", settings + LIMITS);
    company.write("employees.csv", csv(&people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(if spoilt.is_some() { 9 } else { 0 });
    Account { scim, company, ids, _web: web }
}

impl Account {
    /// Takes the plan back and says all that is not taken back.
    fn undone(&self) -> String {
        undo(&self.company);
        assert_eq!(self.held(THIRD)["name"]["familyName"], json!("Öberg"), "all else is taken back");
        self.company.json("undo.json")["diagnostics"].to_string()
    }

    fn find(&self, number: u32) -> Option<Value> {
        self.scim.users().into_iter().find(|user| user["externalId"] == json!(number.to_string()))
    }

    fn held(&self, number: u32) -> Value {
        self.find(number).expect("the user")
    }

    fn manager(&self, number: u32) -> Value {
        self.held(number)[ENTERPRISE]["manager"]["value"].clone()
    }
}

/// A newcomer like somebody, under this manager.
fn add(people: &mut People, number: u32, manager: u32) {
    let mut person = people[&FIRST].clone();
    (person.email, person.manager) = (format!("new{number}@example.com"), Some(manager));
    person.first = format!("Ny{number}");
    people.insert(number, person);
}

#[test]
fn a_new_manager_stays_to_whom_somebody_reports_who_stays_active() {
    let account = account("reactivate = true\nremove = \"delete\"", Some(FIRST), None, |people| {
        add(people, NEW, 10_000);
        people.get_mut(&FIRST).expect("somebody").manager = Some(NEW);
    });
    let said = account.undone();
    assert!(said.contains("undo_impossible") && said.contains("undo_left_out"), "{said}");
    assert!(said.contains("is not removed: 10003 Åsa3 Öberg may report to them"), "{said}");
    assert_eq!(account.manager(FIRST), account.held(NEW)["id"]);
}

/// And the manager of that manager.
#[test]
fn new_managers_stay_to_whom_somebody_reports_who_is_not_taken_back() {
    for target in ["remove = \"delete\"", ""] {
        let account = account(target, None, Some(10_902), |people| {
            add(people, NEW, 10_000);
            add(people, NEWER, NEW);
            add(people, 10_902, NEWER);
            add(people, 10_903, 10_000);
        });
        let said = account.undone();
        assert_eq!(said.matches("is not removed").count(), 2, "{target}: {said}");
        assert_eq!(account.manager(10_902), account.held(NEWER)["id"], "{target}");
        assert_eq!(account.manager(NEWER), account.held(NEW)["id"], "{target}");
        // Nobody needs the fourth.
        let fourth = account.find(10_903).filter(|user| user["active"] != false);
        assert_eq!(fourth, None, "{target}");
    }
}

/// The newcomer keeps the first one's e-mail, who keeps the second one's, who keeps the own new one.
#[test]
fn nobody_gets_an_e_mail_back_that_somebody_has_who_is_not_taken_back() {
    let account = account("remove = \"delete\"", None, Some(NEW), |people| {
        let emails = [FIRST, SECOND].map(|number| people[&number].email.clone());
        add(people, NEW, 10_000);
        people.get_mut(&NEW).expect("somebody").email.clone_from(&emails[0]);
        people.get_mut(&FIRST).expect("somebody").email.clone_from(&emails[1]);
        let second = people.get_mut(&SECOND).expect("somebody");
        (second.email, second.last) = ("p4@second.example.com".to_owned(), "Lind".to_owned());
    });
    let said = account.undone();
    assert_eq!(said.matches("undo_incomplete").count(), 2, "{said}");
    assert!(said.contains("keeps the e-mail p4@example.com: the user who has p3@example.com keeps it"), "{said}");
    let second = account.held(SECOND);
    assert_eq!(
        (&second["userName"], &second["name"]["familyName"]),
        (&json!("p4@second.example.com"), &json!("Öberg"))
    );
}

/// The newcomer keeps the first one's e-mail, who keeps that of somebody who was deleted, and who is nobody's manager again.
#[test]
fn nobody_is_made_again_whose_e_mail_somebody_keeps() {
    let account = account("remove = \"delete\"", None, Some(NEW), |people| {
        let manager = people.remove(&10_001).expect("a manager");
        add(people, NEW, 10_000);
        let emails = [people[&FIRST].email.clone(), manager.email];
        for (number, email) in [NEW, FIRST].into_iter().zip(emails) {
            people.get_mut(&number).expect("somebody").email = email;
        }
        people.get_mut(&THIRD).expect("somebody").manager = Some(10_000);
    });
    let said = account.undone();
    assert!(said.contains("is not created again: 10003 Åsa3 Öberg may have the e-mail p1@example.com"), "{said}");
    assert!(said.contains("gets no manager: Åsa1 Öberg is not created again"), "{said}");
    assert_eq!((account.manager(THIRD), account.find(10_001)), (Value::Null, None));
    assert_eq!(account.held(FIRST)["id"], json!(account.ids[&FIRST]));
}
