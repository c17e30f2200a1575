//! Several lists as one, tables to look values up in, and lists that are too old.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::mapping::Mapper;

const EMPLOYEE: &str = "[employee]\nexternal_identifier = '{{ hr.id }}'\nprimary_email = '{{ hr.mail }}'\n\
                        first_name = '{{ hr.list }}'\nlast_name = '{{ hr.title }}'\n";

fn part(name: &str, more: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\nkind = \"csv\"\npath = \"{name}\"\n{more}")
}

fn union(more: &str) -> String {
    format!("[[source]]\nname = \"hr\"\nkind = \"union\"\nof = [\"se\", \"no\"]\nkey = \"id\"\n{more}")
}

fn files<'f>(se: &'f str, no: &'f str) -> Vec<(&'f str, &'f [u8])> {
    vec![("se", se.as_bytes()), ("no", no.as_bytes())]
}

/// Name, list and title of everybody, or why there is no list.
fn people(sources: &str, se: &str, no: &str) -> Result<Vec<String>, String> {
    let (_folder, settings) = Fixture::new(sources, &files(se, no)).into_parts(EMPLOYEE);
    let records = read(&settings).map_err(|error| error.to_string())?;
    let rules = Mapper::new(&settings).resolve(&[], &[]).unwrap();
    let desired = rules.employees(&records).map_err(|error| error.to_string())?;
    let told = |employee: &crate::employee::Employee| {
        let crate::employee::Employee { identifier, first_name, last_name, origin, .. } = employee;
        format!("{identifier} {first_name} {last_name} ({origin})")
    };
    let asides = desired.set_aside.iter().map(|aside| format!("{}: {}", aside.origin, aside.reason));
    Ok(desired.employees.iter().map(told).chain(asides).collect())
}

#[test]
fn several_lists_are_one_by_the_names_of_their_columns() {
    let renamed = "[source.columns]\nid = { no = \"nr\" }\ntitle = { no = \"stilling\" }\nmail = { no = \"e-post\" }\n";
    let se = "id,title,mail,extra\n1,cook,a@x.se,x\n2,nurse,b@x.se,x\n";
    let no = "e-post,stilling,nr\nc@x.no,guard,7\n";
    for order in ["parts first", "union first"] {
        let parts = part("se", "") + &part("no", "");
        let sources = if order == "parts first" { parts + &union(renamed) } else { union(renamed) + &parts };
        let expected = ["1 se cook (se row 2)", "2 se nurse (se row 3)", "7 no guard (no row 2)"];
        assert_eq!(people(&sources, se, no).unwrap(), expected, "{order}");
    }
    let sources = part("se", "") + &part("no", "") + &union(&format!("list_column = \"company\"\n{renamed}"));
    let fixture = Fixture::new(&sources, &files(se, no));
    let records = fixture.read().unwrap();
    assert_eq!(rendered(&records, "{{ hr.company }}{{ hr.extra }}"), ["sex", "sex", "no"]);
    assert_eq!(records.summaries()[0].proof, "trusted");
    // A key that both lists have is that of nobody for certain.
    let both =
        people(&(part("se", "") + &part("no", "") + &union(renamed)), se, "e-post,stilling,nr\nc@x.no,guard,2\n");
    let both = both.unwrap();
    assert_eq!(both[0], "1 se cook (se row 2)");
    let reason = "rows 3 of `se` and 2 of `no` of source `hr` have the same id \"2\"";
    assert!(both[1].contains(reason) && both[2].contains(reason), "{both:?}");
    // The company and the number together are.
    let keyed = union(renamed).replace("key = \"id\"", "key = [\"list\", \"id\"]");
    assert_eq!(people(&(part("se", "") + &part("no", "") + &keyed), se, no).unwrap().len(), 3);
}

#[test]
fn each_part_proves_itself_whole() {
    let columns = "id,title,mail\n";
    let (se, no) = (format!("{columns}1,cook,a@x.se\n"), format!("{columns}2,guard,b@x.se\n"));
    let proof = |se_more: &str, no_more: &str, union_more: &str| {
        let sources = part("se", se_more) + &part("no", no_more) + &union(union_more);
        Fixture::new(&sources, &files(&se, &no)).read().map(|records| records.summaries()[0].proof.clone())
    };
    let counted = "expect_records = 1\n";
    assert_eq!(proof(counted, counted, "").unwrap(), "expect_records");
    assert_eq!(proof(counted, "", "").unwrap(), "trusted", "one of them is not proven");
    assert_eq!(proof("", "", "expect_records = 2\n").unwrap(), "expect_records");
    let error = proof("", "expect_records = 2\n", "").unwrap_err();
    assert_eq!(error.status(), ExitStatus::Untrusted);
    assert_eq!(error.to_string(), "source `hr`: `no`: has 1 records, but expect_records says 2");
    let error = people(&(part("se", "") + &part("no", "") + &union("")), &se, "id,title,mail\n1,x\n").unwrap_err();
    assert!(error.contains("source `hr`: `no`: ") && error.contains("row 2 has 2 cells"), "{error}");
}

