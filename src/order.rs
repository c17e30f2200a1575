//! The dependency graph: which operation must be done before which, and an order that respects it.
//!
//! - a person comes after the create of their manager;
//! - an operation that takes an e-mail comes after the operation that frees it;
//! - an operation that moves a report away from a manager comes before that manager's delete, also if it makes the report
//!   active again;
//! - a report comes after the operation that makes their inactive manager active again;
//! - creates whose managers form a cycle run without the manager; a link sets it afterwards. `[scope] protect` lets nobody
//!   be changed whom it covers, so these are created with their manager.
//!
//! Any other cycle cannot be ordered; [`Graph::sort`] returns its members. Everything is linear in the operations and
//! their dependencies, except for the heap that picks the next ready operation.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use crate::diff::{Changed, Comparison, Draft, ManagerTarget};

/// A separate operation that sets the manager of a created employee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The draft that creates the person.
    pub create: u32,
    /// The draft that creates the manager.
    pub manager: u32,
}

/// The operations as nodes: first the drafts, then the links.
#[derive(Debug)]
pub struct Graph {
    /// The links that cycles of managers make necessary.
    pub links: Vec<Link>,
    /// For each node, the nodes that must be done before it; sorted, without duplicates.
    pub needs: Vec<Vec<u32>>,
}

const NONE: u32 = u32::MAX;

impl Graph {
    /// The graph of these drafts.
    #[must_use]
    pub fn of(comparison: &Comparison<'_>, drafts: &[Draft]) -> Self {
        let users = comparison.directory().users.len();
        let mut draft_of_user = vec![NONE; users];
        let mut create_of: FxHashMap<u32, u32> = FxHashMap::default();
        for (index, draft) in (0..).zip(drafts) {
            match *draft {
                Draft::Create { employee, .. } | Draft::Reactivate { employee, .. } => {
                    create_of.insert(employee, index);
                }
                Draft::Update { user, .. } | Draft::Delete { user } => draft_of_user[user as usize] = index,
            }
        }
        let managers: Vec<u32> = drafts.iter().map(|draft| created_manager(draft, &create_of)).collect();
        let protect = &comparison.policy().protect;
        let mut links = manager_cycles(drafts, &managers);
        links.retain(|link| match drafts[link.create as usize] {
            Draft::Create { employee, .. } => !protect.covers_newcomer(comparison.employee(employee)),
            _ => true,
        });
        let mut needs = vec![Vec::new(); drafts.len() + links.len()];
        for (index, draft) in drafts.iter().enumerate() {
            if managers[index] != NONE {
                needs[index].push(managers[index]);
            }
            if let Some(giver) = email_giver(comparison, draft).map(|user| draft_of_user[user as usize])
                && giver != NONE
                && giver as usize != index
            {
                needs[index].push(giver);
            }
        }
        for (place, link) in links.iter().enumerate() {
            needs[link.create as usize].retain(|&needed| needed != link.manager);
            needs[drafts.len() + place].extend([link.create, link.manager]);
        }
        let moved = (0..).zip(&draft_of_user).filter(|(_, mover)| **mover != NONE).filter_map(|(report, &mover)| {
            Some((comparison.manager_of(report).filter(|&manager| manager != report)?, mover))
        });
        let returning = (0..).zip(drafts).filter_map(|(index, draft)| match draft {
            Draft::Reactivate { user, .. } => Some((comparison.manager_of_inactive(*user)?, index)),
            _ => None,
        });
        for (manager, mover) in moved.chain(returning).filter(|&(manager, _)| comparison.leaves(manager)) {
            if let Some(needed) = needs.get_mut(draft_of_user[manager as usize] as usize) {
                needed.push(mover);
            }
        }
        for needed in &mut needs {
            needed.sort_unstable();
            needed.dedup();
        }
        Self { links, needs }
    }

    /// The nodes in execution order; ready nodes are ordered by action, employee and user id.
    ///
    /// # Errors
    /// If there is no such order: the cycles, each with its drafts.
    pub fn sort(&self, comparison: &Comparison<'_>, drafts: &[Draft]) -> Result<Vec<u32>, Vec<Vec<u32>>> {
        let count = self.needs.len();
        let mut waiting: Vec<u32> = self.needs.iter().map(|needed| needed.len() as u32).collect();
        let mut needed_by: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (node, needed) in (0..).zip(&self.needs) {
            needed.iter().for_each(|&before| needed_by[before as usize].push(node));
        }
        let key = |node: u32| Reverse((self.rank(comparison, drafts, node), node));
        let mut ready: BinaryHeap<_> = (0..count as u32).filter(|&node| waiting[node as usize] == 0).map(key).collect();
        let mut sorted = Vec::with_capacity(count);
        while let Some(Reverse((_, node))) = ready.pop() {
            sorted.push(node);
            for &after in &needed_by[node as usize] {
                waiting[after as usize] -= 1;
                if waiting[after as usize] == 0 {
                    ready.push(key(after));
                }
            }
        }
        if sorted.len() == count { Ok(sorted) } else { Err(self.cycles(drafts.len())) }
    }

