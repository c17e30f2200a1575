//! Reads the structure of an SSHSIG blob (OpenSSH's `PROTOCOL.sshsig`): to say clearly why a signature is refused, and because
//! the cryptographic library, which parses it again, ignores some lengths and what follows some parts.

use base64ct::{Base64, Encoding as _};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The parts of a signature.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) version: u32,
    pub(super) key_algorithm: String,
    /// The whole public key, its algorithm included.
    pub(super) key: Vec<u8>,
    pub(super) namespace: String,
    pub(super) reserved_is_empty: bool,
    pub(super) signature_algorithm: String,
}

impl Parts {
    pub(super) fn read(armor: &str) -> Result<Self, String> {
        let inner = armor.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let inner = inner.ok_or_else(|| format!("is no SSH signature, which is between {BEGIN} and {END}"))?;
        let base64: String = inner.split_ascii_whitespace().collect();
        let blob = Base64::decode_vec(&base64).map_err(|_| "is no base64".to_owned())?;
        Self::of(&blob).ok_or_else(|| "is cut off, or is no SSH signature".to_owned())
    }

    fn of(blob: &[u8]) -> Option<Self> {
        let mut rest = blob.strip_prefix(b"SSHSIG")?;
        let version = number(&mut rest)?;
        let key = string(&mut rest)?;
        let namespace = text(&mut rest)?;
        let reserved = string(&mut rest)?;
        let _hash = string(&mut rest)?;
        let mut signature = string(&mut rest)?;
        rest.is_empty().then_some(())?;
        let signature_algorithm = text(&mut signature)?;
        let _made = string(&mut signature)?;
        // A security key adds its flags and its counter.
        let added = if signature_algorithm.starts_with("sk-") { 5 } else { 0 };
        (signature.len() == added).then_some(())?;
        Some(Self {
            version,
            key_algorithm: text(&mut { key })?,
            key: key.to_vec(),
            namespace,
            reserved_is_empty: reserved.is_empty(),
            signature_algorithm,
        })
    }
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_be_bytes(*bytes))
}

fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    std::str::from_utf8(string(rest)?).ok().map(str::to_owned)
}
