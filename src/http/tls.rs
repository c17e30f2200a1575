//! Messages for errors of TLS that say what to do. Every client of this program uses them.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, InvalidMessage, PeerIncompatible};

use crate::text::printable;

/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 5;
/// How many bytes the longest name of a host has, as a certificate writes it. A longer one is not shown.
const LONGEST_NAME: usize = 255;

/// Which certificates are trusted, for advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A `ca_file` can be set. This says whether it is.
    CaFile(bool),
    /// Those of the system.
    System,
}

/// The error of TLS that an error comes from.
pub(crate) fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error does not report what it wraps as its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

/// What is wrong, and what to do about it.
pub(crate) fn tls_words(error: &rustls::Error, trust: Trust) -> String {
    match error {
        rustls::Error::InvalidCertificate(problem) => certificate(problem, trust),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server answers without TLS on this port; check the scheme and the port of the address".to_owned()
        }
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        )
        | rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion) => {
            "the server offers no version of TLS from 1.2 on, and older ones are not safe; update the server".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("the server ends the TLS connection with the alert {alert:?}"),
        error => format!("TLS fails: {error}"),
    }
}

fn certificate(problem: &CertificateError, trust: Trust) -> String {
    use CertificateError as Problem;
    match problem {
        Problem::UnknownIssuer => {
            format!("no trusted certificate authority (CA) signed the server's certificate; {}", authority(trust))
        }
        Problem::NotValidForNameContext { expected, presented } => wrong_name(&expected.to_str(), presented),
        Problem::NotValidForName => {
            "the server's certificate is for another host; write the host in the address as the certificate names it"
                .to_owned()
        }
        Problem::ExpiredContext { not_after, .. } => format!(
            "the server's certificate expired{}; the server needs a new one (unless the clock of this machine is wrong)",
            on(*not_after)
        ),
        Problem::Expired => "the server's certificate expired; the server needs a new one".to_owned(),
        Problem::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate is not valid yet{}; check the clock of this machine",
            on(*not_before).replacen(" on ", ": it begins on ", 1)
        ),
        Problem::NotValidYet => "the server's certificate is not valid yet; check the clock of this machine".to_owned(),
        Problem::Revoked => "the server's certificate was revoked; the server needs a new one".to_owned(),
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            "the certificate is not one for servers; the server needs one with the extended key usage serverAuth"
                .to_owned()
        }
        Problem::BadSignature => {
            "the server's certificate is not signed by the CA that it names; if that CA has a new certificate, give \
             the new one"
                .to_owned()
        }
        Problem::Other(other) => unusual(&other.to_string()),
        other => format!("the server's certificate cannot be used: {other}"),
    }
}

/// Errors of the certificate library that the TLS library has no name for.
fn unusual(name: &str) -> String {
    match name {
        "CaUsedAsEndEntity" => format!(
            "the server's certificate is that of a CA (CA:TRUE), as `openssl req -x509` makes it unless told \
             otherwise, and a server must not use such a one; {NEW_ONE}"
        ),
        "UnsupportedCertVersion" => {
            format!("the server's certificate is of the old version 1, which names no host; {NEW_ONE}")
        }
        other => format!("the server's certificate cannot be used: {other}"),
    }
}

/// How a usable certificate is made.
const NEW_ONE: &str = "make a new one with `-addext basicConstraints=critical,CA:FALSE -addext \
                       subjectAltName=DNS:HOST`, with the name of the server for HOST";

fn wrong_name(expected: &str, presented: &[String]) -> String {
    if presented.is_empty() {
        return format!(
            "the server's certificate names no host: it has no subjectAltName, and its common name does not count; make \
             a new one with `-addext subjectAltName=DNS:HOST` (IP:ADDRESS for an address), here for {expected}"
        );
    }
    let mut names: Vec<_> = presented.iter().take(NAMES_SHOWN).map(|name| bare(name)).collect();
    if presented.len() > NAMES_SHOWN {
        names.push("…".into());
    }
    format!(
        "the server's certificate is for {}, not for {expected}; write the host in the address as the certificate names it",
        names.join(", ")
    )
}

