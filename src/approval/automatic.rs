//! Approval by policy: which plans `run` may approve without a person. Pure; the record that it leaves is an approval like
//! any other, so that it can be looked up who let a plan through.

use jiff::Timestamp;

use super::{Approval, FORMAT, FORMAT_VERSION};
use crate::guard::title;
use crate::plan::Plan;
use crate::text::look_alike;

/// Who has approved, in the record of an approval by policy.
pub const APPROVER: &str = "policy: automatic";

/// What the settings say of it.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whether there is such a thing at all.
    pub automatic: bool,
    /// How many people must approve this plan, by the setting or by a rule.
    pub approvers: usize,
    /// Whether approvals must be signed, which only a person can do.
    pub signatures: bool,
}

/// Why the policy does not approve a plan; it does where there is no reason.
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
    // Who is who is the one question that data cannot answer.
    let renumbered = plan.content().diagnostics.iter().filter(|found| found.code == "renumbered").count();
    if renumbered > 0 {
        objections.push(format!("{renumbered} renumbered, which a person should have looked at"));
    }
    objections
}

/// The approval of a plan to which the policy has no objection. It lifts no guard.
#[must_use]
pub fn approval(plan: &Plan, now: Timestamp) -> Approval {
    Approval {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        plan_hash: plan.hash(),
        approver: APPROVER.to_owned(),
        approved_at: now,
        expires_at: None,
        comment: Some("[approval] automatic = true; every guard passes, and nobody was renumbered".to_owned()),
        allow: std::collections::BTreeMap::new(),
        blocked: Vec::new(),
        signature: None,
    }
}

/// Whether an approval says that the policy gave it, or could be taken to say so.
#[must_use]
pub fn is_by_policy(approval: &Approval) -> bool {
    is_name_of_policy(&approval.approver)
}

/// Whether a reader could take a name for the policy's.
#[must_use]
pub fn is_name_of_policy(name: &str) -> bool {
    look_alike(name, APPROVER)
}

#[cfg(test)]
mod tests {
    use super::super::policy::tests::{guard, plan};
    use super::*;
    use crate::plan::{Content, Diagnostic, Severity};

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
        let renumbered = Diagnostic {
            severity: Severity::Warning,
            code: "renumbered".to_owned(),
            employee: Some("1".to_owned()),
            message: String::new(),
        };
        let content = Content { diagnostics: vec![renumbered], ..quiet.content().clone() };
        let found = objections(&Plan::seal(content).expect("a plan"), &YES);
        assert!(found.len() == 1 && found[0].contains("1 renumbered"), "{found:?}");
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
