//! A server that plays streams. It reads no request but a Cancel. On connections for which it has
//! nothing to play it answers every search with success and no entry.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use syncrepl_proto::frame::Frames;
use syncrepl_proto::message::{LdapResult, Message, Operation};

/// The bytes that the server sends on one connection.
#[derive(Debug, Clone, Default)]
pub struct Play {
    /// Sent at once.
    pub stream: Vec<u8>,
    /// Sent when a Cancel is heard, or after a while.
    pub after_cancel: Option<Vec<u8>>,
    /// How long the server waits for a Cancel.
    pub patience: Duration,
}

/// Listens on a Unix socket until the process ends.
pub struct Replay {
    url: String,
    next: Arc<Mutex<Next>>,
}

/// The plays that are left of a lot, and the number of those that ended.
#[derive(Default)]
struct Next {
    plays: VecDeque<Play>,
    ended: Arc<AtomicUsize>,
}

/// A lot of connections that are or will be played.
pub struct Playing(Arc<AtomicUsize>);

impl Playing {
    /// How many of them were played to their end.
    pub fn ended(&self) -> usize {
        self.0.load(Ordering::SeqCst)
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
                let ended = Arc::clone(&next.ended);
                std::thread::spawn(move || {
                    // The consumer is free to close the connection early.
                    let _ = perform(client, &play);
                    ended.fetch_add(1, Ordering::SeqCst);
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
            ended: Arc::default(),
        };
        Playing(Arc::clone(&next.ended))
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

fn perform(mut client: UnixStream, play: &Play) -> std::io::Result<()> {
    client.write_all(&play.stream)?;
    if let Some(rest) = &play.after_cancel {
        client.set_read_timeout(Some(Duration::from_millis(20)))?;
        let (mut heard, deadline) = (Vec::<u8>::new(), Instant::now() + play.patience);
        let mut buffer = [0; 1024];
        while Instant::now() < deadline && !heard.windows(11).any(|bytes| bytes == b"1.3.6.1.1.8") {
            match client.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => heard.extend(&buffer[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
        client.set_read_timeout(None)?;
        client.write_all(rest)?;
    }
    client.shutdown(Shutdown::Write)?;
    // A socket that is closed with bytes unread throws away the bytes that it has still to send.
    std::io::copy(&mut client, &mut std::io::sink())?;
    Ok(())
}
