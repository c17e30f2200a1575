//! `run --all FOLDER`: many customers, one settings file each, one after the other. Each run is the same as with that
//! file alone, with its own lock, state and outcome; a failure of one does not stop the others.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs;
use std::future::Future;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::common::{load_settings, now, shown};
use super::job::{self, Ended};
use super::keys::own;
use super::places::{Places, spare_files_of};
use super::signals::{asked, end_with, ended, remember, unless_interrupted};
use crate::cli::{self, Global};
use crate::config::{Settings, protect_variables_named_in};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::runs::{Figures, Outcome};
use crate::setting::SecretPlace;
use crate::state::account_file;
use crate::text::{likeness, printable};
use crate::ui::Ui;

/// The extension of a settings file.
const ENDING: &str = "toml";
/// The exit code of several runs is the first of these that any of them ended with.
const WORST_FIRST: [ExitStatus; 10] = [
    ExitStatus::Interrupted,
    ExitStatus::Damaged,
    ExitStatus::Partial,
    ExitStatus::Unexpected,
    ExitStatus::Usage,
    ExitStatus::Untrusted,
    ExitStatus::Stale,
    ExitStatus::Blocked,
    ExitStatus::NotApproved,
    ExitStatus::Locked,
];

/// A settings file of the folder.
pub(super) struct Customer {
    pub(super) name: String,
    pub(super) config: PathBuf,
    /// As they were when all files were compared.
    pub(super) settings: Option<Settings>,
    /// Why it is not run, if it is not. The others are.
    pub(super) refused: Option<String>,
}

impl Customer {
    /// Where the plan and the report are written.
    pub(super) fn outputs(&self, plans: &Path) -> [PathBuf; 2] {
        ["plan", "report"].map(|what| plans.join(format!("{}.{what}.json", self.name)))
    }

    /// Why it is not run, as an error.
    pub(super) fn refusal(&self) -> Option<anyhow::Error> {
        self.refused.clone().map(|problem| refused(ExitStatus::Usage, problem))
    }
}

/// How the run of a customer ended.
struct Line {
    name: String,
    status: ExitStatus,
    plan: Option<Figures>,
}

/// The settings files of a folder, and the folder for their plans, which is made if it is missing.
///
/// # Errors
/// Exit code 3 if the folder holds no settings, or two files would use one key for one address.
pub(super) async fn prepare(
    folder: &Path,
    plans: Option<&Path>,
    global: &Global,
) -> anyhow::Result<(Vec<Customer>, PathBuf)> {
    refuse_config(global)?;
    spare_files_of(&looks_like_settings(folder), global)?;
    let mut customers = customers(folder)?;
    let plans = plans.map_or_else(|| PathBuf::from("plans"), Path::to_owned);
    // Every file is read before anything is started, so that each knows the others' secrets. One that cannot be read now
    // is not run, even if it can be read later: nothing compared it with the others.
    for customer in customers.iter_mut().filter(|customer| customer.refused.is_none()) {
        match load_settings(&customer.config) {
            Ok(settings) => {
                customer.refused = used_up(&settings);
                customer.settings = Some(settings);
            }
            Err(error) => customer.refused = Some(format!("{error:#}")),
        }
    }
    // Before anything is started: what these name may be the key of a customer all the same.
    let is_loaded = |path: &PathBuf| customers.iter().any(|known| known.config == *path && known.settings.is_some());
    looks_like_settings(folder)
        .iter()
        .filter(|path| !is_loaded(path))
        .for_each(|path| protect_variables_named_in(path));
    for (index, problem) in own_accounts(&customers).await? {
        customers[index].refused = Some(problem);
    }
    let refusals = own_files(&customers, &plans, global)?;
    for (customer, problem) in customers.iter_mut().filter(|customer| customer.refused.is_none()).zip(refusals) {
        customer.refused = problem;
    }
    make_folder(&plans)?;
    Ok((customers, plans))
}

/// Runs every settings file of a folder, and sums up.
///
/// # Errors
/// Exit code 3 if the folder holds no settings, or two files would use one key for one address. The outcome of the runs
/// is the status.
pub(super) async fn run(folder: &Path, plans: Option<&Path>, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    remember()?;
    let mut signal = Box::pin(ended()?);
    let ((customers, plans), _) = unless_interrupted(prepare(folder, plans, global)).await?;
    let mut lines = Vec::new();
    for customer in &customers {
        let line = one(customer, &plans, global, ui).await;
        let is_over = line.status == ExitStatus::Interrupted || signal.as_mut().now_or_never().is_some();
        lines.push(line);
        if is_over {
            break;
        }
    }
    let not_run = customers.len() - lines.len();
    let status = worst(&lines, not_run);
    // A signal ends the wait for a reader of the table; the outcome does not change.
    let _signals = end_with(status)?;
    sum_up(&lines, not_run, ui);
    Ok(status)
}

