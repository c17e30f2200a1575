#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod joining;
mod json_values;
mod keys;
mod laws;
mod programs;
mod repeated;
mod several;
mod workbooks;

use std::fs;

use minijinja::{Value, context};
use tempfile::TempDir;

use super::*;
use crate::config::Settings;
use crate::plan::Digest;
use crate::setting::template::Engine;

/// Settings with their files in a folder of their own.
pub(crate) struct Fixture {
    folder: TempDir,
    sources: String,
}

impl Fixture {
    /// The sources, as the settings have them, and their files.
    pub(crate) fn new(sources: &str, files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        Self { folder, sources: sources.to_owned() }
    }

    /// One CSV file, `hr`, whose key is `id`.
    pub(crate) fn csv(text: &str) -> Self {
        Self::new(&source("hr", "csv", "hr", "id"), &[("hr", text.as_bytes())])
    }

    /// The settings with the rest of the file.
    pub(crate) fn settings(&self, rest: &str) -> Settings {
        let text = format!("[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n{}\n{rest}", self.sources);
        Settings::parse(&text, &self.folder.path().join("skovik-sync.toml")).unwrap()
    }

    /// Settings whose files stay for as long as they do.
    pub(crate) fn into_parts(self, rest: &str) -> (TempDir, Settings) {
        let settings = self.settings(rest);
        (self.folder, settings)
    }

    pub(crate) fn read(&self) -> Result<Records, SourceError> {
        let rest = "[employee]\nexternal_identifier = 'x'\nprimary_email = 'x'\nfirst_name = 'x'\nlast_name = 'x'\n";
        read(&self.settings(rest))
    }

    #[track_caller]
    fn refused(&self, status: ExitStatus, expected: &[&str]) {
        let error = self.read().unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        let message = error.to_string();
        for part in expected {
            assert!(message.contains(part), "{message}");
        }
    }
}

pub(crate) fn source(name: &str, kind: &str, path: &str, key: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\nkind = \"{kind}\"\npath = \"{path}\"\nkey = \"{key}\"\n")
}

pub(crate) fn read(settings: &Settings) -> Result<Records, SourceError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(read_all(&settings.to_read(SystemTime::now(), &today()), &|_, _, _| ()))
}

/// The day of all tests.
pub(crate) fn today() -> Calendar {
    Calendar::on(jiff::civil::date(2026, 11, 28), &jiff::tz::TimeZone::UTC)
}

/// What a template gives for each record.
fn rendered(records: &Records, template: &str) -> Vec<String> {
    let engine = Engine::new(records.calendar());
    let template = engine.template(template).unwrap();
    (0..records.len()).map(|record| template.render(records.context(record)).unwrap()).collect()
}

fn json(text: &str) -> Fixture {
    Fixture::new(&source("hr", "json", "hr", "id"), &[("hr", text.as_bytes())])
}

fn jsonl(text: &str) -> Fixture {
    Fixture::new(&source("hr", "jsonl", "hr", "id"), &[("hr", text.as_bytes())])
}

#[test]
fn csv_cells_are_trimmed_and_rows_counted() {
    let records = Fixture::csv("\u{feff}id, name\r\n1, Anna \r\n\r\n2,\"Bo\r\nEk\"\r\n3,x\r\n").read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.id }}|{{ hr.name }}"), ["1|Anna", "2|Bo\r\nEk", "3|x"]);
    let rows: Vec<String> = (0..3).map(|record| records.origin(record).to_string()).collect();
    assert_eq!(rows, ["hr row 2", "hr row 4", "hr row 5"]);
}

#[test]
fn columns_and_texts_are_found_however_they_are_composed() {
    let records = Fixture::csv("id,a\u{30a}r\n1,O\u{308}\n").read().unwrap();
    assert_eq!(rendered(&records, "{{ hr['\u{e5}r'] }}"), ["\u{d6}"]);
    assert_eq!(rendered(&records, "{{ hr['a\u{30a}' ~ 'r'] }}"), ["\u{d6}"]);
}

