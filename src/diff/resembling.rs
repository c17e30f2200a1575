//! Bad records whose identifier or e-mail is not a user's, but is read as that user's: with an invisible character, in
//! another case, or with a name around the address. Such a record may be of that user, who is not deleted.

use rustc_hash::FxHashMap;

use super::Comparison;
use crate::employee::{Email, ExternalIdentifier, SetAside};
use crate::text::likeness;

impl Comparison<'_> {
    /// Withholds the deletes of the users whom records resemble; `what` became of these records.
    pub(super) fn withhold_resembled(&mut self, records: &[SetAside], what: &str) {
        if records.is_empty() {
            return;
        }
        let mut leaving: FxHashMap<String, Vec<u32>> = FxHashMap::default();
        for user in self.leaving() {
            let described = self.user(user);
            for key in keys(described.identifier.as_ref(), Some(&described.email)) {
                leaving.entry(key).or_default().push(user);
            }
        }
        for record in records {
            let described = super::matching::describe_record(record);
            for key in keys(record.identifier.as_ref(), record.email.as_ref()) {
                for &user in leaving.get(&key).into_iter().flatten() {
                    self.withhold(
                        user,
                        &format!("{described} {what} and has the same identifier or e-mail, written in another way"),
                    );
                }
            }
        }
    }
}

/// What an identifier and an e-mail are read as.
fn keys(identifier: Option<&ExternalIdentifier>, email: Option<&Email>) -> Vec<String> {
    let plain = |text: &str| likeness(text).replace(' ', "");
    let mut keys: Vec<String> = identifier.iter().map(|identifier| plain(identifier.as_str())).collect();
    if let Some(email) = email {
        keys.push(plain(email.as_str()));
        // `Anna Berg <anna@example.com>`, `mailto:anna@example.com`, or several addresses.
        let text = likeness(email.as_str());
        let parts = text.split(|c: char| c.is_whitespace() || "<>()[]\"',;:|".contains(c));
        keys.extend(parts.filter(|part| part.contains('@')).map(str::to_owned));
    }
    keys.retain(|key| !key.is_empty());
    keys.sort_unstable();
    keys.dedup();
    keys
}
