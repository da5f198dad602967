//! A server that plays streams: it hears nothing of what it is asked, but for a Cancel. On connections
//! for which it has nothing to play it answers every search with success and no entry.

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

/// What is played on one connection.
#[derive(Debug, Clone, Default)]
pub struct Play {
    /// Sent at once.
    pub stream: Vec<u8>,
    /// Sent when a Cancel is heard, or after a while.
    pub after_cancel: Option<Vec<u8>>,
    /// For how long a Cancel is waited for.
    pub patience: Duration,
}

/// Listens on a Unix socket until the process ends.
pub struct Replay {
    url: String,
    next: Arc<Mutex<Next>>,
}

/// What is still to be played, and how much of the same lot has been.
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
                    // The consumer may have gone already, which is its right.
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

    /// What the next connections hear, in this order; what was left of earlier ones is forgotten.
    pub fn play(&self, plays: Vec<Play>) -> Playing {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Next {
            plays: plays.into(),
            ended: Arc::default(),
        };
        Playing(Arc::clone(&next.ended))
    }
}

/// What a provider says who knows nothing of what it is asked for.
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
    // Closed with something unread, the socket would throw away what was sent.
    std::io::copy(&mut client, &mut std::io::sink())?;
    Ok(())
}
