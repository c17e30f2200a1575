//! PostgreSQL: plans from a real server, and every way in which it may fail.

use serde_json::{Value, json};

use super::{
    COLUMNS, ended, is_planned_as_from_the_file, knowing, leads_where_the_file_does, messages, people, planning,
    prints, refuses, shows_none_of, small, until,
};
use crate::harness::Company;
use crate::servers::certificates::Authority;
use crate::servers::postgres::{Postgres, READER};

const QUERY: &str = "query = \"SELECT * FROM people\"";
const PASSWORD: &str = "password_env = \"HR_PASSWORD\"";

/// How the shared server is reached over TLS.
fn over_tls(server: &Postgres, database: &str) -> String {
    let (port, ca_file) = (server.port(), server.ca_file());
    format!("url = \"postgres://{}@127.0.0.1:{port}/{database}\"\nca_file = {ca_file:?}\n{PASSWORD}\n", READER.0)
}

fn people_in(database: &str) -> &'static Postgres {
    let server = Postgres::shared();
    server.database(database, "", &people());
    server
}

#[test]
fn the_plan_is_that_of_the_same_list_in_a_file() {
    let server = people_in("whole");
    is_planned_as_from_the_file(&format!("{}{QUERY}", over_tls(server, "whole")), READER);
}

#[test]
fn a_query_file_and_a_socket_will_do() {
    let server = people_in("local");
    let socket = server.socket();
    let company = small(&format!(
        "url = \"postgresql://{}@localhost:{}/local\"\nsocket = {socket:?}\nquery_file = \"people.sql\"",
        READER.0,
        server.port()
    ));
    company.write("people.sql", format!("-- everybody; and no more\nSELECT {COLUMNS}\nFROM people;\n"));
    leads_where_the_file_does(&company);
}

#[test]
fn within_this_machine_no_tls_is_needed_and_others_variables_count_for_nothing() {
    let server = people_in("plain");
    let mut company = knowing(
        small(&format!("url = \"postgres://{}@127.0.0.1:{}/plain\"\n{PASSWORD}\n{QUERY}", READER.0, server.port())),
        READER,
    );
    for (name, value) in [("PGPASSWORD", "another"), ("PGSSLMODE", "require"), ("PGDATABASE", "nowhere")] {
        company.env(name, value);
    }
    assert_eq!(company.plan(0)["summary"]["create"], json!(3));
}

#[test]
fn who_is_not_to_be_trusted_or_does_not_trust_us_gives_no_plan() {
    let server = people_in("strict");
    let secrets = [READER.1, "not-the-password"];
    let source = format!("{}{QUERY}", over_tls(server, "strict"));
    // A CA that did not sign the certificate.
    let company = knowing(small(&source), READER);
    company.write("other.pem", Authority::new("another authority").pem());
    company.edit("skovik-sync.toml", &format!("{:?}", server.ca_file()), "\"other.pem\"");
    refuses(
        &company,
        4,
        &["source `hr`", "certificate is not trusted", "no trusted certificate authority (CA) signed", "`ca_file`"],
        &secrets,
    );
    // Only the system's CAs.
    let company = knowing(small(&source), READER);
    company.edit("skovik-sync.toml", &format!("ca_file = {:?}", server.ca_file()), "tls = \"verify\"");
    refuses(
        &company,
        4,
        &["source `hr`", "certificate is not trusted", "no trusted certificate authority (CA) signed"],
        &secrets,
    );
    // A name that is not in the certificate.
    let company = knowing(small(&source), READER);
    company.edit("skovik-sync.toml", "@127.0.0.1:", "@localhost:");
    refuses(&company, 4, &["source `hr`", "certificate is not trusted", "localhost"], &secrets);
    // Another password.
    let mut company = small(&source);
    company.env("HR_PASSWORD", "not-the-password");
    refuses(&company, 4, &["source `hr`", "refuses the user \"reader\"", "28P01"], &secrets);
    // No password.
    let company = small(&source);
    refuses(&company, 3, &["[[source]] `hr`", "HR_PASSWORD is not set"], &secrets);
    // A file without CA certificates.
    let company = knowing(small(&source), READER);
    company.write("other.pem", "nothing");
    company.edit("skovik-sync.toml", &format!("{:?}", server.ca_file()), "\"other.pem\"");
    refuses(&company, 3, &["`ca_file` in [[source]] `hr`", "no certificate"], &secrets);
}

