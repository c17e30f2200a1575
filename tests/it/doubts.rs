//! What `run` never approves by itself, and what a reviewer is told instead: look-alikes, admins, protection that protects
//! nobody, approvals that do not count.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use skovik_sync::plan::{Action, Content, GuardOutcome, Plan};

use super::harness::Output;
use super::house::{House, Person, people};

const AUTOMATIC: &str = "[approval]\nautomatic = true\n";
/// The user `nobody`.
const NOBODY: u32 = 65534;

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    // However wide the terminal is.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A list with the same names under a new mail domain, and an account whose users have no identifiers.
fn new_domain(count: usize) -> House {
    let users = people("SE01", count).into_iter().map(|user| Person { unlinked: true, ..user });
    let listed = people("SE01", count)
        .into_iter()
        .map(|person| Person { email: person.email.replace("example.com", "new.example"), ..person });
    House::new(&listed.collect::<Vec<_>>(), &users.collect::<Vec<_>>(), AUTOMATIC, &[])
}

#[test]
fn nobody_is_created_a_second_time_unattended() {
    let house = new_domain(20);
    let ran = house.run(&["run"]).ends(5);
    says(&ran.stderr, &["max_create_percent (20 of 20, limit 50)", "--allow creates=20"]);
    says(
        &ran.stdout,
        &["max_create_percent", "20 of 20 (100.0 %), limit 50 % BLOCKED", "has the same name as P3 Berg"],
    );
    assert_eq!(house.writes(), []);
    // A person who has read it may approve it.
    house.run(&["approve", "plan.json", "--yes", "--allow", "creates=19"]).ends(5);
    house.run(&["approve", "plan.json", "--yes", "--allow", "creates=20"]).ends(0);
    house.run(&["run"]).ends(0);
    assert_eq!(house.writes().len(), 20);
}

