//! `[target]`: the account, and how to reach it.

use std::time::Duration;

use super::names::Names;
use crate::plan::Removal;
use crate::scim::{AttributePath, ENTERPRISE};
use crate::setting::section::Section;
use crate::setting::{BaseUrl, ConfigError, Secret, SecretShape, TOKEN_VARIABLE, base_url};

/// The settings of both kinds.
const KEYS: [&str; 15] = [
    "kind",
    "url",
    "account",
    "token_env",
    "token_file",
    "token_command",
    "auth_header",
    "auth_scheme",
    "page_size",
    "max_rows",
    "list_timeout",
    "max_in_flight",
    "requests_per_second",
    "timeout",
    "retries",
];
/// The settings of the JSON API only.
const JSON_KEYS: [&str; 1] = ["names"];
/// Attributes of every user that can hold neither the identifier nor the branch.
const OF_OTHER_MEANING: [&str; 8] = ["id", "schemas", "meta", "groups", "active", "roles", "name", "password"];
/// The settings of SCIM only.
const SCIM_KEYS: [&str; 6] = ["identifier", "branch", "branches", "remove", "reactivate", "sort_by"];
/// The longest name of an account.
const LONGEST_ACCOUNT: usize = 64;
/// SCIM's own attribute for the company's key of a person.
const EXTERNAL_ID: &str = "externalId";

/// `[target]`: the account of Skovik, and how to reach it.
#[derive(Debug, Clone)]
pub struct TargetSettings {
    /// Which interface it is, and what only that one needs.
    pub kind: TargetKind,
    /// The base URL.
    pub url: BaseUrl,
    /// What tells this account from others at that URL, if there are others.
    pub account: Option<String>,
    /// The key of the API; [`TargetSettings::token`] reads it.
    pub token: Secret,
    /// How requests are sent.
    pub access: Access,
}

/// How requests to the account are sent.
#[derive(Debug, Clone)]
pub struct Access {
    /// The header that carries the key.
    pub auth_header: String,
    /// The word before the key in that header. If it is empty, the key is sent alone.
    pub auth_scheme: String,
    /// How many users to ask for in one page; 0 lets the server decide.
    pub page_size: u32,
    /// How many rows a list may have; a longer one is an error. The default is twice the largest employer that is known.
    pub max_rows: u64,
    /// How long it may take to read a list.
    pub list_timeout: Duration,
    /// How many requests may be under way at once; at least one.
    pub max_in_flight: usize,
    /// How many requests may begin in a second; 0 for no limit but the server's.
    pub requests_per_second: u32,
    /// How long one request may take, from the connection to the end of the answer.
    pub timeout: Duration,
    /// How often a request is tried again, if that is safe.
    pub retries: u32,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            auth_header: "Authorization".to_owned(),
            auth_scheme: "Bearer".to_owned(),
            page_size: 0,
            max_rows: 2_000_000,
            list_timeout: Duration::from_secs(60 * 60),
            max_in_flight: 8,
            requests_per_second: 0,
            timeout: Duration::from_secs(30),
            retries: 5,
        }
    }
}

/// The interface that the account is reached by.
#[derive(Debug, Clone)]
pub enum TargetKind {
    /// Skovik's own JSON API, with the names that it gives things.
    Skovik(Names),
    /// SCIM 2.0.
    Scim(ScimSettings),
}

/// The settings of a SCIM server.
#[derive(Debug, Clone)]
pub struct ScimSettings {
    /// The attribute that holds the external identifier.
    pub(crate) identifier: AttributePath,
    /// The attribute that holds the branch.
    pub(crate) branch: AttributePath,
    /// All branches of the account; without it, the branches that users have.
    pub(crate) branches: Option<Vec<String>>,
    /// What a delete does.
    pub(crate) remove: Removal,
    /// Whether an inactive user whom a person matches is made active again.
    pub(crate) reactivate: bool,
    /// The attribute to sort lists by; empty for none. If it is left out, `id` where the server says that it sorts.
    pub(crate) sort_by: Option<String>,
}

impl TargetSettings {
    /// The account, as plans, messages and the state name it: its URL, and `#` with its name behind it if it has one.
    #[must_use]
    pub fn account(&self) -> String {
        match &self.account {
            Some(name) => format!("{}#{name}", self.url),
            None => self.url.to_string(),
        }
    }

    /// What a delete does.
    #[must_use]
    pub fn removal(&self) -> Removal {
        match &self.kind {
            TargetKind::Skovik(_) => Removal::Delete,
            TargetKind::Scim(scim) => scim.remove,
        }
    }

    /// Whether inactive users are made active again.
    #[must_use]
    pub fn reactivates(&self) -> bool {
        match &self.kind {
            TargetKind::Skovik(_) => false,
            TargetKind::Scim(scim) => scim.reactivate,
        }
    }

    /// The kind, as settings and plans write it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.kind {
            TargetKind::Skovik(_) => "skovik",
            TargetKind::Scim(_) => "scim",
        }
    }
}

