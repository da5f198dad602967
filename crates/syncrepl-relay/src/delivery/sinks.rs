//! The memory of each sink: its position, its note, its shape, its state, the tries of one event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use syncrepl_client::rusqlite::OptionalExtension;
use syncrepl_client::rusqlite::{Row, params};
use uuid::Uuid;

use super::{Delivery, Result};
use crate::position::Position;
use syncrepl_client::journal::Seq;

/// The memory of one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// How far the journal was read for it.
    pub read: Position,
    /// The last position that it acknowledged. It differs from `read` when rows were of no interest to it, or
    /// became dead letters.
    pub sent: Position,
    /// How far it may have been told, if it cannot tell itself.
    pub sending: Option<Position>,
    /// The note that it has left itself.
    pub note: Option<String>,
    /// The shape of its events so far.
    pub shape: Option<String>,
    /// A person paused it.
    pub paused: bool,
    /// A person asked for a pass over everything.
    pub resync: bool,
}

impl Default for Stored {
    fn default() -> Self {
        Stored {
            read: Position::START,
            sent: Position::START,
            sending: None,
            note: None,
            shape: None,
            paused: false,
            resync: false,
        }
    }
}

/// The tries of the first event that a sink has not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempts {
    /// The event.
    pub id: String,
    /// How often it was sent.
    pub count: u32,
    /// When it was sent first.
    pub first: SystemTime,
}

/// An entry whose state was told at once: its rows after `after`, up to `until`, are in that state already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skip {
    /// The row that could not be told from what it holds.
    pub after: Seq,
    /// The newest row when the state was read.
    pub until: Seq,
}

