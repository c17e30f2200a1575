//! The integration tests, as one program: the real binary, and real servers on loopback.

mod render;
mod sandbox;
mod target;
