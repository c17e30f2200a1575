//! `value[from:to:step]` of what is there. Of something undefined, the engine takes an empty list: `'x' in ad.groups[:5]` would
//! be false for everybody who has no record in `ad`.

use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{Environment, Expression, State, context};

use super::arguments::are_defined;

/// The filter that replaces the operator. No template can name it.
pub(super) const PART: &str = "operator[:]";

/// How many bytes of a text are read for one unit of work.
const BYTES_FOR_A_UNIT: usize = 64;

/// The operator itself, as the engine has it.
static SLICE: LazyLock<Expression<'static, 'static>> = LazyLock::new(|| {
    static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(Environment::empty);
    PLAIN.compile_expression("value[from:to:step]").expect("it is an expression")
});

pub(super) fn extend(environment: &mut Environment<'_>) {
    environment.add_filter(PART, |state: &mut State<'_, '_>, value: Value, from: Value, to: Value, step: Value| {
        if value.is_undefined() {
            // This raises the error that names the value.
            value.get_attr("")?;
        }
        // Without a bound, the part would be all that there is.
        are_defined(state, &[from.clone(), to.clone(), step.clone()])?;
        state.consume_fuel(
            (value.as_str().map_or_else(|| value.len().unwrap_or_default(), |text| text.len() / BYTES_FOR_A_UNIT))
                as u64,
        )?;
        SLICE.eval(context! { value, from, to, step })
    });
}
