//! The plan as a comment on a pull request, in GitHub's Markdown, which GitLab supports too.
//!
//! It stays below a number of bytes by leaving out what matters least. It names its parameters, so that [`proves`] can
//! make it again and detect an altered comment, and it ends with the plan's hash. No text in a plan can change the
//! structure; see `parts`.

pub(super) mod fit;
pub(super) mod parts;
#[cfg(test)]
pub(super) mod tests;

use self::fit::Document;
use super::redact::{self, NOTICE};
use super::shown::Shown;
use super::text::kind::Kind;
use super::text::person::Labels;
use super::text::value::Ids;
use crate::plan::{Plan, Summary};

/// The default limit: GitHub accepts this many bytes in a comment. GitLab accepts 1,000,000.
pub const DEFAULT_MAX_BYTES: usize = 65_536;
/// The smallest limit that may be set. Everything that cannot be left out fits into it.
pub const LEAST_MAX_BYTES: usize = 4_096;

/// The start of the line with the comment's parameters. Count `layout` up whenever the same plan would look different:
/// a comment in another layout cannot be created again.
const TRAILER_START: &str = "<!-- skovik-sync comment: layout=3 max-bytes=";
pub(super) const SINCE_TRAILER_START: &str = "<!-- skovik-sync comment: since=";

/// The parameters of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The greatest number of bytes; see [`LEAST_MAX_BYTES`].
    pub max_bytes: usize,
    /// Whether ids are shown next to names.
    pub ids: Ids,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_bytes: DEFAULT_MAX_BYTES, ids: Ids::Hidden }
    }
}

/// The parts that cannot be left out do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what a comment must say takes more than {max_bytes} bytes; {LEAST_MAX_BYTES} are always enough")]
pub struct TooShort {
    /// The limit that was asked for.
    pub max_bytes: usize,
}

/// The comment, which ends with a line break.
///
/// # Errors
/// If `max_bytes` is too small; [`LEAST_MAX_BYTES`] never is.
pub fn render<'a>(shown: impl Into<Shown<'a>>, options: Options) -> Result<String, TooShort> {
    let shown = shown.into();
    let content = shown.content();
    let labels = Labels::of(&content.target, options.ids);
    let document = Document {
        head: head(shown),
        sections: vec![
            parts::guards(content, options.ids),
            parts::sources(content),
            parts::group(content, Kind::Delete, &labels),
            parts::waiting(content, options.ids),
            parts::remarks(content, false),
            parts::group(content, Kind::Update, &labels),
            parts::group(content, Kind::Reactivate, &labels),
            parts::group(content, Kind::Create, &labels),
            parts::group(content, Kind::Link, &labels),
            parts::remarks(content, true),
        ],
        tail: format!("{}\n{}", trailer(shown.is_masked(), options), hash_line(shown)),
    };
    document.fit(options.max_bytes).map_err(|_| TooShort { max_bytes: options.max_bytes })
}

/// Checks that a text is exactly the comment that this program makes of a plan, with the parameters that the text
/// itself names. Line breaks may have become CRLF, and those at the end may be missing: forges do that.
///
/// # Errors
/// Says what is wrong with the text.
pub fn proves(plan: &Plan, text: &str) -> Result<(), String> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim_end_matches('\n');
    let mut from_the_end = text.lines().rev();
    let last = from_the_end.next().unwrap_or_default();
    let expected = hash_line(plan.into());
    if last != expected.trim_end() {
        return Err(format!("its last line is not the hash of this plan, {}", plan.hash()));
    }
    let (masked, options) = parameters(from_the_end.find(|line| !line.is_empty()).unwrap_or_default())?;
    let likeness = masked.then(|| redact::mask(plan));
    let shown = likeness.as_ref().map_or_else(|| Shown::from(plan), Shown::from);
    let again = render(shown, options).map_err(|error| error.to_string())?;
    let again = again.trim_end_matches('\n');
    if again == text {
        return Ok(());
    }
    let differing = again.lines().zip(text.lines()).take_while(|(expected, found)| expected == found).count();
    Err(format!("it differs from what this plan looks like, first in line {}", differing + 1))
}

fn head(shown: Shown<'_>) -> String {
    let content = shown.content();
    let Summary { create, update, reactivate, delete, .. } = content.summary;
    let title = if content.operations.is_empty() {
        "no changes".to_owned()
    } else {
        let [create, update, delete] = [create, update, delete].map(parts::number);
        let back =
            if reactivate > 0 { format!("{} to reactivate, ", parts::number(reactivate)) } else { String::new() };
        format!("{create} to create, {back}{update} to update, {delete} to delete")
    };
    let masked = if shown.is_masked() { format!("> **Masked**: {NOTICE}.\n\n") } else { String::new() };
    format!("## skovik-sync plan: {title}\n\n{masked}{}{}", parts::blocked(content), parts::summary(content))
}

pub(super) fn hash_line(shown: Shown<'_>) -> String {
    format!("Plan hash: `{}`\n", shown.hash())
}

fn trailer(masked: bool, options: Options) -> String {
    let Options { max_bytes, ids } = options;
    let word = |yes| if yes { "yes" } else { "no" };
    format!("{TRAILER_START}{max_bytes} redact={} ids={} -->\n", word(masked), word(ids == Ids::Shown))
}

/// The parameters in a trailer. Only the exact form that this program writes is accepted.
fn parameters(line: &str) -> Result<(bool, Options), String> {
    if line.starts_with(SINCE_TRAILER_START) {
        return Err("it shows only what changed since another plan, not the whole of this one".to_owned());
    }
    let rest = line.strip_prefix(TRAILER_START).unwrap_or_default();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let max_bytes = rest[..digits].parse().unwrap_or_default();
    let ids = Ids::from(rest.ends_with(" ids=yes -->"));
    let found = (rest.contains(" redact=yes "), Options { max_bytes, ids });
    if trailer(found.0, found.1).trim_end() == line {
        return Ok(found);
    }
    Err("the line above its hash does not say how it was made, or it was made by another version of this program"
        .into())
}
