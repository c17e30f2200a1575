//! How `apply` recognises an account. Its address is not enough: with another API token, the same address is another
//! account.
//!
//! A plan contains the digests of some ids of its account. Skovik's ids never change, so the account of an apply must
//! still have most of them. A digest does not reveal the id.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Digest;
use crate::employee::{BranchId, Directory, UserId};

/// How many ids of each kind are kept.
const KEPT: usize = 16;

/// Digests of ids that the account had when the plan was made, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// Of branches.
    pub branches: Vec<Digest>,
    /// Of users that the plan does not delete.
    pub users: Vec<Digest>,
}

impl Anchors {
    /// Picks ids from the whole account.
    #[must_use]
    pub fn of(directory: &Directory, removed: &HashSet<&UserId>) -> Self {
        let users: Vec<&UserId> =
            directory.users.iter().map(|user| &user.id).filter(|id| !removed.contains(id)).collect();
        let branches: Vec<&BranchId> = directory.branches.iter().map(|branch| &branch.id).collect();
        Self {
            branches: spread(&branches, |id| digest("branch", id.as_str())),
            users: spread(&users, |id| digest("user", id.as_str())),
        }
    }

    /// Whether an account is the one that these come from: at least half of the ids of each kind are still there.
    #[must_use]
    pub fn recognise(&self, directory: &Directory) -> bool {
        let Self { branches, users } = self;
        let live_branches = directory.branches.iter().map(|branch| digest("branch", branch.id.as_str()));
        let live_users = directory.users.iter().map(|user| digest("user", user.id.as_str()));
        is_same(branches, live_branches) && is_same(users, live_users)
    }

    /// Whether [`Anchors::of`] can have made them.
    pub(super) fn is_possible(&self) -> bool {
        [&self.branches, &self.users]
            .into_iter()
            .all(|digests| digests.len() <= KEPT && digests.windows(2).all(|pair| pair[0] < pair[1]))
    }
}

fn spread<T>(ids: &[T], digest: impl Fn(&T) -> Digest) -> Vec<Digest> {
    let kept = ids.len().min(KEPT);
    let mut digests: Vec<Digest> = (0..kept).map(|place| digest(&ids[place * ids.len() / kept])).collect();
    digests.sort_unstable();
    digests
}

fn is_same(anchors: &[Digest], live: impl Iterator<Item = Digest>) -> bool {
    if anchors.is_empty() {
        return true;
    }
    let found = live.filter(|digest| anchors.binary_search(digest).is_ok()).count();
    found * 2 >= anchors.len()
}

fn digest(kind: &str, id: &str) -> Digest {
    Digest::of(format!("skovik-sync/anchor\n{kind}\n{id}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::employee::{Branch, User};

    fn account(branches: &[&str], users: impl Iterator<Item = u32>) -> Directory {
        let branch = |id: &&str| Branch { id: (*id).into(), name: "".into(), identifier: None };
        let user = |number: u32| User {
            id: format!("u{number:06}").into(),
            identifier: None,
            email: "".into(),
            first_name: "".into(),
            last_name: "".into(),
            branch: None,
            manager: None,
            custom_fields: Box::new([]),
            roles: None,
        };
        Directory {
            users: users.map(user).collect(),
            branches: branches.iter().map(branch).collect(),
            ..Directory::default()
        }
    }

    #[test]
    fn an_account_is_recognised_by_most_of_its_ids() {
        let planned = account(&["a", "b"], 0..1000);
        let anchors = Anchors::of(&planned, &HashSet::new());
        assert_eq!((anchors.users.len(), anchors.branches.len()), (KEPT, 2));
        assert!(anchors.is_possible());
        for (live, expected) in [
            (account(&["a", "b"], 0..1000), true),
            (account(&["b"], 0..600), true),
            (account(&["a", "b", "c"], 0..5000), true),
            // Another account with a branch of the same id, and the other way round.
            (account(&["a", "b"], 2000..3000), false),
            (account(&["x", "y"], 0..1000), false),
            (account(&["a", "b"], 0..400), false),
            (account(&[], 0..0), false),
        ] {
            assert_eq!(anchors.recognise(&live), expected, "{} users", live.users.len());
        }
    }

    #[test]
    fn whoever_is_removed_is_no_anchor() {
        let planned = account(&[], 0..4);
        let removed: HashSet<&UserId> = planned.users[..3].iter().map(|user| &user.id).collect();
        let anchors = Anchors::of(&planned, &removed);
        assert!(anchors.recognise(&account(&[], 3..4)) && !anchors.recognise(&account(&[], 0..3)));
    }
}
