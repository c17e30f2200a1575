//! What the pages of a list have shown so far, and where the next one is.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use reqwest::header::HeaderMap;
use serde_json::value::RawValue;
use url::Url;

use crate::config::{Name, Names};
use crate::http::is_whole;
use crate::provider::Refusal;
use crate::provider::access::ListSize;
use crate::provider::skovik::wire::{self, Mark, Page, Resources};

/// Where to go after a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This was the last one.
    End,
    /// To the page with the next number.
    Count,
    /// To the page behind this cursor.
    After(String),
    /// To this address.
    To(Url),
}

/// How one page leads to the next; the first page decides it for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By the address of the next one.
    Links,
    /// By a cursor.
    Cursor,
    /// By their numbers: no page says where the next one is.
    Count,
}

/// What a list has shown so far. It holds the ids of the rows, not the rows.
pub(super) struct Proof<'n> {
    of: Resources,
    names: &'n Names,
    /// The ids, each with a hash of its row.
    seen: HashMap<Box<str>, u64>,
    hasher: RandomState,
    total: Option<u64>,
    way: Option<Way>,
    addresses: HashSet<String>,
    max_rows: u64,
    size: ListSize,
}

impl<'n> Proof<'n> {
    pub(super) fn new(of: Resources, first: &Url, max_rows: u64, names: &'n Names) -> Self {
        Self {
            of,
            names,
            seen: HashMap::new(),
            hasher: RandomState::new(),
            total: None,
            way: None,
            addresses: HashSet::from([first.as_str().to_owned()]),
            max_rows,
            size: ListSize::new(max_rows),
        }
    }

    /// How many different rows have come.
    pub(super) fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// How many rows there are, once a page has said it.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Whether a row comes for the first time. A row that comes again must be the same. If it differs, users change
    /// while they are listed, and others may have moved from one page to another unseen.
    pub(super) fn is_new(&mut self, row: &RawValue) -> Result<bool, String> {
        let id = wire::identify(row, self.of, self.names)?;
        let hash = self.hasher.hash_one(row.get());
        match self.seen.get(id.as_ref()) {
            None => {
                self.seen.insert(id.into(), hash);
                self.check_length().map(|()| true)
            }
            Some(before) if *before == hash => Ok(false),
            Some(_) => Err(format!("the row {id:?} comes again with other content: it changed during the listing")),
        }
    }

    /// Takes the size of a page, and the total that it tells.
    pub(super) fn weigh(&mut self, page: &[u8], total: Option<u64>) -> Result<(), String> {
        self.size.add(page)?;
        self.check_total(total)?;
        self.check_length()
    }

    fn check_length(&self) -> Result<(), String> {
        let distinct = self.distinct();
        match self.total {
            Some(total) if distinct > total => {
                let place = self.total_place();
                return Err(format!("it has {distinct} different rows already, but {place} is {total}"));
            }
            _ => {}
        }
        let rows = distinct.max(self.total.unwrap_or(0));
        if rows > self.max_rows {
            let most = self.max_rows;
            return Err(format!("it has more than {most} rows; raise `max_rows` in [target] if there are so many"));
        }
        Ok(())
    }

    /// Whether pages are asked for by number.
    pub(super) fn is_counted(&self) -> bool {
        self.way == Some(Way::Count)
    }

    /// Takes the refusal of a page that was asked for by number. It is no error if all rows of the total have come;
    /// otherwise nothing says where the list goes on.
    pub(super) fn refused(&self, refusal: &Refusal) -> Result<(), String> {
        if self.has_all() {
            return Ok(());
        }
        Err(format!("{refusal}; {}", self.no_way_on()))
    }

