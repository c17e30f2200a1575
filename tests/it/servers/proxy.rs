//! A stretch of network that fails when it is told to.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes on what is said between whoever connects and a server at a port of 127.0.0.1. Once the server has said so many
/// bytes, `then` is called, and says whether to go on. Gives the port to connect to.
pub(crate) fn until(server: u16, bytes: usize, then: impl Fn() -> bool + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else { return };
            let (from, to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
            thread::spawn(move || pass_on(from, to, |_| true));
            let mut passed = 0;
            pass_on(server, client, |length| {
                let before = passed;
                passed += length;
                !(before < bytes && passed >= bytes) || then()
            });
        }
    });
    port
}

/// A server at 127.0.0.1 that answers whoever speaks to it with this, and with nothing else. Gives its port.
pub(crate) fn saying(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            thread::spawn(move || {
                let mut heard = [0; 1024];
                let mut hears = |client: &mut TcpStream| client.read(&mut heard).is_ok_and(|length| length > 0);
                if hears(&mut client) {
                    let _ = client.write_all(answer);
                }
                while hears(&mut client) {}
            });
        }
    });
    port
}

/// Passes on what one side says until it ends, or until `goes_on`, which is told how much it was, says no.
fn pass_on(mut from: TcpStream, mut to: TcpStream, mut goes_on: impl FnMut(usize) -> bool) {
    let mut part = [0; 1024];
    while let Ok(length @ 1..) = from.read(&mut part) {
        if !goes_on(length) || to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is passed on after so long.
    Slow(Duration),
    /// It is answered with this status, and not passed on.
    Refused(u16),
    /// What removes is refused, and nothing else.
    Lasting,
    /// It is carried out, and its answer is lost.
    Unanswered,
    /// The first one that writes a lease is carried out, and answered with 500.
    Disowned,
    /// One that gives a lease back is answered with 403, and not passed on.
    Kept,
}

/// A proxy in front of an HTTP server at a port of 127.0.0.1.
pub(crate) struct Faulty {
    pub(crate) port: u16,
    fault: Arc<Mutex<Option<Fault>>>,
    /// How often a lease was given back to it, and not taken.
    pub(crate) kept: Arc<AtomicUsize>,
}

impl Faulty {
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
        let port = listener.local_addr().expect("an address").port();
        let fault = Arc::new(Mutex::new(None));
        let kept = Arc::new(AtomicUsize::new(0));
        let (now, seen) = (Arc::clone(&fault), Arc::clone(&kept));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), now, kept) = (client, Arc::clone(&now), Arc::clone(&seen)) else { return };
                thread::spawn(move || drop(one_request(client, server, &now, &kept)));
            }
        });
        Self { port, fault, kept }
    }

    /// What becomes of requests from now on.
    pub(crate) fn set(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().expect("unlocked") = fault.into();
    }
}

/// Whether a request removes objects: one, or several at once.
fn removes(request: &[u8]) -> bool {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    line.starts_with(b"DELETE ") || (line.starts_with(b"POST ") && line.ends_with(b"?delete HTTP/1.1"))
}

/// Answers one request, and ends the connection.
fn one_request(mut client: TcpStream, server: u16, now: &Mutex<Option<Fault>>, kept: &AtomicUsize) -> io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 16 * 1024];
    let (head, length) = loop {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            break (end, length.unwrap_or(0));
        }
        match client.read(&mut part)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&part[..read]),
        }
    };
    while request.len() < head + 4 + length {
        match client.read(&mut part)? {
            0 => return Ok(()),
            read => request.extend_from_slice(&part[..read]),
        }
    }
    let mut fault = *now.lock().expect("unlocked");
    if let Some(Fault::Kept) = fault
        && String::from_utf8_lossy(&request).contains("\"is_free\":true")
    {
        kept.fetch_add(1, Ordering::Relaxed);
        fault = Some(Fault::Refused(403));
    }
    match fault {
        Some(Fault::Slow(time)) => thread::sleep(time),
        Some(Fault::Lasting) if removes(&request) => {
            client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return client.shutdown(Shutdown::Both);
        }
        Some(Fault::Refused(status)) => {
            write!(client, "HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
            return client.shutdown(Shutdown::Both);
        }
        Some(Fault::Kept | Fault::Lasting | Fault::Unanswered | Fault::Disowned) | None => {}
    }
    // The server says that its answer is over by ending the connection.
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    server.write_all(&request[..head])?;
    server.write_all(b"\r\nConnection: close")?;
    server.write_all(&request[head..])?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let writes_lease = request.starts_with(b"PUT ") && String::from_utf8_lossy(&request[..head]).contains(".lease ");
    match fault {
        Some(Fault::Unanswered) => {}
        Some(Fault::Disowned) if writes_lease => {
            *now.lock().expect("unlocked") = None;
            client.write_all(b"HTTP/1.1 500 Disowned\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        }
        _ => client.write_all(&answer)?,
    }
    client.shutdown(Shutdown::Both)
}
