//! Somebody administers the account, whatever others do while an apply runs.

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, Row, user};

fn staff(admins: &[u32]) -> Vec<Value> {
    let one = |number: u32| {
        let mut user = user(number, None);
        if admins.contains(&number) {
            user["attributes"]["roles"] = json!(["employee", "Admin"]);
        }
        user
    };
    (1..=5).map(one).collect()
}

/// Who of them is an admin.
fn admins(account: &Account) -> Vec<&str> {
    let is_admin = |user: &Value| user["attributes"]["roles"].to_string().contains("Admin");
    account.users.iter().filter(|(_, user)| is_admin(user)).map(|(id, _)| id.as_str()).collect()
}

/// 4 is an admin who stays until `when`; then somebody takes the role away, or deletes them.
async fn another_goes(
    admins: &[u32],
    rows: &[Row],
    target: &str,
    is_deleted: bool,
    when: impl Fn(&Asked<'_>) -> bool + Send + Sync + 'static,
) -> Liar {
    let lie = move |account: &mut Account, asked: &Asked<'_>| {
        if when(asked) && is_deleted {
            account.users.remove("id4");
        } else if when(asked)
            && let Some(other) = account.users.get_mut("id4")
        {
            other["attributes"]["roles"] = json!(["employee"]);
        }
        None
    };
    Liar::new(&staff(admins), rows, target, lie).await
}

#[tokio::test]
async fn the_last_admin_stays_if_the_other_one_goes_meanwhile() {
    for is_deleted in [false, true] {
        // 1 gets a manager, and 5 leaves.
        let rows = [(1, Some(2)), (2, None), (3, None), (4, None)];
        let when = |asked: &Asked<'_>| asked.method == "PUT";
        let liar = another_goes(&[4, 5], &rows, "max_in_flight = 1", is_deleted, when).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{ended}");
        assert!(ended.stdout.contains("the user id5 is an admin, and nobody else is known to be one"), "{ended}");
        let account = liar.account();
        assert_eq!((admins(&account), account.came.get("DELETE")), (vec!["id5"], None), "{is_deleted}");
    }
}

/// Each removal of an admin looks for another one after the one before it has ended.
#[tokio::test]
async fn admins_who_leave_together_do_not_all_rely_on_one_who_goes() {
    for in_flight in [1, 8] {
        let rows = [(1, None), (2, None), (4, None)];
        let when = |asked: &Asked<'_>| asked.method == "DELETE" && asked.nth == 0;
        let liar = another_goes(&[3, 4, 5], &rows, &format!("max_in_flight = {in_flight}"), false, when).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{ended}");
        let account = liar.account();
        assert_eq!((admins(&account).len(), account.came["DELETE"]), (1, 1), "{in_flight}: {ended}");
    }
    // While another one stays, all of them may go.
    let liar = another_goes(&[2, 3, 4, 5], &[(1, None), (2, None)], "max_in_flight = 8", false, |_| false).await;
    assert_eq!(liar.apply().await.code, Some(0));
    assert_eq!(admins(&liar.account()), ["id2"]);
}
