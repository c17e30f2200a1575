//! A list whose rows move up while its pages are read, because another client removes somebody, may skip a user. It does not prove
//! that nobody was created.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::confirmed::{ONE, liar};
use super::liar::{Account, Asked, user_with_id};
use crate::target::script::{Reply, json as reply};

/// A page of one row behind so many others. Nothing tells how many there are.
fn page(account: &Account, behind: usize) -> Reply {
    let rows: Vec<_> = account.users.values().skip(behind).take(1).collect();
    let next = (behind + 1 < account.users.len()).then(|| format!("/v1/users?behind={}", behind + 1));
    reply(200, json!({"data": rows, "links": {"next": next}}).to_string())
}

/// How many rows come before the page that is asked for.
fn behind(asked: &Asked<'_>) -> Option<usize> {
    if asked.method != "GET" || asked.path != "/users" {
        return None;
    }
    Some(asked.query.strip_prefix("behind=").map_or(0, |behind| behind.parse().expect("a number")))
}

/// Carries the first create out and does not say so.
fn silent(account: &mut Account, asked: &Asked<'_>) -> Option<Reply> {
    (asked.method == "POST" && asked.nth == 0).then(|| {
        account.store_new(&asked.body);
        reply(500, "")
    })
}

#[tokio::test]
async fn a_list_during_which_somebody_was_removed_does_not_prove_that_nobody_was_created() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        let Some(behind) = behind(asked) else { return silent(account, asked) };
        let page = page(account, behind);
        // The next page begins where the newcomer would be, who moves to this one.
        if account.came.contains_key("POST") && behind == 2 {
            account.users.remove("id3");
        }
        Some(page)
    };
    let liar = liar(&ONE, lie).await;
    let ended = liar.apply().await;
    assert_eq!(liar.account().came["POST"], 1, "it is not sent again: {ended:?}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(liar.account().users.len(), 3, "{ended:?}");
}

/// Somebody is made and removed during every list, so that also a total would be the same on all pages.
#[tokio::test]
async fn lists_during_each_of_which_somebody_is_removed_prove_nothing() {
    let (is_calm, lists) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let calm = Arc::clone(&is_calm);
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        let Some(behind) = behind(asked) else { return silent(account, asked) };
        if calm.load(Ordering::Relaxed) || !account.came.contains_key("POST") {
            return Some(page(account, behind));
        }
        if behind == 0 {
            let guest = format!("a{}", lists.fetch_add(1, Ordering::Relaxed));
            account.users.insert(guest.clone(), user_with_id(&guest, 77, None));
        }
        let page = page(account, behind);
        if behind + 2 == account.users.len() {
            account.users.pop_first();
        }
        Some(page)
    };
    let liar = liar(&ONE, lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stderr.contains("users were removed while the list was read"), "{ended:?}");
    assert_eq!(liar.account().came["POST"], 1, "it is not sent again: {ended:?}");
    is_calm.store(true, Ordering::Relaxed);
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(liar.account().came["POST"], 1, "it is not sent again: {ended:?}");
}

/// Where nobody is removed, two lists prove that the create had no effect.
#[tokio::test]
async fn two_lists_that_have_the_same_people_prove_that_nobody_was_created() {
    let lie = |account: &mut Account, asked: &Asked<'_>| match behind(asked) {
        Some(behind) => Some(page(account, behind)),
        None => (asked.method == "POST" && asked.nth == 0).then(|| reply(500, "")),
    };
    let liar = liar(&ONE, lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(liar.account().came["POST"], 2, "{ended:?}");
    assert_eq!(liar.account().users.len(), 4, "{ended:?}");
}
