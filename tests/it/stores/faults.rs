//! The state's store is slow, refuses, or loses its answers in the middle of an apply; two machines run at once.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use super::{begin, company, end, forget_machine, made, wait_for_writes};
use crate::harness::Company;
use crate::servers::proxy::{Fault, Faulty};
use crate::servers::stores::Store;

/// A company whose state is in a store that is reached through a proxy. Its lease lives for so long.
fn faulty_company(store: &Store, lease: &str) -> (Company, Faulty) {
    let proxy = Faulty::before(store.port);
    let mut company = company(store, "slow=100ms");
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
    let (company, proxy) = faulty_company(&store, "9s");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 2);
    proxy.set(Fault::Refused(503));
    sleep(Duration::from_millis(500));
    let before = company.writes().len();
    sleep(Duration::from_millis(300));
    assert!(company.writes().len() <= before + 1, "nothing is sent before its intent is in the store");
    proxy.set(None);
    end(apply).ends(0);
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
    let mut company = company(&store, "slow=100ms");
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
