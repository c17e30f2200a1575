//! Records with a user's identifier that are somebody else by everything else.

use super::company::{
    ANNA, BEN, CARLA, Company, assert_plan, bad_record, company, employee, moved, reactivating, refusal, user,
};
use crate::diff::{Protect, Remove, Renumber};
use crate::employee::{Employee, User};
use crate::plan::NoPlan;

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
    assert_plan(&renumbered, &["identifier_reused 1", "renumbering_undecided 2"]);
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
        ("Ben", "Berg", "anna.berg@another.example"),
        ("Ben", "Holm", "anna.berg@another.example"),
    ] {
        let company = reused().with(|company| {
            let person = &mut company.desired.employees[0];
            (person.first_name, person.last_name, person.email) = (first.into(), last.into(), email.into());
        });
        let summary = company.summary();
        assert!(summary.starts_with("1 update 1 a") && !summary.contains("identifier_reused"), "{summary}");
    }
}

#[test]
fn a_mark_is_no_name_and_who_has_none_is_told_by_the_e_mail() {
    let named = |first: &str, last: &str, email: &str| {
        reused().with(|company| {
            let user = &mut company.directory.users[0];
            (user.first_name, user.last_name) = (first.into(), last.into());
            (company.desired.employees[0].email, company.desired.employees[0].last_name) = (email.into(), "-".into());
        })
    };
    for (first, last) in [("", ""), ("Anna", "-"), (".", "")] {
        assert_plan(&named(first, last, BEN), &["identifier_reused 1"]);
        let same = named(first, last, "anna.berg@another.example");
        assert!(same.summary().starts_with("1 update 1 a"), "{first} {last}: {}", same.summary());
    }
    // Somebody else has this very name.
    let mixed = named("Anna", "-", ANNA).with(|company| company.directory.users.push(user("b", Some("2"), BEN, None)));
    let mixed = mixed.with(|company| {
        company.desired.employees[0].last_name = "Holm".into();
        company.directory.users[1].email = "b@example.com".into();
    });
    assert!(mixed.summary().contains("identifier_reused 1"), "{}", mixed.summary());
}

/// A record with a wrong number: its own user is found by the e-mail or the name, whoever has that number.
#[test]
fn whoever_has_a_wrong_number_keeps_their_own_user() {
    let ben_as = |number: &str, email: &str| {
        company([moved(number, BEN, email, None)], [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)])
    };
    assert_plan(&ben_as("1", BEN), &["identifier_reused 1"]);
    assert_plan(&ben_as("1", "ben.new@example.com"), &["identifier_reused 1", "delete_withheld 2"]);
    let told = ben_as("1", BEN).plan().content().diagnostics[0].message.clone();
    assert!(told.contains("they have the e-mail or the name of 2 Ben Holm"), "{told}");
    assert!(!told.contains("--same-person"), "{told}");
    for protect in ["a", "1"] {
        let protected = ben_as("1", BEN).with(|company| company.policy.protect = Protect::new(&[protect]));
        assert_plan(&protected, &["identifier_reused 1"]);
    }
    // A leaver with a part of the name is not the same person, if another user has the whole name and the e-mail.
    let namesake = ben_as("1", BEN).with(|company| company.directory.users[0].last_name = "Holm".into());
    assert_plan(&namesake, &["identifier_reused 1"]);
    // A new number and the e-mail of a leaver.
    assert_plan(&ben_as("9", ANNA), &["renumbering_undecided 9", "delete_withheld 2"]);
}

/// Whose number went to somebody else, and who has a new one, is not created a second time.
#[test]
fn whoever_has_lost_the_number_is_not_created_again() {
    let displaced = reused().with(|company| company.desired.employees.push(moved("2", ANNA, "anna@example.com", None)));
    assert_plan(&displaced, &["identifier_reused 1", "renumbering_undecided 2"]);
    let told = displaced.plan().content().diagnostics[1].message.clone();
    assert!(told.contains("give that user the external identifier 2 in Skovik"), "{told}");
    let somebody = reused().with(|company| company.desired.employees.push(employee("2", CARLA, None)));
    assert_plan(&somebody, &["1 create 2", "identifier_reused 1"]);
}

