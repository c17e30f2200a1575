//! Each rule of "Who is who", "When the data is bad" and "Order, exactly", on the smallest company that shows it.

use super::company::{Company, bad_record, employee, text, user};
use crate::diff::{Protect, Remove, Renumber};
use crate::employee::{Employee, ManagerWish, User};
use crate::plan::{GuardOutcome, NoPlan};

const ANNA: &str = "anna.berg@example.com";
const BEN: &str = "ben.holm@example.com";
const CARLA: &str = "carla.vik@example.com";

fn company(employees: impl Into<Vec<Employee>>, users: impl Into<Vec<User>>) -> Company {
    Company::new(employees.into(), users.into())
}

#[track_caller]
fn assert_plan(company: &Company, expected: &[&str]) {
    let summary = company.summary();
    assert_eq!(summary.lines().collect::<Vec<_>>(), expected, "the plan was:\n{summary}");
}

#[test]
fn the_four_groups() {
    let company = company(
        [employee("1", ANNA, None), employee("2", BEN, Some("1")), employee("3", CARLA, None)],
        [
            user("a", Some("2"), BEN, None),
            user("b", Some("3"), CARLA, None),
            user("c", Some("9"), "dan@example.com", None),
        ],
    );
    assert_plan(
        &company,
        &["1 create 1", "2 update 2 a, manager: - → operation 1 after 1", "3 delete 9 c (in no source)"],
    );
    let summary = company.plan().content().summary;
    assert_eq!((summary.create, summary.update, summary.delete, summary.unchanged, summary.set_aside), (1, 1, 1, 1, 0));
}

#[test]
fn what_is_the_same_is_unchanged() {
    let company =
        company([employee("1", "Anna.Berg@Example.com", None)], [user("a", Some("1"), ANNA, None)]).with(|company| {
            company.desired.employees[0].first_name = "Anna".into();
            company.desired.employees[0].last_name = "Berg".into();
            company.desired.employees[0].email = "ANNA.berg@example.com".into();
        });
    assert_plan(&company, &[]);
}

#[test]
fn an_identifier_is_compared_to_the_letter() {
    let company = company([employee("a1", ANNA, None)], [user("a", Some("A1"), BEN, None)]);
    assert_plan(&company, &["1 create a1", "2 delete A1 a (in no source)"]);
}

#[test]
fn every_kind_of_field() {
    let company =
        company([employee("1", BEN, None)], [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), CARLA, None)])
            .with(|company| {
                company.desired.employees[0].branch = Some("no".into());
                company.desired.employees[0].custom_fields = [text("4100")].into();
                company.desired.employees.push(employee("2", CARLA, None));
            });
    assert_plan(
        &company,
        &[
            "1 update 1 a, primary_email: anna.berg@example.com → ben.holm@example.com, first_name: Anna → Ben, last_name: \
           Berg → Holm, branch: se → no, manager: user b → -, custom_fields.cf_cc: - → 4100",
        ],
    );
}

#[test]
fn what_is_not_managed_is_not_compared() {
    let company = company([employee("1", ANNA, None)], [user("a", Some("1"), ANNA, Some("a2"))]).with(|company| {
        company.policy.managed.manager = false;
        company.policy.managed.branch = false;
        company.desired.employees[0].branch = None;
    });
    assert_plan(&company, &[]);
}

#[test]
fn a_user_without_identifier_is_adopted_by_email() {
    let company =
        company([employee("1", ANNA, None)], [user("a", None, "ANNA.BERG@example.com", None)]).with(|company| {
            let user = &mut company.directory.users[0];
            (user.first_name, user.last_name) = ("Anna".into(), "Berg".into());
        });
    assert_plan(&company, &["1 update 1 a, external_identifier: - → 1", "adopted 1"]);
}

#[test]
fn without_adoption_the_email_is_taken() {
    let company = company([employee("1", ANNA, None)], [user("a", None, ANNA, None)])
        .with(|company| company.policy.adopt = false)
        .with(|company| company.policy.remove = Remove::All);
    assert_plan(&company, &["email_taken 1"]);
}

