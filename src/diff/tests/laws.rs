//! Laws of every plan, checked by carrying out random plans on a model of Skovik that refuses what Skovik refuses.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::company::{Company, bad_record, employee, user, user_id};
use crate::diff::{Protect, Remove, Renumber};
use crate::employee::{Directory, Employee, User, UserId};
use crate::guard::{GUARDS, Limits, MAX_UNRESOLVED_PERCENT, MIN_EMPLOYEES};
use crate::plan::{
    Action, Fields, GuardResult, ManagerRef, Operation, OperationId, Plan, PlanError, Value, check_guards,
    not_as_demanded,
};

/// A model of the account: as strict as the real one may be.
#[derive(Debug, Clone)]
struct Account {
    users: BTreeMap<UserId, User>,
    made: BTreeMap<OperationId, UserId>,
}

impl Account {
    fn of(directory: &Directory) -> Self {
        let users = directory.users.iter().map(|user| (user.id.clone(), user.clone())).collect();
        Self { users, made: BTreeMap::new() }
    }

    fn execute(&mut self, operation: &Operation) -> Result<(), String> {
        match &operation.action {
            Action::Create { after } => {
                let manager = after.manager.clone().flatten().map(|manager| self.resolve(&manager)).transpose()?;
                let id = UserId::from(format!("new{}", operation.id));
                let Fields {
                    external_identifier,
                    primary_email,
                    first_name,
                    last_name,
                    branch,
                    manager: _,
                    custom_fields,
                } = Fields::clone(after);
                let made = User {
                    id: id.clone(),
                    identifier: external_identifier,
                    email: primary_email.into(),
                    first_name,
                    last_name,
                    branch: branch.flatten().map(|branch| branch.branch_id),
                    manager,
                    custom_fields: custom_fields.into_values().collect(),
                    roles: Some([].into()),
                };
                self.made.insert(operation.id, id);
                self.put(made)
            }
            Action::Update { user_id, changes, .. } => {
                let mut user = self.users.get(user_id).cloned().ok_or("updates nobody")?;
                for change in changes {
                    let text = |value: &Option<Value>| match value {
                        Some(Value::Text(text)) => text.to_string(),
                        other => panic!("no text: {other:?}"),
                    };
                    match change.field.to_string().as_str() {
                        "external_identifier" => user.identifier = Some(text(&change.after).into()),
                        "primary_email" => user.email = text(&change.after).into(),
                        "first_name" => user.first_name = text(&change.after).into(),
                        "last_name" => user.last_name = text(&change.after).into(),
                        "manager" => {
                            user.manager = match &change.after {
                                Some(Value::Manager(manager)) => Some(self.resolve(manager)?),
                                _ => None,
                            };
                        }
                        other => panic!("these companies change no {other}"),
                    }
                }
                self.put(user)
            }
            Action::Link { create, manager } => {
                let id = self.made.get(create).ok_or("links nobody")?;
                let mut user = self.users.get(id).cloned().ok_or("links nobody")?;
                user.manager = Some(self.resolve(manager)?);
                self.put(user)
            }
            Action::Delete { user_id, .. } => {
                if self.users.values().any(|user| user.manager.as_ref() == Some(user_id)) {
                    return Err("removes somebody who has reports".to_owned());
                }
                self.users.remove(user_id).map(drop).ok_or_else(|| "removes nobody".to_owned())
            }
        }
    }

    fn resolve(&self, manager: &ManagerRef) -> Result<UserId, String> {
        let id = match manager {
            ManagerRef::User(user) => Some(&user.user_id),
            ManagerRef::Create(create) => self.made.get(&create.create),
        };
        let id = id.ok_or("names a manager who is not made yet")?;
        if self.users.contains_key(id) { Ok(id.clone()) } else { Err("names a manager who is not there".to_owned()) }
    }

    fn put(&mut self, user: User) -> Result<(), String> {
        if user.manager.as_ref() == Some(&user.id) {
            return Err("makes somebody their own manager".to_owned());
        }
        let others = || self.users.values().filter(|other| other.id != user.id);
        if others().any(|other| other.email.is(&user.email)) {
            return Err(format!("gives {} to a second user", user.email));
        }
        if others().any(|other| user.identifier.is_some() && other.identifier == user.identifier) {
            return Err("gives an identifier to a second user".to_owned());
        }
        self.users.insert(user.id.clone(), user);
        Ok(())
    }
}

/// Carries a plan out. `choices` picks the next of the operations that are ready.
fn carry_out(plan: &Plan, account: &mut Account, choices: &[usize]) -> Result<(), TestCaseError> {
    let mut left: Vec<&Operation> = plan.content().operations.iter().collect();
    let mut done: Vec<OperationId> = Vec::new();
    let mut choices = choices.iter().cycle();
    while !left.is_empty() {
        let ready: Vec<usize> = (0..left.len())
            .filter(|&place| left[place].depends_on.iter().all(|needed| done.contains(needed)))
            .collect();
        prop_assert!(!ready.is_empty(), "nothing is ready");
        let operation = left.remove(ready[choices.next().copied().unwrap_or(0) % ready.len()]);
        let outcome = account.execute(operation);
        prop_assert!(outcome.is_ok(), "operation {} {}: {outcome:?}", operation.id, operation.action.name());
        done.push(operation.id);
    }
    Ok(())
}

