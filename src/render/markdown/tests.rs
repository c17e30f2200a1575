#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub(in crate::render) mod parser;

use proptest::prelude::*;

use self::parser::{Parsed, parse};

use super::*;
use crate::plan::{Action, Diagnostic, Field, GuardOutcome, GuardResult, Severity, Value};
use crate::render::hostile;
use crate::render::text::tests::build::{PlanBuilder, branch, change, everything_plan, existing, text_change};

fn comment(plan: &Plan) -> String {
    render(plan, Options::default()).unwrap()
}

fn shortened(plan: &Plan, max_bytes: usize) -> String {
    render(plan, Options { max_bytes, ..Options::default() }).unwrap()
}

#[test]
fn everything() {
    let plan = everything_plan();
    let text = comment(&plan);
    let end = format!("\nPlan hash: `{}`\n", plan.hash());
    assert!(text.ends_with(&end), "the hash stands in the last line");
    insta::assert_snapshot!(text.replace(&end, "\nPlan hash: …\n"), @r#"
    ## skovik-sync plan: 2 to create, 2 to update, 2 to delete

    | Group | People |
    |:--|--:|
    | Create | 2 |
    | Update | 2 |
    | **Delete** | **2** |
    | Unchanged | 1,150 |
    | Set aside | 1 |

    ### Guards

    | Guard | Found | Outcome |
    |:--|:--|:--|
    | `max_delete_percent` | 2 of 1184 (0.1 %), limit 20 % | pass |
    | `max_change_percent` | 4 of 1184 (0.3 %), limit 20 % | pass |
    | `max_invalid_percent` | 1 of 1198 (under 0.1 %), limit 5 % | pass |
    | `min_employees` | 1197, at least 1 | pass |

    | Side | From | What was read |
    |:--|:--|:--|
    | target | `https://api.skovik.com/v1` (`skovik`) | 1,190 users, 1,184 of them managed |
    | source | `hr` (`csv`) | 1,200 records, **trusted, no proof that it is complete** |
    | source | `payroll` (`json`) | 1,198 records, verified complete by `expect_records` |

    <details open>
    <summary><b>Delete</b> (2)</summary>

    Each of them can no longer sign in; unregistered receipts are mailed to them; registered receipts are sent for approval at once.

    ```diff
    - Dora Quist  1009  dora.quist@example.com
    -     reason: in no source
    - (no name)  (user 60f302)  shared@example.com  roles: admin, exporter
    -     reason: in no source
    ```

    </details>

    <details open>
    <summary><b>Set aside and warnings</b> (2)</summary>

    ```diff
    - email_missing: hr row 44 (1044, Gun Wik): no e-mail
    ! manager_unresolved: 1004: manager 9999 is nowhere; Finn Dahl is left without
    ```

    </details>

    <details>
    <summary><b>Update</b> (2)</summary>

    ```diff
    @@ Eva Holm  1003 @@
    - external_identifier: (none)
    + external_identifier: 1003
    - primary_email: eva.lundgren@example.com
    + primary_email: eva.holm@example.com
    - first_name: Ewa
    + first_name: Eva
    - last_name: Lundgren
    + last_name: Holm
    - branch: Example AB (SE01)
    + branch: Example AS (id br_no)
    - manager: Bo Lind (1002)
    + manager: Conor O'Brien (2002, new)
    - Company car: false
    + Company car: true
    - Cost center: 4100
    + Cost center: (none)
    - custom_fields.cf_unnamed: (none)
    + custom_fields.cf_unnamed: x
    ! what lies in the outbox is sent in as a report to the old branch, Example AB (SE01); Skovik might empty custom fields, which apply then fills again
    @@ Finn Dahl  1004 @@
    - manager: Dora Quist (1009)
    + manager: (none)
    ```

    </details>

    <details>
    <summary><b>Create</b> (2)</summary>

    ```diff
    + Ana García Márquez  2001  ana.garcia@example.com
    +     first_name: Ana
    +     last_name: García Márquez
    +     branch: Example AB (SE01)
    +     manager: (none)
    +     Cost center: 4100
    + Conor O'Brien  2002  conor.obrien@example.com
    +     branch: Example AB (SE01)
    +     manager: Ana García Márquez (2001, new)
    +     Cost center: 4100
    ```

    </details>

    <details>
    <summary><b>Link</b> (1)</summary>

    Managers set once both people are there; not counted.

    ```diff
    @@ Ana García Márquez  2001 @@
    - manager: (none)
    + manager: Conor O'Brien (2002, new)
    ```

    </details>

    <details>
    <summary><b>Worth knowing</b> (2)</summary>

    ```text
    i manager_cycle: 2001: reports in a circle; the manager is linked afterwards
    i branch_unused: the branch "DE01" has nobody
    ```

    </details>

    <!-- skovik-sync comment: layout=3 max-bytes=65536 redact=no ids=no -->

    Plan hash: …
    "#);
}

#[test]
fn a_blocked_plan_says_what_lifts_it() {
    let plan = PlanBuilder::new(10, 10)
        .delete("1009", ("Dora", "Quist"), "dora.quist@example.com")
        .guard("max_delete_percent", 3, 10, 20, GuardOutcome::Block)
        .guard("min_employees", 0, 0, 1, GuardOutcome::Block)
        .seal();
    let text = comment(&plan);
    assert!(text.contains("> **Blocked** by one guard: no approval can allow this"), "{text}");
    assert!(text.contains("`skovik-sync approve PLAN --allow deletes=3`"), "{text}");
    assert!(text.contains("| `max_delete_percent` | 3 of 10 (30.0 %), limit 20 % | **BLOCKED** |"), "{text}");
}

#[test]
fn no_changes() {
    let text = comment(&PlanBuilder::new(10, 10).unchanged(10).seal());
    assert!(text.starts_with("## skovik-sync plan: no changes\n"), "{text}");
    assert!(!text.contains("<details"), "{text}");
}

/// Five of each kind, and a warning.
fn crowd(people: usize) -> Plan {
    let mut builder = PlanBuilder::new(10, 10).remark(Severity::Error, "email_missing", None, "hr row 44: no e-mail");
    for person in 0..people {
        let (id, email) = (format!("{person:05}"), format!("person{person}@example.com"));
        builder = match person % 5 {
            0 => builder.delete(&id, ("Dora", "Quist"), &email),
            1 => builder.create(&id, ("Anna", "Berg"), &email, existing("1002", "Bo Lind")),
            _ => builder.update(&id, "Eva Holm", vec![text_change(Field::LastName, "Lundgren", "Holm")]),
        };
    }
    builder.seal()
}

#[test]
fn what_matters_least_is_left_out_first_and_counted() {
    let plan = crowd(500);
    let count = |text: &str, what: &str| text.lines().filter(|line| line.starts_with(what)).count();
    let whole = shortened(&plan, 1_000_000);
    assert_eq!((count(&whole, "- Dora"), count(&whole, "@@ Eva"), count(&whole, "+ Anna")), (100, 300, 100));
    assert!(!whole.contains("Shortened"));

    // The creates go first, then the updates, then the deletes.
    let text = shortened(&plan, 24_000);
    assert_eq!((count(&text, "- Dora"), count(&text, "+ Anna")), (100, 0), "{text}");
    let updates = count(&text, "@@ Eva");
    assert!((1..300).contains(&updates), "{updates}");
    assert!(text.contains(&format!(
        "\n… and {} more updates are left out; see everything with `skovik-sync show PLAN`.\n",
        300 - updates
    )));
    assert!(text.contains("\n… and 100 more creates are left out;"));
    assert!(text.contains("<summary><b>Create</b> (100)</summary>"));
    assert!(text.contains("> **Shortened** to 24,000 bytes"));

    let text = shortened(&plan, LEAST_MAX_BYTES);
    assert_eq!(count(&text, "@@ Eva"), 0);
    assert!(count(&text, "- Dora") > 5);
    assert!(text.contains("hr row 44") || text.contains("… and 1 more warnings are left out"));
}

#[test]
fn of_the_updates_those_that_weigh_most_stay() {
    let mut builder = PlanBuilder::new(10, 10);
    for person in 0..300 {
        let changes = match person {
            250 => vec![change(Field::Branch, Some(branch("br_se", "SE01", "Example AB")), None)],
            200 => vec![text_change(Field::PrimaryEmail, "a@example.com", "b@example.com")],
            _ => vec![text_change(Field::LastName, "Lundgren", "Holm")],
        };
        builder = builder.update(&format!("{person:05}"), "Eva Holm", changes);
    }
    let text = shortened(&builder.seal(), 6_000);
    for (person, is_shown) in [("00000", true), ("00200", true), ("00250", true), ("00199", false)] {
        assert_eq!(text.contains(&format!("@@ Eva Holm  {person} @@")), is_shown, "{person}: {text}");
    }
}

#[test]
fn one_endless_name_keeps_nobody_else_out() {
    let mut builder = PlanBuilder::new(10, 10).delete("1", ("Dora", &"x".repeat(100_000)), "dora@example.com");
    builder = builder.delete("2", ("Eva", "Holm"), "eva@example.com");
    let text = comment(&builder.seal());
    assert!(text.contains("- Eva Holm  2  eva@example.com"), "{text}");
    assert!(text.contains("… and 1 more deletes are left out"), "{text}");
    assert!(text.len() <= DEFAULT_MAX_BYTES);
}

#[test]
fn what_cannot_be_left_out_always_has_a_place() {
    let mut plan = crowd(5_000).content().clone();
    // The largest number that a plan holds.
    let most = 1 << 53;
    plan.summary =
        Summary { create: most, update: most, reactivate: most, delete: most, unchanged: most, set_aside: most };
    for id in ["max_delete_percent", "max_change_percent", "max_creates", "min_employees"] {
        let outcome = GuardOutcome::Block;
        plan.guards.push(GuardResult::of_whole(id, most, most, most, outcome));
    }
    let info = Diagnostic { severity: Severity::Info, ..plan.diagnostics[0].clone() };
    plan.diagnostics.push(info);
    let link = everything_plan().content().operations[4].clone();
    plan.operations.push(link);
    let plan = Plan::seal(plan).unwrap();
    let text = render(&redact::mask(&plan), Options { max_bytes: LEAST_MAX_BYTES, ..Options::default() }).unwrap();
    assert!(text.len() <= LEAST_MAX_BYTES);
    assert_eq!(
        render(&plan, Options { max_bytes: 500, ..Options::default() }).unwrap_err(),
        TooShort { max_bytes: 500 }
    );
}

#[test]
fn a_comment_is_proven_after_what_forges_do_to_it() {
    let plan = crowd(300);
    for text in [
        comment(&plan),
        shortened(&plan, LEAST_MAX_BYTES),
        comment(&plan).replace('\n', "\r\n"),
        comment(&plan).trim_end().to_owned(),
        comment(&plan) + "\n",
        render(&redact::mask(&plan), Options::default()).unwrap(),
    ] {
        proves(&plan, &text).unwrap();
    }
}

#[test]
fn a_comment_that_is_not_this_plan_is_no_proof() {
    let plan = crowd(300);
    let text = comment(&plan);
    for (wrong, expected) in [
        (String::new(), "its last line is not the hash of this plan"),
        (comment(&crowd(299)), "its last line is not the hash of this plan"),
        (format!("Looks good to me.\n\n{text}"), "first in line 1"),
        (text.replacen("Dora Quist", "Dora Qvist", 1), "it differs from what this plan looks like"),
        (text.replace("max-bytes=65536", "max-bytes=065536"), "does not say how it was made"),
        (shortened(&plan, 9_000).replace("max-bytes=9000", "max-bytes=9001"), "it differs"),
        (text.replace("redact=no", "redact=yes"), "it differs"),
        (text.replace("layout=3", "layout=2"), "another version"),
        (text.replace(" redact=no", ""), "does not say how it was made"),
        (format!("Plan hash: `{}`", plan.hash()), "does not say how it was made"),
        (text.replace("max-bytes=65536", "max-bytes=10"), "takes more than 10 bytes"),
    ] {
        let problem = proves(&plan, &wrong).unwrap_err();
        assert!(problem.contains(expected), "{problem}, not {expected}");
    }
}

proptest! {
    /// Only the code parts depend on the texts of a plan, and they contain these texts.
    #[test]
    fn no_text_leaves_its_place(texts in hostile::texts()) {
        let (hostile, harmless) = (hostile::plan(&texts), hostile::harmless());
        let (text, expected) = (comment(&hostile), parse(&comment(&harmless)));
        let hash_line = format!("Plan hash: `{}`", hostile.hash());
        prop_assert_eq!(text.lines().filter(|line| line.starts_with("Plan hash: `")).count(), 1);
        prop_assert_eq!(text.lines().last(), Some(hash_line.as_str()));
        let Parsed { kinds, outside, code } = parse(&text);
        prop_assert_eq!(kinds, expected.kinds);
        prop_assert_eq!(outside, expected.outside);
        let code = code.concat();
        for shown in shown_texts(&hostile) {
            // Quotes within a quoted text are escaped, and so are characters that would end a code span or a cell.
            let quoted = shown.replace('"', "\\\"");
            let without_backticks = |text: &str| text.replace('`', r"\u{60}");
            let in_cell = |text: &str| without_backticks(text).replace('|', r"\u{7c}");
            let mut forms = [&shown, &quoted].into_iter().flat_map(|text| [text.clone(), without_backticks(text), in_cell(text)]);
            prop_assert!(forms.any(|form| code.contains(&form)), "{shown:?} is not in {code}");
        }
        proves(&hostile, &text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_limit_is_kept(people in 0_usize..400, max_bytes in LEAST_MAX_BYTES..40_000) {
        let plan = crowd(people);
        let text = shortened(&plan, max_bytes);
        prop_assert!(text.len() <= max_bytes);
        let hash_line = format!("Plan hash: `{}`\n", plan.hash());
        prop_assert!(text.ends_with(&hash_line));
        proves(&plan, &text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn one_other_letter_is_no_proof(place in any::<prop::sample::Index>(), letter in "[a-z |`\n]") {
        let plan = everything_plan();
        let text = comment(&plan);
        let places: Vec<usize> = text.trim_end().char_indices().map(|(place, _)| place).collect();
        let place = places[place.index(places.len())];
        let mut other = text.clone();
        let old = text[place..].chars().next().unwrap();
        other.replace_range(place..place + old.len_utf8(), &letter);
        prop_assume!(other.trim_end_matches('\n') != text.trim_end_matches('\n'));
        prop_assert!(proves(&plan, &other).is_err());
    }
}

/// The texts that a comment shows, in their escaped form.
fn shown_texts(plan: &Plan) -> Vec<String> {
    let content = plan.content();
    let mut texts: Vec<&str> = vec![&content.target.url, &content.target.kind, &content.sources[0].name];
    texts.extend(content.guards.iter().map(|guard| guard.id.as_str()));
    texts.extend([1, 2].map(|place: usize| content.operations[place].name.as_str()));
    if let Action::Update { changes, .. } = &content.operations[1].action
        && let Some(Value::Text(text)) = &changes[2].after
    {
        texts.push(text);
    }
    if let Action::Delete { before, .. } = &content.operations[3].action {
        texts.push(&before.primary_email);
    }
    let mut shown: Vec<String> = texts.into_iter().map(|text| crate::text::escape(text).into_owned()).collect();
    shown.extend(content.diagnostics.iter().map(|found| crate::text::printable(&found.message).into_owned()));
    shown
}
