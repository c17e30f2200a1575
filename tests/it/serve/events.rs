//! Events: which are accepted, which are refused, and that none is lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use super::{Service, house, more_people, signature, webhook};

fn event(number: usize) -> String {
    format!("{{\"employee\":{{\"id\":\"SE01-{number}\"}}}}")
}

#[test]
fn an_event_leads_to_a_run_and_what_is_not_signed_to_none() {
    let house = house(&webhook("100ms", ""));
    let mut service = Service::start(&house);
    house.list(&more_people(1));
    let body = event(20);
    let post = |headers: &[(&str, &str)], body: &str| service.ask("POST", "/hr", headers, body).status;
    for (headers, body) in [
        (&[][..], &*body),
        (&[("X-Signature", "sha256=00")], &*body),
        (&[("X-Signature", &*signature("{}"))], &*body),
        (&[("X-Signature", &*signature(&body)), ("X-Signature", "x")], &*body),
    ] {
        assert_eq!(post(headers, body), 401, "{headers:?}");
    }
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(post(&[("X-Signature", &signature(&large))], &large), 413);
    assert_eq!(service.ask("GET", "/hr", &[], "").status, 405);
    assert_eq!(service.ask("POST", "/other", &[], "").status, 404);
    assert_eq!(service.ask("POST", "/", &[], "").status, 405);
    assert_eq!(service.metric("queue_events"), Some(0.0));
    assert_eq!(house.requests().len(), 0, "nothing of that starts a run");

    assert_eq!(post(&[("X-Signature", &signature(&body))], &body), 202);
    service.has_run(1);
    assert_eq!(house.writes().len(), 1);
    assert_eq!(service.metric("queue_events"), Some(0.0));
    let said = service.said();
    assert!(said.contains("run: 1 event for 1 person\n"), "{said}");
    assert!(
        said.contains("s: succeeded (exit code 0); 1 to create, 0 to update, 0 to delete, 0 set aside\n"),
        "{said}"
    );
    assert!(said.contains("refused: the header x-signature is missing"), "{said}");
    assert!(!said.contains("SE01-20") && !said.contains("P20"), "the log names nobody: {said}");
}

#[test]
fn thousands_of_events_become_few_runs_and_none_is_lost_when_the_program_is_killed() {
    const EVENTS: usize = 10_000;
    let settings = webhook("1h", "");
    let house = house(&settings);
    let mut accepted = 0;
    // So that each kill comes in the middle.
    for part in 0..4 {
        let service = Service::start(&house);
        let (taken, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let kill_after = if part < 3 { EVENTS / 4 - 100 } else { usize::MAX };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    loop {
                        let number = sent.fetch_add(1, Ordering::SeqCst);
                        if number >= EVENTS / 4 {
                            return;
                        }
                        let status = service.event(&event(part * EVENTS + number));
                        // `None`: it was killed before it answered.
                        assert!(matches!(status, Some(202) | None), "{status:?}");
                        if status.is_some() && taken.fetch_add(1, Ordering::SeqCst) == kill_after {
                            service.signal(Signal::KILL);
                        }
                    }
                });
            }
        });
        let taken = taken.into_inner();
        assert!(taken >= EVENTS / 4 - 100, "{taken}");
        accepted += taken;
        service.kill();
    }
    // Every event that was answered is there. Some that were not may be, too.
    let waiting = {
        let service = Service::start(&house);
        let waiting = service.metric("queue_events").expect("a figure");
        service.kill();
        waiting as usize
    };
    assert!((accepted..=EVENTS).contains(&waiting), "{waiting} of {accepted}");

    house.list(&more_people(2));
    house.settings(&settings.replace("\"1h\"", "\"100ms\""));
    let mut service = Service::start(&house);
    service.has_run(1);
    assert_eq!(service.metric("queue_events"), Some(0.0));
    assert_eq!(house.writes().len(), 2, "two people were created");
    assert!(service.said().contains(&format!("run: {waiting} events for {waiting} people\n")), "{}", service.said());
}

#[test]
fn a_run_that_is_killed_is_made_again_for_the_events_that_it_looked_at() {
    let settings = webhook("100ms", "");
    let house = house(&settings);
    for round in 1..=3 {
        house.list(&more_people(round));
        let service = Service::start(&house);
        assert_eq!(service.event(&event(20 + round)), Some(202));
        // At a different moment of the run each time.
        std::thread::sleep(std::time::Duration::from_millis(60 + 90 * round as u64));
        service.kill();
    }
    let mut service = Service::start(&house);
    service.until("everybody", |_| (house.writes().len() >= 3).then_some(()));
    service.until("an empty queue", |service| service.metric("queue_events").filter(|events| *events == 0.0));
    house.run(&["plan", "-o", "again.json", "--detailed-exitcode"]).ends(0);
    assert_eq!(house.writes().len(), 3, "nobody twice");
}

