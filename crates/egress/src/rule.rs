//! A line of the allow list.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::Host;

use crate::address;

/// Opens one place that the policy would refuse.
///
/// Written as a host name (`bot.corp.example`), every name below a suffix (`*.corp.example`, which
/// is not `corp.example` itself), an address (`10.1.2.3`, `fd00::1`) or a network (`10.0.0.0/8`,
/// `fd00::/8`). Each may end in `:port`; IPv6 then needs brackets (`[fd00::1]:8080`,
/// `[fd00::/8]:8080`). A rule by name allows whatever addresses that name resolves to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    place: Place,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// In lower case and ASCII, without a dot at the end, as the `url` crate writes it.
    Name(Box<str>),
    /// The same, without its `*`, with its first dot: `.corp.example`.
    Below(Box<str>),
    /// The bits of the address beyond the first `bits` are zero.
    Network { address: IpAddr, bits: u8 },
}

impl Rule {
    /// The only port that the rule opens; without one it opens them all.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
    }

    /// The same place at any port: for who has looked at the port already.
    pub(crate) fn at_any_port(&self) -> Self {
        Self { place: self.place.clone(), port: None }
    }

    /// Whether the rule is about this host name, as the `url` crate writes it.
    pub(crate) fn is_name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        match &self.place {
            Place::Name(mine) => name.eq_ignore_ascii_case(mine),
            Place::Below(suffix) => {
                // Compared as bytes: a cut inside a character of a strange name must not panic.
                let (name, suffix) = (name.as_bytes(), suffix.as_bytes());
                name.len() > suffix.len()
                    && name[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
            }
            Place::Network { .. } => false,
        }
    }

    /// Whether the rule is about this address.
    pub(crate) fn has_address(&self, given: IpAddr) -> bool {
        match self.place {
            Place::Network { address, bits } => {
                address::contains(address, bits, address::plain(given))
            }
            Place::Name(_) | Place::Below(_) => false,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brackets = self.port.is_some();
        match &self.place {
            Place::Name(name) => write!(f, "{name}")?,
            Place::Below(suffix) => write!(f, "*{suffix}")?,
            Place::Network { address: IpAddr::V6(address), bits: 128 } if brackets => {
                write!(f, "[{address}]")?;
            }
            Place::Network { address: IpAddr::V6(address), bits } if brackets => {
                write!(f, "[{address}/{bits}]")?;
            }
            Place::Network { address, bits } if *bits == width(*address) => {
                write!(f, "{address}")?;
            }
            Place::Network { address, bits } => write!(f, "{address}/{bits}")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Why a text is no [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRule {
    /// Nothing, or nothing before the port.
    #[error("a rule names a host, an address or a network, and this one names nothing")]
    Empty,
    /// It has a scheme or a path.
    #[error("`{text}` is a URL: a rule is only its host, and its port if need be")]
    Url {
        /// What was written.
        text: String,
    },
    /// The port is no number from 1 to 65535.
    #[error("`{port}` is no port: a number from 1 to 65535 is")]
    Port {
        /// What was written.
        port: String,
    },
    /// A star that does not stand for all the labels in front.
    #[error("`{text}`: a star stands at the front only, and before a dot, as in `*.corp.example`")]
    Star {
        /// What was written.
        text: String,
    },
    /// Brackets that hold no IPv6 address, or do not close.
    #[error("`{text}`: brackets hold an IPv6 address or network, as in `[fd00::1]:8080`")]
    Brackets {
        /// What was written.
        text: String,
    },
    /// What is before the slash is no address, or what is behind it no length of a prefix.
    #[error("`{text}` is no network: write an address and its bits, as in `10.0.0.0/8`")]
    Network {
        /// What was written.
        text: String,
    },
    /// An address inside the network where the network itself is wanted.
    #[error("`{text}` has bits beyond its prefix: did you mean `{meant}`?")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that it lies in.
        meant: Rule,
    },
    /// Neither a host name nor an address in its usual form.
    #[error("`{text}` is neither a host name nor an address in its usual form")]
    Host {
        /// What was written.
        text: String,
    },
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let text = text.trim();
        if text.contains("://") {
            return Err(BadRule::Url { text: text.to_owned() });
        }
        let (host, port) = split_port(text)?;
        let port = port.map(parse_port).transpose()?;
        let place = match host {
            "" => return Err(BadRule::Empty),
            host if host.contains('/') => parse_network(host)?,
            host if host.contains('*') => parse_below(host)?,
            host => parse_host(host)?,
        };
        Ok(Self { place, port })
    }
}

/// Takes `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address apart.
fn split_port(text: &str) -> Result<(&str, Option<&str>), BadRule> {
    let bad = || BadRule::Brackets { text: text.to_owned() };
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']').ok_or_else(bad)?;
        let address = inside.split_once('/').map_or(inside, |(address, _)| address);
        address.parse::<Ipv6Addr>().map_err(|_| bad())?;
        return match behind {
            "" => Ok((inside, None)),
            _ => Ok((inside, Some(behind.strip_prefix(':').ok_or_else(bad)?))),
        };
    }
    match text.split_once(':') {
        // Two colons: an IPv6 address, which has no port without brackets.
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, BadRule> {
    match text.parse() {
        Ok(port) if port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
        _ => Err(BadRule::Port { port: text.to_owned() }),
    }
}

fn parse_network(text: &str) -> Result<Place, BadRule> {
    let bad = || BadRule::Network { text: text.to_owned() };
    let (address, bits) = text.split_once('/').ok_or_else(bad)?;
    let Ok(given) = address.parse::<IpAddr>() else {
        // A path is the likelier mistake behind a name.
        return Err(match address.parse::<Ipv4Addr>().is_err() && !address.contains(':') {
            true if address.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
                BadRule::Url { text: text.to_owned() }
            }
            _ => bad(),
        });
    };
    let bits: u8 = bits.parse().map_err(|_| bad())?;
    if bits > width(given) {
        return Err(bad());
    }
    let address = masked(given, bits);
    let place = Place::Network { address, bits };
    if address == given {
        Ok(place)
    } else {
        let meant = Rule { place, port: None };
        Err(BadRule::HostBits { text: text.to_owned(), meant })
    }
}

fn parse_below(text: &str) -> Result<Place, BadRule> {
    let bad = || BadRule::Star { text: text.to_owned() };
    let suffix = text.strip_prefix("*.").ok_or_else(bad)?;
    if suffix.contains('*') {
        return Err(bad());
    }
    match parse_host(suffix)? {
        Place::Name(name) => Ok(Place::Below(format!(".{name}").into())),
        Place::Below(_) | Place::Network { .. } => Err(bad()),
    }
}

fn parse_host(text: &str) -> Result<Place, BadRule> {
    if let Ok(address) = text.parse::<IpAddr>() {
        // An IPv4-mapped address is connected to as IPv4, so that is what will be compared.
        let address = address::plain(address);
        return Ok(Place::Network { address, bits: width(address) });
    }
    match Host::parse(text) {
        Ok(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            if name.is_empty() || name.split('.').any(str::is_empty) {
                return Err(BadRule::Host { text: text.to_owned() });
            }
            Ok(Place::Name(name.into()))
        }
        // `127.1`, `0x7f000001`: whoever writes a rule should see what it opens.
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => Err(BadRule::Host { text: text.to_owned() }),
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first `bits` bits of `address`, then zeros.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_as_it_is_shown() {
        let cases = [
            ("Bot.Corp.Example", "bot.corp.example"),
            ("bot.corp.example.", "bot.corp.example"),
            (" bot.corp.example:3978 ", "bot.corp.example:3978"),
            ("봇.example", "xn--7n3b.example"),
            ("*.corp.example", "*.corp.example"),
            ("*.corp.example:443", "*.corp.example:443"),
            ("localhost", "localhost"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3:8080", "10.1.2.3:8080"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/8:8080", "10.0.0.0/8:8080"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[::1]:8080", "[::1]:8080"),
            ("fd00::/8", "fd00::/8"),
            ("[fd00::/8]:8080", "[fd00::/8]:8080"),
            ("::/0", "::/0"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
        ];
        for (text, shown) in cases {
            let rule: Rule = text.parse().unwrap_or_else(|bad| panic!("{text}: {bad}"));
            assert_eq!(rule.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(rule), "{shown}");
        }
    }

    #[test]
    fn a_bad_rule_is_told_what_is_wrong_with_it() {
        let cases = [
            ("", "names nothing"),
            (":80", "names nothing"),
            ("https://bot.example", "is a URL"),
            ("bot.example/api", "is a URL"),
            ("bot.example:0", "`0` is no port"),
            ("bot.example:65536", "`65536` is no port"),
            ("bot.example:+80", "`+80` is no port"),
            ("bot.example:", "`` is no port"),
            ("*", "a star"),
            ("a.*.example", "a star"),
            ("*bot.example", "a star"),
            ("*.*.example", "a star"),
            ("*.10.0.0.1", "a star"),
            ("[::1", "brackets"),
            ("[bot.example]:80", "brackets"),
            ("[::1]80", "brackets"),
            ("10.0.0.0/33", "no network"),
            ("10.0.0/8", "no network"),
            ("10.0.0.1/8", "did you mean `10.0.0.0/8`"),
            ("fd00::1/8", "did you mean `fd00::/8`"),
            ("127.1", "usual form"),
            ("2130706433", "usual form"),
            ("a..b", "usual form"),
            ("a b", "usual form"),
        ];
        for (text, part) in cases {
            match text.parse::<Rule>() {
                Ok(rule) => panic!("{text} was read as {rule}"),
                Err(bad) => assert!(bad.to_string().contains(part), "{text}: {bad}"),
            }
        }
    }

    #[test]
    fn a_suffix_is_not_its_own_name_and_not_a_longer_word() {
        let rule: Rule = "*.corp.example".parse().unwrap();
        for name in ["a.corp.example", "a.b.corp.example", "A.Corp.Example."] {
            assert!(rule.is_name(name), "{name}");
        }
        for name in ["corp.example", "evilcorp.example", "corp.example.evil.test", ".corp.example"]
        {
            assert!(!rule.is_name(name), "{name}");
        }
    }
}
