//! What `wire` assumes about the JSON API, checked against the service.

mod lists;

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::Client;
use super::wire::{self, EXTERNAL_IDENTIFIER, PRIMARY_EMAIL, Resources};
use crate::config::Name;
use crate::provider::access::Call;
use crate::provider::contract::{Contract, Expectation, Finding, Findings, Look, Verdict, member_names, names};

use lists::Rows;

/// An id that nobody has.
const NOBODY: &str = "000000000000000000000000";

/// An attribute of a user.
struct Attribute {
    what: &'static str,
    /// The setting that names it, or a name that is known.
    name: Result<Name, &'static str>,
    otherwise: Option<&'static str>,
}

const ATTRIBUTES: [Attribute; 6] = [
    Attribute { what: "an e-mail", name: Err(PRIMARY_EMAIL), otherwise: None },
    Attribute {
        what: "an external identifier",
        name: Err(EXTERNAL_IDENTIFIER),
        otherwise: Some("people are matched by e-mail until they have one"),
    },
    Attribute { what: "a first name", name: Ok(Name::FirstName), otherwise: None },
    Attribute { what: "a last name", name: Ok(Name::LastName), otherwise: None },
    Attribute {
        what: "roles",
        name: Ok(Name::Roles),
        otherwise: Some("admins cannot be recognised: name them in [scope] protect"),
    },
    Attribute { what: "custom fields", name: Ok(Name::CustomFields), otherwise: None },
];
const RELATIONSHIPS: [(&str, Name); 2] = [("a manager", Name::Manager), ("a branch", Name::Branch)];

impl Contract for Client {
    fn contract(&self) -> BoxFuture<'_, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = Findings::default();
            let users = self.list_contract(Resources::Users, &mut findings).await;
            let branches = self.list_contract(Resources::Branches, &mut findings).await;
            let fields = self.list_contract(Resources::CustomFields, &mut findings).await;
            self.user_contract(&users, &branches, &fields, &mut findings);
            self.single_contract(&users, &mut findings).await;
            self.branch_contract(&branches, &mut findings);
            self.field_contract(&fields, &mut findings).await;
            findings.into_inner()
        })
    }
}

impl Client {
    async fn look(&self, url: Url) -> Look {
        Look::of(self.send(&Call { method: Method::GET, url, body: None }).await)
    }

    fn setting(name: Name) -> String {
        format!("[target.names] {}", name.key())
    }

    fn user_contract(&self, users: &Rows, branches: &Rows, fields: &Rows, findings: &mut Findings) {
        let rows = &users.rows;
        let all = names(rows.iter().flat_map(|row| member_names(&row["attributes"])));
        for Attribute { what, name, otherwise } in &ATTRIBUTES {
            let id = name.map_or_else(|known| known, Name::key);
            let wire = name.map_or_else(|known| known, |name| self.names().get(name));
            let mut expected = Expectation::new(id, format!("a user has {what} as the attribute {wire}"));
            if let Ok(name) = name {
                expected = expected.mended_by(Self::setting(*name));
            }
            if let Some(otherwise) = otherwise {
                expected = expected.otherwise(otherwise);
            }
            let shown = rows.iter().filter(|row| row["attributes"].get(wire).is_some()).count();
            findings.count(expected, shown, rows.len(), &format!("attributes there: {all}"));
        }
        let all = names(rows.iter().flat_map(|row| member_names(&row["relationships"])));
        for (what, name) in RELATIONSHIPS {
            let wire = self.names().get(name);
            let expected =
                Expectation::new(name.key(), format!("a user has {what} as the relationship {wire}, with `data`"))
                    .mended_by(Self::setting(name));
            let shown = rows.iter().filter(|row| row["relationships"][wire].get("data").is_some()).count();
            findings.count(expected, shown, rows.len(), &format!("relationships there: {all}"));
        }
        let map = self.names().get(Name::CustomFields);
        let held: Vec<&str> = rows.iter().flat_map(|row| member_names(&row["attributes"][map])).collect();
        known_ids(
            "custom_field_ids",
            "users name their custom fields by the ids of the definitions",
            &held,
            fields,
            findings,
        );
        let branch = self.names().get(Name::Branch);
        let held: Vec<&str> =
            rows.iter().filter_map(|row| row["relationships"][branch]["data"]["id"].as_str()).collect();
        known_ids("branch_ids", "users name their branch by an id of the list of branches", &held, branches, findings);
    }

