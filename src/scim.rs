//! What a source and a target that speak SCIM 2.0 have in common: attributes by their paths (RFC 7643), and lists that
//! are proven to be complete (RFC 7644, section 3.4.2).
//!
//! It sends no request and knows no person. Everything in here is pure.

mod json;
mod list;
mod path;

/// What the attributes of employees stand under (RFC 7643, section 4.3).
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// What the attributes of every user stand under (RFC 7643, section 4.1).
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

pub(crate) use json::{NotAnObject, Twice, attribute, properties};
pub(crate) use list::{Id, List, Next};
pub(crate) use path::AttributePath;
