//! Gives a target its inputs, and checks for each that nothing in this project panics or hangs, and that time and memory
//! stay within limits.
//!
//! An input is made by a few changes to an input of a pool. The pool begins with the seeds. An input with a new outcome is
//! added to the pool: without coverage, a new error message is the sign that new code was reached.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, Seek as _, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use peak_alloc::PeakAlloc;

use crate::mutate;

/// Counts the memory in use. Only one target runs at a time, so all of it belongs to that target.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How long one input may take. This build is not optimised, so the limit is far above what the program needs.
const LONGEST: Duration = Duration::from_secs(1);
/// After this time, an input counts as a hang.
const HANGS: Duration = Duration::from_secs(60);
/// How much memory one input may take, in bytes.
const MOST_MEMORY: usize = 32 * 1024 * 1024;
/// How long a target runs by default.
const SECONDS: u64 = 5;
/// How many inputs of other targets take as long as one that uses a real connection.
const PER_CONNECTION: u64 = 25;
/// The most inputs in the pool, without the seeds.
const POOL: usize = 400;
/// How often a slow input is tried. Other programs may have slowed it down.
const TRIES: usize = 3;

/// Only one target runs at a time.
static TURN: Mutex<()> = Mutex::new(());
/// All panics in the library, even if something caught them.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The start of the current input, in milliseconds after [`START`]; 0 if there is none.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A reader to test, and how to make inputs for it.
pub(crate) struct Target {
    /// The name of its test.
    pub(crate) name: &'static str,
    /// Valid or nearly valid inputs.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Words with a meaning in such inputs.
    pub(crate) words: &'static [&'static str],
}

/// When a target ends.
#[derive(Clone, Copy)]
enum Budget {
    Inputs(u64),
    Time(Duration),
}

impl Target {
    /// Tries inputs until the budget is used up. `judge` panics if something is wrong. Otherwise it describes the outcome:
    /// `Ok` if the input was read. The first seed must be read.
    #[track_caller]
    pub(crate) fn run(self, judge: impl FnMut(&[u8]) -> Result<String, String>) {
        self.run_part(1, judge);
    }

    /// The same for a target that opens connections, which takes milliseconds for each input. If the number of inputs is
    /// set, it tries fewer.
    #[track_caller]
    pub(crate) fn run_over_connections(self, judge: impl FnMut(&[u8]) -> Result<String, String>) {
        self.run_part(PER_CONNECTION, judge);
    }

    #[track_caller]
    fn run_part(self, divisor: u64, mut judge: impl FnMut(&[u8]) -> Result<String, String>) {
        let Self { name, seeds, words } = self;
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        watch();
        let mut kept = Kept::new(name);
        if let Some(path) = std::env::var_os("SKOVIK_FUZZ_INPUT") {
            let input = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", Path::new(&path).display()));
            println(&format!("{name}: {:?}", attempt(&mut judge, &input, &mut kept)));
            return;
        }
        let seed = number("SKOVIK_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
        let budget = number("SKOVIK_FUZZ_ITERATIONS").map_or_else(
            || Budget::Time(Duration::from_secs(number("SKOVIK_FUZZ_SECONDS").unwrap_or(SECONDS))),
            |inputs| Budget::Inputs(inputs.div_ceil(divisor)),
        );
        kept.seed = seed;
        let mut rng = Rng::with_seed(seed);
        let mut pool = Pool::default();
        for input in &seeds {
            let outcome = attempt(&mut judge, input, &mut kept);
            assert!(outcome.is_ok() || *input != seeds[0], "{name}: the first seed is refused: {outcome:?}");
            pool.outcomes.insert(outcome_key(&outcome), usize::MAX);
        }
        let (begun, mut tried, mut read) = (Instant::now(), 0, 0);
        while match budget {
            Budget::Inputs(most) => tried < most,
            Budget::Time(longest) => begun.elapsed() < longest,
        } {
            let input = mutate::input(&mut rng, &seeds, &pool.inputs, words);
            let outcome = attempt(&mut judge, &input, &mut kept);
            read += u64::from(outcome.is_ok());
            pool.consider(input, &outcome);
            tried += 1;
        }
        assert!(tried > 100 || matches!(budget, Budget::Inputs(_)), "{name}: only {tried} inputs in its time");
        let Kept { slowest, largest, .. } = kept;
        println(&format!(
            "{name}: {tried} inputs in {:.1?}, {read} of them read, {} outcomes, at most {slowest:.1?} and {} KiB each; seed {seed}",
            begun.elapsed(),
            pool.outcomes.len(),
            largest / 1024,
        ));
    }
}

/// Keeps the current input in a file, which is still there after an abort.
struct Kept {
    name: &'static str,
    seed: u64,
    path: PathBuf,
    file: File,
    slowest: Duration,
    largest: usize,
}

impl Kept {
    fn new(name: &'static str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
        let path = folder.join(name);
        let opened = fs::create_dir_all(folder).and_then(|()| File::create(&path));
        let file = opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { name, seed: 0, path, file, slowest: Duration::ZERO, largest: 0 }
    }

