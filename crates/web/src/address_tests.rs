use super::*;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn trusted() -> Vec<Network> {
    ["10.0.0.0/8", "203.0.113.0/24", "2001:db8:ffff::/48"].map(|text| text.parse().unwrap()).into()
}

/// What is found behind the proxy 10.0.0.1, with that header configured.
fn found(header: &str, all: &[(&str, &str)]) -> String {
    let peer = Peer { address: Some("10.0.0.1:80".parse().unwrap()), tls: false };
    remote(Some(peer), &headers(all), (&trusted(), &header.parse().unwrap())).ip_address
}

const PROXY: &str = "10.0.0.1:80";

#[test]
fn only_a_trusted_proxy_reports_its_client() {
    let sent = headers(&[("x-forwarded-for", "198.51.100.1"), ("cf-ipcity", "Bern"), ("cf-ipcountry", "CH")]);
    let header = ClientIpHeader::default();
    let from = |address: &str, trusted: &[Network]| {
        remote(Some(Peer { address: Some(address.parse().unwrap()), tls: false }), &sent, (trusted, &header))
    };
    let direct = Remote { ip_address: "192.0.2.1:4711".into(), location: String::new() };
    assert_eq!(from("192.0.2.1:4711", &trusted()), direct);
    assert_eq!(from("192.0.2.1:4711", &[]), direct);
    let proxied = Remote { ip_address: "198.51.100.1".into(), location: "Bern, CH".into() };
    assert_eq!(from("10.9.9.9:1", &trusted()), proxied);
    assert_eq!(from("[::ffff:10.9.9.9]:1", &trusted()), proxied);
    assert_eq!(remote(Some(Peer::default()), &sent, (&[], &header)), proxied, "a unix socket");
    assert_eq!(remote(None, &sent, (&trusted(), &header)), Remote::default());
}

