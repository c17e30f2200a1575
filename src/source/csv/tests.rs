#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;

use super::*;

fn table(text: &str, delimiter: char) -> Result<Table, String> {
    format(Some(&delimiter.to_string()), Header::First).read(text, u64::MAX)
}

fn format(delimiter: Option<&str>, header: Header) -> CsvFormat {
    CsvFormat { delimiter: delimiter.map(str::to_owned), encoding: Encoding::Utf8, header }
}

/// The cells of a list, row by row, with their number.
fn told(table: &Table) -> Vec<(u64, Vec<&str>)> {
    let cells = |row| (0..table.columns().len()).map(|column| table.cell(row, column).text).collect();
    (0..table.len()).map(|row| (table.row_number(row), cells(row))).collect()
}

fn rows(text: &str, delimiter: char) -> Result<Vec<(u64, Vec<String>)>, String> {
    rows_by(text, &delimiter.to_string())
}

fn rows_by(text: &str, delimiter: &str) -> Result<Vec<(u64, Vec<String>)>, String> {
    let mut rows = Rows::new(text, delimiter);
    let (mut found, mut cells) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next(&mut cells)? {
        found.push((row, cells.iter().map(|cell| cell.to_string()).collect()));
    }
    Ok(found)
}

#[test]
fn rows_are_numbered_as_spreadsheets_do() {
    let text = "a,b\r\n\r\n\"x\ny\",\"1 \"\"2\"\"\"\r\n3,4\n\n5,6\r7,8";
    let cells = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
    assert_eq!(
        rows(text, ',').unwrap(),
        [
            (1, cells(["a", "b"])),
            (3, cells(["x\ny", "1 \"2\""])),
            (4, cells(["3", "4"])),
            (6, cells(["5", "6"])),
            (7, cells(["7", "8"])),
        ]
    );
    assert_eq!(rows("a,\n,", ',').unwrap(), [(1, cells(["a", ""])), (2, cells(["", ""]))]);
    assert_eq!(rows("", ',').unwrap(), []);
}

