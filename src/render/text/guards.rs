//! The guards with their counts, and how to allow what a guard blocks.

use std::fmt::{self, Write};

use super::TextOptions;
use super::layout::{Palette, column, padding, thousands, wrap};
use super::value::Ids;
use crate::guard::{Unit, counted, find, title};
use crate::plan::{Common, Content, Field, GuardOutcome, GuardResult, Part, Subject, Target};
use crate::render::shown::{CEILINGS_LIFT, NOTHING_LIFTS, Verdict};
use crate::text::escape;

/// How many passing branches or fields of a guard are shown: those nearest to their limit.
const NEAREST_SHOWN: usize = 3;

/// Writes a line for each guard, and what to do about a guard that blocks.
pub(super) fn write(f: &mut fmt::Formatter<'_>, content: &Content, options: &TextOptions) -> fmt::Result {
    let guards = &content.guards;
    if guards.is_empty() {
        return Ok(());
    }
    let palette = Palette::new(options.color);
    let (shown, rest) = choose(guards);
    let name = |guard: &GuardResult| escape(&guard_name(guard, &content.target, options.ids)).into_owned();
    let rows: Vec<_> = shown.iter().map(|guard| (name(guard), figures(guard), guard.outcome)).collect();
    let id_width = column(rows.iter().map(|(id, ..)| id.as_str()));
    let figures_width = column(rows.iter().map(|(_, figures, _)| figures.as_str()));
    writeln!(f, "\n{}", palette.bold("Guards"))?;
    for (id, figures, outcome) in &rows {
        write!(f, "  {id}{}  {figures}{}  ", padding(id, id_width), padding(figures, figures_width))?;
        match outcome {
            GuardOutcome::Pass => writeln!(f, "{}", palette.green("pass"))?,
            GuardOutcome::Block => writeln!(f, "{}", palette.alarm("BLOCKED"))?,
        }
    }
    for (id, count) in rest {
        let id = escape(id);
        let line =
            format!("  … {id}: {} more pass, further from their limit; the plan file has them all", thousands(count));
        writeln!(f, "{}", palette.dim(line))?;
    }
    blocked(f, content, options, palette)
}

/// The guards to show, in the plan's order: all that block, all that look at the whole account, and the others that are
/// nearest to their limit. Also returns how many of which setting are left out.
fn choose(guards: &[GuardResult]) -> (Vec<&GuardResult>, Vec<(&str, usize)>) {
    let is_one_of_many = |guard: &GuardResult| guard.subject.is_some() && guard.outcome == GuardOutcome::Pass;
    let mut many: Vec<(usize, &GuardResult)> =
        guards.iter().enumerate().filter(|(_, guard)| is_one_of_many(guard)).collect();
    // Stable, so that equally near guards keep the plan's order.
    many.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id).then_with(|| nearness(b, a)));
    let mut shown: Vec<(usize, &GuardResult)> =
        guards.iter().enumerate().filter(|(_, guard)| !is_one_of_many(guard)).collect();
    let mut rest = Vec::new();
    for same in many.chunk_by(|(_, a), (_, b)| a.id == b.id) {
        let (nearest, left_out) = same.split_at(same.len().min(NEAREST_SHOWN));
        shown.extend(nearest);
        rest.extend(left_out.first().map(|(_, guard)| (guard.id.as_str(), left_out.len())));
    }
    shown.sort_by_key(|(place, _)| *place);
    (shown.into_iter().map(|(_, guard)| guard).collect(), rest)
}

/// Compares how near two guards are to their limits. A guard that ignores its small count comes after the others.
fn nearness(a: &GuardResult, b: &GuardResult) -> std::cmp::Ordering {
    let counts = |guard: &GuardResult| guard.count >= guard.ignore_below.unwrap_or(0);
    let whole = |guard: &GuardResult| u128::from(guard.of) * u128::from(guard.limit.max(1));
    let share = |a: &GuardResult, b: &GuardResult| u128::from(a.count).saturating_mul(whole(b));
    counts(a).cmp(&counts(b)).then_with(|| share(a, b).cmp(&share(b, a)))
}

