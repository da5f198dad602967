//! One store, and a consumer that meets one stream.

use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;
use syncrepl_client::rusqlite::{Connection, types::Value};
use syncrepl_client::{Credentials, ErrorKind, StopHandle, Syncrepl, SyncreplMode};
use syncrepl_hostile::mutate::mutate_play;
use syncrepl_hostile::recorded::{self, Conversation, Recorded};
use syncrepl_hostile::replay::{Play, Replay};
use syncrepl_testing::wait_until;
use tempfile::TempDir;

use crate::told::{Copy, Moment, Told, differences, row};

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// In words short enough to be counted.
    pub error: Option<String>,
    pub commits: usize,
    pub changes: usize,
}

/// A store's file as it was at one time, and the map of a reader of the events then.
#[derive(Clone)]
struct Before {
    file: Option<Vec<u8>>,
    copy: Copy,
}

pub struct Bench {
    folder: TempDir,
    server: Replay,
    recorded: Vec<Recorded>,
    /// The state that each of them was recorded with.
    before: Vec<Before>,
    streams: Vec<Vec<u8>>,
}

/// Every row of every table of the store's own.
type Dump = Vec<Vec<Value>>;

impl Bench {
    pub fn new() -> Bench {
        let folder = in_memory();
        let recorded = recorded::all();
        let streams = recorded::streams(&recorded);
        let mut bench = Bench {
            server: Replay::listen(&folder.path().join("ldapi")),
            folder,
            streams,
            recorded,
            before: Vec::new(),
        };
        for index in 0..bench.recorded.len() {
            let first = bench.recorded[index].name.starts_with("1-");
            let before = match bench.before.last() {
                Some(_) if !first => bench.after(index - 1),
                _ => Before {
                    file: None,
                    copy: Copy::new(),
                },
            };
            bench.before.push(before);
        }
        bench
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    /// The state that this recorded run leaves behind.
    fn after(&self, index: usize) -> Before {
        let mut told = Told::of(&self.before[index].copy);
        self.lay_out(&self.before[index]);
        self.server.play(self.as_recorded(index));
        let error = self.run(index, &mut told, Some(Moment::AsRecorded));
        let name = &self.recorded[index].name;
        assert_eq!(error.err().map(|error| error.to_string()), None, "{name}");
        let file = std::fs::read(self.data()).expect("the store");
        Before {
            file: Some(file),
            copy: told.durable().clone(),
        }
    }

    /// The runs that can be played.
    pub fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// The run as it was recorded.
    pub fn plain(&self, index: usize) -> Outcome {
        let plays = self.as_recorded(index);
        let count = plays.len();
        let playing = self.server.play(plays);
        let outcome = self.check(index, &self.before[index], Some(Moment::AsRecorded));
        // The consumer asked all that it was recorded to ask, in the same order.
        wait_until(Duration::from_secs(10), || playing.ended() == count);
        assert_eq!(playing.whole(), count, "{}", self.recorded[index].name);
        outcome
    }

    /// A recorded run of which one or more connections are mutated.
    pub fn mutated(&self, seed: u64) -> Outcome {
        let mut random = Rng::with_seed(seed);
        let index = random.usize(0..self.recorded.len());
        let run = &self.recorded[index];
        let stops = random.u8(0..8) == 0;
        let plays = run.connections.iter().enumerate();
        let plays = plays.map(|(number, connection)| match number == 0 || random.bool() {
            true => mutate_play(connection, stops, &self.streams, &mut random),
            false => connection.play(),
        });
        let plays = plays.collect();
        // Mostly the copy that fits the stream.
        let before = match random.u8(0..10) {
            0 => random.usize(0..self.before.len()),
            _ => index,
        };
        let stop = match (stops, random.bool()) {
            (false, _) => None,
            (true, false) => Some(Moment::RefreshDone),
            (true, true) => Some(Moment::AsRecorded),
        };
        self.server.play(plays);
        self.check(index, &self.before[before], stop)
    }

    fn as_recorded(&self, index: usize) -> Vec<Play> {
        let connections = self.recorded[index].connections.iter();
        connections.map(Conversation::play).collect()
    }

    fn lay_out(&self, before: &Before) {
        for end in ["", "-wal", "-shm", ".lock", ".status"] {
            let path = format!("{}{end}", self.data().display());
            // Most of them are not there.
            let _ = std::fs::remove_file(path);
        }
        if let Some(file) = &before.file {
            std::fs::write(self.data(), file).expect("the store");
        }
    }

    /// Plays it, and compares the copy with what was told.
    fn check(&self, index: usize, before: &Before, stop: Option<Moment>) -> Outcome {
        self.lay_out(before);
        let dump = self.dump();
        let mut told = Told::of(&before.copy);
        let error = self.run(index, &mut told, stop).err();
        let after = self.dump();
        if told.commits == 0 {
            assert_eq!(after, dump, "nothing was committed: {error:?}");
        }
        if error.is_some() && !self.recorded[index].persist {
            assert_eq!(told.commits, 0, "a refresh that failed: {error:?}");
        }
        let wrong = differences(&self.copy(), told.durable());
        assert!(
            wrong.is_empty(),
            "the copy is not what was told, {error:?}: {wrong:?}"
        );
        Outcome {
            error: error.map(|error| in_short(&error)),
            commits: told.commits,
            changes: told.changes,
        }
    }

    fn run(
        &self,
        index: usize,
        told: &mut Told,
        moment: Option<Moment>,
    ) -> syncrepl_client::Result<()> {
        let stop = StopHandle::new();
        told.stop = moment.map(|moment| (moment, stop.clone()));
        let persist = self.recorded[index].persist;
        let mode = match persist {
            true => SyncreplMode::RefreshAndPersist,
            false => SyncreplMode::RefreshOnly,
        };
        let mut client = Syncrepl::builder(self.data(), told)
            .ldap_url(format!("{}/dc=example,dc=com??sub", self.server.url()))
            .credentials(Credentials::simple("cn=admin,dc=example,dc=com", "secret"))
            // A mutated authzId is another identity.
            .allow_new_identity(true)
            .mode(mode)
            .stop_handle(stop)
            .connect()?;
        client.run()?;
        client.unbind()
    }

    fn dump(&self) -> Dump {
        if !self.data().exists() {
            return Dump::new();
        }
        let store = Connection::open(self.data()).expect("a SQLite file");
        let mut rows = Dump::new();
        for (table, order) in [
            ("records", "id"),
            ("references", "id"),
            ("settings", "name"),
        ] {
            let sql = format!("SELECT * FROM syncrepl_{table} ORDER BY {order}");
            // A store that was never committed to has no tables.
            let Ok(mut statement) = store.prepare(&sql) else {
                continue;
            };
            let columns = statement.column_count();
            let all = statement.query_map([], |row| {
                (0..columns).map(|column| row.get(column)).collect()
            });
            // Made with the file, or noted of a server that went away.
            let noted =
                ["syncrepl_source", "syncrepl_crashes"].map(|name| Value::Text(name.to_owned()));
            let all = all
                .expect("rows")
                .map(|row: Result<Vec<Value>, _>| row.expect("a row"));
            rows.extend(all.filter(|row| row.first().is_none_or(|name| !noted.contains(name))));
        }
        rows
    }

    fn copy(&self) -> Copy {
        let mut copy = Copy::new();
        if !self.data().exists() {
            return copy;
        }
        let store = syncrepl_client::Store::open(self.data());
        let store = match store {
            Ok(store) => store,
            // Never committed to.
            Err(error) if error.kind() == ErrorKind::NotAStore => return copy,
            Err(error) => panic!("{error}"),
        };
        let all = store.records(|record| {
            let (key, value) = row(record);
            let before = copy.insert(key, value);
            assert_eq!(before, None, "two records at {}", record.dn());
            Ok(std::ops::ControlFlow::Continue(()))
        });
        all.expect("the records");
        copy
    }
}

/// These tests ask nothing of the disk, and a disk is slow.
fn in_memory() -> TempDir {
    let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new());
    folder.expect("a temporary folder")
}

fn in_short(error: &syncrepl_client::Error) -> String {
    let text = format!("{:?}: {error}", error.kind());
    let mut short: String = text
        .chars()
        .filter(|c| !c.is_ascii_digit())
        .take(90)
        .collect();
    if let Some(at) = short.find("ldapi://") {
        let end = short[at..].find(' ').map_or(short.len(), |end| at + end);
        short.replace_range(at..end, "SERVER");
    }
    short
}
