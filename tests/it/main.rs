//! The integration tests, as one program: the real binary, and real servers on loopback.

mod duties;
mod examples;
mod guards;
mod house;
mod render;
mod run;
mod sandbox;
mod target;
