//! Files that this program writes and reads again: plans, approvals, journals and snapshots.
//!
//! The hash in a file makes every changed file fail at the first check. So each input is tried twice: as it is, and with
//! the right hash of its content, as a forger would write it.

use std::fs;
use std::process::Command;

use serde_json::value::RawValue;
use skovik_sync::apply::journal::{FORMAT, FORMAT_VERSION, Replay};
use skovik_sync::approval::{Approval, file_name};
use skovik_sync::employee::Managed;
use skovik_sync::plan::{Action, Plan, PlanError};
use skovik_sync::provider::skovik::Skovik;
use skovik_sync::provider::snapshot::{self, Item, Writer};
use skovik_sync::provider::{Account, StoredUser};
use skovik_sync::render::text::TextOptions;
use skovik_sync::render::{html, json, markdown, redact, text};
use skovik_sync::state::{Key, State};
use skovik_sync::text::printable;

use crate::driver::Target;
use crate::{fixture, refused, scratch};

/// The account of the small company.
const ACCOUNT: &str = "http://127.0.0.1:8480/v1";

/// The text of a plan that the program made, with every kind of operation, a blocking guard and diagnostics.
fn plan_text() -> Vec<u8> {
    let folder = scratch();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    // Two new people who manage each other, and one without an e-mail.
    let more = "1040,x@example.com,X,X,SE01,1041,4100,active\n1041,y@example.com,Y,Y,SE01,1040,4100,active\n1042,,Ulla,Zorn,,,,active\n";
    write("employees.csv", &[fixture("small/employees.csv"), more.as_bytes().to_vec()].concat());
    write("users.jsonl", &fixture("small/users.jsonl"));
    write("skovik-sync.toml", &[fixture("small/skovik-sync.toml"), b"[guard]\nmax_deletes = 0\n".to_vec()].concat());
    let mut command = Command::new(env!("CARGO_BIN_EXE_skovik-sync"));
    let output = command.current_dir(&folder).args(["plan", "--users", "users.jsonl"]).output().unwrap();
    let plan = fs::read(folder.path().join("plan.json"));
    plan.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Reads a plan, also where it has not its usual layout. If the hash is wrong, it is replaced by the hash of the content.
fn read_plan(input: &[u8]) -> Result<Plan, PlanError> {
    let read = Plan::read(input);
    // Where a file ends too early is not the same place with a blank more.
    let said = |read: &Result<Plan, PlanError>| match read {
        Err(PlanError::Malformed(_)) => "malformed".to_owned(),
        read => format!("{read:?}"),
    };
    let other = Plan::read(&[input, b" "].concat());
    assert_eq!(said(&other), said(&read), "another layout says something else");
    match read {
        Err(PlanError::WrongHash { stated, computed }) => {
            let text = String::from_utf8(input.to_vec()).unwrap();
            Plan::read(text.replacen(&stated.to_string(), &computed.to_string(), 1).as_bytes())
        }
        result => result,
    }
}

#[test]
fn plan() {
    let words =
        &["\"create\"", "\"update\"", "\"link\"", "\"delete\"", "\"manager\"", "\"user_id\"", "\"custom_fields.x\""];
    let seed = plan_text();
    let text = String::from_utf8_lossy(&seed);
    assert!(words[..4].iter().all(|action| text.contains(action)), "the plan lacks an action: {text}");
    let target = Target { name: "documents::plan", seeds: vec![seed], words };
    target.run(|input| match read_plan(input) {
        Err(error) => refused(input, &error),
        Ok(plan) => {
            let mut written = Vec::new();
            plan.write(&mut written).unwrap();
            let again = Plan::read(&written).unwrap();
            assert_eq!((again.hash(), again.content()), (plan.hash(), plan.content()), "it changes when it is written");
            shown(&plan);
            Ok(format!("a plan of {}", plan.content().operations.len()))
        }
    });
}

/// Shows a plan in every way.
fn shown(plan: &Plan) {
    let masked = redact::mask(plan);
    let options = TextOptions::default();
    for printed in [text::display(plan, &options).to_string(), text::display(&masked, &options).to_string()] {
        for line in printed.lines() {
            assert_eq!(printable(line), line, "a line of the terminal contains an invisible character");
        }
    }
    for max_bytes in [markdown::LEAST_MAX_BYTES, markdown::DEFAULT_MAX_BYTES] {
        let comment = markdown::render(plan, markdown::Options { max_bytes, ..markdown::Options::default() });
        assert!(comment.as_ref().is_ok_and(|text| text.len() <= max_bytes) || comment.is_err());
    }
    let page = html::render(plan).unwrap();
    assert_eq!(page.matches("</script").count(), 2, "a plan breaks out of the script of its page");
    serde_json::from_str::<&RawValue>(&json::render(&masked).unwrap()).unwrap();
}

#[test]
fn approval() {
    let hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let seed = format!(
        r#"{{"format":"skovik-sync/approval","format_version":1,"plan_hash":"{hash}","approver":"anna@example.com",
        "approved_at":"2026-03-01T12:00:00Z","expires_at":"2026-03-02T12:00:00Z","comment":"Åsa agreed",
        "allow":{{"deletes":40,"changes":60}},"blocked":[{{"id":"max_delete_percent","count":40,"of":100,"limit":20,
        "outcome":"block"}}],"signature":"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"}}"#
    );
    let words = &["\"field_changes\"", "\"invalid\"", "\"9007199254740992\"", "\"9999-12-31T23:59:60Z\"", "[UTC]"];
    let target = Target { name: "documents::approval", seeds: vec![seed.into_bytes()], words };
    target.run(|input| match Approval::read(input) {
        Err(error) => refused(input, &error),
        Ok(approval) => {
            let statement = approval.statement().unwrap();
            let again = Approval::read(&statement).unwrap();
            assert_eq!(again, Approval { signature: None, ..approval.clone() }, "what is signed says something else");
            assert_eq!(again.statement().unwrap(), statement);
            let name = file_name("plan.json", &approval.approver);
            assert!(!name.contains(['/', '\\', '\0']) && name.len() < 400, "{name:?} is not a file name");
            assert!(!approval.approver.contains(char::is_control));
            Ok("an approval".to_owned())
        }
    });
}

