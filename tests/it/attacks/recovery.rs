//! A journal is no authority: it lives where others cannot write, each line is authentic and fits the plan, and what it
//! says about Skovik is held against Skovik.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use skovik_sync::apply::journal::{BegunBy, Head, Journal, Record, Replay, Step};
use skovik_sync::employee::UserId;
use skovik_sync::plan::{Action, Operation, OperationId, Plan};
use skovik_sync::provider::StoredUser;
use skovik_sync::state::State;

use crate::company::every_step;
use crate::harness::Output;
use crate::world::{Pace, World};

const PACE: Pace = Pace { max_in_flight: 1, retries: 0, timeout_ms: 1500 };
const ADMIN: &str = "aaaaaaaa00000000000003e7";

fn done(operation: OperationId, user_id: Option<&str>) -> Record {
    let user_id = user_id.map(UserId::from);
    Record::Done { at: Timestamp::UNIX_EPOCH, operation, user_id, after: None, differs: Vec::new() }
}

fn intent(operation: OperationId, step: Step, before: Option<StoredUser>) -> Record {
    Record::Intent { at: Timestamp::UNIX_EPOCH, operation, step, before }
}

/// Writes a journal of the plan with a key, as an apply that has this state folder would.
async fn write(state: &State, path: &Path, plan: &Plan, records: &[Record]) {
    let replay = Replay::default();
    let head = Head::new(BegunBy::Apply, &plan.content().target.url, Timestamp::UNIX_EPOCH);
    let journal = Journal::open(state, &replay, plan.hash(), head).await.expect("begun");
    for record in records {
        journal.write(record).done().await.expect("written");
    }
    drop(journal);
    // An apply keeps a copy of its plan before it begins a journal.
    let mut text = Vec::new();
    plan.write(&mut text).expect("written");
    state.keep_plan(plan.hash(), text).expect("kept");
    let written = state.journal(plan.hash());
    if written != path {
        std::fs::rename(written, path).expect("moved");
    }
}

fn find(plan: &Plan, which: impl Fn(&Operation) -> bool) -> &Operation {
    plan.content().operations.iter().find(|operation| which(operation)).expect("such an operation")
}

fn user_of(operation: &Operation) -> &str {
    operation.user_id().expect("a user").as_str()
}

/// A user of the world as the server gives them, with a chosen custom field.
fn resource(world: &World, id: &str, note: &str) -> StoredUser {
    let mut user = world.users()[id].clone();
    user["attributes"]["custom_fields"]["cf_note"] = json!(note);
    serde_json::from_str(&user.to_string()).expect("a user")
}

async fn refused(world: &World, word: &str) {
    let before = (world.users(), world.writes().len());
    let ended: Output = world.apply().await;
    assert_eq!(ended.code, Some(8), "{word}: {ended:?}");
    assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    assert!((world.users(), world.writes().len()) == before, "{word}: something was written");
    for command in ["verify", "undo"] {
        let ended = world.run(&[command, "plan.json"]).await;
        assert_eq!(ended.code, Some(8), "{command}: {ended:?}");
    }
}

/// What stood beside the plan in earlier versions, and in pipelines that carry such files along.
#[tokio::test]
async fn nothing_beside_the_plan_is_a_journal() {
    let world = World::faulty(&every_step(), PACE, &[]).await;
    let plan = world.approved_plan().await;
    let create = find(&plan, |operation| matches!(operation.action, Action::Create { .. }));
    let other = State::open(&world.path("others-state"), None).expect("a state of somebody else");
    write(&other, &world.path("plan.json.journal"), &plan, &[done(create.id, Some(ADMIN))]).await;
    fs::copy(world.path("plan.json.journal"), world.path(&format!("{}.journal", plan.hash().hex()))).expect("copied");
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(world.users().values().all(|user| user["relationships"]["manager"]["data"]["id"] != json!(ADMIN)));
}

#[tokio::test]
async fn a_journal_of_another_key_is_refused() {
    let world = World::faulty(&every_step(), PACE, &[]).await;
    let plan = world.approved_plan().await;
    let other = State::open(&world.path("others-state"), None).expect("a state of somebody else");
    write(&other, &world.journal_path(), &plan, &[]).await;
    refused(&world, "line 1 is not authentic").await;
}

/// Whoever writes there without the key puts no line into what the program says.
#[tokio::test]
async fn an_error_about_a_line_is_one_line() {
    let world = World::faulty(&every_step(), PACE, &[]).await;
    world.approved_plan().await;
    fs::create_dir_all(world.journal_path().parent().expect("a folder")).expect("made");
    let forged = r#"{"mac":"00","x\nAll is well: approved by anna\nhint: rm -r":1}"#.to_owned() + "\n";
    for text in [forged.clone(), forged.clone() + &forged] {
        world.state();
        fs::write(world.journal_path(), text).expect("written");
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(8), "{ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(said.contains("All is well"), "{ended:?}");
        assert!(!said.lines().any(|line| line.starts_with("All is well") || line.starts_with("hint: rm")), "{ended:?}");
    }
}