/// Two ways to name the settings would contradict each other.
fn refuse_config(global: &Global) -> anyhow::Result<()> {
    match global.names_config {
        false => Ok(()),
        true => Err(refused(ExitStatus::Usage, "--all names the settings; leave out --config")),
    }
}

/// Makes the folder of the plans, which are personal data.
fn make_folder(plans: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(plans);
    made.with_context(|| format!("cannot make the folder --plans {}", shown(plans))).or_refuse(ExitStatus::Usage)
}

/// The settings files of a folder, by name.
fn customers(folder: &Path) -> anyhow::Result<Vec<Customer>> {
    let cannot = || format!("cannot read the folder --all {}", shown(folder));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot).or_refuse(ExitStatus::Usage)? {
        let path = entry.with_context(cannot).or_refuse(ExitStatus::Usage)?.path();
        // A customer is never left out without a word.
        match Kind::of(path.file_name().unwrap_or_default()) {
            Kind::Settings => {}
            Kind::Other => continue,
            Kind::LeftOut(why) => {
                tracing::warn!("{} {why}, and is left out", shown(&path));
                continue;
            }
            Kind::Misnamed => {
                let problem =
                    format!("the settings file {} must end in .{ENDING}; rename it, or move it away", shown(&path));
                return Err(refused(ExitStatus::Usage, problem));
            }
        }
        // Two names that are no text could look the same, and their plans would share a file.
        let name = path.file_stem().unwrap_or_default();
        let not_text = || format!("the name of the settings file {} is not UTF-8; rename it", shown(&path));
        let refused = name.to_str().is_none().then(not_text);
        found.push(Customer { name: name.to_string_lossy().into_owned(), config: path, settings: None, refused });
    }
    if found.is_empty() {
        let problem = format!("the folder --all {} holds no settings: no file NAME.{ENDING}", shown(folder));
        return Err(refused(ExitStatus::Usage, problem));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The files of the folder that may be somebody's settings, whatever becomes of them.
fn looks_like_settings(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| Kind::of(path.file_name().unwrap_or_default()) != Kind::Other).collect()
}

/// What the name of a file in the folder says about it.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Settings,
    /// It looks like the settings of a customer.
    Misnamed,
    /// It may have been settings once, and why it is none now.
    LeftOut(&'static str),
    Other,
}

impl Kind {
    fn of(name: &OsStr) -> Self {
        // As people read it: without case, blanks and what nobody sees.
        let look: String = likeness(&name.to_string_lossy()).split(' ').collect();
        let ending = format!(".{ENDING}");
        match name.as_encoded_bytes() {
            _ if !look.contains(&ending) => Self::Other,
            [b'.', ..] => Self::LeftOut("is a hidden file"),
            name if name.ends_with(ending.as_bytes()) => Self::Settings,
            _ if look.ends_with(&ending) => Self::Misnamed,
            _ => Self::LeftOut("does not end in .toml"),
        }
    }
}

/// Why the key of a customer cannot be compared with those of the others: what a pipe gives is there only once.
fn used_up(settings: &Settings) -> Option<String> {
    let SecretPlace::File(path) = settings.target.token.place() else { return None };
    fs::metadata(path).is_ok_and(|there| !there.is_file()).then(|| {
        "token_file in [target] is not a regular file: with --all a key is read twice, because it is compared with those of \
         the others first. Let it name a file, or take token_command"
            .to_owned()
    })
}

/// Refuses two files that would use one state, or one key for one address: the list of one customer would be compared
/// with the users of another, who would all look like people who have left. Returns the customers whose key cannot be read,
/// with the reason: their runs would read it again, and nothing has compared it with the keys of the others.
async fn own_accounts(customers: &[Customer]) -> anyhow::Result<Vec<(usize, String)>> {
    let address = |settings: &Settings| account_file(settings.target.url.as_str());
    let settings: Vec<_> = customers
        .iter()
        .enumerate()
        .filter(|(_, customer)| customer.refused.is_none())
        .filter_map(|(place, customer)| Some((place, customer, customer.settings.as_ref()?)))
        .collect();
    // Each key is read once, and only if two files name one address.
    let mut keys: Vec<Option<Option<SecretString>>> = settings.iter().map(|_| None).collect();
    let mut unreadable = Vec::new();
    for (index, (_, one, of_one)) in settings.iter().enumerate() {
        for (before, (_, other, of_other)) in settings[..index].iter().enumerate() {
            let files = || (shown(&other.config), shown(&one.config));
            if address(of_one) == address(of_other) {
                let is_one_place = of_one.target.token.place() == of_other.target.token.place();
                for index in [index, before] {
                    if is_one_place || keys[index].is_some() {
                        continue;
                    }
                    let (place, _, settings) = settings[index];
                    let key = settings.target.token.fetch().await;
                    match &key {
                        // Two customers with one key are named by their files, below.
                        Ok(key) => drop(own(&settings.target, key)),
                        Err(error) => {
                            let problem = format!(
                                "its key could not be read, and so not be compared with the keys of the others for {}: \
                                 {error:#}",
                                settings.target.url
                            );
                            unreadable.push((place, problem));
                        }
                    }
                    keys[index] = Some(key.ok());
                }
                let key = |index: usize| keys[index].iter().flatten().map(SecretString::expose_secret).next();
                if is_one_place || key(index).is_some_and(|one| key(before) == Some(one)) {
                    let (one, other) = files();
                    let problem = format!(
                        "{one} and {other} use the same key for {}: the list of the one would be compared with the users of \
                         the other. Name the key of each in [target]: token_env, token_file or token_command",
                        of_one.target.url
                    );
                    return Err(refused(ExitStatus::Usage, problem));
                }
            }
            let account = of_one.target.account();
            if account_file(&account) == account_file(&of_other.target.account()) {
                let (one, other) = files();
                let problem = format!(
                    "{one} and {other} are both of {account}: they would share a lock, journals and a history. Give each \
                     customer a name in [target]: account = \"NAME\""
                );
                return Err(refused(ExitStatus::Usage, problem));
            }
        }
    }
    Ok(unreadable)
}

