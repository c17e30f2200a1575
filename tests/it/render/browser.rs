//! The page of a plan in a real browser, without a window: what it shows for an address, and that its policy holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use scraper::{Html, Selector};
use skovik_sync::plan::{Action, Content, Operation, Plan};
use skovik_sync::render::html;

use super::company::Company;

/// The browser, which the tests need: a page that was never opened is not tested.
fn chromium() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file());
    found.expect("the page is tested in Chromium, and there is none; scripts/test installs it")
}

/// A page as the browser rendered it, and the messages on its console.
pub(crate) struct Opened {
    page: Html,
    pub(crate) console: Vec<String>,
}

fn open(page: &str, fragment: &str) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.html");
    std::fs::write(&file, page).unwrap();
    open_file(&file, fragment)
}

fn open_file(file: &Path, fragment: &str) -> Opened {
    open_url(&format!("file://{}{fragment}", file.display()))
}

/// Opens what is at an address.
pub(crate) fn open_url(url: &str) -> Opened {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium())
        .args(["--no-sandbox", "--headless=new", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--window-size=1280,900", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the browser failed: {log}");
    let is_said = |line: &&str| line.contains(":CONSOLE") || line.contains("Content Security Policy");
    Opened {
        page: Html::parse_document(&String::from_utf8(output.stdout).unwrap()),
        console: log.lines().filter(is_said).map(str::to_owned).collect(),
    }
}

impl Opened {
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        self.page.select(&selector).map(|element| element.text().collect::<String>()).collect()
    }

    #[track_caller]
    pub(crate) fn one(&self, selector: &str) -> String {
        let texts = self.texts(selector);
        assert_eq!(texts.len(), 1, "{selector}: {texts:?}");
        texts.into_iter().next().unwrap()
    }
}

/// How many operations there are of which this holds.
fn count(plan: &Plan, holds: impl Fn(&Operation) -> bool) -> usize {
    plan.content().operations.iter().filter(|operation| holds(operation)).count()
}

#[test]
fn many_changes_are_counted_whole_and_made_in_part() {
    let plan = Company::of(5_000).plan();
    let opened = open(&html::render(&plan).unwrap(), "");
    assert_eq!(opened.console, Vec::<String>::new());
    assert_eq!(opened.one("#count"), "6,715 changes");
    assert_eq!(plan.content().operations.len(), 6_715);
    let cards = opened.texts("#list > .card").len();
    assert!((10..200).contains(&cards), "{cards} cards are made, not all and not none");
    assert_eq!(opened.texts("#groups .chip"), ["All 6,715", "Delete 500", "Update 4,715", "Create 1,500"]);
    assert_eq!(opened.one(".verdict h2"), "Every guard passes");
    let bars = opened.texts(".facet .name");
    assert!(bars.contains(&"Example Ltd | Holdings (UK01, id br_uk)".to_owned()), "{bars:?}");
    assert!(bars.contains(&"Cost center (custom_fields.cf_cost_center)".to_owned()), "{bars:?}");
}

#[test]
fn the_address_says_what_is_searched_and_filtered() {
    let plan = Company::of(300).plan();
    let page = html::render(&plan).unwrap();
    let has_quist = |operation: &Operation| match &operation.action {
        Action::Delete { before, .. } => {
            let manager = before.manager.iter().flatten().next();
            before.last_name.contains("Quist") || manager.is_some_and(|manager| manager.name().contains("Quist"))
        }
        _ => false,
    };
    let moves = |operation: &Operation| match &operation.action {
        Action::Update { changes, .. } => changes.iter().any(|change| change.field.to_string() == "branch"),
        _ => false,
    };
    let all = plan.content().operations.len();
    let expected = |count: usize| format!("{count} of {all} changes");

    let opened = open(&page, "#q=qui%C5%9Ft&group=delete");
    let deletes = count(&plan, has_quist);
    assert!(deletes > 0);
    assert_eq!(opened.one("#count"), expected(deletes), "accents make no difference");
    assert_eq!(opened.texts("#list > .card").len(), deletes);
    assert_eq!(opened.texts("#list > .card.delete").len(), deletes);
    assert_eq!(opened.one("#groups [aria-pressed=true]"), format!("Delete {deletes}"));

    let opened = open(&page, "#field=branch");
    assert_eq!(opened.one("#count"), expected(count(&plan, moves)));
    assert!(
        opened.texts("#list > .card .notes").iter().all(|note| note.contains("sent in as a report to the old branch"))
    );
    assert_eq!(opened.one(".facet[aria-pressed=true] .name"), "branch");

    let opened = open(&page, "#branch=Example+AS+(NO01,+id+br_no)&group=create");
    let in_norway = |operation: &Operation| match &operation.action {
        Action::Create { after } => after.branch.iter().flatten().any(|branch| branch.branch_id.as_str() == "br_no"),
        _ => false,
    };
    assert_eq!(opened.one("#count"), expected(count(&plan, in_norway)));

    // An id of a branch finds whom its facet counts, that of a custom field whoever has a value of it.
    let facet = open(&page, "#branch=Example+AS+(NO01,+id+br_no)").one("#count");
    assert_eq!(open(&page, "#q=BR_NO").one("#count"), facet);
    let has_cost_center = |operation: &Operation| match &operation.action {
        Action::Create { after: fields } | Action::Delete { before: fields, .. } => !fields.custom_fields.is_empty(),
        Action::Update { changes, .. } => changes.iter().any(|change| change.field.to_string().contains("cf_cost")),
        _ => false,
    };
    let with_cost_center = expected(count(&plan, has_cost_center));
    for word in ["custom_fields.cf_cost_center", "cf_cost_center"] {
        assert_eq!(open(&page, &format!("#q={word}")).one("#count"), with_cost_center, "{word}");
    }

    let opened = open(&page, "#q=nobody+of+this+name");
    assert_eq!(opened.one("#count"), expected(0));
    assert!(opened.one("#list").contains("Nothing matches"));
}

