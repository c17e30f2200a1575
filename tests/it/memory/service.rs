//! The service itself: who is in it, and what it refuses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(super) const UNITS: [&str; 2] = ["u-no", "u-se"];
pub(super) const EXTRAS: [&str; 3] = ["car", "cost", "note"];

pub(super) type Person = Map<String, Value>;

/// The behaviours in which services differ.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manners {
    /// A move to another unit empties `extra`, even values that are sent along.
    pub(super) a_move_empties_extra: bool,
    /// A boss cannot be deleted.
    pub(super) keeps_bosses: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pub(super) people: BTreeMap<String, Person>,
    pub(super) manners: Manners,
    made: u64,
}

/// Why something is not done.
#[derive(Debug)]
pub(super) enum Problem {
    Unknown,
    Taken(&'static str),
    Wrong(String),
}

impl Service {
    pub(super) fn new(people: Vec<Person>, manners: Manners) -> Self {
        let key = |person: &Person| person["id"].as_str().unwrap_or_default().to_owned();
        Self { people: people.into_iter().map(|person| (key(&person), person)).collect(), manners, made: 0 }
    }

    pub(super) fn create(&mut self, mut body: Person) -> Result<Person, Problem> {
        self.check(&body, None)?;
        self.made += 1;
        let id = format!("n{:06}", self.made);
        body.insert("id".to_owned(), json!(id));
        body.insert("duties".to_owned(), json!([]));
        self.people.insert(id, body.clone());
        Ok(body)
    }

    pub(super) fn change(&mut self, id: &str, body: &Person) -> Result<Person, Problem> {
        let before = self.people.get(id).ok_or(Problem::Unknown)?.clone();
        let mut after = before.clone();
        for (name, value) in body {
            match (name.as_str(), value) {
                ("extra", Value::Object(fields)) => {
                    let extra = after.entry("extra").or_insert_with(|| json!({}));
                    let Some(extra) = extra.as_object_mut() else { return Err(Problem::Wrong("extra".to_owned())) };
                    extra.extend(fields.clone());
                }
                _ => drop(after.insert(name.clone(), value.clone())),
            }
        }
        if self.manners.a_move_empties_extra && before.get("unit") != after.get("unit") {
            after.insert("extra".to_owned(), json!({}));
        }
        self.check(&after, Some(id))?;
        self.people.insert(id.to_owned(), after.clone());
        Ok(after)
    }

    pub(super) fn remove(&mut self, id: &str) -> Result<(), Problem> {
        if !self.people.contains_key(id) {
            return Err(Problem::Unknown);
        }
        let is_boss = |person: &&mut Person| person.get("boss") == Some(&json!(id));
        let reports: Vec<&mut Person> = self.people.values_mut().filter(is_boss).collect();
        if self.manners.keeps_bosses && !reports.is_empty() {
            return Err(Problem::Wrong(format!("{} report to them", reports.len())));
        }
        for report in reports {
            report.insert("boss".to_owned(), Value::Null);
        }
        self.people.remove(id);
        Ok(())
    }

    fn check(&self, person: &Person, own: Option<&str>) -> Result<(), Problem> {
        let others = || self.people.iter().filter(|(id, _)| own != Some(id.as_str())).map(|(_, other)| other);
        let lower = |person: &Person| person["login"].as_str().map(str::to_lowercase);
        if others().any(|other| lower(other) == lower(person)) {
            return Err(Problem::Taken("login"));
        }
        let number = person.get("number").filter(|number| !number.is_null());
        if number.is_some() && others().any(|other| other.get("number") == number) {
            return Err(Problem::Taken("number"));
        }
        match person.get("boss") {
            None | Some(Value::Null) => {}
            Some(Value::String(boss)) if self.people.contains_key(boss) && own != Some(boss) => {}
            Some(boss) => return Err(Problem::Wrong(format!("no such boss: {boss}"))),
        }
        match person.get("unit").and_then(Value::as_str) {
            None => Ok(()),
            Some(unit) if UNITS.contains(&unit) => Ok(()),
            Some(unit) => Err(Problem::Wrong(format!("no such unit: {unit}"))),
        }
    }
}
