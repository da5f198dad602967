//! How much may be deleted: in one refresh, and within a minute. It only counts; what is deleted,
//! and whether it is really gone, is decided elsewhere.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::store::Tally;

/// So long a delete counts.
const MINUTE: Duration = Duration::from_secs(60);
/// Commits that come closer together are counted as one, so that a busy minute stays small.
const TOGETHER: Duration = Duration::from_millis(100);

/// How much may be deleted, in one refresh and within any minute: what is about to be deleted
/// counts together with what this consumer has deleted in the minute before, in whichever stage and
/// over whichever connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MaxDelete {
    /// Anything but the whole copy by implication.
    #[default]
    NotEverything,
    /// At most so many entries, and not the whole copy by implication.
    Count(u64),
    /// At most so many hundredths of the copy, as it was before the first of the deletes that
    /// count; with 100 nothing is stopped.
    Percent(u8),
}

#[derive(Debug)]
struct Recent {
    at: Instant,
    deleted: u64,
    /// How many records there were before.
    before: u64,
}

/// The deletes of the last minute, and whether more are allowed. It outlives connections.
#[derive(Debug)]
pub(crate) struct DeleteGuard {
    max: MaxDelete,
    /// How many records the copy held at the last commit.
    size: u64,
    recent: VecDeque<Recent>,
    /// In a dry run: what a real one would have been stopped by.
    dry: Option<RefCell<Option<Error>>>,
}

impl DeleteGuard {
    pub(crate) fn new(max: MaxDelete) -> Self {
        DeleteGuard {
            max,
            size: 0,
            recent: VecDeque::new(),
            dry: None,
        }
    }

    /// In a dry run the guard stops nothing, so that all is told that it would have stopped.
    pub(crate) fn dry(mut self, dry: bool) -> Self {
        self.dry = dry.then(RefCell::default);
        self
    }

    /// Stops the stage with this error. In a dry run it only keeps the first one.
    pub(crate) fn stop(&self, error: Error) -> Result<()> {
        let Some(kept) = &self.dry else {
            return Err(error);
        };
        kept.borrow_mut().get_or_insert(error);
        Ok(())
    }

    /// The error that a dry run has kept.
    pub(crate) fn kept(&self) -> Result<()> {
        let kept = self.dry.as_ref().and_then(|kept| kept.borrow_mut().take());
        kept.map_or(Ok(()), Err)
    }

    /// A refresh stage begins with so many records.
    pub(crate) fn counted(&mut self, size: u64) {
        self.size = size;
    }

    /// How many records the copy held at the last commit.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes note of a commit.
    pub(crate) fn committed(&mut self, now: Instant, tally: Tally) {
        let Tally { added, deleted } = tally;
        let before = self.size;
        self.size = (self.size + added).saturating_sub(deleted);
        self.recent.retain(|recent| counts(recent, now));
        if deleted == 0 {
            return;
        }
        match self.recent.back_mut() {
            Some(last) if now.saturating_duration_since(last.at) < TOGETHER => {
                last.deleted += deleted;
            }
            _ => self.recent.push_back(Recent {
                at: now,
                deleted,
                before,
            }),
        }
    }

    /// Whether the open transaction may delete so many, all in all.
    pub(crate) fn check(&self, now: Instant, deletes: u64) -> Result<()> {
        let mut recent = self.recent.iter().filter(|recent| counts(recent, now));
        let first = recent.next();
        let before = first.map_or(self.size, |first| first.before);
        let earlier = first.map_or(0, |first| first.deleted)
            + recent.map(|recent| recent.deleted).sum::<u64>();
        let total = earlier + deletes;
        let (allowed, limit) = match self.max {
            MaxDelete::NotEverything | MaxDelete::Percent(100..) => return Ok(()),
            MaxDelete::Count(count) => (total <= count, count.to_string()),
            MaxDelete::Percent(percent) => (
                u128::from(total) * 100 <= u128::from(before) * u128::from(percent),
                format!("{percent}%"),
            ),
        };
        // The guard allowed the earlier deletes; the end of a minute may not turn that around.
        if allowed || deletes == 0 {
            return Ok(());
        }
        let message = if earlier == 0 {
            format!(
                "the provider deleted {deletes} of {before} entries at once, and {limit} may go; nothing was changed"
            )
        } else {
            format!(
                "the provider deleted {total} of {before} entries within a minute, and {limit} may go; \
                 the last {deletes} of them are still in the copy"
            )
        };
        Err(stopped(message))
    }

