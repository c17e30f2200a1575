//! The shapes of Skovik's API: paths, names and bodies, and how they become the types of the domain.
//!
//! Every assumption about the API is in this file and its children, so that one edit
//! mends what turns out otherwise. Each name is marked `[known]`, read in Skovik's public pages, or `[assumed]`, a
//! conventional guess. Nothing in here does I/O.

mod errors;
mod json;
mod page;
mod quick;
mod shape;
mod user;

use url::Url;

use crate::provider::Collection;
use crate::provider::stored::is_id;

pub(super) use errors::{error_objects, errors_in_success, refuses_the_key, says_taken};
pub(super) use page::{Next, Page, identify};
pub(super) use shape::{branch, custom_field};
pub(super) use user::{create, custom_field_ids, losses, overlay, refill, unsent, user_document, user_row};

/// The header that carries the key `[assumed]`; settable.
pub const AUTH_HEADER: &str = "Authorization";
/// The scheme before the key in that header `[assumed]`; settable, and may be empty.
pub const AUTH_SCHEME: &str = "Bearer";
/// What the client accepts `[assumed]`.
pub(super) const ACCEPT: &str = "application/json, application/vnd.api+json";
/// What the client sends `[assumed]`.
pub(super) const CONTENT_TYPE: &str = "application/json";

/// The number of a page, from 1 `[assumed]`.
const PAGE_NUMBER: &str = "page[number]";
/// How many rows a page shall have `[assumed]`; the server may give fewer.
const PAGE_SIZE: &str = "page[size]";

/// Required, unique, the address to sign in with `[known]`.
const PRIMARY_EMAIL: &str = "primary_email";
/// Optional, unique, of users and of branches `[known]`.
const EXTERNAL_IDENTIFIER: &str = "external_identifier";
/// `[assumed]`; that a name is mandatory is known.
const FIRST_NAME: &str = "first_name";
/// `[assumed]`.
const LAST_NAME: &str = "last_name";
/// That there are roles, which only admins change, is known; the name and the form, a list of texts, are `[assumed]`.
const ROLES: &str = "roles";
/// An object of custom-field id to value `[assumed]`.
const CUSTOM_FIELDS: &str = "custom_fields";
/// The relationship to another user `[assumed]`; that there is a manager is known.
const MANAGER: &str = "manager";
/// The relationship to a branch `[assumed]`; that there are branches is known.
const BRANCH: &str = "branch";
/// The name of a branch or of a custom field `[assumed]`.
const NAME: &str = "name";
/// The type of a custom field `[assumed]`; the three types themselves are known.
const FIELD_TYPE: &str = "field_type";
const TYPE_TEXT: &str = "text";
const TYPE_MULTIPLE_CHOICE: &str = "multiple_choice";
const TYPE_BOOLEAN: &str = "boolean";
/// The options of a multiple choice, each with a label and a value `[known]`; the names `[assumed]`.
const OPTIONS: &str = "options";
const OPTION_LABEL: &str = "label";
const OPTION_VALUE: &str = "value";

/// Attributes that are read and never written `[assumed]`.
const READ_ONLY_ATTRIBUTES: [&str; 1] = [ROLES];
/// Members of a resource that the server makes up, and that are never written `[assumed]`.
const READ_ONLY_MEMBERS: [&str; 2] = ["links", "meta"];

impl Collection {
    /// The name in a path, under the base URL: `users` is `[known]`, the others are `[assumed]`.
    fn path(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Branches => "branches",
            Self::CustomFields => "custom-fields",
        }
    }

    /// The `type` of its rows `[assumed]`.
    fn kind(self) -> &'static str {
        self.path()
    }

    /// The address of the list.
    pub(super) fn url(self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(self.path());
        }
        url
    }

    /// The address of one page, from 1.
    pub(super) fn page_url(self, base: &Url, number: u64, size: u32) -> Url {
        let mut url = self.url(base);
        url.query_pairs_mut().append_pair(PAGE_NUMBER, &number.to_string()).append_pair(PAGE_SIZE, &size.to_string());
        url
    }
}

/// The address of one user; `None` for an id that is no name in a path, and would address something else.
pub(super) fn user_url(base: &Url, id: &str) -> Option<Url> {
    let mut url = Collection::Users.url(base);
    url.path_segments_mut().ok()?.push(id);
    is_id(id).then_some(url)
}
