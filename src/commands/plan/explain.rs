//! `plan --explain KEY`: compares as `plan` does, and shows one person instead of writing a plan.

use super::super::common::{calendar, now};
use super::super::recent::Known;
use super::super::state_place::existing_state;
use super::absences::SecondThoughts;
use super::{BothSides, Facts, no_plan, open_account, read_both_sides};
use crate::cli::{self, Global};
use crate::config::Settings;
use crate::diff::{Claim, Comparison, Standing};
use crate::employee::{Employee, ExternalIdentifier, Text, User, email_key};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::mapping::FoundRecord;
use crate::plan::{Action, Diagnostic, Fields, Operation, Plan};
use crate::render::explain::{Explanation, FoundUser, display};
use crate::ui::Ui;

/// How many people are shown at once.
const MOST: usize = 10;

/// Runs `plan --explain`.
pub(super) async fn run(
    settings: &Settings,
    args: &cli::Plan,
    key: &str,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<ExitStatus> {
    let key = key.trim();
    if key.is_empty() {
        return Err(refused(ExitStatus::Usage, "--explain needs a key, an external identifier, an e-mail or an id"));
    }
    let (calendar, began) = (calendar(settings, args.as_of)?, now());
    let account = open_account(settings, args.users.as_deref()).await?;
    let (both, _signals) = read_both_sides(settings, &account, &calendar, ui).await?;
    let mut facts = Facts::new(settings, &both, &args.same_person, &[])?;
    let second_thoughts = SecondThoughts::to_look(settings, began, global)?;
    facts.remember(second_thoughts.map(|second_thoughts| second_thoughts.remembered(ui)).transpose()?);
    let (_, memory) = Known::of_account(settings, existing_state(global, Some(settings))?.as_ref(), ui)?;
    facts.count(memory);
    let (settled, mut input) = facts.compare(settings, &both.desired, &both.directory)?;
    // One person can be explained even if others make a plan impossible.
    (input.managers_must_resolve, input.records_must_be_valid) = (false, false);
    let plan = Plan::of(&settled, input).map_err(no_plan)?;
    let unresolved = settled.unresolved_managers();
    let found = Found { both: &both, comparison: settled.comparison(), plan: &plan, unresolved: &unresolved };
    let (explanations, answer) = found.of(key)?;
    if explanations.is_empty() {
        let problem = format!(
            "--explain {key}: neither a source nor Skovik has anybody with this key, external identifier, e-mail or id"
        );
        return Err(refused(ExitStatus::Usage, problem));
    }
    for (index, explanation) in explanations.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        ui.print(format_args!("{gap}{}", display(explanation, plan.content(), ui.color(), ui.width())))?;
    }
    if answer > explanations.len() {
        ui.warn(format!("{answer} people match {key}; the first {} are shown", explanations.len()));
    }
    Ok(ExitStatus::Done)
}

/// The result of the comparison, for everybody.
struct Found<'a> {
    both: &'a BothSides,
    comparison: &'a Comparison<'a>,
    plan: &'a Plan,
    /// Why each manager that cannot be found was not found. The plan may report many at once.
    unresolved: &'a [Diagnostic],
}

/// A person to explain.
#[derive(Default)]
struct Subject {
    name: Text,
    /// The identifier by which the plan may name them.
    identifier: Option<ExternalIdentifier>,
    record: Option<usize>,
    user: Option<u32>,
    verdict: Vec<String>,
}

