//! `ssh-keygen` accepts what the program signs, and the program what `ssh-keygen` signs, for every kind of key.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use signature::Signer as _;
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, PrivateKey, SshSig};

use super::{NAMESPACE, Scene, Skovik, statement};

const SIGNED: &str = "[approval]\nrequire = \"signature\"\nallowed_signers = \"signers\"\n";
const APPROVAL: &str = "plan.json.anna@example.com.approval";
type Kind = (&'static str, &'static [&'static str]);
/// The kinds of key that both sides can sign with.
const KINDS: [Kind; 3] =
    [("ed25519", &["-t", "ed25519"]), ("p256", &["-t", "ecdsa", "-b", "256"]), ("p384", &["-t", "ecdsa", "-b", "384"])];
/// The kinds that `ssh-keygen` alone signs with: the program does nothing with a private RSA key, and cannot read a key of
/// P-521 whose number is a short one, which is chance.
const OTHERS: [Kind; 3] = [
    ("rsa2048", &["-t", "rsa", "-b", "2048"]),
    ("rsa3072", &["-t", "rsa", "-b", "3072"]),
    ("p521", &["-t", "ecdsa", "-b", "521"]),
];

fn planned(skovik: &Skovik) -> Scene {
    let scene = Scene::new(skovik, SIGNED);
    scene.run(&["plan"]).ends(0);
    scene
}

#[test]
fn ssh_keygen_accepts_what_the_program_signs() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    for (name, kind) in KINDS {
        scene.key(name, kind);
        scene.write("signers", scene.signer("anna@example.com namespaces=\"skovik-sync-approval\"", name));
        let approve =
            ["approve", "plan.json", "--yes", "--sign-key", name, "--comment", "Åsa \"agreed\"", "--expires", "2h"];
        scene.run(&approve).ends(0);
        let record = scene.json(APPROVAL);
        let signature = record["signature"].as_str().unwrap();
        assert!(scene.verified("anna@example.com", signature, &statement(&record)), "{name}: {signature}");
        assert!(!scene.verified("ben@example.com", signature, &statement(&record)), "{name}");
        let mut other = record.clone();
        other["comment"] = json!("other");
        assert!(!scene.verified("anna@example.com", signature, &statement(&other)), "{name}");
        let verified = scene.run(&["verify", "plan.json"]).ends(0).stdout;
        assert!(verified.contains("by anna@example.com, signed with SHA256:"), "{verified}");
        let listed = scene.keygen(&["-l", "-f", name], b"").stdout;
        let fingerprint = listed.split(' ').nth(1).unwrap();
        assert!(verified.contains(fingerprint), "{verified}");
    }
}

#[test]
fn the_program_accepts_what_ssh_keygen_signs() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    for (name, kind) in KINDS.into_iter().chain(OTHERS) {
        scene.key(name, kind);
        scene.write("signers", scene.signer("anna@example.com", name));
        for hash in ["sha256", "sha512"] {
            let draft = ["approve", "plan.json", "--statement", "to-sign", "--comment", "Åsa", "--expires", "2h"];
            let printed = scene.run(&draft).ends(0).stdout;
            assert!(!scene.path(APPROVAL).exists(), "a statement is no approval");
            // The printed line, unchanged except for the key's name.
            let line = printed.lines().find(|line| line.starts_with("ssh-keygen ")).unwrap();
            assert_eq!(line, format!("ssh-keygen -Y sign -n {NAMESPACE} -f KEY to-sign"));
            let line = format!("{} -Ohashalg={hash}", line.replace("KEY", name)).replace(" to-sign", "");
            let args: Vec<&str> = line.split(' ').skip(1).chain(["to-sign"]).collect();
            scene.keygen(&args, b"").ends(0);
            scene.run(&["approve", "plan.json", "--signature", "to-sign.sig"]).ends(0);
            let record = scene.json(APPROVAL);
            assert_eq!(statement(&record), scene.read("to-sign").into_bytes(), "{name}");
            scene.run(&["verify", "plan.json"]).ends(0);
            ["to-sign", "to-sign.sig", APPROVAL].iter().for_each(|file| scene.remove(file));
        }
    }
}

