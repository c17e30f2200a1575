//! The test `disabled` of templates: whether an account of Active Directory is disabled, as in `ad is not disabled`.
//!
//! An unclear case is an error, never an answer: a person without an account does not have an enabled one.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

/// Its name in templates.
pub(super) const TEST: &str = "disabled";
/// The attribute that says so.
pub(super) const COLUMN: &str = "userAccountControl";
/// The bit ACCOUNTDISABLE of that attribute (MS-ADTS 2.2.16).
const ACCOUNT_DISABLE: i64 = 2;

/// Judges a source, or the value of its `userAccountControl`.
pub(super) fn is_disabled(value: &Value) -> Result<bool, Error> {
    let wrong = |problem: String| Err(Error::new(ErrorKind::InvalidOperation, format!("`is {TEST}` {problem}")));
    let control = if value.kind() == ValueKind::Map { value.get_attr(COLUMN)? } else { value.clone() };
    if control.is_undefined() {
        return wrong(format!("finds no {COLUMN}: the source has no record of this person, or not that column"));
    }
    let number = match control.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => i64::try_from(control.clone()).ok().filter(|_| control.kind() == ValueKind::Number),
    };
    match number {
        Some(number) => Ok(number & ACCOUNT_DISABLE != 0),
        None => wrong(format!("needs a number in {COLUMN}, not {:?}", control.to_string())),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::sync::Arc;

    use minijinja::context;

    use super::super::{Calendar, Engine, Template};
    use super::*;

    fn judge(expression: &str, ad: &Value) -> Result<bool, String> {
        let engine = Engine::new(&Calendar::any());
        let value = engine.condition(expression).unwrap().eval(context! { ad => ad });
        value.map(|value| value.is_true()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_bit_decides() {
        for (control, expected) in [
            ("512", false),
            ("514", true),
            ("66048", false),
            ("66050", true),
            (" 2 ", true),
            ("0", false),
            ("-2147483646", true),
        ] {
            let ad = context! { userAccountControl => control };
            assert_eq!(judge("ad is disabled", &ad), Ok(expected), "{control}");
            assert_eq!(judge("ad is not disabled", &ad), Ok(!expected), "{control}");
            assert_eq!(judge("ad.userAccountControl is disabled", &ad), Ok(expected), "{control}");
        }
        assert_eq!(judge("ad is disabled", &context! { userAccountControl => 514 }), Ok(true));
    }

    #[test]
    fn what_is_not_clear_is_an_error() {
        for control in ["", "on", "512.5", "true", "0x202"] {
            let error = judge("ad is not disabled", &context! { userAccountControl => control }).unwrap_err();
            assert!(error.contains("needs a number") && error.contains(control), "{error}");
        }
        assert!(judge("ad is not disabled", &context! { userAccountControl => true }).is_err());
        assert!(judge("ad is not disabled", &context! { userAccountControl => vec!["512", "514"] }).is_err());
        for ad in [context! { mail => "x" }, Value::UNDEFINED] {
            let error = judge("ad is not disabled", &ad).unwrap_err();
            assert!(error.contains("finds no userAccountControl"), "{error}");
        }
    }

    #[test]
    fn the_column_that_it_needs_counts_as_used() {
        let sources: Vec<Arc<str>> = vec!["hr".into(), "ad".into()];
        let columns = |text: &str| -> Vec<(usize, String)> {
            let template = Template::parse_expression("x", text, &sources).unwrap();
            template.columns.into_iter().map(|name| (name.source, name.column.into())).collect()
        };
        for text in
            ["ad is disabled", "not ad  is\n disabled", "hr.x == '1' and ad is not disabled", "(ad) is not disabled"]
        {
            assert!(columns(text).contains(&(1, COLUMN.to_owned())), "{text}");
        }
        for text in ["ad is defined", "hr.ad is disabled", "hr.x == 'ad' and hr.y is not disabled", "ad.x is disabled"]
        {
            assert!(!columns(text).contains(&(1, COLUMN.to_owned())), "{text}");
        }
        assert_eq!(columns("ad.userAccountControl is disabled"), [(1, COLUMN.to_owned())]);
    }
}
