//! Shows that each law can fail: the model is broken in one place, and the checker finds steps that break the law.

use crate::checks::{CALM, broken, world};
use crate::laws::Law;
use crate::plan::{HIRE, LEAVE, LINK, MOVE, PAIR, Plan, REPLACE, TWINS};
use crate::reach;
use crate::world::{Budget, Mutation, World};

fn is_noticed(mutations: &'static [Mutation], plan: Plan, budget: Budget, law: Law) {
    let sound = World { is_unique: false, ..world(plan, budget) };
    assert_eq!(broken(&sound, law), None, "{mutations:?}: the law is broken without the mutation too");
    let steps = broken(&World { mutations, ..sound }, law);
    assert!(steps.is_some(), "{mutations:?}: the checker does not notice this law: {}", law.name());
    println!("{mutations:?}: {}", steps.unwrap_or_default());
}

#[test]
fn nobody_twice() {
    let one_fault = Budget { faults: 1, ..CALM };
    is_noticed(&[Mutation::RepeatsPosts], HIRE, one_fault, Law::NobodyTwice);
    is_noticed(&[Mutation::SettlesEarly], HIRE, one_fault, Law::NobodyTwice);
    is_noticed(&[Mutation::ForgetsDoubts], HIRE, Budget { crashes: 1, ..CALM }, Law::NobodyTwice);
    let given = Budget { faults: 1, others: 1, ..CALM };
    is_noticed(&[Mutation::OutdatesByEmails], HIRE, given, Law::NobodyTwice);
    // Two processes with one state folder. Without the lock, the second one runs too.
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
    // If other operations depend on the new user, reading the user back notices it too.
    for plan in [HIRE, PAIR, TWINS] {
        is_noticed(&[Mutation::BelievesIds], plan, Budget { lies: 1, ..CALM }, Law::DoneIsTrue);
    }
    is_noticed(&[Mutation::BelievesRefusals], MOVE, Budget { lies: 1, ..CALM }, Law::NotDoneIsTrue);
    is_noticed(&[Mutation::SkipsRefill], MOVE, CALM, Law::DoneIsTrue);
    is_noticed(&[Mutation::RefillsTheFirst], MOVE, Budget { faults: 1, others: 1, ..CALM }, Law::NobodyUnapproved);
    for plan in [HIRE, LEAVE, REPLACE, PAIR, TWINS] {
        is_noticed(&[Mutation::ConfirmsNothing], plan, Budget { lies: 1, ..CALM }, Law::DoneIsTrue);
    }
    let meanwhile = Budget { faults: 1, others: 1, ..CALM };
    for plan in [LEAVE, MOVE, PAIR] {
        is_noticed(&[Mutation::ForgetsAttempts], plan, meanwhile, Law::NotDoneIsTrue);
        is_noticed(&[Mutation::ResumesAtOnce], plan, Budget { faults: 2, crashes: 1, ..CALM }, Law::NotDoneIsTrue);
    }
}

#[test]
fn nobody_else() {
    let meanwhile = Budget { others: 1, ..CALM };
    for plan in [LEAVE, REPLACE, MOVE, PAIR] {
        is_noticed(&[Mutation::WritesAnybody], plan, meanwhile, Law::NobodyElse);
    }
    is_noticed(&[Mutation::RefillsAnybody], MOVE, meanwhile, Law::NobodyElse);
    for plan in [LEAVE, REPLACE, TWINS] {
        is_noticed(&[Mutation::ComparesNoLabels], plan, meanwhile, Law::NobodyElse);
    }
    let in_doubt = Budget { faults: 1, others: 1, ..CALM };
    for plan in [HIRE, REPLACE, PAIR, TWINS] {
        is_noticed(&[Mutation::RepeatsUnderAnybody], plan, in_doubt, Law::NoCreateAgain);
        is_noticed(&[Mutation::RepeatsOverEmails], plan, in_doubt, Law::NoCreateAgain);
    }
}

/// The server carries a request out after the resumed apply has noted it as not done. Nobody restores the custom fields.
#[test]
fn no_end() {
    let world = |mutations| World { mutations, ..world(MOVE, Budget { faults: 2, crashes: 1, ..CALM }) };
    assert!(reach::search(&world(&[])).stuck.is_none());
    let (count, steps) = reach::search(&world(&[Mutation::ResumesAtOnce])).stuck.expect("states without an end");
    println!("{count} states lead to no end; steps to the first:\n{steps}");
}
