//! Whether two texts have the order that people mean. Texts are compared letter by letter: `9` comes after `10`, and
//! `2026-2-1` after `2026-12-01`. What is compared so decides who is in scope, and so who is deleted.

use std::borrow::Cow;
use std::cmp::Ordering;

use minijinja::Value;

use super::kinds::shown;

/// The years that a group of four digits can be.
const YEARS: std::ops::Range<u16> = 1900..2100;

/// What is wrong with `a < b`. The text goes on with what to do.
pub(super) fn problem_of_order(a: &str, b: &str) -> Option<String> {
    if [a, b].into_iter().any(is_like_a_number) {
        return problem_of_numbers(a, b);
    }
    // `G9` and `G10`, but not `G10` and `H9`.
    (natural(a, b) != a.cmp(b)).then(|| said(a, b))
}

/// What is wrong with a list in which both stand if it is sorted: what is wrong with `a < b`, but any order will do for two
/// texts of which neither begins with a digit, such as `G9` and `G10`.
pub(super) fn problem_of_sorting(a: &str, b: &str) -> Option<String> {
    if [a, b].into_iter().any(is_like_a_number) { problem_of_numbers(a, b) } else { None }
}

/// The text with `0` for each digit if [`problem_of_sorting`] looks at it, else a word for all other texts. Texts of one
/// shape have the same problems with every third one.
pub(super) fn shape_to_sort(text: &str) -> Cow<'_, str> {
    if !is_like_a_number(text) {
        return Cow::Borrowed("text");
    }
    Cow::Owned(text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect())
}

fn problem_of_numbers(a: &str, b: &str) -> Option<String> {
    if a.is_empty() || b.is_empty() {
        let other = if a.is_empty() { b } else { a };
        return Some(format!(
            "an empty text is neither before nor after {}; ask first whether it is empty, as in `hr.end == '' or …`",
            shown(&Value::from(other))
        ));
    }
    let is_signed = |text: &str| text.starts_with(['-', '+', '\u{2212}']);
    let is_sound = has_same_shape(a, b) && ![a, b].into_iter().any(|text| is_signed(text) || is_day_first(text));
    (!is_sound && !is_a_day_and_more(a, b)).then(|| said(a, b))
}

fn said(a: &str, b: &str) -> String {
    let (what, advice) = if [a, b].into_iter().any(is_like_a_date) {
        ("dates", "read them as dates, as in `hr.start | date('%d.%m.%Y')`")
    } else {
        ("numbers", "read them as numbers, as in `hr.level | float`")
    };
    let (a, b) = (shown(&Value::from(a)), shown(&Value::from(b)));
    format!("{a} and {b} are compared letter by letter, not as {what}; {advice}")
}

/// Whether a text begins with a digit, after a sign, a currency, a point or white space.
fn is_like_a_number(text: &str) -> bool {
    text.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_numeric)
}

/// The groups of ASCII digits of a text.
fn groups(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty())
}

/// Whether both have digits at the same places, and the same characters at all others: then their order is right.
fn has_same_shape(a: &str, b: &str) -> bool {
    let mut pairs = a.chars().zip(b.chars());
    a.chars().count() == b.chars().count() && pairs.all(|(a, b)| a == b || (a.is_ascii_digit() && b.is_ascii_digit()))
}

/// Whether a text is a date that begins with the day or the month, such as `01.12.2026`, `12/01/26` or `1 Feb 2026`.
fn is_day_first(text: &str) -> bool {
    let mut all = groups(text);
    if all.next().is_none_or(|first| first.len() > 2 || !text.starts_with(first)) {
        return false;
    }
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['.', '/', '-']).collect();
    let is_short = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(is_short)) || all.any(is_year)
}

fn is_year(group: &str) -> bool {
    group.len() == 4 && group.parse().is_ok_and(|year: u16| YEARS.contains(&year))
}

fn is_like_a_date(text: &str) -> bool {
    is_day_first(text) || (groups(text).next().is_some_and(is_year) && groups(text).count() > 1)
}

/// Whether both begin with a day such as `2026-12-01`, and one of them has no more: `2026-12-01T08:00` comes after it.
fn is_a_day_and_more(a: &str, b: &str) -> bool {
    const DAY: usize = "2026-12-01".len();
    let is_day = |text: &str| text.split('-').map(str::len).eq([4, 2, 2]) && has_same_shape(text, "2026-12-01");
    let day = |text: &str| text.get(..DAY).is_some_and(is_day);
    let goes_on = |text: &str| !text[DAY..].starts_with(|c: char| c.is_numeric());
    day(a) && day(b) && (a.len() == DAY || b.len() == DAY) && goes_on(a) && goes_on(b)
}