fn blocked(f: &mut impl Write, content: &Content, options: &TextOptions, palette: Palette) -> fmt::Result {
    let verdict = Verdict::of(content);
    let mut paragraph = |sentence: &str| -> fmt::Result {
        let lines = wrap(sentence, options.width.saturating_sub("BLOCKED ".len()));
        for (index, line) in lines.iter().enumerate() {
            let label = if index == 0 { palette.alarm("BLOCKED") } else { palette.alarm("       ") };
            writeln!(f, "{label} {line}")?;
        }
        Ok(())
    };
    for guard in content.guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block) {
        if !guard.parts.is_empty() {
            paragraph(&escape(&format!(
                "{}: {}.",
                guard_name(guard, &content.target, options.ids),
                parts(guard, options.ids)
            )))?;
        }
    }
    let names = |guards: &[&str]| guards.iter().map(|id| escape(id)).collect::<Vec<_>>().join(", ");
    if !verdict.fixed.is_empty() {
        paragraph(&format!("by {}: {NOTHING_LIFTS}", names(&verdict.fixed)))?;
    }
    if !verdict.liftable.is_empty() {
        paragraph(&format!("by {}: {CEILINGS_LIFT}", names(&verdict.liftable)))?;
        writeln!(f, "        skovik-sync approve {}{}", options.typed(), verdict.allow())?;
    }
    Ok(())
}

/// The setting, with the branch or field that it looks at; not escaped.
pub(in crate::render) fn guard_name(guard: &GuardResult, target: &Target, ids: Ids) -> String {
    let title = title(guard, &target.custom_fields);
    let id = match (&guard.subject, ids) {
        (Some(Subject::Branch(Some(branch))), Ids::Shown) => branch.branch_id.as_str(),
        (Some(Subject::Field(Field::Custom(id))), Ids::Shown) => id.as_str(),
        _ => return title,
    };
    format!("{title} (id {id})")
}

/// What most of the counted people have in common, and some of them by name; not escaped.
pub(in crate::render) fn parts(guard: &GuardResult, ids: Ids) -> String {
    let mut shares = Vec::new();
    let mut people = Vec::new();
    for Part { common, name, id, count } in &guard.parts {
        let of = guard.own();
        let name = match (id, ids) {
            (Some(id), Ids::Shown) => format!("{name} (id {id})"),
            _ => name.clone(),
        };
        match common {
            Common::Branch => shares.push(format!("{count} of {of} are in {name}")),
            Common::Manager => shares.push(format!("{count} of {of} report to {name}")),
            Common::Field => shares.push(format!("{count} of {of} change {name}")),
            Common::Reason => shares.push(format!("{count} because of {name}")),
            Common::Person => people.push(name),
        }
    }
    if !people.is_empty() {
        let more = usize::try_from(guard.own()).unwrap_or(usize::MAX).saturating_sub(people.len());
        let more = if more > 0 { format!(" and {} more", thousands(more)) } else { String::new() };
        shares.push(format!("{}{more}", people.join(", ")));
    }
    shares.join("; ")
}

/// What a guard counted, of how many, and its limit.
pub(in crate::render) fn figures(guard: &GuardResult) -> String {
    let GuardResult { id, subject: _, count, of, earlier, limit, ignore_below, outcome, parts: _ } = guard;
    let of_whole = match unit(id) {
        Unit::Percent => format!(" of {of}"),
        Unit::AtMost | Unit::AtLeast => String::new(),
    };
    let mut text = counted(guard, &of_whole).unwrap_or_else(|| format!("{count}{of_whole}"));
    if unit(id) == Unit::Percent
        && let Some(percent) = percent(*count, *of, *outcome)
    {
        let together = if earlier.is_some() { "together " } else { "" };
        text.push_str(&format!(" ({together}{percent} %)"));
    }
    text.push_str(&match unit(id) {
        Unit::Percent => format!(", limit {limit} %"),
        Unit::AtMost => format!(", limit {limit}"),
        Unit::AtLeast => format!(", at least {limit}"),
    });
    // Explains why a guard beyond its limit passes.
    if let Some(least) = ignore_below
        && count < least
        && unit(id).is_beyond(*count, *of, *limit)
    {
        text.push_str(&format!(", fewer than {least}"));
    }
    text
}

/// What a guard's limit is; for one that this version does not know, a number like any other.
pub(in crate::render) fn unit(id: &str) -> Unit {
    find(id).map_or(Unit::AtMost, |guard| guard.unit)
}

/// A percentage with one decimal, rounded up for a guard that blocks and down for one that passes, so that a blocking
/// 20.04 % never looks like 20 %, which would pass.
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
