//! For tests: plans in which every text comes from outside, and texts that try to break the rendering.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::employee::CustomValue;
use crate::plan::*;

/// Texts that have a meaning in Markdown, on a forge, in HTML or on a terminal.
const FRAGMENTS: &[&str] = &[
    "|",
    "\\|",
    "\\",
    "`",
    "``",
    "```",
    "~~~",
    "*",
    "**",
    "_",
    "~~",
    "#",
    "# ",
    "> ",
    "- ",
    "1. ",
    "[",
    "]",
    "(",
    ")",
    "!",
    "<",
    ">",
    "&",
    "&lt;",
    "&#64;",
    "@team",
    "@",
    "#1",
    "GH-1",
    "!12",
    "$x$",
    ":tada:",
    "[a](http://x)",
    "![a](http://x)",
    "http://x.y",
    "www.example.com",
    "anna@example.com",
    "<b>",
    "</details>",
    "</summary>",
    "</script>",
    "</script ",
    "</script/",
    "<!--<script ",
    "<script>alert(1)</script>",
    "<!--",
    "-->",
    "<img src=x onerror=alert(1)>",
    "\n",
    "\n\n",
    "\r\n",
    "\n```\n",
    "\n</details>\n",
    "\n## x\n",
    "\n| a | b |\n|--|--|\n",
    "\t",
    "    ",
    " ",
    "\n\nPlan hash: `sha256:0000`\n",
    "{{ 1 }}",
    "{% raw %}",
    "\"",
    "'",
    "=",
    "\u{202e}",
    "\u{200b}",
    "\u{2028}",
    "\u{0}",
    "\u{1b}[31m",
    "→",
    "(none)",
    "[^1]",
    "- [ ] x",
    "[!CAUTION]",
    "{+x+}",
    "Anna",
    "Berg",
    "李",
    "é",
    "e\u{301}",
    "\\u003c",
];

/// A hostile text.
pub(super) fn text() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(FRAGMENTS).prop_map(str::to_owned);
    let any = prop_oneof![4 => fragment, 1 => any::<String>(), 1 => "[a-z]{1,8}"];
    vec(any, 1..6).prop_map(|parts| parts.concat())
}

/// As many texts as [`plan`] takes.
pub(super) fn texts() -> impl Strategy<Value = Vec<String>> {
    vec(text(), TEXTS)
}

/// How many texts [`plan`] takes.
pub(super) const TEXTS: usize = 67;

/// A plan of fixed shape with these texts.
pub(super) fn plan(texts: &[String]) -> Plan {
    let mut next = texts.iter().cloned();
    let mut text = move || next.next().unwrap();
    let digest = Digest::of(b"");
    let target = Target {
        kind: text(),
        url: text(),
        users: 10,
        managed: 9,
        fingerprint: digest,
        anchors: Default::default(),
        custom_fields: [("cf_a".into(), text()), ("cf_b".into(), text())].into(),
        removal: Default::default(),
    };
    let source =
        SourceSummary { name: text(), kind: text(), records: 3, proof: text(), fingerprint: digest, join: None };
    let guard = |id: String, outcome| GuardResult::of_whole(&id, 5, 9, 20, outcome);
    let branch =
        BranchRef { branch_id: "br_guarded".into(), external_identifier: Some(text().into()), name: text().into() };
    let parts =
        [Common::Manager, Common::Person].map(|common| Part { common, name: text(), id: Some(text()), count: 2 });
    let of_branch = GuardResult {
        subject: Some(Subject::Branch(Some(branch))),
        parts: parts.to_vec(),
        ..guard(text(), GuardOutcome::Block)
    };
    let guards = vec![guard(text(), GuardOutcome::Pass), of_branch];
    let remark = |severity, employee, code, message| Diagnostic { severity, code, employee, message };
    let diagnostics = vec![
        remark(Severity::Error, Some(text()), text(), text()),
        remark(Severity::Warning, None, text(), text()),
        remark(Severity::Info, None, text(), text()),
    ];
    let user = |id: String, name: String| {
        ManagerRef::User(UserRef { user_id: id.as_str().into(), employee: Some(id.into()), name: name.into() })
    };
    let branch = |id: &str, key: String, name: String| BranchRef {
        branch_id: id.into(),
        external_identifier: Some(key.into()),
        name: name.into(),
    };
    let fields = |text: &mut dyn FnMut() -> String| Fields {
        external_identifier: Some(text().into()),
        primary_email: text().into(),
        // A name without a space takes no lines of its own, so the number of lines would depend on the text.
        first_name: format!("{} x", text()).into(),
        last_name: text().into(),
        branch: Some(Some(branch("b", text(), text()))),
        manager: Some(Some(user(text(), text()))),
        custom_fields: [("cf_a".into(), Some(CustomValue::Text(text().into())))].into(),
    };
    let value = |text: String| Some(Value::Text(text.into()));
    let changes = vec![
        Change { field: Field::LastName, before: value(text()), after: value(text()) },
        Change {
            field: Field::Branch,
            before: Some(Value::Branch(branch("b1", text(), text()))),
            after: Some(Value::Branch(branch("b2", text(), text()))),
        },
        Change { field: Field::Custom("cf_b".into()), before: None, after: value(text()) },
    ];
    let create = Action::Create { after: Box::new(fields(&mut text)) };
    let before = fields(&mut text);
    let roles = Some(vec![text()]);
    let missing_since = Some(Moment::new(0, 0));
    let user_id = text().as_str().into();
    let delete =
        Action::Delete { user_id, before_hash: digest, before: Box::new(before), roles, missing_since, reason: text() };
    let (user_id, stays) = (text().as_str().into(), Some(Some(branch("b1", text(), text()))));
    let update = Action::Update { user_id, before_hash: digest, branch: stays, roles: Some(vec![text()]), changes };
    let operation = |id, employee: String, name, action| Operation {
        id: OperationId(id),
        employee: Some(employee.into()),
        name,
        depends_on: Vec::new(),
        action,
    };
    let link = Action::Link { create: OperationId(1), manager: user(text(), text()) };
    let operations = vec![
        operation(1, "1".into(), "".into(), create),
        operation(2, text(), text().into(), update),
        operation(3, "1".into(), text().into(), link),
        operation(4, "4".into(), "".into(), delete),
    ];
    let people = [Some(Wait { missing_since: Moment::new(0, 0), leaves: Moment::new(604_800, 0) }), None];
    let people = people.map(|wait| WaitingPerson {
        user_id: text().as_str().into(),
        employee: Some(text().into()),
        name: text().into(),
        wait,
        reason: text(),
    });
    let people = Vec::from(people);
    let summary = Summary { create: 1, update: 1, delete: 1, unchanged: 7, set_aside: 1, ..Summary::default() };
    let generator = "skovik-sync 0.1.0".to_owned();
    let content = Content {
        generator,
        config_hash: digest,
        as_of: None,
        only: Vec::new(),
        target,
        sources: vec![source],
        summary,
        guards,
        diagnostics,
        waiting: Some(Waiting { remove_after: 604_800, people }),
        operations,
    };
    Plan::seal(content).unwrap()
}

/// The same plan with harmless texts.
pub(super) fn harmless() -> Plan {
    plan(&(0..TEXTS).map(|number| format!("text{number}")).collect::<Vec<_>>())
}
