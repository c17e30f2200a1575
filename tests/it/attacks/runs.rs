//! `run` applies the plan that it made, whatever lies at its place by then.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::company::every_step;
use crate::harness::Output;
use crate::run::{AUTOMATIC as POLICY, stuck};
use crate::world::{Pace, World};

const AUTOMATIC: &str = "\n[approval]\nautomatic = true\n[guard]\nmax_change_percent = 90\nmax_delete_percent = 90\n";

/// A company whose plan a run may approve: nobody gets an e-mail that somebody else had.
async fn company(pace: Pace, rules: &[&str]) -> World {
    let world = World::faulty(&every_step().with_settings(AUTOMATIC), pace, rules).await;
    let list = fs::read_to_string(world.path("employees.csv")).expect("a list");
    fs::write(world.path("employees.csv"), list.replace("p4@example.com", "p22@example.com")).expect("written");
    world
}

/// As soon as the run has written its plan, another one stands there, with an approval by policy.
#[tokio::test]
async fn a_plan_that_takes_the_place_of_the_runs_own_is_not_applied() {
    let rule = ["GET /users nth=2 slow=3s"];
    let world = company(Pace { timeout_ms: 9000, ..Pace::default() }, &rule).await;
    // A plan that removes nearly everybody, made with the same settings.
    let list = fs::read_to_string(world.path("employees.csv")).expect("a list");
    let few: Vec<&str> = list.lines().take(4).collect();
    fs::write(world.path("employees.csv"), few.join("\n")).expect("written");
    let evil = world.plan("evil.json").await;
    assert!(evil.content().summary.delete > 3, "{evil:?}");
    fs::write(world.path("employees.csv"), list).expect("written");

    let mut run = world.command(&["run"]);
    let mut run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let is_approved = || {
        let names = fs::read_dir(world.folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
        names.into_iter().any(|name| name.to_string_lossy().ends_with(".approval"))
    };
    while run.try_wait().expect("asked").is_none() && !(is_approved() && world.path("plan.json").exists()) {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    fs::copy(world.path("evil.json"), world.path("plan.json")).expect("swapped");
    let ended: Output = run.wait_with_output().await.expect("it ends").into();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let deletes = world.writes().into_iter().filter(|request| request.method == "DELETE").count();
    assert_eq!(deletes, 1, "only the leaver");
}

/// Somebody with another state folder applies the plan that a run made, and left unfinished.
#[tokio::test]
async fn a_run_and_an_apply_of_one_plan_exclude_each_other() {
    let rule = ["DELETE /users/* times=1 status=422"];
    let world = company(Pace::default(), &rule).await;
    assert_eq!(world.run(&["run"]).await.code, Some(9));
    let held = skovik_sync::apply::lock::take_plan(&world.path("plan.json"), "url").expect("free");
    let refused = world.run(&["run"]).await;
    assert_eq!(refused.code, Some(10), "{refused:?}");
    drop(held);
    assert_eq!(world.run(&["run"]).await.code, Some(0));
}

/// A plan, an approval and a journal that somebody put there are nothing that a run goes on with.
#[tokio::test]
async fn a_planted_beginning_is_not_gone_on_with() {
    let world = company(Pace::default(), &[]).await;
    let list = fs::read_to_string(world.path("employees.csv")).expect("a list");
    let few: Vec<&str> = list.lines().take(4).collect();
    fs::write(world.path("employees.csv"), few.join("\n")).expect("written");
    let evil = world.approved_plan().await;
    fs::write(world.path("employees.csv"), list).expect("written");
    let header = format!(
        "{{\"journal\":{{\"format\":\"skovik-sync/journal\",\"format_version\":2,\"plan_hash\":\"{}\",\"begun_by\":\"run\"}}}}\n",
        evil.hash()
    );
    fs::write(world.path("plan.json.journal"), header).expect("written");
    let ended = world.run(&["run"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("going on"), "{ended:?}");
    let deletes = world.writes().into_iter().filter(|request| request.method == "DELETE").count();
    assert_eq!(deletes, 1, "only the leaver");
}

/// An old state that somebody puts back looks like a run that was cut off long ago.
#[test]
fn a_plan_that_was_begun_long_ago_is_left_to_people() {
    let house = stuck();
    let hash = house.json("plan.json")["plan_hash"].as_str().expect("a hash").to_owned();
    // Nobody keeps the plan of that time beside the job.
    fs::remove_file(house.path("plan.json")).expect("removed");
    house.settings(&format!("{POLICY}max_age = \"1s\"\n"));
    house.hurry();
    std::thread::sleep(Duration::from_millis(1100));
    let before = house.writes();
    let refused = house.run(&["run"]).ends(6);
    let said = refused.stderr.replace('\n', " ");
    assert!(said.contains("it began at ") && said.contains("longer ago than [approval] max_age (1s)"), "{refused:?}");
    let copy = house.path(&format!("state/skovik-sync/journals/{}.plan.json", hash.replace("sha256:", "")));
    let typed = "skovik-sync approve plan.json && skovik-sync apply plan.json";
    assert!(said.contains(&format!("then: cp {} plan.json && {typed}", copy.display())), "{refused:?}");
    assert_eq!(house.writes(), before);
    // What was printed works.
    house.settings(POLICY);
    house.hurry();
    fs::copy(copy, house.path("plan.json")).expect("copied");
    house.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    house.run(&["apply", "plan.json"]).ends(0);
    let methods: Vec<_> = house.writes()[before.len()..].iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["DELETE"]);
    house.run(&["run"]).ends(0);
}
