//! Outcomes of single operations: a failure stops only its own dependents, and what Skovik holds afterwards is compared
//! with what was sent.

use serde_json::{Value, json};

use crate::company::{Company, Row, every_step, row, user};
use crate::harness::Output;
use crate::world::{Pace, World};

const ONE_BY_ONE: Pace = Pace { max_in_flight: 1, retries: 0, timeout_ms: 1500 };

/// The entry of the report for the operation of this action on this employee.
fn entry(world: &World, action: &str, employee: &str) -> Value {
    let report = world.report();
    let entries = report["operations"].as_array().expect("operations");
    let found = entries.iter().find(|entry| entry["action"] == action && entry["employee"] == employee);
    found.unwrap_or_else(|| panic!("no {action} of {employee} in {report:#}")).clone()
}

fn outcome(world: &World, action: &str, employee: &str) -> String {
    entry(world, action, employee)["outcome"].as_str().expect("an outcome").to_owned()
}

/// 1001 leaves; 1002, who reports to them, gets 1000 as manager.
fn manager_leaves() -> Company {
    let rows = [row(0, None), row(1, Some(0)), row(2, Some(1)), row(3, Some(0))];
    let users: Vec<Value> =
        (0..4).map(|number| user(number, &rows[number], [None, Some(0), Some(1), Some(0)][number])).collect();
    let moved = Row { manager: rows[1].manager.clone(), ..rows[2].clone() };
    Company::of(&users, &[rows[0].clone(), moved, rows[3].clone()])
}

const LEAVER: &str = "aaaaaaaa0000000000000001";
const REPORT: &str = "aaaaaaaa0000000000000002";

#[tokio::test]
async fn a_delete_waits_for_every_report_to_be_moved() {
    for (rule, report) in [
        // Refused; unclear for good; taken, but silently not stored; changed by somebody else in between.
        ("PUT /users/* status=422", "failed"),
        ("PUT /users/* status=503", "in_doubt"),
        ("PUT /users/* drop-field=manager", "done"),
        ("GET /users nth=1 change=last_name user=1002", "failed"),
    ] {
        let world = World::faulty(&manager_leaves(), ONE_BY_ONE, &[rule]).await;
        world.approved_plan().await;
        let ended = world.apply().await;
        let deletes = || world.requests().iter().filter(|request| request.method == "DELETE").count();
        assert_eq!(deletes(), 0, "{rule}: {ended:?}");
        assert!(world.users().contains_key(LEAVER), "{rule}");
        assert_eq!(ended.code, Some(9), "{rule}: {ended:?}");
        assert_eq!(outcome(&world, "update", "1002"), report, "{rule}");
        let delete = entry(&world, "delete", "1001");
        assert_eq!(delete["outcome"], "not_attempted", "{rule}: {delete}");
        let because = delete["problem"].as_str().expect("why");
        assert!(because.contains("First2 Last2"), "{rule}: {because}");
        // Nor when the same apply goes on.
        let again = world.apply().await;
        assert_eq!(deletes(), 0, "{rule}: {again:?}");
        // If the conflict comes before the first write, the whole plan is stale.
        let code = if rule.starts_with("GET") { 7 } else { 9 };
        assert_eq!(again.code, Some(code), "{rule}: {again:?}");
    }
}

#[tokio::test]
async fn a_new_report_of_somebody_who_is_to_be_removed_makes_the_plan_stale() {
    let world = World::faulty(&manager_leaves(), ONE_BY_ONE, &[]).await;
    world.approved_plan().await;
    // 1003 gets the leaver as manager, after the plan.
    let manager = json!({"type": "users", "id": LEAVER});
    world.change("aaaaaaaa0000000000000003", |user| user["relationships"]["manager"]["data"] = manager).await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stderr.contains("reports to them now"), "{ended:?}");
    assert_eq!(world.writes().len(), 1, "the change alone");
}

#[tokio::test]
async fn what_depends_on_a_failed_create_is_not_attempted_and_says_why() {
    let world = World::faulty(&every_step(), Pace::default(), &["POST /users status=422"]).await;
    let plan = world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    for (action, employee) in [("create", "1022"), ("update", "1007"), ("delete", "1002"), ("link", "1023")] {
        let entry = entry(&world, action, employee);
        assert_eq!(entry["outcome"], "not_attempted", "{entry}");
        assert!(entry["problem"].as_str().expect("why").contains("which is not done"), "{entry}");
    }
    assert_eq!(outcome(&world, "create", "1020"), "failed");
    for employee in ["1003", "1004", "1005"] {
        assert_eq!(outcome(&world, "update", employee), "done", "{employee} needs nobody who failed");
    }
    assert!(world.users().contains_key("aaaaaaaa0000000000000002"), "1002 still leads 1007");
    assert_eq!(world.outcomes().len(), plan.content().operations.len());
}

