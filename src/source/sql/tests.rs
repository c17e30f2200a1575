#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::cell::RefCell;
use std::path::Path;

use toml::de::DeTable;

use super::address::Tls;
use super::form::Form;
use super::statement::is_several;
use super::*;
use crate::setting::section::Document;
use crate::source::cell::CellKind;
use crate::source::table::TableBuilder;

fn source(settings: &str) -> Result<SqlSource, String> {
    let text = format!("query = \"SELECT 1\"\n{settings}");
    let table = DeTable::parse(&text).unwrap();
    let secrets = std::sync::Arc::default();
    let path = Path::new("company/skovik-sync.toml");
    let document = Document { text: &text, path, files: &RefCell::default(), secrets: &secrets };
    let section = Section::root(document, table.get_ref()).named("[[source]] `hr`".to_owned());
    SqlSource::from_section(&section.only(SqlSource::KEYS).map_err(|error| error.to_string())?)
        .map_err(|error| error.to_string())
}

fn address(settings: &str) -> Address {
    source(settings).unwrap().address
}

#[test]
fn urls_lead_to_databases() {
    let Address::Postgres(server, _) = address("url = \"postgres://re%40der@db.example.com/hr%20data\"") else {
        panic!()
    };
    assert_eq!(
        (&*server.user, &*server.host, server.port, &*server.database),
        ("re@der", "db.example.com", 5432, "hr data")
    );
    assert!(matches!(server.tls, Tls::Verify { ca_file: None }));
    let Address::MySql(server) = address("url = \"mariadb://reader@[::1]:3307/hr\"") else { panic!() };
    assert_eq!((&*server.host, server.port, &*server.name()), ("::1", 3307, "[::1]:3307"));
    assert!(matches!(server.tls, Tls::Off));
    let Address::Postgres(server, _) = address("url = \"postgresql://r@localhost/hr\"\nsocket = \"run\"") else {
        panic!()
    };
    assert_eq!((&*server.host, &*server.name()), ("localhost", "company/run"));
    for (url, path) in [
        ("sqlite:hr.db", "./company/hr.db"),
        ("sqlite://hr.db", "./company/hr.db"),
        ("sqlite:///var/hr.db", "/var/hr.db"),
        ("sqlite::memory:", "./company/:memory:"),
    ] {
        let Address::Sqlite(found) = address(&format!("url = \"{url}\"")) else { panic!() };
        assert_eq!(found, Path::new(path));
    }
}

#[test]
fn what_would_show_a_secret_or_says_nothing_is_refused() {
    let server = "url = \"postgres://reader@db.example.com/hr\"";
    for (settings, expected) in [
        ("url = \"postgres://reader:hunter2@db.example.com/hr\"", "must not hold a password"),
        ("url = \"postgres://reader@db.example.com/hr?password=hunter2\"", "without ? or #"),
        ("url = \"hunter2\"", "must begin with postgres:"),
        ("url = \"oracle://reader:hunter2@db/hr\"", "must begin with postgres:"),
        ("url = \"postgres://db.example.com/hr\"", "names no user"),
        ("url = \"postgres://reader@db.example.com\"", "names no database"),
        ("url = \"postgres:///hr\"", "names no host"),
        ("url = \"postgres://reader@/hr\"", "is not a URL: empty host"),
        ("url = \"postgres://reader@db:hunter2/hr\"", "is not a URL"),
        ("url = \"sqlite:hr.db?mode=rwc\"", "nothing after it"),
        ("url = \"sqlite:hr.db\"\npassword_env = \"P\"", "does not go with sqlite"),
        ("url = \"sqlite:hr.db\"\nrow_security = \"allowed\"", "goes with postgres only"),
        ("url = \"mysql://reader@db.example.com/hr\"\nrow_security = \"error\"", "goes with postgres only"),
        (&format!("{server}\nrow_security = \"off\""), "must be \"error\" or \"allowed\""),
        (&format!("{server}\ntls = \"off\""), "plain_text = \"allowed\""),
        (&format!("{server}\nplain_text = \"allowed\""), "has no effect"),
        (&format!("{server}\nsocket = \"/run/postgresql\""), "write localhost"),
        (&format!("{server}\ntls = \"off\"\nplain_text = \"allowed\"\nca_file = \"ca.pem\""), "does not go with tls"),
        ("url = \"postgres://r@localhost/hr\"\nsocket = \"/run\"\ntls = \"verify\"", "does not go with `socket`"),
        (&format!("{server}\nquery_file = \"x.sql\""), "is set together with `query`"),
        ("url = \"postgres://r@localhost/hr\"\npassword_env = \"A\"\npassword_file = \"b\"", "is set together with"),
    ] {
        let error = source(settings).unwrap_err();
        assert!(error.contains(expected) && !error.contains("hunter2"), "{settings}: {error}");
    }
    let plain = source(&format!("{server}\ntls = \"off\"\nplain_text = \"allowed\"")).unwrap();
    assert!(matches!(plain.address, Address::Postgres(server, _) if matches!(server.tls, Tls::Off)));
}

