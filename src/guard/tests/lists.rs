//! The guards against special ways in which a list can be broken: it would create everybody twice, empty a field, name
//! unknown managers or join nobody.

use super::*;

#[test]
fn creates_are_measured_by_all_users_and_a_new_account_takes_any_number() {
    for (users, creates, blocks) in
        [(20, 20, true), (20, 11, true), (20, 10, false), (8, 5, true), (4, 4, false), (1, 5, true), (0, 1_000, false)]
    {
        let mut account = Account::of(0, 1_000).add(creates, Kind::Create);
        account.people.users = users;
        let expected = if blocks { vec![MAX_CREATE_PERCENT.id] } else { Vec::new() };
        assert_eq!(account.blocking(&Limits::default()), expected, "{creates} creates beside {users} users");
    }
}

#[test]
fn a_field_that_is_emptied_is_measured_by_those_who_have_a_value() {
    let cost_center = Field::Custom("cf_cc".into());
    for (with_value, emptied, blocks) in
        [(100, 10, false), (100, 11, true), (40, 5, true), (4, 4, false), (5, 5, true), (50, 5, false)]
    {
        let mut account = Account::of(1_000, 1_000).field(cost_center.clone(), "Cost center", emptied);
        account.people.fields[0].with_value = with_value;
        account.done[0].emptied.push(cost_center.clone());
        // Others get another value.
        let account = account.field(Field::FirstName, "first_name", 100);
        let expected = if blocks { vec!["max_emptied_percent of cf_cc"] } else { Vec::new() };
        assert_eq!(account.blocking(&Limits::default()), expected, "{emptied} of {with_value}");
        let results = account.evaluate(&Limits::default());
        assert!(results.iter().all(|found| found.subject != Some(Subject::Field(Field::FirstName))));
        let now = Now { users: 1_000, managed: 1_000, with_value: emptied, ..Now::default() };
        let again = evaluate_again(&results, &now, &RecentPast::none());
        let found = again.iter().find(|found| found.id == MAX_EMPTIED_PERCENT.id).expect("evaluated");
        assert_eq!(found.outcome == GuardOutcome::Block, emptied >= 5, "{emptied} of as many");
    }
}

#[test]
fn values_of_several_fields_are_lifted_by_their_sum() {
    let mut account = Account::of(1_000, 1_000);
    for (place, id) in [(0, "cf_a"), (1, "cf_b")] {
        let field = Field::Custom(id.into());
        account = account.field(field.clone(), id, 20);
        account.people.fields[place].with_value = 50;
        account.done[place].emptied.push(field);
    }
    let results = account.evaluate(&nothing_but().with(&MAX_EMPTIED_PERCENT, 10));
    assert_eq!(needed_ceilings(&results), [(Ceiling::Emptied, 40)].into());
    assert_eq!(not_lifted(&results, &[(Ceiling::Emptied, 39)].into()).len(), 2);
    assert_eq!(not_lifted(&results, &[(Ceiling::Emptied, 40)].into()).len(), 0);
}

#[test]
fn managers_who_are_nowhere_and_bad_records_block_from_a_few_on() {
    for (naming, nowhere, blocks) in [(206, 206, true), (20, 4, false), (20, 5, true), (4, 4, false), (25, 5, false)] {
        let mut account = Account::of(1_000, 1_000);
        (account.people.naming_managers, account.people.unresolved_managers) = (naming, nowhere);
        let expected = if blocks { vec![MAX_UNRESOLVED_PERCENT.id] } else { Vec::new() };
        assert_eq!(account.blocking(&Limits::default()), expected, "{nowhere} of {naming}");
    }
    for (in_scope, bad, blocks) in [(10, 1, false), (10, 2, false), (10, 3, true), (60, 3, false), (59, 3, true)] {
        let mut account = Account::of(1_000, in_scope);
        account.people.set_aside = bad;
        let expected = if blocks { vec![MAX_INVALID_PERCENT.id] } else { Vec::new() };
        assert_eq!(account.blocking(&Limits::default()), expected, "{bad} of {in_scope}");
    }
}

#[test]
fn each_joined_source_is_judged_by_its_own_limit() {
    let mut account = Account::of(1_000, 935);
    let join = |source: &str, without_row, limit_percent| Join {
        source: source.to_owned(),
        people: 935,
        without_row,
        limit_percent,
    };
    account.people.joins =
        vec![join("payroll", 935, 50), join("phones", 900, 100), join("it", 467, 50), join("fax", 468, 50)];
    let blocked = account.blocking(&Limits::default());
    assert_eq!(blocked, ["max_unmatched_percent of payroll", "max_unmatched_percent of fax"]);
    let results = account.evaluate(&Limits::default());
    assert_eq!(needed_ceilings(&results), [].into());
    assert_eq!(not_lifted(&results, &Ceiling::ALL.map(|ceiling| (ceiling, 10_000)).into()).len(), 2);
}
