#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod serve;
mod state;

use std::fmt::Write as _;

use super::*;
use crate::guard::{
    BRANCH_CHANGE_PERCENT, BRANCH_DELETE_PERCENT, MAX_CREATES, MAX_DELETE_PERCENT, MAX_FIELD_PERCENT,
    MAX_LEFT_WITHOUT_MANAGER,
};

/// A file that is good as it stands, in pieces that a test can replace.
const GOOD: &str = r#"
[target]
kind = "skovik"
url = "https://api.skovik.com/v1/"

[[source]]
name = "hr"
kind = "csv"
path = "employees.csv"
key = "employee_id"

[employee]
external_identifier = "{{ hr.employee_id }}"
primary_email = "{{ hr.email | lower }}"
first_name = "{{ hr.first_name }}"
last_name = "{{ hr.last_name }}"
branch = "{{ hr.legal_entity }}"
manager = "{{ hr.manager_id }}"
[employee.custom_fields]
"Cost center" = "{{ hr.cost_center }}"

[scope]
include = "hr.status == 'active'"

[guard]

[approval]
"#;

const RULE_OF_TWO: &str = "[[approval.rule]]\nwhen = \"deletes > 0\"\napprovers = 2";

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::parse(text, Path::new("conf/skovik-sync.toml"))
}

