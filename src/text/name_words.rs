//! The words of people's names, as far as they tell whether two names may be of one person: people write theirs in several
//! scripts, with accents or without, and change a part of it.

use deunicode::deunicode_char;
use unicode_script::{Script, UnicodeScript};

use super::likeness;

/// Letters that several languages write as one or as two; the shorter form counts.
const PAIRS: [(&str, &str); 4] = [("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a")];
/// From this many letters on, a word tells something if it is only a part of another one, as in `Mary Ann` and `Maryann`.
const TELLING: usize = 4;

/// The words of a name, each once, in ASCII as far as its letters have such a form. A mark such as `-` is no word.
#[must_use]
pub fn name_words(name: &str) -> Vec<String> {
    let likeness = likeness(name);
    let mut words: Vec<String> =
        likeness.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(plain).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether two names have a word in common, or one is written within the other; `None` if one has no word of two letters.
/// An initial is no word here.
#[must_use]
pub fn share_a_word(one: &str, other: &str) -> Option<bool> {
    let long = |name| {
        let mut words = name_words(name);
        words.retain(|word| word.chars().nth(1).is_some());
        words
    };
    let (first, second) = (long(one), long(other));
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let joined = |name: &str| plain(&likeness(name)).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let is_within = |words: &[String], name: &str| {
        let whole = joined(name);
        words.iter().any(|word| word.chars().nth(TELLING - 1).is_some() && whole.contains(word.as_str()))
    };
    Some(first.iter().any(|word| second.contains(word)) || is_within(&first, other) || is_within(&second, one))
}

/// Whether two names have letters of one script: the same name in two of them, such as `山田` and `Yamada`, may have no word in
/// common.
#[must_use]
pub fn share_a_script(one: &str, other: &str) -> bool {
    let letters = |name| {
        str::chars(name).map(|c| c.script()).filter(|script| !matches!(script, Script::Common | Script::Inherited))
    };
    letters(one).any(|script| letters(other).any(|other| other == script))
}

fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.chars() {
        match deunicode_char(c) {
            Some(letters) => plain.push_str(letters),
            None => plain.push(c),
        }
    }
    let plain = plain.to_lowercase();
    PAIRS.iter().fold(plain, |word, (two, one)| word.replace(two, one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_person_have_a_word_in_common() {
        for (one, other) in [
            ("Anna Berg", "Anna Lind"),
            ("Åsa Öst", "Asa Sund"),
            ("Aasa Oest", "Åsa Sund"),
            ("Søren Å", "Soren Aa"),
            ("Łukasz Żak", "Lukasz Wit"),
            ("Jürgen Müller", "Jurgen Mueller"),
            ("Иван Петров", "Ivan Sidorov"),
            ("Mary Ann Poe", "Maryann Roe"),
            ("Pat O'Brien", "Rick OBrien"),
            ("Anna-Lena Ek", "ANNA Dahl"),
        ] {
            assert_eq!(share_a_word(one, other), Some(true), "{one}, {other}");
            assert_eq!(share_a_word(other, one), Some(true), "{other}, {one}");
        }
        for (one, other) in [("Anna Berg", "Ben Holm"), ("Jan -", "Zoe -"), ("Ann J. Ek", "Joanna J. Ost")] {
            assert_eq!(share_a_word(one, other), Some(false), "{one}, {other}");
        }
        for nameless in ["", "-", " . ", "A."] {
            assert_eq!(share_a_word(nameless, "Anna Berg"), None, "{nameless:?}");
        }
    }

    #[test]
    fn names_are_of_one_script_or_of_two() {
        assert!(share_a_script("Åsa Öst", "Ben Holm"));
        assert!(share_a_script("山田 花子", "山本 Ken"));
        for (one, other) in [("山田 花子", "Yamada Hanako"), ("Иван", "Ivan"), ("", "Ivan"), ("-.", "-.")] {
            assert!(!share_a_script(one, other), "{one}, {other}");
        }
    }
}
