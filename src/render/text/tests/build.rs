//! Plans for the tests, made as the core makes them.

use std::collections::BTreeMap;

use super::*;
use crate::employee::CustomValue;

pub(in crate::render) struct PlanBuilder {
    pub(in crate::render) content: Content,
}

impl PlanBuilder {
    pub(in crate::render) fn new(users: u64, managed: u64) -> Self {
        let digest = Digest::of(b"");
        let custom_fields = [("cf_cost_center", "Cost center"), ("cf_company_car", "Company car")];
        let content = Content {
            generator: "skovik-sync 0.1.0".to_owned(),
            config_hash: digest,
            as_of: None,
            only: Vec::new(),
            target: Target {
                kind: "skovik".to_owned(),
                url: "https://api.skovik.com/v1".to_owned(),
                users,
                managed,
                fingerprint: digest,
                anchors: Default::default(),
                custom_fields: custom_fields.map(|(id, name)| (id.into(), name.to_owned())).into(),
                removal: Default::default(),
            },
            sources: vec![source("hr", "csv", 1_200, "trusted")],
            summary: Summary::default(),
            guards: Vec::new(),
            diagnostics: Vec::new(),
            waiting: None,
            operations: Vec::new(),
        };
        Self { content }
    }

    pub(in crate::render) fn source(mut self, name: &str, kind: &str, records: u64, proof: &str) -> Self {
        self.content.sources.push(source(name, kind, records, proof));
        self
    }

    pub(in crate::render) fn unchanged(mut self, count: u64) -> Self {
        self.content.summary.unchanged = count;
        self
    }

    pub(in crate::render) fn set_aside(mut self, count: u64) -> Self {
        self.content.summary.set_aside = count;
        self
    }

    pub(in crate::render) fn guard(self, id: &str, count: u64, of: u64, limit: u64, outcome: GuardOutcome) -> Self {
        self.with_guard(GuardResult::of_whole(id, count, of, limit, outcome))
    }

    pub(in crate::render) fn with_guard(mut self, guard: GuardResult) -> Self {
        self.content.guards.push(guard);
        self
    }

    pub(in crate::render) fn remark(
        mut self,
        severity: Severity,
        code: &str,
        employee: Option<&str>,
        message: &str,
    ) -> Self {
        let employee = employee.map(str::to_owned);
        self.content.diagnostics.push(Diagnostic {
            severity,
            code: code.to_owned(),
            employee,
            message: message.to_owned(),
        });
        self
    }

    pub(in crate::render) fn create(
        self,
        employee: &str,
        name: (&str, &str),
        email: &str,
        manager: Option<ManagerRef>,
    ) -> Self {
        let after = Fields {
            branch: Some(Some(branch_ref("br_se", "SE01", "Example AB"))),
            manager: Some(manager),
            custom_fields: [("cf_cost_center".into(), Some(CustomValue::Text("4100".into())))].into(),
            ..fields(employee, name, email)
        };
        self.operation(Some(employee), &format!("{} {}", name.0, name.1), Action::Create { after: Box::new(after) })
    }

    pub(in crate::render) fn update(self, employee: &str, name: &str, changes: Vec<Change>) -> Self {
        let change = changes.iter().find(|change| change.field == Field::Branch);
        let branch = change.map(|change| match &change.before {
            Some(Value::Branch(branch)) => Some(branch.clone()),
            _ => None,
        });
        let (user_id, before_hash) = ("60e301".into(), Digest::of(b"before"));
        let action = Action::Update { user_id, before_hash, branch, roles: None, changes };
        self.operation(Some(employee), name, action)
    }

    pub(in crate::render) fn delete(self, employee: &str, name: (&str, &str), email: &str) -> Self {
        self.delete_because(employee, name, email, "in no source")
    }

    pub(in crate::render) fn delete_because(
        self,
        employee: &str,
        name: (&str, &str),
        email: &str,
        reason: &str,
    ) -> Self {
        let before = fields(employee, name, email);
        let before_hash = before.hash();
        let full_name = format!("{} {}", name.0, name.1);
        let (user_id, reason) = ("60f301".into(), reason.to_owned());
        let action =
            Action::Delete { user_id, before_hash, before: Box::new(before), roles: None, missing_since: None, reason };
        self.operation(Some(employee), &full_name, action)
    }

    pub(in crate::render) fn operation(mut self, employee: Option<&str>, name: &str, action: Action) -> Self {
        match action {
            Action::Create { .. } => self.content.summary.create += 1,
            Action::Update { .. } => self.content.summary.update += 1,
            Action::Delete { .. } => self.content.summary.delete += 1,
            Action::Link { .. } => {}
        }
        let id = OperationId(u32::try_from(self.content.operations.len()).unwrap() + 1);
        let employee = employee.map(Into::into);
        self.content.operations.push(Operation { id, employee, name: name.into(), depends_on: Vec::new(), action });
        self
    }

    pub(in crate::render) fn seal(self) -> Plan {
        Plan::seal(self.content).unwrap()
    }
}

