//! The settings of a directory.

use std::path::Path;
use std::sync::Arc;

use crate::config::Settings;
use crate::setting::ConfigError;
use crate::source::Source;

const USUAL: &str = "url = \"ldaps://dc1.example.com\"\nbase = \"dc=example\"\nfilter = \"(objectClass=person)\"\n";

fn settings(source: &str) -> Result<Settings, ConfigError> {
    let text = format!(
        "[target]\nkind = \"skovik\"\nurl = \"https://api.example.com\"\n[employee]\nexternal_identifier = \"x\"\n\
         primary_email = \"x\"\nfirst_name = \"x\"\nlast_name = \"x\"\n\
         [[source]]\nname = \"ad\"\nkind = \"ldap\"\nkey = \"uid\"\n{source}"
    );
    Settings::parse(&text, Path::new("skovik-sync.toml"))
}

fn source(text: &str) -> Arc<dyn Source> {
    Arc::clone(&settings(text).unwrap_or_else(|error| panic!("{error}")).sources[0].kind)
}

#[track_caller]
fn refused(text: &str, says: &str) {
    match settings(text) {
        Ok(_) => panic!("accepted: {text}"),
        Err(error) => assert!(error.to_string().contains(says), "{error}"),
    }
}

#[test]
fn nothing_is_sent_in_the_clear_unless_the_settings_say_so() {
    let with = |url: &str, more: &str| USUAL.replace("ldaps://dc1.example.com", url) + more;
    for (url, more) in [
        ("ldaps://dc1.example.com:3269/", ""),
        ("ldap://dc1.example.com", "start_tls = true"),
        ("ldap://dc1.example.com", "plain_text = \"allowed\""),
        ("ldap://127.0.0.1:389", ""),
        ("ldap://127.8.0.1", ""),
        ("ldap://LOCALHOST", ""),
        ("ldap://[::1]:389", ""),
    ] {
        source(&with(url, more));
    }
    for (url, more, says) in [
        ("ldap://dc1.example.com", "", "unencrypted"),
        ("ldap://127.0.0.1.example.com", "", "unencrypted"),
        ("ldap://10.0.0.1", "", "unencrypted"),
        ("ldap://dc1", "plain_text = \"yes\"", "must be \"allowed\""),
        ("ldap://dc1", "start_tls = true\nplain_text = \"allowed\"", "does not go with TLS"),
        ("ldaps://dc1", "plain_text = \"allowed\"", "does not go with TLS"),
        ("ldaps://dc1", "start_tls = true", "goes with ldap:// only"),
        ("ldaps://[::1]", "", "by its name"),
        ("ldap://localhost", "ca_file = \"x\"", "without TLS"),
        ("https://dc1", "", "must begin with ldaps://"),
        ("ldaps://reader:word@dc1", "", "must not hold a user"),
        ("ldaps://dc1/dc=example?mail", "", "must end with the host"),
        ("ldaps://", "", "names no host"),
        ("dc1", "", "is not a URL"),
    ] {
        refused(&with(url, more), says);
    }
}

#[test]
fn a_name_goes_with_a_password() {
    source(&format!("{USUAL}bind_dn = \"x\"\npassword_env = \"X\""));
    source(USUAL);
    refused(&format!("{USUAL}bind_dn = \"x\""), "`bind_dn` in [[source]] `ad`");
    refused(&format!("{USUAL}password_env = \"X\""), "lacks `bind_dn`");
    refused(&format!("{USUAL}bind_dn = \"x\"\npassword_env = \"X\"\npassword_file = \"y\""), "only one of them");
}

#[test]
fn what_is_searched_for_is_clear() {
    let bare = "url = \"ldaps://dc1\"\n";
    refused(bare, "lacks `base`");
    refused(&format!("{bare}base = []"), "is an empty list");
    refused(&format!("{bare}base = \"dc=x\""), "lacks `filter`");
    refused(&format!("{bare}base = \"dc=x\"\nfilter = \"objectClass=*)\""), "is not an LDAP filter");
    refused(&format!("{USUAL}scope = \"sub\""), "must be \"subtree\" or \"one\" or \"base\"");
    refused(&format!("{USUAL}search = [{{ base = \"dc=y\" }}]"), "is set together with `base`");
    refused(&format!("{bare}filter = \"(a=b)\"\nsearch = [{{ bases = \"dc=y\" }}]"), "did you mean `base`?");
    refused(&format!("{bare}search = [{{ base = \"dc=y\" }}]"), "lacks `filter`");
    refused(
        &format!("{bare}filter = \"(a=b)\"\nsearch = [{{ base = \"dc=y\", may_be_empty = true }}]"),
        "never accepted",
    );
    refused(&format!("{USUAL}may_be_empty = true"), "may_be_empty");
    refused(&format!("{USUAL}page_size = 0"), "must be between 1 and");
    refused(&format!("{USUAL}lists = [\"first name\"]"), "cannot be the name of an attribute");
    refused(&format!("{USUAL}atributes = [\"x\"]"), "did you mean `attributes`?");
}

#[test]
fn the_identity_is_what_selects_and_forms_the_records() {
    let identity = |text: &str| source(text).identity();
    let usual = identity(USUAL);
    for same in [
        "page_size = 7".to_owned(),
        "bind_dn = \"x\"\npassword_env = \"X\"".to_owned(),
        "ca_file = \"x\"".to_owned(),
        "scope = \"subtree\"\nreferrals = \"error\"".to_owned(),
    ] {
        assert_eq!(identity(&format!("{USUAL}{same}")), usual, "{same}");
    }
    for other in
        ["scope = \"one\"", "referrals = \"ignore\"", "lists = [\"x\"]", "binary = [\"x\"]", "attributes = [\"x\"]"]
    {
        assert_ne!(identity(&format!("{USUAL}{other}")), usual, "{other}");
    }
    assert_eq!(identity(&USUAL.replace("ldaps://dc1.example.com", "ldaps://dc2")), usual);
    assert_ne!(identity(&USUAL.replace("person", "user")), usual);
    // The same searches, written in another way and in another order.
    let two = USUAL.replace("\"dc=example\"", "[\"dc=a\", \"dc=b\"]");
    let tables = "url = \"ldaps://dc1\"\n[[source.search]]\nbase = \"dc=b\"\nfilter = \"(objectClass=person)\"\n\
                  [[source.search]]\nbase = \"dc=a\"\nfilter = \"(objectClass=person)\"\nscope = \"subtree\"\n";
    assert_eq!(identity(&two), identity(tables));
    let empty = tables.replace("scope = \"subtree\"", "may_be_empty = true");
    assert_ne!(identity(&empty), identity(tables));
    assert_eq!(identity(&empty.replace("= true", "= false")), identity(tables));
    assert!(!format!("{usual:?}").contains("dc1"));
}
