//! What kind of place an address is.
//!
//! The tables follow the IANA special-purpose registries for IPv4 and IPv6. What is not known to be
//! an ordinary public unicast address is refused, so a block that the registries add later inside a
//! reserved range is refused already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address is, as far as the policy is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ordinary address of the internet.
    Public,
    /// This machine.
    Loopback,
    /// A network of one's own: RFC 1918, or a unique local IPv6 address.
    Private,
    /// Anything else that a message has no business at; the text says what it is.
    Special(&'static str),
}

const METADATA: Kind = Kind::Special("a cloud metadata address");

/// Addresses at which clouds hand out credentials, and which lie in ranges that are otherwise
/// allowed or can be. Those in 169.254.0.0/16 are refused as link-local already.
const METADATA_V4: [Ipv4Addr; 3] = [
    // Alibaba Cloud; in the shared (carrier-grade NAT) range.
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure's wire server; a public address that every virtual machine there can reach.
    Ipv4Addr::new(168, 63, 129, 16),
    // Oracle Cloud's older service.
    Ipv4Addr::new(192, 0, 0, 192),
];

/// As [`METADATA_V4`]: these lie in the unique local range, which `allow_private` opens.
const METADATA_V6: [Ipv6Addr; 4] = [
    // Amazon EC2: instance metadata, then DNS and time (fd00:ec2::/32 is theirs).
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    // Amazon EKS pod identity.
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
    // Google Compute Engine.
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
    // Scaleway.
    Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x0042),
];

/// Network, prefix length, kind. The first match decides; what matches nothing is public.
const V4: [(Ipv4Addr, u8, Kind); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, Kind::Special("an unspecified address")),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Kind::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Kind::Special("a shared (carrier-grade NAT) address")),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Kind::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Kind::Special("a link-local address")),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Kind::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Kind::Special("a protocol assignment")),
    (Ipv4Addr::new(192, 0, 2, 0), 24, Kind::Special("a documentation address")),
    (Ipv4Addr::new(192, 88, 99, 0), 24, Kind::Special("a 6to4 relay")),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Kind::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, Kind::Special("a benchmarking address")),
    (Ipv4Addr::new(198, 51, 100, 0), 24, Kind::Special("a documentation address")),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Kind::Special("a documentation address")),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Kind::Special("a multicast address")),
    // Reserved for future use, with the broadcast address at its end.
    (Ipv4Addr::new(240, 0, 0, 0), 4, Kind::Special("a reserved or broadcast address")),
];

/// As [`V4`], for what embeds no IPv4 address. What matches nothing is public only inside
/// 2000::/3, the one block that global unicast addresses are given from.
const V6: [(Ipv6Addr, u8, Kind); 9] = [
    (Ipv6Addr::UNSPECIFIED, 128, Kind::Special("an unspecified address")),
    (Ipv6Addr::LOCALHOST, 128, Kind::Loopback),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Kind::Private),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Kind::Special("a link-local address")),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Kind::Special("a multicast address")),
    // Teredo, ORCHID, benchmarking and other assignments: none of them serves bots.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Kind::Special("a protocol assignment")),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Kind::Special("a documentation address")),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Kind::Special("a documentation address")),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Kind::Public),
];

/// Says what kind of place `address` is.
pub(crate) fn kind(address: IpAddr) -> Kind {
    match plain(address) {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

/// The address as the operating system understands it: an IPv4-mapped IPv6 address is connected to
/// over IPv4, so it is that IPv4 address.
pub(crate) fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether `address` lies in the network that `network` and its first `bits` bits name.
pub(crate) fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => contains_v4(network, bits, address),
        (IpAddr::V6(network), IpAddr::V6(address)) => contains_v6(network, bits, address),
        _ => false,
    }
}

fn contains_v4(network: Ipv4Addr, bits: u8, address: Ipv4Addr) -> bool {
    let differing = network.to_bits() ^ address.to_bits();
    differing.leading_zeros() >= u32::from(bits)
}

fn contains_v6(network: Ipv6Addr, bits: u8, address: Ipv6Addr) -> bool {
    let differing = network.to_bits() ^ address.to_bits();
    differing.leading_zeros() >= u32::from(bits)
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    if METADATA_V4.contains(&address) {
        return METADATA;
    }
    V4.iter()
        .find(|(network, bits, _)| contains_v4(*network, *bits, address))
        .map_or(Kind::Public, |(_, _, kind)| *kind)
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if METADATA_V6.contains(&address) {
        return METADATA;
    }
    if let Some(embedded) = embedded(address) {
        return match kind_v4(embedded) {
            Kind::Public => Kind::Public,
            // Never opened by `allow_loopback` or `allow_private`: nobody who means a place of their
            // own spells it like this.
            _ => Kind::Special("an IPv6 spelling of an IPv4 address that is not public"),
        };
    }
    V6.iter()
        .find(|(network, bits, _)| contains_v6(*network, *bits, address))
        .map_or(Kind::Special("a reserved address"), |(_, _, kind)| *kind)
}

/// The IPv4 address that a router or the kernel may turn this one into: NAT64's well-known prefix
/// (RFC 6052) and 6to4 (RFC 3056). Other carriers (IPv4-compatible, Teredo, local NAT64 prefixes)
/// are refused altogether by the table.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (a, b) {
        (0x0064, 0xff9b) if [c, d, e, f] == [0; 4] => Some(v4(g, h)),
        (0x2002, _) => Some(v4(b, c)),
        _ => None,
    }
}
