//! Hand every change on to somewhere else, at least once and in order, whatever is killed.
//!
//! Events are written to an outbox table in the transaction of the change they tell of. Once that is
//! committed they are relayed (here: printed) and then marked as sent. Killed in between, the
//! next run relays them again under the same number, by which a receiver knows them.
//!
//! ```text
//! cargo run --example outbox -- state.db 'ldap://localhost/dc=example,dc=com??sub'
//! ```

use std::io::Write;

use syncrepl_client::{
    BoundLdap, Callback, CallbackResult, Cursor, Record, Store, Syncrepl, SyncreplMode,
};

#[derive(Default)]
struct Outbox {
    /// A handle of its own: when `committed` is called, the consumer's transaction is over.
    store: Option<Store>,
}

impl Callback for Outbox {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        // AUTOINCREMENT: a number is never given to a second event.
        cursor.execute_batch(
            "CREATE TABLE IF NOT EXISTS outbox (
                 id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, sent INTEGER DEFAULT 0);
             CREATE INDEX IF NOT EXISTS outbox_unsent ON outbox (id) WHERE NOT sent;",
        )?;
        Ok(())
    }

    fn record_add(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        write(cursor, &format!("add {}", record.dn()))
    }

    fn record_change(
        &mut self,
        _: &Record<'_>,
        new: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        write(cursor, &format!("change {}", new.dn()))
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        cursor: &Cursor<'_>,
    ) -> CallbackResult {
        write(cursor, &format!("rename {old_dn} to {}", record.dn()))
    }

    fn record_delete(&mut self, record: &Record<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        write(cursor, &format!("delete {}", record.dn()))
    }

    fn committed(&mut self) {
        // Not before: an event that is rolled back must not have been sent. If it fails, the rows
        // stay unsent and the next call tries again.
        if let Err(error) = self.relay() {
            eprintln!("not relayed yet: {error}");
        }
    }
}

fn write(cursor: &Cursor<'_>, event: &str) -> CallbackResult {
    cursor.execute("INSERT INTO outbox (event) VALUES (?1)", [event])?;
    Ok(())
}

impl Outbox {
    fn relay(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        loop {
            // A bounded batch: a first refresh may have filled the table.
            let batch = store.read(|cursor| {
                let sql = "SELECT id, event FROM outbox WHERE NOT sent ORDER BY id LIMIT 100";
                Ok(cursor.query_map(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
            })?;
            let Some(&(last, _)) = batch.last() else {
                return Ok(());
            };
            // First send, then mark: the other way round a crash would lose them.
            send(&batch)?;
            store.transaction(|cursor| {
                let sql = "UPDATE outbox SET sent = 1 WHERE NOT sent AND id <= ?1";
                cursor.execute(sql, [last])?;
                Ok(())
            })?;
        }
    }
}

/// Stands for a queue or a bus: returns when the events are safe there.
fn send(events: &[(i64, String)]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (id, event) in events {
        writeln!(out, "{id} {event}")?;
    }
    out.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: outbox DATA-FILE LDAP-URL".into());
    };
    let mut client = Syncrepl::builder(file, Outbox::default())
        .ldap_url(url)
        .mode(SyncreplMode::RefreshOnly)
        .open()?;
    client.callback().store = Some(client.db()?);
    client.reconnect()?;
    // What the last run committed and did not relay.
    client.callback().relay()?;
    client.run()?;
    client.unbind()?;
    Ok(())
}
