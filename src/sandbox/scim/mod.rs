//! The interface `/scim/v2`: SCIM 2.0 by RFC 7643 and 7644, for the people of the account.
//!
//! It is strict: whatever the RFCs do not allow is refused. What they leave open, and what is not known of Skovik, can
//! be chosen by a mode. The rules about people are those of `/v1`.
//!
//! In reading order: `error`, `schema`, `path`, `filter`, `body`; `resource` (a user of the account as a SCIM object,
//! and back), `patch`, `writes`; `projection`, `list`, `discovery`; `route`.

mod body;
mod discovery;
mod error;
mod filter;
mod list;
mod patch;
mod path;
mod projection;
mod resource;
mod route;
mod schema;
mod writes;

use std::borrow::Cow;
use std::sync::Mutex;

use hyper::header::{CONTENT_LOCATION, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION};
use hyper::{Method, StatusCode};
use serde_json::Value;

use super::account::Account;
use super::answer::Answer;
use super::call::{Call, Denied, Keys, lock};
use super::mode::{Archived, ExternalIds, Filters, PatchMode, RowOrder, Rules, ScimModes};
use super::twist::Twist;
use super::users::Slot;
use error::{Kind, MEDIA_TYPE, Problem};
use list::{Order, Request};
use path::Tree;
use projection::Projection;
pub(super) use route::BASE;
use route::Route;
use schema::Schema;
use writes::Update;

const MEDIA_TYPES: [&str; 2] = ["application/scim+json", "application/json"];

/// The interface, for one account.
#[derive(Debug)]
pub(super) struct Scim {
    behaviour: Behaviour,
    schema: Schema,
}

/// How the interface behaves.
#[derive(Debug)]
pub(super) struct Behaviour {
    pub(super) modes: ScimModes,
    pub(super) page_cap: usize,
    pub(super) rules: Rules,
    /// What the order of a list is drawn from.
    pub(super) seed: u64,
}

/// An error in the form of this interface.
pub(super) fn problem(status: StatusCode, detail: &str) -> Answer {
    Problem::new(status, detail).answer(true)
}

impl Scim {
    pub(super) fn new(account: &Account, behaviour: Behaviour) -> Self {
        Self { behaviour, schema: Schema::new(account) }
    }

    /// Carries a request out; `n` is its number.
    pub(super) fn answer(
        &self,
        account: &Mutex<Account>,
        keys: &Keys,
        call: &Call,
        twist: Twist<'_>,
        n: u64,
    ) -> Answer {
        let answer = self.carry_out(account, keys, call, twist, n);
        answer.unwrap_or_else(|problem| match problem.status {
            StatusCode::UNAUTHORIZED => problem.answer(self.behaviour.modes.scim_types).asking_for_a_key(),
            _ => problem.answer(self.behaviour.modes.scim_types),
        })
    }

