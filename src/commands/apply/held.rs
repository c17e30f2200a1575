//! Ends an apply in order once another machine may have the account.

use std::future::Future;
use std::pin::pin;

use crate::apply::Report;
use crate::provider::Provider;
use crate::state::State;

/// Runs to the end. If the lease of the account is lost, requests that wait for their turn or for another attempt are
/// no longer sent; one that was sent still gets its answer. The journal prevents that any operation is begun.
pub(super) async fn while_held(run: impl Future<Output = Report>, state: &State, provider: &dyn Provider) -> Report {
    let mut run = pin!(run);
    tokio::select! {
        report = &mut run => report,
        () = state.lost() => {
            provider.end_waits();
            run.await
        }
    }
}
