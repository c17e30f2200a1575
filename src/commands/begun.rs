//! The applies to an account that the state knows, of whatever plan and file.

use std::time::SystemTime;

use super::common::unusable_journal;
use super::state_place::unusable_state;
use crate::apply::journal::{Head, read_head};
use crate::plan::Digest;
use crate::state::{JournalFile, State, account_file};

/// The applies to an account whose journals were written to since `oldest`, each with its plan, how it began, and when its
/// journal was last written to.
pub(super) fn begun_since(
    oldest: SystemTime,
    account: &str,
    state: &State,
) -> anyhow::Result<Vec<(Digest, Head, SystemTime)>> {
    let account = account_file(account);
    let mut begun = Vec::new();
    for journal in state.journals().map_err(unusable_state)?.iter().filter(|journal| journal.modified >= oldest) {
        if let Some(head) = head(journal, state)?.filter(|head| head.account == account) {
            begun.push((journal.plan, head, journal.modified));
        }
    }
    Ok(begun)
}

/// The first line of a journal, if it has one: without it nothing was sent.
pub(super) fn head(journal: &JournalFile, state: &State) -> anyhow::Result<Option<Head>> {
    let text = state.journal_text(journal, true).map_err(unusable_state)?;
    read_head(text, &journal.path(state), state.key(), journal.plan).map_err(unusable_journal)
}
