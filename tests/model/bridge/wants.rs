//! The requests that the real processes must be waiting for in a state of the model.

use crate::apply::Phase;
use crate::plan::{Action, Person};
use crate::server::{Fields, Id, Request, Server};
use crate::steps::Step;
use crate::world::{Message, State, World};

/// What a process waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Want {
    User(Id),
    List,
    Write(Request),
}

/// What a process waits for in a state.
pub(super) fn wants(world: &World, state: &State, process: usize) -> Vec<Want> {
    let Some(run) = &state.runs[process] else { return Vec::new() };
    let is_waited_for = |message: &&Message| usize::from(message.process) == process && !message.is_orphan;
    let mut wants: Vec<Want> =
        state.network.iter().filter(is_waited_for).map(|message| Want::Write(message.request)).collect();
    for operation in 0..world.operations() {
        let reads = match run.entries[operation].phase {
            Phase::Waiting => world.is_ready(run, operation),
            Phase::Pausing | Phase::Refilling => true,
            Phase::Sent | Phase::ReadingBack(_) | Phase::Parked { .. } | Phase::Ended(_) => false,
        };
        wants.extend(read_back(state, process, operation).map(Want::User));
        wants.extend(whom(world, state, process, operation).filter(|_| reads).map(Want::User));
    }
    let is_ready = (0..world.operations()).any(|operation| world.is_ready(run, operation));
    let settles_or_confirms = run.is_parked() || (run.has_written && !run.is_confirmed);
    if settles_or_confirms && !run.is_halted && !run.is_under_way() && !is_ready {
        wants.push(Want::List);
    }
    wants
}

/// Whether a run has nothing left to do in a state.
pub(super) fn ends(world: &World, state: &State, process: usize) -> bool {
    let mut steps = Vec::new();
    world.steps_of(state, process, &mut steps);
    steps.contains(&Step::Finish(process))
}

/// The user that an operation reads back.
pub(super) fn read_back(state: &State, process: usize, operation: usize) -> Option<Id> {
    match state.runs[process].as_ref()?.entries[operation].phase {
        Phase::ReadingBack(id) => Some(id),
        _ => None,
    }
}

/// The user that an operation reads.
pub(super) fn whom(world: &World, state: &State, process: usize, operation: usize) -> Option<Id> {
    let made = state.runs[process].as_ref()?.made();
    world.whom(operation, &made).map(|(id, ..)| id)
}

/// Whether the list has nobody with the identifier or e-mail of an unclear create. One with two of the same is refused.
pub(super) fn lacks_somebody_sent(world: &World, server: &Server, last: &State, process: usize) -> bool {
    let Some(run) = &last.runs[process] else { return false };
    let users: Vec<_> = server.iter().map(|(_, user)| user.fields).collect();
    let is_twice = |place: usize| {
        let same = |other: &Fields| other.identifier == users[place].identifier || other.email == users[place].email;
        users[..place].iter().any(same)
    };
    let parked = (0..world.operations()).filter(|&place| matches!(run.entries[place].phase, Phase::Parked { .. }));
    let mut sent = parked.filter_map(|place| match world.operation(place).action {
        Action::Create { after } => Some(after),
        _ => None,
    });
    let is_there =
        |after: &Person| users.iter().any(|user| user.identifier == after.identifier || user.email == after.email);
    !(0..users.len()).any(is_twice) && sent.any(|after| !is_there(&after))
}

pub(super) fn is_same(expected: &[(usize, Want)], found: &[(usize, Want)]) -> bool {
    let mut left = found.to_vec();
    let all = expected.iter().all(|want| match left.iter().position(|found| found == want) {
        Some(place) => {
            left.swap_remove(place);
            true
        }
        None => false,
    });
    all && left.is_empty()
}
