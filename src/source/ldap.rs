//! Directories over LDAP: Active Directory, OpenLDAP and others.
//!
//! A list is complete if every page of every search succeeded, no part of the directory was on another server, and no
//! entry came twice. Nothing is ever written to a directory, and only attributes that the settings use are requested.

mod ber;
mod client;
mod columns;
mod connection;
mod entry;
mod error_messages;
mod filter;
mod filter_syntax;
mod message;
mod rows;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::{Host, Url};

use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::http;
use crate::setting::section::Section;
use crate::setting::{ConfigError, Secret, SecretShape};

use columns::{Columns, is_description};
use connection::{Connection, Server};
use rows::Rows;
use schema::Schema;
use search::{Manner, Search, SearchScope};

/// A directory, with its searches.
#[derive(Debug, Clone)]
pub(super) struct LdapSource {
    server: Server,
    bind: Option<Bind>,
    searches: Vec<Search>,
    page_size: u32,
    /// Further attributes, for templates that compute the name of an attribute.
    attributes: Vec<String>,
    /// Attributes that are lists, in lower case.
    lists: BTreeSet<String>,
    /// Attributes that hold bytes, in lower case.
    binary: BTreeSet<String>,
    ignores_referrals: bool,
}

/// The account that reads the directory.
#[derive(Debug, Clone)]
struct Bind {
    name: String,
    password: Secret,
}

/// A task that ends when it is dropped.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl LdapSource {
    pub(super) const KEYS: &[&str] = &[
        "url",
        "start_tls",
        "plain_text",
        "ca_file",
        "bind_dn",
        "password_env",
        "password_file",
        "password_command",
        "base",
        "filter",
        "scope",
        "search",
        "page_size",
        "attributes",
        "lists",
        "binary",
        "referrals",
    ];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let page_size = section.number("page_size", 1..=100_000)?;
        Ok(Self {
            server: server(section)?,
            bind: bind(section)?,
            searches: searches(section)?,
            page_size: page_size.and_then(|size| u32::try_from(size).ok()).unwrap_or(500),
            attributes: attributes(section, "attributes")?,
            lists: lower(attributes(section, "lists")?),
            binary: lower(attributes(section, "binary")?),
            ignores_referrals: section.word("referrals", &[("error", false), ("ignore", true)])?.unwrap_or(false),
        })
    }

    async fn run(&self, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
        let label = &self.server.label;
        let names = conditions.columns.iter().map(|column| &**column).chain(self.attributes.iter().map(String::as_str));
        let names: BTreeSet<&str> = names.collect();
        let perhaps = conditions.perhaps.iter().map(|name| &**name).filter(|name| is_description(name));
        let all = names.iter().copied().chain(perhaps).collect::<BTreeSet<_>>();
        let columns = Columns::new(all, &self.lists, &self.binary).map_err(|name| {
            ConfigError::Invalid(format!(
                "the settings use `{name}` of {label}, which cannot be the name of an attribute"
            ))
        })?;
        // Read before the connection, so that a missing secret is reported at once.
        let password = match &self.bind {
            Some(bind) => Some(bind.password.fetch().await?),
            None => None,
        };
        let bind_dn = self.bind.as_ref().map(|bind| &*bind.name);
        let connection = self.server.connect(bind_dn, password).await?;
        let Self { page_size, ignores_referrals, .. } = *self;
        let manner = Arc::new(Manner { columns, page_size, ignores_referrals });
        let (mut connection, rows) = self.find(connection, &manner, conditions).await?;
        // What only may be an attribute is one if an entry has it.
        let columns = manner.columns.names().filter(|(name, cell)| rows.has(*cell) || names.contains(name));
        let columns: Vec<(String, usize)> = columns.map(|(name, cell)| (name.to_owned(), cell)).collect();
        let (having, lacking): (Vec<_>, Vec<_>) = columns.iter().partition(|(_, cell)| rows.has(*cell));
        let lacking: Vec<&str> = lacking.into_iter().map(|(name, _)| &**name).collect();
        let schema = connection.schema().await;
        if let Some(schema) = &schema {
            let having = having.into_iter().filter(|(_, cell)| *cell > 0).map(|(name, _)| name.to_ascii_lowercase());
            let came = having.chain(rows.others().iter().cloned()).collect();
            filter::judge(&self.searches, schema, &came, label)?;
        }
        // After the check of the filter: a mistake there is the better explanation for an empty result.
        self.refuse_nobody(&rows, &connection.words.server)?;
        judge(&lacking, schema.as_ref(), rows.others(), label)?;
        connection.close().await;
        let proof = if ignores_referrals { "paged-results,referrals-ignored" } else { "paged-results" };
        let table = blocking(move || Ok(rows.into_table(&columns)?)).await?;
        Ok(Reading { table, proof: Some(proof), modified: None })
    }

    /// Reads all entries in a task of its own, which waits for the server on the thread that hears from it first.
    async fn find(
        &self,
        mut connection: Connection,
        manner: &Arc<Manner>,
        conditions: &Conditions<'_>,
    ) -> Result<(Connection, Rows), ReadError> {
        let (manner, searches) = (Arc::clone(manner), self.searches.clone());
        let (told, mut heard) = watch::channel(0_usize);
        let reading = async move {
            let mut rows = Rows::new(manner.columns.names().count());
            for search in &searches {
                connection
                    .search(search, &manner, &mut rows, &|so_far| {
                        told.send_replace(so_far);
                    })
                    .await?;
            }
            Ok::<_, String>((connection, rows))
        };
        let mut task = Task(tokio::spawn(reading));
        while heard.changed().await.is_ok() {
            let so_far = *heard.borrow_and_update();
            conditions.came(so_far as u64, None)?;
        }
        let (connection, rows) =
            (&mut task.0).await.unwrap_or_else(|error| Err(format!("reading it stopped: {error}")))?;
        conditions.came(rows.len() as u64, None)?;
        Ok((connection, rows))
    }

    /// Refuses an empty result: an account that has lost the right to read finds nobody, too. A single search may be
    /// empty if the settings allow it; the whole list never.
    fn refuse_nobody(&self, rows: &Rows, server: &str) -> Result<(), String> {
        const WHY: &str =
            "a directory shows nothing to an account without the right to read, so that this cannot be told";
        if rows.len() == 0 {
            return Err(format!("{server} finds nobody; {WHY} from a list that was lost"));
        }
        for (place, Search { base, scope: _, filter, may_be_empty }) in self.searches.iter().enumerate() {
            if rows.has_found(place) {
                continue;
            }
            if !may_be_empty {
                return Err(format!(
                    "{server}: the search below {base} for {filter} finds nobody; {WHY} from a part of the list that was \
                     lost; if nobody need be there, give it a table in `search` with may_be_empty = true"
                ));
            }
            tracing::info!("{}: the search below {base} for {filter} finds nobody, as it may", self.server.label);
        }
        Ok(())
    }
}

