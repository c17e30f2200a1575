//! Excel workbooks: the rows of one sheet below a header.
//!
//! The value of a cell counts, not its display format: a number displayed as `00123` is the number 123. Formulas are
//! not computed; the results that the spreadsheet program has stored are used.

mod archive;
mod bounds;
mod references;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io::Cursor;

use calamine::{DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx, XlsxError};
use futures_util::future::BoxFuture;
use minijinja::Value;
use rustc_hash::FxHashMap;

use super::cell::CellKind;
use super::file::FileSettings;
use super::table::{Table, TableBuilder};
use super::{Conditions, ReadError, Reading, Source, blocking};
use crate::employee::normal_text;
use crate::quiet;
use crate::setting::section::Section;
use crate::setting::{ConfigError, nearest, quoting};

/// The limit up to which every whole number is exact in a cell: 2⁵³.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
/// The first serial number beyond the last day that a cell can hold, 9999-12-31.
const AFTER_LAST_DAY: f64 = 2_958_466.0;

/// How many sheets a message names.
const SHEETS_SHOWN: usize = 10;

/// A sheet of a workbook.
#[derive(Debug, Clone)]
pub(super) struct XlsxSource {
    /// The name of the section for messages.
    label: String,
    file: FileSettings,
    /// The sheet's name; `None` for the only one.
    sheet: Option<String>,
    /// The row with the names of the columns, counted from 1; `None` for the first one that is not blank.
    header_row: Option<u32>,
}

impl XlsxSource {
    pub(super) const KEYS: &[&str] = &["sheet", "header_row"];

    pub(super) fn from_section(section: &Section<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            label: section.label().to_owned(),
            file: FileSettings::from_section(section)?,
            sheet: section.text("sheet")?.map(str::to_owned),
            header_row: section.number("header_row", 1..=1_048_576)?.and_then(|row| u32::try_from(row).ok()),
        })
    }

    fn read_whole(&self, most: u64) -> Result<Reading, ReadError> {
        let (bytes, modified) = self.file.read()?;
        let named = |problem: String| format!("{} {problem}", self.file.name());
        let broken = |problem: String| named(format!("is not a workbook that can be read: {problem}"));
        archive::check(&bytes).map_err(broken)?;
        let read = || -> Result<Table, ReadError> {
            let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(|error| broken(words(&error)))?;
            let mut names = HashSet::new();
            if let Some(twice) =
                workbook.sheets_metadata().iter().find(|sheet| !names.insert(sheet.name.to_lowercase()))
            {
                let twice = quoting::quoted(&twice.name);
                return Err(broken(format!("two of its sheets are called {twice}; save the workbook again")).into());
            }
            let sheet = self.sheet_of(&workbook)?;
            let table = read_sheet(&mut workbook, &sheet, self.header_row, most);
            Ok(table.map_err(|problem| named(format!("sheet {sheet:?}: {problem}")))?)
        };
        // The library panics on the name of a cell beyond any sheet. Its overflow checks are on in every build, because
        // without them such a name would mean another cell.
        let table = quiet::caught(read)
            .unwrap_or_else(|_| Err(broken("it holds what no spreadsheet program writes".to_owned()).into()))?;
        Ok(Reading { table, proof: self.file.proof(), modified })
    }

    /// The sheet to read. With several sheets the settings must name one.
    fn sheet_of(&self, workbook: &Xlsx<Cursor<Vec<u8>>>) -> Result<String, ConfigError> {
        let sheets: Vec<_> =
            workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
        let names: Vec<&str> = sheets.iter().map(|sheet| &*sheet.name).collect();
        let (file, label) = (self.file.name(), &self.label);
        if let Some(wanted) = &self.sheet {
            if names.contains(&wanted.as_str()) {
                return Ok(wanted.clone());
            }
            let hint = match nearest(wanted, names.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("it has {}", listed(&names)),
            };
            return Err(ConfigError::Invalid(format!(
                "`sheet` in {label} is {wanted:?}, which {file} does not have; {hint}"
            )));
        }
        let mut visible = sheets.iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
        match (visible.next(), visible.next()) {
            (Some(sheet), None) => Ok(sheet.name.clone()),
            _ => Err(ConfigError::Invalid(format!(
                "{label}: {file} does not have just one visible sheet, but {}; say with `sheet` which one holds the people",
                listed(&names)
            ))),
        }
    }
}

