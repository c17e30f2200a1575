//! OpenLDAP with people in it.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use super::certificates::{Authority, Certificate};
use super::{Server, free_port, program, run, takes_connections};

/// The account that may read the directory.
pub(crate) const READER: &str = "cn=reader,dc=example,dc=test";
/// The reader's password.
pub(crate) const PASSWORD: &str = "correct horse; battery \"staple\"";
/// How many people the shared directory holds.
pub(crate) const PEOPLE: usize = 360;

/// A directory that runs.
pub(crate) struct Slapd {
    pub(crate) server: Server,
    port: u16,
    tls_port: u16,
}

impl Slapd {
    /// The directory that all tests share which only read it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Slapd> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&people(PEOPLE), "", &authority().for_loopback()))
    }

    /// A directory with these entries below `dc=example,dc=test`, more settings of its database, and a certificate.
    pub(crate) fn start(ldif: &str, database: &str, certificate: &Certificate) -> Self {
        Self::start_with_schema("", ldif, database, certificate)
    }

    /// The same with rules of access that come before all others.
    pub(crate) fn start_with_access(access: &str, ldif: &str, certificate: &Certificate) -> Self {
        // A setting of the whole server, like those of a schema.
        Self::start_with_schema(access, ldif, "", certificate)
    }

    /// The same with more schema.
    pub(crate) fn start_with_schema(schema: &str, ldif: &str, database: &str, certificate: &Certificate) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("a path of text").to_owned();
        let write = |name: &str, text: &str| fs::write(path(name), text).expect("written");
        fs::create_dir(path("data")).expect("made");
        write("certificate.pem", &certificate.pem);
        write("key.pem", &certificate.key);
        write("entries.ldif", &format!("{BASE_ENTRIES}{ldif}"));
        let settings = path("slapd.conf");
        write("slapd.conf", &slapd_conf(folder.path().to_str().expect("text"), schema, database));
        run(Command::new(program("slapadd")).args(["-q", "-f", &settings, "-l", &path("entries.ldif")]));
        let (port, tls_port) = (free_port(), free_port());
        let addresses = format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}");
        // Told to print something, it stays in the foreground.
        let arguments = ["-f", &settings, "-h", &addresses, "-d", "0"];
        let answers = || takes_connections(port) && takes_connections(tls_port);
        Self { server: Server::start(folder, &program("slapd"), &arguments, answers), port, tls_port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its address without TLS.
    pub(crate) fn plain(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// Its address with TLS from the first byte.
    pub(crate) fn tls(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }
}

/// The authority that signs the directories' certificates.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("the authority of the tests"))
}

/// This many people, a tenth of them contractors, each except the first with a manager from earlier in the list.
pub(crate) fn people(count: usize) -> String {
    let mut ldif = String::new();
    for n in 0..count {
        let _ = write!(
            ldif,
            "dn: {}\nobjectClass: inetOrgPerson\nuid: p{n}\nemployeeNumber: {}\ngivenName: First{n}\nsn: Last{n}\n\
             cn: First{n} Last{n}\nmail: P{n}@Example.com\ndepartmentNumber: {}\nemployeeType: {}\n",
            dn(n),
            1000 + n,
            if n % 3 == 0 { "NO01" } else { "SE01" },
            if n % 50 == 49 { "left" } else { "active" },
        );
        if n > 0 {
            let _ = writeln!(ldif, "manager: {}", dn((n - 1) / 8));
        }
        ldif.push('\n');
    }
    ldif
}

/// The distinguished name of the n-th person.
pub(crate) fn dn(n: usize) -> String {
    let unit = if n % 10 == 9 { "contractors" } else { "staff" };
    format!("uid=p{n},ou={unit},dc=example,dc=test")
}

const BASE_ENTRIES: &str = "\
dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=staff,dc=example,dc=test
objectClass: organizationalUnit
ou: staff

dn: ou=contractors,dc=example,dc=test
objectClass: organizationalUnit
ou: contractors

dn: cn=reader,dc=example,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: correct horse; battery \"staple\"

";

/// Only the reader sees anything, as in most companies.
fn slapd_conf(folder: &str, schema: &str, database: &str) -> String {
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{schema}
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/certificate.pem
TLSCertificateKeyFile {folder}/key.pem
access to dn.base=\"\" by * read
access to dn.base=\"cn=Subschema\" by * read
database mdb
maxsize 4294967296
suffix \"dc=example,dc=test\"
rootdn \"cn=admin,dc=example,dc=test\"
rootpw admin
directory {folder}/data
index objectClass eq
access to attrs=userPassword by anonymous auth
access to * by dn.exact=\"{READER}\" read
{database}
"
    )
}
