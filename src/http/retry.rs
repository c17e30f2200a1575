//! When to try again. Pure functions of the attempt, the server's wish, and a random number.

use std::time::{Duration, SystemTime};

/// The longest wait before the first repetition; it doubles with each one.
const BASE: Duration = Duration::from_millis(200);
/// The longest wait that this program chooses.
const CAP: Duration = Duration::from_secs(30);
/// The longest wait that a server can ask for; a longer wish counts as this one.
pub(super) const LONGEST_WISH: Duration = Duration::from_secs(5 * 60);

/// How long to wait after the given attempt (from 0): exponential with full jitter (`random` lies in 0..1), but no
/// shorter than the server wishes.
pub(super) fn delay(attempt: u32, wish: Option<Duration>, random: f64) -> Duration {
    let ceiling = BASE.saturating_mul(2_u32.saturating_pow(attempt)).min(CAP);
    ceiling.mul_f64(random.clamp(0.0, 1.0)).max(wish.unwrap_or_default())
}

/// Reads `Retry-After`: seconds, or an HTTP date. At most [`LONGEST_WISH`]; nothing for what is neither.
pub(super) fn wish(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let text = retry_after.trim();
    let wish = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_or(LONGEST_WISH, Duration::from_secs)
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wish.min(LONGEST_WISH))
}

#[cfg(test)]
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

    #[test]
    fn both_forms_of_retry_after() {
        let now = SystemTime::UNIX_EPOCH + 784_111_777 * SECOND;
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
            assert_eq!(wish(text, now), expected, "{text}");
        }
    }
}
