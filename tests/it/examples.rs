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
    let works = |line: &Vec<String>| line.iter().any(|word| matches!(word.as_str(), "plan" | "apply" | "run"));
    starts.map(words).filter(works).collect()
}

#[test]
fn their_command_lines_are_understood() {
    for (name, expected) in [
        ("github/skovik-plan.yml", 1),
        ("github/skovik-apply.yml", 1),
        ("gitlab/gitlab-ci.yml", 2),
        ("systemd/skovik-sync.service", 1),
        ("cron/skovik-sync", 1),
    ] {
        let found: Vec<_> = command_lines(&read(name)).into_iter().filter(|line| line.len() > 2).collect();
        assert_eq!(found.len(), expected, "{name}: {found:?}");
        for line in found {
            Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{name}: {line:?}: {error}"));
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
    assert!(settings.approval.automatic && settings.guard.per_branch.is_some());
}
