//! Carrying out one operation, as `operation` does it: `once` is `update_once` and `delete_once`, `go_on` is
//! `Attempts::go_on`.

use super::{Attempts, End, Outcome, Phase, RETRIES};
use crate::journal::Doubt;
use crate::laws;
use crate::plan::{Action, Edit, Made, OPERATIONS, created, updated};
use crate::server::{Answer, Fields, Id, Request, User};
use crate::steps::{ReadFailure, Rejection};
use crate::world::{Message, Mutation, Sent, State, World};

impl World {
    pub(crate) fn begin(&self, state: &mut State, process: usize, operation: usize) {
        let Some(run) = &mut state.runs[process] else { return };
        let made = run.made();
        let entry = &mut run.entries[operation];
        entry.begun += 1;
        entry.is_resumed = false;
        if let Action::Create { after } = &self.operation(operation).action {
            let Ok(fields) = created(after, &made) else {
                return self.end(state, process, operation, Outcome::Failed);
            };
            self.announce(state, process, operation, None);
            self.send(state, process, operation, Sent::Create, Request::Post(fields), None);
        } else {
            entry.attempts = Attempts { left: RETRIES, doubt: entry.doubt, ..entry.attempts };
            self.once(state, process, operation);
        }
    }

    /// One attempt of an update, link or delete: reads and checks the user, writes the intent, sends the request.
    pub(crate) fn once(&self, state: &mut State, process: usize, operation: usize) {
        let Some(run) = state.runs[process] else { return };
        let Attempts { doubt, is_barred, .. } = run.entries[operation].attempts;
        let made = run.made();
        let Some((id, expected, edit)) = self.whom(operation, &made) else {
            return self.end(state, process, operation, Outcome::Failed);
        };
        let Some(read) = state.server.user(id).copied() else {
            let end = if edit.is_some() { End::Conflict } else { End::SaidGone };
            return self.go_on(state, process, operation, end, false, None);
        };
        let emptied_since = |before: User| before.custom != 0 && read.custom == 0;
        let moves = matches!(edit, Some(Edit::Branch(_)));
        let is_whole = |doubt: Doubt| doubt.before.is_some_and(|before| !emptied_since(before));
        let is_over = doubt.is_some_and(|doubt| !moves || is_whole(doubt));
        let conflict = if is_over { End::Outdated } else { End::Conflict };
        if read.is_admin && !self.has(Mutation::TouchesProtected) {
            return self.go_on(state, process, operation, conflict, false, None);
        }
        let mut expected = expected;
        if self.has(Mutation::WritesAnybody) {
            expected.identifier = read.fields.identifier;
        }
        let Some(edit) = edit else {
            if read.fields != expected {
                return self.go_on(state, process, operation, conflict, false, None);
            }
            self.set_before(state, process, operation, read);
            self.announce(state, process, operation, Some(read));
            return self.send(state, process, operation, Sent::Delete, Request::Delete(id), Some(read));
        };
        let after = |fields: Fields| updated(fields, edit, &made);
        if read.fields == expected {
            let Ok(fields) = after(read.fields) else { return };
            if moves && doubt.and_then(|doubt| doubt.before).is_some_and(emptied_since) {
                return self.go_on(state, process, operation, End::Conflict, false, None);
            }
            if is_barred {
                return self.go_on(state, process, operation, End::NotAgain, false, None);
            }
            let first = doubt.and_then(|doubt| doubt.before).filter(|_| self.has(Mutation::RefillsTheFirst));
            let before = first.unwrap_or(read);
            self.set_before(state, process, operation, before);
            self.announce(state, process, operation, Some(before));
            let request = Request::Put(id, fields, read.custom);
            return self.send(state, process, operation, Sent::Update, request, Some(read));
        }
        let is_link = matches!(self.operation(operation).action, Action::Link { .. });
        if is_link && after(expected) == Ok(read.fields) {
            return self.go_on(state, process, operation, End::Done(Some(id)), false, None);
        }
        let end = match doubt.and_then(|doubt| doubt.before) {
            None => conflict,
            Some(before) => match (edit, after(before.fields)) {
                (Edit::Branch(_), Ok(fields)) if fields.branch == read.fields.branch => {
                    self.set_before(state, process, operation, before);
                    return self.set_refilling(state, process, operation);
                }
                (_, Ok(fields)) if fields == read.fields => End::Done(Some(id)),
                _ if is_barred && moves && !emptied_since(before) => End::NotAgain,
                _ => conflict,
            },
        };
        self.go_on(state, process, operation, end, false, None);
    }

