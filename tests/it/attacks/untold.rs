//! What one answer tells of a user and another does not.

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, user};
use crate::target::script;

/// The user as held, without the roles.
fn without_roles(account: &Account) -> script::Reply {
    let mut user = account.users["id2"].clone();
    user["attributes"].as_object_mut().expect("an object").remove("roles");
    script::json(200, json!({"data": user}).to_string())
}

fn staff() -> Vec<Value> {
    vec![user(1, None), user(2, Some(1)), user(3, None)]
}

/// An answer that leaves roles out is looked at once more: what the single read shows then is a loss, whatever the list says.
#[tokio::test]
async fn roles_that_a_read_tells_no_more_are_named() {
    for (reads_too, code) in [(true, 9), (false, 0)] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| match (asked.method, asked.path) {
            ("PUT", "/users/id2") => {
                let _ = account.honest(asked);
                Some(without_roles(account))
            }
            ("GET", "/users/id2") if reads_too && account.came.contains_key("PUT") => Some(without_roles(account)),
            _ => None,
        };
        let rows = [(1, None), (2, Some(3)), (3, None)];
        let liar = Liar::new(&staff(), &rows, "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(ended.stdout.contains("roles are missing now"), reads_too, "{ended:?}");
        assert_eq!(liar.account().came["PUT"], 1);
    }
}

/// Roles that nobody told before a write, and that the answer, the read after it and the list show.
#[tokio::test]
async fn roles_that_appear_in_a_write_are_named() {
    let nobodys = |mut user: Value| {
        user["attributes"].as_object_mut().expect("an object").remove("roles");
        user
    };
    let staff: Vec<Value> = staff().into_iter().map(nobodys).collect();
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "PUT").then(|| {
            let _ = account.honest(asked);
            let user = account.users.get_mut("id2").expect("a user");
            user["attributes"]["roles"] = json!(["employee", "admin"]);
            script::json(200, json!({"data": user}).to_string())
        })
    };
    let rows = [(1, None), (2, Some(3)), (3, None)];
    let liar = Liar::new(&staff, &rows, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("roles are [\"admin\"], and no roles were told before"), "{ended:?}");
}

/// A whole write sends what the read before it showed. What only the list showed would be emptied.
#[tokio::test]
async fn a_read_that_shows_less_than_the_list_is_not_written_back() {
    for (pointer, said) in [
        ("/attributes/phone", "/data/attributes/phone"),
        ("/attributes/custom_fields/cf_x", "/data/attributes/custom_fields/cf_x"),
        ("/relationships/delegate", "/data/relationships/delegate"),
    ] {
        let mut staff = staff();
        staff[1]["attributes"]["phone"] = json!("+46 1");
        staff[1]["attributes"]["custom_fields"]["cf_x"] = json!("kept");
        staff[1]["relationships"]["delegate"] = json!({"data": {"type": "users", "id": "id1"}});
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            let mut user = account.users["id2"].clone();
            let (parent, name) = pointer.rsplit_once('/').expect("a path");
            user.pointer_mut(parent)?.as_object_mut()?.remove(name);
            ((asked.method, asked.path) == ("GET", "/users/id2"))
                .then(|| script::json(200, json!({"data": user}).to_string()))
        };
        let rows = [(1, None), (2, Some(3)), (3, None)];
        let liar = Liar::new(&staff, &rows, "max_in_flight = 1", lie).await;
        let held = liar.account().users["id2"].clone();
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{pointer}: {ended:?}");
        assert!(ended.stdout.contains(&format!("the list of users showed {said} of the user id2")), "{ended:?}");
        assert_eq!(liar.account().writes(), 0);
        assert_eq!(liar.account().users["id2"], held);
    }
}

/// A write gives somebody a role, and its answer shows the roles as before, or none. The read after it shows the new one: the
/// run stops before its next write.
#[tokio::test]
async fn roles_that_only_the_read_after_a_write_shows_stop_the_run() {
    for tells in [true, false] {
        let lie = move |account: &mut Account, asked: &Asked<'_>| {
            (asked.method == "PUT" && asked.path == "/users/id2").then(|| {
                let answer = account.honest(asked);
                let answer = if tells { answer } else { without_roles(account) };
                let user = account.users.get_mut("id2").expect("a user");
                user["attributes"]["roles"] = json!(["employee", "admin"]);
                answer
            })
        };
        let staff = [user(1, None), user(2, Some(4)), user(3, None), user(4, None)];
        // The user is read back because 4 can only be removed after that.
        let rows = [(1, None), (2, Some(1)), (3, Some(1))];
        let liar = Liar::new(&staff, &rows, "max_in_flight = 1", lie).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{ended:?}");
        assert!(ended.stdout.contains("in a write that should not change them"), "{ended:?}");
        assert_eq!(liar.account().writes(), 1, "{ended:?}");
    }
}

/// The same, for a user whom no other operation waits for: an answer that leaves roles out is looked at once more.
#[tokio::test]
async fn roles_that_the_second_look_shows_stop_the_run() {
    let lie = |account: &mut Account, asked: &Asked<'_>| {
        (asked.method == "PUT").then(|| {
            let _ = account.honest(asked);
            let answer = without_roles(account);
            account.users.get_mut("id2").expect("a user")["attributes"]["roles"] = json!(["employee", "admin"]);
            answer
        })
    };
    let rows = [(1, None), (2, Some(3)), (3, Some(1))];
    let liar = Liar::new(&staff(), &rows, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("in a write that should not change them"), "{ended:?}");
    assert_eq!(liar.account().writes(), 1, "{ended:?}");
}

/// A move empties custom fields, and the read after it tells no roles: as before every other write, the user is left alone.
#[tokio::test]
async fn a_user_whose_roles_are_told_no_more_is_not_refilled() {
    let lie = |account: &mut Account, asked: &Asked<'_>| match (asked.method, asked.path) {
        ("PUT", "/users/id2") if asked.nth == 0 => {
            let answer = account.honest(asked);
            account.users.get_mut("id2").expect("a user")["attributes"]["custom_fields"] = json!({});
            Some(answer)
        }
        ("GET", "/users/id2") if account.came.contains_key("PUT") => Some(without_roles(account)),
        _ => None,
    };
    let mut staff = staff();
    staff[1]["relationships"]["branch"]["data"]["id"] = json!("br_2");
    staff[1]["attributes"]["custom_fields"]["cf_x"] = json!("kept");
    let rows = [(1, None), (2, Some(1)), (3, None)];
    let liar = Liar::new(&staff, &rows, "max_in_flight = 1", lie).await;
    let ended = liar.apply().await;
    assert_eq!(ended.code, Some(9), "{ended:?}");
    assert!(ended.stdout.contains("is read with other roles than before, or without them now"), "{ended:?}");
    assert!(ended.stdout.contains("custom_fields.cf_x is gone, it was \"kept\""), "{ended:?}");
    assert_eq!(liar.account().came["PUT"], 1, "{ended:?}");
}
