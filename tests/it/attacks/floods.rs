//! A server that sends without a pause: neither the time of a request nor a signal may wait for its end.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Company, FIXTURE_URL};

/// A request may take one second. The rest is for a slow machine that reads what is under way.
const IN_TIME: Duration = Duration::from_secs(90);

/// Answers every request with `head`, and then with `again`, until the other side closes the connection.
fn flood(head: &'static str, again: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/v1", listener.local_addr().expect("its address"));
    let answer = move |mut stream: TcpStream| {
        let much = again.repeat(4_096);
        let is_read = stream.read(&mut [0; 4_096]).is_ok();
        let mut goes_on = is_read && stream.write_all(head.as_bytes()).is_ok();
        while goes_on {
            goes_on = stream.write_all(much.as_bytes()).is_ok();
        }
        drop(stream.shutdown(Shutdown::Both));
    };
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(thread::spawn(move || answer(stream)))));
    url
}

#[test]
fn what_never_ends_ends_with_the_time_of_the_request() {
    for (head, again) in [
        ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0000000000000000"),
    ] {
        let company = Company::offline("small");
        let url = flood(head, again);
        let target = format!("url = \"{url}\"\ntimeout = \"1s\"\nretries = 0");
        company.edit("skovik-sync.toml", &format!("url = \"{FIXTURE_URL}\""), &target);
        let began = Instant::now();
        let ended = company.run(&["plan"]).ends(4);
        assert!(began.elapsed() < IN_TIME, "{again:?}: {:?}, {}", began.elapsed(), ended.stderr);
        assert!(!company.exists("plan.json"), "{again:?}");
    }
}
