//! Filters that compare, and filters that make numbers.

use super::*;

#[test]
fn filters_compare_as_operators_do() {
    let contracts = |one: &str, other: &str| format!("[{{'s': {one}, 'n': 1}}, {{'s': {other}, 'n': 2}}]");
    let filters = |list: &str| {
        [
            format!("({list} | sort(attribute='s') | last).n == 2"),
            format!("({list} | sort(attribute='n,s') | last).n == 2"),
            format!("({list} | min(attribute='s')).n == 2"),
            format!("({list} | max(attribute='s')).n == 2"),
            format!("{list} | groupby('s') | length == 2"),
            format!("{list} | groupby(attribute='s') | length == 2"),
            format!("{list} | map(attribute='s') | sort | length == 2"),
            format!("{{'a': {list}[0].s, 'b': {list}[1].s}} | dictsort(by='value') | length == 2"),
        ]
    };
    for (one, other, expected) in [
        ("'2020-01-01'", "20260101", "which is of another type"),
        ("hr.start | date('%d.%m.%Y')", "'2020-01-01'", "which is of another type"),
        ("'a'", "true", "which is of another type"),
        ("'2026-9-1'", "'2026-10-01'", "compared letter by letter, not as dates"),
        ("hr.start", "hr.end", "compared letter by letter, not as dates"),
        ("'9'", "'10'", "compared letter by letter, not as numbers"),
        ("'2026-01-01'", "''", "an empty text is neither before nor after"),
        ("'2026-01-01'", "none", "none is neither less nor more"),
        ("'2026-01-01'", "' '", "compared letter by letter, not as dates"),
        ("'2026-01-01'", "'-'", "compared letter by letter, not as dates"),
        ("'2026-01-01'", "'open'", "compared letter by letter, not as dates"),
        ("['9', 1]", "['10', 2]", "compared letter by letter, not as numbers"),
        ("[1, '9']", "[2, '10']", "compared letter by letter, not as numbers"),
        ("[]", "['2026-01-01']", "an empty list is neither before nor after"),
        ("'' | as_list", "hr.start | as_list", "an empty list is neither before nor after"),
        ("hr.nan", "1", "is not a number"),
    ] {
        for text in filters(&contracts(one, other)).iter().chain(&filters(&contracts(other, one))) {
            fails(text, expected);
        }
    }
    for text in filters(&contracts("'2020-01-01'", "'2026-01-01'")) {
        assert!(holds(&text).is_ok(), "{text}");
    }
    fails("('' | as_list) < (hr.start | as_list)", "an empty list is neither before nor after");
    assert_eq!(holds("[[], []] | sort | length == 2 and ['a'] < ['a', 'b']"), Ok(true));
    let lacking = "[{'s': '2020-01-01'}, {'n': 1}]";
    for filter in
        ["sort(attribute='s')", "sort(attribute='n,s')", "min(attribute='s')", "unique(attribute='s')", "groupby('s')"]
    {
        fails(&format!("{lacking} | {filter} | list | length == 2"), "which an item of the list lacks");
    }
    assert_eq!(holds(&format!("{lacking} | groupby('s', default='1970-01-01') | length == 2")), Ok(true));
    assert_eq!(holds("[{'n': 1}] | sort(attribute='s') | length == 1"), Ok(true));
    // A text between two others hides neither.
    for filter in ["sort", "max", "sort(reverse=true)"] {
        fails(&format!("['9', '', '10'] | {filter} == 'A'"), "an empty text is neither before nor after");
        fails(&format!("['9', 'A', '10'] | {filter} == 'A'"), "compared letter by letter, not as numbers");
    }
    fails("{'9': 1, '10': 2} | dictsort | length == 2", "compared letter by letter, not as numbers");
    fails("{'9': 1, '10': 2} | max == '9'", "compared letter by letter, not as numbers");
    assert_eq!(holds("{'b': 1, 'a': '2'} | dictsort | map('first') | list == ['a', 'b']"), Ok(true));
    // What is only asked to be equal needs no order.
    for text in [
        "[hr.text, 5] | unique | length == 2",
        "hr.mixed | unique | length == 2",
        "[{'x': '5'}, {'x': 5}] | unique(attribute='x') | length == 2",
        "[5, none, '5'] | unique | length == 3",
    ] {
        fails(text, "which is of another type");
    }
    assert_eq!(holds("['9', '10', '', '9'] | unique | length == 3"), Ok(true));
    assert_eq!(holds("[none, 5, 5.0, 7] | unique | length == 3"), Ok(true));
    let long: Vec<String> = (1000..1900).map(|number| format!("'{number}'")).collect();
    assert_eq!(holds(&format!("[{}] | sort | first == '1000'", long[..800].join(","))), Ok(true));
}

