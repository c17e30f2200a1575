//! People who would get what an inactive user has, or what somebody gives up, in another spelling.

use super::company::{
    ANNA, BEN, CARLA, Company, assert_plan, bad_record, company, employee, moved, reactivating, user,
};
use crate::employee::{Employee, SetAside, User};

/// Other spellings of `A17`.
const NUMBERS: [&str; 6] = ["a17", "0A17", "A17\u{200b}", "\u{410}17", "\u{ff21}17", "A 17"];
/// Other spellings of the e-mail of Ben.
const EMAILS: [&str; 4] = [
    "b\u{200b}en.holm@example.com",
    "\u{ff42}en.holm@example.com",
    "ben.holm@example.com.",
    "b\u{435}n.holm@example.com",
];

/// A user who has this identifier and this e-mail, and the name of nobody else.
fn stranger(id: &str, identifier: Option<&str>, email: &str) -> User {
    User { first_name: "Ulf".into(), last_name: "Ek".into(), ..user(id, identifier, email, None) }
}

/// The messages of the remarks about a spelling, each with its person.
fn told(company: &Company) -> Vec<(String, String)> {
    let plan = company.plan();
    let found = plan.content().diagnostics.iter().filter(|found| found.message.contains("but for zeros"));
    found
        .map(|found| {
            assert_eq!(found.code, "looks_like");
            (found.employee.clone().unwrap_or_default(), found.message.clone())
        })
        .collect()
}

#[track_caller]
fn is_told(company: &Company, who: &str, parts: &[&str]) {
    let found = told(company);
    let [(employee, message)] = &found[..] else { panic!("{found:?}\n{}", company.summary()) };
    assert_eq!(employee, who);
    parts.iter().for_each(|part| assert!(message.contains(part), "{part}: {message}"));
}

fn ben() -> Employee {
    employee("A17", BEN, None)
}

#[test]
fn a_new_person_may_be_an_inactive_user_in_another_spelling() {
    let created = |held: Option<&str>, email| reactivating(vec![ben()], vec![], vec![stranger("z", held, email)]);
    for held in NUMBERS {
        is_told(&created(Some(held), ANNA), "A17", &["would be created", "Ulf Ek", "who is inactive", "in one way"]);
    }
    for email in EMAILS {
        for held in [None, Some("B9")] {
            is_told(&created(held, email), "A17", &["would be created", "who is inactive"]);
        }
    }
    assert_plan(&created(Some("A18"), ANNA), &["1 create A17"]);
    // In whatever branch.
    let elsewhere = |held, email| {
        created(held, email).with(|company| {
            company.directory.inactive[0].branch = Some("no".into());
            company.policy.branches = Some(["se".into()].into());
        })
    };
    is_told(&elsewhere(Some("a17"), ANNA), "A17", &["who is inactive"]);
    is_told(&elsewhere(Some("B9"), EMAILS[0]), "A17", &["who is inactive"]);
    // Without the setting, inactive users only keep their e-mails.
    let kept = |held, email| created(held, email).with(|company| company.policy.reactivate = false);
    assert_eq!(told(&kept(Some("a17"), ANNA)), []);
    for email in EMAILS {
        is_told(&kept(Some("a17"), email), "A17", &["who is inactive"]);
    }
}

