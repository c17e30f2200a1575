#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::plan::OperationId;
use crate::render::text::tests::build::{everything_plan, existing};
use crate::render::{html, json, markdown, since, text};

/// Every rendering of a masked plan.
fn renderings(masked: &Masked) -> [String; 4] {
    [
        text::display(masked, &text::TextOptions::default()).to_string(),
        markdown::render(masked, markdown::Options::default()).unwrap(),
        html::render(masked).unwrap(),
        json::render(masked).unwrap(),
    ]
}

#[test]
fn nothing_that_identifies_anybody_is_left_in_any_rendering() {
    let plan = everything_plan();
    let masked = mask(&plan);
    let secrets = [
        "Ana",
        "García",
        "Márquez",
        "Conor",
        "O'Brien",
        "Eva",
        "Ewa",
        "Holm",
        "Lundgren",
        "Bo Lind",
        "Dora",
        "Quist",
        "Finn",
        "Dahl",
        "Gun Wik",
        "eva.holm",
        "@example.com",
        "2001",
        "1003",
        "1009",
        "1044",
        "60e30",
        "60f30",
        "4100",
        "br_se",
        "br_no",
        "SE01",
        "Example A",
        "hr row 44",
        "9999",
    ];
    for (rendering, name) in renderings(&masked).iter().zip(["text", "markdown", "html", "json"]) {
        // The hash of the plan may contain any digits.
        let rendering = rendering.replace(&plan.hash().to_string(), "");
        let rendering = rendering.replace(&plan.content().config_hash.to_string(), "");
        // The page's own style and script name nobody.
        let rendering = match rendering.split_once("<body>") {
            Some((_, body)) => body.split("</script>").next().unwrap().to_owned(),
            None => rendering,
        };
        for secret in secrets {
            assert!(!rendering.contains(secret), "{name} shows {secret}:\n{rendering}");
        }
        for digest in [NO_DIGEST, plan.content().target.fingerprint] {
            assert!(!rendering.contains(&digest.to_string()), "{name} shows {digest}");
        }
    }
}

#[test]
fn the_hash_the_counts_and_the_kinds_of_change_stay() {
    let plan = everything_plan();
    let masked = mask(&plan);
    assert_eq!(masked.hash(), plan.hash());
    let (before, after) = (plan.content(), masked.content());
    assert_eq!((before.summary, &before.guards), (after.summary, &after.guards));
    assert_eq!(before.target.custom_fields, after.target.custom_fields);
    let kinds = |content: &Content| -> Vec<_> {
        let fields = |action: &Action| match action {
            Action::Update { changes, .. } => changes.iter().map(|change| change.field.to_string()).collect(),
            _ => Vec::new(),
        };
        let kind =
            |operation: &Operation| (operation.action.name(), operation.depends_on.clone(), fields(&operation.action));
        content.operations.iter().map(kind).collect()
    };
    assert_eq!(kinds(before), kinds(after));
    let codes = |content: &Content| content.diagnostics.iter().map(|found| found.code.clone()).collect::<Vec<_>>();
    assert_eq!(codes(before), codes(after));
    for rendering in renderings(&masked) {
        assert!(rendering.contains(&plan.hash().to_string()));
        assert!(rendering.contains("masked"), "it says that it is masked");
        assert!(rendering.contains("Cost center"));
    }
}

#[test]
fn the_same_value_has_the_same_mask_and_another_value_another() {
    let plan = everything_plan();
    let content = mask(&plan).content;
    let manager = |operation: usize| match &content.operations[operation].action {
        Action::Create { after } => after.manager.clone().unwrap().unwrap(),
        Action::Link { manager, .. } => manager.clone(),
        other => panic!("{other:?}"),
    };
    // Ana is the manager of Conor, who is the manager of Ana.
    let (ana, conor) = (&content.operations[0], &content.operations[1]);
    assert_eq!((manager(1).name(), manager(1).employee()), (ana.name.as_str(), ana.employee.as_ref()));
    assert_eq!((manager(4).name(), manager(4).employee()), (conor.name.as_str(), conor.employee.as_ref()));
    assert_ne!(ana.name, conor.name);
    let Action::Create { after } = &ana.action else { panic!() };
    assert_eq!(after.full_name(), ana.name);
    let finn = content.operations[3].employee.as_ref().map(|id| id.to_string());
    assert!(content.diagnostics.iter().any(|found| found.code == "manager_unresolved" && found.employee == finn));
    assert_eq!(mask(&plan).content, content, "twice the same");
}

#[test]
fn a_mask_tells_the_order_and_nothing_of_the_value() {
    let mut masks = Masks::default();
    for (kind, value, expected) in [
        (Kind::Person, "Anna Berg", "person-1"),
        (Kind::Person, "Bo Lind", "person-2"),
        (Kind::Person, "Anna Berg", "person-1"),
        (Kind::Email, "Anna Berg", "mail-1"),
        (Kind::Person, "anna berg", "person-3"),
        (Kind::Person, "", ""),
    ] {
        assert_eq!(masks.text(kind, value), expected, "{value}");
    }
}

#[test]
fn what_a_guard_is_about_is_masked_but_not_its_setting() {
    let branch =
        BranchRef { branch_id: "br_se".into(), external_identifier: Some("SE01".into()), name: "Example AB".into() };
    let part = |common, name: &str| Part { common, name: name.to_owned(), id: None, count: 1 };
    let guard = GuardResult {
        subject: Some(Subject::Branch(Some(branch))),
        parts: vec![
            part(Common::Reason, "email_missing"),
            part(Common::Person, "Anna Berg"),
            part(Common::Branch, "SE01"),
        ],
        ..GuardResult::of_whole("max_delete_percent", 3, 4, 20, crate::plan::GuardOutcome::Block)
    };
    let masked = Masks::default().guard(&guard);
    assert_eq!((masked.id.as_str(), masked.count), ("max_delete_percent", 3));
    let shown = format!("{masked:?}");
    assert!(shown.contains("email_missing"), "{shown}");
    for secret in ["br_se", "SE01", "Example AB", "Anna"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn two_plans_can_share_their_masks() {
    let old = everything_plan();
    let mut content = old.content().clone();
    content.operations.push(Operation {
        id: OperationId(8),
        employee: Some("2003".into()),
        name: "New Comer".into(),
        depends_on: Vec::new(),
        action: Action::Link { create: OperationId(1), manager: existing("1002", "Bo Lind").unwrap() },
    });
    let new = Plan::seal(content).unwrap();
    let mut masks = Masks::default();
    let (masked_old, masked_new) = (masks.mask(&old), masks.mask(&new));
    assert_eq!(masked_old.content.operations[..], masked_new.content.operations[..7]);
    let text = since::text(
        &since::compare(&old, &new),
        (&masked_old).into(),
        (&masked_new).into(),
        super::super::Ids::Hidden,
        false,
    );
    assert!(text.contains("New in this plan (1)") && text.contains("masked"), "{text}");
    assert!(!text.contains("Comer") && !text.contains("Lind"), "{text}");
}
