//! What a template uses, by its syntax tree: the names that it does not define itself, and the columns of the sources.
//!
//! The engine's own list lacks what is sliced and what is in the arguments of a filter block, and takes a name for
//! defined in the very expression that defines it.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use minijinja::Error;
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CompareOpKind, Expr, Macro, Spanned, Stmt};
use minijinja::machinery::{parse, parse_expr};
use unicode_normalization::UnicodeNormalization as _;

use super::{ColumnName, disabled};

/// The function that prints everything there is.
const DEBUG: &str = "debug";
/// The filter that reads the member of a name.
const ATTRIBUTE: &str = "attr";

/// The names and columns that a template uses.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// The names that it does not surely define itself.
    pub(crate) names: BTreeSet<String>,
    /// The columns that it names.
    pub(super) columns: BTreeSet<ColumnName>,
    /// The sources of which it may read other columns too, such as `hr` in `hr[ad.x]`.
    pub(super) whole: BTreeSet<usize>,
    /// Its texts, and the names of members: each may be a column of a source in `whole`, as in `[hr] | selectattr('x')`.
    pub(super) texts: BTreeSet<Box<str>>,
}

impl Uses {
    /// What a template such as `{{ hr.email | lower }}` uses.
    pub(super) fn of_template(text: &str, sources: &[Arc<str>]) -> Result<Self, Error> {
        let statement = parse(text, "<template>", Default::default())?;
        let mut reader = Reader::new(sources);
        reader.statement(&statement);
        Ok(reader.uses)
    }

    /// What an expression such as `hr.status == 'active'` uses.
    pub(crate) fn of_expression(text: &str, sources: &[Arc<str>]) -> Result<Self, Error> {
        let expression = parse_expr(text)?;
        let mut reader = Reader::new(sources);
        reader.read(&expression);
        Ok(reader.uses)
    }
}

/// The values of the arguments of a call, a filter or a test.
pub(super) fn values<'e, 'a>(arguments: &'e [CallArg<'a>]) -> impl Iterator<Item = &'e Expr<'a>> {
    arguments.iter().map(|argument| {
        let (CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value)) =
            argument;
        value
    })
}

struct Reader<'s> {
    sources: &'s [Arc<str>],
    /// The names that the template has surely defined, by the blocks around.
    defined: Vec<HashSet<String>>,
    uses: Uses,
}

