//! Which users are never touched, whatever the lists say.

use std::collections::{BTreeMap, BTreeSet};

use crate::employee::{ADMIN, Email, Employee, ExternalIdentifier, User, email_key, normal_text};

/// The `[scope] protect` setting: e-mails, external identifiers, ids and roles, each of which may be a pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protect {
    /// Entries without wildcards, in the form in which e-mails are compared, with the entry as it is written.
    emails: BTreeMap<String, String>,
    /// The same entries in the form in which identifiers and ids are compared.
    names: BTreeMap<String, String>,
    patterns: Vec<Pattern>,
    roles: Vec<Role>,
    /// Whether there is no setting. Then users whom Skovik shows as admins are protected.
    is_default: bool,
}

/// An entry with wildcards: `*` matches any characters, `?` one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    entry: String,
    /// The entry in the form in which e-mails are compared.
    email: String,
    /// The entry in the form in which identifiers and ids are compared.
    name: String,
}

/// An entry `role:…`. Roles compare without case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Role {
    entry: String,
    pattern: String,
}

impl Protect {
    /// Reads the entries. `role:admin` protects everybody with the role `admin`, `*@consultant.example` everybody with
    /// such an e-mail.
    #[must_use]
    pub fn new<S: AsRef<str>>(entries: &[S]) -> Self {
        let mut protect = Self::default();
        for entry in entries.iter().map(|entry| entry.as_ref().trim()) {
            // Editors and other systems write the same letter in different ways.
            let (email, name) = (|| email_key(entry).into_owned(), || normal_text(entry).into_owned());
            match entry.strip_prefix("role:") {
                Some(role) => protect.roles.push(Role::new(entry, role)),
                None if entry.contains(['*', '?']) => {
                    protect.patterns.push(Pattern { entry: entry.to_owned(), email: email(), name: name() });
                }
                None => {
                    protect.emails.insert(email(), entry.to_owned());
                    protect.names.insert(name(), entry.to_owned());
                }
            }
        }
        protect
    }

    /// The setting, or the default without one.
    #[must_use]
    pub fn of_setting(entries: Option<&[String]>) -> Self {
        entries.map_or_else(Self::of_admins, Self::new)
    }

    /// The default without a setting: admins are protected, if the account tells roles.
    #[must_use]
    pub fn of_admins() -> Self {
        Self { roles: vec![Role::new("role:admin", ADMIN)], is_default: true, ..Self::default() }
    }

    /// Whether the settings protect a role. Then a user whose roles are not told cannot be judged.
    #[must_use]
    pub fn needs_roles(&self) -> bool {
        !self.roles.is_empty() && !self.is_default
    }

    /// Whether there is no setting, so that users whom Skovik shows as admins are protected.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.is_default
    }

    /// Whether the user must not be touched. If the settings protect a role, a user whose roles are not told is
    /// protected too: the check must not fail open.
    #[must_use]
    pub fn covers(&self, user: &User) -> bool {
        self.names_user(user)
            || self.patterns.iter().any(|pattern| pattern.covers_user(user))
            || match &user.roles {
                Some(_) => self.roles.iter().any(|role| role.covers(user)),
                None => self.needs_roles(),
            }
    }

    /// Whether a user made for an employee, with no role beyond what everybody has, would be covered.
    #[must_use]
    pub fn covers_newcomer(&self, employee: &Employee) -> bool {
        let Employee { identifier, email, .. } = employee;
        self.emails.contains_key(email.key())
            || self.names.contains_key(identifier.as_str())
            || self.patterns.iter().any(|pattern| pattern.covers(email, Some(identifier)))
    }

    fn names_user(&self, user: &User) -> bool {
        self.literals_of(user).next().is_some()
    }

    /// The entries of the settings that match nobody, as they are written. Most of them are misspelt.
    #[must_use]
    pub fn without_user<'a>(&'a self, users: &[User]) -> Vec<&'a str> {
        let mut literals: BTreeSet<&str> = self.names.values().map(String::as_str).collect();
        let mut patterns: Vec<&Pattern> = self.patterns.iter().collect();
        let mut roles: Vec<&Role> = if self.is_default { Vec::new() } else { self.roles.iter().collect() };
        for user in users {
            if literals.is_empty() && patterns.is_empty() && roles.is_empty() {
                break;
            }
            for entry in self.literals_of(user) {
                literals.remove(entry);
            }
            patterns.retain(|pattern| !pattern.covers_user(user));
            roles.retain(|role| !role.covers(user));
        }
        let patterns = patterns.into_iter().map(|pattern| pattern.entry.as_str());
        let mut left: Vec<&str> =
            literals.into_iter().chain(patterns).chain(roles.into_iter().map(|role| role.entry.as_str())).collect();
        left.sort_unstable();
        left.dedup();
        left
    }

    /// The entries without wildcards that name a user.
    fn literals_of<'a>(&'a self, user: &User) -> impl Iterator<Item = &'a str> + use<'a> {
        let email = if self.emails.is_empty() { None } else { self.emails.get(user.email.key()) };
        let named = |text: &str| if self.names.is_empty() { None } else { self.names.get(&*normal_text(text)) };
        let identifier = user.identifier.as_ref().and_then(|identifier| named(identifier.as_str()));
        [email, identifier, named(user.id.as_str())].into_iter().flatten().map(String::as_str)
    }
}

impl Pattern {
    fn covers_user(&self, user: &User) -> bool {
        self.covers(&user.email, user.identifier.as_ref()) || matches(&self.name, &normal_text(user.id.as_str()))
    }

    fn covers(&self, email: &Email, identifier: Option<&ExternalIdentifier>) -> bool {
        matches(&self.email, email.key())
            || identifier.is_some_and(|identifier| matches(&self.name, &normal_text(identifier.as_str())))
    }
}

impl Role {
    fn new(entry: &str, role: &str) -> Self {
        Self { entry: entry.to_owned(), pattern: without_case(role) }
    }

    fn covers(&self, user: &User) -> bool {
        user.roles.iter().flat_map(|roles| roles.iter()).any(|role| matches(&self.pattern, &without_case(role)))
    }
}

/// A role in the form in which roles are compared.
fn without_case(role: &str) -> String {
    normal_text(&role.to_lowercase()).into_owned()
}

/// Whether a pattern matches a text. It backtracks only to the last `*`, so every pattern is fast.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    // The last `*`, and where the text after its shortest possible match begins.
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[place] => (at, place) = (at + 1, place + 1),
            _ => {
                let Some((of_star, begun)) = star else { return false };
                star = Some((of_star, begun + 1));
                (at, place) = (of_star + 1, begun + 1);
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters_or_for_one() {
        for (pattern, text, expected) in [
            ("*@consultant.example", "eva@consultant.example", true),
            ("*@consultant.example", "eva@consultant.example.org", false),
            ("*@consultant.example", "consultant.example", false),
            ("ext-*-x", "ext-1-x-2-x", true),
            ("ext-*-x", "ext-1-x-2", false),
            ("ext-??", "ext-12", true),
            ("ext-??", "ext-1", false),
            ("*", "", true),
            ("?*", "", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYb", false),
            ("é?", "é李", true),
            ("literal", "literal", true),
            ("literal", "literals", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_that_goes_back_often_is_quick() {
        let (pattern, text) = (format!("{}b", "a*".repeat(500)), "a".repeat(5_000));
        assert!(!matches(&pattern, &text));
    }
}
