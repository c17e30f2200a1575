#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod arguments;
mod filters;
mod unread;

use jiff::civil::date;
use jiff::tz::TimeZone;
use minijinja::{Value, context};

use super::super::said;
use super::*;

fn engine() -> Engine {
    Engine::new(&Calendar::on(date(2026, 11, 28), &TimeZone::UTC))
}

fn record() -> Value {
    let hr = context! {
        text => "3", word => "True", empty => "", number => 3, fraction => 0.5, yes => true, list => vec!["a", "b"],
        numbers => vec![1, 2], mail => "anna@x.se", mails => vec!["anna@x.se", "a@x.se"], start => "01.12.2026",
        end => "28.11.2026", iso => "2026-12-01", company => "Foo Ltd", code => "00100", name => "Åse Ø. Łęcki",
        mixed => vec![Value::from(1), Value::from("1")], nothing => Value::from(()), infinite => f64::INFINITY,
        nan => f64::NAN,
    };
    context! { hr => hr }
}

fn holds(text: &str) -> Result<bool, String> {
    let engine = engine();
    let value = engine.condition(text).unwrap().eval(record()).map_err(|error| said(&error))?;
    assert_eq!(value.kind(), ValueKind::Bool, "{text}");
    Ok(value.is_true())
}

fn render(text: &str) -> Result<String, String> {
    engine().template(text).unwrap().render(record()).map_err(|error| said(&error))
}