#[test]
fn what_a_query_says_is_what_identifies_it() {
    let identity = |settings: &str| source(settings).unwrap().identity();
    let first = identity("url = \"postgres://reader@db.example.com/hr\"");
    assert_eq!(first, identity("url = \"postgresql://other@localhost:1/b\"\npassword_env = \"P\"\ntls = \"off\""));
    let expected = [("database", "postgres"), ("query", "SELECT 1"), ("row_security", "error")];
    assert_eq!(first, BTreeMap::from(expected.map(|(key, value)| (key, value.to_owned()))));
    assert_ne!(first, identity("url = \"postgres://reader@db.example.com/hr\"\nrow_security = \"allowed\""));
    assert_ne!(first, identity("url = \"mysql://reader@db.example.com/hr\""));
}

#[test]
fn several_statements_are_told_from_one() {
    for one in [
        "SELECT 1",
        "SELECT 1 ; ",
        "SELECT ';' ; -- the end; really\n/* ; SELECT */ ;",
        "SELECT 'it''s; fine', \"a;b\", `c;d`, [e;f] FROM t",
        "SELECT 1 -- a; b",
        "SELECT 1 /* a; b",
        "SELECT 'ä;",
    ] {
        assert!(!is_several(one), "{one}");
    }
    for several in ["SELECT 1; SELECT 2", "COMMIT;DELETE FROM t", "SELECT ''; /* x */ y", "SELECT 1;\n-- x\nä"] {
        assert!(is_several(several), "{several}");
    }
}

