//! New people who have the name of a user without a record.

use super::company::{Company, bad_record, employee, moved, names, origin, user};
use crate::diff::{Protect, Remove};
use crate::employee::{Employee, ExternalIdentifier, Outside, User};
use crate::plan::{Diagnostic, NoPlan, Plan};

const ANNA: &str = "anna.berg@example.com";
const ANNA_NOW: &str = "anna.berg@new.example";

fn company(employees: impl Into<Vec<Employee>>, users: impl Into<Vec<User>>) -> Company {
    Company::new(employees.into(), users.into())
}

fn look_alikes(plan: &Plan) -> Vec<&Diagnostic> {
    plan.content().diagnostics.iter().filter(|found| found.code == "looks_like").collect()
}

fn with_new_number() -> Company {
    company([employee("2001", ANNA_NOW, None)], [user("a", Some("1001"), ANNA, None)])
}

#[test]
fn a_new_number_and_a_new_e_mail_under_the_same_name_are_remarked_on_both_sides() {
    let plan = with_new_number().plan();
    let found = look_alikes(&plan);
    let whom: Vec<_> = found.iter().map(|found| found.employee.as_deref()).collect();
    assert_eq!(whom, [Some("1001"), Some("2001")]);
    assert!(found[0].message.contains("1001 Anna Berg <anna.berg@example.com> would be deleted"), "{found:?}");
    for part in
        ["hr row", "1001 Anna Berg <anna.berg@example.com>, who would be deleted", "--same-person 2001", "leave it"]
    {
        assert!(found[1].message.contains(part), "{part}: {found:?}");
    }
}

#[test]
fn the_decision_makes_one_person_of_the_two() {
    let company = with_new_number().with(|company| company.policy.same_person = ["2001".into()].into());
    assert_eq!(
        company.summary().lines().collect::<Vec<_>>(),
        [
            "1 update 2001 a, external_identifier: 1001 → 2001, primary_email: anna.berg@example.com → anna.berg@new.example",
            "renumbered 2001",
        ]
    );
}

#[test]
fn users_without_an_identifier_are_look_alikes_and_can_be_decided_too() {
    let users = [user("a", None, ANNA, None)];
    let undecided = company([employee("2001", ANNA_NOW, None)], users);
    let plan = undecided.plan();
    assert_eq!(plan.content().summary.create, 1);
    assert!(look_alikes(&plan)[0].message.contains("user a, who is in no list"), "{:?}", look_alikes(&plan));
    let decided = undecided.with(|company| company.policy.same_person = ["2001".into()].into());
    assert_eq!((decided.plan().content().summary.create, decided.plan().content().summary.update), (0, 1));
}

#[test]
fn names_compare_as_a_reader_takes_them() {
    for (first, last, same) in [
        ("ANNA", "berg", true),
        ("Anna", " Berg  ", true),
        ("\u{ff21}nna", "Berg", true),
        ("Ann\u{200b}a", "Berg", true),
        ("Anna", "Bergh", false),
        ("", "Berg", false),
        ("Anna Berg", "", true),
        ("", "Berg, Anna", true),
    ] {
        let company = with_new_number().with(|company| {
            (company.directory.users[0].first_name, company.directory.users[0].last_name) = (first.into(), last.into());
        });
        let plan = company.plan();
        let found = look_alikes(&plan).into_iter().filter(|found| found.message.contains("has the same name as"));
        assert_eq!(found.count(), if same { 2 } else { 0 }, "{first} {last}");
    }
}

#[test]
fn a_user_whom_a_record_describes_is_nobody_else() {
    let described = company(
        [moved("2001", ANNA, "anna.b@new.example", None), employee("1001", ANNA, None)],
        [user("a", Some("1001"), ANNA, None)],
    );
    assert!(look_alikes(&described.plan()).is_empty());
    let badly = with_new_number().aside(bad_record(Some("1001"), None, Some(("Anna", "Berg"))));
    let plan = badly.plan();
    let told = look_alikes(&plan);
    assert!(told.iter().all(|found| found.message.contains("leave one of the two records out")), "{told:?}");
    let decided = badly.with(|company| company.policy.same_person = ["2001".into()].into());
    assert!(matches!(decided.try_plan(), Err(NoPlan::NothingToDecide(id)) if id.as_str() == "2001"));
}

