//! Lists, read page by page, and the check that they are complete.
//!
//! A list with a hole in it looks like people who have left. So every sign of a hole makes the whole list unusable: a
//! page that fails, an address that comes again, a page without new rows, a count that does not match, a row that
//! changes. No list can go on for ever: its total bounds it, and so do the settings' limits of rows and time. Only a
//! total verifies that a list is complete; without one, the list is read to its last page, and the plan says so.

mod proof;

use reqwest::Method;
use serde_json::value::RawValue;
use url::Url;

use super::Client;
use crate::config::Name;
use crate::employee::{Branch, CustomField};
use crate::http::{Answer, Wants};
use crate::provider::access::Call;
use crate::provider::skovik::wire::{self, Page, Resources};
use crate::provider::{ApiError, Collection, EachRow, ListError, Progress, Proven, RowError, Shape};

use proof::{Proof, Step};

impl Client {
    /// All branches and custom fields.
    pub(in crate::provider::skovik) async fn read_shape(&self) -> Result<Shape, ListError> {
        let (branches, branches_proven) = self.branches().await?;
        let (custom_fields, fields_proven) = self.custom_fields().await?;
        let unproven = [(Collection::Branches, branches_proven), (Collection::CustomFields, fields_proven)];
        let unproven = unproven.into_iter().filter(|(_, proven)| !proven.0).map(|(what, _)| what.name()).collect();
        Ok(Shape { branches, custom_fields, unproven })
    }

    /// All branches, sorted by id.
    async fn branches(&self) -> Result<(Vec<Branch>, Proven), ListError> {
        let mut branches = Vec::new();
        let mut each = |row: &RawValue| {
            branches.push(wire::branch(row.get(), self.names()).map_err(RowError::Bad)?);
            Ok(())
        };
        let proven = self.walk(Resources::Branches, &mut each, &|_, _| ()).await?;
        branches.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok((branches, proven))
    }

    /// The definitions of all custom fields, sorted by id.
    async fn custom_fields(&self) -> Result<(Vec<CustomField>, Proven), ListError> {
        let (rows, proven) = self.custom_field_rows().await?;
        let read = |row: &RawValue| wire::custom_field(row.get(), self.names());
        let mut fields: Vec<CustomField> =
            rows.iter().map(|row| read(row)).collect::<Result<_, _>>().map_err(|problem| self.bad_field(&problem))?;
        fields.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok((fields, proven))
    }

    /// The definitions of all custom fields. If multiple choices come without their options, these are read from a list
    /// of their own; without such a list, they are not known.
    async fn custom_field_rows(&self) -> Result<(Vec<Box<RawValue>>, Proven), ListError> {
        let mut rows: Vec<Box<RawValue>> = Vec::new();
        let mut each = |row: &RawValue| {
            rows.push(row.to_owned());
            Ok(())
        };
        let proven = self.walk(Resources::CustomFields, &mut each, &|_, _| ()).await?;
        let lacks = |row: &RawValue| wire::lacks_options(row.get(), self.names());
        let lacking: Vec<bool> =
            rows.iter().map(|row| lacks(row)).collect::<Result<_, _>>().map_err(|problem| self.bad_field(&problem))?;
        if !lacking.contains(&true) {
            return Ok((rows, proven));
        }
        let Some((options, options_proven)) = self.options().await? else { return Ok((rows, proven)) };
        for (row, _) in rows.iter_mut().zip(lacking).filter(|(_, lacks)| *lacks) {
            *row = options.embed(row, self.names()).map_err(|problem| self.bad_field(&problem))?;
        }
        Ok((rows, Proven(proven.0 && options_proven.0)))
    }

    /// The options of all custom fields; `None` if the server has no such list, or not for this key.
    async fn options(&self) -> Result<Option<(wire::Options, Proven)>, ListError> {
        let what = Resources::Options;
        let first = Call { method: Method::GET, url: self.page_url(what, None, None), body: None };
        match self.send(&first).await {
            Err(ApiError::Credentials { status: 403, .. }) => return Ok(None),
            Err(ApiError::Refused(refusal)) if matches!(refusal.status, 404 | 405 | 501) => return Ok(None),
            // Any other problem is reported when the list is read.
            _ => {}
        }
        let mut options = wire::Options::default();
        let mut each = |row: &RawValue| options.push(row, self.names()).map_err(RowError::Bad);
        let proven = self.walk(what, &mut each, &|_, _| ()).await?;
        Ok(Some((options, proven)))
    }

    fn bad_field(&self, problem: &str) -> ListError {
        ListError::Incomplete {
            collection: Collection::CustomFields,
            page: 1,
            problem: self.http.redactor().clean(problem),
        }
    }

