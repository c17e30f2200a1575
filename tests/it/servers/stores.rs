//! Object stores that keep their objects in memory: moto, an S3 server from PyPI, and Azurite, Microsoft's emulator of
//! Azure Blob Storage, from npm.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Server, free_port, installed, program, takes_connections};

/// The key of Azurite's account, which is the same everywhere and not secret.
const ACCOUNT_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Who asks moto for an object, which does not look at the signature.
const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=tester/20260101/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0\r\n";

/// A store with an empty bucket, or container.
pub(crate) struct Store {
    /// The value of `[state] url` for it.
    pub(crate) url: &'static str,
    /// The environment that leads to it, with its credentials.
    pub(crate) env: Vec<(&'static str, String)>,
    pub(crate) server: Server,
    pub(crate) port: u16,
}

impl Store {
    /// An S3 server.
    pub(crate) fn s3() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let arguments = ["-p", &port.to_string()];
        let server = Server::start(folder, &installed("moto/bin/moto_server"), &arguments, || takes_connections(port));
        let env = vec![
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "tester".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "s3cret-of-the-store".to_owned()),
        ];
        let store = Self { url: "s3://bucket/skovik", env, server, port };
        store.send("PUT", "/bucket", SIGNED, "");
        store
    }

    /// Azure Blob Storage.
    pub(crate) fn azure() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let script = installed("azurite/node_modules/azurite/dist/src/blob/main.js");
        let script = script.to_str().expect("a path of text");
        let port_text = port.to_string();
        let arguments = [script, "--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"];
        let arguments = [&arguments[..], &["--blobPort", &port_text]].concat();
        let server = Server::start(folder, &program("node"), &arguments, || takes_connections(port));
        let env = vec![
            ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
            ("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{port}")),
        ];
        let store = Self { url: "az://container/skovik", env, server, port };
        store.make_container();
        store
    }

    /// The environment that leads to it through another port.
    pub(crate) fn env_at(&self, port: u16) -> Vec<(&'static str, String)> {
        let (own, other) = (format!(":{}", self.port), format!(":{port}"));
        self.env.iter().map(|(name, value)| (*name, value.replace(&own, &other))).collect()
    }

    /// The names of the objects of an S3 server.
    pub(crate) fn names(&self) -> Vec<String> {
        let answer = self.send("GET", "/bucket?list-type=2", SIGNED, "");
        answer.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
    }

    /// An object of an S3 server.
    pub(crate) fn read(&self, name: &str) -> String {
        let answer = self.send("GET", &format!("/bucket/{name}"), SIGNED, "");
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    }

    /// Writes an object of an S3 server.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.send("PUT", &format!("/bucket/{name}"), SIGNED, text);
    }

    /// Removes an object of an S3 server.
    pub(crate) fn remove(&self, name: &str) {
        self.send("DELETE", &format!("/bucket/{name}"), SIGNED, "");
    }

    fn make_container(&self) {
        let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let to_sign = format!(
            "PUT{}x-ms-date:{date}\nx-ms-version:2021-08-06\n/devstoreaccount1/devstoreaccount1/container\n\
             restype:container",
            "\n".repeat(12)
        );
        let key = Base64::decode_vec(ACCOUNT_KEY).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(to_sign.as_bytes());
        let signature = Base64::encode_string(&mac.finalize().into_bytes());
        let headers = format!(
            "x-ms-date: {date}\r\nx-ms-version: 2021-08-06\r\nAuthorization: SharedKey devstoreaccount1:{signature}\r\n"
        );
        self.send("PUT", "/devstoreaccount1/container?restype=container", &headers, "");
    }

    /// Sends a request, which must be carried out, and gives the whole answer.
    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let mut request = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n{headers}", self.port);
        let length = body.len();
        write!(request, "Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").expect("written");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(status.starts_with('2'), "{method} {path}: {answer}");
        answer
    }
}
