//! Lists that a server gives over HTTP as JSON, page by page.
//!
//! It follows no redirect and no link to another server, so that the credentials reach only the configured one.
//! [`paging`] knows the state of the list; [`server`] sends the requests.

mod auth;
mod carriage;
mod columns;
mod content;
mod header;
mod modified;
mod oauth2;
mod paging;
mod place;
mod server;

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;

use super::json::Records;
use super::table::TableBuilder;
use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::http::{Answer, errors_in, is_part, words_instead};
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::strict_json::Pointer;

pub(super) use columns::{Columns, not_an_object};
use modified::Modified;
use paging::{Page, Paging, Walk};
use place::Total;
pub(super) use server::{Call, Connection, Server};

/// A header with one of these in its name carries a secret, which must not be in the settings.
const SECRET_HEADERS: [&str; 8] = ["auth", "cookie", "token", "secret", "password", "api-key", "apikey", "api_key"];
/// Headers that the settings must not set.
const OWN_HEADERS: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade"];

/// A list from a server.
#[derive(Debug, Clone)]
pub(super) struct HttpSource {
    /// How messages call its section.
    label: String,
    server: Server,
    /// What a POST sends.
    body: Option<String>,
    headers: HeaderMap,
    /// The place of the records in an answer.
    records: Pointer,
    total: Option<Total>,
    paging: Paging,
    columns: Columns,
    /// Whether the settings say how many records there are.
    counted: bool,
    /// Whether an answer is accepted although it contains errors.
    ignores_errors: bool,
}

impl HttpSource {
    pub(super) const KEYS: &[&str] =
        &["method", "body", "headers", "records", "total", "total_header", "errors", "paging", "columns"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let body = body(section)?;
        let server = Server::from_section(section, "the address that gives the records")?;
        let paging = Paging::from_section(section, body.is_some())?;
        let first = Call { url: server.url.clone(), body: body.clone() };
        paging.check(&first).map_err(|problem| section.problem("body", problem))?;
        Ok(Self {
            label: section.label().to_owned(),
            server,
            headers: headers(section)?,
            records: section.pointer("records")?.unwrap_or_default(),
            total: Total::from_section(section)?,
            paging,
            columns: Columns::from_section(section)?,
            counted: section.has("expect_records"),
            ignores_errors: section.word("errors", &[("refuse", false), ("ignore", true)])?.unwrap_or(false),
            body,
        })
    }

    async fn run(&self, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
        let mut connection = self.server.connect(conditions).await?;
        let first = Call { url: self.server.url.clone(), body: self.body.clone() };
        let mut walk = Walk::new(self.paging.clone(), self.total.clone(), first)?;
        let mut records = Records::new(TableBuilder::new(0).up_to(conditions.max_rows));
        let mut modified = Modified::default();
        loop {
            let page = walk.page();
            let on_page = |error: ReadError| match error {
                ReadError::Untrusted(problem) if page > 1 => ReadError::Untrusted(format!("page {page}: {problem}")),
                error => error,
            };
            let answer = connection.ask(walk.call(), &self.headers).await.map_err(on_page)?;
            if walk.may_be_refused(answer.status.as_u16()) {
                break;
            }
            let refused = |error: ReadError| match error {
                ReadError::Untrusted(problem) => ReadError::Untrusted(walk.without_page(&problem)),
                error @ ReadError::Settings(_) => error,
            };
            let answer = connection.good(walk.call(), answer).map_err(refused).map_err(on_page)?;
            if is_part(&answer) {
                walk.take_part();
            }
            modified
                .take(&answer.headers)
                .map_err(|problem| connection.clean(&problem))
                .map_err(|problem| on_page(problem.into()))?;
            let (pointer, columns, ignores_errors) = (self.records.clone(), self.columns.clone(), self.ignores_errors);
            // Parsing a large page here would block the other sources.
            let taken = blocking(move || {
                let errors = if ignores_errors { None } else { errors_in(&answer.body, &pointer) };
                let more = match errors {
                    Some(said) => Err(format!("{said}; if that is not a failure, set errors = \"ignore\"")),
                    _ => take(&answer, &pointer, &columns, &mut walk, &mut records),
                };
                Ok((more, walk, records))
            });
            let more;
            (more, walk, records) = taken.await?;
            let more = more.map_err(|problem| format!("page {page}: {}", connection.clean(&problem)))?;
            conditions.came(walk.records(), walk.total())?;
            if !more {
                break;
            }
        }
        let proof = walk.proof()?;
        if let (None, false, Some(next)) = (proof, self.counted, walk.never_told()) {
            tracing::warn!(
                "`next` in [source.paging] of {}: {next} is missing on every page, so the list is only trusted \
                 to be whole; correct it, or set `total` or `expect_records`",
                self.label
            );
        }
        // Most servers guarantee no order, and a plan must not depend on the order.
        let table = blocking(move || Ok(records.builder.finish().in_order_of_named_content()?)).await?;
        Ok(Reading { table, proof, modified: modified.time() })
    }
}

