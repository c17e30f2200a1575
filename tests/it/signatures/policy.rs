//! What a policy asks for, beside signatures that are forged: signatures at all, and more than one.

use skovik_sync::plan::Plan;

use super::forgery::{SETTINGS, approved};
use super::{Scene, Skovik};

#[test]
fn a_hash_or_a_yes_is_no_signature() {
    let skovik = Skovik::start();
    // No guard blocks this plan.
    let scene = Scene::new(&skovik, &SETTINGS.replace("= 10", "= 100"));
    scene.key("anna", &["-t", "ed25519"]);
    scene.write("signers", scene.signer("anna@example.com", "anna"));
    scene.run(&["plan"]).ends(0);
    let plan = scene.json("plan.json");
    let stated = ["apply", "plan.json", "--approved-hash", plan["plan_hash"].as_str().unwrap()];
    scene.run(&stated).ends(6).says(&["0 of 1 signed", "--approved-hash does not do"]);
    scene.run(&[&["verify"], &stated[1..]].concat()).ends(6);
    // On a terminal nobody is asked: `yes` stays unread.
    let typed =
        scene.program("script", &["-qec", &format!("{} apply plan.json", super::BINARY), "/dev/null"], b"yes\n");
    assert_eq!(typed.code, Some(6), "{typed}");
    // An approval that was made while the settings asked for a hash.
    let settings = scene.read("skovik-sync.toml");
    scene.edit("skovik-sync.toml", "\"signature\"", "\"hash\"");
    scene.run(&["approve", "plan.json", "--yes"]).ends(0);
    scene.write("skovik-sync.toml", &settings);
    scene.run(&["apply", "plan.json"]).ends(6).says(&["is not signed"]);
    assert_eq!(skovik.requests().1, [""; 0]);
    // The settings decide what is needed: somebody who can edit them needs no forgery. See docs/approvals.md.
    scene.edit("skovik-sync.toml", "\"signature\"", "\"hash\"");
    scene.run(&["apply", "plan.json"]).ends(0);
}

#[test]
fn two_different_people_suffice_where_a_rule_asks_for_two() {
    let skovik = Skovik::start();
    let scene = approved(&skovik);
    let rule = "[[approval.rule]]\nwhen = \"creates > 100\"\napprovers = 3\n[[approval.rule]]\nwhen = \"deletes > 0\"\napprovers = 2\n";
    scene.write("skovik-sync.toml", scene.read("skovik-sync.toml") + rule);
    scene.run(&["verify", "plan.json"]).ends(6).says(&["1 of 2"]);
    let approve = ["approve", "plan.json", "--yes", "--sign-key", "ben", "--allow", "changes=5"];
    scene.run(&approve).ends(0);
    scene.run(&["apply", "plan.json"]).ends(0);
}

/// A rule on a share of the users is evaluated with the users that Skovik has now, not with the number in the plan.
#[test]
fn a_plan_that_makes_its_account_larger_does_not_escape_a_rule() {
    let skovik = Skovik::start();
    let rule = "[[approval.rule]]\nwhen = \"delete_percent >= 3\"\napprovers = 2\n";
    let scene = Scene::new(&skovik, &(SETTINGS.replace("= 10", "= 100") + rule));
    scene.key("anna", &["-t", "ed25519"]);
    scene.key("ben", &["-t", "ed25519"]);
    let signers = [scene.signer("anna@example.com,amy@example.com", "anna"), scene.signer("ben@example.com", "ben")];
    scene.write("signers", signers.concat());
    scene.run(&["plan"]).ends(0);
    let approve = ["approve", "plan.json", "--yes", "--sign-key", "anna"];
    scene.run(&approve).ends(0);
    scene.run(&["apply", "plan.json"]).ends(6).says(&["1 of 2"]);

    let mut content = Plan::read(scene.read("plan.json").as_bytes()).unwrap().content().clone();
    let more = 24;
    content.target.users += more;
    content.target.managed += more;
    content.summary.unchanged += more;
    for guard in content.guards.iter_mut().filter(|guard| guard.id.starts_with("max_") && guard.of >= 27) {
        guard.of += more;
    }
    let forged = Plan::seal(content).unwrap();
    forged.write(std::fs::File::create(scene.path("plan.json")).unwrap()).unwrap();
    scene.run(&approve).ends(0);
    scene.run(&["verify", "plan.json"]).ends(0);
    let words = ["1 of 2 approvals by the rule `delete_percent >= 3`", "27 users"];
    scene.run(&["apply", "plan.json"]).ends(6).says(&words);
    // One person under two names is one person.
    scene.run(&[&approve[..], &["--approver", "amy@example.com"]].concat()).ends(0);
    scene.run(&["apply", "plan.json"]).ends(6).says(&words);
    assert_eq!(skovik.requests().1, [""; 0]);
    // Two who approve what they are shown are enough.
    scene.run(&["approve", "plan.json", "--yes", "--sign-key", "ben", "--approver", "ben@example.com"]).ends(0);
    scene.run(&["apply", "plan.json"]).ends(0);
}

/// A rule on how large the account is, too.
#[test]
fn a_plan_that_makes_its_account_smaller_does_not_escape_a_rule() {
    for (rule, words) in [("managed >= 27", "`managed >= 27`"), ("unchanged >= 20", "`unchanged >= 20`")] {
        let skovik = Skovik::start();
        let rule = format!("[[approval.rule]]\nwhen = \"{rule}\"\napprovers = 2\n");
        let scene = Scene::new(&skovik, &(SETTINGS.replace("= 10", "= 100") + &rule));
        scene.key("anna", &["-t", "ed25519"]);
        scene.write("signers", scene.signer("anna@example.com", "anna"));
        scene.run(&["plan"]).ends(0);
        let mut content = Plan::read(scene.read("plan.json").as_bytes()).unwrap().content().clone();
        let fewer = content.summary.unchanged - 19;
        content.target.managed -= fewer;
        content.summary.unchanged -= fewer;
        let managed = content.target.managed;
        for guard in content.guards.iter_mut().filter(|guard| guard.id != "max_create_percent") {
            guard.of = guard.of.min(managed);
        }
        let forged = Plan::seal(content).unwrap();
        forged.write(std::fs::File::create(scene.path("plan.json")).unwrap()).unwrap();
        scene.run(&["approve", "plan.json", "--yes", "--sign-key", "anna"]).ends(0);
        scene.run(&["verify", "plan.json"]).ends(0);
        scene.run(&["apply", "plan.json"]).ends(6).says(&["1 of 2", words]);
        assert_eq!(skovik.requests().1, [""; 0]);
    }
}
