//! Lists, read page by page and proven to be whole.
//!
//! A list with a hole in it looks like people who have left. So every sign of one makes the whole list unusable: a page
//! that fails, an address that comes again, a page without news, a count that does not match, a row that changes. And a
//! list that never ends is none: its total bounds it, and so do the settings' limits of rows and time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io;

use reqwest::Method;
use serde_json::value::RawValue;
use url::Url;

use super::call::Call;
use super::{Client, LARGEST_ANSWER};
use crate::employee::{Branch, CustomField, Managed, User};
use crate::provider::skovik::wire::{self, Next, Page};
use crate::provider::{ApiError, Collection, EachRow, ListError, Progress, ShareRepeated};

/// How many bytes a row may have, on an average over the longest list.
const BYTES_A_ROW: u64 = 4096;

/// Why a row cannot be taken.
enum RowError {
    Bad(String),
    Output(io::Error),
}

type TakeRow<'a> = &'a mut (dyn FnMut(&RawValue) -> Result<(), RowError> + Send);

impl Client {
    /// All branches, sorted by id.
    ///
    /// # Errors
    /// If the list is not proven to be whole.
    pub async fn branches(&self) -> Result<Vec<Branch>, ListError> {
        let mut branches = Vec::new();
        let mut each =
            |row: &RawValue| wire::branch(row.get()).map(|branch| branches.push(branch)).map_err(RowError::Bad);
        self.walk(Collection::Branches, &mut each, &|_, _| ()).await?;
        branches.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(branches)
    }

    /// The definitions of all custom fields, sorted by id.
    ///
    /// # Errors
    /// If the list is not proven to be whole.
    pub async fn custom_fields(&self) -> Result<Vec<CustomField>, ListError> {
        let mut fields = Vec::new();
        let mut each =
            |row: &RawValue| wire::custom_field(row.get()).map(|field| fields.push(field)).map_err(RowError::Bad);
        self.walk(Collection::CustomFields, &mut each, &|_, _| ()).await?;
        fields.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(fields)
    }

    /// All users, sorted by id.
    ///
    /// # Errors
    /// If the list is not proven to be whole.
    pub(in crate::provider::skovik) async fn all_users(
        &self,
        managed: &Managed,
        progress: Progress<'_>,
    ) -> Result<Vec<User>, ListError> {
        let mut users = Vec::new();
        let mut branches = ShareRepeated::default();
        let mut each = |row: &RawValue| {
            let mut user = wire::user_row(row.get(), managed).map_err(RowError::Bad)?;
            branches.share(&mut user);
            users.push(user);
            Ok(())
        };
        self.walk(Collection::Users, &mut each, progress).await?;
        users.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(users)
    }

    /// All rows of a list as the server gave them, each once, in its order. What was given counts for nothing where
    /// this fails in the end.
    ///
    /// # Errors
    /// If the list is not proven to be whole, or `each` fails.
    pub(in crate::provider::skovik) async fn raw(
        &self,
        what: Collection,
        each: EachRow<'_>,
        progress: Progress<'_>,
    ) -> Result<(), ListError> {
        self.walk(what, &mut |row| each(row).map_err(RowError::Output), progress).await
    }

    async fn walk(&self, what: Collection, each: TakeRow<'_>, progress: Progress<'_>) -> Result<(), ListError> {
        let mut page = 0;
        let limit = self.list_timeout;
        tokio::time::timeout(limit, self.walk_pages(what, each, progress, &mut page)).await.unwrap_or_else(|_| {
            let problem =
                format!("the list is not read after {limit:?}; raise `list_timeout` in [target] if it is so long");
            Err(ListError::Incomplete { collection: what, page, problem })
        })
    }

    async fn walk_pages(
        &self,
        what: Collection,
        each: TakeRow<'_>,
        progress: Progress<'_>,
        page_number: &mut u64,
    ) -> Result<(), ListError> {
        let mut url = what.page_url(&self.base, 1, self.page_size);
        let mut proof = Proof::new(what, &url, self.max_rows);
        for number in 1.. {
            *page_number = number;
            let incomplete = |problem: String| ListError::Incomplete {
                collection: what,
                page: number,
                problem: self.http.redactor().clean(&problem),
            };
            let body = self.send(&Call { method: Method::GET, url: url.clone(), body: None }).await;
            let body = body.map_err(|error| match error {
                error @ ApiError::Credentials { .. } => ListError::Credentials { collection: what, error },
                error => incomplete(error.to_string()),
            })?;
            let page = Page::parse(&body).map_err(incomplete)?;
            proof.weigh(body.len(), page.total).map_err(incomplete)?;
            let known = proof.distinct();
            for row in &page.rows {
                if proof.is_new(row).map_err(incomplete)? {
                    each(row).map_err(|error| match error {
                        RowError::Bad(problem) => incomplete(problem),
                        RowError::Output(error) => ListError::Output(error),
                    })?;
                }
            }
            progress(proof.distinct(), page.total.or(proof.total));
            url = match proof.follow(&page, proof.distinct() > known, &url).map_err(incomplete)? {
                Step::End => break,
                Step::Count => what.page_url(&self.base, number + 1, self.page_size),
                Step::To(next) => next,
            };
        }
        Ok(())
    }
}

