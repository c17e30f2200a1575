//! What a plan must say of its own operations, and which values it may write. Each plan here is altered, hashed anew, and
//! approved where `approve` takes it.

use skovik_sync::employee::CustomValue;
use skovik_sync::plan::{
    Action, Change, Content, Day, Diagnostic, Field, Fields, ManagerRef, Operation, Plan, Severity, UserRef, Value,
};

use crate::company::every_step;
use crate::harness::Output;
use crate::world::{Pace, World};

/// Alters the plan of a company with an operation of each kind, then approves and applies it.
async fn forged(alter: impl FnOnce(&mut Content)) -> Output {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    let mut content = world.plan("plan.json").await.content().clone();
    alter(&mut content);
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(world.path("plan.json")).expect("made")).expect("written");
    let args = ["approve", "plan.json", "--yes", "--approver", "eve", "--allow", "deletes=9", "--allow", "changes=9"];
    let approved = world.run(&[&args[..], &["--allow", "creates=9"]].concat()).await;
    let ended = if approved.code == Some(0) { world.apply().await } else { approved };
    assert_eq!(world.writes().len(), 0, "{ended:?}");
    ended
}

fn of<'a>(content: &'a mut Content, action: &str) -> &'a mut Operation {
    let is_such = |operation: &&mut Operation| operation.action.name() == action;
    content.operations.iter_mut().find(is_such).expect("such an operation")
}

fn change(content: &mut Content, change: Change) {
    let Action::Update { changes, .. } = &mut of(content, "update").action else { panic!("no update") };
    changes.retain(|other| other.field != change.field);
    changes.push(change);
    changes.sort_by(|one, other| one.field.cmp(&other.field));
}

/// The user whom the plan removes, as a manager.
fn removed(content: &Content) -> ManagerRef {
    let is_delete = |operation: &&Operation| operation.action.name() == "delete";
    let Operation { employee, name, action, .. } = content.operations.iter().find(is_delete).expect("a delete");
    let Action::Delete { user_id, .. } = action else { panic!("no delete") };
    ManagerRef::User(UserRef { user_id: user_id.clone(), employee: employee.clone(), name: name.clone() })
}

fn created(content: &mut Content) -> &mut Fields {
    let Action::Create { after } = &mut of(content, "create").action else { panic!("no create") };
    after
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

#[tokio::test]
async fn what_no_list_gives_is_refused() {
    type Alter = fn(&mut Content);
    let cases: [(&str, i32, &str, Alter); 15] = [
        ("roles left out of an update", 7, "with no roles", |content| {
            let Action::Update { roles, .. } = &mut of(content, "update").action else { panic!("no update") };
            *roles = None;
        }),
        ("roles left out of a delete", 7, "with no roles", |content| {
            let Action::Delete { roles, .. } = &mut of(content, "delete").action else { panic!("no delete") };
            *roles = None;
        }),
        ("a create under somebody who is removed", 8, "a manager that the plan deletes", |content| {
            let manager = removed(content);
            created(content).manager = Some(Some(manager));
        }),
        ("an update to somebody who is removed", 8, "a manager that the plan deletes", |content| {
            let after = Some(Value::Manager(removed(content)));
            change(content, Change { field: Field::Manager, before: None, after });
        }),
        ("a day that no setting asks for", 8, "no setting asks for `today`", |content| {
            content.as_of = Day::new(2031, 1, 1);
        }),
        ("an e-mail that is none", 8, "not an e-mail address", |content| {
            created(content).primary_email = "not an email".into();
        }),
        ("an e-mail that is none, in an update", 8, "not an e-mail address", |content| {
            change(content, Change { field: Field::PrimaryEmail, before: text("a@example.com"), after: text("x") });
        }),
        ("an empty name", 8, "an empty text", |content| {
            let Action::Update { changes, .. } = &mut of(content, "update").action else { panic!("no update") };
            changes.retain(|change| change.field != Field::FirstName);
            change(content, Change { field: Field::FirstName, before: text("Anna"), after: text("") });
        }),
        ("a name with a character that nobody sees", 8, "a character that nobody sees", |content| {
            change(content, Change { field: Field::LastName, before: text("Berg"), after: text("Be\u{200b}rg") });
        }),
        ("a name without end", 8, "too long", |content| {
            change(content, Change { field: Field::LastName, before: text("Berg"), after: text(&"a".repeat(1001)) });
        }),
        ("a control character in a custom field", 8, "a control character", |content| {
            let custom = &mut created(content).custom_fields;
            custom.values_mut().for_each(|value| *value = Some(CustomValue::Text("4100\u{7}".into())));
        }),
        ("yes in a choice", 7, "a value that is not among its options", |content| {
            let custom = &mut created(content).custom_fields;
            custom.values_mut().for_each(|value| *value = Some(CustomValue::Boolean(true)));
        }),
        ("no branch", 8, "without a branch", |content| created(content).branch = Some(None)),
        ("another identifier without a warning", 8, "no diagnostic renumbered says so", |content| {
            let shown = of(content, "update").employee.clone().expect("an identifier");
            let before = text(shown.as_str());
            change(content, Change { field: Field::ExternalIdentifier, before, after: text("99999") });
        }),
        ("diagnostics in another order", 8, "repeated or out of order", |content| {
            let found =
                Diagnostic { severity: Severity::Info, code: "x".to_owned(), employee: None, message: "x".to_owned() };
            content.diagnostics.extend([found.clone(), found]);
        }),
    ];
    for (what, code, words, alter) in cases {
        let ended = forged(alter).await;
        assert!(ended.code == Some(code) && ended.stderr.contains(words), "{what}: {ended:?}");
    }
}

/// An undo is made again by `apply`: what it says of what is lost must be what the journal gives.
#[tokio::test]
async fn an_undo_says_what_the_state_folder_says() {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    // Of this undo any plan might do the same: only what it says can tell.
    let planned = world.run(&["plan", "--only", "1020", "-o", "plan.json"]).await;
    assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
    world.approve("plan.json").await;
    let applied = world.apply().await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    std::fs::rename(world.path("plan.json"), world.path("done.json")).expect("renamed");
    let undone = world.run(&["undo", "done.json", "-o", "plan.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
    let mut content = world.read_plan("plan.json").content().clone();
    let (code, message) = ("undo_incomplete".to_owned(), "nothing is lost".to_owned());
    content.diagnostics.push(Diagnostic { severity: Severity::Info, code, employee: None, message });
    let other = Plan::seal(content).expect("a hash");
    other.write(std::fs::File::create(world.path("plan.json")).expect("made")).expect("written");
    world.approve("plan.json").await;
    let writes = world.writes().len();
    for command in ["verify", "apply"] {
        let ended = world.run(&[command, "plan.json"]).await;
        assert!(ended.code == Some(7) && ended.stderr.contains("makes another undo"), "{command}: {ended:?}");
    }
    assert_eq!(world.writes().len(), writes);
}
