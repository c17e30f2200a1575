//! The approval file: what it says, how it is read, and the bytes that are signed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::name::is_readable;
use crate::guard::Ceiling;
use crate::plan::{Digest, GuardResult, canonical_json};
use crate::strict_json::{each_member, names_its_members};
use crate::text::said;

/// The name of the format, as an approval file states it.
pub const FORMAT: &str = "skovik-sync/approval";
/// The version that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u64 = 1;
/// The greatest count that an approval may allow. Canonical JSON stores every number as a double. Above this, two
/// counts would have the same canonical form, and so the same signature.
pub const GREATEST_CEILING: u64 = (1 << 53) - 1;
/// How long an approval file may be, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// One person's approval of one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "the members of an approval")]
pub struct Approval {
    /// Always [`FORMAT`].
    pub format: String,
    /// Always [`FORMAT_VERSION`].
    pub format_version: u64,
    /// The only plan that is approved.
    pub plan_hash: Digest,
    /// Who approves. With signatures, a principal of the signer.
    pub approver: String,
    /// When.
    pub approved_at: Timestamp,
    /// Until when, if the approver said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Why, if the approver said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The allowed count of each kind of guard.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "each_kind_once")]
    pub allow: BTreeMap<Ceiling, u64>,
    /// The guards that blocked, with the counts that the approver saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<GuardResult>,
    /// An SSH signature over [`Approval::statement`], in its armour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Approval {
    /// Reads an approval strictly: anything unexpected is an error.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("is no approval: it is longer than {MAX_BYTES} bytes"));
        }
        let approval: Self =
            serde_json::from_slice(text).map_err(|error| format!("is no approval: {}", said(&error)))?;
        if approval.format != FORMAT || approval.format_version != FORMAT_VERSION {
            return Err(format!("is not a {FORMAT:?} file of version {FORMAT_VERSION}"));
        }
        let (document, written) = (serde_json::from_slice::<Value>(text), serde_json::to_value(&approval));
        let (Ok(document), Ok(written)) = (document, written) else { return Err("is no approval".to_owned()) };
        if !names_its_members(&document, &written) {
            return Err("is no approval: it has a list where an object with named members belongs".to_owned());
        }
        if document != written {
            // The signature is over what is written: nothing else may mean the same.
            let problem = "is no approval: `approve` writes no null, nothing empty, and times in UTC";
            return Err(problem.to_owned());
        }
        approval.check_texts()?;
        approval.check_counts()?;
        Ok(approval)
    }

    /// What is signed: the RFC 8785 canonical form of everything but the signature. Layout does not change it; content
    /// does.
    ///
    /// # Errors
    /// If a value has no canonical form. An approval that was read has none of these.
    pub fn statement(&self) -> Result<Vec<u8>, String> {
        let unsigned = Self { signature: None, ..self.clone() };
        canonical_json(&unsigned).map_err(|error| error.to_string())
    }

    /// Until when it is valid: the earlier of its own expiry and the greatest age that the settings allow.
    #[must_use]
    pub fn holds_until(&self, max_age: SignedDuration) -> Timestamp {
        let by_age = self.approved_at.checked_add(max_age).unwrap_or(Timestamp::MAX);
        self.expires_at.map_or(by_age, |own| own.min(by_age))
    }

    /// Checks the two free texts, which are shown on terminals and in reports.
    fn check_texts(&self) -> Result<(), String> {
        if !is_readable(&self.approver) {
            return Err("names no approver: a name has a letter or a digit that can be seen".to_owned());
        }
        let texts = [Some(&self.approver), self.comment.as_ref()];
        if texts.into_iter().flatten().any(|text| text.chars().any(char::is_control)) {
            return Err("has a control character in its approver or comment".to_owned());
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), String> {
        let seen = self.blocked.iter().flat_map(|guard| [guard.count, guard.of, guard.limit]);
        if self.allow.values().copied().chain(seen).any(|count| count > GREATEST_CEILING) {
            return Err(format!("names a count beyond {GREATEST_CEILING}"));
        }
        Ok(())
    }
}

/// Reads the allowed counts. A duplicate key is an error; a plain map would use the last one.
fn each_kind_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Ceiling, u64>, D::Error> {
    let mut map = BTreeMap::new();
    each_member(deserializer, |kind: Ceiling, count| match map.insert(kind, count) {
        Some(_) => Err(format!("duplicate field `{}`", kind.name())),
        None => Ok(()),
    })?;
    Ok(map)
}

/// How long a file's name may be on every usual file system, in bytes.
const LONGEST_NAME: usize = 255;

