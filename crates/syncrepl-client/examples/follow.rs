//! Follow a directory until Ctrl-C, over restarts of the server and of the network.
//!
//! ```text
//! cargo run --example follow -- state.db 'ldap://localhost/dc=example,dc=com??sub'
//! ```

use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use syncrepl_client::{Backoff, LoggingCallback, Result, StopHandle, Syncrepl};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: follow DATA-FILE LDAP-URL".into());
    };

    // Made before anything else, so that a Ctrl-C while connecting is heard too. The signals go
    // to a thread: a signal handler itself may not take locks.
    let stop = StopHandle::new();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let asked = stop.clone();
    std::thread::spawn(move || {
        // The first lets a refresh end, the second abandons it.
        for _ in signals.forever() {
            asked.please_stop();
        }
    });

    // `open` does not connect: the loop below tries until a server answers.
    let mut client = Syncrepl::builder(file, LoggingCallback::stdout())
        .ldap_url(url)
        .stop_handle(stop.clone())
        .open()?;
    let mut backoff = Backoff::default();
    loop {
        let mut up_since = None;
        let error = match follow(&mut client, &mut up_since) {
            Ok(()) => break,
            Err(_) if stop.is_requested() => break,
            // Whatever was not committed comes again, so going on loses nothing.
            Err(error) if error.is_retryable() => error,
            Err(error) => return Err(error.into()),
        };
        // All was well for a good minute: this is another failure, not the same one.
        if up_since.is_some_and(|since: Instant| since.elapsed().as_secs() >= 60) {
            backoff.reset();
        }
        let wait = backoff.next_wait();
        eprintln!("{error}; again in {wait:?}");
        // Not a sleep: a stop request ends it.
        if stop.wait(wait) {
            break;
        }
    }
    client.unbind()?;
    Ok(())
}

fn follow(client: &mut Syncrepl<LoggingCallback>, up_since: &mut Option<Instant>) -> Result<()> {
    client.reconnect()?;
    while client.poll(Duration::from_secs(60))? {
        if client.in_persist_stage() {
            up_since.get_or_insert_with(Instant::now);
        }
    }
    Ok(())
}
