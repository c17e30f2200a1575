//! The people who wait to be deleted: as lines of the terminal, and as texts for every rendering.

use std::fmt;

use super::Context;
use super::layout::{column, padding, thousands, wrap};
use super::person::NO_NAME;
use super::value::{Ids, shown_text};
use crate::plan::{Content, Waiting, WaitingPerson};
use crate::text::{escape, printable};

/// The heading of their group.
pub(in crate::render) const HEADING: &str = "Waiting: missing, and not deleted yet";

/// Somebody who waits, as texts that can be shown.
pub(in crate::render) struct Shown {
    pub(in crate::render) name: String,
    pub(in crate::render) identifier: String,
    /// When they leave, and since when they are missing.
    pub(in crate::render) words: String,
    pub(in crate::render) reason: String,
}

impl Shown {
    pub(in crate::render) fn of(person: &WaitingPerson, ids: Ids) -> Self {
        let WaitingPerson { user_id, employee, name, wait: _, reason } = person;
        let user = format!("user {}", escape(user_id.as_str()));
        let identifier = match (employee, ids) {
            (Some(employee), Ids::Hidden) => shown_text(employee.as_str()),
            (Some(employee), Ids::Shown) => format!("{}  {user}", shown_text(employee.as_str())),
            (None, _) => format!("({user})"),
        };
        let name = if name.is_empty() { NO_NAME.to_owned() } else { shown_text(name) };
        Self { name, identifier, words: person.words(), reason: printable(reason).into_owned() }
    }

    /// All of it in one line.
    pub(in crate::render) fn line(&self) -> String {
        let Self { name, identifier, words, reason } = self;
        format!("{name}  {identifier}  {words} ({reason})")
    }
}

/// What becomes of them.
pub(in crate::render) fn about(waiting: &Waiting) -> String {
    let length = length(waiting.remove_after);
    format!("Nothing is done to them now. They are deleted once every reading for {length} did not have them.")
}

/// How many wait, for a summary; none without any.
pub(in crate::render) fn count(content: &Content) -> Option<String> {
    match content.waiting_people() {
        0 => None,
        1 => Some("1 waits to be removed".to_owned()),
        count => Some(format!("{count} wait to be removed")),
    }
}

/// A length of time in the largest unit that is exact.
pub(in crate::render) fn length(seconds: u64) -> String {
    let units = [("day", 24 * 60 * 60), ("hour", 60 * 60), ("minute", 60), ("second", 1)];
    let (unit, count) = units
        .into_iter()
        .find_map(|(unit, length)| seconds.is_multiple_of(length).then(|| (unit, seconds / length)))
        .unwrap_or(("second", seconds));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_in_its_largest_exact_unit() {
        for (seconds, expected) in
            [(604_800, "7 days"), (86_400, "1 day"), (90_000, "25 hours"), (60, "1 minute"), (2, "2 seconds")]
        {
            assert_eq!(length(seconds), expected);
        }
    }
}
