//! A plan of other settings under the hash of the real ones: what the settings leave alone stays as it is, whatever the
//! plan says about its settings. Each plan here is hashed anew and approved, where `approve` takes it.

use skovik_sync::employee::CustomValue;
use skovik_sync::plan::{Action, BranchRef, Change, Content, Digest, Field, Operation, Plan, SourceSummary, Value};

use crate::company::every_step;
use crate::harness::Output;
use crate::world::{Pace, World};

/// A line of the settings, and what stands in its place.
type Edit = (&'static str, &'static str);

const SCOPE: &str = "[scope]\n";
const MANAGER: &str = "manager = \"{{ hr.manager }}\"\n";
const BRANCH: &str = "branch = \"{{ hr.branch }}\"\n";

/// A company whose real settings have this edit.
async fn world(real: Edit) -> World {
    let world = World::faulty(&every_step(), Pace::default(), &[]).await;
    edit(&world, "skovik-sync.toml", "skovik-sync.toml", real);
    world
}

fn edit(world: &World, from: &str, to: &str, (old, new): Edit) {
    let text = std::fs::read_to_string(world.path(from)).expect("settings");
    assert!(text.contains(old), "{old} is not in {text}");
    std::fs::write(world.path(to), text.replacen(old, new, 1)).expect("written");
}

/// Puts a plan in its place that `alter` makes of the one that is there.
fn forge(world: &World, alter: impl FnOnce(&mut Content)) {
    let mut content = world.read_plan("plan.json").content().clone();
    alter(&mut content);
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(world.path("plan.json")).expect("made")).expect("written");
}

/// Approves and applies `plan.json`; the end of the first of both that refuses it.
async fn approve_and_apply(world: &World) -> Output {
    let args = ["approve", "plan.json", "--yes", "--approver", "eve"];
    let approved = world
        .run(&[&args[..], &["--allow", "deletes=9", "--allow", "changes=9", "--allow", "creates=9"]].concat())
        .await;
    match approved.code {
        Some(0) => world.apply().await,
        _ => approved,
    }
}

/// The plan that `other` settings make, with the hash of the real ones.
async fn transplant(real: Edit, other: Edit, only: &[&str]) -> (i32, String) {
    let world = world(real).await;
    edit(&world, "skovik-sync.toml", "other.toml", other);
    let hash = world.plan("plan.json").await.content().config_hash;
    let args = ["--config", "other.toml", "plan", "--users", "before.jsonl", "-o", "plan.json"];
    let planned = world.run(&[&args[..], only].concat()).await;
    assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
    forge(&world, |content| content.config_hash = hash);
    let ended = approve_and_apply(&world).await;
    assert_eq!(world.writes().len(), 0, "{ended:?}");
    (ended.code.expect("a code"), ended.stderr)
}

#[tokio::test]
async fn a_plan_of_other_settings_is_found_out_by_its_operations() {
    let cases: [(Edit, Edit, &[&str], i32, &str); 6] = [
        (
            (SCOPE, "[scope]\nremove = \"none\"\n"),
            ("remove = \"none\"\n", ""),
            &[],
            8,
            "1002 First2 Last2: [scope] remove = \"none\" removes nobody",
        ),
        (
            (SCOPE, "[scope]\nmatch = [\"external_identifier\"]\n"),
            ("match = [\"external_identifier\"]\n", ""),
            &[],
            8,
            "[scope] match",
        ),
        (
            (SCOPE, "[scope]\nbranches = [\"NO01\"]\n"),
            ("branches = [\"NO01\"]\n", ""),
            &[],
            7,
            "the branch br_se is not one that [scope] branches names",
        ),
        (
            (SCOPE, "[scope]\nbranches = [\"NO01\"]\n"),
            ("branches = [\"NO01\"]\n", ""),
            &["--only", "1005"],
            7,
            "is in no branch that [scope] branches names",
        ),
        (
            (SCOPE, "[scope]\nbranches = [\"SE01\"]\n"),
            ("branches = [\"SE01\"]\n", ""),
            &["--only", "1003"],
            7,
            "the branch br_no is not one that [scope] branches names",
        ),
        (
            ("\"Cost center\" = \"{{ hr.cost_center }}\"", "\"Note\" = \"{{ hr.cost_center }}\""),
            ("\"Note\" = \"{{ hr.cost_center }}\"", "\"Cost center\" = \"{{ hr.cost_center }}\""),
            &[],
            8,
            "its custom fields are not those that the settings manage",
        ),
    ];
    for (real, other, only, code, words) in cases {
        let (found, said) = transplant(real, other, only).await;
        assert!(found == code && said.contains(words), "{real:?}: {found} {said}");
    }
}