/// The good file with one piece replaced.
#[track_caller]
fn replaced(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

#[track_caller]
fn refused(old: &str, new: &str, expected: &[&str]) {
    let Err(error) = parse(&replaced(old, new)) else { panic!("{new:?} is accepted") };
    let error = error.to_string();
    for part in expected {
        assert!(error.contains(part), "{new:?}: {error}");
    }
}

#[track_caller]
fn accepted(old: &str, new: &str) -> Settings {
    parse(&replaced(old, new)).unwrap()
}

#[test]
fn defaults_are_filled_in() {
    let settings = parse(GOOD).unwrap();
    let target = &settings.target;
    assert_eq!(target.url.as_str(), "https://api.skovik.com/v1");
    assert_eq!(target.token.place(), &SecretPlace::Variable("SKOVIK_TOKEN".to_owned()));
    let access = &target.access;
    assert_eq!((access.auth_header.as_str(), access.auth_scheme.as_str()), ("Authorization", "Bearer"));
    assert_eq!((access.page_size, access.max_in_flight, access.requests_per_second, access.retries), (0, 8, 0, 5));
    assert_eq!(access.timeout, Duration::from_secs(30));
    assert_eq!(settings.guard, Limits::default());
    let scope = &settings.scope;
    assert!(scope.match_email && scope.branches.is_none() && scope.protect.is_none());
    assert_eq!((scope.renumber, scope.remove, scope.invalid), (Renumber::Ask, Remove::Identified, Invalid::Skip));
    assert_eq!(settings.manager.unresolved, Unresolved::Warn);
    let approval = &settings.approval;
    assert_eq!((approval.require, approval.approvers, approval.automatic), (Require::Hash, 1, false));
    assert_eq!(approval.max_age, Duration::from_secs(86_400));
    assert_eq!(settings.sources.len(), 1);
}

#[test]
fn unknown_keys_name_their_table_and_the_nearest_key() {
    refused(
        "[guard]\n",
        "[guard]\nmax_delet_percent = 5\n",
        &["conf/skovik-sync.toml: unknown key `max_delet_percent` in [guard] (line 26); did you mean \
            `max_delete_percent`?"],
    );
    refused(
        "path = \"employees.csv\"",
        "pth = \"x\"",
        &["unknown key `pth` in [[source]] `hr` (line 9); did you mean `path`?"],
    );
    refused("path =", "pointer = \"/x\"\npath =", &["unknown key `pointer` in [[source]] `hr`"]);
    refused("[scope]", "[scopes]", &["unknown key `scopes` in the file (line 22); did you mean `scope`?"]);
    refused("branch =", "xyzzyx =", &["unknown key `xyzzyx` in [employee]", "known are external_identifier, "]);
    refused("branch =", "primary_emial =", &["did you mean `primary_email`?"]);
}

#[test]
fn syntax_errors_say_where() {
    refused("[guard]\n", "[guard]\nmin_employees = = 5\n", &["conf/skovik-sync.toml:26:17: "]);
    refused("[guard]\n", "[guard]\n[guard]\n", &["conf/skovik-sync.toml:26:"]);
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let settings = accepted("[approval]", "[approval]\nallowed_signers = \"keys/signers\"");
    assert_eq!(settings.approval.allowed_signers, Some(PathBuf::from("conf/keys/signers")));
    let settings = accepted("[[source]]", "token_file = \"token\"\n[[source]]");
    assert_eq!(settings.target.token.place(), &SecretPlace::File(PathBuf::from("conf/token")));
}

#[test]
fn values_that_cannot_be_right_are_refused() {
    let url = "url = \"https://api.skovik.com/v1/\"";
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "kind = \"skovik\"",
            "kind = \"other\"",
            &["`kind` in [target] (line 3) must be \"skovik\" or \"scim\", not \"other\""],
        ),
        ("kind = \"skovik\"\n", "", &["[target] (line 2) lacks `kind`"]),
        (url, "url = \"https://me:secret@api.skovik.com/v1\"", &["`url` in [target]", "user or a password"]),
        (url, "url = \"http://api.skovik.com/v1\"", &["must be https"]),
        (url, "url = \"http://localhost.example.com/v1\"", &["must be https"]),
        (url, "url = \"ftp://127.0.0.1\"", &["must begin with https"]),
        (url, "url = \"api.skovik.com\"", &["is not a URL"]),
        (url, "url = \"https://api.skovik.com/v1?x=1\"", &["without ? or #"]),
        (url, "", &["lacks `url`"]),
        (
            "[[source]]",
            "token_env = \"A\"\ntoken_file = \"b\"\n[[source]]",
            &["`token_file` in [target]", "together with `token_env`"],
        ),
        ("[[source]]", "token_command = []\n[[source]]", &["`token_command`", "is empty"]),
        ("[[source]]", "token_command = \"pass\"\n[[source]]", &["must be a list of texts", "not a string"]),
        ("[[source]]", "auth_header = \"A B\"\n[[source]]", &["not the name of an HTTP header"]),
        (
            "[[source]]",
            "page_size = 10001\n[[source]]",
            &["`page_size` in [target] (line 6) must be between 0 and 10000, not 10001"],
        ),
        ("[[source]]", "page_size = \"9\"\n[[source]]", &["must be a whole number, not a string"]),
        ("[[source]]", "timeout = \"soon\"\n[[source]]", &["`timeout` in [target]", "duration above zero"]),
        ("[[source]]", "timeout = \"0s\"\n[[source]]", &["duration above zero"]),
        ("[[source]]", "timeout = \"7d\"\n[[source]]", &["duration above zero"]),
        ("[[source]]", "timeout = \"-5s\"\n[[source]]", &["duration above zero"]),
        ("kind = \"csv\"", "kind = \"xls\"", &["`kind` in [[source]] `hr`", "\"csv\" or \"json\" or \"jsonl\""]),
        ("kind = \"csv\"\n", "", &["[[source]] `hr` (line 6) lacks `kind`"]),
        ("key = \"employee_id\"", "", &["lacks `key`"]),
        ("path = \"employees.csv\"", "", &["lacks `path`"]),
        ("name = \"hr\"", "name = \"h-r\"", &["`name` in [[source]]", "letters, digits and _"]),
        ("name = \"hr\"", "name = \"1hr\"", &["letters, digits and _"]),
        ("name = \"hr\"", "name = \"employee\"", &["templates need for something else"]),
        (
            "key = \"employee_id\"",
            "key = \"employee_id\"\ndelimiter = \"123456789\"",
            &["`delimiter`", "one character"],
        ),
        ("key = \"employee_id\"", "key = \"employee_id\"\nencoding = \"klingon\"", &["`encoding`", "unknown"]),
        ("key = \"employee_id\"", "key = \"employee_id\"\nexpect_records = -1", &["between 0 and"]),
        ("first_name = \"{{ hr.first_name }}\"", "", &["[employee] (line 12) lacks `first_name`"]),
        ("{{ hr.first_name }}", "{{ hr.first_name", &["`first_name` in [employee] (line 15)", "syntax error"]),
        ("{{ hr.first_name }}", "{{ h.first_name }}", &["refers to `h`", "did you mean `hr`?"]),
        ("{{ hr.first_name }}", "{{ hr.first_name | nope }}", &["filter"]),
        ("{{ hr.first_name }}", "", &["`first_name` in [employee]", "is empty"]),
        (
            "{{ hr.cost_center }}",
            "{{ cost_center }}",
            &["`Cost center` in [employee.custom_fields]", "refers to `cost_center`"],
        ),
        (
            "\"{{ hr.manager_id }}\"",
            "{ value = \"{{ hr.m }}\", refer_to = \"x\" }",
            &["`refer_to` in [employee.manager]", "`refers_to`"],
        ),
        ("\"{{ hr.manager_id }}\"", "{ refers_to = \"{{ hr.m }}\" }", &["lacks `value`"]),
        ("hr.status == 'active'", "hr.status = 'active'", &["`include` in [scope] (line 23)", "syntax error"]),
        ("hr.status == 'active'", "status == 'active'", &["`include` in [scope]", "refers to `status`"]),
        ("[guard]", "match = [\"primary_email\"]\n[guard]", &["`match` in [scope]", "comes second"]),
        ("[guard]", "match = [\"primary_email\", \"external_identifier\"]\n[guard]", &["`match`"]),
        ("[guard]", "match = []\n[guard]", &["`match`"]),
        ("[guard]", "match = [\"external_identifier\", \"id\"]\n[guard]", &["`match`"]),
        ("[guard]", "branches = []\n[guard]", &["`branches` in [scope]", "is empty"]),
        ("[guard]", "protect = [\"\"]\n[guard]", &["holds an empty text"]),
        ("[guard]", "remove = \"everybody\"\n[guard]", &["\"identified\" or \"all\" or \"none\""]),
        ("[guard]", "renumber = \"same_person\"\n[guard]", &["\"ask\" or \"same-person\""]),
        ("[guard]\n", "[guard]\nmax_change_percent = 101\n", &["between 0 and 100, not 101"]),
        ("[guard]\n", "[guard]\nmax_change_percent = 12.5\n", &["a whole number, not a float"]),
        ("[guard]\n", "[guard]\nmin_employees = 0\n", &["between 1 and"]),
        ("[approval]", "[approval]\napprovers = 2", &["`approvers` in [approval]", "require = \"signature\""]),
        ("[approval]", "[approval]\napprovers = 0", &["between 1 and"]),
        ("[approval]", "[approval]\nrequire = \"signature\"", &["needs `allowed_signers`"]),
        ("[approval]", RULE_OF_TWO, &["`approvers` in [[approval.rule]] (line 29)", "needs `require = \"signature\"`"]),
        ("[approval]", "[[approval.rule]]\napprovers = 1", &["[[approval.rule]]", "lacks `when`"]),
        ("[approval]", "[[approval.rule]]\nwhen = \"deletes > 0\"", &["[[approval.rule]]", "lacks `approvers`"]),
        ("[approval]", "[[approval.rule]]\nwhen = \"delets > 0\"\napprovers = 1", &["`when`", "refers to `delets`"]),
        ("[approval]", "[[approval.rule]]\nwhen = \"deletes\"\napprovers = 1", &["`when`", "true or false"]),
        ("[approval]", "[[approval.rule]]\nif = \"deletes > 0\"", &["unknown key `if` in [[approval.rule]]"]),
        (
            "[approval]",
            "[approval.rule]\nwhen = \"deletes > 0\"",
            &["a list of tables, each written [[approval.rule]]"],
        ),
        ("[approval]", "[approval]\nautomatic = \"yes\"", &["must be true or false, not a string"]),
        ("[approval]", "[approval]\nmax_age = \"1 fortnight\"", &["duration above zero"]),
    ];
    for (old, new, expected) in cases {
        refused(old, new, expected);
    }
}

