//! Taking a plan back: the undo restores the account, except for what no undo can restore.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use skovik_sync::apply::journal::{BegunBy, Head, Journal, Replay};
use skovik_sync::plan::{Action, Field, Plan, Value as FieldValue};

use crate::company::{Company, drawn, every_step};
use crate::world::{Pace, World, room};

const PACE: Pace = Pace { max_in_flight: 4, retries: 1, timeout_ms: 3000 };

/// The expected account after the undo of a complete plan: as before, except that an identifier which was given stays,
/// and that people who are made again bring only what a create can send.
fn expected(
    world_before: &BTreeMap<String, Value>,
    plan: &Plan,
    done: &dyn Fn(u32) -> bool,
) -> BTreeMap<String, Value> {
    let mut users = world_before.clone();
    for operation in plan.content().operations.iter().filter(|operation| done(operation.id.0)) {
        match &operation.action {
            Action::Delete { user_id, .. } => {
                let attributes = &mut users.get_mut(user_id.as_str()).expect("there")["attributes"];
                let attributes = attributes.as_object_mut().expect("attributes");
                for name in ["locale", "odd", "external_metadata"] {
                    attributes.remove(name);
                }
                attributes.insert("roles".to_owned(), json!(["employee"]));
            }
            Action::Update { user_id, changes, .. } => {
                let identifier = changes.iter().find(|change| change.field == Field::ExternalIdentifier);
                if let Some(change) = identifier
                    && let (None, Some(FieldValue::Text(identifier))) = (&change.before, &change.after)
                {
                    users.get_mut(user_id.as_str()).expect("there")["attributes"]["external_identifier"] =
                        json!(identifier);
                }
            }
            Action::Create { .. } | Action::Link { .. } => {}
        }
    }
    normal(crate::world::people(&users))
}

/// An attribute that holds nothing is as good as none.
fn normal(mut people: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    for person in people.values_mut() {
        let attributes = person["attributes"].as_object_mut().expect("attributes");
        attributes.retain(|_, value| !value.is_null() && *value != json!({}));
    }
    people
}

async fn undo(world: &World) -> Plan {
    let undone = world.run(&["undo", "plan.json", "-o", "undo.json"]).await;
    assert!(matches!(undone.code, Some(0 | 5)), "{undone:?}");
    let undo = world.read_plan("undo.json");
    world.approve("undo.json").await;
    undo
}

#[tokio::test]
async fn the_undo_of_a_whole_plan_brings_the_account_back() {
    let guarded = Company::group().with_settings(
        "[guard]\nmax_left_without_manager = 0\nmax_field_percent = 20\n[guard.per_branch]\nmax_delete_percent = 20\n\
         max_change_percent = 90\nignore_below = 5\n",
    );
    for company in [Company::small(), Company::group(), guarded] {
        let world = World::faulty(&company, PACE, &[]).await;
        let before = world.users();
        let plan = world.approved_plan().await;
        assert_eq!(world.apply().await.code, Some(0));
        let undo = undo(&world).await;
        let [was, is] = [plan.content(), undo.content()];
        assert_eq!((is.summary.create, is.summary.delete), (was.summary.delete, was.summary.create));
        assert_eq!((is.config_hash, is.target.url.as_str()), (was.config_hash, was.target.url.as_str()));
        let applied = world.run(&["apply", "undo.json"]).await;
        assert_eq!(applied.code, Some(0), "{applied:?}");
        assert_eq!(normal(world.people()), expected(&before, &plan, &|_| true));
        // What the lists say is still to be done, so that a fresh plan has it again.
        let fresh = world.plan("fresh.json").await;
        assert_eq!(
            (fresh.content().summary.create, fresh.content().summary.delete),
            (was.summary.create, was.summary.delete)
        );
    }
}

#[tokio::test]
async fn each_person_who_comes_back_is_named_with_what_does_not() {
    let world = World::faulty(&every_step(), PACE, &[]).await;
    world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(0));
    let undo = undo(&world).await;
    let found = |code: &str| -> Vec<&str> {
        let diagnostics = undo.content().diagnostics.iter().filter(|found| found.code == code);
        diagnostics.map(|found| found.message.as_str()).collect()
    };
    let [again] = found("undo_new_user")[..] else { panic!("{:?}", undo.content().diagnostics) };
    for part in [
        "First2 Last2",
        "aaaaaaaa0000000000000002",
        "new id",
        "locale",
        "odd",
        "external_metadata",
        "roles [\"employee\"]",
    ] {
        assert!(again.contains(part), "{part}: {again}");
    }
    assert!(found("undo_incomplete")[0].contains("keeps external_identifier"));
    // Two who report to each other cannot be removed in any order, and stay.
    assert_eq!(found("undo_left_out").len(), 2);
    let create = undo.content().operations.iter().find(|operation| matches!(operation.action, Action::Create { .. }));
    let Some(Action::Create { after }) = create.map(|operation| &operation.action) else { panic!("{undo:?}") };
    let fields: Vec<&str> = after.custom_fields.keys().map(|id| id.as_str()).collect();
    assert_eq!(fields, ["cf_car", "cf_cost", "cf_note"], "those that are not managed, too");
    let shown = world.run(&["show", "undo.json"]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

/// Parts of drawn plans are refused by the server; the undo takes back the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_undo_of_what_was_done_of_a_plan_brings_the_account_back() {
    let mut runs = tokio::task::JoinSet::new();
    for seed in 0..40 {
        runs.spawn(async move {
            let _room = room().await;
            let mut rng = fastrand::Rng::with_seed(seed);
            let company = drawn(&mut rng);
            let rules = ["POST /users", "PUT /users/*", "DELETE /users/*"]
                .map(|target| format!("{target} chance=0.{} times=3 status=422", rng.u32(0..6)));
            let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
            let world = World::faulty(&company, PACE, &rules).await;
            let before = world.users();
            let plan = world.approved_plan().await;
            if plan.content().operations.is_empty() {
                return false;
            }
            let applied = world.apply().await;
            assert!(matches!(applied.code, Some(0 | 9)), "seed {seed}: {applied:?}");
            let outcomes = world.outcomes();
            let done = |id: u32| outcomes[&u64::from(id)].starts_with("done");
            let undo = undo(&world).await;
            if !undo.content().operations.is_empty() {
                // The server may refuse parts of this one, too, until it has refused enough.
                let mut applied = world.run(&["apply", "undo.json"]).await;
                for _ in 0..9 {
                    if applied.code == Some(9) {
                        applied = world.run(&["apply", "undo.json"]).await;
                    }
                }
                assert_eq!(applied.code, Some(0), "seed {seed}: {applied:?}");
            }
            let left: BTreeSet<&str> = undo
                .content()
                .diagnostics
                .iter()
                .filter(|found| ["undo_left_out", "undo_in_doubt"].contains(&found.code.as_str()))
                .filter_map(|found| found.employee.as_deref())
                .collect();
            let (found, expected) = (normal(world.people()), expected(&before, &plan, &done));
            for (key, person) in &found {
                // Who is left out stays as the plan made them.
                if !left.contains(key.as_str()) && expected.get(key) != Some(person) {
                    panic!("seed {seed}: {key} is {person:#}\nnot {:#?}\n{undo:#?}", expected.get(key));
                }
            }
            let lost = expected.keys().find(|key| !found.contains_key(*key) && !left.contains(key.as_str()));
            assert_eq!(lost, None, "seed {seed}");
            true
        });
    }
    let undone = runs.join_all().await.into_iter().filter(|undone| *undone).count();
    assert!(undone > 30, "only {undone} plans had anything to take back");
}

