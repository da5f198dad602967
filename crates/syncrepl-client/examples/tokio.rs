//! A consumer in a tokio program: the blocking loop in a thread of its own, an outbox that async code
//! relays, and an end that does not leave the thread behind.
//!
//! The callback writes each event to a table, in the transaction of the change that the event tells
//! of. Once that is committed it wakes the relay, which sends the events (here: prints them) and then
//! deletes them. The example `outbox` says what such a table promises.
//!
//! ```text
//! cargo run --example tokio -- state.db 'ldap://localhost/dc=example,dc=com??sub'
//! ```

use std::io::Write;
use std::sync::Arc;

use syncrepl_client::{
    Backoff, BoundLdap, Callback, CallbackResult, Cursor, ErrorKind, Record, StopHandle, Store,
    Syncrepl,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Writes events to a table, and wakes the relay when they are committed.
struct Outbox {
    committed: Arc<Notify>,
}

impl Callback for Outbox {
    fn bind_complete(&mut self, _: &mut BoundLdap<'_>, cursor: &Cursor<'_>) -> CallbackResult {
        create_table(cursor)
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
        // Never waits: a slow receiver does not hold up the copy.
        self.committed.notify_one();
    }

    fn debug(&mut self, message: &str) {
        eprintln!("{message}");
    }
}

fn create_table(cursor: &Cursor<'_>) -> CallbackResult {
    // AUTOINCREMENT: no number is given twice, although rows are deleted.
    cursor.execute_batch(
        "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT)",
    )?;
    Ok(())
}

fn write(cursor: &Cursor<'_>, event: &str) -> CallbackResult {
    cursor.execute("INSERT INTO outbox (event) VALUES (?1)", [event])?;
    Ok(())
}

/// Sends the events in the table, and deletes them when they are sent. It has a handle of its own to the store.
struct Relay {
    store: Store,
    /// Up to this number everything is sent, deleted or not.
    sent: i64,
}

type Batch = Vec<(i64, String)>;

impl Relay {
    /// Sends everything that is committed by now. The store blocks, so a thread looks into it.
    async fn relay(mut self) -> Result<Self, BoxError> {
        loop {
            let (relay, batch) = spawn_blocking(move || {
                let batch = self.next_batch();
                (self, batch)
            })
            .await?;
            self = relay;
            let batch = batch?;
            let Some(&(last, _)) = batch.last() else {
                return Ok(self);
            };
            // First send, then delete: the other way round a crash would lose events.
            send(&batch).await?;
            self.sent = last;
        }
    }

    /// Deletes the events that were sent, and reads the next ones.
    fn next_batch(&mut self) -> syncrepl_client::Result<Batch> {
        let sent = self.sent;
        let deleted = self.store.transaction(|cursor| {
            cursor.execute("DELETE FROM outbox WHERE id <= ?1", [sent])?;
            Ok(())
        });
        match deleted {
            // While a refresh stage is open, other handles cannot write. The next call tries again.
            Err(error) if error.kind() == ErrorKind::RefreshRunning => {}
            other => other?,
        }
        self.store.read(|cursor| {
            let sql = "SELECT id, event FROM outbox WHERE id > ?1 ORDER BY id LIMIT 100";
            Ok(cursor.query_map(sql, [sent], |row| Ok((row.get(0)?, row.get(1)?)))?)
        })
    }
}

/// Stands for a queue or a bus: returns when the events are safe there.
async fn send(events: &Batch) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (id, event) in events {
        writeln!(out, "{id} {event}")?;
    }
    out.flush()
}

/// Asks the consumer to stop when it is dropped: at the end of a scope, by `?`, by a panic, or with
/// the future that holds it. Otherwise the runtime would wait for the blocking thread for ever.
struct StopOnDrop(StopHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.please_stop();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: tokio DATA-FILE LDAP-URL".into());
    };
    // Made once and first: it remembers a signal that comes while the program looks elsewhere.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let committed = Arc::new(Notify::new());
    let outbox = Outbox {
        committed: committed.clone(),
    };
    // It opens a file, which is short; nothing is connected yet.
    let mut client = Syncrepl::builder(file, outbox).ldap_url(url).open()?;
    let mut store = client.db()?;
    store.transaction(create_table)?;
    let mut relay = Relay { store, sent: 0 };

    let stop = StopOnDrop(client.stop_handle());
    let mut following = spawn_blocking(move || {
        client.follow(Backoff::default())?;
        client.unbind()
    });
    let ended = loop {
        // The first time, events that the last run committed and did not relay.
        relay = relay.relay().await?;
        tokio::select! {
            () = committed.notified() => {}
            ended = &mut following => break ended,
            _ = interrupt.recv() => {
                drop(stop);
                break following.await;
            }
        }
    };
    // Events that were committed after the last look.
    relay.relay().await?;
    Ok(ended??)
}
