//! Users of a server that speaks SCIM 2.0 (RFC 7643, RFC 7644): listed by `startIndex` and `count`, and proven to be
//! whole by `totalResults` and an empty page behind the last user.
//!
//! A server need not list its users in any order, nor in the same order twice. So they are numbered by their ids, which
//! makes the same users the same records; and a user who comes twice, as happens where the order changes between two
//! pages, makes the list unusable, because another one is missing then.

mod resource;

use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde_json::value::RawValue;
use url::Url;

use super::http::{Call, Columns, Connection, Server, errors_in, is_part};
use super::json::Records;
use super::table::TableBuilder;
use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::http::Answer;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::strict_json::Pointer;

/// A SCIM server.
#[derive(Debug, Clone)]
pub(super) struct ScimSource {
    server: Server,
    /// What is listed, such as `Users`.
    resource: String,
    filter: Option<String>,
    attributes: Vec<String>,
    /// How many users to ask for in one page; 0: as many as the server gives by itself.
    page_size: u64,
    /// The attribute by which the server is asked to sort.
    sort_by: Option<String>,
    columns: Columns,
}

/// What has come so far: each resource by its id.
#[derive(Default)]
struct Found {
    resources: BTreeMap<Id, Box<RawValue>>,
    total: Option<u64>,
    /// The first one that came.
    first: Option<Id>,
    /// How many pages held users. Two of them with different users show that the server heeds `startIndex`.
    pages: u64,
    /// Whether the users were asked for from the second one on, in order to see that.
    is_probed: bool,
}

/// By what a resource is known. Every resource must have an id; one without is told from others by all that it says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Id {
    Given(String),
    Missing(String),
}

/// What comes after a page.
enum Next {
    /// The users from this one on, counted from 1.
    Page(u64),
    End,
}

impl ScimSource {
    pub(super) const KEYS: &[&str] = &["resource", "filter", "attributes", "page_size", "sort_by", "columns"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let server = Server::from_section(section, "the base URL, such as \"https://example.com/scim/v2\"")?;
        if server.url.query().is_some() {
            return Err(section.problem(
                "url",
                "must end with its path, without ?; `filter` and `attributes` have settings of their own",
            ));
        }
        let resource = section.text("resource")?.unwrap_or("Users");
        if !resource.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(section.problem("resource", "must be the name of an endpoint, such as \"Users\""));
        }
        Ok(Self {
            server,
            resource: resource.to_owned(),
            filter: section.text("filter")?.map(str::to_owned),
            attributes: section.texts("attributes")?.unwrap_or_default(),
            page_size: section.number("page_size", 0..=10_000)?.unwrap_or(100),
            sort_by: section.text("sort_by")?.map(str::to_owned),
            columns: Columns::from_section(section)?,
        })
    }

    /// The address of the users from one on, counted from 1.
    fn address(&self, start: u64) -> Url {
        let mut url = self.server.url.clone();
        url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), self.resource));
        let mut query = url.query_pairs_mut();
        query.append_pair("startIndex", &start.to_string());
        if self.page_size > 0 {
            query.append_pair("count", &self.page_size.to_string());
        }
        if let Some(attribute) = &self.sort_by {
            query.append_pair("sortBy", attribute).append_pair("sortOrder", "ascending");
        }
        if let Some(filter) = &self.filter {
            query.append_pair("filter", filter);
        }
        if !self.attributes.is_empty() {
            query.append_pair("attributes", &self.attributes.join(","));
        }
        drop(query);
        url
    }

    async fn run(&self, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
        let mut connection = self.server.connect(conditions).await?;
        let accepted = HeaderValue::from_static("application/scim+json, application/json");
        let headers = HeaderMap::from_iter([(ACCEPT, accepted)]);
        let mut found = Found::default();
        let mut start = 1;
        loop {
            let answer = self.page(&mut connection, &headers, start).await?;
            let taken;
            (taken, found) = blocking(move || Ok((found.take(&answer, start), found))).await?;
            let next =
                taken.map_err(|problem| format!("from startIndex {start} on: {}", connection.clean(&problem)))?;
            conditions.came(found.resources.len() as u64, found.total)?;
            match next {
                Next::Page(next) => start = next,
                Next::End => break,
            }
        }
        let columns = self.columns.clone();
        let table = blocking(move || {
            let mut records = Records::new(TableBuilder::new(0));
            for (number, (id, resource)) in (1..).zip(&found.resources) {
                resource::record(&mut records, number, resource, &columns)
                    .map_err(|problem| format!("the user with {id}: {problem}"))?;
            }
            Ok(records.builder.finish())
        });
        Ok(Reading { table: table.await?, proof: Some("totalResults"), modified: None })
    }

    async fn page(&self, connection: &mut Connection, headers: &HeaderMap, start: u64) -> Result<Answer, ReadError> {
        let call = Call { url: self.address(start), body: None };
        let from = |error: ReadError| match error {
            ReadError::Untrusted(problem) if start > 1 => {
                ReadError::Untrusted(format!("from startIndex {start} on: {problem}"))
            }
            error => error,
        };
        // Some servers fail over any `count`, and say no more.
        let hinted = |error: ReadError| match error {
            ReadError::Untrusted(problem) if start == 1 && self.page_size > 0 && says_failed(&problem) => {
                ReadError::Untrusted(format!("{problem}; if it does not take `count`, set page_size = 0"))
            }
            error => error,
        };
        let answer = connection.ask(&call, headers).await.map_err(hinted).map_err(from)?;
        connection.good(&call, answer).map_err(hinted).map_err(from)
    }
}

