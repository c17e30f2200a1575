//! The parts of the document. All text from outside is in code (a fenced block, or a code span in a table), where a
//! forge sees neither mentions nor links nor HTML. All other text is the program's own.

use std::fmt::Write;

use super::fit::{Item, Section};
use crate::plan::{
    Action, Content, Diagnostic, Field, GuardOutcome, GuardResult, Operation, Severity, SourceSummary, Target,
    WaitingPerson,
};
use crate::render::shown::{CEILINGS_LIFT, NOTHING_LIFTS, ONLY_NOTICE, Verdict, only};
use crate::render::text::guards::{figures, guard_name, parts};
use crate::render::text::kind::Kind;
use crate::render::text::layout::thousands;
use crate::render::text::person::{
    Consequence, Heading, Labels, Line, Shown as Said, consequence, consequence_text, lines,
};
use crate::render::text::remarks::sentence;
use crate::render::text::value::{Ids, shown_text};
use crate::render::text::waiting::{HEADING, Shown, about};
use crate::text::{printable, shortened};

/// Opens and closes a block. No line within a block has this many backticks in a row.
const FENCE: &str = "```";

/// How much a guard tells of the people behind it, or a remark, in characters. Whoever alters a plan chooses these words, and must
/// not push people out of the comment with them.
const MOST_OF_WORDS: usize = 2_000;

/// A value as a code span, also for a table.
pub(in crate::render) fn code(value: &str) -> String {
    code_span(&shown_text(value))
}

/// The same for a text that is escaped already.
pub(in crate::render) fn code_span(shown: &str) -> String {
    format!("`{}`", shown.replace('`', r"\u{60}").replace('|', r"\u{7c}"))
}

/// A line of a fenced block. It has no line breaks, because they were escaped.
pub(in crate::render) fn block_line(text: &mut String, margin: &str, line: &str) {
    let line = if line.contains(FENCE) { line.replace('`', r"\u{60}") } else { line.to_owned() };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{margin}{line}");
}

