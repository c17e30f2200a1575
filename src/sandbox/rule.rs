//! Reads fault rules: `METHOD PATH WORD…`, such as `POST /users nth=3 status=503`; see `docs/sandbox.md`.

use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;
use jiff::SignedDuration;

use super::fault::{Effect, Fault, FaultBody, Lie, Pattern, Retry, Rule, When};
use super::field::Field;

/// A rule that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the fault rule {rule:?} is wrong at {word:?}: {problem}; docs/sandbox.md lists what a rule can say")]
pub struct RuleError {
    /// The rule.
    pub rule: String,
    /// The word of it that is wrong.
    pub word: String,
    /// What is wrong with it.
    pub problem: String,
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// What the words of a rule have said so far.
#[derive(Default)]
struct Draft {
    when: Option<When>,
    skip: u64,
    times: Option<u64>,
    slow: Duration,
    effect: Option<Effect>,
    status: Option<StatusCode>,
    body: Option<FaultBody>,
    retry: Option<Retry>,
    executed: bool,
    user: Option<String>,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let error = |word: &str, problem: String| RuleError { rule: text.to_owned(), word: word.to_owned(), problem };
        let mut words = text.split_whitespace();
        let word = words.next().unwrap_or_default();
        let method = match word {
            "*" => None,
            _ => Some(METHODS.into_iter().find(|method| *method == word).ok_or_else(|| {
                error(word, "a rule begins with a method such as POST, or * for every method".to_owned())
            })?),
        };
        let word = words.next().unwrap_or_default();
        let path = pattern(word).ok_or_else(|| {
            error(word, "the second word is a path such as /users or /users/*, or * for every path".to_owned())
        })?;
        let mut draft = Draft::default();
        let mut seen: Vec<&str> = Vec::new();
        for word in words {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            if seen.contains(&name) {
                return Err(error(word, format!("{name} appears twice")));
            }
            seen.push(name);
            draft.word(name, value).map_err(|problem| error(word, problem))?;
        }
        let (when, skip, times) = (draft.when.unwrap_or(When::Always), draft.skip, draft.times);
        let fault = draft.fault().map_err(|(word, problem)| error(word, problem.to_owned()))?;
        Ok(Self { text: text.to_owned(), method, path, when, skip, times, fault })
    }
}

impl Draft {
    fn word(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        match (name, value) {
            ("nth", Some(value)) => self.when(When::Nth(from_one(value)?)),
            ("every", Some(value)) => self.when(When::Every(from_one(value)?)),
            ("chance", Some(value)) => self.when(When::Chance(chance(value)?)),
            ("skip", Some(value)) => set(&mut self.skip, from_one(value)?),
            ("times", Some(value)) => set(&mut self.times, Some(from_one(value)?)),
            ("slow", Some(value)) => set(&mut self.slow, duration(value)?),
            ("status", Some(value)) => set(&mut self.status, Some(status(value)?)),
            ("body", Some(value)) => set(&mut self.body, Some(body(value)?)),
            ("retry-after", Some(value)) => self.retry(Retry::Seconds(seconds(value)?)),
            ("retry-date", Some(value)) => self.retry(Retry::Date(seconds(value)?)),
            ("executed", None) => set(&mut self.executed, true),
            ("reset", Some("before")) => self.effect(Effect::Reset { executed: false }),
            ("reset", Some("after")) => self.effect(Effect::Reset { executed: true }),
            ("reset", _) => Err("is either reset=before or reset=after (the request was carried out)".to_owned()),
            ("cut", None) => self.effect(Effect::Cut),
            ("loop", None) => self.effect(Effect::Lie(Lie::Loop)),
            ("total", Some("wrong")) => self.effect(Effect::Lie(Lie::Total)),
            ("row", Some("missing")) => self.effect(Effect::Lie(Lie::RowMissing)),
            ("row", Some("twice")) => self.effect(Effect::Lie(Lie::RowTwice)),
            ("drop-field", Some(field)) => self.effect(Effect::Drop(field_name(field)?)),
            ("change", Some(field)) => self.effect(Effect::Change { field: field_name(field)?, user: None }),
            ("lose-field", Some(field)) => self.effect(Effect::Lose(field_name(field)?)),
            ("answer", Some(user)) => self.effect(Effect::AnswerAs(user.to_owned())),
            ("user", Some(user)) => set(&mut self.user, Some(user.to_owned())),
            ("redirect", Some(url)) => self.effect(Effect::Redirect(redirect(url)?)),
            _ => Err("no rule has such a word".to_owned()),
        }
    }

    fn when(&mut self, when: When) -> Result<(), String> {
        match self.when.replace(when) {
            None => Ok(()),
            Some(_) => Err("a rule has one of nth, every and chance".to_owned()),
        }
    }

    fn retry(&mut self, retry: Retry) -> Result<(), String> {
        match self.retry.replace(retry) {
            None => Ok(()),
            Some(_) => Err("a rule has one of retry-after and retry-date".to_owned()),
        }
    }

    fn effect(&mut self, effect: Effect) -> Result<(), String> {
        match self.effect.replace(effect) {
            None => Ok(()),
            Some(_) => Err("a rule has one fault (and slow beside it); write two rules".to_owned()),
        }
    }

