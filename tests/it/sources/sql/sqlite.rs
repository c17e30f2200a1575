//! SQLite: a file beside the settings.

use std::process::Command;

use super::{leads_where_the_file_does, one_record, people, refuses, small};
use crate::harness::Company;
use crate::servers::{program, run, sqlite};

const SOURCE: &str = "url = \"sqlite:hr.db\"\nquery = \"SELECT * FROM people\"";

/// Runs statements on a file of the company's.
fn sql(company: &Company, file: &str, statements: &str) {
    sqlite(&company.path(file), statements);
}

fn with_people(source: &str) -> Company {
    let company = small(source);
    sql(&company, "hr.db", &people());
    company
}

#[test]
fn the_plan_is_that_of_the_same_list_in_a_file() {
    let company = with_people(SOURCE);
    leads_where_the_file_does(&company);
    // A database in use, whose newest content is in a file beside it.
    sql(
        &company,
        "hr.db",
        "PRAGMA journal_mode = WAL; UPDATE people SET first_name = 'Åsa' WHERE employee_id = '1010'",
    );
    assert_eq!(company.plan(0)["summary"]["update"], 1);
}

/// The files of a database, with what they hold.
fn files(company: &Company) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(company.path("hr.db").parent().expect("a folder")).expect("read");
    let names = entries.map(|entry| entry.expect("read").file_name().into_string().expect("a text"));
    let mut names: Vec<_> = names.filter(|name| name.starts_with("hr.db")).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), company.read_bytes(&name))).collect()
}

#[test]
fn nothing_beside_the_file_is_made_changed_or_deleted() {
    // What other files are beside it does not make an empty file a database.
    for ending in ["", "-wal", "-journal"] {
        let company = small(SOURCE);
        company.write("hr.db", "");
        if !ending.is_empty() {
            company.write(&format!("hr.db{ending}"), "the newest changes");
        }
        let before = files(&company);
        refuses(&company, 4, &["source `hr`", "hr.db", "is empty"], &[]);
        assert_eq!(files(&company), before, "{ending}");
    }
    let company = with_people(SOURCE);
    let before = files(&company);
    leads_where_the_file_does(&company);
    assert_eq!(files(&company), before);
    // A log that was written back and removed is not made anew, beside the file or beside a link to it.
    sql(
        &company,
        "hr.db",
        "PRAGMA journal_mode = WAL; UPDATE people SET first_name = 'Åsa' WHERE employee_id = '1010'",
    );
    let before = files(&company);
    assert_eq!(before.len(), 1);
    assert_eq!(company.plan(0)["summary"]["update"], 1);
    assert_eq!(files(&company), before);
    std::fs::create_dir(company.path("elsewhere")).expect("made");
    std::fs::rename(company.path("hr.db"), company.path("elsewhere/hr.db")).expect("moved");
    std::os::unix::fs::symlink("elsewhere/hr.db", company.path("hr.db")).expect("linked");
    assert_eq!(company.plan(0)["summary"]["update"], 1);
    assert_eq!((files(&company).len(), std::fs::read_dir(company.path("elsewhere")).expect("read").count()), (1, 1));
}

#[test]
fn the_newest_changes_in_a_log_are_read() {
    let company = with_people(SOURCE);
    leads_where_the_file_does(&company);
    let script = "import sqlite3, shutil, sys\nc = sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()\n\
                  [shutil.copy(sys.argv[1] + end, sys.argv[3] + end) for end in ['', '-wal']]\n";
    let change = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
        UPDATE people SET first_name = 'Åsa' WHERE employee_id = '1010'";
    let mut python = Command::new(program("python3"));
    python.args(["-c", script]).arg(company.path("hr.db")).arg(change).arg(company.path("copy.db"));
    run(&mut python);
    for ending in ["", "-wal"] {
        std::fs::rename(company.path(&format!("copy.db{ending}")), company.path(&format!("hr.db{ending}")))
            .expect("moved");
    }
    let log = company.read_bytes("hr.db-wal");
    assert!(!log.is_empty());
    assert_eq!(company.plan(0)["summary"]["update"], 1);
    assert!(company.read_bytes("hr.db-wal") == log);
}

#[test]
fn a_file_that_cannot_be_read_gives_no_plan() {
    refuses(&small(SOURCE), 4, &["source `hr`", "cannot read", "hr.db", "No such file"], &[]);
    let company = small(SOURCE);
    company.write("hr.db", "these are not the people that you are looking for, and it goes on for a while".repeat(20));
    refuses(&company, 4, &["source `hr`", "hr.db", "not a database"], &[]);
    let company = with_people(SOURCE);
    let mut cut = company.read_bytes("hr.db");
    cut.truncate(cut.len() / 2);
    company.write("hr.db", cut);
    refuses(&company, 4, &["source `hr`", "hr.db", "malformed"], &[]);
    for (lost, query) in [(1, "SELECT * FROM people"), (300, "SELECT * FROM people WHERE email IS NOT NULL")] {
        let company = with_people(&format!("url = \"sqlite:hr.db\"\nquery = \"{query}\""));
        let mut cut = company.read_bytes("hr.db");
        cut.truncate(cut.len() - lost);
        company.write("hr.db", cut);
        refuses(&company, 4, &["source `hr`", "hr.db was cut", "pages have 4096"], &[]);
    }
    // As a copy that ended early in a file of the right size.
    let company = with_people("url = \"sqlite:hr.db\"\nquery = \"SELECT * FROM people WHERE email IS NOT NULL\"");
    let mut zeros = company.read_bytes("hr.db");
    let whole = zeros.len();
    zeros.truncate(whole - 600);
    zeros.resize(whole, 0);
    company.write("hr.db", zeros);
    refuses(&company, 4, &["source `hr`", "hr.db is damaged", "copy it again"], &[]);
    let company = small(SOURCE);
    sql(&company, "hr.db", &format!("PRAGMA encoding = 'UTF-16le';{}", people()));
    refuses(&company, 4, &["source `hr`", "hr.db", "UTF-16le"], &[]);
}

