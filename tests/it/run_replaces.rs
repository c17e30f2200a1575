//! `run` where the plan of an unfinished apply is in its own plan file: how long that apply counts, and where each message
//! leads.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use skovik_sync::plan::Digest;
use skovik_sync::state::State;

use super::house::House;
use super::run::{AUTOMATIC, company, cut_off, house, says, stuck};

/// An apply of this plan file that people began, one of whose requests is in doubt.
fn begun(out: &str) -> House {
    let house = house("", &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["plan", "-o", out]).ends(0);
    house.run(&["approve", out, "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", out]).ends(9);
    cut_off(&house, out);
    house.settings(AUTOMATIC);
    house.hurry();
    house
}

/// Lets the journal of a plan be so many hours old.
fn age(house: &House, plan: &str, hours: u64) {
    let hash = house.json(plan)["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
    let journal = house.path(&format!("state/skovik-sync/journals/{hash}.journal"));
    let journal = File::options().append(true).open(journal).expect("opened");
    journal.set_modified(SystemTime::now() - Duration::from_secs(60 * 60 * hours)).expect("set");
}

/// The plan that was kept aside.
fn kept(house: &House, stem: &str) -> String {
    let names = fs::read_dir(house.folder.path()).expect("a folder").flatten();
    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_kept = |name: &String| {
        let rest = name.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".json"));
        rest.is_some_and(|hash| hash.len() == 12)
    };
    names.find(is_kept).expect("a plan that was kept")
}

/// Refused by `run`: nothing was written, and the plan is where it was.
#[track_caller]
fn refused(house: &House, args: &[&str], out: &str, parts: &[&str]) {
    let (before, plan) = (house.writes(), house.read(out));
    says(&house.run(args).ends(9), parts);
    assert_eq!(house.writes(), before);
    assert_eq!(house.read(out), plan);
}

#[test]
fn an_apply_counts_as_long_as_an_approval_and_is_kept_aside_then() {
    let house = begun("plan.json");
    age(&house, "plan.json", 24);
    let otherwise = "skovik-sync plan --out later.json";
    refused(&house, &["run"], "plan.json", &["approved by anna", ": skovik-sync apply plan.json.", otherwise]);
    fs::remove_file(house.path("plan.json.anna.approval")).expect("removed");
    let approve = "skovik-sync approve plan.json && skovik-sync apply plan.json";
    refused(&house, &["run"], "plan.json", &["a person began it", approve, otherwise]);
    age(&house, "plan.json", 26);
    says(&house.run(&["run"]).ends(0), &["the earlier plan, which was applied in part, is kept as plan."]);
    house.run(&["run"]).ends(0);
    // What was done of it can still be taken back.
    house.run(&["undo", &kept(&house, "plan")]).ends(0);
}

#[test]
fn what_the_message_says_finishes_it() {
    let house = begun("plan.json");
    fs::remove_file(house.path("plan.json.anna.approval")).expect("removed");
    house.run(&["run"]).ends(9);
    house.carry_out("plan.json").ends(0);
    house.run(&["run"]).ends(0);
}

/// The settings that bind the plan have changed, so that nobody can finish it with those of now.
#[test]
fn a_later_plan_leads_past_an_apply_of_other_settings() {
    for hours in [0, 26] {
        let house = begun("plan.json");
        house.settings(&format!("{AUTOMATIC}[guard]\nmax_change_percent = 90\n"));
        house.hurry();
        refused(&house, &["run"], "plan.json", &["The settings have changed since: put them back", "--out later.json"]);
        says(&house.run(&["apply", "plan.json"]).ends(7), &["plan again"]);
        says(&house.run(&["plan"]).ends(3), &["put the settings back", "to another file with --out"]);
        if hours == 0 {
            house.run(&["plan", "--out", "later.json"]).ends(0);
            house.carry_out("later.json").ends(0);
        } else {
            age(&house, "plan.json", hours);
        }
        says(&house.run(&["run"]).ends(0), &["is kept as plan."]);
        house.run(&["plan"]).ends(0);
    }
}

