//! Whether a successful answer is the page of a list that was asked for. `object_store` takes any well-formed XML for a list, in
//! which it finds nothing, and takes a page for the last one if it names no next one.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// Why an answer is not the page of the list.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadList {
    #[error(
        "the answer says that all is well and is not a list of objects, but perhaps a proxy's page; check the endpoint and the \
         proxy in the environment"
    )]
    Unlike,
    #[error("the answer is a list of other objects than those that were asked for")]
    Other,
    #[error("the list of objects goes on, and the store does not say where")]
    Half,
    #[error("the list of objects has fewer of them than it says")]
    Short,
}

/// Marks a request for a page of a list, and says what the names on it begin with.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) prefix: String,
    pub(super) form: Form,
}

/// How a service writes a page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// S3 and Google Cloud Storage.
    Bucket,
    /// Azure.
    Container,
}

/// The parts of a page that say what it is.
#[derive(Debug, Default)]
struct Page {
    root: String,
    prefix: Option<String>,
    is_truncated: Option<String>,
    /// How many objects the page says that it has.
    key_count: Option<String>,
    /// How many it has.
    keys: u64,
    /// What leads to the next page.
    token: String,
}

impl Listed {
    /// Fails if this is not a page of the list, in the form of its service.
    pub(super) fn check(&self, page: &[u8]) -> Result<(), BadList> {
        let page = Page::read(page).ok_or(BadList::Unlike)?;
        match (self.form, page.root.as_str(), page.is_truncated.as_deref().map(str::trim)) {
            (Form::Bucket, "ListBucketResult", Some("false")) | (Form::Container, "EnumerationResults", _) => {}
            (Form::Bucket, "ListBucketResult", Some("true")) if page.token.trim().is_empty() => {
                return Err(BadList::Half);
            }
            (Form::Bucket, "ListBucketResult", Some("true")) => {}
            _ => return Err(BadList::Unlike),
        }
        if let Some(count) = &page.key_count
            && count.trim().parse::<u64>().map_err(|_| BadList::Unlike)? > page.keys
        {
            return Err(BadList::Short);
        }
        // Each service repeats it. One that only speaks like them may leave it out.
        match page.prefix {
            Some(prefix) if prefix != self.prefix => Err(BadList::Other),
            _ => Ok(()),
        }
    }
}

