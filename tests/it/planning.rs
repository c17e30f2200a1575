//! A plan is a function of settings, lists and account, down to the byte; and what narrows or decides one.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::harness::Company;

/// The lines of a list in reverse, except for its header.
fn reversed(csv: &str) -> String {
    let (header, rows) = csv.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.reverse();
    format!("{header}\n{}\n", rows.join("\n"))
}

fn ids(plan: &Value) -> Vec<&str> {
    plan["operations"].as_array().unwrap().iter().map(|one| one["employee"].as_str().unwrap()).collect()
}

fn codes(plan: &Value) -> Vec<&str> {
    plan["diagnostics"].as_array().unwrap().iter().map(|found| found["code"].as_str().unwrap()).collect()
}

#[test]
fn the_same_data_gives_the_same_bytes_wherever_and_whenever() {
    for fixture in ["small", "group", "bad"] {
        let mut company = Company::new(fixture);
        company.run(&["snapshot", "-o", "users.jsonl"]).ends(0);
        company.run(&["plan", "-o", "first.json"]).ends(0);
        let first = company.read("first.json");
        company.run(&["plan", "-o", "again.json"]).ends(0);
        assert!(first == company.read("again.json"), "{fixture}: twice");

        // The file does not say where, when, by whom or with which key it was made.
        for word in [&company.folder().to_string_lossy(), "tester", "any-key", "skovik-sync.toml", "first.json"] {
            assert!(!first.contains(word), "{fixture}: {word}");
        }

        // Another folder, by another person, on another day, in another time zone and language.
        let elsewhere = company.path("other folder/deep");
        fs::create_dir_all(&elsewhere).unwrap();
        for entry in fs::read_dir(company.folder()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let copy = elsewhere.join(path.file_name().unwrap());
                fs::copy(&path, &copy).unwrap();
                let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
                fs::File::options().write(true).open(&copy).unwrap().set_modified(long_ago).unwrap();
            }
        }
        for (name, value) in
            [("TZ", "Pacific/Kiritimati"), ("LANG", "sv_SE.UTF-8"), ("LC_ALL", "sv_SE.UTF-8"), ("USER", "another")]
        {
            company.env(name, value);
        }
        company.run(&["-c", "other folder/deep/skovik-sync.toml", "plan", "-o", "elsewhere.json"]).ends(0);
        assert!(first == company.read("elsewhere.json"), "{fixture}: in another folder");

        // A snapshot of the account says as much as the account.
        company.run(&["plan", "--users", "users.jsonl", "-o", "offline.json"]).ends(0);
        assert!(first == company.read("offline.json"), "{fixture}: from a snapshot");
        company.wrote_nothing();
    }
}

#[test]
fn the_order_of_the_rows_on_either_side_does_not_matter() {
    let company = Company::new("small");
    let first = company.plan(0);
    company.write("employees.csv", reversed(&company.read("employees.csv")));
    company.run(&["plan", "-o", "reversed.json"]).ends(0);
    assert_eq!(company.read("plan.json"), company.read("reversed.json"));

    // The account's users in another order, at the same address.
    company.run(&["snapshot", "-o", "snapshot.jsonl"]).ends(0);
    let text = company.read("snapshot.jsonl");
    let mut lines: Vec<&str> = text.lines().collect();
    let end: Value = serde_json::from_str(lines.pop().unwrap()).unwrap();
    let (head, users): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| !line.starts_with("{\"user\""));
    let kept: String = head.into_iter().chain(users.into_iter().rev()).map(|line| format!("{line}\n")).collect();
    let mut end = end;
    end["end"]["sha256"] = json!(skovik_sync::plan::Digest::of(kept.as_bytes()).to_string());
    company.write("turned.jsonl", format!("{kept}{end}\n"));
    company.run(&["plan", "--users", "turned.jsonl", "-o", "turned.json"]).ends(0);
    assert_eq!(company.json("turned.json"), first);
}

#[test]
fn what_does_not_matter_is_not_in_the_plan_and_what_does_is() {
    let company = Company::new("small");
    let first = company.plan(0);
    for (from, to) in [
        ("[target]", "[target]\nlist_timeout = \"5m\"\nmax_in_flight = 2\nretries = 9"),
        ("[employee]", "# a remark\n[employee]"),
        ("[scope]", "[approval]\nmax_age = \"1h\"\n\n[scope]"),
        ("key = \"employee_id\"", "key   =   'employee_id'"),
    ] {
        company.edit("skovik-sync.toml", from, to);
        assert_eq!(company.plan(0), first, "{to}");
    }
    company.edit("skovik-sync.toml", "| lower", "| lower | trim");
    let other = company.plan(0);
    assert_ne!(other["config_hash"], first["config_hash"]);
    assert_eq!(other["operations"], first["operations"]);
}