    fn rank<'a>(&self, comparison: &Comparison<'a>, drafts: &[Draft], node: u32) -> (u8, &'a str, &'a str) {
        let employee = |index: u32| comparison.employee(index).identifier.as_str();
        let Some(draft) = drafts.get(node as usize) else {
            let link = self.links[node as usize - drafts.len()];
            let (_, employee, _) = self.rank(comparison, drafts, link.create);
            return (2, employee, "");
        };
        match *draft {
            Draft::Create { employee: index, .. } => (0, employee(index), ""),
            Draft::Reactivate { employee: index, user, .. } => {
                (1, employee(index), comparison.inactive_user(user).id.as_str())
            }
            Draft::Update { employee: index, user, .. } => (1, employee(index), comparison.user(user).id.as_str()),
            Draft::Delete { user } => {
                let user = comparison.user(user);
                (3, user.identifier.as_ref().map_or("", |identifier| identifier.as_str()), user.id.as_str())
            }
        }
    }

    /// The strongly connected components of more than one node. Tarjan's algorithm, with an explicit stack: a chain of
    /// a million dependencies would overflow the thread's. Nothing comes after a link, so links are in no component.
    fn cycles(&self, drafts: usize) -> Vec<Vec<u32>> {
        let mut cycles = Vec::new();
        let mut index = vec![NONE; drafts];
        let mut low = vec![0_u32; drafts];
        let mut on_stack = vec![false; drafts];
        let (mut stack, mut path, mut next) = (Vec::new(), Vec::<(u32, usize)>::new(), 0);
        for root in 0..drafts as u32 {
            if index[root as usize] != NONE {
                continue;
            }
            path.push((root, 0));
            while let Some((node, edge)) = path.pop() {
                let at = node as usize;
                if edge == 0 {
                    (index[at], low[at], on_stack[at]) = (next, next, true);
                    stack.push(node);
                    next += 1;
                } else {
                    let child = self.needs[at][edge - 1] as usize;
                    low[at] = low[at].min(low[child]);
                }
                let mut edge = edge;
                let descend = loop {
                    let Some(&child) = self.needs[at].get(edge) else { break None };
                    edge += 1;
                    if index[child as usize] == NONE {
                        break Some(child);
                    }
                    if on_stack[child as usize] {
                        low[at] = low[at].min(index[child as usize]);
                    }
                };
                if let Some(child) = descend {
                    path.push((node, edge));
                    path.push((child, 0));
                } else if low[at] == index[at] {
                    let mut cycle = Vec::new();
                    while let Some(member) = stack.pop() {
                        on_stack[member as usize] = false;
                        cycle.push(member);
                        if member == node {
                            break;
                        }
                    }
                    if cycle.len() > 1 {
                        cycle.sort_unstable();
                        cycles.push(cycle);
                    }
                }
            }
        }
        cycles
    }
}

fn created_manager(draft: &Draft, create_of: &FxHashMap<u32, u32>) -> u32 {
    let manager = match draft {
        Draft::Create { manager, .. } => *manager,
        Draft::Update { manager, changed, .. } | Draft::Reactivate { manager, changed, .. }
            if changed.contains(&Changed::Manager) =>
        {
            *manager
        }
        Draft::Update { .. } | Draft::Reactivate { .. } | Draft::Delete { .. } => None,
    };
    match manager {
        Some(ManagerTarget::Create(employee) | ManagerTarget::Inactive(employee)) => {
            create_of.get(&employee).copied().unwrap_or(NONE)
        }
        Some(ManagerTarget::User(_)) | None => NONE,
    }
}

/// The user who has the e-mail that an operation takes.
fn email_giver(comparison: &Comparison<'_>, draft: &Draft) -> Option<u32> {
    let employee = match draft {
        // Whoever comes back brings the e-mail along.
        Draft::Create { employee, .. } | Draft::Reactivate { employee, .. } => *employee,
        Draft::Update { employee, changed, .. } if changed.contains(&Changed::PrimaryEmail) => *employee,
        Draft::Update { .. } | Draft::Delete { .. } => return None,
    };
    comparison.owner_of_email(comparison.employee(employee).email.key())
}

/// The creates whose managers form a cycle. Each person has at most one manager, so a walk upwards ends or comes back.
fn manager_cycles(drafts: &[Draft], managers: &[u32]) -> Vec<Link> {
    const UNSEEN: u32 = 0;
    let is_create = |node: u32| matches!(drafts[node as usize], Draft::Create { .. });
    let mut seen_in = vec![UNSEEN; drafts.len()];
    let mut links = Vec::new();
    for start in 0..drafts.len() as u32 {
        let walk = start + 1;
        let mut node = start;
        while node != NONE && is_create(node) && seen_in[node as usize] == UNSEEN {
            seen_in[node as usize] = walk;
            node = managers[node as usize];
        }
        if node == NONE || !is_create(node) || seen_in[node as usize] != walk {
            continue;
        }
        let first = node;
        loop {
            let manager = managers[node as usize];
            links.push(Link { create: node, manager });
            node = manager;
            if node == first {
                break;
            }
        }
    }
    links
}
