//! `check --contract --write`: the same for writes, with one made-up person, under the lock of an apply.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use tokio::sync::watch;

use crate::apply::engine::{Stop, wants};
use crate::apply::trial::{Trial, Tried};
use crate::cli::{self, Global};
use crate::commands::apply::take_lock;
use crate::commands::common::provider;
use crate::commands::service::deleting;
use crate::commands::signals::{end_until_heard, listen_for_signals, unless_interrupted};
use crate::commands::state_place::open_state;
use crate::config::{Settings, TargetKind};
use crate::employee::possible::impossible;
use crate::employee::{CustomField, CustomFieldId, CustomFieldKind, CustomValue, UserId};
use crate::exit::{ExitStatus, OrRefuse as _, refused};
use crate::mapping::{Mapper, ResolvedMapper};
use crate::plan::{BranchRef, Field, Fields, Value};
use crate::provider::{Finding, Shape};
use crate::ui::Ui;

/// How the e-mail and the identifier of every made-up person begin.
const NAME: &str = "skovik-sync-trial-";

/// Makes a made-up person, after a typed confirmation, and deletes them again.
///
/// # Errors
/// Exit code 6 without the confirmation, 10 while an apply is under way, 4 if the account cannot be read, 130 if a signal ended
/// it and nobody is left. The error returned beside the findings leads to exit code 9: the made-up person is left.
pub(super) async fn run(
    args: &cli::Check,
    settings: &Settings,
    global: &Global,
    ui: &Ui,
) -> anyhow::Result<(Vec<Finding>, Option<anyhow::Error>)> {
    let host = settings.target.url.url().host_str().unwrap_or("skovik").to_owned();
    if !args.yes {
        let question = format!("This makes one made-up person at {host}, changes them, and deletes them.");
        if !ui.confirm(&question, &host, "give --yes to skip the question")? {
            return Err(refused(
                ExitStatus::NotApproved,
                "nothing was written: the answer was not the name of the host",
            ));
        }
    }
    let state = open_state(global, Some(settings))?;
    let early_signals = end_until_heard()?;
    let _lock = take_lock(settings, &state, None, ui)?;
    drop(early_signals);
    let reading = async {
        let (service, remover) = (provider(settings).await?, deleting(settings).await?);
        let shape = service.shape().await.or_refuse(ExitStatus::Untrusted)?;
        let resolved =
            Mapper::new(settings).resolve(&shape.branches, &shape.custom_fields).or_refuse(ExitStatus::Usage)?;
        let before = service.users(resolved.managed(), &mut |_, _| Ok(()), &|_, _| ()).await;
        Ok((service, remover, shape, resolved, before.or_refuse(ExitStatus::Untrusted)?))
    };
    let ((service, remover, shape, resolved, before), early_signals) = unless_interrupted(reading).await?;
    let everybody = || before.users.iter().chain(&before.inactive);
    if let Some(left) = everybody().find(|user| user.email.key().starts_with(NAME)) {
        let problem = format!(
            "the made-up person of an earlier trial is still there: delete the user {}, then check again",
            left.id
        );
        return Err(refused(ExitStatus::Partial, problem));
    }
    let known: HashSet<UserId> = everybody().map(|user| user.id.clone()).collect();
    drop(before);
    let is_email = matches!(&settings.target.kind, TargetKind::Scim(scim) if scim.identifier.is_core("userName"));
    let person = person(&shape, &resolved, is_email);
    let custom_field = custom_field(&shape, &resolved);
    // From here on, Ctrl-C must not leave the person behind: they are deleted before the program ends.
    let stop = listen_for_signals()?;
    drop(early_signals);
    // The person is deleted in any case; nothing else is sent beside an apply that has the account by now.
    let is_held = Arc::new(state.is_still_held());
    service.write_only_while(Arc::clone(&is_held) as _);
    let trial = Trial {
        provider: &*service,
        remover: &*remover,
        managed: resolved.managed(),
        known: &known,
        person: &person,
        custom_field: custom_field.as_ref(),
        settle_after: settings.target.access.timeout,
        is_ended: &|| *stop.borrow() != Stop::No,
    };
    let tried = tokio::select! {
        tried = trial.run() => tried,
        () = stopped_at_once(stop.clone(), ui) => {
            let problem = may_be_left("the program was stopped at once", &person.primary_email);
            return Err(refused(ExitStatus::Partial, problem));
        }
    };
    let Tried { findings, left, uncertain } = tried.map_err(anyhow::Error::msg)?;
    let lost = || {
        let error = is_held().err()?;
        Some(refused(ExitStatus::Partial, format!("the trial ended early; the made-up person is deleted: {error}")))
    };
    let problem = told(&left, uncertain.as_deref(), &person.primary_email).or_else(lost);
    if problem.is_none() && *stop.borrow() != Stop::No {
        return Err(refused(ExitStatus::Interrupted, "interrupted; no made-up person is left"));
    }
    Ok((findings, problem))
}