#[test]
fn so_few_that_no_guard_blocks_are_left_to_people_too() {
    let house = new_domain(3);
    let ran = house.run(&["run"]).ends(6);
    says(&ran.stderr, &["3 look like somebody else", "(SE01-0, SE01-1, SE01-2)", "skovik-sync approve plan.json"]);
    assert_eq!(house.writes(), []);
    house.run(&["plan", "--same-person", "SE01-0", "--same-person", "SE01-1", "--same-person", "SE01-2"]).ends(5);
    house.run(&["approve", "plan.json", "--yes", "--allow", "changes=3"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    assert!(house.writes().iter().all(|request| request.method == "PUT"), "{:?}", house.writes());
    says(&house.run(&["run"]).ends(0).stdout, &["No changes."]);
}

#[test]
fn a_joined_list_that_matches_nobody_blocks_and_one_that_matches_is_applied() {
    let payroll = format!(
        "[[source]]\nname = \"payroll\"\nkind = \"csv\"\npath = \"payroll.csv\"\nkey = \"number\"\n{AUTOMATIC}"
    );
    let mut listed = people("SE01", 20);
    listed[3].first_name = "Nova".to_owned();
    let house = House::new(&listed, &people("SE01", 20), &payroll, &[]);
    let rows = |prefix: &str, count: usize| {
        let rows = (0..count).map(|n| format!("{prefix}-{n},1000\n")).collect::<String>();
        fs::write(house.path("payroll.csv"), format!("number,cost_center\n{rows}")).expect("written");
    };
    rows("0SE01", 20);
    let ran = house.run(&["run"]).ends(5);
    says(&ran.stderr, &["max_unmatched_percent of payroll (20 of 20, limit 50)", "No approval can allow this"]);
    house.run(&["approve", "plan.json", "--yes"]).ends(5);
    // This program does not write a plan that states a lower count or leaves the guard out.
    let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
    let at = plan.content().guards.iter().position(|guard| guard.id == "max_unmatched_percent").expect("there");
    for keeps in [true, false] {
        let mut content = plan.content().clone();
        if keeps {
            (content.guards[at].count, content.guards[at].outcome) = (0, GuardOutcome::Pass);
        } else {
            content.guards.remove(at);
        }
        let forged = Plan::seal(content).expect("hashed anew");
        forged.write(fs::File::create(house.path("plan.json")).expect("a file")).expect("written");
        house.run(&["apply", "plan.json", "--approved-hash", &forged.hash().to_string()]).ends(8);
    }
    // Nor one without the figures of the join.
    let mut content = plan.content().clone();
    content.sources[1].join = None;
    let forged = Plan::seal(content).expect("hashed anew");
    forged.write(fs::File::create(house.path("plan.json")).expect("a file")).expect("written");
    let refused = house.run(&["approve", "plan.json", "--yes"]).ends(8);
    says(&refused.stderr, &["its sources are not those of the settings"]);
    assert_eq!(house.writes(), []);
    rows("SE01", 10);
    house.run(&["run"]).ends(0);
    assert_eq!(house.writes().len(), 1);
}

/// Twenty people; one has a new number and a new e-mail.
fn rehired() -> House {
    let mut listed = people("SE01", 20);
    listed[7].identifier = "SE01 700".to_owned();
    listed[7].email = "p7@new.example".to_owned();
    House::new(&listed, &people("SE01", 20), AUTOMATIC, &[])
}

#[test]
fn a_look_alike_is_shown_on_both_sides_and_decided_by_what_is_printed() {
    let house = rehired();
    let ran = house.run(&["run"]).ends(6);
    says(&ran.stderr, &["2 look like somebody else", "(SE01 700, SE01-7)"]);
    assert_eq!(house.writes(), []);
    let typed = "--same-person 'SE01 700'";
    says(
        &ran.stdout,
        &[
            "SE01-7 P7 Berg <p7.se01@example.com>, who would be deleted",
            typed,
            "would be deleted and has the same name",
        ],
    );
    for format in ["markdown", "html", "json"] {
        says(&house.run(&["show", "plan.json", "--format", format]).ends(0).stdout, &["looks_like"]);
    }
    let shell = format!("\"$SKOVIK\" plan {typed}");
    let mut command = Command::new("sh");
    command.args(["-c", &shell]).current_dir(house.folder.path()).env("SKOVIK", env!("CARGO_BIN_EXE_skovik-sync"));
    let decided = Output::from(command.env("HOME", house.folder.path()).output().expect("a shell"));
    says(&decided.stdout, &["0 to create, 1 to update, 0 to delete", "SE01-7 → SE01 700"]);
}

#[test]
fn a_pattern_protects_and_one_that_protects_nobody_is_for_people_to_look_at() {
    let users = || {
        let mut users = people("SE01", 20);
        users[7].email = "Eva@Consultant.example".to_owned();
        users
    };
    let mut listed = users();
    listed.remove(7);
    listed[3].first_name = "Nova".to_owned();
    let house =
        House::new(&listed, &users(), &format!("[scope]\nprotect = [\"*@consultants.example\"]\n{AUTOMATIC}"), &[]);
    let ran = house.run(&["run"]).ends(6);
    says(&ran.stderr, &["1 [scope] protect entries protect nobody, and may be misspelt"]);
    says(&ran.stdout, &["protect_matches_nobody", "\"*@consultants.example\""]);
    assert_eq!(house.writes(), []);
    house.settings(&format!("[scope]\nprotect = [\"*@consultant.example\"]\n{AUTOMATIC}"));
    house.run(&["run"]).ends(0);
    assert_eq!(house.writes().iter().map(|request| request.method.clone()).collect::<Vec<_>>(), ["PUT"]);
}

/// Twenty people and these users; the last `admins` of them are not listed, and are admins.
fn with_admins(count: usize, settings: &str) -> House {
    let mut users = people("SE01", 20);
    users[20 - count..].iter_mut().for_each(|user| user.role = "admin");
    House::new(&people("SE01", 20 - count), &users, settings, &[])
}

#[test]
fn admins_are_protected_unless_the_settings_say_otherwise_and_the_last_one_always_stays() {
    let house = with_admins(1, AUTOMATIC);
    says(&house.run(&["run"]).ends(0).stdout, &["No changes."]);
    let house = with_admins(1, &format!("[scope]\nprotect = []\n{AUTOMATIC}"));
    let ran = house.run(&["run"]).ends(0);
    says(&ran.stdout, &["the delete of SE01-19", "is withheld: no user with the role admin would be left"]);
    assert_eq!(house.writes(), []);
}

#[test]
fn an_admin_who_would_go_is_shown_as_one_everywhere() {
    let mut users = people("SE01", 20);
    users[18].role = "admin";
    users[19].role = "admin";
    let mut listed = people("SE01", 19);
    listed[18].first_name = "Nova".to_owned();
    let house = House::new(&listed, &users, "[scope]\nprotect = []\n", &[]);
    let planned = house.run(&["plan"]).ends(0);
    says(&planned.stdout, &["- P19 Berg SE01-19 p19.se01@example.com role: admin", "~ Nova Berg SE01-18 role: admin"]);
    says(
        &house.run(&["show", "plan.json", "--format", "markdown"]).ends(0).stdout,
        &["p19.se01@example.com role: admin"],
    );
    says(&house.run(&["show", "plan.json", "--format", "html"]).ends(0).stdout, &["\"roles\":\"role: admin\""]);
    for document in [house.json("plan.json"), view(&house, &[]), view(&house, &["--redact"])] {
        let roles =
            document["operations"].as_array().expect("a list").iter().map(|operation| operation["roles"].clone());
        assert_eq!(roles.collect::<Vec<_>>(), [json!(["admin"]), json!(["admin"])]);
    }
}

fn view(house: &House, more: &[&str]) -> Value {
    let args = [&["show", "plan.json", "--format", "json"], more].concat();
    serde_json::from_str(&house.run(&args).ends(0).stdout).expect("JSON")
}

#[test]
fn a_plan_that_hides_a_role_or_a_branch_is_refused() {
    type Edit = fn(&mut Action);
    let edits: [(&str, Edit); 4] = [
        ("shows the user u-SE01-19 with no roles", |action| {
            if let Action::Delete { roles, .. } = action {
                *roles = None;
            }
        }),
        ("shows the user u-SE01-19 with no role,", |action| {
            if let Action::Delete { roles, .. } = action {
                *roles = Some(Vec::new());
            }
        }),
        ("shows another branch than the user u-SE01-18 is in", |action| {
            if let Action::Update { branch: Some(Some(branch)), .. } = action {
                branch.branch_id = "no01".into();
                (branch.name, branch.external_identifier) = ("Example NO01".into(), Some("NO01".into()));
            }
        }),
        ("the branch se01 as", |action| {
            if let Action::Update { branch: Some(Some(branch)), .. } = action {
                branch.name = "Headquarters".into();
            }
        }),
    ];
    for (problem, edit) in edits {
        let mut users = people("SE01", 20);
        users[17].role = "admin";
        users[19].role = "admin";
        let mut listed = people("SE01", 19);
        listed[18].first_name = "Nova".to_owned();
        let house = House::new(&listed, &users, "[scope]\nprotect = []\n", &[]);
        house.run(&["plan"]).ends(0);
        let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
        let mut operations = plan.content().operations.clone();
        operations.iter_mut().for_each(|operation| edit(&mut operation.action));
        let forged = Plan::seal(Content { operations, ..plan.content().clone() }).expect("hashed anew");
        forged.write(fs::File::create(house.path("plan.json")).expect("a file")).expect("written");
        let refused = house.run(&["apply", "plan.json", "--approved-hash", &forged.hash().to_string()]).ends(7);
        says(&refused.stderr, &[problem]);
        assert_eq!(house.writes(), []);
    }
}

/// Twenty people, one of them to be renamed: the policy approves that.
fn quiet() -> House {
    let mut listed = people("SE01", 20);
    listed[3].first_name = "Nova".to_owned();
    House::new(&listed, &people("SE01", 20), AUTOMATIC, &[])
}

#[test]
fn an_approval_that_does_not_count_is_named_with_the_reason() {
    type Edit = fn(&House, &str);
    let edits: [(&str, Edit); 4] = [
        ("is a link or a folder", |house, name| {
            fs::create_dir(house.path(name)).expect("made");
        }),
        ("is no approval", |house, name| fs::write(house.path(name), "yes").expect("written")),
        ("expired at", |house, name| {
            house.run(&["plan"]).ends(0);
            house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
            let mut approval = house.json(name);
            approval["approved_at"] = json!(Timestamp::now().checked_sub(25.hours()).expect("a time").to_string());
            fs::write(house.path(name), approval.to_string()).expect("written");
        }),
        ("was given in the future", |house, name| {
            house.run(&["plan"]).ends(0);
            house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
            let mut approval = house.json(name);
            approval["approved_at"] = json!(Timestamp::now().checked_add(25.hours()).expect("a time").to_string());
            fs::write(house.path(name), approval.to_string()).expect("written");
        }),
    ];
    for (reason, edit) in edits {
        let house = quiet();
        edit(&house, "plan.json.anna.approval");
        let ran = house.run(&["run"]).ends(6);
        says(&ran.stderr, &[&format!("the approval plan.json.anna.approval {reason}")]);
        assert_eq!(house.writes(), []);
    }
}

#[test]
fn an_approval_of_an_earlier_plan_holds_nobody_up() {
    let house = quiet();
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    let mut listed = people("SE01", 20);
    listed[4].first_name = "Other".to_owned();
    house.list(&listed);
    house.run(&["run"]).ends(0);
    assert_eq!(house.writes().len(), 1);
}

/// Runs the program as somebody who may not read what the approver wrote: as another user where the tests run as root,
/// else on an approval that nobody may read.
fn without_right_to_read(house: &House, approval: &str, args: &[&str]) -> Output {
    let plain = house.command(args);
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) != 0) {
        fs::set_permissions(house.path(approval), fs::Permissions::from_mode(0o000)).expect("set");
        return house.run(args);
    }
    let mut folders = vec![house.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        chown(&folder, Some(NOBODY), Some(NOBODY)).expect("given");
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            if entry.file_type().expect("a type").is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != approval {
                chown(entry.path(), Some(NOBODY), Some(NOBODY)).expect("given");
            }
        }
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(plain.get_program());
    command.args(args).current_dir(house.folder.path());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Output::from(command.output().expect("setpriv"))
}

