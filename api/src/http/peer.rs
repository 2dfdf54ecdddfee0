//! Where a request comes from.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName},
};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Whom a proxy asks for, behind what it was told itself.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Replaces the address of a proxy that is believed by the one that it asks for.
pub(crate) async fn believe(State(proxies): State<Arc<[IpNet]>>, mut request: Request) -> Request {
    if let Some(Peer(connected)) = request.extensions().get::<Peer>().copied() {
        let peer = Peer(origin(&proxies, connected, request.headers()));
        request.extensions_mut().insert(peer);
    }
    request
}

/// Every proxy appends whom it was asked by, so that the list is read from its end, and no further than believed ones have
/// written it: anybody may have sent the rest.
fn origin(proxies: &[IpNet], connected: IpAddr, headers: &HeaderMap) -> IpAddr {
    let lines = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let believed = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let mut from = connected.to_canonical();
    for address in named.into_iter().rev() {
        match parse(address.trim()) {
            Some(address) if believed(from) => from = address.to_canonical(),
            _ => break,
        }
    }
    from
}

/// An address, which some proxies write with its port.
fn parse(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_the_last_one_that_a_believed_proxy_names() {
        let proxies: [IpNet; 2] = ["127.0.0.1/32", "10.0.0.0/8"].map(|network| network.parse().expect("a network"));
        let check = |connected: &str, lines: &[&'static str], expected: &str| {
            let lines = lines.iter().map(|line| (FORWARDED, line.parse().expect("a value")));
            let mut headers = HeaderMap::new();
            headers.extend(lines.map(|(name, value)| (Some(name), value)));
            let found = origin(&proxies, connected.parse().expect("an address"), &headers);
            assert_eq!(found, expected.parse::<IpAddr>().expect("an address"), "{connected} {headers:?}");
        };
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &["203.0.113.9"], "203.0.113.9");
        check("::ffff:127.0.0.1", &["203.0.113.9:4711"], "203.0.113.9");
        check("127.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1");
        check("192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        // What a client wrote there itself stands before what the proxy adds.
        check("127.0.0.1", &["1.2.3.4, 203.0.113.9"], "203.0.113.9");
        check("127.0.0.1", &["1.2.3.4", "203.0.113.9, 10.1.1.1"], "203.0.113.9");
        check("127.0.0.1", &["203.0.113.9, nonsense"], "127.0.0.1");
        check("127.0.0.1", &["10.1.1.1"], "10.1.1.1");
    }
}
