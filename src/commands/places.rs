//! Checks the files of a command before it begins: no output may be an input, another output, an
//! approval or a file of the state.
//!
//! An existing file is identified by device and inode, so that a hard link, a symbolic link, `./x` and a name in
//! another case are recognised. A missing file is identified by its folder and name.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::stdio::dup2_stderr;
use unicode_normalization::UnicodeNormalization as _;

use super::common::{approval_path, approvals_of, shown};
use super::kept_plan::may_be_kept_as;
use super::state_place::state_folder;
use crate::approval::{self, automatic};
use crate::cli::Global;
use crate::config::{NamedFile, Settings};
use crate::exit::{ExitStatus, refused};
use crate::files::{Links, open_regular, read_regular};
use crate::plan::FORMAT;
use crate::state;

/// How much of a file is read to recognise a plan or an approval, in bytes.
const HEAD: u64 = 200;
/// How much of a settings file that is not valid is read, in bytes.
const MOST_SETTINGS: u64 = 16 * 1024 * 1024;
/// How the name of an approval ends.
const APPROVAL: &str = ".approval";

/// The files of a command.
#[derive(Debug, Default)]
pub(super) struct Places {
    inputs: Vec<Place>,
    outputs: Vec<Place>,
    /// The plans that have approvals next to them.
    plans: Vec<PathBuf>,
    states: Vec<PathBuf>,
}

/// A file with its name for messages.
#[derive(Debug)]
struct Place {
    name: String,
    path: PathBuf,
    identity: Identity,
    is_approval: bool,
    /// Whether the command may replace a plan there, by rules of its own.
    is_plan: bool,
    /// Whether it is standard output or standard error.
    is_stream: bool,
    /// Whether it may be a pipe or a device.
    is_written_in_place: bool,
}

/// What identifies a file.
#[derive(Debug)]
struct Identity {
    /// Device and inode of the file, if it exists.
    file: Option<(u64, u64)>,
    /// Device and inode of the folder, if it exists.
    folder: Option<(u64, u64)>,
    /// The folder. Links in the part that exists are resolved.
    folder_path: PathBuf,
    name: String,
}

impl Places {
    /// The settings file is an input of every command, and no command may write into the state folder here.
    pub(super) fn new(global: &Global) -> Self {
        let states = state_folder(global, None).ok().into_iter().collect();
        let places = Self { inputs: Vec::new(), outputs: Vec::new(), plans: Vec::new(), states };
        places.reads("the settings file (--config)", &global.config)
    }

    /// A file that the command reads.
    pub(super) fn reads(mut self, name: &str, path: &Path) -> Self {
        self.inputs.push(Place::new(name.to_owned(), path, false));
        self
    }

    /// A file that the command reads, if it is given.
    pub(super) fn may_read(self, name: &str, path: Option<&Path>) -> Self {
        match path {
            Some(path) => self.reads(name, path),
            None => self,
        }
    }

    /// Every file that the settings name.
    pub(super) fn settings(mut self, settings: &Settings) -> Self {
        let named = |NamedFile { setting, path }: &NamedFile| Place::new(setting.clone(), path, false);
        self.inputs.extend(settings.files().iter().map(named));
        if let Some(state::Place::Folder(folder)) = &settings.state.place {
            self.states.push(folder.clone());
        }
        self
    }

    /// Every file that the settings name, if there are settings, for a command that needs none: it must not overwrite
    /// them.
    pub(super) fn settings_if_any(self, global: &Global) -> Self {
        self.settings_at(&global.config)
    }

    /// Every file that a settings file names. If the settings are not valid, every text in them may be such a name.
    pub(super) fn settings_at(mut self, config: &Path) -> Self {
        if let Ok(settings) = Settings::load(config) {
            return self.settings(&settings);
        }
        let folder = config.parent().unwrap_or(Path::new(""));
        let text = read_regular(config, MOST_SETTINGS, Links::Follow).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let texts = text.split(['"', '\'', '\n']).map(|text| text.strip_prefix("sqlite:").unwrap_or(text).trim());
        for path in texts.filter(|text| !text.is_empty()).map(|text| folder.join(text)).filter(|path| path.is_file()) {
            self.inputs.push(Place::new(format!("named by {}, which is not valid", shown(config)), &path, false));
        }
        self
    }

