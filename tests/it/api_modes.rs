//! Skovik's JSON API in each way in which it may turn out to be: the program comes to "No changes" against all of them, by
//! settings alone where a name is another one.

use serde_json::{Value, json};
use skovik_sync::config::{Settings, TargetKind};
use skovik_sync::sandbox::{BranchMove, FieldOptions, ManagerDelete, Options, Paging, Paths, PutMode};

use crate::harness::Company;

/// Names that nobody has guessed.
pub(crate) const NAMES: &str = r#"
[target.names]
users_path = "people/employees"
branches_path = "legal_entities"
custom_fields_path = "dimensions"
options_path = "dimension_values"
users_type = "employees"
branches_type = "legal-entities"
custom_fields_type = "dimensions"
options_type = "dimension-values"
page_size = "limit"
page_after = "cursor"
next = "/paging/next_page"
next_cursor = "/paging/cursor"
total = "/paging/count"
first_name = "given_name"
last_name = "family_name"
roles = "rights"
custom_fields = "dimensions"
manager = "superior"
branch = "legal_entity"
name = "title"
field_type = "kind"
type_text = "string"
type_multiple_choice = "select"
type_boolean = "checkbox"
options = "choices"
option_label = "display"
option_value = "code"
option_field = "dimension"

[[source]]"#;

fn codes(plan: &Value) -> Vec<&str> {
    plan["diagnostics"].as_array().expect("a list").iter().filter_map(|found| found["code"].as_str()).collect()
}

/// The names in a company's settings, for the sandbox to have.
fn names_of(company: &Company) -> skovik_sync::config::Names {
    match Settings::load(&company.path("skovik-sync.toml")).expect("good settings").target.kind {
        TargetKind::Skovik(names) => names,
        TargetKind::Scim(_) => panic!("another kind"),
    }
}

/// A company with these names, whose account is under these names too.
pub(crate) fn renamed(behave: impl FnOnce(&mut Options)) -> Company {
    let company = Company::offline("small");
    company.edit("skovik-sync.toml", "\n[[source]]", NAMES);
    let (users, names) = (company.read_bytes("users.jsonl"), names_of(&company));
    company.serve(&users, |options| {
        options.names = names;
        behave(options);
    })
}

#[test]
fn every_mode_comes_to_no_changes() {
    let of = |paging, options, paths| (paging, options, paths);
    for (paging, field_options, paths) in [
        of(Paging::StrictCursor, FieldOptions::Separate, Paths::Underscored),
        of(Paging::BareCursor, FieldOptions::Embedded, Paths::Both),
        of(Paging::Cursor, FieldOptions::Unreadable, Paths::Underscored),
        of(Paging::Page, FieldOptions::Separate, Paths::Both),
        of(Paging::Count, FieldOptions::Unreadable, Paths::Underscored),
    ] {
        let company = Company::with("small", |options| {
            options.page_cap = 7.try_into().expect("not zero");
            (options.paging, options.field_options, options.paths) = (paging, field_options, paths);
            options.put = if paging == Paging::Count { PutMode::Merge } else { PutMode::Replace };
            options.branch_move = if paging == Paging::Page { BranchMove::Keeps } else { BranchMove::Empties };
        });
        let plan = company.plan(0);
        let is_unchecked = codes(&plan).contains(&"choices_unchecked");
        assert_eq!(is_unchecked, field_options == FieldOptions::Unreadable, "{paging:?} {field_options:?}");
        company.plan_and_apply();
        company.is_in_line();
        let lists =
            company.requests().into_iter().filter(|request| request.path == "/users" && request.method == "GET");
        assert!(lists.clone().any(|request| !request.query.is_empty()), "{paging:?}: there are several pages");
        assert_eq!(lists.clone().next().expect("a list").query, "", "{paging:?}: the first page has no parameter");
    }
}

#[test]
fn dashed_paths_are_a_matter_of_settings() {
    let company = Company::with("small", |options| options.paths = Paths::Dashed);
    company.run(&["plan"]).ends(4).says(&["list of custom fields", "404"]);
    let names = "\n[target.names]\ncustom_fields_path = \"custom-fields\"\noptions_path = \"custom-field-options\"\n\n[[source]]";
    company.edit("skovik-sync.toml", "\n[[source]]", names);
    let plan = company.plan(0);
    assert!(!codes(&plan).contains(&"choices_unchecked"), "{plan:#}");
}

