//! What makes a plan approved, and what does not.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::harness::Company;

/// The file of the approval by the harness's user.
const APPROVAL: &str = "plan.json.tester.approval";

fn approved() -> Company {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company
}

/// Rewrites the approval, which nothing but its own words protects.
fn edit_approval(company: &Company, edit: impl FnOnce(&mut Value)) {
    let mut approval = company.json(APPROVAL);
    edit(&mut approval);
    company.write(APPROVAL, approval.to_string());
}

fn ago(hours: i64) -> Value {
    json!((Timestamp::now() - SignedDuration::from_hours(hours)).to_string())
}

#[test]
fn an_approval_says_who_what_when_until_when_and_why() {
    let company = Company::new("small");
    let plan = company.plan(0);
    let requests = company.requests().len();
    let approve =
        ["approve", "plan.json", "--yes", "--approver", "Åsa Öberg", "--comment", "read it all", "--expires", "2h"];
    company.run(&approve).ends(0).prints(&["approved by Åsa Öberg until ", "plan.json.Åsa_Öberg.approval"]);
    let approval = company.json("plan.json.Åsa_Öberg.approval");
    assert_eq!(approval["plan_hash"], plan["plan_hash"]);
    assert_eq!((&approval["approver"], &approval["comment"]), (&json!("Åsa Öberg"), &json!("read it all")));
    let time = |key: &str| approval[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(time("expires_at").duration_since(time("approved_at")), SignedDuration::from_hours(2));
    company.run(&["verify", "plan.json"]).ends(0).prints(&[
        plan["plan_hash"].as_str().unwrap(),
        "3 to create, 4 to update, 1 to delete, 22 unchanged, 0 set aside",
        "by Åsa Öberg, valid until ",
        "apply would accept this plan",
    ]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(company.path("plan.json.Åsa_Öberg.approval")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(company.requests().len(), requests, "approving and verifying need no network");
    company.run(&["apply", "plan.json"]).ends(0);
}

#[test]
fn an_approver_cannot_leave_the_folder_and_must_have_a_name() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "../../x"]).ends(0);
    assert!(company.exists("plan.json..._.._x.approval"));
    for name in ["", "  ", "a\nb", "a\u{1b}b"] {
        company.run(&["approve", "plan.json", "--yes", "--approver", name]).ends(3).says(&["--approver"]);
    }
}

#[test]
fn an_approval_that_does_not_count_is_named_with_the_reason() {
    type Edit = fn(&mut Value);
    let edits: &[(&str, Edit)] = &[
        ("expired at", |approval| approval["expires_at"] = ago(0)),
        ("expired at", |approval| approval["approved_at"] = ago(24)),
        ("in the future", |approval| approval["approved_at"] = ago(-1)),
        ("approves another plan", |approval| approval["plan_hash"] = json!(format!("sha256:{}", "0".repeat(64)))),
        ("is no approval", |approval| *approval = json!({})),
        ("is no approval", |approval| *approval = json!([])),
        ("is no approval", |approval| approval["unknown"] = json!(1)),
        ("is no approval", |approval| approval["plan_hash"] = json!("sha256:0")),
        ("version", |approval| approval["format_version"] = json!(2)),
        ("version", |approval| approval["format"] = json!("skovik-sync/plan")),
    ];
    for (reason, edit) in edits {
        let company = approved();
        edit_approval(&company, edit);
        for command in ["verify", "apply"] {
            company.run(&[command, "plan.json"]).ends(6).says(&["0 of 1 approvals needed", APPROVAL, reason]);
        }
        company.wrote_nothing();
        // Approving the same plan again puts it right.
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        company.run(&["verify", "plan.json"]).ends(0);
    }
}

#[test]
fn the_earlier_of_its_own_expiry_and_the_greatest_age_wins() {
    let company = approved();
    edit_approval(&company, |approval| approval["approved_at"] = ago(2));
    company.run(&["verify", "plan.json"]).ends(0);
    // [approval] is not part of the plan: it is read when the plan is applied.
    company.append("skovik-sync.toml", "\n[approval]\nmax_age = \"1h\"\n");
    company.run(&["apply", "plan.json"]).ends(6).says(&["expired at"]);
    company.run(&["approve", "plan.json", "--yes", "--expires", "48h"]).ends(0);
    let approval = company.json(APPROVAL);
    let until = approval["approved_at"].as_str().unwrap().parse::<Timestamp>().unwrap() + SignedDuration::from_hours(1);
    company.run(&["verify", "plan.json"]).ends(0).prints(&[&format!("valid until {until:.0}")]);
    company.run(&["apply", "plan.json"]).ends(0);
}

