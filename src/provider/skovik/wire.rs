//! The shapes of Skovik's API: paths, names and bodies, and how they become the types of the domain.
//!
//! Every assumption about the API is in this file and its children. `[known]` marks what Skovik's public pages say;
//! `[assumed]` marks a conventional guess. Names that are guesses are settings: `config::names` has all of them.
//! Nothing in here does I/O.

mod errors;
mod json;
mod options;
mod page;
mod quick;
mod shape;
mod user;

use url::Url;

use crate::config::{Name, Names};
use crate::provider::Collection;
use crate::provider::stored::is_id;

pub(super) use errors::{error_objects, errors_in_success, refuses_the_key, says_taken};
pub(super) use options::Options;
pub(super) use page::{Mark, Page, PagePlaces, identify};
pub(super) use shape::{branch, custom_field, lacks_options};
pub(super) use user::{create, custom_field_ids, losses, overlay, refill, unsent, user_document, user_row};

/// What the client accepts: `application/json` is `[known]`.
pub(super) const ACCEPT: &str = "application/json, application/vnd.api+json";
/// What the client sends `[known]`.
pub(super) const CONTENT_TYPE: &str = "application/json";

/// Required, unique, the address to sign in with `[known]`.
pub(super) const PRIMARY_EMAIL: &str = "primary_email";
/// Optional, unique, of users and of branches `[known]`.
pub(super) const EXTERNAL_IDENTIFIER: &str = "external_identifier";

/// Members of a resource that only the server sets, so that they are never written `[assumed]`.
const READ_ONLY_MEMBERS: [&str; 2] = ["links", "meta"];

/// The lists of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resources {
    Users,
    Branches,
    CustomFields,
    /// The options of all custom fields, if they are a list of their own.
    Options,
}

impl From<Collection> for Resources {
    fn from(collection: Collection) -> Self {
        match collection {
            Collection::Users => Self::Users,
            Collection::Branches => Self::Branches,
            Collection::CustomFields => Self::CustomFields,
        }
    }
}

impl Resources {
    /// The part of the account that it belongs to.
    pub(super) fn collection(self) -> Collection {
        match self {
            Self::Users => Collection::Users,
            Self::Branches => Collection::Branches,
            Self::CustomFields | Self::Options => Collection::CustomFields,
        }
    }

    /// The setting for its path.
    pub(super) fn path_name(self) -> Name {
        match self {
            Self::Users => Name::UsersPath,
            Self::Branches => Name::BranchesPath,
            Self::CustomFields => Name::CustomFieldsPath,
            Self::Options => Name::OptionsPath,
        }
    }

    /// The setting for the `type` of its rows.
    pub(super) fn type_name(self) -> Name {
        match self {
            Self::Users => Name::UsersType,
            Self::Branches => Name::BranchesType,
            Self::CustomFields => Name::CustomFieldsType,
            Self::Options => Name::OptionsType,
        }
    }

    /// The `type` of its rows.
    fn kind(self, names: &Names) -> &str {
        names.get(self.type_name())
    }

    /// The address of the list.
    pub(super) fn url(self, base: &Url, names: &Names) -> Url {
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(names.get(self.path_name()).split('/'));
        }
        url
    }
}

/// The address of one user; `None` for an id that cannot be one segment of a path and would address something else.
pub(super) fn user_url(base: &Url, id: &str, names: &Names) -> Option<Url> {
    let mut url = Resources::Users.url(base, names);
    url.path_segments_mut().ok()?.push(id);
    is_id(id).then_some(url)
}
