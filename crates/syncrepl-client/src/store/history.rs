//! The history of a store: which file it is, and which commits it has made.
//!
//! A commit number alone proves nothing. A backup that was put back, a copy of the file that went its
//! own way, and a file that lost its newest commits in a power cut all reach the same numbers again
//! with other contents. So each file has a random id, and each commit bears a random [`Tag`].
//!
//! The commits of one *run* bear the same tag. A run begins when a writer opens the file, and again
//! after every failure: what was told before a rollback is never taken for what was committed after
//! it, although both had the same number. A table has the first commit of each run, so a commit
//! costs no further statement, and one row answers for thousands of commits.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension};
use uuid::{Builder, Uuid};

use super::{failure, settings};
use crate::error::{Error, ErrorKind, Result};

/// The number of runs that a store remembers. A refresh every minute takes a week to make as many.
/// Older commits count as unknown.
const RUNS: i64 = 10_000;

/// What a commit bears besides its number: two commits of one number with different contents have
/// different tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u64);

impl Tag {
    /// Draws from the system: a program that goes on from a snapshot of its memory must not draw
    /// what it drew before.
    fn draw() -> Tag {
        Tag(getrandom::u64().unwrap_or_else(|_| fastrand::u64(..)))
    }

    fn stored(self) -> i64 {
        self.0.cast_signed()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Tag> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
        number
            .map(Tag)
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a tag has 16 hexadecimal digits"))
    }
}

/// Where a store stands in its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// The id of the store, made with the file. A copy of the file has the same.
    pub store: Uuid,
    /// The number of the last commit; 0 if there was none.
    pub commit: u64,
    /// The tag of that commit.
    pub tag: Option<Tag>,
    /// The tag of the commit before it.
    pub previous: Option<Tag>,
    /// The number of changes that were told in that commit, each one call of `record_add`,
    /// `record_change`, `record_rename` or `record_delete`. `None` if a version that did not count made
    /// it.
    pub changes: Option<u64>,
    /// When that commit was made, by the clock of the machine that made it. `None` if a version that did
    /// not note it made it.
    pub time: Option<SystemTime>,
}

/// The position, in the snapshot that `conn` reads.
pub(super) fn position(conn: &Connection) -> Result<Position> {
    let id = settings::get(conn, settings::SOURCE)?.and_then(|id| <[u8; 16]>::try_from(id).ok());
    let id = id.ok_or_else(|| settings::unreadable("the store's id is damaged"))?;
    let settings::Commit {
        number: commit,
        changes,
        time,
    } = settings::commit(conn)?;
    Ok(Position {
        store: Builder::from_random_bytes(id).into_uuid(),
        commit,
        tag: tag(conn, commit)?,
        previous: commit
            .checked_sub(1)
            .map_or(Ok(None), |before| tag(conn, before))?,
        changes,
        time,
    })
}

/// Whether the commit with this number bears this tag. `false` also if it is too long ago.
pub(super) fn knows(conn: &Connection, commit: u64, wanted: Tag) -> Result<bool> {
    let last = settings::commit(conn)?.number;
    Ok(commit <= last && tag(conn, commit)? == Some(wanted))
}

/// The tag of a commit that is not after the last.
pub(super) fn tag(conn: &Connection, commit: u64) -> Result<Option<Tag>> {
    if commit == 0 {
        return Ok(None);
    }
    let sql = "SELECT tag FROM syncrepl_runs WHERE first_commit <= ?1 \
               ORDER BY first_commit DESC LIMIT 1";
    let found = conn
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_row([commit.cast_signed()], |row| row.get::<_, i64>(0))
                .optional()
        })
        .map_err(failure::of_store)?;
    Ok(found.map(|tag| Tag(tag.cast_unsigned())))
}

/// The run of a writer.
#[derive(Debug)]
pub(super) struct Run {
    tag: Tag,
    /// The store knows it: it has made a commit.
    stored: bool,
}

impl Run {
    pub(super) fn begin() -> Run {
        Run {
            tag: Tag::draw(),
            stored: false,
        }
    }

    /// The tag of its commits.
    pub(super) fn tag(&self) -> Tag {
        self.tag
    }

    /// Puts the run into the open transaction, if `commit` is its first.
    pub(super) fn store(&self, conn: &Connection, commit: u64) -> Result<()> {
        if self.stored {
            return Ok(());
        }
        let row = (commit.cast_signed(), self.tag.stored());
        conn.execute("INSERT OR REPLACE INTO syncrepl_runs VALUES (?1, ?2)", row)
            .and_then(|_| {
                let forget = "DELETE FROM syncrepl_runs WHERE first_commit <= (SELECT first_commit \
                              FROM syncrepl_runs ORDER BY first_commit DESC LIMIT 1 OFFSET ?1)";
                conn.execute(forget, [RUNS])
            })
            .map(drop)
            .map_err(failure::of_store)
    }

    /// Takes note of a commit.
    pub(super) fn committed(&mut self) {
        self.stored = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_read_as_written() {
        for tag in [Tag(0), Tag(u64::MAX), Tag(0x00f3_a1c2)] {
            assert_eq!(tag.to_string().parse::<Tag>().unwrap(), tag);
        }
        for text in [
            "",
            "12",
            "+000000000000001",
            "00000000000000000001",
            "zzzzzzzzzzzzzzzz",
        ] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
    }
}