/// Why the plan or report of each customer that is not refused yet would overwrite another file, if it would.
fn own_files(customers: &[Customer], plans: &Path, global: &Global) -> anyhow::Result<Vec<Option<String>>> {
    let mut places = Places::new(global);
    for customer in customers {
        places = places.reads("the settings file", &customer.config);
    }
    for Customer { settings, config, .. } in customers {
        places = match settings {
            Some(settings) => places.settings(settings),
            None => places.settings_at(config),
        };
    }
    let to_run = customers.iter().filter(|customer| customer.refused.is_none());
    places.check_each(to_run.map(|customer| customer.outputs(plans)).collect())
}

/// The run of one customer. Boxed, because a run is a large thing to keep on a stack.
fn one<'a>(
    customer: &'a Customer,
    plans: &'a Path,
    global: &'a Global,
    ui: &'a Ui,
) -> std::pin::Pin<Box<dyn Future<Output = Line> + 'a>> {
    Box::pin(async move {
        let Customer { name, config, settings: before, refused: _ } = customer;
        let global = Global { config: config.clone(), ..global.clone() };
        let ui = &ui.named(&printable(name)).for_options(&global);
        let [plan, report] = customer.outputs(plans);
        let (args, began) = (cli::Run::to(plan, Some(report)), now());
        let ended = match customer.refusal() {
            Some(problem) => Ended::refused(began, "command", problem),
            None => {
                ui.note("begins");
                let quiet = ui.unprinted();
                job::once(&args, &global, "command", before.as_ref(), &quiet).await
            }
        };
        let (status, plan) = (ended.status(), ended.ran.plan.clone());
        let Ended { result, ran, settings } = ended;
        if let Err(error) = &result {
            ui.error(error);
        }
        // What ended before it had read its settings is told by those that were compared.
        let settings = settings.or_else(|| before.clone());
        if let Some(settings) = settings.filter(|settings| !settings.notify.is_empty())
            && status != ExitStatus::Interrupted
        {
            let mut history = job::History::open(&settings, &global, ui);
            // As after `run`, a signal ends the notifications; the outcome does not change.
            tokio::select! {
                biased;
                () = history.add(ran, &settings, &args.out, ui) => {}
                () = asked() => {}
            }
        }
        Line { name: name.clone(), status, plan }
    })
}

/// One line for each customer.
fn sum_up(lines: &[Line], not_run: usize, ui: &Ui) {
    let mut said = String::new();
    let width = lines.iter().map(|line| printable(&line.name).chars().count()).max().unwrap_or_default();
    for Line { name, status, plan } in lines {
        let counts = plan.as_ref().map(|plan| plan.summary).map_or_else(String::new, |counts| {
            let (create, update, delete) = (counts.create, counts.update, counts.delete);
            format!("  {create} create, {update} update, {delete} delete, {} set aside", counts.set_aside)
        });
        let outcome = Outcome::of(*status).name();
        let name = printable(name);
        said += format!("{name:width$}  {outcome:11}  exit code {:3}{counts}", *status as u8).trim_end();
        said.push('\n');
    }
    if not_run > 0 {
        said += &format!("not run, because of the interruption: {not_run}\n");
    }
    ui.print_or_warn(said);
}

fn worst(lines: &[Line], not_run: usize) -> ExitStatus {
    if not_run > 0 {
        return ExitStatus::Interrupted;
    }
    let ended_with = |status: &ExitStatus| lines.iter().any(|line| line.status == *status);
    WORST_FIRST.into_iter().find(ended_with).unwrap_or(ExitStatus::Done)
}
