#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;

#[test]
fn no_customer_is_left_out_for_the_case_of_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let add = |name: &str| fs::write(folder.path().join(name), "").unwrap();
    let names = || customers(folder.path()).map(|found| found.into_iter().map(|one| one.name).collect::<Vec<_>>());
    ["globex.toml", "Acme.toml", ".hidden.toml", "...toml", ".toml", "globex.toml.bak", "notes.txt", "toml"]
        .iter()
        .for_each(|name| add(name));
    assert_eq!(names().unwrap(), ["Acme", "globex"]);
    for name in ["initech.TOML", "Initech.Toml", "initech.toml ", "initech. toml"] {
        add(name);
        let error = names().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("must end in .toml"), "{error}");
        fs::remove_file(folder.path().join(name)).unwrap();
    }
}

#[test]
fn whatever_looks_like_settings_is_refused_or_named() {
    let (hidden, other) = (Kind::LeftOut("is a hidden file"), Kind::LeftOut("does not end in .toml"));
    for (name, expected) in [
        ("acme.toml", &Kind::Settings),
        ("acme.old.toml", &Kind::Settings),
        ("a\u{200b}.toml", &Kind::Settings),
        (".toml", &hidden),
        ("..toml", &hidden),
        (".TOML", &hidden),
        (".toml ", &hidden),
        (".acme.toml.swp", &hidden),
        (" .toml", &Kind::Settings),
        ("acme.Toml", &Kind::Misnamed),
        ("acme.toml ", &Kind::Misnamed),
        ("acme.toml\n", &Kind::Misnamed),
        ("acme.toml\u{a0}", &Kind::Misnamed),
        ("acme.to\u{200b}ml", &Kind::Misnamed),
        ("acme.\u{ff54}oml", &Kind::Misnamed),
        ("acme.toml~", &other),
        ("acme.toml.bak", &other),
        ("acme.TOML.1", &other),
        ("toml", &Kind::Other),
        ("notes.txt", &Kind::Other),
    ] {
        assert_eq!(Kind::of(OsStr::new(name)), *expected, "{name:?}");
    }
    use std::os::unix::ffi::OsStrExt as _;
    assert_eq!(Kind::of(OsStr::from_bytes(b"acme\xff.toml")), Kind::Settings);
    assert_eq!(Kind::of(OsStr::from_bytes(b"acme.toml\xff")), other);
}
