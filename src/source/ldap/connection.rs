//! A connection to a directory: encrypted unless the settings say otherwise, bound, and closed when it is dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;

use super::error_messages::{Asked, ErrorMessages};
use crate::files::{Links, MOST_CERTIFICATES, read_regular};
use crate::http::{Trust, tls_error, tls_words};
use crate::setting::ConfigError;
use crate::source::{ReadError, blocking};

/// How long connecting may take.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// How long a server may be silent.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// How long closing a connection may take; a failure does not matter.
const LONGEST_FAREWELL: Duration = Duration::from_secs(1);

/// The address of a directory, and how to connect.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) url: Url,
    pub(super) start_tls: bool,
    /// The CA certificates, instead of the system's.
    pub(super) ca_file: Option<PathBuf>,
    /// The section of the settings, for messages.
    pub(super) label: String,
}

/// A connection that is ready for searches.
pub(super) struct Connection {
    pub(super) ldap: Ldap,
    pub(super) words: ErrorMessages,
    driver: JoinHandle<ldap3::result::Result<()>>,
}

impl Server {
    /// Connects, and binds as `bind_dn` if there is one.
    pub(super) async fn connect(
        &self,
        bind_dn: Option<&str>,
        password: Option<SecretString>,
    ) -> Result<Connection, ReadError> {
        let mut settings = LdapConnSettings::new().set_conn_timeout(LONGEST_CONNECT);
        if self.is_encrypted() {
            let (ca_file, label) = (self.ca_file.clone(), self.label.clone());
            let config = blocking(move || client_config(ca_file.as_deref(), &label)).await?;
            settings = settings.set_config(Arc::new(config)).set_starttls(self.start_tls);
        }
        let words = ErrorMessages {
            server: self.url.as_str().trim_end_matches('/').to_owned(),
            password,
            trust: Trust::CaFile(self.ca_file.is_some()),
        };
        let connected = LdapConnAsync::from_url_with_settings(settings, &self.url).await;
        let (driving, ldap) = connected.map_err(|error| words.unreachable(error))?;
        let driver = tokio::spawn(driving.drive());
        let mut connection = Connection { ldap, words, driver };
        connection.bind(bind_dn).await?;
        Ok(connection)
    }

    fn is_encrypted(&self) -> bool {
        self.start_tls || self.url.scheme() == "ldaps"
    }
}

impl Connection {
    async fn bind(&mut self, bind_dn: Option<&str>) -> Result<(), String> {
        let password = self.words.password.clone().unwrap_or_default();
        let asking = self.ldap.with_timeout(LONGEST_SILENCE);
        match asking.simple_bind(bind_dn.unwrap_or_default(), password.expose_secret()).await {
            Ok(result) if result.rc == 0 => Ok(()),
            Ok(result) => Err(self.words.refused(Asked::Bind(bind_dn), &result)),
            Err(error) => Err(self.failed("to the bind", error).await),
        }
    }

    /// The message for a failed request. `to_what` names the request.
    pub(super) async fn failed(&mut self, to_what: &str, error: LdapError) -> String {
        let server = &self.words.server;
        if matches!(error, LdapError::Timeout { .. }) {
            return format!("{server} gave no answer {to_what} for {} seconds", LONGEST_SILENCE.as_secs());
        }
        // The error itself is not shown: it may contain the request, and with it the password. The connection's task
        // knows why the connection ended.
        let why = match timeout(LONGEST_FAREWELL, &mut self.driver).await {
            Ok(Ok(Ok(()))) => "the server closed the connection".to_owned(),
            Ok(Ok(Err(LdapError::Io { source }))) => match tls_error(&source) {
                Some(error) => tls_words(error, self.words.trust),
                None => self.words.clean(&source.to_string()),
            },
            Ok(Err(panic)) if panic.is_panic() => "the server sent what is not LDAP".to_owned(),
            Ok(_) | Err(_) => "the connection was lost".to_owned(),
        };
        format!("{server} gave no complete answer {to_what}: {why}")
    }

    /// Ends the connection as the protocol requires.
    pub(super) async fn close(mut self) {
        let _ = timeout(LONGEST_FAREWELL, self.ldap.unbind()).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn client_config(ca_file: Option<&Path>, label: &str) -> Result<ClientConfig, ReadError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS cannot be used: {error}"))?;
    let builder = match ca_file {
        Some(path) => builder.with_root_certificates(roots(path, label)?),
        None => builder.with_platform_verifier().map_err(|error| {
            format!("the certificates that this system trusts cannot be read: {error}; `ca_file` can name others")
        })?,
    };
    Ok(builder.with_no_client_auth())
}

/// The CA certificates in a PEM file.
fn roots(path: &Path, label: &str) -> Result<RootCertStore, ConfigError> {
    let wrong = |problem: &dyn std::fmt::Display| {
        ConfigError::Invalid(format!("{label}: `ca_file` {} {problem}", path.display()))
    };
    let pem = read_regular(path, MOST_CERTIFICATES, Links::Follow)
        .map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(&format!("is not PEM: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(&format!("holds a certificate that cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"holds no certificate, which begins with -----BEGIN CERTIFICATE-----"));
    }
    Ok(roots)
}
