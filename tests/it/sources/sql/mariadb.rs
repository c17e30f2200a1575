//! MariaDB: the same with its own types and its own ways to fail.

use serde_json::json;

use super::{
    ended, is_planned_as_from_the_file, knowing, leads_where_the_file_does, people, planning, prints, refuses,
    shows_none_of, small, until,
};
use crate::servers::certificates::Authority;
use crate::servers::mariadb::{MariaDb, READER};

const QUERY: &str = "query = \"SELECT * FROM people\"";

fn over_tls(server: &MariaDb, database: &str) -> String {
    let (port, ca_file) = (server.port(), server.ca_file());
    format!(
        "url = \"mysql://{}@127.0.0.1:{port}/{database}\"\nca_file = {ca_file:?}\npassword_env = \"HR_PASSWORD\"\n",
        READER.0
    )
}

fn people_in(database: &str) -> &'static MariaDb {
    let server = MariaDb::shared();
    server.database(database, &people());
    server
}

#[test]
fn the_plan_is_that_of_the_same_list_in_a_file() {
    let server = people_in("whole");
    is_planned_as_from_the_file(&format!("{}{QUERY}", over_tls(server, "whole")), READER);
}

#[test]
fn within_this_machine_no_tls_is_needed() {
    let server = people_in("plain");
    let (source, ca_file) =
        (format!("{}{QUERY}", over_tls(server, "plain")), format!("ca_file = {:?}\n", server.ca_file()));
    let plain = source.replace(&ca_file, "").replace("mysql:", "mariadb:");
    let at_socket =
        plain.replace("127.0.0.1", "localhost").replace("query =", &format!("socket = {:?}\nquery =", server.socket()));
    for source in [plain, at_socket] {
        assert_eq!(knowing(small(&source), READER).plan(0)["summary"]["create"], json!(3), "{source}");
    }
}

#[test]
fn who_is_not_to_be_trusted_or_does_not_trust_us_gives_no_plan() {
    let server = people_in("strict");
    let secrets = [READER.1, "not-the-password"];
    let source = format!("{}{QUERY}", over_tls(server, "strict"));
    let company = knowing(small(&source), READER);
    company.write("other.pem", Authority::new("another authority").for_host("db.example.com").pem);
    company.edit("skovik-sync.toml", &format!("{:?}", server.ca_file()), "\"other.pem\"");
    refuses(
        &company,
        4,
        &["source `hr`", "certificate is not trusted", "no trusted certificate authority (CA) signed", "`ca_file`"],
        &secrets,
    );
    let company = knowing(small(&source), READER);
    company.edit("skovik-sync.toml", "@127.0.0.1:", "@localhost:");
    refuses(&company, 4, &["source `hr`", "certificate is not trusted", "localhost"], &secrets);
    let mut company = small(&source);
    company.env("HR_PASSWORD", "not-the-password");
    refuses(&company, 4, &["source `hr`", "refuses the user \"reader\"", "28000"], &secrets);
    refuses(&small(&source), 3, &["[[source]] `hr`", "HR_PASSWORD is not set"], &secrets);
}

#[test]
fn a_query_that_cannot_be_run_gives_no_plan() {
    let server = people_in("queries");
    for (query, code, says) in [
        ("SELECT * FROM persons", 4, &["source `hr`", "doesn't exist", "42S02"][..]),
        ("SELEKT", 4, &["source `hr`", "syntax"]),
        ("SELECT *, email FROM people", 3, &["`query` in [[source]] `hr`", "\"email\" twice", "AS"]),
        ("SELECT * FROM people WHERE email = ?", 3, &["`query` in [[source]] `hr`", "parameter"]),
        ("DO 1", 3, &["`query` in [[source]] `hr`", "not a query that returns rows"]),
        ("COMMIT", 3, &["`query` in [[source]] `hr`", "not a query that returns rows"]),
    ] {
        let company = knowing(small(&format!("{}query = '''{query}'''", over_tls(server, "queries"))), READER);
        refuses(&company, code, says, &[READER.1]);
    }
}

