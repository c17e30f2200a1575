//! Messages for refusals of a directory and failed connections; they say what to do. The server's words are shown only
//! shortened, on one line, and without the password, which the server might echo.

use secrecy::{ExposeSecret as _, SecretString};

use super::client::{ClientError, LONGEST_SILENCE};
use super::message::Refusal;
use crate::http::{Trust, tls_error, tls_words};
use crate::setting::shortened;

/// The server's name for messages, and the password that they must not show.
#[derive(Debug)]
pub(super) struct ErrorMessages {
    /// Its address, such as `ldaps://dc1.example.com`.
    pub(super) server: String,
    pub(super) password: Option<SecretString>,
    pub(super) trust: Trust,
}

/// The request that failed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    /// A bind with this name, or an anonymous one.
    Bind(Option<&'a str>),
    /// To encrypt the connection.
    StartTls,
    /// To list what is below a distinguished name.
    Search(&'a str),
}

impl ErrorMessages {
    /// A text without the password, short, and on one line.
    pub(super) fn clean(&self, text: &str) -> String {
        let password = self.password.as_ref().map(SecretString::expose_secret).filter(|password| !password.is_empty());
        match password {
            // Control characters are replaced before and after: one within the password could hide it.
            Some(password) => shortened(&shortened_less(text).replace(password, "[password]")),
            None => shortened(text),
        }
    }

    /// A result that is not success.
    pub(super) fn refused(&self, asked: Asked<'_>, result: &Refusal) -> String {
        let server = &self.server;
        let asked_for = match asked {
            Asked::Bind(Some(name)) => format!("the bind of {}", self.clean(name)),
            Asked::Bind(None) => "an anonymous bind".to_owned(),
            Asked::StartTls => "StartTLS".to_owned(),
            Asked::Search(base) => format!("the search below {}", self.clean(base)),
        };
        let said = self.clean(&result.text);
        let said = if said.is_empty() { String::new() } else { format!(" (it says: {said})") };
        let hint = hint(asked, result).map_or_else(String::new, |hint| format!("; {hint}"));
        let (code, name) = (result.code, name(result.code));
        if matches!(result.code, 3 | 4 | 11) {
            return format!(
                "{server} broke off {asked_for}: {name} ({code}){said}; what came is not the whole list{hint}"
            );
        }
        format!("{server} refuses {asked_for}: {name} ({code}){said}{hint}")
    }

    /// A connection that cannot be made.
    pub(super) fn unreachable(&self, error: &ClientError) -> String {
        let server = &self.server;
        match error {
            ClientError::Refused(result) => self.refused(Asked::StartTls, result),
            ClientError::Disconnection(result) => self.disconnected(result),
            ClientError::Silent => format!("{server} cannot be reached: no answer in time"),
            ClientError::Io(source) => match tls_error(source) {
                Some(error) => format!("the connection to {server} is not trusted: {}", tls_words(error, self.trust)),
                None => format!("{server} cannot be reached: {}", self.clean(&source.to_string())),
            },
            ClientError::Host(_) => format!(
                "{server}: a certificate cannot be checked for this host; name the server as its certificate does"
            ),
            ClientError::Closed => format!("{server} cannot be reached: the connection ended at once"),
            ClientError::NotLdap(_) | ClientError::TooLong | ClientError::OtherRequest => {
                format!("{server} cannot be reached: {error}")
            }
        }
    }

    /// A request without a complete answer. `to_what` names the request.
    pub(super) fn failed(&self, to_what: &str, error: &ClientError) -> String {
        let server = &self.server;
        let why = match error {
            ClientError::Silent => {
                return format!("{server} gave no answer {to_what} for {} seconds", LONGEST_SILENCE.as_secs());
            }
            ClientError::Disconnection(result) => return self.disconnected(result),
            ClientError::Io(source) => match tls_error(source) {
                Some(error) => tls_words(error, self.trust),
                None => self.clean(&source.to_string()),
            },
            other => other.to_string(),
        };
        format!("{server} gave no complete answer {to_what}: {why}")
    }

    /// A server that ended the connection by itself.
    fn disconnected(&self, Refusal { code, text }: &Refusal) -> String {
        let said = self.clean(text);
        let said = if said.is_empty() { String::new() } else { format!(" (it says: {said})") };
        let hint = match code {
            8 | 13 => format!("; {ENCRYPT}"),
            _ => "; try again later".to_owned(),
        };
        format!("{} ends the connection: {} ({code}){said}{hint}", self.server, name(*code))
    }
}

const ENCRYPT: &str = "it wants an encrypted connection: use ldaps:// in `url`, or start_tls = true";

/// Control characters as spaces, at full length.
fn shortened_less(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn hint(asked: Asked<'_>, result: &Refusal) -> Option<&'static str> {
    const NAMED: &str = "it requires a login: set `bind_dn` and `password_env`, `password_file` or `password_command`";
    match (asked, result.code) {
        (_, 8 | 13) => Some(ENCRYPT),
        (Asked::Bind(Some(_)), 49) => Some(active_directory_says(&result.text).unwrap_or(
            "the password is wrong, or there is no such account; Active Directory takes user@domain as `bind_dn` too",
        )),
        (Asked::Bind(Some(_)), 34) => Some("`bind_dn` is not a distinguished name"),
        (Asked::Bind(None), 48 | 49 | 53) => Some(NAMED),
        (Asked::Search(_), 1) if wants_a_bind(&result.text) => Some(NAMED),
        (Asked::Search(_), 3) => Some("the server's time limit is too short for this search"),
        (Asked::Search(_), 4) => {
            Some("the server's size limit for this account counts over all pages and must be raised")
        }
        (Asked::Search(_), 10) => Some("this part of the directory is kept by another server; name that one in `url`"),
        (Asked::Search(_), 11) => Some("a smaller `page_size` may help"),
        (Asked::Search(_), 12) => {
            Some("it cannot give results page by page, which is needed to verify that a list is complete")
        }
        (Asked::Search(_), 32) => {
            Some("there is no such base, or this account may not see it; correct `base`, or the account's rights")
        }
        (Asked::Search(_), 34) => Some("`base` is not a distinguished name"),
        (Asked::Search(_), 50) => Some("the account lacks the right to read there"),
        (_, 51 | 52) => Some("try again later"),
        _ => None,
    }
}

/// Whether Active Directory or Samba refused a search because there was no bind.
fn wants_a_bind(text: &str) -> bool {
    text.contains("successful bind must be completed") || text.contains("unavailable without authentication")
}

/// The reason why Active Directory refused a bind, which it gives as a hexadecimal code.
fn active_directory_says(text: &str) -> Option<&'static str> {
    let (_, rest) = text.split_once("data ")?;
    let code = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    Some(match code.to_ascii_lowercase().as_str() {
        "525" => "there is no such account",
        "52e" => "the password is wrong, or there is no such account",
        "530" => "the account may not sign in at this time",
        "531" => "the account may not sign in from here",
        "532" => "the password has expired",
        "533" => "the account is disabled",
        "701" => "the account has expired",
        "773" => "the password must be changed first",
        "775" => "the account is locked",
        _ => return None,
    })
}

/// The name of a result code in RFC 4511.
fn name(code: u32) -> &'static str {
    match code {
        1 => "operations error",
        2 => "protocol error",
        3 => "time limit exceeded",
        4 => "size limit exceeded",
        7 => "authentication method not supported",
        8 => "stronger authentication required",
        10 => "referral",
        11 => "administrative limit exceeded",
        12 => "unavailable critical extension",
        13 => "confidentiality required",
        18 => "inappropriate matching",
        32 => "no such object",
        34 => "invalid DN syntax",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access rights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        80 => "other",
        _ => "no success",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> ErrorMessages {
        ErrorMessages {
            server: "ldaps://dc1".to_owned(),
            password: Some("top secret".into()),
            trust: Trust::CaFile(false),
        }
    }

    fn result(code: u32, text: &str) -> Refusal {
        Refusal { code, text: text.to_owned() }
    }

    #[test]
    fn a_refused_bind_says_why() {
        let text = |data: &str| {
            format!("80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext, data {data}, v4563\0")
        };
        for (data, expected) in [
            ("52e", "the password is wrong, or"),
            ("532", "the password has expired"),
            ("533", "the account is disabled"),
            ("775", "the account is locked"),
            ("57", "Active Directory takes user@domain"),
        ] {
            let said = words().refused(Asked::Bind(Some("cn=reader")), &result(49, &text(data)));
            let start = "ldaps://dc1 refuses the bind of cn=reader: invalid credentials (49) (it says: 80090308";
            assert!(said.starts_with(start) && said.contains(expected), "{said}");
        }
        let said = words().refused(Asked::Bind(Some("cn=reader")), &result(8, ""));
        assert!(
            said.ends_with("(8); it wants an encrypted connection: use ldaps:// in `url`, or start_tls = true"),
            "{said}"
        );
    }

    #[test]
    fn a_search_that_was_broken_off_is_called_that() {
        for code in [3, 4, 11] {
            let said = words().refused(Asked::Search("dc=x"), &result(code, ""));
            assert!(said.starts_with("ldaps://dc1 broke off the search below dc=x: "), "{said}");
            assert!(said.contains("not the whole list"), "{said}");
        }
        let unbound = "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection.";
        assert!(words().refused(Asked::Search("dc=x"), &result(1, unbound)).contains("set `bind_dn`"));
    }

    #[test]
    fn what_the_server_says_is_cleaned() {
        let said = words().refused(Asked::Bind(Some("x")), &result(53, "no top\u{1b}secret\nand top secret here"));
        assert!(said.contains("no [password] and [password] here"), "{said}");
        let long = format!("{}top secret", "x".repeat(195));
        assert!(!words().clean(&long).contains("top"), "{}", words().clean(&long));
        assert!(!format!("{:?}", words()).contains("top secret"));
    }
}
