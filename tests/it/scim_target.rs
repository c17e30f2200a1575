//! SCIM as a target, against servers that are not ours: from a list to "No changes", and back again.

mod back;
pub(crate) mod doors;
mod faults;
mod leaning;
mod moves;
mod people;
mod reactivate;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Company, Output};
use crate::servers::scim::{Scim, TOKEN};

use people::{ENTERPRISE, LIMITS, People, a_year_later, company, csv, held, some, user};

/// How many users the server gives in one page.
const PAGE: usize = 50;

fn settings(url: &str, target: &str) -> String {
    format!(
        "[target]\nkind = \"scim\"\nurl = \"{url}\"\nmax_in_flight = 3\nretries = 1\n{target}\n\
         [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"employees.csv\"\nkey = \"nr\"\n\
         [employee]\nexternal_identifier = \"{{{{ hr.nr }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
         first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\nbranch = \"{{{{ hr.branch }}}}\"\n\
         manager = \"{{{{ hr.manager }}}}\"\n\
         [employee.custom_fields]\ndepartment = \"{{{{ hr.department }}}}\"\n"
    )
}

/// Makes the people on the server, each after their manager, and gives their ids.
fn fill(scim: &Scim, people: &People) -> BTreeMap<u32, String> {
    let mut ids: BTreeMap<u32, String> = BTreeMap::new();
    for (number, person) in people {
        let manager = person.manager.and_then(|manager| ids.get(&manager));
        let id = scim.create(&user(*number, person, manager.map(String::as_str)));
        ids.insert(*number, id);
    }
    ids
}

/// A company whose list is this, and whose account is on this server.
fn company_at(scim: &Scim, target: &str, people: &People) -> Company {
    let mut company = Company::empty();
    company.write("skovik-sync.toml", settings(&scim.url(), target) + LIMITS);
    company.write("employees.csv", csv(people));
    company.env("SKOVIK_TOKEN", TOKEN);
    company
}

/// A company whose people are on this server already.
pub(crate) fn company_at_server(scim: &Scim) -> Company {
    let people = company();
    fill(scim, &people);
    company_at(scim, "", &people)
}

fn undo(company: &Company) -> Output {
    company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    company.run(&["approve", "undo.json", "--yes"]).ends(0);
    company.run(&["apply", "undo.json"]).ends(0)
}

/// Everything that a server holds of its users except its own counters.
fn without_versions(scim: &Scim) -> BTreeMap<String, Value> {
    let strip = |mut user: Value| {
        user.as_object_mut().expect("an object").remove("meta");
        (user["externalId"].as_str().expect("an externalId").to_owned(), user)
    };
    scim.users().into_iter().map(strip).collect()
}

/// From the list to "No changes", and back by `undo`.
fn there_and_back(scim: &Scim, patches: bool) {
    let before = company();
    fill(scim, &before);
    let was = without_versions(scim);
    let later = a_year_later(&before, true);
    let company = company_at(scim, "remove = \"delete\"", &later);
    let applied = company.plan_and_apply();
    assert!(!applied.stdout.contains("differ"), "{applied}");
    company.is_in_line();
    assert_eq!(held(&scim.users()), later);
    let changed = |method: &str| scim.requests().iter().filter(|line| line.starts_with(method)).count();
    assert_eq!(changed("PATCH") > 0, patches);
    assert_eq!(changed("PUT") > 0, !patches);
    undo(&company);
    assert_eq!(held(&scim.users()), before);
    // Nothing that is not managed was lost, but by those who were removed and made again.
    for (number, is) in without_versions(scim) {
        if was[&number]["id"] == is["id"] {
            assert_eq!(was[&number]["emails"], is["emails"], "{number}");
        }
        assert_eq!(was[&number]["nickName"], is["nickName"], "{number}");
    }
}

#[test]
fn there_and_back_by_patch() {
    there_and_back(&Scim::start(PAGE), true);
}

#[test]
fn there_and_back_by_put() {
    there_and_back(&Scim::that(PAGE, false, true), false);
}

#[test]
fn there_and_back_without_versions() {
    there_and_back(&Scim::scimmy(), true);
}

