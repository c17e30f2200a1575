//! Whoever does not read what the program says holds up neither its writes nor a signal.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use tokio::process::Child;

use crate::company::{Company, row};
use crate::harness::{self, BINARY, Output};
use crate::house::{House, people};
use crate::world::{Pace, World, room, signal};

/// More than fill a pipe with their events.
const MANY: usize = 300;
/// How long anything here may take that ends by itself.
const IN_TIME: Duration = Duration::from_secs(60);

/// An approved plan that creates so many people.
async fn creates(count: usize, rules: &[&str]) -> World {
    let rows: Vec<_> = (1..=count).map(|number| row(number, None)).collect();
    let world = World::faulty(&Company::of(&[], &rows), Pace { timeout_ms: 20_000, ..Pace::default() }, rules).await;
    assert_eq!(world.approved_plan().await.content().operations.len(), count);
    world
}

fn mkfifo(world: &World, name: &str) {
    assert!(std::process::Command::new("mkfifo").arg(world.path(name)).status().expect("it runs").success());
}

/// Waits for the end without reading what was printed before it.
async fn ended(mut child: Child) -> Output {
    let status = tokio::time::timeout(IN_TIME, child.wait()).await.expect("it ends in time").expect("it ran");
    let output = child.wait_with_output().await.expect("what was printed");
    assert_eq!(output.status, status);
    output.into()
}

