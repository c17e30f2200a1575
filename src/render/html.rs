//! The plan as an HTML page in one file, which needs neither network nor server.
//!
//! The template escapes all texts. The changes are embedded as JSON without `<`, `>` and `&`, and the script turns them
//! into text, never into markup. As a second defence the page carries a content security policy (`default-src 'none'`,
//! with its style and script by hash), so that nothing in a plan could load or run anything. Without scripts the page
//! shows the guards, the counts and a plain list.

mod data;
mod gather;
#[cfg(test)]
mod tests;

use anyhow::Context as _;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::data::Data;
use super::redact::NOTICE;
use super::shown::{CEILINGS_LIFT, NOTHING_LIFTS, ONLY_NOTICE, Shown, Verdict, only};
use super::text::guards::{figures, guard_name, parts, unit};
use super::text::layout::thousands;
use super::text::remarks::sentence;
use super::text::value::{Ids, shown_text};
use super::text::waiting::{HEADING, Shown as WaitingShown, about};
use crate::guard::Unit;
use crate::plan::{Content, Diagnostic, GuardOutcome, GuardResult, Severity, SourceSummary, Target, Waiting};

const TEMPLATE: &str = include_str!("html/template.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("html/people.js"),
    "\n",
    include_str!("html/view.js"),
    "})();\n"
);
/// The start of the element that holds the data.
const DATA: &str = "<script type=\"application/json\" id=\"data\">";

/// How many people and remarks the list for readers without scripts has.
const LISTED_WITHOUT_SCRIPT: usize = 500;

/// The data for the template. Invisible characters in its texts are escaped.
#[derive(Serialize)]
struct Page {
    policy: String,
    style: &'static str,
    script: &'static str,
    hash: String,
    masked: Option<&'static str>,
    target: String,
    target_kind: String,
    users: String,
    managed: String,
    generator: String,
    as_of: Option<String>,
    only: Option<String>,
    groups: Vec<Group>,
    set_aside: String,
    unchanged: String,
    waiting: Option<WaitingPeople>,
    guards: Vec<Guard>,
    verdict: Vec<String>,
    approve: Option<String>,
    sources: Vec<Source>,
    plain: Vec<Plain>,
    plain_more: usize,
    plain_remarks: Vec<PlainRemark>,
    plain_remarks_more: usize,
}

/// A count; clicking it filters by the group.
#[derive(Serialize)]
struct Group {
    kind: &'static str,
    count: String,
}

#[derive(Serialize)]
struct Guard {
    id: String,
    figures: String,
    blocks: bool,
    /// For a guard with an upper limit: how far the bar is filled, in percent, with the limit at fifty.
    gauge: Option<u64>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    kind: String,
    records: String,
    proof: String,
    /// What to say instead if nothing proves that the list is complete.
    unproven: Option<&'static str>,
    /// None for the first source, which lists the people.
    join: Option<String>,
}

/// The people who wait to be deleted.
#[derive(Serialize)]
struct WaitingPeople {
    count: String,
    heading: &'static str,
    about: String,
    people: Vec<String>,
    more: usize,
}

/// A change as a line of the list that needs no script.
#[derive(Serialize)]
struct Plain {
    kind: &'static str,
    name: String,
    identifier: String,
    user: String,
    roles: String,
    fields: String,
}

#[derive(Serialize)]
struct PlainRemark {
    severity: Severity,
    text: String,
}

/// The page.
///
/// # Errors
/// If the template fails; no plan leads to that.
pub fn render<'a>(shown: impl Into<Shown<'a>>) -> anyhow::Result<String> {
    let shown = shown.into();
    let data = Data::of(shown);
    let page = Page::of(shown, &data);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("plan.html", TEMPLATE).context("the template of the page")?;
    let page = environment
        .get_template("plan.html")
        .and_then(|template| template.render(minijinja::value::Serde(page)))
        .context("cannot fill the page")?;
    // The data are by far the most of a page, so they do not go through the template. No text in it can hold the element.
    let (before, after) = page.split_once(DATA).context("the template has no place for the data")?;
    let mut whole = String::from(before);
    whole.push_str(DATA);
    data.write(&mut whole)?;
    whole.push_str(after);
    Ok(whole)
}

