//! `show` itself: which rendering goes where, and what it refuses.

use std::path::Path;

use clap::Parser as _;
use skovik_sync::cli::{Cli, Command};
use skovik_sync::commands::show;
use skovik_sync::exit::{ExitStatus, status_of};
use skovik_sync::plan::Plan;
use skovik_sync::render::{Ids, html, json, markdown, redact, since, text};
use skovik_sync::ui::Ui;

use super::company::Company;

fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<ExitStatus> {
    let cli = Cli::parse_from(["skovik-sync", "--quiet", "show"].iter().chain(arguments));
    let Command::Show(mut show) = cli.command else { panic!("{arguments:?} is not show") };
    show.plan = folder.join(show.plan);
    show.since = show.since.map(|old| folder.join(old));
    show.out = show.out.map(|out| folder.join(out));
    show::run(&show, &cli.global, &Ui::new(&cli.global))
}

fn write(folder: &Path, name: &str, plan: &Plan) {
    plan.write(std::fs::File::create(folder.join(name)).unwrap()).unwrap();
}

#[test]
fn each_rendering_goes_to_the_file_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (old, plan) = (Company::of(40).plan(), Company::of(50).plan());
    write(folder.path(), "old.json", &old);
    write(folder.path(), "plan.json", &plan);
    let plan_file = folder.path().join("plan.json");
    let masked = redact::mask(&plan);
    let mut masks = redact::Masks::default();
    let (masked_old, masked_new) = (masks.mask(&old), masks.mask(&plan));
    let difference = since::compare(&old, &plan);
    let options = text::TextOptions { plan_file, ..text::TextOptions::default() };
    let comment =
        |max_bytes| markdown::render(&plan, markdown::Options { max_bytes, ..markdown::Options::default() }).unwrap();
    for (arguments, expected) in [
        (&[][..], text::display(&plan, &options).to_string()),
        (&["--redact"], text::display(&masked, &options).to_string()),
        (&["--format", "markdown"], comment(65_536)),
        (&["--format", "markdown", "--max-bytes", "5000"], comment(5_000)),
        (&["--format", "html", "--redact"], html::render(&masked).unwrap()),
        (&["--format", "json"], json::render(&plan).unwrap()),
        (&["--since", "old.json"], since::text(&difference, (&old).into(), (&plan).into(), Ids::Hidden, false)),
        (
            &["--since", "old.json", "--redact", "--format", "markdown"],
            since::markdown(&difference, (&masked_old).into(), (&masked_new).into(), markdown::Options::default())
                .unwrap(),
        ),
    ] {
        let arguments = [&["plan.json", "-o", "out"], arguments].concat();
        assert_eq!(run(folder.path(), &arguments).unwrap(), ExitStatus::Done);
        let out = std::fs::read_to_string(folder.path().join("out")).unwrap();
        assert!(out == expected, "{arguments:?} gave\n{out}\nand not\n{expected}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_with_people_in_it_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "plan.json", &Company::of(5).plan());
    run(folder.path(), &["plan.json", "--format", "html", "-o", "plan.html"]).unwrap();
    let mode = std::fs::metadata(folder.path().join("plan.html")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_refused_names_the_file_or_the_option() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "plan.json", &Company::of(5).plan());
    let text = std::fs::read_to_string(folder.path().join("plan.json")).unwrap();
    std::fs::write(folder.path().join("altered.json"), text.replacen("in no source", "in no list", 1)).unwrap();
    std::fs::write(folder.path().join("cut.json"), &text[..text.len() / 2]).unwrap();
    run(folder.path(), &["plan.json", "--format", "json", "-o", "view.json"]).unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    for (arguments, status, part) in [
        (&["absent.json"][..], ExitStatus::Usage, "absent.json"),
        (&["folder"], ExitStatus::Usage, "folder"),
        (&["altered.json"], ExitStatus::Damaged, "altered.json: the file was altered"),
        (&["cut.json"], ExitStatus::Damaged, "cut.json: not a valid plan file"),
        (&["view.json"], ExitStatus::Damaged, "plan-view"),
        (&["plan.json", "--since", "altered.json"], ExitStatus::Damaged, "altered.json"),
        (&["plan.json", "--since", "plan.json", "--format", "html"], ExitStatus::Usage, "--since"),
        (&["plan.json", "--max-bytes", "9000"], ExitStatus::Usage, "--max-bytes"),
        (&["plan.json", "--format", "markdown", "--max-bytes", "4095"], ExitStatus::Usage, "at least 4096"),
        (&["plan.json", "--format", "markdown", "--all"], ExitStatus::Usage, "--all"),
        (&["plan.json", "-o", "nowhere/out"], ExitStatus::Unexpected, "nowhere"),
    ] {
        let error = run(folder.path(), arguments).unwrap_err();
        assert_eq!(status_of(&error), status, "{arguments:?}: {error:#}");
        assert!(format!("{error:#}").contains(part), "{arguments:?}: {error:#}");
    }
}
