//! Values that would break a line, look like other values, or take more cells than letters.

use super::*;

#[test]
fn hostile_values_stay_on_their_line() {
    let hostile = "x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n";
    let mut builder = PlanBuilder::new(10, 10)
        .create("1\n2", ("Anna  1002", "x@example.com"), "a\u{200b}@example.com", existing("9\t9", hostile))
        .update(
            "1003",
            hostile,
            vec![
                text_change(Field::PrimaryEmail, "a@example.com", "a\u{200d}@example.com"),
                text_change(Field::FirstName, "A → B", "(none)"),
                change(custom("cf_text"), None, Some(Value::Text("(none)".into()))),
                change(custom("cf_cost\ncenter"), Some(Value::Text(hostile.into())), Some(Value::Text("4100".into()))),
            ],
        )
        .delete_because("1009", (hostile, hostile), hostile, hostile)
        .remark(Severity::Error, hostile, None, hostile)
        .remark(Severity::Warning, hostile, Some("1003"), hostile)
        .guard(hostile, 1, 1, 1, GuardOutcome::Block);
    builder.content.target.url = hostile.to_owned();
    builder.content.target.kind = hostile.to_owned();
    builder.content.target.custom_fields.insert("cf_text".into(), "manager".to_owned());
    builder.content.sources[0].name = hostile.to_owned();
    builder.content.sources[0].kind = hostile.to_owned();
    builder.content.sources[0].proof = hostile.to_owned();
    let plan = builder.seal();
    let options = TextOptions { width: 1_000, plan_file: hostile.into(), ..TextOptions::default() };
    let shown = text_with(&plan, &options);
    insta::assert_snapshot!(shown, @r#"
    Target   x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n: 10 users, 10 of them managed
    Source   x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n (x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n): 1200 records, verified complete by x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n
    Deletes  1 person loses their access; see the end

    Create (1)
      + "Anna  1002 x@example.com"  1\n2  a\u{200b}@example.com
          first_name:  "Anna  1002"
          last_name:   x@example.com
          branch:      Example AB (SE01)
          manager:     "x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n" (9\t9)
          Cost center: 4100

    Update (1)
      ~ "x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n"  1003
          primary_email:                   a@example.com → a\u{200d}@example.com
          first_name:                      "A → B" → "(none)"
          manager (custom_fields.cf_text): (none) → "(none)"
          custom_fields.cf_cost\ncenter:   "x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n" → 4100
          ! x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\n (x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n)

    Set aside and warnings (1)
      ! x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n (1)
        x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\n

    Delete (1)
      - "x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n"  1009  "x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n"
          reason: x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\n
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are sent for approval at once

    Guards
      x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n  1, limit 1  BLOCKED
    BLOCKED by x\n  - Ceo Boss\u{1b}[32m\u{202e}\r\u{9b}2K\u{85}\u{2028}\\n: no approval can allow this; correct the source, or change [guard] in the settings, and plan again.

    Plan: 1 to create, 1 to update, 1 to delete, 0 unchanged.
    Plan hash: sha256:…
    "#);
    assert!(shown.chars().all(|c| c == '\n' || !crate::text::is_unseen(c)), "something unseen got through");
}

#[test]
fn values_that_look_the_same_are_told_apart() {
    let same_name = |id: &str| Value::Manager(user("1002", "Bo Lind", id));
    let plan = PlanBuilder::new(10, 10)
        .update(
            "1003",
            "Eva Holm",
            vec![
                text_change(Field::FirstName, "Ame\u{301}lie", "Am\u{e9}lie"),
                text_change(Field::LastName, "Holm", "Holm\u{ad}"),
                change(
                    Field::Branch,
                    Some(branch("br_1", "SE01", "Example AB")),
                    Some(branch("br_2", "SE01", "Example AB")),
                ),
                change(Field::Manager, Some(same_name("60a")), Some(same_name("60b"))),
                change(custom("cf_company_car"), Some(Value::Boolean(true)), Some(Value::Text("true".into()))),
            ],
        )
        .seal();
    insta::assert_snapshot!(text(&plan), @r#"
    Target   skovik https://api.skovik.com/v1: 10 users, 10 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete

    Update (1)
      ~ Eva Holm  1003
          first_name:  "Ame\u{301}lie" → "Am\u{e9}lie"
          last_name:   Holm → Holm\u{ad}
          branch:      Example AB (SE01, id br_1) → Example AB (SE01, id br_2)
          manager:     Bo Lind (1002, user 60a) → Bo Lind (1002, user 60b)
          Company car: true → "true"
          ! what lies in the outbox is sent in as a report to the old branch, Example AB (SE01); Skovik
            might empty custom fields, which apply then fills again

    Plan: 0 to create, 1 to update, 0 to delete, 0 unchanged.
    Plan hash: sha256:…
    "#);
}

#[test]
fn columns_are_aligned_by_the_cells_that_letters_take() {
    let plan = PlanBuilder::new(10, 10)
        .create("1001", ("李", "小龙"), "li@example.com", existing("1002", "Bo Lind"))
        .create("10020", ("Anna-Maria", "Berg"), "anna@example.com", existing("1002", "Bo Lind"))
        .create("3", ("A", &"very".repeat(20)), "long@example.com", existing("1002", "Bo Lind"))
        .seal();
    let shown = text(&plan);
    let column = |needle: &str| {
        let line = shown.lines().find(|line| line.contains(needle)).unwrap();
        console::measure_text_width(&line[..line.find(needle).unwrap()])
    };
    assert_eq!(column("li@example.com"), column("anna@example.com"));
    assert_eq!(column("1001"), column("10020"));
    insta::assert_snapshot!(shown, @"
    Target   skovik https://api.skovik.com/v1: 10 users, 10 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete

    Create (3)
      + 李 小龙                                   1001   li@example.com
          branch:      Example AB (SE01)
          manager:     Bo Lind (1002)
          Cost center: 4100
      + Anna-Maria Berg                           10020  anna@example.com
          branch:      Example AB (SE01)
          manager:     Bo Lind (1002)
          Cost center: 4100
      + A veryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryvery  3      long@example.com
          branch:      Example AB (SE01)
          manager:     Bo Lind (1002)
          Cost center: 4100

    Plan: 3 to create, 0 to update, 0 to delete, 0 unchanged.
    Plan hash: sha256:…
    ");
}
