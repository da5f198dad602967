//! SIGINT, SIGTERM and SIGHUP: the first signal stops cleanly, the second stops now.

use std::io;
use std::process;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use syncrepl_client::StopHandle;

use crate::exit::{Failure, complain};

/// Hands signals to `stop`. A second signal ends the process even while its output is blocked, because
/// the main thread cannot see the request then. The next run rolls back what was not committed.
///
/// # Errors
/// When the system refuses the handlers or the thread.
pub(crate) fn install(stop: StopHandle) -> Result<(), Failure> {
    watch(stop).map_err(|error| Failure::System("signals cannot be waited for", error))
}

fn watch(stop: StopHandle) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut count = 0;
            for _ in signals.forever() {
                count += 1;
                stop.please_stop();
                if count == 2 {
                    // Leave the main thread a moment to abandon the refresh itself.
                    after(Duration::from_millis(500), || {
                        // stderr may be blocked too.
                        after(Duration::from_millis(100), || process::exit(1));
                        complain("stopped at once: nothing since the last commit was kept");
                        process::exit(1);
                    });
                }
            }
        })?;
    Ok(())
}

fn after(wait: Duration, act: impl FnOnce() + Send + 'static) {
    let spawned = thread::Builder::new().spawn(move || {
        thread::sleep(wait);
        act();
    });
    if spawned.is_err() {
        process::exit(1);
    }
}
