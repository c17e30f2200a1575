//! The integration tests, as one program: the real binary, and real servers on loopback.

mod sandbox;
mod signatures;
mod target;
