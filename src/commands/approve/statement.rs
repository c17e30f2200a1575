//! The file that an agent or a device signs, and the signature that it gives back.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::approval::signature::{NAMESPACE, Signature};
use crate::approval::{Approval, MAX_BYTES};
use crate::commands::common::shown;
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::files::{read_bounded, write_private};
use crate::text::shell_path;
use crate::ui::Ui;

/// Writes the file to sign, and says how to sign it.
pub(super) fn write(approval: &Approval, path: &Path, plan: &Path, ui: &Ui) -> anyhow::Result<()> {
    let statement = approval.statement().map_err(anyhow::Error::msg)?;
    write_private(path, |file| file.write_all(&statement)).with_context(|| format!("cannot write {}", shown(path)))?;
    let file = shown(path);
    let mut signature = path.as_os_str().to_owned();
    signature.push(".sig");
    let approver = &approval.approver;
    ui.note(format!(
        "{file} is the statement that {approver} approves the plan. It does not count until it is signed:"
    ));
    ui.line(format!("ssh-keygen -Y sign -n {NAMESPACE} -f KEY {}", shell_path(path)))?;
    let next = format!("skovik-sync approve {} --signature {}", ui.typed(plan), shell_path(Path::new(&signature)));
    ui.notes(&["KEY is the private key, or the public one of a key that the agent holds. Then:", &next]);
    Ok(())
}

/// Makes the approval from a signed statement.
pub(super) fn signed(statement: Option<&Path>, signature: &Path) -> anyhow::Result<Approval> {
    let path = statement.map(Path::to_owned).or_else(|| without_sig(signature)).ok_or_else(|| {
        let problem = format!("--signature {}: name what it signs with --statement FILE", shown(signature));
        refused(ExitStatus::Usage, problem)
    })?;
    let text = read(&path, &format!("the statement {}; name it with --statement", shown(&path)))?;
    let wrong = |problem: String| refused(ExitStatus::NotApproved, format!("the statement {} {problem}", shown(&path)));
    let approval = Approval::read(&text).map_err(wrong)?;
    if approval.signature.is_some() || approval.statement().map_err(wrong)? != text {
        return Err(wrong("is not what approve --statement wrote".to_owned()));
    }
    let armor = read(signature, &format!("the signature {}", shown(signature)))?;
    let verified = String::from_utf8(armor).map_err(|_| "is no text".to_owned()).and_then(|armor| {
        Signature::read(&armor)?.verify(&text)?;
        Ok(format!("{}\n", armor.trim().replace("\r\n", "\n")))
    });
    let armor = verified.map_err(|problem| {
        refused(ExitStatus::NotApproved, format!("not approved: the signature {} {problem}", shown(signature)))
    })?;
    Ok(Approval { signature: Some(armor), ..approval })
}

fn without_sig(signature: &Path) -> Option<PathBuf> {
    (signature.extension()? == "sig").then(|| signature.with_extension(""))
}

fn read(path: &Path, what: &str) -> anyhow::Result<Vec<u8>> {
    read_bounded(path, MAX_BYTES as u64).with_context(|| format!("cannot read {what}")).or_refuse(ExitStatus::Usage)
}
