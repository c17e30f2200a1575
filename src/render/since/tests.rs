#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::plan::{Action, Content, CreateRef, Digest, Field, GuardOutcome, ManagerRef, OperationId, Severity, Value};
use crate::render::hostile;
use crate::render::markdown::Options;
use crate::render::markdown::tests::parser::{Parsed, parse};
use crate::render::text::tests::build::{PlanBuilder, change, everything_plan, existing, text_change, user};

fn shown(old: &Plan, new: &Plan) -> String {
    let text = text(&compare(old, new), old.into(), new.into(), Ids::Hidden, false);
    let end = format!("Plan hash: {}\n", new.hash());
    assert!(text.ends_with(&end), "the hash stands in the last line");
    text.replace(&end, "Plan hash: …\n").replace(&old.hash().to_string(), "sha256:…")
}

fn base() -> PlanBuilder {
    PlanBuilder::new(1_190, 1_184)
        .unchanged(1_100)
        .create("2001", ("Ana", "Roca"), "ana@example.com", None)
        .update("1003", "Eva Holm", vec![text_change(Field::LastName, "Lundgren", "Holm")])
        .operation(
            Some("1004"),
            "Finn Dahl",
            Action::Update {
                user_id: "60e304".into(),
                before_hash: Digest::of(b"before"),
                branch: None,
                roles: None,
                changes: vec![change(Field::Manager, None, existing("1002", "Bo Lind").map(Value::Manager))],
            },
        )
        .delete("1009", ("Dora", "Quist"), "dora@example.com")
        .guard("max_delete_percent", 1, 1_184, 20, GuardOutcome::Pass)
}