    fn carry_out(
        &self,
        account: &Mutex<Account>,
        keys: &Keys,
        call: &Call,
        twist: Twist<'_>,
        n: u64,
    ) -> Result<Answer, Problem> {
        let path = call.parts.uri.path();
        let route = Route::parse(path);
        let reads = call.is(&Method::GET) || matches!(route, Some(Route::Search));
        keys.check(call, reads).map_err(|denied| {
            let status = match denied {
                Denied::Unauthorized => StatusCode::UNAUTHORIZED,
                Denied::Forbidden => StatusCode::FORBIDDEN,
            };
            Problem::new(status, denied.detail())
        })?;
        let route =
            route.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no {path:?} on this server")))?;
        let Some(allowed) = route.allowed() else {
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "this server does not implement this path"));
        };
        if !allowed.split(", ").any(|allowed| allowed == call.parts.method.as_str()) {
            let detail = format!("this path answers {allowed} only");
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail);
            return Ok(problem.answer(self.behaviour.modes.scim_types).allowing(allowed));
        }
        if !call.accepts(&MEDIA_TYPES) {
            let detail = "this server gives application/scim+json only";
            return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, detail));
        }
        let base = call.url(BASE);
        match route {
            Route::Users if call.is(&Method::GET) => {
                self.list(account, call, Request::of_list(call.query())?, twist, n)
            }
            Route::Search => {
                let bytes = sent(call)?;
                self.list(account, call, Request::of_search(bytes)?, twist, n)
            }
            Route::Users => self.post(account, call, twist),
            Route::User(id) => self.user(account, call, &id, twist),
            route => self.tell(&route, call, &base),
        }
    }

    /// Answers with what the server says about itself.
    fn tell(&self, route: &Route, call: &Call, base: &str) -> Result<Answer, Problem> {
        if Request::of_list(call.query())?.filter.is_some() {
            return Err(Problem::new(StatusCode::FORBIDDEN, "what the server says about itself cannot be filtered"));
        }
        let missing = || Problem::new(StatusCode::NOT_FOUND, "there is nothing with this id");
        let document = match route {
            Route::Config => discovery::service_provider_config(&self.behaviour.modes, self.behaviour.page_cap, base),
            Route::Types => discovery::list(vec![discovery::user_type(&self.schema, base)]),
            Route::Type(id) if id == "User" => discovery::user_type(&self.schema, base),
            Route::Schemas => discovery::list(discovery::schemas(&self.schema, base)),
            Route::Schema(id) => {
                let all = discovery::schemas(&self.schema, base);
                let found = all
                    .into_iter()
                    .find(|schema| schema["id"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(id)));
                found.ok_or_else(missing)?
            }
            _ => return Err(missing()),
        };
        Ok(json(StatusCode::OK, &document))
    }

    fn list(
        &self,
        account: &Mutex<Account>,
        call: &Call,
        mut request: Request,
        twist: Twist<'_>,
        n: u64,
    ) -> Result<Answer, Problem> {
        let projection = request.projection(&self.schema)?;
        let filter = match self.behaviour.modes.filters {
            Filters::Supported => request.filter(&self.schema)?,
            Filters::Refused if request.filter.is_some() => {
                return Err(Problem::bad(Kind::InvalidFilter, "this server does not filter"));
            }
            Filters::Refused | Filters::Ignored => None,
        };
        let order = if self.behaviour.modes.sort { request.order(&self.schema)? } else { None };
        let mut account = lock(account);
        // Copied only if something has to be left out or moved.
        let mut slots = match filter.as_ref().and_then(|filter| self.candidate(&account, filter.only()?)) {
            Some(candidate) => Cow::Owned(candidate.into_iter().collect()),
            None => Cow::Borrowed(self.everybody(&account)),
        };
        if self.behaviour.modes.order == RowOrder::Shuffled {
            fastrand::Rng::with_seed(self.behaviour.seed ^ n).shuffle(slots.to_mut());
        }
        let seen = |slot: Slot| self.shown(&account, call, slot).map(|(tree, _)| tree);
        if let Some(filter) = &filter {
            slots.to_mut().retain(|slot| seen(*slot).is_some_and(|tree| filter.matches(&tree)));
        }
        if let Some(order) = order {
            if order.by_id() {
                sort_by_id(&account, slots.to_mut(), order);
            } else {
                slots = Cow::Owned(in_order(order, &slots, seen));
            }
        }
        let (start, size) = request.page(self.behaviour.page_cap, twist.lie);
        let page = slots.iter().skip(start).take(size).filter_map(|slot| seen(*slot));
        let rows = page.map(|tree| projection.of(&self.schema, tree)).collect();
        let answer = json(StatusCode::OK, &list::document(rows, slots.len(), start, twist.lie));
        let first = slots.first().copied();
        twist.change(&mut account, first);
        Ok(answer)
    }

    /// The only user whom a filter by a unique attribute can find; `None` for other filters.
    fn candidate(&self, account: &Account, (name, text): (&str, &str)) -> Option<Option<Slot>> {
        let users = &account.users;
        let slot = match name {
            "id" => users.find(text),
            "userName" => users.holder_of_email(&crate::employee::email_key(text)),
            "externalId" => users.holder_of_identifier(text),
            _ => return None,
        };
        Some(slot.filter(|slot| users.get(*slot).is_some() && self.sees(account, *slot)))
    }

    fn everybody<'a>(&self, account: &'a Account) -> &'a [Slot] {
        match self.behaviour.modes.archived {
            Archived::Hidden => account.users.listed(),
            Archived::Listed | Archived::Reversible => account.users.all(),
        }
    }

    fn sees(&self, account: &Account, slot: Slot) -> bool {
        self.behaviour.modes.archived != Archived::Hidden || account.users.is_listed(slot)
    }

    fn post(&self, account: &Mutex<Account>, call: &Call, twist: Twist<'_>) -> Result<Answer, Problem> {
        let mut request = Request::of_one(call.query())?;
        let projection = request.projection(&self.schema)?;
        let user = body::user(&self.schema, body::parse(sent(call)?)?)?;
        let mut account = lock(account);
        let slot = self.create(&mut account, user, twist.dropped)?;
        let answer = self.one(&account, call, StatusCode::CREATED, twist.shown(&account, slot), &projection)?;
        twist.change(&mut account, Some(slot));
        Ok(answer)
    }

    fn user(&self, account: &Mutex<Account>, call: &Call, id: &str, twist: Twist<'_>) -> Result<Answer, Problem> {
        let mut request = Request::of_one(call.query())?;
        let projection = request.projection(&self.schema)?;
        let is_patch = call.is(&Method::PATCH);
        if is_patch && self.behaviour.modes.patch == PatchMode::Unsupported {
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "this server does not implement PATCH"));
        }
        let body = if is_patch || call.is(&Method::PUT) { Some(sent(call)?) } else { None };
        let mut account = lock(account);
        let slot = account.users.find(id).filter(|slot| self.sees(&account, *slot)).ok_or_else(Problem::no_user)?;
        self.check_version(&account, call, slot)?;
        let Some(body) = body else {
            if call.is(&Method::DELETE) {
                self.delete(&mut account, slot)?;
                twist.change(&mut account, None);
                return Ok(Answer::empty(StatusCode::NO_CONTENT));
            }
            if let Some(version) = self.version(&account, slot)
                && names_version(call, &IF_NONE_MATCH, &version) == Some(true)
            {
                return Ok(Answer::empty(StatusCode::NOT_MODIFIED).with_text(ETAG, &version));
            }
            let answer = self.one(&account, call, StatusCode::OK, twist.shown(&account, slot), &projection)?;
            twist.change(&mut account, Some(slot));
            return Ok(answer);
        };
        let update = if is_patch {
            let before = self.before(&account, slot)?;
            let mut user = before.clone();
            patch::apply(&self.schema, &mut user, body)?;
            self.update(&mut account, slot, &before, user, twist)?
        } else {
            let user = body::user(&self.schema, body::parse(body)?)?;
            self.put(&mut account, slot, user, twist)?
        };
        let mut answer = self.one(&account, call, StatusCode::OK, twist.shown(&account, slot), &projection)?;
        if is_patch && self.behaviour.modes.patch == PatchMode::Silent {
            answer.silence();
        }
        if update == Update::Gone {
            self.delete(&mut account, slot)?;
        }
        twist.change(&mut account, Some(slot));
        Ok(answer)
    }

    /// A user as this interface shows them, with their version.
    fn shown(&self, account: &Account, call: &Call, slot: Slot) -> Option<(Tree, Option<String>)> {
        let id = &account.users.get(slot)?.id;
        let version = self.version(account, slot);
        let mut tree = resource::settable(account, &self.schema, slot)?;
        if self.behaviour.modes.external_ids == ExternalIds::Dropped {
            tree.remove("externalId");
        }
        let users = format!("{}/Users", call.url(BASE));
        Some((resource::with_server_attributes(tree, id, version.as_deref(), &users), version))
    }

    fn one(
        &self,
        account: &Account,
        call: &Call,
        status: StatusCode,
        slot: Slot,
        projection: &Projection<'_>,
    ) -> Result<Answer, Problem> {
        let (tree, version) = self.shown(account, call, slot).ok_or_else(Problem::no_user)?;
        let location = tree.get("meta").and_then(|meta| meta.get("location")).and_then(Value::as_str);
        let location = location.unwrap_or_default().to_owned();
        let header = if status == StatusCode::CREATED { LOCATION } else { CONTENT_LOCATION };
        let answer = json(status, &projection.of(&self.schema, tree).into()).with_text(header, &location);
        Ok(match version {
            Some(version) => answer.with_text(ETAG, &version),
            None => answer,
        })
    }

    fn version(&self, account: &Account, slot: Slot) -> Option<String> {
        let user = account.users.get(slot).filter(|_| self.behaviour.modes.etags)?;
        Some(resource::version(&user.raw))
    }

    fn check_version(&self, account: &Account, call: &Call, slot: Slot) -> Result<(), Problem> {
        let Some(version) = self.version(account, slot) else { return Ok(()) };
        if names_version(call, &IF_MATCH, &version) == Some(false) {
            let detail = "the user has changed since; read them again";
            return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
        }
        Ok(())
    }
}

