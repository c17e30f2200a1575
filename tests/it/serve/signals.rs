//! How the service ends, and that there is one at a time.

use super::{AUTOMATIC, SECRET, Service, house, more_people, webhook};
use crate::house::{House, people};

#[test]
fn it_ends_well_when_nothing_is_under_way() {
    let house = house(&webhook("1h", ""));
    let service = Service::start(&house);
    assert_eq!(service.event("{}"), Some(202));
    assert_eq!(service.end(), Some(0));
    let service = Service::start(&house);
    assert_eq!(service.metric("queue_events"), Some(1.0), "it waits still");
}

#[test]
fn a_run_under_way_ends_as_run_does() {
    let settings = format!("{AUTOMATIC}[serve]\nlisten = \"127.0.0.1:0\"\n[schedule]\nevery = \"1h\"\n");
    let everybody = people("SE01", 20);
    let house = House::new(&more_people(10), &everybody, &settings, &["--fail", "POST /users slow=1s"]);
    let mut service = Service::start(&house);
    service.until("a run that writes", |_| (!house.writes().is_empty()).then_some(()));
    assert_eq!(service.end(), Some(130));
    // Requests that were under way have ended; the next run resumes.
    let mut service = Service::start(&house);
    service.until("all of it", |_| (house.writes().len() == 10).then_some(()));
}

#[test]
fn there_is_one_service_at_a_time() {
    let house = house(&webhook("1h", ""));
    let _service = Service::start(&house);
    let output = house.command(&["serve"]).env("HR_SECRET", SECRET).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(10), "{said}");
    assert!(said.contains("another `serve` takes the events of"), "{said}");
}
