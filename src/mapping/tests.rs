#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod branches;
mod cells;
mod mix_ups;
mod one_key;
mod strays;
mod two_lists;

use tempfile::TempDir;

use super::*;
use crate::config::Settings;
use crate::employee::{
    ChoiceOption, CustomFieldKind, CustomValue, DesiredManager, Email, Employee, ExternalIdentifier, SetAside,
};
use crate::source::tests::{Fixture, read, source};

const EMPLOYEE: &str = r#"
[employee]
external_identifier = "{{ hr.id }}"
primary_email = "{{ hr.mail | lower }}"
first_name = "{{ hr.first }}"
last_name = "{{ hr.last }}"
"#;

fn branches() -> Vec<Branch> {
    let branch = |id: &str, name: &str, identifier: Option<&str>| Branch {
        id: id.into(),
        name: name.into(),
        identifier: identifier.map(Into::into),
    };
    vec![
        branch("br_1", "Example AB", Some("SE01")),
        branch("br_2", "Example AS", Some("NO01")),
        branch("br_3", "Twin", None),
        branch("br_4", "Twin", None),
        // The identifier of one is the id of another: identifiers come first.
        branch("br_5", "Odd", Some("br_1x")),
        branch("br_1x", "Other", None),
        branch("br_6", "F\u{f6}rs\u{e4}ljning", None),
    ]
}

fn custom_fields() -> Vec<CustomField> {
    let field = |id: &str, name: &str, kind| CustomField { id: id.into(), name: name.into(), kind };
    let option = |label: &str, value: &str| ChoiceOption { label: label.into(), value: value.into() };
    let options = vec![option("Sales", "4100"), option("4100", "x"), option("Same", "s1"), option("Same", "s2")];
    vec![
        field("cf_z_cost", "Cost center", CustomFieldKind::MultipleChoice(options)),
        field("cf_a_car", "Company car", CustomFieldKind::Boolean),
        field("cf_t", "Title", CustomFieldKind::Text),
        field("cf_u", "Twin", CustomFieldKind::Unknown("date".into())),
        field("cf_v", "Twin", CustomFieldKind::Text),
    ]
}

/// Settings, and the folder with their files.
type Company = (TempDir, Settings);

fn map((_, settings): &Company) -> Result<Desired, MappingError> {
    let rules = Mapper::new(settings).resolve(&branches(), &custom_fields())?;
    rules.employees(&read(settings).unwrap())
}

/// The settings of one CSV file, `hr`, with these columns besides those of every person.
fn with(columns: &str, rows: &[&str], employee: &str, rest: &str) -> Company {
    let mut csv = format!("id,mail,first,last{columns}\n");
    rows.iter().for_each(|row| csv.extend([row, "\n"]));
    Fixture::csv(&csv).into_parts(&format!("{EMPLOYEE}{employee}\n{rest}"))
}

/// The outcome for one person with one additional column, used for `field`.
fn outcome(field: &str, value: &str) -> Result<Box<Employee>, Box<SetAside>> {
    let settings = with(",x", &[&format!("1,a@x.se,Anna,Berg,\"{value}\"")], field, "");
    let Desired { mut employees, mut set_aside, .. } = map(&settings).unwrap();
    assert_eq!(employees.len() + set_aside.len(), 1);
    employees.pop().map(Box::new).ok_or_else(|| Box::new(set_aside.remove(0)))
}

#[track_caller]
fn code_of(row: &str) -> (&'static str, String) {
    let settings = with("", &[row], "", "");
    let Desired { employees, mut set_aside, in_scope, .. } = map(&settings).unwrap();
    assert_eq!((employees.len(), set_aside.len(), in_scope), (0, 1, 1), "{row}");
    let SetAside { code, reason, .. } = set_aside.remove(0);
    (code, reason)
}

#[test]
fn a_good_record_becomes_an_employee() {
    let settings = with("", &[" 1001 ,Anna.Berg@X.SE , Bjo\u{308}rn ,Berg"], "", "");
    let Desired { employees, set_aside, in_scope, out_of_scope, doubtful, elsewhere, .. } = map(&settings).unwrap();
    assert!(set_aside.is_empty() && out_of_scope.is_empty() && doubtful.is_empty() && elsewhere.is_empty());
    assert_eq!(in_scope, 1);
    let [employee] = &employees[..] else { panic!("{employees:?}") };
    assert_eq!(employee.identifier.as_str(), "1001");
    assert_eq!(
        (employee.email.as_str(), &*employee.first_name, &*employee.last_name),
        ("anna.berg@x.se", "Bj\u{f6}rn", "Berg")
    );
    assert_eq!((&employee.branch, &employee.manager), (&None, &DesiredManager::Nobody));
    assert!(employee.custom_fields.is_empty());
    assert_eq!(employee.origin.to_string(), "hr row 2");
}

