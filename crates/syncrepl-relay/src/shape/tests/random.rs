//! Random histories of one entry, and a receiver that knows nothing but what it is told.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use uuid::Uuid;

use super::changes::event;
use super::model::{self, Entry, NUMBER, SECRET, Test, Values};
use crate::event::{Attribute, Event, EventKind};
use crate::shape::{DataForm, Shape, ShapeSettings, Shaped};

type Checked = Result<(), TestCaseError>;

/// A state of the entry, whether the row that leads to it is large, and how many rows the relay is behind when it
/// reads that row.
type Step = (Option<Entry>, bool, usize);

#[derive(Debug)]
struct Case {
    when: Option<Test>,
    settings: ShapeSettings,
    steps: Vec<Step>,
}

fn case() -> impl Strategy<Value = Case> {
    let step = (
        proptest::option::weighted(0.8, model::entry()),
        proptest::bool::weighted(0.15),
        0..3usize,
    );
    let steps = proptest::collection::vec(step, 1..8);
    let when = proptest::option::weighted(0.8, model::filter());
    (when, steps).prop_flat_map(|(when, steps)| {
        let settings = model::settings(when.as_ref());
        settings.prop_map(move |settings| Case {
            when: when.clone(),
            settings,
            steps: steps.clone(),
        })
    })
}

/// What the receiver holds of the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    dn: Option<String>,
    values: Values,
}

struct Receiver<'a> {
    settings: &'a ShapeSettings,
    held: Option<Held>,
}

impl Receiver<'_> {
    /// Applies an event of a row, which has to fit.
    fn take(&mut self, event: &Event) -> Checked {
        self.check_text(event)?;
        let full = self.settings.data == DataForm::Full;
        match event.kind {
            EventKind::Added => {
                prop_assert_eq!(&self.held, &None, "added twice");
                self.hold(event);
            }
            EventKind::Changed | EventKind::Renamed => {
                let held = self.held.as_mut();
                let held = held.ok_or_else(|| TestCaseError::fail("a change of nothing"))?;
                if let Some(old_dn) = &event.old_dn {
                    prop_assert_eq!(Some(old_dn), held.dn.as_ref());
                }
                held.dn.clone_from(&event.dn);
                apply(event, &mut held.values);
                if let Some(attrs) = &event.attrs {
                    prop_assert!(full);
                    prop_assert_eq!(&of_attributes(attrs), &held.values);
                }
                let is_empty = event.kind == EventKind::Changed && event.changes.is_empty();
                prop_assert!(
                    !is_empty || self.settings.data == DataForm::Ids,
                    "nothing changed"
                );
            }
            EventKind::Deleted => {
                let held = self.held.take();
                let held = held.ok_or_else(|| TestCaseError::fail("nothing is deleted"))?;
                prop_assert_eq!(&event.dn, &held.dn);
                if let Some(attrs) = &event.attrs {
                    prop_assert_eq!(of_attributes(attrs), held.values);
                }
            }
            _ => prop_assert!(false, "{:?} of a row", event.kind),
        }
        Ok(())
    }

    /// Applies the state of now.
    fn take_state(&mut self, event: Option<&Event>) -> Checked {
        self.held = None;
        if let Some(event) = event {
            self.check_text(event)?;
            prop_assert_eq!(event.kind, EventKind::Snapshot);
            self.hold(event);
        }
        Ok(())
    }

    fn hold(&mut self, event: &Event) {
        self.held = Some(Held {
            dn: event.dn.clone(),
            values: of_attributes(event.attrs.as_deref().unwrap_or_default()),
        });
    }

    /// What is masked is nowhere in what a sink is sent.
    fn check_text(&self, event: &Event) -> Checked {
        let json = event.to_json(Uuid::nil());
        for (name, canary) in [("employeeNumber", NUMBER), ("userPassword", SECRET)] {
            let hidden = model::is_hidden(name, self.settings);
            prop_assert!(!hidden || !json.contains(canary), "{json}");
        }
        Ok(())
    }
}

