//! Directories that cannot be read, or not to their end, and settings that do not fit them.

use super::*;

/// What a web server says to those who speak LDAP to it.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
                      <html><body>Your browser sent a request that this server could not understand.</body></html>\r\n";

#[test]
fn a_misspelt_attribute_in_a_filter_is_a_mistake_in_the_settings() {
    let company = shared(EVERYBODY);
    let asking = |from: &str, to: &str| company.edit("skovik-sync.toml", from, to);
    let usual = "(objectClass=inetOrgPerson)";
    // The directory would find fewer, or nobody, or everybody.
    for (filter, misspelt, near) in [
        ("(|(uid=p1*)(mial=p2@example.com))", "`mial`", "`mail`"),
        ("(&(objectClass=inetOrgPerson)(employeNumber=*))", "`employeNumber`", "`employeeNumber`"),
        ("(&(objectClass=inetOrgPerson)(!(employeetyp=left)))", "`employeetyp`", "`employeeType`"),
        (
            "(&(objectClass=inetOrgPerson)(!(depatrmentNumber:caseExactMatch:=SE01)))",
            "`depatrmentNumber`",
            "`departmentNumber`",
        ),
    ] {
        asking(usual, filter);
        is_misconfigured(&company, &[filter, misspelt, "[[source]] `ad`", &format!("did you mean {near}?")]);
        asking(filter, usual);
    }
    // By another name, by its number, and in other letters it is known.
    let known = "(&(SURNAME=*)(2.5.4.42=*)(objectclass=inetOrgPerson)(entryUUID=*))";
    asking(usual, known);
    assert_eq!(company.plan(0)["sources"][0]["records"], json!(PEOPLE));
}

#[test]
fn a_filter_is_left_alone_where_the_schema_cannot_be_read() {
    let hidden = format!("access to dn.base=\"cn=Subschema\" by dn.exact=\"{READER}\" none");
    let directory = Slapd::start_with_access(&hidden, &people(20), &authority().for_loopback());
    let company = company(&directory.plain(), EVERYBODY);
    company.edit("skovik-sync.toml", "(objectClass=inetOrgPerson)", "(|(uid=p1*)(mial=p2@example.com))");
    assert_eq!(company.plan(0)["sources"][0]["records"], json!(11));
}

#[test]
fn a_size_limit_that_strikes_is_no_plan() {
    let limits = |limits: &str| format!("limits dn.exact=\"{READER}\" {limits}");
    let certificate = authority().for_loopback();
    let directory =
        Slapd::start(&people(60), &limits("size.soft=50 size.hard=50 size.pr=50 size.prtotal=50"), &certificate);
    let small_pages = format!("page_size = 20\n{EVERYBODY}");
    is_refused(
        &company(&directory.plain(), &small_pages),
        &["broke off the search below dc=example,dc=test: size limit exceeded (4)", "not the whole list"],
    );
    is_refused(&company(&directory.plain(), EVERYBODY), &["administrative limit exceeded (11)", "`page_size`"]);
    // The limit of Active Directory, which counts within a page only.
    let directory =
        Slapd::start(&people(60), &limits("size.soft=50 size.hard=50 size.pr=50 size.prtotal=unlimited"), &certificate);
    let plan = company(&directory.plain(), &small_pages).plan(0);
    assert_eq!(plan["sources"][0]["records"], json!(60));
}

#[test]
fn a_connection_that_is_cut_is_no_plan() {
    let directory = Slapd::shared();
    let pages = format!("page_size = 50\n{EVERYBODY}");
    for bytes in [1, 5_000, 30_000, 60_000] {
        let port = proxy::until(directory.port(), bytes, || false);
        let company = company(&format!("ldap://127.0.0.1:{port}"), &pages);
        is_refused(&company, &["no complete answer to the ", &format!("127.0.0.1:{port}")]);
    }
}

