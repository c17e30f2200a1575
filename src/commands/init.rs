//! `init`: writes a commented settings file that works against the sandbox, fitted to the company's CSV file if there
//! is one. It overwrites nothing.

#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::common::shown;
use crate::cli;
use crate::exit::{ExitStatus, OrRefuse, refused};
use crate::files::{Links, read_regular};
use crate::source::csv_header;
use crate::text::shell_path;
use crate::ui::Ui;

/// The largest list that `init` reads, in bytes. It reads the whole list to find out the encoding.
const MOST_LIST: u64 = 1024 * 1024 * 1024;
/// The settings file's name.
const SETTINGS: &str = "skovik-sync.toml";
const TEMPLATE: &str = include_str!("init.toml");
const EXAMPLE: &str = include_str!("employees.csv");
/// The column where comments begin, as in the rest of the file.
const COMMENT_COLUMN: usize = 41;

/// Asks the person at the terminal.
pub trait Asker {
    /// The answer to a question; `default` if the answer is empty.
    ///
    /// # Errors
    /// If the terminal fails, or the person stops.
    fn ask(&mut self, question: &str, default: &str) -> anyhow::Result<String>;
}

/// The values that the settings file is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The base URL of the API.
    pub url: String,
    /// The CSV file, relative to the settings file.
    pub csv: String,
    /// The delimiter of its cells.
    pub delimiter: char,
    /// Its encoding, if it is not UTF-8.
    pub encoding: Option<&'static str>,
    /// Its columns.
    pub columns: Columns,
    /// Which records count as employed.
    pub include: Option<String>,
}

/// The known columns of the CSV file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The employee number, which is the key too.
    pub employee_id: Option<String>,
    /// The e-mail.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The legal entity.
    pub legal_entity: Option<String>,
    /// The manager's employee number.
    pub manager_id: Option<String>,
    /// The cost centre.
    pub cost_center: Option<String>,
}

/// What `init` did.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// The settings file.
    pub settings: PathBuf,
    /// The example of a CSV file, if one was written.
    pub example: Option<PathBuf>,
    /// The mandatory settings whose column could not be found in the header; they hold a guess.
    pub not_found: Vec<&'static str>,
}

impl Default for Answers {
    /// What fits the sandbox and the example.
    fn default() -> Self {
        let header = EXAMPLE.lines().next().unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>();
        Self {
            url: "http://127.0.0.1:8480/v1".to_owned(),
            csv: "employees.csv".to_owned(),
            delimiter: ',',
            encoding: None,
            columns: Columns::guess(&header),
            include: Some("hr.status == 'active'".to_owned()),
        }
    }
}

/// Runs `init` at the terminal.
///
/// # Errors
/// As [`run`].
pub fn command(args: &cli::Init, ui: &Ui) -> anyhow::Result<ExitStatus> {
    struct AtTerminal<'a>(&'a Ui);
    impl Asker for AtTerminal<'_> {
        fn ask(&mut self, question: &str, default: &str) -> anyhow::Result<String> {
            self.0.input(question, Some(default), "use `init --yes` to take the defaults")
        }
    }
    let Written { settings, example, not_found } = run(args, ui.can_ask(), &mut AtTerminal(ui))?;
    ui.line(format!("wrote {}", shown(&settings)))?;
    if let Some(example) = example {
        ui.line(format!("wrote {}, an example of an employee list", shown(&example)))?;
    }
    for setting in not_found {
        ui.warn(format!("no column of the CSV file looks like {setting}: look at that line of the settings"));
    }
    let config = shell_path(&settings);
    ui.note("\nTo try it, in one terminal: skovik-sync sandbox");
    ui.note(format!("and in another: SKOVIK_TOKEN=any skovik-sync --config {config} check"));
    Ok(ExitStatus::Done)
}

