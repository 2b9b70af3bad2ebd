//! The server's address: what the URL says, and what it leaves open.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use crate::OpenError;

/// How long one host may take to answer, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// After how long a silent peer is asked whether it is there: hosts that lost their power say
/// nothing.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How much the server must prove about itself, as libpq's `sslmode` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// `disable`, `prefer`, `require`: whoever answers.
    Anyone,
    /// `verify-ca`, `verify-full`, or a file of authorities was given: who has a certificate for the
    /// host's name, by the system's authorities and those of this file.
    Certificate(Option<PathBuf>),
}

/// An address that can be connected to.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
}

impl Address {
    /// Reads a URL. `deadline` bounds for how long what was sent may stay unacknowledged.
    pub(crate) fn parse(url: &str, deadline: Duration) -> Result<Self, OpenError> {
        let (url, trust) = take_trust(url)?;
        let mut config: Config =
            url.parse().map_err(|error: tokio_postgres::Error| wrong(&error))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(OpenError::Address("it names no server".to_owned()));
        }
        if matches!(trust, Trust::Certificate(_)) {
            config.ssl_mode(SslMode::Require);
        }
        if config.get_application_name().is_none() {
            config.application_name("maru");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(deadline);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(KEEPALIVE));
        // A standby is of no use: what is read must be what was written last.
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(Self { config, trust })
    }
}

fn wrong(error: &tokio_postgres::Error) -> OpenError {
    use std::error::Error as _;
    OpenError::Address(error.source().map_or_else(|| error.to_string(), ToString::to_string))
}

/// Takes what tokio-postgres does not know out of the URL: the `verify-…` modes, and the file of
/// authorities.
fn take_trust(url: &str) -> Result<(String, Trust), OpenError> {
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), Trust::Anyone));
    };
    let (mut verify, mut roots, mut rest) = (false, None, Vec::new());
    for setting in query.split('&') {
        match setting.split_once('=') {
            Some(("sslmode", "verify-ca" | "verify-full")) => verify = true,
            Some(("sslrootcert", "system")) => verify = true,
            Some(("sslrootcert", path)) => roots = Some(PathBuf::from(decoded(path)?)),
            _ => rest.push(setting),
        }
    }
    let trust = match (verify, roots) {
        (false, None) => Trust::Anyone,
        (_, roots) => Trust::Certificate(roots),
    };
    let rest = rest.join("&");
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{rest}") };
    Ok((url, trust))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, OpenError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next()).zip(digit(rest.next()));
                let value = value.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                value.ok_or_else(|| OpenError::Address("a '%' without two digits".to_owned()))?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| OpenError::Address("no UTF-8 in sslrootcert".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Address {
        Address::parse(url, Duration::from_secs(10)).expect("a sound address")
    }

    #[test]
    fn several_hosts_may_be_named_and_the_one_that_takes_writes_is_wanted() {
        let address = parse("postgres://u:p%40ss@a:5433,b/maru?connect_timeout=7");
        assert_eq!(address.config.get_hosts().len(), 2);
        assert_eq!(address.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(address.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(
            (address.config.get_ssl_mode(), address.trust),
            (SslMode::Prefer, Trust::Anyone)
        );
    }

    #[test]
    fn certificates_are_checked_when_the_url_says_so() {
        let address = parse("postgres://a/maru?sslmode=verify-full&application_name=x");
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.trust, Trust::Certificate(None));
        assert_eq!(address.config.get_application_name(), Some("x"));
        let address = parse("postgres://a/maru?sslrootcert=%2Fca%20s.pem&sslmode=require");
        assert_eq!(address.trust, Trust::Certificate(Some("/ca s.pem".into())));
        assert_eq!(parse("postgres://a/maru?sslmode=disable").trust, Trust::Anyone);
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for url in
            ["postgres://u:secret@a/b?nonsense=1", "http://u:secret@a", "", "x?sslrootcert=%G"]
        {
            let error = Address::parse(url, Duration::ZERO).expect_err("wrong").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
