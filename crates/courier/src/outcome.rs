//! What an attempt came to, by the retry rules (design: "Retry rules"). Pure.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use maru_activity::Timestamp;
use maru_egress::{Answer, Failure};
use maru_hall::Outcome;

/// By how much a call's deadline is before the hall's own, so that the call's more exact word on what
/// happened is heard.
const MARGIN_MAX: Duration = Duration::from_millis(250);

/// How long a call may take, of what the hall gives an attempt.
pub fn deadline(budget: Duration) -> Duration {
    budget.saturating_sub(MARGIN_MAX.min(budget / 10))
}

/// What a call came to: the answer, if that is a 2xx. `who` was called, as causes name them: `the bot`.
///
/// # Errors
/// What the attempt came to otherwise.
pub fn answer(
    called: Result<Answer, Failure>,
    who: &str,
    now: impl FnOnce() -> Timestamp,
) -> Result<Answer, Outcome> {
    let answer = called.map_err(|failure| of_failure(&failure))?;
    match of_status(answer.status, &answer.headers, who, now) {
        Some(failed) => Err(failed),
        None => Ok(answer),
    }
}

/// What a status means. `None`: it was taken.
fn of_status(
    status: StatusCode,
    headers: &HeaderMap,
    who: &str,
    now: impl FnOnce() -> Timestamp,
) -> Option<Outcome> {
    let number = Some(status.as_u16());
    // Their own words are not repeated: they may hold what people said.
    let cause = format!("{who} answered {}", status.as_u16());
    Some(match status {
        // 200 (JavaScript), 201 (Python) and 202 (Agents for Python) all mean "taken".
        status if status.is_success() => return None,
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
fn of_failure(failure: &Failure) -> Outcome {
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
fn retry_after(headers: &HeaderMap, now: impl FnOnce() -> Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_secs(date.as_second()).since(now()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(784_111_777);

    fn of(status: u16, retry_after: Option<&'static str>) -> Option<Outcome> {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
        }
        of_status(StatusCode::from_u16(status).unwrap(), &headers, "the bot", || NOW)
    }

    #[test]
    fn every_status_has_its_outcome() {
        for status in [200, 201, 202, 204, 299] {
            assert!(of(status, None).is_none(), "{status}");
        }
        for (status, word) in [
            (301, "refused"),
            (307, "refused"),
            (400, "refused"),
            (401, "refused"),
            (404, "refused"),
            (415, "refused"),
            (429, "later"),
            (500, "failed"),
            (501, "failed"),
            (502, "unreachable"),
            (503, "unreachable"),
            (504, "failed"),
            (599, "failed"),
        ] {
            let outcome = of(status, None).unwrap();
            assert_eq!((outcome.word(), outcome.status()), (word, Some(status)), "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let after = |text| match of(429, text) {
            Some(Outcome::Later { after, .. }) => after.map(|after| after.as_secs()),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(after(Some("120")), Some(120));
        assert_eq!(after(Some("99999999999999999999999")), Some(u64::MAX));
        assert_eq!(after(Some("Sun, 06 Nov 1994 08:50:37 GMT")), Some(60));
        assert_eq!(after(Some("Sun, 06 Nov 1994 08:00:00 GMT")), Some(0));
        for none in [None, Some(""), Some("-1"), Some("soon"), Some("1.5")] {
            assert_eq!(after(none), None, "{none:?}");
        }
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
            let may_have_arrived = failure.may_have_arrived();
            let outcome = of_failure(&failure);
            assert_eq!(outcome.word(), word);
            assert!(!(may_have_arrived && word == "unreachable"));
        }
    }
}
