//! The API: a request, read whole, and the account give an answer.
//!
//! It holds the account's lock for no longer than it takes to look up or store what the request is about.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

use super::account::{Account, Refusal, Rows};
use super::answer::Answer;
use super::fault::{Effect, Lie};
use super::field::Field;
use super::json::{Malformed, Object, Resource};
use super::mode::{BranchMove, Identifiers, ManagerDelete, PutMode};
use super::page::Pages;
use super::problem::Problem;
use super::users::Slot;

/// The prefix of all paths.
pub(super) const BASE: &str = "/v1";

/// How the API behaves.
#[derive(Debug)]
pub(super) struct Api {
    /// Without one, any key will do.
    pub(super) key: Option<SecretString>,
    /// May read only.
    pub(super) read_key: Option<SecretString>,
    pub(super) pages: Pages,
    pub(super) put: PutMode,
    pub(super) branch_move: BranchMove,
    pub(super) manager_delete: ManagerDelete,
    pub(super) identifiers: Identifiers,
}

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) parts: Parts,
    pub(super) body: Vec<u8>,
}

/// What a fault makes of a request that is carried out.
#[derive(Debug, Default, Clone, Copy)]
struct Twist<'a> {
    lie: Option<Lie>,
    dropped: Option<&'a Field>,
    lost: Option<&'a Field>,
    changed: Option<(&'a Field, Option<&'a str>)>,
    answered_as: Option<&'a str>,
}

enum Route {
    Users,
    User(String),
    Branches,
    CustomFields,
}

impl Api {
    /// Carries a request out.
    pub(super) fn answer(&self, account: &Mutex<Account>, call: &Call, effect: Option<&Effect>) -> Answer {
        match self.carry_out(account, call, Twist::of(effect)) {
            Ok(answer) | Err(answer) => answer,
        }
    }

    fn carry_out(&self, account: &Mutex<Account>, call: &Call, twist: Twist<'_>) -> Result<Answer, Answer> {
        self.authorize(call)?;
        let path = call.parts.uri.path();
        let route = Route::parse(path).ok_or_else(|| Answer::not_found("the API has no such path"))?;
        let method = &call.parts.method;
        if !route.allows(method) {
            return Err(Answer::not_allowed(route.allowed()));
        }
        check_accept(call)?;
        match route {
            Route::Branches => self.list(call, twist, Rows::Definitions(&lock(account).branches)),
            Route::CustomFields => self.list(call, twist, Rows::Definitions(&lock(account).custom_fields)),
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
                let slot = account.users.find(&id).ok_or(Refusal::NotFound)?;
                user(&mut account, slot, StatusCode::OK, twist)
            }
            Route::User(id) if method == Method::PUT => {
                let sent = document(call)?;
                let mut account = lock(account);
                let slot = account.put(&id, sent, self.put, self.branch_move, twist.dropped)?;
                if let Some(field) = twist.lost {
                    account.lose(slot, field);
                }
                user(&mut account, slot, StatusCode::OK, twist)
            }
            Route::User(id) => {
                let mut account = lock(account);
                account.delete(&id, self.manager_delete, self.identifiers)?;
                twist.change(&mut account, None);
                Ok(Answer::empty(StatusCode::NO_CONTENT))
            }
        }
    }

    fn authorize(&self, call: &Call) -> Result<(), Answer> {
        let key = header(call, &AUTHORIZATION).and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim()).filter(|key| !key.is_empty())
        });
        let is = |wanted: &Option<SecretString>| {
            key.zip(wanted.as_ref()).is_some_and(|(key, wanted)| key == wanted.expose_secret())
        };
        if is(&self.read_key) {
            return if call.parts.method == Method::GET { Ok(()) } else { Err(Answer::forbidden()) };
        }
        if is(&self.key) || (key.is_some() && self.key.is_none()) { Ok(()) } else { Err(Answer::unauthorized()) }
    }

    fn list(&self, call: &Call, twist: Twist<'_>, rows: Rows<'_>) -> Result<Answer, Answer> {
        let uri = &call.parts.uri;
        let query = uri.query().unwrap_or_default();
        let wanted =
            self.pages.wanted(query).map_err(|problem| Answer::problems(StatusCode::BAD_REQUEST, &[problem]))?;
        let host = header(call, &HOST).unwrap_or("127.0.0.1");
        let url = format!("http://{host}{}", uri.path());
        Ok(Answer::document(StatusCode::OK, self.pages.document(rows, wanted, &url, query, twist.lie)))
    }
}

impl<'a> Twist<'a> {
    fn of(effect: Option<&'a Effect>) -> Self {
        match effect {
            Some(Effect::Lie(lie)) => Self { lie: Some(*lie), ..Self::default() },
            Some(Effect::Drop(field)) => Self { dropped: Some(field), ..Self::default() },
            Some(Effect::Change { field, user }) => Self { changed: Some((field, user.as_deref())), ..Self::default() },
            Some(Effect::Lose(field)) => Self { lost: Some(field), ..Self::default() },
            Some(Effect::AnswerAs(user)) => Self { answered_as: Some(user), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// What another client does after the answer is decided: to the user that the rule names, or else to this one.
    fn change(&self, account: &mut Account, slot: Option<Slot>) {
        let Some((field, name)) = self.changed else { return };
        if let Some(slot) = name.map_or(slot, |name| account.slot_of(name)) {
            account.change_from_outside(slot, field);
        }
    }
}

impl Route {
    fn parse(path: &str) -> Option<Self> {
        match path.strip_prefix(BASE)?.strip_prefix('/')? {
            "users" => Some(Self::Users),
            "branches" => Some(Self::Branches),
            "custom-fields" => Some(Self::CustomFields),
            path => {
                let id = path.strip_prefix("users/").filter(|id| !id.is_empty() && !id.contains('/'))?;
                Some(Self::User(percent_decode_str(id).decode_utf8().ok()?.into_owned()))
            }
        }
    }

    fn allowed(&self) -> &'static str {
        match self {
            Self::Users => "GET, POST",
            Self::User(_) => "GET, PUT, DELETE",
            Self::Branches | Self::CustomFields => "GET",
        }
    }

    fn allows(&self, method: &Method) -> bool {
        self.allowed().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// The account; a request that panicked left it as it was before or after.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn user(account: &mut Account, slot: Slot, status: StatusCode, twist: Twist<'_>) -> Result<Answer, Answer> {
    let shown = twist.answered_as.and_then(|name| account.slot_of(name)).unwrap_or(slot);
    let user = account.users.get(shown).ok_or(Refusal::NotFound)?;
    let answer = Answer::resource(status, &user.raw);
    twist.change(account, Some(slot));
    Ok(answer)
}

fn header<'a>(call: &'a Call, name: &HeaderName) -> Option<&'a str> {
    call.parts.headers.get(name)?.to_str().ok()
}

/// The part of a media type before its parameters.
fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

fn check_accept(call: &Call) -> Result<(), Answer> {
    let Some(accept) = header(call, &ACCEPT) else { return Ok(()) };
    let known = ["application/vnd.api+json", "application/json", "application/*", "*/*"];
    if accept.split(',').any(|value| known.contains(&media_type(value).to_ascii_lowercase().as_str())) {
        return Ok(());
    }
    let detail = "the API gives application/vnd.api+json only";
    Err(Answer::problem(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail))
}

/// The resource that a POST or PUT brings.
fn document(call: &Call) -> Result<Resource, Answer> {
    let kind = header(call, &CONTENT_TYPE).map(media_type).unwrap_or_default();
    if !["application/json", "application/vnd.api+json"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
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
