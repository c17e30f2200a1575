//! Characters written as escapes: of URLs, JSON, HTML, CSS, Rust, JavaScript and quoted-printable.

use unicode_normalization::char::compose;

/// The first characters of escapes.
pub(super) const ESCAPES: [char; 4] = ['%', '=', '\\', '&'];
/// The longest escape, in bytes.
pub(super) const LONGEST_ESCAPE: usize = 18;
/// The most digits of an escape of CSS.
const CSS_DIGITS: usize = 6;
/// The names that HTML has for the characters that a secret may have besides letters and digits. Some may stand without
/// their semicolon.
pub(super) const NAMED: [(&str, char); 52] = [
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("commat", '@'),
    ("comma", ','),
    // A hyphen of its own, which is read as this one.
    ("hyphen", '-'),
    ("dash", '-'),
    ("minus", '-'),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("UnderBar", '_'),
    ("grave", '`'),
    ("DiacriticalGrave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("vert", '|'),
    ("VerticalLine", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
    ("tilde", '~'),
    ("sim", '~'),
    ("nbsp", '\u{a0}'),
    ("NonBreakingSpace", '\u{a0}'),
];

/// The names that HTML has for the marks of letters: `&uuml;` is `u` with the mark `uml`.
const MARKS: [(&str, char); 13] = [
    ("grave", '\u{300}'),
    ("acute", '\u{301}'),
    ("circ", '\u{302}'),
    ("tilde", '\u{303}'),
    ("macr", '\u{304}'),
    ("breve", '\u{306}'),
    ("dot", '\u{307}'),
    ("uml", '\u{308}'),
    ("ring", '\u{30a}'),
    ("dblac", '\u{30b}'),
    ("caron", '\u{30c}'),
    ("cedil", '\u{327}'),
    ("ogon", '\u{328}'),
];
/// The names of other Latin letters, without their case.
const LETTERS: [(&str, char); 10] = [
    ("szlig", 'ß'),
    ("oslash", 'ø'),
    ("lstrok", 'ł'),
    ("dstrok", 'đ'),
    ("hstrok", 'ħ'),
    ("aelig", 'æ'),
    ("oelig", 'œ'),
    ("thorn", 'þ'),
    ("eth", 'ð'),
    ("inodot", 'ı'),
];

/// The character that an escape at the start of a text means, and the length of the escape.
pub(super) fn escaped(text: &str) -> Option<(char, usize)> {
    if !text.starts_with(ESCAPES) {
        return None;
    }
    let text = &text[..text.floor_char_boundary(LONGEST_ESCAPE)];
    if let sign @ ('%' | '=') = text.chars().next()? {
        return octets(text, sign);
    }
    if let Some(rest) = text.strip_prefix('\\') {
        let number = |from: usize, count: usize| u32::from_str_radix(rest.get(from..from + count)?, 16).ok();
        let digits = |count: usize| Some((char::from_u32(number(1, count)?)?, 2 + count));
        // JSON writes a character beyond the first 65,536 as two.
        let pair = || {
            let halves = [number(1, 4)?, rest.get(5..7).filter(|next| *next == "\\u").and(number(7, 4))?];
            let halves = halves.map(u16::try_from).map(Result::unwrap_or_default);
            Some((char::decode_utf16(halves).next()?.ok()?, 12))
        };
        return match rest.chars().next()? {
            'u' => braced(rest).or_else(|| digits(4)).or_else(pair),
            'x' => digits(2),
            digit if digit.is_ascii_hexdigit() => css(rest),
            other if !other.is_alphanumeric() => Some((other, 1 + other.len_utf8())),
            _ => None,
        };
    }
    if let Some(number) = text.strip_prefix("&#") {
        return numeric(number).map(|(found, length)| (found, 2 + length));
    }
    let rest = text.strip_prefix('&')?;
    let (found, length) = letter(rest).or_else(|| {
        let (name, found) = NAMED.iter().find(|(name, _)| rest.starts_with(name))?;
        Some((*found, name.len()))
    })?;
    Some((found, 1 + length + usize::from(rest[length..].starts_with(';'))))
}

/// The letter that a name of HTML at the start of a text means, and the length of the name.
fn letter(text: &str) -> Option<(char, usize)> {
    let is_next = |name: &str| text.get(..name.len()).is_some_and(|next| next.eq_ignore_ascii_case(name));
    if let Some((name, found)) = LETTERS.iter().find(|(name, _)| is_next(name)) {
        return Some((*found, name.len()));
    }
    let base = text.chars().next().filter(char::is_ascii_alphabetic)?;
    let (name, mark) = MARKS.iter().find(|(name, _)| text[1..].starts_with(name))?;
    Some((compose(base, *mark)?, 1 + name.len()))
}

/// The length of a character at the start of a text, if it is written as the bytes of its UTF-8, each two digits behind
/// `\x`, as programs print them, or behind `\`, as LDAP does.
pub(super) fn in_octets(text: &str, wanted: char) -> Option<usize> {
    let behind = |sign: &str| {
        wanted.encode_utf8(&mut [0; 4]).bytes().try_fold(0, |end, byte| {
            let digits = text[end..].strip_prefix(sign)?.get(..2)?;
            (u8::from_str_radix(digits, 16).ok()? == byte).then_some(end + sign.len() + digits.len())
        })
    };
    behind("\\x").or_else(|| behind("\\"))
}

/// The character that a number after `&#` means, and the length of that with the semicolon, which HTML lets one leave out.
fn numeric(text: &str) -> Option<(char, usize)> {
    let (digits, radix) = text.strip_prefix(['x', 'X']).map_or((text, 10), |digits| (digits, 16));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let found = char::from_u32(u32::from_str_radix(&digits[..end], radix).ok()?)?;
    Some((found, text.len() - digits.len() + end + usize::from(digits[end..].starts_with(';'))))
}

/// A character as `u{…}`, and the length of that with the backslash.
fn braced(text: &str) -> Option<(char, usize)> {
    let (digits, _) = text.strip_prefix("u{")?.split_once('}')?;
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, digits.len() + 4))
}

/// A character as CSS writes it behind the backslash, and the length with that: six digits, or
/// fewer and perhaps a blank.
fn css(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(CSS_DIGITS).take_while(u8::is_ascii_hexdigit).count();
    let found = char::from_u32(u32::from_str_radix(&text[..end], 16).ok()?)?;
    Some((found, 1 + end + usize::from(end < CSS_DIGITS && text[end..].starts_with(' '))))
}

/// A character as the bytes of its UTF-8, each two digits behind a sign: `%` in URLs, `=` in quoted-printable.
fn octets(text: &str, sign: char) -> Option<(char, usize)> {
    let byte = |place: usize| {
        let digits = text.get(place * 3..place * 3 + 3)?.strip_prefix(sign)?;
        u8::from_str_radix(digits, 16).ok()
    };
    let bytes: Vec<u8> = (0..4).map_while(byte).collect();
    let end = (1..=bytes.len()).find(|&end| std::str::from_utf8(&bytes[..end]).is_ok())?;
    let found = std::str::from_utf8(&bytes[..end]).ok()?.chars().next()?;
    Some((found, end * 3))
}
