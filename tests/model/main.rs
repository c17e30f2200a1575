//! A model of one apply, checked for every order of events that small sizes allow, and held against the real engine.
//!
//! Plans of up to three operations (`plan`) meet an account (`server`), a network that loses requests and answers, a
//! client that writes at any time, crashes at any step, and a second process with the same state folder or with one of
//! its own (`world`). The processes (`apply`) go by the rules of `src/apply`, step by step under the same names. What must
//! hold is in `laws`; `reach` proves that an apply can always be finished; `checks` says for which sizes, and
//! `mutations` that each law would notice. `bridge` drives the real engine along ways through the model.
//!
//! What the model takes for granted:
//!
//! - A list is read at one moment. That a list is whole is proven elsewhere, by the client.
//! - A request is carried out no later than `settle_after` after it left, or never: no list that settles something is read
//!   while a request of this state folder may still be carried out.
//! - The server may lose, refuse and delay, may answer a POST with the id of anybody, deny that a user exists, and answer
//!   that it did what it did not do. It does not lie about one operation twice: what it shows when a user is read is what
//!   it holds, and so is its list.
//! - Between the read and the moment at which the server carries a request out, another client can write unseen.

#![expect(clippy::print_stdout, reason = "sizes and ways are shown with --nocapture")]

mod apply;
mod bridge;
mod checks;
mod journal;
mod laws;
mod mutations;
mod plan;
mod reach;
mod server;
mod steps;
mod world;
