//! Whether a child goes along when its parent moves: one table, without I/O.

use super::agenda::When;
use super::ledger::Basis;
use super::source::Source;

/// The fate of child C when parent P leaves the name that C is held below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) place: Place,
    /// Whether the provider is asked where C is.
    pub(crate) ask: Option<When>,
}

impl Verdict {
    /// C stays, by what is known of it, and nothing is asked.
    pub(crate) fn is_certain_to_stay(self) -> bool {
        self.place == Place::Stays && self.ask.is_none()
    }
}

/// Where C is then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below P, wherever P goes.
    Along,
    /// Where it is, and with it all that lies below it.
    Stays,
}

/// Judges child and move by how the child's DN is known and by who says that the parent moves.
///
/// | child \ move | stream | refresh | search |
/// |---|---|---|---|
/// | known | along | along | along |
/// | fresh | along, ask when quiet | stays, ask now | in a group along, ask when quiet; in a refresh stays, ask now |
/// | shown | stays, ask now | stays, ask now | stays, ask now |
/// | stated, found, unsure | stays | stays | stays |
pub(crate) fn order(child: Basis, source: Source) -> Verdict {
    let in_refresh = match source {
        Source::Stream | Source::Hint => false,
        Source::Refresh => true,
        Source::Search { in_refresh } => in_refresh,
    };
    let (place, ask) = match child {
        // A move of its own would be told, and a move of its parent never is.
        Basis::Known => (Place::Along, None),
        // The refresh stage may have read it after the move that only now is told.
        Basis::Fresh if in_refresh => (Place::Stays, Some(When::Now)),
        // As before, but a renamed department has to look right at once.
        Basis::Fresh => (Place::Along, Some(When::Quiet)),
        // The search may have seen it there already.
        Basis::Shown => (Place::Stays, Some(When::Now)),
        // Its own statement says where it is.
        Basis::Stated | Basis::Found | Basis::Unsure => (Place::Stays, None),
    };
    Verdict { place, ask }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Source = Source::Stream;
    const REFRESH: Source = Source::Refresh;
    const IN_GROUP: Source = Source::Search { in_refresh: false };
    const IN_REFRESH: Source = Source::Search { in_refresh: true };

    #[test]
    fn every_cell_of_the_table() {
        const NO: Option<When> = None;
        const NOW: Option<When> = Some(When::Now);
        const QUIET: Option<When> = Some(When::Quiet);
        use Place::{Along, Stays};
        let cells = [
            (Basis::Known, STREAM, Along, NO),
            (Basis::Known, REFRESH, Along, NO),
            (Basis::Known, IN_GROUP, Along, NO),
            (Basis::Known, IN_REFRESH, Along, NO),
            (Basis::Fresh, STREAM, Along, QUIET),
            (Basis::Fresh, REFRESH, Stays, NOW),
            (Basis::Fresh, IN_GROUP, Along, QUIET),
            (Basis::Fresh, IN_REFRESH, Stays, NOW),
            (Basis::Shown, STREAM, Stays, NOW),
            (Basis::Shown, REFRESH, Stays, NOW),
            (Basis::Shown, IN_GROUP, Stays, NOW),
            (Basis::Shown, IN_REFRESH, Stays, NOW),
            (Basis::Stated, REFRESH, Stays, NO),
            (Basis::Stated, IN_REFRESH, Stays, NO),
            (Basis::Found, REFRESH, Stays, NO),
            (Basis::Found, IN_GROUP, Stays, NO),
            (Basis::Found, IN_REFRESH, Stays, NO),
            (Basis::Unsure, STREAM, Stays, NO),
            (Basis::Unsure, REFRESH, Stays, NO),
            (Basis::Unsure, IN_GROUP, Stays, NO),
            (Basis::Unsure, IN_REFRESH, Stays, NO),
        ];
        for (child, source, place, ask) in cells {
            let verdict = order(child, source);
            assert_eq!(verdict, Verdict { place, ask }, "{child:?} {source:?}");
        }
    }
}
