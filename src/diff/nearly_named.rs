//! Finds new people who have nearly the name of a user without a record. With the mailbox at another domain, a word of the
//! name is enough: `Anna Lund <anna.lund@…>` and `Anna Lund-Ek <anna.lund@…>` or `Anna Ek <anna.lund@…>`; or that the mailbox
//! is named after one of them: `Yuliya Lund <yuliya.lund@…>` and `Julia Lundt <yuliya.lund@…>`. With a new identifier and
//! mailbox, one name has two words or all of the other: `Dr. Anna Lund` and `Anna Lund`. They may be one person. A person
//! decides.

use rustc_hash::FxHashMap;

use super::look_alikes::Pair;
use super::outside::is_written_like;
use super::{Claim, Comparison};
use crate::employee::{Employee, User};
use crate::side_by_side::side_by_side;
use crate::text::name_words::name_words;

/// How many users with one mailbox, or with the same two words in their names, a new person is compared with.
const COMPARED: usize = 16;
/// How many words of a name are looked at in pairs.
const WORDS: usize = 6;

impl Comparison<'_> {
    /// Who would be created and may be one of these users without a record. The same name is told of anyway.
    pub(super) fn nearly_named(&self, users: &[u32]) -> Vec<Pair> {
        let mut by_mailbox: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        let mut by_words: FxHashMap<[String; 2], Vec<u32>> = FxHashMap::default();
        for &user in users {
            let described = self.user(user);
            by_mailbox.entry(described.email.local_part()).or_default().push(user);
            for pair in pairs(&described.full_name()) {
                by_words.entry(pair).or_default().push(user);
            }
        }
        let found = side_by_side(self.claims.len() as u32, |range| {
            let new = range.filter(|&index| matches!(self.claims[index as usize], Claim::New | Claim::Inactive(_)));
            let pair = |newcomer: u32| {
                let (user, by) = self.nearly_named_as(self.employee(newcomer), &by_mailbox, &by_words)?;
                Some(Pair { newcomer, user, by: by.into() })
            };
            new.filter_map(pair).collect::<Vec<_>>()
        });
        found.into_iter().flatten().collect()
    }

    /// Who of these users has nearly the name of somebody new, and what they have in common.
    fn nearly_named_as(
        &self,
        employee: &Employee,
        by_mailbox: &FxHashMap<&str, Vec<u32>>,
        by_words: &FxHashMap<[String; 2], Vec<u32>>,
    ) -> Option<(u32, &'static str)> {
        let mut same = by_mailbox.get(employee.email.local_part()).into_iter().flatten().take(COMPARED);
        if let Some(&user) = same.find(|user| is_like(employee, self.user(**user), true)) {
            return Some((user, "has the mailbox and nearly the name of"));
        }
        let words = pairs(&employee.full_name());
        let mut like = words.iter().filter_map(|pair| by_words.get(pair)).flat_map(|users| users.iter().take(COMPARED));
        let user = like.find(|user| is_like(employee, self.user(**user), false))?;
        Some((*user, "has nearly the name of"))
    }
}

/// Whether one name has all words of the other, and more: a title, an initial, a second first or last name. Where the two have
/// one mailbox, also whether that is named after one of them, by two words or by one that the other has, too. With the same
/// domain, it is the same e-mail, which is told of elsewhere.
fn is_like(employee: &Employee, user: &User, has_mailbox: bool) -> bool {
    if is_written_like(&employee.email, &user.email) || employee.name_key() == user.name_key() {
        return false;
    }
    let (new, old) = (name_words(&employee.full_name()), name_words(&user.full_name()));
    // Two words of a name are hardly somebody else's mailbox, however the name is written now.
    let is_named_after = || {
        let mailbox = name_words(user.email.local_part());
        (has_all(&mailbox, &new) || has_all(&mailbox, &old))
            && (mailbox.len() > 1 || new.iter().any(|word| old.contains(word)))
    };
    has_all(&new, &old) || has_all(&old, &new) || has_mailbox && is_named_after()
}

fn has_all(words: &[String], of: &[String]) -> bool {
    !of.is_empty() && of.iter().all(|word| words.contains(word))
}

/// Every two words of a name, of at least two letters each. One word is too little: many people have it.
fn pairs(name: &str) -> Vec<[String; 2]> {
    let mut words = name_words(name);
    words.retain(|word| word.len() > 1);
    words.truncate(WORDS);
    let each = words.iter().enumerate();
    each.flat_map(|(at, one)| words[at + 1..].iter().map(|other| [one.clone(), other.clone()])).collect()
}
