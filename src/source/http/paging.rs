//! Paging: what to request next, and how to know that a list has ended. Pure.
//!
//! A list with a hole in it looks like people who have left. So every irregularity makes the whole list unusable: a
//! page that came before, an address that was requested before, a total that changes or is not reached.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use reqwest::header::HeaderMap;
use serde_json::value::RawValue;

use super::carriage::place;
use super::content::Content;
use super::place::{Place, Total};
use super::server::Call;
use crate::http::link;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::source::LAST_PAGE;
use crate::strict_json::Pointer;

/// How many pages without a record a list may have: some servers split a list into pages first and filter them then.
const MOST_EMPTY: u64 = 1_000;
/// How many bytes a link or a cursor may have. Most servers take no longer URL.
const LONGEST_NEXT: usize = 16 * 1024;

/// `[source.paging]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Paging {
    /// One answer holds all.
    None,
    /// The body holds the address of the next page.
    NextLink { next: Pointer },
    /// The `Link` header holds it (RFC 8288).
    LinkHeader,
    /// The body holds what the next request must say.
    Cursor { next: Pointer, goes_to: Place },
    /// Pages have numbers; the list ends with an empty one.
    Page { goes_to: Place, first: u64, past_the_end: PastTheEnd },
    /// Pages are requested by offset; the list ends with an empty page.
    Offset { goes_to: Place, first: u64, past_the_end: PastTheEnd },
}

/// What a server does when it is asked for the page after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PastTheEnd {
    /// It sends an empty page.
    Empty,
    /// It answers that there is no such page. A server that limits how much of a list it sends does the same.
    Refused,
}

/// A page as it was received.
pub(super) struct Page<'p> {
    pub(super) document: &'p RawValue,
    pub(super) headers: &'p HeaderMap,
    /// The list in it.
    pub(super) list: &'p RawValue,
    pub(super) records: &'p [&'p RawValue],
}

/// The way through a list.
pub(super) struct Walk {
    paging: Paging,
    total_at: Option<Total>,
    here: Call,
    /// The hashes of the requests so far.
    asked: HashSet<u64>,
    /// The pages that were not empty, by a hash of their lists.
    pages: HashMap<u64, u64>,
    /// The hashes of the contents of the records. Two different records with one hash would be refused as equal, once in
    /// millions of lists; two equal ones are always found.
    seen: HashSet<u64>,
    /// With a random key each time, so that nobody can construct records with the same hash.
    hasher: RandomState,
    page: u64,
    /// How many pages were empty.
    empty: u64,
    records: u64,
    total: Option<u64>,
    /// The number or the offset of the requested page.
    counter: u64,
    /// Whether the server has told about a next page at least once, even to say that there is none.
    tells_next: bool,
    /// The first page that the server called partial.
    part: Option<u64>,
}

impl Paging {
    pub(super) fn from_section(source: &Section<'_>, has_body: bool) -> Result<Self, ConfigError> {
        let section = source.section("paging", &format!("[source.paging] of {}", source.label()))?;
        if !source.has("paging") {
            return Ok(Self::None);
        }
        type Read = fn(&Section<'_>, bool) -> Result<Paging, ConfigError>;
        let kinds: [(&str, (&[&str], Read)); 6] = [
            ("none", (&[], |_, _| Ok(Self::None))),
            ("next-link", (&["next"], |section, _| Ok(Self::NextLink { next: next(section)? }))),
            ("link-header", (&[], |_, _| Ok(Self::LinkHeader))),
            (
                "cursor",
                (&["next", "parameter", "field"], |section, has_body| {
                    Ok(Self::Cursor { next: next(section)?, goes_to: Place::from_section(section, has_body)? })
                }),
            ),
            (
                "page",
                (COUNTED, |section, has_body| {
                    let (goes_to, first, past_the_end) = counted(section, has_body, 1)?;
                    Ok(Self::Page { goes_to, first, past_the_end })
                }),
            ),
            (
                "offset",
                (COUNTED, |section, has_body| {
                    let (goes_to, first, past_the_end) = counted(section, has_body, 0)?;
                    Ok(Self::Offset { goes_to, first, past_the_end })
                }),
            ),
        ];
        let why = "such as \"next-link\", \"link-header\", \"cursor\", \"page\" or \"offset\"";
        let (keys, read) = section.word("kind", &kinds)?.ok_or_else(|| section.missing("kind", why))?;
        let section = section.only(&[&["kind"], keys].concat())?;
        let paging = read(&section, has_body)?;
        if paging.past_the_end() == Some(PastTheEnd::Refused) && !source.has("total") && !source.has("total_header") {
            let problem = "is \"refused\", which needs `total` or `total_header`: without one, a refusal says nothing";
            return Err(section.problem("past_the_end", problem));
        }
        Ok(paging)
    }

    /// For the hash of the settings.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::NextLink { next } => format!("next-link {next}"),
            Self::LinkHeader => "link-header".to_owned(),
            Self::Cursor { next, goes_to } => format!("cursor {next} {goes_to:?}"),
            Self::Page { goes_to, first, past_the_end } => format!("page {goes_to:?} {first} {past_the_end:?}"),
            Self::Offset { goes_to, first, past_the_end } => format!("offset {goes_to:?} {first} {past_the_end:?}"),
        }
    }

    /// Checks that requests can contain the necessary parameters.
    pub(super) fn check(&self, first: &Call) -> Result<(), String> {
        match self {
            Self::Cursor { goes_to, .. } | Self::Page { goes_to, .. } | Self::Offset { goes_to, .. } => {
                goes_to.put("0", first).map(drop)
            }
            Self::None | Self::NextLink { .. } | Self::LinkHeader => Ok(()),
        }
    }

    /// What the server does past the end, if no page says that it is the last.
    fn past_the_end(&self) -> Option<PastTheEnd> {
        match self {
            Self::Page { past_the_end, .. } | Self::Offset { past_the_end, .. } => Some(*past_the_end),
            Self::None | Self::NextLink { .. } | Self::LinkHeader | Self::Cursor { .. } => None,
        }
    }

    /// The place of the next page's address or cursor in an answer.
    fn next(&self) -> Option<&Pointer> {
        match self {
            Self::NextLink { next } | Self::Cursor { next, .. } => Some(next),
            Self::None | Self::LinkHeader | Self::Page { .. } | Self::Offset { .. } => None,
        }
    }
}