#[test]
fn a_server_that_is_not_there_or_has_no_tls_gives_no_plan() {
    let server = people_in("without");
    let company = knowing(small(&format!("{}{QUERY}", over_tls(server, "without"))), READER);
    company.edit("skovik-sync.toml", &format!(":{}/", server.port()), ":9/");
    refuses(&company, 4, &["source `hr`", "cannot connect to 127.0.0.1:9"], &[READER.1]);
    let own = Postgres::start("off");
    let company = knowing(small(&format!("{}{QUERY}", over_tls(&own, "postgres"))), READER);
    refuses(&company, 4, &["source `hr`", "does not support TLS"], &[READER.1]);
}

#[test]
fn a_query_that_cannot_be_run_gives_no_plan() {
    let server = people_in("queries");
    server.sql("queries", "CREATE TABLE secret (a int); REVOKE ALL ON secret FROM reader");
    for (query, code, says) in [
        ("SELECT * FROM persons", 4, &["source `hr`", "\"persons\" does not exist", "42P01"][..]),
        ("SELECT * FROM secret", 4, &["source `hr`", "permission denied"]),
        ("SELEKT", 4, &["source `hr`", "syntax error"]),
        ("SELECT 1/(count(*) - 30) AS employee_id FROM people", 4, &["source `hr`", "division by zero"]),
        ("SELECT *, email FROM people", 3, &["`query` in [[source]] `hr`", "\"email\" twice", "AS"]),
        ("SELECT *, '' AS \"\" FROM people", 4, &["zero-length"]),
        ("SELECT * FROM people WHERE email = $1", 3, &["`query` in [[source]] `hr`", "parameter"]),
        ("LISTEN people", 3, &["`query` in [[source]] `hr`", "not a query that returns rows"]),
        ("COMMIT", 3, &["`query` in [[source]] `hr`", "not a query that returns rows"]),
        (
            "SELECT mail AS employee_id, * FROM (SELECT email AS mail FROM people) AS p",
            3,
            &["no record of source `hr` has the column"],
        ),
    ] {
        let company = knowing(small(&format!("{}query = '''{query}'''", over_tls(server, "queries"))), READER);
        refuses(&company, code, says, &[READER.1]);
    }
}

#[test]
fn nothing_is_written_whatever_the_query_says() {
    let server = people_in("unwritten");
    let everything = "GRANT ALL ON people TO reader; CREATE TABLE trace (a int); GRANT ALL ON trace TO reader;
        CREATE SEQUENCE counter; GRANT ALL ON counter TO reader;
        CREATE FUNCTION traced() RETURNS text LANGUAGE sql AS 'INSERT INTO trace VALUES (1); SELECT ''x''';
        CREATE PROCEDURE ending(INOUT a text) LANGUAGE plpgsql AS $$ BEGIN COMMIT; DELETE FROM people; END $$;";
    server.sql("unwritten", everything);
    for query in [
        "DELETE FROM people RETURNING *",
        "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone",
        "SELECT *, traced() FROM people",
        "SELECT *, nextval('counter') FROM people",
        "SELECT * FROM people; DELETE FROM people",
        "COMMIT; DELETE FROM people RETURNING *",
        "SELECT *, set_config('transaction_read_only', 'off', false) FROM people",
        "CALL ending('a')",
    ] {
        let company = knowing(small(&format!("{}query = '''{query}'''", over_tls(server, "unwritten"))), READER);
        refuses(&company, 4, &["source `hr`: the database says: "], &[READER.1]);
        let left = server.sql("unwritten", "SELECT count(*), (SELECT count(*) FROM trace) FROM people");
        assert_eq!(left.trim(), "30|0", "{query}");
    }
}

