//! When a list was last changed, by the server's `Last-Modified` (RFC 9110, section 8.8.2).

use std::time::SystemTime;

use reqwest::header::{HeaderMap, LAST_MODIFIED};

use super::header::said_once;

/// The time of the oldest page: a list is as old as its oldest part. A page without the header makes the age unknown.
#[derive(Debug, Default)]
pub(super) struct Modified {
    oldest: Option<SystemTime>,
    is_unknown: bool,
}

impl Modified {
    /// Takes the headers of a page.
    ///
    /// # Errors
    /// If they say two different things.
    pub(super) fn take(&mut self, headers: &HeaderMap) -> Result<(), String> {
        let text = said_once(headers, &LAST_MODIFIED)?.and_then(|value| value.to_str().ok());
        match text.and_then(|text| httpdate::parse_http_date(text.trim()).ok()) {
            Some(time) => self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time))),
            None => self.is_unknown = true,
        }
        Ok(())
    }

    /// The time, if every page has one.
    pub(super) fn time(&self) -> Option<SystemTime> {
        self.oldest.filter(|_| !self.is_unknown)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_list_is_as_old_as_its_oldest_page() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
        for (pages, expected) in [
            (&[][..], None),
            (&[late], at(784_198_177)),
            (&[late, early, late], at(784_111_777)),
            (&[late, ""], None),
            (&["yesterday", late], None),
        ] {
            let mut modified = Modified::default();
            for page in pages {
                let headers = page.parse().map(|value| HeaderMap::from_iter([(LAST_MODIFIED, value)])).unwrap();
                modified.take(&headers).unwrap();
            }
            assert_eq!(modified.time(), expected, "{pages:?}");
        }
    }

    #[test]
    fn a_page_that_names_two_times_is_refused() {
        let (early, late) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
        for (values, is_clear) in [
            (&[early, early][..], true),
            (&[early, late], false),
            (&[late, early], false),
            (&[late, late, early], false),
            (&[late, ""], false),
            (&["yesterday", late], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(LAST_MODIFIED, value.parse().unwrap());
            }
            let mut modified = Modified::default();
            let problem = modified.take(&headers).err();
            assert_eq!(problem.is_none(), is_clear, "{values:?}: {problem:?}");
            assert!(problem.is_none_or(|problem| problem.contains("`last-modified` header says two things")));
            assert_eq!(modified.time().is_some(), is_clear);
        }
    }
}
