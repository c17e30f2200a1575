//! Managers who are named by another key than their identifier (`refers_to`): finds the identifier for that key.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashSet;

use rustc_hash::FxHashMap;

use crate::employee::{Desired, DesiredManager, Employee, ExternalIdentifier, normal_form};
use crate::text::near::meaning;

/// The person that a key means.
enum Answer<'a> {
    One(Option<&'a ExternalIdentifier>),
    Several,
}

/// All keys by which records can be named as manager.
struct Answers<'a> {
    by_key: FxHashMap<&'a str, Answer<'a>>,
    /// Distinguished names by their normal form, because a directory may spell one name in several ways. Used only if
    /// no record has exactly this spelling.
    by_name: FxHashMap<String, Answer<'a>>,
    /// The keys of records outside the scope; distinguished names also in their normal form.
    out_of_scope: HashSet<Cow<'a, str>>,
    /// Keys by their form without the differences of a near match; `None` if several keys share it. Made when first
    /// needed.
    by_meaning: OnceCell<FxHashMap<String, Option<&'a str>>>,
}

/// Replaces the keys of requested managers by identifiers. `answers` are the keys of the records in scope, with their
/// identifiers; `passed_over` those of records that do not count, which make a key of somebody else mean several.
pub(super) fn settle_managers(
    desired: &mut Desired,
    answers: &[(Box<str>, Option<ExternalIdentifier>)],
    passed_over: &[(Box<str>, Option<ExternalIdentifier>)],
    out_of_scope: &[Box<str>],
) {
    let mut by_key: FxHashMap<&str, Answer<'_>> = FxHashMap::default();
    let mut by_name: FxHashMap<String, Answer<'_>> = FxHashMap::default();
    for (key, identifier) in answers {
        let answer = || Answer::One(identifier.as_ref());
        by_key.entry(key).and_modify(|answer| *answer = Answer::Several).or_insert_with(answer);
        if let Some(name) = normal_form(key) {
            by_name.entry(name).and_modify(|answer| *answer = Answer::Several).or_insert_with(answer);
        }
    }
    for (key, identifier) in passed_over {
        let of_another = |answer: &mut Answer<'_>| {
            if !matches!(answer, Answer::One(one) if *one == identifier.as_ref()) {
                *answer = Answer::Several;
            }
        };
        by_key.get_mut(&**key).map(of_another);
        normal_form(key).and_then(|name| by_name.get_mut(&name)).map(of_another);
    }
    let names = out_of_scope.iter().filter_map(|key| normal_form(key)).map(Cow::Owned);
    let out_of_scope = out_of_scope.iter().map(|key| Cow::Borrowed(&**key)).chain(names).collect();
    let answers = Answers { by_key, by_name, out_of_scope, by_meaning: OnceCell::new() };
    for employee in desired.employees.iter_mut().chain(&mut desired.elsewhere) {
        answers.settle(employee);
    }
}

impl Answers<'_> {
    fn settle(&self, employee: &mut Employee) {
        let DesiredManager::Employee(key) = &employee.manager else { return };
        let key = key.as_str();
        let unresolved = |reason: &str, near: Option<&str>| DesiredManager::Unresolved {
            key: key.into(),
            reason: reason.into(),
            near: near.map(Into::into),
        };
        let name = normal_form(key);
        let by_name = || self.by_name.get(name.as_deref()?);
        let is_outside =
            || self.out_of_scope.contains(key) || name.as_deref().is_some_and(|name| self.out_of_scope.contains(name));
        employee.manager = match self.by_key.get(key).or_else(by_name) {
            Some(Answer::One(Some(identifier))) => DesiredManager::Employee((*identifier).clone()),
            Some(Answer::One(None)) => unresolved("the record that it refers to has no external identifier", None),
            Some(Answer::Several) => unresolved("several records in scope match it", None),
            None if is_outside() => unresolved("the record that matches it is outside [scope] include", None),
            None => unresolved("no record in scope matches it", self.near(key)),
        };
    }

    fn near(&self, key: &str) -> Option<&str> {
        let by_meaning = self.by_meaning.get_or_init(|| {
            let mut by_meaning: FxHashMap<String, Option<&str>> = FxHashMap::default();
            for key in self.by_key.keys() {
                by_meaning.entry(meaning(key)).and_modify(|one| *one = None).or_insert(Some(key));
            }
            by_meaning
        });
        *by_meaning.get(&meaning(key))?
    }
}