#[test]
fn a_query_that_cannot_be_run_gives_no_plan_and_nothing_is_written() {
    for (query, code, says) in [
        ("SELECT * FROM persons", 4, &["source `hr`", "no such table"][..]),
        ("DELETE FROM people RETURNING *", 4, &["source `hr`", "readonly"]),
        ("SELECT * FROM people; DELETE FROM people", 3, &["`query` in [[source]] `hr`", "more than one statement"]),
        ("COMMIT; VACUUM INTO 'stolen.db'", 3, &["`query` in [[source]] `hr`", "more than one statement"]),
        ("VACUUM INTO 'stolen.db'", 3, &["`query` in [[source]] `hr`", "not a query that returns rows"]),
        ("DELETE FROM people", 3, &["`query` in [[source]] `hr`", "not a query that returns rows"]),
        ("SELECT *, email FROM people", 3, &["`query` in [[source]] `hr`", "\"email\" twice"]),
        ("SELECT * FROM people WHERE email = :mail", 3, &["`query` in [[source]] `hr`", "parameter"]),
    ] {
        let company = with_people(&format!("url = \"sqlite:hr.db\"\nquery = '''{query}'''"));
        let before = company.read_bytes("hr.db");
        refuses(&company, code, says, &[]);
        assert!(company.read_bytes("hr.db") == before && !company.exists("stolen.db"), "{query}");
    }
}

#[test]
fn each_value_is_taken_as_what_it_is() {
    let table = "CREATE TABLE types (id INTEGER, yes BOOLEAN, no BOOLEAN, two BOOLEAN, num NUMERIC, ratio REAL, text TEXT,
        bin BLOB, nil TEXT, day DATE, anything);
        INSERT INTO types VALUES (7, 1, 0, 2, 4100.00, 0.1, '  padded ', x'4fab', NULL, '2026-11-27', 9223372036854775807);";
    let expected = [
        ("{{ hr.id + 1 }}", "8"),
        ("{{ hr.yes }} {{ hr.no }} {{ hr.two }}", "true false 2"),
        ("{{ hr.num }} {{ hr.ratio }}", "4100 0.1"),
        ("[{{ hr.text }}] {{ hr.bin }} [{{ hr.nil }}]", "[padded] 4fab []"),
        ("{{ hr.day }} {{ hr.anything }}", "2026-11-27 9223372036854775807"),
    ];
    let templates: Vec<&str> = expected.iter().map(|(template, _)| *template).collect();
    let texts: Vec<&str> = expected.iter().map(|(_, text)| *text).collect();
    let company = one_record("url = \"sqlite:hr.db\"\nquery = \"SELECT * FROM types;\"", &templates.join(" ; "));
    sql(&company, "hr.db", table);
    assert_eq!(company.plan(0)["operations"][0]["after"]["first_name"], texts.join(" ; "));
    sql(&company, "hr.db", "UPDATE types SET text = CAST(x'41ff' AS TEXT)");
    std::fs::remove_file(company.path("plan.json")).expect("removed");
    refuses(&company, 4, &["source `hr`", "row 1 of the result", "\"text\" is not UTF-8 from its byte 2 on"], &[]);
}

#[test]
fn names_that_are_not_utf_8_are_an_error_and_no_defect() {
    for (declared, broken) in [("Zzzzzzzz TEXT", "Zzzzzzzz"), ("x QQQQQQQQ", "QQQQQQQQ")] {
        let company = small("url = \"sqlite:hr.db\"\nquery = \"SELECT * FROM t\"");
        sql(
            &company,
            "hr.db",
            &format!("CREATE TABLE t(employee_id TEXT, {declared}); INSERT INTO t VALUES ('1', 'x')"),
        );
        let mut bytes = std::fs::read(company.path("hr.db")).expect("read");
        let at = bytes.windows(broken.len()).position(|part| part == broken.as_bytes()).expect("it is there");
        bytes[at + 1..at + 5].copy_from_slice(b"\xff\xfe\xc3\xf0");
        std::fs::write(company.path("hr.db"), bytes).expect("written");
        let output = company.run(&["plan"]).ends(4).says(&["source `hr`", "may not be UTF-8"]);
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
}
