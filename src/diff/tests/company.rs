//! Small companies for tests, one line for each person.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diff::{Policy, Protect, Remove, Renumber};
use crate::employee::{
    Branch, BranchId, CustomField, CustomFieldId, CustomFieldKind, CustomValue, Desired, DesiredManager, Directory,
    Employee, ExternalIdentifier, Managed, Origin, SetAside, User, UserId,
};
use crate::guard::{Join, Limits, RecentPast};
use crate::plan::{Content, Digest, Input, NoPlan, Plan};

/// A company and its account, to make a plan from.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) desired: Desired,
    pub(crate) directory: Directory,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) joins: Vec<Join>,
    pub(crate) memory: RecentPast,
    pub(crate) only: BTreeSet<ExternalIdentifier>,
    pub(crate) managers_must_resolve: bool,
    pub(crate) records_must_be_valid: bool,
}

pub(crate) fn employee(identifier: &str, email: &str, manager: Option<&str>) -> Employee {
    let (first, last) = names(email);
    Employee {
        identifier: identifier.into(),
        email: email.into(),
        first_name: first.into(),
        last_name: last.into(),
        branch: Some("se".into()),
        manager: manager.map_or(DesiredManager::Nobody, |manager| DesiredManager::Employee(manager.into())),
        custom_fields: [None].into(),
        origin: origin(),
    }
}

/// The person whose name was `was`'s, with another e-mail.
pub(crate) fn moved(identifier: &str, was: &str, email: &str, manager: Option<&str>) -> Employee {
    Employee { email: email.into(), ..employee(identifier, was, manager) }
}

pub(crate) fn user(id: &str, identifier: Option<&str>, email: &str, manager: Option<&str>) -> User {
    let (first, last) = names(email);
    User {
        id: id.into(),
        identifier: identifier.map(Into::into),
        email: email.into(),
        first_name: first.into(),
        last_name: last.into(),
        branch: Some("se".into()),
        manager: manager.map(Into::into),
        custom_fields: [None].into(),
        roles: Some([].into()),
    }
}

pub(crate) fn bad_record(identifier: Option<&str>, email: Option<&str>, name: Option<(&str, &str)>) -> SetAside {
    SetAside {
        identifier: identifier.map(Into::into),
        email: email.map(Into::into),
        first_name: name.map(|(first, _)| first.into()),
        last_name: name.map(|(_, last)| last.into()),
        origin: origin(),
        code: "branch_unknown",
        reason: "no branch has the external identifier or name \"XX\"".to_owned(),
    }
}

pub(crate) fn origin() -> Origin {
    Origin { source: Arc::from("hr"), row: 2 }
}

