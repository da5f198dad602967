//! Dead letters: the events that a sink refused for good. They are kept whole, so that they can be sent again.

use std::time::SystemTime;

use syncrepl_client::rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::sinks::{millis, number, seq, time};
use super::{Delivery, Result};
use syncrepl_client::journal::Seq;

/// An event that a sink refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dead {
    /// The id of the event.
    pub id: String,
    /// Its entry.
    pub uuid: Uuid,
    /// Its word: `changed`.
    pub kind: String,
    /// When the sink refused it.
    pub time: SystemTime,
    /// Why, in the words of the sink.
    pub why: String,
    /// Its number,
    pub sequence: Seq,
    /// and its generation.
    pub generation: Seq,
    /// The event as it was sent, as JSON.
    pub event: String,
}

/// How much is dead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeadCount {
    /// The number of events.
    pub events: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How many of them died since the time that was asked about.
    pub since: u64,
}

impl Delivery {
    /// Keeps an event that a sink refused.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn put_dead(&self, sink: &str, dead: &Dead) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO dead \
                   (sink, id, uuid, type, time, why, seq, generation, event) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let tried = "UPDATE dead SET retry = 0 WHERE sink = ?1 AND uuid = ?2";
        let row = params![
            sink,
            dead.id,
            dead.uuid.as_bytes().as_slice(),
            dead.kind,
            millis(dead.time),
            dead.why,
            number(dead.sequence),
            number(dead.generation),
            dead.event.as_bytes(),
        ];
        self.write(|conn| {
            conn.execute(tried, params![sink, dead.uuid.as_bytes().as_slice()])?;
            conn.execute(sql, row).map(drop)
        })
    }

    /// Notes that a person wants the entries of dead letters to be told of again, as they are then: those of the
    /// letter `id`, or of all. Returns the number of letters.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn retry_dead(&self, sink: &str, id: Option<&str>) -> Result<usize> {
        self.write(|conn| match id {
            Some(id) => conn.execute(
                "UPDATE dead SET retry = 1 WHERE sink = ?1 AND id = ?2",
                [sink, id],
            ),
            None => conn.execute("UPDATE dead SET retry = 1 WHERE sink = ?1", [sink]),
        })
    }

    /// The entries to be told of again.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn retried_entries(&self, sink: &str, limit: usize) -> Result<Vec<Uuid>> {
        let sql = "SELECT DISTINCT uuid FROM dead WHERE sink = ?1 AND retry LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map(params![sink, limit], |row| uuid(row, 0))?;
            rows.collect()
        })
    }

    /// The dead letters of a sink, the oldest first: those after `after` in that order, at most `limit`.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn dead(&self, sink: &str, after: Option<&Dead>, limit: u32) -> Result<Vec<Dead>> {
        let sql = "SELECT id, uuid, type, time, why, seq, generation, event FROM dead \
                   WHERE sink = ?1 AND (time, id) > (?2, ?3) ORDER BY time, id LIMIT ?4";
        let (from, id) = after.map_or((i64::MIN, ""), |dead| (millis(dead.time), dead.id.as_str()));
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map(params![sink, from, id, limit], dead)?;
            rows.collect()
        })
    }

    /// One dead letter.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn dead_letter(&self, sink: &str, id: &str) -> Result<Option<Dead>> {
        let sql = "SELECT id, uuid, type, time, why, seq, generation, event FROM dead \
                   WHERE sink = ?1 AND id = ?2";
        self.read(|conn| {
            conn.prepare_cached(sql)?
                .query_row([sink, id], dead)
                .optional()
        })
    }

    /// The entries of which an event is dead: a generation's end does not remove them at the sink.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn dead_entries(&self, sink: &str) -> Result<Vec<Uuid>> {
        let sql = "SELECT DISTINCT uuid FROM dead WHERE sink = ?1";
        self.read(|conn| {
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([sink], |row| uuid(row, 0))?;
            rows.collect()
        })
    }

    /// How much is dead, and how much of it died since `since`.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn dead_count(&self, sink: &str, since: SystemTime) -> Result<DeadCount> {
        let sql = "SELECT count(*), coalesce(sum(length(event)), 0), coalesce(sum(time >= ?2), 0) \
                   FROM dead WHERE sink = ?1";
        self.read(|conn| {
            conn.prepare_cached(sql)?
                .query_row(params![sink, millis(since)], |row| {
                    Ok(DeadCount {
                        events: row.get::<_, i64>(0)?.unsigned_abs(),
                        bytes: row.get::<_, i64>(1)?.unsigned_abs(),
                        since: row.get::<_, i64>(2)?.unsigned_abs(),
                    })
                })
        })
    }

    /// Drops dead letters: that of `id`, or all of the sink. Returns how many.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn drop_dead(&self, sink: &str, id: Option<&str>) -> Result<usize> {
        self.write(|conn| match id {
            Some(id) => conn.execute("DELETE FROM dead WHERE sink = ?1 AND id = ?2", [sink, id]),
            None => conn.execute("DELETE FROM dead WHERE sink = ?1", [sink]),
        })
    }

    /// Drops the dead letters of entries whose state, told since, makes up for them.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn drop_dead_of(&self, sink: &str, uuid: Uuid) -> Result<()> {
        let key = params![sink, uuid.as_bytes().as_slice()];
        self.write(|conn| {
            conn.execute("DELETE FROM dead WHERE sink = ?1 AND uuid = ?2", key)
                .map(drop)
        })
    }
}

fn uuid(row: &Row<'_>, column: usize) -> syncrepl_client::rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(column)?;
    Ok(Uuid::from_bytes(bytes))
}

fn dead(row: &Row<'_>) -> syncrepl_client::rusqlite::Result<Dead> {
    Ok(Dead {
        id: row.get(0)?,
        uuid: uuid(row, 1)?,
        kind: row.get(2)?,
        time: time(row.get(3)?),
        why: row.get(4)?,
        sequence: seq(row.get(5)?),
        generation: seq(row.get(6)?),
        event: String::from_utf8_lossy(&row.get::<_, Vec<u8>>(7)?).into_owned(),
    })
}