#[test]
fn whoever_has_a_user_may_be_an_inactive_one_in_another_spelling() {
    for held in NUMBERS {
        let twin = || stranger("z", Some(held), ANNA);
        let back = reactivating(vec![ben()], vec![], vec![user("y", Some("A17"), BEN, None), twin()]);
        is_told(&back, "A17", &["would be made active again", "Ulf Ek", "who is inactive"]);
        let by_email = reactivating(vec![ben()], vec![], vec![user("y", None, BEN, None), twin()]);
        is_told(&by_email, "A17", &["would be made active again", "Ulf Ek"]);
        let adopted = reactivating(vec![ben()], vec![user("a", None, BEN, None)], vec![twin()]);
        is_told(&adopted, "A17", &["would get", "Ulf Ek"]);
        // Whoever has the number already gets nothing.
        let same = reactivating(vec![ben()], vec![user("a", Some("A17"), BEN, None)], vec![twin()]);
        assert_plan(&same, &[]);
    }
    for email in EMAILS {
        let known = vec![user("a", Some("A17"), CARLA, None)];
        let changed = reactivating(vec![moved("A17", CARLA, BEN, None)], known, vec![stranger("z", Some("B9"), email)]);
        is_told(&changed, "A17", &["would get", "Ulf Ek", "who is inactive"]);
        is_told(&changed.with(|company| company.policy.reactivate = false), "A17", &["would get"]);
    }
}

/// Somebody who comes back with another e-mail keeps the former one from others, as if it were spelled in the same way.
#[test]
fn whoever_comes_back_is_nobody_else_unless_with_another_value() {
    let back = |now: &str, email: &str| {
        let inactive = vec![user("z", Some("B9"), email, None)];
        reactivating(vec![ben(), moved("B9", email, now, None)], vec![], inactive)
    };
    for email in EMAILS {
        let again = ["would be created", "would be made active again with another one", "mixed up"];
        is_told(&back(ANNA, email), "A17", &again);
    }
    // Of the two records that have one e-mail in two ways, and not of the inactive user.
    let both = told(&back(EMAILS[3], EMAILS[3]));
    let [(_, one), (_, other)] = &both[..] else { panic!("{both:?}") };
    assert!(one.contains("would be created and has the identifier or the e-mail of B9"), "{one}");
    assert!(other.contains("would be made active again and has the identifier or the e-mail of A17"), "{other}");
    // Both numbers are in the list, so that they are two people.
    let both = vec![ben(), employee("a17", ANNA, None)];
    let both = reactivating(both, vec![], vec![user("z", Some("a17"), ANNA, None)]);
    assert_plan(&both, &["1 create A17", "2 reactivate a17 z, active: false → true"]);
    // One's own value in another spelling is corrected.
    for email in EMAILS {
        let own =
            reactivating(vec![ben()], vec![], vec![User { email: email.into(), ..user("z", Some("A17"), BEN, None) }]);
        assert_eq!(told(&own), []);
    }
}

#[test]
fn an_e_mail_that_somebody_gives_up_may_be_a_mix_up_in_another_spelling() {
    for email in EMAILS {
        let ulf = || User { email: email.into(), ..user("a", Some("1"), ANNA, None) };
        let ulf_now = || moved("1", ANNA, "ulf.ek@example.com", None);
        let taken = company([ulf_now(), moved("A17", CARLA, BEN, None)], [ulf(), user("b", Some("A17"), CARLA, None)]);
        is_told(
            &taken,
            "A17",
            &["would get the identifier or the e-mail of 1 ", "who would get another one", "mixed up"],
        );
        is_told(&company([ulf_now(), ben()], [ulf()]), "A17", &["would be created", "who would get another one"]);
        let gone = User { email: CARLA.into(), ..user("z", Some("A17"), BEN, None) };
        let back = reactivating(vec![ulf_now(), ben()], vec![ulf()], vec![gone]);
        is_told(&back, "A17", &["would be made active again", "who would get another one"]);
        // One's own in another spelling.
        let own = company([ben()], [User { email: email.into(), ..user("a", Some("A17"), BEN, None) }]);
        assert_eq!(told(&own), []);
    }
    // One and the same e-mail is told of once.
    let same = company(
        [moved("1", BEN, "ulf.ek@example.com", None), moved("A17", CARLA, BEN, None)],
        [user("a", Some("1"), BEN, None), user("b", Some("A17"), CARLA, None)],
    );
    assert_eq!(told(&same), []);
    let remarks = same.plan().content().diagnostics.iter().filter(|found| found.code == "looks_like").count();
    assert_eq!(remarks, 1);
}

