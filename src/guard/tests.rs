//! The guards over made-up accounts.

mod lists;
mod window;

use super::*;
use crate::approval::not_lifted;
use crate::employee::{BranchId, User};
use crate::field::BranchRef;

/// A guard that only the tests have. It is nothing but this row. `diff::tests::made_up_guard` follows it through the
/// program.
pub(crate) static MADE_UP: Guard = Guard {
    id: "max_renamed_percent",
    about: "users who get another first or last name, of the users that this configuration may change",
    count: Count::Operations(|effect| {
        effect.changed.iter().any(|field| matches!(field, Field::FirstName | Field::LastName))
    }),
    of: Of::Managed,
    unit: Unit::Percent,
    setting: Setting { table: None, key: "max_renamed_percent", default: None, fields: None, needs: None },
    ignore_below: IgnoreBelow::Fixed(3),
    lifted_by: Some(Ceiling::Changes),
    over_window: Some("renamed"),
};

/// An account, and the operations on it.
#[derive(Debug, Default)]
struct Account {
    people: People,
    done: Vec<Equal>,
    memory: RecentPast,
}

/// A number of equal operations.
#[derive(Debug)]
struct Equal {
    times: u64,
    kind: Kind,
    branch: Option<Option<BranchId>>,
    changed: Vec<Field>,
    emptied: Vec<Field>,
    manager_loss: ManagerLoss,
}

impl Account {
    fn of(managed: u64, employees: u64) -> Self {
        let people = People { managed, employees, in_scope: employees, ..People::default() };
        Self { people, ..Self::default() }
    }

    fn add(mut self, times: u64, kind: Kind) -> Self {
        let (branch, changed, emptied, manager_loss) = (None, Vec::new(), Vec::new(), ManagerLoss::None);
        self.done.push(Equal { times, kind, branch, changed, emptied, manager_loss });
        self
    }

    fn losing_managers(mut self, times: u64, manager_loss: ManagerLoss) -> Self {
        let (branch, changed, emptied) = (None, vec![Field::Manager], Vec::new());
        self.done.push(Equal { times, kind: Kind::Update, branch, changed, emptied, manager_loss });
        self
    }

    fn branch(mut self, id: &str, deletes: u64, updates: u64, managed: u64) -> Self {
        let branch = BranchRef { branch_id: id.into(), external_identifier: None, name: id.into() };
        self.people.branches.push(BranchCount { branch: Some(branch), managed });
        for (times, kind) in [(deletes, Kind::Delete), (updates, Kind::Update)] {
            self = self.add(times, kind);
            let added = self.done.last_mut().expect("just added");
            added.branch = Some(Some(id.into()));
        }
        self
    }

    fn field(mut self, field: Field, name: &str, updates: u64) -> Self {
        self.people.fields.push(NamedField { field: field.clone(), name: name.to_owned(), with_value: 0 });
        self = self.add(updates, Kind::Update);
        self.done.last_mut().expect("just added").changed.push(field);
        self
    }

    fn effects(&self) -> impl Iterator<Item = Effect<'_>> {
        self.done.iter().flat_map(|done| {
            (0..done.times).map(|_| Effect {
                kind: done.kind,
                branch: done.branch.as_ref().map(Option::as_ref),
                changed: done.changed.iter().collect(),
                emptied: done.emptied.iter().collect(),
                manager_loss: done.manager_loss,
            })
        })
    }

    fn evaluate(&self, limits: &Limits) -> Vec<GuardResult> {
        evaluate(limits, &self.people, self.effects(), &self.memory)
    }

    fn blocking(&self, limits: &Limits) -> Vec<String> {
        let results = self.evaluate(limits);
        let blocking = results.iter().filter(|result| result.outcome == GuardOutcome::Block);
        blocking.map(|result| title(result, &BTreeMap::new())).collect()
    }
}

/// How many users there are when the guards are evaluated again.
#[derive(Default)]
pub(crate) struct Now {
    pub(crate) users: u64,
    pub(crate) managed: u64,
    pub(crate) norwegians: u64,
    pub(crate) with_value: u64,
}

