//! The logs, which go to standard error between the progress bars.

use std::io::{self, Write};

use anyhow::Context as _;
use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::stream;
use crate::cli::{Global, LogFormat};

/// The target of messages of [`super::Ui`] in JSON logs.
pub(super) const TARGET: &str = "skovik_sync::ui";
/// The target of the outcome of the command, which is logged even when quiet.
pub(super) const OUTCOME: &str = "skovik_sync::outcome";

pub(super) fn start(global: &Global, color: bool, bars: MultiProgress) -> anyhow::Result<()> {
    let layer = fmt::layer().with_writer(BesideBars(bars)).with_ansi(color);
    let layer = match global.log_format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(levels(global)))
        .try_init()
        .context("the logs were started already")
}

/// Libraries log only warnings and errors: their details of requests include secrets.
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
        .with_default(own.min(LevelFilter::WARN))
        .with_target("skovik_sync", own)
        .with_target(TARGET, messages)
        .with_target(OUTCOME, LevelFilter::INFO)
}

/// Standard error, with the bars out of the way while something is written.
#[derive(Debug)]
struct BesideBars(MultiProgress);

impl<'a> MakeWriter<'a> for BesideBars {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &BesideBars {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| stream::write_stderr(one_line(text).as_bytes()));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line of the log, which comes in one piece with the line break at its end. Any other came with a value.
fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    line.replace('\n', "\\n").replace('\r', "\\r") + &text[line.len()..]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tracing::Level;

    use super::*;
    use crate::cli::ColorChoice;

    #[test]
    fn a_value_makes_no_line_of_the_log() {
        assert_eq!(one_line(b"WARN a: x\r\nWARN b: y\n"), "WARN a: x\\r\\nWARN b: y\n");
        assert_eq!((one_line(b"torn"), one_line(b"\n")), ("torn".to_owned(), "\n".to_owned()));
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
            (false, 3, "hyper", Level::INFO, false),
            (false, 3, "hyper", Level::WARN, true),
            (true, 0, "hyper", Level::WARN, false),
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
