//! Addresses that are made to reach what they must not: no connection is made. Files that come: whole or refused.

use super::*;
use sha2::{Digest, Sha256};
use std::{
    cell::{Cell, RefCell},
    future::ready,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// An internet of names and of answers, which counts who connects to what.
#[derive(Default)]
struct Net {
    /// What each name resolves to.
    names: Vec<(&'static str, Vec<&'static str>)>,
    /// What each connection is answered with, one after the other.
    answers: RefCell<Vec<Vec<u8>>>,
    resolved: Cell<usize>,
    connected: RefCell<Vec<(SocketAddr, String)>>,
    /// What was asked for.
    asked: RefCell<Vec<tokio::task::JoinHandle<String>>>,
}

impl Net {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.resolved.set(self.resolved.get() + 1);
        let known = self.names.iter().find(|(name, _)| *name == host.trim_end_matches('.'));
        let (_, addresses) = known.ok_or_else(|| io::Error::other("no such name"))?;
        Ok(addresses.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), port)).collect())
    }

    fn connect(&self, address: SocketAddr, host: String) -> io::Result<DuplexStream> {
        self.connected.borrow_mut().push((address, host));
        let mut answers = self.answers.borrow_mut();
        if answers.is_empty() {
            return Err(io::Error::other("nobody is there"));
        }
        let answer = answers.remove(0);
        let (near, mut far) = duplex(1 << 16);
        self.asked.borrow_mut().push(tokio::spawn(async move {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(far.read_u8().await.expect("a request"));
            }
            // Who refuses an answer does not read it to its end.
            let _ = far.write_all(&answer).await;
            String::from_utf8(asked).expect("text")
        }));
        Ok(near)
    }

    async fn fetch(&self, address: &str) -> Result<String, ApiError> {
        let resolve = |host: String, port| ready(self.resolve(&host, port));
        let connect = |address, host| ready(self.connect(address, host));
        from(address, resolve, connect).await?.digest()
    }
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat()
}

/// Addresses of hosts as they stand in a URL, each of which leads to somewhere private or to nothing.
const HOSTS: [&str; 74] = [
    // Loopback, as written and as it can be written.
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0177.1",
    "127.0.0.1.",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "%31%32%37.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    // Private, shared, link local with the metadata of clouds, and other networks that are none of the public.
    "10.0.0.1",
    "10.1",
    "0xa000001",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.257",
    "3232235521",
    "100.64.0.1",
    "100.127.255.254",
    "169.254.169.254",
    "169.254.43518",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "169.254.170.2",
    "192.0.0.192",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    // Version 6.
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[ff02::1]",
    "[100::1]",
    "[5f00::1]",
    // Names of private networks, and one that is public in one of its two addresses.
    "metadata.internal",
    "half.example",
];

/// Whole addresses of other kinds.
const ADDRESSES: [&str; 17] = [
    "http://example.org/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/x",
    "data:,x",
    "unix:/x",
    "//example.org/",
    "/etc/passwd",
    "",
    "https://",
    "https:///",
    "https://user@example.org/",
    "https://example.org:password@127.0.0.1/",
    "https://example.org\\@127.0.0.1/",
    "https://127.0.0.1#@example.org/",
    "https://example.org:99999/",
    "https://[::1/",
];

