//! The integration tests, as one program: the real binary, and real servers on loopback.

mod chaos;
mod company;
mod crash;
mod sandbox;
mod target;
mod world;
