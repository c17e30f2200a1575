//! Checks that an apply can always be finished: an end can be reached from every state. The search goes forwards through
//! all states, then backwards from the ends. (The checker's `eventually` stops at the first state that it knows.)

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::{Hash as _, Hasher as _};

use rustc_hash::{FxHashMap, FxHasher};

use crate::world::{State, World};

/// The result of a search.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) states: usize,
    pub(crate) ends: usize,
    /// The number of states from which no end can be reached, and the shortest steps to the first one.
    pub(crate) stuck: Option<(usize, String)>,
}

struct Node {
    /// The state from which it was first reached, and which of that state's steps led here.
    from: u32,
    step: u16,
    is_end: bool,
}

/// Searches all states of a world.
pub(crate) fn search(world: &World) -> Reached {
    let mut numbers: FxHashMap<u64, u32> = FxHashMap::default();
    let mut nodes = Vec::new();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut waiting = VecDeque::from([world.first()]);
    numbers.insert(fingerprint(&world.first()), 0);
    nodes.push(Node { from: 0, step: 0, is_end: world.is_end(&world.first()) });
    let mut number = 0;
    while let Some(state) = waiting.pop_front() {
        for (step, next) in (0..).zip(world.steps(&state)).filter_map(|(n, step)| Some((n, world.next(&state, step)?)))
        {
            let new = nodes.len() as u32;
            let to = match numbers.entry(fingerprint(&next)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(vacant) => {
                    vacant.insert(new);
                    nodes.push(Node { from: number, step, is_end: world.is_end(&next) });
                    waiting.push_back(next);
                    new
                }
            };
            edges.push((to, number));
        }
        number += 1;
    }
    let can_end = backwards(&nodes, edges);
    let stuck = can_end.iter().filter(|can_end| !**can_end).count();
    let first_stuck = can_end.iter().position(|can_end| !can_end);
    Reached {
        states: nodes.len(),
        ends: nodes.iter().filter(|node| node.is_end).count(),
        stuck: first_stuck.map(|number| (stuck, steps_to(world, &nodes, number))),
    }
}

/// For each state, whether an end can be reached from it.
fn backwards(nodes: &[Node], mut edges: Vec<(u32, u32)>) -> Vec<bool> {
    edges.sort_unstable();
    let mut can_end: Vec<bool> = nodes.iter().map(|node| node.is_end).collect();
    let mut waiting: Vec<u32> = (0..).zip(nodes).filter(|(_, node)| node.is_end).map(|(number, _)| number).collect();
    while let Some(number) = waiting.pop() {
        let first = edges.partition_point(|(to, _)| *to < number);
        for (_, from) in edges[first..].iter().take_while(|(to, _)| *to == number) {
            if !std::mem::replace(&mut can_end[*from as usize], true) {
                waiting.push(*from);
            }
        }
    }
    can_end
}

/// The steps to a state, and the state.
fn steps_to(world: &World, nodes: &[Node], mut number: usize) -> String {
    let mut indices = Vec::new();
    while number != 0 {
        indices.push(usize::from(nodes[number].step));
        number = nodes[number].from as usize;
    }
    let (mut state, mut text) = (world.first(), String::new());
    for index in indices.into_iter().rev() {
        let step = world.steps(&state)[index];
        text.push_str(&format!("{step:?}\n"));
        if let Some(next) = world.next(&state, step) {
            state = next;
        }
    }
    format!("{text}{state:#?}")
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = FxHasher::default();
    state.hash(&mut hasher);
    hasher.finish()
}
