//! The guards on branches, end to end: seen, named, lifted only by a sufficient ceiling, and judged again by `apply`.

use std::fs::{self, File};

use skovik_sync::plan::{Content, Plan};

use super::house::{House, people};

const PER_BRANCH: &str = "[guard.per_branch]\nmax_delete_percent = 50\n";

/// Ten Norwegians and ninety Swedes in the account, of whom the first so many Norwegians are listed.
fn house(norwegians: usize) -> House {
    let (mut listed, mut users) = (people("NO01", norwegians), people("NO01", 10));
    listed.extend(people("SE01", 90));
    users.extend(people("SE01", 90));
    House::new(&listed, &users, PER_BRANCH, &[])
}

#[test]
fn a_lost_branch_is_lifted_by_a_ceiling_for_all_deletes_only() {
    let house = house(2);
    let planned = house.expect(5, &["plan"]);
    for part in [
        "max_delete_percent                                  8 of 100 (8.0 %), limit 20 %",
        "per_branch.max_delete_percent of NO01 Example NO01  8 of 10 (80.0 %), limit 50 %",
        "BLOCKED per_branch.max_delete_percent of NO01 Example NO01: 8 of 8 report to NO01-0 P0 Berg;",
        "skovik-sync approve plan.json --allow deletes=8",
    ] {
        let lines = planned.out.replace("\n        ", " ");
        assert!(squeezed(&lines).contains(&squeezed(part)), "{part}: {}", planned.out);
    }
    let refused = house.expect(5, &["approve", "plan.json", "--yes"]);
    assert!(refused.err.contains("per_branch.max_delete_percent of NO01"), "{}", refused.err);
    house.expect(5, &["approve", "plan.json", "--yes", "--allow", "deletes=7"]);
    house.expect(5, &["approve", "plan.json", "--yes", "--allow", "changes=100"]);
    let hash = house.json("plan.json")["plan_hash"].as_str().expect("a hash").to_owned();
    house.expect(5, &["apply", "plan.json", "--approved-hash", &hash]);
    assert_eq!(house.writes(), []);
    house.expect(0, &["approve", "plan.json", "--yes", "--allow", "deletes=8"]);
    house.expect(0, &["apply", "plan.json"]);
    assert_eq!(house.writes().len(), 8);
}

#[test]
fn a_branch_that_has_shrunk_since_the_plan_blocks_before_any_write() {
    let house = house(5);
    house.expect(0, &["plan"]);
    house.expect(0, &["approve", "plan.json", "--yes"]);
    house.delete_user("NO01-4");
    let before = house.writes();
    let refused = house.expect(5, &["apply", "plan.json"]);
    assert!(
        refused.err.contains("per_branch.max_delete_percent of NO01 Example NO01 (5 of 9, limit 50)"),
        "{refused:?}"
    );
    assert_eq!(house.writes(), before);
}

#[test]
fn a_plan_whose_guard_was_turned_by_hand_is_refused() {
    let house = house(2);
    house.expect(5, &["plan"]);
    let plan = house.read("plan.json").replace("\"block\"", "\"pass\"");
    fs::write(house.path("plan.json"), plan).expect("written");
    house.expect(8, &["apply", "plan.json"]);
}

#[test]
fn a_plan_without_its_guards_is_refused_whoever_approves_it() {
    let house = house(2);
    house.expect(5, &["plan"]);
    let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
    let forged = Plan::seal(Content { guards: Vec::new(), ..plan.content().clone() }).expect("hashed anew");
    forged.write(File::create(house.path("plan.json")).expect("a file")).expect("written");
    let hash = forged.hash().to_string();
    for args in [
        &["approve", "plan.json", "--yes"][..],
        &["verify", "plan.json", "--approved-hash", &hash],
        &["apply", "plan.json", "--approved-hash", &hash],
    ] {
        let refused = house.expect(8, args);
        assert!(refused.err.contains("its guard max_delete_percent is not that of the settings"), "{refused:?}");
    }
    assert_eq!(house.writes(), []);
}

#[test]
fn other_limits_are_other_settings() {
    let house = house(9);
    house.expect(0, &["plan"]);
    house.expect(0, &["approve", "plan.json", "--yes"]);
    house.settings(&PER_BRANCH.replace("50", "51"));
    house.expect(7, &["apply", "plan.json"]);
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