#[test]
fn there_is_nothing_to_decide_about_somebody_who_is_not_changed() {
    let protected = reused().with(|company| company.policy.protect = Protect::new(&["a"]));
    assert_plan(&protected, &["identifier_reused 1"]);
    let told = protected.plan().content().diagnostics[0].message.clone();
    assert!(!told.contains("--same-person"), "{told}");
    let decided = protected.with(|company| company.policy.same_person = ["1".into()].into());
    assert!(matches!(decided.try_plan(), Err(NoPlan::NothingToDecide(_))));
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
    assert_plan(&company, &["identifier_reused 1", "manager_unresolved 3"]);
    // Nor does anybody else get a stranger as manager.
    let others = company.with(|company| company.desired.employees.push(employee("4", "eva.ek@example.com", Some("1"))));
    let expected = ["1 create 4", "identifier_reused 1", "manager_unresolved 3", "manager_unresolved 4"];
    assert_plan(&others, &expected);
}

#[test]
fn nobody_gets_one_of_two_people_with_a_number_as_manager() {
    let twice = company(
        [employee("1", ANNA, None), moved("1", BEN, BEN, None), employee("3", CARLA, Some("1"))],
        [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, None)],
    );
    let expected = ["identifier_claimed_twice 1", "identifier_claimed_twice 1", "manager_unresolved 3"];
    assert_plan(&twice, &expected);
}

/// Data cannot tell whether an e-mail is handed over, or is that of one person under two numbers.
#[test]
fn the_e_mail_of_somebody_who_leaves_is_given_by_a_person_only() {
    let users = || [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
    let handed_over = company([moved("1", ANNA, BEN, None)], users());
    let plan = handed_over.plan();
    let remark = plan.content().diagnostics.iter().find(|found| found.code == "looks_like").expect("a remark");
    assert!(remark.message.contains("would get the e-mail of 2 Ben Holm <ben.holm@example.com>"), "{remark:?}");
    // A protected user does not get it, so the record may be that of whoever has it.
    let kept = handed_over.with(|company| company.policy.protect = Protect::new(&["a"]));
    assert_plan(&kept, &["email_taken 1"]);
}

#[test]
fn a_plan_says_who_is_given_another_name_and_another_e_mail() {
    let decided = reused().with(|company| company.policy.same_person = ["1".into()].into());
    let mut content = decided.plan().content().clone();
    content.diagnostics.clear();
    let refused = refusal(content);
    assert!(refused.contains("no diagnostic renamed says so"), "{refused}");
}

/// Records that are bad for another reason, or of another configuration's branch, have strangers' identifiers, too.
#[test]
fn a_stranger_is_nobodys_manager_whatever_else_is_wrong_with_the_record() {
    let users =
        || [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, Some("b"))];
    let list = || [employee("3", CARLA, Some("1"))];
    // Ben's record has Anna's number, and a branch that nobody knows.
    for (email, name) in [(Some(BEN), Some(("Ben", "Holm"))), (None, Some(("Ben", "Holm"))), (Some(BEN), None)] {
        let bad = company(list(), users()).aside(bad_record(Some("1"), email, name));
        let summary = bad.summary();
        assert!(!summary.contains("update") && !summary.contains("delete 2"), "{email:?} {name:?}: {summary}");
        assert!(summary.contains("manager_unresolved 3"), "{email:?} {name:?}: {summary}");
    }
    let own = company(list(), users()).aside(bad_record(Some("1"), Some(ANNA), None));
    assert!(own.summary().contains("update 3 c, manager: user b → user a"), "{}", own.summary());
    for email in [BEN, "ben@example.com"] {
        let elsewhere = company(list(), users()).with(|company| {
            company.policy.branches = Some(["se".into()].into());
            company.desired.elsewhere.push(moved("1", BEN, email, None));
        });
        let summary = elsewhere.summary();
        assert!(summary.contains("identifier_reused 1") && summary.contains("manager_unresolved 3"), "{summary}");
        assert!(!summary.contains("delete 2"), "{summary}");
    }
}