/// The settings of pages that are counted.
const COUNTED: &[&str] = &["first", "parameter", "field", "past_the_end"];

fn counted(section: &Section<'_>, has_body: bool, first: u64) -> Result<(Place, u64, PastTheEnd), ConfigError> {
    let first = section.number("first", 0..=1)?.unwrap_or(first);
    let words = [("empty", PastTheEnd::Empty), ("refused", PastTheEnd::Refused)];
    let past_the_end = section.word("past_the_end", &words)?.unwrap_or(PastTheEnd::Empty);
    Ok((Place::from_section(section, has_body)?, first, past_the_end))
}

fn next(section: &Section<'_>) -> Result<Pointer, ConfigError> {
    section
        .pointer("next")?
        .filter(|pointer| !pointer.steps().is_empty())
        .ok_or_else(|| section.missing("next", "where an answer says what comes next, such as \"/links/next\""))
}

impl Walk {
    pub(super) fn new(paging: Paging, total_at: Option<Total>, first: Call) -> Result<Self, String> {
        let counter = match &paging {
            Paging::Page { first, .. } | Paging::Offset { first, .. } => *first,
            _ => 0,
        };
        let here = match &paging {
            Paging::Page { goes_to, .. } | Paging::Offset { goes_to, .. } => {
                goes_to.put(&counter.to_string(), &first)?
            }
            _ => first,
        };
        let hasher = RandomState::new();
        Ok(Self {
            asked: HashSet::from([hasher.hash_one(&here)]),
            paging,
            total_at,
            here,
            pages: HashMap::new(),
            seen: HashSet::new(),
            hasher,
            page: 1,
            empty: 0,
            records: 0,
            total: None,
            counter,
            tells_next: false,
            part: None,
        })
    }

    /// The current request.
    pub(super) fn call(&self) -> &Call {
        &self.here
    }

    /// The number of the current page, from 1.
    pub(super) fn page(&self) -> u64 {
        self.page
    }

    /// How many records have come.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// How many records there are, if the server has said so.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether all records of the total have come, and the next page is requested only to see that it is empty.
    fn is_past_the_end(&self) -> bool {
        self.page > 1 && self.total == Some(self.records) && self.paging.past_the_end().is_some()
    }

    /// Whether a refusal means that the list has ended, because by the settings this server refuses a page past the
    /// end. A rejected request (400, 422) never means that.
    pub(super) fn may_be_refused(&self, status: u16) -> bool {
        let accepted = self.paging.past_the_end() == Some(PastTheEnd::Refused);
        accepted && self.is_past_the_end() && matches!(status, 404 | 410 | 416)
    }

    /// The message for a page that could not be read.
    pub(super) fn without_page(&self, problem: &str) -> String {
        if !self.is_past_the_end() {
            return problem.to_owned();
        }
        let records = self.records;
        format!(
            "{problem}; all {records} records of the total had come, and an empty page would show that it is not the \
             most that the server gives out: see `past_the_end` of [source.paging]"
        )
    }

    /// Notes that the server called this page partial.
    pub(super) fn take_part(&mut self) {
        self.part.get_or_insert(self.page);
    }

