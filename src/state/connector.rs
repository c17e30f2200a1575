//! How requests reach an object store: without following a redirect, and with a bound for every answer that is kept in
//! memory.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use jiff::SignedDuration;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::{NoProxy, Proxy, StatusCode, redirect};
use secrecy::SecretString;

use super::listed::{BadList, Listed};
use crate::http::Redactor;

/// The largest answer that is not an object, in bytes: a page of a list, or the words of an error.
const LARGEST_ANSWER: usize = 8 << 20;
/// How long one request may take, from the connection to the end of the answer, unless the environment says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take, unless the environment says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a store must not do. The request is not sent again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(
        "the store redirects to another address ({0}), and no redirect is followed; check the region and the endpoint \
         in the environment"
    )]
    Redirect(StatusCode),
    #[error("the answer is longer than {LARGEST_ANSWER} bytes, which no page of a list and no error is")]
    LongAnswer,
    #[error("it has more than {0} bytes, which the program never writes there")]
    LongObject(u64),
    #[error(transparent)]
    List(#[from] BadList),
    #[error("the list of objects never ends: the store gives the same page again")]
    RepeatedPage,
    #[error("the list of objects is longer than any that the program makes")]
    LongList,
    #[error("the store did not answer in full within {} minutes", .0.as_secs() / 60)]
    Slow(Duration),
}

impl Fault {
    /// The fault that an error comes from, in words.
    pub(super) fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(fault) = error.downcast_ref() {
                return Some(fault);
            }
            cause = error.source();
        }
        None
    }
}

/// Marks a request for an object. Whoever sends it counts the bytes as they come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted;

/// The headers of requests that hold a credential which is good for more than that request.
const CREDENTIALS: [&str; 4] =
    ["authorization", "x-amz-security-token", "x-aws-ec2-metadata-token", "x-amz-s3session-token"];
/// What a signature of one request begins with.
const SIGNATURES: [&str; 2] = ["AWS4-HMAC-SHA256 ", "SharedKey "];

/// Makes the clients of a store. Credentials that a server gave or a file holds are known only once they are sent.
#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Arc<Redactor>);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = client(options).map_err(|source| object_store::Error::Generic { store: "state", source })?;
        Ok(HttpClient::new(Bounded { client: HttpClient::new(client), redactor: Arc::clone(&self.0) }))
    }
}

/// Of the settings that the environment may hold, those of the address, the times and the proxy count. None weakens TLS.
fn client(options: &ClientOptions) -> Result<reqwest::Client, Box<dyn Error + Send + Sync>> {
    let setting = |key: ClientConfigKey| options.get_config_value(&key);
    let may_be_plain = setting(ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("skovik-sync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .http1_only()
        // The length of an object is that of what is sent.
        .no_gzip()
        .https_only(!may_be_plain)
        .timeout(duration(setting(ClientConfigKey::Timeout))?.unwrap_or(TIMEOUT))
        .connect_timeout(duration(setting(ClientConfigKey::ConnectTimeout))?.unwrap_or(CONNECT_TIMEOUT));
    if let Some(url) = setting(ClientConfigKey::ProxyUrl) {
        let except = setting(ClientConfigKey::ProxyExcludes).and_then(|hosts| NoProxy::from_string(&hosts));
        builder = builder.proxy(Proxy::all(url)?.no_proxy(except));
    }
    Ok(builder.build()?)
}

/// A duration as the environment has it, such as `30s`.
fn duration(text: Option<String>) -> Result<Option<Duration>, String> {
    let Some(text) = text else { return Ok(None) };
    let parsed = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    match parsed.filter(|time| !time.is_zero()) {
        Some(time) => Ok(Some(time)),
        None => Err(format!("the environment has a timeout for the store that is no duration such as 30s: {text:?}")),
    }
}

/// Refuses redirects, long answers, and lists that are none.
#[derive(Debug)]
struct Bounded {
    client: HttpClient,
    redactor: Arc<Redactor>,
}

/// The server may quote what it is sent.
fn learn_credentials(request: &HttpRequest, redactor: &Redactor) {
    for value in CREDENTIALS.iter().filter_map(|name| request.headers().get(*name)?.to_str().ok()) {
        if !SIGNATURES.iter().any(|signature| value.starts_with(signature)) {
            let token = value.strip_prefix("Bearer ").unwrap_or(value).trim();
            redactor.add(SecretString::from(token));
        }
    }
}

#[async_trait]
impl HttpService for Bounded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_counted = request.extensions().get::<Counted>().is_some();
        let listed = request.extensions().get::<Listed>().cloned();
        learn_credentials(&request, &self.redactor);
        let answer = self.client.execute(request).await?;
        let status = answer.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(HttpError::new(HttpErrorKind::Unknown, Fault::Redirect(status)));
        }
        if is_counted && status.is_success() {
            return Ok(answer);
        }
        // Room is made as bytes come, and never for more than the bound, whatever the store announces.
        let bounded = |body: HttpResponseBody| {
            HttpResponseBody::new(Limited::new(body, LARGEST_ANSWER).map_err(|error| {
                let too_long = |_| HttpError::new(HttpErrorKind::Decode, Fault::LongAnswer);
                error.downcast::<HttpError>().map_or_else(too_long, |error| *error)
            }))
        };
        let answer = answer.map(bounded);
        let Some(listed) = listed.filter(|_| status.is_success()) else { return Ok(answer) };
        let (head, body) = answer.into_parts();
        let page = body.bytes().await?;
        listed.check(&page).map_err(|bad| HttpError::new(HttpErrorKind::Unknown, Fault::from(bad)))?;
        Ok(HttpResponse::from_parts(head, page.into()))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_are_sent_are_masked_in_answers() {
        let mut request = HttpRequest::new(Vec::new().into());
        for (name, value) in
            [("authorization", "Bearer t0ken-of-aad-123"), ("x-amz-security-token", "t0ken-of-ecs-456")]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let redactor = Redactor::default();
        learn_credentials(&request, &redactor);
        assert_eq!(redactor.clean("expired: t0ken-of-aad-123, t0ken-of-ecs-456"), "expired: [key], [key]");
        request.headers_mut().insert("authorization", "AWS4-HMAC-SHA256 Credential=one".parse().unwrap());
        learn_credentials(&request, &redactor);
        assert_eq!(redactor.clean("AWS4-HMAC-SHA256 Credential=one"), "AWS4-HMAC-SHA256 Credential=one");
    }

    #[test]
    fn a_duration_of_the_environment_is_read_as_it_is_written_there() {
        for (text, expected) in [("30s", 30), ("30 seconds", 30), ("1m 30s", 90), ("5m", 300)] {
            assert_eq!(duration(Some(text.to_owned())).unwrap(), Some(Duration::from_secs(expected)), "{text}");
        }
        assert_eq!(duration(None).unwrap(), None);
        for text in ["30", "", "0s", "-5s", "soon"] {
            assert!(duration(Some(text.to_owned())).unwrap_err().contains(text), "{text}");
        }
    }
}
