//! Distinguished names (RFC 4514), to tell whether two of them name one entry.

/// The bytes that separate the parts of a comparable name.
const PART: u8 = 1;
const PLUS: u8 = 2;
const EQUALS: u8 = 3;

/// What all spellings of a name have in common. A server may write one name with other capitals, spaces and escapes each
/// time. In a few attributes, capitals distinguish two entries; such a list is refused, because the other mistake
/// would hide that an entry came twice.
pub(super) fn comparable(dn: &str) -> String {
    let mut name = Vec::with_capacity(dn.len());
    let (mut rest, mut in_value, mut is_behind_space) = (dn.as_bytes(), false, false);
    while let Some((byte, is_escaped, after)) = first(rest) {
        rest = after;
        let separator = match byte {
            _ if is_escaped => None,
            b',' | b';' => Some(PART),
            b'+' => Some(PLUS),
            b'=' if !in_value => Some(EQUALS),
            _ => None,
        };
        if byte == b' ' {
            is_behind_space = true;
            continue;
        }
        // Spaces at the ends of a part do not count, and several are one.
        if is_behind_space && separator.is_none() && name.last().is_some_and(|last| *last > EQUALS) {
            name.push(b' ');
        }
        is_behind_space = false;
        in_value = separator.map_or(in_value, |separator| separator == EQUALS);
        name.push(separator.unwrap_or(byte));
    }
    String::from_utf8_lossy(&name).to_lowercase()
}

/// The first byte of a name, whether it is escaped, and what follows.
fn first(name: &[u8]) -> Option<(u8, bool, &[u8])> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match name {
        [b'\\', high, rest @ ..] => Some(match (digit(high), rest.split_first().and_then(|(low, _)| digit(low))) {
            (Some(high), Some(low)) => (high << 4 | low, true, &rest[1..]),
            _ => (*high, true, rest),
        }),
        [byte, rest @ ..] => Some((*byte, false, rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let name = comparable("cn=Åsa \\2b Bo\\, Li=x,ou=A B+l=c,dc=example");
        for same in [
            "CN=ÅSA \\+ BO\\2C Li=X,OU=a b+L=C,DC=Example",
            " cn = Åsa  \\2B Bo\\, Li=x , ou=A B + l= c;dc=example ",
            "cn=\\c3\\85sa\\20\\+ Bo\\, Li\\3dx,ou=A B+l=c,dc=example",
        ] {
            assert_eq!(comparable(same), name, "{same}");
        }
        for other in [
            "cn=Åsa \\2b Bo,Li=x,ou=A B+l=c,dc=example",
            "cn=Åsa \\2b Bo\\, Li =x,ou=A B+l=c,dc=example",
            "cn=Åsa + Bo\\, Li=x,ou=A B+l=c,dc=example",
            "cn=Åsa \\2b Bo\\, Li=x,ou=AB+l=c,dc=example",
            "cn=Åsa \\2b Bo\\, Li=x,ou=A B,l=c,dc=example",
            "cn=Åsa \\2b Bo\\, Li=x,ou=A B+l=c",
        ] {
            assert_ne!(comparable(other), name, "{other}");
        }
        for odd in ["", "\\", "\\4", "a\\", "=", "  ", "\\zz"] {
            comparable(odd);
        }
    }
}