#[test]
fn a_server_that_dies_in_mid_page_is_no_plan() {
    let directory = std::sync::Arc::new(Slapd::start(&people(PEOPLE), "", &authority().for_loopback()));
    let dying = std::sync::Arc::clone(&directory);
    let port = proxy::until(directory.port(), 30_000, move || {
        dying.server.signal("KILL");
        true
    });
    let company = company(&format!("ldap://127.0.0.1:{port}"), &format!("page_size = 50\n{EVERYBODY}"));
    is_refused(&company, &["no complete answer to the search below dc=example,dc=test"]);
    company.edit("skovik-sync.toml", &port.to_string(), &directory.port().to_string());
    is_refused(&company, &["cannot be reached: Connection refused"]);
}

#[test]
fn a_certificate_must_be_trusted_and_fit_the_host() {
    let directory = Slapd::start(&people(3), "", &authority().for_host("ldap.example.test"));
    let trusted = format!("ca_file = \"ca.pem\"\n{EVERYBODY}");
    let start_tls = format!("start_tls = true\n{trusted}");
    for (url, more) in [(directory.tls(), &trusted), (directory.plain(), &start_tls)] {
        let says =
            ["is not trusted", "certificate is for ", "write the host in the address as the certificate names it"];
        is_refused(&company(&url, more), &says);
    }
    // The system does not know the authority of the tests, and neither does another authority.
    let unknown = ["is not trusted", "no trusted certificate authority (CA) signed", "`ca_file`"];
    is_refused(&company(&Slapd::shared().tls(), EVERYBODY), &unknown);
    let other = shared(EVERYBODY);
    other.write("ca.pem", Authority::new("another").pem());
    is_refused(&other, &unknown);
    other.write("ca.pem", "no certificate");
    is_misconfigured(&other, &["[[source]] `ad`: `ca_file`", "holds no certificate"]);
    std::fs::remove_file(other.path("ca.pem")).expect("removed");
    is_misconfigured(&other, &["[[source]] `ad`: `ca_file`", "cannot be read"]);
    // A port that speaks no TLS.
    is_refused(&company(&Slapd::shared().plain().replace("ldap:", "ldaps:"), &trusted), &["ldaps://127.0.0.1"]);
}

#[test]
fn a_wrong_password_is_no_plan_and_a_missing_one_a_wrong_setting() {
    let mut company = shared(EVERYBODY);
    company.env("LDAP_PASSWORD", "hunter-twelve");
    let output = is_refused(&company, &["refuses the bind of cn=reader,dc=example,dc=test: invalid credentials (49)"]);
    assert!(!output.stderr.contains("hunter-twelve"), "{output}");
    let output = company.run(&["-v", "plan"]).ends(4);
    assert!(!output.stderr.contains("hunter-twelve"), "{output}");
    company.edit("skovik-sync.toml", "LDAP_PASSWORD", "NO_SUCH_VARIABLE");
    is_misconfigured(&company, &["[[source]] `ad`", "NO_SUCH_VARIABLE is not set", "the password of `bind_dn`"]);
}

#[test]
fn nobody_in_particular_sees_nothing() {
    let company = shared(EVERYBODY);
    company.edit("skovik-sync.toml", &format!("bind_dn = \"{READER}\"\npassword_env = \"LDAP_PASSWORD\"\n"), "");
    is_refused(&company, &["no such object (32)", "rights"]);
}

#[test]
fn what_is_no_directory_is_no_plan() {
    let timeout = format!("timeout = \"4s\"\n{EVERYBODY}");
    let at = |answer| company(&format!("ldap://127.0.0.1:{}", proxy::saying(answer)), &timeout);
    is_refused(&at(b""), &["was not read within its timeout of 4s"]);
    is_refused(&at(HTTP), &["no complete answer to the bind"]);
    // Something that has the shape of LDAP without being it: an answer to the bind with nothing in it.
    is_refused(&at(b"\x30\x05\x02\x01\x01\x61\x00"), &["sent what is not LDAP"]);
    let tls = format!("ca_file = \"ca.pem\"\n{timeout}");
    let url = format!("ldaps://127.0.0.1:{}", proxy::saying(HTTP));
    is_refused(&company(&url, &tls), &["is not trusted"]);
}