#[test]
fn rows_that_a_policy_hides_are_missed_unless_the_settings_allow_it() {
    let server = people_in("policies");
    let policy = "ALTER TABLE people ENABLE ROW LEVEL SECURITY;
        CREATE POLICY some_of_them ON people FOR SELECT TO reader USING (status = 'active');
        CREATE VIEW behind AS SELECT * FROM people;
        CREATE ROLE auditor LOGIN BYPASSRLS PASSWORD 'an-audit0r'; GRANT SELECT ON people TO auditor;
        CREATE ROLE keeper; GRANT SELECT ON people TO keeper;
        CREATE VIEW kept AS SELECT * FROM people; ALTER VIEW kept OWNER TO keeper";
    server.sql("policies", policy);
    let source = |query: &str| format!("{}query = \"{query}\"", over_tls(server, "policies"));
    let says = [
        "source `hr`: the database says: ",
        "\"people\" (42501); the policies of that table",
        "row_security = \"allowed\"",
    ];
    for query in ["SELECT * FROM people", "SELECT * FROM kept"] {
        refuses(&knowing(small(&source(query)), READER), 4, &says, &[READER.1]);
    }
    let allowed = source("SELECT * FROM people\"\nrow_security = \"allowed");
    let active = server.sql("policies", "SELECT count(*) FROM people WHERE status = 'active'");
    let active: Value = active.trim().parse().expect("a number");
    assert_ne!(active, json!(30));
    let records = |company: &Company| company.plan(0)["sources"][0]["records"].clone();
    assert_eq!(records(&knowing(small(&allowed), READER)), active);
    // Even where the role's own default is another.
    server.sql("policies", "ALTER ROLE reader IN DATABASE policies SET row_security = off");
    assert_eq!(records(&knowing(small(&allowed), READER)), active);
    // A view shows what its owner may see; no policy applies to the owner or to this user.
    assert_eq!(records(&knowing(small(&source("SELECT * FROM behind")), READER)), json!(30));
    let socket = format!("socket = {:?}\n{QUERY}", server.socket());
    let url = format!("url = \"postgres://auditor@localhost:{}/policies\"\n{socket}", server.port());
    assert_eq!(records(&small(&url)), json!(30));
}

#[test]
fn a_limit_that_the_server_puts_on_an_index_does_not_cut_the_list() {
    let server = people_in("fuzzy");
    let index = "ALTER TABLE people ADD tags text[] DEFAULT '{staff}'; CREATE INDEX ON people USING gin (tags);
        ALTER DATABASE fuzzy SET enable_seqscan = off; ALTER DATABASE fuzzy SET gin_fuzzy_search_limit = 1";
    server.sql("fuzzy", index);
    let few = server.sql("fuzzy", "SELECT count(*) FROM people WHERE tags @> '{staff}'");
    assert_ne!(few.trim(), "30", "the limit strikes whom nothing protects");
    let source = format!("{}query = \"SELECT * FROM people WHERE tags @> '{{staff}}'\"", over_tls(server, "fuzzy"));
    assert_eq!(knowing(small(&source), READER).plan(0)["sources"][0]["records"], json!(30));
}

/// A query whose rows come slowly, and are large enough not to wait for each other.
fn slow(seconds: f64) -> String {
    format!("query = \"SELECT p.*, repeat('x', 9000) AS long, pg_sleep({seconds})::text AS slept FROM people p\"")
}

fn rows_come(server: &Postgres, database: &str) -> bool {
    let asked = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'skovik-sync' \
         AND query LIKE '%pg_sleep%' AND state = 'active' AND wait_event = 'PgSleep' \
         AND now() - query_start > interval '300 ms'"
    );
    server.sql("postgres", &asked).trim() == "1"
}

#[test]
fn a_connection_that_ends_in_mid_read_gives_no_plan() {
    let server = people_in("ended");
    let company = knowing(small(&format!("{}{}", over_tls(server, "ended"), slow(0.1))), READER);
    let plan = planning(&company);
    until("the query runs", || rows_come(server, "ended"));
    server.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ended'");
    let output = ended(plan).ends(4).says(&["source `hr`: the database says: terminating connection"]);
    assert!(!company.exists("plan.json"), "{output}");
}

#[test]
fn a_server_that_dies_in_mid_read_gives_no_plan() {
    let server = Postgres::start("on");
    server.database("dying", "", &people());
    let company = knowing(small(&format!("{}{}", over_tls(&server, "dying"), slow(0.1))), READER);
    let plan = planning(&company);
    until("the query runs", || rows_come(&server, "dying"));
    let worker = server.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE datname = 'dying'");
    server.signal("KILL");
    let _ = std::process::Command::new("kill").args(["-s", "KILL", worker.trim()]).status();
    let output = ended(plan).ends(4).says(&["source `hr`: "]);
    assert!(!company.exists("plan.json"), "{output}");
    assert!(output.stderr.contains("connection") || output.stderr.contains("TLS"), "{output}");
    shows_none_of(&output, &[READER.1]);
}

#[test]
fn a_query_that_takes_too_long_is_given_up_on_both_sides() {
    let server = people_in("late");
    let company = knowing(small(&format!("{}{}\ntimeout = \"4s\"", over_tls(server, "late"), slow(60.0))), READER);
    refuses(&company, 4, &["source `hr`", "timeout of 4s"], &[READER.1]);
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'late' AND state = 'active'";
    until("the server gives up", || server.sql("postgres", asked).trim() == "0");
}

