//! The values of JSON: numbers, lists, objects and what is odd.

use super::*;

#[test]
fn json_keeps_whole_numbers_to_the_letter() {
    let cases = [
        (r#""x""#, "x", "string"),
        (r#"" x\u00e5\n""#, "x\u{e5}", "string"),
        ("null", "", "string"),
        ("7", "7", "number"),
        ("-12", "-12", "number"),
        ("12345678901234567890123", "12345678901234567890123", "number"),
        ("99999999999999999999999999999999999999999999", "99999999999999999999999999999999999999999999", "string"),
        ("-0", "-0", "string"),
        ("0.5", "0.5", "number"),
        ("1.50", "1.5", "number"),
        ("1e3", "1000.0", "number"),
        ("1e999", "1e999", "string"),
        ("true", "true", "bool"),
        ("false", "false", "bool"),
        ("[1, 2]", "[1, 2]", "sequence"),
    ];
    for (letters, text, kind) in cases {
        let records = json(&format!("[{{\"id\": 1, \"v\": {letters}}}]")).read().unwrap();
        if kind != "sequence" {
            assert_eq!(rendered(&records, "{{ hr.v }}"), [text], "{letters}");
        }
        let value = records.context(0).get_attr("hr").unwrap().get_attr("v").unwrap();
        assert_eq!(value.kind().to_string(), kind, "{letters}");
    }
}

#[test]
fn json_values_can_be_looked_into_and_compared() {
    let records = json(
        r#"[{"id": 1, "name": {"given": "Anna", "n": 12345678901234567890}, "on": false, "level": 3},
            {"id": 2, "name": {"given": "Bo"}, "on": true, "level": null, "tags": ["x", {"y": "z"}]}]"#,
    )
    .read()
    .unwrap();
    assert_eq!(rendered(&records, "{{ hr.name.given }}"), ["Anna", "Bo"]);
    assert_eq!(rendered(&records, "{{ hr.name.n | default('-') }}"), ["12345678901234567890", "-"]);
    assert_eq!(rendered(&records, "{{ 'yes' if hr.on else 'no' }}"), ["no", "yes"]);
    // Null is an empty text, and no text is compared with a number.
    let level = "{{ hr.level != '' and hr.level == 3 if hr.level is string else hr.level == 3 }}";
    assert_eq!(rendered(&records, level), ["true", "false"]);
    assert_eq!(rendered(&records, "{{ hr.tags[1].y if hr.tags else 'none' }}"), ["none", "z"]);
}

#[test]
fn json_records_lie_where_the_pointer_says() {
    let at = |pointer: &str, text: &str| {
        let settings = format!("{}pointer = \"{pointer}\"\n", source("hr", "json", "hr", "id"));
        Fixture::new(&settings, &[("hr", text.as_bytes())])
    };
    let records = at("/a~1b/c", r#"{"x": [1], "a/b": {"c": [{"id": 1}, {"id": 2}]}, "y": {}}"#).read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.id }}"), ["1", "2"]);
    let records = at("/1/data", r#"[{}, {"data": [{"id": 1}]}, 5]"#).read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.id }}"), ["1"]);
    let untrusted = ExitStatus::Untrusted;
    at("/2/data", r#"[{}, {"data": [{"id": 1}]}]"#).refused(untrusted, &["the list has no place 2"]);
    at("/data", r#"{"dat": []}"#).refused(untrusted, &["at /data", "there is no property \"data\""]);
    at("/data", r#"{"data": [], "data": []}"#).refused(untrusted, &["appears twice"]);
    at("/data", r#"{"data": 5}"#).refused(untrusted, &["a list of records"]);
    at("/data", "[]").refused(untrusted, &["an object with the property \"data\""]);
}

#[test]
fn json_that_is_not_whole_or_contradicts_itself_is_refused() {
    for (text, expected) in [
        (r#"{"id": 1}"#, "a list of records"),
        (r#"["a", 5]"#, "none of its 2 records can be read; record 1 is a text, not an object as a record must be"),
        (r#"[{"id": 1}, {"id": 2}"#, "EOF"),
        (r#"[{"id": 1}] x"#, "trailing characters"),
    ] {
        json(text).refused(ExitStatus::Untrusted, &[expected]);
    }
    Fixture::new(&source("hr", "json", "hr", "id"), &[("hr", b"[{\"id\": \"\xe5\"}]")])
        .refused(ExitStatus::Untrusted, &["line 1 is not UTF-8; JSON is written in UTF-8"]);
}

#[test]
fn one_odd_shape_is_an_error_for_whoever_uses_it() {
    let deep = format!("{{\"id\": 1, \"a\": {}1{}}}", "[".repeat(100), "]".repeat(100));
    for (record, expected) in [
        (r#"{"id": 2, "a": 1, "a": 1}"#, "the property `a` appears twice in the record"),
        (r#"{"id": 1, "a": {"b": [{"c": 1, "c": 2}]}}"#, "the property `c` appears twice in one object"),
        (r#"{"id": 1, "a": "\ud800"}"#, "hex escape"),
        (&deep, "more than 64 deep"),
        ("5", "is a number, not an object as a record must be"),
        ("-0.5", "is a number, not an object"),
        ("null", "is null, not an object"),
        ("true", "is true or false, not an object"),
        ("\"x\"", "is a text, not an object"),
        ("[[1], {}]", "is a list, not an object"),
        (r##"{"id": 1, "a": {"b": ["x", {"c": "#REF!"}]}}"##, "it holds #REF!, which is an error of a spreadsheet"),
        (r##"{"id": 1, "a": ["#N/A"]}"##, "it holds #N/A, which is an error of a spreadsheet"),
        (r##"{"id": 1, "a": "#N/A"}"##, "holds #N/A, which is an error of a spreadsheet"),
    ] {
        let records = json(&format!(r#"[{{"id": 0, "a": "good"}}, {record}, {{"id": 9}}]"#)).read().unwrap();
        let engine = Engine::new(records.calendar());
        let render = |record, text| engine.template(text).unwrap().render(records.context(record));
        assert_eq!((render(0, "{{ hr.a }}").unwrap(), render(2, "{{ hr.a }}").unwrap()), ("good".into(), "".into()));
        for text in ["{{ hr.a }}", "{{ hr.a | default('x') }}", "{% if hr.a %}x{% endif %}", "{{ hr['a'] is defined }}"]
        {
            let error = render(1, text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text} of {record}: {error}");
        }
    }
    let records = json(r#"[{"id": [1]}, {"id": {}}, {"id": 1, "id": 1}, {"id": 4}, 5]"#).read().unwrap();
    let problems: Vec<Option<&str>> = (0..5).map(|record| records.key_problem(record)).collect();
    let list = Some("its key is a list or an object");
    assert_eq!(problems[..2], [list, list]);
    assert_eq!(problems[2], Some("its key cannot be read: the property `id` appears twice in the record"));
    assert_eq!(problems[3..], [None, Some("its key cannot be read: is a number, not an object as a record must be")]);
}
