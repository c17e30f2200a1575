//! PATCH, RFC 7644 section 3.5.2: the operations of a request, one after the other, on a user who is stored only if all
//! of them can be carried out.

use serde_json::Value;

use super::body;
use super::error::{Kind as ErrorKind, Problem};
use super::filter::Filter;
use super::path::{Path, Tree};
use super::resource::{cannot_be_removed, check_required};
use super::schema::{Attribute, CORE, Kind, Schema, find};

const URN: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Where an operation applies.
struct Target<'s> {
    path: Path<'s>,
    /// What the complex attribute must hold.
    filter: Option<Filter<'s>>,
    /// The attribute that the filter is about.
    filtered: Path<'s>,
    text: String,
}

/// Applies the operations of a body to the attributes of a user that a client can set.
pub(super) fn apply(schema: &Schema, user: &mut Tree, bytes: &[u8]) -> Result<(), Problem> {
    let mut message = body::message(body::parse(bytes)?, URN, &["Operations"])?;
    let operations = match message.remove("Operations") {
        Some(Value::Array(operations)) if !operations.is_empty() => operations,
        _ => return Err(Problem::syntax("\"Operations\" must be a list with at least one operation")),
    };
    operations.into_iter().try_for_each(|operation| one(schema, user, operation))?;
    check_required(schema, user)
}

fn one(schema: &Schema, user: &mut Tree, operation: Value) -> Result<(), Problem> {
    let (mut verb, mut path, mut value) = (None, None, None);
    for (name, member) in body::object(operation, "an operation")? {
        let place = match name.to_ascii_lowercase().as_str() {
            "op" => &mut verb,
            "path" => &mut path,
            "value" => &mut value,
            _ => return Err(Problem::syntax(format!("an operation has no {name:?}"))),
        };
        if place.replace(member).is_some() {
            return Err(Problem::syntax(format!("{name:?} appears twice in an operation")));
        }
    }
    let verb = match verb.as_ref().and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("add") => Verb::Add,
        Some("replace") => Verb::Replace,
        Some("remove") => Verb::Remove,
        _ => return Err(Problem::syntax("\"op\" must be \"add\", \"replace\" or \"remove\"")),
    };
    let target = match path {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(Target::parse(schema, path)?),
        Some(_) => return Err(Problem::bad(ErrorKind::InvalidPath, "\"path\" must be a text")),
    };
    match (verb, target, value) {
        (Verb::Remove, None, _) => Err(Problem::bad(ErrorKind::NoTarget, "a remove needs a path")),
        (Verb::Remove, Some(_), Some(_)) => Err(Problem::syntax("a remove has no value")),
        (Verb::Remove, Some(target), None) => target.remove(user),
        (Verb::Add | Verb::Replace, _, None) => Err(Problem::syntax("an add or a replace needs a value")),
        (Verb::Add | Verb::Replace, Some(target), Some(value)) => target.set(user, value),
        (Verb::Add | Verb::Replace, None, Some(value)) => whole(schema, user, value),
    }
}

/// An operation without a path: its value names the attributes.
fn whole(schema: &Schema, user: &mut Tree, value: Value) -> Result<(), Problem> {
    for (name, value) in body::object(value, "the value of an operation without a path")? {
        let target = Target::parse(schema, name)?;
        match target.path {
            Path::Extension(_) | Path::Attribute { urn: None, part: None, .. } if target.filter.is_none() => {
                target.set(user, value)?;
            }
            _ => return Err(Problem::syntax(format!("{:?} is a path, not an attribute; send it as one", target.text))),
        }
    }
    Ok(())
}

impl<'s> Target<'s> {
    fn parse(schema: &'s Schema, text: String) -> Result<Self, Problem> {
        let wrong = |reason: String| Problem::bad(ErrorKind::InvalidPath, format!("the path {text:?}: {reason}"));
        let Some((name, rest)) = text.split_once('[') else {
            let path = Path::parse(schema, &text).map_err(wrong)?;
            return Ok(Self { path, filter: None, filtered: path, text });
        };
        let (filter, part) = rest.rsplit_once(']').ok_or_else(|| wrong("a ] is missing".to_owned()))?;
        let filtered = Path::parse(schema, name).map_err(wrong)?;
        let attribute = filtered.leaf().filter(|leaf| leaf.kind == Kind::Complex);
        let attribute = attribute.ok_or_else(|| wrong("only an attribute with parts can have brackets".to_owned()))?;
        let filter = Filter::of_parts(attribute, filter)?;
        let path = match (part.strip_prefix('.'), part) {
            (_, "") => filtered,
            (Some(part), _) => Path::parse(schema, &format!("{name}.{part}")).map_err(wrong)?,
            (None, _) => return Err(wrong("a dot and the name of a part must follow the ]".to_owned())),
        };
        Ok(Self { path, filter: Some(filter), filtered, text })
    }

