//! How the service ends, and that there is one at a time.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{AUTOMATIC, PATIENCE, SECRET, Service, house, more_people, webhook};
use crate::harness::BINARY;
use crate::house::{House, people};
use crate::servers::proxy::{Fault, Faulty};
use crate::servers::stores::Store;

#[test]
fn it_ends_well_when_nothing_is_under_way() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    assert_eq!(service.event("{}"), Some(202));
    assert_eq!(service.end(), Some(0));
    let service = Service::start(&house);
    assert_eq!(service.metric("queue_events"), Some(1.0), "it waits still");
}

#[test]
fn it_ends_while_it_starts() {
    let waits = "token_command = [\"sh\", \"-c\", \"touch waits; exec sleep 600\"]";
    let house = house(&webhook("1h", waits));
    let customers = tempfile::tempdir_in(house.path("")).expect("a folder");
    for (from, to) in [("skovik-sync.toml", "acme.toml"), ("people.csv", "people.csv"), ("key", "key")] {
        std::fs::copy(house.path(from), customers.path().join(to)).expect("copied");
    }
    for (folder, args) in [(house.path(""), &["serve"][..]), (customers.path().to_owned(), &["serve", "--all", "."])] {
        let mut command = house.command(args);
        command.current_dir(&folder).env("HR_SECRET", SECRET).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        wait_until("it waits for the token", || folder.join("waits").exists());
        kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
        wait_until("it ends", || child.try_wait().expect("asked").is_some());
        assert_eq!(child.wait().expect("ended").code(), Some(0), "{args:?}");
    }
}

/// Whether a process has ended, whoever has to be told.
fn is_over(process: &str) -> bool {
    let found = Command::new("ps").args(["-o", "stat=", "-p", process]).output().expect("it runs").stdout;
    found.first().is_none_or(|state| *state == b'Z')
}

/// The keys of all customers are compared before the first one is served.
#[test]
fn the_service_of_many_ends_while_their_keys_are_compared() {
    let house = house(&webhook("1h", ""));
    let customers = tempfile::tempdir_in(house.path("")).expect("a folder");
    let file = |name: &str| customers.path().join(name);
    let settings = house.read("skovik-sync.toml");
    let waits = "token_command = [\"sh\", \"-c\", \"echo $$ > waits; exec sleep 600\"]";
    let slow = settings.replacen("token_file = \"key\"", waits, 1);
    let other = settings.replacen("[target]\n", "[target]\naccount = \"other\"\n", 1);
    assert!(slow != settings && other != settings);
    for (name, text) in [("acme.toml", slow), ("globex.toml", other), ("key", house.read("key"))] {
        std::fs::write(file(name), text).expect("written");
    }
    std::fs::set_permissions(file("key"), std::fs::metadata(house.path("key")).expect("a key").permissions())
        .expect("set");
    let mut command = house.command(&["serve", "--all", "."]);
    command.current_dir(customers.path()).env("HR_SECRET", SECRET).stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let waiting = || std::fs::read_to_string(file("waits")).ok().filter(|pid| pid.ends_with('\n'));
    wait_until("it waits for the key", || waiting().is_some());
    kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
    wait_until("it ends", || child.try_wait().expect("asked").is_some());
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    let program = waiting().expect("its number");
    wait_until("its program ends too", || is_over(program.trim()));
}

/// The key of Skovik may come from a program that asks somebody.
#[test]
fn everything_ends_while_the_key_is_fetched() {
    let house = house(&format!("{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n"));
    let waits = "token_command = [\"sh\", \"-c\", \"echo $$ > waits; exec sleep 600\"]";
    let settings = house.read("skovik-sync.toml").replacen("token_file = \"key\"", waits, 1);
    std::fs::write(house.path("skovik-sync.toml"), settings).expect("written");
    for args in [&["serve"][..], &["plan"], &["check"], &["check", "--contract"], &["snapshot", "-o", "s"], &["run"]] {
        let mut child = house.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let waiting = || std::fs::read_to_string(house.path("waits")).unwrap_or_default();
        wait_until("it waits for the key", || waiting().ends_with('\n'));
        let program = waiting().trim().to_owned();
        kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
        wait_until("it ends", || child.try_wait().expect("asked").is_some());
        assert_eq!(child.wait().expect("ended").code(), Some(130), "{args:?}");
        wait_until("the program ends too", || is_over(&program));
        std::fs::remove_file(house.path("waits")).expect("removed");
    }
}

#[test]
fn a_file_of_events_that_is_too_large_is_refused_with_what_to_do() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    assert_eq!(service.event("{}"), Some(202));
    service.kill();
    let file = std::fs::File::options().write(true).open(events(&house)).expect("opened");
    file.set_len(600 << 20).expect("a hole in the file");
    let output = house.command(&["serve"]).env("HR_SECRET", SECRET).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("it has 600 MiB, and at most 512 MiB are read") && said.contains("remove it"), "{said}");
}