impl<'a> Found<'a> {
    /// The first people that match a key, and how many match it.
    fn of(&self, key: &str) -> anyhow::Result<(Vec<Explanation<'a>>, usize)> {
        let BothSides { records, resolved, directory, .. } = self.both;
        let found = resolved.records_of(records, key).or_refuse(ExitStatus::Usage)?;
        let mut answer = found.len();
        let mut subjects: Vec<Subject> = found.into_iter().take(MOST).map(|found| self.of_record(found)).collect();
        let wanted = email_key(key);
        for (index, user) in (0..).zip(&directory.users) {
            let is_meant = user.identifier.as_ref().is_some_and(|identifier| identifier.as_str() == key)
                || user.email.key() == wanted
                || user.id.as_str() == key;
            // There are at most as many subjects as are shown.
            if is_meant && !subjects.iter().any(|subject| subject.user == Some(index)) {
                answer += 1;
                if subjects.len() < MOST {
                    subjects.push(self.of_user(index));
                }
            }
        }
        // Users were looked up only for the records that are shown.
        let answer = if subjects.len() < MOST { subjects.len() } else { answer };
        Ok((subjects.into_iter().map(|subject| self.explain(subject)).collect::<Result<_, _>>()?, answer))
    }

    /// The person of a record.
    fn of_record(&self, FoundRecord { record, identifier }: FoundRecord) -> Subject {
        let BothSides { records, desired, .. } = self.both;
        let origin = records.origin(record);
        let is_it = |employee: &Employee| employee.origin == origin;
        let subject = Subject { identifier, record: Some(record), ..Subject::default() };
        if let Some(index) = desired.employees.iter().position(is_it) {
            #[expect(clippy::cast_possible_truncation, reason = "there are no more than the comparison takes")]
            return self.of_employee(index as u32, subject);
        }
        let user = self.user_of(&subject);
        if let Some(employee) = desired.elsewhere.iter().find(|&employee| is_it(employee)) {
            let verdict = "left alone: their branch is outside [scope] branches, another configuration manages it";
            return Subject { name: employee.full_name(), user, verdict: vec![verdict.to_owned()], ..subject };
        }
        if let Some(aside) = desired.set_aside.iter().find(|aside| aside.origin == origin) {
            let verdict = vec![format!("set aside, neither changed nor removed: {}", aside.reason)];
            return Subject { name: aside.full_name(), user, verdict, ..subject };
        }
        let mut verdict = vec!["outside the scope: `include` in [scope] is not true for them".to_owned()];
        let doubt = desired.doubtful.iter().find(|doubtful| doubtful.origin == origin);
        verdict.extend(doubt.map(|doubtful| format!("which is not certain: {}", doubtful.reason)));
        let fate = user.map(|user| self.fate(user));
        verdict.extend(fate);
        Subject { user, verdict, ..subject }
    }

    /// The person of a good record.
    fn of_employee(&self, index: u32, subject: Subject) -> Subject {
        let name = self.comparison.employee(index).full_name();
        let (user, verdict) = match self.comparison.claim_of(index) {
            Claim::New => {
                (None, "create: no user has this external identifier, and no user to adopt has this e-mail".to_owned())
            }
            Claim::Inactive(user) => {
                let id = &self.comparison.inactive_user(user).id;
                (None, format!("reactivate: the user {id} is inactive in Skovik and becomes active again"))
            }
            Claim::User(user) if self.operation_on(user).is_some() => {
                (Some(user), "update: Skovik has other values than the settings give".to_owned())
            }
            Claim::User(user) => (Some(user), "unchanged: Skovik has the values that the settings give".to_owned()),
            Claim::Kept(user) => (Some(user), self.fate(user)),
            Claim::Aside(user) => (user, "set aside, neither changed nor removed".to_owned()),
        };
        Subject { name, user, verdict: vec![verdict], ..subject }
    }

    /// The person of a user who was found in Skovik.
    fn of_user(&self, index: u32) -> Subject {
        let BothSides { records, .. } = self.both;
        let user = self.comparison.user(index);
        if let Standing::Claimed(employee) = self.comparison.standing_of(index) {
            let Employee { identifier, origin, .. } = self.comparison.employee(employee);
            let record = (0..records.len()).find(|&record| records.origin(record) == *origin);
            let subject = Subject { identifier: Some(identifier.clone()), record, ..Subject::default() };
            return self.of_employee(employee, subject);
        }
        let verdict = vec![self.fate(index)];
        Subject {
            name: user.full_name(),
            identifier: user.identifier.clone(),
            record: None,
            user: Some(index),
            verdict,
        }
    }

