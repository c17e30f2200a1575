//! What an undo does not take back stays: whoever has an e-mail, an identifier or a manager keeps it. What can only be done
//! once that is gone is left out too, and named.

use std::collections::HashMap;

use super::claim::{Claim, Side, value};
use super::draft::{Action, Draft, Fact, Held};
use super::order::{claims, manager};
use crate::employee::{Text, UserId};
use crate::plan::{Change, Diagnostic, Field, Severity, Value};

/// Leaves out whatever needs something to go that stays. With `keeps_removed`, whoever is removed becomes inactive and keeps
/// the e-mail and the identifier.
pub(super) fn leave_out(drafts: Vec<Draft>, held: &[Held], keeps_removed: bool) -> (Vec<Draft>, Vec<Diagnostic>) {
    let mut leaning = Leaning::of(drafts, held);
    for Held { who, draft, facts } in held {
        let action = draft.and_then(|draft| leaning.drafts[draft].as_ref()).map(|draft| &draft.action);
        let stays = |fact: &&Fact| match action {
            None => true,
            Some(Action::Create { .. }) => false,
            Some(Action::Update { changes, .. }) => !changes.iter().any(|change| change.field == fact.field()),
            Some(Action::Delete { .. }) => keeps_removed && matches!(fact, Fact::Has(_)),
        };
        leaning.stay.extend(facts.iter().filter(stays).map(|fact| (fact.clone(), who.clone())));
    }
    while let Some((fact, who)) = leaning.stay.pop() {
        match fact {
            Fact::Has(claim) => leaning.cannot_be_given(&claim, &who),
            Fact::ReportsTo(manager) => leaning.cannot_be_removed(&manager, &who),
        }
    }
    let is_something = |draft: &Draft| !matches!(&draft.action, Action::Update { changes, .. } if changes.is_empty());
    (leaning.drafts.into_iter().flatten().filter(is_something).collect(), leaning.diagnostics)
}

struct Leaning<'a> {
    /// Those that are left out are gone.
    drafts: Vec<Option<Draft>>,
    /// For each draft, whose operation it takes back.
    held: Vec<Option<&'a Held>>,
    /// Which draft gives somebody this.
    takers: HashMap<Claim, usize>,
    /// Which draft removes this user.
    removers: HashMap<UserId, usize>,
    /// Which drafts make this user somebody's manager.
    givers: HashMap<UserId, Vec<usize>>,
    /// What stays, and whose that is; not looked at yet.
    stay: Vec<(Fact, Text)>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Leaning<'a> {
    fn of(drafts: Vec<Draft>, held: &'a [Held]) -> Self {
        let (mut takers, mut removers, mut givers) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (index, draft) in drafts.iter().enumerate() {
            takers.extend(claims(&draft.action, Side::After).into_iter().map(|claim| (claim, index)));
            if let Action::Delete { user_id, .. } = &draft.action {
                removers.insert(user_id.clone(), index);
            }
            if let Some(manager) = manager(&draft.action, Side::After) {
                givers.entry(manager.clone()).or_insert_with(Vec::new).push(index);
            }
        }
        let mut of_draft = vec![None; drafts.len()];
        for one in held {
            if let Some(draft) = one.draft {
                of_draft[draft] = Some(one);
            }
        }
        let drafts = drafts.into_iter().map(Some).collect();
        Self { drafts, held: of_draft, takers, removers, givers, stay: Vec::new(), diagnostics: Vec::new() }
    }

    /// Nobody gets an e-mail or an identifier that somebody keeps.
    fn cannot_be_given(&mut self, claim: &Claim, who: &Text) {
        let Some(index) = self.takers.remove(claim) else { return };
        match &mut self.drafts[index] {
            Some(draft @ Draft { action: Action::Update { .. }, .. }) => {
                let name = draft.name.clone();
                let Action::Update { changes, .. } = &mut draft.action else { return };
                let takes = |change: &Change| Claim::of(change, Side::After).as_ref() == Some(claim);
                let Some(place) = changes.iter().position(takes) else { return };
                let change = changes.remove(place);
                self.diagnostics.push(incomplete(draft, kept(&name, &change, who)));
                let who = self.held[index].map_or(name, |held| held.who.clone());
                self.stay.extend(Claim::of(&change, Side::Before).map(|claim| (Fact::Has(claim), who)));
            }
            Some(draft) => {
                let what = match claim {
                    Claim::Email(email) => format!("the e-mail {email}"),
                    Claim::Identifier(identifier) => format!("the external identifier {identifier}"),
                };
                let problem =
                    format!("{} is not created again: {who} may have {what}, and that is not taken back", draft.name);
                self.leave_one_out(index, problem);
            }
            None => {}
        }
    }

    /// Nobody is removed to whom somebody still reports.
    fn cannot_be_removed(&mut self, user: &UserId, who: &Text) {
        if let Some(index) = self.removers.remove(user)
            && let Some(draft) = &self.drafts[index]
        {
            let problem =
                format!("{} is not removed: {who} may report to them, and that is not taken back", draft.name);
            self.leave_one_out(index, problem);
        }
    }

    fn leave_one_out(&mut self, index: usize, problem: String) {
        let Some(draft) = self.drafts[index].take() else { return };
        self.diagnostics.push(draft.diagnostic("undo_left_out", problem));
        if let Some(Held { who, draft: _, facts }) = self.held[index] {
            self.stay.extend(facts.iter().map(|fact| (fact.clone(), who.clone())));
        }
        let Action::Create { was, .. } = &draft.action else { return };
        for report in self.givers.remove(was).unwrap_or_default() {
            let Some(report) = &mut self.drafts[report] else { continue };
            match &mut report.action {
                Action::Create { after, .. } => after.manager = Some(None),
                Action::Update { changes, .. } => {
                    changes.retain_mut(|change| {
                        if change.field == Field::Manager {
                            change.after = None;
                        }
                        change.before != change.after
                    });
                }
                Action::Delete { .. } => {}
            }
            let problem = format!("{} gets no manager: {} is not created again", report.name, draft.name);
            self.diagnostics.push(incomplete(report, problem));
        }
    }
}

fn kept(name: &Text, change: &Change, who: &Text) -> String {
    let text = |side: Side| match value(change, side) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "(none)",
    };
    let field = match change.field {
        Field::PrimaryEmail => "e-mail",
        _ => "external identifier",
    };
    let [is, was] = [Side::Before, Side::After].map(text);
    format!("{name} keeps the {field} {is}: the user who has {was} keeps it ({who})")
}

fn incomplete(draft: &Draft, problem: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..draft.diagnostic("undo_incomplete", problem) }
}
