//! Which lines of a ledger count, and for how many people.

use super::*;
use crate::state::account_file;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn plan(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn line(second: i64, name: &str, operation: u32, kind: Kind, user: &str) -> Applied {
    Applied {
        at: at(second),
        apply: ApplyId { plan: plan(name), begun: at(0) },
        operation: OperationId(operation),
        kind,
        user_id: Some(user.into()),
        branch: None,
        changed: Vec::new(),
        emptied: Vec::new(),
        in_new_account: false,
        unconfirmed: false,
        reverses: None,
    }
}

fn back(line: Applied, name: &str, operation: u32) -> Applied {
    Applied { reverses: Some(Reversed { plan: plan(name), operation: OperationId(operation) }), ..line }
}

fn counted(lines: &[Applied]) -> Vec<(Digest, u32)> {
    standing(lines.iter()).into_iter().map(|line| (line.apply.plan, line.operation.0)).collect()
}

#[test]
fn what_was_taken_back_does_not_count_until_that_is_taken_back() {
    let one = line(1, "plan", 1, Kind::Delete, "a");
    let two = line(1, "plan", 2, Kind::Delete, "b");
    let undone = back(line(2, "undo", 1, Kind::Create, "c"), "plan", 1);
    let redone = back(line(3, "redo", 1, Kind::Delete, "c"), "undo", 1);
    let again = back(line(4, "again", 1, Kind::Create, "d"), "redo", 1);
    let (first, second) = ((plan("plan"), 1), (plan("plan"), 2));
    let all = [one.clone(), two.clone(), undone.clone(), redone.clone(), again.clone()];
    assert_eq!(counted(&all[..2]), [first, second]);
    assert_eq!(counted(&all[..3]), [second]);
    assert_eq!(counted(&all[..4]), [first, second]);
    assert_eq!(counted(&all), [second]);
    // In whatever order they are found.
    assert_eq!(counted(&[undone.clone(), two, one.clone()]), [second]);
    // What took back something that is long ago counts as what it does.
    assert_eq!(counted(std::slice::from_ref(&undone)), [(plan("undo"), 1)]);
    // The same plan again, after it was taken back.
    let same = Applied { at: at(9), apply: ApplyId { begun: at(8), ..one.apply }, ..one.clone() };
    assert_eq!(counted(&[one, undone, same]), [first]);
}

#[test]
fn guards_count_people_not_lines() {
    let changed = |line: Applied, field: Field| Applied { changed: vec![field.clone()], emptied: vec![field], ..line };
    let lines = [
        changed(line(1, "one", 1, Kind::Update, "a"), Field::Manager),
        changed(line(2, "two", 1, Kind::Update, "a"), Field::LastName),
        line(3, "three", 1, Kind::Delete, "a"),
        line(1, "one", 2, Kind::Create, "b"),
        line(2, "two", 2, Kind::Update, "b"),
        Applied { user_id: None, ..line(2, "two", 3, Kind::Create, "") },
        Applied { user_id: None, ..line(2, "two", 4, Kind::Create, "") },
    ];
    let past = by_user(&lines.iter().collect::<Vec<_>>());
    let kinds: Vec<Vec<Kind>> = past.iter().map(|past| past.done.iter().map(|done| done.kind).collect()).collect();
    let (create, update, delete) = (Kind::Create, Kind::Update, Kind::Delete);
    assert_eq!(kinds, [vec![update, delete], vec![create, update], vec![create], vec![create]]);
    assert_eq!(past[0].done[0].changed, [Field::Manager, Field::LastName]);
    assert_eq!(past[0].done[0].emptied, past[0].done[0].changed);
}

#[test]
fn an_apply_that_was_begun_and_has_no_journal_is_an_error_until_the_window_has_passed() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(&folder.path().join("state"), None).expect("a state");
    let url = "https://api.example.com/v1";
    let apply = ApplyId { plan: plan("plan"), begun: at(100) };
    let mut recent = Recent::read(&state, url, at(50), at(1_000), None).expect("nothing yet");
    assert_eq!(recent.ledger.account(), account_file(url));
    recent.begin(&state, apply, at(100)).expect("written");
    let said = Recent::read(&state, url, at(50), at(1_000), None).expect_err("no journal").to_string();
    assert!(said.contains(&plan("plan").to_string()) && said.contains("its journal is missing"), "{said}");
    assert!(Recent::read(&state, url, at(101), at(1_000), None).is_ok());
}

