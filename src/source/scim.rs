//! Users of a SCIM 2.0 server (RFC 7643, RFC 7644), listed by `startIndex` and `count`. `totalResults` and an empty
//! page after the last user prove that the list is complete.
//!
//! A server may list its users in any order, and in another one next time. So they are sorted by id: the same users
//! always give the same records.

mod resource;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde_json::value::RawValue;
use url::Url;

use super::http::{Call, Columns, Connection, Server};
use super::json::Records;
use super::table::TableBuilder;
use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::employee::normal_text;
use crate::http::{Answer, errors_in, is_part};
use crate::scim::{Id, List, Next};
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::strict_json::Pointer;

/// A SCIM server.
#[derive(Debug, Clone)]
pub(super) struct ScimSource {
    server: Server,
    /// The kind of resource to list, such as `Users`.
    resource: String,
    filter: Option<String>,
    attributes: Vec<String>,
    /// How many users to ask for in one page; with 0 the server decides.
    page_size: u64,
    /// The attribute by which the server is asked to sort.
    sort_by: Option<String>,
    columns: Columns,
}

/// The resources so far, by id.
#[derive(Default)]
struct Found {
    /// Each with the number of its page.
    resources: BTreeMap<Id, (u64, Box<RawValue>)>,
    pages: u64,
    list: List,
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
            conditions.came(found.resources.len() as u64, found.list.total())?;
            match next {
                Next::Page(next) => start = next,
                Next::End => break,
            }
        }
        let columns = self.columns.clone();
        let table = blocking(move || {
            let mut records = Records::new(TableBuilder::new(0));
            for (number, (id, (page, resource))) in (1..).zip(&found.resources) {
                records.builder.begin_page(*page);
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
        // Some servers fail on any `count`, without an explanation.
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

/// Whether the problem is an answer that a server may send for a parameter that it does not support.
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
    /// Adds a page, and returns what to request next.
    fn take(&mut self, answer: &Answer, start: u64) -> Result<Next, String> {
        if is_part(answer) {
            return Err("the answer (206, or `Content-Range`) says that it is a part of the page".to_owned());
        }
        if let Some(said) = errors_in(&answer.body, &Pointer::default()) {
            return Err(said);
        }
        let page: &RawValue =
            serde_json::from_slice(&answer.body).map_err(|error| format!("it is not JSON: {error}"))?;
        let (resources, next) = self.list.take(page, start)?;
        self.pages += 1;
        for (id, resource) in resources {
            // In a column, all texts are trimmed: two users would have one id.
            if let Id::Given(given) = &id
                && normal_text(given) != *given
            {
                return Err(format!("the user with {id} has white space around it, or it is not in Unicode NFC"));
            }
            self.resources.insert(id, (self.pages, resource.to_owned()));
        }
        Ok(next)
    }
}
