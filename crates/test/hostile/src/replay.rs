//! A server that plays streams. It sends each part of a stream when the consumer has sent the request
//! that the part belongs to. On connections for which it has nothing to play it answers every search with
//! success and no entry.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{LdapResult, Message, Operation};

/// What the server sends on one connection, in this order.
#[derive(Debug, Clone, Default)]
pub struct Play {
    /// Each is sent once its request was heard.
    pub parts: Vec<Part>,
}

/// Bytes that answer a request, and whatever follows until the next one.
#[derive(Debug, Clone)]
pub struct Part {
    /// The message ID of the request. Sent at once if it is 0.
    pub request: u32,
    /// How long the server waits for the request. It sends the bytes then all the same.
    pub patience: Duration,
    /// Sent as they are: they need not be LDAP messages.
    pub bytes: Vec<u8>,
}

impl Play {
    /// A server that sends everything without waiting for a request.
    pub fn at_once(bytes: Vec<u8>) -> Play {
        let part = Part {
            request: 0,
            patience: Duration::ZERO,
            bytes,
        };
        Play { parts: vec![part] }
    }
}

/// Listens on a Unix socket until the process ends.
pub struct Replay {
    url: String,
    next: Arc<Mutex<Next>>,
}

/// The plays that are left of a lot, and the numbers of those that ended.
#[derive(Default)]
struct Next {
    plays: VecDeque<Play>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    ended: AtomicUsize,
    whole: AtomicUsize,
}

/// A lot of connections that are or will be played.
pub struct Playing(Arc<Counts>);

impl Playing {
    /// How many of them were played, to their end or until the consumer left.
    pub fn ended(&self) -> usize {
        self.0.ended.load(Ordering::SeqCst)
    }

    /// How many of them were played to their end, each part after its request.
    pub fn whole(&self) -> usize {
        self.0.whole.load(Ordering::SeqCst)
    }
}

impl Replay {
    /// Listens at `path`.
    ///
    /// # Panics
    /// When it cannot.
    pub fn listen(path: &Path) -> Replay {
        let listener = UnixListener::bind(path).expect("a socket");
        let next: Arc<Mutex<Next>> = Arc::default();
        let replay = Replay {
            url: format!("ldapi://{}", path.display().to_string().replace('/', "%2F")),
            next: Arc::clone(&next),
        };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(play) = next.plays.pop_front() else {
                    std::thread::spawn(move || answer(client));
                    continue;
                };
                let counts = Arc::clone(&next.counts);
                std::thread::spawn(move || {
                    // The consumer is free to close the connection early: that is an error.
                    let whole = perform(client, &play).is_ok_and(|whole| whole);
                    counts.whole.fetch_add(whole.into(), Ordering::SeqCst);
                    counts.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        replay
    }

    /// `ldapi://…`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Plays these on the next connections, in this order. Plays left of an earlier lot are dropped.
    pub fn play(&self, plays: Vec<Play>) -> Playing {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Next {
            plays: plays.into(),
            counts: Arc::default(),
        };
        Playing(Arc::clone(&next.counts))
    }
}

/// Answers as a provider that has no entries.
fn answer(mut client: UnixStream) -> std::io::Result<()> {
    let mut frames = Frames::default();
    loop {
        while let Ok(Some(bytes)) = frames.poll_message() {
            let Ok(request) = Message::decode(bytes) else {
                return Ok(());
            };
            let result = LdapResult::new(0);
            let answer = match request.op {
                Operation::BindRequest(_) => Operation::BindResponse(result, None),
                Operation::SearchRequest(_) => Operation::SearchResultDone(result),
                Operation::ExtendedRequest { .. } => Operation::ExtendedResponse {
                    result,
                    name: None,
                    value: None,
                },
                _ => continue,
            };
            client.write_all(&Message::encode(request.id, &answer, &[]))?;
        }
        match client.read(frames.space())? {
            0 => return Ok(()),
            count => frames.filled(count),
        }
    }
}

/// Plays it. Returns whether all requests came.
fn perform(mut client: UnixStream, play: &Play) -> std::io::Result<bool> {
    let (mut heard, mut whole) = (Heard::default(), true);
    for part in &play.parts {
        let deadline = Instant::now() + part.patience;
        whole &= heard.wait_for(part.request, &mut client, deadline)?;
        client.write_all(&part.bytes)?;
    }
    client.shutdown(Shutdown::Write)?;
    client.set_read_timeout(None)?;
    // A socket that is closed with bytes unread throws away the bytes that it has still to send.
    std::io::copy(&mut client, &mut std::io::sink())?;
    Ok(whole)
}

/// The requests of a consumer.
#[derive(Default)]
struct Heard {
    frames: Frames,
    /// The highest message ID.
    last: u32,
}

impl Heard {
    /// Reads until the consumer has sent this request or a later one, or until the deadline. Returns
    /// whether the request came.
    fn wait_for(
        &mut self,
        request: u32,
        client: &mut UnixStream,
        deadline: Instant,
    ) -> std::io::Result<bool> {
        while self.last < request {
            if let Some(bytes) = self.frames.poll_message().map_err(Error::other)? {
                let message = Message::decode(bytes).map_err(Error::other)?;
                self.last = self.last.max(message.id);
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            client.set_read_timeout(Some(left))?;
            match client.read(self.frames.space()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.frames.filled(count),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
