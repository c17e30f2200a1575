//! Inactive users who are made active again (`[target] reactivate`), and those who are not.

use super::company::{
    ANNA, BEN, CARLA, Company, assert_plan, bad_record, employee, moved, reactivating, refusal, user,
};
use crate::diff::{Protect, Renumber};
use crate::employee::{Employee, User};
use crate::plan::{Action, Change, ManagerRef, Plan, Value};

/// A plan that was written and read again.
fn read_again(company: &Company) -> Plan {
    let mut file = Vec::new();
    company.plan().write(&mut file).expect("written");
    Plan::read(&file).expect("a plan that can be read")
}

#[test]
fn whoever_matches_an_inactive_user_is_made_active_again() {
    let anna = || vec![employee("1", ANNA, None)];
    let inactive = |identifier: Option<&str>, email| vec![user("z", identifier, email, None)];
    let same = reactivating(anna(), vec![], inactive(Some("1"), ANNA));
    assert_plan(&same, &["1 reactivate 1 z, active: false → true"]);
    let summary = read_again(&same).content().summary;
    assert_eq!((summary.create, summary.update, summary.reactivate), (0, 0, 1));
    // By the identifier even with another e-mail, and with all that has changed since.
    let married = reactivating(anna(), vec![], inactive(Some("1"), "anna.holm@example.com"));
    assert_plan(
        &married,
        &["1 reactivate 1 z, active: false → true, primary_email: anna.holm@example.com → anna.berg@example.com, \
           last_name: Holm → Berg"],
    );
    read_again(&married);
    // By the e-mail, if the user has no identifier and such users are adopted.
    let adopted = reactivating(anna(), vec![], inactive(None, ANNA));
    assert_plan(&adopted, &["1 reactivate 1 z, active: false → true, external_identifier: - → 1", "adopted 1"]);
    read_again(&adopted);
    assert_plan(&adopted.with(|company| company.policy.adopt = false), &["email_of_inactive 1"]);
    // Not without the setting.
    assert_plan(&same.with(|company| company.policy.reactivate = false), &["email_of_inactive 1"]);
    assert_plan(&married.with(|company| company.policy.reactivate = false), &["1 create 1"]);
}

#[test]
fn a_new_person_with_the_name_of_an_inactive_user_is_remarked() {
    let newcomer = || vec![employee("2", ANNA, None)];
    let inactive = || vec![user("z", Some("1"), "anna.holm@example.com", None)];
    let mut namesake = user("z", Some("1"), "anna.old@example.com", None);
    namesake.last_name = newcomer()[0].last_name.clone();
    let company = reactivating(newcomer(), vec![], vec![namesake]);
    assert_plan(&company, &["1 create 2", "looks_like 2"]);
    let message = company.plan().content().diagnostics[0].message.clone();
    assert!(message.contains("who is inactive") && message.contains("external identifier 2"), "{message}");
    let company = company.with(|company| company.policy.branches = Some(["elsewhere".into()].into()));
    // Somebody in a branch that other settings manage, and somebody with another name, are no look-alikes.
    assert_plan(&company, &["1 create 2"]);
    let company = company.with(|company| (company.policy.branches, company.policy.reactivate) = (None, false));
    assert_plan(&company, &["1 create 2"]);
    assert_plan(&reactivating(newcomer(), vec![], inactive()), &["1 create 2"]);
}

#[test]
fn an_active_user_comes_before_an_inactive_one() {
    let users = vec![user("a", Some("1"), BEN, None)];
    let by_identifier =
        reactivating(vec![employee("1", BEN, None)], users, vec![user("z", Some("1"), "old@example.com", None)]);
    assert_plan(&by_identifier, &[]);
    let by_email = reactivating(
        vec![employee("1", ANNA, None)],
        vec![user("a", None, ANNA, None)],
        vec![user("z", None, ANNA, None)],
    );
    assert_plan(&by_email, &["1 update 1 a, external_identifier: - → 1", "adopted 1"]);
}

#[test]
fn another_identifier_is_another_person_unless_somebody_decides() {
    let base = || reactivating(vec![employee("1", ANNA, None)], vec![], vec![user("z", Some("9"), ANNA, None)]);
    assert_plan(&base(), &["email_of_inactive 1"]);
    let hint = &base().plan().content().diagnostics[0].message.clone();
    assert!(hint.contains("--same-person 1"), "{hint}");
    let renumbered = ["1 reactivate 1 z, active: false → true, external_identifier: 9 → 1", "renumbered 1"];
    let decided = base().with(|company| company.policy.same_person = ["1".into()].into());
    assert_plan(&decided, &renumbered);
    read_again(&decided);
    assert_plan(&base().with(|company| company.policy.renumber = Renumber::SamePerson), &renumbered);
    // The other identifier is that of somebody in the list, who comes back with the e-mail of now.
    let both = reactivating(
        vec![moved("1", CARLA, ANNA, None), moved("9", ANNA, BEN, None)],
        vec![],
        vec![user("z", Some("9"), ANNA, None)],
    );
    assert_plan(
        &both,
        &[
            "1 reactivate 9 z, active: false → true, primary_email: anna.berg@example.com → ben.holm@example.com",
            "email_of_inactive 1",
        ],
    );
}

