//! The environment variables that hold secrets of an object store. No program that is started gets them, and no message
//! shows them.

use std::env;
use std::path::Path;

use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::text::PRIVATE_KEY;

/// The shortest part of an address that is hidden, in bytes. `sv=1` is no secret.
const SHORTEST_PART: usize = 6;
/// The shortest value that looks like a key, in bytes.
const SHORTEST_KEY: usize = 16;
/// What is in the name of a variable that names something.
const NAMES: [&str; 4] = ["NAME", "BUCKET", "REGION", "PROFILE"];
/// What is in the name of a variable that holds an address.
const ADDRESSES: [&str; 4] = ["ENDPOINT", "URL", "URI", "HOST"];
/// Secrets that are read beside the stores' own settings.
const OTHERS: [&str; 2] = ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "IDENTITY_HEADER"];

/// What the names of the variables begin with that the libraries of stores read.
const SERVICES: [&str; 7] = ["AWS_", "AZURE_", "GOOGLE_", "IDENTITY_", "MSI_", "SERVICE_ACCOUNT", "FEDERATED_TOKEN"];
/// What the names of variables end with that name a file with a credential.
const FILES: [&str; 4] = ["_FILE", "_PATH", "SERVICE_ACCOUNT", "APPLICATION_CREDENTIALS"];

