//! What a SCIM server holds: its users, proven complete; the custom fields, from its schemas; and the branches, which
//! it does not list.
//!
//! The branches are those in the settings or, if the settings list none, those that users have. Then a branch without
//! users is not known, and a person who should move to it is reported.

use std::collections::BTreeSet;
use std::io;

use reqwest::Method;
use serde_json::value::{RawValue, to_raw_value};
use url::Url;

use super::{Client, wire};
use crate::employee::{Branch, BranchId, CustomField, normal_text};
use crate::provider::access::{Call, ListSize};
use crate::provider::stored::is_id;
use crate::provider::{ApiError, Collection, EachRow, ListError, Progress, RowError};
use crate::scim::{AttributePath, Id, List, Next};

impl Client {
    /// All branches, sorted.
    pub(in crate::provider::scim) async fn branches(&self) -> Result<Vec<Branch>, ListError> {
        let names = self.branch_names().await?;
        let row = |name: &String| self.read(Collection::Branches, &wire::branch_row(name), wire::branch);
        names.iter().map(row).collect()
    }

    /// The branch with this id, if only branches that users have are known, or none because branches are not managed. Then
    /// only an undo names one, of somebody whom it creates again.
    pub(in crate::provider::scim) fn unlisted_branch(&self, id: &BranchId) -> Option<Branch> {
        let is_listed = self.wanted.branch && self.branches.is_some();
        (!is_listed).then(|| wire::branch(&wire::branch_row(id.as_str()).to_string()).ok()).flatten()
    }

    /// All attributes that can serve as custom fields, sorted by their paths.
    ///
    /// # Errors
    /// If the server has no attribute for something that the settings manage.
    pub(in crate::provider::scim) async fn custom_fields(&self) -> Result<Vec<CustomField>, ListError> {
        let rows = self.custom_field_rows().await?;
        let fields = rows.iter().map(|row| self.read(Collection::CustomFields, row, wire::custom_field));
        let mut fields = fields.collect::<Result<Vec<_>, _>>()?;
        fields.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(fields)
    }

    /// All rows of a list, each once. Rows of branches and custom fields are made from users and schemas.
    pub(in crate::provider::scim) async fn raw(
        &self,
        what: Collection,
        each: EachRow<'_>,
        progress: Progress<'_>,
    ) -> Result<(), ListError> {
        let rows = match what {
            Collection::Users => return self.walk(each, progress).await,
            Collection::Branches => self.branch_names().await?.iter().map(|name| wire::branch_row(name)).collect(),
            Collection::CustomFields => self.custom_field_rows().await?,
        };
        for row in rows {
            each(&to_raw_value(&row).map_err(io::Error::other)?).map_err(|error| error.in_list(what, 1))?;
        }
        Ok(())
    }

    fn read<T>(
        &self,
        what: Collection,
        row: &serde_json::Value,
        parse: fn(&str) -> Result<T, String>,
    ) -> Result<T, ListError> {
        parse(&row.to_string()).map_err(|problem| ListError::Incomplete {
            collection: what,
            page: 1,
            problem: self.clean(&problem),
        })
    }

    async fn branch_names(&self) -> Result<BTreeSet<String>, ListError> {
        if !self.wanted.branch {
            return Ok(BTreeSet::new());
        }
        if let Some(listed) = &self.branches {
            return Ok(listed.iter().map(|name| normal_text(name).into_owned()).collect());
        }
        let mut names = BTreeSet::new();
        let mut each = |row: &RawValue| {
            // The branch of an inactive user counts, too.
            if let Some(branch) = wire::branch_of(row.get(), &self.scim).map_err(RowError::Bad)?
                && !names.contains(&branch)
            {
                names.insert(branch);
            }
            Ok(())
        };
        self.walk(&mut each, &|_, _| ()).await?;
        Ok(names)
    }

    /// The definitions of custom fields from `/Schemas`, or from the settings if the server does not have that.
    async fn custom_field_rows(&self) -> Result<Vec<serde_json::Value>, ListError> {
        let what = Collection::CustomFields;
        self.abilities().await.map_err(|error| unread(what, 1, error))?;
        let call = Call { method: Method::GET, url: self.url("Schemas"), body: None };
        let answer = match self.send(&call).await {
            Ok(answer) => answer,
            Err(ApiError::Refused(refusal)) if matches!(refusal.status, 404 | 405 | 501) => {
                return self.unchecked_custom_fields();
            }
            Err(error) => return Err(unread(what, 1, error)),
        };
        let schemas = wire::Schemas::parse(&answer).map_err(|problem| ListError::Incomplete {
            collection: what,
            page: 1,
            problem: self.clean(&problem),
        })?;
        let mut needed = vec![("identifier", &self.scim.identifier)];
        if self.wanted.branch {
            needed.push(("branch", &self.scim.branch));
        }
        for (setting, path) in needed {
            schemas.check(path).map_err(|problem| {
                ListError::Unsuited(self.clean(&format!("`{setting}` in [target] is {path}, which {problem}")))
            })?;
        }
        Ok(self.named_as_in_settings(schemas.custom_fields(&self.scim)))
    }