/// On a full disk the file is as it was, and nothing of it is to be removed.
#[test]
fn events_that_cannot_be_written_stay_as_they_are() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    for number in 0..12 {
        assert_eq!(service.event(&format!("{{\"number\":{number}}}")), Some(202));
    }
    service.kill();
    let before = std::fs::read(events(&house)).expect("read");
    let line = format!("ulimit -f 1; exec {BINARY} serve");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(house.path("")).env("HR_SECRET", SECRET);
    shell.env("HOME", house.path("")).env("XDG_STATE_HOME", house.path("state"));
    let output = shell.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("The file is as it was") && !said.contains("remove it"), "{said}");
    assert_eq!(std::fs::read(events(&house)).expect("read"), before);
}

#[test]
fn a_run_under_way_ends_as_run_does() {
    let settings = format!("{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n");
    let everybody = people("SE01", 20);
    let house = House::new(&more_people(10), &everybody, &settings, &["--fail", "POST /users slow=1s"]);
    let mut service = Service::start(&house);
    service.until("a run that writes", |_| (!house.writes().is_empty()).then_some(()));
    assert_eq!(service.end(), Some(130));
    // Requests that were under way have ended; the next run resumes.
    let mut service = Service::start(&house);
    service.until("all of it", |_| (house.writes().len() == 10).then_some(()));
}

/// Without a schedule nothing but the event would ever lead to another run.
#[test]
fn the_events_of_a_run_that_was_interrupted_wait_for_the_next_start() {
    for signal in [Signal::TERM, Signal::HUP] {
        let everybody = people("SE01", 20);
        let house = House::new(&more_people(10), &everybody, &webhook("100ms", ""), &["--fail", "POST /users slow=1s"]);
        let mut service = Service::start(&house);
        assert_eq!(service.event("{}"), Some(202));
        service.until("a run that writes", |_| (!house.writes().is_empty()).then_some(()));
        assert_eq!(service.end_by(signal), Some(130));
        assert!(house.writes().len() < 10, "it was cut off");
        assert_eq!(std::fs::read_to_string(events(&house)).expect("read").lines().count(), 1);
        let mut service = Service::start(&house);
        service.until("all of it", |_| (house.writes().len() == 10).then_some(()));
        service.until("the end", |service| (service.metric("queue_events") == Some(0.0)).then_some(()));
        assert_eq!(service.end(), Some(0));
        assert_eq!(house.writes().len(), 10, "nobody twice");
    }
}

/// A run that waits for a silent store is interrupted as any other, and its event waits, too.
#[test]
fn the_event_of_a_run_that_waits_for_a_store_waits_for_the_next_start() {
    let store = Store::s3();
    let proxy = Faulty::before(store.port);
    let mut env = store.env_at(proxy.port);
    env.push(("SKOVIK_SYNC_STATE_KEY", "0123456789abcdef0123456789abcdef".to_owned()));
    let state = format!("[state]\nurl = \"{}\"\nlease = \"3s\"\n", store.url);
    let house = House::new(&more_people(10), &people("SE01", 20), &webhook("100ms", &state), &[]);
    proxy.set(Fault::Slow(Duration::from_millis(300)));
    let mut service = Service::start_in(&house, &["serve"], &env);
    assert_eq!(service.event("{}"), Some(202));
    let is_held = |_: &Service| store.names().iter().any(|name| name.ends_with(".lease")).then_some(());
    service.until("a run that holds the lease", is_held);
    proxy.set(Fault::Slow(Duration::from_secs(120)));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(service.end(), Some(130));
    assert!(house.writes().is_empty());
    assert_eq!(std::fs::read_to_string(events(&house)).expect("read").lines().count(), 1);
    proxy.set(None);
    let mut service = Service::start_in(&house, &["serve"], &env);
    service.until("all of it", |_| (house.writes().len() == 10).then_some(()));
    service.until("the end", |service| (service.metric("queue_events") == Some(0.0)).then_some(()));
    assert_eq!(service.end(), Some(0));
}

/// A signal that comes before the run listens is not lost: of ten creates of a second each, no more is sent than what the
/// run may have begun by then.
#[test]
fn a_signal_while_the_first_run_begins_is_heard() {
    let settings = format!("{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n");
    let everybody = people("SE01", 20);
    let house = House::new(&more_people(10), &everybody, &settings, &["--fail", "POST /users slow=1s"]);
    let one_by_one = house.read("skovik-sync.toml").replacen("retries = 0", "retries = 0\nmax_in_flight = 1", 1);
    std::fs::write(house.path("skovik-sync.toml"), one_by_one).expect("written");
    let ends_after = |delay: u64| {
        let mut child =
            house.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(delay));
        kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
        wait_until("it ends", || child.try_wait().expect("asked").is_some());
    };
    for delay in (15..=120).step_by(5) {
        let before = house.writes().len();
        ends_after(delay);
        let writes = house.writes().len() - before;
        assert!(writes <= 2, "after {delay} ms: {writes}");
    }
}

