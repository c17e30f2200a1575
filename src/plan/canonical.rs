//! Canonical JSON, as RFC 8785 defines it: what hashes and signatures are made over.
//!
//! The text is written once, into one buffer. An object whose keys are not in order is put in order when it ends.

use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// Room for what is written, in bytes: most values are a person.
const AT_FIRST: usize = 1_024;
/// Up to here every whole number is a double too, and is written as it is.
const EXACT: u64 = 1 << 53;

/// The canonical JSON of a value, which holds no numbers that are not finite: serde would write these as null.
///
/// # Errors
/// If it has none, such as a map whose keys are not texts.
pub(super) fn to_vec(value: &(impl Serialize + ?Sized)) -> serde_json::Result<Vec<u8>> {
    let mut formatter = Canonical { out: Vec::with_capacity(AT_FIRST), ..Canonical::default() };
    value.serialize(&mut Serializer::with_formatter(io::sink(), &mut formatter))?;
    Ok(formatter.out)
}

/// Collects the text itself, as keys can only be sorted when all are there. The writer that it is given gets nothing.
#[derive(Default)]
struct Canonical {
    out: Vec<u8>,
    /// The objects that have not ended, the innermost last.
    open: Vec<Open>,
    /// The members of all of these, in the order in which they were written.
    members: Vec<Member>,
    /// Where an object is put in order.
    scratch: Vec<u8>,
}

/// An object that has not ended.
struct Open {
    /// The place of its first member in [`Canonical::members`].
    first: usize,
    is_sorted: bool,
}

struct Member {
    /// With its quotes, and escaped.
    key: Range<usize>,
    /// Whether the bytes of the key are its code units.
    is_plain: bool,
    value: Range<usize>,
}

impl Canonical {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn put_whole(&mut self, number: u64) -> io::Result<()> {
        if number > EXACT {
            #[expect(clippy::cast_precision_loss, reason = "RFC 8785 knows no numbers but doubles")]
            return self.put_double(number as f64);
        }
        write!(self.out, "{number}")
    }

    fn put_double(&mut self, number: f64) -> io::Result<()> {
        if !number.is_finite() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a number that is not finite"));
        }
        self.put(ryu_js::Buffer::new().format_finite(number).as_bytes())
    }

    /// Whether the last member of the innermost object comes behind the one before it.
    fn is_in_order(&self, first: usize) -> bool {
        let [.., before, last] = &self.members[first..] else { return true };
        before.key(&self.out) < last.key(&self.out)
    }

    /// Puts the members of an object in order, from the first one on.
    fn sort(&mut self, first: usize) {
        let Some(start) = self.members.get(first).map(|member| member.key.start) else { return };
        let Self { out, members, scratch, .. } = self;
        let members = &mut members[first..];
        members.sort_by(|a, b| a.key(out).cmp(&b.key(out)));
        scratch.clear();
        for Member { key, is_plain: _, value } in members {
            if !scratch.is_empty() {
                scratch.push(b',');
            }
            scratch.extend_from_slice(&out[key.clone()]);
            scratch.push(b':');
            scratch.extend_from_slice(&out[value.clone()]);
        }
        out.truncate(start);
        out.extend_from_slice(scratch);
    }
}

impl Member {
    fn key<'o>(&self, out: &'o [u8]) -> Key<'o> {
        Key { written: &out[self.key.clone()], is_plain: self.is_plain }
    }
}

/// A key as it is written; compared by its UTF-16 code units, as RFC 8785 demands.
#[derive(PartialEq, Eq)]
struct Key<'k> {
    written: &'k [u8],
    is_plain: bool,
}

