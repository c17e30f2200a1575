//! `demo`: shows all steps with its own sandbox and a made-up company: plan, diff, approval, apply, and a second plan
//! that finds nothing to do.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::pin::pin;

use anyhow::{Context as _, ensure};

use super::common::shown;
use super::signals::ended;
use crate::cli::{self, Global};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::files::{UnderWay, write_private};
use crate::sandbox::{Account, Options, Server};
use crate::ui::Ui;

const EMPLOYEES: &str = include_str!("../../fixtures/small/employees.csv");
const SETTINGS: &str = include_str!("../../fixtures/small/skovik-sync.toml");
const USERS: &str = include_str!("../../fixtures/small/users.jsonl");
/// The address in the fixture's settings, which is replaced by that of the demo's sandbox.
const FIXTURE_URL: &str = "http://127.0.0.1:8480/v1";
/// The demo's files.
const LIST: &str = "employees.csv";
const KEY_FILE: &str = "key";
const SETTINGS_FILE: &str = "skovik-sync.toml";
/// The sandbox accepts any key.
const KEY: &str = "demo";

/// Runs `demo`.
///
/// # Errors
/// If any step fails, or the second plan is not empty; exit code 130 if a signal comes.
pub async fn run(args: &cli::Demo, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let mut signal = pin!(ended()?);
    // Its apply is dropped too: nobody can resume it, because the sandbox ends with the demo.
    tokio::select! {
        biased;
        () = &mut signal => Err(refused(ExitStatus::Interrupted, "interrupted; the demo is over")),
        shown = show(args, global, ui) => shown,
    }
}

async fn show(args: &cli::Demo, global: &Global, ui: &Ui) -> anyhow::Result<ExitStatus> {
    let (_under_way, temporary) = UnderWay::begin(tempfile::tempdir).context("cannot make a temporary folder")?;
    let folder = match &args.keep {
        Some(folder) => {
            empty(folder)?;
            folder.as_path()
        }
        None => temporary.path(),
    };
    let account = Account::load(USERS.as_bytes()).context("the demo's own account")?;
    let server = Server::start(Options { account, ..Options::default() }).await?;
    let config = write_company(folder, &server.url())?;
    let global = &Global { config, state: Some(folder.join("state")), ..global.clone() };
    tell(ui, "A company has 30 employees in a CSV file, and 28 users in Skovik (here: a sandbox on this machine).")?;

    tell(ui, "1. plan: compare both sides, and write down what would be done")?;
    let plan = folder.join("plan.json");
    let make_plan = |out: &Path| cli::Plan {
        out: out.to_owned(),
        users: None,
        as_of: None,
        only: Vec::new(),
        same_person: Vec::new(),
        detailed_exitcode: false,
        all: true,
        ids: false,
        explain: None,
    };
    super::plan::run(&make_plan(&plan), global, &ui.quieter()).await?;

    tell(ui, "2. approve: somebody has read it, and approves exactly this plan")?;
    let approve = cli::Approve {
        plan: plan.clone(),
        yes: true,
        approver: Some("demo".to_owned()),
        comment: Some("the demo approves itself".to_owned()),
        expires: None,
        allow: Vec::new(),
        ids: false,
        sign_key: None,
        statement: None,
        signature: None,
    };
    super::approve::approve(&super::common::read_plan(&approve.plan)?, &approve, global, ui)?;

    tell(ui, "3. apply: execute the approved plan, managers before their reports")?;
    let apply = cli::Apply { plan, approved_hash: None, report: None, events: None };
    let applied = super::apply::run(&apply, global, ui).await?;
    ensure!(applied == ExitStatus::Done, "the demo's plan was not applied completely");

    tell(ui, "4. plan again: both sides are the same now")?;
    let second = folder.join("plan-again.json");
    super::plan::run(&make_plan(&second), global, &ui.quieter()).await?;
    let again = super::common::read_plan(&second)?;
    ensure!(again.content().operations.is_empty(), "the second plan of the demo is not empty");
    server.stop().await?;
    if args.keep.is_some() {
        ui.note(format!("the demo's files are in {}", shown(folder)));
    }
    Ok(ExitStatus::Done)
}

/// Makes the folder. One that holds anything is refused: the demo replaces no file that was there before.
fn empty(folder: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot use the folder --keep {}", shown(folder));
    fs::create_dir_all(folder).with_context(cannot).or_refuse(ExitStatus::Usage)?;
    let Some(there) = fs::read_dir(folder).with_context(cannot).or_refuse(ExitStatus::Usage)?.next() else {
        return Ok(());
    };
    let name = there.with_context(cannot)?.file_name();
    let problem = format!(
        "--keep {}: the folder is not empty, it holds {}; name a new folder",
        shown(folder),
        shown(Path::new(&name))
    );
    Err(refused(ExitStatus::Usage, problem))
}

fn write_company(folder: &Path, url: &str) -> anyhow::Result<std::path::PathBuf> {
    let cannot = || format!("cannot write the demo's files to {}", shown(folder));
    fs::write(folder.join(LIST), EMPLOYEES).with_context(cannot)?;
    write_private(&folder.join(KEY_FILE), |file| file.write_all(KEY.as_bytes())).with_context(cannot)?;
    let settings = SETTINGS.replace(FIXTURE_URL, url).replace("token_env = \"SKOVIK_TOKEN\"", "token_file = \"key\"");
    let config = folder.join(SETTINGS_FILE);
    fs::write(&config, settings).with_context(cannot)?;
    Ok(config)
}

fn tell(ui: &Ui, text: &str) -> anyhow::Result<()> {
    ui.line(format_args!("\n{}", console::Style::new().bold().force_styling(ui.color()).apply_to(text)))
}
