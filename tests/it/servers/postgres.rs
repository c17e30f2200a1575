//! PostgreSQL in a folder of its own, with TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Server, free_port, is_root, owned_by, program, run, takes_connections, write_certificates};

/// The user who may log in over the network, and the password.
pub(crate) const READER: (&str, &str) = ("reader", "pg-s3cret-of-the-reader");

/// A server. Its certificate is for 127.0.0.1 and not for `localhost`.
pub(crate) struct Postgres {
    server: Server,
    port: u16,
}

impl Postgres {
    /// The one that tests share. What they do to it they do in databases of their own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("on"))
    }

    /// One of the test's own, with TLS `on` or `off`.
    pub(crate) fn start(tls: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
        write_certificates(folder.path());
        run(Command::new("chmod").arg("600").arg(path("server.key")));
        owned_by("postgres", folder.path());
        let data = path("data");
        let options = ["-D", &data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync"];
        run(as_its_user(&home_of("initdb")).args(options));
        let login = format!("local all all trust\nhost all {} 127.0.0.1/32 scram-sha-256\n", READER.0);
        fs::write(folder.path().join("data/pg_hba.conf"), login).expect("written");
        let port = free_port();
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", folder.path().display()),
            format!("ssl={tls}"),
            format!("ssl_cert_file={}", path("server.pem")),
            format!("ssl_key_file={}", path("server.key")),
            "fsync=off".to_owned(),
        ];
        let start = as_its_user(&home_of("postgres"));
        let mut arguments: Vec<String> =
            start.get_args().map(|argument| argument.to_str().expect("text").to_owned()).collect();
        arguments.extend(["-D".to_owned(), data]);
        arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let socket = folder.path().to_owned();
        let answers = || takes_connections(port) && psql_succeeds(&socket, port);
        let starter = PathBuf::from(start.get_program());
        let server = Server::start(folder, &starter, &arguments, answers);
        let postgres = Self { server, port };
        postgres.sql("postgres", &format!("CREATE ROLE {} LOGIN PASSWORD '{}'", READER.0, READER.1));
        postgres
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket.
    pub(crate) fn socket(&self) -> &Path {
        self.server.folder()
    }

    /// The certificate of the CA that signed its own.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.server.folder().join("ca.pem")
    }

    /// Makes a database, in which the reader may read what `sql` creates.
    pub(crate) fn database(&self, name: &str, options: &str, sql: &str) {
        self.sql("postgres", &format!("CREATE DATABASE {name} {options}"));
        let grant = format!("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {}", READER.0);
        self.sql(name, &format!("{grant};\n{sql}"));
    }

    /// Runs statements as the owner of everything; gives what they print, without headers.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        run(self.psql(database).args(["-c", sql]))
    }

    /// The client, ready to be given statements.
    pub(crate) fn psql(&self, database: &str) -> Command {
        psql(self.socket(), self.port, database)
    }

    /// Sends it a signal, such as `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        self.server.signal(signal);
    }
}

fn psql(socket: &Path, port: u16, database: &str) -> Command {
    let mut command = Command::new(program("psql"));
    command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database]);
    command.arg("-h").arg(socket).args(["-p", &port.to_string()]).stdin(Stdio::null());
    command
}

fn psql_succeeds(socket: &Path, port: u16) -> bool {
    psql(socket, port, "postgres").args(["-c", "SELECT 1"]).output().is_ok_and(|output| output.status.success())
}

/// A program of the server's, which Debian keeps in a folder for each version.
fn home_of(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let files = versions.map(|version| version.path().join("bin").join(name)).filter(|file| file.is_file());
    files.max().unwrap_or_else(|| program(name))
}

/// It refuses to be run by root.
fn as_its_user(file: &Path) -> Command {
    if !is_root() {
        return Command::new(file);
    }
    let mut command = Command::new(program("setpriv"));
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(file);
    command
}