/// Writes the settings file into the folder, and an example of a CSV file beside it if there is none. `interactive`
/// says whether there is a terminal to ask at.
///
/// # Errors
/// Exit code 3 if there are settings already, or a question is necessary and there is no terminal.
pub fn run(args: &cli::Init, interactive: bool, asker: &mut dyn Asker) -> anyhow::Result<Written> {
    if args.dir.exists() && !args.dir.is_dir() {
        let problem = format!(
            "{} is a file, and `init` takes the folder to write {SETTINGS} into: leave it out to take this folder",
            shown(&args.dir)
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    let settings = args.dir.join(SETTINGS);
    if settings.exists() {
        return Err(exists(&settings));
    }
    if !args.yes && !interactive {
        return Err(refused(
            ExitStatus::Usage,
            "there is no terminal to ask at; use `init --yes` to take the defaults",
        ));
    }
    let answers = if args.yes { fitted(Answers::default(), &args.dir)? } else { ask(&args.dir, asker)? };
    fs::create_dir_all(&args.dir).with_context(|| format!("cannot make the folder {}", shown(&args.dir)))?;
    write_new(&settings, &settings_template(&answers))?;
    let csv = args.dir.join(&answers.csv);
    let example = if csv.exists() {
        None
    } else {
        write_new(&csv, EXAMPLE)?;
        Some(csv)
    };
    Ok(Written { settings, example, not_found: answers.columns.not_found() })
}

/// The text of the settings file.
#[must_use]
pub fn settings_template(answers: &Answers) -> String {
    TEMPLATE.lines().filter_map(|line| filled(line, answers)).map(|line| line + "\n").collect()
}

fn ask(folder: &Path, asker: &mut dyn Asker) -> anyhow::Result<Answers> {
    let defaults = Answers::default();
    let url = asker.ask("URL of Skovik's API (the default is the sandbox)", &defaults.url)?;
    let csv = asker.ask("CSV file with the employees", &defaults.csv)?;
    let mut answers = fitted(Answers { url, csv, ..defaults }, folder)?;
    let key = asker
        .ask("Column with the employee number", answers.columns.employee_id.as_deref().unwrap_or("employee_id"))?;
    answers.columns.employee_id = Some(key);
    Ok(answers)
}

/// Adapts the answers to the CSV file, if there is one.
fn fitted(answers: Answers, folder: &Path) -> anyhow::Result<Answers> {
    let path = folder.join(&answers.csv);
    let bytes = match read_regular(&path, MOST_LIST, Links::Follow) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(answers),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", shown(&path))).or_refuse(ExitStatus::Usage);
        }
    };
    let encoding = match (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff"), std::str::from_utf8(&bytes))
    {
        (true, _) => Some("utf-16"),
        (false, Ok(_)) => None,
        (false, Err(_)) => Some("windows-1252"),
    };
    let read = |delimiter| csv_header(&bytes, delimiter, encoding.unwrap_or("utf-8")).unwrap_or_default();
    let (delimiter, header) = [',', ';', '\t', '|']
        .map(|delimiter| (delimiter, read(delimiter)))
        .into_iter()
        .rev()
        .max_by_key(|(_, header)| header.len())
        .unwrap_or((',', Vec::new()));
    // The header does not tell which values of a status column mean "employed".
    Ok(Answers { delimiter, encoding, columns: Columns::guess(&header), include: None, ..answers })
}

impl Columns {
    /// Guesses the columns by their names.
    fn guess(header: &[String]) -> Self {
        let plain = |name: &str| -> String {
            let lower = name.to_lowercase().replace(['å', 'ä'], "a").replace('ö', "o");
            lower.chars().filter(char::is_ascii_alphanumeric).collect()
        };
        // The first word that is in the name of a column wins.
        let find = |words: &[&str]| {
            let found = words.iter().find_map(|word| header.iter().find(|name| plain(name) == *word));
            found.filter(|name| !name.contains(['\\', '\'', '"'])).cloned()
        };
        Self {
            employee_id: find(&[
                "employeeid",
                "employeenumber",
                "employeeno",
                "personnelnumber",
                "anstallningsnummer",
                "personalnummer",
                "staffid",
                "empid",
                "externalidentifier",
                "id",
            ]),
            email: find(&["email", "primaryemail", "workemail", "emailaddress", "mail", "epost"]),
            first_name: find(&["firstname", "givenname", "fornamn", "vorname"]),
            last_name: find(&["lastname", "surname", "familyname", "efternamn", "nachname"]),
            legal_entity: find(&["legalentity", "companycode", "company", "branch", "entity", "bolag"]),
            manager_id: find(&["managerid", "manageremployeeid", "supervisorid", "manager", "supervisor", "chef"]),
            cost_center: find(&["costcenter", "costcentre", "kostnadsstalle", "kostenstelle"]),
        }
    }

    fn not_found(&self) -> Vec<&'static str> {
        let Self { employee_id, email, first_name, last_name, legal_entity: _, manager_id: _, cost_center: _ } = self;
        let mandatory = [
            ("external_identifier", employee_id),
            ("primary_email", email),
            ("first_name", first_name),
            ("last_name", last_name),
        ];
        mandatory.into_iter().filter(|(_, column)| column.is_none()).map(|(key, _)| key).collect()
    }
}