#[test]
fn nothing_is_written_whatever_the_query_says() {
    let server = people_in("unwritten");
    let routines = "CREATE TABLE trace (a int); INSERT INTO trace VALUES (1);
        CREATE FUNCTION traced() RETURNS int MODIFIES SQL DATA BEGIN DELETE FROM trace; RETURN 1; END;";
    server.sql(
        "unwritten",
        &format!(
            "DELIMITER //\n{}",
            routines.replace("(1);", "(1)//").replace("int);", "int)//").replace("END;", "END//")
        ),
    );
    let procedure =
        "DELIMITER //\nCREATE PROCEDURE ending() BEGIN COMMIT; DELETE FROM people; SELECT * FROM people; END//";
    server.sql("unwritten", procedure);
    for (query, code) in [
        ("DELETE FROM people RETURNING *", 4),
        ("SELECT *, traced() AS t FROM people", 4),
        ("SELECT * FROM people; DELETE FROM people", 4),
        ("COMMIT; DELETE FROM people", 4),
        ("DROP TABLE people", 3),
        ("CALL ending()", 3),
        ("SELECT * FROM people INTO OUTFILE 'people.txt'", 4),
    ] {
        let company = knowing(small(&format!("{}query = '''{query}'''", over_tls(server, "unwritten"))), READER);
        refuses(&company, code, &["`hr`"], &[READER.1]);
        let left = server.sql("unwritten", "SELECT count(*), (SELECT count(*) FROM trace) FROM people");
        assert_eq!(left.trim(), "30\t1", "{query}");
    }
}

#[test]
fn settings_of_the_server_do_not_cut_the_result() {
    let server = MariaDb::start();
    let versioned = "CREATE TABLE kept (id VARCHAR(9)) WITH SYSTEM VERSIONING; INSERT INTO kept VALUES ('1');";
    server.database("cut", &format!("{}{versioned}", people()));
    let ids = server.sql("cut", "SELECT employee_id FROM people ORDER BY employee_id");
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(ids.len(), 30);
    let settings = "SET GLOBAL sql_select_limit = 2; SET GLOBAL group_concat_max_len = 10;
        SET GLOBAL max_recursive_iterations = 5; SET GLOBAL system_versioning_asof = '2020-01-01 00:00:00'";
    server.sql("cut", settings);
    let joined = "SELECT '1' AS id, GROUP_CONCAT(employee_id ORDER BY employee_id) AS said FROM people";
    let counted = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 30) \
                   SELECT '1' AS id, count(*) AS said FROM n";
    let present = "SELECT id, 'here' AS said FROM kept";
    // They affect a user without protection.
    assert_eq!(server.sql("cut", "SELECT employee_id FROM people").lines().count(), 2);
    for (query, expected) in [(joined, ids.join(",").as_str()), (counted, "30"), (present, "here")] {
        let cut = server.sql("cut", query);
        assert!(!cut.contains(expected), "{query}: {cut}");
        let source = format!("{}query = \"{query}\"", over_tls(&server, "cut"));
        prints(&source, &[("HR_PASSWORD", READER.1)], &[("{{ hr.said }}", expected)]);
    }
    leads_where_the_file_does(&knowing(small(&format!("{}{QUERY}", over_tls(&server, "cut"))), READER));
}

#[test]
fn a_result_that_the_server_says_it_has_cut_gives_no_plan() {
    let server = people_in("broken_off");
    let wide = "SELECT *, repeat('x', @@max_allowed_packet + 1) AS wide FROM people";
    for query in ["SELECT * FROM people LIMIT ROWS EXAMINED 9", wide] {
        let company = knowing(small(&format!("{}query = \"{query}\"", over_tls(server, "broken_off"))), READER);
        refuses(&company, 4, &["source `hr`: the result is not complete; the database says: "], &[READER.1]);
    }
}

#[test]
fn a_warning_that_the_server_does_not_keep_may_be_that_one() {
    let server = people_in("warned");
    let many = "FROM people a, people b, people c, (SELECT 1 UNION SELECT 2 UNION SELECT 3) d";
    let company = |number: &str| {
        let query = format!("query = \"SELECT p.*, {number} AS number FROM people p\"");
        knowing(small(&format!("{}{query}", over_tls(server, "warned"))), READER)
    };
    company("CAST(email AS SIGNED)").plan(0);
    let says = ["source `hr`: the query causes ", "warnings, of which the database keeps 65535"];
    refuses(&company(&format!("(SELECT SUM(CAST(a.email AS SIGNED)) {many})")), 4, &says, &[READER.1]);
}

