//! The format of `allowed_signers`.

use jiff::tz::Offset;

use super::*;

const ANNA: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";
const BEN: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

fn parse(text: &str) -> Result<AllowedSigners, String> {
    AllowedSigners::parse(text, &TimeZone::fixed(Offset::constant(2)))
}

fn key(text: &str) -> SignerKey {
    let (kind, base64) = first_word(text);
    SignerKey::parse(kind, base64).expect("a key")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Whether Anna's key counts as hers on a day, under one line.
fn counts(line: &str, time: &str) -> Result<(), String> {
    parse(&line.replace("KEY", ANNA)).expect(line).check(&key(ANNA), "anna@example.com", at(time))
}

#[test]
fn lines_that_let_her_sign() {
    for line in [
        "anna@example.com KEY",
        "  anna@example.com\tKEY a comment, \"quoted\" or not",
        "\"anna@example.com\" KEY",
        "\"ben b@example.com,anna@example.com\" KEY",
        "*@example.com,!ben@example.com KEY",
        "anna@e?ample.* KEY",
        "anna@example.com namespaces=\"skovik-sync-approval\" KEY",
        "anna@example.com Namespaces=\"git,skovik-*\" KEY",
        "anna@example.com valid-after=\"20260301\",valid-before=\"20260401\" KEY",
        "# a remark\n\nben@example.com KEY\nanna@example.com KEY\r",
        "anna@example.com namespaces=\"git\" KEY\nanna@example.com KEY",
        "anna@example.com valid-before=\"20250101\" KEY\nanna@example.com valid-after=\"20250101Z\" KEY",
    ] {
        assert_eq!(counts(line, "2026-03-15T00:00:00Z"), Ok(()), "{line}");
    }
}

#[test]
fn lines_that_do_not_let_her_sign() {
    for (line, expected) in [
        ("", "not in allowed_signers, which lists nobody: SHA256:"),
        ("# anna@example.com KEY", "which lists nobody"),
        ("anna@example.com BEN", "not in allowed_signers: SHA256:"),
        ("ben@example.com KEY", "is ben@example.com's (allowed_signers line 1), not anna@example.com's"),
        ("Anna@example.com KEY", "not anna@example.com's"),
        ("*@example.com,!anna@* KEY", "not anna@example.com's"),
        ("!anna@example.com KEY", "not anna@example.com's"),
        ("anna@example.co KEY", "not anna@example.com's"),
        ("*@example KEY", "not anna@example.com's"),
        ("anna@example.com namespaces=\"git\" KEY", "`namespaces` in allowed_signers (line 1) do not include"),
        ("anna@example.com namespaces=\"\" KEY", "do not include"),
        ("anna@example.com namespaces=\"*,!skovik-*\" KEY", "do not include"),
        ("anna@example.com valid-after=\"20260316Z\" KEY", "not valid yet"),
        ("\nanna@example.com valid-before=\"20260314Z\" KEY", "has expired: valid-before in allowed_signers (line 2)"),
        ("anna@example.com namespaces=\"git\",cert-authority KEY", "which lists nobody"),
    ] {
        let refusal = counts(&line.replace("BEN", BEN), "2026-03-15T00:00:00Z").expect_err(line);
        assert!(refusal.contains(expected), "{line}: {refusal}");
    }
}

#[test]
fn times_are_the_machine_s_unless_they_say_otherwise_and_both_ends_count() {
    for (option, first, last) in [
        ("20260301", "2026-02-28T22:00:00Z", "2026-02-28T22:00:00Z"),
        ("20260301Z", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("202603011230", "2026-03-01T10:30:00Z", "2026-03-01T10:30:00Z"),
        ("20260301123045UTC", "2026-03-01T12:30:45Z", "2026-03-01T12:30:45.9Z"),
        ("20260301123045z", "2026-03-01T12:30:45Z", "2026-03-01T12:30:45Z"),
    ] {
        let second = jiff::SignedDuration::from_secs(1);
        let after = format!("anna@example.com valid-after=\"{option}\" KEY");
        assert_eq!(counts(&after, first), Ok(()), "{option}");
        assert!(counts(&after, &(at(first) - second).to_string()).is_err(), "{option}");
        let before = format!("anna@example.com valid-before=\"{option}\" KEY");
        assert_eq!(counts(&before, last), Ok(()), "{option}");
        assert!(counts(&before, &(at(last) + second).to_string()).is_err(), "{option}");
    }
}

#[test]
fn a_line_that_cannot_be_used_is_an_error_with_its_number() {
    let weak = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC3";
    for (line, expected) in [
        ("anna@example.com", "has no public key"),
        ("anna@example.com garbage", "has a word of 7 characters (not shown"),
        ("password: Hunter2", "has a word of 7 characters (not shown"),
        ("password Hunter2=value", "has a word of 7 characters (not shown"),
        ("anna@example.com ssh-ed25519", "has no public key"),
        ("anna@example.com ssh-ed25519 AAAA", "is no ssh-ed25519 public key"),
        (
            "anna@example.com ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
            "is no ssh-rsa public key",
        ),
        ("anna@example.com WEAK", "is no ssh-rsa public key"),
        // The length of the key is another one than that of what follows; something follows the key.
        (
            "anna@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIbM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti",
            "is no proper public key",
        ),
        (
            "anna@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqtiAAAA",
            "public key",
        ),
        ("KEY", "has a word of 68 characters (not shown"),
        ("\"anna@example.com KEY", "quote that is not closed"),
        ("an\"na@example.com KEY", "does not begin with principals"),
        ("anna@example.com cert-authority KEY", "certificates are not supported"),
        ("* Cert-Authority,namespaces=\"*\" KEY", "certificates are not supported"),
        ("anna@example.com ssh-ed25519-cert-v01@openssh.com AAAA", "certificates are not supported"),
        ("anna@example.com no-touch-required KEY", "has a word of 17 characters (not shown"),
        ("anna@example.com namespaces KEY", "has \"namespaces\" where"),
        ("anna@example.com namespaces=git KEY", "namespaces= needs a value in quotes"),
        ("anna@example.com namespaces=\"git KEY", "needs a value in quotes"),
        ("anna@example.com namespaces=\"a\",namespaces=\"b\" KEY", "has namespaces twice"),
        ("anna@example.com valid-after=\"20260101\",valid-after=\"20250101\" KEY", "has valid-after twice"),
        ("anna@example.com namespaces=\"a\"x KEY", "between namespaces and the next comma"),
        ("anna@example.com valid-before=\"tomorrow\" KEY", "is no time"),
        ("anna@example.com valid-before=\"20260230\" KEY", "is no time"),
        ("anna@example.com valid-before=\"2026030112\" KEY", "is no time"),
        ("anna@example.com valid-before=\"\" KEY", "is no time"),
        ("anna@example.com \u{1b}KEY", "control character"),
    ] {
        let text = format!("# first\n{}", line.replace("KEY", ANNA).replace("WEAK", weak));
        let error = parse(&text).expect_err(line);
        assert!(error.starts_with("line 2: ") && error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn a_key_tells_its_principal_only_where_there_is_one() {
    for (line, expected) in [
        ("anna KEY", Some("anna")),
        ("anna KEY\nanna valid-before=\"20250101\" KEY", Some("anna")),
        ("anna,ben KEY", None),
        ("* KEY", None),
        ("anna KEY\nben KEY", None),
        ("anna namespaces=\"git\" KEY", None),
    ] {
        let signers = parse(&line.replace("KEY", ANNA)).expect(line);
        assert_eq!(signers.principal_of(&key(ANNA)), expected, "{line}");
    }
}
