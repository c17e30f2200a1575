//! Keys that are no column, and records whose key cannot be used.

use super::repeated::{Company, EMPLOYEE};
use super::*;

/// Two lists, of which the second one decides who is in scope.
pub(super) fn judged_by_ad(hr: &str, ad: &str, kinds: [&str; 2], include: &str) -> Company {
    let sources = source("hr", kinds[0], "hr", "id") + &source("ad", kinds[1], "ad", "id");
    let employee = EMPLOYEE.replace("{{ hr.id }}", "{{ hr.no }}");
    Company::new(&sources, &[("hr", hr), ("ad", ad)], &format!("{employee}[scope]\ninclude = \"{include}\"\n"))
}

/// Conditions that are false for people without a record in `ad`.
const TOLERANT: [&str; 5] = [
    "ad.on is defined",
    "ad.on | default('') == 'true'",
    "ad.on is defined and ad.on == 'true'",
    "ad['o' ~ 'n'] is defined",
    "hr.status == 'active' and ad.on is defined",
];

#[test]
fn a_record_that_joins_nothing_is_not_out_of_scope_by_another_list() {
    let list =
        "id,no,status,title,mail\n1\u{200b}7,1,active,cook,a@x.se\n,2,active,guard,b@x.se\n3,3,active,nurse,c@x.se\n";
    for include in TOLERANT {
        let company = judged_by_ad(list, "id,on\n17,true\n2,true\n", ["csv", "csv"], include);
        let told: Vec<_> = company.aside().into_iter().map(|(row, code, _)| (row, code)).collect();
        assert_eq!(told, [(2, "key_unreadable"), (3, "key_missing")], "{include}");
        assert_eq!(company.desired().out_of_scope, ["3".into()].into(), "{include}");
        assert!(company.desired().doubtful.is_empty());
    }
    // What the first list says alone still counts.
    let left = list.replace("active", "left");
    let company = judged_by_ad(&left, "id,on\n17,true\n", ["csv", "csv"], TOLERANT[4]);
    assert_eq!((company.aside().len(), company.desired().out_of_scope.len()), (0, 3));
    // Of a record that is no object nothing is known.
    let list = r#"[null, {"id": "2", "no": "2", "status": "active", "title": "guard", "mail": "b@x.se"}]"#;
    for include in TOLERANT {
        let company = judged_by_ad(list, "id,on\n2,true\n", ["json", "csv"], include);
        assert_eq!(company.good(), ["guard 2"], "{include}");
        assert_eq!((company.aside()[0].0, company.aside().len()), (1, 1), "{include}");
    }
}

