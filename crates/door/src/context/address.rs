//! Who is at the other end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks, as settings list them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// The proxies whose `X-Forwarded-*` headers are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Networks);

/// A text that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address and no network such as 10.0.0.0/8")]
pub struct BadNetwork(String);

impl Networks {
    /// From addresses and networks: `10.0.0.0/8`, `::1`. A name of `known` stands for all of its own.
    ///
    /// # Errors
    /// When one of them is neither.
    pub fn parse<T: AsRef<str>>(list: &[T], known: &[(&str, &[&str])]) -> Result<Self, BadNetwork> {
        let parse = |text: &str| {
            let network = text.parse::<IpNet>();
            let network = network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| BadNetwork(text.to_owned()))
        };
        let mut networks = Vec::with_capacity(list.len());
        for text in list.iter().map(AsRef::as_ref) {
            match known.iter().find(|(name, _)| *name == text) {
                Some((_, all)) => {
                    for network in *all {
                        networks.push(parse(network)?);
                    }
                }
                None => networks.push(parse(text)?),
            }
        }
        Ok(Self(networks))
    }

    /// Whether the address is in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether somebody with this address may call. Where no networks are listed, anybody may.
    pub fn admit(&self, address: IpAddr) -> bool {
        self.0.is_empty() || self.contains(address)
    }
}

impl TrustedProxies {
    /// As of [`Networks::parse`].
    ///
    /// # Errors
    /// Those of [`Networks::parse`].
    pub fn parse<T: AsRef<str>>(networks: &[T]) -> Result<Self, BadNetwork> {
        Networks::parse(networks, &[]).map(Self)
    }

    /// Whether the address is a trusted proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(address)
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
    fn a_name_stands_for_networks_and_no_list_admits_anybody() {
        let known = [("here", &["127.0.0.1", "10.0.0.0/8"][..])];
        let (here, other) = ("10.1.2.3".parse().unwrap(), "203.0.113.9".parse().unwrap());
        let networks = Networks::parse(&["::1", "here"], &known).unwrap();
        assert!(networks.admit(here) && !networks.admit(other));
        assert!(Networks::parse(&["here"], &[]).is_err());
        let anybody = Networks::default();
        assert!(anybody.admit(other) && !anybody.contains(other));
    }

    #[test]
    fn a_network_that_is_none_is_named() {
        for bad in ["", "10.0.0.0/33", "localhost", "10.0.0.0/8,::1"] {
            assert_eq!(TrustedProxies::parse(&[bad]), Err(BadNetwork(bad.to_owned())));
        }
    }
}
