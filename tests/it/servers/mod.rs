//! Real servers on loopback, each in a temporary folder of its own. They end with the process of the tests, however that
//! ends: a shell holds each of them, and takes the end of its own input for the end of the tests.

pub(crate) mod certificates;
pub(crate) mod directory_liar;
pub(crate) mod liar;
pub(crate) mod mariadb;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod request;
pub(crate) mod samba;
pub(crate) mod scim;
pub(crate) mod slapd;
pub(crate) mod stores;
pub(crate) mod tools;
pub(crate) mod web;

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use certificates::Authority;
use tempfile::TempDir;

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Starts the arguments, waits until the input ends, stops what it started, and removes the folder.
const HOLD: &str = r#"
folder=$1; shift
trap : INT TERM HUP
"$@" </dev/null >"$folder/log" 2>&1 &
server=$!
echo "$server" >"$folder/pid"
cat >/dev/null
kill "$server" 2>/dev/null
( sleep 10; kill -9 "$server" 2>/dev/null ) & killer=$!
wait "$server"
kill "$killer" 2>/dev/null
rm -rf "$folder"
"#;

/// A server that runs.
pub(crate) struct Server {
    folder: PathBuf,
    holder: Child,
}

impl Server {
    /// Starts a program in a folder that goes with it, and waits until `answers` is true of it.
    pub(crate) fn start(
        folder: TempDir,
        program: &Path,
        arguments: &[&str],
        mut answers: impl FnMut() -> bool,
    ) -> Self {
        let folder = folder.keep();
        let mut holder = Command::new("sh");
        holder.args(["-c", HOLD, "sh"]).arg(&folder).arg(program).args(arguments).current_dir(&folder);
        let holder = holder.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let server = Self { folder, holder };
        let begun = Instant::now();
        while !answers() {
            assert!(begun.elapsed() < PATIENCE, "{} does not answer:\n{}", program.display(), server.log());
            sleep(Duration::from_millis(50));
        }
        server
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read(self.folder.join("log"))
            .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into_owned())
    }

    /// Sends it a signal, such as `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        let process = fs::read_to_string(self.folder.join("pid")).expect("a process");
        let sent = Command::new("kill").args(["-s", signal, process.trim()]).status().expect("kill runs");
        assert!(sent.success(), "no process {process}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// The path of a program, which need not be in the `PATH` of the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    let usual = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from);
    let found = std::env::split_paths(&path).chain(usual).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("there is no {name}; scripts/test installs what the tests need"))
}

/// Writes the certificate of a CA (`ca.pem`), and one that it signed for this machine (`server.pem`, `server.key`).
fn write_certificates(folder: &Path) {
    let authority = Authority::new("the CA of the database");
    let identity = authority.for_loopback();
    for (name, text) in [("ca.pem", authority.pem()), ("server.pem", &identity.pem), ("server.key", &identity.key)] {
        fs::write(folder.join(name), text).expect("written");
    }
}

/// Where scripts/test installs a server.
pub(crate) fn installed(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    assert!(program.is_file(), "there is no {}; run scripts/test, which installs it", program.display());
    program
}

/// Runs a program to its end, which must be a good one.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("started");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    said
}

/// Runs statements on a SQLite file.
pub(crate) fn sqlite(file: &Path, statements: &str) {
    let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()\n";
    run(Command::new(program("python3")).args(["-c", script]).arg(file).arg(statements));
}

/// A port of 127.0.0.1 that nobody uses.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
    listener.local_addr().expect("an address").port()
}

/// Whether somebody takes connections at a port of 127.0.0.1.
pub(crate) fn takes_connections(port: u16) -> bool {
    takes_connections_at(Ipv4Addr::LOCALHOST, port)
}

/// Whether somebody takes connections at a port of an address.
pub(crate) fn takes_connections_at(address: Ipv4Addr, port: u16) -> bool {
    TcpStream::connect((address, port)).is_ok()
}

/// Whether the tests are run by root.
pub(crate) fn is_root() -> bool {
    run(Command::new("id").arg("-u")).trim() == "0"
}

/// If root runs the tests, gives a folder to the user that the server runs as.
pub(crate) fn owned_by(user: &str, folder: &Path) {
    if is_root() {
        run(Command::new("chown").arg("-R").arg(format!("{user}:")).arg(folder));
    }
}