#[test]
fn a_new_identifier_on_a_known_email_asks() {
    let company = company([employee("2", ANNA, None)], [user("a", Some("1"), ANNA, None)]);
    assert_plan(&company, &["renumbering_undecided 2"]);
    assert!(company.plan().content().diagnostics[0].message.contains("--same-person 2"));
}

#[test]
fn a_renumbering_that_was_decided_is_an_update() {
    let undecided = || company([employee("2", ANNA, None)], [user("a", Some("1"), ANNA, None)]);
    let decided = undecided().with(|company| company.policy.same_person = ["2".into()].into());
    let always = undecided().with(|company| company.policy.renumber = Renumber::SamePerson);
    for company in [decided, always] {
        assert_plan(&company, &["1 update 2 a, external_identifier: 1 → 2", "renumbered 2"]);
    }
}

#[test]
fn a_decision_about_nothing_is_a_slip() {
    let company =
        company([employee("1", ANNA, None)], []).with(|company| company.policy.same_person = ["1".into()].into());
    assert!(matches!(company.try_plan(), Err(NoPlan::NothingToDecide(_))));
}

#[test]
fn an_email_whose_owner_keeps_it_is_a_conflict() {
    let company = company([employee("1", ANNA, None), employee("2", ANNA, None)], [user("a", Some("1"), ANNA, None)]);
    assert_plan(&company, &["email_claimed_twice 1", "email_claimed_twice 2"]);
    let kept_by_bad_record = self::company([employee("2", ANNA, None)], [user("a", Some("1"), ANNA, None)])
        .aside(bad_record(Some("1"), None, Some(("Anna", "Berg"))));
    assert_plan(&kept_by_bad_record, &["branch_unknown 1", "email_taken 2"]);
}

#[test]
fn an_email_is_handed_over_after_it_was_given_up() {
    let company = company(
        [employee("1", "anna.new@example.com", None), employee("2", ANNA, None)],
        [user("a", Some("1"), ANNA, None)],
    );
    assert_plan(
        &company,
        &[
            "1 update 1 a, primary_email: anna.berg@example.com → anna.new@example.com, last_name: Berg → New",
            "2 create 2 after 1",
        ],
    );
}

#[test]
fn the_email_of_a_leaver_is_taken_after_the_delete() {
    let company =
        company([employee("1", BEN, None)], [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)]);
    assert_plan(
        &company,
        &[
            "1 delete 2 b (in no source)",
            "2 update 1 a, primary_email: anna.berg@example.com → ben.holm@example.com, first_name: Anna → Ben, \
             last_name: Berg → Holm after 1",
        ],
    );
}

#[test]
fn swapped_emails_cannot_be_ordered() {
    let company = company(
        [employee("1", BEN, None), employee("2", ANNA, None), employee("3", CARLA, None)],
        [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)],
    );
    assert_plan(&company, &["1 create 3", "cannot_be_ordered 1", "cannot_be_ordered 2"]);
}

#[test]
fn whoever_waits_for_a_circle_is_set_aside_with_it() {
    let company = company(
        [employee("1", BEN, None), employee("2", ANNA, None), employee("3", "x@example.com", None)],
        [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, None)],
    )
    .with(|company| company.desired.employees.push(employee("4", CARLA, Some("1"))))
    .with(|company| company.directory.users[0].manager = Some("b".into()));
    // 4 takes the e-mail of 3, who is not part of the circle.
    assert_plan(
        &company,
        &[
            "1 update 3 c, primary_email: carla.vik@example.com → x@example.com, first_name: Carla → X, last_name: Vik → Berg",
            "2 create 4 manager: user a after 1",
            "cannot_be_ordered 1",
            "cannot_be_ordered 2",
        ],
    );
    let taker = self::company(
        [employee("1", BEN, None), employee("2", ANNA, None), employee("3", "z@example.com", None)],
        [
            user("a", Some("1"), ANNA, None),
            user("b", Some("2"), BEN, None),
            user("c", Some("9"), "z@example.com", Some("a")),
        ],
    );
    assert_plan(&taker, &["cannot_be_ordered 1", "cannot_be_ordered 2", "renumbering_undecided 3"]);
}

