//! Second thoughts: who waits, who is deleted, and what a reading leaves to the next one.

use proptest::prelude::*;

use super::company::{ANNA, BEN, CARLA, Company, bad_record, company, employee, moved, user, user_id};
use crate::diff::{Absences, Memory, Moment, Note, Reading};
use crate::employee::{Employee, User, UserId};
use crate::plan::{Action, Content, GuardOutcome, Plan, Settled};

const DAY: i64 = 24 * 60 * 60;
/// 2026-11-28T09:00:00Z.
const NOW: i64 = 1_795_856_400;

fn absences(memory: &Memory, now: i64) -> Option<Absences> {
    Some(Absences::of(memory, 7 * DAY as u64, now, true, |seconds| Moment::new(seconds, 60)))
}

fn missing(since: &[(&str, i64)]) -> Memory {
    let missing = since.iter().map(|&(user, since)| (UserId::from(user), since)).collect();
    Memory { read_at: since.iter().map(|&(_, since)| since).max(), missing }
}

/// The plan of a reading and what the reading says. The plan is one that can be read back.
fn plan(company: &mut Company, memory: &Memory, now: i64) -> (Plan, Reading) {
    company.policy.absences = absences(memory, now);
    let plan = company.plan();
    let mut text = Vec::new();
    plan.write(&mut text).expect("written");
    assert_eq!(Plan::read(&text).expect("a plan that plan can write"), plan);
    assert_eq!(plan.content().deletes_too_early(now), None);
    let settled = Settled::new(&company.desired, &company.directory, &company.policy).expect("settled");
    (plan, settled.comparison().reading().clone())
}

fn deleted(plan: &Plan) -> Vec<&str> {
    let deletes = plan.content().operations.iter().filter(|operation| operation.action.name() == "delete");
    deletes.filter_map(|operation| Some(operation.user_id()?.as_str())).collect()
}

fn waiting(plan: &Plan) -> Vec<String> {
    let waiting = plan.content().waiting.as_ref().expect("second thoughts");
    waiting.people.iter().map(|person| format!("{}: {}", person.user_id, person.words())).collect()
}

fn messages<'a>(plan: &'a Plan, code: &str) -> Vec<&'a str> {
    let found = plan.content().diagnostics.iter().filter(|found| found.code == code);
    found.map(|found| found.message.as_str()).collect()
}

/// Anna has a record. Ben and Carla, users 2 and 3, have none.
fn two_leavers(manager_of_carla: Option<&str>) -> Company {
    company(
        [employee("1", ANNA, None)],
        [
            user("u1", Some("1"), ANNA, None),
            user("u2", Some("2"), BEN, None),
            user("u3", Some("3"), CARLA, manager_of_carla),
        ],
    )
}

#[test]
fn whoever_is_missing_waits_until_their_day_and_is_then_deleted() {
    let mut company = two_leavers(None);
    let (first, reading) = plan(&mut company, &Memory::default(), NOW);
    assert_eq!(deleted(&first), [""; 0]);
    let words = "leaves on 5 December, missing since 28 November";
    assert_eq!(waiting(&first), [format!("u2: {words}"), format!("u3: {words}")]);
    let memory = Memory::default().after(&reading, NOW, Note::All);
    assert_eq!(memory, missing(&[("u2", NOW), ("u3", NOW)]));

    // The same reading again is the same plan, whenever it is, until the wait is over.
    for later in [1, DAY, 7 * DAY - 1] {
        assert_eq!(plan(&mut company, &memory, NOW + later).0.hash(), first.hash());
    }
    let (last, reading) = plan(&mut company, &memory, NOW + 7 * DAY);
    assert_eq!(deleted(&last), ["u2", "u3"]);
    assert_eq!(waiting(&last), [""; 0]);
    let Action::Delete { missing_since, .. } = &last.content().operations[0].action else { panic!("{last:?}") };
    assert_eq!(*missing_since, Some(Moment::new(NOW, 60)));
    // Until it is done, nobody begins anew.
    assert_eq!(memory.after(&reading, NOW + 7 * DAY, Note::All).missing, memory.missing);
}

#[test]
fn one_reading_is_never_enough_even_if_it_is_the_only_one_for_weeks() {
    let mut company = two_leavers(None);
    company.policy.absences = Some(Absences::of(&Memory::default(), 1, NOW, true, |seconds| Moment::new(seconds, 0)));
    assert_eq!(deleted(&company.plan()), [""; 0]);
    let memory = missing(&[("u2", NOW)]);
    let (after_a_gap, _) = plan(&mut company, &memory, NOW + 40 * DAY);
    assert_eq!(deleted(&after_a_gap), ["u2"], "two readings, and none between that had them");
}

