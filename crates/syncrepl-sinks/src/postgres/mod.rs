//! PostgreSQL: one transaction a batch, in which the position moves too. So each event counts exactly once, whatever
//! is killed or cut.

mod columns;
mod draft;
mod error;
mod generation;
mod history;
mod names;
mod options;
mod plan;
mod position;
mod row;
mod session;
mod state;
mod tables;

use std::time::Duration;

use futures_util::future::try_join;
use syncrepl_relay::{Batch, Event, Owner, Position, Sent, Seq, Sink, SinkError, SinkResult};
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

use crate::kind::{Kind, Target, Unfit};
use error::sending;
use history::{History, Rows};
use options::{Mode, Settings};
use position::Claim;
use session::Session;
use state::{State, Step, pipeline, step};

/// The kind.
pub(crate) static KIND: Kind = Kind {
    name: "PostgreSQL",
    schemes: &["postgresql://", "postgres://"],
    keys: options::KEYS,
    place: |target| Ok(Settings::of(target)?.place()),
    make,
};

fn make(target: &Target) -> Result<Box<dyn Sink>, Unfit> {
    Ok(Box::new(Postgres {
        settings: Settings::of(target)?,
        open: None,
        had_it: false,
    }))
}

/// How long it may take to make another owner's rows ours: each of them is written once.
const TAKE_OVER: Duration = Duration::from_secs(3600);

/// Why an event is refused that builds upon a row which is not there.
const NO_ROW: &str = "the entry is not in the table, and this event says only what changed: an event before it was \
                      refused, or somebody removed the row. `sink resync` writes it";

struct Postgres {
    settings: Settings,
    open: Option<Open>,
    /// This sink has written to its table.
    had_it: bool,
}

/// A connection whose tables are there and ours.
struct Open {
    session: Session,
    who: Owner,
    writer: Writer,
    /// Where we stand, as the database has it.
    position: String,
    advance: Statement,
    notify: Statement,
}

enum Writer {
    State(Box<State>),
    Events(History),
}

impl Sink for Postgres {
    fn open(&mut self, who: &Owner) -> SinkResult<Option<Position>> {
        self.open = None;
        let (open, position) = Open::new(&self.settings, who, self.had_it)?;
        self.open = Some(open);
        self.had_it = true;
        Ok(Some(position))
    }

    fn send(&mut self, batch: &Batch<'_>) -> SinkResult<Sent> {
        self.with_open(|open, settings| {
            let before = batch.before.to_string();
            open.send(settings, batch.events, &before)
        })
    }

    fn stale(&mut self, generation: Seq, keep: &[Uuid]) -> SinkResult<u64> {
        self.with_open(|open, settings| open.stale(settings, generation, keep))
    }

    fn end_generation(&mut self, generation: Seq, keep: &[Uuid]) -> SinkResult<()> {
        self.with_open(|open, settings| open.end_generation(settings, generation, keep))
    }

    fn max_event(&self) -> Option<usize> {
        None
    }

    fn close(&mut self) {
        self.open = None;
    }
}

impl Postgres {
    /// Any error ends the connection, and with it what was not committed.
    fn with_open<T>(
        &mut self,
        work: impl FnOnce(&mut Open, &Settings) -> SinkResult<T>,
    ) -> SinkResult<T> {
        let Some(open) = &mut self.open else {
            return Err(SinkError::passing("network", "there is no connection"));
        };
        let done = work(open, &self.settings);
        if done.is_err() {
            self.open = None;
        }
        done
    }
}

