//! Who is never touched: entries, patterns, roles, admins by default, and always the last admin.

use super::company::{Company, employee, user};
use crate::diff::{Protect, Remove};
use crate::employee::User;
use crate::plan::{Action, Plan};

/// One user with a record, and users without one, with these roles; `None` for roles that are not told.
fn company(roles: &[Option<&[&str]>]) -> Company {
    let one = |(n, roles): (usize, &Option<&[&str]>)| User {
        roles: roles.map(|roles| roles.iter().map(|role| (*role).into()).collect()),
        ..user(&format!("u{n}"), Some(&format!("EXT-{n}")), &format!("P{n}.x@Consultant.example"), None)
    };
    let mut users: Vec<User> = roles.iter().enumerate().map(one).collect();
    let listed = User { roles: Some([].into()), ..user("z", Some("1"), "anna.berg@example.com", None) };
    users.push(listed);
    Company::new(vec![employee("1", "anna.berg@example.com", None)], users)
}

fn protecting(company: Company, protect: Protect) -> Plan {
    company.with(|company| company.policy.protect = protect).plan()
}

fn deleted(plan: &Plan) -> Vec<&str> {
    plan.content().operations.iter().filter_map(|operation| Some(operation.user_id()?.as_str())).collect()
}

fn codes(plan: &Plan) -> Vec<&str> {
    plan.content().diagnostics.iter().map(|found| found.code.as_str()).collect()
}

const NOBODY: Option<&[&str]> = Some(&["employee"]);
const ADMIN: Option<&[&str]> = Some(&["employee", "admin"]);

#[test]
fn a_pattern_protects_whomever_it_describes() {
    for (entry, left) in [
        ("*@consultant.example", 0),
        ("*@CONSULTANT.EXAMPLE", 0),
        ("p1.*@consultant.example", 1),
        ("EXT-*", 0),
        ("EXT-?", 0),
        ("ext-*", 2),
        ("u*", 0),
        ("*@consultants.example", 2),
    ] {
        let plan = protecting(company(&[NOBODY, NOBODY]), Protect::new(&[entry]));
        assert_eq!(deleted(&plan).len(), left, "{entry}");
        assert_eq!(codes(&plan).contains(&"protect_matches_nobody"), left == 2, "{entry}");
    }
}

#[test]
fn every_entry_that_protects_nobody_is_named_as_it_is_written() {
    let entries = ["Boss@Example.com", "*@consultants.example", "role:admn", "EXT-0", "role:Employee"];
    let plan = protecting(company(&[NOBODY, NOBODY]), Protect::new(&entries));
    let named: Vec<_> =
        plan.content().diagnostics.iter().filter(|found| found.code == "protect_matches_nobody").collect();
    let all = format!("{named:?}");
    assert_eq!(named.len(), 3, "{all}");
    for entry in &entries[..3] {
        assert!(all.contains(entry), "{entry}: {all}");
    }
}

#[test]
fn an_identifier_that_is_an_e_mail_is_protected_as_it_is_written() {
    let upn =
        company(&[NOBODY]).with(|company| company.directory.users[0].identifier = Some("Eva@Corp.example".into()));
    assert!(deleted(&protecting(upn, Protect::new(&["Eva@Corp.example"]))).is_empty());
}

#[test]
fn how_an_accent_is_encoded_does_not_matter() {
    let (composed, apart) = ("Jos\u{e9}", "Jose\u{301}");
    for (entry, held) in [(composed, apart), (apart, composed), (apart, apart)] {
        let jose = || {
            company(&[Some(&["employee", &format!("Chef {held}")])])
                .with(|company| company.directory.users[0].identifier = Some(format!("{held}-1").as_str().into()))
        };
        for entry in [format!("{entry}-1"), format!("{entry}*"), format!("{entry}-?"), format!("role:chef {entry}")] {
            let plan = protecting(jose(), Protect::new(&[&entry]));
            assert_eq!((deleted(&plan), codes(&plan)), (vec![], vec![]), "{entry:?} {held:?}");
        }
    }
}

#[test]
fn admins_are_protected_where_the_settings_say_nothing_and_roles_are_told() {
    let plan = protecting(company(&[NOBODY, ADMIN, Some(&["Admin"])]), Protect::of_admins());
    assert_eq!(deleted(&plan), ["u0"]);
    assert_eq!(codes(&plan), [""; 0]);
    // An account that tells no roles at all.
    let untold = company(&[None, None]).with(|company| company.directory.users[2].roles = None);
    let plan = protecting(untold, Protect::of_admins());
    assert_eq!((deleted(&plan).len(), codes(&plan)), (2, vec!["admins_not_told"]));
    // One that tells some: the others may be admins.
    let plan = protecting(company(&[None, ADMIN, NOBODY]), Protect::of_admins());
    assert_eq!((deleted(&plan), codes(&plan)), (vec!["u2"], vec!["roles_not_told"]));
    let plan = protecting(company(&[NOBODY]), Protect::of_admins());
    assert_eq!((deleted(&plan), codes(&plan)), (vec!["u0"], vec!["no_admin"]));
}

#[test]
fn the_last_admin_stays_whatever_is_set() {
    let all = |company: Company| company.with(|company| company.policy.remove = Remove::All);
    let plan = protecting(all(company(&[NOBODY, ADMIN])), Protect::default());
    assert_eq!((deleted(&plan), codes(&plan)), (vec!["u0"], vec!["delete_withheld"]));
    assert!(plan.content().diagnostics[0].message.contains("no user with the role admin would be left"));
    // If two admins would go, both stay.
    let plan = protecting(all(company(&[ADMIN, ADMIN])), Protect::new::<&str>(&[]));
    assert_eq!((deleted(&plan), codes(&plan)), (vec![], vec!["delete_withheld"; 2]));
    // If another admin stays, one may go.
    let listed = company(&[ADMIN]).with(|company| company.directory.users[1].roles = Some(["admin".into()].into()));
    let plan = protecting(listed, Protect::default());
    assert_eq!((deleted(&plan), codes(&plan)), (vec!["u0"], vec![]));
    assert_eq!(plan.content().operations[0].roles(), ["admin"]);
}

#[test]
fn roles_are_shown_without_the_one_that_everybody_has() {
    let roles: &[&str] = &["report manager", "employee", "exporter"];
    let plan = protecting(company(&[Some(roles), None]), Protect::default());
    let found: Vec<_> = plan
        .content()
        .operations
        .iter()
        .map(|operation| match &operation.action {
            Action::Delete { roles, .. } => roles.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [Some(vec!["exporter".to_owned(), "report manager".to_owned()]), None]);
}
