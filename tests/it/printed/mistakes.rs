//! What is printed if the settings, the data or the command line are wrong.

use super::*;

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
    error: the snapshot users.jsonl is of "URL", but the settings name URL
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
fn the_plan_of_the_bad_fixture_names_everybody_and_why() {
    let company = Company::new("bad");
    insta::assert_snapshot!(run(&company, &["plan"]), @r#"
    $ skovik-sync plan
    Target   skovik URL: 84 users, 83 of them managed
    Source   hr (csv): 87 records, ! trusted, no proof that the file is complete
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
        5021: Elsa Ceder (hr row 22): these changes depend on each other in a cycle: 5021 Elsa Ceder,
          5022 Filip Ceder; if they are right, make one by hand in Skovik, or in two steps at the source
        5022: Filip Ceder (hr row 23): these changes depend on each other in a cycle: 5021 Elsa Ceder,
          5022 Filip Ceder; if they are right, make one by hand in Skovik, or in two steps at the source
      ! choice_unknown (1)
        5016: Hugo Björk (hr row 17): `Cost center` in [employee.custom_fields] gives "9999", which is
          not among the options of the field
      ! control_character (2)
        5017: Ceder (hr row 18): `first_name` in [employee] gives a text with the control character
          U+001B: "Al\u{1b}[31mma"
        5018: Bosse (hr row 19): `last_name` in [employee] gives a text with the control character
          U+202E: "Ce\u{202e}der"
      ! email_claimed_twice (2)
        5101: Ines Palm (hr row 82): the e-mail palm@example.com also belongs to Ivar Palm (hr row 83)
        5102: Ivar Palm (hr row 83): the e-mail palm@example.com also belongs to Ines Palm (hr row 82)
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
        5191: Kim Ask (hr row 87): the e-mail belongs to 5091 Kim Ask <kim.ask@example.com>, whose
          identifier 5091 is in no source: either the same person under a new number (then plan with
          --same-person 5191), or an address that was given to somebody new (then remove or change that
          user first)
      ! delete_withheld (1)
        5092: the delete of 5092 Ture Pil <ture.pil@example.com> is withheld: Ture Pil (hr row 88) was
          set aside and has the same name
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
