//! Pages of the lists: what is asked for by the query, and the document that answers it.

use std::fmt::Write as _;

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
    /// The largest page, and the one for who asks for none.
    pub(super) cap: usize,
    /// Whether `meta.total` is told.
    pub(super) total: bool,
}

/// The page that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Counted from 1; ignored where there is a cursor.
    number: usize,
    size: usize,
    /// The mark of the row before the page.
    after: Option<usize>,
}

impl Pages {
    /// Reads the query. An unknown parameter is an error: a filter that is silently ignored would give the wrong list.
    pub(super) fn wanted(&self, query: &str) -> Result<Wanted, Problem> {
        let mut wanted = Wanted { number: 1, size: self.cap, after: None };
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
            match &*name {
                "page[size]" => wanted.size = number()?.min(self.cap),
                "page[number]" => wanted.number = number()?,
                "page[after]" if self.paging == Paging::Cursor => {
                    let mark = value.strip_prefix('c').and_then(|mark| usize::from_str_radix(mark, 16).ok());
                    wanted.after = Some(mark.ok_or_else(|| problem("is not a cursor that this server gave"))?);
                }
                _ => return Err(problem("is no parameter of this list")),
            }
        }
        Ok(wanted)
    }

    /// The document of a page; `url` is the list's own address without a query, `query` the one that was sent.
    pub(super) fn document(&self, rows: Rows<'_>, wanted: Wanted, url: &str, query: &str, lie: Option<Lie>) -> String {
        let Wanted { number, size, after } = wanted;
        let start = match (self.paging, after) {
            (Paging::Cursor, None) => 0,
            (Paging::Cursor, Some(mark)) => rows.position_after(mark),
            (Paging::Page | Paging::Count, _) => (number - 1).saturating_mul(size),
        };
        let mut page: Vec<(usize, &str)> = (start..start.saturating_add(size)).map_while(|at| rows.at(at)).collect();
        let end = start.saturating_add(page.len());
        let mut next = page.last().filter(|_| end < rows.len()).map(|(mark, _)| match self.paging {
            Paging::Cursor => format!("{url}?page%5Bafter%5D=c{mark:x}&page%5Bsize%5D={size}"),
            Paging::Page | Paging::Count => format!("{url}?page%5Bnumber%5D={}&page%5Bsize%5D={size}", number + 1),
        });
        let mut total = rows.len();
        match lie {
            Some(Lie::Total) => total += 1,
            Some(Lie::Loop) if query.is_empty() => next = Some(url.to_owned()),
            Some(Lie::Loop) => next = Some(format!("{url}?{query}")),
            Some(Lie::RowMissing) => drop(page.pop()),
            Some(Lie::RowTwice) => page.extend(page.last().copied()),
            None => {}
        }
        let links = (self.paging != Paging::Count).then_some(next);
        write(&page, links, self.total.then_some(total))
    }
}

fn write(page: &[(usize, &str)], links: Option<Option<String>>, total: Option<usize>) -> String {
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
    if let Some(total) = total {
        let _ = write!(document, r#","meta":{{"total":{total}}}"#);
    }
    document.push('}');
    document
}
