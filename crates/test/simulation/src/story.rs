//! Reads a history from text: one event a line, in a few words.
//!
//! The first line names the kind of provider and the consumer's search: `unknown`, `slapd`,
//! `slapd-without-log` or `389`, then `persist` or `refresh`, and any of `filtered`, `hidden`,
//! `unsearchable`, `computed`, `alike`, `bulk`. Each further line is one of
//!
//! | line | what happens |
//! |---|---|
//! | `add P cn=a` | the directory gets entry P; DNs are below the base, or end in `,out` to lie outside |
//! | `add P cn=a hidden` | the same, and the filter hides it; `denied`: access rules do; `subentry`: no search shows it |
//! | `move P cn=b,cn=c` | P gets another name or parent, and takes its subtree along |
//! | `modify P`, `hide P`, `show P`, `delete P` | |
//! | `connect`, `connect without cookie` | the consumer starts, and sends its search |
//! | `send C P`, `send C as of start` | the provider sends entries as they are now, or as they were at a moment |
//! | `moment NAME` | gives this moment a name |
//! | `present C P`, `deleted C P` | the provider sends a set of ids |
//! | `cookie`, `phase done` | the provider sends a cookie, or ends a present phase |
//! | `done`, `done present`, `done without cookie` | the provider ends the refresh stage |
//! | `tell`, `tell 3` | the provider tells the next change, or changes, of the persist stage |
//! | `--` | the provider waits until the consumer has read everything |
//! | `at search: move P cn=b; delete C` | changes that come before the provider answers the next plain search |
//! | `quiet 3` | the provider is silent for so many seconds |
//! | `refresh required`, `cut` | the provider asks for a refresh without a cookie, or cuts the connection |
//! | `leave` | the consumer ends |
//! | `copy C cn=d,cn=b`, `copy C gone` | the DN of the entry in the copy, once the consumer has ended |
//!
//! A `#` begins a comment. `base` is the entry at the base of the search.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::directory::{INSIDE, Id, OUTSIDE};
use crate::script::{Deed, Step};

/// A history: its entries and its events.
#[derive(Debug, Default)]
pub struct Story {
    /// The words of the first line.
    pub setting: Vec<String>,
    pub acts: Vec<Act>,
    names: BTreeMap<String, Id>,
}

/// One life of the consumer, or an event between two lives.
#[derive(Debug)]
pub enum Act {
    Change(Deed),
    Live {
        full: bool,
        steps: Vec<Step>,
    },
    /// The copy has to hold the entry under this DN, or not at all.
    Copy {
        id: Id,
        dn: Option<String>,
    },
}

impl Story {
    /// Reads a history.
    ///
    /// # Errors
    /// A line is none of those above.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut story = Story::default();
        story.names.insert("base".to_owned(), INSIDE);
        let mut life = None;
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if story.setting.is_empty() {
                story.setting = line.split_whitespace().map(str::to_owned).collect();
                continue;
            }
            story
                .line(line, &mut life)
                .ok_or_else(|| format!("no history says {line:?}"))?;
        }
        story.end_life(&mut life);
        Ok(story)
    }

    fn end_life(&mut self, life: &mut Option<(bool, Vec<Step>)>) {
        if let Some((full, steps)) = life.take() {
            self.acts.push(Act::Live { full, steps });
        }
    }

    fn line(&mut self, line: &str, life: &mut Option<(bool, Vec<Step>)>) -> Option<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["connect", rest @ ..] => {
                self.end_life(life);
                *life = Some((rest == ["without", "cookie"], Vec::new()));
            }
            ["leave"] => self.end_life(life),
            ["copy", name, dn] => {
                self.end_life(life);
                let dn = (*dn != "gone").then(|| (*dn).to_owned());
                let id = self.id(name)?;
                self.acts.push(Act::Copy { id, dn });
            }
            words => match life {
                Some((_, steps)) => steps.extend(self.steps(line, words)?),
                None => {
                    let deed = self.deed(words)?;
                    self.acts.push(Act::Change(deed));
                }
            },
        }
        Some(())
    }

    fn steps(&mut self, line: &str, words: &[&str]) -> Option<Vec<Step>> {
        Some(vec![match words {
            ["--"] => Step::Pause,
            ["moment", name] => Step::Moment((*name).to_owned()),
            ["send", names @ .., "as", "of", moment] => Step::Send {
                ids: self.ids(names)?,
                as_of: Some((*moment).to_owned()),
            },
            ["send", names @ ..] => Step::Send {
                ids: self.ids(names)?,
                as_of: None,
            },
            ["present", names @ ..] => Step::Ids {
                ids: self.ids(names)?,
                deleted: false,
            },
            ["deleted", names @ ..] => Step::Ids {
                ids: self.ids(names)?,
                deleted: true,
            },
            ["cookie"] => Step::Cookie,
            ["phase", "done"] => Step::PhaseDone,
            ["done", how @ ..] => Step::Done {
                present: how == ["present"],
                cookie: how != ["without", "cookie"],
            },
            ["tell"] => Step::Tell,
            ["tell", count] => return Some(vec![Step::Tell; count.parse().ok()?]),
            ["at", "search:", ..] => {
                let deeds = line.strip_prefix("at search:")?.split(';');
                let deeds = deeds.map(|deed| {
                    let words: Vec<&str> = deed.split_whitespace().collect();
                    self.deed(&words)
                });
                Step::AtSearch(deeds.collect::<Option<_>>()?)
            }
            ["at", "search"] => Step::AtSearch(Vec::new()),
            ["quiet", seconds] => Step::Quiet(Duration::from_secs_f64(seconds.parse().ok()?)),
            ["refresh", "required"] => Step::RefreshRequired,
            ["cut"] => Step::Cut,
            words => Step::Change(self.deed(words)?),
        }])
    }

    fn deed(&mut self, words: &[&str]) -> Option<Deed> {
        Some(match words {
            ["add", name, dn, kind @ ..] => {
                let known = ["hidden", "denied", "subentry"];
                if kind.len() > 1 || kind.iter().any(|kind| !known.contains(kind)) {
                    return None;
                }
                let next = OUTSIDE + u32::try_from(self.names.len()).ok()?;
                if self.names.insert((*name).to_owned(), next).is_some() {
                    return None;
                }
                Deed::Add {
                    id: next,
                    dn: (*dn).to_owned(),
                    kind: kind.first().map(|kind| (*kind).to_owned()),
                }
            }
            ["move", name, dn] => Deed::Move {
                id: self.id(name)?,
                dn: (*dn).to_owned(),
            },
            ["modify", name] => Deed::Text(self.id(name)?, 1),
            ["hide", name] => Deed::Keep(self.id(name)?, false),
            ["show", name] => Deed::Keep(self.id(name)?, true),
            ["delete", name] => Deed::Delete(self.id(name)?),
            _ => return None,
        })
    }

    fn id(&self, name: &str) -> Option<Id> {
        self.names.get(name).copied()
    }

    fn ids(&self, names: &[&str]) -> Option<Vec<Id>> {
        names.iter().map(|name| self.id(name)).collect()
    }

    /// The number of each named entry, for the trace.
    pub fn cast(&self) -> String {
        let names = self.names.iter().map(|(name, id)| format!(" {name}={id}"));
        names.collect()
    }
}