    async fn single_contract(&self, users: &Rows, findings: &mut Findings) {
        let expected =
            Expectation::new("user", "GET of one user by id answers with that user, in the same form as the list");
        let first = users.rows.first();
        let id = first.and_then(|row| row["id"].as_str());
        match id.and_then(|id| wire::user_url(&self.base, id, self.names())).zip(first) {
            None => findings.add(expected, Verdict::CannotTell, "there is no user to ask for"),
            Some((url, listed)) => match self.look(url).await {
                Look::Nothing { said, .. } => findings.judge(expected, false, said),
                Look::Document(document) => {
                    let data = &document["data"];
                    let same = |name: &str| member_names(&data[name]).eq(member_names(&listed[name]));
                    let is_same = data["id"] == listed["id"] && same("attributes") && same("relationships");
                    let seen = match is_same {
                        true => "as in the list".to_owned(),
                        false => format!("attributes: {}", names(member_names(&data["attributes"]))),
                    };
                    findings.judge(expected, is_same, seen);
                }
            },
        }
        let expected = Expectation::new("user_missing", "GET of a user who does not exist answers 404");
        if let Some(url) = wire::user_url(&self.base, NOBODY, self.names()) {
            match self.look(url).await {
                Look::Nothing { status: Some(status), said } => findings.judge(expected, status == 404, said),
                Look::Nothing { status: None, said } => findings.add(expected, Verdict::CannotTell, said),
                Look::Document(_) => findings.judge(expected, false, "it answers 200"),
            }
        }
    }

    fn branch_contract(&self, branches: &Rows, findings: &mut Findings) {
        let all = names(branches.rows.iter().flat_map(|row| member_names(&row["attributes"])));
        let name = self.names().get(Name::DefinitionName);
        for (id, wire, setting, otherwise) in [
            ("branch_name", name, Some(Name::DefinitionName), "branches are shown and found by id"),
            ("branch_identifier", EXTERNAL_IDENTIFIER, None, "branches are found by id or name only"),
        ] {
            let mut expected = Expectation::new(id, format!("a branch has the attribute {wire}")).otherwise(otherwise);
            if let Some(setting) = setting {
                expected = expected.mended_by(Self::setting(setting));
            }
            let shown = branches.rows.iter().filter(|row| row["attributes"].get(wire).is_some()).count();
            findings.count(expected, shown, branches.rows.len(), &format!("attributes there: {all}"));
        }
    }

    async fn field_contract(&self, fields: &Rows, findings: &mut Findings) {
        let rows = &fields.rows;
        let all = names(rows.iter().flat_map(|row| member_names(&row["attributes"])));
        let get = |name| self.names().get(name);
        let expected =
            Expectation::new("field_name", format!("a custom field has the attribute {}", get(Name::DefinitionName)))
                .mended_by(Self::setting(Name::DefinitionName))
                .otherwise("custom fields are shown and found by id");
        let named = rows.iter().filter(|row| row["attributes"].get(get(Name::DefinitionName)).is_some()).count();
        findings.count(expected, named, rows.len(), &format!("attributes there: {all}"));
        let kinds = [Name::TypeText, Name::TypeMultipleChoice, Name::TypeBoolean].map(get);
        let kind_of = |row: &&Value| row["attributes"][get(Name::FieldType)].as_str().map(str::to_owned);
        let held: Vec<Option<String>> = rows.iter().map(|row| kind_of(&row)).collect();
        let mut expected = Expectation::new(
            "field_type",
            format!("a custom field has the attribute {}, which is {}", get(Name::FieldType), kinds.join(", ")),
        )
        .otherwise("a custom field of another type is written as text");
        for name in [Name::FieldType, Name::TypeText, Name::TypeMultipleChoice, Name::TypeBoolean] {
            expected = expected.mended_by(Self::setting(name));
        }
        let seen = match held.iter().any(Option::is_some) {
            true => format!("types there: {}", names(held.iter().flatten().map(String::as_str))),
            false => format!("attributes there: {all}"),
        };
        if rows.is_empty() {
            findings.add(expected, Verdict::CannotTell, "there is no custom field");
        } else {
            let known = |kind: &Option<String>| kind.as_deref().is_some_and(|kind| kinds.contains(&kind));
            findings.judge(expected, held.iter().all(known), seen);
        }
        let choices: Vec<&Value> =
            rows.iter().filter(|row| kind_of(row).as_deref() == Some(get(Name::TypeMultipleChoice))).collect();
        self.options_contract(&choices, findings).await;
    }

