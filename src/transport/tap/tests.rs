//! Real handshakes, made in memory and told to the ears whole, byte by byte and damaged.

use openssl::ssl::{SslAcceptor, SslMethod, SslVersion};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// What went over the wire, in order: whether the client sent it, and what.
type Wire = Vec<(bool, Vec<u8>)>;

fn listen(wire: &Wire, piece: usize) -> Seen {
    let mut ears = Ears::default();
    for (sent, bytes) in wire {
        for part in bytes.chunks(piece) {
            if *sent { ears.sent(part) } else { ears.received(part) }
        }
    }
    ears.seen().clone()
}

fn acceptor(version: SslVersion, groups: &str) -> SslAcceptor {
    let made = rcgen::generate_simple_self_signed(vec!["mx.example.org".to_owned()]).unwrap();
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    let cert = openssl::x509::X509::from_der(made.cert.der()).unwrap();
    let key = openssl::pkey::PKey::private_key_from_der(made.signing_key.serialized_der()).unwrap();
    builder.set_certificate(&cert).unwrap();
    builder.set_private_key(&key).unwrap();
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder.set_groups_list(groups).unwrap();
    builder.build()
}

/// The server's side, which works with blocking streams, on a thread.
fn serve(version: SslVersion, groups: &'static str) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        let mut link = acceptor(version, groups).accept(tcp).unwrap();
        std::io::Write::write_all(&mut link, b"220 ready\r\n").unwrap();
        let _ = std::io::Read::read(&mut link, &mut [0]);
    });
    address
}

/// Copies both ways and keeps what it copied, until one side closes.
async fn relay(mut client: DuplexStream, mut server: tokio::net::TcpStream) -> Wire {
    let (mut wire, mut from_client, mut from_server) = (Wire::new(), vec![0; 9000], vec![0; 9000]);
    loop {
        let (sent, bytes) = tokio::select! {
            count = client.read(&mut from_client) => (true, from_client[..count.unwrap()].to_vec()),
            count = server.read(&mut from_server) => (false, from_server[..count.unwrap()].to_vec()),
        };
        if bytes.is_empty() {
            return wire;
        }
        let copied = if sent { server.write_all(&bytes).await } else { client.write_all(&bytes).await };
        copied.unwrap();
        wire.push((sent, bytes));
    }
}

/// A handshake over a tap: what the tap heard, and the wire.
async fn handshake(version: SslVersion, groups: &'static str) -> (Seen, Wire) {
    let server = tokio::net::TcpStream::connect(serve(version, groups)).await.unwrap();
    let (near, far) = duplex(100_000);
    let relaying = tokio::spawn(relay(far, server));
    let mut builder = native_tls::TlsConnector::builder();
    builder.danger_accept_invalid_certs(true).request_alpns(&["smtp", "x"]);
    let connector = tokio_native_tls::TlsConnector::from(builder.build().unwrap());
    let (tap, listener) = Tap::new(near);
    let mut link = connector.connect("mx.example.org", tap).await.unwrap();
    let mut greeting = [0; 11];
    link.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 ready\r\n");
    drop(link);
    (listener.seen(), relaying.await.unwrap())
}

#[tokio::test]
async fn tls_1_2_tells_everything() {
    let (seen, wire) = handshake(SslVersion::TLS1_2, "P-384").await;
    assert_eq!(seen.version, Some(ProtocolVersion::TLS_1_2));
    assert!(seen.cipher.as_deref().unwrap().starts_with("TLS_ECDHE_ECDSA_WITH_"), "{:?}", seen.cipher);
    assert_eq!(seen.group.as_deref(), Some("secp384r1"));
    assert_eq!(seen.sni.as_deref(), Some("mx.example.org"));
    assert_eq!(seen.offered_alpn, ["smtp", "x"]);
    assert_eq!(seen.offered_versions, [ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2]);
    assert_eq!(seen.chain.len(), 1);
    assert!(!seen.resumed && !seen.retried && seen.alert_received.is_none());
    assert_eq!(listen(&wire, 1), listen(&wire, usize::MAX));
    assert_eq!(listen(&wire, 1), Seen { closed: seen.closed, ..seen });
}

