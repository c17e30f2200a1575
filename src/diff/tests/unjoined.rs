//! People who would be created, and may be a user whom a record with a bad key names.

use super::company::{
    ANNA, BEN, CARLA, Company, assert_plan, bad_record, company, employee, origin, reactivating, user,
};
use crate::diff::{Protect, Remove};
use crate::employee::{Employee, Named, Outside, Stray, User};

/// Anna, who has no record that can be joined, is known by another number than in Skovik; a record says who she is.
fn anna_by_another_number(company: Company) -> Company {
    company.with(|company| {
        company.desired.unjoined = ["H1".into(), "2".into()].into();
        let record = bad_record(Some("1"), Some(ANNA), None);
        company.desired.strays.push(Stray { record, is_repeated: false, is_passed_over: false });
    })
}

#[test]
fn nobody_is_created_who_may_be_the_user_of_a_stray_record() {
    let base = || {
        let list = [employee("H1", CARLA, None), employee("2", BEN, None), employee("3", "eva.ek@example.com", None)];
        company(list, [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)])
    };
    let kept = ["1 create 3", "record_unjoined H1", "delete_withheld 1"];
    assert_plan(&anna_by_another_number(base()), &kept);
    let told = anna_by_another_number(base()).plan().content().diagnostics[0].message.clone();
    assert!(told.contains("names 1 Anna Berg <anna.berg@example.com>, who may be this person"), "{told}");
    let stays = anna_by_another_number(base()).with(|company| company.policy.remove = Remove::None);
    assert_plan(&stays, &["1 create 3", "record_unjoined H1"]);
    let protected = anna_by_another_number(base()).with(|company| company.policy.protect = Protect::new(&["a"]));
    assert_plan(&protected, &["1 create 3", "record_unjoined H1"]);
}

#[test]
fn a_stray_record_of_somebody_who_is_known_says_nothing_of_others() {
    let list = [employee("1", ANNA, None), employee("H1", CARLA, None)];
    assert_plan(&anna_by_another_number(company(list, [user("a", Some("1"), ANNA, None)])), &["1 create H1"]);
    assert_plan(&anna_by_another_number(company([employee("H1", CARLA, None)], [])), &["1 create H1"]);
}

#[test]
fn an_inactive_user_may_be_the_person_too() {
    let list = || vec![employee("H1", CARLA, None)];
    let inactive = || vec![user("z", Some("1"), ANNA, None)];
    assert_plan(&anna_by_another_number(reactivating(list(), vec![], inactive())), &["record_unjoined H1"]);
    let gone = reactivating(list(), vec![], inactive()).with(|company| company.policy.reactivate = false);
    assert_plan(&anna_by_another_number(gone), &["1 create H1"]);
}

#[test]
fn a_delete_says_that_a_later_source_names_the_user() {
    let users =
        || [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None), user("c", Some("3"), CARLA, None)];
    let named = |identifier: Option<&str>, email: Option<&str>| Named {
        identifier: identifier.map(Into::into),
        email: email.map(Into::into),
        name: None,
    };
    let base = company([employee("3", CARLA, None)], users()).with(|company| {
        company.desired.of_nobody =
            vec![named(Some("1"), None), named(None, Some("Carla.Vik@example.com")), named(Some("99"), None)];
    });
    assert_plan(&base, &["1 delete 1 a (in a later source only)", "2 delete 2 b (in no source)"]);
    let by_email = base.with(|company| company.desired.of_nobody = vec![named(None, Some(BEN))]);
    assert_plan(&by_email, &["1 delete 1 a (in no source)", "2 delete 2 b (in a later source only)"]);
}

/// A record of a later source has a wrong key, so that the first one alone says who Anna is: under a longer name and another
/// e-mail.
#[test]
fn a_newcomer_whom_a_record_of_nobody_may_be_of_is_told_of() {
    let named = |email: &str| vec![Named { identifier: None, email: Some(email.into()), name: None }];
    let longer = Employee { first_name: "Anna-Lena".into(), ..employee("1", "lena@home.example", None) };
    let of_user = User { first_name: "Anna Maria".into(), ..user("a", None, ANNA, None) };
    let base = company([longer], [of_user]).with(|company| {
        company.desired.unjoined = ["1".into()].into();
        company.desired.of_nobody = named(ANNA);
    });
    assert_plan(&base, &["1 create 1", "looks_like 1"]);
    let told = base.plan().content().diagnostics[0].message.clone();
    assert!(told.contains("names Anna Maria Berg") && told.contains("whose name is much the same"), "{told}");
    // Who is in that source, who has but one word of the name, and whom no such record names.
    let known = base.with(|company| company.desired.unjoined.clear());
    assert_plan(&known, &["1 create 1"]);
    let namesake = known.with(|company| {
        company.desired.unjoined = ["1".into()].into();
        company.directory.users[0].first_name = "Eva".into();
    });
    assert_plan(&namesake, &["1 create 1"]);
    let nobody = namesake.with(|company| {
        company.directory.users[0].first_name = "Anna Maria".into();
        company.desired.of_nobody = named(BEN);
    });
    assert_plan(&nobody, &["1 create 1"]);
}

/// Whoever is set aside only then keeps their user, too, in whatever way the number is written there.
#[test]
fn a_record_that_cannot_be_joined_keeps_the_user_whose_number_is_written_in_another_way() {
    for held in ["0H1", "h1", "H1\u{200b}"] {
        let users = [
            user("a", Some("1"), ANNA, None),
            user("b", Some("2"), BEN, None),
            user("c", Some(held), "zoe.ek@x.se", None),
        ];
        let list = [employee("H1", CARLA, None), employee("2", BEN, None), employee("3", "eva.ek@example.com", None)];
        let kept = anna_by_another_number(company(list, users));
        assert_eq!(kept.plan().content().summary.delete, 0, "{held}: {:?}", kept.plan().content().diagnostics);
        assert!(kept.plan().content().diagnostics.iter().any(|found| found.code == "record_unjoined"));
    }
}

/// Two halves of one record under two keys, one of which has the e-mail in another way of writing.
#[test]
fn halves_are_of_one_record_however_it_is_written() {
    let half = |email: &str| Outside {
        identifier: Some("17".into()),
        email: Some(email.into()),
        first_name: "Zoe".into(),
        last_name: "Ek".into(),
        origin: origin(),
        is_so_by_itself: false,
        lacks_a_row: true,
        may_have_half: true,
    };
    let plan_of = |held: &str, row: &str| {
        company([], [user("z", Some("17"), held, None)]).with(|company| {
            company.desired.out_of_scope.insert("17".into());
            company.desired.outside.push(half(BEN));
            company.desired.of_nobody = vec![Named { identifier: None, email: Some(row.into()), name: None }];
        })
    };
    let spelled = ["b\u{200b}en.holm@example.com", "ben.holm@example.com.", "b\u{435}n.holm@example.com"];
    for other in [BEN].into_iter().chain(spelled) {
        assert_plan(&plan_of(BEN, other), &["delete_withheld 17"]);
        assert_plan(&plan_of(other, BEN), &["delete_withheld 17"]);
    }
    assert_eq!(plan_of(BEN, ANNA).plan().content().summary.delete, 1);
}
