//! Near matches: keys that differ only in leading zeros, case, or the `.0` of a spreadsheet.

use rustc_hash::FxHashSet;

use super::Records;

/// A difference between keys that are probably meant to be equal.
struct Difference {
    /// What it is, for people to read.
    what: &'static str,
    /// A filter that removes it.
    filter: &'static str,
    normal: fn(&str) -> String,
}

const DIFFERENCES: [Difference; 3] = [
    Difference {
        what: "leading zeros",
        filter: "trim_start('0')",
        normal: |key| key.trim_start_matches('0').to_owned(),
    },
    Difference { what: "upper and lower case", filter: "lower", normal: str::to_lowercase },
    Difference {
        what: "the `.0` of a spreadsheet",
        filter: "int",
        normal: |key| key.strip_suffix(".0").unwrap_or(key).to_owned(),
    },
];

impl Records {
    /// A remark for each difference without which more records of a later source would join the first one.
    pub(crate) fn near_joins(&self, source: usize) -> Vec<String> {
        let (mine, theirs): (Vec<&str>, Vec<&str>) = self.unmatched(source);
        if mine.is_empty() || theirs.is_empty() {
            return Vec::new();
        }
        let near = |difference: &Difference| {
            let theirs: FxHashSet<String> = theirs.iter().map(|key| (difference.normal)(key)).collect();
            let met = mine.iter().filter(|key| theirs.contains(&(difference.normal)(key))).count();
            let Difference { what, filter, normal: _ } = difference;
            (met > 0).then(|| {
                format!("{met} more would match without {what}; a template can remove that, such as key = \"{{{{ number | {filter} }}}}\"")
            })
        };
        DIFFERENCES.iter().filter_map(near).collect()
    }
}