/// Reads, compares with the plan, and leaves users alone who have changed in the middle of the run.
#[tokio::test]
async fn a_user_who_changes_in_mid_run_is_a_conflict() {
    for field in ["first_name", "primary_email", "custom_fields.cf_cost", "roles"] {
        let rule = format!("POST /users nth=1 change={field} user=1003");
        let world = World::faulty(&every_step(), ONE_BY_ONE, &[&rule]).await;
        world.approved_plan().await;
        let ended = world.apply().await;
        let entry = entry(&world, "update", "1003");
        assert_eq!((ended.code, &entry["outcome"]), (Some(9), &json!("failed")), "{field}: {ended:?}");
        assert!(entry["problem"].as_str().expect("why").starts_with("conflict: "), "{entry}");
        let path = "/users/aaaaaaaa0000000000000003";
        assert!(world.writes().iter().all(|request| request.path != path), "{field}");
        let again = world.apply().await;
        assert_eq!(again.code, Some(9), "only that one is left, and the plan is not stale for it: {again:?}");
        assert!(again.stdout.contains("Failed (1)"), "{again:?}");
    }
}

#[tokio::test]
async fn a_field_that_is_silently_dropped_is_reported_every_time() {
    let world = World::faulty(&manager_leaves(), ONE_BY_ONE, &["PUT /users/* drop-field=manager"]).await;
    world.approved_plan().await;
    let says = |ended: &Output| {
        assert_eq!(ended.code, Some(9), "{ended:?}");
        assert!(ended.stdout.contains("manager is \"aaaaaaaa0000000000000001\", not"), "{ended:?}");
    };
    says(&world.apply().await);
    assert_eq!(entry(&world, "update", "1002")["differs"].as_array().expect("differs").len(), 1);
    says(&world.apply().await);

    let rows = [row(0, None), row(1, Some(0))];
    let company = Company::of(&[user(0, &rows[0], None)], &rows);
    let world = World::faulty(&company, ONE_BY_ONE, &["POST /users drop-field=custom_fields.cf_cost"]).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("custom field cf_cost is (none), not \"4100\""), "{ended:?}");
}

/// Roles are never sent, so that nobody becomes or stops being an admin by accident.
#[tokio::test]
async fn roles_that_change_in_a_write_stop_the_run() {
    // The role changes between the read before the write and its answer: as if the PUT had done it.
    let world = World::faulty(&manager_leaves(), ONE_BY_ONE, &["GET /users/* nth=1 change=roles"]).await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("the roles of the user") && ended.stderr.contains(REPORT), "{ended:?}");
    assert_eq!(outcome(&world, "delete", "1001"), "not_attempted");
    assert_eq!(world.writes().len(), 1);
}

/// Custom fields are restored after a move, including those that the settings do not name, even through a crash between
/// the move and the refill.
#[tokio::test]
async fn custom_fields_survive_a_move_that_is_interrupted() {
    let path = "aaaaaaaa0000000000000003";
    for (which, fault) in
        [("nth=1", "status=504 executed"), ("nth=1", "cut"), ("nth=2", "reset=before"), ("nth=2", "cut")]
    {
        let rule = format!("PUT /users/{path} {which} {fault}");
        let world = World::faulty(&every_step(), ONE_BY_ONE, &[&rule]).await;
        world.approved_plan().await;
        let then = world.users()[path]["attributes"].clone();
        let ended = world.apply().await;
        let last = if ended.code == Some(9) { world.apply().await } else { ended };
        assert_eq!(last.code, Some(0), "{rule}: {last:?}");
        let now = &world.users()[path];
        assert_eq!(now["attributes"], then, "{rule}");
        assert_eq!(now["relationships"]["branch"]["data"]["id"], "br_no");
    }
}