#[test]
fn values_that_are_right_are_accepted() {
    for url in ["http://127.0.0.1:8480/v1", "http://localhost:1/v1", "http://[::1]/v1"] {
        assert_eq!(accepted("https://api.skovik.com/v1/", url).target.url.as_str(), url);
    }
    assert!(!accepted("[guard]", "match = [\"external_identifier\"]\n[guard]").scope.match_email);
    assert_eq!(
        accepted("[[source]]", "timeout = \"1m 30s\"\n[[source]]").target.access.timeout,
        Duration::from_secs(90)
    );
    assert_eq!(accepted("[approval]", "[approval]\nmax_age = \"1h 30m\"").approval.max_age, Duration::from_secs(5_400));
    assert_eq!(accepted("[[source]]", "auth_scheme = \"\"\n[[source]]").target.access.auth_scheme, "");
    let approval = "[approval]\nrequire = \"signature\"\napprovers = 2\nallowed_signers = \"a\"";
    assert_eq!(accepted("[approval]", approval).approval.approvers, 2);
    let rules = accepted("[approval]", &format!("{approval}\n{RULE_OF_TWO}")).approval.rules;
    assert_eq!(rules.iter().map(|rule| (rule.when(), rule.approvers())).collect::<Vec<_>>(), [("deletes > 0", 2)]);
    let guard = accepted("[guard]\n", "[guard]\nmax_delete_percent = 0\nmax_creates = 1_000\n").guard;
    assert_eq!((guard.get(&MAX_DELETE_PERCENT), guard.get(&MAX_CREATES)), (Some(0), Some(1_000)));
}

