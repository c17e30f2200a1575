//! When to try again. Pure functions of the attempt, the wait that the server asks for, and a random number.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// The longest wait before the first repetition; it doubles with each one.
const BASE: Duration = Duration::from_millis(200);
/// The longest wait that this program chooses.
const CAP: Duration = Duration::from_secs(30);
/// The longest wait that a server can ask for; a longer one is shortened to this.
pub(super) const LONGEST_WISH: Duration = Duration::from_secs(5 * 60);

/// How long to wait after the given attempt (from 0): exponential with full jitter (`random` is in 0..1), but not
/// shorter than the server asks for.
pub(super) fn delay(attempt: u32, wish: Option<Duration>, random: f64) -> Duration {
    let ceiling = BASE.saturating_mul(2_u32.saturating_pow(attempt)).min(CAP);
    ceiling.mul_f64(random.clamp(0.0, 1.0)).max(wish.unwrap_or_default())
}

/// How long the server asks the client to wait: by `Retry-After`, else by the headers of its rate limit. Many servers
/// send the latter with every answer, so they count only if the limit is the reason of the refusal: with 429, or if no
/// requests are left. At most [`LONGEST_WISH`].
pub(super) fn wish(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    // Of a header that comes twice, such as one of the server and one of a proxy, the longest wait counts.
    let of = |name: &str| headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim);
    let wish = of("retry-after").filter_map(|text| retry_after(text, now)).max();
    let is_used_up = || REMAINING.iter().any(|name| of(name).any(|text| text == "0"));
    let wish = wish.or_else(|| {
        let counts = status == StatusCode::TOO_MANY_REQUESTS || is_used_up();
        let resets = || RESETS.iter().find_map(|name| of(name).filter_map(|text| reset(text, now)).max());
        counts.then(|| resets().or_else(|| of("ratelimit").filter_map(reset_in_field).max()))?
    });
    Some(wish?.min(LONGEST_WISH))
}

/// The headers that say how many requests are left.
const REMAINING: [&str; 3] = ["ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining"];

/// The headers that say when a rate limit is reset. Only the first has a specification, an expired draft; GitHub, Okta,
/// Zendesk and many more use the others.
const RESETS: [&str; 4] = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset", "x-ratelimit-reset-after"];
/// A number of seconds from here on is a time since 1970: as a duration it would be 30 years.
const LEAST_EPOCH: f64 = 1e9;
/// A number from here on counts milliseconds since 1970.
const LEAST_EPOCH_MS: f64 = 1e12;

/// Seconds, or an HTTP date.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(LONGEST_WISH, Duration::from_secs));
    }
    Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default())
}

/// Seconds, perhaps with a fraction; seconds or milliseconds since 1970; or an HTTP date.
fn reset(text: &str, now: SystemTime) -> Option<Duration> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit());
    let Some(number) = text.parse::<f64>().ok().filter(|number| is_number && number.is_finite()) else {
        return retry_after(text, now);
    };
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let seconds = match number {
        LEAST_EPOCH_MS.. => number / 1_000.0 - since_epoch,
        LEAST_EPOCH.. => number - since_epoch,
        _ => number,
    };
    Some(Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_WISH.as_secs_f64())))
}

