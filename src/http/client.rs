//! The HTTP library, set up so that it decides nothing: no redirect, no repetition, no decompression.

use std::sync::Once;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

use super::{Options, chain, gzip, is_loopback};

/// # Errors
/// If the library cannot be set up, for example because the system's certificates are missing.
pub(super) fn client(options: &Options) -> Result<reqwest::Client, String> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only where the program has chosen a provider before, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let Options { url, timeout, authorities, .. } = options;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("skovik-sync/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_gzip()
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(gzip::ACCEPTED))]))
        // The library must repeat nothing: only `Transport::send` knows what may be repeated.
        .retry(reqwest::retry::never())
        .timeout(*timeout)
        // Shorter than the whole, so that a silent host is known not to have received the request.
        .connect_timeout((*timeout / 2).min(Duration::from_secs(10)))
        // A connection that the server is about to close would make the outcome of a POST unclear for nothing.
        .pool_idle_timeout(Duration::from_secs(15));
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if let Some(authorities) = authorities {
        builder = builder.tls_certs_only(authorities.iter().cloned());
    } else if url.scheme() == "http" {
        // The system's certificates are not needed, and may be missing in a container.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| chain(&error))
}