impl Source for LdapSource {
    fn kind(&self) -> &'static str {
        "ldap"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { server: _, bind: _, searches, page_size: _, attributes, lists, binary, ignores_referrals } = self;
        // Each text in quotes, so that different lists look different; sorted, because the order has no meaning.
        let identity = searches
            .iter()
            .map(|Search { base, scope, filter, may_be_empty }| (base, scope.name(), filter, may_be_empty));
        let searches: BTreeSet<_> = identity.collect();
        let attributes: BTreeSet<String> = lower(attributes.clone());
        BTreeMap::from([
            ("search", format!("{searches:?}")),
            ("attributes", format!("{attributes:?}")),
            ("lists", format!("{lists:?}")),
            ("binary", format!("{binary:?}")),
            ("referrals", if *ignores_referrals { "ignore" } else { "error" }.to_owned()),
        ])
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        Box::pin(self.run(conditions))
    }
}

fn server(section: &Section<'_>) -> Result<Server, ConfigError> {
    let text = section.required("url", "the server, such as \"ldaps://dc1.example.com\"")?;
    let wrong = |problem: &str| Err(section.problem("url", problem));
    let url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => return wrong(&format!("is not a URL: {error}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            "must not hold a user or a password; they are `bind_dn` and `password_env`, `password_file` or `password_command`",
        );
    }
    if url.host_str().is_none_or(str::is_empty) {
        return wrong("names no host");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return wrong("must end with the host or its port; what to search for is `base`, `filter` and `scope`");
    }
    let start_tls = section.flag("start_tls")?.unwrap_or(false);
    let plain_text = section.word("plain_text", &[("allowed", ())])?.is_some();
    match (url.scheme(), start_tls, plain_text) {
        ("ldaps", false, false) | ("ldap", true, false) | ("ldap", false, true) => {}
        ("ldap", false, false) if http::is_loopback(&url) => {}
        ("ldap", false, false) => {
            return wrong(
                "would send everything unencrypted, the password too; use ldaps://, or start_tls = true, or, if nobody can listen on the way, plain_text = \"allowed\"",
            );
        }
        ("ldaps", true, _) => {
            return Err(section.problem("start_tls", "goes with ldap:// only: ldaps:// is TLS from the first byte"));
        }
        ("ldaps" | "ldap", _, true) => return Err(section.problem("plain_text", "does not go with TLS; leave it out")),
        (other, ..) => return wrong(&format!("must begin with ldaps:// or ldap://, not {other}")),
    }
    if url.scheme() == "ldaps" || start_tls {
        if matches!(url.host(), Some(Host::Ipv6(_))) {
            return wrong(
                "must name the host by its name where TLS is used: certificates are not checked for IPv6 addresses",
            );
        }
    } else if section.has("ca_file") {
        return Err(section.problem("ca_file", "has no effect without TLS"));
    }
    Ok(Server { url, start_tls, ca_file: section.path("ca_file")?, label: section.label().to_owned() })
}

