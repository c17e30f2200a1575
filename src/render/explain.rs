//! `plan --explain`: everything about one person, from the sources to the resulting operation. Nothing is masked.

use std::fmt;

use super::text::guards::{figures, guard_name};
use super::text::layout::{Palette, wrap};
use super::text::person::{Labels, Shown, consequence_text, lines};
use super::text::value::{Ids, shown_text, shown_value};
use crate::employee::UserId;
use crate::guard::find;
use crate::mapping::Step;
use crate::plan::{Content, Diagnostic, Field, Fields, GuardOutcome, GuardResult, Operation, Value, effects};
use crate::source::{SourceRecord, SourceRow};
use crate::text::{escape, printable};

/// The greatest width of the column of names.
const WIDEST_NAME: usize = 28;

/// Everything that is known about a person.
#[derive(Debug)]
pub struct Explanation<'p> {
    /// The person's name.
    pub name: String,
    /// What the sources say; empty for a user in no source.
    pub source_records: Vec<SourceRecord>,
    /// The result of each setting.
    pub steps: Vec<Step>,
    /// The user of Skovik, if there is one.
    pub user: Option<FoundUser>,
    /// What happens to the person, and why.
    pub verdict: Vec<String>,
    /// The operation of the plan, if there is one.
    pub operation: Option<&'p Operation>,
    /// The plan's diagnostics about the person.
    pub diagnostics: Vec<&'p Diagnostic>,
}

/// A user, and how they were found.
#[derive(Debug)]
pub struct FoundUser {
    /// Their id.
    pub id: UserId,
    /// How they were found.
    pub how: &'static str,
    /// What Skovik holds.
    pub fields: Fields,
}

/// An explanation that can be printed. Made by [`display`].
#[derive(Debug)]
pub struct Text<'a> {
    explanation: &'a Explanation<'a>,
    content: &'a Content,
    palette: Palette,
    width: usize,
}

/// The explanation as text, which ends with a line break. `content` is the plan that it comes from.
#[must_use]
pub fn display<'a>(explanation: &'a Explanation<'a>, content: &'a Content, color: bool, width: usize) -> Text<'a> {
    Text { explanation, content, palette: Palette::new(color), width }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Explanation { name, source_records, steps, user, verdict, operation, diagnostics } = self.explanation;
        let palette = self.palette;
        // A name at the beginning of a line could be a line of its own.
        writeln!(f, "Person: {}", palette.bold(printable(name)))?;
        writeln!(f, "\n{}", palette.bold("What the sources say"))?;
        if source_records.is_empty() {
            writeln!(f, "  nothing: no source has a record of them")?;
        }
        for source_record in source_records {
            self.source_record(f, source_record)?;
        }
        if !steps.is_empty() {
            writeln!(f, "\n{}", palette.bold("What the settings make of it"))?;
            self.steps(f, steps)?;
        }
        writeln!(f, "\n{}", palette.bold("What Skovik holds"))?;
        match user {
            None => writeln!(f, "  no matching user")?,
            Some(user) => self.user(f, user)?,
        }
        writeln!(f, "\n{}", palette.bold("What happens to them"))?;
        for sentence in verdict {
            for line in wrap(&printable(sentence), self.width.saturating_sub(2)) {
                writeln!(f, "  {line}")?;
            }
        }
        if let Some(operation) = operation {
            self.operation(f, operation)?;
        }
        for Diagnostic { code, message, .. } in diagnostics {
            self.remark(f, &format!("{} ({})", printable(message), escape(code)))?;
        }
        operation.map_or(Ok(()), |operation| self.guards(f, operation))
    }
}

