//! The `Link` header (RFC 8288): only the address of the next page.

use reqwest::header::{HeaderMap, LINK};

/// The relations between pages. Links with other relations are ignored.
const OF_PAGES: [&str; 5] = ["next", "prev", "previous", "first", "last"];

/// What may be around a part of a link.
const BLANKS: [char; 2] = [' ', '\t'];

/// What an answer says about other pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// The address with the relation `next`.
    pub(crate) next: Option<String>,
    /// Whether there is a link to any other page.
    pub(crate) any: bool,
}

/// The links to other pages.
pub(crate) fn pages(headers: &HeaderMap) -> Result<Links, String> {
    let mut found = Links::default();
    for value in headers.get_all(LINK) {
        let links = value.to_str().ok().and_then(links).ok_or("its Link header cannot be read")?;
        for (address, relations) in links {
            for relation in relations.split_ascii_whitespace() {
                found.any |= OF_PAGES.iter().any(|known| relation.eq_ignore_ascii_case(known));
                if relation.eq_ignore_ascii_case("next")
                    && found.next.replace(address.to_owned()).is_some_and(|other| other != address)
                {
                    return Err("its Link header names two next pages".to_owned());
                }
            }
        }
    }
    Ok(found)
}

/// The address of each link, and its relations; `None` if this is not a list of links. Nothing is skipped that cannot be read: it
/// might hide the link to the next page.
fn links(text: &str) -> Option<Vec<(&str, String)>> {
    let (mut links, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        if rest.is_empty() {
            return Some(links);
        }
        let (address, parameters) =
            rest.strip_prefix('<')?.split_once('>').filter(|(address, _)| !address.contains('<'))?;
        let mut relations = None;
        rest = parameters.trim_start_matches(BLANKS);
        while let Some(parameters) = rest.strip_prefix(';') {
            let (name, value, behind) = parameter(parameters)?;
            if name.eq_ignore_ascii_case("rel") {
                // Further ones are to be ignored.
                relations.get_or_insert(value);
            }
            rest = behind;
        }
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        links.push((address, relations.unwrap_or_default()));
    }
}

/// The name and the value of a parameter, both of which may be empty, and what is behind it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches(BLANKS);
    let (name, rest) = text.split_at(text.find(|c| !is_of_token(c)).unwrap_or(text.len()));
    let rest = rest.trim_start_matches(BLANKS);
    let Some(value) = rest.strip_prefix('=').filter(|_| !name.is_empty()) else {
        return Some((name, String::new(), rest));
    };
    let value = value.trim_start_matches(BLANKS);
    let (value, rest) = match value.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        // Many send more than a token, such as `type=text/html`.
        None => {
            let end = value.find([',', ';', ' ', '\t', '"', '\\', '<']).unwrap_or(value.len());
            (value[..end].to_owned(), &value[end..])
        }
    };
    Some((name, value, rest.trim_start_matches(BLANKS)))
}

/// A quoted text from behind its first quote, and what is behind its last one. A backslash takes away the meaning of the character
/// that follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            character => value.push(character),
        }
    }
    None
}

/// Whether a character can be in a token (RFC 9110).
fn is_of_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
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

    /// A text in quotes, with a backslash before some characters that need none.
    fn quoted(text: &[(char, bool)]) -> String {
        let escaped = |&(c, escape): &(char, bool)| {
            let backslash = if escape || c == '"' || c == '\\' { "\\" } else { "" };
            format!("{backslash}{c}")
        };
        format!("\"{}\"", text.iter().map(escaped).collect::<String>())
    }

    /// A parameter that is not `rel`.
    fn other_parameter() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["title", "title*", "type", "anchor", "x", "relx"]);
        let text = prop::collection::vec((prop::char::range(' ', '~'), any::<bool>()), 0..12);
        let telling = prop::sample::select(vec![
            r#""a\"; rel=\"x""#,
            r#"", </b>; rel=\"next\" ""#,
            r#""\\""#,
            "UTF-8''x%20y",
            "text/html",
            "",
        ]);
        let value = prop_oneof![text.prop_map(|text| quoted(&text)), telling.prop_map(str::to_owned)];
        (name, value, blanks(), any::<bool>()).prop_map(|(name, value, blanks, has_value)| {
            if has_value { format!("{name}{blanks}={blanks}{value}") } else { name.to_owned() }
        })
    }

    fn blanks() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "", " ", "\t", "  "])
    }

    /// A link with these relations among other parameters.
    fn link(address: &'static str, relations: &'static str) -> impl Strategy<Value = String> {
        let escapes = prop::collection::vec(any::<bool>(), relations.len());
        let others = || prop::collection::vec(other_parameter(), 0..4);
        (escapes, others(), others(), blanks()).prop_map(move |(escapes, before, behind, blanks)| {
            let relations: Vec<(char, bool)> = relations.chars().zip(escapes).collect();
            let rel = format!("rel{blanks}={}", quoted(&relations));
            let all = before.into_iter().chain([rel]).chain(behind);
            all.fold(format!("<{address}>"), |link, parameter| format!("{link}{blanks};{blanks}{parameter}"))
        })
    }

    proptest! {
        /// Whatever else a link says, in whatever order and with whatever escapes, the next page is found.
        #[test]
        fn no_parameter_hides_the_next_page(
            next in link("/?p=2,3", "next"),
            others in prop::collection::vec(prop_oneof![link("/?p=1", "Prev First"), link("/z;a", "license")], 0..4),
            place in 0..4_usize,
            separator in prop::sample::select(vec![",", ", ", " ,\t", ",,"]),
            is_apart in any::<bool>(),
        ) {
            let mut links = others;
            links.insert(place.min(links.len()), next);
            let values = if is_apart { links } else { vec![links.join(separator)] };
            let headers: HeaderMap = values.iter().map(|value| (LINK, value.parse().unwrap())).collect();
            let expected = Links { next: Some("/?p=2,3".to_owned()), any: true };
            prop_assert_eq!(pages(&headers), Ok(expected), "{:?}", values);
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
            (&[r#"<?c=1>; title="a\"; rel=\"x"; rel="next""#], Ok(next("?c=1"))),
            (&[r#"<?c=1>; title="semi\; \"quoted, <?c=9>; rel=\"prev\" text"; rel="next""#], Ok(next("?c=1"))),
            (&[r#"</a>; rel="n\ext""#], Ok(next("/a"))),
            (&["</a>;; type=text/html; crossorigin; rel=next;, "], Ok(next("/a"))),
            (&["</a>; rel=prev; rel=next"], Ok(only(true))),
            (&["next page"], Err("its Link header cannot be read")),
            (&[r#"</a>; title="a; rel="next""#], Err("its Link header cannot be read")),
            (&[r#"</a>; title="a; rel=next"#], Err("its Link header cannot be read")),
            (&[r#"</a>; title="a\"#], Err("its Link header cannot be read")),
            (&["</a>; title=a b; rel=next"], Err("its Link header cannot be read")),
            (&["</a> rel=next"], Err("its Link header cannot be read")),
            (&["</a>; =x; rel=next"], Err("its Link header cannot be read")),
            (&["</a, </b>; rel=next"], Err("its Link header cannot be read")),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(LINK, value.parse().unwrap());
            }
            assert_eq!(pages(&headers), expected.map_err(str::to_owned), "{values:?}");
        }
    }
}
