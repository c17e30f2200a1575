//! A server that answers as a test scripts it, down to answers that no HTTP library would send.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) use crate::servers::request::Request;

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A proper answer, with further header lines.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// These bytes, and then the connection is closed.
    Raw(String),
    /// Nothing, ever.
    Hang,
    /// A proper answer, after a while.
    Late(Duration, u16, String),
}

/// The server; it lives as long as the test's runtime.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<(Instant, Request)>>>,
    most_at_once: Arc<AtomicUsize>,
}

pub(crate) fn json(status: u16, body: impl Into<String>) -> Reply {
    Reply::Answer(status, Vec::new(), body.into())
}

impl Server {
    /// Starts a server that answers the n-th request (from 0) by `script`.
    pub(crate) async fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, most_at_once, now) =
            (Arc::new(script), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let server = Self { url, requests: Arc::clone(&requests), most_at_once: Arc::clone(&most_at_once) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                let (most_at_once, now) = (Arc::clone(&most_at_once), Arc::clone(&now));
                tokio::spawn(async move {
                    serve(stream, &*script, &requests, &now, &most_at_once).await;
                });
            }
        });
        server
    }

    /// Answers one request after the other with these, and with the last one from then on.
    pub(crate) async fn replies(replies: Vec<Reply>) -> Self {
        Self::start(move |number, _| replies[number.min(replies.len() - 1)].clone()).await
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// When each request came.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        self.requests.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// Method and target of every request.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &(impl Fn(usize, &Request) -> Reply + Sync),
    log: &Mutex<Vec<(Instant, Request)>>,
    now: &AtomicUsize,
    most_at_once: &AtomicUsize,
) {
    let Some(request) = read(&mut stream).await else { return };
    most_at_once.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    let number = {
        let mut log = log.lock().unwrap();
        log.push((Instant::now(), request.clone()));
        log.len() - 1
    };
    let bytes = match script(number, &request) {
        Reply::Answer(status, headers, body) => answer(status, &headers, &body),
        Reply::Raw(bytes) => bytes,
        Reply::Hang => std::future::pending().await,
        Reply::Late(wait, status, body) => {
            tokio::time::sleep(wait).await;
            answer(status, &[], &body)
        }
    };
    // Before the answer, after which the client may send the next request.
    now.fetch_sub(1, Ordering::SeqCst);
    let _ = stream.write_all(bytes.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(status: u16, headers: &[(&'static str, String)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{length}{headers}\r\n{body}")
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = Request::parse(&bytes) {
            return Some(request);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
