//! Regular expressions of templates. Each is compiled once on a thread, and charged for what it can cost.
//!
//! A search takes time in proportion to the text times the positions of the expression, and may look at all of the text
//! before it finds a short match. So each search is charged for all that is left of the text.

use std::cell::RefCell;
use std::collections::BTreeMap;

use minijinja::{Error, ErrorKind, State};
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

/// How large a compiled expression may be, in bytes.
const LARGEST: usize = 256 * 1024;
/// How many positions are compared with a character for one unit of work.
const STEPS_FOR_A_UNIT: u64 = 8;
/// How many ranges of characters are compiled for one unit of work.
const RANGES_FOR_A_UNIT: u64 = 64;
/// How many bytes of a result are written for one unit of work.
const BYTES_FOR_A_UNIT: u64 = 8;
/// How many expressions a thread keeps. Settings have a few, but an expression that is built from a cell could be a new
/// one for each person.
const MOST_KEPT: usize = 64;

thread_local! {
    /// Compiling one takes a thousand times as long as using it.
    static KEPT: RefCell<BTreeMap<String, Expression>> = const { RefCell::new(BTreeMap::new()) };
}

/// A compiled expression and its cost.
struct Expression {
    regex: Regex,
    /// How many places in the expression a search may be at, at the same time.
    positions: u64,
    /// How many ranges of characters were compiled.
    ranges: u64,
}

/// Replaces every match of an expression in a text; `$1` is the first group.
pub(super) fn replace_all(state: &State<'_, '_>, text: &str, pattern: &str, with: &str) -> Result<String, Error> {
    KEPT.with_borrow_mut(|kept| {
        if !kept.contains_key(pattern) {
            let expression = Expression::new(pattern)?;
            if kept.len() >= MOST_KEPT {
                kept.clear();
            }
            kept.insert(pattern.to_owned(), expression);
        }
        kept[pattern].replace_all(state, text, with)
    })
}

impl Expression {
    fn new(pattern: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| {
            Error::new(ErrorKind::InvalidOperation, format!("the regular expression {pattern:?}: {problem}"))
        };
        let regex = RegexBuilder::new(pattern).size_limit(LARGEST).build().map_err(|error| wrong(&said(&error)))?;
        let parsed = regex_syntax::parse(pattern).map_err(|error| wrong(&last_line(&error.to_string())))?;
        Ok(Self { regex, positions: repeated(&parsed, &|_| 1), ranges: repeated(&parsed, &ranges) })
    }

    fn replace_all(&self, state: &State<'_, '_>, text: &str, with: &str) -> Result<String, Error> {
        // The same for each use, whether or not this thread had to compile it: every run must give the same result.
        state.consume_fuel(self.ranges / RANGES_FOR_A_UNIT)?;
        let mut replaced = String::new();
        let mut end = 0;
        let mut matches = self.regex.captures_iter(text);
        loop {
            let left = (text.len() - end + 1) as u64;
            state.consume_fuel(1 + left.saturating_mul(self.positions) / STEPS_FOR_A_UNIT)?;
            let Some(captures) = matches.next() else { break };
            let whole = captures.get_match();
            // Each `$1` of the replacement may stand for all of the match.
            let longest = (with.len() as u64).saturating_mul(whole.len() as u64 + 1);
            state.consume_fuel(longest / BYTES_FOR_A_UNIT)?;
            replaced.push_str(&text[end..whole.start()]);
            captures.expand(with, &mut replaced);
            end = whole.end();
        }
        replaced.push_str(&text[end..]);
        Ok(replaced)
    }
}

/// Adds up the parts of an expression, each as often as it is repeated. The parser bounds how deep they are nested.
fn repeated(part: &Hir, of_class: &impl Fn(&Class) -> u64) -> u64 {
    let sum = |parts: &[Hir]| {
        parts.iter().fold(0_u64, |sum, part| sum.saturating_add(repeated(part, of_class)).saturating_add(1))
    };
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(class) => of_class(class),
        HirKind::Capture(capture) => repeated(&capture.sub, of_class).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            repeated(&repetition.sub, of_class).saturating_add(1).saturating_mul(times.into())
        }
    }
}

/// How many ranges of characters a class has.
fn ranges(class: &Class) -> u64 {
    match class {
        Class::Unicode(class) => class.ranges().len() as u64,
        Class::Bytes(class) => class.ranges().len() as u64,
    }
}

/// What is wrong with an expression, in one line.
fn said(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "is too large".to_owned(),
        _ => last_line(&error.to_string()),
    }
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_has_more_positions() {
        for (pattern, positions) in [
            ("[^a-z0-9.-]", 1..=1),
            (r"\w", 1..=1),
            ("abc", 3..=3),
            ("^(.*), *(.*)$", 10..=30),
            ("(a?){500}", 1_000..=4_000),
            ("((a{10}){10}){10}", 1_000..=5_000),
        ] {
            let found = Expression::new(pattern).unwrap().positions;
            assert!(positions.contains(&found), "{pattern}: {found}");
        }
        assert!(Expression::new(r"\w").unwrap().ranges > 100);
    }
}