#[tokio::test]
async fn users_without_an_identifier_stay_where_only_identified_ones_are_removed() {
    let world = world((SCOPE, "[scope]\n")).await;
    let list = std::fs::read_to_string(world.path("employees.csv")).expect("a list");
    let without: Vec<&str> = list.lines().filter(|line| !line.starts_with("1005,")).collect();
    std::fs::write(world.path("employees.csv"), without.join("\n")).expect("written");
    edit(&world, "skovik-sync.toml", "other.toml", (SCOPE, "[scope]\nremove = \"all\"\n"));
    let hash = world.plan("plan.json").await.content().config_hash;
    let args = ["--config", "other.toml", "plan", "--users", "before.jsonl", "-o", "plan.json"];
    let planned = world.run(&args).await;
    assert!(matches!(planned.code, Some(0 | 5)), "{planned:?}");
    forge(&world, |content| content.config_hash = hash);
    let ended = approve_and_apply(&world).await;
    assert!(ended.code == Some(8) && ended.stderr.contains("without an external identifier"), "{ended:?}");
    assert_eq!(world.writes().len(), 0);
}

fn of<'a>(content: &'a mut Content, identifier: &str) -> &'a mut Operation {
    let is_theirs =
        |operation: &&mut Operation| operation.employee.as_ref().is_some_and(|who| who.as_str() == identifier);
    content.operations.iter_mut().find(is_theirs).expect("such an operation")
}

fn change(content: &mut Content, change: Change) {
    let Action::Update { changes, .. } = &mut of(content, "1007").action else { panic!("no update") };
    changes.push(change);
    changes.sort_by(|one, other| one.field.cmp(&other.field));
}

/// What Skovik holds in a field that is not managed is in no figure and in no hash of a plan: it must not be written.
#[tokio::test]
async fn a_field_that_is_not_managed_is_not_written() {
    type Alter = fn(&mut Content);
    let cases: [(&str, Edit, i32, &str, Alter); 10] = [
        ("in an update", (SCOPE, SCOPE), 8, "sets the custom field cf_note", |content| {
            let after = Some(Value::Text("99999".into()));
            change(content, Change { field: Field::Custom("cf_note".into()), before: None, after });
        }),
        (
            "emptied in an update",
            (SCOPE, SCOPE),
            8,
            "it empties custom_fields.cf_note, but no diagnostic values_lost",
            |content| {
                let before = Some(Value::Text("note 7".into()));
                change(content, Change { field: Field::Custom("cf_note".into()), before, after: None });
            },
        ),
        (
            "in an update, and named",
            (SCOPE, SCOPE),
            8,
            "skovik-sync cannot have written this plan (edited by hand?)",
            |content| {
                content.target.custom_fields.insert("cf_note".into(), "Note".to_owned());
                let after = Some(Value::Text("99999".into()));
                change(content, Change { field: Field::Custom("cf_note".into()), before: None, after });
            },
        ),
        (
            "under the name of a managed one",
            (SCOPE, SCOPE),
            8,
            "skovik-sync cannot have written this plan (edited by \
        hand?)",
            |content| {
                content.target.custom_fields = [("cf_note".into(), "Cost center".to_owned())].into();
            },
        ),
        ("which the account does not have", (SCOPE, SCOPE), 8, "sets the custom field cf_none", |content| {
            let after = Some(Value::Text("99999".into()));
            change(content, Change { field: Field::Custom("cf_none".into()), before: None, after });
        }),
        ("in a create", (SCOPE, SCOPE), 8, "sets the custom field cf_note", |content| {
            let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
            after.custom_fields.insert("cf_note".into(), Some(CustomValue::Text("99999".into())));
        }),
        ("left out of a create", (SCOPE, SCOPE), 8, "leaves out the custom field cf_cost", |content| {
            let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
            after.custom_fields.clear();
        }),
        ("a manager left out of a create", (SCOPE, SCOPE), 8, "leaves out the manager", |content| {
            let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
            after.manager = None;
        }),
        ("a manager", (MANAGER, ""), 8, "sets the manager", |content| {
            let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
            after.manager = Some(None);
        }),
        ("a branch", (BRANCH, ""), 8, "sets the branch", |content| {
            let Action::Create { after } = &mut of(content, "1020").action else { panic!("no create") };
            let branch_id = "br_se".into();
            after.branch = Some(Some(BranchRef { branch_id, external_identifier: None, name: "".into() }));
        }),
    ];
    for (what, real, code, words, alter) in cases {
        let world = world(real).await;
        world.plan("plan.json").await;
        forge(&world, alter);
        let verified = world.run(&["verify", "plan.json"]).await;
        assert_eq!(verified.code, Some(code), "{what}: {verified:?}");
        let ended = approve_and_apply(&world).await;
        assert!(ended.code == Some(code) && ended.stderr.contains(words), "{what}: {ended:?}");
        assert_eq!(world.writes().len(), 0, "{what}");
    }
}