    /// What happens to a user that no good record matches.
    fn fate(&self, index: u32) -> String {
        match self.comparison.standing_of(index) {
            Standing::Claimed(_) => "kept: another record matches them".to_owned(),
            Standing::Protected => "left alone: [scope] protect covers them".to_owned(),
            Standing::Unmanaged => {
                "left alone: their branch is not managed, or [scope] remove does not allow deleting them".to_owned()
            }
            Standing::Held => "kept: a record that was set aside matches them".to_owned(),
            Standing::Elsewhere => "left alone: another configuration manages their branch".to_owned(),
            Standing::Leaving => format!("delete: {}", self.comparison.reason_to_remove(index)),
            Standing::Withheld => "kept: the delete is withheld because of a doubt".to_owned(),
            Standing::Waiting => {
                let reason = self.comparison.reason_to_remove(index);
                match self.comparison.wait_of(index) {
                    Some(wait) => format!("kept for now, {reason}: {wait}"),
                    None => format!("kept for now, {reason}: no reading has noted yet that they are missing"),
                }
            }
        }
    }

    /// The user with a person's identifier.
    fn user_of(&self, subject: &Subject) -> Option<u32> {
        let identifier = subject.identifier.as_ref()?;
        let mut users = (0..).zip(&self.comparison.directory().users);
        users.find(|(_, user)| user.identifier.as_ref() == Some(identifier)).map(|(index, _)| index)
    }

    fn operation_on(&self, user: u32) -> Option<&'a Operation> {
        let id = &self.comparison.user(user).id;
        self.plan.content().operations.iter().find(|operation| match &operation.action {
            Action::Update { user_id, .. } | Action::Delete { user_id, .. } => user_id == id,
            Action::Create { .. } | Action::Link { .. } => false,
        })
    }

    fn explain(&self, subject: Subject) -> anyhow::Result<Explanation<'a>> {
        let Subject { name, identifier, record, user, verdict } = subject;
        let BothSides { records, resolved, .. } = self.both;
        let content = self.plan.content();
        let steps = record.map_or(Ok(Vec::new()), |record| resolved.steps(records, record));
        let operation = match user {
            Some(user) => self.operation_on(user),
            None => content.operations.iter().find(|operation| {
                let is_new = matches!(operation.action, Action::Create { .. }) || operation.reactivates();
                is_new && operation.employee == identifier
            }),
        };
        let user = user.map(|index| self.comparison.user(index));
        let names: Vec<&str> = identifier
            .iter()
            .chain(user.and_then(|user| user.identifier.as_ref()))
            .map(ExternalIdentifier::as_str)
            .collect();
        let about =
            |found: &&Diagnostic| found.employee.as_ref().is_some_and(|employee| names.contains(&employee.as_str()));
        let heading = [name.as_str(), names.first().copied().unwrap_or_default()];
        let heading: Vec<&str> = heading.into_iter().filter(|part| !part.is_empty()).collect();
        // The plan may report this once for many people.
        let others = content.diagnostics.iter().filter(|found| found.code != "manager_unresolved");
        Ok(Explanation {
            name: heading.join("  "),
            source_records: record.map(|record| records.source_records(record)).unwrap_or_default(),
            steps: steps.or_refuse(ExitStatus::Usage)?,
            user: user.map(|user| self.found_user(user, identifier.as_ref())),
            verdict,
            operation,
            diagnostics: others.chain(self.unresolved).filter(about).collect(),
        })
    }

    fn found_user(&self, user: &User, identifier: Option<&ExternalIdentifier>) -> FoundUser {
        let (policy, directory) = (self.comparison.policy(), self.comparison.directory());
        let how = match identifier {
            Some(_) if user.identifier.as_ref() == identifier => "who has this external identifier",
            Some(_) => "who has this e-mail",
            None => "whom no source has",
        };
        FoundUser { id: user.id.clone(), how, fields: Fields::of_user(user, &policy.managed, directory) }
    }
}