#[test]
fn a_chain_of_waiting_people_falls_whole() {
    // 1 takes the e-mail of 2, who takes that of 3, who takes that of a protected user.
    let company = company(
        [employee("1", BEN, None), employee("2", CARLA, None), employee("3", "boss@example.com", None)],
        [
            user("a", Some("1"), ANNA, None),
            user("b", Some("2"), BEN, None),
            user("c", Some("3"), CARLA, None),
            user("d", None, "boss@example.com", None),
        ],
    )
    .with(|company| company.policy.protect = Protect::new(&["boss@example.com"]));
    assert_plan(&company, &["email_taken 1", "email_taken 2", "email_taken 3"]);
}

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
    // x stays, so y, to whom x reports, stays as well.
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
    let company =
        company([employee("1", BEN, None)], [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), BEN, None)]);
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
            ManagerWish::Unresolved { key: "CN=X".into(), reason: "no record has it".into(), near: None };
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

#[test]
fn protected_users_are_never_touched_but_manage() {
    for entry in ["boss@EXAMPLE.com", "9", "x", "role:admin"] {
        let company = company([employee("1", ANNA, Some("9"))], [user("x", Some("9"), "boss@example.com", None)])
            .with(|company| company.policy.protect = Protect::new(&[entry]))
            .with(|company| company.directory.users[0].roles = Some(Box::new(["admin".into()])));
        assert_plan(&company, &["1 create 1 manager: user x"]);
        assert_eq!(company.plan().content().target.managed, 0);
    }
}

#[test]
fn a_protected_role_needs_roles() {
    let company = company([employee("1", ANNA, None)], [user("a", Some("1"), ANNA, None)])
        .with(|company| company.policy.protect = Protect::new(&["role:admin"]))
        .with(|company| company.directory.users[0].roles = None);
    assert!(matches!(company.try_plan(), Err(NoPlan::Untrusted(_))));
}

#[test]
fn a_protection_of_nobody_is_reported() {
    let company = company([employee("1", ANNA, None)], [])
        .with(|company| company.policy.protect = Protect::new(&["bos@example.com"]));
    assert_plan(&company, &["1 create 1", "protect_matches_nobody -"]);
}

#[test]
fn skovik_may_hold_nothing_twice() {
    let by_email = company([], [user("a", Some("1"), ANNA, None), user("b", None, "ANNA.berg@example.com", None)]);
    let by_identifier = company([], [user("a", Some("1"), ANNA, None), user("b", Some("1"), BEN, None)]);
    for company in [by_email, by_identifier] {
        assert!(matches!(company.try_plan(), Err(NoPlan::Untrusted(_))));
    }
}

#[test]
fn rivals_are_all_set_aside_and_hold_their_user() {
    let company = company(
        [employee("1", ANNA, None), employee("1", BEN, None), employee("2", CARLA, None)],
        [user("a", Some("1"), ANNA, None), user("b", None, BEN, None)],
    )
    .with(|company| company.policy.remove = Remove::All);
    assert_plan(&company, &["1 create 2", "identifier_claimed_twice 1", "identifier_claimed_twice 1"]);
    assert_eq!(company.plan().content().summary.set_aside, 2);
}

#[test]
fn a_good_record_with_the_email_of_a_bad_one_is_set_aside() {
    let company =
        company([employee("1", ANNA, None)], []).aside(bad_record(Some("2"), Some("ANNA.berg@example.com"), None));
    assert_plan(&company, &["branch_unknown 2", "email_claimed_twice 1"]);
}

#[test]
fn a_bad_record_holds_its_user_by_identifier_or_email() {
    let by_identifier = company([], [user("a", Some("1"), ANNA, None)]).aside(bad_record(Some("1"), None, None));
    assert_plan(&by_identifier, &["branch_unknown 1"]);
    let by_email = company([], [user("a", Some("1"), ANNA, None)]).aside(bad_record(Some("2"), Some(ANNA), None));
    assert_plan(&by_email, &["branch_unknown 2"]);
}