/// A record that is set aside may be the user's own, by its e-mail alone.
#[test]
fn a_user_whom_a_record_that_is_set_aside_describes_is_nobody_else() {
    let zed = |nr: &str| Employee { first_name: "Zed".into(), last_name: "Nord".into(), ..employee(nr, ANNA, None) };
    let undecided = company([zed("900"), employee("901", ANNA_NOW, None)], [user("a", Some("100"), ANNA, None)]);
    let twice =
        company([zed("900"), zed("902"), employee("901", ANNA_NOW, None)], [user("a", Some("100"), ANNA, None)]);
    let badly = company([employee("901", ANNA_NOW, None)], [user("a", Some("100"), ANNA, None)]).aside(bad_record(
        None,
        Some(ANNA),
        Some(("Zed", "Nord")),
    ));
    for company in [undecided, twice, badly] {
        let decided = company.with(|company| company.policy.same_person = ["901".into()].into());
        assert!(matches!(decided.try_plan(), Err(NoPlan::NothingToDecide(id)) if id.as_str() == "901"));
    }
}

#[test]
fn whoever_stays_is_a_look_alike_too() {
    let kept = with_new_number().with(|company| company.policy.remove = Remove::None);
    assert_eq!(look_alikes(&kept.plan()).len(), 1);
    let protected = with_new_number().with(|company| company.policy.protect = Protect::new(&["1001"]));
    let plan = protected.plan();
    let found = look_alikes(&plan);
    assert!(found.len() == 1 && !found[0].message.contains("--same-person"), "{found:?}");
    assert!(found[0].message.contains("give that user the external identifier 2001 in Skovik"), "{found:?}");
    // A user of another configuration may have the same name.
    let elsewhere = |identifier| {
        company([employee("2001", ANNA_NOW, None)], [user("a", identifier, ANNA, None)]).with(|company| {
            company.policy.branches = Some(["se".into()].into());
            company.directory.users[0].branch = Some("no".into());
        })
    };
    assert_eq!(look_alikes(&elsewhere(Some("1001")).plan()).len(), 0);
    assert_eq!(look_alikes(&elsewhere(None).plan()).len(), 1);
}

#[test]
fn of_many_with_one_name_nobody_is_chosen_and_few_are_named() {
    let users: Vec<User> = (0..500)
        .map(|n| User {
            email: format!("a{n}@example.com").into(),
            ..user(&format!("u{n}"), Some(&n.to_string()), ANNA, None)
        })
        .collect();
    let employees: Vec<Employee> = (0..500)
        .map(|n| Employee { email: format!("b{n}@example.com").into(), ..employee(&format!("n{n}"), ANNA, None) })
        .collect();
    let many = company(employees, users);
    let plan = many.plan();
    let found = look_alikes(&plan);
    assert_eq!(found.len(), 1_000);
    assert!(found.iter().all(|found| found.message.contains("and 497 more") && found.message.len() < 700));
    let decided = many.with(|company| company.policy.same_person = ["n7".into()].into());
    assert!(matches!(decided.try_plan(), Err(NoPlan::NothingToDecide(id)) if id.as_str() == "n7"));
}

/// An identifier or e-mail that somebody wrote by hand into Skovik, of a woman who has another last name by now.
#[test]
fn what_is_written_in_another_way_may_be_the_same() {
    let made = |held: Option<&str>, email: &str, now: &str| {
        let zoe = User { email: email.into(), ..user("b", held, "zoe.berg@example.com", None) };
        company([employee("A17", now, None)], [zoe]).plan()
    };
    let (before, now) = ("zoe.berg@example.com", "anna.stark@example.com");
    for held in ["A17\u{200b}", "\u{ff21}\u{ff11}\u{ff17}", "a17", "0A17", "A17 ", "\u{410}17", "AI7", "Al7"] {
        let plan = made(Some(held), before, now);
        let found = look_alikes(&plan);
        assert!(matches!(&found[..], [one] if one.message.contains("but for zeros")), "{held:?}: {plan:?}");
    }
    for email in ["anna.st\u{200b}ark@example.com", "\u{ff41}nna.stark@example.com", "anna.stark@example.com."] {
        for held in [None, Some("B99")] {
            let plan = made(held, email, now);
            let found = look_alikes(&plan);
            assert!(matches!(&found[..], [one] if one.message.contains("but for zeros")), "{email:?}: {plan:?}");
        }
    }
    let plan = made(Some("A18"), before, now);
    assert!(look_alikes(&plan).is_empty(), "{plan:?}");
}

