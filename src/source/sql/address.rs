//! The address of a database, and how the connection protects the password and the records.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::SecretString;
use url::{Host, Url};

use crate::files::{Links, MOST_CERTIFICATES, read_regular};
use crate::http::is_loopback_host;
use crate::setting::ConfigError;
use crate::setting::section::Section;
use crate::setting::{Secret, SecretShape};

/// A database.
#[derive(Debug)]
pub(super) enum Address {
    Postgres(Server, RowSecurity),
    /// MariaDB too.
    MySql(Server),
    /// A file.
    Sqlite(PathBuf),
}

/// What to do about row-level security policies that silently hide rows from this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowSecurity {
    /// A query that a policy affects fails.
    Error,
    /// The visible rows are the list.
    Allowed,
}

/// A database server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) socket: Option<PathBuf>,
    pub(super) user: String,
    pub(super) database: String,
    password: Option<Secret>,
    pub(super) tls: Tls,
    /// The name of the section for messages.
    label: String,
}

/// How a connection is encrypted.
#[derive(Debug)]
pub(super) enum Tls {
    /// The server's certificate must be for its name, and from a CA of the system or of this file.
    Verify { ca_file: Option<PathBuf> },
    /// Not at all.
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TlsWord {
    Verify,
    Off,
}

/// The settings that do not apply to a file.
const OF_SERVERS: &[&str] =
    &["socket", "password_env", "password_file", "password_command", "tls", "ca_file", "plain_text"];

impl Address {
    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        let why = "the database, such as \"postgres://reader@db.example.com/hr\" or \"sqlite:payroll.db\"";
        let text = section.required("url", why)?.trim();
        match text.split_once(':').map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest)) {
            Some((scheme, _)) if matches!(&*scheme, "postgres" | "postgresql") => {
                Ok(Self::Postgres(Server::from_section(section, text, 5432)?, RowSecurity::from_section(section)?))
            }
            _ if section.has("row_security") => {
                Err(section.problem("row_security", "goes with postgres only, whose policies it is about"))
            }
            Some((scheme, rest)) if scheme == "sqlite" => sqlite(section, rest),
            Some((scheme, _)) if matches!(&*scheme, "mysql" | "mariadb") => {
                Ok(Self::MySql(Server::from_section(section, text, 3306)?))
            }
            // The value is not shown: it may hold a password.
            _ => Err(section.problem("url", "must begin with postgres:, mysql:, mariadb: or sqlite:")),
        }
    }

    /// The kind of database.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Postgres(..) => "postgres",
            Self::MySql(_) => "mysql",
            Self::Sqlite(_) => "sqlite",
        }
    }
}

impl RowSecurity {
    const WORDS: &[(&str, Self)] = &[("error", Self::Error), ("allowed", Self::Allowed)];

    fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        Ok(section.word("row_security", Self::WORDS)?.unwrap_or(Self::Error))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Allowed => "allowed",
        }
    }
}

fn sqlite(section: &Section<'_>, rest: &str) -> Result<Address, ConfigError> {
    if let Some(foreign) = OF_SERVERS.iter().find(|key| section.has(key)) {
        return Err(section.problem(foreign, "does not go with sqlite, which is a file"));
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path.contains(['?', '#']) {
        return Err(section.problem("url", "must name a file, such as \"sqlite:payroll.db\", and nothing after it"));
    }
    // `./` keeps SQLite from reading the path as `:memory:` or `file:`.
    let database = Path::new(".").join(section.folder()).join(path);
    // The files that SQLite keeps next to it belong to it.
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut file = database.clone().into_os_string();
        file.push(ending);
        section.reads("url", Path::new(&file));
    }
    Ok(Address::Sqlite(database))
}