#[test]
fn a_snapshot_that_is_cut_is_no_snapshot() {
    let company = Company::new("small");
    company.run(&["snapshot", "-o", "whole.jsonl"]).ends(0).prints(&["users 28, branches 2, custom fields 1"]);
    let whole = company.read("whole.jsonl");
    let without_end = whole.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    let (start, end) = whole.split_at(whole.find("1008").unwrap());
    let row_less = start.rsplit_once('\n').unwrap().0.to_owned() + &end[end.find('\n').unwrap()..];
    for (text, what) in [
        (without_end, "no trailer"),
        (whole[..whole.len() / 2].to_owned(), "cut in the middle"),
        (whole[..whole.len() - 10].to_owned(), "cut in the trailer"),
        (row_less, "a row less"),
        (whole.replace("Lindberg", "Lundberg"), "edited"),
        (whole.clone() + "{}\n", "more behind it"),
        (String::new(), "empty"),
    ] {
        company.write("users.jsonl", text);
        let output = company.run(&["plan", "--users", "users.jsonl"]);
        assert_eq!(output.code, Some(4), "{what}: {output}");
        assert!(output.stderr.contains("users.jsonl"), "{what}: {output}");
        assert!(!company.exists("plan.json"), "{what}");
    }
    company.run(&["plan", "--users", "nowhere.jsonl"]).says(&["nowhere.jsonl"]);
}

#[test]
fn a_snapshot_of_another_account_is_wrong_usage() {
    let company = Company::new("small");
    company.run(&["plan", "--users", "users.jsonl"]).ends(3).says(&["http://127.0.0.1:8480/v1", &company.url()]);
    assert!(!company.exists("plan.json"));
}