#[test]
fn whoever_cannot_be_told_or_touched_is_set_aside() {
    let anna = || vec![employee("1", ANNA, None)];
    let twins = vec![user("y", Some("1"), ANNA, None), user("z", Some("1"), BEN, None)];
    let company = reactivating(anna(), vec![], twins);
    assert_plan(&company, &["inactive_kept 1"]);
    let said = company.plan().content().diagnostics[0].message.clone();
    assert!(said.contains("2 inactive users") && said.contains("(users y, z)"), "{said}");
    let same_email = vec![user("y", None, ANNA, None), user("z", None, ANNA, None)];
    assert_plan(&reactivating(anna(), vec![], same_email), &["inactive_kept 1"]);
    let one = |edit: fn(&mut Company)| reactivating(anna(), vec![], vec![user("z", Some("1"), ANNA, None)]).with(edit);
    assert_plan(&one(|company| company.policy.protect = Protect::new(&["z"])), &["inactive_kept 1"]);
    let elsewhere = one(|company| company.policy.branches = Some(["no".into()].into()));
    assert_plan(&elsewhere.with(|company| company.directory.inactive[0].branch = None), &["inactive_kept 1"]);
    // Admins are protected by default, and so is everybody who may be one.
    let admin = one(|company| {
        company.policy.protect = Protect::of_admins();
        company.directory.inactive[0].roles = Some(["admin".into()].into());
    });
    assert_plan(&admin, &["no_admin -", "inactive_kept 1"][1..]);
    let untold = one(|company| {
        company.policy.protect = Protect::of_admins();
        company.directory.inactive[0].roles = None;
        company.directory.users.push(user("a", Some("2"), BEN, None));
        company.directory.users[0].roles = Some(["admin".into()].into());
    });
    assert_plan(&untold, &["inactive_kept 1"]);
}

#[test]
fn roles_that_come_back_are_named() {
    let company = reactivating(vec![employee("1", ANNA, None)], vec![], vec![user("z", Some("1"), ANNA, None)])
        .with(|company| company.directory.inactive[0].roles = Some(["employee".into(), "admin".into()].into()));
    assert_plan(&company, &["1 reactivate 1 z, active: false → true", "roles_regained 1"]);
    let plan = read_again(&company);
    assert_eq!(plan.content().operations[0].roles(), ["admin"]);
    // A plan without the warning cannot be one that was made.
    let mut content = plan.content().clone();
    content.diagnostics.clear();
    let refused = refusal(content);
    assert!(refused.contains("roles_regained"), "{refused}");
}

/// An active user has the e-mail, and an inactive one the identifier: nobody can tell which of them the person is.
#[test]
fn nobody_gets_an_identifier_that_an_inactive_user_has() {
    for held in [None, Some("77")] {
        let inactive = vec![user("z", Some("1"), BEN, None)];
        let company = reactivating(vec![employee("1", ANNA, None)], vec![user("a", held, ANNA, None)], inactive)
            .with(|company| company.policy.renumber = Renumber::SamePerson);
        let summary = company.summary();
        assert!(
            summary.contains("inactive_kept 1") && !summary.contains("external_identifier:"),
            "{held:?}: {summary}"
        );
        assert!(!summary.contains("delete"), "{held:?}: {summary}");
    }
}

/// Whoever's roles are not told although others' are may get any role back, also if nobody protects admins.
#[test]
fn roles_that_are_not_told_and_come_back_are_named() {
    for tells in [true, false] {
        let staff = vec![user("a", Some("2"), BEN, None)];
        let employees = vec![employee("1", ANNA, None), employee("2", BEN, None)];
        let company = reactivating(employees, staff, vec![user("z", Some("1"), ANNA, None)]).with(|company| {
            company.directory.inactive[0].roles = None;
            company.directory.users[0].roles = tells.then(|| ["employee".into()].into());
        });
        let expected = ["1 reactivate 1 z, active: false → true", "roles_regained 1"];
        assert_plan(&company, &expected[..if tells { 2 } else { 1 }]);
    }
    // Also of a plan file, if it shows the roles of somebody else.
    let staff = vec![user("a", Some("2"), BEN, None)];
    let company = reactivating(vec![employee("1", ANNA, None)], staff, vec![user("z", Some("1"), ANNA, None)])
        .with(|company| company.directory.inactive[0].roles = None);
    assert_plan(
        &company,
        &["1 reactivate 1 z, active: false → true", "2 delete 2 a (in no source)", "roles_regained 1"],
    );
    let mut content = company.plan().content().clone();
    content.diagnostics.retain(|found| found.code != "roles_regained");
    let refused = refusal(content);
    assert!(refused.contains("gives roles back, but no diagnostic roles_regained"), "{refused}");
}

