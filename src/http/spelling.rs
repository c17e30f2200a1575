//! How a secret may be spelt in text from others: as it is, in other case or other forms of its letters (NFKC, NFD), with
//! characters written as escapes of URLs, JSON, HTML, CSS, Rust, JavaScript or quoted-printable, and as base64 or the
//! digits of its bytes, hexadecimal or decimal, also in the middle of something longer. Between the digits of two bytes
//! there may be a blank, a colon and the like. Where a text was cut (`…`), the beginning of a secret counts too; a
//! long beginning counts everywhere, because a server may cut what it quotes.

use std::iter::once;

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding as _};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use super::escapes::{ESCAPES, LONGEST_ESCAPE, escaped, in_octets};

/// A shorter form in base64 would also be found in unrelated words.
const SHORTEST_FORM: usize = 8;
/// The digits of fewer bytes would be, too.
const FEWEST_BYTES: usize = 4;
/// What may be between the digits of two bytes: `aa:bb`, `aa bb`, `0xaa, 0xbb`.
const SEPARATORS: &[u8] = b" :-_,.;";
/// How many of them.
const MOST_SEPARATORS: usize = 3;
/// What may be before the digits of a byte.
const PREFIXES: [&[u8]; 3] = [b"0x", b"0X", b"\\x"];
/// How many letters before a cut are the beginning of a secret.
const BEGINNING: usize = 4;
/// How many letters are the beginning of a secret whatever follows.
const LONG_BEGINNING: usize = 12;
/// How many bytes a byte has at most before its last digit.
const LONGEST_BYTE: usize = MOST_SEPARATORS + 3;
/// What stands where a text was cut.
const CUT: char = '…';
/// A secret with its encoded forms.
pub(super) struct Spellings {
    secret: SecretString,
    /// With each letter and its marks as one character (NFC), if that is another text.
    composed: Option<SecretString>,
    /// As base64 in each alphabet and at each place within a group of three bytes.
    encoded: Vec<SecretString>,
    /// The digits of each byte, with blanks between them: hexadecimal, and decimal.
    digits: [SecretString; 2],
}

