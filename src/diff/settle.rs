//! Conflicts: e-mails that somebody keeps, reports who cannot be moved, deletes that could hit a person whose record is
//! only wrong. One conflict can cause others; a queue handles each of them once.

use super::index::describe;
use super::strangers::Described;
use super::{Claim, Comparison, Event, Standing, describe_user};
use crate::diagnostic::Severity;
use crate::side_by_side::side_by_side;
use rustc_hash::FxHashMap;

impl Comparison<'_> {
    /// Checks everybody once for something that they need and that nobody gives up.
    pub(super) fn find_obstacles(&mut self) {
        let known = &*self;
        let wanted = side_by_side(known.claims.len() as u32, |range| {
            range.filter_map(|index| known.wanted_email(index)).collect::<Vec<_>>()
        });
        for (index, owner) in wanted.into_iter().flatten() {
            if !self.gives_email_up(owner, index) {
                self.email_stays_taken(index, owner);
            }
        }
        self.find_emails_of_the_inactive();
        self.keep_managers_of_the_returning();
        for user in 0..self.standings.len() as u32 {
            if !self.can_be_moved(user) {
                self.manager_stays(user);
            }
        }
    }

    /// Handles all events in the queue, and those that they cause.
    pub(super) fn settle(&mut self) {
        let mut aside: Vec<u32> = Vec::new();
        loop {
            self.handle_events(&mut aside);
            if aside.is_empty() {
                return;
            }
            // Whoever has a user is known, and so is who has the e-mail as it is.
            let is_new = |index: &u32| self.claims[*index as usize] == Claim::Aside(None);
            let record = |index: u32| {
                let employee = self.employee(index);
                let record = Described::from(employee);
                let has_owner = self.owner_of_email(employee.email.key()).is_some();
                (if has_owner { record.without_email() } else { record }, describe(employee))
            };
            let records: Vec<_> = aside.drain(..).filter(is_new).map(record).collect();
            self.withhold_resembled(records, "was set aside");
        }
    }

    /// Handles all events in the queue, and adds whom they set aside.
    fn handle_events(&mut self, aside: &mut Vec<u32>) {
        while let Some(event) = self.queue.pop() {
            match event {
                Event::EmployeeAside(index) => {
                    aside.push(index);
                    if let Claim::Aside(Some(user)) = self.claims[index as usize] {
                        self.hold(user);
                        self.queue.push(Event::UserStays(user));
                        self.keep_the_like(index, user);
                    } else {
                        let employee = self.employee(index);
                        self.doubt(employee.name_key().as_deref(), &describe(employee));
                    }
                }
                Event::UserStays(user) => {
                    let key = self.user(user).email.key();
                    if let Some(taker) = self.people.with_email(key, &self.desired.employees) {
                        self.email_stays_taken(taker, user);
                    }
                    self.manager_stays(user);
                }
            }
        }
    }

    /// Sets an employee aside, unless that is done already: neither they nor the user that they match will be changed
    /// or deleted.
    pub(super) fn set_employee_aside(&mut self, index: u32, code: &'static str, reason: &str) {
        let user = match self.claims[index as usize] {
            Claim::New | Claim::Inactive(_) => None,
            Claim::User(user) | Claim::Kept(user) => Some(user),
            Claim::Aside(_) => return,
        };
        self.claims[index as usize] = Claim::Aside(user);
        self.diagnose_aside(index, code, reason);
        self.queue.push(Event::EmployeeAside(index));
    }

    pub(super) fn diagnose_aside(&mut self, index: u32, code: &'static str, reason: &str) {
        let employee = self.employee(index);
        let message = format!("{}: {reason}", describe(employee));
        self.diagnose(Severity::Error, code, Some(&employee.identifier), message);
    }

    /// Keeps a user who would be deleted.
    pub(super) fn withhold(&mut self, user: u32, reason: &str) {
        if self.standings[user as usize] != Standing::Leaving {
            return;
        }
        self.standings[user as usize] = Standing::Withheld;
        let described = self.user(user);
        let message = format!("the delete of {} is withheld: {reason}", describe_user(described));
        self.diagnose(Severity::Warning, "delete_withheld", described.identifier.as_ref(), message);
        self.queue.push(Event::UserStays(user));
    }

    /// If all admins would be deleted, withholds all these deletes: nobody could repair an account without an admin.
    pub(super) fn keep_an_admin(&mut self) {
        let admins: Vec<u32> =
            (0..).zip(&self.directory.users).filter(|(_, user)| user.is_admin()).map(|(user, _)| user).collect();
        if admins.iter().all(|&admin| self.standings[admin as usize] == Standing::Leaving) {
            for admin in admins {
                self.withhold(admin, "no user with the role admin would be left");
            }
        }
    }

    /// Keeps another user with the e-mail and the name of an employee who was set aside: the record may be theirs.
    fn keep_the_like(&mut self, index: u32, user: u32) {
        let employee = self.employee(index);
        let other = self.owner_of_email(employee.email.key()).filter(|&other| other != user);
        if let Some(other) = other.filter(|&other| self.user(other).name_key() == employee.name_key()) {
            self.withhold(other, &format!("{} was set aside and has the same e-mail and name", describe(employee)));
        }
    }

    /// Handles a bad record that matches no user: it may describe a user who would be deleted. If it has a name, only
    /// users with that name are kept; otherwise it could be anybody.
    pub(super) fn doubt(&mut self, name_key: Option<&str>, who: &str) {
        let doubted = self.doubted(name_key);
        let reason = match name_key {
            Some(_) => format!("{who} was set aside and has the same name"),
            None => format!("{who} was set aside, has no full name, and could be anybody"),
        };
        for user in doubted {
            self.withhold(user, &reason);
        }
    }

    /// The users who would be deleted and have this name; all who would be deleted if there is no name.
    pub(super) fn doubted(&mut self, name_key: Option<&str>) -> Vec<u32> {
        match name_key {
            Some(key) => self.leaving_by_name().get(key).cloned().unwrap_or_default(),
            None => self.leaving().collect(),
        }
    }

    pub(super) fn leaving(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.standings).filter(|(_, standing)| **standing == Standing::Leaving).map(|(user, _)| user)
    }

    fn leaving_by_name(&mut self) -> &FxHashMap<String, Vec<u32>> {
        if self.leaving_by_name.is_none() {
            let mut by_name: FxHashMap<String, Vec<u32>> = FxHashMap::default();
            for user in self.leaving() {
                let described = self.user(user);
                if let Some(key) = described.name_key() {
                    by_name.entry(key).or_default().push(user);
                }
            }
            self.leaving_by_name = Some(by_name);
        }
        self.leaving_by_name.get_or_insert_default()
    }

    /// An employee with the user who has their e-mail now, unless that is the user whom they match.
    fn wanted_email(&self, index: u32) -> Option<(u32, u32)> {
        let email = &self.employee(index).email;
        match self.claims[index as usize] {
            Claim::User(user) | Claim::Kept(user) if self.user(user).email.is(email) => None,
            _ => Some((index, self.owner_of_email(email.key())?)),
        }
    }

    /// Whether the owner of an e-mail gives it up in this plan, so that the employee can have it.
    fn gives_email_up(&self, owner: u32, taker: u32) -> bool {
        let claim = self.claims[taker as usize];
        if matches!(claim, Claim::User(user) | Claim::Kept(user) if user == owner) || matches!(claim, Claim::Aside(_)) {
            return true;
        }
        match self.standings[owner as usize] {
            Standing::Claimed(other) => !self.employee(other).email.is(&self.user(owner).email),
            Standing::Leaving => !self.policy.leavers_keep_emails,
            _ => false,
        }
    }

    fn email_stays_taken(&mut self, taker: u32, owner: u32) {
        if matches!(self.claims[taker as usize], Claim::User(user) | Claim::Kept(user) if user == owner) {
            return;
        }
        let reason = format!(
            "the e-mail {} belongs to {}, who {}",
            self.employee(taker).email,
            describe_user(self.user(owner)),
            match self.standings[owner as usize] {
                Standing::Leaving =>
                    "keeps it when they become inactive; change their e-mail in Skovik first".to_owned(),
                Standing::Waiting => format!("keeps it: that user {}", self.stays_until(owner)),
                _ => "keeps it".to_owned(),
            }
        );
        self.set_employee_aside(taker, "email_taken", &reason);
        // The record may be of the leaver, under somebody else's identifier.
        self.withhold(owner, &format!("{} has their e-mail", describe(self.employee(taker))));
    }

    /// Whether a user whose manager is deleted can get another manager or none, or is deleted as well.
    fn can_be_moved(&self, user: u32) -> bool {
        match self.standings[user as usize] {
            Standing::Leaving => true,
            Standing::Claimed(_) => self.policy.managed.manager,
            Standing::Unmanaged
            | Standing::Protected
            | Standing::Held
            | Standing::Elsewhere
            | Standing::Withheld
            | Standing::Waiting => false,
        }
    }

    fn manager_stays(&mut self, report: u32) {
        if let Some(manager) = self.manager_of(report) {
            let reason = match self.standings[report as usize] {
                Standing::Waiting => {
                    let until = self.stays_until(report);
                    format!("{}, who reports to them, {until}", describe_user(self.user(report)))
                }
                _ => format!("{} reports to them and cannot be moved away", describe_user(self.user(report))),
            };
            self.withhold(manager, &reason);
        }
    }
}
