//! `mode = "events"`: a row an event.

use serde_json::Value;
use syncrepl_relay::{Event, SinkResult};
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::error;
use super::options::Settings;
use super::state::{Step, step};

/// The statement, prepared.
pub(super) struct History {
    insert: Statement,
}

/// Events as parameters: one array a column.
#[derive(Debug, Default)]
pub(super) struct Rows {
    id: Vec<String>,
    seq: Vec<i64>,
    time: Vec<String>,
    kind: Vec<&'static str>,
    uuid: Vec<Option<Uuid>>,
    dn: Vec<Option<String>>,
    data: Vec<String>,
}

impl Rows {
    /// The rows of these events.
    pub(super) fn of(events: &[Event]) -> Rows {
        let mut rows = Rows::default();
        for event in events {
            rows.id.push(event.part_id());
            rows.seq.push(event.sequence.value().cast_signed());
            rows.time.push(syncrepl_relay::rfc3339(event.time));
            rows.kind.push(event.kind.name());
            rows.uuid.push(event.is_of_entry().then_some(event.uuid));
            let dn = event.dn.as_ref();
            rows.dn.push(dn.map(|dn| dn.replace('\0', "\\00")));
            rows.data.push(data(event));
        }
        rows
    }
}

/// The data as JSON. jsonb refuses U+0000, which a hostile DN may hold; RFC 4514 writes it so.
fn data(event: &Event) -> String {
    let mut data = event.data();
    for name in ["dn", "old_dn"] {
        if let Some(Value::String(dn)) = data.get_mut(name) {
            *dn = dn.replace('\0', "\\00");
        }
    }
    data.to_string()
}

impl History {
    /// Prepares the statement.
    pub(super) async fn prepare(client: &Client, settings: &Settings) -> SinkResult<History> {
        // An event that comes again after a resync is the same, byte by byte.
        let sql = format!(
            "INSERT INTO {} (id, seq, time, type, uuid, dn, data) \
             SELECT i, s, t::timestamptz, k, u, d, j::jsonb \
             FROM unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[]) \
             WITH ORDINALITY AS e(i, s, t, k, u, d, j, o) ORDER BY o ON CONFLICT (id) DO NOTHING",
            settings.names.table()
        );
        let insert = client.prepare(&sql).await.map_err(error::opening)?;
        Ok(History { insert })
    }

    /// Inserts the rows.
    pub(super) fn steps<'a>(&'a self, client: &'a Client, rows: &'a Rows) -> Vec<Step<'a>> {
        let Rows {
            id,
            seq,
            time,
            kind,
            uuid,
            dn,
            data,
        } = rows;
        let parameters = vec![
            id as _, seq as _, time as _, kind as _, uuid as _, dn as _, data as _,
        ];
        vec![step(client, &self.insert, parameters)]
    }
}