#[test]
fn a_snapshot_is_private_and_needs_no_key_to_plan_with() {
    let mut company = Company::new("small");
    company.run(&["snapshot", "-o", "whole.jsonl"]).ends(0);
    company.env("SKOVIK_TOKEN", "");
    company.run(&["plan", "--users", "whole.jsonl"]).ends(0);
    #[cfg(unix)]
    for file in ["whole.jsonl", "plan.json"] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(company.path(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[test]
fn only_keeps_the_operations_of_these_people_and_counts_the_whole_in_the_guards() {
    let company = Company::new("small");
    let whole = company.plan(0);
    company.run(&["plan", "--only", "1024", "--only", "1027", "-o", "only.json"]).ends(0);
    let only = company.json("only.json");
    assert_eq!(ids(&only), ["1024", "1027"]);
    assert_eq!(only["guards"], whole["guards"]);
    assert_eq!(only["summary"], json!({"create": 0, "update": 1, "delete": 1, "unchanged": 22, "set_aside": 0}));
    company.run(&["approve", "only.json", "--yes"]).ends(0);
    company.run(&["apply", "only.json"]).ends(0).prints(&["Applied: 0 created, 1 updated, 1 deleted."]);
    company.run(&["plan", "-o", "rest.json"]).ends(0);
    let mut rest = ids(&company.json("rest.json")).into_iter().map(str::to_owned).collect::<Vec<_>>();
    rest.sort();
    assert_eq!(rest, ["1008", "1009", "1021", "1030", "1031", "1032"]);
}

#[test]
fn only_plans_what_its_people_need_too_and_says_so() {
    let company = Company::new("small");
    let planned = company.run(&["plan", "--only", "1031"]).ends(0);
    planned
        .prints(&["Only     1031; guards count everybody", "is planned too: the create of 1031 Nils Frisk needs it"]);
    let plan = company.json("plan.json");
    assert_eq!((ids(&plan), codes(&plan)), (vec!["1030", "1031"], vec!["planned_too"]));
    assert_eq!(plan["only"], json!(["1031"]));
    company.run(&["plan", "--only", "1031", "--only", "1030"]).ends(0);
    let plan = company.json("plan.json");
    assert_eq!((ids(&plan), codes(&plan)), (vec!["1030", "1031"], vec![]));
    assert_eq!(plan["operations"][1]["depends_on"], json!(["1"]));
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(company.user("1031").unwrap()["relationships"]["manager"]["data"]["id"], json!(company.id("1030")));
    // Whoever is unknown is told; whoever is unchanged is no news.
    let nobody = company.run(&["plan", "--only", "4711"]).ends(0);
    nobody.prints(&["4711: nobody has this identifier, neither in the lists nor in Skovik", "No changes."]);
    company.run(&["plan", "--only", "1002"]).ends(0).prints(&["No changes."]);
    assert_eq!(codes(&company.json("plan.json")), Vec::<&str>::new());
}

#[test]
fn a_guard_that_blocks_the_whole_comparison_blocks_a_part_of_it() {
    let company = Company::new("small");
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 10\n");
    company.run(&["plan", "--only", "1024"]).ends(5).prints(&["max_change_percent                  5 of 27"]);
}

#[test]
fn same_person_decides_one_renumbering() {
    let company = Company::new("bad");
    let asked = company.plan(0);
    assert!(codes(&asked).contains(&"renumbering_undecided"));
    let kim = company.id("5091");
    company.run(&["plan", "--same-person", "5191"]).ends(0);
    let plan = company.json("plan.json");
    assert!(!codes(&plan).contains(&"renumbering_undecided"));
    let update = plan["operations"].as_array().unwrap().iter().find(|one| one["employee"] == "5191").unwrap();
    assert_eq!((&update["action"], &update["user_id"]), (&json!("update"), &json!(kim)));
    assert_eq!(update["changes"][0], json!({"field": "external_identifier", "before": "5091", "after": "5191"}));
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(company.id("5191"), kim);
    // Nothing is left to decide.
    company.run(&["plan", "--same-person", "5191"]).ends(3).says(&["--same-person 5191"]);
}

#[test]
fn renumber_same_person_decides_all_of_them() {
    let company = Company::new("bad");
    company.edit("skovik-sync.toml", "[scope]", "[scope]\nrenumber = \"same-person\"");
    let plan = company.plan(0);
    assert!(ids(&plan).contains(&"5191") && !codes(&plan).contains(&"renumbering_undecided"));
}

#[test]
fn detailed_exitcode_tells_blocked_from_changes() {
    let company = Company::new("small");
    company.run(&["plan", "--detailed-exitcode"]).ends(2);
    company.append("skovik-sync.toml", "\n[guard]\nmax_deletes = 0\n");
    company.run(&["plan", "--detailed-exitcode"]).ends(5);
}

#[test]
fn colour_is_for_terminals_and_for_whoever_insists() {
    let mut company = Company::new("small");
    let plain = company.run(&["plan"]).ends(0);
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'), "{plain}");
    let coloured = company.run(&["plan", "--color", "always"]).ends(0);
    assert!(coloured.stdout.contains("\u{1b}["));
    // Colour adds nothing but colour.
    let stripped = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(&coloured.stdout, "").into_owned();
    assert_eq!(stripped, plain.stdout);
    company.env("NO_COLOR", "1");
    assert_eq!(company.run(&["plan"]).stdout, plain.stdout);
    assert_eq!(company.run(&["plan", "--color", "always"]).stdout, coloured.stdout, "who asks for it gets it");
    assert_eq!(company.run(&["plan", "--color", "never"]).stdout, plain.stdout);
    company.env("NO_COLOR", "").env("CLICOLOR_FORCE", "1");
    assert_eq!(company.run(&["plan"]).stdout, coloured.stdout);
    company.env("NO_COLOR", "1");
    assert_eq!(company.run(&["plan"]).stdout, plain.stdout);
}

#[test]
fn quiet_prints_results_and_errors_only() {
    let company = Company::new("small");
    let loud = company.run(&["plan"]).ends(0);
    let quiet = company.run(&["plan", "-q"]).ends(0);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (loud.stdout, ""));
    company.run(&["apply", "plan.json", "-q"]).ends(6).says(&["not approved"]);
}

#[test]
fn a_plan_beside_an_unfinished_apply_does_not_take_its_place() {
    let company = Company::faulty("small", &["POST /users nth=1 status=422"]);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(9);
    let before = company.read("plan.json");
    company.run(&["plan"]).ends(3).says(&["plan.json", "not finished", "--out"]);
    assert_eq!(company.read("plan.json"), before);
    company.run(&["apply", "plan.json"]).ends(0);
    // A finished one is put away together with its journal.
    company.run(&["plan"]).ends(0).prints(&["No changes."]);
    company.run(&["verify", "plan.json"]).ends(6);
}

#[test]
fn show_prints_what_plan_printed() {
    let company = Company::new("bad");
    let planned = company.run(&["plan"]).ends(0);
    let shown = company.run(&["show", "plan.json"]).ends(0);
    assert_eq!((shown.stdout, shown.stderr.as_str()), (planned.stdout, ""));
}

#[cfg(unix)]
#[test]
fn a_device_is_never_replaced_by_a_file() {
    let company = Company::new("small");
    // Through a link of our own, so that a failure of this test harms nobody.
    std::os::unix::fs::symlink("/dev/null", company.path("null")).unwrap();
    company.run(&["plan", "-o", "null"]).ends(3).says(&["--out null", "not a regular file"]);
    company.run(&["snapshot", "-o", "null"]).ends(3).says(&["null", "not a regular file"]);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json", "--report", "null"]).ends(3).says(&["--report null", "not a regular file"]);
    company.wrote_nothing();
    assert!(company.path("null").is_symlink());
    // Events are a stream, which a device may well take.
    company.run(&["apply", "plan.json", "--events", "/dev/null"]).ends(0);
}
