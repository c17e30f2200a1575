//! Keys reach no program that did not ask for them, and no message.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use serde_json::json;

use super::{CSV, company};
use crate::harness::{Company, Output};
use crate::servers::web::{Web, json as answer};

/// The key of Skovik's API, that of another source, and that of the state folder.
const KEY: &str = "sk-live-0123456789abcdef";
const OTHER: &str = "hr-secret-fedcba9876543210";
const STATE: &str = "state-key-0123456789abcdef0123456789abcdef";

#[track_caller]
fn tells_nothing(output: Output) -> Output {
    for secret in [KEY, OTHER, STATE, "0123456789abcdef", "fedcba9876543210"] {
        assert!(!format!("{output}").contains(secret), "{output}");
    }
    output
}

/// A company whose list a program prints, beside a source that a server gives, with all keys in the environment.
fn with_program(script: &str, more: &str) -> (Company, Web) {
    let web = Web::always(answer(json!([{"id": "1001", "note": ""}])));
    let mut company = company(&format!("kind = \"exec\"\ncommand = [\"sh\", \"script\"]\nformat = \"csv\"\n{more}"));
    company.write("script", script);
    company.append(
        "skovik-sync.toml",
        &format!(
            "\n[[source]]\nname = \"more\"\nkind = \"http\"\nurl = \"{}/notes\"\nkey = \"id\"\nmax_unmatched_percent = 100\n[source.auth]\nkind = \
             \"bearer\"\ntoken_env = \"HR_SECRET\"\n",
            web.url
        ),
    );
    company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_env = \"OUR_KEY\"");
    // The sandbox takes any key.
    company.env("OUR_KEY", KEY).env("SKOVIK_TOKEN", "of-another-run-0123456789abcdef").env("HR_SECRET", OTHER);
    company.env("SKOVIK_SYNC_STATE_KEY", STATE).env("PLAIN", "seen");
    (company, web)
}

/// The environment that a program had, which it wrote into a file.
fn seen(company: &Company) -> String {
    let text = company.read("seen");
    fs::remove_file(company.path("seen")).unwrap();
    assert!(text.contains("PLAIN=seen\n") && text.contains("HOME="), "{text}");
    text
}

#[test]
fn a_program_gets_no_key_unless_its_source_asks_for_it() {
    let script = "env >seen; cat employees.csv";
    let secrets = ["OUR_KEY=", "SKOVIK_TOKEN=", "HR_SECRET=", "SKOVIK_SYNC_STATE_KEY=", "0123456789abcdef"];
    let (company, _web) = with_program(script, "");
    tells_nothing(company.run(&["plan", "-vvv"])).ends(0);
    let environment = seen(&company);
    secrets.iter().for_each(|secret| assert!(!environment.contains(secret), "{environment}"));

    let (company, _web) = with_program(script, "env = [\"HR_SECRET\"]\n");
    tells_nothing(company.run(&["plan", "-vvv"])).ends(0);
    let environment = seen(&company);
    assert!(environment.contains(&format!("HR_SECRET={OTHER}\n")), "{environment}");
    for secret in ["OUR_KEY=", "SKOVIK_TOKEN=", "SKOVIK_SYNC_STATE_KEY="] {
        assert!(!environment.contains(secret), "{environment}");
    }
}

#[test]
fn a_program_that_prints_a_secret_gets_no_other() {
    let (company, _web) = with_program("cat employees.csv", "");
    company.write("vault", "env >seen; echo any-key");
    company.edit("skovik-sync.toml", "token_env = \"OUR_KEY\"", "token_command = [\"sh\", \"vault\"]");
    tells_nothing(company.run(&["check"])).ends(0);
    let environment = seen(&company);
    for secret in ["SKOVIK_TOKEN=", "HR_SECRET=", "SKOVIK_SYNC_STATE_KEY="] {
        assert!(!environment.contains(secret), "{environment}");
    }
}

#[test]
fn what_a_source_may_ask_for() {
    for (env, code, parts) in [
        ("env = [\"NOT_SET\"]", 3, &["`env` in [[source]] `hr`", "NOT_SET is not set"][..]),
        ("env = [\"SKOVIK_SYNC_STATE_KEY\"]", 3, &["`env`", "with which journals could be forged"]),
        ("env = [\"sk-live-0123456789abcdef\"]", 3, &["`env`", "24 characters"]),
        ("env = \"HR_SECRET\"", 3, &["must be a list of texts"]),
    ] {
        let (company, _web) = with_program("cat employees.csv", &format!("{env}\n"));
        tells_nothing(company.run(&["plan"])).ends(code).says(parts);
    }
    // It belongs to what the plan is bound to.
    let (company, _web) = with_program("cat employees.csv", "");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.edit("skovik-sync.toml", "format = \"csv\"\n", "format = \"csv\"\nenv = [\"HR_SECRET\"]\n");
    company.run(&["apply", "plan.json"]).ends(7);
}

