#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::plan::*;

pub(in crate::render) mod build;
mod ids;
mod long;
mod values;

use build::*;

/// The text, without the digits of its hash.
fn text_with(plan: &Plan, options: &TextOptions) -> String {
    let text = display(plan, options).to_string();
    let end = format!("\nPlan hash: {}\n", plan.hash());
    assert!(text.ends_with(&end), "the hash stands in the last line");
    text.replace(&end, "\nPlan hash: sha256:…\n")
}

fn text(plan: &Plan) -> String {
    text_with(plan, &TextOptions::default())
}

#[test]
fn three_changes() {
    let plan = PlanBuilder::new(1_190, 1_184)
        .unchanged(1_181)
        .create("1001", ("Anna", "Berg"), "anna.berg@example.com", existing("1002", "Bo Lind"))
        .update(
            "1003",
            "Čeněk Dvořák",
            vec![
                text_change(Field::PrimaryEmail, "cenek.novak@example.com", "cenek.dvorak@example.com"),
                text_change(Field::LastName, "Novák", "Dvořák"),
            ],
        )
        .delete("1009", ("Dora", "Quist"), "dora.quist@example.com")
        .seal();
    insta::assert_snapshot!(text(&plan), @"
    Target   skovik https://api.skovik.com/v1: 1190 users, 1184 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete
    Deletes  1 person loses their access; see the end

    Create (1)
      + Anna Berg  1001  anna.berg@example.com
          branch:      Example AB (SE01)
          manager:     Bo Lind (1002)
          Cost center: 4100

    Update (1)
      ~ Čeněk Dvořák  1003
          primary_email: cenek.novak@example.com → cenek.dvorak@example.com
          last_name:     Novák → Dvořák

    Delete (1)
      - Dora Quist  1009  dora.quist@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once

    Plan: 1 to create, 1 to update, 1 to delete, 1181 unchanged.
    Plan hash: sha256:…
    ");
}

#[test]
fn everything() {
    let plan = everything_plan();
    insta::assert_snapshot!(text(&plan), @r#"
    Target   skovik https://api.skovik.com/v1: 1190 users, 1184 of them managed
    Sources  hr (csv): 1200 records, ! trusted, no proof that the file is complete
             payroll (json): 1198 records, verified complete by expect_records
    Deletes  2 people lose their access; they are listed at the end

    Create (2)
      + Ana García Márquez  2001  ana.garcia@example.com
          first_name:  Ana
          last_name:   García Márquez
          branch:      Example AB (SE01)
          manager:     (none)
          Cost center: 4100
          i reports in a circle; the manager is linked afterwards (manager_cycle)
      + Conor O'Brien       2002  conor.obrien@example.com
          branch:      Example AB (SE01)
          manager:     Ana García Márquez (2001, new)
          Cost center: 4100

    Update (2)
      ~ Eva Holm   1003
          external_identifier:      (none) → 1003
          primary_email:            eva.lundgren@example.com → eva.holm@example.com
          first_name:               Ewa → Eva
          last_name:                Lundgren → Holm
          branch:                   Example AB (SE01) → Example AS (id br_no)
          manager:                  Bo Lind (1002) → Conor O'Brien (2002, new)
          Company car:              false → true
          Cost center:              4100 → (none)
          custom_fields.cf_unnamed: (none) → x
          ! what lies in the outbox is sent in as a report to the old branch, Example AB (SE01); Skovik
            might empty custom fields, which apply then fills again
      ~ Finn Dahl  1004
          manager: Dora Quist (1009) → (none)
          ! manager 9999 is nowhere; Finn Dahl is left without (manager_unresolved)

    Link: managers set once both people are there; not counted (1)
      → Ana García Márquez  2001
          manager: (none) → Conor O'Brien (2002, new)

    Set aside and warnings (2)
      ! email_missing (1)
        hr row 44 (1044, Gun Wik): no e-mail
      i branch_unused (1)
        the branch "DE01" has nobody

    Delete (2)
      - Dora Quist  1009           dora.quist@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once
      - (no name)   (user 60f302)  shared@example.com  roles: admin, exporter
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once

    Guards
      max_delete_percent   2 of 1184 (0.1 %), limit 20 %       pass
      max_change_percent   4 of 1184 (0.3 %), limit 20 %       pass
      max_invalid_percent  1 of 1198 (under 0.1 %), limit 5 %  pass
      min_employees        1197, at least 1                    pass

    Plan: 2 to create, 2 to update, 2 to delete, 1150 unchanged. 1 set aside.
    Plan hash: sha256:…
    "#);
}

#[test]
fn a_narrow_terminal_breaks_sentences_and_long_changes() {
    let plan = PlanBuilder::new(10, 10)
        .update(
            "1003",
            "Eva Holm",
            vec![
                text_change(Field::PrimaryEmail, "eva.holm-lundgren@example.com", "eva.holm@example.com"),
                change(
                    Field::Branch,
                    Some(branch("br_se", "SE01", "Example AB")),
                    Some(branch("br_no", "NO01", "Example AS")),
                ),
            ],
        )
        .seal();
    let options = TextOptions { width: 60, ..TextOptions::default() };
    insta::assert_snapshot!(text_with(&plan, &options), @"
    Target   skovik https://api.skovik.com/v1: 10 users, 10 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete

    Update (1)
      ~ Eva Holm  1003
          primary_email: eva.holm-lundgren@example.com
                       → eva.holm@example.com
          branch:        Example AB (SE01) → Example AS (NO01)
          ! what lies in the outbox is sent in as a report to
            the old branch, Example AB (SE01); Skovik might
            empty custom fields, which apply then fills again

    Plan: 0 to create, 1 to update, 0 to delete, 0 unchanged.
    Plan hash: sha256:…
    ");
}

#[test]
fn blocked() {
    let plan = PlanBuilder::new(100, 100)
        .update("1001", "Anna Berg", vec![text_change(Field::LastName, "Berg", "Lind")])
        .delete("1009", ("Dora", "Quist"), "dora.quist@example.com")
        .delete("1010", ("Emil", "Rask"), "emil.rask@example.com")
        .guard("max_delete_percent", 2, 9, 20, GuardOutcome::Block)
        .guard("max_change_percent", 3, 9, 20, GuardOutcome::Block)
        .guard("max_invalid_percent", 1, 19, 5, GuardOutcome::Block)
        .guard("min_employees", 7, 7, 8, GuardOutcome::Block)
        .guard("max_creates", 0, 0, 5, GuardOutcome::Pass)
        .guard("max_updates", 1, 1, 0, GuardOutcome::Block)
        .guard("max_deletes", 2, 2, 1, GuardOutcome::Block)
        .seal();
    let options = TextOptions { plan_file: "plans of today/plan.json".into(), ..TextOptions::default() };
    insta::assert_snapshot!(text_with(&plan, &options), @"
    Target   skovik https://api.skovik.com/v1: 100 users, 100 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete
    Deletes  2 people lose their access; they are listed at the end

    Update (1)
      ~ Anna Berg  1001
          last_name: Berg → Lind

    Delete (2)
      - Dora Quist  1009  dora.quist@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once
      - Emil Rask   1010  emil.rask@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once

    Guards
      max_delete_percent   2 of 9 (22.3 %), limit 20 %  BLOCKED
      max_change_percent   3 of 9 (33.4 %), limit 20 %  BLOCKED
      max_invalid_percent  1 of 19 (5.3 %), limit 5 %   BLOCKED
      min_employees        7, at least 8                BLOCKED
      max_creates          0, limit 5                   pass
      max_updates          1, limit 0                   BLOCKED
      max_deletes          2, limit 1                   BLOCKED
    BLOCKED by max_invalid_percent, min_employees: no approval can allow this; correct the source, or
            change [guard] in the settings, and plan again.
    BLOCKED by max_delete_percent, max_change_percent, max_updates, max_deletes: only an approval that
            allows these counts lets it pass:
            skovik-sync approve 'plans of today/plan.json' --allow deletes=2 --allow changes=3

    Plan: 0 to create, 1 to update, 2 to delete, 0 unchanged.
    Plan hash: sha256:…
    ");
    let colored = text_with(&plan, &TextOptions { color: true, ..options });
    assert!(colored.contains("\n\u{1b}[31m\u{1b}[1mBLOCKED\u{1b}[0m by max_delete_percent"), "{colored}");
}

#[test]
fn no_changes() {
    let plan = PlanBuilder::new(1_150, 1_150).unchanged(1_150).seal();
    insta::assert_snapshot!(text(&plan), @"
    Target   skovik https://api.skovik.com/v1: 1150 users, 1150 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete

    No changes. 1150 unchanged.
    Plan hash: sha256:…
    ");
}

#[test]
fn people_set_aside_are_named_even_where_nothing_changes() {
    let plan = PlanBuilder::new(1_150, 1_150)
        .unchanged(1_148)
        .set_aside(2)
        .remark(
            Severity::Error,
            "email_impossible",
            Some("1007"),
            "Fia Gren (1007, hr row 12): the e-mail \"fia\" has no @",
        )
        .remark(Severity::Error, "email_impossible", Some("1008"), "hr row 13: the e-mail is \"x\"")
        .remark(Severity::Warning, "delete_withheld", None, "2 deletes are withheld: hr row 14 has no name")
        .seal();
    insta::assert_snapshot!(text(&plan), @r#"
    Target   skovik https://api.skovik.com/v1: 1150 users, 1150 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete

    Set aside and warnings (3)
      ! email_impossible (2)
        Fia Gren (1007, hr row 12): the e-mail "fia" has no @
        1008: hr row 13: the e-mail is "x"
      ! delete_withheld (1)
        2 deletes are withheld: hr row 14 has no name

    No changes. 1148 unchanged. 2 set aside.
    Plan hash: sha256:…
    "#);
}

#[test]
fn colours_are_those_of_the_options() {
    let plan = everything_plan();
    let options = TextOptions { color: true, ..TextOptions::default() };
    let colored = text_with(&plan, &options);
    insta::assert_snapshot!(colored.replace('\u{1b}', "ESC"), @r#"
    ESC[2mTarget  ESC[0m skovik ESC[1mhttps://api.skovik.com/v1ESC[0m: 1190 users, 1184 of them managed
    ESC[2mSources ESC[0m ESC[1mhrESC[0m (csv): 1200 records, ESC[33m! trusted, no proof that the file is completeESC[0m
    ESC[2m        ESC[0m ESC[1mpayrollESC[0m (json): 1198 records, verified complete by expect_records
    ESC[2mDeletes ESC[0m ESC[31m2 people lose their access; they are listed at the endESC[0m

    ESC[1mCreateESC[0m (2)
      ESC[32m+ESC[0m ESC[1mAna García MárquezESC[0m  2001  ana.garcia@example.com
          ESC[2mfirst_name:ESC[0m  Ana
          ESC[2mlast_name:ESC[0m   García Márquez
          ESC[2mbranch:ESC[0m      Example AB (SE01)
          ESC[2mmanager:ESC[0m     (none)
          ESC[2mCost center:ESC[0m 4100
          ESC[2mi reports in a circle; the manager is linked afterwards (manager_cycle)ESC[0m
      ESC[32m+ESC[0m ESC[1mConor O'BrienESC[0m       2002  conor.obrien@example.com
          ESC[2mbranch:ESC[0m      Example AB (SE01)
          ESC[2mmanager:ESC[0m     Ana García Márquez (2001, new)
          ESC[2mCost center:ESC[0m 4100

    ESC[1mUpdateESC[0m (2)
      ESC[33m~ESC[0m ESC[1mEva HolmESC[0m   1003
          ESC[2mexternal_identifier:ESC[0m      ESC[31m(none)ESC[0m → ESC[32m1003ESC[0m
          ESC[2mprimary_email:ESC[0m            ESC[31meva.ESC[0mESC[31mESC[1mESC[4mlundgrenESC[0mESC[31m@example.comESC[0m → ESC[32meva.ESC[0mESC[32mESC[1mESC[4mholmESC[0mESC[32m@example.comESC[0m
          ESC[2mfirst_name:ESC[0m               ESC[31mEwaESC[0m → ESC[32mEvaESC[0m
          ESC[2mlast_name:ESC[0m                ESC[31mLundgrenESC[0m → ESC[32mHolmESC[0m
          ESC[2mbranch:ESC[0m                   ESC[31mExample ESC[0mESC[31mESC[1mESC[4mABESC[0mESC[31m (ESC[0mESC[31mESC[1mESC[4mSE01ESC[0mESC[31m)ESC[0m → ESC[32mExample ESC[0mESC[32mESC[1mESC[4mASESC[0mESC[32m (ESC[0mESC[32mESC[1mESC[4mid br_noESC[0mESC[32m)ESC[0m
          ESC[2mmanager:ESC[0m                  ESC[31mBo Lind (1002)ESC[0m → ESC[32mConor O'Brien (2002, new)ESC[0m
          ESC[2mCompany car:ESC[0m              ESC[31mfalseESC[0m → ESC[32mtrueESC[0m
          ESC[2mCost center:ESC[0m              ESC[31m4100ESC[0m → ESC[32m(none)ESC[0m
          ESC[2mcustom_fields.cf_unnamed:ESC[0m ESC[31m(none)ESC[0m → ESC[32mxESC[0m
          ESC[33m! what lies in the outbox is sent in as a report to the old branch, Example AB (SE01); SkovikESC[0m
          ESC[33m  might empty custom fields, which apply then fills againESC[0m
      ESC[33m~ESC[0m ESC[1mFinn DahlESC[0m  1004
          ESC[2mmanager:ESC[0m ESC[31mDora Quist (1009)ESC[0m → ESC[32m(none)ESC[0m
          ESC[33m! manager 9999 is nowhere; Finn Dahl is left without (manager_unresolved)ESC[0m

    ESC[1mLink: managers set once both people are there; not countedESC[0m (1)
      ESC[36m→ESC[0m ESC[1mAna García MárquezESC[0m  2001
          ESC[2mmanager:ESC[0m ESC[31m(none)ESC[0m → ESC[32mConor O'Brien (2002, new)ESC[0m

    ESC[1mSet aside and warningsESC[0m (2)
      ESC[31m! email_missingESC[0m (1)
        hr row 44 (1044, Gun Wik): no e-mail
      ESC[2mi branch_unusedESC[0m (1)
        the branch "DE01" has nobody

    ESC[1mDeleteESC[0m (2)
      ESC[31mESC[1m-ESC[0m ESC[1mDora QuistESC[0m  1009           dora.quist@example.com
          ESC[2mreason:ESC[0m in no source
          ESC[33m! can no longer sign in; unregistered receipts are mailed to them; registered receipts areESC[0m
          ESC[33m  sent for approval at onceESC[0m
      ESC[31mESC[1m-ESC[0m ESC[1m(no name)ESC[0m   (user 60f302)  shared@example.com  ESC[31mESC[1mroles: admin, exporterESC[0m
          ESC[2mreason:ESC[0m in no source
          ESC[33m! can no longer sign in; unregistered receipts are mailed to them; registered receipts areESC[0m
          ESC[33m  sent for approval at onceESC[0m

    ESC[1mGuardsESC[0m
      max_delete_percent   2 of 1184 (0.1 %), limit 20 %       ESC[32mpassESC[0m
      max_change_percent   4 of 1184 (0.3 %), limit 20 %       ESC[32mpassESC[0m
      max_invalid_percent  1 of 1198 (under 0.1 %), limit 5 %  ESC[32mpassESC[0m
      min_employees        1197, at least 1                    ESC[32mpassESC[0m

    Plan: 2 to create, 2 to update, 2 to delete, 1150 unchanged. 1 set aside.
    Plan hash: sha256:…
    "#);
    let bare = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(&colored, "").into_owned();
    assert_eq!(bare, text(&plan), "colour adds nothing to what is said");
}
