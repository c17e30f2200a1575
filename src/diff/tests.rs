//! The rules one by one ([`rules`]) and the laws that hold of every plan ([`laws`]), on small made-up companies.

mod company;
mod guards;
mod laws;
mod look_alikes;
mod made_up_guard;
mod protection;
mod references;
mod rules;