/// Whether a header such as `If-Match` names this version; `None` if it is not sent.
fn names_version(call: &Call, header: &HeaderName, version: &str) -> Option<bool> {
    let tags = call.header(header)?;
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    Some(tags.trim() == "*" || tags.split(',').any(|tag| bare(tag) == bare(version)))
}

/// Sorts without reading the users: a client may ask for each page of a long list in this order.
fn sort_by_id(account: &Account, slots: &mut [Slot], order: Order<'_>) {
    slots.sort_by_key(|slot| account.users.get(*slot).map(|user| &user.id));
    if order.descending {
        slots.reverse();
    }
}

fn in_order(order: Order<'_>, slots: &[Slot], seen: impl Fn(Slot) -> Option<Tree>) -> Vec<Slot> {
    let key = |slot: Slot| seen(slot).and_then(|tree| order.key(&tree));
    let mut rows: Vec<(Option<String>, Slot)> = slots.iter().map(|slot| (key(*slot), *slot)).collect();
    order.sort(&mut rows);
    rows.into_iter().map(|(_, slot)| slot).collect()
}

/// The body of a request that needs one.
fn sent(call: &Call) -> Result<&[u8], Problem> {
    if call.brings(&MEDIA_TYPES) {
        return Ok(&call.body);
    }
    let detail = "send a Content-Type of application/scim+json or application/json";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

fn json(status: StatusCode, document: &Value) -> Answer {
    Answer::with_body(status, MEDIA_TYPE, document.to_string())
}
