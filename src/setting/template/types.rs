//! Finds comparisons that are always wrong when the settings are read: some sources have only texts, so that `hr.fte >
//! 0` over a CSV file is a mistake for every record.
//!
//! Only certain mistakes count. A value that is a text in some records and a number in others is checked when it is
//! compared.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, Stmt, UnaryOpKind};
use minijinja::machinery::{parse, parse_expr};

use super::Sources;
use super::compare::advice;
use super::kinds::{Type, shown};
use super::lists::FOR_LISTS;
use super::uses::values;

/// The mistake in a template over these sources.
pub(super) fn contradiction(text: &str, is_condition: bool, sources: &Sources) -> Option<String> {
    let mut reader = Reader { sources, variables: BTreeSet::new(), problem: None };
    if is_condition {
        reader.condition(&parse_expr(text).ok()?);
    } else {
        let statement = parse(text, "<template>", Default::default()).ok()?;
        reader.name_variables(&statement);
        reader.statement(&statement);
    }
    reader.problem
}

struct Reader<'r> {
    sources: &'r Sources,
    /// Names that the template defines itself.
    variables: BTreeSet<String>,
    /// The first one.
    problem: Option<String>,
}

impl Reader<'_> {
    fn name_variables(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::ForLoop(node) => self.name_variable(&node.target),
            Stmt::Set(node) => self.name_variable(&node.target),
            Stmt::SetBlock(node) => self.name_variable(&node.target),
            Stmt::WithBlock(node) => node.assignments.iter().for_each(|(target, _)| self.name_variable(target)),
            Stmt::Macro(node) => node.args.iter().for_each(|argument| self.name_variable(argument)),
            Stmt::CallBlock(node) => node.macro_decl.args.iter().for_each(|argument| self.name_variable(argument)),
            _ => {}
        }
        bodies(statement).into_iter().flatten().for_each(|statement| self.name_variables(statement));
    }

    fn name_variable(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(variable) => {
                self.variables.insert(variable.id.to_owned());
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.name_variable(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.name_variable(item)),
            _ => {}
        }
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::EmitExpr(node) => self.read(&node.expr),
            Stmt::ForLoop(node) => {
                self.read(&node.iter);
                self.read_all(&node.filter_expr);
            }
            Stmt::IfCond(node) => {
                self.read(&node.expr);
                self.no_table(&node.expr);
            }
            Stmt::WithBlock(node) => node.assignments.iter().for_each(|(_, value)| self.read(value)),
            Stmt::Set(node) => self.read(&node.expr),
            Stmt::SetBlock(node) => self.read_all(&node.filter),
            Stmt::FilterBlock(node) => self.read(&node.filter),
            Stmt::Macro(node) => self.read_all(&node.defaults),
            Stmt::CallBlock(node) => {
                self.read(&node.call.expr);
                self.read_all(values(&node.call.args));
                self.read_all(&node.macro_decl.defaults);
            }
            Stmt::Do(node) => {
                self.read(&node.call.expr);
                self.read_all(values(&node.call.args));
            }
            Stmt::AutoEscape(node) => self.read(&node.enabled),
            Stmt::Template(_) | Stmt::EmitRaw(_) => {}
        }
        bodies(statement).into_iter().flatten().for_each(|statement| self.statement(statement));
    }

    fn read_all<'e, 'a: 'e>(&mut self, expressions: impl IntoIterator<Item = &'e Expr<'a>>) {
        expressions.into_iter().for_each(|expression| self.read(expression));
    }

    /// Checks an expression that must be true or false.
    fn condition(&mut self, expression: &Expr<'_>) {
        self.read(expression);
        self.must_be_boolean(expression);
    }

    /// Checks what need not be true or false, but holds or does not: a table always holds, also without a row.
    fn no_table(&mut self, expression: &Expr<'_>) {
        if self.is_table(expression) {
            self.must_be_boolean(expression);
        }
    }

    fn must_be_boolean(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::BinOp(node) if matches!(node.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                self.must_be_boolean(&node.left);
                self.must_be_boolean(&node.right);
            }
            Expr::UnaryOp(node) if matches!(node.op, UnaryOpKind::Not) => self.must_be_boolean(&node.expr),
            Expr::IfExpr(node) => {
                [&node.test_expr, &node.true_expr].into_iter().for_each(|part| self.must_be_boolean(part));
                node.false_expr.iter().for_each(|part| self.must_be_boolean(part));
            }
            _ => match self.type_of(expression) {
                None | Some(Type::Boolean) => {}
                Some(found) => {
                    let name = written(expression);
                    self.note(format!(
                        "asks whether {name} holds, which is {} and neither true nor false; compare it, as in `{}`",
                        found.name(),
                        example(expression, found)
                    ));
                }
            },
        }
    }

    /// Looks for problems in an expression and all of its parts.
    fn read(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(node) => {
                self.read(&node.expr);
                self.read_all([&node.start, &node.stop, &node.step].into_iter().flatten());
            }
            Expr::UnaryOp(node) => {
                self.read(&node.expr);
                self.no_table(&node.expr);
            }
            Expr::BinOp(node) => {
                self.read_all([&node.left, &node.right]);
                match node.op {
                    BinOpKind::ScAnd | BinOpKind::ScOr => {
                        [&node.left, &node.right].into_iter().for_each(|side| self.no_table(side));
                    }
                    BinOpKind::Eq | BinOpKind::Ne | BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
                        self.compared(&node.left, &node.right);
                    }
                    BinOpKind::In => self.contained(&node.left, &node.right),
                    _ => {}
                }
            }
            Expr::Compare(node) => {
                self.read(&node.expr);
                let mut before = &node.expr;
                for part in &node.ops {
                    self.read(&part.expr);
                    match part.op {
                        CompareOpKind::In | CompareOpKind::NotIn => self.contained(before, &part.expr),
                        _ => self.compared(before, &part.expr),
                    }
                    before = &part.expr;
                }
            }
            Expr::IfExpr(node) => {
                self.read_all([&node.test_expr, &node.true_expr]);
                self.read_all(&node.false_expr);
                self.no_table(&node.test_expr);
            }
            Expr::Filter(node) => {
                self.read_all(&node.expr);
                self.read_all(values(&node.args));
                if let Some(of) = &node.expr
                    && FOR_LISTS.contains(&node.name)
                    && self.type_of(of) == Some(Type::Text)
                {
                    let (name, of) = (node.name, written(of));
                    self.note(format!(
                        "uses `{name}`, which is for lists, on {of}, which is a text; leave `{name}` out"
                    ));
                }
            }
            Expr::Test(node) => {
                self.read(&node.expr);
                self.read_all(values(&node.args));
                if let (
                    "eq" | "equalto" | "sameas" | "ne" | "lt" | "lessthan" | "le" | "gt" | "greaterthan" | "ge",
                    [CallArg::Pos(other)],
                ) = (node.name, &node.args[..])
                {
                    self.compared(&node.expr, other);
                }
                if let ("true" | "false", Some(found)) = (node.name, self.type_of(&node.expr))
                    && found != Type::Boolean
                {
                    let (name, of) = (node.name, written(&node.expr));
                    let advice = advice(found, Type::Boolean, bare(&node.expr).as_str());
                    self.note(format!("asks whether {of}, {}, is {name}{advice}", found.name()));
                }
                let wanted = match node.name {
                    "number" | "integer" | "int" | "float" | "odd" | "even" | "divisibleby" => Some(Type::Number),
                    "boolean" => Some(Type::Boolean),
                    _ => None,
                };
                if let (Some(wanted), Some(Type::Text)) = (wanted, self.type_of(&node.expr)) {
                    let (name, of) = (node.name, written(&node.expr));
                    let advice = advice(Type::Text, wanted, bare(&node.expr).as_str());
                    self.note(format!("asks whether {of}, a text, is {name}, which it never is{advice}"));
                }
                if let ("in", [CallArg::Pos(other)]) = (node.name, &node.args[..]) {
                    self.contained(&node.expr, other);
                }
            }
            Expr::GetAttr(node) => self.read(&node.expr),
            Expr::GetItem(node) => {
                self.read_all([&node.expr, &node.subscript_expr]);
                if let Expr::Map(map) = &node.expr {
                    self.listed(&node.subscript_expr, &map.keys);
                }
            }
            Expr::Call(node) => {
                self.read(&node.expr);
                self.read_all(values(&node.args));
            }
            Expr::List(node) => self.read_all(&node.items),
            Expr::Tuple(node) => self.read_all(&node.items),
            Expr::Map(node) => self.read_all(node.keys.iter().chain(&node.values)),
        }
    }

    fn contained(&mut self, value: &Expr<'_>, container: &Expr<'_>) {
        match container {
            Expr::List(list) => self.listed(value, &list.items),
            Expr::Tuple(tuple) => self.listed(value, &tuple.items),
            Expr::Map(map) => self.listed(value, &map.keys),
            _ if self.type_of(container) == Some(Type::Text) => self.compared(value, container),
            _ => {}
        }
    }

    fn listed(&mut self, value: &Expr<'_>, items: &[Expr<'_>]) {
        items.iter().for_each(|item| self.compared(value, item));
    }

    fn compared(&mut self, a: &Expr<'_>, b: &Expr<'_>) {
        let (Some(one), Some(other)) = (self.type_of(a), self.type_of(b)) else { return };
        if one == other || [one, other].contains(&Type::Null) {
            return;
        }
        let column = [(a, one), (b, other)].into_iter().find(|(_, found)| *found == Type::Text);
        let advice = advice(one, other, column.map_or("hr.column".to_owned(), |(text, _)| bare(text)).as_str());
        let (a, b) = (written(a), written(b));
        self.note(format!("compares {a}, {}, with {b}, {}{advice}", one.name(), other.name()));
    }

    fn note(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    /// The type of an expression, where it is certain.
    fn type_of(&self, expression: &Expr<'_>) -> Option<Type> {
        match expression {
            Expr::Const(node) => Type::of(&node.value),
            Expr::Var(node) if self.variables.contains(node.id) => None,
            Expr::Var(node) if matches!(node.id, "today" | "never") => Some(Type::Date),
            Expr::Var(_) => self.is_table(expression).then_some(Type::Map),
            Expr::GetAttr(node) => self.is_of_texts(&node.expr).then_some(Type::Text),
            Expr::GetItem(node) => self.is_of_texts(&node.expr).then_some(Type::Text),
            Expr::Slice(node) => self.type_of(&node.expr),
            Expr::UnaryOp(node) => Some(match node.op {
                UnaryOpKind::Not => Type::Boolean,
                UnaryOpKind::Neg => Type::Number,
            }),
            Expr::BinOp(node) => match node.op {
                BinOpKind::Eq
                | BinOpKind::Ne
                | BinOpKind::Lt
                | BinOpKind::Lte
                | BinOpKind::Gt
                | BinOpKind::Gte
                | BinOpKind::In => Some(Type::Boolean),
                BinOpKind::Concat => Some(Type::Text),
                BinOpKind::ScAnd | BinOpKind::ScOr => self.both(&node.left, &node.right),
                BinOpKind::Add | BinOpKind::Sub => match (self.type_of(&node.left), self.type_of(&node.right)) {
                    (Some(Type::Date), _) | (_, Some(Type::Date)) => Some(Type::Date),
                    (Some(Type::Number), Some(Type::Number)) => Some(Type::Number),
                    _ => None,
                },
                BinOpKind::Mul | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem | BinOpKind::Pow => None,
            },
            Expr::Compare(_) | Expr::Test(_) => Some(Type::Boolean),
            Expr::IfExpr(node) => self.both(&node.true_expr, node.false_expr.as_ref()?),
            Expr::Filter(node) => match (node.name, node.expr.as_ref()) {
                ("int" | "float" | "length" | "count" | "abs" | "round", _) => Some(Type::Number),
                ("bool", _) => Some(Type::Boolean),
                ("date", _) => Some(Type::Date),
                ("split" | "lines" | "as_list" | "list" | "sort" | "unique", _) => Some(Type::List),
                (
                    "lower" | "upper" | "title" | "capitalize" | "trim" | "trim_start" | "trim_end" | "replace"
                    | "join" | "pad" | "ascii" | "visible" | "regex_replace" | "string",
                    _,
                ) => Some(Type::Text),
                ("default" | "d", Some(of)) => match &node.args[..] {
                    [CallArg::Pos(other), ..] => self.both(of, other),
                    _ => None,
                },
                _ => None,
            },
            Expr::Call(_) => None,
            Expr::List(_) | Expr::Tuple(_) => Some(Type::List),
            Expr::Map(_) => Some(Type::Map),
        }
    }

    /// The type of an expression that may be either of two.
    fn both(&self, a: &Expr<'_>, b: &Expr<'_>) -> Option<Type> {
        self.type_of(a).filter(|one| self.type_of(b) == Some(*one))
    }

    /// Whether an expression is a source that has only texts.
    fn is_of_texts(&self, expression: &Expr<'_>) -> bool {
        self.is_list(expression, |name| self.sources.only_texts.contains(name))
    }

    /// Whether an expression is a table, not a row of it.
    fn is_table(&self, expression: &Expr<'_>) -> bool {
        let mut tables = self.sources.names.iter().skip(self.sources.with_columns);
        self.is_list(expression, |name| tables.any(|table| **table == *name))
    }

    fn is_list(&self, expression: &Expr<'_>, has: impl FnOnce(&str) -> bool) -> bool {
        matches!(expression, Expr::Var(node) if !self.variables.contains(node.id) && has(node.id))
    }
}

