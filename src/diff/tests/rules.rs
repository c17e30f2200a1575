//! Each rule of "Who is who", "When the data is bad" and "Order, exactly", on the smallest company that shows it.

use super::company::{ANNA, BEN, CARLA, assert_plan, bad_record, company, employee, moved, text, user};
use crate::diff::{Protect, Remove, Renumber};
use crate::plan::NoPlan;

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
    assert_plan(&company, &["1 create a1", "2 delete A1 a (in no source)", "looks_like a1"]);
}

#[test]
fn every_kind_of_field() {
    let company =
        company([employee("1", BEN, None)], [user("a", Some("1"), ANNA, Some("b")), user("b", Some("2"), CARLA, None)])
            .with(|company| {
                company.desired.employees[0].first_name = "Annabel".into();
                company.desired.employees[0].last_name = "Berg-Holm".into();
                company.desired.employees[0].branch = Some("no".into());
                company.desired.employees[0].custom_fields = [text("4100")].into();
                company.desired.employees.push(employee("2", CARLA, None));
            });
    assert_plan(
        &company,
        &[
            "1 update 1 a, primary_email: anna.berg@example.com → ben.holm@example.com, first_name: Anna → Annabel, last_name: \
           Berg → Berg-Holm, branch: se → no, manager: user b → -, custom_fields.cf_cc: - → 4100",
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
        [moved("1", ANNA, "anna.new@example.com", None), moved("2", BEN, ANNA, None)],
        [user("a", Some("1"), ANNA, None)],
    );
    assert_plan(
        &company,
        &[
            "1 update 1 a, primary_email: anna.berg@example.com → anna.new@example.com",
            "2 create 2 after 1",
            "looks_like 2",
        ],
    );
}

#[test]
fn the_email_of_a_leaver_is_taken_after_the_delete() {
    let company =
        company([moved("1", ANNA, BEN, None)], [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)]);
    assert_plan(
        &company,
        &[
            "1 delete 2 b (in no source)",
            "2 update 1 a, primary_email: anna.berg@example.com → ben.holm@example.com after 1",
            "looks_like 1",
        ],
    );
}

#[test]
fn swapped_emails_cannot_be_ordered() {
    let company = company(
        [moved("1", ANNA, BEN, None), moved("2", BEN, ANNA, None), employee("3", CARLA, None)],
        [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)],
    );
    assert_plan(&company, &["1 create 3", "cannot_be_ordered 1", "cannot_be_ordered 2"]);
}

#[test]
fn whoever_waits_for_a_circle_is_set_aside_with_it() {
    let company = company(
        [moved("1", ANNA, BEN, None), moved("2", BEN, ANNA, None), moved("3", CARLA, "x@example.com", None)],
        [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, None)],
    )
    .with(|company| company.desired.employees.push(moved("4", "dan.ek@example.com", CARLA, Some("1"))))
    .with(|company| company.directory.users[0].manager = Some("b".into()));
    // 4 takes the e-mail of 3, who is not part of the cycle.
    assert_plan(
        &company,
        &[
            "1 update 3 c, primary_email: carla.vik@example.com → x@example.com",
            "2 create 4 after 1",
            "cannot_be_ordered 1",
            "cannot_be_ordered 2",
            // Whose record that of 1 is, if the e-mail is that of 2, nobody can tell.
            "looks_like 4",
            "manager_unresolved 4",
        ],
    );
    let taker = self::company(
        [moved("1", ANNA, BEN, None), moved("2", BEN, ANNA, None), employee("3", "z@example.com", None)],
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
        [moved("1", ANNA, BEN, None), moved("2", BEN, CARLA, None), moved("3", CARLA, "boss@example.com", None)],
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
fn protected_users_are_never_touched_but_manage() {
    for entry in ["boss@EXAMPLE.com", "9", "x", "role:admin"] {
        let company = company([employee("1", ANNA, Some("9"))], [user("x", Some("9"), "boss@example.com", None)])
            .with(|company| company.policy.protect = Protect::new(&[entry]))
            .with(|company| company.directory.users[0].roles = Some(["admin".into()].into()));
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
