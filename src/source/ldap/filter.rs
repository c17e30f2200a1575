//! The filters of searches (RFC 4515), and the attributes that they name. If a directory does not know an attribute,
//! the condition is undefined (RFC 4511, 4.5.1.7), and the search silently finds fewer people or nobody.

use std::collections::BTreeSet;

use super::filter_syntax::parse;
use super::schema::Schema;
use super::search::Search;
use crate::setting::ConfigError;
use crate::setting::section::Section;

/// How many bytes a filter may have, and how deep its parentheses may be nested.
const LONGEST: usize = 8 * 1024;
const DEEPEST: usize = 50;

/// The setting `filter` of the source or of one of its searches.
pub(super) fn from_section(section: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(text) = section.text("filter")?.map(str::trim) else { return Ok(None) };
    // The parser is recursive.
    if text.len() > LONGEST || depth(text) > DEEPEST {
        let problem = format!("has more than {LONGEST} bytes, or more than {DEEPEST} parentheses within one another");
        return Err(section.problem("filter", problem));
    }
    if parse(text).is_none() {
        return Err(
            section.problem("filter", "is not an LDAP filter (RFC 4515), such as \"(&(objectClass=person)(mail=*))\"")
        );
    }
    Ok(Some(text.to_owned()))
}

/// How many parentheses are open at once, at most.
fn depth(filter: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for byte in filter.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// Refuses a filter with an attribute that the directory does not know. `came` are the attributes of entries, in lower
/// case: these exist, whatever the schema says.
pub(super) fn judge(
    searches: &[Search],
    schema: &Schema,
    came: &BTreeSet<String>,
    label: &str,
) -> Result<(), ConfigError> {
    for Search { filter, .. } in searches {
        let is_unknown = |name: &String| !schema.knows(name) && !came.contains(&name.to_ascii_lowercase());
        if let Some(name) = attributes(filter).into_iter().find(is_unknown) {
            let near = schema.nearest(&name).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(ConfigError::Invalid(format!(
                "the filter {filter} of {label} asks for `{name}`, which is not an attribute that this directory knows, so \
                 that it would find too few{near}"
            )));
        }
    }
    Ok(())
}

/// The attributes that a filter names.
fn attributes(filter: &str) -> BTreeSet<String> {
    parse(filter).unwrap_or_default().attributes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::search::SearchScope;
    use super::*;

    #[test]
    fn every_attribute_of_a_filter_is_found() {
        for (filter, expected) in [
            ("(mail=*)", &["mail"][..]),
            ("mail=a", &["mail"]),
            ("(&(a=x)(|(b=x*y*z)(!(c>=1)))(d<=2)(e~=f))", &["a", "b", "c", "d", "e"]),
            ("(!(!(&(a=\\28b=c\\29))))", &["a"]),
            ("(memberOf:1.2.840.113556.1.4.1941:=CN=x,DC=y)", &["memberOf"]),
            ("(userAccountControl:1.2.840.113556.1.4.803:=2)", &["userAccountControl"]),
            ("(ou:dn:=staff)", &["ou"]),
            ("(cn:dn:2.5.13.5:=a)", &["cn"]),
            // This matches any attribute that the rule fits.
            ("(:dn:2.5.13.5:=a)", &[]),
            ("(cn;lang-de=*)", &["cn;lang-de"]),
            ("(2.5.4.4=a)", &["2.5.4.4"]),
            ("(&)", &[]),
        ] {
            let found = attributes(filter);
            assert!(parse(filter).is_some(), "{filter}");
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{filter}");
        }
    }

    #[test]
    fn an_attribute_that_the_directory_does_not_know_is_refused() {
        let schema = Schema::parse(["( 0.9 NAME ( 'mail' 'rfc822Mailbox' ) )", "( 2.5.4.4 NAME ( 'sn' 'surname' ) )"]);
        let came = BTreeSet::from(["unlisted".to_owned()]);
        let judged = |filter: &str| {
            let search = Search {
                base: String::new(),
                scope: SearchScope::Base,
                filter: filter.to_owned(),
                may_be_empty: false,
            };
            judge(&[search], &schema, &came, "[[source]] `ad`").map_err(|error| error.to_string())
        };
        assert_eq!(judged("(&(MAIL=*)(Surname;lang-de=x)(2.5.4.4=*)(unListed=x)(:dn:1.2:=x))"), Ok(()));
        let error = judged("(&(sn=*)(!(mial=x*)))").expect_err("refused");
        assert!(error.contains("the filter (&(sn=*)(!(mial=x*))) of [[source]] `ad` asks for `mial`"), "{error}");
        assert!(error.ends_with("did you mean `mail`?"), "{error}");
    }
}