impl UsersNow for Now {
    fn users(&self) -> u64 {
        self.users
    }
    fn managed(&self) -> u64 {
        self.managed
    }
    fn managed_in(&self, branch: Option<&BranchId>) -> u64 {
        if branch.is_some_and(|branch| branch.as_str() == "no") { self.norwegians } else { 0 }
    }
    fn with_value(&self, _: &Field) -> u64 {
        self.with_value
    }
}

/// The limits without those that every plan has.
fn nothing_but() -> Limits {
    GUARDS.iter().fold(Limits::default(), |limits, guard| limits.without(guard))
}

fn per_branch(delete: Option<u64>, change: Option<u64>, ignore_below: u64) -> Limits {
    let mut limits = nothing_but();
    for (guard, limit) in [(&BRANCH_DELETE_PERCENT, delete), (&BRANCH_CHANGE_PERCENT, change)] {
        if let Some(limit) = limit {
            limits = limits.with(guard, limit).with_ignore_below(guard, ignore_below);
        }
    }
    limits
}

#[test]
fn a_share_is_exact() {
    for (count, percent, of, expected) in [
        (0, 0, 0, false),
        (1, 100, 0, true),
        (0, 0, 10, false),
        (1, 0, 10, true),
        (2, 20, 10, false),
        (3, 20, 10, true),
        (20, 20, 100, false),
        (21, 20, 100, true),
        (200_000, 20, 1_000_000, false),
        (200_001, 20, 1_000_000, true),
        (10, 100, 10, false),
        (u64::MAX, 100, u64::MAX, false),
        (u64::MAX, 99, u64::MAX, true),
        (u64::MAX, u64::MAX, u64::MAX, false),
    ] {
        assert_eq!(exceeds(count, percent, of), expected, "{count} of {of}, limit {percent} %");
    }
}

#[test]
fn each_guard_on_the_whole_blocks_beyond_its_limit_only() {
    type Edit = fn(Account, u64) -> Account;
    let limits = Limits::default()
        .with(&MAX_CREATES, 7)
        .with(&MAX_UPDATES, 3)
        .with(&MAX_DELETES, 9)
        .with(&MAX_LEFT_WITHOUT_MANAGER, 2);
    let quiet = || Account::of(1_000, 1_000);
    assert_eq!(quiet().blocking(&limits), [""; 0]);
    let cases: [(&Guard, u64, Edit); 5] = [
        (&MAX_CREATES, 7, |account, n| account.add(n, Kind::Create)),
        (&MAX_UPDATES, 3, |account, n| account.add(n, Kind::Update)),
        (&MAX_DELETES, 9, |account, n| account.add(n, Kind::Delete)),
        (&MAX_LEFT_WITHOUT_MANAGER, 2, |account, n| {
            account.losing_managers(n, ManagerLoss::LeftWithout).losing_managers(0, ManagerLoss::Replaced)
        }),
        (&MAX_INVALID_PERCENT, 50, |mut account, n| {
            account.people.set_aside = n;
            account
        }),
    ];
    for (guard, most, edit) in cases {
        assert_eq!(edit(quiet(), most).blocking(&limits), [""; 0], "{}", guard.id);
        assert_eq!(edit(quiet(), most + 1).blocking(&limits), [guard.id]);
    }
    assert_eq!(Account::of(1_000, 0).blocking(&limits), [MIN_EMPLOYEES.id]);
    // People who get another manager are part of the whole, but not of the count.
    let replaced = quiet().losing_managers(2, ManagerLoss::LeftWithout).losing_managers(1, ManagerLoss::Replaced);
    let results = replaced.evaluate(&limits);
    let found = results.iter().find(|result| result.id == MAX_LEFT_WITHOUT_MANAGER.id).expect("evaluated");
    assert_eq!((found.count, found.of), (2, 3));
}