impl Source for XlsxSource {
    fn kind(&self) -> &'static str {
        "xlsx"
    }

    fn identity(&self) -> BTreeMap<&'static str, String> {
        let Self { label: _, file: _, sheet, header_row } = self;
        let sheet = sheet.as_ref().map(|sheet| ("sheet", sheet.clone()));
        sheet.into_iter().chain(header_row.map(|row| ("header_row", row.to_string()))).collect()
    }

    fn read<'a>(&'a self, conditions: &'a Conditions<'a>) -> BoxFuture<'a, Result<Reading, ReadError>> {
        let (source, most) = (self.clone(), conditions.max_rows);
        Box::pin(blocking(move || source.read_whole(most)))
    }
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(SHEETS_SHOWN).map(|name| quoting::quoted(name)).collect();
    match names.len() {
        0 => "no sheet at all".to_owned(),
        number if number > SHEETS_SHOWN => format!("{number} sheets: {}, …", shown.join(", ")),
        _ => shown.join(", "),
    }
}

fn words(error: &XlsxError) -> String {
    match error {
        XlsxError::Password => "it is protected by a password; save it without one".to_owned(),
        error => error.to_string(),
    }
}

/// The cells of one row, by their column, counted from 0.
type Row = Vec<(u32, CellKind, String)>;

/// Collects rows; the first one that counts is the header.
struct Sheet {
    header_row: Option<u32>,
    /// How many records there may be.
    most: u64,
    columns: Option<Columns>,
}

/// The header and the records below it.
struct Columns {
    /// The index in the table of each of the sheet's columns.
    places: FxHashMap<u32, usize>,
    builder: TableBuilder,
}

fn read_sheet(
    workbook: &mut Xlsx<Cursor<Vec<u8>>>,
    name: &str,
    header_row: Option<u32>,
    most: u64,
) -> Result<Table, String> {
    let mut cells = workbook.worksheet_cells_reader(name).map_err(|error| words(&error))?;
    let mut sheet = Sheet { header_row, most, columns: None };
    let (mut row, mut at): (Row, Option<(u32, u32)>) = (Vec::new(), None);
    // Streamed, because the file may have a cell at the far end of a sheet of seventeen billion cells.
    while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(|error| words(&error))? {
        if at.is_some_and(|at| cell.pos <= at) {
            return Err(format!("cell {} does not come in order; save the workbook again", reference(cell.pos)));
        }
        if let Some((before, _)) = at.filter(|&(before, _)| before != cell.pos.0) {
            sheet.end_row(before, std::mem::take(&mut row))?;
        }
        at = Some(cell.pos);
        let read = read_cell(&cell.value, cell.formula.is_some());
        // The problem is an error only for a template that uses the cell.
        let (kind, text) =
            read.unwrap_or_else(|problem| (CellKind::Unreadable, format!("cell {} {problem}", reference(cell.pos))));
        if !text.is_empty() {
            row.push((cell.pos.1, kind, text));
        }
    }
    if let Some((last, _)) = at {
        sheet.end_row(last, row)?;
    }
    // After the cells the sheet must end; a second list of cells is an error.
    match cells.next_cell_with_formula_metadata() {
        Err(XlsxError::XmlEof(_)) => sheet.finish(),
        Err(error) => Err(words(&error)),
        Ok(_) => Err("it has more than one list of cells; save the workbook again".to_owned()),
    }
}

impl Sheet {
    /// Adds a complete row; `row` is counted from 0.
    fn end_row(&mut self, row: u32, cells: Row) -> Result<(), String> {
        if cells.is_empty() || self.header_row.is_some_and(|header| row + 1 < header) {
            return Ok(());
        }
        let Some(columns) = &mut self.columns else {
            if self.header_row.is_some_and(|header| row + 1 != header) {
                return Ok(());
            }
            self.columns = Some(Columns::new(row, cells, self.most)?);
            return Ok(());
        };
        columns.add(row, cells)
    }

    fn finish(self) -> Result<Table, String> {
        let columns = self.columns.ok_or_else(|| match self.header_row {
            Some(row) => format!("row {row}, which `header_row` names, is blank"),
            None => "has no header row".to_owned(),
        })?;
        Ok(columns.builder.finish())
    }
}

