//! Servers that call themselves databases and break the protocol, on which the library panics.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::thread;

use super::{company, quickly};

/// A server that says this to everybody, after it has read what the client begins with, if that begins.
fn says(answer: Vec<u8>, client_begins: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            if client_begins {
                let _ = stream.read(&mut [0; 1024]).expect("it begins");
            }
            // The client may be gone.
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    port
}

/// A packet of MySQL, the first one.
fn packet(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("a short one");
    [&[length, 0, 0, 0], content].concat()
}

#[test]
fn what_breaks_the_protocol_is_an_error_and_no_defect() {
    let hello = packet(b"\x0a8.0.30\0\x07\0\0\x0012345678\0");
    let mut gave_up = 0;
    for (kind, answer) in [
        ("postgres", b"R\0\0\0\x04".to_vec()),
        ("postgres", b"R\0\0\0\0".to_vec()),
        ("postgres", b"R\0\0\0\x01".to_vec()),
        ("postgres", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x04".to_vec()),
        ("postgres", b"E\0\0\0\x05s3cret".to_vec()),
        ("mysql", packet(b"\x0a")),
        ("mysql", packet(b"")),
        ("mysql", packet(b"\xff")),
        ("mysql", hello),
    ] {
        let port = says(answer.clone(), kind == "postgres");
        let source = format!("kind = \"sql\"\nurl = \"{kind}://u@127.0.0.1:{port}/hr\"\nquery = \"SELECT 1\"\n");
        for command in ["plan", "check"] {
            let output = quickly(&company(&source), &[command]).ends(4);
            let said = output.stderr.clone();
            assert!(said.contains("source `hr`") && !said.contains("panicked"), "{answer:?} {output}");
            gave_up += usize::from(said.contains("is not as its protocol says"));
        }
    }
    assert!(gave_up >= 4, "{gave_up}");
}
