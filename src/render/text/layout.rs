//! Colours, columns and line breaks. Widths are in terminal cells: 李 takes two.

use std::fmt::Display;

use console::{Style, StyledObject, measure_text_width};

/// The greatest width of a column; one long name does not make it wider.
const WIDEST_COLUMN: usize = 40;
/// The least width at which sentences are wrapped, even on a narrower terminal.
const NARROWEST_SENTENCE: usize = 30;

/// The colours; the options switch them on or off, not the terminal.
#[derive(Debug, Clone, Copy)]
pub(in crate::render) struct Palette {
    color: bool,
}

impl Palette {
    pub(in crate::render) fn new(color: bool) -> Self {
        Self { color }
    }

    pub(in crate::render) fn is_on(self) -> bool {
        self.color
    }

    pub(in crate::render) fn green<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().green(), text)
    }

    pub(in crate::render) fn red<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().red(), text)
    }

    pub(in crate::render) fn yellow<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().yellow(), text)
    }

    pub(in crate::render) fn cyan<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().cyan(), text)
    }

    pub(in crate::render) fn dim<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().dim(), text)
    }

    pub(in crate::render) fn bold<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().bold(), text)
    }

    pub(in crate::render) fn alarm<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().red().bold(), text)
    }

    /// The removed part of an old value.
    pub(in crate::render) fn removed<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().red().bold().underlined(), text)
    }

    /// The added part of a new value.
    pub(in crate::render) fn added<D: Display>(self, text: D) -> StyledObject<D> {
        self.paint(Style::new().green().bold().underlined(), text)
    }

    fn paint<D: Display>(self, style: Style, text: D) -> StyledObject<D> {
        style.force_styling(self.color).apply_to(text)
    }
}

/// How wide a column of these texts is.
pub(super) fn column(texts: impl Iterator<Item = impl AsRef<str>>) -> usize {
    texts.map(|text| width_of(text.as_ref())).max().unwrap_or(0).min(WIDEST_COLUMN)
}

/// How many cells a text takes.
pub(super) fn width_of(text: &str) -> usize {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain { text.len() } else { measure_text_width(text) }
}

/// The spaces that fill a text up to a column's width.
pub(super) fn padding(text: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(width_of(text)))
}

/// Wraps a sentence into lines of at most `width` cells; a longer word is not broken, and neither is an option with its value or
/// what is quoted for a shell: a copy of two lines would be another command.
pub(in crate::render) fn wrap(sentence: &str, width: usize) -> Vec<String> {
    let width = width.max(NARROWEST_SENTENCE);
    let mut lines = Vec::new();
    let (mut line, mut filled) = (String::new(), 0);
    for word in words(sentence) {
        let word_width = width_of(word);
        if filled > 0 && filled + 1 + word_width > width {
            lines.push(std::mem::take(&mut line));
            filled = 0;
        } else if filled > 0 {
            line.push(' ');
            filled += 1;
        }
        line.push_str(word);
        filled += word_width;
    }
    lines.push(line);
    lines
}

/// The words of a sentence. What is in single quotes is one word, with all that touches it, and so is an option with what follows.
fn words(sentence: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = Some(sentence);
    while let Some(text) = rest {
        let option = option_width(text);
        let end = option + word_width(&text[option..]);
        words.push(&text[..end]);
        rest = text.get(end + 1..);
    }
    words
}

/// How long an option such as `--only` is with the space after it, if a text begins with one.
fn option_width(text: &str) -> usize {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-'));
    match text.split_once(' ') {
        Some((word, _)) if word.strip_prefix("--").is_some_and(is_name) => word.len() + 1,
        _ => 0,
    }
}

/// How long the first word of a text is.
fn word_width(text: &str) -> usize {
    let ends = || text.match_indices(' ').map(|(at, _)| at).chain([text.len()]);
    let end = ends().next().unwrap_or(text.len());
    // Elsewhere a `'` is an apostrophe; so is one without a partner.
    let begins_quoted = text[..end].split_once('\'').is_some_and(|(before, _)| {
        let before = before.strip_suffix('$').unwrap_or(before);
        before.is_empty() || before.ends_with('=')
    });
    let is_closed = |end: &usize| text[..*end].replace(r"'\''", "").matches('\'').count().is_multiple_of(2);
    if begins_quoted { ends().find(is_closed).unwrap_or(end) } else { end }
}

/// A number with separated thousands.
pub(in crate::render) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (2_950, "2,950"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), expected);
        }
    }

    #[test]
    fn sentences_are_broken_between_words_by_cells() {
        let text = "aaaa bbbb cccc dddd eeee ffff gggg";
        assert_eq!(wrap(text, 30), ["aaaa bbbb cccc dddd eeee ffff", "gggg"]);
        let wide = "李李李李李李李李 李李李李李李 李";
        assert_eq!(wrap(wide, 30), ["李李李李李李李李 李李李李李李", "李"]);
        let long = "x".repeat(50);
        assert_eq!(wrap(&format!("a {long} b"), 30), ["a".to_owned(), long, "b".to_owned()]);
        assert_eq!(wrap("", 30), [""]);
    }

    #[test]
    fn what_is_quoted_for_a_shell_stays_on_one_line() {
        let text = r"to take it: plan with --same-person 'AB  12 O'\''Brien' or --only=$'-a\000 b'.";
        assert_eq!(
            wrap(text, 30),
            ["to take it: plan with", r"--same-person 'AB  12 O'\''Brien'", r"or --only=$'-a\000 b'."]
        );
        let text = "if so, plan with --same-person poweroff, or else correct it --";
        assert_eq!(wrap(text, 30), ["if so, plan with", "--same-person poweroff, or", "else correct it --"]);
        let alone = "'tis a single quote that nobody closes";
        assert_eq!(wrap(alone, 30), ["'tis a single quote that", "nobody closes"]);
        assert_eq!(words("a  b "), ["a", "", "b", ""]);
    }

    #[test]
    fn padding_counts_cells() {
        assert_eq!(padding("李", 4), "  ");
        assert_eq!(padding("longer", 4), "");
    }
}