    /// The plan that the command reads, with the approvals next to it.
    pub(super) fn plan(mut self, path: &Path) -> Self {
        self.plans.push(path.to_owned());
        self.reads("the plan", path)
    }

    /// A file that the command writes. `-` is standard output.
    pub(super) fn writes(mut self, name: &str, path: Option<&Path>) -> Self {
        let path = path.filter(|path| *path != Path::new("-"));
        self.outputs.extend(path.map(|path| Place::new(name.to_owned(), path, false)));
        self
    }

    /// The same for a file that grows while the command runs: it may be a pipe or a device.
    pub(super) fn writes_in_place(self, name: &str, path: Option<&Path>) -> Self {
        let before = self.outputs.len();
        let mut places = self.writes(name, path);
        places.outputs[before..].iter_mut().for_each(|output| output.is_written_in_place = true);
        places
    }

    /// The plan that the command writes, with the approvals that are next to it already.
    pub(super) fn writes_plan(mut self, path: &Path) -> Self {
        self.plans.push(path.to_owned());
        let mut places = self.writes("--out", Some(path));
        places.outputs.iter_mut().for_each(|output| output.is_plan |= output.path == path);
        places
    }

    /// The approval that the command writes; it may replace an older one.
    pub(super) fn writes_approval(mut self, path: &Path) -> Self {
        self.outputs.push(Place::new("the approval".to_owned(), path, true));
        self
    }

    /// Refuses an output that would overwrite something else.
    ///
    /// # Errors
    /// Leads to exit 3, and names both.
    pub(super) fn check(mut self) -> anyhow::Result<()> {
        let streams = self.add_streams();
        for (index, output) in self.outputs.iter().enumerate() {
            if let Some(problem) = self.problem(output, &self.outputs[..index]) {
                return Err(streams.refuse(output, &problem)?);
            }
        }
        Ok(())
    }

    /// What is wrong with each of several plans, which different runs of one command write, with their reports and the approvals
    /// that the policy gives them.
    ///
    /// # Errors
    /// As [`Places::check`], for standard output and standard error.
    pub(super) fn check_each(mut self, runs: Vec<[PathBuf; 2]>) -> anyhow::Result<Vec<Option<String>>> {
        let mut order = Vec::new();
        for (run, [plan, report]) in runs.iter().enumerate() {
            order.extend([run; 3]);
            let approval = approval_path(plan, automatic::APPROVER);
            self = self.writes_plan(plan).writes("the report", Some(report)).writes_approval(&approval);
        }
        // Whoever put a link to the plan of another run there holds up its own run only.
        let (links, files): (Vec<_>, Vec<_>) =
            self.outputs.drain(..).zip(order).partition(|(output, _)| output.path.is_symlink());
        let (outputs, order): (Vec<_>, Vec<_>) = files.into_iter().chain(links).unzip();
        self.outputs = outputs;
        let streams = self.add_streams();
        let mut problems: Vec<Option<String>> = vec![None; runs.len()];
        for (index, output) in self.outputs.iter().enumerate() {
            let Some(problem) = self.problem(output, &self.outputs[..index]) else { continue };
            match order.get(index) {
                Some(run) => problems[*run] = problems[*run].take().or_else(|| Some(output.refused(&problem))),
                None => return Err(streams.refuse(output, &problem)?),
            }
        }
        Ok(problems)
    }

