//! The people whom options such as `--only` and `--same-person` name.

use std::collections::{BTreeSet, HashSet};

use super::BothSides;
use crate::employee::{Desired, ExternalIdentifier, normal_text};
use crate::exit::{ExitStatus, OrRefuse as _};
use crate::text::unescape;

/// The identifiers that a name can mean.
pub(super) struct Named<'a> {
    both: &'a BothSides,
    known: HashSet<&'a str>,
}

impl<'a> Named<'a> {
    /// `asked` says whether an option names anybody.
    pub(super) fn new(both: &'a BothSides, asked: bool) -> Self {
        let known = if asked { identifiers(both).collect() } else { HashSet::new() };
        Self { both, known }
    }

    /// The people with these external identifiers.
    pub(super) fn people(&self, names: &[String]) -> BTreeSet<ExternalIdentifier> {
        names.iter().map(|name| ExternalIdentifier::from(self.meant(name))).collect()
    }

    /// The people with these external identifiers. A name that is nobody's may be a key of the first source.
    ///
    /// # Errors
    /// If a template of the settings is not usable.
    pub(super) fn people_or_keys(&self, names: &[String]) -> anyhow::Result<BTreeSet<ExternalIdentifier>> {
        let names = names.iter().map(|name| self.meant(name));
        let (mut people, keys): (Vec<String>, Vec<String>) = names.partition(|name| self.known.contains(&**name));
        if !keys.is_empty() {
            let BothSides { records, resolved, .. } = self.both;
            let mut nobody: HashSet<String> = keys.into_iter().collect();
            let found = resolved.identifiers_of(records, nobody.clone()).or_refuse(ExitStatus::Usage)?;
            for (key, identifier) in found {
                nobody.remove(&key);
                people.push(identifier.as_str().to_owned());
            }
            people.extend(nobody);
        }
        Ok(people.into_iter().map(ExternalIdentifier::from).collect())
    }

    /// A user may type an identifier as a plan shows it, with escapes, unless an identifier really contains the escape.
    fn meant(&self, name: &str) -> String {
        let name = normal_text(name);
        if self.known.contains(&*name) { name.into_owned() } else { unescape(&name).into_owned() }
    }
}

/// Every external identifier on either side.
fn identifiers(both: &BothSides) -> impl Iterator<Item = &str> {
    let Desired { employees, set_aside, elsewhere, .. } = &both.desired;
    let good = employees.iter().chain(elsewhere).map(|employee| &employee.identifier);
    let bad = set_aside.iter().filter_map(|record| record.identifier.as_ref());
    let users = both.directory.users.iter().filter_map(|user| user.identifier.as_ref());
    good.chain(bad).chain(users).map(ExternalIdentifier::as_str)
}