#[tokio::test]
async fn tls_1_3_hides_the_chain() {
    let (seen, wire) = handshake(SslVersion::TLS1_3, "X25519").await;
    assert_eq!(seen.version, Some(ProtocolVersion::TLS_1_3));
    assert!(seen.cipher.as_deref().unwrap().starts_with("TLS_AES_"), "{:?}", seen.cipher);
    assert_eq!(seen.group.as_deref(), Some("x25519"));
    assert!(seen.chain.is_empty() && !seen.retried);
    assert_eq!(listen(&wire, 1), Seen { closed: seen.closed, ..seen });
}

#[tokio::test]
async fn a_retried_hello_is_followed() {
    let (seen, wire) = handshake(SslVersion::TLS1_3, "P-521").await;
    assert!(seen.retried);
    assert_eq!(seen.group.as_deref(), Some("secp521r1"));
    assert_eq!(seen.version, Some(ProtocolVersion::TLS_1_3));
    assert_eq!(listen(&wire, 1), Seen { closed: seen.closed, ..seen });
}

#[test]
fn plaintext_is_known_from_its_first_bytes_and_bounded() {
    let mut ears = Ears::default();
    for byte in b"220 mx ESMTP\r\n" {
        ears.received(&[*byte]);
    }
    assert_eq!(ears.seen().not_tls.as_deref(), Some(&b"220 mx ESMTP\r\n"[..]));
    for _ in 0..1000 {
        ears.received(&[b'x'; 1000]);
    }
    assert_eq!(ears.seen().not_tls.as_ref().unwrap().len(), 512);
}

#[test]
fn alerts_are_heard_until_encryption_starts() {
    let mut ears = Ears::default();
    ears.received(&[21, 3, 3, 0, 2, 2, 40]);
    assert_eq!(ears.seen().alert_received, Some(Alert { fatal: true, code: 40 }));
    assert_eq!(ears.seen().alert_received.unwrap().to_string(), "handshake_failure (40)");
    ears.received(&[20, 3, 3, 0, 1, 1]);
    ears.received(&[21, 3, 3, 0, 2, 2, 70]);
    assert_eq!(ears.seen().alert_received.unwrap().code, 40, "what follows is ciphertext");
    ears.received(&[]);
    assert!(ears.seen().closed);
}

#[test]
fn an_endless_message_is_given_up() {
    let mut ears = Ears::default();
    // A Certificate of 16 MiB, in records of 16 KiB.
    ears.received(&[22, 3, 3, 0, 4, 11, 0xff, 0xff, 0xff]);
    for _ in 0..100 {
        ears.received(&[22, 3, 3, 0x40, 0]);
        ears.received(&[0; 0x4000]);
    }
    ears.sent(&[20, 3, 3, 0, 1, 1]);
    assert!(ears.over());
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20)) {
        let whole = listen(&parts, usize::MAX);
        prop_assert_eq!(whole.not_tls.clone().unwrap_or_default().len().min(512), whole.not_tls.unwrap_or_default().len());
    }

    #[test]
    fn arbitrary_messages_do_no_harm(parts in prop::collection::vec((any::<bool>(), 0u8..25, prop::collection::vec(any::<u8>(), 0..200)), 1..8)) {
        let wire: Wire = parts.into_iter().map(|(sent, kind, body)| {
            let length = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
            let header = [22, 3, 3, length[0], length[1], kind, 0, 0, u8::try_from(body.len()).unwrap()];
            (sent, [&header[..], &body].concat())
        }).collect();
        prop_assert_eq!(listen(&wire, 1), listen(&wire, usize::MAX));
    }
}
