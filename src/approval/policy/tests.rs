//! The rules of approval, case by case.

use super::*;
use crate::approval::record::{FORMAT, FORMAT_VERSION};
use crate::approval::signature::{NAMESPACE, SigningKey};
use crate::plan::{Content, Summary, Target};
use jiff::tz::TimeZone;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

pub(in crate::approval) fn plan(guards: Vec<GuardResult>) -> Plan {
    Plan::seal(Content {
        generator: "test".to_owned(),
        config_hash: Digest::of(b""),
        as_of: None,
        only: Vec::new(),
        target: Target {
            kind: "skovik".to_owned(),
            url: "https://api.example.com/v1".to_owned(),
            users: 0,
            managed: 0,
            fingerprint: Digest::of(b""),
            anchors: Default::default(),
            custom_fields: BTreeMap::new(),
            removal: Default::default(),
        },
        sources: Vec::new(),
        summary: Summary::default(),
        guards,
        diagnostics: Vec::new(),
        waiting: None,
        operations: Vec::new(),
    })
    .expect("a plan")
}

pub(in crate::approval) fn guard(id: &str, count: u64) -> GuardResult {
    GuardResult::of_whole(id, count, 100, 20, GuardOutcome::Block)
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

pub(in crate::approval) fn approval(approver: &str) -> Approval {
    Approval {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        plan_hash: plan(Vec::new()).hash(),
        approver: approver.to_owned(),
        approved_at: now() - SignedDuration::from_hours(1),
        expires_at: None,
        comment: None,
        allow: BTreeMap::new(),
        blocked: Vec::new(),
        signature: None,
    }
}

fn found(approval: Approval) -> Found {
    Found { name: format!("plan.json.{}.approval", approval.approver), approval: Ok(approval) }
}

fn rules(approvers: usize) -> Rules {
    Rules { proof: Proof::Hash, approvers, because: None, max_age: SignedDuration::from_hours(24) }
}

fn judged(approvals: Vec<Approval>, approvers: usize) -> Result<Vec<String>, String> {
    let found: Vec<Found> = approvals.into_iter().map(found).collect();
    judge(&plan(Vec::new()), &found, None, &rules(approvers), now())
        .map(|granted| granted.approvers)
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn one_valid_approval_suffices() {
    assert_eq!(judged(vec![approval("anna")], 1), Ok(vec!["anna".to_owned()]));
}

#[test]
fn approvers_whose_names_look_the_same_count_once() {
    for other in
        ["ANNA BERG", "Anna\u{a0}Berg", "Ａｎｎａ Ｂｅｒｇ", "Anna  Berg", "An\u{200b}na Berg", "anna berg\u{e000}"]
    {
        let refusal = judged(vec![approval("Anna Berg"), approval(other)], 2).expect_err(other);
        assert!(refusal.contains("1 of 2") && refusal.contains("their names look the same"), "{other:?}: {refusal}");
    }
    assert_eq!(judged(vec![approval("Anna Berg"), approval("Anna Borg")], 2).map(|names| names.len()), Ok(2));
}

#[test]
fn none_is_too_few() {
    assert!(judged(vec![], 1).is_err());
}

#[test]
fn what_does_not_count() {
    type Edit = fn(&mut Approval);
    let edits: [(&str, Edit); 4] = [
        ("another plan", |approval| approval.plan_hash = Digest::of(b"another")),
        ("in the future", |approval| approval.approved_at = now() + SignedDuration::from_mins(6)),
        ("expired", |approval| approval.approved_at = now() - SignedDuration::from_hours(24)),
        ("expired", |approval| approval.expires_at = Some(now())),
    ];
    for (word, edit) in edits {
        let mut approval = approval("anna");
        edit(&mut approval);
        let refusal = judged(vec![approval], 1).expect_err("must not count");
        assert!(refusal.contains(word), "{refusal}");
    }
}

#[test]
fn the_same_approver_counts_once() {
    assert!(judged(vec![approval("anna"), approval("anna")], 2).is_err());
    assert!(judged(vec![approval("anna"), approval("ben")], 2).is_ok());
}

#[test]
fn a_stated_hash_counts_only_for_its_plan() {
    let plan = plan(Vec::new());
    assert!(judge(&plan, &[], Some(plan.hash()), &rules(1), now()).is_ok());
    assert!(judge(&plan, &[], Some(Digest::of(b"other")), &rules(1), now()).is_err());
    assert!(judge(&plan, &[found(approval("anna"))], Some(Digest::of(b"other")), &rules(1), now()).is_err());
    assert!(judge(&plan, &[], Some(plan.hash()), &rules(2), now()).is_err());
}

#[test]
fn a_ceiling_lifts_its_guards_up_to_its_count() {
    let guards = [guard("max_delete_percent", 40), guard("max_change_percent", 60), guard("min_employees", 0)];
    let left = |allow: &[(Ceiling, u64)]| {
        let allow: BTreeMap<Ceiling, u64> = allow.iter().copied().collect();
        not_lifted(&guards, &allow).iter().map(|guard| guard.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(left(&[]), ["max_delete_percent", "max_change_percent", "min_employees"]);
    assert_eq!(left(&[(Ceiling::Deletes, 39), (Ceiling::Changes, 60)]), ["max_delete_percent", "min_employees"]);
    assert_eq!(left(&[(Ceiling::Deletes, 40), (Ceiling::Changes, 60)]), ["min_employees"]);
}

#[test]
fn with_two_approvers_both_must_allow_as_much() {
    let allowing = |approver, deletes| Approval { allow: [(Ceiling::Deletes, deletes)].into(), ..approval(approver) };
    let found = [found(allowing("anna", 40)), found(allowing("ben", 10)), found(approval("carla"))];
    let granted = judge(&plan(Vec::new()), &found, None, &rules(2), now()).expect("approved");
    assert_eq!(granted.allow, [(Ceiling::Deletes, 10)].into());
    // The live account may require more people than the plan does.
    for (needed, allowed) in [(1, Some(10)), (2, Some(10)), (3, None)] {
        assert_eq!(granted.allowed_by(needed).get(&Ceiling::Deletes).copied(), allowed, "{needed}");
    }
    assert_eq!(granted.people(), 3);
}

/// A key that is always the same for a number.
pub(in crate::approval) fn key(number: u8) -> PrivateKey {
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[number; 32])), "").expect("a key")
}

fn signed(number: u8, mut approval: Approval) -> Approval {
    let pem = key(number).to_openssh(LineEnding::LF).expect("a key");
    let key = SigningKey::read(&pem).expect("a key");
    approval.signature = Some(key.sign(&approval.statement().expect("a statement")).expect("a signature"));
    approval
}

/// A line of allowed_signers.
pub(in crate::approval) fn line(before: &str, number: u8) -> String {
    format!("{before} {}\n", key(number).public_key().to_openssh().expect("a key"))
}

fn signature_rules(lines: &[String], approvers: usize) -> Rules {
    let signers = AllowedSigners::parse(&lines.concat(), &TimeZone::UTC).expect("signers");
    Rules { proof: Proof::Signature(signers), ..rules(approvers) }
}

fn judged_by(rules: &Rules, approvals: Vec<Approval>) -> Result<Vec<String>, String> {
    let found: Vec<Found> = approvals.into_iter().map(found).collect();
    judge(&plan(Vec::new()), &found, None, rules, now())
        .map(|granted| granted.approvers)
        .map_err(|refusal| refusal.to_string())
}

#[test]
fn a_signature_counts_for_what_it_was_made_for_alone() {
    let rules = signature_rules(&[line("anna", 1), line("ben", 2), line("old valid-before=\"20260228Z\"", 3)], 1);
    let good = || signed(1, approval("anna"));
    assert_eq!(judged_by(&rules, vec![good()]), Ok(vec!["anna".to_owned()]));
    let with = |edit: fn(&mut Approval)| {
        let mut approval = good();
        edit(&mut approval);
        approval
    };
    let altered = "altered after it was signed";
    for (approval, expected) in [
        (approval("anna"), "plan.json.anna.approval is not signed"),
        (with(|approval| approval.signature = None), "is not signed"),
        (with(|approval| approval.approver = "ben".to_owned()), altered),
        (with(|approval| approval.approved_at += SignedDuration::from_secs(1)), altered),
        (with(|approval| approval.expires_at = Some(now() + SignedDuration::from_hours(9))), altered),
        (with(|approval| approval.comment = Some("fine".to_owned())), altered),
        (with(|approval| approval.allow = [(Ceiling::Deletes, 9)].into()), altered),
        (with(|approval| approval.blocked.push(guard("max_deletes", 1))), altered),
        (with(|approval| approval.plan_hash = Digest::of(b"another")), "approves another plan"),
        (with(|approval| approval.signature = signed(1, self::approval("ben")).signature), altered),
        (with(|approval| approval.signature = Some("yes".to_owned())), "has a signature that is no SSH signature"),
        (signed(2, self::approval("anna")), "is signed by a key that is ben's (allowed_signers line 2), not anna's"),
        (signed(9, self::approval("anna")), "is signed by a key that is not in allowed_signers: SHA256:"),
        (signed(3, self::approval("old")), "has expired: valid-before in allowed_signers (line 3)"),
    ] {
        let refusal = judged_by(&rules, vec![approval]).expect_err(expected);
        assert!(refusal.starts_with("0 of 1 signed approvals needed"), "{refusal}");
        assert!(refusal.contains(expected), "{expected}: {refusal}");
    }
}

#[test]
fn a_signature_for_another_namespace_does_not_count() {
    let rules = signature_rules(&[line("anna", 1)], 1);
    let mut approval = approval("anna");
    let statement = approval.statement().expect("a statement");
    for (namespace, counts) in [("git", false), ("file", false), ("skovik-sync-approval2", false), (NAMESPACE, true)] {
        let signature = key(1).sign(namespace, HashAlg::Sha256, &statement).expect("a signature");
        approval.signature = Some(signature.to_pem(LineEnding::LF).expect("an armour"));
        assert_eq!(judged_by(&rules, vec![approval.clone()]).is_ok(), counts, "{namespace}");
    }
}

#[test]
fn a_hash_is_no_signature() {
    let plan = plan(Vec::new());
    let rules = signature_rules(&[line("anna", 1)], 1);
    assert!(!rules.hash_suffices());
    let refusal = judge(&plan, &[], Some(plan.hash()), &rules, now()).expect_err("refused").to_string();
    assert!(refusal.contains("--approved-hash does not do"), "{refusal}");
    assert!(judge(&plan, &[found(signed(1, approval("anna")))], Some(plan.hash()), &rules, now()).is_ok());
    assert!(judge(&plan, &[found(signed(1, approval("anna")))], Some(Digest::of(b"")), &rules, now()).is_err());
}

#[test]
fn people_are_counted_rather_than_names_or_keys() {
    let two = ["anna".to_owned(), "ben".to_owned()];
    type Case = (&'static str, Vec<String>, [(u8, &'static str); 2], bool);
    let cases: [Case; 6] = [
        ("two people", vec![line("anna", 1), line("ben", 2)], [(1, "anna"), (2, "ben")], true),
        ("two keys of one", vec![line("anna", 1), line("anna", 2)], [(1, "anna"), (2, "anna")], false),
        ("one key of two", vec![line("anna,ben", 1)], [(1, "anna"), (1, "ben")], false),
        ("one key, two lines", vec![line("anna", 1), line("ben", 1)], [(1, "anna"), (1, "ben")], false),
        ("a key that may be the other", vec![line("*", 1), line("ben", 2)], [(1, "anna"), (2, "ben")], false),
        ("a key that may not be the other", vec![line("*,!ben", 1), line("ben", 2)], [(1, "anna"), (2, "ben")], true),
    ];
    for (case, lines, signatures, suffices) in cases {
        let approvals: Vec<Approval> =
            signatures.into_iter().map(|(number, name)| signed(number, approval(name))).collect();
        match judged_by(&signature_rules(&lines, 2), approvals.clone()) {
            Ok(approvers) => assert!(suffices && approvers == two, "{case}"),
            Err(refusal) => {
                assert!(!suffices && refusal.starts_with("1 of 2 signed approvals by different people"), "{refusal}");
            }
        }
        let mut turned = approvals;
        turned.reverse();
        assert_eq!(judged_by(&signature_rules(&lines, 2), turned).is_ok(), suffices, "{case}");
    }
}

#[test]
fn one_person_s_highest_ceiling_counts_once() {
    let allowing = |approver, deletes| Approval { allow: [(Ceiling::Deletes, deletes)].into(), ..approval(approver) };
    let rules = signature_rules(&[line("anna", 1), line("anna", 2), line("ben", 3)], 2);
    let found = [
        found(signed(1, allowing("anna", 50))),
        found(signed(2, allowing("anna", 40))),
        found(signed(3, allowing("ben", 10))),
    ];
    let granted = judge(&plan(Vec::new()), &found, None, &rules, now()).expect("approved");
    assert_eq!(granted.allow, [(Ceiling::Deletes, 10)].into());
}

#[test]
fn a_refusal_names_the_rule_that_asks_for_more() {
    let rules = Rules { because: Some("deletes > 0".into()), ..signature_rules(&[line("anna", 1)], 2) };
    let refusal = judged_by(&rules, vec![signed(1, approval("anna"))]).expect_err("refused");
    assert!(
        refusal.starts_with(
            "1 of 2 signed approvals by different people needed because of [[approval.rule]] \"deletes > 0\""
        ),
        "{refusal}"
    );
}
