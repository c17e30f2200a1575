//! Who may be deleted, and which branches are managed.

use super::company::{ANNA, BEN, Company, assert_plan, company, employee, moved, user};
use crate::diff::Remove;
use crate::employee::{Employee, User};

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
    let not_changed = base(vec![moved("1", ANNA, BEN, None)], vec![in_norway(user("a", Some("1"), ANNA, None))]);
    assert_plan(&not_changed, &["outside_branches 1"]);
    let not_adopted = base(vec![employee("1", ANNA, None)], vec![in_norway(user("a", None, ANNA, None))]);
    assert_plan(&not_adopted, &["email_taken 1"]);
    let moves_out = base(vec![], vec![user("a", Some("1"), ANNA, None)])
        .with(|company| company.desired.elsewhere.push(employee("1", ANNA, None)));
    assert_plan(&moves_out, &["moves_out_of_branches 1"]);
}

#[test]
fn whoever_becomes_inactive_keeps_the_email() {
    // Ben should get the e-mail of Anna, who is deleted.
    let base =
        || company([moved("2", BEN, ANNA, None)], [user("a", Some("1"), ANNA, None), user("b", Some("2"), BEN, None)]);
    let becomes_anna = "2 update 2 b, primary_email: ben.holm@example.com → anna.berg@example.com after 1";
    assert_plan(&base(), &["1 delete 1 a (in no source)", becomes_anna, "looks_like 2"]);
    let kept = base().with(|company| company.policy.leavers_keep_emails = true);
    // Their e-mail may be in a row of their own, under Ben's number.
    assert_plan(&kept, &["email_taken 2", "delete_withheld 1"]);
}

#[test]
fn the_inactive_keep_their_emails() {
    let base = |users: Vec<User>| {
        Company::new(vec![moved("2", BEN, ANNA, None)], users)
            .with(|company| company.directory.inactive = vec![user("z", Some("1"), ANNA, None)])
    };
    assert_plan(&base(vec![]), &["email_of_inactive 2"]);
    assert_plan(&base(vec![user("b", Some("2"), BEN, None)]), &["email_of_inactive 2"]);
    // A user who has the e-mail already keeps it.
    let has_it = User { first_name: "Ben".into(), last_name: "Holm".into(), ..user("b", Some("2"), ANNA, None) };
    assert_plan(&base(vec![has_it]), &[]);
}
