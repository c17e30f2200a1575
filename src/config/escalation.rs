//! Rules that require more approvers for some plans: a MiniJinja expression over the plan's counts, such as `deletes >
//! 0`, and the number of approvers if it is true.

use std::sync::Arc;

use minijinja::value::{Value, ValueKind};

use crate::plan::{Plan, Summary};
use crate::setting::Calendar;
use crate::setting::template::{Engine, Uses, said};
use crate::template_cost::{in_time, not_too_long};

/// What an expression may refer to.
const FIGURES: [&str; 9] = [
    "creates",
    "updates",
    "deletes",
    "changes",
    "unchanged",
    "set_aside",
    "managed",
    "delete_percent",
    "change_percent",
];

/// One `[[approval.rule]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    when: Arc<str>,
    approvers: usize,
}

/// How many approvers a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// How many.
    pub approvers: usize,
    /// The rule that asks for more than `[approval] approvers`, if any.
    pub because: Option<Arc<str>>,
}

impl Escalation {
    /// Compiles a rule, and evaluates it for a plan that does nothing and for one that does everything.
    ///
    /// # Errors
    /// Says what is wrong with the expression.
    pub fn new(when: &str, approvers: usize) -> Result<Self, String> {
        if when.contains(['"', '\'']) {
            return Err("compares with a text; every figure is a number".to_owned());
        }
        not_too_long(when)?;
        let rule = Self { when: when.into(), approvers };
        in_time(move |_| rule.checked())?
    }

    fn checked(self) -> Result<Self, String> {
        let rule = self;
        let used = Uses::of_expression(&rule.when, &[]).map_err(|error| format!("cannot be compiled: {error}"))?;
        if let Some(name) = used.names.iter().find(|name| !FIGURES.contains(&name.as_str())) {
            return Err(format!("refers to `{name}`; known are {}", FIGURES.join(", ")));
        }
        rule.applies(&figures(&Summary::default(), 0))?;
        rule.applies(&figures(
            &Summary { create: 7, update: 30, delete: 4, unchanged: 60, set_aside: 2, reactivate: 0 },
            94,
        ))?;
        Ok(rule)
    }

    /// The expression.
    #[must_use]
    pub fn when(&self) -> &str {
        &self.when
    }

    /// How many approvers it asks for.
    #[must_use]
    pub fn approvers(&self) -> usize {
        self.approvers
    }

    fn applies(&self, figures: &Value) -> Result<bool, String> {
        let (rule, figures) = (self.clone(), figures.clone());
        in_time(move |_| rule.holds(&figures))?
    }

    fn holds(&self, figures: &Value) -> Result<bool, String> {
        // To the library's own operators any count is less than any text or list, so that `deletes > []` would never be
        // true.
        let engine = Engine::new(&Calendar::any());
        let value = engine
            .condition(&self.when)
            .and_then(|compiled| compiled.eval(figures.clone()))
            .map_err(|error| format!("cannot be evaluated: {}", said(&error)))?;
        match value.kind() {
            ValueKind::Bool => Ok(value.is_true()),
            other => Err(format!("must be true or false, such as \"deletes > 0\", and gives a {other}")),
        }
    }
}

/// How many approvers a plan needs: the greatest number of all rules that apply, and at least `base`. The rules are
/// evaluated with the plan's counts and, if `managed_now` gives the number of users that may be changed now, with that
/// number too.
///
/// # Errors
/// If an expression cannot be evaluated for this plan; the message names it.
pub fn needed(rules: &[Escalation], base: usize, plan: &Plan, managed_now: Option<u64>) -> Result<Needed, String> {
    let summary = plan.content().summary;
    let now = managed_now.map(|managed| {
        let unchanged = managed.saturating_sub(summary.update.saturating_add(summary.delete));
        figures(&Summary { unchanged, ..summary }, managed)
    });
    let planned = figures(&summary, plan.content().target.managed);
    let mut needed = Needed { approvers: base.max(1), because: None };
    for rule in rules {
        let applies =
            |figures: &Value| rule.applies(figures).map_err(|problem| format!("when = {:?} {problem}", rule.when));
        let applies = applies(&planned)? || now.as_ref().map_or(Ok(false), applies)?;
        if applies && rule.approvers > needed.approvers {
            needed = Needed { approvers: rule.approvers, because: Some(rule.when.clone()) };
        }
    }
    Ok(needed)
}

