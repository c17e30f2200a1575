//! A month of a company, with the real program: people come, change and go, a schedule and events run the job, servers
//! fail, processes are killed and machines lost. Its clock is set by libfaketime, for the program alone.
//!
//! `SKOVIK_MONTH_SEED=N` draws another month.

pub(crate) mod budget;
mod town;

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use self::town::Town;
use crate::company::{self, BRANCHES, COST_CENTERS, branch_id, identifier};
use crate::harness::{Output, Request};

/// What Skovik suffers in a month. What a write has done is done before its answer, so that a kill finds it under way.
const FAULTS: [&str; 9] = [
    "GET /users chance=0.03 times=5 status=503",
    "POST /users chance=0.1 times=2 status=504 executed",
    "PUT /users/* chance=0.05 times=2 reset=after",
    "DELETE /users/* chance=0.05 times=2 reset=after",
    "PUT /users/* chance=0.05 times=1 reset=before",
    "* /users/* chance=0.02 times=2 status=500",
    "POST /users slow=12ms",
    "PUT /users/* slow=12ms",
    "DELETE /users/* slow=12ms",
];
/// How often somebody runs what a fault has stopped, until it goes through.
const TRIES: usize = 8;

struct Month {
    town: Town,
    rng: fastrand::Rng,
    kills: usize,
    losses: usize,
    events: usize,
}

impl Month {
    fn new(count: usize, days: i64) -> Self {
        let seed = std::env::var("SKOVIK_MONTH_SEED").ok().map_or(1, |seed| seed.parse().expect("a number"));
        // It is over by now, so that everything that the test leaves behind is later than the clock of the program.
        let begins = Timestamp::now() - SignedDuration::from_hours(24 * (days + 10));
        let mut town = Town::new(count, begins, seed, &FAULTS);
        town.story.push(format!("SKOVIK_MONTH_SEED={seed}"));
        Self { town, rng: fastrand::Rng::with_seed(seed), kills: 0, losses: 0, events: 0 }
    }

    /// The clock at one of the four runs of a day. Those of two days are never quite a day apart.
    fn set_clock(&mut self, begins: Timestamp, day: i64, slot: i64) {
        let minute = 24 * 60 * day + 6 * 60 * slot + (11 * day) % 60;
        self.town.now = begins + SignedDuration::from_mins(minute);
    }

    fn hire(&mut self) -> usize {
        let number = self.town.numbers;
        self.town.numbers += 1;
        let manager = self.somebody();
        let mut row = company::row(number, Some(manager));
        row.branch = BRANCHES[self.rng.usize(0..BRANCHES.len())];
        row.cost_center = COST_CENTERS[self.rng.usize(0..COST_CENTERS.len())];
        self.town.people.insert(number, row);
        number
    }

    fn somebody(&mut self) -> usize {
        self.rng.choice(self.town.people.keys().copied()).expect("somebody")
    }

    /// Somebody leaves to whom nobody reports, if there is one.
    fn leave(&mut self) -> usize {
        let leads = |number: &usize| {
            let identifier = Some(identifier(*number));
            self.town.people.values().any(|row| row.manager == identifier)
        };
        let without: Vec<usize> =
            self.town.people.keys().copied().filter(|number| *number > 0 && !leads(number)).collect();
        let number = self.rng.choice(without).expect("somebody without reports");
        self.town.people.remove(&number);
        number
    }

    /// Something changes about somebody.
    fn change(&mut self) -> usize {
        let number = self.somebody();
        let manager = self.rng.choice(self.town.people.range(..number).map(|(number, _)| *number).collect::<Vec<_>>());
        let row = self.town.people.get_mut(&number).expect("there");
        match self.rng.u8(0..5) {
            0 => row.last_name.push_str("-New"),
            1 => row.email = format!("p{number}.{}@example.com", self.rng.u32(..)),
            2 => row.branch = if row.branch == BRANCHES[0] { BRANCHES[1] } else { BRANCHES[0] },
            3 => row.cost_center = COST_CENTERS[self.rng.usize(0..COST_CENTERS.len())],
            // Nobody is above those who were there before them, so there is no circle.
            _ => row.manager = manager.map(identifier).or(row.manager.take()),
        }
        number
    }

