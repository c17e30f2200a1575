//! Repeated keys: decides which record counts, or that this is not clear.
//!
//! The scope comes first. Of several records with one key, those outside the scope are ignored; `prefer` decides
//! between those inside. If it does not decide, only this person is set aside. It does not decide between different
//! people: one of them has the key by mistake.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Listing;
use super::preference::Preference;
use super::records::{Joined, Records, SEVERAL, Settled, index};
use crate::setting::ConfigError;
use crate::setting::template::Engine;
use crate::template_cost::Progress;

/// Up to how many records with one key in a later source each is checked against the scope, if several people have that
/// key. Without this limit, the work would grow with people times records.
const MOST_JUDGED: usize = 64;

/// A record, with a row of a later source that counts for it instead of what was joined.
pub(crate) type Seen = (usize, Option<(usize, u32)>);

/// Who is in scope.
pub(crate) trait Scope {
    /// Whether the scope depends on a source.
    fn is_judged_by(&self, source: usize) -> bool;

    /// Whether a source says who a person is: the identifier, the e-mail or a name.
    fn names_by(&self, source: usize) -> bool;

    /// Whether a record is in scope; `None` if that is not clear.
    fn includes(&self, records: &Records, seen: Seen) -> Option<bool>;

    /// Whether two records of the first source, or one with two rows of a later source, may be of different people: they have
    /// neither identifier nor e-mail nor name in common, or only one has an identifier. What one of them lacks is not in common.
    /// Only what comes from that source counts: the others say the same of both.
    fn are_different_people(&self, records: &Records, chosen: Seen, other: Seen) -> bool;
}

impl Records {
    /// Decides for each repeated key which record counts.
    ///
    /// # Errors
    /// If `prefer` of a source uses a column that the source does not have.
    pub(crate) fn settle(&self, scope: &impl Scope, progress: &Progress) -> Result<Self, ConfigError> {
        let mut joined = self.joined().clone();
        let mut doubts = Doubts::default();
        let sources = Arc::clone(&joined.sources);
        let engine = Engine::new(self.calendar());
        for (later, source) in sources.iter().skip(1).enumerate().filter(|(_, source)| !source.repeated.is_empty()) {
            let chooser = Chooser::new(source, &engine, progress)?;
            // Each source sees the decisions about the sources before it.
            let records = Self::with(joined.clone());
            joined.rows[later] = later_rows(&records, later + 1, &chooser, scope, &mut doubts);
        }
        let Doubts { mut undecided, unsure } = doubts;
        let records = Self::with(Joined { settled: Some(Settled::default()), ..joined.clone() });
        let [mut passed_over, mut also, mut shared] =
            [const { FxHashSet::<u32>::with_hasher(rustc_hash::FxBuildHasher) }; 3];
        if let Some(first) = sources.first().filter(|first| !first.repeated.is_empty()) {
            let chooser = Chooser::new(first, &engine, progress)?;
            for rows in &first.repeated {
                let verdict = |row: u32| match scope.includes(&records, (row as usize, None)) {
                    Some(false) if unsure.contains_key(&row) => None,
                    verdict => verdict,
                };
                let judged = rows.iter().filter(|_| chooser.step()).map(|&row| (row, verdict(row)));
                let (inside, verdicts): (Vec<u32>, Vec<_>) =
                    judged.filter(|(_, verdict)| *verdict != Some(false)).unzip();
                // If none is surely in scope, each is read by itself: none takes the place of another.
                if inside.len() < 2 {
                    continue;
                }
                if !verdicts.contains(&Some(true)) {
                    shared.extend(inside);
                    continue;
                }
                let choice = chooser.choose(&inside).and_then(|chosen| {
                    let is_sure = inside.iter().zip(&verdicts).any(|at| at == (&chosen, &Some(true)));
                    let mut others = inside.iter().filter(|row| **row != chosen && chooser.step());
                    match () {
                        () if !is_sure => Err(chooser.too_early(&inside)),
                        () if others.any(|&row| {
                            scope.are_different_people(&records, (chosen as usize, None), (row as usize, None))
                        }) =>
                        {
                            Err(chooser.different_people(&inside))
                        }
                        () => Ok(chosen),
                    }
                });
                match choice {
                    Ok(chosen) => passed_over.extend(inside.iter().copied().filter(|row| *row != chosen)),
                    Err(reason) => {
                        let earliest = inside.iter().copied().min();
                        also.extend(inside.iter().copied().filter(|row| Some(*row) != earliest));
                        undecided.extend(inside.iter().map(|&row| (row, Arc::clone(&reason))));
                        shared.extend(inside);
                    }
                }
            }
        }
        let several = (1..).zip(&joined.rows).filter(|(_, rows)| rows.contains(&SEVERAL));
        let undecided_in = several.map(|(source, _)| source).collect();
        joined.settled = Some(Settled { passed_over, undecided, unsure, also, undecided_in, shared });
        Ok(Self::with(joined))
    }
}

