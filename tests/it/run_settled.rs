//! A run was killed in the middle of its apply, and the lists say something else when the next one comes. That one settles what is
//! in doubt, and begins nothing else of the earlier plan.

use std::process::Stdio;

use super::house::{House, people};
use super::run::{AUTOMATIC, company, house, says};

/// The methods of the writes since so many.
fn methods(house: &House, since: usize) -> Vec<String> {
    house.writes()[since..].iter().map(|request| request.method.clone()).collect()
}

/// A house whose run was killed while its first request was under way: a create. An update and a delete were not begun.
fn killed() -> House {
    let house = house(AUTOMATIC, &["--fail", "POST /users nth=1 slow=3s"]);
    let one_by_one = house.read("skovik-sync.toml").replacen("retries = 0\n", "retries = 0\nmax_in_flight = 1\n", 1);
    std::fs::write(house.path("skovik-sync.toml"), one_by_one).expect("written");
    let mut run = house.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while house.writes().is_empty() {
        assert_eq!(run.try_wait().expect("asked"), None);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    run.kill().expect("killed");
    run.wait().expect("ended");
    assert_eq!(methods(&house, 0), ["POST"]);
    house.hurry();
    house
}

const SETTLES: &str = "settling what is in doubt of the plan sha256:";

#[test]
fn what_was_not_begun_is_planned_again() {
    let house = killed();
    let ran = house.run(&["run"]).ends(0);
    says(&ran, &[SETTLES, "the rest is planned again"]);
    assert!(ran.stdout.contains("1 to update, 1 to delete"), "{ran}");
    let mut methods = methods(&house, 1);
    methods.sort();
    assert_eq!(methods, ["DELETE", "PUT"]);
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

#[test]
fn who_is_in_the_list_again_stays() {
    let house = killed();
    let (mut listed, _) = company();
    listed.push(people("SE01", 20).remove(7));
    house.list(&listed);
    says(&house.run(&["run"]).ends(0), &[SETTLES]);
    assert_eq!(methods(&house, 1), ["PUT"], "nobody is deleted");
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

/// Whoever applies a later plan has decided about the earlier one.
#[test]
fn a_later_plan_of_people_leaves_nothing_of_the_earlier_one() {
    let house = killed();
    let (mut listed, _) = company();
    listed.push(people("SE01", 20).remove(7));
    house.list(&listed);
    house.run(&["plan", "-o", "later.json"]).ends(0);
    house.carry_out("later.json").ends(0);
    // Since then the person has left after all, and somebody else has another name: today's lists count.
    listed.pop();
    listed[3].first_name = "Nora".to_owned();
    house.list(&listed);
    let done = house.writes().len();
    let ran = house.run(&["run"]).ends(0);
    says(&ran, &[SETTLES]);
    let mut sent = methods(&house, done);
    sent.sort();
    assert_eq!(sent, ["DELETE", "PUT"], "{ran}");
    house.run(&["run"]).ends(0).prints(&["No changes."]);
}

/// An older state that somebody puts back carries nothing out again.
#[test]
fn a_state_that_is_put_back_begins_nothing() {
    let house = killed();
    let (kept, state) = (house.path("kept"), house.path("state"));
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().expect("it runs");
        assert!(copied.success());
    };
    copy(&state, &kept);
    house.run(&["run"]).ends(0);
    // The one who was created has left since, and the other has the old name again.
    house.list(&people("SE01", 20).into_iter().filter(|person| person.identifier != "SE01-7").collect::<Vec<_>>());
    house.run(&["run"]).ends(0);
    house.run(&["run"]).ends(0).prints(&["No changes."]);
    let done = house.writes().len();
    std::fs::remove_dir_all(&state).expect("removed");
    copy(&kept, &state);
    house.run(&["run"]);
    assert_eq!(methods(&house, done), Vec::<String>::new());
}
