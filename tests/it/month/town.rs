//! A company whose clock the test sets, its account, and what each run did there by the account itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::budget::{Wrote, keeps};
use crate::company::{self, Row, csv};
use crate::harness::{BINARY, Company, FIXTURE_URL, Output};
use crate::world::Pace;

/// The settings that a month adds.
const SETTINGS: &str = "[approval]\nautomatic = true\n[guard]\nwindow = \"24h\"\n[state]\nkeep = \"7d\"\n";
const PLAN: &str = "plan.json";
const REPORT: &str = "report.json";
/// How long a process may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Commands are that far apart at least.
const BETWEEN: SignedDuration = SignedDuration::from_mins(1);
/// How long the sandbox may take to finish what a killed process has sent.
const AFTERMATH: Duration = Duration::from_millis(30);

/// The whole of it.
pub(super) struct Town {
    pub(super) company: Company,
    /// Everybody who works there, by number.
    pub(super) people: BTreeMap<usize, Row>,
    /// How many have worked there so far.
    pub(super) numbers: usize,
    /// What time it is there.
    pub(super) now: Timestamp,
    pub(super) story: Vec<String>,
    /// What each run did, in order.
    pub(super) wrote: Vec<Wrote>,
    /// The users after the last run, by id.
    users: BTreeMap<String, Value>,
    /// How many there were at first.
    count: usize,
    machines: usize,
}

impl Town {
    /// So many people on both sides; the state is in a folder.
    pub(super) fn new(count: usize, begins: Timestamp, seed: u64, faults: &[&str]) -> Self {
        let above = |number: usize| number.checked_sub(1).map(|before| before / 4);
        let people: BTreeMap<usize, Row> =
            (0..count).map(|number| (number, company::row(number, above(number)))).collect();
        let mut users = vec![company::admin()];
        users.extend(people.iter().map(|(&number, row)| company::user(number, row, above(number))));
        let rows: Vec<Row> = people.values().cloned().collect();
        let both = company::Company::of(&users, &rows).with_settings(SETTINGS);
        let settings = both.settings(FIXTURE_URL, Pace { max_in_flight: 2, retries: 0, timeout_ms: 400 });
        let mut company = Company::of(&settings, &csv(&rows), &both.snapshot_of(FIXTURE_URL), |options| {
            options.faults = crate::world::rules_of(faults);
            options.fault_seed = seed;
        });
        company.write("key", "any");
        fs::set_permissions(company.path("key"), fs::Permissions::from_mode(0o600)).expect("set");
        company.env("LD_PRELOAD", library().to_str().expect("text"));
        // Only the clock on the wall: what waits must wait, and files are as old as they are.
        for name in ["FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"] {
            company.env(name, "1");
        }
        let mut town = Self {
            company,
            people,
            numbers: count,
            now: begins,
            story: Vec::new(),
            wrote: Vec::new(),
            users: BTreeMap::new(),
            count,
            machines: 0,
        };
        town.users = town.users_now();
        town
    }

    /// Whether somebody came after the first day.
    pub(super) fn was_hired(&self, number: usize) -> bool {
        number >= self.count
    }

    /// Writes the list: all people of whom this is true.
    pub(super) fn export(&self, is_in_it: impl Fn(usize) -> bool) {
        let rows: Vec<Row> =
            self.people.iter().filter(|(number, _)| is_in_it(**number)).map(|(_, row)| row.clone()).collect();
        self.company.write("employees.csv", csv(&rows));
    }

    /// Writes the list of everybody.
    pub(super) fn export_all(&self) {
        self.export(|_| true);
    }

    /// A run by the policy of these people, or of everybody. It is killed after so many writes, if it makes so many.
    pub(super) fn run(&mut self, only: &[String], kill_after: Option<usize>) -> Output {
        let out = if only.is_empty() { PLAN } else { "event.json" };
        let mut args = vec!["run", "-o", out, "--report", REPORT];
        args.extend(only.iter().flat_map(|who| ["--only", who]));
        let ended = self.carry_out(&args, kill_after, true);
        if ended.code.is_some_and(|code| matches!(code, 0 | 5 | 9)) {
            self.is_on_time();
        }
        ended
    }

    /// Somebody reads the plan of the last run, allows all of it, and applies it, at the second attempt.
    pub(super) fn approve_and_apply(&mut self, kill_after: usize) {
        let summary = &self.company.json(PLAN)["summary"];
        let count = |name: &str| summary[name].as_u64().expect("a number");
        let (deletes, changes) = (count("delete"), count("delete") + count("update"));
        let (deletes, changes) = (format!("deletes={deletes}"), format!("changes={changes}"));
        let args = ["approve", PLAN, "--yes", "--approver", "anna", "--allow", &deletes, "--allow", &changes];
        self.carry_out(&args, None, false).ends(0);
        let killed = self.carry_out(&["apply", PLAN], Some(kill_after), false);
        assert_eq!(killed.code, None, "{killed}");
        // The job comes by, and leaves it to her.
        self.run(&[], None).ends(9).says(&["approved by anna, is not finished"]);
        let mut ended = self.carry_out(&["apply", PLAN], None, false);
        for _ in 0..5 {
            if ended.code == Some(0) {
                return;
            }
            ended = self.carry_out(&["apply", PLAN], None, false);
        }
        panic!("{ended}");
    }

