//! Budgets over time: what was applied within `[guard] window` counts with every plan, whatever happens to the ledger.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _};
use skovik_sync::apply::ledger::Recent;
use skovik_sync::guard::Kind;
use skovik_sync::plan::{Digest, OperationId};
use skovik_sync::state::State;
use skovik_sync::state::ledger::{Applied, ApplyId, Entry};

use super::harness::{BINARY, Output};
use super::house::{House, people};

const AUTOMATIC: &str = "[approval]\nautomatic = true\n";

/// A hundred people on both sides, and `run` approves by itself.
fn house(more: &str) -> House {
    let all = people("SE01", 100);
    House::new(&all, &all, &format!("{AUTOMATIC}{more}"), &[])
}

/// The list loses so many people at its end.
fn keep(house: &House, count: usize) {
    house.list(&people("SE01", count));
}

pub(crate) fn state(house: &House) -> PathBuf {
    house.path("state/skovik-sync")
}

/// The only ledger.
pub(crate) fn ledger(house: &House) -> PathBuf {
    let ledgers: Vec<_> = fs::read_dir(state(house).join("ledgers")).expect("ledgers").flatten().collect();
    let [ledger] = &ledgers[..] else { panic!("{ledgers:?}") };
    ledger.path()
}

/// All lines of the ledger that tell of an operation.
fn lines(house: &House) -> Vec<String> {
    let mut parts: Vec<_> = fs::read_dir(ledger(house)).expect("parts").flatten().map(|part| part.path()).collect();
    parts.sort();
    let text: String = parts.iter().map(|part| fs::read_to_string(part).expect("a part")).collect();
    text.lines().filter(|line| line.contains("\"applied\"")).map(str::to_owned).collect()
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn blocked(ran: Output) -> Output {
    let ran = ran.ends(5);
    let found = "max_delete_percent (19 of 100 removed in the last 24 h, 19 in this plan, limit 20)";
    assert!(ran.stderr.contains(found), "{ran}");
    ran
}

#[test]
fn many_runs_cannot_remove_what_one_may_not() {
    let house = house("");
    keep(&house, 81);
    house.run(&["run"]).ends(0);
    assert_eq!(house.writes().len(), 19);
    for _ in 0..3 {
        keep(&house, 62);
        blocked(house.run(&["run"]));
    }
    assert_eq!(house.writes().len(), 19);

    let words = "19 of 100 removed in the last 24 h, 19 in this plan (together 38.0 %), limit 20 %";
    house.run(&["show", "plan.json", "--format", "html", "-o", "plan.html"]).ends(0);
    house.run(&["show", "plan.json", "--format", "json", "-o", "view.json"]).ends(0);
    for shown in [
        house.run(&["show", "plan.json"]).ends(0).stdout,
        house.run(&["show", "plan.json", "--format", "markdown"]).ends(0).stdout,
        house.run(&["plan", "--explain", "SE01-70"]).ends(0).stdout,
        house.read("plan.html"),
    ] {
        assert!(squeezed(&shown).replace("! ", "").contains(words), "{shown}");
        let plain = shown.replace("19 of 100 removed", "").replace("19 of 100 changed or removed", "");
        assert!(!plain.contains("38 of"), "people of another plan are not in this one: {plain}");
    }
    assert_eq!(house.json("view.json")["guards"][0]["earlier"]["count"], 19);

    // Somebody who stays does not hear of it, and a plan that adds nothing to the count passes.
    let stays = house.run(&["plan", "--explain", "SE01-7"]).ends(0);
    assert!(!stays.stdout.contains("in the last 24 h"), "{stays}");
    let mut listed = people("SE01", 81);
    listed.extend(people("NO01", 1));
    house.list(&listed);
    house.run(&["run"]).ends(0);

    // A person allows it, for this plan and as far as it goes.
    keep(&house, 62);
    house.run(&["plan"]).ends(5).prints(&["skovik-sync approve plan.json --allow deletes=20 --allow changes=20"]);
    house.run(&["approve", "plan.json", "--yes", "--allow", "deletes=19", "--allow", "changes=20"]).ends(5);
    house.run(&["approve", "plan.json", "--yes", "--allow", "deletes=20", "--allow", "changes=20"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    keep(&house, 61);
    house.run(&["run"]).ends(5);
}

#[test]
fn who_left_a_branch_and_was_deleted_elsewhere_still_counts_in_it() {
    let limits = "[guard]\nmax_delete_percent = 100\nmax_change_percent = 100\n\
                  [guard.per_branch]\nmax_change_percent = 30\nignore_below = 1\n";
    let everybody = [people("SE01", 10), people("NO01", 20)].concat();
    let house = House::new(&everybody, &everybody, &format!("{AUTOMATIC}{limits}"), &[]);
    let with_moved = |moved: &[usize], gone: &[usize]| {
        let mut all = everybody.clone();
        moved.iter().for_each(|&place| all[place].branch = "NO01");
        let mut place = 0;
        all.retain(|_| (!gone.contains(&place), place += 1).0);
        house.list(&all);
    };
    with_moved(&[7, 8, 9], &[]);
    house.run(&["run"]).ends(0);
    with_moved(&[], &[7, 8, 9]);
    house.run(&["run"]).ends(0);
    with_moved(&[4, 5, 6], &[7, 8, 9]);
    let refused = house.run(&["run"]).ends(5);
    assert!(refused.stderr.contains("3 of 7 changed or removed in the last 24 h, 3 in this plan"), "{refused}");
    assert_eq!(house.writes().len(), 6);
}

#[test]
fn a_window_of_no_length_counts_each_plan_by_itself() {
    let house = house("[guard]\nwindow = \"0h\"\n");
    for count in [81, 66, 53] {
        keep(&house, count);
        house.run(&["run"]).ends(0);
    }
    assert_eq!(lines(&house).len(), 47, "the ledger is written all the same");
}

#[test]
fn of_two_plans_that_were_approved_side_by_side_the_second_stops_before_its_first_write() {
    let house = house("");
    let everybody = people("SE01", 100);
    house.list(&everybody[..85]);
    house.run(&["plan", "-o", "one.json"]).ends(0);
    house.list(&[&everybody[..70], &everybody[85..]].concat());
    house.run(&["plan", "-o", "two.json"]).ends(0);
    house.run(&["approve", "one.json", "--yes"]).ends(0);
    house.run(&["approve", "two.json", "--yes"]).ends(0);
    house.run(&["verify", "two.json"]).ends(0);
    house.run(&["apply", "one.json"]).ends(0);
    for args in [["verify", "two.json"], ["apply", "two.json"]] {
        let refused = house.run(&args).ends(5);
        assert!(refused.stderr.contains("15 of 100 removed in the last 24 h, 15 in this plan"), "{refused}");
    }
    assert_eq!(house.writes().len(), 15);
}

/// Without network, `verify` cannot count who is in the managed branches.
#[test]
fn what_verify_does_not_count_it_says() {
    let house = house("[scope]\nbranches = [\"SE01\"]\n");
    keep(&house, 99);
    house.run(&["run"]).ends(0);
    keep(&house, 98);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["verify", "plan.json"]).ends(0).prints(&["window    not counted"]);
}

#[test]
fn a_ledger_that_is_gone_is_made_again_from_the_journals() {
    let house = house("");
    keep(&house, 81);
    house.run(&["run"]).ends(0);
    let written = lines(&house);
    fs::remove_dir_all(state(&house).join("ledgers")).expect("removed");
    keep(&house, 62);
    let planned = house.run(&["plan"]).ends(5);
    assert!(planned.stderr.contains("19 operations are not in the account's ledger yet"), "{planned}");
    blocked(house.run(&["run"]));
    assert_eq!(written.len(), 19);
    assert!(written.iter().all(|line| !line.contains("@example.com") && !line.contains("Berg")), "{written:?}");

    // Only its end is lost.
    keep(&house, 80);
    house.run(&["run"]).ends(0);
    let mut parts: Vec<_> = fs::read_dir(ledger(&house)).expect("parts").flatten().map(|part| part.path()).collect();
    parts.sort();
    fs::remove_file(parts.pop().expect("a part")).expect("removed");
    keep(&house, 62);
    let refused = house.run(&["run"]).ends(5);
    assert!(refused.stderr.contains("(20 of 100 removed in the last 24 h, 18 in this plan"), "{refused}");
    // Another state folder knows nothing of it; this is in the threat model.
    house.run(&["plan", "--state", "other"]).ends(5).prints(&["18 of 80"]);
}

/// The apply of a plan was killed before it wrote into the ledger what it had done.
#[test]
fn what_only_a_journal_tells_is_taken_back_too() {
    let house = house("");
    keep(&house, 85);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    let mut parts: Vec<_> = fs::read_dir(ledger(&house)).expect("parts").flatten().map(|part| part.path()).collect();
    parts.sort();
    fs::remove_file(parts.pop().expect("a part")).expect("removed");
    assert_eq!(lines(&house).len(), 0);
    house.run(&["undo", "plan.json", "-o", "undo.json"]);
    house.run(&["approve", "undo.json", "--yes", "--allow", "creates=99", "--allow", "changes=99"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(0);
    let lines = lines(&house);
    assert_eq!(lines.len(), 15);
    assert!(lines.iter().all(|line| line.contains("\"reverses\":{")), "{lines:?}");
    // Everybody is back, and nothing counts.
    let planned = house.run(&["plan"]).ends(0);
    assert!(!planned.stdout.contains("in the last 24 h"), "{planned}");
}

#[test]
fn an_altered_ledger_leaves_every_plan_to_people() {
    let house = house("");
    keep(&house, 99);
    house.run(&["run"]).ends(0);
    keep(&house, 98);
    house.run(&["plan", "-o", "before.json"]).ends(0);
    house.run(&["approve", "before.json", "--yes"]).ends(0);
    let mut parts: Vec<_> = fs::read_dir(ledger(&house)).expect("parts").flatten().map(|part| part.path()).collect();
    parts.sort();
    let last = parts.pop().expect("a part");
    let text = fs::read_to_string(&last).expect("a part");
    fs::write(&last, text.replace("\"delete\"", "\"create\"")).expect("written");

    let refused = house.run(&["apply", "before.json"]).ends(8);
    assert!(refused.stderr.contains("is not authentic") && refused.stderr.contains("Nothing was written"), "{refused}");
    let planned = house.run(&["plan"]).ends(0);
    assert!(planned.stderr.contains("is not authentic"), "{planned}");
    assert!(planned.stdout.contains("the ledger of what was applied in the last 24 h cannot be read"), "{planned}");
    let refused = house.run(&["run"]).ends(6);
    assert!(refused.stderr.contains("1 ledger that cannot be read"), "{refused}");
    assert!(refused.stderr.contains("move the ledger of this account away"), "{refused}");
    assert_eq!(house.writes().len(), 1);

    // A person has read that, and approves. What is done is in the journal, and counts when the ledger is mended.
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    fs::remove_dir_all(ledger(&house)).expect("removed");
    keep(&house, 97);
    house.run(&["run"]).ends(0);
    assert_eq!(house.json("plan.json")["guards"][0]["earlier"]["count"], 2);
}

#[test]
fn what_an_undo_takes_back_counts_no_more() {
    let house = house("");
    keep(&house, 81);
    house.run(&["run"]).ends(0);
    // An undo is judged by itself, though the plan has used the budget up.
    house.run(&["undo", "plan.json"]).ends(0);
    house.run(&["approve", "undo.json", "--yes"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(0);
    assert_eq!(lines(&house).iter().filter(|line| line.contains("\"reverses\"")).count(), 19);
    house.run(&["run"]).ends(0);
    let guard = &house.json("plan.json")["guards"][0];
    assert_eq!((&guard["count"], &guard["earlier"]), (&19.into(), &serde_json::Value::Null), "{guard}");
    keep(&house, 62);
    blocked(house.run(&["run"]));
}

/// Nobody is back yet: what was taken away counts, as long as it is not known that it was given back.
#[test]
fn an_undo_that_may_not_have_been_carried_out_takes_nothing_back() {
    let all = people("SE01", 100);
    let house = House::new(&all, &all, AUTOMATIC, &["--fail", "POST /users status=503"]);
    keep(&house, 81);
    house.run(&["run"]).ends(0);
    house.run(&["undo", "plan.json"]).ends(0);
    house.run(&["approve", "undo.json", "--yes"]).ends(0);
    house.run(&["apply", "undo.json"]).ends(9);
    keep(&house, 62);
    house.run(&["plan", "-o", "other.json"]);
    let guard = &house.json("other.json")["guards"][0];
    assert!(guard["earlier"]["count"].as_u64() >= Some(19), "{guard}");
    // Besides, nothing is written beside an apply that people have not finished.
    house.run(&["run"]).ends(9);
}

#[test]
fn a_killed_apply_counts_at_once_and_each_operation_once() {
    let all = people("SE01", 100);
    let house = House::new(&all, &all, AUTOMATIC, &["--fail", "DELETE /users/* slow=120ms"]);
    keep(&house, 85);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    let mut command = house.command(&["apply", "plan.json"]);
    assert_eq!(command.get_program(), BINARY);
    let mut apply = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    let begun = Instant::now();
    while house.writes().len() < 9 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the writes do not come");
        sleep(Duration::from_millis(10));
    }
    apply.kill().and_then(|()| apply.wait()).expect("killed");
    let planned = house.run(&["plan", "-o", "other.json"]);
    assert!(planned.stderr.contains("not in the account's ledger yet"), "{planned}");
    let found = &house.json("other.json")["guards"][0];
    let (own, earlier) = (&house.json("other.json")["summary"]["delete"], &found["earlier"]["count"]);
    let (own, earlier) = (own.as_u64().expect("a number"), earlier.as_u64().expect("a number"));
    // What was sent and got no answer counts, too.
    assert!(earlier >= 1 && own + earlier >= 15, "{found}");

    house.run(&["apply", "plan.json"]).ends(0);
    let mut operations: Vec<String> = lines(&house)
        .iter()
        .map(|line| {
            line.split("\"operation\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect(line).to_owned()
        })
        .collect();
    operations.sort();
    operations.dedup();
    assert_eq!((operations.len(), lines(&house).len()), (15, 15));
    keep(&house, 79);
    house.run(&["run"]).ends(5);
}

#[test]
fn a_line_of_the_future_counts_and_is_told() {
    let house = house("");
    let (now, url) = (Timestamp::now(), house.url.as_str());
    let state = State::open(&state(&house), None).expect("a state");
    let mut ledger = state.ledger(url, now).expect("none yet");
    let line = |number: u32| {
        Entry::Applied(Applied {
            at: now + 48.hours(),
            apply: ApplyId { plan: Digest::of(b"plan"), begun: now },
            operation: OperationId(number),
            kind: Kind::Delete,
            user_id: Some(format!("gone-{number}").as_str().into()),
            branch: None,
            changed: Vec::new(),
            emptied: Vec::new(),
            in_new_account: false,
            unconfirmed: false,
            reverses: None,
        })
    };
    state.add_to_ledger(&mut ledger, (1..=19).map(line).collect()).expect("written");
    // They count until the window has passed them.
    for (since, count) in [(-24, 19), (0, 19), (48, 19), (49, 0)] {
        let recent = Recent::read(&state, url, now + since.hours(), now, None).expect("read");
        assert_eq!(recent.memory(86_400, None).past.len(), count, "since {since}");
    }
    keep(&house, 90);
    let refused = house.run(&["run"]).ends(5);
    assert!(refused.stderr.contains("19 operations in the account's ledger are dated in the future"), "{refused}");
    assert!(refused.stderr.contains("19 of 119 removed in the last 24 h, 10 in this plan"), "{refused}");
    assert_eq!(house.writes(), []);
}

/// Two plans side by side, of which the first was applied.
pub(crate) fn second_of_two(more: &str) -> House {
    let house = house(more);
    let everybody = people("SE01", 100);
    house.list(&everybody[..85]);
    house.run(&["plan", "-o", "one.json"]).ends(0);
    house.list(&[&everybody[..70], &everybody[85..]].concat());
    house.run(&["plan", "-o", "two.json"]).ends(0);
    house.run(&["approve", "one.json", "--yes"]).ends(0);
    house.run(&["approve", "two.json", "--yes"]).ends(0);
    house.run(&["apply", "one.json"]).ends(0);
    house
}

#[test]
fn verify_says_so_if_it_cannot_count_what_was_done() {
    let house = second_of_two("[scope]\nbranches = [\"SE01\"]\n");
    house.run(&["verify", "two.json"]).ends(0).prints(&["window    not counted"]);
    house.run(&["apply", "two.json"]).ends(5);
}

#[test]
fn verify_refuses_an_altered_ledger_as_apply_does() {
    let house = second_of_two("");
    let last = fs::read_dir(ledger(&house)).expect("parts").flatten().map(|part| part.path()).max().expect("a part");
    let text = fs::read_to_string(&last).expect("a part");
    fs::write(&last, text.replace("\"delete\"", "\"create\"")).expect("written");
    for args in [["verify", "two.json"], ["apply", "two.json"]] {
        let refused = house.run(&args).ends(8);
        assert!(refused.stderr.contains("is not authentic"), "{refused}");
    }
}

#[test]
fn journals_that_are_gone_are_missed() {
    let house = house("");
    keep(&house, 81);
    house.run(&["run"]).ends(0);
    fs::remove_dir_all(state(&house).join("journals")).expect("removed");
    keep(&house, 62);
    // Not before `run`, which makes the folder again.
    house.run(&["plan"]).ends(5).prints(&["19 of 100 removed in the last 24 h"]);
    blocked(house.run(&["run"]));
    assert_eq!(house.writes().len(), 19);
}
