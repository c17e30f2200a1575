//! Where a key is kept: in a file, printed by a command, or pasted where it does not belong.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{BINARY, Company, Output};

#[test]
fn a_key_pasted_as_the_name_of_a_header_is_only_counted() {
    let company = Company::new("small");
    let pasted = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    let source = "\n[[source]]\nname = \"other\"\nkind = \"http\"\nurl = \"http://127.0.0.1:1/\"\nkey = \"id\"\n";
    let good = company.read("skovik-sync.toml");
    for (table, name) in [("headers", format!("{pasted} x")), ("headers", format!("Token-{pasted}"))] {
        company.write("skovik-sync.toml", format!("{good}{source}{table} = {{ \"{name}\" = \"y\" }}\n"));
        let output = company.run(&["plan", "-vvv"]).ends(3);
        let counted = format!("a key of {} characters in `headers` in [[source]] `other` (line ", name.len());
        assert!(output.stderr.contains(&counted) && !output.stderr.contains("4eC39"), "{output}");
    }
}

/// Without a terminal; on one, Ctrl-C reaches everything that was started.
#[test]
fn a_signal_ends_everything_that_the_command_for_the_key_has_started() {
    for signal in ["INT", "TERM"] {
        let company = Company::new("small");
        let command = r#"token_command = ["sh", "-c", "sleep 60 & echo $! >child; wait"]"#;
        company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", command);
        let mut command = company.command("setsid", &[BINARY, "plan"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = command.spawn().expect("the tests need `setsid`, from Debian's package util-linux");
        let child = loop {
            match fs::read_to_string(company.path("child")) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        };
        assert!(Command::new("kill").args(["-s", signal, &running.id().to_string()]).status().unwrap().success());
        Output::of(&["plan"], running.wait_with_output().unwrap()).ends(130);
        // A process whose parent has ended may not have been waited for yet.
        let goes_on = || fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        let begun = Instant::now();
        while goes_on() {
            assert!(begun.elapsed() < Duration::from_secs(10), "{child} goes on");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_warning_about_a_file_hides_nothing_of_its_name() {
    let name = "t\u{202e}\u{200b}\u{e000}\u{85}\u{9b}\u{a0}\u{2028}f";
    let company = Company::new("small");
    company.write(name, "key\n");
    fs::set_permissions(company.path(name), fs::Permissions::from_mode(0o644)).unwrap();
    let escaped = name.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) });
    let setting = format!("token_file = \"{}\"", escaped.collect::<String>());
    company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", &setting);
    for format in ["text", "json"] {
        let output = company.run(&["plan", "-vvv", "--log-format", format]).ends(0);
        let hidden = |c: char| !c.is_ascii() && name.contains(c);
        assert!(output.stderr.contains("others can read token_file") && !output.stderr.contains(hidden), "{output:?}");
    }
}

/// Many services give a UUID for a key, and people choose passphrases.
#[test]
fn a_key_of_any_shape_in_place_of_its_file_or_program_is_only_counted() {
    for pasted in
        ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", "correct!horse#battery", "./3f2504e0-4f89-41d3-9a0c-0305e82c3301"]
    {
        for setting in [format!("token_file = \"{pasted}\""), format!("token_command = [\"{pasted}\"]")] {
            let company = Company::new("small");
            company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", &setting);
            let output = company.run(&["plan"]).ends(3).says(&["characters"]);
            assert!(!output.stderr.contains(&pasted[2..12]) && !output.stderr.contains("battery"), "{output}");
        }
    }
    let company = Company::new("small");
    company.edit("skovik-sync.toml", "token_env = \"SKOVIK_TOKEN\"", "token_file = \"secrets/key of acme.txt\"");
    company.run(&["plan"]).ends(3).says(&["secrets/key of acme.txt"]);
}

/// An address or a line for a shell may hold a key, where the name of a file or a program belongs.
#[test]
fn an_address_or_a_command_line_in_place_of_a_file_or_a_program_is_only_counted() {
    const FROM: &str = "kind = \"csv\"\npath = \"employees.csv\"\n";
    let secret = "hunter2horse";
    for source in [
        format!("kind = \"csv\"\npath = \"https://x.example/hr.csv?sig={secret}\"\n"),
        format!("kind = \"json\"\npath = \"s3://me:{secret}@bucket/hr.json\"\n"),
        format!("kind = \"csv\"\npath = \"employees.csv\"\nsha256_file = \"https://me:{secret}@x.example/sum\"\n"),
        format!("kind = \"exec\"\nformat = \"csv\"\ncommand = [\"curl -H 'X-Key: {secret}' https://x.example\"]\n"),
        format!("kind = \"exec\"\nformat = \"csv\"\ncommand = [\"HR_PASSWORD={secret}\", \"./export\"]\n"),
        "kind = \"csv\"\npath = \"sk9QzT4mVx7LpWc2RbNf8HdJ6hunter2horse\"\n".to_owned(),
    ] {
        let company = Company::new("small");
        company.edit("skovik-sync.toml", FROM, &source);
        let output = company.run(&["plan", "-vvv"]).ends(3).says(&["characters, not shown"]);
        assert!(!output.stderr.contains(secret), "{output}");
    }
    // A program may have blanks in its name, and an argument anything.
    let company = Company::new("small");
    company.write("my list", "#!/bin/sh\ncat employees.csv\n");
    fs::set_permissions(company.path("my list"), fs::Permissions::from_mode(0o755)).unwrap();
    let source = "kind = \"exec\"\nformat = \"csv\"\ncommand = [\"./my list\", \"A=b c\"]\n";
    company.edit("skovik-sync.toml", FROM, source);
    company.run(&["plan"]).ends(0);
}

/// Somebody may name a file with a key where a plan or an approval belongs.
#[test]
fn a_text_in_place_of_a_plan_or_an_approval_is_not_quoted() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    for text in [
        r#""Zq7Xw9Kp2Lm4Rt6Vb8Nc1""#,
        r#"["Zq7Xw9Kp2Lm4Rt6Vb8Nc1"]"#,
        r#"{"format":"Zq7Xw9Kp2Lm4Rt6Vb8Nc1","format_version":"Zq7X"}"#,
    ] {
        company.write("secret", text);
        company.write("plan.json.x.approval", text);
        for args in [&["show", "secret"][..], &["apply", "secret"], &["undo", "secret"], &["verify", "plan.json"]] {
            let output = company.run(args);
            assert!(output.code != Some(0), "{output}");
            assert!(!output.stderr.contains("Zq7X") && !output.stdout.contains("Zq7X"), "{output}");
        }
    }
}

/// A pipeline may give the key where the name of its file belongs.
#[test]
fn a_private_key_in_place_of_a_file_is_only_counted() {
    let lines = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gt";
    let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n");
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    for (pasted, is_whole) in [(key.as_str(), true), (lines, false)] {
        let given = |option: &str| format!("{option}={pasted}");
        for line in [
            &["approve", "plan.json", "--yes", &given("--sign-key")][..],
            &["approve", "plan.json", "--yes", "--sign-key", pasted],
            &["approve", "plan.json", "--yes", &given("--signature")],
            &["apply", pasted],
            &["plan", &given("--as-of")],
            &[pasted],
            // Of these, only a whole key tells that it is one.
            &["plan", &given("--config")],
            &["plan", &given("--users")],
            &["plan", &given("--out")],
            &["sandbox", "--port", "0", &given("--seed")],
        ] {
            if is_whole || !["--config", "--users", "--out", "--seed"].iter().any(|name| line.concat().contains(name)) {
                let output = company.run(line).ends(3);
                assert!(!output.stderr.contains(&lines[..20]) && !output.stdout.contains(&lines[..20]), "{output}");
            }
        }
        let good = company.read("skovik-sync.toml");
        let quoted = pasted.replace('\n', "\\n");
        for (setting, after) in [("path = \"employees.csv\"", ""), ("kind = \"csv\"", "kind = \"csv\"\nsha256_")] {
            let name = if after.is_empty() { "path" } else { "file" };
            company.write("skovik-sync.toml", good.replacen(setting, &format!("{after}{name} = \"{quoted}\""), 1));
            let output = company.run(&["plan"]).ends(3);
            assert!(output.stderr.contains("not shown, as they may be a key itself"), "{output}");
            assert!(!output.stderr.contains(&lines[..20]), "{output}");
        }
        company.write("skovik-sync.toml", good);
    }
}
