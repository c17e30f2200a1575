//! Plans with more people, and guards with more branches, than are shown.

use super::*;

#[test]
fn a_long_list_is_cut_group_by_group_and_says_so() {
    let mut builder = PlanBuilder::new(4_000, 4_000);
    for number in 0..2_952 {
        let change = text_change(Field::LastName, "Berg", "Lind");
        builder = builder.update(&format!("{}", 10_000 + number), "Anna Lind", vec![change]);
    }
    for number in 0..3 {
        builder = builder.delete(&format!("{}", 20_000 + number), ("Dora", "Quist"), "dora.quist@example.com");
    }
    for number in 0..4 {
        let employee = format!("{}", 12_948 + number);
        let message = format!("Anna Lind ({employee}): nobody has the identifier 7");
        builder = builder.remark(Severity::Warning, "manager_unresolved", Some(&employee), &message);
    }
    let plan =
        builder.remark(Severity::Warning, "manager_unresolved", Some("10001"), "nobody has the identifier 8").seal();
    let options = TextOptions { limit: Some(2), ..TextOptions::default() };
    insta::assert_snapshot!(text_with(&plan, &options), @"
    Target   skovik https://api.skovik.com/v1: 4000 users, 4000 of them managed
    Source   hr (csv): 1200 records, ! trusted, no proof that the file is complete
    Deletes  3 people lose their access; they are listed at the end

    Update (2,952)
      ~ Anna Lind  10000
          last_name: Berg → Lind
      ~ Anna Lind  10001
          last_name: Berg → Lind
          ! nobody has the identifier 8 (manager_unresolved)
      … and 2,950 more to update; see them all with: skovik-sync show plan.json --all

    Set aside and warnings (4)
      ! manager_unresolved (4)
        Anna Lind (12948): nobody has the identifier 7
        Anna Lind (12949): nobody has the identifier 7
        … and 2 more; see them all with: skovik-sync show plan.json --all

    Delete (3)
      - Dora Quist  20000  dora.quist@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once
      - Dora Quist  20001  dora.quist@example.com
          reason: in no source
          ! can no longer sign in; unregistered receipts are mailed to them; registered receipts are
            sent for approval at once
      … and 1 more to delete; see them all with: skovik-sync show plan.json --all

    Plan: 0 to create, 2952 to update, 3 to delete, 0 unchanged.
    Plan hash: sha256:…
    ");
    let all = text(&plan);
    assert_eq!(all.matches("  ~ Anna Lind").count(), 2_952);
    assert!(!all.contains("more"), "nothing is cut without a limit");
}

#[test]
fn of_many_branches_those_that_block_and_the_nearest_are_shown() {
    use crate::plan::{BranchRef, Common, GuardResult, Part, Subject};

    let mut guards = PlanBuilder::new(100, 100).guard("max_delete_percent", 40, 1_000, 20, GuardOutcome::Pass);
    let branch = |identifier: &str, count, of| GuardResult {
        id: "per_branch.max_delete_percent".to_owned(),
        subject: Some(Subject::Branch(Some(BranchRef {
            branch_id: identifier.into(),
            external_identifier: Some(identifier.into()),
            name: "Ex AB".into(),
        }))),
        count,
        of,
        earlier: None,
        limit: 20,
        ignore_below: Some(5),
        outcome: if count >= 5 && count * 100 > 20 * of { GuardOutcome::Block } else { GuardOutcome::Pass },
        parts: Vec::new(),
    };
    let part = |common, name: &str, count| Part { common, name: name.to_owned(), id: None, count };
    let all = [("B1", 0, 10), ("B2", 38, 40), ("B3", 2, 2), ("B4", 10, 50), ("B5", 5, 90), ("B6", 0, 5), ("B7", 6, 31)];
    for (identifier, count, of) in all {
        let mut guard = branch(identifier, count, of);
        if guard.outcome == GuardOutcome::Block {
            guard.parts = vec![
                part(Common::Manager, "1007 Kari Lie", 12),
                part(Common::Person, "1009 Dora \u{1b}[2JQuist", 1),
                part(Common::Person, "1010 Emil Rask", 1),
            ];
        }
        guards = guards.with_guard(guard);
    }
    let text = text(&guards.seal());
    let start = text.find("Guards\n").expect("guards");
    insta::assert_snapshot!(&text[start..], @r"
    Guards
      max_delete_percent                        40 of 1000 (4.0 %), limit 20 %  pass
      per_branch.max_delete_percent of B2 Ex AB  38 of 40 (95.0 %), limit 20 %   BLOCKED
      per_branch.max_delete_percent of B4 Ex AB  10 of 50 (20.0 %), limit 20 %   pass
      per_branch.max_delete_percent of B5 Ex AB  5 of 90 (5.5 %), limit 20 %     pass
      per_branch.max_delete_percent of B7 Ex AB  6 of 31 (19.3 %), limit 20 %    pass
      … per_branch.max_delete_percent: 3 more pass, further from their limit; the plan file has them all
    BLOCKED per_branch.max_delete_percent of B2 Ex AB: 12 of 38 report to 1007 Kari Lie; 1009 Dora
            \u{1b}[2JQuist, 1010 Emil Rask and 36 more.
    BLOCKED by per_branch.max_delete_percent: only an approval that allows these counts lets it pass:
            skovik-sync approve plan.json --allow deletes=40

    No changes. 0 unchanged.
    Plan hash: sha256:…
    ");
}
