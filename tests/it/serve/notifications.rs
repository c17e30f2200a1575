//! Who is told what, by `run` and by `serve`.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::{AUTOMATIC, Service, house, more_people};
use crate::harness::Output;
use crate::house::{House, people};
use crate::servers::request::Request;

/// A receiver that answers with this status.
fn receiver(status: u16) -> (String, Receiver<Request>) {
    receiver_that_says(status, "")
}

/// The same with a body in its answers.
fn receiver_that_says(status: u16, says: &'static str) -> (String, Receiver<Request>) {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/services/T0/a-secret-path", listener.local_addr().expect("an address"));
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
            let request = loop {
                let length = stream.read(&mut part).expect("read");
                bytes.extend_from_slice(&part[..length]);
                if let Some(request) = Request::parse(&bytes) {
                    break request;
                }
                assert!(length > 0, "it broke off");
            };
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{says}", says.len());
            stream.write_all(answer.as_bytes()).expect("sent");
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (url, received)
}

const ALL: &str = "on = [\"blocked\", \"waiting\", \"partial\", \"failed\", \"recovered\"]\n";

fn told(received: &Receiver<Request>) -> Vec<Value> {
    received.try_iter().map(|request| serde_json::from_str(&request.body).expect("JSON")).collect()
}

#[test]
fn a_plan_that_waits_and_one_that_is_blocked_are_told_without_names() {
    let (url, received) = receiver(200);
    let notify = format!("[[notify]]\n{ALL}url_env = \"TELL_URL\"\n");
    let house = house(&notify);
    let run = |code: i32| {
        let output = house.command(&["run", "-vv"]).env("TELL_URL", &url).output().expect("it runs");
        crate::harness::Output::of(&["run"], output).ends(code)
    };
    house.list(&more_people(1));
    let ran = run(6);
    assert!(!ran.stderr.contains("a-secret-path"), "{ran}");
    let messages = told(&received);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = &messages[0];
    assert_eq!((&message["occasion"], &message["run"]["exit_code"]), (&json!("waiting"), &json!(6)));
    assert_eq!(message["plan"]["hash"], house.json("plan.json")["plan_hash"]);
    assert_eq!(message["plan"]["summary"]["create"], json!(1));
    assert_eq!(message["detail"], Value::Null);
    let text = message.to_string();
    assert!(!text.contains("P20") && !text.contains("SE01-20"), "{text}");
    // Once is enough while nothing changes.
    run(6);
    assert_eq!(told(&received), Vec::<Value>::new());
    house.list(&people("SE01", 5));
    run(5);
    let messages = told(&received);
    assert_eq!(messages[0]["occasion"], json!("blocked"));
    assert_eq!(messages[0]["plan"]["blocked_by"][0]["id"], json!("max_delete_percent"));
    house.list(&people("SE01", 20));
    run(0);
    assert_eq!(told(&received)[0]["occasion"], json!("recovered"));
    run(0);
    assert_eq!(told(&received), Vec::<Value>::new());
}

#[test]
fn slack_teams_and_a_program_are_told_in_their_own_way() {
    let (slack, slack_got) = receiver(200);
    let (teams, teams_got) = receiver(202);
    let notify = format!(
        "[[notify]]\n{ALL}url_env = \"SLACK_URL\"\nform = \"slack\"\n[[notify]]\n{ALL}url_env = \"TEAMS_URL\"\n\
         form = \"teams\"\npersonal = true\n[[notify]]\n{ALL}command = [\"sh\", \"-c\", \"cat >told.json; env >env.txt\"]\n"
    );
    let house = house(&notify);
    std::fs::write(house.path("people.csv"), "id,first\nx\n").expect("written");
    let mut command = house.command(&["run"]);
    command.env("SLACK_URL", &slack).env("TEAMS_URL", &teams);
    crate::harness::Output::of(&["run"], command.output().expect("it runs")).ends(4);
    let slack = &told(&slack_got)[0];
    let text = slack["text"].as_str().expect("a text");
    assert!(text.starts_with("skovik-sync: The run for http://") && !text.contains("people.csv"), "{text}");
    // No word of it is markup, or calls somebody.
    assert_eq!((&slack["mrkdwn"], &slack["parse"]), (&false.into(), &"none".into()));
    assert_eq!(slack.as_object().expect("an object").len(), 3);
    let teams = &told(&teams_got)[0];
    let card = &teams["attachments"][0];
    assert_eq!(card["contentType"], json!("application/vnd.microsoft.card.adaptive"));
    assert!(card["content"]["body"][0]["text"].as_str().expect("a text").contains("no plan was made"), "{card}");
    let program: Value = house.json("told.json");
    assert_eq!(program["occasion"], json!("failed"));
    let env = house.read("env.txt");
    assert!(!env.contains("a-secret-path"), "programs do not get the URLs: {env}");
}

