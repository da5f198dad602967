//! A reader of the command's JSON that keeps a map by DN and follows the reading rule: lines since
//! the last `commit` or `start` are provisional. They are applied at the `commit` or `start` that
//! names their commit, dropped at a `start` that names the one before; at anything else the reader
//! has to begin anew.
//!
//! It trusts nothing: an event that such a map cannot apply is a violation, and so is one that
//! tells of nothing.

mod history;
mod map;
mod values;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value;

use crate::judge::{self, Attributes, Directory, Entry};
use crate::strict::StrictMap;
use history::{Fate, Marker, Place};

/// A change, as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the JSON")]
pub enum Change {
    Add {
        dn: String,
        attrs: Attributes,
    },
    Rename {
        old_dn: String,
        dn: String,
    },
    Change {
        dn: String,
        old: Attributes,
        attrs: Attributes,
    },
    /// A change by its values, as `--changes` tells it.
    Values {
        dn: String,
        removed: Attributes,
        added: Attributes,
    },
    Delete {
        dn: String,
        old: Attributes,
    },
}

/// A change and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The number of the line, from 1.
    pub line: usize,
    /// The entryUUID, in lower case.
    pub uuid: String,
    /// The change.
    pub change: Change,
}

/// The reader. Feed it lines, then [`Reader::assert_clean`].
#[derive(Debug, Default, Clone)]
pub struct Reader {
    line: usize,
    place: Place,
    lost: Option<String>,
    map: StrictMap<String, Held>,
    dn_of: BTreeMap<String, String>,
    pending: Vec<Pending>,
    torn: Option<String>,
    committed: Vec<Event>,
    deletes: Vec<(String, String, usize)>,
    violations: Vec<String>,
}

#[derive(Debug, Clone)]
struct Held {
    uuid: String,
    attrs: Attributes,
}

#[derive(Debug, Clone)]
enum Pending {
    Event(Event),
    RefreshDone { line: usize, entries: u64 },
}

impl Reader {
    /// A reader of an output from its very beginning.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// A reader that begins with a dump, as one must that missed output.
    pub fn from_dump(dump: &str) -> Reader {
        let place = Place::of_dump(&judge::dump_start(dump));
        let mut reader = Reader {
            place: place.unwrap_or_else(|error| panic!("the start of a dump: {error}")),
            ..Reader::default()
        };
        for (uuid, entry) in judge::from_dump_json(dump).entries {
            reader.add(0, &uuid, entry.dn, entry.attrs);
        }
        reader
    }

    /// Reads a whole output.
    pub fn feed(&mut self, output: &str) {
        output.lines().for_each(|line| self.feed_line(line));
    }

