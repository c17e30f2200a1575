//! What a source and a target that speak SCIM 2.0 have in common: attributes by their paths (RFC 7643), and lists that
//! are checked to be complete (RFC 7644, section 3.4.2).
//!
//! Everything in here is pure: it sends no request and knows no person.

mod json;
mod list;
mod path;

/// The schema of the attributes of employees (RFC 7643, section 4.3).
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of the attributes of every user (RFC 7643, section 4.1).
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

pub(crate) use json::{NotAnObject, Twice, attribute, properties};
pub(crate) use list::{Id, List, Next};
pub(crate) use path::AttributePath;
