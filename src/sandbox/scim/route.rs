//! The paths below `/scim/v2`, and the methods of each.

use percent_encoding::percent_decode_str;

/// The prefix of all paths.
pub(in crate::sandbox) const BASE: &str = "/scim/v2";

/// What a path is about.
pub(super) enum Route {
    Config,
    Types,
    Type(String),
    Schemas,
    Schema(String),
    Users,
    Search,
    User(String),
    /// An optional part of the RFC that this server lacks.
    Missing,
}

impl Route {
    pub(super) fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix(BASE)?.strip_prefix('/')?;
        let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        match path {
            "ServiceProviderConfig" => Some(Self::Config),
            "ResourceTypes" => Some(Self::Types),
            "Schemas" => Some(Self::Schemas),
            "Users" => Some(Self::Users),
            "Users/.search" | ".search" => Some(Self::Search),
            "Me" | "Bulk" => Some(Self::Missing),
            _ => match path.split_once('/')? {
                (_, id) if id.is_empty() || id.contains('/') => None,
                ("ResourceTypes", id) => Some(Self::Type(decoded(id)?)),
                ("Schemas", id) => Some(Self::Schema(decoded(id)?)),
                ("Users", id) => Some(Self::User(decoded(id)?)),
                _ => None,
            },
        }
    }

    /// The methods that the path answers; `None` for a path that is not implemented.
    pub(super) fn allowed(&self) -> Option<&'static str> {
        match self {
            Self::Config | Self::Types | Self::Type(_) | Self::Schemas | Self::Schema(_) => Some("GET"),
            Self::Users => Some("GET, POST"),
            Self::Search => Some("POST"),
            Self::User(_) => Some("GET, PUT, PATCH, DELETE"),
            Self::Missing => None,
        }
    }
}
