//! What can go wrong with a call.

use std::error::Error;
use std::path::PathBuf;

use crate::resolve::Refused;

/// The most characters of a cause that are kept: part of it may be the other side's words.
const CAUSE_MAX: usize = 300;

/// Why a call has no answer. No variant holds a path, a query, a header or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The policy refuses the URL, or every address that its name resolves to. Nothing was sent.
    #[error("not allowed: {reason}")]
    NotAllowed {
        /// What is refused and why, for the operator.
        reason: String,
    },
    /// This is no URL with a host. Nothing was sent.
    #[error("the URL cannot be read")]
    BadUrl,
    /// No connection: the name did not resolve, nobody listens, TLS failed, or the connection closed
    /// before the request was given to it. The request cannot have reached the other side.
    #[error("cannot be reached: {cause}")]
    Unreachable {
        /// What the system said.
        cause: String,
    },
    /// As many calls to this host as are allowed were in flight until the deadline. Nothing was sent.
    #[error("too many calls to this host are in flight")]
    Busy,
    /// The deadline passed.
    #[error("timed out {}", if *.sent { "after the request was sent" } else { "before the request was sent" })]
    TimedOut {
        /// Whether the request had been given to a connection. If not, it cannot have arrived.
        sent: bool,
    },
    /// The connection failed, or what came over it is no HTTP, after the request was given to it.
    #[error("the connection broke: {cause}")]
    Broken {
        /// What the system said.
        cause: String,
    },
    /// The answer's body is longer than allowed. The request has arrived.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes that were allowed.
        limit: usize,
    },
}

impl Failure {
    /// Whether the other side may have received the request: repeating it may do its work twice.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::NotAllowed { .. } | Self::BadUrl | Self::Unreachable { .. } | Self::Busy => false,
            Self::TimedOut { sent } => *sent,
            Self::Broken { .. } | Self::TooLarge { .. } => true,
        }
    }

    /// The name of the variant, for a metric.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::NotAllowed { .. } => "not_allowed",
            Self::BadUrl => "bad_url",
            Self::Unreachable { .. } => "unreachable",
            Self::Busy => "busy",
            Self::TimedOut { .. } => "timed_out",
            Self::Broken { .. } => "broken",
            Self::TooLarge { .. } => "too_large",
        }
    }

    /// What an error before the answer's head means. `sent`: a connection has taken the request.
    pub(crate) fn of_send(error: &reqwest::Error, sent: bool) -> Self {
        if let Some(Refused { reason }) = sources(error).find_map(|source| source.downcast_ref()) {
            return Self::NotAllowed { reason: reason.clone() };
        }
        if error.is_builder() {
            return Self::BadUrl;
        }
        let cause = cause(error);
        if sent && !error.is_connect() {
            Self::Broken { cause }
        } else {
            Self::Unreachable { cause }
        }
    }

    /// What an error inside the answer's body means.
    pub(crate) fn of_body(error: &reqwest::Error) -> Self {
        Self::Broken { cause: cause(error) }
    }
}

fn sources(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&source| source.source())
}

/// What the sources of the error say. Not the error itself: its text holds the URL, and a path may
/// be a capability.
fn cause(error: &reqwest::Error) -> String {
    let mut text = String::new();
    for source in sources(error) {
        let said = source.to_string();
        // Some layers repeat the words of what they wrap.
        if !text.ends_with(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
    }
    if text.is_empty() {
        text.push_str("no cause was given");
    }
    if let Some((end, _)) = text.char_indices().nth(CAUSE_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Why an [`Egress`](crate::Egress) cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A file of extra certificate authorities cannot be read.
    #[error("cannot read certificate authorities from {}: {cause}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// TLS refuses its configuration.
    #[error("cannot configure TLS")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refuses its configuration.
    #[error("cannot make the HTTP client")]
    Client(#[from] reqwest::Error),
}
