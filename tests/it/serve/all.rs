//! `run --all`: many customers, one settings file each.

use std::fs;

use super::{AUTOMATIC, Service, more_people};
use crate::harness::Output;
use crate::house::{House, people};

/// A customer with an account of their own, one of whose people is not in Skovik yet.
fn customer(settings: &str) -> House {
    let house = House::new(&more_people(1), &people("SE01", 20), settings, &[]);
    let text = house.read("skovik-sync.toml").replace("\"key\"", &format!("{:?}", house.path("key")));
    fs::write(
        house.path("skovik-sync.toml"),
        text.replace("\"people.csv\"", &format!("{:?}", house.path("people.csv"))),
    )
    .expect("written");
    house
}

fn folder(customers: &[(&str, &House)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, house) in customers {
        fs::copy(house.path("skovik-sync.toml"), folder.path().join(format!("{name}.toml"))).expect("copied");
    }
    folder
}

fn run(folder: &tempfile::TempDir, home: &House) -> Output {
    let args = ["run", "--all", folder.path().to_str().expect("text"), "--plans", "out"];
    Output::of(&args, home.command(&args).output().expect("it runs"))
}

#[test]
fn each_customer_has_an_outcome_of_their_own() {
    let (acme, globex) = (customer(AUTOMATIC), customer(""));
    let broken = customer("[guard]\nmax_delet_percent = 5\n");
    let folder = folder(&[("acme", &acme), ("globex", &globex), ("broken", &broken)]);
    fs::write(folder.path().join("README.md"), "no settings").expect("written");
    let ran = run(&folder, &acme).ends(3);
    assert_eq!(
        ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>(),
        [
            "acme    succeeded    exit code   0  1 create, 0 update, 0 delete, 0 set aside",
            "broken  failed       exit code   3",
            "globex  waiting      exit code   6  1 create, 0 update, 0 delete, 0 set aside",
        ],
        "{ran}"
    );
    let ran = ran.says(&["did you mean `max_delete_percent`?"]);
    assert_eq!((acme.writes().len(), globex.writes().len(), broken.requests().len()), (1, 0, 0), "{ran}");
    for name in ["acme.plan.json", "acme.report.json", "globex.plan.json"] {
        assert!(acme.path("out").join(name).exists(), "{name}");
    }
    fs::remove_file(folder.path().join("broken.toml")).expect("removed");
    run(&folder, &acme).ends(6);
    assert_eq!(acme.writes().len(), 1, "nobody twice");
}

#[test]
fn two_customers_never_share_a_key() {
    let acme = customer(AUTOMATIC);
    let folder = folder(&[("acme", &acme), ("copy", &acme)]);
    let ran = run(&folder, &acme).ends(3).says(&["acme.toml and ", "copy.toml use the same key for"]);
    assert_eq!(acme.requests().len(), 0, "{ran}");
    fs::remove_file(folder.path().join("acme.toml")).expect("removed");
    fs::remove_file(folder.path().join("copy.toml")).expect("removed");
    run(&folder, &acme).ends(3).says(&["holds no settings"]);
    let args = ["run", "--all", "x", "--config", "y.toml"];
    Output::of(&args, acme.command(&args).output().expect("it runs")).ends(3).says(&["leave out --config"]);
}

/// Two customers of one API host have two accounts, told apart by name. Without names they would share their state.
#[test]
fn two_customers_of_one_address_have_a_name_each() {
    let acme = customer(AUTOMATIC);
    let settings = acme.read("skovik-sync.toml");
    fs::write(acme.path("other"), "another-key").expect("written");
    let folder = folder(&[("acme", &acme)]);
    let write = |name: &str, account: &str, key: &str| {
        let text = settings.replacen("[target]\n", &format!("[target]\n{account}"), 1);
        fs::write(folder.path().join(name), text.replace("/key\"", &format!("/{key}\""))).expect("written");
    };
    write("globex.toml", "", "other");
    let ran = run(&folder, &acme).ends(3);
    let ran = ran.says(&["acme.toml and ", "globex.toml are both of ", "account = \"NAME\""]);
    assert_eq!(acme.requests().len(), 0, "{ran}");
    write("globex.toml", "account = \"globex\"\n", "key");
    run(&folder, &acme).ends(3).says(&["use the same key for"]);
    write("globex.toml", "account = \"globex\"\n", "other");
    run(&folder, &acme);
    let account = |name: &str| acme.json(&format!("out/{name}.plan.json"))["target"]["url"].clone();
    assert_eq!(account("globex"), format!("{}#globex", acme.url));
    assert_eq!(account("acme"), acme.url);
    let names = fs::read_dir(acme.path("state/skovik-sync")).expect("a folder").flatten();
    let locks = names.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "lock"));
    assert_eq!(locks.count(), 2);
}

#[test]
fn a_service_of_many_serves_each_by_itself() {
    let settings =
        |more: &str| format!("{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n{more}");
    let (acme, globex) = (customer(&settings("")), customer(&settings("")));
    let broken = customer("[guard]\nmax_delet_percent = 5\n");
    let folder = folder(&[("acme", &acme), ("globex", &globex), ("broken", &broken)]);
    let all = folder.path().to_str().expect("text");
    let mut service = Service::start_with(&acme, &["serve", "--all", all, "--plans", "out"]);
    service.until("both", |_| (acme.writes().len() + globex.writes().len() == 2).then_some(()));
    service.until("both ends", |service| (service.said().matches("run ended after").count() == 2).then_some(()));
    let said = service.said();
    for line in ["acme: run: schedule", "globex: run: schedule", "error: broken: ", "are not served: 1"] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
    assert!(acme.path("out/globex.plan.json").exists());
    assert_eq!(service.end(), Some(0));
}
