//! A ledger in a folder: what was written is read, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use super::*;

const URL: &str = "https://api.example.com/v1";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn apply() -> ApplyId {
    ApplyId { plan: Digest::of(b"plan"), begun: at(10) }
}

fn applied(second: i64, operation: u32) -> Entry {
    Entry::Applied(Applied {
        at: at(second),
        apply: apply(),
        operation: OperationId(operation),
        kind: Kind::Update,
        user_id: Some("u1".into()),
        branch: Some(None),
        changed: vec![Field::Manager, Field::Custom("cf".into())],
        emptied: vec![Field::Manager],
        in_new_account: false,
        unconfirmed: false,
        reverses: Some(Reversed { plan: Digest::of(b"other"), operation: OperationId(3) }),
    })
}

fn state(folder: &Path) -> State {
    State::open(&folder.join("state"), None).unwrap()
}

fn parts(state: &State) -> PathBuf {
    state.folder().join(folder(&account_file(URL)))
}

/// A ledger of three parts.
fn written(state: &State) -> Vec<Entry> {
    let entries = vec![Entry::Begun { at: at(10), apply: apply() }, applied(20, 1), applied(30, 2)];
    let mut ledger = state.ledger(URL, at(0)).unwrap();
    entries.iter().for_each(|entry| state.add_to_ledger(&mut ledger, vec![entry.clone()]).unwrap());
    entries
}

fn problem(state: &State) -> String {
    state.ledger(URL, at(0)).unwrap_err().to_string()
}

#[test]
fn what_was_written_is_read_as_far_as_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    assert_eq!(state.ledger(URL, at(0)).unwrap().take_entries(), []);
    let entries = written(&state);
    for (since, from) in [(0, 0), (10, 0), (11, 1), (21, 2), (99, 2)] {
        assert_eq!(state.ledger(URL, at(since)).unwrap().take_entries(), entries[from..], "since {since}");
    }
    // It goes on where it ended, however much of it was read; something dated late keeps what is before it in sight.
    let mut ledger = state.ledger(URL, at(99)).unwrap();
    state.add_to_ledger(&mut ledger, vec![applied(500, 3)]).unwrap();
    state.add_to_ledger(&mut ledger, vec![applied(40, 4)]).unwrap();
    assert_eq!(state.ledger(URL, at(0)).unwrap().take_entries().len(), 5);
    assert_eq!(
        state.ledger(URL, at(100)).unwrap().take_entries(),
        [applied(30, 2), applied(500, 3), applied(40, 4)][1..]
    );
    // Another account has nothing of it.
    assert_eq!(state.ledger("https://api.example.com/v2", at(0)).unwrap().take_entries(), []);
    let text = fs::read_to_string(parts(&state).join("00000001")).unwrap();
    assert!(!text.contains('@') && text.lines().count() == 2, "{text}");
}

#[test]
fn many_lines_are_several_parts() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    let entries: Vec<Entry> = (1..30_000).map(|operation| applied(20, operation)).collect();
    let mut ledger = state.ledger(URL, at(0)).unwrap();
    state.add_to_ledger(&mut ledger, entries.clone()).unwrap();
    assert!(fs::read_dir(parts(&state)).unwrap().count() > 2);
    assert_eq!(state.ledger(URL, at(0)).unwrap().take_entries(), entries);
}

#[test]
fn what_was_altered_moved_or_taken_out_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    let edit = |number: usize, edit: &dyn Fn(&str) -> String| {
        let path = parts(&state).join(part_name(number));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, edit(&text)).unwrap();
        let said = problem(&state);
        fs::write(&path, text).unwrap();
        said
    };
    written(&state);
    for (number, change, word) in [
        (1, (&|text: &str| text.replace("update", "create")) as &dyn Fn(&str) -> String, "line 2 is not authentic"),
        (0, &|text| text.replace("\"latest\":\"-", "\"latest\":\"1"), "line 1 is not authentic"),
        (1, &|text| text.lines().next().unwrap().to_owned() + "\n", "the next part does not continue it"),
        (2, &|text| text.lines().next_back().unwrap().to_owned() + "\n", "line 1 is not authentic"),
        (2, &|text| text[..text.len() - 30].to_owned(), "its last line was cut"),
        (2, &|text| text[..text.len() - 1].to_owned(), "its last line was cut"),
        (2, &|text| text[..text.len() - 30].to_owned() + "\n", "line 2 cannot be read; it was altered or cut"),
        (2, &|_| String::new(), "it is empty"),
    ] {
        let said = edit(number, change);
        assert!(said.contains(word) && said.contains("move the ledger of this account away"), "{word}: {said}");
    }
    let (one, two) = (parts(&state).join("00000001"), parts(&state).join("00000002"));
    fs::rename(&one, folder.path().join("one")).unwrap();
    assert!(problem(&state).contains("does not continue it"), "{}", problem(&state));
    fs::rename(&two, &one).unwrap();
    assert!(problem(&state).contains("is not authentic"), "{}", problem(&state));
    fs::rename(folder.path().join("one"), &one).unwrap();
    // What is before the time that is asked for may be gone.
    fs::remove_file(parts(&state).join("00000000")).unwrap();
    assert!(problem(&state).contains("00000000 is damaged: it is missing"), "{}", problem(&state));
    assert_eq!(state.ledger(URL, at(15)).unwrap().take_entries().len(), 1);
}

#[test]
fn the_ledger_of_another_account_or_key_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    written(&state);
    let other = parts(&state).with_file_name(account_file("https://api.example.com/v2"));
    fs::rename(parts(&state), other).unwrap();
    let said = state.ledger("https://api.example.com/v2", at(0)).unwrap_err().to_string();
    assert!(said.contains("is of another account"), "{said}");
}

#[test]
fn two_processes_cannot_both_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    let (mut one, mut other) = (state.ledger(URL, at(0)).unwrap(), state.ledger(URL, at(0)).unwrap());
    state.add_to_ledger(&mut one, vec![applied(20, 1)]).unwrap();
    let error = state.add_to_ledger(&mut other, vec![applied(20, 2)]).unwrap_err();
    assert!(matches!(error, StateError::Io { .. }), "{error}");
    assert_eq!(state.ledger(URL, at(0)).unwrap().take_entries(), [applied(20, 1)]);
}

#[test]
fn no_link_to_a_ledger_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(folder.path());
    let entries = written(&state);
    for linked in [parts(&state), state.folder().join(LEDGERS)] {
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&linked, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &linked).unwrap();
        assert!(matches!(state.ledger(URL, at(0)).unwrap_err(), StateError::Misplaced { .. }));
        // A link to nothing is not a ledger without entries.
        fs::rename(&elsewhere, folder.path().join("away")).unwrap();
        assert!(matches!(state.ledger(URL, at(0)).unwrap_err(), StateError::Misplaced { .. }));
        fs::remove_file(&linked).unwrap();
        fs::rename(folder.path().join("away"), &linked).unwrap();
    }
    assert_eq!(state.ledger(URL, at(0)).unwrap().take_entries(), entries);
}