/// `anna.berg@…` is Anna Berg.
pub(crate) fn names(email: &str) -> (String, String) {
    let local = email.split('@').next().unwrap_or_default();
    let (first, last) = local.split_once('.').unwrap_or((local, "Berg"));
    let capital = |text: &str| {
        let mut chars = text.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    (capital(first), capital(last))
}

pub(crate) fn text(value: &str) -> Option<CustomValue> {
    Some(CustomValue::Text(value.into()))
}

/// Why a plan file with this content is refused.
#[track_caller]
pub(crate) fn refusal(content: Content) -> String {
    let mut file = Vec::new();
    Plan::seal(content).expect("sealed").write(&mut file).expect("written");
    Plan::read(&file).expect_err("noticed").to_string()
}

impl Company {
    pub(crate) fn new(employees: Vec<Employee>, mut users: Vec<User>) -> Self {
        users.sort_by(|a, b| a.id.cmp(&b.id));
        let branch = |id: &str, identifier: &str| Branch {
            id: BranchId::from(id),
            name: format!("Example {identifier}").into(),
            identifier: Some(identifier.into()),
        };
        Self {
            desired: Desired { in_scope: employees.len() as u64, employees, ..Desired::default() },
            directory: Directory {
                users,
                inactive: Vec::new(),
                unproven: Vec::new(),
                branches: vec![branch("no", "NO01"), branch("se", "SE01")],
                custom_fields: vec![CustomField {
                    id: CustomFieldId::from("cf_cc"),
                    name: "Cost center".into(),
                    kind: CustomFieldKind::Text,
                }],
            },
            policy: Policy {
                managed: Managed { branch: true, manager: true, custom_fields: vec![CustomFieldId::from("cf_cc")] },
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
            limits: Limits::default(),
            joins: Vec::new(),
            memory: RecentPast::none(),
            only: BTreeSet::new(),
            managers_must_resolve: false,
            records_must_be_valid: false,
        }
    }

    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    pub(crate) fn aside(mut self, record: SetAside) -> Self {
        self.desired.in_scope += 1;
        self.desired.set_aside.push(record);
        self
    }

    pub(crate) fn try_plan(&self) -> Result<Plan, NoPlan> {
        Plan::make(Input {
            desired: &self.desired,
            directory: &self.directory,
            policy: &self.policy,
            limits: &self.limits,
            memory: &self.memory,
            joins: &self.joins,
            managers_must_resolve: self.managers_must_resolve,
            records_must_be_valid: self.records_must_be_valid,
            only: &self.only,
            kind: "skovik",
            url: "https://api.example.com/v1",
            removal: Default::default(),
            fingerprint: Digest::of(b"users"),
            sources: Vec::new(),
            config_hash: Digest::of(b"settings"),
            as_of: None,
        })
    }

    pub(crate) fn plan(&self) -> Plan {
        self.try_plan().expect("a plan")
    }

    /// The plan in a few lines: first the operations, then the diagnostics with their codes and people.
    pub(crate) fn summary(&self) -> String {
        summary(&self.plan())
    }
}

pub(crate) fn summary(plan: &Plan) -> String {
    use crate::plan::{Action, ManagerRef, Value};
    use std::fmt::Write as _;
    let reference = |manager: &ManagerRef| match manager {
        ManagerRef::User(user) => format!("user {}", user.user_id),
        ManagerRef::Create(create) => format!("operation {}", create.create),
    };
    let value = |value: &Option<Value>| match value {
        None => "-".to_owned(),
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Boolean(value)) => value.to_string(),
        Some(Value::Branch(branch)) => branch.branch_id.to_string(),
        Some(Value::Manager(manager)) => reference(manager),
    };
    let mut out = String::new();
    for operation in &plan.content().operations {
        let who = operation.employee.as_ref().map_or("-", |employee| employee.as_str());
        let _ = write!(out, "{} {} {who}", operation.id, operation.action.name());
        match &operation.action {
            Action::Create { after } => {
                if let Some(Some(manager)) = &after.manager {
                    let _ = write!(out, " manager: {}", reference(manager));
                }
            }
            Action::Update { user_id, changes, .. } => {
                let _ = write!(out, " {user_id}");
                for change in changes {
                    let _ = write!(out, ", {}: {} → {}", change.field, value(&change.before), value(&change.after));
                }
            }
            Action::Link { manager, .. } => {
                let _ = write!(out, " manager: {}", reference(manager));
            }
            Action::Delete { user_id, reason, .. } => {
                let _ = write!(out, " {user_id} ({reason})");
            }
        }
        if !operation.depends_on.is_empty() {
            let needed: Vec<_> = operation.depends_on.iter().map(ToString::to_string).collect();
            let _ = write!(out, " after {}", needed.join(", "));
        }
        out.push('\n');
    }
    // The changes show the lost values already; `guards` tests this diagnostic.
    for found in plan.content().diagnostics.iter().filter(|found| found.code != "values_lost") {
        let _ = writeln!(out, "{} {}", found.code, found.employee.as_deref().unwrap_or("-"));
    }
    out
}

/// A user id by its number.
pub(crate) fn user_id(number: usize) -> UserId {
    UserId::from(format!("u{number}"))
}

/// E-mails of three people.
pub(crate) const ANNA: &str = "anna.berg@example.com";
pub(crate) const BEN: &str = "ben.holm@example.com";
pub(crate) const CARLA: &str = "carla.vik@example.com";

/// The company of these people and users.
pub(crate) fn company(employees: impl Into<Vec<Employee>>, users: impl Into<Vec<User>>) -> Company {
    Company::new(employees.into(), users.into())
}

/// Compares the operations and the diagnostics with the expected ones.
/// A company that makes inactive users active again.
pub(crate) fn reactivating(employees: Vec<Employee>, users: Vec<User>, inactive: Vec<User>) -> Company {
    company(employees, users).with(|company| {
        company.policy.reactivate = true;
        company.policy.leavers_keep_emails = true;
        company.directory.inactive = inactive;
    })
}

#[track_caller]
pub(crate) fn assert_plan(company: &Company, expected: &[&str]) {
    let summary = company.summary();
    assert_eq!(summary.lines().collect::<Vec<_>>(), expected, "the plan was:\n{summary}");
}