    fn set(&self, user: &mut Tree, value: Value) -> Result<(), Problem> {
        self.check(user)?;
        match self.path {
            Path::Extension(namespace) if namespace.urn == CORE => Err(self.no_attribute()),
            Path::Extension(namespace) => {
                if value.is_null() {
                    return self.remove(user);
                }
                let sent = body::extension(namespace, value)?.unwrap_or_default();
                self.merge(user, sent, &namespace.attributes)
            }
            Path::Attribute { urn, attribute, part } => {
                let leaf = part.unwrap_or(attribute);
                match body::value(leaf, value, &self.text)? {
                    None => self.remove(user),
                    // A manager without its value counts as no manager.
                    Some(Value::Object(parts)) => {
                        self.merge(user, parts, if leaf.required { &leaf.parts } else { &[] })
                    }
                    // The address of a manager is not stored; it says who the manager is.
                    Some(Value::String(address)) if leaf.kind == Kind::Reference => {
                        let value = attribute.parts.first();
                        let id = body::id_in(&address).into();
                        Path::Attribute { urn, attribute, part: value }.set(user, Some(id));
                        Ok(())
                    }
                    Some(value) => {
                        self.path.set(user, Some(value));
                        Ok(())
                    }
                }
            }
        }
    }

    /// Sets the given members of an object, removes those that are null, and leaves the others.
    fn merge(&self, user: &mut Tree, sent: Tree, known: &[Attribute]) -> Result<(), Problem> {
        let mut merged = self.path.get(user).and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, value) in sent {
            if !value.is_null() {
                merged.insert(name, value);
            } else if find(known, &name).is_some_and(|attribute| attribute.required) {
                return Err(cannot_be_removed(&format!("{}.{name}", self.text)));
            } else {
                merged.remove(&name);
            }
        }
        self.path.set(user, Some(merged).filter(|merged| !merged.is_empty()).map(Value::Object));
        Ok(())
    }

    fn remove(&self, user: &mut Tree) -> Result<(), Problem> {
        self.check(user)?;
        let needed = match self.path {
            Path::Extension(namespace) if namespace.urn == CORE => return Err(self.no_attribute()),
            Path::Extension(namespace) => namespace.attributes.iter().any(|attribute| attribute.required),
            // A manager without its value counts as no manager.
            Path::Attribute { attribute, part: Some(part), .. } if !attribute.required && part.needed_by_whole() => {
                let Path::Attribute { urn, attribute, .. } = self.path else { return Ok(()) };
                Path::Attribute { urn, attribute, part: None }.set(user, None);
                return Ok(());
            }
            Path::Attribute { attribute, part, .. } => part.unwrap_or(attribute).required,
        };
        if needed {
            return Err(cannot_be_removed(&self.text));
        }
        self.path.set(user, None);
        Ok(())
    }

    /// Refuses what nobody may change, and a filter that finds nothing.
    fn check(&self, user: &Tree) -> Result<(), Problem> {
        if let Path::Attribute { attribute, part, .. } = self.path
            && (attribute.read_only || part.is_some_and(|part| part.read_only) || attribute.name == "schemas")
        {
            return Err(Problem::bad(ErrorKind::Mutability, format!("{} cannot be changed", self.text)));
        }
        let found = |filter: &Filter<'_>| {
            self.filtered.get(user).and_then(Value::as_object).is_some_and(|parts| filter.matches(parts))
        };
        if self.filter.as_ref().is_some_and(|filter| !found(filter)) {
            let detail = format!("nothing matches the filter in the path {:?}", self.text);
            return Err(Problem::bad(ErrorKind::NoTarget, detail));
        }
        Ok(())
    }

    fn no_attribute(&self) -> Problem {
        Problem::bad(ErrorKind::InvalidPath, format!("the path {:?} names no attribute", self.text))
    }
}

impl Attribute {
    /// Whether a complex attribute means nothing without this part.
    fn needed_by_whole(&self) -> bool {
        self.required || self.kind == Kind::Reference
    }
}