/// A plan that calls itself an undo may do no more than the undo that the state folder makes.
#[tokio::test]
async fn an_undo_is_no_name_to_hide_behind() {
    let world = world((SCOPE, "[scope]\nremove = \"none\"\n")).await;
    edit(&world, "skovik-sync.toml", "other.toml", ("remove = \"none\"\n", ""));
    let hash = world.plan("plan.json").await.content().config_hash;
    let args = ["--config", "other.toml", "plan", "--users", "before.jsonl", "-o", "plan.json"];
    world.run(&args).await;
    forge(&world, |content| {
        content.config_hash = hash;
        content.sources = vec![SourceSummary {
            name: "the journal of the plan to undo".to_owned(),
            kind: "journal".to_owned(),
            proof: "journal".to_owned(),
            fingerprint: Digest::of(b"of no plan"),
            ..content.sources[0].clone()
        }];
    });
    let ended = approve_and_apply(&world).await;
    assert!(ended.code == Some(7) && ended.stderr.contains("removes nobody"), "{ended:?}");
    // Under another name it is none.
    forge(&world, |content| content.sources[0].name = "hr".to_owned());
    let ended = approve_and_apply(&world).await;
    assert!(ended.code == Some(8) && ended.stderr.contains("its sources are not those"), "{ended:?}");
    assert_eq!(world.writes().len(), 0);
}

#[tokio::test]
async fn an_undo_takes_back_what_its_plan_did_where_nobody_is_removed_otherwise() {
    let world = world((SCOPE, "[scope]\nremove = \"none\"\n")).await;
    let before = world.people();
    world.approved_plan().await;
    let applied = world.apply().await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    std::fs::rename(world.path("plan.json"), world.path("done.json")).expect("renamed");
    let undone = world.run(&["undo", "done.json", "-o", "plan.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
    world.approve("plan.json").await;
    let writes = world.writes().len();
    // Another state folder knows nothing of what was done.
    let elsewhere = world.run(&["--state", "elsewhere", "apply", "plan.json"]).await;
    assert!(elsewhere.code == Some(7) && elsewhere.stderr.contains("removes nobody"), "{elsewhere:?}");
    assert_eq!(world.writes().len(), writes);
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // The identifier of the adopted user cannot be taken away again, nor two newcomers who report to each other.
    let (mut after, mut before) = (world.people(), before);
    before.retain(|key, _| key != "p5@example.com");
    after.retain(|key, _| !["1005", "1023", "1024"].contains(&key.as_str()));
    assert_eq!(after, before);
}

#[tokio::test]
async fn records_are_not_set_aside_where_none_may_be() {
    let world = world((SCOPE, "[scope]\ninvalid = \"error\"\n")).await;
    world.plan("plan.json").await;
    forge(&world, |content| {
        content.summary.set_aside = 1;
        for guard in content.guards.iter_mut().filter(|guard| guard.id == "max_invalid_percent") {
            guard.count = 1;
        }
    });
    let ended = approve_and_apply(&world).await;
    assert!(ended.code == Some(8) && ended.stderr.contains("invalid = \"error\""), "{ended:?}");
}