/// The order in which groups of digits count as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (one, other) = (digits(a), digits(b));
        if !one.is_empty() && !other.is_empty() {
            let [x, y] = [one, other].map(|group| group.trim_start_matches('0'));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y)).then_with(|| one.cmp(other));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[one.len()..], &b[other.len()..]);
            continue;
        }
        match (a.chars().next(), b.chars().next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]),
            (x, y) => return x.cmp(&y),
        }
    }
}

fn digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_shape_are_ordered() {
        for (a, b) in [
            ("2026-12-01", "2026-02-28"),
            ("20261201", "20260228"),
            ("2026-12-01T08:00", "2026-12-01T09:30"),
            ("2026-12-01T08:00:00Z", "2026-12-01"),
            ("2026-12-01", "2026-12-01 08:00"),
            ("00100", "00200"),
            ("3", "4"),
            ("1.5", "2.5"),
            ("100%", "120%"),
            ("12-345", "13-345"),
            ("08:30", "17:00"),
            ("A", "Berg"),
            ("", "A"),
            ("G5", "G9"),
            ("G10", "H9"),
            ("G05", "G10"),
            ("Åse", "Öberg"),
        ] {
            assert_eq!(problem_of_order(a, b), None, "{a} {b}");
            assert_eq!(problem_of_order(b, a), None, "{b} {a}");
        }
    }

    #[test]
    fn dates_and_numbers_of_other_shapes_are_refused() {
        let limits = [("2026-12-01", "dates"), ("1000", "numbers"), ("0.5", "numbers"), ("80%", "numbers")];
        for text in [
            "2026-2-1",
            "2026/2/1",
            "2026.2.1",
            "2026/02/01",
            "2026-2-1T00:00",
            "2026年2月1日",
            "2026-W05",
            "1 Feb 2026",
            "01-Feb-2026",
            "1. 2. 2026",
            "2026 02 01",
            "02.2026",
            "1.2.2026, 10:00",
            "1/2/26",
            "02-01-2026",
            ".5",
            "5.",
            "1 000",
            "1'000",
            "1e2",
            "\u{ff11}\u{ff12}",
            "900 kr",
            "€ 900",
            "-5",
            "\u{2212}5",
            "100 %",
            "2026-12-011",
        ] {
            for (limit, _) in limits {
                let problem = problem_of_order(text, limit).unwrap_or_else(|| panic!("{text} {limit}"));
                assert!(problem.contains("letter by letter"), "{problem}");
                assert!(problem_of_order(limit, text).is_some(), "{limit} {text}");
            }
        }
        for (a, b) in [
            ("01.12.2026", "28.11.2026"),
            ("01-Feb-2026", "15-Feb-2025"),
            ("12/01/26", "01/02/27"),
            ("02.2026", "01.2027"),
            ("-5", "-3"),
            ("G9", "G10"),
            ("many", "1000"),
            ("2026-12-01T8:00", "2026-12-01T10:00"),
        ] {
            assert!(problem_of_order(a, b).is_some() && problem_of_order(b, a).is_some(), "{a} {b}");
        }
        for (limit, what) in limits {
            assert!(problem_of_order("12345678901", limit).is_some_and(|problem| problem.contains(what)), "{limit}");
            assert!(problem_of_order("", limit).is_some_and(|problem| problem.contains("an empty text")), "{limit}");
        }
    }

    #[test]
    fn a_list_may_be_sorted_unless_its_numbers_differ_in_shape() {
        for (a, b) in [("p9@x.se", "p10@x.se"), ("G9", "G10"), ("", "A"), ("", ""), ("-", ""), ("10", "11")] {
            assert_eq!(problem_of_sorting(a, b), None, "{a} {b}");
        }
        for (a, b) in [
            ("9", "10"),
            ("1.12.2026", "02.12.2026"),
            ("0.5", ".7"),
            ("", "2026-12-01"),
            (" ", "2026-12-01"),
            ("-", "2026-12-01"),
            ("open", "2026-12-01"),
            ("n/a", "9"),
            ("1@x.se", "anna@x.se"),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                assert!(problem_of_sorting(a, b).is_some() && problem_of_order(a, b).is_some(), "{a} {b}");
            }
        }
    }
}
