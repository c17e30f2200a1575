//! Remembers what a template gave for the same cells. Many columns hold few different values, such as a cost centre, a day
//! or a status, and the template engine takes much longer than a look-up.

use std::cell::RefCell;
use std::collections::HashMap;

use thread_local::ThreadLocal;

use crate::setting::template::{ColumnName, Template};
use crate::source::{CellView, Records};

/// How many columns a template may use, and still be remembered.
const MOST_COLUMNS: usize = 3;
/// How many results are remembered for a template on each thread.
const MOST_RESULTS: usize = 1_024;
/// The longest cells that are remembered together, in bytes.
const LONGEST: usize = 120;

/// The results of one template, for the texts in the columns that it uses.
pub(super) struct Memo<T: Send> {
    /// Sources and columns.
    columns: Vec<(usize, usize)>,
    results: ThreadLocal<RefCell<Results<T>>>,
}

struct Results<T> {
    by_cells: HashMap<Box<[u8]>, T>,
    /// The cells that are looked up, each with its length before it.
    cells: Vec<u8>,
    hits: u32,
    misses: u32,
}

impl<T: Send + Clone> Memo<T> {
    /// A memory for a template; `None` if its result may depend on more of a record than on a few of its cells.
    pub(super) fn of(template: &Template, records: &Records) -> Option<Self> {
        if template.whole.iter().any(|source| *source < records.sources()) {
            return None;
        }
        let place = |name: &ColumnName| Some((name.source, records.column(name.source, &name.column)?));
        let mut columns: Vec<_> = template.columns.iter().map(place).collect::<Option<_>>()?;
        columns.sort_unstable();
        columns.dedup();
        (columns.len() <= MOST_COLUMNS).then(|| Self { columns, results: ThreadLocal::new() })
    }

    /// What `evaluate` gives for a record, which it is asked only if it is not remembered. Failures are not remembered.
    pub(super) fn get_or(
        &self,
        records: &Records,
        record: usize,
        evaluate: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let mut results = self.results.get_or_default().borrow_mut();
        if results.is_useless() || !results.look_at(&self.columns, records, record) {
            return evaluate();
        }
        let Results { by_cells, cells, hits, misses } = &mut *results;
        if let Some(result) = by_cells.get(&**cells) {
            *hits = hits.saturating_add(1);
            return Ok(result.clone());
        }
        *misses = misses.saturating_add(1);
        let result = evaluate()?;
        if by_cells.len() < MOST_RESULTS {
            by_cells.insert(cells.as_slice().into(), result.clone());
        }
        Ok(result)
    }
}

impl<T> Results<T> {
    /// Whether so many cells differ that looking them up does not pay.
    fn is_useless(&self) -> bool {
        self.by_cells.len() == MOST_RESULTS && self.hits < self.misses
    }

    /// Collects the cells of a record; `false` if one of them is not a short text.
    fn look_at(&mut self, columns: &[(usize, usize)], records: &Records, record: usize) -> bool {
        self.cells.clear();
        for &(source, column) in columns {
            let CellView::Text(text) = records.cell(record, source, column) else { return false };
            let Ok(length) = u8::try_from(text.len()) else { return false };
            self.cells.push(length);
            self.cells.extend_from_slice(text.as_bytes());
        }
        self.cells.len() <= LONGEST
    }
}

