//! The diagnostics about managers who cannot be found, and about managers who report to one another.

use super::company::{Company, bad_record, employee, refusal, user};
use crate::plan::Diagnostic;

/// People 1000, 1001 …, whose manager is written like this.
fn company(people: usize, manager: impl Fn(usize) -> Option<String>) -> Company {
    let person = |n: usize| {
        let email = format!("p{n}@example.com");
        employee(&(1000 + n).to_string(), &email, manager(n).as_deref())
    };
    Company::new((0..people).map(person).collect(), Vec::new())
}

fn warnings(company: &Company) -> Vec<Diagnostic> {
    company.plan().content().diagnostics.clone()
}

#[track_caller]
fn only_warning(company: &Company, employee: Option<&str>, parts: &[&str]) {
    let warnings = warnings(company);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(warning.employee.as_deref(), employee, "{}", warning.message);
    for part in parts {
        assert!(warning.message.contains(part), "{part}: {}", warning.message);
    }
}

#[test]
fn a_column_that_a_spreadsheet_has_changed_is_told_in_one_line_with_what_to_do() {
    let fraction = company(20, |n| (n > 0).then(|| format!("{}.0", 1000 + n / 10)));
    only_warning(
        &fraction,
        None,
        &[
            "the managers of 19 people cannot be found: \"1001.0\" (10 people), \"1000.0\" (9 people)",
            "each nearly matches somebody, except for the `.0` at the end: \"1000.0\" is not \"1000\"",
            "write `| regex_replace('[.]0+$', '')` in the template",
            "19 have none",
        ],
    );
    assert_eq!(fraction.try_plan().map(|plan| plan.content().summary.create).ok(), Some(20));
    let zeros = company(20, |n| (n > 0).then(|| "001000".to_owned()));
    only_warning(&zeros, None, &["\"001000\" (19 people)", "except for zeros at the beginning", "`| trim_start('0')`"]);
    let single = company(2, |n| (n == 1).then(|| " 1000".to_owned()));
    only_warning(&single, Some("1001"), &["but \"1000\" can, which differs in white space", "`| visible`"]);
}

#[test]
fn many_managers_who_are_nowhere_are_one_line() {
    let nowhere = company(206, |n| Some(format!("M{n}")));
    only_warning(
        &nowhere,
        None,
        &[
            "the managers of 206 people cannot be found",
            "\"M0\" (1 person)",
            "201 more",
            "neither in scope nor in Skovik",
            "206 have none",
        ],
    );
    let few = warnings(&company(3, |n| Some(format!("M{n}"))));
    assert_eq!(
        few.iter().map(|one| one.employee.as_deref()).collect::<Vec<_>>(),
        [Some("1000"), Some("1001"), Some("1002")]
    );
}

#[test]
fn the_true_reason_is_told() {
    let aside = company(2, |n| (n == 1).then(|| "77".to_owned())).aside(bad_record(Some("77"), None, None));
    let told = |company: &Company| {
        warnings(company)
            .iter()
            .find(|one| one.code == "manager_unresolved")
            .map(|one| one.message.clone())
            .unwrap_or_default()
    };
    assert!(told(&aside).contains("the record of the manager 77 was set aside; they have none"), "{}", told(&aside));
    let outside = company(2, |n| (n == 1).then(|| "77".to_owned())).with(|company| {
        company.desired.out_of_scope.insert("77".into());
    });
    assert!(told(&outside).contains("the manager 77 is outside [scope] include"), "{}", told(&outside));
    let elsewhere = company(2, |n| (n == 1).then(|| "77".to_owned())).with(|company| {
        company.desired.elsewhere.push(employee("77", "x@example.com", None));
    });
    assert!(told(&elsewhere).contains("outside [scope] branches"), "{}", told(&elsewhere));
    // A user of Skovik is found even if no record has the identifier.
    let user = company(2, |n| (n == 1).then(|| "77".to_owned()))
        .aside(bad_record(Some("77"), None, None))
        .with(|company| company.directory.users.push(user("u", Some("77"), "m@example.com", None)));
    assert_eq!(told(&user), "");
}

#[test]
fn managers_in_a_cycle_are_told_once() {
    let pair = company(4, |n| [Some("1001"), Some("1000"), Some("1000"), Some("1002")][n].map(str::to_owned));
    let message = "these report to one another in a cycle: 1000 P0 Berg → 1001 P1 Berg → 1000 P0 Berg";
    only_warning(&pair, None, &[message]);
    // A person who is their own manager is not reported as a cycle.
    only_warning(&company(1, |_| Some("1000".to_owned())), Some("1000"), &["named as their own manager"]);
    let long = company(1000, |n| Some((1000 + (n + 1) % 1000).to_string()));
    only_warning(&long, None, &["1000 P0 Berg → 1001 P1 Berg", "994 more → 1000 P0 Berg"]);
    let many = warnings(&company(40, |n| Some((1000 + (n ^ 1)).to_string())));
    assert_eq!(many.len(), 10);
    assert!(many.iter().any(|one| one.message.ends_with("10 more cycles are not shown")), "{many:?}");
    assert_eq!(warnings(&company(40, |n| n.checked_sub(1).map(|n| (1000 + n).to_string()))), []);
}

#[test]
fn an_email_beyond_ascii_is_warned_of_once() {
    let of = |emails: &[&str]| {
        let people = emails.iter().zip(1000..).map(|(email, n)| employee(&n.to_string(), email, None));
        Company::new(people.collect(), Vec::new())
    };
    only_warning(
        &of(&["\u{e5}sa.berg@x.se", "b@x.se"]),
        Some("1000"),
        &["1 e-mail has letters beyond ASCII", "`| ascii`"],
    );
    let many = of(&["\u{e5}1@x.se", "\u{e5}2@x.se", "\u{e5}3@x.se", "\u{e5}4@x.se", "\u{e5}5@x.se", "\u{e5}6@x.se"]);
    only_warning(&many, None, &["6 e-mails have letters beyond ASCII", "\u{e5}5@x.se, 1 more"]);
    assert_eq!(warnings(&of(&["a@x.se"])), []);
}

/// A plan file cannot leave out what `plan` always says of such an operation, nor say it of somebody else.
#[test]
fn a_plan_without_the_warning_of_its_operation_is_refused() {
    let created = Company::new(vec![employee("1000", "\u{e5}sa.berg@x.se", None)], Vec::new());
    let held = vec![user("u", Some("1000"), "asa.berg@x.se", None)];
    let changed = Company::new(vec![employee("1000", "\u{e5}sa.berg@x.se", None)], held);
    let linked = company(2, |n| Some((1001 - n).to_string()));
    for (company, code) in [(created, "email_not_ascii"), (changed, "email_not_ascii"), (linked, "manager_cycle")] {
        let content = company.plan().content().clone();
        assert!(content.diagnostics.iter().any(|found| found.code == code), "{:?}", content.diagnostics);
        for other in [None, Some("7".to_owned())] {
            let mut content = content.clone();
            content.diagnostics.retain_mut(|found| {
                found.employee.clone_from(&other);
                found.code != code || other.is_some()
            });
            content.diagnostics.sort_unstable();
            let refused = refusal(content);
            assert!(refused.contains(&format!("no diagnostic {code} says so")), "{refused}");
        }
    }
}