/// Not only whoever would be created: somebody who stays gets the e-mail of a leaver, or is found by the e-mail and gets the number.
#[test]
fn whoever_gets_what_a_leaver_has_in_another_way_may_be_the_leaver() {
    let told = |anna: User, zoe: User, now: &str| {
        let plan = company([moved("A17", ANNA, now, None)], [anna, zoe]).plan();
        let count = plan.content().summary;
        assert_eq!((count.update, count.delete), (1, 1), "{plan:?}");
        look_alikes(&plan).iter().filter(|found| found.message.contains("would get the identifier or")).count()
    };
    let zoe = |held: &str, email: &str| User { first_name: "Zoe".into(), ..user("b", Some(held), email, None) };
    for email in ["z\u{200b}oe@example.com", "\u{ff5a}oe@example.com", "zoe@example.com.", "z\u{43e}e@example.com"] {
        assert_eq!(told(user("a", Some("A17"), ANNA, None), zoe("B99", email), "zoe@example.com"), 1, "{email:?}");
    }
    for held in ["A17\u{200b}", "0A17", "a17", "\u{410}17"] {
        assert_eq!(told(user("a", None, ANNA, None), zoe(held, "zoe@example.com"), ANNA), 1, "{held:?}");
    }
    // What somebody has already is not compared.
    let anna = user("a", Some("A17"), "zoe@example.com", None);
    let renamed = User { first_name: "Ann".into(), ..anna };
    assert_eq!(told(renamed, zoe("B99", "zoe@example.com."), "zoe@example.com"), 0);
}

/// The list has everybody, and another settings file manages the other branch.
fn of_branch(branch: &str, employees: Vec<Employee>, elsewhere: Vec<Employee>, users: Vec<User>) -> Company {
    company(employees, users).with(|company| {
        company.policy.branches = Some([branch.into()].into());
        company.desired.elsewhere = elsewhere;
    })
}

#[test]
fn who_moves_to_the_branch_of_another_configuration_with_a_new_number_and_e_mail_is_told_of_by_both() {
    let (anna, ben) = (user("a", Some("1001"), ANNA, None), user("b", Some("2"), "ben.holm@example.com", None));
    let newcomer = Employee { branch: Some("no".into()), ..employee("2001", ANNA_NOW, None) };
    let stays = employee("2", "ben.holm@example.com", None);
    let old = of_branch("se", vec![stays.clone()], vec![newcomer.clone()], vec![anna.clone(), ben.clone()]);
    let plan = old.plan();
    let found = look_alikes(&plan);
    assert_eq!(found.iter().map(|found| found.employee.as_deref()).collect::<Vec<_>>(), [Some("1001")]);
    assert!(found[0].message.contains("the same name as 2001 Anna Berg"), "{found:?}");
    let new = of_branch("no", vec![newcomer.clone()], vec![stays.clone()], vec![anna.clone(), ben.clone()]);
    let plan = new.plan();
    let found = look_alikes(&plan);
    assert_eq!(found.iter().map(|found| found.employee.as_deref()).collect::<Vec<_>>(), [Some("2001")]);
    assert!(found[0].message.contains("who is in a branch that is not managed here"), "{found:?}");
    // Two people of one name, each with a record and a user.
    let there = User { branch: Some("no".into()), ..user("c", Some("2001"), ANNA_NOW, None) };
    let both = of_branch("se", vec![stays.clone()], vec![newcomer.clone()], vec![anna.clone(), ben.clone(), there]);
    assert!(look_alikes(&both.plan()).is_empty(), "{:?}", both.plan().content().diagnostics);
    let namesake = moved("1001", ANNA, "anna.b@example.com", None);
    let both = of_branch("no", vec![newcomer.clone()], vec![stays, namesake], vec![anna.clone(), ben.clone()]);
    assert!(look_alikes(&both.plan()).is_empty(), "{:?}", both.plan().content().diagnostics);
    // A list of one branch says nothing of the users of others.
    let own = of_branch("no", vec![newcomer], vec![], vec![anna, ben]);
    assert!(look_alikes(&own.plan()).is_empty(), "{:?}", own.plan().content().diagnostics);
}

