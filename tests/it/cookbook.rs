//! The recipes of docs/cookbook.md: each is read from the page, run, and compared with what the page says that it creates.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use skovik_sync::config::Settings;

use crate::harness::{Company, FIXTURE_URL, snapshot};

/// The day that the page speaks of.
const DAY: &str = "2026-11-28";

/// One section of the page.
#[derive(Debug, Default)]
struct Recipe {
    title: String,
    files: Vec<(String, String)>,
    settings: String,
    people: Option<String>,
}

fn recipes() -> Vec<Recipe> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook.md")).unwrap();
    let mut recipes: Vec<Recipe> = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap().to_owned();
        let mut recipe = Recipe { title, ..Recipe::default() };
        for block in section.split("```").skip(1).step_by(2) {
            let (info, text) = block.split_once('\n').unwrap();
            match info.split_once(' ') {
                Some((_, file)) => recipe.files.push((file.to_owned(), text.to_owned())),
                None if info == "toml" => text.clone_into(&mut recipe.settings),
                None if info == "text" => recipe.people = Some(text.to_owned()),
                None => panic!("{}: a block of {info:?}", recipe.title),
            }
        }
        recipes.push(recipe);
    }
    recipes
}

impl Recipe {
    fn settings(&self) -> String {
        format!("[target]\nkind = \"skovik\"\nurl = \"{FIXTURE_URL}\"\n\n{}", self.settings)
    }
}

/// What the page says of somebody who is created.
fn line(operation: &Value) -> String {
    let after = &operation["after"];
    let mut line = ["external_identifier", "first_name", "last_name", "primary_email"]
        .map(|field| after[field].as_str().unwrap())
        .join(" ");
    if let Some(branch) = after["branch"]["external_identifier"].as_str() {
        line = format!("{line} {branch}");
    }
    if let Some(manager) = after["manager"]["employee"].as_str() {
        line = format!("{line} → {manager}");
    }
    line
}

#[test]
fn every_recipe_gives_what_the_page_says() {
    let branch = |id: &str, code: &str| json!({ "type": "branches", "id": id, "attributes": { "name": code, "external_identifier": code } });
    let account = snapshot(&[branch("br_no", "NO01"), branch("br_se", "SE01")], &[], &[]);
    let recipes = recipes();
    assert!(recipes.len() >= 13, "{}", recipes.len());
    for recipe in recipes {
        let settings = recipe.settings();
        let Some(expected) = &recipe.people else {
            Settings::parse(&settings, Path::new("skovik-sync.toml")).unwrap();
            continue;
        };
        let company = Company::empty();
        company.write("skovik-sync.toml", &settings);
        company.write("users.jsonl", &account);
        recipe.files.iter().for_each(|(name, text)| company.write(name, text));
        let mut arguments = vec!["plan", "--users", "users.jsonl"];
        if settings.contains("today") {
            arguments.extend(["--as-of", DAY]);
        }
        company.run(&arguments).ends(0);
        let plan = company.json("plan.json");
        assert_eq!(
            plan["as_of"],
            if settings.contains("today") { json!(DAY) } else { json!(null) },
            "{}",
            recipe.title
        );
        let mut people: Vec<String> = plan["operations"].as_array().unwrap().iter().map(line).collect();
        people.sort();
        assert_eq!(people, expected.lines().collect::<Vec<_>>(), "{}: {}", recipe.title, plan["diagnostics"]);
    }
}
