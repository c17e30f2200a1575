//! Companies for the tests of `apply`: those of the fixtures, a small one with every kind of step, and drawn ones.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skovik_sync::sandbox::Account;

use crate::harness::{self, FIXTURE_URL};
use crate::world::Pace;

/// What a company's lists say, and what its account holds before.
pub(crate) struct Company {
    pub(crate) files: Vec<(&'static str, String)>,
    settings: String,
    snapshot: Vec<u8>,
}

impl Company {
    pub(crate) fn small() -> Self {
        Self {
            files: vec![("employees.csv", include_str!("../../fixtures/small/employees.csv").to_owned())],
            settings: include_str!("../../fixtures/small/skovik-sync.toml").to_owned(),
            snapshot: include_bytes!("../../fixtures/small/users.jsonl").to_vec(),
        }
    }

    pub(crate) fn group() -> Self {
        Self {
            files: vec![
                ("hr.csv", include_str!("../../fixtures/group/hr.csv").to_owned()),
                ("payroll.json", include_str!("../../fixtures/group/payroll.json").to_owned()),
            ],
            settings: include_str!("../../fixtures/group/skovik-sync.toml").to_owned(),
            snapshot: include_bytes!("../../fixtures/group/users.jsonl").to_vec(),
        }
    }

    /// A company of these users and rows.
    pub(crate) fn of(users: &[Value], rows: &[Row]) -> Self {
        Self { files: vec![("employees.csv", csv(rows))], settings: SETTINGS.to_owned(), snapshot: snapshot(users) }
    }

    /// The same with more settings at the end.
    pub(crate) fn with_settings(mut self, more: &str) -> Self {
        self.settings.push_str(more);
        self
    }

    /// The settings for an account at this URL.
    pub(crate) fn settings(&self, url: &str, pace: Pace) -> String {
        let Pace { max_in_flight, retries, timeout_ms } = pace;
        let target = format!(
            "token_file = \"key\"\nmax_in_flight = {max_in_flight}\nretries = {retries}\ntimeout = \"{timeout_ms}ms\""
        );
        self.settings.replace(FIXTURE_URL, url).replace("token_env = \"SKOVIK_TOKEN\"", &target)
    }

    /// The settings for its account by SCIM, at this URL: its first custom field is the cost center.
    pub(crate) fn scim_settings(&self, url: &str, pace: Pace) -> String {
        let target = "kind = \"scim\"\nremove = \"delete\"\nbranches = [\"NO01\", \"SE01\"]";
        let settings = self.settings(url, pace).replace("kind = \"skovik\"", target);
        // SCIM tells no roles.
        let protect = "protect = [\"admin@example.com\"]";
        settings.replace("\"Cost center\"", "custom_field1").replace("protect = [\"role:admin\"]", protect)
    }

    /// Its account as a snapshot of another address.
    pub(crate) fn snapshot_of(&self, url: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.account().save(&mut bytes, url).expect("saved");
        bytes
    }

    pub(crate) fn account(&self) -> Account {
        Account::load(&*self.snapshot).expect("a good seed")
    }
}

/// One line of the company's list.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) identifier: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) branch: &'static str,
    pub(crate) manager: Option<String>,
    pub(crate) cost_center: &'static str,
}

const SETTINGS: &str = r#"
[target]
kind = "skovik"
url = "http://127.0.0.1:8480/v1"
token_env = "SKOVIK_TOKEN"

[[source]]
name = "hr"
kind = "csv"
path = "employees.csv"
key = "id"

[employee]
external_identifier = "{{ hr.id }}"
primary_email = "{{ hr.email }}"
first_name = "{{ hr.first_name }}"
last_name = "{{ hr.last_name }}"
branch = "{{ hr.branch }}"
manager = "{{ hr.manager }}"

[employee.custom_fields]
"Cost center" = "{{ hr.cost_center }}"

[scope]
protect = ["role:admin"]
"#;