    /// The same attributes, with the names that the settings use for them, where these have other letters.
    pub(in crate::provider::scim) fn named_as_in_settings(
        &self,
        mut rows: Vec<serde_json::Value>,
    ) -> Vec<serde_json::Value> {
        for wanted in &self.wanted.custom_fields {
            let is_it = |row: &serde_json::Value, is_same: fn(&str, &str) -> bool| {
                ["id", "name"].iter().any(|key| row[*key].as_str().is_some_and(|held| is_same(held, wanted)))
            };
            if !rows.iter().any(|row| is_it(row, |held, wanted| held == wanted)) {
                let named = rows.iter_mut().filter(|row| is_it(row, str::eq_ignore_ascii_case));
                named.for_each(|row| row["name"] = wanted.as_str().into());
            }
        }
        rows
    }

    fn unchecked_custom_fields(&self) -> Result<Vec<serde_json::Value>, ListError> {
        tracing::warn!("the server has no /Schemas: nothing tells whether it keeps what is sent, until it is sent");
        let mut seen = BTreeSet::new();
        let row = |name: &String| {
            let path = AttributePath::parse(name).map_err(|problem| {
                ListError::Unsuited(format!(
                    "it has no /Schemas, so that each of [employee.custom_fields] must be a path: {problem}"
                ))
            })?;
            if !wire::is_free(&path, &self.scim) {
                let problem = format!(
                    "{path} in [employee.custom_fields] means something else in SCIM, or is used by another setting; take it out"
                );
                return Err(ListError::Unsuited(problem));
            }
            if !seen.insert(path.to_string().to_ascii_lowercase()) {
                let problem = format!("[employee.custom_fields] has {path} twice, in other letters; leave one out");
                return Err(ListError::Unsuited(problem));
            }
            Ok(wire::custom_field_row(&path, "string", None))
        };
        self.wanted.custom_fields.iter().map(row).collect()
    }

    async fn walk(&self, each: EachRow<'_>, progress: Progress<'_>) -> Result<(), ListError> {
        let mut page = 0;
        let limit = self.list_timeout;
        tokio::time::timeout(limit, self.walk_pages(each, progress, &mut page)).await.unwrap_or_else(|_| {
            let problem = format!(
                "the list was not complete after {limit:?}; raise `list_timeout` in [target] if it takes that \
                long"
            );
            Err(ListError::Incomplete { collection: Collection::Users, page, problem })
        })
    }

    async fn walk_pages(
        &self,
        each: EachRow<'_>,
        progress: Progress<'_>,
        page_number: &mut u64,
    ) -> Result<(), ListError> {
        let what = Collection::Users;
        let can_sort = self.abilities().await.map_err(|error| unread(what, 1, error))?.sort;
        let sort_by = self.sort_by.as_deref().or(can_sort.then_some("id")).filter(|attribute| !attribute.is_empty());
        let (mut list, mut start, mut size) = (List::default(), 1, ListSize::new(self.max_rows));
        loop {
            *page_number += 1;
            let page = *page_number;
            let incomplete =
                |problem: String| ListError::Incomplete { collection: what, page, problem: self.clean(&problem) };
            let call = Call { method: Method::GET, url: self.page_url(start, sort_by), body: None };
            let body = self.send(&call).await.map_err(|error| unread(what, page, error))?;
            size.add(&body).map_err(incomplete)?;
            let document = serde_json::from_slice(&body).map_err(|error| incomplete(error.to_string()))?;
            let (rows, next) = list.take(document, start).map_err(incomplete)?;
            let total = list.total();
            if total.unwrap_or(0) > self.max_rows {
                let most = self.max_rows;
                return Err(incomplete(format!(
                    "it has more than {most} rows; raise `max_rows` in [target] if there are so many"
                )));
            }
            for (id, row) in rows {
                match id {
                    Id::Given(id) if is_id(&id) => each(row).map_err(|error| match error {
                        RowError::Bad(problem) => incomplete(format!("the user {id:?}: {problem}")),
                        RowError::Output(error) => ListError::Output(error),
                    })?,
                    Id::Given(id) => return Err(incomplete(format!("{id:?} is not a possible id"))),
                    Id::Missing(_) => return Err(incomplete("a user has no id".to_owned())),
                }
            }
            progress(list.len(), total);
            match next {
                Next::Page(next) => start = next,
                Next::End => return Ok(()),
            }
        }
    }

    pub(in crate::provider::scim) fn page_url(&self, start: u64, sort_by: Option<&str>) -> Url {
        let mut url = self.url("Users");
        let mut query = url.query_pairs_mut();
        query.append_pair("startIndex", &start.to_string());
        if self.page_size > 0 {
            query.append_pair("count", &self.page_size.to_string());
        }
        if let Some(attribute) = sort_by {
            query.append_pair("sortBy", attribute).append_pair("sortOrder", "ascending");
        }
        drop(query);
        url
    }
}

fn unread(collection: Collection, page: u64, error: ApiError) -> ListError {
    match error {
        error @ ApiError::Credentials { .. } => ListError::Credentials { collection, error },
        error => ListError::Incomplete { collection, page, problem: error.to_string() },
    }
}
