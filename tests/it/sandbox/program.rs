//! Seeds and saves, and the command itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use skovik_sync::sandbox::{Account, Options, Server};

use super::{Answer, branch, client, company, company_snapshot, custom_field, newcomer, seed_user, snapshot};

const URL: &str = "http://127.0.0.1:1/v1";

fn saved(account: &Account) -> Vec<u8> {
    let mut out = Vec::new();
    account.save(&mut out, URL).expect("saved");
    out
}

#[test]
fn what_is_saved_and_loaded_is_saved_the_same() {
    assert_eq!(saved(&company()), company_snapshot());
    let fresh = saved(&Account::default());
    assert_eq!(saved(&Account::load(&*fresh).expect("a good seed")), fresh);
}

#[tokio::test]
async fn a_worked_on_account_is_saved_and_loaded_the_same() {
    let sandbox = super::Sandbox::company().await;
    let mut body = newcomer();
    body["data"]["attributes"]["odd"] = json!("a\nb");
    let pretty = serde_json::to_string_pretty(&body).expect("JSON");
    let request = sandbox.request("POST", "/users").header("content-type", "application/json").body(pretty);
    assert_eq!(Answer::read(request).await.expect("an answer").status, 201);
    assert_eq!(sandbox.ask("DELETE", "/users/u1", Value::Null).await.status, 204);
    let account = sandbox.server.stop().await.expect("it stops");
    let first = saved(&account);
    let loaded = Account::load(&*first).expect("a good seed");
    assert_eq!(saved(&loaded), first);
    let values = |account: &Account| {
        account.users().map(|user| serde_json::from_str(user).expect("JSON")).collect::<Vec<Value>>()
    };
    assert_eq!(values(&loaded), values(&account));
    assert_eq!(loaded.user_count(), 3);
}

#[test]
fn a_seed_that_contradicts_itself_is_refused_with_its_line_and_user() {
    let branches = [branch("br_se", "SE01")];
    let fields = [custom_field("cf_note", "text", &[])];
    let load = |users: &[Value]| Account::load(&*snapshot(&branches, &fields, users)).map(drop);
    let anna = || seed_user("u1", "1001", "Anna", None);
    let with = |mut user: Value, pointer: &str, value: Value| {
        *user.pointer_mut(pointer).expect("there") = value;
        user
    };
    let bo = || seed_user("u2", "1002", "Bo", Some("u1"));
    load(&[bo(), anna()]).expect("a manager may follow");
    for (users, parts) in [
        (vec![anna(), with(bo(), "/id", json!("u1"))], ["line 5", "u1", "twice"]),
        (vec![anna(), with(bo(), "/attributes/primary_email", json!(" Anna@EXAMPLE.com"))], ["line 5", "u2", "u1"]),
        (vec![anna(), with(bo(), "/attributes/external_identifier", json!("1001"))], ["line 5", "u2", "1001"]),
        (vec![anna(), with(bo(), "/attributes/primary_email", Value::Null)], ["line 5", "u2", "primary_email"]),
        (vec![bo()], ["line 4", "u2", "manager u1"]),
        (vec![anna(), seed_user("u2", "1002", "Bo", Some("u2"))], ["line 5", "u2", "own manager"]),
        (vec![with(anna(), "/relationships/branch/data/id", json!("br_x"))], ["line 4", "u1", "br_x"]),
        (vec![with(anna(), "/type", json!("people"))], ["line 4", "u1", "people"]),
        (vec![with(anna(), "/relationships", json!([]))], ["line 4", "user", "/relationships"]),
    ] {
        let error = load(&users).expect_err(parts[2]).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    }
    let twice = Account::load(&*snapshot(&[branch("b", "1"), branch("b", "2")], &[], &[])).expect_err("twice");
    assert_eq!(twice.to_string(), "line 3: the branch b appears twice in the snapshot");
    let cut = company_snapshot();
    assert!(Account::load(&cut[..cut.len() - 20]).is_err());
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let host = "0.0.0.0".parse().expect("an address");
    let error = Server::start(Options { host, ..Options::default() }).await.expect_err("refused");
    assert_eq!(skovik_sync::exit::status_of(&error), skovik_sync::exit::ExitStatus::Usage);
}

