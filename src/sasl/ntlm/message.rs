//! The messages of NTLM (MS-NLMP §2.2). Numbers are little-endian; texts are UTF-16 unless agreed otherwise.

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

pub(super) const UNICODE: u32 = 0x0000_0001;
const OEM: u32 = 0x0000_0002;
const REQUEST_TARGET: u32 = 0x0000_0004;
const NTLM: u32 = 0x0000_0200;
const ALWAYS_SIGN: u32 = 0x0000_8000;
const EXTENDED_SECURITY: u32 = 0x0008_0000;

/// What the client can do.
pub(super) const OFFERED: u32 = UNICODE | OEM | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SECURITY;

/// The first message: what the client can do, and neither domain nor machine (MS-NLMP §2.2.1.1).
pub(super) fn negotiate() -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(1u32.to_le_bytes());
    message.extend(OFFERED.to_le_bytes());
    message.extend([0; 16]);
    message
}

/// The server's message (MS-NLMP §2.2.1.2).
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Challenge {
    pub(super) flags: u32,
    pub(super) nonce: [u8; 8],
    /// The server's domain or machine.
    pub(in super::super) target: String,
    /// The list of facts about the server, as sent; it becomes part of the answer.
    pub(super) info: Vec<u8>,
}

impl Challenge {
    /// # Errors
    /// What is wrong with the message.
    pub(in super::super) fn parse(message: &[u8]) -> Result<Challenge, &'static str> {
        if message.get(..8) != Some(SIGNATURE) {
            return Err("it does not begin with NTLMSSP");
        }
        if number(message, 8) != Some(2) {
            return Err("it is not a message of type 2");
        }
        let flags = number(message, 20).ok_or("it is cut short")?;
        let nonce = array(message, 24).ok_or("it is cut short")?;
        let target = payload(message, 12).ok_or("its target name points outside")?;
        // Servers of the 1990s end the message before this field.
        let info = if message.len() < 48 {
            &[]
        } else {
            payload(message, 40).ok_or("its target info points outside")?
        };
        let target =
            if flags & UNICODE != 0 { utf16(target) } else { String::from_utf8_lossy(target).into_owned() };
        Ok(Challenge { flags, nonce, target, info: info.to_vec() })
    }

    /// The facts about the server, by their numbers (MS-NLMP §2.2.2.1). A list that is cut ends there.
    pub(in super::super) fn facts(&self) -> Vec<(u16, &[u8])> {
        let mut facts = Vec::new();
        let mut rest = self.info.as_slice();
        while let Some((id, after)) = rest.split_first_chunk::<2>() {
            let Some((length, after)) = after.split_first_chunk::<2>() else { break };
            let Some((value, after)) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))
            else {
                break;
            };
            match u16::from_le_bytes(*id) {
                0 => break,
                id => facts.push((id, value)),
            }
            rest = after;
        }
        facts
    }

    /// The server's clock, in units of 100 ns since 1601, if it tells.
    pub(super) fn time(&self) -> Option<[u8; 8]> {
        let (_, value) = self.facts().into_iter().find(|(id, _)| *id == 7)?;
        value.try_into().ok()
    }

    /// A fact that is a text, by its number.
    pub(in super::super) fn text(&self, wanted: u16) -> Option<String> {
        self.facts().into_iter().find(|(id, _)| *id == wanted).map(|(_, value)| utf16(value))
    }
}

/// The last message (MS-NLMP §2.2.1.3), without a session key: nothing is signed or sealed afterwards.
///
/// `None` when a part is longer than 65,535 bytes.
pub(super) fn authenticate(flags: u32, parts: [&[u8]; 5]) -> Option<Vec<u8>> {
    const HEADER: usize = 64;
    let mut header = [SIGNATURE.as_slice(), &3u32.to_le_bytes()].concat();
    let mut body = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts.iter().chain(&[b"".as_slice()]) {
        let length = u16::try_from(part.len()).ok()?.to_le_bytes();
        header.extend(length);
        header.extend(length);
        header.extend(u32::try_from(HEADER + body.len()).ok()?.to_le_bytes());
        body.extend_from_slice(part);
    }
    header.extend(flags.to_le_bytes());
    Some([header, body].concat())
}

/// The user that the last message names, behind the domain if it names one.
pub(in super::super) fn user_named(message: &[u8]) -> Option<String> {
    if message.get(..8) != Some(SIGNATURE) || number(message, 8) != Some(3) {
        return None;
    }
    let unicode = number(message, 60)? & UNICODE != 0;
    let text = |at| {
        let bytes = payload(message, at)?;
        Some(if unicode { utf16(bytes) } else { String::from_utf8_lossy(bytes).into_owned() })
    };
    let (domain, user) = (text(28)?, text(36)?);
    Some(if domain.is_empty() { user } else { format!("{domain}\\{user}") })
}

/// Text for a message.
pub(super) fn encode(text: &str, flags: u32) -> Vec<u8> {
    if flags & UNICODE != 0 { to_utf16(text) } else { text.as_bytes().to_vec() }
}

pub(super) fn to_utf16(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * 2);
    for unit in text.encode_utf16() {
        bytes.extend(unit.to_le_bytes());
    }
    bytes
}

fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16_lossy(&units)
}

fn array<const N: usize>(message: &[u8], at: usize) -> Option<[u8; N]> {
    message.get(at..)?.first_chunk().copied()
}

fn number(message: &[u8], at: usize) -> Option<u32> {
    array(message, at).map(u32::from_le_bytes)
}

/// The bytes that a field of length, room and offset points at.
fn payload(message: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_le_bytes(array(message, at)?));
    if length == 0 {
        return Some(b"");
    }
    let start = usize::try_from(number(message, at + 4)?).ok()?;
    message.get(start..start.checked_add(length)?)
}
