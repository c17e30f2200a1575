//! `check --contract` against both interfaces in each of their modes, and against SCIM servers that are not ours.

mod writes;

use std::collections::BTreeMap;

use serde_json::Value;
use skovik_sync::sandbox::{Archived, FieldOptions, Filters, Options, Paging, PatchMode, Paths, RowOrder};

use crate::api_modes::{NAMES, renamed};
use crate::harness::{Company, Output};
use crate::scim_target::doors;
use crate::servers::scim::Scim;

/// The findings as JSON, by their ids, and how the program ended.
fn contract(company: &Company, settings: &str) -> (BTreeMap<String, Value>, Output) {
    let output = company.run(&["-c", settings, "check", "--contract", "--format", "json"]);
    let document: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output}"));
    let findings = document["findings"].as_array().expect("a list").iter();
    let by_id = findings.map(|finding| (finding["id"].as_str().expect("an id").to_owned(), finding.clone())).collect();
    (by_id, output)
}

/// The ids of the findings with this verdict.
fn with<'a>(findings: &'a BTreeMap<String, Value>, verdict: &str) -> Vec<&'a str> {
    findings.iter().filter(|(_, finding)| finding["verdict"] == verdict).map(|(id, _)| id.as_str()).collect()
}

#[test]
fn the_json_api_in_each_mode() {
    let unread = &["options"][..];
    for (paging, field_options, paths, total, not, unknown) in [
        (Paging::StrictCursor, FieldOptions::Separate, Paths::Underscored, true, &[][..], &[][..]),
        (Paging::BareCursor, FieldOptions::Embedded, Paths::Both, true, &[], &[]),
        (Paging::Cursor, FieldOptions::Unreadable, Paths::Both, true, unread, &[]),
        (Paging::Page, FieldOptions::Embedded, Paths::Underscored, false, &["total"], &[]),
        (Paging::Count, FieldOptions::Embedded, Paths::Underscored, true, &["next"], &["next_page"]),
        (
            Paging::Page,
            FieldOptions::Embedded,
            Paths::Dashed,
            true,
            &["custom_fields_path"],
            &["custom_field_ids", "field_name", "field_type", "options"],
        ),
    ] {
        let company = Company::with("small", |options| {
            options.page_cap = 20.try_into().expect("not zero");
            (options.paging, options.field_options, options.paths) = (paging, field_options, paths);
            options.total = total;
        });
        let (findings, output) = contract(&company, "skovik-sync.toml");
        assert_eq!(with(&findings, "does_not_hold"), not, "{output}");
        assert_eq!(with(&findings, "cannot_tell"), unknown, "{output}");
        let is_broken = paths == Paths::Dashed;
        output.ends(if is_broken { 4 } else { 0 });
        company.wrote_nothing();
    }
}

/// One name is wrong: the line that says so names the setting that corrects it.
#[test]
fn each_name_that_is_wrong_is_found_with_its_setting() {
    let company = renamed(|options| {
        options.page_cap = 20.try_into().expect("not zero");
        options.paging = Paging::BareCursor;
    });
    let settings = company.read("skovik-sync.toml");
    let (findings, output) = contract(&company, "skovik-sync.toml");
    assert_eq!(with(&findings, "does_not_hold"), [""; 0], "{output}");
    let cursors = ["page_after", "next_cursor", "total"];
    // What this account does not use: a page size, links, and types that none of its fields has.
    let unused = ["page_size", "next", "type_text", "type_boolean", "options"];
    for line in NAMES.lines().filter(|line| line.contains(" = ")) {
        let (key, _) = line.split_once(" = ").expect("a key");
        if unused.contains(&key) {
            continue;
        }
        company.write("skovik-sync.toml", settings.replace(&format!("\n{line}\n"), "\n"));
        let (findings, output) = contract(&company, "skovik-sync.toml");
        let setting = format!("[target.names] {key}");
        let named = findings.values().any(|finding| {
            finding["verdict"] == "does_not_hold"
                && finding["settings"].as_array().expect("a list").iter().any(|mends| *mends == setting)
        });
        assert!(named, "{key}: {output}");
        assert!(cursors.contains(&key) || !with(&findings, "does_not_hold").is_empty(), "{key}");
    }
}