fn bind(section: &Section<'_>) -> Result<Option<Bind>, ConfigError> {
    let name = section.text("bind_dn")?;
    let password = Secret::from_section(section, "password", "the password of `bind_dn`", SecretShape::Password)?;
    match (name, password) {
        (None, None) => Ok(None),
        (Some(name), Some(password)) => Ok(Some(Bind { name: name.to_owned(), password })),
        // A name without a password would be an anonymous bind, which may see less.
        (Some(_), None) => {
            Err(section.problem("bind_dn", "needs `password_env`, `password_file` or `password_command`"))
        }
        (None, Some(_)) => Err(section.missing("bind_dn", "whose password there is")),
    }
}

fn searches(section: &Section<'_>) -> Result<Vec<Search>, ConfigError> {
    let label = format!("[[source.search]] of {}", section.label());
    let tables = section.sections("search", &label)?;
    let scope = section.word("scope", SearchScope::WORDS)?;
    let default_filter = filter::from_section(section)?;
    let with = |base: String, own_scope: Option<SearchScope>, own_filter: Option<String>, place: &Section<'_>| {
        let filter = own_filter.or_else(|| default_filter.clone()).ok_or_else(|| {
            place.missing("filter", "who is asked for, such as \"(&(objectCategory=person)(objectClass=user))\" in Active Directory or \"(objectClass=inetOrgPerson)\"")
        })?;
        let scope = own_scope.or(scope).unwrap_or(SearchScope::Subtree);
        Ok::<_, ConfigError>(Search { base, scope, filter, may_be_empty: false })
    };
    let bases = section.one_or_more_texts("base")?;
    if let Some(bases) = bases {
        if !tables.is_empty() {
            return Err(
                section.problem("search", "is set together with `base`; write each base into a table of its own")
            );
        }
        return bases.into_iter().map(|base| with(base, None, None, section)).collect();
    }
    if tables.is_empty() {
        return Err(section.missing("base", "below which the people are, such as \"OU=Staff,DC=example,DC=com\""));
    }
    let is_alone = tables.len() == 1;
    let search = |table: Section<'_>| {
        let table = table.only(&["base", "filter", "scope", "may_be_empty"])?;
        let base = table.required("base", "below which the people are")?.trim().to_owned();
        let may_be_empty = table.flag("may_be_empty")?.unwrap_or(false);
        if may_be_empty && is_alone {
            return Err(
                table.problem("may_be_empty", "has no effect on the only search: a list of nobody is never accepted")
            );
        }
        let search = with(base, table.word("scope", SearchScope::WORDS)?, filter::from_section(&table)?, &table)?;
        Ok(Search { may_be_empty, ..search })
    };
    tables.into_iter().map(search).collect()
}

fn attributes(section: &Section<'_>, key: &str) -> Result<Vec<String>, ConfigError> {
    let names = section.texts(key)?.unwrap_or_default();
    match names.iter().find(|name| !is_description(name)) {
        Some(wrong) => Err(section.problem(key, format!("holds {wrong:?}, which cannot be the name of an attribute"))),
        None => Ok(names),
    }
}

fn lower(names: Vec<String>) -> BTreeSet<String> {
    names.into_iter().map(|name| name.to_ascii_lowercase()).collect()
}

/// Judges attributes that no entry has: nobody happens to have them, this account may not read them, or the settings
/// are wrong.
fn judge(lacking: &[&str], schema: Option<&Schema>, others: &BTreeSet<String>, label: &str) -> Result<(), ConfigError> {
    for name in lacking {
        if let Some(schema) = schema {
            let wrong =
                |hint: String| Err(ConfigError::Invalid(format!("the settings use `{name}` of {label}, {hint}")));
            if let Some(other) = schema.given_name(name, others) {
                return wrong(format!("which this directory calls `{other}`; use that name"));
            }
            if !schema.knows(name) {
                let near = schema.nearest(name).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                return wrong(format!("which is not an attribute that this directory knows{near}"));
            }
        }
        tracing::warn!("{label}: no entry has a `{name}`; if some should, the account may lack the right to read it");
    }
    Ok(())
}