#[test]
fn a_mailbox_at_another_domain_and_nearly_the_name_are_told_of() {
    let named = |first: &str, last: &str| {
        let named = |employee: Employee| Employee { first_name: first.into(), last_name: last.into(), ..employee };
        named(employee("2001", ANNA_NOW, None))
    };
    let told = |employee: Employee, user: User| {
        let plan = company([employee], [user]).plan();
        look_alikes(&plan).iter().map(|found| found.employee.clone()).collect::<Vec<_>>()
    };
    let both = [Some("1001".to_owned()), Some("2001".to_owned())];
    let new = [Some("2001".to_owned())];
    for (first, last) in [("Anna", "Berg-Ek"), ("Anna Maria", "Berg"), ("Ånna", "Berg Ek"), ("Anna", "Ek")] {
        assert_eq!(told(named(first, last), user("a", Some("1001"), ANNA, None)), both, "{first} {last}");
        assert_eq!(told(named(first, last), user("a", None, ANNA, None)), new, "{first} {last}");
    }
    let longer = User { last_name: "Berg-Ek".into(), ..user("a", Some("1001"), ANNA, None) };
    assert_eq!(told(named("Anna", "Berg"), longer), both);
    let romanised = Employee { first_name: "Ana".into(), last_name: "Bergh".into(), ..named("Ana", "Bergh") };
    assert_eq!(told(romanised, user("a", Some("1001"), ANNA, None)), both, "the mailbox has two words of the name");
    // Another person, or another mailbox.
    let short = |employee: Employee| Employee { email: "anna@new.example".into(), ..employee };
    let user_of = |email: &str| User { email: email.into(), ..user("a", Some("1001"), ANNA, None) };
    assert!(told(short(named("Anna", "Ek")), user_of("anna@example.com")).is_empty(), "a mailbox that says one word");
    // With another mailbox, one name must have all of the other, and not only one word.
    for (of_user, of_new, is_told) in [
        ("Anna Berg", "Anna Berg-Ek", true),
        ("Dr. Anna Berg", "Anna Berg", true),
        ("Anna Berg", "Anna K. Berg", true),
        ("Anna Berg (ext)", "Anna Berg", true),
        ("Anna Berg", "Anna Ek", false),
        ("Anna Berg Ek", "Anna Ek Holm", false),
        ("Anna", "Anna Berg", false),
    ] {
        let (first, last) = of_user.split_once(' ').unwrap_or(("", of_user));
        let names = User { first_name: first.into(), last_name: last.into(), ..user_of("aberg@example.com") };
        let (first, last) = of_new.split_once(' ').unwrap_or((of_new, ""));
        assert_eq!(!told(named(first, last), names).is_empty(), is_told, "{of_user}, {of_new}");
    }
}

/// The row of a former employment says the new name, too, while Skovik has the old one.
#[test]
fn whose_own_row_outside_the_scope_has_the_name_or_the_e_mail_of_a_newcomer_may_be_that_newcomer() {
    let (now, mail) = ("johanna.ek@example.com", "jek@new.example");
    let row = |identifier: &str, name: &str, email: &str| Outside {
        identifier: Some(identifier.into()),
        email: Some(email.into()),
        first_name: names(name).0.into(),
        last_name: names(name).1.into(),
        origin: origin(),
        is_so_by_itself: true,
        lacks_a_row: false,
        may_have_half: false,
    };
    let told = |rows: Vec<Outside>, pairs: Vec<[ExternalIdentifier; 2]>| {
        let plan = company([moved("2001", now, mail, None)], [user("a", Some("1001"), ANNA, None)])
            .with(|company| {
                company.desired.out_of_scope = rows.iter().filter_map(|row| row.identifier.clone()).collect();
                (company.desired.outside, company.desired.same_key) = (rows, pairs);
            })
            .plan();
        look_alikes(&plan).iter().map(|found| found.employee.clone()).collect::<Vec<_>>()
    };
    let both = [Some("1001".to_owned()), Some("2001".to_owned())];
    assert_eq!(told(vec![row("1001", now, now)], vec![]), both, "the name");
    assert_eq!(told(vec![row("01001", now, now)], vec![]), both, "the number is written in another way");
    assert_eq!(told(vec![row("1001", ANNA, mail)], vec![]), both, "the e-mail");
    assert_eq!(told(vec![row("1001", now, mail)], vec![["1001".into(), "2001".into()]]), both, "once");
    assert_eq!(told(vec![row("1001", ANNA, ANNA)], vec![["1001".into(), "2001".into()]]), both, "the key");
    for (rows, pairs) in [
        (vec![row("1001", ANNA, ANNA)], vec![]),
        (vec![row("1002", now, mail)], vec![]),
        (vec![row("1001", ANNA, ANNA)], vec![["1001".into(), "2002".into()], ["1002".into(), "2001".into()]]),
    ] {
        assert!(told(rows.clone(), pairs).is_empty(), "{rows:?}");
    }
}

