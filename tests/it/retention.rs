//! `[state] keep`: what holds personal data is removed once it is old, and nothing that is still needed.

use std::fs::{self, File};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use skovik_sync::plan::Digest;
use skovik_sync::state::State;

use super::harness::Company;
use super::house::{House, Person, people};
use super::run::cut_off;
use super::servers::stores::Store;

const AUTOMATIC: &str = "[approval]\nautomatic = true\n";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const DAY: Duration = Duration::from_secs(86_400);

/// Twenty people in Skovik, one of whom has another first name in the list.
fn house(more: &str, args: &[&str]) -> House {
    let house = House::new(&[], &people("SE01", 20), more, args);
    rename(&house, "Nova");
    house
}

fn rename(house: &House, name: &str) {
    let mut listed: Vec<Person> = people("SE01", 20);
    listed[3].first_name = name.to_owned();
    house.list(&listed);
}

/// Lets every file below a folder be that many days old.
fn age(path: &Path, days: u32) {
    if path.is_dir() {
        fs::read_dir(path).expect("a folder").flatten().for_each(|entry| age(&entry.path(), days));
    } else {
        let file = File::options().append(true).open(path).expect("opened");
        file.set_modified(SystemTime::now() - DAY * days).expect("set");
    }
}

/// How many journals the state holds, and how many plans.
fn held(house: &House) -> (usize, usize) {
    let names: Vec<String> = fs::read_dir(house.path("state/skovik-sync/journals"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let count = |ending: &str| names.iter().filter(|name| name.ends_with(ending)).count();
    (count(".journal"), count(".plan.json"))
}

fn kept_plans(house: &House) -> usize {
    let names = fs::read_dir(house.folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("plan.") && name.ends_with(".json") && name != "plan.json").count()
}

#[test]
fn finished_journals_and_kept_plans_go_when_they_are_old() {
    let house = house(AUTOMATIC, &[]);
    house.run(&["run"]).ends(0);
    assert_eq!((held(&house), kept_plans(&house)), ((1, 1), 0));
    for (days, name, journals, plans) in [(89, "Ada", 2, 1), (91, "Eve", 1, 0)] {
        rename(&house, name);
        age(house.folder.path(), days);
        let ran = house.run(&["run", "-v"]).ends(0);
        assert_eq!((held(&house), kept_plans(&house)), ((journals, journals), plans), "{days} days: {ran:?}");
        assert_eq!(ran.stderr.contains("journals older than [state] keep were removed: 2"), days > 90, "{ran:?}");
        assert_eq!(ran.stderr.contains("kept plans older than [state] keep were removed: 1"), days > 90, "{ran:?}");
    }
    // What is not old can still be taken back.
    house.run(&["undo", "plan.json"]).ends(0);
    house.settings(&format!("{AUTOMATIC}[state]\nkeep = \"1h\"\n"));
    age(house.folder.path(), 1);
    house.run(&["run"]).ends(0);
    assert_eq!((held(&house), kept_plans(&house)), ((0, 0), 0));
    house.settings("[state]\nkeep = \"0d\"\n");
    assert!(house.run(&["run"]).ends(3).stderr.contains("`keep` in [state]"));
}

#[test]
fn what_is_in_doubt_is_never_removed() {
    let house = house(AUTOMATIC, &["--fail", "PUT /users/* times=1 status=422"]);
    house.run(&["run"]).ends(9);
    cut_off(&house, "plan.json");
    house.hurry();
    age(house.folder.path(), 1000);
    // An apply of something else goes past it.
    rename(&house, "Ada");
    house.run(&["plan", "-o", "other.json"]).ends(0);
    house.run(&["approve", "other.json", "--yes"]).ends(0);
    house.run(&["apply", "other.json"]).ends(0);
    assert_eq!(held(&house), (2, 2));
    // It is still finished, or told to be stale, by what its journal says.
    let ran = house.run(&["run"]).ends(9);
    assert!(ran.stderr.contains("settling what is in doubt of the plan sha256:"), "{ran:?}");
}

/// An undo can only be finished with the journal of the plan that it takes back.
#[test]
fn what_an_undo_in_doubt_takes_back_stays_with_it() {
    let house = house("", &["--fail", "PUT /users/* nth=2 status=422"]);
    house.run(&["plan"]).ends(0);
    house.run(&["approve", "plan.json", "--yes"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    house.run(&["undo", "plan.json"]).ends(0);
    house.run(&["approve", "undo.json", "--yes"]).ends(0);
    age(house.folder.path(), 1000);
    house.run(&["apply", "undo.json"]).ends(9);
    cut_off(&house, "undo.json");
    house.hurry();
    age(house.folder.path(), 1000);
    house.run(&["run", "-o", "tonight.json"]).ends(0);
    assert_eq!(held(&house), (2, 2));
    // Also if the undo went on for so long that only what it takes back is old. Then it is open.
    let hash = house.json("undo.json")["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
    age(house.folder.path(), 1000);
    age(&house.path(&format!("state/skovik-sync/journals/{hash}.journal")), 0);
    house.run(&["run", "-o", "tonight.json"]).ends(9);
    assert_eq!(held(&house), (2, 2));
    house.run(&["apply", "undo.json"]).ends(0);
    age(house.folder.path(), 1000);
    house.run(&["run", "-o", "tonight.json"]).ends(6);
    assert_eq!(held(&house), (0, 0));
}

/// Each account has its own time, and its own lock.
#[test]
fn what_belongs_to_another_account_stays() {
    let house = house(AUTOMATIC, &[]);
    house.run(&["run"]).ends(0);
    age(house.folder.path(), 1000);
    let settings = house.read("skovik-sync.toml");
    fs::write(house.path("other.toml"), settings.replace("[target]\n", "[target]\naccount = \"other\"\n"))
        .expect("written");
    rename(&house, "Ada");
    house.run(&["--config", "other.toml", "run", "-o", "other.json"]).ends(0);
    assert_eq!(held(&house), (2, 2));
}

#[test]
fn a_store_forgets_too_and_finishes_what_it_began_to_forget() {
    let store = Store::s3();
    let mut company = Company::new("small");
    company.append(
        "skovik-sync.toml",
        &format!("\n[state]\nurl = \"{}\"\nkeep = \"1s\"\n[guard]\nwindow = \"0h\"\n", store.url),
    );
    company.env("SKOVIK_SYNC_STATE_KEY", KEY);
    for (name, value) in &store.env {
        company.env(name, value);
    }
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    let journals = || store.names().into_iter().filter(|name| name.contains("/journals/")).collect::<Vec<_>>();
    let first = journals();
    assert!(first.iter().any(|name| name.ends_with("/plan.json")) && first.len() > 2, "{first:?}");
    // A removal that was cut short: the note is there, and a part of the journal is gone.
    let folder = first[0].rsplit_once("/0001/").expect("a part").0;
    sleep(Duration::from_millis(1100));
    let hash = Digest::parse(company.json("plan.json")["plan_hash"].as_str().expect("a hash"));
    let key = tempfile::tempdir().expect("a folder");
    let state = State::open(key.path(), Some(&KEY.into())).expect("a state");
    let code = state.key().code(hash.expect("a hash").as_bytes(), b"removed");
    let note: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    store.write(&format!("{folder}/removed"), &note);
    store.remove(&first[0]);
    company.edit("employees.csv", "Nils", "Nilsson");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    let second = journals();
    assert!(second.iter().all(|name| !name.starts_with(folder)), "{second:?}");
    // And one that nothing disturbed.
    sleep(Duration::from_millis(2100));
    company.edit("employees.csv", "Nilsson", "Nilson");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    let third = journals();
    assert!(third.iter().all(|name| !second.contains(name)) && !third.is_empty(), "{third:?}");
    let here: Vec<_> = fs::read_dir(company.path("home/state/skovik-sync")).expect("a folder").flatten().collect();
    assert_eq!(here.len(), 1);
    let copies = fs::read_dir(here[0].path().join("journals")).expect("a folder").count();
    assert_eq!(copies, 2, "this machine forgets as well");
}
