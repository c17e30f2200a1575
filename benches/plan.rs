//! Micro-benchmarks of what `plan` does in memory: `cargo bench`, or `cargo bench order` for one of them.
//!
//! Every hundredth person is created, every hundredth user deleted, and two of a hundred are changed. Reading and
//! writing files is measured by `scripts/bench`.

use std::collections::BTreeSet;
use std::sync::Arc;

use divan::{Bencher, black_box};

use skovik_sync::diff::{Comparison, PeopleIndex, Policy, Protect, Remove, Renumber, UserIndex};
use skovik_sync::employee::{Desired, DesiredManager, Directory, Employee, Managed, Origin, User, UserId};
use skovik_sync::order::Graph;
use skovik_sync::plan::canonical_digest;
use skovik_sync::provider::fingerprint;

/// How many people there are on each side.
const SIZES: [usize; 2] = [10_000, 100_000];

fn main() {
    divan::main();
}

struct Company {
    desired: Desired,
    directory: Directory,
    policy: Policy,
}

impl Company {
    fn of(people: usize) -> Self {
        let new = people / 100;
        let employees: Vec<Employee> = (new..people + new).map(employee).collect();
        let in_scope = employees.len() as u64;
        let mut users: Vec<User> = (0..people).map(user).collect();
        users.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let policy = Policy {
            managed: Managed { branch: true, manager: true, custom_fields: Vec::new() },
            adopt: true,
            renumber: Renumber::Ask,
            same_person: BTreeSet::new(),
            remove: Remove::Identified,
            reactivate: false,
            leavers_keep_emails: false,
            protect: Protect::default(),
            branches: None,
            absences: None,
        };
        Self {
            desired: Desired { employees, in_scope, ..Desired::default() },
            directory: Directory { users, ..Directory::default() },
            policy,
        }
    }

    fn comparison(&self) -> Comparison<'_> {
        Comparison::new(&self.desired, &self.directory, &self.policy).expect("these people are told apart")
    }
}

/// The number of a person's manager. The first eight, who are deleted, have none, and are nobody's.
fn manager(number: usize) -> Option<usize> {
    Some(number / 8).filter(|manager| *manager >= 1000)
}

fn employee(number: usize) -> Employee {
    let changed = if number % 50 == 7 { "s" } else { "" };
    Employee {
        identifier: number.to_string().into(),
        email: email(number).into(),
        first_name: format!("First{number}").into(),
        last_name: format!("Last{number}{changed}").into(),
        branch: Some("br_se".into()),
        manager: manager(number)
            .map_or(DesiredManager::Nobody, |manager| DesiredManager::Employee(manager.to_string().into())),
        custom_fields: Box::default(),
        origin: Origin { source: Arc::from("hr"), row: number as u64 + 2 },
    }
}

fn user(number: usize) -> User {
    User {
        id: user_id(number),
        identifier: Some(number.to_string().into()),
        email: email(number).into(),
        first_name: format!("First{number}").into(),
        last_name: format!("Last{number}").into(),
        branch: Some("br_se".into()),
        manager: manager(number).map(user_id),
        custom_fields: Box::default(),
        roles: Some(["employee".into()].into()),
    }
}

fn email(number: usize) -> String {
    format!("first{number}.last{number}@example.com")
}

fn user_id(number: usize) -> UserId {
    format!("{number:024x}").into()
}

/// Who has which identifier and e-mail, on both sides, one after the other.
#[divan::bench(args = SIZES)]
fn index(bencher: Bencher<'_, '_>, people: usize) {
    let company = Company::of(people);
    bencher.bench(|| (PeopleIndex::of(&company.desired).is_ok(), UserIndex::of(&company.directory).is_ok()));
}

/// The index, the matching, the conflicts, and what would be written.
#[divan::bench(args = SIZES)]
fn diff(bencher: Bencher<'_, '_>, people: usize) {
    let company = Company::of(people);
    bencher.bench(|| company.comparison().drafts().drafts.len());
}

/// The graph of the operations, and their order.
#[divan::bench(args = SIZES)]
fn order(bencher: Bencher<'_, '_>, people: usize) {
    let company = Company::of(people);
    let comparison = company.comparison();
    let drafts = comparison.drafts().drafts;
    bencher.bench(|| Graph::of(&comparison, &drafts).sort(&comparison, black_box(&drafts)).is_ok());
}

/// The fingerprint of the account.
#[divan::bench(args = SIZES)]
fn account_hash(bencher: Bencher<'_, '_>, people: usize) {
    let company = Company::of(people);
    bencher.bench(|| fingerprint(&company.directory, &company.policy.managed));
}

/// The hash of a canonical text, as a plan has it.
#[divan::bench(args = SIZES)]
fn canonical_hash(bencher: Bencher<'_, '_>, people: usize) {
    let names: Vec<[String; 2]> = (0..people).map(|number| [email(number), number.to_string()]).collect();
    bencher.bench(|| canonical_digest(black_box(&names)).is_ok());
}