#[test]
fn all_that_a_query_sees_is_of_one_moment() {
    let server = people_in("moment");
    // A function that looks again sees what others have committed since, unless its transaction has one moment.
    let later = "CREATE FUNCTION later() RETURNS bigint LANGUAGE plpgsql VOLATILE AS
        $$ BEGIN PERFORM pg_sleep(2); RETURN (SELECT count(*) FROM people); END $$";
    server.sql("moment", later);
    let source = format!(
        "{}query = \"SELECT p.*, l.n FROM (SELECT later() AS n OFFSET 0) l, people p\"\nexpect_records = 30",
        over_tls(server, "moment")
    );
    let company = knowing(small(&source), READER);
    company.edit("skovik-sync.toml", "{{ hr.first_name }}", "{{ hr.first_name if hr.n == 30 else 'Later' }}");
    let plan = planning(&company);
    until("the query runs", || rows_come_by(server, "%later%"));
    server.sql("moment", "DELETE FROM people WHERE status = 'active'");
    ended(plan).ends(0);
    let plan = company.json("plan.json");
    assert_eq!(plan["sources"][0]["records"], json!(30));
    assert_eq!(plan["operations"], Company::new("small").plan(0)["operations"]);
}

fn rows_come_by(server: &Postgres, query: &str) -> bool {
    let asked = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'skovik-sync' AND query LIKE '{query}' \
         AND state = 'active' AND wait_event = 'PgSleep'"
    );
    server.sql("postgres", &asked).trim() == "1"
}

#[test]
fn what_cannot_be_decoded_gives_no_plan() {
    let server = Postgres::shared();
    let sql = people().replace("Åkesson", "Akesson");
    server.database("ascii", "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'", &sql);
    server.sql("ascii", r"UPDATE people SET last_name = E'\xc5kesson' WHERE employee_id = '1002'");
    let company = knowing(small(&format!("{}{QUERY} # all", over_tls(server, "ascii"))), READER);
    refuses(&company, 4, &["source `hr`", "row ", "\"last_name\" is not UTF-8 from its byte 1 on"], &[READER.1]);
}

#[test]
fn a_plan_does_not_depend_on_the_order_in_which_rows_come() {
    let server = people_in("shuffled");
    server.sql("shuffled", "UPDATE people SET email = 'nobody' WHERE employee_id = '1010'");
    let query = "query = \"SELECT * FROM people ORDER BY random()\"";
    let company = knowing(small(&format!("{}{query}", over_tls(server, "shuffled"))), READER);
    let first = company.plan(0);
    assert!(messages(&first).iter().any(|message| message.contains("hr row 10")), "{first:#}");
    let first = company.read("plan.json");
    for _ in 0..3 {
        company.run(&["plan"]).ends(0);
        assert_eq!(company.read("plan.json"), first);
    }
}

#[test]
fn nobody_is_a_list_too_and_the_query_is_part_of_the_settings() {
    let server = people_in("nobody");
    let company = knowing(small(&format!("{}{QUERY}", over_tls(server, "nobody"))), READER);
    let all = company.plan(0);
    company.edit("skovik-sync.toml", "FROM people", "FROM people WHERE status = 'gone'");
    let none = company.plan(5);
    assert_eq!(none["sources"][0]["records"], json!(0));
    assert_ne!(none["config_hash"], all["config_hash"]);
    // The place of the database and the user are not part of it.
    company.edit("skovik-sync.toml", " WHERE status = 'gone'", "");
    let company = knowing(company, READER);
    company.edit(
        "skovik-sync.toml",
        &format!("@127.0.0.1:{}/nobody\"\nca_file = {:?}", server.port(), server.ca_file()),
        &format!("@localhost:{}/nobody\"\nsocket = {:?}", server.port(), server.socket()),
    );
    assert_eq!(company.plan(0)["config_hash"], all["config_hash"]);
}