#[test]
fn a_report_comes_after_the_manager_who_comes_back() {
    let employees = vec![employee("1", ANNA, Some("2")), employee("2", BEN, None), employee("3", CARLA, Some("1"))];
    let inactive = vec![user("y", Some("1"), ANNA, Some("gone")), user("z", Some("2"), BEN, Some("gone"))];
    let company = reactivating(employees, vec![user("c", Some("3"), CARLA, None)], inactive);
    assert_plan(
        &company,
        &[
            "1 reactivate 2 z, active: false → true, manager: user gone → -",
            "2 reactivate 1 y, active: false → true, manager: user gone → user z after 1",
            "3 update 3 c, manager: - → user y after 2",
        ],
    );
    let plan = read_again(&company);
    // Nobody may be put under a manager who is inactive until later.
    let mut content = plan.content().clone();
    content.operations[2].depends_on.clear();
    let mut file = Vec::new();
    Plan::seal(content).expect("sealed").write(&mut file).expect("written");
    let refused = Plan::read(&file).expect_err("the order is wrong").to_string();
    assert!(refused.contains("inactive until later"), "{refused}");
    // Two who report to each other cannot be ordered: neither of them is there yet.
    let circle = vec![employee("1", ANNA, Some("2")), employee("2", BEN, Some("1"))];
    let inactive = vec![user("y", Some("1"), ANNA, None), user("z", Some("2"), BEN, None)];
    assert_plan(&reactivating(circle, vec![], inactive), &["cannot_be_ordered 1", "cannot_be_ordered 2"]);
}

#[test]
fn the_inactive_user_of_somebody_who_may_be_in_scope_is_given_to_nobody_else() {
    let company = reactivating(vec![employee("1", ANNA, None)], vec![], vec![user("z", Some("9"), ANNA, None)])
        .with(|company| company.policy.renumber = Renumber::SamePerson);
    let by_identifier = company.with(|company| company.desired.doubtful.push(bad_record(Some("9"), None, None)));
    assert_plan(&by_identifier, &["email_of_inactive 1"]);
    let by_email = by_identifier.with(|company| {
        company.desired.doubtful = vec![bad_record(Some("9"), Some(ANNA), None)];
        company.directory.inactive[0].identifier = None;
    });
    assert_plan(&by_email, &["email_claimed_twice 1"]);
}

#[test]
fn whoever_still_has_the_manager_who_comes_back_is_not_changed() {
    let employees = vec![employee("1", ANNA, None), employee("2", BEN, Some("1")), employee("3", CARLA, Some("1"))];
    let users = vec![user("b", Some("2"), BEN, Some("z")), user("c", Some("3"), CARLA, Some("y"))];
    let company = reactivating(employees, users, vec![user("z", Some("1"), ANNA, None)]);
    assert_plan(
        &company,
        &["1 reactivate 1 z, active: false → true", "2 update 3 c, manager: user y → user z after 1"],
    );
    let plan = read_again(&company);
    assert_eq!(plan.content().summary.unchanged, 1);
    // A plan that sets the manager whom they have, under another name, cannot be one that was made.
    let mut content = plan.content().clone();
    let Action::Update { changes, .. } = &mut content.operations[1].action else { panic!("an update") };
    let Change { before, after, field: _ } = &mut changes[0];
    let (Some(Value::Manager(ManagerRef::User(before))), Some(Value::Manager(ManagerRef::User(after)))) =
        (before, after)
    else {
        panic!("managers who exist")
    };
    before.user_id = after.user_id.clone();
    assert_ne!(before, after);
    let mut file = Vec::new();
    Plan::seal(content).expect("sealed").write(&mut file).expect("written");
    let refused = Plan::read(&file).expect_err("nothing changes").to_string();
    assert!(refused.contains("changes manager to what it is"), "{refused}");
}

#[test]
fn guards_count_them_as_created() {
    let numbers = 1..=6;
    let email = |n: u32| format!("p{n}.x@example.com");
    let employees: Vec<Employee> = numbers.clone().map(|n| employee(&n.to_string(), &email(n), None)).collect();
    let inactive: Vec<User> = numbers.map(|n| user(&format!("z{n}"), Some(&n.to_string()), &email(n), None)).collect();
    let company = reactivating(employees, vec![user("a", Some("9"), ANNA, None)], inactive)
        .with(|company| company.desired.employees.push(employee("9", ANNA, None)));
    let plan = read_again(&company);
    let blocking: Vec<(&str, u64)> = plan.blocking_guards().map(|guard| (guard.id.as_str(), guard.count)).collect();
    assert_eq!(blocking, [("max_create_percent", 6)]);
    assert!(plan.content().operations.iter().all(|operation| matches!(operation.action, Action::Update { .. })));
}
