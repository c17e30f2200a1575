//! One name for an account, however its address is spelt. `#` and the name of the account follow its address where the
//! settings name it (`[target] account`).

use percent_encoding::percent_decode_str;
use url::Url;

use crate::http::is_loopback_host;
use crate::plan::Digest;

/// What an account's files are called, however its address is spelt: this machine has several names.
pub(crate) fn account_file(url: &str) -> String {
    Digest::of(account(url).as_bytes()).hex()
}

fn account(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
    let name = if is_loopback_host(&host) { "localhost" } else { &host };
    // Cannot fail: the URL had a host before.
    let _ = url.set_host(Some(name));
    // Servers take these for the same: `//` for `/`, and an encoded letter for the letter.
    let names = url.path().split('/').filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned()).collect();
    url.set_path(&names.join("/"));
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_has_one_name_however_it_is_spelt() {
        for (one, other, same) in [
            ("http://localhost:8480/v1", "http://127.0.0.1:8480/v1/", true),
            ("http://localhost:8480/v1", "http://[::1]:8480/v1", true),
            ("http://127.0.0.1:8480/v1", "http://LOCALHOST:8480/v1", true),
            ("https://API.example.com./v1", "https://api.example.com:443/v1", true),
            ("https://api.example.com/v1", "https://api.example.com/v2", false),
            ("http://localhost:8480/v1", "http://localhost:8481/v1", false),
            ("https://api.example.com/v1", "https://api.example.com//v1", true),
            ("https://api.example.com/v1", "https://api.example.com/%761//", true),
            ("https://api.example.com/a/b", "https://api.example.com/a/../a/./b", true),
            ("https://api.example.com/v1", "https://api.example.com/V1", false),
            ("https://api.example.com/a%2Fb", "https://api.example.com/a/b", true),
            ("https://api.example.com/a", "https://api.example.com/%zz", false),
            ("https://api.example.com/v1#acme", "https://API.example.com:443//v1/#acme", true),
            ("https://api.example.com/v1#acme", "https://api.example.com/v1#globex", false),
            ("https://api.example.com/v1#acme", "https://api.example.com/v1", false),
            ("https://api.example.com#acme", "https://api.example.com/#acme", true),
            ("https://api.example.com/v1#serve", "https://api.example.com/v1##serve", false),
        ] {
            assert_eq!(account(one) == account(other), same, "{one} {other}");
        }
    }
}
