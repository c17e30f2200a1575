//! Managers and their reports: the order of operations, and reports who cannot be moved.

use super::company::{ANNA, BEN, CARLA, assert_plan, bad_record, company, employee, moved, refusal, user};
use crate::diff::Protect;
use crate::employee::DesiredManager;
use crate::plan::{Action, NoPlan};

#[test]
fn managers_are_created_before_their_reports() {
    let company =
        company([employee("1", ANNA, Some("2")), employee("2", BEN, Some("3")), employee("3", CARLA, None)], []);
    assert_plan(
        &company,
        &["1 create 3", "2 create 2 manager: operation 1 after 1", "3 create 1 manager: operation 2 after 2"],
    );
}

#[test]
fn new_managers_in_a_circle_are_linked_afterwards() {
    let company =
        company([employee("1", ANNA, Some("2")), employee("2", BEN, Some("1")), employee("3", CARLA, Some("1"))], []);
    assert_plan(
        &company,
        &[
            "1 create 1",
            "2 create 2",
            "3 create 3 manager: operation 1 after 1",
            "4 link 1 manager: operation 2 after 1, 2",
            "5 link 2 manager: operation 1 after 1, 2",
            "manager_cycle -",
        ],
    );
    let summary = company.plan().content().summary;
    assert_eq!((summary.create, summary.update), (3, 0));
    // The diff of a link shows that there is no manager until then.
    let mut forged = company.plan().content().clone();
    let of_the_third = match &forged.operations[2].action {
        Action::Create { after } => after.manager.clone(),
        _ => None,
    };
    let Action::Create { after } = &mut forged.operations[1].action else { panic!("a create") };
    assert!(of_the_third.is_some());
    after.manager = of_the_third;
    forged.operations[1].depends_on = vec![crate::plan::OperationId(1)];
    let refused = refusal(forged);
    assert!(refused.contains("links somebody who is created with a manager"), "{refused}");
}

#[test]
fn nobody_who_will_be_protected_is_linked_afterwards() {
    let protecting = |entries: &[&str]| {
        company([employee("1", ANNA, Some("2")), employee("2", BEN, Some("1"))], [])
            .with(|company| company.policy.protect = Protect::new(entries))
    };
    for entry in ["1", ANNA, "anna*"] {
        assert_plan(
            &protecting(&[entry]),
            &[
                "1 create 2",
                "2 create 1 manager: operation 1 after 1",
                "3 link 2 manager: operation 2 after 1, 2",
                "manager_cycle -",
                "protect_matches_nobody -",
            ],
        );
    }
    let said = protecting(&["*@example.com"]).plan();
    let codes: Vec<&str> = said.content().diagnostics.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["cannot_be_ordered", "cannot_be_ordered", "protect_matches_nobody"]);
    assert!(said.content().operations.is_empty());
}

#[test]
fn managers_who_exist_may_go_round_in_a_circle() {
    let company = company(
        [employee("1", ANNA, Some("2")), employee("2", BEN, Some("1"))],
        [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)],
    );
    assert_plan(
        &company,
        &["1 update 1 a, manager: - → user b", "2 update 2 b, manager: - → user a", "manager_cycle -"],
    );
}

#[test]
fn reports_are_moved_before_their_manager_leaves() {
    let company = company(
        [employee("1", ANNA, Some("2")), employee("2", BEN, None), employee("3", CARLA, None)],
        [
            user("a", Some("1"), ANNA, Some("x")),
            user("b", Some("2"), BEN, None),
            user("c", Some("3"), CARLA, Some("x")),
            user("x", Some("9"), "xaver@example.com", None),
        ],
    );
    assert_plan(
        &company,
        &[
            "1 update 1 a, manager: user x → user b",
            "2 update 3 c, manager: user x → -",
            "3 delete 9 x (in no source) after 1, 2",
        ],
    );
}

#[test]
fn a_report_who_cannot_be_moved_withholds_the_delete() {
    let base = || {
        company(
            [employee("1", ANNA, None)],
            [
                user("a", Some("1"), ANNA, Some("x")),
                user("x", Some("9"), "xaver@example.com", Some("y")),
                user("y", Some("8"), BEN, None),
            ],
        )
    };
    let protected = base().with(|company| company.policy.protect = Protect::new(&["1"]));
    let unmanaged = base().with(|company| company.policy.managed.manager = false);
    // x stays, so x's manager y stays as well.
    assert_plan(&protected, &["delete_withheld 8", "delete_withheld 9"]);
    assert_plan(&unmanaged, &["delete_withheld 8", "delete_withheld 9"]);
    let aside = base().with(|company| company.desired.employees.clear()).aside(bad_record(Some("1"), Some(ANNA), None));
    assert_plan(&aside, &["branch_unknown 1", "delete_withheld 8", "delete_withheld 9"]);
    assert_plan(
        &base(),
        &[
            "1 update 1 a, manager: user x → -",
            "2 delete 9 x (in no source) after 1",
            "3 delete 8 y (in no source) after 2",
        ],
    );
}

#[test]
fn a_report_who_takes_the_email_of_the_leaving_manager_cannot_be_ordered() {
    let company = company(
        [moved("1", ANNA, BEN, None)],
        [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), BEN, None)],
    );
    assert_plan(
        &company,
        &["delete_withheld 2", "cannot_be_ordered 1"].map(|line| line).iter().rev().copied().collect::<Vec<_>>(),
    );
}

#[test]
fn a_manager_who_is_nowhere_is_kept_and_reported() {
    let keeps = company(
        [employee("1", ANNA, Some("77")), employee("2", BEN, None)],
        [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), BEN, None)],
    );
    assert_plan(&keeps, &["manager_unresolved 1"]);
    let leaves = company(
        [employee("1", ANNA, Some("77"))],
        [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), BEN, None)],
    );
    assert_plan(
        &leaves,
        &["1 update 1 a, manager: user b → -", "2 delete 2 b (in no source) after 1", "manager_unresolved 1"],
    );
    let own = company([employee("1", ANNA, Some("1"))], []);
    assert_plan(&own, &["1 create 1", "manager_unresolved 1"]);
    let by_other_key = company([employee("1", ANNA, None)], []).with(|company| {
        company.desired.employees[0].manager =
            DesiredManager::Unresolved { key: "CN=X".into(), reason: "no record has it".into(), near: None };
    });
    assert_plan(&by_other_key, &["1 create 1", "manager_unresolved 1"]);
    let strict = company([employee("1", ANNA, Some("77"))], []).with(|company| company.managers_must_resolve = true);
    assert!(matches!(strict.try_plan(), Err(NoPlan::UnresolvedManagers { count: 1, .. })));
}

#[test]
fn a_manager_named_by_skovik_but_not_listed_is_kept_where_the_record_names_nobody_known() {
    let company = company([employee("1", ANNA, Some("77"))], [user("a", Some("1"), ANNA, Some("gone"))]);
    assert_plan(&company, &["manager_unresolved 1"]);
}
