//! The handle with which a test arms the faults of a running provider.

use crate::faults::{Armed, Fault};
use crate::shared::Shared;

/// The faults of a provider; see [`Provider::faults`](crate::Provider::faults).
///
/// ```
/// use std::time::Duration;
/// use syncrepl_provider::{Cut, Fault, Moment, Provider};
///
/// # fn main() -> std::io::Result<()> {
/// let provider = Provider::builder().start()?;
/// let faults = provider.faults();
/// // The next sync search loses its connection after two messages.
/// let cut = faults.next(Fault::CutSync(Cut::BeforeMessage(3)));
/// // The search after it gets the result busy in place of its end.
/// let busy = faults.next(Fault::Result(Moment::RefreshEnd, 51));
/// // … here your consumer refreshes its copy until it succeeds …
/// # assert!(!cut.wait(Duration::from_millis(1)));
/// println!("cut {} times, busy {} times", cut.hits(), busy.hits());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Faults<'a> {
    shared: &'a Shared,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Faults { shared }
    }

    /// Arms a fault once, for the next connection, search or cookie that can suffer it.
    pub fn next(&self, fault: Fault) -> Armed {
        self.arm(fault, false)
    }

    /// Arms a fault for every connection, search or cookie that can suffer it, until
    /// [`clear`](Faults::clear).
    pub fn every(&self, fault: Fault) -> Armed {
        self.arm(fault, true)
    }

    fn arm(&self, fault: Fault, every: bool) -> Armed {
        let armed = self.shared.faults.arm(fault, every);
        self.shared.wake();
        armed
    }

    /// Disarms every fault, and lets every stalled search go on.
    pub fn clear(&self) {
        self.shared.faults.disarm();
        self.release();
    }

    /// Lets every search go on that stalls now.
    pub fn release(&self) {
        self.shared.faults.release();
        self.shared.wake();
    }
}
