//! `run --all`: many customers, one settings file each.

use std::fs;

use super::{AUTOMATIC, Service, more_people};
use crate::harness::Output;
use crate::house::{House, people};

/// A customer with an account of their own, one of whose people is not in Skovik yet.
pub(super) fn customer(settings: &str) -> House {
    let house = House::new(&more_people(1), &people("SE01", 20), settings, &[]);
    let text = house.read("skovik-sync.toml").replace("\"key\"", &format!("{:?}", house.path("key")));
    fs::write(
        house.path("skovik-sync.toml"),
        text.replace("\"people.csv\"", &format!("{:?}", house.path("people.csv"))),
    )
    .expect("written");
    house
}

pub(super) fn folder(customers: &[(&str, &House)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, house) in customers {
        fs::copy(house.path("skovik-sync.toml"), folder.path().join(format!("{name}.toml"))).expect("copied");
    }
    folder
}

pub(super) fn run(folder: &tempfile::TempDir, home: &House) -> Output {
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

/// A file that cannot be read is a customer that failed, and holds up no other.
#[test]
fn no_customer_is_left_out_without_a_word() {
    let acme = customer(AUTOMATIC);
    let folder = folder(&[("acme", &acme)]);
    let other = folder.path().join("other.toml");
    let failed = |line: &str, words: &[&str]| {
        let before = acme.requests().len();
        let ran = run(&folder, &acme).ends(3).says(&["error: other: ", "other.toml"]).says(words);
        assert!(ran.stdout.contains("acme   succeeded    exit code   0") && ran.stdout.contains(line), "{ran}");
        assert!(acme.requests().len() > before, "{ran}");
    };
    let line = "other  failed       exit code   3";
    std::os::unix::fs::symlink("nowhere", &other).expect("a link");
    failed(line, &["No such file"]);
    fs::remove_file(&other).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", &other).expect("a link");
    failed(line, &["not a regular file"]);
    fs::remove_file(&other).expect("removed");
    fs::create_dir(&other).expect("a folder");
    failed(line, &["not a regular file"]);
    fs::remove_dir(&other).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(&other).status().expect("it runs").success());
    failed(line, &["not a regular file"]);
    fs::remove_file(&other).expect("removed");
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xffother.toml");
    fs::copy(acme.path("skovik-sync.toml"), folder.path().join(name)).expect("copied");
    let ran = run(&folder, &acme).ends(3).says(&["other.toml is not UTF-8; rename it"]);
    assert!(ran.stdout.contains("acme    succeeded"), "{ran}");
    assert!(ran.stdout.contains("other  failed       exit code   3"), "{ran}");
    assert_eq!(acme.writes().len(), 1, "nobody twice");
}

/// What somebody put at the place of one customer's plan or report holds up the run of that customer only.
#[test]
fn what_cannot_be_replaced_holds_up_one_customer() {
    let (acme, globex) = (customer(""), customer(""));
    let folder = folder(&[("acme", &acme), ("globex", &globex)]);
    fs::create_dir_all(acme.path("out")).expect("a folder");
    let settings = fs::read(folder.path().join("globex.toml")).expect("settings");
    let linked = |to: std::path::PathBuf, at: &str| std::os::unix::fs::symlink(to, acme.path(at)).expect("a link");
    let plant: [&dyn Fn(&str); 5] = [
        &|at| assert!(std::process::Command::new("mkfifo").arg(acme.path(at)).status().expect("it runs").success()),
        &|at| fs::create_dir(acme.path(at)).expect("a folder"),
        &|at| linked(folder.path().join("globex.toml"), at),
        &|at| fs::hard_link(folder.path().join("globex.toml"), acme.path(at)).expect("a link"),
        // The run of the other customer replaces its plan, and the link stays where it is.
        &|at| linked(acme.path("out/globex.plan.json"), at),
    ];
    for (index, plant) in plant.iter().enumerate() {
        for at in ["out/acme.plan.json", "out/acme.report.json"] {
            for file in ["out/acme.plan.json", "out/acme.report.json"] {
                let _ = fs::remove_file(acme.path(file)).or_else(|_| fs::remove_dir(acme.path(file)));
            }
            plant(at);
            let (of_acme, of_globex) = (acme.requests().len(), globex.requests().len());
            let ran = run(&folder, &acme).ends(3).says(&["error: acme: ", at]);
            assert!(ran.stdout.contains("acme    failed       exit code   3\nglobex  waiting"), "{index} {at}: {ran}");
            assert_eq!(acme.requests().len(), of_acme, "{ran}");
            assert!(globex.requests().len() > of_globex, "{ran}");
            assert_eq!(fs::read(folder.path().join("globex.toml")).expect("settings"), settings, "{index} {at}");
        }
    }
}