    /// All rows of a list as the server gave them, each once, in its order. If this fails at the end, the rows that
    /// `each` was given do not count.
    ///
    /// # Errors
    /// If the list is not complete, or `each` fails.
    pub(in crate::provider::skovik) async fn raw(
        &self,
        what: Collection,
        each: EachRow<'_>,
        progress: Progress<'_>,
    ) -> Result<Proven, ListError> {
        if what != Collection::CustomFields {
            return self.walk(what.into(), each, progress).await;
        }
        let (rows, proven) = self.custom_field_rows().await?;
        rows.iter().try_for_each(|row| each(row)).map_err(|error| error.in_list(what, 1))?;
        Ok(proven)
    }

    async fn walk(&self, what: Resources, each: EachRow<'_>, progress: Progress<'_>) -> Result<Proven, ListError> {
        let mut page = 0;
        let limit = self.list_timeout;
        tokio::time::timeout(limit, self.walk_pages(what, each, progress, &mut page)).await.unwrap_or_else(|_| {
            let problem = format!(
                "the list was not complete after {limit:?}; raise `list_timeout` in [target] if it takes that long"
            );
            Err(ListError::Incomplete { collection: what.collection(), page, problem })
        })
    }

    async fn walk_pages(
        &self,
        what: Resources,
        each: EachRow<'_>,
        progress: Progress<'_>,
        page_number: &mut u64,
    ) -> Result<Proven, ListError> {
        let collection = what.collection();
        let mut url = self.page_url(what, None, None);
        let mut proof = Proof::new(what, &url, self.max_rows, self.names());
        let mut answer = self.page(&url).await;
        for number in 1.. {
            *page_number = number;
            let incomplete = |problem: String| ListError::Incomplete {
                collection,
                page: number,
                problem: self.http.redactor().clean(&problem),
            };
            let Answer { body, headers, .. } = match answer {
                Ok(answer) => answer,
                Err(error @ ApiError::Credentials { .. }) => return Err(ListError::Credentials { collection, error }),
                Err(ApiError::Refused(refusal)) if proof.is_counted() && matches!(refusal.status, 400 | 404 | 422) => {
                    proof.refused(&refusal).map_err(incomplete)?;
                    break;
                }
                Err(error) => return Err(incomplete(error.to_string())),
            };
            let page = Page::parse(&body, &self.places).map_err(incomplete)?;
            // The page is examined while the one that it links to is on its way. That one counts only if it is the next.
            let ahead = proof.ahead(&page, &url);
            let fetch = async {
                match &ahead {
                    Some(ahead) => Some(self.page(ahead).await),
                    None => None,
                }
            };
            let mut examine = || {
                proof.weigh(&body, page.total).map_err(incomplete)?;
                let mut rows = Vec::with_capacity(page.rows.len());
                for &row in &page.rows {
                    if proof.is_new(row).map_err(incomplete)? {
                        rows.push(row);
                    }
                }
                progress(proof.distinct(), proof.total());
                let step = proof.follow(&page, !rows.is_empty(), &url).map_err(incomplete)?;
                rows.iter().try_for_each(|row| each(row)).map_err(|error| match error {
                    RowError::Bad(problem) => incomplete(problem),
                    RowError::Output(error) => ListError::Output(error),
                })?;
                Ok::<_, ListError>(step)
            };
            let (fetched, step) = tokio::try_join!(async { Ok(fetch.await) }, async { examine() })?;
            let next = match step {
                Step::End => {
                    proof.end_by(&headers).map_err(incomplete)?;
                    break;
                }
                Step::Count => self.page_url(what, Some(number + 1), None),
                Step::After(cursor) => {
                    let next = self.page_url(what, None, Some(&cursor));
                    proof.visit(next, Name::NextCursor).map_err(incomplete)?
                }
                Step::To(next) => next,
            };
            answer = match fetched {
                Some(fetched) if ahead.as_ref() == Some(&next) => fetched,
                _ => self.page(&next).await,
            };
            url = next;
        }
        Ok(Proven(proof.total().is_some()))
    }

    async fn page(&self, url: &Url) -> Result<Answer, ApiError> {
        self.send_for(&Call { method: Method::GET, url: url.clone(), body: None }, Wants::Brackets).await
    }

    /// The address of a page. The first page has only the parameter of the size, if the settings name one. Skovik
    /// itself knows no parameters but two cursors `[known]`.
    fn page_url(&self, what: Resources, number: Option<u64>, after: Option<&str>) -> Url {
        let mut url = what.url(&self.base, self.names());
        let number = number.map(|number| (Name::PageNumber, number.to_string()));
        let after = after.map(|after| (Name::PageAfter, after.to_owned()));
        let size = (self.page_size > 0).then(|| (Name::PageSize, self.page_size.to_string()));
        let parameters: Vec<_> = [number, after, size].into_iter().flatten().collect();
        if !parameters.is_empty() {
            let parameters = parameters.iter().map(|(name, value)| (self.names().get(*name), value));
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }
}
