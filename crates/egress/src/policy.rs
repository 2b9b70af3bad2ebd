//! Where a call may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::address::{self, Kind};
use crate::{Failure, Rule};

/// Where a call may go: to public addresses, and wherever it was told.
///
/// Asked twice: about the URL before the call, and about every address that its name resolves to,
/// just before connecting to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether this machine itself may be called (127.0.0.0/8 and ::1).
    pub allow_loopback: bool,
    /// Whether all networks of one's own may be called: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and
    /// fc00::/7, less the cloud metadata addresses in them. Shared, link-local and all other special
    /// addresses still need a rule.
    pub allow_private: bool,
    /// What else is allowed.
    pub allow: Vec<Rule>,
}

impl Policy {
    /// Judges a URL as far as that can be done without asking for the addresses of its name.
    pub(crate) fn admit(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("only http and https are spoken".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("a user name or password in a URL is not accepted".to_owned()));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        match url.host().ok_or(Failure::BadUrl)? {
            Host::Ipv4(address) => self.admit_address(address.into(), port),
            Host::Ipv6(address) => self.admit_address(address.into(), port),
            Host::Domain(name) => self.admit_name(name, port),
        }
    }

    /// Port zero cannot be connected to, so it is nobody's.
    fn admit_address(&self, address: IpAddr, port: u16) -> Result<(), Failure> {
        let by_rule =
            || self.allow.iter().any(|rule| rule.has_port(port) && rule.has_address(address));
        if self.opens(address::kind(address)) || by_rule() {
            return Ok(());
        }
        Err(refused(refusal(address)))
    }

    /// `localhost` and what is below it are this machine by definition (RFC 6761), so a mistake in a
    /// configuration shows before the first call. All other names have to be resolved.
    fn admit_name(&self, name: &str, port: u16) -> Result<(), Failure> {
        let bare = name.strip_suffix('.').unwrap_or(name);
        if bare.is_empty() {
            return Err(Failure::BadUrl);
        }
        let is_local = bare == "localhost" || bare.ends_with(".localhost");
        if !is_local || self.allow.iter().any(|rule| rule.has_port(port) && rule.is_name(name)) {
            return Ok(());
        }
        self.admit_address(Ipv6Addr::LOCALHOST.into(), port)
            .or_else(|_| self.admit_address(Ipv4Addr::LOCALHOST.into(), port))
    }

    /// What of the policy holds at one port, or at the ports that no rule names, with its rules freed
    /// of their ports: a resolver is told a name, and never a port.
    pub(crate) fn at_port(&self, port: Option<u16>) -> Self {
        let holds = |rule: &&Rule| match port {
            Some(port) => rule.has_port(port),
            None => rule.port().is_none(),
        };
        Self { allow: self.allow.iter().filter(holds).map(Rule::at_any_port).collect(), ..*self }
    }

    /// Whether a rule allows whatever this name resolves to, at any port.
    pub(crate) fn trusts_name(&self, name: &str) -> bool {
        self.allow.iter().any(|rule| rule.port().is_none() && rule.is_name(name))
    }

    /// Whether this resolved address may be connected to, at any port.
    pub(crate) fn allows_address(&self, address: IpAddr) -> bool {
        self.opens(address::kind(address))
            || self.allow.iter().any(|rule| rule.port().is_none() && rule.has_address(address))
    }

    fn opens(&self, kind: Kind) -> bool {
        match kind {
            Kind::Public => true,
            Kind::Loopback => self.allow_loopback,
            Kind::Private => self.allow_private,
            Kind::Special(_) => false,
        }
    }
}

/// Says why an address is refused, in words for who configured it.
pub(crate) fn refusal(address: IpAddr) -> String {
    let what = match address::kind(address) {
        Kind::Public => "a public address",
        Kind::Loopback => "this machine itself",
        Kind::Private => "a private address",
        Kind::Special(what) => what,
    };
    format!("{address} is {what}, which no rule allows")
}

fn refused(reason: String) -> Failure {
    Failure::NotAllowed { reason }
}

#[cfg(test)]
mod tests;
