//! A server that hands every request over and answers when it is told to, so that a test decides the order of events.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Held {
    /// Which process sent it.
    pub(super) process: usize,
    pub(super) method: String,
    /// Below the base URL, without the query.
    pub(super) path: String,
    pub(super) body: String,
    reply: oneshot::Sender<(u16, String)>,
}

impl Held {
    pub(super) fn answer(self, status: u16, body: String) {
        // A process that was killed does not wait any more.
        let _ = self.reply.send((status, body));
    }

    /// Closes the connection without an answer.
    pub(super) fn drop(self) {
        drop(self.reply);
    }
}

/// Listens for one process; gives the base URL.
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
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = bytes.split_off(end);
    while body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let path = target.split('?').next()?.strip_prefix("/v1")?.to_owned();
    Some((method, path, String::from_utf8_lossy(&body).into_owned()))
}
