//! The programs that settings name. Each is started without a shell, in the folder of the settings file, without the secrets
//! that it was not given. It leads a process group, so that everything that it has started can be ended together with it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::secrets::Secrets;

/// How long what a program has printed is read after it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running program. Dropping this before it has ended ends it and everything that it started.
pub(crate) struct Running {
    pub(crate) child: Child,
    leads_a_group: bool,
}

impl Running {
    /// Starts a program as the leader of a process group.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        Ok(Self { child, leads_a_group: true })
    }

    /// Starts a program that may ask a person for something. If there is a terminal, the program stays in the group of this
    /// one: another group could not read from the terminal, and Ctrl-C on it reaches the whole group anyway.
    pub(crate) fn start_to_ask(mut command: Command) -> io::Result<Self> {
        if File::open("/dev/tty").is_err() {
            return Self::start(command);
        }
        Ok(Self { child: command.kill_on_drop(true).spawn()?, leads_a_group: false })
    }

    /// Waits for the program, and reads with `talk` what it prints. What it has started may go on, and hold its output open.
    pub(crate) async fn ended(&mut self, talk: impl Future<Output = ()>) -> io::Result<ExitStatus> {
        let mut talk = pin!(talk);
        tokio::select! {
            () = &mut talk => self.child.wait().await,
            status = self.child.wait() => {
                let _ = timeout(LAST_WORDS, talk).await;
                status
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without an id it has ended already.
        let id = self.child.id().filter(|_| self.leads_a_group);
        if let Some(group) = id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A program with its arguments. It inherits the environment without the variables that hold secrets, except for those in
/// `given`.
pub(crate) fn command(argv: &[String], folder: &Path, secrets: &Secrets, given: &[String]) -> io::Result<Command> {
    let [program, arguments @ ..] = argv else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut command = Command::new(path(program, folder)?);
    command.args(arguments);
    if !folder.as_os_str().is_empty() {
        command.current_dir(folder);
    }
    secrets.withhold(&mut command, given);
    Ok(command)
}

/// Like every path of the settings, that of a program is relative to their folder; it is made absolute, because the program is
/// started in that folder.
fn path(program: &str, folder: &Path) -> io::Result<PathBuf> {
    if program.contains('/') { std::path::absolute(folder.join(program)) } else { Ok(PathBuf::from(program)) }
}
