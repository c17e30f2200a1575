//! The requests that a sandbox got, by its log.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A line of the sandbox's request log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Below the base URL, without the query.
    pub(crate) path: String,
    /// With legible brackets; empty if there is none.
    pub(crate) query: String,
    /// `None` if the connection was dropped.
    pub(crate) status: Option<u64>,
    pub(crate) fault: Option<String>,
}

impl Request {
    /// All requests of a log so far, in order of arrival.
    pub(crate) fn log(path: &Path) -> Vec<Self> {
        let text = fs::read_to_string(path).expect("a request log");
        // The last line may be incomplete still.
        text.lines().filter_map(|line| Self::parse(&serde_json::from_str(line).ok()?)).collect()
    }

    fn parse(line: &Value) -> Option<Self> {
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        let target = line["path"].as_str()?.replace("%5B", "[").replace("%5D", "]");
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        Some(Self {
            method: text("method")?,
            path: path.trim_start_matches("/v1").trim_start_matches("/scim/v2").to_owned(),
            query: query.to_owned(),
            status: line["status"].as_u64(),
            fault: text("fault"),
        })
    }

    pub(crate) fn writes(&self) -> bool {
        self.method != "GET"
    }

    /// Whether the server did what was asked, whatever it answered.
    pub(crate) fn was_done(&self) -> bool {
        match &self.fault {
            Some(fault) if fault.contains("status=") => fault.contains("executed"),
            Some(fault) if fault.contains("reset=") => fault.contains("reset=after"),
            _ => self.status.is_none_or(|status| status < 300),
        }
    }
}
