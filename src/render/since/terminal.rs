//! The difference for the terminal.

use std::fmt::{Result, Write};

use super::entry::{Entry, Side, merged, remark_line};
use super::facts::Fact;
use super::{Both, Difference};
use crate::plan::{Diagnostic, Operation};
use crate::render::redact::NOTICE;
use crate::render::shown::{Shown, Verdict};
use crate::render::text::kind::Kind;
use crate::render::text::layout::{Palette, thousands};
use crate::render::text::person::Labels;
use crate::render::text::value::Ids;

/// The difference as text. It ends with the hash of the new plan.
#[must_use]
pub fn text(difference: &Difference, old: Shown<'_>, new: Shown<'_>, ids: Ids, color: bool) -> String {
    let mut out = String::new();
    let both = Both::of(difference, old, new, ids);
    // Writing to a string cannot fail.
    let _ = write(&mut out, &both, Palette::new(color));
    out
}

fn write(out: &mut String, both: &Both<'_>, palette: Palette) -> Result {
    writeln!(out, "{} {}", palette.dim("Since "), both.old.hash())?;
    if both.new.is_masked() {
        writeln!(out, "{} {NOTICE}", palette.dim("Masked"))?;
    }
    facts(out, &both.facts(), palette)?;
    operations(out, "New in this plan", both.new_operations().collect(), &both.new_labels, palette)?;
    operations(out, "No longer in this plan", both.gone_operations().collect(), &both.old_labels, palette)?;
    different(out, both, palette)?;
    remarks(out, "New remarks", both.new_remarks().collect(), palette)?;
    remarks(out, "Remarks that are gone", both.gone_remarks().collect(), palette)?;
    writeln!(out, "\n{}", both.the_same())?;
    for sentence in Verdict::of(both.new.content()).sentences() {
        writeln!(out, "{} {sentence}", palette.alarm("BLOCKED"))?;
    }
    if both.difference.same_hash {
        writeln!(out, "Nothing has changed.")?;
    }
    writeln!(out, "Plan hash: {}", both.new.hash())
}

fn facts(out: &mut String, facts: &[Fact], palette: Palette) -> Result {
    if !facts.is_empty() {
        writeln!(out, "\n{}", palette.bold("Changed"))?;
    }
    for Fact { what, before, after } in facts {
        writeln!(out, "  {}: {} → {}", palette.dim(what), palette.red(before), palette.green(after))?;
    }
    Ok(())
}

fn heading(out: &mut String, palette: Palette, title: &str, count: usize) -> Result {
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "\n{} ({})", palette.bold(title), thousands(count))
}

fn operations(out: &mut String, title: &str, all: Vec<&Operation>, labels: &Labels<'_>, palette: Palette) -> Result {
    heading(out, palette, title, all.len())?;
    for operation in all {
        let Entry { heading, lines } = Entry::of(operation, labels);
        writeln!(out, "  {} {}", Kind::of(operation).symbol(palette), palette.bold(heading))?;
        lines.iter().try_for_each(|line| writeln!(out, "      {line}"))?;
    }
    Ok(())
}

fn different(out: &mut String, both: &Both<'_>, palette: Palette) -> Result {
    let pairs = &both.difference.pairs.different;
    heading(out, palette, "Different in this plan", pairs.len())?;
    for pair in pairs {
        let (kind, heading, lines) = merged(both, pair);
        writeln!(out, "  {} {}", kind.symbol(palette), palette.bold(heading))?;
        for (side, line) in lines {
            match side {
                Side::Both => writeln!(out, "        {}", palette.dim(line))?,
                Side::Old => writeln!(out, "      {}", palette.red(format_args!("- {line}")))?,
                Side::New => writeln!(out, "      {}", palette.green(format_args!("+ {line}")))?,
                Side::Note => writeln!(out, "      {}", palette.yellow(format_args!("! {line}")))?,
            }
        }
    }
    Ok(())
}

fn remarks(out: &mut String, title: &str, all: Vec<&Diagnostic>, palette: Palette) -> Result {
    heading(out, palette, title, all.len())?;
    all.into_iter().try_for_each(|diagnostic| writeln!(out, "  {}", remark_line(diagnostic)))
}