pub(crate) fn csv(rows: &[Row]) -> String {
    let mut text = "id,email,first_name,last_name,branch,manager,cost_center\n".to_owned();
    for Row { identifier, email, first_name, last_name, branch, manager, cost_center } in rows {
        let manager = manager.as_deref().unwrap_or_default();
        text += &format!("{identifier},{email},{first_name},{last_name},{branch},{manager},{cost_center}\n");
    }
    text
}

pub(crate) const COST_CENTERS: [&str; 3] = ["4100", "4200", "4300"];
pub(crate) const BRANCHES: [&str; 2] = ["SE01", "NO01"];

pub(crate) fn branch_id(identifier: &str) -> &'static str {
    if identifier == "SE01" { "br_se" } else { "br_no" }
}

fn user_id(number: usize) -> String {
    format!("aaaaaaaa{number:016x}")
}

/// An account with these users, its branches and its custom fields.
fn snapshot(users: &[Value]) -> Vec<u8> {
    let branch = |(id, identifier): (&str, &str)| json!({"type": "branches", "id": id, "attributes": {"name": id, "external_identifier": identifier}});
    let options: Vec<Value> = COST_CENTERS.iter().map(|value| json!({"label": value, "value": value})).collect();
    let field = |(id, name, kind, options): (&str, &str, &str, Vec<Value>)| {
        let attributes = json!({"name": name, "field_type": kind, "options": options});
        json!({"type": "custom-fields", "id": id, "attributes": attributes})
    };
    let fields = [
        ("cf_cost", "Cost center", "multiple_choice", options),
        ("cf_note", "Note", "text", Vec::new()),
        ("cf_car", "Car", "boolean", Vec::new()),
    ];
    harness::snapshot(&[("br_se", "SE01"), ("br_no", "NO01")].map(branch), &fields.map(field), users)
}

/// The user that a row describes, with additional fields that the tool does not manage.
pub(crate) fn user(number: usize, row: &Row, manager: Option<usize>) -> Value {
    let Row { identifier, email, first_name, last_name, branch, manager: _, cost_center } = row;
    json!({"type": "users", "id": user_id(number),
        "attributes": {
            "primary_email": email, "external_identifier": identifier, "first_name": first_name,
            "last_name": last_name, "roles": ["employee"], "locale": "sv", "odd": {"n": 1.50},
            "custom_fields": {"cf_cost": cost_center, "cf_note": format!("note {number}"), "cf_car": number.is_multiple_of(2)},
            "external_metadata": {"k": number.to_string()}},
        "relationships": {
            "manager": {"data": manager.map(|manager| json!({"type": "users", "id": user_id(manager)}))},
            "branch": {"data": {"type": "branches", "id": branch_id(branch)}}}})
}

pub(crate) fn row(number: usize, manager: Option<usize>) -> Row {
    Row {
        identifier: identifier(number),
        email: format!("p{number}@example.com"),
        first_name: format!("First{number}"),
        last_name: format!("Last{number}"),
        branch: BRANCHES[0],
        manager: manager.map(identifier),
        cost_center: COST_CENTERS[0],
    }
}

pub(crate) fn identifier(number: usize) -> String {
    format!("{}", 1000 + number)
}

pub(crate) fn admin() -> Value {
    let mut admin = user(999, &row(999, None), None);
    admin["attributes"]["roles"] = json!(["admin"]);
    admin["attributes"]["external_identifier"] = Value::Null;
    admin["attributes"]["primary_email"] = json!("admin@example.com");
    admin
}

