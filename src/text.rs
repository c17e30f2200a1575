//! Text from outside on its way to a reader or to a shell: which characters are invisible, how they are escaped, how a
//! text is shortened, when two names look the same, and how a word is quoted for a command line.
//!
//! Everything that shows what a source, a server or a file says goes through here. So no value can forge a line,
//! recolour the terminal, hide a letter from the reviewer, or become a command of its own when a hint is copied into a
//! shell.

pub mod name_words;
pub mod near;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// How many combining marks one letter may have; further ones are escaped. Vietnamese needs two, pointed Hebrew and
/// Tibetan up to four. Without a limit, marks reach over the lines above and below.
const MARKS_OF_A_LETTER: usize = 4;
/// How a private key in PEM begins. A text with it is shown nowhere.
pub(crate) const PRIVATE_KEY: &str = "-----BEGIN";

/// A value with every invisible character escaped: control characters, line breaks, white space other than the plain
/// space, marks that change the direction of writing, characters without a shape or without an agreed one, and too many
/// marks on a letter. A backslash is doubled, so that `\u{200b}` in the output is always an escape, never the value's
/// own text.
#[must_use]
pub fn escape(value: &str) -> Cow<'_, str> {
    escape_where(value, |c, seen| c == '\\' || !seen)
}

/// The same for a sentence, in which a backslash is left alone.
#[must_use]
pub fn printable(sentence: &str) -> Cow<'_, str> {
    escape_where(sentence, |_, seen| !seen)
}

/// A message, perhaps with a list, whose lines are indented and keep their line breaks. Any other line break came with a value,
/// and is escaped: no value can forge a line such as a hint.
#[must_use]
pub fn message(text: &str) -> String {
    const INDENTED: &str = "\n  ";
    text.trim_end_matches(['\n', '\r']).split(INDENTED).map(printable).collect::<Vec<_>>().join(INDENTED)
}

/// The lines of a message, in none of which a value can make another one.
#[must_use]
pub fn joined(lines: &[impl AsRef<str>]) -> String {
    lines.iter().map(|line| printable(line.as_ref())).collect::<Vec<_>>().join("\n")
}

/// What is wrong with a document, on one line: the words of a reader may repeat names from it. Its texts are not quoted: it
/// may be any file.
#[must_use]
pub fn said(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let text = message.find("string \"").zip(message.rfind("\", expected "));
    let message = match text.filter(|(begin, end)| begin < end) {
        Some((begin, end)) => format!("{}a text{}", &message[..begin], &message[end + 1..]),
        None => message,
    };
    let message =
        ["unknown field `", "unknown variant `"].iter().fold(message, |message, before| without_word(message, before));
    printable(&message).into_owned()
}

/// The message without a word behind `before` that is none of the words that people would type there: of small letters, and short.
fn without_word(message: String, before: &str) -> String {
    /// None of our own is longer.
    const LONGEST: usize = 24;
    let Some(begin) = message.find(before).map(|at| at + before.len()) else { return message };
    let end = message[begin..].find("`, expected ").or_else(|| message[begin..].rfind('`'));
    let end = begin + end.unwrap_or(message.len() - begin);
    let word = &message[begin..end];
    let is_shown = word.len() <= LONGEST && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_shown { message } else { format!("{}…{}", &message[..begin], &message[end..]) }
}

