//! Approval by policy: which plans `run` may approve without a person. Pure. It leaves an approval file like any other,
//! which shows later that the policy, not a person, approved the plan.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::name::readings;
use super::{Approval, FORMAT, FORMAT_VERSION};
use crate::guard::title;
use crate::plan::{Diagnostic, LEDGER_UNREADABLE, Plan};
use crate::text::printable;

/// The approver's name in an approval by policy.
pub const APPROVER: &str = "policy: automatic";

/// The settings for approval by policy.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whether it is switched on.
    pub automatic: bool,
    /// How many people must approve this plan, by the setting or by a rule.
    pub approvers: usize,
    /// Whether approvals must be signed, which only a person can do.
    pub signatures: bool,
}

/// Why the policy does not approve a plan; if the list is empty, it does.
#[must_use]
pub fn objections(plan: &Plan, policy: &Policy) -> Vec<String> {
    let Policy { automatic, approvers, signatures } = *policy;
    let mut objections = Vec::new();
    if !automatic {
        objections.push("[approval] automatic is false".to_owned());
    }
    if signatures {
        objections.push("[approval] require = \"signature\" asks for a person".to_owned());
    }
    if approvers > 1 {
        objections.push(format!("[approval] asks for {approvers} people"));
    }
    let custom_fields = &plan.content().target.custom_fields;
    objections.extend(plan.blocking_guards().map(|guard| format!("the guard {} blocks", title(guard, custom_fields))));
    for (code, doubt) in DOUBTS {
        let found: Vec<&Diagnostic> = plan.content().diagnostics.iter().filter(|found| found.code == *code).collect();
        if !found.is_empty() {
            objections.push(format!("{} {doubt}{}", found.len(), of(&found)));
        }
    }
    // Names of branches and people cannot forge a line of the message.
    objections.iter().map(|objection| printable(objection).into_owned()).collect()
}

/// The diagnostics that only a person can decide about, by code. Data cannot tell who is who, and a misspelt word must
/// not get a protected person deleted.
const DOUBTS: &[(&str, &str)] = &[
    ("renumbered", "renumbered, which a person should have looked at"),
    ("renamed", "given another name and another e-mail, which a person should have looked at"),
    ("roles_regained", "inactive and would get back the rights of their roles"),
    ("looks_like", "look like somebody else in the plan or in Skovik, and only a person can tell who is who"),
    (LEDGER_UNREADABLE, "ledger that cannot be read, so that nobody knows what was changed lately: see the warning"),
    ("admins_not_told", "account whose admins cannot be told from others: name them in [scope] protect"),
    ("protect_matches_nobody", "[scope] protect entries protect nobody, and may be misspelt"),
];

/// How many people an objection names.
const NAMED: usize = 5;

/// The people of some diagnostics, in brackets.
fn of(found: &[&Diagnostic]) -> String {
    let people: BTreeSet<&str> = found.iter().filter_map(|found| found.employee.as_deref()).collect();
    if people.is_empty() {
        return String::new();
    }
    let mut shown: Vec<&str> = people.iter().copied().take(NAMED).collect();
    let more = people.len().saturating_sub(NAMED).to_string();
    let more = format!("{more} more");
    if people.len() > NAMED {
        shown.push(&more);
    }
    format!(" ({})", shown.join(", "))
}

/// The approval of a plan that the policy has no objection to. It raises no limit.
#[must_use]
pub fn approval(plan: &Plan, now: Timestamp) -> Approval {
    Approval {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        plan_hash: plan.hash(),
        approver: APPROVER.to_owned(),
        approved_at: now,
        expires_at: None,
        comment: Some(
            "[approval] automatic = true; every guard passes, and there is nothing that only a person can decide"
                .to_owned(),
        ),
        allow: std::collections::BTreeMap::new(),
        blocked: Vec::new(),
        signature: None,
    }
}

/// Whether an approval names the policy as its approver, or a name that looks like it.
#[must_use]
pub fn is_by_policy(approval: &Approval) -> bool {
    is_name_of_policy(&approval.approver)
}

/// Whether a reader could mistake a name for the policy's.
#[must_use]
pub fn is_name_of_policy(name: &str) -> bool {
    // A reader may overlook the space or the colon.
    let letters = |reading: &String| reading.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let of = |name: &str| readings(name).iter().map(letters).collect::<BTreeSet<String>>();
    !of(name).is_disjoint(&of(APPROVER))
}

#[cfg(test)]
mod tests {
    use super::super::policy::tests::{guard, plan};
    use super::*;
    use crate::plan::{Content, Severity};

    const YES: Policy = Policy { automatic: true, approvers: 1, signatures: false };

    #[test]
    fn every_condition_must_hold() {
        let quiet = plan(Vec::new());
        assert_eq!(objections(&quiet, &YES), [""; 0]);
        for (policy, word) in [
            (Policy { automatic: false, ..YES }, "automatic is false"),
            (Policy { approvers: 2, ..YES }, "asks for 2 people"),
            (Policy { signatures: true, ..YES }, "signature"),
        ] {
            let found = objections(&quiet, &policy);
            assert!(found.len() == 1 && found[0].contains(word), "{found:?}");
        }
        let blocked = plan(vec![guard("max_delete_percent", 40), guard("min_employees", 0)]);
        assert_eq!(objections(&blocked, &YES).len(), 2);
        for (code, expected) in [
            ("renumbered", Some("1 renumbered, which a person should have looked at (1)")),
            ("looks_like", Some("1 look like somebody else")),
            (LEDGER_UNREADABLE, Some("1 ledger that cannot be read")),
            ("admins_not_told", Some("1 account whose admins cannot be told")),
            ("protect_matches_nobody", Some("protect nobody")),
            ("manager_unresolved", None),
        ] {
            let doubt = Diagnostic {
                severity: Severity::Warning,
                code: code.to_owned(),
                employee: Some("1".to_owned()),
                message: String::new(),
            };
            let content = Content { diagnostics: vec![doubt], ..quiet.content().clone() };
            let found = objections(&Plan::seal(content).expect("a plan"), &YES);
            match expected {
                Some(expected) => assert!(found.len() == 1 && found[0].contains(expected), "{found:?}"),
                None => assert_eq!(found, [""; 0]),
            }
        }
    }

    #[test]
    fn its_approval_names_itself_and_lifts_nothing() {
        let plan = plan(Vec::new());
        let approval = approval(&plan, Timestamp::UNIX_EPOCH);
        assert!(is_by_policy(&approval));
        assert_eq!((approval.plan_hash, approval.allow.len()), (plan.hash(), 0));
        let text = serde_json::to_vec(&approval).expect("written");
        assert_eq!(Approval::read(&text), Ok(approval));
    }
}
