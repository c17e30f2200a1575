//! An output never takes the place of an input, of another output, of an approval or of the state.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::{BINARY, Company, Output};

/// A company whose settings name a file of each kind, and a plan that is approved.
fn company() -> Company {
    let company = Company::new("small");
    company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_file = \"key\"");
    company.write("key", "any-key");
    company.write("signers", "# nobody\n");
    let more = "\n[approval]\nallowed_signers = \"signers\"\n";
    company.append("skovik-sync.toml", more);
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    company
}

/// Everything in the folder but what the sandbox and the state write.
fn files(company: &Company) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(company.folder()).expect("a folder").map(|entry| entry.expect("an entry"));
    let names = entries.map(|entry| entry.file_name().into_string().expect("text"));
    let mut names: Vec<String> = names.filter(|name| !["home", "requests.jsonl"].contains(&&**name)).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), fs::read(company.path(&name)).unwrap_or_default())).collect()
}

#[test]
fn no_output_takes_the_place_of_an_input() {
    let company = company();
    fs::hard_link(company.path("employees.csv"), company.path("hard")).expect("linked");
    symlink("skovik-sync.toml", company.path("soft")).expect("linked");
    fs::copy(company.path("plan.json"), company.path("copy.json")).expect("copied");
    fs::copy(company.path("employees.csv"), company.path("other.csv")).expect("copied");
    company.write("other.toml", company.read("skovik-sync.toml").replace("employees.csv", "other.csv"));
    let before = files(&company);
    let requests = company.requests().len();
    let state = company.path("home/state/skovik-sync/journals/x.jsonl");
    let state = state.to_str().expect("text");
    let cases: &[(&[&str], &[&str])] = &[
        (&["plan", "-o", "employees.csv"], &["--out employees.csv", "`path` of [[source]]"]),
        (&["plan", "-o", "./sub/../employees.csv"], &["[[source]]"]),
        (&["plan", "-o", "hard"], &["--out hard", "employees.csv"]),
        (&["plan", "-o", "soft"], &["--config"]),
        (&["plan", "-o", "skovik-sync.toml"], &["--config"]),
        (&["plan", "-o", "key"], &["`token_file` of [target]"]),
        (&["plan", "-o", "signers"], &["`allowed_signers` of [approval]"]),
        (&["plan", "--users", "users.jsonl", "-o", "users.jsonl"], &["--users (users.jsonl)"]),
        (&["plan", "-o", "plan.json.ben.approval"], &["is that of an approval"]),
        (&["plan", "-o", state], &["its state"]),
        (&["snapshot", "-o", "employees.csv"], &["[[source]]"]),
        (&["snapshot", "-o", "plan.json.anna.approval"], &["is that of an approval"]),
        (&["snapshot", "-o", "plan.json"], &["--out plan.json", "there is a plan"]),
        (&["show", "plan.json", "-o", "copy.json"], &["--out copy.json", "there is a plan"]),
        (&["apply", "plan.json", "--report", "copy.json"], &["--report copy.json", "there is a plan"]),
        (&["apply", "plan.json", "--events", "copy.json"], &["--events copy.json", "there is a plan"]),
        (&["run", "--report", "copy.json"], &["--report copy.json", "there is a plan"]),
        (&["sandbox", "--save", "copy.json"], &["--save copy.json", "there is a plan"]),
        (&["sandbox", "--save", "employees.csv"], &["--save employees.csv", "[[source]]"]),
        (&["sandbox", "--request-log", "employees.csv"], &["--request-log employees.csv", "[[source]]"]),
        (&["sandbox", "--request-log", "key"], &["--request-log key", "`token_file`"]),
        (&["sandbox", "--request-log", "copy.json"], &["--request-log copy.json", "there is a plan"]),
        (&["show", "plan.json", "-o", "plan.json"], &["--out plan.json", "the plan"]),
        (&["show", "plan.json", "-o", "key"], &["`token_file`"]),
        (&["show", "plan.json", "--since", "users.jsonl", "-o", "users.jsonl"], &["--since"]),
        (&["approve", "plan.json", "--statement", "plan.json"], &["--statement plan.json", "the plan"]),
        (&["approve", "plan.json", "--statement", "hard"], &["[[source]]"]),
        (&["apply", "plan.json", "--report", "plan.json"], &["--report plan.json", "the plan"]),
        (&["apply", "plan.json", "--events", "plan.json"], &["--events plan.json", "the plan"]),
        (&["apply", "plan.json", "--events", "hard"], &["--events hard", "[[source]]"]),
        (&["apply", "plan.json", "--report", "plan.json.anna.approval"], &["approval plan.json.anna.approval"]),
        (&["apply", "plan.json", "--report", "r", "--events", "./R"], &["--events ./R", "--report (r)"]),
        (&["apply", "plan.json", "--report", state], &["its state"]),
        (&["run", "--report", "plan.json"], &["--report plan.json", "--out"]),
        (&["run", "--report", "plan.0123456789ab.json"], &["an earlier plan may be kept under that name"]),
        (&["run", "--events", "./plan.0123456789ab-2.json"], &["an earlier plan may be kept under that name"]),
        (&["run", "--events", "skovik-sync.toml"], &["--events", "--config"]),
        (&["run", "-o", "employees.csv"], &["[[source]]"]),
        (&["run", "--events", "plan.json.policy__automatic.approval"], &["the approval"]),
        (&["undo", "plan.json", "-o", "plan.json"], &["--out plan.json", "the plan"]),
        (&["undo", "plan.json", "-o", "key"], &["`token_file`"]),
        (&["sandbox", "--seed", "users.jsonl", "--request-log", "users.jsonl"], &["--seed (users.jsonl)"]),
        (&["sandbox", "--save", "x.jsonl", "--request-log", "x.jsonl"], &["--request-log (x.jsonl)"]),
        (&["sandbox", "--save", "skovik-sync.toml"], &["--config"]),
        (&["sandbox", "--names", "other.toml", "--save", "other.toml"], &["--save other.toml", "--names"]),
        (&["sandbox", "--names", "other.toml", "--save", "other.csv"], &["--save other.csv", "[[source]]"]),
        (&["demo", "--keep", "."], &["the folder is not empty"]),
    ];
    fs::create_dir(company.path("sub")).expect("made");
    for (args, words) in cases {
        company.run(args).ends(3).says(words);
    }
    fs::remove_dir(company.path("sub")).expect("removed");
    assert_eq!(files(&company), before);
    assert_eq!(company.requests().len(), requests, "nothing is sent");
}