impl Page {
    fn of(shown: Shown<'_>, data: &Data<'_>) -> Self {
        let Content {
            generator,
            config_hash: _,
            as_of,
            only: _,
            target,
            sources,
            summary,
            guards,
            diagnostics,
            waiting,
            operations: _,
        } = shown.content();
        let verdict = Verdict::of(shown.content());
        let names = |guards: &[&str]| guards.iter().map(|id| shown_text(id)).collect::<Vec<_>>().join(", ");
        let mut sentences = Vec::new();
        for guard in guards.iter().filter(|guard| guard.outcome == GuardOutcome::Block && !guard.parts.is_empty()) {
            sentences.push(shown_text(&format!(
                "{}: {}.",
                guard_name(guard, target, Ids::Shown),
                parts(guard, Ids::Shown)
            )));
        }
        if !verdict.fixed.is_empty() {
            sentences.push(format!("Blocked by {}: {NOTHING_LIFTS}", names(&verdict.fixed)));
        }
        if !verdict.liftable.is_empty() {
            sentences.push(format!("Blocked by {}: {CEILINGS_LIFT}", names(&verdict.liftable)));
        }
        let approve = (!verdict.ceilings.is_empty()).then(|| format!("skovik-sync approve PLAN{}", verdict.allow()));
        let mut groups = vec![("delete", summary.delete), ("update", summary.update), ("create", summary.create)];
        if summary.reactivate > 0 {
            groups.insert(2, ("reactivate", summary.reactivate));
        }
        let (plain, plain_more) = data.plain(LISTED_WITHOUT_SCRIPT);
        let remarks = diagnostics.len().min(LISTED_WITHOUT_SCRIPT);
        Self {
            policy: format!(
                "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
                integrity(STYLE),
                integrity(SCRIPT)
            ),
            style: STYLE,
            script: SCRIPT,
            hash: shown.hash().to_string(),
            masked: shown.is_masked().then_some(NOTICE),
            target: shown_text(&target.url),
            target_kind: shown_text(&target.kind),
            users: number(target.users),
            managed: number(target.managed),
            generator: shown_text(generator),
            as_of: as_of.map(|day| day.to_string()),
            only: only(shown.content()).map(|people| format!("{}; {ONLY_NOTICE}", shown_text(&people))),
            groups: groups.into_iter().map(|(kind, count)| Group { kind, count: number(count) }).collect(),
            set_aside: number(summary.set_aside),
            unchanged: number(summary.unchanged),
            waiting: waiting.as_ref().map(WaitingPeople::of),
            guards: guards.iter().map(|guard| Guard::of(guard, target)).collect(),
            verdict: sentences,
            approve,
            sources: sources.iter().map(Source::of).collect(),
            plain,
            plain_more,
            plain_remarks: diagnostics[..remarks].iter().map(PlainRemark::of).collect(),
            plain_remarks_more: diagnostics.len() - remarks,
        }
    }
}

impl WaitingPeople {
    fn of(waiting: &Waiting) -> Self {
        let shown = waiting.people.len().min(LISTED_WITHOUT_SCRIPT);
        Self {
            count: thousands(waiting.people.len()),
            heading: HEADING,
            about: about(waiting),
            people: waiting.people[..shown].iter().map(|person| WaitingShown::of(person, Ids::Shown).line()).collect(),
            more: waiting.people.len() - shown,
        }
    }
}

impl Guard {
    fn of(guard: &GuardResult, target: &Target) -> Self {
        let GuardResult { id, subject: _, count, of, earlier: _, limit, ignore_below: _, outcome, parts: _ } = guard;
        let (count, of, limit) = (u128::from(*count), u128::from(*of), u128::from(*limit));
        let unit = unit(id);
        let (part, whole) = match unit {
            Unit::Percent => (count * 100, limit * of),
            Unit::AtMost | Unit::AtLeast => (count, limit),
        };
        let share = match (part * 50).checked_div(whole) {
            Some(share) => share.min(100),
            None if part == 0 => 0,
            None => 100,
        };
        Self {
            id: shown_text(&guard_name(guard, target, Ids::Shown)),
            figures: figures(guard),
            blocks: *outcome == GuardOutcome::Block,
            gauge: (unit != Unit::AtLeast).then(|| u64::try_from(share).unwrap_or(100)),
        }
    }
}

impl Source {
    fn of(source: &SourceSummary) -> Self {
        let SourceSummary { name, kind, records, proof, fingerprint: _, join } = source;
        let (proof, unproven, join) = (shown_text(proof), source.unproven(), join.map(|join| join.to_string()));
        Self { name: shown_text(name), kind: shown_text(kind), records: number(*records), proof, unproven, join }
    }
}

impl PlainRemark {
    fn of(diagnostic: &Diagnostic) -> Self {
        Self { severity: diagnostic.severity, text: sentence(diagnostic) }
    }
}

fn number(count: u64) -> String {
    thousands(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The hash of a text for a content security policy: its SHA-256 in Base64.
fn integrity(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut integrity = String::from("sha256-");
    for bytes in Sha256::digest(text.as_bytes()).chunks(3) {
        let group =
            bytes.iter().enumerate().fold(0u32, |group, (place, byte)| group | u32::from(*byte) << (16 - 8 * place));
        for place in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * place) & 63) as usize];
            integrity.push(if place <= bytes.len() { char::from(digit) } else { '=' });
        }
    }
    integrity
}
