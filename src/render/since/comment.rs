//! The difference as a comment on a pull request, with the same limits as the plan's own comment.

use super::entry::{Side, merged, remark_line};
use super::facts::Fact;
use super::pairs::Pair;
use super::{Both, Difference};
use crate::plan::{Action, Diagnostic, Operation};
use crate::render::markdown::fit::{Document, Item, Section};
use crate::render::markdown::parts::{block_line, blocked, code_span, details, person};
use crate::render::markdown::{Options, SINCE_TRAILER_START, TooShort, hash_line};
use crate::render::redact::NOTICE;
use crate::render::shown::Shown;

/// The difference as a comment. It ends with the hash of the new plan.
///
/// # Errors
/// As [`crate::render::markdown::render`].
pub fn markdown(difference: &Difference, old: Shown<'_>, new: Shown<'_>, options: Options) -> Result<String, TooShort> {
    let both = Both::of(difference, old, new, options.ids);
    let is_delete = |operation: &&Operation| matches!(operation.action, Action::Delete { .. });
    let (deletes, others): (Vec<_>, Vec<_>) = both.new_operations().partition(is_delete);
    let added = |operations: Vec<&Operation>| -> Vec<Item> {
        operations.into_iter().map(|operation| person(operation, &both.new_labels)).collect()
    };
    let gone = both.gone_operations().map(|operation| person(operation, &both.old_labels)).collect();
    let different = difference.pairs.different.iter().map(|pair| changed(&both, pair)).collect();
    let remarks = both.new_remarks().map(|found| remark("+ ", found));
    let remarks = remarks.chain(both.gone_remarks().map(|found| remark("- ", found))).collect();
    let section = |title, items, what| details(title, true, "", "diff", items, what);
    let document = Document {
        head: head(&both),
        sections: vec![
            fact_table(&both.facts()),
            section("New deletes", added(deletes), "deletes are"),
            section("Different", different, "operations are"),
            section("New", added(others), "operations are"),
            section("Remarks", remarks, "remarks are"),
            section("No longer in the plan", gone, "operations are"),
        ],
        tail: format!("{}\n\n{SINCE_TRAILER_START}{} -->\n\n{}", both.the_same(), old.hash(), hash_line(new)),
    };
    document.fit(options.max_bytes).map_err(|_| TooShort { max_bytes: options.max_bytes })
}

fn head(both: &Both<'_>) -> String {
    let masked = if both.new.is_masked() { format!("> **Masked**: {NOTICE}.\n\n") } else { String::new() };
    let nothing = if both.difference.same_hash { "Nothing has changed.\n\n" } else { "" };
    let (old, blocked) = (both.old.hash(), blocked(both.new.content()));
    format!("## skovik-sync plan: what has changed\n\nSince the plan `{old}`.\n\n{masked}{nothing}{blocked}")
}

fn changed(both: &Both<'_>, pair: &Pair) -> Item {
    let (_, heading, lines) = merged(both, pair);
    let mut text = String::new();
    block_line(&mut text, "@@ ", &format!("{heading} @@"));
    for (side, line) in lines {
        let margin = match side {
            Side::Both => "      ",
            Side::Old => "- ",
            Side::New => "+ ",
            Side::Note => "! ",
        };
        block_line(&mut text, margin, &line);
    }
    Item { text, rank: 0 }
}

fn remark(margin: &str, diagnostic: &Diagnostic) -> Item {
    let mut text = String::new();
    block_line(&mut text, margin, &remark_line(diagnostic));
    Item { text, rank: 0 }
}

fn fact_table(facts: &[Fact]) -> Section {
    let row = |Fact { what, before, after }: &Fact| Item {
        text: format!("| {} | {} | {} |\n", code_span(what), code_span(before), code_span(after)),
        rank: 0,
    };
    Section {
        before: "| What | Before | Now |\n|:--|:--|:--|\n".to_owned(),
        items: facts.iter().map(row).collect(),
        after: String::new(),
        end: "\n",
        what: "facts are",
    }
}
