//! The `Link` header (RFC 8288): only the address of the next page.

use reqwest::header::{HeaderMap, LINK};

/// The relations between pages. Links with other relations are ignored.
const OF_PAGES: [&str; 5] = ["next", "prev", "previous", "first", "last"];

/// What an answer says about other pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// The address with the relation `next`.
    pub(super) next: Option<String>,
    /// Whether there is a link to any other page.
    pub(super) any: bool,
}

/// The links to other pages.
pub(super) fn pages(headers: &HeaderMap) -> Result<Links, String> {
    let mut found = Links::default();
    for value in headers.get_all(LINK) {
        let unreadable = || "its Link header cannot be read".to_owned();
        let mut rest = value.to_str().map_err(|_| unreadable())?.trim();
        while !rest.is_empty() {
            let (address, parameters) =
                rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or_else(unreadable)?;
            let end = end_of_link(parameters);
            for relation in relations(&parameters[..end]) {
                found.any |= OF_PAGES.iter().any(|known| relation.eq_ignore_ascii_case(known));
                if relation.eq_ignore_ascii_case("next")
                    && found.next.replace(address.to_owned()).is_some_and(|other| other != address)
                {
                    return Err("its Link header names two next pages".to_owned());
                }
            }
            rest = parameters[end..].trim_start_matches([',', ' ', '\t']);
        }
    }
    Ok(found)
}

/// The end of a link's parameters: a comma outside quotes.
fn end_of_link(text: &str) -> usize {
    outside_quotes(text, ',').next().unwrap_or(text.len())
}

/// The places of a character outside quotes.
fn outside_quotes(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    text.char_indices().filter_map(move |(at, c)| {
        quoted ^= c == '"';
        (c == wanted && !quoted).then_some(at)
    })
}

/// The relations of a link.
fn relations(parameters: &str) -> impl Iterator<Item = &str> {
    let mut ends = outside_quotes(parameters, ';').chain([parameters.len()]);
    let mut start = 0;
    let rel = ends.find_map(|end| {
        let parameter = &parameters[start..end];
        start = end + 1;
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
    });
    rel.unwrap_or_default().split_ascii_whitespace()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any header, even nonsense, gives an address that it contains, or an error.
        #[test]
        fn whatever_stands_in_a_header(parts in prop::collection::vec(
            prop::sample::select(vec!["<", ">", ";", ",", "\"", " ", "rel", "=", "next", "prev", "title", "/a", "?b=c", "\\", "x"]),
            0..40,
        )) {
            let value = parts.concat();
            let headers = HeaderMap::from_iter([(LINK, value.parse().unwrap())]);
            if let Ok(Links { next: Some(next), any }) = pages(&headers) {
                prop_assert!(any && value.contains(&format!("<{next}>")), "{next:?}");
            }
        }
    }

    #[test]
    fn the_pages_of_a_link_header() {
        let next = |address: &str| Links { next: Some(address.to_owned()), any: true };
        let only = |any| Links { next: None, any };
        for (values, expected) in [
            (&[][..], Ok(only(false))),
            (
                &[r#"<https://x.example/?p=2>; rel="next", <https://x.example/?p=9>; rel="last""#],
                Ok(next("https://x.example/?p=2")),
            ),
            (&[r#"</?p=9>; rel=last"#, r#"</?p=2,3>;rel=next"#], Ok(next("/?p=2,3"))),
            (&[r#"</a>; title="a, b; rel=next"; rel="prev", </b>; rel="start NEXT""#], Ok(next("/b"))),
            (&[r#"</a>; rel="prev""#], Ok(only(true))),
            (&["</a>; rel=First"], Ok(only(true))),
            (&[r#"</a>; rel="describedby preload"; title=next, </b>"#], Ok(only(false))),
            (&["</a>; rel=next, </b>; rel=next"], Err("its Link header names two next pages")),
            (&["next page"], Err("its Link header cannot be read")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(LINK, value.parse().unwrap());
            }
            assert_eq!(pages(&headers), expected.map_err(str::to_owned), "{values:?}");
        }
    }
}
