//! Signed approvals, with the real program on one side and the real `ssh-keygen` on the other.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod flips;
mod forgery;
mod interop;
mod policy;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use skovik_sync::sandbox::{Account, Options, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::harness::{BINARY, Output};

const NAMESPACE: &str = "skovik-sync-approval";

/// The small company's account in a sandbox that writes down every request.
struct Skovik {
    server: Server,
    // It goes after the server that runs on it.
    _runtime: Runtime,
    folder: TempDir,
}

/// A folder with settings, lists, keys, a plan and approvals of it.
struct Scene {
    folder: TempDir,
}

impl Skovik {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let account = Account::load(&*fs::read(fixture("users.jsonl")).unwrap()).unwrap();
        let options = Options { account, request_log: Some(folder.path().join("requests")), ..Options::default() };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(options)).unwrap();
        Self { server, _runtime: runtime, folder }
    }

    /// How many requests there were so far, and those of them that were no GET.
    fn requests(&self) -> (usize, Vec<String>) {
        let log = fs::read_to_string(self.folder.path().join("requests")).unwrap();
        let methods = log.lines().map(|line| {
            let request: Value = serde_json::from_str(line).unwrap();
            request["method"].as_str().unwrap().to_owned()
        });
        (log.lines().count(), methods.filter(|method| method != "GET").collect())
    }
}

impl Scene {
    /// The small company, with these settings besides its own.
    fn new(skovik: &Skovik, settings: &str) -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        let own = fs::read_to_string(fixture("skovik-sync.toml")).unwrap();
        let own = own.replace("http://127.0.0.1:8480/v1", &skovik.server.url());
        scene.write("skovik-sync.toml", format!("{own}\n{settings}"));
        fs::copy(fixture("employees.csv"), scene.path("employees.csv")).unwrap();
        scene
    }

    /// The same files in another folder.
    fn copy(&self) -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap() };
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), scene.folder.path().join(entry.file_name())).unwrap();
            }
        }
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces a text that must be there.
    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} does not contain {old:?}:\n{text}");
        self.write(name, text.replacen(old, new, 1));
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Runs the program in the folder.
    fn run(&self, args: &[&str]) -> Output {
        self.program(BINARY, args, b"")
    }

    /// Runs `ssh-keygen` in the folder.
    fn keygen(&self, args: &[&str], input: &[u8]) -> Output {
        self.program("ssh-keygen", args, input)
    }

    /// A program, ready to be started in the folder.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path()).env("SKOVIK_TOKEN", "any").env("TZ", "UTC");
        command.env("HOME", self.folder.path()).env("XDG_STATE_HOME", self.path("state"));
        command.env_remove("SSH_AUTH_SOCK").env("USER", "anna@example.com");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn program(&self, program: &str, args: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(program, args).spawn().unwrap_or_else(|error| {
            panic!("cannot start {program}: {error}; scripts/test installs it (openssh-client has ssh-keygen)")
        });
        // It may end without having read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Output::of(args, output)
    }

    /// Makes a key pair without a passphrase.
    fn key(&self, name: &str, kind: &[&str]) {
        let args = [&["-q", "-N", "", "-C", "a comment", "-f", name][..], kind].concat();
        self.keygen(&args, b"").ends(0);
        assert!(self.path(name).exists());
    }

    /// A line of allowed_signers.
    fn signer(&self, before: &str, key: &str) -> String {
        format!("{before} {}", self.read(&format!("{key}.pub")))
    }

    /// What `ssh-keygen -Y sign` makes of a text.
    fn signature(&self, key: &str, namespace: &str, options: &[&str], text: &[u8]) -> String {
        let args = [&["-Y", "sign", "-q", "-n", namespace, "-f", key][..], options].concat();
        self.keygen(&args, text).ends(0).stdout
    }

    /// Whether `ssh-keygen -Y verify` accepts a signature.
    fn verified(&self, principal: &str, signature: &str, text: &[u8]) -> bool {
        self.write("to-verify.sig", signature);
        let args = ["-Y", "verify", "-f", "signers", "-I", principal, "-n", NAMESPACE, "-s", "to-verify.sig"];
        self.keygen(&args, text).code == Some(0)
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/small").join(name)
}

/// What is signed of a record: its canonical form without the signature. These records hold ASCII keys and whole numbers
/// only, of which sorted, compact JSON is the canonical form.
fn statement(record: &Value) -> Vec<u8> {
    let mut record = record.clone();
    record.as_object_mut().unwrap().remove("signature");
    record.to_string().into_bytes()
}
