//! A list, page by page. It is complete if `totalResults` resources came and nothing follows the last one.
//!
//! A server may list its users in any order, and in another one each time. If the order changes between two pages, one
//! resource comes twice and another is missing. So a resource that comes twice makes the list unusable.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::value::RawValue;

use super::json::{Twice, attribute, properties};
use crate::strict_json::shown;

/// What has come so far: the ids, not the resources.
#[derive(Default)]
pub(crate) struct List {
    seen: BTreeSet<Id>,
    total: Option<u64>,
    /// The first one that came.
    first: Option<Id>,
    /// How many pages held users. Two pages with different users show that the server obeys `startIndex`.
    pages: u64,
    /// Whether the users from the second one on were asked for, to test that.
    is_probed: bool,
}

/// What identifies a resource. Every resource must have an id; one without is identified by its whole content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id {
    Given(String),
    Missing(String),
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The users from this one on, counted from 1.
    Page(u64),
    End,
}

/// A resource with its id.
pub(crate) type Row<'p> = (Id, &'p RawValue);

/// A page of a list.
struct Page<'a> {
    total: u64,
    /// The place of its first user in the list, if the server says it.
    start: Option<u64>,
    resources: Vec<&'a RawValue>,
}

impl List {
    /// How many different resources have come.
    pub(crate) fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    /// How many there are, once a page has said it.
    pub(crate) fn total(&self) -> Option<u64> {
        self.total
    }

    /// Takes the page that was asked for from `start` on: the resources that it brought, and what to ask for next.
    ///
    /// # Errors
    /// If the list can no longer be verified as complete.
    pub(crate) fn take<'p>(&mut self, page: &'p RawValue, start: u64) -> Result<(Vec<Row<'p>>, Next), String> {
        let page = Page::parse(page)?;
        match self.total {
            Some(before) if before != page.total => {
                return Err(format!(
                    "totalResults was {before} and is {} now: users changed while they were listed; try again",
                    page.total
                ));
            }
            _ => self.total = Some(page.total),
        }
        let mut users = Vec::with_capacity(page.resources.len());
        for (position, resource) in (start..).zip(&page.resources) {
            let id = id(resource).map_err(|problem| format!("the user at {position}: {problem}"))?;
            let id = id.map_or_else(|| content(resource).map(Id::Missing), |id| Ok(Id::Given(id)));
            users.push((id.map_err(|problem| format!("the user at {position}: {problem}"))?, *resource));
        }
        if start > 1 && self.len() == page.total {
            return Ok((Vec::new(), self.take_beyond(&users)?));
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
        for (id, _) in &users {
            if !self.seen.insert(id.clone()) {
                return Err(format!(
                    "the user with {id} comes twice: the order changed while users were listed, and somebody else is \
                     missing; `sort_by` asks for an order"
                ));
            }
        }
        let (found, total) = (self.len(), page.total);
        if found > total {
            return Err(format!("{found} users have come, but totalResults is {total}"));
        }
        if found < total && users.is_empty() {
            return Err(format!("the list ends after {found} users, but totalResults is {total}"));
        }
        let next = if users.is_empty() { Next::End } else { Next::Page(found + 1) };
        Ok((users, next))
    }

    /// Takes the page after the last user. It should be empty, and it is asked for because the total of some servers is
    /// really the length of a page. Some servers start again from the first user instead, which is as good if they are
    /// known to obey `startIndex`. Others give the same users whatever they are asked for; then nothing shows whether
    /// these are all users or only the first page.
    fn take_beyond(&mut self, users: &[Row<'_>]) -> Result<Next, String> {
        let all = format!("all {} users of totalResults had come, and", self.len());
        if users.iter().any(|(id, _)| !self.seen.contains(id)) {
            return Err(format!(
                "{all} here is another one: totalResults does not count all users, so nothing proves \
                 that the list is complete"
            ));
        }
        let Some((again, _)) = users.first() else {
            return if self.is_probed {
                Err(format!("{all} none came when the users from the second one on were asked for"))
            } else {
                Ok(Next::End)
            };
        };
        let comes_from_the_start = users.iter().any(|(id, _)| Some(id) == self.first.as_ref());
        if self.pages > 1 || self.is_probed && !comes_from_the_start {
            return Ok(Next::End);
        }
        if self.is_probed || self.len() < 2 {
            return Err(format!(
                "{all} the one with {again} comes again: the server ignores startIndex, so nothing proves that \
                 the list is complete"
            ));
        }
        self.is_probed = true;
        // From the second user on: a server that obeys this leaves the first one out.
        Ok(Next::Page(2))
    }
}

impl<'a> Page<'a> {
    fn parse(document: &'a RawValue) -> Result<Self, String> {
        let properties = properties(document).map_err(|_| "it is not a SCIM list; is url the base URL?".to_owned())?;
        let once = |name: &str| attribute(&properties, name).map_err(|Twice| format!("{name} appears twice"));
        let number = |name: &str| match once(name)? {
            None => Ok(None),
            Some(raw) => raw.get().parse().map(Some).map_err(|_| format!("{name} is not a number: {}", shown(raw))),
        };
        let total = number("totalResults")?.ok_or_else(|| {
            "it has no totalResults, without which nothing proves that the list is complete".to_owned()
        })?;
        let resources = match once("Resources")? {
            // It may be left out where nothing was found.
            None => Vec::new(),
            Some(raw) => serde_json::from_str(raw.get()).map_err(|_| "Resources is not a list".to_owned())?,
        };
        Ok(Self { total, start: number("startIndex")?, resources })
    }
}

/// The id of a resource, if it has one.
///
/// # Errors
/// If it is no object.
fn id(resource: &RawValue) -> Result<Option<String>, String> {
    let properties = properties(resource).map_err(|problem| problem.to_string())?;
    let Ok(Some(id)) = attribute(&properties, "id") else { return Ok(None) };
    let id = serde_json::from_str::<String>(id.get()).unwrap_or_else(|_| id.get().to_owned());
    Ok(Some(id).filter(|id| !matches!(id.trim(), "" | "null")))
}

/// The content of a resource. The order of its attributes and white space do not count.
fn content(resource: &RawValue) -> Result<String, String> {
    let value = serde_json::from_str::<serde_json::Value>(resource.get()).map_err(|error| error.to_string())?;
    Ok(value.to_string())
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_an_id_who_comes_again_in_other_words_is_noticed() {
        let mut list = List::default();
        let mut take = |users: &str, start| {
            let page = format!("{{\"totalResults\":3,\"startIndex\":{start},\"Resources\":[{users}]}}");
            list.take(serde_json::from_str(&page).unwrap(), start).map(|(_, next)| next)
        };
        assert_eq!(take("{\"userName\":\"a\",\"active\":true}", 1), Ok(Next::Page(2)));
        let again = take("{ \"active\": true, \"userName\": \"\\u0061\" }", 2).unwrap_err();
        assert!(again.starts_with("the user with no id comes twice"), "{again}");
    }
}