/// A file of the state is found under another name, however deep it is.
#[test]
fn no_output_takes_the_place_of_a_file_of_the_state_by_a_link() {
    let company = company();
    company.run(&["apply", "plan.json"]).ends(0);
    let state = company.path("home/state/skovik-sync");
    let first = |folder: &Path| fs::read_dir(folder).expect("a folder").flatten().next().expect("an entry").path();
    let journals = fs::read_dir(state.join("journals")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let journal = journals.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "journal"));
    for (number, file) in [journal.expect("a journal"), first(&first(&state.join("ledgers")))].into_iter().enumerate() {
        let (hard, soft) = (format!("hard{number}"), format!("soft{number}"));
        fs::hard_link(&file, company.path(&hard)).expect("linked");
        symlink(&file, company.path(&soft)).expect("linked");
        let before = fs::read(&file).expect("read");
        for args in [
            ["apply", "plan.json", "--events", &hard],
            ["show", "plan.json", "-o", &hard],
            ["sandbox", "--port=0", "--request-log", &soft],
        ] {
            company.run(&args).ends(3).says(&[args[3], "its state"]);
        }
        let line = format!("{BINARY} check >> {}", file.display());
        let typed = company.command("sh", &["-c", &line]).output().expect("it runs");
        Output::of(&[&line], typed).ends(3).says(&["standard output", "its state"]);
        assert_eq!(fs::read(&file).expect("read"), before);
    }
}