#[test]
fn identifiers_and_managers_are_composed_as_all_texts_are() {
    // An account gives its identifiers in NFC, and a plan with another form cannot be read.
    let manager = "manager = '{{ hr.boss[:1] ~ hr.boss[1:] }}'";
    let rows = ["O\u{308}1,a@x.se,Anna,Berg,\u{c5}2", "A\u{30a}2,b@x.se,Bo,Ek,O\u{308}1"];
    let people = map(&with(",boss", &rows, manager, "")).unwrap().employees;
    let manager = |key: &str| DesiredManager::Employee(key.into());
    let read: Vec<_> = people.iter().map(|person| (person.identifier.as_str(), person.manager.clone())).collect();
    assert_eq!(read, [("\u{d6}1", manager("\u{c5}2")), ("\u{c5}2", manager("\u{d6}1"))]);
    let by_key = "manager = { value = '{{ hr.boss }}', refers_to = '{{ hr.first }}' }";
    let rows = ["1,a@x.se,A\u{30a}sa,Berg,", "2,b@x.se,Bo,Ek,\u{c5}sa"];
    let people = map(&with(",boss", &rows, by_key, "")).unwrap().employees;
    assert_eq!(people[1].manager, manager("1"));
}

#[test]
fn a_bad_record_keeps_whom_it_names() {
    let row = "10\u{7}05\u{202e},a@exam\u{8}ple.com,Anna,Berg";
    let people = map(&with("", &[row], "", "")).unwrap();
    let [SetAside { identifier, email, code, .. }] = &people.set_aside[..] else { panic!("{people:?}") };
    assert_eq!((identifier.as_ref().unwrap().as_str(), email.as_ref().unwrap().as_str()), ("1005", "a@example.com"));
    assert_eq!(*code, "key_unreadable");
}

#[test]
fn bad_records_have_a_code_each() {
    let long = "x".repeat(1_001);
    for (row, code, reason) in [
        (",a@x.se,Anna,Berg", "key_missing", "no key"),
        ("1,,Anna,Berg", "email_missing", "`primary_email` in [employee] gives nothing"),
        ("1,a@x.se,,Berg", "name_missing", "`first_name` in [employee] gives nothing"),
        ("1,a@x.se,Anna, ", "name_missing", "`last_name` in [employee] gives nothing"),
        ("1,a.x.se,Anna,Berg", "email_impossible", "\"a.x.se\" is not an e-mail address"),
        ("1,a@localhost,Anna,Berg", "email_impossible", "\"a@localhost\""),
        ("1,Anna <a@x.se>,Anna,Berg", "email_impossible", "is not an e-mail address"),
        ("1,a@[127.0.0.1],Anna,Berg", "email_impossible", "is not an e-mail address"),
        ("1,a@x.se;b@x.se,Anna,Berg", "email_impossible", "is not an e-mail address"),
        ("1,a@x.se,An\u{7}na,Berg", "control_character", "U+0007: \"An\\u{7}na\""),
        ("1,a@x.se,\"An\nna\",Berg", "control_character", "U+000A"),
        ("1,a@x.se,An\u{85}na,Berg", "control_character", "U+0085"),
        ("1,a@x.se,An\u{202e}na,Berg", "control_character", "U+202E"),
        ("1,a@x.se,An\u{2066}na,Berg", "control_character", "U+2066"),
        (&format!("1,a@x.se,{long},Berg"), "too_long", "more than 1000 characters"),
    ] {
        let found = code_of(row);
        assert_eq!(found.0, code, "{row}");
        assert!(found.1.contains(reason), "{row}: {}", found.1);
    }
    // A character that takes two bytes is still one.
    let settings = with("", &[&format!("1,a@x.se,{},Berg", "\u{e5}".repeat(1_000))], "", "");
    assert_eq!(map(&settings).unwrap().employees.len(), 1);
}

#[test]
fn identifiers_can_be_missing_where_keys_are_not() {
    let settings = Fixture::csv("id,mail,first,last,nr\n1,a@x.se,A,B,\n")
        .into_parts(&EMPLOYEE.replace("{{ hr.id }}", "{{ hr.nr }}"));
    assert_eq!(map(&settings).unwrap().set_aside[0].code, "identifier_missing");
}