#[test]
fn journal() {
    let plan = Plan::read(&plan_text()).unwrap();
    let folder = scratch();
    let state = State::open(&folder.path().join("state"), None).unwrap();
    let path = state.journal(plan.hash());
    let words = &["\"refill\"", "\"differs\"", "\"after\"", "\"not_done\"", "\"run\"", "\n", "\"2\"", "\"9\""];
    let read = |journal: &[u8]| {
        fs::write(&path, journal).unwrap();
        Replay::read(&path, state.key(), &plan)
    };
    let target = Target { name: "documents::journal", seeds: vec![journal_text(&plan)], words };
    target.run(|input| {
        // A journal that was written without the key is empty, or an error.
        assert!(!read(input).is_ok_and(|replay| replay.is_begun()), "a journal without the key is believed");
        match read(&authentic(input, state.key(), &plan)) {
            Err(error) => refused(input, &error.to_string().replace(&*path.to_string_lossy(), "")),
            Ok(replay) => {
                let known = |id| plan.operation(id).is_some();
                assert!(
                    replay.operations.keys().chain(&replay.failed).all(|id| known(*id)),
                    "no operation of the plan"
                );
                assert!(replay.is_begun() || !replay.has_written(), "the journal has written but not begun");
                let all = plan.content().operations.len();
                assert!(replay.finished.is_none() || replay.done() == all, "the journal is finished before its end");
                Ok(format!("{} of {} done, {} failed", replay.done(), replay.operations.len(), replay.failed.len()))
            }
        }
    });
}

