//! A published tester of SCIM servers, scim2-cli from PyPI, finds no error in this one.
//!
//! It makes users with random values and takes every value back, so it can only test the modes that let it: any text as a
//! `userName`, an `active` that can become true again, and an `externalId` that is kept.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use skovik_sync::sandbox::{
    Account, Archived, BranchMove, Filters, Options, PatchMode, PutMode, RowOrder, ScimModes, UserNames,
};

use super::super::{branch, custom_field, snapshot};
use super::Sandbox;

/// Two branches, and more custom fields of each type than SCIM shows.
fn account() -> Account {
    let fields: Vec<Value> = (1..=10)
        .map(|n| match n % 3 {
            0 => custom_field(&format!("cf_{n}"), "multiple_choice", &["1", "2"]),
            1 => custom_field(&format!("cf_{n}"), "text", &[]),
            _ => custom_field(&format!("cf_{n}"), "boolean", &[]),
        })
        .collect();
    Account::load(&*snapshot(&[branch("br_se", "SE01"), branch("br_no", "NO01")], &fields, &[])).expect("a good seed")
}

fn testable() -> ScimModes {
    ScimModes { archived: Archived::Reversible, user_names: UserNames::Any, ..ScimModes::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_tester_finds_no_error() {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scim2-server/bin/scim2");
    assert!(program.is_file(), "there is no {}; run scripts/test, which installs it", program.display());
    for (options, least, skips) in [
        (Options { scim: testable(), ..Options::default() }, 70, 0),
        (
            Options {
                put: PutMode::Merge,
                branch_move: BranchMove::Keeps,
                scim: ScimModes { etags: false, sort: false, filters: Filters::Refused, ..testable() },
                ..Options::default()
            },
            70,
            0,
        ),
        (
            Options {
                scim: ScimModes {
                    order: RowOrder::Shuffled,
                    patch: PatchMode::Silent,
                    scim_types: false,
                    filters: Filters::Ignored,
                    ..testable()
                },
                ..Options::default()
            },
            70,
            0,
        ),
        (Options { scim: ScimModes { patch: PatchMode::Unsupported, ..testable() }, ..Options::default() }, 30, 3),
    ] {
        let modes = format!("{:?}", options.scim);
        let sandbox = Sandbox::start(Options { account: account(), ..options }).await;
        let mut tester = Command::new(&program);
        tester.args(["--url", &sandbox.server.scim_url(), "--header", "Authorization: Bearer key", "test"]);
        let output = tokio::task::spawn_blocking(move || tester.output()).await.expect("no panic").expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors: Vec<&str> = told.lines().skip_while(|line| !line.contains("ERROR")).take(4).collect();
        assert!(errors.is_empty(), "{modes}: {errors:?}");
        let count = |status: &str| told.lines().filter(|line| line.starts_with(status)).count();
        let (passed, skipped) = (count("SUCCESS"), count("SKIPPED"));
        assert!(passed >= least, "{modes}: only {passed} tests passed:\n{told}");
        // It also counts a skipped test as a failure, and skips PATCH if that is not supported.
        assert_eq!((skipped, output.status.success()), (skips, skips == 0), "{modes}:\n{told}");
    }
}
