//! Lists: their addresses, their rows, and how their pages follow one another.

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use super::{Client, Resources};
use crate::config::Name;
use crate::provider::contract::{Expectation, Findings, Look, Verdict, names, places};

/// The rows of the first two pages.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Value>,
    /// Whether the list has no more.
    pub(super) is_whole: bool,
}

/// What the first page says of the rest.
struct Rest {
    next: Option<String>,
    cursor: Option<String>,
    total: Option<u64>,
}

impl Client {
    pub(super) fn list_url(&self, of: Resources) -> Url {
        of.url(&self.base, self.names())
    }

    /// Looks at the first two pages of a list.
    pub(super) async fn list_contract(&self, of: Resources, findings: &mut Findings) -> Rows {
        let (path, what) = (self.names().get(of.path_name()), of.collection());
        let expected = Expectation::new(
            of.path_name().key(),
            format!("GET {path} without parameters answers with a page of {what}"),
        )
        .mended_by(Self::setting(of.path_name()))
        .mended_by("[target] url");
        let document = match self.look(self.list_url(of)).await {
            Look::Nothing { said, .. } => {
                findings.judge(expected, false, said);
                return Rows::default();
            }
            Look::Document(document) => document,
        };
        let Some(rows) = document["data"].as_array() else {
            let there = document.as_object().into_iter().flat_map(|members| members.keys().map(String::as_str));
            findings.judge(expected, false, format!("no list `data`; there is {}", names(there)));
            return Rows::default();
        };
        findings.judge(expected, true, format!("200, {} rows", rows.len()));
        self.row_contract(of, rows, findings);
        let (mut rows, rest) = (rows.clone(), self.rest_of(&document));
        if of == Resources::Users {
            self.paging_contract(&document, &rows, &rest, findings);
        }
        let next = self.next_url(of, &rest);
        let is_whole = next.is_none() && rest.total.is_none_or(|total| total == rows.len() as u64);
        if of == Resources::Users {
            let more = self.next_page_contract(next, &rows, findings).await;
            rows.extend(more);
        }
        Rows { rows, is_whole }
    }

    pub(super) fn row_contract(&self, of: Resources, rows: &[Value], findings: &mut Findings) {
        let (kind, key) = (self.names().get(of.type_name()), of.type_name().key());
        let expected = Expectation::new(key, format!("a row has an id and the type {kind}"))
            .mended_by(Self::setting(of.type_name()));
        let good =
            |row: &&Value| row["type"].as_str() == Some(kind) && row["id"].as_str().is_some_and(|id| !id.is_empty());
        let good_rows = rows.iter().filter(good).count();
        let kinds = names(rows.iter().filter_map(|row| row["type"].as_str()));
        match rows.len() {
            0 => findings.add(expected, Verdict::CannotTell, "there is no row"),
            all => findings.judge(expected, good_rows == all, format!("{good_rows} of {all}; types there: {kinds}")),
        }
    }

    fn rest_of(&self, document: &Value) -> Rest {
        let at = |name| document.pointer(self.names().get(name));
        let text = |value: &Value| {
            value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))
        };
        let next = at(Name::Next).and_then(|next| text(next).or_else(|| text(&next["href"])));
        Rest { next, cursor: at(Name::NextCursor).and_then(text), total: at(Name::Total).and_then(Value::as_u64) }
    }

    fn paging_contract(&self, document: &Value, rows: &[Value], rest: &Rest, findings: &mut Findings) {
        let all = places(document);
        let there = names(all.iter().map(String::as_str));
        let place = |name| self.names().get(name);
        let expected = Expectation::new("total", format!("a list gives its number of rows at {}", place(Name::Total)))
            .mended_by(Self::setting(Name::Total))
            .otherwise("no list can be verified as complete, and each plan says so");
        let seen = rest.total.map_or_else(|| format!("there is {there}"), |total| format!("{total} rows"));
        findings.judge(expected, rest.total.is_some(), seen);
        let expected = Expectation::new(
            "next",
            format!(
                "a page names the next one: its URL at {}, or a cursor at {}",
                place(Name::Next),
                place(Name::NextCursor)
            ),
        )
        .mended_by(Self::setting(Name::Next))
        .mended_by(Self::setting(Name::NextCursor))
        .otherwise("pages are asked for by number");
        let is_told = [Name::Next, Name::NextCursor].iter().any(|name| document.pointer(place(*name)).is_some());
        let has_all = rest.total == Some(rows.len() as u64);
        match (is_told, has_all) {
            (false, true) => findings.add(expected, Verdict::CannotTell, "one page has all rows"),
            _ => findings.judge(expected, is_told, format!("there is {there}")),
        }
    }

    /// The address of the second page, if the first one names it.
    fn next_url(&self, of: Resources, rest: &Rest) -> Option<Result<Url, String>> {
        if let Some(next) = &rest.next {
            let url = self.list_url(of).join(next).map_err(|_| "it is not a URL".to_owned());
            return Some(url.and_then(|url| match url.origin() == self.base.origin() {
                true => Ok(url),
                false => Err("it leads to another origin: it is not followed".to_owned()),
            }));
        }
        let cursor = rest.cursor.as_ref()?;
        let mut url = self.list_url(of);
        url.query_pairs_mut().append_pair(self.names().get(Name::PageAfter), cursor);
        Some(Ok(url))
    }

    /// Reads the second page of users, and gives its rows.
    async fn next_page_contract(
        &self,
        next: Option<Result<Url, String>>,
        rows: &[Value],
        findings: &mut Findings,
    ) -> Vec<Value> {
        let expected = Expectation::new("next_page", "the next page of the first one has other rows")
            .mended_by(Self::setting(Name::Next))
            .mended_by(Self::setting(Name::PageAfter));
        let url = match next {
            None => {
                findings.add(expected, Verdict::CannotTell, "the first page is the only one");
                return Vec::new();
            }
            Some(Err(problem)) => {
                findings.judge(expected, false, problem);
                return Vec::new();
            }
            Some(Ok(url)) => url,
        };
        let more = match self.look(url).await {
            Look::Nothing { said, .. } => {
                findings.judge(expected, false, said);
                return Vec::new();
            }
            Look::Document(document) => document["data"].as_array().cloned().unwrap_or_default(),
        };
        let known: HashSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        let is_new = |row: &Value| row["id"].as_str().is_some_and(|id| !known.contains(id));
        let news = more.iter().filter(|row| is_new(row)).count();
        findings.judge(expected, news > 0, format!("{} rows, {news} of them new", more.len()));
        more
    }
}
