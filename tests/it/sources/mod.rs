//! Every kind of source, as the real program reads it from real files, programs and servers.

mod explain;
mod files;
mod http;
mod http_faults;
mod http_proof;
mod ldap;
mod lists;
mod samba;
mod scim;
mod sql;
mod tls;
