//! One connection to the servers, and the thread that keeps it alive. It is never mended: once it is lost, or an
//! answer is missing, it is given up.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, RequestErrorKind, ServerAddr, Subscriber};
use syncrepl_relay::{SinkError, SinkResult};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::settings::{Login, Settings};
use super::trouble;
use crate::secret::Secret;

/// How long a server may take to connect, and for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) struct Link {
    /// What is said on it.
    pub(super) client: Client,
    /// The answers to what was published: their subject is the inbox, a dot, and a number.
    pub(super) answers: Subscriber,
    /// What the subjects of answers begin with.
    pub(super) inbox: String,
    news: Arc<News>,
    engine: Engine,
}

impl Link {
    /// Connects to one of the servers.
    pub(super) fn open(settings: &Settings) -> SinkResult<Link> {
        let engine = Engine::start()?;
        let news = Arc::new(News::default());
        let options = options(settings, &news)?;
        let servers = settings.servers.iter();
        let servers = servers
            .map(|server| format!("nats://{server}").parse())
            .collect::<Result<Vec<ServerAddr>, _>>()
            .map_err(|error| SinkError::manual("network", trouble::short(&error.to_string())))?;
        let most = PATIENCE * u32::try_from(servers.len()).unwrap_or(1) * 2;
        // It runs on the engine's thread, where nothing is logged: the library traces what it sends.
        let connecting = async move { timeout(most, options.connect(servers)).await };
        let connecting = engine.handle.spawn(connecting);
        let client = match engine.handle.block_on(connecting) {
            Ok(Ok(Ok(client))) => client,
            Ok(Ok(Err(error))) => return Err(trouble::of_connect(&error, settings)),
            _ => {
                let servers = settings.servers.join(", ");
                return Err(SinkError::passing(
                    "timeout",
                    format!("{servers}: no answer"),
                ));
            }
        };
        news.up.store(true, Ordering::Relaxed);
        let inbox = client.new_inbox();
        let subscribing = client.subscribe(format!("{inbox}.*"));
        let answers = engine
            .handle
            .block_on(subscribing)
            .map_err(|error| SinkError::passing("network", error.to_string()))?;
        Ok(Link {
            client,
            answers,
            inbox,
            news,
            engine,
        })
    }

    /// Why the connection is of no use any more.
    pub(super) fn lost(&self, settings: &Settings) -> Option<SinkError> {
        self.news.error(settings)
    }

    /// Waits for something, but no longer than the connection is of use.
    pub(super) fn run<T>(
        &self,
        settings: &Settings,
        work: impl Future<Output = SinkResult<T>>,
    ) -> SinkResult<T> {
        run(&self.engine, &self.news, settings, work)
    }

    /// As [`Link::run`], for work that reads the answers.
    pub(super) fn run_with_answers<T>(
        &mut self,
        settings: &Settings,
        work: impl AsyncFnOnce(&Client, &mut Subscriber) -> SinkResult<T>,
    ) -> SinkResult<T> {
        let work = work(&self.client, &mut self.answers);
        run(&self.engine, &self.news, settings, work)
    }
}

fn run<T>(
    engine: &Engine,
    news: &News,
    settings: &Settings,
    work: impl Future<Output = SinkResult<T>>,
) -> SinkResult<T> {
    engine.handle.block_on(async {
        tokio::select! {
            biased;
            done = work => done,
            error = news.wait(settings) => Err(error),
        }
    })
}

/// Asks a question, and gives the answer's bytes.
pub(super) async fn ask(client: &Client, subject: String, question: String) -> SinkResult<Vec<u8>> {
    match timeout(PATIENCE, client.request(subject, question.into())).await {
        Ok(Ok(answer)) => Ok(answer.payload.into()),
        Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
            Err(nobody(client.server_info().jetstream))
        }
        Ok(Err(error)) => Err(SinkError::passing(
            "network",
            trouble::short(&error.to_string()),
        )),
        Err(_) => Err(SinkError::passing("timeout", "JetStream did not answer")),
    }
}