impl<T> Default for Results<T> {
    fn default() -> Self {
        Self { by_cells: HashMap::new(), cells: Vec::new(), hits: 0, misses: 0 }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::*;
    use crate::mapping::compiled_template::{CompiledTemplate, Condition, Context};
    use crate::setting::template::Engine;
    use crate::source::tests::{Fixture, source};

    fn records(rows: usize) -> Records {
        let hr: Vec<_> = (0..rows)
            .map(|row| {
                let cell = |text: String| if row % 7 == 3 { serde_json::json!(row) } else { serde_json::json!(text) };
                serde_json::json!({"id": row, "few": cell(format!("v{}", row % 3)), "many": cell(format!("m{row}"))})
            })
            .collect();
        let ad: String = (0..rows).filter(|row| row % 5 != 2).map(|row| format!("{row},{},x\n", row % 4)).collect();
        let sources = source("hr", "json", "hr", "id") + &source("ad", "csv", "ad", "id");
        let hr = serde_json::to_vec(&hr).unwrap();
        Fixture::new(&sources, &[("hr", &hr), ("ad", format!("id,n,few\n{ad}").as_bytes())]).read().unwrap()
    }

    fn sources() -> Vec<Arc<str>> {
        vec!["hr".into(), "ad".into()]
    }

    #[test]
    fn only_templates_of_a_few_cells_are_remembered() {
        let records = records(3);
        for (text, is_remembered) in [
            ("{{ hr.few | title }}", true),
            ("{{ hr['few'] ~ ad.n }}", true),
            ("{{ hr.few[:1] }}", true),
            ("{{ hr.few ~ hr.many[:1] ~ hr.id ~ ad.n[:1] }}", false),
            ("{{ hr.few[hr.many:] ~ hr.id ~ ad['n'][:1] }}", false),
            ("{{ '1' }}", true),
            ("{{ hr.few ~ hr.many ~ hr.id ~ ad.n }}", false),
            ("{{ hr | length }}", false),
            ("{{ hr[ad.n] }}", false),
            ("{% set x = hr %}{{ x.few }}", false),
            ("{% for hr in [hr.few] %}{{ hr }}{% endfor %}", false),
            ("{{ hr .few }}", true),
            ("{{ hr['fe' ~ 'w'] }}", true),
            ("{{ debug() }}", false),
            ("{{ hr.none }}", false),
            ("{{ 'hr' }}{{ hr.few }}", true),
        ] {
            let template = Template::parse("x", text, &sources()).unwrap();
            assert_eq!(Memo::<bool>::of(&template, &records).is_some(), is_remembered, "{text}");
        }
        let condition = Template::parse_expression("x", "ad is not disabled", &sources()).unwrap();
        assert!(Memo::<bool>::of(&condition, &records).is_none());
    }

    #[test]
    fn what_is_remembered_is_what_the_engine_says() {
        let records = records(3_000);
        let engine = Engine::new(records.calendar());
        for text in [
            "{{ hr.few | title }}",
            "{{ hr.many | title }}",
            "{{ hr.few ~ '/' ~ hr.many }}",
            "{{ ad.n or hr.few }}",
            "{{ ad['few'] ~ hr.few }}",
            "{{ hr.few / 2 }}",
            "{{ hr.many[:2] }}",
            "{{ hr['many'][1:] ~ (hr.few ~ ad.n)[:3] }}",
            "{{ hr.few[:1] ~ (hr.many | reverse)[::2] }}",
            "{% set x = hr.many[::-1] %}{{ x | upper }}",
            "{% for c in hr.many[:3] %}{{ c }}-{% endfor %}",
            "{% macro m(x) %}{{ x[:2] }}{% endmacro %}{{ m(hr.many) }}{{ {'a': ad.n[:1]}.a }}",
            "{% if ad.n is defined %}{{ hr.few | upper }}{% else %}nobody{% endif %}",
        ] {
            let template = Template::parse("x", text, &sources()).unwrap();
            let quick = CompiledTemplate::new(&template, &records, &engine).unwrap();
            assert!(quick.remembers(), "{text}");
            for record in (0..records.len()).chain(0..records.len()) {
                let context = Context::new(&records, record);
                let slow = quick.by_the_engine(&context).map(Cow::Owned);
                assert_eq!(quick.render(&context), slow, "{text}, {record}");
            }
        }
        for text in [
            "hr.few in ['v1', 'v2']",
            "ad.n is defined and ad.n > '1'",
            "hr.few | length",
            "hr.many < hr.few",
            "hr.many[:2] == 'm1'",
            "hr.many[1:] in [hr.few[1:]]",
        ] {
            let template = Template::parse_expression("x", text, &sources()).unwrap();
            let quick = Condition::new(&template, &records, &engine).unwrap();
            for record in (0..records.len()).chain(0..records.len()) {
                let context = Context::new(&records, record);
                assert_eq!(quick.holds(&context), quick.by_the_engine(&context), "{text}, {record}");
            }
        }
    }
}
