//! Lists of users: filter, order and page (RFC 7644 section 3.4.2).

use serde_json::{Value, json};
use url::form_urlencoded;

use super::body;
use super::error::{Kind as ErrorKind, Problem};
use super::filter::Filter;
use super::path::{Path, Tree};
use super::projection::Projection;
use super::schema::{Kind, Schema};
use crate::sandbox::fault::Lie;

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// What a client asks of a list, as it was written.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) filter: Option<String>,
    sort_by: Option<String>,
    descending: bool,
    start: usize,
    count: Option<usize>,
    pub(super) only: Option<Vec<String>>,
    pub(super) without: Option<Vec<String>>,
}

/// The order that a client asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'s> {
    by: Path<'s>,
    pub(super) descending: bool,
}

impl Request {
    /// Reads the query of a list. An unknown parameter is an error: a filter that is misspelt would give everybody.
    pub(super) fn of_list(query: &str) -> Result<Self, Problem> {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            request.parameter(&name, &value)?;
        }
        Ok(request)
    }

    /// Reads the query of a request for one user, which can only say what is shown.
    pub(super) fn of_one(query: &str) -> Result<Self, Problem> {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "attributes" | "excludedAttributes" => request.parameter(&name, &value)?,
                _ => return Err(Problem::value(format!("{name:?} is not a parameter of this request"))),
            }
        }
        Ok(request)
    }

    /// Reads the body of a POST to `/.search`.
    pub(super) fn of_search(bytes: &[u8]) -> Result<Self, Problem> {
        const MEMBERS: [&str; 7] =
            ["attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count"];
        let mut request = Self::default();
        for (name, value) in body::message(body::parse(bytes)?, SEARCH, &MEMBERS)? {
            let text = match (&*name, value) {
                (_, Value::Null) => continue,
                ("attributes" | "excludedAttributes", Value::Array(names)) => {
                    let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                    names.ok_or_else(|| Problem::value(format!("{name:?} must be a list of texts")))?.join(",")
                }
                ("startIndex" | "count", Value::Number(number)) => number.to_string(),
                ("filter" | "sortBy" | "sortOrder", Value::String(text)) => text,
                _ => return Err(Problem::value(format!("{name:?} is of the wrong type"))),
            };
            request.parameter(&name, &text)?;
        }
        Ok(request)
    }

    fn parameter(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let number = || value.parse::<i64>().map_err(|_| Problem::value(format!("{name:?} must be a whole number")));
        let names = || value.split(',').map(ToOwned::to_owned).collect();
        match name {
            "filter" => self.filter = Some(value.to_owned()),
            "sortBy" => self.sort_by = Some(value.to_owned()),
            "sortOrder" if value.eq_ignore_ascii_case("ascending") => self.descending = false,
            "sortOrder" if value.eq_ignore_ascii_case("descending") => self.descending = true,
            "sortOrder" => return Err(Problem::value("\"sortOrder\" must be ascending or descending")),
            "startIndex" => self.start = usize::try_from(number()? - 1).unwrap_or(0),
            // A negative count means 0.
            "count" => self.count = Some(usize::try_from(number()?).unwrap_or(0)),
            "attributes" => self.only = Some(names()),
            "excludedAttributes" => self.without = Some(names()),
            _ => return Err(Problem::value(format!("{name:?} is not a parameter of this list"))),
        }
        Ok(())
    }

    pub(super) fn filter<'s>(&self, schema: &'s Schema) -> Result<Option<Filter<'s>>, Problem> {
        self.filter.as_deref().map(|text| Filter::parse(schema, text)).transpose()
    }

    pub(super) fn order<'s>(&self, schema: &'s Schema) -> Result<Option<Order<'s>>, Problem> {
        let wrong = |reason| Problem::bad(ErrorKind::InvalidPath, format!("sortBy: {reason}"));
        let Some(text) = &self.sort_by else { return Ok(None) };
        let by = Path::parse(schema, text).map_err(wrong)?;
        match by.leaf() {
            Some(leaf) if leaf.kind != Kind::Complex => Ok(Some(Order { by, descending: self.descending })),
            _ => Err(wrong(format!("{text:?} has parts; name one of them"))),
        }
    }

    pub(super) fn projection<'s>(&mut self, schema: &'s Schema) -> Result<Projection<'s>, Problem> {
        Projection::new(schema, self.only.take(), self.without.take())
    }

    /// The positions of the page in a list, and how many rows it may have. A list that loops begins again.
    pub(super) fn page(&self, cap: usize, lie: Option<Lie>) -> (usize, usize) {
        let start = if lie == Some(Lie::Loop) { 0 } else { self.start };
        (start, self.count.unwrap_or(cap).min(cap))
    }
}

impl Order<'_> {
    /// Sorts rows by a text of each. Those without a value come last, or first if the order is descending.
    pub(super) fn sort<T>(self, rows: &mut [(Option<String>, T)]) {
        rows.sort_by(|(a, _), (b, _)| {
            let order = (a.is_none(), a).cmp(&(b.is_none(), b));
            if self.descending { order.reverse() } else { order }
        });
    }

    /// Whether it is the order of ids.
    pub(super) fn by_id(self) -> bool {
        self.by.leaf().is_some_and(|leaf| leaf.name == "id")
    }

    /// What a user is sorted by.
    pub(super) fn key(self, tree: &Tree) -> Option<String> {
        let exact = self.by.leaf().is_some_and(|leaf| leaf.exact);
        match self.by.get(tree)? {
            Value::String(text) if exact => Some(text.clone()),
            Value::String(text) => Some(text.to_lowercase()),
            other => Some(other.to_string()),
        }
    }
}

/// The document of a page. `start` counts from 0.
pub(super) fn document(rows: Vec<Tree>, total: usize, start: usize, lie: Option<Lie>) -> Value {
    let mut rows: Vec<Value> = rows.into_iter().map(Value::Object).collect();
    match lie {
        Some(Lie::RowMissing) => drop(rows.pop()),
        Some(Lie::RowTwice) => rows.extend(rows.last().cloned()),
        Some(Lie::Total | Lie::Loop) | None => {}
    }
    let total = if lie == Some(Lie::Total) { total + 1 } else { total };
    let mut document =
        json!({"schemas": [LIST], "totalResults": total, "startIndex": start + 1, "itemsPerPage": rows.len()});
    if !rows.is_empty() || total > 0 {
        document["Resources"] = rows.into();
    }
    document
}
