//! Unpacks answers. The HTTP library would read the first member of a gzip body, and ignore what follows: a list would
//! end there without a word.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// What is asked for.
pub(super) const ACCEPTED: &str = "gzip";

/// The body as its headers say that it is packed: all members, up to this many bytes. `None` if it has more.
///
/// # Errors
/// If it is packed in another way, or damaged, or something else follows the last member.
pub(super) fn unpacked(headers: &HeaderMap, body: Vec<u8>, largest: usize) -> Result<Option<Vec<u8>>, String> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.as_bytes().trim_ascii());
    match encodings.next() {
        None | Some(b"" | b"identity") if encodings.next().is_none() => Ok(Some(body)),
        Some(b"gzip" | b"x-gzip") if encodings.next().is_none() => {
            // An answer without content (204) may be called packed, too.
            if body.is_empty() {
                return Ok(Some(body));
            }
            let mut text = Vec::new();
            let read = MultiGzDecoder::new(&*body).take(largest as u64 + 1).read_to_end(&mut text);
            match read {
                Ok(length) => Ok((length <= largest).then_some(text)),
                Err(error) => Err(format!("its gzip is cut off or damaged, or something else follows it: {error}")),
            }
        }
        _ => Err(format!("its `{CONTENT_ENCODING}` is something else than {ACCEPTED}, which was asked for")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use reqwest::header::HeaderValue;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encodings: &[&'static str], body: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let values = encodings.iter().map(|text| (CONTENT_ENCODING, HeaderValue::from_static(text)));
        let mut headers = HeaderMap::new();
        values.for_each(|(name, value)| assert!(headers.append(name, value) || headers.len() == 1));
        unpacked(&headers, body.to_vec(), 10)
    }

    #[test]
    fn all_members_are_read_and_nothing_else() {
        let (one, two) = (packed("[1, "), packed("2]"));
        let both = [&*one, &*two].concat();
        for name in ["gzip", "x-gzip"] {
            assert_eq!(read(&[name], &both), Ok(Some(b"[1, 2]".to_vec())), "{name}");
        }
        for cut in 1..both.len() {
            // Between two members, the text is cut and not the gzip.
            let expected = if cut == one.len() { Ok(Some(b"[1, ".to_vec())) } else { Err(()) };
            assert_eq!(read(&["gzip"], &both[..cut]).map_err(drop), expected, "{cut}");
        }
        for behind in [&b"garbage"[..], b"\0", b"\x1f\x8b", &[0; 512], b"\n"] {
            assert!(read(&["gzip"], &[&*both, behind].concat()).is_err(), "{behind:?}");
        }
        assert_eq!(read(&["gzip"], &packed("01234567890")), Ok(None));
        assert_eq!(read(&["gzip"], &[packed("0123456789"), packed("0")].concat()), Ok(None));
        assert_eq!(read(&["gzip"], b""), Ok(Some(Vec::new())));
        assert!(read(&["gzip"], b"[1]").is_err());
    }

    #[test]
    fn what_is_not_packed_stays_as_it_is_and_nothing_is_guessed() {
        for encodings in [&[][..], &["identity"], &[""]] {
            assert_eq!(read(encodings, b"[1]"), Ok(Some(b"[1]".to_vec())));
        }
        for encodings in [&["br"][..], &["gzip, gzip"], &["gzip", "gzip"], &["identity", "gzip"], &["deflate"]] {
            assert!(read(encodings, &packed("[1]")).is_err_and(|error| error.contains("something else than gzip")));
        }
    }
}
