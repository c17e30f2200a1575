//! What the wire of SCIM assumes, held against the service.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{Abilities, Client, wire};
use crate::provider::access::Call;
use crate::provider::contract::{Contract, Expectation, Finding, Findings, Look, Verdict, member_names, names};
use crate::scim::{AttributePath, ENTERPRISE};

/// An id that nobody has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

impl Contract for Client {
    fn contract(&self) -> BoxFuture<'_, Vec<Finding>> {
        Box::pin(async move {
            let mut findings = Findings::default();
            let abilities = self.config_contract(&mut findings).await;
            self.schemas_contract(&mut findings).await;
            let users = self.list_contract(abilities, &mut findings).await;
            self.user_contract(&users, abilities, &mut findings);
            if self.scim.reactivates {
                inactive_contract(&users, &mut findings);
            }
            self.single_contract(&users, abilities, &mut findings).await;
            findings.into_inner()
        })
    }
}

impl Client {
    async fn look(&self, url: Url) -> Look {
        Look::of(self.send(&Call { method: Method::GET, url, body: None }).await)
    }

    async fn config_contract(&self, findings: &mut Findings) -> Abilities {
        let expected =
            Expectation::new("service_provider_config", "GET ServiceProviderConfig says what the server can do")
                .otherwise("users are changed by PUT, without versions, and listed in any order");
        let call = Call { method: Method::GET, url: self.url("ServiceProviderConfig"), body: None };
        let read = match self.send(&call).await {
            Ok(body) => wire::abilities(&body).map_err(|_| "it cannot be read".to_owned()),
            Err(error) => match Look::of(Err(error)) {
                Look::Nothing { said, .. } => Err(said),
                Look::Document(_) => Err("it cannot be read".to_owned()),
            },
        };
        match read {
            Err(said) => {
                findings.judge(expected, false, said);
                Abilities::default()
            }
            Ok(abilities) => {
                let Abilities { patch, etag, sort } = abilities;
                let said = |name, has| format!("{}{name}", if has { "" } else { "no " });
                let seen = [said("PATCH", patch), said("versions (ETag)", etag), said("sorting", sort)].join(", ");
                findings.judge(expected, true, seen);
                abilities
            }
        }
    }

    async fn schemas_contract(&self, findings: &mut Findings) {
        let expected = Expectation::new("schemas", "GET Schemas lists the attributes of users")
            .otherwise("whether attributes exist is known only when they are written");
        let call = Call { method: Method::GET, url: self.url("Schemas"), body: None };
        let schemas = match self.send(&call).await {
            Err(error) => {
                if let Look::Nothing { said, .. } = Look::of(Err(error)) {
                    findings.judge(expected, false, said);
                }
                return;
            }
            Ok(body) => match wire::Schemas::parse(&body) {
                Err(_) => return findings.judge(expected, false, "they cannot be read"),
                Ok(schemas) => schemas,
            },
        };
        let fields = self.named_as_in_settings(schemas.custom_fields(&self.scim));
        let paths: Vec<&str> = fields.iter().filter_map(|field| field["id"].as_str()).collect();
        findings.judge(expected, true, format!("{} attributes can be custom fields", paths.len()));
        let mut needed = vec![("identifier", &self.scim.identifier)];
        if self.wanted.branch {
            needed.push(("branch", &self.scim.branch));
        }
        for (setting, path) in needed {
            let expected =
                Expectation::new(format!("{setting}_attribute"), format!("users have {path}, which can be written"))
                    .mended_by(format!("[target] {setting}"));
            match schemas.check(path) {
                Ok(()) => findings.judge(expected, true, "as the schemas say"),
                Err(problem) => findings.judge(expected, false, format!("{path} {problem}")),
            }
        }
        for name in &self.wanted.custom_fields {
            let is_it = |field: &&Value| {
                [&field["id"], &field["name"]].iter().any(|known| known.as_str().is_some_and(|known| known == name))
            };
            let found: Vec<&Value> = fields.iter().filter(is_it).collect();
            let expected = Expectation::new(
                format!("custom_field {name}"),
                format!("there is one attribute {name}, which can be written"),
            )
            .mended_by("[employee.custom_fields]");
            let seen = match found[..] {
                [field] => field["unusable"]
                    .as_str()
                    .map_or_else(|| "as the schemas say".to_owned(), |why| format!("it is {why}")),
                [] => format!("there is {}", names(paths.iter().copied())),
                _ => format!("{} attributes have that name: give the path", found.len()),
            };
            let holds = matches!(found[..], [field] if field["unusable"].is_null());
            findings.judge(expected, holds, seen);
        }
    }

