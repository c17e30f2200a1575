//! The guards of whole plans: what they count, which people they name, and that a plan file cannot state other counts.

use std::collections::BTreeSet;

use super::company::{Company, employee, text, user};
use crate::employee::{BranchId, Employee, ExternalIdentifier, Managed, User};
use crate::guard::{
    BRANCH_CHANGE_PERCENT, BRANCH_DELETE_PERCENT, GUARDS, Join, Limits, MAX_CHANGE_PERCENT, MAX_DELETES,
    MAX_EMPTIED_PERCENT, MAX_FIELD_PERCENT, MAX_INVALID_PERCENT, MAX_LEFT_WITHOUT_MANAGER, MAX_UNMATCHED_PERCENT,
    Tally,
};
use crate::plan::{
    BranchRef, Common, Field, GuardOutcome, GuardResult, Plan, Subject, check_guards, effects, not_as_demanded,
};

const NORWAY: &str = "NO01 Example NO01";

/// Forty Norwegians who report to u0, and a thousand Swedes without a manager; the same on both sides.
fn group() -> Company {
    let email = |n: usize| format!("p{n}.x@example.com");
    let branch = |n: usize| Some(BranchId::from(if n < 40 { "no" } else { "se" }));
    let manager = |n: usize, id: &'static str| (0 < n && n < 40).then_some(id);
    let one = |n: usize| {
        let employee = Employee { branch: branch(n), ..employee(&n.to_string(), &email(n), manager(n, "0")) };
        let user =
            User { branch: branch(n), ..user(&format!("u{n}"), Some(&n.to_string()), &email(n), manager(n, "u0")) };
        (employee, user)
    };
    let (employees, users) = (0..1_040).map(one).unzip();
    Company::new(employees, users).with(|company| {
        company.limits = Limits::default()
            .with(&MAX_FIELD_PERCENT, 50)
            .with(&MAX_LEFT_WITHOUT_MANAGER, 3)
            .with(&BRANCH_DELETE_PERCENT, 20)
            .with(&BRANCH_CHANGE_PERCENT, 50);
    })
}

fn blocking(plan: &Plan) -> Vec<&GuardResult> {
    plan.blocking_guards().collect()
}

fn parts(guard: &GuardResult) -> Vec<String> {
    guard.parts.iter().map(|part| format!("{:?} {}: {}", part.common, part.name, part.count)).collect()
}

#[test]
fn a_plan_without_changes_shows_every_guard_with_its_figures() {
    let plan = group().plan();
    let guards = &plan.content().guards;
    assert_eq!(guards.len(), 4 + 1 + 2 + 1 + 1 + 7 + 2 * 2, "{guards:#?}");
    assert!(guards.iter().all(|guard| guard.outcome == GuardOutcome::Pass && guard.parts.is_empty()));
    let of = |id: &str| guards.iter().filter(|guard| guard.id == id).map(|guard| guard.of).collect::<Vec<_>>();
    assert_eq!(of("per_branch.max_delete_percent"), [40, 1_000]);
    assert_eq!(of("max_field_percent"), [1_040; 7]);
}

#[test]
fn a_lost_branch_blocks_and_names_who_leaves() {
    let company = group().with(|company| company.desired.employees.drain(2..40).for_each(drop));
    let plan = company.plan();
    let [delete, change] = blocking(&plan)[..] else { panic!("{:#?}", blocking(&plan)) };
    assert_eq!((delete.id.as_str(), delete.count, delete.of), ("per_branch.max_delete_percent", 38, 40));
    assert_eq!((change.id.as_str(), change.count, change.of), ("per_branch.max_change_percent", 38, 40));
    let Some(Subject::Branch(Some(branch))) = &delete.subject else { panic!("{delete:?}") };
    assert_eq!(branch.label(), NORWAY);
    let named = parts(delete);
    assert_eq!(named[0], "Manager 0 P0 X: 38");
    assert_eq!(named.len(), 1 + 5);
    assert!(named[1..].iter().all(|part| part.starts_with("Person ")), "{named:?}");
}

