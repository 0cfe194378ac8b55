//! What the numbers in a handshake are called.

use std::fmt;

use tls_parser::TlsCipherSuite;

/// A protocol version as it stands on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// SSL 3.0 (RFC 7568 forbids it).
    pub const SSL_3: Self = ProtocolVersion(0x0300);
    /// TLS 1.0 (RFC 8996 deprecates it).
    pub const TLS_1_0: Self = ProtocolVersion(0x0301);
    /// TLS 1.1 (RFC 8996 deprecates it).
    pub const TLS_1_1: Self = ProtocolVersion(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS_1_2: Self = ProtocolVersion(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS_1_3: Self = ProtocolVersion(0x0304);
}

/// As OpenSSL writes it: `TLSv1.3`.
impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SSL_3 => f.write_str("SSLv3"),
            Self::TLS_1_0 => f.write_str("TLSv1"),
            Self::TLS_1_1 => f.write_str("TLSv1.1"),
            Self::TLS_1_2 => f.write_str("TLSv1.2"),
            Self::TLS_1_3 => f.write_str("TLSv1.3"),
            ProtocolVersion(other) => write!(f, "version {other:#06x}"),
        }
    }
}

impl fmt::Debug for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An alert (RFC 8446 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// It ends the connection.
    pub fatal: bool,
    /// The number of its description.
    pub code: u8,
}

impl Alert {
    /// The description's name in the standard, such as `handshake_failure`.
    pub fn name(self) -> &'static str {
        let row = ALERTS.iter().find(|(code, _)| *code == self.code);
        row.map_or("unknown alert", |(_, name)| name)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.code)
    }
}

/// The alerts of the IANA registry.
const ALERTS: &[(u8, &str)] = &[
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (52, "too_many_cids_requested"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (117, "general_error"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

/// Key exchange groups (IANA registry "TLS Supported Groups").
const GROUPS: &[(u16, &str)] = &[
    (19, "secp192r1"),
    (21, "secp224r1"),
    (22, "secp256k1"),
    (23, "secp256r1"),
    (24, "secp384r1"),
    (25, "secp521r1"),
    (26, "brainpoolP256r1"),
    (27, "brainpoolP384r1"),
    (28, "brainpoolP512r1"),
    (29, "x25519"),
    (30, "x448"),
    (31, "brainpoolP256r1tls13"),
    (32, "brainpoolP384r1tls13"),
    (33, "brainpoolP512r1tls13"),
    (256, "ffdhe2048"),
    (257, "ffdhe3072"),
    (258, "ffdhe4096"),
    (259, "ffdhe6144"),
    (260, "ffdhe8192"),
    (512, "MLKEM512"),
    (513, "MLKEM768"),
    (514, "MLKEM1024"),
    (4587, "SecP256r1MLKEM768"),
    (4588, "X25519MLKEM768"),
    (4589, "SecP384r1MLKEM1024"),
    (25497, "X25519Kyber768Draft00"),
];

/// The name of a key exchange group.
pub fn group(id: u16) -> String {
    let row = GROUPS.iter().find(|(code, _)| *code == id);
    row.map_or_else(|| format!("group {id:#06x}"), |(_, name)| (*name).to_owned())
}

/// The name of a cipher suite in the IANA registry.
pub fn cipher(id: u16) -> String {
    TlsCipherSuite::from_id(id).map_or_else(|| format!("cipher {id:#06x}"), |suite| suite.name.to_owned())
}