    /// Adds standard output and standard error, if they lead to files, and the approvals beside the plans.
    fn add_streams(&mut self) -> Errors {
        // Existing files are compared by inode here; names are compared below.
        self.outputs.extend(Place::stream("standard output", "/dev/stdout", io::stdout().as_fd()));
        let errors = Place::stream("standard error", "/dev/stderr", io::stderr().as_fd());
        // `>> run.log 2>&1` sends both streams to one file, which is checked once.
        let is_shared =
            |errors: &Place| self.outputs.iter().any(|other| other.is_stream && other.identity.is(&errors.identity));
        let shared = errors.as_ref().is_some_and(is_shared);
        let is_file = errors.is_some();
        self.outputs.extend(errors.filter(|_| !shared));
        if self.outputs.iter().any(|output| output.identity.file.is_some()) {
            let beside = self.plans.iter().flat_map(|plan| approvals_of(plan).unwrap_or_default());
            self.inputs.extend(beside.map(|(name, path)| Place::new(format!("the approval {name}"), &path, true)));
        }
        Errors { is_file, shared }
    }

    fn problem(&self, output: &Place, before: &[Place]) -> Option<String> {
        let is_taken =
            |other: &&Place| output.identity.is(&other.identity) && !(output.is_approval && other.is_approval);
        if let Some(input) = self.inputs.iter().find(is_taken) {
            return Some(format!("that is {} ({})", input.name, shown(&input.path)));
        }
        if let Some(other) = before.iter().find(is_taken) {
            return Some(format!("that is {} ({})", other.name, shown(&other.path)));
        }
        if !output.is_approval && output.identity.name.ends_with(APPROVAL) {
            return Some(format!("a name that ends in {APPROVAL} is that of an approval"));
        }
        let is_kept = |plan: &&PathBuf| {
            let plan = Identity::of(plan);
            plan.folder_path == output.identity.folder_path
                && may_be_kept_as(Path::new(&plan.name), &output.identity.name)
        };
        if let Some(plan) = self.plans.iter().find(is_kept).filter(|_| !output.is_plan) {
            return Some(format!("an earlier plan may be kept under that name, beside {}", shown(plan)));
        }
        if output.path.is_dir() {
            return Some("that is a folder".to_owned());
        }
        // A file that took its name would take the pipe or the device from everybody.
        if !output.is_written_in_place && fs::metadata(&output.path).is_ok_and(|there| !there.is_file()) {
            return Some("that is not a regular file".to_owned());
        }
        let begins_with = |format| begins_like(&output.path, format);
        if !output.is_plan && begins_with(FORMAT) {
            return Some("there is a plan, which could no longer be applied".to_owned());
        }
        if !output.is_approval && begins_with(approval::FORMAT) {
            return Some("there is an approval, which would no longer count".to_owned());
        }
        let is_inside =
            |state: &PathBuf| output.identity.folder_path.starts_with(state) || is_in(state, output.identity.file);
        let state = self.states.iter().map(|state| resolved(state)).find(is_inside)?;
        Some(format!("{} is the program's own, its state", shown(&state)))
    }
}

/// What standard error leads to.
struct Errors {
    is_file: bool,
    /// Whether standard output leads to the same file.
    shared: bool,
}

impl Errors {
    /// The refusal of an output, which is not printed into that output.
    fn refuse(&self, output: &Place, problem: &str) -> io::Result<anyhow::Error> {
        if output.is_stream && self.is_file && (self.shared || output.name == "standard error") {
            spare(self.shared)?;
        }
        Ok(refused(ExitStatus::Usage, output.refused(problem)))
    }
}

/// Refuses to print into the settings file, a file that the settings name, the state, a plan or an approval, before anything is
/// printed. Every command does this first, with the plan that it reads; those that read or write other files too check all of
/// them.
///
/// # Errors
/// As [`Places::check`].
pub(super) fn spare_files(global: &Global, plan: Option<&Path>) -> anyhow::Result<()> {
    if !is_printed_to_a_file() {
        return Ok(());
    }
    let places = Places::new(global).settings_if_any(global);
    plan.into_iter().fold(places, Places::plan).check()
}

