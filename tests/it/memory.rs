//! A second service behind the same seam: it keeps people in memory, represents them in its own way, and takes changes
//! instead of whole users. The laws and the chaos of `apply` run against it without HTTP and without a process.

mod chaos;
mod dialect;
mod laws;
mod provider;
mod service;
mod story;