/// Nobody listens to a question.
fn nobody(jetstream: bool) -> SinkError {
    match jetstream {
        true => SinkError::passing("server", "nobody answers for JetStream"),
        false => SinkError::manual("no_jetstream", "the servers run without JetStream")
            .with_hint("start nats-server with -js, or write jetstream { } into its configuration"),
    }
}

fn options(settings: &Settings, news: &Arc<News>) -> SinkResult<ConnectOptions> {
    let (hears, waits) = (Arc::clone(news), Arc::clone(news));
    let mut options = ConnectOptions::new()
        .name(format!("syncrepl {}", settings.sink))
        .connection_timeout(PATIENCE)
        .client_capacity(4096)
        .ping_interval(Duration::from_secs(20))
        // A server could name others that are reached without TLS.
        .ignore_discovered_servers()
        .require_tls(settings.tls)
        .event_callback(move |event| {
            hears.hear(event);
            std::future::ready(())
        })
        // A connection that was lost does not come back with half of what was published.
        .reconnect_delay_callback(move |attempt| match waits.up.load(Ordering::Relaxed) {
            true => Duration::from_secs(24 * 3600),
            false => Duration::from_millis(if attempt > 1 { 10 } else { 0 }),
        });
    match settings.files.config() {
        Ok(config) => options = options.tls_client_config(config),
        Err(error) if settings.tls => return Err(error),
        // A machine that trusts nobody may still talk to itself.
        Err(_) => {}
    }
    log_in(options, &settings.login)
}

fn log_in(options: ConnectOptions, login: &Login) -> SinkResult<ConnectOptions> {
    Ok(match login {
        Login::Nothing => options,
        Login::Password(user, file) => options.user_and_password(user.clone(), text(file)?),
        Login::Token(file) => options.token(text(file)?),
        Login::Key(file) => options.nkey(text(file)?.trim().to_owned()),
        Login::Credentials(file) => options.credentials(&text(file)?).map_err(|_| {
            let shown = file.path().display();
            SinkError::manual("login", format!("{shown} holds no credentials of NATS"))
                .with_hint("write what `nsc generate creds` prints into it")
        })?,
    })
}

fn text(file: &Secret) -> SinkResult<String> {
    String::from_utf8(file.read()?).map_err(|_| {
        let shown = file.path().display();
        SinkError::manual("secret", format!("{shown} is no text"))
            .with_hint("write the secret into it")
    })
}

/// What becomes known of a connection while it is used.
#[derive(Default)]
struct News {
    /// The connection came about.
    up: AtomicBool,
    gone: AtomicBool,
    complaint: Mutex<Option<String>>,
    heard: Notify,
}

impl News {
    fn hear(&self, event: Event) {
        match event {
            Event::Disconnected | Event::Closed | Event::SlowConsumer(_) => {
                self.gone.store(true, Ordering::Relaxed);
            }
            Event::ServerError(error) => {
                let mut complaint = self
                    .complaint
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                complaint.get_or_insert(error.to_string());
            }
            _ => return,
        }
        // It is remembered until somebody waits.
        self.heard.notify_one();
    }

    fn error(&self, settings: &Settings) -> Option<SinkError> {
        let complaint = self
            .complaint
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = &*complaint {
            return Some(trouble::of_complaint(text, settings));
        }
        let gone = self.gone.load(Ordering::Relaxed);
        gone.then(|| SinkError::passing("network", "the connection was lost"))
    }

    async fn wait(&self, settings: &Settings) -> SinkError {
        loop {
            if let Some(error) = self.error(settings) {
                return error;
            }
            self.heard.notified().await;
        }
    }
}

/// The thread of a runtime. The servers ask from time to time whether we are there, also while nothing is sent.
struct Engine {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    fn start() -> SinkResult<Engine> {
        let failed = |error: std::io::Error| SinkError::passing("system", error.to_string());
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let silent = tracing::subscriber::NoSubscriber::default();
            tracing::subscriber::with_default(silent, || {
                let _ = runtime.block_on(stopped);
                // Not even a name that is being looked up is waited for.
                runtime.shutdown_background();
            });
        };
        let thread = std::thread::Builder::new()
            .name("nats".to_owned())
            .spawn(run)
            .map_err(failed)?;
        Ok(Engine {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
