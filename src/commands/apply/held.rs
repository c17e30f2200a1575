//! Ends an apply in order once another machine or process may have the account.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use crate::apply::{Halt, Report};
use crate::provider::Provider;
use crate::state::State;

/// Runs to the end. Once the account is not surely this process's any more, no request that changes something leaves: the
/// journal announces operations ahead, so each request asks for itself. One that was sent still gets its answer. If the lease
/// is lost, nothing waits for its turn or for another attempt.
pub(super) async fn while_held(run: impl Future<Output = Report>, state: &State, provider: &dyn Provider) -> Report {
    let is_held = Arc::new(state.is_still_held());
    provider.write_only_while(Arc::clone(&is_held) as _);
    let mut run = pin!(run);
    let mut report = tokio::select! {
        report = &mut run => report,
        () = state.lost() => {
            provider.end_waits();
            run.await
        }
    };
    if let (Some(Halt::Failures(_)), Err(error)) = (&report.halt, is_held()) {
        report.halt = Some(Halt::Journal(error.to_string()));
    }
    report
}
