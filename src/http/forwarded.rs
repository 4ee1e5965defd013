//! Where a request came from, as far as the proxies that are trusted vouch for it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::config::Network;

/// The client's address: the socket's or, behind proxies that are trusted, the last that they vouch for. Each adds whom it
/// was asked by to the end of `X-Forwarded-For`, so it is read from there, and no further than to the first that is not
/// trusted: what stands before that is what this one says of itself.
pub fn client_address<'a>(
    trusted: &[Network],
    socket: IpAddr,
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
) -> IpAddr {
    let mut address = socket.to_canonical();
    for line in lines.rev() {
        // What is no text is no address either, and ends the walk where it stands.
        let line = String::from_utf8_lossy(line);
        for hop in line.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty()) {
            if !trusted.iter().any(|network| network.holds(address)) {
                return address;
            }
            let Some(next) = address_of(hop) else { return address };
            address = next.to_canonical();
        }
    }
    address
}

/// The address of a hop, which some proxies write with a port, and those of IPv6 in brackets.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    hop.parse().ok().or_else(with_port).or_else(|| bracketed().map(Into::into))
}