impl Source for HttpSource {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { label: _, server, body, headers, records, total: _, paging, columns, counted: _, ignores_errors: _ } =
            self;
        let headers: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        BTreeMap::from([
            ("url", server.url.to_string()),
            ("body", body.clone().unwrap_or_default()),
            ("headers", headers.join("\n")),
            ("records", records.to_string()),
            ("paging", paging.identity()),
            ("columns", columns.identity()),
        ])
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        Box::pin(self.run(conditions))
    }
}

/// Adds the records of an answer, and returns whether there is another page.
fn take(
    answer: &Answer,
    pointer: &Pointer,
    columns: &Columns,
    walk: &mut Walk,
    records: &mut Records,
) -> Result<bool, String> {
    let document: &RawValue =
        serde_json::from_slice(&answer.body).map_err(|error| format!("it is not JSON: {error}"))?;
    let place = || match pointer.to_string() {
        place if place.is_empty() => "the answer".to_owned(),
        place => format!("the value at {place}"),
    };
    let found = pointer.find(document)?;
    let words = || words_instead(&answer.body);
    let list = found
        .ok_or_else(|| format!("there is nothing at {pointer}; `records` must say where the list is{}", words()))?;
    let rows: Vec<&RawValue> = serde_json::from_str(list.get())
        .map_err(|_| format!("{} is not a list; `records` must say where the list is{}", place(), words()))?;
    records.builder.begin_page(walk.page());
    for (position, row) in (1..).zip(&rows) {
        let record = columns.record(records, walk.records() + position, row);
        record.map_err(|problem| format!("record {position}: {problem}"))?;
    }
    walk.take(&Page { document, headers: &answer.headers, list, records: &rows })
}

/// What a POST sends.
fn body(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let post = section.word("method", &[("GET", false), ("POST", true)])?.unwrap_or(false);
    let Some(body) = section.text("body")? else { return Ok(post.then(|| "{}".to_owned())) };
    if !post {
        return Err(section.problem("body", "needs method = \"POST\""));
    }
    match serde_json::from_str::<&RawValue>(body) {
        Ok(_) => Ok(Some(body.to_owned())),
        Err(error) => Err(section.problem("body", format!("is not JSON: {error}"))),
    }
}

fn headers(section: &Section<'_>) -> Result<HeaderMap, ConfigError> {
    let table = section.section("headers", &format!("`headers` in {}", section.label()))?;
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    for (name, value) in table.text_entries()? {
        let lower = name.to_ascii_lowercase();
        if SECRET_HEADERS.iter().any(|part| lower.contains(part)) {
            let hint = "would show a secret in the settings; say it in [source.auth], with kind = \"header\" for a header of the server's own";
            return Err(table.problem(name, hint));
        }
        let header = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| !OWN_HEADERS.contains(&lower.as_str()));
        let header = header.ok_or_else(|| table.problem(name, "is not a header that can be set here"))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| table.problem(name, "holds characters that no header can"))?;
        headers.insert(header, value);
    }
    Ok(headers)
}