impl Server {
    fn from_section(section: &Section<'_>, text: &str, port: u16) -> Result<Self, ConfigError> {
        let wrong = |problem: &str| Err(section.problem("url", problem));
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return wrong(&format!("is not a URL: {error}")),
        };
        if url.password().is_some() {
            return wrong("must not hold a password; it belongs in password_env, password_file or password_command");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("must end with the name of the database, without ? or #");
        }
        let Some(host) = host(&url) else { return wrong("names no host") };
        let Some(user) = decoded(url.username()) else {
            return wrong("names no user; write it before the host, as in reader@db.example.com");
        };
        let Some(database) = decoded(url.path().trim_start_matches('/')) else {
            return wrong("names no database; write it after the host, as in db.example.com/hr");
        };
        let socket = section.path("socket")?;
        let local = is_loopback_host(&host);
        if socket.is_some() && !local {
            return wrong("names another host, but `socket` leads to this machine; write localhost");
        }
        let tls = tls(section, socket.is_some(), local)?;
        Ok(Self {
            host,
            port: url.port().unwrap_or(port),
            socket,
            user,
            database,
            password: Secret::from_section(section, "password", "the password of the database", SecretShape::Password)?,
            tls,
            label: section.label().to_owned(),
        })
    }

    /// Reads the password, if there is one.
    pub(super) async fn password(&self) -> Result<Option<SecretString>, ConfigError> {
        match &self.password {
            None => Ok(None),
            Some(password) => password.fetch().await.map(Some),
        }
    }

    /// Its name for messages.
    pub(super) fn name(&self) -> String {
        match &self.socket {
            Some(socket) => socket.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// Warns if records go over a network without encryption.
    pub(super) fn warn_if_readable(&self) {
        if matches!(self.tls, Tls::Off) && self.socket.is_none() && !is_loopback_host(&self.host) {
            tracing::warn!("{}: the password and the records go to {} unencrypted", self.label, self.name());
        }
    }

    /// The certificates of `ca_file`, in PEM; empty without that setting.
    pub(super) fn authorities(&self) -> Result<Vec<u8>, ConfigError> {
        let Tls::Verify { ca_file: Some(path) } = &self.tls else { return Ok(Vec::new()) };
        let wrong = |problem: &dyn Display| {
            ConfigError::Invalid(format!("`ca_file` in {}: {} {problem}", self.label, path.display()))
        };
        let pem = read_regular(path, MOST_CERTIFICATES, Links::Follow)
            .map_err(|error| wrong(&format_args!("cannot be read: {error}")))?;
        let mut certificates = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            certificate.map_err(|error| wrong(&format_args!("is not PEM: {error}")))?;
            certificates += 1;
        }
        if certificates == 0 { Err(wrong(&"holds no certificate in PEM")) } else { Ok(pem) }
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().filter(|text| !text.is_empty()).map(Into::into)
}

fn host(url: &Url) -> Option<String> {
    match url.host()? {
        Host::Domain(name) => decoded(name),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

/// `tls`, `ca_file` and `plain_text`. On this machine there is no TLS unless it is set; over a network, two settings
/// are needed to switch it off.
fn tls(section: &Section<'_>, socket: bool, local: bool) -> Result<Tls, ConfigError> {
    let word = section.word("tls", &[("verify", TlsWord::Verify), ("off", TlsWord::Off)])?;
    let ca_file = section.path("ca_file")?;
    let allowed = section.word("plain_text", &[("allowed", ())])?.is_some();
    let word = word.unwrap_or(if local && ca_file.is_none() { TlsWord::Off } else { TlsWord::Verify });
    match word {
        TlsWord::Verify if socket => {
            let key = if section.has("tls") { "tls" } else { "ca_file" };
            Err(section.problem(key, "does not go with `socket`: that connection never leaves this machine"))
        }
        TlsWord::Verify if allowed => {
            Err(section.problem("plain_text", "has no effect unless `tls` is \"off\"; remove it"))
        }
        TlsWord::Verify => Ok(Tls::Verify { ca_file }),
        TlsWord::Off if ca_file.is_some() => Err(section.problem("ca_file", "does not go with tls = \"off\"")),
        TlsWord::Off if !local && !allowed => Err(section.problem(
            "tls",
            "must not be \"off\" beyond this machine: the network could read the password and every record; \
             plain_text = \"allowed\" beside it says that this is meant",
        )),
        TlsWord::Off => Ok(Tls::Off),
    }
}
