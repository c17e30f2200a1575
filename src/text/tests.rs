use proptest::prelude::*;

use super::*;

#[test]
fn what_can_be_seen_stays_and_is_not_copied() {
    for text in
        ["Anna Berg", "O'Brien", "Đặng Thị", "李小龙", "García Márquez", "Müßig → ~ + -", "नमस्ते", "שָׁלוֹם", "👍🏽", ""]
    {
        assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
    }
}

#[test]
fn what_cannot_be_seen_is_written_out() {
    for (text, expected) in [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u{1b}[31mred", r"\u{1b}[31mred"),
        ("\u{9b}31m", r"\u{9b}31m"),
        ("\u{202e}gnp.exe", r"\u{202e}gnp.exe"),
        ("\u{2066}x\u{2069}", r"\u{2066}x\u{2069}"),
        ("a\u{200b}b\u{feff}", r"a\u{200b}b\u{feff}"),
        ("a\u{a0}b\u{3000}c\u{2007}d\u{1680}e", r"a\u{a0}b\u{3000}c\u{2007}d\u{1680}e"),
        ("a\u{2028}b\u{2029}c\u{85}d", r"a\u{2028}b\u{2029}c\u{85}d"),
        ("a\u{ad}b\u{fe0f}\u{e0041}", r"a\u{ad}b\u{fe0f}\u{e0041}"),
        ("a\u{e000}b\u{f8ff}c\u{f0000}d\u{10fffd}", r"a\u{e000}b\u{f8ff}c\u{f0000}d\u{10fffd}"),
        ("a\u{378}b\u{ffff}c\u{1ffff}", r"a\u{378}b\u{ffff}c\u{1ffff}"),
        ("a\u{600}b\u{fff9}c\u{3164}d\u{2800}e\u{1d159}", r"a\u{600}b\u{fff9}c\u{3164}d\u{2800}e\u{1d159}"),
    ] {
        assert_eq!(escape(text), expected, "{text:?}");
        assert_eq!(printable(text), expected, "{text:?}");
    }
}

#[test]
fn a_letter_carries_a_few_marks_and_nothing_carries_none() {
    for (text, expected) in [
        ("e\u{301}\u{323}\u{308}\u{304}", "e\u{301}\u{323}\u{308}\u{304}"),
        ("e\u{301}\u{301}\u{301}\u{301}\u{301}x\u{301}", "e\u{301}\u{301}\u{301}\u{301}\\u{301}x\u{301}"),
        ("\u{301}a", r"\u{301}a"),
        ("a \u{20dd}b", r"a \u{20dd}b"),
        ("a\u{200b}\u{301}", r"a\u{200b}\u{301}"),
    ] {
        assert_eq!(escape(text), expected, "{text:?}");
        assert_eq!(printable(text), expected, "{text:?}");
    }
    let stacked = format!("Anna{} Berg", "\u{33f}".repeat(299));
    assert_eq!(escape(&stacked).matches('\u{33f}').count(), 4);
}

#[test]
fn an_escape_cannot_be_mistaken_for_the_text_that_reads_like_it() {
    assert_eq!(escape(r"a\u{200b}"), r"a\\u{200b}");
    assert_eq!(printable(r"C:\hr"), r"C:\hr");
}

#[test]
fn json_hides_nothing_and_says_the_same() {
    let hidden = "a\u{200b}\u{e000}\u{f0000}\u{a0}\u{9b}31m\u{7f}\n\"\\ e\u{301}\u{301}\u{301}\u{301}\u{301}";
    let json = serde_json::to_string_pretty(&[hidden, "Åsa"]).expect("it has a JSON");
    let shown = printable_json(&json);
    assert_eq!(shown.matches("\\u").count(), 8, "{shown}");
    assert!(shown.contains(r"\u200b\ue000\udb80\udc00\u00a0\u009b31m\u007f\n") && shown.contains("Åsa"), "{shown}");
    assert!(shown.lines().count() > 1 && shown.chars().all(|c| c == '\n' || !is_unseen(c)), "{shown}");
    assert_eq!(serde_json::from_str::<Vec<String>>(&shown).expect("JSON"), [hidden, "Åsa"]);
    assert!(matches!(printable_json("[\n  \"Åsa\"\n]"), Cow::Borrowed(_)));
}

#[test]
fn to_ascii_leaves_nothing_else() {
    assert_eq!(escape_to_ascii("é e\u{301} \\ x"), r"\u{e9} e\u{301} \\ x");
}

#[test]
fn the_start_of_a_text_is_counted_in_characters() {
    for (text, most, expected) in [("åäö", 3, "åäö"), ("åäö", 2, "åä…"), ("", 0, ""), ("a", 0, "…")] {
        assert_eq!(shortened(text, most), expected);
    }
}

/// Texts of plain ASCII letters are read in a shorter way.
#[test]
fn plain_letters_are_like_themselves_beside_others_too() {
    let all: String = (33..127_u8).map(char::from).collect();
    for text in ["", "Anna.Berg@Example.com", "E0017", &all] {
        assert_eq!(likeness(&format!("{text}é")), format!("{}é", likeness(text)));
    }
}

#[test]
fn names_that_a_reader_takes_for_each_other_look_alike() {
    let look_alike = |one, other| likeness(one) == likeness(other);
    for other in [
        "Policy: Automatic",
        "policy:\u{a0}automatic",
        " policy: \u{3000}automatic ",
        "ｐｏｌｉｃｙ：　ａｕｔｏｍａｔｉｃ",
        "POLICY: AUTOMATIC",
        "policy:\u{200b} auto\u{ad}matic",
        "policy: automatic\u{e000}",
        "policy:\tautomatic",
        "𝐩𝐨𝐥𝐢𝐜𝐲: automatic",
        "policy: automa\u{2060}tic",
    ] {
        assert!(look_alike("policy: automatic", other), "{other:?}");
    }
    for (one, other) in [
        ("Anna Berg", "Annaberg"),
        ("Anna Berg", "Anna Borg"),
        ("Ånna", "Anna"),
        ("policy: automatic", "policy automatic"),
    ] {
        assert!(!look_alike(one, other), "{one:?} {other:?}");
    }
    for (one, other) in [
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("İnci", "inci"),
        ("Ångström", "A\u{30a}ngstro\u{308}m"),
        ("K", "\u{212a}"),
    ] {
        assert!(look_alike(one, other), "{one:?} {other:?}");
    }
}

#[test]
fn a_word_for_a_shell_is_one_word() {
    for (word, expected) in [
        ("plan.json", "plan.json"),
        ("a/b_c-d.e@f:g+h,i=j", "a/b_c-d.e@f:g+h,i=j"),
        ("", "''"),
        ("two words", "'two words'"),
        ("$(touch x)", "'$(touch x)'"),
        ("a;b", "'a;b'"),
        ("~root", "'~root'"),
        ("=ls", "'=ls'"),
        ("100%", "'100%'"),
        ("O'Brien", r"'O'\''Brien'"),
        ("Åsa", "'Åsa'"),
        ("a\nb", r"$'a\012b'"),
        ("\u{1b}[31m'!\\", r"$'\033[31m\047\041\134'"),
        ("a\u{200b}b", r"$'a\342\200\213b'"),
    ] {
        assert_eq!(shell_word(word), expected, "{word:?}");
    }
    assert_eq!(shell_path(Path::new("-rf")), "./-rf");
    assert_eq!(shell_path(Path::new("-a b")), "'./-a b'");
    assert_eq!(shell_option("--only", "1001"), "--only 1001");
    assert_eq!(shell_option("--only", "-1"), "--only=-1");
    assert_eq!(shell_option("--only", "-$(x)"), "--only='-$(x)'");
}

#[cfg(unix)]
#[test]
fn a_file_name_that_is_no_text_keeps_its_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(b"plan\xff'.json"));
    assert_eq!(shell_path(path), r"$'plan\377\047.json'");
}