impl Delivery {
    /// The memory of a sink; `None` if it is new.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn sink(&self, name: &str) -> Result<Option<Stored>> {
        let sql =
            "SELECT read, sent, note, shape, paused, resync, sending FROM sinks WHERE name = ?1";
        self.read(|conn| {
            conn.prepare_cached(sql)?
                .query_row([name], stored)
                .optional()
        })
    }

    /// All sinks that are remembered.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn sinks(&self) -> Result<Vec<(String, Stored)>> {
        let sql = "SELECT read, sent, note, shape, paused, resync, sending, name FROM sinks ORDER BY name";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(7)?, stored(row)?)))?;
            rows.collect()
        })
    }

    /// Remembers where a sink stands.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn put_position(
        &self,
        name: &str,
        read: &Position,
        sent: &Position,
        note: Option<&str>,
    ) -> Result<()> {
        let sql = "INSERT INTO sinks (name, read, sent, note) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (name) DO UPDATE \
                   SET read = excluded.read, sent = excluded.sent, note = excluded.note";
        let row = params![name, read.to_string(), sent.to_string(), note];
        self.write(|conn| conn.prepare_cached(sql)?.execute(row).map(drop))
    }

    /// Remembers how far a sink is about to be told.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(crate) fn put_sending(&self, name: &str, position: &Position) -> Result<()> {
        self.change(name, "sending", position.to_string())
    }

    /// Remembers what decides what a sink is told.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn put_shape(&self, name: &str, shape: &str) -> Result<()> {
        self.change(name, "shape", shape)
    }

    /// Remembers that a person paused a sink, or let it go on.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn put_paused(&self, name: &str, paused: bool) -> Result<()> {
        self.change(name, "paused", paused)
    }

    /// Remembers that a sink is owed a pass over everything, or has begun it.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn put_resync(&self, name: &str, resync: bool) -> Result<()> {
        self.change(name, "resync", resync)
    }

    /// `column` is a word of ours.
    fn change(
        &self,
        name: &str,
        column: &str,
        value: impl syncrepl_client::rusqlite::ToSql,
    ) -> Result<()> {
        let start = Position::START.to_string();
        let sql = format!(
            "INSERT INTO sinks (name, read, sent, {column}) VALUES (?1, ?2, ?2, ?3) \
             ON CONFLICT (name) DO UPDATE SET {column} = excluded.{column}"
        );
        self.write(|conn| {
            conn.prepare_cached(&sql)?
                .execute(params![name, start, value])
                .map(drop)
        })
    }

    /// Forgets a sink, with its dead letters. Returns whether it was known.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn forget(&self, name: &str) -> Result<bool> {
        self.write(|conn| {
            for table in ["attempts", "skips", "dead"] {
                conn.execute(&format!("DELETE FROM {table} WHERE sink = ?1"), [name])?;
            }
            Ok(conn.execute("DELETE FROM sinks WHERE name = ?1", [name])? > 0)
        })
    }

    /// The tries of the first unanswered event of a sink.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(crate) fn attempts(&self, name: &str) -> Result<Option<Attempts>> {
        let sql = "SELECT id, count, first FROM attempts WHERE sink = ?1";
        self.read(|conn| {
            let read = |row: &Row<'_>| {
                Ok(Attempts {
                    id: row.get(0)?,
                    count: row.get(1)?,
                    first: time(row.get(2)?),
                })
            };
            conn.prepare_cached(sql)?.query_row([name], read).optional()
        })
    }

    /// Remembers the tries of the first unanswered event of a sink, or that there is none.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(crate) fn put_attempts(&self, name: &str, attempts: Option<&Attempts>) -> Result<()> {
        self.write(|conn| match attempts {
            None => conn
                .execute("DELETE FROM attempts WHERE sink = ?1", [name])
                .map(drop),
            Some(Attempts { id, count, first }) => {
                let sql = "INSERT OR REPLACE INTO attempts VALUES (?1, ?2, ?3, ?4)";
                conn.execute(sql, params![name, id, count, millis(*first)])
                    .map(drop)
            }
        })
    }

    /// The rows of an entry that its state, told already, makes up for.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(crate) fn skip(&self, name: &str, uuid: Uuid) -> Result<Option<Skip>> {
        let sql = "SELECT after, until FROM skips WHERE sink = ?1 AND uuid = ?2";
        self.read(|conn| {
            let read = |row: &Row<'_>| {
                Ok(Skip {
                    after: seq(row.get(0)?),
                    until: seq(row.get(1)?),
                })
            };
            let key = params![name, uuid.as_bytes().as_slice()];
            conn.prepare_cached(sql)?.query_row(key, read).optional()
        })
    }

    /// Remembers that the state of these entries is about to be told.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(crate) fn put_skips(&self, name: &str, skips: &[(Uuid, Skip)]) -> Result<()> {
        if skips.is_empty() {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO skips VALUES (?1, ?2, ?3, ?4)";
        self.write(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            for (uuid, Skip { after, until }) in skips {
                let (after, until) = (number(*after), number(*until));
                statement.execute(params![name, uuid.as_bytes().as_slice(), after, until])?;
            }
            Ok(())
        })
    }

    /// Forgets the skips that end at or before `seq`.
    ///
    /// # Errors
    /// The file cannot be used.
    pub(crate) fn drop_skips(&self, name: &str, up_to: Seq) -> Result<()> {
        let sql = "DELETE FROM skips WHERE sink = ?1 AND until <= ?2";
        self.write(|conn| conn.execute(sql, params![name, number(up_to)]).map(drop))
    }
}

fn stored(row: &Row<'_>) -> syncrepl_client::rusqlite::Result<Stored> {
    // A position that a newer version wrote counts as none: the sink is asked, or gets everything anew.
    let position = |text: String| text.parse().unwrap_or(Position::START);
    Ok(Stored {
        read: position(row.get(0)?),
        sent: position(row.get(1)?),
        sending: row.get::<_, Option<String>>(6)?.map(position),
        note: row.get(2)?,
        shape: row.get(3)?,
        paused: row.get(4)?,
        resync: row.get(5)?,
    })
}

pub(super) fn seq(number: i64) -> Seq {
    Seq::new(number.unsigned_abs())
}

pub(super) fn number(seq: Seq) -> i64 {
    seq.value().cast_signed()
}

pub(super) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}

pub(super) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