#[test]
fn a_service_with_other_names_is_served_by_settings_alone() {
    for (paging, field_options) in
        [(Paging::StrictCursor, FieldOptions::Separate), (Paging::BareCursor, FieldOptions::Embedded)]
    {
        let company = renamed(|options| {
            options.page_cap = 7.try_into().expect("not zero");
            (options.paging, options.field_options) = (paging, field_options);
            options.manager_delete = ManagerDelete::Nulls;
        });
        company.run(&["snapshot", "-o", "before.jsonl"]).ends(0);
        company.run(&["plan", "--users", "before.jsonl", "-o", "offline.json"]).ends(0);
        assert_eq!(company.plan(0), company.json("offline.json"));
        // The same plan as with the default names, except for the names.
        let usual = Company::with("small", |options| options.page_cap = 7.try_into().expect("not zero"));
        assert_eq!(company.json("plan.json")["operations"], usual.plan(0)["operations"]);
        company.plan_and_apply();
        company.is_in_line();
        let paths: Vec<String> = company.requests().into_iter().map(|request| request.path).collect();
        assert!(paths.iter().all(|path| !path.starts_with("/users") && !path.starts_with("/custom")), "{paths:?}");
        company.run(&["undo", "plan.json", "-o", "undo.json"]).ends(5).prints(&["3 to delete"]);
    }
}

#[test]
fn without_the_names_it_is_refused() {
    let company = renamed(|_| {});
    let settings = company.read("skovik-sync.toml");
    for (line, says) in [
        ("users_path = \"people/employees\"\n", "the list of users is incomplete"),
        ("users_type = \"employees\"\n", "has the type \"employees\" instead of \"users\""),
        ("custom_fields_path = \"dimensions\"\n", "the list of custom fields is incomplete"),
    ] {
        company.write("skovik-sync.toml", settings.replace(line, ""));
        company.run(&["plan"]).ends(4).says(&[says]);
    }
    company.wrote_nothing();
}

/// Another name could mean another field, which the approver of the plan has not seen.
#[test]
fn a_plan_is_bound_to_the_names() {
    let company = renamed(|_| {});
    company.plan(0);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.edit("skovik-sync.toml", "first_name = \"given_name\"", "first_name = \"nick_name\"");
    company.run(&["apply", "plan.json"]).ends(7).says(&["the settings in skovik-sync.toml are not those"]);
    company.wrote_nothing();
}

#[test]
fn a_list_without_a_total_is_read_and_said_to_be_unproven() {
    let company = Company::with("small", |options| options.total = false);
    let planned = company.run(&["plan"]).ends(0);
    planned.prints(&["list_not_proven", "branches, custom fields, users"]);
    company.run(&["check"]).ends(0).prints(&["read to the last page, not proven: branches, custom fields, users"]);
    assert_eq!(company.json("plan.json")["target"]["users"], json!(28));
    company.run(&["snapshot", "-o", "before.jsonl"]).ends(0).says(&["the list of users is read to its last page"]);
    company.run(&["plan", "--users", "before.jsonl", "-o", "offline.json"]).ends(0).prints(&["list_not_proven"]);
    assert_eq!(company.json("offline.json"), company.json("plan.json"), "a snapshot proves no more than the lists");
}

/// A key without the right to read the options is a good key; one that is refused is not.
#[test]
fn a_key_that_may_not_read_the_options_sends_choices_unchecked() {
    let company = Company::faulty("small", &["GET /custom_field_options status=403"]);
    company.run(&["plan"]).ends(0).prints(&["choices_unchecked"]);
    company.run(&["snapshot", "-o", "before.jsonl"]).ends(0);
    company.run(&["plan", "--users", "before.jsonl", "-o", "offline.json"]).ends(0);
    assert_eq!(company.json("offline.json"), company.json("plan.json"));
    let company = Company::faulty("small", &["GET /custom_field_options status=401"]);
    company.run(&["plan"]).ends(4).says(&["refuses the key (401)"]);
}

/// Labels are not known, and would be sent as values: the server refuses them, and the report says so.
#[test]
fn choices_whose_options_nobody_can_read_are_sent_as_they_are() {
    let company = Company::with("small", |options| options.field_options = FieldOptions::Unreadable);
    company.edit("employees.csv", ",4100,", ",4100 Sales,");
    company.append("skovik-sync.toml", "\n[guard]\nmax_change_percent = 100\n");
    company.run(&["plan"]).ends(0).prints(&["choices_unchecked", "give values, not labels"]);
    company.run(&["approve", "plan.json", "--yes"]).ends(0);
    company.run(&["apply", "plan.json"]).ends(9).prints(&["is not the value of one of the field's options"]);
}