impl Columns {
    fn new(row: u32, cells: Row, most: u64) -> Result<Self, String> {
        let mut names: Vec<String> = Vec::with_capacity(cells.len());
        let mut places = FxHashMap::default();
        for (column, kind, text) in cells {
            if kind == CellKind::Unreadable {
                return Err(text);
            }
            let name = normal_text(&text).into_owned();
            if names.contains(&name) {
                return Err(format!("row {}, the header, has the column {} twice", row + 1, quoting::column(&name)));
            }
            places.insert(column, names.len());
            names.push(name);
        }
        Ok(Self { places, builder: TableBuilder::with_columns(names, 0).up_to(most) })
    }

    fn add(&mut self, row: u32, cells: Row) -> Result<(), String> {
        let Self { places, builder } = self;
        let mut cells_by_place: Vec<Option<(CellKind, String)>> = vec![None; builder.width()];
        for (column, kind, text) in cells {
            let place = places
                .get(&column)
                .ok_or_else(|| format!("cell {} has no column name above it", reference((row, column))))?;
            cells_by_place[*place] = Some((kind, text));
        }
        for cell in cells_by_place {
            let (kind, text) = cell.unwrap_or((CellKind::Text, String::new()));
            builder.cell(kind, &text);
        }
        builder.end_row(u64::from(row) + 1)
    }
}

/// The text form of what a cell holds.
fn read_cell(value: &DataRef<'_>, is_formula: bool) -> Result<(CellKind, String), String> {
    Ok(match value {
        DataRef::Empty if is_formula => {
            return Err(
                "holds a formula without its result; open and save the workbook in a spreadsheet program".into()
            );
        }
        DataRef::Empty => (CellKind::Text, String::new()),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => (CellKind::Text, written_out(text.trim())?),
        DataRef::String(text) => (CellKind::Text, text.trim().to_owned()),
        DataRef::SharedString(text) => (CellKind::Text, text.trim().to_owned()),
        DataRef::Int(number) => (CellKind::Integer, number.to_string()),
        DataRef::Float(number) => float(*number)?,
        DataRef::Bool(value) => (CellKind::Boolean, value.to_string()),
        DataRef::DateTime(time) => (CellKind::Text, date_or_time(time)?),
        DataRef::Error(error) => return Err(format!("holds the error {error}; correct it in the workbook")),
    })
}

fn float(number: f64) -> Result<(CellKind, String), String> {
    if !number.is_finite() {
        return Err("contains NaN or infinity instead of a number".to_owned());
    }
    if number.fract() == 0.0 && number.abs() < MOST_EXACT {
        // Adding zero turns -0 into 0.
        return Ok((CellKind::Integer, format!("{:.0}", number + 0.0)));
    }
    Ok((CellKind::Float, Value::from(number).to_string()))
}

/// `2026-11-27`, with a time that is not midnight `2026-11-27T08:30:00`, a time alone `08:30:00`, a duration
/// `36:30:00`.
fn date_or_time(time: &ExcelDateTime) -> Result<String, String> {
    let serial = time.as_f64();
    if !(0.0..AFTER_LAST_DAY).contains(&serial) {
        return Err(format!("holds the number {serial} as a date, which no date has"));
    }
    let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
    let mut clock = format!(":{minute:02}:{second:02}");
    if milli != 0 {
        // Writing to a string cannot fail.
        let _ = write!(clock, ".{milli:03}");
    }
    if time.is_duration() {
        return Ok(format!("{:02.0}{clock}", (serial * 24.0 + 1e-7).floor()));
    }
    let clock = format!("{hour:02}{clock}");
    Ok(match (serial < 1.0, &*clock) {
        (true, clock) => clock.to_owned(),
        (false, "00:00:00") => format!("{year:04}-{month:02}-{day:02}"),
        (false, clock) => format!("{year:04}-{month:02}-{day:02}T{clock}"),
    })
}

/// A date or a time that is stored as a text of ISO 8601 (`t="d"`), such as `2026-11-27T00:00:00.000Z`.
fn written_out(text: &str) -> Result<String, String> {
    let plain = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = plain.split_once('T').unwrap_or(if plain.contains('-') { (plain, "") } else { ("", plain) });
    let is_one = |part: &str, of: &[u8]| part.bytes().all(|byte| byte.is_ascii_digit() || of.contains(&byte));
    let is_day = day.is_empty() || day.as_bytes().get(4) == Some(&b'-') && day.parse::<jiff::civil::Date>().is_ok();
    let time = if clock.is_empty() { Ok(jiff::civil::Time::midnight()) } else { clock.parse() };
    let time = time.ok().filter(|_| is_day && is_one(day, b"-") && is_one(clock, b":.") && !plain.is_empty());
    let time = time.ok_or_else(|| format!("holds {} as a date, which is none", quoting::quoted(text)))?;
    let mut clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    if time.millisecond() != 0 {
        let _ = write!(clock, ".{:03}", time.millisecond());
    }
    Ok(match (day, &*clock) {
        ("", clock) => clock.to_owned(),
        (day, "00:00:00") => day.to_owned(),
        (day, clock) => format!("{day}T{clock}"),
    })
}

