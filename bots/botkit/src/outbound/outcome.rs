//! What an attempt came to, by the hall's retry rules. Pure.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use maru_activity::Timestamp;
use maru_egress::Failure;
use maru_hall::Outcome;

/// What a status means. `None`: the server took it.
pub(super) fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) -> Option<Outcome> {
    let number = Some(status.as_u16());
    // The server's own words are not repeated: they may hold what people said.
    let cause = format!("the BotKit server answered {}", status.as_u16());
    Some(match status {
        status if status.is_success() => return None,
        StatusCode::UNAUTHORIZED => {
            let cause = format!(
                "{cause} (code 4002): app_id, secret, algorithm or authentication are not its own"
            );
            Outcome::Refused { cause, status: number }
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => {
            let cause = format!("a gateway answered {}", status.as_u16());
            Outcome::Unreachable { cause, status: number }
        }
        StatusCode::TOO_MANY_REQUESTS => Outcome::Later { after: retry_after(headers, now), cause },
        status if status.is_server_error() => Outcome::Failed { cause, status: number },
        status if status.is_redirection() => {
            let cause = format!("{cause}, a redirect, which is not followed");
            Outcome::Refused { cause, status: number }
        }
        _ => Outcome::Refused { cause, status: number },
    })
}

/// What a call without an answer means. What may have arrived is not blindly repeated.
pub(super) fn of_failure(failure: &Failure) -> Outcome {
    let cause = failure.to_string();
    match failure {
        Failure::Unreachable { .. } | Failure::Busy | Failure::TimedOut { sent: false } => {
            Outcome::Unreachable { cause, status: None }
        }
        // A connection that broke leaves the same doubt as one that kept silent.
        Failure::TimedOut { sent: true } | Failure::Broken { .. } => Outcome::TimedOut,
        Failure::NotAllowed { .. } | Failure::BadUrl => Outcome::Refused { cause, status: None },
        Failure::TooLarge { .. } => {
            Outcome::Refused { cause: format!("{cause}, may have been handled"), status: None }
        }
    }
}

/// `Retry-After` in either form of RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_secs(date.as_second()).since(now))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_status_has_its_outcome() {
        for (status, word) in [
            (200, None),
            (202, None),
            (301, Some("refused")),
            (400, Some("refused")),
            (401, Some("refused")),
            (404, Some("refused")),
            (413, Some("refused")),
            (429, Some("later")),
            (500, Some("failed")),
            (502, Some("unreachable")),
            (503, Some("unreachable")),
            (504, Some("failed")),
        ] {
            let code = StatusCode::from_u16(status).unwrap();
            let outcome = of_status(code, &HeaderMap::new(), Timestamp::from_secs(0));
            assert_eq!(outcome.as_ref().map(Outcome::word), word, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let after = |text| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, Timestamp::from_secs(784_111_777)).map(|after| after.as_secs())
        };
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!((after(""), after("soon"), after("-1")), (None, None, None));
    }

    #[test]
    fn only_what_cannot_have_arrived_is_tried_for_long() {
        let cause = || "x".to_owned();
        for (failure, word) in [
            (Failure::Unreachable { cause: cause() }, "unreachable"),
            (Failure::Busy, "unreachable"),
            (Failure::TimedOut { sent: false }, "unreachable"),
            (Failure::TimedOut { sent: true }, "timed_out"),
            (Failure::Broken { cause: cause() }, "timed_out"),
            (Failure::NotAllowed { reason: cause() }, "refused"),
            (Failure::BadUrl, "refused"),
            (Failure::TooLarge { limit: 1 }, "refused"),
        ] {
            assert_eq!(of_failure(&failure).word(), word);
        }
    }
}
