//! How calls stand, in the codes and phrases of SIP (RFC 3261 §21).

use maru_hall::{By, CallState, CallStatus, Party};

/// The phrase of a normal end, which is always this one (web-chat-desk.md §4.9).
pub(crate) const TERMINATED: &str = "Call terminated";

/// The phrase of a customer's link that broke and did not come back (§4.7).
pub(crate) const TRANSPORT_ERROR: &str = "Transport error";

/// The reason phrase of a code.
pub(crate) fn phrase(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        480 => "Temporarily Unavailable",
        486 => "Busy Here",
        487 => "Request Terminated",
        603 => "Decline",
        _ => "Service Unavailable",
    }
}

/// A status with the code's own phrase.
pub(crate) fn status(state: CallState, code: u16) -> CallStatus {
    CallStatus {
        state,
        code,
        message: phrase(code).into(),
        party: None,
        virtual_agent: None,
        by: None,
    }
}

/// A status about somebody.
pub(crate) fn about(state: CallState, party: Party) -> CallStatus {
    CallStatus { party: Some(party), ..status(state, 200) }
}

/// The end of a call.
pub(crate) fn end(code: u16, phrase: &str, by: By) -> CallStatus {
    let state = if code == 200 { CallState::Completed } else { CallState::Failed };
    CallStatus { message: phrase.into(), by: Some(by), ..status(state, code) }
}
