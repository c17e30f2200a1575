//! `show`: prints a plan again, in any of its renderings.

use std::io::Write as _;

use anyhow::Context as _;

use super::common::{kept, read_plan_to_show, shown};
use super::places::Places;
use super::plan::text_options;
use crate::cli::{Global, Show, ShowFormat};
use crate::exit::{ExitStatus, refused};
use crate::files::write_private;
use crate::plan::Plan;
use crate::render::redact::Masks;
use crate::render::text::TextOptions;
use crate::render::{Ids, Shown, html, json, markdown, since, text};
use crate::ui::Ui;

/// The width of lines in a file.
const WIDTH_OF_A_FILE: usize = 100;

/// Prints the plan.
///
/// # Errors
/// Exit code 3 if there is no such file or the options contradict each other, 8 if it is not a valid plan.
pub fn run(args: &Show, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    check(args)?;
    places(args, global).check()?;
    let plan = kept(read_plan_to_show(&args.plan)?);
    let old = args.since.as_deref().map(read_plan_to_show).transpose()?.map(kept);
    let rendered = render(args, plan, old, ui)?;
    match &args.out {
        None => ui.print(rendered)?,
        Some(out) => {
            write_private(out, |file| file.write_all(rendered.as_bytes()))
                .with_context(|| format!("cannot write {}", shown(out)))?;
            ui.note(format_args!("written to {}", shown(out)));
        }
    }
    Ok(ExitStatus::Done)
}

fn places(args: &Show, global: &Global) -> Places {
    let places = Places::new(global).plan(&args.plan).may_read("--since", args.since.as_deref());
    let places = places.writes("--out", args.out.as_deref());
    if args.out.is_some() { places.settings_if_any(global) } else { places }
}

/// Refuses options that would silently do nothing.
fn check(args: &Show) -> anyhow::Result<()> {
    let is_markdown = args.format == ShowFormat::Markdown;
    let problem = if args.max_bytes.is_some() && !is_markdown {
        "--max-bytes goes with --format markdown only"
    } else if args.max_bytes.is_some_and(|bytes| bytes < markdown::LEAST_MAX_BYTES) {
        "--max-bytes must be at least 4096, so that the summary, the guards' verdict and the hash fit"
    } else if args.all && (args.format != ShowFormat::Text || args.since.is_some()) {
        "--all goes with --format text only; the other renderings show all that they have room for"
    } else if args.since.is_some() && !matches!(args.format, ShowFormat::Text | ShowFormat::Markdown) {
        "--since goes with --format text and --format markdown only"
    } else if args.ids && !matches!(args.format, ShowFormat::Text | ShowFormat::Markdown) {
        "--ids goes with --format text and --format markdown only; the other renderings always show the ids"
    } else {
        return Ok(());
    };
    Err(refused(ExitStatus::Usage, problem))
}

fn render(args: &Show, plan: &Plan, old: Option<&Plan>, ui: &Ui) -> anyhow::Result<String> {
    // Both use the same masks, so that equal values look equal.
    let mut masks = Masks::default();
    let masked_old = old.filter(|_| args.redact).map(|old| masks.mask(old));
    let masked = args.redact.then(|| masks.mask(plan));
    let shown = masked.as_ref().map_or_else(|| Shown::from(plan), Shown::from);
    let ids = Ids::from(args.ids);
    let comment = markdown::Options { max_bytes: args.max_bytes.unwrap_or(markdown::DEFAULT_MAX_BYTES), ids };
    let to_file = args.out.is_some();
    let color = ui.color() && !to_file;
    if let Some(old) = old {
        let difference = since::compare(old, plan);
        let shown_old = masked_old.as_ref().map_or_else(|| Shown::from(old), Shown::from);
        return Ok(match args.format {
            ShowFormat::Markdown => since::markdown(&difference, shown_old, shown, comment)?,
            _ => since::text(&difference, shown_old, shown, ids, color),
        });
    }
    Ok(match args.format {
        ShowFormat::Text => {
            let mut options = TextOptions { ids, ..text_options(&args.plan, args.all, ui) };
            if to_file {
                options = TextOptions { color, width: WIDTH_OF_A_FILE, limit: None, ..options };
            }
            text::display(shown, &options).to_string()
        }
        ShowFormat::Markdown => markdown::render(shown, comment)?,
        ShowFormat::Html => html::render(shown)?,
        ShowFormat::Json => json::render(shown)?,
    })
}