#[test]
fn a_bad_record_without_user_withholds_deletes_of_the_same_name() {
    let users = [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
    let same_name = company([], users.clone()).aside(bad_record(Some("7"), None, Some((" ANNA ", "berg"))));
    assert_plan(&same_name, &["1 delete 2 b (in no source)", "branch_unknown 7", "delete_withheld 1"]);
    for name in [None, Some(("Anna", ""))] {
        let no_name = company([], users.clone()).aside(bad_record(Some("7"), None, name));
        assert_plan(&no_name, &["branch_unknown 7", "delete_withheld 1", "delete_withheld 2"]);
    }
}

#[test]
fn no_record_may_be_bad_where_the_settings_say_so() {
    let company =
        company([], []).aside(bad_record(Some("1"), None, None)).with(|company| company.records_must_be_valid = true);
    assert!(matches!(company.try_plan(), Err(NoPlan::Invalid { count: 1, .. })));
}

#[test]
fn who_may_be_removed() {
    let users = [user("a", Some("1"), ANNA, None), user("b", None, BEN, None)];
    let with = |remove| company([], users.clone()).with(|company| company.policy.remove = remove);
    assert_plan(&with(Remove::Identified), &["1 delete 1 a (in no source)"]);
    assert_plan(&with(Remove::All), &["1 delete - b (in no source)", "2 delete 1 a (in no source)"]);
    assert_plan(&with(Remove::None), &[]);
    let managed = |remove| with(remove).plan().content().target.managed;
    assert_eq!([Remove::Identified, Remove::All, Remove::None].map(managed), [1, 2, 0]);
}

#[test]
fn a_leaver_outside_the_scope_says_so() {
    let company = company([], [user("a", Some("1"), ANNA, None)])
        .with(|company| company.desired.out_of_scope = ["1".into()].into());
    assert_plan(&company, &["1 delete 1 a (outside the scope)"]);
}

#[test]
fn other_branches_are_not_touched() {
    let in_norway = |mut user: User| {
        user.branch = Some("no".into());
        user
    };
    let base = |employees: Vec<Employee>, users: Vec<User>| {
        Company::new(employees, users).with(|company| company.policy.branches = Some(["se".into()].into()))
    };
    let not_removed = base(vec![], vec![in_norway(user("a", Some("1"), ANNA, None)), user("b", Some("2"), BEN, None)]);
    assert_plan(&not_removed, &["1 delete 2 b (in no source)"]);
    assert_eq!(not_removed.plan().content().target.managed, 1);
    let not_changed = base(vec![employee("1", BEN, None)], vec![in_norway(user("a", Some("1"), ANNA, None))]);
    assert_plan(&not_changed, &["outside_branches 1"]);
    let not_adopted = base(vec![employee("1", ANNA, None)], vec![in_norway(user("a", None, ANNA, None))]);
    assert_plan(&not_adopted, &["email_taken 1"]);
    let moves_out = base(vec![], vec![user("a", Some("1"), ANNA, None)])
        .with(|company| company.desired.elsewhere.push(employee("1", ANNA, None)));
    assert_plan(&moves_out, &["moves_out_of_branches 1"]);
}

#[test]
fn only_some_people_with_all_that_they_need() {
    let base = || company([employee("1", ANNA, Some("2")), employee("2", BEN, None), employee("3", CARLA, None)], []);
    let both = base().with(|company| company.only = ["1".into(), "2".into()].into());
    assert_plan(&both, &["1 create 2", "2 create 1 manager: operation 1 after 1"]);
    assert!(both.plan().content().guards.iter().all(|guard| guard.outcome == GuardOutcome::Pass));
    let one = base().with(|company| company.only = ["1".into(), "3".into()].into());
    assert_plan(&one, &["1 create 3", "dependency_left_out 1"]);
    let nobody = base().with(|company| company.only = ["7".into()].into());
    assert!(matches!(nobody.try_plan(), Err(NoPlan::NothingToDo(_))));
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
