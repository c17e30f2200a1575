//! Inactive users who come back: `[target] reactivate`.

use std::sync::Arc;

use serde_json::{Value, json};
use skovik_sync::sandbox::{Archived, Identifiers, PatchMode, ScimModes};

use crate::harness::{Company, Output};
use crate::servers::scim::Scim;
use crate::servers::web::{Reply, Request, Web};

use super::doors::company_with;
use super::moves::without_nick_name;
use super::people::{LIMITS, People, company, csv, user};
use super::{PAGE, TOKEN, fill, settings};

/// Somebody of the small company to whom nobody reports.
const RIKARD: &str = "1017,rikard.strand@example.com,Rikard,Strand,SE01,1005,4300,active\n";
const REACTIVATE: (&str, &str) = ("[target]\n", "[target]\nreactivate = true\n");

/// The small company on a sandbox that behaves so, after Rikard has left.
fn after_rikard_left(modes: ScimModes, identifiers: Identifiers) -> Company {
    let company = company_with(|options| (options.scim, options.identifiers) = (modes, identifiers));
    company.write("skovik-sync.toml", company.read("scim.toml"));
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 50\n");
    company.edit("employees.csv", RIKARD, "");
    company.plan_and_apply();
    company
}

fn reversible() -> ScimModes {
    ScimModes { archived: Archived::Reversible, ..ScimModes::default() }
}

/// The same, and now he is back in the list under another name.
fn rikard_is_back(modes: ScimModes) -> Company {
    let company = after_rikard_left(modes, Identifiers::default());
    company.append("employees.csv", &RIKARD.replace("Strand", "Lind"));
    company.edit("skovik-sync.toml", REACTIVATE.0, REACTIVATE.1);
    company
}

fn is_active(company: &Company) -> bool {
    company.user("1017").expect("Rikard")["attributes"].get("active") != Some(&json!(false))
}

fn undo(company: &Company) -> Output {
    company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    company.run(&["approve", "undo.json", "--yes"]).ends(0);
    company.run(&["apply", "undo.json"]).ends(0)
}

#[test]
fn whoever_is_inactive_comes_back_and_goes_again_by_undo() {
    for (patch, etags) in [
        (PatchMode::Answers, true),
        (PatchMode::Answers, false),
        (PatchMode::Silent, true),
        (PatchMode::Unsupported, true),
        (PatchMode::Unsupported, false),
    ] {
        let company = rikard_is_back(ScimModes { patch, etags, ..reversible() });
        assert!(!is_active(&company));
        let (id, people) = (company.id("1017"), company.users().len());
        let planned = company.run(&["plan"]).ends(0);
        planned.prints(&["Reactivate: inactive users become active again (1)", "1 to reactivate, 0 to update"]);
        let operation = &company.json("plan.json")["operations"][0];
        assert_eq!((&operation["action"], &operation["user_id"]), (&json!("reactivate"), &json!(id)));
        let change = json!({"field": "active", "before": false, "after": true});
        assert_eq!(operation["changes"][0], change);
        let comment = company.run(&["show", "plan.json", "--format", "markdown"]).ends(0);
        comment.prints(&["| Reactivate | 1 |", "- active: false", "+ active: true"]);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        company.run(&["apply", "plan.json"]).ends(0).prints(&["1 reactivated"]);
        assert!(is_active(&company));
        assert_eq!(company.user("1017").expect("Rikard")["attributes"]["last_name"], "Lind");
        assert_eq!((company.id("1017"), company.users().len()), (id, people), "{patch:?}: nobody is made");
        company.is_in_line();
        undo(&company);
        assert!(!is_active(&company), "{patch:?}");
        let undone = company.json("undo.json")["diagnostics"].to_string();
        assert!(undone.contains("keeps the new values of: last_name"), "{undone}");
        // And once more, from a snapshot.
        company.run(&["snapshot", "-o", "account.jsonl"]).ends(0);
        company.run(&["plan", "--users", "account.jsonl"]).ends(0).prints(&["1 to reactivate"]);
    }
}

#[test]
fn an_apply_without_its_journal_finds_that_it_is_done() {
    let company = rikard_is_back(reversible());
    let id = company.id("1017");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    // A journal that is lost is no harm: the account says that it is done.
    company.run(&["apply", "plan.json"]).ends(0);
    std::fs::remove_file(company.journal_path("plan.json")).expect("removed");
    company.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(company.id("1017"), id);
}

