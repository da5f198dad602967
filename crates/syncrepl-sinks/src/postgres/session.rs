//! One connection. It blocks: the asynchronous client runs on a runtime of one thread that lives in here.

use std::future::Future;
use std::time::Duration;

use syncrepl_relay::{SinkError, SinkResult};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error;
use super::options::Settings;

/// A connection to the server. After any error it is dropped: no doubt about an answer stays.
pub(super) struct Session {
    // Dropped before the runtime on which its connection runs.
    pub(super) client: Client,
    runtime: Runtime,
    timeout: Duration,
}

impl Session {
    /// Connects.
    pub(super) fn connect(settings: &Settings) -> SinkResult<Session> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| SinkError::passing("system", format!("no runtime: {error}")))?;
        let client = in_time(&runtime, settings.timeout, connect(settings))?;
        let session = Session {
            client,
            runtime,
            timeout: settings.timeout,
        };
        let settings = session_settings(settings.timeout);
        session.run(async |client| {
            let set = client.batch_execute(&settings).await;
            set.map_err(error::opening)
        })?;
        Ok(session)
    }

    /// Does something with the server, and waits for it. The server ends a statement after `timeout` itself;
    /// a server that says nothing any more is given up a little later.
    pub(super) fn run<'a, T, F>(&'a self, work: impl FnOnce(&'a Client) -> F) -> SinkResult<T>
    where
        F: Future<Output = SinkResult<T>>,
    {
        self.run_for(self.timeout, work)
    }

    /// The same with another limit.
    pub(super) fn run_for<'a, T, F>(
        &'a self,
        limit: Duration,
        work: impl FnOnce(&'a Client) -> F,
    ) -> SinkResult<T>
    where
        F: Future<Output = SinkResult<T>>,
    {
        let limit = limit + Duration::from_secs(5);
        in_time(&self.runtime, limit, work(&self.client))
    }
}

fn in_time<T>(
    runtime: &Runtime,
    limit: Duration,
    work: impl Future<Output = SinkResult<T>>,
) -> SinkResult<T> {
    let timed = runtime.block_on(async { tokio::time::timeout(limit, work).await });
    timed.unwrap_or_else(|_| {
        let seconds = limit.as_secs();
        let message = format!("the server did not answer within {seconds} s");
        Err(SinkError::passing("timeout", message))
    })
}

async fn connect(settings: &Settings) -> SinkResult<Client> {
    let mut server = settings.server.clone();
    if let Some(password) = &settings.password {
        server.password(password.read()?);
    }
    // The connection is polled whenever the runtime runs; its errors arrive at the client.
    match &settings.tls {
        None => {
            server.ssl_mode(SslMode::Disable);
            let (client, connection) = server.connect(NoTls).await.map_err(error::opening)?;
            tokio::spawn(connection);
            Ok(client)
        }
        Some(files) => {
            server.ssl_mode(SslMode::Require);
            let tls = MakeRustlsConnect::new(files.config()?);
            let (client, connection) = server.connect(tls).await.map_err(error::opening)?;
            tokio::spawn(connection);
            Ok(client)
        }
    }
}

/// The server gives up on us when we are gone: a transaction that nobody ends would hold the row of our position.
fn session_settings(timeout: Duration) -> String {
    let (ms, s) = (timeout.as_millis(), timeout.as_secs());
    let (idle, interval) = ((s / 2).max(1), (s / 6).max(1));
    format!(
        "SET statement_timeout = {ms}; SET lock_timeout = {ms}; \
         SET idle_in_transaction_session_timeout = {ms}; SET tcp_user_timeout = {ms}; \
         SET tcp_keepalives_idle = {idle}; SET tcp_keepalives_interval = {interval}; \
         SET tcp_keepalives_count = 3; SET client_min_messages = error"
    )
}
