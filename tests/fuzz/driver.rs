//! Gives a target its inputs, and watches over each: no panic of this project, no hang, a bound on time and memory.
//!
//! An input is made from one of a pool by a few changes. The pool begins with the seeds, and an input whose outcome is
//! new joins it: without coverage, the words of an error are the sign that a line was reached which was not before.

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

/// Counts what is held in memory. Targets run one after the other, so that all of it is the target's.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How long one input may take. The build is not optimised, so that this is generous only for real programs.
const LONGEST: Duration = Duration::from_secs(1);
/// After this, an input counts as one that never ends.
const HANGS: Duration = Duration::from_secs(60);
/// How much memory one input may take, in bytes.
const MOST_MEMORY: usize = 32 * 1024 * 1024;
/// How long a target runs by default.
const SECONDS: u64 = 5;
/// How many inputs of other targets take as long as one that goes over a real connection.
const PER_CONNECTION: u64 = 25;
/// How many inputs the pool holds besides the seeds.
const POOL: usize = 400;
/// How often an input is tried again that took too long: other programs run on this machine, too.
const TRIES: usize = 3;

/// Whose turn it is.
static TURN: Mutex<()> = Mutex::new(());
/// The panics within the library, wherever they were caught.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// When the input that is tried was begun, in milliseconds since [`START`]; 0: none is.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What is tried.
pub(crate) struct Target {
    /// The name of its test.
    pub(crate) name: &'static str,
    /// Valid inputs, or nearly so.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// What has a meaning in such inputs.
    pub(crate) words: &'static [&'static str],
}

/// How far a target goes.
#[derive(Clone, Copy)]
enum Budget {
    Inputs(u64),
    Time(Duration),
}

impl Target {
    /// Tries inputs for as long as the budget lasts. `judge` panics over what must not be, and otherwise says in words
    /// what became of the input: `Ok` if it was read. The first seed must be.
    #[track_caller]
    pub(crate) fn run(self, judge: impl FnMut(&[u8]) -> Result<String, String>) {
        self.run_part(1, judge);
    }

    /// The same for a target that opens connections for each input, which take milliseconds: it tries fewer inputs where
    /// their number is given.
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

/// The input that is tried, in a file, where it still is should the program abort.
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
        // The next run of the target writes over the file.
        let failed = path.with_file_name(format!("{name}.failed"));
        let written = fs::write(&failed, input);
        let replay = format!("SKOVIK_FUZZ_INPUT={} cargo test --test fuzz {name}", failed.display());
        let shown: String = input.escape_ascii().take(2_000).map(char::from).collect();
        panic!("{name}, seed {seed}: {problem}\nagain: {replay} ({written:?})\ninput: {shown}");
    }
}

/// Inputs from which others are made.
#[derive(Default)]
struct Pool {
    inputs: Vec<Vec<u8>>,
    /// The place in `inputs` of each outcome.
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

/// What is common to outcomes of one kind: the first words, without what stands in quotes, and without figures.
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

/// Has panics noted wherever they are caught, and ends the program when an input does not end.
fn watch() {
    static ONCE: LazyLock<()> = LazyLock::new(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            // Both panic over what is not theirs to read; the sources catch that and say so.
            if ["/ldap3-", "/calamine-"].iter().any(|library| place.contains(library)) {
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
                    println(&format!(
                        "an input does not end; it is the newest in {}/fuzz",
                        env!("CARGO_TARGET_TMPDIR")
                    ));
                    std::process::abort();
                }
            }
        });
    });
    LazyLock::force(&ONCE);
}

/// Tells whoever waits, past the test harness, which shows only what failed.
fn println(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