#[test]
fn whoever_became_active_meanwhile_is_left_alone() {
    let scim = Scim::start(PAGE);
    let (company, id) = one_is_back(&scim, &scim.url());
    company.run(&["plan"]).ends(0).prints(&["1 to reactivate"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    scim.patch(&id, &json!({"op": "replace", "path": "active", "value": true}));
    company.run(&["apply", "plan.json"]).ends(7).says(&["is active in Skovik by now"]);
    // Without the setting, nobody is made active, whatever the plan says.
    company.edit("skovik-sync.toml", "reactivate = true", "");
    company.run(&["apply", "plan.json"]).ends(7);
}

#[test]
fn whoever_is_there_already_as_somebody_else_is_not_made_active() {
    let scim = Scim::start(PAGE);
    let (company, id) = one_is_back(&scim, &scim.url());
    company.run(&["plan"]).ends(0).prints(&["1 to reactivate"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let mut twin = scim.users().into_iter().find(|user| user["id"] == *id).expect("the inactive user");
    twin["active"] = json!(true);
    twin["userName"] = json!("twin@example.com");
    let twin = scim.create(&twin);
    let said = format!("now belongs to the user {twin}");
    company.run(&["apply", "plan.json"]).ends(7).says(&["the external identifier", &said]);
    let held = scim.users().into_iter().find(|user| user["id"] == *id).expect("the same user");
    assert_eq!(held["active"], json!(false));
}

/// A twin who is inactive may be the same person: nobody is made active beside them, and nobody is created.
#[test]
fn whoever_may_be_an_inactive_user_is_neither_made_active_nor_created() {
    for is_new in [false, true] {
        let scim = Scim::start(PAGE);
        let (company, id) = one_is_back(&scim, &scim.url());
        let mut twin = scim.users().into_iter().find(|user| user["id"] == *id).expect("the inactive user");
        if is_new {
            // The inactive user whom the plan sees is somebody else.
            for (path, value) in [("externalId", "9009"), ("userName", "x@example.com"), ("name.familyName", "Xu")] {
                scim.patch(&id, &json!({"op": "replace", "path": path, "value": value}));
            }
        }
        company.run(&["plan"]).ends(0).prints(&[if is_new { "1 to create" } else { "1 to reactivate" }]);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        twin["userName"] = json!("twin@example.com");
        let twin = scim.create(&twin);
        let before = scim.users();
        let said = format!("the user {twin}, who is inactive, has the external identifier");
        company.run(&["apply", "plan.json"]).ends(7).says(&[&said]);
        assert_eq!(scim.users(), before, "{is_new}");
    }
}

/// The same where the create was begun, and its outcome is not known.
#[test]
fn a_create_in_doubt_is_not_sent_again_beside_an_inactive_user() {
    let scim = Arc::new(Scim::start(PAGE));
    let server = Arc::clone(&scim);
    let web = Web::start(move |_, request: &Request| match request.method.as_str() {
        "POST" => Reply::Raw(String::new()),
        _ => Reply::Raw(server.pass_on(request)),
    });
    let (company, id) = one_is_back(&scim, &format!("{}/v2", web.url));
    let kept = scim.users().into_iter().find(|user| user["id"] == *id).expect("the inactive user");
    let another = [("externalId", "9009"), ("userName", "x@example.com"), ("name.familyName", "Xu")];
    for (path, value) in another {
        scim.patch(&id, &json!({"op": "replace", "path": path, "value": value}));
    }
    company.run(&["plan"]).ends(0).prints(&["1 to create"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(9);
    scim.patch(&id, &json!({"op": "replace", "path": "externalId", "value": kept["externalId"]}));
    let before = scim.users();
    company.run(&["apply", "plan.json"]).ends(9).prints(&["who is inactive, has the external identifier"]);
    assert_eq!(scim.users(), before);
}

/// A company of five at a server, whose last person is inactive there; and that person's id.
fn one_is_back(scim: &Scim, url: &str) -> (Company, String) {
    let people: People = company().into_iter().take(5).collect();
    let (number, last) = people.last_key_value().expect("people");
    let ids = fill(scim, &people.clone().into_iter().take(4).collect());
    let mut inactive = user(*number, last, last.manager.and_then(|manager| ids.get(&manager)).map(String::as_str));
    inactive["active"] = json!(false);
    let id = scim.create(&inactive);
    let mut company = Company::empty();
    company.write("skovik-sync.toml", settings(url, "reactivate = true\nretries = 0\ntimeout = \"3s\""));
    company.edit("skovik-sync.toml", "retries = 1\n", "");
    let mut later = people.clone();
    later.get_mut(number).expect("somebody").last = "Åkesson".to_owned();
    company.write("employees.csv", csv(&later));
    company.env("SKOVIK_TOKEN", TOKEN);
    (company, id)
}

/// A deactivation by PUT sends the whole user: what the read before it does not show would be emptied.
#[test]
fn nobody_becomes_inactive_by_a_read_that_shows_less_than_the_list() {
    let scim = Arc::new(Scim::that(PAGE, false, false));
    let people: People = company().into_iter().take(5).collect();
    fill(&scim, &people);
    let theirs = Arc::clone(&scim);
    let web = Web::start(move |_, request: &Request| {
        let answer = theirs.pass_on(request);
        let is_single = request.method == "GET" && request.target.contains("/Users/");
        Reply::Raw(if is_single { without_nick_name(&answer) } else { answer })
    });
    let mut company = Company::empty();
    company.write("skovik-sync.toml", settings(&format!("{}/v2", web.url), "") + LIMITS);
    company.write("employees.csv", csv(&people.into_iter().take(4).collect()));
    company.env("SKOVIK_TOKEN", TOKEN);
    company.run(&["plan"]).ends(0).prints(&["1 to delete"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let before = scim.users();
    company.run(&["apply", "plan.json"]).ends(9).prints(&["the list of users showed /nickName of the user"]);
    assert_eq!(scim.users(), before);
}

#[test]
fn other_servers_bring_people_back_too() {
    for scim in [Scim::start(PAGE), Scim::that(PAGE, false, true), Scim::scimmy()] {
        let (company, id) = one_is_back(&scim, &scim.url());
        company.plan_and_apply().prints(&["1 reactivated"]);
        company.is_in_line();
        let back = scim.users().into_iter().find(|user| user["id"] == *id).expect("the same user");
        assert_eq!((&back["active"], &back["name"]["familyName"]), (&json!(true), &json!("Åkesson")));
        assert_eq!(scim.users().len(), 5, "nobody is made");
        undo(&company);
        let gone = scim.users().into_iter().find(|user| user["id"] == *id).expect("the same user");
        assert_eq!(gone["active"], false);
    }
}

/// A way to a server on which the first PATCH ends as `fails` says, given what the server answers.
fn failing(scim: &Arc<Scim>, fails: fn(&Scim, &Request) -> Reply) -> Web {
    let (scim, is_over) = (Arc::clone(scim), std::sync::atomic::AtomicBool::new(false));
    Web::start(move |_, request: &Request| {
        if request.method == "PATCH" && !is_over.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return fails(&scim, request);
        }
        Reply::Raw(scim.pass_on(request))
    })
}

#[test]
fn the_same_apply_ends_what_was_cut_off() {
    let lost_after: fn(&Scim, &Request) -> Reply = |scim, request| {
        scim.pass_on(request);
        Reply::Raw(String::new())
    };
    let lost_before: fn(&Scim, &Request) -> Reply = |_, _| Reply::Raw(String::new());
    for fails in [lost_after, lost_before] {
        let scim = Arc::new(Scim::start(PAGE));
        let web = failing(&scim, fails);
        let (company, id) = one_is_back(&scim, &format!("{}/v2", web.url));
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        let first = company.run(&["apply", "plan.json"]);
        if first.code != Some(0) {
            company.run(&["apply", "plan.json"]).ends(0);
        }
        let back = scim.users().into_iter().find(|user| user["id"] == *id).expect("the same user");
        assert_eq!((&back["active"], &back["name"]["familyName"]), (&json!(true), &json!("Åkesson")), "{first}");
        company.is_in_line();
    }
}

/// A server that changes everything but what matters says so in its answer.
#[test]
fn a_server_that_leaves_them_inactive_is_reported() {
    let scim = Arc::new(Scim::start(PAGE));
    let web = failing(&scim, |scim, request| {
        let mut request = request.clone();
        let mut patch: Value = serde_json::from_str(&request.body).expect("a PATCH");
        patch["Operations"].as_array_mut().expect("operations").retain(|operation| operation["path"] != "active");
        request.body = patch.to_string();
        Reply::Raw(scim.pass_on(&request))
    });
    let (company, id) = one_is_back(&scim, &format!("{}/v2", web.url));
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let applied = company.run(&["apply", "plan.json"]).ends(9);
    applied.prints(&["active is \"false\", not \"true\""]);
    assert_eq!(scim.users().len(), 5);
    // There is nothing to undo of it but the name; nobody is touched.
    company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    assert_eq!(company.json("undo.json")["operations"], json!([]));
    assert!(scim.users().iter().any(|user| user["id"] == *id && user["active"] == false));
}

#[test]
fn a_user_archived_for_good_stays_so_and_nobody_is_made_instead() {
    let company = rikard_is_back(ScimModes::default());
    let people = company.users().len();
    company.run(&["check", "--contract"]).ends(0).prints(&["inactive_users: the list shows inactive users"]);
    company.run(&["plan"]).ends(0).prints(&["1 to reactivate"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let applied = company.run(&["apply", "plan.json"]).ends(9);
    applied.prints(&["archived for good"]);
    assert_eq!(company.users().len(), people);
}

#[test]
fn a_hidden_user_who_keeps_the_email_is_said_to_be_in_the_way() {
    let modes = ScimModes { archived: Archived::Hidden, ..ScimModes::default() };
    let company = after_rikard_left(modes, Identifiers::Reserved);
    company.append("employees.csv", RIKARD);
    company.edit("skovik-sync.toml", REACTIVATE.0, REACTIVATE.1);
    // Nothing shows that he was there.
    company.run(&["plan"]).ends(0).prints(&["1 to create"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(9).prints(&["409"]);
}

#[test]
fn two_inactive_users_of_one_number_and_the_protected_are_set_aside() {
    let scim = Scim::start(PAGE);
    let (company, id) = one_is_back(&scim, &scim.url());
    let settings = company.read("skovik-sync.toml");
    company.append("skovik-sync.toml", &format!("[scope]\nprotect = [\"{id}\"]\n"));
    let plan = company.plan(0);
    assert_eq!(plan["operations"], json!([]));
    let aside = plan["diagnostics"].to_string();
    assert!(aside.contains("inactive_kept") && aside.contains("protect covers them"), "{aside}");
    company.write("skovik-sync.toml", settings);
    let people = super::people::company();
    let mut twin = user(10_004, &people[&10_004], None);
    (twin["userName"], twin["active"]) = (json!("twin@example.com"), json!(false));
    scim.create(&twin);
    let plan = company.plan(0);
    assert_eq!(plan["operations"], json!([]));
    let aside = plan["diagnostics"].to_string();
    assert!(aside.contains("2 inactive users of Skovik have the external identifier 10004"), "{aside}");
}

#[test]
fn an_admin_who_comes_back_is_for_people_to_approve() {
    let scim = Scim::start(PAGE);
    let (company, id) = one_is_back(&scim, &scim.url());
    scim.patch(&id, &json!({"op": "add", "path": "roles", "value": [{"value": "admin"}]}));
    company.append("skovik-sync.toml", "[scope]\nprotect = []\n[approval]\nautomatic = true\n");
    let plan = company.plan(0);
    assert_eq!(plan["operations"][0]["roles"], json!(["admin"]));
    assert!(plan["diagnostics"].to_string().contains("roles_regained"), "{plan:#}");
    std::fs::remove_file(company.path("plan.json")).expect("removed");
    company.run(&["run"]).ends(6).says(&["would get back the rights of their roles (10004)"]);
    assert!(scim.users().iter().any(|user| user["id"] == *id && user["active"] == false));
}

/// The number or the e-mail of an inactive user in another spelling may be that user's: a person looks at the plan.
#[test]
fn nobody_is_created_beside_an_inactive_user_in_another_spelling() {
    for (number, email, ends) in [
        ("010004", "x@example.com", 6),
        ("10004\u{200b}", "x@example.com", 6),
        ("9009", "p4@example.com.", 6),
        ("9009", "\u{440}4@example.com", 6),
        ("9009", "x@example.com", 0),
    ] {
        let scim = Scim::start(PAGE);
        let (company, id) = one_is_back(&scim, &scim.url());
        let another =
            [("externalId", number), ("userName", email), ("name.familyName", "Xu"), ("name.givenName", "Ida")];
        for (path, value) in another {
            scim.patch(&id, &json!({"op": "replace", "path": path, "value": value}));
        }
        company.append("skovik-sync.toml", "[scope]\nprotect = []\n[approval]\nautomatic = true\n");
        let ran = company.run(&["run"]).ends(ends);
        let is_created = ends == 0;
        if !is_created {
            ran.says(&["1 look like somebody else", "(10004)"]);
            assert!(
                company.json("plan.json")["diagnostics"].to_string().contains("who is inactive"),
                "{number} {email}"
            );
        }
        assert_eq!(scim.users().len(), if is_created { 6 } else { 5 }, "{number} {email}");
    }
}

/// An undo removes no last admin. It takes back the rest.
#[test]
fn the_only_admin_who_came_back_stays_and_everything_else_is_taken_back() {
    let scim = Scim::start(PAGE);
    let (company, id) = one_is_back(&scim, &scim.url());
    scim.patch(&id, &json!({"op": "add", "path": "roles", "value": [{"value": "admin"}]}));
    company.append("skovik-sync.toml", &format!("[scope]\nprotect = []\n{LIMITS}"));
    company.edit("employees.csv", "Åsa0", "Nova");
    company.plan_and_apply().prints(&["1 reactivated, 1 updated"]);
    company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(0);
    company.run(&["approve", "undo.json", "--yes"]).ends(0);
    company.run(&["apply", "undo.json"]).ends(9).prints(&["is an admin now, and nobody else would be one"]);
    let users = scim.users();
    let is_admin = users.iter().find(|user| user["id"] == *id).expect("the admin");
    assert_eq!(is_admin["active"], true);
    assert!(users.iter().any(|user| user["name"]["givenName"] == "Åsa0"), "{users:?}");
}
