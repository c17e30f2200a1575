//! Excel workbooks, as another library writes them.

use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};

use super::*;

fn workbook(more: &str, fill: impl FnOnce(&mut Workbook)) -> Fixture {
    let mut workbook = Workbook::new();
    fill(&mut workbook);
    let bytes = workbook.save_to_buffer().unwrap();
    Fixture::new(&format!("{}{more}", source("hr", "xlsx", "hr.xlsx", "id")), &[("hr.xlsx", &bytes)])
}

fn sheet<'w>(workbook: &'w mut Workbook, name: &str, rows: &[&[&str]]) -> &'w mut Worksheet {
    let sheet = workbook.add_worksheet().set_name(name).unwrap();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells).filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string(row, column, *cell).unwrap();
        }
    }
    sheet
}

fn one(rows: &[&[&str]]) -> Fixture {
    workbook("", |workbook| {
        sheet(workbook, "People", rows);
    })
}

#[test]
fn the_rows_below_the_header_are_records() {
    let fixture = workbook("", |workbook| {
        let date = Format::new().set_num_format("yyyy-mm-dd");
        let sheet = sheet(workbook, "People", &[&[], &[" id ", "name", "since", "on"], &["", "Anna"], &[], &["002"]]);
        sheet.write_number(2, 0, 1001).unwrap();
        sheet.write_datetime_with_format(2, 2, ExcelDateTime::parse_from_str("2026-11-27").unwrap(), &date).unwrap();
        sheet.write_boolean(2, 3, true).unwrap();
        sheet.write_formula(4, 1, Formula::new("=\"B\"&\"o\"").set_result("Bo")).unwrap();
    });
    let records = fixture.read().unwrap();
    let told = rendered(&records, "{{ hr.id }}|{{ hr.name }}|{{ hr.since }}|{{ hr.on }}");
    assert_eq!(told, ["1001|Anna|2026-11-27|true", "002|Bo||"]);
    let rows: Vec<u64> = (0..2).map(|record| records.origin(record).row).collect();
    assert_eq!(rows, [3, 5]);
    let summary = &records.summaries()[0];
    assert_eq!((&*summary.kind, &*summary.proof), ("xlsx", "trusted"));
}

#[test]
fn sheets_and_headers_are_named_where_they_are_not_plain() {
    let two = |more: &str| {
        workbook(more, |workbook| {
            sheet(workbook, "Notes", &[&["id", "x"], &["9", "9"]]);
            sheet(workbook, "People", &[&["As of today"], &["id", "x"], &["1", "a"]]);
        })
    };
    let records = two("sheet = \"People\"\nheader_row = 2\n").read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.id }}{{ hr.x }}"), ["1a"]);
    let usage = ExitStatus::Usage;
    two("").refused(usage, &["does not have just one visible sheet, but \"Notes\", \"People\"", "`sheet`"]);
    two("sheet = \"Peple\"\n").refused(usage, &["`sheet` in [[source]] `hr` is \"Peple\"", "did you mean \"People\"?"]);
    two("sheet = \"People\"\n").refused(ExitStatus::Untrusted, &["cell B2 has no column name above it"]);
    two("sheet = \"People\"\nheader_row = 7\n").refused(ExitStatus::Untrusted, &["row 7, which `header_row` names"]);
    let hidden = workbook("", |workbook| {
        sheet(workbook, "People", &[&["id"], &["1"]]);
        sheet(workbook, "Lookups", &[&["x"]]).set_hidden(true);
    });
    assert_eq!(hidden.read().unwrap().len(), 1);
}

#[test]
fn what_a_sheet_cannot_be() {
    let untrusted = ExitStatus::Untrusted;
    one(&[]).refused(untrusted, &["sheet \"People\": has no header row"]);
    one(&[&["id", "id"], &["1", "2"]]).refused(untrusted, &["row 1, the header, has the column `id` twice"]);
    one(&[&["id", "", "n"], &["1", "2", "3"]]).refused(untrusted, &["cell B2 has no column name above it"]);
    one(&[&["nr"], &["1"]]).refused(ExitStatus::Usage, &["`key` in [[source]] `hr`"]);
    assert!(one(&[&["id", "n"]]).read().unwrap().is_empty());
    // Nothing in the row, though the file has cells there.
    assert_eq!(one(&[&["id", "n"], &["1", "a"], &[" ", " "]]).read().unwrap().len(), 1);
}

#[test]
fn a_cell_far_away_costs_nothing() {
    let fixture = workbook("", |workbook| {
        let sheet = sheet(workbook, "People", &[&["id"], &["1"]]);
        sheet.write_string(1_048_575, 16_383, " ").unwrap();
    });
    assert_eq!(fixture.read().unwrap().len(), 1);
}