#[test]
fn what_can_be_read_of_a_bad_record_is_kept() {
    let settings = with("", &["1,not an address,Anna,"], "", "");
    let Desired { set_aside, .. } = map(&settings).unwrap();
    let SetAside { identifier, email, first_name, last_name, origin, code, reason: _ } = &set_aside[0];
    assert_eq!(identifier.as_ref().map(ExternalIdentifier::as_str), Some("1"));
    assert_eq!(
        (email.as_ref().map(Email::as_str), first_name.as_deref(), last_name.as_deref()),
        (Some("not an address"), Some("Anna"), None)
    );
    assert_eq!((origin.row, *code), (2, "email_impossible"));
}

#[test]
fn scope_comes_first() {
    let rows = ["1,a@x.se,Anna,Berg,active", "2,broken,,,left", ",,,,left", "3,broken,Eva,Ek,active"];
    let settings = with(",status", &rows, "", "[scope]\ninclude = \"hr.status == 'active'\"\n");
    let desired = map(&settings).unwrap();
    assert_eq!((desired.employees.len(), desired.set_aside.len(), desired.in_scope), (1, 1, 2));
    assert_eq!(desired.out_of_scope.iter().map(ExternalIdentifier::as_str).collect::<Vec<_>>(), ["2"]);
}

