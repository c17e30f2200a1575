#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use crate::config::{SecretPlace, Settings};

/// Gives one answer after another, and the default if there is none.
struct Script {
    answers: Vec<&'static str>,
    asked: Vec<String>,
}

impl Asker for Script {
    fn ask(&mut self, question: &str, default: &str) -> anyhow::Result<String> {
        self.asked.push(format!("{question} [{default}]"));
        let answer = if self.answers.is_empty() { "" } else { self.answers.remove(0) };
        Ok(if answer.is_empty() { default } else { answer }.to_owned())
    }
}

fn init(dir: &Path, yes: bool, interactive: bool, answers: &[&'static str]) -> (anyhow::Result<Written>, Vec<String>) {
    let mut script = Script { answers: answers.to_vec(), asked: Vec::new() };
    let result = run(&cli::Init { dir: dir.to_owned(), yes }, interactive, &mut script);
    (result, script.asked)
}

#[test]
fn the_defaults_load_and_fit_the_example() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("new/folder");
    let (written, asked) = init(&dir, true, false, &[]);
    let written = written.unwrap();
    assert!(asked.is_empty());
    assert_eq!(written.example, Some(dir.join("employees.csv")));
    assert!(written.not_found.is_empty());
    let settings = Settings::load(&written.settings).unwrap();
    assert_eq!(settings.target.url.as_str(), "http://127.0.0.1:8480/v1");
    assert_eq!(settings.target.token.place(), &SecretPlace::Variable("SKOVIK_TOKEN".to_owned()));
    assert!(settings.employee.branch.is_some() && settings.employee.manager.is_some());
    let records = crate::source::tests::read(&settings).unwrap();
    let branch =
        crate::employee::Branch { id: "br_1".into(), name: "Example AB".into(), identifier: Some("SE01".into()) };
    let rules = crate::mapping::Mapper::new(&settings).resolve(&[branch], &[]).unwrap();
    let desired = rules.employees(&records).unwrap();
    assert_eq!((desired.employees.len(), desired.set_aside.len(), desired.out_of_scope.len()), (3, 0, 1));
}

#[test]
fn every_setting_that_is_commented_out_is_one_that_exists() {
    let text = settings_template(&Answers { include: None, columns: Columns::default(), ..Answers::default() });
    let out = |line: &str| match line.strip_prefix("# ").and_then(|line| line.split_once(" = ")) {
        Some((key, _)) if !key.contains(' ') || key.starts_with('"') => line["# ".len()..].to_owned(),
        _ => line.to_owned(),
    };
    let all: String = text.lines().map(|line| out(line) + "\n").collect();
    assert!(all.matches("\n# ").count() < text.matches("\n# ").count());
    let settings = Settings::parse(&all, Path::new("skovik-sync.toml")).unwrap();
    assert!(
        settings.guard.get(&crate::guard::MAX_DELETES).is_some()
            && settings.scope.branches.is_some()
            && settings.scope.include.is_some()
    );
}

#[test]
fn columns_are_taken_from_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let header = b"Anst\xe4llningsnummer;Namn;F\xf6rnamn;Efternamn;E-post;Kostnadsst\xe4lle\n";
    fs::write(folder.path().join("employees.csv"), header).unwrap();
    let written = init(folder.path(), true, false, &[]).0.unwrap();
    assert_eq!((written.example, written.not_found), (None, vec![]));
    let text = fs::read_to_string(&written.settings).unwrap();
    for line in [
        "delimiter = \";\"\n",
        "encoding = \"windows-1252\"",
        "key = \"Anst\u{e4}llningsnummer\"\n",
        "primary_email = \"{{ hr['E-post'] | lower }}\"\n",
        "last_name = \"{{ hr.Efternamn }}\"\n",
        "\n# branch = \"{{ hr.legal_entity }}\"",
        "\n# manager = ",
        "\n# \"Cost center\" = \"{{ hr['Kostnadsst\u{e4}lle'] }}\"\n",
        "\n# include = ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert_eq!(Settings::load(&written.settings).unwrap().sources[0].key.label(), "Anst\u{e4}llningsnummer");
}

#[test]
fn what_cannot_be_guessed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("employees.csv"), "nr|mail|first_name\n").unwrap();
    let written = init(folder.path(), true, false, &[]).0.unwrap();
    assert_eq!(written.not_found, ["external_identifier", "last_name"]);
    let text = fs::read_to_string(&written.settings).unwrap();
    assert!(
        text.contains("last_name = \"{{ hr.last_name }}\"  ") && text.contains("# the header has no such column"),
        "{text}"
    );
    Settings::load(&written.settings).unwrap();
}

