//! Filters of RFC 7644 section 3.4.2.2: reading one, and whether a user matches it.
//!
//! A filter that this server cannot obey exactly is an error: one that is half understood would give a wrong list.

use serde_json::Value;

use super::error::{Kind as ErrorKind, Problem};
use super::path::{Path, Tree};
use super::schema::{Attribute, Kind, Schema};

/// How deeply brackets may be nested.
const DEPTH: usize = 32;

#[derive(Debug)]
pub(super) enum Filter<'s> {
    Or(Vec<Filter<'s>>),
    And(Vec<Filter<'s>>),
    Not(Box<Filter<'s>>),
    Present(Path<'s>),
    Compare {
        path: Path<'s>,
        operator: Operator,
        value: Value,
    },
    /// A complex attribute whose parts match.
    Within {
        path: Path<'s>,
        filter: Box<Filter<'s>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

const OPERATORS: [(&str, Operator); 9] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("co", Operator::Contains),
    ("sw", Operator::StartsWith),
    ("ew", Operator::EndsWith),
    ("gt", Operator::Greater),
    ("ge", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("le", Operator::LessOrEqual),
];

impl<'s> Filter<'s> {
    /// Reads a filter of users.
    pub(super) fn parse(schema: &'s Schema, text: &str) -> Result<Self, Problem> {
        Parser::new(text, Scope::User(schema)).whole()
    }

    /// Reads a filter in brackets, which names the parts of a complex attribute.
    pub(super) fn of_parts(attribute: &'s Attribute, text: &str) -> Result<Self, Problem> {
        Parser::new(text, Scope::Parts(attribute)).whole()
    }

    pub(super) fn matches(&self, tree: &Tree) -> bool {
        match self {
            Self::Or(filters) => filters.iter().any(|filter| filter.matches(tree)),
            Self::And(filters) => filters.iter().all(|filter| filter.matches(tree)),
            Self::Not(filter) => !filter.matches(tree),
            Self::Present(path) => path.get(tree).is_some(),
            Self::Compare { path, operator, value } => {
                let exact = path.leaf().is_some_and(|leaf| leaf.exact);
                match path.get(tree) {
                    Some(Value::Array(found)) => found.iter().any(|found| operator.holds(Some(found), value, exact)),
                    found => operator.holds(found, value, exact),
                }
            }
            Self::Within { path, filter } => {
                path.get(tree).and_then(Value::as_object).is_some_and(|parts| filter.matches(parts))
            }
        }
    }

    /// The attribute and text that alone decide whether a user matches, if the filter is that simple.
    pub(super) fn only(&self) -> Option<(&'s str, &str)> {
        match self {
            Self::Compare {
                path: Path::Attribute { urn: None, attribute, part: None },
                operator: Operator::Equal,
                value: Value::String(text),
            } => Some((&attribute.name, text)),
            _ => None,
        }
    }
}

impl Operator {
    fn holds(self, found: Option<&Value>, wanted: &Value, exact: bool) -> bool {
        let (found, wanted) = match (found, wanted) {
            (Some(Value::String(found)), Value::String(wanted)) if exact => (found.clone(), wanted.clone()),
            (Some(Value::String(found)), Value::String(wanted)) => (found.to_lowercase(), wanted.to_lowercase()),
            (found, wanted) => {
                let same = found.unwrap_or(&Value::Null) == wanted;
                return if self == Self::NotEqual { !same } else { self == Self::Equal && same };
            }
        };
        match self {
            Self::Equal => found == wanted,
            Self::NotEqual => found != wanted,
            Self::Contains => found.contains(&wanted),
            Self::StartsWith => found.starts_with(&wanted),
            Self::EndsWith => found.ends_with(&wanted),
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
        }
    }
}

/// Where the names in a filter are looked up.
#[derive(Clone, Copy)]
enum Scope<'s> {
    User(&'s Schema),
    Parts(&'s Attribute),
}

struct Parser<'s, 't> {
    text: &'t str,
    at: usize,
    scope: Scope<'s>,
    depth: usize,
}

type Parsed<'s> = Result<Filter<'s>, Problem>;

impl<'s, 't> Parser<'s, 't> {
    fn new(text: &'t str, scope: Scope<'s>) -> Self {
        Self { text, at: 0, scope, depth: 0 }
    }

    fn whole(mut self) -> Parsed<'s> {
        let filter = self.any()?;
        self.skip_spaces();
        if self.rest().is_empty() { Ok(filter) } else { Err(self.problem("something follows the filter")) }
    }

    /// Filters with `or` between them.
    fn any(&mut self) -> Parsed<'s> {
        let mut filters = vec![self.all()?];
        while self.takes_word("or") {
            filters.push(self.all()?);
        }
        Ok(if filters.len() > 1 { Filter::Or(filters) } else { filters.remove(0) })
    }

    /// Filters with `and` between them, which binds closer.
    fn all(&mut self) -> Parsed<'s> {
        let mut filters = vec![self.one()?];
        while self.takes_word("and") {
            filters.push(self.one()?);
        }
        Ok(if filters.len() > 1 { Filter::And(filters) } else { filters.remove(0) })
    }

    fn one(&mut self) -> Parsed<'s> {
        self.skip_spaces();
        if self.takes('(') {
            return self.in_parentheses();
        }
        let before = self.at;
        if self.takes_word("not") {
            self.skip_spaces();
            if self.takes('(') {
                return Ok(Filter::Not(Box::new(self.in_parentheses()?)));
            }
            self.at = before;
        }
        let name = self.word();
        if name.is_empty() {
            return Err(self.problem("the name of an attribute is missing"));
        }
        let path = match self.scope {
            Scope::User(schema) => Path::parse(schema, name),
            Scope::Parts(attribute) => Path::part_of(attribute, name),
        };
        let path = path.map_err(|reason| self.problem(&reason))?;
        if self.takes('[') { self.in_brackets(path) } else { self.comparison(path, name) }
    }

    fn comparison(&mut self, path: Path<'s>, name: &str) -> Parsed<'s> {
        let operator = self.spaced_word()?;
        if operator.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let found = OPERATORS.into_iter().find(|(known, _)| operator.eq_ignore_ascii_case(known));
        let (_, operator) = found.ok_or_else(|| self.problem(&format!("{operator:?} is not an operator")))?;
        if !self.rest().starts_with(' ') {
            return Err(self.problem("a space and a value must follow the operator"));
        }
        self.skip_spaces();
        let value = self.value()?;
        let leaf = path.leaf().filter(|leaf| leaf.kind != Kind::Complex);
        let leaf = leaf.ok_or_else(|| self.problem(&format!("{name:?} has parts; name one of them")))?;
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        let fits = match (&value, leaf.kind) {
            (Value::Null, _) => equality,
            (Value::Bool(_), Kind::Boolean) => equality,
            (Value::String(_), Kind::Text | Kind::Reference) => true,
            _ => false,
        };
        if fits {
            Ok(Filter::Compare { path, operator, value })
        } else {
            Err(self.problem(&format!("{name:?} cannot be compared in this way with {value}")))
        }
    }

    fn in_parentheses(&mut self) -> Parsed<'s> {
        self.deeper()?;
        let filter = self.any()?;
        self.depth -= 1;
        self.skip_spaces();
        if self.takes(')') { Ok(filter) } else { Err(self.problem("a ) is missing")) }
    }

    fn in_brackets(&mut self, path: Path<'s>) -> Parsed<'s> {
        let attribute = path.leaf().filter(|leaf| leaf.kind == Kind::Complex);
        let attribute = attribute.ok_or_else(|| self.problem("only an attribute with parts can have brackets"))?;
        let outer = std::mem::replace(&mut self.scope, Scope::Parts(attribute));
        self.deeper()?;
        let filter = self.any()?;
        self.depth -= 1;
        self.scope = outer;
        self.skip_spaces();
        if self.takes(']') {
            Ok(Filter::Within { path, filter: Box::new(filter) })
        } else {
            Err(self.problem("a ] is missing"))
        }
    }

    fn deeper(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > DEPTH { Err(self.problem("brackets are nested too deeply")) } else { Ok(()) }
    }

    /// A text in quotes, a boolean, a number, or null.
    fn value(&mut self) -> Result<Value, Problem> {
        if self.rest().starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            let Some(Ok(text)) = values.next() else {
                return Err(self.problem("the text is not closed, or not JSON"));
            };
            self.at += values.byte_offset();
            if !self.rest().is_empty() && !self.rest().starts_with([' ', ')', ']']) {
                return Err(self.problem("a space must follow the value"));
            }
            return Ok(Value::String(text));
        }
        let word = self.word();
        match serde_json::from_str(word) {
            Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => Ok(value),
            _ => Err(self.problem(&format!("{word:?} is not a value; write a text in quotes"))),
        }
    }

    fn spaced_word(&mut self) -> Result<&'t str, Problem> {
        if !self.rest().starts_with(' ') {
            return Err(self.problem("an operator is missing"));
        }
        self.skip_spaces();
        Ok(self.word())
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(' ').len();
    }

    fn takes(&mut self, wanted: char) -> bool {
        let taken = self.rest().starts_with(wanted);
        if taken {
            self.at += wanted.len_utf8();
        }
        taken
    }

    /// Takes a word such as `and`, if it comes next and ends there.
    fn takes_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        self.skip_spaces();
        if self.word().eq_ignore_ascii_case(wanted) {
            return true;
        }
        self.at = before;
        false
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find([' ', '(', ')', '[', ']', '"']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn problem(&self, reason: &str) -> Problem {
        let characters = self.text.get(..self.at).unwrap_or_default().chars().count();
        let detail = format!("the filter cannot be read at character {}: {reason}", characters + 1);
        Problem::bad(ErrorKind::InvalidFilter, detail)
    }
}