#[test]
fn sources_have_different_names_and_there_is_at_least_one() {
    let twice = "[[source]]\nname = \"hr\"\nkind = \"json\"\npath = \"b.json\"\nkey = \"id\"\n[employee]";
    refused("[employee]", twice, &["`name` in [[source]] (line 13) is \"hr\", but another source has that name"]);
    let error = parse("[target]\nkind = \"skovik\"\nurl = \"https://x.example\"\n").unwrap_err().to_string();
    assert!(error.contains("lacks `[[source]]`"), "{error}");
}

#[test]
fn branches_need_to_be_managed() {
    let text =
        GOOD.replace("branch = \"{{ hr.legal_entity }}\"\n", "").replace("[guard]", "branches = [\"SE01\"]\n[guard]");
    let error = parse(&text).unwrap_err().to_string();
    assert!(error.contains("needs `branch` in [employee]"), "{error}");
}

#[test]
fn missing_files_say_what_to_do() {
    let error = Settings::load(Path::new("no/such/file.toml")).unwrap_err().to_string();
    assert!(error.contains("no/such/file.toml") && error.contains("skovik-sync init"), "{error}");
}

#[test]
fn templates_know_their_columns() {
    let names = ["hr".into(), "ad".into()];
    let columns = |text: &str| -> Vec<(usize, String)> {
        let template = Template::parse("x", text, &names).unwrap();
        template.columns.iter().map(|name| (name.source, name.column.to_string())).collect()
    };
    let all = [(0, "a b".to_owned()), (0, "c".to_owned()), (1, "d".to_owned()), (1, "mail".to_owned())];
    assert_eq!(
        columns("{{ hr['a b'] }}{% if ad.d is defined %}{{ hr.c }}{% endif %}{{ ad [ \"mail\" ] | lower }}"),
        all
    );
    assert_eq!(columns("{% for x in ad.d %}{{ x.y }}{% endfor %}"), [(1, "d".to_owned())]);
    assert_eq!(columns("{{ hr[ad.d] }}"), [(1, "d".to_owned())]);
    // A column composed otherwise than in the list is the same column.
    assert_eq!(columns("{{ hr['a\u{30a}'] }}"), [(0, "\u{e5}".to_owned())]);
}

