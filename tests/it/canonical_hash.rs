//! The hash of a plan, computed by somebody else: scripts/check-plan-hash, in Python, agrees with the program on every
//! plan, and on none that was altered.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Company, FIXTURE_URL, Output, snapshot};

/// Runs the script over a plan.
fn check(company: &Company, plan: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/check-plan-hash");
    let output = company.command("python3", &[script.to_str().unwrap(), plan]).env("PYTHONUTF8", "1").output();
    Output::of(&["(check-plan-hash)", plan], output.expect("the tests need python3"))
}

/// A company whose plan holds everything that canonical JSON treats in a way of its own: in names, values, and keys.
fn awkward() -> Company {
    let texts = [
        "plain",
        "emoji \u{1f9fe}\u{1f468}\u{200d}\u{1f469}",
        "line\u{2028}paragraph\u{2029}separators",
        "controls \u{1}\u{7}\u{8}\u{9}\u{a}\u{c}\u{d}\u{1f}\u{7f}\u{80}\u{9f} end",
        "quotes \" ' \\ / </script>",
        "\u{c5}ngstr\u{f6}m, \u{212b}, A\u{30a}",
        "\u{5d0}\u{5d1} \u{202e}reversed",
        "\u{ffff}\u{fffd}\u{10ffff}\u{feff}",
    ];
    // In UTF-16 the last sorts before the one before it, in UTF-8 after it.
    let fields = ["cf_a", "cf_B", "cf_\u{e5}", "cf_\"\\", "cf_\u{fb33}", "cf_\u{1f600}"];
    let custom_field = |id: &&str| {
        let name = format!("Field {id}");
        json!({"type": "custom-fields", "id": id, "attributes": {"name": name, "field_type": "text"}})
    };
    let user = |(number, text): (usize, &&str)| {
        let values: serde_json::Map<String, Value> =
            fields.iter().map(|field| ((*field).to_owned(), json!(format!("{field}: {text}")))).collect();
        json!({"type": "users", "id": format!("u{number}"),
            "attributes": {"primary_email": format!("p{number}@example.com"), "external_identifier": format!("{number}"),
                           "first_name": text, "last_name": format!("{text} {number}"), "roles": ["employee"],
                           "custom_fields": values, "external_metadata": {}},
            "relationships": {"manager": {"data": null}, "branch": {"data": {"type": "branches", "id": "br_\u{1f3e2}"}}}})
    };
    let branch = json!({"type": "branches", "id": "br_\u{1f3e2}", "attributes": {"name": "Ex\"ample\u{2028}AB", "external_identifier": "SE\u{1f3e2}"}});
    let users: Vec<Value> = texts.iter().enumerate().map(user).collect();
    let account = snapshot(&[branch], &fields.iter().map(custom_field).collect::<Vec<_>>(), &users);
    let settings: String = fields.iter().map(|field| format!("{} = \"{{{{ hr.value }}}}\"\n", json!(field))).collect();
    let settings = format!(
        "[target]\nkind = \"skovik\"\nurl = \"{FIXTURE_URL}\"\ntoken_env = \"SKOVIK_TOKEN\"\n\n\
         [[source]]\nname = \"hr\"\nkind = \"csv\"\npath = \"employees.csv\"\nkey = \"id\"\n\n\
         [employee]\nexternal_identifier = \"{{{{ hr.id }}}}\"\nprimary_email = \"{{{{ hr.email }}}}\"\n\
         first_name = \"{{{{ hr.first }}}}\"\nlast_name = \"{{{{ hr.last }}}}\"\nbranch = \"SE\u{1f3e2}\"\n\n\
         [employee.custom_fields]\n{settings}\n[guard]\nmax_change_percent = 100\nmax_delete_percent = 100\nmax_invalid_percent = 100\n"
    );
    // Two are changed, two are new, the others leave.
    let list = "id,email,first,last,value\n\
                0,p0@example.com,\u{1f9fe},\u{fb33},\u{1f600} \"quoted\" \u{10ffff}\n\
                1,p1@example.com,O'Brien,Ma\u{308}rz,\n\
                90,p90@example.com,\u{674e},\u{5c0f}\u{9f99},a\\b/c\n\
                91,no address \u{1f9fe}\u{2028},Ann,Noted,x\n";
    Company::of(&settings, list, &account, |_| {})
}

