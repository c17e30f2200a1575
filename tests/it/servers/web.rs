//! A web server that answers as a test scripts it, down to answers that no HTTP library would send; with TLS if it is
//! given a certificate.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certificates::Certificate;
pub(crate) use super::request::Request;

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A proper answer, with further header lines.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// These bytes, and then the connection is closed.
    Raw(String),
    /// A good answer with further header lines and this body.
    Bytes(Vec<(&'static str, &'static str)>, Vec<u8>),
}

/// The server. It goes on until the tests end.
pub(crate) struct Web {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

pub(crate) fn json(body: impl ToString) -> Reply {
    Reply::Answer(200, Vec::new(), body.to_string())
}

pub(crate) fn status(status: u16, body: impl ToString) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_string())
}

impl Request {
    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://x{}", self.target)).expect("a target");
        url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned())
    }

    /// A parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> usize {
        self.parameter(name).unwrap_or_else(|| panic!("no {name} in {}", self.target)).parse().expect("a number")
    }
}

impl Web {
    /// Starts a server that answers the n-th request (from 0) by `script`.
    pub(crate) fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen("http", None, script)
    }

    /// The same with TLS.
    pub(crate) fn start_tls(
        certificate: &Certificate,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let chain = vec![CertificateDer::from_pem_slice(certificate.pem.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("they fit");
        Self::listen("https", Some(Arc::new(config)), script)
    }

    /// Answers every request with this.
    pub(crate) fn always(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone())
    }

    fn listen(
        scheme: &str,
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
        let url = format!("{scheme}://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, script) = (Arc::clone(&requests), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, script, tls) = (Arc::clone(&log), Arc::clone(&script), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &*script, &log),
                    Some(config) => {
                        let connection = ServerConnection::new(config).expect("a connection");
                        serve(StreamOwned::new(connection, stream), &*script, &log);
                    }
                });
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("the log").clone()
    }

    /// Method and target of every request.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }
}

fn serve(mut stream: impl Read + Write, script: &dyn Fn(usize, &Request) -> Reply, log: &Mutex<Vec<Request>>) {
    let Some(request) = read(&mut stream) else { return };
    let number = {
        let mut log = log.lock().expect("the log");
        log.push(request.clone());
        log.len() - 1
    };
    let answer = |status: u16, headers: Vec<(&str, &str)>, body: &[u8]| {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
        [head.as_bytes(), body].concat()
    };
    let bytes = match script(number, &request) {
        Reply::Answer(status, headers, body) => {
            answer(status, headers.iter().map(|(name, value)| (*name, &**value)).collect(), body.as_bytes())
        }
        Reply::Raw(bytes) => bytes.into_bytes(),
        Reply::Bytes(headers, body) => answer(200, headers, &body),
    };
    let _ = stream.write_all(&bytes);
    let _ = stream.flush();
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(request) = Request::parse(&bytes) {
            return Some(request);
        }
        match stream.read(&mut part).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&part[..length]),
        }
    }
}
