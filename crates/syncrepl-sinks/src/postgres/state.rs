//! `mode = "state"`: a row an entry, as it is now.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;

use futures_util::future::{try_join, try_join_all};
use syncrepl_relay::{Event, SinkResult};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use super::columns::Column;
use super::draft::{self, NoRow};
use super::error::{self, sending};
use super::options::Settings;
use super::plan::{self, Place, Plan, Stored, Want};
use super::row::{self, Row};

/// So many rows of values are written by one statement.
const VALUES_AT_ONCE: usize = 10_000;

/// The statements, prepared.
pub(super) struct State {
    columns: Vec<Column>,
    read: Statement,
    hashes: Statement,
    values: Statement,
    delete: Statement,
    clear: Statement,
    remove: Statement,
    put: Statement,
    touch: Statement,
    add: Statement,
}

/// A statement on its way.
pub(super) type Step<'a> = Pin<Box<dyn Future<Output = SinkResult<()>> + Send + 'a>>;

/// Sends a statement without waiting for those before it.
pub(super) fn step<'a>(
    client: &'a Client,
    statement: &'a Statement,
    parameters: Vec<&'a (dyn ToSql + Sync)>,
) -> Step<'a> {
    Box::pin(async move {
        let done = client.execute(statement, &parameters).await;
        done.map(drop).map_err(sending)
    })
}

impl State {
    /// Prepares the statements.
    pub(super) async fn prepare(client: &Client, settings: &Settings) -> SinkResult<State> {
        let table = settings.names.table();
        let values = settings.names.values();
        let columns = settings.columns.clone();
        let prepare = async |sql: String| client.prepare(&sql).await.map_err(error::opening);
        let read = format!(
            "SELECT uuid, generation, seq, CASE WHEN uuid = ANY($2::uuid[]) THEN attrs::text END, large::text \
             FROM {table} WHERE uuid = ANY($1::uuid[])"
        );
        let delete = format!(
            "WITH gone AS (DELETE FROM {table} WHERE uuid = ANY($1::uuid[]) RETURNING uuid, large) \
             DELETE FROM {values} v USING gone WHERE v.uuid = gone.uuid AND gone.large IS NOT NULL"
        );
        let clear = format!(
            "DELETE FROM {values} v USING unnest($1::uuid[], $2::text[]) AS k(uuid, name) \
             WHERE v.uuid = k.uuid AND v.name = k.name"
        );
        let remove = format!(
            "DELETE FROM {values} v USING unnest($1::uuid[], $2::text[], $3::bytea[]) AS k(uuid, name, hash) \
             WHERE v.uuid = k.uuid AND v.name = k.name AND v.value_hash = k.hash"
        );
        let touch = format!(
            "UPDATE {table} t SET dn = coalesce(k.dn, t.dn), large = k.large::jsonb, \
             generation = k.generation, seq = k.seq \
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::int8[]) \
             AS k(uuid, dn, large, generation, seq) WHERE t.uuid = k.uuid"
        );
        let add = format!(
            "INSERT INTO {values} (uuid, name, value_hash, value) \
             SELECT u, n, h, v::jsonb FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[]) AS k(u, n, h, v) \
             ON CONFLICT (uuid, name, value_hash) DO NOTHING"
        );
        let of = |what: &str| format!("SELECT {what} FROM {values} WHERE uuid = $1 AND name = $2");
        Ok(State {
            read: prepare(read).await?,
            hashes: prepare(of("value_hash")).await?,
            values: prepare(of("value::text")).await?,
            delete: prepare(delete).await?,
            clear: prepare(clear).await?,
            remove: prepare(remove).await?,
            put: prepare(put(&table, &columns)).await?,
            touch: prepare(touch).await?,
            add: prepare(add).await?,
            columns,
        })
    }

    /// Reads what a batch builds upon, beside the first statement of its transaction, and works out what to
    /// write. `Err` within: an event builds upon a row that is not there.
    pub(super) async fn plan(
        &self,
        client: &Client,
        events: &[Event],
        first: impl Future<Output = SinkResult<bool>>,
    ) -> SinkResult<Option<Result<Plan, NoRow>>> {
        let (stands, rows) = try_join(first, self.rows(client, events)).await?;
        if !stands {
            return Ok(None);
        }
        let told = match draft::fold(events, &rows) {
            Ok(told) => told,
            Err(no_row) => return Ok(Some(Err(no_row))),
        };
        let mut stored = HashMap::new();
        for (place, want) in plan::wants(&told, &rows) {
            let read = self.stored(client, &place, want).await?;
            stored.insert(place, read);
        }
        let plan = plan::plan(told, &rows, &stored, &self.columns);
        Ok(Some(Ok(plan)))
    }