/// A line of the template with its value; `None` for a line that is not needed.
fn filled(line: &str, answers: &Answers) -> Option<String> {
    let Some(place) = line.strip_prefix('@').and_then(|line| line.strip_suffix('@')) else {
        return Some(line.to_owned());
    };
    let Answers { url, csv, delimiter, encoding, columns, include } = answers;
    let mandatory = |column: &Option<String>, guess: &str, filter: &str| match column {
        Some(column) => setting(place, &template(column, filter), ""),
        None => setting(place, &template(guess, filter), "the header has no such column: name the right one"),
    };
    let optional = |key: &str, column: &Option<String>, guess: &str, comment: &str| match column {
        Some(column) => setting(key, &template(column, ""), comment),
        None => format!("# {}", setting(key, &template(guess, ""), comment)),
    };
    Some(match place {
        "url" => setting(place, url, "plain http only on this machine"),
        "path" => setting(place, csv, ""),
        "delimiter" if *delimiter == ',' => return None,
        "delimiter" => {
            setting(place, if *delimiter == '\t' { "tab".to_owned() } else { delimiter.to_string() }.as_str(), "")
        }
        "encoding" => setting(place, (*encoding)?, "a guess"),
        "key" => setting(place, columns.employee_id.as_deref().unwrap_or("employee_id"), ""),
        "external_identifier" => mandatory(&columns.employee_id, "employee_id", ""),
        "primary_email" => mandatory(&columns.email, "email", " | lower"),
        "first_name" => mandatory(&columns.first_name, "first_name", ""),
        "last_name" => mandatory(&columns.last_name, "last_name", ""),
        "branch" => optional(place, &columns.legal_entity, "legal_entity", "the branch's external_identifier"),
        "manager" => {
            optional(place, &columns.manager_id, "manager_id", "the manager's external_identifier; empty: none")
        }
        // A new account has no custom fields, so this field may not exist.
        "cost_center" => {
            let column = columns.cost_center.as_deref().unwrap_or("cost_center");
            format!("# {}", setting("\"Cost center\"", &template(column, ""), ""))
        }
        "include" => {
            let comment = "an expression; those outside count as not employed";
            match include {
                Some(include) => setting(place, include, comment),
                None => format!("# {}", setting(place, "hr.status == 'active'", comment)),
            }
        }
        _ => line.to_owned(),
    })
}

fn setting(key: &str, value: &str, comment: &str) -> String {
    let line = format!("{key} = {}", toml_text(value));
    if comment.is_empty() {
        line
    } else {
        format!("{line:<width$}# {comment}", width = COMMENT_COLUMN.max(line.len() + 1))
    }
}

/// The template of a column.
fn template(column: &str, filter: &str) -> String {
    let is_name = column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && column.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if is_name { format!("{{{{ hr.{column}{filter} }}}}") } else { format!("{{{{ hr['{column}']{filter} }}}}") }
}

fn toml_text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn exists(path: &Path) -> anyhow::Error {
    refused(
        ExitStatus::Usage,
        format!("{} is there already; move it away, or name another folder: `skovik-sync init DIR`", shown(path)),
    )
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let written =
        OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
        written => written.with_context(|| format!("cannot write {}", shown(path))).or_refuse(ExitStatus::Usage),
    }
}