#[test]
fn a_file_that_is_cut_or_something_else_is_refused() {
    let mut workbook = Workbook::new();
    sheet(&mut workbook, "People", &[&["id"], &["1"], &["2"]]);
    let whole = workbook.save_to_buffer().unwrap();
    for length in [1, 100, whole.len() / 2, whole.len() - 1] {
        Fixture::new(&source("hr", "xlsx", "hr.xlsx", "id"), &[("hr.xlsx", &whole[..length])])
            .refused(ExitStatus::Untrusted, &["source `hr`: ", "is not a workbook that can be read"]);
    }
    Fixture::new(&source("hr", "xlsx", "hr.xlsx", "id"), &[("hr.xlsx", b"id\n1\n")])
        .refused(ExitStatus::Untrusted, &["is not a workbook that can be read"]);
    // A digit of a sheet that is not packed, so that it still reads as one: the archive's checksum finds it.
    let mut plain = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut parts = zip::ZipArchive::new(std::io::Cursor::new(&whole)).unwrap();
    for part in 0..parts.len() {
        let mut part = parts.by_index(part).unwrap();
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        plain.start_file(part.name().unwrap(), options).unwrap();
        std::io::copy(&mut part, &mut plain).unwrap();
    }
    let mut plain = plain.finish().unwrap().into_inner();
    let read = |bytes: &[u8]| Fixture::new(&source("hr", "xlsx", "hr.xlsx", "id"), &[("hr.xlsx", bytes)]);
    assert_eq!(rendered(&read(&plain).read().unwrap(), "{{ hr.id }}"), ["1", "2"]);
    let at = plain.windows(8).position(|part| part == b"<t>2</t>").expect("a shared string") + 3;
    plain[at] = b'9';
    read(&plain).refused(ExitStatus::Untrusted, &["is not a workbook that can be read: its part ", "sharedStrings"]);
}

/// A sheet of three rows, with a piece of its XML replaced.
fn replaced(old: &str, new: &str) -> Fixture {
    changed(|name, text| (name.to_owned(), text.replace(old, new)))
}

/// A sheet of three rows, with the name and the XML of each part changed.
fn changed(change: impl Fn(&str, &str) -> (String, String)) -> Fixture {
    let mut workbook = Workbook::new();
    sheet(&mut workbook, "People", &[&["id"], &["1"], &["2"]]);
    let whole = workbook.save_to_buffer().unwrap();
    let mut parts = zip::ZipArchive::new(std::io::Cursor::new(&whole)).unwrap();
    let mut changed = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for part in 0..parts.len() {
        let part = parts.by_index(part).unwrap();
        let name = part.name().unwrap().into_owned();
        let (name, text) = change(&name, &std::io::read_to_string(part).unwrap());
        changed.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut changed, text.as_bytes()).unwrap();
    }
    let changed = changed.finish().unwrap().into_inner();
    Fixture::new(&source("hr", "xlsx", "hr.xlsx", "id"), &[("hr.xlsx", &changed)])
}

/// Programs differ in which of them they read.
#[test]
fn two_parts_of_one_name_are_no_workbook() {
    let untrusted = ExitStatus::Untrusted;
    let second = |name: &str| {
        let mut workbook = Workbook::new();
        sheet(&mut workbook, "People", &[&["id"], &["1"], &["2"]]);
        let whole = workbook.save_to_buffer().unwrap();
        let mut more = zip::ZipWriter::new_append(std::io::Cursor::new(whole)).unwrap();
        more.start_file("xl/other.part", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut more, b"<worksheet/>").unwrap();
        let mut bytes = more.finish().unwrap().into_inner();
        // The library would not write it under another's name: its name stands in the file twice.
        assert_eq!(name.len(), "xl/other.part".len());
        for at in 0..bytes.len() - name.len() {
            if bytes[at..].starts_with(b"xl/other.part") {
                bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
            }
        }
        Fixture::new(&source("hr", "xlsx", "hr.xlsx", "id"), &[("hr.xlsx", &bytes)])
    };
    assert_eq!(second("xl/other.part").read().unwrap().len(), 2);
    second("xl/styles.xml").refused(untrusted, &["is not a workbook that can be read: it has two parts of one name"]);
    for name in ["XL/styles.xml", "xl/Styles.XML", "xl\\styles.xml"] {
        second(name).refused(untrusted, &["it has a part ", "whose name differs from another's in nothing"]);
    }
}

