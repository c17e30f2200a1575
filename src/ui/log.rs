//! The logs, which go to standard error between the progress bars. What they quote from others is escaped here, in one
//! place for all their messages and fields.

use std::fmt::Debug;
use std::io::{self, Write};

use anyhow::Context as _;
use indicatif::MultiProgress;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, fmt};

use super::stream;
use crate::cli::{Global, LogFormat};
use crate::text::{printable, printable_json};

/// The target of messages of [`super::Ui`] in JSON logs.
pub(super) const TARGET: &str = "skovik_sync::ui";
/// The target of the outcome of the command, which is logged even when quiet.
pub(super) const OUTCOME: &str = "skovik_sync::outcome";

pub(super) fn start(global: &Global, color: bool, bars: MultiProgress) -> anyhow::Result<()> {
    let layer =
        layer(global.log_format, color, move |line: &str| bars.suspend(|| stream::write_stderr(line.as_bytes())));
    tracing_subscriber::registry()
        .with(layer.with_filter(levels(global)))
        .try_init()
        .context("the logs were started already")
}

/// Gives each event as a line to `write`. A value in it hides nothing and makes no other line.
fn layer<S>(
    format: LogFormat,
    color: bool,
    write: impl Fn(&str) + Send + Sync + 'static,
) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = Lines { format, write: Box::new(write) };
    let layer = fmt::layer().with_writer(lines).with_ansi(color);
    match format {
        // In colour, what is around the values has terminal sequences; so each value is escaped before it is among them.
        LogFormat::Text => layer.fmt_fields(debug_fn(put_field).delimited(" ")).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn put_field(line: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let value = format!("{value:?}");
    let value = printable(&value);
    if field.name() == "message" { write!(line, "{value}") } else { write!(line, "{field}={value}") }
}

/// Libraries log nothing: what they say quotes servers, unmasked and of any length. Their errors are returned to this
/// program, which masks and shortens them.
fn levels(global: &Global) -> Targets {
    let own = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let messages = if global.quiet { LevelFilter::ERROR } else { own.max(LevelFilter::INFO) };
    Targets::new()
        .with_default(LevelFilter::OFF)
        .with_target("skovik_sync", own)
        .with_target(TARGET, messages)
        .with_target(OUTCOME, LevelFilter::INFO)
}

/// Where the lines go. Each comes in one piece.
struct Lines {
    format: LogFormat,
    write: Box<dyn Fn(&str) + Send + Sync>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        match self.format {
            LogFormat::Text => (self.write)(&text),
            LogFormat::Json => (self.write)(&printable_json(&text)),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::path::PathBuf;
    use std::sync::mpsc::channel;

    use tracing::Level;

    use super::*;
    use crate::cli::ColorChoice;
    use crate::text::is_unseen;

    /// What a log of this kind shows of a value in a message and in fields.
    fn logged(format: LogFormat, color: bool, value: &str) -> String {
        let (sender, lines) = channel();
        let layer = layer(format, color, move |line| sender.send(line.to_owned()).unwrap());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(path = value, file = %value, "cannot read {value}");
        });
        lines.try_iter().collect()
    }

    #[test]
    fn a_value_hides_nothing_and_makes_no_line_in_a_log_of_any_kind() {
        let hostile =
            "\u{202e}\u{2066}\u{200b}\u{e000}\u{85}\u{9b}\u{ad}\u{a0}\u{2028}\u{e0041}\u{7f}\r\nWARN \u{1b}[31m";
        for (format, color) in [(LogFormat::Text, false), (LogFormat::Text, true), (LogFormat::Json, false)] {
            let logged = logged(format, color, hostile);
            // The colours are those of the log.
            let line = console::strip_ansi_codes(logged.strip_suffix('\n').unwrap());
            assert!(!line.chars().any(is_unseen), "{line:?}");
            assert!(!logged.contains("\u{1b}[31m") && line.contains("202e") && line.contains("[31m"), "{logged:?}");
            if format == LogFormat::Json {
                let event: serde_json::Value = serde_json::from_str(&line).unwrap();
                assert_eq!(
                    (&event["path"], &event["file"]),
                    (&hostile.into(), &hostile.into()),
                    "the same to a program"
                );
            }
        }
        let plain = logged(LogFormat::Text, false, "Åsa \\ 山田");
        assert!(plain.ends_with(": cannot read Åsa \\ 山田 path=\"Åsa \\\\ 山田\" file=Åsa \\ 山田\n"), "{plain}");
    }

    #[test]
    fn levels_follow_the_options_and_libraries_stay_quiet() {
        let own = "skovik_sync::target";
        for (quiet, verbose, target, level, expected) in [
            (false, 0, own, Level::WARN, true),
            (false, 0, own, Level::INFO, false),
            (false, 1, own, Level::INFO, true),
            (false, 1, own, Level::DEBUG, false),
            (false, 2, own, Level::DEBUG, true),
            (false, 3, own, Level::TRACE, true),
            (true, 0, own, Level::WARN, false),
            (true, 0, own, Level::ERROR, true),
            (false, 3, "hyper", Level::ERROR, false),
            (false, 3, "sqlx::postgres::notice", Level::ERROR, false),
            (false, 0, "log", Level::ERROR, false),
            (false, 0, TARGET, Level::INFO, true),
            (true, 0, TARGET, Level::INFO, false),
            (true, 0, TARGET, Level::ERROR, true),
            (true, 0, OUTCOME, Level::INFO, true),
        ] {
            let global = Global {
                config: PathBuf::new(),
                names_config: false,
                color: ColorChoice::Auto,
                quiet,
                verbose,
                log_format: LogFormat::Text,
                state: None,
            };
            assert_eq!(levels(&global).would_enable(target, &level), expected, "{quiet} {verbose} {target} {level}");
        }
    }
}
