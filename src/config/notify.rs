//! `[[notify]]`: who is told how runs end.

use std::path::PathBuf;
use std::time::Duration;

use super::ConfigError;
use crate::plan::{Digest, Fingerprint};
use crate::setting::section::Section;
use crate::setting::{Secret, SecretPlace, SecretShape};

/// The default time after which the same is told again.
const REPEAT: Duration = Duration::from_secs(24 * 60 * 60);

/// `[[notify]]`: one receiver.
#[derive(Debug, Clone)]
pub struct NotifySettings {
    /// The occasions on which it is told, in the order of [`Occasion`].
    pub on: Vec<Occasion>,
    /// What it is known by, wherever its table is: a digest of the program with its arguments, or of where the URL is kept, as
    /// the settings have it. Tables with the same address are one receiver.
    pub address: Digest,
    /// How it is told.
    pub channel: Channel,
    /// Whether messages may hold names and identifiers of people.
    pub personal: bool,
    /// The time without success after which it is told so; set if `on` holds [`Occasion::Silent`].
    pub silent_after: Option<Duration>,
    /// The time after which something unchanged is told again.
    pub repeat: Duration,
}

/// An occasion to tell somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// A guard blocks the plan.
    Blocked,
    /// The plan waits for an approval.
    Waiting,
    /// A plan was applied in part.
    Partial,
    /// A run failed.
    Failed,
    /// A run succeeded after one that did not.
    Recovered,
    /// No run has succeeded for a while.
    Silent,
}

/// How a receiver is told.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A POST to a URL, which may be a secret itself.
    Url {
        /// The URL.
        url: Secret,
        /// What is posted.
        form: Form,
    },
    /// A program that gets the message on its standard input. It is started without a shell.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// Where it is started: the folder of the settings file.
        folder: PathBuf,
    },
}

/// What is posted to a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// The message as an object of our own.
    #[default]
    Json,
    /// What an incoming webhook of Slack takes.
    Slack,
    /// What a workflow of Teams takes: an adaptive card.
    Teams,
}

impl Occasion {
    /// Every one with its name.
    pub(crate) const WORDS: [(&str, Self); 6] = [
        ("blocked", Self::Blocked),
        ("waiting", Self::Waiting),
        ("partial", Self::Partial),
        ("failed", Self::Failed),
        ("recovered", Self::Recovered),
        ("silent", Self::Silent),
    ];

    /// Its name in the settings and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Silent => "silent",
        }
    }
}

pub(super) fn notifications(root: &Section<'_>) -> Result<Vec<NotifySettings>, ConfigError> {
    root.sections("notify", "[[notify]]")?.into_iter().map(notification).collect()
}

fn notification(section: Section<'_>) -> Result<NotifySettings, ConfigError> {
    let section = section.only(&[
        "on",
        "url_env",
        "url_file",
        "url_command",
        "command",
        "form",
        "personal",
        "silent_after",
        "repeat",
    ])?;
    let on = occasions(&section)?;
    let silent_after = section.duration("silent_after")?;
    match (on.contains(&Occasion::Silent), silent_after) {
        (true, None) => {
            let why = "how long may pass without a successful run before \"silent\" is told, such as \"26h\"";
            return Err(section.missing("silent_after", why));
        }
        (false, Some(_)) => return Err(section.problem("silent_after", "needs \"silent\" in `on`")),
        _ => {}
    }
    let channel = channel(&section)?;
    Ok(NotifySettings {
        on,
        address: address(&section, &channel)?,
        channel,
        personal: section.flag("personal")?.unwrap_or(false),
        silent_after,
        repeat: section.duration("repeat")?.unwrap_or(REPEAT),
    })
}

fn occasions(section: &Section<'_>) -> Result<Vec<Occasion>, ConfigError> {
    let known = || Occasion::WORDS.map(|(word, _)| format!("\"{word}\"")).join(", ");
    let texts = section.texts("on")?.ok_or_else(|| section.missing("on", &format!("a list of {}", known())))?;
    let find = |text: &String| {
        let found = Occasion::WORDS.iter().find(|(word, _)| word == text);
        found.map(|(_, occasion)| *occasion).ok_or_else(|| section.problem("on", format!("may hold {}", known())))
    };
    let mut on = texts.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    on.sort_unstable();
    on.dedup();
    if on.is_empty() {
        return Err(section.problem("on", format!("is empty; it may hold {}", known())));
    }
    Ok(on)
}

/// Not the URL itself: it may be a secret, and somebody whose URL was replaced has still been told. Nor the folder of the
/// settings file, which may be moved, or named in another way.
fn address(section: &Section<'_>, channel: &Channel) -> Result<Digest, ConfigError> {
    let (kind, texts) = match channel {
        Channel::Url { url, .. } => match url.place() {
            SecretPlace::Variable(name) => (0, vec![&**name]),
            SecretPlace::File(_) => (1, section.text("url_file")?.into_iter().collect()),
            SecretPlace::Command { argv, .. } => (2, argv.iter().map(String::as_str).collect()),
        },
        Channel::Command { argv, .. } => (3, argv.iter().map(String::as_str).collect()),
    };
    let mut address = Fingerprint::default();
    address.byte(kind);
    address.texts(texts.into_iter());
    Ok(address.finish())
}

fn channel(section: &Section<'_>) -> Result<Channel, ConfigError> {
    let what = "the URL that messages are posted to";
    let url = Secret::from_section(section, "url", what, SecretShape::Key)?;
    let words = [("json", Form::Json), ("slack", Form::Slack), ("teams", Form::Teams)];
    let form = section.word("form", &words)?;
    match (url, section.program("command", "[\"./tell\", \"--it\"]")?) {
        (Some(url), None) => Ok(Channel::Url { url, form: form.unwrap_or_default() }),
        (None, Some(_)) if form.is_some() => {
            Err(section.problem("form", "goes with a URL only; a program always gets JSON on its standard input"))
        }
        (None, Some(argv)) if argv[0].contains("://") => Err(section.problem(
            "command",
            "begins with a URL, not a program; keep the URL in a file that only its owner can \
                read, and name that file as `url_file`",
        )),
        (None, Some(argv)) => {
            section.starts("command", &argv);
            Ok(Channel::Command { argv, folder: section.folder().to_owned() })
        }
        (Some(_), Some(_)) => Err(section.problem("command", "does not go with a URL; write two [[notify]]")),
        (None, None) => Err(section.missing(
            "url_env",
            "the environment variable with the URL to post to (or `url_file`, `url_command`), or `command`, a program",
        )),
    }
}