#[test]
fn who_has_the_name_of_an_inactive_user_with_a_strangers_identifier_is_not_created() {
    let list = vec![employee("1", BEN, None), moved("2", ANNA, "anna@example.com", None)];
    let back = reactivating(list, vec![], vec![user("z", Some("1"), ANNA, None)]);
    assert_plan(&back, &["identifier_reused 1", "renumbering_undecided 2"]);
}

/// Two people with one name, and a number that went to another one.
#[test]
fn equal_names_do_not_make_two_people_one() {
    let jan = |id: &str, number: Option<&str>, email: &str| User {
        first_name: "Jan".into(),
        last_name: "Jung".into(),
        ..user(id, number, email, None)
    };
    let record = |number: &str, name: (&str, &str), email: &str| Employee {
        first_name: name.0.into(),
        last_name: name.1.into(),
        ..employee(number, email, None)
    };
    let both = || [jan("a", Some("1"), "jan.jung@x.se"), jan("b", Some("2"), "jan.jung2@x.se")];
    // The first has left, and the second has his number; also with another domain.
    for email in ["jan.jung2@x.se", "jan.jung2@new.example"] {
        let list = || [record("1", ("Jan", "Jung"), email)];
        for protect in ["nobody@example.com", "a"] {
            let wrong = company(list(), both()).with(|company| company.policy.protect = Protect::new(&[protect]));
            let summary = wrong.summary();
            assert!(summary.contains("identifier_reused 1"), "{email} {protect}: {summary}");
            assert!(!summary.contains(" delete ") && !summary.contains(" update "), "{email} {protect}: {summary}");
        }
        let back = reactivating(list().into(), vec![both()[1].clone()], vec![both()[0].clone()]);
        let summary = back.summary();
        assert!(!summary.contains(" delete ") && !summary.contains("reactivate"), "{email}: {summary}");
    }
    // He has a new number, and a newcomer the one before, with a part of the name or all of it.
    for newcomer in [("Kim", "Jung"), ("Jan", "Wedd"), ("Jan", "Jung"), ("Zoe", "Berg")] {
        let list = [record("1", newcomer, "new@x.se"), record("9", ("Jan", "Jung"), "jan.jung@x.se")];
        let summary = company(list, [both()[0].clone()]).summary();
        assert_eq!(summary, "identifier_reused 1\nrenumbering_undecided 9\n", "{newcomer:?}");
    }
    // Whoever marries has a part of the name, and nothing tells of a mix-up.
    let married = company([record("1", ("Jan", "Wedd"), "jan.wedd@x.se")], [both()[0].clone()]);
    assert!(married.summary().starts_with("1 update 1 a"), "{}", married.summary());
}

