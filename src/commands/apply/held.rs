//! Ends an apply in order once another machine may have the account.

use std::future::Future;
use std::pin::pin;

use crate::apply::Report;
use crate::provider::Provider;
use crate::state::State;

/// Runs to the end. If the lease of the account is lost, no request that waits for its turn or for another attempt is sent
/// any more; one that is on its way is answered still. The journal stops whatever would be begun.
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