    /// Where to go after a page, or what is wrong with the list.
    pub(super) fn follow(&mut self, page: &Page<'_>, brought_news: bool, here: &Url) -> Result<Step, String> {
        let way = match (&page.next, &page.cursor) {
            (Mark::At(_), _) => Way::Links,
            (_, Mark::At(_)) => Way::Cursor,
            (Mark::End, _) => Way::Links,
            (_, Mark::End) => Way::Cursor,
            (Mark::Untold, Mark::Untold) => Way::Count,
        };
        let ended = match (*self.way.get_or_insert(way), way) {
            (Way::Links, Way::Count) => return Err("it has no links, but pages before it had".to_owned()),
            (Way::Count, Way::Links) => return Err("it has links, but pages before it had none".to_owned()),
            (Way::Count, Way::Cursor) => return Err("it has a cursor, but pages before it had none".to_owned()),
            // The last page has no cursor.
            (Way::Cursor, Way::Count) => true,
            _ => false,
        };
        let step = match (&page.next, &page.cursor) {
            (Mark::At(next), _) => Step::To(self.resolve(next, here)?),
            (_, Mark::At(cursor)) => Step::After(cursor.clone().into_owned()),
            (Mark::End, _) | (_, Mark::End) => return self.end(),
            (Mark::Untold, Mark::Untold) if page.rows.is_empty() || ended => return self.end(),
            (Mark::Untold, Mark::Untold) if self.names.get(Name::PageNumber).is_empty() => return self.end(),
            (Mark::Untold, Mark::Untold) => Step::Count,
        };
        if brought_news {
            return Ok(step);
        }
        // Some servers give the last page again, or the first one.
        if step == Step::Count && self.has_all() {
            return Ok(Step::End);
        }
        let advice = if step == Step::Count { format!(": {}", self.no_way_on()) } else { String::new() };
        Err(format!("it brings no new row after {}, but the list goes on{advice}", self.distinct()))
    }

    /// Notes an address that will be read; `by` is where the page named it.
    pub(super) fn visit(&mut self, url: Url, by: Name) -> Result<Url, String> {
        if !self.addresses.insert(url.as_str().to_owned()) {
            let (place, path) = (self.place(by), url.path());
            return Err(format!("{place} leads back to {path}, which was read before"));
        }
        Ok(url)
    }

    fn check_total(&mut self, told: Option<u64>) -> Result<(), String> {
        match (self.total, told) {
            (Some(before), Some(now)) if before != now => Err(format!(
                "{} was {before} and is {now} now: it changed during the listing, try again",
                self.total_place()
            )),
            (before, told) => {
                self.total = before.or(told);
                Ok(())
            }
        }
    }

    /// The address that a page links to, if [`Self::follow`] would go there: it may be asked for before the page is
    /// examined.
    pub(super) fn ahead(&self, page: &Page<'_>, here: &Url) -> Option<Url> {
        let Mark::At(next) = &page.next else { return None };
        self.resolved(next, here).ok().filter(|url| !self.addresses.contains(url.as_str()))
    }

    fn resolve(&mut self, next: &str, here: &Url) -> Result<Url, String> {
        let url = self.resolved(next, here)?;
        self.visit(url, Name::Next)
    }

    /// An address of the same server; the key goes nowhere else.
    fn resolved(&self, next: &str, here: &Url) -> Result<Url, String> {
        let place = self.place(Name::Next);
        let mut url = here.join(next).map_err(|error| format!("{place} is not a URL: {error}"))?;
        url.set_fragment(None);
        if url.origin() != here.origin() || !url.username().is_empty() || url.password().is_some() {
            let (there, origin) = (url.origin().ascii_serialization(), here.origin().ascii_serialization());
            return Err(format!("{place} leads to {there}, away from {origin}: it is not followed"));
        }
        Ok(url)
    }

    fn end(&self) -> Result<Step, String> {
        match self.total {
            Some(total) if total != self.distinct() => {
                let (distinct, place) = (self.distinct(), self.total_place());
                Err(format!("the list ends after {distinct} different rows, but {place} is {total}"))
            }
            _ => Ok(Step::End),
        }
    }

    /// Takes what the headers of the last page say about the list, unless its total has come.
    pub(super) fn end_by(&self, headers: &HeaderMap) -> Result<(), String> {
        if self.has_all() { Ok(()) } else { is_whole(headers, self.distinct()) }
    }

    fn has_all(&self) -> bool {
        self.total == Some(self.distinct())
    }

    /// Why the list cannot be read if its first page does not name the next one and the server ignores page numbers.
    fn no_way_on(&self) -> String {
        let (next, cursor, number) =
            (self.place(Name::Next), self.place(Name::NextCursor), self.names.get(Name::PageNumber));
        format!(
            "neither {next} nor {cursor} says where the list goes on, and the server ignores {number}; name what it \
             uses in [target.names] (next, next_cursor, page_number), or set page_number = \"\" if it gives all rows at once"
        )
    }

    /// A place in the answer as messages write it: `meta.total`.
    fn place(&self, name: Name) -> String {
        self.names.get(name).trim_start_matches('/').replace('/', ".")
    }

    fn total_place(&self) -> String {
        self.place(Name::Total)
    }
}