#[test]
fn a_receiver_who_cannot_be_told_changes_nothing_and_is_named() {
    let (url, received) = receiver(500);
    let notify = format!(
        "{AUTOMATIC}[[notify]]\n{ALL}url_env = \"TELL_URL\"\n[[notify]]\n{ALL}command = [\"sh\", \"-c\", \"echo no >&2; exit 3\"]\n\
         [[notify]]\n{ALL}url_env = \"UNSET_URL\"\n"
    );
    let house = House::new(&people("SE01", 5), &people("SE01", 20), &notify, &[]);
    let output = house.command(&["run"]).env("TELL_URL", &url).output().expect("it runs");
    let ran = crate::harness::Output::of(&["run"], output).ends(5).says(&[
        "[[notify]] number 1 could not be told `blocked`: it answers 500",
        "[[notify]] number 2 could not be told `blocked`: sh failed with exit status: 3: no",
        "[[notify]] number 3 could not be told `blocked`: [[notify]]: the environment variable UNSET_URL is not set",
    ]);
    assert!(!ran.stderr.contains("a-secret-path"), "{ran}");
    assert!(!told(&received).is_empty());
    // It was not told, so that the next run tries again.
    house.command(&["run"]).env("TELL_URL", &url).output().expect("it runs");
    assert!(!told(&received).is_empty());
}

