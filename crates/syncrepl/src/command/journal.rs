//! `syncrepl journal`: lists the journal of a data file, tells its state, and turns it on and off.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use clap::{Parser, ValueEnum};
use syncrepl_client::journal::{self, JournalRow, JournalSettings, Seq};
use syncrepl_client::{Store, Tag, Uuid};
use syncrepl_proto::dn;

use super::subcommand::{Program, Subcommand};
use crate::exit::{Failure, complain};
use crate::output::journal as print;
use crate::state::{between, rough, written};

/// List the journal of a data file, or turn it on or off
///
/// While it is on, every change of the copy is also a row in the data file, for programs that bring changes
/// elsewhere. It stays on for every refresh and follow, whoever starts them. Values of passwords and other secrets
/// are not in it. Without a word it prints the rows that are there, the oldest first.
#[derive(Debug, Parser)]
#[command(
    name = "journal",
    after_help = "\
Examples:
  syncrepl journal on --data people.db
  syncrepl journal --data people.db
  syncrepl journal --data people.db --entry uid=ann,ou=people,dc=example,dc=com --format ldif
  syncrepl journal --data people.db --format json | jq .op
  syncrepl journal state --data people.db"
)]
pub(crate) struct Journal {
    /// What to do, in place of listing the rows
    #[arg(value_name = "WORD", conflicts_with_all = ["from", "entry"])]
    word: Option<Word>,

    /// The file that holds the copy
    #[arg(long, value_name = "FILE")]
    data: PathBuf,

    /// Begin with this event: its id, or its place, the "sequence" of JSON
    #[arg(long, value_name = "ID", value_parser = parse_from)]
    from: Option<From>,

    /// Only the rows of one entry, of which a DN or the entryUUID is given. A DN is one that it bears now, or bore
    /// in a row
    #[arg(long, value_name = "DN|UUID")]
    entry: Option<String>,

    /// How the rows are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    /// Turn the journal on
    On,
    /// Turn it off, and drop its rows
    Off,
    /// Tell whether it is on, and how large it is
    State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line a row, for people
    Text,
    /// One JSON object a line
    Json,
    /// LDIF change records (RFC 2849)
    Ldif,
}

/// Where a list begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Place(Seq),
    Event { tag: Tag, commit: u64, n: u64 },
}

fn parse_from(text: &str) -> Result<From, String> {
    if let Ok(seq) = text.parse() {
        return Ok(From::Place(seq));
    }
    let mut parts = text.split('.');
    let mut part = || parts.next();
    let event = (|| {
        Some(From::Event {
            tag: part()?.parse().ok()?,
            commit: part()?.parse().ok()?,
            n: part()?.parse().ok()?,
        })
    })();
    event
        .filter(|_| part().is_none())
        .ok_or_else(|| "an id is TAG.COMMIT.NUMBER, a place has 14 hexadecimal digits".to_owned())
}

impl Subcommand for Journal {
    fn run(self, _: Program) -> Result<(), Failure> {
        let name = self.data.display();
        let done = match self.word {
            None => return self.list(),
            Some(Word::State) => return self.tell_state(),
            Some(Word::On) => match journal::turn_on(&self.data, &JournalSettings::default())? {
                true => format!("the journal of {name} is on"),
                false => format!("the journal of {name} was on already"),
            },
            Some(Word::Off) => match journal::turn_off(&self.data)? {
                true => format!("the journal of {name} is off, and its rows are gone"),
                false => format!("the journal of {name} was off already"),
            },
        };
        let mut out = io::stdout().lock();
        writeln!(out, "{done}")?;
        Ok(out.flush()?)
    }
}