#[test]
fn whoever_is_back_is_forgotten() {
    let memory = missing(&[("u2", NOW), ("u3", NOW)]);
    let mut back = two_leavers(None).with(|company| company.desired.employees.push(employee("2", BEN, None)));
    for note in [Note::All, Note::Returns] {
        let (_, reading) = plan(&mut back, &memory, NOW + DAY);
        assert_eq!(memory.after(&reading, NOW + DAY, note).missing, missing(&[("u3", NOW)]).missing);
    }
    // Who is protected, or of another configuration, is not missing either.
    let mut protected = two_leavers(None);
    protected.policy.protect = crate::diff::Protect::new(&["2"]);
    let (_, reading) = plan(&mut protected, &memory, NOW + DAY);
    assert_eq!(reading.missing, [UserId::from("u3")]);
}

#[test]
fn a_reading_that_is_not_sure_enough_begins_no_wait() {
    let (_, reading) = plan(&mut two_leavers(None), &missing(&[("u2", NOW)]), NOW + DAY);
    let memory = missing(&[("u2", NOW)]).after(&reading, NOW + DAY, Note::Returns);
    assert_eq!(memory, missing(&[("u2", NOW)]));
}

#[test]
fn a_doubt_about_somebody_neither_begins_nor_ends_their_wait() {
    // A record without a full name could be anybody.
    let mut company = two_leavers(None).aside(bad_record(None, Some("x@example.com"), None));
    let memory = missing(&[("u2", NOW)]);
    let (with_doubt, reading) = plan(&mut company, &memory, NOW + 8 * DAY);
    assert_eq!((deleted(&with_doubt).len(), waiting(&with_doubt).len()), (0, 0));
    assert_eq!(reading.unsure, [UserId::from("u2"), UserId::from("u3")]);
    assert_eq!(memory.after(&reading, NOW + 8 * DAY, Note::All).missing, memory.missing);
    // A bad record that describes them shows that they are there.
    let mut company = two_leavers(None).aside(bad_record(Some("2"), None, None));
    let (_, reading) = plan(&mut company, &memory, NOW + 8 * DAY);
    assert_eq!(memory.after(&reading, NOW + 8 * DAY, Note::All).missing, missing(&[("u3", NOW + 8 * DAY)]).missing);
}

#[test]
fn settings_of_other_branches_leave_each_others_memory_alone() {
    let memory = missing(&[("u2", NOW), ("u3", NOW)]);
    let mut of_one_branch = two_leavers(None);
    of_one_branch.directory.users[1].branch = Some("no".into());
    of_one_branch.policy.branches = Some(["se".into()].into());
    let (plan, reading) = plan(&mut of_one_branch, &memory, NOW + 8 * DAY);
    assert_eq!((deleted(&plan), reading.unsure.clone()), (vec!["u3"], vec![UserId::from("u2")]));
    assert_eq!(memory.after(&reading, NOW + 8 * DAY, Note::All).missing, memory.missing);
    // They begin no wait of somebody else's people.
    let (_, reading) = self::plan(&mut of_one_branch, &missing(&[("u3", NOW)]), NOW + DAY);
    assert_eq!((reading.missing.len(), reading.unsure.len()), (1, 0));
}

#[test]
fn a_record_outside_the_scope_is_as_good_as_none() {
    let mut company = two_leavers(None).with(|company| {
        company.desired.out_of_scope.insert("2".into());
    });
    let (first, _) = plan(&mut company, &Memory::default(), NOW);
    let reasons = |plan: &Plan| -> Vec<String> {
        plan.content().waiting.iter().flat_map(|waiting| &waiting.people).map(|person| person.reason.clone()).collect()
    };
    assert_eq!(reasons(&first), ["outside the scope", "in no source"]);
}

#[test]
fn no_guard_counts_whoever_waits_but_they_are_managed() {
    let mut company = two_leavers(None);
    let (first, _) = plan(&mut company, &Memory::default(), NOW);
    let Content { guards, target, summary, .. } = first.content();
    assert!(guards.iter().all(|guard| guard.outcome == GuardOutcome::Pass), "{guards:?}");
    assert_eq!((target.managed, summary.delete, summary.unchanged), (3, 0, 1));
}

