//! Which module imports which: every path of the crate that a file names, in `use` and elsewhere, resolved to the
//! module that it leads into. What is compiled for tests alone does not count.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

/// A module by its path, such as `["source", "http", "link"]`.
pub(super) type Module = Vec<String>;

/// The modules of a crate, and what they import.
pub(super) struct Imports {
    /// Each module with those that it names.
    edges: BTreeMap<Module, BTreeSet<Module>>,
}

impl Imports {
    /// Reads files by their path in `src`.
    pub(super) fn of(files: &[(String, String)]) -> Self {
        let mut code: BTreeMap<Module, String> = BTreeMap::new();
        let mut for_tests: BTreeSet<Module> = BTreeSet::new();
        for (path, text) in files.iter().filter(|(path, _)| path != "lib.rs" && path != "main.rs") {
            let module = module_of(path);
            let (text, tests) = without_tests(&without_comments(text));
            for_tests.extend(tests.into_iter().map(|name| [module.clone(), vec![name]].concat()));
            code.insert(module, text);
        }
        code.retain(|module, _| !for_tests.iter().any(|test| module.starts_with(test)));
        let imported = |(module, text): (&Module, &String)| {
            let paths = paths(text).into_iter().filter_map(|path| absolute(module, &path, &code));
            let modules = paths.map(|path| nearest_module(path, &code)).filter(|to| !to.is_empty() && to != module);
            (module.clone(), modules.collect())
        };
        Self { edges: code.iter().map(imported).collect() }
    }

    /// The modules at the top.
    pub(super) fn top(&self) -> BTreeSet<&str> {
        self.edges.keys().map(|module| &*module[0]).collect()
    }

    /// The modules that import another one at the top, each with that one.
    pub(super) fn between_top(&self) -> impl Iterator<Item = (String, &str)> {
        let edges = self.edges.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
        let edges = edges.filter(|(from, to)| from[0] != to[0]).map(|(from, to)| (from.join("::"), &*to[0]));
        edges.collect::<BTreeSet<_>>().into_iter()
    }

    /// The cycles between sibling modules: each import counts for the two children of the innermost module that
    /// contains both ends. A parent and its child may know each other; that is not a cycle.
    pub(super) fn cycles(&self) -> Vec<String> {
        let mut levels: BTreeMap<&[String], BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
        for (from, to) in self.edges.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to))) {
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            if let (Some(from_child), Some(to_child)) = (from.get(common), to.get(common)) {
                let siblings = levels.entry(&from[..common]).or_default();
                siblings.entry(from_child).or_default().insert(to_child);
            }
        }
        let mut cycles = Vec::new();
        for (parent, siblings) in levels {
            let parent = if parent.is_empty() { "the crate".to_owned() } else { parent.join("::") };
            cycles.extend(cycles_of(&siblings).iter().map(|cycle| format!("{parent}: {}", cycle.join(", "))));
        }
        cycles
    }
}

/// The sets of names each of which reaches all the others of its set.
fn cycles_of<'n>(edges: &BTreeMap<&'n str, BTreeSet<&'n str>>) -> Vec<Vec<&'n str>> {
    let reached = |from: &'n str| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(name) = open.pop() {
            open.extend(edges.get(name).into_iter().flatten().filter(|name| reached.insert(**name)));
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|&name| (name, reached(name))).collect();
    let reaches = |a: &str, b: &str| reached.get(a).is_some_and(|reached| reached.contains(b));
    let cycle = |&name: &&'n str| -> Vec<&'n str> {
        reached.keys().copied().filter(|other| reaches(name, other) && reaches(other, name)).collect()
    };
    let cycles: BTreeSet<Vec<&str>> = edges.keys().map(cycle).filter(|cycle| cycle.len() > 1).collect();
    cycles.into_iter().collect()
}

fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// The same without comments, and with nothing in its texts and characters.
fn without_comments(text: &str) -> String {
    let token = r##"(?s)//[^\n]*|/\*.*?\*/|b?r#".*?"#|b?r"[^"]*"|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^']+|\\'|[^\\'\n])'"##;
    Regex::new(token).unwrap().replace_all(text, "''").into_owned()
}

