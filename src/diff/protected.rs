//! What the reader of a plan should know of whom `[scope] protect` protects. The account and the settings alone tell it, so
//! `apply` finds it again, and refuses a plan that does not say it.

use super::Protect;
use crate::diagnostic::{Diagnostic, Severity};
use crate::employee::{Directory, User};

/// The code of the remark that the roles of some users are not told. Its words have a count that may change.
pub const ROLES_NOT_TOLD: &str = "roles_not_told";

/// Whether users whose roles are not told are protected: if the server tells the roles of some users only, the others may be
/// admins.
pub(super) fn protects_untold(protect: &Protect, users: &[User]) -> bool {
    protect.is_default() && users.iter().any(|user| user.roles.is_some())
}

/// Says whom the settings do not protect although they may mean to. `reactivate`: inactive users are matched, too.
#[must_use]
pub fn protection_remarks(protect: &Protect, reactivate: bool, directory: &Directory) -> Vec<Diagnostic> {
    let users = &directory.users;
    let remark =
        |severity, code: &str, message: String| Diagnostic { severity, code: code.to_owned(), employee: None, message };
    let mut remarks = Vec::new();
    let untold = users.iter().filter(|user| user.roles.is_none()).count();
    if untold > 0 && protects_untold(protect, users) {
        let message = format!(
            "Skovik does not tell the roles of {untold} of {} users; they may be admins and are protected, as [scope] \
             protect is not set",
            users.len()
        );
        remarks.push(remark(Severity::Warning, ROLES_NOT_TOLD, message));
    }
    if protect.is_default() && !users.is_empty() && untold == users.len() {
        let message = "Skovik tells the roles of no user, so that admins are not protected: name them in [scope] protect, \
                       or set it to [] if nobody is to be protected";
        remarks.push(remark(Severity::Warning, "admins_not_told", message.to_owned()));
    }
    if protects_untold(protect, users) && !users.iter().any(User::is_admin) {
        let message = "no user of Skovik has the role admin, so nobody is protected as one: see [scope] protect";
        remarks.push(remark(Severity::Info, "no_admin", message.to_owned()));
    }
    let among_inactive = if reactivate { protect.without_user(&directory.inactive) } else { protect.without_user(&[]) };
    let entries = protect.without_user(users).into_iter().filter(|entry| among_inactive.contains(entry));
    remarks.extend(entries.map(|entry| {
        let message = format!("[scope] protect names {entry:?}, which protects no user of Skovik");
        remark(Severity::Warning, "protect_matches_nobody", message)
    }));
    remarks
}
