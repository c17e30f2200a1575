//! What the status and the headers of an answer say about whether it is a part of a list.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, HeaderMap, HeaderValue};

use super::{Answer, link};

/// The headers in which servers tell how many items the whole list has.
const TOTALS: [&str; 2] = ["x-total-count", "x-total"];

/// Whether an answer says that it is incomplete.
pub(crate) fn is_part(answer: &Answer) -> bool {
    let ranges = answer.headers.get_all(CONTENT_RANGE);
    answer.status == StatusCode::PARTIAL_CONTENT || ranges.iter().filter_map(Range::read).any(|range| range.has_more())
}

/// A `Content-Range` such as `items 0-6/12`. Several servers send it with the status 200.
struct Range {
    /// Whether bytes are counted, and not items.
    is_of_bytes: bool,
    /// The places of the first and the last item of the answer, from 0.
    places: Option<(u64, u64)>,
    total: u64,
}

impl Range {
    fn read(header: &HeaderValue) -> Option<Self> {
        let (part, total) = header.to_str().ok()?.split_once('/')?;
        let places = part.rsplit(' ').next().and_then(|places| places.split_once('-'));
        let places = places.and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
        let is_of_bytes = part.trim_start().to_ascii_lowercase().starts_with("bytes");
        Some(Self { is_of_bytes, places, total: total.trim().parse().ok()? })
    }

    fn has_more(&self) -> bool {
        self.places.is_some_and(|(first, last)| first != 0 || last.saturating_add(1) < self.total)
    }
}

/// Why a list that has so many items, and whose bodies name no further page, is not whole by the headers of its last page.
///
/// # Errors
/// Names the header.
pub(crate) fn is_whole(headers: &HeaderMap, items: u64) -> Result<(), String> {
    let ranges = headers.get_all(CONTENT_RANGE).iter().filter_map(Range::read);
    let ranges = ranges.filter(|range| !range.is_of_bytes || range.has_more());
    let ranges = ranges.map(|range| ("content-range", range.total));
    let number = |value: &HeaderValue| value.to_str().ok()?.trim().parse::<u64>().ok();
    let totals =
        TOTALS.iter().flat_map(|name| headers.get_all(*name).iter().filter_map(number).map(|total| (*name, total)));
    if let Some((name, total)) = ranges.chain(totals).find(|(_, total)| *total > items) {
        return Err(format!("the list ends after {items} different rows, but its header `{name}` says {total}"));
    }
    if link::pages(headers).is_ok_and(|links| links.next.is_some()) {
        return Err("the list ends, but its header `link` names a next page".to_owned());
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    fn headers(name: &str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse::<HeaderName>().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn an_answer_says_that_it_is_a_part() {
        for (status, range, expected) in [
            (200, "items 0-6/12", true),
            (200, "items 0-11/12", false),
            (200, "items 6-11/12", true),
            (200, "0-6/999", true),
            (200, "items */12", false),
            (200, "items 0-6", false),
            (200, "items 0-18446744073709551615/7", false),
            (200, "items 0-6/*", false),
            (206, "nonsense", true),
        ] {
            let (status, headers) = (StatusCode::from_u16(status).unwrap(), headers("content-range", range));
            assert_eq!(is_part(&Answer { status, headers, body: Vec::new() }), expected, "{range}");
        }
    }

    #[test]
    fn headers_say_that_a_list_is_not_whole() {
        for (name, value, expected) in [
            ("content-range", "users 0-19/31", Some("`content-range` says 31")),
            ("content-range", "users 12-19/20", None),
            ("content-range", "users */31", Some("`content-range` says 31")),
            ("content-range", "bytes 0-4999/5000", None),
            ("content-range", "bytes 0-4998/5000", Some("`content-range` says 5000")),
            ("x-total-count", "31", Some("`x-total-count` says 31")),
            ("x-total", "21", Some("`x-total` says 21")),
            ("x-total-count", "20", None),
            ("x-total-count", "many", None),
            ("link", "</users?page=2>; rel=\"next\"", Some("names a next page")),
            ("link", "</users?page=1>; rel=\"prev\"", None),
            ("link", "</style.css>; rel=preload", None),
            ("link", "nonsense", None),
        ] {
            let problem = is_whole(&headers(name, value), 20).err();
            match expected {
                Some(expected) => assert!(problem.is_some_and(|problem| problem.contains(expected)), "{name}: {value}"),
                None => assert_eq!(problem, None, "{name}: {value}"),
            }
        }
    }
}