#[test]
fn an_approval_is_of_one_plan_and_never_of_the_next() {
    let company = approved();
    company.edit("employees.csv", "Zara,Kvist,SE01,1002,4300", "Zara,Kvist,SE01,1002,4200");
    company.run(&["plan"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(6).says(&[APPROVAL, "approves another plan"]);
    company.run(&["verify", "plan.json"]).ends(6).prints(&["of another plan"]);
    // Nor is it one under another name.
    company.run(&["plan", "-o", "other.json"]).ends(0);
    company.run(&["approve", "other.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(6);
    company.wrote_nothing();
    company.run(&["apply", "other.json"]).ends(0);
}

#[test]
fn a_stated_hash_is_an_approval_of_exactly_that_plan() {
    let company = Company::new("small");
    let hash = company.plan(0)["plan_hash"].as_str().unwrap().to_owned();
    let wrong = format!("sha256:{}", "1".repeat(64));
    company.run(&["apply", "plan.json", "--approved-hash", &wrong]).ends(6).says(&[&wrong, &hash]);
    for no_hash in [&hash.to_uppercase(), &hash["sha256:".len()..], &hash[..70], "", "sha256:"] {
        company.run(&["apply", "plan.json", "--approved-hash", no_hash]).ends(3).says(&["--approved-hash"]);
    }
    company.run(&["verify", "plan.json", "--approved-hash", &hash]).ends(0);
    // A wrong hash is not made good by an approval that is there as well.
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json", "--approved-hash", &wrong]).ends(6);
    company.wrote_nothing();
    std::fs::remove_file(company.path(APPROVAL)).unwrap();
    company.run(&["apply", "plan.json", "--approved-hash", &hash]).ends(0);
    company.is_in_line();
}

#[test]
fn other_settings_than_the_plans_are_stale() {
    let changes = [
        ("first_name = \"{{ hr.first_name }}\"", "first_name = \"{{ hr.last_name }}\""),
        ("include = \"hr.status == 'active'\"", "include = \"true\""),
        ("protect = [\"admin@example.com\"]", "protect = []"),
        ("key = \"employee_id\"", "key = \"email\""),
        ("[scope]", "[guard]\nmax_delete_percent = 100\n\n[scope]"),
        ("[scope]", "[manager]\nunresolved = \"error\"\n\n[scope]"),
    ];
    for (from, to) in changes {
        let company = approved();
        company.edit("skovik-sync.toml", from, to);
        for command in ["verify", "approve", "apply"] {
            let output = company.run(&[command, "plan.json"]);
            assert_eq!(output.code, Some(7), "{to}: {output}");
            assert!(output.stderr.contains("settings"), "{to}: {output}");
        }
        company.wrote_nothing();
    }
}

/// Edits of a plan's text that mean something else, or nothing: each is exit code 8.
#[test]
fn an_edited_plan_is_no_plan() {
    let company = approved();
    let text = company.read("plan.json");
    let hash = company.json("plan.json")["plan_hash"].as_str().unwrap().to_owned();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in the plan");
        text.replacen(from, to, 1)
    };
    let edits = [
        ("a value", replaced("maja.stahl@example.com", "maja.stahl@example.org")),
        ("a name that is for the reader only", replaced("Maja Ståhl", "Maja Stahl")),
        ("a value in another normal form", replaced("Ståhl", "Sta\u{30a}hl")),
        ("a limit", replaced("\"limit\": 20", "\"limit\": 99")),
        ("a count", replaced("\"unchanged\": 22", "\"unchanged\": 23")),
        ("an outcome", replaced("\"pass\"", "\"block\"")),
        ("a hash", replaced(&hash, &format!("sha256:{}", "0".repeat(64)))),
        ("a hash in capitals", replaced(&hash, &hash.to_uppercase().replace("SHA", "sha"))),
        ("no hash", replaced(&format!("\"plan_hash\": \"{hash}\",\n"), "")),
        ("a key twice, the same", replaced("\"unchanged\": 22", "\"unchanged\": 22, \"unchanged\": 22")),
        ("a key twice, first otherwise", replaced("\"unchanged\": 22", "\"unchanged\": 9, \"unchanged\": 22")),
        ("the hash twice", replaced("\"plan_hash\"", &format!("\"plan_hash\": \"{hash}\", \"plan_hash\""))),
        (
            "a custom field twice",
            replaced("\"cf_cost_center\": \"4200\"", "\"cf_cost_center\": \"1\", \"cf_cost_center\": \"4200\""),
        ),
        ("an unknown key", replaced("\"generator\"", "\"remark\": \"fine\", \"generator\"")),
        ("an unknown key in an operation", replaced("\"depends_on\"", "\"remark\": null, \"depends_on\"")),
        ("an unknown key in a user", replaced("\"first_name\"", "\"remark\": null, \"first_name\"")),
        ("an unknown key in a guard", replaced("\"outcome\"", "\"remark\": null, \"outcome\"")),
        ("a key of another action", replaced("\"depends_on\"", "\"user_id\": \"1\", \"depends_on\"")),
        ("a missing key", replaced("\"unchanged\": 22,", "")),
        ("a number as a text", replaced("\"unchanged\": 22", "\"unchanged\": \"22\"")),
        ("a number that is no integer", replaced("\"unchanged\": 22", "\"unchanged\": 22.0")),
        ("a negative number", replaced("\"unchanged\": 22", "\"unchanged\": -22")),
        ("an id as a number", replaced("\"id\": \"1\"", "\"id\": 1")),
        ("a comment", replaced("{", "{ // fine\n")),
        ("a later version", replaced("\"format_version\": 3", "\"format_version\": 4")),
        ("another format", replaced("skovik-sync/plan", "skovik-sync/report")),
        ("half of it", text[..text.len() / 2].to_owned()),
        ("without its last bracket", text.trim_end().trim_end_matches('}').to_owned()),
        ("something behind it", format!("{text}{{}}")),
        ("nothing", String::new()),
        ("a list", format!("[{text}]")),
        ("a byte-order mark", format!("\u{feff}{text}")),
    ];
    for (what, edited) in edits {
        company.write("plan.json", edited);
        for command in ["show", "verify", "approve", "apply"] {
            let output = company.run(&[command, "plan.json"]);
            assert_eq!(output.code, Some(8), "{what}: {output}");
            assert!(output.stderr.contains("plan.json"), "{what}: {output}");
        }
    }
    company.write("plan.json", text.as_bytes().iter().map(|byte| byte ^ 0x80).collect::<Vec<u8>>());
    company.run(&["apply", "plan.json"]).ends(8);
    company.wrote_nothing();
}

#[test]
fn a_field_that_is_emptied_is_not_one_that_is_left_alone() {
    let company = Company::new("bad");
    company.run(&["plan"]).ends(0);
    company.edit("plan.json", "\"manager\": null,", "");
    company.run(&["show", "plan.json"]).ends(8).says(&["altered"]);
}

#[test]
fn white_space_and_the_order_of_keys_mean_nothing() {
    let company = approved();
    let plan = company.json("plan.json");
    company.write("plan.json", plan.to_string());
    company.run(&["verify", "plan.json"]).ends(0);
    let keys = plan.as_object().unwrap();
    let backwards: Vec<String> = keys.iter().rev().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
    company.write("plan.json", format!("\n\n{{ {} }}\r\n", backwards.join(" ,\t")));
    company.run(&["verify", "plan.json"]).ends(0);
    let escaped: String = company.read("plan.json").chars().fold(String::new(), |mut text, character| {
        match character {
            'å' => text.push_str("\\u00e5"),
            other => text.push(other),
        }
        text
    });
    company.write("plan.json", escaped);
    company.run(&["apply", "plan.json"]).ends(0);
}

/// Gives an edited plan the hash that its content has, which the refusal tells.
fn rehash(company: &Company) {
    let refusal = company.run(&["show", "plan.json"]).ends(8).stderr;
    let hashes: Vec<&str> =
        regex::Regex::new("sha256:[0-9a-f]{64}").unwrap().find_iter(&refusal).map(|found| found.as_str()).collect();
    let [stated, computed] = hashes[..] else { panic!("{refusal}") };
    company.edit("plan.json", stated, computed);
}

#[test]
fn an_edited_plan_with_a_new_hash_is_another_plan() {
    let company = approved();
    company.edit("plan.json", "maja.stahl@example.com", "mallory@example.com");
    rehash(&company);
    company.run(&["show", "plan.json"]).ends(0).prints(&["mallory@example.com"]);
    company.run(&["apply", "plan.json"]).ends(6).says(&["approves another plan"]);
    company.wrote_nothing();
}

#[test]
fn a_plan_that_no_program_wrote_is_damaged_though_its_hash_is_right() {
    for (from, to, problem) in [
        ("\"create\": 3", "\"create\": 2", Some("summary")),
        ("\"delete\": 1,", "\"delete\": 0,", Some("summary")),
        ("\"before_hash\": \"sha256:", "\"before_hash\": \"sha256:00000000", Some("hash")),
        ("\"reason\": \"outside the scope\"", "\"reason\": \"in no source\"", None),
    ] {
        let company = approved();
        let text = company.read("plan.json");
        let edited = if from.contains("before_hash") {
            // That of the delete, which the plan can be held against.
            let place = text.rfind(from).unwrap();
            let end = place + from.len();
            format!("{}{to}{}", &text[..place], &text[end + 8..])
        } else {
            text.replacen(from, to, 1)
        };
        company.write("plan.json", edited);
        rehash(&company);
        match problem {
            Some(problem) => company.run(&["show", "plan.json"]).ends(8).says(&[
                "skovik-sync cannot have written this \
            plan (edited by hand?)",
                problem,
            ]),
            None => company.run(&["show", "plan.json"]).ends(0),
        };
        let output = company.run(&["apply", "plan.json"]);
        assert!(matches!(output.code, Some(6 | 8)), "{output}");
        company.wrote_nothing();
    }
}
