//! SIGINT, SIGTERM and SIGHUP: the first signal stops cleanly, the second stops now. In `follow`, SIGHUP is no
//! stop unless its terminal is gone: it opens output and connection anew.

use std::fs::{self, File};
use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    watch(stop, None).map_err(|error| Failure::System("signals cannot be waited for", error))
}

/// As [`install`], for a run that is to outlive a SIGHUP.
///
/// # Errors
/// As for [`install`].
pub(crate) fn install_with_renewal(stop: StopHandle) -> Result<Renewal, Failure> {
    let renewal = Renewal::default();
    let watched = watch(stop, Some((renewal.clone(), Terminal::now())));
    watched.map_err(|error| Failure::System("signals cannot be waited for", error))?;
    Ok(renewal)
}

/// Whether somebody asked, by SIGHUP, to open output and connection anew. Clones mean the same.
#[derive(Clone, Default)]
pub(crate) struct Renewal(Arc<AtomicBool>);

impl Renewal {
    /// Whether it is asked for and not done yet.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Takes note that it is done.
    pub(crate) fn done(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The terminal of this process, which may go away.
struct Terminal {
    /// Whether there was one, and SIGHUP was not ignored as `nohup` does.
    counts: bool,
}

impl Terminal {
    fn now() -> Self {
        let counts = has_terminal() && !ignores_hangup();
        Terminal { counts }
    }

    fn is_gone(&self) -> bool {
        self.counts && !has_terminal()
    }
}

/// Whether the process has a terminal. The system takes it away before it sends SIGHUP for it.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Whether this process was started with SIGHUP ignored.
fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (SIGHUP - 1) != 0)
}

fn watch(stop: StopHandle, renewal: Option<(Renewal, Terminal)>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut count = 0;
            for signal in signals.forever() {
                if signal == SIGHUP
                    && let Some((renewal, terminal)) = &renewal
                    && !terminal.is_gone()
                {
                    renewal.0.store(true, Ordering::Release);
                    stop.end_wait();
                    continue;
                }
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
