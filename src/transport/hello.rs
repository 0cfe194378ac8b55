//! A ClientHello of our own, for questions that end with the server's first messages: no key is ever agreed on.
//!
//! So a server can be asked for what this machine's TLS library would not offer, and what it then says in clear is heard
//! by the same [`Ears`](super::tap::Ears) as everything else.

use std::io;

use super::tls::{Sni, TlsOptions, Version};
use crate::target::Host;

/// The server name that goes into the ClientHello: as the options have it, else the host's own if it has one.
pub(super) fn name_for(options: &TlsOptions, host: &Host) -> Option<String> {
    match &options.sni {
        Sni::Name(name) => Some(name.clone()),
        Sni::None => None,
        Sni::Default => host.name().map(str::to_owned),
    }
}

/// Cipher suites up to TLS 1.2, strong ones first and then what old servers may have (IANA numbers).
const OLD_SUITES: &[u16] = &[
    0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F, 0xCCAA, 0xC023, 0xC027, 0xC009, 0xC013,
    0xC024, 0xC028, 0xC00A, 0xC014, 0x0067, 0x006B, 0x0033, 0x0039, 0x009C, 0x009D, 0x003C, 0x003D, 0x002F,
    0x0035, 0xC008, 0xC012, 0x0016, 0x000A, 0x0005, 0x0004,
];

/// The cipher suites of TLS 1.3 (RFC 8446 appendix B.4).
const NEW_SUITES: &[u16] = &[0x1301, 0x1302, 0x1303];

/// x25519, P-256, P-384, P-521.
const GROUPS: &[u16] = &[29, 23, 24, 25];

/// Signature schemes, from ECDSA and RSA-PSS with SHA-256 down to RSA with SHA-1.
const SIGNATURES: &[u16] =
    &[0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];

/// A ClientHello that offers one version (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), in its record. With `status` it asks
/// for a stapled OCSP answer (RFC 6066 §8).
pub(super) fn client_hello(version: Version, name: Option<&str>, status: bool) -> io::Result<Vec<u8>> {
    let mut random = [0; 96];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let (random, rest) = random.split_at(32);
    let (session, share) = rest.split_at(32);
    let is_new = version == Version::V1_3;
    // Since TLS 1.3 the old field stays at 1.2 and an extension tells.
    let old_field = version.min(Version::V1_2).on_the_wire().0.to_be_bytes();
    let mut hello = old_field.to_vec();
    hello.extend(random);
    hello.extend(sized8(if is_new { session } else { &[] }));
    hello.extend(sized16(&numbers(if is_new { NEW_SUITES } else { OLD_SUITES })));
    hello.extend([1, 0]);
    hello.extend(sized16(&extensions(is_new, name, status, share)));
    let length = u32::try_from(hello.len()).map_err(io::Error::other)?.to_be_bytes();
    let message = [&[1], length.get(1..).unwrap_or_default(), &hello].concat();
    Ok([&[22, 3, 1][..], &sized16(&message)].concat())
}

fn extensions(is_new: bool, name: Option<&str>, status: bool, share: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(name) = name {
        all.extend(extension(0, &sized16(&[&[0][..], &sized16(name.as_bytes())].concat())));
    }
    if status {
        // OCSP, from any responder, with nothing further to say to it.
        all.extend(extension(5, &[1, 0, 0, 0, 0]));
    }
    all.extend(extension(10, &sized16(&numbers(GROUPS))));
    all.extend(extension(11, &[1, 0]));
    all.extend(extension(13, &sized16(&numbers(SIGNATURES))));
    if is_new {
        all.extend(extension(43, &[2, 3, 4]));
        // Any 32 bytes are a public key of x25519; nobody has to know the private one here.
        all.extend(extension(51, &sized16(&[&numbers(&[29])[..], &sized16(share)].concat())));
    } else {
        all.extend(extension(0xFF01, &[0]));
    }
    all
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized16(content)].concat()
}

fn numbers(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Content with its length before it. All of it is ours and short.
fn sized16(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], content].concat()
}

fn sized8(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[length][..], content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::tap::Ears;

    #[test]
    fn the_hello_is_understood_as_it_is_meant() {
        for version in Version::ALL {
            let mut ears = Ears::default();
            ears.sent(&client_hello(version, Some("mx.example.org"), version == Version::V1_2).unwrap());
            let seen = ears.seen();
            assert!(seen.hello_sent);
            assert_eq!(seen.offered_versions, [version.on_the_wire()]);
            assert_eq!(seen.sni.as_deref(), Some("mx.example.org"));
        }
    }
}