    /// The users of the first two pages.
    async fn list_contract(&self, abilities: Abilities, findings: &mut Findings) -> Vec<Value> {
        let sort_by = self.sort_by.as_deref().or(abilities.sort.then_some("id")).filter(|by| !by.is_empty());
        let expected = Expectation::new("users", "GET Users answers with a page of users").mended_by("[target] url");
        let document = match self.look(self.page_url(1, sort_by)).await {
            Look::Nothing { said, .. } => {
                findings.judge(expected, false, said);
                return Vec::new();
            }
            Look::Document(document) => document,
        };
        let total = document["totalResults"].as_u64();
        let mut rows = document["Resources"].as_array().cloned().unwrap_or_default();
        let seen = match total {
            Some(_) => format!("200, {} users", rows.len()),
            None => format!("no totalResults; there is {}", names(member_names(&document))),
        };
        findings.judge(expected, total.is_some(), seen);
        let expected = Expectation::new("user_id", "a user has an id");
        let with_id = rows.iter().filter(|row| row["id"].as_str().is_some_and(|id| !id.is_empty())).count();
        findings.count(expected, with_id, rows.len(), "");
        let expected = Expectation::new("page_size", "a page has no more users than were asked for")
            .mended_by("[target] page_size")
            .otherwise("pages are as long as the server makes them");
        if self.page_size > 0 {
            findings.judge(expected, rows.len() <= self.page_size as usize, format!("{} users", rows.len()));
        }
        let expected = Expectation::new("start_index", "startIndex leads to other users").mended_by("[target] sort_by");
        let more = total.is_some_and(|total| total > rows.len() as u64) && !rows.is_empty();
        // Without a second page, from the second user on: whoever heeds that leaves the first one out.
        let start = if more { rows.len() as u64 + 1 } else { 2 };
        if rows.len() < 2 && !more {
            findings.add(expected, Verdict::CannotTell, "there are fewer than two users");
            return rows;
        }
        match self.look(self.page_url(start, sort_by)).await {
            Look::Nothing { said, .. } => findings.judge(expected, false, said),
            Look::Document(document) => {
                let next = document["Resources"].as_array().cloned().unwrap_or_default();
                let ids: HashSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
                let known = |row: &Value| row["id"].as_str().is_some_and(|id| ids.contains(id));
                let repeats = match more {
                    true => next.iter().filter(|row| known(row)).count(),
                    false => next.iter().filter(|row| row["id"] == rows[0]["id"]).count(),
                };
                let seen = format!("{} users, {repeats} of them again", next.len());
                findings.judge(expected, repeats == 0 && !next.is_empty(), seen);
                if more {
                    rows.extend(next);
                }
            }
        }
        rows
    }

