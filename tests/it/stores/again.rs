//! A plan that is applied more than once: each apply has a journal of its own in the store.

use super::{KEY, begin, company, end, forget_machine, made, wait_for_writes};
use crate::harness::Company;
use crate::servers::stores::Store;

/// The same person changes again and again, and each plan counts by itself.
const GUARD: &str = "\n[guard]\nwindow = \"0h\"\n";
/// Somebody whom the lists have as they are.
const PERSON: &str = "1001";

fn rename(company: &Company, name: &str) {
    company.change(PERSON, |user| user["attributes"]["first_name"] = name.into());
}

fn is_named(company: &Company, name: &str) {
    assert_eq!(company.user(PERSON).expect("a user")["attributes"]["first_name"], name);
}

/// How many first parts there are of the second journals.
fn second_journals(store: &Store) -> usize {
    store.names().iter().filter(|name| name.ends_with("/0002/00000000")).count()
}

#[test]
fn a_plan_that_is_applied_again_begins_another_journal() {
    let store = Store::s3();
    let company = company(&store, "slow=1ms");
    company.run(&["apply", "plan.json"]).ends(0);
    company.append("skovik-sync.toml", GUARD);
    rename(&company, "Somebody");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    is_named(&company, "Astrid");
    rename(&company, "Somebody");
    company.run(&["apply", "plan.json"]).ends(0).says(&["applying it again"]);
    is_named(&company, "Astrid");
    assert_eq!(second_journals(&store), 1);
    forget_machine(&company);
    company.run(&["apply", "plan.json"]).ends(0).prints(&["was applied completely"]);
}

/// A delete that is refused each time keeps the journal from being finished.
#[test]
fn a_run_that_makes_the_same_plan_again_begins_another_journal() {
    let store = Store::s3();
    let mut company = Company::faulty("small", &["DELETE /users/* status=422"]);
    company.append("skovik-sync.toml", &format!("\n[state]\nurl = \"{}\"\nlease = \"3s\"\n", store.url));
    company.append("skovik-sync.toml", "\n[approval]\nautomatic = true\n");
    company.append("skovik-sync.toml", GUARD);
    company.env("SKOVIK_SYNC_STATE_KEY", KEY);
    for (name, value) in &store.env {
        company.env(name, value);
    }
    company.run(&["run"]).ends(9);
    for _ in 0..2 {
        rename(&company, "Somebody");
        company.run(&["run"]).ends(9);
        is_named(&company, "Astrid");
    }
    assert_eq!(second_journals(&store), 1);
}

/// Whoever looks at a plan reads copies of their own, and not those that the apply writes to.
#[test]
fn what_looks_at_a_plan_under_way_does_not_stop_its_apply() {
    let store = Store::s3();
    let company = company(&store, "slow=1200ms");
    let apply = begin(&company, &["apply", "plan.json"]);
    wait_for_writes(&company, 1);
    company.run(&["verify", "plan.json"]).ends(0).prints(&["journal   begun"]);
    company.run(&["apply", "plan.json"]).ends(10);
    company.run(&["plan"]).ends(3).says(&["is a plan whose apply is not finished"]);
    company.run(&["run"]).ends(10);
    assert!(company.writes().len() < 6, "the apply is still under way");
    end(apply).ends(0);
    company.is_in_line();
    assert_eq!(made(&company), 3, "nobody twice");
    company.run(&["verify", "plan.json"]).ends(0).prints(&["journal   finished"]);
}
