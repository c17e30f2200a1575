//! Every plan that is made can be read back, whatever was applied before it, whatever the settings are, and whomever it is
//! for. A plan that could be applied but not read could be neither shown, resumed nor taken back.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::company::{ANNA, Company, company, employee, user};
use super::laws::companies;
use crate::diff::{Absences, Memory, Moment};
use crate::employee::{BranchId, SetAside};
use crate::field::Field;
use crate::guard::{Done, GUARDS, Kind, Limits, Past, RecentPast};
use crate::plan::{Content, Digest, Plan, PlanError, SourceSummary, check_guards, not_as_demanded};

fn branches() -> impl Strategy<Value = Option<BranchId>> {
    prop::sample::select(vec![None, Some("no"), Some("se"), Some("closed")]).prop_map(|id| id.map(BranchId::from))
}

/// What was done to one user, as a ledger may tell it.
fn pasts() -> impl Strategy<Value = Past> {
    prop::collection::vec(done(), 1..4).prop_map(|done| {
        let mut done = done.into_iter();
        let mut past = Past::of(None, done.next().expect("one or more"));
        done.for_each(|next| past.add(next));
        past
    })
}

fn done() -> impl Strategy<Value = Done> {
    let fields = vec![Field::FirstName, Field::PrimaryEmail, Field::Manager, Field::Custom("cf_cc".into())];
    let changed = prop::sample::subsequence(fields, 0..=4);
    let kind = prop::sample::select(vec![Kind::Create, Kind::Update, Kind::Delete]);
    (kind, prop::option::of(branches()), changed, any::<bool>(), any::<bool>()).prop_map(
        |(kind, branch, changed, empties, in_new_account)| {
            let changed = if kind == Kind::Update { changed } else { Vec::new() };
            let may_be_empty = |field: &&Field| empties && matches!(field, Field::Manager | Field::Custom(_));
            let emptied = changed.iter().filter(may_be_empty).cloned().collect();
            let in_new_account = in_new_account && kind == Kind::Create;
            Done { kind, branch: branch.filter(|_| kind != Kind::Create), changed, emptied, in_new_account }
        },
    )
}

prop_compose! {
    /// A company with any memory, any limits of any of the guards, and any of the settings that add to a plan.
    fn remembering()(
        company in companies(),
        limits in prop::collection::vec(prop::option::weighted(0.8, 0..=100_u64), GUARDS.len()),
        past in prop::collection::vec(pasts(), 0..40),
        (window, is_unknown) in (1..=2_592_000_u64, prop::bool::weighted(0.1)),
        is_of_branches in any::<bool>(),
        reactivates in any::<bool>(),
        inactive in prop::collection::vec(any::<bool>(), 9),
        waits in prop::option::of(0..3_i64),
        only in prop::option::of(0..9_usize),
        doubtful in any::<bool>(),
    ) -> Company {
        company.with(|company| {
            company.limits = GUARDS.iter().zip(limits).fold(Limits::default(), |limits, (guard, limit)| match limit {
                Some(limit) => limits.with(guard, limit),
                None => limits,
            });
            for (place, user) in company.directory.users.iter_mut().enumerate() {
                user.branch = [Some("no"), Some("se"), None][place % 3].map(Into::into);
            }
            company.policy.branches = is_of_branches.then(|| ["se".into()].into());
            let memory = RecentPast { window, past: if is_unknown { Vec::new() } else { past }, is_unknown };
            company.memory = memory.of_branches(company.policy.branches.as_ref());
            if reactivates {
                let (inactive, users) = std::mem::take(&mut company.directory.users)
                    .into_iter()
                    .zip(inactive)
                    .partition::<Vec<_>, _>(|(_, inactive)| *inactive);
                let only_users = |pairs: Vec<(_, bool)>| pairs.into_iter().map(|(user, _)| user).collect();
                (company.directory.inactive, company.directory.users) = (only_users(inactive), only_users(users));
                (company.policy.reactivate, company.policy.leavers_keep_emails) = (true, true);
            }
            if doubtful {
                let records: Vec<SetAside> = std::mem::take(&mut company.desired.set_aside);
                company.desired.in_scope -= records.len() as u64;
                company.desired.out_of_scope = records.iter().filter_map(|record| record.identifier.clone()).collect();
                company.desired.doubtful = records;
            }
            company.policy.absences = waits.map(|days| {
                let day = 24 * 60 * 60;
                let now = 1_795_856_400;
                let missing = company.directory.users.iter().map(|user| (user.id.clone(), now - days * day)).collect();
                let memory = Memory { read_at: Some(now - day), missing };
                Absences::of(&memory, day as u64, now, true, |seconds| Moment::new(seconds, 60))
            });
            company.only = only.into_iter().map(|only| only.to_string().into()).collect();
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_that_is_made_can_be_read(company in remembering()) {
        let plan = company.plan();
        prop_assert_eq!(check_guards(plan.content()), Ok(()));
        let mut text = Vec::new();
        plan.write(&mut text).expect("memory takes everything");
        match Plan::read(&text) {
            Ok(read) => prop_assert_eq!(read, plan),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// What was done before never makes a guard weaker, and never makes `apply` call the guards others than the settings
    /// demand.
    #[test]
    fn no_memory_makes_a_guard_weaker(company in remembering()) {
        let window = company.limits.window();
        let company = company.with(|company| company.memory.window = window);
        let remembering = company.plan();
        let (limits, managed) = (&company.limits, &company.policy.managed);
        prop_assert_eq!(not_as_demanded(limits, managed, remembering.content()), None);
        let forgetful = company.with(|company| company.memory = RecentPast::none()).plan();
        let blocks = |plan: &Plan| plan.blocking_guards().map(|found| format!("{} {:?}", found.id, found.subject)).collect::<Vec<_>>();
        let together = blocks(&remembering);
        for alone in blocks(&forgetful) {
            prop_assert!(together.contains(&alone), "{} blocks only without the memory", alone);
        }
    }
}

/// What a plan leaves out may not be written out in it: two documents of one plan would have the same hash.
#[test]
fn no_other_document_has_the_hash_of_a_plan() {
    let plan = company([employee("1", ANNA, None)], [user("a", Some("1"), ANNA, None)]).plan();
    let source = SourceSummary {
        name: "hr".to_owned(),
        kind: "csv".to_owned(),
        records: 0,
        proof: "trusted".to_owned(),
        fingerprint: Digest::of(b""),
        join: None,
    };
    let plan = Plan::seal(Content { sources: vec![source], ..plan.content().clone() }).expect("sealed");
    let mut text = Vec::new();
    plan.write(&mut text).expect("memory takes everything");
    assert_eq!(Plan::read(&text).expect("a plan"), plan);
    for (place, name, value) in [
        ("/summary", "reactivate", json!(0)),
        ("/target", "removal", json!("delete")),
        ("/sources/0", "join", json!(null)),
        ("/guards/0", "parts", json!([])),
        ("/guards/0", "earlier", json!(null)),
        ("/guards/0", "subject", json!(null)),
        ("", "waiting", json!(null)),
        ("", "only", json!([])),
    ] {
        let mut document: Value = serde_json::from_slice(&text).expect("JSON");
        let object = document.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
        assert_eq!(object.insert(name.to_owned(), value), None, "{place}/{name} is left out");
        let read = Plan::read(document.to_string().as_bytes());
        assert!(matches!(read, Err(PlanError::Malformed(_))), "{place}/{name}: {read:?}");
    }
}
