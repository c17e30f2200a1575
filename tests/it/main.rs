//! The integration tests, as one program: the real binary, and real servers on loopback.

mod chaos;
mod company;
mod sandbox;
mod target;
mod world;
