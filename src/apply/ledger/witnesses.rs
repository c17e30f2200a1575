//! The users who tell whether a list of the account is older than what was applied to it lately.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::Recent;
use crate::employee::UserId;
use crate::guard::Kind;
use crate::state::ledger::{Applied, ApplyId};

/// Users whom applies have made, changed or deleted, each once, the last ones first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Witnesses<'a> {
    /// Whom applies have made, and none has deleted since.
    pub made: Vec<&'a UserId>,
    /// Whom applies have made, and deleted since. Not every delete that counts was carried out.
    pub unmade: Vec<&'a UserId>,
    /// All others, if it is not known of somebody whether they were created. No id tells of these.
    pub others: Vec<&'a UserId>,
}

impl Recent {
    /// The users who tell whether a list is an old one; but for what one apply has done, which its own journal tells.
    #[must_use]
    pub fn witnesses(&self, but: Option<ApplyId>) -> Witnesses<'_> {
        let is_other = |applied: &&Applied| Some(applied.apply) != but;
        let mut all: Vec<&Applied> = self.applied.iter().filter(is_other).collect();
        all.sort_by_key(|applied| Reverse(applied.at));
        let made: HashSet<&UserId> = all
            .iter()
            .filter(|applied| applied.kind == Kind::Create)
            .filter_map(|applied| applied.user_id.as_ref())
            .collect();
        let mut last: HashMap<&UserId, Kind> = HashMap::new();
        for applied in all.iter().filter(|applied| applied.kind != Kind::Update) {
            if let Some(id) = &applied.user_id {
                last.entry(id).or_insert(applied.kind);
            }
        }
        // What a journal tells and the ledger lacks may be in doubt.
        let mut unwritten = self.applied.iter().skip(self.written).filter(is_other);
        let is_in_doubt = unwritten.any(|applied| applied.kind == Kind::Create && applied.user_id.is_none());
        let (mut seen, mut witnesses) = (HashSet::new(), Witnesses::default());
        for id in all.into_iter().filter_map(|applied| applied.user_id.as_ref()).filter(|id| seen.insert(*id)) {
            match last.get(id) {
                Some(Kind::Create) => witnesses.made.push(id),
                Some(Kind::Delete) if made.contains(id) => witnesses.unmade.push(id),
                _ if is_in_doubt => witnesses.others.push(id),
                _ => {}
            }
        }
        witnesses
    }
}
