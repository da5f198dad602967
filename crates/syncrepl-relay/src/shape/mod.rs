//! What one sink is told: which entries, which attributes, under which names, and which values never.
//!
//! `settings` is what a configuration says, `build` checks it, `error` says what is wrong with it. `fate` is what
//! becomes of each attribute. `when` knows which entries are the sink's: those that a filter matches. `tell`
//! takes out of an event what the sink is not told. `fingerprint` puts all of that into one text.

mod build;
mod error;
mod fate;
mod fingerprint;
mod settings;
mod tell;
mod when;

#[cfg(test)]
mod tests;

pub use error::ShapeError;
pub use settings::{DataForm, ShapeSettings};

use crate::event::{Event, EventKind};
use fate::Fates;
use when::{Verdict, When};

/// What one sink is told. By default everything but the values of secret attributes.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// `None`: every entry is the sink's.
    when: Option<When>,
    fates: Fates,
    data: DataForm,
}

/// What becomes of the event of a row.
#[derive(Debug)]
pub(crate) enum Shaped {
    /// The sink is told this.
    Tell(Box<Event>),
    /// The sink is told nothing.
    Nothing,
    /// The row does not hold enough to say: the sink is told the state of now.
    Now,
}

impl Shape {
    /// A change as the sink is told it.
    pub(crate) fn of_change(&self, event: Event) -> Shaped {
        let verdict = match &self.when {
            None => Verdict::Inside,
            Some(when) => when.of_change(&event, &self.fates),
        };
        let event = match verdict {
            Verdict::Unknown => return Shaped::Now,
            Verdict::Outside => return Shaped::Nothing,
            Verdict::Inside => event,
            Verdict::Enters => when::entered(event),
            Verdict::Leaves(old) => when::left(event, old),
        };
        if !self.concerns(&event) {
            return Shaped::Nothing;
        }
        if self.lacks(&event) {
            return Shaped::Now;
        }
        Shaped::Tell(Box::new(self.tell(event)))
    }

    /// The state of an entry, or its absence, as the sink is told it. `None`: the entry is none of the sink's.
    pub(crate) fn of_state(&self, mut event: Event) -> Option<Event> {
        if let Some(when) = &self.when {
            match event.kind {
                // Perhaps the sink never heard of it. Then its name is not the sink's to know.
                EventKind::Deleted => event.dn = None,
                _ if when.of_state(&event, &self.fates) => {}
                _ => return None,
            }
        }
        Some(self.tell(event))
    }

    /// Whether [`of_change`](Self::of_change) may ever ask for the state of now.
    pub(crate) fn may_need_now(&self) -> bool {
        self.when.is_some() || self.data != DataForm::Ids
    }

    /// The attributes that `when` tests, in lower case. An entry of which the copy does not hold them is never the
    /// sink's, or always.
    pub fn tested(&self) -> Vec<String> {
        self.when.as_ref().map(When::names).unwrap_or_default()
    }

    /// Whether anything happened that the sink is told of: an entry that comes, goes or moves is told whatever
    /// `only` says.
    fn concerns(&self, event: &Event) -> bool {
        event.kind != EventKind::Changed
            || !self.fates.limited()
            || event
                .changes
                .iter()
                .any(|change| self.fates.of(&change.name).told)
    }

    /// Whether the event is all that the sink hears of an entry, and the row holds only a part of that.
    fn lacks(&self, event: &Event) -> bool {
        let wanted = event.kind == EventKind::Added && self.data != DataForm::Ids;
        let omits = |name: &String| {
            let fate = self.fates.of(name);
            fate.told && !fate.hidden
        };
        wanted && (event.attrs.is_none() || event.omitted.iter().any(omits))
    }
}
