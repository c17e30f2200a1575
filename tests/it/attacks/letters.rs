//! Odd letters: what a reader cannot see is shown, what would cover other lines is bounded, and a name that looks like
//! another is not another.

use serde_json::{Value, json};

use crate::harness::{Company, snapshot};

/// Names that a reader takes for the policy's.
const LIKE_THE_POLICY: [&str; 9] = [
    "policy:automatic",
    "Policy Automatic",
    "(policy) automatic.",
    "Policy: Automatic",
    "policy:\u{a0}automatic",
    "policy:  automatic",
    "ＰＯＬＩＣＹ： automatic",
    "policy: auto\u{200b}matic",
    "policy: automatic\u{e000}",
];

#[test]
fn nobody_is_called_what_the_policy_is_called() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "eve"]).ends(0);
    let mut approval = company.json("plan.json.eve.approval");
    for name in LIKE_THE_POLICY {
        let refused = company.run(&["approve", "plan.json", "--yes", "--approver", name]).ends(3);
        assert!(refused.stderr.contains("--approver"), "{refused}");
        // Nor in a record that was made by hand.
        approval["approver"] = json!(name);
        company.write("plan.json.eve.approval", approval.to_string());
        company.run(&["apply", "plan.json"]).ends(6).says(&["was given by policy, which does not allow it"]);
        company.wrote_nothing();
    }
}

#[test]
fn a_name_that_shows_nothing_approves_nothing() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "eve"]).ends(0);
    let mut approval = company.json("plan.json.eve.approval");
    for name in ["\u{3164}", "\u{2800}", "...", "\u{ffa0}"] {
        company.run(&["approve", "plan.json", "--yes", "--approver", name]).ends(3).says(&["--approver"]);
        approval["approver"] = json!(name);
        company.write("plan.json.eve.approval", approval.to_string());
        company.run(&["apply", "plan.json"]).ends(6).says(&["a letter or a digit that can be seen"]);
        company.wrote_nothing();
    }
}

#[test]
fn what_nobody_sees_in_a_list_is_seen_in_every_rendering() {
    let company = Company::new("small");
    let odd = format!("Ho{}\u{e000}\u{378}\u{a0}\u{2007}\u{200b}a", "\u{33f}".repeat(299));
    company.edit("employees.csv", ",Hanna,", &format!(",{odd},"));
    company.run(&["plan"]).ends(0);
    for format in ["text", "markdown", "html"] {
        let shown = company.run(&["show", "plan.json", "--format", format]).ends(0).stdout;
        // In the page, a backslash stands in JSON.
        let written_out = shown.replace(r"\\", r"\");
        for escape in [r"\u{33f}", r"\u{e000}", r"\u{378}", r"\u{a0}", r"\u{2007}", r"\u{200b}"] {
            assert!(written_out.contains(escape), "{format}: {escape}");
        }
        assert!(!shown.contains(['\u{e000}', '\u{378}', '\u{a0}', '\u{2007}', '\u{200b}']), "{format}");
        assert!(shown.contains(&"\u{33f}".repeat(4)) && !shown.contains(&"\u{33f}".repeat(5)), "{format}");
    }
}

/// JSON is read by people too, on a terminal or in a log: it hides nothing, and says the same.
#[test]
fn json_hides_nothing_and_a_program_reads_what_was_there() {
    // A list's own are set aside; those of users whom it does not know are shown.
    let company = Company::offline("small");
    let odd = "Po\u{e000}\u{f0000}\u{200b}ntus";
    company.edit("users.jsonl", "Pontus", odd);
    company.edit("users.jsonl", "\"1027\"", "\"10\u{a0}27\u{e001}\"");
    let rows = |what: &str| -> Vec<Value> {
        let lines = company.read("users.jsonl");
        let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        rows.filter_map(|row| row.get(what).cloned()).collect()
    };
    let account = snapshot(&rows("branch"), &rows("custom_field"), &rows("user"));
    let company = company.serve(&account, |_| {});
    company.run(&["plan"]).ends(0);
    let view = company.run(&["show", "plan.json", "--format", "json"]).ends(0).stdout;
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    let applied = company.run(&["apply", "plan.json", "--events", "-", "--report", "report.json"]).ends(0);
    let report = company.read("report.json");
    for (name, text) in [("view", &view), ("events", &applied.stdout), ("report", &report)] {
        let hidden = |c: char| matches!(c, '\u{e000}' | '\u{e001}' | '\u{f0000}' | '\u{200b}' | '\u{a0}');
        assert!(!text.contains(hidden), "{name}: {text}");
        assert!(text.contains(r"\ue001"), "{name}: {text}");
    }
    assert!(view.contains(r"Po\ue000\udb80\udc00\u200bntus"), "{view}");
    assert!(serde_json::from_str::<Value>(&view).expect("JSON").to_string().contains(odd));
    assert!(serde_json::from_str::<Value>(&report).expect("JSON").to_string().contains("10\u{a0}27\u{e001}"));
    for line in applied.stdout.lines() {
        serde_json::from_str::<Value>(line).expect("JSON");
    }
}

/// Whoever writes an approval says what each of its members is.
#[test]
fn an_approval_is_no_list_without_names() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes", "--approver", "anna"]).ends(0);
    let approval = company.json("plan.json.anna.approval");
    let members = ["format", "format_version", "plan_hash", "approver", "approved_at"].map(|name| &approval[name]);
    let (nothing, no_ceilings, no_guards) = (json!(null), json!({}), json!([]));
    let whole = [&members[..], &[&nothing, &nothing, &no_ceilings, &no_guards, &nothing]].concat();
    for list in [json!(members), json!(whole)] {
        company.write("plan.json.anna.approval", list.to_string());
        company.run(&["verify", "plan.json"]).ends(6).prints(&["no approval"]);
        company.run(&["apply", "plan.json"]).ends(6).says(&["no approval"]);
    }
    company.wrote_nothing();
}

