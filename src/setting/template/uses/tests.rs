use std::sync::{Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, Value};
use proptest::prelude::*;

use super::super::{Calendar, Engine, Sources, Template};
use super::*;

/// The columns that were asked for.
type Asked = Arc<Mutex<BTreeSet<(usize, String)>>>;

/// A person whose sources note which columns they are asked for.
#[derive(Debug)]
struct Watched {
    asked: Asked,
    /// Which values the columns have.
    values: u8,
}

#[derive(Debug)]
struct Columns {
    source: usize,
    asked: Asked,
    values: u8,
}

const COLUMNS: [&str; 6] = ["a", "b", "c", "d", "e", "userAccountControl"];

impl Object for Watched {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let source = ["hr", "ad"].iter().position(|name| Some(*name) == key.as_str())?;
        Some(Value::from_object(Columns { source, asked: Arc::clone(&self.asked), values: self.values }))
    }
}

impl Object for Columns {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert((self.source, name.to_owned()));
        let place = COLUMNS.iter().position(|column| *column == name)?;
        Some(match (place + usize::from(self.values)) % 6 {
            0 => Value::from("b"),
            1 => Value::from(vec![Value::from("a"), Value::from("c")]),
            2 => Value::from(1),
            3 => Value::from(""),
            4 => Value::from_iter([("a", Value::from("x")), ("b", Value::from(vec![1]))]),
            _ => Value::from(true),
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&COLUMNS)
    }
}

fn sources() -> Vec<Arc<str>> {
    vec!["hr".into(), "ad".into()]
}