/// The first receiver is down at first, then slow, and the program is ended while it tells them.
#[test]
fn each_receiver_hears_that_a_run_succeeded_again() {
    let tell = |name: &str, first: &str| {
        let program = format!("{first}echo >>{name}; cat >>{name}");
        format!("[[notify]]\n{ALL}command = [\"sh\", \"-c\", {program:?}]\n")
    };
    let slow = "test -e down && exit 1; test -e slow && touch here && exec sleep 60; ";
    let house = house(&format!("{AUTOMATIC}{}{}", tell("a", slow), tell("b", "")));
    let people = house.read("people.csv");
    let heard = || {
        ["a", "b"].map(|name| {
            let text = std::fs::read_to_string(house.path(name)).unwrap_or_default();
            let messages =
                text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).expect("JSON"));
            messages.map(|message: Value| message["occasion"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
        })
    };
    let fails = || {
        std::fs::write(house.path("people.csv"), "id,first\nx\n").expect("written");
        house.run(&["run"]).ends(4);
        std::fs::write(house.path("people.csv"), &people).expect("written");
    };
    fails();
    std::fs::write(house.path("down"), "").expect("written");
    house.run(&["run"]).ends(0).says(&["[[notify]] number 1 could not be told `recovered`"]);
    house.run(&["run"]).ends(0).says(&["[[notify]] number 1 could not be told `recovered`"]);
    assert_eq!(heard(), [&["failed"][..], &["failed", "recovered"]]);
    std::fs::remove_file(house.path("down")).expect("removed");
    house.run(&["run"]).ends(0);
    house.run(&["run"]).ends(0);
    assert_eq!(heard(), [["failed", "recovered"]; 2]);

    fails();
    std::fs::write(house.path("slow"), "").expect("written");
    let mut child = house.command(&["run"]).spawn().expect("it starts");
    while !house.path("here").exists() {
        assert_eq!(child.try_wait().expect("asked"), None);
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    std::fs::remove_file(house.path("slow")).expect("removed");
    house.run(&["run"]).ends(0);
    house.run(&["run"]).ends(0);
    assert_eq!(heard(), [["failed", "recovered", "failed", "recovered"]; 2]);
}

/// Somebody repairs a receiver, and puts it first.
#[test]
fn a_receiver_who_could_not_be_told_is_told_wherever_they_are_in_the_settings() {
    let tables = |names: &str| {
        let tell = |name: char| {
            let program = format!("test ! -e down-{name} && cat >>{name} && echo >>{name}");
            format!("[[notify]]\n{ALL}command = [\"sh\", \"-c\", {program:?}, \"a-word-of-{name}\"]\n")
        };
        names.chars().map(tell).collect::<String>()
    };
    let house = house(&format!("{AUTOMATIC}{}", tables("ab")));
    let (people, settings) = (house.read("people.csv"), house.read("skovik-sync.toml"));
    let order = |names: &str| {
        assert!(settings.contains(&tables("ab")), "{settings}");
        let changed = settings.replace(&tables("ab"), &tables(names));
        std::fs::write(house.path("skovik-sync.toml"), changed).expect("written");
    };
    let run = |list: &str, code: i32, expected: [&str; 3]| {
        std::fs::write(house.path("people.csv"), list).expect("written");
        house.run(&["run"]).ends(code);
        let heard = ["a", "b", "c"].map(|name| {
            let text = std::fs::read_to_string(house.path(name)).unwrap_or_default();
            let occasions = text.lines().filter(|line| !line.is_empty()).map(|line| {
                let message: Value = serde_json::from_str(line).expect("JSON");
                message["occasion"].as_str().expect("a text")[..1].to_owned()
            });
            occasions.collect::<String>()
        });
        assert_eq!(heard, expected);
    };
    let down = |name: &str| std::fs::write(house.path(name), "").expect("written");
    let up = |name: &str| std::fs::remove_file(house.path(name)).expect("removed");
    down("down-b");
    run("id,first\nx\n", 4, ["f", "", ""]);
    up("down-b");
    order("ba");
    run("id,first\nx\n", 4, ["f", "f", ""]);
    order("cba");
    run("id,first\nx\n", 4, ["f", "f", "f"]);
    down("down-a");
    run(&people, 0, ["f", "fr", "fr"]);
    up("down-a");
    order("ab");
    run(&people, 0, ["fr", "fr", "fr"]);
    run(&people, 0, ["fr", "fr", "fr"]);
    // The state names no receiver: an address may be a secret.
    for file in std::fs::read_dir(house.path("state/skovik-sync")).expect("a state") {
        let path = file.expect("a file").path();
        let text = if path.is_file() { std::fs::read(&path).expect("read") } else { Vec::new() };
        assert!(!String::from_utf8_lossy(&text).contains("a-word-of"), "{}", path.display());
    }
}

/// A program that runs the same settings would be told by that run, and so on.
#[test]
fn a_program_that_starts_a_run_is_not_started_by_it() {
    let program = "echo >>count; test $(wc -l <count) -gt 3 || \"$PROGRAM\" run 2>>said";
    let house = house(&format!("[[notify]]\n{ALL}command = [\"sh\", \"-c\", {program:?}]\n"));
    std::fs::write(house.path("people.csv"), "id,first\nx\n").expect("written");
    let mut command = house.command(&["run"]);
    let binary = command.get_program().to_owned();
    let output = command.env("PROGRAM", binary).output().expect("it runs");
    crate::harness::Output::of(&["run"], output).ends(4).says(&["number 1 could not be told `failed`: sh failed"]);
    assert_eq!(house.read("count").lines().count(), 1);
    let said = house.read("said");
    assert!(
        said.contains("number 1 could not be told `failed`: a program of [[notify]] started this command"),
        "{said}"
    );
}

#[test]
fn silence_is_told_by_the_service() {
    let (url, received) = receiver(200);
    let settings = "[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n[[notify]]\non = [\"silent\"]\nsilent_after = \"1ms\"\n\
         url_file = \"url\"\n";
    let house = house(settings);
    std::fs::write(house.path("url"), url).expect("written");
    house.list(&more_people(1));
    let mut service = Service::start(&house);
    service.has_run(1);
    let request = received.recv_timeout(Duration::from_secs(30)).expect("a message");
    let message: Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!((&message["occasion"], &message["last_success"]), (&json!("silent"), &Value::Null));
    assert!(message["text"].as_str().expect("a text").contains("has succeeded yet"), "{message}");
}

/// It may know the key from elsewhere, such as a gateway that serves both.
#[test]
fn a_receiver_that_repeats_the_key_is_masked() {
    let (url, received) = receiver_that_says(500, "x write-key end");
    let house = house(&format!(
        "[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n[[notify]]\n{ALL}url_file = \"url\"\n"
    ));
    std::fs::write(house.path("url"), url).expect("written");
    house.list(&more_people(1));
    let masked = "could not be told `waiting`: it answers 500: x [key] end";
    house.run(&["run"]).ends(6).says(&[masked]);
    let folder = tempfile::tempdir().expect("a folder");
    let named = |name: &str| (format!("\"{name}\""), format!("{:?}", house.path(name)));
    let settings = ["key", "people.csv", "url"].into_iter().map(named);
    let settings = settings.fold(house.read("skovik-sync.toml"), |text, (name, path)| text.replace(&name, &path));
    std::fs::write(folder.path().join("acme.toml"), settings).expect("written");
    house.run(&["run", "--all", folder.path().to_str().expect("text")]).ends(6).says(&[masked]);
    // The service begins before a run has read the key. Without the earlier runs, its first one comes at once.
    std::fs::remove_dir_all(house.path("state")).expect("removed");
    let mut service = Service::start(&house);
    service.until("it says so", |service| service.said().contains(masked).then_some(()));
    assert!(told(&received).len() >= 3);
}

/// Such as `notify &`.
#[test]
fn a_program_that_leaves_another_one_behind_has_taken_the_message() {
    let house = house(&format!(
        "[[notify]]\n{ALL}command = [\"sh\", \"-c\", \"cat >told.json; sleep 50 >/dev/null & echo $! >left\"]\n"
    ));
    house.list(&more_people(1));
    // The output of the test itself must not wait for what is left behind.
    let mut command = house.command(&["run"]);
    let began = std::time::Instant::now();
    let output = command.output().expect("it runs");
    let ran = crate::harness::Output::of(&["run"], output).ends(6);
    assert!(began.elapsed() < Duration::from_secs(20) && !ran.stderr.contains("could not be told"), "{ran}");
    assert_eq!(house.json("told.json")["occasion"], json!("waiting"));
    let left = house.read("left");
    let stopped = std::process::Command::new("kill").arg(left.trim()).status().expect("it runs");
    assert!(stopped.success(), "what it left goes on");
}

/// What is told and recorded is the plan that the run made, whatever is in its place by then.
#[test]
fn a_plan_that_takes_the_place_of_the_runs_own_is_not_told() {
    let tell = "[[notify]]\non = [\"failed\"]\ncommand = [\"true\"]\n";
    let house = house(&format!("{AUTOMATIC}{tell}"));
    house.list(&more_people(2));
    house.run(&["plan", "-o", "other.json"]).ends(0);
    house.list(&more_people(1));
    assert!(std::process::Command::new("mkfifo").arg(house.path("events")).status().expect("it runs").success());
    let mut child = house.command(&["run", "--events", "events"]).spawn().expect("it starts");
    while !house.path("plan.json").exists() {
        assert_eq!(child.try_wait().expect("asked"), None);
        std::thread::sleep(Duration::from_millis(2));
    }
    let made = house.json("plan.json")["plan_hash"].clone();
    std::fs::rename(house.path("other.json"), house.path("plan.json")).expect("renamed");
    // The run has waited for this reader since it made the plan.
    house.read("events");
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    let state = std::fs::read_dir(house.path("state/skovik-sync")).expect("a state");
    let mut names = state.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let runs = names.find(|name| name.ends_with(".runs.json")).expect("the runs");
    let plan = &house.json(&format!("state/skovik-sync/{runs}"))["recent"][0]["plan"];
    assert_eq!((&plan["hash"], &plan["summary"]["create"]), (&made, &json!(1)));
    assert_eq!(house.writes().len(), 1);
}

/// A receiver may take long. What the run has to say is said before, and a signal ends the wait.
#[test]
fn a_signal_while_somebody_is_told_hides_nothing_of_the_outcome() {
    let tell = "[[notify]]\non = [\"waiting\"]\ncommand = [\"sh\", \"-c\", \"echo > begun; sleep 60\"]\n";
    for signal in ["TERM", "INT"] {
        let house = house(tell);
        house.list(&more_people(1));
        let mut command = house.command(&["run", "--log-format", "json"]);
        let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        while !house.path("begun").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let stopped = Command::new("kill").args(["-s", signal, &running.id().to_string()]).status().expect("it runs");
        assert!(stopped.success());
        let ran = Output::of(&["run"], running.wait_with_output().expect("it ends")).ends(6);
        let lines: Vec<Value> =
            ran.stderr.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        assert!(lines.iter().any(|line| line.to_string().contains("not approved by policy")), "{ran}");
        let last = lines.last().expect("lines");
        assert!(last.to_string().contains("not_approved") && last.to_string().contains("exit_code"), "{ran}");
    }
}
