//! The end of a pass over everything: the entries that it did not tell of are gone.

use std::collections::HashSet;

use syncrepl_relay::{Seq, SinkResult};
use tokio_postgres::Client;
use uuid::Uuid;

use super::error::sending;
use super::options::Settings;
use super::{Open, Writer, position, roll_back};

/// So many entries are removed by one transaction.
const AT_ONCE: i64 = 10_000;

impl Open {
    /// How many entries are of an older generation, without those to keep.
    pub(super) fn stale(
        &self,
        settings: &Settings,
        generation: Seq,
        keep: &[Uuid],
    ) -> SinkResult<u64> {
        if matches!(self.writer, Writer::Events(_)) {
            return Ok(0);
        }
        let table = settings.names.table();
        let sql = format!(
            "SELECT count(*) - count(*) FILTER (WHERE uuid = ANY($2::uuid[])) \
             FROM {table} WHERE generation < $1"
        );
        let generation = generation.value().cast_signed();
        self.session.run(async |client| {
            let row = client.query_one(&sql, &[&generation, &keep]).await;
            let count: i64 = row.map_err(sending)?.get(0);
            Ok(count.cast_unsigned())
        })
    }

    /// Removes them. An error leaves a part of them, and the next call goes on.
    pub(super) fn end_generation(
        &self,
        settings: &Settings,
        generation: Seq,
        keep: &[Uuid],
    ) -> SinkResult<()> {
        let Writer::State(state) = &self.writer else {
            return Ok(());
        };
        let keep: HashSet<&Uuid> = keep.iter().collect();
        let mut after = None;
        loop {
            let removed = self.session.run(async |client| {
                self.hold(client, settings).await?;
                let old = old(client, settings, generation, after).await?;
                let last = old.last().copied();
                let gone: Vec<Uuid> = old
                    .into_iter()
                    .filter(|uuid| !keep.contains(uuid))
                    .collect();
                match gone.is_empty() {
                    true => roll_back(client).await?,
                    false => {
                        let delete = state.delete_step(client, &gone);
                        self.commit(client, vec![delete]).await?;
                    }
                }
                Ok(last)
            })?;
            match removed {
                None => return Ok(()),
                last => after = last,
            }
        }
    }

    /// Begins a transaction that only the owner of the table can begin, at the position that we know.
    async fn hold(&self, client: &Client, settings: &Settings) -> SinkResult<()> {
        let at = &self.position;
        match self.begin(client, settings, at, at).await? {
            true => Ok(()),
            false => {
                roll_back(client).await?;
                position::explain(client, &settings.names, &self.who, "").await
            }
        }
    }
}

/// The next entries of an older generation, in the order of their UUIDs.
async fn old(
    client: &Client,
    settings: &Settings,
    generation: Seq,
    after: Option<Uuid>,
) -> SinkResult<Vec<Uuid>> {
    let table = settings.names.table();
    let sql = format!(
        "SELECT uuid FROM {table} WHERE generation < $1 AND ($2::uuid IS NULL OR uuid > $2) \
         ORDER BY uuid LIMIT {AT_ONCE}"
    );
    let generation = generation.value().cast_signed();
    let rows = client.query(&sql, &[&generation, &after]).await;
    let rows = rows.map_err(sending)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
