//! Which attributes an answer shows: `attributes` and `excludedAttributes`.

use serde_json::Value;

use super::error::Problem;
use super::path::{Path, Tree};
use super::schema::{Returned, Schema};

/// What a client asks to see.
#[derive(Debug, Default)]
pub(super) enum Projection<'s> {
    #[default]
    Everything,
    Only(Vec<Path<'s>>),
    Without(Vec<Path<'s>>),
}

impl<'s> Projection<'s> {
    /// Reads the two parameters, which exclude each other.
    pub(super) fn new(
        schema: &'s Schema,
        only: Option<Vec<String>>,
        without: Option<Vec<String>>,
    ) -> Result<Self, Problem> {
        let paths = |parameter: &str, names: Vec<String>| {
            let path = |name: &String| {
                Path::parse(schema, name.trim()).map_err(|reason| Problem::value(format!("{parameter}: {reason}")))
            };
            names.iter().map(path).collect::<Result<Vec<_>, _>>()
        };
        match (only, without) {
            (None, None) => Ok(Self::Everything),
            (Some(names), None) => Ok(Self::Only(paths("attributes", names)?)),
            (None, Some(names)) => Ok(Self::Without(paths("excludedAttributes", names)?)),
            (Some(_), Some(_)) => Err(Problem::value("attributes and excludedAttributes exclude each other")),
        }
    }

    pub(super) fn of(&self, schema: &Schema, mut tree: Tree) -> Tree {
        match self {
            Self::Everything => tree,
            Self::Only(paths) => {
                let mut shown = Tree::new();
                for attribute in schema.common.iter().filter(|attribute| attribute.returned == Returned::Always) {
                    if let Some(value) = tree.get(&attribute.name) {
                        shown.insert(attribute.name.clone(), value.clone());
                    }
                }
                for path in paths {
                    // A part that is asked for after its whole must not reduce the whole.
                    if let Some(value) = path.get(&tree)
                        && !matches!(path.get(&shown), Some(Value::Object(_)))
                    {
                        path.set(&mut shown, Some(value.clone()));
                    }
                }
                shown
            }
            Self::Without(paths) => {
                let removable = |path: &&Path<'_>| path.leaf().is_none_or(|leaf| leaf.returned != Returned::Always);
                paths.iter().filter(removable).for_each(|path| path.set(&mut tree, None));
                tree
            }
        }
    }
}
