//! An HTTP server that gives the same answer to whatever it is asked, and can go on with it for ever.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// How long a request may be.
const LONGEST: usize = 64 * 1024;

/// The server, which ends with the tests.
pub(crate) struct Liar {
    pub(crate) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    said: Arc<AtomicUsize>,
}

impl Liar {
    /// Says `answer` to each request, then `more` again and again for as long as somebody listens; if that is empty, it
    /// ends the connection.
    pub(crate) fn saying(answer: &str, more: &'static [u8]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bound");
        let port = listener.local_addr().expect("an address").port();
        let (heard, said) = (Arc::default(), Arc::default());
        let liar = Self { port, heard, said };
        let (heard, said) = (Arc::clone(&liar.heard), Arc::clone(&liar.said));
        let answer = answer.to_owned();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(mut client), heard, said) = (client, Arc::clone(&heard), Arc::clone(&said)) else { return };
                let answer = answer.clone();
                thread::spawn(move || {
                    heard.lock().expect("unlocked").push(head(&mut client));
                    let mut is_heard = client.write_all(answer.as_bytes()).is_ok();
                    while is_heard && !more.is_empty() {
                        is_heard = client.write_all(more).is_ok();
                        said.fetch_add(more.len(), Ordering::Relaxed);
                    }
                });
            }
        });
        liar
    }

    /// The heads of the requests so far.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("unlocked").clone()
    }

    /// How many bytes it has said beyond its answers.
    pub(crate) fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }
}

/// Reads the head of a request.
fn head(client: &mut TcpStream) -> String {
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    while head.len() < LONGEST && !head.windows(4).any(|four| four == b"\r\n\r\n") {
        match client.read(&mut part) {
            Ok(length @ 1..) => head.extend_from_slice(&part[..length]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}
