//! Companies of any size whose plans have everything: each tenth change is a removal, three are new, six differ.

use std::collections::BTreeSet;
use std::sync::Arc;

use skovik_sync::diff::{Policy, Protect, Remove, Renumber};
use skovik_sync::employee::{
    Branch, BranchId, CustomField, CustomFieldKind, CustomValue, Desired, DesiredManager, Directory, Employee, Managed,
    Origin, SetAside, User, UserId,
};
use skovik_sync::guard::{Limits, MAX_CREATES, RecentPast};
use skovik_sync::plan::{Digest, Input, Plan, SourceSummary};

const FIRST: [&str; 12] =
    ["Anna", "Åsa", "Đặng", "李", "Conor", "Zoë", "José", "Łukasz", "Fatıma", "Eva", "Günther", "Sören"];
const LAST: [&str; 13] = [
    "Berg",
    "O'Brien",
    "García Márquez",
    "Müßig",
    "小龙",
    "Dvořák",
    "Lundgren",
    "van der Berg",
    "Nguyễn",
    "Øst",
    "Quist",
    "Holm",
    "Lind",
];
const BRANCHES: [(&str, &str, &str); 4] = [
    ("br_de", "DE01", "Example GmbH"),
    ("br_no", "NO01", "Example AS"),
    ("br_se", "SE01", "Example AB"),
    ("br_uk", "UK01", "Example Ltd | Holdings"),
];

/// What happens to a person.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Stays,
    Comes,
    Goes,
    Changes(usize),
}

/// A company in which so many people change, and as many times more as `stride` says do not.
#[derive(Clone, Copy)]
pub(crate) struct Company {
    pub(crate) changes: usize,
    pub(crate) stride: usize,
}

impl Company {
    /// A company that no guard blocks.
    pub(crate) fn of(changes: usize) -> Self {
        Self { changes, stride: 12 }
    }

    fn fate(self, person: usize) -> Fate {
        if person == 0 || person % self.stride != 1 % self.stride {
            return Fate::Stays;
        }
        match person / self.stride % 10 {
            3 => Fate::Goes,
            0 | 5 | 8 => Fate::Comes,
            _ => Fate::Changes(person / self.stride),
        }
    }

    fn manager(self, person: usize, is_there: impl Fn(Fate) -> bool) -> Option<usize> {
        let mut above = person;
        while above > 0 {
            above = (above - 1) / 4;
            if is_there(self.fate(above)) {
                return Some(above);
            }
        }
        None
    }

    fn employee(self, person: usize) -> Employee {
        let (first, last) = name(person);
        let mut employee = Employee {
            identifier: (1000 + person).to_string().into(),
            email: format!("person{person}@example.com").into(),
            first_name: first.into(),
            last_name: last.into(),
            branch: Some(BRANCHES[person % 7 % 4].0.into()),
            manager: match self.manager(person, |fate| fate != Fate::Goes) {
                Some(manager) => DesiredManager::Employee((1000 + manager).to_string().into()),
                None => DesiredManager::Nobody,
            },
            custom_fields: [Some(CustomValue::Boolean(person.is_multiple_of(3))), text(&format!("4{}00", person % 5))]
                .into(),
            origin: Origin { source: Arc::from("hr"), row: 2 + person as u64 },
        };
        if let Fate::Changes(number) = self.fate(person) {
            match number % 5 {
                0 => employee.last_name = "Nyström-Berg".into(),
                1 => employee.branch = Some(BRANCHES[(person + 1) % 4].0.into()),
                2 => employee.custom_fields[1] = text("9900 Group | \"Shared\" <services>"),
                3 => employee.manager = DesiredManager::Employee("99999".into()),
                _ => {
                    employee.email = format!("new.address{person}@example.com").into();
                    employee.manager = DesiredManager::Nobody;
                    employee.custom_fields = [Some(CustomValue::Boolean(!person.is_multiple_of(3))), None].into();
                }
            }
        }
        employee
    }