#[test]
fn the_same_plan_twice() {
    let plan = base().seal();
    insta::assert_snapshot!(shown(&plan, &plan), @r#"
    Since  sha256:…

    The same in both: 4 operations.
    Nothing has changed.
    Plan hash: …
    "#);
}

#[test]
fn new_gone_and_different() {
    let old = base().remark(Severity::Warning, "manager_unresolved", Some("1003"), "manager 9999 is nowhere").seal();
    let new = PlanBuilder::new(1_191, 1_184)
        .unchanged(1_099)
        .create("1998", ("Nils", "New"), "nils@example.com", None)
        .create("2001", ("Ana", "Roca"), "ana.roca@example.com", None)
        .update(
            "1003",
            "Eva Holm",
            vec![
                text_change(Field::LastName, "Lundgren", "Holm-Berg"),
                change(Field::Manager, None, existing("1002", "Bo Lind").map(Value::Manager)),
            ],
        )
        .delete("1009", ("Dora", "Quist"), "dora@example.com")
        .guard("max_delete_percent", 300, 1_184, 20, GuardOutcome::Block)
        .guard("max_creates", 2, 1_184, 20, GuardOutcome::Pass)
        .remark(Severity::Error, "email_missing", None, "hr row 44: no e-mail")
        .seal();
    insta::assert_snapshot!(shown(&old, &new), @r#"
    Since  sha256:…

    Changed
      to create: 1 → 2
      to update: 2 → 1
      unchanged: 1100 → 1099
      guard max_delete_percent: 1 of 1184 (under 0.1 %), limit 20 %: pass → 300 of 1184 (25.4 %), limit 20 %: BLOCKED
      guard max_creates: (not there) → 2, limit 20: pass
      users: 1190 → 1191

    New in this plan (1)
      + Nils New  1998  nils@example.com
          branch: Example AB (SE01)
          manager: (none)
          Cost center: 4100

    No longer in this plan (1)
      ~ Finn Dahl  1004
          manager: (none) → Bo Lind (1002)

    Different in this plan (2)
      + Ana Roca  2001  ana.roca@example.com
          - Ana Roca  2001  ana@example.com
            branch: Example AB (SE01)
            manager: (none)
            Cost center: 4100
      ~ Eva Holm  1003
          - last_name: Lundgren → Holm
          + last_name: Lundgren → Holm-Berg
          + manager: (none) → Bo Lind (1002)

    New remarks (1)
      email_missing: hr row 44: no e-mail

    Remarks that are gone (1)
      manager_unresolved: 1003: manager 9999 is nowhere

    The same in both: 1 operation.
    BLOCKED by max_delete_percent: only an approval that allows these counts lets it pass: skovik-sync approve PLAN --allow deletes=300
    Plan hash: …
    "#);
    let comment = markdown(&compare(&old, &new), (&old).into(), (&new).into(), Options::default()).unwrap();
    let comment = comment.replace(&old.hash().to_string(), "sha256:old").replace(&new.hash().to_string(), "sha256:new");
    insta::assert_snapshot!(comment, @r#"
    ## skovik-sync plan: what has changed

    Since the plan `sha256:old`.

    > **Blocked** by one guard: only an approval that allows these counts lets it pass: `skovik-sync approve PLAN --allow deletes=300`

    | What | Before | Now |
    |:--|:--|:--|
    | `to create` | `1` | `2` |
    | `to update` | `2` | `1` |
    | `unchanged` | `1100` | `1099` |
    | `guard max_delete_percent` | `1 of 1184 (under 0.1 %), limit 20 %: pass` | `300 of 1184 (25.4 %), limit 20 %: BLOCKED` |
    | `guard max_creates` | `(not there)` | `2, limit 20: pass` |
    | `users` | `1190` | `1191` |

    <details open>
    <summary><b>Different</b> (2)</summary>

    ```diff
    @@ Ana Roca  2001  ana.roca@example.com @@
    - Ana Roca  2001  ana@example.com
          branch: Example AB (SE01)
          manager: (none)
          Cost center: 4100
    @@ Eva Holm  1003 @@
    - last_name: Lundgren → Holm
    + last_name: Lundgren → Holm-Berg
    + manager: (none) → Bo Lind (1002)
    ```

    </details>

    <details open>
    <summary><b>New</b> (1)</summary>

    ```diff
    + Nils New  1998  nils@example.com
    +     branch: Example AB (SE01)
    +     manager: (none)
    +     Cost center: 4100
    ```

    </details>

    <details open>
    <summary><b>Remarks</b> (2)</summary>

    ```diff
    + email_missing: hr row 44: no e-mail
    - manager_unresolved: 1003: manager 9999 is nowhere
    ```

    </details>

    <details open>
    <summary><b>No longer in the plan</b> (1)</summary>

    ```diff
    @@ Finn Dahl  1004 @@
    - manager: (none)
    + manager: Bo Lind (1002)
    ```

    </details>

    The same in both: 1 operation.

    <!-- skovik-sync comment: since=sha256:old -->

    Plan hash: `sha256:new`
    "#);
}

#[test]
fn a_person_who_has_come_into_being_since_is_the_same_person() {
    let old = PlanBuilder::new(10, 10).create("2001", ("Ana", "Roca"), "ana@example.com", None).seal();
    let changed = vec![text_change(Field::LastName, "Roka", "Roca")];
    let new = PlanBuilder::new(11, 10).update("2001", "Ana Roca", changed).seal();
    let text = shown(&old, &new);
    assert!(text.contains("Different in this plan (1)") && !text.contains("New in this plan"), "{text}");
    assert!(text.contains("- create") && text.contains("+ update"), "{text}");
}

#[test]
fn a_manager_who_is_numbered_anew_is_the_same_manager() {
    let reports = |first: PlanBuilder, number| {
        let manager = |employee: &str| {
            let (employee, name) = (employee.into(), "Ana Roca".to_owned());
            ManagerRef::Create(CreateRef { create: OperationId(number), employee, name: name.into() })
        };
        let mut content = first
            .create("2001", ("Ana", "Roca"), "ana@example.com", None)
            .create("2002", ("Bo", "Lind"), "bo@example.com", Some(manager("2001")))
            .update("1003", "Eva Holm", vec![change(Field::Manager, None, Some(Value::Manager(manager("2001"))))])
            .operation(Some("2001"), "Ana Roca", Action::Link { create: OperationId(number), manager: manager("2001") })
            .seal()
            .content()
            .clone();
        for operation in content.operations.iter_mut().filter(|operation| operation.id.0 > number) {
            operation.depends_on = vec![OperationId(number)];
        }
        Plan::seal(content).unwrap()
    };
    let old = reports(PlanBuilder::new(10, 10), 1);
    let new = reports(PlanBuilder::new(10, 10).create("1998", ("Nils", "New"), "nils@example.com", None), 2);
    let Difference { pairs: Pairs { new, gone, different, same, reordered }, .. } = compare(&old, &new);
    assert_eq!((new, gone, different.len(), same, reordered), (vec![0], vec![], 0, 4, false));
}

#[test]
fn what_is_not_shown_of_an_operation_is_told_too() {
    let with = |edit: fn(&mut Content)| {
        let mut content = base().seal().content().clone();
        edit(&mut content);
        Plan::seal(content).unwrap()
    };
    let plan = base().seal();
    let other_hash = with(|content| {
        let Action::Update { before_hash, .. } = &mut content.operations[1].action else { panic!() };
        *before_hash = Digest::of(b"another");
    });
    assert!(shown(&plan, &other_hash).contains("! their other fields in Skovik"));
    let waits = with(|content| content.operations[1].depends_on.push(OperationId(1)));
    assert!(shown(&plan, &waits).contains("! it comes after other operations than before"));
    let settings = with(|content| content.config_hash = Digest::of(b"another"));
    assert!(shown(&plan, &settings).contains("settings: sha256:"));
    let data = with(|content| content.target.fingerprint = Digest::of(b"another"));
    assert!(shown(&plan, &data).contains("data of the account: another → this"));
    let source = with(|content| content.sources[0].fingerprint = Digest::of(b"another"));
    assert!(shown(&plan, &source).contains("data of source hr: another → this"));
    let order = with(|content| content.operations.swap(1, 2));
    assert!(shown(&plan, &order).contains("operations: another order → this order"));
}

#[test]
fn a_comment_on_a_difference_proves_no_plan() {
    let plan = base().seal();
    let old = everything_plan();
    let comment = markdown(&compare(&old, &plan), (&old).into(), (&plan).into(), Options::default()).unwrap();
    let problem = crate::render::markdown::proves(&plan, &comment).unwrap_err();
    assert!(problem.contains("only what changed since another plan"), "{problem}");
}

/// A plan with an operation for each of these people, numbered in their order.
fn plan_of(people: &[u8]) -> Plan {
    let mut builder = PlanBuilder::new(300, 300);
    for person in people {
        let id = format!("{person:03}");
        builder = match person % 3 {
            0 => builder.delete(&id, ("Dora", "Quist"), "dora@example.com"),
            1 => builder.create(&id, ("Ana", "Roca"), "ana@example.com", Some(user("1", "Bo Lind", "60e300"))),
            _ => builder.update(&id, "Eva Holm", vec![text_change(Field::LastName, "Lundgren", "Holm")]),
        };
    }
    let mut content = builder.seal().content().clone();
    for (operation, person) in content.operations.iter_mut().zip(people) {
        if let Action::Update { user_id, .. } | Action::Delete { user_id, .. } = &mut operation.action {
            *user_id = format!("u{person}").as_str().into();
        }
    }
    Plan::seal(content).unwrap()
}

proptest! {
    /// People are not identified by numbers: a person in both plans is the same person at any index.
    #[test]
    fn who_is_only_in_one_is_new_or_gone(
        old in prop::collection::btree_set(any::<u8>(), 0..30),
        new in prop::collection::btree_set(any::<u8>(), 0..30),
    ) {
        let lists = [&old, &new].map(|set| set.iter().copied().collect::<Vec<_>>());
        let plans = [plan_of(&lists[0]), plan_of(&lists[1])];
        let Difference { pairs, .. } = compare(&plans[0], &plans[1]);
        let at = |list: &[u8], places: &[usize]| places.iter().map(|&place| list[place]).collect::<Vec<_>>();
        prop_assert_eq!(at(&lists[1], &pairs.new), new.difference(&old).copied().collect::<Vec<_>>());
        prop_assert_eq!(at(&lists[0], &pairs.gone), old.difference(&new).copied().collect::<Vec<_>>());
        prop_assert_eq!((pairs.same, pairs.different.len(), pairs.reordered), (old.intersection(&new).count(), 0, false));
    }

    /// If no difference is shown, the plans are equal; a single changed text is shown.
    #[test]
    fn whatever_differs_is_told(texts in hostile::texts(), place in 0..hostile::TEXTS, other in hostile::text()) {
        let mut changed = texts.clone();
        changed[place] = other;
        let (old, new) = (hostile::plan(&texts), hostile::plan(&changed));
        let difference = compare(&old, &new);
        let silent = Both::of(&difference, (&old).into(), (&new).into(), Ids::Hidden).facts().is_empty()
            && difference.pairs.new.is_empty() && difference.pairs.gone.is_empty() && difference.pairs.different.is_empty()
            && difference.new_remarks.is_empty() && difference.gone_remarks.is_empty();
        prop_assert_eq!(silent, old.hash() == new.hash());
        prop_assert_eq!(shown(&old, &new).contains("\nNothing has changed.\n"), silent);
    }

    /// Outside of code, the comment has only the texts of a harmless difference.
    #[test]
    fn no_text_leaves_its_place(old in hostile::texts(), new in hostile::texts()) {
        let read = |old: &Plan, new: &Plan| {
            let text = markdown(&compare(old, new), old.into(), new.into(), Options::default()).unwrap();
            let text = text.replace(&old.hash().to_string(), "old").replace(&new.hash().to_string(), "new");
            let Parsed { kinds, outside, .. } = parse(&text);
            let kinds = kinds.into_iter().map(|(_, kind)| kind.split(',').next().unwrap_or_default().to_owned());
            let without_counts = |text: String| {
                text.replace(|c: char| c.is_ascii_digit(), "").replace("operations", "operation")
            };
            let outside: BTreeSet<_> = outside.into_iter().map(without_counts).collect();
            (kinds.collect::<BTreeSet<_>>(), outside, text)
        };
        let (old, new) = (hostile::plan(&old), hostile::plan(&new));
        let others: Vec<_> = (0..hostile::TEXTS).map(|number| format!("other{number}")).collect();
        let (kinds, mut outside, _) = read(&hostile::harmless(), &hostile::plan(&others));
        // Two of the texts may be equal by chance and make one person of two; then there is a section that the harmless
        // comment lacks.
        outside.extend(
            ["New deletes", "Different", "New", "Remarks", "No longer in the plan"]
                .map(|title| format!("<details open>\n<summary><b>{title}</b> ()</summary>\n")),
        );
        let (hostile_kinds, hostile_outside, text) = read(&old, &new);
        let new_kinds: Vec<_> = hostile_kinds.difference(&kinds).collect();
        prop_assert!(new_kinds.is_empty(), "{new_kinds:?}\n{text}");
        let new_texts: Vec<_> = hostile_outside.difference(&outside).collect();
        prop_assert!(new_texts.is_empty(), "{new_texts:?}\n{text}");
        prop_assert!(text.ends_with("\nPlan hash: `new`\n"));
    }
}