/// `RateLimit: limit=100, remaining=0, reset=30`, or `RateLimit: "hour";r=0;t=30` as the newer draft has it. Of several
/// policies the longest counts.
fn reset_in_field(text: &str) -> Option<Duration> {
    let resets = text.split([',', ';']).filter_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        let is_reset = name.eq_ignore_ascii_case("reset") || name.eq_ignore_ascii_case("t");
        is_reset.then(|| value.parse().ok().map(Duration::from_secs))?
    });
    resets.max()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_up_to_the_cap() {
        for (attempt, random, expected) in [
            (0, 1.0, Duration::from_millis(200)),
            (0, 0.5, Duration::from_millis(100)),
            (3, 1.0, Duration::from_millis(1600)),
            (3, 0.0, Duration::ZERO),
            (8, 1.0, CAP),
            (u32::MAX, 1.0, CAP),
        ] {
            assert_eq!(delay(attempt, None, random), expected, "{attempt} {random}");
        }
    }

    #[test]
    fn the_servers_wish_is_the_least() {
        assert_eq!(delay(0, Some(SECOND), 1.0), SECOND);
        assert_eq!(delay(3, Some(SECOND), 1.0), Duration::from_millis(1600));
        assert_eq!(delay(0, Some(LONGEST_WISH), 1.0), LONGEST_WISH);
    }

    /// 06 Nov 1994, 08:49:37 GMT.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 784_111_777 * SECOND
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn both_forms_of_retry_after() {
        for (text, expected) in [
            ("7", Some(7 * SECOND)),
            (" 0 ", Some(Duration::ZERO)),
            ("301", Some(LONGEST_WISH)),
            ("99999999999999999999999999", Some(LONGEST_WISH)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10 * SECOND)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(Duration::ZERO)),
            ("Sat, 06 Nov 2094 08:49:47 GMT", Some(LONGEST_WISH)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ] {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            assert_eq!(wish(status, &headers(&[("retry-after", text)]), now()), expected, "{text}");
        }
    }

    #[test]
    fn every_form_of_a_rate_limit() {
        // For these, the clock shows a time that has ten digits.
        let now = SystemTime::UNIX_EPOCH + 1_790_000_000 * SECOND;
        for (list, expected) in [
            (&[("X-RateLimit-Reset", "7")][..], Some(7 * SECOND)),
            (&[("X-RateLimit-Reset", "1790000012")], Some(12 * SECOND)),
            (&[("X-Rate-Limit-Reset", "1790000012")], Some(12 * SECOND)),
            (&[("X-Rate-Limit-Reset", "1790000012500")], Some(Duration::from_millis(12_500))),
            (&[("X-Rate-Limit-Reset", "1789999999")], Some(Duration::ZERO)),
            (&[("X-Rate-Limit-Reset", "1790009999")], Some(LONGEST_WISH)),
            (&[("X-RateLimit-Reset-After", "1.5")], Some(Duration::from_millis(1_500))),
            (&[("RateLimit-Reset", "30"), ("RateLimit-Remaining", "0")], Some(30 * SECOND)),
            (&[("RateLimit", "limit=100, remaining=0, reset=50")], Some(50 * SECOND)),
            (&[("RateLimit", "\"second\";r=0;t=1, \"hour\";r=0;t=90")], Some(90 * SECOND)),
            (&[("RateLimit", "\"t=9\"")], None),
            (&[("X-RateLimit-Reset", "nan")], None),
            (&[("X-RateLimit-Reset", "inf")], None),
            (&[("X-RateLimit-Reset", "-5")], None),
            (&[("X-RateLimit-Reset", "later"), ("RateLimit", "reset=4")], Some(4 * SECOND)),
            (&[("X-RateLimit-Reset", "99999999999999999999999")], Some(LONGEST_WISH)),
            (&[("Retry-After", "3"), ("X-RateLimit-Reset", "1790000100")], Some(3 * SECOND)),
            (&[("Retry-After", "soon"), ("X-RateLimit-Reset", "5")], Some(5 * SECOND)),
            (&[("X-RateLimit-Remaining", "0")], None),
            // Said twice, the longest wait counts.
            (&[("Retry-After", "3"), ("Retry-After", "9"), ("Retry-After", "soon")], Some(9 * SECOND)),
            (&[("X-RateLimit-Reset", "3"), ("X-RateLimit-Reset", "1790000100")], Some(100 * SECOND)),
        ] {
            assert_eq!(wish(StatusCode::TOO_MANY_REQUESTS, &headers(list), now), expected, "{list:?}");
        }
        // Servers send it with every answer, so it is no reason to wait after another kind of error.
        let failed = StatusCode::INTERNAL_SERVER_ERROR;
        let reset = ("X-RateLimit-Reset", "60");
        assert_eq!(wish(failed, &headers(&[reset, ("X-RateLimit-Remaining", "10")]), now), None);
        assert_eq!(wish(failed, &headers(&[reset, ("X-RateLimit-Remaining", "0")]), now), Some(60 * SECOND));
    }
}
