//! What a provider shows before a sync search, by which its answer is judged: `left_out` and `plain` look, and
//! judge.

use crate::connection::{Counts, Kept};

/// What a provider showed of its changelog before a sync search. The default is a provider without
/// one that could leave changes out.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    pub(super) kept: Option<Kept>,
    /// When the provider was started, if it shows that.
    pub(super) started: Option<String>,
    pub(super) counts: Option<Counts>,
    /// What it showed before the last refresh.
    pub(super) before: Option<Before>,
}

/// What a provider showed before the last refresh.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) started: String,
    pub(super) counts: Option<Counts>,
}

/// What happened between two readings of the counters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Between {
    Nothing,
    /// As many changes were kept as were made.
    AllKept,
    /// More was written than kept.
    LessKept {
        written: u64,
        kept: u64,
    },
    /// The counters do not say, or began anew.
    Unclear,
}

impl Coverage {
    /// Whether the configuration says that all changes since the last refresh were kept, or there is
    /// none.
    pub(super) fn is_whole(&self) -> bool {
        match self.kept {
            None => true,
            Some(Kept::All) => self.before.is_some(),
            Some(Kept::Some(_) | Kept::Unknown) => false,
        }
    }

    /// Compares the counters with those from before the last refresh. They began anew with each start.
    pub(super) fn since_last_refresh(&self) -> Between {
        let before = self.before.as_ref();
        let before = before.filter(|before| Some(&before.started) == self.started.as_ref());
        match (before.and_then(|before| before.counts), self.counts) {
            (Some(before), Some(now)) => between(before, now),
            _ => Between::Unclear,
        }
    }
}

/// Compares two readings. Requests that fail may count writes down, and are counted as requests. What a
/// provider writes by itself is no request. So both counters have to agree with the changelog.
pub(super) fn between(before: Counts, now: Counts) -> Between {
    let since = |before: u64, now: u64| now.wrapping_sub(before);
    let requests = since(before.requests, now.requests);
    let kept = since(before.kept, now.kept);
    let writes = match (before.writes, now.writes) {
        (Some(before), Some(now)) => Some(since(before, now)),
        (None, None) => None,
        _ => return Between::Unclear,
    };
    match writes {
        _ if requests == 0 && kept == 0 && writes.unwrap_or(0) == 0 => Between::Nothing,
        Some(writes) if writes == kept && requests <= kept => Between::AllKept,
        None if requests == kept => Between::AllKept,
        _ => {
            // A number below its predecessor is no count of writes.
            let counted = writes.map_or(requests, |writes| match writes > u64::MAX / 2 {
                true => 0,
                false => writes,
            });
            match counted > kept {
                true => Between::LessKept {
                    written: counted,
                    kept,
                },
                false => Between::Unclear,
            }
        }
    }
}

/// What a plain search showed before the sync search. Empty if the provider does not show it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The CSNs of the newest changes.
    pub(super) newest: Vec<Vec<u8>>,
    /// The DN of an entry that is newer than all of them: the provider does not count its changes.
    pub(super) uncounted: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(requests: u64, writes: Option<u64>, kept: u64) -> Counts {
        Counts {
            requests,
            writes,
            kept,
        }
    }

    #[test]
    fn both_counters_have_to_agree_with_the_changelog() {
        use Between::{AllKept, LessKept, Nothing, Unclear};
        let without = counts(10, None, 7);
        for (requests, kept, said) in [
            (0, 0, Nothing),
            (3, 3, AllKept),
            (
                3,
                1,
                LessKept {
                    written: 3,
                    kept: 1,
                },
            ),
            // The provider wrote by itself, as memberOf does.
            (1, 3, Unclear),
        ] {
            let now = counts(10 + requests, None, 7 + kept);
            assert_eq!(between(without, now), said, "{requests} {kept}");
        }
        let with = counts(10, Some(u64::MAX), 7);
        for (requests, writes, kept, said) in [
            (0, 0, 0, Nothing),
            (1, 3, 3, AllKept),
            (
                2,
                2,
                0,
                LessKept {
                    written: 2,
                    kept: 0,
                },
            ),
            // One write was left out, and one request failed.
            (2, 0, 0, Unclear),
            // Only failed requests.
            (1, -1, 0, Unclear),
            // The provider wrote by itself, and that was left out.
            (
                0,
                1,
                0,
                LessKept {
                    written: 1,
                    kept: 0,
                },
            ),
        ] {
            let writes = u64::MAX.wrapping_add_signed(writes);
            let now = counts(10 + requests, Some(writes), 7 + kept);
            assert_eq!(between(with, now), said, "{requests} {writes} {kept}");
        }
        assert_eq!(between(without, with), Unclear);
    }
}
