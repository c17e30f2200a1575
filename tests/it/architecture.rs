//! What docs/architecture.md promises of the sources, held against the sources themselves.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use skovik_sync::guard::GUARDS;

use imports::Imports;

/// All modules, the lowest first: each is a file of this name, and the folder beside it. Each may use itself and those
/// before it. The first row is the core.
const ORDER: [&[&str]; 4] = [
    &[
        "text",
        "threads",
        "side_by_side",
        "strict_json",
        "employee",
        "field",
        "diagnostic",
        "guard",
        "diff",
        "order",
        "plan",
    ],
    &[
        "exit",
        "runtime",
        "quiet",
        "template_cost",
        "files",
        "http",
        "scim",
        "state",
        "setting",
        "source",
        "config",
        "mapping",
        "provider",
    ],
    &["approval", "apply", "render", "runs", "notify", "serve", "sandbox"],
    &["cli", "ui", "commands"],
];
/// Imports that run up against the order all the same, from a module to one above it. No other may come, and one that is
/// gone must leave this list, so that it only becomes shorter.
const UPWARD: [(&str, &str); 0] = [];
/// What does something, or depends on something, that is not in its arguments.
const IMPURE: &str = r"\b(reqwest|tokio|hyper|jiff|tracing|rand|fastrand|tempfile|SystemTime|Instant|async|await|Mutex)\b|\bstd::(env|fs|net|process|time|thread)\b|\be?print(ln)?!|\b(dbg|todo)!|\bio::(stdin|stdout|stderr)\b";
/// Files of the core that start threads and wait for them. What they return does not depend on them.
const THREADS: [&str; 2] = ["side_by_side.rs", "threads.rs"];
const NOTHING: [&str; 0] = [];
/// How many lines a file may have.
const MOST_LINES: usize = 420;
/// Read once: that takes longer than all that is asked of it.
static IMPORTS: LazyLock<Imports> = LazyLock::new(|| Imports::of(&sources()));

fn sources() -> Vec<(String, String)> {
    files("src")
}

/// The files of Rust in a folder and those below it, by their paths in it.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(found.len() > 50, "these are not the files of {}", root.display());
    found.sort();
    found
}

/// Without comments, and without the unit tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let text = text.split("#[cfg(test)]\n#[expect").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The files of the core, without their tests.
fn core() -> Vec<(String, String)> {
    let core = ORDER[0];
    let is_core = |name: &str| {
        core.iter().any(|module| name == format!("{module}.rs") || name.starts_with(&format!("{module}/")))
    };
    let is_test = |name: &str| name.ends_with("/tests.rs") || name.contains("/tests/");
    sources().into_iter().filter(|(name, _)| is_core(name) && !is_test(name)).collect()
}

fn impurities(text: &str) -> Vec<String> {
    Regex::new(IMPURE).unwrap().find_iter(&code(text)).map(|found| found.as_str().to_owned()).collect()
}

#[test]
fn the_core_does_nothing_but_decide() {
    for (name, text) in core() {
        let allowed: &[&str] = if THREADS.contains(&name.as_str()) { &["std::thread"] } else { &[] };
        assert_eq!(impurities(&text), allowed, "src/{name} is part of the core");
    }
}

#[test]
fn every_module_has_its_place_in_the_order() {
    assert_eq!(IMPORTS.top(), ORDER.concat().into_iter().collect(), "the order names other modules than those of src");
}

#[test]
fn no_import_runs_up() {
    let order = ORDER.concat();
    let place = |module: &str| order.iter().position(|known| *known == module);
    let top = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let upward: Vec<(String, &str)> =
        IMPORTS.between_top().filter(|(from, to)| place(&top(from)) < place(to)).collect();
    let known: BTreeSet<(String, &str)> = UPWARD.iter().map(|&(from, to)| (from.to_owned(), to)).collect();
    for (from, to) in &upward {
        assert!(known.contains(&(from.clone(), to)), "{from} imports {to}, which lies above it; see ORDER");
    }
    assert_eq!(upward.len(), UPWARD.len(), "some of UPWARD is gone; there are only {upward:?}");
}

#[test]
fn no_modules_import_one_another() {
    assert_eq!(IMPORTS.cycles(), NOTHING, "these modules, side by side in one parent, import one another");
}

#[test]
fn only_apply_and_its_command_write_to_skovik() {
    let writes = Regex::new(r"\b(provider|remover)\.(create|update|delete)\(").unwrap();
    let writers: BTreeSet<String> =
        sources().into_iter().filter(|(_, text)| writes.is_match(&code(text))).map(|(name, _)| name).collect();
    let known = ["apply/operation.rs", "apply/operation/delete.rs", "apply/operation/fresh.rs", "apply/trial.rs"];
    assert_eq!(writers, BTreeSet::from(known.map(str::to_owned)), "only these may write to the service");
    // Nobody else names the service's own requests.
    let own = Regex::new(r"\.(post_user|put_user|delete_user)\(").unwrap();
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.starts_with("provider/skovik/")) {
        assert!(!own.is_match(&code(&text)), "src/{name} writes to Skovik");
    }
}

#[test]
fn nobody_tells_guards_apart_by_their_id() {
    for (name, text) in sources().into_iter().filter(|(name, _)| name != "guard/table.rs" && !name.contains("tests")) {
        for guard in GUARDS {
            let named = format!("\"{}\"", guard.id);
            assert!(!code(&text).contains(&named), "src/{name} names {named}: ask its row in guard/table.rs instead");
        }
    }
}

#[test]
fn http_knows_nothing_of_those_who_use_it() {
    let used: Vec<_> = IMPORTS
        .between_top()
        .filter(|(from, to)| (from == "http" || from.starts_with("http::")) && !["text", "strict_json"].contains(to))
        .collect();
    assert_eq!(used, [], "src/http serves every API alike");
}

#[test]
fn what_is_forbidden_would_be_found() {
    for line in [
        "use std::fs;",
        "use std::env::var;",
        "let now = SystemTime::now();",
        "let now = std::time::Duration::ZERO;",
        "async fn f() {}",
        "println!(\"\");",
        "use jiff::Timestamp;",
        "use tokio::sync::watch;",
        "io::stdout()",
    ] {
        assert_ne!(impurities(line), NOTHING, "{line}");
    }
    for line in
        ["// std::fs", "    /// an instant: Instant", "use std::collections::BTreeMap;", "let is_async_like = 1;"]
    {
        assert_eq!(impurities(line), NOTHING, "{line}");
    }
}

#[test]
fn a_long_file_is_two_files() {
    for folder in ["src", "tests"] {
        for (name, text) in files(folder) {
            let lines = text.lines().count();
            assert!(lines <= MOST_LINES, "{folder}/{name} has {lines} lines: split it by meaning");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.ends_with("/tests.rs")) {
        assert!(text.starts_with("//! "), "src/{name} does not begin with a line that says what it is for");
    }
}
