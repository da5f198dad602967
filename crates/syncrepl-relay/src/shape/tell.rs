//! Takes out of an event what the sink is not told, and puts in the names that it knows.

use super::Shape;
use super::settings::DataForm;
use crate::event::{Attribute, Event, EventKind, ValueChange};

impl Shape {
    /// The event as the sink is told it.
    pub(super) fn tell(&self, mut event: Event) -> Event {
        event.dn = event.dn.map(|dn| self.fates.dn(dn));
        event.old_dn = event.old_dn.map(|dn| self.fates.dn(dn));
        if self.data == DataForm::Ids {
            event.changes = Vec::new();
        }
        let is_change = matches!(event.kind, EventKind::Changed | EventKind::Renamed);
        let with_attrs = match self.data {
            DataForm::Full => true,
            DataForm::Changes => !is_change,
            DataForm::Ids => false,
        };
        if !with_attrs {
            event.attrs = None;
            (event.omitted, event.masked) = (Vec::new(), Vec::new());
        }
        let changes = event.changes.into_iter();
        event.changes = changes.filter_map(|change| self.change(change)).collect();
        self.tell_attributes(&mut event);
        event
    }

    fn change(&self, change: ValueChange) -> Option<ValueChange> {
        let fate = self.fates.of(&change.name);
        let name = fate.name(change.name);
        fate.told.then_some(match change.masked || fate.hidden {
            false => ValueChange { name, ..change },
            true => ValueChange {
                name,
                masked: true,
                added: Vec::new(),
                removed: Vec::new(),
            },
        })
    }

    /// The attributes with their values, and beside them the names of those whose values are not told.
    fn tell_attributes(&self, event: &mut Event) {
        let mut masked = Vec::new();
        let mut mask = |name: String| {
            if !masked.contains(&name) {
                masked.push(name);
            }
        };
        for name in std::mem::take(&mut event.masked) {
            let fate = self.fates.of(&name);
            if fate.told {
                mask(fate.name(name));
            }
        }
        for name in std::mem::take(&mut event.omitted) {
            let fate = self.fates.of(&name);
            match (fate.told, fate.hidden) {
                (false, _) => {}
                (true, true) => mask(fate.name(name)),
                (true, false) => event.omitted.push(fate.name(name)),
            }
        }
        if let Some(attrs) = event.attrs.take() {
            let mut told = Vec::with_capacity(attrs.len());
            for Attribute { name, values } in attrs {
                let fate = self.fates.of(&name);
                if !fate.told {
                    continue;
                }
                let name = fate.name(name);
                // The journal keeps a secret attribute without its values; a record of the copy has them.
                match fate.hidden || values.is_empty() {
                    true => mask(name),
                    false => told.push(Attribute { name, values }),
                }
            }
            event.attrs = Some(told);
        }
        event.masked = masked;
    }
}
