//! A certification authority made on the fly, and TLS servers with its certificates.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;

use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod, SslVersion};
use openssl::x509::{X509, X509Crl};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DistinguishedName,
    DnType, IsCa, Issuer, KeyIdMethod, KeyPair, RevocationReason, RevokedCertParams, SerialNumber,
};

/// The name that the certificates are for.
pub const NAME: &str = "mx.example.org";

/// An authority: a root, and an intermediate that signs.
pub struct Pki {
    pub root_pem: String,
    pub intermediate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Leaf {
    pub der: Vec<u8>,
    pub key: KeyPair,
}

impl Pki {
    pub fn new() -> Pki {
        Pki::named("Test")
    }

    pub fn named(name: &str) -> Pki {
        let (root_params, root_key) = (authority(&format!("{name} Root")), KeyPair::generate().unwrap());
        let root_pem = root_params.self_signed(&root_key).unwrap().pem();
        let root = Issuer::new(root_params, root_key);
        Pki::below(root_pem, &root, authority(&format!("{name} Intermediate")))
    }

    /// An authority whose intermediate has been out of date for long.
    pub fn with_expired_intermediate() -> Pki {
        let (root_params, root_key) = (authority("Test Root"), KeyPair::generate().unwrap());
        let root_pem = root_params.self_signed(&root_key).unwrap().pem();
        let mut params = authority("Old Intermediate");
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        Pki::below(root_pem, &Issuer::new(root_params, root_key), params)
    }

    fn below(root_pem: String, root: &Issuer<'static, KeyPair>, params: CertificateParams) -> Pki {
        let key = KeyPair::generate().unwrap();
        let intermediate = params.signed_by(&key, root).unwrap().der().to_vec();
        Pki { root_pem, intermediate, issuer: Issuer::new(params, key) }
    }

    /// A certificate for `names`, changed before it is signed.
    pub fn leaf(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let (params, key) = (params(names, change), KeyPair::generate().unwrap());
        Leaf { der: params.signed_by(&key, &self.issuer).unwrap().der().to_vec(), key }
    }

    /// The root in a file, as `--ca` wants it.
    pub fn ca_file(&self) -> tempfile::NamedTempFile {
        file(self.root_pem.as_bytes())
    }

    /// A revocation list of the intermediate, in DER, with these serial numbers; changed before it is signed.
    pub fn crl(&self, serials: &[u8], change: impl FnOnce(&mut CertificateRevocationListParams)) -> Vec<u8> {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial]),
            revocation_time: rcgen::date_time_ymd(2025, 3, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let mut params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2025, 3, 2),
            next_update: rcgen::date_time_ymd(2060, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        change(&mut params);
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// The same in PEM.
    pub fn crl_pem(
        &self,
        serials: &[u8],
        change: impl FnOnce(&mut CertificateRevocationListParams),
    ) -> String {
        let der = self.crl(serials, change);
        String::from_utf8(X509Crl::from_der(&der).unwrap().to_pem().unwrap()).unwrap()
    }

    /// What a well-kept server sends: its certificate and the intermediate.
    pub fn chain(&self, leaf: &Leaf) -> Vec<Vec<u8>> {
        vec![leaf.der.clone(), self.intermediate.clone()]
    }
}

impl Leaf {
    pub fn self_signed(names: &[&str]) -> Leaf {
        let (params, key) = (params(names, |_| {}), KeyPair::generate().unwrap());
        Leaf { der: params.self_signed(&key).unwrap().der().to_vec(), key }
    }

