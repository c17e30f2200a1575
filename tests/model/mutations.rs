//! Each law would notice: the model is broken in one place, and the checker finds a way to the harm.

use crate::checks::{CALM, broken, world};
use crate::laws::Law;
use crate::plan::{HIRE, LEAVE, LINK, MOVE, PAIR, Plan, REPLACE, TWINS};
use crate::reach;
use crate::world::{Budget, Mutation, World};

fn is_noticed(mutations: &'static [Mutation], plan: Plan, budget: Budget, law: Law) {
    let sound = World { is_unique: false, ..world(plan, budget) };
    assert_eq!(broken(&sound, law), None, "{mutations:?}: it is broken without it");
    let way = broken(&World { mutations, ..sound }, law);
    assert!(way.is_some(), "{mutations:?}: it is not noticed that {}", law.name());
    println!("{mutations:?}: {}", way.unwrap_or_default());
}

#[test]
fn nobody_twice() {
    let one_fault = Budget { faults: 1, ..CALM };
    is_noticed(&[Mutation::RepeatsPosts], HIRE, one_fault, Law::NobodyTwice);
    is_noticed(&[Mutation::SettlesEarly], HIRE, one_fault, Law::NobodyTwice);
    is_noticed(&[Mutation::ForgetsDoubts], HIRE, Budget { crashes: 1, ..CALM }, Law::NobodyTwice);
    // Two processes with one state folder, of which the second one is not kept out.
    let world = |mutations| World { folders: vec![0, 0], is_unique: false, mutations, ..world(HIRE, CALM) };
    assert_eq!(broken(&world(&[]), Law::NobodyTwice), None);
    assert!(broken(&world(&[Mutation::TakesNoLock]), Law::NobodyTwice).is_some());
}

#[test]
fn nobody_unapproved() {
    let forgery = Budget { crashes: 1, forgeries: 1, ..CALM };
    is_noticed(&[Mutation::TrustsJournals], MOVE, forgery, Law::NobodyUnapproved);
    is_noticed(&[Mutation::BeginsStale], LEAVE, Budget { others: 1, ..CALM }, Law::NobodyUnapproved);
    for plan in [HIRE, LINK, LEAVE, REPLACE] {
        is_noticed(&[Mutation::ReadsNobodyBack], plan, Budget { lies: 1, ..CALM }, Law::NobodyUnapproved);
    }
}

#[test]
fn no_write_without_intent() {
    for plan in [HIRE, LINK, LEAVE, MOVE, PAIR] {
        is_noticed(&[Mutation::SkipsIntents], plan, CALM, Law::NoWriteWithoutIntent);
    }
}

#[test]
fn nobody_protected_and_nothing_undone() {
    let meanwhile = Budget { faults: 1, others: 1, ..CALM };
    for plan in [LEAVE, MOVE, PAIR] {
        is_noticed(&[Mutation::RepeatsBlindly], plan, meanwhile, Law::NobodyProtected);
        is_noticed(&[Mutation::RepeatsBlindly], plan, meanwhile, Law::NothingUndone);
        is_noticed(&[Mutation::TouchesProtected], plan, Budget { others: 1, ..CALM }, Law::NobodyProtected);
    }
}

#[test]
fn what_is_noted_is_true() {
    is_noticed(&[Mutation::BelievesGone], LEAVE, Budget { lies: 1, ..CALM }, Law::DoneIsTrue);
    // Where others wait for a newcomer, reading back notices too.
    for plan in [HIRE, PAIR, TWINS] {
        is_noticed(&[Mutation::BelievesIds], plan, Budget { lies: 1, ..CALM }, Law::DoneIsTrue);
    }
    is_noticed(&[Mutation::SkipsRefill], MOVE, CALM, Law::DoneIsTrue);
    for plan in [HIRE, LEAVE, REPLACE, PAIR, TWINS] {
        is_noticed(&[Mutation::ConfirmsNothing], plan, Budget { lies: 1, ..CALM }, Law::DoneIsTrue);
    }
    let meanwhile = Budget { faults: 1, others: 1, ..CALM };
    for plan in [LEAVE, MOVE, PAIR] {
        is_noticed(&[Mutation::ForgetsAttempts], plan, meanwhile, Law::NotDoneIsTrue);
        is_noticed(&[Mutation::ResumesAtOnce], plan, Budget { faults: 2, crashes: 1, ..CALM }, Law::NotDoneIsTrue);
    }
}

/// A request that is carried out after the same apply has gone on, and was noted as not done: nobody gives the custom
/// fields back.
#[test]
fn no_end() {
    let world = |mutations| World { mutations, ..world(MOVE, Budget { faults: 2, crashes: 1, ..CALM }) };
    assert!(reach::search(&world(&[])).stuck.is_none());
    let (count, way) = reach::search(&world(&[Mutation::ResumesAtOnce])).stuck.expect("states without an end");
    println!("{count} states lead to no end, the first one by\n{way}");
}
