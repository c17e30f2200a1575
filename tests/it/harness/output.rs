//! How a program ended, and all that it said.

use std::fmt;

/// How a run of a program ended, and all that it said. Whatever is asserted shows all of it when it does not hold.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) command: String,
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn of(args: &[&str], output: std::process::Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        Self {
            command: format!("skovik-sync {}", args.join(" ")),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Asserts how it ended.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Asserts that standard error holds each of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not on standard error:\n{self}");
        }
        self
    }

    /// Asserts that standard output holds each of these.
    #[track_caller]
    pub(crate) fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "{part:?} is not on standard output:\n{self}");
        }
        self
    }
}

/// Of a run whose arguments the test shows itself.
impl From<std::process::Output> for Output {
    fn from(output: std::process::Output) -> Self {
        Self::of(&["…"], output)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "$ {command}\n{stdout}")?;
        if !stderr.is_empty() {
            write!(f, "--- standard error\n{stderr}")?;
        }
        match code {
            Some(code) => write!(f, "--- exit code {code}"),
            None => write!(f, "--- ended by a signal"),
        }
    }
}

/// The same text, so that a failure can be read.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
