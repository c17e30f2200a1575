//! A request as it arrives at a server that a test scripts, read from its bytes.

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, with legible brackets.
    pub(crate) target: String,
    /// The head, unchanged except that the names of headers are in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// Reads what came so far; `None` while it is not complete.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let (head, body) = bytes.split_at(end);
        let head = String::from_utf8_lossy(head);
        let lines = head.lines().map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}\n", name.to_lowercase()),
            None => format!("{line}\n"),
        });
        let head: String = lines.collect();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        if body.len() < length.unwrap_or(0) {
            return None;
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.replace("%5B", "[").replace("%5D", "]"));
        Some(Self { method, target, head, body: String::from_utf8_lossy(body).into_owned() })
    }
}
