//! The examples of the documentation: their command lines are the program's, and their settings can be read.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use skovik_sync::cli::{Cli, Command};
use skovik_sync::config::Settings;

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The command lines of the commands that do the work, word by word.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let starts = code.flat_map(|line| line.match_indices("skovik-sync ").map(|(at, _)| &line[at..]));
    let words = |line: &str| -> Vec<String> {
        let end = line.find(['|', '>', '&', ';', ')']).unwrap_or(line.len());
        line[..end].split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect()
    };
    let works = |line: &Vec<String>| {
        line.iter().any(|word| matches!(word.as_str(), "plan" | "apply" | "run" | "serve" | "snapshot"))
    };
    starts.map(words).filter(works).collect()
}

#[test]
fn their_command_lines_are_understood() {
    for (name, expected) in [
        ("github/skovik-plan.yml", 2),
        ("github/skovik-snapshot.yml", 1),
        ("github/skovik-apply.yml", 1),
        ("gitlab/gitlab-ci.yml", 4),
        ("systemd/skovik-sync.service", 1),
        ("systemd/skovik-sync-serve.service", 1),
        ("cron/skovik-sync", 1),
    ] {
        let found: Vec<_> = command_lines(&read(name)).into_iter().filter(|line| line.len() > 2).collect();
        assert_eq!(found.len(), expected, "{name}: {found:?}");
        for line in found {
            Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{name}: {line:?}: {error}"));
        }
    }
}

/// The runner of GitHub takes `##[error]…` anywhere in a line for a command, also within a name.
#[test]
fn what_the_program_prints_gives_the_runner_of_github_no_commands() {
    for name in ["skovik-plan.yml", "skovik-snapshot.yml", "skovik-apply.yml"] {
        let text = read(&format!("github/{name}"));
        // Each call prints, if only an error. What a pipe or a substitution takes away is not all of it.
        let code = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        let calls: Vec<&str> =
            code.filter(|line| line.replace("## skovik-sync plan:", "").contains("skovik-sync ")).collect();
        assert!(!calls.is_empty(), "{name}");
        let is_text = |line: &&str| line.starts_with("as_text skovik-sync ") && !line.contains(['>', ';', '`']);
        let is_whole = |line: &&str| !line.replace(" || code=$?", "").contains(['|', '&']);
        assert!(calls.iter().all(|line| is_text(line) && is_whole(line)), "{name}: {calls:#?}");
        // The runner reads both streams, and in no order.
        for part in ["::stop-commands::", "\"$@\" 2>&1"] {
            assert_eq!(text.matches(part).count(), text.matches("as_text() {").count(), "{name}: {part}");
        }
    }
}

#[test]
fn the_cron_job_of_kubernetes_runs_run_with_settings_that_can_be_read() {
    let text = read("kubernetes/cronjob.yaml");
    let args = text.split("args:\n").nth(1).expect("arguments").lines().map(str::trim);
    let args = args.map_while(|line| line.strip_prefix("- "));
    let cli = Cli::try_parse_from(std::iter::once("skovik-sync").chain(args)).expect("understood");
    assert!(matches!(cli.command, Command::Run(_)));

    let settings =
        text.split("skovik-sync.toml: |\n").nth(1).expect("settings").split("---\n").next().expect("settings");
    let settings: String =
        settings.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    let settings = Settings::parse(&settings, Path::new("skovik-sync.toml")).expect("good settings");
    assert!(settings.approval.automatic && settings.guard.demand(&skovik_sync::guard::BRANCH_DELETE_PERCENT));
}

/// The settings in the descriptions of the kinds of source, each with its file. Those of a source alone are completed.
fn settings_of_sources() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/sources");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
        for block in blocks.filter(|block| block.contains("[[source]]")) {
            let target = "[target]\nkind = \"skovik\"\nurl = \"https://api.example.com\"\n";
            let employee =
                "[employee]\nexternal_identifier = 'x'\nprimary_email = 'x'\nfirst_name = 'x'\nlast_name = 'x'\n";
            let before = if block.contains("[target]") { "" } else { target };
            let after = if block.contains("\n[employee]") { "" } else { employee };
            found.push((name.clone(), format!("{before}{block}\n{after}")));
        }
    }
    found
}

#[test]
fn the_settings_of_every_kind_of_source_can_be_read() {
    let found = settings_of_sources();
    let of = |kind: &str| found.iter().filter(|(name, _)| name == kind).count();
    // One at the top, a complete one, and the ready ones of four services.
    assert!(of("http.md") >= 6 && of("scim.md") >= 2 && of("sql.md") >= 2 && of("ldap.md") >= 3, "{found:#?}");
    // A query in a file of its own is part of the settings.
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("people.sql"), "SELECT * FROM people").expect("written");
    for (name, text) in found {
        Settings::parse(&text, &folder.path().join("skovik-sync.toml"))
            .unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
    }
}

const COMPLETE: &str = "[target]\nkind = \"skovik\"\nurl = \"https://api.example.com\"\n[[source]]\nname = \"hr\"\nkind = \"csv\"\n\
    path = \"hr.csv\"\nkey = \"id\"\n[employee]\nexternal_identifier = 'x'\nprimary_email = 'x'\nfirst_name = 'x'\nlast_name = 'x'\n";

#[test]
fn the_settings_of_the_service_can_be_read_for_every_sender() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/serve.md")).expect("text");
    let parse = |more: &str| {
        let settings = Settings::parse(&format!("{COMPLETE}{more}"), Path::new("skovik-sync.toml"));
        settings.unwrap_or_else(|error| panic!("{error}\n{more}"))
    };
    let block = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("settings");
    let settings = parse(block);
    assert!(settings.schedule.is_some() && settings.webhooks.len() == 1 && settings.notify.len() == 1);
    // Each row of the table of senders names its settings between backticks.
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains("`verify = "));
    let webhooks: Vec<String> = rows
        .map(|row| {
            let code = row.split('`').skip(1).step_by(2).filter(|code| code.contains(" = "));
            code.map(|setting| format!("{setting}\n")).collect()
        })
        .collect();
    assert!(webhooks.len() >= 6, "{webhooks:?}");
    for webhook in webhooks {
        let header = if webhook.contains("hmac") && !webhook.contains("header = ") { "header = \"X\"\n" } else { "" };
        parse(&format!("[[webhook]]\nname = \"hr\"\npath = \"/hr\"\nsecret_env = \"HR\"\n{webhook}{header}"));
    }
}

#[test]
fn each_customer_of_kubernetes_has_settings_of_their_own() {
    let base = read("kubernetes/customers/base/cronjob.yaml");
    let args = base.split("args:\n").nth(1).expect("arguments").lines().map(str::trim);
    let args = args.map_while(|line| line.strip_prefix("- "));
    Cli::try_parse_from(std::iter::once("skovik-sync").chain(args)).expect("understood");
    for customer in ["acme", "globex"] {
        let overlay = read(&format!("kubernetes/customers/{customer}/kustomization.yaml"));
        assert!(
            overlay.contains("- ../base") && overlay.contains(&format!("namespace: skovik-{customer}")),
            "{overlay}"
        );
        assert!(overlay.contains("name: skovik-settings") && base.contains("name: skovik-settings"), "{overlay}");
        let settings = read(&format!("kubernetes/customers/{customer}/skovik-sync.toml"));
        Settings::parse(&settings, Path::new("skovik-sync.toml")).expect("good settings");
    }
}
