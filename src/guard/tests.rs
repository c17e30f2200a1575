use super::*;
use crate::approval::not_lifted;

fn branch(id: &str, deletes: u64, updates: u64, managed: u64) -> BranchCount {
    let branch = BranchRef { branch_id: id.into(), external_identifier: None, name: id.to_owned() };
    BranchCount { branch: Some(branch), updates, deletes, managed }
}

fn field(field: Field, name: &str, updates: u64) -> FieldCount {
    FieldCount { field, name: name.to_owned(), updates }
}

fn per_branch(delete: Option<u64>, change: Option<u64>, ignore_below: u64) -> Limits {
    let limits = BranchLimits { max_delete_percent: delete, max_change_percent: change, ignore_below };
    Limits { per_branch: Some(limits), ..Limits::default() }
}

fn blocking(limits: &Limits, counts: &Counts) -> Vec<String> {
    let results = evaluate(limits, counts);
    let blocking = results.iter().filter(|result| result.outcome == GuardOutcome::Block);
    blocking.map(|result| title(result, &BTreeMap::new())).collect()
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
    type Edit = fn(&mut Counts, u64);
    let limits = Limits {
        max_creates: Some(7),
        max_updates: Some(3),
        max_deletes: Some(9),
        max_left_without_manager: Some(2),
        ..Limits::default()
    };
    let quiet = Counts { managed: 1_000, employees: 1_000, in_scope: 1_000, ..Counts::default() };
    assert_eq!(blocking(&limits, &quiet), [""; 0]);
    let cases: [(&str, u64, Edit); 5] = [
        (MAX_CREATES, 7, |counts, n| counts.creates = n),
        (MAX_UPDATES, 3, |counts, n| counts.updates = n),
        (MAX_DELETES, 9, |counts, n| counts.deletes = n),
        (MAX_LEFT_WITHOUT_MANAGER, 2, |counts, n| counts.left_without_manager = n),
        (MAX_INVALID_PERCENT, 50, |counts, n| counts.set_aside = n),
    ];
    for (id, most, edit) in cases {
        let with = |n| {
            let mut counts = quiet.clone();
            edit(&mut counts, n);
            blocking(&limits, &counts)
        };
        assert_eq!(with(most), [""; 0], "{id}");
        assert_eq!(with(most + 1), [id]);
    }
    assert_eq!(blocking(&limits, &Counts { employees: 0, ..quiet }), [MIN_EMPLOYEES]);
}

#[test]
fn a_lost_branch_is_seen_though_it_is_a_small_part_of_all() {
    let counts = Counts {
        deletes: 30,
        managed: 1_000,
        employees: 970,
        in_scope: 970,
        branches: vec![branch("no", 30, 0, 30), branch("se", 0, 0, 970)],
        ..Counts::default()
    };
    assert_eq!(blocking(&Limits::default(), &counts), [""; 0]);
    assert_eq!(blocking(&per_branch(Some(50), None, 5), &counts), ["per_branch.max_delete_percent of no"]);
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
        let counts = Counts { branches: vec![branch("no", deletes, updates, managed)], ..Counts::default() };
        let results = evaluate(&per_branch(Some(50), Some(50), 5), &counts);
        let blocks = |id| results.iter().find(|result| result.id == id).map(|result| result.outcome);
        let outcome = |blocks| Some(if blocks { GuardOutcome::Block } else { GuardOutcome::Pass });
        assert_eq!(blocks(BRANCH_DELETE_PERCENT), outcome(delete), "{deletes} deletes of {managed}");
        assert_eq!(blocks(BRANCH_CHANGE_PERCENT), outcome(change), "{deletes} and {updates} of {managed}");
    }
}

#[test]
fn a_limit_that_is_left_out_is_not_evaluated() {
    let counts = Counts { branches: vec![branch("no", 9, 9, 9)], ..Counts::default() };
    let ids = |limits: &Limits| evaluate(limits, &counts).split_off(4).into_iter().map(|r| r.id).collect::<Vec<_>>();
    assert_eq!(ids(&Limits::default()), [""; 0]);
    assert_eq!(ids(&per_branch(Some(1), None, 1)), [BRANCH_DELETE_PERCENT]);
    assert_eq!(ids(&per_branch(None, Some(1), 1)), [BRANCH_CHANGE_PERCENT]);
}

