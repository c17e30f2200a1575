//! `init`: writes a commented settings file that works against the sandbox, fitted to the company's CSV file if there
//! is one. It overwrites nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::common::shown;
use super::places::Places;
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse, refused};
use crate::files::{Links, read_regular};
use crate::setting::BaseUrl;
use crate::source::csv_header;
use crate::text::{escape, shell_path, unescape};
use crate::ui::Ui;

/// The largest list that `init` reads, in bytes. It reads the whole list to find out the encoding.
const MOST_LIST: u64 = 1024 * 1024 * 1024;
/// The settings file's name.
const SETTINGS: &str = "skovik-sync.toml";
const TEMPLATE: &str = include_str!("init.toml");
const EXAMPLE: &str = include_str!("employees.csv");
/// What would end the name of a column in a template, or make a template of a name.
const UNQUOTABLE: [char; 5] = ['\\', '\'', '"', '{', '}'];
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
    /// Its header.
    pub header: Vec<String>,
    /// Its recognised columns, and the one that was named.
    pub columns: Columns,
    /// Which records count as employed.
    pub include: Option<String>,
}

/// Columns of the CSV file, by the setting that each is for.
type Columns = BTreeMap<&'static str, String>;

/// A setting whose template names a column.
struct ColumnSetting {
    setting: &'static str,
    need: Need,
    /// The filter of its template.
    filter: &'static str,
    /// Likely names of the column without accents, the likeliest first.
    names: &'static [&'static str],
}

/// What is written for a setting whose column is not recognised.
enum Need {
    /// The likeliest name, for the user to correct.
    Mandatory,
    /// The likeliest name, commented out. The text is the remark on the line.
    Optional(&'static str),
    /// Always commented out: a new account has no custom fields.
    Example,
}

const fn row(setting: &'static str, need: Need, names: &'static [&'static str]) -> ColumnSetting {
    ColumnSetting { setting, need, filter: "", names }
}

/// The setting whose column is the key too.
const IDENTIFIER: ColumnSetting = row("external_identifier", Need::Mandatory, IDENTIFIER_NAMES);
const IDENTIFIER_NAMES: &[&str] = &[
    "employee_id",
    "employee_number",
    "employee_no",
    "personnel_number",
    "anstallningsnummer",
    "personalnummer",
    "staff_id",
    "emp_id",
    "external_identifier",
    "id",
];
const EMAIL_NAMES: &[&str] = &["email", "primary_email", "work_email", "email_address", "mail", "epost"];
const BRANCH_NAMES: &[&str] = &["legal_entity", "company_code", "company", "branch", "entity", "bolag"];
const MANAGER_NAMES: &[&str] = &["manager_id", "manager_employee_id", "supervisor_id", "manager", "supervisor", "chef"];
const COLUMN_SETTINGS: [ColumnSetting; 7] = [
    IDENTIFIER,
    ColumnSetting { filter: " | lower", ..row("primary_email", Need::Mandatory, EMAIL_NAMES) },
    row("first_name", Need::Mandatory, &["first_name", "given_name", "fornamn", "vorname"]),
    row("last_name", Need::Mandatory, &["last_name", "surname", "family_name", "efternamn", "nachname"]),
    row("branch", Need::Optional("the branch's external_identifier"), BRANCH_NAMES),
    row("manager", Need::Optional("the manager's external_identifier; empty: none"), MANAGER_NAMES),
    row("Cost center", Need::Example, &["cost_center", "cost_centre", "kostnadsstalle", "kostenstelle"]),
];

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
            columns: recognised(&header),
            header,
            include: Some("hr.status == 'active'".to_owned()),
        }
    }
}

/// Runs `init` at the terminal.
///
/// # Errors
/// As [`run`], and exit code 3 if an option names another settings file.
pub fn command(args: &cli::Init, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    struct AtTerminal<'a>(&'a Ui);
    impl Asker for AtTerminal<'_> {
        fn ask(&mut self, question: &str, default: &str) -> anyhow::Result<String> {
            self.0.input(question, Some(default), "use `init --yes` to take the defaults")
        }
    }
    if global.config != Path::new(SETTINGS) {
        let problem = format!(
            "init writes {SETTINGS} into a folder; leave out --config, and name the folder: skovik-sync init DIR"
        );
        return Err(refused(ExitStatus::Usage, problem));
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
    ui.notes(&["", "To try it, in one terminal: skovik-sync sandbox"]);
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
    let csv = args.dir.join(&answers.csv);
    Places::default().reads("the CSV file", &csv).check()?;
    fs::create_dir_all(&args.dir).with_context(|| format!("cannot make the folder {}", shown(&args.dir)))?;
    write_new(&settings, &settings_template(&answers))?;
    let example = if csv.exists() {
        None
    } else {
        write_new(&csv, EXAMPLE)?;
        Some(csv)
    };
    let missing = COLUMN_SETTINGS.iter().filter(|known| known.is_missing(&answers));
    let not_found = missing.map(|known| known.setting).collect();
    Ok(Written { settings, example, not_found })
}