/// The columns that evaluating a template asks for, with several kinds of values.
fn asked(text: &str, is_expression: bool) -> BTreeSet<(usize, String)> {
    let engine = Engine::new(&Calendar::any());
    let asked = Asked::default();
    for values in 0..6 {
        let record = Value::from_object(Watched { asked: Arc::clone(&asked), values });
        // What was asked before a failure counts too.
        if is_expression {
            drop(engine.condition(text).map(|compiled| compiled.eval(record)));
        } else {
            drop(engine.template(text).map(|compiled| compiled.render(record)));
        }
    }
    asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn named(uses: &Uses) -> BTreeSet<(usize, String)> {
    uses.columns.iter().map(|name| (name.source, name.column.to_string())).collect()
}

fn uses(text: &str, is_expression: bool) -> Uses {
    let uses = if is_expression { Uses::of_expression } else { Uses::of_template };
    uses(text, &sources()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What is asked of a source was named, unless the template is said to use more of it.
fn hold(text: &str, is_expression: bool) -> Result<(), TestCaseError> {
    let uses = uses(text, is_expression);
    let named = named(&uses);
    for (source, column) in asked(text, is_expression) {
        prop_assert!(
            uses.whole.contains(&source) || named.contains(&(source, column.clone())),
            "{text} asks for {column} of {source}; found were {named:?}"
        );
    }
    Ok(())
}

#[test]
fn each_construct_gives_up_its_columns() {
    for (text, columns, whole) in [
        ("x", "", ""),
        ("{# hr.a #}{% raw %}{{ hr.a }}{% endraw %}{{ 'hr.a' }}", "", ""),
        ("{{ hr.a }}{{ ad.a }}", "hr.a ad.a", ""),
        ("{{ hr . a }}{{ hr\n['b'] }}{{ (hr).c }}", "hr.a hr.b hr.c", ""),
        ("{{ hr['\\u0061'] }}{{ hr['b' ~ ''] }}", "hr.a hr.b", ""),
        ("{{ hr.a.b['c'] }}", "hr.a", ""),
        ("{{ hr | attr('a') }}", "hr.a", ""),
        ("{{ hr[0] is defined }}", "", ""),
        (
            "{{ 'a' in hr }}{{ 'b' not in ad }}{{ ('c') is in hr }}{{ ('d' ~ '') is not in(hr) }}",
            "hr.a ad.b hr.c hr.d",
            "",
        ),
        ("{{ 'a' in 'b' in hr }}{{ 'c' in hr.d }}{{ 5 in hr }}", "hr.b hr.d", ""),
        // Slices and arithmetic, tests and filters with arguments.
        ("{{ hr.a[:1] }}{{ hr.b[ad.a:ad.b:ad.c] }}", "hr.a hr.b ad.a ad.b ad.c", ""),
        ("{{ (hr.a | reverse)[::2] }}", "hr.a", ""),
        ("{{ -hr.a + hr.b * hr.c ~ (hr.d // 2) ** hr.e }}", "hr.a hr.b hr.c hr.d hr.e", ""),
        ("{{ not hr.a and hr.b or hr.c }}", "hr.a hr.b hr.c", ""),
        ("{{ hr.a if hr.b else hr.c }}{{ hr.d in hr.e }}", "hr.a hr.b hr.c hr.d hr.e", ""),
        ("{{ hr.a is eq(hr.b) }}{{ hr.c is in [hr.d, ad.a] }}", "hr.a hr.b hr.c hr.d ad.a", ""),
        ("{{ hr.a | replace(hr.b, hr.c) | default(hr.d, boolean=hr.e) }}", "hr.a hr.b hr.c hr.d hr.e", ""),
        ("{{ hr.a is defined }}{{ ad is disabled }}", "hr.a ad.userAccountControl", ""),
        ("{{ (ad) is\n not disabled }}", "ad.userAccountControl", ""),
        ("{{ [hr.a, (hr.b, hr.c)] }}{{ {hr.d: hr.e, 'x': ad.a} }}", "hr.a hr.b hr.c hr.d hr.e ad.a", ""),
        ("{{ range(hr.a) }}{{ dict(a=hr.b, **hr.c) }}{{ range(*hr.d) }}", "hr.a hr.b hr.c hr.d", ""),
        ("{{ hr.a(hr.b) }}", "hr.a hr.b", ""),
        // Statements.
        (
            "{% if hr.a %}{{ hr.b }}{% elif hr.c %}{{ hr.d }}{% else %}{{ hr.e }}{% endif %}",
            "hr.a hr.b hr.c hr.d hr.e",
            "",
        ),
        ("{% for x in hr.a if x == hr.b %}{{ hr.c }}{% else %}{{ hr.d }}{% endfor %}", "hr.a hr.b hr.c hr.d", ""),
        ("{% for x in hr.a recursive %}{{ loop(hr.b) }}{% endfor %}", "hr.a hr.b", ""),
        ("{% for x, y in hr.a | items %}{{ x[:hr.b] }}{% endfor %}", "hr.a hr.b", ""),
        ("{% set x = hr.a %}{{ x.b }}{{ x['c'] }}", "hr.a", ""),
        ("{% set n = namespace(a=hr.a) %}{% set n.b = hr.b %}{{ n.c }}", "hr.a hr.b", ""),
        ("{% set x | replace(hr.a, hr.b) %}{{ hr.c }}{% endset %}{{ x }}", "hr.a hr.b hr.c", ""),
        ("{% with x = hr.a, y = hr.b %}{{ x.c ~ y }}{% endwith %}", "hr.a hr.b", ""),
        ("{% filter replace(hr.a, hr.b) | upper %}{{ hr.c }}{% endfilter %}", "hr.a hr.b hr.c", ""),
        ("{% autoescape hr.a %}{{ hr.b }}{% endautoescape %}", "hr.a hr.b", ""),
        ("{% macro m(x=hr.a) %}{{ x.b ~ hr.c }}{% endmacro %}{{ m(hr.d) ~ m(x=hr.e) }}", "hr.a hr.c hr.d hr.e", ""),
        (
            "{% macro m(x) %}{{ caller(x) }}{% endmacro %}{% call(y=hr.a) m(hr.b) %}{{ y ~ hr.c }}{% endcall %}",
            "hr.a hr.b hr.c",
            "",
        ),
        ("{% macro m(x) %}{{ m(x[1:]) if x else hr.b }}{% endmacro %}{{ m(hr.a) }}", "hr.a hr.b", ""),
        ("{% do range(hr.a) %}", "hr.a", ""),
        // Which columns these use is known only when they are evaluated.
        ("{{ hr[ad.a] }}{{ ad.b in hr }}", "ad.a ad.b", "hr"),
        ("{% set x = 'a' %}{{ hr[x] }}{{ hr | attr(x) }}", "", "hr"),
        ("{{ hr }}{{ ad.a }}", "ad.a", "hr"),
        ("{{ hr | length }}{{ hr['a':] }}{{ hr() }}", "", "hr"),
        ("{{ [hr, ad] | map(attribute='a') }}", "", "hr ad"),
        ("{% set x = hr %}{{ x.a }}", "", "hr"),
        ("{{ (hr if ad.a else ad).b }}", "ad.a", "hr ad"),
        ("{% for x in [hr] %}{{ x.a }}{% endfor %}", "", "hr"),
        ("{{ debug() }}", "", "hr ad"),
        // A name that means a source here and something else there.
        ("{% set hr = hr.a %}{{ hr.b }}", "hr.a", "hr"),
        ("{% for hr in hr.a %}{{ hr.b }}{% endfor %}{{ hr.c }}", "hr.a hr.c", "hr"),
        ("{% if ad.a %}{% set hr = ad %}{% endif %}{{ hr.b }}", "ad.a hr.b", "hr ad"),
        ("{% with hr = hr.a %}{{ hr.b }}{% endwith %}{{ hr.c }}", "hr.a hr.c", "hr"),
        ("{% macro m(hr=hr.a) %}{{ hr.b }}{% endmacro %}{{ m() ~ hr.c }}", "hr.a hr.c", "hr"),
        ("{% macro hr() %}{% endmacro %}{{ hr() }}", "", "hr"),
    ] {
        let found = uses(text, false);
        let name = |(source, column): &(usize, String)| format!("{}.{column}", ["hr", "ad"][*source]);
        let named: BTreeSet<_> = named(&found).iter().map(name).collect();
        assert_eq!(named, columns.split_whitespace().map(str::to_owned).collect(), "{text}");
        let found: Vec<_> = found.whole.iter().map(|source| ["hr", "ad"][*source]).collect();
        assert_eq!(found.join(" "), whole, "{text}");
        hold(text, false).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn each_text_may_name_a_column() {
    for (text, names) in [
        ("{{ [hr] | selectattr('a') | list }}", "a"),
        ("{{ [hr] | map('attr', 'a') | first }}", "a attr"),
        ("{{ [hr] | sort(attribute='a.b, c') }}", "a a.b c"),
        ("{% set x = hr %}{{ x.a }}{{ x['b'] }}{% for y in [hr] %}{{ y.c }}{% endfor %}", "a b c"),
        ("{% macro m(x='a') %}{{ hr[x] }}{% endmacro %}{{ m('b') }}", "a b"),
        ("{{ {'a': hr[['b', 'c'] | first]}['a'] }}", "a b c"),
        ("{{ hr | attr('e\\u0301') }}", "\u{e9}"),
    ] {
        let found = uses(text, false).texts;
        assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>().join(" "), names, "{text}");
    }
}

#[test]
fn a_name_that_nobody_defines_is_refused_wherever_it_stands() {
    for (text, unknown) in [
        ("{{ hrr.a[:1] }}", Some("hrr")),
        ("{% filter replace(hrr.a, '') %}x{% endfilter %}", Some("hrr")),
        ("{% set x | replace(hrr.a, '') %}x{% endset %}", Some("hrr")),
        ("{% autoescape hrr.a %}x{% endautoescape %}", Some("hrr")),
        ("{% set x = x %}", Some("x")),
        ("{% with x = x %}{% endwith %}", Some("x")),
        ("{% macro m(x=y) %}{% endmacro %}{{ m() }}", Some("y")),
        ("{% set hrr = hr.a %}{{ hrr[:1] }}", None),
        ("{% filter upper %}{% set x = hr.a %}{% endfilter %}{{ x }}", None),
        ("{% for x in hr.a %}{{ loop.index ~ x }}{% endfor %}", None),
    ] {
        let problem = Template::parse("x", text, &sources()).err();
        assert_eq!(problem.is_some(), unknown.is_some(), "{text}: {problem:?}");
        if let (Some(problem), Some(unknown)) = (problem, unknown) {
            assert!(problem.contains(&format!("refers to `{unknown}`")), "{text}: {problem}");
        }
    }
}

#[test]
fn today_is_seen_wherever_it_stands() {
    for (text, uses_today) in [
        ("{{ hr.a | date <= today }}", true),
        ("{{ (today ~ '')[:4] }}", true),
        ("{% filter replace('x', today ~ '') %}x{% endfilter %}", true),
        ("{% set today = hr.a %}{{ today }}", false),
        ("{{ 'today' }}", false),
    ] {
        assert_eq!(
            Template::parse("x", text, &sources()).map(|template| template.uses_today),
            Ok(uses_today),
            "{text}"
        );
    }
}

#[test]
fn comparisons_are_judged_in_every_statement() {
    let sources = Sources { with_columns: 2, names: sources(), only_texts: ["hr".into()].into() };
    for text in [
        "{% autoescape hr.a > 0 %}x{% endautoescape %}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% call(x=hr.a > 0) m() %}{{ x }}{% endcall %}",
        "{% filter replace('a', (hr.a > 0) ~ '') %}x{% endfilter %}",
    ] {
        let problem = sources.template("x", text).err().unwrap_or_default();
        assert!(problem.contains("compares `hr.a`"), "{text}: {problem}");
    }
}

/// Expressions over two sources, and the names `x` and `y`.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => (prop::sample::select(vec!["hr", "ad", "x", "y", "loop"]), "[a-e]").prop_map(|(of, name)| format!("{of}.{name}")),
        2 => (prop::sample::select(vec!["hr", "ad", "x"]), "[a-e]").prop_map(|(of, name)| format!("{of}['{name}']")),
        1 => prop::sample::select(vec!["hr", "ad", "x", "y", "'a'", "1", "true", "none", "today"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |part| {
        prop_oneof![
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("({one})[{other}]")),
            (part.clone(), part.clone(), part.clone()).prop_map(|(of, from, to)| format!("({of})[{from}:{to}]")),
            part.clone().prop_map(|of| format!("({of})[:1]")),
            (part.clone(), "[a-e]").prop_map(|(of, name)| format!("({of}).{name}")),
            (part.clone(), part.clone(), prop::sample::select(vec!["+", "~", "==", "<", "in", "and", "or", "not in"]))
                .prop_map(|(one, other, operator)| format!("({one} {operator} {other})")),
            (part.clone(), part.clone(), part.clone())
                .prop_map(|(one, test, other)| format!("({one} if {test} else {other})")),
            part.clone().prop_map(|of| format!("(not {of})")),
            (part.clone(), prop::sample::select(vec!["defined", "disabled", "string", "not disabled"]))
                .prop_map(|(of, test)| format!("({of} is {test})")),
            (part.clone(), part.clone()).prop_map(|(of, other)| format!("({of} is eq({other}))")),
            (part.clone(), prop::sample::select(vec!["upper", "length", "as_list", "items", "attr('a')", "string"]))
                .prop_map(|(of, filter)| format!("({of} | {filter})")),
            (part.clone(), part.clone(), prop::sample::select(vec!["default", "attr", "map", "replace('a',"]))
                .prop_map(|(of, with, filter)| match filter.ends_with(',') {
                    true => format!("({of} | {filter} {with}))"),
                    false => format!("({of} | {filter}({with}))"),
                }),
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("[{one}, {other}]")),
            (part.clone(), part.clone()).prop_map(|(one, other)| format!("{{'a': {one}, 'b': {other}}}")),
            (part.clone(), part).prop_map(|(one, other)| format!("x({one}, y={other})")),
        ]
    })
}

fn template() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["x", "y", "x", "y", "x", "hr"]);
    let leaf = prop_oneof![
        expression().prop_map(|value| format!("{{{{ {value} }}}}")),
        (name(), expression()).prop_map(|(name, value)| format!("{{% set {name} = {value} %}}")),
    ];
    leaf.prop_recursive(3, 12, 3, move |part| {
        prop_oneof![
            (part.clone(), part.clone()).prop_map(|(one, other)| one + &other),
            (expression(), part.clone(), part.clone())
                .prop_map(|(test, one, other)| format!("{{% if {test} %}}{one}{{% else %}}{other}{{% endif %}}")),
            (name(), expression(), expression(), part.clone(), part.clone()).prop_map(|(name, of, test, one, other)| {
                format!("{{% for {name} in {of} if {test} %}}{one}{{% else %}}{other}{{% endfor %}}")
            }),
            (name(), expression(), part.clone()).prop_map(|(name, of, body)| {
                format!("{{% for {name} in {of} recursive %}}{body}{{{{ loop({name}.b) }}}}{{% endfor %}}")
            }),
            (name(), expression(), part.clone())
                .prop_map(|(name, value, body)| format!("{{% with {name} = {value} %}}{body}{{% endwith %}}")),
            (name(), expression(), part.clone()).prop_map(|(name, value, body)| {
                format!("{{% set {name} | replace('a', {value}) %}}{body}{{% endset %}}")
            }),
            (expression(), part.clone())
                .prop_map(|(value, body)| format!("{{% filter replace('a', {value}) %}}{body}{{% endfilter %}}")),
            (expression(), part.clone())
                .prop_map(|(value, body)| format!("{{% autoescape {value} %}}{body}{{% endautoescape %}}")),
            (name(), expression(), expression(), part.clone()).prop_map(|(name, value, given, body)| {
                format!("{{% macro x({name}={value}) %}}{body}{{% endmacro %}}{{{{ x() }}}}{{{{ x({given}) }}}}")
            }),
            (name(), expression(), expression(), part).prop_map(|(name, value, given, body)| {
                format!(
                    "{{% macro y(x) %}}{{{{ caller(x) }}}}{{% endmacro %}}{{% call({name}={value}) y({given}) %}}{body}{{% endcall %}}"
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_an_expression_asks_for_was_named(text in expression()) {
        hold(&text, true)?;
    }

    #[test]
    fn whatever_a_template_asks_for_was_named(text in template()) {
        hold(&text, false)?;
    }
}
