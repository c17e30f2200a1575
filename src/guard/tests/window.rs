//! What was done before a plan counts with it, of those who were there before.

use super::*;

fn done(kind: Kind, branch: Option<Option<&str>>) -> Done {
    let branch = branch.map(|branch| branch.map(BranchId::from));
    Done { kind, branch, changed: Vec::new(), emptied: Vec::new(), in_new_account: false }
}

/// The same past for so many users.
fn past(times: usize, kind: Kind) -> Vec<Past> {
    vec![Past::of(None, done(kind, None)); times]
}

/// What was done to one person, in this order.
fn one_person(all: impl IntoIterator<Item = Done>) -> Past {
    let mut all = all.into_iter();
    let mut past = Past::of(None, all.next().expect("something"));
    all.for_each(|done| past.add(done));
    past
}

/// A change of the manager, who may be none afterwards.
fn manager(empties: bool) -> Done {
    let emptied = if empties { vec![Field::Manager] } else { Vec::new() };
    Done { changed: vec![Field::Manager], emptied, ..done(Kind::Update, Some(Some("no"))) }
}

impl Account {
    fn remembering(mut self, past: impl IntoIterator<Item = Past>) -> Self {
        self.memory.window = WINDOW;
        self.memory.past.extend(past);
        self
    }

    /// The only result of a guard.
    fn result(&self, limits: &Limits, guard: &Guard) -> GuardResult {
        let results = self.evaluate(limits);
        let mut found = results.into_iter().filter(|result| result.id == guard.id);
        found.next().expect("evaluated")
    }
}

#[test]
fn removals_count_together_and_of_all_who_were_there() {
    for (managed, before, own, of, blocks) in [
        (81, 19, 19, 100, true),
        (81, 19, 1, 100, false),
        (81, 19, 2, 100, true),
        (100, 0, 20, 100, false),
        (1_181, 3, 4, 1_184, false),
        // Nothing that this plan adds: it is not held up by what was done before.
        (50, 50, 0, 100, false),
        (50, 50, 1, 100, true),
        (0, 10, 0, 10, false),
    ] {
        let account = Account::of(managed, managed).add(own, Kind::Delete).remembering(past(before, Kind::Delete));
        let found = account.result(&nothing_but().with(&MAX_DELETE_PERCENT, 20), &MAX_DELETE_PERCENT);
        assert_eq!((found.count, found.of, found.own()), (before as u64 + own, of, own), "{found:?}");
        assert_eq!(found.outcome == GuardOutcome::Block, blocks, "{found:?}");
        assert_eq!(found.earlier.map(|earlier| earlier.now), (before > 0).then_some(managed), "{found:?}");
    }
}

#[test]
fn no_past_makes_a_plan_pass_that_blocks_by_itself() {
    let limits = Limits::default().with(&MAX_CREATES, 30).with(&MAX_UPDATES, 30).with(&MAX_DELETES, 30);
    for own in [1, 5, 20, 21, 40, 80, 300] {
        for (deleted, created, updated) in [(0, 0, 0), (90, 0, 0), (0, 90, 0), (0, 0, 90), (90, 90, 90), (500, 20, 3)] {
            let before =
                [past(deleted, Kind::Delete), past(created, Kind::Create), past(updated, Kind::Update)].concat();
            for kind in [Kind::Create, Kind::Update, Kind::Delete] {
                let account = || {
                    let mut account = Account::of(400, 400).add(own, kind);
                    account.people.users = 400;
                    account
                };
                let (alone, together) =
                    (account().blocking(&limits), account().remembering(before.clone()).blocking(&limits));
                assert!(
                    alone.iter().all(|id| together.contains(id)),
                    "{own} {kind:?} after {deleted}, {created}, {updated}"
                );
            }
        }
    }
}

#[test]
fn creates_count_of_those_who_were_there_before() {
    let limits = nothing_but().with(&MAX_CREATE_PERCENT, 50);
    let new_account = vec![Past::of(None, Done { in_new_account: true, ..done(Kind::Create, None) }); 1_000];
    let one = |kinds: &[Kind]| vec![one_person(kinds.iter().map(|kind| done(*kind, None))); 40];
    for (users, before, own, of, blocks) in [
        (140, past(40, Kind::Create), 10, 100, false),
        (140, past(40, Kind::Create), 11, 100, true),
        // Fewer than five in all never block.
        (5, past(2, Kind::Create), 2, 3, false),
        (5, past(2, Kind::Create), 3, 3, true),
        // Nobody is left who was there before.
        (40, past(40, Kind::Create), 1, 0, true),
        // Who was deleted and has come back was there; who was created and deleted was not.
        (100, one(&[Kind::Delete, Kind::Create]), 10, 100, false),
        (100, one(&[Kind::Delete, Kind::Create]), 11, 100, true),
        (100, one(&[Kind::Create, Kind::Delete]), 11, 100, true),
        (140, one(&[Kind::Create, Kind::Delete, Kind::Create]), 11, 100, true),
        // The first import is no share of anything.
        (1_000, new_account.clone(), 500, 1_000, false),
        (1_000, new_account.clone(), 501, 1_000, true),
    ] {
        let mut account = Account::of(0, 1_000).add(own, Kind::Create).remembering(before);
        account.people.users = users;
        let found = account.result(&limits, &MAX_CREATE_PERCENT);
        assert_eq!((found.of, found.outcome == GuardOutcome::Block), (of, blocks), "{found:?}");
    }
}

