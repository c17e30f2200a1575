//! Faults: which requests they strike, and what they do. `rule` reads the text of a rule.
//!
//! It never looks at a clock, and draws chance from a seed, so that a run can be repeated.

use std::fmt;
use std::time::Duration;

use hyper::StatusCode;

use super::field::Field;

/// A rule for faults, read from its text by [`str::parse`]; see `docs/sandbox.md`.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) text: String,
    /// `None` for every method.
    pub(super) method: Option<&'static str>,
    pub(super) path: Pattern,
    pub(super) when: When,
    /// How many matching requests pass before the first that can be struck.
    pub(super) skip: u64,
    /// How often it strikes at most.
    pub(super) times: Option<u64>,
    pub(super) fault: Fault,
}

/// Which paths a rule is about, below the base path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    Every,
    /// The segments of the path; `None` matches any one.
    Segments(Vec<Option<String>>),
}

/// Which of the matching requests a rule strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum When {
    Always,
    /// Only this one, counted from 1.
    Nth(u64),
    /// Each that this number divides.
    Every(u64),
    /// Each with this probability.
    Chance(f64),
}

/// What a struck request suffers.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// How much longer the answer takes.
    pub(super) slow: Duration,
    pub(super) effect: Effect,
}

#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// Nothing but that it is slow.
    Slow,
    /// Another answer; the request is carried out all the same where `executed` says so.
    Status { status: StatusCode, body: FaultBody, retry: Option<Retry>, executed: bool },
    /// No answer at all: the connection is dropped.
    Reset { executed: bool },
    /// Carried out; the answer breaks off in the middle.
    Cut,
    /// Carried out, but the list is wrong.
    Lie(Lie),
    /// Carried out, but this field of the user is not stored.
    Drop(Field),
    /// Carried out; then another client changes this field, of the named user or else of the user in the request.
    Change { field: Field, user: Option<String> },
    /// Carried out, but this field of the user is lost.
    Lose(Field),
    /// Carried out, but the answer holds another user.
    AnswerAs(String),
    /// 307 to another address; not carried out.
    Redirect(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultBody {
    Json,
    Html,
    Empty,
}

/// A `Retry-After` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// As seconds.
    Seconds(u64),
    /// As the date that is this many seconds ahead.
    Date(u64),
}

/// How a list is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// `meta.total` is one too many.
    Total,
    /// `links.next` points to the page itself.
    Loop,
    /// The last row of the page is left out.
    RowMissing,
    /// The last row of the page is given twice.
    RowTwice,
}

/// The rules of a server with what they have seen.
#[derive(Debug)]
pub(super) struct Faults {
    rules: Vec<Counted>,
    seed: u64,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    matched: u64,
    struck: u64,
}

impl Faults {
    pub(super) fn new(rules: Vec<Rule>, seed: u64) -> Self {
        Self { rules: rules.into_iter().map(|rule| Counted { rule, matched: 0, struck: 0 }).collect(), seed }
    }

    /// The rule that strikes this request: the first whose turn it is. Each rule counts every request that it matches.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<Rule> {
        let mut struck = None;
        for (index, counted) in (0..).zip(&mut self.rules) {
            let Counted { rule, matched, struck: times } = counted;
            if !rule.matches(method, path) {
                continue;
            }
            *matched += 1;
            if struck.is_none()
                && rule.times.is_none_or(|limit| *times < limit)
                && matched.checked_sub(rule.skip).is_some_and(|n| n > 0 && rule.when.hits(n, self.seed, index))
            {
                *times += 1;
                struck = Some(rule.clone());
            }
        }
        struck
    }
}

impl Rule {
    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.is_none_or(|wanted| wanted == method) && self.path.matches(path)
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        let Self::Segments(pattern) = self else { return true };
        let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
        let all = pattern.iter().all(|wanted| match (wanted, segments.next()) {
            (Some(wanted), Some(found)) => wanted == found,
            (None, Some(_)) => true,
            (_, None) => false,
        });
        all && segments.next().is_none()
    }
}

impl When {
    /// Whether the `n`th request is hit, counted from 1.
    fn hits(self, n: u64, seed: u64, rule: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(wanted) => n == wanted,
            Self::Every(step) => n.is_multiple_of(step),
            Self::Chance(chance) => draw(seed, rule, n) < chance,
        }
    }
}

/// A number from 0 to below 1 that depends on nothing but these.
fn draw(seed: u64, rule: u64, n: u64) -> f64 {
    let mut from_seed = fastrand::Rng::with_seed(seed);
    let mut from_rule = fastrand::Rng::with_seed(from_seed.u64(..) ^ rule);
    fastrand::Rng::with_seed(from_rule.u64(..) ^ n).f64()
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