    /// Almost half of everybody leaves at once, whoever reports to them.
    fn sell(&mut self) {
        let mut numbers: Vec<usize> = self.town.people.keys().copied().filter(|number| *number > 0).collect();
        self.rng.shuffle(&mut numbers);
        numbers.truncate(self.town.people.len() * 45 / 100);
        self.town.people.retain(|number, _| !numbers.contains(number));
        let gone: Vec<String> = numbers.into_iter().map(identifier).collect();
        for row in self.town.people.values_mut() {
            if row.manager.as_ref().is_some_and(|manager| gone.contains(manager)) {
                row.manager = Some(identifier(0));
            }
        }
    }

    /// A department closes: nobody else reports to its people.
    fn close_department(&mut self) {
        for _ in 0..self.town.people.len() * 13 / 100 {
            self.leave();
        }
        self.town.export_all();
    }

    /// What happens within six hours of a usual day.
    fn usual(&mut self) {
        for _ in 0..self.rng.usize(0..3) {
            match self.rng.u8(0..4) {
                0 => drop(self.hire()),
                1 => drop(self.leave()),
                _ => drop(self.change()),
            }
        }
        self.town.export_all();
    }

    /// The run of the schedule; now and then it is killed, and now and then its machine is lost.
    fn scheduled(&mut self, allowed: &[i32]) {
        let killed = self.rng.u8(0..10) == 0;
        if killed {
            for _ in 0..3 {
                self.hire();
            }
            self.town.export_all();
        }
        let ended = self.town.run(&[], killed.then(|| self.rng.usize(1..4)));
        match ended.code {
            None => self.kills += 1,
            Some(code) if allowed.contains(&code) => {}
            Some(_) => self.town.fail(&format!("{ended}")),
        }
        if self.rng.u8(0..9) == 0 || (ended.code.is_none() && self.rng.bool()) {
            self.town.lose_machine();
            self.losses += 1;
        }
    }

    /// An event names one or two people, some hours later.
    fn event(&mut self, allowed: &[i32]) {
        self.town.now += SignedDuration::from_mins(150);
        let number = match self.rng.u8(0..3) {
            0 => self.hire(),
            1 => self.leave(),
            _ => self.change(),
        };
        self.town.export_all();
        let ended = self.town.run(&[identifier(number)], None);
        if !ended.code.is_some_and(|code| allowed.contains(&code)) {
            self.town.fail(&format!("{ended}"));
        }
        self.events += 1;
    }

    /// Runs until one goes through.
    fn settle(&mut self) -> Output {
        for _ in 0..TRIES {
            let ended = self.town.run(&[], None);
            if ended.code == Some(0) {
                return ended;
            }
            self.town.now += SignedDuration::from_mins(20);
        }
        self.town.fail("no run goes through")
    }

    /// How many were removed by then.
    fn removed(&self) -> usize {
        self.town.wrote.iter().map(|run| run.removed.len()).sum()
    }

    /// The next plan is blocked. A page that fails makes no plan, and what was cut off is finished first.
    fn blocked(&mut self) {
        for _ in 0..TRIES {
            let before = self.removed();
            let ended = self.town.run(&[], None);
            match ended.code {
                Some(5) => {
                    assert_eq!(self.removed(), before, "{ended}");
                    return;
                }
                Some(4) => {}
                Some(0 | 9) if ended.stderr.contains("settling what is in doubt") => {}
                _ => self.town.fail(&format!("it is not blocked: {ended}")),
            }
        }
        self.town.fail("the list cannot be read");
    }

