//! Every byte of a signature counts: none can be altered so that the signature still counts, of no kind of key.

use base64ct::{Base64, Encoding as _};
use skovik_sync::approval::signature::Signature;

use super::interop::by_a_device;
use super::{NAMESPACE, Scene, Skovik};

const TEXT: &[u8] = b"{\"what\":\"is signed\"}";

fn blob_of(armor: &str) -> Vec<u8> {
    let lines: Vec<&str> = armor.lines().collect();
    Base64::decode_vec(&lines[1..lines.len() - 1].concat()).expect("base64")
}

fn is_good(blob: &[u8]) -> bool {
    let base64 = Base64::encode_string(blob);
    let lines: Vec<&str> = base64.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let armor = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"));
    Signature::read(&armor).and_then(|signature| signature.verify(TEXT)).is_ok()
}

/// Where the parts of a signature begin whose lengths are in it.
fn places_of_lengths(blob: &[u8]) -> Vec<usize> {
    (0..blob.len() - 4)
        .filter(|&at| {
            let length = u32::from_be_bytes(blob[at..at + 4].try_into().expect("four bytes")) as usize;
            at + 4 + length <= blob.len()
        })
        .collect()
}

#[test]
fn no_byte_of_a_signature_can_be_altered() {
    let skovik = Skovik::start();
    let scene = Scene::new(&skovik, "");
    for (name, kind, device) in [
        ("ed25519", &["-t", "ed25519"][..], Some("sk-ssh-ed25519@openssh.com")),
        ("p256", &["-t", "ecdsa", "-b", "256"], Some("sk-ecdsa-sha2-nistp256@openssh.com")),
        ("p384", &["-t", "ecdsa", "-b", "384"], None),
        ("p521", &["-t", "ecdsa", "-b", "521"], None),
        ("rsa", &["-t", "rsa", "-b", "2048"], None),
    ] {
        scene.key(name, kind);
        let by_device = device.map(|device| by_a_device(&scene, name, device, TEXT).1);
        for armor in [scene.signature(name, NAMESPACE, &[], TEXT)].into_iter().chain(by_device) {
            let blob = blob_of(&armor);
            assert!(is_good(&blob), "{name}: {armor}");
            for at in 0..blob.len() {
                let mut flipped = blob.clone();
                flipped[at] ^= 1 << (at % 8);
                assert!(!is_good(&flipped), "{name}: byte {at} of {armor}");
            }
            // Lengths in each way.
            for at in places_of_lengths(&blob).into_iter().flat_map(|at| at..at + 4) {
                for bit in 0..8 {
                    let mut flipped = blob.clone();
                    flipped[at] ^= 1 << bit;
                    assert!(!is_good(&flipped), "{name}: bit {bit} of byte {at} of {armor}");
                }
            }
            for more in [&[0][..], &[0; 4]] {
                assert!(!is_good(&[&blob[..], more].concat()), "{name}: {armor}");
            }
        }
    }
}
