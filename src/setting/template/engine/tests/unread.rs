//! No chain of filters, tests and subscripts gives a value for what cannot be read, or is not there. Whether it does is seen by
//! comparing: an expression whose result depends on a cell must fail where there is no such cell.

mod chains;

use std::collections::BTreeMap;

use minijinja::value::{Enumerator, Object};

use self::chains::{ARGUMENTS, COLUMNS, CONDITIONS, ENDS, STARTS, STEPS};
use super::*;

/// Of so many ends, one is tried with each chain.
const EACH: usize = 97;

/// A record as the sources give it: an object that knows its columns, and one of them cannot be read or is not there.
#[derive(Debug)]
struct Record(BTreeMap<&'static str, Value>);

impl Object for Record {
    fn get_value(self: &std::sync::Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &std::sync::Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|key| Value::from(*key)).collect())
    }
}

/// What templates see, with this cell.
fn seen(cell: Option<&Value>) -> Value {
    let record = |cell: Option<&Value>| {
        let cells = cell.map(|cell| ("v", cell.clone())).into_iter().chain([("n", Value::from("v"))]);
        Value::from_object(Record(cells.collect()))
    };
    let (hr, l) = (record(cell), || cell.into_iter().cloned().collect::<Vec<Value>>());
    context! {
        hr => hr.clone(), l => l(), people => vec![hr.clone()], deep => context! { hr => hr.clone(), l => l() }, n => "v",
        other => record(Some(&Value::from("c"))),
    }
}