#[test]
fn a_field_has_its_own_limit_or_that_of_all() {
    let cost_center = Field::Custom("cf_cc".into());
    let counts = Counts {
        managed: 100,
        employees: 100,
        fields: vec![field(Field::LastName, "last_name", 30), field(cost_center.clone(), "Cost center", 92)],
        ..Counts::default()
    };
    let with = |max_field_percent, own: &[(&str, u64)]| {
        let fields = own.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
        blocking(&Limits { max_field_percent, fields, ..Limits::default() }, &counts)
    };
    let (last_name, custom) = ("max_field_percent of last_name", "max_field_percent of cf_cc");
    assert_eq!(with(None, &[]), [""; 0]);
    assert_eq!(with(Some(30), &[]), [custom]);
    assert_eq!(with(Some(29), &[]), [last_name, custom]);
    assert_eq!(with(Some(30), &[("Cost center", 92)]), [""; 0]);
    assert_eq!(with(Some(30), &[("cf_cc", 91)]), [custom]);
    assert_eq!(with(None, &[("last_name", 10)]), [last_name]);
    let all = evaluate(&Limits { max_field_percent: Some(30), ..Limits::default() }, &counts);
    assert_eq!(all.last().and_then(|result| result.subject.clone()), Some(Subject::Field(cost_center)));
}

#[test]
fn evaluated_again_the_whole_may_have_shrunk_but_never_grown() {
    let counts = Counts {
        deletes: 10,
        updates: 5,
        managed: 100,
        employees: 90,
        in_scope: 90,
        fields: vec![field(Field::LastName, "last_name", 5)],
        branches: vec![branch("no", 6, 0, 12), branch("se", 4, 5, 88)],
        ..Counts::default()
    };
    let limits = Limits { max_field_percent: Some(5), ..per_branch(Some(50), None, 5) };
    let results = evaluate(&limits, &counts);
    let again = |managed, norwegians| {
        let of = |branch: Option<&BranchId>| if branch.is_some_and(|b| b.as_str() == "no") { norwegians } else { 0 };
        let results = evaluate_again(&results, managed, of);
        let blocking = results.iter().filter(|result| result.outcome == GuardOutcome::Block);
        blocking.map(|result| (title(result, &BTreeMap::new()), result.of)).collect::<Vec<_>>()
    };
    assert_eq!(again(100, 12), []);
    assert_eq!(again(5_000, 700), []);
    assert_eq!(again(99, 12), [("max_field_percent of last_name".to_owned(), 99)]);
    assert_eq!(again(100, 11), [("per_branch.max_delete_percent of no".to_owned(), 11)]);
}

#[test]
fn a_ceiling_covers_the_whole_plan_not_one_branch() {
    let counts = Counts {
        deletes: 83,
        managed: 1_000,
        employees: 900,
        in_scope: 900,
        branches: vec![branch("dk", 45, 0, 50), branch("no", 38, 0, 40)],
        ..Counts::default()
    };
    let results = evaluate(&per_branch(Some(50), None, 5), &counts);
    assert_eq!(needed_ceilings(&results), [(Ceiling::Deletes, 83)].into());
    for (ceiling, left) in [(38, 2), (45, 2), (82, 2), (83, 0), (1_000, 0)] {
        assert_eq!(not_lifted(&results, &[(Ceiling::Deletes, ceiling)].into()).len(), left, "deletes={ceiling}");
    }
    assert_eq!(not_lifted(&results, &[(Ceiling::Changes, 1_000)].into()).len(), 2);
}

#[test]
fn what_lifts_which_guard() {
    for (id, kind) in [
        (MAX_DELETE_PERCENT, Some(Ceiling::Deletes)),
        (MAX_DELETES, Some(Ceiling::Deletes)),
        (BRANCH_DELETE_PERCENT, Some(Ceiling::Deletes)),
        (MAX_CHANGE_PERCENT, Some(Ceiling::Changes)),
        (MAX_UPDATES, Some(Ceiling::Changes)),
        (MAX_FIELD_PERCENT, Some(Ceiling::Changes)),
        (MAX_LEFT_WITHOUT_MANAGER, Some(Ceiling::Changes)),
        (BRANCH_CHANGE_PERCENT, Some(Ceiling::Changes)),
        (MAX_CREATES, Some(Ceiling::Creates)),
        (MAX_INVALID_PERCENT, None),
        (MIN_EMPLOYEES, None),
        ("max_moons", None),
    ] {
        assert_eq!(Ceiling::lifting(id), kind, "{id}");
    }
}