#[test]
fn a_scope_that_is_not_clear_sets_aside() {
    let sources = source("hr", "json", "hr", "id") + &source("ad", "jsonl", "ad", "id");
    let people = br#"[{"id": "1", "mail": "a@x.se", "first": "A", "last": "B", "on": "1"},
                      {"id": "2", "mail": "b@x.se", "first": "C", "last": "D", "on": "0"}]"#;
    let files: [(&str, &[u8]); 2] = [("hr", people), ("ad", br#"{"id": "1", "on": "yes"}"#)];
    for (include, aside, good) in [
        ("hr.on == 1", vec!["1", "2"], 0),
        ("not hr.on", vec!["1", "2"], 0),
        ("hr.on < '10'", vec!["1", "2"], 0),
        ("ad.on == 'yes'", vec!["2"], 1),
        ("ad.on", vec!["1", "2"], 0),
        ("hr.on", vec!["1", "2"], 0),
        ("hr.on == '1' if ad.on is defined else false", vec![], 1),
        ("hr.on == '1' if ad.on else false", vec!["1", "2"], 0),
        ("ad.on is defined", vec![], 1),
        ("ad.on | default('yes') == 'yes'", vec![], 2),
        ("hr.on | int > 0", vec![], 1),
        ("hr.on + 1 > 0", vec!["1", "2"], 0),
    ] {
        let fixture = Fixture::new(&sources, &files);
        let settings = fixture.into_parts(&format!("{EMPLOYEE}[scope]\ninclude = \"{include}\"\n"));
        let desired = map(&settings).unwrap();
        let set_aside: Vec<&str> =
            desired.set_aside.iter().map(|bad| bad.identifier.as_ref().map_or("", |id| id.as_str())).collect();
        assert_eq!(set_aside, aside, "{include}");
        assert_eq!(desired.employees.len(), good, "{include}");
        assert!(
            desired
                .set_aside
                .iter()
                .all(|bad| bad.code == "scope_failed" && bad.reason.contains("`include` in [scope]"))
        );
        assert_eq!(desired.in_scope as usize, aside.len() + good, "{include}");
    }
}

#[test]
fn a_template_that_uses_an_undefined_column_sets_aside() {
    let sources = source("hr", "csv", "hr", "id") + &source("ad", "csv", "ad", "id");
    let files: [(&str, &[u8]); 2] = [("hr", b"id,first,last\n1,A,B\n2,C,D\n"), ("ad", b"id,mail\n1,a@x.se\n")];
    for (template, reason) in [
        ("{{ ad.mail }}", "`primary_email` in [employee] fails: undefined value: `ad.mail` is undefined"),
        ("{{ ad.mail | lower | trim }}", "`ad.mail` is undefined"),
        ("{{ ad['mail'] }}", "is undefined"),
        ("x{{ ad.mail }}", "`ad.mail` is undefined"),
    ] {
        let employee = EMPLOYEE.replace("{{ hr.mail | lower }}", template);
        let desired = map(&Fixture::new(&sources, &files).into_parts(&employee)).unwrap();
        assert_eq!((desired.employees.len(), desired.set_aside.len()), (1, 1), "{template}");
        let SetAside { code, reason: found, first_name, .. } = &desired.set_aside[0];
        assert_eq!((*code, first_name.as_deref()), ("template_failed", Some("C")));
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn columns_that_no_record_has_are_errors_of_the_settings() {
    for (field, setting) in [
        ("branch = \"{{ hr.lst }}\"", "`branch` in [employee] uses `hr.lst`"),
        ("manager = \"{{ hr['lst'] | default('') }}\"", "`manager` in [employee] uses `hr.lst`"),
        ("branch = \"{{ hr.lst[:1] }}\"", "`branch` in [employee] uses `hr.lst`"),
        ("branch = \"{% filter replace(hr.lst, '') %}x{% endfilter %}\"", "`branch` in [employee] uses `hr.lst`"),
        ("manager = { value = \"x\", refers_to = \"{{ hr.lst }}\" }", "`refers_to` in [employee.manager]"),
        ("[employee.custom_fields]\nTitle = \"{{ hr.lst }}\"", "`Title` in [employee.custom_fields]"),
        ("[scope]\ninclude = \"hr.lst == ''\"", "`include` in [scope]"),
    ] {
        let error = map(&with("", &["1,a@x.se,A,B"], field, "")).unwrap_err().to_string();
        assert!(error.contains(setting) && error.contains("did you mean `last`?"), "{error}");
    }
    // The columns of an empty list of JSON records are unknown; the guards handle an empty list.
    let empty = Fixture::new(&source("hr", "json", "hr", "id"), &[("hr", b"[]")]).into_parts(EMPLOYEE);
    assert_eq!(map(&empty).unwrap().in_scope, 0);
}

#[test]
fn branches_are_found_by_identifier_then_id_then_name() {
    let branch = |value: &str| outcome("branch = \"{{ hr.x }}\"", value);
    for (value, id) in [
        ("SE01", "br_1"),
        (" NO01 ", "br_2"),
        ("br_3", "br_3"),
        ("Example AS", "br_2"),
        ("br_1x", "br_5"),
        ("Other", "br_1x"),
        ("Fo\u{308}rsa\u{308}ljning", "br_6"),
    ] {
        assert_eq!(branch(value).unwrap().branch, Some(id.into()), "{value}");
    }
    for (value, code) in [("", "branch_missing"), ("se01", "branch_unknown"), ("Twin", "branch_ambiguous")] {
        assert_eq!(branch(value).unwrap_err().code, code, "{value}");
    }
}

#[test]
fn custom_fields_take_what_they_can_hold() {
    let value = |field: &str, value: &str| {
        outcome(&format!("[employee.custom_fields]\n{field} = \"{{{{ hr.x }}}}\""), value)
            .map(|employee| employee.custom_fields[0].clone())
            .map_err(|bad| bad.code)
    };
    let text = |text: &str| Ok(Some(CustomValue::Text(text.into())));
    for (field, given, expected) in [
        ("Title", " Ma\u{308}\u{308} ", text("M\u{e4}\u{308}")),
        ("Title", "", Ok(None)),
        ("cf_u", "2024", text("2024")),
        ("\"Cost center\"", "4100", text("4100")),
        ("cf_z_cost", "Sales", text("4100")),
        ("\"Cost center\"", "", Ok(None)),
        ("\"Cost center\"", "sales", Err("choice_unknown")),
        ("\"Cost center\"", "Same", Err("choice_unknown")),
        ("\"Cost center\"", "s2", text("s2")),
        ("\"Company car\"", "Yes", Ok(Some(CustomValue::Boolean(true)))),
        ("\"Company car\"", "FALSE", Ok(Some(CustomValue::Boolean(false)))),
        ("\"Company car\"", "1", Ok(Some(CustomValue::Boolean(true)))),
        ("\"Company car\"", "n", Ok(Some(CustomValue::Boolean(false)))),
        ("\"Company car\"", "", Ok(None)),
        ("\"Company car\"", "maybe", Err("boolean_invalid")),
    ] {
        assert_eq!(value(field, given), expected, "{field} {given:?}");
    }
}

#[test]
fn custom_fields_are_sorted_by_id() {
    let fields = "[employee.custom_fields]\n\"Cost center\" = \"4100\"\nTitle = \"T\"\n\"Company car\" = \"yes\"";
    let settings = with("", &["1,a@x.se,A,B"], fields, "");
    let rules = Mapper::new(&settings.1).resolve(&branches(), &custom_fields()).unwrap();
    let ids: Vec<&str> = rules.managed().custom_fields.iter().map(CustomFieldId::as_str).collect();
    assert_eq!(ids, ["cf_a_car", "cf_t", "cf_z_cost"]);
    assert!(!rules.managed().branch && !rules.managed().manager && rules.scope_branches().is_none());
    let employee = map(&settings).unwrap().employees.remove(0);
    let texts: Vec<String> = employee.custom_fields.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(texts, ["true", "T", "4100"]);
}

#[test]
fn names_of_the_settings_must_be_the_accounts() {
    for (field, expected) in [
        (
            "[employee.custom_fields]\n\"Cost centre\" = \"x\"",
            "`Cost centre` in [employee.custom_fields]: Skovik has no custom field with that name or id; did you mean \
            \"Cost center\"?",
        ),
        ("[employee.custom_fields]\nTwin = \"x\"", "use one of their ids, cf_u, cf_v"),
        ("[employee.custom_fields]\nTitle = \"x\"\ncf_t = \"y\"", "are the same custom field"),
        ("branch = \"x\"\n[scope]\nbranches = [\"SE02\"]", "`branches` in [scope]: \"SE02\" is no branch's"),
        ("branch = \"x\"\n[scope]\nbranches = [\"Twin\"]", "is the name of several branches"),
    ] {
        let error = map(&with("", &["1,a@x.se,A,B"], field, "")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn managers_are_named_by_identifier() {
    let rows = ["1,a@x.se,A,B,", "2,b@x.se,C,D, 1 ", "3,c@x.se,E,F,nobody"];
    let desired = map(&with(",m", &rows, "manager = \"{{ hr.m }}\"", "")).unwrap();
    let wishes: Vec<DesiredManager> = desired.employees.into_iter().map(|employee| employee.manager).collect();
    let employee = |id: &str| DesiredManager::Employee(id.into());
    assert_eq!(wishes, [DesiredManager::Nobody, employee("1"), employee("nobody")]);
}

#[test]
fn managers_are_named_by_any_key_of_their_own_record() {
    let rows = [
        "1,a@x.se,A,B,cn=a,,in",
        "2,b@x.se,C,D,cn=b, cn=a ,in",
        "3,c@x.se,E,F,cn=c,CN = \\41 ,in",
        "4,d@x.se,G,H,cn=twin,cn=gone,in",
        "5,e@x.se,I,J,cn=twin,cn=twin,in",
        "6,f@x.se,K,L,cn=gone,,out",
        "7,broken,M,N,cn=bad,,in",
        "8,h@x.se,O,P,,cn=bad,in",
        "9,i@x.se,Q,R,,,in",
        "10,j@x.se,S,T,,cn=no id,in",
        "11,,U,V,cn=no id,,in",
    ];
    let employee = "manager = { value = \"{{ hr.m }}\", refers_to = \"{{ hr.dn }}\" }";
    let mut settings = with(",dn,m,s", &rows, employee, "[scope]\ninclude = \"hr.s == 'in'\"\n");
    settings.1.employee.external_identifier =
        Template::parse("id", "{{ hr.id if hr.dn != 'cn=no id' else '' }}", &["hr".into()]).unwrap();
    let desired = map(&settings).unwrap();
    let wish = |id: &str| {
        let employee = desired.employees.iter().find(|employee| employee.identifier.as_str() == id).unwrap();
        match &employee.manager {
            DesiredManager::Nobody => "nobody".to_owned(),
            DesiredManager::Employee(id) => id.to_string(),
            DesiredManager::Unresolved { key, reason, near: _ } => format!("{key}: {reason}"),
        }
    };
    for (id, expected) in [
        ("1", "nobody"),
        ("2", "1"),
        ("3", "1"),
        ("4", "cn=gone: the record that matches it is outside [scope] include"),
        ("5", "cn=twin: several records in scope match it"),
        ("8", "7"),
        ("9", "nobody"),
        ("10", "cn=no id: the record that it refers to has no external identifier"),
    ] {
        assert_eq!(wish(id), expected, "{id}");
    }
}

#[test]
fn many_records_keep_their_order() {
    let rows: Vec<String> =
        (0..10_000).map(|n| format!("{n},{n}@x.se,A,{}", if n % 7 == 0 { "" } else { "B" })).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let desired = map(&with("", &rows, "", "")).unwrap();
    assert_eq!(desired.employees.len() + desired.set_aside.len(), 10_000);
    assert_eq!(desired.in_scope, 10_000);
    assert!(desired.employees.is_sorted_by_key(|employee| employee.origin.row));
    assert!(desired.set_aside.is_sorted_by_key(|bad| bad.origin.row));
}

#[test]
fn no_records_are_no_employees() {
    let desired = map(&with("", &[], "", "")).unwrap();
    assert_eq!((desired.employees.len(), desired.in_scope), (0, 0));
}
