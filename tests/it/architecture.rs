//! What docs/architecture.md promises of the sources, held against the sources themselves.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use skovik_sync::guard::GUARDS;

/// The modules that decide, the lowest first: each is a file of this name, and the folder beside it. Each may use itself
/// and those before it.
const CORE: [&str; 9] = ["text", "employee", "strict_json", "diagnostic", "field", "guard", "diff", "order", "plan"];
/// What does something, or depends on something, that is not in its arguments.
const IMPURE: &str = r"\b(reqwest|tokio|hyper|jiff|tracing|rand|fastrand|tempfile|SystemTime|Instant|async|await|Mutex)\b|\bstd::(env|fs|net|process|time|thread)\b|\be?print(ln)?!|\b(dbg|todo)!|\bio::(stdin|stdout|stderr)\b";
const NOTHING: [&str; 0] = [];
/// How many lines a file may have.
const MOST_LINES: usize = 420;
/// The files that are longer, and why.
const LONGER: [(&str, &str); 3] = [
    ("diff/tests/rules.rs", "a table of cases for each rule"),
    ("render/markdown/tests.rs", "snapshots of what is printed"),
    ("render/text/tests.rs", "snapshots of what is printed"),
];

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
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
    assert!(found.len() > 50, "these are not the sources");
    found.sort();
    found
}

/// Without comments, and without the unit tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let text = text.split("#[cfg(test)]\n#[expect").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The files of the core, but for their tests.
fn core() -> Vec<(String, String)> {
    let is_core = |name: &str| {
        CORE.iter().any(|module| name == format!("{module}.rs") || name.starts_with(&format!("{module}/")))
    };
    let is_test = |name: &str| name.ends_with("/tests.rs") || name.contains("/tests/");
    let core: Vec<_> = sources().into_iter().filter(|(name, _)| is_core(name) && !is_test(name)).collect();
    for module in CORE {
        assert!(core.iter().any(|(name, _)| *name == format!("{module}.rs")), "src/{module}.rs is not there");
    }
    core
}

fn impurities(text: &str) -> Vec<String> {
    Regex::new(IMPURE).unwrap().find_iter(&code(text)).map(|found| found.as_str().to_owned()).collect()
}

/// The modules of this crate that a text names.
fn modules_used(text: &str) -> BTreeSet<String> {
    let module = Regex::new(r"\bcrate::(\w+)").unwrap();
    module.captures_iter(&code(text)).map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_core_does_nothing_but_decide() {
    for (name, text) in core() {
        assert_eq!(impurities(&text), NOTHING, "src/{name} is part of the core");
    }
}

#[test]
fn the_core_knows_only_itself() {
    for (name, text) in core() {
        let foreign: Vec<String> =
            modules_used(&text).into_iter().filter(|module| !CORE.contains(&module.as_str())).collect();
        assert_eq!(foreign, NOTHING, "src/{name} is part of the core");
        // One that is named in a list of several would escape the rule above.
        assert!(!code(&text).contains("use crate::{"), "src/{name}: one `use` for each module");
    }
}

#[test]
fn no_module_of_the_core_uses_one_above_it() {
    for (place, module) in CORE.iter().enumerate() {
        let own = |name: &str| name == format!("{module}.rs") || name.starts_with(&format!("{module}/"));
        for (name, text) in core().into_iter().filter(|(name, _)| own(name)) {
            for used in modules_used(&text) {
                let order = CORE.join(", ");
                assert!(CORE[..=place].contains(&used.as_str()), "src/{name} uses {used}; the order is {order}");
            }
        }
    }
}

#[test]
fn nothing_below_the_commands_knows_them_or_the_command_line() {
    // The sandbox takes its modes from the command line, and the terminal its options.
    let edge = ["commands", "cli", "ui", "main", "sandbox", "lib"];
    for (name, text) in sources() {
        if edge.iter().any(|edge| name == format!("{edge}.rs") || name.starts_with(&format!("{edge}/"))) {
            continue;
        }
        let used = modules_used(&text);
        for above in ["commands", "cli", "ui"] {
            assert!(!used.contains(above), "src/{name} uses {above}");
        }
    }
}

#[test]
fn only_apply_and_its_command_write_to_skovik() {
    let writes = Regex::new(r"\.(create_user|replace_user|delete_user)\(").unwrap();
    for (name, text) in sources() {
        let allowed = name.starts_with("apply/") || name.starts_with("target/");
        assert!(allowed || !writes.is_match(&code(&text)), "src/{name} writes to Skovik");
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
    let own: Vec<_> =
        sources().into_iter().filter(|(name, _)| name == "http.rs" || name.starts_with("http/")).collect();
    assert!(own.len() > 2, "src/http is not there");
    for (name, text) in own {
        let foreign: Vec<String> = modules_used(&text).into_iter().filter(|module| module != "text").collect();
        assert_eq!(foreign, NOTHING, "src/{name} serves every API alike");
    }
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
    assert_eq!(modules_used("use crate::plan::Plan;\ncrate::ui::Ui"), ["plan", "ui"].map(str::to_owned).into());
}

#[test]
fn a_long_file_is_two_files() {
    let mut longer: BTreeSet<&str> = LONGER.iter().map(|(name, _)| *name).collect();
    for (name, text) in sources() {
        let lines = text.lines().count();
        let excepted = longer.remove(name.as_str());
        assert!(excepted || lines <= MOST_LINES, "src/{name} has {lines} lines: split it by meaning");
        assert!(!excepted || lines > MOST_LINES, "src/{name} needs no exception any more");
    }
    assert_eq!(longer, BTreeSet::new(), "these files are not there any more");
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.ends_with("/tests.rs")) {
        assert!(text.starts_with("//! "), "src/{name} does not begin with a line that says what it is for");
    }
}
