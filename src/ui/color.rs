//! Whether to colour: the option first, then the environment, then whether there is a terminal.

use std::ffi::OsString;

use crate::cli::ColorChoice;

/// What the environment says about colour.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Environment {
    /// `NO_COLOR` is there and not empty, see <https://no-color.org>.
    no_color: bool,
    /// `CLICOLOR_FORCE` is there, and neither empty nor `0`.
    force: bool,
    /// `TERM` is `dumb`.
    dumb: bool,
}

impl Environment {
    /// Asks for the variables by name.
    pub(super) fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let filled = |name| variable(name).filter(|value| !value.is_empty());
        Self {
            no_color: filled("NO_COLOR").is_some(),
            force: filled("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb: filled("TERM").is_some_and(|value| value == "dumb"),
        }
    }

    /// The decision for one stream.
    pub(super) fn color(self, choice: ColorChoice, terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.no_color => false,
            ColorChoice::Auto => self.force || (terminal && !self.dumb),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_then_the_environment_then_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        type Variables = &'static [(&'static str, &'static str)];
        let cases: &[(Variables, ColorChoice, bool, bool)] = &[
            (&[], Auto, true, true),
            (&[], Auto, false, false),
            (&[], Always, false, true),
            (&[], Never, true, false),
            (&[("NO_COLOR", "1")], Auto, true, false),
            (&[("NO_COLOR", "")], Auto, true, true),
            (&[("NO_COLOR", "1")], Always, false, true),
            (&[("CLICOLOR_FORCE", "1")], Auto, false, true),
            (&[("CLICOLOR_FORCE", "0")], Auto, false, false),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], Auto, true, false),
            (&[("CLICOLOR_FORCE", "1")], Never, true, false),
            (&[("TERM", "dumb")], Auto, true, false),
            (&[("TERM", "xterm-256color")], Auto, true, true),
            (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], Auto, false, true),
        ];
        for (variables, choice, terminal, expected) in cases {
            let environment = Environment::read(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            });
            assert_eq!(environment.color(*choice, *terminal), *expected, "{variables:?} {choice:?} {terminal}");
        }
    }
}
