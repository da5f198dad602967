//! The moments at which the engine has to act, as one table: which comes next, and which has come.
//! `turn` acts on them.

use std::time::Instant;

/// The deadlines. Of two at the same moment, the upper one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The engine waits no longer for the answer to its Cancel.
    Cancel,
    /// A full comparison: the refresh begins anew without a cookie.
    Reconcile,
    /// The persist stage has surely begun: the engine checks whether the provider left out a change
    /// before it.
    Gap,
    /// The engine asks for the hidden parents.
    Soon,
    /// The engine asks the questions that wait until the provider is quiet.
    Quiet,
    /// The engine searches for values that no provider tells.
    Derived,
    /// The store copies its log, while there is nothing else to do.
    LogCopy,
    /// The engine sends a heartbeat, or the last one was not answered in time.
    Heartbeat,
    /// The engine asks for the provider's newest change, although the provider is never silent.
    Newest,
    /// The state of the run is written for others to see.
    Report,
    /// The provider was silent for too long in a refresh stage.
    Silence,
}

impl Due {
    const ALL: [Due; 11] = [
        Due::Cancel,
        Due::Reconcile,
        Due::Gap,
        Due::Soon,
        Due::Quiet,
        Due::Derived,
        Due::LogCopy,
        Due::Heartbeat,
        Due::Newest,
        Due::Report,
        Due::Silence,
    ];

    /// Whether the engine waits for it in this phase. In other phases the table keeps its moment.
    fn counts_in(self, phase: Phase) -> bool {
        use Due::{
            Cancel, Derived, Gap, Heartbeat, LogCopy, Newest, Quiet, Reconcile, Report, Silence,
            Soon,
        };
        match self {
            Cancel => phase == Phase::Cancelled,
            Report => phase != Phase::Cancelled,
            Silence => matches!(phase, Phase::Refresh { .. }),
            LogCopy => matches!(
                phase,
                Phase::Refresh { open: false } | Phase::Persist { open: false }
            ),
            // The open group ends first.
            Soon | Quiet | Derived => phase == Phase::Persist { open: false },
            Reconcile | Gap | Heartbeat | Newest => matches!(phase, Phase::Persist { .. }),
        }
    }

    /// Whether it holds only if nothing came until now. The engine then first reads what has
    /// arrived.
    fn needs_silence(self) -> bool {
        matches!(self, Due::LogCopy | Due::Heartbeat | Due::Silence)
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The refresh stage, with its transaction open or not yet.
    Refresh { open: bool },
    /// The persist stage, with a group of changes open or none.
    Persist { open: bool },
    /// The persist stage, after the Cancel was sent.
    Cancelled,
}

/// The table: a moment for each, or none.
#[derive(Debug, Default)]
pub(super) struct Deadlines([Option<Instant>; Due::ALL.len()]);

impl Deadlines {
    /// Sets the moment of `due`, or removes it with `None`.
    pub(super) fn set(&mut self, due: Due, at: Option<Instant>) {
        self.0[due as usize] = at;
    }

    /// Sets the moment of `due`, unless it has one.
    pub(super) fn set_first(&mut self, due: Due, at: Instant) {
        self.0[due as usize].get_or_insert(at);
    }

    pub(super) fn is_set(&self, due: Due) -> bool {
        self.0[due as usize].is_some()
    }

    /// The earliest moment that counts in this phase.
    pub(super) fn next(&self, phase: Phase) -> Option<Instant> {
        self.earliest(|due| due.counts_in(phase)).map(|(at, _)| at)
    }

    /// Removes and returns the earliest that counts in this phase and has come by `now`. Deadlines
    /// that need silence stay, unless it was `silent` until now.
    pub(super) fn take(&mut self, phase: Phase, now: Instant, silent: bool) -> Option<Due> {
        let may_come = |due: Due| due.counts_in(phase) && (silent || !due.needs_silence());
        let (at, due) = self.earliest(may_come)?;
        if now < at {
            return None;
        }
        self.set(due, None);
        Some(due)
    }

