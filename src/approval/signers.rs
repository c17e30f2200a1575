//! Whose signatures count: OpenSSH's `allowed_signers` file, as `ssh-keygen(1)` describes it under "ALLOWED SIGNERS".
//!
//! This reader is stricter than `ssh-keygen` in one way: `ssh-keygen` skips a line that it cannot use; here such a line
//! is an error. Otherwise somebody could believe that a line or a restriction has an effect when it has none. Lines
//! that are only for other namespaces are ignored.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::patterns::PatternList;
use super::signature::{NAMESPACE, SignerKey};

/// The names of the options of a line.
const OPTIONS: [&str; 4] = ["cert-authority", "namespaces", "valid-after", "valid-before"];
const NO_KEY: &str = "has no public key; a line is: principals [options] kind base64 [comment]";

/// The signers, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigners {
    signers: Vec<Signer>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signer {
    line: usize,
    pub(super) principals: PatternList,
    for_this: bool,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
    pub(super) key: SignerKey,
}

impl AllowedSigners {
    /// Reads the file's text. Times without `Z` are in `zone`; for `ssh-keygen` that is the machine's zone.
    ///
    /// # Errors
    /// Names the first line that cannot be used, and why.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let mut signers = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let signer = parse_line(line, number, zone).map_err(|problem| format!("line {number}: {problem}"))?;
            signers.extend(signer);
        }
        Ok(Self { signers })
    }

    /// Whether a signature by this key counts as the principal's at this time, as `ssh-keygen -Y verify -I` decides.
    ///
    /// # Errors
    /// Names the rule that fails.
    pub fn check(&self, key: &SignerKey, principal: &str, now: Timestamp) -> Result<(), String> {
        let mut objection = None;
        for signer in self.signers.iter().filter(|signer| signer.key == *key) {
            match signer.objection(principal, now) {
                None => return Ok(()),
                Some(found) => {
                    objection.get_or_insert(found);
                }
            }
        }
        Err(objection.unwrap_or_else(|| {
            let nobody = if self.signers.is_empty() { ", which lists nobody" } else { "" };
            format!("by a key that is not in allowed_signers{nobody}: {}", key.fingerprint())
        }))
    }

    /// All lines, also those for other uses: they tell whose keys are one person's.
    pub(super) fn lines(&self) -> &[Signer] {
        &self.signers
    }

    /// Whether any key counts as this principal's.
    #[must_use]
    pub fn knows(&self, principal: &str) -> bool {
        self.signers.iter().any(|signer| signer.for_this && signer.principals.matches(principal))
    }

    /// The principal of a key, if the file gives it exactly one name without wildcards.
    #[must_use]
    pub fn principal_of(&self, key: &SignerKey) -> Option<&str> {
        let mut lines = self.signers.iter().filter(|signer| signer.for_this && signer.key == *key);
        let principal = lines.next()?.principals.only_name()?;
        lines.all(|other| other.principals.only_name() == Some(principal)).then_some(principal)
    }
}

impl Signer {
    fn objection(&self, principal: &str, now: Timestamp) -> Option<String> {
        let line = self.line;
        if !self.principals.matches(principal) {
            let whose = &self.principals;
            return Some(format!("by a key that is {whose}'s (allowed_signers line {line}), not {principal}'s"));
        }
        if !self.for_this {
            return Some(format!(
                "by a key whose `namespaces` in allowed_signers (line {line}) do not include {NAMESPACE}"
            ));
        }
        // ssh-keygen compares in whole seconds, both ends included.
        let now = now.as_second();
        if let Some(start) = self.valid_after.filter(|start| now < start.as_second()) {
            return Some(format!(
                "by a key that is not valid yet: valid-after in allowed_signers (line {line}) is {start}"
            ));
        }
        if let Some(end) = self.valid_before.filter(|end| now > end.as_second()) {
            return Some(format!("by a key that has expired: valid-before in allowed_signers (line {line}) is {end}"));
        }
        None
    }
}

/// Reads a line that is not empty; `None` if it is only for other namespaces and its key could not be used here.
fn parse_line(line: &str, number: usize, zone: &TimeZone) -> Result<Option<Signer>, String> {
    if line.contains(|c: char| c.is_control() && c != '\t') {
        return Err("has a control character".to_owned());
    }
    let (principals, rest) = principals(line)?;
    if rest.is_empty() {
        return Err(NO_KEY.to_owned());
    }
    let (options, rest) =
        if is_key_kind(first_word(rest).0) { (Options::default(), rest) } else { options(rest, zone)? };
    let for_this = options.namespaces.as_ref().is_none_or(|namespaces| namespaces.matches(NAMESPACE));
    if options.cert_authority {
        let problem = "cert-authority: certificates are not supported; list the signers' own keys";
        return if for_this { Err(problem.to_owned()) } else { Ok(None) };
    }
    let (kind, rest) = first_word(rest);
    let (base64, _comment) = first_word(rest);
    if kind.is_empty() || base64.is_empty() {
        return Err(NO_KEY.to_owned());
    }
    let key = match SignerKey::parse(kind, base64) {
        Ok(key) => key,
        Err(_) if !for_this => return Ok(None),
        Err(problem) => return Err(problem),
    };
    let Options { cert_authority: _, namespaces: _, valid_after, valid_before } = options;
    Ok(Some(Signer { line: number, principals, for_this, valid_after, valid_before, key }))
}

