//! The plan as a coloured diff for the terminal.
//!
//! A reader starts at the end: a terminal shows the last lines when the command is done, and `approve` asks there. So
//! the most important parts come last: creates, updates, links, then remarks, then the **deletes**, and right below
//! them the guards, the summary and the hash. Thousands of updates scroll away; a delete does not. For a reader who
//! starts at the top (a pager, a CI log), the header announces the deletes. Within a group the order is that of
//! execution.
//!
//! Every line is clear without colour, and every text from outside is shown by [`crate::text`]. Nothing here asks the
//! terminal or the environment; see [`TextOptions`].

pub(super) mod group;
pub(super) mod guards;
pub(super) mod kind;
pub(super) mod layout;
pub(super) mod person;
pub(super) mod remarks;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod value;
pub(super) mod waiting;

use std::fmt;
use std::path::PathBuf;

use self::group::Group;
use self::kind::Kind;
use self::layout::{Palette, wrap};
use self::person::Labels;
use self::remarks::Remarks;
use self::value::Ids;
use super::shown::{ONLY_NOTICE, Shown, only};
use crate::plan::{Content, SourceSummary, Summary};
use crate::text::{escape, shell_path};

/// How a plan is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether to colour.
    pub color: bool,
    /// The greatest width of a line in cells. Sentences are wrapped; a longer value is not broken.
    pub width: usize,
    /// How many people of a group, and how many remarks of a kind, are shown; all of them by default.
    pub limit: Option<usize>,
    /// Whether ids are shown next to names.
    pub ids: Ids,
    /// The path of the plan file, for hints.
    pub plan_file: PathBuf,
    /// The options that each command in a hint carries, each with a space before it.
    pub options: String,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            color: false,
            width: 100,
            limit: None,
            ids: Ids::Hidden,
            plan_file: PathBuf::from("plan.json"),
            options: String::new(),
        }
    }
}

impl TextOptions {
    /// How many of `count` people are shown.
    fn shown(&self, count: usize) -> usize {
        self.limit.map_or(count, |limit| limit.min(count))
    }

    /// The line that counts the people who are not shown.
    fn more(&self, count: usize, what: &str) -> String {
        let (count, typed) = (layout::thousands(count), self.typed());
        format!("… and {count} more{what}; see them all with: skovik-sync show {typed} --all")
    }

    /// The plan file as a hint's command names it, with the options behind it.
    fn typed(&self) -> String {
        format!("{}{}", shell_path(&self.plan_file), self.options)
    }
}

/// A plan that can be printed. Made by [`display`].
#[derive(Debug)]
pub struct Text<'a> {
    shown: Shown<'a>,
    options: &'a TextOptions,
}

/// What every part of the text needs.
struct Context<'a> {
    labels: Labels<'a>,
    remarks: Remarks<'a>,
    options: &'a TextOptions,
    palette: Palette,
}

/// The plan as text, which ends with a line break.
#[must_use]
pub fn display<'a>(shown: impl Into<Shown<'a>>, options: &'a TextOptions) -> Text<'a> {
    Text { shown: shown.into(), options }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shown, options } = self;
        let content = shown.content();
        let groups = Group::all(&content.operations, options);
        let context = Context {
            labels: Labels::of(&content.target, options.ids),
            remarks: Remarks::of(&content.diagnostics, &groups),
            options,
            palette: Palette::new(options.color),
        };
        header(f, *shown, options)?;
        let (deletes, others): (Vec<_>, Vec<_>) = groups.iter().partition(|group| group.kind == Kind::Delete);
        for group in others {
            group.write(f, &context)?;
        }
        context.remarks.write_rest(f, options)?;
        waiting::write(f, content.waiting.as_ref(), &context)?;
        for group in deletes {
            group.write(f, &context)?;
        }
        guards::write(f, content, options)?;
        summary(f, *shown)
    }
}

fn header(f: &mut fmt::Formatter<'_>, shown: Shown<'_>, options: &TextOptions) -> fmt::Result {
    let content = shown.content();
    let palette = Palette::new(options.color);
    let target = &content.target;
    let label = |text: &'static str| palette.dim(format!("{text:<8}"));
    writeln!(
        f,
        "{} {} {}: {} users, {} of them managed",
        label("Target"),
        escape(&target.kind),
        palette.bold(escape(&target.url)),
        target.users,
        target.managed
    )?;
    for (index, source) in content.sources.iter().enumerate() {
        let SourceSummary { name, kind, records, proof, fingerprint: _, join } = source;
        let unproven = source.unproven();
        let margin = label(match (index, content.sources.len()) {
            (0, 1) => "Source",
            (0, _) => "Sources",
            _ => "",
        });
        write!(f, "{margin} {} ({}): {records} records, ", palette.bold(escape(name)), escape(kind))?;
        match (proof.as_str(), unproven) {
            ("trusted", _) => writeln!(f, "{}", palette.yellow("! trusted, no proof that the file is complete"))?,
            (_, Some(unproven)) => writeln!(f, "{}", palette.yellow(format!("! {unproven}")))?,
            (proof, None) => writeln!(f, "verified complete by {}", escape(proof))?,
        }
        match join {
            Some(join) if join.with_row == 0 && join.people > 0 => {
                writeln!(f, "{}   {}", label(""), palette.yellow(format!("! joined: {join}")))?;
            }
            Some(join) => writeln!(f, "{}   joined: {join}", label(""))?,
            None => {}
        }
    }
    if let Some(day) = content.as_of {
        writeln!(f, "{} {day}, which the settings use as today", label("As of"))?;
    }
    if let Some(people) = only(content) {
        for (index, line) in
            wrap(&format!("{}; {ONLY_NOTICE}", escape(&people)), options.width.saturating_sub(9)).iter().enumerate()
        {
            writeln!(f, "{} {line}", label(if index == 0 { "Only" } else { "" }))?;
        }
    }
    if shown.is_masked() {
        writeln!(f, "{} {}", label("Masked"), super::redact::NOTICE)?;
    }
    match content.summary.delete {
        0 => Ok(()),
        1 => writeln!(f, "{} {}", label("Deletes"), palette.red("1 person loses their access; see the end")),
        count => writeln!(
            f,
            "{} {}",
            label("Deletes"),
            palette.red(format_args!("{count} people lose their access; they are listed at the end"))
        ),
    }
}

/// The lines that scripts look for; they are the same with all options.
fn summary(f: &mut fmt::Formatter<'_>, shown: Shown<'_>) -> fmt::Result {
    let content = shown.content();
    let Content { summary, operations, .. } = content;
    if operations.is_empty() {
        write!(f, "\nNo changes. {} unchanged.", summary.unchanged)?;
    } else {
        let Summary { create, update, reactivate, delete, unchanged, set_aside: _ } = summary;
        write!(f, "\nPlan: {create} to create, ")?;
        if *reactivate > 0 {
            write!(f, "{reactivate} to reactivate, ")?;
        }
        write!(f, "{update} to update, {delete} to delete, {unchanged} unchanged.")?;
    }
    if summary.set_aside > 0 {
        write!(f, " {} set aside.", summary.set_aside)?;
    }
    if let Some(counted) = waiting::count(content) {
        write!(f, " {counted}.")?;
    }
    writeln!(f, "\nPlan hash: {}", shown.hash())
}