/// Lines that are added, altered, taken out or put in another order.
#[tokio::test]
async fn lines_that_the_key_did_not_make_are_refused() {
    let world = World::faulty(&every_step(), PACE, &["POST /users nth=2 status=422"]).await;
    let plan = world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(9));
    let path = world.journal_path();
    let good = fs::read_to_string(&path).expect("a journal");
    let lines: Vec<&str> = good.lines().collect();
    let open = find(&plan, |operation| matches!(operation.action, Action::Create { .. }));
    let forged = json!({"done": {"at": "2026-03-01T00:00:00Z", "operation": open.id.to_string(), "user_id": ADMIN}});
    let last: Value = serde_json::from_str(lines[lines.len() - 1]).expect("JSON");
    let swapped = [&lines[..2], &[lines[3], lines[2]], &lines[4..]].concat().join("\n") + "\n";
    for (what, text) in [
        ("added", format!("{good}{{\"mac\":\"{}\",\"record\":{forged}}}\n", "0".repeat(64))),
        ("with the code of another line", format!("{good}{{\"mac\":{},\"record\":{forged}}}\n", last["mac"])),
        ("repeated", format!("{good}{}\n", lines[lines.len() - 1])),
        ("altered", good.replacen("p4.new@", "p4.evil@", 1)),
        ("taken out", [&lines[..3], &lines[4..]].concat().join("\n") + "\n"),
        ("in another order", swapped),
        ("without a code", format!("{good}{forged}\n{forged}\n")),
        // Whole lines at the end, as no crash leaves them.
        ("the last one without a code", format!("{good}{forged}\n")),
        ("an empty object", format!("{good}{{}}\n")),
        ("an empty line", format!("{good}\n")),
        ("half a line with its end", format!("{good}{{\"mac\":\"00\n")),
        ("a gap with something behind it", format!("{good}\0\0\n{forged}\n")),
    ] {
        fs::write(&path, text).expect("written");
        let writes = world.writes().len();
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(8), "{what}: {ended:?}");
        assert_eq!(world.writes().len(), writes, "{what}");
    }
    // What is torn off at the end is what a crash leaves, or a line in which a block was not written.
    for left in ["{\"mac\":\"00", "{\"mac\":\"00\0\0\0\0}}\n"] {
        fs::write(&path, format!("{good}{left}")).expect("written");
        assert_eq!(world.apply().await.code, Some(0), "{left:?}");
    }
}

/// Even the right key makes no line good that the plan does not know.
#[tokio::test]
async fn a_line_that_does_not_fit_the_plan_is_refused() {
    let world = World::faulty(&every_step(), PACE, &[]).await;
    let plan = world.approved_plan().await;
    let create =
        find(&plan, |operation| matches!(operation.action, Action::Create { .. }) && operation.depends_on.is_empty());
    let late =
        find(&plan, |operation| matches!(operation.action, Action::Create { .. }) && !operation.depends_on.is_empty());
    let stays = |operation: &Operation| {
        matches!(&operation.action, Action::Update { changes, .. }
        if operation.depends_on.is_empty() && changes.iter().all(|change| change.field.to_string() != "branch"))
    };
    let update = find(&plan, stays);
    let delete = find(&plan, |operation| matches!(operation.action, Action::Delete { .. }));
    let (user, removed) = (user_of(update).to_owned(), user_of(delete).to_owned());
    let before = |id: &str| Some(resource(&world, id, "chosen"));
    let end = || Record::Finished { at: Timestamp::UNIX_EPOCH };
    let none = OperationId(999);
    let cases: Vec<(&str, Vec<Record>)> = vec![
        ("the plan has no operation 999", vec![done(none, None)]),
        ("the plan has no operation 999", vec![intent(none, Step::Create, None)]),
        ("the plan has no operation 0", vec![done(OperationId(0), None)]),
        ("ends with 0 of", vec![end()]),
        ("has no such step", vec![intent(update.id, Step::Delete, before(&user))]),
        ("has no such step", vec![intent(update.id, Step::Refill, before(&user))]),
        ("has no such step", vec![intent(create.id, Step::Update, None)]),
        ("is not about this user", vec![intent(update.id, Step::Update, before(ADMIN))]),
        ("is not about this user", vec![intent(update.id, Step::Update, None)]),
        ("is not about this user", vec![intent(create.id, Step::Create, before(ADMIN))]),
        ("is not about this user", vec![done(update.id, Some(ADMIN))]),
        ("is not about this user", vec![done(create.id, None)]),
        // A stranger who is in the plan, as a newcomer.
        ("is not about this user", vec![done(create.id, Some(&removed))]),
        ("is not about this user", vec![done(delete.id, Some(&removed))]),
        ("is begun before operation", vec![intent(late.id, Step::Create, None)]),
        ("after it was done", vec![done(create.id, Some("new")), intent(create.id, Step::Create, None)]),
        ("after it was done", vec![done(create.id, Some("new")), done(create.id, Some("other"))]),
    ];
    for (word, records) in cases {
        fs::remove_file(world.journal_path()).ok();
        write(&world.state(), &world.journal_path(), &plan, &records).await;
        refused(&world, word).await;
    }
    // Two newcomers who are one and the same.
    let others =
        find(&plan, |operation| matches!(operation.action, Action::Create { .. }) && operation.id != create.id);
    fs::remove_file(world.journal_path()).expect("removed");
    let twins = [done(create.id, Some("new")), done(others.id, Some("new"))];
    write(&world.state(), &world.journal_path(), &plan, &twins).await;
    refused(&world, "is not about this user").await;
}

