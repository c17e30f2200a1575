//! Which ids are shown, and when.

use super::build::{PlanBuilder, branch, change, custom, everything_plan, text_change, user};
use crate::plan::{Field, Value};
use crate::render::Ids;
use crate::render::text::{TextOptions, display};

fn shown(plan: &crate::plan::Plan, ids: Ids) -> String {
    display(plan, &TextOptions { ids, width: 200, ..TextOptions::default() }).to_string()
}

#[test]
fn ids_stand_after_people_managers_branches_and_fields() {
    let changes = vec![
        change(Field::Branch, Some(branch("br_se", "SE01", "Example AB")), Some(branch("br_no", "NO01", "Example AS"))),
        change(Field::Manager, None, Some(Value::Manager(user("1001", "Bo Lind", "60e300")))),
        text_change(custom("cf_cost_center"), "4100", "4200"),
    ];
    let mut builder = PlanBuilder::new(10, 10).update("1003", "Eva Holm", changes);
    builder.content.target.custom_fields.insert("cf_cost_center".into(), "Cost center".to_owned());
    let plan = builder.seal();
    let (with, without) = (shown(&plan, Ids::Shown), shown(&plan, Ids::Hidden));
    for (long, short) in [
        ("~ Eva Holm  1003  user 60e301\n", "~ Eva Holm  1003\n"),
        ("Example AB (SE01, id br_se) → Example AS (NO01, id br_no)", "Example AB (SE01) → Example AS (NO01)"),
        ("(none) → Bo Lind (1001, user 60e300)", "(none) → Bo Lind (1001)"),
        ("Cost center (custom_fields.cf_cost_center): 4100 → 4200", "Cost center: 4100 → 4200"),
        ("to the old branch, Example AB (SE01, id br_se);", "to the old branch, Example AB (SE01);"),
    ] {
        assert!(with.contains(long) && !without.contains(long), "{long}\n{with}");
        assert!(without.contains(short) && !with.contains(short), "{short}\n{without}");
    }
}

#[test]
fn an_id_that_stands_there_already_is_not_repeated() {
    let text = shown(&everything_plan(), Ids::Shown);
    for line in text.lines() {
        assert!(line.matches("user 60e").count() <= 2, "{line}");
    }
    assert!(text.lines().any(|line| line.contains("(user ") && line.matches("user ").count() == 1), "{text}");
}

#[test]
fn fields_whose_names_look_the_same_are_told_apart() {
    let changes = ["cf_1", "cf_2", "cf_3", "cf_4"].map(|id| text_change(custom(id), "a", "b"));
    let mut builder = PlanBuilder::new(10, 10).update("1003", "Eva Holm", changes.to_vec());
    for (id, name) in [("cf_1", "Cost center"), ("cf_2", "ＣＯＳＴ center"), ("cf_3", "Manager"), ("cf_4", "Room")]
    {
        builder.content.target.custom_fields.insert(id.into(), name.to_owned());
    }
    let text = shown(&builder.seal(), Ids::Hidden);
    for (id, is_told) in [("cf_1", true), ("cf_2", true), ("cf_3", true), ("cf_4", false)] {
        assert_eq!(text.contains(&format!("(custom_fields.{id})")), is_told, "{text}");
    }
}