fn of_attributes(attrs: &[Attribute]) -> Values {
    let values = attrs.iter().map(|attribute| {
        let values = attribute.values.iter().map(|value| text(value)).collect();
        (attribute.name.clone(), values)
    });
    values.collect()
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn apply(event: &Event, values: &mut Values) {
    for change in &event.changes {
        let of = values.entry(change.name.clone()).or_default();
        let removed: Vec<String> = change.removed.iter().map(|value| text(value)).collect();
        of.retain(|value| !removed.contains(value));
        of.extend(change.added.iter().map(|value| text(value)));
    }
    values.retain(|_, values| !values.is_empty());
}

impl Case {
    /// What the receiver has to hold.
    fn wanted(&self, entry: Option<&Entry>) -> Option<Held> {
        let entry = entry?;
        let when = self.when.as_ref();
        when.is_none_or(|when| when.of(entry, &self.settings))
            .then(|| Held {
                dn: Some(model::seen_dn(&entry.dn, &self.settings)),
                values: match self.settings.data {
                    DataForm::Ids => Values::new(),
                    _ => model::seen(&entry.values, &self.settings).0,
                },
            })
    }

    /// The event has all that the settings promise, and no more.
    fn check_event(&self, event: &Event, entry: &Entry) -> Checked {
        if let (Some(_), EventKind::Added | EventKind::Changed | EventKind::Snapshot) =
            (&event.attrs, event.kind)
        {
            let masked: BTreeSet<String> = event.masked.iter().cloned().collect();
            prop_assert_eq!(masked, model::seen(&entry.values, &self.settings).1);
        }
        Ok(())
    }

    fn run(&self) -> Checked {
        let Ok(shape) = Shape::new(&self.settings) else {
            return Ok(());
        };
        let mut receiver = Receiver {
            settings: &self.settings,
            held: None,
        };
        let (mut at, mut old) = (0, None);
        while let Some((new, large, behind)) = self.steps.get(at) {
            let mut new = new.as_ref();
            let row = model::row(old, new, *large, &self.settings);
            match row.map(|row| shape.of_change(row)) {
                None | Some(Shaped::Nothing) => {}
                Some(Shaped::Tell(event)) => {
                    receiver.take(&event)?;
                    if let Some(entry) = new {
                        self.check_event(&event, entry)?;
                    }
                }
                Some(Shaped::Now) => {
                    prop_assert!(shape.may_need_now());
                    at = (at + behind).min(self.steps.len() - 1);
                    new = self.steps[at].0.as_ref();
                    let state = new.and_then(|entry| shape.of_state(model::state(entry)));
                    if state.is_none() {
                        let gone = shape.of_state(event(EventKind::Deleted, model::DN));
                        let gone =
                            gone.ok_or_else(|| TestCaseError::fail("its absence is not told"))?;
                        receiver.check_text(&gone)?;
                    }
                    receiver.take_state(state.as_ref())?;
                    if let (Some(state), Some(entry)) = (&state, new) {
                        self.check_event(state, entry)?;
                    }
                }
            }
            prop_assert_eq!(&receiver.held, &self.wanted(new), "after step {}", at);
            (at, old) = (at + 1, new);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn receiver_holds_what_matches_with_the_attributes_that_it_may_have(case in case()) {
        case.run()?;
    }

    /// Whatever the text of `when`, and whatever the names of attributes.
    #[test]
    fn any_text_is_refused_or_works(when in "\\(?[(&|!]{0,3}[a-z:;]{1,4}[:>~]?=[*a\\\\(]{0,3}\\){0,4}", name in "[a-zA-Z;.0-9*]{0,4}") {
        let settings = ShapeSettings {
            when: Some(when),
            only: Some(vec![name.clone()]),
            mask: vec![name],
            ..ShapeSettings::default()
        };
        if let Ok(shape) = Shape::new(&settings) {
            let _ = shape.of_change(event(EventKind::Renamed, "a=a,b"));
            prop_assert!(shape.fingerprint().contains("mask="));
        }
    }
}