impl<'s> Reader<'s> {
    fn new(sources: &'s [Arc<str>]) -> Self {
        Self { sources, defined: vec![HashSet::new()], uses: Uses::default() }
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(node) => self.statements(&node.children),
            Stmt::EmitExpr(node) => self.read(&node.expr),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(node) => {
                self.read(&node.iter);
                self.block(|reader| {
                    reader.assign(&node.target);
                    reader.read_all(&node.filter_expr);
                    reader.define("loop");
                    reader.statements(&node.body);
                });
                self.block(|reader| reader.statements(&node.else_body));
            }
            Stmt::IfCond(node) => {
                self.read(&node.expr);
                self.block(|reader| reader.statements(&node.true_body));
                self.block(|reader| reader.statements(&node.false_body));
            }
            Stmt::WithBlock(node) => self.block(|reader| {
                for (target, value) in &node.assignments {
                    reader.read(value);
                    reader.assign(target);
                }
                reader.statements(&node.body);
            }),
            Stmt::Set(node) => {
                self.read(&node.expr);
                self.assign(&node.target);
            }
            Stmt::SetBlock(node) => {
                self.statements(&node.body);
                self.read_all(&node.filter);
                self.assign(&node.target);
            }
            // These two have no names of their own: what is set in them stays set behind them.
            Stmt::AutoEscape(node) => {
                self.read(&node.enabled);
                self.statements(&node.body);
            }
            Stmt::FilterBlock(node) => {
                self.statements(&node.body);
                self.read(&node.filter);
            }
            Stmt::Macro(node) => {
                self.define(node.name);
                self.declaration(node);
            }
            Stmt::CallBlock(node) => {
                self.call(&node.call);
                self.declaration(&node.macro_decl);
            }
            Stmt::Do(node) => self.call(&node.call),
        }
    }

    fn block(&mut self, read: impl FnOnce(&mut Self)) {
        self.defined.push(HashSet::new());
        read(self);
        self.defined.pop();
    }

    /// The arguments of a macro, of which the last is set first, and what it does.
    fn declaration(&mut self, node: &Spanned<Macro<'_>>) {
        self.block(|reader| {
            let mut defaults = node.defaults.iter().rev();
            for argument in node.args.iter().rev() {
                reader.read_all(defaults.next());
                reader.assign(argument);
            }
            reader.define("caller");
            reader.statements(&node.body);
        });
    }

    fn assign(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(node) => self.define(node.id),
            Expr::List(node) => node.items.iter().for_each(|item| self.assign(item)),
            Expr::Tuple(node) => node.items.iter().for_each(|item| self.assign(item)),
            // `namespace.name`, or what the engine refuses.
            Expr::GetAttr(node) => self.read(&node.expr),
            other => self.read(other),
        }
    }

    fn define(&mut self, name: &str) {
        if let Some(names) = self.defined.last_mut() {
            names.insert(name.to_owned());
        }
        // Which of both a later use means depends on what was carried out before it.
        self.uses.whole.extend(self.place_of(name));
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|source| **source == *name)
    }

    fn is_defined(&self, name: &str) -> bool {
        self.defined.iter().any(|names| names.contains(name))
    }

    /// The source that an expression is.
    fn source(&self, expression: &Expr<'_>) -> Option<usize> {
        match expression {
            Expr::Var(node) if !self.is_defined(node.id) => self.place_of(node.id),
            _ => None,
        }
    }

    fn column(&mut self, source: usize, column: &str) {
        self.uses.names.insert(self.sources[source].to_string());
        // The template is in NFC, but an escape in it may not be.
        self.uses.columns.insert(ColumnName { source, column: column.nfc().collect::<String>().into() });
    }

    fn read_all<'e, 'a: 'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr<'a>>) {
        expressions.into_iter().for_each(|expression| self.read(expression));
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        self.read(&call.expr);
        self.read_all(values(&call.args));
    }

    fn read(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Var(node) => self.variable(node.id),
            Expr::Const(node) => self.text(node.value.as_str().unwrap_or_default()),
            Expr::Slice(node) => {
                self.read(&node.expr);
                self.read_all([&node.start, &node.stop, &node.step].into_iter().flatten());
            }
            Expr::UnaryOp(node) => self.read(&node.expr),
            Expr::BinOp(node) => {
                self.read(&node.left);
                self.operand(&node.left, &node.right, matches!(node.op, BinOpKind::In));
            }
            Expr::Compare(node) => {
                self.read(&node.expr);
                let mut before = &node.expr;
                for part in &node.ops {
                    self.operand(before, &part.expr, matches!(part.op, CompareOpKind::In | CompareOpKind::NotIn));
                    before = &part.expr;
                }
            }
            Expr::IfExpr(node) => {
                self.read_all([&node.test_expr, &node.true_expr]);
                self.read_all(&node.false_expr);
            }
            Expr::Filter(node) => {
                let source = node.expr.as_ref().and_then(|of| self.source(of));
                match (source, &node.args[..]) {
                    (Some(source), [CallArg::Pos(name)]) if node.name == ATTRIBUTE => self.member(source, name),
                    _ => self.read_all(&node.expr),
                }
                self.read_all(values(&node.args));
            }
            Expr::Test(node) => {
                match self.source(&node.expr) {
                    Some(source) if node.name == disabled::TEST => self.column(source, disabled::COLUMN),
                    _ => self.read(&node.expr),
                }
                match &node.args[..] {
                    [CallArg::Pos(other)] => self.operand(&node.expr, other, node.name == "in"),
                    arguments => self.read_all(values(arguments)),
                }
            }
            Expr::GetAttr(node) => match self.source(&node.expr) {
                Some(source) => self.column(source, node.name),
                None => {
                    self.text(node.name);
                    self.read(&node.expr);
                }
            },
            Expr::GetItem(node) => {
                match self.source(&node.expr) {
                    Some(source) => self.member(source, &node.subscript_expr),
                    None => self.read(&node.expr),
                }
                self.read(&node.subscript_expr);
            }
            Expr::Call(node) => self.call(node),
            Expr::List(node) => self.read_all(&node.items),
            Expr::Tuple(node) => self.read_all(&node.items),
            Expr::Map(node) => self.read_all(node.keys.iter().chain(&node.values)),
        }
    }

    /// Reads the right side of an operator. `value in source` asks for a column.
    fn operand(&mut self, value: &Expr<'_>, other: &Expr<'_>, is_in: bool) {
        match self.source(other).filter(|_| is_in) {
            Some(source) => self.member(source, value),
            None => self.read(other),
        }
    }

    /// A text of the template: it may name a column, the first part of a path, or several columns.
    fn text(&mut self, text: &str) {
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let first = name.split('.').next().unwrap_or_default();
            self.uses.texts.extend([name, first].map(|name| name.nfc().collect::<String>().into()));
        }
    }

    /// The column of a source that an expression names. It is known only if the expression is constant.
    fn member(&mut self, source: usize, name: &Expr<'_>) {
        let sources = self.sources;
        match name.as_const() {
            Some(name) => match name.as_str() {
                Some(name) => self.column(source, name),
                // No column has a name that is no text.
                None => drop(self.uses.names.insert(sources[source].to_string())),
            },
            None => self.variable(&sources[source]),
        }
    }

    fn variable(&mut self, name: &str) {
        if self.is_defined(name) {
            return;
        }
        self.uses.names.insert(name.to_owned());
        match self.place_of(name) {
            Some(source) => drop(self.uses.whole.insert(source)),
            None if name == DEBUG => self.uses.whole.extend(0..self.sources.len()),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