#[test]
fn texts_in_lists_and_objects_are_composed_as_those_of_cells_are() {
    for value in ["\"O\u{308}\"", "\"\\u004f\\u0308\""] {
        let records = json(&format!("[{{\"id\": 1, \"list\": [{value}], \"deep\": [{{\"a\u{30a}r\": {value}}}]}}]"))
            .read()
            .unwrap();
        for condition in [
            "'\u{d6}' in hr.list",
            "'\u{d6}' in (hr.list | as_list)",
            "(hr.list | first) == '\u{d6}'",
            "hr.deep[0]['\u{e5}r'] == '\u{d6}'",
        ] {
            assert_eq!(rendered(&records, &format!("{{{{ {condition} }}}}")), ["true"], "{condition} {value}");
        }
    }
    // Two names of one property.
    let twice = json("[{\"id\": 1, \"v\": {\"a\u{30a}\": 1, \"\u{e5}\": 2}}]").read().unwrap();
    let engine = Engine::new(twice.calendar());
    assert!(engine.template("{{ hr.v }}").unwrap().render(twice.context(0)).is_err());
}

#[test]
fn keys_are_joined_however_they_are_composed() {
    for key in ["id", "{{ id }}"] {
        let sources = source("hr", "csv", "hr", key) + &source("ad", "csv", "ad", "id");
        let files: &[(&str, &[u8])] = &[
            ("hr", "id\nO\u{308}1\n\u{d6}2\n3\n".as_bytes()),
            ("ad", "id,x\n\u{d6}1,a\nO\u{308}2,b\n3,c\n".as_bytes()),
        ];
        let records = Fixture::new(&sources, files).read().unwrap();
        assert_eq!(rendered(&records, "{{ ad.x }}"), ["a", "b", "c"], "{key}");
    }
    let sources = source("hr", "csv", "hr", "id");
    let twice = Fixture::new(&sources, &[("hr", "id\nO\u{308}1\n\u{d6}1\n".as_bytes())]).read().unwrap();
    assert_eq!(twice.joined().sources[0].repeated.len(), 1);
}

#[test]
fn other_encodings_and_delimiters() {
    let csv = |more: &str, bytes: &[u8]| {
        Fixture::new(&format!("{}{more}\n", source("hr", "csv", "hr", "id")), &[("hr", bytes)])
    };
    let utf16: Vec<u8> = "\u{feff}id\tnamn\n1\t\u{c5}sa\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (more, bytes) in [
        ("encoding = \"windows-1252\"\ndelimiter = \";\"", &b"id;namn\n1;\xc5sa\n"[..]),
        ("encoding = \"utf-16\"\ndelimiter = \"\\t\"", &utf16),
        ("delimiter = \"tab\"", "id\tnamn\n1\t\u{c5}sa".as_bytes()),
        ("delimiter = \"\u{a7}\"", "id\u{a7}namn\n1\u{a7}\u{c5}sa".as_bytes()),
    ] {
        assert_eq!(rendered(&csv(more, bytes).read().unwrap(), "{{ hr.namn }}"), ["\u{c5}sa"], "{more}");
    }
    csv("", b"id,n\n1,a\n2,\xc5\n").refused(ExitStatus::Untrusted, &["source `hr`: ", "hr line 3 is not UTF-8"]);
    csv("", b"id,n\n1,a\n2\n").refused(ExitStatus::Untrusted, &["source `hr`: ", "hr row 3 has 1 cells"]);
}

#[test]
fn empty_lists_are_lists_but_empty_files_are_not() {
    assert!(Fixture::csv("id,name\n").read().unwrap().is_empty());
    assert!(json("[]").read().unwrap().is_empty());
    Fixture::csv("").refused(ExitStatus::Untrusted, &["is empty"]);
    jsonl("").refused(ExitStatus::Untrusted, &["is empty"]);
    jsonl("\n \n").refused(ExitStatus::Untrusted, &["is empty"]);
    json(" \n").refused(ExitStatus::Untrusted, &["not a JSON list"]);
    Fixture::new(&source("hr", "csv", "none", "id"), &[]).refused(ExitStatus::Untrusted, &["cannot read", "none"]);
}

#[test]
fn records_that_have_nothing_in_common_are_no_list_of_people() {
    let lines: String = (0..5_000).map(|n| format!("{{\"id\": {n}, \"p{n}\": 1}}\n")).collect();
    jsonl(&lines).refused(ExitStatus::Untrusted, &["source `hr`: ", "line 4096: ", "more than 4096 different"]);
    let lines: String = (0..4_000).map(|n| format!("{{\"id\": {n}, \"p{n}\": {n}}}\n")).collect();
    let records = jsonl(&lines).read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.p7 }}")[6..9], ["", "7", ""]);
}