/// A daily run finds the journal of the day before, which is just older than the window and in the ledger long since.
#[test]
fn what_is_older_than_the_window_is_not_told_as_missing_in_the_ledger() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(&folder.path().join("state"), None).expect("a state");
    let mut recent = Recent::read(&state, "https://api.example.com/v1", at(50), at(1_000), None).expect("nothing yet");
    recent.applied = vec![line(49, "plan", 1, Kind::Delete, "a"), line(50, "plan", 2, Kind::Delete, "b")];
    assert_eq!(recent.from_journals(), 1);
    assert_eq!(recent.memory(86_400, None).past.len(), 1);
}

/// A clock that was behind for a while: what was done then stands behind what was done before, and is no older.
#[test]
fn nothing_was_done_before_what_stands_in_front_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(&folder.path().join("state"), None).expect("a state");
    let url = "https://api.example.com/v1";
    let mut ledger = state.ledger(url, at(0)).expect("nothing yet");
    let lines = [(500, "a"), (100, "b"), (2_000, "c"), (300, "d"), (600, "e")];
    let entry = |(number, (second, user)): (u32, &(i64, &str))| {
        Entry::Applied(line(*second, "plan", number, Kind::Delete, user))
    };
    state.add_to_ledger(&mut ledger, (1..).zip(&lines).map(entry).collect()).expect("written");
    for (since, users) in
        [(0, &["a", "b", "d", "e", "c"][..]), (500, &["a", "b", "d", "e", "c"]), (501, &["d", "e", "c"])]
    {
        let recent = Recent::read(&state, url, at(since), at(1_000), None).expect("read");
        let past = recent.memory(500, None).past;
        assert_eq!(
            past.iter().filter_map(|past| past.user.as_ref().map(UserId::as_str)).collect::<Vec<_>>(),
            users,
            "since {since}"
        );
        assert_eq!(recent.after(at(1_000)), 1, "a line in the future makes no other one future");
    }
}

#[test]
fn whoever_was_touched_within_the_window_tells_of_an_old_list() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = State::open(&folder.path().join("state"), None).expect("a state");
    let mut recent = Recent::read(&state, "https://api.example.com/v1", at(0), at(1_000), None).expect("nothing yet");
    recent.applied = vec![
        line(1, "one", 1, Kind::Create, "a"),
        line(1, "one", 2, Kind::Create, "b"),
        line(1, "one", 3, Kind::Update, "c"),
        line(1, "one", 4, Kind::Delete, "e"),
        line(2, "two", 1, Kind::Delete, "a"),
        line(3, "three", 1, Kind::Update, "b"),
        // The list at the end still had them.
        Applied { unconfirmed: true, ..line(4, "four", 1, Kind::Delete, "d") },
        // Somebody has edited the new user.
        Applied { unconfirmed: true, ..line(5, "five", 1, Kind::Create, "f") },
    ];
    recent.written = recent.applied.len();
    let told = |recent: &Recent, but| {
        let Witnesses { touched, is_in_doubt } = recent.witnesses(but);
        let shown = |user: Touched<'_>| match user.fate {
            Fate::There => user.id.to_string(),
            Fate::SaidGone => format!("{} said", user.id),
            Fate::Gone => format!("{} gone", user.id),
        };
        (touched.into_iter().map(shown).collect::<Vec<_>>().join(", "), is_in_doubt)
    };
    let all = "f, d said, b, a gone, c, e gone".to_owned();
    assert_eq!(told(&recent, None), (all.clone(), false));
    let five = ApplyId { plan: plan("five"), begun: at(0) };
    assert_eq!(told(&recent, Some(five)), (all.replace("f, ", ""), false));
    recent.applied.push(Applied { user_id: None, ..line(6, "six", 1, Kind::Create, "") });
    assert_eq!(told(&recent, None), (all, true));
    // What was read and is older than the window does not count.
    recent.since = at(3);
    assert_eq!(told(&recent, None), ("f, d said, b".to_owned(), true));
}