    /// The machine is gone with all its files but the settings, the list and the state, which goes to another one.
    pub(super) fn lose_machine(&mut self) {
        let before = self.state();
        self.machines += 1;
        let machine = self.company.path(&format!("machine-{}", self.machines));
        fs::create_dir_all(&machine).expect("made");
        let state = machine.join("state");
        fs::rename(before, &state).expect("moved");
        self.company.env("XDG_STATE_HOME", state.to_str().expect("text"));
        for entry in fs::read_dir(self.company.folder()).expect("a folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("plan.") || name.starts_with("event.") || name == REPORT {
                fs::remove_file(entry.path()).expect("removed");
            }
        }
        self.story.push(format!("{}: the machine is lost", self.now));
    }

    /// Whoever is missing waits for two days from now on.
    pub(super) fn remove_later(&self) {
        self.company.edit("skovik-sync.toml", "[scope]\n", "[scope]\nremove_after = \"2d\"\n");
    }

    pub(super) fn fail(&self, problem: &str) -> ! {
        panic!("{problem}\n{}", self.story.join("\n"))
    }

    fn state(&self) -> PathBuf {
        match self.machines {
            0 => self.company.path("home/state"),
            number => self.company.path(&format!("machine-{number}/state")),
        }
    }

    fn carry_out(&mut self, args: &[&str], kill_after: Option<usize>, by_policy: bool) -> Output {
        let offset = self.now.duration_since(Timestamp::now()).as_secs();
        self.company.env("FAKETIME", &format!("{offset:+}"));
        let begins_at = self.log_length();
        let mut command = self.company.command(BINARY, args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        if let Some(count) = kill_after {
            self.kill(&mut child, begins_at, count);
        }
        let ended = Output::of(args, child.wait_with_output().expect("it ends"));
        if ended.code.is_none() {
            sleep(AFTERMATH);
        }
        self.story.push(format!("{}: {}", self.now, excerpt(&ended)));
        self.look(by_policy);
        self.date_files();
        self.now += BETWEEN;
        ended
    }

    /// Ends the process once it has made so many writes.
    fn kill(&self, child: &mut Child, begins_at: u64, count: usize) {
        let begun = Instant::now();
        while child.try_wait().expect("waited").is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.story.join("\n"));
            if self.writes_after(begins_at) >= count {
                let _ = child.kill();
                return;
            }
            sleep(Duration::from_millis(1));
        }
    }

    fn log_length(&self) -> u64 {
        fs::metadata(self.company.path("requests.jsonl")).expect("a log").len()
    }

    /// How many writes the log has after its first bytes.
    fn writes_after(&self, begins_at: u64) -> usize {
        let mut log = fs::File::open(self.company.path("requests.jsonl")).expect("a log");
        log.seek(SeekFrom::Start(begins_at)).expect("it is that long");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("read");
        text.lines().filter(|line| line.contains("\"method\":") && !line.contains("\"GET\"")).count()
    }

    fn users_now(&self) -> BTreeMap<String, Value> {
        let users = self.company.users().into_iter();
        users.map(|user| (user["id"].as_str().expect("an id").to_owned(), user)).collect()
    }

    /// Compares the account with what it was, and what was done with the budget.
    fn look(&mut self, by_policy: bool) {
        let now = self.users_now();
        let before = std::mem::replace(&mut self.users, now);
        // The admin is protected.
        let wrote = Wrote::between(&before, &self.users, 1, self.now, by_policy);
        let works_here = |id: &&String| {
            let identifier = before[*id]["attributes"]["external_identifier"].as_str();
            identifier.is_none_or(|identifier| self.people.values().any(|row| row.identifier == identifier))
        };
        if let Some(id) = wrote.removed.iter().find(works_here) {
            self.fail(&format!("{} is removed, and works here", before[id]));
        }
        self.wrote.push(wrote);
        if let Err(problem) = keeps(&self.wrote) {
            self.fail(&problem);
        }
    }

    /// The files of the state are as old as the clock says.
    fn date_files(&self) {
        let now = SystemTime::from(self.now);
        let late = SystemTime::from(self.now + SignedDuration::from_hours(24));
        let Ok(files) = fs::read_dir(self.state().join("skovik-sync/journals")) else { return };
        for file in files.flatten().map(|file| file.path()) {
            let is_new = fs::metadata(&file).and_then(|file| file.modified()).is_ok_and(|at| at > late);
            if is_new {
                fs::File::options().append(true).open(&file).and_then(|file| file.set_modified(now)).expect("dated");
            }
        }
    }

    /// The program has the clock of the test.
    fn is_on_time(&self) {
        let at: Timestamp = self.company.json(REPORT)["summary"]["at"]
            .as_str()
            .and_then(|at| at.parse().ok())
            .unwrap_or_else(|| self.fail("the report has no time"));
        let off = at.duration_since(self.now);
        assert!(off.abs() < 3 * BETWEEN, "the program's clock is off by {off:#}");
    }
}

/// The library that sets the clock of a process.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|folder| folder.path());
    let mut found = folders.map(|folder| folder.join("faketime/libfaketime.so.1")).filter(|file| Path::is_file(file));
    found.next().expect("there is no libfaketime; scripts/test installs what the tests need")
}

/// How a command ended, in short.
fn excerpt(ended: &Output) -> String {
    let text = format!("{}{}", ended.stdout, ended.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(3);
    format!("{}: {:?}: {}", ended.command, ended.code, lines[first..].join(" | "))
}
