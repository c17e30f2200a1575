//! The template engine as this program uses it: bounded, strict about undefined values, and with operators that refuse
//! to compare values of different types.
//!
//! The engine's own operators compare anything: to them, a text is unequal to every number and greater than all of
//! them. `hr.fte > 0` over a list of texts would always be true, and delete or keep people for no reason. So every
//! operator instruction of a compiled template is replaced by a call of the rules in [`super::compare`]; the
//! replacement takes the same values from the stack and leaves one there, so that nothing else moves.

use std::cell::RefCell;
use std::collections::BTreeMap;

use minijinja::machinery::ast::{BinOpKind, Expr, UnaryOpKind};
use minijinja::machinery::{CodeGenerator, Instruction, Instructions, eval, make_string_output, parse, parse_expr};
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter, filters,
};

use super::calendar::{self, Calendar};
use super::{arguments, compare, defined, disabled, in_order, joining, kinds, lists, numbers, slices, text_filters};
use crate::quiet;
use crate::template_cost::bound;

/// Filters and tests with these names cannot be written in a template; only replaced instructions use them.
const ADD: &str = "operator+days";
const SUBTRACT: &str = "operator-days";
const LOOK_UP: &str = "operator[]";
const NOT: &str = "operatornot";
const AND: &str = "operatorand";
const OR: &str = "operatoror";
const IF: &str = "operatorif";
/// The engine's "look it up by name each time".
const BY_NAME: u8 = !0;

/// Compiles and evaluates templates and expressions as of one day.
pub(crate) struct Engine(Environment<'static>);

/// A template or an expression, ready to be evaluated.
pub(crate) struct Compiled<'e> {
    environment: &'e Environment<'e>,
    instructions: Instructions<'e>,
}

/// What a template of a key says of an empty part.
const EMPTY_PART: &str = "a part of the key is empty";

thread_local! {
    /// The key of the last look-up on this thread that found nothing. An undefined value cannot carry it, and the
    /// engine gives back nothing but its error.
    static NOT_LISTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Whether a key could not be made because a part of it is empty.
pub(crate) fn is_empty_part(error: &Error) -> bool {
    error.detail() == Some(EMPTY_PART)
}

/// Writes a value into the result.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        ValueKind::None => Ok(()),
        // A list written out in brackets is never wanted in a name or an address.
        _ => lists::can_be_written(value).and_then(|()| escape_formatter(out, state, value)),
    }
}