impl Open {
    fn new(settings: &Settings, who: &Owner, had_it: bool) -> SinkResult<(Open, Position)> {
        let session = Session::connect(settings)?;
        let new = session.run(|client| tables::ensure(client, settings))?;
        let claim = Claim {
            names: &settings.names,
            mode: settings.mode,
            who,
            new,
            had_it,
        };
        let limit = match who.take_over || who.previous.is_some() {
            true => TAKE_OVER,
            false => settings.timeout,
        };
        let position = session.run_for(limit, |client| claim.claim(client))?;
        let prepared = session.run(async |client| {
            let prepare = async |sql: &str| client.prepare(sql).await.map_err(error::opening);
            let writer = match settings.mode {
                Mode::State => Writer::State(Box::new(State::prepare(client, settings).await?)),
                Mode::Events => Writer::Events(History::prepare(client, settings).await?),
            };
            let advance = prepare(&position::advance(&settings.names)).await?;
            let notify = prepare("SELECT pg_notify('syncrepl', $1)").await?;
            Ok((writer, advance, notify))
        });
        let (writer, advance, notify) = prepared?;
        let open = Open {
            session,
            who: who.clone(),
            writer,
            position: position.to_string(),
            advance,
            notify,
        };
        Ok((open, position))
    }

    fn send(&mut self, settings: &Settings, events: &[Event], before: &str) -> SinkResult<Sent> {
        let Some(last) = events.last() else {
            return Ok(sent(0));
        };
        let after = last.position.to_string();
        let this = &*self;
        let done = this
            .session
            .run(|client| this.transaction(client, settings, events, before, &after))?;
        match done {
            Ok(()) => {
                self.position = after;
                Ok(sent(events.len()))
            }
            // What comes before the event is stored, so that it is refused alone.
            Err(state_index) => {
                let mut sent = self.send(settings, &events[..state_index], before)?;
                sent.refused = Some(NO_ROW.to_owned());
                Ok(sent)
            }
        }
    }

    /// `Err` within: nothing is stored, because the event of this index builds upon a row that is not there.
    async fn transaction(
        &self,
        client: &Client,
        settings: &Settings,
        events: &[Event],
        before: &str,
        after: &str,
    ) -> SinkResult<Result<(), usize>> {
        let first = self.begin(client, settings, before, after);
        let plan;
        let rows;
        let steps = match &self.writer {
            Writer::State(state) => {
                let planned = state.plan(client, events, first).await?;
                plan = match planned {
                    Some(Ok(plan)) => plan,
                    None => return self.elsewhere(client, settings, after).await.map(Ok),
                    Some(Err(no_row)) => {
                        roll_back(client).await?;
                        return Ok(Err(no_row.0));
                    }
                };
                state.steps(client, &plan)
            }
            Writer::Events(history) => {
                if !first.await? {
                    return self.elsewhere(client, settings, after).await.map(Ok);
                }
                rows = Rows::of(events);
                history.steps(client, &rows)
            }
        };
        self.commit(client, steps).await.map(Ok)
    }

    /// Begins a transaction by moving the position. `false`: it is not there.
    async fn begin(
        &self,
        client: &Client,
        settings: &Settings,
        before: &str,
        after: &str,
    ) -> SinkResult<bool> {
        let table = settings.names.table.plain();
        let (source, sink) = (&self.who.source, &self.who.sink);
        let begin = client.batch_execute("BEGIN");
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&table, source, sink, &before, &after];
        let moved = client.execute(&self.advance, &parameters);
        let ((), moved) = try_join(begin, moved).await.map_err(sending)?;
        Ok(moved == 1)
    }

    async fn elsewhere(
        &self,
        client: &Client,
        settings: &Settings,
        wanted: &str,
    ) -> SinkResult<()> {
        roll_back(client).await?;
        position::explain(client, &settings.names, &self.who, wanted).await
    }

    /// The statements, the notification, and the end of the transaction, in one go.
    async fn commit<'a>(&'a self, client: &'a Client, mut steps: Vec<Step<'a>>) -> SinkResult<()> {
        let sink = &self.who.sink;
        steps.push(step(client, &self.notify, vec![sink]));
        steps.push(Box::pin(async move {
            client.batch_execute("COMMIT").await.map_err(sending)
        }));
        pipeline(steps).await
    }
}

fn sent(accepted: usize) -> Sent {
    Sent {
        accepted,
        refused: None,
    }
}

async fn roll_back(client: &Client) -> SinkResult<()> {
    client.batch_execute("ROLLBACK").await.map_err(sending)
}