    fn user(self, person: usize) -> User {
        let (first, last) = name(person);
        User {
            id: UserId::from(format!("60e3013197cf1666{person:08}")),
            identifier: Some((1000 + person).to_string().into()),
            email: format!("person{person}@example.com").into(),
            first_name: first.into(),
            last_name: last.into(),
            branch: Some(BRANCHES[person % 7 % 4].0.into()),
            manager: self
                .manager(person, |fate| fate != Fate::Comes)
                .map(|manager| UserId::from(format!("60e3013197cf1666{manager:08}"))),
            custom_fields: [Some(CustomValue::Boolean(person.is_multiple_of(3))), text(&format!("4{}00", person % 5))]
                .into(),
            roles: Some([].into()),
        }
    }

    pub(crate) fn plan(self) -> Plan {
        let people = 0..self.changes * self.stride;
        let employees: Vec<_> =
            people.clone().filter(|&n| self.fate(n) != Fate::Goes).map(|n| self.employee(n)).collect();
        let users: Vec<_> = people.filter(|&n| self.fate(n) != Fate::Comes).map(|n| self.user(n)).collect();
        let bad = SetAside {
            identifier: Some("77777".into()),
            email: None,
            first_name: Some("Gun".into()),
            last_name: Some("Wik".into()),
            origin: Origin { source: Arc::from("hr"), row: 44 },
            code: "email_missing",
            reason: "no e-mail".to_owned(),
        };
        let records = employees.len() as u64 + 1;
        let desired = Desired { in_scope: records, employees, set_aside: vec![bad], ..Desired::default() };
        let field = |id: &str, name: &str, kind| CustomField { id: id.into(), name: name.into(), kind };
        let directory = Directory {
            users,
            inactive: Vec::new(),
            unproven: Vec::new(),
            branches: BRANCHES
                .iter()
                .map(|(id, identifier, name)| Branch {
                    id: BranchId::from(*id),
                    name: (*name).into(),
                    identifier: Some((*identifier).into()),
                })
                .collect(),
            custom_fields: vec![
                field("cf_company_car", "Company car", CustomFieldKind::Boolean),
                field("cf_cost_center", "Cost center", CustomFieldKind::Text),
            ],
        };
        let source = |name: &str, proof: &str| SourceSummary {
            name: name.to_owned(),
            kind: "csv".to_owned(),
            records,
            proof: proof.to_owned(),
            fingerprint: Digest::of(name.as_bytes()),
            join: None,
        };
        Plan::make(Input {
            memory: &RecentPast::none(),
            joins: &[],
            desired: &desired,
            directory: &directory,
            policy: &Policy {
                managed: Managed {
                    branch: true,
                    manager: true,
                    custom_fields: vec!["cf_company_car".into(), "cf_cost_center".into()],
                },
                adopt: true,
                renumber: Renumber::Ask,
                same_person: BTreeSet::new(),
                remove: Remove::Identified,
                reactivate: false,
                leavers_keep_emails: false,
                protect: Protect::default(),
                branches: None,
                absences: None,
            },
            limits: &Limits::default().with(&MAX_CREATES, 10_000),
            managers_must_resolve: false,
            records_must_be_valid: false,
            only: &BTreeSet::new(),
            kind: "skovik",
            url: "https://api.skovik.com/v1",
            removal: Default::default(),
            fingerprint: Digest::of(b"users"),
            sources: vec![source("hr", "trusted"), source("payroll", "expect_records")],
            config_hash: Digest::of(b"settings"),
            as_of: None,
        })
        .unwrap()
    }
}

fn text(value: &str) -> Option<CustomValue> {
    Some(CustomValue::Text(value.into()))
}

fn name(person: usize) -> (&'static str, &'static str) {
    (FIRST[person * 7 % FIRST.len()], LAST[person * 5 % LAST.len()])
}
