//! The users who tell whether a list of the account is older than what was applied to it lately.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::Recent;
use crate::employee::UserId;
use crate::guard::Kind;
use crate::state::ledger::{Applied, ApplyId};

/// Users to whom applies have done something within the window.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Witnesses<'a> {
    /// Each once, the last ones first.
    pub touched: Vec<Touched<'a>>,
    /// Whether it is not known of somebody whether they were created. No id tells of these.
    pub is_in_doubt: bool,
}

/// A user to whom an apply has done something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched<'a> {
    /// The user's id.
    pub id: &'a UserId,
    /// What the last apply has left of the user.
    pub fate: Fate,
}

/// What an apply has left of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The user was made or changed.
    There,
    /// The user was deleted, or made inactive, and no list at the end has shown that.
    SaidGone,
    /// The same, and a list has shown it.
    Gone,
}

impl Recent {
    /// The users who tell whether a list is an old one; but for what one apply has done, which its own journal tells.
    #[must_use]
    pub fn witnesses(&self, but: Option<ApplyId>) -> Witnesses<'_> {
        let counts = |applied: &&Applied| applied.at >= self.since && Some(applied.apply) != but;
        let mut all: Vec<&Applied> = self.applied.iter().filter(counts).collect();
        all.sort_by_key(|applied| Reverse(applied.at));
        let is_in_doubt = all.iter().any(|applied| applied.kind == Kind::Create && applied.user_id.is_none());
        let mut seen = HashSet::new();
        let last = all.into_iter().filter_map(|applied| Some((applied.user_id.as_ref()?, applied)));
        let touched = last.filter(|(id, _)| seen.insert(*id)).map(|(id, last)| Touched { id, fate: fate(last) });
        let touched = touched.collect();
        Witnesses { touched, is_in_doubt }
    }
}

fn fate(last: &Applied) -> Fate {
    match last.kind {
        Kind::Create | Kind::Update => Fate::There,
        Kind::Delete if last.unconfirmed => Fate::SaidGone,
        Kind::Delete => Fate::Gone,
    }
}
