//! The guards with their figures, and what lifts those that block.

use std::fmt::{self, Write};

use super::layout::{Palette, column, padding, wrap};
use super::{TextOptions, shell_word};
use crate::plan::{Content, GuardOutcome, GuardResult};
use crate::render::escape;
use crate::render::shown::Verdict;

/// What holds of a guard that says that the data is not to be trusted.
pub(in crate::render) const NOTHING_LIFTS: &str =
    "no approval lifts this; correct the source, or change [guard] in the settings, and plan again.";
/// What holds of the others that block.
pub(in crate::render) const CEILINGS_LIFT: &str = "only an approval that names these ceilings lifts this:";

/// Writes a line for each guard, and what to do about those that block.
pub(super) fn write(f: &mut fmt::Formatter<'_>, content: &Content, options: &TextOptions) -> fmt::Result {
    let guards = &content.guards;
    if guards.is_empty() {
        return Ok(());
    }
    let palette = Palette::new(options.color);
    let rows: Vec<_> = guards.iter().map(|guard| (escape(&guard.id), figures(guard), guard.outcome)).collect();
    let id_width = column(rows.iter().map(|(id, ..)| id.as_ref()));
    let figures_width = column(rows.iter().map(|(_, figures, _)| figures.as_str()));
    writeln!(f, "\n{}", palette.bold("Guards"))?;
    for (id, figures, outcome) in &rows {
        write!(f, "  {id}{}  {figures}{}  ", padding(id, id_width), padding(figures, figures_width))?;
        match outcome {
            GuardOutcome::Pass => writeln!(f, "{}", palette.green("pass"))?,
            GuardOutcome::Block => writeln!(f, "{}", palette.alarm("BLOCKED"))?,
        }
    }
    blocked(f, content, options, palette)
}

fn blocked(f: &mut impl Write, content: &Content, options: &TextOptions, palette: Palette) -> fmt::Result {
    let verdict = Verdict::of(content);
    let mut paragraph = |sentence: &str| -> fmt::Result {
        let lines = wrap(sentence, options.width.saturating_sub("BLOCKED ".len()));
        for (index, line) in lines.iter().enumerate() {
            let margin = if index == 0 { "BLOCKED" } else { "       " };
            writeln!(f, "{} {line}", palette.alarm(margin))?;
        }
        Ok(())
    };
    let names = |guards: &[&str]| guards.iter().map(|id| escape(id)).collect::<Vec<_>>().join(", ");
    if !verdict.fixed.is_empty() {
        paragraph(&format!("by {}: {NOTHING_LIFTS}", names(&verdict.fixed)))?;
    }
    if !verdict.liftable.is_empty() {
        paragraph(&format!("by {}: {CEILINGS_LIFT}", names(&verdict.liftable)))?;
        writeln!(f, "        skovik-sync approve {}{}", shell_word(&options.plan_file), verdict.allow())?;
    }
    Ok(())
}

/// What a guard counted, of how many, and its limit.
pub(in crate::render) fn figures(guard: &GuardResult) -> String {
    let GuardResult { id, count, of, limit, outcome } = guard;
    if id.ends_with("_percent") {
        match percent(*count, *of, *outcome) {
            Some(percent) => format!("{count} of {of} ({percent} %), limit {limit} %"),
            None => format!("{count} of {of}, limit {limit} %"),
        }
    } else if id.starts_with("min_") {
        format!("{count}, at least {limit}")
    } else {
        format!("{count}, limit {limit}")
    }
}

/// A share in percent with one decimal, rounded away from the limit's other side: up for a guard that blocks and down
/// for one that passes, so that 20.04 % never reads as the 20 % that would have passed.
fn percent(count: u64, of: u64, outcome: GuardOutcome) -> Option<String> {
    let (count, of) = (u128::from(count), u128::from(of));
    if of == 0 {
        return None;
    }
    let tenths = match outcome {
        GuardOutcome::Pass => count * 1_000 / of,
        GuardOutcome::Block => (count * 1_000).div_ceil(of),
    };
    if tenths == 0 && count > 0 {
        return Some("under 0.1".to_owned());
    }
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_never_reads_as_on_the_other_side_of_its_limit() {
        for (count, of, outcome, expected) in [
            (4, 1_184, GuardOutcome::Pass, Some("0.3")),
            (20, 100, GuardOutcome::Pass, Some("20.0")),
            (1_999_999, 10_000_000, GuardOutcome::Pass, Some("19.9")),
            (2_000_001, 10_000_000, GuardOutcome::Block, Some("20.1")),
            (u64::MAX, u64::MAX, GuardOutcome::Block, Some("100.0")),
            (1, 1_000_000, GuardOutcome::Pass, Some("under 0.1")),
            (0, 1_000, GuardOutcome::Pass, Some("0.0")),
            (0, 0, GuardOutcome::Pass, None),
            (3, 0, GuardOutcome::Block, None),
        ] {
            assert_eq!(percent(count, of, outcome).as_deref(), expected, "{count} of {of}");
        }
    }
}