#[test]
fn whoever_waits_stays_a_report() {
    // Ben's time is over; Carla, who reports to him, still waits.
    let mut company = two_leavers(Some("u2"));
    let memory = missing(&[("u2", NOW - 7 * DAY), ("u3", NOW - DAY)]);
    let (held, reading) = plan(&mut company, &memory, NOW);
    assert_eq!(deleted(&held), [""; 0]);
    let withheld = messages(&held, "delete_withheld");
    assert!(withheld.len() == 1 && withheld[0].contains("2 Ben Holm"), "{withheld:?}");
    assert!(withheld[0].contains("is missing since 27 November and stays until 4 December"), "{withheld:?}");
    // The reading has seen both missing all the same.
    assert_eq!(memory.after(&reading, NOW, Note::All).missing, memory.missing);
}

#[test]
fn whoever_waits_keeps_the_email() {
    // Anna is given Ben's e-mail.
    let mut company = two_leavers(None).with(|company| company.desired.employees[0] = moved("1", ANNA, BEN, None));
    let (first, _) = plan(&mut company, &Memory::default(), NOW);
    assert_eq!((first.content().operations.len(), first.content().summary.set_aside), (0, 1));
    let taken = messages(&first, "email_taken");
    assert!(taken.len() == 1 && taken[0].contains("stays until 5 December"), "{taken:?}");
    let (last, _) = plan(&mut company, &missing(&[("u2", NOW)]), NOW + 7 * DAY);
    let actions = last.content().operations.iter().map(|operation| operation.action.name());
    assert_eq!(actions.collect::<Vec<_>>(), ["delete", "update"]);
}

#[test]
fn a_newcomer_with_the_name_of_somebody_who_waits_is_remarked() {
    let mut company = two_leavers(None);
    company.desired.employees.push(employee("9", "ben.holm@other.example", None));
    let (first, _) = plan(&mut company, &Memory::default(), NOW);
    let alike = messages(&first, "looks_like");
    assert!(alike.len() == 1 && alike[0].contains("is in no list and waits to be deleted"), "{alike:?}");
    assert!(alike[0].contains("--same-person"), "{alike:?}");
    company.policy.same_person.insert("9".into());
    let (same, reading) = plan(&mut company, &missing(&[("u2", NOW)]), NOW + DAY);
    assert_eq!(messages(&same, "renumbered").len(), 1);
    assert_eq!(reading.missing, [UserId::from("u3")], "whoever is taken to be somebody is not missing");
}

#[test]
fn a_clock_that_goes_wrong_makes_nobody_leave_earlier() {
    let mut company = two_leavers(None);
    let memory = missing(&[("u2", NOW)]);
    // The clock went back by years. Who is missing since then begins when the last reading was.
    let (wrong, reading) = plan(&mut company, &memory, NOW - 2000 * DAY);
    assert_eq!(deleted(&wrong), [""; 0]);
    let memory = memory.after(&reading, NOW - 2000 * DAY, Note::All);
    assert_eq!(memory, missing(&[("u2", NOW), ("u3", NOW)]));
    // An absence from the future lasts until then.
    let ahead = missing(&[("u2", NOW + 100 * DAY)]);
    let (waits, _) = plan(&mut company, &ahead, NOW + 50 * DAY);
    assert_eq!(deleted(&waits), [""; 0]);
}

#[test]
fn a_plan_that_was_altered_to_skip_the_wait_is_refused() {
    let mut company = two_leavers(None);
    let memory = missing(&[("u2", NOW)]);
    let (good, _) = plan(&mut company, &memory, NOW + 7 * DAY);
    let altered = |edit: &dyn Fn(&mut Content)| {
        let mut content = good.content().clone();
        edit(&mut content);
        let mut text = Vec::new();
        Plan::seal(content).expect("hashed anew").write(&mut text).expect("written");
        Plan::read(&text).expect_err("refused").to_string()
    };
    let since = |content: &mut Content, moment: Option<Moment>| {
        let Action::Delete { missing_since, .. } = &mut content.operations[0].action else { panic!("{content:?}") };
        *missing_since = moment;
    };
    let people = |content: &mut Content, edit: &dyn Fn(&mut Vec<crate::plan::WaitingPerson>)| {
        edit(&mut content.waiting.as_mut().expect("second thoughts").people);
    };
    for (edit, word) in [
        (&(|content: &mut Content| since(content, None)) as &dyn Fn(&mut Content), "since when they are missing"),
        (&|content| content.waiting = None, "no setting asks for that"),
        (
            &|content| {
                content.summary.unchanged = 0;
                people(content, &|people| people.push(people[0].clone()));
            },
            "repeated or out of order",
        ),
        (&|content| people(content, &|people| people[0].user_id = "u2".into()), "is in an operation"),
        (
            &|content| people(content, &|people| people[0].wait.as_mut().expect("a wait").leaves = Moment::new(NOW, 0)),
            "another time than remove_after",
        ),
        (&|content| content.waiting.as_mut().expect("there").remove_after = 0, "no setting asks for that"),
        (&|content| content.summary.unchanged = 2, "more people than its target"),
    ] {
        let problem = altered(edit);
        assert!(problem.contains(word), "{word}: {problem}");
    }
    // A later day than the true one can be written, and is found out by the clock.
    let mut content = good.content().clone();
    since(&mut content, Some(Moment::new(NOW + DAY, 60)));
    assert_eq!(content.deletes_too_early(NOW + 8 * DAY), None);
    let (operation, until) = content.deletes_too_early(NOW + 7 * DAY).expect("too early");
    assert_eq!((operation.id.0, until.to_string().as_str()), (1, "2026-12-06T10:00:00+01:00"));
}

