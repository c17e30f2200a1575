//! Reads a source on a thread of its own. A library may read what a server sends without a pause, for as long as the
//! server sends; then the waiting side still keeps the time and looks at signals.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::{Conditions, ReadError, Reading, Source};

/// How long a source that nobody waits for any more has to end what it started, such as programs.
const FAREWELL: Duration = Duration::from_secs(1);

/// The side that waits. When it is dropped, reading ends at its next pause, or with the program.
struct Waiting {
    here: Option<oneshot::Sender<()>>,
    /// Its sender is dropped when reading is over.
    over: mpsc::Receiver<()>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.here.take());
        // Nothing is ever sent.
        let _ = self.over.recv_timeout(FAREWELL);
    }
}

/// Reads a source. The caller may drop this before its end.
pub(super) async fn read(source: Arc<dyn Source>, conditions: &Conditions<'_>) -> Result<Reading, ReadError> {
    let (came, mut news) = watch::channel((0, None));
    let (outcome, mut ended) = oneshot::channel();
    let (here, mut gone) = oneshot::channel();
    let (not_over, over) = mpsc::channel();
    let Conditions { columns, perhaps, max_rows, now, timeout, calendar, progress } = conditions;
    let (columns, perhaps, calendar) = ((*columns).clone(), (*perhaps).clone(), (*calendar).clone());
    let (max_rows, now, timeout) = (*max_rows, *now, *timeout);
    let runtime = Handle::current();
    let work = move || {
        let _not_over = not_over;
        let progress = |so_far, total| {
            came.send_replace((so_far, total));
        };
        let conditions = Conditions {
            columns: &columns,
            perhaps: &perhaps,
            max_rows,
            now,
            timeout,
            calendar: &calendar,
            progress: &progress,
        };
        runtime.block_on(async {
            tokio::select! {
                reading = source.read(&conditions) => drop(outcome.send(reading)),
                _ = &mut gone => {}
            }
        });
    };
    let thread = thread::Builder::new().name("source".to_owned()).spawn(work);
    thread.map_err(|error| format!("cannot be read on a thread of its own: {error}"))?;
    let _waiting = Waiting { here: Some(here), over };
    loop {
        tokio::select! {
            reading = &mut ended => {
                return reading.unwrap_or_else(|_| Err("reading it stopped".to_owned().into()));
            }
            Ok(()) = news.changed() => {
                let (so_far, total) = *news.borrow_and_update();
                progress(so_far, total);
            }
        }
    }
}