#[test]
fn whatever_a_program_says_is_shown_without_keys() {
    for script in [
        // What it finds out by itself, from the process that started it.
        "tr '\\0' '\\n' <\"/proc/$PPID/environ\" | grep -e OUR_KEY -e HR_SECRET -e STATE_KEY >&2; exit 3",
        "tr '\\0' '\\n' <\"/proc/$PPID/environ\" | grep -e HR_SECRET | sed 's/-/-\\x1b[1m/g' >&2; exit 3",
        "head -c 280 /dev/zero | tr '\\0' x >&2; tr '\\0' '\\n' <\"/proc/$PPID/environ\" | grep OUR_KEY >&2; exit 3",
        // A list with a key for a name, for a row that is ragged.
        "tr '\\0' '\\n' <\"/proc/$PPID/environ\" | grep -e OUR_KEY; echo a",
        "K=$(tr '\\0' '\\n' <\"/proc/$PPID/environ\" | sed -n s/HR_SECRET=//p); printf \"$K,$K\\n1,2\\n\"",
    ] {
        let (company, _web) = with_program(script, "");
        let output = tells_nothing(company.run(&["plan", "-vvv"]));
        assert!(output.code == Some(3) || output.code == Some(4), "{output}");
        tells_nothing(company.run(&["check"]));
    }
    // A key in the place of a key of the list that is repeated.
    let script = "K=$(tr '\\0' '\\n' <\"/proc/$PPID/environ\" | sed -n s/OUR_KEY=//p); head -1 employees.csv; for i in 1 2; do \
                  echo \"$K,a@example.com,A,B,SE01,,4100,active\"; done";
    let (company, _web) = with_program(script, "");
    tells_nothing(company.run(&["check"])).prints(&["key_claimed_twice (1)", "same employee_id \"[key]\""]);
}

#[test]
fn a_key_in_the_place_of_a_name_is_not_shown() {
    let line = "token_env = \"SKOVIK_TOKEN\"";
    for key in [
        KEY,
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "hunter2",
        "Tr0ub4dor&3",
        "0123456789abcdef0123456789abcdef",
        "abcdef0123456789abcdef0123456789",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "dGhpc2lzYXNlY3JldGtleQ==",
    ] {
        let company = Company::new("small");
        let good = company.read("skovik-sync.toml");
        for (setting, shown) in [
            ("token_env = 'KEY'", false),
            ("token_file = 'KEY'", key.len() < 12),
            ("token_command = ['KEY']", key.len() < 12),
        ] {
            company.write("skovik-sync.toml", good.replace(line, &setting.replace("KEY", key)));
            let output = company.run(&["plan", "-vvv"]).ends(3).says(&["token_"]);
            assert!(shown || !format!("{output}").contains(key), "{setting} {key}: {output}");
        }
        let hr = "kind = \"http\"\nurl = \"http://127.0.0.1:9/x\"\n";
        for auth in [
            "kind = 'bearer'\ntoken_env = 'KEY'",
            "kind = 'basic'\nuser = 'x'\npassword_env = 'KEY'",
            "kind = 'oauth2'\ntoken_url = 'http://127.0.0.1:9/x'\nclient_id = 'x'\nclient_secret_env = 'KEY'",
        ] {
            let auth = auth.replace("KEY", key);
            company.write(
                "skovik-sync.toml",
                good.replace(CSV, hr).replace("[employee]\n", &format!("[source.auth]\n{auth}\n[employee]\n")),
            );
            let output = company.run(&["plan", "-vvv"]).ends(3).says(&["_env"]);
            assert!(!format!("{output}").contains(key), "{auth}: {output}");
        }
        for (from, to) in [
            ("kind = \"csv\"", "kind = 'KEY'"),
            ("[scope]", "[scope]\nKEY = 1"),
            ("[scope]", "[scope]\nremove = 'KEY'"),
        ] {
            if key.len() > 20 && !key.ends_with('=') {
                company.write("skovik-sync.toml", good.replace(from, &to.replace("KEY", key)));
                let output = company.run(&["plan"]).ends(3);
                assert!(!format!("{output}").contains(key), "{to}: {output}");
            }
        }
    }
}