#[test]
fn a_connection_that_ends_in_mid_read_gives_no_plan() {
    let server = people_in("ended");
    let query = "query = \"SELECT p.*, repeat('x', 40000) AS long_text, sleep(0.1) AS slept FROM people p\"";
    let company = knowing(small(&format!("{}{query}", over_tls(server, "ended"))), READER);
    let plan = planning(&company);
    let asked = "SELECT id FROM information_schema.processlist WHERE db = 'ended' AND info LIKE '%sleep(0.1)%' AND time_ms > 500";
    until("the query runs", || !server.sql("mysql", asked).trim().is_empty());
    let connection = server.sql("mysql", asked);
    server.sql("mysql", &format!("KILL {}", connection.trim()));
    let output = ended(plan).ends(4).says(&["source `hr`: "]);
    assert!(!company.exists("plan.json"), "{output}");
    shows_none_of(&output, &[READER.1]);
}

#[test]
fn a_query_that_takes_too_long_is_given_up_on_both_sides() {
    let server = people_in("late");
    let query = "query = \"SELECT p.*, sleep(20) AS slept FROM people p\"\ntimeout = \"4s\"";
    let company = knowing(small(&format!("{}{query}", over_tls(server, "late"))), READER);
    refuses(&company, 4, &["source `hr`", "timeout of 4s"], &[READER.1]);
    let asked = "SELECT count(*) FROM information_schema.processlist WHERE db = 'late' AND command = 'Query'";
    until("the server gives up", || server.sql("mysql", asked).trim() == "0");
}

#[test]
fn each_type_has_its_text_form() {
    let server = MariaDb::shared();
    let sql = "SET sql_mode = ''; SET time_zone = '+02:00';
        CREATE TABLE types (id INT, big BIGINT UNSIGNED, padded INT(6) ZEROFILL, cost DECIMAL(12,2), ratio DOUBLE, real4 FLOAT,
            yes BOOLEAN, no TINYINT(1), two TINYINT(1), small TINYINT, bits BIT(10), day DATE, never DATE,
            hour TIME(3), naive DATETIME(3), aware TIMESTAMP, y YEAR, fixed CHAR(8), word VARCHAR(20) COLLATE utf8mb4_bin,
            old VARCHAR(20) CHARACTER SET latin1, rank_ ENUM('junior', 'senior'), opts SET('a', 'b', 'c'), doc JSON,
            bin VARBINARY(8), blb BLOB, nil TEXT, spot POINT);
        INSERT INTO types VALUES (7, 18446744073709551615, 42, 4100, 0.1, 1.1, TRUE, 0, 2, 1, b'1000000001', '2026-11-27',
            '0000-00-00', '08:00:00.500', '2026-11-27 08:00:00.250', '2026-11-27 08:00:00', 2026, 'SE01', 'MiXed', 'Åsa',
            'senior', 'a,c', '{\"a\": 1}', x'4fab', x'ff00', NULL, POINT(1, 2));";
    server.database("types", sql);
    let source = |query: &str| format!("{}query = '''{query}'''", over_tls(server, "types"));
    let env = [("HR_PASSWORD", READER.1)];
    let expected = [
        ("{{ hr.id + 1 }}", "8"),
        ("{{ hr.big }} {{ hr.padded }}", "18446744073709551615 42"),
        ("{{ hr.cost }}", "4100.00"),
        ("{{ hr.ratio }} {{ hr.real4 }}", "0.1 1.1"),
        ("{{ hr.yes }} {{ hr.no }} {{ 'on' if hr.yes and not hr.no }}", "true false on"),
        ("{{ hr.two }} {{ hr.small }} {{ hr.bits }}", "2 1 513"),
        ("{{ hr.day }} {{ hr.never }}", "2026-11-27 0000-00-00"),
        ("{{ hr.hour }}", "08:00:00.5"),
        ("{{ hr.naive }}", "2026-11-27T08:00:00.25"),
        ("{{ hr.aware }}", "2026-11-27T06:00:00Z"),
        ("{{ hr.y }} [{{ hr.fixed }}] {{ hr.word }} {{ hr.old }}", "2026 [SE01] MiXed Åsa"),
        ("{{ hr.rank_ }} {{ hr.opts }}", "senior a,c"),
        ("{{ hr.doc }}", "{\"a\": 1}"),
        ("{{ hr.bin }} {{ hr.blb }}", "4fab ff00"),
        ("[{{ hr.nil }}]", "[]"),
    ];
    prints(&source("SELECT * FROM types"), &env, &expected);
    prints(&source("SELECT id, 'a' || 'b' AS either FROM types"), &env, &[("{{ hr.either }}", "0")]);
    let company = knowing(super::one_record(&source("SELECT * FROM types"), "{{ hr.spot }}"), READER);
    refuses(&company, 3, &["\"spot\" has the type geometry", "cast it to a text"], &[READER.1]);
}
