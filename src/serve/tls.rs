//! TLS with the certificate that the settings name.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::serve::TlsFiles;
use crate::files::{MOST_CERTIFICATES, read_bounded};

/// Reads the certificate chain and its key.
///
/// # Errors
/// If they cannot be read or do not fit; the text names the setting and holds nothing of the key.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, String> {
    let TlsFiles { certificate, key } = files;
    let read = |setting: &str, path: &std::path::Path| {
        read_bounded(path, MOST_CERTIFICATES)
            .map_err(|error| format!("`{setting}` in [serve]: cannot read {}: {error}", path.display()))
    };
    let chain = CertificateDer::pem_slice_iter(&read("tls_cert", certificate)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        format!(
            "`tls_cert` in [serve]: {} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)",
            certificate.display()
        )
    })?;
    let key_der = PrivateKeyDer::from_pem_slice(&read("tls_key", key)?)
        .map_err(|_| format!("`tls_key` in [serve]: {} holds no private key in PEM", key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key_der))
        .map_err(|error| format!("`tls_cert` and `tls_key` in [serve] cannot be used together: {error}"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