    /// Adds a page, and returns whether another one has to be requested.
    pub(super) fn take(&mut self, page: &Page<'_>) -> Result<bool, String> {
        self.check_total(page)?;
        if !page.records.is_empty() {
            let hash = self.hasher.hash_one(page.list.get());
            if let Some(before) = self.pages.insert(hash, self.page) {
                return Err(format!(
                    "it is the same as page {before}; does the server understand how pages are asked for?"
                ));
            }
        } else {
            self.empty += 1;
            if self.empty > MOST_EMPTY {
                return Err(format!("it is the page number {} without a record: the list has no end", self.empty));
            }
        }
        for (position, record) in (1..).zip(page.records) {
            // A repeated record means that another record is missing.
            if !self.seen.insert(self.hasher.hash_one(Content(record))) {
                return Err(format!(
                    "record {position} has come before: the list changed its order while it was read, and somebody \
                     else is missing, or the server lists things twice"
                ));
            }
        }
        self.records += page.records.len() as u64;
        if let (Some(total), Some(at)) = (self.total, &self.total_at)
            && self.records > total
        {
            return Err(format!("{} records have come, but {at} is {total}", self.records));
        }
        match self.next(page)? {
            Some(next) => {
                if !self.asked.insert(self.hasher.hash_one(&next)) {
                    return Err(format!(
                        "the next page is {} with what was asked before: the list goes in circles",
                        place(&next.url)
                    ));
                }
                self.here = next;
                self.page += 1;
                Ok(true)
            }
            None => self.end().map(|()| false),
        }
    }

    /// The completeness check of a list that has ended.
    pub(super) fn proof(&self) -> Result<Option<&'static str>, String> {
        let proof = match (&self.paging, self.total) {
            (_, Some(_)) => Some("total"),
            (Paging::None, None) => None,
            (paging, None) => (paging.past_the_end().is_some() || self.tells_next).then_some(LAST_PAGE),
        };
        match (proof, self.part) {
            (None, Some(page)) => Err(format!(
                "page {page}: the answer (206, or `Content-Range`) says that it is a part of the list, and nothing shows that the rest has \
                 come; set `total` or [source.paging]"
            )),
            (proof, _) => Ok(proof),
        }
    }

    /// The place where the settings expect the next page's address, if no answer had anything there.
    pub(super) fn never_told(&self) -> Option<&Pointer> {
        self.paging.next().filter(|_| !self.tells_next)
    }

    fn check_total(&mut self, page: &Page<'_>) -> Result<(), String> {
        let Some(at) = &self.total_at else { return Ok(()) };
        match (self.total, at.read(page.document, page.headers)?) {
            (None, None) => Err(format!("{at} is not there")),
            (Some(before), Some(now)) if before != now => {
                Err(format!("{at} was {before} and is {now} now: the list changed while it was read, try again"))
            }
            (before, now) => {
                self.total = before.or(now);
                Ok(())
            }
        }
    }

    fn next(&mut self, page: &Page<'_>) -> Result<Option<Call>, String> {
        let told = self.paging.next().map(|next| told(next, page)).transpose()?.flatten();
        self.tells_next |= told.is_some();
        match &self.paging {
            Paging::None => Ok(None),
            Paging::NextLink { next } => {
                let Some(value) = told.filter(|value| is_something(value)) else { return Ok(None) };
                let link: String = serde_json::from_str(value).map_err(|_| format!("{next} is not a URL"))?;
                self.linked(&link).map(Some)
            }
            Paging::LinkHeader => {
                let links = link::pages(page.headers)?;
                self.tells_next |= links.any;
                links.next.map(|link| self.linked(&link)).transpose()
            }
            Paging::Cursor { next, goes_to } => {
                let Some(value) = told.filter(|value| is_something(value)) else { return Ok(None) };
                if !value.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit()) {
                    return Err(format!("{next} holds neither a text nor a number"));
                }
                goes_to.put(value, &self.here).map(Some)
            }
            Paging::Page { .. } | Paging::Offset { .. } if page.records.is_empty() => Ok(None),
            Paging::Page { goes_to, .. } => {
                self.counter += 1;
                goes_to.put(&self.counter.to_string(), &self.here).map(Some)
            }
            Paging::Offset { goes_to, .. } => {
                self.counter += page.records.len() as u64;
                goes_to.put(&self.counter.to_string(), &self.here).map(Some)
            }
        }
    }

    /// The request for a linked page. The credentials go only to the configured server.
    fn linked(&self, link: &str) -> Result<Call, String> {
        let here = &self.here.url;
        let mut url = here.join(link).map_err(|error| format!("the link to the next page is not a URL: {error}"))?;
        url.set_fragment(None);
        if url.origin() != here.origin() || !url.username().is_empty() || url.password().is_some() {
            let (there, origin) = (url.origin().ascii_serialization(), here.origin().ascii_serialization());
            return Err(format!("the link to the next page leads to {there}, away from {origin}, and is not followed"));
        }
        Ok(Call { url, body: self.here.body.clone() })
    }

    fn end(&self) -> Result<(), String> {
        match (self.total, &self.total_at) {
            (Some(total), Some(at)) if total != self.records => {
                Err(format!("the list ends after {} records, but {at} is {total}", self.records))
            }
            _ => Ok(()),
        }
    }
}

/// What a page says of the next one, as it is written there.
fn told<'p>(next: &Pointer, page: &Page<'p>) -> Result<Option<&'p str>, String> {
    let Some(raw) = next.find(page.document)? else { return Ok(None) };
    if raw.get().len() > LONGEST_NEXT {
        return Err(format!("{next} has more than {} KiB, which no link and no cursor has", LONGEST_NEXT >> 10));
    }
    Ok(Some(raw.get()))
}

/// Null, false and an empty text mean that nothing comes next.
fn is_something(value: &str) -> bool {
    !matches!(value, "null" | "false" | "\"\"")
}
