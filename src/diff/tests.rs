//! Tests on small made-up companies: each rule ([`rules`] and its neighbours), and the laws of every plan ([`laws`]).

mod absences;
mod another;
mod bad_records;
pub(crate) mod company;
mod guards;
mod inactive;
mod laws;
mod look_alikes;
mod made_up_guard;
mod managers;
mod only;
mod protection;
mod readable;
mod references;
mod returning;
mod rules;
mod scope;
mod spellings;
mod unjoined;