/// A name without the library's wrapping, as in `DnsName("a.example")`. A certificate may hold any characters.
fn bare(name: &str) -> Cow<'_, str> {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let inner = inner.map_or(name, |inner| inner.trim_matches('"'));
    if inner.len() > LONGEST_NAME {
        return format!("(a name of {} bytes)", inner.len()).into();
    }
    printable(inner)
}

fn authority(trust: Trust) -> &'static str {
    match trust {
        Trust::CaFile(false) => {
            "if it comes from a CA of your own, name that CA's certificate (PEM) in `ca_file`; if it is \
             self-signed, name the certificate itself"
        }
        Trust::CaFile(true) => {
            "`ca_file` must name the certificate of the CA that signed it; if there are intermediate CAs, \
             the server must send their certificates, or `ca_file` hold them too"
        }
        Trust::System => {
            "if it comes from a CA of your own, add that CA to those that this system trusts (on Linux, \
             SSL_CERT_FILE can name a PEM file with all of them)"
        }
    }
}

/// ` on 2026-11-01`, if the time is valid.
fn on(time: UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| format!(" on {}", time.strftime("%Y-%m-%d")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_cause_is_found_wherever_it_is_wrapped() {
        let tls = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let inner = io::Error::other(tls());
        assert!(tls_error(&tls()).is_some() && tls_error(&inner).is_some());
        assert!(tls_error(&io::Error::other(inner)).is_some());
        assert!(tls_error(&io::Error::other("something else")).is_none());
    }

    #[test]
    fn every_problem_comes_with_advice() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let other = |text: &str| CertificateError::Other(rustls::OtherError(Arc::from(Box::from(text))));
        for (problem, expected) in [
            (CertificateError::UnknownIssuer, "name that CA's certificate (PEM) in `ca_file`"),
            (
                CertificateError::ExpiredContext { time: at(1_800_000_000), not_after: at(1_790_000_000) },
                "expired on 2026-09-21; the server needs a new one",
            ),
            (
                CertificateError::NotValidYetContext { time: at(1), not_before: at(1_790_000_000) },
                "not valid yet: it begins on 2026-09-21; check the clock",
            ),
            (CertificateError::InvalidPurpose, "serverAuth"),
            (CertificateError::Revoked, "revoked"),
            (
                other("CaUsedAsEndEntity"),
                "`-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST`",
            ),
            (other("UnsupportedCertVersion"), "the old version 1"),
            (other("MaximumNameConstraintComparisonsExceeded"), "cannot be used: Maximum"),
        ] {
            let said = tls_words(&rustls::Error::InvalidCertificate(problem), Trust::CaFile(false));
            assert!(said.contains(expected), "{said}");
        }
        let unknown = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(tls_words(&unknown(), Trust::System).contains("SSL_CERT_FILE"));
        assert!(tls_words(&unknown(), Trust::CaFile(true)).contains("the server must send their certificates"));
    }

    #[test]
    fn names_are_shown_as_they_are_typed() {
        let said = wrong_name("a.example", &["DnsName(\"b.example\")".to_owned(), "IpAddress(10.0.0.1)".to_owned()]);
        assert!(said.contains("is for b.example, 10.0.0.1, not for a.example"), "{said}");
        let many = vec!["DnsName(\"x\")".to_owned(); 9];
        assert!(wrong_name("a", &many).contains("x, x, x, x, x, …, not"), "{}", wrong_name("a", &many));
        assert!(wrong_name("a", &[]).contains("no subjectAltName"));
        let forged = ["DnsName(\"a\nerror: \u{1b}[2Kb\")".to_owned(), format!("DnsName(\"{}\")", "b".repeat(20_000))];
        let said = wrong_name("a", &forged);
        assert!(said.contains(r"is for a\nerror: \u{1b}[2Kb, (a name of 20000 bytes), not for a"), "{said}");
    }
}