/// A JSON document whose strings have `\u` escapes for all invisible characters. To a program it is the same document;
/// to a reader it hides nothing.
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    // Within strings, JSON escapes the other ASCII controls already; outside, they are its own line breaks.
    let is_hidden = |c: char, seen: bool| !seen && (!c.is_ascii() || c == '\u{7f}');
    let mut reader = Reader::default();
    let is_plain = json.is_ascii() && !json.contains('\u{7f}');
    if is_plain || !json.chars().any(|c| is_hidden(c, reader.sees(c))) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    let mut reader = Reader::default();
    for c in json.chars() {
        if is_hidden(c, reader.sees(c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A string takes everything.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// A value with all non-ASCII characters escaped, for two different values that look the same.
#[must_use]
pub fn escape_to_ascii(value: &str) -> Cow<'_, str> {
    escape_where(value, |c, _| c == '\\' || !c.is_ascii() || c.is_ascii_control())
}

/// Undoes [`escape`]. Anything else with a backslash stays as it is.
#[must_use]
pub fn unescape(shown: &str) -> Cow<'_, str> {
    if !shown.contains('\\') {
        return Cow::Borrowed(shown);
    }
    let mut value = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once('\\') {
        value.push_str(before);
        let code = after.strip_prefix("u{").and_then(|code| code.split_once('}'));
        let escaped = code.and_then(|(code, rest)| Some((char::from_u32(u32::from_str_radix(code, 16).ok()?)?, rest)));
        let named = [('\\', '\\'), ('n', '\n'), ('r', '\r'), ('t', '\t')];
        let named = named.into_iter().find_map(|(letter, c)| Some((c, after.strip_prefix(letter)?)));
        let (c, next) = escaped.or(named).unwrap_or(('\\', after));
        value.push(c);
        rest = next;
    }
    value.push_str(rest);
    Cow::Owned(value)
}

/// Whether a character shows nothing, is shown differently everywhere, moves the cursor, or changes how its neighbours
/// are shown: all white space but the plain space, and Unicode's controls, format characters, private use, unassigned
/// code points and `Default_Ignorable_Code_Point`, and the few that are empty without being one of these.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_whitespace()
        || matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
                | GeneralCategory::SpaceSeparator
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        )
        || matches!(c,
            '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fffc}' | '\u{16fe4}' | '\u{1d159}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The first characters of a text, at most so many, and whether there are more.
#[must_use]
pub fn start(text: &str, characters: usize) -> (&str, bool) {
    match text.char_indices().nth(characters) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

/// The start of a text, with `…` if there is more.
#[must_use]
pub fn shortened(text: &str, characters: usize) -> Cow<'_, str> {
    match start(text, characters) {
        (start, true) => Cow::Owned(format!("{start}…")),
        (text, false) => Cow::Borrowed(text),
    }
}

/// The start of another program's words, on one line: an invisible character becomes a space.
#[must_use]
pub fn shortened_line(text: &str, characters: usize) -> String {
    let line: String = text.trim().chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect();
    shortened(&line, characters).into_owned()
}

/// What a name looks like to a reader. Names that look the same have the same likeness: the compatibility form (NFKC),
/// without case and invisible characters, and with one plain space for any white space.
#[must_use]
pub fn likeness(name: &str) -> String {
    // Most identifiers and e-mails. Each letter stands for itself.
    if name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return name.to_ascii_lowercase();
    }
    let seen = name.chars().filter(|c| c.is_whitespace() || !is_unseen(*c));
    // By way of upper case, `ß` becomes `ss` and both forms of the sigma are one.
    let folded: String = seen.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    // The small letter of `İ`. Its dot is no other than that of any `i`.
    let folded = folded.replace("i\u{307}", "i");
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A word quoted for a POSIX shell: the shell sees one word and expands nothing in it.
#[must_use]
pub fn shell_word(word: &str) -> Cow<'_, str> {
    if is_plain(word) { Cow::Borrowed(word) } else { Cow::Owned(quoted(word.as_bytes())) }
}

/// A file name quoted for a shell; no command takes it for an option.
#[must_use]
pub fn shell_path(path: &Path) -> String {
    let name = path.as_os_str().as_encoded_bytes();
    let name = if name.starts_with(b"-") { [b"./", name].concat() } else { name.to_vec() };
    match std::str::from_utf8(&name) {
        Ok(text) => shell_word(text).into_owned(),
        Err(_) => quoted(&name),
    }
}

/// An option with its value, quoted for a shell. A value that begins with a dash stays a value.
#[must_use]
pub fn shell_option(option: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("{option}{between}{}", shell_word(value))
}

/// Decides for each character in turn whether it is visible in its place.
#[derive(Default)]
struct Reader {
    /// How many more marks the previous letter may carry.
    room: usize,
}

impl Reader {
    fn sees(&mut self, c: char) -> bool {
        if is_mark(c) && !is_unseen(c) {
            let Some(room) = self.room.checked_sub(1) else { return false };
            self.room = room;
            return true;
        }
        let seen = !is_unseen(c);
        // A mark without a letter would join whatever is printed before the value.
        self.room = if seen && c != ' ' { MARKS_OF_A_LETTER } else { 0 };
        seen
    }
}

/// Whether a character is drawn over the one before it.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && matches!(c.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

/// Escapes the characters that `unsafe_char` selects; it is told whether each is visible.
fn escape_where(text: &str, unsafe_char: impl Fn(char, bool) -> bool) -> Cow<'_, str> {
    // Printable ASCII is visible whatever stands before it. Without a way out of the loop it is done for many bytes at a
    // time.
    let is_safe = |byte: u8| (b' '..=b'~').contains(&byte) & !unsafe_char(char::from(byte), true);
    let mut reader = Reader::default();
    if text.bytes().fold(true, |safe, byte| safe & is_safe(byte))
        || !text.chars().any(|c| unsafe_char(c, reader.sees(c)))
    {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut reader = Reader::default();
    for c in text.chars() {
        if unsafe_char(c, reader.sees(c)) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether a word needs no quotes in any shell.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/@:+,=-".contains(c);
    // zsh looks for a command after a leading `=`.
    !word.is_empty() && word.chars().all(plain) && !word.starts_with('=')
}

/// In single quotes. If something is invisible or not text, as `$'…'` with octal escapes.
fn quoted(word: &[u8]) -> String {
    let mut reader = Reader::default();
    if let Ok(text) = std::str::from_utf8(word)
        && text.chars().all(|c| reader.sees(c))
    {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut quoted = String::from("$'");
    let octal = |quoted: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // A string takes everything.
            let _ = write!(quoted, "\\{byte:03o}");
        }
    };
    let mut reader = Reader::default();
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            // An interactive shell could look for its history after `!`.
            if reader.sees(c) && !matches!(c, '\\' | '\'' | '!') {
                quoted.push(c);
            } else {
                octal(&mut quoted, c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        octal(&mut quoted, chunk.invalid());
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests;