/// A program that got the key, by whatever way, may spell it otherwise.
#[test]
fn a_key_in_another_spelling_is_masked_too() {
    let get = "K=$(tr '\\0' '\\n' <\"/proc/$PPID/environ\" | sed -n s/OUR_KEY=//p)";
    // What each prints, and what of the key may be seen then.
    for (print, traces) in [
        ("printf %s \"$K\" | base64", "c2stbGl2ZS0wMTIzNDU2Nzg5YWJjZGVm"),
        ("printf %s \"anna:$K\" | base64", "2stbGl2ZS0wMTIzNDU2Nzg5YWJjZGVm"),
        ("printf %s \"ann:$K\" | base64 | tr '+/' '-_' | tr -d =", "zay1saXZlLTAxMjM0NTY3ODlhYmNkZW"),
        ("printf %s \"$K\" | od -An -tx1 -w99 | tr -d ' '", "736b2d6c6976652d3031323334353637383961626364656"),
        ("printf %s \"$K\" | od -An -tx1 -w99 | tr ' ' '%'", "%73%6b%2d%6c"),
        ("printf %s \"$K\" | od -An -tx1 -w99", "73 6b 2d 6c"),
        ("printf %s \"$K\" | od -An -tx1 -w99 | tr ' ' :", "73:6b:2d:6c"),
        ("printf %s \"$K\" | tr a-z A-Z", "SK-LIVE"),
    ] {
        for way in [format!("{get}; {print} >&2; exit 3"), format!("{get}; echo \"x,$({print})\"; echo 1,2")] {
            let (company, _web) = with_program(&way, "");
            for args in [&["plan", "-vvv"][..], &["check", "-vvv"]] {
                let output = tells_nothing(company.run(args));
                let all = format!("{output}").to_lowercase();
                assert!(!all.contains(&traces[..7].to_lowercase()), "{print}: {output}");
            }
        }
    }
}

/// A file with one word may be a key.
#[test]
fn the_only_column_of_a_file_is_not_shown() {
    for (file, kind) in [
        ("hunter2\n", "csv"),
        ("hunter2\n1\n2\n", "csv"),
        ("[{\"hunter2\": 1}]", "json"),
        ("{\"hunter2\": 1}\n", "jsonl"),
    ] {
        let company = company(&format!("kind = \"{kind}\"\npath = \"secret\"\n"));
        company.write("secret", file);
        for args in [&["plan", "-vvv"][..], &["check", "-vvv"]] {
            let output = company.run(args);
            assert!(output.code == Some(3) || output.code == Some(4), "{kind}: {output}");
            assert!(!format!("{output}").contains("hunter2"), "{kind}: {output}");
        }
    }
}

/// The first line of a file that is not a list: a password file, a file of variables, a key.
#[test]
fn a_file_that_is_no_list_is_not_quoted() {
    const MARK: &str = "zX81qQ37";
    let secret = format!("19000{MARK}$6$salt{MARK}longhash{MARK}");
    for (file, kind) in [
        (format!("root:{secret}:19000:0:99999:7:::\ndaemon:*:1\n"), "csv"),
        (format!("API_KEY={secret}\nOTHER=1\n"), "csv"),
        (format!("employeeid={secret}\nOTHER=1\n"), "csv"),
        (format!("a{secret},a{secret}\n1,2\n"), "csv"),
        (format!("{{\"k\": \"{secret}\"}}"), "json"),
        (format!("\"{secret}\""), "json"),
        (format!("[\"{secret}\"]"), "json"),
        (format!("[[\"{secret}\"]]"), "json"),
        (format!("[{{\"very-long-name-{secret}\": 1}}]"), "json"),
        (
            format!("[{{\"employee_id\": 1, \"x\": {{\"name-of-it-{secret}\": 1, \"name-of-it-{secret}\": 2}}}}]"),
            "json",
        ),
        (format!("\"{secret}\"\n"), "jsonl"),
        (format!("{{\"very-long-name-{secret}\": 1}}\n"), "jsonl"),
        (secret.clone(), "jsonl"),
        (secret.clone(), "xlsx"),
    ] {
        let company = company(&format!("kind = \"{kind}\"\npath = \"secrets\"\n"));
        company.write("secrets", &file);
        for args in [&["plan", "-vvv"][..], &["check", "-vvv"]] {
            let output = company.run(args);
            assert!(output.code == Some(3) || output.code == Some(4), "{file}: {output}");
            assert!(!format!("{output}").contains(MARK), "{file}: {output}");
        }
    }
    // If the first column is known, `check` shows the others, as far as they look like names.
    let company = company("kind = \"csv\"\npath = \"secrets\"\ndelimiter = \"=\"\n");
    company.write("secrets", format!("employee_id=19000{MARK}{MARK}\n1=2\n"));
    let output = company.run(&["check"]);
    assert!(!format!("{output}").contains(MARK), "{output}");
}