pub(in crate::render) fn number(count: u64) -> String {
    thousands(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The guards that keep the plan from being applied.
pub(in crate::render) fn blocked(content: &Content) -> String {
    let verdict = Verdict::of(content);
    let guards = |count: usize| if count == 1 { "one guard".to_owned() } else { format!("{count} guards") };
    let mut text = String::new();
    if !verdict.fixed.is_empty() {
        let _ = writeln!(text, "> **Blocked** by {}: {NOTHING_LIFTS}\n", guards(verdict.fixed.len()));
    }
    if !verdict.liftable.is_empty() {
        let (count, allow) = (guards(verdict.liftable.len()), verdict.allow());
        let _ = writeln!(text, "> **Blocked** by {count}: {CEILINGS_LIFT} `skovik-sync approve PLAN{allow}`\n");
    }
    text
}

pub(super) fn summary(content: &Content) -> String {
    let crate::plan::Summary { create, update, reactivate, delete, unchanged, set_aside } = content.summary;
    let mut table = String::from("| Group | People |\n|:--|--:|\n");
    let waiting = content.waiting.is_some().then(|| ("Waiting", content.waiting_people()));
    let groups = [
        ("Create", create),
        ("Reactivate", reactivate),
        ("Update", update),
        ("Delete", delete),
        ("Unchanged", unchanged),
        ("Set aside", set_aside),
    ];
    // Most services have no inactive users.
    for (group, count) in
        groups.into_iter().chain(waiting).filter(|(group, count)| *group != "Reactivate" || *count > 0)
    {
        let bold = if group == "Delete" && count > 0 { "**" } else { "" };
        let _ = writeln!(table, "| {bold}{group}{bold} | {bold}{}{bold} |", number(count));
    }
    table.push('\n');
    table
}

/// The account and the sources.
pub(super) fn sources(content: &Content) -> Section {
    let Target { kind, url, users, managed, fingerprint: _, anchors: _, custom_fields: _, removal: _ } =
        &content.target;
    let mut items = vec![item(format!(
        "| target | {} ({}) | {} users, {} of them managed |\n",
        code(url),
        code(kind),
        number(*users),
        number(*managed)
    ))];
    for source in &content.sources {
        let SourceSummary { name, kind, records, proof, fingerprint: _, join } = source;
        let proof = match source.unproven() {
            Some(unproven) => format!("**{unproven}**"),
            None => format!("verified complete by {}", code(proof)),
        };
        let records = number(*records);
        let join = join.map_or_else(String::new, |join| format!("; {join}"));
        items.push(item(format!("| source | {} ({}) | {records} records, {proof}{join} |\n", code(name), code(kind))));
    }
    if let Some(day) = content.as_of {
        items.push(item(format!("| as of | {} | what the settings use as today |\n", code(&day.to_string()))));
    }
    if let Some(people) = only(content) {
        items.push(item(format!("| only | {} | {ONLY_NOTICE} |\n", code(&people))));
    }
    Section {
        before: "| Side | From | What was read |\n|:--|:--|:--|\n".to_owned(),
        items,
        after: String::new(),
        end: "\n",
        what: "sources are",
    }
}

/// The guards. If some must be left out, those that block stay longest.
pub(super) fn guards(content: &Content, ids: Ids) -> Section {
    let row = |guard: &GuardResult| {
        let (outcome, rank) = match guard.outcome {
            GuardOutcome::Pass => ("pass", 1),
            GuardOutcome::Block => ("**BLOCKED**", 0),
        };
        let name = code(&guard_name(guard, &content.target, ids));
        // The people behind a blocking guard are in the same cell, so that the table stays intact.
        let whom = match &*parts(guard, ids) {
            "" => String::new(),
            parts => format!(": {}", code(&shortened(parts, MOST_OF_WORDS))),
        };
        Item { text: format!("| {name} | {}{whom} | {outcome} |\n", figures(guard)), rank }
    };
    Section {
        before: "### Guards\n\n| Guard | Found | Outcome |\n|:--|:--|:--|\n".to_owned(),
        items: content.guards.iter().map(row).collect(),
        after: String::new(),
        end: "\n",
        what: "guards are",
    }
}

/// The people of one kind.
pub(super) fn group(content: &Content, kind: Kind, labels: &Labels<'_>) -> Section {
    let of_kind = content.operations.iter().filter(|operation| Kind::of(operation) == kind);
    let items: Vec<_> = of_kind.map(|operation| person(operation, labels)).collect();
    let (title, what) = match kind {
        Kind::Create => ("Create", "creates are"),
        Kind::Reactivate => ("Reactivate", "reactivations are"),
        Kind::Update => ("Update", "updates are"),
        Kind::Link => ("Link", "links are"),
        Kind::Delete => ("Delete", "deletes are"),
    };
    let about = match kind {
        Kind::Delete => format!("Each of them {}.\n\n", labels.after_delete()),
        Kind::Link => "Managers set once both people are there; not counted.\n\n".to_owned(),
        Kind::Reactivate => "Inactive users become active again.\n\n".to_owned(),
        Kind::Create | Kind::Update => String::new(),
    };
    details(title, kind == Kind::Delete, &about, "diff", items, what)
}

/// The people who wait to be deleted.
pub(super) fn waiting(content: &Content, ids: Ids) -> Section {
    let line = |person: &WaitingPerson| {
        let mut text = String::new();
        block_line(&mut text, "", &Shown::of(person, ids).line());
        item(text)
    };
    let waiting = content.waiting.as_ref();
    let items = waiting.map_or_else(Vec::new, |waiting| waiting.people.iter().map(line).collect());
    let about = waiting.map_or_else(String::new, |waiting| format!("{}\n\n", about(waiting)));
    details(HEADING, true, &about, "text", items, "waiting people are")
}

/// The diagnostics that need an action, or the others.
pub(super) fn remarks(content: &Content, worth_knowing: bool) -> Section {
    let wanted = |diagnostic: &&Diagnostic| (diagnostic.severity == Severity::Info) == worth_knowing;
    let line = |diagnostic: &Diagnostic| {
        let (margin, rank) = match diagnostic.severity {
            Severity::Error => ("- ", 0),
            Severity::Warning => ("! ", 1),
            Severity::Info => ("i ", 2),
        };
        let short = |words: &str| shortened(words, MOST_OF_WORDS).into_owned();
        let Diagnostic { severity, code, employee, message } = diagnostic;
        let (employee, message) = (employee.as_deref().map(short), short(message));
        let shown = Diagnostic { severity: *severity, code: short(code), employee, message };
        let mut text = String::new();
        block_line(&mut text, margin, &format!("{}: {}", printable(&shown.code), sentence(&shown)));
        Item { text, rank }
    };
    let items = content.diagnostics.iter().filter(wanted).map(line).collect();
    match worth_knowing {
        false => details("Set aside and warnings", true, "", "diff", items, "warnings are"),
        true => details("Worth knowing", false, "", "text", items, "notes are"),
    }
}

/// A group that can be folded. Its title and everything outside the block is the program's own text.
pub(in crate::render) fn details(
    title: &str,
    open: bool,
    about: &str,
    language: &str,
    items: Vec<Item>,
    what: &'static str,
) -> Section {
    let (open, count) = (if open { " open" } else { "" }, thousands(items.len()));
    Section {
        before: format!("<details{open}>\n<summary><b>{title}</b> ({count})</summary>\n\n{about}{FENCE}{language}\n"),
        items,
        after: format!("{FENCE}\n"),
        end: "\n</details>\n\n",
        what,
    }
}

/// A person as lines of a diff: old values in red, new values in green, consequences between them.
pub(in crate::render) fn person(operation: &Operation, labels: &Labels<'_>) -> Item {
    let heading = Heading::of(operation, labels.ids()).line();
    let mut text = String::new();
    let (margin, close) = match operation.action {
        Action::Create { .. } => ("+ ", ""),
        Action::Update { .. } | Action::Link { .. } => ("@@ ", " @@"),
        Action::Delete { .. } => ("- ", ""),
    };
    block_line(&mut text, margin, &format!("{heading}{close}"));
    for Line { label, shown } in lines(operation, labels) {
        match (shown, &operation.action) {
            (Said::Value(value), Action::Create { .. }) => {
                block_line(&mut text, "+     ", &format!("{label}: {value}"))
            }
            (Said::Value(value), _) => block_line(&mut text, "-     ", &format!("{label}: {value}")),
            (Said::Change { before, after }, _) => {
                block_line(&mut text, "- ", &format!("{label}: {before}"));
                block_line(&mut text, "+ ", &format!("{label}: {after}"));
            }
        }
    }
    if consequence(operation) == Some(Consequence::BranchMove)
        && let Some(sentence) = consequence_text(operation, labels)
    {
        block_line(&mut text, "! ", &sentence);
    }
    Item { text, rank: rank(operation) }
}

/// The rank of an operation: the most important updates are left out last.
fn rank(operation: &Operation) -> u8 {
    let Action::Update { changes, .. } = &operation.action else { return 0 };
    if consequence(operation).is_some() {
        0
    } else if changes.iter().any(|change| matches!(change.field, Field::ExternalIdentifier | Field::PrimaryEmail)) {
        1
    } else {
        2
    }
}

fn item(text: String) -> Item {
    Item { text, rank: 0 }
}