#[test]
fn each_type_has_its_text_form() {
    let server = Postgres::shared();
    let sql = "CREATE EXTENSION citext; CREATE EXTENSION hstore;
        CREATE TYPE level AS ENUM ('junior', 'senior'); CREATE DOMAIN code AS varchar(8);
        CREATE DOMAIN amount AS numeric(12,2); CREATE TYPE pair AS (a int, b text);
        CREATE TABLE types (id int, big bigint, cost numeric, money2 numeric(12,2), ratio double precision, real4 real,
            huge double precision, nan double precision, yes boolean, no boolean, day date, forever date,
            hour time, naive timestamp, aware timestamptz, sometime timestamptz, uid uuid, fixed char(8), ci citext,
            rank level, dom code, amt amount, doc jsonb, scal json, tags text[], nums int[], matrix int[], flags boolean[],
            odd text[], bin bytea, span interval, addr inet, nil text, blank text, c \"char\", untouched pair, hs hstore,
            range int4range, price money);
        INSERT INTO types VALUES (7, 9007199254740993, 4100.00, 4100.5, 0.1, 1.1, 1e300, 'NaN', true, false, '2026-11-27',
            'infinity', '08:00:00.500', '2026-11-27 08:00:00.250', '2026-11-27 08:00:00+02', 'infinity',
            'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'SE01', 'MiXed', 'senior', 'X1', 12.3, '{\"a\": [1, 2.50]}', '\"text\"',
            '{a,\"b c\",NULL,\"\"}', '{1,2}', '{{1,2},{3,4}}', '{t,f}', ARRAY['q\"x', 'b\\s', '{}', 'NULL'], '\\x4fAB',
            '1 year 2 days 03:04:05', '10.0.0.1/24', NULL, '  padded  ', 'c', (1, 'b'), 'a=>1', '[1,5)', 3.50);";
    server.database("types", "", sql);
    let source = |query: &str| format!("{}query = '''{query}'''", over_tls(server, "types"));
    let env = [("HR_PASSWORD", READER.1)];
    let expected = [
        ("{{ hr.id + 1 }}", "8"),
        ("{{ hr.big }}", "9007199254740993"),
        ("{{ hr.cost }}", "4100.00"),
        ("{{ hr.money2 }}", "4100.50"),
        ("{{ hr.cost | float + 1 }}", "4101.0"),
        ("{{ hr.ratio }}", "0.1"),
        ("{{ hr.real4 }}", "1.1"),
        ("{{ hr.huge == 1e300 }}", "true"),
        ("{{ hr.nan }}", "NaN"),
        ("{{ hr.yes }} {{ hr.no }} {{ 'on' if hr.yes and not hr.no }}", "true false on"),
        ("{{ hr.day }} {{ hr.forever }}", "2026-11-27 infinity"),
        ("{{ hr.hour }}", "08:00:00.5"),
        ("{{ hr.naive }}", "2026-11-27T08:00:00.25"),
        ("{{ hr.aware }} {{ hr.sometime }}", "2026-11-27T06:00:00Z infinity"),
        ("{{ hr.uid }}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("[{{ hr.fixed }}] {{ hr.ci }} {{ hr.c }}", "[SE01] MiXed c"),
        ("{{ hr.rank }} {{ hr.dom }} {{ hr.amt }}", "senior X1 12.30"),
        ("{{ hr.doc.a | join('/') }} {{ hr.scal }}", "1/2.5 text"),
        ("{{ hr.tags | join('/') }} {{ hr.tags | length }}", "a/b c// 4"),
        ("{{ hr.nums[0] + hr.nums[1] }} {{ hr.matrix[1][0] }} {{ 'f' if not hr.flags[1] }}", "3 3 f"),
        ("{{ hr.odd | join('/') }}", "q\"x/b\\s/{}/NULL"),
        ("{{ hr.bin }}", "4fab"),
        ("{{ hr.span }} {{ hr.addr }}", "P1Y2DT3H4M5S 10.0.0.1/24"),
        ("[{{ hr.nil }}] [{{ hr.blank }}] {{ 'none' if not hr.nil }}", "[] [padded] none"),
    ];
    prints(&source("SELECT * FROM types"), &env, &expected);
    for (column, kind) in [("untouched", "pair"), ("hs", "hstore"), ("range", "int4range"), ("price", "money")] {
        let company =
            knowing(super::one_record(&source("SELECT * FROM types"), &format!("{{{{ hr.{column} }}}}")), READER);
        let says = [&*format!("{column:?} has the type"), kind, "cast it to a text", "`query` in [[source]] `hr`"];
        refuses(&company, 3, &says, &[READER.1]);
    }
    // What else a role or a database has been told is of no account.
    server.sql("types", "ALTER ROLE reader SET DateStyle = 'German'; ALTER ROLE reader SET TimeZone = 'Asia/Tokyo'");
    prints(
        &source("SELECT id, aware, day FROM types"),
        &env,
        &[("{{ hr.aware }} {{ hr.day }}", "2026-11-27T06:00:00Z 2026-11-27")],
    );
    server.sql("types", "ALTER ROLE reader RESET ALL");
    let casts = "SELECT id, (untouched).b AS b, hs -> 'a' AS a, price::numeric::text AS price FROM types";
    prints(&source(casts), &env, &[("{{ hr.b }} {{ hr.a }} {{ hr.price }}", "b 1 3.50")]);
}
