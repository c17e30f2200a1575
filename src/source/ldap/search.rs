//! Searches, page by page (RFC 2696). A search is complete if every page succeeded and the last one said that it is the
//! last. Every other end is an error.

use super::ber::Malformed;
use super::client::{Client, ClientError};
use super::columns::{Columns, Unusable};
use super::connection::Connection;
use super::entry::{Attribute, Entry};
use super::error_messages::{Asked, ErrorMessages};
use super::filter_syntax::parse;
use super::message::{self, Message, NextPage, Operation, SearchRequest, addresses};
use super::rows::Rows;
use super::schema::Schema;

/// After so many messages, other tasks get their turn.
const YIELD: usize = 256;
/// How many values of one attribute of the schema are read.
const MOST_TYPES: usize = 100_000;

/// One search.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Search {
    pub(super) base: String,
    pub(super) scope: SearchScope,
    pub(super) filter: String,
    /// Whether the search may find nobody.
    pub(super) may_be_empty: bool,
}

/// How deep below its base a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SearchScope {
    Subtree,
    One,
    Base,
}

/// The settings that all searches of a source share.
pub(super) struct Manner {
    pub(super) columns: Columns,
    pub(super) page_size: u32,
    /// Whether parts of the directory on other servers may be missing.
    pub(super) ignores_referrals: bool,
}

impl SearchScope {
    pub(super) const WORDS: &[(&str, Self)] = &[("subtree", Self::Subtree), ("one", Self::One), ("base", Self::Base)];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Subtree => "subtree",
            Self::One => "one",
            Self::Base => "base",
        }
    }

    /// Its number in the protocol.
    fn on_the_wire(self) -> u32 {
        match self {
            Self::Base => 0,
            Self::One => 1,
            Self::Subtree => 2,
        }
    }
}

impl Connection {
    /// Adds every entry of a search to the rows, up to the last. `progress` is called with the number of rows so far.
    pub(super) async fn search(
        &mut self,
        search: &Search,
        manner: &Manner,
        rows: &mut Rows,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<(), String> {
        let Self { client, words } = self;
        let Search { base, scope, filter, may_be_empty: _ } = search;
        let to_what = format!("to the search below {base}");
        let failed = |error: ClientError| words.failed(&to_what, &error);
        let filter = parse(filter).unwrap_or_default().encoded;
        let attributes = manner.columns.attributes();
        let request = SearchRequest { base, scope: scope.on_the_wire(), filter: &filter, attributes: &attributes };
        let page = Page { request, size: manner.page_size };
        let answers = Answers { words, base, manner };
        rows.begin_search();
        let mut number = page.ask(client, b"").await.map_err(failed)?;
        let mut since_yield = 0;
        loop {
            let messages = client.receive().await.map_err(failed)?;
            // The next page is asked for before the end of this one is decoded: the server collects it meanwhile.
            let next = match next_cookie(&messages.last().map_err(failed)?, number) {
                Some(cookie) => Some(page.ask(client, cookie).await.map_err(failed)?),
                None => None,
            };
            let mut is_over = false;
            for message in messages.iter() {
                let message = message.map_err(failed)?;
                if is_over {
                    return Err(failed(ClientError::OtherRequest));
                }
                if message.answers(number).map_err(failed)? {
                    is_over = answers.take(&message, rows)?;
                }
                since_yield += 1;
                if since_yield == YIELD {
                    since_yield = 0;
                    progress(rows.len());
                    tokio::task::yield_now().await;
                }
            }
            client.reuse(messages);
            match (is_over, next) {
                (false, _) => {}
                (true, Some(next)) => number = next,
                (true, None) => return Ok(()),
            }
        }
    }

    /// The directory's schema; `None` if it cannot be read.
    pub(super) async fn schema(&mut self) -> Option<Schema> {
        let place = self.values("", "(objectClass=*)", "subschemaSubentry").await?.into_iter().next()?;
        let types = self.values(&place, "(objectClass=subschema)", "attributeTypes").await?;
        Some(Schema::parse(types.iter().map(String::as_str))).filter(|schema| !schema.is_empty())
    }

    /// The values of one attribute of one entry.
    async fn values(&mut self, dn: &str, filter: &str, attribute: &str) -> Option<Vec<String>> {
        let filter = parse(filter)?.encoded;
        let attributes = [attribute.to_owned()];
        let request = SearchRequest { base: dn, scope: 0, filter: &filter, attributes: &attributes };
        let number = self.client.send(|number| message::search(number, &request, &[])).await.ok()?;
        let mut found = None;
        loop {
            let messages = self.client.receive().await.ok()?;
            for message in messages.iter() {
                let message = message.ok()?;
                if !message.answers(number).ok()? {
                    continue;
                }
                match message.operation {
                    Operation::Entry(content) if found.is_none() => found = Some(values(content, attribute)?),
                    Operation::Done(outcome) => return found.filter(|_| outcome.code == 0),
                    _ => {}
                }
            }
            self.client.reuse(messages);
        }
    }
}

/// A search for one page after the other.
struct Page<'a> {
    request: SearchRequest<'a>,
    size: u32,
}

