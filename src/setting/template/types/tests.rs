use std::sync::Arc;

use super::*;

#[test]
fn a_source_of_texts_is_not_compared_with_anything_else() {
    let sources = Sources {
        with_columns: 2,
        names: ["hr", "ad", "branches"].map(Arc::from).to_vec(),
        only_texts: BTreeSet::from([Arc::from("hr")]),
    };
    for (text, expected) in [
        ("hr.fte > 0", "compares `hr.fte`, a text, with `0`, a number; convert the text, as in `hr.fte | float > 0`"),
        ("hr.level == 3", "convert the text, as in `hr.level | float > 0`, or write the number in quotes"),
        ("hr.a == 'x' and not (ad.b and 3 <= hr['fte %'])", "`hr[\"fte %\"] | float > 0`"),
        ("hr.active == true", "compare the text with a text, as in `hr.active == 'true'`"),
        ("hr.start <= today", "read the text as a date: `hr.start | date`"),
        ("hr.start | date <= '2026-12-01'", "a date, with"),
        ("hr.level in [1, 2]", "compares `hr.level`, a text"),
        ("3 in hr.level", "compares `3`, a number, with `hr.level`, a text"),
        ("hr.level is ge 3", "compares `hr.level`, a text"),
        ("hr.level is sameas 3", "compares `hr.level`, a text"),
        ("hr.active is true", "asks whether `hr.active`, a text, is true; compare the text with a text"),
        ("hr.active is not false", "as in `hr.active == 'true'`"),
        ("hr.level is number or hr.a == 'x'", "whether `hr.level`, a text, is number, which it never is; convert"),
        ("hr.level is odd", "is odd, which it never is"),
        ("branches and hr.a == 'x'", "asks whether `branches` holds, which is an object"),
        ("not branches", "compare it, as in `'value' in branches`"),
        ("branches == hr.a", "compares `branches`, an object, with `hr.a`, a text"),
        ("(hr.level | trim | default('3')) > 3", "compares"),
        ("hr.level | int == '3'", "compares"),
        ("hr.active", "asks whether `hr.active` holds, which is a text"),
        ("not hr.left", "asks whether `hr.left` holds"),
        ("false if hr.left else true", "asks whether `hr.left` holds"),
        ("true if hr.a == 'x' else hr.left", "asks whether `hr.left` holds"),
        ("hr.a == 'x' and hr.active", "compare it, as in `hr.active == 'yes'`"),
    ] {
        let error = sources.condition("x", text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    for (text, expected) in [
        ("{{ 'A' if hr.fte > 0 else 'B' }}", "compares `hr.fte`, a text"),
        ("{% for x in [1] if hr.fte == x %}{% endfor %}{% if hr.fte == 1 %}{% endif %}", "compares"),
        ("{{ {1: 'A'}[hr.level] }}", "compares `hr.level`, a text, with `1`"),
        ("{{ hr.mail | first }}", "uses `first`, which is for lists, on `hr.mail`, which is a text; leave `first` out"),
        ("{% macro f(x) %}{{ hr.a == 1 }}{% endmacro %}", "compares"),
        ("{{ 'A' if branches else 'B' }}", "asks whether `branches` holds"),
        ("{% if hr.a == 'x' or not branches %}A{% endif %}", "asks whether `branches` holds"),
    ] {
        let error = sources.template("x", text).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    for text in [
        "ad.fte > 0",
        "hr.fte | float > 0",
        "hr.fte == '1'",
        "hr.fte == ''",
        "hr.start | date('%d.%m.%Y') <= today + days(14)",
        "hr.level | default(3) == '3'",
        "hr.level in ['1', '2']",
        "hr.a == none",
        "hr.a in branches and branches[hr.a].x == 'y' and branches.get(hr.a) is defined and ad is defined",
        "hr.active | bool and ad.x",
    ] {
        assert!(sources.condition("x", text).is_ok(), "{text}: {:?}", sources.condition("x", text).err());
    }
    for text in [
        "{% set hr = {'fte': 1} %}{{ hr.fte > 0 }}",
        "{% for hr in [1] %}{{ hr.x == 1 }}{% endfor %}",
        "{{ hr.mail | as_list | first }}",
        "{{ 'A' if ad and branches.get(hr.a) else 'B' }}",
        "{{ hr.name | split(',') | first }}",
    ] {
        assert!(sources.template("x", text).is_ok(), "{text}: {:?}", sources.template("x", text).err());
    }
}