    /// Whether the whole copy may go without having been named.
    pub(crate) fn check_everything(&self, deletes: u64) -> Result<()> {
        if matches!(self.max, MaxDelete::Percent(100..)) {
            return Ok(());
        }
        Err(stopped(format!(
            "the provider deleted {deletes} of {deletes} entries by leaving them out; nothing was changed"
        )))
    }
}

fn counts(recent: &Recent, now: Instant) -> bool {
    now.saturating_duration_since(recent.at) < MINUTE
}

fn stopped(message: String) -> Error {
    Error::new(ErrorKind::Guard, message).with_hint(
        "if that is right, allow it once with a higher --max-delete, 100% for everything",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clock(Instant, DeleteGuard);

    impl Clock {
        fn new(max: MaxDelete, size: u64) -> Self {
            let mut guard = DeleteGuard::new(max);
            guard.counted(size);
            Clock(Instant::now(), guard)
        }

        fn passes(&mut self, seconds: u64) {
            self.0 += Duration::from_secs(seconds);
        }

        /// Deletes if it may, with so many adds besides.
        fn deletes(&mut self, deleted: u64, added: u64) -> bool {
            let allowed = self.1.check(self.0, deleted).is_ok();
            if allowed {
                self.1.committed(self.0, Tally { added, deleted });
            }
            allowed
        }
    }

    #[test]
    fn a_minute_counts_and_no_more() {
        let mut clock = Clock::new(MaxDelete::Count(5), 100);
        for _ in 0..5 {
            assert!(clock.deletes(1, 0));
            clock.passes(10);
        }
        // 50 s after the first.
        assert!(!clock.deletes(1, 0));
        clock.passes(9);
        assert!(!clock.deletes(1, 0));
        clock.passes(1);
        assert!(clock.deletes(1, 0), "the first no longer counts");
        assert!(!clock.deletes(1, 0));
        clock.passes(60);
        assert!(!clock.deletes(6, 0));
        assert!(clock.deletes(5, 0));
    }

    #[test]
    fn a_part_is_one_of_the_copy_before_the_first_delete_that_counts() {
        let mut clock = Clock::new(MaxDelete::Percent(10), 100);
        assert!(clock.deletes(5, 0));
        clock.passes(30);
        assert!(clock.deletes(5, 400), "10 of 100, though 95 are left");
        clock.passes(20);
        assert!(!clock.deletes(1, 0), "11 of 100, though 490 are left");
        clock.passes(10);
        assert!(!clock.deletes(5, 0), "10 of the 95 before the second");
        assert!(clock.deletes(4, 0));
        clock.passes(60);
        assert!(clock.deletes(48, 0), "486 are left");
    }

    #[test]
    fn what_may_be_deleted_says_so_in_figures() {
        let mut clock = Clock::new(MaxDelete::Count(3), 9);
        let text = |clock: &Clock, deletes| {
            let error = clock.1.check(clock.0, deletes).expect_err("too many");
            assert_eq!(error.kind(), ErrorKind::Guard);
            assert!(error.hint().is_some_and(|hint| hint.contains("100%")));
            error.to_string()
        };
        assert!(text(&clock, 4).contains("deleted 4 of 9 entries at once, and 3 may go"));
        assert!(clock.deletes(2, 0));
        assert!(text(&clock, 2).contains("deleted 4 of 9 entries within a minute, and 3 may go"));
        assert!(text(&clock, 2).contains("the last 2 of them are still in the copy"));
        assert!(clock.1.check(clock.0, 0).is_ok());
    }

    #[test]
    fn a_hundred_per_cent_stops_nothing() {
        let mut clock = Clock::new(MaxDelete::Percent(100), 10);
        assert!(clock.deletes(10, 10));
        assert!(clock.deletes(10, 10), "more than there were");
        assert!(clock.1.check_everything(10).is_ok());
        assert!(
            Clock::new(MaxDelete::Percent(99), 10)
                .1
                .check_everything(10)
                .is_err()
        );
    }

    #[test]
    fn a_busy_minute_stays_small() {
        let mut clock = Clock::new(MaxDelete::Count(1_000_000), 1_000_000);
        for _ in 0..20_000 {
            assert!(clock.deletes(1, 0));
            clock.0 += Duration::from_millis(5);
        }
        assert!(clock.1.recent.len() <= 601, "{}", clock.1.recent.len());
        let counted: u64 = clock.1.recent.iter().map(|recent| recent.deleted).sum();
        assert!((11_980..=12_020).contains(&counted), "{counted}");
    }
}
