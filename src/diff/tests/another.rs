//! Records with a user's identifier that are somebody else by everything else.

use super::company::{ANNA, BEN, CARLA, Company, assert_plan, bad_record, company, employee, reactivating, user};

/// The number of Anna is now that of Ben.
fn reused() -> Company {
    company([employee("1", BEN, None)], [user("a", Some("1"), ANNA, None)])
}

#[test]
fn nobody_gets_the_account_of_a_stranger() {
    assert_plan(&reused(), &["identifier_reused 1"]);
    let told = reused().plan().content().diagnostics[0].message.clone();
    assert!(told.contains("1 Anna Berg <anna.berg@example.com>") && told.contains("--same-person 1"), "{told}");
    // Not even if the other one's record is bad, or has a new number.
    let bad = reused().aside(bad_record(None, Some(ANNA), Some(("Anna", "Berg"))));
    assert_plan(&bad, &["branch_unknown -", "identifier_reused 1"]);
    let renumbered = reused().with(|company| company.desired.employees.push(employee("2", ANNA, None)));
    assert_plan(&renumbered, &["email_taken 2", "identifier_reused 1"]);
}

#[test]
fn a_person_can_decide_that_it_is_the_same_one() {
    let decided = reused().with(|company| company.policy.same_person = ["1".into()].into());
    assert_plan(
        &decided,
        &[
            "1 update 1 a, primary_email: anna.berg@example.com → ben.holm@example.com, first_name: Anna → Ben, \
             last_name: Berg → Holm",
            "renamed 1",
        ],
    );
    assert!(decided.plan().content().diagnostics.iter().all(|one| one.code != "same_person_idle"));
}

#[test]
fn a_part_of_the_name_or_the_e_mail_is_enough() {
    for (first, last, email) in [
        ("Anna", "Holm", BEN),
        ("ANNA-LENA", "Holm", BEN),
        ("Ben", "Berg", BEN),
        ("Ben", "Holm", "anna.berg@another.example"),
    ] {
        let company = reused().with(|company| {
            let person = &mut company.desired.employees[0];
            (person.first_name, person.last_name, person.email) = (first.into(), last.into(), email.into());
        });
        let summary = company.summary();
        assert!(summary.starts_with("1 update 1 a") && !summary.contains("identifier_reused"), "{summary}");
    }
    // Skovik holds no name.
    let unnamed = reused().with(|company| {
        let user = &mut company.directory.users[0];
        (user.first_name, user.last_name) = ("".into(), "".into());
    });
    assert!(unnamed.summary().starts_with("1 update 1 a"), "{}", unnamed.summary());
}

#[test]
fn who_is_not_changed_anyway_is_not_asked_about() {
    let protected = reused().with(|company| company.policy.protect = crate::diff::Protect::new(&["a"]));
    assert_plan(&protected, &[]);
}

#[test]
fn an_inactive_user_does_not_come_back_as_somebody_else() {
    let back = || reactivating(vec![employee("1", BEN, None)], vec![], vec![user("z", Some("1"), ANNA, None)]);
    assert_plan(&back(), &["identifier_reused 1"]);
    let decided = back().with(|company| company.policy.same_person = ["1".into()].into());
    assert!(decided.summary().starts_with("1 reactivate 1 z"), "{}", decided.summary());
}

#[test]
fn the_account_of_a_stranger_keeps_its_reports() {
    let company = company(
        [employee("1", BEN, None), employee("3", CARLA, Some("1"))],
        [user("a", Some("1"), ANNA, None), user("c", Some("3"), CARLA, Some("a"))],
    );
    assert_plan(&company, &["identifier_reused 1"]);
}