#[test]
fn an_approval_that_the_service_cannot_read_is_said_so() {
    let house = House::new(&people("SE01", 10), &people("SE01", 20), AUTOMATIC, &[]);
    house.run(&["run"]).ends(5);
    let approve =
        ["approve", "plan.json", "--yes", "--approver", "anna", "--allow", "deletes=10", "--allow", "changes=10"];
    house.run(&approve).ends(0);
    let ran = without_right_to_read(&house, "plan.json.anna.approval", &["run"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    says(
        &ran.stderr,
        &["blocked by max_delete_percent", "the approval plan.json.anna.approval cannot be read by this user", "chown"],
    );
    assert_eq!(house.writes(), []);
}

#[test]
fn an_approval_that_allows_too_little_is_named_where_a_guard_blocks() {
    let house = House::new(&people("SE01", 10), &people("SE01", 20), AUTOMATIC, &[]);
    house.run(&["plan"]).ends(5);
    house
        .run(&["approve", "plan.json", "--yes", "--approver", "anna", "--allow", "deletes=10", "--allow", "changes=10"])
        .ends(0);
    let mut approval = house.json("plan.json.anna.approval");
    approval["allow"]["deletes"] = json!(9);
    fs::write(house.path("plan.json.anna.approval"), approval.to_string()).expect("written");
    let ran = house.run(&["run"]).ends(5);
    says(&ran.stderr, &["the approval by anna does not allow max_delete_percent (10 of 20, limit 20)"]);
    assert_eq!(house.writes(), []);
}

#[test]
fn an_approver_can_see_the_ids() {
    let house = quiet();
    house.run(&["plan"]).ends(0);
    let shown = house.run(&["approve", "plan.json", "--yes", "--ids"]).ends(0);
    says(&shown.stdout, &["user u-SE01-3"]);
}