#[test]
fn the_hash_covers_what_a_plan_depends_on() {
    let hash = |text: &str| parse(text).unwrap().hash();
    let original = hash(GOOD);
    let mut same = GOOD.replace("[approval]", "[approval]\nmax_age = \"1h\"\nautomatic = true\n");
    same = same.replace(
        "[[source]]",
        "page_size = 7\ntimeout = \"9s\"\nretries = 1\ntoken_env = \"OTHER\"\n# remark\n[[source]]",
    );
    same =
        same.replace("path = \"employees.csv\"", "path = \"elsewhere.csv\"\nexpect_records = 5\nsha256_file = \"x\"");
    same = same.replace("key = \"employee_id\"", "key = \"employee_id\"\ndelimiter = \",\"\nencoding = \"UTF8\"");
    same = same.replace("[guard]\n", "[guard]\nmax_delete_percent = 20\n");
    same = same.replace("[guard]", "invalid = \"skip\"\n[guard]");
    assert_eq!(hash(&same), original);
    let mut seen = vec![original];
    for (old, new) in [
        ("https://api.skovik.com", "https://other.skovik.com"),
        ("hr", "h"),
        ("\"csv\"", "\"json\""),
        ("key = \"employee_id\"", "key = \"id\""),
        ("key = \"employee_id\"", "key = \"employee_id\"\ndelimiter = \";\""),
        ("key = \"employee_id\"", "key = \"employee_id\"\nencoding = \"windows-1252\""),
        ("{{ hr.email | lower }}", "{{ hr.mail | lower }}"),
        ("branch = \"{{ hr.legal_entity }}\"\n", ""),
        (
            "manager = \"{{ hr.manager_id }}\"",
            "manager = { value = \"{{ hr.manager_id }}\", refers_to = \"{{ hr.dn }}\" }",
        ),
        ("\"Cost center\" =", "\"Cost centre\" ="),
        ("hr.status == 'active'", "hr.status != 'left'"),
        ("[guard]", "branches = [\"SE01\"]\n[guard]"),
        ("[guard]", "match = [\"external_identifier\"]\n[guard]"),
        ("[guard]", "renumber = \"same-person\"\n[guard]"),
        ("[guard]", "remove = \"all\"\n[guard]"),
        ("[guard]", "protect = [\"role:admin\"]\n[guard]"),
        // Nobody is not what holds if nothing is said.
        ("[guard]", "protect = []\n[guard]"),
        ("[guard]", "invalid = \"error\"\n[guard]"),
        ("[guard]", "[manager]\nunresolved = \"error\"\n[guard]"),
        ("[guard]\n", "[guard]\nmax_invalid_percent = 6\n"),
        ("[guard]\n", "[guard]\nmax_deletes = 6\n"),
        ("[guard]\n", "[guard]\nmax_left_without_manager = 6\n"),
        ("[guard]\n", "[guard]\nmax_field_percent = 6\n"),
        ("[guard]\n", "[guard]\nfields = { \"Cost center\" = 6 }\n"),
        ("[guard]\n", "[guard]\nfields = { \"last_name\" = 6 }\n"),
        ("[guard]\n", "[guard]\nper_branch = { max_delete_percent = 6 }\n"),
        ("[guard]\n", "[guard]\nper_branch = { max_change_percent = 6 }\n"),
        ("[guard]\n", "[guard]\nper_branch = { max_change_percent = 6, ignore_below = 6 }\n"),
    ] {
        let other = if old == "hr" { hash(&GOOD.replace("hr", "h")) } else { hash(&replaced(old, new)) };
        assert!(!seen.contains(&other), "{new}");
        seen.push(other);
    }
}

#[test]
fn the_order_of_a_set_does_not_matter() {
    let hash = |list: &str| accepted("[guard]", &format!("branches = [{list}]\nprotect = [{list}]\n[guard]")).hash();
    assert_eq!(hash("\"a\", \"b\""), hash("\"b\", \"a\", \"b\""));
    assert_ne!(hash("\"a\", \"b\""), hash("\"a\""));
}

#[test]
fn the_order_of_sources_matters() {
    let two = |first: &str, second: &str| {
        let mut sources = String::new();
        for name in [first, second] {
            let _ = write!(sources, "[[source]]\nname = \"{name}\"\nkind = \"csv\"\npath = \"p\"\nkey = \"k\"\n");
        }
        let start = GOOD.find("[[source]]").unwrap();
        let end = GOOD.find("[employee]").unwrap();
        parse(&format!("{}{sources}{}", &GOOD[..start], &GOOD[end..])).unwrap().hash()
    };
    assert_ne!(two("hr", "ad"), two("ad", "hr"));
}