    /// The user of an update, link or delete, the fields before it, and the change; `None` for a delete's change.
    pub(crate) fn whom(&self, operation: usize, made: &Made) -> Option<(Id, Fields, Option<Edit>)> {
        match &self.operation(operation).action {
            Action::Create { .. } => None,
            Action::Update { user, before, edit } => Some((*user, *before, Some(*edit))),
            Action::Delete { user, before } => Some((*user, *before, None)),
            Action::Link { create, manager } => {
                let Action::Create { after } = &self.operation(*create).action else { return None };
                Some((made[*create]?, created(after, made).ok()?, Some(Edit::Manager(*manager))))
            }
        }
    }

    fn set_before(&self, state: &mut State, process: usize, operation: usize, before: User) {
        if let Some(run) = &mut state.runs[process] {
            run.entries[operation].attempts.before = Some(before);
        }
    }

    fn set_refilling(&self, state: &mut State, process: usize, operation: usize) {
        let Some(run) = &mut state.runs[process] else { return };
        let entry = &mut run.entries[operation];
        entry.attempts.left = RETRIES;
        if self.has(Mutation::SkipsRefill) {
            let user = self.touches(operation);
            return self.go_on(state, process, operation, End::Done(user), false, None);
        }
        entry.phase = Phase::Refilling;
    }

    pub(crate) fn unread(&self, state: &mut State, process: usize, operation: usize, how: ReadFailure) {
        let Some(run) = &mut state.runs[process] else { return };
        let entry = &mut run.entries[operation];
        if entry.phase == Phase::Waiting {
            entry.begun += 1;
            entry.is_resumed = false;
            entry.attempts = Attempts { left: RETRIES, doubt: entry.doubt, ..entry.attempts };
        }
        let is_delete = matches!(self.operation(operation).action, Action::Delete { .. });
        let end = match how {
            ReadFailure::Failed if entry.attempts.doubt.is_some() => End::Unclear,
            ReadFailure::Failed => End::NotDone,
            ReadFailure::SaidGone if is_delete => End::SaidGone,
            ReadFailure::SaidGone => End::Conflict,
        };
        match how {
            ReadFailure::Failed => state.left.faults -= 1,
            ReadFailure::SaidGone => {
                state.left.lies -= 1;
                state.is_disturbed = true;
            }
        }
        self.go_on(state, process, operation, end, false, None);
    }

    /// Reads a user back after a change of branch, and sends missing custom fields again.
    pub(crate) fn refill(&self, state: &mut State, process: usize, operation: usize) {
        let (Some(run), Some(id)) = (state.runs[process], self.touches(operation)) else { return };
        let Some(before) = run.entries[operation].attempts.before else { return };
        let Some(read) = state.server.user(id).copied() else {
            return self.go_on(state, process, operation, End::HalfDone, false, None);
        };
        if read.custom != 0 || before.custom == 0 {
            let end = self.refilled(operation, &read, &before);
            return self.go_on(state, process, operation, end, false, Some(before));
        }
        let is_somebody_else = read.fields.identifier != before.fields.identifier;
        if (read.is_admin && !self.has(Mutation::TouchesProtected))
            || (is_somebody_else && !self.has(Mutation::RefillsAnybody))
        {
            return self.go_on(state, process, operation, End::HalfDone, false, None);
        }
        self.announce(state, process, operation, Some(before));
        let request = Request::Put(id, read.fields, before.custom);
        self.send(state, process, operation, Sent::Refill, request, Some(read));
    }

    /// Whether a refill sends a user who is not as the operation should have left them.
    pub(crate) fn refills_anothers(&self, last: &State, next: &State, process: usize, operation: usize) -> bool {
        let sent = |state: &State| state.network.iter().filter(|message| message.step == Sent::Refill).count();
        let Action::Update { user, edit, .. } = self.operation(operation).action else { return false };
        let before = last.runs[process].and_then(|run| run.entries[operation].attempts.before);
        let (Some(before), Some(read)) = (before, last.server.user(user)) else { return false };
        sent(next) > sent(last) && updated(before.fields, edit, &[None; OPERATIONS]) != Ok(read.fields)
    }

