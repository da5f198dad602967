//! What the file remembers of its journal: whether it is on and how it is kept, in one setting, and the
//! places of which a reader has to know.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use syncrepl_proto::attributes::is_description;

use super::seq::Seq;
use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;
use crate::store::settings::{self, unreadable};

/// How the journal is kept; absent while it is off.
pub(super) const KEPT: &str = "syncrepl_journal";
/// Rows up to this place may be gone.
pub(super) const FLOOR: &str = "syncrepl_journal_floor";
/// The place of the newest marker.
pub(super) const MARKER: &str = "syncrepl_journal_marker";
/// Where the last of all known readers stands; absent if there is none.
pub(super) const NEEDED: &str = "syncrepl_journal_needed";

/// How a journal is kept. A setting of the file: every program that writes to the copy keeps to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JournalSettings {
    /// The oldest rows go once the journal takes about so many bytes; 256 MiB by default.
    pub max_bytes: u64,
    /// Rows go at this age, in whole seconds; 7 days by default.
    pub max_age: Duration,
    /// A row holds the attributes of an entry only up to so many bytes; 64 KiB by default.
    pub image_max: u64,
    /// Whether every refresh but the first one writes a row for each change, however many they are. False
    /// by default: a marker stands for more than 10,000 rows that are also more than a quarter of the copy.
    pub every_refresh: bool,
    /// Attributes whose values are written although they hold secrets, by name and without options; none by
    /// default. An attribute that the provider names by its OID has to be written so here.
    pub unmasked: Vec<String>,
}

impl Default for JournalSettings {
    fn default() -> Self {
        JournalSettings {
            max_bytes: 256 << 20,
            max_age: Duration::from_secs(7 * 24 * 3600),
            image_max: 64 << 10,
            every_refresh: false,
            unmasked: Vec::new(),
        }
    }
}

impl JournalSettings {
    /// Fails with [`ErrorKind::InvalidInput`] if no attribute can have one of the names.
    pub(crate) fn check(&self) -> Result<()> {
        let is_name = |name: &String| is_description(name) && !name.contains(';');
        match self.unmasked.iter().find(|name| !is_name(name)) {
            None => Ok(()),
            Some(name) => {
                let name = printable(name);
                let message = format!("\"{name}\" is not the name of an attribute to unmask");
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("give each name alone, without options"))
            }
        }
    }
}

/// What [`KEPT`] holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// When the journal was turned on, in milliseconds since 1970.
    pub(super) since: u64,
    pub(super) settings: JournalSettings,
}

impl Kept {
    pub(super) fn since(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.since))
    }

    /// Words with `=`, separated by spaces.
    pub(super) fn to_text(&self) -> String {
        let JournalSettings {
            max_bytes,
            max_age,
            image_max,
            every_refresh,
            unmasked,
        } = &self.settings;
        format!(
            "since={} max_bytes={max_bytes} max_age={} image_max={image_max} every_refresh={} unmasked={}",
            self.since,
            max_age.as_secs(),
            u8::from(*every_refresh),
            unmasked.join(",")
        )
    }

    fn of_text(text: &str) -> Option<Kept> {
        let mut kept = Kept {
            since: 0,
            settings: JournalSettings::default(),
        };
        let settings = &mut kept.settings;
        for word in text.split(' ') {
            let (name, value) = word.split_once('=')?;
            match name {
                "since" => kept.since = value.parse().ok()?,
                "max_bytes" => settings.max_bytes = value.parse().ok()?,
                "max_age" => settings.max_age = Duration::from_secs(value.parse().ok()?),
                "image_max" => settings.image_max = value.parse().ok()?,
                "every_refresh" => settings.every_refresh = value == "1",
                "unmasked" => {
                    let names = value.split(',').filter(|name| !name.is_empty());
                    settings.unmasked = names.map(str::to_owned).collect();
                }
                _ => return None,
            }
        }
        Some(kept)
    }
}

/// How the journal is kept; `None` while it is off.
pub(super) fn kept(conn: &Connection) -> Result<Option<Kept>> {
    let Some(stored) = settings::get(conn, KEPT)? else {
        return Ok(None);
    };
    let kept = std::str::from_utf8(&stored).ok().and_then(Kept::of_text);
    match kept {
        Some(kept) => Ok(Some(kept)),
        None => Err(unreadable("what the store tells of its journal is damaged")),
    }
}

/// One of the places; `None` if it was never stored.
pub(super) fn place(conn: &Connection, name: &str) -> Result<Option<Seq>> {
    let Some(stored) = settings::get(conn, name)? else {
        return Ok(None);
    };
    let number = std::str::from_utf8(&stored).ok();
    let place = number.and_then(|number| number.parse().ok());
    match place.and_then(Seq::from_value) {
        Some(place) => Ok(Some(place)),
        None => Err(unreadable("a place in the journal is damaged")),
    }
}

/// Stores one of the places, in decimal, or forgets it.
pub(super) fn set_place(conn: &Connection, name: &str, place: Option<Seq>) -> Result<()> {
    let number = place.map(|place| place.value().to_string());
    settings::set(conn, name, number.as_deref().map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_is_read_as_written() {
        for unmasked in [&[][..], &["userPassword"], &["a", "2.5.4.35"]] {
            let settings = JournalSettings {
                max_bytes: 1,
                max_age: Duration::from_secs(2),
                image_max: 3,
                every_refresh: unmasked.is_empty(),
                unmasked: unmasked.iter().map(|name| (*name).to_owned()).collect(),
            };
            settings.check().unwrap();
            let kept = Kept { since: 4, settings };
            assert_eq!(Kept::of_text(&kept.to_text()), Some(kept));
        }
        for damaged in ["", "x", "since=x", "later=1"] {
            assert_eq!(Kept::of_text(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn name_that_is_none_is_refused() {
        for name in ["", "a b", "a,b", "a;x-b", "a=b"] {
            let settings = JournalSettings {
                unmasked: vec![name.to_owned()],
                ..JournalSettings::default()
            };
            let error = settings.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        }
    }
}
