//! A stretch of network that fails when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

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