#[test]
fn a_lost_branch_is_seen_though_it_is_a_small_part_of_all() {
    let account = Account::of(1_000, 970).branch("no", 30, 0, 30).branch("se", 0, 0, 970);
    assert_eq!(account.blocking(&Limits::default()), [""; 0]);
    assert_eq!(account.blocking(&per_branch(Some(50), None, 5)), ["per_branch.max_delete_percent of no"]);
}

#[test]
fn a_branch_blocks_beyond_its_share_and_from_a_few_people_on() {
    for (deletes, updates, managed, delete, change) in [
        (10, 0, 20, false, false),
        (11, 0, 20, true, true),
        (0, 11, 20, false, true),
        (5, 6, 20, false, true),
        (1, 0, 1, false, false),
        (4, 0, 4, false, false),
        (5, 0, 5, true, true),
        (0, 4, 4, false, false),
        (3, 2, 5, false, true),
        (5, 0, 10, false, false),
        (6, 0, 0, true, true),
    ] {
        let account = Account::default().branch("no", deletes, updates, managed);
        let results = account.evaluate(&per_branch(Some(50), Some(50), 5));
        let blocks = |guard: &Guard| results.iter().find(|result| result.id == guard.id).map(|result| result.outcome);
        let outcome = |blocks| Some(if blocks { GuardOutcome::Block } else { GuardOutcome::Pass });
        assert_eq!(blocks(&BRANCH_DELETE_PERCENT), outcome(delete), "{deletes} deletes of {managed}");
        assert_eq!(blocks(&BRANCH_CHANGE_PERCENT), outcome(change), "{deletes} and {updates} of {managed}");
    }
}

#[test]
fn a_limit_that_is_left_out_is_not_evaluated() {
    let account = Account::default().branch("no", 9, 0, 9);
    let ids = |limits: &Limits| account.evaluate(limits).into_iter().map(|result| result.id).collect::<Vec<_>>();
    let always = [
        "max_delete_percent",
        "max_change_percent",
        "max_invalid_percent",
        "min_employees",
        "max_create_percent",
        "max_unresolved_percent",
    ];
    assert_eq!(ids(&Limits::default()), always);
    assert_eq!(ids(&per_branch(Some(1), None, 1)), [BRANCH_DELETE_PERCENT.id]);
    assert_eq!(ids(&per_branch(None, Some(1), 1)), [BRANCH_CHANGE_PERCENT.id]);
}

#[test]
fn a_field_has_its_own_limit_or_that_of_all() {
    let cost_center = Field::Custom("cf_cc".into());
    let account =
        Account::of(100, 100).field(Field::LastName, "last_name", 30).field(cost_center.clone(), "Cost center", 92);
    let with = |common: Option<u64>, own: &[(&str, u64)]| {
        let limits = own
            .iter()
            .fold(nothing_but(), |limits, (name, limit)| limits.with_field(&MAX_FIELD_PERCENT, *name, *limit));
        account.blocking(&common.into_iter().fold(limits, |limits, limit| limits.with(&MAX_FIELD_PERCENT, limit)))
    };
    let (last_name, custom) = ("max_field_percent of last_name", "max_field_percent of cf_cc");
    assert_eq!(with(None, &[]), [""; 0]);
    assert_eq!(with(Some(30), &[]), [custom]);
    assert_eq!(with(Some(29), &[]), [last_name, custom]);
    assert_eq!(with(Some(30), &[("Cost center", 92)]), [""; 0]);
    assert_eq!(with(Some(30), &[("cf_cc", 91)]), [custom]);
    assert_eq!(with(None, &[("last_name", 10)]), [last_name]);
    let all = account.evaluate(&nothing_but().with(&MAX_FIELD_PERCENT, 30));
    assert_eq!(all.last().and_then(|result| result.subject.clone()), Some(Subject::Field(cost_center)));
}

