//! Pages of the lists: reading the query, and the document that answers it.

use std::fmt::Write as _;

use serde::Serialize;
use url::form_urlencoded;

use super::account::Rows;
use super::fault::Lie;
use super::json::raw;
use super::mode::Paging;
use super::problem::{Problem, Source};

/// How lists are paged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages {
    pub(super) paging: Paging,
    /// The largest page, and the size if the request names none.
    pub(super) cap: usize,
    /// Whether `meta.total` is told.
    pub(super) total: bool,
}

/// The page that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Counted from 1; ignored if there is a cursor.
    number: usize,
    size: usize,
    /// The mark of the row before the page.
    after: Option<usize>,
    /// The mark of the row after the page.
    before: Option<usize>,
}

impl Pages {
    /// Reads the query. An unknown parameter is an error: a filter that is silently ignored would give the wrong list.
    pub(super) fn wanted(&self, query: &str) -> Result<Wanted, Problem> {
        let mut wanted = Wanted { number: 1, size: self.cap, after: None, before: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let problem = |detail: &str| Problem {
                code: "invalid_parameter",
                detail: format!("{name} {detail}"),
                source: Source::Parameter(name.to_string()),
            };
            let number = || match value.parse() {
                Ok(number @ 1usize..) => Ok(number),
                _ => Err(problem("must be a whole number from 1")),
            };
            let mark = || {
                let mark = value.strip_prefix('c').and_then(|mark| usize::from_str_radix(mark, 16).ok());
                mark.ok_or_else(|| problem("is not a cursor that this server gave"))
            };
            match (&*name, self.paging) {
                ("page[size]", Paging::Page | Paging::Cursor | Paging::Count) => {
                    wanted.size = number()?.min(self.cap);
                }
                ("page[number]", Paging::Page | Paging::Cursor | Paging::Count) => wanted.number = number()?,
                ("page[after]", Paging::Cursor | Paging::StrictCursor | Paging::BareCursor) => {
                    wanted.after = Some(mark()?);
                }
                ("page[before]", Paging::StrictCursor | Paging::BareCursor) => wanted.before = Some(mark()?),
                _ => return Err(problem("is not a parameter of this list")),
            }
        }
        Ok(wanted)
    }

    /// The document of a page; `url` is the list's own address without a query, `query` the one that was sent.
    pub(super) fn document(&self, rows: Rows<'_>, wanted: Wanted, url: &str, query: &str, lie: Option<Lie>) -> String {
        let Wanted { number, size, after, before } = wanted;
        let by_number = matches!(self.paging, Paging::Page | Paging::Count);
        let limit = before.map_or(rows.len(), |mark| rows.position_of(mark));
        let start = match (by_number, after, before) {
            (true, _, _) => (number - 1).saturating_mul(size),
            (false, Some(mark), _) => rows.position_after(mark),
            (false, None, None) => 0,
            // The page that ends just before the mark.
            (false, None, Some(_)) => limit.saturating_sub(size),
        };
        let last = start.saturating_add(size).min(limit);
        let mut page: Vec<(usize, &str)> = (start..last).map_while(|at| rows.at(at)).collect();
        let end = start.saturating_add(page.len());
        let mark = page.last().filter(|_| end < rows.len()).map(|(mark, _)| *mark);
        let mut next = mark.map(|mark| match self.paging {
            Paging::Page | Paging::Count => format!("{url}?page%5Bnumber%5D={}&page%5Bsize%5D={size}", number + 1),
            Paging::Cursor => format!("{url}?page%5Bafter%5D=c{mark:x}&page%5Bsize%5D={size}"),
            Paging::StrictCursor | Paging::BareCursor => format!("{url}?page%5Bafter%5D=c{mark:x}"),
        });
        let mut cursor = mark.map(|mark| format!("c{mark:x}"));
        let mut total = rows.len();
        match lie {
            Some(Lie::Total) => total += 1,
            Some(Lie::Loop) if self.paging == Paging::BareCursor => {
                cursor = Some(after.map_or_else(|| "c0".to_owned(), |mark| format!("c{mark:x}")));
            }
            Some(Lie::Loop) if query.is_empty() => next = Some(url.to_owned()),
            Some(Lie::Loop) => next = Some(format!("{url}?{query}")),
            Some(Lie::RowMissing) => drop(page.pop()),
            Some(Lie::RowTwice) => page.extend(page.last().copied()),
            None => {}
        }
        let links = !matches!(self.paging, Paging::Count | Paging::BareCursor);
        let meta = Meta {
            page: (self.paging == Paging::BareCursor).then_some(After { after: cursor }),
            total: self.total.then_some(total),
        };
        write(&page, links.then_some(next), &meta)
    }
}

/// What a page tells of the list.
#[derive(Serialize)]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<After>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
}

/// The cursor of the next page, if there is one.
#[derive(Serialize)]
struct After {
    after: Option<String>,
}

fn write(page: &[(usize, &str)], links: Option<Option<String>>, meta: &Meta) -> String {
    let length: usize = page.iter().map(|(_, row)| row.len() + 1).sum();
    let mut document = String::with_capacity(length + 256);
    document.push_str(r#"{"data":["#);
    for (position, (_, row)) in page.iter().enumerate() {
        if position > 0 {
            document.push(',');
        }
        document.push_str(row);
    }
    document.push(']');
    if let Some(next) = links {
        // Writing to a string cannot fail.
        let _ = write!(document, r#","links":{{"next":{}}}"#, raw(&next));
    }
    if meta.page.is_some() || meta.total.is_some() {
        let _ = write!(document, r#","meta":{}"#, raw(meta));
    }
    document.push('}');
    document
}
