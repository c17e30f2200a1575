//! The environment variables that hold secrets of an object store. No program that is started gets them, and no message
//! shows them.

use std::env;

use object_store::ClientConfigKey;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;

/// Secrets that are read beside the stores' own settings.
const OTHERS: [&str; 2] = ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "IDENTITY_HEADER"];

/// The variables of this process that hold a secret of a store, under whatever name the store takes it.
pub(crate) fn store_secrets() -> Vec<String> {
    let set = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    set.filter(|(name, value)| is_secret(name, value)).map(|(name, _)| name).collect()
}

/// Asks the library what the name means, as it does itself when it reads the environment.
fn is_secret(name: &str, value: &str) -> bool {
    use AmazonS3ConfigKey as S3;
    use AzureConfigKey as Azure;
    use GoogleConfigKey as Google;
    let key = name.to_ascii_lowercase();
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
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_SSE_KMS_KEY_ID",
            "AZURE_CLIENT_ID",
            "AZURE_STORAGE_ACCOUNT_NAME",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "TOKEN",
            "aws_token",
            "PATH",
        ];
        for name in others {
            assert!(!is_secret(name, "value"), "{name}");
        }
        for name in ["AWS_PROXY_URL", "AZURE_PROXY_URL", "GOOGLE_PROXY_URL"] {
            assert!(is_secret(name, "http://me:secret@proxy:3128") && !is_secret(name, "http://proxy:3128"), "{name}");
        }
    }
}
