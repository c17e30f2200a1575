//! Keeps the users that bad records may describe: by identifier, by e-mail, by the name or, if a record tells nothing of whose it
//! is, by a part of the name.

use super::index::describe;
use super::strangers::Described;
use super::{Claim, Comparison, Standing};
use crate::diagnostic::Severity;
use crate::employee::{Email, ExternalIdentifier, SetAside};

impl<'a> Comparison<'a> {
    /// A user that a bad record may describe is not deleted.
    pub(super) fn hold(&mut self, user: u32) {
        let standing = &mut self.standings[user as usize];
        if matches!(standing, Standing::Leaving | Standing::Withheld | Standing::Claimed(_)) {
            *standing = Standing::Held;
        }
    }

    /// The users whom the records that are set aside so far, or may be in scope, describe by identifier or by e-mail.
    pub(super) fn held_by_records(&self) -> Vec<u32> {
        let mut held = Vec::new();
        for (claim, employee) in self.claims.iter().zip(&self.desired.employees) {
            match claim {
                Claim::Kept(user) | Claim::Aside(Some(user)) => held.push(*user),
                Claim::Aside(None) => held.extend(
                    self.described_users(Some(&employee.identifier), Some(&employee.email)).into_iter().flatten(),
                ),
                Claim::New | Claim::User(_) | Claim::Inactive(_) => {}
            }
        }
        for record in &self.desired.set_aside {
            held.extend(self.described_users(record.identifier.as_ref(), record.email.as_ref()).into_iter().flatten());
        }
        held.extend(self.users_in_doubt());
        held
    }

    /// The users whom the records that may be in scope describe.
    pub(super) fn users_in_doubt(&self) -> impl Iterator<Item = u32> {
        let described = |record: &'a SetAside| self.described_users(record.identifier.as_ref(), record.email.as_ref());
        self.desired.doubtful.iter().flat_map(described).flatten()
    }

    /// Keeps the users that bad records describe. A bad record that describes no user casts doubt on the deletes.
    ///
    /// It first finds all users, then holds them, then doubts deletes, so the order of the records does not matter.
    pub(super) fn hold_users_of_other_records(&mut self) {
        let desired = self.desired;
        let mut held: Vec<u32> = Vec::new();
        let mut doubts: Vec<(Option<String>, [Option<u32>; 2], String)> = Vec::new();
        let mut aside: Vec<(Described<'a>, String)> = Vec::new();
        for (index, employee) in (0_u32..).zip(&desired.employees) {
            let may_be_others = self.undecided.contains(&index) || self.has_email_of_another(index);
            if self.claims[index as usize] != Claim::Aside(None) && !may_be_others {
                continue;
            }
            let described = self.described_users(Some(&employee.identifier), Some(&employee.email));
            if let Some(&user) = described.iter().flatten().next()
                && !may_be_others
            {
                self.claims[index as usize] = Claim::Aside(Some(user));
            }
            doubts.push((employee.name_key(), described, describe(employee)));
            aside.push((employee.into(), describe(employee)));
            held.extend(described.into_iter().flatten());
        }
        doubts.extend(self.strangers_elsewhere().map(|employee| (employee.name_key(), [None; 2], describe(employee))));
        aside.extend(self.strangers_elsewhere().map(|employee| (employee.into(), describe(employee))));
        for record in &desired.set_aside {
            let who = describe_record(record);
            let message = format!("{who}: {}", record.reason);
            self.diagnose(Severity::Error, record.code, record.identifier.as_ref(), message);
            let described = self.described_users(record.identifier.as_ref(), record.email.as_ref());
            doubts.push((record.name_key(), described, who));
            held.extend(described.into_iter().flatten());
        }
        held.into_iter().for_each(|user| self.hold(user));
        self.withhold_doubtful();
        self.withhold_stray();
        let described = |record: &'a SetAside| (record.into(), describe_record(record));
        let set_aside = aside.iter().cloned().chain(desired.set_aside.iter().map(described));
        self.withhold_resembled(set_aside, "was set aside");
        self.withhold_resembled(desired.doubtful.iter().map(described), "may be in scope");
        // Whose e-mail they have is told by `withhold_misnumbered`, which knows who has left.
        let elsewhere =
            desired.elsewhere.iter().map(|employee| (Described::from(employee).without_email(), describe(employee)));
        self.withhold_resembled(elsewhere, "is in a branch that is not managed here");
        for (name, described, who) in doubts {
            // Whoever has the name is kept even if the record describes another user: its identifier or e-mail may be wrong.
            if name.is_some() || described == [None, None] {
                self.doubt(name.as_deref(), &who);
            }
        }
        let strays = desired.strays.iter().filter(|stray| !stray.is_passed_over).map(|stray| &stray.record);
        self.withhold_namesakes(
            aside.into_iter().chain(desired.set_aside.iter().chain(strays).map(described)),
            "was set aside",
        );
        self.withhold_namesakes(desired.doubtful.iter().map(described), "may be in scope");
    }

    /// The users that a bad record describes: the one with its identifier, and the one with its e-mail, unless a good
    /// record has that one.
    pub(super) fn described_users(
        &self,
        identifier: Option<&ExternalIdentifier>,
        email: Option<&Email>,
    ) -> [Option<u32>; 2] {
        let by_identifier = identifier.and_then(|id| self.owner_of_identifier(id.as_str()));
        let by_email = email.and_then(|email| self.owner_of_email(email.key())).filter(|&user| {
            let standing = self.standings[user as usize];
            !matches!(standing, Standing::Claimed(_)) || Some(user) == by_identifier
        });
        [by_identifier, by_email]
    }
}

pub(super) fn describe_record(record: &SetAside) -> String {
    let name = record.full_name();
    if name.is_empty() { record.origin.to_string() } else { format!("{name} ({})", record.origin) }
}