    /// The options of choices: in the field, or in a list of their own.
    async fn options_contract(&self, choices: &[&Value], findings: &mut Findings) {
        let name = self.names().get(Name::Options);
        let expected = Expectation::new(
            "options",
            format!("the options of a choice are its attribute {name}, or a list of their own"),
        )
        .mended_by(Self::setting(Name::Options))
        .mended_by(Self::setting(Name::OptionsPath))
        .otherwise("values of choices are sent unchecked");
        let inside: Vec<&Value> =
            choices.iter().flat_map(|row| row["attributes"][name].as_array().into_iter().flatten()).collect();
        let options: Vec<Value> = if choices.is_empty() {
            return findings.add(expected, Verdict::CannotTell, "there is no choice");
        } else if choices.iter().all(|row| row["attributes"][name].is_array()) {
            findings.judge(expected, true, format!("{} in the fields", inside.len()));
            inside.into_iter().cloned().collect()
        } else {
            match self.look(self.list_url(Resources::Options)).await {
                Look::Nothing { said, .. } => {
                    return findings.judge(expected, false, format!("the list: {said}"));
                }
                Look::Document(document) => {
                    let rows = document["data"].as_array().cloned().unwrap_or_default();
                    findings.judge(expected, document["data"].is_array(), format!("{} in their list", rows.len()));
                    self.row_contract(Resources::Options, &rows, findings);
                    self.option_field_contract(&rows, findings);
                    rows.into_iter().map(|row| row["attributes"].clone()).collect()
                }
            }
        };
        let all = names(options.iter().flat_map(member_names));
        for (id, name) in [("option_label", Name::OptionLabel), ("option_value", Name::OptionValue)] {
            let wire = self.names().get(name);
            let expected = Expectation::new(id, format!("an option has {wire}")).mended_by(Self::setting(name));
            let shown = options.iter().filter(|option| option.get(wire).is_some()).count();
            findings.count(expected, shown, options.len(), &format!("there is {all}"));
        }
    }

    fn option_field_contract(&self, rows: &[Value], findings: &mut Findings) {
        let wire = self.names().get(Name::OptionField);
        let expected = Expectation::new("option_field", format!("an option has its field as the relationship {wire}"))
            .mended_by(Self::setting(Name::OptionField));
        let shown = rows.iter().filter(|row| row["relationships"][wire]["data"]["id"].is_string()).count();
        let all = names(rows.iter().flat_map(|row| member_names(&row["relationships"])));
        findings.count(expected, shown, rows.len(), &format!("relationships there: {all}"));
    }
}

/// Whether the ids that users refer to are in a list.
fn known_ids(id: &'static str, what: &'static str, held: &[&str], list: &Rows, findings: &mut Findings) {
    let expected = Expectation::new(id, what);
    if held.is_empty() || !list.is_whole {
        let seen = if held.is_empty() { "no user has any" } else { "the list has more than one page" };
        return findings.add(expected, Verdict::CannotTell, seen);
    }
    let listed: HashSet<&str> = list.rows.iter().filter_map(|row| row["id"].as_str()).collect();
    let known = held.iter().filter(|id| listed.contains(**id)).count();
    findings.judge(expected, known == held.len(), format!("{known} of {} are in the list", held.len()));
}