/// The name of an approval's file, next to the plan's. The approver's name is reduced to what every file system
/// accepts, and shortened so that the whole name is not too long.
#[must_use]
pub fn file_name(plan: &str, approver: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+') { c } else { '_' };
    let room = LONGEST_NAME.saturating_sub(plan.len() + "..approval".len());
    let mut approver: String = approver.chars().map(safe).take(80).collect();
    approver.truncate(approver.floor_char_boundary(room));
    format!("{plan}.{approver}.approval")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"format":"skovik-sync/approval","format_version":1,
        "plan_hash":"sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "approver":"anna@example.com","approved_at":"2026-03-01T12:00:00Z","expires_at":"2026-03-02T12:00:00Z",
        "comment":"Åsa agreed","allow":{"deletes":40,"changes":60},
        "blocked":[{"id":"max_delete_percent","count":40,"of":100,"limit":20,"outcome":"block"}]}"#;

    #[test]
    fn the_name_of_a_file_is_never_too_long() {
        let long = "p".repeat(200);
        for (plan, approver) in [("plan.json", "李".repeat(80)), (&*long, "é".repeat(80))] {
            let name = file_name(plan, &approver);
            assert!((250..=255).contains(&name.len()), "{name}");
            assert!(name.starts_with(plan) && name.ends_with(".approval"), "{name}");
        }
        assert_eq!(file_name("plan.json", "Anna Berg"), "plan.json.Anna_Berg.approval");
    }

    #[test]
    fn the_statement_is_canonical_and_leaves_out_only_the_signature() {
        let mut approval = Approval::read(WHOLE.as_bytes()).unwrap();
        let statement = String::from_utf8(approval.statement().unwrap()).unwrap();
        assert_eq!(
            statement,
            "{\"allow\":{\"changes\":60,\"deletes\":40},\"approved_at\":\"2026-03-01T12:00:00Z\",\
             \"approver\":\"anna@example.com\",\"blocked\":[{\"count\":40,\"id\":\"max_delete_percent\",\"limit\":20,\
             \"of\":100,\"outcome\":\"block\"}],\"comment\":\"Åsa agreed\",\"expires_at\":\"2026-03-02T12:00:00Z\",\
             \"format\":\"skovik-sync/approval\",\"format_version\":1,\
             \"plan_hash\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}"
        );
        assert_eq!(Approval::read(statement.as_bytes()).unwrap(), approval);
        approval.signature = Some("armour".to_owned());
        assert_eq!(approval.statement().unwrap(), statement.as_bytes());
    }

    #[test]
    fn what_is_not_exactly_an_approval_is_refused() {
        for (old, new, expected) in [
            ("\"approver\":", "\"approver\":\"ben\",\"approver\":", "duplicate field `approver`"),
            ("\"deletes\":40", "\"deletes\":40,\"deletes\":90", "duplicate field `deletes`"),
            ("\"count\":40", "\"count\":40,\"count\":90", "duplicate field `count`"),
            ("\"comment\":", "\"remark\":", "unknown field `remark`"),
            ("\"deletes\":40", "\"removals\":40", "unknown variant `removals`"),
            ("\"deletes\":40", "\"deletes\":9007199254740992", "beyond"),
            ("\"of\":100", "\"of\":9007199254740992", "beyond"),
            ("\"deletes\":40", "\"deletes\":40.0", "expected u64"),
            ("\"comment\":\"Åsa agreed\"", "\"comment\":null", "writes no null"),
            ("\"expires_at\":\"2026-03-02T12:00:00Z\"", "\"expires_at\":null", "writes no null"),
            ("\"expires_at\":\"2026-03-02T12:00:00Z\"", "\"expires_at\":\"2026-03-02T13:00:00+01:00\"", "times in UTC"),
            ("\"allow\":{\"deletes\":40,\"changes\":60}", "\"allow\":{}", "nothing empty"),
            ("sha256:00", "sha512:00", "expected sha256:"),
            ("anna@example.com", " ", "names no approver"),
            ("anna@example.com", "anna\\u001b[2J", "control character"),
            ("Åsa agreed", "fine\\n", "control character"),
            ("\"format_version\":1", "\"format_version\":2", "of version 1"),
            ("skovik-sync/approval", "skovik-sync/plan", "is not a \"skovik-sync/approval\" file"),
            ("}]}", "}]} {}", "trailing characters"),
            ("}]}", "}]", "EOF"),
        ] {
            assert!(WHOLE.contains(old), "{old}");
            let error = Approval::read(WHOLE.replacen(old, new, 1).as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{new}: {error}");
        }
        let long = format!("{WHOLE}{}", " ".repeat(MAX_BYTES));
        assert!(Approval::read(long.as_bytes()).unwrap_err().contains("longer than"));
    }

    #[test]
    fn a_list_without_names_is_no_approval() {
        let hash = format!("sha256:{}", "0".repeat(64));
        let members = format!(r#""skovik-sync/approval",1,"{hash}","anna@example.com","2026-03-01T12:00:00Z""#);
        let guard = r#"{"id":"max_delete_percent","count":40,"of":100,"limit":20,"outcome":"block"}"#;
        let list = r#"["max_delete_percent",null,40,100,20,null,"block",[]]"#;
        for text in [format!("[{members}]"), format!("[{members},null,null,{{}},[],null]"), WHOLE.replace(guard, list)]
        {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
            assert!(Approval::read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Approval::read(WHOLE.replace(r#""allow""#, r#""signature":null,"allow""#).as_bytes()).is_err());
    }

    #[test]
    fn the_earlier_expiry_wins() {
        let approval = Approval::read(WHOLE.as_bytes()).unwrap();
        let until = |hours| approval.holds_until(SignedDuration::from_hours(hours)).to_string();
        assert_eq!(until(1), "2026-03-01T13:00:00Z");
        assert_eq!(until(100), "2026-03-02T12:00:00Z");
    }

    #[test]
    fn a_file_name_is_one() {
        assert_eq!(file_name("plan.json", "../../Åsa Berg"), "plan.json..._.._Åsa_Berg.approval");
    }
}
