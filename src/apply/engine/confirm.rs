//! At the end of a run that wrote, one complete list confirms what is called done.

use super::{Run, State, Stop, wants};
use crate::apply::confirm::{Contradiction, contradiction};
use crate::apply::list::List;
use crate::apply::{Halt, Outcome};
use crate::employee::User;

impl Run<'_> {
    /// Reads the list, and takes back what it contradicts. Without it nothing is called finished.
    pub(super) async fn confirm(&mut self) {
        if self.halt.is_some() || !self.wrote {
            return;
        }
        let is_done = |state: &State| matches!(state, State::Ended(outcome) if outcome.is_done());
        self.observer.confirming(self.states.iter().filter(|state| is_done(state)).count());
        match self.read_list().await {
            Ok(users) => match List::new(&users) {
                Ok(list) => self.compare(&list),
                Err(error) => self.halt = Some(Halt::Unconfirmed(error.to_string())),
            },
            Err(None) => self.halt = Some(Halt::Interrupted),
            Err(Some(problem)) => self.halt = Some(Halt::Unconfirmed(problem)),
        }
    }

    fn compare(&mut self, list: &List<'_>) {
        for index in 0..self.states.len() {
            let State::Ended(outcome) = &self.states[index] else { continue };
            let (user_id, is_new) = match outcome {
                Outcome::Done { user_id, differs } if differs.is_empty() => (user_id.clone(), true),
                Outcome::DoneBefore { differs } if differs.is_empty() => (None, false),
                _ => continue,
            };
            let outcome = match contradiction(&self.operations[index], list, self.worker.managed, &self.made) {
                None => continue,
                Some(Contradiction::Undone(problem)) => {
                    let problem = format!("Skovik answered that it is done, but {problem}, says its list; plan again");
                    Outcome::Failed { problem }
                }
                Some(Contradiction::Differs(differs)) if is_new => Outcome::Done { user_id, differs },
                Some(Contradiction::Differs(differs)) => Outcome::DoneBefore { differs },
            };
            // What an earlier run did is told in the end, and not before.
            if !matches!(outcome, Outcome::DoneBefore { .. }) {
                self.tell(index, &outcome, None, None);
            }
            self.states[index] = State::Ended(outcome);
        }
    }

    /// The complete list; `None` for an error where the user wants the run to end.
    pub(super) async fn read_list(&mut self) -> Result<Vec<User>, Option<String>> {
        tokio::select! {
            read = self.worker.provider.users(self.worker.managed, &|_, _| {}) => {
                read.map(|listed| listed.users).map_err(|error| Some(error.to_string()))
            }
            () = wants(&mut self.options.stop, Stop::Gently) => Err(None),
        }
    }
}