fn directory_after(company: &Company, account: &Account) -> Directory {
    Directory {
        users: account.users.values().cloned().collect(),
        branches: company.directory.branches.clone(),
        custom_fields: company.directory.custom_fields.clone(),
        ..Directory::default()
    }
}

fn email(number: usize) -> String {
    format!("p{number}.x@example.com")
}

prop_compose! {
    fn employees()(
        people in prop::collection::vec((0..9_usize, 0..9_usize, prop::option::of(0..11_usize), any::<bool>()), 0..9),
    ) -> Vec<Employee> {
        people
            .into_iter()
            .map(|(identifier, address, manager, shouts)| {
                let address = if shouts { email(address).to_uppercase() } else { email(address) };
                employee(&identifier.to_string(), &address, manager.map(|manager| manager.to_string()).as_deref())
            })
            .collect()
    }
}

prop_compose! {
    fn users()(
        addresses in prop::sample::subsequence((0..9_usize).collect::<Vec<_>>(), 0..9),
        identifiers in Just((0..9_usize).collect::<Vec<_>>()).prop_shuffle(),
        anonymous in prop::collection::vec(prop::bool::weighted(0.2), 9),
        managers in prop::collection::vec(prop::option::of(0..9_usize), 9),
    ) -> Vec<User> {
        let count = addresses.len();
        (0..count)
            .map(|n| {
                let identifier = (!anonymous[n]).then(|| identifiers[n].to_string());
                let manager = managers[n].filter(|&manager| manager < count && manager != n).map(user_id);
                let manager = manager.as_ref().map(UserId::as_str);
                user(user_id(n).as_str(), identifier.as_deref(), &email(addresses[n]), manager)
            })
            .collect()
    }
}