#[test]
fn values_have_the_same_form_whatever_prints_them() {
    let list = |form| Form::List(Box::new(form));
    let of_spreadsheet = "it holds #N/A, which is an error of a spreadsheet and no value; correct the list";
    let (too_long, many) = (format!("[{}1]", " ".repeat(1024 * 1024)), format!("{{{}1}}", "1,".repeat(524_288)));
    for (form, printed, kind, expected) in [
        (Form::Text, " a ", CellKind::Text, "a"),
        (Form::Boolean, "t", CellKind::Boolean, "true"),
        (Form::Boolean, "0", CellKind::Boolean, "false"),
        (Form::Boolean, "2", CellKind::Integer, "2"),
        (Form::Integer, "000042", CellKind::Integer, "42"),
        (Form::Integer, "-9223372036854775808", CellKind::Integer, "-9223372036854775808"),
        (Form::Float, "1.10", CellKind::Float, "1.1"),
        (Form::Float, "4100", CellKind::Float, "4100.0"),
        (Form::Float, "-Infinity", CellKind::Text, "-Infinity"),
        (Form::Timestamp, "2026-11-27 08:00:00", CellKind::Text, "2026-11-27T08:00:00"),
        (Form::Timestamp, "2026-11-27 08:00:00.000", CellKind::Text, "2026-11-27T08:00:00"),
        (Form::Timestamp, "0044-03-15 12:00:00.10 BC", CellKind::Text, "0044-03-15T12:00:00.1 BC"),
        (Form::TimestampUtc, "2026-11-27 06:00:00.50+00", CellKind::Text, "2026-11-27T06:00:00.5Z"),
        (Form::TimestampUtc, "2026-11-27 06:00:00", CellKind::Text, "2026-11-27T06:00:00Z"),
        (Form::TimestampUtc, "-infinity", CellKind::Text, "-infinity"),
        (Form::Time, "08:00:00.500+02", CellKind::Text, "08:00:00.5+02"),
        (Form::Json, "[1, 2]", CellKind::Structured, "[1, 2]"),
        (Form::Json, "null", CellKind::Text, ""),
        (Form::Json, "4100.50", CellKind::Float, "4100.5"),
        (Form::Hexadecimal, "\\x00ff", CellKind::Text, "00ff"),
        (list(Form::Text), "{}", CellKind::Structured, "[]"),
        (
            list(Form::Text),
            r#"{a,"b \"c\" \\ ,}",NULL,"NULL",""}"#,
            CellKind::Structured,
            r#"["a","b \"c\" \\ ,}",null,"NULL",""]"#,
        ),
        (list(Form::Integer), "{{1,2},{3,4}}", CellKind::Structured, "[[1,2],[3,4]]"),
        (list(Form::Integer), "[0:1]={7,8}", CellKind::Structured, "[7,8]"),
        (list(Form::Boolean), "{t,f}", CellKind::Structured, "[true,false]"),
        (list(Form::Float), "{1.50,NaN}", CellKind::Structured, "[1.5,\"NaN\"]"),
        (list(Form::TimestampUtc), "{\"2026-11-27 06:00:00+00\"}", CellKind::Structured, "[\"2026-11-27T06:00:00Z\"]"),
        (list(Form::Json), r#"{"{\"a\": [1]}"}"#, CellKind::Structured, r#"[{"a": [1]}]"#),
        // What cannot be read is an error only for whoever uses it.
        (Form::Json, r##"["x", "#N/A"]"##, CellKind::Unreadable, of_spreadsheet),
        (Form::Json, r#"{"a": 1, "a": 2}"#, CellKind::Unreadable, "the property `a` appears twice in one object"),
        (Form::Json, &too_long, CellKind::Unreadable, "a list or an object in it has more than 1024 KiB"),
        (list(Form::Text), r##"{x,"#N/A"}"##, CellKind::Unreadable, of_spreadsheet),
        (list(Form::Text), r##"{{x},{"#N/A"}}"##, CellKind::Unreadable, of_spreadsheet),
        (list(Form::Json), r##"{1,"\"#N/A\""}"##, CellKind::Unreadable, of_spreadsheet),
        (list(Form::Json), r##"{1,"[\"#N/A\"]"}"##, CellKind::Unreadable, of_spreadsheet),
        (list(Form::Integer), &many, CellKind::Unreadable, "a list or an object in it has more than 1024 KiB"),
    ] {
        let found = form.cell(printed.as_bytes()).unwrap();
        assert_eq!((found.0, &*found.1), (kind, expected), "{form:?} {printed}");
    }
    assert_eq!(Form::Bytes.cell(b"O\xab\0").unwrap().1, "4fab00");
    assert_eq!(Form::Bits.cell(&[2, 1]).unwrap().1, "513");
    for (form, printed, expected) in [
        (Form::Text, &b"a\xff"[..], "not UTF-8 from its byte 2"),
        (Form::TimestampUtc, b"2026-11-27 06:00:00+02", "not in UTC"),
        (Form::TimestampUtc, b"2026-11-27 06:00:00.5-05", "not in UTC"),
        (Form::TimestampUtc, b"0044-03-15 12:00:00-05:30 BC", "not in UTC"),
        (list(Form::Text), b"{a", "cannot be read"),
        (list(Form::Text), b"{a}}", "cannot be read"),
        (list(Form::Text), b"{\"a}", "cannot be read"),
        (list(Form::Text), b"", "cannot be read"),
    ] {
        let error = form.cell(printed).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn rows_have_an_order_of_their_own() {
    let table = |rows: &[[&str; 2]]| {
        let mut builder = TableBuilder::with_columns(vec!["a".to_owned(), "b".to_owned()], 0);
        for (row, number) in rows.iter().zip(1..) {
            builder.cell(CellKind::Integer, row[0]);
            builder.cell(CellKind::Text, row[1]);
            builder.end_row(number).unwrap();
        }
        let table = builder.finish().in_order_of_content().unwrap();
        let row = |row| (table.row_number(row), table.cell(row, 0).text.to_owned(), table.cell(row, 1).text.to_owned());
        assert!(table.knows_its_columns());
        (0..table.len()).map(row).collect::<Vec<_>>()
    };
    let expected = [(1, "1", "x"), (2, "1", "y"), (3, "10", ""), (4, "2", "z")];
    let expected = expected.map(|(number, a, b)| (number, a.to_owned(), b.to_owned()));
    assert_eq!(table(&[["2", "z"], ["1", "y"], ["10", ""], ["1", "x"]]), expected);
    assert_eq!(table(&[["1", "x"], ["10", ""], ["1", "y"], ["2", "z"]]), expected);
    assert_eq!(table(&[]), []);
}