impl Engine {
    /// The rules for all templates: an undefined value may be tested, but not used.
    pub(crate) fn new(calendar: &Calendar) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        bound(&mut environment);
        text_filters::extend(&mut environment);
        lists::extend(&mut environment);
        in_order::extend(&mut environment);
        slices::extend(&mut environment);
        joining::extend(&mut environment);
        numbers::extend(&mut environment);
        arguments::extend(&mut environment);
        defined::extend(&mut environment);
        calendar::extend(&mut environment, calendar);
        compare::extend(&mut environment);
        environment.add_test(disabled::TEST, disabled::is_disabled);
        environment.add_filter(LOOK_UP, look_up);
        environment.add_filter("attr", look_up);
        environment.add_filter(ADD, calendar::add);
        environment.add_filter(SUBTRACT, calendar::subtract);
        environment.add_test(NOT, |value: Value| compare::truth("not", &value).map(|truth| !truth));
        environment.add_test(AND, |value: Value| compare::truth("and", &value));
        environment.add_test(OR, |value: Value| compare::truth("or", &value));
        environment.add_test(IF, |value: Value| compare::truth("if", &value));
        // Makes the engine name what is undefined. By default it does so only in debug builds.
        environment.set_debug(true);
        // Booleans and null are written as in JSON, TOML and the custom fields, not as in Python.
        environment.set_formatter(write);
        Self(environment)
    }

    /// The rules for keys: where a part is empty, there is no key. `{{ company }}-{{ number }}` without a number would join
    /// whoever has none.
    pub(crate) fn for_keys(calendar: &Calendar) -> Self {
        let Self(mut environment) = Self::new(calendar);
        environment.set_formatter(|out, state, value| {
            let is_empty = value.is_none() || value.as_str().is_some_and(|text| text.trim().is_empty());
            if is_empty { Err(Error::new(ErrorKind::InvalidOperation, EMPTY_PART)) } else { write(out, state, value) }
        });
        Self(environment)
    }

    /// The engine's own environment, which knows what a template refers to.
    pub(super) fn environment(&self) -> &Environment<'static> {
        &self.0
    }

    /// Compiles a template such as `{{ hr.email | lower }}`.
    pub(crate) fn template<'e>(&'e self, text: &'e str) -> Result<Compiled<'e>, Error> {
        let statement = parse(text, "<template>", Default::default())?;
        let mut generator = CodeGenerator::new("<template>", text);
        generator.compile_stmt(&statement);
        self.compiled(generator, false)
    }

    /// Compiles an expression such as `hr.status == 'active'`, which is to be true or false.
    pub(crate) fn condition<'e>(&'e self, text: &'e str) -> Result<Compiled<'e>, Error> {
        let expression = parse_expr(text)?;
        let mut generator = CodeGenerator::new("<expression>", text);
        compile_condition(&mut generator, &expression);
        self.compiled(generator, true)
    }

    /// Compiles an expression that gives any value.
    pub(crate) fn expression<'e>(&'e self, text: &'e str) -> Result<Compiled<'e>, Error> {
        let expression = parse_expr(text)?;
        let mut generator = CodeGenerator::new("<expression>", text);
        generator.compile_expr(&expression);
        self.compiled(generator, false)
    }

    fn compiled<'e>(&'e self, generator: CodeGenerator<'e>, is_condition: bool) -> Result<Compiled<'e>, Error> {
        let (mut instructions, _) = generator.finish();
        let has_days = (0..).map_while(|place| instructions.get(place)).any(is_days);
        for place in 0_u32.. {
            // `hr['Last name']` is a column, and if it is undefined, the engine says so by its name.
            let mut before = place.checked_sub(2).into_iter().flat_map(|from| [from, from + 1]);
            let mut before = || before.next().and_then(|place| instructions.get(place));
            let names_column = matches!(before(), Some(Instruction::Lookup(_)))
                && matches!(before(), Some(Instruction::LoadConst(key)) if key.kind() == ValueKind::String);
            let Some(instruction) = instructions.get_mut(place) else { break };
            if names_column && matches!(instruction, Instruction::GetItem) {
                continue;
            }
            if let Some(replacement) = replacement(instruction, is_condition, has_days)? {
                *instruction = replacement;
            }
        }
        Ok(Compiled { environment: &self.0, instructions })
    }
}

/// Compiles what must be true or false. The engine's `and`, `or` and `a if b else c` take every value: a text with letters
/// holds, whatever it says, and null does not. So each of their operands is examined before it is asked.
fn compile_condition<'e>(generator: &mut CodeGenerator<'e>, expression: &Expr<'e>) {
    match expression {
        Expr::BinOp(node) if matches!(node.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
            let is_and = matches!(node.op, BinOpKind::ScAnd);
            let examined_by = if is_and { AND } else { OR };
            generator.push_span(node.span());
            generator.start_sc_bool();
            compile_operand(generator, &node.left, examined_by);
            generator.sc_bool(is_and);
            compile_operand(generator, &node.right, examined_by);
            generator.end_sc_bool();
            generator.pop_span();
        }
        Expr::UnaryOp(node) if matches!(node.op, UnaryOpKind::Not) => {
            compile_condition(generator, &node.expr);
            generator.add_with_span(Instruction::Not, node.span());
        }
        Expr::IfExpr(node) if let Some(otherwise) = &node.false_expr => {
            compile_operand(generator, &node.test_expr, IF);
            generator.start_if();
            compile_condition(generator, &node.true_expr);
            generator.start_else();
            compile_condition(generator, otherwise);
            generator.end_if();
        }
        _ => generator.compile_expr(expression),
    }
}

fn compile_operand<'e>(generator: &mut CodeGenerator<'e>, operand: &Expr<'e>, examined_by: &'static str) {
    compile_condition(generator, operand);
    generator.add_with_span(Instruction::PerformTest(examined_by, Some(1), BY_NAME), operand.span());
}

/// Whether an instruction makes a number of days, which `+` and `-` add to a date.
fn is_days(instruction: &Instruction<'_>) -> bool {
    matches!(instruction, Instruction::CallFunction(calendar::DAYS, _))
}