#[test]
fn numbers_are_finite() {
    for filter in ["int", "float"] {
        for text in ["'NaN'", "'nan'", "'inf'", "'-Infinity'", "'1e400'", "hr.infinite", "hr.nan"] {
            fails(&format!("{text} | {filter} > 0"), "which is not a number");
            assert_eq!(holds(&format!("{text} | {filter}(default=7) == 7")), Ok(true), "{text}");
            assert_eq!(holds(&format!("{text} | {filter}(7) == 7")), Ok(true), "{text}");
        }
        assert_eq!(holds(&format!("'n/a' | {filter}(default=7) == 7")), Ok(true));
        assert_eq!(holds(&format!("'3' | {filter} == 3")), Ok(true));
    }
    assert_eq!(holds("'ff' | int(base=16) == 255 and '3.9' | int == 3 and 2.5 | float == 2.5"), Ok(true));
    fails("'1e300' | int > 0", "which is not a number");
    for text in ["hr.infinite > 2", "hr.nan == 1", "-hr.infinite < 0", "[hr.infinite] == [1]", "hr.nan in [1]"] {
        fails(text, "is not a number");
    }
    assert_eq!(render("{{ hr.infinite }}").unwrap_err(), "invalid operation: inf is not a number");
    assert!(render("{{ hr.number / 0 }}").is_err() && render("{{ 1e308 * 1e308 }}").is_err());
}

/// A cell that cannot be read is an error wherever it gets to, never a text.
#[test]
fn what_cannot_be_read_is_no_value() {
    let engine = Engine::new(&Calendar::any());
    let cell = || Value::from(Error::new(ErrorKind::InvalidOperation, "the cell holds #N/A"));
    for text in [
        "hr.v",
        "hr | attr('v')",
        "hr['v']",
        "[hr] | map(attribute='v') | first",
        "[hr] | map('attr', 'v') | first",
        "[hr] | map(attribute='v') | join(',')",
        "[hr] | map('attr', 'v') | join",
        "hr | attr('v') | string",
        "(hr | attr('v')) ~ ''",
        "(hr | attr('v')) | lower",
        "(hr | attr('v')) | default('x')",
        "hr | items | list | first | last",
        "hr | items | first | last | string",
        "(hr | items | first | last) ~ ''",
        "hr | dictsort | first | last | string",
        "[hr.v] | first",
        "[hr | attr('v')] | join",
        "(hr | items | first)[1]",
        "(hr | items | first)[1] | string",
        "[hr] | selectattr('v') | list | length",
        "[hr] | rejectattr('v') | list | length",
        "[hr] | selectattr('v', 'eq', 'x') | list | length",
        "[hr] | sum(attribute='v')",
        "hr | tojson",
        "hr | string | length",
        "hr | pprint",
        "'%s' | format(hr | attr('v'))",
        "'%s' | format(hr | items | first | last)",
        "[hr] | map('items') | first | first | last | string",
        "(hr | items | first | last) is string",
        "(hr | items | first | last) is defined",
        "(hr | items | first | last) | length",
        "(hr | items | first | last) | replace('a', 'b')",
        "(hr | items | first | last) | visible",
        "(hr | items | first | last) in ['x']",
        "l | first",
        "l | first | string",
        "l | last ~ ''",
        "l | join",
        "l[0]",
        "l[0] | string",
        "(l | list)[0] ~ ''",
        "l | map('string') | first",
        "l | map('lower') | first",
        "l | reverse | first | string",
        "l | slice(1) | first | first | string",
        "l | batch(1) | first | first | string",
        "l | select | list | length",
        "l | select('string') | list | length",
        "l[:1] | first | string",
        "l | string | length",
        "l | as_list | first | string",
        "(l + l) | first | string",
        "l | unique | list | first | string",
    ] {
        let record = minijinja::context! { hr => minijinja::context! { v => cell() }, l => vec![cell()] };
        let value = engine.expression(text).and_then(|compiled| compiled.eval(record));
        let said = format!("{value:?}");
        assert!(value.is_err_and(|error| format!("{error:?}").contains("#N/A")), "{text}: {said}");
    }
}

