//! The client's address: the address of the peer, or the one that trusted proxies report.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use serde::Deserialize;

/// The networks of the trusted proxies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TrustedProxies(Vec<IpNet>);

impl TryFrom<String> for TrustedProxies {
    type Error = String;

    /// Parses networks and addresses, separated by commas.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let network = |part: &str| {
            let address = || part.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
            part.parse().or_else(|_| address()).map_err(|_| {
                format!("{part:?} is not a network such as 10.0.0.0/8 or 2001:db8::/32, nor an address")
            })
        };
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl TrustedProxies {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The header in which the proxies report their clients. Only one of the two is read: a proxy that writes one of them
/// passes the other on as its client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl ProxyHeader {
    fn name(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        })
    }

    /// Returns the address in the element that one proxy added; `None` if it names none (RFC 7239, section 6:
    /// `unknown`, `_name`).
    fn address(self, element: &str) -> Option<IpAddr> {
        let node = match self {
            Self::XForwardedFor => element,
            Self::Forwarded => element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            })?,
        };
        let node = node.trim().trim_matches('"');
        // 192.0.2.1, 192.0.2.1:80, [2001:db8::1], [2001:db8::1]:80, and 2001:db8::1, which some proxies write.
        let bracketed = || node.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
        let with_port = || node.parse::<SocketAddr>().ok().map(|node| node.ip());
        node.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
    }
}

/// Returns the address nearest to us that is not a trusted proxy's. The elements are read from the right: the owner of
/// an untrusted address may have made up everything to its left. If a proxy names no address, its own address stands
/// for its client's.
pub(crate) fn resolve(
    peer: IpAddr,
    proxies: &TrustedProxies,
    header: ProxyHeader,
    headers: &HeaderMap,
) -> IpAddr {
    let mut client = peer.to_canonical();
    let lines: Vec<&HeaderValue> = headers.get_all(header.name()).collect();
    // Split at commas from the right, even inside quotes: a client could leave a quote open.
    let mut elements = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    while proxies.contain(client) {
        match elements.next().and_then(|element| header.address(element)) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(networks: &str) -> TrustedProxies {
        TrustedProxies::try_from(networks.to_owned()).expect("networks")
    }

    fn resolved(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), HeaderValue::from_str(line).expect("a header"));
        }
        let proxies = trusted("10.0.0.0/8, 192.0.2.1, 2001:db8:f::/48");
        resolve(peer.parse().expect("an address"), &proxies, header, &headers).to_string()
    }

    fn forwarded_for(peer: &str, lines: &[&str]) -> String {
        resolved(ProxyHeader::XForwardedFor, peer, lines)
    }

    #[test]
    fn who_is_not_trusted_is_not_believed() {
        assert_eq!(forwarded_for("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_so_is_one_behind_it() {
        assert_eq!(forwarded_for("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(forwarded_for("10.0.0.1", &["198.51.100.1, 10.2.3.4", "192.0.2.1"]), "198.51.100.1");
        assert_eq!(forwarded_for("::ffff:10.0.0.1", &["2001:db8:f::5", "::ffff:10.0.0.2"]), "2001:db8:f::5");
    }

    #[test]
    fn what_a_client_made_up_is_passed_over() {
        assert_eq!(forwarded_for("10.0.0.1", &["1.1.1.1, 10.0.0.3, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(forwarded_for("10.0.0.1", &["\"1.1.1.1, 198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn a_proxy_that_names_no_address_stands_for_its_client() {
        assert_eq!(forwarded_for("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(forwarded_for("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(forwarded_for("10.0.0.1", &["198.51.100.1, , 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        for (element, address) in [
            ("198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(forwarded_for("10.0.0.1", &[element]), address);
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let forwarded = |line: &str| resolved(ProxyHeader::Forwarded, "10.0.0.1", &[line]);
        assert_eq!(forwarded("for=198.51.100.1;proto=http;by=10.0.0.1"), "198.51.100.1");
        assert_eq!(forwarded("proto=https; For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
        assert_eq!(forwarded("for=198.51.100.1, for=10.0.0.7"), "198.51.100.1");
        assert_eq!(forwarded("for=\"1.1.1.1, for=198.51.100.1"), "198.51.100.1");
        assert_eq!(forwarded("for=_hidden"), "10.0.0.1");
        assert_eq!(forwarded("for=unknown"), "10.0.0.1");
        assert_eq!(forwarded("by=198.51.100.1"), "10.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert_eq!(trusted(" "), TrustedProxies::default());
        let refused = TrustedProxies::try_from("10.0.0.0/8, proxy.example".to_owned());
        assert!(refused.is_err_and(|problem| problem.contains("proxy.example")));
    }
}