#[test]
fn events_wait_while_a_list_cannot_be_read() {
    let house = house(&webhook("100ms", ""));
    std::fs::write(house.path("people.csv"), "id,first\nx\n").expect("written");
    let mut service = Service::start(&house);
    assert_eq!(service.event(&event(20)), Some(202));
    service.has_run(1);
    assert_eq!(service.metric("queue_events"), Some(1.0));
    assert_eq!(service.metric("last_run_exit_code"), Some(4.0));
    service.kill();
    // Somebody corrects the list, and starts the service again.
    house.list(&more_people(1));
    let mut service = Service::start(&house);
    service.has_run(1);
    assert!(service.said().contains("events of an earlier time that wait for a run: 1"), "{}", service.said());
    assert_eq!(house.writes().len(), 1);
    assert_eq!(service.metric("queue_events"), Some(0.0));
}

/// The clock was ahead when an event came, and was corrected while the service did not run.
#[test]
fn an_event_of_the_future_holds_up_nothing() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    assert_eq!(service.event(&event(20)), Some(202));
    service.kill();
    let files = std::fs::read_dir(house.path("state/skovik-sync")).expect("a state");
    let mut files = files.map(|file| file.expect("a file").path());
    let file = files.find(|path| path.to_string_lossy().ends_with(".events.jsonl")).expect("the file of events");
    let text = std::fs::read_to_string(&file).expect("text");
    let mut line: serde_json::Value = serde_json::from_str(text.trim()).expect("one line");
    line["at"] = "2099-01-01T00:00:00Z".into();
    std::fs::write(&file, format!("{line}\n")).expect("written");
    house.list(&more_people(1));
    house.settings(&webhook("100ms", ""));
    let mut service = Service::start(&house);
    service.has_run(1);
    assert!(service.said().contains("the clock was ahead when it came"), "{}", service.said());
    assert_eq!(house.writes().len(), 1);
}

#[test]
fn too_many_events_a_second_are_turned_away_for_now() {
    let house = house(&(webhook("1h", "") + "max_per_second = 1\n"));
    let service = Service::start(&house);
    let statuses: Vec<_> = (0..15).filter_map(|number| service.event(&event(number))).collect();
    assert_eq!(statuses[..10], [202; 10]);
    assert!(statuses.contains(&429), "{statuses:?}");
    let body = event(99);
    let answer = service.ask("POST", "/hr", &[("X-Signature", &signature(&body))], &body);
    assert!(answer.status == 202 || answer.head.contains("retry-after: 5"), "{answer:?}");
}

/// Such as a person who plans meanwhile, or a backup that is put back.
#[test]
fn events_wait_whatever_becomes_of_the_plans_file_during_a_run_that_fails() {
    let house = house(&webhook("100ms", ""));
    house.list(&more_people(1));
    house.run(&["plan"]).ends(0);
    let touches = "token_command = [\"sh\", \"-c\", \"cp plan.json new && mv new plan.json; exit 1\"]";
    let settings = house.read("skovik-sync.toml").replacen("token_file = \"key\"", touches, 1);
    std::fs::write(house.path("skovik-sync.toml"), settings).expect("written");
    let mut service = Service::start(&house);
    assert_eq!(service.event(&event(20)), Some(202));
    service.has_run(1);
    assert_eq!(service.metric("queue_events"), Some(1.0), "{}", service.said());
    assert!(!service.said().contains("to create"), "it made no plan: {}", service.said());
}

/// The events, the history and the page are of the account with which the service began.
#[test]
fn a_service_does_not_go_on_with_another_account() {
    let house = house(&webhook("100ms", ""));
    house.list(&more_people(1));
    let mut service = Service::start(&house);
    let settings = house.read("skovik-sync.toml").replacen("[target]\n", "[target]\naccount = \"other\"\n", 1);
    std::fs::write(house.path("skovik-sync.toml"), settings).expect("written");
    assert_eq!(service.event(&event(20)), Some(202));
    service.has_run(1);
    assert_eq!(service.metric("last_run_exit_code"), Some(3.0), "{}", service.said());
    assert!(service.said().contains("has changed since this command began; start it again"), "{}", service.said());
    assert_eq!((service.metric("queue_events"), house.writes().len()), (Some(1.0), 0));
}
