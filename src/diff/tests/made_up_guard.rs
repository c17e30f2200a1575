//! A guard that only the tests have. Its row is in the table, and no other code knows it. It is read from the settings,
//! evaluated, shown, allowed by approvals and checked in plan files like any other.

use std::path::Path;

use super::company::{Company, employee, user};
use crate::approval::not_lifted;
use crate::config::Settings;
use crate::guard::{
    Ceiling, GUARDS, Limits, MADE_UP, MAX_CHANGE_PERCENT, Now, RecentPast, evaluate_again, needed_ceilings,
};
use crate::plan::{Common, GuardOutcome, Plan, check_guards, not_as_demanded};
use crate::render::{html, json, markdown, text};

/// Twenty people, of whom the first ones have another last name in the list.
fn company(renamed: usize) -> Company {
    let email = |n: usize| format!("p{n}.x@example.com");
    let mut employees: Vec<_> = (0..20).map(|n| employee(&n.to_string(), &email(n), None)).collect();
    employees.iter_mut().take(renamed).for_each(|one| one.last_name = "New".into());
    let users = (0..20).map(|n| user(&format!("u{n}"), Some(&n.to_string()), &email(n), None)).collect();
    Company::new(employees, users)
        .with(|company| company.limits = Limits::default().with(&MADE_UP, 10).with(&MAX_CHANGE_PERCENT, 100))
}

fn settings(guard: &str) -> Result<Settings, String> {
    let text = format!(
        "[target]\nkind = \"skovik\"\nurl = \"https://api.example.com\"\n[[source]]\nname = \"hr\"\nkind = \"csv\"\n\
         path = \"hr.csv\"\nkey = \"id\"\n[employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = 'x'\n\
         first_name = 'x'\nlast_name = 'x'\n[guard]\n{guard}\n"
    );
    Settings::parse(&text, Path::new("skovik-sync.toml")).map_err(|error| error.to_string())
}

#[test]
fn the_settings_know_it() {
    let set = settings("max_renamed_percent = 10").expect("settings");
    assert_eq!(set.guard.get(&MADE_UP), Some(10));
    let unset = settings("").expect("settings");
    assert_eq!(unset.guard.get(&MADE_UP), None);
    assert_ne!(set.hash(), unset.hash());
    let error = settings("max_renamed_percent = 101").expect_err("refused");
    assert!(error.contains("must be between 0 and 100"), "{error}");
    let error = settings("max_renamd_percent = 10").expect_err("refused");
    assert!(error.contains("did you mean `max_renamed_percent`?"), "{error}");
}

#[test]
fn it_blocks_beyond_its_limit_and_names_who_is_counted() {
    let found = |renamed: usize| {
        let plan = company(renamed).plan();
        let last = plan.content().guards.last().cloned().expect("evaluated");
        assert_eq!(last.id, MADE_UP.id);
        last
    };
    for (renamed, outcome) in
        [(0, GuardOutcome::Pass), (2, GuardOutcome::Pass), (3, GuardOutcome::Block), (5, GuardOutcome::Block)]
    {
        let found = found(renamed);
        assert_eq!((found.count, found.of, found.outcome), (renamed as u64, 20, outcome));
        assert_eq!(found.ignore_below, Some(3));
    }
    let people = found(5).parts.into_iter().filter(|part| part.common == Common::Person).count();
    assert_eq!(people, 5);
    // Two of twenty are exactly the limit. Two of ten would be above it, but fewer than three never block.
    let plan = company(2).plan();
    let again = evaluate_again(&plan.content().guards, &Now { managed: 10, ..Now::default() }, &RecentPast::none());
    assert_eq!(again.last().map(|found| (found.of, found.outcome)), Some((10, GuardOutcome::Pass)));
}

#[test]
fn every_rendering_shows_it_by_its_unit() {
    let plan = company(5).plan();
    let figures = "5 of 20 (25.0 %), limit 10 %";
    let options = text::TextOptions { width: 300, ..text::TextOptions::default() };
    let shown = text::display(&plan, &options).to_string();
    let line = shown.lines().find(|line| line.contains("max_renamed_percent")).expect("a line");
    assert!(line.contains(figures) && line.ends_with("BLOCKED"), "{line}");
    assert!(shown.contains("skovik-sync approve plan.json --allow changes=5"), "{shown}");
    let shown = markdown::render(&plan, markdown::Options::default()).expect("long enough");
    assert!(shown.contains(figures) && shown.contains("--allow changes=5"), "{shown}");
    let shown = html::render(&plan).expect("a page");
    assert!(shown.contains(figures) && shown.contains("--allow changes=5"), "{shown}");
    let view: serde_json::Value = serde_json::from_str(&json::render(&plan).expect("a view")).expect("JSON");
    assert_eq!(view["blocked_by"], serde_json::json!(["max_renamed_percent"]));
    assert_eq!(view["ceilings"], serde_json::json!({"changes": 5}));
    let lower = company(2).with(|company| company.limits = company.limits.clone().with(&MADE_UP, 9));
    let passing = text::display(&lower.plan(), &options).to_string();
    assert!(passing.contains("2 of 20 (10.0 %), limit 9 %, fewer than 3"), "{passing}");
}

#[test]
fn its_ceiling_lifts_it_if_it_covers_the_whole_plan() {
    let plan = company(5).plan();
    let guards = &plan.content().guards;
    assert_eq!(needed_ceilings(guards), [(Ceiling::Changes, 5)].into());
    for (ceiling, count, left) in [(Ceiling::Changes, 4, 1), (Ceiling::Changes, 5, 0), (Ceiling::Deletes, 5, 1)] {
        assert_eq!(not_lifted(guards, &[(ceiling, count)].into()).len(), left, "{ceiling:?} {count}");
    }
}

#[test]
fn a_plan_file_must_have_it_as_the_operations_are() {
    let company = company(5);
    let plan = company.plan();
    let mut file = Vec::new();
    plan.write(&mut file).expect("written");
    assert_eq!(Plan::read(&file).expect("read"), plan);
    assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, plan.content()), None);
    let mut forged = plan.content().clone();
    let found = forged.guards.last_mut().expect("evaluated");
    (found.count, found.outcome) = (2, GuardOutcome::Pass);
    assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, &forged), Some(MADE_UP.id));
    assert!(check_guards(&forged).is_err_and(|problem| problem.contains(MADE_UP.id)));
    forged.guards.pop();
    assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, &forged), Some(MADE_UP.id));
    assert!(GUARDS.iter().any(|guard| std::ptr::eq(*guard, &MADE_UP)));
}