impl Journal {
    fn tell_state(&self) -> Result<(), Failure> {
        let store = Store::open(&self.data)?;
        let (state, size) = (store.journal()?, store.journal_size()?);
        let mut out = io::stdout().lock();
        match self.format {
            Format::Json => print::json_state(&mut out, &state, &size)?,
            Format::Text | Format::Ldif => {
                let now = SystemTime::now();
                let ago = |time| format!("{} ({} ago)", written(time), rough(between(time, now)));
                let since = state.since.map(ago);
                let or_none = |seq: Seq| (seq > Seq::ZERO).then(|| seq.to_string());
                for (name, value) in [
                    (
                        "on since",
                        Some(since.unwrap_or_else(|| "it is off".to_owned())),
                    ),
                    ("rows", Some(size.rows.to_string())),
                    ("bytes", Some(size.bytes.to_string())),
                    ("oldest", state.oldest.map(ago)),
                    ("head", or_none(state.head)),
                    ("marker", or_none(state.marker)),
                    ("floor", or_none(state.floor)),
                    ("needed", state.needed.map(|seq| seq.to_string())),
                    ("folded", (size.folded > 0).then(|| size.folded.to_string())),
                ] {
                    if let Some(value) = value {
                        writeln!(out, "{:<10}{value}", format!("{name}:"))?;
                    }
                }
            }
        }
        Ok(out.flush()?)
    }

    fn list(&self) -> Result<(), Failure> {
        let store = Store::open(&self.data)?;
        let mut wanted = match &self.entry {
            Some(entry) => Some(Wanted::new(entry, &store)?),
            None => None,
        };
        let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
        if self.format == Format::Ldif {
            writeln!(out, "version: 1")?;
        }
        let mut begun = self.from.is_none();
        let mut after = Seq::ZERO;
        loop {
            // Each portion is a read of its own: rows never change, and a slow reader of the output must not
            // keep the store's log from being emptied.
            let rows = store.journal_rows(after, 1000, 1 << 20)?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in &rows {
                begun |= self.from.is_some_and(|from| from.is_at(row));
                if begun && wanted.as_mut().is_none_or(|wanted| wanted.has(row)) {
                    match self.format {
                        Format::Text => print::text(&mut out, row)?,
                        Format::Json => print::json(&mut out, row)?,
                        Format::Ldif => print::ldif(&mut out, row)?,
                    }
                }
            }
        }
        out.flush()?;
        if !begun {
            let message = "--from: the journal does not hold that event any more, or never did";
            return Err(Failure::Usage(message.to_owned()));
        }
        if !store.journal()?.on {
            let data = self.data.display();
            complain(&format!(
                "the journal is off; `syncrepl journal on --data {data}` turns it on"
            ));
        }
        Ok(())
    }
}

impl From {
    fn is_at(self, row: &JournalRow) -> bool {
        match self {
            From::Place(seq) => row.seq >= seq,
            From::Event { tag, commit, n } => {
                row.tag == Some(tag) && (row.commit, row.n) == (commit, n)
            }
        }
    }
}

/// The entry of which rows are wanted.
struct Wanted {
    uuids: BTreeSet<Uuid>,
    /// The key of the DN, if one was given.
    key: Option<Vec<u8>>,
}

impl Wanted {
    fn new(given: &str, store: &Store) -> Result<Self, Failure> {
        let (uuids, key) = match given.parse() {
            Ok(uuid) => (BTreeSet::from([uuid]), None),
            Err(_) => {
                let held = store.get(given)?.map(|record| record.uuid());
                (held.into_iter().collect(), Some(dn::key(given)))
            }
        };
        Ok(Wanted { uuids, key })
    }

    fn has(&mut self, row: &JournalRow) -> bool {
        if let Some(key) = &self.key {
            let dns = [&row.dn, &row.old_dn].into_iter().flatten();
            if dns.map(|dn| dn::key(dn)).any(|other| other == *key) {
                self.uuids.insert(row.uuid);
            }
        }
        self.uuids.contains(&row.uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_begins_at_an_id_or_a_place() {
        let place = parse_from("00f3a1c2004a7f").unwrap();
        assert!(matches!(place, From::Place(seq) if seq.value() == 0xf3a1_c200_4a7f));
        let event = parse_from("00000000000000ff.12.3").unwrap();
        assert!(matches!(
            event,
            From::Event {
                commit: 12,
                n: 3,
                ..
            }
        ));
        for wrong in [
            "",
            "1.2",
            "00000000000000ff.12",
            "00000000000000ff.12.3.4",
            "x.1.2",
        ] {
            assert!(parse_from(wrong).is_err(), "{wrong}");
        }
    }
}
