//! Published Python libraries that the program is tested against; scripts/test installs them.

use std::path::Path;
use std::process::Command;

/// What a script prints that may use these libraries.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve-tools/bin/python");
    assert!(program.is_file(), "{} is missing; scripts/test installs it", program.display());
    let output = Command::new(program).args(["-c", script]).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
