//! The words of people's names, as far as they tell whether two names may be of one person: people write theirs in several
//! scripts, with accents or without, and change a part of it.

use std::ops::RangeInclusive;

use deunicode::deunicode_char;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_script::{Script, UnicodeScript};

use super::likeness;

/// Letters that several languages write as one or as two; the shorter form counts.
const PAIRS: [(&str, &str); 4] = [("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a")];
/// From this many letters on, a first name tells something if it is only a part of another one, as `Alex` is of `Alexander`.
const TELLING: usize = 4;
/// What stands before a first name, or behind a name, and is none.
const TITLES: [&str; 14] =
    ["dr", "prof", "mr", "mrs", "ms", "miss", "sir", "ing", "dipl", "mag", "lic", "jr", "sr", "med"];

/// The words of a name, each once, in ASCII as far as its letters have such a form. A mark such as `-` is no word.
#[must_use]
pub fn name_words(name: &str) -> Vec<String> {
    let mut words = in_order(name);
    words.sort_unstable();
    words.dedup();
    words
}

/// Whether a character stands between two words: all but letters, digits and the marks upon them. An apostrophe is no
/// letter, whichever of the many characters for it somebody has typed.
fn parts_words(c: char) -> bool {
    let is_apostrophe = matches!(c, '\u{2b9}'..='\u{2ff}' | '\u{a78b}' | '\u{a78c}');
    is_apostrophe || !(c.is_alphanumeric() || is_combining_mark(c))
}

/// Whether two names have a word in common, also one that the other writes as two or three; `None` if one has no word of two
/// letters. An initial is no word here. `Anders` is no word of `Andersson`: family names are made of first names.
#[must_use]
pub fn share_a_word(one: &str, other: &str) -> Option<bool> {
    let (first, second) = (in_order(one), in_order(other));
    let (long_first, long_second) = (long(&first), long(&second));
    if long_first.is_empty() || long_second.is_empty() {
        return None;
    }
    let is_divided = |words: &[String], whole: &[&str]| joined(words).any(|word| whole.contains(&word.as_str()));
    let is_same = long_first.iter().any(|word| long_second.contains(word));
    Some(is_same || is_divided(&first, &long_second) || is_divided(&second, &long_first))
}

/// Whether two first names may be one: they have a word in common, one is written within the other (`Alex`, `Alexander`), or an
/// initial begins a word of the other. If one is not there, they may. A title is no name.
#[must_use]
pub fn may_be_one_first_name(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|name| {
        let mut words = in_order(name);
        words.retain(|word| !TITLES.contains(&word.as_str()));
        words
    });
    if one.is_empty() || other.is_empty() {
        return true;
    }
    let fits = |short: &String, word: &String| match short.chars().count() {
        1 => word.starts_with(short.as_str()),
        letters => short == word || letters >= TELLING && word.contains(short.as_str()),
    };
    let has_one = |words: &[String], others: &[String]| {
        words.iter().any(|short| others.iter().any(|word| fits(short, word)))
            || joined(words).any(|word| others.contains(&word))
    };
    has_one(&one, &other) || has_one(&other, &one)
}

/// The words of a name as [`name_words`] gives them, in their order.
fn in_order(name: &str) -> Vec<String> {
    likeness(name).split(parts_words).map(plain).filter(|word| !word.is_empty()).collect()
}

fn long(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).filter(|word| word.chars().nth(1).is_some()).collect()
}

