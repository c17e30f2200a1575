//! Employee lists in files (CSV, JSON, JSON Lines, Excel workbooks), from the settings to the employees.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use skovik_sync::config::Settings;
use skovik_sync::employee::normal_text;
use skovik_sync::mapping::Mapper;
use skovik_sync::setting::Calendar;
use skovik_sync::source::{Records, read_all};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::driver::Target;
use crate::{fixture, refused, scratch};

/// Simple settings.
pub(crate) const SIMPLE_EMPLOYEE: &str = r#"
[employee]
external_identifier = "{{ hr.id }}"
primary_email = "{{ hr.email }}"
first_name = "{{ hr.name }}"
last_name = "{{ hr.name }}"
"#;
/// Settings with more of the template language.
const ADVANCED_EMPLOYEE: &str = r#"
[employee]
external_identifier = "{{ hr.id }}"
primary_email = "{{ hr.email | lower }}"
first_name = "{{ hr.name.first or hr.name }}"
last_name = "{{ hr['last name'] | default('x') }}"
manager = "{{ hr.manager }}"
"#;

/// The day of all tests.
fn today() -> Calendar {
    Calendar::on(jiff::civil::date(2026, 11, 28), &jiff::tz::TimeZone::UTC)
}

/// A source that is read many times.
pub(crate) struct Source {
    settings: Settings,
    mapper: Mapper,
    runtime: Runtime,
}

impl Source {
    /// A source with these settings. Its files are in the folder.
    pub(crate) fn new(runtime: Runtime, text: &str, employee: &str, folder: &Path) -> Self {
        let text = format!("[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n{text}\n{employee}");
        let settings = Settings::parse(&text, &folder.join("skovik-sync.toml")).unwrap();
        Self { mapper: Mapper::new(&settings), settings, runtime }
    }

    /// Reads the records and makes employees from them.
    pub(crate) fn read(&self) -> Result<Records, String> {
        let records = self
            .runtime
            .block_on(read_all(&self.settings.to_read(std::time::SystemTime::now(), &today()), &|_, _, _| ()));
        let records = records.map_err(|error| error.to_string());
        let stopped = |error: &String| error.contains("reading it stopped");
        assert!(!records.as_ref().is_err_and(stopped), "a panic ends the reading: {:?}", records.err());
        let records = records?;
        let mapper = self.mapper.resolve(&[], &[]).map_err(|error| error.to_string())?;
        let desired = mapper.employees(&records).map_err(|error| error.to_string())?;
        assert!(desired.employees.len() <= records.len(), "there are more people than records");
        for employee in &desired.employees {
            assert!(
                !employee.identifier.as_str().is_empty() && !employee.email.as_str().is_empty(),
                "somebody has no name"
            );
        }
        Ok(records)
    }
}

/// Runs a source in one thread, except for blocking work.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A source that is a file.
struct File {
    folder: TempDir,
    source: Source,
}

impl File {
    fn new(kind: &str, more: &str, employee: &str) -> Self {
        let folder = scratch();
        let text = format!("[[source]]\nname = \"hr\"\nkind = \"{kind}\"\npath = \"list\"\nkey = \"id\"\n{more}");
        Self { source: Source::new(runtime(), &text, employee, folder.path()), folder }
    }

    fn read(&self, input: &[u8]) -> Result<Records, String> {
        fs::write(self.folder.path().join("list"), input).unwrap();
        // The folder's name is different in each run.
        self.source.read().map_err(|error| error.replace(&*self.folder.path().to_string_lossy(), ""))
    }
}

/// The cells of the records, by row and column.
fn cells(records: &Records) -> Vec<BTreeMap<String, String>> {
    let mut rows = BTreeMap::new();
    for record in 0..records.len() {
        for row in records.source_records(record).remove(0).rows {
            // Records with the same key are all shown for each of them.
            rows.insert(row.number, row.cells.into_iter().collect());
        }
    }
    rows.into_values().collect()
}