    /// The end of a change of branch that has lost no custom fields. Another client may have changed them or other fields
    /// since.
    fn refilled(&self, operation: usize, held: &User, before: &User) -> End {
        let Action::Update { user, edit, .. } = self.operation(operation).action else { return End::HalfDone };
        let is_as_asked = updated(before.fields, edit, &[None; OPERATIONS]) == Ok(held.fields)
            && [0, held.custom].contains(&before.custom);
        if is_as_asked { End::Done(Some(user)) } else { End::DoneOtherwise(Some(user)) }
    }

    pub(crate) fn refill_unread(&self, state: &mut State, process: usize, operation: usize) {
        state.left.faults -= 1;
        self.go_on(state, process, operation, End::HalfDone, false, None);
    }

    fn announce(&self, state: &mut State, process: usize, operation: usize, before: Option<User>) {
        if !self.has(Mutation::SkipsIntents) {
            let keeps = !matches!(self.operation(operation).action, Action::Create { .. });
            state.journals[self.folders[process]].announce(operation, before, keeps);
        }
    }

    fn send(
        &self,
        state: &mut State,
        process: usize,
        operation: usize,
        step: Sent,
        request: Request,
        read: Option<User>,
    ) {
        let message = Message {
            process: process as u8,
            operation: operation as u8,
            step,
            request,
            read,
            answer: None,
            is_orphan: false,
            is_overtaken: false,
        };
        let is_stale = state.runs[process].is_some_and(|run| run.is_stale);
        laws::judge_sending(self, state, &message, is_stale);
        state.network.push(message);
        if let Some(run) = &mut state.runs[process] {
            run.entries[operation].phase = Phase::Sent;
        }
    }

    /// The end of an attempt, by its answer.
    pub(crate) fn answered(&self, state: &mut State, message: &Message, answer: Answer) {
        let (process, operation) = (usize::from(message.process), usize::from(message.operation));
        let Some(run) = &mut state.runs[process] else { return };
        let before = run.entries[operation].attempts.before;
        run.has_written |= match answer {
            Answer::Created(_) | Answer::Stored(_) | Answer::Removed => true,
            Answer::NotFound => message.step == Sent::Delete,
            Answer::Taken | Answer::Refused => false,
        };
        let id = message.request.user();
        let end = match (message.step, answer) {
            (Sent::Create, Answer::Created(id)) => End::Done(Some(id)),
            (Sent::Create, Answer::Taken) => End::Taken,
            (Sent::Update | Sent::Refill, Answer::Stored(after)) => {
                if message.read.is_some_and(|read| read.is_admin != after.is_admin) {
                    // The roles have changed, although the write did not change them.
                    run.is_halted = true;
                    End::HalfDone
                } else if message.step == Sent::Update && self.moves_branch(operation) {
                    return self.set_refilling(state, process, operation);
                } else if let (Sent::Refill, Some(before)) = (message.step, before) {
                    self.refilled(operation, &after, &before)
                } else {
                    End::Done(id)
                }
            }
            (Sent::Refill, _) => End::HalfDone,
            (Sent::Delete, Answer::Removed) => End::Done(None),
            (Sent::Delete, Answer::NotFound) => End::SaidGone,
            (Sent::Update, _) => self.refused(operation),
            _ => End::NotDone,
        };
        if let (End::Done(user), true) = (end, self.is_needed(operation) && !self.has(Mutation::ReadsNobodyBack)) {
            let whom = user.or(message.request.user());
            if let Some(id) = whom {
                run.entries[operation].phase = Phase::ReadingBack(id);
                return;
            }
        }
        self.go_on(state, process, operation, end, false, before);
    }

