//! Servers that call themselves databases: they break the protocol, on which the library panics, send notices with a
//! secret in them, or send messages without end, which the library reads without a pause.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::{company, quickly};
use crate::harness::Company;

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

/// A message of PostgreSQL.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).expect("a short one").to_be_bytes();
    [&[kind], &length[..], content].concat()
}

/// A notice of PostgreSQL.
fn notice(severity: &str, said: &str) -> Vec<u8> {
    message(b'N', format!("S{severity}\0V{severity}\0C01000\0M{said}\0\0").as_bytes())
}

/// What PostgreSQL says to somebody whom it lets in.
fn welcome() -> Vec<u8> {
    [message(b'R', &[0; 4]), message(b'K', &[0; 8]), message(b'Z', b"I")].concat()
}

fn reads_from(port: u16, more: &str) -> Company {
    company(&format!("kind = \"sql\"\nurl = \"postgres://u@127.0.0.1:{port}/hr\"\nquery = \"SELECT 1\"\n{more}"))
}

#[test]
fn a_notice_of_a_server_is_in_no_log() {
    let said = format!("hr-secret-fedcba9876543210 {}", "long ".repeat(10_000));
    for severity in ["WARNING", "ERROR", "NOTICE"] {
        let answer = [notice(severity, &said), welcome(), notice(severity, &said)].concat();
        let mut company = reads_from(says(answer, true), "password_env = \"HR_SECRET\"\n");
        company.env("HR_SECRET", "hr-secret-fedcba9876543210");
        for options in [&["plan"][..], &["plan", "-vvv"], &["plan", "--log-format", "json"]] {
            let output = quickly(&company, options).ends(4);
            assert!(!format!("{output}").contains("fedcba98"), "{severity} {output}");
            assert!(!output.stderr.contains("long long"), "{severity} {output}");
        }
    }
}

/// A server that says this to everybody, and then that as long as somebody listens.
fn goes_on(begins: Vec<u8>, with: &[u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its port").port();
    let with = with.repeat(64 * 1024 / with.len());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, begins, with) = (stream.expect("a client"), begins.clone(), with.clone());
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(&begins);
                while stream.write_all(&with).is_ok() {}
            });
        }
    });
    port
}

#[test]
fn a_server_that_sends_without_a_pause_is_left() {
    for (begins, with) in [
        (message(b'R', &[0; 4]), notice("LOG", "still here")),
        (welcome(), notice("WARNING", "still here")),
        (welcome(), message(b'S', b"a\0b\0")),
    ] {
        let port = goes_on(begins, &with);
        let output = quickly(&reads_from(port, "timeout = \"2s\"\n"), &["plan"]).ends(4);
        output.says(&["was not read within its timeout of 2s"]);
        let company = reads_from(port, "");
        let child = company.command(crate::harness::BINARY, &["plan"]).stderr(Stdio::piped()).spawn();
        let child = child.expect("it starts");
        thread::sleep(Duration::from_secs(2));
        let id = child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().expect("kill runs");
        let (sender, ended) = channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let output = ended.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| {
            let _ = Command::new("kill").args(["-9", &id]).status();
            panic!("it does not hear a signal")
        });
        assert_eq!(output.expect("it ended").status.code(), Some(130));
    }
}