/// An e-mail alone does not make somebody another user, if the names tell of a mix-up.
#[test]
fn a_match_by_e_mail_asks_for_the_name() {
    let unnumbered = || [user("a", None, ANNA, None), user("b", None, BEN, None)];
    let swapped = company([moved("1", ANNA, BEN, None), moved("2", BEN, ANNA, None)], unnumbered());
    assert_plan(&swapped, &["email_taken 1", "email_taken 2"]);
    // A person can say that they are the same all the same.
    let decided = swapped.with(|company| company.policy.same_person = ["1".into(), "2".into()].into());
    let summary = decided.summary();
    assert!(summary.contains("1 update 1 b, external_identifier: - → 1") && summary.contains("renamed 2"), "{summary}");
    for protect in ["nobody@example.com", "b"] {
        let wrong = company([moved("1", ANNA, BEN, None), employee("3", CARLA, Some("1"))], unnumbered())
            .with(|company| company.policy.remove = Remove::All)
            .with(|company| company.policy.protect = Protect::new(&[protect]));
        let summary = wrong.summary();
        assert!(summary.contains("email_taken 1") && !summary.contains("adopted"), "{protect}: {summary}");
        assert!(!summary.contains(" delete ") && !summary.contains("manager: user b"), "{protect}: {summary}");
    }
    // A new number and the e-mail of somebody who left: `--same-person` would lose Anna's user.
    for decided in [false, true] {
        let list = [moved("9", ANNA, BEN, None)];
        let users = [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
        let wrong = company(list, users).with(|company| {
            company.policy.renumber = if decided { Renumber::SamePerson } else { Renumber::Ask };
        });
        assert_plan(&wrong, &["renumbering_undecided 9", "delete_withheld 1"]);
    }
    let inactive = reactivating(
        vec![employee("1", ANNA, None)],
        vec![],
        vec![User { first_name: "Ben".into(), last_name: "Holm".into(), ..user("z", None, ANNA, None) }],
    );
    assert_plan(&inactive, &["identifier_reused 1"]);
    let told = inactive.plan().content().diagnostics[0].message.clone();
    assert!(told.contains("their e-mail is that of Ben Holm"), "{told}");
}

/// Somebody else has the e-mail of a user by now, whose own record has a new one.
#[test]
fn whose_e_mail_was_handed_over_is_not_created_again() {
    let sales = "sales@example.com";
    let gun = || User { first_name: "Gun".into(), last_name: "Grip".into(), ..user("a", None, sales, None) };
    let own = || moved("7", "gun.grip@example.com", "gun.grip@example.com", None);
    let zoe = || moved("9", "zoe.berg@example.com", sales, None);
    assert_plan(&company([own(), zoe()], [gun()]), &["email_taken 9", "renumbering_undecided 7"]);
    for identifier in [None, Some("3")] {
        let held = User { identifier: identifier.map(Into::into), ..gun() };
        let elsewhere = company([own()], [held]).with(|company| {
            company.policy.branches = Some(["se".into()].into());
            company.desired.elsewhere.push(zoe());
        });
        let summary = elsewhere.summary();
        assert!(!summary.contains(" create ") && !summary.contains(" delete "), "{identifier:?}: {summary}");
        assert!(summary.contains("renumbering_undecided 7"), "{identifier:?}: {summary}");
    }
    // A record of another branch says nothing of whoever gives the e-mail up.
    let claimed =
        company([moved("1", ANNA, "anna@example.com", None)], [user("a", Some("1"), ANNA, None)]).with(|company| {
            company.policy.branches = Some(["se".into()].into());
            company.desired.elsewhere.push(moved("2", BEN, ANNA, None));
        });
    assert!(claimed.summary().starts_with("1 update 1 a"), "{}", claimed.summary());
}

/// One wrong cell of a list that gives the names only: the e-mail comes by the same key, and agrees.
#[test]
fn the_whole_name_of_another_user_is_that_user() {
    let kim = || User { first_name: "Kim".into(), last_name: "Berg".into(), ..user("b", Some("2"), "kim@x.se", None) };
    let list = || [Employee { first_name: "Kim".into(), ..employee("1", ANNA, None) }];
    for protect in ["nobody@example.com", "a"] {
        let wrong = company(list(), [user("a", Some("1"), ANNA, None), kim()])
            .with(|company| company.policy.protect = Protect::new(&[protect]));
        let summary = wrong.summary();
        assert!(summary.contains("identifier_reused 1"), "{protect}: {summary}");
        assert!(!summary.contains(" delete ") && !summary.contains(" update "), "{protect}: {summary}");
    }
    // A colleague with a record of her own tells of no mix-up: Anna marries, and has the name of a colleague by now.
    let married = moved("1", "anna.lind@example.com", "anna.lind2@example.com", None);
    let colleague = "anna.lind@example.com";
    let users = [user("a", Some("1"), ANNA, None), user("b", Some("2"), colleague, None)];
    let honest = company([married, employee("2", colleague, None)], users);
    assert!(honest.summary().starts_with("1 update 1 a"), "{}", honest.summary());
}

/// The old number of somebody went to a stranger whose record is set aside for another reason.
#[test]
fn who_has_a_new_number_is_not_created_beside_their_user_whatever_record_has_the_old_one() {
    for email in [None, Some(BEN)] {
        let company = company([moved("9", ANNA, "anna@example.com", None)], [user("a", Some("1"), ANNA, None)])
            .aside(bad_record(Some("1"), email, Some(("Ben", "Holm"))));
        assert_plan(&company, &["branch_unknown 1", "renumbering_undecided 9"]);
    }
    // Two strangers claim the e-mail of a user without an identifier.
    let gun = User { first_name: "Gun".into(), last_name: "Grip".into(), ..user("a", None, ANNA, None) };
    let strangers = [moved("8", BEN, ANNA, None), moved("9", CARLA, ANNA, None), employee("7", "gun.grip@x.se", None)];
    let summary = company(strangers, [gun]).summary();
    assert!(!summary.contains(" create ") && summary.contains("renumbering_undecided 7"), "{summary}");
}

/// A newcomer with the name of a colleague is a newcomer, also if a bad record has the colleague's e-mail.
#[test]
fn who_has_a_record_of_their_own_is_not_displaced() {
    let namesake = moved("9", ANNA, "anna.berg2@example.com", None);
    let company = company([employee("1", ANNA, None), namesake], [user("a", Some("1"), ANNA, None)]).aside(bad_record(
        None,
        Some(ANNA),
        Some(("Ben", "Holm")),
    ));
    let summary = company.summary();
    assert!(!summary.contains("renumbering_undecided"), "{summary}");
}

/// People who type names by hand leave accents out, or write the last name first.
#[test]
fn names_are_the_same_without_accents_order_and_script() {
    let zoe = |first: &str, last: &str| User {
        first_name: first.into(),
        last_name: last.into(),
        ..user("a", None, "zoe@x.se", None)
    };
    let record = Employee {
        first_name: "Zo\u{eb}".into(),
        last_name: "Gr\u{e9}pin".into(),
        ..employee("1", "zoe.grepin@x.se", None)
    };
    for (first, last) in [("Zoe", "Grepin"), ("Grepin", "Zoe"), ("ZOE", "Gr\u{e9}pin")] {
        let summary = company([record.clone()], [zoe(first, last)]).summary();
        assert_eq!(summary, "1 create 1\nlooks_like 1\n", "{first} {last}");
    }
}

#[test]
fn a_person_may_decide_where_another_user_has_the_name_but_not_the_e_mail() {
    let married = || Employee { last_name: "Krok".into(), ..employee("1", "anna.krok2@x.se", None) };
    let users = || [user("a", Some("1"), ANNA, None), user("b", None, "anna.krok@x.se", None)];
    let asked = company([married()], users());
    assert_plan(&asked, &["identifier_reused 1"]);
    let told = asked.plan().content().diagnostics[0].message.clone();
    assert!(told.contains("--same-person 1") && told.contains("name of Anna Krok"), "{told}");
    let decided = asked.with(|company| company.policy.same_person = ["1".into()].into());
    assert!(decided.summary().starts_with("1 update 1 a"), "{}", decided.summary());
}

/// Three records with one number, of which one has the e-mail of a user whose number a bad record has.
#[test]
fn of_several_records_with_one_e_mail_the_order_does_not_matter() {
    let named = |nr: &str, email: &str| employee(nr, email, None);
    let anew = |order: [usize; 4]| {
        let records =
            [named("0", "p2.x@x.se"), named("0", "p0.x@x.se"), named("4", "p1.x@x.se"), named("0", "p1.x@x.se")];
        let users = [user("u0", Some("4"), "p1.x@x.se", None), user("u1", Some("5"), "p8.x@x.se", None)];
        let bad = bad_record(Some("4"), Some("p2.x@x.se"), Some(("P1", "X")));
        company(order.map(|at| records[at].clone()), users).aside(bad).plan().content().operations.clone()
    };
    let first = anew([0, 1, 2, 3]);
    for order in [[0, 1, 3, 2], [3, 2, 1, 0], [2, 3, 0, 1], [1, 3, 0, 2]] {
        assert_eq!(anew(order), first, "{order:?}");
    }
}
