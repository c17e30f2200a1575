//! What a missing record means, and what templates see instead of it.

use super::*;
use crate::mapping::Mapper;

const EMPLOYEE: &str = "[employee]\nexternal_identifier = '{{ hr.id }}'\nprimary_email = '{{ hr.id }}@x.se'\n\
                        first_name = 'x'\nlast_name = 'y'\n";

#[test]
fn preferences_are_checked_with_the_settings() {
    let parse = |setting: &str| {
        let text = format!(
            "[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n{}{setting}\n{EMPLOYEE}",
            source("hr", "csv", "hr", "id")
        );
        Settings::parse(&text, std::path::Path::new("s.toml"))
            .map(|settings| settings.hash())
            .map_err(|e| e.to_string())
    };
    for (setting, expected) in [
        ("prefer = \"main ==\"", "`prefer` in [[source]] `hr` (line 9) cannot be compiled"),
        ("prefer = \"main | frobnicate\"", "frobnicate"),
        ("missing = \"error\"", "has no effect in the first source"),
        ("max_unmatched_percent = 10", "has no effect in the first source"),
        ("prefer = { smallest = \"main\" }", "unknown key `smallest` in `prefer` in [[source]] `hr`"),
        ("prefer = {}", "lacks `greatest`"),
        ("newest = \"changed\"", "has no effect without `max_age`"),
        ("missing = \"skip\"", "must be \"undefined\" or \"error\""),
        ("timeout = \"soon\"", "must be a duration"),
    ] {
        let error = parse(setting).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let plain = parse("").unwrap();
    assert_eq!(parse("timeout = \"9s\"\nmissing = \"undefined\"").unwrap(), plain);
    let changed = ["prefer = \"main == 'Y'\"", "prefer = { greatest = \"main\" }", "prefer = \"main\""];
    let hashes: BTreeSet<String> =
        changed.iter().map(|setting| parse(setting).unwrap().to_string()).chain([plain.to_string()]).collect();
    assert_eq!(hashes.len(), changed.len() + 1);
}

#[test]
fn a_source_can_be_one_that_must_know_everybody() {
    let two = |missing: &str, hr: &str, include: &str| {
        let sources = source("hr", "csv", "hr", "id") + &source("ad", "csv", "ad", "id") + missing;
        let ad = b"id,on\n1,yes\n";
        let fixture = Fixture::new(&sources, &[("hr", hr.as_bytes()), ("ad", ad)]);
        let (_folder, settings) = fixture.into_parts(&format!("{EMPLOYEE}[scope]\ninclude = \"{include}\"\n"));
        let records = read(&settings).unwrap();
        let rules = Mapper::new(&settings).resolve(&[], &[]).unwrap();
        rules.employees(&records).map(|desired| (desired.employees.len(), desired.set_aside.len()))
    };
    let (must, active) = ("missing = \"error\"\n", "hr.status == 'active'");
    let hr = "id,status\n1,active\n2,left\n";
    assert_eq!(two(must, hr, active).unwrap(), (1, 0), "those outside the scope need no record");
    let hr = "id,status\n1,active\n2,active\n3,active\n";
    assert_eq!(two("", hr, active).unwrap(), (3, 0));
    for include in [active, "ad.on == 'yes'"] {
        let error = two(must, hr, include).unwrap_err();
        assert_eq!(error.status(), ExitStatus::Untrusted);
        let expected = "source `ad` has no record of 2 people: \"2\" (hr row 3), \"3\" (hr row 4); its `missing";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let hr: String =
        std::iter::once("id,status\n".to_owned()).chain((1..10).map(|n| format!("{n},active\n"))).collect();
    assert!(two(must, &hr, active).unwrap_err().to_string().contains("(hr row 7) and 3 more;"));
    // A record without a key is bad, and that is enough.
    assert_eq!(two(must, "id,status\n1,active\n,active\n", active).unwrap(), (1, 1));
}

#[test]
fn lists_and_objects_are_not_written_by_accident() {
    let records = json(r#"[{"id": 1, "mails": ["a@x.se", "b@x.se"], "name": {"given": "Anna"}}]"#).read().unwrap();
    let engine = Engine::new(records.calendar());
    let render =
        |text: &str| engine.template(text).unwrap().render(records.context(0)).map_err(|error| error.to_string());
    for (text, kind) in [
        ("{{ hr.mails }}", "list; pick something from it"),
        ("x{{ hr.name }}", "object with members"),
        ("{{ hr }}", "object with members"),
        // These would make a text of it.
        ("{{ hr.mails | lower }}", "list; pick something from it"),
        ("{{ hr.mails | trim('x') | upper }}", "list; pick something from it"),
        ("{{ hr.name | title }}", "object with members"),
        ("{{ hr.name | capitalize }}", "object with members"),
        ("{{ hr.mails | replace('a', 'b') }}", "list; pick something from it"),
    ] {
        let error = render(text).unwrap_err();
        assert!(error.contains(kind), "{error}");
    }
    for (text, expected) in [
        ("{{ hr.mails | first }}", "a@x.se"),
        ("{{ hr.mails[1] }}", "b@x.se"),
        ("{{ hr.mails | join(' ') }}", "a@x.se b@x.se"),
        ("{{ hr.name.given }}", "Anna"),
        ("{{ hr.mails | last | upper | replace('X', 'Y') | trim('B') }}", "@Y.SE"),
    ] {
        assert_eq!(render(text).unwrap(), expected);
    }
}

#[test]
fn no_test_takes_what_is_undefined_for_an_answer() {
    let sources = source("hr", "csv", "hr", "id") + &source("ad", "csv", "ad", "id");
    let records = Fixture::new(&sources, &[("hr", b"id,n\n1,2\n"), ("ad", b"id,m\n9,x\n")]).read().unwrap();
    let engine = Engine::new(records.calendar());
    let eval = |text: &str| engine.condition(text).unwrap().eval(records.context(0));
    for text in [
        "ad.m is eq 'x'",
        "ad.m is not eq 'x'",
        "ad.m is ne 'x'",
        "ad.m is in ['x']",
        "'x' is in ad.m",
        "hr.n is eq ad.m",
        "ad.m is lt 3",
        "ad.m is none",
        "ad.m is true",
        "ad.m is false",
        "ad.m is string",
        "ad.m is number",
        "ad.m is startingwith 'x'",
        "ad is disabled",
    ] {
        assert!(eval(text).is_err(), "{text}");
    }
    for (text, expected) in [
        ("ad.m is defined", false),
        ("ad.m is undefined", true),
        ("hr.n is eq '2'", true),
        ("hr.n is in ['1', '2']", true),
        ("hr.n is startingwith '2'", true),
        ("hr.n is string", true),
        ("true is true", true),
    ] {
        assert_eq!(eval(text).unwrap(), Value::from(expected), "{text}");
    }
}
