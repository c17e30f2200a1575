//! The integration tests, as one program: the real binary, and real servers on loopback.

mod apply_outcomes;
mod apply_stops;
mod chaos;
mod company;
mod crash;
mod duties;
mod examples;
mod guards;
mod house;
mod render;
mod run;
mod sandbox;
mod target;
mod world;
