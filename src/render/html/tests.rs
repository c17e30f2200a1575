#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use scraper::{ElementRef, Html, Node, Selector};
use serde_json::Value as Json;

use super::*;
use crate::plan::{Field, Plan, Severity};
use crate::render::text::tests::build::{PlanBuilder, branch, change, everything_plan, text_change};
use crate::render::text::{TextOptions, display};
use crate::render::{hostile, redact};
use crate::text::{escape, printable};

fn page(plan: &Plan) -> Html {
    Html::parse_document(&render(plan).unwrap())
}

fn one<'a>(page: &'a Html, selector: &str) -> ElementRef<'a> {
    let found: Vec<_> = page.select(&Selector::parse(selector).unwrap()).collect();
    assert_eq!(found.len(), 1, "{selector}");
    found[0]
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

/// The page's data as its script puts them together.
fn data_of(page: &Html) -> Json {
    let mut data: Json = serde_json::from_str(&text(one(page, "script#data"))).unwrap();
    let mut people = Vec::new();
    for part in data["parts"].as_array().unwrap() {
        let listed = |list: &Json, place: &mut Json| {
            *place = list[usize::try_from(place.as_u64().unwrap()).unwrap()].clone();
        };
        let place = |list: &str, place: &mut Json| listed(&part["part"][list], place);
        for person in part["part"]["people"].as_array().unwrap() {
            let mut person = person.clone();
            let rows = person["rows"].as_array_mut().unwrap();
            for row in rows {
                listed(&part["fieldPlaces"], &mut row["field"]);
                for side in ["before", "after"] {
                    if row[side].is_number() {
                        place("texts", &mut row[side]);
                    }
                }
            }
            for side in ["was", "is"] {
                if let Some(manager) = person.get_mut(side) {
                    place("managers", manager);
                }
            }
            let notes = person.get_mut("notes").and_then(Json::as_array_mut);
            notes.into_iter().flatten().for_each(|note| place("notes", note));
            let branches = person["branches"].as_array_mut();
            branches.into_iter().flatten().for_each(|branch| listed(&part["branchPlaces"], branch));
            people.push(person);
        }
    }
    data["people"] = people.into();
    data
}

#[test]
fn a_policy_names_the_hash_of_a_text() {
    assert_eq!(integrity(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(integrity("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

#[test]
fn the_policy_allows_the_page_s_own_style_and_script_and_nothing_else() {
    let page = page(&everything_plan());
    let policy = one(&page, "meta[http-equiv]").attr("content").unwrap();
    let (style, script) = (text(one(&page, "style")), text(one(&page, "body > script:not([type])")));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
            integrity(&style),
            integrity(&script)
        )
    );
    // Elements before the policy are not bound by it.
    let head: Vec<_> = one(&page, "head").child_elements().map(|element| element.value().name()).take(2).collect();
    assert_eq!(head, ["meta", "meta"]);
    for element in page.select(&Selector::parse("*").unwrap()) {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "src", "{name}={value}");
            assert!(name != "href" || value == "#changes", "{name}={value}");
        }
    }
    for word in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "fetch(", "http"]
    {
        assert!(!script.contains(word), "the script has {word}");
    }
    assert!(!style.contains("url(") && !style.contains("@import"));
}

#[test]
fn guards_and_figures_stand_in_the_page_itself() {
    let plan = PlanBuilder::new(12_345, 10)
        .delete("1009", ("Dora", "Quist"), "dora.quist@example.com")
        .guard("max_delete_percent", 3, 10, 20, GuardOutcome::Block)
        .guard("min_employees", 0, 0, 1, GuardOutcome::Block)
        .guard("max_creates", 5, 10, 20, GuardOutcome::Pass)
        .seal();
    let page = page(&plan);
    let verdict = text(one(&page, ".verdict"));
    for part in [
        "Blocked by min_employees: no approval can allow this",
        "Blocked by max_delete_percent: only an approval",
        "skovik-sync approve PLAN --allow deletes=3",
        "3 of 10 (30.0 %), limit 20 %",
    ] {
        assert!(verdict.contains(part), "{part}: {verdict}");
    }
    let gauges: Vec<_> =
        page.select(&Selector::parse(".fill").unwrap()).map(|fill| fill.attr("width").unwrap()).collect();
    assert_eq!(gauges, ["75", "12"], "thirty of twice twenty, five of twice twenty");
    assert!(text(one(&page, ".sides")).contains("12,345 users, 10 of them managed"));
    assert!(text(one(&page, ".sides")).contains("no proof that it is"));
    assert_eq!(text(one(&page, ".hash code")), plan.hash().to_string());
}