#[test]
fn a_plan_of_one_customer_never_takes_the_place_of_a_list() {
    let (acme, globex) = (customer(AUTOMATIC), customer(AUTOMATIC));
    let folder = folder(&[("acme", &acme), ("globex", &globex)]);
    for file in ["acme.plan.json", "acme.report.json", "acme.plan.json.policy__automatic.approval"] {
        let list = acme.path("out").join(file);
        fs::create_dir_all(acme.path("out")).expect("a folder");
        fs::copy(globex.path("people.csv"), &list).expect("copied");
        let settings = globex.read("skovik-sync.toml");
        let settings = settings.replace(&format!("{:?}", globex.path("people.csv")), &format!("{list:?}"));
        fs::write(folder.path().join("globex.toml"), settings).expect("written");
        run(&folder, &acme).ends(3).says(&[file]);
        assert_eq!(fs::read(&list).expect("a list"), fs::read(globex.path("people.csv")).expect("a list"));
        fs::remove_file(list).expect("removed");
    }
}

/// What is printed to be typed names the settings of the customer.
#[test]
fn printed_commands_name_the_settings_of_the_customer() {
    let acme = customer("");
    let folder = folder(&[("acme", &acme)]);
    let config = folder.path().join("acme.toml");
    let ran = run(&folder, &acme).ends(6);
    let typed = format!("skovik-sync approve out/acme.plan.json --config {}", config.display());
    assert!(ran.stderr.contains(&typed), "{typed}: {ran}");
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
    // One after the other, because the sandbox has one key.
    let name = |name: &str| folder.path().join(name);
    fs::rename(name("acme.toml"), name("acme.later")).expect("renamed");
    run(&folder, &acme);
    fs::remove_file(name("globex.toml")).expect("removed");
    fs::rename(name("acme.later"), name("acme.toml")).expect("renamed");
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
    std::os::unix::fs::symlink("nowhere", folder.path().join("gone.toml")).expect("a link");
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff.toml");
    fs::copy(acme.path("skovik-sync.toml"), folder.path().join(name)).expect("copied");
    let all = folder.path().to_str().expect("text");
    let mut service = Service::start_with(&acme, &["serve", "--all", all, "--plans", "out"]);
    service.until("both", |_| (acme.writes().len() + globex.writes().len() == 2).then_some(()));
    service.until("both ends", |service| (service.said().matches("run ended after").count() == 2).then_some(()));
    let said = service.said();
    for line in [
        "acme: run: schedule",
        "globex: run: schedule",
        "error: broken: ",
        "error: gone: ",
        "is not UTF-8",
        "are not served: 3",
    ] {
        assert!(said.contains(line), "{line}:\n{said}");
    }
    assert!(acme.path("out/globex.plan.json").exists());
    assert_eq!(service.end(), Some(0));
}