/// The same without the parts marked `#[cfg(test)]`, and the names of the files that are marked so.
fn without_tests(text: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let module = Regex::new(r"\bmod\s+(\w+)\s*$").unwrap();
    let (mut kept, mut names, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once(MARK) {
        kept.push_str(before);
        let end = after.find([';', '{']).unwrap_or(after.len());
        rest = match after[end..].chars().next() {
            Some('{') => &after[end + block(&after[end..])..],
            _ => {
                names.extend(module.captures(&after[..end]).map(|found| found[1].to_owned()));
                after.get(end + 1..).unwrap_or_default()
            }
        };
    }
    (kept + rest, names)
}

/// How long a block is, from the bracket that begins it.
fn block(text: &str) -> usize {
    let mut depth = 0_usize;
    let end = text.find(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Every path that a text names, as far as it could be one within the crate.
fn paths(text: &str) -> Vec<Vec<String>> {
    let statement = Regex::new(r"\buse\s+([^;]+);").unwrap();
    let inline = Regex::new(r"\b(?:crate|super|self)(?:::\w+)+").unwrap();
    let mut paths = Vec::new();
    for found in statement.captures_iter(text) {
        expand(&found[1], &[], &mut paths);
    }
    let others = statement.replace_all(text, "");
    paths.extend(inline.find_iter(&others).map(|path| path.as_str().split("::").map(str::to_owned).collect()));
    paths
}

/// The paths of a tree such as `a::{b, c::{d, e as f}}`.
fn expand(tree: &str, before: &[String], paths: &mut Vec<Vec<String>>) {
    let (head, branches) = match tree.split_once('{') {
        None => (tree, None),
        Some((head, rest)) => (head, Some(rest.rsplit_once('}').map_or(rest, |(branches, _)| branches))),
    };
    let names = head.split("::").filter_map(|name| name.split_whitespace().next()).map(str::to_owned);
    let path: Vec<String> = before.iter().cloned().chain(names).collect();
    let Some(branches) = branches else { return paths.push(path) };
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in branches.char_indices().chain([(branches.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = branches[start..at].trim();
                if !branch.is_empty() {
                    expand(branch, &path, paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// A path from the root of the crate; `None` if it leads to another crate.
fn absolute(from: &[String], path: &[String], modules: &BTreeMap<Module, String>) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match &*path[0] {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([from, &path[1..]].concat()),
        "super" => Some([&from[..from.len().checked_sub(ups)?], &path[ups..]].concat()),
        child => {
            let child = [from, &[child.to_owned()]].concat();
            modules.contains_key(&child).then(|| [from, path].concat())
        }
    }
}

/// The module that a path leads into: its longest prefix that is a module.
fn nearest_module(mut path: Vec<String>, modules: &BTreeMap<Module, String>) -> Module {
    while !path.is_empty() && !modules.contains_key(&path) {
        path.pop();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(files: &[(&str, &str)]) -> Imports {
        let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Imports::of(&files)
    }

    #[test]
    fn every_form_of_a_path_is_found() {
        for text in [
            "use crate::b::X;",
            "use crate::{c, b::{self, X as Y}};",
            "pub(crate) use super::b;",
            "fn f() -> crate::b::X { todo() }",
            "fn f() { super::b::f(\"crate::c\") }",
            "fn f() { '\"'; crate::b::f('\\'') }",
            "#[cfg(test)]\nuse crate::c;\nuse crate::b;",
        ] {
            let imports = imports(&[("a.rs", text), ("b.rs", ""), ("c/mod.rs", "")]);
            let found: Vec<_> = imports.between_top().filter(|(_, to)| *to == "b").collect();
            assert_eq!(found, [("a".to_owned(), "b")], "{text}");
        }
    }

    #[test]
    fn what_is_no_import_is_none() {
        for text in [
            "// use crate::b;",
            "/* crate::b::f() */",
            "const A: &str = \"use crate::b;\";",
            "const A: &str = r#\"\" use crate::b; \"#;",
            "#[cfg(test)]\nmod tests { fn f() { if a {} crate::b::f() } }",
            "use b::X;",
            "use std::b;",
        ] {
            assert_eq!(imports(&[("a.rs", text), ("b.rs", "")]).between_top().count(), 0, "{text}");
        }
    }

    #[test]
    fn files_for_tests_do_not_count() {
        let uses = "use crate::b;";
        let files = [
            ("a.rs", "#[cfg(test)]\npub(crate) mod tests;"),
            ("a/tests.rs", uses),
            ("a/tests/x.rs", uses),
            ("b.rs", ""),
        ];
        assert_eq!(imports(&files).between_top().count(), 0);
        assert_eq!(imports(&[("a.rs", "mod tests;"), files[1], files[2], files[3]]).between_top().count(), 2);
    }

    #[test]
    fn cycles_are_found_between_siblings_at_every_depth() {
        let files = [
            ("a.rs", "use self::x::X;"),
            ("a/w.rs", ""),
            ("a/x.rs", "use super::w::W; use super::y::Y; use super::A;"),
            ("a/y.rs", "use crate::a::z::Z;"),
            ("a/z.rs", "use super::x;"),
            ("b.rs", "use crate::a::x::X;"),
            ("c.rs", "use crate::d::D;"),
            ("d/mod.rs", ""),
            ("d/e.rs", "use crate::c::C;"),
        ];
        assert_eq!(imports(&files).cycles(), ["the crate: c, d", "a: x, y, z"]);
    }
}
