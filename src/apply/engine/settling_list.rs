//! The list that settles what is in doubt. Where it is to prove that somebody was not created, it is read twice.

use super::Run;
use crate::apply::known::Known;
use crate::apply::list::List;
use crate::employee::User;
use crate::plan::Action;
use crate::provider::Listed;

/// How many lists are read at most until nobody of one is missing in the next.
const MOST_LISTS: u32 = 4;

impl Run<'_> {
    /// The complete list. The error is `None` if the user stopped the run.
    ///
    /// If pages are counted, and somebody of a page that was read is removed before the next one is, all who come after
    /// move up by one, and one of them comes in no page. No total tells, if somebody else was created meanwhile. So a
    /// list proves that somebody is not there only if everybody of it is still in a list that was begun after its end: then
    /// nobody was removed while it was read.
    pub(super) async fn read_settling_list(&mut self, parked: &[usize]) -> Result<Listed, Option<String>> {
        let mut listed = self.read_list().await?;
        for _ in 1..MOST_LISTS {
            if self.has_all_sent(parked, &listed) {
                return Ok(listed);
            }
            let before = ids(&listed);
            drop(listed);
            listed = self.read_list().await?;
            if before.are_among(&ids(&listed)) {
                return Ok(listed);
            }
        }
        if self.has_all_sent(parked, &listed) {
            return Ok(listed);
        }
        Err(Some(format!(
            "users were removed while the list was read, {MOST_LISTS} times one after another, so that somebody who was created may \
             be on none of its pages; run the same again once nobody else removes users"
        )))
    }

    /// Whether each person whom an unclear create has sent is in the list, by identifier or e-mail.
    fn has_all_sent(&self, parked: &[usize], listed: &Listed) -> bool {
        // What a list contradicts by itself, the caller refuses.
        let Ok(list) = List::new(&listed.users) else { return true };
        parked.iter().all(|&index| match &self.operations[index].action {
            Action::Create { after } => {
                let identifier = after.external_identifier.as_ref();
                identifier.and_then(|identifier| list.by_identifier(identifier.as_str())).is_some()
                    || list.by_email(&after.primary_email).is_some()
            }
            _ => true,
        })
    }
}

fn ids(listed: &Listed) -> Known {
    Known::of(listed.users.iter().chain(&listed.inactive).map(|user: &User| &user.id))
}
