//! `plan --explain` and `check`: where a value comes from, and what was found.

use crate::harness::{Company, Output};

fn explain(company: &Company, key: &str) -> Output {
    let output = company.run(&["plan", "--explain", key]).ends(0);
    assert!(!company.exists("plan.json"), "it writes nothing");
    output
}

#[test]
fn every_fate_is_explained() {
    let company = Company::new("group");
    for (key, parts) in [
        (
            "10601",
            &[
                "Björn Jäger  10601\n",
                "  hr (csv), row 486\n      employee_id  10601\n",
                "  payroll (json), row 481\n",
                "  `primary_email` in [employee]  {{ hr.email | lower }}\n    = bjorn.jager3@example.com\n",
                "What Skovik holds\n  no matching user\n",
                "  create: no user has this external identifier",
                "      manager      Anke Weiß (10003)\n",
            ][..],
        ),
        // By e-mail, in whatever case.
        (
            "Anna.Aberg@EXAMPLE.com",
            &["  unchanged: Skovik has the values that the settings give\n", "user bcc23e30376716f59732027d"],
        ),
        ("10057", &["  update: Skovik has other values", "Folke Göransson (10021) → Gunnar Hedlund (10025)\n"]),
        // By Skovik's id.
        ("d6e75e1b4ef245b93c55a046", &["Käthe Schröder  10351\n", "  nothing: no source", "  delete: in no source\n"]),
        (
            "10021",
            &[
                "  payroll (json): no record; its columns are undefined\n",
                "  outside the scope: ",
                "delete: outside the",
            ],
        ),
    ] {
        explain(&company, key).prints(parts);
    }
    company.run(&["plan", "--explain", "nobody"]).ends(3).says(&["--explain nobody: neither a source nor Skovik has"]);
    company.run(&["plan", "--explain", "1", "-o", "x.json"]).ends(3);
    company.run(&["plan", "--explain", " "]).ends(3).says(&["--explain needs a key"]);
    company.wrote_nothing();
}

#[test]
fn what_is_wrong_is_explained() {
    let company = Company::new("bad");
    for (key, parts) in [
        ("5191", &["set aside, neither changed nor removed\n", "(renumbering_undecided)"][..]),
        ("ture.pil", &["set aside, neither changed nor removed: \"ture.pil\" is not an e-mail address"]),
        // Two people who block each other.
        (
            "palm@example.com",
            &["Ines Palm", "Ivar Palm", "also belongs to Ivar Palm (hr row 83)\n", "(email_claimed_twice)\n"],
        ),
        ("5091", &["What the sources say\n  nothing", "What happens to them\n  kept: "]),
    ] {
        explain(&company, key).prints(parts);
    }
    // Even if others make a plan impossible, one person can be explained.
    let settings = company.read("skovik-sync.toml").replace("[scope]", "[scope]\ninvalid = \"error\"");
    company.write("skovik-sync.toml", settings);
    company.run(&["plan"]).ends(4).says(&["invalid = \"error\""]);
    explain(&company, "5191").prints(&["renumbering_undecided"]);
}

#[test]
fn of_many_the_first_are_shown() {
    let company = Company::new("small");
    let rows: String = (0..40).map(|n| format!("7{n},same@example.com,A,B{n},SE01,,4100,active\n")).collect();
    company.append("employees.csv", &rows);
    let output = explain(&company, "same@example.com");
    assert_eq!(output.stdout.matches("What happens to them").count(), 10);
    output.says(&["40 people match same@example.com; the first 10 are shown"]);
}

#[test]
fn records_that_do_not_count_are_shown() {
    let company = Company::new("small");
    let list = company.read("employees.csv");
    let (header, rows) = list.split_once('\n').expect("a header");
    let first = rows.lines().next().expect("a row");
    let key = first.split(',').next().expect("a key");
    let marked: String = rows.lines().map(|row| format!("{row},Y\n")).collect();
    company.write("employees.csv", format!("{header},main\n{first},N\n{marked}"));
    explain(&company, key).prints(&[
        "rows 2 and 3 of source `hr` have the same employee_id",
        "  hr (csv), row 2, one of several with this key\n",
        "  hr (csv), row 3, one of several with this key\n",
        "set aside, neither changed nor removed: ",
    ]);
    company.edit("skovik-sync.toml", "kind = \"csv\"\n", "kind = \"csv\"\nprefer = \"main == 'Y'\"\n");
    explain(&company, key).prints(&["  hr (csv), row 3\n", "  hr (csv), row 2, skipped by `prefer`\n"]);
    company.run(&["check"]).ends(0).prints(&["  keys          1 key is shared by several records, 2 in all: "]);
}

#[test]
fn check_goes_on_where_one_source_fails() {
    let mut company = Company::new("group");
    company.edit("skovik-sync.toml", "path = \"hr.csv\"", "path = \"none.csv\"");
    company
        .run(&["check"])
        .ends(4)
        .prints(&[
            "source    hr: FAILED\n",
            "source    payroll: 500 records (json, proof: expect_records)\n",
            ": 489 users\n",
        ])
        .says(&["source `hr`: cannot read", "none.csv"]);
    company.env("SKOVIK_TOKEN", "");
    let both = company.run(&["check"]).ends(4);
    both.prints(&["target    http://127.0.0.1:", ": FAILED\n"]).says(&["none.csv", "SKOVIK_TOKEN is empty"]);
}

#[test]
fn check_says_what_is_in_the_way_of_a_plan() {
    let company = Company::new("bad");
    let settings = company.read("skovik-sync.toml");
    for (table, line) in [("[scope]", "invalid = \"error\""), ("[manager]", "unresolved = \"error\"")] {
        let with = if settings.contains(table) {
            settings.replace(table, &format!("{table}\n{line}"))
        } else {
            format!("{settings}\n{table}\n{line}\n")
        };
        company.write("skovik-sync.toml", with);
        company.run(&["check"]).ends(4).prints(&["people    87 in scope"]).says(&["no plan was made: ", line]);
        company.run(&["plan"]).ends(4).says(&["no plan was made: ", line]);
    }
}

#[test]
fn check_shows_what_would_be_set_aside_and_nobody() {
    let company = Company::new("bad");
    let output = company.run(&["check"]).ends(0).prints(&[
        "  column        email         xxx.xxx@xxx.xxx  |  xxx.xxx@xxx.xxx  |  xxx.xxx@xxx.xxx  (text",
        "people    87 in scope, 73 of them good, 14 set aside\n",
        // A good record that is in another's way.
        "  ! renumbering_undecided (1)\n",
    ]);
    let first = company.read("employees.csv").lines().nth(1).expect("a row").to_owned();
    let email = first.split(',').nth(1).expect("an e-mail").to_owned();
    assert!(!output.stdout.contains(&email), "samples are masked: {}", output.stdout);
}
