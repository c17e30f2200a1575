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
        assert_eq!(ended.stdout.contains("roles are not told any more"), reads_too, "{ended:?}");
        assert_eq!(liar.account().came["PUT"], 1);
    }
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