/// The variables of this process that are text, with their values.
fn variables() -> impl Iterator<Item = (String, String)> {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Whether a variable that is to name a file names none: it may be what belongs into that file.
fn is_pasted(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // The text of a file with a key has addresses in it, too.
    let is_text = value.contains(['{', '"', '\n']) || value.contains(PRIVATE_KEY);
    let names_file = FILES.iter().any(|end| name.ends_with(end)) && (is_text || !value.contains("://"));
    names_file && !value.is_empty() && !Path::new(value).exists()
}

/// What looks like a key in the variables of a store, wherever somebody has pasted it. Programs that are started get them, and
/// messages do not show them.
pub(super) fn like_keys() -> Vec<String> {
    variables()
        .flat_map(|(name, value)| keys_in(&name, &value).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// What looks like a key in a variable of a store. An address and the name of a file are only looked at as a whole: their parts
/// are long, too.
fn keys_in<'v>(name: &str, value: &'v str) -> Vec<&'v str> {
    let is_name = name.ends_with("_ID") || NAMES.iter().any(|part| name.contains(part));
    if is_name || !is_of_service(name) {
        return Vec::new();
    }
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let is_key = |run: &&str| {
        let has = |of: fn(&u8) -> bool| run.bytes().any(|byte| of(&byte));
        run.len() >= SHORTEST_KEY && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    };
    let is_whole = is_address(name) || FILES.iter().any(|end| name.ends_with(end)) || value.contains("://");
    if is_whole && !value.chars().all(is_of_key) {
        return Vec::new();
    }
    value.split(|c| !is_of_key(c)).filter(is_key).collect()
}

/// Whether the libraries of stores may read a variable.
fn is_of_service(name: &str) -> bool {
    SERVICES.iter().any(|service| name.starts_with(service))
}

/// The parts of an address that may be a credential: what stands before the last `@`, also if a password in it is not encoded,
/// and the values of pairs, as in a query or a connection string.
pub(super) fn parts_of_address(text: &str) -> Vec<String> {
    let after = text.split_once("//").map_or(text, |(_, after)| after);
    let user = after.rsplit_once('@').map(|(user, _)| user);
    // Whatever may be the password, if a letter in it is not encoded that divides an address.
    let password = user.and_then(|user| user.split_once(':')).map(|(_, password)| password);
    let pieces = user.into_iter().flat_map(|user| user.split([':', '/', '#', '?', '\\']));
    let pairs = text.split(['?', '&', ';', '#']).filter_map(|pair| Some(pair.split_once('=')?.1));
    let parts: Vec<&str> = user.into_iter().chain(password).chain(pieces).chain(pairs).collect();
    let read = parts.iter().map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let mut all: Vec<String> = parts.iter().map(|part| (*part).to_owned()).chain(read).collect();
    all.retain(|part| part.len() >= SHORTEST_PART);
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether a variable is to hold an address.
fn is_address(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ADDRESSES.iter().any(|part| name.contains(part)) && !name.ends_with("RELATIVE_URI")
}

/// Whether what stands where an address belongs is none: it may be whatever somebody has pasted there.
fn is_no_address(value: &str) -> bool {
    let is_host = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:/".contains(&byte));
    !is_host && !Url::parse(value).is_ok_and(|url| url.has_host())
}

/// The variables of this process that hold a secret of a store, under whatever name the store takes it.
pub(crate) fn store_secrets() -> Vec<String> {
    variables().filter(|(name, value)| is_secret(name, value)).map(|(name, _)| name).collect()
}

/// Asks the library what the name means, as it does itself when it reads the environment.
fn is_secret(name: &str, value: &str) -> bool {
    use AmazonS3ConfigKey as S3;
    use AzureConfigKey as Azure;
    use GoogleConfigKey as Google;
    let key = name.to_ascii_lowercase();
    let has_parts = || !parts_of_address(value).is_empty();
    if is_of_service(name)
        && (is_pasted(name, value)
            || is_address(name) && (is_no_address(value) || has_parts())
            || value.contains("://") && has_parts())
    {
        return true;
    }
    let is_client_secret = |key| key == ClientConfigKey::ProxyUrl && value.contains('@');
    match name.split_once('_').map_or("", |(service, _)| service) {
        _ if OTHERS.contains(&name) => true,
        "AWS" => match key.parse() {
            Ok(S3::SecretAccessKey | S3::Token) => true,
            Ok(S3::Encryption(_)) => key.contains("customer_key"),
            Ok(S3::Client(key)) => is_client_secret(key),
            _ => false,
        },
        "AZURE" => match key.parse() {
            Ok(
                Azure::AccessKey
                | Azure::ClientSecret
                | Azure::SasKey
                | Azure::Token
                | Azure::FabricSessionToken
                | Azure::EncryptionKey,
            ) => true,
            Ok(Azure::Client(key)) => is_client_secret(key),
            _ => false,
        },
        "GOOGLE" => match key.parse() {
            Ok(Google::ServiceAccountKey | Google::BearerToken) => true,
            Ok(Google::Client(key)) => is_client_secret(key),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_secret_is_known_and_no_other() {
        let secrets = [
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_TOKEN",
            "AWS_token",
            "AWS_SSE_CUSTOMER_KEY_BASE64",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
            "AZURE_STORAGE_MASTER_KEY",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_TOKEN",
            "AZURE_CLIENT_SECRET",
            "AZURE_STORAGE_CLIENT_SECRET",
            "AZURE_FABRIC_SESSION_TOKEN",
            "AZURE_STORAGE_ENCRYPTION_KEY",
            "IDENTITY_HEADER",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            "GOOGLE_BEARER_TOKEN",
        ];
        for name in secrets {
            assert!(is_secret(name, "value"), "{name}");
        }
        let others = [
            "AWS_ACCESS_KEY_ID",
            "AWS_REGION",
            "AWS_ENDPOINT",
            "AWS_SSE_KMS_KEY_ID",
            "AZURE_CLIENT_ID",
            "AZURE_STORAGE_ACCOUNT_NAME",
            "TOKEN",
            "aws_token",
            "PATH",
        ];
        for name in others {
            assert!(!is_secret(name, "value"), "{name}");
        }
        // What is pasted in place of a file's name, and what an address has in it.
        let here = std::env::current_exe().expect("a file");
        let here = here.to_str().expect("text");
        for name in [
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "SERVICE_ACCOUNT",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "AZURE_FEDERATED_TOKEN_FILE",
        ] {
            assert!(is_secret(name, "{\"private_key\": \"x\"}"), "{name}");
            assert!(
                is_secret(name, "{\"private_key\": \"x\", \"token_uri\": \"https://oauth2.googleapis.com/token\"}"),
                "{name}"
            );
            assert!(!is_secret(name, here), "{name}");
        }
        // Programs that are started need it where the machine gives credentials.
        assert!(!is_secret("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/0f1e2d3c"));
        for name in ["AZURE_ENDPOINT", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_ENDPOINT_URL_S3", "IDENTITY_ENDPOINT"]
        {
            assert!(is_secret(name, "http://host/x?sv=1&sig=SECRET%2Fabc"), "{name}");
            assert!(is_secret(name, "http://me:secret@host"), "{name}");
            assert!(!is_secret(name, "http://host:9000/x?sv=1"), "{name}");
        }
        for (name, value, expected) in [
            ("AWS_SKIP_SIGNATURE", "pastedKEY998877665544", true),
            ("AWS_SKIP_SIGNATURE", "true", false),
            ("AZURE_TIMEOUT", "Bearer pastedKEY998877665544", true),
            ("AZURE_TIMEOUT", "{\"key\":\"pastedKEY998877665544\"}", true),
            ("AZURE_TIMEOUT", "30s", false),
            ("AZURE_STORAGE_ENDPOINT", "https://companyprod2026sync.blob.core.windows.net", false),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", false),
            ("AZURE_STORAGE_ACCOUNT_NAME", "companyprod2026sync", false),
            ("HOME", "pastedKEY998877665544", false),
        ] {
            assert_eq!(!keys_in(name, value).is_empty(), expected, "{name}");
        }
        assert_eq!(parts_of_address("http://host?sv=1&sig=SECRET%2Fabc"), ["SECRET%2Fabc", "SECRET/abc"]);
        // What is no address may be anything.
        for value in [
            "https://sync:KEY1234/KEY5678@host",
            "https://sync:1234#KEY5678@host",
            "https://sync:1234/KEY5678@host",
            "\"https://sync:KEY5678@host\"",
            "https://sync:KEY5678@[::1",
            "https:/sync:KEY5678@host",
            "//host/?sv=1&sig=KEY5678",
            "AccountName=acc;AccountKey=KEY5678==;EndpointSuffix=core.windows.net",
        ] {
            assert!(is_secret("AZURE_STORAGE_ENDPOINT", value), "{value}");
            assert!(parts_of_address(value).iter().any(|part| part.contains("KEY5678")), "{value}");
        }
        for value in
            ["", "acc.blob.core.windows.net", "127.0.0.1:9000", "https://acc.blob.core.windows.net/x", "http://[::1]:9"]
        {
            assert!(!is_secret("AZURE_STORAGE_ENDPOINT", value), "{value}");
        }
        for name in ["AWS_PROXY_URL", "AZURE_PROXY_URL", "GOOGLE_PROXY_URL"] {
            assert!(is_secret(name, "http://me:secret@proxy:3128") && !is_secret(name, "http://proxy:3128"), "{name}");
        }
    }
}
