//! The guards on branches, end to end: seen, named, lifted only by a sufficient ceiling, and judged again by `apply`.
//! And what the description of the settings says of all of them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use skovik_sync::guard::{GUARDS, Guard, IgnoreBelow, Unit};
use skovik_sync::plan::{Content, Field, GuardOutcome, GuardResult, Plan, Subject};

use super::house::{House, people};

const PER_BRANCH: &str = "[guard.per_branch]\nmax_delete_percent = 50\n";

/// Ten Norwegians and ninety Swedes in the account; the list has only this many of the Norwegians.
fn house(norwegians: usize) -> House {
    let (mut listed, mut users) = (people("NO01", norwegians), people("NO01", 10));
    listed.extend(people("SE01", 90));
    users.extend(people("SE01", 90));
    House::new(&listed, &users, PER_BRANCH, &[])
}

#[test]
fn a_lost_branch_is_lifted_by_a_ceiling_for_all_deletes_only() {
    let house = house(2);
    let planned = house.run(&["plan"]).ends(5);
    for part in [
        "max_delete_percent                                  8 of 100 (8.0 %), limit 20 %",
        "per_branch.max_delete_percent of NO01 Example NO01  8 of 10 (80.0 %), limit 50 %",
        "BLOCKED per_branch.max_delete_percent of NO01 Example NO01: 8 of 8 report to NO01-0 P0 Berg;",
        "skovik-sync approve plan.json --allow deletes=8",
    ] {
        let lines = planned.stdout.replace("\n        ", " ");
        assert!(squeezed(&lines).contains(&squeezed(part)), "{part}: {}", planned.stdout);
    }
    let refused = house.run(&["approve", "plan.json", "--yes"]).ends(5);
    assert!(refused.stderr.contains("per_branch.max_delete_percent of NO01"), "{}", refused.stderr);
    house.run(&["approve", "plan.json", "--yes", "--allow", "deletes=7"]).ends(5);
    house.run(&["approve", "plan.json", "--yes", "--allow", "changes=100"]).ends(5);
    let hash = house.json("plan.json")["plan_hash"].as_str().expect("a hash").to_owned();
    house.run(&["apply", "plan.json", "--approved-hash", &hash]).ends(5);
    assert_eq!(house.writes(), []);
    house.run(&["approve", "plan.json", "--yes", "--allow", "deletes=8"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(house.writes().len(), 8);
}

#[test]
fn a_branch_that_has_shrunk_since_the_plan_blocks_before_any_write() {
    let house = house(5);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.delete_user("NO01-4");
    let before = house.writes();
    let refused = house.run(&["apply", "plan.json"]).ends(5);
    assert!(
        refused.stderr.contains("per_branch.max_delete_percent of NO01 Example NO01 (5 of 9, limit 50)"),
        "{refused:?}"
    );
    assert_eq!(house.writes(), before);
}

/// A plan file does not show which branches have users. Skovik does.
#[test]
fn a_plan_whose_guard_judges_a_branch_without_users_is_refused() {
    let mut listed = [people("NO01", 10), people("SE01", 90)].concat();
    let house = house(10);
    listed[5].first_name = "New".to_owned();
    house.list(&listed);
    house.run(&["plan"]).ends(0);
    let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
    let mut content = plan.content().clone();
    let last = content.guards.iter_mut().rfind(|guard| guard.id == "per_branch.max_delete_percent");
    last.expect("SE01").subject = Some(Subject::Branch(None));
    let forged = Plan::seal(content).expect("hashed anew");
    forged.write(File::create(house.path("plan.json")).expect("a file")).expect("written");
    let refused = house.run(&["apply", "plan.json", "--approved-hash", &forged.hash().to_string()]).ends(7);
    let problem = "the plan says that no branch has 90 users who may be changed, and it has 0";
    assert!(refused.stderr.contains(problem), "{refused:?}");
    assert_eq!(house.writes(), []);
}

#[test]
fn a_plan_whose_guard_was_turned_by_hand_is_refused() {
    let house = house(2);
    house.run(&["plan"]).ends(5);
    let plan = house.read("plan.json").replace("\"block\"", "\"pass\"");
    fs::write(house.path("plan.json"), plan).expect("written");
    house.run(&["apply", "plan.json"]).ends(8);
}

#[test]
fn a_plan_without_its_guards_is_refused_whoever_approves_it() {
    let house = house(2);
    house.run(&["plan"]).ends(5);
    let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
    let forged = Plan::seal(Content { guards: Vec::new(), ..plan.content().clone() }).expect("hashed anew");
    forged.write(File::create(house.path("plan.json")).expect("a file")).expect("written");
    let hash = forged.hash().to_string();
    for args in [
        &["approve", "plan.json", "--yes"][..],
        &["verify", "plan.json", "--approved-hash", &hash],
        &["apply", "plan.json", "--approved-hash", &hash],
    ] {
        let refused = house.run(args).ends(8);
        assert!(refused.stderr.contains("its guard max_delete_percent is not that of the settings"), "{refused:?}");
    }
    assert_eq!(house.writes(), []);
}

#[test]
fn a_plan_without_one_line_of_a_guard_is_refused_even_if_no_operation_is_counted_there() {
    let house = house(2);
    let mut listed = [people("NO01", 2), people("SE01", 90)].concat();
    listed[5].first_name = "New".to_owned();
    house.list(&listed);
    house.run(&["plan", "--only", "SE01-3"]).ends(5);
    let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
    let is_of_managers: fn(&GuardResult) -> bool = |guard| guard.subject == Some(Subject::Field(Field::Manager));
    let blocks: fn(&GuardResult) -> bool = |guard| guard.outcome == GuardOutcome::Block;
    for id in ["max_emptied_percent", "per_branch.max_delete_percent"] {
        let is_left_out = if id == "max_emptied_percent" { is_of_managers } else { blocks };
        let mut content = plan.content().clone();
        content.guards.retain(|guard| !is_left_out(guard));
        assert_eq!(content.guards.len() + 1, plan.content().guards.len(), "{id}");
        let forged = Plan::seal(content).expect("hashed anew");
        forged.write(File::create(house.path("plan.json")).expect("a file")).expect("written");
        let refused = house.run(&["apply", "plan.json", "--approved-hash", &forged.hash().to_string()]).ends(8);
        assert!(refused.stderr.contains(&format!("its guard {id} is not that of the settings")), "{refused:?}");
    }
    assert_eq!(house.writes(), []);
}

#[test]
fn a_plan_that_states_fewer_deletes_than_it_has_is_refused_whoever_approves_it() {
    let house = house(2);
    house.run(&["plan"]).ends(5);
    let plan = Plan::read(&fs::read(house.path("plan.json")).expect("a file")).expect("a plan");
    let mut content = plan.content().clone();
    for guard in content.guards.iter_mut().filter(|guard| guard.outcome == GuardOutcome::Block) {
        (guard.count, guard.outcome) = (0, GuardOutcome::Pass);
    }
    let forged = Plan::seal(content).expect("hashed anew");
    forged.write(File::create(house.path("plan.json")).expect("a file")).expect("written");
    let refused = house.run(&["apply", "plan.json", "--approved-hash", &forged.hash().to_string()]).ends(8);
    assert!(refused.stderr.contains("per_branch.max_delete_percent"), "{refused:?}");
    assert_eq!(house.writes(), []);
}

#[test]
fn other_limits_are_other_settings() {
    let house = house(9);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.settings(&PER_BRANCH.replace("50", "51"));
    house.run(&["apply", "plan.json"]).ends(7);
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of the table between two headings of the documentation: key, default, ceiling, meaning.
fn described(start: &str, end: &str) -> Vec<[String; 4]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let text = fs::read_to_string(path).expect("docs/configuration.md");
    let part = text.split_once(start).expect(start).1.split_once(end).expect(end).0;
    let rows = part.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells = line.split('|').map(|cell| cell.trim_matches([' ', '`']).to_owned());
        let [_, key, default, allow, meaning, _] = cells.collect::<Vec<_>>().try_into().expect(line);
        [key, default, allow, meaning]
    })
    .collect()
}