pub(super) fn target(section: &Section<'_>) -> Result<TargetSettings, ConfigError> {
    let is_scim = section
        .word("kind", &[("skovik", false), ("scim", true)])?
        .ok_or_else(|| section.missing("kind", "which must be \"skovik\" or \"scim\""))?;
    if !is_scim && section.has("reactivate") {
        let problem = "needs kind = \"scim\": nothing is known of inactive users in the JSON API";
        return Err(section.problem("reactivate", problem));
    }
    let own: &[&str] = if is_scim { &SCIM_KEYS } else { &JSON_KEYS };
    let section = section.clone().only(&[&KEYS[..], own].concat())?;
    let kind = if is_scim {
        TargetKind::Scim(scim(&section)?)
    } else {
        TargetKind::Skovik(Names::read(&section.section("names", "[target.names]")?)?)
    };
    let example = if is_scim { "https://api.skovik.com/scim/v2" } else { "https://api.skovik.com/v1" };
    Ok(TargetSettings {
        kind,
        url: base_url(&section, "url", &format!("the base URL of the API, such as \"{example}\""))?,
        account: account(&section)?,
        token: token(&section)?,
        access: access(&section, is_scim)?,
    })
}

fn access(section: &Section<'_>, is_scim: bool) -> Result<Access, ConfigError> {
    let default = Access::default();
    let number = |key, range, default| {
        Ok::<_, ConfigError>(
            section.number(key, range)?.and_then(|number| u32::try_from(number).ok()).unwrap_or(default),
        )
    };
    let auth_header = section.text("auth_header")?.unwrap_or(&default.auth_header);
    if !auth_header.bytes().all(is_token_byte) {
        return Err(section.problem("auth_header", "is not the name of an HTTP header"));
    }
    let auth_scheme = section.text_or_empty("auth_scheme")?.unwrap_or(&default.auth_scheme).trim();
    if !auth_scheme.bytes().all(is_token_byte) {
        return Err(section.problem("auth_scheme", "must be one word, such as \"Bearer\", or empty"));
    }
    let max_in_flight = section.number("max_in_flight", 1..=256)?.and_then(|number| usize::try_from(number).ok());
    Ok(Access {
        auth_header: auth_header.to_owned(),
        auth_scheme: auth_scheme.to_owned(),
        // The JSON API is known to have no size of pages: it is asked for only if the settings say so.
        page_size: number("page_size", 0..=10_000, if is_scim { 100 } else { default.page_size })?,
        max_rows: section.number("max_rows", 1..=100_000_000)?.unwrap_or(default.max_rows),
        list_timeout: section.duration("list_timeout")?.unwrap_or(default.list_timeout),
        max_in_flight: max_in_flight.unwrap_or(default.max_in_flight),
        requests_per_second: number("requests_per_second", 0..=100_000, default.requests_per_second)?,
        timeout: section.duration("timeout")?.unwrap_or(default.timeout),
        retries: number("retries", 0..=20, default.retries)?,
    })
}

fn scim(section: &Section<'_>) -> Result<ScimSettings, ConfigError> {
    let path = |key, default: AttributePath| match section.text(key)? {
        None => Ok(default),
        Some(text) => {
            AttributePath::parse(text).map_err(|problem| section.problem(key, format!("is not usable: {problem}")))
        }
    };
    let identifier = path("identifier", AttributePath::new(None, EXTERNAL_ID))?;
    let branch = path("branch", AttributePath::new(Some(ENTERPRISE), "division"))?;
    let is_another_field = || ["userName", EXTERNAL_ID].iter().any(|name| branch.is_core(name)) || branch == identifier;
    for (key, is_taken) in [
        ("identifier", has_another_meaning(&identifier)),
        ("branch", has_another_meaning(&branch) || is_another_field()),
    ] {
        if is_taken {
            return Err(section.problem(key, "is an attribute that has another meaning"));
        }
    }
    let branches = section.texts("branches")?;
    if branches.as_ref().is_some_and(Vec::is_empty) {
        return Err(section.problem("branches", "is empty; leave it out to take the branches that users have"));
    }
    Ok(ScimSettings {
        identifier,
        branch,
        branches,
        remove: section
            .word("remove", &[("deactivate", Removal::Deactivate), ("delete", Removal::Delete)])?
            .unwrap_or(Removal::Deactivate),
        reactivate: section.flag("reactivate")?.unwrap_or(false),
        sort_by: section.text_or_empty("sort_by")?.map(str::to_owned),
    })
}

/// Whether an attribute, or a part of it, is one that only the server sets or that says something else of a user.
fn has_another_meaning(path: &AttributePath) -> bool {
    let is = |name: &str, others: &[&str]| others.iter().any(|other| name.eq_ignore_ascii_case(other));
    let mut steps = path.steps();
    match path.schema() {
        None => steps.next().is_some_and(|name| is(name, &OF_OTHER_MEANING)),
        Some(schema) => is(schema, &[ENTERPRISE]) && steps.nth(1).is_some_and(|name| is(name, &["manager"])),
    }
}