#[test]
fn evaluated_again_the_whole_may_have_shrunk_but_never_grown() {
    let account =
        Account::of(100, 90).branch("no", 6, 0, 12).branch("se", 4, 0, 88).field(Field::LastName, "last_name", 5);
    let limits = per_branch(Some(50), None, 5).with(&MAX_FIELD_PERCENT, 5);
    let results = account.evaluate(&limits);
    let again = |managed, norwegians| {
        let results = evaluate_again(&results, &Now { managed, norwegians, ..Now::default() }, &RecentPast::none());
        let blocking = results.iter().filter(|result| result.outcome == GuardOutcome::Block);
        blocking.map(|result| (title(result, &BTreeMap::new()), result.of)).collect::<Vec<_>>()
    };
    assert_eq!(again(100, 12), []);
    assert_eq!(again(5_000, 700), []);
    assert_eq!(again(99, 12), [("max_field_percent of last_name".to_owned(), 99)]);
    assert_eq!(again(100, 11), [("per_branch.max_delete_percent of no".to_owned(), 11)]);
}

#[test]
fn only_a_share_of_managed_users_is_evaluated_again() {
    let limits = Limits::default().with(&MAX_DELETES, 9).with(&MAX_LEFT_WITHOUT_MANAGER, 9);
    let results = Account::of(100, 90).add(9, Kind::Delete).evaluate(&limits);
    for (before, after) in results.iter().zip(evaluate_again(
        &results,
        &Now { managed: 50, users: 1_000, ..Now::default() },
        &RecentPast::none(),
    )) {
        let is_share = [MAX_DELETE_PERCENT.id, MAX_CHANGE_PERCENT.id].contains(&before.id.as_str());
        assert_eq!(after.of, if is_share { 50 } else { before.of }, "{}", before.id);
    }
}

#[test]
fn a_ceiling_covers_the_whole_plan_not_one_branch() {
    let account = Account::of(1_000, 900).branch("dk", 45, 0, 50).branch("no", 38, 0, 40);
    let results = account.evaluate(&per_branch(Some(50), None, 5).with(&MAX_DELETE_PERCENT, 20));
    assert_eq!(needed_ceilings(&results), [(Ceiling::Deletes, 83)].into());
    for (ceiling, left) in [(38, 2), (45, 2), (82, 2), (83, 0), (1_000, 0)] {
        assert_eq!(not_lifted(&results, &[(Ceiling::Deletes, ceiling)].into()).len(), left, "deletes={ceiling}");
    }
    assert_eq!(not_lifted(&results, &[(Ceiling::Changes, 1_000)].into()).len(), 2);
}

#[test]
fn what_lifts_which_guard() {
    for (guard, kind) in [
        (&MAX_DELETE_PERCENT, Some(Ceiling::Deletes)),
        (&MAX_DELETES, Some(Ceiling::Deletes)),
        (&BRANCH_DELETE_PERCENT, Some(Ceiling::Deletes)),
        (&MAX_CHANGE_PERCENT, Some(Ceiling::Changes)),
        (&MAX_UPDATES, Some(Ceiling::Changes)),
        (&MAX_FIELD_PERCENT, Some(Ceiling::Changes)),
        (&MAX_LEFT_WITHOUT_MANAGER, Some(Ceiling::Changes)),
        (&BRANCH_CHANGE_PERCENT, Some(Ceiling::Changes)),
        (&MAX_CREATES, Some(Ceiling::Creates)),
        (&MAX_CREATE_PERCENT, Some(Ceiling::Creates)),
        (&MAX_EMPTIED_PERCENT, Some(Ceiling::Emptied)),
        (&MAX_UNRESOLVED_PERCENT, Some(Ceiling::Unresolved)),
        (&MAX_INVALID_PERCENT, None),
        (&MAX_UNMATCHED_PERCENT, None),
        (&MIN_EMPLOYEES, None),
    ] {
        assert_eq!(Ceiling::lifting(guard.id), kind, "{}", guard.id);
    }
    assert_eq!(Ceiling::lifting("max_moons"), None);
}

#[test]
fn every_id_is_the_path_of_its_setting() {
    for guard in GUARDS {
        let Setting { table, key, .. } = guard.setting;
        let path = table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}"));
        assert_eq!(guard.id, path);
        assert_eq!(GUARDS.iter().filter(|other| other.id == guard.id).count(), 1, "{}", guard.id);
        assert!(find(guard.id).is_some_and(|found| std::ptr::eq(found, *guard)), "{}", guard.id);
    }
}