#[test]
fn a_record_that_cannot_be_joined_may_be_that_of_whoever_has_none() {
    let hr = "id,no,status,title,mail\n1,1,active,cook,a@x.se\n2,2,active,guard,b@x.se\n3,3,left,nurse,c@x.se\n";
    let good = r#"{"id": "2", "on": "true"}"#;
    for (bad, problem) in [
        ("null", "is null, not an object"),
        (r#"{"id": "1\u200b", "on": "true"}"#, "U+200B"),
        (r#"{"id": ["1"], "on": "true"}"#, "a list or an object"),
        (r##"{"id": "#N/A", "on": "true"}"##, "an error of a spreadsheet"),
    ] {
        for include in TOLERANT {
            let company = judged_by_ad(hr, &format!("[{bad}, {good}]"), ["csv", "json"], include);
            assert_eq!((company.good(), company.aside()), (vec!["guard 3".to_owned()], vec![]), "{bad} {include}");
            let doubtful = &company.desired().doubtful;
            let is_told = |id: &str| doubtful.iter().any(|record| record.identifier == Some(id.into()));
            assert!(is_told("1") && is_told("3") != include.starts_with("hr.status"), "{bad} {include}: {doubtful:?}");
            let reason = &doubtful[0].reason;
            assert!(reason.contains("1 record has a key that cannot be used; row 1: "), "{reason}");
            assert!(reason.contains(problem), "{reason}");
            assert_eq!(company.desired().in_scope, 1, "{bad} {include}");
        }
    }
    // Rows without any key, such as those of service accounts, are nobody's, and other sources do not matter.
    let company = judged_by_ad(hr, &format!(r#"[{{"id": "", "on": "true"}}, {good}]"#), ["csv", "json"], TOLERANT[0]);
    assert!(company.desired().doubtful.is_empty() && company.desired().out_of_scope.len() == 2);
    let company = judged_by_ad(hr, &format!("[null, {good}]"), ["csv", "json"], "hr.status == 'active'");
    assert!(company.desired().doubtful.is_empty() && company.good().len() == 2);
}

#[test]
fn an_error_of_a_spreadsheet_is_no_key() {
    let hr = "id,more,no,title,mail\n#N/A,x,1,cook,a@x.se\n2,#REF!,2,guard,b@x.se\n3,x,3,nurse,c@x.se\n";
    let ad = "id,more,mail\n#N/A,x,stranger@x.se\n3,x,nurse@x.se\n2,#REF!,other@x.se\n";
    let employee = EMPLOYEE.replace("{{ hr.id }}", "{{ hr.no }}").replace("hr.mail", "ad.mail | default(hr.mail)");
    for (key, expected) in
        [("\"id\"", vec![2]), ("[\"id\", \"more\"]", vec![2, 3]), ("\"{{ id ~ more }}\"", vec![2, 3])]
    {
        let keyed = |name: &str| source(name, "csv", name, "?").replace("\"?\"", key);
        let company = Company::new(&(keyed("hr") + &keyed("ad")), &[("hr", hr), ("ad", ad)], &employee);
        let aside = company.aside();
        assert_eq!(aside.iter().map(|aside| aside.0).collect::<Vec<_>>(), expected, "{key}");
        assert!(aside.iter().all(|aside| aside.1 == "key_unreadable" && aside.2.contains("spreadsheet")), "{aside:?}");
        assert!(company.desired().set_aside[0].email.as_ref().is_some_and(|email| email.as_str() == "a@x.se"));
    }
}

#[test]
fn a_key_is_several_columns_or_a_template() {
    let hr = "company,number,mail,title\nA,1,a@x.se,cook\nB,1,b@x.se,guard\nA,,c@x.se,nurse\n";
    let pay = "firm,nr,cc\nB,1,200\nA,1,100\nC,1,300\n";
    let two = |hr_key: &str, pay_key: &str, hr: &str, pay: &str| {
        let keyed = |name: &str, key: &str| source(name, "csv", name, "?").replace("\"?\"", key);
        let sources = keyed("hr", hr_key) + &keyed("pay", pay_key);
        let employee = EMPLOYEE
            .replace("{{ hr.id }}", "{{ hr.number }}{{ hr.mail }}")
            .replace("'{{ hr.title }}'", "\"{{ hr.title }}{{ pay.cc | default('') }}\"");
        Company::new(&sources, &[("hr", hr), ("pay", pay)], &employee)
    };
    let company = two("[\"company\", \"number\"]", "[\"firm\", \"nr\"]", hr, pay);
    assert_eq!(company.good(), ["cook100 2", "guard200 3"]);
    company.one_aside(4, "key_missing", &[]);
    assert_eq!(company.desired().joins[0].rows_of_nobody, 1);
    let twice = format!("{hr}A,1,d@x.se,cook\n");
    let company = two("[\"company\", \"number\"]", "[\"firm\", \"nr\"]", &twice, pay);
    assert!(company.aside()[0].2.contains("rows 2 and 5 of source `hr` have the same company, number \"A / 1\""));
    // Zeros in one list and none in the other.
    let hr = "number,mail,title\n00100,a@x.se,cook\n00200,b@x.se,guard\n";
    let pay = "nr,cc\n100,1\n200,2\n";
    for (one, other) in [
        ("\"{{ number | int }}\"", "\"nr\""),
        ("\"{{ hr.number | int }}\"", "\"{{ pay['nr'] }}\""),
        ("\"number\"", "\"{{ '%05d' | format(nr | int) }}\""),
    ] {
        assert_eq!(two(one, other, hr, pay).good(), ["cook1 2", "guard2 3"], "{one}");
    }
    let company = two("\"{{ number | int }}\"", "\"nr\"", "number,mail,title\nx1,a@x.se,cook\n2,b@x.se,guard\n", pay);
    company.one_aside(2, "key_unreadable", &["`key` cannot be made of it"]);
    for (key, expected) in [
        ("[\"number\", \"firm\"]", "`key` in [[source]] `hr` uses `hr.firm`, but no record"),
        ("\"{{ nummer }}\"", "did you mean `number`?"),
    ] {
        let sources = source("hr", "csv", "hr", "?").replace("\"?\"", key);
        Fixture::new(&sources, &[("hr", hr.as_bytes())]).refused(ExitStatus::Usage, &[expected]);
    }
}

/// Otherwise all records without a number would have the same key, and one could be taken for another.
#[test]
fn a_key_of_which_a_part_is_empty_is_no_key() {
    let hr = "company,number,mail,title\nA,1,a@x.se,cook\nA,,b@x.se,guard\n";
    let pay = "firm,nr,mail\nA,1,cook@x.se\nA,,service@x.se\n";
    for (one, other) in [
        ("{{ number | pad(5) }}", "{{ nr | pad(5) }}"),
        ("{{ company }}-{{ number }}", "{{ firm }}-{{ nr }}"),
        ("{{ company ~ '-' }}{{ number | upper }}", "{{ firm }}-{{ nr | lower }}"),
        ("0{{ number or none }}", "0{{ nr | default(none) }}"),
        ("{{ 'SE-' ~ number }}", "{{ 'SE-' ~ nr }}"),
        ("{{ company ~ '-' ~ number }}", "{{ firm ~ '-' ~ nr }}"),
        ("{{ ('00000' ~ number)[-5:] }}", "{{ ('00000' ~ nr)[-5:] }}"),
        ("{{ '0' ~ (number or '0') }}", "{{ '0' ~ (nr if nr else '0') }}"),
        ("{{ [company, number] | join('-') }}", "{{ (firm, nr) | map('upper') | join('-') }}"),
        ("{% set all = [company, number] %}{{ all | join('-') }}", "{{ firm ~ '-' ~ ([nr] | first) }}"),
        ("{{ ' ' if not number else number }}-", "{{ nr | trim }}-"),
    ] {
        let keyed = |name: &str, key: &str| source(name, "csv", name, "?").replace('?', key);
        let employee = EMPLOYEE.replace("hr.mail", "pay.mail").replace("{{ hr.id }}", "{{ hr.title }}");
        let company = Company::new(&(keyed("hr", one) + &keyed("pay", other)), &[("hr", hr), ("pay", pay)], &employee);
        assert_eq!(company.good().len(), 1, "{one}: {:?}", company.desired());
        company.one_aside(3, "key_missing", &[]);
        assert_eq!(company.desired().joins[0].rows_of_nobody, 1);
    }
    // What may be missing is said to be optional.
    let optional = source("hr", "csv", "hr", "?").replace('?', "{{ company }}{% if number %}-{{ number }}{% endif %}");
    let company = Company::new(&optional, &[("hr", hr)], &EMPLOYEE.replace("{{ hr.id }}", "{{ hr.title }}"));
    assert_eq!(company.good().len(), 2);
}

#[test]
fn what_nobody_sees_in_a_key_joins_nobody() {
    let hr = "id,mail,title\n1,a@x.se,cook\n2\u{200b},b@x.se,guard\n";
    let pay = "id,cc\n1\u{a0},5\n2,6\n3\u{200d}4,7\n";
    let sources = source("hr", "csv", "hr", "id") + &source("pay", "csv", "pay", "id");
    let company = Company::new(&sources, &[("hr", hr), ("pay", pay)], EMPLOYEE);
    assert_eq!(company.good(), ["cook 2"], "outer white space is trimmed");
    company.one_aside(3, "key_unreadable", &["U+200B", "\\u{200b}"]);
    let remarks: Vec<_> = company.records.key_remarks().collect();
    assert_eq!(remarks.len(), 1);
    assert!(
        remarks[0]
            .1
            .contains("1 record has a key that cannot be used; row 4: its key holds the invisible character U+200D")
    );
}

/// The list may be any file, of which a line is a key of another kind.
#[test]
fn what_may_be_a_secret_is_not_shown_as_a_key() {
    let secret = "Zq8vR2kLm9XwT4bN7cYp";
    let hr = format!("id,mail,title\n1,a@x.se,cook\n{secret}\u{200b},b@x.se,guard\n");
    let company = Company::new(&source("hr", "csv", "hr", "id"), &[("hr", &hr)], EMPLOYEE);
    company.one_aside(3, "key_unreadable", &["U+200B: 21 characters"]);
}
