//! `--only`: plans for certain people.

use super::company::{ANNA, BEN, CARLA, Company, assert_plan, company, employee, moved, refusal, user};
use crate::employee::{Employee, User};
use crate::plan::{GuardOutcome, Plan};

#[test]
fn only_some_people_with_all_that_they_need() {
    let base = || company([employee("1", ANNA, Some("2")), employee("2", BEN, None), employee("3", CARLA, None)], []);
    let both = base().with(|company| company.only = ["1".into(), "2".into()].into());
    assert_plan(&both, &["1 create 2", "2 create 1 manager: operation 1 after 1"]);
    assert!(both.plan().content().guards.iter().all(|guard| guard.outcome == GuardOutcome::Pass));
    assert_eq!(both.plan().content().only, ["1".into(), "2".into()]);
    // A manager who must be there first is planned too.
    let one = base().with(|company| company.only = ["1".into()].into());
    assert_plan(&one, &["1 create 2", "2 create 1 manager: operation 1 after 1", "planned_too 2"]);
    let mut content = one.plan().content().clone();
    content.diagnostics.clear();
    let refused = refusal(content);
    assert!(refused.contains("operation 1 is of somebody whom the plan is not for, but no diagnostic"), "{refused}");
    let nobody = base().with(|company| company.only = ["7".into()].into());
    assert_plan(&nobody, &["only_nobody 7"]);
    assert_eq!(nobody.plan().content().only, ["7".into()]);
    let unchanged = company([employee("1", ANNA, None)], [user("a", Some("1"), ANNA, None)])
        .with(|company| company.only = ["1".into()].into());
    assert_plan(&unchanged, &[]);
}

#[test]
fn nobody_is_deleted_who_is_not_named() {
    // Anna leaves. The second person gets her e-mail, and somebody new gets the e-mail that becomes free.
    let base = |only: &[&str]| {
        company(
            [moved("2", BEN, ANNA, None), moved("5", CARLA, BEN, None)],
            [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)],
        )
        .with(|company| company.only = only.iter().copied().map(Into::into).collect())
    };
    let plan = base(&["5"]).plan();
    assert_eq!(super::company::summary(&plan), "dependency_left_out 5\nlooks_like 2\nlooks_like 5\n");
    let told = &plan.content().diagnostics[0].message;
    assert!(told.contains("the delete of 1 Anna Berg must come before it"), "{told}");
    assert_plan(
        &base(&["1", "5"]),
        &[
            "1 delete 1 a (in no source)",
            "2 update 2 b, primary_email: ben.holm@example.com → anna.berg@example.com after 1",
            "3 create 5 after 2",
            "looks_like 2",
            "looks_like 5",
            "planned_too 2",
        ],
    );
    // A delete takes along the reports who must have moved before.
    let moves =
        company([employee("1", ANNA, None)], [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), BEN, None)])
            .with(|company| company.only = ["2".into()].into());
    assert_plan(&moves, &["1 update 1 a, manager: user b → -", "2 delete 2 b (in no source) after 1", "planned_too 1"]);
}

#[test]
fn new_managers_in_a_circle_are_planned_together() {
    let circle =
        company([employee("1", ANNA, Some("2")), employee("2", BEN, Some("1")), employee("3", CARLA, None)], [])
            .with(|company| company.only = ["1".into()].into());
    let (plan, summary) = (circle.plan(), circle.summary());
    assert_eq!((plan.content().summary.create, plan.content().operations.len()), (2, 4), "{summary}");
    assert!(summary.ends_with("planned_too 2\n") && !summary.contains("create 3"), "{summary}");
}

/// Without their names, values could be shown to one reader as something else than to another.
#[test]
fn a_plan_whose_values_are_not_named_is_refused() {
    let renumbered = company([employee("2", ANNA, None)], [user("a", Some("1"), ANNA, None)])
        .with(|company| company.policy.same_person = ["2".into()].into());
    let mut text = Vec::new();
    renumbered.plan().write(&mut text).expect("written");
    let plan: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let list = |object: &serde_json::Value, names: &[&str]| {
        names.iter().map(|name| object[*name].clone()).collect::<serde_json::Value>()
    };
    let (mut change, mut remark, mut word) = (plan.clone(), plan.clone(), plan.clone());
    let found = &mut change["operations"][0]["changes"][0];
    *found = list(found, &["field", "before", "after"]);
    let found = &mut remark["diagnostics"][0];
    *found = list(found, &["severity", "code", "employee", "message"]);
    word["diagnostics"][0]["severity"] = serde_json::json!({"warning": null});
    for (altered, is_read) in [(plan, true), (change, false), (remark, false), (word, false)] {
        // As the program lays it out, and in any other way.
        for text in [format!("{altered:#}\n"), altered.to_string()] {
            let read = Plan::read(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(read.is_ok(), is_read, "{text}");
            assert!(
                is_read || read.is_err_and(|error| error.contains("where another kind of value belongs")),
                "{text}"
            );
        }
    }
}

#[test]
fn a_restricted_plan_has_operations_of_its_people_and_of_those_they_need() {
    let base =
        || company([employee("1", ANNA, Some("2")), employee("2", BEN, None)], [user("c", Some("3"), CARLA, None)]);
    let plan = base().with(|company| company.only = ["1".into(), "3".into()].into()).plan();
    let mut text = Vec::new();
    plan.write(&mut text).expect("written");
    assert_eq!(Plan::read(&text).expect("a plan"), plan);
    for (only, problem) in [
        (vec!["1"], "is of nobody that the plan is for"),
        (vec!["2", "3"], "is of nobody that the plan is for"),
        (vec!["3", "1"], "twice or out of order"),
        (vec!["1", "1", "3"], "twice or out of order"),
    ] {
        let mut content = plan.content().clone();
        content.only = only.iter().copied().map(Into::into).collect();
        let mut text = Vec::new();
        Plan::seal(content).expect("a plan").write(&mut text).expect("written");
        let refused = Plan::read(&text).expect_err("noticed").to_string();
        assert!(refused.contains(problem), "{only:?}: {refused}");
    }
    let text = String::from_utf8(text).expect("text");
    let nobody = text.replace("\"only\": [\n    \"1\",\n    \"3\"\n  ]", "\"only\": []");
    assert_ne!(nobody, text);
    let refused = Plan::read(nobody.as_bytes()).expect_err("noticed").to_string();
    assert!(refused.contains("`only` names nobody"), "{refused}");
}

#[test]
fn guards_count_the_whole_comparison() {
    let users: Vec<User> =
        (0..10).map(|n| user(&format!("u{n}"), Some(&n.to_string()), &format!("p{n}.x@example.com"), None)).collect();
    let employees: Vec<Employee> =
        (0..7).map(|n| employee(&n.to_string(), &format!("p{n}.x@example.com"), None)).collect();
    let company = Company::new(employees, users).with(|company| company.only = ["9".into()].into());
    assert_plan(&company, &["1 delete 9 u9 (in no source)"]);
    let plan = company.plan();
    let guard = plan.blocking_guards().next().expect("a guard that blocks");
    assert_eq!((guard.id.as_str(), guard.count, guard.of), ("max_delete_percent", 3, 10));
}