#[tokio::test]
async fn events_that_nobody_reads_do_not_stop_the_writes() {
    let _room = room().await;
    let world = creates(MANY, &[]).await;
    let mut command = world.command(&["apply", "plan.json", "--events", "-"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let ended = ended(child).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(world.writes().len(), MANY);
    assert!(ended.stderr.contains("--events -") && ended.stderr.contains("lost"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{MANY} created")), "{}", ended.stderr);
}

#[tokio::test]
async fn a_signal_is_heard_while_nobody_reads_the_events() {
    let _room = room().await;
    let world = creates(MANY, &["POST /users slow=40ms"]).await;
    mkfifo(&world, "pipe");
    // Opened at both ends, and never read.
    let reader = std::fs::File::options().read(true).write(true).open(world.path("pipe")).expect("opened");
    let mut command = world.command(&["apply", "plan.json", "--events", "pipe"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while world.writes().len() < MANY * 2 / 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    signal(&child, "-INT").await;
    let ended = ended(child).await;
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stderr.contains("to resume") && world.writes().len() < MANY, "{}", ended.stderr);
    drop(reader);
    let again = world.apply().await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(world.people().len(), MANY, "nobody twice");
}

/// Nothing is printed to anybody: neither the logs of every request nor the events nor the result.
#[tokio::test]
async fn neither_output_need_be_read() {
    let _room = room().await;
    let world = creates(MANY, &[]).await;
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = world.command(&["-vv", "apply", "plan.json", "--events", "-"]);
    let child = command.stdout(writer.try_clone().expect("cloned")).stderr(writer).spawn().expect("it starts");
    drop(command);
    let ended = ended(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(world.writes().len(), MANY);
    let mut printed = Vec::new();
    reader.read_to_end(&mut printed).expect("read");
    assert!(printed.len() >= 60_000, "the pipe was not full: {}", printed.len());
}

/// The outcome stands before it is printed: whoever does not read it is waited for a while, and a signal ends the wait.
#[tokio::test]
async fn a_result_that_nobody_reads_is_waited_for_but_not_for_ever() {
    let _room = room().await;
    for interrupted in [false, true] {
        let world = creates(3, &[]).await;
        let (_reader, mut writer) = std::io::pipe().expect("a pipe");
        // As much as a pipe takes.
        writer.write_all(&[b'x'; 65536]).expect("written");
        let mut command = world.command(&["apply", "plan.json"]);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
        while world.writes().len() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let began = Instant::now();
        if interrupted {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            signal(&child, "-INT").await;
        }
        let ended = ended(child).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        if interrupted {
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        } else {
            assert!(ended.stderr.contains("standard output: nobody reads it"), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn a_pipe_that_nobody_opens_is_refused_before_anything_is_written() {
    let _room = room().await;
    let world = creates(3, &[]).await;
    mkfifo(&world, "pipe");
    let ended = world.run(&["apply", "plan.json", "--events", "pipe"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("--events pipe: nobody reads this pipe"), "{ended:?}");
    assert_eq!(world.writes().len(), 0);
    let mut command = world.command(&["apply", "plan.json", "--events", "pipe"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let began = Instant::now();
    signal(&child, "-INT").await;
    let ended = self::ended(child).await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_pipe_that_is_read_gets_every_event() {
    let _room = room().await;
    let world = creates(MANY, &[]).await;
    mkfifo(&world, "pipe");
    let path = world.path("pipe");
    let reader = tokio::task::spawn_blocking(move || std::fs::read_to_string(path).expect("read"));
    let ended = world.run(&["apply", "plan.json", "--events", "pipe"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let events = reader.await.expect("read");
    // The first and the last, two for each operation, and one before the list that confirms them.
    assert_eq!(events.lines().count(), 2 * MANY + 3);
    assert!(events.lines().last().expect("a line").contains("summary"), "{events}");
}

/// A terminal that takes nothing any more, as after a lost connection: `script` is the terminal, and nobody reads it.
#[test]
fn a_terminal_that_takes_nothing_holds_up_neither_the_writes_nor_a_signal() {
    let full = "timeout 3 sh -c 'yes full >&2'";
    let at_terminal = |company: &harness::Company| {
        company.write(
            "job.sh",
            format!("{full}; sh -c 'echo $$ > pid; exec {BINARY} apply plan.json > out'; echo $? > code\n"),
        );
        let mut command = company.command("script", &["--quiet", "--command", "sh job.sh", "/dev/null"]);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().expect("the tests need `script`, from Debian's package bsdutils")
    };
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < IN_TIME, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    for (rules, signal, code) in [(&[][..], None, "0\n"), (&["POST /users slow=1500ms"], Some("-INT"), "130\n")] {
        let company = harness::Company::faulty("small", rules);
        company.run(&["plan"]).ends(0);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        let mut terminal = at_terminal(&company);
        if let Some(signal) = signal {
            until("a write", &|| company.requests().iter().any(|request| request.method != "GET"));
            let pid = company.read("pid");
            assert!(company.command("kill", &[signal, pid.trim()]).status().expect("it runs").success());
        }
        until("the apply ends", &|| company.exists("code") && company.read("code").ends_with('\n'));
        assert_eq!(company.read("code"), code);
        terminal.kill().expect("killed");
        terminal.wait().expect("it ran");
        if signal.is_some() {
            company.run(&["apply", "plan.json"]).ends(0);
        }
        company.is_in_line();
    }
}

/// A signal that comes between two steps, while a message waits for the terminal, is not lost.
#[test]
fn a_signal_ends_a_plan_on_a_terminal_that_takes_nothing() {
    for delay in [600, 900, 1300] {
        let company = harness::Company::new("small");
        // More than a terminal has room for, even if it takes a little.
        let newcomer = |n| format!("5{n:04},p{n}@example.com,First{n},Last{n},SE01,1001,4100,active\n");
        company.append("employees.csv", &(0..MANY).map(newcomer).collect::<String>());
        let plan = format!("sh -c 'echo $$ > pid; exec {BINARY} plan --all'; echo $? > code\n");
        company.write("job.sh", format!("timeout 3 sh -c 'yes full >&2'; {plan}"));
        let mut command = company.command("script", &["--quiet", "--command", "sh job.sh", "/dev/null"]);
        command.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut terminal = command.spawn().expect("the tests need `script`, from Debian's package bsdutils");
        let wait_for = |file: &str, most: Duration| {
            let began = Instant::now();
            while !(company.exists(file) && company.read(file).ends_with('\n')) {
                assert!(began.elapsed() < most, "{file}, {delay} ms");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait_for("pid", IN_TIME);
        std::thread::sleep(Duration::from_millis(delay));
        let sent = company.command("kill", &["-INT", company.read("pid").trim()]).status().expect("it runs");
        let ended = company.exists("code").then(|| company.read("code"));
        assert!(sent.success(), "{delay} ms: it ended before: {ended:?}");
        wait_for("code", Duration::from_secs(20));
        assert_eq!(company.read("code"), "130\n", "{delay} ms");
        terminal.kill().expect("killed");
        terminal.wait().expect("it ran");
    }
}

/// Whatever a command prints, it does not wait for the reader once it is asked to end.
#[test]
fn a_signal_ends_the_wait_for_the_reader_of_any_result() {
    let company = harness::Company::new("small");
    company.run(&["plan"]).ends(0);
    for args in [
        &["plan"][..],
        &["demo"],
        &["check"],
        &["check", "--contract"],
        &["plan", "--explain", "1003"],
        &["show", "plan.json"],
    ] {
        let (_reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(&[b'x'; 65536]).expect("written");
        let mut command = company.command(BINARY, args);
        let mut child = command.stdout(writer).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(child.try_wait().expect("asked"), None, "{args:?}: it waits for the reader");
        let asked = Instant::now();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
        let ended = child.wait().expect("ended");
        assert!(ended.code().is_none_or(|code| code == 130), "{args:?}: {ended}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{args:?}: {:?}", asked.elapsed());
    }
}

/// A snapshot that is written is there, whether that can be printed or not; a plan that cannot be shown is not approved.
#[test]
fn what_cannot_be_printed_is_an_error_only_before_anything_is_done() {
    let company = harness::Company::new("small");
    company.run(&["plan"]).ends(0);
    let printed_to_full = |args: &[&str]| {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let output = company.command(BINARY, args).stdout(full).stderr(Stdio::piped()).output().expect("it runs");
        Output::of(args, output)
    };
    printed_to_full(&["snapshot", "-o", "s.jsonl"]).ends(0).says(&["could not be written to standard output"]);
    assert!(company.exists("s.jsonl"));
    printed_to_full(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(1).says(&["cannot write"]);
    assert!(!company.exists("plan.json.anna.approval"));
}

/// Some parents make a pipe non-blocking: a full one is an error at once, and is waited for all the same.
#[test]
fn an_output_that_must_not_block_is_waited_for() {
    let company = harness::Company::new("small");
    company.run(&["plan"]).ends(0);
    let shown = company.run(&["show", "plan.json"]).ends(0).stdout;
    for args in [&["show", "plan.json"][..], &["plan"], &["apply", "plan.json", "--events", "-"]] {
        let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
        fcntl_setfl(&writer, OFlags::NONBLOCK).expect("non-blocking");
        let mut filled = 0;
        while let Ok(written) = writer.write(&[b'x'; 4096]) {
            filled += written;
        }
        if args[0] == "apply" {
            company.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
        }
        let mut child = company.command(BINARY, args).stdout(writer).stderr(Stdio::piped()).spawn().expect("it runs");
        std::thread::sleep(Duration::from_millis(500));
        let mut read = String::new();
        reader.read_to_string(&mut read).expect("text");
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{args:?}: {said}");
        let read = &read[filled..];
        match args[0] {
            "show" => assert_eq!(read, shown),
            "plan" => assert!(read.contains("to create"), "{read}"),
            _ => assert!(read.contains("\"summary\""), "{read}: {said}"),
        }
    }
}

/// What was applied stays applied, whether the result can be printed or not.
#[tokio::test]
async fn a_result_that_cannot_be_printed_changes_no_exit_code() {
    let _room = room().await;
    let world = creates(3, &[]).await;
    for words in ["could not be written to standard output", "could not be written to standard output"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let child = world.command(&["apply", "plan.json"]).stdout(full).stderr(Stdio::piped()).spawn();
        let ended = ended(child.expect("it starts")).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    assert_eq!(world.writes().len(), 3);
}

/// The log of a scheduled job is on a full disk: the job does what it is for all the same.
#[test]
fn a_run_that_cannot_show_its_plan_applies_it() {
    let automatic = "[approval]\nautomatic = true\n";
    for options in [&["run"][..], &["run", "-q"], &["run", "--all", "customers"]] {
        let house = House::new(&people("SE01", 21), &people("SE01", 20), automatic, &[]);
        std::fs::create_dir(house.path("customers")).expect("a folder");
        let settings = house.read("skovik-sync.toml").replace("\"people.csv\"", "\"../people.csv\"");
        let settings = settings.replace("\"key\"", "\"../key\"");
        std::fs::write(house.path("customers/acme.toml"), settings).expect("written");
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
        let output = house.command(options).stdout(full).stderr(Stdio::piped()).output().expect("it runs");
        let ran = Output::of(options, output).ends(0);
        assert_eq!(house.writes().len(), 1, "{ran}");
        if options.len() != 2 {
            ran.says(&["warning: ", "could not be written to standard output", "No space left on device"]);
        }
    }
}

/// The reader of a scheduled job hangs: the job, which holds the account's lock, does not.
#[test]
fn a_run_whose_plan_nobody_reads_applies_it() {
    let house = House::new(&people("SE01", 21), &people("SE01", 20), "[approval]\nautomatic = true\n", &[]);
    let (_reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&[b'x'; 65536]).expect("written");
    let output = house.command(&["run"]).stdout(writer).stderr(Stdio::piped()).output().expect("it runs");
    Output::of(&["run"], output).ends(0).says(&["standard output: nobody reads it"]);
    assert_eq!(house.writes().len(), 1);
}

/// Nor does its table of customers keep anybody from ending it.
#[test]
fn a_signal_ends_the_wait_for_a_reader_of_the_table() {
    let house = House::new(&people("SE01", 21), &people("SE01", 20), "[approval]\nautomatic = true\n", &[]);
    std::fs::create_dir(house.path("customers")).expect("a folder");
    let settings = house.read("skovik-sync.toml").replace("\"people.csv\"", "\"../people.csv\"");
    std::fs::write(house.path("customers/acme.toml"), settings.replace("\"key\"", "\"../key\"")).expect("written");
    let (_reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&[b'x'; 65536]).expect("written");
    let mut command = house.command(&["run", "--all", "customers"]);
    let mut child = command.stdout(writer).stderr(Stdio::null()).spawn().expect("it starts");
    while house.writes().is_empty() {
        assert_eq!(child.try_wait().expect("asked"), None, "it ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Then it confirms what it has done, and has nothing to do but to print the table.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(child.try_wait().expect("asked"), None, "it waits for the reader");
    let asked = Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .expect("sent");
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn the_event_file_is_its_owners_alone() {
    let _room = room().await;
    let world = creates(3, &[]).await;
    let path = world.path("events.jsonl");
    std::fs::write(&path, "old").expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("set");
    let ended = world.run(&["apply", "plan.json", "--events", "events.jsonl"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&path).expect("read").lines().count(), 9);
    // A device is written to as it is.
    let ended = world.run(&["apply", "plan.json", "--events", "/dev/null"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