#[track_caller]
fn fails(text: &str, expected: &str) {
    let error = holds(text).expect_err(text);
    assert!(error.contains(expected), "{text}: {error}");
    // The same in a template, wherever a condition stands in it.
    let error = render(&format!("{{% if {text} %}}x{{% endif %}}")).expect_err(text);
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn values_of_one_type_are_compared_as_the_engine_does() {
    for (text, expected) in [
        ("hr.text == '3'", true),
        ("hr.text != '3'", false),
        ("hr.text < '4'", true),
        ("hr.text >= '4'", false),
        ("hr.number == 3", true),
        ("hr.number == 3.0", true),
        ("hr.number > hr.fraction", true),
        ("hr.number <= 3", true),
        ("hr.yes == true", true),
        ("hr.yes != true", false),
        ("hr.list == ['a', 'b']", true),
        ("'a' in hr.list", true),
        ("'c' in hr.list", false),
        ("'c' not in hr.list", true),
        ("1 in hr.numbers", true),
        ("'@x' in hr.mail", true),
        ("'a' in {'a': 1}", true),
        ("'b' not in {'a': 1}", true),
        ("hr.text in ['3', '4'] and hr.number in [3]", true),
        ("hr.nothing == none", true),
        ("hr.nothing is none", true),
        ("hr.text is none", false),
        ("hr.yes is true and hr.yes is not false", true),
        ("hr.text is sameas '3'", true),
        ("[hr.text, 3] in [['4', 3], ['3', 3]]", true),
        ("[hr.text] == ['3', 3]", false),
        ("{'a': hr.text} == {'a': '3', 'b': 4}", false),
        ("[hr.text, 'b'] < ['4', 'a'] and hr.number is odd", true),
        ("hr.mail == none", false),
        ("hr.text is eq '3'", true),
        ("hr.text is in ['3']", true),
        ("not hr.yes", false),
        ("hr.empty == ''", true),
        ("hr.text | int > 2", true),
        ("hr.word | bool", true),
        ("hr.list | select('==', 'a') | list == ['a']", true),
        ("hr.iso <= '2026-12-31'", true),
        ("hr.code < '00200'", true),
        ("(hr.number if hr.yes else 0) > 2", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn values_of_two_types_are_never_compared() {
    for text in ["hr.text > 0", "hr.text == 3", "3 == hr.text", "hr.text != 3", "hr.text <= 3.5", "hr.text is gt 0"] {
        fails(text, "which is of another type; convert the text, as in `hr.column | float > 0`");
    }
    fails("hr.text > 0", "the text \"3\" is compared with the number 0");
    fails("hr.empty > 0", "an empty text is compared with the number 0");
    for text in ["hr.word == true", "hr.yes == 'True'", "hr.yes != 'false'", "hr.word is ne true"] {
        fails(text, "compare the text with a text, as in `hr.column == 'true'`");
    }
    for text in ["hr.yes == 1", "hr.number == true", "hr.list == 'a'", "hr.list != 1"] {
        fails(text, "which is of another type");
    }
    for text in ["hr.iso <= today", "hr.iso == today", "today > hr.iso", "today is ge hr.iso", "never == hr.iso"] {
        fails(text, "read the text as a date: `hr.column | date`");
    }
    for text in [
        "hr.number in ['1', '3']",
        "hr.text in [1, 2]",
        "hr.number in hr.mixed",
        "'1' in hr.mixed",
        "hr.number not in ['3']",
        "hr.list in {'a': 1}",
        "hr.yes in {'a': 1}",
        "hr in {'a': 1}",
    ] {
        fails(text, if text.ends_with('}') { "never be found" } else { "which is of another type" });
    }
    // Within lists and objects, too, and whatever the comparison is called.
    for text in [
        "[hr.word, hr.text] == ['True', 3]",
        "[hr.word, hr.text] in [['a', 3], ['b', 3]]",
        "[hr.text] is eq([3])",
        "[hr.text] < [3]",
        "[[hr.text]] != [[3]]",
        "{'a': hr.text} == {'a': 3}",
        "hr.list == [1, 2]",
        "hr.text is sameas 3",
        "[hr.text] is sameas([3])",
    ] {
        fails(text, "which is of another type");
    }
    for text in ["['a', hr.unknown] == ['a', 'b']", "hr.text in ['1', hr.unknown]", "{'a': hr.unknown} == {'a': 1}"] {
        fails(text, "has something undefined in it");
    }
    fails("[hr.text] < ['10']", "compared letter by letter, not as numbers");
    fails("{'a': hr.number} < {'a': 4}", "an object is neither less nor more");
    for text in ["hr.text is odd", "hr.text is not even", "hr.text is divisibleby(3)", "3 is divisibleby(hr.text)"] {
        fails(text, "is for numbers, and gets the text \"3\"; convert the text");
    }
    for test in ["true", "false"] {
        fails(&format!("hr.word is {test}"), "compare the text with a text, as in `hr.column == 'true'`");
        fails(&format!("hr.number is not {test}"), "asks the number 3, which is neither true nor false");
        fails(&format!("hr.nothing is {test}"), "asks none, which is neither");
    }
    fails("hr.empty is none", "compare it with `''` instead of none");
    fails("hr.number in hr.text", "which is of another type");
    fails("hr.number in {'3': 1}", "which can never be found");
    fails("hr.mail in hr.number", "nothing can be in the number 3");
    fails("hr.empty == none", "compare it with `''` instead of none");
    fails("hr.number < none", "none is neither less nor more");
    // Lists are searched and sorted by the same rules.
    fails("hr.mixed | select('==', 1) | list == []", "which is of another type");
    fails("(hr.mixed | max) == 1", "which is of another type");
    fails("(hr.mixed | sort | first) == 1", "which is of another type");
}

#[test]
fn texts_are_not_ordered_by_letters_where_something_else_is_meant() {
    for text in [
        "hr.start <= hr.end",
        "hr.start <= '28.11.2026'",
        "'1/12/26' > hr.start",
        "hr.iso < '28.11.2026'",
        "[hr.start, hr.end] | max == hr.start",
        "hr.start is le hr.end",
    ] {
        fails(text, "compared letter by letter, not as dates; read them as dates, as in `hr.start | date('%d.%m.%Y')`");
    }
    for text in ["hr.text < '10'", "'9.5' > hr.text", "hr.text >= '-1'"] {
        fails(text, "compared letter by letter, not as numbers");
    }
    fails("hr.empty < '28.11.2026'", "an empty text is neither before nor after");
    assert_eq!(holds("hr.start == '01.12.2026'"), Ok(true));
    assert_eq!(holds("hr.word < 'Z'"), Ok(true));
}

#[test]
fn conditions_combine_only_true_and_false() {
    for text in ["not hr.word", "not hr.number", "not hr.empty"] {
        let error = holds(text).unwrap_err();
        assert!(error.contains("`not` needs true or false"), "{text}: {error}");
    }
    for (text, operator) in [
        ("hr.word and hr.number == 3", "and"),
        ("hr.number == 3 and hr.word", "and"),
        ("hr.nothing and hr.yes", "and"),
        ("hr.empty or hr.yes", "or"),
        ("hr.number != 3 or hr.number", "or"),
        ("not (hr.word and hr.yes)", "and"),
        ("false if hr.word else true", "if"),
        ("true if hr.nothing else (hr.yes and hr.word)", "if"),
        ("hr.yes if hr.number == 4 else (hr.yes and hr.word)", "and"),
        ("(hr.yes and (hr.number == 4 or hr.list)) and true", "or"),
        ("not (not (hr.nothing or hr.yes))", "or"),
    ] {
        let error = holds(text).unwrap_err();
        assert!(error.contains(&format!("`{operator}` needs true or false")), "{text}: {error}");
    }
    let error = holds("hr.missing or hr.yes").unwrap_err();
    assert!(error.contains("undefined"), "{error}");
    // What need not be asked is not.
    for text in [
        "hr.number == 3 or hr.word",
        "hr.yes if hr.number == 3 else hr.word",
        "not (hr.number == 4 and hr.missing)",
        "hr.yes and (hr.yes or hr.empty)",
    ] {
        assert_eq!(holds(text), Ok(true), "{text}");
    }
    // A template may ask whether there is anything.
    assert_eq!(render("{{ hr.empty or hr.word }}").as_deref(), Ok("True"));
    assert_eq!(render("{{ 'none' if not hr.empty else hr.empty }}").as_deref(), Ok("none"));
}

#[test]
fn three_values_are_not_compared_in_one_go() {
    for text in ["0 < hr.number < 5", "hr.text == hr.word == hr.mail"] {
        let error = engine().condition(text).err().unwrap().to_string();
        assert!(error.contains("write `a < b and b < c`"), "{error}");
    }
}

#[test]
fn operators_cannot_be_reached_by_another_way() {
    // A macro, a loop's condition, an inline condition, a filter's argument, a nested list.
    for text in [
        "{% macro f(x) %}{{ x == 3 }}{% endmacro %}{{ f(hr.text) }}",
        "{% for x in [1] if hr.text == 3 %}{% endfor %}",
        "{{ 'x' if hr.text > 3 else 'y' }}",
        "{{ hr.mail | replace('x', 'y' if hr.text < 3 else 'z') }}",
        "{{ [hr.text == 3] | length }}",
        "{% set x = hr.text == 3 %}",
        "{% with x = hr.text != 3 %}{% endwith %}",
        "{{ {'a': hr.text in [3]} | length }}",
        "{% if not (hr.text in [3]) %}{% endif %}",
    ] {
        let error = render(text).expect_err(text);
        assert!(error.contains("which is of another type"), "{text}: {error}");
    }
}

#[test]
fn what_is_undefined_is_named() {
    for text in
        ["hr.none == 'x'", "'x' != hr.none", "hr.none < 3", "'x' in hr.none", "hr.none in ['x']", "not hr.none.x"]
    {
        let error = holds(text).unwrap_err();
        assert!(error.contains("`hr.none` is undefined"), "{text}: {error}");
    }
}

#[test]
fn a_key_that_is_not_listed_is_named() {
    let table = "{'Bar AB': 'SE01', 'Baz AS': 'NO01'}";
    let error = render(&format!("{{{{ {table}[hr.company] }}}}")).unwrap_err();
    assert_eq!(
        error,
        "undefined value: \"Foo Ltd\" is not listed there; add it, or say what holds instead with `| default(…)`"
    );
    assert!(
        render(&format!("{{% set b = {table} %}}{{{{ b[hr.company] | lower }}}}")).unwrap_err().contains("\"Foo Ltd\"")
    );
    assert!(holds(&format!("{table}[hr.company] == 'SE01'")).unwrap_err().contains("\"Foo Ltd\" is not listed"));
    assert_eq!(render(&format!("{{{{ {table}[hr.company] | default('SE09') }}}}")).as_deref(), Ok("SE09"));
    assert_eq!(render(&format!("{{{{ {table}['Baz AS'] }}}}")).as_deref(), Ok("NO01"));
    // A number among texts is a mistake of the settings, which no default may hide.
    let error = render("{{ {'3': 'SE01'}[hr.number] | default('SE09') }}").unwrap_err();
    assert!(error.contains("the number 3 is looked up among keys such as the text \"3\""), "{error}");
    // What is missing elsewhere is still called by its name.
    assert!(render(&format!("{{{{ {table}[hr.company] | default(hr.none) }}}}")).unwrap_err().contains("`hr.none`"));
}

#[test]
fn a_text_is_not_the_list_of_its_letters() {
    for filter in ["first", "last", "join(', ')", "list", "min", "max", "sort", "unique", "map('upper')", "batch(1)"] {
        let error = render(&format!("{{{{ hr.mail | {filter} }}}}")).expect_err(filter);
        let name = filter.split('(').next().unwrap();
        assert!(
            error.contains(&format!("`{name}` is for lists")) && error.contains(&format!("`| as_list | {name}`")),
            "{error}"
        );
    }
    let error = render("{{ hr.mail[0] }}").unwrap_err();
    assert!(error.contains("takes single letters; `| as_list | first` is its only value"), "{error}");
    assert_eq!(render("{{ hr.mails[0] }}{{ hr.mail[:1] }}").as_deref(), Ok("anna@x.sea"));
    // What the messages advise works on both.
    for (text, expected) in [
        ("{{ hr.mail | as_list | first }}", "anna@x.se"),
        ("{{ hr.mails | as_list | first }}", "anna@x.se"),
        ("{{ hr.mail | as_list | join(', ') }}", "anna@x.se"),
        ("{{ hr.mails | as_list | join(', ') }}", "anna@x.se, a@x.se"),
        ("{{ hr.empty | as_list | length }}", "0"),
        ("{{ hr.number | as_list | first }}", "3"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(render("{{ hr.mails | sort(reverse=true) | first }}").as_deref(), Ok("anna@x.se"));
    // What is not there is not empty.
    for unread in
        ["{{ hr.none | as_list | length }}", "{{ 'a' in (hr.none | as_list) }}", "{{ ad.x | as_list | join }}"]
    {
        assert!(render(unread).unwrap_err().contains("undefined"), "{unread}");
    }
    assert!(render("{{ hr.mails }}").unwrap_err().contains("`| as_list | first`"));
    assert!(render("{{ hr }}").unwrap_err().contains("name one of them, as in `hr.name.given`"));
}

#[test]
fn days_are_added_and_compared() {
    for (text, expected) in [
        ("hr.start | date('%d.%m.%Y') <= today + days(14)", true),
        ("hr.start | date('%d.%m.%Y') <= today", false),
        ("today - days(1) < today and today < never", true),
        ("days(3) + today > today", true),
        ("hr.empty | default(never, true) | date > today + days(30000)", true),
        ("never + days(3) == never", true),
        ("(hr.iso | date) - days(3) == today", true),
        ("today + days(hr.number + 4) == today + days(7)", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
    assert_eq!(render("{{ today }} {{ today + days(3) }}").as_deref(), Ok("2026-11-28 2026-12-01"));
    assert_eq!(render("{{ [hr.iso | date, today] | max }}").as_deref(), Ok("2026-12-01"));
    for (text, expected) in [
        ("{{ today + 3 }}", "unsupported types"),
        ("{{ today + 3 + days(1) }}", "add days, as in `today + days(14)`"),
        ("{{ hr.mail + days(1) }}", "cannot be computed"),
        ("{{ today + days(99999999) }}", "more than a century"),
        ("{{ hr.end | date }}", "if it has another form, say which: `date('%d.%m.%Y')`"),
        ("{{ hr.empty | date }}", "`hr.end | default(never, true) | date`"),
        ("{{ hr.yes | date }}", "true is not a date"),
    ] {
        let error = render(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn words_are_written_as_wanted() {
    for (text, expected) in [
        ("{{ hr.name | ascii }}", "Ase O. Lecki"),
        ("{{ 'Weiß Æsøp Þór Đặng ÄÖÜäöü' | ascii }}", "Weiss AEsop Thor Dang AOUaou"),
        ("{{ hr.name | replace('Å', 'Aa') | ascii | lower }}", "aase o. lecki"),
        ("{{ hr.code | trim_start('0') }}", "100"),
        ("{{ '  x ' | trim_start }}|{{ '  x ' | trim_end }}", "x |  x"),
        ("{{ 'x--' | trim_end('-') }}", "x"),
        ("{{ ' x ' | trim }}|{{ '-.x.' | trim('.-') }}|{{ 7 | trim }}", "x|x|7"),
        ("{{ 'añb' | regex_replace('', '-') }}", "-a-ñ-b-"),
        ("{{ 'abab' | regex_replace('(?P<one>a)b', '${one}$0$$') }}", "aab$aab$"),
        ("{{ ('a1' * 200) | regex_replace('[0-9]', '') | length }}", "200"),
        (r"{{ ('Anna Berg-Ö ' * 20) | regex_replace('[^\w ]+', '') | length }}", "220"),
        (
            "{{ '100' | pad(5) }}{{ 7 | pad(3) }}{{ '123456' | pad(5) }}{{ 'ö' | pad(3, '·') }}{{ '' | pad(3) }}",
            "00100007123456··ö",
        ),
        ("{{ hr.mail | split('@') | last }}", "x.se"),
        ("{{ 'Berg, Anna' | regex_replace('^(.*), *(.*)$', '$2 $1') }}", "Anna Berg"),
        ("{{ hr.name | regex_replace('[^A-Za-z]', '') }}", "secki"),
        ("{{ 'A\u{200b}n\u{a0}na\u{feff} ' | visible }}", "An na"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("{{ 'x' | regex_replace('(', '') }}", "the regular expression \"(\""),
        ("{{ 'x' | regex_replace('(a{1000}){1000}', '') }}", "is too large"),
        ("{{ 'x' | pad(100000) }}", "wider than the 1000 characters"),
        ("{{ 'x' | pad(3, 'ab') }}", "needs one letter"),
        ("{{ '\u{e000}' | ascii }}", "cannot be written in ASCII"),
        ("{{ hr.mails | ascii }}", "it is a list"),
        ("{{ hr.none | ascii }}", "`hr.none` is undefined"),
        ("{{ hr.none | trim }}", "`hr.none` is undefined"),
        ("{{ hr.mails | trim }}", "it is a list"),
        ("{{ ('x' * 20000) | ascii }}", "more work than a template may"),
        ("{{ ('a' * 5000) | regex_replace('(a?){500}', '$0') }}", "more work than a template may"),
        ("{{ ('a' * 5000) | regex_replace('.*?b|a', '') }}", "more work than a template may"),
        ("{{ ('a' * 9000) | regex_replace('a*', '$0' * 400) }}", "more work than a template may"),
        ("{{ ('a' * 9000) | trim_end('b' * 900000) }}", "more work than a template may"),
        ("{{ ('a' * 9000) | trim('b' * 900000) }}", "more work than a template may"),
        ("{{ hr.mail | bool }}", "knows true, yes, y, 1"),
    ] {
        let error = render(text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(render("{{ 'No' | bool }}{{ '1' | bool }}{{ 0 | bool }}").as_deref(), Ok("falsetruefalse"));
}

#[test]
fn what_the_engine_cannot_compute_is_an_error() {
    let least = "('-9223372036854775808' | int)";
    for (text, expected) in [
        ("{{ today + days(LEAST) }}", "more than a century"),
        ("{{ hr.name[::LEAST] }}", "cannot compute"),
        ("{{ hr.list[::LEAST] | first }}", "cannot compute"),
        ("{{ range(10)[::LEAST] }}", "cannot compute"),
    ] {
        let error = render(&text.replace("LEAST", least)).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}
