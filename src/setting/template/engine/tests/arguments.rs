//! Arguments that are not there.

use super::*;

#[test]
fn what_is_not_there_is_no_missing_argument() {
    for text in [
        "dict(hr.none, k=1)",
        "dict(hr.none)",
        "range(hr.none)",
        "range(1, hr.none) | list",
        "range(1, 9, hr.none) | list",
        "days(hr.none)",
        "hr.fraction | round(hr.none)",
        "hr.fraction | round(precision=hr.none)",
        "hr.fraction | round(1, hr.none)",
        "hr.fraction | round(method=hr.none)",
        "hr.code | int(0, hr.none)",
        "hr.code | int(base=hr.none)",
        "hr.nothing | int(hr.none)",
        "hr.nothing | float(default=hr.none)",
        "hr.iso | date(hr.none)",
        "hr.empty | default('x', hr.none)",
        "hr.empty | d('x', hr.none)",
        "{'b': 1, 'a': 2} | dictsort(by=hr.none)",
        "{'b': 1, 'a': 2} | dictsort(reverse=hr.none)",
        "hr.list | sort(reverse=hr.none)",
        "hr.list | batch(2, hr.none)",
        "hr.list | slice(2, hr.none)",
        "hr.list | join(hr.none)",
        "hr.list | join(d=hr.none)",
        "hr.numbers | sum(start=hr.none)",
        "[1, hr.none] | sum",
        "[{'n': 1}, {}] | sum(attribute='n')",
        "[{'n': 1}, {}] | sum('n')",
        "hr.code | replace(hr.none, 'b')",
        "hr.code | replace('0', hr.none)",
        "hr.code | trim(hr.none)",
        "hr.code | trim_start(hr.none)",
        "hr.code | split(hr.none)",
        "hr.code | split('0', hr.none)",
        "hr.code | indent(hr.none)",
        "hr.code | indent(2, hr.none)",
        "hr.code | pad(hr.none)",
        "hr.code | pad(9, hr.none)",
        "hr.code | regex_replace('0', hr.none)",
        "hr.code[:hr.none]",
        "hr.code[hr.none:]",
        "hr.list[::hr.none]",
        "hr.list[hr.none]",
        "hr.list | attr(hr.none)",
        "hr.code in hr.none",
        "hr.none in hr.list",
        "hr.code is in hr.none",
        "hr.code is startingwith(hr.none)",
        "hr.number is divisibleby(hr.none)",
        "hr.list | select('eq', hr.none) | list",
        "hr.list | map('default', 'x', hr.none) | list",
        "hr.fraction | round(**hr.none)",
    ] {
        // Some of these are true or false, and some are lists.
        let given = engine().expression(text).unwrap().eval(record());
        let error = given.map(|given| given.to_string()).expect_err(text).to_string();
        assert!(error.contains("undefined"), "{text}: {error}");
    }
}

#[test]
fn what_is_there_is_given_and_another_default_may_follow() {
    for (text, expected) in [
        ("{{ dict({'a': 1}, k=2) | length }}", "2"),
        ("{{ dict() | length }}{{ dict(k=hr.none).k is defined }}", "0false"),
        ("{{ range(3) | join }} {{ range(1, 3) | join }} {{ range(1, 9, 4) | join }}", "012 12 15"),
        ("{{ 2.55 | round }} {{ 2.55 | round(1) }} {{ 2.5 | round(precision=0, method='ceil') }}", "3.0 2.5 3.0"),
        ("{{ hr.none | default(hr.none) | default('x') }}", "x"),
        (
            "{{ hr.code | default(hr.none) }} {{ hr.empty | default('x', true) }} {{ hr.none | d(hr.code, false) }}",
            "00100 x 00100",
        ),
        ("{{ hr.code | int(default=hr.none) }} {{ hr.code | int(hr.none, 2) }} {{ 'x' | int(7) }}", "100 4 7"),
        ("{{ hr.iso | date }} {{ hr.start | date('%d.%m.%Y') }}", "2026-12-01 2026-12-01"),
        ("{{ hr.code[:2] }}{{ hr.code[3:] }}{{ hr.list[::1] | join }}", "0000ab"),
        ("{{ {'b': 1, 'a': 2} | dictsort(reverse=true) | map('first') | join }}", "ba"),
        ("{{ hr.numbers | sum }} {{ [{'n': 1}, {'n': 2}] | sum(attribute='n', start=4) }} {{ [] | sum }}", "3 7 0"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
    }
    let error = render("{{ dict(hr.none, k=1) | length }}").unwrap_err();
    assert!(error.contains("`hr.none`") && error.contains("undefined"), "{error}");
    let error = engine().template("{{ hr.fraction | round(*hr.none) }}").map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("write each argument"), "{error}");
}