#[test]
fn answers_are_asked_for_at_a_terminal_only() {
    let folder = tempfile::tempdir().unwrap();
    let error = init(folder.path(), false, false, &[]).0.unwrap_err();
    assert_eq!(crate::exit::status_of(&error), ExitStatus::Usage);
    assert!(error.to_string().contains("init --yes"), "{error}");
    fs::write(folder.path().join("list.csv"), "nr,mail,first_name,last_name\n").unwrap();
    let (written, asked) = init(folder.path(), false, true, &["https://api.skovik.com/v1", "list.csv", "nr"]);
    let written = written.unwrap();
    assert_eq!((asked.len(), written.example, written.not_found.len()), (3, None, 0));
    let settings = Settings::load(&written.settings).unwrap();
    assert_eq!((settings.target.url.as_str(), &*settings.sources[0].key.label()), ("https://api.skovik.com/v1", "nr"));
}

#[test]
fn a_url_that_the_settings_refuse_is_refused_before_anything_is_written() {
    for url in
        ["http://example.com", "x\"y", "  ", "https://anna:pa55@api.skovik.com/v1", "https://api.skovik.com/v1?a=b"]
    {
        let folder = tempfile::tempdir().unwrap();
        let error = init(folder.path(), false, true, &[url]).0.unwrap_err();
        assert_eq!(crate::exit::status_of(&error), ExitStatus::Usage);
        let said = error.to_string();
        assert!(said.starts_with("the URL ") && !said.contains("pa55"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{url}");
    }
}

/// Also if the example is written, which has other columns.
#[test]
fn a_column_that_the_file_does_not_have_is_said() {
    for list in [Some("employee_id,email,first_name,last_name\n"), None] {
        let folder = tempfile::tempdir().unwrap();
        list.into_iter().for_each(|list| fs::write(folder.path().join("employees.csv"), list).unwrap());
        let written = init(folder.path(), false, true, &["", "", "nr"]).0.unwrap();
        assert_eq!(written.not_found, ["external_identifier"]);
        let text = fs::read_to_string(&written.settings).unwrap();
        let said = text.lines().any(|line| line.contains("{{ hr.nr }}") && line.contains("no such column"));
        assert!(text.contains("key = \"nr\"\n") && said, "{text}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(SETTINGS), "mine").unwrap();
    let error = init(folder.path(), true, false, &[]).0.unwrap_err();
    assert_eq!(crate::exit::status_of(&error), ExitStatus::Usage);
    assert!(error.to_string().contains("is there already"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join(SETTINGS)).unwrap(), "mine");
    assert!(!folder.path().join("employees.csv").exists());
}

#[test]
fn a_column_that_would_end_its_place_in_a_template_is_refused() {
    for key in ["x'] ~ hr['email", "employee id'", "a\\b", "a\"b", "employee }} id", "{# id #}"] {
        let folder = tempfile::tempdir().unwrap();
        let (written, _) = init(folder.path(), false, true, &["", "", key]);
        let problem = written.unwrap_err().to_string();
        assert!(problem.contains("cannot be written into a template"), "{problem}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{key}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (written, _) = init(folder.path(), false, true, &["", "", "employee id % # | lower"]);
    Settings::load(&written.unwrap().settings).unwrap();
}

/// The reader of the settings sees every letter of a name, and the program reads the same name.
#[test]
fn what_nobody_sees_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let header =
        "\u{202e}employee_id,e\u{200b}mail,first_name\t,\u{e0061}last_name,cost\u{2066}_center\n1,a@x.se,A,B,1\n";
    let file = "li\u{2028}st \"q\" \\ \u{1b}[31m.csv";
    fs::write(folder.path().join(file), header).unwrap();
    let (written, asked) = init(folder.path(), false, true, &["http://127.0.0.1:1/v1\u{200d}", file]);
    let text = fs::read_to_string(&written.unwrap().settings).unwrap();
    assert!(text.chars().all(|c| c == '\n' || !crate::text::is_unseen(c)), "{text:?}");
    for line in [
        "url = \"http://127.0.0.1:1/v1\\U0000200d\" ",
        "path = \"li\\U00002028st \\\"q\\\" \\\\ \\U0000001b[31m.csv\"\n",
        "key = \"\\U0000202eemployee_id\"\n",
        "primary_email = \"{{ hr['e\\U0000200bmail'] | lower }}\"\n",
        "last_name = \"{{ hr['\\U000e0061last_name'] }}\"\n",
        "\n# \"Cost center\" = \"{{ hr['cost\\U00002066_center'] }}\"\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(asked[2].ends_with("[\\u{202e}employee_id]"), "{asked:?}");
    let text = text.replace("http://127.0.0.1:1/v1\\U0000200d", "http://127.0.0.1:1/v1");
    let settings = Settings::parse(&text, &folder.path().join(SETTINGS)).unwrap();
    assert_eq!(&*settings.sources[0].key.label(), "\u{202e}employee_id");
    let records = crate::source::tests::read(&settings).unwrap();
    let people = crate::mapping::Mapper::new(&settings).resolve(&[], &[]).unwrap().employees(&records).unwrap();
    assert_eq!((people.employees.len(), people.set_aside.len()), (1, 0));
}