/// The records of an apply that has carried out the whole plan, one in each line.
fn journal_text(plan: &Plan) -> Vec<u8> {
    let at = r#""at":"2026-03-01T12:00:00Z""#;
    let (hash, account) = (plan.hash(), "00".repeat(32));
    let mut lines = vec![
        format!(
            r#"{{"journal":{{"format":{FORMAT:?},"format_version":{FORMAT_VERSION},"plan_hash":"{hash}","begun_by":"run","account":"{account}",{at}}}}}"#
        ),
        format!(r#"{{"run":{{{at},"approvers":["anna@example.com"]}}}}"#),
    ];
    lines.push(format!(r#"{{"ended":{{{at}}}}}"#));
    for operation in &plan.content().operations {
        let id = operation.id;
        let (step, user, is_new) = match &operation.action {
            Action::Create { .. } => ("create", format!("new-{id}"), true),
            Action::Link { create, .. } => ("update", format!("new-{create}"), false),
            Action::Update { user_id, .. } => ("update", user_id.to_string(), false),
            Action::Delete { user_id, .. } => ("delete", user_id.to_string(), false),
        };
        let before = if is_new { String::new() } else { format!(r#","before":{{"type":"users","id":{user:?}}}"#) };
        let made = if step == "delete" { String::new() } else { format!(r#","user_id":{user:?}"#) };
        lines.push(format!(r#"{{"intent":{{{at},"operation":"{id}","step":"{step}"{before}}}}}"#));
        lines.push(format!(r#"{{"not_done":{{{at},"operation":"{id}","problem":"refused"}}}}"#));
        lines.push(format!(r#"{{"intent":{{{at},"operation":"{id}","step":"{step}"{before}}}}}"#));
        lines.push(format!(r#"{{"done":{{{at},"operation":"{id}"{made}}}}}"#));
    }
    lines.push(format!(r#"{{"finished":{{{at}}}}}"#));
    (lines.join("\n") + "\n").into_bytes()
}

/// The journal with the lines of an input as records, authenticated with the key.
fn authentic(input: &[u8], key: &Key, plan: &Plan) -> Vec<u8> {
    let mut code = *plan.hash().as_bytes();
    let mut journal = Vec::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let (record, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |record| (record, b"\n"));
        code = key.code(&code, record.trim_ascii());
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        journal.extend_from_slice(&[br#"{"mac":""#, hex.as_bytes(), br#"","record":"#, record, b"}", end].concat());
    }
    journal
}

#[test]
fn snapshot() {
    let folder = scratch();
    let path = folder.path().join("users.jsonl");
    let url = ACCOUNT.to_owned();
    let managed = Managed { branch: true, manager: true, custom_fields: vec!["cf_cost_center".into()] };
    let seed = fixture("small/users.jsonl");
    // Fewer users are enough, and faster.
    let lines: Vec<&[u8]> = seed.split_inclusive(|byte| *byte == b'\n').collect();
    let short = [&lines[..7], &lines[lines.len() - 1..]].concat().concat();
    let words = &["\"branch\"", "\"custom_field\"", "\"user\"", "\"multiple_choice\"", "\"data\"", "\"roles\""];
    let target = Target { name: "documents::snapshot", seeds: vec![short], words };
    let account =
        Account::Snapshot { path: path.clone(), account: url, dialect: std::sync::Arc::new(Skovik::default()) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    target.run(|input| {
        fs::write(&path, input).unwrap();
        // The folder's name is different in each run.
        let told = |error: anyhow::Error| refused(input, &format!("{error:#}").replace(&*path.to_string_lossy(), ""));
        match runtime.block_on(account.users(&managed, &|_, _| ())) {
            Err(error) if !format!("{error:#}").contains("is truncated or altered") => return told(error),
            _ => {}
        }
        fs::write(&path, sealed(input)).unwrap();
        let shape = runtime.block_on(account.shape());
        let users = runtime.block_on(account.users(&managed, &|_, _| ()));
        match (shape, users) {
            (Ok(shape), Ok(users)) => {
                assert!(users.users.windows(2).all(|pair| pair[0].id < pair[1].id), "a user appears twice in it");
                assert!(shape.branches.windows(2).all(|pair| pair[0].id < pair[1].id));
                Ok(format!("{} users of {}", users.users.len(), shape.branches.len()))
            }
            (Err(error), _) | (_, Err(error)) => told(error),
        }
    });
}

/// The same content as a valid file, with the right counts and the right hash.
fn sealed(input: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), ACCOUNT).unwrap();
    // The end of the file is wrong, but all rows before it have been passed on by then.
    let owned = |json: &str| RawValue::from_string(json.to_owned()).map_err(|error| error.to_string());
    let _ = snapshot::read(
        input,
        |item| item.try_map(owned),
        |item| {
            if let Item::User(raw) = &item
                && let Ok(user) = StoredUser::new(raw)
            {
                assert_eq!(StoredUser::new(user.raw()).unwrap().raw().get(), user.raw().get());
            }
            let raw: &RawValue = item.json();
            let item = match &item {
                Item::Branch(_) => Item::Branch(raw),
                Item::CustomField(_) => Item::CustomField(raw),
                Item::User(_) => Item::User(raw),
            };
            writer.item(item).map_err(|error| error.to_string())
        },
    );
    writer.finish().unwrap().0
}
