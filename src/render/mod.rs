//! Plans as people read them: pure functions of a plan, each in a module of its own.
//!
//! Nothing here looks at a terminal, the environment or a clock: whether there is colour, and how wide a line may be,
//! comes in with the options. Whatever a source or Skovik holds is shown by [`crate::text`], so that no value can
//! forge a line, recolour the terminal or hide a letter from the reviewer.

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