/// What one reading shows of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Listed,
    Missing,
    /// A record with no more than the same name was set aside.
    Doubtful,
}

/// One reading of the law below.
#[derive(Debug, Clone)]
struct Step {
    /// How much the clock moves before it.
    passes: i64,
    sights: Vec<Sight>,
    /// What is noted of it; none if it fails.
    note: Option<Note>,
}

fn step() -> impl Strategy<Value = Step> {
    let sight = prop_oneof![3 => Just(Sight::Missing), 1 => Just(Sight::Listed), 1 => Just(Sight::Doubtful)];
    let passes = prop_oneof![4 => 0..3 * DAY, 1 => -20 * DAY..0, 1 => 3 * DAY..30 * DAY];
    let note = prop_oneof![4 => Just(Some(Note::All)), 1 => Just(Some(Note::Returns)), 1 => Just(None)];
    (passes, prop::collection::vec(sight, 3), note).prop_map(|(passes, sights, note)| Step { passes, sights, note })
}

/// The company as a reading shows it. Nobody reports to anybody, and a last user is always there.
fn seen(sights: &[Sight]) -> Company {
    let email = |index: usize| format!("{}.holm@example.com", ["ben", "carla", "dora"][index]);
    let name = |index: usize| (["Ben", "Carla", "Dora"][index], "Holm");
    let mut users: Vec<User> = (0..sights.len())
        .map(|index| user(user_id(index).as_str(), Some(&format!("{index}")), &email(index), None))
        .collect();
    users.push(user("u9", Some("9"), ANNA, None));
    let listed = |(index, sight): (usize, &Sight)| {
        (*sight == Sight::Listed).then(|| employee(&format!("{index}"), &email(index), None))
    };
    let mut employees: Vec<Employee> = sights.iter().enumerate().filter_map(listed).collect();
    employees.push(employee("9", ANNA, None));
    let unsure = sights.iter().enumerate().filter(|(_, sight)| **sight == Sight::Doubtful);
    unsure
        .fold(company(employees, users), |company, (index, _)| company.aside(bad_record(None, None, Some(name(index)))))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whoever is deleted was seen missing by a reading that was noted at least so long before, by every clock until then,
    /// and no reading after it has listed them.
    #[test]
    fn nobody_is_deleted_before_every_reading_for_so_long_did_not_have_them(steps in prop::collection::vec(step(), 1..14)) {
        let (mut now, mut memory) = (NOW, Memory::default());
        // The latest time that any noted reading had so far, and what it was when each user's absence began.
        let mut latest = i64::MIN;
        let mut begun: Vec<Option<i64>> = vec![None; 3];
        for Step { passes, sights, note } in steps {
            now += passes;
            let Some(note) = note else { continue };
            let mut company = seen(&sights);
            let (plan, reading) = plan(&mut company, &memory, now);
            for user in deleted(&plan) {
                let index: usize = user[1..].parse().expect("a number");
                prop_assert_eq!(sights[index], Sight::Missing);
                let begun = begun[index];
                prop_assert!(begun.is_some_and(|begun| begun + 7 * DAY <= now), "{user} at {now}, begun {begun:?}");
            }
            memory = memory.after(&reading, now, note);
            if note == Note::All {
                latest = latest.max(now);
            }
            for (begun, sight) in begun.iter_mut().zip(&sights) {
                match sight {
                    Sight::Listed => *begun = None,
                    Sight::Missing if note == Note::All => *begun = begun.or(Some(latest)),
                    Sight::Missing | Sight::Doubtful => {}
                }
            }
        }
    }
}