/// The key of the first customer comes from a program, which changes the settings of the second one meanwhile.
#[test]
fn a_customer_who_became_another_one_since_the_files_were_compared_is_not_run() {
    let (acme, globex) = (customer(AUTOMATIC), customer(AUTOMATIC));
    let folder = folder(&[("acme", &acme), ("globex", &globex)]);
    let settings = fs::read_to_string(folder.path().join("acme.toml")).expect("settings");
    let key = format!("token_file = {:?}", acme.path("key"));
    let change =
        "grep -q other globex.toml || sed -i 's/^.target.$/&\\naccount = \"other\"/' globex.toml; printf write-key";
    let settings = settings.replacen(&key, &format!("token_command = [\"sh\", \"-c\", {change:?}]"), 1);
    fs::write(folder.path().join("acme.toml"), settings).expect("written");
    let ran = run(&folder, &acme).ends(3).says(&["error: globex: ", "has changed since this command began"]);
    assert!(ran.stdout.contains("acme    succeeded"), "{ran}");
    assert!(ran.stdout.contains("globex  failed       exit code   3"), "{ran}");
    assert_eq!((acme.writes().len(), globex.requests().len()), (1, 0), "{ran}");
}

/// Its report cannot be written, or its settings become unreadable after they were compared.
#[test]
fn a_customer_who_is_refused_before_the_run_tells_their_receivers() {
    let tell = "[[notify]]\non = [\"failed\"]\ncommand = [\"sh\", \"-c\", \"cat >>told.json\"]\n";
    let acme = customer(&format!("{AUTOMATIC}{tell}"));
    let folder = folder(&[("acme", &acme)]);
    let told = || fs::read_to_string(folder.path().join("told.json")).unwrap_or_default().matches("failed.").count();
    let runs = || {
        let mut names =
            fs::read_dir(acme.path("state/skovik-sync")).expect("a state").flatten().map(|entry| entry.path());
        let path = names.find(|path| path.to_string_lossy().ends_with(".runs.json")).expect("the runs");
        let runs: serde_json::Value = serde_json::from_slice(&fs::read(path).expect("read")).expect("JSON");
        runs["recent"].as_array().expect("runs").clone()
    };
    run(&folder, &acme).ends(0);
    fs::remove_file(acme.path("out/acme.report.json")).expect("a report");
    fs::create_dir(acme.path("out/acme.report.json")).expect("a folder");
    run(&folder, &acme).ends(3).says(&["acme.report.json"]);
    let ran = &runs()[1];
    assert_eq!((&ran["outcome"], &ran["exit_code"]), (&"failed".into(), &3.into()), "{ran}");
    assert!(ran["said"].as_str().expect("a text").contains("acme.report.json"), "{ran}");
    assert_eq!(told(), 1);
    fs::remove_dir(acme.path("out/acme.report.json")).expect("removed");
    // After a success, the next failure is news.
    run(&folder, &acme).ends(0);
    let other = customer(AUTOMATIC);
    let key = format!("token_file = {:?}", other.path("key"));
    let program = "token_command = [\"sh\", \"-c\", \"echo x >>acme.toml; printf write-key\"]";
    let settings = other.read("skovik-sync.toml").replacen(&key, program, 1);
    fs::write(folder.path().join("a.toml"), settings).expect("written");
    run(&folder, &acme).ends(3).says(&["error: acme: "]);
    assert_eq!((told(), runs().len()), (2, 4));
}

#[test]
fn a_signal_ends_the_notifications_too() {
    let tell = "[[notify]]\non = [\"failed\"]\ncommand = [\"sh\", \"-c\", \"echo $$ >>told; exec sleep 25\"]\n";
    let acme = customer(&tell.repeat(2));
    let folder = folder(&[("acme", &acme)]);
    fs::write(acme.path("people.csv"), "id,first\nx\n").expect("written");
    let args = ["run", "--all", folder.path().to_str().expect("text"), "--plans", "out"];
    let mut child = acme.command(&args).spawn().expect("it starts");
    let told = folder.path().join("told");
    while !told.exists() {
        assert_eq!(child.try_wait().expect("asked"), None);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let asked = std::time::Instant::now();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("sent");
    assert_eq!(child.wait().expect("ended").code(), Some(4), "the outcome stays");
    assert!(asked.elapsed() < std::time::Duration::from_secs(10), "{:?}", asked.elapsed());
}