    pub fn pem(&self) -> String {
        String::from_utf8(X509::from_der(&self.der).unwrap().to_pem().unwrap()).unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(&[], |_| {});
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn params(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = names.first() {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    change(&mut params);
    params
}

/// Authority information access: the issuer's certificate is at a URL.
pub fn published_issuer() -> CustomExtension {
    let url = b"http://ca.example.org/i.crt";
    let mut access = vec![6, 8, 0x2b, 6, 1, 5, 5, 7, 48, 2, 0x86, u8::try_from(url.len()).unwrap()];
    access.extend(url);
    let wrap = |inner: Vec<u8>| [vec![0x30, u8::try_from(inner.len()).unwrap()], inner].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], wrap(wrap(access)))
}

pub fn file(content: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

/// A file in a folder; its path.
pub fn put(dir: &tempfile::TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// The server's side with a chain and versions from `min` to `max`, to be changed further.
pub fn acceptor(chain: &[Vec<u8>], key: &KeyPair, min: SslVersion, max: SslVersion) -> SslAcceptorBuilder {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    builder.set_min_proto_version(Some(min)).unwrap();
    builder.set_max_proto_version(Some(max)).unwrap();
    builder.set_certificate(&X509::from_der(&chain[0]).unwrap()).unwrap();
    for der in &chain[1..] {
        builder.add_extra_chain_cert(X509::from_der(der).unwrap()).unwrap();
    }
    builder.set_private_key(&PKey::private_key_from_der(key.serialized_der()).unwrap()).unwrap();
    builder
}

/// A server for one connection, which greets over TLS and then echoes.
pub fn serve(acceptor: SslAcceptorBuilder) -> SocketAddr {
    let acceptor = acceptor.build();
    peer(move |tcp| {
        let Ok(mut link) = acceptor.accept(tcp) else { return };
        let _ = link.write_all(b"220 ready\r\n");
        let mut piece = [0; 1000];
        while let Ok(count @ 1..) = link.read(&mut piece) {
            let _ = link.write_all(&piece[..count]);
        }
    })
}

/// A scripted peer for one connection.
pub fn peer(script: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || script(listener.accept().unwrap().0));
    address
}

/// A mail server that does nothing but TLS, for any number of connections: at once, or after STARTTLS.
pub fn mail_server(acceptor: SslAcceptorBuilder, starttls: bool) -> SocketAddr {
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tcp = tcp.unwrap();
            if starttls {
                tcp.write_all(b"220 mx.example.org ESMTP\r\n").unwrap();
                for answer in ["250-mx.example.org\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
                    // The commands are short and waited for, so each comes whole.
                    let _ = tcp.read(&mut [0; 1000]);
                    let _ = tcp.write_all(answer.as_bytes());
                }
            }
            let _ = acceptor.accept(tcp).map(|mut link| link.read(&mut [0; 100]));
        }
    });
    address
}

/// A mail server with TLS at once or after STARTTLS, for any number of connections: it says yes to everything but
/// STARTTLS where it has none.
pub fn smtp_server(acceptor: Option<SslAcceptorBuilder>, starttls: bool) -> SocketAddr {
    let acceptor = std::sync::Arc::new(acceptor.map(SslAcceptorBuilder::build));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let (tcp, acceptor) = (tcp.unwrap(), acceptor.clone());
            std::thread::spawn(move || match (&*acceptor, starttls) {
                (Some(acceptor), false) => drop(acceptor.accept(tcp).map(|link| converse(link, true, ""))),
                (Some(acceptor), true) => {
                    if let Some(tcp) = converse(tcp, true, "250-STARTTLS\r\n") {
                        drop(acceptor.accept(tcp).map(|link| converse(link, false, "")));
                    }
                }
                (None, _) => drop(converse(tcp, true, "")),
            });
        }
    });
    address
}

/// Talks until QUIT, or until STARTTLS: then the link comes back.
fn converse<S: Read + Write>(mut link: S, greet: bool, offer: &str) -> Option<S> {
    if greet {
        link.write_all(b"220 mx.example.org ESMTP\r\n").ok()?;
    }
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut byte = [0];
            link.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&line).to_ascii_uppercase();
        let answer = match line.get(..4).unwrap_or_default() {
            "EHLO" => format!("250-mx.example.org\r\n{offer}250 PIPELINING\r\n"),
            "STAR" if !offer.is_empty() => "220 2.0.0 go on\r\n".to_owned(),
            "STAR" => "454 4.7.0 TLS not available\r\n".to_owned(),
            "QUIT" => "221 2.0.0 bye\r\n".to_owned(),
            _ => "250 2.0.0 ok\r\n".to_owned(),
        };
        link.write_all(answer.as_bytes()).ok()?;
        match line.get(..4) {
            Some("QUIT") => return None,
            Some("STAR") if !offer.is_empty() => return Some(link),
            _ => {}
        }
    }
}