/// The function that replaces an operator.
fn replacement<'e>(
    instruction: &Instruction<'e>,
    is_condition: bool,
    has_days: bool,
) -> Result<Option<Instruction<'e>>, Error> {
    let test = |name| Ok(Some(Instruction::PerformTest(name, Some(2), BY_NAME)));
    let filter = |name| Ok(Some(Instruction::ApplyFilter(name, Some(2), BY_NAME)));
    match instruction {
        Instruction::Eq => test(compare::EQUAL),
        Instruction::Ne => test(compare::UNEQUAL),
        Instruction::Lt => test(compare::LESS),
        Instruction::Lte => test(compare::LESS_OR_EQUAL),
        Instruction::Gt => test(compare::GREATER),
        Instruction::Gte => test(compare::GREATER_OR_EQUAL),
        Instruction::In => test(compare::IN),
        Instruction::Add if has_days => filter(ADD),
        Instruction::Add => filter(joining::PLUS),
        Instruction::Sub if has_days => filter(SUBTRACT),
        Instruction::StringConcat => filter(text_filters::CONCATENATE),
        Instruction::GetItem => filter(LOOK_UP),
        Instruction::Slice => Ok(Some(Instruction::ApplyFilter(slices::PART, Some(4), BY_NAME))),
        Instruction::Not if is_condition => Ok(Some(Instruction::PerformTest(NOT, Some(1), BY_NAME))),
        Instruction::ApplyFilter(name, arguments, _) if is_condition => {
            let strict = lists::in_condition(name);
            Ok(strict.map(|strict| Instruction::ApplyFilter(strict, *arguments, BY_NAME)))
        }
        Instruction::CompareAndPreserve(_) => Err(Error::new(
            ErrorKind::SyntaxError,
            "compares three values in one go; write `a < b and b < c` instead of `a < b < c`",
        )),
        // The engine unpacks what is not there into no argument.
        Instruction::UnpackLists(_) => Err(Error::new(
            ErrorKind::SyntaxError,
            "`*` before a list of arguments is not available: write each argument",
        )),
        // Only a namespace can contain itself, and to compare two such values does not end.
        Instruction::CallFunction("namespace", _) | Instruction::Lookup("namespace") => {
            Err(Error::new(ErrorKind::UnknownFunction, "`namespace` is not available: a value could contain itself"))
        }
        _ => Ok(None),
    }
}

/// `container[key]`.
fn look_up(state: &minijinja::State<'_, '_>, container: Value, key: Value) -> Result<Value, Error> {
    if key.is_undefined() {
        // This raises the error that names the value.
        key.get_attr("")?;
    }
    compare::can_be_listed(&container, &key)?;
    if let (ValueKind::Iterable, Some(place)) = (container.kind(), key.as_usize()) {
        state.consume_fuel(place as u64)?;
    }
    let found = container.get_item(&key)?;
    if found.kind() == ValueKind::Invalid {
        // A table reports itself what it does not have. The engine returns the error in such a value only on a
        // conversion.
        return filters::int(state, &found, None, None, Kwargs::from_iter(std::iter::empty::<(&str, Value)>()));
    }
    if found.is_undefined() {
        NOT_LISTED.set(Some(kinds::shown(&key)));
    }
    Ok(found)
}

impl Compiled<'_> {
    /// What the template gives.
    pub(crate) fn render(&self, record: Value) -> Result<String, Error> {
        let mut text = String::new();
        self.run(record, &mut text)?;
        Ok(text)
    }

    /// What the expression gives.
    pub(crate) fn eval(&self, record: Value) -> Result<Value, Error> {
        // An expression leaves its value, and prints nothing.
        Ok(self.run(record, &mut String::new())?.unwrap_or_default())
    }

    fn run(&self, record: Value, text: &mut String) -> Result<Option<Value>, Error> {
        // The engine computes some results without a check, such as the opposite of the least number.
        quiet::caught(|| self.run_by_the_engine(record, text))
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::InvalidOperation, "the template engine cannot compute this")))
    }

    fn run_by_the_engine(&self, record: Value, text: &mut String) -> Result<Option<Value>, Error> {
        NOT_LISTED.take();
        let mut output = make_string_output(text);
        let blocks = BTreeMap::new();
        match eval(self.environment, &self.instructions, record, &blocks, &mut output, AutoEscape::None) {
            Ok((value, _)) => Ok(value),
            // The engine names every other undefined value.
            Err(error) if error.kind() == ErrorKind::UndefinedError && error.detail().is_none() => {
                Err(match NOT_LISTED.take() {
                    Some(key) => Error::new(
                        ErrorKind::UndefinedError,
                        format!("{key} is not listed there; add it, or say what holds instead with `| default(…)`"),
                    ),
                    None => error,
                })
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