impl Key<'_> {
    fn units(&self) -> Vec<u16> {
        // It was written as JSON.
        let text: String = serde_json::from_slice(self.written).unwrap_or_default();
        text.encode_utf16().collect()
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if self.is_plain && other.is_plain {
            // The quote at the end must not count: a space, and an exclamation mark, come before it.
            let text = |key: &Self| key.written.len().saturating_sub(1);
            return self.written[..text(self)].cmp(&other.written[..text(other)]);
        }
        self.units().cmp(&other.units())
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Formatter for &mut Canonical {
    fn write_null<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.put(b"null")
    }

    fn write_bool<W: ?Sized + Write>(&mut self, _: &mut W, value: bool) -> io::Result<()> {
        self.put(if value { b"true" } else { b"false" })
    }

    fn write_i8<W: ?Sized + Write>(&mut self, writer: &mut W, value: i8) -> io::Result<()> {
        self.write_i64(writer, value.into())
    }

    fn write_i16<W: ?Sized + Write>(&mut self, writer: &mut W, value: i16) -> io::Result<()> {
        self.write_i64(writer, value.into())
    }

    fn write_i32<W: ?Sized + Write>(&mut self, writer: &mut W, value: i32) -> io::Result<()> {
        self.write_i64(writer, value.into())
    }

    fn write_i64<W: ?Sized + Write>(&mut self, _: &mut W, value: i64) -> io::Result<()> {
        if value < 0 {
            self.put(b"-")?;
        }
        self.put_whole(value.unsigned_abs())
    }

    fn write_u8<W: ?Sized + Write>(&mut self, _: &mut W, value: u8) -> io::Result<()> {
        self.put_whole(value.into())
    }

    fn write_u16<W: ?Sized + Write>(&mut self, _: &mut W, value: u16) -> io::Result<()> {
        self.put_whole(value.into())
    }

    fn write_u32<W: ?Sized + Write>(&mut self, _: &mut W, value: u32) -> io::Result<()> {
        self.put_whole(value.into())
    }

    fn write_u64<W: ?Sized + Write>(&mut self, _: &mut W, value: u64) -> io::Result<()> {
        self.put_whole(value)
    }

    fn write_i128<W: ?Sized + Write>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        self.write_number_str(writer, &value.to_string())
    }

    fn write_u128<W: ?Sized + Write>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        self.write_number_str(writer, &value.to_string())
    }

    fn write_f32<W: ?Sized + Write>(&mut self, _: &mut W, value: f32) -> io::Result<()> {
        self.put_double(value.into())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, _: &mut W, value: f64) -> io::Result<()> {
        self.put_double(value)
    }

    fn write_number_str<W: ?Sized + Write>(&mut self, _: &mut W, value: &str) -> io::Result<()> {
        let number = value.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.put_double(number)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.put(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.put(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, _: &mut W, fragment: &str) -> io::Result<()> {
        self.put(fragment.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        self.put(match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"/",
            CharEscape::Backspace => b"\\b",
            CharEscape::FormFeed => b"\\f",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
            CharEscape::AsciiControl(byte) => return write!(self.out, "\\u{byte:04x}"),
        })
    }

    fn begin_array<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.put(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.put(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        self.put(if first { b"" } else { b"," })
    }

    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.open.push(Open { first: self.members.len(), is_sorted: true });
        self.put(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        self.put(if first { b"" } else { b"," })?;
        let at = self.out.len();
        self.members.push(Member { key: at..at, is_plain: true, value: at..at });
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let at = self.out.len();
        if let Some(member) = self.members.last_mut() {
            member.key.end = at;
            member.is_plain = self.out[member.key.clone()].iter().all(|byte| byte.is_ascii() && *byte != b'\\');
        }
        if let Some(open) = self.open.last()
            && open.is_sorted
        {
            let is_sorted = self.is_in_order(open.first);
            self.open.last_mut().into_iter().for_each(|open| open.is_sorted = is_sorted);
        }
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.put(b":")?;
        let at = self.out.len();
        self.members.last_mut().into_iter().for_each(|member| member.value = at..at);
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let at = self.out.len();
        self.members.last_mut().into_iter().for_each(|member| member.value.end = at);
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(Open { first, is_sorted }) = self.open.pop() {
            if !is_sorted {
                self.sort(first);
            }
            self.members.truncate(first);
        }
        self.put(b"}")
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "JSON that was not taken apart"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// A JSON value of all kinds, with keys that are hard to sort.
    fn any_value() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0_u64..1000).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
        ];
        let text = prop_oneof![any::<String>(), "[a-c\"\\\\\n\u{1}\u{e9}\u{10000}\u{ffff}]{0,3}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            number,
            text.clone().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..6)
                    .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_another_implementation_of_the_standard_writes(value in any_value()) {
            let other = serde_json_canonicalizer::to_vec(&value).unwrap();
            prop_assert_eq!(String::from_utf8(to_vec(&value).unwrap()), String::from_utf8(other));
        }
    }

    #[test]
    fn members_are_sorted_at_every_depth() {
        #[derive(Serialize)]
        struct Inner {
            b: u8,
            a: Option<i8>,
        }
        #[derive(Serialize)]
        struct Outer {
            z: Vec<Inner>,
            c: Inner,
            a: &'static str,
        }
        let inner = |b| Inner { b, a: None };
        let outer = Outer { z: vec![inner(1), inner(2)], c: Inner { b: 3, a: Some(-1) }, a: "\u{7f}/\u{1f}\n" };
        let expected = r#"{"a":"%/\u001f\n","c":{"a":-1,"b":3},"z":[{"a":null,"b":1},{"a":null,"b":2}]}"#;
        assert_eq!(String::from_utf8(to_vec(&outer).unwrap()).unwrap(), expected.replace('%', "\u{7f}"));
    }

    #[test]
    fn what_has_no_canonical_form_is_refused() {
        assert_eq!(to_vec(&json!({"b": [], "a": {}})).unwrap(), br#"{"a":{},"b":[]}"#);
        assert!(to_vec(&[1.5, f64::NAN]).is_ok_and(|json| json == b"[1.5,null]"));
        assert!(to_vec(&std::collections::HashMap::from([(vec![1], 2)])).is_err());
    }
}