/// What was begun before somebody else changed the user is still finished as far as it can be.
#[tokio::test]
async fn a_moved_user_gets_their_custom_fields_back_even_where_somebody_changed_them_since() {
    let path = "aaaaaaaa0000000000000003";
    let rules =
        [format!("PUT /users/{path} nth=1 slow=30s"), format!("GET /users nth=2 change=first_name user={path}")];
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let world = World::faulty(&every_step(), ONE_BY_ONE, &rules).await;
    world.approved_plan().await;
    let mut child = world.spawn_apply();
    while !world.writes().iter().any(|request| request.path.ends_with(path)) {
        assert_eq!(child.try_wait().expect("asked"), None, "it ended before the write");
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    child.kill().await.expect("killed");
    assert_eq!(world.users()[path]["attributes"]["custom_fields"], json!({}));
    let resumed = world.apply().await;
    assert_eq!(resumed.code, Some(9), "{resumed:?}");
    assert!(resumed.stdout.contains("first_name is"), "{resumed:?}");
    let fields = &world.users()[path]["attributes"]["custom_fields"];
    assert_eq!(*fields, json!({"cf_cost": "4100", "cf_note": "note 3", "cf_car": false}));
}

/// "Taken" is never a reason to take over somebody else.
#[tokio::test]
async fn an_identifier_that_is_taken_is_looked_at() {
    // The answer to the first POST is lost and looks like a refusal of the whole.
    let rows = [row(0, None), row(1, Some(0))];
    let company = Company::of(&[user(0, &rows[0], None)], &rows);
    let world = World::faulty(&company, ONE_BY_ONE, &["POST /users nth=1 status=409 executed"]).await;
    world.approved_plan().await;
    // It looks like another client's user too, whom an undo must not delete.
    for (code, says) in [(9, "somebody else seems to have created this person"), (0, "already matches this plan")] {
        let ended = world.apply().await;
        assert!(ended.code == Some(code) && ended.stdout.contains(says), "{ended:?}");
        assert_eq!(world.writes().len(), 1);
    }

    let world = World::faulty(&company, ONE_BY_ONE, &["POST /users nth=1 slow=30s"]).await;
    world.approved_plan().await;
    assert!(world.kill_apply_at(6).await);
    let made = world.users().into_keys().find(|id| !id.starts_with("aaaaaaaa")).expect("made");
    world.change(&made, |user| user["attributes"]["last_name"] = json!("Else")).await;
    for _ in 0..2 {
        let ended = world.apply().await;
        assert_eq!(ended.code, Some(9), "{ended:?}");
        assert_eq!(outcome(&world, "create", "1001"), "failed");
        assert!(ended.stdout.contains("last_name is \"Else\", not \"Last1\""), "{ended:?}");
    }
    assert_eq!(world.users().len(), 2);
}

/// A guard that passes with exactly its limit does not trip over the plan's own unclear delete.
#[tokio::test]
async fn an_unclear_delete_does_not_block_its_own_plan() {
    let rows: Vec<Row> = (0..5).map(|number| row(number, None)).collect();
    let users: Vec<Value> = (0..5).map(|number| user(number, &rows[number], None)).collect();
    let company = Company::of(&users, &rows[..4]);
    let world = World::faulty(&company, ONE_BY_ONE, &["DELETE /users/* nth=1 slow=30s"]).await;
    let plan = world.plan("plan.json").await;
    assert_eq!(plan.blocking_guards().count(), 0, "one of five is exactly 20 %");
    let approved = world.run(&["approve", "plan.json", "--yes", "--approver", "test"]).await;
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(world.kill_apply_at(7).await);
    assert_eq!(world.users().len(), 4);
    let resumed = world.apply().await;
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
}

#[tokio::test]
async fn requests_per_second_and_429_hold_for_everybody() {
    let world = World::faulty(
        &Company::small(),
        // As many as there are answers 429: all of them may strike one request.
        Pace { retries: 6, ..Pace::default() },
        &["* * every=3 times=6 status=429 retry-after=0"],
    )
    .await;
    world.approved_plan().await;
    let ended = world.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(world.requests().iter().all(|request| request.status != Some(422)));
}

/// The event stream is JSON and nothing else, and tells the same as the report.
#[tokio::test]
async fn events_and_report_tell_the_same() {
    let world =
        World::faulty(&every_step(), ONE_BY_ONE, &["POST /users nth=1 reset=after", "PUT /users/* nth=1 status=422"])
            .await;
    let plan = world.approved_plan().await;
    let ended = world.run(&["apply", "plan.json", "--report", "report.json", "--events", "-"]).await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    assert_eq!((kinds[0], *kinds.last().expect("one")), ("apply_start", "summary"));
    assert_eq!((&events[0]["version"], &events[0]["plan_hash"]), (&json!(1), &json!(plan.hash().to_string())));
    assert!(kinds.contains(&"settling"));
    let report = world.report();
    assert_eq!((&report["format"], &report["format_version"]), (&json!("skovik-sync/report"), &json!(1)));
    assert_eq!(report["summary"], *events.last().expect("one"));
    let entries = report["operations"].as_array().expect("operations");
    assert_eq!(entries.len(), plan.content().operations.len());
    for entry in entries {
        let ends: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] != "operation_start" && event["operation"] == entry["operation"])
            .collect();
        let [end] = ends[..] else { panic!("{entry} ends once: {ends:?}") };
        let done = entry["outcome"] == "done";
        assert_eq!(end["type"], if done { "operation_done" } else { "operation_failed" });
        if !done {
            assert_eq!((&end["outcome"], &end["problem"]), (&entry["outcome"], &entry["problem"]));
        }
        if entry["action"] == "update" && done {
            assert!(entry["before"]["attributes"]["odd"].is_object() && entry["after"].is_object(), "{entry}");
        }
    }
}