/// The same for several settings files, before anything is said about one of them.
///
/// # Errors
/// As [`Places::check`].
pub(super) fn spare_files_of(configs: &[PathBuf], global: &Global) -> anyhow::Result<()> {
    if !is_printed_to_a_file() {
        return Ok(());
    }
    let add = |places: Places, config: &PathBuf| places.reads("the settings file", config).settings_at(config);
    configs.iter().fold(Places::new(global), add).check()
}

fn is_printed_to_a_file() -> bool {
    let is_file = |stream: BorrowedFd<'_>| Place::stream("", "", stream).is_some();
    is_file(io::stdout().as_fd()) || is_file(io::stderr().as_fd())
}

impl Place {
    /// A stream that the shell redirected to a file (`>> plan.json`, `2> hr.csv`). The system opens its path for what is in that
    /// file: a plan or an approval that is there still, because it was not emptied, is recognised like that of any output.
    fn stream(name: &str, path: &str, stream: BorrowedFd<'_>) -> Option<Self> {
        let file = File::from(stream.try_clone_to_owned().ok()?);
        let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
        let identity = Identity {
            file: Some((metadata.dev(), metadata.ino())),
            folder: None,
            folder_path: PathBuf::new(),
            name: String::new(),
        };
        Some(Self {
            name: name.to_owned(),
            path: path.into(),
            identity,
            is_approval: false,
            is_plan: false,
            is_stream: true,
            is_written_in_place: true,
        })
    }

    fn refused(&self, problem: &str) -> String {
        format!("{} {}: {problem}; name another file, nothing was done", self.name, shown(&self.path))
    }

    fn new(name: String, path: &Path, is_approval: bool) -> Self {
        Self {
            name,
            path: path.to_owned(),
            identity: Identity::of(path),
            is_approval,
            is_plan: false,
            is_stream: false,
            is_written_in_place: false,
        }
    }
}

impl Identity {
    fn of(path: &Path) -> Self {
        let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        // A terminal is no file that could be overwritten.
        let file = fs::metadata(path).ok().filter(|metadata| !metadata.file_type().is_char_device()).map(inode);
        let folder_path = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => resolved(Path::new(".")),
            Some(folder) => resolved(folder),
            None => resolved(path),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // As case-insensitive file systems fold names.
        let name = name.nfc().flat_map(char::to_lowercase).collect();
        Self { file, folder: fs::metadata(&folder_path).ok().map(inode), folder_path, name }
    }

    fn is(&self, other: &Self) -> bool {
        match (self.file, other.file) {
            (Some(one), Some(other)) => one == other,
            // If the names were the same file, both would exist or none.
            (Some(_), None) | (None, Some(_)) => false,
            (None, None) => {
                let same_folder = match (self.folder, other.folder) {
                    (Some(one), Some(other)) => one == other,
                    _ => self.folder_path == other.folder_path,
                };
                same_folder && self.name == other.name
            }
        }
    }
}

/// Redirects standard error away from a file that must not be written, so that not even the refusal goes there: to
/// standard output, or nowhere if that is the same file.
fn spare(shared: bool) -> io::Result<()> {
    if shared {
        return Ok(dup2_stderr(File::options().write(true).open("/dev/null")?)?);
    }
    Ok(dup2_stderr(io::stdout())?)
}

/// Whether a file is also in a folder, or anywhere below it, under any name.
fn is_in(folder: &Path, file: Option<(u64, u64)>) -> bool {
    let Some(file) = file else { return false };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // Not of what a link leads to.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if (metadata.dev(), metadata.ino()) == file {
                return true;
            }
        }
    }
    false
}

/// Whether a file begins like one of a format. A file that cannot be read fails later, when it is written.
fn begins_like(path: &Path, format: &str) -> bool {
    let mut head = Vec::new();
    let read = open_regular(path, Links::Follow).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let head: String = String::from_utf8_lossy(&head).split_whitespace().collect();
    read.is_ok() && head.starts_with(&format!("{{\"format\":\"{format}\","))
}

/// A path. Links in the part that exists are resolved.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}