/// Resolves when the user asks for the end at once. Says what happens if they ask for it gently.
async fn stopped_at_once(mut stop: watch::Receiver<Stop>, ui: &Ui) {
    wants(&mut stop, Stop::Gently).await;
    ui.warn(
        "stopping: the made-up person is deleted first, which takes until Skovik answers; a second Ctrl-C stops at once, and may leave them",
    );
    wants(&mut stop, Stop::Now).await;
}

/// A person who cannot be in any list.
fn person(shape: &Shape, resolved: &ResolvedMapper, identifier_is_email: bool) -> Fields {
    let name = format!("{NAME}{:016x}", fastrand::u64(..));
    let in_scope = |id| resolved.scope_branches().is_none_or(|branches| branches.contains(id));
    let branch = shape.branches.iter().find(|branch| in_scope(&branch.id)).map(|branch| BranchRef {
        branch_id: branch.id.clone(),
        external_identifier: branch.identifier.as_deref().map(Into::into),
        name: branch.name.as_ref().into(),
    });
    let email = format!("{name}@example.com");
    let value = |field: &Field| {
        let text = match field {
            Field::ExternalIdentifier if identifier_is_email => &email,
            Field::ExternalIdentifier => &name,
            Field::PrimaryEmail => &email,
            Field::FirstName => "Trial",
            Field::LastName => "Skovik-Sync",
            Field::Branch => return branch.clone().map(Value::Branch),
            Field::Active | Field::Manager | Field::Custom(_) => return None,
        };
        Some(Value::Text(text.into()))
    };
    Fields::of_values(Field::managed(resolved.managed()).map(|field| {
        let value = value(&field);
        (field, value)
    }))
}

/// A managed custom field, and a value that it can hold.
fn custom_field(shape: &Shape, resolved: &ResolvedMapper) -> Option<(CustomFieldId, CustomValue)> {
    let managed = &resolved.managed().custom_fields;
    let value = |field: &CustomField| match &field.kind {
        CustomFieldKind::Text => Some(CustomValue::Text("skovik-sync".into())),
        CustomFieldKind::Boolean => Some(CustomValue::Boolean(true)),
        CustomFieldKind::MultipleChoice(options) => {
            let possible = options.iter().find(|option| impossible(&option.value).is_none())?;
            Some(CustomValue::Text((&*possible.value).into()))
        }
        CustomFieldKind::UncheckedChoice | CustomFieldKind::Unknown(_) | CustomFieldKind::Unusable(_) => None,
    };
    shape
        .custom_fields
        .iter()
        .filter(|field| managed.contains(&field.id))
        .find_map(|field| Some((field.id.clone(), value(field)?)))
}

/// The error that names the person who may be left.
fn told(left: &BTreeSet<UserId>, uncertain: Option<&str>, email: &str) -> Option<anyhow::Error> {
    if let Some(problem) = uncertain {
        return Some(refused(ExitStatus::Partial, may_be_left(problem, email)));
    }
    if left.is_empty() {
        return None;
    }
    let ids: Vec<&str> = left.iter().map(UserId::as_str).collect();
    let problem = format!("the made-up person could not be deleted: delete the user {} in Skovik", ids.join(", "));
    Some(refused(ExitStatus::Partial, problem))
}

fn may_be_left(why: &str, email: &str) -> String {
    format!("a made-up person may be left with the e-mail {email}: {why}; look for them and delete them")
}