/// Whether the problem is an answer that a server may give to a parameter which it does not take.
fn says_failed(problem: &str) -> bool {
    ["answers 400", "answers 500", "answers 501"].iter().any(|answer| problem.contains(answer))
}

impl Source for ScimSource {
    fn kind(&self) -> &'static str {
        "scim"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { server, resource, filter, attributes, page_size: _, sort_by: _, columns } = self;
        BTreeMap::from([
            ("url", server.url.to_string()),
            ("resource", resource.clone()),
            ("filter", filter.clone().unwrap_or_default()),
            ("attributes", attributes.join(",")),
            ("columns", columns.identity()),
        ])
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        Box::pin(self.run(conditions))
    }
}

impl Found {
    /// Takes a page, and says what to ask for next.
    fn take(&mut self, answer: &Answer, start: u64) -> Result<Next, String> {
        if is_part(answer) {
            return Err("the answer (206) says that it is a part of the page".to_owned());
        }
        if let Some(said) = errors_in(&answer.body, &Pointer::default()) {
            return Err(said);
        }
        let page = resource::Page::parse(&answer.body)?;
        match self.total {
            Some(before) if before != page.total => {
                return Err(format!(
                    "totalResults was {before} and is {} now: users changed while they were listed, try again",
                    page.total
                ));
            }
            _ => self.total = Some(page.total),
        }
        let mut users = Vec::with_capacity(page.resources.len());
        for (position, resource) in (start..).zip(&page.resources) {
            let id = resource::id(resource).map_err(|problem| format!("the user at {position}: {problem}"))?;
            users.push((id.map_or_else(|| Id::Missing(resource.get().to_owned()), Id::Given), *resource));
        }
        if start > 1 && self.resources.len() as u64 == page.total {
            return self.take_beyond(&users);
        }
        if page.start.is_some_and(|given| given != start) && !users.is_empty() {
            return Err(format!(
                "the answer begins at startIndex {}; does the server page?",
                page.start.unwrap_or_default()
            ));
        }
        if let (None, Some((id, _))) = (&self.first, users.first()) {
            self.first = Some(id.clone());
        }
        self.pages += u64::from(!users.is_empty());
        let brought = users.len();
        for (id, resource) in users {
            if self.resources.contains_key(&id) {
                return Err(format!(
                    "the user with {id} comes twice: the order changed while they were listed, and somebody else is \
                     missing; `sort_by` asks for an order"
                ));
            }
            self.resources.insert(id, resource.to_owned());
        }
        let (found, total) = (self.resources.len() as u64, page.total);
        if found > total {
            return Err(format!("there are {found} users by now, but totalResults is {total}"));
        }
        if found < total && brought == 0 {
            return Err(format!("the list ends after {found} users, but totalResults is {total}"));
        }
        Ok(if brought > 0 { Next::Page(found + 1) } else { Next::End })
    }

    /// Takes the page behind the last user. It should be empty: the total of some servers is in truth the length of a
    /// page. Some begin anew instead, which is as good if they are known to heed `startIndex`; others give the same
    /// users whatever they are asked, and nothing tells whether these are all or the first page.
    fn take_beyond(&mut self, users: &[(Id, &RawValue)]) -> Result<Next, String> {
        let all = format!("all {} users of totalResults had come, and", self.resources.len());
        if users.iter().any(|(id, _)| !self.resources.contains_key(id)) {
            return Err(format!(
                "{all} here is another one: it does not count all users, and so nothing proves that the list is whole"
            ));
        }
        let Some((again, _)) = users.first() else {
            return if self.is_probed {
                Err(format!("{all} there is nobody from the second one on"))
            } else {
                Ok(Next::End)
            };
        };
        let comes_from_the_start = users.iter().any(|(id, _)| Some(id) == self.first.as_ref());
        if self.pages > 1 || self.is_probed && !comes_from_the_start {
            return Ok(Next::End);
        }
        if self.is_probed || self.resources.len() < 2 {
            return Err(format!(
                "{all} the one with {again} comes again: the server does not heed startIndex, and so nothing proves that \
                 the list is whole"
            ));
        }
        self.is_probed = true;
        // From the second user on: whoever heeds that leaves the first one out.
        Ok(Next::Page(2))
    }
}

/// As messages say it.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(id) => write!(f, "the id {id:?}"),
            Self::Missing(_) => f.write_str("no id"),
        }
    }
}