impl Page<'_> {
    async fn ask(&self, client: &mut Client, cookie: &[u8]) -> Result<u32, ClientError> {
        let controls = message::page(self.size, cookie);
        client.send(|number| message::search(number, &self.request, &controls)).await
    }
}

/// The cookie for the next page, if this message ends a page in success and another one follows.
fn next_cookie<'m>(message: &Message<'m>, number: u32) -> Option<&'m [u8]> {
    match (message.operation, message.next_page()) {
        (Operation::Done(outcome), Ok(NextPage::Cookie(cookie)))
            if message.number == number && outcome.code == 0 && !cookie.is_empty() =>
        {
            Some(cookie)
        }
        _ => None,
    }
}

/// The answers to a search below a base.
struct Answers<'a> {
    words: &'a ErrorMessages,
    base: &'a str,
    manner: &'a Manner,
}

impl Answers<'_> {
    /// Takes an answer: an entry, a reference, or the end of the page, for which it gives true.
    fn take(&self, message: &Message<'_>, rows: &mut Rows) -> Result<bool, String> {
        let Self { words, base, manner } = *self;
        let server = &words.server;
        match message.operation {
            Operation::Entry(content) => self.entry(content, rows).map(|()| false),
            Operation::Reference(_) if manner.ignores_referrals => Ok(false),
            Operation::Reference(to) => {
                let to = addresses(to).map_err(|problem| self.unreadable("a reference", problem))?;
                let to = words.clean(&to);
                Err(format!(
                    "{server} says that a part of what is below {base} is kept elsewhere ({to}), and that was not read; \
                     search below a narrower `base`, or set referrals = \"ignore\" if nobody who counts is there"
                ))
            }
            Operation::Done(outcome) if outcome.code != 0 => Err(words.refused(Asked::Search(base), &outcome.into())),
            Operation::Done(_) => match message.next_page() {
                Ok(NextPage::Cookie(_)) => Ok(true),
                Ok(NextPage::Unknown) => Err(format!(
                    "{server} does not say whether more follows in the search below {base}, so that its end proves nothing"
                )),
                Ok(NextPage::Contradiction) => Err(format!(
                    "{server} says twice whether more follows in the search below {base}, so that its end proves nothing"
                )),
                Err(problem) => Err(self.unreadable("the end of a page", problem)),
            },
            other => Err(format!("{server} answers a search with something else ({})", other.number())),
        }
    }

    fn entry(&self, content: &[u8], rows: &mut Rows) -> Result<(), String> {
        let Self { words, base: _, manner } = *self;
        let server = &words.server;
        let entry = Entry::read(content).map_err(|problem| self.unreadable("an entry", problem))?;
        let dn = || words.clean(&String::from_utf8_lossy(entry.dn));
        manner.columns.add(entry, rows).map_err(|unusable| match unusable {
            Unusable::Malformed(problem) => self.unreadable("an entry", problem),
            Unusable::Name => format!("{server}: the distinguished name {:?} is not UTF-8", dn()),
            Unusable::Entry(problem) => format!("{server}: {:?}{problem}", dn()),
            Unusable::List(problem) => format!("{server}: {problem}"),
        })
    }

    fn unreadable(&self, what: &str, problem: Malformed) -> String {
        format!("{} gives {what} that cannot be read: {problem}", self.words.server)
    }
}

/// The values of an attribute; `None` if the entry does not have it as a whole, or they are not texts.
fn values(entry: &[u8], attribute: &str) -> Option<Vec<String>> {
    for found in Entry::read(entry).ok()?.attributes() {
        let Attribute { description, values } = found.ok()?;
        // A partial list has another name (`;range=`).
        if description.eq_ignore_ascii_case(attribute) {
            let mut values = values.map(|value| String::from_utf8(value.ok()?.to_vec()).ok());
            let texts = values.by_ref().take(MOST_TYPES).collect::<Option<Vec<_>>>()?;
            return values.next().is_none().then_some(texts);
        }
    }
    None
}