#[test]
fn quotes_are_strict() {
    // A lenient reader would make one row of these two people, and no row would be ragged.
    let swallowed = "id,name,mail\n1,\"Anna,a@x\n2,\"Bo,b@x\n";
    for (text, expected) in [
        (swallowed, "row 2: something follows the quote"),
        ("a,b\n1,\"An", "row 2: a cell begins with a quote and does not end"),
        ("\"a\" ,b", "row 1: something follows the quote"),
    ] {
        let error = rows(text, ',').unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(rows("5\" pipe,x", ',').unwrap()[0].1, ["5\" pipe", "x"]);
}

#[test]
fn what_a_header_or_row_cannot_be() {
    for (text, expected) in [
        ("\n\n", "no header"),
        ("a,,b\n", "no name for column 2"),
        ("a,b,a\n", "`a` twice"),
        // The same letter, composed and decomposed.
        ("\u{e5},a\u{30a}\n", "twice"),
        ("a,b\n1,2\n3\n", "row 3 has 1 cells, but the header has 2"),
        ("a,b\n1,2,3\n", "row 2 has 3 cells"),
    ] {
        let error = table(text, ',').unwrap_err();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
    assert_eq!(table("a,b\n", ',').unwrap().len(), 0);
    assert_eq!(table("a;b\n1;2\n;\n ; \n", ';').unwrap().len(), 1);
}

#[test]
fn delimiters_are_some_characters() {
    for (text, expected) in [
        (";", Some(";")),
        ("\t", Some("\t")),
        ("tab", Some("\t")),
        ("\\t", Some("\t")),
        ("\u{a6}", Some("\u{a6}")),
        ("+|", Some("+|")),
        ("", None),
        ("\"", None),
        ("|\"", None),
        ("\n", None),
        ("123456789", None),
    ] {
        assert_eq!(delimiter(text).as_deref(), expected, "{text:?}");
    }
}

#[test]
fn a_delimiter_can_have_several_characters() {
    let read = |text: &str| rows_by(text, "+|").unwrap().into_iter().map(|(_, cells)| cells).collect::<Vec<_>>();
    assert_eq!(
        read("a+|b+|c\n1+2+||3+|\"x+|\"\"y\"\"\"\n+|+|\n"),
        [["a", "b", "c"], ["1+2", "|3", "x+|\"y\""], ["", "", ""]]
    );
    let table = format(Some("+|"), Header::First).read("id+|n\n1+|a\n", u64::MAX).unwrap();
    assert_eq!(told(&table), [(2, vec!["1", "a"])]);
}

#[test]
fn the_delimiter_that_excel_states_counts() {
    let text = |first: &str| format!("{first}\nid;n\n1;a,b\n");
    for first in ["sep=;", "SEP=;", "\"sep=;\"", "sep=;\r"] {
        for delimiter in [None, Some(";")] {
            let table = format(delimiter, Header::First).read(&text(first), u64::MAX).unwrap();
            assert_eq!(told(&table), [(2, vec!["1", "a,b"])], "Excel does not count the line: {first}");
        }
    }
    let error = format(Some("|"), Header::First).read(&text("sep=;"), u64::MAX).unwrap_err();
    assert!(error.contains("its delimiter is \";\", but `delimiter` is \"|\""), "{error}");
    assert_eq!(
        told(&format(None, Header::First).read("sep=\t\nid\tn\n1\t2\n", u64::MAX).unwrap()),
        [(2, vec!["1", "2"])]
    );
    // A column of that name is a column.
    assert_eq!(format(None, Header::First).read("sep=\n1\n", u64::MAX).unwrap().columns(), ["sep=".into()]);
    assert_eq!(header(b"sep=;\nid;n\n", ';', "utf-8").unwrap(), ["id", "n"]);
    assert_eq!(header(b"sep=;\nid;n\n", ',', "utf-8"), None);
}

#[test]
fn the_header_can_stand_anywhere_or_in_the_settings() {
    let titled = "Staff list\n\nas of,28 November\nid,n\n1,a\n";
    let table = format(None, Header::Row(4)).read(titled, u64::MAX).unwrap();
    assert_eq!((table.columns(), told(&table)), (&["id".into(), "n".into()][..], vec![(5, vec!["1", "a"])]));
    let error = format(None, Header::Row(2)).read(titled, u64::MAX).unwrap_err();
    assert_eq!(error, "row 2, which `header_row` names, is blank");
    assert_eq!(
        format(None, Header::Row(9)).read(titled, u64::MAX).unwrap_err(),
        "row 9, which `header_row` names, is blank"
    );
    let error = format(None, Header::First).read("Staff list\nid,n\n1,a\n2,b\n", u64::MAX).unwrap_err();
    assert!(error.starts_with("3 rows do not have as many cells as the header, which has 1: row 2 has 2, row 3 has 2"));
    assert!(error.contains("set `header_row`"), "{error}");
    let given = || Header::Given(vec!["id".to_owned(), "n".to_owned()]);
    assert_eq!(
        told(&format(None, given()).read("1,a\n2,b\n", u64::MAX).unwrap()),
        [(1, vec!["1", "a"]), (2, vec!["2", "b"])]
    );
    let error = format(None, given()).read("1,a\n2\n", u64::MAX).unwrap_err();
    assert!(error.contains("row 2 has 1 cells, but `columns` has 2"), "{error}");
}

#[test]
fn ragged_rows_are_counted() {
    let rows: String = (0..20).map(|n| if n % 2 == 0 { "1,2\n" } else { "1,2,3\n" }).collect();
    let error = table(&format!("a,b\n{rows}"), ',').unwrap_err();
    let expected = "10 rows do not have as many cells as the header, which has 2: row 3 has 3, row 5 has 3, row 7 has 3, …; \
                    a delimiter within a cell needs quotes around it";
    assert!(error.starts_with(expected), "{error}");
}

proptest! {
    #[test]
    fn what_the_csv_crate_writes_is_read_back(
        delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|', b':', b'x', b' ']),
        crlf in any::<bool>(),
        table in (1..5usize).prop_flat_map(|width| {
            prop::collection::vec(prop::collection::vec("[ax;,|:\"\\t\\r\\n \u{e5}]{0,4}", width), 1..6)
        }),
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer =
            csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let read: Vec<Vec<String>> =
            rows(&text, char::from(delimiter)).unwrap().into_iter().map(|(_, cells)| cells).collect();
        // A row of one blank cell is a blank line.
        let written: Vec<Vec<String>> =
            table.into_iter().filter(|row| row.len() > 1 || !row[0].trim().is_empty()).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a,;\"\\r\\n\u{e5}]{0,40}") {
        let _ = table(&text, ',');
        let _ = table(&text, '\u{e5}');
    }
}

#[test]
fn a_list_without_a_header_and_without_a_row_is_lost() {
    let given = format(None, Header::Given(vec!["id".to_owned(), "name".to_owned()]));
    for text in ["\n", "\u{feff}", "\u{feff}\r\n", " ", "\n\n", ",\n,\n", "sep=,\n"] {
        let error = given.table(text.as_bytes(), u64::MAX).map(|_| ()).unwrap_err();
        assert!(error.starts_with("is empty; a list with nobody in it"), "{text:?}: {error}");
    }
    assert_eq!(given.table(b"1,Anna\n", u64::MAX).unwrap().len(), 1);
    // A header says that this is the list.
    assert_eq!(table("id,name\n", ',').unwrap().len(), 0);
}
