//! The state's store is slow, refuses, or loses its answers in the middle of an apply; two machines run at once.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{KEY, begin, end, forget_machine, made, wait_for_writes};
use rustix::process::{Pid, Signal, kill_process};

use crate::company::{self, Row};
use crate::harness::{Company, FIXTURE_URL};
use crate::servers::proxy::{Fault, Faulty};
use crate::servers::stores::Store;
use crate::world::Pace;

/// A company whose state is in a store that is reached through a proxy. Its lease lives for so long.
fn faulty_company(store: &Store, lease: &str) -> (Company, Faulty) {
    let proxy = Faulty::before(store.port);
    let mut company = super::company(store, "slow=100ms");
    company.edit("skovik-sync.toml", "lease = \"3s\"", &format!("lease = \"{lease}\""));
    for (name, value) in store.env_at(proxy.port) {
        company.env(name, &value);
    }
    (company, proxy)
}

/// Every operation of the plan was carried out once.
fn is_done_once(company: &Company) {
    company.is_in_line();
    assert_eq!(made(company), 3, "nobody twice");
    let kinds = ["POST", "PUT", "DELETE"].map(|kind| company.writes().iter().filter(|one| one.method == kind).count());
    // One of the four who change moves to another branch, which empties a field that is sent again.
    assert_eq!(kinds, [3, 5, 1], "nothing twice, and nothing that nobody approved");
}

#[test]
fn a_slow_store_makes_an_apply_slow_and_no_more() {
    for store in [Store::s3(), Store::azure()] {
        let (company, proxy) = faulty_company(&store, "9s");
        proxy.set(Fault::Slow(Duration::from_millis(150)));
        company.run(&["apply", "plan.json"]).ends(0);
        is_done_once(&company);
    }
}

/// A store that says 503 is asked again, for longer than it was away here.
#[test]
fn a_store_that_is_away_for_a_moment_is_waited_for() {
    let store = Store::s3();
    let (company, proxy) = faulty_company(&store, "30s");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 2);
    proxy.set(Fault::Refused(503));
    sleep(Duration::from_millis(500));
    let before = company.writes().len();
    sleep(Duration::from_secs(6));
    assert!(company.writes().len() <= before + 1, "nothing is sent before its intent is in the store");
    proxy.set(None);
    end(apply).ends(0);
    is_done_once(&company);
}

/// Nothing can be removed from the store: a complete run has the exit code of one, and so has the next.
#[test]
fn a_store_that_keeps_everything_holds_no_run_up() {
    let store = Store::s3();
    let (company, proxy) = faulty_company(&store, "30s");
    company.append("skovik-sync.toml", "\n[approval]\nautomatic = true\n");
    proxy.set(Fault::Lasting);
    company.run(&["run"]).ends(0).says(&["the note of this run could not be removed"]);
    is_done_once(&company);
    company.run(&["run"]).ends(0);
    is_done_once(&company);
}

/// The key of the store is taken away in the middle, and given back: another machine finishes what was begun.
#[test]
fn a_store_that_refuses_stops_the_apply_before_its_next_write() {
    for store in [Store::s3(), Store::azure()] {
        let (company, proxy) = faulty_company(&store, "3s");
        let apply = begin(&company, &["apply", "plan.json"]);
        wait_for_writes(&company, 2);
        proxy.set(Fault::Refused(403));
        let ended = end(apply).ends(9);
        assert!(ended.stdout.contains("the journal cannot be written"), "{ended}");
        let before = company.writes().len();
        company.run(&["apply", "plan.json"]).ends(1);
        assert_eq!(company.writes().len(), before);
        proxy.set(None);
        forget_machine(&company);
        company.run(&["apply", "plan.json"]).ends(0);
        is_done_once(&company);
    }
}

/// A part of the journal, or the lease, was written, and nobody heard of it.
#[test]
fn answers_of_the_store_that_are_lost_cost_nothing_but_time() {
    let store = Store::s3();
    let (company, proxy) = faulty_company(&store, "9s");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 1);
    proxy.set(Fault::Unanswered);
    sleep(Duration::from_millis(400));
    proxy.set(None);
    let ended = end(apply);
    // It goes on with what it finds in the store, or stops in order.
    if ended.code != Some(0) {
        ended.ends(9);
        company.run(&["apply", "plan.json"]).ends(0);
    }
    is_done_once(&company);
}

#[test]
fn two_runs_on_two_machines_are_one() {
    let store = Store::s3();
    let mut company = super::company(&store, "slow=100ms");
    company.append("skovik-sync.toml", "\n[approval]\nautomatic = true\n");
    let one = begin(&company, &["run", "-o", "one.json"]);
    let other_home = company.path("other");
    fs::create_dir_all(&other_home).expect("made");
    company.env("XDG_STATE_HOME", other_home.to_str().expect("text"));
    let other = begin(&company, &["run", "-o", "other.json"]);
    let mut codes = [end(one).code, end(other).code];
    codes.sort_unstable();
    // The other one is kept out, or comes when all is done.
    assert!(codes == [Some(0), Some(10)] || codes == [Some(0), Some(0)], "{codes:?}");
    is_done_once(&company);
}