    fn keep(&mut self, input: &[u8]) {
        let Self { file, .. } = self;
        let kept = file.rewind().and_then(|()| file.write_all(input)).and_then(|()| file.set_len(input.len() as u64));
        kept.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
    }

    #[track_caller]
    fn fail(&self, input: &[u8], problem: &str) -> ! {
        let Self { name, seed, path, .. } = self;
        // The next run of the target overwrites the file.
        let failed = path.with_file_name(format!("{name}.failed"));
        let written = fs::write(&failed, input);
        let replay = format!("SKOVIK_FUZZ_INPUT={} cargo test --test fuzz {name}", failed.display());
        let shown: String = input.escape_ascii().take(2_000).map(char::from).collect();
        panic!("{name}, seed {seed}: {problem}\nagain: {replay} ({written:?})\ninput: {shown}");
    }
}

/// The inputs that others are made from.
#[derive(Default)]
struct Pool {
    inputs: Vec<Vec<u8>>,
    /// The index in `inputs` for each outcome.
    outcomes: HashMap<u64, usize>,
}

impl Pool {
    /// Keeps the shortest input of each outcome.
    fn consider(&mut self, input: Vec<u8>, outcome: &Result<String, String>) {
        let key = outcome_key(outcome);
        match self.outcomes.get(&key) {
            Some(&place) => {
                if let Some(known) = self.inputs.get_mut(place).filter(|known| known.len() > input.len()) {
                    *known = input;
                }
            }
            None if self.inputs.len() < POOL => {
                self.outcomes.insert(key, self.inputs.len());
                self.inputs.push(input);
            }
            None => drop(self.outcomes.insert(key, usize::MAX)),
        }
    }
}

/// The same for all outcomes of one kind: the first words, without quoted text and digits.
fn outcome_key(outcome: &Result<String, String>) -> u64 {
    let (Ok(outcome) | Err(outcome)) = outcome;
    let mut kind = String::new();
    let mut quoted = false;
    for c in outcome.chars().take(400) {
        quoted ^= matches!(c, '"' | '`');
        if !quoted && !c.is_ascii_digit() && c.is_ascii() {
            kind.push(c);
        }
        if kind.len() > 120 {
            break;
        }
    }
    BuildHasherDefault::<DefaultHasher>::default().hash_one(kind)
}

/// Tries one input.
#[track_caller]
fn attempt(
    judge: &mut impl FnMut(&[u8]) -> Result<String, String>,
    input: &[u8],
    kept: &mut Kept,
) -> Result<String, String> {
    kept.keep(input);
    let mut fastest = Duration::MAX;
    for _ in 0..TRIES {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let begun = Instant::now();
        BEGUN.store(1 + u64::try_from(START.elapsed().as_millis()).unwrap_or(0), Ordering::Relaxed);
        let result = panic::catch_unwind(AssertUnwindSafe(|| judge(input)));
        BEGUN.store(0, Ordering::Relaxed);
        fastest = fastest.min(begun.elapsed());
        let memory = MEMORY.peak_usage().saturating_sub(before);
        kept.largest = kept.largest.max(memory);
        let panics = std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner));
        if !panics.is_empty() {
            kept.fail(input, &panics.join("; "));
        }
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                kept.fail(input, text.unwrap_or("it panics"));
            }
        };
        if memory > MOST_MEMORY {
            kept.fail(input, &format!("it takes {memory} bytes of memory"));
        }
        if fastest <= LONGEST {
            kept.slowest = kept.slowest.max(fastest);
            return outcome;
        }
    }
    kept.fail(input, &format!("it takes {fastest:?}"));
}

/// Notes all panics, even if something catches them, and ends the program if an input hangs.
fn watch() {
    static ONCE: LazyLock<()> = LazyLock::new(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            // The library panics over some broken inputs. The source catches that and reports it.
            if place.contains("/calamine-") {
                return;
            }
            if !place.starts_with("tests/") {
                let mut text = String::new();
                let _ = write!(text, "{panic}");
                PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                return;
            }
            usual(panic);
        }));
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_secs(1));
                let begun = BEGUN.load(Ordering::Relaxed);
                let now = u64::try_from(START.elapsed().as_millis()).unwrap_or(0);
                if begun > 0 && Duration::from_millis(now.saturating_sub(begun)) > HANGS {
                    println(&format!("an input hangs; it is the newest file in {}/fuzz", env!("CARGO_TARGET_TMPDIR")));
                    std::process::abort();
                }
            }
        });
    });
    LazyLock::force(&ONCE);
}

/// Prints a line at once. The test harness would show it only if the test fails.
fn println(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