/// The page with keys pressed. Its policy would not let a test's script run, so it goes first.
fn with_keys(page: &str, keys: &str) -> String {
    let (start, rest) = page.split_once("<meta http-equiv").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let press = format!(
        "<script>for (const key of {keys}) document.activeElement.dispatchEvent(\
         new KeyboardEvent('keydown', {{ key, bubbles: true, cancelable: true }}));\
         document.activeElement.id ||= 'focused';</script></body>"
    );
    format!("{start}{}", rest.replace("</body>", &press))
}

#[test]
fn keys_move_filter_and_help() {
    let plan = Company::of(60).plan();
    let page = html::render(&plan).unwrap();

    let opened = open(&with_keys(&page, "['u', 'j', 'j', 'k', 'j', 'o']"), "");
    assert_eq!(opened.texts("#groups [aria-pressed=true]").len(), 1);
    assert!(opened.one("#groups [aria-pressed=true]").starts_with("Update"));
    let cards = opened.texts("#list > .card");
    assert_eq!(opened.one("#focused"), cards[1], "the second one");

    let opened = open(&with_keys(&page, "['?']"), "");
    assert_eq!(opened.texts("dialog[open]").len(), 1);
    let opened = open(&with_keys(&page, "['/']"), "");
    assert_eq!(opened.texts("#search").len(), 1);
    let opened = open(&with_keys(&page, "['d', 'Escape']"), "#q=berg");
    assert_eq!(opened.one("#count"), format!("{} changes", plan.content().operations.len()));
}

#[test]
fn the_tree_around_a_change_shows_both_sides() {
    let plan = Company::of(60).plan();
    let opened = open(&with_keys(&html::render(&plan).unwrap(), "['u', 'j', 'o']"), "#field=manager");
    let sides = opened.texts("#focused .tree h4");
    assert_eq!(sides, ["In Skovik now", "After the plan"]);
    assert_eq!(opened.texts("#focused .tree .self").len(), 2);
}

/// A plan whose every name tries to become markup.
fn hostile() -> Plan {
    let attempt = "</script><img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";
    let mut content: Content = Company::of(20).plan().content().clone();
    content.target.url = attempt.to_owned();
    content.guards[0].id = attempt.to_owned();
    for name in content.target.custom_fields.values_mut() {
        *name = attempt.to_owned();
    }
    for diagnostic in &mut content.diagnostics {
        diagnostic.message = attempt.to_owned();
    }
    for operation in &mut content.operations {
        operation.name = attempt.into();
        match &mut operation.action {
            Action::Create { after: fields } | Action::Delete { before: fields, .. } => {
                fields.last_name = attempt.into();
            }
            Action::Update { .. } | Action::Link { .. } => {}
        }
    }
    Plan::seal(content).unwrap()
}

#[test]
fn no_name_becomes_markup_and_nothing_breaks_the_policy() {
    let opened = open(&html::render(&hostile()).unwrap(), "");
    assert_eq!(opened.console, Vec::<String>::new());
    assert_eq!(opened.texts("img"), Vec::<String>::new());
    assert!(opened.one("title").starts_with("skovik-sync plan for </script><img"));
    assert!(opened.texts("#list .card h3").iter().all(|name| name.contains("<script>document.title='taken'</script>")));
    assert!(opened.one("h1").starts_with("</script><img src=x"));
}

/// The checks above would see a policy that is broken.
#[test]
fn a_broken_policy_is_seen() {
    let page = html::render(&Company::of(5).plan()).unwrap();
    let opened = open(&page.replace("</body>", "<script>document.title = 'taken'</script></body>"), "");
    assert!(opened.console.iter().any(|line| line.contains("Content Security Policy")), "{:?}", opened.console);
    assert!(opened.one("title").starts_with("skovik-sync plan for https://"), "and it holds");
}
