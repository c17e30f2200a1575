//! Makes a plan from both sides: compares, orders, evaluates the guards and writes the operations. A pure function.

use std::collections::{BTreeMap, BTreeSet};

use super::guard_counts::GuardCounts;
use super::only::{keep_only, unknown};
use super::operations::write_down;
use super::{
    Action, Anchors, Content, Day, Diagnostic, Digest, Operation, Plan, PlanError, Removal, Severity, SourceSummary,
    Summary, Target, Waiting,
};
use crate::diff::{Comparison, Drafts, Policy, Untrusted};
use crate::employee::{CustomFieldId, Desired, Directory, ExternalIdentifier, Managed};
use crate::guard::{Join, Limits, RecentPast, span};
use crate::order::Graph;

/// The input of a plan.
#[derive(Debug)]
pub struct Input<'a> {
    /// The company's side.
    pub desired: &'a Desired,
    /// Skovik's side.
    pub directory: &'a Directory,
    /// Who is who.
    pub policy: &'a Policy,
    /// How much may change.
    pub limits: &'a Limits,
    /// What was done to the account before.
    pub memory: &'a RecentPast,
    /// How many people each joined source has a row for.
    pub joins: &'a [Join],
    /// Whether a manager who cannot be found is an error.
    pub managers_must_resolve: bool,
    /// Whether a record that is set aside is an error.
    pub records_must_be_valid: bool,
    /// The people that the plan is restricted to; if empty, it is for everybody.
    pub only: &'a BTreeSet<ExternalIdentifier>,
    /// The account's kind.
    pub kind: &'a str,
    /// The account's URL, with the name of the account behind it if it has one.
    pub url: &'a str,
    /// What a delete does there.
    pub removal: Removal,
    /// A digest of everything that was read of the account.
    pub fingerprint: Digest,
    /// Where the employees were read from.
    pub sources: Vec<SourceSummary>,
    /// A digest of the settings.
    pub config_hash: Digest,
    /// The day on which people are compared, if a setting depends on it.
    pub as_of: Option<Day>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum NoPlan {
    /// Skovik's list contradicts itself.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// `[scope] invalid = "error"`, and records were set aside.
    #[error("{count} records are bad, and [scope] invalid = \"error\" allows none: {shown}")]
    Invalid {
        /// How many.
        count: u64,
        /// The first of them.
        shown: String,
    },
    /// `[manager] unresolved = "error"`, and managers could not be found.
    #[error("{count} managers cannot be found, and [manager] unresolved = \"error\" allows none: {shown}")]
    UnresolvedManagers {
        /// How many.
        count: u64,
        /// The first of them.
        shown: String,
    },
    /// `--same-person` names people with nothing to decide.
    #[error(
        "--same-person {0}: no employee with this identifier has the e-mail of a user whose identifier no record in scope \
         has, the name of exactly one user whom no record describes, or the identifier of a user with another name, of whom \
         there is no other"
    )]
    NothingToDecide(ExternalIdentifier),
    /// The content cannot be hashed.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Both sides, compared, with an order for the operations.
#[derive(Debug)]
pub struct Settled<'a> {
    comparison: Comparison<'a>,
    drafts: Drafts,
    graph: Graph,
    order: Vec<u32>,
}

impl<'a> Settled<'a> {
    /// Compares both sides, and sets aside the people whose changes cannot be ordered.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub fn new(desired: &'a Desired, directory: &'a Directory, policy: &'a Policy) -> Result<Self, NoPlan> {
        Self::of(Comparison::new(desired, directory, policy)?)
    }

    /// The same, of a comparison that is made already.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub fn of(mut comparison: Comparison<'a>) -> Result<Self, NoPlan> {
        if let Some(identifier) = comparison.idle_decisions().first() {
            return Err(NoPlan::NothingToDecide((*identifier).clone()));
        }
        loop {
            let drafts = comparison.drafts();
            let graph = Graph::of(&comparison, &drafts.drafts);
            match graph.sort(&comparison, &drafts.drafts) {
                Ok(order) => return Ok(Self { comparison, drafts, graph, order }),
                Err(cycles) => comparison.set_cycles_aside(&drafts.drafts, &cycles),
            }
        }
    }

    /// Why each manager that cannot be found was not found.
    #[must_use]
    pub fn unresolved_managers(&self) -> Vec<Diagnostic> {
        self.drafts.unresolved.iter().map(|unresolved| self.comparison.told(unresolved)).collect()
    }

    /// Who is who.
    #[must_use]
    pub fn comparison(&self) -> &Comparison<'a> {
        &self.comparison
    }
}