#[test]
fn what_is_no_text_is_not_read_as_one() {
    // Round brackets make the same list.
    for text in [
        "hr.list == ('a', 'b')",
        "('a', 'b') in [hr.list]",
        "{'x': hr.list} == {'x': ('a', 'b')}",
        "['a'] | zip(['b']) | first == hr.list",
        "hr.list != ('a', 'c') and hr.list is eq(('a', 'b')) and hr.list != ('a',) and hr.list != ['a', 'b', 'c']",
        "{'x': hr.list} != {'y': hr.list} and {'x': 1} != {'x': 1, 'y': 2}",
    ] {
        assert_eq!(holds(text), Ok(true), "{text}");
    }
    fails("[hr.list, ('a', 'b')] | unique | list | length == 1", "round brackets");
    // True and false are written in one way.
    for text in [
        "hr.yes | string",
        "hr.yes | trim",
        "[hr.yes] | join",
        "'%s' | format(hr.yes)",
        "'x' | replace('x', hr.yes)",
        "hr.yes ~ ''",
    ] {
        assert_eq!(holds(&format!("({text}) == 'true'")), Ok(true), "{text}");
    }
    assert_eq!(holds("([hr.nothing, hr.yes] | join(',')) == ',true' and (hr.nothing | string) == ''"), Ok(true));
    for text in [
        "'a' in hr.text | chain(hr.list)",
        "'a' in hr.list | chain(hr.text)",
        "hr.text | zip(hr.list) | list | length == 1",
        "'3' in hr.text | slice(1) | first",
    ] {
        fails(text, "is for lists, and");
    }
    for text in [
        "{'a': 1}[hr.none] == 1",
        "hr.list[hr.none] is defined",
        "'x' in {hr.none: 1}",
        "'x' in {'a': 1, hr.none: 1}",
        "hr[hr.none] is defined",
    ] {
        assert!(holds(text).is_err_and(|error| error.contains("undefined")), "{text}: {:?}", holds(text));
    }
    for test in ["startingwith('a')", "endingwith('b')", "lower", "upper"] {
        for value in ["hr.list", "hr.yes", "hr.number", "hr", "hr.nothing"] {
            fails(&format!("{value} is {test}"), "is for texts, and gets ");
        }
    }
    fails("hr.text is startingwith(['3'])", "`is startingwith` is for texts, and gets a list");
    fails("[hr.list] | select('startingwith', '[') | list | length == 1", "is for texts, and gets a list");
}

/// Every text with letters holds for the engine, and what is not there does not.
#[test]
fn in_a_condition_items_are_chosen_by_true_and_false() {
    for (text, expected) in [
        ("[true, false] | select | list == [true]", true),
        ("[true, false] | reject | list == [true]", false),
        ("([{'a': true}, {'a': false}] | selectattr('a') | list | length) == 1", true),
        ("[{'a': {'b': false}}] | rejectattr('a.b') | list != []", true),
        ("['a', ''] | select('ne', '') | list == ['a']", true),
        ("[{'a': 'no'}] | selectattr('a', 'eq', 'yes') | list == []", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
    for items in ["hr.list", "[none]", "['']", "[0]", "[[]]", "[{}]", "['no']"] {
        for filter in ["select", "reject"] {
            let error = holds(&format!("{items} | {filter} | list == []")).expect_err(items);
            assert!(error.contains(&format!("`{filter}` needs true or false")), "{error}");
            let attribute = format!("({items} | as_list)[0]");
            let error = holds(&format!("[{{'a': {attribute}}}] | {filter}attr('a') | list == []")).expect_err(items);
            assert!(error.contains(&format!("`{filter}attr` needs true or false")), "{error}");
        }
    }
    // What is not there is an error everywhere.
    for text in [
        "[{}] | selectattr('a') | list == []",
        "[{}] | rejectattr('a') | list == []",
        "[hr.none] | select | list == []",
    ] {
        fails(text, "undefined");
    }
    assert_eq!(render("{{ ['a', '', none] | select | join(' ') }}"), Ok("a".to_owned()));
}
