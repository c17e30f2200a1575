//! Real plans and views against `docs/schema`, by an independent validator.

use std::path::Path;

use jsonschema::Registry;
use serde_json::{Value, json};
use skovik_sync::plan::Plan;
use skovik_sync::render::{json, redact};

use super::company::Company;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What the schema of this name finds wrong with documents, one after the other.
pub(crate) fn problems(name: &str, documents: &[Value]) -> Vec<Option<String>> {
    // As files in one folder.
    let registry = Registry::new().add("file:///schema/plan.schema.json", schema("plan.schema.json")).unwrap();
    let registry = registry.prepare().unwrap();
    let base = format!("file:///schema/{name}");
    let options = jsonschema::options().with_registry(&registry).with_base_uri(base);
    let validator = options.build(&schema(name)).unwrap();
    documents.iter().map(|document| validator.iter_errors(document).next().map(|error| error.to_string())).collect()
}

fn document(plan: &Plan) -> Value {
    let mut text = Vec::new();
    plan.write(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn the_schemas_are_schemas() {
    for name in ["plan.schema.json", "plan-view.schema.json", "approval.schema.json", "report.schema.json"] {
        jsonschema::draft202012::meta::validate(&schema(name)).map_err(|error| format!("{name}: {error}")).unwrap();
    }
}

#[test]
fn plans_and_views_are_what_their_schemas_say() {
    let plans = [Company::of(0).plan(), Company::of(50).plan(), Company { changes: 60, stride: 2 }.plan()];
    assert_eq!(plans.iter().map(|plan| plan.blocking_guards().count()).collect::<Vec<_>>(), [1, 0, 3]);
    let documents: Vec<_> = plans.iter().map(document).collect();
    assert_eq!(problems("plan.schema.json", &documents), [None, None, None]);

    let view = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let views: Vec<_> = plans.iter().map(|plan| view(json::render(plan).unwrap())).collect();
    let masked: Vec<_> = plans.iter().map(|plan| view(json::render(&redact::mask(plan)).unwrap())).collect();
    assert_eq!(problems("plan-view.schema.json", &views), [None, None, None]);
    assert_eq!(problems("plan-view.schema.json", &masked), [None, None, None]);

    assert_eq!((&views[0]["blocked_by"], &views[0]["ceilings"]), (&json!(["min_employees"]), &json!(null)));
    assert_eq!((&views[1]["blocked_by"], &views[1]["ceilings"]), (&json!([]), &json!({})));
    assert_eq!(views[2]["blocked_by"], json!(["max_change_percent", "max_emptied_percent"]));
    let emptied = plans[2].content().guards.iter().filter(|guard| guard.id == "max_emptied_percent");
    let emptied: u64 = emptied.map(|guard| guard.count).sum();
    assert_eq!(views[2]["ceilings"], json!({ "changes": views[2]["guards"][1]["count"], "emptied": emptied }));
    assert_eq!(
        (&views[1]["plan_hash"], &masked[1]["plan_hash"]),
        (&documents[1]["plan_hash"], &documents[1]["plan_hash"])
    );
    assert_eq!((&views[1]["masked"], &masked[1]["masked"]), (&json!(false), &json!(true)));
}

/// A view is not a plan, to the schema and to the program.
#[test]
fn a_view_is_no_plan() {
    let plan = Company::of(5).plan();
    let view = json::render(&plan).unwrap();
    assert!(problems("plan.schema.json", &[serde_json::from_str(&view).unwrap()])[0].is_some());
    assert!(Plan::read(view.as_bytes()).is_err());
}

/// The view has the keys of the plan with the same values.
#[test]
fn a_view_has_all_that_the_plan_has() {
    let plan = Company::of(50).plan();
    let (document, view) = (document(&plan), serde_json::from_str::<Value>(&json::render(&plan).unwrap()).unwrap());
    for (key, value) in document.as_object().unwrap() {
        match key.as_str() {
            "format" | "format_version" => {}
            "operations" => {
                let operations = view["operations"].as_array().unwrap().iter().cloned().map(|mut operation| {
                    operation.as_object_mut().unwrap().remove("consequences").unwrap();
                    operation
                });
                assert_eq!(value, &Value::from_iter(operations));
            }
            _ => assert_eq!(value, &view[key], "{key}"),
        }
    }
}

#[test]
fn the_schema_is_as_strict_as_the_program() {
    let plan = document(&Company::of(50).plan());
    let position = |action: &str| {
        plan["operations"].as_array().unwrap().iter().position(|operation| operation["action"] == action).unwrap()
    };
    let (create, update, delete) = (position("create"), position("update"), position("delete"));
    let edits: Vec<(String, Value)> = vec![
        ("/format_version".into(), json!(4)),
        ("/target/anchors/users".into(), json!(["x"])),
        ("/format".into(), json!("skovik-sync/plan-view")),
        ("/plan_hash".into(), json!("sha256:ABC")),
        ("/new_key".into(), json!(1)),
        ("/target/token".into(), json!("x")),
        ("/summary/create".into(), json!(-1)),
        ("/summary/create".into(), json!(1.5)),
        ("/guards/0/outcome".into(), json!("maybe")),
        (format!("/operations/{create}/user_id"), json!("x")),
        (format!("/operations/{create}/action"), json!("delete")),
        (format!("/operations/{create}/employee"), json!(null)),
        (format!("/operations/{create}/id"), json!(1)),
        (format!("/operations/{create}/id"), json!("01")),
        (format!("/operations/{update}/changes"), json!([])),
        (format!("/operations/{update}/changes/0/field"), json!("password")),
        (format!("/operations/{update}/changes/0/after"), json!(7)),
        (format!("/operations/{update}/changes/0"), json!({ "field": "last_name", "before": "a", "after": null })),
        (format!("/operations/{update}/changes/0"), json!({ "field": "branch", "before": "a", "after": null })),
        (format!("/operations/{update}/changes/0"), json!({ "field": "custom_fields.", "before": "a", "after": null })),
        (
            format!("/operations/{delete}/before/manager"),
            json!({ "user_id": "1", "create": "1", "employee": null, "name": "" }),
        ),
        (format!("/operations/{delete}/before/roles"), json!([])),
    ];
    let edited = edits.iter().map(|(pointer, value)| {
        let mut document = plan.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[key] = value.clone(),
        }
        document
    });
    let edited: Vec<_> = edited.collect();
    for (edit, problem) in edits.iter().zip(problems("plan.schema.json", &edited)) {
        assert!(problem.is_some(), "the schema takes {edit:?}");
    }
}
