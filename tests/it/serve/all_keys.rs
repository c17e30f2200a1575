//! `run --all`: the keys of many customers. None of them is used for, given to or shown by another customer.

use std::fs;

use super::AUTOMATIC;
use super::all::{customer, folder, run};
use crate::harness::Output;

#[test]
fn two_customers_never_share_a_key() {
    let acme = customer(AUTOMATIC);
    let folder = folder(&[("acme", &acme), ("copy", &acme)]);
    let ran = run(&folder, &acme).ends(3).says(&["acme.toml and ", "copy.toml use the same key for"]);
    assert_eq!(acme.requests().len(), 0, "{ran}");
    fs::remove_file(folder.path().join("acme.toml")).expect("removed");
    fs::remove_file(folder.path().join("copy.toml")).expect("removed");
    run(&folder, &acme).ends(3).says(&["holds no settings"]);
    // Also the name that is the default.
    for config in ["y.toml", "skovik-sync.toml"] {
        for command in ["run", "serve"] {
            for args in [[command, "--all", "x", "-c", config], ["-c", config, command, "--all", "x"]] {
                Output::of(&args, acme.command(&args).output().expect("it runs")).ends(3).says(&["leave out --config"]);
            }
        }
    }
}

/// However the address is spelt, and wherever each keeps the key.
#[test]
fn one_key_for_one_address_is_seen_however_it_is_written() {
    let acme = customer(AUTOMATIC);
    let settings = acme.read("skovik-sync.toml");
    let folder = folder(&[("acme", &acme)]);
    fs::copy(acme.path("key"), acme.path("copy")).expect("copied");
    let key = format!("token_file = {:?}", acme.path("key"));
    assert!(settings.contains(&key), "{settings}");
    let copy = format!("token_file = {:?}", acme.path("copy"));
    let command = format!("token_command = [\"cat\", {:?}]", acme.path("key"));
    let localhost = acme.url.replace("127.0.0.1", "localhost");
    let url = |url: &str| settings.replace(&acme.url, url);
    let named =
        |key: &str, with: &str| settings.replace(key, with).replacen("[target]\n", "[target]\naccount = \"g\"\n", 1);
    for globex in [
        url(&localhost),
        url(&acme.url.replace("/v1", "//v1")),
        url(&acme.url.replace("/v1", "/%761")),
        named(&key, &copy),
        named(&key, &command),
    ] {
        assert_ne!(globex, settings);
        fs::write(folder.path().join("globex.toml"), &globex).expect("written");
        let ran = run(&folder, &acme).ends(3).says(&["use the same key for"]);
        assert_eq!(acme.requests().len(), 0, "{ran}");
    }
}

