//! Files that people write by hand: the settings and the allowed signers. Signatures, which people paste.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use skovik_sync::approval::signature::Signature;
use skovik_sync::approval::signers::AllowedSigners;
use skovik_sync::config::Settings;

use crate::driver::Target;
use crate::{fixture, refused};

const SIGNATURE: &str = include_str!("corpus/signature");
/// The text that [`SIGNATURE`] signs.
const SIGNED: &[u8] = b"hello";
const SIGNERS: &str = include_str!("corpus/allowed_signers");

#[test]
fn settings() {
    let kinds = include_bytes!("corpus/kinds.toml").to_vec();
    let seeds = vec![kinds, fixture("group/skovik-sync.toml"), fixture("small/skovik-sync.toml")];
    let words = &[
        "{{",
        "}}",
        "{% for x in range(99) %}",
        "{% endfor %}",
        "{% if ",
        "not ",
        "((",
        "[[",
        "'",
        "\"\"\"",
        "'''",
        "hr.",
        " | lower",
        " is undefined",
        "\n[source.auth]\nkind = \"header\"\n",
        "= 99999999999999999999",
        "= -1",
        "= \"\"",
        "= []",
        "= {}",
        "= true",
        "= 1979-05-27",
        "(|(",
        "=*",
        "\\2a",
        "/~1",
        "{% raw %}",
        "{#",
        "loop",
        "\\u0000",
        "a.b.c",
    ];
    Target { name: "settings::settings", seeds, words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return Err("not UTF-8".to_owned()) };
        let path = Path::new("/x/skovik-sync.toml");
        match Settings::parse(text, path) {
            Err(error) => refused(input, &error),
            Ok(settings) => {
                let commented = Settings::parse(&format!("# The same\n{text}"), path).unwrap();
                assert_eq!(settings.hash(), commented.hash(), "a comment changes the hash");
                let elsewhere = Settings::parse(text, Path::new("/y/other.toml")).unwrap();
                assert_eq!(settings.hash(), elsewhere.hash(), "where the file is changes the hash");
                Ok(format!("settings with {} sources", settings.sources.len()))
            }
        }
    });
}

#[test]
fn allowed_signers() {
    let words = &[
        "namespaces=\"",
        "valid-after=\"20260101\"",
        "valid-before=\"20261231235959Z\"",
        "cert-authority",
        "*",
        "?",
        "!",
        ",",
        "\\\"",
        "sk-ssh-ed25519@openssh.com ",
        "ssh-rsa ",
        "AAAA",
        "\n",
        "\t",
        "#",
        "skovik-sync-approval",
        "19700101",
        "99991231235960",
    ];
    let key = Signature::read(SIGNATURE).unwrap().key().clone();
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    assert!(AllowedSigners::parse(SIGNERS, &zone).unwrap().check(&key, "anna@example.com", now).is_ok());
    Target { name: "settings::allowed_signers", seeds: vec![SIGNERS.into()], words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return Err("not UTF-8".to_owned()) };
        let signers = match AllowedSigners::parse(text, &zone) {
            Err(error) => return refused(input, &error),
            Ok(signers) => signers,
        };
        for principal in ["anna@example.com", "eve@example.org", ""] {
            let believed = signers.check(&key, principal, now).is_ok();
            let known = signers.knows(principal);
            assert!(known || !believed, "a key is accepted for {principal:?}, who is not in the file");
        }
        if let Some(name) = signers.principal_of(&key) {
            assert!(signers.knows(name), "the only principal of a key, {name:?}, is not in the file");
        }
        Ok(format!("{:?}", signers.check(&key, "anna@example.com", now)))
    });
}

#[test]
fn signature() {
    let read = Signature::read(SIGNATURE).unwrap();
    assert!(read.verify(SIGNED).is_ok());
    let seeds = vec![SIGNATURE.into()];
    let words = &["-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----", "AAAA", "==", "\r\n", "U1NIU0lH"];
    Target { name: "settings::signature", seeds, words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return Err("not UTF-8".to_owned()) };
        match Signature::read(text) {
            Err(error) => refused(input, &error),
            Ok(changed) => {
                assert!(changed.verify(b"hellO").is_err(), "it verifies a text that was not signed");
                let verified = changed.verify(SIGNED);
                assert!(verified.is_err() || changed.key() == read.key(), "it verifies with a key that did not sign");
                Ok(format!("{verified:?}"))
            }
        }
    });
}
