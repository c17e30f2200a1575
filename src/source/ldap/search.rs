//! Searches, page by page (RFC 2696). A search is complete if every page succeeded and the last one said that it is the
//! last. Every other end is an error.

use ldap3::asn1::{StructureTag, parse_tag};
use ldap3::controls::{Control, ControlType, MakeCritical as _, PagedResults, RawControl};
use ldap3::{LdapResult, Scope};

use super::connection::{Connection, LONGEST_SILENCE};
use super::entry::Entry;
use super::error_messages::Asked;
use super::schema::Schema;

/// How many entries come between two progress reports.
const REPORT: u64 = 100;
/// The protocol's numbers of the results of a search (RFC 4511, 4.5.2).
const ENTRY: u64 = 4;
const REFERENCE: u64 = 19;

/// One search.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Search {
    pub(super) base: String,
    pub(super) scope: SearchScope,
    pub(super) filter: String,
    /// Whether the search may find nobody.
    pub(super) may_be_empty: bool,
}

/// How deep below its base a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SearchScope {
    Subtree,
    One,
    Base,
}

/// The settings that all searches of a source share.
pub(super) struct Manner<'a> {
    pub(super) attributes: &'a [String],
    pub(super) page_size: i32,
    /// Whether parts of the directory on other servers may be missing.
    pub(super) ignores_referrals: bool,
}

impl SearchScope {
    pub(super) const WORDS: &[(&str, Self)] = &[("subtree", Self::Subtree), ("one", Self::One), ("base", Self::Base)];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Subtree => "subtree",
            Self::One => "one",
            Self::Base => "base",
        }
    }

    fn on_the_wire(self) -> Scope {
        match self {
            Self::Subtree => Scope::Subtree,
            Self::One => Scope::OneLevel,
            Self::Base => Scope::Base,
        }
    }
}

impl Connection {
    /// Passes every entry of a search to `take`, up to the last. `progress` is called with the number of entries so
    /// far, and fails if there are too many.
    pub(super) async fn search(
        &mut self,
        search: &Search,
        manner: &Manner<'_>,
        take: &mut (dyn FnMut(Entry) -> Result<(), String> + Send),
        progress: &(dyn Fn(u64) -> Result<(), String> + Send + Sync),
    ) -> Result<(), String> {
        let Search { base, scope, filter, may_be_empty: _ } = search;
        let to_what = format!("to the search below {base}");
        let mut cookie = Vec::new();
        let mut came = 0;
        loop {
            let page = PagedResults { size: manner.page_size, cookie }.critical();
            let asking = self.ldap.with_timeout(LONGEST_SILENCE).with_controls(RawControl::from(page));
            let asked = asking.streaming_search(base, scope.on_the_wire(), filter, manner.attributes).await;
            let mut answers = match asked {
                Ok(answers) => answers,
                Err(error) => return Err(self.failed(&to_what, error).await),
            };
            loop {
                match answers.next().await {
                    Ok(None) => break,
                    Ok(Some(answer)) => {
                        if let Some(entry) = self.entry(answer.0, base, manner)? {
                            take(entry).map_err(|problem| format!("{}: {problem}", self.words.server))?;
                            came += 1;
                            if came % REPORT == 0 {
                                progress(came)?;
                            }
                        }
                    }
                    Err(error) => return Err(self.failed(&to_what, error).await),
                }
            }
            let result = answers.finish().await;
            if result.rc != 0 {
                return Err(self.words.refused(Asked::Search(base), &result));
            }
            progress(came)?;
            cookie = self.next_page(&result, base)?;
            if cookie.is_empty() {
                return Ok(());
            }
        }
    }

    /// One answer to a search: an entry, or `None` for a reference that is ignored.
    fn entry(&self, answer: StructureTag, base: &str, manner: &Manner<'_>) -> Result<Option<Entry>, String> {
        let server = &self.words.server;
        match answer.id {
            ENTRY => match Entry::parse(answer) {
                Some(entry) => entry.map(Some).map_err(|problem| format!("{server}: {}", self.words.clean(&problem))),
                None => Err(format!("{server} gives an entry that cannot be read")),
            },
            REFERENCE if manner.ignores_referrals => Ok(None),
            REFERENCE => {
                let to = self.words.clean(&addresses(answer));
                Err(format!(
                    "{server} says that a part of what is below {base} is kept elsewhere ({to}), and that was not read; \
                     search below a narrower `base`, or set referrals = \"ignore\" if nobody who counts is there"
                ))
            }
            other => Err(format!("{server} answers a search with something else ({other})")),
        }
    }

    /// The cookie for the next page; empty after the last one.
    fn next_page(&self, result: &LdapResult, base: &str) -> Result<Vec<u8>, String> {
        let control =
            result.ctrls.iter().find(|control| matches!(control, Control(Some(ControlType::PagedResults), _)));
        control.and_then(|Control(_, raw)| cookie(raw.val.as_deref()?)).ok_or_else(|| {
            let server = &self.words.server;
            format!(
                "{server} does not say whether more follows in the search below {base}, so that its end proves nothing"
            )
        })
    }

    /// The directory's schema; `None` if it cannot be read.
    pub(super) async fn schema(&mut self) -> Option<Schema> {
        let place = self.values("", "(objectClass=*)", "subschemaSubentry").await?.into_iter().next()?;
        let types = self.values(&place, "(objectClass=subschema)", "attributeTypes").await?;
        Some(Schema::parse(types.iter().map(String::as_str))).filter(|schema| !schema.is_empty())
    }

    /// The values of one attribute of one entry.
    async fn values(&mut self, dn: &str, filter: &str, attribute: &str) -> Option<Vec<String>> {
        let asking = self.ldap.with_timeout(LONGEST_SILENCE);
        let (entries, _) = asking.search(dn, Scope::Base, filter, [attribute]).await.ok()?.success().ok()?;
        let entry = Entry::parse(entries.into_iter().next()?.0)?.ok()?;
        // A partial list has another name (`;range=`) and does not match.
        let (_, values) = entry.attributes.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute))?;
        values.into_iter().map(|value| String::from_utf8(value).ok()).collect()
    }
}

/// The cookie in a control for paged results: a sequence of an estimate and the cookie.
fn cookie(value: &[u8]) -> Option<Vec<u8>> {
    let (_, tag) = parse_tag(value).ok()?;
    let [_, cookie] = <[StructureTag; 2]>::try_from(tag.expect_constructed()?).ok()?;
    cookie.expect_primitive()
}

/// Where a reference leads.
fn addresses(reference: StructureTag) -> String {
    let addresses = reference.expect_constructed().unwrap_or_default().into_iter();
    let addresses = addresses.filter_map(StructureTag::expect_primitive);
    addresses.map(|address| String::from_utf8_lossy(&address).into_owned()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_as_it_was_written() {
        for expected in [&b""[..], b"\x01\x00\xff", &[7; 300]] {
            let control = RawControl::from(PagedResults { size: 500, cookie: expected.to_vec() });
            assert_eq!(control.val.as_deref().and_then(cookie).as_deref(), Some(expected));
        }
        for wrong in [&b""[..], b"x", b"\x30\x00", b"\x30\x03\x02\x01\x00", b"\x04\x01x"] {
            assert_eq!(cookie(wrong), None, "{wrong:?}");
        }
    }
}