/// The text of the settings file.
#[must_use]
pub fn settings_template(answers: &Answers) -> String {
    TEMPLATE.lines().filter_map(|line| filled(line, answers)).map(|line| line + "\n").collect()
}

fn ask(folder: &Path, asker: &mut dyn Asker) -> anyhow::Result<Answers> {
    let defaults = Answers::default();
    let url = asker.ask("URL of Skovik's API (the default is the sandbox)", &defaults.url)?;
    url.parse::<BaseUrl>()
        .map_err(|problem| refused(ExitStatus::Usage, format!("the URL {problem}; nothing was written")))?;
    let csv = asker.ask("CSV file with the employees", &defaults.csv)?;
    let mut answers = fitted(Answers { url, csv, ..defaults }, folder)?;
    // Shown and typed with escapes, so that the person sees all of the name.
    let default = escape(IDENTIFIER.column(&answers.columns));
    let key = unescape(&asker.ask("Column with the employee number", &default)?).into_owned();
    if key.contains(UNQUOTABLE) || key.chars().any(char::is_control) {
        let problem = format!(
            "the column {} cannot be written into a template, because of its quotes, braces or backslashes; rename it in the file, or \
             write the settings with another one and change them",
            escape(&key)
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    answers.columns.insert(IDENTIFIER.setting, key);
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
    Ok(Answers { delimiter, encoding, columns: recognised(&header), header, include: None, ..answers })
}

/// Recognises the columns by their names.
fn recognised(header: &[String]) -> Columns {
    let plain = |name: &str| -> String {
        let lower = name.to_lowercase().replace(['å', 'ä'], "a").replace('ö', "o");
        lower.chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let column = |ColumnSetting { setting, names, .. }: &ColumnSetting| {
        let called = |known: &&str| header.iter().find(|name| plain(name) == plain(known));
        let found = names.iter().find_map(called);
        Some((*setting, found.filter(|name| !name.contains(UNQUOTABLE))?.clone()))
    };
    COLUMN_SETTINGS.iter().filter_map(column).collect()
}

impl ColumnSetting {
    fn is_missing(&self, answers: &Answers) -> bool {
        matches!(self.need, Need::Mandatory) && !self.is_known(answers)
    }

    /// Whether the file has its column.
    fn is_known(&self, answers: &Answers) -> bool {
        answers.columns.get(self.setting).is_some_and(|column| answers.header.contains(column))
    }

    /// The column that was recognised, or the likeliest name of one.
    fn column<'c>(&self, columns: &'c Columns) -> &'c str {
        columns.get(self.setting).map_or(self.names[0], String::as_str)
    }

    /// Its line in the settings file.
    fn line(&self, answers: &Answers) -> String {
        let Self { setting: key, need, filter, names: _ } = self;
        let value = template(self.column(&answers.columns), filter);
        let is_known = self.is_known(answers);
        match need {
            Need::Mandatory if is_known => setting(key, &value, ""),
            Need::Mandatory => setting(key, &value, "the header has no such column: name the right one"),
            Need::Optional(comment) if is_known => setting(key, &value, comment),
            Need::Optional(comment) => format!("# {}", setting(key, &value, comment)),
            Need::Example => format!("# {}", setting(&toml_text(key), &value, "")),
        }
    }
}

/// A line of the template with its value; `None` for a line that is not needed.
fn filled(line: &str, answers: &Answers) -> Option<String> {
    let Some(place) = line.strip_prefix('@').and_then(|line| line.strip_suffix('@')) else {
        return Some(line.to_owned());
    };
    let Answers { url, csv, delimiter, encoding, header: _, columns, include } = answers;
    if let Some(of_column) = COLUMN_SETTINGS.iter().find(|known| known.setting == place) {
        return Some(of_column.line(answers));
    }
    Some(match place {
        "url" => setting(place, url, "plain http only on this machine"),
        "path" => setting(place, csv, ""),
        "delimiter" if *delimiter == ',' => return None,
        "delimiter" => {
            setting(place, if *delimiter == '\t' { "tab".to_owned() } else { delimiter.to_string() }.as_str(), "")
        }
        "encoding" => setting(place, (*encoding)?, "a guess"),
        "key" => setting(place, IDENTIFIER.column(columns), ""),
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

/// A text as a value of TOML, with every unseen character escaped: the reader of the settings must see all of a name.
fn toml_text(text: &str) -> String {
    let shown = escape(text);
    if shown == text {
        return toml::Value::from(text).to_string();
    }
    let mut written = String::from('"');
    let mut rest = &*shown;
    while let Some((before, escaped)) = rest.split_once('\\') {
        written += &before.replace('"', "\\\"");
        rest = match escaped.strip_prefix("u{").and_then(|code| code.split_once('}')) {
            // The same number, as TOML writes it.
            Some((code, after)) => {
                written += &format!("\\U{code:0>8}");
                after
            }
            // A letter that means the same in TOML.
            None => {
                let length = escaped.chars().next().map_or(0, char::len_utf8);
                written.push('\\');
                written += &escaped[..length];
                &escaped[length..]
            }
        };
    }
    written + &rest.replace('"', "\\\"") + "\""
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