/// The name of the account. It stands behind a URL, and in nothing else.
fn account(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(name) = section.text("account")? else { return Ok(None) };
    let is_possible = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.len() > LONGEST_ACCOUNT || !name.bytes().all(is_possible) {
        let problem = format!("must be at most {LONGEST_ACCOUNT} letters, digits, `-`, `.` and `_`");
        return Err(section.problem("account", problem));
    }
    Ok(Some(name.to_owned()))
}

/// What RFC 9110 calls a token.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn token(section: &Section<'_>) -> Result<Secret, ConfigError> {
    let what = "the key of Skovik's API";
    let given = Secret::from_section(section, "token", what, SecretShape::Key)?;
    Ok(given.unwrap_or_else(|| Secret::in_variable(section, "token", what, SecretShape::Key, TOKEN_VARIABLE)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    fn parse(target: &str) -> Result<Settings, ConfigError> {
        let text = format!(
            "[target]\nurl = \"https://x.example/scim/v2\"\n{target}\n\
             [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"a.csv\"\nkey = \"nr\"\n\
             [employee]\nexternal_identifier = \"{{{{ hr.nr }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
             first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\n"
        );
        Settings::parse(&text, Path::new("skovik-sync.toml"))
    }

    fn scim(target: &str) -> ScimSettings {
        match parse(&format!("kind = \"scim\"\n{target}")).unwrap().target.kind {
            TargetKind::Scim(settings) => settings,
            TargetKind::Skovik(_) => panic!("another kind"),
        }
    }

    #[test]
    fn what_scim_does_by_default() {
        let ScimSettings { identifier, branch, branches, remove, reactivate, sort_by } = scim("page_size = 0");
        assert_eq!(identifier.to_string(), "externalId");
        assert_eq!(branch.to_string(), format!("{ENTERPRISE}:division"));
        assert_eq!((branches, remove, reactivate, sort_by), (None, Removal::Deactivate, false, None));
        assert_eq!(scim("sort_by = \"\"").sort_by.as_deref(), Some(""));
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        for (target, says) in [
            ("kind = \"scim\"\nidentifier = \"a b\"", "`identifier` in [target] (line 4) is not usable"),
            ("kind = \"scim\"\nbranch = \"x:y\"", "not the path of an attribute"),
            ("kind = \"scim\"\nbranches = []", "is empty; leave it out"),
            ("kind = \"scim\"\nbranch = \"ACTIVE\"", "`branch` in [target] (line 4) is an attribute that has another"),
            ("kind = \"scim\"\nbranch = \"userName\"", "another meaning"),
            ("kind = \"scim\"\nbranch = \"externalId\"", "another meaning"),
            ("kind = \"scim\"\nidentifier = \"title\"\nbranch = \"Title\"", "`branch`"),
            ("kind = \"scim\"\nidentifier = \"name.familyName\"", "`identifier` in [target]"),
            (
                "kind = \"scim\"\nidentifier = \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:Manager.value\"",
                "another meaning",
            ),
            ("kind = \"scim\"\nremove = \"archive\"", "must be \"deactivate\" or \"delete\""),
            ("kind = \"skovik\"\nremove = \"delete\"", "unknown key `remove`"),
            ("kind = \"skovik\"\nreactivate = true", "`reactivate` in [target] (line 4) needs kind = \"scim\""),
            ("kind = \"scim\"\nreactivate = \"yes\"", "`reactivate` in [target]"),
            ("kind = \"skovik\"\npage_size = 10001", "between 0 and"),
            ("kind = \"skovik\"\naccount = \"a b\"", "`account` in [target] (line 4) must be at most 64 letters"),
            ("kind = \"skovik\"\naccount = \"a#serve\"", "must be at most 64 letters"),
            ("kind = \"skovik\"\naccount = \"\"", "account"),
        ] {
            let error = parse(target).unwrap_err().to_string();
            assert!(error.contains(says), "{target}: {error}");
        }
    }

    #[test]
    fn plans_are_bound_to_what_a_delete_does_and_where_fields_are() {
        let hash = |target: &str| parse(&format!("kind = \"scim\"\n{target}")).unwrap().hash();
        let default = hash("");
        let division = format!("branch = \"{}:DIVISION\"", ENTERPRISE.to_uppercase());
        for same in ["identifier = \"EXTERNALID\"", "remove = \"deactivate\"", "sort_by = \"userName\"", &division] {
            assert_eq!(hash(same), default, "{same}");
        }
        for other in [
            "identifier = \"userName\"",
            "remove = \"delete\"",
            "branch = \"title\"",
            "branches = [\"a\"]",
            "reactivate = true",
            "account = \"acme\"",
        ] {
            assert_ne!(hash(other), default, "{other}");
        }
    }
}
