//! Whoever comes back: in which order, and what is said of their manager, and of the managers of others.

use super::company::{ANNA, BEN, CARLA, Company, assert_plan, employee, moved, reactivating, user};
use crate::employee::User;
use crate::plan::{Action, Field};

const DORA: &str = "dora.ek@example.com";

/// Somebody comes back whose manager leaves.
fn without_the_manager(new: Option<&str>) -> Company {
    let employees = vec![employee("1", ANNA, new), employee("2", BEN, None)];
    let users = vec![user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, None)];
    reactivating(employees, users, vec![user("y", Some("1"), ANNA, Some("c"))])
}

#[test]
fn a_manager_goes_after_whoever_comes_back_has_another() {
    for (new, change) in [(Some("2"), "user b"), (None, "-"), (Some("99"), "-"), (Some("3"), "-")] {
        let unresolved = new.is_some_and(|new| new != "2");
        let operations = [
            &format!("1 reactivate 1 y, active: false → true, manager: user c → {change}"),
            "2 delete 3 c (in no source) after 1",
            "manager_unresolved 1",
        ];
        assert_plan(&without_the_manager(new), &operations[..if unresolved { 3 } else { 2 }]);
    }
    // Where managers are not managed, nobody can give them another.
    let company = without_the_manager(Some("2")).with(|company| company.policy.managed.manager = false);
    assert_plan(&company, &["1 reactivate 1 y, active: false → true", "delete_withheld 3"]);
    // The e-mail is that of the manager: nobody can tell who this is.
    let company = without_the_manager(Some("2")).with(|company| {
        company.desired.employees[0].email = employee("1", CARLA, None).email;
    });
    assert_plan(&company, &["inactive_kept 1"]);
}

#[test]
fn whoever_comes_back_waits_for_the_e_mail_that_another_has_too() {
    let ben = User { first_name: "Ben".into(), last_name: "Holm".into(), ..user("a", Some("2"), ANNA, None) };
    let twins = |employees| reactivating(employees, vec![ben.clone()], vec![user("z", Some("1"), ANNA, None)]);
    let company = twins(vec![employee("1", ANNA, None), employee("2", BEN, None)]);
    assert_plan(
        &company,
        &[
            "1 update 2 a, primary_email: anna.berg@example.com → ben.holm@example.com",
            "2 reactivate 1 z, active: false → true after 1",
        ],
    );
    // Nobody else gets it, also if the active user gives it up.
    let company = twins(vec![employee("3", ANNA, None), employee("2", BEN, None)]);
    let summary = company.summary();
    assert!(summary.contains("email_of_inactive 3") && !summary.contains("create"), "{summary}");
    // Whoever has it keeps it.
    assert_plan(&twins(vec![moved("2", BEN, ANNA, None)]), &[]);
}

#[test]
fn what_is_said_of_the_present_manager_is_so() {
    let held = [None, Some("b"), Some("c"), Some("i"), Some("gone"), Some("r")];
    let kept = [
        "they have none",
        "they keep Ben Holm",
        "they have none, because Carla Vik is deleted",
        "they keep Dora Ek, who is inactive now",
        "they keep the user gone, whom Skovik does not list",
        "they keep Eva Ros, who is inactive now",
    ];
    for (manager, kept) in held.into_iter().zip(kept) {
        for (person, new) in
            ["active", "adopted", "back"].into_iter().flat_map(|person| [(person, "99"), (person, "1")])
        {
            let email = "eva.ros@example.com";
            let employees = vec![employee("1", ANNA, Some(new)), employee("2", BEN, None), employee("5", email, None)];
            let mut users = vec![user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, None)];
            let mut inactive = vec![user("i", Some("4"), DORA, None), user("r", Some("5"), email, None)];
            match person {
                "active" => users.insert(0, user("a", Some("1"), ANNA, manager)),
                "adopted" => users.insert(0, user("a", None, ANNA, manager)),
                _ => inactive.insert(0, user("a", Some("1"), ANNA, manager)),
            }
            let plan = reactivating(employees, users, inactive).plan();
            // Whoever comes back loses a manager who is not active.
            let is_active = matches!(manager, None | Some("b" | "c"));
            let expected = if person == "back" && !is_active { "they have none" } else { kept };
            let found = plan.content().diagnostics.iter().find(|found| found.code == "manager_unresolved");
            let message = &found.expect("it is told").message;
            assert!(message.ends_with(&format!("; {expected}")), "{person} {manager:?}: {message}");
            let of_person = plan.content().operations.iter().filter(|one| one.user_id() == Some(&"a".into()));
            let loses = of_person.into_iter().any(|operation| {
                let Action::Update { changes, .. } = &operation.action else { panic!("an update") };
                changes.iter().any(|change| change.field == Field::Manager && change.after.is_none())
            });
            assert_eq!(loses, manager.is_some() && expected.contains("none"), "{person} {manager:?}");
        }
    }
}