#[test]
fn branches_and_fields_remember_their_own() {
    let norwegian = |kind| Past::of(None, done(kind, Some(Some("no"))));
    let account = Account::of(100, 100)
        .branch("no", 3, 0, 6)
        .branch("se", 3, 0, 94)
        .remembering(vec![norwegian(Kind::Delete); 4])
        .remembering(vec![norwegian(Kind::Update); 90]);
    let limits = per_branch(Some(50), None, 5);
    assert_eq!(account.blocking(&limits), ["per_branch.max_delete_percent of no"]);
    let results = account.evaluate(&limits);
    assert_eq!(results.iter().map(|found| (found.count, found.of)).collect::<Vec<_>>(), [(7, 10), (3, 94)]);

    // Whoever has a value again is among those who have it now, and whoever was deleted is not.
    let (emptied, filled, gone) = (manager(true), manager(false), done(Kind::Delete, Some(Some("no"))));
    for (before, now) in [
        (vec![emptied.clone()], 93),
        (vec![emptied.clone(), filled.clone()], 100),
        (vec![emptied.clone(), filled.clone(), emptied.clone()], 93),
        (vec![emptied.clone(), filled, gone.clone()], 93),
        (vec![emptied.clone(), gone.clone()], 93),
        (vec![emptied, gone, done(Kind::Create, None)], 100),
    ] {
        let remembered = vec![one_person(before); 7];
        let mut account = Account::of(100, 100).field(Field::Manager, "manager", 4).remembering(remembered);
        account.people.fields[0].with_value = now;
        account.done[0].emptied.push(Field::Manager);
        let found = account.result(&nothing_but().with(&MAX_EMPTIED_PERCENT, 10), &MAX_EMPTIED_PERCENT);
        assert_eq!((found.count, found.of, found.outcome), (11, 100, GuardOutcome::Block), "{account:?}");
    }
}

#[test]
fn each_guard_counts_a_person_once_and_in_each_branch_once() {
    let at = |kind, branch| done(kind, Some(Some(branch)));
    let (update, delete) = (Kind::Update, Kind::Delete);
    let guards = [&MAX_UPDATES, &MAX_DELETES, &MAX_CHANGE_PERCENT, &BRANCH_CHANGE_PERCENT, &BRANCH_DELETE_PERCENT];
    let limits = guards.iter().fold(nothing_but(), |limits, guard| limits.with(guard, 1));
    for (all, expected) in [
        // The updates, the deletes, both of the whole; both in each branch; the deletes in each branch.
        (vec![at(update, "no"), at(update, "se")], [1, 0, 1, 1, 1, 0, 0]),
        (vec![at(update, "no"), at(update, "se"), at(update, "no"), at(update, "se")], [1, 0, 1, 1, 1, 0, 0]),
        (vec![at(update, "no"), at(delete, "se")], [1, 1, 1, 1, 1, 0, 1]),
        (vec![at(update, "no"), at(delete, "no")], [1, 1, 1, 1, 0, 1, 0]),
        (vec![at(delete, "no"), done(Kind::Create, None), at(delete, "se")], [0, 1, 1, 1, 1, 1, 1]),
    ] {
        let account =
            Account::of(200, 200).branch("no", 1, 0, 100).branch("se", 1, 0, 100).remembering([one_person(all)]);
        let results = account.evaluate(&limits);
        let earlier = |guard: &&Guard| -> Vec<u64> {
            let own = results.iter().filter(|result| result.id == guard.id);
            own.map(|result| result.earlier.map_or(0, |earlier| earlier.count)).collect()
        };
        assert_eq!(guards.iter().flat_map(earlier).collect::<Vec<_>>(), expected, "{account:?}");
    }
}

#[test]
fn a_share_is_of_nobody_twice() {
    let limits = per_branch(Some(10), Some(10), 1).with(&MAX_DELETE_PERCENT, 10).with(&MAX_CHANGE_PERCENT, 10);
    let no = |kind| done(kind, Some(Some("no")));
    for (all, there) in [
        (vec![no(Kind::Delete)], 90),
        (vec![no(Kind::Update), no(Kind::Delete)], 90),
        (vec![no(Kind::Delete), done(Kind::Create, None)], 100),
        (vec![no(Kind::Delete), done(Kind::Create, None), no(Kind::Delete)], 90),
    ] {
        let account = Account::of(there, there).branch("no", 1, 0, there).remembering(vec![one_person(all); 10]);
        let results = account.evaluate(&limits);
        assert_eq!(results.len(), 4);
        assert!(results.iter().all(|result| (result.count, result.of) == (11, 100)), "{results:?}");
    }
}