prop_compose! {
    pub(super) fn companies()(
        employees in employees(),
        users in users(),
        bad in prop::collection::vec((prop::option::of(0..9_usize), prop::option::of(0..9_usize), any::<bool>()), 0..2),
        remove in prop::sample::select(vec![Remove::Identified, Remove::All, Remove::None]),
        same_person in any::<bool>(),
        adopt in any::<bool>(),
        protect in prop::option::of(0..9_usize),
    ) -> Company {
        let mut company = Company::new(employees, users);
        for (identifier, address, named) in bad {
            let identifier = identifier.map(|identifier| identifier.to_string());
            let address = address.map(email);
            company = company.aside(bad_record(identifier.as_deref(), address.as_deref(), named.then_some(("P1", "X"))));
        }
        company.policy.remove = remove;
        company.policy.adopt = adopt;
        company.policy.renumber = if same_person { Renumber::SamePerson } else { Renumber::Ask };
        company.policy.protect = Protect::new(&protect.map(email).into_iter().collect::<Vec<_>>());
        company
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    /// Independent operations may run in any order: Skovik refuses none, and a second plan is empty.
    #[test]
    fn every_plan_can_be_carried_out_and_reaches_its_aim(
        company in companies(),
        choices in prop::collection::vec(any::<usize>(), 1..20),
    ) {
        let plan = company.plan();
        let mut account = Account::of(&company.directory);
        carry_out(&plan, &mut account, &choices)?;

        let mut next = company;
        next.directory = directory_after(&next, &account);
        let again = next.plan();
        let settled = plan.content().summary.set_aside == 0
            && plan.content().diagnostics.iter().all(|found| found.code != "delete_withheld");
        if settled {
            prop_assert!(again.content().operations.is_empty(), "still to do: {}", super::company::summary(&again));
        }
        carry_out(&again, &mut account, &choices)?;
    }

    /// A delete never hits a user who has a record or is protected, nor a user that the settings do not let it delete.
    #[test]
    fn a_delete_hits_only_the_absent(company in companies()) {
        let plan = company.plan();
        for operation in &plan.content().operations {
            if let Action::Delete { user_id, before, .. } = &operation.action {
                let user = company.directory.user(user_id).expect("a user who exists");
                prop_assert!(!company.policy.protect.covers(user));
                prop_assert!(company.policy.remove != Remove::None);
                prop_assert!(company.policy.remove == Remove::All || user.identifier.is_some());
                let records = company.desired.employees.iter().map(|e| Some(&e.identifier));
                let records = records.chain(company.desired.set_aside.iter().map(|record| record.identifier.as_ref()));
                prop_assert!(records.flatten().all(|identifier| Some(identifier) != before.external_identifier.as_ref()));
            }
        }
    }

    /// An operation refers to a protected user only as a manager, also if the plan itself creates that user.
    #[test]
    fn protection_holds(company in companies()) {
        for operation in &company.plan().content().operations {
            if let Action::Update { user_id, .. } | Action::Delete { user_id, .. } = &operation.action {
                let user = company.directory.user(user_id).expect("a user who exists");
                prop_assert!(!company.policy.protect.covers(user));
            }
            if let Action::Link { .. } = &operation.action {
                let is_linked = |employee: &&Employee| Some(&employee.identifier) == operation.employee.as_ref();
                let linked = company.desired.employees.iter().find(is_linked).expect("an employee");
                prop_assert!(!company.policy.protect.covers_newcomer(linked));
            }
        }
    }

    /// The order of the records changes nothing that would be written.
    #[test]
    fn the_order_of_the_records_does_not_matter(company in companies(), seed in any::<u64>()) {
        let plan = company.plan();
        let mut shuffled = company;
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled.desired.employees);
        let again = shuffled.plan();
        prop_assert_eq!(&plan.content().operations, &again.content().operations);
        prop_assert_eq!(plan.content().summary, again.content().summary);
    }

    /// A plan that is written and read again is the same plan, and every changed byte is detected.
    #[test]
    fn a_plan_survives_its_file(company in companies(), place in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
        let plan = company.plan();
        let mut text = Vec::new();
        plan.write(&mut text).expect("memory takes everything");
        prop_assert_eq!(&Plan::read(&text).expect("a plan"), &plan);
        let place = place.index(text.len());
        let before = std::mem::replace(&mut text[place], byte);
        let read = Plan::read(&text);
        // With a blank at its end the file has not the usual layout.
        let other = Plan::read(&[&text[..], b" "].concat());
        // Where a file ends too early is not the same place with a blank more.
        let said = |read: &Result<Plan, PlanError>| match read {
            Err(PlanError::Malformed(_)) => "malformed".to_owned(),
            read => format!("{read:?}"),
        };
        prop_assert_eq!(said(&other), said(&read));
        match read {
            // The hash does not cover white space outside of texts.
            Ok(read) => prop_assert!(read == plan && (before == byte || before.is_ascii_whitespace() || byte == b' ')),
            Err(_) => prop_assert!(before != byte),
        }
    }

    /// The guards of every plan match its operations and settings, and no count in them can be changed.
    #[test]
    fn the_guards_follow_from_the_operations(
        company in companies().prop_map(with_every_guard),
        place in any::<prop::sample::Index>(),
        only in any::<prop::sample::Index>(),
    ) {
        let plan = company.plan();
        let content = plan.content();
        prop_assert_eq!(check_guards(content), Ok(()));
        prop_assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, content), None);

        let place = place.index(content.guards.len());
        let found = &content.guards[place];
        type Edit = fn(&mut Vec<GuardResult>, usize);
        // The operations do not tell how many good records there were, nor how many managers could not be found.
        let is_told = ![MIN_EMPLOYEES.id, MAX_UNRESOLVED_PERCENT.id].contains(&found.id.as_str());
        let edits: [(&str, bool, Edit); 8] = [
            ("counts less", found.count > 0 && is_told, |guards, at| guards[at].count -= 1),
            ("is of more", found.subject.is_none() && found.id.ends_with("change_percent"), |guards, at| guards[at].of += 1),
            ("has a higher limit", true, |guards, at| guards[at].limit += 1),
            ("ignores more", true, |guards, at| guards[at].ignore_below = Some(guards[at].ignore_below.unwrap_or(0) + 1)),
            ("is there twice", true, |guards, at| guards.insert(at, guards[at].clone())),
            ("is gone", true, |guards, at| drop(guards.remove(at))),
            ("comes last", place + 1 < content.guards.len() && found.subject.is_none(), |guards, at| {
                let moved = guards.remove(at);
                guards.push(moved);
            }),
            ("is another one", true, |guards, at| guards[at].id = "max_moons".to_owned()),
        ];
        for (what, _, edit) in edits.into_iter().filter(|(_, applies, _)| *applies) {
            let mut forged = content.clone();
            edit(&mut forged.guards, place);
            let noticed = not_as_demanded(&company.limits, &company.policy.managed, &forged).is_some();
            prop_assert!(noticed, "{} {what}: {found:#?}", found.id);
        }

        let employees: Vec<_> = content.operations.iter().filter_map(|operation| operation.employee.clone()).collect();
        if !employees.is_empty() {
            let only = employees[only.index(employees.len())].clone();
            let company = company.with(|company| company.only = [only].into());
            let plan = company.plan();
            prop_assert_eq!(not_as_demanded(&company.limits, &company.policy.managed, plan.content()), None);
        }
    }
}

/// The same company with users in several branches, and a limit for every guard.
fn with_every_guard(company: Company) -> Company {
    company.with(|company| {
        for (place, user) in company.directory.users.iter_mut().enumerate() {
            user.branch = [Some("no"), Some("se"), None][place % 3].map(Into::into);
        }
        company.limits = GUARDS.iter().copied().fold(Limits::default(), |limits, guard| limits.with(guard, 50));
    })
}
