//! The integration tests, as one program: the real binary, and real servers on loopback.

mod apply_outcomes;
mod apply_stops;
mod apply_undo;
mod chaos;
mod company;
mod crash;
mod sandbox;
mod target;
mod world;
