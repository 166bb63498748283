//! Which internet addresses count as public. Everything that is not plainly a host on the open internet is refused.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that never hold a provider: private, shared, loopback, link-local, documentation, benchmarks, multicast, reserved.
const RESERVED_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Blocks inside the global unicast range of IPv6 that tunnel to other addresses or never hold a host.
const RESERVED_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Says whether the address is a host on the open internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(embedded) => is_public_v4(embedded),
            None => {
                // Only 2000::/3 is global unicast; that leaves out mapped, unique-local, link-local and multicast addresses.
                within_v6(address, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                    && !RESERVED_V6.iter().any(|&(block, bits)| within_v6(address, block, bits))
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !RESERVED_V4.iter().any(|&(block, bits)| {
        let mask = u32::MAX << (32 - bits);
        address.to_bits() & mask == block.to_bits()
    })
}

fn within_v6(address: Ipv6Addr, block: Ipv6Addr, bits: u32) -> bool {
    let mask = u128::MAX << (128 - bits);
    address.to_bits() & mask == block.to_bits()
}

/// The IPv4 host behind a NAT64 address: a network without IPv4 of its own reaches every provider this way.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    within_v6(address, Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96)
        .then(|| Ipv4Addr::from_bits((address.to_bits() & u128::from(u32::MAX)) as u32))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_public;

    /// S17, S18.
    #[rstest]
    #[case("0.0.0.0")]
    #[case("10.1.2.3")]
    #[case("100.64.0.1")]
    #[case("127.0.0.1")]
    #[case("127.9.9.9")]
    #[case("169.254.169.254")]
    #[case("172.16.0.1")]
    #[case("172.31.255.255")]
    #[case("192.168.1.1")]
    #[case("198.19.0.1")]
    #[case("224.0.0.1")]
    #[case("239.255.255.255")]
    #[case("240.0.0.1")]
    #[case("255.255.255.255")]
    #[case("::")]
    #[case("::1")]
    #[case("::127.0.0.1")]
    #[case("::ffff:127.0.0.1")]
    #[case("::ffff:8.8.8.8")]
    #[case("64:ff9b::10.0.0.1")]
    #[case("64:ff9b:1::1")]
    #[case("fc00::1")]
    #[case("fd12::1")]
    #[case("fe80::1")]
    #[case("ff02::1")]
    #[case("2001::1")]
    #[case("2001:db8::1")]
    #[case("2002:7f00:1::1")]
    fn an_inside_address_is_not_public(#[case] address: &str) {
        assert!(!is_public(address.parse().expect("an address")));
    }

    #[rstest]
    #[case("8.8.8.8")]
    #[case("100.63.255.255")]
    #[case("172.32.0.1")]
    #[case("2606:4700::1111")]
    #[case("64:ff9b::8.8.8.8")]
    fn an_outside_address_is_public(#[case] address: &str) {
        assert!(is_public(address.parse().expect("an address")));
    }
}
