//! The errors that spreadsheets write into cells, such as `#N/A`. Such a cell has no known value.

/// Errors without `!` or `?` at their end, in the languages of Excel and LibreOffice.
const WITHOUT_SIGN: [&str; 9] =
    ["#N/A", "#N/A N/A", "#NV", "#N/B", "#N/D", "#N/V", "#I/T", "#GETTING_DATA", "#N/A REQUESTING DATA..."];
/// The longest one, in bytes.
const LONGEST: usize = 32;

/// Whether a cell holds a spreadsheet's error instead of a value: `#N/A`, `#REF!`, `#NAME?`, `Err:502`, in any
/// language.
pub(super) fn is_error(text: &str) -> bool {
    if !text.starts_with(['#', 'E']) || text.len() > LONGEST {
        return false;
    }
    if let Some(number) = text.strip_prefix("Err:") {
        return number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    }
    let Some(word) = text.strip_prefix('#') else { return false };
    WITHOUT_SIGN.contains(&text)
        || word.strip_suffix(['!', '?']).is_some_and(|word| {
            let word = word.trim_start_matches(['¡', '¿']);
            word.chars().count() > 2 && word.chars().all(|c| c.is_uppercase() || matches!(c, '/' | '0' | '_'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_known_in_every_language() {
        for text in [
            "#N/A",
            "#REF!",
            "#VALUE!",
            "#DIV/0!",
            "#NAME?",
            "#NUM!",
            "#NULL!",
            "#SPILL!",
            "#CALC!",
            "#FIELD!",
            "#BLOCKED!",
            "#GETTING_DATA",
            "Err:502",
            "#BEZUG!",
            "#NV",
            "#WERT!",
            "#SAKNAS!",
            "#VÄRDEFEL!",
            "#I/T",
            "#VERDI!",
            "#VALEUR!",
            "#NOM?",
            "#¡REF!",
            "#¿NOMBRE?",
            "#PUUTTUU!",
            "#ADR!",
        ] {
            assert!(is_error(text), "{text}");
        }
        for text in
            ["", "#", "#1", "N/A", "#hashtag!", "#TEAM", "Err", "Err:5", "Error!", "Erik", "# N/A", "x #REF!", "#A!"]
        {
            assert!(!is_error(text), "{text}");
        }
    }
}