impl Spellings {
    pub(super) fn of(secret: SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let digits = [hexadecimal(bytes, " "), digits_of(bytes, " ", |byte| byte.to_string())];
        let mut encoded = Vec::new();
        for offset in 0..3 {
            encoded.extend(within_base64(bytes, offset));
        }
        encoded.retain(|form| form.expose_secret().len() >= SHORTEST_FORM);
        encoded.dedup_by(|one, other| one.expose_secret() == other.expose_secret());
        let composed: SecretString = secret.expose_secret().nfc().collect::<String>().into();
        let composed = Some(composed).filter(|composed| composed.expose_secret() != secret.expose_secret());
        Self { secret, composed, encoded, digits }
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// Replaces each of its forms by `mask`.
    pub(super) fn mask(&self, text: String, mask: &str) -> String {
        let words = once(self.secret()).chain(self.composed.as_ref().map(ExposeSecret::expose_secret));
        let masked = words.fold(text, |text, word| mask_spelt(text, word, mask));
        let masked = self.encoded.iter().fold(masked, |text, form| mask_spelt(text, form.expose_secret(), mask));
        if self.secret().len() < FEWEST_BYTES {
            return masked;
        }
        let digits = self.digits.iter().map(ExposeSecret::expose_secret);
        digits.fold(masked, |text, digits| replaced(text, mask, |rest| end_of_digits(rest, digits)))
    }
}

/// Replaces a word by `mask`, whatever its case and however its characters are escaped.
pub(super) fn mask_spelt(text: String, word: &str, mask: &str) -> String {
    let Some(first) = word.chars().next() else { return text };
    replaced(text, mask, |rest| {
        // Most places of a text are decided by this.
        spelt(rest, first, true).and_then(|_| end_of(rest, word))
    })
}

/// Replaces a long beginning of a word by `mask`, whatever follows it.
pub(super) fn mask_beginning(text: String, word: &str, mask: &str) -> String {
    replaced(text, mask, |rest| {
        let mut ends = word.chars().scan(0, |end, wanted| {
            *end += spelt(&rest[*end..], wanted, false)?;
            Some(*end)
        });
        ends.nth(LONG_BEGINNING - 1).map(|end| ends.last().unwrap_or(end))
    })
}

/// Replaces by `mask` what `end` finds at the start of each rest of a text.
fn replaced(text: String, mask: &str, end: impl Fn(&str) -> Option<usize>) -> String {
    let mut masked = String::new();
    let mut rest = &text[..];
    let mut found_any = false;
    while let Some(next) = rest.chars().next() {
        match end(rest) {
            Some(end) => {
                masked.push_str(mask);
                rest = &rest[end..];
                found_any = true;
            }
            None => {
                masked.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    if found_any { masked } else { text }
}

/// If a text begins with the digits of these bytes, or is cut within them, where they end. Between two bytes there may be
/// separators, and `0x` or `\\x`.
fn end_of_digits(text: &str, digits: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // Most places of a text are decided by this.
    if !bytes.first()?.eq_ignore_ascii_case(digits.as_bytes().first()?) {
        return None;
    }
    let mut end = 0;
    for (place, byte) in digits.split(' ').map(str::as_bytes).enumerate() {
        let begun = end;
        if place > 0 {
            let separators = bytes[end..].iter().take(MOST_SEPARATORS).take_while(|found| SEPARATORS.contains(found));
            end += separators.count();
            end += PREFIXES.iter().find(|prefix| bytes[end..].starts_with(prefix)).map_or(0, |prefix| prefix.len());
        }
        match bytes.get(end..end + byte.len()).filter(|found| found.eq_ignore_ascii_case(byte)) {
            Some(found) => end += found.len(),
            None => {
                return (place >= BEGINNING)
                    .then(|| cut_within(&text[begun..], LONGEST_BYTE))
                    .flatten()
                    .map(|cut| begun + cut);
            }
        }
    }
    Some(end)
}

/// If a text begins with the word, or is cut within it, where that ends.
fn end_of(text: &str, word: &str) -> Option<usize> {
    let read = |escapes: bool| {
        let mut end = 0;
        for (place, wanted) in word.chars().enumerate() {
            let rest = &text[end..];
            match spelt(rest, wanted, escapes) {
                Some(length) => end += length,
                None if place < BEGINNING => return None,
                None => {
                    let within = match rest.chars().next() {
                        Some(next) if ESCAPES.contains(&next) => LONGEST_ESCAPE,
                        // Perhaps the first of several characters in its place.
                        Some(next) if !wanted.is_ascii() => next.len_utf8(),
                        _ => 0,
                    };
                    return cut_within(rest, within).map(|cut| end + cut);
                }
            }
        }
        Some(end)
    };
    // A secret may look like an escape itself.
    read(false).or_else(|| read(true))
}

/// The length of a character of a secret at the start of a text: as one character, or as several, such as a letter and
/// its mark (NFD), or `SS` for `ß`.
fn spelt(text: &str, wanted: char, escapes: bool) -> Option<usize> {
    let alone = spelt_alone(text, wanted, escapes);
    // A letter of ASCII has no other forms.
    if alone.is_some() || wanted.is_ascii() {
        return alone;
    }
    spelt_as(text, once(wanted).nfd(), escapes)
        .or_else(|| spelt_as(text, once(wanted).nfkd(), escapes))
        .or_else(|| spelt_as(text, wanted.to_lowercase().flat_map(char::to_uppercase), escapes))
}

/// The same as these characters.
fn spelt_as(text: &str, mut several: impl Iterator<Item = char>, escapes: bool) -> Option<usize> {
    several.try_fold(0, |end, one| Some(end + spelt_alone(&text[end..], one, escapes)?))
}

/// The same as one character.
fn spelt_alone(text: &str, wanted: char, escapes: bool) -> Option<usize> {
    let plain = || text.chars().next().filter(|found| is_same(*found, wanted)).map(char::len_utf8);
    if !escapes {
        return plain();
    }
    let escaped = escaped(text).filter(|(found, _)| is_same(*found, wanted)).map(|(_, length)| length);
    escaped.or_else(|| in_octets(text, wanted)).or_else(plain)
}

/// If a text is cut after at most so many bytes, where.
fn cut_within(text: &str, most: usize) -> Option<usize> {
    text[..text.floor_char_boundary(most + CUT.len_utf8())].find(CUT)
}

fn is_same(one: char, other: char) -> bool {
    one == other
        || if one.is_ascii() && other.is_ascii() {
            one.eq_ignore_ascii_case(&other)
        } else {
            let folded = |c: char| once(c).nfkc().flat_map(char::to_lowercase);
            folded(one).eq(folded(other))
        }
}

/// The part of the base64 of a longer text that these bytes alone decide, if they begin at `offset` of a group of
/// three.
fn within_base64(bytes: &[u8], offset: usize) -> [SecretString; 2] {
    let mut padded = Zeroizing::new(vec![0; offset]);
    padded.extend_from_slice(bytes);
    // Without the characters that also hold bits of the bytes before or after.
    let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    let part = |text: String| -> SecretString {
        let text = Zeroizing::new(text);
        text.get(first..last).unwrap_or_default().to_owned().into()
    };
    [part(Base64Unpadded::encode_string(&padded)), part(Base64UrlUnpadded::encode_string(&padded))]
}

fn hexadecimal(bytes: &[u8], separator: &str) -> SecretString {
    digits_of(bytes, separator, |byte| format!("{byte:02x}"))
}

fn digits_of(bytes: &[u8], separator: &str, written: impl Fn(u8) -> String) -> SecretString {
    bytes.iter().map(|byte| written(*byte)).collect::<Vec<_>>().join(separator).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::escapes::NAMED;

    const SECRET: &str = "Hun%41/ter+2?äß&<x>\"\u{1f600}";

    fn masked(text: &str) -> String {
        Spellings::of(SECRET.into()).mask(text.to_owned(), "[key]")
    }

    #[test]
    fn a_secret_is_found_however_it_is_spelt() {
        let all = |escape: &dyn Fn(char) -> String| SECRET.chars().map(escape).collect::<String>();
        let utf8 = |c: char| c.to_string().into_bytes();
        let digits = |bytes: &[u8], separator: &str| {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(separator)
        };
        let bytes = |separator: &str| digits(SECRET.as_bytes(), separator);
        let decimal = |separator: &str| SECRET.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(separator);
        let full_width = |c: char| match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).expect("a letter"),
            other => other,
        };
        for spelt in [
            SECRET.to_owned(),
            SECRET.to_uppercase().replace("SS", "ß"),
            all(&|c| utf8(c).iter().map(|byte| format!("%{byte:02X}")).collect()),
            all(&|c| utf8(c).iter().map(|byte| format!("%{byte:02x}")).collect()),
            percent_encoding::utf8_percent_encode(SECRET, percent_encoding::NON_ALPHANUMERIC).to_string(),
            all(&|c| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()),
            all(&|c| format!("\\u{{{:x}}}", u32::from(c))),
            all(&|c| format!("\\{:X} ", u32::from(c))),
            all(&|c| format!("\\{:06x}", u32::from(c))),
            all(&|c| utf8(c).iter().map(|byte| format!("={byte:02X}")).collect()),
            all(&|c| full_width(c).to_string()),
            decimal(" "),
            decimal(", "),
            all(&|c| format!("&#{};", u32::from(c))),
            all(&|c| format!("&#x{:X};", u32::from(c))),
            all(&|c| format!("&#{}", u32::from(c))),
            all(&|c| format!("&#x{:04x}", u32::from(c))),
            SECRET.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
            SECRET.replace('&', "&amp").replace('<', "&lt").replace('>', "&gt").replace('"', "&quot"),
            SECRET.replace('/', "\\/").replace('"', "\\\""),
            hexadecimal(SECRET.as_bytes(), "").expose_secret().to_owned(),
            hexadecimal(SECRET.as_bytes(), "").expose_secret().to_uppercase(),
            bytes(" "),
            bytes(":"),
            bytes(":").to_uppercase(),
            bytes("-"),
            bytes(", 0x"),
            bytes("\\x"),
            bytes(" ").replacen(' ', "  ", 8),
            // Two bytes at a time, as `xxd` prints them.
            SECRET.as_bytes().chunks(2).map(|two| digits(two, "")).collect::<Vec<_>>().join(" "),
        ] {
            assert_eq!(masked(&format!("a {spelt} b {spelt}")), "a [key] b [key]", "{spelt}");
        }
    }

    #[test]
    fn a_secret_is_found_with_the_names_of_html() {
        let secret = "Zk9-S_K/W+S=7~a!#$%()*@,.:;?[]{}|^`\\'";
        let known = Spellings::of(secret.into());
        for (name, character) in NAMED {
            let spelt = secret.replace(character, &format!("&{name};"));
            assert_eq!(known.mask(format!("a {spelt} b"), "[key]"), "a [key] b", "{name}");
        }
    }

    #[test]
    fn a_secret_beyond_ascii_is_found_in_the_other_forms_of_its_letters() {
        let secret = "Grünweiß-Żółć;4\u{fb01}8";
        let decomposed: String = secret.nfd().collect();
        let escaped = |text: &str, escape: &dyn Fn(char) -> String| {
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { escape(c) }).collect::<String>()
        };
        let octets = |sign: &'static str| {
            move |c: char| c.to_string().bytes().map(|byte| format!("{sign}{byte:02x}")).collect::<String>()
        };
        let unit = |c: char| format!("\\u{:04x}", u32::from(c));
        let named = "Gr&uuml;nwei&szlig;-&Zdot;&oacute;&lstrok;&cacute;&semi;4\u{fb01}8";
        for known in [secret, &decomposed] {
            let known = Spellings::of(known.into());
            for spelt in [
                secret.to_owned(),
                secret.to_uppercase(),
                secret.to_lowercase(),
                secret.to_lowercase().replace('ß', "ss"),
                decomposed.clone(),
                decomposed.to_uppercase(),
                secret.nfkd().collect(),
                secret.nfkc().collect(),
                escaped(secret, &unit),
                escaped(&decomposed, &unit),
                escaped(secret, &octets("\\x")),
                escaped(secret, &octets("\\")),
                escaped(secret, &octets("%")),
                named.to_owned(),
                named.replace("&uuml;", "&Uuml"),
            ] {
                assert_eq!(known.mask(format!("a {spelt} b {spelt}"), "[key]"), "a [key] b [key]", "{spelt}");
            }
            assert_eq!(known.mask("a GRÜNWEIS…".to_owned(), "[key]"), "a [key]…", "cut within a letter");
        }
        let plus = Spellings::of("Gruenweiss+Zolc;48213x".into());
        for spelt in ["Gruenweiss\\2bZolc\\3b48213x", "Gruenweiss\\x2bZolc\\x3b48213x"] {
            assert_eq!(plus.mask(format!("a {spelt} b"), "[key]"), "a [key] b", "{spelt}");
        }
        let (mask, long) = ("[key]", "Grünweiß-Żółć-48213");
        let beginning: String = long.chars().take(14).collect();
        for spelt in [beginning.nfd().collect(), beginning.to_uppercase()] {
            assert_eq!(mask_beginning(format!("a {spelt} b"), long, mask), "a [key] b", "{spelt}");
        }
    }