/// What a shell makes of a command line.
#[cfg(unix)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
fn read_by_bash(words: &str) -> Vec<u8> {
    let output = std::process::Command::new("bash").args(["-c", &format!("printf '%s\\0' {words}")]).output().unwrap();
    assert!(output.status.success(), "{words}");
    output.stdout
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_what_was_quoted(
        words in prop::collection::vec("[ -~\u{a0}\n\t\u{200b}\u{301}é$`'\"\\\\!*;&|<>(){}\\[\\]]{0,12}", 1..20)
    ) {
        let line: Vec<Cow<'_, str>> = words.iter().map(|word| shell_word(word)).collect();
        let expected: Vec<u8> = words.iter().flat_map(|word| word.bytes().chain([0])).collect();
        prop_assert_eq!(read_by_bash(&line.join(" ")), expected);
    }

    #[test]
    fn what_is_written_out_can_be_seen(text in any::<String>()) {
        let shown = escape(&text);
        prop_assert_eq!(printable(&shown), shown.as_ref());
    }

    /// The alphabet contains texts that look like escapes.
    #[test]
    fn different_values_are_shown_differently(
        one in "[a\\\\u{}301\u{301}\u{200b}]{0,6}", other in "[a\\\\u{}301\u{301}\u{200b}]{0,6}"
    ) {
        prop_assert_eq!(one == other, escape(&one) == escape(&other));
    }
}

#[test]
fn what_is_shown_can_be_read_back() {
    for value in ["1005\u{200b}", "a\\b", "DOM\\user", "x\u{a0}y", "\\u{41}", "tab\there", "plain", "\\", "\\u{zz}", ""]
    {
        assert_eq!(unescape(&escape(value)), value, "{value:?}");
    }
    assert_eq!(unescape("DOM\\user"), "DOM\\user", "no escape");
    assert_eq!(unescape("\\u{110000}"), "\\u{110000}", "no character");
}

#[test]
fn a_value_makes_no_line_of_a_message() {
    let said = "blocked by x\nhint: first type: y\r\n\u{1b}[2K:\n  Anna\n  Ben\n";
    assert_eq!(message(said), "blocked by x\\nhint: first type: y\\r\\n\\u{1b}[2K:\n  Anna\n  Ben");
    assert_eq!(message("\n\nerror: x\n"), "\\n\\nerror: x");
    assert_eq!(joined(&["", "Applied: 1.", "  Anna\r\nhint: x"]), "\nApplied: 1.\n  Anna\\r\\nhint: x");
}

#[test]
fn a_word_that_no_document_of_ours_has_is_not_quoted() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        kind: Kind,
    }
    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Plan,
    }
    let said = |text: &str| super::said(&serde_json::from_str::<Document>(text).expect_err("no document"));
    assert!(said(r#"{"remark": 1}"#).contains("unknown field `remark`, expected `kind`"));
    assert!(said(r#"{"kind": "delet"}"#).contains("unknown variant `delet`, expected"));
    for text in [r#"{"Hunter2`, x": 1}"#, r#"{"kind": "Hunter2"}"#, r#"{"huntertwohuntertwohuntertwo": 1}"#] {
        assert!(!said(text).to_lowercase().contains("hunter"), "{}", said(text));
    }
    assert!(matches!(serde_json::from_str::<Document>(r#"{"kind": "plan"}"#), Ok(Document { kind: Kind::Plan })));
}
