//! What the commands print, from beginning to end: standard output, standard error and exit code as somebody sees them.
//!
//! Addresses, hashes and times are replaced by their names, because they differ from run to run or with every setting.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use regex::Regex;

use crate::harness::{Company, Output};

/// The whole output, without what differs from run to run.
fn normal(company: &Company, output: &Output) -> String {
    let folder = company.folder().to_string_lossy().into_owned();
    let mut text = output.to_string().replace(&folder, "FOLDER");
    for (pattern, name) in [
        (r"http://127\.0\.0\.1:\d+/v1", "URL"),
        (r"sha256:[0-9a-f]{64}", "sha256:HASH"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

/// Runs the program and gives its whole output.
pub(crate) fn run(company: &Company, args: &[&str]) -> String {
    normal(company, &company.run(args))
}

/// What stands from this word on; before it is the plan, which is shown elsewhere.
fn after(text: &str, word: &str) -> String {
    text[text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"))..].to_owned()
}

#[test]
fn the_small_company_from_check_to_the_second_plan() {
    let company = Company::new("small");
    insta::assert_snapshot!(run(&company, &["check"]), @"
    $ skovik-sync check
    settings  skovik-sync.toml: whole, hash sha256:HASH
    source    hr: 30 records (csv, trusted, no proof that it is whole)
      column        employee_id   9999  |  9999  |  9999  (text of digits)
      column        email         xxx.xxx@xxx.xxx  |  xxx.xxx@xxx.xxx  |  xxx.xxx@xxx.xxx  (text)
      column        first_name    Xxx  |  Xxx  |  Xxx  (text)
      column        last_name     Xxx  |  Xxx  |  Xxx  (text)
      column        legal_entity  XXX99  |  XXX99  |  XXX99  (text)
      column        manager_id    (none)  |  9999  |  9999  (text of digits, empty in 1 of 30)
      column        cost_center   9999  |  9999  |  9999  (text of digits)
      column        status        xxx  |  xxx  |  xxx  (text)
    target    URL: 28 users
      branch        NO01: Example AS (br_no)
      branch        SE01: Example AB (br_se)
      custom field  Cost center (cf_cost_center): multiple choice of 4, managed
    people    29 in scope, 29 of them good, 0 set aside
    managers  28 people name one; 28 of these managers are found
    --- exit code 0
    ");
    insta::assert_snapshot!(run(&company, &["snapshot", "-o", "before.jsonl"]), @"
    $ skovik-sync snapshot -o before.jsonl
    saved before.jsonl: users 28, branches 2, custom fields 1
    --- exit code 0
    ");
    insta::assert_snapshot!(run(&company, &["plan", "--detailed-exitcode"]), @"
    $ skovik-sync plan --detailed-exitcode
    Target   skovik URL: 28 users, 27 of them managed
    Source   hr (csv): 30 records, ! trusted, no proof that the file is whole
    Deletes  1 person loses their access; see the end

    Create (3)
      + Maja Ståhl   1030  maja.stahl@example.com
          branch:      Example AB (SE01)
          manager:     Cecilia Holm (1003)
          Cost center: 4200
      + Nils Frisk   1031  nils.frisk@example.com
          branch:      Example AB (SE01)
          manager:     Maja Ståhl (1030, new)
          Cost center: 4200
      + Olivia Hägg  1032  olivia.hagg@example.com
          branch:      Example AB (SE01)
          manager:     Maja Ståhl (1030, new)
          Cost center: 4200

    Update (4)
      ~ Hanna Bergman   1008
          primary_email: hanna.lindberg@example.com → hanna.bergman@example.com
          last_name:     Lindberg → Bergman
      ~ Isak Lund       1009
          branch:  Example AB (SE01) → Example AS (NO01)
          manager: Björn Åkesson (1002) → Dag Solberg (1004)
          ! what lies in the outbox is sent in as a report to the old branch, Example AB (SE01); Skovik
            might empty custom fields, which apply then fills again
      ~ Vera Hellström  1021
          manager: Cecilia Holm (1003) → Maja Ståhl (1030, new)
      ~ Zara Kvist      1024
          Cost center: 4100 → 4300

    Delete (1)
      - Pontus Rask  1027  pontus.rask@example.com
          reason: outside the scope
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once

    Guards
      max_delete_percent                  1 of 27 (3.7 %), limit 20 %   pass
      max_change_percent                  5 of 27 (18.5 %), limit 20 %  pass
      max_invalid_percent                 0 of 29 (0.0 %), limit 5 %    pass
      min_employees                       29, at least 1                pass
      max_create_percent                  3 of 28 (10.7 %), limit 50 %  pass
      max_emptied_percent of manager      0 of 26 (0.0 %), limit 10 %   pass
      max_emptied_percent of Cost center  0 of 27 (0.0 %), limit 10 %   pass
      max_unresolved_percent              0 of 28 (0.0 %), limit 20 %   pass

    Plan: 3 to create, 4 to update, 1 to delete, 22 unchanged.
    Plan hash: sha256:HASH
    --- standard error

    plan.json is written. Read it, then: skovik-sync approve plan.json && skovik-sync apply plan.json
    --- exit code 2
    ");
    insta::assert_snapshot!(run(&company, &["verify", "plan.json"]), @"
    $ skovik-sync verify plan.json
    plan      sha256:HASH
    target    URL
    changes   3 to create, 4 to update, 1 to delete, 22 unchanged, 0 set aside
    --- standard error
    error: not approved: 0 of 1 approvals needed: run skovik-sync approve, or give --approved-hash
    --- exit code 6
    ");
    insta::assert_snapshot!(run(&company, &["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    --- standard error
    error: not approved: 0 of 1 approvals needed: run skovik-sync approve, or give --approved-hash
    --- exit code 6
    ");
    insta::assert_snapshot!(after(&run(&company, &["approve", "plan.json"]), "Plan hash"), @"
    Plan hash: sha256:HASH
    --- standard error
    error: there is no terminal to ask on (Approve this plan as tester? Type yes to go on); give --yes to approve without being asked
    --- exit code 3
    ");
    insta::assert_snapshot!(after(&run(&company, &["approve", "plan.json", "--yes"]), "Plan hash"), @"
    Plan hash: sha256:HASH
    approved by tester until TIME: plan.json.tester.approval
    --- exit code 0
    ");
    insta::assert_snapshot!(run(&company, &["verify", "plan.json"]), @"
    $ skovik-sync verify plan.json
    plan      sha256:HASH
    target    URL
    changes   3 to create, 4 to update, 1 to delete, 22 unchanged, 0 set aside
    approval  plan.json.tester.approval: by tester, holds until TIME
    apply would accept this plan, if Skovik still holds what it was made for
    --- exit code 0
    ");
    insta::assert_snapshot!(run(&company, &["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    Applied: 3 created, 4 updated, 1 deleted.
    --- exit code 0
    ");
    insta::assert_snapshot!(run(&company, &["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    nothing to do: this plan was applied completely at TIME
    --- exit code 0
    ");
    insta::assert_snapshot!(run(&company, &["plan", "-o", "again.json"]), @"
    $ skovik-sync plan -o again.json
    Target   skovik URL: 30 users, 29 of them managed
    Source   hr (csv): 30 records, ! trusted, no proof that the file is whole

    Guards
      max_delete_percent                  0 of 29 (0.0 %), limit 20 %  pass
      max_change_percent                  0 of 29 (0.0 %), limit 20 %  pass
      max_invalid_percent                 0 of 29 (0.0 %), limit 5 %   pass
      min_employees                       29, at least 1               pass
      max_create_percent                  0 of 30 (0.0 %), limit 50 %  pass
      max_emptied_percent of manager      0 of 28 (0.0 %), limit 10 %  pass
      max_emptied_percent of Cost center  0 of 29 (0.0 %), limit 10 %  pass
      max_unresolved_percent              0 of 28 (0.0 %), limit 20 %  pass

    No changes. 29 unchanged.
    Plan hash: sha256:HASH
    --- standard error

    again.json is written; there is nothing to apply.
    --- exit code 0
    ");
}

#[test]
fn what_goes_wrong_is_said_with_what_to_do() {
    let company = Company::new("small");
    let text = |args: &[&str]| run(&company, args);
    insta::assert_snapshot!(text(&["plan", "-c", "nowhere.toml"]), @"
    $ skovik-sync plan -c nowhere.toml
    --- standard error
    error: cannot read the settings file nowhere.toml: No such file or directory (os error 2); name another one with --config, or write one with `skovik-sync init`
    --- exit code 3
    ");
    insta::assert_snapshot!(text(&["apply"]), @"
    $ skovik-sync apply
    --- standard error
    error: the following required arguments were not provided:
      <PLAN>

    Usage: skovik-sync apply <PLAN>

    For more information, try '--help'.
    --- exit code 3
    ");
    insta::assert_snapshot!(text(&["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    --- standard error
    error: cannot read the plan plan.json; `skovik-sync plan` writes one: No such file or directory (os error 2)
    --- exit code 3
    ");
    insta::assert_snapshot!(text(&["plan", "--users", "users.jsonl"]), @r#"
    $ skovik-sync plan --users users.jsonl
    --- standard error
    error: the snapshot users.jsonl is of "URL", but the configuration names URL
    --- exit code 3
    "#);
    company.edit("skovik-sync.toml", "protect = ", "protekt = ");
    insta::assert_snapshot!(text(&["plan"]), @"
    $ skovik-sync plan
    --- standard error
    error: skovik-sync.toml: unknown key `protekt` in [scope] (line 28); did you mean `protect`?
    --- exit code 3
    ");
    company.edit("skovik-sync.toml", "protekt = ", "protect = ");
    company.edit("skovik-sync.toml", "{{ hr.cost_center }}", "{{ hr.cost_centre }}");
    insta::assert_snapshot!(text(&["plan"]), @"
    $ skovik-sync plan
    --- standard error
    error: `Cost center` in [employee.custom_fields] uses `hr.cost_centre`, but no record of source `hr` has the column `cost_centre`; did you mean `cost_center`?
    --- exit code 3
    ");
    company.edit("skovik-sync.toml", "{{ hr.cost_centre }}", "{{ hr.cost_center }}");
    company.edit("skovik-sync.toml", "key = \"employee_id\"", "key = \"employee_id\"\nexpect_records = 31");
    insta::assert_snapshot!(text(&["plan"]), @"
    $ skovik-sync plan
    --- standard error
    error: no plan was made: source `hr`: has 30 records, but expect_records says 31
    --- exit code 4
    ");
    company.edit("skovik-sync.toml", "\nexpect_records = 31", "");
    company.run(&["plan"]).ends(0);
    company.change("1024", |user| user["attributes"]["first_name"] = "Zahra".into());
    company.remove("1027");
    let hash = company.json("plan.json")["plan_hash"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(text(&["apply", "plan.json", "--approved-hash", &hash]), @"
    $ skovik-sync apply plan.json --approved-hash sha256:HASH
    --- standard error
    error: the plan is stale, nothing was written; plan again and have that approved:
      operation 7, update 1024 Zara Kvist: the user 49b7f38930e5ce8dddf17f98 has changed in Skovik since the plan
      operation 8, delete 1027 Pontus Rask: the user ed2a4ce1c0a068f17f661300 is not in Skovik any more
    --- exit code 7
    ");
    company.edit("plan.json", "Maja", "Mia");
    insta::assert_snapshot!(text(&["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    --- standard error
    error: plan.json: the file was altered: it says sha256:HASH, but its content is sha256:HASH; plan again
    --- exit code 8
    ");
}

#[test]
fn a_blocked_plan_says_which_approval_lifts_it() {
    let company = Company::new("small");
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 10\nmax_deletes = 0\n");
    let tail = |args: &[&str]| after(&run(&company, args), "Guards");
    insta::assert_snapshot!(tail(&["plan"]), @"
    Guards
      max_delete_percent                  1 of 27 (3.7 %), limit 20 %   pass
      max_change_percent                  5 of 27 (18.6 %), limit 10 %  BLOCKED
      max_invalid_percent                 0 of 29 (0.0 %), limit 5 %    pass
      min_employees                       29, at least 1                pass
      max_create_percent                  3 of 28 (10.7 %), limit 50 %  pass
      max_emptied_percent of manager      0 of 26 (0.0 %), limit 10 %   pass
      max_emptied_percent of Cost center  0 of 27 (0.0 %), limit 10 %   pass
      max_unresolved_percent              0 of 28 (0.0 %), limit 20 %   pass
      max_deletes                         1, limit 0                    BLOCKED
    BLOCKED max_change_percent: 5 of 5 are in SE01 Example AB; 4 of 5 report to 1002 Björn Åkesson; 2 of
            5 change manager; 1008 Hanna Lindberg, 1009 Isak Lund, 1021 Vera Hellström, 1024 Zara Kvist,
            1027 Pontus Rask.
    BLOCKED max_deletes: 1027 Pontus Rask.
    BLOCKED by max_change_percent, max_deletes: only an approval that names these ceilings lifts this:
            skovik-sync approve plan.json --allow deletes=1 --allow changes=5

    Plan: 3 to create, 4 to update, 1 to delete, 22 unchanged.
    Plan hash: sha256:HASH
    --- standard error

    plan.json is written, but blocked by a guard. To look at it again: skovik-sync show plan.json
    --- exit code 5
    ");
    insta::assert_snapshot!(tail(&["approve", "plan.json", "--yes", "--allow", "deletes=1"]), @"
    Guards
      max_delete_percent                  1 of 27 (3.7 %), limit 20 %   pass
      max_change_percent                  5 of 27 (18.6 %), limit 10 %  BLOCKED
      max_invalid_percent                 0 of 29 (0.0 %), limit 5 %    pass
      min_employees                       29, at least 1                pass
      max_create_percent                  3 of 28 (10.7 %), limit 50 %  pass
      max_emptied_percent of manager      0 of 26 (0.0 %), limit 10 %   pass
      max_emptied_percent of Cost center  0 of 27 (0.0 %), limit 10 %   pass
      max_unresolved_percent              0 of 28 (0.0 %), limit 20 %   pass
      max_deletes                         1, limit 0                    BLOCKED
    BLOCKED max_change_percent: 5 of 5 are in SE01 Example AB; 4 of 5 report to 1002 Björn Åkesson; 2 of
            5 change manager; 1008 Hanna Lindberg, 1009 Isak Lund, 1021 Vera Hellström, 1024 Zara Kvist,
            1027 Pontus Rask.
    BLOCKED max_deletes: 1027 Pontus Rask.
    BLOCKED by max_change_percent, max_deletes: only an approval that names these ceilings lifts this:
            skovik-sync approve plan.json --allow deletes=1 --allow changes=5

    Plan: 3 to create, 4 to update, 1 to delete, 22 unchanged.
    Plan hash: sha256:HASH
    --- standard error
    error: blocked by max_change_percent (5 of 27, limit 10); if you have read every one of these changes and want them all: skovik-sync approve plan.json --allow deletes=1 --allow changes=5
    --- exit code 5
    ");
    insta::assert_snapshot!(tail(&["approve", "plan.json", "--yes", "--allow", "deletes=1", "--allow", "changes=5"]), @"
    Guards
      max_delete_percent                  1 of 27 (3.7 %), limit 20 %   pass
      max_change_percent                  5 of 27 (18.6 %), limit 10 %  BLOCKED
      max_invalid_percent                 0 of 29 (0.0 %), limit 5 %    pass
      min_employees                       29, at least 1                pass
      max_create_percent                  3 of 28 (10.7 %), limit 50 %  pass
      max_emptied_percent of manager      0 of 26 (0.0 %), limit 10 %   pass
      max_emptied_percent of Cost center  0 of 27 (0.0 %), limit 10 %   pass
      max_unresolved_percent              0 of 28 (0.0 %), limit 20 %   pass
      max_deletes                         1, limit 0                    BLOCKED
    BLOCKED max_change_percent: 5 of 5 are in SE01 Example AB; 4 of 5 report to 1002 Björn Åkesson; 2 of
            5 change manager; 1008 Hanna Lindberg, 1009 Isak Lund, 1021 Vera Hellström, 1024 Zara Kvist,
            1027 Pontus Rask.
    BLOCKED max_deletes: 1027 Pontus Rask.
    BLOCKED by max_change_percent, max_deletes: only an approval that names these ceilings lifts this:
            skovik-sync approve plan.json --allow deletes=1 --allow changes=5

    Plan: 3 to create, 4 to update, 1 to delete, 22 unchanged.
    Plan hash: sha256:HASH
    approved by tester until TIME: plan.json.tester.approval
    --- exit code 0
    ");
}

#[test]
fn an_apply_that_fails_in_part_reports_what_and_why() {
    let company = Company::faulty("small", &["POST /users nth=1 status=422"]);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    insta::assert_snapshot!(run(&company, &["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    Applied: 0 created, 3 updated, 1 deleted.
    Failed (1):
      operation 1, create 1030 Maja Ståhl: the server refused it (422): Unprocessable Entity: a fault rule of the sandbox gave this answer
    Not attempted (3):
      operation 2, create 1031 Nils Frisk: it comes after operation 1, create Maja Ståhl, which is not done
      operation 3, create 1032 Olivia Hägg: it comes after operation 1, create Maja Ståhl, which is not done
      operation 6, update 1021 Vera Hellström: it comes after operation 1, create Maja Ståhl, which is not done
    --- standard error
    hint: what was refused has to be mended in the data or in Skovik; then skovik-sync apply plan.json goes on, or plan again
    --- exit code 9
    ");
    insta::assert_snapshot!(run(&company, &["apply", "plan.json"]), @"
    $ skovik-sync apply plan.json
    Applied: 3 created, 4 updated, 1 deleted.
      of these, 4 by an earlier run of this apply
    --- exit code 0
    ");
    company.is_in_line();
}

#[test]
fn the_plan_of_the_bad_fixture_names_everybody_and_why() {
    let company = Company::new("bad");
    insta::assert_snapshot!(run(&company, &["plan"]), @r#"
    $ skovik-sync plan
    Target   skovik URL: 84 users, 83 of them managed
    Source   hr (csv): 87 records, ! trusted, no proof that the file is whole
    Deletes  1 person loses their access; see the end

    Create (3)
      + Jonna Rot   5111  jonna.rot@example.com
          branch:      Example AB (SE01)
          manager:     (none)
          Cost center: 4100
      + Jens Stam   5112  jens.stam@example.com
          branch:      Example AB (SE01)
          manager:     (none)
          Cost center: 4100
      + Julia Gren  5113  julia.gren@example.com
          branch:      Example AB (SE01)
          manager:     (none)
          Cost center: 4100

    Link: managers set once both people are there; not counted (3)
      → Jonna Rot   5111
          manager: (none) → Julia Gren (5113, new)
      → Jens Stam   5112
          manager: (none) → Jonna Rot (5111, new)
      → Julia Gren  5113
          manager: (none) → Jens Stam (5112, new)

    Set aside and warnings (18)
      ! branch_unknown (1)
        5015: Gerd Björk (hr row 16): no branch has the external identifier, id or name "XX99"
      ! cannot_be_ordered (2)
        Elsa Ceder (hr row 22): each of these waits for another, so that no order is possible: 5021
          Elsa Ceder, 5022 Filip Ceder; change one of them in Skovik by hand, or in two steps at the
          source
        Filip Ceder (hr row 23): each of these waits for another, so that no order is possible: 5021
          Elsa Ceder, 5022 Filip Ceder; change one of them in Skovik by hand, or in two steps at the
          source
      ! choice_unknown (1)
        5016: Hugo Björk (hr row 17): `Cost center` in [employee.custom_fields] gives "9999", which is
          not among the options of the field
      ! control_character (2)
        5017: Ceder (hr row 18): `first_name` in [employee] gives a text with the control character
          U+001B: "Al\u{1b}[31mma"
        5018: Bosse (hr row 19): `last_name` in [employee] gives a text with the control character
          U+202E: "Ce\u{202e}der"
      ! email_claimed_twice (2)
        5101: Ines Palm (hr row 82): the e-mail palm@example.com is claimed by Ivar Palm (hr row 83),
          too
        5102: Ivar Palm (hr row 83): the e-mail palm@example.com is claimed by Ines Palm (hr row 82),
          too
      ! email_impossible (2)
        5013: Elsa Björk (hr row 14): "elsa.björk at example.com" is not an e-mail address: Missing
          separator character '@'.
        5192: Ture Pil (hr row 88): "ture.pil" is not an e-mail address: Missing separator character
          '@'.
      ! email_missing (1)
        5012: Dan Björk (hr row 13): `primary_email` in [employee] gives nothing
      ! key_missing (1)
        Clara Björk (hr row 12): the record has no key, which joins it with others
      ! name_missing (1)
        5014: Björk (hr row 15): `first_name` in [employee] gives nothing
      ! renumbering_undecided (1)
        Kim Ask (hr row 87): the e-mail belongs to 5091 Kim Ask <kim.ask@example.com>, whose
          identifier 5091 is in no source: either the same person under a new number (then plan with
          --same-person 5191), or an address that was given to somebody new (then remove or change that
          user first)
      ! delete_withheld (1)
        the delete of 5092 Ture Pil <ture.pil@example.com> is withheld: Ture Pil (hr row 88) was set
          aside and has the same name
      ! manager_cycle (1)
        these report to one another in a cycle: 5111 Jonna Rot → 5113 Julia Gren → 5112 Jens Stam →
          5111 Jonna Rot
      ! manager_unresolved (2)
        5023: Gerd Ceder (hr row 24): the manager 9999 is neither in scope nor in Skovik; they keep
          Alma Alm
        5024: Hugo Ceder (hr row 25): is named as their own manager; they keep Alma Alm

    Delete (1)
      - Viola Sälg  5093  viola.salg@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once

    Guards
      max_delete_percent                  1 of 83 (1.2 %), limit 20 %    pass
      max_change_percent                  1 of 83 (1.2 %), limit 20 %    pass
      max_invalid_percent                 14 of 87 (16.0 %), limit 40 %  pass
      min_employees                       73, at least 1                 pass
      max_create_percent                  3 of 84 (3.5 %), limit 50 %    pass
      max_emptied_percent of manager      0 of 82 (0.0 %), limit 10 %    pass
      max_emptied_percent of Cost center  0 of 83 (0.0 %), limit 10 %    pass
      max_unresolved_percent              2 of 72 (2.7 %), limit 20 %    pass

    Plan: 3 to create, 0 to update, 1 to delete, 70 unchanged. 14 set aside.
    Plan hash: sha256:HASH
    --- standard error

    plan.json is written. Read it, then: skovik-sync approve plan.json && skovik-sync apply plan.json
    --- exit code 0
    "#);
}
