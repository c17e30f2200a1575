//! Users of a server that speaks SCIM 2.0 (RFC 7643, RFC 7644): listed by `startIndex` and `count`, and proven to be
//! whole by `totalResults` and an empty page behind the last user.
//!
//! A server need not list its users in any order, nor in the same order twice. So they are numbered by their ids, which
//! makes the same users the same records; and a user who comes twice, as happens where the order changes between two
//! pages, makes the list unusable, because another one is missing then.

mod resource;

use std::collections::BTreeMap;

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

/// A SCIM server.
#[derive(Debug, Clone)]
pub(super) struct ScimSource {
    server: Server,
    /// What is listed, such as `Users`.
    resource: String,
    filter: Option<String>,
    attributes: Vec<String>,
    /// How many users to ask for in one page.
    count: u64,
    columns: Columns,
}

/// What has come so far: each resource by its id.
#[derive(Default)]
struct Found {
    resources: BTreeMap<String, Box<RawValue>>,
    total: Option<u64>,
}

impl ScimSource {
    pub(super) const KEYS: &[&str] = &["resource", "filter", "attributes", "count", "columns"];

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
            count: section.number("count", 1..=10_000)?.unwrap_or(100),
            columns: Columns::from_section(section)?,
        })
    }

    /// The address of the users from one on, counted from 1.
    fn address(&self, start: u64) -> Url {
        let mut url = self.server.url.clone();
        url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), self.resource));
        let mut query = url.query_pairs_mut();
        query.append_pair("startIndex", &start.to_string()).append_pair("count", &self.count.to_string());
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
        loop {
            let start = found.resources.len() as u64 + 1;
            let answer = self.page(&mut connection, &headers, start).await?;
            let taken;
            (taken, found) = blocking(move || Ok((found.take(&answer, start), found))).await?;
            let more =
                taken.map_err(|problem| format!("from startIndex {start} on: {}", connection.clean(&problem)))?;
            conditions.came(found.resources.len() as u64, found.total)?;
            if !more {
                break;
            }
        }
        let columns = self.columns.clone();
        let table = blocking(move || {
            let mut records = Records::new(TableBuilder::new(0));
            for (number, (id, resource)) in (1..).zip(&found.resources) {
                resource::record(&mut records, number, resource, &columns)
                    .map_err(|problem| format!("the user with the id {id:?}: {problem}"))?;
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
        let answer = connection.ask(&call, headers).await.map_err(from)?;
        connection.good(&call, answer).map_err(from)
    }
}

impl Source for ScimSource {
    fn kind(&self) -> &'static str {
        "scim"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { server, resource, filter, attributes, count: _, columns } = self;
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
    /// Takes a page, and says whether there is another one.
    fn take(&mut self, answer: &Answer, start: u64) -> Result<bool, String> {
        if is_part(answer) {
            return Err("the answer (206) says that it is a part of the page".to_owned());
        }
        let page = resource::Page::parse(&answer.body)?;
        if let Some(said) = errors_in(&answer.body, |_| false) {
            return Err(said);
        }
        match self.total {
            Some(before) if before != page.total => {
                return Err(format!(
                    "totalResults was {before} and is {} now: users changed while they were listed, try again",
                    page.total
                ));
            }
            _ => self.total = Some(page.total),
        }
        if page.start.is_some_and(|given| given != start) && !page.resources.is_empty() {
            return Err(format!(
                "the answer begins at startIndex {}; does the server page?",
                page.start.unwrap_or_default()
            ));
        }
        let brought = page.resources.len();
        // Once all have come, one page more is asked for, which must be empty: the total of some servers is in truth the
        // length of the page. If they come again, the server does not heed what it is asked, and nothing tells whether
        // it gave all or the first page.
        let all = (start > 1 && self.resources.len() as u64 == page.total)
            .then(|| format!("all {} users of totalResults had come, and", page.total));
        for (position, resource) in (start..).zip(page.resources) {
            let id = resource::id(resource).map_err(|problem| format!("the user at {position}: {problem}"))?;
            if let Some(all) = &all {
                let problem = if self.resources.contains_key(&id) {
                    format!("{all} {id:?} comes again: the server does not heed startIndex")
                } else {
                    format!("{all} here is another one: it does not count all users")
                };
                return Err(format!("{problem}, and so nothing proves that the list is whole"));
            }
            if self.resources.contains_key(&id) {
                return Err(format!(
                    "the user with the id {id:?} comes twice: the order changed while they were listed, and somebody else is missing"
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
        Ok(brought > 0)
    }
}
