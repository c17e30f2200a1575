//! What an undo calls people whom it does not take back: an operation of theirs is in doubt, or Skovik stored something
//! else than it said. Only the name that Skovik stored may be shown, or none: any other would be stale for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::liar::{Account, Asked, Liar, Row, user};
use crate::target::script::{Reply, json as reply};

/// What the server does with the new name of the manager 8, or with that of the new manager 20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// It says that it stored the name, and has the old one.
    NotStored,
    /// It says that it stored the name, and has another.
    StoredOtherwise,
    /// No answer comes, and no list.
    InDoubt { is_stored: bool },
    /// It stores and tells only the first name, and no list comes.
    StoredInPart,
    /// It says that it deleted the manager.
    NotDeleted,
    /// It stores another name of the new manager than it says.
    MadeOtherwise,
}

fn staff() -> Vec<Value> {
    let mut staff = vec![user(1, None), user(4, Some(8)), user(5, Some(1)), user(8, None)];
    staff[3]["attributes"]["first_name"] = json!("Old");
    staff[3]["attributes"]["last_name"] = json!("Name");
    staff
}

impl Lie {
    fn rows(self) -> Vec<Row> {
        match self {
            Self::NotDeleted => vec![(1, None), (4, Some(1)), (5, Some(1))],
            Self::MadeOtherwise => vec![(1, None), (4, Some(1)), (5, Some(20)), (8, None), (20, None)],
            _ => vec![(1, None), (4, Some(1)), (5, Some(8)), (8, None)],
        }
    }

    fn answer(self, account: &mut Account, asked: &Asked<'_>, is_sent: &AtomicBool) -> Option<Reply> {
        if asked.method == "GET" {
            let is_cut = matches!(self, Self::InDoubt { .. } | Self::StoredInPart) && is_sent.load(Ordering::SeqCst);
            return is_cut.then(|| reply(500, ""));
        }
        let is_lied_about = match self {
            Self::MadeOtherwise => asked.method == "POST",
            Self::NotDeleted => asked.method == "DELETE",
            _ => asked.method == "PUT" && asked.path == "/users/id8",
        };
        if !is_lied_about || is_sent.swap(true, Ordering::SeqCst) {
            return None;
        }
        let before = account.users["id8"].clone();
        let said = account.honest(asked);
        let stored = match self {
            Self::MadeOtherwise => "new1",
            _ => "id8",
        };
        match self {
            Self::NotStored | Self::NotDeleted | Self::InDoubt { is_stored: false } => {
                account.users.insert(stored.to_owned(), before);
            }
            Self::StoredOtherwise | Self::MadeOtherwise => {
                account.users.get_mut(stored).expect("stored")["attributes"]["last_name"] = json!("Odd");
            }
            Self::StoredInPart => {
                let user = account.users.get_mut(stored).expect("stored");
                user["attributes"]["last_name"] = json!("Name");
                return Some(reply(200, json!({"data": user}).to_string()));
            }
            Self::InDoubt { is_stored: true } => {}
        }
        Some(if matches!(self, Self::InDoubt { .. }) { Reply::Raw(String::new()) } else { said })
    }

    /// What the undo calls that manager.
    fn label(self) -> [Value; 2] {
        match self {
            Self::NotStored | Self::NotDeleted => [json!("8"), json!("Old Name")],
            Self::StoredOtherwise => [json!("8"), json!("First8 Odd")],
            Self::InDoubt { .. } => [Value::Null, json!("")],
            Self::StoredInPart => [json!("8"), json!("First8 Name")],
            Self::MadeOtherwise => [json!("20"), json!("First20 Odd")],
        }
    }
}

#[tokio::test]
async fn an_undo_calls_managers_as_skovik_does() {
    let lies = [
        Lie::NotStored,
        Lie::StoredOtherwise,
        Lie::InDoubt { is_stored: false },
        Lie::InDoubt { is_stored: true },
        Lie::StoredInPart,
        Lie::NotDeleted,
        Lie::MadeOtherwise,
    ];
    for lie in lies {
        let (is_sent, is_later) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let later = Arc::clone(&is_later);
        let answer = move |account: &mut Account, asked: &Asked<'_>| {
            if later.load(Ordering::SeqCst) { None } else { lie.answer(account, asked, &is_sent) }
        };
        let liar = Liar::new(&staff(), &lie.rows(), "max_in_flight = 1", answer).await;
        let ended = liar.apply().await;
        assert_eq!(ended.code, Some(9), "{lie:?} {ended}");
        is_later.store(true, Ordering::SeqCst);
        let undone = liar.run(&["undo", "plan.json", "-o", "undo.json"]).await;
        assert!(matches!(undone.code, Some(0 | 5)), "{lie:?} {undone}");
        let undo: Value = serde_json::from_str(&liar.read("undo.json")).expect("JSON");
        let operations = undo["operations"].as_array().expect("a list");
        let changes = operations.iter().filter_map(|operation| operation["changes"].as_array()).flatten();
        let managers = changes.filter(|change| change["field"] == "manager").flat_map(|change| {
            [&change["before"], &change["after"]].map(|manager| [manager["employee"].clone(), manager["name"].clone()])
        });
        let managers: Vec<[Value; 2]> =
            managers.filter(|[_, name]| !name.is_null() && *name != "First1 Last1").collect();
        assert!(managers.contains(&lie.label()), "{lie:?} {undo}");
        liar.approve("undo.json").await;
        let ended = liar.run(&["apply", "undo.json"]).await;
        assert_eq!(ended.code, Some(0), "{lie:?} {ended} {undo}");
        let account = liar.account();
        assert_eq!(
            [4, 5].map(|number| account.manager_of(number)),
            [Some("8".to_owned()), Some("1".to_owned())],
            "{lie:?}"
        );
        if lie == Lie::StoredInPart {
            assert_eq!(account.users["id8"]["attributes"]["first_name"], "Old", "{undo}");
        }
    }
}