/// What the description must say of the guards of a table: first the guards, then the keys beside theirs.
fn expected(table: Option<&str>) -> Vec<[String; 4]> {
    let guards = || GUARDS.iter().filter(move |guard| guard.setting.table == table && !guard.is_set_per_source());
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let row = |guard: &&Guard| {
        let Guard { about, setting, lifted_by, .. } = guard;
        let default = or_dash(setting.default.map(|default| default.to_string()));
        let allow = or_dash(lifted_by.map(|ceiling| ceiling.name().to_owned()));
        [setting.key.to_owned(), default, allow, (*about).to_owned()]
    };
    let mut rows: Vec<[String; 4]> = guards().map(row).collect();
    let mut beside = |key: &str, default: Option<u64>| {
        let default = or_dash(default.map(|default| default.to_string()));
        let row = [key.to_owned(), default, String::new(), String::new()];
        if !rows.contains(&row) {
            rows.push(row);
        }
    };
    for guard in guards() {
        if let Some(key) = guard.setting.fields {
            beside(key, None);
        }
        if let IgnoreBelow::Setting { key, default } = guard.ignore_below {
            beside(key, Some(default));
        }
    }
    if table.is_none() {
        GUARDS.iter().filter_map(|guard| guard.setting.table).for_each(|table| beside(table, None));
        rows.push(["window", "\"24h\"", "", ""].map(str::to_owned));
    }
    rows
}

#[test]
fn the_description_of_the_settings_lists_exactly_the_guards() {
    for (table, start, end) in [
        (None, "\n## `[guard]`", "\n### `[guard.per_branch]`"),
        (Some("per_branch"), "\n### `[guard.per_branch]`", "\n### `max_field_percent`"),
    ] {
        let (described, expected) = (described(start, end), expected(table));
        let figures =
            |rows: &[[String; 4]]| rows.iter().map(|[a, b, c, _]| [a, b, c].map(String::clone)).collect::<Vec<_>>();
        assert_eq!(figures(&described), figures(&expected), "docs/configuration.md, {start}");
        for ([key, .., meaning], [.., about]) in described.iter().zip(&expected) {
            assert!(meaning.starts_with(about.as_str()), "docs/configuration.md, {key}: {meaning:?} is not {about:?}");
        }
    }
    let tables: BTreeSet<&str> = GUARDS.iter().filter_map(|guard| guard.setting.table).collect();
    assert_eq!(tables, ["per_branch"].into(), "each table of its own has a part of its own above");
    for Guard { id, about, unit, .. } in GUARDS {
        assert_eq!(about.contains("in percent of"), *unit == Unit::Percent, "{id}: {about}");
    }
}