#[test]
fn it_holds_no_personal_data() {
    let company = renamed(|_| {});
    company.edit("skovik-sync.toml", "first_name = \"given_name\"\n", "");
    let json = company.run(&["check", "--contract", "--format", "json"]).ends(4);
    let text = company.run(&["check", "--contract"]).ends(4);
    text.clone().prints(&["DOES NOT HOLD   first_name", "there: ", "given_name", "see [target.names] first_name"]);
    text.clone().says(&["do not hold; correct the settings"]);
    let said = format!("{json}{text}");
    for user in company.users() {
        let attributes = &user["attributes"];
        for value in
            [&user["id"], &attributes["primary_email"], &attributes["external_identifier"], &attributes["last_name"]]
        {
            if let Some(value) = value.as_str() {
                assert!(!said.contains(value), "{value} is shown: {said}");
            }
        }
    }
    assert!(!said.contains("any-key"), "{said}");
    company.run(&["check", "--format", "json"]).ends(3);
}

#[test]
fn a_service_that_cannot_be_reached_or_refuses_the_key_holds_nothing() {
    let company = Company::with("small", |options| options.key = Some("another-key".into()));
    let (findings, output) = contract(&company, "skovik-sync.toml");
    assert_eq!(findings["users_path"]["seen"], "it answers 401", "{output}");
    output.ends(4);
    let nowhere = Company::offline("small");
    nowhere.edit("skovik-sync.toml", "[target]", "[target]\nretries = 0");
    nowhere.edit("skovik-sync.toml", "127.0.0.1:8480", "127.0.0.1:1");
    let (findings, output) = contract(&nowhere, "skovik-sync.toml");
    assert!(findings["users_path"]["seen"].as_str().expect("a text").contains("no usable answer"), "{output}");
    output.ends(4);
}

#[test]
fn scim_in_each_mode() {
    type Behave = fn(&mut Options);
    let roles = &["roles"][..];
    let cases: [(Behave, &[&str]); 6] = [
        (|_| {}, roles),
        (
            |options| options.scim.external_ids = skovik_sync::sandbox::ExternalIds::Dropped,
            &["external_identifier", "roles"],
        ),
        (|options| (options.scim.patch, options.scim.etags) = (PatchMode::Unsupported, false), roles),
        (|options| (options.scim.sort, options.scim.filters) = (false, Filters::Refused), roles),
        (|options| options.scim.archived = Archived::Hidden, roles),
        (|options| (options.scim.order, options.scim.patch) = (RowOrder::Shuffled, PatchMode::Silent), roles),
    ];
    for (number, (behave, not)) in cases.into_iter().enumerate() {
        let company = doors::company_with(|options| {
            options.page_cap = 20.try_into().expect("not zero");
            behave(options);
        });
        let (findings, output) = contract(&company, "scim.toml");
        assert_eq!(with(&findings, "does_not_hold"), not, "{number}: {output}");
        output.ends(0);
        company.wrote_nothing();
    }
    let company = doors::company_with(|_| {});
    company.edit("scim.toml", "[target]", "[target]\nidentifier = \"urn:example:2.0:User:custom_field1\"");
    let (findings, output) = contract(&company, "scim.toml");
    assert_eq!(findings["identifier_attribute"]["settings"], serde_json::json!(["[target] identifier"]));
    output.ends(4);
}

#[test]
fn other_scim_servers() {
    for (server, not) in [(Scim::start(50), &["roles"][..]), (Scim::scimmy(), &["roles"])] {
        let company = crate::scim_target::company_at_server(&server);
        let (findings, output) = contract(&company, "skovik-sync.toml");
        assert_eq!(with(&findings, "does_not_hold"), not, "{output}");
        output.ends(0);
    }
}