impl Plan {
    /// Makes the plan that brings the account in line with the lists.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub fn make(input: Input<'_>) -> Result<Self, NoPlan> {
        let settled = Settled::new(input.desired, input.directory, input.policy)?;
        Self::of(&settled, input)
    }

    /// Makes the plan from this input after both sides were compared.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub fn of(settled: &Settled<'_>, input: Input<'_>) -> Result<Self, NoPlan> {
        let Settled { comparison, drafts, graph, order } = settled;
        let population = comparison.population();
        if input.records_must_be_valid && population.set_aside > 0 {
            let shown = first_messages(comparison.diagnostics(), |found| found.severity == Severity::Error);
            return Err(NoPlan::Invalid { count: population.set_aside, shown });
        }
        if input.managers_must_resolve && drafts.unresolved_managers > 0 {
            let shown = first_messages(&drafts.diagnostics, |found| found.code == "manager_unresolved");
            return Err(NoPlan::UnresolvedManagers { count: drafts.unresolved_managers, shown });
        }
        let mut operations = write_down(comparison, &drafts.drafts, graph, order);
        let mut diagnostics = comparison.diagnostics().to_vec();
        diagnostics.extend(drafts.diagnostics.iter().cloned());
        let counts = GuardCounts::of(comparison, drafts, &diagnostics);
        let guards = counts.evaluate(input.limits, population, input.joins, input.memory);
        let losses = counts.losses();
        diagnostics.extend(losses);
        diagnostics.extend(input.memory.is_unknown.then(|| not_remembered(input.memory)));
        if !input.only.is_empty() {
            diagnostics.extend(unknown(input.only, input.desired, input.directory));
            operations = keep_only(operations, input.only, &mut diagnostics);
        }
        diagnostics.sort_unstable();
        diagnostics.dedup();
        let kept = count(&operations);
        let removed = operations.iter().filter_map(|operation| match &operation.action {
            Action::Delete { user_id, .. } => Some(user_id),
            _ => None,
        });
        let anchors = Anchors::of(input.directory, &removed.collect());
        let content = Content {
            generator: concat!("skovik-sync ", env!("CARGO_PKG_VERSION")).to_owned(),
            config_hash: input.config_hash,
            as_of: input.as_of,
            only: input.only.iter().cloned().collect(),
            target: Target {
                kind: input.kind.to_owned(),
                url: input.url.to_owned(),
                users: input.directory.users.len() as u64,
                managed: population.managed,
                fingerprint: input.fingerprint,
                anchors,
                custom_fields: field_names(&input.policy.managed, input.directory),
                removal: input.removal,
            },
            sources: input.sources,
            summary: Summary { unchanged: drafts.unchanged, set_aside: population.set_aside, ..kept },
            guards,
            diagnostics,
            waiting: Waiting::of(comparison),
            operations,
        };
        Ok(Self::of_made(content)?)
    }
}

/// Counts operations into their groups; a link is part of a create.
fn count(operations: &[Operation]) -> Summary {
    let mut summary = Summary::default();
    for operation in operations {
        match operation.action {
            Action::Create { .. } => summary.create += 1,
            Action::Update { .. } if operation.reactivates() => summary.reactivate += 1,
            Action::Update { .. } => summary.update += 1,
            Action::Delete { .. } => summary.delete += 1,
            Action::Link { .. } => {}
        }
    }
    summary
}

/// The code of the diagnostic that says that nobody knows what was done before the plan.
pub const LEDGER_UNREADABLE: &str = "ledger_unreadable";

fn not_remembered(memory: &RecentPast) -> Diagnostic {
    let message = format!(
        "the ledger of what was applied in the last {} cannot be read: the guards count this plan alone",
        span(memory.window)
    );
    Diagnostic { severity: Severity::Warning, code: LEDGER_UNREADABLE.to_owned(), employee: None, message }
}

fn first_messages(diagnostics: &[Diagnostic], which: impl Fn(&Diagnostic) -> bool) -> String {
    let mut messages: Vec<&str> =
        diagnostics.iter().filter(|found| which(found)).map(|found| found.message.as_str()).collect();
    let more = messages.len().saturating_sub(5);
    messages.truncate(5);
    let shown = messages.join("; ");
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}

fn field_names(managed: &Managed, directory: &Directory) -> BTreeMap<CustomFieldId, String> {
    let name = |id: &CustomFieldId| {
        directory.custom_fields.iter().find(|field| field.id == *id).map(|field| field.name.to_string())
    };
    managed.custom_fields.iter().map(|id| (id.clone(), name(id).unwrap_or_else(|| id.to_string()))).collect()
}
