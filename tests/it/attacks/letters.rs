//! Odd letters: what a reader cannot see is shown, what would cover other lines is bounded, and a name that looks like
//! another is not another.

use serde_json::json;

use crate::harness::Company;

/// Names that a reader takes for the policy's.
const LIKE_THE_POLICY: [&str; 6] = [
    "Policy: Automatic",
    "policy:\u{a0}automatic",
    "policy:  automatic",
    "ＰＯＬＩＣＹ： automatic",
    "policy: auto\u{200b}matic",
    "policy: automatic\u{e000}",
];

#[test]
fn nobody_is_called_what_the_policy_is_called() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    for name in LIKE_THE_POLICY {
        let refused = company.run(&["approve", "plan.json", "--yes", "--approver", name]).ends(3);
        assert!(refused.stderr.contains("--approver"), "{refused}");
        // Nor in a record that was made by hand.
        company.run(&["approve", "plan.json", "--yes", "--approver", "eve"]).ends(0);
        let mut approval = company.json("plan.json.eve.approval");
        approval["approver"] = json!(name);
        company.write("plan.json.eve.approval", approval.to_string());
        company.run(&["apply", "plan.json"]).ends(6).says(&["was given by policy, which does not allow it"]);
        company.wrote_nothing();
    }
}

#[test]
fn what_nobody_sees_in_a_list_is_seen_in_every_rendering() {
    let company = Company::new("small");
    let odd = format!("Ho{}\u{e000}\u{378}\u{a0}\u{2007}\u{200b}a", "\u{33f}".repeat(299));
    company.edit("employees.csv", ",Hanna,", &format!(",{odd},"));
    company.run(&["plan"]).ends(0);
    for format in ["text", "markdown", "html"] {
        let shown = company.run(&["show", "plan.json", "--format", format]).ends(0).stdout;
        // In the page, a backslash stands in JSON.
        let written_out = shown.replace(r"\\", r"\");
        for escape in [r"\u{33f}", r"\u{e000}", r"\u{378}", r"\u{a0}", r"\u{2007}", r"\u{200b}"] {
            assert!(written_out.contains(escape), "{format}: {escape}");
        }
        assert!(!shown.contains(['\u{e000}', '\u{378}', '\u{a0}', '\u{2007}', '\u{200b}']), "{format}");
        assert!(shown.contains(&"\u{33f}".repeat(4)) && !shown.contains(&"\u{33f}".repeat(5)), "{format}");
    }
}
