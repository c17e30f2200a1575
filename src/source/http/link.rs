//! The `Link` header (RFC 8288), as far as a list needs it: the address of the next page.

use reqwest::header::{HeaderMap, LINK};

/// The address with the relation `next`; nothing where there is none.
pub(super) fn next(headers: &HeaderMap) -> Result<Option<String>, String> {
    let mut found: Option<String> = None;
    for value in headers.get_all(LINK) {
        let unreadable = || "its Link header cannot be read".to_owned();
        let mut rest = value.to_str().map_err(|_| unreadable())?.trim();
        while !rest.is_empty() {
            let (address, parameters) =
                rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or_else(unreadable)?;
            let end = end_of_link(parameters);
            if is_next(&parameters[..end]) && found.replace(address.to_owned()).is_some_and(|other| other != address) {
                return Err("its Link header names two next pages".to_owned());
            }
            rest = parameters[end..].trim_start_matches([',', ' ', '\t']);
        }
    }
    Ok(found)
}

/// Where the parameters of a link end: at a comma that is not in quotes.
fn end_of_link(text: &str) -> usize {
    outside_quotes(text, ',').next().unwrap_or(text.len())
}

/// Where a character stands outside quotes.
fn outside_quotes(text: &str, wanted: char) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    text.char_indices().filter_map(move |(at, c)| {
        quoted ^= c == '"';
        (c == wanted && !quoted).then_some(at)
    })
}

fn is_next(parameters: &str) -> bool {
    let mut ends = outside_quotes(parameters, ';').chain([parameters.len()]);
    let mut start = 0;
    let rel = ends.find_map(|end| {
        let parameter = &parameters[start..end];
        start = end + 1;
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
    });
    rel.is_some_and(|rel| rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("next")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_of_a_link_header() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (
                &[r#"<https://x.example/?p=2>; rel="next", <https://x.example/?p=9>; rel="last""#],
                Ok(Some("https://x.example/?p=2")),
            ),
            (&[r#"</?p=9>; rel=last"#, r#"</?p=2,3>;rel=next"#], Ok(Some("/?p=2,3"))),
            (&[r#"</a>; title="a, b; rel=next"; rel="prev", </b>; rel="start NEXT""#], Ok(Some("/b"))),
            (&[r#"</a>; rel="prev""#], Ok(None)),
            (&["</a>; rel=next, </b>; rel=next"], Err("its Link header names two next pages")),
            (&["next page"], Err("its Link header cannot be read")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(LINK, value.parse().unwrap());
            }
            let found = next(&headers);
            assert_eq!(found.as_ref().map(Option::as_deref).map_err(String::as_str), expected, "{values:?}");
        }
    }
}