#[test]
fn the_hash_of_the_settings_covers_the_limits_as_they_are_written() {
    let written = |limits: &Limits| serde_json::to_string(limits).expect("written");
    let (first, then) =
        ("\"max_change_percent\":20,\"max_create_percent\":50", "\"max_delete_percent\":20,\"max_emptied_percent\":10");
    let last = "\"max_invalid_percent\":5,\"max_unresolved_percent\":20,\"min_employees\":1";
    assert_eq!(written(&Limits::default()), format!("{{{first},{then},{last},\"window\":86400}}"));
    let limits = Limits::default()
        .with(&MAX_CREATES, 3)
        .with(&MAX_FIELD_PERCENT, 40)
        .with_field(&MAX_FIELD_PERCENT, "Cost center", 10)
        .with(&BRANCH_DELETE_PERCENT, 50);
    let ignored = written(&limits.clone().with_ignore_below(&BRANCH_DELETE_PERCENT, 7));
    assert_eq!(
        ignored,
        format!(
            "{{\"fields\":{{\"Cost center\":10}},{first},\"max_creates\":3,{then},\"max_field_percent\":40,{last},\
             \"per_branch\":{{\"ignore_below\":7,\"max_delete_percent\":50}},\"window\":86400}}"
        )
    );
    assert_eq!(written(&limits), ignored.replace(":7", ":5"), "the default is written, too");
}

#[test]
fn a_plan_cannot_say_that_a_guard_ignores_what_it_does_not() {
    for guard in GUARDS.iter().filter(|guard| guard.ignore_below == IgnoreBelow::Nothing) {
        let (count, limit) = if guard.unit == Unit::AtLeast { (0, 1) } else { (90, 20) };
        let found = GuardResult::of_whole(guard.id, count, 100, limit, GuardOutcome::Block);
        let forged = GuardResult { ignore_below: Some(1_000), ..found };
        assert_eq!(outcome(&forged), Some(GuardOutcome::Block), "{}", guard.id);
    }
    let branch = GuardResult::of_whole(BRANCH_DELETE_PERCENT.id, 4, 4, 50, GuardOutcome::Pass);
    assert_eq!(outcome(&GuardResult { ignore_below: Some(5), ..branch }), Some(GuardOutcome::Pass));
}

#[test]
fn the_count_is_that_of_the_operations_it_names() {
    let account = Account::of(100, 90)
        .add(3, Kind::Create)
        .branch("no", 6, 2, 12)
        .branch("se", 4, 1, 88)
        .losing_managers(2, ManagerLoss::LeftWithout)
        .losing_managers(4, ManagerLoss::Replaced)
        .field(Field::FirstName, "first_name", 5)
        .field(Field::Custom("cf".into()), "Cost center", 7);
    let limits = GUARDS.iter().copied().fold(Limits::default(), |limits, guard| limits.with(guard, 50));
    let results = account.evaluate(&limits);
    let mut counted = 0;
    for result in &results {
        let guard = find(&result.id).expect("known");
        if guard.counts_records() {
            continue;
        }
        let named = account.effects().filter(|effect| guard.counts(effect, result.subject.as_ref())).count();
        assert_eq!(result.count, named as u64, "{result:?}");
        counted += named;
    }
    assert!(counted > 50, "{results:#?}");
}

#[test]
fn the_name_of_a_branch_forges_no_line_of_a_message() {
    let account = Account::of(100, 90).branch("no\nhint: first type: x\u{1b}[31m", 7, 0, 12);
    let results = account.evaluate(&per_branch(Some(50), None, 5));
    let blocking = results.iter().find(|result| result.outcome == GuardOutcome::Block).expect("one blocks");
    assert_eq!(
        counted_title(blocking, &BTreeMap::new()),
        "per_branch.max_delete_percent of no\\nhint: first type: x\\u{1b}[31m (7 of 12, limit 50)"
    );
}