#[test]
fn the_plan_of_an_event_and_of_a_customer_counts_as_long() {
    let person = company().1[7].identifier.clone();
    let only = ["run", "--only", &person, "--out", "event.json"];
    let all = ["run", "--all", ".", "--plans", "."];
    for (out, args) in [("event.json", &only[..]), ("skovik-sync.plan.json", &all)] {
        let house = begun(out);
        refused(&house, args, out, &[&format!("{out}, approved by anna, is not finished")]);
        age(&house, out, 26);
        house.run(args).ends(0);
        kept(&house, out.trim_end_matches(".json"));
    }
}

/// People finish the plan that a run left them and had begun: it has a note of the run, and it is theirs.
#[test]
fn a_plan_that_a_run_noted_and_people_began_counts_as_long() {
    let house = begun("plan.json");
    let hash = house.json("plan.json")["plan_hash"].as_str().and_then(Digest::parse).expect("a hash");
    let state = State::open(&house.path("state/skovik-sync"), None).expect("a state");
    state.set_begun_run(&house.url, Some(hash)).expect("noted");
    refused(&house, &["run"], "plan.json", &["approved by anna, is not finished"]);
    // Another plan is at the run's own file: the message names the one that is open.
    house.run(&["run", "--out", "other.json"]).ends(9);
    let ran = house.run(&["run", "--out", "other.json"]).ends(9);
    says(&ran, &["which people began", &format!("{hash}"), "a copy is"]);
    assert!(!ran.stderr.contains("apply of other.json"), "{ran:?}");
    age(&house, "plan.json", 26);
    house.run(&["run"]).ends(0);
}

/// Only the plan file knows of an apply to the same address under another name.
#[test]
fn a_run_of_another_account_is_not_called_a_persons() {
    for removes in [true, false] {
        let house = stuck();
        let named = house.read("skovik-sync.toml").replacen("[target]\n", "[target]\naccount = \"acme\"\n", 1);
        fs::write(house.path("skovik-sync.toml"), named).expect("written");
        let account = format!("a run began it, for the account {}", house.url);
        refused(&house, &["run"], "plan.json", &[&account, "then remove plan.json (a copy is "]);
        if removes {
            fs::remove_file(house.path("plan.json")).expect("removed");
        } else {
            age(&house, "plan.json", 26);
        }
        house.run(&["run"]).ends(0);
    }
}

/// The messages of a run that goes on in vain name the file of that plan only where it is.
#[test]
fn a_run_in_vain_names_no_file_of_another_plan() {
    let (_, users) = company();
    let house = house(AUTOMATIC, &["--fail", "DELETE /users/* times=1 status=422"]);
    house.run(&["plan"]).ends(0);
    house.run(&["run", "--only", &users[7].identifier, "--out", "event.json"]).ends(9);
    cut_off(&house, "event.json");
    let hash = house.json("event.json")["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
    let copy = format!("journals/{hash}.plan.json");
    for is_there in [true, false] {
        if !is_there {
            fs::remove_file(house.path("plan.json")).expect("removed");
        }
        for (more, code) in [("", 6), ("[approval]\nautomatic = true\n[guard]\nmax_change_percent = 90\n", 7)] {
            house.settings(more);
            house.hurry();
            let ran = house.run(&["run"]).ends(code);
            says(&ran, &["the file that the run which began it wrote (--out)", &copy]);
            assert!(!ran.stderr.contains(".run and plan.json"), "{ran:?}");
        }
    }
    // Its own file is named, and removing both leads out.
    house.settings(&format!("{AUTOMATIC}[guard]\nmax_change_percent = 90\n"));
    house.hurry();
    let ran = house.run(&["run", "--out", "event.json"]).ends(7);
    let note = ran
        .stderr
        .split_once("then remove ")
        .and_then(|(_, rest)| rest.split_once(" and event.json: "))
        .expect("a note")
        .0;
    fs::remove_file(note).expect("removed");
    refused(
        &house,
        &["run", "--out", "event.json"],
        "event.json",
        &["a run began it", "then remove event.json (a copy is "],
    );
    fs::remove_file(house.path("event.json")).expect("removed");
    house.run(&["run", "--out", "event.json"]).ends(0);
}
