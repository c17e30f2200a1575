//! Laws for every company that can be drawn, if nothing goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use skovik_sync::apply::Report;
use skovik_sync::plan::Plan;

use super::provider::{Faults, Memory};
use super::service::{Manners, Person};
use super::story::{Company, Process, apply, people, state_folder, undo};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn company(seed: u64) -> Company {
    Company::draw(&mut fastrand::Rng::with_seed(seed))
}

fn report(process: Process) -> Report {
    match process {
        Process::Ended(report) => report,
        other => panic!("{other:?}"),
    }
}

/// Each person by their number, without what a service gives out anew: ids, and a boss by number instead of id.
fn by_number(people: &BTreeMap<String, Person>) -> BTreeMap<String, Person> {
    let number = |id: &str| people.get(id).and_then(|boss| boss.get("number")).cloned().unwrap_or_default();
    let person = |(id, person): (&String, &Person)| {
        let mut shown = person.clone();
        if let Some(boss) = person.get("boss").and_then(|boss| boss.as_str()) {
            shown.insert("boss".to_owned(), number(boss));
        }
        shown.remove("id");
        (person.get("number").and_then(|number| number.as_str()).unwrap_or(id).to_owned(), shown)
    };
    people.iter().map(person).collect()
}

fn is_empty(plan: &Plan) -> bool {
    plan.content().operations.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_applied_plan_leaves_nothing_to_plan(seed: u64, in_flight in 1_usize..16, empties: bool) {
        runtime().block_on(async {
            let company = company(seed);
            let service = company.service(Manners { a_move_empties_extra: empties, keeps_bosses: true });
            let plan = company.plan(&service).await;
            let folder = state_folder();
            let memory = Memory::new(Arc::clone(&service), Faults::none(), 0);
            let report = report(apply(&plan, &memory, folder.path(), in_flight).await);
            assert!(report.is_complete(), "{report:#?}");
            let fresh = company.plan(&service).await;
            assert!(is_empty(&fresh), "{:#?}", fresh.content().operations);
            assert!(matches!(apply(&plan, &memory, folder.path(), in_flight).await, Process::WasFinished));
        });
    }

    #[test]
    fn how_many_are_in_flight_changes_nothing(seed: u64, in_flight in 2_usize..16) {
        runtime().block_on(async {
            let company = company(seed);
            let mut ends = Vec::new();
            for in_flight in [1, in_flight] {
                let service = company.service(Manners { a_move_empties_extra: true, keeps_bosses: false });
                let plan = company.plan(&service).await;
                let folder = state_folder();
                let memory = Memory::new(Arc::clone(&service), Faults::none(), 0);
                report(apply(&plan, &memory, folder.path(), in_flight).await);
                ends.push(by_number(&people(&service)));
            }
            assert!(ends[0] == ends[1], "the order of writes decides what the service holds");
        });
    }

    /// A person who is created again has a new id, and lost everything that a create cannot send.
    #[test]
    fn an_undo_takes_everything_back(seed: u64, empties: bool) {
        let undone = runtime().block_on(async {
            let company = company(seed).that_can_be_taken_back();
            let service = company.service(Manners { a_move_empties_extra: empties, keeps_bosses: true });
            let before = people(&service);
            let plan = company.plan(&service).await;
            let folder = state_folder();
            let memory = Memory::new(Arc::clone(&service), Faults::none(), 0);
            report(apply(&plan, &memory, folder.path(), 4).await);
            if is_empty(&plan) {
                return false;
            }
            let back = undo(&plan, folder.path());
            let report = report(apply(&back, &memory, folder.path(), 4).await);
            assert!(report.is_complete(), "{report:#?}\n{:#?}", back.content().operations);
            let after = people(&service);
            let (mut expected, found) = (by_number(&before), by_number(&after));
            for (number, person) in &mut expected {
                let is_new = found.get(number).is_some_and(|found| !found.contains_key("nickname"));
                if is_new {
                    person.remove("nickname");
                }
            }
            for (number, person) in &expected {
                assert_eq!(Some(person), found.get(number), "{number}");
            }
            assert_eq!(expected.len(), found.len());
            true
        });
        prop_assume!(undone);
    }
}
