//! Keeps requests to hosts that a vendor's answer names out of the operator's own network.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Resolves names to public addresses only. The connection uses the very addresses that were looked at, so that a name which
/// resolves to another address the next time (DNS rebinding) gains nothing.
#[derive(Clone, Copy, Debug)]
pub struct PublicResolver;

/// A name that has no public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vendor's answer names a host in a private network, which the worker does not connect to")]
pub struct PrivateHost;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = public_only(found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The public ones among the addresses of a name.
///
/// # Errors
/// [`PrivateHost`] if there are none.
fn public_only(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, PrivateHost> {
    let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
    if public.is_empty() { Err(PrivateHost) } else { Ok(public) }
}

/// Whether an address belongs to the public internet: none of this machine, of a private or link-local network, of a cloud's
/// metadata service, or reserved by the registries of RFC 6890.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !PRIVATE_V4.iter().any(|(network, bits)| is_within(address.to_bits().into(), network.to_bits().into(), 32 - bits))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let embedded =
        |shift: u32| is_public_v4(Ipv4Addr::from_bits(u32::try_from((bits >> shift) & 0xFFFF_FFFF).unwrap_or(0)));
    let is_in = |network: Ipv6Addr, length: u32| is_within(bits, network.to_bits(), 128 - length);
    if MAPPED_V4.iter().any(|network| is_in(*network, 96)) {
        embedded(0)
    } else if is_in(SIX_TO_FOUR, 16) {
        embedded(80)
    } else {
        is_in(GLOBAL_UNICAST, 3) && !PRIVATE_V6.iter().any(|(network, length)| is_in(*network, *length))
    }
}

/// Whether `address` and `network` are equal but for their last `free` bits.
fn is_within(address: u128, network: u128, free: u32) -> bool {
    address >> free == network >> free
}

/// Networks of IPv4, with the length of their prefix, that are not part of the public internet.
const PRIVATE_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared by carriers, and by some clouds for metadata (100.100.100.200).
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, with most clouds' metadata (169.254.169.254).
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Protocol assignments, documentation and 6to4 relays.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks and documentation.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, and reserved with broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The part of IPv6 that is public. Unique-local, link-local and multicast addresses are outside it.
const GLOBAL_UNICAST: Ipv6Addr = Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0);

/// Networks within it that are not: protocol assignments with Teredo, and documentation.
const PRIVATE_V6: [(Ipv6Addr, u32); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3FFF, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Networks whose last 32 bits are an address of IPv4: the form of IPv4 in IPv6, and a NAT64 gateway.
const MAPPED_V4: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0, 0, 0, 0, 0, 0xFFFF, 0, 0), Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, 0, 0)];

/// The network whose bits after the prefix are an address of IPv4.
const SIX_TO_FOUR: Ipv6Addr = Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        let private = [
            "0.0.0.0",
            "10.0.0.5",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.1.2.3",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:5",
            "64:ff9b:1::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_name_keeps_its_public_addresses_only() {
        let addresses = |ips: &[&str]| ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect::<Vec<_>>();
        let mixed = addresses(&["10.0.0.5", "8.8.8.8", "::1", "2606:4700::1111"]);
        assert_eq!(public_only(mixed.into_iter()), Ok(addresses(&["8.8.8.8", "2606:4700::1111"])));
        assert_eq!(public_only(addresses(&["127.0.0.1", "::1"]).into_iter()), Err(PrivateHost));
        assert_eq!(public_only(std::iter::empty()), Err(PrivateHost));
    }
}