#[test]
fn a_union_that_cannot_be_is_refused() {
    let (se, no) = ("id,title,mail\n1,cook,a@x.se\n", "id,mail\n2,b@x.se\n");
    let with = |more: &str| people(&(part("se", "") + &part("no", "") + &union(more)), se, no);
    let error = with("").unwrap_err();
    let expected = "list `no` of [[source]] `hr` has no column `title`, which the settings use; say what it is called there, such as \
                    `title = { no = \"…\" }` in [source.columns], or `title = { no = \"\" }` where it has none";
    assert_eq!(error, expected);
    let told = with("[source.columns]\ntitle = { no = \"\" }\n").unwrap();
    assert!(told[1].starts_with("no row 2: ") && told[1].contains("gives nothing"), "{told:?}");
    for (more, expected) in [
        (
            "[source.columns]\ntitle = { no = \"maill\" }\n",
            "`maill`, which list `no` does not have; did you mean `mail`?",
        ),
        ("[source.columns]\nid = { no = \"mail\" }\n", "has a column `id` already"),
        ("[source.columns]\nmail = { no = \"\" }\n", "says that list `no` has no column `mail`, but it has one"),
        ("list_column = \"mail\"\n", "has a column `mail` of its own; set `list_column`"),
        (
            "[source.columns]\nid = { no = \"mail\" }\nx = { no = \"mail\" }\n",
            "gives the column `mail` of list `no` two names, `id` and `x`",
        ),
    ] {
        let error = with(more).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    // A template that uses whole records names a column, or it is another text.
    for (include, is_refused) in [
        ("[hr] | selectattr('title', 'eq', 'cook') | list | length == 1", true),
        ("hr | items | selectattr(0, 'eq', 'title') | list | length == 1", true),
        ("[hr] | selectattr('mail', 'eq', 'x') | list | length == 1", false),
    ] {
        let sources = part("se", "") + &part("no", "") + &union("");
        let employee = EMPLOYEE.replace("hr.title", "hr.id");
        let rest = format!("{employee}[scope]\ninclude = \"{include}\"\n");
        let (_folder, settings) = Fixture::new(&sources, &files(se, no)).into_parts(&rest);
        let read = read(&settings).map_err(|error| error.to_string());
        assert_eq!(read.is_err_and(|error| error.contains("has no column `title`")), is_refused, "{include}");
    }
    let parse = |sources: String| {
        let text = format!("[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n{sources}\n{EMPLOYEE}");
        Settings::parse(&text, std::path::Path::new("s.toml")).unwrap_err().to_string()
    };
    for (sources, expected) in [
        (part("se", "") + &union(""), "names \"no\", but no source has that name"),
        (part("se", "key = \"id\"\n") + &part("no", "") + &union(""), "belongs to `hr`, the union that this source"),
        (part("se", "") + &union("").replace(", \"no\"", ""), "must name two sources or more"),
        (part("se", "") + &union("").replace("\"no\"", "\"se\""), "is part of a union already"),
        (part("se", "") + &union("").replace("\"no\"", "\"hr\""), "is a union itself"),
        (union("").replace("of = ", "off = "), "lacks `of`"),
        (part("se", "") + &part("no", "") + &union("path = \"x\"\n"), "unknown key `path`"),
        (part("se", "") + &part("no", "") + &union("[source.columns]\nid = { dk = \"x\" }\n"), "is not a list of `of`"),
        (part("se", ""), "lacks `key`"),
        (
            part("se", "")
                + &part("no", "")
                + &union("[source.columns]\n\"\u{e9}\" = { se = \"id\" }\n\"e\u{301}\" = { se = \"mail\" }\n"),
            "is named twice for column",
        ),
    ] {
        let error = parse(sources);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn values_are_looked_up_in_tables() {
    let table = "[[table]]\nname = \"branches\"\npath = \"branches.csv\"\nkey = \"company\"\n";
    let hr = "id,company\n1,Acme AB\n2,Acme A/S \n3,\n4,Nowhere\n5,12\n";
    let read_with = |table: &str, text: &str| {
        let sources = format!("{}{table}", source("hr", "csv", "hr", "id"));
        Fixture::new(&sources, &[("hr", hr.as_bytes()), ("branches.csv", text.as_bytes())])
    };
    let text = "company,id,city\nAcme AB,SE01,Malmö\nAcme A/S,DK01,\n12,NO01,Oslo\n,XX,\n";
    let fixture = read_with(table, text);
    let records = fixture.read().unwrap();
    let engine = Engine::new(records.calendar());
    let render = |record, text: &str| {
        engine.template(text).unwrap().render(records.context(record)).map_err(|error| error.to_string())
    };
    let id = "{{ branches[hr.company].id }}";
    assert_eq!([0, 1, 4].map(|record| render(record, id).unwrap()), ["SE01", "DK01", "NO01"]);
    assert_eq!(render(0, "{{ branches['Acme AB']['city'] }}{{ branches[12].id }}").unwrap(), "MalmöNO01");
    let error = render(3, id).unwrap_err();
    assert!(error.contains("table `branches` has no row whose company is \"Nowhere\""), "{error}");
    assert!(render(2, id).unwrap_err().contains("whose company is \"\""), "an empty key leads nowhere");
    assert!(render(3, "{{ branches[hr.company].id | default('x') }}").is_err(), "a miss is no default");
    assert_eq!(render(3, "{{ branches.get(hr.company).id | default('x') if branches.get(hr.company) }}").unwrap(), "");
    assert_eq!(render(0, "{{ branches.get(hr.company).id }}").unwrap(), "SE01");
    assert!(render(0, "{{ branches[hr.company].ident }}").unwrap_err().contains("has no column \"ident\""));
    let told: Vec<(String, String, u64)> =
        records.summaries().into_iter().map(|source| (source.name, source.kind, source.records)).collect();
    assert_eq!(told[1], ("branches".into(), "table".into(), 4));
    let twice = format!("{text}Acme AB,SE02,\n");
    read_with(table, &twice).refused(
        ExitStatus::Untrusted,
        &["source `branches`: 1 key is shared by several records, 2 in all: \"Acme AB\" (rows 2 and 6); a table must"],
    );
    read_with(&table.replace("key = \"company\"", "key = \"firm\""), text).refused(ExitStatus::Usage, &["`firm`"]);
    let json = table.replace("branches.csv", "branches.json");
    let sources = format!("{}{json}", source("hr", "csv", "hr", "id"));
    let object = br#"[{"company": "Acme AB", "id": "SE01"}]"#;
    let records =
        Fixture::new(&sources, &[("hr", b"id,company\n1,Acme AB\n"), ("branches.json", object)]).read().unwrap();
    assert_eq!(rendered(&records, id), ["SE01"]);
}

#[test]
fn a_table_answers_only_what_it_certainly_has() {
    let table = "[[table]]\nname = \"branches\"\npath = \"branches.csv\"\nkey = \"company\"\n";
    let read_with = |table: &str, text: &str| {
        let sources = format!("{}{table}", source("hr", "csv", "hr", "id"));
        let hr: &[u8] = b"id,company,nothing\n1,Acme AB,\n";
        Fixture::new(&sources, &[("hr", hr), ("branches.csv", text.as_bytes())])
    };
    let records = read_with(table, "company,id,city\nAcme AB,SE01,#N/A\n").read().unwrap();
    let engine = Engine::new(records.calendar());
    let render =
        |text: &str| engine.template(text).unwrap().render(records.context(0)).map_err(|error| format!("{error:#}"));
    // The same letters, composed in two ways.
    read_with(table, "company,id,city\n\u{c5}sa,a,\nA\u{30a}sa,b,\n")
        .refused(ExitStatus::Untrusted, &["shared by several records", "(rows 2 and 3)", "each key once"]);
    read_with(table, "company,id,city\n#N/A,a,\n").refused(ExitStatus::Untrusted, &["row 2: its key is #N/A"]);
    // Whether it has a row is asked by `in`, too.
    for (text, expected) in [
        ("'Acme AB' in branches", "true"),
        ("hr.company in branches", "true"),
        ("'Other' in branches", "false"),
        ("'Other' not in branches", "true"),
        ("5 in branches", "false"),
        ("'Other' is in(branches)", "false"),
        ("'id' in branches[hr.company]", "true"),
        ("hr.nothing in branches", "false"),
        ("['Acme AB', 'Other'] | select('in', branches) | list | length", "1"),
    ] {
        assert_eq!(render(&format!("{{{{ {text} }}}}")).as_deref(), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("['Acme AB'] in branches", "looked up by a text or a number, not by a list"),
        ("true in branches", "not by true or false"),
        ("'nothing' in branches[hr.company]", "table `branches` has no column \"nothing\""),
        ("'city' in branches[hr.company]", "`city` of `branches` holds #N/A"),
        ("branches == {}", "a table cannot be compared; ask whether it has a row"),
        ("{} != branches", "a table cannot be compared"),
        ("branches in [branches]", "a table cannot be compared"),
        ("branches | length", "length"),
        ("branches | list", "cannot convert value to list"),
        ("branches | items", ""),
        ("branches | dictsort", ""),
        ("branches.keys()", "a table has no method keys"),
        ("branches is true", "an object, which is neither true nor false"),
        ("branches[hr.company] == {'id': 'SE01', 'city': 'x'}", "`city` of `branches` holds #N/A"),
    ] {
        let error = render(&format!("{{{{ {text} }}}}")).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(render("{% for key in branches %}{{ key }}{% endfor %}").is_err());
    // Only a text or a number can be looked up; nothing gives nothing.
    for (key, kind) in [("['Acme AB']", "a list"), ("{'a': 1}", "an object"), ("true", "true or false")] {
        for text in [format!("branches[{key}].id"), format!("branches.get({key}).id"), format!("branches.get({key})")] {
            let error = render(&format!("{{{{ {text} | default('HQ') }}}}")).unwrap_err();
            assert!(error.contains(&format!("looked up by a text or a number, not by {kind}")), "{error}");
        }
    }
    assert_eq!(
        render("{{ branches.get(hr.nothing) | default('HQ') }}{{ branches.get(none) | default('x') }}").unwrap(),
        "HQx"
    );
    let error = render("{{ branches[hr.company].city }}").unwrap_err();
    assert!(error.contains("`city` of `branches` holds #N/A, which is an error"), "{error}");
    let named = table.replace("\"branches\"", "\"part\"");
    let union = format!("{}{}{named}", part("part", "") + &part("no", ""), union("").replace("\"se\"", "\"part\""));
    let text = format!("[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n{union}\n{EMPLOYEE}");
    let error = Settings::parse(&text, std::path::Path::new("s.toml")).unwrap_err().to_string();
    assert!(error.contains("is \"part\", but another source or table has that name"), "{error}");
}

#[test]
fn templates_that_use_a_table_pass_the_settings() {
    let table = "[[table]]\nname = \"branches\"\npath = \"branches.csv\"\nkey = \"company\"\n";
    let sources = format!("{}{table}", source("hr", "csv", "hr", "id"));
    let rest = "[employee]\nexternal_identifier = '{{ hr.id }}'\nprimary_email = '{{ hr.id }}@x.se'\n\
                first_name = '{{ branches[hr.company].id }}'\nlast_name = '{{ branches.Acme.city }}'\n\
                [scope]\ninclude = \"branches[hr.company].id != ''\"\n";
    let fixture = Fixture::new(
        &sources,
        &[("hr", b"id,company\n1,Acme\n2,Other\n"), ("branches.csv", b"company,id,city\nAcme,SE01,Oslo\n")],
    );
    let (_folder, settings) = fixture.into_parts(rest);
    let desired = Mapper::new(&settings).resolve(&[], &[]).unwrap().employees(&read(&settings).unwrap()).unwrap();
    let employee = &desired.employees[0];
    assert_eq!((&*employee.first_name, &*employee.last_name), ("SE01", "Oslo"));
    let aside = &desired.set_aside[0];
    assert_eq!(aside.code, "scope_failed");
    assert!(aside.reason.contains("table `branches` has no row whose company is \"Other\""), "{}", aside.reason);
}

#[test]
fn a_list_can_be_too_old() {
    let hour = |hours: u64| Duration::from_secs(hours * 60 * 60);
    let with_clock = |more: &str, text: &str, now: &dyn Fn(SystemTime) -> SystemTime| {
        let sources = format!("{}{more}", source("hr", "csv", "hr", "id"));
        let (folder, settings) = Fixture::new(&sources, &[("hr", text.as_bytes())]).into_parts(EMPLOYEE);
        let changed = fs::metadata(folder.path().join("hr")).unwrap().modified().unwrap();
        let to_read = settings.to_read(now(changed), &today());
        let read = read_all(&to_read, &|_, _, _| ());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read).map(|records| records.len()).map_err(|error| (error.status(), error.to_string()))
    };
    let with = |more: &str, text: &str, age: Duration| with_clock(more, text, &|changed| changed + age);
    let text = "id,list,mail,title,changed\n1,,,,2026-11-27T08:00:00Z\n2,,,,2026-11-01\n3,,,,\n";
    assert_eq!(with("max_age = \"36h\"\n", text, hour(36)), Ok(3));
    let (status, error) = with("max_age = \"36h\"\n", text, hour(37)).unwrap_err();
    assert_eq!(status, ExitStatus::Untrusted);
    assert!(
        error.starts_with("source `hr`: is too old: it was last changed 20") && error.contains("37h ago"),
        "{error}"
    );
    let newest = "max_age = \"36h\"\nnewest = \"changed\"\n";
    let (_, error) = with(newest, &text.replace("2026", "2023"), hour(0)).unwrap_err();
    assert!(error.contains("the latest `changed` (row 2) is 2023-11-27T08:00:00Z"), "{error}");
    // One date of the future does not make an old list fresh, and a clock that is a little ahead does no harm.
    let with_date = |date: &str| text.replace("2026-11-01", date).replace("2026-11-27", "2023-11-27");
    let in_hours = |hours: i64| (Timestamp::now() + SignedDuration::from_hours(hours)).to_string();
    assert_eq!(with(newest, &with_date(&in_hours(23)), hour(0)), Ok(3));
    for date in [in_hours(26), "9000-01-01".to_owned()] {
        let (status, error) = with(newest, &with_date(&date), hour(0)).unwrap_err();
        assert_eq!(status, ExitStatus::Untrusted);
        assert!(error.contains("of unknown age: the latest `changed` (row 3) is"), "{error}");
    }
    let behind = |minutes: u64| Duration::from_secs(minutes * 60);
    assert_eq!(with_clock("max_age = \"36h\"\n", text, &|changed| changed - behind(4)), Ok(3));
    let (_, error) = with_clock("max_age = \"36h\"\n", text, &|changed| changed - behind(6)).unwrap_err();
    assert!(error.contains("of unknown age: it was last changed 20") && error.contains("still to come"), "{error}");
    for (text, expected) in [
        (text.replace("2026-11-01", "01.11.2026"), "row 3: `changed`, which `newest` names, is not a date"),
        ("id,list,mail,title,changed\n1,,,,\n".to_owned(), "no record has a date in `changed`"),
        ("id,list,mail,title,change\n1,,,,\n".to_owned(), "did you mean `change`?"),
    ] {
        let (_, error) = with(newest, &text, hour(0)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let program = "[[source]]\nname = \"hr\"\nkind = \"exec\"\ncommand = [\"cat\", \"hr\"]\nformat = \"csv\"\nkey = \"id\"\nmax_age = \"1h\"\n";
    Fixture::new(program, &[("hr", text.as_bytes())])
        .refused(ExitStatus::Untrusted, &["its age is not known", "`newest`"]);
}

/// A directory is asked only for the columns that are used, and the date of the list is one.
#[test]
fn the_column_with_the_date_is_asked_for() {
    let aged = "max_age = \"36h\"\nnewest = \"changed\"\n";
    let settings = Fixture::new(&(source("hr", "csv", "hr", "id") + aged), &[]).settings(EMPLOYEE);
    let columns = |settings: &Settings| {
        let [named, _] = columns_used(&settings.sources[0], 0, &[]);
        named
    };
    assert!(columns(&settings).contains("changed"));
    // A part of a union may have its own date, under its own name.
    let sources = part("se", aged) + &part("no", "") + &union("[source.columns]\nid = { se = \"nr\" }\n");
    let settings = Fixture::new(&sources, &[]).settings(EMPLOYEE);
    assert_eq!(columns(&settings), BTreeSet::from(["id".into()]));
}

#[test]
fn a_table_is_asked_for_what_templates_read_of_its_rows() {
    let sources =
        source("hr", "csv", "hr", "id") + "[[table]]\nname = \"t\"\nkind = \"csv\"\npath = \"t\"\nkey = \"k\"\n";
    for (text, expected) in [
        ("{{ t[hr.c].cc }}", "cc"),
        ("{{ t[hr.c]['cc'] }}", "cc"),
        ("{{ t['x'].cc }}", "cc x"),
        ("{{ t.get(hr.c).cc }}", "cc"),
        ("{{ t.x | attr('cc') }}", "cc"),
        ("{{ hr.c }}", ""),
    ] {
        let employee = EMPLOYEE.replacen("'{{ hr.id }}'", &format!("\"{text}\""), 1);
        let settings = Fixture::new(&sources, &[]).settings(&employee);
        let templates: Vec<_> = settings.templates().collect();
        let [named, perhaps] = columns_used(&settings.tables[0], 1, &templates);
        assert_eq!(named, BTreeSet::from(["k".into()]), "{text}");
        assert_eq!(perhaps.iter().map(|name| &**name).collect::<Vec<_>>().join(" "), expected, "{text}");
    }
}
