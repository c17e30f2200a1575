//! SSH signatures (SSHSIG, as `ssh-keygen -Y sign` makes them): which signatures and which keys are accepted.
//!
//! Here a signature only proves that the owner of a key signed exactly these bytes, for this purpose.
//! [`super::signers`] decides whether that signer counts.
//!
//! RSA keys can verify but not sign: the timing of the crate `rsa` leaks the private key (RUSTSEC-2023-0071). Verifying
//! uses no secret.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use secrecy::{ExposeSecret, SecretString};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

use super::armor::Parts;

/// The namespace of signatures, so that a signature for a commit or a login does not count for a plan.
pub const NAMESPACE: &str = "skovik-sync-approval";
/// The accepted lengths of RSA keys, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The public half of a signer's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignerKey(KeyData);

/// A signature for this purpose, not verified yet: that takes [`Signature::verify`].
#[derive(Debug)]
pub struct Signature {
    key: SignerKey,
    sshsig: SshSig,
}

/// A private key to sign with. Its `Debug` shows the public half.
pub struct SigningKey(PrivateKey);

impl SignerKey {
    /// Accepts a key only if its signatures can count.
    pub(super) fn new(key: KeyData) -> Result<Self, String> {
        match &key {
            KeyData::Ed25519(_) | KeyData::Ecdsa(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => {}
            KeyData::Rsa(rsa) => {
                let bits = rsa.n.as_positive_bytes().map_or(0, bits);
                if !RSA_BITS.contains(&bits) {
                    let (least, most) = RSA_BITS.into_inner();
                    return Err(format!("an RSA key of {bits} bits does not count: {least} to {most} are needed"));
                }
            }
            other => return Err(unusable(other.algorithm().as_str())),
        }
        Ok(Self(key))
    }

    /// Reads `ssh-ed25519 AAAA…`, as in a `.pub` file.
    pub(super) fn parse(kind: &str, base64: &str) -> Result<Self, String> {
        if is_certificate(kind) {
            return Err(unusable(kind));
        }
        let key = PublicKey::from_openssh(&format!("{kind} {base64}"))
            .map_err(|error| format!("is no {kind} public key: {error}"))?;
        let blob = Base64::decode_vec(base64).map_err(|_| format!("is no {kind} public key: it is no base64"))?;
        Self::new(key.key_data().clone())?.if_exactly(&blob)
    }

    /// The key, if this is exactly how it is written: the library ignores some lengths and what follows a key.
    fn if_exactly(self, blob: &[u8]) -> Result<Self, String> {
        let written = PublicKey::new(self.0.clone(), "").to_bytes();
        if written.is_ok_and(|written| written == blob) { Ok(self) } else { Err("is no proper public key".to_owned()) }
    }

    /// Its SHA-256 fingerprint, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

impl Signature {
    /// Reads a signature from its armour, `-----BEGIN SSH SIGNATURE-----`.
    ///
    /// # Errors
    /// If it is not a signature, is for another namespace, or is of a kind that does not count.
    pub fn read(armor: &str) -> Result<Self, String> {
        let parts = Parts::read(armor)?;
        if parts.namespace != NAMESPACE {
            return Err(format!("is for the namespace {:?}, not {NAMESPACE:?}", parts.namespace));
        }
        if parts.version != 1 || !parts.reserved_is_empty {
            return Err("is of a version of SSHSIG that this program does not know".to_owned());
        }
        let key_kind = parts.key_algorithm.as_str();
        if is_certificate(key_kind) {
            return Err(unusable(key_kind));
        }
        let made_with = parts.signature_algorithm.as_str();
        let fits = match key_kind {
            "ssh-rsa" => matches!(made_with, "rsa-sha2-256" | "rsa-sha2-512"),
            other => made_with == other,
        };
        if !fits {
            let why = if made_with == "ssh-rsa" { ", which rests on SHA-1" } else { "" };
            return Err(format!("by a key of kind {key_kind} was made as {made_with}{why}: that does not count"));
        }
        let sshsig = SshSig::from_pem(armor.trim()).map_err(|error| format!("cannot be read: {error}"))?;
        let key = SignerKey::new(sshsig.public_key().clone())?.if_exactly(&parts.key);
        let key = key.map_err(|_| "names a public key that is not written properly".to_owned())?;
        Ok(Self { key, sshsig })
    }

    /// The key that it names; proven only by [`Signature::verify`].
    #[must_use]
    pub fn key(&self) -> &SignerKey {
        &self.key
    }

    /// Whether the owner of [`Signature::key`] signed exactly this message.
    ///
    /// # Errors
    /// If the signature does not match.
    pub fn verify(&self, message: &[u8]) -> Result<(), String> {
        let key = PublicKey::new(self.key.0.clone(), "");
        key.verify(NAMESPACE, message, &self.sshsig).map_err(|_| "does not fit what is signed".to_owned())
    }
}

impl SigningKey {
    /// Reads a private key file.
    ///
    /// # Errors
    /// If the key cannot sign; the message says what to do.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
            return Err(if text.contains("PRIVATE KEY-----") {
                "is not in OpenSSH's own format; `ssh-keygen -p -f FILE` rewrites it".to_owned()
            } else if PublicKey::from_openssh(text).is_ok() {
                "is a public key; name the private one, or, if an agent holds it, use --statement".to_owned()
            } else {
                "is no OpenSSH private key".to_owned()
            });
        }
        let key = PrivateKey::from_openssh(text).map_err(|error| {
            format!("cannot be read: {error}; ssh-keygen can sign with every kind of key, see --statement")
        })?;
        if matches!(key.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
            return Err("is held by a hardware device; use --statement, and sign with ssh-keygen".to_owned());
        }
        SignerKey::new(key.public_key().key_data().clone())?;
        if key.algorithm().is_rsa() {
            let problem = "is an RSA key, with which this program only verifies: use --statement, and sign with \
                           `ssh-keygen -Y sign`, or give an Ed25519 key";
            return Err(problem.to_owned());
        }
        Ok(Self(key))
    }

    /// Whether it needs a passphrase.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.is_encrypted()
    }

    /// Unlocks it.
    ///
    /// # Errors
    /// If the passphrase is wrong.
    pub fn unlock(&self, passphrase: &SecretString) -> Result<Self, String> {
        let key = self.0.decrypt(passphrase.expose_secret()).map_err(|_| "the passphrase is wrong".to_owned())?;
        Ok(Self(key))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> SignerKey {
        SignerKey(self.0.public_key().key_data().clone())
    }

    /// Signs a message, and gives the signature in its armour.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn sign(&self, message: &[u8]) -> Result<String, String> {
        let signed = self.0.sign(NAMESPACE, HashAlg::Sha512, message);
        signed.and_then(|signature| signature.to_pem(LineEnding::LF)).map_err(|error| format!("cannot sign: {error}"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public().fingerprint()).finish()
    }
}

fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_certificate(kind: &str) -> bool {
    kind.ends_with("-cert-v01@openssh.com")
}

fn unusable(kind: &str) -> String {
    if is_certificate(kind) {
        format!("a certificate ({kind}) does not count: certificates are not supported, only plain keys are")
    } else {
        format!("a key of kind {kind} does not count: Ed25519, ECDSA and RSA do, in hardware too")
    }
}