#[test]
fn a_statement_is_signed_as_it_was_written() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    scene.key("anna", &["-t", "ed25519"]);
    scene.key("ben", &["-t", "ed25519"]);
    scene.write("signers", scene.signer("anna@example.com", "anna"));
    scene.run(&["approve", "plan.json", "--statement", "to-sign", "--expires", "2h"]).ends(0);
    let text = scene.read("to-sign");
    let sign = |key: &str, text: &str| scene.write("made.sig", scene.signature(key, NAMESPACE, &[], text.as_bytes()));
    let take = ["approve", "plan.json", "--statement", "to-sign", "--signature", "made.sig"];

    sign("ben", &text);
    scene.run(&take).ends(6).says(&["would not count", "not in allowed_signers"]);
    sign("anna", "something else");
    scene.run(&take).ends(6).says(&["made.sig does not fit what is signed"]);
    scene.write("made.sig", "yes");
    scene.run(&take).ends(6).says(&["is no SSH signature"]);
    // Neither another layout nor other words.
    for edited in [format!("{text}\n"), text.replace("\"approver\":", "\"approver\": ")] {
        scene.write("to-sign", &edited);
        sign("anna", &edited);
        scene.run(&take).ends(6).says(&["is not what approve --statement wrote"]);
    }
    let other: Value = serde_json::from_str(&text).unwrap();
    let other = other.to_string().replace(other["plan_hash"].as_str().unwrap(), &format!("sha256:{}", "0".repeat(64)));
    scene.write("to-sign", &other);
    sign("anna", &other);
    scene.run(&take).ends(6).says(&["would not count", "approves another plan"]);
    assert!(!scene.path(APPROVAL).exists());

    scene.write("to-sign", &text);
    sign("anna", &text);
    scene
        .run(&["approve", "plan.json", "--signature", "made.sig"])
        .ends(3)
        .says(&["cannot read the statement made; name it with --statement"]);
    scene.run(&[&take[..], &["--comment", "new"]].concat()).ends(3);
    scene.run(&take).ends(0);
    assert_eq!(statement(&scene.json(APPROVAL)), text.as_bytes());
    scene.run(&["verify", "plan.json"]).ends(0);
}

#[test]
fn keys_that_cannot_sign_are_refused_with_what_to_do() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    scene.key("anna", &["-t", "ed25519"]);
    scene.key("weak", &["-t", "rsa", "-b", "1024"]);
    scene.key("old", &["-t", "rsa", "-b", "2048", "-m", "PEM"]);
    scene.key("rsa", &["-t", "rsa", "-b", "2048"]);
    scene.keygen(&["-q", "-t", "rsa", "-b", "2048", "-a", "1", "-N", "a passphrase", "-f", "locked-rsa"], b"").ends(0);
    scene.keygen(&["-q", "-t", "ed25519", "-a", "1", "-N", "a passphrase", "-f", "locked"], b"").ends(0);
    let lines = [scene.signer("anna@example.com", "anna"), scene.signer("anna@example.com", "locked")];
    scene.write("signers", lines.concat());
    for (key, code, words) in [
        ("none", 3, &["--sign-key none"][..]),
        ("anna.pub", 3, &["is a public key", "--statement"]),
        ("weak", 3, &["1024 bits"]),
        ("rsa", 3, &["is an RSA key", "--statement", "ssh-keygen -Y sign"]),
        // Its passphrase is not even asked for.
        ("locked-rsa", 3, &["is an RSA key", "--statement"]),
        ("old", 3, &["not in OpenSSH's own format", "ssh-keygen -p"]),
        ("plan.json", 3, &["is no OpenSSH private key"]),
        ("locked", 3, &["no terminal to ask on (Passphrase of locked)", "agent", "--statement"]),
    ] {
        scene.run(&["approve", "plan.json", "--yes", "--sign-key", key]).ends(code).says(words);
    }
    scene.run(&["approve", "plan.json", "--yes"]).ends(3).says(&["requires a signature: give --sign-key"]);
    let stranger = ["approve", "plan.json", "--yes", "--sign-key", "anna", "--approver", "carla"];
    scene.run(&stranger).ends(6).says(&["allowed_signers lists nobody as carla"]);
    assert!(!scene.path(APPROVAL).exists());
}

/// Runs a command on a terminal, and types an answer each time that it asks for the passphrase. What is typed before the
/// program has turned off the echo is thrown away, so it is typed again where nothing follows.
#[cfg(unix)]
fn on_terminal(scene: &Scene, command: &str, answers: &[&str]) -> (i32, String) {
    let mut script = scene.command("script", &["-qec", command, "/dev/null"]);
    let mut child = script.stderr(Stdio::null()).spawn().expect("`script`, which scripts/test installs");
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, pieces) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            sender.send(buffer[..length].to_vec()).unwrap();
        }
    });
    let mut bytes = Vec::new();
    loop {
        match pieces.recv_timeout(Duration::from_secs(2)) {
            Ok(piece) => bytes.extend(piece),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                // An answer that was taken is shown as hidden.
                let shown = String::from_utf8_lossy(&bytes);
                let answer = answers.get(shown.matches("[hidden]").count());
                // The program ends with its terminal.
                let Some(answer) = answer else { panic!("more questions than answers:\n{shown}") };
                input.write_all(format!("{answer}\n").as_bytes()).unwrap();
            }
        }
    }
    reader.join().unwrap();
    (child.wait().unwrap().code().unwrap(), String::from_utf8(bytes).unwrap())
}

