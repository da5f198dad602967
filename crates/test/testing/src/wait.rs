//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// Waits until it is so, looking every few milliseconds.
///
/// # Panics
/// When it is not so in time.
#[track_caller]
pub fn wait_until(patience: Duration, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !so() {
        assert!(
            Instant::now() < deadline,
            "it did not come true within {patience:?}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