    fn fault(self) -> Result<Fault, (&'static str, &'static str)> {
        let Self { when: _, skip: _, times: _, slow, effect, status, body, retry, executed, user } = self;
        let is_status = status.is_some() || body.is_some();
        if !is_status && (retry.is_some() || executed) {
            let word = if executed { "executed" } else { "retry-after" };
            return Err((word, "goes with status= or body= only"));
        }
        let effect = match effect {
            Some(_) if is_status => return Err(("status", "a rule has one fault; write two rules")),
            Some(Effect::Change { field, .. }) => return Ok(Fault { slow, effect: Effect::Change { field, user } }),
            effect if user.is_none() => effect,
            _ => return Err(("user", "goes with change= only")),
        };
        let effect = match effect {
            Some(effect) => effect,
            None if is_status => Effect::Status {
                status: status.unwrap_or(StatusCode::BAD_GATEWAY),
                body: body.unwrap_or(FaultBody::Json),
                retry,
                executed,
            },
            None if slow.is_zero() => return Err(("", "it names no fault, such as status=503")),
            None => Effect::Slow,
        };
        Ok(Fault { slow, effect })
    }
}

fn set<T>(place: &mut T, value: T) -> Result<(), String> {
    *place = value;
    Ok(())
}

fn pattern(word: &str) -> Option<Pattern> {
    if word == "*" {
        return Some(Pattern::Every);
    }
    let segments = word.strip_prefix('/')?.split('/');
    let segments = segments.map(|segment| (segment != "*").then(|| segment.to_owned()));
    Some(Pattern::Segments(segments.collect()))
}

fn from_one(value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("needs a whole number from 1".to_owned()),
    }
}

fn seconds(value: &str) -> Result<u64, String> {
    value.parse::<u32>().map(u64::from).map_err(|_| "needs a whole number of seconds".to_owned())
}

fn chance(value: &str) -> Result<f64, String> {
    match value.parse() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
        _ => Err("needs a probability from 0 to 1, such as 0.05".to_owned()),
    }
}

fn status(value: &str) -> Result<StatusCode, String> {
    match value.parse() {
        Ok(status @ 200..=599) => StatusCode::from_u16(status).map_err(|error| error.to_string()),
        _ => Err("needs an HTTP status from 200 to 599".to_owned()),
    }
}

fn body(value: &str) -> Result<FaultBody, String> {
    match value {
        "json" => Ok(FaultBody::Json),
        "html" => Ok(FaultBody::Html),
        "empty" => Ok(FaultBody::Empty),
        _ => Err("is one of body=json, body=html and body=empty".to_owned()),
    }
}

fn field_name(name: &str) -> Result<Field, String> {
    if name.is_empty() { Err("needs the name of a field".to_owned()) } else { Ok(Field::parse(name)) }
}

fn redirect(url: &str) -> Result<String, String> {
    let url = url::Url::parse(url).map_err(|error| format!("needs a whole URL ({error})"))?;
    Ok(url.into())
}

/// Reads a duration such as `20ms` or `5s`.
///
/// # Errors
/// Says what is expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.ok_or_else(|| "needs a duration such as 20ms or 5s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_rule_names_the_word() {
        for (rule, word) in [
            ("", ""),
            ("FETCH /users status=500", "FETCH"),
            ("get /users status=500", "get"),
            ("GET", ""),
            ("GET users status=500", "users"),
            ("GET /users", ""),
            ("GET /users nth=2", ""),
            ("GET /users nth=0 cut", "nth=0"),
            ("GET /users nth=1 every=2 cut", "every=2"),
            ("GET /users every cut", "every"),
            ("GET /users skip=-1 cut", "skip=-1"),
            ("GET /users times=many cut", "times=many"),
            ("GET /users chance=1.5 cut", "chance=1.5"),
            ("GET /users chance=NaN cut", "chance=NaN"),
            ("GET /users status=99", "status=99"),
            ("GET /users status=503 status=502", "status=502"),
            ("GET /users status=503 cut", "status"),
            ("GET /users status=429 retry-after=soon", "retry-after=soon"),
            ("GET /users status=429 retry-after=1 retry-date=1", "retry-date=1"),
            ("GET /users cut retry-after=1", "retry-after"),
            ("GET /users cut executed", "executed"),
            ("GET /users cut loop", "loop"),
            ("GET /users reset", "reset"),
            ("GET /users reset=never", "reset=never"),
            ("GET /users cut=half", "cut=half"),
            ("GET /users slow=5", "slow=5"),
            ("GET /users body=xml", "body=xml"),
            ("GET /users total=right", "total=right"),
            ("GET /users row=first", "row=first"),
            ("PUT /users/* drop-field=", "drop-field="),
            ("PUT /users/* drop-field=manager user=u1", "user"),
            ("PUT /users/* status=500 user=u1", "user"),
            ("GET * redirect=elsewhere", "redirect=elsewhere"),
            ("GET * sometimes", "sometimes"),
        ] {
            let error = rule.parse::<Rule>().expect_err(rule);
            assert_eq!((&*error.rule, &*error.word), (rule, word));
        }
    }

    #[test]
    fn a_good_rule_keeps_its_text() {
        for text in
            ["* /users/* chance=0.05 status=429 retry-after=1", "GET /users nth=3 slow=5s change=roles user=1001"]
        {
            assert_eq!(text.parse::<Rule>().expect(text).to_string(), text);
        }
    }
}