/// Each of two machines has a list of its own, and nobody approves. Each plan alone is within the limit, both are not.
#[test]
fn two_machines_at_once_share_one_budget() {
    let store = Store::s3();
    let rows: Vec<Row> = (0..20).map(|number| company::row(number, None)).collect();
    let mut users = vec![company::admin()];
    users.extend(rows.iter().enumerate().map(|(number, row)| company::user(number, row, None)));
    let more = format!("[approval]\nautomatic = true\n[state]\nurl = \"{}\"\nlease = \"3s\"\n", store.url);
    let both = company::Company::of(&users, &rows).with_settings(&more);
    let settings = both.settings(FIXTURE_URL, Pace { max_in_flight: 1, ..Pace::default() });
    let slow = "DELETE /users/* slow=50ms".parse().expect("a rule");
    let mut company = Company::of(&settings, &company::csv(&rows[3..]), &both.snapshot_of(FIXTURE_URL), |options| {
        options.faults = vec![slow];
    });
    company.write("key", "any");
    company.write("other.csv", company::csv(&rows[..17]));
    company.write("other.toml", company.read("skovik-sync.toml").replace("employees.csv", "other.csv"));
    company.env("SKOVIK_SYNC_STATE_KEY", KEY);
    for (name, value) in &store.env {
        company.env(name, value);
    }
    let homes = [company.path("home/state"), company.path("other")];
    let args = [&["run", "-o", "one.json"][..], &["run", "-o", "other.json", "--config", "other.toml"]];
    let at_home = |company: &mut Company, home: usize| {
        company.env("XDG_STATE_HOME", homes[home].to_str().expect("text"));
        begin(company, args[home])
    };
    let both_at_once = [0, 1].map(|home| at_home(&mut company, home));
    let mut codes = both_at_once.map(|child| end(child).code);
    codes.sort_unstable();
    // The second is kept out, or comes when the first has used the budget up.
    assert!(codes == [Some(0), Some(10)] || codes == [Some(0), Some(5)], "{codes:?}");
    assert_eq!(company.users().len(), 18, "three of twenty, and the admin");
    // For the first there is nothing to do; the second stays blocked.
    let mut codes = [0, 1].map(|home| end(at_home(&mut company, home)).code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(5)]);
    assert_eq!(company.users().len(), 18);
}

/// A store that does not answer keeps nobody from ending a command: a request to it has five seconds from then on.
#[test]
fn a_signal_is_heard_while_a_store_is_silent() {
    for writes in [0, 2] {
        let store = Store::s3();
        let (company, proxy) = faulty_company(&store, "60s");
        let mut command = if writes == 0 {
            proxy.set(Fault::Slow(Duration::from_millis(300)));
            let mut command = begin(&company, &["apply", "plan.json"]);
            let is_held = || store.names().iter().any(|name| name.ends_with(".lease"));
            while !is_held() {
                assert_eq!(command.try_wait().expect("asked"), None, "it ended before it held the lease");
                sleep(Duration::from_millis(5));
            }
            command
        } else {
            let command = begin(&company, &["apply", "plan.json"]);
            wait_for_writes(&company, writes);
            command
        };
        proxy.set(Fault::Slow(Duration::from_secs(120)));
        sleep(Duration::from_millis(1_500));
        assert_eq!(command.try_wait().expect("asked"), None, "it ended before it was asked to");
        kill_process(Pid::from_child(&command), Signal::TERM).expect("sent");
        let asked = Instant::now();
        let ended = end(command);
        assert_eq!(ended.code, Some(130), "{ended}");
        assert!(asked.elapsed() < Duration::from_secs(20), "{writes}: {:?}, {ended}", asked.elapsed());
        assert!(ended.stderr.contains("has taken 3 s so far"), "{ended}");
        assert!(company.writes().len() <= writes + 4, "{:?}", company.writes().len());
    }
}

/// Whoever ends a command early must not keep the next machine waiting until the lease has expired.
#[test]
fn a_signal_leaves_no_lease_however_early_it_comes() {
    let store = Store::s3();
    let (company, proxy) = faulty_company(&store, "60s");
    let lease = || store.names().into_iter().find(|name| name.ends_with(".lease")).map(|name| store.read(&name));
    let is_held = || lease().is_some_and(|lease| lease.contains("\"is_free\":false"));
    let interrupted = |args: &[&str], after| {
        proxy.set(Fault::Slow(Duration::from_millis(200)));
        let mut command = begin(&company, args);
        while !is_held() {
            assert_eq!(command.try_wait().expect("asked"), None, "{args:?} ended before it held the lease");
            sleep(Duration::from_millis(5));
        }
        sleep(Duration::from_millis(after));
        kill_process(Pid::from_child(&command), Signal::TERM).expect("sent");
        let ended = end(command);
        assert_eq!(ended.code, Some(130), "{args:?} after {after} ms: {ended}");
        assert!(!is_held(), "{args:?} after {after} ms");
    };
    for args in [&["apply", "plan.json"][..], &["run", "-o", "other.json"]] {
        [0, 100, 200, 300, 400].into_iter().for_each(|after| interrupted(args, after));
    }
    assert!(company.writes().is_empty());
    proxy.set(None);
    company.run(&["apply", "plan.json"]).ends(0);
    is_done_once(&company);
    interrupted(&["undo", "plan.json", "-o", "undo.json"], 0);
}

/// The lease ends by itself: the program neither waits for that nor asks the store again and again.
#[test]
fn a_store_that_does_not_take_the_lease_back_holds_nobody_up() {
    let store = Store::s3();
    let (company, proxy) = faulty_company(&store, "30s");
    proxy.set(Fault::Kept);
    let apply = begin(&company, &["apply", "plan.json"]);
    let begun = Instant::now();
    while proxy.kept.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < super::PATIENCE, "the lease is not given back");
        sleep(Duration::from_millis(10));
    }
    let asked = Instant::now();
    let ended = end(apply).ends(0);
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}: {ended}", asked.elapsed());
    assert!((1..=3).contains(&proxy.kept.load(Ordering::Relaxed)), "{ended}");
    is_done_once(&company);
}