/// Of several users with one spelling, one's own does not hide another.
#[test]
fn ones_own_user_hides_nobody() {
    let twins = || (0..5).map(|n| stranger(&format!("y{n}"), Some(NUMBERS[n]), &format!("u{n}.ek@example.com")));
    for id in ["a", "z"] {
        let inactive = twins().chain([user(id, Some("A17"), BEN, None)]).collect::<Vec<_>>();
        let back = reactivating(vec![ben()], vec![], inactive);
        is_told(&back, "A17", &["would be made active again", "Ulf Ek"]);
    }
}

/// A user whom other settings manage is not compared by name, but what is written in another way is theirs all the same.
#[test]
fn a_user_of_another_branch_has_what_they_have() {
    let other = |held: &str, email: &str| {
        let user = User { branch: Some("no".into()), ..stranger("a", Some(held), email) };
        company([ben()], [user]).with(|company| company.policy.branches = Some(["se".into()].into()))
    };
    for held in NUMBERS {
        is_told(&other(held, ANNA), "A17", &["would be created", "Ulf Ek", "in a branch that is not managed here"]);
        // Both numbers are in the list.
        let both = other(held, ANNA).with(|company| company.desired.elsewhere.push(employee(held, ANNA, None)));
        assert_eq!(told(&both), []);
    }
    for email in EMAILS {
        is_told(&other("B9", email), "A17", &["would be created", "in a branch that is not managed here"]);
    }
    assert_plan(&other("B9", ANNA), &["1 create A17"]);
}

/// A bad record of somebody else keeps a user, and hides nothing.
#[test]
fn a_user_whom_a_bad_record_keeps_has_what_they_have() {
    let kept = |held: &str, identifier: &str| {
        company([ben()], [stranger("a", Some(held), ANNA)]).aside(bad_record(Some(identifier), Some(ANNA), None))
    };
    for held in NUMBERS {
        is_told(&kept(held, "E1"), "A17", &["would be created", "Ulf Ek", "stays as they are"]);
        // Both numbers are in the list, and the name under one of them is not known.
        is_told(&kept(held, held), "A17", &["would be created", "which cannot be used"]);
    }
    for email in EMAILS {
        let own = company([ben()], [stranger("a", Some("B9"), email)]).aside(bad_record(Some("B9"), None, None));
        is_told(&own, "A17", &["would be created", "stays as they are"]);
    }
}

/// Two lists write the number of one person in two ways.
#[test]
fn two_records_of_one_person_are_told_of() {
    let twin = |held: &str, email: &str| Employee { identifier: held.into(), email: email.into(), ..ben() };
    for held in ["a17", "0A17", "\u{410}17", "\u{ff21}17"] {
        let both = company([ben(), twin(held, "b.holm@example.com")], []);
        assert_eq!(told(&both).len(), 2, "{}", both.summary());
        // One of them has a user already.
        let one = company([ben(), twin(held, "b.holm@example.com")], [user("a", Some("A17"), BEN, None)]);
        is_told(&one, held, &["would be created and has the identifier or the e-mail of A17 Ben Holm"]);
        // Two companies may count from one number on.
        let namesakes = company([ben(), employee(held, ANNA, None)], []);
        assert_eq!(told(&namesakes), []);
    }
    // An address with characters that nobody sees is refused anyway.
    let other = Employee { email: EMAILS[3].into(), ..employee("B9", ANNA, None) };
    let both = company([ben(), other], []);
    assert_eq!(told(&both).len(), 2, "{}", both.summary());
    // Letters that everybody can type are other ones, unless the name is the same.
    let ema = |name: &str| Employee {
        email: "bem.holm@example.com".into(),
        first_name: name.into(),
        ..employee("B9", ANNA, None)
    };
    let bern = || Employee { email: "bern.holm@example.com".into(), ..ben() };
    assert_eq!(told(&company([bern(), Employee { last_name: "Holm".into(), ..ema("Ben") }], [])).len(), 2);
    assert_eq!(told(&company([bern(), ema("Ema")], [])), []);
    // Both have their users already.
    let second = User { email: "b.holm@example.com".into(), ..user("b", Some("a17"), BEN, None) };
    let users = [user("a", Some("A17"), BEN, None), second];
    assert_plan(&company([ben(), twin("a17", "b.holm@example.com")], users), &[]);
}

