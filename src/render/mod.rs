//! Renders plans for people: pure functions of a plan, each in its own module.
//!
//! Nothing here looks at a terminal, the environment or a clock; the options say whether there is colour, and how wide
//! a line may be. Every text from a source or Skovik is shown by [`crate::text`], so that no value can forge a line,
//! recolour the terminal or hide a letter from the reviewer.

pub mod explain;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod hostile;
pub mod html;
pub mod json;
pub mod markdown;
pub mod redact;
mod shown;
pub mod since;
pub mod text;

pub use self::shown::Shown;
pub use self::text::value::Ids;