/// What settings name is an input, whether they are valid or not.
#[test]
fn settings_that_are_not_valid_still_name_their_files() {
    let company = company();
    let settings = company.read("skovik-sync.toml");
    for settings in [format!("typo = 1\n{settings}"), format!("{settings}\n[[[")] {
        company.write("skovik-sync.toml", settings);
        let before = files(&company);
        company.run(&["show", "plan.json", "-o", "employees.csv"]).ends(3).says(&["--out employees.csv", "not valid"]);
        company.run(&["sandbox", "--save", "./employees.csv"]).ends(3).says(&["--save ./employees.csv", "not valid"]);
        let typed = company.command("sh", &["-c", &format!("{BINARY} check 2>> employees.csv")]).output();
        let ended = Output::of(&["2>> employees.csv"], typed.expect("it runs")).ends(3);
        assert!(ended.stdout.contains("standard error") && ended.stdout.contains("not valid"), "{ended}");
        assert_eq!(files(&company), before);
        company.run(&["show", "plan.json", "-o", "shown.txt"]).ends(0);
        fs::remove_file(company.path("shown.txt")).expect("removed");
    }
}

/// Nothing that is said about a customer's file is printed into another's.
#[test]
fn with_many_customers_nothing_is_printed_into_a_source() {
    let company = company();
    fs::create_dir(company.path("customers")).expect("made");
    fs::copy(company.path("employees.csv"), company.path("customers/employees.csv")).expect("copied");
    company.write("customers/acme.toml", company.read("skovik-sync.toml"));
    for (name, line) in [
        ("old.toml.bak", "run --all customers 2>> customers/employees.csv"),
        ("old.toml.bak", "run --all customers 2>> customers/old.toml.bak"),
        ("old.TOML", "run --all customers 2>> customers/employees.csv"),
    ] {
        company.write(&format!("customers/{name}"), "");
        let before = files(&company);
        let typed = company.command("sh", &["-c", &format!("{BINARY} {line}")]).output().expect("it runs");
        let ended = Output::of(&[line], typed).ends(3);
        assert!(ended.stdout.contains("standard error /dev/stderr: that is "), "{ended}");
        assert_eq!(files(&company), before, "{line}");
        let list = fs::read(company.path("customers/employees.csv")).expect("read");
        assert_eq!(list, company.read_bytes("employees.csv"), "{line}");
        fs::remove_file(company.path(&format!("customers/{name}"))).expect("removed");
    }
    company.wrote_nothing();
}

/// An apply that is refused for its outputs makes nothing, not even a state.
#[test]
fn a_refusal_leaves_no_state_behind() {
    let company = company();
    let state = company.path("home/state/skovik-sync");
    fs::remove_dir_all(&state)
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .expect("removed");
    for output in ["employees.csv", "key", "skovik-sync.toml", "plan.json"] {
        company.run(&["apply", "plan.json", "--report", output]).ends(3).says(&["nothing was done"]);
        company.run(&["apply", "plan.json", "--events", output]).ends(3).says(&["nothing was done"]);
        assert!(!state.exists(), "{output}");
    }
}

