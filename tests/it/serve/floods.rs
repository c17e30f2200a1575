//! Clients who send without a pause, and without a secret.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Service, house, webhook};

/// How many clients there are.
const CLIENTS: usize = 8;
/// How long others may wait meanwhile. Nearly all of it is for a slow machine.
const IN_TIME: Duration = Duration::from_secs(10);

/// Begins a request whose first chunk never begins, as its size never ends.
fn flood(address: &str, is_over: &AtomicBool) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    let zeros = [b'0'; 60_000];
    stream.write_all(b"POST /hr HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
    while !is_over.load(Ordering::Relaxed) {
        stream.write_all(&zeros).ok()?;
    }
    stream.shutdown(Shutdown::Both).ok()
}

#[test]
fn clients_who_send_without_a_pause_leave_time_for_others() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    let (is_over, closed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (address, is_over, closed) = (service.address.clone(), Arc::clone(&is_over), Arc::clone(&closed));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    flood(&address, &is_over);
                    closed.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    let began = Instant::now();
    // Their connections end after ten seconds, and they begin anew.
    while closed.load(Ordering::Relaxed) == 0 || began.elapsed() < Duration::from_secs(5) {
        let asked = Instant::now();
        assert_eq!(service.get("/healthz", &[]).status, 200);
        assert!(asked.elapsed() < IN_TIME, "{:?}", asked.elapsed());
        assert!(began.elapsed() < 2 * super::PATIENCE, "no connection is closed");
    }
    let asked = Instant::now();
    assert_eq!(service.end(), Some(0));
    assert!(asked.elapsed() < IN_TIME, "{:?}", asked.elapsed());
    is_over.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("ended"));
}