#[test]
fn json_lines_are_counted_by_line() {
    let records = jsonl("{\"id\": \"b\", \"x\": 1}\n\n{\"id\": \"a\", \"y\": 2}\r\n").read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.x }}|{{ hr.y }}"), ["1|", "|2"]);
    assert_eq!(records.origin(1).to_string(), "hr row 3");
    jsonl("{\"id\": 1}\n\u{2028}\n").refused(ExitStatus::Untrusted, &["line 2: expected value at column 1"]);
    jsonl("{\"id\": 1}\n{\"id\": 2").refused(ExitStatus::Untrusted, &["line 2: EOF"]);
    jsonl("{\"id\": 1}\n{\"id\": 2} 3\n").refused(ExitStatus::Untrusted, &["line 2: trailing characters at column 11"]);
    jsonl("[]\n").refused(ExitStatus::Untrusted, &["none of its 1 records can be read; record 1 is a list"]);
}

#[test]
fn keys_name_a_column() {
    let fixture = Fixture::new(&source("hr", "csv", "hr", "employe_id"), &[("hr", b"employee_id,n\n1,a\n")]);
    fixture.refused(ExitStatus::Usage, &["`key` in [[source]] `hr`", "`hr.employe_id`", "did you mean `employee_id`?"]);
    let fixture = Fixture::new(&source("hr", "json", "hr", "nr"), &[("hr", b"[{\"a\": 1}, {\"b\": 2}]")]);
    fixture.refused(ExitStatus::Usage, &["column `nr`; it has 2 columns: `a`, `b`"]);
}

#[test]
fn proofs_are_checked_and_told() {
    let text = b"id\n1\n2\n";
    let digest = Digest::of(text).to_string()["sha256:".len()..].to_owned();
    let with = |more: &str, sums: &str| {
        let settings = format!("{}{more}", source("hr", "csv", "hr.csv", "id"));
        Fixture::new(&settings, &[("hr.csv", text), ("sums", sums.as_bytes())])
    };
    let proof = |fixture: &Fixture| fixture.read().unwrap().summaries()[0].proof.clone();
    assert_eq!(proof(&with("", "")), "trusted");
    assert_eq!(proof(&with("expect_records = 2\n", "")), "expect_records");
    let summed = "sha256_file = \"sums\"\n";
    for sums in [
        digest.clone(),
        format!("{digest}\n"),
        format!("{}  hr.csv\n", digest.to_uppercase()),
        format!("{digest} *hr.csv\r\n"),
        format!("{}  other.csv\n{digest}  ./hr.csv\n", "0".repeat(64)),
    ] {
        assert_eq!(proof(&with(summed, &sums)), "sha256_file", "{sums}");
    }
    let both = format!("expect_records = 2\n{summed}");
    assert_eq!(proof(&with(&both, &digest)), "expect_records+sha256_file");
    let untrusted = ExitStatus::Untrusted;
    with("expect_records = 3\n", "").refused(untrusted, &["has 2 records, but expect_records says 3"]);
    let zeros = "0".repeat(64);
    with(summed, &zeros).refused(untrusted, &[&digest, &zeros]);
    with(summed, &format!("{digest}  other.csv")).refused(untrusted, &["holds no SHA-256 of hr.csv"]);
    with(summed, "").refused(untrusted, &["holds no SHA-256"]);
    with(summed, &format!("{digest}  hr.csv\n{zeros}  hr.csv"))
        .refused(untrusted, &["more than one SHA-256 of hr.csv"]);
    assert_eq!(proof(&with(summed, &format!("{zeros}  old/hr.csv\n{digest}  hr.csv"))), "sha256_file");
    with("sha256_file = \"none\"\n", "").refused(untrusted, &["cannot read sha256_file"]);
}

