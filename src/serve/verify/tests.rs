#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use reqwest::header::{HeaderName, HeaderValue};

use super::*;

fn hmac(hash: Hash, header: &str, signed: Vec<Part>, timestamp: Option<&str>) -> Verification {
    let name = |text: &str| HeaderName::try_from(text).unwrap();
    Verification::Hmac(Hmac {
        hash,
        header: name(header),
        signed,
        timestamp: timestamp.map(name),
        tolerance: Duration::from_secs(300),
    })
}

fn verifier(verification: Verification, secret: &str) -> Verifier {
    Verifier::new(verification, &SecretString::from(secret)).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

const STANDARD: Verification = Verification::StandardWebhooks { tolerance: Duration::from_secs(300) };

/// The examples that the project publishes, on its page and with its libraries.
#[test]
fn standard_webhooks_as_published() {
    for (secret, id, time, body, code) in [
        (
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1_731_705_121,
            r#"{"event_type":"ping","data":{"success":true}}"#,
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
        (
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ] {
        let verifier = verifier(STANDARD, secret);
        let sent = |code: &str| {
            headers(&[("webhook-id", id), ("webhook-timestamp", &time.to_string()), ("webhook-signature", code)])
        };
        let verify = |code: &str, body: &str, now: i64| verifier.verify(&sent(code), body.as_bytes(), at(now));
        assert_eq!(verify(code, body, time), Ok(Identity::Once(id.to_owned())));
        // One of several, as while a secret is replaced; other versions are skipped.
        let several = format!("v1,{} v1a,AAAA {code}", "A".repeat(44));
        assert!(verify(&several, body, time + 299).is_ok());
        assert_eq!(verify(code, &body.replace('{', "{ "), time), Err(Refusal::Wrong));
        assert_eq!(verify(&code.replace("v1,", "v2,"), body, time), Err(Refusal::Wrong));
        assert_eq!(verify(code, body, time + 301), Err(Refusal::Time(at(time))));
        assert_eq!(verify(code, body, time - 301), Err(Refusal::Time(at(time))));
        let unsigned = headers(&[("webhook-id", id), ("webhook-timestamp", &time.to_string())]);
        assert_eq!(
            verifier.verify(&unsigned, body.as_bytes(), at(time)),
            Err(Refusal::Header("webhook-signature".to_owned()))
        );
        let mut twice = sent(code);
        twice.append("webhook-signature", HeaderValue::from_str(code).unwrap());
        assert!(verifier.verify(&twice, body.as_bytes(), at(time)).is_err());
    }
}

/// <https://documentation.bamboohr.com/docs/webhooks-2>: `hash_hmac('sha256', $payload . $timestamp, $privateKey)`.
#[test]
fn bamboohr_signs_the_body_and_the_time() {
    let key = "0123456789abcdef0123456789abcdef";
    let signed = vec![Part::Body, Part::Timestamp];
    let verifier = verifier(hmac(Hash::Sha256, "X-BambooHR-Signature", signed, Some("X-BambooHR-Timestamp")), key);
    let body = r#"{"employees":[{"id":"123","action":"Updated"}]}"#;
    // Computed with `printf '%s' BODY TIME | openssl dgst -sha256 -hmac KEY`.
    let code = "f00e5243cc9dfc51ff8c5ec8f501a744eb1913b8a8f84b78922ba85e3c680dc9";
    let sent = headers(&[("X-BambooHR-Signature", code), ("X-BambooHR-Timestamp", "1764345600")]);
    let Ok(Identity::Once(_)) = verifier.verify(&sent, body.as_bytes(), at(1_764_345_700)) else { panic!("refused") };
    assert_eq!(verifier.verify(&sent, body.as_bytes(), at(1_764_346_000)), Err(Refusal::Time(at(1_764_345_600))));
    let moved = headers(&[("X-BambooHR-Signature", code), ("X-BambooHR-Timestamp", "1764345999")]);
    assert_eq!(verifier.verify(&moved, body.as_bytes(), at(1_764_346_000)), Err(Refusal::Wrong));
}

/// <https://apidocs.hibob.com/docs/working-with-webhooks>: HMAC SHA512 of the body in base64, in `Bob-Signature`.
#[test]
fn hibob_signs_the_body_in_base64() {
    let verifier = verifier(hmac(Hash::Sha512, "Bob-Signature", vec![Part::Body], None), "bob-secret-bob-secret");
    let body = r#"{"companyId":1,"type":"employee.updated","employee":{"id":"2"}}"#;
    // Computed with `printf %s BODY | openssl dgst -sha512 -hmac KEY -binary | base64 -w0`.
    let code = "AS4johdmYRPMCu05Zh7iFvM6ZFV1maSNhpRpQ+CCfmerIPNFwVXD+MzFHUc1fuVlezsZzPP590BlN0BRU7jdlw==";
    let verify = |code: &str, body: &str| verifier.verify(&headers(&[("Bob-Signature", code)]), body.as_bytes(), at(0));
    let Ok(Identity::Content(_)) = verify(code, body) else { panic!("refused") };
    assert_eq!(verify(code, "{}"), Err(Refusal::Wrong));
    assert_eq!(verify("", body), Err(Refusal::Header("bob-signature".to_owned())));
}

/// The code is that of test case 1 of RFC 4231.
#[test]
fn codes_are_taken_in_hex_and_in_base64_with_and_without_their_name() {
    let key = "\u{b}".repeat(20);
    let verifier = verifier(hmac(Hash::Sha256, "X-Signature", vec![Part::Body], None), &key);
    let hex = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
    let base64 = "sDRMYdjbOFNcqK/OrwvxK4gdwgDJgz2nJuk3bC4yz/c=";
    for code in [
        hex.to_owned(),
        hex.to_uppercase(),
        format!("sha256={hex}"),
        format!("sha256 {hex}"),
        format!("SHA256={base64}"),
        base64.to_owned(),
        base64.trim_end_matches('=').to_owned(),
    ] {
        let verified = verifier.verify(&headers(&[("X-Signature", &code)]), b"Hi There", at(0));
        assert!(verified.is_ok(), "{code}");
    }
    for code in [&hex[..62], "sha512=", "sha256", "=", &base64[..40], &format!("sha512={hex}"), "ü"] {
        let Ok(value) = HeaderValue::from_str(code) else { continue };
        let verified = verifier.verify(
            &HeaderMap::from_iter([(HeaderName::from_static("x-signature"), value)]),
            b"Hi There",
            at(0),
        );
        assert!(verified.is_err(), "{code}");
    }
}

#[test]
fn a_bearer_token_is_the_secret_itself() {
    let verifier = verifier(Verification::Bearer, "a-token-of-the-sender");
    let verify = |value: &str| verifier.verify(&headers(&[("authorization", value)]), b"{}", at(0)).is_ok();
    assert!(verify("Bearer a-token-of-the-sender") && verify("bearer a-token-of-the-sender"));
    for wrong in ["Bearer a-token-of-the-sende", "a-token-of-the-sender", "Basic a-token-of-the-sender", "Bearer "] {
        assert!(!verify(wrong), "{wrong}");
    }
}

/// The example of <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks>, shortened.
#[test]
fn microsoft_graph_shows_the_client_state() {
    let verifier = verifier(Verification::MicrosoftGraph, "SecretClientState-1");
    let one = |state: &str| {
        format!(r#"{{"subscriptionId":"s","changeType":"updated","clientState":"{state}","resource":"users/1"}}"#)
    };
    let verify = |body: &str| verifier.verify(&HeaderMap::new(), body.as_bytes(), at(0));
    let good = one("SecretClientState-1");
    assert!(verify(&format!(r#"{{"value":[{good},{good}]}}"#)).is_ok());
    assert_eq!(verify(&format!(r#"{{"value":[{good},{}]}}"#, one("other"))), Err(Refusal::Wrong));
    assert_eq!(verify(r#"{"value":[{"resource":"users/1"}]}"#), Err(Refusal::Wrong));
    assert!(matches!(verify(r#"{"value":[]}"#), Err(Refusal::Body(_))));
    assert!(matches!(verify("[]"), Err(Refusal::Body(_))));
    assert!(verifier.shakes_hands());
}

#[test]
fn a_secret_that_can_be_guessed_is_refused_and_none_is_shown() {
    for (verification, secret) in
        [(Verification::Bearer, "s3cret"), (STANDARD, "whsec_c2VjcmV0"), (STANDARD, "whsec_!")]
    {
        let error = Verifier::new(verification, &SecretString::from(secret)).unwrap_err();
        assert!(!error.contains(secret), "{error}");
    }
    let shown = format!("{:?}", verifier(Verification::Bearer, "a-token-of-the-sender"));
    assert!(!shown.contains("a-token"), "{shown}");
}

#[test]
fn secrets_are_the_same_only_if_they_are() {
    assert!(same(b"token", b"token"));
    for (one, other) in [("token", "tokem"), ("token", "token\0"), ("", "\0"), ("token", "")] {
        assert!(!same(one.as_bytes(), other.as_bytes()), "{one} {other:?}");
    }
}