#[test]
fn csv() {
    let seeds = vec![
        b"id;email;name;last name;manager\r\n1;a@x.se;Anna;Berg;\r\n\r\n2;\"b@x.se\";\"B\"\"o\nC\";\xc3\x85s;1\r\n"
            .to_vec(),
        b"\xef\xbb\xbfid;email\n1;a\n2;b\n".to_vec(),
        String::from_utf8(fixture("bad/employees.csv")).unwrap().replace(',', ";").into_bytes()[..600].to_vec(),
    ];
    let file = File::new("csv", "delimiter = \";\"\n", ADVANCED_EMPLOYEE);
    let words = &["\"\"", "\r\n", "\r", ";;", "\";", "\u{feff}", "\u{2028}", "\u{85}", "id", "email"];
    Target { name: "records::csv", seeds, words }.run(|input| match file.read(input) {
        Err(error) => refused(input, &error),
        Ok(records) => {
            assert_eq!(cells(&records), by_the_csv_crate(input), "the crate csv reads something else");
            Ok(format!("{} records", records.len()))
        }
    });
}

/// The result of the crate `csv` for the same bytes. It accepts much more than this program. But if this program accepts
/// a list, both must read the same.
fn by_the_csv_crate(input: &[u8]) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').has_headers(false).flexible(true).from_reader(input);
    let rows = reader.records().map(|row| row.unwrap().iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    let mut rows = rows.filter(|row| row.iter().any(|cell| !cell.is_empty()));
    let header: Vec<String> =
        rows.next().unwrap().iter().map(|name| skovik_sync::employee::normal_text(name).into()).collect();
    rows.map(|row| {
        assert_eq!(row.len(), header.len(), "the crate csv finds a ragged row");
        header.iter().cloned().zip(row).collect()
    })
    .collect()
}

#[test]
fn json() {
    let seeds = vec![
        br#"[{"id":"1","email":"a@x.se","name":"Anna","last name":"Berg","manager":null},
        {"id":2,"email":"b@x.se","name":{"first":"B\u00f6","x":[1,2.5e3,true]},"last name":"C","manager":"1"}]"#
            .to_vec(),
        br#"[{"id":123456789012345678901234567890,"email":"\ud83d\ude00"},{"id":1.50},{"id":false,"name":""}]"#
            .to_vec(),
    ];
    let file = File::new("json", "", ADVANCED_EMPLOYEE);
    let words =
        &["\"id\":", "\"email\":", "\"name\":", "{\"id\":\"3\"},", "\\u0041", "\\ud800", "[[[[", "{\"a\":{\"a\":"];
    Target { name: "records::json", seeds, words }.run(|input| match file.read(input) {
        Err(error) => refused(input, &error),
        Ok(records) => {
            let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
            let rows: Vec<&RawValue> = serde_json::from_slice(text).unwrap();
            same_texts(&records, &rows);
            Ok(format!("{} records", records.len()))
        }
    });
}

#[test]
fn json_lines() {
    let seeds = vec![
        b"{\"id\":\"1\",\"email\":\"a@x.se\",\"name\":\"Anna\"}\n\n{\"id\":2,\"email\":\"b@x.se\",\"name\":{\"first\":\"Bo\"}}\r\n"
            .to_vec(),
    ];
    let file = File::new("jsonl", "", SIMPLE_EMPLOYEE);
    let words = &["\n{\"id\":3}\n", "\r\n", "\n", "\u{2028}", "\"id\":", "\"name\":", "{\"a\":{\"a\":"];
    Target { name: "records::json_lines", seeds, words }.run(|input| match file.read(input) {
        Err(error) => refused(input, &error),
        Ok(records) => {
            let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
            let rows = serde_json::Deserializer::from_slice(text).into_iter();
            let rows: Vec<&RawValue> = rows.map(Result::unwrap).collect();
            same_texts(&records, &rows);
            Ok(format!("{} records", records.len()))
        }
    });
}

/// An object's properties, duplicates included.
struct Properties<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Properties<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Every;
        impl<'de> Visitor<'de> for Every {
            type Value = Properties<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some(property) = map.next_entry()? {
                    properties.push(property);
                }
                Ok(Properties(properties))
            }
        }
        deserializer.deserialize_map(Every)
    }
}

