//! A connection to a directory: encrypted unless the settings say otherwise, bound, and closed when it is dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use url::Url;

use super::client::{Client, ClientError, Tls};
use super::error_messages::{Asked, ErrorMessages};
use super::message::{self, Operation};
use crate::files::{Links, MOST_CERTIFICATES, read_regular};
use crate::http::Trust;
use crate::setting::ConfigError;
use crate::source::{ReadError, blocking};

/// How long connecting may take.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
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
    pub(super) client: Client,
    pub(super) words: ErrorMessages,
}

impl Server {
    /// Connects, and binds as `bind_dn` if there is one.
    pub(super) async fn connect(
        &self,
        bind_dn: Option<&str>,
        password: Option<SecretString>,
    ) -> Result<Connection, ReadError> {
        let words = ErrorMessages {
            server: self.url.as_str().trim_end_matches('/').to_owned(),
            password,
            trust: Trust::CaFile(self.ca_file.is_some()),
        };
        let host = self.url.host_str().unwrap_or_default();
        let tls = if self.is_encrypted() {
            let (ca_file, label) = (self.ca_file.clone(), self.label.clone());
            let config = blocking(move || client_config(ca_file.as_deref(), &label)).await?;
            Some(Tls { config: Arc::new(config), host, after_start_tls: self.start_tls })
        } else {
            None
        };
        let address = format!("{host}:{}", self.url.port().unwrap_or(self.usual_port()));
        let connected = timeout(LONGEST_CONNECT, Client::connect(&address, tls)).await;
        let client = connected.unwrap_or(Err(ClientError::Silent)).map_err(|error| words.unreachable(&error))?;
        let mut connection = Connection { client, words };
        connection.bind(bind_dn).await?;
        Ok(connection)
    }

    fn usual_port(&self) -> u16 {
        if self.url.scheme() == "ldaps" { 636 } else { 389 }
    }

    fn is_encrypted(&self) -> bool {
        self.start_tls || self.url.scheme() == "ldaps"
    }
}

impl Connection {
    async fn bind(&mut self, bind_dn: Option<&str>) -> Result<(), String> {
        let Self { client, words } = self;
        let failed = |error: ClientError| words.failed("to the bind", &error);
        let password = words.password.as_ref().map_or("", |password| password.expose_secret());
        let request = |number| message::bind(number, bind_dn.unwrap_or_default(), password);
        let number = client.send(request).await.map_err(failed)?;
        let messages = client.answer(number).await.map_err(failed)?;
        match messages.last().map_err(failed)?.operation {
            Operation::Bound(outcome) if outcome.code == 0 => Ok(()),
            Operation::Bound(outcome) => Err(words.refused(Asked::Bind(bind_dn), &outcome.into())),
            _ => Err(failed(ClientError::OtherRequest)),
        }
    }

    /// Ends the connection as the protocol requires.
    pub(super) async fn close(self) {
        let _ = timeout(LONGEST_FAREWELL, self.client.unbind()).await;
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