/// A running `skovik-sync sandbox`, ended when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the program, and gives it back with the URL that its first line tells.
fn start(args: &[&str]) -> (Program, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skovik-sync"));
    command.arg("sandbox").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = Program(command.spawn().expect("it starts"));
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let url = line.strip_prefix("listening on ").expect("the line").trim_end().to_owned();
    (program, url)
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_prints_its_address_and_saves_when_it_is_ended() {
    use std::os::unix::fs::PermissionsExt as _;

    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().expect("a folder");
        let (seed, save) = (folder.path().join("seed.jsonl"), folder.path().join("save.jsonl"));
        std::fs::write(&seed, company_snapshot()).expect("written");
        std::fs::write(&save, "an older file").expect("written");
        let args = ["--port", "0", "--seed", path_text(&seed), "--save", path_text(&save), "--key", "k1"];
        let (mut program, url) = start(&args);
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1"), "{url}");
        let request = client().delete(format!("{url}/users/u3")).bearer_auth("k1");
        assert_eq!(Answer::read(request).await.expect("an answer").status, 204);

        let pid = program.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
        assert_eq!(program.0.wait().expect("it ends").code(), Some(0), "{signal}");
        let mut err = String::new();
        program.0.stderr.take().expect("stderr").read_to_string(&mut err).expect("text");
        assert!(err.contains("3 users, pages of up to 100 by cursor only, PUT replaces"), "{err}");
        assert!(err.ends_with(&format!("saved 2 users to {}\n", save.display())), "{err}");
        assert!(!err.contains("k1"), "{err}");

        let bytes = std::fs::read(&save).expect("saved");
        let account = Account::load(&*bytes).expect("a good snapshot");
        assert!(account.user("u2").is_some() && account.user("u3").is_none());
        let mode = std::fs::metadata(&save).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn wrong_arguments_are_told_with_exit_code_3_and_a_bad_seed_with_4() {
    let folder = tempfile::tempdir().expect("a folder");
    let cut = folder.path().join("cut.jsonl");
    std::fs::write(&cut, &company_snapshot()[..200]).expect("written");
    let nowhere = folder.path().join("no/where.jsonl");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    for (args, code, message) in [
        (vec!["--fail", "POST /users nth=x status=503"], 3, "\"nth=x\""),
        (vec!["--fail", "GET /users"], 3, "names no fault"),
        (vec!["--host", "0.0.0.0", "--port", "0"], 3, "loopback"),
        (vec!["--page-cap", "0"], 3, "--page-cap"),
        (vec!["--latency", "soon"], 3, "--latency"),
        (vec!["--port", &port], 3, "cannot listen"),
        (vec!["--seed", path_text(&nowhere)], 3, "where.jsonl"),
        (vec!["--save", path_text(&nowhere), "--port", "0"], 3, "not a folder"),
        (vec!["--request-log", path_text(&nowhere), "--port", "0"], 3, "request log"),
        (vec!["--request-log", path_text(&pipe), "--port", "0"], 3, "nobody reads this pipe"),
        (vec!["--seed", path_text(&cut)], 4, "cut.jsonl"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_skovik-sync")).arg("sandbox").args(&args).output().expect("it runs");
        let err = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        assert!(err.contains(message), "{args:?}: {err}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[tokio::test]
async fn the_program_takes_every_mode_and_says_so() {
    let words = "--port 0 --paging bare-cursor --paths dashed --field-options embedded --external-id dropped \
                 --archived hidden --patch silent --filter ignored --order shuffled --user-name any --no-etag --no-sort \
                 --no-scim-type";
    let (mut program, url) = start(&words.split_whitespace().collect::<Vec<_>>());
    let scim = url.replace("/v1", "/scim/v2");
    let request = client().get(format!("{scim}/ServiceProviderConfig")).bearer_auth("k1");
    let config = Answer::read(request).await.expect("an answer").json();
    for (member, supported) in [("patch", true), ("filter", false), ("sort", false), ("etag", false)] {
        assert_eq!(config[member]["supported"], supported, "{member}");
    }
    program.0.kill().expect("killed");
    let mut err = String::new();
    program.0.stderr.take().expect("stderr").read_to_string(&mut err).expect("text");
    assert!(
        err.contains("by cursor only, without links")
            && err.contains("paths with dashes")
            && err.contains("options in their custom field"),
        "{err}"
    );
    let modes = "externalId is dropped, archived users are hidden, PATCH answers without the user, no ETags, filters are \
                 ignored, no sorting, lists in no order, errors without scimType, any text is a userName";
    assert!(err.ends_with(&format!("the same people by SCIM on {scim}, {modes}\n")), "{err}");
}
