//! skovik-sync keeps the users of Skovik in step with a company's own employee lists.
//!
//! It works the way infrastructure tools do: `plan` reads both sides whole and writes a hashed plan file, a person
//! approves exactly that plan, and `apply` executes it, or refuses.
//!
//! The modules, in reading order:
//!
//! - below everything, [`text`]: what can be seen, what looks the same, what a shell takes;
//! - the core, pure functions over plain data: [`employee`] (the domain), [`field`] and [`diagnostic`] (what the rest
//!   speaks of), [`guard`] (the limits), [`diff`] (who is who, the four groups), [`order`] (the dependency graph), [`plan`]
//!   (the file and its hash);
//! - what feeds it: `http` (requests, tried again where that is safe), `scim` (lists and paths of SCIM), [`runtime`]
//!   (the threads of requests), `quiet` (panics of libraries), [`setting`] (what settings are made of), [`source`]
//!   (records), [`config`] (the settings file), [`mapping`] (records to employees), [`provider`] (the service);
//! - what follows it: [`approval`], [`apply`], [`render`], [`runs`] and [`notify`] (how runs end, and who is told),
//!   [`serve`] (the service);
//! - the edge: [`cli`], [`commands`], [`ui`], [`exit`], [`files`], [`state`], and [`sandbox`], the simulator of Skovik.
//!
//! Arrows point down the list: commands know everything, the core knows only itself.

pub mod text;

pub mod employee;

pub mod diagnostic;
pub mod field;
pub mod guard;
mod side_by_side;
mod strict_json;
mod threads;

pub mod diff;
pub mod order;
pub mod plan;

pub mod config;
mod http;
pub mod mapping;
pub mod provider;
mod quiet;
pub mod runtime;
mod scim;
pub mod setting;
pub mod source;
mod template_cost;

pub mod apply;
pub mod approval;
pub mod notify;
pub mod render;
pub mod runs;
pub mod serve;

pub mod cli;
pub mod commands;
pub mod exit;
pub mod files;
pub mod sandbox;
pub mod state;
pub mod ui;