    #[test]
    fn base64_tells_no_more_than_the_characters_at_its_edges() {
        for before in ["", "u:", "us:", "use:"] {
            for after in ["", "!", "!!"] {
                let text = format!("{before}{SECRET}{after}");
                let forms = [
                    Base64Unpadded::encode_string(text.as_bytes()),
                    base64ct::Base64::encode_string(text.as_bytes()),
                    Base64UrlUnpadded::encode_string(text.as_bytes()),
                    base64ct::Base64Url::encode_string(text.as_bytes()),
                ];
                for form in forms {
                    let shown = masked(&form);
                    let left = shown.replace("[key]", "");
                    assert!(shown.contains("[key]") && left.len() <= before.len() + after.len() + 8, "{form}: {shown}");
                }
            }
        }
    }

    #[test]
    fn what_is_something_else_stays() {
        for text in ["Hunter2", "Hun%41/ter", "%", "%4", "%zz", "\\u12", "&amp", "&;", "&#;", "&#x110000;", "", "ää%C3"]
        {
            assert_eq!(masked(text), text);
        }
        assert_eq!(masked("72, 117, 110, 37, 52, 49, 47"), "72, 117, 110, 37, 52, 49, 47", "only a part of it");
        let almost = "48:75:6e:25:34:31:2f:74:65:72:2b:32:3f";
        assert_eq!(masked(almost), almost, "only a part of it");
        let short = Spellings::of("ab".into());
        assert_eq!(
            short.mask("YWI= 61:62 97, 98 xABx".to_owned(), "*"),
            "YWI= 61:62 97, 98 x*x",
            "too short to be told in base64"
        );
    }
}
