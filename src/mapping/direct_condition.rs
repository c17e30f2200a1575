//! Conditions that only compare columns with texts, as in `hr.status == 'active' and hr.kind != 'guest'`. They are
//! answered without the template engine, which gives the same and takes much longer. Whatever is not a plain text is left
//! to the engine, which also has the words for what is wrong.

use crate::employee::normal_text;
use crate::setting::template::{Template, quoted};
use crate::source::{CellView, Records};

/// How long a text may be, in bytes: the engine counts what it costs to compare longer ones.
const LONGEST: usize = 60;

/// Comparisons that must all hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DirectCondition(Vec<Comparison>);

#[derive(Debug, PartialEq, Eq)]
struct Comparison {
    source: usize,
    column: usize,
    is_equal: bool,
    text: Box<str>,
}

impl DirectCondition {
    /// Recognises `source.column == 'text'`, with `!=` too, and several of these joined by `and`.
    pub(super) fn of(template: &Template, records: &Records) -> Option<Self> {
        let (mut comparisons, mut code) = (Vec::new(), &*template.text);
        loop {
            let (source, column, rest) = column(code, template, records)?;
            let rest = rest.trim_start();
            let is_equal = rest.starts_with("==");
            let rest = rest.strip_prefix("==").or_else(|| rest.strip_prefix("!="))?;
            let (text, rest) = quoted(rest.trim_start()).filter(|(text, _)| text.len() <= LONGEST)?;
            comparisons.push(Comparison { source, column, is_equal, text: text.into() });
            let rest = rest.trim();
            if rest.is_empty() {
                return Some(Self(comparisons));
            }
            code = rest.strip_prefix("and").filter(|rest| rest.starts_with(char::is_whitespace))?;
        }
    }

    /// Whether all comparisons hold for a record; `None` if the engine has to say.
    pub(super) fn holds(&self, records: &Records, record: usize) -> Option<bool> {
        for Comparison { source, column, is_equal, text } in &self.0 {
            match records.cell(record, *source, *column) {
                CellView::Text(cell) if cell.len() <= LONGEST => {
                    if (normal_text(cell) == **text) != *is_equal {
                        return Some(false);
                    }
                }
                _ => return None,
            }
        }
        Some(true)
    }
}

/// The source and the column that a piece of code begins with, `source.column` or `source["column"]`, and the code
/// behind it.
pub(super) fn column<'c>(code: &'c str, template: &Template, records: &Records) -> Option<(usize, usize, &'c str)> {
    template.columns.iter().find_map(|name| {
        let rest = code.trim_start().strip_prefix(records.source_name(name.source))?;
        let (column, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                rest.split_at(rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()))
            }
            None => {
                let (column, rest) = quoted(rest.strip_prefix('[')?)?;
                (column, rest.strip_prefix(']')?)
            }
        };
        let place = records.column(name.source, column).filter(|_| *column == *name.column)?;
        Some((name.source, place, rest))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::compiled_template::{Condition, Context};
    use super::*;
    use crate::setting::template::Engine;
    use crate::source::tests::{Fixture, source};

    fn template(text: &str) -> Template {
        let sources: Vec<Arc<str>> = vec!["hr".into(), "ad".into()];
        Template::parse_expression("x", text, &sources).unwrap()
    }

    fn records(hr: &[u8], ad: &[u8]) -> Records {
        let sources = source("hr", "json", "hr", "id") + &source("ad", "csv", "ad", "id");
        Fixture::new(&sources, &[("hr", hr), ("ad", ad)]).read().unwrap()
    }

    #[test]
    fn only_comparisons_with_texts_are_answered_directly() {
        let records = records(br#"[{"id": 1, "s": "a", "e s": "b"}]"#, b"id,m\n1,z\n");
        for (text, comparisons) in [
            ("hr.s == 'a'", 1),
            ("hr['e s']!=\"b\"", 1),
            (" hr.s == 'a' and ad.m != 'x' ", 2),
            ("hr.s == 'a' and hr.s != 'b' and ad.m == ''", 3),
            ("hr.s == 'a' or ad.m == 'x'", 0),
            ("not hr.s == 'a'", 0),
            ("hr.s == 'a' + 'b'", 0),
            ("hr.s == 'a' 'b'", 0),
            ("hr.s | lower == 'a'", 0),
            ("hr.s.x == 'a'", 0),
            ("hr.s == 1", 0),
            ("hr.s == ad.m", 0),
            ("'a' == hr.s", 0),
            ("hr.s == 'a\\n'", 0),
            ("(hr.s == 'a')", 0),
            ("hr.s == 'a' and not ad.m == 'b'", 0),
            ("hr.s > 'a'", 0),
        ] {
            let found = DirectCondition::of(&template(text), &records).map_or(0, |direct| direct.0.len());
            assert_eq!(found, comparisons, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_direct_answer_is_that_of_the_engine(
            cell in prop_oneof!["[a-b ]{0,2}", "[a\u{e9}\u{301}#]{0,3}", "a{50,70}"],
            comparisons in prop::collection::vec(("hr[.]s|hr[.]n|hr[.]b|hr[.]x|ad[.]m", "==|!=", "[ab]{0,2}|\u{e9}"), 1..4),
        ) {
            let rows = serde_json::json!([
                {"id": 1, "s": cell, "n": 12, "b": true, "x": null}, {"id": 2, "s": "a", "n": "a", "b": "", "x": cell},
            ]);
            let records = records(rows.to_string().as_bytes(), b"id,m\n2,a\n");
            let written = comparisons.iter().map(|(column, operator, text)| format!("{column} {operator} '{text}'"));
            let template = template(&written.collect::<Vec<_>>().join(" and "));
            let engine = Engine::new(records.calendar());
            let condition = Condition::new(&template, &records, &engine).unwrap();
            let direct = DirectCondition::of(&template, &records).unwrap();
            for record in 0..records.len() {
                let slow = condition.by_the_engine(&Context::new(&records, record));
                if let Some(holds) = direct.holds(&records, record) {
                    prop_assert_eq!(Ok(holds), slow.clone());
                }
                prop_assert_eq!(condition.holds(&Context::new(&records, record)), slow);
            }
        }
    }
}