#[test]
fn a_second_list_of_cells_is_no_sheet() {
    replaced("<row r=\"3\"", "</sheetData><sheetData><row r=\"3\"")
        .refused(ExitStatus::Untrusted, &["sheet \"People\": it has more than one list of cells"]);
}

#[test]
fn the_name_of_a_cell_that_no_sheet_has_is_not_that_of_another() {
    // 2³² and 3, and the letters of 26⁷ and so on: in 32 bits, both are A3.
    for name in ["A4294967299", "MWLQKWV3"] {
        let words = format!("its part \"xl/worksheets/sheet1.xml\" names the cell {name}, which no sheet has");
        replaced("r=\"A3\"", &format!("r=\"{name}\"")).refused(ExitStatus::Untrusted, &[&words]);
    }
    replaced("<sheetData", "<dimension ref=\"A1:ZZZZZZZ99999999999\"/><sheetData")
        .refused(ExitStatus::Untrusted, &["names the cell ZZZZZZZ99999999999, which no sheet has"]);
    assert_eq!(replaced("r=\"A3\"", "r=\"A4\"").read().unwrap().len(), 2);
}

/// The library makes room for as many texts as are declared, at once: the program would end without a word.
#[test]
fn the_number_of_texts_is_not_believed() {
    let declared = |number: &str, before: &str| {
        changed(|name, text| {
            let text = text.replace(" uniqueCount=\"3\"", &format!(" uniqueCount=\"{number}\""));
            (name.to_owned(), text.replace("<sst", &format!("{before}<sst")))
        })
    };
    for number in ["4294967295", "2000000000", "+50000000", "99999999999999999999"] {
        for before in ["", "<!-- \" -->", "<a>", "<?a '?>"] {
            declared(number, before).refused(
                ExitStatus::Untrusted,
                &["its part \"xl/sharedStrings.xml\" declares ", " texts, which its ", " bytes cannot hold"],
            );
        }
    }
    // Some programs write how many cells have a text.
    assert_eq!(declared("1000000", "").read().unwrap().len(), 2);
}

/// The library keeps these parts in memory, with copies, many times as large as they are in the file.
#[test]
fn what_is_beside_the_cells_is_bounded() {
    let untrusted = ExitStatus::Untrusted;
    let before = |end: &str, more: &str| replaced(end, &format!("{more}{end}"));
    let xfs = |number: usize| before("</cellXfs>", &"<xf numFmtId=\"164\"/>".repeat(number));
    assert_eq!(xfs(65_490).read().unwrap().len(), 2);
    let styles = "its part \"xl/styles.xml\" holds";
    xfs(600_000).refused(untrusted, &[styles, "more than 524288 formats, fonts, fills and borders"]);
    before("</fonts>", &"<font/>".repeat(600_000)).refused(untrusted, &[styles, "more than 524288 formats"]);
    before("</styleSheet>", &" ".repeat(33 << 20)).refused(untrusted, &[styles, "more than 32 MiB"]);
    // A few long ones that all formats of cells copy.
    let long = "x".repeat(100_000);
    for one in [
        format!("<fonts><font><name val=\"{long}\"/></font></fonts>"),
        format!("<numFmts><numFmt numFmtId=\"164\" formatCode=\"{long}\"/></numFmts>"),
        format!("<fills><fill><gradientFill>{}</gradientFill></fill></fills>", "<stop position=\"0\"/>".repeat(9000)),
    ] {
        let all = format!("{one}<x:cellXfs>{}</x:cellXfs>", "<x:xf numFmtId=\"164\"/>".repeat(60_000));
        before("</styleSheet>", &all).refused(untrusted, &[styles, "formats that are too long"]);
    }
    // The workbook can have any name.
    for name in ["workbook.xml", "w.bin"] {
        let book = |more: String| {
            changed(|part, text| {
                let text = text.replace("</sheets>", &format!("{more}</sheets>"));
                (part.replace("workbook.xml", name), text.replace("workbook.xml", name))
            })
        };
        let part = format!("its part \"xl/{name}\" holds more than");
        assert_eq!(book(" ".repeat(1 << 20)).read().unwrap().len(), 2);
        book("<definedName/>".repeat(3_000_000)).refused(untrusted, &[&part, "32 MiB"]);
        book("<sheet name=\"S\"/>".repeat(5000)).refused(untrusted, &[&part, "4096 sheets"]);
    }
    let target = format!("<Relationship Id=\"x\" Target=\"{long}\"/></Relationships>");
    replaced("</Relationships>", &target).refused(untrusted, &[".rels\" has a relationship that is too long"]);
}