#[test]
fn a_guard_on_the_whole_names_the_branch_and_the_manager() {
    let company = group().with(|company| {
        company.desired.employees.drain(2..42).for_each(drop);
        company.limits = Limits::default().with(&MAX_DELETES, 0);
    });
    let plan = company.plan();
    let [guard] = blocking(&plan)[..] else { panic!("{:#?}", blocking(&plan)) };
    assert_eq!((guard.id.as_str(), guard.count), ("max_deletes", 40));
    assert_eq!(parts(guard)[..2], [format!("Branch {NORWAY}: 38"), "Manager 0 P0 X: 38".to_owned()]);
}

#[test]
fn a_field_that_changes_for_most_blocks() {
    let company = group().with(|company| {
        company.desired.employees.iter_mut().skip(80).for_each(|one| one.custom_fields = [text("4100")].into());
        company.limits = company.limits.clone().with(&MAX_CHANGE_PERCENT, 100);
    });
    let plan = company.plan();
    let [field, branch] = blocking(&plan)[..] else { panic!("{:#?}", blocking(&plan)) };
    assert_eq!((field.count, field.of), (960, 1_040));
    assert_eq!(field.subject, Some(Subject::Field(Field::Custom("cf_cc".into()))));
    assert_eq!(parts(field)[0], "Branch SE01 Example SE01: 960");
    assert_eq!((branch.id.as_str(), branch.count, branch.of), ("per_branch.max_change_percent", 960, 1_000));
    assert_eq!(parts(branch)[0], "Field Cost center: 960");
}

#[test]
fn reports_of_a_removed_manager_who_get_no_other_are_counted() {
    let left = |without: usize| {
        let company = group().with(|company| {
            company.desired.employees.remove(0);
            let mut norwegians = company.desired.employees.iter_mut().take(39);
            norwegians.by_ref().take(without).for_each(|one| one.manager = crate::employee::DesiredManager::Nobody);
            norwegians.for_each(|one| one.manager = crate::employee::DesiredManager::Employee("1000".into()));
            let limits = company.limits.clone();
            company.limits = limits.without(&BRANCH_DELETE_PERCENT).without(&BRANCH_CHANGE_PERCENT);
        });
        company.plan()
    };
    assert_eq!(blocking(&left(3)), Vec::<&GuardResult>::new());
    let plan = left(4);
    let [guard] = blocking(&plan)[..] else { panic!("{:#?}", blocking(&plan)) };
    assert_eq!((guard.id.as_str(), guard.count, guard.of), ("max_left_without_manager", 4, 39));
    assert_eq!(parts(guard)[1], "Manager 0 P0 X: 4");
}

#[test]
fn people_in_no_branch_are_guarded_like_a_branch() {
    let company = group().with(|company| {
        for user in company.directory.users.iter_mut().filter(|user| user.branch == Some("no".into())) {
            user.branch = None;
        }
        company.desired.employees.drain(1..40).for_each(drop);
    });
    let plan = company.plan();
    let guard = blocking(&plan)[0];
    assert_eq!((guard.subject.clone(), guard.count, guard.of), (Some(Subject::Branch(None)), 39, 40));
}

#[test]
fn the_branches_are_the_managed_users() {
    let company = group().with(|company| company.policy.branches = Some(["no".into()].into()));
    let plan = company.plan();
    let counts: Vec<u64> =
        plan.content().guards.iter().filter(|guard| guard.id.starts_with("per_branch")).map(|guard| guard.of).collect();
    assert_eq!(counts, [plan.content().target.managed; 2]);
}

#[test]
fn set_aside_people_are_named_with_their_reason() {
    let company = (0..3).fold(group(), |company, n| {
        company.aside(super::company::bad_record(Some(&format!("x{n}")), None, Some(("Ann", "Other"))))
    });
    let plan = company.with(|company| company.limits = company.limits.clone().with(&MAX_INVALID_PERCENT, 0)).plan();
    let [guard] = blocking(&plan)[..] else { panic!("{:#?}", blocking(&plan)) };
    assert_eq!(parts(guard), ["Reason branch_unknown: 3", "Person x0: 1", "Person x1: 1", "Person x2: 1"]);
}

#[test]
fn a_file_keeps_every_guard_and_none_that_contradicts_its_figures() {
    let plan = group().with(|company| company.desired.employees.drain(2..40).for_each(drop)).plan();
    let mut file = Vec::new();
    plan.write(&mut file).expect("written");
    assert_eq!(Plan::read(&file).expect("read"), plan);

    let mut forged = plan.content().clone();
    for guard in &mut forged.guards {
        guard.outcome = GuardOutcome::Pass;
        guard.parts.clear();
    }
    let mut file = Vec::new();
    Plan::seal(forged).expect("hashed anew").write(&mut file).expect("written");
    let error = Plan::read(&file).expect_err("refused").to_string();
    assert!(error.contains("per_branch.max_delete_percent do not lead to its outcome"), "{error}");
}

