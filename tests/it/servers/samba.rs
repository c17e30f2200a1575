//! Samba as a domain controller of Active Directory. Provisioning one needs root.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::slapd::authority;
use super::{Server, free_port, program, run, takes_connections_at};

/// Who reads the directory.
pub(crate) const ADMINISTRATOR: &str = "Administrator@AD.EXAMPLE.TEST";
/// The administrator's password.
pub(crate) const PASSWORD: &str = "Pa55-of-the-Administrator";
/// Where the people are.
pub(crate) const STAFF: &str = "OU=Staff,DC=ad,DC=example,DC=test";
/// The unit of one more person, whom a test moves.
pub(crate) const MOVERS: &str = "OU=Movers,DC=ad,DC=example,DC=test";
/// How many there are of the staff.
pub(crate) const PEOPLE: usize = 40;

/// A domain controller that runs.
pub(crate) struct Samba {
    server: Server,
    /// Its ports cannot be chosen, so that it has an address of its own.
    address: Ipv4Addr,
}

impl Samba {
    /// The only one: they are slow to make.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Samba> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        provision(&path);
        fs::create_dir(path.join("run")).expect("made");
        let [high, low] = free_port().to_be_bytes();
        let address = Ipv4Addr::new(127, 77, high, low);
        let certificate = authority().for_address(address);
        let write = |name: &str, text: &str| fs::write(path.join(name), text).expect("written");
        write("ca.pem", authority().pem());
        write("certificate.pem", &certificate.pem);
        write("key.pem", &certificate.key);
        // It takes no key that others could read.
        run(Command::new("chmod").arg("600").arg(path.join("key.pem")));
        write("smb.conf", &smb_conf(&path, address));
        let settings = path.join("smb.conf");
        let arguments = ["-F", "--no-process-group", "-M", "single", "-s", settings.to_str().expect("text")];
        let answers = || takes_connections_at(address, 389) && takes_connections_at(address, 636);
        let samba = Self { server: Server::start(folder, &program("samba"), &arguments, answers), address };
        samba.ldap("ldapadd", &people(PEOPLE));
        samba
    }

    /// Where it keeps everything.
    pub(crate) fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Its address without TLS.
    pub(crate) fn plain(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// Its address with TLS from the first byte.
    pub(crate) fn tls(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    /// Runs `ldapadd` or `ldapmodify`.
    pub(crate) fn ldap(&self, tool: &str, ldif: &str) {
        let file = self.server.folder().join("change.ldif");
        fs::write(&file, ldif).expect("written");
        run(self.tool(tool).arg("-f").arg(file));
    }

    fn tool(&self, tool: &str) -> Command {
        let mut command = Command::new(program(tool));
        command.env("LDAPTLS_CACERT", self.server.folder().join("ca.pem"));
        command.args(["-x", "-H", &self.tls(), "-D", ADMINISTRATOR, "-w", PASSWORD]);
        command
    }
}

/// The name of the n-th person's account.
fn dn(n: usize) -> String {
    format!("CN=First{n} Last{n},{STAFF}")
}

/// People with managers. The accounts of some are disabled: those of every tenth, and they are as Active Directory makes
/// them, with more than that one bit set.
fn people(count: usize) -> String {
    let mut ldif = format!(
        "dn: {STAFF}\nobjectClass: organizationalUnit\n\ndn: {MOVERS}\nobjectClass: organizationalUnit\n\n\
         dn: CN=Mover,{MOVERS}\nobjectClass: user\nsAMAccountName: mover\ngivenName: M\nsn: Mover\n\
         mail: mover@example.com\ndepartment: SE01\nuserAccountControl: 544\n\n"
    );
    for n in 0..count {
        let _ = write!(
            ldif,
            "dn: {}\nobjectClass: user\nsAMAccountName: p{n}\nemployeeNumber: {}\ngivenName: First{n}\nsn: Last{n}\n\
             mail: p{n}@example.com\nuserPrincipalName: p{n}@ad.example.test\ndepartment: SE01\n\
             proxyAddresses: SMTP:p{n}@example.com\nproxyAddresses: smtp:first{n}@example.com\n\
             userAccountControl: {}\n",
            dn(n),
            1000 + n,
            // NORMAL_ACCOUNT, PASSWD_NOTREQD, and for some ACCOUNTDISABLE.
            if n % 10 == 9 { 512 + 32 + 2 } else { 512 + 32 },
        );
        if n > 0 {
            let _ = writeln!(ldif, "manager: {}", dn((n - 1) / 8));
        }
        ldif.push('\n');
    }
    ldif
}

fn provision(folder: &Path) {
    let mut command = Command::new(program("samba-tool"));
    command.args(["domain", "provision", "--realm=AD.EXAMPLE.TEST", "--domain=ADX", "--server-role=dc"]);
    command.args(["--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.1"]);
    command.arg(format!("--adminpass={PASSWORD}")).arg(format!("--targetdir={}", folder.display()));
    run(&mut command);
}

/// Only LDAP, and everything below the folder.
fn smb_conf(folder: &Path, address: Ipv4Addr) -> String {
    let folder = folder.display();
    format!(
        "[global]
netbios name = DC1
realm = AD.EXAMPLE.TEST
workgroup = ADX
server role = active directory domain controller
server services = ldap
interfaces = {address}/8
bind interfaces only = yes
tls enabled = yes
tls keyfile = {folder}/key.pem
tls certfile = {folder}/certificate.pem
tls cafile = {folder}/ca.pem
ldap server require strong auth = yes
binddns dir = {folder}/bind-dns
cache directory = {folder}/cache
lock directory = {folder}
private dir = {folder}/private
state directory = {folder}/state
pid directory = {folder}/run
ncalrpc dir = {folder}/run/ncalrpc
winbindd socket directory = {folder}/run/winbindd
ntp signd socket directory = {folder}/run/ntp
logging = file
log file = {folder}/log.samba
"
    )
}