/// Every kind of step, each once or twice: creates under a new manager, a circle of new managers, a branch move, an
/// e-mail that is handed on, an adoption, a manager who leaves while a report moves. The order of writes is
/// the plan's.
pub(crate) fn every_step() -> Company {
    // 1000 leads 1001, 1002 and 1003; 1001 leads 1004 to 1006, 1002 leads 1007.
    let lead = |number: usize| number.checked_sub(1).map(|before| before / 3);
    let mut rows: Vec<Row> = (0..8).map(|number| row(number, lead(number))).collect();
    let mut users: Vec<Value> = vec![admin()];
    users.extend(rows.iter().enumerate().map(|(number, row)| user(number, row, lead(number))));
    // 1002 leaves; 1007, who reports to them, gets the new manager 1020.
    rows.remove(2);
    let at = |rows: &[Row], number| rows.iter().position(|row| row.identifier == identifier(number)).expect("there");
    let seven = at(&rows, 7);
    rows[seven].manager = Some(identifier(20));
    // 1003 moves to the other branch and keeps all custom fields.
    let three = at(&rows, 3);
    rows[three].branch = BRANCHES[1];
    // 1004 marries and takes another e-mail; 1022 takes the old one.
    let four = at(&rows, 4);
    "p4.new@example.com".clone_into(&mut rows[four].email);
    // 1005 was made by hand: without an identifier.
    users[6]["attributes"]["external_identifier"] = Value::Null;
    rows.push(row(20, Some(0)));
    rows.push(Row { email: "p4@example.com".to_owned(), ..row(22, Some(20)) });
    // 1023 and 1024 report to each other.
    rows.extend([row(23, Some(24)), row(24, Some(23))]);
    Company::of(&users, &rows)
}

/// A company and changes to it, drawn from a seed.
pub(crate) fn drawn(rng: &mut fastrand::Rng) -> Company {
    let count = rng.usize(8..20);
    let above: Vec<Option<usize>> = (0..count).map(|n| (n > 0).then(|| rng.usize(0..n))).collect();
    let mut before: Vec<Row> = (0..count).map(|n| row(n, above[n])).collect();
    for row in &mut before {
        row.branch = BRANCHES[rng.usize(0..2)];
        row.cost_center = COST_CENTERS[rng.usize(0..3)];
    }
    let mut users: Vec<Value> = vec![admin()];
    users.extend(before.iter().enumerate().map(|(n, row)| user(n, row, above[n])));
    let leavers: BTreeSet<usize> = (0..count / 4).map(|_| rng.usize(1..count)).collect();
    let stays = |n: &usize| !leavers.contains(n);
    let stayers: Vec<usize> = (0..count).filter(stays).collect();
    // A report who takes the e-mail of the manager who leaves could not be ordered.
    let leads = |n: &usize| above.contains(&Some(*n));
    let mut left_emails: Vec<String> = leavers.iter().filter(|n| !leads(n)).map(|&n| before[n].email.clone()).collect();
    let mut free_emails = Vec::new();
    let mut rows: BTreeMap<usize, Row> = stayers.iter().map(|&n| (n, before[n].clone())).collect();
    for &n in &stayers {
        let person = rows.get_mut(&n).expect("there");
        if above[n].is_some_and(|manager| !stays(&manager)) || rng.u8(..) < 20 {
            // Never below themselves: a smaller number.
            let others: Vec<usize> = stayers.iter().copied().filter(|&other| other < n).collect();
            person.manager = rng.choice(others).map(identifier);
        }
        match rng.u8(0..12) {
            0 => person.last_name.push_str("-New"),
            1 => person.branch = BRANCHES[rng.usize(0..2)],
            2 => person.cost_center = COST_CENTERS[rng.usize(0..3)],
            3 => {
                let email = left_emails.pop().unwrap_or_else(|| format!("p{n}.new@example.com"));
                free_emails.push(std::mem::replace(&mut person.email, email));
            }
            4 => users[n + 1]["attributes"]["external_identifier"] = Value::Null,
            _ => {}
        }
    }
    let newcomers = rng.usize(0..7);
    for n in 0..newcomers {
        let number = 100 + n;
        let manager = match (rng.u8(0..4), n) {
            (0, 1..) => Some(100 + rng.usize(0..n)),
            // Perhaps one another, in a circle.
            (1, _) if newcomers > 1 => Some(100 + (n + 1) % newcomers),
            (2, _) => None,
            _ => rng.choice(stayers.iter().copied()),
        };
        let mut person = row(number, manager);
        person.branch = BRANCHES[rng.usize(0..2)];
        if rng.bool()
            && let Some(email) = free_emails.pop()
        {
            person.email = email;
        }
        rows.insert(number, person);
    }
    Company::of(&users, &rows.into_values().collect::<Vec<_>>())
}