/// So are a good record and a bad one, one that may be in scope, or one of a branch that is not managed.
#[test]
fn a_record_beside_a_bad_one_of_the_same_person_is_told_of() {
    let new = |held: &str| Employee { identifier: held.into(), email: "b.holm@example.com".into(), ..ben() };
    let ben_holm = Some(("Ben", "Holm"));
    for held in ["a17", "0A17", "\u{410}17", "\u{ff21}17"] {
        for users in [vec![], vec![user("a", Some("A17"), BEN, None)]] {
            let beside = |record: SetAside| company([new(held)], users.clone()).aside(record);
            let message = ["would be created", "Ben Holm (hr row 2), which cannot be used"];
            is_told(&beside(bad_record(Some("A17"), None, ben_holm)), held, &message);
            is_told(&beside(bad_record(Some("A17"), Some(BEN), ben_holm)), held, &message);
            // Half a name does not tell that it is somebody else.
            is_told(&beside(bad_record(Some("A17"), Some(BEN), Some(("", "Holm")))), held, &["would be created"]);
            assert_eq!(told(&beside(bad_record(Some("A17"), Some(BEN), Some(("Ulf", "Ek"))))), []);
            let doubtful = company([new(held)], users.clone())
                .with(|company| company.desired.doubtful.push(bad_record(Some("A17"), Some(BEN), ben_holm)));
            is_told(&doubtful, held, &["would be created"]);
            let elsewhere = company([new(held)], users.clone()).with(|company| company.desired.elsewhere.push(ben()));
            is_told(&elsewhere, held, &["would be created and has the identifier or the e-mail of A17 Ben Holm"]);
        }
    }
    for email in EMAILS {
        let beside = company([ben()], []).aside(bad_record(Some("B9"), Some(email), Some(("Ulf", "Ek"))));
        is_told(&beside, "A17", &["would be created"]);
    }
    // Whoever is made active again beside a user of their own.
    let back = reactivating(
        vec![ben(), new("a17")],
        vec![user("a", Some("A17"), BEN, None)],
        vec![User { email: CARLA.into(), ..user("z", Some("a17"), BEN, None) }],
    );
    is_told(&back, "a17", &["would be made active again and has the identifier or the e-mail of A17 Ben Holm"]);
}

/// So is the name of somebody who comes back with another one.
#[test]
fn a_name_that_an_inactive_user_gives_up_is_told_of() {
    let back = |last: &str| Employee { last_name: last.into(), ..employee("B9", BEN, None) };
    let new = Employee { email: ANNA.into(), ..ben() };
    let both = |last| reactivating(vec![back(last), new.clone()], vec![], vec![user("z", Some("B9"), BEN, None)]);
    let remarks = |company: &Company| -> Vec<_> {
        let found = company.plan().content().diagnostics.clone().into_iter();
        found.filter(|found| found.code == "looks_like").map(|found| (found.employee, found.message)).collect()
    };
    let found = remarks(&both("Ek"));
    let [(employee, message)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(employee.as_deref(), Some("A17"));
    assert!(message.contains("would get the name of B9 Ben Holm") && message.contains("mixed up"), "{message}");
    // Only written in another way.
    assert_eq!(remarks(&reactivating(vec![back("H\u{f6}lm")], vec![], vec![user("z", Some("B9"), ANNA, None)])), []);
}
