//! A change of branch may empty custom fields. They are sent again.

use std::time::Instant;

use super::attempt::done;
use super::{Attempt, End, Worker, changed_roles};
use crate::apply::emptied::gone_since;
use crate::apply::expected_state::{differences, roles_changed, roles_told_otherwise};
use crate::apply::journal::{Doubt, Step};
use crate::employee::User;
use crate::plan::{Change, OperationId};
use crate::provider::{ApiError, LiveUser, Request, Rest, StoredUser, unshown};

impl Worker<'_> {
    /// Says so if a user who is to be moved, and is not moved yet, has lost custom fields since an attempt whose outcome is
    /// unknown. Then nobody can tell whether that attempt emptied them, or another client wanted them empty.
    pub(super) fn emptied_since(&self, doubt: Option<&Doubt>, read: &LiveUser) -> Option<String> {
        let then = doubt?.before.as_ref()?;
        match self.dialect().restore_request(then, &read.stored, &[], Rest::AsHeld) {
            Ok(None) => None,
            Ok(Some(_)) => Some(format!(
                "conflict: the user {} has lost custom fields since a request to move them that may have been carried \
                out, and was left alone; look at them in Skovik, then plan again{}",
                read.id(),
                self.gone_since(then, read).map(|gone| format!(" ({gone})")).unwrap_or_default()
            )),
            Err(problem) => Some(format!("conflict: the user {} cannot be judged: {problem}", read.id())),
        }
    }

    /// Names what a user lacks since a request to move them whose outcome is unknown, if nobody gives it back.
    pub(super) fn named_as_lost(&self, doubt: Option<&Doubt>, read: &LiveUser) -> Option<String> {
        let then = doubt?.before.as_ref()?;
        self.emptied_since(doubt, read)?;
        let gone = self.gone_since(then, read).unwrap_or_else(|| "see the plan".to_owned());
        Some(format!(
            "Since a request to move them that may have been carried out, they lack custom fields that they had, and nobody \
            gives these back: {gone}. Set them in Skovik before you give this plan up"
        ))
    }

    fn gone_since(&self, then: &StoredUser, read: &LiveUser) -> Option<String> {
        gone_since(then, &read.stored, self.dialect(), self.managed)
    }

    /// After a change of branch: reads the user back, and sends missing custom fields again. If the change was made a moment
    /// ago, [`Rest::Restored`] may restore what else it emptied. Otherwise ([`Rest::AsHeld`]) another client may have done
    /// that: it stays empty and is reported, and two reads must show it as empty. A complete request that would empty
    /// anything else is not sent. If managed fields have values that the plan does not give, a complete request writes them
    /// only if two reads agree that another client has set them.
    pub(super) async fn refill(
        &self,
        id: OperationId,
        before: StoredUser,
        expected: &User,
        changes: &[Change],
        rest: Rest,
    ) -> Attempt {
        let half = |problem: &dyn std::fmt::Display| {
            End::HalfDone(format!(
                "the user was moved to another branch, but it is not certain that their custom fields are still \
                there: {problem}; run the same apply again"
            ))
        };
        let mut left = self.provider.retries();
        let mut wrote = false;
        let mut untold;
        let mut of_others: Option<User> = None;
        // Another read of the user after the change: the list at the start of this run, if it shows the user in the new branch.
        let is_moved = |listed: &&StoredUser| self.parse(listed).is_some_and(|user| user.branch == expected.branch);
        let mut shown = self.listed.get(before.id()).filter(is_moved).cloned();
        let read = loop {
            let read = match self.provider.any_user(before.id(), self.managed).await {
                Ok(Some(read)) => read,
                Ok(None) => return Attempt::new(half(&"the user is not in Skovik any more")),
                Err(error) => return self.ended_by(half(&error), &error),
            };
            let read_at = Instant::now();
            untold = roles_told_otherwise(expected, &read.user);
            let body = match self.dialect().restore_request(&before, &read.stored, changes, rest) {
                Ok(Some(body)) => body,
                Ok(None) => break read,
                Err(problem) => return Attempt::new(half(&problem)),
            };
            if let Some(why) = self.not_to_refill(expected, &read) {
                let gone = self.gone_since(&before, &read).unwrap_or_else(|| "see the plan".to_owned());
                return Attempt::new(End::HalfDone(format!(
                    "the user was moved to another branch, {why} now, and was left alone. Since the move they lack custom fields \
                    that they had: {gone}. Look at the user in Skovik before you give this plan up"
                )));
            }
            if !body.is_partial() && self.shows_others(expected, &read.user) {
                let Some(earlier) = &of_others else {
                    of_others = Some(read.user);
                    continue;
                };
                let differs = differences(earlier, &read.user, self.managed);
                if !differs.is_empty() {
                    let problem = "and the write would send it; they were left alone";
                    return Attempt::new(half(&format!(
                        "two reads of the user differ: {}, {problem}",
                        differs.join(", ")
                    )));
                }
            }
            let hidden = match (rest, &shown) {
                (Rest::Restored, _) => self.hidden(&body, &before, changes),
                (Rest::AsHeld, Some(shown)) => self.hidden(&body, shown, &[]),
                (Rest::AsHeld, None) if self.hidden(&body, &before, changes).is_some() => {
                    shown = Some(read.stored);
                    continue;
                }
                (Rest::AsHeld, None) => None,
            };
            if let Some(hidden) = hidden {
                let problem =
                    "which the read before the write does not, and the write would empty it; they were left alone";
                return Attempt::new(half(&format!("an earlier read of the user showed {hidden}, {problem}")));
            }
            if let Err(mut attempt) = self.announce(id, Step::Refill, Some(&before)).await {
                attempt.end = half(&"the journal cannot be written");
                return attempt;
            }
            wrote = true;
            let (_, answer) = self.update_soon((&read.stored, read_at), body.as_rest()).await;
            match answer {
                Ok(Some(after)) => {
                    if let Some(halt) = changed_roles(&read.user, &after.user) {
                        return Attempt::new(half(&halt)).halting(halt).having_written();
                    }
                    break after;
                }
                Ok(None) => return Attempt::new(half(&"the user vanished")),
                Err(
                    ApiError::NotSent { again: Some(delay), .. }
                    | ApiError::Late { again: Some(delay), .. }
                    | ApiError::Unclear { again: Some(delay), .. },
                ) if left > 0 => {
                    left -= 1;
                    if let Err(error) = self.provider.wait(delay).await {
                        return Attempt::new(half(&error));
                    }
                }
                Err(error) => return self.ended_by(half(&error), &error),
            }
        };
        let mut differs = differences(expected, &read.user, self.managed);
        differs.extend(self.inactive(&read.stored));
        differs.extend(self.losses(&before, changes, &read.stored));
        differs.extend(untold);
        let mut attempt = done(read, differs);
        attempt.wrote = wrote;
        attempt.before = Some(before);
        attempt
    }

    /// Whether managed fields of a user have values that the plan does not give. An empty field has none.
    fn shows_others(&self, expected: &User, user: &User) -> bool {
        let mut shown = user.clone();
        let texts = [(&mut shown.first_name, &expected.first_name), (&mut shown.last_name, &expected.last_name)];
        texts
            .into_iter()
            .filter(|(shown, _)| shown.is_empty())
            .for_each(|(shown, expected)| shown.clone_from(expected));
        shown.manager = shown.manager.or_else(|| expected.manager.clone());
        for (shown, expected) in shown.custom_fields.iter_mut().zip(&expected.custom_fields) {
            if shown.is_none() {
                shown.clone_from(expected);
            }
        }
        !differences(expected, &shown, self.managed).is_empty()
    }

    /// What an earlier read of the user showed, with `changes` applied, and a complete request would empty.
    fn hidden(&self, body: &Request, shown: &StoredUser, changes: &[Change]) -> Option<String> {
        match self.dialect().update_request(shown, changes) {
            Ok(shown) => Some(unshown(&shown, body).join(", ")).filter(|hidden| !hidden.is_empty()),
            Err(problem) => Some(format!("what cannot be compared ({problem})")),
        }
    }

    /// Why a user must not be given back what a move emptied: by now they may be another person, or not to be touched.
    fn not_to_refill(&self, expected: &User, LiveUser { user, stored }: &LiveUser) -> Option<&'static str> {
        let is_person = match &expected.identifier {
            // The move may have emptied it: it is where custom fields are.
            Some(_) if user.identifier.is_none() && self.dialect().may_empty_identifiers() => {
                user.email.is(&expected.email)
            }
            Some(_) => user.identifier == expected.identifier,
            None => user.email.is(&expected.email),
        };
        match () {
            () if self.protect.covers(user) => Some("is protected"),
            () if self.inactive(stored).is_some() => Some("is inactive"),
            () if !is_person => Some("is another person"),
            () if roles_changed(expected, user).is_some() => Some("has other roles"),
            () if roles_told_otherwise(expected, user).is_some() => {
                Some("is read with other roles than before, or without them")
            }
            () if user.branch != expected.branch => Some("is in another branch"),
            () => None,
        }
    }
}