#[test]
fn sources_are_joined_on_their_keys() {
    let sources =
        source("hr", "csv", "hr", "id") + &source("ad", "jsonl", "ad", "nr") + &source("pay", "csv", "pay", "id");
    let fixture = Fixture::new(
        &sources,
        &[
            ("hr", b"id,n\n1,a\n 2 ,b\n,c\n"),
            ("ad", b"{\"nr\": 2, \"m\": \"two\"}\n{\"nr\": null, \"m\": \"nobody\"}\n{\"nr\": 9, \"m\": \"else\"}\n"),
            ("pay", b"id,cc\n1,x\n2,y\n"),
        ],
    );
    let records = fixture.read().unwrap();
    assert_eq!(
        rendered(&records, "{{ hr.n }}{{ ad.m | default('?') }}{{ pay.cc | default('?') }}"),
        ["a?x", "btwoy", "c??"]
    );
    assert_eq!(rendered(&records, "{{ ad.m is defined }}{{ 1 if ad else 0 }}"), ["false0", "true1", "false0"]);
    assert_eq!((0..3).map(|record| records.lacks_key(record)).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(records.key_remarks().collect::<Vec<_>>(), [("ad", "1 record has no key (nr)".to_owned())]);
    let summaries = records.summaries();
    let told: Vec<_> =
        summaries.iter().map(|source| (source.name.as_str(), source.kind.as_str(), source.records)).collect();
    assert_eq!(told, [("hr", "csv", 3), ("ad", "jsonl", 3), ("pay", "csv", 2)]);
}

#[test]
fn what_is_undefined_may_be_tested_but_not_used() {
    let sources = source("hr", "csv", "hr", "id") + &source("ad", "csv", "ad", "id");
    let records = Fixture::new(&sources, &[("hr", b"id\n1\n"), ("ad", b"id,m\n2,x\n")]).read().unwrap();
    let engine = Engine::new(records.calendar());
    let render = |text: &str| engine.template(text)?.render(records.context(0));
    for text in ["{{ ad.m is defined }}", "{{ ad.m | default('') }}", "{% if ad.m %}x{% endif %}"] {
        assert!(render(text).is_ok(), "{text}");
    }
    for text in [
        "{{ ad.m }}",
        "{{ ad.m | lower }}",
        "{{ ad.m ~ 'x' }}",
        "{{ ad.m == '' }}",
        "{{ ad.m.n }}",
        "{{ 'x' in ad.m }}",
    ] {
        assert!(render(text).is_err(), "{text}");
    }
    assert!(engine.template("{{ x }}").unwrap().render(context! {}).is_err());
}

#[test]
fn fingerprints_depend_on_the_records_alone() {
    let fingerprint = |text: &str| Fixture::csv(text).read().unwrap().summaries()[0].fingerprint;
    let original = fingerprint("id,n\n1,a\n2,b\n,x\n,y\n");
    assert_eq!(fingerprint("id,n\r\n2,\"b\"\r\n\r\n,y\r\n1, a\r\n,x\r\n"), original, "order, quotes and line ends");
    assert_eq!(fingerprint("n,id\na,1\nb,2\nx,\ny,\n"), original, "the order of columns");
    let others = [
        "id,n\n1,a\n2,c\n,x\n,y\n",
        "id,m\n1,a\n2,b\n,x\n,y\n",
        "id,n\n1,a\n2,b\n,x\n",
        "id,n,o\n1,a,\n2,b,\n,x,\n,y,\n",
    ];
    for other in others {
        assert_ne!(fingerprint(other), original, "{other}");
    }
    // A number is not a text, though both print the same.
    let of_json = |text: &str| json(text).read().unwrap().summaries()[0].fingerprint;
    assert_ne!(of_json(r#"[{"id": 1}]"#), of_json(r#"[{"id": "1"}]"#));
    assert_eq!(of_json(r#"[{"id": 1, "a": null}, {"id": 2, "a": 1}]"#), of_json(r#"[{"a": 1, "id": 2}, {"id": 1}]"#));
    assert_ne!(fingerprint("id,ab,c\n1,x,yz\n"), fingerprint("id,ab,c\n1,xy,z\n"));
}

#[test]
fn debugging_shows_nobody() {
    let records = Fixture::csv("id,n\n1,Anna\n").read().unwrap();
    let shown = format!("{records:?} {:?}", records.context(0));
    assert!(!shown.contains("Anna") && shown.contains("hr"), "{shown}");
}
