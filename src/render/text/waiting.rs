//! The people who wait to be deleted.

use std::fmt;

use super::Context;
use super::layout::{column, padding, thousands, wrap};
use crate::plan::Waiting;
use crate::render::waiting::{HEADING, Shown, about};

/// Writes their section, if there is anybody.
pub(super) fn write(f: &mut fmt::Formatter<'_>, waiting: Option<&Waiting>, context: &Context<'_>) -> fmt::Result {
    let Some(waiting) = waiting.filter(|waiting| !waiting.people.is_empty()) else { return Ok(()) };
    let Context { labels, options, palette, .. } = context;
    let people = &waiting.people;
    writeln!(f, "\n{} ({})", palette.bold(HEADING), thousands(people.len()))?;
    for line in wrap(&about(waiting), options.width.saturating_sub(2)) {
        writeln!(f, "  {}", palette.dim(line))?;
    }
    let shown: Vec<Shown> =
        people[..options.shown(people.len())].iter().map(|person| Shown::of(person, labels.ids())).collect();
    let name_width = column(shown.iter().map(|shown| shown.name.as_str()));
    let identifier_width = column(shown.iter().map(|shown| shown.identifier.as_str()));
    for Shown { name, identifier, words, reason } in &shown {
        write!(f, "  {} {}{}  ", palette.yellow("…"), palette.bold(name), padding(name, name_width))?;
        writeln!(f, "{identifier}{}  {words} ({reason})", padding(identifier, identifier_width))?;
    }
    let hidden = people.len() - shown.len();
    if hidden > 0 {
        writeln!(f, "  {}", palette.dim(options.more(hidden, " who wait")))?;
    }
    Ok(())
}
