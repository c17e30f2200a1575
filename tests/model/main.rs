//! A model of one apply. A checker tries every order of events, for small plans. The real engine is compared with the
//! model too.
//!
//! `plan` has plans of up to three operations, `server` the account. `world` adds what can happen around them: the
//! network loses requests and answers, another client writes, processes crash, and a second process runs with the same
//! state folder or with its own. The processes (`apply`) follow the rules of `src/apply`, in steps of the same names.
//! `laws` says what must never happen. `reach` proves that every apply can be finished. `checks` runs both for several
//! sizes. `mutations` breaks the model, and shows that each law notices. `bridge` makes the real engine take the same
//! steps as the model.
//!
//! The model assumes:
//!
//! - A list is read at one moment. The client checks elsewhere that a list is complete.
//! - The server carries a request out within `settle_after`, or never. So a list that decides about an unknown outcome is
//!   read only when no request of this state folder can still be carried out.
//! - The server may lose, refuse and delay requests. It may answer a POST with any id, deny that a user exists, and claim
//!   to have done what it did not do. It may refuse a change of branch that it carries out. It lies at most once about one
//!   operation: single users and lists are always true.
//! - Another client can write unseen between the read of a user and the moment when the server carries out the request.

#![expect(clippy::print_stdout, reason = "--nocapture shows the sizes and the steps")]

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
