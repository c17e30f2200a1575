//! What differs between two plans outside their operations: the summary, the guards, the account and the sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::employee::UserId;
use crate::plan::{
    Content, Day, GuardOutcome, GuardResult, Removal, SourceSummary, Subject, Summary, Target, Waiting, WaitingPerson,
};
use crate::render::shown::only;
use crate::render::text::guards::{figures, guard_name, parts};
use crate::render::text::value::Ids;
use crate::render::text::waiting::{Shown, length};
use crate::text::printable;

/// Something that differs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) what: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// Which fingerprints differ; a redacted copy does not show them.
#[derive(Debug)]
pub(super) struct Data {
    target: bool,
    /// The sources by name.
    sources: BTreeSet<String>,
}

impl Fact {
    pub(super) fn of(what: &str, before: impl ToString, after: impl ToString) -> Self {
        let escaped = |text: String| printable(&text).into_owned();
        Self { what: escaped(what.to_owned()), before: escaped(before.to_string()), after: escaped(after.to_string()) }
    }
}

impl Data {
    pub(super) fn of(old: &Content, new: &Content) -> Self {
        let differs = |source: &&SourceSummary| {
            old.sources.iter().any(|other| other.name == source.name && other.fingerprint != source.fingerprint)
        };
        Self {
            target: old.target.fingerprint != new.target.fingerprint,
            sources: new.sources.iter().filter(differs).map(|source| source.name.clone()).collect(),
        }
    }

    pub(super) fn facts(&self, old: &Content, new: &Content) -> Vec<Fact> {
        let mut facts = Vec::new();
        summary(&mut facts, old.summary, new.summary);
        waiting(&mut facts, old.waiting.as_ref(), new.waiting.as_ref());
        guards(&mut facts, old, new);
        if old.config_hash != new.config_hash {
            facts.push(Fact::of("settings", old.config_hash, new.config_hash));
        }
        if old.as_of != new.as_of {
            let day = |day: Option<Day>| day.map_or_else(|| "any day".to_owned(), |day| day.to_string());
            facts.push(Fact::of("as of", day(old.as_of), day(new.as_of)));
        }
        if old.only != new.only {
            let people = |content: &Content| only(content).unwrap_or_else(|| "everybody".to_owned());
            facts.push(Fact::of("planned for", people(old), people(new)));
        }
        differing(&mut facts, "made by", &old.generator, &new.generator);
        target(&mut facts, &old.target, &new.target);
        if self.target {
            facts.push(Fact::of("data of the account", "another", "this"));
        }
        for (what, before, after) in joined(&old.sources, &new.sources, |source| &source.name) {
            differing(&mut facts, &format!("source {what}"), describe(before), describe(after));
            if self.sources.contains(what) {
                facts.push(Fact::of(&format!("data of source {what}"), "another", "this"));
            }
        }
        facts
    }
}

fn differing<T: PartialEq + ToString>(facts: &mut Vec<Fact>, what: &str, before: T, after: T) {
    if before != after {
        facts.push(Fact::of(what, before, after));
    }
}

fn summary(facts: &mut Vec<Fact>, old: Summary, new: Summary) {
    let Summary { create, update, reactivate, delete, unchanged, set_aside } = old;
    differing(facts, "to create", create, new.create);
    differing(facts, "to reactivate", reactivate, new.reactivate);
    differing(facts, "to update", update, new.update);
    differing(facts, "to delete", delete, new.delete);
    differing(facts, "unchanged", unchanged, new.unchanged);
    differing(facts, "set aside", set_aside, new.set_aside);
}

/// Who waits to be deleted, and until when.
fn waiting(facts: &mut Vec<Fact>, old: Option<&Waiting>, new: Option<&Waiting>) {
    let length_of =
        |waiting: Option<&Waiting>| waiting.map_or_else(|| "at once".to_owned(), |it| length(it.remove_after));
    differing(facts, "removed after", length_of(old), length_of(new));
    let mut people: BTreeMap<&UserId, [Option<&WaitingPerson>; 2]> = BTreeMap::new();
    for (side, waiting) in [old, new].into_iter().enumerate() {
        for person in waiting.iter().flat_map(|waiting| &waiting.people) {
            people.entry(&person.user_id).or_default()[side] = Some(person);
        }
    }
    for [before, after] in people.into_values() {
        let described = |person: Option<&WaitingPerson>| {
            person.map_or_else(|| "(not waiting)".to_owned(), |person| Shown::of(person, Ids::Hidden).line())
        };
        if before != after {
            facts.push(Fact::of("waiting", described(before), described(after)));
        }
    }
}

