//! The JSON of SCIM: names, users, schemas and errors, and how they become the types of the domain. Nothing in here
//! does I/O.
//!
//! The JSON that was read is kept unchanged and parsed only when needed, so a PUT returns everything as it came.

mod errors;
mod object;
mod rows;
mod schemas;
#[cfg(test)]
mod tests;
mod user;
mod write;

use crate::scim::{AttributePath, ENTERPRISE};

pub(super) use errors::{error_in_success, error_objects, says_taken, words};
pub(super) use rows::{branch, branch_row, custom_field, custom_field_row};
pub(super) use schemas::{Schemas, abilities, is_free};
pub(super) use user::{branch_of, custom_field_ids, is_inactive, losses, stored, unsent, user, version};
pub(super) use write::{create, deactivate, patch, replace, restore};

/// The content types that the client accepts; some servers know only the second.
pub(super) const ACCEPT: &str = "application/scim+json, application/json";
/// The content type that the client sends.
pub(super) const CONTENT_TYPE: &str = "application/scim+json";

/// The name to sign in with: required and unique; in Skovik it is the e-mail `[known]`.
const USER_NAME: &str = "userName";
const ACTIVE: &str = "active";
const ROLES: &str = "roles";
const SCHEMAS: &str = "schemas";
fn user_name() -> AttributePath {
    AttributePath::new(None, USER_NAME)
}

fn given_name() -> AttributePath {
    AttributePath::within("name", "givenName")
}

fn family_name() -> AttributePath {
    AttributePath::within("name", "familyName")
}

fn manager() -> AttributePath {
    AttributePath::new(Some(ENTERPRISE), "manager")
}
