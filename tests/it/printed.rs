//! What the commands print, from beginning to end: standard output, standard error and exit code as somebody sees them.
//!
//! Addresses, hashes and times are replaced by their names, because they differ from run to run or with every setting.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod mistakes;

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

/// The output from this word on; the plan before it is tested elsewhere.
fn after(text: &str, word: &str) -> String {
    text[text.find(word).unwrap_or_else(|| panic!("{word} is not in\n{text}"))..].to_owned()
}

#[test]
fn the_small_company_from_check_to_the_second_plan() {
    let company = Company::new("small");
    insta::assert_snapshot!(run(&company, &["check"]), @"
    $ skovik-sync check
    settings  skovik-sync.toml: valid, hash sha256:HASH
    source    hr: 30 records (csv, trusted, no proof that it is complete)
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
    Source   hr (csv): 30 records, ! trusted, no proof that the file is complete
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
    approval  plan.json.tester.approval: by tester, valid until TIME
    apply would accept this plan, if nothing that it touches has changed in Skovik
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
    Source   hr (csv): 30 records, ! trusted, no proof that the file is complete

    Guards
      max_delete_percent                  1 of 30 removed in the last 24 h, 0 in this plan (together 3.3 %), limit 20 %  pass
      max_change_percent                  5 of 30 changed or removed in the last 24 h, 0 in this plan (together 16.6 %), limit 20 %  pass
      max_invalid_percent                 0 of 29 (0.0 %), limit 5 %                pass
      min_employees                       29, at least 1                            pass
      max_create_percent                  3 of 28 created in the last 24 h, 0 in this plan (together 10.7 %), limit 50 %  pass
      max_emptied_percent of manager      0 of 28 (0.0 %), limit 10 %               pass
      max_emptied_percent of Cost center  0 of 29 (0.0 %), limit 10 %               pass
      max_unresolved_percent              0 of 28 (0.0 %), limit 20 %               pass

    No changes. 29 unchanged.
    Plan hash: sha256:HASH
    --- standard error

    again.json is written; there is nothing to apply.
    --- exit code 0
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
    BLOCKED by max_change_percent, max_deletes: only an approval that allows these counts lets it pass:
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
    BLOCKED by max_change_percent, max_deletes: only an approval that allows these counts lets it pass:
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
    BLOCKED by max_change_percent, max_deletes: only an approval that allows these counts lets it pass:
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
      operation 2, create 1031 Nils Frisk: it depends on operation 1, create Maja Ståhl, which is not done
      operation 3, create 1032 Olivia Hägg: it depends on operation 1, create Maja Ståhl, which is not done
      operation 6, update 1021 Vera Hellström: it depends on operation 1, create Maja Ståhl, which is not done
    --- standard error
    hint: fix the failed operations in the source or in Skovik; then resume with skovik-sync apply plan.json, or plan again
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