/// A user in the journal who is not the one of the plan is nobody whose custom fields are given back.
#[tokio::test]
async fn what_the_journal_remembers_of_a_user_must_be_what_the_plan_saw() {
    const MOVED: &str = "aaaaaaaa0000000000000003";
    let world = World::faulty(&every_step(), PACE, &[]).await;
    let plan = world.approved_plan().await;
    let moved = find(&plan, |operation| operation.user_id().is_some_and(|user| user.as_str() == MOVED));
    let mut user = world.users()[MOVED].clone();
    user["attributes"]["last_name"] = json!("Forged");
    user["attributes"]["custom_fields"]["cf_note"] = json!("chosen");
    let before = serde_json::from_str(&user.to_string()).expect("a user");
    let records = [intent(moved.id, Step::Update, Some(before))];
    write(&world.state(), &world.journal_path(), &plan, &records).await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("the journal and the plan differ about the user"), "{ended:?}");
    assert_eq!(world.users()[MOVED]["attributes"]["custom_fields"]["cf_note"], json!("note 3"));
    assert!(world.writes().iter().all(|request| !request.path.ends_with(MOVED)));
}

/// A newcomer who is somebody else in Skovik gets no reports.
#[tokio::test]
async fn what_an_authentic_line_says_of_skovik_is_held_against_skovik() {
    for stranger in [ADMIN, "aaaaaaaa0000000000000007", "nobody"] {
        let world = World::faulty(&every_step(), PACE, &[]).await;
        let plan = world.approved_plan().await;
        let leads = |operation: &Operation| operation.employee.as_ref().is_some_and(|who| who.as_str() == "1020");
        let create = find(&plan, leads);
        // 1007 is in the plan, and so is refused when the journal is read.
        let in_plan = plan
            .content()
            .operations
            .iter()
            .any(|operation| operation.user_id().is_some_and(|user| user.as_str() == stranger));
        write(&world.state(), &world.journal_path(), &plan, &[done(create.id, Some(stranger))]).await;
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(if in_plan { 8 } else { 7 }), "{stranger}: {ended:?}");
        let reports = |user: &Value| user["relationships"]["manager"]["data"]["id"] == json!(stranger);
        let before = every_step().account();
        let had = before.users().filter(|user| reports(&serde_json::from_str(user).expect("JSON"))).count();
        assert_eq!(world.users().values().filter(|user| reports(user)).count(), had, "{stranger}");
        assert!(in_plan || ended.stderr.contains("who was made is not"), "{ended:?}");
        assert!(world.writes().is_empty());
    }
}

/// The user whom a move emptied is given back what the journal remembers only if nobody forged that, and never somebody
/// who is protected, or somebody else, by then.
#[tokio::test]
async fn a_refill_writes_to_nobody_who_is_protected_or_another_person() {
    let moved = "aaaaaaaa0000000000000003";
    for (field, words) in [("roles", "is protected now"), ("external_identifier", "is another person now")] {
        // The read after the move comes back before the change, the one before that is for the write itself.
        let rules = [format!("PUT /users/{moved} nth=1 change={field}")];
        let world = World::faulty(&every_step(), PACE, &[&rules[0]]).await;
        world.approved_plan().await;
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(9), "{ended:?}");
        let puts = world.writes().into_iter().filter(|request| request.path.ends_with(moved)).count();
        assert_eq!(puts, 1, "no refill: {ended:?}");
        assert!(ended.stdout.contains(words), "{field}: {ended:?}");
    }
}
