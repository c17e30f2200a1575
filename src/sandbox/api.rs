//! The API `/v1`: makes the answer to a request from the account.
//!
//! It holds the account's lock only while it reads or changes the account.

use std::sync::Mutex;

use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::account::{Account, Refusal, Rows};
use super::answer::Answer;
use super::call::{Call, Denied, Keys, lock};
use super::json::{Malformed, Object, Resource};
use super::mode::{FieldOptions, Paths, Rules};
use super::page::Pages;
use super::problem::Problem;
use super::rename::Renaming;
use super::twist::Twist;
use super::users::Slot;

/// The prefix of all paths.
pub(super) const BASE: &str = "/v1";
const MEDIA_TYPES: [&str; 2] = ["application/vnd.api+json", "application/json"];

/// How the API behaves.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) pages: Pages,
    pub(super) rules: Rules,
    pub(super) paths: Paths,
    pub(super) options: FieldOptions,
    /// If the API is to use names other than those below.
    pub(super) renaming: Option<Renaming>,
}

enum Route {
    Users,
    User(String),
    Branches,
    CustomFields,
    CustomFieldOptions,
}

impl Api {
    /// Carries a request out.
    pub(super) fn answer(&self, account: &Mutex<Account>, keys: &Keys, call: &Call, twist: Twist<'_>) -> Answer {
        let answer = |call: &Call| match self.carry_out(account, keys, call, twist) {
            Ok(answer) | Err(answer) => answer,
        };
        match &self.renaming {
            None => answer(call),
            Some(renaming) => renaming.outgoing(answer(&renaming.incoming(call))),
        }
    }

    fn carry_out(
        &self,
        account: &Mutex<Account>,
        keys: &Keys,
        call: &Call,
        twist: Twist<'_>,
    ) -> Result<Answer, Answer> {
        keys.check(call, call.is(&Method::GET)).map_err(|denied| match denied {
            Denied::Unauthorized => Answer::unauthorized(),
            Denied::Forbidden => Answer::forbidden(),
        })?;
        let path = call.parts.uri.path();
        let route = self.route(path).ok_or_else(|| Answer::not_found("the API has no such path"))?;
        let method = &call.parts.method;
        if !route.allows(method) {
            return Err(Answer::not_allowed(route.allowed()));
        }
        check_accept(call)?;
        match route {
            Route::Branches => self.list(call, twist, Rows::Definitions(&lock(account).branches)),
            Route::CustomFields => {
                let account = lock(account);
                let fields = if self.options == FieldOptions::Embedded {
                    &account.custom_fields
                } else {
                    &account.bare_custom_fields
                };
                self.list(call, twist, Rows::Definitions(fields))
            }
            Route::CustomFieldOptions => self.list(call, twist, Rows::Definitions(&lock(account).options)),
            Route::Users if method == Method::GET => {
                let mut account = lock(account);
                let answer = self.list(call, twist, Rows::Users(&account.users))?;
                let first = account.users.at(0).map(|(slot, _)| slot);
                twist.change(&mut account, first);
                Ok(answer)
            }
            Route::Users => {
                let sent = document(call)?;
                let mut account = lock(account);
                let slot = account.create(sent, twist.dropped)?;
                user(&mut account, slot, StatusCode::CREATED, twist)
            }
            Route::User(id) if method == Method::GET => {
                let mut account = lock(account);
                let slot = account.users.find_listed(&id).ok_or(Refusal::NotFound)?;
                user(&mut account, slot, StatusCode::OK, twist)
            }
            Route::User(id) if method == Method::PUT => {
                let sent = document(call)?;
                let mut account = lock(account);
                let slot = account.put(&id, sent, self.rules.put, self.rules.branch_move, twist.dropped)?;
                twist.lose(&mut account, slot);
                user(&mut account, slot, StatusCode::OK, twist)
            }
            Route::User(id) => {
                let mut account = lock(account);
                let slot = account.users.find_listed(&id).ok_or(Refusal::NotFound)?;
                account.delete(slot, self.rules.manager_delete, self.rules.identifiers)?;
                twist.change(&mut account, None);
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
        }
    }

    fn route(&self, path: &str) -> Option<Route> {
        let underscored = self.paths != Paths::Dashed;
        let dashed = self.paths != Paths::Underscored;
        match path.strip_prefix(BASE)?.strip_prefix('/')? {
            "users" => Some(Route::Users),
            "branches" => Some(Route::Branches),
            "custom_fields" if underscored => Some(Route::CustomFields),
            "custom-fields" if dashed => Some(Route::CustomFields),
            "custom_field_options" if underscored => self.options_route(),
            "custom-field-options" if dashed => self.options_route(),
            path => {
                let id = path.strip_prefix("users/").filter(|id| !id.is_empty() && !id.contains('/'))?;
                Some(Route::User(percent_decode_str(id).decode_utf8().ok()?.into_owned()))
            }
        }
    }

    fn options_route(&self) -> Option<Route> {
        (self.options == FieldOptions::Separate).then_some(Route::CustomFieldOptions)
    }

    fn list(&self, call: &Call, twist: Twist<'_>, rows: Rows<'_>) -> Result<Answer, Answer> {
        let query = call.query();
        let wanted =
            self.pages.wanted(query).map_err(|problem| Answer::problems(StatusCode::BAD_REQUEST, &[problem]))?;
        let url = call.url(call.parts.uri.path());
        Ok(Answer::document(StatusCode::OK, self.pages.document(rows, wanted, &url, query, twist.lie)))
    }
}

impl Route {
    fn allowed(&self) -> &'static str {
        match self {
            Self::Users => "GET, POST",
            Self::User(_) => "GET, PUT, DELETE",
            Self::Branches | Self::CustomFields | Self::CustomFieldOptions => "GET",
        }
    }

    fn allows(&self, method: &Method) -> bool {
        self.allowed().split(", ").any(|allowed| allowed == method.as_str())
    }
}

fn user(account: &mut Account, slot: Slot, status: StatusCode, twist: Twist<'_>) -> Result<Answer, Answer> {
    let user = account.users.get(twist.shown(account, slot)).ok_or(Refusal::NotFound)?;
    let answer = Answer::resource(status, &user.raw);
    twist.change(account, Some(slot));
    Ok(answer)
}

fn check_accept(call: &Call) -> Result<(), Answer> {
    if call.accepts(&MEDIA_TYPES) {
        return Ok(());
    }
    let detail = "the API gives application/vnd.api+json only";
    Err(Answer::problem(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail))
}

/// The resource that a POST or PUT brings.
fn document(call: &Call) -> Result<Resource, Answer> {
    if !call.brings(&MEDIA_TYPES) {
        let detail = "send a Content-Type of application/json or application/vnd.api+json";
        return Err(Answer::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let bad = |code, detail: String| Answer::problem(StatusCode::BAD_REQUEST, code, detail);
    let text = std::str::from_utf8(&call.body).map_err(|_| bad("not_json", "the body is not UTF-8".to_owned()))?;
    let document =
        Object::parse(text).map_err(|error| bad("not_json", format!("the body is not a JSON object: {error}")))?;
    let data = document.get("data").ok_or_else(|| bad("not_json_api", "the body has no \"data\"".to_owned()))?;
    Resource::parse(data.get()).map_err(|Malformed { pointer, problem }| {
        let problem = Problem::at("not_json_api", format!("/data{pointer} {problem}"), pointer);
        Answer::problems(StatusCode::BAD_REQUEST, &[problem])
    })
}