#[test]
fn the_script_gets_the_deletes_first_and_both_sides_of_each_change() {
    let data = data_of(&page(&everything_plan()));
    let people = data["people"].as_array().unwrap();
    let kinds: Vec<_> = people.iter().map(|person| person["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["delete", "delete", "update", "update", "create", "create", "link"]);

    let (eva, conor) = (&people[2], &people[5]);
    assert_eq!((&eva["name"], &eva["identifier"]), (&Json::from("Eva Holm"), &Json::from("1003")));
    let row = |person: &Json, place: usize| {
        let row = &person["rows"][place];
        let field = data["fields"][usize::try_from(row["field"].as_u64().unwrap()).unwrap()].as_str().unwrap();
        (field.to_owned(), row["before"].clone(), row["after"].clone())
    };
    let (field, before, after) = row(eva, 1);
    assert_eq!(field, "primary_email");
    let pieces = |name: &str| serde_json::json!([["eva.", false], [name, true], ["@example.com", false]]);
    assert_eq!((before, after), (pieces("lundgren"), pieces("holm")));
    assert_eq!(row(eva, 7), ("Cost center (custom_fields.cf_cost_center)".to_owned(), "4100".into(), "(none)".into()));
    assert_eq!((&eva["was"]["key"], &eva["is"]["key"]), (&Json::from("u60e300"), &Json::from("c2")));
    assert_eq!(
        (&conor["key"], &conor["is"]["label"]),
        (&Json::from("c2"), &Json::from("Ana García Márquez (2001, new)"))
    );
    assert_eq!(data["branches"], serde_json::json!(["Example AB (SE01, id br_se)", "Example AS (id br_no)"]));

    // The page's search finds ids.
    let user = |person: &Json| person["user"].as_str().map(str::to_owned);
    assert_eq!((user(eva), user(conor)), (Some("user 60e301".to_owned()), None));

    let notes = |person: &Json| person["notes"].as_array().map_or(0, Vec::len);
    assert_eq!(people.iter().map(notes).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 0, 0]);
    assert!(people[0]["notes"][0]["text"].as_str().unwrap().starts_with("can no longer sign in"));
    let left: Vec<_> = data["remarks"].as_array().unwrap().iter().map(|remark| &remark["code"]).collect();
    assert_eq!(left, ["email_missing", "branch_unused"], "those about nobody in the plan");
}

#[test]
fn without_the_script_there_is_a_plain_list() {
    let mut builder = PlanBuilder::new(10, 10);
    for person in 0..501 {
        builder = builder.delete(&person.to_string(), ("Dora", "Quist"), "dora@example.com");
    }
    let page = render(&builder.seal()).unwrap();
    let (_, rest) = page.split_once("<noscript>").unwrap();
    let (plain, _) = rest.split_once("</noscript>").unwrap();
    assert_eq!(plain.matches("Dora Quist").count(), 500);
    assert!(plain.contains("… and 1 more"));
}

#[test]
fn a_masked_page_says_so() {
    let plan = everything_plan();
    let page = render(&redact::mask(&plan)).unwrap();
    assert!(page.contains("hash is that of the whole plan") && page.contains(&plan.hash().to_string()));
    assert!(!page.contains("Eva") && !page.contains("example.com\""));
}

/// Every element with its attributes, in order, without texts.
fn structure(page: &Html) -> Vec<String> {
    let describe = |node: &Node| match node {
        Node::Element(element) => {
            let attributes: BTreeMap<_, _> = element.attrs().collect();
            Some(format!("{} {attributes:?}", element.name()))
        }
        Node::Comment(comment) => Some(format!("{comment:?}")),
        _ => None,
    };
    page.tree.root().descendants().filter_map(|node| describe(node.value())).collect()
}

proptest! {
    /// For any texts, the page has the same elements as a harmless one, and shows the texts.
    #[test]
    fn no_text_leaves_its_place(texts in hostile::texts()) {
        let plan = hostile::plan(&texts);
        let source = render(&plan).unwrap();
        // As a browser with scripts reads it, and as one without.
        for without_script in [false, true] {
            let read = |source: &str| {
                let source = if without_script { source.replace("noscript>", "div>") } else { source.to_owned() };
                Html::parse_document(&source)
            };
            let expected = read(&render(&hostile::harmless()).unwrap());
            let page = read(&source);
            prop_assert_eq!(structure(&page), structure(&expected));
            let shown: String = page.tree.root().descendants().filter_map(|node| node.value().as_text().map(|text| text.to_string())).collect();
            let data = serde_json::to_string(&data_of(&page)).unwrap();
            let content = plan.content();
            for guard in &content.guards {
                prop_assert!(shown.contains(&shown_text(&guard.id)), "{}", guard.id);
            }
            prop_assert!(shown.contains(&shown_text(&content.target.url)));
            for remark in &content.diagnostics {
                let json = serde_json::to_string(&printable(&remark.message)).unwrap();
                prop_assert!(data.contains(json.trim_matches('"')), "{json}");
            }
            let name = serde_json::to_string(&escape(&content.operations[1].name)).unwrap();
            prop_assert!(data.contains(name.trim_matches('"')) || content.operations[1].name.contains('"'), "{name}");
        }
    }
}

/// People are gathered in parts, whose fields and branches are numbered part by part.
#[test]
fn many_people_keep_their_own_fields_branches_and_remarks() {
    let branch_of = |number: usize| format!("br_{}", number / 1_700);
    let mut builder = PlanBuilder::new(6_000, 6_000);
    for number in 0..5_000 {
        let (before, after) = (branch_of(number), branch_of(number + 100));
        let moved = change(Field::Branch, Some(branch(&before, "X", "From")), Some(branch(&after, "Y", "To")));
        let field = if number < 3_000 { Field::LastName } else { Field::FirstName };
        builder = builder.update(&number.to_string(), "Anna Lind", vec![text_change(field, "Berg", "Lind"), moved]);
        if number % 500 == 7 {
            builder = builder.remark(Severity::Warning, "odd", Some(&number.to_string()), &format!("remark {number}"));
        }
    }
    let plan = builder.seal();
    let page = page(&plan);
    let data = data_of(&page);
    let people = data["people"].as_array().unwrap();
    assert_eq!(people.len(), 5_000);
    for (number, person) in people.iter().enumerate() {
        assert_eq!(person["identifier"], number.to_string());
        let named = |list: &str, place: &Json| data[list][usize::try_from(place.as_u64().unwrap()).unwrap()].clone();
        let fields: Vec<Json> =
            person["rows"].as_array().unwrap().iter().map(|row| named("fields", &row["field"])).collect();
        assert_eq!(fields, [if number < 3_000 { "last_name" } else { "first_name" }, "branch"], "{number}");
        for (place, id) in person["branches"].as_array().unwrap().iter().zip([number, number + 100].map(branch_of)) {
            assert!(named("branches", place).as_str().unwrap().contains(&id), "{number}");
        }
        let notes = person["notes"].as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap());
        let remarks: Vec<&str> = notes.filter(|note| note.starts_with("remark ")).collect();
        let expected = (number % 500 == 7).then(|| format!("remark {number}"));
        assert_eq!(remarks, expected.iter().collect::<Vec<_>>(), "{number}");
    }
    let shown = display(&plan, &TextOptions::default()).to_string();
    let named: Vec<&str> =
        shown.lines().filter_map(|line| line.strip_prefix("  ~ Anna Lind  ")).map(str::trim).collect();
    assert_eq!(named, (0..5_000).map(|number| number.to_string()).collect::<Vec<_>>());
    let view: Json = serde_json::from_str(&crate::render::json::render(&plan).unwrap()).unwrap();
    let ids: Vec<&str> = view["operations"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, (1..=5_000).map(|number| number.to_string()).collect::<Vec<_>>());
}
