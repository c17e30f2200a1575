//! The text forms of values in a directory. LDAP sends every value as bytes without a type, so the attribute's name
//! decides the form. A value that does not fit the form of its attribute is an error.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};

/// Attributes that hold a GUID in the byte order of Active Directory; in lower case, like all names here.
const GUIDS: &[&str] = &["objectguid", "ms-ds-consistencyguid", "msexchmailboxguid", "msexcharchiveguid"];
/// Attributes that hold a security identifier.
const SIDS: &[&str] = &["objectsid", "sidhistory", "tokengroups", "securityidentifier", "msexchmasteraccountsid"];
/// Attributes that hold pictures, certificates and the like.
const BINARY: &[&str] = &[
    "audio",
    "cacertificate",
    "jpegphoto",
    "logonhours",
    "photo",
    "thumbnaillogo",
    "thumbnailphoto",
    "usercertificate",
    "userpkcs12",
    "usersmimecertificate",
];

/// How the values of an attribute are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Unchanged; they must be UTF-8.
    Text,
    /// As Active Directory's tools print a GUID.
    Guid,
    /// As `S-1-5-…`.
    Sid,
    /// In base64.
    Binary,
}

impl Form {
    /// The form of an attribute, by its description in lower case. An attribute that the settings call binary is
    /// binary, even if it usually has another form.
    pub(super) fn of(description: &str, is_binary: impl Fn(&str) -> bool) -> Self {
        let (name, options) = description.split_once(';').unwrap_or((description, ""));
        if is_binary(name) || BINARY.contains(&name) || options.split(';').any(|option| option == "binary") {
            Self::Binary
        } else if GUIDS.contains(&name) {
            Self::Guid
        } else if SIDS.contains(&name) {
            Self::Sid
        } else {
            Self::Text
        }
    }

    /// A value as a text, trimmed; or what is wrong with it.
    pub(super) fn text(self, value: &[u8]) -> Result<Cow<'_, str>, &'static str> {
        match self {
            Self::Text => match std::str::from_utf8(value) {
                Ok(text) => Ok(text.trim().into()),
                Err(_) => Err("is not UTF-8 text; name the attribute in `binary` to get its values in base64"),
            },
            Self::Guid => guid(value)
                .map(Cow::from)
                .ok_or("is not a GUID, which has 16 bytes; name the attribute in `binary` to get its values in base64"),
            Self::Sid => sid(value).map(Cow::from).ok_or("is not a security identifier"),
            Self::Binary => Ok(Base64::encode_string(value).into()),
        }
    }
}

/// A GUID in lower case. Its first three groups are stored with the lowest byte first (MS-DTYP 2.3.4.2), the others in
/// reading order.
fn guid(value: &[u8]) -> Option<String> {
    let &[a, b, c, d, e, f, g, h, ref rest @ ..] = value else { return None };
    let rest: &[u8; 8] = rest.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (place, byte) in [d, c, b, a, f, e, h, g].iter().chain(rest).enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// A security identifier as MS-DTYP 2.4.2.1 writes it: revision, authority, and the parts that follow.
fn sid(value: &[u8]) -> Option<String> {
    let &[1, count, a, b, c, d, e, f, ref rest @ ..] = value else { return None };
    let (parts, []) = rest.as_chunks::<4>() else { return None };
    if parts.len() != usize::from(count) {
        return None;
    }
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let mut text =
        if authority > u64::from(u32::MAX) { format!("S-1-0x{authority:012x}") } else { format!("S-1-{authority}") };
    for &part in parts {
        let _ = write!(text, "-{}", u32::from_le_bytes(part));
    }
    Some(text)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn form(description: &str) -> Form {
        Form::of(description, |name| name == "blob" || name == "ms-ds-consistencyguid")
    }

    #[test]
    fn the_name_decides() {
        for (description, expected) in [
            ("mail", Form::Text),
            ("cn;lang-de", Form::Text),
            ("objectguid", Form::Guid),
            ("objectsid", Form::Sid),
            ("sidhistory", Form::Sid),
            ("jpegphoto", Form::Binary),
            ("blob", Form::Binary),
            ("anything;binary", Form::Binary),
            ("anything;lang-de;binary", Form::Binary),
            // The settings take precedence.
            ("ms-ds-consistencyguid", Form::Binary),
        ] {
            assert_eq!(form(description), expected, "{description}");
        }
    }

    #[test]
    fn texts_are_trimmed_and_must_be_utf_8() {
        let text = |value| Form::Text.text(value);
        assert_eq!(text("  Hellström ".as_bytes()).unwrap(), "Hellström");
        assert_eq!(text(b"").unwrap(), "");
        assert!(text(b"Hellstr\xf6m").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn guids_are_written_as_active_directory_does() {
        // The example of MS-DTYP 2.3.4.3: the same GUID as bytes and as a text.
        let bytes = [0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        assert_eq!(Form::Guid.text(&bytes).unwrap(), "01234567-89ab-cdef-0123-456789abcdef");
        for wrong in [&bytes[..15], &[bytes.as_slice(), &[0]].concat(), b"", b"abc"] {
            assert!(Form::Guid.text(wrong).unwrap_err().contains("GUID"));
        }
    }

    #[test]
    fn security_identifiers_are_written_as_active_directory_does() {
        let parts = |parts: &[u32]| parts.iter().flat_map(|part| part.to_le_bytes()).collect::<Vec<u8>>();
        let head = |count, authority: u64| [&[1, count][..], &authority.to_be_bytes()[2..]].concat();
        let user = [head(5, 5), parts(&[21, 1_004_336_348, 1_177_238_915, 682_003_330, 512])].concat();
        assert_eq!(Form::Sid.text(&user).unwrap(), "S-1-5-21-1004336348-1177238915-682003330-512");
        assert_eq!(Form::Sid.text(&head(0, 1)).unwrap(), "S-1-1");
        assert_eq!(Form::Sid.text(&[head(1, 1 << 40), parts(&[7])].concat()).unwrap(), "S-1-0x010000000000-7");
        let newer = [&[2][..], &user[1..]].concat();
        for wrong in [&user[..user.len() - 1], &user[..user.len() - 4], &newer, b"S-1-5-21", b""] {
            assert!(Form::Sid.text(wrong).unwrap_err().contains("security identifier"));
        }
    }

    #[test]
    fn binary_values_are_base64() {
        assert_eq!(Form::Binary.text(&[0xff, 0, 0x7f, b' ']).unwrap(), "/wB/IA==");
    }
}
