//! MariaDB in a folder of its own, with TLS.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::{Server, free_port, is_root, owned_by, program, run, takes_connections, write_certificates};

/// The user who may log in over the network, and the password.
pub(crate) const READER: (&str, &str) = ("reader", "maria-s3cret-of-the-reader");

/// From where: over the network, and over the socket.
const PLACES: [&str; 2] = ["127.0.0.1", "localhost"];

/// A server. Its certificate is for 127.0.0.1 and not for `localhost`.
pub(crate) struct MariaDb {
    server: Server,
    port: u16,
}

impl MariaDb {
    /// The one that tests share. What they do to it they do in databases of their own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<MariaDb> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One of the test's own.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
        write_certificates(folder.path());
        owned_by("mysql", folder.path());
        let data = format!("--datadir={}", path("data"));
        // Started by root, it becomes this user; started by another one, it stays that one.
        let user: &[&str] = if is_root() { &["--user=mysql"] } else { &[] };
        let install = ["--no-defaults", &data, "--auth-root-authentication-method=normal", "--skip-test-db"];
        run(Command::new(program("mariadb-install-db")).args(install).args(user));
        let port = free_port();
        let settings = [
            data,
            format!("--port={port}"),
            format!("--socket={}", path("socket")),
            format!("--pid-file={}", path("server.pid")),
            format!("--ssl-cert={}", path("server.pem")),
            format!("--ssl-key={}", path("server.key")),
        ];
        let mut arguments = vec!["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin"];
        arguments.extend(settings.iter().map(String::as_str));
        arguments.extend(user);
        let socket = folder.path().join("socket");
        let answers = || takes_connections(port) && succeeds(&socket);
        let server = Server::start(folder, &program("mariadbd"), &arguments, answers);
        let mariadb = Self { server, port };
        let (reader, password) = READER;
        for place in PLACES {
            mariadb.sql("mysql", &format!("CREATE USER {reader}@{place} IDENTIFIED BY '{password}'"));
        }
        mariadb
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.server.folder().join("socket")
    }

    /// The certificate of the CA that signed its own.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.server.folder().join("ca.pem")
    }

    /// Makes a database with what `sql` creates, which the reader may read, and change as far as the server lets them.
    pub(crate) fn database(&self, name: &str, sql: &str) {
        self.sql("mysql", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
        for place in PLACES {
            self.sql("mysql", &format!("GRANT ALL ON {name}.* TO {}@{place}", READER.0));
        }
        self.sql(name, sql);
    }

    /// Runs statements as root; gives what they print, without headers.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        run(client(&self.socket()).args([database, "-e", sql]))
    }
}

fn client(socket: &Path) -> Command {
    let mut command = Command::new(program("mariadb"));
    command.args(["--no-defaults", "--default-character-set=utf8mb4", "-u", "root", "-N", "-B"]);
    command.arg("-S").arg(socket).stdin(Stdio::null());
    command
}

fn succeeds(socket: &Path) -> bool {
    client(socket).args(["-e", "SELECT 1"]).output().is_ok_and(|output| output.status.success())
}
