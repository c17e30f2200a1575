//! People in two lists, of which one or two cells are wrong: nobody who stays is deleted, turned into somebody else or created a
//! second time unless the plan names them.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use crate::config::Settings;
use crate::diff::Protect;
use crate::diff::tests::company::{Company, summary, user};
use crate::employee::User;
use crate::mapping::Mapper;
use crate::plan::{Action, Field, Plan, Value};
use crate::source::tests::{Fixture, read};

/// How many people stay. One more is in Skovik only, or in the second list, too.
const STAY: usize = 5;
/// Some share a first name, some a last name.
const FIRST: [&str; STAY + 1] = ["Anna", "Ben", "Anna", "Dan", "Eva", "Fred"];
const LAST: [&str; STAY + 1] = ["Aber", "Bohn", "Cruz", "Bohn", "Cruz", "Falk"];

/// A list: key, number, e-mail, first name, last name, status, date, number of the manager.
type Rows = Vec<[String; 8]>;

#[derive(Debug, Clone, Copy)]
enum Wrong {
    Cell(usize, &'static str),
    /// The cell of another person.
    OfAnother(usize),
    /// With a character that nobody sees.
    Unseen(usize),
    /// Two people's cells are swapped.
    Swapped(usize),
    Twice,
    TwiceWith(usize, &'static str),
    Gone,
}

/// What is wrong: in which list, of whom, and the other person.
type Fault = (bool, usize, usize, Wrong);

#[derive(Debug, Clone)]
struct Story {
    faults: Vec<Fault>,
    number: &'static str,
    mail: &'static str,
    name: &'static str,
    prefer: [bool; 2],
    include: &'static str,
    leaver_is_in_ad: bool,
    leaver_is_protected: bool,
    /// Whoever has no user yet.
    newcomer: Option<usize>,
    /// How managers are named: by an identifier, or by this column of the first list.
    reference: &'static str,
}

fn wrong() -> impl Strategy<Value = Wrong> {
    select(vec![
        Wrong::OfAnother(0),
        Wrong::OfAnother(0),
        Wrong::Cell(0, ""),
        Wrong::Cell(0, "#N/A"),
        Wrong::Cell(0, "K99"),
        Wrong::Unseen(0),
        Wrong::Swapped(0),
        Wrong::Twice,
        Wrong::TwiceWith(2, "new@x.se"),
        Wrong::TwiceWith(1, "9999"),
        Wrong::Gone,
        Wrong::Cell(2, ""),
        Wrong::Cell(2, "n/a"),
        Wrong::Cell(2, "new@x.se"),
        Wrong::OfAnother(2),
        Wrong::Swapped(2),
        Wrong::Cell(1, ""),
        Wrong::Cell(1, "9999"),
        Wrong::OfAnother(1),
        Wrong::Unseen(1),
        Wrong::Swapped(1),
        Wrong::Cell(4, "Wed"),
        Wrong::OfAnother(4),
        Wrong::Cell(3, ""),
        Wrong::Cell(5, ""),
    ])
}

/// Two keys of other people in one list tell anything about anybody.
fn has_one_wrong_key(faults: &[Fault]) -> bool {
    let of_others =
        |&&(.., wrong): &&Fault| matches!(wrong, Wrong::OfAnother(0) | Wrong::Swapped(0) | Wrong::Cell(0, "K99"));
    faults.iter().filter(of_others).count() < 2
}

fn story() -> impl Strategy<Value = Story> {
    let fault = (any::<bool>(), 0..STAY, 1..=STAY, wrong());
    let fault = fault.prop_map(|(in_ad, who, further, wrong)| (in_ad, who, (who + further) % (STAY + 1), wrong));
    (
        proptest::collection::vec(fault, 1..=2).prop_filter("two wrong keys", |faults| has_one_wrong_key(faults)),
        select(vec!["{{ hr.no }}", "{{ ad.no }}", "{{ ad.no | default(hr.no) }}", "{{ hr.k }}"]),
        select(vec!["{{ hr.mail }}", "{{ ad.mail }}", "{{ ad.mail | default(hr.mail) }}"]),
        select(vec!["{{ hr.? }}", "{{ ad.? }}", "{{ ad.? | default(hr.?) }}"]),
        any::<[bool; 2]>(),
        select(vec!["", "", "hr.st == 'A'", "ad.st == 'A'", "ad.st is defined", "ad.st | default('') == 'A'"]),
        any::<[bool; 2]>(),
        select(vec!["", "no", "mail"]),
        prop_oneof![Just(None), (0..STAY).prop_map(Some)],
    )
        .prop_map(
            |(faults, number, mail, name, prefer, include, [is_in_ad, is_protected], reference, newcomer)| Story {
                faults,
                number,
                mail,
                name,
                prefer,
                include,
                leaver_is_in_ad: is_in_ad,
                leaver_is_protected: is_protected,
                reference,
                newcomer,
            },
        )
}

impl Story {
    fn lists(&self) -> [Rows; 2] {
        let mail = |n: usize| format!("{}.{}@x.se", FIRST[n].to_lowercase(), LAST[n].to_lowercase());
        let manager = |n: usize| match self.column_of_managers() {
            _ if n.is_multiple_of(STAY) => String::new(),
            "mail" => mail(n - 1),
            _ => format!("100{}", n - 1),
        };
        let row = |n: usize| {
            let (first, last, mail) = (FIRST[n], LAST[n], mail(n));
            [
                format!("K{n}"),
                format!("100{n}"),
                mail,
                first.to_owned(),
                last.to_owned(),
                "A".to_owned(),
                "2024-01-01".to_owned(),
                manager(n),
            ]
        };
        let good: Rows = (0..STAY).map(row).collect();
        let mut lists = [good.clone(), good];
        if self.leaver_is_in_ad {
            lists[1].push(row(STAY));
        }
        let mut gone = Vec::new();
        for &(in_ad, who, other, wrong) in &self.faults {
            let rows = &mut lists[usize::from(in_ad)];
            match wrong {
                Wrong::Cell(column, text) => rows[who][column] = text.to_owned(),
                Wrong::OfAnother(column) => rows[who][column] = row(other)[column].clone(),
                Wrong::Unseen(column) => rows[who][column].push('\u{200b}'),
                Wrong::Swapped(column) if other == STAY => rows[who][column] = row(other)[column].clone(),
                Wrong::Swapped(column) => {
                    let (one, another) = (rows[who][column].clone(), rows[other][column].clone());
                    (rows[who][column], rows[other][column]) = (another, one);
                }
                Wrong::Twice | Wrong::TwiceWith(..) => {
                    let mut again = rows[who].clone();
                    "2026-01-01".clone_into(&mut again[6]);
                    if let Wrong::TwiceWith(column, text) = wrong {
                        text.clone_into(&mut again[column]);
                    }
                    rows.push(again);
                }
                // Whoever is not in the first list has left.
                Wrong::Gone => gone.extend(in_ad.then_some(who)),
            }
        }
        gone.sort_unstable();
        gone.dedup();
        gone.into_iter().rev().for_each(|who| drop(lists[1].remove(who)));
        lists
    }

    /// Whether the second list decides who is in scope, and has no record of a person that can be found.
    fn is_out(&self, who: usize) -> bool {
        let is_lost = |&(in_ad, of, other, wrong): &Fault| {
            let has_no_row = || !self.lists()[1].iter().any(|row| row[0] == format!("K{other}"));
            let is_nobodys = matches!(wrong, Wrong::Cell(0, "K99"))
                || (matches!(wrong, Wrong::OfAnother(0) | Wrong::Swapped(0)) && has_no_row());
            of == who && if in_ad { matches!(wrong, Wrong::Gone | Wrong::Cell(0 | 5, _)) } else { is_nobodys }
        };
        let is_outside = |&(in_ad, of, _, wrong): &Fault| !in_ad && of == who && matches!(wrong, Wrong::Cell(5, _));
        (self.include.contains("ad.") && self.faults.iter().any(is_lost))
            || (self.include.contains("hr.") && self.faults.iter().any(is_outside))
    }

    /// Whether a manager of somebody else shows. What the first list says of managers belongs to a key, and if it says nothing
    /// else of a person, nothing tells that the key is somebody else's.
    fn tells_managers(&self) -> bool {
        let is_of_another = |&(.., wrong): &Fault| matches!(wrong, Wrong::OfAnother(0) | Wrong::Swapped(0));
        // Then a column of the first list is nothing but the name of a manager.
        let is_reference = |&(in_ad, _, _, wrong): &Fault| {
            let (column, is_named) = match self.column_of_managers() {
                "" => return false,
                "no" => (1, self.number == "{{ hr.no }}"),
                _ => (2, self.mail == "{{ hr.mail }}"),
            };
            let of_column = |place| place == column && !is_named;
            !in_ad
                && matches!(wrong, Wrong::OfAnother(at) | Wrong::Swapped(at) | Wrong::Cell(at, _) | Wrong::TwiceWith(at, _) if of_column(at))
        };
        (self.name == "{{ hr.? }}" || !self.faults.iter().any(is_of_another)) && !self.faults.iter().any(is_reference)
    }

    /// Whether the first list says nothing of people but their keys, and one is wrong.
    fn says_nothing_but_a_wrong_key(&self) -> bool {
        let is_key = |&(in_ad, _, _, wrong): &Fault| !in_ad && matches!(wrong, Wrong::OfAnother(0) | Wrong::Swapped(0));
        ![self.mail, self.name].iter().any(|template| template.starts_with("{{ hr.")) && self.faults.iter().any(is_key)
    }

    /// The column of the first list by which managers are named; none if they are named by the identifier.
    fn column_of_managers(&self) -> &'static str {
        if self.number == "{{ hr.k }}" && self.reference.is_empty() { "no" } else { self.reference }
    }

    fn settings(&self) -> (tempfile::TempDir, Settings) {
        let csv = |rows: &Rows| {
            let mut text = "k,no,mail,first,last,st,d,boss\n".to_owned();
            rows.iter().for_each(|row| writeln!(text, "{}", row.join(",")).expect("a text"));
            text
        };
        let [hr, ad] = self.lists().map(|rows| csv(&rows));
        let source = |name: &str, prefer: bool| {
            let prefer = if prefer { "prefer = { greatest = \"d\" }\n" } else { "" };
            crate::source::tests::source(name, "csv", name, "k") + prefer
        };
        let Self { number, mail, name, include, .. } = self;
        let names = ["first", "last"].map(|column| name.replace('?', column));
        let manager = match self.column_of_managers() {
            "" => "\"{{ hr.boss }}\"".to_owned(),
            column => format!("{{ value = \"{{{{ hr.boss }}}}\", refers_to = \"{{{{ hr.{column} }}}}\" }}"),
        };
        let include = if include.is_empty() { String::new() } else { format!("[scope]\ninclude = \"{include}\"\n") };
        let fixture = Fixture::new(
            &(source("hr", self.prefer[0]) + &source("ad", self.prefer[1])),
            &[("hr", hr.as_bytes()), ("ad", ad.as_bytes())],
        );
        fixture.into_parts(&format!(
            "[employee]\nexternal_identifier = \"{number}\"\nprimary_email = \"{mail}\"\nfirst_name = \"{}\"\nlast_name = \
             \"{}\"\nmanager = {manager}\n{include}",
            names[0], names[1]
        ))
    }

    /// The users of all, also of a newcomer.
    fn all_users(&self) -> Vec<User> {
        let one = |n: usize| {
            let identifier = if self.number == "{{ hr.k }}" { format!("K{n}") } else { format!("100{n}") };
            let email = format!("{}.{}@x.se", FIRST[n], LAST[n]);
            let manager = n.checked_sub(1).filter(|manager| *manager != STAY - 1 && self.newcomer != Some(*manager));
            let manager = manager.map(|manager| format!("u{manager}"));
            User {
                branch: None,
                ..user(&format!("u{n}"), Some(&identifier), &email.to_lowercase(), manager.as_deref())
            }
        };
        (0..=STAY).map(one).collect()
    }

    fn users(&self) -> Vec<User> {
        let mut users = self.all_users();
        self.newcomer.map(|newcomer| users.remove(newcomer));
        users
    }

    fn plan(&self) -> Option<Plan> {
        let (_folder, settings) = self.settings();
        let mut company = Company::new(Vec::new(), self.users());
        let rules = Mapper::new(&settings).resolve(&company.directory.branches, &[]).expect("rules");
        company.desired = rules.employees(&read(&settings).ok()?).expect("people");
        company.policy.managed = rules.managed().clone();
        company.directory.users.iter_mut().for_each(|user| user.custom_fields = [].into());
        if self.leaver_is_protected {
            company.policy.protect = Protect::new(&[&format!("u{STAY}")]);
        }
        Some(company.plan())
    }
}

/// Whether a diagnostic names a user: by the identifier or the name.
fn names(plan: &Plan, user: &User) -> bool {
    let (identifier, name) = (user.identifier.as_ref().expect("an identifier"), user.full_name());
    plan.content().diagnostics.iter().any(|one| {
        one.employee.as_deref() == Some(identifier.as_str())
            || one.message.contains(identifier.as_str())
            || one.message.contains(name.as_str())
    })
}

fn check(story: &Story) -> Result<(), String> {
    if story.says_nothing_but_a_wrong_key() {
        return Ok(());
    }
    let Some(plan) = story.plan() else { return Ok(()) };
    let users = story.all_users();
    let of = |id: &str| users.iter().position(|user| user.id.as_str() == id).expect("a user");
    let text = |value: Option<&Value>| match value {
        Some(Value::Text(text)) => text.to_string(),
        _ => String::new(),
    };
    let leaving: Vec<usize> = plan
        .content()
        .operations
        .iter()
        .filter_map(|operation| match &operation.action {
            Action::Delete { user_id, .. } => Some(of(user_id.as_str())),
            _ => None,
        })
        .collect();
    for operation in &plan.content().operations {
        match &operation.action {
            Action::Delete { user_id, reason, .. } => {
                let who = of(user_id.as_str());
                if who < STAY && !story.is_out(who) && &**reason == "in no source" && !names(&plan, &users[who]) {
                    return Err(format!("{} is deleted", users[who].full_name()));
                }
            }
            Action::Update { user_id, changes, .. } => {
                let who = of(user_id.as_str());
                // An e-mail alone may be handed over.
                let after = |field: Field<_>, before: &str| {
                    let change = changes.iter().find(|change| change.field == field);
                    change.map_or_else(|| before.to_owned(), |change| text(change.after.as_ref()))
                };
                let name = [after(Field::FirstName, FIRST[who]), after(Field::LastName, LAST[who])];
                // A wrong last name alone is only that.
                let has_wrong_name =
                    story.faults.iter().any(|&(_, of, _, wrong)| of == who && matches!(wrong, Wrong::OfAnother(4)));
                let is_of_another = |other: usize| !has_wrong_name && name == [FIRST[other], LAST[other]];
                let is_silent = |who: usize| who < STAY && story.newcomer != Some(who) && !names(&plan, &users[who]);
                let has_other_manager = changes.iter().any(|change| change.field == Field::Manager);
                if has_other_manager && story.tells_managers() && is_silent(who) && (who == 0 || is_silent(who - 1)) {
                    return Err(format!("{} gets another manager", users[who].full_name()));
                }
                if (0..=STAY).any(|other| other != who && is_of_another(other)) && !names(&plan, &users[who]) {
                    return Err(format!("{} becomes somebody else", users[who].full_name()));
                }
            }
            Action::Create { after } => {
                let same = |who: &usize| {
                    (&*after.first_name, &*after.last_name) == (FIRST[*who], LAST[*who]) && !leaving.contains(who)
                };
                if let Some(who) = (0..STAY).filter(|who| story.newcomer != Some(*who)).find(same)
                    && !names(&plan, &users[who])
                {
                    return Err(format!("{} is created a second time", users[who].full_name()));
                }
            }
            Action::Link { .. } => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        // The same cases each time. `PROPTEST_CASES=20000` tries more.
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nobody_who_stays_is_lost_in_silence(story in story()) {
        let outcome = check(&story);
        prop_assert!(outcome.is_ok(), "{outcome:?}\n{story:?}\n{}\n{}", story.lists().map(|rows| rows.iter().map(|row| row.join(",")).collect::<Vec<_>>().join("\n")).join("\n\n"), story.plan().map(|plan| summary(&plan)).unwrap_or_default());
    }
}
