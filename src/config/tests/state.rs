//! `[state]`.

use super::*;
use crate::state::Place;

fn state(text: &str) -> Result<StateSettings, ConfigError> {
    parse(&format!("{GOOD}\n[state]\n{text}")).map(|settings| settings.state)
}

#[test]
fn a_state_is_in_a_folder_or_a_store() {
    assert_eq!(parse(GOOD).unwrap().state.place, None);
    for url in ["file:state", "file:/var/lib/state", "file:///var/lib/state"] {
        assert!(matches!(state(&format!("url = {url:?}")).unwrap().place, Some(Place::Folder(_))), "{url}");
    }
    let store = state("url = \"s3://bucket/skovik\"\nlease = \"5s\"").unwrap();
    assert_eq!(store.place, Some(Place::Store("s3://bucket/skovik".parse().unwrap())));
    assert_eq!(store.lease, Duration::from_secs(5));
    let days = |state: StateSettings| state.keep.as_secs() / 86_400;
    assert_eq!((days(store), days(state("keep = \"30d\"").unwrap())), (90, 30));
}

#[test]
fn what_is_no_state_is_refused() {
    for (text, expected) in [
        ("url = \"file:\"", "names no folder"),
        ("url = \"state\"", "must be file:, s3:, az: or gs:"),
        ("url = \"https://bucket\"", "must be file:, s3:, az: or gs:"),
        ("url = \"s3://key:secret@bucket\"", "credentials come from the environment"),
        ("url = \"s3://bucket\"\nlease = \"1s\"", "between \"3s\" and \"10m\""),
        ("lease = \"1h\"", "between \"3s\" and \"10m\""),
        ("keep = \"0d\"", "`keep` in [state]"),
        ("keep = \"soon\"", "such as \"7d\""),
    ] {
        let error = state(text).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("secret@"), "{text}: {error}");
    }
}