#[test]
fn the_guards_on_parts_are_read() {
    let text = "[guard]\nmax_left_without_manager = 0\nmax_field_percent = 40\n[guard.fields]\n\"Cost center\" = 10\n\
                manager = 30\n[guard.per_branch]\nmax_delete_percent = 50\n";
    let guard = accepted("[guard]\n", text).guard;
    assert_eq!((guard.get(&MAX_LEFT_WITHOUT_MANAGER), guard.get(&MAX_FIELD_PERCENT)), (Some(0), Some(40)));
    assert_eq!(guard.field_limits(&MAX_FIELD_PERCENT).collect::<Vec<_>>(), [("Cost center", 10), ("manager", 30)]);
    assert_eq!((guard.get(&BRANCH_DELETE_PERCENT), guard.get(&BRANCH_CHANGE_PERCENT)), (Some(50), None));
    assert_eq!(guard.ignore_below(&BRANCH_DELETE_PERCENT), Some(5));
    let guard = accepted("[guard]\n", "[guard]\nper_branch = { max_change_percent = 5, ignore_below = 9 }\n").guard;
    assert_eq!((guard.get(&BRANCH_CHANGE_PERCENT), guard.ignore_below(&BRANCH_CHANGE_PERCENT)), (Some(5), Some(9)));
}

#[test]
fn the_window_of_the_guards_is_a_day_unless_it_is_set() {
    let guard = |line: &str| accepted("[guard]\n", &format!("[guard]\n{line}\n")).guard.window();
    let windows = ["", "window = \"0h\"", "window = \"0s\"", "window = \"1h 30m\"", "window = \"30d\""].map(guard);
    assert_eq!(windows, [86_400, 0, 0, 5_400, 2_592_000]);
    let refused = |window: &str, part: &str| {
        refused("[guard]\n", &format!("[guard]\nwindow = {window}\n"), &["`window` in [guard] (line 26)", part]);
    };
    refused("\"-1h\"", "must be a time in whole seconds");
    refused("\"30s\"", "\"0h\" to count each plan by itself");
    refused("\"721h\"", "between \"1m\" and \"30d\"");
    refused("24", "must be a text");
}

#[test]
fn the_guards_on_parts_must_make_sense() {
    let guard = |keys: &str, expected: &[&str]| refused("[guard]\n", &format!("[guard]\n{keys}\n"), expected);
    guard("max_field_percent = 101", &["`max_field_percent` in [guard] (line 26) must be between 0 and 100"]);
    guard(
        "[guard.fields]\n\"Cost centre\" = 5",
        &["`Cost centre` in [guard.fields] (line 27)", "did you mean `Cost center`?"],
    );
    guard("[guard.fields]\nlast_name = \"5\"", &["`last_name` in [guard.fields]", "must be a whole number"]);
    guard("[guard.fields]\nlast_name = 500", &["must be between 0 and 100"]);
    guard("[guard.per_branch]", &["`per_branch` in [guard]", "sets no limit"]);
    guard("[guard.per_branch]\nignore_below = 3", &["sets no limit"]);
    guard("[guard.per_branch]\nmax_delete_percent = 5\nignore_below = 0", &["`ignore_below`", "between 1 and"]);
    guard("[guard.per_branch]\nmax_deletes = 5", &["unknown key `max_deletes` in [guard.per_branch]"]);
    guard("per_branch = 5", &["must be a table, [guard.per_branch]"]);
    let without =
        |line: &str, guard: &str| parse(&replaced(line, "").replacen("[guard]\n", guard, 1)).unwrap_err().to_string();
    let branch = "branch = \"{{ hr.legal_entity }}\"\n";
    let error = without(branch, "[guard.per_branch]\nmax_delete_percent = 5\n");
    assert!(error.contains("`per_branch` in [guard]") && error.contains("needs `branch` in [employee]"), "{error}");
    let error = without(branch, "[guard.fields]\nbranch = 5\n");
    assert!(error.contains("is not a field that [employee] manages"), "{error}");
    let error = without("manager = \"{{ hr.manager_id }}\"\n", "[guard]\nmax_left_without_manager = 5\n");
    assert!(error.contains("`max_left_without_manager`") && error.contains("needs `manager`"), "{error}");
}