#[test]
fn a_subject_is_read_strictly() {
    let read = |text: &str| serde_json::from_str::<GuardResult>(text);
    let with = |more: &str| {
        read(&format!(r#"{{"id":"max_field_percent","count":1,"of":2,"limit":3,"outcome":"block"{more}}}"#))
    };
    assert!(with("").is_ok());
    assert_eq!(with(r#","subject":{"branch":null}"#).expect("read").subject, Some(Subject::Branch(None)));
    assert!(with(r#","subject":{"field":"last_name"},"parts":[{"common":"person","name":"A","count":1}]"#).is_ok());
    for wrong in [
        r#","subject":null"#,
        r#","subject":{}"#,
        r#","subject":{"field":"shoe_size"}"#,
        r#","subject":{"team":"x"}"#,
        r#","subject":{"branch":null,"field":"last_name"}"#,
        r#","subject":{"branch":{"branch_id":"no"}}"#,
        r#","ignore_below":null"#,
        r#","ignore_below":-1"#,
        r#","parts":[{"common":"shoe","name":"A","count":1}]"#,
        r#","parts":[{"common":"person","name":"A","count":1,"more":2}]"#,
    ] {
        assert!(with(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_commonest_is_named_once_it_is_a_fifth() {
    let common = |who: usize| {
        let company = group().with(|company| {
            company.desired.employees.drain(40 - who..80 - who).for_each(drop);
            company.limits = Limits::default().with(&MAX_DELETES, 0);
        });
        let plan = company.plan();
        blocking(&plan)[0].parts.iter().any(|part| part.common == Common::Manager)
    };
    assert!(common(8));
    assert!(!common(7));
}

#[test]
fn a_plan_must_have_the_guards_that_the_settings_demand() {
    type Edit = fn(&mut Vec<GuardResult>);
    let company = group().with(|company| {
        company.desired.employees.drain(1..4).for_each(drop);
        company.limits = company.limits.clone().with(&MAX_DELETES, 500);
    });
    let plan = company.plan();
    assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, plan.content()), None);
    let edits: [(&str, Edit); 16] = [
        ("max_delete_percent", Vec::clear),
        ("max_delete_percent", |guards| guards[0].limit = 90),
        ("max_delete_percent", |guards| guards[0].count = 2),
        ("max_delete_percent", |guards| guards[0].of = 1_000_000),
        ("max_delete_percent", |guards| guards.push(guards[0].clone())),
        ("max_deletes", |guards| guards.retain(|guard| guard.id != "max_deletes")),
        ("max_field_percent", |guards| guards.retain(|guard| guard.id != "max_field_percent")),
        ("per_branch.max_change_percent", |guards| drop(guards.split_off(guards.len() - 2))),
        ("max_delete_percent", |guards| guards[0].ignore_below = Some(1_000)),
        ("max_delete_percent", |guards| guards.swap(0, 1)),
        ("max_delete_percent", |guards| guards[0].subject = Some(Subject::Branch(None))),
        ("max_moons", |guards| {
            guards.push(GuardResult::of_whole("max_moons", 0, 0, 0, GuardOutcome::Pass));
        }),
        ("max_field_percent", |guards| guards.retain(|guard| guard.subject != Some(Subject::Field(Field::LastName)))),
        ("per_branch.max_delete_percent", |guards| {
            guards.retain(|guard| guard.id != "per_branch.max_delete_percent" || guard.count == 0);
        }),
        ("per_branch.max_delete_percent", |guards| {
            // The deletes of one branch are stated as those of another.
            let mut branches = guards.iter_mut().filter(|guard| guard.id == "per_branch.max_delete_percent");
            let (one, other) = (branches.next().expect("NO01"), branches.next().expect("SE01"));
            std::mem::swap(&mut one.count, &mut other.count);
        }),
        ("per_branch.max_delete_percent", |guards| {
            let mut branches = guards.iter_mut().filter(|guard| guard.id == "per_branch.max_delete_percent");
            branches.by_ref().for_each(|guard| guard.ignore_below = Some(4));
        }),
    ];
    for (id, edit) in edits {
        let mut content = plan.content().clone();
        edit(&mut content.guards);
        assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, &content), Some(id));
    }
    let only = company.with(|company| company.only = ["1".into()].into());
    assert_eq!(not_as_demanded(&only.limits, &only.policy.managed, only.plan().content()), None);
    let empty = Company::new(Vec::new(), Vec::new()).with(|company| company.limits = group().limits);
    assert_eq!(not_as_demanded(&empty.limits, &empty.policy.managed, empty.plan().content()), None);
}

#[test]
fn no_line_of_a_guard_can_be_left_out() {
    let company = |only: BTreeSet<ExternalIdentifier>| {
        group().with(|company| {
            company.desired.employees.drain(1..4).for_each(drop);
            company.only = only;
            let limits = GUARDS.iter().copied().fold(Limits::default(), |limits, guard| limits.with(guard, 1));
            company.limits = limits.with_source(&MAX_UNMATCHED_PERCENT, "payroll", 1);
            company.joins = vec![Join { source: "payroll".into(), people: 1_037, without_row: 0, limit_percent: 1 }];
        })
    };
    // With `only`, no operation is left that a guard could count.
    for company in [company(BTreeSet::new()), company(["1039".into()].into())] {
        let plan = company.plan();
        let guards = &plan.content().guards;
        let ids: BTreeSet<&str> = guards.iter().map(|guard| guard.id.as_str()).collect();
        assert_eq!(ids, GUARDS.iter().map(|guard| guard.id).collect());
        for (place, left_out) in guards.iter().enumerate() {
            let mut content = plan.content().clone();
            content.guards.remove(place);
            let found = not_as_demanded(&company.limits, &company.policy.managed, &content);
            assert_eq!(found, Some(&*left_out.id), "{:?}", left_out.subject);
        }
    }
}

/// A plan does not list its branches. But each of them has users, all guards look at the same ones, and their order is
/// that of the labels.
#[test]
fn the_guards_of_branches_are_those_of_the_branches_with_users_in_their_order() {
    type Edit = fn(&mut Vec<GuardResult>);
    let edits: [(&str, Edit); 6] = [
        ("no users", |guards| {
            let last = guards.last().expect("SE01").clone();
            guards.push(GuardResult { of: 0, subject: Some(Subject::Branch(None)), ..last });
        }),
        ("another order", |guards| guards.swap(0, 1)),
        ("the names of one another", |guards| {
            let [one, other] = &mut guards[..2] else { panic!("two branches") };
            std::mem::swap(&mut one.subject, &mut other.subject);
        }),
        ("another branch", |guards| guards[3].subject = Some(Subject::Branch(None))),
        ("other users", |guards| (guards[2].of, guards[3].of) = (41, 999)),
        ("all in one", |guards| {
            let other = guards.remove(2);
            guards[2].of += other.of;
        }),
    ];
    let company = group();
    let plan = company.plan();
    let is_of_branch = |guard: &GuardResult| guard.id.starts_with("per_branch.");
    for (what, edit) in edits {
        let mut content = plan.content().clone();
        let (mut of_branches, others) = content.guards.into_iter().partition::<Vec<_>, _>(is_of_branch);
        edit(&mut of_branches);
        content.guards = [others, of_branches].concat();
        assert_eq!(check_guards(&content), Ok(()), "{what}");
        let found = not_as_demanded(&company.limits, &company.policy.managed, &content);
        assert!(found.is_some_and(|id| id.starts_with("per_branch.")), "{what}: {found:?}");
    }
}

#[test]
fn a_field_that_is_not_managed_has_no_guard() {
    let company = group();
    let plan = company.plan();
    for (branch, manager) in [(false, true), (true, false)] {
        let managed = Managed { branch, manager, ..company.policy.managed.clone() };
        let expected = if manager { MAX_FIELD_PERCENT.id } else { MAX_EMPTIED_PERCENT.id };
        assert_eq!(not_as_demanded(&company.limits, &managed, plan.content()), Some(expected));
    }
}

#[test]
fn a_plan_cannot_state_fewer_than_its_operations_are() {
    type Edit = fn(&mut GuardResult);
    let plan = group().with(|company| company.desired.employees.drain(2..12).for_each(drop)).plan();
    assert_eq!(check_guards(plan.content()), Ok(()));
    assert_eq!(plan.content().summary.delete, 10);
    let edits: [(&str, Edit); 5] = [
        ("counts less than the operations amount to", |guard| guard.count = 0),
        ("is not of the users that may be changed", |guard| guard.of = 1_000_000),
        ("do not lead to its outcome", |guard| guard.outcome = GuardOutcome::Block),
        ("ignores other counts than it should", |guard| guard.ignore_below = Some(100)),
        ("looks at something else than it should", |guard| guard.subject = Some(Subject::Field(Field::Branch))),
    ];
    for (problem, edit) in edits {
        let mut forged = plan.content().clone();
        let whole = forged.guards.iter_mut().find(|guard| guard.id == "max_delete_percent").expect("there");
        edit(whole);
        let found = check_guards(&forged).expect_err("noticed");
        assert!(found.contains("max_delete_percent") && found.contains(problem), "{found}");
    }
    let mut forged = plan.content().clone();
    forged.guards.push(forged.guards[4].clone());
    assert!(check_guards(&forged).is_err_and(|problem| problem.contains("twice")));
    // An operation without a branch still counts in some branch.
    let mut forged = plan.content().clone();
    forged.guards.retain(|guard| !guard.id.starts_with("per_branch.max_change") || guard.count == 0);
    assert!(check_guards(&forged).is_err_and(|problem| problem.contains("per_branch.max_change_percent")));
}

#[test]
fn a_plan_tells_in_which_branch_each_update_counts() {
    let company = group().with(|company| {
        company.desired.employees.iter_mut().take(7).for_each(|one| one.last_name = "New".into());
    });
    let plan = company.plan();
    let tally = Tally::of([&BRANCH_CHANGE_PERCENT], effects(&plan.content().operations));
    let branch = BranchRef { branch_id: BranchId::from("no"), external_identifier: None, name: "".into() };
    let norway = Subject::Branch(Some(branch));
    let counted = tally.count(&BRANCH_CHANGE_PERCENT, Some(&norway));
    assert_eq!((counted, tally.all(&BRANCH_CHANGE_PERCENT)), (7, 7));
    // The updates of one branch cannot be stated as those of another.
    let mut forged = plan.content().clone();
    let mut branches = forged.guards.iter_mut().filter(|guard| guard.id == BRANCH_CHANGE_PERCENT.id);
    let (one, other) = (branches.next().expect("NO01"), branches.next().expect("SE01"));
    std::mem::swap(&mut one.count, &mut other.count);
    assert!(check_guards(&forged).is_err_and(|problem| problem.contains(BRANCH_CHANGE_PERCENT.id)));
}

#[test]
fn values_that_would_be_lost_are_remarked_even_if_no_guard_blocks() {
    let lost = |count: usize| {
        group().with(|company| {
            for one in company.desired.employees.iter_mut().skip(1).take(count) {
                one.manager = crate::employee::DesiredManager::Nobody;
            }
        })
    };
    let plan = lost(3).plan();
    assert!(blocking(&plan).is_empty());
    let [remark] = &plan.content().diagnostics[..] else { panic!("{:?}", plan.content().diagnostics) };
    assert_eq!(remark.code, "values_lost");
    assert_eq!(remark.message, "manager: 3 of the 39 users who have a value would have none: 1 P1 X, 2 P2 X, 3 P3 X");
    let plan = lost(5).plan();
    let [guard] = blocking(&plan)[..] else { panic!("{:#?}", blocking(&plan)) };
    assert_eq!((guard.id.as_str(), guard.count, guard.of), ("max_emptied_percent", 5, 39));
    assert_eq!(guard.parts[1].id.as_deref(), Some("u0"));
    // No plan file can state fewer of them, or of more.
    for edit in [(|guard: &mut GuardResult| guard.count = 4) as fn(&mut GuardResult), |guard| guard.of = 2_000] {
        let mut forged = plan.content().clone();
        let guard = forged.guards.iter_mut().find(|guard| guard.count == 5 && guard.of == 39).expect("there");
        edit(guard);
        guard.outcome = crate::guard::outcome(guard).expect("known");
        assert!(check_guards(&forged).is_err_and(|problem| problem.contains("max_emptied_percent")));
    }
}
