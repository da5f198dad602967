//! Made-up events, and a relay of twenty lines: it asks the sink where it stands, and goes on from there.

use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};
use syncrepl_relay::{
    Attribute, Batch, Event, EventKind, Owner, Position, Seq, Sink, SinkResult, Trouble,
    ValueChange,
};
use syncrepl_sinks::Target;
use syncrepl_testing::Postgres;
use uuid::Uuid;

/// The store.
pub const SOURCE: Uuid = Uuid::from_u128(0xabc);

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The owner `people` of that store.
pub fn owner() -> Owner {
    Owner {
        source: SOURCE,
        previous: None,
        sink: "people".to_owned(),
        take_over: false,
    }
}

/// The configuration of a sink, with keys such as `{"create": true}`.
pub fn target(to: &str, keys: &Value) -> Target {
    let keys = keys.as_object().expect("an object").clone();
    Target {
        sink: "people".to_owned(),
        to: to.to_owned(),
        keys: keys.into_iter().collect(),
    }
}

/// A sink over the Unix socket that makes its tables.
pub fn sink(server: &Postgres) -> Box<dyn Sink> {
    sink_with(server, json!({}))
}

/// The same with further keys.
pub fn sink_with(server: &Postgres, mut keys: Value) -> Box<dyn Sink> {
    let object = keys.as_object_mut().expect("an object");
    object.entry("create").or_insert(json!(true));
    syncrepl_sinks::open(&target(&server.socket_url(), &keys)).expect("a sink")
}

/// The UUID of an entry by number.
pub fn uuid(entry: u128) -> Uuid {
    Uuid::from_u128(entry)
}

/// An event about an entry. Sequence and position follow from `seq`.
pub fn event(kind: EventKind, entry: u128, seq: u64) -> Event {
    Event {
        id: format!("run.{seq}.1"),
        kind,
        uuid: uuid(entry),
        sequence: Seq::new(seq),
        generation: Seq::new(1),
        time: UNIX_EPOCH + Duration::from_millis(1_795_948_297_042 + seq),
        cause: None,
        dn: None,
        old_dn: None,
        changes: Vec::new(),
        attrs: None,
        omitted: Vec::new(),
        masked: Vec::new(),
        part: None,
        position: Position {
            seq: Seq::new(seq),
            ..Position::START
        },
    }
}

/// A new entry `cn=NAME`.
pub fn added(entry: u128, seq: u64, name: &str) -> Event {
    event(EventKind::Added, entry, seq)
        .dn(&format!("cn={name}"))
        .attrs(&[("cn", &[name])])
}

/// Words to make an event with.
pub trait Tell {
    fn dn(self, dn: &str) -> Event;
    fn attrs(self, attrs: &[(&str, &[&str])]) -> Event;
    fn attr(self, name: &str, values: &[Vec<u8>]) -> Event;
    fn change(self, name: &str, added: &[&str], removed: &[&str]) -> Event;
    fn generation(self, generation: u64) -> Event;
}

impl Tell for Event {
    fn dn(mut self, dn: &str) -> Event {
        self.dn = Some(dn.to_owned());
        self
    }

    fn attrs(mut self, attrs: &[(&str, &[&str])]) -> Event {
        let attribute = |&(name, values): &(&str, &[&str])| Attribute {
            name: name.to_owned(),
            values: bytes(values),
        };
        self.attrs = Some(attrs.iter().map(attribute).collect());
        self
    }

    fn attr(mut self, name: &str, values: &[Vec<u8>]) -> Event {
        self.attrs.get_or_insert_default().push(Attribute {
            name: name.to_owned(),
            values: values.to_vec(),
        });
        self
    }

    fn change(mut self, name: &str, added: &[&str], removed: &[&str]) -> Event {
        self.changes.push(ValueChange {
            name: name.to_owned(),
            masked: false,
            added: bytes(added),
            removed: bytes(removed),
        });
        self
    }

    fn generation(mut self, generation: u64) -> Event {
        self.generation = Seq::new(generation);
        self
    }
}

fn bytes(values: &[&str]) -> Vec<Vec<u8>> {
    values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

/// Opens the sink, and sends what it does not have, so many events a batch.
pub fn deliver(sink: &mut dyn Sink, events: &[Event], size: usize) -> SinkResult<()> {
    let mut before = sink.open(&owner())?.expect("it knows its position");
    let have = events.iter().position(|event| event.position == before);
    let rest = match have {
        Some(index) => &events[index + 1..],
        None => events,
    };
    for events in rest.chunks(size) {
        let batch = Batch {
            events,
            before: &before,
            attempts: 0,
        };
        let sent = sink.send(&batch)?;
        assert_eq!((sent.accepted, sent.refused), (events.len(), None));
        before = events[events.len() - 1].position.clone();
    }
    Ok(())
}

/// The same, again after whatever passes.
pub fn deliver_at_last(sink: &mut dyn Sink, events: &[Event], size: usize) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = deliver(sink, events, size) {
        assert_eq!(error.trouble(), Trouble::Passing, "{error}");
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Counts each write to the entries, in a table that the sink does not know.
pub fn audit(server: &Postgres) {
    server.psql(
        "CREATE TABLE audit (uuid uuid, seq bigint); GRANT ALL ON audit TO PUBLIC; \
         CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO audit VALUES (NEW.uuid, NEW.seq); RETURN NULL; END'; \
         CREATE TRIGGER audit AFTER INSERT OR UPDATE ON entries \
         FOR EACH ROW EXECUTE FUNCTION audit()",
    );
}

/// All entries: `DN|attrs` in the order of their UUIDs.
pub fn entries(server: &Postgres) -> Vec<String> {
    let rows = server.psql("SELECT dn, attrs FROM entries ORDER BY uuid");
    rows.lines().map(str::to_owned).collect()
}
