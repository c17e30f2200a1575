//! Decodes bytes strictly: a byte that the encoding does not define is an error with its line, never a replacement.

use std::borrow::Cow;

use encoding_rs::DecoderResult;

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// ISO 8859-1 by its standard. Browsers read it as windows-1252 instead.
    Latin1,
    /// UTF-16, in the byte order of its mark, or in the named one if there is no mark.
    Utf16 {
        big_endian: bool,
    },
    Other(&'static encoding_rs::Encoding),
}

impl Encoding {
    /// The encoding of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "ascii" | "us-ascii" => Some(Self::Utf8),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1" => Some(Self::Latin1),
            label => match encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())? {
                found if found == encoding_rs::UTF_8 => Some(Self::Utf8),
                found if found == encoding_rs::UTF_16LE => Some(Self::Utf16 { big_endian: false }),
                found if found == encoding_rs::UTF_16BE => Some(Self::Utf16 { big_endian: true }),
                found if found == encoding_rs::X_USER_DEFINED => None,
                found => Some(Self::Other(found)),
            },
        }
    }

    /// The canonical name of the encoding.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "iso-8859-1",
            Self::Utf16 { big_endian: false } => "utf-16",
            Self::Utf16 { big_endian: true } => "utf-16be",
            Self::Other(encoding) => encoding.name(),
        }
    }

    /// The text, without a byte-order mark.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, String> {
        let (bytes, encoding) = self.after_mark(bytes)?;
        let is_of_bytes = matches!(encoding, Self::Latin1 | Self::Other(_));
        if is_of_bytes && !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok() {
            return Err(format!(
                "is UTF-8 with multi-byte letters, but the settings say {}, which would read them as other letters; \
                 set encoding = \"utf-8\"",
                self.name()
            ));
        }
        match encoding {
            Self::Utf8 => utf8(bytes),
            Self::Latin1 => latin1(bytes),
            Self::Utf16 { big_endian: true } => other(bytes, encoding_rs::UTF_16BE),
            Self::Utf16 { big_endian: false } => other(bytes, encoding_rs::UTF_16LE),
            Self::Other(encoding) => other(bytes, encoding),
        }
    }

    /// Removes a byte-order mark. A mark of another encoding than the expected one is an error.
    fn after_mark(self, bytes: &[u8]) -> Result<(&[u8], Self), String> {
        let Some((marked, length)) = encoding_rs::Encoding::for_bom(bytes) else { return Ok((bytes, self)) };
        let rest = &bytes[length..];
        let marked_big_endian = marked == encoding_rs::UTF_16BE;
        match self {
            Self::Utf8 if marked == encoding_rs::UTF_8 => Ok((rest, self)),
            Self::Utf16 { .. } if marked != encoding_rs::UTF_8 => {
                Ok((rest, Self::Utf16 { big_endian: marked_big_endian }))
            }
            _ => Err(format!(
                "begins with the byte-order mark of {marked}, but the settings say {expected}; set encoding = \"{marked}\"",
                marked = if marked == encoding_rs::UTF_8 { "utf-8" } else { "utf-16" },
                expected = self.name()
            )),
        }
    }
}

/// The text of a JSON document. Its encoding cannot be chosen.
pub(super) fn of_json(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    Encoding::Utf8.decode(bytes).map_err(|problem| {
        let found = problem.split("; ").next().unwrap_or_default();
        format!("{found}; JSON is written in UTF-8 (RFC 8259): export it so")
    })
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        let lines = lines_not_utf8(bytes);
        format!("{lines} not UTF-8; if that is right, set its encoding, such as encoding = \"windows-1252\"")
    })?;
    if text.contains('\0') {
        return Err(
            "holds NUL characters, as UTF-16 does when it is read as UTF-8; set encoding = \"utf-16\" if it is that"
                .to_owned(),
        );
    }
    Ok(Cow::Borrowed(text))
}

/// Says which line is not UTF-8, and how many others are not.
fn lines_not_utf8(bytes: &[u8]) -> String {
    let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
    let mut wrong = lines.filter(|(_, line)| std::str::from_utf8(line).is_err()).map(|(number, _): (u64, _)| number);
    let first = wrong.next().unwrap_or(1);
    match wrong.count() {
        0 => format!("line {first} is"),
        more => format!("line {first} and {more} more are"),
    }
}