    async fn rows(&self, client: &Client, events: &[Event]) -> SinkResult<HashMap<Uuid, Row>> {
        let uuids: HashSet<Uuid> = events
            .iter()
            .filter(|event| event.is_of_entry())
            .map(|event| event.uuid)
            .collect();
        let mut uuids: Vec<Uuid> = uuids.into_iter().collect();
        uuids.sort_unstable();
        let relative = draft::relative(events);
        let rows = client.query(&self.read, &[&uuids, &relative]).await;
        let rows = rows.map_err(sending)?;
        let rows = rows.iter().map(|row| {
            let known = Row::of(row.get(1), row.get(2), row.get(3), row.get(4));
            (row.get(0), known)
        });
        Ok(rows.collect())
    }

    async fn stored(&self, client: &Client, place: &Place, want: Want) -> SinkResult<Stored> {
        let statement = match want {
            Want::Hashes => &self.hashes,
            Want::Values => &self.values,
        };
        let rows = client.query(statement, &[&place.0, &place.1]).await;
        let rows = rows.map_err(sending)?;
        Ok(match want {
            Want::Hashes => {
                let hashes = rows.iter().map(|row| row.get::<_, &[u8]>(0));
                Stored::Hashes(hashes.filter_map(|hash| hash.try_into().ok()).collect())
            }
            Want::Values => {
                let values = rows.iter().map(|row| row.get::<_, &str>(0));
                let values = values.filter_map(|json| serde_json::from_str(json).ok());
                Stored::Values(values.filter_map(|value| row::bytes(&value)).collect())
            }
        })
    }

    /// The statements of a plan, in order.
    pub(super) fn steps<'a>(&'a self, client: &'a Client, plan: &'a Plan) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let mut push = |statement: &'a Statement, rows, parameters: Vec<&'a (dyn ToSql + Sync)>| {
            if rows != 0 {
                steps.push(step(client, statement, parameters));
            }
        };
        let Plan {
            deletes,
            puts,
            touches,
            cleared,
            removed,
            added,
            values,
        } = plan;
        push(&self.delete, deletes.len(), vec![deletes]);
        push(&self.clear, cleared.0.len(), vec![&cleared.0, &cleared.1]);
        push(
            &self.remove,
            removed.uuid.len(),
            vec![&removed.uuid, &removed.name, &removed.hash],
        );
        let mut all: Vec<&(dyn ToSql + Sync)> = vec![
            &puts.uuid,
            &puts.dn,
            &puts.attrs,
            &puts.large,
            &puts.generation,
            &puts.seq,
        ];
        all.extend(
            puts.columns
                .iter()
                .map(|cells| cells as &(dyn ToSql + Sync)),
        );
        push(&self.put, puts.uuid.len(), all);
        push(
            &self.touch,
            touches.uuid.len(),
            vec![
                &touches.uuid,
                &touches.dn,
                &touches.large,
                &touches.generation,
                &touches.seq,
            ],
        );
        for from in (0..values.len()).step_by(VALUES_AT_ONCE) {
            let to = values.len().min(from + VALUES_AT_ONCE);
            steps.push(self.add_step(client, added, values, from..to));
        }
        steps
    }

    /// Removes entries.
    pub(super) fn delete_step<'a>(&'a self, client: &'a Client, uuids: &'a Vec<Uuid>) -> Step<'a> {
        step(client, &self.delete, vec![uuids])
    }

    fn add_step<'a>(
        &'a self,
        client: &'a Client,
        added: &'a plan::Keys,
        values: &'a [String],
        range: std::ops::Range<usize>,
    ) -> Step<'a> {
        Box::pin(async move {
            let uuid = &added.uuid[range.clone()];
            let name = &added.name[range.clone()];
            let hash = &added.hash[range.clone()];
            let value = &values[range];
            let done = client
                .execute(&self.add, &[&uuid, &name, &hash, &value])
                .await;
            done.map(drop).map_err(sending)
        })
    }
}

/// Runs statements without waiting for one before the next is sent. They are done in order, and the first that
/// fails is told of.
pub(super) async fn pipeline(steps: Vec<Step<'_>>) -> SinkResult<()> {
    try_join_all(steps).await.map(drop)
}

/// The statement that writes whole rows.
fn put(table: &str, columns: &[Column]) -> String {
    let mut names = String::new();
    let mut types = String::new();
    let mut aliases = String::new();
    let mut cells = String::new();
    let mut set = String::new();
    for (index, column) in columns.iter().enumerate() {
        let name = &column.name;
        names += &format!(", {name}");
        types += &format!(", ${}::text[]", index + 7);
        aliases += &format!(", c{index}");
        // An array of arrays would have one length for all of them.
        cells += &format!(", c{index}::{}", column.sql_type());
        set += &format!(", {name} = excluded.{name}");
    }
    format!(
        "INSERT INTO {table} AS t (uuid, dn, attrs, large, generation, seq{names}) \
         SELECT u, d, a::jsonb, l::jsonb, g, s{cells} \
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[]{types}) \
         AS k(u, d, a, l, g, s{aliases}) \
         ON CONFLICT (uuid) DO UPDATE SET dn = coalesce(excluded.dn, t.dn), attrs = excluded.attrs, \
         large = excluded.large, generation = excluded.generation, seq = excluded.seq{set}"
    )
}