/// A cell as spreadsheets name it.
fn reference((row, column): (u32, u32)) -> String {
    let mut letters = String::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.insert(0, char::from(b'A' + u8::try_from((rest - 1) % 26).unwrap_or_default()));
        rest = (rest - 1) / 26;
    }
    format!("{letters}{}", row + 1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use calamine::{CellErrorType, ExcelDateTimeType};

    use super::*;

    #[test]
    fn cells_have_one_text_form() {
        let date = |serial, kind| DataRef::DateTime(ExcelDateTime::new(serial, kind, false));
        let iso = |text: &str| DataRef::DateTimeIso(text.to_owned());
        let (point, span) = (ExcelDateTimeType::DateTime, ExcelDateTimeType::TimeDelta);
        for (value, kind, text) in [
            (DataRef::SharedString(" Anna "), CellKind::Text, "Anna"),
            (DataRef::String("00123".to_owned()), CellKind::Text, "00123"),
            (DataRef::Float(1001.0), CellKind::Integer, "1001"),
            (DataRef::Float(-0.0), CellKind::Integer, "0"),
            (DataRef::Float(9_007_199_254_740_991.0), CellKind::Integer, "9007199254740991"),
            (DataRef::Float(0.5), CellKind::Float, "0.5"),
            (DataRef::Float(1e20), CellKind::Float, "100000000000000000000.0"),
            (DataRef::Int(7), CellKind::Integer, "7"),
            (DataRef::Bool(true), CellKind::Boolean, "true"),
            (date(46_353.0, point), CellKind::Text, "2026-11-27"),
            (date(46_353.354_166_666_664, point), CellKind::Text, "2026-11-27T08:30:00"),
            (date(0.354_166_666_666_666_64, point), CellKind::Text, "08:30:00"),
            (date(1.520_833_333_333_333_3, span), CellKind::Text, "36:30:00"),
            (iso("2026-11-27"), CellKind::Text, "2026-11-27"),
            (iso("2026-11-27T00:00:00"), CellKind::Text, "2026-11-27"),
            (iso(" 2026-11-27T00:00:00.000Z "), CellKind::Text, "2026-11-27"),
            (iso("2026-11-27T08:30:00Z"), CellKind::Text, "2026-11-27T08:30:00"),
            (iso("2026-11-27T08:30:00.5"), CellKind::Text, "2026-11-27T08:30:00.500"),
            (iso("T08:30:00"), CellKind::Text, "08:30:00"),
            (iso("08:30"), CellKind::Text, "08:30:00"),
            (DataRef::Empty, CellKind::Text, ""),
        ] {
            assert_eq!(read_cell(&value, false), Ok((kind, text.to_owned())), "{value:?}");
        }
        for (value, is_formula, expected) in [
            (DataRef::Error(CellErrorType::NA), false, "the error #N/A"),
            (DataRef::Empty, true, "a formula without its result"),
            (DataRef::Float(f64::NAN), false, "NaN or infinity"),
            (date(-1.0, point), false, "which no date has"),
            (iso("2026-02-30"), false, "holds \"2026-02-30\" as a date, which is none"),
            (iso("27-12-31"), false, "as a date, which is none"),
            (iso("20261127"), false, "as a date, which is none"),
            (iso("2026-11-27T08:30:00+01:00"), false, "as a date, which is none"),
            (iso("2026-11-27T25:00:00"), false, "as a date, which is none"),
            (iso("hello"), false, "as a date, which is none"),
            (iso(""), false, "as a date, which is none"),
        ] {
            let error = read_cell(&value, is_formula).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(read_cell(&DataRef::String(String::new()), true), Ok((CellKind::Text, String::new())));
    }

    #[test]
    fn cells_are_named_as_in_spreadsheets() {
        for (position, name) in [((0, 0), "A1"), ((6, 25), "Z7"), ((0, 26), "AA1"), ((1_048_575, 16_383), "XFD1048576")]
        {
            assert_eq!(reference(position), name);
        }
    }
}
