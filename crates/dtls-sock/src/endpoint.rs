//! `sock_udp_ep_t`: a UDP endpoint as RIOT writes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::errno::{Errno, Result};

/// An address family, open as it comes from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Family(pub u8);

impl Family {
    /// `AF_UNSPEC`.
    pub const UNSPEC: Self = Self(0);
    /// `AF_INET`.
    pub const INET: Self = Self(2);
    /// `AF_INET6`.
    pub const INET6: Self = Self(10);
}

/// A UDP endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UdpEp {
    /// The address family.
    pub family: Family,
    /// The address in network order; IPv4 stands in the first four bytes.
    pub addr: [u8; 16],
    /// The interface index, 0 for any: the scope of a link-local address.
    pub netif: u32,
    /// The port.
    pub port: u16,
}

impl UdpEp {
    /// `SOCK_IPV4_EP_ANY`.
    pub const IPV4_ANY: Self = Self { family: Family::INET, addr: [0; 16], netif: 0, port: 0 };
    /// `SOCK_IPV6_EP_ANY`: with it a sock is dual-stack.
    pub const IPV6_ANY: Self = Self { family: Family::INET6, addr: [0; 16], netif: 0, port: 0 };

    /// The endpoint as the system's sockets take it; an IPv4-mapped address becomes the IPv4 address it means.
    ///
    /// # Errors
    /// [`Errno::AfNoSupport`] unless the family is `AF_INET` or `AF_INET6`.
    pub fn to_socket_addr(&self) -> Result<SocketAddr> {
        match self.family {
            Family::INET => {
                let [a, b, c, d, ..] = self.addr;
                Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), self.port))
            }
            Family::INET6 => {
                let ip = Ipv6Addr::from(self.addr);
                let scope = if ip.is_unicast_link_local() { self.netif } else { 0 };
                Ok(canonical(SocketAddr::V6(SocketAddrV6::new(ip, self.port, 0, scope))))
            }
            _ => Err(Errno::AfNoSupport),
        }
    }

    /// The endpoint of a system's address; an IPv4-mapped one is shown as `AF_INET`.
    pub fn from_socket_addr(addr: SocketAddr) -> Self {
        let mut out = Self { port: addr.port(), ..Self::default() };
        match canonical(addr) {
            SocketAddr::V4(v4) => {
                out.family = Family::INET;
                out.addr[..4].copy_from_slice(&v4.ip().octets());
            }
            SocketAddr::V6(v6) => {
                out.family = Family::INET6;
                out.addr = v6.ip().octets();
                out.netif = v6.scope_id();
            }
        }
        out
    }
}

impl From<SocketAddr> for UdpEp {
    fn from(addr: SocketAddr) -> Self {
        Self::from_socket_addr(addr)
    }
}

/// One form for each peer: no IPv4-mapped addresses, no flow label, a scope only where it tells links apart.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(_) => addr,
        SocketAddr::V6(v6) => {
            if let Some(v4) = v6.ip().to_ipv4_mapped() {
                return SocketAddr::new(IpAddr::V4(v4), v6.port());
            }
            let scope = if v6.ip().is_unicast_link_local() { v6.scope_id() } else { 0 };
            SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, scope))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_back() {
        for text in ["127.0.0.1:5", "[::1]:20220", "[fe80::1%3]:7"] {
            let addr: SocketAddr = text.parse().unwrap();
            assert_eq!(UdpEp::from_socket_addr(addr).to_socket_addr(), Ok(addr));
        }
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_means() {
        let mapped = "[::ffff:127.0.0.1]:5".parse().unwrap();
        let ep = UdpEp::from_socket_addr(mapped);
        assert_eq!((ep.family, ep.to_socket_addr()), (Family::INET, Ok("127.0.0.1:5".parse().unwrap())));
        let spelled = UdpEp { addr: "::ffff:127.0.0.1".parse::<Ipv6Addr>().unwrap().octets(), ..UdpEp::IPV6_ANY };
        assert!(spelled.to_socket_addr().unwrap().is_ipv4());
    }

    #[test]
    fn the_interface_counts_for_link_local_addresses_only() {
        let global = UdpEp { addr: Ipv6Addr::LOCALHOST.octets(), netif: 9, ..UdpEp::IPV6_ANY };
        assert_eq!(UdpEp::from_socket_addr(global.to_socket_addr().unwrap()).netif, 0);
    }

    #[test]
    fn other_families_are_not_supported() {
        for family in [Family::UNSPEC, Family(99)] {
            assert_eq!(UdpEp { family, ..UdpEp::default() }.to_socket_addr(), Err(Errno::AfNoSupport));
        }
    }
}