#[test]
fn whoever_becomes_inactive_counts_as_gone() {
    let scim = Scim::start(PAGE);
    let before = company();
    let ids = fill(&scim, &before);
    let later = a_year_later(&before, true);
    let company = company_at(&scim, "", &later);
    let plan = company.plan(0);
    // Nobody can get the e-mail of an archived user: that is reported before anything is written.
    let found: Vec<&Value> =
        plan["diagnostics"].as_array().expect("a list").iter().filter(|found| found["code"] == "email_taken").collect();
    let [taken] = found[..] else { panic!("{:#}", plan["diagnostics"]) };
    assert_eq!(taken["employee"], "10206");
    assert!(taken["message"].as_str().expect("a text").contains("keeps it when they become inactive"), "{taken}");
    let withheld = |plan: &Value| {
        plan["diagnostics"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|found| found["code"] == "delete_withheld")
            .map(|found| found["employee"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(withheld(&plan), ["10265"], "the record may be theirs");
    company.plan_and_apply();
    let users = scim.users();
    let gone = users.iter().find(|user| user["id"] == *ids[&10_262]).expect("they are kept");
    assert_eq!(gone["active"], false);
    assert_eq!(gone["userName"], "p262@example.com");
    let kept = users.iter().find(|user| user["id"] == *ids[&10_265]).expect("they are kept");
    assert_eq!(kept["active"], true);
    // A person decides. The next plan is about the same employee, whose e-mail is held by somebody inactive now.
    scim.patch(&ids[&10_265], &json!({"op": "replace", "path": "active", "value": false}));
    let plan = company.plan(0);
    assert_eq!(plan["operations"], json!([]));
    let codes: Vec<&str> =
        plan["diagnostics"].as_array().expect("a list").iter().filter_map(|found| found["code"].as_str()).collect();
    assert!(codes.contains(&"email_of_inactive"), "{codes:?}");
    assert_eq!(plan["summary"]["set_aside"], 1);
    let mut expected = later;
    expected.insert(10_206, before[&10_206].clone());
    assert_eq!(held(&scim.users()), expected);
}

#[test]
fn an_undo_leaves_the_inactive_to_people() {
    let scim = Scim::start(PAGE);
    let before = some(&company());
    fill(&scim, &before);
    let company = company_at(&scim, "", &some(&a_year_later(&company(), false)));
    company.plan_and_apply();
    undo(&company);
    let undone = company.json("undo.json");
    let says = |found: &&Value| found["code"] == "undo_impossible";
    let left = undone["diagnostics"].as_array().expect("a list").iter().filter(says).count();
    assert_eq!(left, 3, "{:#}", undone["diagnostics"]);
    let mut expected = before;
    expected.retain(|number, _| !(10_260..10_270).contains(number));
    assert_eq!(held(&scim.users()), expected);
}

#[test]
fn a_user_who_changes_meanwhile_is_a_conflict() {
    let scim = Scim::start(PAGE);
    let before = some(&company());
    let ids = fill(&scim, &before);
    let company = company_at(&scim, "", &some(&a_year_later(&company(), false)));
    company.plan(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let path = format!("{ENTERPRISE}:department");
    scim.patch(&ids[&10_200], &json!({"op": "replace", "path": path, "value": "moved"}));
    let refused = company.run(&["apply", "plan.json"]).ends(7);
    assert!(refused.stderr.contains("10200"), "{refused}");
    let writes = scim.requests().iter().filter(|line| line.starts_with("PATCH")).count();
    assert_eq!(writes, 1, "only ours");
}

#[test]
fn what_the_server_does_not_have_is_found_before_anything_is_written() {
    let scim = Scim::start(PAGE);
    let before = some(&company());
    fill(&scim, &before);
    for (target, fields, code, says) in [
        ("", "[employee.custom_fields]\ncostcentre = \"x\"\n", 3, "did you mean \"costCenter\"?"),
        (
            "identifier = \"urn:example:2.0:User:custom_field1\"",
            "",
            4,
            "`identifier` in [target] is urn:example:2.0:User:custom_field1, which no user has by the server's /Schemas",
        ),
        ("branch = \"name.formatted.x\"", "", 3, "is not the path of an attribute"),
    ] {
        let company = company_at(&scim, target, &before);
        if !fields.is_empty() {
            company.edit(
                "skovik-sync.toml",
                "[employee.custom_fields]\ndepartment = \"{{ hr.department }}\"\n",
                fields,
            );
        }
        company.run(&["plan"]).ends(code).says(&[says]);
    }
    assert!(!scim.requests().iter().any(|line| line.starts_with("PUT") || line.starts_with("PATCH")));
}

/// The server's schemas have `department`, with or without the URN of its extension.
#[test]
fn the_letters_of_a_custom_fields_path_make_no_difference() {
    let scim = Scim::start(PAGE);
    let mut people: People = company().into_iter().take(4).collect();
    let ids = fill(&scim, &people);
    let first = *people.keys().next().expect("somebody");
    for path in ["DEPARTMENT".to_owned(), format!("{}:Department", ENTERPRISE.to_uppercase())] {
        let department = format!("of {}", path.len());
        people.get_mut(&first).expect("somebody").department.clone_from(&department);
        let company = company_at(&scim, "branches = [\"SE01\", \"NO01\", \"DK01\"]", &people);
        company.edit("skovik-sync.toml", "\ndepartment =", &format!("\n\"{path}\" ="));
        company.plan_and_apply();
        company.is_in_line();
        let user = scim.users().into_iter().find(|user| user["id"] == ids[&first]).expect("the user");
        assert_eq!(user[ENTERPRISE]["department"], json!(department), "{path}");
        company.run(&["check", "--contract"]).prints(&[&format!("there is one attribute {path}")]);
        let shown = company.json("plan.json")["target"]["custom_fields"].clone();
        assert_eq!(shown, json!({ format!("{ENTERPRISE}:department"): path }));
    }
}

#[test]
fn a_snapshot_gives_the_same_plan() {
    let scim = Scim::start(7);
    let before = some(&company());
    let ids = fill(&scim, &before);
    scim.patch(&ids[&10_202], &json!({"op": "replace", "path": "active", "value": false}));
    let company = company_at(&scim, "", &some(&a_year_later(&company(), false)));
    company.run(&["snapshot", "-o", "users.jsonl"]).ends(0);
    company.run(&["plan", "--users", "users.jsonl", "-o", "offline.json"]).ends(0);
    let live = company.plan(0);
    assert_eq!(company.json("offline.json"), live);
}
