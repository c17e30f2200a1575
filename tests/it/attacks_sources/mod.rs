//! Attacks by way of the settings and the sources: keys that get into wrong hands, work and lists without end, files that
//! are none, and lists that somebody is writing.

mod bounds;
mod databases;
mod keys;
mod lists;

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{BINARY, Company, Output};

/// The fixture's source, up to its key.
const CSV: &str = "kind = \"csv\"\npath = \"employees.csv\"\n";

/// A company whose list comes from elsewhere.
fn company(source: &str) -> Company {
    let company = Company::new("small");
    company.edit("skovik-sync.toml", CSV, source);
    company
}

/// Runs the program, which must end by itself before long, with a bound to its memory: what has none ends with a signal.
fn quickly(company: &Company, args: &[&str]) -> Output {
    let shell = ["-c", "ulimit -v 6000000; exec \"$0\" \"$@\"", BINARY];
    let begun = Instant::now();
    let mut command = company.command("sh", &[&shell[..], args].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let id = child.id();
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
        let _ = std::process::Command::new("kill").args(["-9", &id.to_string()]).status();
        panic!("{args:?} goes on after {:?}", begun.elapsed())
    });
    Output::of(args, output.expect("it ended"))
}