/// Checks that the records contain every text of the objects. A duplicate property and a record that is not an object are
/// errors only when they are used.
fn same_texts(records: &Records, rows: &[&RawValue]) {
    let cells = cells(records);
    assert_eq!(cells.len(), rows.len(), "serde_json finds another number of records");
    for (cells, row) in cells.iter().zip(rows) {
        let Ok(Properties(row)) = serde_json::from_str(row.get()) else { continue };
        let mut counts: BTreeMap<Cow<'_, str>, u64> = BTreeMap::new();
        row.iter().for_each(|(name, _)| *counts.entry(normal_text(name)).or_default() += 1);
        // An ASCII name has only one form.
        for (name, value) in row.iter().filter(|(name, _)| name.is_ascii() && name.trim() == name.as_ref()) {
            if let Ok(text) = serde_json::from_str::<String>(value.get())
                && counts[name.as_ref()] == 1
            {
                assert_eq!(cells.get(&**name).map(String::as_str), Some(text.trim()), "{name}");
            }
        }
    }
}

#[test]
fn xlsx() {
    let workbook = workbook();
    let parts = unpacked(&workbook);
    // The parts in sequence, each after its name, are easier to change than an archive.
    let seeds = vec![[PARTS, &joined(&parts)].concat(), workbook];
    let words = &[
        "<c r=\"A9\" t=\"s\"><v>0</v></c>",
        " t=\"e\"",
        " t=\"b\"",
        " t=\"d\"",
        " s=\"1\"",
        "r=\"XFD1048576\"",
        "<v>1e308</v>",
        "<v>-1</v>",
        "</sheetData>",
        "<sheetData>",
        "<f>1</f>",
        "&#0;",
        "&lt;",
        "<!--",
        "]]>",
        "count=\"4294967295\"",
        "state=\"hidden\"",
        "date1904=\"1\"",
        "</row>",
        "<row r=\"0\">",
    ];
    let file = File::new("xlsx", "", ADVANCED_EMPLOYEE);
    Target { name: "records::xlsx", seeds, words }.run(|input| {
        let packed = input.strip_prefix(PARTS).map(packed);
        match file.read(packed.as_deref().unwrap_or(input)) {
            Err(error) => refused(input, &error),
            Ok(records) => Ok(format!("{} records", records.len())),
        }
    });
}

/// The beginning of an input that contains the parts of a workbook.
const PARTS: &[u8] = b"PARTS";
/// The text before the name of a part, and the text after it.
const NAME: [&[u8]; 2] = [b"\n\x01", b"\x02\n"];

fn workbook() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet().set_name("People").unwrap();
    for (column, name) in ["id", "email", "name", "last name", "manager"].into_iter().enumerate() {
        sheet.write_string(0, u16::try_from(column).unwrap(), name).unwrap();
    }
    sheet.write_number(1, 0, 1).unwrap();
    sheet.write_string(1, 1, "a@x.se").unwrap();
    sheet.write_formula(1, 2, Formula::new("=\"B\"&\"o\"").set_result("Bo")).unwrap();
    let date = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    sheet.write_datetime_with_format(1, 3, ExcelDateTime::parse_from_str("2026-11-27").unwrap(), &date).unwrap();
    sheet.write_boolean(1, 4, true).unwrap();
    sheet.write_number(3, 0, 2.5).unwrap();
    workbook.save_to_buffer().unwrap()
}

fn unpacked(workbook: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(workbook)).unwrap();
    let part = |at| {
        let mut part = archive.by_index(at).unwrap();
        let (name, mut bytes) = (part.name().unwrap().into_owned(), Vec::new());
        part.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    };
    // Changes to parts that have no cells would be wasted.
    let counts = |name: &str| !name.starts_with("docProps") && !name.contains("theme");
    (0..archive_len(workbook)).map(part).filter(|(name, _)| counts(name)).collect()
}

fn archive_len(workbook: &[u8]) -> usize {
    ZipArchive::new(Cursor::new(workbook)).unwrap().len()
}

fn joined(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    parts.iter().flat_map(|(name, bytes)| [NAME[0], name.as_bytes(), NAME[1], bytes].concat()).collect()
}

/// The archive of the parts in an input.
fn packed(input: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut rest = input;
    while let Some(start) = position(rest, NAME[0]) {
        rest = &rest[start + NAME[0].len()..];
        let Some(end) = position(rest, NAME[1]) else { break };
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + NAME[1].len()..];
        let length = position(rest, NAME[0]).unwrap_or(rest.len());
        // The writer refuses a duplicate name.
        if writer.start_file(name, options).is_ok() {
            writer.write_all(&rest[..length]).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
