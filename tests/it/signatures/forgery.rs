//! Every way that we can think of to have an unapproved change applied. Each is refused before anything is written.

use std::fs;

use base64ct::{Base64, Encoding as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use skovik_sync::plan::{Digest, Plan};

use super::{NAMESPACE, Output, Scene, Skovik, statement};

const ANNA: &str = "plan.json.anna@example.com.approval";
const BEN: &str = "plan.json.ben@example.com.approval";
const CARLA: &str = "plan.json.carla.approval";
pub(super) const SETTINGS: &str =
    "[guard]\nmax_change_percent = 10\n[approval]\nrequire = \"signature\"\nallowed_signers = \"signers\"\n";

/// What is tried, how it ends, what the refusal says, and how it is done: to a folder in which Anna has approved the plan.
type Attempt = (&'static str, i32, &'static [&'static str], fn(&Scene));

/// A folder in which Anna has approved a plan that a guard blocks.
pub(super) fn approved(skovik: &Skovik) -> Scene {
    let scene = Scene::new(skovik, SETTINGS);
    for name in ["anna", "anna2", "ben", "carla", "mallory", "old", "new", "git"] {
        scene.key(name, &["-t", "ed25519"]);
    }
    scene.key("rsa", &["-t", "rsa", "-b", "2048"]);
    let lines = [
        scene.signer("anna@example.com", "anna"),
        scene.signer("anna@example.com", "anna2"),
        scene.signer("ben@example.com namespaces=\"git,skovik-*\"", "ben"),
        scene.signer("carla,dora", "carla"),
        scene.signer("old valid-before=\"20260101Z\"", "old"),
        scene.signer("new valid-after=\"20990101Z\"", "new"),
        scene.signer("git namespaces=\"git\"", "git"),
        scene.signer("rsa", "rsa"),
    ];
    scene.write("signers", lines.concat());
    scene.run(&["plan"]).ends(5);
    // Another plan, for one person.
    scene.run(&["plan", "-o", "other.json", "--only", "1030"]).ends(5);
    let approve = [
        "approve",
        "plan.json",
        "--yes",
        "--sign-key",
        "anna",
        "--allow",
        "changes=5",
        "--expires",
        "12h",
        "--comment",
        "read",
    ];
    scene.run(&approve).ends(0);
    scene
}

/// Changes a record after it was signed.
fn forge(scene: &Scene, edit: impl FnOnce(&mut Value)) {
    let mut record = scene.json(ANNA);
    edit(&mut record);
    scene.write(ANNA, record.to_string());
}

/// Writes a record like Anna's except for an edit, properly signed with a key.
fn sign(scene: &Scene, key: &str, file: &str, edit: impl FnOnce(&mut Value)) {
    sign_for(scene, key, NAMESPACE, file, edit);
}

fn sign_for(scene: &Scene, key: &str, namespace: &str, file: &str, edit: impl FnOnce(&mut Value)) {
    let mut record = scene.json(ANNA);
    edit(&mut record);
    record["signature"] = json!(scene.signature(key, namespace, &[], &statement(&record)));
    scene.remove(ANNA);
    scene.write(file, record.to_string());
}

/// The same, beside Anna's.
fn sign_too(scene: &Scene, key: &str, file: &str, edit: impl FnOnce(&mut Value)) {
    let anna = scene.read(ANNA);
    sign(scene, key, file, edit);
    scene.write(ANNA, anna);
}

fn ago(hours: i64) -> Value {
    json!((Timestamp::now() - SignedDuration::from_hours(hours)).to_string())
}

/// Changes bytes within a signature, both as long as each other.
fn patch(record: &mut Value, old: &[u8], new: &[u8], last: bool) {
    let armor = record["signature"].as_str().unwrap();
    let lines: Vec<&str> = armor.lines().collect();
    let mut blob = Base64::decode_vec(&lines[1..lines.len() - 1].concat()).unwrap();
    let places: Vec<usize> = (0..blob.len()).filter(|&at| blob[at..].starts_with(old)).collect();
    let at = if last { *places.last().unwrap() } else { places[0] };
    blob.splice(at..at + old.len(), new.iter().copied());
    let base64 = Base64::encode_string(&blob);
    let wrapped: Vec<&str> = base64.as_bytes().chunks(70).map(|line| std::str::from_utf8(line).unwrap()).collect();
    record["signature"] = json!(format!("{}\n{}\n{}\n", lines[0], wrapped.join("\n"), lines[lines.len() - 1]));
}

/// Changes the plan and gives it the right hash again.
fn rehash(scene: &Scene) {
    let plan = Plan::read(scene.read("plan.json").as_bytes()).unwrap();
    let mut content = plan.content().clone();
    content.target.fingerprint = Digest::of(b"another account");
    let mut text = Vec::new();
    Plan::seal(content).unwrap().write(&mut text).unwrap();
    scene.write("plan.json", text);
}

fn two_needed(scene: &Scene) {
    scene.edit("skovik-sync.toml", "require = ", "approvers = 2\nrequire = ");
}

const ALTERED: &[&str] = &[ANNA, "altered after it was signed"];

/// What is done to what Anna has signed.
const RECORDS: &[Attempt] = &[
    ("no approval", 6, &["0 of 1 signed approvals needed"], |scene| scene.remove(ANNA)),
    ("the signature is stripped", 6, &[ANNA, "is not signed"], |scene| {
        forge(scene, |record| drop(record.as_object_mut().unwrap().remove("signature")));
    }),
    ("the signature is null", 6, &["writes no null"], |scene| forge(scene, |record| record["signature"] = json!(null))),
    ("the signature is empty", 6, &["is no SSH signature"], |scene| {
        forge(scene, |record| record["signature"] = json!(""));
    }),
    ("the ceiling is raised", 6, ALTERED, |scene| forge(scene, |record| record["allow"]["changes"] = json!(5000))),
    ("a ceiling is added", 6, ALTERED, |scene| forge(scene, |record| record["allow"]["deletes"] = json!(1))),
    ("a ceiling that rounds to the same number", 6, &["beyond"], |scene| {
        forge(scene, |record| record["allow"]["changes"] = json!(9_007_199_254_740_993_u64));
    }),
    ("the expiry is put off", 6, ALTERED, |scene| forge(scene, |record| record["expires_at"] = ago(-20))),
    ("the expiry is gone", 6, ALTERED, |scene| {
        forge(scene, |record| drop(record.as_object_mut().unwrap().remove("expires_at")));
    }),
    ("the time is moved", 6, ALTERED, |scene| forge(scene, |record| record["approved_at"] = ago(1))),
    ("the approver is changed", 6, ALTERED, |scene| {
        forge(scene, |record| record["approver"] = json!("ben@example.com"));
    }),
    ("the comment is changed", 6, ALTERED, |scene| forge(scene, |record| record["comment"] = json!("all of it"))),
    ("the observed figures are changed", 6, ALTERED, |scene| {
        forge(scene, |record| record["blocked"][0]["count"] = json!(1));
    }),
    ("the signature of another record", 6, ALTERED, |scene| {
        let anna = scene.json(ANNA);
        sign(scene, "anna", ANNA, |record| record["comment"] = json!("another"));
        let pasted = scene.json(ANNA)["signature"].clone();
        scene.write(ANNA, json!({ "signature": pasted }).to_string());
        let mut record = anna;
        record["signature"] = pasted;
        scene.write(ANNA, record.to_string());
    }),
    ("another person's signature of the same", 6, ALTERED, |scene| {
        let mut record = scene.json(ANNA);
        sign(scene, "ben", BEN, |record| record["approver"] = json!("ben@example.com"));
        record["signature"] = scene.json(BEN)["signature"].clone();
        scene.remove(BEN);
        scene.write(ANNA, record.to_string());
    }),
    ("a key appears twice", 6, &["duplicate field `approver`"], |scene| {
        scene.edit(ANNA, "\"approver\"", "\"approver\": \"ben@example.com\", \"approver\"");
    }),
    ("a ceiling appears twice", 6, &["duplicate field `changes`"], |scene| {
        scene.edit(ANNA, "\"changes\": 5", "\"changes\": 5000, \"changes\": 5");
    }),
    ("an unknown key", 6, &["unknown field `allow_all`"], |scene| {
        forge(scene, |record| record["allow_all"] = json!(true));
    }),
    ("something follows", 6, &["trailing characters"], |scene| scene.write(ANNA, scene.read(ANNA) + "{}")),
    ("an empty file", 6, &["is no approval"], |scene| scene.write(ANNA, "")),
    ("an endless file", 6, &["longer than"], |scene| scene.write(ANNA, scene.read(ANNA) + &" ".repeat(100_000))),
    ("another version", 6, &["of version 1"], |scene| forge(scene, |record| record["format_version"] = json!(2))),
    ("another hash algorithm for the plan", 6, &["expected sha256:"], |scene| {
        forge(scene, |record| record["plan_hash"] = json!(record["plan_hash"].as_str().unwrap().replace("256", "512")));
    }),
    ("another hash algorithm for the statement", 6, ALTERED, |scene| {
        forge(scene, |record| patch(record, b"sha512", b"sha256", false));
    }),
    ("another namespace is written in", 6, &["is for the namespace \"skovik-sync-approvaL\""], |scene| {
        forge(scene, |record| patch(record, b"skovik-sync-approval", b"skovik-sync-approvaL", false));
    }),
    #[cfg(unix)]
    ("a link to an approval", 6, &["is a link or a folder"], |scene| {
        fs::rename(scene.path(ANNA), scene.path("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", scene.path(ANNA)).unwrap();
    }),
    #[cfg(unix)]
    ("a link to what never ends", 6, &["is a link or a folder"], |scene| {
        scene.remove(ANNA);
        std::os::unix::fs::symlink("/dev/zero", scene.path(ANNA)).unwrap();
    }),
    ("a folder", 6, &["is a link or a folder"], |scene| {
        scene.remove(ANNA);
        fs::create_dir(scene.path(ANNA)).unwrap();
    }),
];

/// What is signed properly, but not by the right person, for the right thing, at the right time.
const SIGNERS: &[Attempt] = &[
    ("for another plan", 6, &["approves another plan"], |scene| {
        let other = scene.json("other.json")["plan_hash"].clone();
        sign(scene, "anna", ANNA, |record| record["plan_hash"] = other);
    }),
    ("for another plan, then renamed", 6, ALTERED, |scene| {
        let hash = scene.json("plan.json")["plan_hash"].clone();
        let other = scene.json("other.json")["plan_hash"].clone();
        sign(scene, "anna", ANNA, |record| record["plan_hash"] = other);
        forge(scene, |record| record["plan_hash"] = hash);
    }),
    ("for another namespace", 6, &["is for the namespace \"git\", not"], |scene| {
        sign_for(scene, "anna", "git", ANNA, |_| {});
    }),
    ("by nobody known", 6, &["not in allowed_signers: SHA256:"], |scene| sign(scene, "mallory", ANNA, |_| {})),
    ("by somebody else", 6, &["ben@example.com's (allowed_signers line 3), not anna@example.com's"], |scene| {
        sign(scene, "ben", ANNA, |_| {});
    }),
    ("by a signer who has expired", 6, &["has expired: valid-before"], |scene| {
        sign(scene, "old", ANNA, |record| record["approver"] = json!("old"));
    }),
    ("by one who had expired, dated back", 6, &["has expired: valid-before"], |scene| {
        sign(scene, "old", ANNA, |record| {
            record["approver"] = json!("old");
            record["approved_at"] = json!("2025-12-31T12:00:00Z");
            record["expires_at"] = json!("2099-01-01T00:00:00Z");
        });
        // Its age alone would be enough to refuse it.
        scene.edit("skovik-sync.toml", "require = ", "max_age = \"99999h\"\nrequire = ");
    }),
    ("by a signer who is not valid yet", 6, &["not valid yet: valid-after"], |scene| {
        sign(scene, "new", ANNA, |record| record["approver"] = json!("new"));
    }),
    ("by a signer for something else", 6, &["`namespaces` in allowed_signers (line 7) do not include"], |scene| {
        sign(scene, "git", ANNA, |record| record["approver"] = json!("git"));
    }),
    ("in the future", 6, &["was given in the future"], |scene| {
        sign(scene, "anna", ANNA, |record| record["approved_at"] = ago(-1));
    }),
    ("expired by its own word", 6, &["expired at"], |scene| {
        sign(scene, "anna", ANNA, |record| record["expires_at"] = ago(1));
    }),
    ("expired by max_age", 6, &["expired at"], |scene| {
        sign(scene, "anna", ANNA, |record| {
            record["approved_at"] = ago(25);
            record["expires_at"] = ago(-25);
        });
    }),
    ("made with SHA-1", 6, &["made as ssh-rsa, which rests on SHA-1"], |scene| {
        sign(scene, "rsa", ANNA, |record| record["approver"] = json!("rsa"));
        forge(scene, |record| {
            // The lengths of the name, and of what holds it, become smaller by five.
            let blob =
                record["signature"].as_str().unwrap().lines().filter(|line| !line.starts_with('-')).collect::<String>();
            let mut blob = Base64::decode_vec(&blob).unwrap();
            let name = b"\0\0\0\x0crsa-sha2-512";
            let at = blob.windows(name.len()).rposition(|window| window == name).unwrap();
            let length = u32::from_be_bytes(blob[at - 4..at].try_into().unwrap()) - 5;
            blob.splice(at..at + name.len(), *b"\0\0\0\x07ssh-rsa");
            blob.splice(at - 4..at, length.to_be_bytes());
            let base64 = Base64::encode_string(&blob);
            record["signature"] =
                json!(format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n"));
        });
    }),
    ("with a certificate", 6, &["certificates are not supported"], |scene| {
        scene.key("ca", &["-t", "ed25519"]);
        scene.keygen(&["-q", "-s", "ca", "-I", "id", "-n", "anna@example.com", "mallory.pub"], b"").ends(0);
        fs::copy(scene.path("mallory"), scene.path("mallory-cert")).unwrap();
        sign(scene, "mallory-cert.pub", ANNA, |_| {});
    }),
    ("by one of two who are needed", 6, &["1 of 2 signed approvals by different people"], two_needed),
    ("twice by one, with one key", 6, &["1 of 2"], |scene| {
        two_needed(scene);
        fs::copy(scene.path(ANNA), scene.path(BEN)).unwrap();
    }),
    ("twice by one, with two keys", 6, &["1 of 2"], |scene| {
        two_needed(scene);
        sign_too(scene, "anna2", BEN, |_| {});
    }),
    ("under two names, with one key", 6, &["1 of 2", "carla and dora count once"], |scene| {
        two_needed(scene);
        sign_too(scene, "carla", CARLA, |record| record["approver"] = json!("carla"));
        sign(scene, "carla", BEN, |record| record["approver"] = json!("dora"));
    }),
    ("by one where a rule asks for two", 6, &["1 of 2", "[[approval.rule]] \"deletes > 0\""], |scene| {
        scene.write(
            "skovik-sync.toml",
            scene.read("skovik-sync.toml") + "[[approval.rule]]\nwhen = \"deletes > 0\"\napprovers = 2\n",
        );
    }),
    ("below what the guard needs", 5, &["blocked by max_change_percent"], |scene| {
        sign(scene, "anna", ANNA, |record| record["allow"]["changes"] = json!(4));
    }),
    ("far enough by one of two only", 5, &["blocked by max_change_percent"], |scene| {
        two_needed(scene);
        sign_too(scene, "ben", BEN, |record| {
            record["approver"] = json!("ben@example.com");
            record.as_object_mut().unwrap().remove("allow");
        });
    }),
];

/// What is done to the plan, the settings, and the list of signers.
const SURROUNDINGS: &[Attempt] = &[
    ("the plan is edited", 8, &["was altered"], |scene| scene.edit("plan.json", "\"4300\"", "\"9999\"")),
    ("the plan is edited and hashed again", 6, &["approves another plan"], rehash),
    ("the plan is swapped", 6, &["approves another plan"], |scene| {
        fs::copy(scene.path("other.json"), scene.path("plan.json")).unwrap();
    }),
    ("the settings are changed", 7, &["not those that the plan was made with"], |scene| {
        scene.edit("skovik-sync.toml", "max_change_percent = 10", "max_change_percent = 100");
    }),
    ("there is no allowed_signers", 3, &["cannot read allowed_signers"], |scene| scene.remove("signers")),
    ("allowed_signers is a folder", 3, &["cannot read allowed_signers"], |scene| {
        scene.remove("signers");
        fs::create_dir(scene.path("signers")).unwrap();
    }),
    ("allowed_signers is empty", 6, &["allowed_signers, which lists nobody"], |scene| {
        scene.write("signers", "\n# anna\n")
    }),
    ("allowed_signers is garbled", 3, &["signers line 3: has no public key"], |scene| {
        scene.edit("signers", "ben@example.com namespaces", "ben@example.com\nnamespaces");
    }),
    ("allowed_signers is no text", 3, &["cannot read allowed_signers"], |scene| scene.write("signers", [0xff, 0xfe])),
    ("an authority is listed", 3, &["line 1: cert-authority: certificates are not supported"], |scene| {
        scene.edit("signers", "anna@example.com ", "anna@example.com cert-authority ");
    }),
    ("a weak key is listed", 3, &["line 9: an RSA key of 1024 bits"], |scene| {
        scene.key("weak", &["-t", "rsa", "-b", "1024"]);
        scene.write("signers", scene.read("signers") + &scene.signer("weak", "weak"));
    }),
    ("a pattern that does not include her", 6, &["not anna@example.com's"], |scene| {
        scene.write("signers", scene.signer("*@example.com,!anna@*", "anna"));
    }),
    ("a pattern that makes two of one", 6, &["1 of 2", "count once"], |scene| {
        two_needed(scene);
        scene.write("signers", scene.signer("*@example.com", "anna"));
        sign_too(scene, "anna", BEN, |record| record["approver"] = json!("ben@example.com"));
    }),
    ("a rule that cannot be worked out", 3, &["[[approval.rule]]", "delets"], |scene| {
        scene.write(
            "skovik-sync.toml",
            scene.read("skovik-sync.toml") + "[[approval.rule]]\nwhen = \"delets > 0\"\napprovers = 2\n",
        );
    }),
    (
        "signatures are no longer asked for, but two people are",
        3,
        &["`approvers`", "needs `require = \"signature\"`"],
        |scene| {
            two_needed(scene);
            scene.edit("skovik-sync.toml", "\"signature\"", "\"hash\"");
        },
    ),
];

#[test]
fn nothing_that_was_not_approved_is_applied() {
    let skovik = Skovik::start();
    let original = approved(&skovik);
    let (planning, _) = skovik.requests();
    for (attempt, code, words, forge) in [RECORDS, SIGNERS, SURROUNDINGS].concat() {
        let scene = original.copy();
        forge(&scene);
        for command in ["verify", "apply"] {
            let ended = scene.run(&[command, "plan.json"]);
            holds(attempt, &ended, code, words);
        }
        assert_eq!(skovik.requests().0, planning, "{attempt}: it was refused before Skovik was asked anything");
    }
    // Without any forgery the same is applied: the table refuses nothing for another reason.
    original.run(&["verify", "plan.json"]).ends(0);
    original.run(&["apply", "plan.json"]).ends(0);
    assert!(!skovik.requests().1.is_empty());
}

fn holds(attempt: &str, ended: &Output, code: i32, words: &[&str]) {
    let words_hold = words.iter().all(|word| ended.stderr.contains(word));
    assert!(
        ended.code == Some(code) && words_hold,
        "{attempt}: expected exit code {code} and {words:?}, but:\n{ended}"
    );
}