/// The principals, which may be in quotes, and the rest of the line.
fn principals(line: &str) -> Result<(PatternList, &str), String> {
    let (text, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or("has a quote that is not closed")?,
        None => first_word(line),
    };
    if text.is_empty() || text.contains('"') {
        return Err("does not begin with principals, such as anna@example.com,ben@example.com".to_owned());
    }
    Ok((PatternList::new(text), rest.trim_start_matches([' ', '\t'])))
}

#[derive(Debug, Default)]
struct Options {
    cert_authority: bool,
    namespaces: Option<PatternList>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
}

/// The options, and what follows them.
fn options<'l>(text: &'l str, zone: &TimeZone) -> Result<(Options, &'l str), String> {
    let mut options = Options::default();
    let mut rest = text;
    loop {
        let end = rest.find(['=', ',', ' ', '\t']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        if !OPTIONS.contains(&name.as_str()) {
            return Err(no_option(&name));
        }
        let value = match rest.strip_prefix('=') {
            None => None,
            Some(after) => {
                let (value, after) = quoted(after).ok_or_else(|| format!("{name}= needs a value in quotes"))?;
                rest = after;
                Some(value)
            }
        };
        let twice = || Err(format!("has {name} twice"));
        match (name.as_str(), value) {
            ("cert-authority", None) => options.cert_authority = true,
            ("namespaces", Some(_)) if options.namespaces.is_some() => return twice(),
            ("namespaces", Some(text)) => options.namespaces = Some(PatternList::new(&text)),
            ("valid-after", Some(_)) if options.valid_after.is_some() => return twice(),
            ("valid-after", Some(text)) => options.valid_after = Some(time(&name, &text, zone)?),
            ("valid-before", Some(_)) if options.valid_before.is_some() => return twice(),
            ("valid-before", Some(text)) => options.valid_before = Some(time(&name, &text, zone)?),
            (known, _) => {
                return Err(format!(
                    "has {known:?} where a public key is expected: namespaces, valid-after and valid-before need a value, \
                     cert-authority has none"
                ));
            }
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.is_empty() || rest.starts_with([' ', '\t']) => break,
            None => return Err(format!("has something between {name} and the next comma or space")),
        }
    }
    Ok((options, rest.trim_start_matches([' ', '\t'])))
}

/// What stands where an option belongs. It is not quoted: the file may be any other one, and this the secret in it.
fn no_option(name: &str) -> String {
    format!(
        "has a word of {} characters (not shown, as it may be a secret) where a public key or one of the options namespaces=\"…\", \
         valid-after=\"…\" and valid-before=\"…\" is expected",
        name.chars().count()
    )
}

/// A value in quotes, in which `\"` is a quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let text = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                value.push('"');
                chars.next();
            }
            '"' => return Some((value, &text[at + 1..])),
            other => value.push(other),
        }
    }
    None
}

/// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with `Z` or `UTC` at the end if it is not the machine's time.
fn time(name: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let upper = text.to_ascii_uppercase();
    let universal = upper.strip_suffix("UTC").or_else(|| upper.strip_suffix('Z'));
    let digits = universal.unwrap_or(&upper);
    let zone = if universal.is_some() { &TimeZone::UTC } else { zone };
    let parsed = civil(digits).and_then(|civil| zone.to_timestamp(civil).ok());
    parsed.ok_or_else(|| format!("{name}={text:?} is no time; expected YYYYMMDD[HHMM[SS]][Z]"))
}

fn civil(digits: &str) -> Option<DateTime> {
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let small = |at: usize| digits.get(at..at + 2).map_or(Some(0), |text| text.parse::<i8>().ok());
    let date = Date::new(digits[..4].parse().ok()?, small(4)?, small(6)?).ok()?;
    Some(date.to_datetime(Time::new(small(8)?, small(10)?, small(12)?, 0).ok()?))
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

/// Whether a word is the type of a key. No option looks like a type.
fn is_key_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-"].iter().any(|start| word.starts_with(start))
}

#[cfg(test)]
mod tests;