#[test]
fn both_compute_the_same_hash_of_every_plan() {
    for fixture in ["small", "group", "bad"] {
        let company = Company::new(fixture);
        let hash = company.plan(0)["plan_hash"].as_str().unwrap().to_owned();
        check(&company, "plan.json").ends(0).prints(&[&hash]);
        company.run(&["approve", "plan.json", "--yes"]).ends(0);
        company.run(&["apply", "plan.json"]).ends(0);
        company.run(&["plan", "-o", "empty.json"]).ends(0);
        check(&company, "empty.json").ends(0);
    }
}

#[test]
fn both_compute_the_same_hash_of_awkward_texts_and_keys() {
    let company = awkward();
    let plan = company.plan(0);
    assert_eq!(plan["summary"], json!({"create": 1, "update": 2, "delete": 6, "unchanged": 0, "set_aside": 1}));
    let text = company.read("plan.json");
    for what in ["\u{1f9fe}", "\u{2028}", "\\u0001", "\\u001f", "cf_\u{1f600}", "cf_\u{fb33}", "\u{7f}", "\u{10ffff}"] {
        assert!(text.contains(what), "the plan was to hold {what:?}");
    }
    check(&company, "plan.json").ends(0).prints(&[plan["plan_hash"].as_str().unwrap()]);
    company.run(&["verify", "plan.json"]).ends(6);
    // Every spelling of the same document has the same hash, to both.
    company.write("plan.json", plan.to_string());
    check(&company, "plan.json").ends(0);
    company.run(&["verify", "plan.json"]).ends(6);
    let ascii: String = company
        .read("plan.json")
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() && byte != 0x7f => char::from(byte).to_string(),
            _ => format!("\\u{unit:04X}"),
        })
        .collect();
    company.write("plan.json", ascii);
    check(&company, "plan.json").ends(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(0);
    company.is_in_line();
}

#[test]
fn both_refuse_what_was_altered() {
    let company = awkward();
    company.run(&["plan"]).ends(0);
    let text = company.read("plan.json");
    for (from, to) in [
        ("\u{1f9fe}", "\u{1f9fd}"),
        ("\u{2028}", "\u{2029}"),
        ("\\u0001", "\\u0002"),
        ("\"unchanged\": 0", "\"unchanged\": 1"),
        ("\"unchanged\": 0", "\"unchanged\": 0.0"),
        ("\"unchanged\": 0", "\"unchanged\": 0, \"unchanged\": 0"),
        ("\"unchanged\": 0", "\"unchanged\": false"),
        ("\"unchanged\": 0", "\"unchanged\": 9007199254740993"),
        ("\"unchanged\": 0", "\"unchanged\": NaN"),
        ("\u{1f9fe}", "\\ud83e"),
        ("\"plan_hash\"", "\"plan_hashes\""),
        ("{", "[{"),
        ("\"format_version\": 3,", ""),
    ] {
        assert!(text.contains(from), "{from}");
        company.write("plan.json", text.replacen(from, to, 1));
        let (theirs, ours) = (check(&company, "plan.json"), company.run(&["show", "plan.json"]));
        assert_eq!((theirs.code, ours.code), (Some(1), Some(8)), "{from} {to}\n{theirs}\n{ours}");
    }
    company.write("plan.json", b"\xff");
    assert_eq!((check(&company, "plan.json").code, company.run(&["show", "plan.json"]).code), (Some(1), Some(8)));
    assert_eq!(check(&company, "nowhere.json").code, Some(1));
}