    /// Both sides are the same, and nobody was made twice.
    fn is_in_line(&mut self) {
        for _ in 0..TRIES {
            if self.settle().stdout.contains("No changes.") {
                break;
            }
        }
        let town = &self.town;
        let users = town.company.users();
        assert_eq!(users.len(), town.people.len() + 1, "everybody and the admin");
        for (&number, row) in &town.people {
            let user = town.company.user(&row.identifier).unwrap_or_else(|| town.fail(&format!("{row:?} is missing")));
            let manager = row.manager.as_ref().map(|manager| town.company.id(manager));
            let held = &user["attributes"];
            assert_eq!(
                json!([
                    held["external_identifier"],
                    held["primary_email"],
                    held["first_name"],
                    held["last_name"],
                    held["custom_fields"]["cf_cost"],
                    user["relationships"]["branch"]["data"]["id"],
                    user["relationships"]["manager"]["data"]["id"]
                ]),
                json!([
                    row.identifier,
                    row.email,
                    row.first_name,
                    row.last_name,
                    row.cost_center,
                    branch_id(row.branch),
                    manager
                ]),
                "{number}"
            );
            if !town.was_hired(number) {
                assert_eq!(held["custom_fields"]["cf_note"], format!("note {number}"), "what nobody manages is kept");
            }
        }
        let made = town.company.writes().into_iter().filter(|it| it.method == "POST" && Request::was_done(it)).count();
        let created: usize = town.wrote.iter().map(|run| run.created.len()).sum();
        assert_eq!(made, created, "nobody is made twice");
    }
}

/// How a run may end on a usual day: Skovik fails now and then.
const USUAL: [i32; 3] = [0, 4, 9];
/// The same after a change that has used the budget up.
const SPENT: [i32; 4] = [0, 4, 5, 9];

#[test]
fn a_month_ends_with_both_sides_the_same_and_no_day_over_its_budget() {
    let mut month = Month::new(100, 30);
    let begins = month.town.now;
    for day in 0..30 {
        for slot in 0..4 {
            month.set_clock(begins, day, slot);
            match (day, slot) {
                // The export breaks off in the middle for some hours.
                (5 | 22, 1 | 2) => cut(&mut month, day),
                // Almost half of the company is sold. A person allows it; the policy has no budget left for a day.
                (9, 1) => sold(&mut month),
                (9, 2..) | (10, 0..2) => {
                    month.usual();
                    month.scheduled(&SPENT);
                }
                // A department closes, and another one twelve hours later: the second has to wait for the next day.
                (11, 1..) => {}
                (11, 0) | (12, 0 | 2) | (13, 2) => drop(month.settle()),
                (12, 1) => {
                    month.close_department();
                    month.settle();
                }
                (13, 0) => month.blocked(),
                (12, 3) => {
                    month.close_department();
                    month.blocked();
                }
                (13, 1) => {
                    let before = month.removed();
                    month.settle();
                    assert!(month.removed() > before + 5, "they have waited for this day");
                }
                (15, 0) => {
                    month.settle();
                    month.town.remove_later();
                }
                (27.., 1 | 3) => {}
                (27.., _) => month.scheduled(&USUAL),
                _ => {
                    month.usual();
                    month.scheduled(&USUAL);
                    if month.rng.u8(0..4) == 0 {
                        month.event(&USUAL);
                    }
                }
            }
        }
    }
    month.set_clock(begins, 30, 0);
    month.is_in_line();
    let Month { kills, losses, events, .. } = month;
    assert!(kills > 2 && losses > 3 && events > 10, "{kills} kills, {losses} losses, {events} events");
}

fn cut(month: &mut Month, day: i64) {
    let everybody = month.town.people.len();
    let half: Range<usize> = 0..month.town.people.keys().copied().nth(everybody / 2).expect("somebody");
    month.town.export(|number| half.contains(&number));
    if day < 15 {
        month.blocked();
    } else {
        // Whoever is missing waits; what the list says of the others has limits of its own.
        month.scheduled(&SPENT);
    }
    month.town.export_all();
}

fn sold(month: &mut Month) {
    month.settle();
    month.sell();
    month.town.export_all();
    month.blocked();
    let before = month.removed();
    month.town.approve_and_apply(12);
    assert!(month.removed() > before + 40, "they are gone");
}
