//! Checks the laws for every plan and every disturbance. If a law needs the help of the server, a test shows that.

use stateright::{Checker as _, Model as _};

use crate::laws::Law;
use crate::plan::{HIRE, LEAVE, LINK, MOVE, PAIR, PLANS, Plan, REPLACE, TWINS};
use crate::reach;
use crate::world::{Budget, Mutation, World};

/// How many threads a check uses.
const THREADS: usize = 2;

pub(crate) const CALM: Budget = Budget { faults: 0, lies: 0, others: 0, crashes: 0, forgeries: 0 };

/// One process, and a server that refuses an identifier or e-mail that is in use.
pub(crate) fn world(plan: Plan, budget: Budget) -> World {
    World { plan, folders: vec![0], is_unique: true, budget, is_eager: false, mutations: &[] }
}

/// The steps that break this law, if there are any.
pub(crate) fn broken(world: &World, law: Law) -> Option<String> {
    let checker = world.clone().checker().spawn_bfs().join();
    checker.discovery(law.name()).map(|path| format!("{:?}", path.into_actions()))
}

/// Every law holds in every state.
fn holds(world: &World) {
    let checker = world.clone().checker().threads(THREADS).spawn_bfs().join();
    let states = checker.unique_state_count();
    if let Some((law, path)) = checker.discoveries().into_iter().next() {
        panic!("{}, {:?}: this law is broken: {law}: {:#?}", world.plan.name, world.budget, path.into_actions());
    }
    println!("{}: {states} states hold, {:?}, folders {:?}", world.plan.name, world.budget, world.folders);
}

/// An end can be reached from every state.
fn can_be_finished(world: &World) {
    let found = reach::search(world);
    assert!(found.ends > 0, "{}: no end", world.plan.name);
    if let Some((count, way)) = found.stuck {
        panic!("{}: {count} of {} states lead to no end; steps to the first:\n{way}", world.plan.name, found.states);
    }
}

fn holds_and_can_be_finished(world: &World) {
    holds(world);
    can_be_finished(world);
}

#[test]
fn one_process() {
    for plan in PLANS {
        holds_and_can_be_finished(&world(plan, Budget { faults: 2, others: 1, crashes: 1, ..CALM }));
    }
    for plan in [HIRE, LEAVE, REPLACE, MOVE] {
        holds_and_can_be_finished(&world(plan, Budget { faults: 2, crashes: 2, ..CALM }));
        holds_and_can_be_finished(&world(plan, Budget { faults: 1, others: 2, ..CALM }));
    }
}

/// The server accepts the same identifier and e-mail for several users. The tool still never creates such a user.
#[test]
fn one_process_without_the_help_of_the_server() {
    for plan in PLANS {
        let world = world(plan, Budget { faults: 2, others: 1, crashes: 1, ..CALM });
        holds_and_can_be_finished(&World { is_unique: false, ..world });
    }
}

#[test]
fn a_server_that_lies() {
    for plan in PLANS {
        holds_and_can_be_finished(&world(plan, Budget { faults: 1, lies: 1, crashes: 1, ..CALM }));
        holds_and_can_be_finished(&world(plan, Budget { lies: 2, ..CALM }));
    }
}

#[test]
fn a_forged_journal() {
    for plan in PLANS {
        holds_and_can_be_finished(&world(plan, Budget { faults: 1, crashes: 1, forgeries: 1, ..CALM }));
    }
}

/// The lock stops a second process with the same state folder. It continues the work after the first one has died.
#[test]
fn two_processes_with_one_state_folder() {
    for plan in PLANS {
        let world = world(plan, Budget { faults: 1, others: 1, crashes: 1, ..CALM });
        holds_and_can_be_finished(&World { folders: vec![0, 0], ..world });
    }
}

/// A second machine has the approved plan, but neither the journal nor the lock.
#[test]
fn two_machines() {
    for plan in PLANS {
        let faults = u8::from(plan.name != PAIR.name);
        let machines = |budget| World { folders: vec![0, 1], ..world(plan, budget) };
        holds_and_can_be_finished(&machines(Budget { faults, crashes: 1, ..CALM }));
        holds_and_can_be_finished(&machines(Budget { others: 1, ..CALM }));
    }
    for plan in [HIRE, MOVE] {
        let world = world(plan, Budget { faults: 1, others: 1, ..CALM });
        holds_and_can_be_finished(&World { folders: vec![0, 1], ..world });
    }
}

/// With two machines, only the server prevents that a person is created twice. Neither machine knows what the other one
/// has sent.
#[test]
fn two_machines_create_a_person_twice_if_the_server_allows_it() {
    for plan in [HIRE, LINK, REPLACE, PAIR] {
        let world = World { folders: vec![0, 1], is_unique: false, ..world(plan, CALM) };
        assert!(broken(&world, Law::NobodyTwice).is_some(), "{}", plan.name);
    }
}

/// No other law needs the server's refusal.
#[test]
fn two_machines_without_the_help_of_the_server_break_nothing_else() {
    for plan in PLANS {
        let world = World { folders: vec![0, 1], is_unique: false, ..world(plan, Budget { crashes: 1, ..CALM }) };
        let others = Law::ALL.into_iter().filter(|law| *law != Law::NobodyTwice);
        for law in others {
            assert_eq!(broken(&world, law), None, "{}: {}", plan.name, law.name());
        }
    }
}

/// If the server carries a request out after the list was read that decides about it, only the server prevents that a
/// person is created twice.
#[test]
fn a_late_request_creates_a_person_twice_if_the_server_allows_it() {
    for plan in [HIRE, LINK, REPLACE, PAIR] {
        let late =
            World { mutations: &[Mutation::SettlesEarly], ..world(plan, Budget { faults: 1, crashes: 1, ..CALM }) };
        assert_eq!(broken(&late, Law::NobodyTwice), None, "{}", plan.name);
        assert!(broken(&World { is_unique: false, ..late }, Law::NobodyTwice).is_some(), "{}", plan.name);
    }
}

/// An id can be new to the run and still belong to a user that another client created.
#[test]
fn the_id_of_another_clients_new_user_is_not_believed() {
    for plan in [HIRE, LINK, PAIR, TWINS] {
        holds_and_can_be_finished(&world(plan, Budget { lies: 1, others: 1, ..CALM }));
    }
}