/// Each two and each three words that follow one another, as one.
fn joined(words: &[String]) -> impl Iterator<Item = String> {
    [2, 3].into_iter().flat_map(|count| words.windows(count).map(<[String]>::concat))
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

/// The letters and digits of a text without accents, in ASCII as far as they have such a form.
fn plain(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for c in word.nfd().filter(|c| !is_accent(*c)).nfc() {
        match c {
            // Arabic is written with either letter at the end of a word.
            '\u{629}' => plain.push('h'),
            '\u{649}' => plain.push('y'),
            _ => match deunicode_char(c) {
                Some(letters) => plain.push_str(letters),
                None => plain.push(c),
            },
        }
    }
    plain.retain(|c| c.is_alphanumeric() || is_combining_mark(c));
    let plain = plain.to_lowercase();
    PAIRS.iter().fold(plain, |word, (two, one)| word.replace(two, one))
}

/// Whether a mark is one without which people write the letter all the same, such as the accents of Latin, Greek and Cyrillic letters,
/// the points of Arabic and Hebrew, and the dot of letters of India. By its canonical combining class.
fn is_accent(c: char) -> bool {
    /// Overlays, and the dot of letters of India.
    const WITHIN: [u8; 2] = [1, 7];
    /// Of Hebrew, Arabic and Syriac.
    const POINTS: RangeInclusive<u8> = 10..=36;
    /// Below, above and beside a letter.
    const AROUND: RangeInclusive<u8> = 200..=240;
    let class = canonical_combining_class(c);
    WITHIN.contains(&class) || POINTS.contains(&class) || AROUND.contains(&class)
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
        for (one, other) in [
            ("Anna Berg", "Ben Holm"),
            ("Jan -", "Zoe -"),
            ("Ann J. Ek", "Joanna J. Ost"),
            ("Anders Ek", "Karin Andersson"),
            ("Peter Holm", "Lisa Petersen"),
            ("Maria Ek", "Marianne Lund"),
            ("John Smith", "Anna Johnson"),
            ("Anna Berg", "Eva Bergman"),
        ] {
            assert_eq!(share_a_word(one, other), Some(false), "{one}, {other}");
        }
        for nameless in ["", "-", " . ", "A."] {
            assert_eq!(share_a_word(nameless, "Anna Berg"), None, "{nameless:?}");
        }
    }

    #[test]
    fn first_names_of_one_person_fit() {
        for (one, other) in [
            ("Anna", "Anna Maria"),
            ("Alex", "Alexander"),
            ("Anna-Lena", "Annalena"),
            ("L.", "Lars"),
            ("Lars P.", "Per Lars"),
            ("J. R.", "Jan"),
            ("Dr. Hans", "hans"),
            ("Dr.", "Karl"),
            ("", "Karl"),
            ("Åsa", "Asa"),
        ] {
            assert!(may_be_one_first_name(one, other) && may_be_one_first_name(other, one), "{one}, {other}");
        }
        for (one, other) in [
            ("Lars", "P."),
            ("L.", "P."),
            ("L. M.", "P. A."),
            ("Jan", "Piet"),
            ("Dr. Hans", "Dr. K."),
            ("Ann", "Joanna"),
            ("\u{738b}\u{4f1f}", "\u{674e}\u{82b3}"),
        ] {
            assert!(!may_be_one_first_name(one, other) && !may_be_one_first_name(other, one), "{one}, {other}");
        }
    }

    #[test]
    fn a_name_has_the_same_words_in_whatever_way_it_is_typed() {
        for (one, other) in [
            ("İbrahim İnce", "ibrahim ince"),
            ("IŞIL İNCİ", "Işıl inci"),
            ("Adébọ̀wálé Ọ̀ṣọ́", "Adebowale Oso"),
            ("Мар\u{2bc}ян Коваль", "Мар'ян Коваль"),
            ("\u{2bb}Iolani Kai", "'Iolani Kai"),
            ("Ольга Петрова", "Olga Petrova"),
            ("مُحَمَّد علي", "محمد علي"),
            ("أحمد إبراهيم", "احمد ابراهيم"),
            ("فاطمة مصطفى", "فاطمه مصطفي"),
            ("Фёдор Соловьёв", "Федор Соловьев"),
            ("Їжак", "Іжак"),
            ("ज़ोया फ़ारूक़", "जोया फारूक"),
        ] {
            assert_eq!(name_words(one), name_words(other), "{one}, {other}");
        }
        // Marks that make another letter, and letters of several parts.
        for (one, other) in [("がとう", "かとう"), ("김민수", "기민수")] {
            assert_ne!(name_words(one), name_words(other), "{one}, {other}");
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
