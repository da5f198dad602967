//! What one sink is told: which entries, which attributes, under which names, and which values never.

use syncrepl_proto::secret;

use crate::event::{Attribute, Event};

/// What one sink is told. By default everything but the values of secret attributes.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// The secret attributes whose values it is told all the same, in lower case, without options.
    pub unmask: Vec<String>,
}

/// What becomes of the event of a row.
#[derive(Debug)]
#[allow(dead_code, reason = "filters of a sink are to come")]
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
    pub(crate) fn of_change(&self, mut event: Event) -> Shaped {
        self.mask(&mut event);
        Shaped::Tell(Box::new(event))
    }

    /// The state of an entry, or its absence, as the sink is told it. `None`: the sink has no such entry.
    pub(crate) fn of_state(&self, mut event: Event) -> Option<Event> {
        self.mask(&mut event);
        Some(event)
    }

    /// Whether [`of_change`](Self::of_change) may ever ask for the state of now.
    pub(crate) fn may_need_now(&self) -> bool {
        false
    }

    fn mask(&self, event: &mut Event) {
        let mut masked = std::mem::take(&mut event.masked);
        if let Some(attrs) = &mut event.attrs {
            // The journal keeps a secret attribute without its values; a record of the copy has them.
            attrs.retain(|Attribute { name, values }| {
                let keep = !self.masks(name) && !values.is_empty();
                if !keep {
                    masked.push(name.clone());
                }
                keep
            });
        }
        for change in &mut event.changes {
            if change.masked || self.masks(&change.name) {
                change.masked = true;
                (change.added, change.removed) = (Vec::new(), Vec::new());
            }
        }
        event.masked = masked;
    }

    fn masks(&self, name: &str) -> bool {
        let plain = secret::without_options(name).to_ascii_lowercase();
        secret::is_secret(name) && !self.unmask.contains(&plain)
    }
}