fn guards(facts: &mut Vec<Fact>, old: &Content, new: &Content) {
    // Two branches or fields may have the same name, and a name may have changed: only the id identifies them.
    let keyed = |content: &'_ Content| -> Vec<(String, GuardResult)> {
        content.guards.iter().map(|guard| (key(guard), guard.clone())).collect()
    };
    let name = |guard: Option<&GuardResult>, content: &Content| {
        guard.map(|guard| guard_name(guard, &content.target, Ids::Hidden))
    };
    let (old_guards, new_guards) = (keyed(old), keyed(new));
    for (_, before, after) in joined(&old_guards, &new_guards, |(key, _)| key) {
        let [before, after] = [before, after].map(|found| found.map(|(_, guard)| guard));
        let [was, is] = [name(before, old), name(after, new)];
        let renamed = was.is_some() && is.is_some() && was != is;
        let id = is.clone().or(was.clone()).unwrap_or_default();
        let describe = |guard: Option<&GuardResult>| match guard {
            None => "(not there)".to_owned(),
            Some(guard) => match guard.outcome {
                GuardOutcome::Pass => format!("{}: pass", figures(guard)),
                GuardOutcome::Block if guard.parts.is_empty() => format!("{}: BLOCKED", figures(guard)),
                GuardOutcome::Block => format!("{}: BLOCKED: {}", figures(guard), parts(guard, Ids::Hidden)),
            },
        };
        let [mut before, mut after] = [describe(before), describe(after)];
        if renamed {
            before = format!("{}: {before}", was.unwrap_or_default());
            after = format!("{}: {after}", is.unwrap_or_default());
        }
        differing(facts, &format!("guard {id}"), before, after);
    }
}

/// Identifies a guard: its id, and the id of the part of the account that it looks at.
fn key(guard: &GuardResult) -> String {
    let part = match &guard.subject {
        None => String::new(),
        Some(Subject::Branch(None)) => " no branch".to_owned(),
        Some(Subject::Branch(Some(branch))) => format!(" branch {}", branch.branch_id),
        Some(Subject::Field(field)) => format!(" field {field}"),
        Some(Subject::Source(source)) => format!(" source {source}"),
    };
    format!("{}{part}", guard.id)
}

fn target(facts: &mut Vec<Fact>, old: &Target, new: &Target) {
    let Target { kind, url, users, managed, fingerprint: _, anchors: _, custom_fields, removal } = old;
    differing(facts, "target", format!("{kind} {url}"), format!("{} {}", new.kind, new.url));
    differing(facts, "users", *users, new.users);
    differing(facts, "managed users", *managed, new.managed);
    differing(facts, "deletes", in_words(*removal), in_words(new.removal));
    if *custom_fields != new.custom_fields {
        let names = |target: &Target| {
            target.custom_fields.iter().map(|(id, name)| format!("{name} ({id})")).collect::<Vec<_>>()
        };
        differing(facts, "custom fields", names(old).join(", "), names(new).join(", "));
    }
}

fn in_words(removal: Removal) -> &'static str {
    match removal {
        Removal::Delete => "remove users",
        Removal::Deactivate => "make users inactive",
    }
}

fn describe(source: Option<&SourceSummary>) -> String {
    match source {
        None => "(not there)".to_owned(),
        Some(SourceSummary { name: _, kind, records, proof, fingerprint: _, join: _ }) => {
            format!("{kind}, {records} records, {proof}")
        }
    }
}

/// Both lists joined by name: first the entries of the new one in its order, then those that are gone.
fn joined<'a, T>(
    old: &'a [T],
    new: &'a [T],
    name: fn(&T) -> &str,
) -> impl Iterator<Item = (&'a str, Option<&'a T>, Option<&'a T>)> {
    let find = move |list: &'a [T], wanted: &str| list.iter().find(|item| name(item) == wanted);
    let there = new.iter().map(move |item| (name(item), find(old, name(item)), Some(item)));
    let gone = old.iter().filter(move |item| find(new, name(item)).is_none());
    there.chain(gone.map(move |item| (name(item), Some(item), None)))
}