    /// Reads one line. One that a crash cut short may be followed by a `start`, on the next line or
    /// on the rest of its own.
    pub fn feed_line(&mut self, line: &str) {
        self.line += 1;
        let mut values = serde_json::Deserializer::from_str(line).into_iter::<Value>();
        let mut read = 0;
        while let Some(Ok(value)) = values.next() {
            read = values.byte_offset();
            self.value(&value);
        }
        let rest = line[read..].trim();
        // Within a string its quotes would be escaped.
        if let Some(at) = rest.find(r#"{"op":"start""#)
            && at > 0
        {
            self.torn = Some(rest[..at].to_owned());
            self.line -= 1;
            self.feed_line(&rest[at..]);
        } else if !rest.is_empty() {
            self.still_whole();
            self.torn = Some(rest.to_owned());
        }
    }

    /// Why the reader has to begin anew from a dump, if it has to. It reads nothing more then.
    pub fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Panics with the violations so far, if there were any, or if the reader has to begin anew. At the
    /// end of the output, uncommitted changes stay out and a torn last line is forgiven.
    pub fn assert_clean(&self) {
        assert_eq!(self.lost, None, "the reader has to begin anew");
        let shown = self
            .violations
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n");
        assert!(
            self.violations.is_empty(),
            "{} violations of the reading rule:\n{shown}",
            self.violations.len()
        );
    }

    /// Each event of the output that a map by DN cannot follow.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// The map after the last commit.
    pub fn directory(&self) -> Directory {
        let entry = |(dn, held): (&String, &Held)| {
            (
                held.uuid.clone(),
                Entry {
                    dn: dn.clone(),
                    attrs: held.attrs.clone(),
                },
            )
        };
        Directory {
            entries: self.map.now().iter().map(entry).collect(),
            ..Directory::default()
        }
    }

    /// Every committed delete: entryUUID, DN, line.
    pub fn deletes(&self) -> &[(String, String, usize)] {
        &self.deletes
    }

    /// How many changes are committed; for [`Reader::events_since`].
    pub fn mark(&self) -> usize {
        self.committed.len()
    }

    /// The changes committed since a [`Reader::mark`].
    pub fn events_since(&self, mark: usize) -> &[Event] {
        &self.committed[mark..]
    }

    /// The number of the last commit.
    pub fn commit(&self) -> u64 {
        self.place.commit
    }

    /// How many changes wait for a commit.
    pub fn provisional(&self) -> usize {
        self.pending
            .iter()
            .filter(|pending| matches!(pending, Pending::Event(_)))
            .count()
    }
}

/// From a line to a commit.
impl Reader {
    fn value(&mut self, value: &Value) {
        if self.lost.is_some() {
            return;
        }
        if value["op"] == "start" {
            self.torn = None;
        }
        self.still_whole();
        match value["op"].as_str() {
            Some("bind" | "cookie" | "dry_run") => {}
            Some(op @ ("start" | "commit")) => match Marker::read(value) {
                Ok(marker) => self.meet(&marker),
                Err(error) => self.violation(format_args!("{op}: {error}")),
            },
            Some("refresh_done") => match value["entries"].as_u64() {
                Some(entries) => {
                    self.pending.push(Pending::RefreshDone {
                        line: self.line,
                        entries,
                    });
                }
                None => self.violation("refresh_done without entries"),
            },
            Some(op) => match event(self.line, op, value) {
                Ok(event) => self.pending.push(Pending::Event(event)),
                Err(error) => self.violation(format_args!("{op}: {error}")),
            },
            None => self.violation("a line without op"),
        }
    }

    /// Only a start may follow a line that was cut.
    fn still_whole(&mut self) {
        if let Some(torn) = self.torn.take() {
            let torn: String = torn.chars().take(80).collect();
            self.violation(format_args!("the output goes on after a torn line: {torn}"));
        }
    }

    fn meet(&mut self, marker: &Marker) {
        let held = self.provisional() as u64;
        match self.place.meet(marker, held) {
            Fate::Dropped => self.pending.clear(),
            Fate::Applied => self.apply(),
            Fate::Unknown(why) => self.lost = Some(format!("line {}: {why}", self.line)),
        }
    }

    fn apply(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::RefreshDone { line, entries } => {
                    let held = self.map.now().len();
                    if entries != held as u64 {
                        self.violation_at(
                            line,
                            format_args!("refresh_done says {entries} entries, the map has {held}"),
                        );
                    }
                }
                Pending::Event(event) => {
                    self.apply_event(event.clone());
                    self.committed.push(event);
                }
            }
        }
    }

    fn violation(&mut self, what: impl Display) {
        self.violation_at(self.line, what);
    }

    fn violation_at(&mut self, line: usize, what: impl Display) {
        self.violations.push(format!("line {line}: {what}"));
    }
}

fn event(line: usize, op: &str, value: &Value) -> Result<Event, String> {
    let text = |name: &str| {
        value[name]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("no {name}"))
    };
    let attrs = |name: &str| judge::attributes(&value[name]).map_err(|e| format!("{name}: {e}"));
    let change = match op {
        "add" => Change::Add {
            dn: text("dn")?,
            attrs: attrs("attrs")?,
        },
        "rename" => Change::Rename {
            old_dn: text("old_dn")?,
            dn: text("dn")?,
        },
        "change" if value.get("changes").is_some() => {
            let (removed, added) = values::read(value)?;
            Change::Values {
                dn: text("dn")?,
                removed,
                added,
            }
        }
        "change" => Change::Change {
            dn: text("dn")?,
            old: attrs("old")?,
            attrs: attrs("attrs")?,
        },
        "delete" => Change::Delete {
            dn: text("dn")?,
            old: attrs("old")?,
        },
        _ => return Err("no such op".to_owned()),
    };
    Ok(Event {
        line,
        uuid: text("uuid")?.to_lowercase(),
        change,
    })
}

#[cfg(test)]
mod tests;
