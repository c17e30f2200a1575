//! The inverse of a plan, made from the plan and its journal. It takes back only what was done.
//!
//! It is a plan like any other, with guards, to be read and approved. Not everything comes back: a deleted person
//! returns as a new user, and the diagnostics say what is lost. Pure functions. The plan expects the users as the
//! journal left them, so its `apply` finds out what changed in Skovik since.

mod claim;
mod draft;
mod guards;
mod history;
mod left;
mod names;
mod order;
mod stays;

use std::collections::BTreeMap;

use super::expected_state::Made;
use super::headcount::Headcount;
use crate::diff::Protect;
use crate::employee::{Managed, UserId};
use crate::guard::Limits;
use crate::plan::{
    Content, CreateRef, Diagnostic, ManagerRef, Operation, OperationId, Plan, PlanError, SourceSummary, Summary,
    Target, UNDO_SOURCE_KIND, UNDO_SOURCE_NAME, UserRef,
};
use crate::provider::Dialect;

pub use history::History;

use draft::{Action, Draft, Drafts};
use left::Left;
use names::NamesNow;

/// What an undo is made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The plan that was applied, completely or in part.
    pub plan: &'a Plan,
    /// What its journal says.
    pub history: &'a History,
    /// Which fields the settings manage.
    pub managed: &'a Managed,
    /// How the service writes users down.
    pub dialect: &'a dyn Dialect,
    /// Who is never touched.
    pub protect: &'a Protect,
    /// How much may change.
    pub limits: &'a Limits,
}

/// Makes the plan that takes back what was done.
///
/// # Errors
/// If it cannot be hashed, or the journal holds a user that cannot be understood.
pub fn make(input: &Input<'_>) -> Result<Plan, UndoError> {
    let Input { plan, history, managed, limits, dialect, protect: _ } = *input;
    let Left { more, protected } = Left::by(input).map_err(UndoError::User)?;
    let Drafts { drafts, held, mut diagnostics } = Drafts::of(input, &protected).map_err(UndoError::User)?;
    let (drafts, kept) = stays::leave_out(drafts, &held, dialect.keeps_removed());
    diagnostics.extend(kept);
    let (order, left_out) = order::sort(&drafts);
    diagnostics.extend(left_out.iter().map(|&index| left_out_message(&drafts[index])));
    diagnostics.sort_unstable();
    diagnostics.dedup();
    let operations = write_down(&drafts, &order, &NamesNow::read(input).map_err(UndoError::User)?);
    let done = plan.content().operations.iter().filter(|operation| history.is_done(operation.id)).count() as u64;
    let target = target_now(plan, history, &more);
    // `set_aside` counts bad records. A person that the undo leaves out is named by a diagnostic instead.
    let summary = counted(&drafts, &order);
    let changed = summary.update + summary.delete;
    let content = Content {
        generator: plan.content().generator.clone(),
        config_hash: plan.content().config_hash,
        as_of: plan.content().as_of,
        only: Vec::new(),
        guards: guards::evaluate(plan, limits, managed, &more, &operations, &target),
        summary: Summary { unchanged: target.managed.saturating_sub(changed), ..summary },
        target,
        sources: vec![SourceSummary {
            name: UNDO_SOURCE_NAME.to_owned(),
            kind: UNDO_SOURCE_KIND.to_owned(),
            records: done,
            proof: UNDO_SOURCE_KIND.to_owned(),
            fingerprint: plan.hash(),
            join: None,
        }],
        diagnostics,
        waiting: None,
        operations,
    };
    Ok(Plan::of_made(content)?)
}

/// Why there is no undo.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The journal holds a user that cannot be understood.
    #[error("{0}")]
    User(String),
    /// The plan cannot be hashed.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// The account as the journal left it, as far as the plan and the journal know.
fn target_now(plan: &Plan, history: &History, more: &Headcount<'_>) -> Target {
    let was = &plan.content().target;
    let users = was.users.saturating_add_signed(more.users);
    Target {
        users,
        managed: was.managed.saturating_add_signed(more.managed).min(users),
        fingerprint: history.fingerprint(),
        anchors: was.anchors.clone(),
        kind: was.kind.clone(),
        url: was.url.clone(),
        custom_fields: was.custom_fields.clone(),
        removal: was.removal,
    }
}

fn counted(drafts: &[Draft], order: &[usize]) -> Summary {
    let mut summary = Summary::default();
    for &index in order {
        match drafts[index].action {
            Action::Create { .. } => summary.create += 1,
            Action::Update { .. } => summary.update += 1,
            Action::Delete { .. } => summary.delete += 1,
        }
    }
    summary
}

fn left_out_message(draft: &Draft) -> Diagnostic {
    let message = format!(
        "{} is left unchanged: no order of operations takes this back, because people report to one another in a \
        cycle; do it in Skovik",
        draft.name
    );
    draft.diagnostic("undo_left_out", message)
}

/// Turns the drafts into numbered operations. People who are created again are referred to by the operation that
/// creates them, everybody else by their present name.
fn write_down(drafts: &[Draft], order: &[usize], names: &NamesNow) -> Vec<Operation> {
    let mut numbers = vec![OperationId(0); drafts.len()];
    let mut again: BTreeMap<&UserId, CreateRef> = BTreeMap::new();
    for (number, &index) in (1..).zip(order) {
        numbers[index] = OperationId(number);
        let draft = &drafts[index];
        if let Action::Create { was, .. } = &draft.action
            && let Some(employee) = &draft.employee
        {
            let create =
                CreateRef { create: OperationId(number), employee: employee.clone(), name: draft.name.clone() };
            again.insert(was, create);
        }
    }
    let needs = order::needs(drafts);
    let person = |manager: &ManagerRef| match manager {
        ManagerRef::User(user) => {
            again.get(&user.user_id).map_or_else(|| names.of(user).into(), |create| create.clone().into())
        }
        ManagerRef::Create(_) => manager.clone(),
    };
    let now = |manager: &ManagerRef| match manager {
        ManagerRef::User(user) => names.of(user).into(),
        ManagerRef::Create(_) => manager.clone(),
    };
    order
        .iter()
        .map(|&index| {
            let mut depends_on: Vec<OperationId> = needs[index].iter().map(|&needed| numbers[needed]).collect();
            depends_on.sort_unstable();
            let Draft { employee, name, .. } = &drafts[index];
            Operation {
                id: numbers[index],
                employee: employee.clone(),
                name: name.clone(),
                depends_on,
                action: drafts[index].action.clone().with_managers(person, now),
            }
        })
        .collect()
}

impl From<UserRef> for ManagerRef {
    fn from(user: UserRef) -> Self {
        Self::User(user)
    }
}

impl From<CreateRef> for ManagerRef {
    fn from(create: CreateRef) -> Self {
        Self::Create(create)
    }
}

/// The users that the creates of a plan made.
fn made(plan: &Plan, history: &History) -> Made {
    let operations = plan.content().operations.iter();
    operations.filter_map(|operation| Some((operation.id, history.made(operation.id)?.clone()))).collect()
}