/// What one customer's programs are given and say holds nothing of another's.
#[test]
fn no_program_of_a_customer_gets_or_shows_the_key_of_another() {
    let acme = customer(AUTOMATIC);
    let key = fs::read_to_string(acme.path("key")).expect("a key").trim().to_owned();
    let file = format!("token_file = {:?}", acme.path("key"));
    let settings = acme.read("skovik-sync.toml").replace(&file, "token_env = \"ACME_KEY\"");
    fs::write(acme.path("skovik-sync.toml"), settings).expect("written");
    let globex = customer(AUTOMATIC);
    let leak = globex.path("leak");
    let program = format!("env > {}; echo \"it is $(cat {})\" >&2; exit 1", leak.display(), acme.path("key").display());
    let command = format!("token_command = [\"sh\", \"-c\", {program:?}]");
    let file = format!("token_file = {:?}", globex.path("key"));
    let settings = globex.read("skovik-sync.toml").replace(&file, &command);
    fs::write(globex.path("skovik-sync.toml"), settings).expect("written");
    let folder = folder(&[("acme", &acme), ("globex", &globex)]);
    let args = ["run", "--all", folder.path().to_str().expect("text"), "--plans", "out"];
    let ran = Output::of(&args, acme.command(&args).env("ACME_KEY", &key).output().expect("it runs"));
    assert!(ran.code.is_some_and(|code| code != 0), "{ran}");
    assert_eq!(acme.writes().len(), 1, "{ran}");
    let given = fs::read_to_string(leak).expect("the program ran");
    assert!(!given.contains(&key), "{given}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("it is [key]") && !said.contains(&key), "{ran}");
}

/// Nor if the settings of the other one cannot be used, or are hidden, so that nobody knows which variable has the key.
#[test]
fn no_program_of_a_customer_gets_the_key_that_broken_settings_name() {
    let acme = customer(AUTOMATIC);
    let leak = acme.path("leak");
    let program = format!("env > {}; cat {}", leak.display(), acme.path("key").display());
    let command = format!("token_command = [\"sh\", \"-c\", {program:?}]");
    let file = format!("token_file = {:?}", acme.path("key"));
    let settings = acme.read("skovik-sync.toml");
    let other = settings.replace(&file, "token_env = \"GLOBEX_KEY\"");
    fs::write(acme.path("skovik-sync.toml"), settings.replace(&file, &command)).expect("written");
    let folder = folder(&[("acme", &acme)]);
    let args = ["run", "--all", folder.path().to_str().expect("text"), "--plans", "out"];
    let not_utf_8 = [other.as_bytes(), b"# \xff\n"].concat();
    let utf_16: Vec<u8> = other.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let store = format!("{other}\n[state]\nurl = \"s3://globex/state\nlease = 3");
    for (name, text, ended) in [
        ("globex.toml", format!("{other}\n[scope\n").into_bytes(), 3),
        ("globex.toml", other.replace("token_env", "token_evn").into_bytes(), 3),
        ("globex.toml", format!("[target]\nkind = 3\n{other}").into_bytes(), 3),
        ("globex.toml", not_utf_8, 3),
        ("globex.toml", utf_16, 3),
        ("globex.toml", store.into_bytes(), 3),
        (".globex.toml", other.into_bytes(), 0),
    ] {
        fs::write(folder.path().join(name), &text).expect("written");
        let mut command = acme.command(&args);
        command.env("GLOBEX_KEY", "globex-4711-0815").env("AWS_SECRET_ACCESS_KEY", "globex-0815-4711");
        let output = command.output().expect("it runs");
        let ran = Output::of(&args, output).ends(ended);
        let said = String::from_utf8_lossy(&text);
        let given = fs::read_to_string(&leak).expect("the program ran");
        assert!(given.contains("PATH=") && !given.contains("GLOBEX_KEY"), "{said}: {given} {ran}");
        assert_eq!(given.contains("AWS_SECRET_ACCESS_KEY"), !said.contains("s3://"), "{said}: {given}");
        fs::remove_file(&leak).expect("removed");
        fs::remove_file(folder.path().join(name)).expect("removed");
    }
}

/// What a pipe gives is there only once, and the keys are compared before the runs.
#[test]
fn a_key_of_a_customer_is_not_in_a_pipe() {
    let (acme, globex) = (customer(AUTOMATIC), customer(AUTOMATIC));
    let folder = folder(&[("acme", &acme), ("globex", &globex)]);
    fs::remove_file(acme.path("key")).expect("removed");
    assert!(std::process::Command::new("mkfifo").arg(acme.path("key")).status().expect("it runs").success());
    let ran = run(&folder, &acme).ends(3).says(&["error: acme: token_file in [target] is not a regular file"]);
    assert!(ran.stdout.contains("acme    failed       exit code   3"), "{ran}");
    assert!(ran.stdout.contains("globex  succeeded"), "{ran}");
}

/// It may be that of another customer once it can be read.
#[test]
fn a_key_that_could_not_be_compared_is_not_used() {
    let acme = customer(AUTOMATIC);
    let folder = folder(&[("acme", &acme)]);
    // The first time that it is asked for, it cannot be read.
    let program = format!("test -e asked && exec cat {}; touch asked; exit 1", acme.path("key").display());
    let command = format!("token_command = [\"sh\", \"-c\", {program:?}]");
    let settings = acme.read("skovik-sync.toml").replace(&format!("token_file = {:?}", acme.path("key")), &command);
    let settings = settings.replacen("[target]\n", "[target]\naccount = \"globex\"\n", 1);
    fs::write(folder.path().join("globex.toml"), &settings).expect("written");
    let ran = run(&folder, &acme).ends(3).says(&["error: globex: its key could not be read"]);
    assert!(ran.stdout.contains("acme    succeeded") && ran.stdout.contains("globex  failed"), "{ran}");
    assert_eq!(acme.writes().len(), 1, "{ran}");
    run(&folder, &acme).ends(3).says(&["use the same key for"]);
}

/// A program that prints the key of another customer only after the keys were compared.
#[test]
fn a_key_that_becomes_that_of_another_customer_is_not_used() {
    for name in ["a", "z"] {
        let acme = customer(AUTOMATIC);
        let folder = folder(&[("acme", &acme)]);
        let program = format!("test -e asked && exec cat {}; touch asked; printf other", acme.path("key").display());
        let command = format!("token_command = [\"sh\", \"-c\", {program:?}]");
        let settings = acme.read("skovik-sync.toml").replace(&format!("token_file = {:?}", acme.path("key")), &command);
        let settings = settings.replacen("[target]\n", "[target]\naccount = \"globex\"\n", 1);
        fs::write(folder.path().join(format!("{name}.toml")), &settings).expect("written");
        let error = format!("error: {name}: the key of {}#globex is one that this command has read as", acme.url);
        let ran = run(&folder, &acme).ends(3).says(&[&error]);
        assert!(ran.stdout.contains("acme  succeeded") && ran.stdout.contains("failed       exit code   3"), "{ran}");
        assert_eq!(acme.writes().len(), 1, "{ran}");
    }
}