fn internet() -> Net {
    let names = vec![
        ("example.org", vec!["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]),
        ("localhost", vec!["127.0.0.1", "::1"]),
        ("localhost.localdomain", vec!["127.0.0.1"]),
        ("metadata.internal", vec!["169.254.169.254"]),
        ("half.example", vec!["93.184.215.14", "10.0.0.7"]),
    ];
    Net { names, ..Net::default() }
}

#[tokio::test]
async fn nothing_private_is_ever_connected_to() {
    let net = internet();
    let mut tried = 0;
    for host in HOSTS {
        for tail in ["/", ":8443/x?y=z"] {
            let address = format!("https://{host}{tail}");
            let refused = net.fetch(&address).await;
            assert!(matches!(refused, Err(ApiError::Source(_))), "{address}: {refused:?}");
            tried += 1;
        }
    }
    for address in ADDRESSES {
        let refused = net.fetch(address).await;
        // A backslash is a slash in addresses of the web, and what follows `#` is not sent: whose host is public is tried.
        let public = address.starts_with("https://example.org\\");
        assert!(matches!(refused, Err(ApiError::Source(_))), "{address}: {refused:?}");
        assert_eq!(net.connected.take().len(), if public { 2 } else { 0 }, "{address}");
        tried += 1;
    }
    assert!(tried > 60 && net.connected.borrow().is_empty(), "{:?}", net.connected);
    eprintln!("{tried} addresses, {} hosts: 0 connections to what is not public", HOSTS.len());
}

#[tokio::test]
async fn redirects_are_checked_like_the_first_address() {
    for location in HOSTS.iter().map(|host| format!("https://{host}/")).chain([
        "http://example.org/".into(),
        "//127.0.0.1/".into(),
        "file:///etc/passwd".into(),
        "x".repeat(10_000),
    ]) {
        let net = internet();
        // Of what is no header the rest is told by the address that is asked next.
        let location = location.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("%{:X}", c as u32) });
        let location: String = location.collect();
        let head = format!("302 Found\r\nlocation: {location}");
        net.answers.replace(vec![answer(&head, b"")]);
        let refused = net.fetch("https://example.org/").await;
        assert!(matches!(refused, Err(ApiError::Source(_))), "{location}: {refused:?}");
        assert_eq!(net.connected.borrow().len(), 1, "{location}");
    }
    let net = internet();
    net.answers.replace((0..20).map(|_| answer("307 Temporary Redirect\r\nlocation: /again", b"")).collect());
    assert!(net.fetch("https://example.org/").await.is_err(), "a circle");
    assert_eq!(net.connected.borrow().len(), REDIRECTS + 1);
}

#[tokio::test]
async fn a_file_comes_from_the_address_that_was_checked() {
    let net = internet();
    let file = answer("200 OK\r\ncontent-length: 5", b"whole");
    net.answers.replace(vec![answer("301 Moved Permanently\r\nlocation: /file?key=1#part", b""), file]);
    assert_eq!(
        net.fetch("https://example.org:8443/first").await.expect("a file"),
        format!("{:x}", Sha256::digest("whole"))
    );
    let first = (SocketAddr::new("93.184.215.14".parse().expect("an address"), 8443), "example.org".to_owned());
    assert_eq!(net.connected.take(), [first.clone(), first]);
    assert_eq!(net.resolved.get(), 2, "once for each of the two");
    let mut asked = Vec::new();
    for task in net.asked.take() {
        asked.push(task.await.expect("a request").to_ascii_lowercase());
    }
    assert!(asked[1].starts_with("get /file?key=1 http/1.1\r\nhost: example.org:8443\r\n"), "{}", asked[1]);
    assert!(asked.iter().all(|asked| !asked.contains("cookie") && !asked.contains("authorization")), "{asked:?}");
}

#[tokio::test]
async fn what_is_no_whole_file_is_refused() {
    for (what, answer) in [
        ("no file", answer("404 Not Found\r\ncontent-length: 0", b"")),
        ("a part", answer("206 Partial Content\r\ncontent-length: 4", b"part")),
        ("half", answer("200 OK\r\ncontent-length: 9", b"half")),
        ("half of a chunk", answer("200 OK\r\ntransfer-encoding: chunked", b"ff\r\nhalf")),
        ("nothing", answer("200 OK\r\ncontent-length: 0", b"")),
        ("packed", answer("200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2", b"\x1f\x8b")),
        ("a terabyte", answer("200 OK\r\ncontent-length: 1099511627776", b"x")),
        ("no HTTP", b"SSH-2.0-OpenSSH\r\n".to_vec()),
        ("a header without end", [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; 1 << 20]].concat()),
        ("a redirect to nowhere", answer("302 Found", b"")),
    ] {
        let net = internet();
        net.answers.replace(vec![answer]);
        let refused = net.fetch("https://example.org/").await;
        assert!(matches!(refused, Err(ApiError::Source(_))), "{what}: {refused:?}");
    }
}
