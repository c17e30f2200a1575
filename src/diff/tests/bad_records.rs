//! Duplicates and bad records: who is set aside, and which deletes are withheld because of them.

use super::company::{ANNA, BEN, CARLA, Company, assert_plan, bad_record, company, employee, moved, user};
use crate::diff::{Remove, Renumber};
use crate::employee::{Employee, SetAside, Stray};
use crate::plan::NoPlan;

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
fn a_bad_record_withholds_the_delete_of_whoever_it_resembles() {
    let users = || [user("a", Some("1a"), ANNA, None), user("b", Some("2"), BEN, None)];
    for (identifier, email) in [
        (Some("1a\u{200b}"), None),
        (Some("1\u{ad}a"), None),
        (Some("1\u{a0}a"), None),
        (Some("1A"), Some("new@example.com")),
        (Some("\u{ff11}\u{ff41}"), None),
        (None, Some("anna.berg@exam\u{200b}ple.com")),
        (Some("7"), Some("Anna <anna.berg@example.com>")),
        (None, Some("mailto:Anna.Berg@example.com")),
        (None, Some("anna.berg @example.com")),
        (None, Some("new@example.com; anna.berg@example.com")),
    ] {
        let record = bad_record(identifier, email, Some(("New", "Name")));
        let aside = company([], users()).aside(record.clone());
        let code = format!("branch_unknown {}", identifier.unwrap_or("-"));
        assert_plan(&aside, &["1 delete 2 b (in no source)", &code, "delete_withheld 1a"]);
        let doubtful = company([], users()).with(|company| company.desired.doubtful.push(record));
        assert_plan(&doubtful, &["1 delete 2 b (in no source)", "delete_withheld 1a"]);
    }
    let other = company([], users()).aside(bad_record(Some("11"), Some("berg@example.com"), Some(("New", "Name"))));
    assert_plan(&other, &["1 delete 1a a (in no source)", "2 delete 2 b (in no source)", "branch_unknown 11"]);
}

