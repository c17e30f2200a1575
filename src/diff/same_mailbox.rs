//! Finds new people who have the mailbox of a user without a record at another domain, and nearly that user's name: `Anna Lund
//! <anna.lund@…>` and `Anna Lund-Ek <anna.lund@…>` or `Anna Ek <anna.lund@…>`. They may be one person. A person decides.

use rustc_hash::FxHashMap;

use super::changes::Drafts;
use super::index::describe;
use super::look_alikes::warning;
use super::{Claim, Comparison, describe_user};
use crate::employee::{Employee, User};
use crate::text::name_words::name_words;

/// How many users with one mailbox a new person is compared with.
const COMPARED: usize = 16;

impl Comparison<'_> {
    /// Remarks for everybody who would be created and may be one of these users without a record; and for the user. The same
    /// name is told of anyway.
    pub(super) fn remark_same_mailboxes(&self, users: &[u32], drafts: &mut Drafts) {
        let mut by_mailbox: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
        for &user in users {
            by_mailbox.entry(self.user(user).email.local_part()).or_default().push(user);
        }
        for (index, claim) in (0..).zip(&self.claims) {
            if !matches!(claim, Claim::New | Claim::Inactive(_)) {
                continue;
            }
            let employee = self.employee(index);
            let mut same = by_mailbox.get(employee.email.local_part()).into_iter().flatten().take(COMPARED);
            let Some(&user) = same.find(|user| is_nearly_named(employee, self.user(**user))) else { continue };
            let (who, described) = (describe(employee), describe_user(self.user(user)));
            let (fate, coming) = (self.fate(user), self.coming(index));
            let identifier = &employee.identifier;
            let message = format!(
                "{who} would be {coming}, and has the mailbox and nearly the name of {described}, who {fate}. If this is one \
                 person: give that user the external identifier {identifier} in Skovik and plan again. If not: leave it and \
                 approve the plan"
            );
            drafts.diagnostics.push(warning(Some(identifier.to_string()), message));
            if self.leaves(user) {
                let message = format!(
                    "{described} would be deleted, and has the mailbox and nearly the name of {identifier} {who}, who would be \
                     {coming}: see there what to do if this is one person"
                );
                drafts.diagnostics.push(warning(self.user(user).identifier.as_ref().map(ToString::to_string), message));
            }
        }
    }
}

/// Whether one name has all words of the other, and more; or the two have a word in common, and the mailbox is named after one of
/// them. With the same domain, it is the same e-mail, which is told of elsewhere.
fn is_nearly_named(employee: &Employee, user: &User) -> bool {
    if employee.email.is(&user.email) || employee.name_key() == user.name_key() {
        return false;
    }
    let (new, old) = (name_words(&employee.full_name()), name_words(&user.full_name()));
    let has_all = |words: &[String], of: &[String]| !of.is_empty() && of.iter().all(|word| words.contains(word));
    let mailbox = name_words(user.email.local_part());
    let is_named_after =
        || (has_all(&mailbox, &new) || has_all(&mailbox, &old)) && new.iter().any(|word| old.contains(word));
    has_all(&new, &old) || has_all(&old, &new) || is_named_after()
}
