//! Where a reader stands in the history of a copy, and what a `start` or `commit` means there.

use serde_json::Value;

/// What a `start` or `commit` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) is_start: bool,
    pub(super) commit: u64,
    store: Option<String>,
    tag: Option<String>,
    previous: Option<String>,
    lines: Option<u64>,
    next: Option<String>,
}

impl Marker {
    /// Reads one. What has to be there depends on where it stands.
    pub(super) fn read(value: &Value) -> Result<Marker, String> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let marker = Marker {
            is_start: value["op"] == "start",
            commit: value["commit"].as_u64().ok_or("no commit number")?,
            store: text("store"),
            tag: text("tag"),
            previous: text("previous"),
            lines: value["lines"].as_u64(),
            next: text("next"),
        };
        let missing = match marker.is_start {
            true if marker.store.is_none() => "store",
            true if marker.tag.is_none() && marker.commit > 0 => "tag",
            true if marker.next.is_none() && value.get("entries").is_none() => "next",
            false if marker.tag.is_none() => "tag",
            false if marker.lines.is_none() => "lines",
            _ => return Ok(marker),
        };
        Err(format!("no {missing}"))
    }
}

/// What becomes of the lines that a reader holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Dropped,
    /// They are what was committed.
    Applied,
    /// The store has committed something else. The reader has to begin anew.
    Unknown(String),
}

/// Where a reader stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    store: Option<String>,
    pub(super) commit: u64,
    tag: Option<String>,
    /// How many changes the last commit had.
    lines: Option<u64>,
    /// The tag to which the lines belong that the reader holds.
    next: Option<String>,
}

impl Place {
    /// Where a reader stands that has read a dump with this `start`.
    pub(super) fn of_dump(start: &Value) -> Result<Place, String> {
        let marker = Marker::read(start)?;
        let mut place = Place::default();
        place.go(&marker);
        Ok(place)
    }

    /// Goes where the marker says. `held` is the number of changes since the last one.
    pub(super) fn meet(&mut self, marker: &Marker, held: u64) -> Fate {
        let fate = self.judge(marker, held);
        self.go(marker);
        fate
    }

    fn judge(&self, marker: &Marker, held: u64) -> Fate {
        let ours = marker.tag.is_some() && marker.tag == self.next;
        // One empty copy is like another.
        let same_store = !marker.is_start || self.commit == 0 || marker.store == self.store;
        if marker.is_start && marker.commit == self.commit && marker.tag == self.tag && same_store {
            return match self.lines == marker.lines || self.lines.is_none() {
                true => Fate::Dropped,
                false => Fate::Unknown(self.of(marker, "has another number of lines now")),
            };
        }
        let why = if !same_store {
            "is of another store"
        } else if marker.commit > self.commit + 1 {
            "missed output"
        } else if marker.commit <= self.commit {
            "went back"
        } else if marker.is_start && marker.previous != self.tag {
            "follows another commit"
        } else if !marker.is_start && !ours {
            "has another tag than its start said"
        } else if marker.lines != Some(if ours { held } else { 0 }) {
            "has another number of lines"
        } else {
            return if ours { Fate::Applied } else { Fate::Dropped };
        };
        Fate::Unknown(self.of(marker, why))
    }

    fn of(&self, marker: &Marker, why: &str) -> String {
        format!("{why}: {marker:?} after {self:?}")
    }

    fn go(&mut self, marker: &Marker) {
        if marker.is_start {
            self.store.clone_from(&marker.store);
            self.next.clone_from(&marker.next);
        }
        self.commit = marker.commit;
        self.tag.clone_from(&marker.tag);
        self.lines = marker.lines;
    }
}