#[test]
fn x_forwarded_for_is_read_from_the_right() {
    for (lines, expected) in [
        (&["198.51.100.1"][..], "198.51.100.1"),
        (&["198.51.100.1:4711"], "198.51.100.1"),
        (&["198.51.100.1:_hidden"], "198.51.100.1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["[2001:db8::1]:443"], "2001:db8::1"),
        (&["\"[2001:db8::1]:443\""], "2001:db8::1"),
        (&["fe80::1%eth0"], "fe80::1"),
        (&["::ffff:198.51.100.1"], "198.51.100.1"),
        (&["  198.51.100.1\t"], "198.51.100.1"),
        // What a client sent stands on the left.
        (&["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        (&["1.1.1.1,198.51.100.1:80,203.0.113.7:1234, 10.1.1.1"], "198.51.100.1"),
        (&["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        (&["198.51.100.1", "10.1.1.1, 203.0.113.7", "[2001:db8:ffff::2]:80"], "198.51.100.1"),
        // A private address that is no proxy of ours is a client.
        (&["1.1.1.1, 192.168.1.1"], "192.168.1.1"),
        (&["1.1.1.1, 127.0.0.1"], "127.0.0.1"),
        (&["1.1.1.1, 192.168.1.1, 10.1.1.1"], "192.168.1.1"),
        // Empty members are none.
        (&["198.51.100.1,", ""], "198.51.100.1"),
        (&["1.1.1.1, , 198.51.100.1 ,,"], "198.51.100.1"),
        (&[""], PROXY),
        (&[", ,"], PROXY),
        // All of them are proxies: the farthest is the client.
        (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        // What is no address ends the walk.
        (&["unknown"], PROXY),
        (&["1.1.1.1, unknown"], PROXY),
        (&["1.1.1.1, unknown, 10.1.1.1"], "10.1.1.1"),
        (&["1.1.1.1, _hidden, 203.0.113.7"], "203.0.113.7"),
        (&["<script>"], PROXY),
        (&["1.1.1.1, 198.51.100.1.evil.example"], PROXY),
        (&["198.51.100.1:"], PROXY),
        (&["198.51.100.1:http"], PROXY),
        (&["[2001:db8::1"], PROXY),
        (&["[2001:db8::1]x"], PROXY),
        (&["[198.51.100.1]"], PROXY),
        (&["198.51.100.001"], PROXY),
        (&["198.51.100.1", "é"], PROXY),
    ] {
        let all: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        assert_eq!(found("X-Forwarded-For", &all), expected, "{lines:?}");
    }
    assert_eq!(found("X-Forwarded-For", &[]), PROXY);
}

#[test]
fn forwarded_is_read_as_rfc_7239_says() {
    for (lines, expected) in [
        (&["for=198.51.100.1"][..], "198.51.100.1"),
        (&["For=\"198.51.100.1:4711\""], "198.51.100.1"),
        (&["for=198.51.100.1:4711"], "198.51.100.1"),
        (&["for=\"[2001:db8::1]\""], "2001:db8::1"),
        (&["for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
        (&["for=\"[2001:db8::1]:_port\""], "2001:db8::1"),
        (&["for=\"\\[2001:db8::1\\]\""], "2001:db8::1"),
        (&["proto=https;by=203.0.113.43;for=198.51.100.1;host=\"a,b;for=c\""], "198.51.100.1"),
        (&["by=\"a\\\",for=1.1.1.1\" ; for=198.51.100.1 ; proto=http"], "198.51.100.1"),
        (&["for=1.1.1.1, for=198.51.100.1"], "198.51.100.1"),
        (&["for=1.1.1.1,for=198.51.100.1;proto=https, for=\"10.1.1.1:80\""], "198.51.100.1"),
        (&["for=1.1.1.1", "for=198.51.100.1", "for=203.0.113.7"], "198.51.100.1"),
        (&["for=198.51.100.1, ,", ""], "198.51.100.1"),
        (&["for=unknown"], PROXY),
        (&["for=1.1.1.1, for=unknown"], PROXY),
        (&["for=1.1.1.1, for=_gazonk"], PROXY),
        (&["for=1.1.1.1, for=\"_gazonk\", for=10.1.1.1"], "10.1.1.1"),
        (&["for=1.1.1.1, proto=https"], PROXY),
        (&["for=1.1.1.1, for"], PROXY),
        (&["for=1.1.1.1;for=198.51.100.1"], PROXY),
        (&["for=\"198.51.100.1"], PROXY),
        (&["for=\"198.51.100.1\"x"], PROXY),
        (&["198.51.100.1"], PROXY),
        // An open quote of the client's does not swallow what a proxy appends.
        (&["for=\"1.1.1.1, for=198.51.100.1"], "198.51.100.1"),
        (&["for=1.1.1.1;by=\"\\, for=198.51.100.1;proto=https"], "198.51.100.1"),
        (&["for=1.1.1.1;by=\"", "for=198.51.100.1;host=\"x\""], "198.51.100.1"),
    ] {
        let all: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        assert_eq!(found("Forwarded", &all), expected, "{lines:?}");
    }
}

#[test]
fn no_header_counts_but_the_configured_one() {
    const NAMES: [&str; 6] =
        ["X-Forwarded-For", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Real-IP", "X-Our-Client"];
    for configured in NAMES {
        let spoofed: Vec<_> = NAMES
            .iter()
            .filter(|name| **name != configured)
            .map(|name| (*name, if *name == "Forwarded" { "for=1.1.1.1" } else { "1.1.1.1" }))
            .collect();
        assert_eq!(found(configured, &spoofed), PROXY, "{configured}");
        let own = if configured == "Forwarded" { "for=198.51.100.1" } else { "198.51.100.1" };
        let all: Vec<_> = spoofed.iter().copied().chain([(configured, own)]).collect();
        assert_eq!(found(configured, &all), "198.51.100.1", "{configured}");
        assert_eq!(found(&configured.to_uppercase(), &all), "198.51.100.1", "{configured}");
    }
}

proptest! {
    #[test]
    fn a_client_cannot_choose_its_address(sent in "[ -~]{0,60}", forwarded in any::<bool>()) {
        let (header, appended) = if forwarded { ("Forwarded", "for=198.51.100.1") } else { ("X-Forwarded-For", "198.51.100.1") };
        prop_assert_eq!(found(header, &[(header, &format!("{sent}, {appended}"))]), "198.51.100.1");
        prop_assert_eq!(found(header, &[(header, &sent), (header, appended)]), "198.51.100.1");
    }
}