fn latin1(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    match bytes.iter().position(|byte| (0x80..=0x9f).contains(byte)) {
        None => Ok(encoding_rs::mem::decode_latin1(bytes)),
        Some(at) => {
            let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
            Err(format!(
                "line {line} holds the byte {:#04x}, a control character in iso-8859-1; it is probably windows-1252",
                bytes[at]
            ))
        }
    }
}

fn other<'b>(bytes: &'b [u8], encoding: &'static encoding_rs::Encoding) -> Result<Cow<'b, str>, String> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let too_long = || "is too long to be decoded".to_owned();
    let mut text =
        String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(bytes.len()).ok_or_else(too_long)?);
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    let wrong = |before: &str| {
        let line = 1 + before.matches('\n').count();
        Err(format!("line {line} is not {}", encoding.name()))
    };
    match result {
        DecoderResult::InputEmpty => {}
        DecoderResult::OutputFull => return Err(too_long()),
        DecoderResult::Malformed(..) => return wrong(&text),
    }
    // The decoder follows the rules of browsers: it reads bytes that a Windows code page leaves undefined as C1 control
    // characters. No list contains those.
    match text.find(|c| ('\u{80}'..='\u{9f}').contains(&c)) {
        Some(at) if encoding.is_single_byte() => wrong(&text[..at]),
        _ => Ok(Cow::Owned(text)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[track_caller]
    fn decoded(name: &str, bytes: &[u8]) -> String {
        Encoding::named(name).unwrap().decode(bytes).unwrap().into_owned()
    }

    #[track_caller]
    fn refused(name: &str, bytes: &[u8], expected: &str) {
        let error = Encoding::named(name).unwrap().decode(bytes).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_is_defined_is_read() {
        assert_eq!(decoded("utf-8", b"\xef\xbb\xbfz\xc3\xb6e"), "z\u{f6}e");
        assert_eq!(decoded("windows-1252", b"z\xf6e \x80"), "z\u{f6}e \u{20ac}");
        assert_eq!(decoded("cp1252", b"\xe5"), "\u{e5}");
        assert_eq!(decoded("ISO-8859-1", b"\xe5\xe4"), "\u{e5}\u{e4}");
        assert_eq!(decoded("utf-16", b"\xff\xfea\0\xf6\0"), "a\u{f6}");
        assert_eq!(decoded("utf-16", b"\xfe\xff\0a\0\xf6"), "a\u{f6}");
        assert_eq!(decoded("utf-16le", b"a\0"), "a");
        assert_eq!(decoded("utf-16be", b"\0a"), "a");
        assert_eq!(decoded("shift_jis", b"\x82\xa0"), "\u{3042}");
        assert!(Encoding::named("klingon").is_none() && Encoding::named("x-user-defined").is_none());
    }

    #[test]
    fn what_is_not_is_an_error_with_its_line() {
        refused("utf-8", b"a\nb\xe5", "line 2 is not UTF-8");
        refused("utf-8", b"a\0b\0", "utf-16");
        refused("utf-8", b"\xff\xfea\0", "byte-order mark of utf-16");
        refused("windows-1252", b"\xef\xbb\xbfa", "byte-order mark of utf-8");
        refused("windows-1252", b"a\n\n\x81", "line 3 is not windows-1252");
        refused("iso-8859-1", b"a\n\x80", "line 2");
        refused("utf-16", b"a\0\n\0b", "line 2 is not UTF-16LE");
        refused("utf-16le", b"\x00\xd8a\0", "line 1");
        refused("ascii", b"\xe5", "not UTF-8");
        refused("shift_jis", b"\x82", "line 1 is not Shift_JIS");
        refused("utf-8", b"a\nb\xe5\n\xe5\n\nx\xe4", "line 2 and 2 more are not UTF-8");
    }

    #[test]
    fn no_letters_are_made_of_utf8_by_luck() {
        let name = "M\u{fc}ller, \u{141}ukasz, Zo\u{eb}".as_bytes();
        for encoding in [
            "windows-1252",
            "iso-8859-1",
            "iso-8859-15",
            "cp1250",
            "koi8-r",
            "macintosh",
            "gbk",
            "gb18030",
            "big5",
            "shift_jis",
            "euc-jp",
            "euc-kr",
        ] {
            refused(encoding, name, "is UTF-8 with multi-byte letters");
            refused(encoding, name, "set encoding = \"utf-8\"");
            assert_eq!(decoded(encoding, b"Mueller"), "Mueller");
        }
        assert_eq!(decoded("windows-1252", b"M\xfcller, \xe9"), "M\u{fc}ller, \u{e9}");
    }
}
