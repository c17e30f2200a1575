//! A second service behind the same seam: it keeps people in memory, writes them down in its own shape, and takes
//! changes instead of whole users. The laws and the chaos of `apply` run against it without HTTP and without a process.

mod chaos;
mod dialect;
mod laws;
mod provider;
mod service;
mod story;