#[tokio::test]
async fn what_is_in_doubt_is_said_and_left() {
    let pace = Pace { max_in_flight: 1, ..PACE };
    let world = World::faulty(&Company::small(), pace, &["POST /users nth=2 slow=30s"]).await;
    world.approved_plan().await;
    // The first newcomer is read back.
    assert!(world.kill_apply_at(8).await);
    let undo = undo(&world).await;
    // Whoever is in doubt may report to the first newcomer, who stays.
    assert_eq!(undo.content().operations.len(), 0, "{undo:#?}");
    let says = |code: &str| undo.content().diagnostics.iter().any(|found| found.code == code);
    // Nor is anything passed over that the journal does not have, whose end may have been lost.
    assert!(says("undo_in_doubt") && says("undo_not_begun") && says("undo_left_out"), "{undo:#?}");
}

#[tokio::test]
async fn without_the_journal_of_this_very_plan_there_is_no_undo() {
    let world = World::faulty(&Company::small(), PACE, &[]).await;
    world.approved_plan().await;
    let undone = world.run(&["undo", "plan.json"]).await;
    assert_eq!(undone.code, Some(3), "{undone:?}");
    assert!(undone.stderr.contains("there is no journal"), "{undone:?}");
    // The journal of another plan, under this one's name.
    let mut other = world.read_plan("plan.json").content().clone();
    other.summary.unchanged += 1;
    let other = Plan::seal(other).expect("a plan");
    let (state, replay) = (world.state(), Replay::default());
    let head = Head::new(BegunBy::Apply, &other.content().target.url, Timestamp::UNIX_EPOCH);
    drop(Journal::open(&state, &replay, other.hash(), head).await.expect("a journal"));
    std::fs::rename(state.journal(other.hash()), world.journal_path()).expect("moved");
    let undone = world.run(&["undo", "plan.json"]).await;
    assert_eq!(undone.code, Some(8), "{undone:?}");
    assert!(undone.stderr.contains("is not authentic"), "{undone:?}");
    assert!(!world.path("undo.json").exists());
}

#[tokio::test]
async fn an_undo_of_users_who_changed_since_is_stale() {
    let world = World::faulty(&Company::small(), PACE, &[]).await;
    let plan = world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(0));
    undo(&world).await;
    let updated = plan.content().operations.iter().find_map(|operation| match &operation.action {
        Action::Update { user_id, .. } => Some(user_id.as_str()),
        _ => None,
    });
    world.change(updated.expect("one"), |user| user["attributes"]["first_name"] = json!("Else")).await;
    let writes = world.writes().len();
    let applied = world.run(&["apply", "undo.json"]).await;
    assert_eq!(applied.code, Some(7), "{applied:?}");
    assert_eq!(world.writes().len(), writes);
}

/// The apply of an undo makes it again from the journal of the plan that it takes back. If that is damaged, the undo is not to
/// blame.
#[tokio::test]
async fn what_an_undo_is_made_from_is_damaged() {
    let world = World::faulty(&Company::small(), PACE, &[]).await;
    world.approved_plan().await;
    assert_eq!(world.apply().await.code, Some(0));
    undo(&world).await;
    let writes = world.writes().len();
    let copy = world.journal_path().with_extension("plan.json");
    for (path, words) in [(world.journal_path(), "is not authentic"), (copy, ".plan.json")] {
        let held = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, held.replace("update", "updbte")).expect("written");
        for args in [["verify", "undo.json"], ["apply", "undo.json"]] {
            let refused = world.run(&args).await;
            assert_eq!(refused.code, Some(8), "{refused:?}");
            assert!(refused.stderr.contains(words), "{refused:?}");
        }
        std::fs::write(&path, held).expect("written");
    }
    assert_eq!(world.writes().len(), writes);
    let applied = world.run(&["apply", "undo.json"]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
}