impl Text<'_> {
    fn source_record(&self, f: &mut fmt::Formatter<'_>, source_record: &SourceRecord) -> fmt::Result {
        let SourceRecord { source, kind, rows } = source_record;
        let source = self.palette.cyan(escape(source));
        if rows.is_empty() {
            return writeln!(f, "  {source} ({kind}): no record; its columns are undefined");
        }
        let is_decided = rows.iter().any(|row| row.counts);
        for SourceRow { number, counts, cells } in rows {
            let remark = match (counts, is_decided) {
                (true, _) => "",
                (false, true) => ", skipped by `prefer`",
                (false, false) => ", one of several with this key",
            };
            writeln!(f, "  {source} ({kind}), row {number}{remark}")?;
            let cells = cells.iter().map(|(name, value)| (escape(name).into_owned(), shown(value)));
            self.pairs(f, &cells.collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn steps(&self, f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
        for Step { setting, template, outcome } in steps {
            writeln!(f, "  {}  {}", printable(setting), self.palette.dim(printable(template)))?;
            match outcome {
                Ok(value) => writeln!(f, "    = {}", shown(value))?,
                Err(problem) => writeln!(f, "    {}", self.palette.red(format!("! {}", printable(problem))))?,
            }
        }
        Ok(())
    }

    fn user(&self, f: &mut fmt::Formatter<'_>, user: &FoundUser) -> fmt::Result {
        let FoundUser { id, how, fields } = user;
        writeln!(f, "  user {}, {how}", self.palette.cyan(escape(id.as_str())))?;
        let labels = Labels::of(&self.content.target, Ids::Hidden);
        let pair = |(field, value): (Field, Option<Value>)| {
            (labels.field(&field).into_owned(), shown_value(value.as_ref(), Ids::Hidden))
        };
        let pairs: Vec<(String, String)> = fields.values().into_iter().map(pair).collect();
        self.pairs(f, &pairs)
    }

    fn operation(&self, f: &mut fmt::Formatter<'_>, operation: &Operation) -> fmt::Result {
        let pairs: Vec<(String, String)> = lines(operation, &Labels::of(&self.content.target, Ids::Hidden))
            .into_iter()
            .map(|line| {
                let value = match line.shown {
                    Shown::Value(value) => value,
                    Shown::Change { before, after } => format!("{before} → {after}"),
                };
                (line.label.into_owned(), value)
            })
            .collect();
        self.pairs(f, &pairs)?;
        match consequence_text(operation, &Labels::of(&self.content.target, Ids::Hidden)) {
            Some(sentence) => self.remark(f, &sentence),
            None => Ok(()),
        }
    }

    /// The guards that count the operation, if they block the plan or count what was done before it.
    fn guards(&self, f: &mut fmt::Formatter<'_>, operation: &Operation) -> fmt::Result {
        let is_told = |result: &&GuardResult| result.earlier.is_some() || result.outcome == GuardOutcome::Block;
        for effect in effects(std::slice::from_ref(operation)) {
            for result in self.content.guards.iter().filter(is_told) {
                if find(&result.id).is_none_or(|guard| !guard.counts(&effect, result.subject.as_ref())) {
                    continue;
                }
                let name = guard_name(result, &self.content.target, Ids::Hidden);
                let outcome = match result.outcome {
                    GuardOutcome::Pass => "pass",
                    GuardOutcome::Block => "BLOCKED",
                };
                self.remark(f, &printable(&format!("{name}: {}: {outcome}", figures(result))))?;
            }
        }
        Ok(())
    }

    fn remark(&self, f: &mut fmt::Formatter<'_>, sentence: &str) -> fmt::Result {
        for (index, line) in wrap(sentence, self.width.saturating_sub(4)).into_iter().enumerate() {
            let sign = if index == 0 { '!' } else { ' ' };
            writeln!(f, "  {}", self.palette.yellow(format!("{sign} {line}")))?;
        }
        Ok(())
    }

    fn pairs(&self, f: &mut fmt::Formatter<'_>, pairs: &[(String, String)]) -> fmt::Result {
        let width = pairs.iter().map(|(name, _)| console::measure_text_width(name)).max().unwrap_or(0).min(WIDEST_NAME);
        for (name, value) in pairs {
            let padding = " ".repeat(width.saturating_sub(console::measure_text_width(name)));
            writeln!(f, "      {}{padding}  {value}", self.palette.dim(name))?;
        }
        Ok(())
    }
}

/// A value, or a sign for none.
fn shown(value: &str) -> String {
    if value.is_empty() { "(none)".to_owned() } else { shown_text(value) }
}
