//! OpenSSH's lists of names and patterns, as in `allowed_signers`: what a list matches, and when two lists may name one person.

use std::fmt;

use super::name::readings;

/// What stands for other letters in a pattern.
const WILDCARDS: [char; 2] = ['*', '?'];

/// OpenSSH's list of patterns: separated by commas, with `*`, `?`, and `!` to exclude.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PatternList {
    text: String,
}

impl PatternList {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// Whether OpenSSH finds the name in the list.
    pub(super) fn matches(&self, name: &str) -> bool {
        let mut found = false;
        for pattern in self.text.split(',') {
            match pattern.strip_prefix('!') {
                Some(negated) if glob(negated.as_bytes(), name.as_bytes()) => return false,
                Some(_) => {}
                None => found |= glob(pattern.as_bytes(), name.as_bytes()),
            }
        }
        found
    }

    /// The same for a name that looks like this one. Negated patterns are still compared exactly.
    fn match_likeness(&self, name: &str) -> bool {
        let seen = readings(name);
        let reads_like = |pattern: &String| seen.iter().any(|name| glob(pattern.as_bytes(), name.as_bytes()));
        let mut found = false;
        for pattern in self.text.split(',') {
            match pattern.strip_prefix('!') {
                Some(negated) if glob(negated.as_bytes(), name.as_bytes()) => return false,
                Some(_) => {}
                None => found |= readings(pattern).iter().any(reads_like),
            }
        }
        found
    }

    /// Whether the list has the name, or one that looks the same.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.matches(name) || self.match_likeness(name)
    }

    /// Whether some name matches both lists, or one name and one that looks the same. If only patterns with wildcards match
    /// it, what they exclude is not looked at.
    pub(super) fn may_share_a_name(&self, other: &Self) -> bool {
        self.wanted().any(|one| {
            other.wanted().any(|another| match (one.contains(WILDCARDS), another.contains(WILDCARDS)) {
                (true, true) => {
                    let (one, another) = (readings(one), readings(another));
                    one.iter().any(|one| another.iter().any(|other| overlap(one.as_bytes(), other.as_bytes())))
                }
                (false, _) => self.takes(one) && other.takes(one),
                (true, false) => self.takes(another) && other.takes(another),
            })
        })
    }

    /// The names without wildcards that the list has.
    pub(super) fn full_names(&self) -> impl Iterator<Item = &str> {
        self.wanted().filter(|name| !name.contains(WILDCARDS) && self.matches(name))
    }

    /// The patterns that are not negated.
    fn wanted(&self) -> impl Iterator<Item = &str> {
        self.text.split(',').filter(|pattern| !pattern.starts_with('!'))
    }

    /// The name, if the list is a single name without wildcards.
    pub(super) fn only_name(&self) -> Option<&str> {
        (!self.text.contains(['*', '?', ',', '!'])).then_some(&self.text)
    }
}

impl fmt::Display for PatternList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Matches byte by byte, as OpenSSH does. It backtracks only to the last star, so every pattern is fast.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, position));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[position] => {
                at += 1;
                position += 1;
            }
            _ => match &mut star {
                Some((after, from)) => {
                    *from += 1;
                    (at, position) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// Whether some name matches both patterns.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    // For each end of `b`: whether some name matches it and the end of `a` that was looked at last.
    let mut ends = vec![false; b.len() + 1];
    for at_a in (0..=a.len()).rev() {
        let mut diagonal = false;
        for at_b in (0..=b.len()).rev() {
            let below = ends[at_b];
            ends[at_b] = match (a.get(at_a), b.get(at_b)) {
                (None, None) => true,
                (Some(b'*'), _) if below => true,
                (_, Some(b'*')) | (Some(b'*'), Some(_)) if ends.get(at_b + 1) == Some(&true) => true,
                (_, Some(b'*')) => below,
                (Some(b'*'), _) | (None, _) | (_, None) => false,
                (Some(one), Some(other)) => (one == other || [one, other].contains(&&b'?')) && diagonal,
            };
            diagonal = below;
        }
    }
    ends[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pattern_takes_long() {
        assert!(!glob("*a".repeat(2_000).as_bytes(), "a".repeat(1_999).as_bytes()));
        assert!(glob("*a".repeat(2_000).as_bytes(), "a".repeat(2_000).as_bytes()));
    }

    proptest::proptest! {
        #[test]
        fn patterns_overlap_if_both_match_some_name(a in "[ab*?]{0,4}", b in "[ab*?]{0,4}") {
            // A name that both match needs no more letters than both patterns have together.
            let names = (0..=8_usize).flat_map(|length| {
                (0..1_u32 << length).map(move |bits| (0..length).map(|at| b'a' + (bits >> at & 1) as u8).collect::<Vec<_>>())
            });
            let [one, other] = [a.as_bytes(), b.as_bytes()];
            let matched = names.into_iter().any(|name| glob(one, &name) && glob(other, &name));
            proptest::prop_assert_eq!(overlap(one, other), matched);
        }
    }
}
