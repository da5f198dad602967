//! SIGINT, SIGTERM and SIGHUP: the first stops cleanly, the second stops now.

use std::io;
use std::process;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use syncrepl_client::StopHandle;

/// Hands signals to `stop`. A second one ends the process even while its output is blocked: then
/// nobody else could end it, and what was not committed is rolled back when the file is opened.
pub(crate) fn install(stop: StopHandle) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut count = 0;
            for _ in signals.forever() {
                count += 1;
                stop.please_stop();
                if count == 2 {
                    // The clean way out of a refresh gets a moment.
                    let patience = thread::Builder::new().spawn(|| {
                        thread::sleep(std::time::Duration::from_millis(500));
                        process::exit(1);
                    });
                    if patience.is_err() {
                        process::exit(1);
                    }
                }
            }
        })?;
    Ok(())
}