/// A plan with every kind of operation, of change and of remark.
pub(in crate::render) fn everything_plan() -> Plan {
    let new = |operation, employee: &str, name: &str| {
        Some(ManagerRef::Create(CreateRef {
            create: OperationId(operation),
            employee: employee.into(),
            name: name.into(),
        }))
    };
    let leaver = fields("", ("", ""), "shared@example.com");
    let leaver = Fields { external_identifier: None, ..leaver };
    PlanBuilder::new(1_190, 1_184)
        .source("payroll", "json", 1_198, "expect_records")
        .unchanged(1_150)
        .set_aside(1)
        .create("2001", ("Ana", "García Márquez"), "ana.garcia@example.com", None)
        .create("2002", ("Conor", "O'Brien"), "conor.obrien@example.com", new(1, "2001", "Ana García Márquez"))
        .update(
            "1003",
            "Eva Holm",
            vec![
                change(Field::ExternalIdentifier, None, Some(Value::Text("1003".into()))),
                text_change(Field::PrimaryEmail, "eva.lundgren@example.com", "eva.holm@example.com"),
                text_change(Field::FirstName, "Ewa", "Eva"),
                text_change(Field::LastName, "Lundgren", "Holm"),
                change(
                    Field::Branch,
                    Some(branch("br_se", "SE01", "Example AB")),
                    Some(Value::Branch(BranchRef {
                        branch_id: "br_no".into(),
                        external_identifier: None,
                        name: "Example AS".into(),
                    })),
                ),
                change(
                    Field::Manager,
                    existing("1002", "Bo Lind").map(Value::Manager),
                    new(2, "2002", "Conor O'Brien").map(Value::Manager),
                ),
                change(custom("cf_company_car"), Some(Value::Boolean(false)), Some(Value::Boolean(true))),
                change(custom("cf_cost_center"), Some(Value::Text("4100".into())), None),
                change(custom("cf_unnamed"), None, Some(Value::Text("x".into()))),
            ],
        )
        .update(
            "1004",
            "Finn Dahl",
            vec![change(Field::Manager, existing("1009", "Dora Quist").map(Value::Manager), None)],
        )
        .operation(
            Some("2001"),
            "Ana García Márquez",
            Action::Link { create: OperationId(1), manager: new(2, "2002", "Conor O'Brien").unwrap() },
        )
        .delete("1009", ("Dora", "Quist"), "dora.quist@example.com")
        .operation(
            None,
            "",
            Action::Delete {
                user_id: "60f302".into(),
                before_hash: leaver.hash(),
                before: Box::new(leaver),
                roles: Some(vec!["admin".to_owned(), "exporter".to_owned()]),
                missing_since: None,
                reason: "in no source".to_owned(),
            },
        )
        .guard("max_delete_percent", 2, 1_184, 20, GuardOutcome::Pass)
        .guard("max_change_percent", 4, 1_184, 20, GuardOutcome::Pass)
        .guard("max_invalid_percent", 1, 1_198, 5, GuardOutcome::Pass)
        .guard("min_employees", 1_197, 1_197, 1, GuardOutcome::Pass)
        .remark(Severity::Error, "email_missing", None, "hr row 44 (1044, Gun Wik): no e-mail")
        .remark(
            Severity::Warning,
            "manager_unresolved",
            Some("1004"),
            "manager 9999 is nowhere; Finn Dahl is left without",
        )
        .remark(Severity::Info, "manager_cycle", Some("2001"), "reports in a circle; the manager is linked afterwards")
        .remark(Severity::Info, "branch_unused", None, "the branch \"DE01\" has nobody")
        .seal()
}

pub(in crate::render) fn source(name: &str, kind: &str, records: u64, proof: &str) -> SourceSummary {
    SourceSummary {
        name: name.to_owned(),
        kind: kind.to_owned(),
        records,
        proof: proof.to_owned(),
        fingerprint: Digest::of(name.as_bytes()),
        join: None,
    }
}

pub(in crate::render) fn fields(employee: &str, (first_name, last_name): (&str, &str), email: &str) -> Fields {
    Fields {
        external_identifier: Some(employee.into()),
        primary_email: email.into(),
        first_name: first_name.into(),
        last_name: last_name.into(),
        branch: None,
        manager: None,
        custom_fields: BTreeMap::new(),
    }
}

pub(in crate::render) fn user(employee: &str, name: &str, user_id: &str) -> ManagerRef {
    ManagerRef::User(UserRef { user_id: user_id.into(), employee: Some(employee.into()), name: name.into() })
}

pub(in crate::render) fn existing(employee: &str, name: &str) -> Option<ManagerRef> {
    Some(user(employee, name, "60e300"))
}

pub(in crate::render) fn branch_ref(id: &str, identifier: &str, name: &str) -> BranchRef {
    BranchRef { branch_id: id.into(), external_identifier: Some(identifier.into()), name: name.into() }
}

pub(in crate::render) fn branch(id: &str, identifier: &str, name: &str) -> Value {
    Value::Branch(branch_ref(id, identifier, name))
}

pub(in crate::render) fn custom(id: &str) -> Field {
    Field::Custom(id.into())
}

pub(in crate::render) fn change(field: Field, before: Option<Value>, after: Option<Value>) -> Change {
    Change { field, before, after }
}

pub(in crate::render) fn text_change(field: Field, before: &str, after: &str) -> Change {
    change(field, Some(Value::Text(before.into())), Some(Value::Text(after.into())))
}