/// The records for which repeated keys of later sources leave something open, with the reason.
#[derive(Default)]
struct Doubts {
    /// It is not clear which row counts.
    undecided: FxHashMap<u32, Arc<str>>,
    /// `prefer` chose one, but it is not clear which of the rows put the person out of scope.
    unsure: FxHashMap<u32, Arc<str>>,
}

/// The rows of a later source, after deciding between repeated ones.
fn later_rows(
    records: &Records,
    place: usize,
    chooser: &Chooser<'_>,
    scope: &impl Scope,
    doubts: &mut Doubts,
) -> Arc<[u32]> {
    let source = chooser.source;
    let groups: FxHashMap<&str, &[u32]> =
        source.repeated.iter().map(|rows| (source.key(rows[0] as usize), &**rows)).collect();
    let mut by_key: FxHashMap<&str, Result<u32, Arc<str>>> = FxHashMap::default();
    let first = &records.joined().sources[0];
    let shared: FxHashSet<&str> = first.repeated.iter().map(|people| first.key(people[0] as usize)).collect();
    let (is_judged, is_named) = (scope.is_judged_by(place), scope.names_by(place));
    let mut chosen = records.joined().rows[place - 1].to_vec();
    for (record, row) in chosen.iter_mut().enumerate().filter(|(_, row)| **row == SEVERAL) {
        let key = records.key(record);
        let rows = groups[key];
        let choice = if !is_judged && !is_named {
            by_key.entry(key).or_insert_with(|| chooser.choose(rows)).clone()
        } else if rows.len() > MOST_JUDGED && shared.contains(key) {
            by_key.entry(key).or_insert_with(|| Err(chooser.too_many(rows))).clone()
        } else {
            let mut inside = rows.to_vec();
            let mut is_clear = true;
            if is_judged {
                inside.retain(|&row| {
                    let includes = scope.includes(records, (record, Some((place, row))));
                    is_clear &= includes.is_some();
                    chooser.step() && includes != Some(false)
                });
            }
            match &inside[..] {
                // By every one of them the person is out of scope, so any will do.
                [] => Ok(rows[0]),
                [row] => Ok(*row),
                rows => {
                    if !is_clear {
                        doubts.unsure.entry(index(record)).or_insert_with(|| chooser.too_early(rows));
                    }
                    chooser.choose(rows).and_then(|chosen| {
                        let seen = |row| (record, Some((place, row)));
                        let mut others = rows.iter().filter(|row| **row != chosen && chooser.step());
                        if is_named && others.any(|&row| scope.are_different_people(records, seen(chosen), seen(row))) {
                            return Err(chooser.different_people(rows));
                        }
                        Ok(chosen)
                    })
                }
            }
        };
        match choice {
            Ok(one) => *row = one,
            Err(reason) => drop(doubts.undecided.entry(index(record)).or_insert(reason)),
        }
    }
    chosen.into()
}

/// Chooses among records of a source.
struct Chooser<'s> {
    source: &'s Listing,
    preference: Preference<'s>,
    progress: &'s Progress,
}

impl<'s> Chooser<'s> {
    fn new(source: &'s Listing, engine: &'s Engine, progress: &'s Progress) -> Result<Self, ConfigError> {
        let preference = Preference::new(source.prefer.as_ref(), &source.table, &source.name, engine)?;
        Ok(Self { source, preference, progress })
    }

    /// Reports progress.
    fn step(&self) -> bool {
        self.progress.step();
        true
    }

    fn choose(&self, rows: &[u32]) -> Result<u32, Arc<str>> {
        self.progress.step();
        self.preference.choose(rows).map_err(|problem| self.undecided(rows, &problem))
    }

    fn too_many(&self, rows: &[u32]) -> Arc<str> {
        let problem = format!(
            "these are more than {MOST_JUDGED}, and several people have that key, so that it is not checked which of them \
             are in scope or whose they are"
        );
        self.undecided(rows, &problem)
    }

    fn different_people(&self, rows: &[u32]) -> Arc<str> {
        let problem = "nothing shows that they are of one person, and between different people `prefer` does not decide: give \
                       them the same identifier, or correct the key of one of them";
        self.undecided(rows, problem)
    }

    fn too_early(&self, rows: &[u32]) -> Arc<str> {
        let problem = "which of them put the person out of scope depends on other sources with a key that is repeated or \
                       cannot be used";
        self.undecided(rows, problem)
    }

    fn undecided(&self, rows: &[u32], problem: &str) -> Arc<str> {
        format!("{}; {problem}", self.source.same_key(rows)).into()
    }
}