    fn user_contract(&self, users: &[Value], abilities: Abilities, findings: &mut Findings) {
        let core = names(users.iter().flat_map(member_names));
        let mut fields = vec![
            ("user_name", AttributePath::new(None, "userName"), None, None),
            ("given_name", AttributePath::within("name", "givenName"), None, None),
            ("family_name", AttributePath::within("name", "familyName"), None, None),
            (
                "external_identifier",
                self.scim.identifier.clone(),
                Some("[target] identifier"),
                Some("nobody has one yet, or the server drops it: people are found by e-mail"),
            ),
            ("active", AttributePath::new(None, "active"), None, Some("everybody counts as active")),
            (
                "manager",
                AttributePath::new(Some(ENTERPRISE), "manager").part("value"),
                None,
                Some("nobody has a manager, or the server does not show it"),
            ),
            (
                "roles",
                AttributePath::new(None, "roles"),
                None,
                Some("admins are not told from others: name them in [scope] protect"),
            ),
        ];
        if self.wanted.branch {
            fields.push(("branch", self.scim.branch.clone(), Some("[target] branch"), None));
        }
        if abilities.etag {
            let otherwise = Some("a change of somebody else between read and write is not noticed");
            fields.push(("version", AttributePath::within("meta", "version"), None, otherwise));
        }
        for (id, path, setting, otherwise) in fields {
            let mut expected = Expectation::new(id, format!("a user has {path}"));
            if let Some(setting) = setting {
                expected = expected.mended_by(setting);
            }
            if let Some(otherwise) = otherwise {
                expected = expected.otherwise(otherwise);
            }
            let shown = users.iter().filter(|user| at(user, &path).is_some()).count();
            findings.count(expected, shown, users.len(), &format!("there is {core}"));
        }
    }

    async fn single_contract(&self, users: &[Value], abilities: Abilities, findings: &mut Findings) {
        let expected =
            Expectation::new("user", "GET of one user by id answers with that user, in the same form as the list");
        let first = users.first();
        let url = first.and_then(|user| self.user_url(&user["id"].as_str()?.into()).ok());
        match url.zip(first) {
            None => findings.add(expected, Verdict::CannotTell, "there is no user to ask for"),
            Some((url, listed)) => match self.look(url).await {
                Look::Nothing { said, .. } => findings.judge(expected, false, said),
                Look::Document(user) => {
                    let is_same = user["id"] == listed["id"] && member_names(&user).eq(member_names(listed));
                    let seen = match is_same {
                        true => "as in the list".to_owned(),
                        false => format!("attributes: {}", names(member_names(&user))),
                    };
                    findings.judge(expected, is_same, seen);
                    let expected =
                        Expectation::new("same_version", "a user's version is the same in the list and alone")
                            .otherwise("a write may be refused over a user who has not changed");
                    if abilities.etag {
                        let is_same = user["meta"]["version"] == listed["meta"]["version"];
                        findings.judge(expected, is_same, if is_same { "it is" } else { "it is another one" });
                    }
                }
            },
        }
        let expected = Expectation::new("user_missing", "GET of a user who does not exist answers 404");
        if let Ok(url) = self.user_url(&NOBODY.into()) {
            match self.look(url).await {
                Look::Nothing { status: Some(status), said } => findings.judge(expected, status == 404, said),
                Look::Nothing { status: None, said } => findings.add(expected, Verdict::CannotTell, said),
                Look::Document(_) => findings.judge(expected, false, "it answers 200"),
            }
        }
    }
}

/// The value at a path that is not null; names are in any case.
/// Whether those whom `reactivate` is about can be seen.
fn inactive_contract(users: &[Value], findings: &mut Findings) {
    let expected = Expectation::new("inactive_users", "the list shows inactive users, so that they can be matched");
    let is_inactive = |user: &&Value| wire::is_inactive(&user.to_string()).unwrap_or(false);
    match users.iter().filter(is_inactive).count() {
        0 => findings.add(expected, Verdict::CannotTell, format!("none of {} is inactive", users.len())),
        some => findings.judge(expected, true, format!("{some} of {}", users.len())),
    }
}

fn at<'a>(user: &'a Value, path: &AttributePath) -> Option<&'a Value> {
    path.steps()
        .try_fold(user, |here, step| {
            let here = here.as_array().and_then(|all| all.first()).unwrap_or(here);
            here.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(step)).map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}