/// The statements within a statement.
fn bodies<'s, 'a>(statement: &'s Stmt<'a>) -> [&'s [Stmt<'a>]; 2] {
    match statement {
        Stmt::Template(node) => [&node.children, &[]],
        Stmt::ForLoop(node) => [&node.body, &node.else_body],
        Stmt::IfCond(node) => [&node.true_body, &node.false_body],
        Stmt::WithBlock(node) => [&node.body, &[]],
        Stmt::SetBlock(node) => [&node.body, &[]],
        Stmt::AutoEscape(node) => [&node.body, &[]],
        Stmt::FilterBlock(node) => [&node.body, &[]],
        Stmt::Macro(node) => [&node.body, &[]],
        Stmt::CallBlock(node) => [&node.macro_decl.body, &[]],
        Stmt::EmitExpr(_) | Stmt::EmitRaw(_) | Stmt::Set(_) | Stmt::Do(_) => [&[], &[]],
    }
}

/// An expression for a message, in code quotes if it can be written.
fn written(expression: &Expr<'_>) -> String {
    format!("`{}`", bare(expression))
}

fn bare(expression: &Expr<'_>) -> String {
    match expression {
        Expr::Var(node) => node.id.to_owned(),
        Expr::Const(node) => shown(&node.value),
        Expr::GetAttr(node) => format!("{}.{}", bare(&node.expr), node.name),
        Expr::GetItem(node) => format!("{}[{}]", bare(&node.expr), bare(&node.subscript_expr)),
        Expr::Filter(node) => match &node.expr {
            Some(of) => format!("{} | {}", bare(of), node.name),
            None => node.name.to_owned(),
        },
        _ => "…".to_owned(),
    }
}

/// How a value of a type is compared.
fn example(expression: &Expr<'_>, found: Type) -> String {
    let name = bare(expression);
    match found {
        Type::Number => format!("{name} > 0"),
        Type::Date => format!("{name} <= today"),
        Type::List | Type::Map => format!("'value' in {name}"),
        _ => format!("{name} == 'yes'"),
    }
}

#[cfg(test)]
mod tests;