/// Where to go after a page.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The list is whole.
    End,
    /// To the page with the next number.
    Count,
    /// To this address.
    To(Url),
}

/// What a list has shown so far. It holds the ids of the rows and no rows.
struct Proof {
    collection: Collection,
    /// The ids, each with a hash of its row.
    seen: HashMap<Box<str>, u64>,
    hasher: RandomState,
    total: Option<u64>,
    /// Whether pages link to one another; the first page says so for all.
    linked: Option<bool>,
    addresses: HashSet<String>,
    max_rows: u64,
    /// How many bytes came in all.
    bytes: u64,
}

impl Proof {
    fn new(collection: Collection, first: &Url, max_rows: u64) -> Self {
        Self {
            collection,
            seen: HashMap::new(),
            hasher: RandomState::new(),
            total: None,
            linked: None,
            addresses: HashSet::from([first.as_str().to_owned()]),
            max_rows,
            bytes: 0,
        }
    }

    fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Whether a row comes for the first time. One that comes again must be the same: else somebody changes users while
    /// they are listed, and others may have slipped from one page to another.
    fn is_new(&mut self, row: &RawValue) -> Result<bool, String> {
        let id = wire::identify(row, self.collection)?;
        let hash = self.hasher.hash_one(row.get());
        match self.seen.get(id.as_ref()) {
            None => {
                self.seen.insert(id.into(), hash);
                self.check_length().map(|()| true)
            }
            Some(before) if *before == hash => Ok(false),
            Some(_) => Err(format!("the row {id:?} came before, with another content: it changed during the listing")),
        }
    }

    /// Bounds what is held of a list by what its rows may amount to.
    fn weigh(&mut self, bytes: usize, total: Option<u64>) -> Result<(), String> {
        self.bytes += bytes as u64;
        let most = LARGEST_ANSWER as u64 + self.max_rows.saturating_mul(BYTES_A_ROW);
        if self.bytes > most {
            return Err(format!("the list has come to {} MiB, which no list of this kind has", self.bytes >> 20));
        }
        self.check_total(total)?;
        self.check_length()
    }

    fn check_length(&self) -> Result<(), String> {
        let distinct = self.distinct();
        match self.total {
            Some(total) if distinct > total => {
                return Err(format!("it has {distinct} different rows already, but meta.total is {total}"));
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

    /// Where to go after a page, or what is wrong with the list.
    fn follow(&mut self, page: &Page<'_>, brought_news: bool, here: &Url) -> Result<Step, String> {
        let linked = page.next != Next::Untold;
        if *self.linked.get_or_insert(linked) != linked {
            let one =
                if linked { "it has links, pages before it had none" } else { "it has no links, pages before it had" };
            return Err(one.to_owned());
        }
        let next = match &page.next {
            Next::End => return self.end(),
            Next::Untold if page.rows.is_empty() => return self.end(),
            Next::Untold => None,
            Next::At(next) => Some(self.resolve(next, here)?),
        };
        if !brought_news {
            return Err(format!("it brings no new row after {}, and yet the list goes on", self.distinct()));
        }
        Ok(next.map_or(Step::Count, Step::To))
    }

    fn check_total(&mut self, told: Option<u64>) -> Result<(), String> {
        match (self.total, told) {
            (Some(before), Some(now)) if before != now => {
                Err(format!("meta.total was {before} and is {now} now: it changed during the listing, try again"))
            }
            (before, told) => {
                self.total = before.or(told);
                Ok(())
            }
        }
    }

    fn resolve(&mut self, next: &str, here: &Url) -> Result<Url, String> {
        let mut url = here.join(next).map_err(|error| format!("links.next is no address: {error}"))?;
        url.set_fragment(None);
        if url.origin() != here.origin() || !url.username().is_empty() || url.password().is_some() {
            let (there, origin) = (url.origin().ascii_serialization(), here.origin().ascii_serialization());
            return Err(format!("links.next leads to {there}, away from {origin}, and is not followed"));
        }
        if !self.addresses.insert(url.as_str().to_owned()) {
            return Err(format!("links.next leads back to {}, which was read before", url.path()));
        }
        Ok(url)
    }

    fn end(&self) -> Result<Step, String> {
        match self.total {
            Some(total) if total != self.distinct() => {
                Err(format!("the list ends after {} different rows, but meta.total is {total}", self.distinct()))
            }
            _ => Ok(Step::End),
        }
    }
}
