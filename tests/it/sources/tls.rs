//! Bad certificates, as real servers have them: the message for each, and that its advice helps.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::thread;

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::json;

use super::http::{company, people, refused};
use crate::harness::Company;
use crate::servers::certificates::{Authority, Certificate, self_signed};
use crate::servers::web::{Request, Web, json};

/// A server with a certificate, and a source that trusts `trusted`.
fn with(certificate: &Certificate, trusted: Option<&str>) -> (Web, Company) {
    let web = Web::start_tls(certificate, |_, _: &Request| json(json!(people(0, 9))));
    let company = company(&web.url, if trusted.is_some() { "ca_file = \"ca.pem\"" } else { "" });
    trusted.iter().for_each(|pem| company.write("ca.pem", pem));
    (web, company)
}

/// The system trusts only this CA.
fn only_trusting(company: &mut Company, authority: &Authority) {
    let file = company.path("system.pem").to_str().unwrap().to_owned();
    company.write("system.pem", authority.pem());
    company.env("SSL_CERT_FILE", &file);
}

#[test]
fn a_self_signed_certificate_as_openssl_makes_it() {
    let as_it_is = self_signed(&[]);
    let (_web, company) = with(&as_it_is, Some(&as_it_is.pem));
    let advice = "-addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:HOST";
    let output =
        refused(&company, 4, &["source `hr`: https://127.0.0.1:", "(CA:TRUE), as `openssl req -x509`", advice]);
    assert!(!output.to_string().contains("CaUsedAsEndEntity"), "{output}");
    // If only a part of it is done, the message says what is missing.
    let nameless = self_signed(&["-addext", "basicConstraints=critical,CA:FALSE"]);
    let (_web, company) = with(&nameless, Some(&nameless.pem));
    refused(&company, 4, &["it has no subjectAltName", "its common name does not count", "here for 127.0.0.1"]);
    // And as the advice says, it is good.
    let good =
        self_signed(&["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1"]);
    let (_web, company) = with(&good, Some(&good.pem));
    assert_eq!(company.plan(0)["summary"]["create"], 7);
    // It is not trusted unless it is named.
    let (_web, mut company) = with(&good, None);
    only_trusting(&mut company, &Authority::new("Authority of the system"));
    let says = [
        "no trusted certificate authority (CA) signed the server's certificate",
        "if it is self-signed, name the certificate itself",
    ];
    refused(&company, 4, &says);
}

#[test]
fn certificates_of_an_authority_that_are_no_good() {
    let authority = Authority::new("Authority of the tests");
    let expired = authority.changed(|params| params.not_after = date_time_ymd(2025, 3, 1));
    let early = authority.changed(|params| {
        params.not_before = date_time_ymd(2901, 3, 1);
        params.not_after = date_time_ymd(2902, 3, 1);
    });
    let of_clients = authority.changed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let nameless = authority.changed(|params| params.subject_alt_names.clear());
    for (certificate, expected) in [
        (expired, &["expired on 2025-03-01; the server needs a new one"][..]),
        (early, &["is not valid yet: it begins on 2901-03-01; check the clock"]),
        (of_clients, &["is not one for servers", "serverAuth"]),
        (nameless, &["it has no subjectAltName"]),
        (authority.for_host("hr.example.test"), &["is for hr.example.test, not for 127.0.0.1; write the host"]),
        (
            Authority::new("Another one").for_loopback(),
            &["no trusted certificate authority (CA) signed", "`ca_file` must name"],
        ),
    ] {
        let (web, company) = with(&certificate, Some(authority.pem()));
        let output = refused(&company, 4, expected).to_string();
        assert!(!output.contains("tried"), "it will be no better next time: {output}");
        assert_eq!(web.calls(), [""; 0], "nothing is sent before the certificate is found to be good");
    }
}

#[test]
fn a_port_without_tls() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("https://{}/people", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
            // It is read to its end, so that the answer is not lost.
            io::copy(&mut stream, &mut io::sink()).ok();
        }
    });
    let company = company(&url, "");
    refused(&company, 4, &["the server answers without TLS on this port; check the scheme and the port"]);
}

#[test]
fn the_client_of_skovik_says_the_same() {
    let authority = Authority::new("Authority of the tests");
    let skovik = |certificate: &Certificate| {
        let web = Web::start_tls(certificate, |_, _: &Request| json(json!({"data": []})));
        let list = Web::always(json(json!(people(0, 9))));
        let mut company = company(&list.url, "");
        let settings = std::fs::read_to_string(company.path("skovik-sync.toml")).unwrap();
        let target = settings.lines().find(|line| line.starts_with("url = ")).unwrap().to_owned();
        company.edit("skovik-sync.toml", &target, &format!("url = \"{}/v1\"\nretries = 0", web.url));
        company.env("SKOVIK_TOKEN", "any-key");
        only_trusting(&mut company, &authority);
        let output = company.run(&["plan"]);
        (output, web.calls())
    };
    let says = |certificate: &Certificate, expected: &str| {
        let (output, calls) = skovik(certificate);
        assert!(output.stderr.contains(expected) && output.code != Some(0), "{output}");
        assert_eq!(calls, [""; 0], "the key is not sent");
    };
    says(&Authority::new("Another one").for_loopback(), "add that CA to those that this system trusts");
    says(&self_signed(&[]), "(CA:TRUE), as `openssl req -x509`");
    says(&authority.for_host("skovik.example.test"), "is for skovik.example.test, not for 127.0.0.1");
    says(&authority.changed(|params| params.not_after = date_time_ymd(2025, 3, 1)), "expired on 2025-03-01");
    // With the advice followed, the connection is made; only the answer is not that of an account.
    let (output, calls) = skovik(&authority.for_loopback());
    assert!(!output.stderr.contains("certificate") && !calls.is_empty(), "{output}");
}
