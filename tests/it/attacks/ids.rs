//! Labels stand for ids: whoever reviews a plan can see the ids.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::Value;

use crate::harness::Company;

/// Every id that a plan's operations name.
fn ids(plan: &Value) -> Vec<String> {
    fn gather(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(id) if name == "user_id" || name == "branch_id" => found.push(id.to_owned()),
                        _ => gather(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| gather(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather(&plan["operations"], &mut found);
    found.extend(plan["target"]["custom_fields"].as_object().unwrap().keys().cloned());
    found.sort();
    found.dedup();
    assert!(found.len() > 5, "{plan}");
    found
}

#[test]
fn every_id_of_a_plan_can_be_seen_and_the_comment_be_proven() {
    let company = Company::new("small");
    let planned = company.run(&["plan", "--ids"]).ends(0);
    let ids = ids(&company.json("plan.json"));
    let shown = company.run(&["show", "plan.json", "--ids"]).ends(0);
    assert_eq!(planned.stdout, shown.stdout);
    let markdown = company.run(&["show", "plan.json", "--ids", "--format", "markdown"]).ends(0);
    let html = company.run(&["show", "plan.json", "--format", "html"]).ends(0);
    let json = company.run(&["show", "plan.json", "--format", "json"]).ends(0);
    for output in [&shown, &markdown, &html, &json] {
        for id in &ids {
            assert!(output.stdout.contains(id.as_str()), "{id} is not in {output}");
        }
    }
    let without = company.run(&["show", "plan.json", "--format", "markdown"]).ends(0);
    assert!(ids.iter().any(|id| !without.stdout.contains(id.as_str())), "{without}");

    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let person = format!("user {}", company.id("1008"));
    assert!(markdown.stdout.contains(&person), "{markdown}");
    for comment in [&markdown, &without] {
        company.write("comment.md", &comment.stdout);
        company.run(&["verify", "plan.json", "--rendered", "comment.md"]).ends(0).prints(&["shows exactly this plan"]);
        // Neither an id nor whether there are ids can be altered.
        for (from, to) in [("ids=yes", "ids=no"), ("ids=no", "ids=yes"), (&*person, "user 0123")] {
            if comment.stdout.contains(from) {
                company.write("comment.md", comment.stdout.replacen(from, to, 1));
                company.run(&["verify", "plan.json", "--rendered", "comment.md"]).ends(8);
            }
        }
    }
    for format in ["html", "json"] {
        company.run(&["show", "plan.json", "--ids", "--format", format]).ends(3).says(&["always show the ids"]);
    }
    company.run(&["plan", "--ids", "--explain", "1002"]).ends(3);
}

#[test]
fn a_difference_between_plans_shows_them_too() {
    let company = Company::new("small");
    company.run(&["plan", "-o", "old.json"]).ends(0);
    company.edit("employees.csv", ",Hanna,", ",Johanna,");
    company.run(&["plan"]).ends(0);
    let id = company.id("1008");
    for format in ["text", "markdown"] {
        let arguments = ["show", "plan.json", "--since", "old.json", "--format", format];
        let without = company.run(&arguments).ends(0);
        assert!(!without.stdout.contains(&id), "{without}");
        let with = company.run(&[&arguments[..], &["--ids"]].concat()).ends(0);
        assert!(with.stdout.contains(&format!("1008  user {id}")), "{with}");
    }
}
