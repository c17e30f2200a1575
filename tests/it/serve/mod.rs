//! `serve`, as a program that is asked over HTTP and killed.

mod all;
mod all_keys;
mod events;
mod floods;
mod notifications;
mod pages;
mod schemes;
mod signals;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::process::{Pid, Signal, kill_process};
use sha2::Sha256;

use crate::house::{House, Person, people};

/// The secret of the webhook, and the token of readers.
pub(crate) const SECRET: &str = "a-secret-of-the-webhook-0123456789";
pub(crate) const TOKEN: &str = "a-token-of-the-readers-0123456789";
/// The longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// The policy that applies usual plans, a webhook, and a port that is free.
pub(crate) const AUTOMATIC: &str = "[approval]\nautomatic = true\n";

/// The settings of a webhook, after those of the policy.
pub(crate) fn webhook(debounce: &str, more: &str) -> String {
    format!(
        "{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\ndebounce = \"{debounce}\"\n{more}\n[[webhook]]\nname = \"hr\"\n\
         path = \"/hr\"\nverify = \"hmac-sha256\"\nheader = \"X-Signature\"\nsecret_env = \"HR_SECRET\"\n\
         ids = \"/employee/id\"\n"
    )
}

/// Twenty people on both sides.
pub(crate) fn house(settings: &str) -> House {
    let everybody = people("SE01", 20);
    House::new(&everybody, &everybody, settings, &[])
}

/// The twenty, and this many more who are not in Skovik yet.
pub(crate) fn more_people(more: usize) -> Vec<Person> {
    people("SE01", 20 + more)
}

/// The running program.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: String,
    said: Arc<Mutex<String>>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// With the names of headers in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Service {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(house: &House) -> Self {
        Self::start_with(house, &["serve"])
    }

    /// The same with other arguments.
    pub(crate) fn start_with(house: &House, args: &[&str]) -> Self {
        Self::start_in(house, args, &[])
    }

    /// The same in another environment.
    pub(crate) fn start_in(house: &House, args: &[&str], env: &[(&'static str, String)]) -> Self {
        let mut command = house.command(args);
        command.env("HR_SECRET", SECRET).env("READ_TOKEN", TOKEN).envs(env.iter().cloned());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (sink, errors) = (Arc::clone(&said), child.stderr.take().expect("stderr"));
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                sink.lock().expect("said").push_str(&(line + "\n"));
            }
        });
        let mut service = Self { child, address: String::new(), said };
        let address = service.until("it listens", |service| {
            let said = service.said();
            let line = said.lines().find_map(|line| line.split_once("listening on "));
            line.and_then(|(_, url)| Some(url.split_once("://")?.1.to_owned()))
        });
        service.address = address;
        service
    }

    /// All that it has said.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("said").clone()
    }

    /// Waits for something.
    #[track_caller]
    pub(crate) fn until<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            let ended = self.child.try_wait().expect("asked");
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "not {what} ({ended:?}):\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks for something.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    /// A request; the answer is read to its end.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_to_ask(method, path, headers, body).expect("an answer")
    }

    /// The same, where the program may be killed meanwhile.
    pub(crate) fn try_to_ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).ok()?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).ok()?;
        Answer::parse(&String::from_utf8(text).expect("UTF-8"))
    }

    /// Sends an event, signed as the webhook demands.
    pub(crate) fn event(&self, body: &str) -> Option<u16> {
        self.try_to_ask("POST", "/hr", &[("X-Signature", &signature(body))], body).map(|answer| answer.status)
    }

    /// The value of a metric without labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let answer = self.get("/metrics", &[("Authorization", &format!("Bearer {TOKEN}"))]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let value = answer.body.lines().find_map(|line| line.strip_prefix("skovik_sync_")?.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok())
    }

    /// Waits until so many runs have ended.
    #[track_caller]
    pub(crate) fn has_run(&mut self, runs: u32) {
        self.until("enough runs", |service| {
            service.metric("run_duration_seconds_count").filter(|ended| *ended >= f64::from(runs))
        });
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("an id")).expect("an id");
        kill_process(pid, signal).expect("sent");
    }

    /// Kills it, as a lost machine would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    /// Asks it to end, and gives its exit code.
    pub(crate) fn end(self) -> Option<i32> {
        self.end_by(Signal::TERM)
    }

    /// The same with another signal.
    pub(crate) fn end_by(mut self, signal: Signal) -> Option<i32> {
        self.signal(signal);
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("asked") {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let lines = head.lines().map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
            None => format!("{line}\n"),
        });
        Some(Self { status, head: lines.collect(), body: body.to_owned() })
    }
}

/// The code of a body.
pub(crate) fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    let code = mac.finalize().into_bytes();
    format!("sha256={}", code.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
