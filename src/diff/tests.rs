//! The rules one by one ([`rules`] and those beside it) and the laws that hold of every plan ([`laws`]), on small
//! made-up companies.

mod bad_records;
mod company;
mod guards;
mod laws;
mod look_alikes;
mod made_up_guard;
mod managers;
mod protection;
mod references;
mod rules;
mod scope;