/// A shell opens a file for standard output before the program starts; what is added to it (`>>`) would be lost in it.
#[test]
fn standard_output_takes_no_place_either() {
    let company = company();
    let approval = "plan.json.anna.approval";
    fs::create_dir(company.path("new")).expect("made");
    for (line, words) in [
        ("show plan.json >> plan.json", &["standard output", "the plan (plan.json)"][..]),
        ("apply plan.json --events - >> plan.json", &["standard output", "the plan (plan.json)"]),
        ("apply plan.json --events - >> employees.csv", &["standard output", "[[source]]"]),
        ("apply plan.json --events - >> plan.json.anna.approval", &["standard output", approval]),
        ("apply plan.json --report r.json >> r.json", &["standard output", "--report (r.json)"]),
        ("plan -o other.json >> skovik-sync.toml", &["standard output", "--config"]),
        ("snapshot -o s.jsonl >> key", &["standard output", "`token_file`"]),
        ("check >> skovik-sync.toml", &["standard output", "--config"]),
        ("check --contract >> skovik-sync.toml", &["standard output", "--config"]),
        ("check >> employees.csv", &["standard output", "[[source]]"]),
        ("plan --explain 2 >> employees.csv", &["standard output", "[[source]]"]),
        ("plan --explain 2 --users s.jsonl >> s.jsonl", &["standard output", "--users"]),
        ("verify plan.json >> plan.json", &["standard output", "the plan (plan.json)"]),
        ("verify plan.json --rendered r.md >> r.md", &["standard output", "--rendered"]),
        ("verify plan.json >> employees.csv", &["standard output", "[[source]]"]),
        ("approve plan.json -y >> plan.json", &["standard output", "the plan (plan.json)"]),
        ("approve plan.json -y >> employees.csv", &["standard output", "[[source]]"]),
        ("approve plan.json -y >> plan.json.anna.approval", &["standard output", approval]),
        ("approve plan.json -y --statement s.txt >> s.txt", &["standard output", "--statement"]),
        ("show plan.json >> employees.csv", &["standard output", "[[source]]"]),
        ("init --yes new >> new/employees.csv", &["standard output", "the CSV file"]),
        ("completions bash >> employees.csv", &["standard output", "[[source]]"]),
        ("demo >> employees.csv", &["standard output", "[[source]]"]),
        ("--help >> plan.json", &["standard output", "a plan"]),
        ("help apply >> employees.csv", &["standard output", "[[source]]"]),
        ("--version >> plan.json.anna.approval", &["standard output", "an approval"]),
        ("plan --unknown >> skovik-sync.toml", &["standard output", "--config"]),
    ] {
        let before = files(&company);
        let typed = company.command("sh", &["-c", &format!("{BINARY} {line}")]).output().expect("it runs");
        Output::of(&[line], typed).ends(3).says(words);
        let changed: Vec<_> = files(&company).into_iter().filter(|file| !before.contains(file)).collect();
        assert!(changed.iter().all(|(_, content)| content.is_empty()), "{line}: {changed:?}");
    }
    assert!(fs::read(company.path("new/employees.csv")).expect("the shell made it").is_empty());
    company.wrote_nothing();
    let typed = company.command("sh", &["-c", &format!("{BINARY} apply plan.json --events - >> log")]).output();
    Output::of(&[">> log"], typed.expect("it runs")).ends(0);
}

/// A plan or an approval is recognised where no option names it. What `>` has emptied is lost before the program starts.
#[test]
fn standard_output_spares_what_belongs_to_another_plan() {
    let company = company();
    for (from, to) in [("plan.json", "other.json"), ("plan.json.anna.approval", "other.json.anna.approval")] {
        fs::copy(company.path(from), company.path(to)).expect("copied");
    }
    fs::copy(company.path("plan.json.anna.approval"), company.path("kept")).expect("copied");
    for (line, words) in [
        ("show plan.json >> other.json", "standard output /dev/stdout: there is a plan"),
        ("check >> other.json", "standard output /dev/stdout: there is a plan"),
        ("completions bash 1<> other.json", "standard output /dev/stdout: there is a plan"),
        ("apply plan.json --events - >> other.json", "standard output /dev/stdout: there is a plan"),
        ("show plan.json 1<> other.json.anna.approval", "standard output /dev/stdout: there is an approval"),
        ("completions bash >> kept", "standard output /dev/stdout: there is an approval"),
        ("plan -o third.json 2>> other.json", "standard error /dev/stderr: there is a plan"),
        ("plan -o kept", "--out kept: there is an approval"),
    ] {
        let before = files(&company);
        let typed = company.command("sh", &["-c", &format!("{BINARY} {line}")]).output().expect("it runs");
        let ended = Output::of(&[line], typed).ends(3);
        assert!(ended.stdout.contains(words) || ended.stderr.contains(words), "{ended}");
        assert!(files(&company) == before, "{line}");
    }
    company.wrote_nothing();
    let typed = company.command("sh", &["-c", &format!("{BINARY} show plan.json --format json > other.json")]).output();
    Output::of(&["> other.json"], typed.expect("it runs")).ends(0);
}