/// The name of a file is the word of whoever made it.
#[test]
fn names_of_files_are_written_out() {
    for odd in ["p\nq", "p\u{202e}q", "p\u{1b}[31mq", "p\u{2028}q"] {
        let company = Company::new("small");
        let (plan, view, snapshot) = (format!("{odd}.json"), format!("{odd}.md"), format!("{odd}.jsonl"));
        let missing = format!("{odd}.none");
        for args in [
            &["plan", "-o", &plan][..],
            &["approve", "--yes", "--approver", "anna", &plan],
            &["verify", &plan],
            &["show", &plan, "-o", &view],
            &["snapshot", "-o", &snapshot],
            &["apply", &plan, "--report", &missing],
            &["apply", &missing],
            &["undo", &plan, "-o", &missing],
            &["undo", &plan, "-o", "undo.json"],
            &["plan", "--users", "nobody\u{202e}\n.jsonl"],
            &["verify", &plan, "--rendered", "nothing\u{202e}\n.md"],
            &["--config", &missing, "plan"],
            &["init", &missing, "--yes"],
        ] {
            let output = company.run(args);
            for text in [&output.stdout, &output.stderr] {
                assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{2028}']), "{output}");
                assert!(!text.lines().any(|line| line.starts_with("q.") || line.starts_with(".md")), "{output}");
            }
        }
    }
}

/// What the page keeps for its own use stands in its file for whoever looks there.
#[test]
fn the_page_hides_nothing_in_its_keys() {
    use skovik_sync::plan::{Action, Plan};
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    let mut content = Plan::read(&company.read_bytes("plan.json")).expect("a plan").content().clone();
    for operation in &mut content.operations {
        if let Action::Delete { user_id, .. } | Action::Update { user_id, .. } = &mut operation.action {
            *user_id = format!("{user_id}\u{202e}\u{200b}x").as_str().into();
        }
    }
    let plan = Plan::seal(content).expect("a hash");
    plan.write(std::fs::File::create(company.path("plan.json")).expect("made")).expect("written");
    let page = company.run(&["show", "plan.json", "--format", "html"]).ends(0);
    assert!(page.stdout.contains("u{202e}") && !page.stdout.contains(['\u{202e}', '\u{200b}']), "{page}");
}

/// The words of a reader of JSON repeat names from the file. They make no lines of their own.
#[test]
fn a_damaged_file_adds_no_lines_to_what_is_said_of_it() {
    let company = Company::new("small");
    company.run(&["plan"]).ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    let plan = company.json("plan.json");
    let hash = plan["plan_hash"].as_str().expect("a hash").replace("sha256:", "");
    let journal = format!("home/state/skovik-sync/journals/{hash}.journal");
    let name = "x`\nAll is well: approved\n::add-mask::y\nhint: do it";
    let mut with_more = plan.clone();
    with_more[name] = json!(1);
    let line = format!("{}\n", json!({name: 1}));
    for (file, text, command) in [
        (journal.as_str(), &line, ["apply", "plan.json"]),
        ("plan.json", &with_more.to_string(), ["show", "plan.json"]),
        ("plan.json.eve.approval", &line, ["verify", "plan.json"]),
    ] {
        let kept = company.exists(file).then(|| company.read(file));
        company.write(file, text);
        let said = company.run(&command);
        let both = format!("{}{}", said.stdout, said.stderr);
        // Of a plan or an approval, which may be any file, such a name is not quoted at all.
        let shown = if file == journal { "unknown field `x`\\n" } else { "unknown field `…`" };
        assert!(both.contains(shown), "{file}: {said}");
        for begins in ["All is", "::add", "hint: do"] {
            assert!(!both.lines().any(|line| line.trim_start().starts_with(begins)), "{file}: {said}");
        }
        if let Some(kept) = kept {
            company.write(file, kept);
        }
    }
}
