//! Where the sink stands: a row in `syncrepl_position`, one for each table that a sink writes. It also says whose
//! the table is, so that no two sinks write one.
//!
//! Each transaction begins with an UPDATE of this row which finds it only where the transaction before left it. So
//! a batch is stored once, however often it is sent, and a connection that was given up can do no harm later.

use syncrepl_relay::{Owner, Position, SinkError, SinkResult};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::error;
use super::names::Names;
use super::options::Mode;

/// The row of a table.
struct Held {
    source: Uuid,
    sink: String,
    position: String,
}

impl Held {
    fn of(row: &Row) -> Held {
        Held {
            source: row.get(0),
            sink: row.get(1),
            position: row.get(2),
        }
    }

    fn by_another(&self, who: &Owner) -> bool {
        (self.source, self.sink.as_str()) != (who.source, who.sink.as_str())
    }
}

/// What [`claim`] has to know.
pub(super) struct Claim<'a> {
    pub(super) names: &'a Names,
    pub(super) mode: Mode,
    pub(super) who: &'a Owner,
    /// The table was made just now.
    pub(super) new: bool,
    /// This process had the table already: whoever has it now took it over from us.
    pub(super) had_it: bool,
}

impl Claim<'_> {
    fn key(&self) -> &str {
        self.names.table.plain()
    }

    /// Makes the table ours, unless another owner has it. Returns where it stands.
    pub(super) async fn claim(&self, client: &Client) -> SinkResult<Position> {
        client
            .batch_execute("BEGIN")
            .await
            .map_err(error::opening)?;
        let position = match self.held(client).await? {
            None => self.first(client).await?,
            Some(held) if held.by_another(self.who) => self.take_over(client, &held).await?,
            Some(_) if self.new => self.store(client).await?,
            Some(held) => held.position.parse().map_err(|_| {
                SinkError::manual("position", "a newer version of syncrepl wrote the position")
                    .with_hint("run that version")
            })?,
        };
        client
            .batch_execute("COMMIT")
            .await
            .map_err(error::opening)?;
        Ok(position)
    }

    /// The row. A transaction that was given up and still holds it is waited for.
    async fn held(&self, client: &Client) -> SinkResult<Option<Held>> {
        let positions = self.names.positions();
        let sql =
            format!("SELECT source, sink, position FROM {positions} WHERE target = $1 FOR UPDATE");
        let row = client.query_opt(&sql, &[&self.key()]).await;
        Ok(row.map_err(error::opening)?.as_ref().map(Held::of))
    }

    async fn first(&self, client: &Client) -> SinkResult<Position> {
        let table = self.names.table();
        let sql = format!("SELECT EXISTS (SELECT FROM {table})");
        let filled: bool = match self.new {
            true => false,
            false => client
                .query_one(&sql, &[])
                .await
                .map_err(error::opening)?
                .get(0),
        };
        if filled && !self.who.take_over {
            let message =
                format!("the table {table} holds rows of which nothing says whose they are");
            let hint = "empty it, give another table, or take it over with take_over = true";
            return Err(SinkError::manual("owner", message).with_hint(hint));
        }
        if filled {
            self.forget_order(client).await?;
        }
        self.store(client).await
    }

    async fn take_over(&self, client: &Client, held: &Held) -> SinkResult<Position> {
        let ours_before = self.who.previous == Some(held.source) && held.sink == self.who.sink;
        if !ours_before && (!self.who.take_over || self.had_it) {
            return Err(another(self.names, held));
        }
        self.forget_order(client).await?;
        self.store(client).await
    }

    /// The numbers of another store mean nothing beside ours: whatever we tell of an entry is newer.
    async fn forget_order(&self, client: &Client) -> SinkResult<()> {
        if self.mode == Mode::Events {
            return Ok(());
        }
        let sql = format!(
            "SET LOCAL statement_timeout = 0; UPDATE {} SET generation = 0, seq = 0",
            self.names.table()
        );
        client.batch_execute(&sql).await.map_err(error::opening)
    }

    /// Writes that it is ours, and that it stands at the beginning.
    async fn store(&self, client: &Client) -> SinkResult<Position> {
        let sql = format!(
            "INSERT INTO {} (target, source, sink, position) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (target) DO UPDATE SET source = excluded.source, sink = excluded.sink, \
             position = excluded.position, updated = now()",
            self.names.positions()
        );
        let start = Position::START.to_string();
        let stored = client
            .execute(
                &sql,
                &[&self.key(), &self.who.source, &self.who.sink, &start],
            )
            .await;
        stored.map_err(error::opening)?;
        Ok(Position::START)
    }
}

fn another(names: &Names, held: &Held) -> SinkError {
    let table = names.table();
    let Held { source, sink, .. } = held;
    let shown = sink.escape_debug();
    let message =
        format!("the table {table} is that of the sink \"{shown}\" of the store {source}");
    SinkError::manual("owner", message)
        .with_hint("give another table or schema, or take it over with take_over = true")
}

/// The statement that begins each transaction: `$1` table, `$2` source, `$3` sink, `$4` old, `$5` new.
pub(super) fn advance(names: &Names) -> String {
    format!(
        "UPDATE {} SET position = $5, updated = now() \
         WHERE target = $1 AND source = $2 AND sink = $3 AND position = $4",
        names.positions()
    )
}

/// Why [`advance`] found no row. `Ok`: the position is this one already.
pub(super) async fn explain(
    client: &Client,
    names: &Names,
    who: &Owner,
    wanted: &str,
) -> SinkResult<()> {
    let positions = names.positions();
    let sql = format!("SELECT source, sink, position FROM {positions} WHERE target = $1");
    let row = client.query_opt(&sql, &[&names.table.plain()]).await;
    match row.map_err(error::opening)?.as_ref().map(Held::of) {
        Some(held) if held.by_another(who) => Err(another(names, &held)),
        Some(held) if held.position == wanted => Ok(()),
        // The relay asks where, and begins there.
        _ => Err(SinkError::passing(
            "position",
            "the database stands elsewhere than expected",
        )),
    }
}