fn figures(summary: &Summary, managed: u64) -> Value {
    let Summary { create, update, reactivate, delete, unchanged, set_aside } = *summary;
    let changes = update.saturating_add(delete);
    Value::from_pairs([
        ("creates", Value::from(create.saturating_add(reactivate))),
        ("updates", Value::from(update)),
        ("deletes", Value::from(delete)),
        ("changes", Value::from(changes)),
        ("unchanged", Value::from(unchanged)),
        ("set_aside", Value::from(set_aside)),
        ("managed", Value::from(managed)),
        ("delete_percent", Value::from(percent(delete, managed))),
        ("change_percent", Value::from(percent(changes, managed))),
    ])
}

/// With a fraction; 0 of 0 is 0 percent, and more of 0 is above every limit.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
fn percent(count: u64, of: u64) -> f64 {
    match (count, of) {
        (0, _) => 0.0,
        (_, 0) => f64::MAX,
        (count, of) => count as f64 * 100.0 / of as f64,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    fn applies(when: &str, summary: Summary, managed: u64) -> bool {
        Escalation::new(when, 2).unwrap().applies(&figures(&summary, managed)).unwrap()
    }

    #[test]
    fn expressions_see_the_counts() {
        let summary = Summary { create: 1, update: 2, reactivate: 0, delete: 3, unchanged: 94, set_aside: 5 };
        for (when, expected) in [
            ("deletes > 0", true),
            ("deletes > 3", false),
            ("creates == 1 and updates == 2 and changes == 5", true),
            ("unchanged == 94 and set_aside == 5 and managed == 99", true),
            ("delete_percent > 3 and delete_percent < 3.1", true),
            ("change_percent >= 5.05", true),
            ("change_percent >= 5.06", false),
            ("true", true),
            ("not (deletes > 0 or updates > 0)", false),
            ("[creates, updates] | max >= 2", true),
        ] {
            assert_eq!(applies(when, summary, 99), expected, "{when}");
        }
        assert!(!applies("delete_percent > 0", Summary::default(), 0));
        assert!(applies("delete_percent > 100", Summary { delete: 1, ..Summary::default() }, 0));
    }

    #[test]
    fn what_is_not_a_condition_is_refused() {
        for (when, expected) in [
            ("deletes >", "cannot be compiled"),
            ("delets > 0", "refers to `delets`; known are creates, updates, deletes"),
            ("deletes", "must be true or false"),
            ("deletes > 0 and updates", "cannot be evaluated"),
            ("not (deletes or updates)", "cannot be evaluated"),
            ("creates > []", "cannot be evaluated"),
            ("creates > {}", "cannot be evaluated"),
            ("creates > true", "cannot be evaluated"),
            ("creates > none", "cannot be evaluated"),
            ("creates > creates|string", "cannot be evaluated"),
            ("creates > managed.nosuch", "cannot be evaluated"),
            ("creates == [1]", "cannot be evaluated"),
            ("[creates, [1]] | max == 1", "cannot be evaluated"),
            ("creates >= range", "refers to `range`"),
            ("creates > 0 and today", "refers to `today`"),
            ("deletes > '0'", "compares with a text"),
            ("deletes | nosuch > 0", "cannot be evaluated"),
            ("[deletes]", "must be true or false"),
        ] {
            match Escalation::new(when, 2) {
                Err(error) => assert!(error.contains(expected), "{when}: {error}"),
                Ok(_) => panic!("{when} is accepted"),
            }
        }
    }
}