#[cfg(unix)]
#[test]
fn a_passphrase_is_asked_for_on_the_terminal_and_not_shown() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    let passphrase = "corréct horse";
    scene.keygen(&["-q", "-t", "ed25519", "-a", "1", "-N", passphrase, "-f", "locked"], b"").ends(0);
    scene.write("signers", scene.signer("anna@example.com", "locked"));
    let command = format!("{} approve plan.json --yes --sign-key locked", super::BINARY);
    let (code, shown) = on_terminal(&scene, &command, &["wrong", passphrase]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Passphrase of locked") && shown.contains("the passphrase is wrong"), "{shown}");
    assert!(shown.contains("approved and signed by anna@example.com until"), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    scene.run(&["verify", "plan.json"]).ends(0);
    scene.remove(APPROVAL);
    let (code, shown) = on_terminal(&scene, &command, &["a", "b", "c"]);
    assert_eq!(code, 6, "{shown}");
    assert!(!scene.path(APPROVAL).exists());
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// What a hardware key makes: the same as the software key that lies in a file, but for what its device adds.
pub(super) fn by_a_device(scene: &Scene, key: &str, kind: &str, text: &[u8]) -> (String, String) {
    let private = PrivateKey::from_openssh(scene.read(key)).unwrap();
    let public = match private.public_key().key_data() {
        KeyData::Ed25519(point) => field(&point.0),
        KeyData::Ecdsa(point) => [field(b"nistp256"), field(point.as_sec1_bytes())].concat(),
        other => panic!("{other:?}"),
    };
    let public = [field(kind.as_bytes()), public, field(b"ssh:")].concat();
    let (present, counter) = ([1], 7_u32.to_be_bytes());
    let message = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, text).unwrap();
    let device = [&Sha256::digest(b"ssh:")[..], &present, &counter, &Sha256::digest(&message)[..]].concat();
    let raw = private.try_sign(&device).unwrap();
    let signature = [&field(kind.as_bytes())[..], &field(raw.as_bytes()), &present, &counter].concat();
    let parts = [&public, NAMESPACE.as_bytes(), b"", b"sha512", &signature].map(field).concat();
    let blob = Base64::encode_string(&[b"SSHSIG\0\0\0\x01", &parts[..]].concat());
    let lines: Vec<&str> = blob.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let armor = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"));
    (format!("{kind} {}", Base64::encode_string(&public)), armor)
}

#[test]
fn keys_in_hardware_count_as_they_do_for_ssh_keygen() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    for (name, kind, software) in [
        ("ed25519", "sk-ssh-ed25519@openssh.com", &["-t", "ed25519"][..]),
        ("p256", "sk-ecdsa-sha2-nistp256@openssh.com", &["-t", "ecdsa", "-b", "256"]),
    ] {
        scene.key(name, software);
        scene.write("signers", scene.signer("anna@example.com", name));
        scene.run(&["approve", "plan.json", "--statement", "to-sign", "--expires", "2h"]).ends(0);
        let text = scene.read("to-sign");
        let (public, armor) = by_a_device(&scene, name, kind, text.as_bytes());
        scene.write("signers", format!("anna@example.com {public}\n"));
        scene.write("to-sign.sig", &armor);
        assert!(scene.verified("anna@example.com", &armor, text.as_bytes()), "{kind}");
        scene.run(&["approve", "plan.json", "--signature", "to-sign.sig"]).ends(0);
        scene.run(&["verify", "plan.json"]).ends(0);
        let expiry = scene.json(APPROVAL)["expires_at"].as_str().unwrap().to_owned();
        scene.edit(APPROVAL, &expiry, "2099-01-01T00:00:00Z");
        scene.run(&["verify", "plan.json"]).ends(6).says(&["altered after it was signed"]);
    }
}

#[test]
fn whoever_the_key_belongs_to_is_the_approver() {
    let skovik = Skovik::start();
    let scene = planned(&skovik);
    scene.key("ben", &["-t", "ed25519"]);
    scene.write("signers", scene.signer("ben@example.com", "ben"));
    scene.run(&["approve", "plan.json", "--yes", "--sign-key", "ben"]).ends(0);
    assert_eq!(scene.json("plan.json.ben@example.com.approval")["approver"], "ben@example.com");
}
