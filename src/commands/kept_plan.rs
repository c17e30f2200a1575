//! How a plan is called that was applied and is kept beside the one that takes its place.

use std::path::{Path, PathBuf};

use crate::plan::Digest;

/// How many digits of its hash stand in its name.
pub(super) const HASH_DIGITS: usize = 12;

/// A free name for an applied plan: its hash, and a number if it was kept before.
pub(super) fn unused_name(out: &Path, plan: Digest) -> PathBuf {
    let hash = plan.hex();
    let name = |suffix: &str| out.with_file_name(format!("{}{}{suffix}.json", start(out), &hash[..HASH_DIGITS]));
    let numbered = (2..).map(|number: u32| name(&format!("-{number}")));
    std::iter::once(name("")).chain(numbered).find(|name| !name.exists()).unwrap_or_else(|| name(""))
}

/// Whether a plan that is kept beside this one could have this name.
pub(super) fn may_be_kept_as(out: &Path, name: &str) -> bool {
    let start = start(out);
    let Some(rest) = name.strip_prefix(&start).and_then(|rest| rest.strip_suffix(".json")) else { return false };
    let (hash, number) = rest.split_once('-').unwrap_or((rest, "2"));
    let is_digits = |text: &str, of: fn(u8) -> bool| !text.is_empty() && text.bytes().all(of);
    hash.len() == HASH_DIGITS
        && is_digits(hash, |byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && is_digits(number, |byte| byte.is_ascii_digit())
}

fn start(out: &Path) -> String {
    format!("{}.", out.file_stem().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_kept_plans_are_known() {
        let out = Path::new("somewhere/plan.json");
        let hash = Digest::of(b"x");
        let name = unused_name(out, hash);
        let name = name.file_name().unwrap_or_default().to_string_lossy();
        assert_eq!(name, format!("plan.{}.json", &hash.hex()[..12]));
        for (name, expected) in [
            (&*name, true),
            ("plan.0123456789ab-17.json", true),
            ("plan.0123456789ab-x.json", false),
            ("plan.0123456789a.json", false),
            ("plan.0123456789ab.txt", false),
            ("other.0123456789ab.json", false),
            ("plan.json", false),
        ] {
            assert_eq!(may_be_kept_as(out, name), expected, "{name}");
        }
    }
}
