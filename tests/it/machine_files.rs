//! What the real program writes for machines, against `docs/schema`, by an independent validator.

use serde_json::{Value, json};

use crate::harness::Company;
use crate::render::schema::problems;

#[test]
fn an_approval_is_what_its_schema_says() {
    let company = Company::new("small");
    let plan = company.plan(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let plain = company.json("plan.json.tester.approval");
    let all = ["approve", "plan.json", "--yes", "--expires", "1h", "--comment", "read", "--allow", "deletes=1"];
    company.run(&all).ends(0);
    let full = company.json("plan.json.tester.approval");
    assert_eq!(full["plan_hash"], plan["plan_hash"]);
    let edited = |edit: fn(&mut Value)| {
        let mut approval = full.clone();
        edit(&mut approval);
        approval
    };
    let documents = [
        plain,
        full.clone(),
        edited(|approval| approval["allow"]["others"] = json!(1)),
        edited(|approval| approval["plan_hash"] = json!("sha256:0")),
        edited(|approval| approval["approved_at"] = json!("yesterday")),
    ];
    let found = problems("approval.schema.json", &documents);
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true, true], "{found:?}");
}

#[test]
fn a_report_is_what_its_schema_says() {
    // One create is refused, so that every kind of outcome but doubt is in it.
    let company = Company::faulty("small", &["POST /users nth=1 status=422"]);
    company.plan(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json", "--report", "first.json"]).ends(9);
    company.run(&["apply", "plan.json", "--report", "second.json"]).ends(0);
    let reports = [company.json("first.json"), company.json("second.json")];
    assert_eq!(problems("report.schema.json", &reports), [None, None]);
    let outcomes = |report: &Value, outcome: &str| report["summary"][outcome].as_u64();
    assert_eq!(outcomes(&reports[0], "failed"), Some(1));
    assert!(outcomes(&reports[0], "not_attempted") > Some(0) && outcomes(&reports[1], "done_before") > Some(0));
    for report in &reports {
        let listed = report["operations"].as_array().map(Vec::len);
        assert_eq!(listed, Some(8), "one entry for each operation");
    }
}

#[test]
fn a_comment_is_proven_before_anything_else_is_said_of_the_plan() {
    let company = Company::new("small");
    let plan = company.plan(0);
    let hash = plan["plan_hash"].as_str().expect("a hash");
    company.run(&["show", "plan.json", "--format", "markdown", "-o", "comment.md"]).ends(0);
    let verify = ["verify", "plan.json", "--approved-hash", hash, "--rendered", "comment.md"];
    company.run(&verify).ends(0).prints(&["shows exactly this plan", "apply would accept"]);
    company.run(&["verify", "plan.json", "--rendered", "comment.md"]).ends(6).prints(&["shows exactly this plan"]);
    company.edit("comment.md", "Pontus Rask", "Pontus Risk");
    company.run(&verify).ends(8).says(&["comment.md is not this plan"]);
}