/// A signal that comes as soon as it is caught counts, and leaves no half of a file.
#[test]
fn the_first_signal_is_heard_at_once() {
    let house = House::new(
        &more_people(10),
        &people("SE01", 20),
        &format!("{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n"),
        &["--fail", "POST /users slow=1s"],
    );
    for _ in 0..20 {
        let mut child =
            house.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let status = format!("/proc/{}/status", child.id());
        let is_caught = || {
            let status = std::fs::read_to_string(&status).unwrap_or_default();
            let caught =
                status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
            caught.is_some_and(|caught| caught & (1 << (Signal::TERM.as_raw() - 1)) != 0)
        };
        let began = Instant::now();
        while !is_caught() {
            assert!(began.elapsed() < PATIENCE, "it does not listen");
        }
        kill_process(Pid::from_child(&child), Signal::TERM).expect("sent");
        wait_until("it ends", || child.try_wait().expect("asked").is_some());
    }
    assert!(house.writes().is_empty());
    let left = [house.path(""), house.path("state/skovik-sync")].map(|folder| std::fs::read_dir(folder).ok());
    let left = left.into_iter().flatten().flatten().map(|entry| entry.expect("an entry").file_name());
    let halves: Vec<_> = left.filter(|name| name.to_string_lossy().ends_with(".tmp")).collect();
    assert!(halves.is_empty(), "{halves:?}");
}

#[test]
fn there_is_one_service_at_a_time() {
    let house = house(&format!("{}[schedule]\nevery = \"1h\"\n", webhook("1h", "")));
    let customers = tempfile::tempdir_in(house.path("")).expect("a folder");
    for (from, to) in [("skovik-sync.toml", "acme.toml"), ("people.csv", "people.csv"), ("key", "key")] {
        std::fs::copy(house.path(from), customers.path().join(to)).expect("copied");
    }
    let all = customers.path().to_str().expect("text");
    let each = [&["serve"][..], &["serve", "--all", all, "--plans", "out"]];
    for first in each {
        let mut service = Service::start_with(&house, first);
        // Also once a run has come and gone.
        service.until("a run", |service| service.said().contains("run ended after").then_some(()));
        for (second, code) in each.into_iter().zip([10, 3]) {
            let mut command = house.command(second);
            let mut child = command.env("HR_SECRET", SECRET).stderr(Stdio::piped()).spawn().expect("it starts");
            let began = Instant::now();
            while child.try_wait().expect("asked").is_none() {
                if began.elapsed() > PATIENCE {
                    child.kill().expect("killed");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let output = child.wait_with_output().expect("ended");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{first:?} {second:?}: {said}");
            assert!(said.contains("another `serve` takes the events of"), "{first:?} {second:?}: {said}");
        }
        assert_eq!(service.event("{}"), Some(202));
        service.kill();
        let events = events(&house);
        assert_eq!(std::fs::read_to_string(&events).expect("read").lines().count(), 1, "{first:?}");
        std::fs::remove_dir_all(house.path("state")).expect("removed");
    }
}

#[test]
fn a_service_whose_port_is_taken_leaves_the_events_as_they_are() {
    use std::os::unix::fs::MetadataExt as _;
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    assert_eq!(service.event("{}"), Some(202));
    service.kill();
    let before = std::fs::metadata(events(&house)).expect("the events").ino();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = format!("127.0.0.1:{}", taken.local_addr().expect("an address").port());
    let settings = house.read("skovik-sync.toml").replace("127.0.0.1:0", &port);
    std::fs::write(house.path("skovik-sync.toml"), settings).expect("written");
    let output = house.command(&["serve"]).env("HR_SECRET", SECRET).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cannot listen on"), "{said}");
    assert_eq!(std::fs::metadata(events(&house)).expect("the events").ino(), before);
}

/// The file of the events. If the state is in a store, what stays on the machine has a folder for each store.
fn events(house: &House) -> std::path::PathBuf {
    let files = |folder: std::path::PathBuf| std::fs::read_dir(folder).into_iter().flatten();
    let all = files(house.path("state/skovik-sync")).map(|entry| entry.expect("an entry").path());
    let mut all =
        all.flat_map(|path| [path.clone()].into_iter().chain(files(path).map(|entry| entry.expect("an entry").path())));
    all.find(|path| path.to_string_lossy().ends_with(".events.jsonl")).expect("the file of events")
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