/// A record with the number or the e-mail of a user that is somebody else's does not say who the user is.
#[test]
fn whose_number_or_e_mail_a_stranger_has_may_be_somebody_new() {
    let stranger = |nr: &str, email: &str| Employee {
        first_name: "Lars".into(),
        last_name: "Zorn".into(),
        ..moved(nr, "lars.zorn@example.com", email, None)
    };
    let ben = (user("b", Some("1002"), "ben.holm@example.com", None), employee("1002", "ben.holm@example.com", None));
    let nearly = Employee { last_name: "Berg-Ek".into(), ..employee("4699", ANNA_NOW, None) };
    let told = company(
        [stranger("1001", "lars.zorn@example.com"), nearly, ben.1.clone()],
        [user("a", Some("1001"), ANNA, None), ben.0.clone()],
    );
    let plan = told.plan();
    assert_eq!(look_alikes(&plan).len(), 1, "{:?}", plan.content().diagnostics);
    assert_eq!(look_alikes(&plan)[0].employee.as_deref(), Some("4699"));
    // The stranger has the number of a third one, and her e-mail.
    let anna = User { email: "sales@example.com".into(), ..user("a", Some("1001"), ANNA, None) };
    let third = user("z", Some("1021"), "eva.quist@example.com", None);
    let told =
        company([stranger("1021", "sales@example.com"), employee("4699", ANNA, None), ben.1], [anna, third, ben.0]);
    let plan = told.plan();
    assert_eq!(look_alikes(&plan).len(), 1, "{:?}", plan.content().diagnostics);
    assert!(look_alikes(&plan)[0].message.contains("give that user the external identifier 4699"), "{plan:?}");
}

#[test]
fn a_second_record_of_the_same_name_and_mailbox_is_told_of() {
    let own = || employee("1001", ANNA, None);
    let users = || [user("a", Some("1001"), ANNA, None)];
    let second = |email: &str| moved("2001", ANNA, email, None);
    let whom =
        |company: Company| look_alikes(&company.plan()).iter().map(|found| found.employee.clone()).collect::<Vec<_>>();
    let new = [Some("2001".to_owned())];
    assert_eq!(whom(company([own(), second(ANNA_NOW)], users())), new);
    assert_eq!(whom(company([second(ANNA_NOW), own()], users())), new);
    assert_eq!(whom(company([own(), second(ANNA_NOW)], [])).len(), 1, "both are new");
    let elsewhere = company([second(ANNA_NOW)], [user("a", Some("1001"), ANNA, None)])
        .with(|company| company.desired.elsewhere = vec![own()]);
    assert_eq!(whom(elsewhere), new);
    // Of a user whose record is bad, that record or the user tells.
    let name = Some(("Anna", "Berg"));
    for (email, name) in [(Some(ANNA), name), (None, name), (Some(ANNA), None), (None, None)] {
        let bad = company([second(ANNA_NOW)], users()).aside(bad_record(Some("1001"), email, name));
        assert_eq!(whom(bad), new, "{email:?} {name:?}");
    }
    assert_eq!(whom(company([second(ANNA_NOW)], []).aside(bad_record(None, Some(ANNA), name))), new);
    assert!(whom(company([own(), second("anna.berg2@new.example")], users())).is_empty(), "another mailbox");
    let other = Employee { first_name: "Eva".into(), ..second(ANNA_NOW) };
    assert!(whom(company([own(), other], users())).is_empty(), "another name");
}