    fn earliest(&self, counts: impl Fn(Due) -> bool) -> Option<(Instant, Due)> {
        Due::ALL
            .into_iter()
            .filter(|due| counts(*due))
            .filter_map(|due| self.0[due as usize].map(|at| (at, due)))
            .min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const REFRESH: Phase = Phase::Refresh { open: true };
    const PERSIST: Phase = Phase::Persist { open: false };
    const GROUP: Phase = Phase::Persist { open: true };

    fn all(at: Instant) -> Deadlines {
        Deadlines([Some(at); Due::ALL.len()])
    }

    /// All deadlines that have come by `now`, in order.
    fn taken(mut deadlines: Deadlines, phase: Phase, now: Instant, silent: bool) -> Vec<Due> {
        std::iter::from_fn(|| deadlines.take(phase, now, silent)).collect()
    }

    #[test]
    fn the_table_has_a_place_for_each() {
        for (place, due) in Due::ALL.into_iter().enumerate() {
            assert_eq!(due as usize, place);
        }
    }

    #[test]
    fn each_phase_has_its_own() {
        let now = Instant::now();
        let count = |phase| taken(all(now), phase, now, true);
        assert_eq!(count(REFRESH), [Due::Report, Due::Silence]);
        assert_eq!(
            count(Phase::Refresh { open: false }),
            [Due::LogCopy, Due::Report, Due::Silence]
        );
        assert_eq!(
            count(GROUP),
            [
                Due::Reconcile,
                Due::Gap,
                Due::Heartbeat,
                Due::Newest,
                Due::Report
            ]
        );
        assert_eq!(
            count(PERSIST),
            [
                Due::Reconcile,
                Due::Gap,
                Due::Soon,
                Due::Quiet,
                Due::Derived,
                Due::LogCopy,
                Due::Heartbeat,
                Due::Newest,
                Due::Report
            ]
        );
        assert_eq!(count(Phase::Cancelled), [Due::Cancel]);
    }

    #[test]
    fn silence_is_not_concluded_before_what_arrived_is_read() {
        let now = Instant::now();
        let heard = taken(all(now), PERSIST, now, false);
        let now_or_never = [
            Due::Reconcile,
            Due::Gap,
            Due::Soon,
            Due::Quiet,
            Due::Derived,
            Due::Newest,
            Due::Report,
        ];
        assert_eq!(heard, now_or_never);
        assert_eq!(taken(all(now), REFRESH, now, false), [Due::Report]);
        // A provider may go on telling for ever after the Cancel.
        let cancelled = taken(all(now), Phase::Cancelled, now, false);
        assert_eq!(cancelled, [Due::Cancel]);
    }

    #[test]
    fn the_earliest_comes_next_and_is_taken_once() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut deadlines = Deadlines::default();
        assert_eq!(deadlines.next(PERSIST), None);
        deadlines.set(Due::Soon, Some(later));
        deadlines.set(Due::Heartbeat, Some(now));
        assert_eq!(deadlines.next(PERSIST), Some(now));
        assert_eq!(deadlines.take(PERSIST, now, true), Some(Due::Heartbeat));
        assert_eq!(deadlines.take(PERSIST, now, true), None);
        assert_eq!(deadlines.next(PERSIST), Some(later));
        assert_eq!(deadlines.take(PERSIST, later, false), Some(Due::Soon));
        assert_eq!(deadlines.next(PERSIST), None);
    }

    #[test]
    fn a_question_waits_for_the_end_of_the_group() {
        let now = Instant::now();
        let mut deadlines = Deadlines::default();
        deadlines.set(Due::Quiet, Some(now));
        assert_eq!(deadlines.next(GROUP), None);
        assert_eq!(deadlines.take(GROUP, now, true), None);
        assert_eq!(deadlines.take(PERSIST, now, true), Some(Due::Quiet));
    }

    #[test]
    fn the_first_moment_stays() {
        let now = Instant::now();
        let mut deadlines = Deadlines::default();
        deadlines.set_first(Due::Soon, now);
        deadlines.set_first(Due::Soon, now + Duration::from_secs(1));
        assert_eq!(deadlines.next(PERSIST), Some(now));
        deadlines.set(Due::Soon, None);
        assert!(!deadlines.is_set(Due::Soon));
    }
}
