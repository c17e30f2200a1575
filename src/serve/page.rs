//! The page: the state of the service, the last runs, and the waiting plan, with the commands to type. It has no script
//! and no form.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::board::Board;
use crate::runs::{Outcome, Ran};
use crate::text::message;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;\
background:#fff}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}td{overflow-wrap:anywhere}\
code,pre{font:.9em ui-monospace,monospace;background:#f3f3f3;padding:.1em .3em}pre{padding:.6em;overflow:auto}\
.succeeded{color:#116329}.blocked,.waiting{color:#7a4d00}.partial,.failed{color:#a40e26}.number{text-align:right}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0}\
@media (prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181c}th,td{border-color:#333}code,pre{background:#24272d}\
dt{color:#aaa}a{color:#8ab4ff}.succeeded{color:#6fdd8b}.blocked,.waiting{color:#f0c674}.partial,.failed{color:#ff8f8f}}";

/// What the page may load and do: nothing but its own style.
pub(super) fn policy() -> String {
    let style = Base64::encode_string(&Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

pub(super) fn render(board: &Board, events: usize, now: Timestamp) -> String {
    let mut page = String::new();
    // A string takes everything.
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><meta http-equiv=\"refresh\" content=\"30\"><title>skovik-sync: {account}</title>\
         <style>{STYLE}</style></head><body><h1>skovik-sync: {account}</h1>",
        account = shown(&board.account)
    );
    status(&mut page, board, events, now);
    waiting(&mut page, board);
    runs(&mut page, board);
    let _ = writeln!(page, "<p>skovik-sync {}</p></body></html>", env!("CARGO_PKG_VERSION"));
    page
}

fn status(page: &mut String, board: &Board, events: usize, now: Timestamp) {
    let state = match &board.running {
        Some((since, reason)) => format!("a run is under way since {since:.0} ({})", shown(reason)),
        None => "no run is under way".to_owned(),
    };
    let success = board.runs.last_success.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    let next = board.next.map_or_else(|| "no schedule; events start runs".to_owned(), |at| format!("{at:.0}"));
    let _ = write!(
        page,
        "<dl><dt>Now</dt><dd id=\"state\">{state}</dd><dt>Last success</dt><dd id=\"success\">{success}</dd><dt>Next \
         run</dt><dd id=\"next\">{next}</dd><dt>Events that wait</dt><dd id=\"events\">{events}</dd><dt>This \
         page</dt><dd>of {now:.0}</dd></dl>"
    );
}

fn waiting(page: &mut String, board: &Board) {
    let Some(plan) = board.runs.waiting() else { return };
    let counts = &plan.summary;
    let _ = write!(
        page,
        "<h2>A plan waits</h2><p id=\"waiting\">{} to create, {} to update, {} to delete, {} set aside. <a \
         href=\"/plan\">Read it</a>.</p>",
        counts.create, counts.update, counts.delete, counts.set_aside
    );
    let blocking: Vec<&_> = plan.guards.iter().filter(|guard| guard.blocks).collect();
    if !blocking.is_empty() {
        page.push_str("<p>Blocked by:</p><ul id=\"guards\">");
        for guard in blocking {
            let _ = write!(page, "<li>{} ({}, limit {})</li>", shown(&guard.title), shown(&guard.found), guard.limit);
        }
        page.push_str("</ul>");
    }
    let _ = write!(
        page,
        "<p>Nothing can be approved here. On the machine of the plan, as a user who may approve:</p><pre \
         id=\"commands\">{}\n{}</pre><p>The next run applies what is approved, if the plan is still the \
         same.</p><p>Hash: <code>{}</code></p>",
        shown(&board.commands.show),
        shown(&board.commands.approve),
        shown(&plan.hash)
    );
}

fn runs(page: &mut String, board: &Board) {
    page.push_str("<h2>The last runs</h2>");
    if board.runs.recent.is_empty() {
        page.push_str("<p>None yet.</p>");
        return;
    }
    page.push_str(
        "<table id=\"runs\"><thead><tr><th>Began</th><th>Took</th><th>Why</th><th>Outcome</th><th>Create</th><th>Update</th>\
         <th>Delete</th><th>Skipped</th></tr></thead><tbody>",
    );
    board.runs.recent.iter().rev().for_each(|ran| row(page, ran));
    page.push_str("</tbody></table>");
}

fn row(page: &mut String, ran: &Ran) {
    let Ran { began, ended, reason, outcome, exit_code, said, plan } = ran;
    let took = ended.duration_since(*began).as_secs_f64().max(0.0);
    let _ = write!(
        page,
        "<tr><td>{began:.0}</td><td class=\"number\">{took:.1} s</td><td>{}</td><td><span \
         class=\"{}\">{}</span>{}</td>",
        shown(reason),
        outcome.name(),
        words(*outcome, *exit_code),
        said.as_ref().map(|said| format!("<br>{}", shown(said))).unwrap_or_default()
    );
    let counts = plan.as_ref().map(|plan| plan.summary);
    for count in [
        counts.map(|counts| counts.create),
        counts.map(|counts| counts.update),
        counts.map(|counts| counts.delete),
        counts.map(|counts| counts.set_aside),
    ] {
        let count = count.map_or_else(|| "–".to_owned(), |count| count.to_string());
        let _ = write!(page, "<td class=\"number\">{count}</td>");
    }
    page.push_str("</tr>");
}

fn words(outcome: Outcome, exit_code: u8) -> String {
    match outcome {
        Outcome::Succeeded => "succeeded".to_owned(),
        Outcome::Blocked => "blocked by a guard (5)".to_owned(),
        Outcome::Waiting => "waits for an approval (6)".to_owned(),
        Outcome::Partial => "applied in part (9)".to_owned(),
        Outcome::Failed => format!("failed ({exit_code})"),
        Outcome::Skipped => "skipped: another run was under way (10)".to_owned(),
        Outcome::Interrupted => "interrupted (130)".to_owned(),
    }
}

/// A text as a part of the page: without markup, and with invisible characters escaped.
fn shown(text: &str) -> String {
    message(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