impl Page {
    /// Reads one whole document; `None` if it is none.
    fn read(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(document);
        let (mut page, mut open) = (Self::default(), Vec::new());
        loop {
            match reader.read_event().ok()? {
                Event::Start(element) => {
                    let name = element.local_name().as_ref().to_owned();
                    page.opens(&name, open.len())?;
                    open.push(name);
                }
                Event::Empty(element) => page.opens(element.local_name().as_ref(), open.len())?,
                Event::End(_) => drop(open.pop()),
                Event::Text(text) => page.says(&text, &open)?,
                Event::CData(text) => page.says(&text, &open)?,
                Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                    Some(character) => page.says(character.encode_utf8(&mut [0; 4]), &open)?,
                    None => page.says(resolve_predefined_entity(&reference)?, &open)?,
                },
                Event::Eof => return (open.is_empty() && !page.root.is_empty()).then_some(page),
                _ => {}
            }
        }
    }

    /// An element begins so deep; `None` if it is a second root.
    fn opens(&mut self, name: &str, depth: usize) -> Option<()> {
        match (depth, name) {
            (0, _) if !self.root.is_empty() => return None,
            (0, _) => name.clone_into(&mut self.root),
            (1, "Prefix") => drop(self.prefix.get_or_insert_default()),
            (1, "IsTruncated") => drop(self.is_truncated.get_or_insert_default()),
            (1, "KeyCount") => drop(self.key_count.get_or_insert_default()),
            (1, "Contents") => self.keys += 1,
            // Folders in place of what is in them. Nobody asked for these.
            (1, "CommonPrefixes") | (2, "BlobPrefix") => return None,
            _ => {}
        }
        Some(())
    }

    /// Text in the elements that are open; `None` if it is outside the root.
    fn says(&mut self, text: &str, open: &[String]) -> Option<()> {
        match open {
            [] => return text.trim_start_matches('\u{feff}').trim().is_empty().then_some(()),
            [_, name] => match name.as_str() {
                "Prefix" => self.prefix.get_or_insert_default().push_str(text),
                "IsTruncated" => self.is_truncated.get_or_insert_default().push_str(text),
                "KeyCount" => self.key_count.get_or_insert_default().push_str(text),
                "NextContinuationToken" => self.token.push_str(text),
                _ => {}
            },
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(page: &str, form: Form) -> String {
        let listed = Listed { prefix: "a&b/ledgers/".to_owned(), form };
        listed.check(page.as_bytes()).map_or_else(|bad| format!("{bad:?}"), |()| "fine".to_owned())
    }

    #[test]
    fn only_a_whole_page_of_the_list_that_was_asked_for_passes() {
        let s3 = |content: &str| {
            format!(
                "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{content}\
                 </ListBucketResult>\n"
            )
        };
        let azure = |content: &str| {
            format!("\u{feff}<?xml version=\"1.0\"?><EnumerationResults>{content}</EnumerationResults>")
        };
        let object = "<Contents><Key>a&amp;b/ledgers/x</Key><Size>1</Size><Prefix>c</Prefix></Contents>";
        for (page, expected) in [
            (s3("<Prefix>a&amp;b/ledgers/</Prefix><IsTruncated>false</IsTruncated>"), "fine"),
            (s3(&format!("<Prefix>a&#38;b/ledgers/</Prefix>{object}<IsTruncated> false </IsTruncated>")), "fine"),
            (s3("<Prefix><![CDATA[a&b/ledgers/]]></Prefix><IsTruncated>false</IsTruncated>"), "fine"),
            (s3("<IsTruncated>true</IsTruncated><NextContinuationToken>x</NextContinuationToken>"), "fine"),
            (azure("<Prefix>a&amp;b/ledgers/</Prefix><Blobs /><NextMarker />"), "fine"),
            (azure("<Blobs/><NextMarker>x</NextMarker>"), "fine"),
            // A page says that another one follows, and not which.
            (s3("<IsTruncated>true</IsTruncated>"), "Half"),
            (s3("<IsTruncated>true</IsTruncated><NextContinuationToken/>"), "Half"),
            (s3(&format!("<KeyCount>1</KeyCount>{object}<IsTruncated>false</IsTruncated>")), "fine"),
            (s3(&format!("<KeyCount>0</KeyCount>{object}<IsTruncated>false</IsTruncated>")), "fine"),
            (
                s3(
                    "<CommonPrefixes><Prefix>a&amp;b/ledgers/</Prefix></CommonPrefixes><IsTruncated>false</IsTruncated>",
                ),
                "Unlike",
            ),
            (azure("<Blobs><BlobPrefix><Name>a&amp;b/ledgers/x/</Name></BlobPrefix></Blobs>"), "Unlike"),
            // It says that it has more than it has.
            (s3("<KeyCount>5</KeyCount><IsTruncated>false</IsTruncated>"), "Short"),
            (s3(&format!("{object}<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>")), "Short"),
            (s3("<KeyCount>many</KeyCount><IsTruncated>false</IsTruncated>"), "Unlike"),
            (s3("<KeyCount/><IsTruncated>false</IsTruncated>"), "Unlike"),
            // The list of another folder.
            (s3("<Prefix>a&amp;b/</Prefix><IsTruncated>false</IsTruncated>"), "Other"),
            (s3("<Prefix/><IsTruncated>false</IsTruncated>"), "Other"),
            (azure("<Prefix>journals/</Prefix><Blobs/>"), "Other"),
            // No list.
            (s3(""), "Unlike"),
            (s3("<IsTruncated>no</IsTruncated>"), "Unlike"),
            (s3("<Owner><IsTruncated>false</IsTruncated></Owner>"), "Unlike"),
            ("<html><body>Login</body></html>".to_owned(), "Unlike"),
            ("<html><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult></html>".to_owned(), "Unlike"),
            (format!("<html/>{}", s3("<IsTruncated>false</IsTruncated>")), "Unlike"),
            (format!("Login {}", s3("<IsTruncated>false</IsTruncated>")), "Unlike"),
            ("<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned(), "Unlike"),
            ("<Error><Code>InternalError</Code></Error>".to_owned(), "Unlike"),
            ("hello".to_owned(), "Unlike"),
            ("{\"kind\":\"storage#objects\"}".to_owned(), "Unlike"),
            (String::new(), "Unlike"),
        ] {
            let is_azure = page.contains("<EnumerationResults>");
            let (own, other) = if is_azure { (Form::Container, Form::Bucket) } else { (Form::Bucket, Form::Container) };
            assert_eq!(checked(&page, own), expected, "{page}");
            // Another service would find nothing in it.
            assert_eq!(checked(&page, other), "Unlike", "{page}");
        }
    }
}