/// The refusal is not written into the file either: it is on standard output, or nowhere if that is the same file.
#[test]
fn standard_error_takes_no_place_either() {
    let company = company();
    for (line, words) in [
        ("apply plan.json 2>> plan.json", "the plan (plan.json)"),
        ("plan -o other.json 2>> employees.csv", "[[source]]"),
        ("plan -o other.json >> employees.csv 2>&1", ""),
        ("unknown 2>> employees.csv", "[[source]]"),
    ] {
        let before = files(&company);
        let typed = company.command("sh", &["-c", &format!("{BINARY} {line}")]).output().expect("it runs");
        let ended = Output::of(&[line], typed).ends(3);
        assert!(ended.stdout.contains(words), "{ended}");
        assert!(files(&company) == before, "{line}");
    }
    company.wrote_nothing();
    let typed = company.command("sh", &["-c", &format!("{BINARY} apply plan.json >> log 2>&1")]).output();
    Output::of(&[">> log 2>&1"], typed.expect("it runs")).ends(0);
}

/// Programs, databases and queries are inputs too.
#[test]
fn what_a_source_runs_or_opens_is_an_input() {
    let company = Company::new("small");
    let settings = company.read("skovik-sync.toml");
    let start = settings.find("[[source]]").expect("a source");
    let end = start + settings[start..].find("\n[employee]").expect("the next table");
    company.write("list.sh", "cat employees.csv\n");
    company.write("q.sql", "SELECT 1");
    company.write("staff.db", "");
    for (source, outputs) in [
        ("kind = \"exec\"\ncommand = [\"sh\", \"list.sh\"]\nformat = \"csv\"", &["list.sh"][..]),
        ("kind = \"exec\"\ncommand = [\"sh\", \"list.sh\", \"--from=q.sql\"]\nformat = \"csv\"", &["q.sql"]),
        (
            "kind = \"sql\"\nurl = \"sqlite:staff.db\"\nquery_file = \"q.sql\"",
            &["staff.db", "q.sql", "staff.db-wal", "staff.db-journal"],
        ),
        (
            "kind = \"http\"\nurl = \"https://hr.example.com/x\"\nca_file = \"ca.pem\"\nrecords = \"/data\"",
            &["ca.pem", "./ca.pem"],
        ),
    ] {
        let source = format!("[[source]]\nname = \"hr\"\nkey = \"employee_id\"\n{source}\n");
        company.write("skovik-sync.toml", format!("{}{source}{}", &settings[..start], &settings[end..]));
        for output in outputs {
            company.run(&["plan", "-o", output]).ends(3).says(&["--out", "of [[source]]"]);
            company.run(&["snapshot", "-o", output]).ends(3).says(&["--out", "of [[source]]"]);
        }
    }
}

/// Two names that lead to one file name are two people all the same.
#[test]
fn an_approval_does_not_take_the_place_of_another_persons() {
    let company = company();
    company.run(&["approve", "plan.json", "--yes", "--approver", "b b"]).ends(0);
    let name = "plan.json.b_b.approval";
    let before = company.read(name);
    company.run(&["approve", "plan.json", "--yes", "--approver", "b:b"]).ends(3).says(&["is the approval of b b"]);
    assert_eq!(company.read(name), before);
    company.run(&["approve", "plan.json", "--yes", "--approver", "b b"]).ends(0);
    // What cannot be read, as the approval of another user of the machine, may be somebody's.
    let large = " ".repeat(2 * 1024 * 1024);
    company.write(name, &large);
    let ran = company.run(&["approve", "plan.json", "--yes", "--approver", "b b"]).ends(3);
    assert!(ran.stderr.contains("may be the approval of somebody else"), "{ran}");
    assert!(company.read(name) == large, "{ran}");
    fs::remove_file(company.path(name)).expect("removed");
    company.run(&["approve", "plan.json", "--yes", "--approver", "b b"]).ends(0);
}