#[test]
fn who_may_be_in_scope_is_not_deleted() {
    let users = [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
    let with = |identifier, email, name| {
        company([], users.clone()).with(|company| {
            company.desired.doubtful.push(bad_record(identifier, email, name));
            company.desired.out_of_scope = ["1".into(), "2".into()].into();
        })
    };
    let anna = ["1 delete 2 b (outside the scope)", "delete_withheld 1"];
    for doubtful in
        [with(Some("1"), None, None), with(Some("7"), Some(ANNA), None), with(None, None, Some(("Anna", "Berg")))]
    {
        assert_plan(&doubtful, &anna);
        assert_eq!(doubtful.plan().content().summary.set_aside, 0);
        let plan = doubtful.plan();
        let message = &plan.content().diagnostics[0].message;
        assert!(message.contains(" may be in scope: no branch has"), "{message}");
    }
    // It is known whose record it is, and this person has no user.
    let nobody = with(Some("7"), Some("new@example.com"), Some(("Anna", "Berg")));
    assert_plan(&nobody, &["1 delete 1 a (outside the scope)", "2 delete 2 b (outside the scope)"]);
    assert_plan(&with(None, None, None), &["delete_withheld 1", "delete_withheld 2"]);
    // A good record of the same person counts.
    let good = company([employee("1", ANNA, None)], [user("a", Some("1"), ANNA, None)])
        .with(|company| company.desired.doubtful.push(bad_record(Some("1"), Some(ANNA), None)));
    assert_plan(&good, &[]);
}

#[test]
fn no_record_may_be_bad_where_the_settings_say_so() {
    let company =
        company([], []).aside(bad_record(Some("1"), None, None)).with(|company| company.records_must_be_valid = true);
    assert!(matches!(company.try_plan(), Err(NoPlan::Invalid { count: 1, .. })));
}

/// Anna, user 5, whose record may be in scope, and whoever could be taken for her.
fn in_doubt(who: Employee, held: Option<&str>, record: SetAside) -> Company {
    company([who], [user("a", held, ANNA, None)]).with(|company| {
        company.desired.out_of_scope.extend(record.identifier.clone());
        company.desired.doubtful.push(record);
    })
}

#[test]
fn the_user_of_somebody_who_may_be_in_scope_is_given_to_nobody_else() {
    let anna = || bad_record(Some("5"), Some(ANNA), Some(("Anna", "Berg")));
    // By e-mail: as the same person, or as a user without an identifier.
    for held in [Some("5"), None] {
        let same = in_doubt(employee("21", ANNA, None), held, anna());
        let same = same.with(|company| company.policy.renumber = Renumber::SamePerson);
        assert_plan(&same, &["email_claimed_twice 21"]);
        assert!(same.plan().content().diagnostics[0].message.contains("which may be in scope: no branch"));
        let decided = same.with(|company| company.policy.same_person = ["21".into()].into());
        assert!(matches!(decided.try_plan(), Err(NoPlan::NothingToDecide(_))));
    }
    // By a decision about the name; by its identifier or its e-mail, the record is that user's.
    for record in [anna(), bad_record(Some("5"), None, None), bad_record(None, Some(ANNA), None)] {
        let newcomer = || in_doubt(employee("21", "anna.berg@new.example", None), Some("5"), record.clone());
        let decided = newcomer().with(|company| company.policy.same_person = ["21".into()].into());
        assert!(matches!(decided.try_plan(), Err(NoPlan::NothingToDecide(_))), "{record:?}");
        // Nobody is asked to decide so, but they may have two records.
        assert_plan(&newcomer(), &["1 create 21", "delete_withheld 5", "looks_like 21"]);
    }
    // The e-mail of the record, before it is known whether anybody has it.
    let other_email = in_doubt(employee("21", BEN, None), Some("5"), bad_record(Some("5"), Some(BEN), None));
    assert_plan(&other_email, &["email_claimed_twice 21", "delete_withheld 5"]);
}

#[test]
fn whoever_may_be_in_scope_does_not_stop_those_who_have_a_user() {
    let has_user = in_doubt(employee("21", ANNA, None), Some("21"), bad_record(Some("5"), Some(ANNA), None));
    assert_plan(&has_user, &[]);
    // A good record with its identifier is the record of that person.
    let good = in_doubt(employee("5", ANNA, None), Some("5"), bad_record(Some("5"), Some(BEN), None));
    assert_plan(&good, &[]);
    let with_ben = good.with(|company| company.desired.employees.push(employee("6", BEN, None)));
    assert_plan(&with_ben, &["1 create 6"]);
    // A manager who may be in scope is still the manager of their reports.
    let report = in_doubt(employee("21", BEN, Some("5")), Some("5"), bad_record(Some("5"), None, None));
    assert_plan(&report, &["1 create 21 manager: user a", "delete_withheld 5"]);
    let nobody = in_doubt(employee("21", BEN, Some("7")), Some("5"), bad_record(Some("7"), None, None));
    let plan = nobody.plan();
    let message = &plan.content().diagnostics[0].message;
    assert!(message.contains("outside") && !message.contains("branch"), "{message}");
}

#[test]
fn an_identifier_outside_the_scope_is_not_called_absent() {
    let undecided = |out_of_scope: &[&str]| {
        let company = company([employee("22", ANNA, None)], [user("a", Some("6"), ANNA, None)]).with(|company| {
            company.desired.out_of_scope = out_of_scope.iter().map(|identifier| (*identifier).into()).collect();
        });
        assert_plan(&company, &["renumbering_undecided 22"]);
        company.plan().content().diagnostics[0].message.clone()
    };
    let (absent, outside) = (undecided(&[]), undecided(&["6"]));
    assert!(absent.contains("whose identifier 6 is in no source"), "{absent}");
    assert!(outside.contains("6 has a record of their own, which [scope] include leaves out"), "{outside}");
    assert!(!outside.contains("in no source") && outside.contains("--same-person 22"), "{outside}");
}

/// A record of a later source of which it is not known whose it is can be that of somebody who stays.
#[test]
fn whom_a_stray_record_names_is_not_deleted() {
    let users = || [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
    let strays = |record: SetAside, is_repeated: bool| {
        company([], users()).aside(bad_record(None, None, Some(("Eva", "Ek")))).with(|company| {
            company.desired.strays.push(Stray { record, is_repeated, is_passed_over: false });
        })
    };
    for (identifier, email) in
        [(Some("1"), None), (None, Some(ANNA)), (Some("7"), Some(ANNA)), (Some("1\u{200b}"), None)]
    {
        let stray = strays(bad_record(identifier, email, None), false);
        assert_plan(&stray, &["1 delete 2 b (in no source)", "branch_unknown -", "delete_withheld 1"]);
    }
    // Who is surely out of scope leaves; but where a key is repeated, that may be said of a former record.
    for (is_repeated, anna) in [(false, "1 delete 1 a (outside the scope)"), (true, "delete_withheld 1")] {
        let out = strays(bad_record(Some("1"), None, None), is_repeated);
        let out = out.with(|company| company.desired.out_of_scope = ["1".into()].into());
        let ben = if is_repeated { "1 delete 2 b (in no source)" } else { "2 delete 2 b (in no source)" };
        let mut expected = vec![anna, ben, "branch_unknown -"];
        expected.sort_unstable();
        assert_plan(&out, &expected);
    }
}

#[test]
fn who_shares_a_name_with_a_record_that_tells_nobody_is_not_deleted() {
    let users = || [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
    for name in [("Anna", "Lind"), ("ANNA Maria", "Lind"), ("Eva", "Berg-Lind"), ("berg", "anna")] {
        let aside = company([], users()).aside(bad_record(None, None, Some(name)));
        assert_plan(&aside, &["1 delete 2 b (in no source)", "branch_unknown -", "delete_withheld 1"]);
        let doubtful =
            company([], users()).with(|company| company.desired.doubtful.push(bad_record(None, None, Some(name))));
        assert_plan(&doubtful, &["1 delete 2 b (in no source)", "delete_withheld 1"]);
    }
    // An identifier alone may be a new one of the same person.
    for email in [None, Some("#N/A"), Some("anna")] {
        let renumbered = company([], users()).aside(bad_record(Some("7"), email, Some(("Anna", "Lind"))));
        assert_plan(&renumbered, &["1 delete 2 b (in no source)", "branch_unknown 7", "delete_withheld 1"]);
    }
    // Who tells who they are is somebody else.
    let known = company([], users()).aside(bad_record(Some("7"), Some("new@example.com"), Some(("Anna", "Lind"))));
    assert_plan(&known, &["1 delete 1 a (in no source)", "2 delete 2 b (in no source)", "branch_unknown 7"]);
    // The number of somebody else tells nothing; that of a user with the name does.
    let of_ben = company([], users()).aside(bad_record(Some("2"), None, Some(("Anna", "Lind"))));
    assert_plan(&of_ben, &["branch_unknown 2", "delete_withheld 1"]);
    let own = company([], users()).aside(bad_record(Some("2"), None, Some(("Ben", "Berg"))));
    assert_plan(&own, &["1 delete 1 a (in no source)", "branch_unknown 2"]);
}

/// The number of somebody with another name is no less theirs if it is written in another way.
#[test]
fn a_bad_record_with_the_number_of_somebody_else_keeps_whoever_shares_a_name() {
    for held in ["2", "02", "2\u{200b}", "\u{ff12}"] {
        let users = [user("a", Some("1"), ANNA, None), user("b", Some(held), BEN, None)];
        let record = bad_record(Some("2"), Some("new@example.com"), Some(("Anna", "Lind")));
        let deletes = company([], users).aside(record).plan().content().summary.delete;
        assert_eq!(deletes, 0, "{held:?}");
    }
}

/// Two records with one identifier: that of one of them is a mistake, and the name tells whose record it is.
#[test]
fn a_rival_with_the_name_of_somebody_else_keeps_that_user() {
    let users = || [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)];
    let ben = employee("1", "new@example.com", None);
    let ben = Employee { first_name: users()[1].first_name.clone(), last_name: users()[1].last_name.clone(), ..ben };
    let rivals = company([employee("1", ANNA, None), ben], users());
    assert_plan(&rivals, &["identifier_claimed_twice 1", "identifier_claimed_twice 1", "delete_withheld 2"]);
}

/// Records that nothing is wrong with but that they are compared with others, or belong to another configuration.
#[test]
fn a_record_that_is_not_used_keeps_the_user_whose_number_is_written_in_another_way() {
    let zoe = || user("z", Some("017"), "zoe.ek@example.com", None);
    for number in ["17", "17.0", "0017", "\u{ff11}7"] {
        let rivals = ["18", number].map(|number| employee(number, "shop@example.com", None));
        let deletes = |company: &Company| company.plan().content().summary.delete;
        assert_eq!(deletes(&company(rivals, [zoe()])), 0, "{number:?}");
        let elsewhere = company([], [zoe()]).with(|company| {
            company.desired.elsewhere.push(employee(number, "zoe.ny@example.com", None));
        });
        assert_eq!(deletes(&elsewhere), 0, "{number:?}");
    }
    for (held, number) in [("E0017", "E17"), ("SE01-7", "se1-07")] {
        let record = bad_record(Some(number), None, None);
        let company = company([], [user("z", Some(held), "zoe.ek@example.com", None)]).aside(record);
        assert_eq!(company.plan().content().summary.delete, 0, "{held} {number}");
    }
}

/// An e-mail that somebody in another branch has in another way of writing keeps its user, unless the user's own record says that
/// they have left.
#[test]
fn an_email_in_another_branch_keeps_whoever_may_not_be_gone() {
    let zoe = user("z", Some("9"), "zoe.ek@example.com.", None);
    let given = company([], [zoe]).with(|company| {
        company.desired.elsewhere.push(moved("50", BEN, "zoe.ek@example.com", None));
    });
    assert_plan(&given, &["delete_withheld 9"]);
    let left = given.with(|company| {
        company.desired.out_of_scope.insert("9".into());
    });
    assert_eq!(left.plan().content().summary.delete, 1, "{:?}", left.plan());
}
