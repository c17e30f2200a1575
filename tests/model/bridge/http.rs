//! A server that passes every request to the test and waits for the test's answer. So the test decides the order of
//! events.

#[path = "../../it/servers/request.rs"]
mod request;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use request::Request;

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Held {
    /// The process that sent it.
    pub(super) process: usize,
    pub(super) method: String,
    /// The path below the base URL, without the query.
    pub(super) path: String,
    pub(super) body: String,
    reply: oneshot::Sender<(u16, String)>,
}

impl Held {
    pub(super) fn answer(self, status: u16, body: String) {
        // A killed process no longer waits.
        let _ = self.reply.send((status, body));
    }

    /// Closes the connection without an answer.
    pub(super) fn drop(self) {
        drop(self.reply);
    }
}

/// Listens for one process. Returns the base URL.
pub(super) async fn listen(process: usize, held: mpsc::UnboundedSender<Held>) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1", listener.local_addr()?);
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(stream, process, held.clone()));
        }
    });
    Ok(url)
}

async fn serve(mut stream: TcpStream, process: usize, held: mpsc::UnboundedSender<Held>) {
    let Some((method, path, body)) = read(&mut stream).await else { return };
    let (reply, answer) = oneshot::channel();
    if held.send(Held { process, method, path, body, reply }).is_err() {
        return;
    }
    let Ok((status, body)) = answer.await else { return };
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{length}\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<(String, String, String)> {
    let mut bytes = Vec::new();
    let Request { method, target, head, body } = loop {
        if let Some(request) = Request::parse(&bytes) {
            break request;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let path =
        target.split('?').next()?.strip_prefix("/v1").unwrap_or_else(|| panic!("this request goes elsewhere:\n{head}"));
    Some((method, path.to_owned(), body))
}
