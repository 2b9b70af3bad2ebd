//! Who is at the other end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-*` headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address and no network such as 10.0.0.0/8")]
pub struct BadNetwork(String);

impl TrustedProxies {
    /// From addresses and networks: `10.0.0.0/8`, `::1`.
    ///
    /// # Errors
    /// When one of them is neither.
    pub fn parse<T: AsRef<str>>(networks: &[T]) -> Result<Self, BadNetwork> {
        let parse = |text: &str| {
            let network = text.parse::<IpNet>();
            network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        };
        networks
            .iter()
            .map(|text| parse(text.as_ref()).map_err(|_| BadNetwork(text.as_ref().to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the address is a trusted proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whose request it is: the peer, or if that is a trusted proxy, the last address of
    /// `X-Forwarded-For` that is not one. Each proxy appends whom it sees, so everything before
    /// that address may be made up.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.contains(peer) {
            return client;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        for entry in lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(',')) {
            // What a trusted proxy did not write as an address ends what can be known.
            let Some(address) = parse_entry(entry.trim()) else { break };
            client = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// The peer's address as it is compared and shown. A Unix socket's is this machine.
pub(super) fn peer_ip(peer: Option<SocketAddr>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.ip().to_canonical())
}

/// An address, with a port (some proxies append it) or without.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let address = entry.parse::<IpAddr>().ok();
    let address = address.or_else(|| entry.parse::<SocketAddr>().ok().map(|a| a.ip()));
    let bare = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    address.or_else(bare).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let trusted = TrustedProxies::parse(&["10.0.0.0/8", "::1"]).unwrap();
        for (peer, lines, client) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6", "198.51.100.1, 10.2.2.2"], "198.51.100.1"),
            ("10.0.0.1", &["10.3.3.3,10.2.2.2"], "10.3.3.3"),
            ("10.0.0.1", &["6.6.6.6, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["6.6.6.6, nonsense, 10.2.2.2"], "10.2.2.2"),
            ("::1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("::1", &["2001:db8::1"], "2001:db8::1"),
            ("::1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            let peer = peer.parse().unwrap();
            assert_eq!(trusted.client(peer, &headers).to_string(), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_network_that_is_none_is_named() {
        for bad in ["", "10.0.0.0/33", "localhost", "10.0.0.0/8,::1"] {
            assert_eq!(TrustedProxies::parse(&[bad]), Err(BadNetwork(bad.to_owned())));
        }
    }
}
