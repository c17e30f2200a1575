//! Progress bars on standard error. If they are hidden, all of this does nothing.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Progress of something that is under way. Clones show the same bar; dropping the last one removes it from the screen.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(bars: &MultiProgress, label: String) -> Self {
        let bar = bars.add(ProgressBar::no_length());
        bar.set_style(style("{spinner} {msg} {human_pos}"));
        bar.set_message(label);
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar }
    }

    /// Says how much there is to do, which turns the spinner into a bar.
    pub fn set_total(&self, total: u64) {
        self.bar.set_length(total);
        self.bar.set_style(style("{spinner} {msg} {wide_bar} {human_pos} of {human_len}"));
    }

    /// Says how much is done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Says how much more is done.
    pub fn inc(&self, more: u64) {
        self.bar.inc(more);
    }

    /// Removes it from the screen.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A style by its template; the crate's default style if the template is wrong.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_known() {
        for template in ["{spinner} {msg} {human_pos}", "{spinner} {msg} {wide_bar} {human_pos} of {human_len}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