#[test]
fn an_approval_allows_what_the_plan_itself_does() {
    let account = Account::of(81, 81).add(19, Kind::Delete).remembering(past(19, Kind::Delete));
    let results = account.evaluate(&nothing_but().with(&MAX_DELETE_PERCENT, 20));
    assert_eq!(needed_ceilings(&results), [(Ceiling::Deletes, 19)].into());
    assert_eq!(not_lifted(&results, &[(Ceiling::Deletes, 18)].into()).len(), 1);
    assert_eq!(not_lifted(&results, &[(Ceiling::Deletes, 19)].into()).len(), 0);
}

#[test]
fn what_was_done_since_the_plan_counts_when_it_is_judged_again() {
    let limits = nothing_but().with(&MAX_DELETE_PERCENT, 20);
    let planned = Account::of(100, 100).add(15, Kind::Delete).evaluate(&limits);
    assert_eq!(planned[0].outcome, GuardOutcome::Pass);
    let memory = |times| RecentPast { window: WINDOW, past: past(times, Kind::Delete), is_unknown: false };
    for (since, managed, blocks) in [(0, 100, false), (5, 95, false), (6, 94, true), (15, 85, true), (5, 90, true)] {
        let again = evaluate_again(&planned, &Now { managed, ..Now::default() }, &memory(since));
        assert_eq!(again[0].outcome == GuardOutcome::Block, blocks, "{again:?}");
    }
    assert_eq!(evaluate_since(&planned, &memory(15))[0].outcome, GuardOutcome::Block);
    // What it counted when it was made is replaced, not added.
    let planned = Account::of(85, 85).add(5, Kind::Delete).remembering(past(15, Kind::Delete)).evaluate(&limits);
    let again = evaluate_again(&planned, &Now { managed: 85, ..Now::default() }, &memory(15));
    assert_eq!(again, planned);
    let again = evaluate_again(&planned, &Now { managed: 85, ..Now::default() }, &RecentPast::none());
    assert_eq!((again[0].count, again[0].of, again[0].earlier), (5, 85, None));
}

#[test]
fn a_length_of_time_reads_well() {
    for (seconds, expected) in
        [(86_400, "24 h"), (172_800, "48 h"), (604_800, "7 days"), (5_400, "90 min"), (61, "61 s"), (3_600, "1 h")]
    {
        assert_eq!(span(seconds), expected);
    }
}

#[test]
fn settings_for_some_branches_remember_what_was_done_in_them() {
    let of = |kind, branch| Past::of(None, done(kind, branch));
    let past = vec![
        of(Kind::Delete, Some(Some("no"))),
        of(Kind::Delete, Some(Some("se"))),
        of(Kind::Update, Some(None)),
        of(Kind::Create, None),
        of(Kind::Delete, None),
    ];
    let memory = RecentPast { window: WINDOW, past: past.clone(), is_unknown: false };
    assert_eq!(memory.clone().of_branches(None).past, past);
    let norway = [BranchId::from("no")].into();
    assert_eq!(memory.of_branches(Some(&norway)).past, [&past[0], &past[3], &past[4]].map(Clone::clone));
    // Of somebody who was moved here, what was done here.
    let moved = one_person([done(Kind::Update, Some(Some("se"))), done(Kind::Update, Some(Some("no")))]);
    let memory = RecentPast { window: WINDOW, past: vec![moved], is_unknown: false };
    assert_eq!(memory.of_branches(Some(&norway)).past, [of(Kind::Update, Some(Some("no")))]);
}

/// Whoever came back by another hand, or has a value again, is among the users now and does not count twice in the whole.
#[test]
fn what_the_list_shows_is_not_missing() {
    let user = |id: &str, manager: Option<&str>| User {
        id: id.into(),
        identifier: None,
        email: id.into(),
        first_name: "".into(),
        last_name: "".into(),
        branch: Some("no".into()),
        manager: manager.map(Into::into),
        custom_fields: Box::new([]),
        roles: None,
    };
    let listed = [user("a", Some("b")), user("b", None)];
    let of = |done: Done| ["a", "b", "c"].map(|id| Past { user: Some(id.into()), ..Past::of(None, done.clone()) });
    let found = |past: [Past; 3], guard: &'static Guard, own: Kind| {
        let mut account = Account::of(10, 10).add(1, own).remembering(past);
        account.memory = account.memory.as_listed(
            |id| listed.iter().find(|user| user.id == *id),
            |user, field| *field == Field::Manager && user.manager.is_some(),
        );
        account.result(&nothing_but().with(guard, 20), guard)
    };
    let deleted = found(of(done(Kind::Delete, Some(Some("no")))), &MAX_DELETE_PERCENT, Kind::Delete);
    assert_eq!((deleted.count, deleted.of), (4, 11), "only one of three is gone");
    let memory = RecentPast { window: WINDOW, past: of(manager(true)).to_vec(), is_unknown: false };
    let memory = memory.as_listed(
        |id| listed.iter().find(|user| user.id == *id),
        |user, field| *field == Field::Manager && user.manager.is_some(),
    );
    let lacks: Vec<bool> = memory.past.iter().map(|past| past.lacks == [Field::Manager]).collect();
    assert_eq!(lacks, [false, true, true], "of whoever is not listed nothing new is known");
}