    /// Compares an answer that says "done" with the user that it should name.
    pub(crate) fn read_back(&self, state: &mut State, process: usize, operation: usize) {
        let Some(run) = state.runs[process] else { return };
        let Phase::ReadingBack(id) = run.entries[operation].phase else { return };
        let before = run.entries[operation].attempts.before;
        let held = state.server.user(id);
        let made = run.made();
        let end = match (&self.operation(operation).action, held) {
            (Action::Delete { .. }, None) => End::Done(None),
            (Action::Delete { .. }, Some(_)) => End::SaidGone,
            (_, None) => End::Unclear,
            (Action::Create { after }, Some(user)) => {
                let is_person = user.fields.identifier == after.identifier && user.fields.email == after.email;
                match created(after, &made) {
                    _ if !is_person => End::Unclear,
                    Ok(fields) if fields == user.fields => End::Done(Some(id)),
                    _ => End::DoneOtherwise(Some(id)),
                }
            }
            (Action::Update { edit, .. }, Some(user)) => as_asked(user.fields, *edit, &made, id),
            (Action::Link { manager, .. }, Some(user)) => as_asked(user.fields, Edit::Manager(*manager), &made, id),
        };
        self.go_on(state, process, operation, end, false, before);
    }

    pub(crate) fn read_back_unread(&self, state: &mut State, process: usize, operation: usize) {
        state.left.faults -= 1;
        let before = state.runs[process].and_then(|run| run.entries[operation].attempts.before);
        self.go_on(state, process, operation, End::Unclear, false, before);
    }

    pub(crate) fn turned_away(&self, state: &mut State, message: &Message, turned: Rejection) {
        match turned {
            Rejection::Invalid => self.answered(state, message, Answer::Refused),
            Rejection::TooMany if message.step == Sent::Update => {
                self.failed(state, message, self.refused(usize::from(message.operation)));
            }
            Rejection::TooMany => self.failed(state, message, End::NotDone),
        }
    }

    /// The end of an update that the server refused.
    fn refused(&self, operation: usize) -> End {
        let looks = self.moves_branch(operation) && !self.has(Mutation::BelievesRefusals);
        if looks { End::Refused } else { End::NotDone }
    }

    pub(crate) fn unanswered(&self, state: &mut State, message: &Message) {
        if self.has(Mutation::RepeatsPosts) && message.step == Sent::Create {
            state.network.push(Message { answer: None, is_orphan: false, ..message.clone() });
            return;
        }
        self.failed(state, message, End::Unclear);
    }

    /// A request got no usable answer, or was told to come again.
    fn failed(&self, state: &mut State, message: &Message, end: End) {
        let (process, operation) = (usize::from(message.process), usize::from(message.operation));
        let Some(run) = &mut state.runs[process] else { return };
        let entry = &mut run.entries[operation];
        let before = entry.attempts.before;
        let may_repeat = message.step != Sent::Create && entry.attempts.left > 0;
        if self.has(Mutation::RepeatsBlindly) && may_repeat {
            entry.attempts.left -= 1;
            let again = Message { answer: None, is_orphan: false, is_overtaken: false, ..message.clone() };
            return state.network.push(again);
        }
        if message.step == Sent::Refill {
            if may_repeat {
                entry.attempts.left -= 1;
                entry.phase = Phase::Refilling;
                return;
            }
            return self.go_on(state, process, operation, End::HalfDone, false, before);
        }
        self.go_on(state, process, operation, end, message.step != Sent::Create, before);
    }

    /// Tries again if that may help. Otherwise this attempt is the end of all.
    fn go_on(
        &self,
        state: &mut State,
        process: usize,
        operation: usize,
        mut end: End,
        again: bool,
        before: Option<User>,
    ) {
        let Some(run) = &mut state.runs[process] else { return };
        let entry = &mut run.entries[operation];
        let attempts = &mut entry.attempts;
        let before = before.or(attempts.doubt.and_then(|doubt| doubt.before));
        if attempts.unclear && end == End::NotDone {
            end = End::Unclear;
        }
        let is_repeated = again && attempts.left > 0;
        if end == End::Refused && !is_repeated && attempts.is_under_way {
            end = End::Unclear;
        }
        if is_repeated || end == End::Refused {
            if matches!(end, End::Unclear | End::Refused) {
                attempts.unclear = true;
                attempts.is_under_way |= end == End::Unclear;
                attempts.doubt.get_or_insert_default().renew(before);
            }
            if is_repeated {
                attempts.left -= 1;
            } else {
                attempts.is_barred = true;
            }
            entry.phase = Phase::Pausing;
            return;
        }
        self.take_in(state, process, operation, end, before);
    }
}

fn as_asked(held: Fields, edit: Edit, made: &Made, id: Id) -> End {
    if updated(held, edit, made) == Ok(held) { End::Done(Some(id)) } else { End::DoneOtherwise(Some(id)) }
}