/// Every chain of at most two steps fails for a record, or its result is the same for every value that the cell could have.
fn depends_on_nothing(
    without: &Value,
    starts: impl IntoIterator<Item = &'static str>,
    ends: &[&str],
    is_silent: impl Fn(&str) -> bool,
    result: impl Fn(&str, &[&Value]) -> Option<Vec<Result<String, Error>>>,
) {
    let values = ["a", "b", "abab"].map(|value| seen(Some(&Value::from(value))));
    let records: Vec<&Value> = [without].into_iter().chain(&values).collect();
    let chains = starts.into_iter().flat_map(of_two);
    let (mut tried, mut wrong) = (0, Vec::new());
    for (number, chain) in chains.enumerate() {
        if is_silent(&chain) {
            continue;
        }
        for (_, end) in ends.iter().enumerate().filter(|(place, _)| (place + number) % EACH == 0) {
            let text = end.replace('#', &chain);
            let Some(results) = result(&text, &records) else { continue };
            tried += 1;
            let [Ok(one), others @ ..] = &results[..] else { continue };
            if others.iter().any(|other| other.as_ref().is_ok_and(|other| other != one)) {
                wrong.push(format!("{text} gives {one:?}, and {others:?}"));
            }
        }
    }
    assert!(tried > 10_000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

/// A start with two steps behind it.
fn of_two(start: &'static str) -> impl Iterator<Item = String> {
    STEPS.iter().flat_map(move |one| STEPS.iter().map(move |other| format!("({start}){one}{other}")))
}

/// The result of the first record, and, if there is one, those of the others.
fn results(records: &[&Value], result: impl Fn(Value) -> Result<String, Error>) -> Vec<Result<String, Error>> {
    let first = result(records[0].clone());
    let others: &[&Value] = if first.is_ok() { &records[1..] } else { &[] };
    let others = others.iter().map(|&record| result(record.clone()));
    [first].into_iter().chain(others.collect::<Vec<_>>()).collect()
}

#[test]
fn no_chain_gives_a_value_for_what_cannot_be_read() {
    let engine = engine();
    let cell = Value::from(Error::new(ErrorKind::InvalidOperation, "the cell holds #N/A"));
    depends_on_nothing(
        &seen(Some(&cell)),
        STARTS.into_iter().chain(ARGUMENTS),
        &ENDS,
        |_| false,
        |text, records| {
            let template = engine.template(text).ok()?;
            Some(results(records, |record| template.render(record)))
        },
    );
}

/// Nobody is in or out of the scope because a column is not there, unless the condition asks for that.
#[test]
fn no_condition_holds_or_not_for_what_is_not_there() {
    let engine = engine();
    let asks = |chain: &str| ["default", ".get(", "hr.none"].iter().any(|word| chain.contains(word));
    depends_on_nothing(&seen(None), COLUMNS.into_iter().chain(ARGUMENTS), &CONDITIONS, asks, |text, records| {
        let condition = engine.condition(text).ok()?;
        Some(results(records, |record| match condition.eval(record)? {
            value if value.kind() == ValueKind::Bool => Ok(value.to_string()),
            other => Err(Error::new(ErrorKind::InvalidOperation, format!("{other:?} is neither true nor false"))),
        }))
    });
}

/// Nobody gets a value that was made without a column that is not there, unless the template asks for that.
#[test]
fn no_template_writes_without_what_is_not_there() {
    let engine = engine();
    let asks = |chain: &str| ["default", ".get(", "hr.none"].iter().any(|word| chain.contains(word));
    let ends: Vec<&str> = ENDS
        .into_iter()
        .filter(|end| ![" if ", "% if", "not (#)", ") or ", ") and "].iter().any(|word| end.contains(word)))
        .collect();
    depends_on_nothing(&seen(None), COLUMNS.into_iter().chain(ARGUMENTS), &ends, asks, |text, records| {
        let template = engine.template(text).ok()?;
        Some(results(records, |record| template.render(record)))
    });
}

/// A condition that depends on a text gives no answer for a value of another type, unless the answer depends on that value too.
#[test]
fn no_condition_has_one_answer_for_all_values_of_another_type() {
    let engine = engine();
    let list = |items: &[&'static str]| Value::from(items.to_vec());
    let of_other_types = [
        vec![list(&["a"]), list(&["b"]), list(&["zz", "y"])],
        ["a", "b", "abab"].map(|key| Value::from_iter((0..key.len()).map(|n| (&key[n..], 1)))).to_vec(),
        vec![Value::from(true), Value::from(false)],
        vec![Value::from(1), Value::from(2), Value::from(0.5)],
    ];
    let texts = ["a", "b", "abab"].map(Value::from).to_vec();
    let (mut tried, mut wrong) = (0, Vec::new());
    // `'string'` asks for the type.
    let chains = COLUMNS
        .into_iter()
        .chain(ARGUMENTS)
        .flat_map(of_two)
        .filter(|chain| !chain.contains("'string'") && !chain.contains("chain("));
    for (number, chain) in chains.enumerate() {
        for (_, end) in CONDITIONS.iter().enumerate().filter(|(place, _)| (place + number) % EACH == 0) {
            // Numbers of items are often the same.
            if end.contains("disabled") {
                continue;
            }
            let text = end.replace('#', &chain);
            let Ok(condition) = engine.condition(&text) else { continue };
            let answers = |values: &[Value]| -> Option<Vec<bool>> {
                let answer =
                    |value: &Value| condition.eval(seen(Some(value))).ok().filter(|it| it.kind() == ValueKind::Bool);
                values.iter().map(|value| answer(value).map(|it| it.is_true())).collect()
            };
            let differ = |answers: &[bool]| answers.iter().any(|answer| answer != &answers[0]);
            if !answers(&texts).is_some_and(|answers| differ(&answers)) {
                continue;
            }
            // Filters of texts write numbers, true and false as texts, which can then be compared.
            let writes = [" | ", " ~ "].iter().any(|sign| chain.contains(sign));
            for values in of_other_types.iter().take(if writes { 2 } else { 4 }) {
                tried += 1;
                if let Some(answers) = answers(values).filter(|answers| !differ(answers)) {
                    wrong.push(format!("{text} is {} for each of {values:?}", answers[0]));
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}
